//! Form checks, step A of the contract: what a voucher alone shows to be wrong.
//!
//! Lives here: the order in which codes answer, the header, the lines as a whole.
//! Lives elsewhere: which kind has which fields (`kind`), one value against its type (`value`), what no
//! text may hold (`text`), everything that needs a state (`decide`).
//!
//! Always: size first, then the header (its first fault alone), then unknown kinds, then mixed groups,
//! then each line's fields, then repeated lines. Of a line its first fault in the order of the codes is
//! told, of a voucher every offending line, at most 100, with the total. A voucher that passes holds in
//! every field a value of the field's type.
//! Source: domain contract, "Order of checks", A.

mod fault;
mod repeated;
#[cfg(test)]
mod tests;
mod text;
mod value;

use record::Fen;
use record::limits::{
    DOC_NO_CHARS_MAX, MAX_AMOUNT_FEN, MEMO_CHARS_MAX, NOTICE_REF_CHARS_MAX, VOUCHER_LINES_MAX,
};

use crate::field::Field;
use crate::ids::Date;
use crate::kind::{Group, Kind, Need, Spec, Type};
use crate::reject::{Reason, Refusal, Reject};
use crate::voucher::{HeaderText, LineRef, Value, Voucher};
use fault::Fault;
use text::{personal_number, shown};
use value::Around;

/// What the form checks found out about a voucher that passed them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Kind of each line, in order.
    pub kinds: Vec<Kind>,
    /// Group of all of them.
    pub group: Group,
    /// Effective date.
    pub date: Date,
    /// Sum of the fields named `amount`.
    pub total: Fen,
    /// Line numbers of lines that repeat an earlier one (1033) and were passed over, because the voucher
    /// gives an exception reason; ascending.
    pub repeated: Vec<u32>,
}

/// Checks the form of a voucher.
///
/// # Errors
/// [`Reject`]: the header's first fault, or the first fault of each offending line.
pub fn check(voucher: &Voucher) -> Result<Form, Reject> {
    let lines = voucher.len().saturating_add(voucher.dropped_lines());
    let lines_max = u64::from(VOUCHER_LINES_MAX);
    let found = u64::try_from(lines).unwrap_or(u64::MAX);
    if lines_max < found {
        return Err(Reason::TooManyLines { found, max: lines_max }.at(0, "lines").into());
    }
    let kinds = kinds(voucher);
    let amounts = amounts(voucher, &kinds);
    let date = header(voucher, &kinds, &amounts)?;
    let kinds = known_kinds(voucher, kinds)?;
    let group = one_group(voucher, &kinds)?;
    each_line(voucher, &kinds, date)?;
    let repeated = repeated::lines(voucher, &kinds);
    let repeated = if voucher.exception_reason().is_empty() {
        refuse_repeated(&repeated)?
    } else {
        repeated.iter().map(|twice| twice.b).collect()
    };
    Ok(Form { kinds, group, date, total: amounts.sum_fen(), repeated })
}

/// The kinds of all lines; `None` for a name that is none, or that of the header record.
fn kinds(voucher: &Voucher) -> Vec<Option<Kind>> {
    let mut last = ("", None);
    voucher
        .lines()
        .map(|line| {
            let name = line.kind_name();
            if name != last.0 {
                last = (name, Kind::of_name(name).filter(|kind| kind.group() != Group::Header));
            }
            last.1
        })
        .collect()
}

/// What the lines' amounts sum to.
struct Amounts {
    sum: i128,
    /// Whether one of them is refused by itself: then the total is not the fault.
    any_refused: bool,
}

impl Amounts {
    fn sum_fen(&self) -> Fen {
        let bound = if self.sum < 0 { i64::MIN } else { i64::MAX };
        Fen::new(i64::try_from(self.sum).unwrap_or(bound))
    }
}

