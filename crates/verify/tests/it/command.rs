//! The program: exit codes, text, JSON.

use std::process::{Command, Output};

use serde_json::Value;

use crate::ledger::{Dir, HEADER, Ledger, SEGMENT, signer};

fn run(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_mingzhang-verify")).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn path(dir: &Dir) -> String {
    dir.0.path().to_str().unwrap().to_owned()
}

#[test]
fn a_true_ledger_is_told_in_full() {
    let ledger = Ledger::sample();
    let dir = ledger.write();
    dir.put("published/checkpoint", ledger.checkpoint(11));
    let (code, out, err) = run(&[&path(&dir)]);
    assert_eq!((code, err.as_str()), (0, ""));
    let expected = "\
origin      ledger.example/gd
ledger      synthetic (seed 20160604): invented data, its keys are public
records     11
time        2016-11-21 12:00:00 to 2016-11-21 12:00:00, China time
chain head  HEAD
tree root   ROOT
accounts    8, digest DIGEST
seals       2, the last at position 10, 2016-11-21 12:00:00

kind        records
1                 1  Genesis
2                 2  Seal
300               2  VoucherPosted
330               6  DisbursedToHousehold

class      accounts         balance (yuan)
C.hh              1                3000.00
C.hold            1                1400.00
C.src             1               -4500.00
C.way             1                 100.00
Q.owed            1                4000.00
Q.plan            1               -9000.00
Q.quota           2                2000.00
Q.used            1                3000.00

ok      framing     1 segments, every header says what it frames
ok      envelope    11 records, all canonical
ok      chain       every record continues the one before, no group is torn
ok      books       every record keeps every sum, 9 accounts on their side
ok      seals       2 state the tree's root and the digest of all balances
ok      tail        nothing behind the last block
-       clean       no marker of a clean stop
ok      published   published/checkpoint of size 11 holds
-       signature   not checked (no key given)

ok: 11 records hold together
not checked: clean (no marker of a clean stop); signature (not checked (no key given)); payload rules \
and views (run `mingzhang rebuild`)
";
    let hidden = |text: &str| {
        let hide = |line: &str| match line.rsplit_once(' ') {
            Some((head, hash)) if hash.len() == 64 => format!("{head} HASH"),
            _ => line.replace("HEAD", "HASH").replace("ROOT", "HASH").replace("DIGEST", "HASH"),
        };
        text.lines().map(hide).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(hidden(&out), hidden(&expected.replace("accounts    8", "accounts    9")));
}

#[test]
fn json_is_the_documented_document() {
    let ledger = Ledger::sample();
    let dir = ledger.write();
    dir.put("published/checkpoint", ledger.checkpoint(11));
    let vkey = signer().vkey().to_string();
    let (code, out, _) = run(&[&path(&dir), "--json", "--vkey", &vkey]);
    assert_eq!(code, 0);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["ok"], true);
    assert_eq!(json["origin"], "ledger.example/gd");
    assert_eq!((&json["records"], &json["last_seq"]), (&11.into(), &10.into()));
    assert_eq!(json["tree_size"], 11);
    for name in ["chain_head", "tree_root"] {
        assert_eq!(json[name].as_str().unwrap().len(), 64);
    }
    assert_eq!(json["books"][3]["book"], "I");
    assert_eq!(json["books"][0]["sum_fen"], 0);
    assert_eq!(json["synthetic"], true);
    assert!(json["tail"].is_null() && json["failure"].is_null());
    let checks = json["checks"].as_array().unwrap();
    let signature = checks.iter().find(|check| check["name"] == "signature").unwrap();
    assert_eq!(signature["ok"], true);
    let (_, out, _) = run(&["--json", &path(&dir)]);
    let json: Value = serde_json::from_str(&out).unwrap();
    let checks = json["checks"].as_array().unwrap();
    let signature = checks.iter().find(|check| check["name"] == "signature").unwrap();
    assert!(signature["ok"].is_null());
    assert_eq!(signature["detail"], "not checked (no key given)");
}

#[test]
fn tampering_is_1_and_named() {
    let dir = Ledger::sample().write();
    dir.edit(|bytes| bytes[HEADER + 112 + 70] ^= 1);
    let (code, out, _) = run(&[&path(&dir), "--json"]);
    assert_eq!(code, 1);
    let json: Value = serde_json::from_str(&out).unwrap();
    let failure = &json["failure"];
    assert_eq!((&json["ok"], &failure["seq"]), (&false.into(), &0.into()));
    assert_eq!(failure["segment"], SEGMENT);
    assert_eq!(failure["offset"], HEADER + 112);
    for name in ["expected", "found", "what"] {
        assert!(!failure[name].as_str().unwrap().is_empty());
    }
    let (code, out, _) = run(&[&path(&dir)]);
    assert_eq!(code, 1);
    assert!(out.contains("tampered: record 0 was changed since its block was written"), "{out}");
    assert!(out.contains("  place     record 0, segments/00000000000000000000.mzs, offset 4208\n"));
}

#[test]
fn a_tail_is_0_and_strictly_1() {
    let ledger = Ledger::sample();
    let dir = ledger.write();
    let at = HEADER + ledger.frames().concat().len();
    dir.edit(|bytes| bytes[at + 3] = 1);
    let (code, out, _) = run(&[&path(&dir), "--json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["tail"]["offset"], &json["tail"]["bytes"]), (0, &at.into(), &4.into()));
    let (code, _, _) = run(&[&path(&dir), "--strict"]);
    assert_eq!(code, 1);
}

#[test]
fn wrong_usage_is_2() {
    let dir = Ledger::sample().write();
    let path = path(&dir);
    let check = |args: &[&str], words: &str| {
        let (code, out, err) = run(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(err.contains(words) && err.contains("hint: "), "{err}");
    };
    check(&[], "PATH is missing");
    check(&[&path, &path], "a second");
    check(&[&path, "--frobnicate"], "unknown option --frobnicate");
    check(&[&path, "--vkey"], "--vkey needs a value");
    check(&[&path, "--vkey=nonsense"], "--vkey: not a key");
    check(&[&path, "--threads", "0"], "--threads");
    check(&[&path, "--checkpoint", "/nowhere"], "--checkpoint /nowhere");
    check(&["/nowhere"], "error[MZ-9008]: /nowhere holds no ledger");
    let (code, out, _) = run(&["/nowhere", "--json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["error"]["code"]), (2, &"MZ-9008".into()));
    let (code, out, _) = run(&["--help"]);
    assert_eq!((code, out.contains("example: mingzhang-verify")), (0, true));
}
