//! Makes the artifacts that the benchmarks work on.
