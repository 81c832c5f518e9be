//! What is remembered of those who lied.
