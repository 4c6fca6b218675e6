//! The table of flags: complete, with the parameters that the rules know, and told by its page.

use std::fmt::Write as _;

use super::*;

#[test]
fn the_table_has_every_flag_once_with_its_parameters() {
    let numbers: Vec<u8> = TABLE.iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=29).collect::<Vec<u8>>());
    for row in TABLE {
        let flag = Flag::of_number(row.number).unwrap();
        let names: Vec<&str> = row.params.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, flag.parameters(), "{flag}");
        assert!((1..=3).contains(&row.severity), "{flag}");
    }
}

#[test]
fn a_flag_without_parameters_in_force_has_no_alerts() {
    assert_eq!(alerts(&Facts::new(), Date::PROGRAMME_START, None), []);
}

#[test]
fn an_id_depends_on_everything_that_names_the_alert() {
    let flag = |n| Flag::of_number(n).unwrap();
    let id = alert_id(flag(7), 1, b"abc", Seq(9));
    let bytes = b"\x07\0\x01\0\0\0\x03\0abc\x09\0\0\0\0\0\0\0";
    let spelled = blake3::derive_key("mingzhang 2026-11-24 alert v1", bytes);
    assert_eq!(id, spelled[..16]);
    for other in [
        alert_id(flag(8), 1, b"abc", Seq(9)),
        alert_id(flag(7), 2, b"abc", Seq(9)),
        alert_id(flag(7), 1, b"abd", Seq(9)),
        alert_id(flag(7), 1, b"abc", Seq(8)),
    ] {
        assert_ne!(id, other);
    }
}

#[test]
fn the_page_of_flags_is_the_table() {
    let mut page = String::from(PAGE_HEAD);
    for row in TABLE {
        let params = row.params.iter().map(|(name, value)| format!("{name} {value}"));
        let params = params.collect::<Vec<_>>().join(", ");
        let Row { name, name_zh, misconduct, subject, rule, evidence, false_positive, .. } = row;
        writeln!(
            page,
            "| F{:02} | {name_zh} {name} | {misconduct} | {subject} | {rule} | {params} | {evidence} | {false_positive} | {} |",
            row.number, row.severity
        )
        .unwrap();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/flags.md");
    if std::env::var_os("MINGZHANG_WRITE_PAGES").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap();
    assert!(found == page, "docs/flags.md is not the table: run with MINGZHANG_WRITE_PAGES=1");
}

const PAGE_HEAD: &str = "# Red flags 预警

A flag is a sign in the log that an inspector should look at. It says \"look here\", never \"guilty\". It is a function of
the log up to a position, the day asked about and the parameters in force on that day (rule 207), so anybody computes
the same alerts from the same log. Records dated after the day do not count; reversed ones and their reversals neither;
what was posted late counts from its own date. Each flag's readings stand at the head of its file in
`crates/views/src/flags`. Severity runs from 1 to 3; F07 and F09 set their own.

| flag | name | misconduct | subject | rule | parameters and first values | evidence | fires on what is right | severity |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
";
