//! The arrows between crates: which of ours each may import, and what stays out of it altogether.
//!
//! Lives here: `crates/*/Cargo.toml` against the drawing in `docs/architecture.md`.
//! Lives elsewhere: links and pages of the documentation (`docs`), tables against the contract's (`tables`).
//!
//! Always: what is linked into a program counts, so tests may use more than this.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

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
