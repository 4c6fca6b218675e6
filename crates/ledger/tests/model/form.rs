//! Step A: what a voucher alone can show. Every offending line answers, the header before all.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::doc::{Doc, Fields, number, text};
use crate::table::{ROWS, Row, row};

/// A refusal: line (0: the header), code, field.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct No {
    pub(crate) line: u32,
    pub(crate) code: u16,
    pub(crate) field: String,
}

pub(crate) fn no(line: u32, code: u16, field: &str) -> No {
    No { line, code, field: field.to_owned() }
}

/// Codes of a line's fields in the order in which they answer.
const ORDER: [u16; 9] = [1015, 1018, 1019, 1014, 1021, 1029, 1027, 1028, 1024];

/// Kinds in which a line may not be repeated, and what tells two lines apart.
const REPEATED: [(&str, &[&str]); 5] = [
    ("TransferSent", &["quota", "to_unit", "bank_ref", "amount"]),
    ("DisbursedToHousehold", &["quota", "household", "purpose", "bank_ref", "amount"]),
    ("DisbursedToProject", &["quota", "project", "purpose", "bank_ref", "amount"]),
    ("FundsReturnedUp", &["quota", "to_unit", "bank_ref", "amount"]),
    ("IncomeDistributed", &["project", "household", "village", "amount"]),
];

/// The refusals of a voucher by itself; empty: none.
pub(crate) fn check(doc: &Doc) -> Vec<No> {
    if doc.lines.len() > 20_000 {
        return vec![no(0, 6001, "lines")];
    }
    if let Some(fault) = header(doc) {
        return vec![fault];
    }
    let lines = || doc.lines.iter().zip(1..);
    let kind = |line: &Fields| row(text(line, "kind"));
    let unknown: Vec<No> = lines()
        .filter(|(line, _)| kind(line).is_none())
        .map(|(_, n)| no(n, 1019, "kind"))
        .collect();
    if !unknown.is_empty() {
        return told(unknown);
    }
    let group = kind(&doc.lines[0]).unwrap().group;
    let mixed = lines().filter(|(line, _)| kind(line).unwrap().group != group);
    let mixed: Vec<No> = mixed.map(|(_, n)| no(n, 1012, "kind")).collect();
    if !mixed.is_empty() {
        return told(mixed);
    }
    let mut out = Vec::new();
    for (line, nth) in lines() {
        let faults = fields(doc, kind(line).unwrap(), line, nth);
        let several = 1 < faults.iter().filter(|(_, code, _)| *code == 1015).count();
        if let Some((_, code, field)) = faults.into_iter().min() {
            // Which of several fields that do not belong is named is not said.
            out.push(no(nth, code, if several { "*" } else { &field }));
        }
    }
    if out.is_empty() && text(&doc.head, "exception_reason").is_empty() {
        out.extend(repeated(doc));
    }
    told(out)
}

/// At most a hundred are listed.
fn told(mut faults: Vec<No>) -> Vec<No> {
    faults.truncate(100);
    faults
}

/// Lines that say the same as an earlier one.
pub(crate) fn repeated(doc: &Doc) -> Vec<No> {
    let (mut seen, mut out) = (BTreeSet::new(), Vec::new());
    for (line, nth) in doc.lines.iter().zip(1..) {
        let kind = text(line, "kind");
        if let Some((_, names)) = REPEATED.iter().find(|(name, _)| *name == kind) {
            let said: Vec<String> = names
                .iter()
                .map(|n| line.get(*n).map(Value::to_string).unwrap_or_default())
                .collect();
            if !seen.insert((kind, said)) {
                out.push(no(nth, 1033, ""));
            }
        }
    }
    out
}

