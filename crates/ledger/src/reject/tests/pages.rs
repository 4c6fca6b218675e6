//! The pages in `docs/errors/`: one a code, from its row, the table of kinds and `notes.md`.
//!
//! `MINGZHANG_GOLDEN=errors cargo test -p ledger pages` writes them; without it they are compared.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::super::{Firmness, ROWS, Row};
use super::samples_by_code;
use crate::kind::Kind;

/// Version in which all of them came in.
const SINCE: &str = "0.1.0";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors")
}

/// What was written by hand, by code.
fn notes() -> BTreeMap<u16, String> {
    let mut out = BTreeMap::new();
    for part in include_str!("../notes.md").split("## MZ-").skip(1) {
        let (code, text) = part.split_once('\n').unwrap();
        let twice = out.insert(code.parse().unwrap(), text.trim_end().to_owned());
        assert_eq!(twice, None, "two notes for {code}");
    }
    out
}

/// Kinds whose rows list a code.
fn kinds(code: u16) -> String {
    let listed = Kind::ALL.iter().filter(|kind| kind.row().refusals.contains(&code));
    let names: Vec<String> =
        listed.map(|kind| format!("{} `{}`", kind.number(), kind.name())).collect();
    names.join(", ")
}

fn page(row: &Row, note: &str, facts: &[&'static str]) -> String {
    let mut out = String::new();
    let soft = match row.firmness {
        Firmness::Soft => "soft: `exception_reason` and the right approver pass it over",
        Firmness::Hard => "hard: never passed over",
    };
    writeln!(out, "# MZ-{} {}\n", row.code, row.name).unwrap();
    writeln!(out, "Raised when: {}.\n", row.when.replace('|', "\\|")).unwrap();
    writeln!(out, "| | |\n| --- | --- |").unwrap();
    writeln!(out, "| message | {} |", row.message).unwrap();
    writeln!(out, "| what to do | {} |", row.hint).unwrap();
    writeln!(out, "| gRPC status | `{}` |", row.status.name()).unwrap();
    writeln!(out, "| exception | {soft} |").unwrap();
    writeln!(out, "| raised by | {} |", row.raised_by.name().replace('|', ", ")).unwrap();
    if !facts.is_empty() {
        writeln!(out, "| facts in `metadata` | `{}` |", facts.join("`, `")).unwrap();
    }
    let kinds = kinds(row.code);
    if !kinds.is_empty() {
        writeln!(out, "| kinds | {kinds} |").unwrap();
    }
    writeln!(out, "| since | {SINCE} |").unwrap();
    writeln!(out, "\n{note}").unwrap();
    out
}

fn index() -> String {
    let mut out = String::from(
        "# Refusals\n\n\
         Every way in which Mingzhang says no, in the order of the contract: of two that apply, the one that\n\
         stands first in the order of checks answers. A code, its name and its status never change.\n\n\
         `soft` refusals guard rules that reality may already have broken: with an `exception_reason` and the\n\
         right approver they are passed over and recorded. All others hold for everybody.\n\n\
         | code | name | status | soft | when |\n| --- | --- | --- | --- | --- |\n",
    );
    for row in ROWS {
        let soft = if row.firmness == Firmness::Soft { "soft" } else { "" };
        let (code, when) = (row.code, row.when.replace('|', "\\|"));
        let (name, status) = (row.name, row.status.name());
        writeln!(out, "| [MZ-{code}](MZ-{code}.md) | {name} | {status} | {soft} | {when} |")
            .unwrap();
    }
    out
}

#[test]
fn the_pages_are_what_the_table_says() {
    let (notes, facts) = (notes(), samples_by_code());
    let mut files = BTreeMap::from([("README.md".to_owned(), index())]);
    for row in ROWS {
        let note = notes.get(&row.code).unwrap_or_else(|| panic!("no note for {}", row.code));
        files.insert(format!("MZ-{}.md", row.code), page(row, note, &facts[&row.code]));
    }
    assert_eq!(notes.len(), ROWS.len(), "a note for a code that is not there");
    if std::env::var("MINGZHANG_GOLDEN").is_ok_and(|what| what == "errors") {
        std::fs::create_dir_all(folder()).unwrap();
        for (name, text) in &files {
            std::fs::write(folder().join(name), text).unwrap();
        }
    }
    let again = "`MINGZHANG_GOLDEN=errors cargo test -p ledger pages` writes the pages";
    for (name, text) in &files {
        let found = std::fs::read_to_string(folder().join(name)).unwrap_or_default();
        assert!(&found == text, "docs/errors/{name} differs; {again}");
    }
    let listed = std::fs::read_dir(folder()).unwrap().count();
    assert_eq!(listed, files.len(), "docs/errors holds other files too");
}

/// The answer in each example is what its row says: the words of the message, in their order.
#[test]
fn examples_answer_as_their_rows_do() {
    let notes = notes();
    for row in ROWS {
        let label = format!("MZ-{} ", row.code);
        let template = if row.message == "-" { row.when } else { row.message };
        let mut rest = notes[&row.code]
            .lines()
            .find_map(|line| line.strip_prefix(&label))
            .unwrap_or_else(|| panic!("{label}has no example"));
        for (i, literal) in literals(template).into_iter().enumerate() {
            let at =
                rest.find(&literal).unwrap_or_else(|| panic!("{label}{literal:?} in {rest:?}"));
            assert!(0 < i || at == 0 || template.starts_with('{'), "{label}{rest:?}");
            rest = &rest[at + literal.len()..];
        }
        assert!(rest.is_empty() || template.ends_with('}'), "{label}{rest:?}");
    }
}

/// The pieces of a message between its facts.
fn literals(template: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut inside = false;
    for c in template.chars() {
        match c {
            '{' => inside = true,
            '}' => {
                inside = false;
                out.push(String::new());
            }
            c if !inside => out.last_mut().unwrap().push(c),
            _ => (),
        }
    }
    out.retain(|literal| !literal.is_empty());
    out
}
