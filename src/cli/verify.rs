//! `mingzhang verify`: the offline check, by the library that `mingzhang-verify` is made of.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Parser;
use tlog::Vkey;

use super::failure::{self, Failure};
use super::output::Output;

/// Check a ledger offline: framing, chain, sums, tree, signatures
///
/// Takes no lock, writes nothing, needs no server and no network.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example: mingzhang verify /srv/ledger --vkey 'ledger.example/gd+33d7b496+AeHT…'\n\n\
    Exit code: 0 holds; 1 the answer is no; 2 wrong usage, unreadable, or of a newer version; 3 could not read."
)]
pub(super) struct Args {
    /// Data directory: the folder that holds `segments`
    path: PathBuf,
    /// Public key of the log, got by another way than PATH
    #[arg(long, value_name = "KEY")]
    vkey: Vec<String>,
    /// A checkpoint that the records must lead to
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// An older checkpoint, which the records must continue
    #[arg(long, value_name = "OLD_CHECKPOINT")]
    against: Option<PathBuf>,
    /// Bytes behind the last block are a failure, not a note
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(args: Args, out: &mut Output) -> Result<u8, Failure> {
    let mut vkeys = Vec::new();
    for text in &args.vkey {
        vkeys.push(Vkey::parse(text).map_err(|e| {
            Failure::usage(format!("--vkey: {e}")).with_hint("a key is NAME+8 hex digits+base64")
        })?);
    }
    if args.path.is_file() {
        return Err(Failure::not_a_directory(&args.path));
    }
    let options = verify::Options {
        path: args.path,
        vkeys,
        checkpoint: args.checkpoint,
        against: args.against,
        strict: args.strict,
        progress: if std::io::stderr().is_terminal() { Some(progress) } else { None },
        ..verify::Options::default()
    };
    let report = verify::verify(&options);
    if let Some(problem) = &report.problem {
        return Err(unread(&options.path, problem));
    }
    if out.is_json() {
        out.both(report.json().trim_end());
    } else {
        out.raw(&report.text(out.colour()));
    }
    Ok(report.exit_code())
}

/// The failure of a ledger that cannot be read.
pub(super) fn unread(path: &Path, problem: &verify::Problem) -> Failure {
    let code = if problem.code.starts_with("MZ-") { problem.code } else { failure::NO_CODE };
    let (path, found) = (path.display().to_string(), &problem.message);
    let message = if found.contains(&path) { found.clone() } else { format!("{path}: {found}") };
    Failure {
        exit: problem.exit,
        code: code.to_owned(),
        message,
        hint: Some(problem.hint.to_owned()),
    }
}

fn progress(records: u64) {
    // A picture for people; nothing depends on it.
    write!(std::io::stderr(), "\r{records} records\r").unwrap_or_default();
}
