//! The arrows between crates: which of ours each may import, and what stays out of it altogether. And the
//! tests: none of the refusals is without one.
//!
//! Lives here: `crates/*/Cargo.toml` against the drawing in `docs/architecture.md`; the table of refusals
//! against what is tested at each edge. That every code of a decision is met is told by the ledger's model.
//! Lives elsewhere: links and pages of the documentation (`docs`), tables against the contract's (`tables`).
//!
//! Always: what is linked into a program counts, so tests may use more than this.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A crate, those of ours that it may import, and what of others' it must not.
#[rustfmt::skip]
const ARROWS: [(&str, &[&str], &[&str]); 8] = [
    ("record",  &[],                   &["prost", "tokio", "serde", "sled"]),
    ("tlog",    &[],                   &["prost", "tokio", "serde", "sled"]),
    ("proto",   &[],                   &["tokio", "sled"]),
    ("journal", &["record"],           &["prost", "tokio", "serde", "sled"]),
    ("ledger",  &["record", "proto"],  &["tokio", "tonic", "sled", "rustix"]),
    ("views",   &["record", "ledger"], &["tokio", "tonic", "prost"]),
    ("verify",  &["record", "tlog"],   &["prost", "tokio", "serde", "sled", "serde_json"]),
    ("sim",     &["record", "ledger"], &["tokio", "prost", "rustix"]),
];

/// Names under the heads of a manifest that say what is linked in.
fn imports(manifest: &str) -> BTreeSet<String> {
    let (mut found, mut within) = (BTreeSet::new(), false);
    for line in manifest.lines().map(str::trim) {
        if let Some(head) = line.strip_prefix('[') {
            within = head.ends_with("dependencies]") && !head.contains("dev-dependencies");
        } else if within && !line.is_empty() && !line.starts_with('#') {
            let name = line.split(['.', ' ', '=']).next().unwrap();
            found.insert(name.to_owned());
        }
    }
    found
}

#[test]
fn crates_import_each_other_as_drawn() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let mut manifests = BTreeMap::new();
    for entry in fs::read_dir(&crates).unwrap() {
        let path = entry.unwrap().path();
        if let Ok(manifest) = fs::read_to_string(path.join("Cargo.toml")) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            manifests.insert(name, imports(&manifest));
        }
    }
    let drawn: BTreeSet<_> = ARROWS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(manifests.keys().cloned().collect::<BTreeSet<_>>(), drawn, "a crate without a row");
    for (name, may, never) in ARROWS {
        let imports = &manifests[name];
        assert!(!imports.is_empty(), "{name}: nothing was read");
        let ours = imports.iter().filter(|import| drawn.contains(*import));
        let more: Vec<_> = ours.filter(|import| !may.contains(&import.as_str())).collect();
        assert!(more.is_empty(), "crates/{name} imports {more:?}: no such arrow is drawn");
        let banned: Vec<_> = never.iter().filter(|never| imports.contains(**never)).collect();
        assert!(banned.is_empty(), "crates/{name} imports {banned:?}, which stays out of it");
    }
}

#[test]
fn manifests_are_read_as_cargo_reads_them() {
    let manifest = "[package]\nname = \"a\"\n[dependencies]\n# why\nrecord.workspace = true\n\
        tlog = { path = \"../tlog\" }\n[target.'cfg(unix)'.dependencies]\nrustix = \"1\"\n\
        [dev-dependencies]\nledger.workspace = true\n[build-dependencies]\nproto = \"1\"\n";
    assert_eq!(imports(manifest), ["proto", "record", "rustix", "tlog"].map(str::to_owned).into());
}

/// Refusals without a test, and what they wait for.
const WAITING: [(u16, &str); 2] = [
    (5_001, "a peer outside loopback without a certificate, which TLS turns away before"),
    (7_002, "findings, which adopt an alert"),
];

/// Refusals that a library tests as an error of its own, and what its test says.
const AS_ERRORS: [(u16, &str); 2] =
    [(6_005, "DraftError::TooManyLegs { found: 65 }"), (9_002, "Error::Fenced { mine: 1")];

/// The lines of a source file that are tests, as far as a reader can tell: a file of tests whole, of another
/// what stands below its `cfg(test)`; no comments.
fn test_lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let whole = path.components().any(|part| part.as_os_str() == "tests")
        || path.file_stem().is_some_and(|stem| stem == "tests");
    let from = if whole { Some(0) } else { text.find("#[cfg(test)]\nmod tests {") };
    let lines = from.map_or("", |from| &text[from..]).lines().map(str::trim_start);
    lines
        .filter(|line| !line.starts_with("//") && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let ours = path.extension().is_some_and(|ext| ext == "rs" || ext == "case");
        // The tables and pages of refusals name every code; that is no test of one.
        let table = path.ends_with("ledger/src/reject") || path.ends_with("ledger/tests/model");
        if path.is_dir() && !table {
            sources(&path, out);
        } else if ours && !path.ends_with("it/tidy.rs") {
            out.push(path);
        }
    }
}

/// Whether a line names a code: `7002`, `7_002`, `MZ-7002`.
fn names(line: &str, code: u16) -> bool {
    let (thousands, rest) = (code / 1_000, code % 1_000);
    [code.to_string(), format!("{thousands}_{rest:03}")].iter().any(|spelled| {
        line.match_indices(spelled.as_str()).any(|(at, _)| {
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let before = line[..at].chars().next_back();
            let after = line[at + spelled.len()..].chars().next();
            !before.is_some_and(word) && !after.is_some_and(word)
        })
    })
}

#[test]
fn every_refusal_of_an_edge_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for dir in ["tests/it", "src", "crates"] {
        sources(&root.join(dir), &mut files);
    }
    let lines: Vec<String> = files.iter().flat_map(|path| test_lines(path)).collect();
    assert!(10_000 < lines.len(), "{} lines of tests", lines.len());
    let table = fs::read_to_string(root.join("crates/ledger/data/refusals.csv")).unwrap();
    let (mut missing, mut edges) = (Vec::new(), 0);
    for row in table.lines().skip(1) {
        let code: u16 = row[3..7].parse().unwrap();
        let by = row.rsplit(',').next().unwrap();
        let waits = WAITING.iter().any(|(waiting, _)| *waiting == code);
        if by == "decide" || waits {
            continue;
        }
        edges += 1;
        let error = AS_ERRORS.iter().find(|(other, _)| *other == code).map(|(_, error)| *error);
        let tests = |line: &String| names(line, code) || error.is_some_and(|e| line.contains(e));
        if !lines.iter().any(tests) {
            missing.push(format!("{by}: {row}"));
        }
    }
    assert!(30 < edges, "{edges} rows were read");
    assert!(missing.is_empty(), "no test names:\n{}", missing.join("\n"));
}
