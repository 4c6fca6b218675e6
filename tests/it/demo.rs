//! The main job from end to end: `demo`, then balances from its files, at the head, at positions, of days.

use serde_json::Value;

use crate::server::{Server, mingzhang};

fn json(args: &[&str]) -> Value {
    let run = mingzhang(args);
    assert!(run.status.success(), "{args:?}: {}", String::from_utf8_lossy(&run.stderr));
    serde_json::from_slice(&run.stdout).unwrap()
}

fn field(balance: &Value, name: &str) -> i64 {
    let fields = balance["fields"].as_array().unwrap();
    fields.iter().find(|field| field["name"] == name).unwrap()["fen"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_posts_verifies_and_rebuilds_and_its_balances_add_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("d");
    let demo = json(&["demo", "--profile", "xs", "--data", path.to_str().unwrap(), "--json"]);
    assert_eq!((&demo["profile"], &demo["seed"]), (&"xs".into(), &20_160_604.into()));
    assert_eq!(demo["posted"]["refused"], 0);
    assert_eq!(demo["verify"]["ok"], true);
    assert_eq!(demo["rebuild"]["equal"], true);
    let live = demo["rebuild"]["views"].as_array().unwrap();
    assert!(live.iter().all(|view| view["live_digest"] == view["digest"]), "{live:?}");

    let data = path.join("ledger");
    let data = data.to_str().unwrap();
    let city = json(&["balance", "city", "4414", "--data", data, "--json"]);
    assert_eq!(city, demo["balances"]["home_city"]);
    let home = &city["as_home"];
    assert_eq!(field(home, "allocated") - field(home, "sent"), field(home, "unsent"));
    assert_eq!(field(home, "owed") - field(home, "allocated"), field(home, "outstanding"));
    // The helper's own fold agrees with the home city's rows of source H.
    let helper = json(&["balance", "city", "4401", "--data", data, "--json"]);
    let rows = home["rows"].as_array().unwrap();
    for name in ["owed", "allocated", "sent", "received", "spent"] {
        let of_helper: i64 =
            rows.iter().filter(|row| row["key"]["source"] == "H").map(|row| field(row, name)).sum();
        assert_eq!(field(&helper["as_helper"], name), of_helper, "{name}");
    }

    // From the server and its cache as from the files, at the head and before.
    let server = Server::start(data.as_ref()).await;
    let household = demo["balances"]["household"]["code"].as_str().unwrap();
    let head = demo["rebuild"]["position"].as_u64().unwrap();
    let mut shortened = 0;
    for position in (100..=head).step_by(151).chain([head]) {
        let position = position.to_string();
        for (kind, code) in
            [("city", "4414"), ("household", household), ("village", "441423901201")]
        {
            let ask = |source: [&str; 2]| {
                let run = mingzhang(&[
                    "balance", kind, code, source[0], source[1], "--as-of", &position, "--json",
                ]);
                (run.status.code(), run.stdout)
            };
            let (files, remote) = (ask(["--data", data]), ask(["--to", &server.address]));
            assert_eq!(
                String::from_utf8_lossy(&files.1),
                String::from_utf8_lossy(&remote.1),
                "{kind} {code} at {position}"
            );
            assert_eq!(files.0, remote.0);
            let document: Value = serde_json::from_slice(&files.1).unwrap();
            shortened += usize::from(document["group_shortened"] == true);
        }
    }
    assert!(0 < shortened, "no position lay inside a voucher");
    let day = ["--as-of-date", "2016-12-31", "--json"];
    let files = json(&[&["balance", "city", "4414", "--data", data][..], &day].concat());
    let remote = json(&[&["balance", "city", "4414", "--to", &server.address][..], &day].concat());
    assert_eq!(files, remote);
    assert_eq!(files["as_of"]["date"], "2016-12-31");
    let beyond = (head + 1).to_string();
    let run = mingzhang(&["balance", "city", "4414", "--to", &server.address, "--as-of", &beyond]);
    assert_eq!(run.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&run.stderr).contains("MZ-8001"));

    histories(data, &server.address, household, &demo["balances"]["household"]);
    server.stop().await;
}

/// A household's history is the same from files and server, and ends in its balance.
fn histories(data: &str, address: &str, household: &str, balance: &Value) {
    let lines = |source: [&str; 2]| {
        let run = mingzhang(&["history", "household", household, source[0], source[1], "--json"]);
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let text = String::from_utf8_lossy(&run.stdout).into_owned();
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let (files, remote) = (lines(["--data", data]), lines(["--to", address]));
    assert_eq!(files, remote);
    assert!(3 < files.len());
    assert_eq!(files[0]["kind_name"], "HouseholdRegistered");
    assert_eq!(files.last().unwrap(), balance);
}

#[test]
fn what_to_try_next_can_be_typed_as_it_stands_and_fits_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it's mine");
    let run = mingzhang(&["demo", "--data", path.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    let next: Vec<&str> = text
        .lines()
        .skip_while(|line| *line != "what to try next:")
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.contains(" serve "))
        .collect();
    assert_eq!(next.len(), 3, "{text}");
    for (line, code) in next.iter().zip([0, 0, 1]) {
        let run = std::process::Command::new("sh").args(["-c", line]).output().unwrap();
        assert_eq!(run.status.code(), Some(code), "{line}");
        if line.contains(" balance ") {
            let text = String::from_utf8_lossy(&run.stdout).into_owned();
            assert!(text.lines().all(|line| line.len() <= 120), "{text}");
            assert!(text.contains("  source  tranche"), "{text}");
        }
    }
}

#[test]
fn equal_seeds_give_equal_records() {
    let dir = tempfile::tempdir().unwrap();
    let head = |name: &str| {
        let path = dir.path().join(name);
        let demo = json(&["demo", "--profile", "xs", "--data", path.to_str().unwrap(), "--json"]);
        (demo["verify"]["chain_head"].clone(), demo["verify"]["tree_root"].clone())
    };
    assert_eq!(head("a"), head("b"));
}