fn header(doc: &Doc) -> Option<No> {
    let head = |name: &str| text(&doc.head, name);
    for name in ["organisation", "voucher_no", "effective_date", "prepared_by"] {
        if head(name).is_empty() {
            return Some(no(0, 1018, name));
        }
    }
    let well = [
        ("organisation", organisation(head("organisation"))),
        ("voucher_no", word(head("voucher_no"), 32)),
        ("effective_date", date(head("effective_date"))),
        ("prepared_by", official(head("prepared_by"))),
        ("approved_by", head("approved_by").is_empty() || official(head("approved_by"))),
    ];
    if let Some((name, _)) = well.iter().find(|(_, well)| !well) {
        return Some(no(0, 1019, name));
    }
    let needs = |line: &Fields| row(text(line, "kind")).is_some_and(|row| row.doc);
    if head("doc_no").is_empty() && doc.lines.iter().any(needs) {
        return Some(no(0, 1026, "doc_no"));
    }
    for (name, max) in [("doc_no", 64), ("notice_ref", 64), ("memo", 200)] {
        if unsafe_text(head(name), max) {
            return Some(no(0, 1027, name));
        }
    }
    let reason = head("exception_reason");
    if unsafe_text(reason, 500) && reason.chars().count() <= 500 {
        return Some(no(0, 1027, "exception_reason"));
    }
    if !reason.is_empty() && !(10..=500).contains(&reason.chars().count()) {
        return Some(no(0, 1028, "exception_reason"));
    }
    totals(doc)
}

fn totals(doc: &Doc) -> Option<No> {
    if doc.lines.is_empty() {
        return Some(no(0, 1032, ""));
    }
    let stated = |name: &str| number(&doc.head, name);
    if stated("line_count") != i128::try_from(doc.lines.len()).ok() {
        return Some(no(0, 1010, "line_count"));
    }
    let bad = |line: &Fields| {
        let zero = matches!(text(line, "kind"), "PeriodClosed" | "BalanceAsserted");
        let wrong = |fen: i128| !amount(fen, zero);
        match row(text(line, "kind")) {
            None => number(line, "amount").is_some_and(wrong),
            Some(row) if row.fields.contains(" amount:") => {
                number(line, "amount").is_none_or(wrong)
            }
            Some(_) => false,
        }
    };
    let counts =
        |line: &&Fields| row(text(line, "kind")).is_none_or(|row| row.fields.contains(" amount:"));
    let sum: i128 = doc.lines.iter().filter(counts).filter_map(|line| number(line, "amount")).sum();
    if !doc.lines.iter().any(bad) && stated("total") != Some(sum) {
        return Some(no(0, 1011, "total"));
    }
    let numbered = |(line, nth): (&Fields, i128)| number(line, "line_no") != Some(nth);
    doc.lines.iter().zip(1..).any(numbered).then(|| no(0, 1031, "line_no"))
}

/// Faults of a line: rank, code, field; the least answers.
fn fields(doc: &Doc, row: &Row, line: &Fields, nth: u32) -> Vec<((usize, usize), u16, String)> {
    let mut out = Vec::new();
    let mut fault = |code: u16, at: usize, field: &str| {
        let rank = ORDER.iter().position(|c| *c == code).unwrap();
        out.push(((rank, at), code, field.to_owned()));
    };
    let specs: Vec<(&str, &str)> =
        row.fields.split(' ').filter_map(|spec| spec.split_once(':')).collect();
    let known: Vec<&str> = specs.iter().flat_map(|(names, _)| names.split('|')).collect();
    for (at, name) in line.keys().enumerate() {
        if !["line_no", "kind", "memo"].contains(&name.as_str()) && !known.contains(&name.as_str())
        {
            fault(1015, at, name);
        }
    }
    for (at, (names, form)) in specs.iter().enumerate() {
        let optional = form.ends_with('?');
        let form = form.trim_end_matches('?');
        let found: Vec<&str> = names.split('|').filter(|name| line.contains_key(*name)).collect();
        match found[..] {
            [] if !optional => fault(1018, at, names),
            [name] => {
                if let Some(code) = value(form, &line[name], line, doc) {
                    fault(code, at, name);
                }
            }
            [_, second] => fault(1015, at, second),
            _ => (),
        }
    }
    let memo = text(line, "memo");
    if row.no == 350 {
        if unsafe_text(memo, 500) && memo.chars().count() <= 500 {
            fault(1027, 99, "memo");
        }
        let none = memo.is_empty() && nth > 1;
        if !none && !(10..=500).contains(&memo.chars().count()) {
            fault(1028, 99, "memo");
        }
    } else if unsafe_text(memo, 200) {
        fault(1027, 99, "memo");
    }
    out
}

