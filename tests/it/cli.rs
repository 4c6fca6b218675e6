//! The command line: exit codes, what goes to standard output and what to standard error.

mod again;
mod alerts;
mod backup;
mod documents;
mod findings;
mod returns;
mod rules;
mod tls;

pub(crate) use findings::auditor;
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

#[tokio::test(flavor = "multi_thread")]
async fn without_tls_a_server_listens_on_loopback_alone_and_says_whom_it_trusts() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    init(&data);
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:7161"] {
        let args = format!("serve --data {} --listen {address}", data.display());
        refused(&args, 2, &format!("{address} is not loopback, and there is no --tls-cert\n"));
    }
    let server = Server::start(&data).await;
    let mut admin = proto::v1::admin_client::AdminClient::new(server.channel().await);
    let status = admin.status(proto::v1::StatusRequest::default()).await.unwrap().into_inner();
    assert!(status.trusted_loopback);
    drop(admin);
    server.stop().await;
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

/// Exit code, standard output and standard error.
fn told(args: &[&str]) -> (i32, String, String) {
    let run = mingzhang(args);
    (run.status.code().unwrap(), text(&run.stdout), text(&run.stderr))
}

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/example.jsonl");

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_none_posts_nothing_and_the_summary_comes_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let before = server.node().applied().size();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let good = std::fs::read(EXAMPLE).unwrap();
    std::fs::write(path("long.jsonl"), [&good[..], &vec![b' '; 17 << 20], b"x\n"].concat())
        .unwrap();
    std::fs::write(path("empty.jsonl"), "").unwrap();
    std::fs::write(path("names.csv"), "organisation,voucher_no,kind\n").unwrap();
    std::fs::write(path("a.txt"), "").unwrap();
    std::fs::create_dir(path("folder.jsonl")).unwrap();
    for (name, found) in [
        ("missing.jsonl", "No such file"),
        ("long.jsonl", "line"),
        ("empty.jsonl", "the file is empty"),
        ("names.csv", "the file holds no voucher"),
        ("a.txt", "the name ends in neither .jsonl nor .csv"),
        ("folder.jsonl", "is not a regular file"),
    ] {
        let name = path(name);
        let (code, stdout, said) = told(&["post", EXAMPLE, &name, "--to", &server.address]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{said}");
        assert!(said.starts_with("error[MZ-9010]: ") && said.contains(found), "{said}");
        assert!(said.contains(&name) && said.contains("\nhint: "), "{said}");
        assert!(!said.contains("--help"), "{said}");
        let (code, stdout, _) = told(&["post", EXAMPLE, &name, "--to", &server.address, "--json"]);
        let lines: Vec<Value> =
            stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((code, lines.len()), (2, 2), "{stdout}");
        assert_eq!(lines[0]["summary"]["vouchers"], 0);
        assert_eq!(lines[1]["error"]["code"], "MZ-9010");
    }
    assert_eq!(server.node().applied().size(), before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_where_what_and_what_next_and_prints_no_byte_of_a_file_raw() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let file = dir.path().join("a.jsonl");
    let name = file.to_str().unwrap();
    let head = |organisation: &str, number: &str, lines: u32| {
        format!(
            "{{\"type\":\"voucher\",\"organisation\":\"{organisation}\",\"voucher_no\":\"{number}\",\
             \"effective_date\":\"2016-07-01\",\"prepared_by\":\"p.po44\",\"approved_by\":\"a.po44\",\
             \"line_count\":{lines},\"total_yuan\":\"0.00\"}}\n"
        )
    };
    let line = |n: u32| {
        format!(
            "{{\"type\":\"line\",\"line_no\":{n},\"kind\":\"OrganisationRegistered\",\
             \"organisation\":\"HU440106-000{n}\",\"org_kind\":\"HU\",\"unit\":\"440106\"}}\n"
        )
    };
    let post = |content: &str| {
        std::fs::write(&file, content).unwrap();
        told(&["post", name, "--to", &server.address])
    };
    // Who asks is not registered: the page says what that means.
    let (code, stdout, said) = post(&(head("PO4401", "A-1", 1) + &line(1)));
    assert_eq!(code, 1);
    assert!(stdout.starts_with("1 voucher with 1 line: 0 posted, 1 refused; "), "{stdout}");
    assert!(said.starts_with(&format!("error[MZ-5010]: {name}:1")), "{said}");
    assert!(said.contains("\nhint: docs/errors/MZ-5010.md"), "{said}");
    // The line whose number is not its place, not the header.
    let (_, _, said) = post(&(head("PO44", "A-2", 3) + &line(1) + &line(2) + &line(4)));
    assert!(said.starts_with(&format!("error[MZ-1031]: {name}:4, line_no: ")), "{said}");
    // Escape sequences and line breaks of a file reach no terminal.
    let (code, _, said) = post(&(head("PO44", "A\\u001b[2J\\nerror: 2", 1) + &line(1)));
    assert_eq!(code, 1);
    assert!(!said.contains('\x1b') && said.lines().all(|l| !l.starts_with("error: 2")), "{said}");
    server.stop().await;
}

/// Runs a command that fails, for people and for programs: exit code, a part of what is said, a next step.
fn refused(args: &str, code: i32, said: &str) {
    let args: Vec<&str> = args.split(' ').collect();
    let (exit, stdout, stderr) = told(&args);
    assert_eq!((exit, stdout.as_str()), (code, ""), "{args:?}: {stderr}");
    assert!(stderr.starts_with("error[MZ-") && stderr.contains(said), "{args:?}: {stderr}");
    assert!(stderr.contains("\nhint: ") && !stderr.contains("--help"), "{args:?}: {stderr}");
    let (exit, stdout, _) = told(&[&args[..], &["--json"]].concat());
    let last: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!(exit, code);
    assert!(last["error"]["code"].as_str().unwrap().starts_with("MZ-"), "{last}");
    assert!(!last["error"]["hint"].is_null(), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_named_as_it_was_given_and_every_failure_has_code_and_next_step() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (ledger, none) = (path("l"), path("none"));
    let server = Server::fresh(ledger.as_ref()).await;
    std::fs::write(path("file"), "").unwrap();
    std::fs::create_dir(path("full")).unwrap();
    std::fs::write(path("full/a"), "").unwrap();
    init(path("garbage").as_ref());
    std::fs::write(path("garbage/published/checkpoint"), "garbage").unwrap();
    let here = ["--listen", "127.0.0.1:0"];
    let serve = |data: &str| [&["serve", "--data", data], &here[..]].concat().join(" ");
    for (args, code, said) in [
        (serve(&none), 2, format!("error[MZ-9008]: {none} holds no ledger\n")),
        (format!("rebuild --data {none}"), 2, format!("error[MZ-9008]: {none} holds no ledger\n")),
        (format!("log --data {none}"), 2, format!("error[MZ-9008]: {none} holds no ledger\n")),
        (serve(&ledger), 2, format!("error[MZ-9005]: {ledger} is in use\n")),
        (
            format!("init --data {ledger} --origin a.example/b --synthetic"),
            2,
            format!("error[MZ-9010]: {ledger} holds a ledger already\n"),
        ),
        (format!("backup --data {ledger} --out {}", path("full")), 2, "is not empty\n".into()),
        (
            format!("verify {}", path("file")),
            2,
            format!("error[MZ-9008]: {} holds no ledger\n", path("file")),
        ),
        (
            format!("serve --data {ledger} --listen {}", server.address),
            3,
            format!("error[MZ-9010]: {}: Address already in use", server.address),
        ),
        (
            serve(&path("garbage")),
            1,
            format!("error[MZ-9004]: {}/published/checkpoint: ", path("garbage")),
        ),
        (
            format!("checkpoint --data {}", path("garbage")),
            1,
            format!("error[MZ-9004]: {}/published/checkpoint: ", path("garbage")),
        ),
        (
            format!("post {EXAMPLE} --to 127.0.0.1:1"),
            3,
            "127.0.0.1:1: nobody answers (Connection refused".into(),
        ),
        (
            format!("serve --data {ledger} --accept-rollback {}", "x".repeat(201)),
            2,
            "error[MZ-1027]: --accept-rollback: ".into(),
        ),
        (
            format!("serve --data {ledger} --accept-rollback 441424199001011234"),
            2,
            "error[MZ-1027]: --accept-rollback: ".into(),
        ),
        (
            format!("checkpoint --data {ledger} --publish"),
            2,
            "error[MZ-9010]: --publish needs --to ADDR\n".into(),
        ),
    ] {
        refused(&args, code, &said);
    }
    server.stop().await;
}

#[test]
fn the_program_alone_prints_its_help_and_exits_with_2() {
    let (code, stdout, said) = told(&[]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(said.starts_with("Mingzhang") && said.contains("\nCommands:\n"), "{said}");
    let (code, stdout, _) = told(&["--json"]);
    assert_eq!(code, 2);
    let document: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(document["error"]["code"], "MZ-9010");
}

#[test]
fn what_cannot_be_printed_is_exit_3_and_a_reader_that_has_enough_is_none() {
    let dir = tempfile::tempdir().unwrap();
    init(&dir.path().join("l"));
    let data = dir.path().join("l").to_str().unwrap().to_owned();
    let run = |args: &[&str], stdout: std::process::Stdio| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mingzhang"));
        let run = command.args(args).stdout(stdout).stderr(std::process::Stdio::piped());
        let run = run.spawn().unwrap().wait_with_output().unwrap();
        (run.status.code().unwrap(), text(&run.stderr))
    };
    for args in [&["log", "--data", &data][..], &["verify", &data], &["--help"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let (code, said) = run(args, full.into());
        assert_eq!(code, 3, "{args:?}: {said}");
        assert!(said.contains("error[MZ-9009]: standard output: No space left"), "{said}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert_eq!(run(args, writer.into()), (0, String::new()), "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_of_records_lies_within_the_log_whoever_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let data = server.data.to_str().unwrap().to_owned();
    let head = server.node().applied().position().0;
    for source in [["--data", &data], ["--to", &server.address]] {
        let log = |rest: &str| {
            let rest: Vec<&str> = rest.split_whitespace().collect();
            told(&[&["log"][..], &source[..], &rest].concat())
        };
        let (code, stdout, _) = log(&format!("--from {head}"));
        assert_eq!((code, stdout.lines().count()), (0, 1));
        let (code, stdout, _) = log("--from 3 --to-seq 5");
        assert_eq!((code, stdout.lines().count()), (0, 3));
        for beyond in ["--from 500", "--to-seq 500", "--from 500 --to-seq 501"] {
            let (code, stdout, said) = log(beyond);
            assert_eq!((code, stdout.as_str()), (1, ""), "{source:?} {beyond}: {said}");
            assert!(said.starts_with("error[MZ-8001]: "), "{source:?} {beyond}: {said}");
        }
        let (code, _, said) = log("--from 20 --to-seq 10");
        assert_eq!(code, 2);
        assert!(said.starts_with("error[MZ-9010]: --from 20 lies behind --to-seq 10\n"), "{said}");
    }
    let (code, stdout, said) = told(&["log", "--data", &data, "--follow"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(said.starts_with("error[MZ-9010]: --follow needs --to ADDR\nhint: "), "{said}");
    server.stop().await;
}

#[test]
fn a_ledger_without_its_signing_key_says_so_when_it_is_served() {
    use std::io::{BufRead as _, BufReader};
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    init(&data);
    std::fs::remove_file(data.join("keys/log")).unwrap();
    let mut served = std::process::Command::new(env!("CARGO_BIN_EXE_mingzhang"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(served.stdout.take().unwrap()).read_line(&mut line).unwrap();
    served.kill().unwrap();
    let said = text(&served.wait_with_output().unwrap().stderr);
    assert!(said.contains("keys/log is missing: "), "{said}");
}
