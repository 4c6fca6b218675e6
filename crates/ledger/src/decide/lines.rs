//! Step C: line by line, on the state that earlier lines left.

use std::hint::black_box;

use record::{Fen, Seq};

use super::Ask;
use super::whole::Whole;
use crate::event::{At, Common, Drift, Entry, Event};
use crate::field::Field;
use crate::ids::HouseholdCode;
use crate::kind::Kind;
use crate::kinds::period::period_open;
use crate::kinds::{Ctx, Past, decide_line};
use crate::reject::{Reason, Refusal, Reject};
use crate::state::State;
use crate::state::registry::AHEAD;
use crate::voucher::LineRef;

/// Codes that say that something is not known: an earlier line may have been meant to create it, so later
/// lines are searched for more of them. Source: domain contract, section 8.3.
const UNKNOWN: [u16; 7] = [2002, 2010, 2020, 2030, 2040, 2053, 3017];

/// Lines of a voucher from which on reading ahead pays.
const AHEAD_LINES_MIN: usize = 8;

/// Decides all lines and applies them; returns the position of the last.
///
/// # Errors
/// The first code that applies; when it is an unknown one, those of later lines behind it.
pub(super) fn post(
    state: &mut State,
    past: &dyn Past,
    ask: &Ask<'_>,
    whole: &Whole,
    out: &mut Vec<Entry>,
) -> Result<Seq, Box<Reject>> {
    let header = whole.header(ask);
    let at = whole.at(ask, ask.seq_next);
    // What the header changes is not shown to the lines before they are decided: a line refers to nothing
    // of its own voucher, and the position stops it.
    apply(state, &at, &header.event).map_err(|reason| Box::new(reason.at(0, "").into()))?;
    out.reserve(ask.voucher.len().saturating_add(1));
    out.push(header);
    let mut ctx = whole.ctx(ask, past);
    let mut seq = ask.seq_next;
    let mut refused: Option<Reject> = None;
    for (n, (line, kind)) in ask.voucher.lines().zip(&ask.form.kinds).enumerate() {
        if n.is_multiple_of(AHEAD) {
            read_ahead(state, ask, n);
        }
        seq = seq.next();
        ctx.at = whole.at(ask, seq);
        match (one(state, &mut ctx, ask, line, *kind, out), &mut refused) {
            (Ok(()), _) => {}
            (Err(refusal), None) => {
                let unknown = UNKNOWN.contains(&refusal.reason.code());
                let reject = Reject::one(*refusal);
                if !unknown {
                    return Err(Box::new(reject));
                }
                refused = Some(reject);
            }
            (Err(refusal), Some(reject)) => add_unknown(reject, *refusal),
        }
    }
    refused.map_or(Ok(seq), |reject| Err(Box::new(reject)))
}

/// Reads what the next lines that name a payee will read. A voucher of a few lines gains nothing.
fn read_ahead(state: &State, ask: &Ask<'_>, from: usize) {
    if ask.voucher.len() < AHEAD_LINES_MIN {
        return;
    }
    let payees = ask.voucher.lines().skip(from).take(AHEAD).filter_map(|line| {
        let code = HouseholdCode::parsed_before(line.text(Field::Household))?;
        Some((code, line.token(Field::Account)?))
    });
    black_box(state.registry.read_ahead(payees));
}

fn add_unknown(reject: &mut Reject, refusal: Refusal) {
    if UNKNOWN.contains(&refusal.reason.code()) {
        reject.total = reject.total.saturating_add(1);
        if reject.refusals.len() < Reject::REFUSALS_MAX {
            reject.refusals.push(refusal);
        }
    }
}

/// Decides a line, applies it and appends its entry.
fn one(
    state: &mut State,
    ctx: &mut Ctx<'_>,
    ask: &Ask<'_>,
    line: LineRef<'_>,
    kind: Kind,
    out: &mut Vec<Entry>,
) -> Result<(), Box<Refusal>> {
    let line_no = line.line_no();
    ctx.skipped.clear();
    if ask.form.repeated.binary_search(&line_no).is_ok() {
        ctx.skipped.push(DUPLICATE_LINE);
    }
    let event = decide_line(kind, state, ctx, line).map_err(|fault| Box::new(fault.at(line_no)))?;
    period_open(state, ctx, &event).map_err(|fault| fault.at(line_no))?;
    apply(state, &ctx.at, &event)
        .map_err(|reason| Box::new(reason.at(line_no, Field::Amount.name())))?;
    let common = Common { skipped: ctx.skipped.clone(), memo: line.text(Field::Memo).into() };
    out.push(Entry { event, common });
    Ok(())
}

/// 1033, which the form checks found and an exception passed over.
const DUPLICATE_LINE: u16 = 1033;

/// 3012: applies an event; a sum that would leave 64 bits refuses it.
fn apply(state: &mut State, at: &At, event: &Event) -> Result<(), Reason> {
    state.evolve(at, event).map_err(|drift| match drift {
        Drift::Overflow { account } => Reason::SumOverflow { account },
        // A decision let pass what the state cannot take. Whoever posts must not find the ledger wrong or
        // stopped for it: it is refused, and tests and debug builds stop.
        Drift::Side { account, balance } => {
            debug_assert!(false, "{account} would be {}", Fen::new(balance));
            Reason::SumOverflow { account }
        }
        Drift::Contradiction { what } => {
            debug_assert!(false, "{what}");
            Reason::SumOverflow { account: what }
        }
    })
}
