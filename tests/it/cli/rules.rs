//! `mingzhang rules`: what stands, what a version changes, trying and adopting one.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::told;
use crate::server::{Server, init};

/// Runs a command line; `{}` stands for the source.
fn run(line: &str, source: &str) -> (i32, String, String) {
    let line = line.replace("{}", source);
    told(&line.split(' ').collect::<Vec<_>>())
}

fn rows(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Writes a draft of the next version with another parameter, under a name of its own.
fn draft(dir: &Path, source: &str, from: &str, to: &str) -> String {
    let (code, text, said) = run("rules show flag:F08 {} --draft", source);
    assert_eq!(code, 0, "{said}");
    assert!(text.contains(from), "{text}");
    let path = dir.join("f08.jsonl");
    fs::write(&path, text.replace(from, to)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_drafted_tried_adopted_and_compared() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    init(&data);
    let server = Server::start(&data).await;
    let (to, files) = (format!("--to {}", server.address), format!("--data {}", data.display()));

    let (code, text, _) = run("rules show cap {}", &to);
    assert_eq!(code, 0);
    assert!(text.contains("per_head_fen: 2000000") && text.contains("粤发〔2016〕13号"), "{text}");
    let (code, _, said) = run("rules diff flag:F08 {}", &to);
    assert!(code == 2 && said.contains("has one version"), "{said}");

    let from = r#""value":0"#;
    let file = draft(dir.path(), &to, from, r#""value":500"#);
    for source in [&to, &files] {
        let (code, text, said) = run(&format!("rules check {file} {{}}"), source);
        assert_eq!((code, text.contains("1 valid")), (0, true), "{text}{said}");
    }
    // Checked, not adopted.
    assert_eq!(rows(&run("rules show flag:F08 {} --json", &to).1).len(), 2);
    let (code, text, said) = run(&format!("rules apply {file} {{}}"), &to);
    assert_eq!((code, text.contains("1 posted")), (0, true), "{text}{said}");
    // The same again is a retry.
    let (code, text, _) = run(&format!("rules apply {file} {{}}"), &to);
    assert_eq!((code, text.contains("1 posted before")), (0, true), "{text}");

    for source in [&to, &files] {
        let (code, text, _) = run("rules show flag:F08 {} --json", source);
        let rows = rows(&text);
        assert_eq!((code, rows.len()), (0, 3), "{text}");
        for field in ["what", "position", "date", "digest", "checkpoint"] {
            assert!(rows[0].get(field).is_some(), "{}", rows[0]);
        }
        let holds: Vec<_> = rows[1..].iter().map(|r| (&r["version"], &r["holds"])).collect();
        assert_eq!(holds, [(&1.into(), &false.into()), (&2.into(), &true.into())]);
        assert_eq!(rows[2]["content"]["params"][0]["value"], 500);
        let (code, text, _) = run("rules diff flag:F08 {}", source);
        assert_eq!(code, 1, "{text}");
        assert!(
            text.contains("- params[tolerance_fen].value: 0\n+ params[tolerance_fen].value: 500"),
            "{text}"
        );
    }
    // Before its record, version 1 held, and there was no other.
    let before = rows(&run("rules show flag:F08 {} --json --as-of 72", &to).1);
    assert_eq!((before.len(), &before[1]["holds"]), (2, &true.into()));
    assert_eq!(run("rules show flag:F08 {} --as-of 9999", &to).0, 1);
    assert_eq!(run("rules show flag:F08 {} --as-of 9999", &files).0, 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_is_refused_with_line_and_reason_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    init(&data);
    let server = Server::start(&data).await;
    let (to, files) = (format!("--to {}", server.address), format!("--data {}", data.display()));
    let name = r#""name":"tolerance_fen""#;
    for (from, into, code, exit) in [
        (name, r#""name":"nonsense""#, "MZ-4006", 1),
        (r#""version":2"#, r#""version":3"#, "MZ-4002", 1),
        (r#""version":2"#, r#""version":2,"effective_from":"2015-12-31""#, "MZ-4001", 1),
        (r#""doc_no":"粤发〔2016〕13号""#, r#""memo":"no document""#, "MZ-1026", 1),
        (r#""FlagParametersAdopted""#, r#""HouseholdExited""#, "adopts no rule", 2),
    ] {
        let file = draft(dir.path(), &to, from, into);
        let check = format!("rules check {file} {{}}");
        for (line, source) in
            [(&check, &to), (&check, &files), (&format!("rules apply {file} {{}}"), &to)]
        {
            let (found, _, said) = run(line, source);
            assert_eq!(found, exit, "{line}: {said}");
            assert!(said.contains(code), "{line}: {said}");
            assert!(said.contains("f08.jsonl:"), "{line}: {said}");
        }
    }
    for (line, said) in [
        ("rules show nonsense {}", "no such rule"),
        ("rules diff scheme {}", "has several keys"),
        ("rules diff flag:F08 1 2 {}", "version of this rule 2 does not exist"),
    ] {
        let (code, _, found) = run(line, &to);
        assert_ne!(code, 0);
        assert!(found.contains(said), "{line}: {found}");
    }
    assert_eq!(
        rows(&run("rules show flag:F08 {} --json", &to).1).len(),
        2,
        "something was adopted"
    );
    server.stop().await;
}
