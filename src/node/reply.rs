//! Answers, and the proof that each of them needs.
//!
//! Lives here: what waits for a block, and the only function that lets an answer go.
//! Lives elsewhere: what is answered (`sequencer`), making a reply from the log (`lookup`).
//!
//! Always: `Applied` is made by the committer alone, after the sync and after the views. Whatever rests on
//! speculative state (a posting, a refusal, a duplicate, a dry run, a look) is answered through
//! [`reply`], so none leaves early.

use ledger::reject::{Reason, Reject, Text};
use record::{Hash, Seq};
use tokio::sync::oneshot;

use super::commit::Applied;
use super::inbox::Charge;

/// What a posting is answered with: facts that the log fixes, the same for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Posting organisation.
    pub organisation: String,
    /// Voucher number.
    pub voucher_no: String,
    /// Position of the header record.
    pub first_seq: Seq,
    /// Position of the last line.
    pub last_seq: Seq,
    /// Server time of the group, Unix milliseconds.
    pub time_ms: u64,
    /// Content digest.
    pub content_digest: Hash,
    /// Chain hash of the last line.
    pub chain_hash: Hash,
}

/// What a dry run found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// Lines in order, with the legs they would make.
    pub lines: Vec<PreviewLine>,
    /// Approval and signature that must still come.
    pub warnings: Vec<Reason>,
    /// Content digest.
    pub content_digest: Hash,
}

/// One line of a dry run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreviewLine {
    /// Number of the line.
    pub line_no: u32,
    /// Number of its kind.
    pub kind: u16,
    /// Legs, sorted by path.
    pub legs: Vec<(String, i64)>,
    /// Soft refusals that `exception_reason` covered.
    pub skipped: Vec<u16>,
}

/// What the sequencer found about a posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Posted.
    Posted(Box<Reply>),
    /// The key was accepted before, with the same content.
    Duplicate {
        /// Position of its header record.
        first_seq: Seq,
    },
    /// A dry run's answer.
    Preview(Box<Preview>),
    /// A dry run of a voucher whose key was accepted before with the same content.
    PreviewDuplicate {
        /// Position of its header record.
        first_seq: Seq,
    },
    /// Refused.
    Refused(Reject),
}

/// An answer that may leave. Only [`reply`] and [`fail`] make one. Its bytes count until it is taken.
#[derive(Debug)]
pub(crate) struct Delivered(Found, #[expect(dead_code, reason = "counts while it lives")] Charge);

impl Delivered {
    /// What was found.
    pub(crate) fn found(self) -> Found {
        self.0
    }
}

/// Something that waits for the block on which it rests.
pub(crate) enum Waiting {
    /// A posting or dry run.
    Post {
        /// `organisation/voucher_no`.
        key: String,
        /// What was found.
        found: Found,
        /// Who waits.
        sender: oneshot::Sender<Delivered>,
        /// What it keeps in memory.
        charge: Charge,
    },
    /// A look into the speculative state.
    Look(Delivery),
}

/// Takes what was looked up to whoever asked.
pub(crate) type Delivery = Box<dyn FnOnce(Result<Applied, Reason>) + Send>;

/// Lets an answer go. The only way out for what rests on speculative state.
pub(crate) fn reply(applied: Applied, waiting: Waiting) {
    match waiting {
        // Whoever does not wait any more finds out by `GetVoucher`.
        Waiting::Post { found, sender, charge, .. } => {
            drop(sender.send(Delivered(found, charge)));
        }
        Waiting::Look(deliver) => deliver(Ok(applied)),
    }
}

/// Answers that it is not known what became of the block (9003), or that nothing is appended any more.
pub(crate) fn fail(waiting: Waiting, reason: Option<&Reason>) {
    match waiting {
        Waiting::Post { key, sender, charge, .. } => {
            let unknown = || Reason::OutcomeUnknown { key: Text::Owned(key) };
            let reason = reason.cloned().unwrap_or_else(unknown);
            let found = Found::Refused(reason.at(0, "").into());
            drop(sender.send(Delivered(found, charge)));
        }
        Waiting::Look(deliver) => {
            let why = Text::Borrowed("the process stops after a failed write");
            deliver(Err(reason.cloned().unwrap_or(Reason::ReadOnly { why })));
        }
    }
}
