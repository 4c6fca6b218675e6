//! Checks a ledger offline: what an inspector reads in an afternoon before trusting it.
//!
//! Reading order: `segments` (which bytes are whole blocks), `records` (each record by itself, then
//! all in order), `books` (no sum is broken, no account on the wrong side of zero), `checkpoints` (what was signed or published), `report` (what is said about it all).
//!
//! Lives elsewhere: the layout of bytes (`record`), the public formats (`tlog`), both small. Not here
//! and not needed: protobuf, the rules of who may pay what, the network, a running server.
//!
//! Always: takes no lock, writes nothing, trusts no header and no key but the one that was brought.
//! Any bytes lead to a report, never to a panic. Memory is bounded by a few blocks, the number of
//! accounts and that of published checkpoints.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "offsets in files that exist, positions counted one by one, and i128 sums of i64 legs: \
              none can leave its type; balances are checked in `books`"
)]

mod segments;

mod records;

mod books;

mod checkpoints;
mod report;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use record::{Hex, system};
use tlog::Vkey;

pub use report::{Check, Failure, Problem, Report, Tail};

use crate::books::sums;
use crate::checkpoints::{Claim, Found};
use crate::records::Walk;
use crate::report::{NO_LEDGER, NOT_FINISHED, Outcome, Stop};
use crate::segments::Blocks;

/// What is to be checked, and against what.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A data directory: the folder that holds `segments`.
    pub path: PathBuf,
    /// Keys that the caller trusts, all of one log. None: signatures are not checked.
    pub vkeys: Vec<Vkey>,
    /// A checkpoint that these records must lead to, signed by the keys if there are any.
    pub checkpoint: Option<PathBuf>,
    /// An older checkpoint, of which this log must be the continuation.
    pub against: Option<PathBuf>,
    /// Bytes behind the last block are a failure, not a note.
    pub strict: bool,
    /// Threads that hash; one for each core if not given.
    pub threads: Option<NonZeroUsize>,
    /// Is told from time to time how many records were walked.
    pub progress: Option<fn(u64)>,
}

/// Checks a ledger and says what was found. Never panics, whatever the files hold.
pub fn verify(options: &Options) -> Report {
    let mut report = Report::default();
    match run(options, &mut report) {
        Ok(()) => (),
        Err(Stop::Failure(failure)) => report.failure = Some(*failure),
        Err(Stop::Problem(problem)) => report.problem = Some(*problem),
    }
    report
}

/// Fills in the report. An error is one that leaves nothing to report.
fn run(options: &Options, report: &mut Report) -> Result<(), Stop> {
    // Before the log: what is published later may speak of records that we do not look at.
    let marker = read_marker(&options.path)?;
    let (claims, strays) = checkpoints::read(options)?;
    report.strays = strays;
    let mut blocks = match Blocks::open(&options.path) {
        // Nothing to read where something was published: the segments are gone.
        Err(Stop::Problem(none)) if none.code == NO_LEDGER => {
            return Err(checkpoints::lost(&claims).unwrap_or(Stop::Problem(none)));
        }
        opened => opened?,
    };
    let segments = blocks.names().len();
    let threads = options.threads.or_else(|| available_parallelism().ok());
    let threads = threads.map_or(1, NonZeroUsize::get);
    let places = || claims.iter().filter_map(Claim::place);
    let key_origin = options.vkeys.first().map(Vkey::name);
    let mut stops = places().map(|(_, size)| size).collect::<Vec<_>>();
    stops.sort_unstable_by(|a, b| b.cmp(a));
    let mut walk = Walk {
        origin: key_origin.or_else(|| places().next_back().map(|(origin, _)| origin)),
        log_id: blocks.log_id,
        stops,
        ..Walk::default()
    };
    let walked = walk.walk(&mut blocks, threads, options.progress);
    report.tail = blocks.tail;
    fill(report, &mut walk);
    let failed = match walked {
        Err(problem @ Stop::Problem(_)) => return Err(problem),
        Err(Stop::Failure(failure)) => Some(*failure),
        Ok(()) => None,
    };
    note_walk(report, failed.as_ref(), segments);
    let whole = failed.is_none();
    report.failure = failed;

    report.note("tail", check_tail(report, options.strict));
    report.note("clean", check_clean(report, marker, options, whole));
    let origin = walk.genesis.as_ref().map(|genesis| genesis.origin.as_str());
    let found = Found { origin, records: report.records, roots: &walk.roots, whole };
    for check in ["published", "checkpoint", "against"] {
        match checkpoints::roots(check, &claims, &found) {
            Some(outcome) => report.note(check, outcome),
            None if check == "published" => {
                report.note(check, Ok((None, "no published checkpoint".to_owned())));
            }
            None => (),
        }
    }
    report.note("signature", checkpoints::signatures(&claims, &options.vkeys));
    if report.records == 0 && report.failure.is_none() {
        return Err(Problem::no_ledger(&options.path));
    }
    Ok(())
}

