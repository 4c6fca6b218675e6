//! Spoils a voucher that could be posted: one field, one line, one thing of its header.
//!
//! Always: what comes out is still a voucher that a file could hold; whether it is refused, and why, the
//! model says.

use serde_json::{Value, json};

use crate::doc::{Doc, Fields, number, text};
use crate::model::{Model, plus};
use crate::world::{PURPOSES, Rng, UNITS, code};

const ORGS: [&str; 14] = [
    "FB44",
    "PO44",
    "OP44",
    "DI44",
    "AU44",
    "FB4401",
    "FB4414",
    "FB441424",
    "TG441424901",
    "VC441424901201",
    "PO441424",
    "HU440106-07",
    "FB440507",
    "FB4499",
];

/// Spoils it, in one or two places.
pub(crate) fn spoil(rng: &mut Rng, model: &Model, doc: &mut Doc) {
    for _ in 0..=rng.below(5) / 4 {
        match rng.below(10) {
            0..=2 => header(rng, model, doc),
            3 => shape(rng, doc),
            _ => line(rng, model, doc),
        }
    }
}

fn header(rng: &mut Rng, model: &Model, doc: &mut Doc) {
    let date = text(&doc.head, "effective_date").to_owned();
    match rng.below(22) {
        0 => done(doc.set("approved_by", "")),
        1 => {
            let own = text(&doc.head, "prepared_by").to_owned();
            doc.set("approved_by", &own);
        }
        2 | 3 => done(
            doc.set("approved_by", rng.pick(&["a.fb4414", "a.fb440507", "x.y", "p.di44"]).unwrap()),
        ),
        4 => done(
            doc.set("prepared_by", rng.pick(&["p.fb4418", "p.di44", "a.po44", "x.y"]).unwrap()),
        ),
        5 | 6 => {
            let org = rng.pick(&ORGS).unwrap();
            doc.set("organisation", org).set("prepared_by", &format!("p.{}", org.to_lowercase()));
        }
        7 => done(doc.set("doc_no", "")),
        8 => {
            done(doc.set(
                "effective_date",
                rng.pick(&["2015-12-31", "2016-06-03", "2020-01-01"]).unwrap(),
            ))
        }
        9 | 10 => done(doc.set(
            "effective_date",
            &plus(&date, -(rng.below(500) as i64)).max("2015-01-01".into()),
        )),
        11 => done(doc.set("exception_reason", "it has happened already")),
        12 => done(doc.set("exception_reason", "short")),
        13 => done(doc.set("memo", "call 13800138000 now")),
        14 => done(doc.set("effective_date", "2016-02-30")),
        15 => {
            done(doc.set(rng.pick(&["voucher_no", "prepared_by", "effective_date"]).unwrap(), ""))
        }
        16 => done(
            doc.set(rng.pick(&["voucher_no", "prepared_by", "approved_by"]).unwrap(), "not so!"),
        ),
        17 => done(
            doc.set("signature", "valid")
                .set("approver_key", &format!("{:0<32}", "6b6579").repeat(2)),
        ),
        18 => done(doc.set("signature", "invalid").set("approver_key", &"00".repeat(32))),
        19 => done(doc.set("notice_ref", &"公".repeat(64 + rng.below(2)))),
        _ => {
            // A number that was used.
            let keys: Vec<_> = model.keys.keys().cloned().collect();
            if let Some((org, no)) = rng.pick(&keys) {
                doc.set("organisation", &org).set("voucher_no", &no);
            }
        }
    }
}

fn done(_: &mut Doc) {}

