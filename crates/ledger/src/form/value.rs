//! What must stand in one field, by its type.
//!
//! Lives here: the test of a value against its type, and the words that tell what was expected.
//! Lives elsewhere: which field has which type (`kind`), the order in which codes answer (`form`).
//!
//! Always: a value that passes has the shape that decisions and codec rely on: the right variant, within
//! its range, without control characters.

use record::Fen;
use record::limits::MAX_AMOUNT_FEN;

use super::Fault;
use super::text::{personal_number, shown, unsafe_text};
use crate::ids::{
    Ascii, BankRef, Date, HouseholdCode, HouseholdCodeError, Level, LoanId, OrgId, QuotaId, Source,
    TrancheId, Unit, VoucherNo, official, project,
};
use crate::kind::{ALL_QUOTAS, Need, Sub, Type};
use crate::reject::{Reason, Text, WideFen};
use crate::voucher::{Struct, Value};

/// What a value is tested against beside its type.
#[derive(Clone, Copy)]
pub(super) struct Around {
    /// The voucher's effective date.
    pub(super) date: Date,
    /// Whether more entries than the type's most are another refusal's answer (2022).
    pub(super) many: bool,
}

/// Most entries of any list: with more, no record could hold them.
const LIST_ENTRIES_MAX: u32 = 10_000;
/// Least number of as many digits as a card number has. Money is not looked at: it has a limit of its
/// own, and one amount in ten of that length would pass by chance.
const PERSONAL_NUMBER_MIN: u64 = 100_000_000_000_000;
/// Most characters of a cell of a data file.
const CELL_CHARS_MAX: usize = 1_000;
/// Most characters of a word whose list is a matter of content.
const WORD_BYTES_MAX: usize = 40;

/// Returns the first fault of a value, in the order of the codes.
pub(super) fn fault(ty: Type, value: Value<'_>, around: Around) -> Option<Box<Fault>> {
    match (ty, value) {
        (Type::Household, Value::Text(text)) => household(text),
        (Type::Amount, Value::Int(fen)) => amount(fen, 1),
        (Type::AmountOrZero, Value::Int(fen)) => amount(fen, 0),
        (Type::Text { max, .. }, Value::Text(text)) => free_text(text, usize::from(max)),
        (Type::Reason, Value::Text(text)) => reason(text),
        (Type::List { max, of, .. }, Value::List(list)) => {
            let max = if around.many { LIST_ENTRIES_MAX } else { max };
            if u64::try_from(list.len()).is_ok_and(|len| len <= u64::from(max)) {
                list.iter()
                    .enumerate()
                    .find_map(|(i, entry)| Fault::within(fault(*of, entry, around), &i.to_string()))
            } else {
                format(&format!("{} entries", list.len()), format!("at most {max} entries"))
            }
        }
        (Type::Rows(_), Value::List(list)) => rows(list.len(), list.structures()),
        (Type::Struct(subs), Value::Struct(members)) => structure(subs, members, around),
        (ty, value) if scalar(ty, value, around.date) => match value {
            Value::Text(text) => personal_number(text).and_then(unsafe_value),
            Value::Int(number) if PERSONAL_NUMBER_MIN <= number.unsigned_abs() => {
                personal_number(&number.to_string()).and_then(unsafe_value)
            }
            _ => None,
        },
        (ty, value) => format(&spelled(value), expected(ty)),
    }
}

/// Whether a value of one piece has its form.
fn scalar(ty: Type, value: Value<'_>, date: Date) -> bool {
    match value {
        Value::Text(text) => text_form(ty, text),
        Value::Int(number) => match ty {
            Type::Int { min, max } => (min..=max).contains(&number),
            Type::Year => (1_000..=9_999).contains(&number),
            Type::BirthYear => (1_900..=i64::from(date.year())).contains(&number),
            _ => false,
        },
        Value::Blob(bytes) => match ty {
            Type::Token => bytes.len() == 16,
            Type::Blob(len) => bytes.len() == usize::from(len),
            _ => false,
        },
        Value::Bool(_) => matches!(ty, Type::Bool),
        Value::Wide(_) | Value::List(_) | Value::Struct(_) => false,
    }
}

