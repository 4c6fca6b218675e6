//! Findings (401-405): who may take a step, and which.
//!
//! 7002, an alert that is not raised, is found by whoever asks for the adoption: alerts are computed from
//! the views, which no decision reads.
//! Source: domain contract, section 9.

use record::{Record, Seq, context};

use super::checks::{fen, given};
use super::{Ctx, Fault, not_served};
use crate::account::Account;
use crate::codec::Codec;
use crate::event::Event;
use crate::event::finding::{
    Evidence, FindingClosed, FindingExplained, FindingOpened, FindingReferred, FindingReopened,
};
use crate::event::money::Word;
use crate::field::Field;
use crate::ids::{FindingId, OrgId, Token, Unit};
use crate::kind::Kind;
use crate::reject::{Reason, Text};
use crate::state::State;
use crate::state::findings::{Finding, Stage};
use crate::voucher::{LineRef, Value};
use crate::words::OrgKind;

/// Decides a line of this group.
pub(super) fn decide(
    kind: Kind,
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    match kind {
        Kind::FindingOpened => open(ctx, line),
        Kind::FindingExplained => explain(state, ctx, line),
        Kind::FindingReferred => refer(state, ctx, line),
        Kind::FindingClosed => close(state, ctx, line),
        Kind::FindingReopened => reopen(state, ctx, line),
        other => Err(not_served(other)),
    }
}

/// The id of the finding that a line opens. Whoever writes the line can compute it beforehand:
/// `derive_key("mingzhang 2026-11-24 finding v1", u8 length ‖ organisation ‖ u8 length ‖ voucher number ‖ u32
/// line number)`, little-endian, its first 16 bytes.
pub fn finding_id(organisation: &str, voucher_no: &str, line_no: u32) -> FindingId {
    let mut hasher = blake3::Hasher::new_derive_key(context::FINDING);
    for text in [organisation, voucher_no] {
        // Ids are of at most 32 characters.
        hasher.update(&[u8::try_from(text.len()).unwrap_or(u8::MAX)]);
        hasher.update(text.as_bytes());
    }
    hasher.update(&line_no.to_le_bytes());
    let hash = hasher.finalize();
    Token(hash.as_bytes().first_chunk().copied().unwrap_or_default())
}

/// 5030: the poster is discipline inspection or audit.
fn inspectors(ctx: &Ctx<'_>, kind: Kind) -> Result<(), Fault> {
    match ctx.poster {
        Some(poster) if !inspects(poster.kind) => {
            Err(Reason::InspectorsOnly { kind }.on_place("organisation"))
        }
        _ => Ok(()),
    }
}

fn inspects(kind: OrgKind) -> bool {
    matches!(kind, OrgKind::Di | OrgKind::Au)
}

/// 7001: the finding is known.
fn known<'a>(state: &'a State, line: LineRef<'_>) -> Result<&'a Finding, Fault> {
    let id = given(line, Field::Finding, line.token(Field::Finding))?;
    let unknown = || Reason::FindingUnknown { id: id.to_string().into() }.on(Field::Finding);
    state.findings.get(id).ok_or_else(unknown)
}

/// 7003: the finding may take the step.
fn may_become(finding: &Finding, next: Stage) -> Result<(), Fault> {
    let stage = finding.stage();
    if stage.may_become(next) {
        return Ok(());
    }
    Err(Reason::FindingState { state: stage.name().into() }.on(Field::Finding))
}

/// 1019: positions below the voucher at hand.
fn evidence(ctx: &Ctx<'_>, line: LineRef<'_>) -> Result<Evidence, Fault> {
    let below = |(i, value): (usize, Value<'_>)| {
        let seq = value.int().and_then(|n| u64::try_from(n).ok()).map(Seq);
        seq.filter(|seq| *seq < ctx.at.first_seq).ok_or_else(|| {
            let place = format!("{}.{i}", Field::Evidence.name());
            let (field, found) = (place.clone().into(), number(value));
            let expected = "the position of a record before this voucher".into();
            Reason::FieldFormat { field, found, expected }.on_place(place)
        })
    };
    line.list(Field::Evidence).iter().enumerate().map(below).collect()
}

