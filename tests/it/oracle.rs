//! The ledger against a second computation of it, in another language and with none of its code: `tests/oracle`.
//!
//! Lives here: every balance, and the accounts digest of head and seals, of the demo's ledger and of one with
//! every kind of record; what the script says of records that were changed.
//! Lives elsewhere: balances from files and from a server (`demo`), the chain and the books (`verify`).
//!
//! Always: what the script prints is compared as text, so nothing is left out of a comparison.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::server::{Server, mingzhang};

/// What the program prints.
fn printed(args: &[&str]) -> String {
    let run = mingzhang(args);
    assert!(run.status.success(), "{args:?}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

/// The script on records as `mingzhang log --json` prints them.
fn oracle(records: &Path) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/oracle.py");
    // `-B`: nothing is written beside the script.
    let run = Command::new("python3").arg("-B").arg(script).arg(records).output();
    run.unwrap_or_else(|e| {
        panic!("python3 cannot be run: {e}; install it (Debian: apt-get install python3) and test again")
    })
}

/// Compares all balances and the digest as of a position, and says how many of each kind there were.
fn agree(data: &Path, position: u64) -> BTreeMap<String, u64> {
    let (path, at) = (data.to_str().unwrap(), position.to_string());
    let records = data.with_extension("jsonl");
    fs::write(&records, printed(&["log", "--data", path, "--to-seq", &at, "--json"])).unwrap();
    let run = oracle(&records);
    assert!(run.status.success(), "at {at}: {}", String::from_utf8_lossy(&run.stderr));
    let mut kinds = BTreeMap::new();
    for line in String::from_utf8(run.stdout).unwrap().lines() {
        let told: Value = serde_json::from_str(line).unwrap();
        let kind = told["kind"].as_str().unwrap();
        *kinds.entry(kind.to_owned()).or_default() += 1;
        if kind == "accounts" {
            let args = ["rebuild", "--data", path, "--as-of", &at, "--json"];
            let rebuilt: Value = serde_json::from_str(&printed(&args)).unwrap();
            let ours = &rebuilt["views"][0];
            let ours = json!({ "kind": ours["name"], "position": rebuilt["position"], "rows": ours["rows"],
                "digest": ours["digest"] });
            assert_eq!(told, ours, "at {at}");
            continue;
        }
        let code = told["code"].as_str().unwrap();
        let ours = printed(&["balance", kind, code, "--data", path, "--as-of", &at, "--json"]);
        assert_eq!(line, ours.trim_end(), "{kind} {code} at {at}");
    }
    kinds
}

#[test]
fn balances_and_digest_of_the_demo_are_computed_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("d");
    let args = ["demo", "--profile", "xs", "--data", path.to_str().unwrap(), "--json"];
    let demo: Value = serde_json::from_str(&printed(&args)).unwrap();
    let views = demo["rebuild"]["views"].as_array().unwrap();
    let rows = |name: &str| {
        let view = views.iter().find(|view| view["name"] == name).unwrap();
        view["rows"].as_u64().unwrap()
    };
    let head = demo["rebuild"]["position"].as_u64().unwrap();
    let kinds = agree(&path.join("ledger"), head);
    // The areas of the province, and the towns and villages of profile xs.
    let all = [("household", rows("household")), ("village", 10), ("town", 10), ("city", 21)];
    for (kind, number) in all.into_iter().chain([("province", 1), ("accounts", 1)]) {
        assert_eq!(kinds.get(kind), Some(&number), "{kind}: {kinds:?}");
    }
    assert!(100 < kinds["county"], "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn balances_and_digest_of_every_kind_of_record_are_computed_twice() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    let server = Server::fresh(&data).await;
    for name in ["example.jsonl", "every-kind.jsonl", "corners.jsonl"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
        printed(&["post", file.to_str().unwrap(), "--to", &server.address]);
    }
    server.node().seal().await.unwrap();
    let remote = rests_on_earlier_rules("--to", &server.address);
    server.stop().await;
    assert_eq!(remote, rests_on_earlier_rules("--data", data.to_str().unwrap()));
    let text = printed(&["log", "--data", data.to_str().unwrap(), "--json"]);
    let records: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Before rules that hold at the head were posted, in the midst of money that is on its way, before a tranche
    // is reversed and posted rules begin, after it, and at the head, a seal.
    let ends = |r: &&Value| r["part"].as_u64().unwrap() + 1 == r["parts"].as_u64().unwrap();
    let mut found: Vec<&Value> =
        [EARLY, 290].iter().map(|seq| records[*seq..].iter().find(ends).unwrap()).collect();
    found.extend(records.iter().rev().filter(ends).take(3));
    for record in found {
        agree(&data, record["seq"].as_u64().unwrap());
    }
    changes_are_told(&records, dir.path());
}

/// A position before rules that hold at the head were posted.
const EARLY: usize = 170;

/// What is answered as of that position where rules count: ceiling, review line, which city helps.
fn rests_on_earlier_rules(source: &str, of: &str) -> [String; 3] {
    let at = EARLY.to_string();
    [("province", "44"), ("household", "44142490120100013"), ("city", "4418")]
        .map(|(kind, code)| printed(&["balance", kind, code, source, of, "--as-of", &at, "--json"]))
}

/// The script ends with 1 and says why when records are not what was sealed.
fn changes_are_told(records: &[Value], dir: &Path) {
    let paid = records.iter().rposition(|r| r["kind_name"] == "DisbursedToHousehold").unwrap();
    let told = |change: &dyn Fn(&mut Vec<Value>), why: &str| {
        let mut changed = records.to_vec();
        change(&mut changed);
        let lines: Vec<String> = changed.iter().map(Value::to_string).collect();
        let file = dir.join("changed.jsonl");
        fs::write(&file, lines.join("\n")).unwrap();
        let run = oracle(&file);
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(run.status.code() == Some(1) && said.contains(why), "{why}: {said}");
    };
    let more = |record: &mut Value, leg: usize, fen: i64| {
        let old = record["legs"][leg]["fen"].as_i64().unwrap();
        record["legs"][leg]["fen"] = (old + fen).into();
    };
    told(&|r| drop(r.remove(paid)), "does not follow");
    told(&|r| more(&mut r[paid], 0, 1), "do not sum to zero");
    // A fen more to the household, from the cash of the unit: the books close, and the seal does not.
    let paid_more = |records: &mut Vec<Value>| {
        more(&mut records[paid], 0, 1);
        more(&mut records[paid], 1, -1);
    };
    told(&paid_more, "the seal states another");
}