pub(super) fn text_form(ty: Type, text: &str) -> bool {
    let is_level = |level| Unit::parse_exact(text).is_some_and(|unit| unit.level() == level);
    match ty {
        Type::Quota => QuotaId::id(text).is_some(),
        Type::QuotaOrAll => text == ALL_QUOTAS || QuotaId::id(text).is_some(),
        Type::Source => Source::parse(text).is_some(),
        Type::Unit => Unit::parse_exact(text).is_some(),
        Type::City => is_level(Level::City),
        Type::CityOrAll => text == "*" || is_level(Level::City),
        Type::Area => Unit::parse_area(text).is_some(),
        Type::Village => is_level(Level::Village),
        Type::Purpose => purpose(text),
        Type::Loan => LoanId::id(text).is_some(),
        Type::Project => project(text).is_some(),
        Type::Tranche => tranche(text),
        Type::BankRef => !text.is_empty() && BankRef::new(text).is_some(),
        Type::Ref => reference(text),
        Type::Org => OrgId::id(text).is_some(),
        Type::Official => official(text).is_some(),
        Type::Flag => flag(text),
        Type::Date => Date::parse(text).is_some(),
        Type::Month => month(text),
        Type::Word(words) => words.contains(&text),
        Type::AnyWord => {
            !text.is_empty()
                && text.len() <= WORD_BYTES_MAX
                && text.bytes().all(|b| b.is_ascii_graphic())
        }
        _ => false,
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn purpose(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() == 3
        && bytes.next().is_some_and(|b| b.is_ascii_uppercase())
        && bytes.all(|b| b.is_ascii_digit())
}

fn flag(text: &str) -> bool {
    text.len() == 3 && text.strip_prefix('F').is_some_and(digits) && text != "F00"
}

/// `T{yy}-{home unit}-{n}`.
fn tranche(text: &str) -> bool {
    let parts = text.strip_prefix('T').and_then(|rest| {
        let (year, rest) = rest.split_once('-')?;
        let (city, number) = rest.split_once('-')?;
        Some((year, city, number))
    });
    TrancheId::id(text).is_some()
        && parts.is_some_and(|(year, city, number)| {
            year.len() == 2
                && digits(year)
                && Unit::parse_exact(city).is_some_and(|unit| unit.level() == Level::City)
                && digits(number)
        })
}

/// `organisation/voucher_no/line_no`, or a log position.
fn reference(text: &str) -> bool {
    if digits(text) {
        return text.parse::<u64>().is_ok();
    }
    let mut parts = text.split('/');
    let (Some(organisation), Some(voucher_no), Some(line), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    OrgId::id(organisation).is_some()
        && VoucherNo::id(voucher_no).is_some()
        && digits(line)
        && line.parse::<u32>().is_ok()
}

fn month(text: &str) -> bool {
    // Short enough to stay on the stack: a month with a first day is a date.
    let mut date = [0_u8; 10];
    let (Some(head), Some(tail)) = (date.get_mut(..7), text.as_bytes().get(..7)) else {
        return false;
    };
    if text.len() != 7 {
        return false;
    }
    head.copy_from_slice(tail);
    if let Some(day) = date.get_mut(7..) {
        day.copy_from_slice(b"-01");
    }
    std::str::from_utf8(&date).is_ok_and(|date| Date::parse(date).is_some())
}

fn household(text: &str) -> Option<Box<Fault>> {
    let (digit, expected): (Text, Text) = match HouseholdCode::parse(text) {
        Ok(_) => return None,
        Err(HouseholdCodeError::Shape) => {
            let found = match text.chars().count() {
                17 => "not all digits".to_owned(),
                chars => format!("{chars} characters"),
            };
            (format!("(none: {found})").into(), "as the last of 17 digits".into())
        }
        Err(HouseholdCodeError::CheckDigit { found, expected }) => {
            (found.to_string().into(), expected.to_string().into())
        }
    };
    Fault::new(Reason::HouseholdCodeBad { found: shown(text).into(), digit, expected })
}

fn amount(fen: i64, least: i64) -> Option<Box<Fault>> {
    if fen < least {
        Fault::new(Reason::AmountNotPositive { found: Fen::new(fen) })
    } else if fen <= MAX_AMOUNT_FEN {
        None
    } else {
        let max = Fen::new(MAX_AMOUNT_FEN);
        Fault::new(Reason::AmountTooLarge { found: WideFen(fen.into()), max })
    }
}

/// Free text: not too long, nothing unsafe.
pub(super) fn free_text(text: &str, chars_max: usize) -> Option<Box<Fault>> {
    // A text of so many bytes has at most so many characters.
    if chars_max < text.len() {
        let chars = text.chars().count();
        if chars_max < chars {
            let what = format!("{chars} characters, {chars_max} are allowed");
            return Some(Box::new(Fault::text(what.into())));
        }
    }
    unsafe_text(text).and_then(unsafe_value)
}

/// A text that explains: nothing unsafe, 10 to 500 characters.
pub(super) fn reason(text: &str) -> Option<Box<Fault>> {
    unsafe_text(text).and_then(unsafe_value).or_else(|| reason_length(text))
}

/// The length of a text that explains.
pub(super) fn reason_length(text: &str) -> Option<Box<Fault>> {
    use record::limits::{REASON_CHARS_MAX, REASON_CHARS_MIN};
    let chars = text.chars().count();
    if (REASON_CHARS_MIN..=REASON_CHARS_MAX).contains(&chars) {
        None
    } else {
        Fault::new(Reason::ReasonLength { found: u64::try_from(chars).unwrap_or(u64::MAX) })
    }
}

/// Members of a structure: none that it lacks (1015), none missing (1018), each of its type.
fn structure(subs: &[Sub], members: Struct<'_>, around: Around) -> Option<Box<Fault>> {
    let stranger = members.iter().find(|(name, _)| !subs.iter().any(|sub| sub.name == *name));
    if let Some((name, _)) = stranger {
        return Some(Box::new(Fault::stranger(name.to_owned())));
    }
    let mut worst: Option<Box<Fault>> = None;
    let mut chosen: Option<&str> = None;
    for sub in subs {
        let found = match (members.get(sub.name), sub.need) {
            (Some(value), need) => {
                if need != Need::Required && need != Need::Optional {
                    if chosen.is_some() {
                        return Some(Box::new(Fault::stranger(sub.name.to_owned())));
                    }
                    chosen = Some(sub.name);
                }
                Fault::within(fault(sub.ty, value, around), sub.name)
            }
            (None, Need::Required) => Some(Box::new(Fault::missing(sub.name.to_owned()))),
            (None, _) => None,
        };
        worst = Fault::worse(worst, found);
    }
    let alternatives: Vec<&str> =
        subs.iter().filter(|s| matches!(s.need, Need::OneOf(_))).map(|s| s.name).collect();
    if chosen.is_none() && !alternatives.is_empty() {
        worst = Fault::worse(worst, Some(Box::new(Fault::missing(alternatives.join("|")))));
    }
    worst
}

/// Rows of a data file: cells without control characters, a column once a row. What the columns mean
/// is asked later (4006).
fn rows<'a>(count: usize, rows: impl Iterator<Item = Struct<'a>>) -> Option<Box<Fault>> {
    if !u32::try_from(count).is_ok_and(|count| count <= LIST_ENTRIES_MAX) {
        return format(&format!("{count} rows"), format!("at most {LIST_ENTRIES_MAX} rows"));
    }
    let mut columns: Vec<&str> = Vec::new();
    for (i, row) in rows.enumerate() {
        columns.clear();
        for (column, value) in row.iter() {
            if Ascii::<WORD_BYTES_MAX>::new(column).is_none_or(|c| c.is_empty()) {
                let expected = format!("a column name of at most {WORD_BYTES_MAX} bytes");
                return Fault::within(format(&shown(column), expected), &i.to_string());
            }
            columns.push(column);
            let cell = free_cell(value.text());
            if cell.is_some() {
                return Fault::within(Fault::within(cell, column), &i.to_string());
            }
        }
        columns.sort_unstable();
        let twice = columns.windows(2).find(|pair| pair.first() == pair.last());
        if let Some([column, ..]) = twice {
            let found = format!("with column {} twice", shown(column));
            return Fault::within(format(&found, "a row with each column once"), &i.to_string());
        }
    }
    None
}

/// A cell may hold long numbers (codes), but no personal ones.
fn free_cell(text: &str) -> Option<Box<Fault>> {
    if CELL_CHARS_MAX < text.len() && CELL_CHARS_MAX < text.chars().count() {
        return format("a long text", format!("at most {CELL_CHARS_MAX} characters"));
    }
    if text.chars().any(char::is_control) {
        return unsafe_value("control characters");
    }
    personal_number(text).and_then(unsafe_value)
}

#[cold]
#[expect(clippy::unnecessary_wraps, reason = "it is a check's answer")]
fn unsafe_value(what: &'static str) -> Option<Box<Fault>> {
    Some(Box::new(Fault::text(what.into())))
}

#[cold]
#[expect(clippy::unnecessary_wraps, reason = "it is a check's answer")]
fn format(found: &str, expected: impl Into<Text>) -> Option<Box<Fault>> {
    Some(Box::new(Fault::format(found.to_owned(), expected.into())))
}

/// A value as a message may show it.
fn spelled(value: Value<'_>) -> String {
    match value {
        Value::Text(text) => shown(text),
        Value::Blob(bytes) => format!("of {} bytes", bytes.len()),
        Value::Int(number) => shown(&number.to_string()),
        Value::Wide(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::List(list) => format!("a list of {} entries", list.len()),
        Value::Struct(_) => "a structure".to_owned(),
    }
}

/// What a type expects, in words.
pub(super) fn expected(ty: Type) -> Text {
    match ty {
        Type::Quota | Type::Loan | Type::Org => "1-24 of A-Z 0-9 -".into(),
        Type::QuotaOrAll => "1-24 of A-Z 0-9 -, or *".into(),
        Type::Source => "one of P, H, L, U, S".into(),
        Type::Unit => "a unit code of 2, 4, 6, 9 or 12 digits without trailing zero groups".into(),
        Type::City => "the unit code of a city, 4 digits".into(),
        Type::CityOrAll => "the unit code of a city, 4 digits, or *".into(),
        Type::Area => "an area code of 12 digits".into(),
        Type::Village => "the area code of a village, 12 digits".into(),
        Type::Household => "a household code of 17 digits".into(),
        Type::Token => "a token of 16 bytes, 32 lower-case hex digits".into(),
        Type::Blob(len) => {
            format!("{len} bytes, {} lower-case hex digits", u16::from(len).saturating_mul(2))
                .into()
        }
        Type::Purpose => "a purpose code like P02".into(),
        Type::Project => "a project id like P441424-00001".into(),
        Type::Tranche => "a tranche id like T16-4414-1".into(),
        Type::BankRef => "1-64 printable ASCII characters".into(),
        Type::Ref => "organisation/voucher_no/line_no or a log position".into(),
        Type::Official => "1-32 of a-z 0-9 . -".into(),
        Type::Flag => "a flag id like F08".into(),
        Type::Amount | Type::AmountOrZero => "an amount".into(),
        Type::Date => "a date YYYY-MM-DD".into(),
        Type::Month => "a month YYYY-MM".into(),
        Type::Year => "a year of four digits".into(),
        Type::BirthYear => "a year from 1900 to that of the effective date".into(),
        Type::Text { .. } | Type::Reason => "a text".into(),
        Type::Word(words) => format!("one of {}", words.join(", ")).into(),
        Type::AnyWord => "a word of 1-40 printable ASCII characters".into(),
        Type::Int { min: i64::MIN, .. } => "a whole number".into(),
        Type::Int { min, max: i64::MAX } => format!("a whole number from {min}").into(),
        Type::Int { min, max } => format!("a whole number from {min} to {max}").into(),
        Type::Bool => "true or false".into(),
        Type::List { .. } => "a list".into(),
        Type::Struct(_) => "a structure".into(),
        Type::Rows(_) => "a list of rows".into(),
    }
}
