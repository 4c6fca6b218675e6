//! The command line: exit codes, what goes to standard output and what to standard error.

use serde_json::Value;

use crate::server::{Server, init, mingzhang};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn wrong_usage_is_exit_2_with_code_and_hint() {
    for args in [
        &["verify"][..],
        &["nonsense"],
        &["serve", "--data", "/nowhere", "--listen", "0.0.0.0:0"],
        &["log"],
        &["serve", "--data", "/nowhere", "--listen", "127.0.0.1:0"],
        &["verify", "/nowhere"],
    ] {
        let run = mingzhang(args);
        assert_eq!(run.status.code(), Some(2), "{args:?}: {}", text(&run.stderr));
        assert!(run.stdout.is_empty(), "{args:?}");
        let said = text(&run.stderr);
        assert!(said.starts_with("error[MZ-9") && said.contains("hint: "), "{args:?}: {said}");
        let mut args = args.to_vec();
        args.push("--json");
        let run = mingzhang(&args);
        let document: Value = serde_json::from_slice(&run.stdout).unwrap();
        assert!(document["error"]["code"].as_str().unwrap().starts_with("MZ-9"), "{document}");
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    let help = mingzhang(&["--help"]);
    assert!(help.status.success());
    let text_of = text(&help.stdout);
    let commands: Vec<&str> = text_of
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(10 < commands.len(), "{commands:?}");
    for command in commands {
        let help = mingzhang(&[command, "--help"]);
        assert!(help.status.success(), "{command}");
        assert!(text(&help.stdout).contains("Example: mingzhang "), "{command}");
    }
}

#[test]
fn limits_are_printed_with_their_reasons() {
    let run = mingzhang(&["serve", "--print-limits"]);
    assert!(run.status.success());
    assert!(text(&run.stdout).contains("VOUCHER_LINES_MAX"), "{}", text(&run.stdout));
    assert_eq!(text(&run.stdout).lines().count(), record::limits::TABLE.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn post_tells_what_became_of_every_voucher() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    let server = Server::fresh(&data).await;
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/example-registry.jsonl");
    let lines = |run: &std::process::Output| -> Vec<Value> {
        text(&run.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let first = mingzhang(&["post", file, "--to", &server.address, "--json"]);
    assert!(first.status.success(), "{}", text(&first.stdout));
    let first = lines(&first);
    let summary = &first.last().unwrap()["summary"];
    assert_eq!(summary["posted"], summary["vouchers"]);
    let again = lines(&mingzhang(&["post", file, "--to", &server.address, "--json"]));
    for (before, after) in first.iter().zip(&again).filter(|(b, _)| b.get("verdict").is_some()) {
        assert_eq!(
            (&before["verdict"], &after["verdict"]),
            (&"posted".into(), &"duplicate".into())
        );
        assert_eq!(before["first_seq"], after["first_seq"]);
        assert_eq!(before["content_digest"], after["content_digest"]);
    }
    let bad = dir.path().join("bad.jsonl");
    let good = std::fs::read_to_string(file).unwrap();
    std::fs::write(&bad, good.replace("2016-06-001", "2016-06-901").replace("\"44\"", "\"4499\""))
        .unwrap();
    let run = mingzhang(&["post", bad.to_str().unwrap(), "--to", &server.address]);
    assert_eq!(run.status.code(), Some(1), "{}", text(&run.stderr));
    assert!(text(&run.stderr).contains("error[MZ-"), "{}", text(&run.stderr));
    let missing = mingzhang(&["post", "/nowhere.jsonl", "--to", &server.address]);
    assert_eq!(missing.status.code(), Some(2));
    let nobody = mingzhang(&["post", file, "--to", "127.0.0.1:1"]);
    assert_eq!(nobody.status.code(), Some(3));
    server.stop().await;
}

#[test]
fn verify_answers_no_when_a_byte_was_changed() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    init(&data);
    let segment = data.join("segments/00000000000000000000.mzs");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[5_000] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let run = mingzhang(&["verify", data.to_str().unwrap(), "--json"]);
    assert_eq!(run.status.code(), Some(1), "{}", text(&run.stdout));
    let document: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(document["ok"], false);
    let served = mingzhang(&["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    assert_eq!(served.status.code(), Some(1), "{}", text(&served.stderr));
    assert!(text(&served.stderr).contains("error[MZ-9004]"), "{}", text(&served.stderr));
}
