//! Step B: the voucher as a whole. The first code that applies is the answer.
//!
//! Identity 5015; key, first reply or 1030; organisation 5010; 5012 for what the province posts, role of
//! the preparer 5011; date 1022 1023 and 1025 or 2060; approval 5020 5021 5023 5022. (5001, 5016 and 8002
//! are answered before a voucher comes here; tokens of a vault, 1019, will stand before the date.)

use std::cell::Cell;

use record::{Record, Seq};

use super::{Ask, Signature, post_time};
use crate::codec::Codec;
use crate::document::{difference, document};
use crate::event::money::{Signed, VoucherPosted};
use crate::event::{At, Common, Entry, Event};
use crate::ids::{Date, OfficialId, OrgId, VoucherNo, official};
use crate::kind::{Approval, Group, Kind};
use crate::kinds::{Ctx, Past, Poster, provinces_kind};
use crate::reject::{Reason, Refusal, Text};
use crate::roles;
use crate::state::State;
use crate::voucher::{HeaderText, Voucher};
use crate::words::Role;

/// Position of the first voucher's header: behind the genesis.
const FOUNDING: Seq = Seq(1);

/// A refusal of the voucher as a whole.
pub(super) type Refused = Box<Refusal>;

/// What the key says.
pub(super) enum Found {
    /// It was accepted before, with this content.
    Duplicate(Seq),
    /// It is new, and may be posted as a whole.
    New(Box<Whole>),
}

/// What is settled about a voucher before its lines.
pub(super) struct Whole {
    pub(super) poster: Option<Poster>,
    pub(super) organisation: OrgId,
    pub(super) voucher_no: VoucherNo,
    pub(super) prepared_by: OfficialId,
    pub(super) approved_by: OfficialId,
    pub(super) time_ms: u64,
    pub(super) today: Date,
    pub(super) exception: bool,
    pub(super) signed: Option<Signed>,
    pub(super) approval_version: u32,
    pub(super) period_version: u32,
    /// Soft codes of the voucher itself.
    pub(super) skipped: Vec<u16>,
    pub(super) warnings: Vec<Refusal>,
}

impl Whole {
    /// What a decision about a line knows. The line's own position is set by the caller.
    pub(super) fn ctx<'a>(&self, ask: &Ask<'a>, past: &'a dyn Past) -> Ctx<'a> {
        Ctx {
            voucher: ask.voucher,
            poster: self.poster,
            prepared_by: self.prepared_by,
            approved_by: self.approved_by,
            at: self.at(ask, ask.seq_next),
            today: self.today,
            past,
            exception: self.exception,
            skipped: Vec::new(),
            covered: Cell::new(None),
            open: Cell::new(None),
        }
    }

    /// Where a record of the voucher would stand.
    pub(super) fn at(&self, ask: &Ask<'_>, seq: Seq) -> At {
        At { seq, time_ms: self.time_ms, date: ask.form.date, first_seq: ask.seq_next }
    }

    /// The header record.
    pub(super) fn header(&self, ask: &Ask<'_>) -> Entry {
        let voucher = ask.voucher;
        let event = VoucherPosted {
            organisation: self.organisation,
            voucher_no: self.voucher_no,
            doc_no: voucher.doc_no().into(),
            prepared_by: self.prepared_by,
            approved_by: self.approved_by,
            exception_reason: voucher.exception_reason().into(),
            notice_ref: voucher.notice_ref().into(),
            line_count: u32::try_from(voucher.len()).unwrap_or(u32::MAX),
            total: ask.form.total,
            total_given: voucher.total_fen().is_some(),
            content_digest: *ask.digest,
            approval: self.signed.clone(),
            approval_version: self.approval_version,
            period_version: self.period_version,
        };
        let common = Common { skipped: self.skipped.clone(), memo: voucher.memo().into() };
        Entry { event: event.into(), common }
    }
}

#[expect(clippy::unnecessary_box_returns, reason = "an error, boxed as every refusal here")]
fn at_header(reason: Reason, field: HeaderText) -> Refused {
    Box::new(reason.at(0, field.name()))
}

/// A header field that the form checks passed.
fn given<T>(voucher: &Voucher, field: HeaderText, value: Option<T>) -> Result<T, Refused> {
    value.ok_or_else(|| {
        let (found, expected) = (voucher.header(field).to_owned().into(), "well-formed".into());
        at_header(Reason::FieldFormat { field: field.name().into(), found, expected }, field)
    })
}