fn number(value: Value<'_>) -> Text {
    value.int().map_or("".into(), |n| n.to_string().into())
}

/// 401: 5030.
fn open(ctx: &Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    inspectors(ctx, Kind::FindingOpened)?;
    let severity = line.int(Field::Severity).and_then(|n| u8::try_from(n).ok());
    let voucher = ctx.voucher;
    Ok(FindingOpened {
        finding: finding_id(voucher.organisation(), voucher.voucher_no(), line.line_no()),
        alert: line.token(Field::Alert),
        text: line.text(Field::Text).into(),
        severity: given(line, Field::Severity, severity)?,
        evidence: evidence(ctx, line)?,
    }
    .into())
}

/// 402: 7001 5031 7003.
fn explain(state: &State, ctx: &Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let finding = known(state, line)?;
    if let Some(poster) = ctx.poster
        && !finding.evidence.iter().any(|seq| concerns(ctx, *seq, poster))
    {
        let (org, id) = (poster.id, finding.id.to_string().into());
        return Err(Reason::ConcernedOnly { org, id }.on(Field::Finding));
    }
    may_become(finding, Stage::Explained)?;
    let evidence = evidence(ctx, line)?;
    Ok(FindingExplained { finding: finding.id, text: line.text(Field::Text).into(), evidence }
        .into())
}

/// Whether a record concerns an organisation: it posted the record, or the record moves what its unit has.
/// Inspectors are not concerned.
fn concerns(ctx: &Ctx<'_>, seq: Seq, poster: super::Poster) -> bool {
    if inspects(poster.kind) || poster.kind == OrgKind::Op {
        return false;
    }
    let Some(bytes) = ctx.past.record(seq) else { return false };
    let Ok(record) = Record::parse(&bytes.0) else { return false };
    let holds = |path| Account::parse(path).and_then(holder) == Some(poster.unit);
    record.legs().any(|leg| holds(leg.path)) || posted_by(ctx, &record) == Some(poster.id)
}

fn posted_by(ctx: &Ctx<'_>, record: &Record<'_>) -> Option<OrgId> {
    let first = Seq(record.seq().0.checked_sub(u64::from(record.part()))?);
    let bytes = ctx.past.record(first)?;
    match Codec::new().decode(&Record::parse(&bytes.0).ok()?).ok()?.event {
        Event::VoucherPosted(header) => Some(header.organisation),
        _ => None,
    }
}

/// The unit that has what stands in an account.
fn holder(account: Account) -> Option<Unit> {
    match account {
        Account::Quota(unit, _)
        | Account::Used(unit, _)
        | Account::Src(_, unit, _)
        | Account::Way(unit, _)
        | Account::Hold(unit, _)
        | Account::Prior(unit, _) => Some(unit),
        _ => None,
    }
}

/// 403: 5030 7001 7003.
fn refer(state: &State, ctx: &Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    inspectors(ctx, Kind::FindingReferred)?;
    let finding = known(state, line)?;
    may_become(finding, Stage::Referred)?;
    Ok(FindingReferred { finding: finding.id, to: line.text(Field::To).into() }.into())
}

/// 404: 5030 7001 7003.
fn close(state: &State, ctx: &Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    inspectors(ctx, Kind::FindingClosed)?;
    let finding = known(state, line)?;
    may_become(finding, Stage::Closed)?;
    let recovered =
        if line.has(Field::Recovered) { Some(fen(line, Field::Recovered)?) } else { None };
    Ok(FindingClosed {
        finding: finding.id,
        outcome: given(line, Field::Outcome, Word::new(line.text(Field::Outcome)))?,
        recovered,
        evidence: evidence(ctx, line)?,
    }
    .into())
}

/// 405: 5030 7001 7003.
fn reopen(state: &State, ctx: &Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    inspectors(ctx, Kind::FindingReopened)?;
    let finding = known(state, line)?;
    may_become(finding, Stage::Reopened)?;
    Ok(FindingReopened { finding: finding.id, text: line.text(Field::Text).into() }.into())
}
