//! Trying a file of rules on a data directory, without a server.
//!
//! Lives here: whether a file holds rules alone; the decision on a state that was replayed.
//! Lives elsewhere: trying it on a server (`post`), the decision itself (`ledger::decide`).
//!
//! Always: nothing is adopted and nothing is written; each voucher is tried on the ledger as it stands, as a
//! server does: one that builds on another of the same file is tried after that one was applied.

use std::path::Path;

use journal::{Clock as _, Reader as _, SystemClock};
use ledger::decide::{Ask, Outcome, decide};
use ledger::kind::{Group, Kind};
use ledger::kinds::{Past, PastRecord};
use ledger::reject::{Reason, Reject};
use ledger::state::State;
use ledger::voucher::Voucher;
use proto::v1;
use record::Seq;

use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::post;
use crate::cli::source::read_only;
use crate::node::replay::{Parts, Replay};
use crate::node::signature;

/// Refuses a file with a line that is no rule.
pub(super) fn only_rules(path: &Path) -> Result<(), Failure> {
    post::each_entry(path, &mut |entry| {
        let adopts =
            |name: &str| Kind::of_name(name).is_some_and(|kind| kind.group() == Group::Rules);
        let mut lines = entry.outcome.iter().flat_map(Voucher::lines);
        let Some(other) = lines.find(|line| !adopts(line.kind_name())) else { return Ok(()) };
        let at = format!("{}:{}", path.display(), entry.row(other.line_no()));
        let kind = crate::files::shown(other.kind_name());
        Err(Failure::usage(format!("{at}: {kind} adopts no rule"))
            .with_hint("`mingzhang post` posts other vouchers"))
    })
}

/// Tries a file on a directory.
pub(super) fn run(data: &Path, file: &Path, out: &mut Output) -> Result<u8, Failure> {
    let ledger = read_only(data)?;
    let mut replay = Replay::new([0; 32], Parts { state: true, tree: false });
    replay
        .run(&ledger.reader, None, &mut |_| Ok(()), &mut |_| Ok(()), &mut |_| ())
        .map_err(|error| Failure::ledger(data, &error))?;
    let head = ledger.reader.head();
    let mut trial = Trial {
        state: replay.state,
        origin: ledger.genesis.origin.clone(),
        synthetic: ledger.genesis.synthetic,
        seq_next: head.next_seq,
    };
    post::try_file(file, &mut |voucher| trial.judge(voucher), out)
}

/// A ledger on which vouchers are tried.
struct Trial {
    state: State,
    origin: String,
    synthetic: bool,
    seq_next: Seq,
}

/// Rules refer to no record.
struct NoPast;

impl Past for NoPast {
    fn record(&self, _: Seq) -> Option<PastRecord> {
        None
    }

    fn failure(&self) -> Option<Reason> {
        None
    }
}

impl Trial {
    fn judge(&mut self, voucher: &Voucher) -> Result<v1::Preview, Reject> {
        let form = ledger::form::check(voucher)?;
        let digest = ledger::digest::digest(&self.origin, voucher, &form.kinds);
        let ask = Ask {
            voucher,
            form: &form,
            digest: &digest,
            signature: signature(&self.origin, voucher, &digest),
            identity: None,
            now_ms: SystemClock::new().wall_ms(),
            synthetic: self.synthetic,
            seq_next: self.seq_next,
            dry_run: true,
        };
        match decide(&mut self.state, &NoPast, &ask, &mut Vec::new()) {
            Outcome::Refused(reject) => Err(reject),
            Outcome::Posted { .. } | Outcome::Duplicate { .. } => {
                Ok(v1::Preview { content_digest: digest.to_vec(), ..v1::Preview::default() })
            }
        }
    }
}