fn fill(report: &mut Report, walk: &mut Walk<'_>) {
    report.records = walk.tree.size();
    report.chain_head = walk.head;
    report.tree_root = walk.tree.root();
    report.times_ms = walk.times_ms;
    report.kinds = std::mem::take(&mut walk.kinds);
    report.classes = walk.books.classes();
    report.books = sums(&report.classes);
    report.accounts = walk.books.digest();
    report.seals = walk.seals;
    if let Some(genesis) = &walk.genesis {
        report.origin = Some(genesis.origin.clone());
        report.synthetic = genesis.synthetic.then_some(genesis.seed);
    }
}

/// Notes what the walk checked all along; after a failure the other checks were not finished.
fn note_walk(report: &mut Report, failed: Option<&Failure>, segments: usize) {
    let unknown = |kind: u16| system::is_system(kind) && !system::is_known(kind);
    let passed_over = report.kinds.iter().filter(|(kind, _)| unknown(**kind)).map(|(_, n)| n).sum();
    let passed_over = match passed_over {
        0_u64 => String::new(),
        n => format!("; {n} of kinds that this version passes over"),
    };
    let (records, accounts, seals) = (report.records, report.accounts.0, report.seals.0);
    let rows = [
        ("framing", format!("{segments} segments, every header says what it frames")),
        ("envelope", format!("{records} records, all canonical{passed_over}")),
        ("chain", "every record continues the one before, no group is torn".to_owned()),
        ("books", format!("every record keeps every sum, {accounts} accounts on their side")),
        ("seals", format!("{seals} state the tree's root and the digest of all balances")),
    ];
    for (name, detail) in rows {
        let (ok, detail) = match failed {
            None if name == "seals" && seals == 0 => (None, "no seal so far".to_owned()),
            None => (Some(true), detail),
            Some(failure) if failure.check == name => (Some(false), failure.what.clone()),
            Some(_) => (None, format!("{NOT_FINISHED}, {records} records hold")),
        };
        report.note(name, Ok((ok, detail)));
    }
}

fn check_tail(report: &Report, strict: bool) -> Outcome {
    let Some(Tail { segment, offset, bytes }) = &report.tail else {
        return Ok((Some(true), "nothing behind the last block".to_owned()));
    };
    let what = format!("{bytes} bytes behind the last block are no evidence");
    if !strict {
        return Ok((Some(true), what));
    }
    Err(Stop::failure("tail", &what, "zeros", format!("{bytes} bytes")).at_offset(segment, *offset))
}

/// Reads the marker of a clean stop, if there is one: two lines, size and head.
fn read_marker(dir: &Path) -> Result<Option<String>, Stop> {
    let path = dir.join("clean");
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::io(&path, &error)),
    }
}

/// Holds the marker of a clean stop against the end that was found.
fn check_clean(report: &Report, marker: Option<String>, options: &Options, whole: bool) -> Outcome {
    let Some(marker) = marker else { return Ok((None, "no marker of a clean stop".to_owned())) };
    if !whole {
        return Ok((None, "the end was not reached".to_owned()));
    }
    let ours = format!("{}\n{}\n", report.records, Hex(&report.chain_head));
    if ours == marker && report.tail.is_none() {
        return Ok((Some(true), "the log ends where its marker says".to_owned()));
    }
    if read_marker(&options.path)?.as_ref() != Some(&marker) {
        return Ok((None, "a server has started since".to_owned()));
    }
    let what = "the log does not end where the marker of a clean stop says";
    let one_line = |text: &str| text.trim_end().replace('\n', ", ");
    let stop = Stop::failure("clean", what, one_line(&marker), one_line(&ours));
    Err(match &report.tail {
        Some(tail) => stop.at_offset(&tail.segment, tail.offset),
        None => stop,
    })
}
