//! The README's commands do what it says: the demo with its output, the first hour line by line.
//!
//! Lives elsewhere: links (`docs`), the commands that build and test, which `.ci/run` takes from the same page.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

const README: &str = include_str!("../../README.md");

/// The blocks of code of a section.
fn blocks(section: &str) -> Vec<&'static str> {
    let (_, text) = README.split_once(&format!("\n## {section}\n")).unwrap();
    let text = text.split("\n## ").next().unwrap();
    text.split("\n```\n").skip(1).step_by(2).collect()
}

/// Runs a script where the program is on the path and nothing else stands but the clone's `tests`.
fn sh(dir: &Path, script: &str) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !dir.join("tests").exists() {
        symlink(root.join("tests"), dir.join("tests")).unwrap();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_mingzhang")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.args(["-c", script]).current_dir(dir).env("PATH", path).env("TMPDIR", dir);
    shell.output().unwrap()
}

/// What differs from run to run by a name: the port, seconds, the folder and where the program stands.
fn settled(text: &str, dir: &str) -> String {
    let text = text.replace(&format!("{dir}/mingzhang-demo-"), "/tmp/mingzhang-demo-");
    let mut out = String::new();
    for word in text.split_inclusive([' ', '\n', '/']) {
        let bare = word.trim_end_matches([' ', '\n', '/', ',']);
        let is_seconds = bare.contains('.') && bare.len() < 6 && bare.parse::<f64>().is_ok();
        let settled = match bare {
            _ if bare.starts_with("127.0.0.1:") => "ADDRESS",
            _ if bare.starts_with("mingzhang-demo-") => "DEMO",
            _ if is_seconds => "SECONDS",
            _ => bare,
        };
        out.push_str(&word.replacen(bare, settled, 1));
    }
    out
}

#[test]
fn the_demo_prints_what_the_readme_shows() {
    let [command, shown] = blocks("The main job, in one command")[..] else { panic!() };
    let args = command.strip_prefix("cargo run --release -- ").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let run = sh(dir.path(), &format!("mingzhang {args}"));
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let printed = String::from_utf8(run.stdout).unwrap();
    // `cargo run` calls it by this name.
    let printed = printed.replace("  mingzhang ", "  target/release/mingzhang ");
    let printed = printed.replace("&& mingzhang ", "&& target/release/mingzhang ");
    let dir = dir.path().to_str().unwrap();
    assert_eq!(settled(printed.trim_end(), dir), settled(shown, dir));
}

/// A line of the page, and a line `@ CODE LINE` behind what it prints.
fn step(line: &str) -> String {
    let shown = line.replace('\'', "");
    match line.strip_suffix(" &") {
        None => format!("{line}\necho \"@ $? \"'{shown}'\n"),
        // A person reads that it is ready before typing on.
        Some(served) => format!(
            "{served} > ready &\n\
             for _ in {{1..600}}; do grep -q listening ready && break; sleep 0.1; done\n\
             cat ready; echo '@ 0 {shown}'\n"
        ),
    }
}

/// A port that nothing takes until it is served: the system gives away none of these by itself.
fn free_port() -> u16 {
    let first = u16::try_from(20_000 + std::process::id() % 10_000).unwrap();
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (first..first + 1_000).find(is_free).unwrap()
}

#[test]
fn the_first_hour_goes_as_told() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let lines = blocks("A first hour").into_iter().flat_map(str::lines);
    let lines: Vec<_> = lines.map(|line| line.split(" #").next().unwrap().trim_end()).collect();
    // The programs are built already.
    let build = "cargo build --release && export PATH=\"$PWD/target/release:$PATH\"";
    assert_eq!(lines[0], build);
    let address = format!("127.0.0.1:{port}");
    let steps = lines[1..].iter().map(|line| step(&line.replace("127.0.0.1:7400", &address)));
    let script = format!("exec 2>&1\n{}kill %1 2>/dev/null; wait\n", steps.collect::<String>());
    let run = sh(dir.path(), &script);
    let told = String::from_utf8(run.stdout).unwrap();
    let codes: Vec<&str> = told
        .lines()
        .filter_map(|line| line.strip_prefix("@ "))
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    let mut expected = vec!["0"; lines.len() - 1];
    *expected.last_mut().unwrap() = "1";
    assert_eq!(codes, expected, "{told}");
    for said in [
        &format!("listening on 127.0.0.1:{port}\n"),
        "50 vouchers with ",
        ": 50 posted; ",
        "household 44142490120100021",
        "city 4414",
        "\nequal\n",
        "tampered: record ",
    ] {
        assert!(told.contains(said), "no {said}: {told}");
    }
}
