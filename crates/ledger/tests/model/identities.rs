//! What must hold of the books after every voucher, from the model's own legs.
//!
//! Lives here: the identities of accounts, quotas, tranches and records; the ledger's balances beside the
//! model's.
//! Lives elsewhere: those of the views (`crates/views/tests`).

use std::collections::BTreeMap;

use crate::bench;
use crate::doc::text;
use crate::model::{Legs, Model, split};
use crate::money::{SOURCES, parts};

fn must(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

fn is_origin(path: &str) -> bool {
    ["Q.plan.", "C.src.", "B.base.", "I.op."].iter().any(|class| path.starts_with(class))
}

/// Sum of a class over paths that end so.
fn sum(model: &Model, class: &str, end: &str) -> i128 {
    let of = |(path, _): &(&String, &i128)| path.starts_with(class) && path.ends_with(end);
    model.balances.iter().filter(of).map(|(_, fen)| fen).sum()
}

/// All of them; `legs` are those of the voucher that was posted last.
pub(crate) fn check(model: &Model, ledger: &bench::World, legs: &[Legs]) -> Result<(), String> {
    let ours: BTreeMap<&str, i128> =
        model.balances.iter().filter(|(_, f)| **f != 0).map(|(p, f)| (p.as_str(), *f)).collect();
    let theirs: BTreeMap<&str, i128> =
        ledger.accounts.iter().filter(|(_, f)| *f != 0).map(|(p, f)| (p, f.into())).collect();
    must(ours == theirs, || format!("balances\nmodel  {ours:?}\nledger {theirs:?}"))?;
    for legs in legs {
        for book in ["Q.", "C.", "B.", "I."] {
            let of = legs.iter().filter(|(path, _)| path.starts_with(book));
            must(of.map(|(_, fen)| fen).sum::<i128>() == 0, || format!("1: {legs:?}"))?;
        }
    }
    for book in ["Q.", "C.", "B.", "I."] {
        must(sum(model, book, "") == 0, || format!("2: {book}"))?;
    }
    for (path, fen) in &model.balances {
        let side = if is_origin(path) { *fen <= 0 } else { 0 <= *fen };
        must(side, || format!("3: {path} {fen}"))?;
    }
    if legs.iter().all(Legs::is_empty) {
        return Ok(());
    }
    quotas(model)?;
    cities(model)?;
    projects(model)?;
    records(model)
}

/// Nos. 4, 6, 8.
fn quotas(model: &Model) -> Result<(), String> {
    for def in model.recs.iter().filter(|rec| matches!(rec.no, 310 | 312)) {
        let quota = def.text("quota");
        let end = format!(".{quota}");
        let spread = sum(model, "Q.quota.", &end) + sum(model, "Q.used.", &end);
        must(model.issued_net(def) == spread, || format!("4: {quota}"))?;
        let paid = |kinds: &[u32], back: &[u32]| -> i128 {
            let of = model.of(kinds).filter(|rec| rec.text("quota") == quota);
            of.map(|rec| rec.amount - model.against(rec.seq, back)).sum()
        };
        let net = paid(&[330], &[340, 341]) + paid(&[331], &[342]);
        let cash = ["C.way.", "C.hold.", "C.prior."].iter().map(|c| sum(model, c, &end));
        must(-sum(model, "C.src.", &end) == cash.sum::<i128>() + net, || format!("6: {quota}"))?;
        for (path, used) in &model.balances {
            let Some(unit) = path.strip_prefix("Q.used.").and_then(|p| p.strip_suffix(&end)) else {
                continue;
            };
            let of = model
                .of(&[330, 331])
                .filter(|r| (r.text("quota"), r.unit.as_str()) == (quota, unit));
            let net: i128 = of.map(|r| r.amount - model.against(r.seq, &[340, 341, 342])).sum();
            let prior = model.balance(&format!("C.prior.{unit}.{quota}"));
            must(*used == net + prior, || format!("8: {path}"))?;
        }
    }
    Ok(())
}

/// Nos. 5, 12, 13.
fn cities(model: &Model) -> Result<(), String> {
    for (path, planned) in model.balances.iter().filter(|(path, _)| path.starts_with("Q.plan.")) {
        let end = &path["Q.plan.".len()..];
        let (source, city) = end.split_once('.').unwrap();
        let issued: i128 = model
            .of(&[310, 312])
            .filter(|def| (def.text("source"), def.text("home_city")) == (source, city))
            .map(|def| model.issued_net(def))
            .sum();
        let owed = model.balance(&format!("Q.owed.{end}"));
        must(-planned == owed + issued, || format!("5: {path}"))?;
        if let Some(i) = SOURCES.iter().position(|s| *s == source) {
            let tranches = model.of(&[311]).filter(|rec| rec.text("home_city") == city);
            let opened = model
                .of(&[310])
                .filter(|def| (def.text("source"), def.text("home_city")) == (source, city))
                .map(|def| def.amount);
            let sum = tranches.map(|rec| parts(rec)[i]).sum::<i128>() + opened.sum::<i128>();
            // What was withdrawn to the top of an opening is owed again.
            must(-planned == sum, || format!("5: {path} {planned} {sum}"))?;
        }
    }
    split_holds(model)
}

/// No. 13: the parts of tranches sum to their amounts; without reversals they are the split of the sum.
fn split_holds(model: &Model) -> Result<(), String> {
    let mut kept: BTreeMap<&str, (i128, [i128; 3], bool)> = BTreeMap::new();
    for rec in model.recs.iter().filter(|rec| rec.no == 311) {
        let (sum, acc, touched) = kept.entry(&rec.note).or_default();
        if model.live(rec) {
            *sum += rec.amount;
            for (part, more) in acc.iter_mut().zip(parts(rec)) {
                *part += more;
            }
        } else {
            *touched = true;
        }
    }
    for (scheme, (sum, acc, touched)) in kept {
        must(acc.iter().sum::<i128>() == sum, || format!("13: {scheme}"))?;
        let (key, number) = scheme.split_once(' ').unwrap().1.rsplit_once(' ').unwrap();
        let number: usize = number.parse().unwrap();
        let weights = model.rules[key][number - 1].content["weights"].as_array().unwrap();
        let weights: Vec<i128> = weights.iter().map(|w| w.as_i64().unwrap().into()).collect();
        must(touched || split(sum, &weights) == acc, || format!("13: {scheme} {acc:?}"))?;
    }
    Ok(())
}

/// Nos. 10, 11.
fn projects(model: &Model) -> Result<(), String> {
    for id in model.projects.keys() {
        let of = |kinds: &[u32]| -> i128 {
            model.of(kinds).filter(|r| r.text("project") == id).map(|r| r.amount).sum()
        };
        let paid = model.balance(&format!("C.prj.{id}"));
        let open = model.balance(&format!("B.open.{id}"));
        must(paid == open + of(&[332]) - of(&[333]), || format!("10: {id}"))?;
        let (op, due) =
            (model.balance(&format!("I.op.{id}")), model.balance(&format!("I.due.{id}")));
        must(-op == due + of(&[361]), || format!("11: {id}"))?;
    }
    Ok(())
}

/// No. 14.
fn records(model: &Model) -> Result<(), String> {
    for rec in &model.recs {
        let back = model.against(rec.seq, &[321, 322, 340, 341, 342]);
        must(back <= rec.amount, || format!("14: {}", rec.name))?;
        let reversals: Vec<_> =
            model.recs.iter().filter(|r| r.no == 350 && r.refers == Some(rec.seq)).collect();
        must(reversals.len() <= 1, || format!("14: {} is reversed twice", rec.name))?;
        for by in reversals {
            let mirror = rec.legs.iter().all(|(path, fen)| by.legs.get(path) == Some(&-fen));
            must(mirror && by.legs.len() == rec.legs.len(), || format!("14: {}", by.name))?;
            must(text(&by.fields, "kind") == "Reversed", || by.name.clone())?;
        }
    }
    Ok(())
}
