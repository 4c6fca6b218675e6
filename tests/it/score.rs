//! What is injected can be found, and the honest rest is quiet: the files of `sim`, a second computation of the
//! flags (`tests/oracle/flags.py`), and `findings score` between them.
//!
//! Always: recall is 100 % for every flag and seed; precision is at least 95 % but where [`EXEMPT`] says why not.
//! With `MINGZHANG_LONG=1` twenty seeds of profile xs and three of s, else three seeds of xs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::server::mingzhang;

/// Seeds that were drawn once.
const SEEDS: [u64; 20] = [
    20_160_604,
    1,
    7,
    23,
    102,
    311,
    977,
    1_604,
    2_018,
    4_414,
    5_813,
    8_191,
    10_007,
    44_182,
    65_537,
    123_456,
    777_777,
    2_147_483_647,
    9_999_999_967,
    u64::MAX,
];
/// Flags whose precision is printed and not held, and why.
const EXEMPT: [(&str, &str); 1] = [(
    "F19",
    "compares all declared heads with those able to work, so it fires for honest cities as well",
)];

/// The score of one data set, a row a flag, after its exit code.
fn score(dir: &Path, profile: &str, seed: u64) -> (i32, Vec<Value>) {
    let files = dir.join(format!("{profile}-{seed}"));
    let out = files.to_str().unwrap();
    let made = mingzhang(&["sim", "--profile", profile, "--seed", &seed.to_string(), "--out", out]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let alerts = files.join("alerts.jsonl");
    fs::write(&alerts, oracle(&files).stdout).unwrap();
    compare(&files.join("labels.csv"), &alerts)
}

fn oracle(files: &Path) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/flags.py");
    let months = fs::read_dir(files.join("post")).unwrap().map(|month| month.unwrap().path());
    // `-B`: nothing is written beside the script.
    let run = Command::new("python3").arg("-B").arg(script).args(months).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    run
}

fn compare(labels: &Path, alerts: &Path) -> (i32, Vec<Value>) {
    let (labels, alerts) = (labels.to_str().unwrap(), alerts.to_str().unwrap());
    let run = mingzhang(&["findings", "score", "--labels", labels, "--alerts", alerts, "--json"]);
    let text = String::from_utf8(run.stdout).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
    (run.status.code().unwrap(), rows.collect())
}

#[expect(clippy::print_stdout, reason = "precision is read by people")]
fn check(profile: &str, seeds: &[u64]) {
    let dir = tempfile::tempdir().unwrap();
    for &seed in seeds {
        let (code, rows) = score(dir.path(), profile, seed);
        assert_eq!(rows.len(), 30, "a head and 29 flags");
        for row in &rows[1..] {
            let flag = row["flag"].as_str().unwrap();
            println!(
                "{profile} {seed} {flag}: precision {}, decoys {}",
                row["precision_bp"], row["decoys_fired"]
            );
            assert!(
                0 < row["cases"].as_u64().unwrap() && row["recall_bp"] == 10_000,
                "{seed}: {row}"
            );
            let exempt = EXEMPT.iter().any(|(of, _)| *of == flag);
            assert!(
                exempt || 9_500 <= row["precision_bp"].as_u64().unwrap(),
                "{profile} {seed}: {row}"
            );
        }
        assert_eq!(code, 0, "{profile} {seed}");
    }
}

#[test]
fn every_injected_case_is_found_and_little_else() {
    let long = std::env::var_os("MINGZHANG_LONG").is_some();
    check("xs", if long { &SEEDS } else { &SEEDS[..3] });
    if long {
        check("s", &SEEDS[..3]);
    }
}

#[test]
fn a_missed_case_is_exit_1_and_what_cannot_be_read_exit_2() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let labels = write(
        "labels.csv",
        "label_id,flag,decoy,subject,voucher_keys,amount_fen,note\n\
         1,F07,false,441424/Q1,FB1/1,100,\"a, b\"\n2,F07,true,441424/Q2,FB1/2,100,\"\"\n",
    );
    let row = |subject: &str| format!("{{\"flag\":\"F07\",\"subject\":\"{subject}\"}}\n");
    let both = write("both", &(row("441424/Q1") + &row("441424/Q2")));
    let (code, rows) = compare(&labels, &both);
    let of = |rows: &[Value], name: &str| rows[7][name].clone();
    assert_eq!((code, of(&rows, "found"), of(&rows, "decoys_fired")), (0, 1.into(), 1.into()));
    assert_eq!(of(&rows, "precision_bp"), 10_000);
    let (code, rows) = compare(&labels, &write("other", &row("441424/Q3")));
    assert_eq!((code, of(&rows, "found"), of(&rows, "other")), (1, 0.into(), 1.into()));
    assert_eq!(of(&rows, "missed")[0], "441424/Q1");
    assert_eq!(compare(&labels, &write("bad", "no json")).0, 2);
    assert_eq!(compare(&write("bad.csv", "a,b\n"), &both).0, 2);
    assert_eq!(compare(&dir.path().join("absent"), &both).0, 2);
}