fn amounts(voucher: &Voucher, kinds: &[Option<Kind>]) -> Amounts {
    let mut amounts = Amounts { sum: 0, any_refused: false };
    // Of a kind that is none an amount may stand, and need not.
    let of_none = (Type::Amount, false);
    let mut known = (None, Some(of_none));
    for (line, kind) in voucher.lines().zip(kinds) {
        if *kind != known.0 {
            // An amount that the kind does not have is that line's fault (1015), not the total's.
            let spec = |kind: Kind| kind.spec(Field::Amount);
            let of = |spec: &Spec| (spec.ty, spec.need == Need::Required);
            known = (*kind, kind.map_or(Some(of_none), |kind| spec(kind).map(of)));
        }
        let (least, is_required) = match known.1 {
            Some((Type::AmountOrZero, is_required)) => (0, is_required),
            Some((_, is_required)) => (1, is_required),
            None => continue,
        };
        match line.get(Field::Amount) {
            // One that is missing is refused, too (1018).
            None => amounts.any_refused |= is_required,
            Some(Value::Int(fen)) if (least..=MAX_AMOUNT_FEN).contains(&fen) => {
                amounts.sum = amounts.sum.saturating_add(i128::from(fen));
            }
            Some(_) => amounts.any_refused = true,
        }
    }
    amounts
}

// The header. Its first fault is reported alone.

/// Checks header and control totals; returns the effective date.
fn header(voucher: &Voucher, kinds: &[Option<Kind>], amounts: &Amounts) -> Result<Date, Reject> {
    header_present(voucher, kinds)?;
    let date = header_form(voucher)?;
    if let Some(kind) = kinds.iter().flatten().find(|kind| kind.needs_document())
        && voucher.doc_no().is_empty()
    {
        return Err(Reason::DocumentRequired { kind: *kind }
            .at(0, HeaderText::DocNo.name())
            .into());
    }
    header_texts(voucher)?;
    if voucher.is_empty() {
        return Err(Reason::EmptyVoucher {}.at(0, "").into());
    }
    control_totals(voucher, amounts)?;
    for (line, expected) in voucher.lines().zip(1_u32..) {
        let found = line.line_no();
        if found != expected {
            return Err(Reason::LineNumbers { expected, found }.at(0, "line_no").into());
        }
    }
    Ok(date)
}

const HEADER: &str = "the header";

/// 1018: what every header has. The total may be left out where there is no money.
fn header_present(voucher: &Voucher, kinds: &[Option<Kind>]) -> Result<(), Reject> {
    const REQUIRED: [HeaderText; 4] = [
        HeaderText::Organisation,
        HeaderText::VoucherNo,
        HeaderText::EffectiveDate,
        HeaderText::PreparedBy,
    ];
    let missing = |field: &str| Reject::from(Fault::missing(String::new()).at(0, field, HEADER));
    if let Some(field) = REQUIRED.iter().find(|field| voucher.header(**field).is_empty()) {
        return Err(missing(field.name()));
    }
    if voucher.line_count().is_none() {
        return Err(missing("line_count"));
    }
    let is_money = kinds.iter().flatten().next().is_some_and(|kind| kind.group().is_money());
    if is_money && voucher.total_fen().is_none() {
        return Err(missing("total"));
    }
    Ok(())
}

/// 1019: what has a form has it.
fn header_form(voucher: &Voucher) -> Result<Date, Reject> {
    const FORMS: [(HeaderText, Type); 5] = [
        (HeaderText::Organisation, Type::Org),
        (HeaderText::VoucherNo, Type::Org),
        (HeaderText::EffectiveDate, Type::Date),
        (HeaderText::PreparedBy, Type::Official),
        (HeaderText::ApprovedBy, Type::Official),
    ];
    let refuse = |field: &str, found: String, expected| {
        Err(Reject::from(Fault::format(found, expected).at(0, field, HEADER)))
    };
    for (field, ty) in FORMS {
        let text = voucher.header(field);
        let is_formed = match field {
            HeaderText::VoucherNo => crate::ids::VoucherNo::id(text).is_some(),
            HeaderText::ApprovedBy if text.is_empty() => true,
            _ => value::text_form(ty, text),
        };
        if !is_formed {
            let expected = match field {
                HeaderText::VoucherNo => "1-32 of A-Z 0-9 -".into(),
                _ => value::expected(ty),
            };
            return refuse(field.name(), shown(text), expected);
        }
    }
    let (signature, key) = (voucher.approval_signature().len(), voucher.approver_key().len());
    if !matches!(signature, 0 | 64) {
        return refuse("approval_signature", format!("of {signature} bytes"), "64 bytes".into());
    }
    if !matches!(key, 0 | 32) {
        return refuse("approver_key", format!("of {key} bytes"), "32 bytes".into());
    }
    Date::parse(voucher.effective_date()).ok_or_else(|| {
        let found = shown(voucher.effective_date());
        Fault::format(found, value::expected(Type::Date)).at(0, "effective_date", HEADER).into()
    })
}

