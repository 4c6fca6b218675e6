//! `mingzhang init`: a new ledger with keys, genesis, first organisations, rules, areas, a seal and the
//! first checkpoint.
//!
//! Always: everything that was given is read and checked before anything is made, and the ledger is in its
//! place whole or not at all (`making`). The vouchers go the same way as all others. Equal input gives equal
//! bytes on a synthetic ledger.

use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use ledger::ids::Date;
use ledger::reject::Reject;
use ledger::rules::first;
use ledger::words::Role;
use record::china_date;
use serde_json::json;
use sim::DEFAULT_SEED;

use super::failure::Failure;
use super::making::Making;
use super::output::Output;
use super::runtime;
use crate::keys::Keys;
use crate::node::{self, Answer, Config, NewLedger, Node, Post, Signed};

/// Make a new ledger: keys, genesis, first organisations and roles, rules, areas, a checkpoint
#[derive(Debug, Parser)]
#[command(
    after_help = "Example: mingzhang init --data /srv/ledger --origin ledger.example/guangdong --synthetic"
)]
pub(super) struct Args {
    /// Data directory to make
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Name of the ledger: it stands in every checkpoint and cannot be changed
    #[arg(long, value_name = "NAME")]
    origin: String,
    /// A ledger of synthetic data, whose keys are public and whose time comes from its vouchers
    #[arg(long)]
    synthetic: bool,
    /// Seed of a synthetic ledger
    #[arg(long, requires = "synthetic", value_name = "N")]
    seed: Option<u64>,
    /// Store of the log
    #[arg(long, value_enum, default_value = "segments")]
    journal: JournalKind,
    /// First officials of an ordinary ledger, instead of the examples
    #[arg(long, value_name = "FILE")]
    officials: Option<PathBuf>,
}

/// Store of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum JournalKind {
    /// Segment files.
    Segments,
}

/// A ledger that was made.
pub(super) struct Made {
    pub(super) vkey: String,
    pub(super) seed: Option<u64>,
    pub(super) checkpoint: Signed,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    let JournalKind::Segments = args.journal;
    let seed = args.synthetic.then(|| args.seed.unwrap_or(DEFAULT_SEED));
    let made = make(&args.data, &args.origin, seed, args.officials.as_deref(), out)?;
    let position = made.checkpoint.size.checked_sub(1);
    out.document(&json!({
        "what": "init",
        "origin": args.origin,
        "data": args.data.display().to_string(),
        "vkey": made.vkey,
        "synthetic": args.synthetic,
        "seed": made.seed,
        "position": position,
        "checkpoint": made.checkpoint.note,
    }));
    out.line(format!("{}: ledger {}", args.data.display(), args.origin));
    out.line(format!("  public key  {}", made.vkey));
    out.line(format!("  records     {}", made.checkpoint.size));
    if args.synthetic {
        out.line("  synthetic: its keys follow from the seed, so its signatures prove nothing");
    } else {
        out.line("  keep a copy of `keys/` in another place: `backup` leaves it out");
    }
    out.line(format!("next: mingzhang serve --data {}", args.data.display()));
    Ok(0)
}

/// Makes a ledger.
pub(super) fn make(
    data: &Path,
    origin: &str,
    seed: Option<u64>,
    officials: Option<&Path>,
    out: &mut Output,
) -> Result<Made, Failure> {
    Keys::synthetic(0, origin).map_err(|error| {
        Failure::usage(format!("--origin: {error}"))
            .with_hint("an origin is a name without spaces, as ledger.example/guangdong")
    })?;
    let text;
    let first = match officials {
        None => First { by: ("p.po44", "a.po44"), grants: first::GRANTS.to_vec() },
        Some(path) => {
            text = read_officials(path)?;
            officials_of(path, &text)?
        }
    };
    let making = Making::begin(data)?;
    let failed = |error: node::Error| Failure::ledger(data, &error);
    let config = Config::at(making.path());
    let new = NewLedger { origin: origin.to_owned(), seed };
    let node = node::create(&config, &new).map_err(failed)?;
    let done = runtime()?.block_on(first_vouchers(&node, &first));
    let vkey = node.handle().genesis().vkeys.first().cloned().unwrap_or_default();
    // The node ends in any case; what failed first is what is told.
    let stopped = node.stop().map_err(failed);
    let checkpoint = done?;
    stopped?;
    making.finish()?;
    out.wipe();
    Ok(Made { vkey, seed, checkpoint })
}

