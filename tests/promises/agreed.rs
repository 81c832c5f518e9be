//! What was agreed to: to whom, until when, act by act, and nothing before a yes.
