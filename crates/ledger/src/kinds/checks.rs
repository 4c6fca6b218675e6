//! Checks that several kinds of money share: who may post, the flow table, references, bank references.
//!
//! Always: a function answers one code of the contract and says in its first line which.

use record::{Fen, Record, Seq};

use super::{Ctx, Fault};
use crate::codec::Codec;
use crate::event::money::VoucherPosted;
use crate::event::{At, Entry, Event};
use crate::field::Field;
use crate::ids::{Date, OrgId, QuotaId, Source, Unit, VoucherNo};
use crate::kind::Kind;
use crate::reject::{AreaCode, Reason, Text};
use crate::roles;
use crate::rules::flows::Channel;
use crate::rules::{Flow, Movement, Place};
use crate::state::State;
use crate::state::money::{BankUse, Cell, Quota};
use crate::voucher::LineRef;
use crate::words::{OrgKind, Programme};

// Fields. The form checks passed them; a value that is not there all the same is refused, not assumed.

/// 1019: the value of a field, as its type reads it.
pub(super) fn given<T>(line: LineRef<'_>, field: Field, value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(|| {
        let found = Text::from(line.text(field).to_owned());
        let expected = "as the kind's row says".into();
        Reason::FieldFormat { field: field.name().into(), found, expected }.on(field)
    })
}

pub(super) fn unit(line: LineRef<'_>, field: Field) -> Result<Unit, Fault> {
    given(line, field, Unit::parse_exact(line.text(field)))
}

pub(super) fn fen(line: LineRef<'_>, field: Field) -> Result<Fen, Fault> {
    given(line, field, line.int(field).map(Fen::new))
}

pub(super) fn amount(line: LineRef<'_>) -> Result<Fen, Fault> {
    fen(line, Field::Amount)
}

pub(super) fn quota_id(line: LineRef<'_>) -> Result<QuotaId, Fault> {
    given(line, Field::Quota, QuotaId::id(line.text(Field::Quota)))
}

/// 1019: the programme is that of the source.
pub(super) fn programme(line: LineRef<'_>, source: Source) -> Result<Programme, Fault> {
    let found = line.text(Field::Programme);
    let expected = source.programme();
    if found != expected {
        let expected = format!("{expected}, the programme of source {source}").into();
        let (field, found) = (Field::Programme.name().into(), Text::from(found.to_owned()));
        return Err(Reason::FieldFormat { field, found, expected }.on(Field::Programme));
    }
    given(line, Field::Programme, Programme::parse(found))
}

// Quotas and balances.

/// 3017: the quota is known.
pub(super) fn known_quota<'a>(
    state: &'a State,
    line: LineRef<'_>,
) -> Result<(u32, &'a Quota), Fault> {
    let quota = quota_id(line)?;
    state.money.quota(quota).ok_or_else(|| Reason::QuotaUnknown { quota }.on(Field::Quota))
}

/// 3018: the unit has that much quota.
pub(super) fn quota_left(cell: Cell, unit: Unit, quota: QuotaId, needed: Fen) -> Result<(), Fault> {
    let balance = Fen::new(cell.quota);
    if needed <= balance {
        return Ok(());
    }
    Err(Reason::QuotaInsufficient { unit, balance, quota, needed }.on(Field::Amount))
}

/// 3022: the unit holds that much cash of the quota.
pub(super) fn cash_left(cell: Cell, unit: Unit, quota: QuotaId, needed: Fen) -> Result<(), Fault> {
    let balance = Fen::new(cell.hold);
    if needed <= balance {
        return Ok(());
    }
    Err(Reason::CashInsufficient { unit, balance, quota, needed }.on(Field::Amount))
}