/// 1027 in any field, then 1028 in the exception reason.
fn header_texts(voucher: &Voucher) -> Result<(), Reject> {
    for field in HeaderText::ALL {
        let text = voucher.header(field);
        let fault = match field {
            HeaderText::DocNo => value::free_text(text, DOC_NO_CHARS_MAX),
            HeaderText::NoticeRef => value::free_text(text, NOTICE_REF_CHARS_MAX),
            HeaderText::Memo => value::free_text(text, MEMO_CHARS_MAX),
            HeaderText::ExceptionReason => value::free_text(text, usize::MAX),
            _ => personal_number(text).map(|what| Box::new(Fault::text(what.into()))),
        };
        if let Some(fault) = fault {
            return Err(fault.at(0, field.name(), HEADER).into());
        }
    }
    let reason = voucher.exception_reason();
    if !reason.is_empty()
        && let Some(fault) = value::reason_length(reason)
    {
        return Err(fault.at(0, HeaderText::ExceptionReason.name(), HEADER).into());
    }
    Ok(())
}

/// 1010, 1011.
fn control_totals(voucher: &Voucher, amounts: &Amounts) -> Result<(), Reject> {
    let found = u64::try_from(voucher.len()).unwrap_or(u64::MAX);
    if let Some(stated) = voucher.line_count().map(u64::from)
        && stated != found
    {
        return Err(Reason::LineCountDiffers { stated, found }.at(0, "line_count").into());
    }
    if let Some(stated) = voucher.total_fen()
        && !amounts.any_refused
        && i128::from(stated) != amounts.sum
    {
        let (stated, found) = (Fen::new(stated), amounts.sum_fen());
        return Err(Reason::TotalDiffers { stated, found }.at(0, "total").into());
    }
    Ok(())
}

// The lines.

/// Refusals of lines as they are found: 100 are kept, all are counted.
#[derive(Default)]
struct Found {
    refusals: Vec<Refusal>,
    total: u64,
}

impl Found {
    fn add(&mut self, refusal: impl FnOnce() -> Refusal) {
        if self.refusals.len() < Reject::REFUSALS_MAX {
            self.refusals.push(refusal());
        }
        self.total = self.total.saturating_add(1);
    }

    fn or<T>(self, passed: T) -> Result<T, Reject> {
        if self.total == 0 {
            Ok(passed)
        } else {
            Err(Reject { refusals: self.refusals, total: self.total })
        }
    }
}

/// 1019 for each kind that is none.
fn known_kinds(voucher: &Voucher, kinds: Vec<Option<Kind>>) -> Result<Vec<Kind>, Reject> {
    let mut found = Found::default();
    for (line, _) in voucher.lines().zip(&kinds).filter(|(_, kind)| kind.is_none()) {
        found.add(|| {
            let fault = Fault::format(shown(line.kind_name()), "a kind of the contract".into());
            fault.at(line.line_no(), "kind", "")
        });
    }
    found.or(kinds.into_iter().flatten().collect())
}

/// 1012 for each line of another group than the first.
fn one_group(voucher: &Voucher, kinds: &[Kind]) -> Result<Group, Reject> {
    let Some(first) = kinds.first() else {
        return Err(Reason::EmptyVoucher {}.at(0, "").into());
    };
    let mut found = Found::default();
    for (line, kind) in voucher.lines().zip(kinds) {
        if kind.group() != first.group() {
            let reason = Reason::MixedGroups { kind: *kind, other: *first };
            found.add(|| reason.at(line.line_no(), "kind"));
        }
    }
    found.or(first.group())
}

