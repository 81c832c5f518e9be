//! What was recorded: who gave and took what, whatever ended it.