fn shape(rng: &mut Rng, doc: &mut Doc) {
    if doc.lines.is_empty() {
        return;
    }
    let nth = rng.below(doc.lines.len());
    match rng.below(8) {
        0 => {
            doc.head.insert("line_count".into(), json!(doc.lines.len() + 1));
        }
        1 => {
            let total = number(&doc.head, "total").unwrap_or(0) as i64;
            doc.head.insert("total".into(), json!(total.saturating_add(1)));
        }
        2 => {
            let again = doc.lines[nth].clone();
            doc.lines.push(again);
            let no = doc.lines.len();
            doc.lines[no - 1].insert("line_no".into(), json!(no));
            doc.state_totals();
        }
        3 => {
            doc.lines[nth].insert("line_no".into(), json!(7));
        }
        4 => {
            doc.lines.clear();
            doc.state_totals();
        }
        5 => {
            doc.line(
                "AccountReleased",
                &json!({"household": code("441424901201", 1),
                "account": "61".repeat(16)}),
            );
            doc.state_totals();
        }
        6 => {
            doc.lines[nth].insert("kind".into(), json!("NoSuchKind"));
        }
        _ => {
            doc.lines[nth].insert("kind".into(), json!("HouseholdExited"));
        }
    }
}

fn line(rng: &mut Rng, model: &Model, doc: &mut Doc) {
    if doc.lines.is_empty() {
        return;
    }
    let nth = rng.below(doc.lines.len());
    let line = &mut doc.lines[nth];
    let names: Vec<String> =
        line.keys().filter(|name| !["line_no", "kind"].contains(&name.as_str())).cloned().collect();
    let Some(name) = rng.pick(&names) else { return };
    match rng.below(12) {
        0 => {
            line.remove(&name);
        }
        1 => {
            let (name, value) = rng.pick(&STRANGERS).unwrap();
            line.entry(name).or_insert(json!(value));
        }
        2 => {
            let memo = rng.pick(&["x", "card 6222020200112233445", "long enough to be a reason"]);
            line.insert("memo".into(), json!(memo.unwrap()));
        }
        _ => {
            if let Some(value) = other(rng, model, line, &name) {
                line.insert(name, value);
            }
        }
    }
    if !rng.one_in(8) {
        doc.state_totals();
    }
}

const STRANGERS: [(&str, &str); 5] = [
    ("household", "44142490120100013"),
    ("tranche", "T16-4414-1"),
    ("memo", "fine"),
    ("loan", "LOAN-1"),
    ("reason", "other"),
];

