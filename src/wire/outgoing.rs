//! Vouchers made into requests: what a client sends.
//!
//! Lives here: the voucher's fields laid into the generated messages.
//! Lives elsewhere: reading them (`wire`), sending them (`cli`).
//!
//! Always: what was read from the result is the voucher that went in. A value that a field of the API
//! cannot hold (a token of a file that is no hex) is refused here, by the form checks themselves.

use ledger::field::Field;
use ledger::reject::{Reason, Reject};
use ledger::voucher::{HeaderText, LineRef, List, Struct, Value, Voucher};
use proto::v1;

/// Lines of one message of a streamed voucher: about a quarter of the most that a message may hold.
const CHUNK_LINES: usize = 2_000;

/// Returns the API's voucher.
///
/// # Errors
/// [`Reject`] of the form checks where a value is not of the field's type.
pub fn voucher(voucher: &Voucher) -> Result<v1::Voucher, Reject> {
    let lines = voucher.lines().map(|line| fitting(voucher, line)).collect::<Result<_, _>>()?;
    Ok(v1::Voucher { header: Some(header(voucher)), lines })
}

/// Returns the messages of a `PostVoucherStream`, for a voucher that one message cannot hold.
///
/// # Errors
/// [`Reject`] of the form checks where a value is not of the field's type.
pub fn stream(
    voucher: &Voucher,
    validate_only: bool,
    origin: &str,
) -> Result<Vec<v1::PostVoucherStreamRequest>, Reject> {
    use v1::post_voucher_stream_request::Part;
    let head =
        v1::VoucherHead { header: Some(header(voucher)), validate_only, origin: origin.to_owned() };
    let mut parts = vec![Part::Head(head)];
    let mut lines = voucher.lines().peekable();
    while lines.peek().is_some() {
        let lines = lines.by_ref().take(CHUNK_LINES);
        let lines = lines.map(|line| fitting(voucher, line)).collect::<Result<_, _>>()?;
        parts.push(Part::Chunk(v1::LineChunk { lines }));
    }
    Ok(parts.into_iter().map(|part| v1::PostVoucherStreamRequest { part: Some(part) }).collect())
}

/// Returns the request that reverses single records: for a voucher whose lines are all `Reversed`.
///
/// # Errors
/// [`Reject`] of the form checks where a value is not of the field's type.
pub fn reverse(
    voucher: &Voucher,
    validate_only: bool,
    origin: &str,
) -> Result<v1::ReverseVoucherRequest, Reject> {
    let lines = voucher.lines().map(|line| fitting(voucher, line)).collect::<Result<_, _>>()?;
    let what = v1::reverse_voucher_request::What::Lines(v1::LineReversals { lines });
    let header = Some(header(voucher));
    Ok(v1::ReverseVoucherRequest {
        header,
        what: Some(what),
        validate_only,
        origin: origin.to_owned(),
    })
}

/// Returns the API's header.
pub fn header(voucher: &Voucher) -> v1::Header {
    let text = |field| voucher.header(field).to_owned();
    v1::Header {
        organisation: text(HeaderText::Organisation),
        voucher_no: text(HeaderText::VoucherNo),
        effective_date: text(HeaderText::EffectiveDate),
        doc_no: text(HeaderText::DocNo),
        prepared_by: text(HeaderText::PreparedBy),
        approved_by: text(HeaderText::ApprovedBy),
        exception_reason: text(HeaderText::ExceptionReason),
        notice_ref: text(HeaderText::NoticeRef),
        memo: text(HeaderText::Memo),
        line_count: voucher.line_count(),
        total_fen: voucher.total_fen(),
        approval_signature: voucher.approval_signature().to_vec(),
        approver_key: voucher.approver_key().to_vec(),
    }
}

/// The API's line; of a voucher with a value that a field cannot hold, what the form checks say.
fn fitting(voucher: &Voucher, line: LineRef<'_>) -> Result<v1::Line, Reject> {
    self::line(line).map_err(|reject| ledger::form::check(voucher).err().unwrap_or(reject))
}

/// Returns the API's line.
///
/// # Errors
/// [`Reject`] with 1019 where a value is not of the field's type.
pub fn line(line: LineRef<'_>) -> Result<v1::Line, Reject> {
    let mut out = v1::Line {
        line_no: line.line_no(),
        kind: line.kind_name().to_owned(),
        ..v1::Line::default()
    };
    for (field, value) in line.fields() {
        if put(&mut out, field, value).is_none() {
            let reason = Reason::FieldFormat {
                field: field.name().into(),
                found: "as given".into(),
                expected: "what the field can hold".into(),
            };
            return Err(reason.at(line.line_no(), field.name()).into());
        }
    }
    Ok(out)
}

/// Makes `put` from the list of fields by conversion.
macro_rules! put {
    ($($convert:ident: $($field:ident $slot:ident),*;)*) => {
        /// Sets one field; `None` when the value does not fit it.
        fn put(line: &mut v1::Line, field: Field, value: Value<'_>) -> Option<()> {
            match field {
                $($(Field::$field => line.$slot = $convert(value)?.into(),)*)*
            }
            Some(())
        }
    };
}