/// Step B.
///
/// # Errors
/// The first code that applies.
pub(super) fn check(state: &State, past: &dyn Past, ask: &Ask<'_>) -> Result<Found, Refused> {
    let v = ask.voucher;
    let organisation = given(v, HeaderText::Organisation, OrgId::id(v.organisation()))?;
    let voucher_no = given(v, HeaderText::VoucherNo, VoucherNo::id(v.voucher_no()))?;
    let prepared_by = given(v, HeaderText::PreparedBy, official(v.prepared_by()))?;
    let approved_by = match v.approved_by() {
        "" => OfficialId::EMPTY,
        text => given(v, HeaderText::ApprovedBy, official(text))?,
    };
    identity(ask, organisation)?;
    if let Some(first_seq) = state.money.voucher(organisation, voucher_no) {
        same_content(past, ask, first_seq)?;
        return Ok(Found::Duplicate(first_seq));
    }
    let last_ms = state.position().time_ms;
    let time_ms = post_time(last_ms, ask.form.date, ask.now_ms, ask.synthetic);
    let mut whole = Whole {
        poster: None,
        organisation,
        voucher_no,
        prepared_by,
        approved_by,
        time_ms,
        today: Date(record::china_date(time_ms)),
        exception: !v.exception_reason().is_empty(),
        signed: None,
        approval_version: 0,
        period_version: 0,
        skipped: Vec::new(),
        warnings: Vec::new(),
    };
    // The one exception: the first voucher of a ledger finds no organisation, so 5010 to 5024 are not asked.
    let founded = !state.access.is_empty() || ask.seq_next != FOUNDING;
    if founded {
        whole.poster = Some(poster(state, organisation)?);
        may_prepare(state, ask, past, &whole)?;
    }
    dates(state, ask, &mut whole)?;
    if founded {
        approval(state, ask, &mut whole)?;
    }
    Ok(Found::New(Box::new(whole)))
}

/// 5015: the voucher's organisation is the connection's.
fn identity(ask: &Ask<'_>, stated: OrgId) -> Result<(), Refused> {
    match ask.identity {
        Some(found) if found != stated => {
            let reason = Reason::IdentityDiffers { found, stated };
            Err(at_header(reason, HeaderText::Organisation))
        }
        _ => Ok(()),
    }
}

/// 1030: the key was used with other content.
fn same_content(past: &dyn Past, ask: &Ask<'_>, first_seq: Seq) -> Result<(), Refused> {
    let known = header_record(past, first_seq);
    if known.as_ref().is_some_and(|(_, header, _)| header.content_digest == *ask.digest) {
        return Ok(());
    }
    let field =
        known.and_then(|known| difference(&first_document(past, &known, first_seq), ask.voucher));
    let key = format!("{}/{}", ask.voucher.organisation(), ask.voucher.voucher_no()).into();
    let field: Text = field.unwrap_or_else(|| "content".to_owned()).into();
    let reason = Reason::VoucherKeyReused { key, seq: first_seq, field };
    Err(at_header(reason, HeaderText::VoucherNo))
}

fn header_record(past: &dyn Past, seq: Seq) -> Option<(Date, VoucherPosted, Common)> {
    let bytes = past.record(seq)?;
    let record = Record::parse(&bytes.0).ok()?;
    let entry = Codec::new().decode(&record).ok()?;
    match entry.event {
        Event::VoucherPosted(header) => Some((Date(record.date()), header, entry.common)),
        _ => None,
    }
}

/// The document that was accepted under a key, as far as its records can be read.
fn first_document(
    past: &dyn Past,
    (date, header, common): &(Date, VoucherPosted, Common),
    first_seq: Seq,
) -> Voucher {
    let mut codec = Codec::new();
    let lines: Vec<Entry> = (1..=header.line_count)
        .map_while(|line| {
            let bytes = past.record(first_seq.after(u64::from(line)))?;
            codec.decode(&Record::parse(&bytes.0).ok()?).ok()
        })
        .collect();
    document(header, common, *date, &lines)
}

/// 5010: the organisation is registered.
fn poster(state: &State, id: OrgId) -> Result<Poster, Refused> {
    let unknown = || Reason::OrganisationUnknown { org: id.to_string().into() };
    let row = state.access.organisation(id);
    let row = row.ok_or_else(|| at_header(unknown(), HeaderText::Organisation))?;
    Ok(Poster { id, kind: row.kind, unit: row.unit })
}

/// 5012 where the organisation decides first, then 5011.
fn may_prepare(
    state: &State,
    ask: &Ask<'_>,
    past: &dyn Past,
    whole: &Whole,
) -> Result<(), Refused> {
    let (Some(kind), Some(poster)) = (ask.form.kinds.first().copied(), whole.poster) else {
        return Ok(());
    };
    if matches!(kind.group(), Group::Rules | Group::Tranche | Group::Access) {
        let line_no = ask.voucher.line(0).map_or(1, |line| line.line_no());
        let ctx = whole.ctx(ask, past);
        provinces_kind(&ctx, kind).map_err(|fault| Box::new(fault.at(line_no)))?;
    }
    let (official, today) = (whole.prepared_by, whole.today);
    // A reversal needs the role of its original, which each line's decision asks for.
    let also: &[Role] = if kind == Kind::Reversed { &[Role::RuleKeeper] } else { &[] };
    let held = roles::preparing(kind)
        .iter()
        .chain(also)
        .any(|role| state.access.has_role(official, poster.id, *role, today));
    if held {
        return Ok(());
    }
    let action = format!("prepare {kind} for {}", poster.id).into();
    Err(at_header(Reason::RoleMissing { official, action }, HeaderText::PreparedBy))
}

