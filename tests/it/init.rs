//! A new ledger: the same input gives the same bytes, and keys are for their owner.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::server::{ORIGIN, init, mingzhang};

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().display().to_string();
                out.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    out.sort();
    out
}

#[test]
fn equal_input_gives_equal_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    init(&a);
    init(&b);
    let (a, b) = (files(&a), files(&b));
    assert_eq!(
        a.iter().map(|f| &f.0).collect::<Vec<_>>(),
        b.iter().map(|f| &f.0).collect::<Vec<_>>()
    );
    assert!(a == b);
    let names: Vec<&str> = a.iter().map(|f| f.0.as_str()).collect();
    assert_eq!(
        names,
        [
            "LOCK",
            "clean",
            "keys/log",
            "keys/salt",
            "published/00000000000000000073",
            "published/checkpoint",
            "segments/00000000000000000000.mzs",
        ]
    );
}

#[test]
fn a_second_ledger_in_one_place_is_refused_and_so_is_an_origin_that_is_no_name() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("a");
    init(&data);
    let before = files(&data);
    let data = data.to_str().unwrap();
    let again = mingzhang(&["init", "--data", data, "--origin", ORIGIN, "--synthetic"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(files(Path::new(data)) == before);
    let other = dir.path().join("b");
    let bad = mingzhang(&["init", "--data", other.to_str().unwrap(), "--origin", "two words"]);
    assert_eq!(bad.status.code(), Some(2), "{}", String::from_utf8_lossy(&bad.stderr));
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("a");
    init(&data);
    let key = data.join("keys/log");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let served = mingzhang(&["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    assert_eq!(served.status.code(), Some(2));
    let text = String::from_utf8_lossy(&served.stderr).into_owned();
    assert!(text.contains("0644") && text.contains("hint: chmod 600"), "{text}");
}

#[test]
fn an_ordinary_ledger_draws_its_keys() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    for data in [&a, &b] {
        let made = mingzhang(&["init", "--data", data.to_str().unwrap(), "--origin", ORIGIN]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    assert_ne!(fs::read(a.join("keys/log")).unwrap(), fs::read(b.join("keys/log")).unwrap());
    let verified = mingzhang(&["verify", a.to_str().unwrap()]);
    assert!(verified.status.success());
}
