//! Crash tests.

fn main() {}