/// 1022 1023, then 1025 or of the registry 2060.
fn dates(state: &State, ask: &Ask<'_>, whole: &mut Whole) -> Result<(), Refused> {
    let (date, group) = (ask.form.date, ask.form.group);
    let refused = |reason| Err(at_header(reason, HeaderText::EffectiveDate));
    let start = if group.is_money() { Date::PROGRAMME_START } else { Date::REGISTER_START };
    if date < start {
        return refused(Reason::DateBeforeProgramme { date, start });
    }
    let today = if ask.synthetic { Date::SYNTHETIC_END } else { whole.today };
    if today < date {
        return refused(Reason::DateInFuture { date, today });
    }
    let Some(rule) = state.rules.period.valid(date) else { return Ok(()) };
    whole.period_version = rule.number;
    let days = whole.today.days_since(date);
    let registry = group == Group::Registry;
    let max =
        if registry { rule.content.registry_backdate_days } else { rule.content.backdate_days };
    if days <= i64::from(max) {
        return Ok(());
    }
    let reason = if registry {
        Reason::RegistryBackdated { date, days, max }
    } else {
        Reason::BackdatedTooFar { date, days, max }
    };
    if !whole.exception {
        return refused(reason);
    }
    whole.skipped.push(reason.code());
    Ok(())
}

/// 5020 5021 5023 5022; of 5023 the role here, the scope with each line.
fn approval(state: &State, ask: &Ask<'_>, whole: &mut Whole) -> Result<(), Refused> {
    let official = whole.approved_by;
    let refused = |reason| Err(at_header(reason, HeaderText::ApprovedBy));
    let (why, version) = approval_needed(state, ask, whole.exception);
    whole.approval_version = version;
    if official.is_empty() {
        return match why {
            Some(why) => {
                let reason = Reason::ApprovalRequired { why: why.into() };
                let refusal = at_header(reason, HeaderText::ApprovedBy);
                if !ask.dry_run {
                    return Err(refusal);
                }
                whole.warnings.push(*refusal);
                Ok(())
            }
            None => Ok(()),
        };
    }
    if official == whole.prepared_by {
        return refused(Reason::SelfApproval { official });
    }
    if !approver_has_role(state, ask, whole) {
        let unit = whole.poster.map(|poster| poster.id.to_string()).unwrap_or_default().into();
        return refused(Reason::ApproverScope { official, unit });
    }
    signature(state, ask, whole)
}

/// Why a voucher needs a second official, if it does, and the version of the rule that was asked.
fn approval_needed(state: &State, ask: &Ask<'_>, exception: bool) -> (Option<String>, u32) {
    let total = ask.form.total.get();
    let rule = state.rules.approval.valid(ask.form.date);
    let version = rule.map_or(0, |rule| rule.number);
    if exception {
        return (Some("a voucher with exception_reason".to_owned()), version);
    }
    let always = |kind: &Kind| match rule {
        Some(rule) => rule.content.always.contains(kind),
        // Before the first rule: what the kind's row says.
        None => kind.row().approval == Approval::Yes,
    };
    let kinds = distinct_kinds(ask);
    if let Some(kind) = kinds.iter().find(|kind| always(kind)) {
        return (Some(kind.name().to_owned()), version);
    }
    let large = |kind: &Kind| rule.is_some_and(|rule| rule.content.needs(*kind, total));
    let why = kinds.iter().any(large).then(|| format!("a total of {} yuan", ask.form.total));
    (why, version)
}

/// The kinds of the lines, each once, in the order in which they come up.
fn distinct_kinds(ask: &Ask<'_>) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for kind in &ask.form.kinds {
        if !kinds.contains(kind) {
            kinds.push(*kind);
        }
    }
    kinds
}

fn approver_has_role(state: &State, ask: &Ask<'_>, whole: &Whole) -> bool {
    distinct_kinds(ask).iter().all(|kind| {
        let roles = roles::approving(*kind, whole.exception);
        let keeper = *kind == Kind::Reversed
            && state.access.holds_any(whole.approved_by, &[Role::RuleKeeper], whole.today);
        keeper || state.access.holds_any(whole.approved_by, roles, whole.today)
    })
}

/// 5022: an approver with a registered key signs, with that key; nobody else's signature is kept.
fn signature(state: &State, ask: &Ask<'_>, whole: &mut Whole) -> Result<(), Refused> {
    let (official, v) = (whole.approved_by, ask.voucher);
    let refusal = at_header(Reason::ApprovalSignature { official }, HeaderText::ApprovedBy);
    let key = state.access.key(official);
    let brought = <[u8; 32]>::try_from(v.approver_key()).ok();
    let signature = <[u8; 64]>::try_from(v.approval_signature()).ok();
    match (key, ask.signature) {
        (None, Signature::Absent) => Ok(()),
        (Some(_), Signature::Absent) if ask.dry_run => {
            whole.warnings.push(*refusal);
            Ok(())
        }
        (Some(key), Signature::Valid) if brought == Some(key) => {
            whole.signed = signature.map(|signature| Signed { signature, key });
            Ok(())
        }
        _ => Err(refusal),
    }
}
