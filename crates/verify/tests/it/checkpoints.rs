//! Published, brought and older checkpoints, and their signatures.

use tlog::note::sign_note;
use tlog::{Checkpoint, Signer};
use verify::{Options, Report, verify};

use crate::ledger::{Dir, Ledger, ORIGIN, fails, holds, signer};

fn with(dir: &Dir, change: impl Fn(&mut Options)) -> Report {
    let mut options = dir.options();
    change(&mut options);
    verify(&options)
}

fn keyed(dir: &Dir) -> Report {
    with(dir, |options| options.vkeys = vec![signer().vkey().clone()])
}

fn state(report: &Report, name: &str) -> Option<bool> {
    report.checks.iter().find(|check| check.name == name).unwrap().ok
}

#[test]
fn without_a_key_signatures_are_not_checked_and_that_is_said() {
    let ledger = Ledger::sample();
    let dir = ledger.write();
    dir.put("published/checkpoint", ledger.checkpoint(11));
    let report = dir.verify();
    holds(&report);
    assert_eq!(state(&report, "published"), Some(true));
    assert_eq!(state(&report, "signature"), None);
    assert!(report.text(false).contains("signature (not checked (no key given))"));
    assert!(!report.checks.iter().any(|check| check.name == "checkpoint"));
    let report = keyed(&dir);
    holds(&report);
    assert_eq!(state(&report, "signature"), Some(true));
}

/// A ledger publishes one a minute: all are held to, the last few are named.
#[test]
fn many_published_checkpoints_are_counted() {
    let ledger = Ledger::sample();
    let dir = ledger.write();
    for copy in 10..50 {
        dir.put(&format!("published/{copy}"), ledger.checkpoint(5));
    }
    let report = keyed(&dir);
    holds(&report);
    let detail = |name| &report.checks.iter().find(|check| check.name == name).unwrap().detail;
    let of = "of size 5 holds";
    let last = format!("published/47 {of}, published/48 {of}, published/49 {of}");
    assert_eq!(*detail("published"), format!("37 more, {last}"));
    assert!(detail("signature").contains("37 more, published/47,"), "{}", detail("signature"));
}

#[test]
fn every_published_root_must_be_ours() {
    let ledger = Ledger::sample();
    let dir = ledger.write();
    dir.put("published/5", ledger.checkpoint(5));
    dir.put("published/checkpoint", ledger.checkpoint(11));
    dir.put("published/checkpoint.tmp", "half a check");
    holds(&keyed(&dir));
    dir.put("published/0", ledger.checkpoint(0));
    holds(&keyed(&dir));
    // A group is published whole or not at all.
    dir.put("published/7", ledger.checkpoint(7));
    fails(&keyed(&dir), "published", None, "lies within a group");
    let other = |size, root| {
        let text = Checkpoint { origin: ORIGIN.into(), size, root }.text();
        sign_note(&text, &[&signer()])
    };
    dir.put("published/7", other(5, [3; 32]));
    fails(&keyed(&dir), "published", None, "our root at its size 5");
    dir.put("published/7", other(0, [0; 32]));
    fails(&keyed(&dir), "published", None, "our root at its size 0");
    dir.put("published/7", "no checkpoint");
    fails(&keyed(&dir), "published", None, "published/7: note has no text");
}

/// An editor's copy or a file manager's notes are no damage; what has a checkpoint's name is one.
#[test]
fn strays_among_the_published_are_listed() {
    let ledger = Ledger::sample();
    let dir = ledger.write();
    dir.put("published/checkpoint", ledger.checkpoint(11));
    for name in [".DS_Store", "checkpoint~", "checkpoint.bak", "5 (copy)"] {
        dir.put(&format!("published/{name}"), "no checkpoint");
    }
    std::fs::create_dir(dir.path("published/old")).unwrap();
    let report = keyed(&dir);
    holds(&report);
    let strays = [".DS_Store", "5 (copy)", "checkpoint.bak", "checkpoint~", "old"];
    assert_eq!(report.strays, strays.map(|name| format!("published/{name}")));
    let note = "note: published/.DS_Store is no checkpoint and was passed over";
    assert!(report.text(false).contains(note), "{}", report.text(false));
    assert!(report.json().contains("\"strays\":[\"published/.DS_Store\","), "{}", report.json());
    // A checkpoint is evidence under any name.
    let mut older = ledger.clone();
    older.blocks.truncate(3);
    let dir = older.write();
    dir.put("published/checkpoint", older.checkpoint(5));
    dir.put("published/checkpoint~", ledger.checkpoint(11));
    fails(&dir.verify(), "published", Some(5), "rolled back: 5 records");
    // By its name it is one, whatever it holds.
    for name in ["checkpoint", "00000000000000000005"] {
        let dir = ledger.write();
        dir.put(&format!("published/{name}"), "no checkpoint");
        fails(&dir.verify(), "published", None, "note has no text");
    }
}