/// The words of a form.
#[rustfmt::skip]
const WORDS: [(&str, &str); 16] = [
    ("source", "P H L U S"),
    ("programme", "dev unit special"),
    ("class", "general dibao wubao"),
    ("ability", "full partial none minor elder"),
    ("dissolved", "died left_province other"),
    ("added", "birth marriage return omitted"),
    ("left", "marriage moved army prison other"),
    ("account_kind", "yikatong bank"),
    ("accepted", "accepted"),
    ("borne", "paired_helper home_city"),
    ("mode", "paired self"),
    ("returned", "account_closed name_mismatch wrong_number other"),
    ("repaid", "overpaid not_entitled recovered other"),
    ("reversed", "amount payee quota purpose date duplicate not_done"),
    ("outcome", "unfounded corrected recovered sanctioned transferred"),
    ("role", "preparer approver finance_head registrar registrar_approver rule_keeper helper_finance inspector auditor reporter notice operator"),
];

/// What is wrong with a value.
fn value(form: &str, value: &Value, line: &Fields, doc: &Doc) -> Option<u16> {
    let said = value.as_str().unwrap_or_default();
    let well = match form {
        "household" => return (!household(said)).then_some(1014),
        "target" if line.get("household") == Some(value) => {
            return (!household(said)).then_some(1014);
        }
        "amount" | "zero" => {
            let fen = i128::from(value.as_i64().unwrap_or(0));
            let least = i128::from(
                form != "zero"
                    && !["cash_in", "paid_before"].iter().any(|n| line.get(*n) == Some(value)),
            );
            return if fen < least {
                Some(1021)
            } else {
                (fen > 1_000_000_000_000_000).then_some(1029)
            };
        }
        "words" => {
            return if (10..=500).contains(&said.chars().count()) {
                unsafe_text(said, 500).then_some(1027)
            } else {
                Some(1028)
            };
        }
        "text" => return unsafe_text(said, 200).then_some(1027),
        "name" => return unsafe_text(said, 40).then_some(1027),
        "died" if date(said) => {
            return (text(&doc.head, "effective_date") < said).then_some(1024);
        }
        "died" | "date" => date(said),
        "area" => area(said),
        "village" | "target" => village(said),
        "word" => said.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
        "unit" => unit(said),
        "city_or_all" if said == "*" => true,
        "city" | "city_or_all" => unit(said) && said.len() == 4,
        "sender" => said == "src" || unit(said),
        "src" => said == "src",
        "id" => word(said, 24),
        "quota_or_all" => said == "*" || word(said, 24),
        "tranche" => tranche(said),
        "project" => project(said),
        "purpose" => said.len() == 3 && said.is_char_boundary(1) && digits(&said[1..]),
        "token" => said.len() == 32,
        "org" => organisation(said),
        "official" => official(said),
        "bank_ref" => {
            (1..=64).contains(&said.len())
                && said.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
        }
        "member" => (1..=99).contains(&value.as_i64().unwrap_or(0)),
        "month" => said.len() == 7 && date(&format!("{said}-01")),
        _ => {
            let words = WORDS.iter().find(|(name, _)| *name == form);
            words.is_none_or(|(_, words)| words.split(' ').any(|word| word == said))
        }
    };
    if well { (form != "token" && personal(said)).then_some(1027) } else { Some(1019) }
}

fn amount(fen: i128, zero: bool) -> bool {
    (i128::from(!zero)..=1_000_000_000_000_000).contains(&fen)
}

pub(crate) fn digits(said: &str) -> bool {
    !said.is_empty() && said.bytes().all(|b| b.is_ascii_digit())
}

fn word(said: &str, max: usize) -> bool {
    (1..=max).contains(&said.len())
        && said.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-')
}

fn official(said: &str) -> bool {
    (1..=32).contains(&said.len())
        && said.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b))
}

fn organisation(said: &str) -> bool {
    word(said, 24) && said.len() > 2 && "FB PO TG VC HU DI AU OP".contains(&said[..2])
}

/// A unit code: an area code without its trailing groups of zeros.
pub(crate) fn unit(said: &str) -> bool {
    digits(said) && [2, 4, 6, 9, 12].contains(&said.len()) && trimmed(&padded(said)) == said
}

