//! The `infa` binary.
fn main() {}
