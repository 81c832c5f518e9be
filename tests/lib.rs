//! The acceptance tests live in `acceptance.rs` and `vectors.rs`.