fn area(said: &str) -> bool {
    said.len() == 12 && digits(said) && unit(trimmed(said))
}

fn village(said: &str) -> bool {
    area(said) && unit(said)
}

/// A unit code, filled up with zeros.
pub(crate) fn padded(unit: &str) -> String {
    format!("{unit:0<12}")
}

/// An area code without its trailing groups of zeros.
pub(crate) fn trimmed(area: &str) -> &str {
    let mut found = area;
    for (len, group) in [(9, 3), (6, 3), (4, 2), (2, 2)] {
        if found.len() == len + group && found[len..].bytes().all(|b| b == b'0') {
            found = &found[..len];
        }
    }
    found
}

/// ISO 7064 MOD 11,10, as the standard describes it.
pub(crate) fn check_digit(sixteen: &str) -> u32 {
    let mut product = 10;
    for digit in sixteen.bytes().map(|b| u32::from(b - b'0')) {
        let mut sum = (digit + product) % 10;
        if sum == 0 {
            sum = 10;
        }
        product = sum * 2 % 11;
    }
    (11 - product) % 10
}

fn household(said: &str) -> bool {
    said.len() == 17
        && digits(said)
        && said[16..].parse::<u32>().ok() == Some(check_digit(&said[..16]))
}

fn tranche(said: &str) -> bool {
    let parts: Vec<&str> = said.split('-').collect();
    match parts[..] {
        [year, home, n] => {
            year.len() == 3
                && year.starts_with('T')
                && digits(&year[1..])
                && unit(home)
                && digits(n)
        }
        _ => false,
    }
}

fn project(said: &str) -> bool {
    said.split_once('-').is_some_and(|(county, n)| {
        county.starts_with('P') && unit(&county[1..]) && n.len() == 5 && digits(n)
    })
}

/// A day of the calendar.
pub(crate) fn date(said: &str) -> bool {
    let parts: Vec<&str> = said.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    if (year.len(), month.len(), day.len()) != (4, 2, 2) || !parts.iter().all(|p| digits(p)) {
        return false;
    }
    let (year, month, day): (u32, u32, u32) =
        (year.parse().unwrap(), month.parse().unwrap(), day.parse().unwrap());
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// Whether the log may not hold a text: too long, a long run of digits, a card or identity number.
pub(crate) fn unsafe_text(said: &str, max: usize) -> bool {
    let mut run = 0;
    let long = said.chars().any(|c| {
        run = if c.is_ascii_digit() { run + 1 } else { 0 };
        run > 10
    });
    said.chars().count() > max || long || said.chars().any(char::is_control)
}

/// Whether a run of digits passes as a card number (Luhn) or an identity number (ISO 7064 MOD 11-2).
fn personal(said: &str) -> bool {
    let upper = said.to_ascii_uppercase();
    let runs = upper.split(|c: char| !c.is_ascii_digit() && c != 'X');
    runs.into_iter().any(|run| card(run.trim_matches('X')) || identity(run))
}

fn card(run: &str) -> bool {
    let sum: u32 = (0..)
        .zip(run.bytes().rev())
        .map(|(i, b)| u32::from(b.wrapping_sub(b'0')) * (1 + i % 2))
        .map(|n| if n > 9 { n - 9 } else { n })
        .sum();
    (15..=19).contains(&run.len()) && digits(run) && sum.is_multiple_of(10)
}

fn identity(run: &str) -> bool {
    if run.len() != 18 || !digits(&run[..17]) {
        return false;
    }
    let sum = run.bytes().take(17).fold(0, |sum, b| (sum + u32::from(b - b'0')) * 2 % 11);
    let check = (12 - sum) % 11;
    run.ends_with(&if check == 10 { "X".to_owned() } else { check.to_string() })
}

#[test]
fn the_table_names_every_kind_once() {
    let listed: Vec<(u32, &str)> = include_str!("../../data/kinds.csv")
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut cells = line.split(',');
            Some((cells.next()?.parse().ok()?, cells.next()?))
        })
        .filter(|(no, _)| *no != 300 && !(510..=512).contains(no))
        .collect();
    let ours: Vec<(u32, &str)> = ROWS.iter().map(|row| (row.no, row.name)).collect();
    assert_eq!(ours, listed);
}