#[test]
fn a_log_behind_its_checkpoint_was_rolled_back() {
    let ledger = Ledger::sample();
    let mut older = ledger.clone();
    older.blocks.truncate(3);
    let dir = older.write();
    holds(&dir.verify());
    dir.put("published/checkpoint", ledger.checkpoint(11));
    fails(&dir.verify(), "published", Some(5), "rolled back: 5 records");
    assert_eq!(keyed(&dir).exit_code(), 1);
    let gone = Dir::new(&[]);
    gone.put("published/checkpoint", ledger.checkpoint(11));
    assert!(gone.verify().failure.unwrap().what.contains("rolled back: no segments"));
    gone.put("journal-sled/db", "");
    assert_eq!(gone.verify().exit_code(), 2);
    // An inspector's own copy says the same of a directory whose checkpoint was set back, too.
    dir.put("published/checkpoint", older.checkpoint(5));
    dir.put("mine", ledger.checkpoint(11));
    fails(&with(&dir, |o| o.against = Some(dir.path("mine"))), "against", Some(5), "rolled back");
    fails(&with(&dir, |o| o.checkpoint = Some(dir.path("mine"))), "checkpoint", Some(5), "rolled");
    holds(&with(&ledger.write(), |o| o.against = Some(dir.path("mine"))));
}

#[test]
fn keys_must_fit() {
    let ledger = Ledger::sample();
    let dir = ledger.write();
    dir.put("published/checkpoint", ledger.checkpoint(11));
    // The right name, another key.
    let other = Signer::from_seed(ORIGIN, &[8; 32]).unwrap();
    let report = with(&dir, |options| options.vkeys = vec![other.vkey().clone()]);
    fails(&report, "signature", None, "published/checkpoint");
    // Another log's key.
    let foreign = Signer::from_seed("other.example/log", &[7; 32]).unwrap();
    let report = with(&dir, |options| options.vkeys = vec![foreign.vkey().clone()]);
    fails(&report, "envelope", Some(0), "origin is ledger.example/gd, other.example/log expected");
    // A signature that was made for another text.
    let (text, _) = ledger
        .checkpoint(11)
        .split_once("\n\n")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let (_, line) =
        ledger.checkpoint(5).split_once("\n\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    dir.put("published/checkpoint", format!("{text}\n\n{line}"));
    fails(&keyed(&dir), "signature", None, "published/checkpoint");
    holds(&dir.verify());
}

#[test]
fn an_older_checkpoint_may_be_signed_by_a_retired_key() {
    let ledger = Ledger::sample();
    let dir = ledger.write();
    let retired = Signer::from_seed(ORIGIN, &[8; 32]).unwrap();
    let text = Checkpoint { origin: ORIGIN.into(), size: 5, root: ledger.root_at(5) }.text();
    let note = sign_note(&text, &[&retired]);
    dir.put("published/checkpoint", ledger.checkpoint(11));
    dir.put("published/5", &note);
    dir.put("old", &note);
    let report = with(&dir, |options| {
        options.vkeys = vec![signer().vkey().clone()];
        options.against = Some(dir.path("old"));
    });
    holds(&report);
    assert!(report.text(false).contains("perhaps by a retired one: published/5"));
    // But what is asked for by --checkpoint must be signed.
    let report = with(&dir, |options| {
        options.vkeys = vec![signer().vkey().clone()];
        options.checkpoint = Some(dir.path("old"));
    });
    fails(&report, "signature", None, "old");
    // With both keys it is.
    let report = with(&dir, |options| {
        options.vkeys = vec![signer().vkey().clone(), retired.vkey().clone()];
        options.checkpoint = Some(dir.path("old"));
    });
    holds(&report);
}

#[test]
fn what_the_caller_brings_must_be_readable() {
    let ledger = Ledger::sample();
    let dir = ledger.write();
    dir.put("junk", "junk");
    for name in ["junk", "absent"] {
        let report = with(&dir, |options| options.checkpoint = Some(dir.path(name)));
        assert_eq!(report.exit_code(), 2, "{}", report.text(false));
    }
    // Of another log: the answer is no.
    let text = Checkpoint { origin: "other.example/log".into(), size: 5, root: [1; 32] }.text();
    dir.put(
        "other",
        sign_note(&text, &[&Signer::from_seed("other.example/log", &[1; 32]).unwrap()]),
    );
    let report = with(&dir, |options| options.against = Some(dir.path("other")));
    assert_eq!(report.exit_code(), 1);
}
