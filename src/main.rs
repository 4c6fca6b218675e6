//! The program `mingzhang`: arguments, a command, an exit code.
//!
//! Lives elsewhere: everything else (`lib.rs`, and the crates it stands on).

use std::process::ExitCode;

fn main() -> ExitCode {
    mingzhang::cli::main(std::env::args_os())
}