/// Another value of a field.
fn other(rng: &mut Rng, model: &Model, line: &Fields, name: &str) -> Option<Value> {
    let old = number(line, name).unwrap_or(0) as i64;
    let kind = text(line, "kind");
    let bad = rng.one_in(6);
    Some(match name {
        "amount" | "issued" | "cash_in" | "paid_before" | "planned" | "principal" => {
            let most = 1_000_000_000_000_000;
            json!(rng.pick(&[0, -5, old + 1, old + 1, old * 3, most, most + 1, 1, 5_000_001])?)
        }
        "quota" => {
            let quotas: Vec<_> = model
                .recs
                .iter()
                .map(|rec| rec.text("quota"))
                .filter(|id| !id.is_empty())
                .collect();
            json!(if bad {
                rng.pick(&["NONE", "q", "4111111111111111"])?
            } else {
                rng.pick(&quotas)?
            })
        }
        "unit" | "from_unit" | "to_unit" | "treasury" | "home_city" | "home" | "home_code" => {
            let more =
                rng.pick(&["44", "4401", "4417", "441424909", "4414249", "440100", "441424901299"]);
            json!(if bad { more? } else { rng.pick(&UNITS)? })
        }
        "village" | "code" | "parent" | "successor" => {
            json!(rng.pick(&[
                "441424901201",
                "440507901201",
                "441424901299",
                "441424000000",
                "4414"
            ])?)
        }
        "household" | "new_household" | "into" | "from" | "to"
            if kind != "TransferSent" && kind != "FundsReturnedUp" =>
        {
            let houses: Vec<String> = model.houses.keys().cloned().collect();
            let unknown = code("441424901201", 9_000 + rng.below(9));
            if bad {
                json!(rng.pick(&[unknown, "44142490120100014".into(), "4414".into()])?)
            } else {
                json!(rng.pick(&houses)?)
            }
        }
        "account" | "holder" => {
            let accounts: Vec<_> = model.bindings.iter().map(|b| b.account.clone()).collect();
            json!(if bad {
                rng.pick(&["ab".repeat(16), "ab".repeat(15)])?
            } else {
                rng.pick(&accounts)?
            })
        }
        "purpose" => {
            json!(if bad { rng.pick(&["X99", "p", "P08"])? } else { rng.pick(&PURPOSES)? })
        }
        "project" => {
            let projects: Vec<String> = model.projects.keys().cloned().collect();
            json!(if bad {
                rng.pick(&["P441424-99999".into(), "P4".to_owned()])?
            } else {
                rng.pick(&projects)?
            })
        }
        "ref" => {
            let recs: Vec<_> = model.recs.iter().map(|rec| rec.name.clone()).collect();
            if rng.one_in(3) {
                json!((model.next + 1).to_string())
            } else if rng.one_in(5) {
                json!("FB44/NONE/1")
            } else {
                json!(rng.pick(&recs)?)
            }
        }
        "member_no" | "no" | "new_no" => json!(rng.pick(&[0, 1, 2, 9, 99, 100])?),
        "bank_ref" => {
            let refs: Vec<_> =
                model.recs.iter().map(|r| r.text("bank_ref")).filter(|r| !r.is_empty()).collect();
            json!(if bad {
                rng.pick(&["4111111111111111", "11010519491231002X", "with space"])?
            } else {
                rng.pick(&refs)?
            })
        }
        "tranche" => {
            let ids: Vec<_> =
                model.recs.iter().map(|r| r.text("tranche")).filter(|id| !id.is_empty()).collect();
            json!(if bad { rng.pick(&["T16-4414-999", "T16"])? } else { rng.pick(&ids)? })
        }
        "year" => json!(rng.pick(&[2015, 2016, 2018, 2019])?),
        "source" => json!(rng.pick(&["P", "H", "L", "U", "S", "X"])?),
        "programme" => json!(rng.pick(&["dev", "unit", "special", "x"])?),
        "reason" => json!(rng.pick(&["other", "short", "amount", "nonsense and a half"])?),
        "class" | "ability" | "mode" | "account_kind" | "state" => {
            json!(rng.pick(&["none", "dibao", "bank"])?)
        }
        "died" => json!(rng.pick(&["2016-12-01", "2019-12-31", "2016-13-01"])?),
        "version" => json!(rng.pick(&[old + 1, 1, 0])?.max(1)),
        "effective_from" => json!(rng.pick(&["2016-06-04", "2018-01-01"])?),
        "weights" => json!(rng.pick(&[[3, 3, 1], [0, 0, 0], [9_000, 1_000, 1], [1, 0, 0]])?),
        "helper" => json!(rng.pick(&["4401", "4403"])?),
        "heads" => json!(rng.pick(&[1, 1_000])?),
        "months" => json!(rng.pick(&[36, 37, 1])?),
        "rate_bp" => json!(rng.pick(&[0, 2_400])?),
        "records" => json!(old + 1),
        "period" => json!(rng.pick(&["2016-07", "2016-12", "2019-11", "2016-13"])?),
        "per_head_fen" => json!(0),
        "pool_cap" => json!("soft"),
        "always" => json!(["NoSuchKind"]),
        "organisation" => json!(rng.pick(&ORGS)?),
        "role" => {
            json!(rng.pick(&["preparer", "inspector", "rule_keeper", "helper_finance", "boss"])?)
        }
        "official" => json!(rng.pick(&["p.fb4414", "p.vc441424901201", "new.one", "Not So"])?),
        "loan" => {
            let loans: Vec<String> = model.loans.keys().cloned().collect();
            json!(rng.pick(&loans).filter(|_| !bad).unwrap_or("LOAN-X".into()))
        }
        "shares" => json!([{"village": "441424901201", "shares": rng.pick(&[0, 1, 1_000_001])?},
            {"village": "441424901201", "shares": 1}]),
        "counties" => json!([]),
        _ => return None,
    })
}
