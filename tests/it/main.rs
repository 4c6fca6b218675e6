//! Tests of the whole program over real sockets and files.

fn main() {}
