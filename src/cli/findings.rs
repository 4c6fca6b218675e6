//! `mingzhang findings`: cases that inspectors follow up.
//!
//! Lives here: the list of its commands.
//! Lives elsewhere: comparing alerts with labels (`score`).

use clap::{Parser, Subcommand};

use super::failure::Failure;
use super::output::Output;
use super::score;

/// Follow up what the flags found
#[derive(Debug, Parser)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Score(score::Args),
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    match &args.what {
        What::Score(args) => score::run(args, out),
    }
}
