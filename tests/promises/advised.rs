//! What an error advises: the right file, folder, command and side, and nothing that destroys.