async fn first_vouchers(node: &Node, first: &First<'_>) -> Result<Signed, Failure> {
    let handle = node.handle();
    let date = Date(china_date(handle.applied().time_ms()));
    for voucher in first::vouchers(date, first.by, &first.grants) {
        let key = format!("{}/{}", voucher.organisation(), voucher.voucher_no());
        let post = Post {
            voucher,
            validate_only: false,
            origin: String::new(),
            identity: None,
            key_hash: None,
        };
        match handle.post(post).await {
            Answer::Posted { .. } => {}
            Answer::Refused(reject) => return Err(refused(&key, &reject)),
            Answer::Preview { .. } => {
                return Err(Failure::unfinished(format!("{key} was only tried")));
            }
        }
    }
    Ok(handle.seal().await?)
}

fn refused(key: &str, reject: &Reject) -> Failure {
    match reject.refusals.first() {
        Some(first) => {
            let failure = Failure::from(first.reason.clone());
            let message = format!("{key}, {}: {}", first.place(), failure.message);
            Failure { message, ..failure }
        }
        None => Failure::unfinished(format!("{key} was refused")),
    }
}

/// The first officials.
struct First<'a> {
    /// Who prepares the first vouchers, and who approves them.
    by: (&'a str, &'a str),
    grants: Vec<first::FirstGrant<'a>>,
}

const COLUMNS: &str = "columns are official, organisation (PO44, FB44 or OP44), role";

fn read_officials(path: &Path) -> Result<String, Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
    let text = String::from_utf8(bytes);
    text.map_err(|_| {
        Failure::usage(format!("{}: no UTF-8 text", path.display())).with_hint(COLUMNS)
    })
}

/// Reads the first officials: CSV with the columns `official`, `organisation`, `role`; the first
/// registrar and the first registrar's approver of PO44 prepare and approve.
fn officials_of<'a>(path: &Path, text: &'a str) -> Result<First<'a>, Failure> {
    let bad = |line: usize, what: &str| {
        Failure::usage(format!("{}:{line}: {what}", path.display())).with_hint(COLUMNS)
    };
    let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate();
    if lines.next().map(|(_, head)| head.trim_end()) != Some("official,organisation,role") {
        return Err(bad(1, "the first row is not official,organisation,role"));
    }
    let mut grants = Vec::new();
    for (at, row) in lines.filter(|(_, row)| !row.trim().is_empty()) {
        let line = at.saturating_add(1);
        let mut cells = row.trim_end().split(',');
        let (Some(official), Some(organisation), Some(role), None) =
            (cells.next(), cells.next(), cells.next(), cells.next())
        else {
            return Err(bad(line, "three cells expected"));
        };
        if ledger::ids::official(official).is_none() {
            return Err(bad(line, "the first cell is no name of an official, as p.po44"));
        }
        if !["PO44", "FB44", "OP44"].contains(&organisation) {
            return Err(bad(line, "the second cell is none of PO44, FB44, OP44"));
        }
        let role = Role::parse(role).ok_or_else(|| bad(line, "no such role"))?;
        grants.push(first::FirstGrant { official, organisation, role });
    }
    let holder = |role| {
        grants.iter().find(|g| g.organisation == "PO44" && g.role == role).map(|g| g.official)
    };
    let by = holder(Role::Registrar).zip(holder(Role::RegistrarApprover));
    let by = by.ok_or_else(|| bad(1, "PO44 needs a registrar and a registrar_approver"))?;
    Ok(First { by, grants })
}