fn each_line(voucher: &Voucher, kinds: &[Kind], date: Date) -> Result<(), Reject> {
    let mut found = Found::default();
    let mut plan: Option<Plan> = None;
    for (line, kind) in voucher.lines().zip(kinds) {
        let plan = match &mut plan {
            Some(plan) if plan.kind == *kind => plan,
            slot => slot.insert(Plan::of(*kind)),
        };
        if !plan.passes(line, date)
            && let Some((field, fault)) = plan.fault(line, date)
        {
            found.add(|| fault.at(line.line_no(), field, kind.name()));
        }
    }
    found.or(())
}

/// Sets of fields by number.
type Fields = [u64; 3];

fn bit(field: Field) -> (usize, u64) {
    let number = field.number();
    (usize::from(number >> 6), 1_u64 << (number & 63))
}

fn insert(fields: &mut Fields, field: Field) {
    let (word, bit) = bit(field);
    if let Some(word) = fields.get_mut(word) {
        *word |= bit;
    }
}

/// The memo of a line but a reversal's.
const MEMO: Type = Type::Text { min: 0, max: 200 };
const _: () = assert!(MEMO_CHARS_MAX == 200);

/// What the lines of one kind are held against.
struct Plan {
    kind: Kind,
    specs: &'static [Spec],
    /// Fields that may be filled: those of the row, and the memo.
    allowed: Fields,
    /// Fields that must be.
    required: Fields,
    /// Place of each field's row in `specs`, by field number; one past the end for none.
    places: [u8; FIELDS],
    /// Whether more than the fields of a line one by one must be looked at.
    has_alternatives: bool,
    has_dates: bool,
}

/// Numbers of fields, with 0.
const FIELDS: usize = 151;
const _: () = assert!(Field::NUMBER_MAX == 150);

