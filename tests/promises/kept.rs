//! What is kept: nothing goes without a word, and what is bad is said to be bad.