/// 3023: the bank reference is not used within 92 days.
pub(super) fn bank_ref_free(state: &State, ctx: &Ctx<'_>, usage: &BankUse) -> Result<(), Fault> {
    match state.money.bank_use(usage, ctx.date()) {
        None => Ok(()),
        Some(seq) => {
            let r#ref = Text::from(usage.bank_ref.as_str().to_owned());
            Err(Reason::BankRefReused { r#ref, seq }.on(Field::BankRef))
        }
    }
}

// Who may post.

/// Whether the poster may post for a unit: a finance bureau for its own, a town for its own and its
/// villages, a village for its own. Source: domain contract, section 10.
pub(super) fn acts_for(ctx: &Ctx<'_>, unit: Unit) -> bool {
    let Some(poster) = ctx.poster else { return true };
    match poster.kind {
        OrgKind::Fb | OrgKind::Vc => poster.unit == unit,
        OrgKind::Tg => poster.unit.contains(unit),
        _ => false,
    }
}

/// Whether the poster is the organisation that issued a quota.
pub(super) fn is_issuer(ctx: &Ctx<'_>, quota: &Quota) -> bool {
    ctx.poster.is_none_or(|poster| poster.id == quota.issuer)
}

/// 5013 as an answer.
pub(super) fn not_yours(ctx: &Ctx<'_>, unit: impl Into<Text>, field: Field) -> Fault {
    let org = ctx.poster.map_or(OrgId::EMPTY, |poster| poster.id);
    Reason::NotYourUnit { org, unit: unit.into() }.on(field)
}

/// 5013: the poster may post for the unit; with it 5023, the approver's scope.
pub(super) fn posts_for(
    state: &State,
    ctx: &Ctx<'_>,
    kind: Kind,
    unit: Unit,
    field: Field,
) -> Result<(), Fault> {
    allowed(state, ctx, kind, unit, field, acts_for(ctx, unit))
}

/// 5013 unless allowed; with it 5023.
pub(super) fn allowed(
    state: &State,
    ctx: &Ctx<'_>,
    kind: Kind,
    unit: Unit,
    field: Field,
    allowed: bool,
) -> Result<(), Fault> {
    if !allowed {
        return Err(not_yours(ctx, unit.to_string(), field));
    }
    roles::approver_covers(state, ctx, kind, unit)
}

// The flow table.

/// A unit with its marks on the effective date; `None` when it is not valid then.
pub(super) fn place(state: &State, ctx: &Ctx<'_>, unit: Unit) -> Option<Place> {
    state.registry.area(&state.rules, unit, ctx.date()).map(|area| area.place)
}

/// 2010: the area is valid on the effective date.
pub(super) fn valid_area(
    state: &State,
    ctx: &Ctx<'_>,
    unit: Unit,
    field: Field,
) -> Result<(), Fault> {
    if state.registry.area_valid(&state.rules, unit, ctx.date()) {
        return Ok(());
    }
    Err(Reason::AreaUnknown { code: AreaCode(unit), date: ctx.date() }.on(field))
}

/// What the flow table asks of a quota.
pub(super) fn channel(quota: &Quota) -> Channel {
    Channel {
        source: quota.source,
        treasury: quota.treasury,
        home: quota.home,
        top: quota.top,
        opening: quota.opening,
    }
}

/// 3020 as an answer.
pub(super) fn no_flow(event: Kind, from: Unit, to: &dyn ToString, field: Field) -> Fault {
    let (from, to) = (from.to_string().into(), to.to_string().into());
    Reason::FlowNotAllowed { event, from, to }.on(field)
}

/// The version of the flow table that allows a movement; `None` is 3020.
pub(super) fn flow(state: &State, ctx: &Ctx<'_>, movement: Option<Movement>) -> Option<u32> {
    let version = state.rules.flows.valid(ctx.date())?;
    let allowed: Option<Flow> = version.content.allows(&movement?);
    allowed.map(|_| version.number)
}

// References.

/// A record that a line refers to.
pub(super) struct Referred {
    /// Where it stands.
    pub(super) at: At,
    /// What it says.
    pub(super) entry: Entry,
}

/// The record of a reference: `organisation/voucher_no/line_no` or a decimal position, below the voucher
/// at hand. `None`: there is none, or it is no record of an event.
pub(super) fn find(state: &State, ctx: &Ctx<'_>, text: &str) -> Option<Referred> {
    let (seq, part) = if let Ok(seq) = text.parse::<u64>() {
        (Seq(seq), None)
    } else {
        let mut parts = text.split('/');
        let organisation = OrgId::id(parts.next()?)?;
        let voucher_no = VoucherNo::id(parts.next()?)?;
        let line: u64 = parts.next()?.parse().ok().filter(|line| *line != 0)?;
        (state.money.voucher(organisation, voucher_no)?.after(line), Some(line))
    };
    if ctx.at.first_seq <= seq {
        return None;
    }
    let bytes = ctx.past.record(seq)?;
    let record = Record::parse(&bytes.0).ok()?;
    // Beyond a voucher's last line stands another voucher.
    if part.is_some_and(|part| part != u64::from(record.part())) {
        return None;
    }
    let entry = Codec::new().decode(&record).ok()?;
    Some(Referred { at: At::of_record(&record), entry })
}

/// The header record of a record's voucher.
pub(super) fn header(ctx: &Ctx<'_>, of: &At) -> Option<VoucherPosted> {
    let bytes = ctx.past.record(of.first_seq)?;
    let record = Record::parse(&bytes.0).ok()?;
    match Codec::new().decode(&record).ok()?.event {
        Event::VoucherPosted(header) => Some(header),
        _ => None,
    }
}

/// What a reference that cannot be used is, in words: (record, what it is).
pub(super) fn what_is(
    state: &State,
    text: &str,
    referred: Option<&Referred>,
    quota: Option<QuotaId>,
) -> (Text, Text) {
    let Some(found) = referred else {
        return (Text::from(text.to_owned()), "not known".into());
    };
    let seq = Text::from(found.at.seq.to_string());
    let kind = found.entry.event.kind();
    let other = crate::event::money::quota_of(&found.entry.event.legs());
    let what = match (state.money.mark(found.at.seq).reversed_by, quota, other) {
        (Some(by), ..) => format!("a {kind} that was reversed at {by}"),
        (None, Some(quota), Some(other)) if quota != other => {
            format!("a {kind} of quota {other}, not of {quota}")
        }
        _ => format!("a {kind}"),
    };
    (seq, what.into())
}

/// 3031: the effective date is not before that of the record referred to.
pub(super) fn not_before(ctx: &Ctx<'_>, original: Date) -> Result<(), Fault> {
    if original <= ctx.date() {
        return Ok(());
    }
    Err(Reason::DateBeforeOriginal { date: ctx.date(), original }.on_place("effective_date"))
}