#[rustfmt::skip]
put! {
    text: Quota quota, Source source, Treasury treasury, HomeCity home_city, Programme programme,
        Unit unit, From from, FromUnit from_unit, To to, ToUnit to_unit, Household household,
        Purpose purpose, Loan loan, BankRef bank_ref, Ref r#ref, Reason reason, Tranche tranche,
        Project project, Village village, Period period, Date date, Memo memo, Code code,
        NameZh name_zh, Parent parent, Successor successor, Class class, HelpingUnit helping_unit,
        NewHousehold new_household, Into into, Ability ability, Died died,
        AccountKind account_kind, GuardianReason guardian_reason, ProcurementRef procurement_ref,
        State state, Start start, EffectiveFrom effective_from, EffectiveTo effective_to,
        Scheme scheme, HomeCode home_code, HelperShareBorneBy helper_share_borne_by,
        Helper helper, Home home, Mode mode, Flag flag, AsOf as_of, PoolCap pool_cap,
        HouseholdLine household_line, HeadBasis head_basis, DriftBasis drift_basis,
        SelfApproval self_approval, PeriodUnit period_unit, Text text, Outcome outcome,
        Organisation organisation, OrgKind org_kind, Official official, Role role,
        NotAfter not_after, Authority authority;
    of_u32: MemberNo member_no, Year year, No no, NewNo new_no, Months months, RateBp rate_bp,
        Version version, BackdateDays backdate_days, FutureDays future_days,
        RegistryBackdateDays registry_backdate_days, Severity severity;
    blob: Account account, Holder holder, Operator operator, Bank bank, Alert alert,
        Finding finding, Person person, PublicKey public_key, KeyHash key_hash, Token token;
    of_i64: Amount amount_fen, Issued issued_fen, CashIn cash_in_fen,
        PaidBefore paid_before_fen, Planned planned_fen, Principal principal_fen,
        Recovered recovered_fen;
    of_u64: Records records, Heads heads;
    of_bool: Poor poor, DirectCounty direct_county, Dibao dibao, Student student,
        Insured insured, Primary primary;
    texts: Causes causes, Programmes programmes, Always always, Scope scope;
    members: Members members;
    one_member: Member member;
    shares: Shares shares;
    numbers32: Weights weights, Years years;
    rows: Rows rows;
    params: Params params;
    counties: Counties counties;
    of_i64: PerHeadFen per_head_fen, ThresholdFen threshold_fen;
    numbers64: Evidence evidence;
}

fn text(value: Value<'_>) -> Option<String> {
    if let Value::Text(text) = value { Some(text.to_owned()) } else { None }
}

fn blob(value: Value<'_>) -> Option<Vec<u8>> {
    if let Value::Blob(bytes) = value { Some(bytes.to_vec()) } else { None }
}

fn of_u32(value: Value<'_>) -> Option<u32> {
    u32::try_from(value.int()?).ok()
}

fn of_u64(value: Value<'_>) -> Option<u64> {
    match value {
        Value::Wide(number) => Some(number),
        other => u64::try_from(other.int()?).ok(),
    }
}

fn of_i64(value: Value<'_>) -> Option<i64> {
    value.int()
}

fn of_bool(value: Value<'_>) -> Option<bool> {
    value.bool()
}

fn list(value: Value<'_>) -> Option<List<'_>> {
    if let Value::List(list) = value { Some(list) } else { None }
}

fn texts(value: Value<'_>) -> Option<Vec<String>> {
    list(value)?.iter().map(text).collect()
}

fn numbers32(value: Value<'_>) -> Option<Vec<u32>> {
    list(value)?.iter().map(of_u32).collect()
}

fn numbers64(value: Value<'_>) -> Option<Vec<u64>> {
    list(value)?.iter().map(of_u64).collect()
}

/// A member of a structure as the message's field has it: the default where it is not filled.
fn member<T, S: Default + From<T>>(
    of: Struct<'_>,
    name: &str,
    convert: impl Fn(Value<'_>) -> Option<T>,
) -> Option<S> {
    match of.get(name) {
        Some(value) => convert(value).map(S::from),
        None => Some(S::default()),
    }
}

fn person(of: Struct<'_>) -> Option<v1::Member> {
    Some(v1::Member {
        no: member(of, "no", of_u32)?,
        person: member(of, "person", blob)?,
        birth_year: member(of, "birth_year", of_u32)?,
        sex: member(of, "sex", text)?,
        ability: member(of, "ability", text)?,
        dibao: member(of, "dibao", of_bool)?,
        student: member(of, "student", of_bool)?,
        insured: member(of, "insured", of_bool)?,
    })
}

fn each<T>(value: Value<'_>, of: impl Fn(Struct<'_>) -> Option<T>) -> Option<Vec<T>> {
    list(value)?.iter().map(|entry| of(entry.structure()?)).collect()
}

fn members(value: Value<'_>) -> Option<Vec<v1::Member>> {
    each(value, person)
}

fn one_member(value: Value<'_>) -> Option<Box<v1::Member>> {
    person(value.structure()?).map(Box::new)
}

fn shares(value: Value<'_>) -> Option<Vec<v1::Share>> {
    each(value, |of| {
        Some(v1::Share {
            household: member(of, "household", text)?,
            village: member(of, "village", text)?,
            shares: member(of, "shares", of_u32)?,
        })
    })
}

fn rows(value: Value<'_>) -> Option<Vec<v1::Row>> {
    each(value, |of| {
        let cell = |(column, value): (&str, Value<'_>)| {
            Some(v1::Cell { column: column.to_owned(), value: text(value)? })
        };
        Some(v1::Row { cells: of.iter().map(cell).collect::<Option<_>>()? })
    })
}

fn params(value: Value<'_>) -> Option<Vec<v1::Param>> {
    each(value, |of| {
        Some(v1::Param { name: member(of, "name", text)?, value: member(of, "value", of_i64)? })
    })
}

fn counties(value: Value<'_>) -> Option<Vec<v1::CountyHeads>> {
    each(value, |of| {
        Some(v1::CountyHeads {
            unit: member(of, "unit", text)?,
            heads: member(of, "heads", of_u64)?,
        })
    })
}