/// The first fault of a line so far: which field, which fault.
type Worst = Option<(&'static str, Box<Fault>)>;

fn keep_worse(worst: &mut Worst, name: &'static str, fault: Option<Box<Fault>>) {
    let Some(fault) = fault else { return };
    if worst.as_ref().is_none_or(|(_, before)| !before.answers_before(&fault)) {
        *worst = Some((name, fault));
    }
}

impl Plan {
    fn of(kind: Kind) -> Self {
        let specs = kind.row().fields;
        let mut plan = Self {
            kind,
            specs,
            allowed: [0; 3],
            required: [0; 3],
            places: [u8::MAX; FIELDS],
            has_alternatives: specs.iter().any(|spec| matches!(spec.need, Need::OneOf(_))),
            has_dates: kind == Kind::MemberDied || kind.group() == Group::Rules,
        };
        insert(&mut plan.allowed, Field::Memo);
        for (spec, place) in specs.iter().zip(0_u8..) {
            insert(&mut plan.allowed, spec.field);
            if let Some(slot) = plan.places.get_mut(usize::from(spec.field.number())) {
                *slot = place;
            }
            if spec.need == Need::Required {
                insert(&mut plan.required, spec.field);
            }
        }
        plan
    }

    /// Whether a line is without fault, for the kinds whose fields say it one by one: the quick look at
    /// a line that is right. A line that does not pass may be right all the same.
    fn passes(&self, line: LineRef<'_>, date: Date) -> bool {
        if self.has_alternatives || self.has_dates || self.kind == Kind::Reversed {
            return false;
        }
        let around = Around { date, many: false };
        let mut filled: Fields = [0; 3];
        for (field, value) in line.fields() {
            insert(&mut filled, field);
            let place = self.places.get(usize::from(field.number())).copied().unwrap_or(u8::MAX);
            let is_right = match self.specs.get(usize::from(place)) {
                Some(spec) => value::fault(spec.ty, value, around).is_none(),
                None => field == Field::Memo && value::fault(MEMO, value, around).is_none(),
            };
            if !is_right {
                return false;
            }
        }
        self.required.iter().zip(&filled).all(|(required, filled)| required & !filled == 0)
    }

    /// The line's first fault in the order of the codes.
    fn fault(&self, line: LineRef<'_>, date: Date) -> Worst {
        let mut worst = None;
        let mut filled: Fields = [0; 3];
        for (field, _) in line.fields() {
            insert(&mut filled, field);
        }
        self.strangers(filled, &mut worst);
        self.missing(line, filled, &mut worst);
        for spec in self.specs {
            if let Some(value) = line.get(spec.field) {
                // Too many members are refusal 2022, when the household is asked for.
                let many = spec.field == Field::Members && self.kind == Kind::HouseholdRegistered;
                let around = Around { date, many };
                keep_worse(&mut worst, spec.field.name(), value::fault(spec.ty, value, around));
            }
        }
        self.memo(line, &mut worst);
        if self.has_dates && worst.is_none() {
            self.dates(line, date, &mut worst);
        }
        worst
    }

    /// 1015: fields that the kind does not have, by number.
    fn strangers(&self, filled: Fields, worst: &mut Worst) {
        let strange = filled.iter().zip(&self.allowed).any(|(f, a)| f & !a != 0);
        if strange {
            let mut strangers = Field::ALL.iter().filter(|field| {
                let (word, bit) = bit(**field);
                let has = |fields: &Fields| fields.get(word).is_some_and(|w| w & bit != 0);
                has(&filled) && !has(&self.allowed)
            });
            if let Some(field) = strangers.next() {
                keep_worse(worst, field.name(), Some(Box::new(Fault::stranger(String::new()))));
            }
        }
    }

    /// 1018: fields that are required, alternatives of which none is filled; 1015: of which two are.
    fn missing(&self, line: LineRef<'_>, filled: Fields, worst: &mut Worst) {
        if filled.iter().zip(&self.required).any(|(f, r)| r & !f != 0) {
            let mut missing = self
                .specs
                .iter()
                .filter(|spec| spec.need == Need::Required && !line.has(spec.field));
            if let Some(spec) = missing.next() {
                let fault = Fault::missing(String::new());
                keep_worse(worst, spec.field.name(), Some(Box::new(fault)));
            }
        }
        if self.has_alternatives {
            let of = || self.specs.iter().filter(|spec| matches!(spec.need, Need::OneOf(_)));
            let mut present = of().filter(|spec| line.has(spec.field));
            match (present.next(), present.next()) {
                (None, _) => {
                    let names: Vec<&str> = of().map(|spec| spec.field.name()).collect();
                    keep_worse(worst, "", Some(Box::new(Fault::missing(names.join("|")))));
                }
                (Some(_), Some(second)) => {
                    let fault = Fault::stranger(String::new());
                    keep_worse(worst, second.field.name(), Some(Box::new(fault)));
                }
                (Some(_), None) => {}
            }
        }
    }

    /// The memo, which every kind may have. That of a reversal explains it: the first line's holds for
    /// all lines that have none.
    fn memo(&self, line: LineRef<'_>, worst: &mut Worst) {
        let name = Field::Memo.name();
        let memo = line.get(Field::Memo);
        if self.kind == Kind::Reversed {
            if memo.is_none() && line.line_no() == 1 {
                keep_worse(worst, name, value::reason_length(""));
            }
            // Its length and content were checked as a field of the row.
            return;
        }
        if let Some(memo) = memo {
            let around = Around { date: Date::default(), many: false };
            keep_worse(worst, name, value::fault(MEMO, memo, around));
        }
    }

    /// 1024: a death after the effective date, a rule that ends before it starts.
    fn dates(&self, line: LineRef<'_>, date: Date, worst: &mut Worst) {
        let (early, late, late_or) = match self.kind {
            Kind::MemberDied => (Field::Died, None, date),
            _ => (Field::EffectiveFrom, Some(Field::EffectiveTo), Date(u32::MAX)),
        };
        // A rule without a first day starts on the effective date.
        let found = Date::parse(line.text(early)).unwrap_or(date);
        let other = late.and_then(|late| Date::parse(line.text(late))).unwrap_or(late_or);
        if other < found {
            let reason = Reason::DateOrder { field: early.name().into(), found, other };
            keep_worse(worst, early.name(), Fault::new(reason));
        }
    }
}

/// 1033: every line that says the same as an earlier one.
fn refuse_repeated(repeated: &[repeated::Twice]) -> Result<Vec<u32>, Reject> {
    let mut found = Found::default();
    for twice in repeated {
        found.add(|| Reason::DuplicateLine { a: twice.a, b: twice.b }.at(twice.b, ""));
    }
    found.or(Vec::new())
}
