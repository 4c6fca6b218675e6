//! Runs sequences: the slice of every run, the long one, and what both must meet.
//!
//! Lives here: how many, the codes and kinds that none may miss, shrinking a sequence that fails.
//! Lives elsewhere: one sequence (`pair`).

use crate::doc::{Doc, text};
use crate::pair::{Met, Pair, sequence};

/// Leaves out vouchers for as long as the two are still apart; returns the rest and how.
fn shrunk(mut docs: Vec<Doc>) -> (Vec<Doc>, Option<String>) {
    let apart = |docs: &[Doc]| {
        let mut pair = Pair::new();
        docs.iter().find_map(|doc| pair.post(doc).err())
    };
    let mut size = docs.len() / 2;
    while 0 < size {
        let mut at = docs.len().saturating_sub(1);
        while 0 < at {
            let from = at.saturating_sub(size);
            let less = [&docs[..from], &docs[at..]].concat();
            if apart(&less).is_some() {
                docs = less;
            }
            at = from;
        }
        size /= 2;
    }
    let how = apart(&docs);
    (docs, how)
}

/// Runs sequences; a failing one is shrunk and printed as JSON lines that can be posted again.
pub(crate) fn sequences(seeds: std::ops::Range<u64>, met: &mut Met, each: &mut dyn FnMut(Pair)) {
    for seed in seeds {
        match sequence(seed, 300, met) {
            Ok(pair) => each(pair),
            Err((docs, why)) => {
                let (docs, how) = shrunk(docs);
                let lines: String = docs.iter().map(Doc::json_lines).collect();
                panic!("seed {seed}: {why}\n\nshrunk:\n{lines}{}", how.unwrap_or_default());
            }
        }
    }
}

/// Codes that cannot be met here, and why.
const ELSEWHERE: [(u16, &str); 6] = [
    (3_012, "the ceiling and the limit of an amount stand far below 64 bits; met in `money`"),
    (5_030, "findings: no inspector posts here"),
    (5_031, "findings: no inspector posts here"),
    (5_040, "a hold stands in the vault"),
    (7_001, "findings: no inspector posts here"),
    (7_003, "findings: no inspector posts here"),
];

/// Kinds that are not posted here: those of findings and of the vault.
fn is_elsewhere(kind: u32) -> bool {
    (401..=405).contains(&kind) || (510..=512).contains(&kind)
}

/// A voucher of more lines than any may have.
fn too_long(met: &mut Met) {
    let (mut pair, mut doc) = (Pair::new(), Doc::new("FB44", "LONG", "2016-07-01", "p.fb44"));
    for _ in 0..=20_000 {
        doc.line("Reversed", &serde_json::json!({}));
    }
    let verdict = pair.post(&doc).unwrap();
    met.note(&doc, &verdict);
}

/// Every kind is accepted somewhere and every code of a decision refuses somewhere.
fn all_is_met(met: &Met) {
    let mut missing = Vec::new();
    for row in crate::model::rows(include_str!("../../data/refusals.csv")) {
        let code: u16 = text(&row, "code")[3..].parse().unwrap();
        let ours = text(&row, "raised_by").split('|').any(|by| by == "decide");
        let elsewhere = ELSEWHERE.iter().any(|(other, _)| *other == code);
        assert!(
            !elsewhere || !met.codes.contains_key(&code),
            "{code} is met: take it off the list"
        );
        if ours && !elsewhere && !met.codes.contains_key(&code) {
            missing.push(text(&row, "code").to_owned());
        }
    }
    for row in crate::model::rows(include_str!("../../data/kinds.csv")) {
        let number: u32 = text(&row, "no").parse().unwrap();
        let kind = text(&row, "kind");
        if number != 300 && !is_elsewhere(number) && !met.kinds.contains_key(kind) {
            missing.push(kind.to_owned());
        }
    }
    assert!(missing.is_empty(), "never reached: {missing:?}\n{:?}\n{:?}", met.kinds, met.codes);
}

/// The slice of every run.
#[test]
fn the_ledger_says_what_the_model_says() {
    let mut met = Met::default();
    too_long(&mut met);
    sequences(0..56, &mut met, &mut drop);
    all_is_met(&met);
}

/// `MINGZHANG_MODEL=10000 cargo test --release -p ledger --test model -- --ignored long` runs so many
/// sequences, from the seed in `MINGZHANG_MODEL_FROM`.
#[test]
#[ignore = "minutes: see above"]
fn the_ledger_says_what_the_model_says_for_long() {
    let number = |name: &str, or: u64| std::env::var(name).map_or(or, |n| n.parse().unwrap());
    let from = number("MINGZHANG_MODEL_FROM", 0);
    let mut met = Met::default();
    too_long(&mut met);
    sequences(from..from + number("MINGZHANG_MODEL", 10_000), &mut met, &mut drop);
    println!("{:?}\n{:?}", met.kinds, met.codes);
    all_is_met(&met);
}
