//! The table against the contract's copy, and the texts it makes.

mod pages;

use super::*;
use crate::ids::Ascii;

/// A fact that has an example of its type.
pub(super) trait Sample: Fact {
    fn sample() -> Self;
}

macro_rules! samples_of {
    ($($ty:ty = $sample:expr;)*) => {
        $(impl Sample for $ty {
            fn sample() -> Self {
                $sample
            }
        })*
    };
}

samples_of! {
    Fen = Fen::new(15_000_001);
    WideFen = WideFen(292_434_000_000);
    Text = Text::Borrowed("example");
    u8 = 2;
    u32 = 3;
    u64 = 17;
    i64 = 40;
    Seq = Seq(1204);
    Date = Date(17_000);
    Unit = Unit::parse("441424901201").unwrap();
    AreaCode = AreaCode(Unit::sample());
    Month = Month(Date::sample().month());
    HouseholdCode = HouseholdCode::parse("44142490120100013").unwrap();
    Source = Source::H;
    Kind = Kind::DisbursedToHousehold;
    HouseholdState = HouseholdState::Removed;
    Class = Class::General;
    Role = Role::Preparer;
}

impl<const N: usize> Sample for Ascii<N> {
    fn sample() -> Self {
        let text = match N {
            3 => "P02",
            13 => "P441424-00001",
            32 => "p.vc1",
            _ => "Q16-4401-0001",
        };
        Self::new(text).unwrap()
    }
}

#[test]
fn the_table_is_the_contracts() {
    let mut reader = csv::Reader::from_reader(&include_bytes!("../../data/refusals.csv")[..]);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), ROWS.len());
    for (row, ours) in rows.iter().zip(ROWS) {
        let row: Vec<&str> = row.iter().collect();
        let soft = if ours.firmness == Firmness::Soft { "yes" } else { "no" };
        assert_eq!(
            row,
            [
                &format!("MZ-{}", ours.code),
                ours.name,
                ours.status.name(),
                soft,
                ours.when,
                ours.message,
                ours.hint,
                ours.raised_by.name(),
            ]
        );
    }
    assert!(ROWS.is_sorted_by_key(|row| row.code));
}

#[test]
fn a_reason_says_what_its_row_says() {
    for (reason, row) in samples().iter().zip(ROWS) {
        assert_eq!((reason.code(), reason.name()), (row.code, row.name));
        assert_eq!(reason.status(), row.status);
        assert_eq!(reason.is_soft(), row.firmness == Firmness::Soft);
        let message = reason.message();
        assert!(!message.contains(['{', '}']) && message.len() > 5, "{message}");
        assert_eq!(reason.hint().is_none(), row.hint == "-");
    }
}

#[test]
fn facts_are_for_programs_and_messages_for_people() {
    let reason = Reason::QuotaInsufficient {
        unit: Unit::parse("441424901201").unwrap(),
        balance: Fen::new(15_000_000),
        quota: QuotaId::id("Q16-4401-0001").unwrap(),
        needed: Fen::new(15_000_001),
    };
    assert_eq!(
        reason.message(),
        "unit 441424901201 has 150000.00 yuan of quota Q16-4401-0001, 150000.01 needed"
    );
    assert_eq!(reason.hint().unwrap(), "Ask for a release, or use another quota");
    let facts: Vec<String> =
        reason.facts().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        facts,
        ["unit=441424901201", "balance_fen=15000000", "quota=Q16-4401-0001", "needed_fen=15000001"]
    );
    assert_eq!(reason.label(), "MZ-3018");
    let reused = Reason::BankRefReused { r#ref: "B-1".into(), seq: Seq(9) };
    assert_eq!(reused.facts(), [("ref", "B-1".to_owned()), ("seq", "9".to_owned())]);
    assert_eq!(reused.message(), "bank reference B-1 was used at 9");
}

#[test]
fn money_facts_are_named_in_fen() {
    for reason in samples() {
        for (name, value) in reason.facts() {
            assert_eq!(
                name.ends_with("_fen"),
                value == "15000001" || value == "292434000000",
                "{name}"
            );
        }
    }
}

#[test]
fn months_areas_and_ceilings_print_as_files_write_them() {
    let date = Date::parse("2016-06-04").unwrap();
    assert_eq!(Month(date.month()).to_string(), "2016-06");
    assert_eq!(AreaCode(Unit::parse("4414").unwrap()).to_string(), "441400000000");
    assert_eq!(WideFen(i128::from(i64::MAX) * 1_000).to_string(), "92233720368547758070.00");
    assert_eq!(WideFen(-5).to_string(), "-0.05");
}

#[test]
fn a_place_is_spelled_as_in_the_api() {
    let at = |line, field: &str| Reason::EmptyVoucher {}.at(line, field).place();
    assert_eq!(at(17, "household"), "lines[17].household");
    assert_eq!(at(17, ""), "lines[17]");
    assert_eq!(at(0, "doc_no"), "header.doc_no");
    assert_eq!(at(0, ""), "header");
}

/// Names of the facts of each code, as programs read them.
fn samples_by_code() -> std::collections::BTreeMap<u16, Vec<&'static str>> {
    let names = |reason: &Reason| reason.facts().into_iter().map(|(name, _)| name).collect();
    samples().iter().map(|reason| (reason.code(), names(reason))).collect()
}
