//! May this voucher be posted? Steps B and C of the contract's order of checks.
//!
//! Lives here: the voucher as a whole, the loop over its lines, encoding what was accepted.
//! Lives elsewhere: form checks, step A (`form`); the codes of one line (`kinds`); what is changed
//! (`event`).
//!
//! Always: a refusal, a duplicate and a dry run leave the state as it was; no clock, no I/O.
//! Source: domain contract, sections 7.4, 8 and 10.

use record::limits::{BLOCK_BYTES_MAX, RECORD_BYTES_MAX, RECORD_LEGS_MAX};
use record::{Draft, DraftError, Seq};

use crate::codec::Codec;
use crate::event::Entry;
use crate::form::Form;
use crate::ids::{Date, OrgId};
use crate::kinds::Past;
use crate::reject::{Reason, Refusal, Reject};
use crate::state::State;
use crate::voucher::Voucher;

mod lines;
mod whole;

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
    /// Server time, Unix ms UTC. With `synthetic` it is not looked at.
    pub now_ms: u64,
    /// Whether time is taken from the vouchers, as a synthetic ledger does. What `init` posts brings its
    /// own time, on a synthetic ledger too.
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

/// The buffers of posting, kept from voucher to voucher.
#[derive(Default)]
pub struct Desk {
    /// Encodes what is accepted.
    pub codec: Codec,
    /// The records of the voucher accepted last.
    pub draft: Draft,
    /// Its entries: header record, then lines.
    pub entries: Vec<Entry>,
}

impl Desk {
    /// Empty buffers.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Decides a voucher and encodes it. Of an accepted one the desk holds entries and records, and the state
/// its effects; of all others, and of a dry run, the state is as it was.
pub fn post(state: &mut State, past: &dyn Past, ask: &Ask<'_>, desk: &mut Desk) -> Outcome {
    let outcome = read_all(past, open(state, past, ask, &mut desk.entries));
    let outcome = match outcome {
        Outcome::Posted { .. } => match encode(desk, ask) {
            Ok(()) => outcome,
            Err(refusal) => Outcome::Refused((*refusal).into()),
        },
        other => other,
    };
    close(state, ask, outcome)
}

/// Decides a voucher without encoding it. The entries of an accepted one stand in `out`, and the state
/// holds its effects.
pub fn decide(state: &mut State, past: &dyn Past, ask: &Ask<'_>, out: &mut Vec<Entry>) -> Outcome {
    let outcome = read_all(past, open(state, past, ask, out));
    close(state, ask, outcome)
}

/// What was decided, unless a record that it asked for could not be read: an honest retry must not be told
/// that its number was used for something else.
fn read_all(past: &dyn Past, outcome: Outcome) -> Outcome {
    past.failure().map_or(outcome, |reason| Outcome::Refused(reason.at(0, "").into()))
}

fn close(state: &mut State, ask: &Ask<'_>, outcome: Outcome) -> Outcome {
    if matches!(outcome, Outcome::Posted { .. }) && !ask.dry_run {
        state.commit();
    } else {
        state.rollback();
    }
    outcome
}

/// Time of a voucher's records: never before the last record's. A synthetic ledger takes 18:00 China time
/// of the effective date. Source: domain contract, section 12.
pub fn post_time(last_ms: u64, date: Date, now_ms: u64, synthetic: bool) -> u64 {
    const DAY_MS: u64 = 86_400_000;
    // 18:00 in China is 10:00 UTC.
    const EVENING_MS: u64 = 36_000_000;
    let evening = u64::from(date.0).saturating_mul(DAY_MS).saturating_add(EVENING_MS);
    last_ms.max(if synthetic { evening } else { now_ms })
}

/// 6003, 6004, 6005: the records fit their limits.
fn encode(desk: &mut Desk, ask: &Ask<'_>) -> Result<(), Box<Refusal>> {
    let Desk { codec, draft, entries } = desk;
    draft.clear();
    for (line, entry) in (0..).zip(entries.iter()) {
        codec
            .encode(entry, ask.form.date, draft)
            .map_err(|error| Box::new(too_large(&error).at(line, "")))?;
    }
    let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let (found, max) = (wide(draft.sealed_len()), wide(BLOCK_BYTES_MAX));
    if found <= max {
        Ok(())
    } else {
        Err(Box::new(Reason::VoucherTooLarge { found, max }.at(0, "")))
    }
}

fn too_large(error: &DraftError) -> Reason {
    let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    match error {
        DraftError::RecordTooLarge { found } => {
            Reason::RecordTooLarge { found: wide(*found), max: wide(RECORD_BYTES_MAX) }
        }
        DraftError::TooManyLegs { found } => {
            Reason::TooManyLegs { found: wide(*found), max: wide(RECORD_LEGS_MAX) }
        }
        // Decisions make legs that balance, of accounts that stand once: anything else is ours.
        other => Reason::SumOverflow { account: other.to_string().into() },
    }
}

/// Decides, and leaves the changes of an accepted voucher to be kept or undone.
fn open(state: &mut State, past: &dyn Past, ask: &Ask<'_>, out: &mut Vec<Entry>) -> Outcome {
    out.clear();
    let whole = match whole::check(state, past, ask) {
        Ok(whole::Found::Duplicate(first_seq)) => return Outcome::Duplicate { first_seq },
        Ok(whole::Found::New(whole)) => whole,
        Err(refusal) => return Outcome::Refused((*refusal).into()),
    };
    match lines::post(state, past, ask, &whole, out) {
        Ok(last_seq) => Outcome::Posted {
            first_seq: ask.seq_next,
            last_seq,
            time_ms: whole.time_ms,
            warnings: whole.warnings,
        },
        Err(reject) => {
            out.clear();
            Outcome::Refused(*reject)
        }
    }
}
