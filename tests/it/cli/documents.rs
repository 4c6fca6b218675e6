//! The fields of JSON documents that scripts may rely on: those of the contract are there, more may follow.

use serde_json::Value;

use super::told;

/// Runs a command and returns its document, which has these fields.
fn document(args: &[&str], fields: &str) -> Value {
    let (code, stdout, said) = told(&[args, &["--json"]].concat());
    assert_eq!(code, 0, "{args:?}: {said}");
    let document: Value = serde_json::from_str(&stdout).unwrap();
    has(&document, fields);
    document
}

fn has(document: &Value, fields: &str) {
    for field in fields.split(' ') {
        assert!(document.get(field).is_some(), "no {field}: {document}");
    }
}

#[test]
fn documents_have_the_fields_that_scripts_rely_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (data, sim, copy) = (path("l"), path("sim"), path("copy"));
    let made = document(
        &["init", "--data", &data, "--origin", "a.example/b", "--synthetic"],
        "what origin data vkey synthetic seed position checkpoint",
    );
    assert_eq!((&made["what"], &made["seed"]), (&"init".into(), &20_160_604.into()));
    let checkpoint = document(&["checkpoint", "--data", &data], "what position checkpoint proof");
    assert_eq!(checkpoint["checkpoint"], made["checkpoint"]);
    assert_eq!(checkpoint["position"], made["position"]);
    let sim = ["sim", "--profile", "xs", "--out", &sim];
    assert_eq!(document(&sim, "what position files records bytes")["what"], "sim");
    let backup =
        document(&["backup", "--data", &data, "--out", &copy], "what position files records bytes");
    // The same words of the same files; a restore adds no key here.
    let restore =
        document(&["restore", &copy, "--data", &path("r")], "what position files records bytes");
    for field in ["position", "records"] {
        assert_eq!(restore[field], backup[field], "{field}");
    }
    assert!(restore["bytes"].as_u64() <= backup["bytes"].as_u64(), "{restore}{backup}");
    assert!((64 << 20) < restore["bytes"].as_u64().unwrap(), "{restore}");
}

#[test]
fn the_bench_reports_its_floors_beside_its_figures() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().to_str().unwrap();
    let args = "bench --embedded --profile xs --lines 10 --concurrency 4 --seconds 1 --rounds 1";
    let args: Vec<&str> = args.split(' ').chain(["--dir", dir]).collect();
    let bench = document(
        &args,
        "machine lines seconds lines_per_s vouchers_per_s latency_ms bytes_per_line rss_bytes \
         baseline ratio_to_raw reads",
    );
    has(&bench["latency_ms"], "p50 p99 p999");
    has(
        &bench["baseline"],
        "raw_append_lines_per_s fdatasync_ms blake3_records_per_s sha256_leaves_per_s \
         echo_messages_per_s",
    );
    has(&bench["baseline"]["fdatasync_ms"], "p50 p99");
    assert!(0 < bench["lines"].as_u64().unwrap(), "{bench}");
}
