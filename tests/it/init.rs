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

#[test]
fn what_is_wrong_is_told_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("a/b");
    let officials = dir.path().join("officials.csv");
    let init = |origin: &str| {
        let mut args = vec!["init", "--data", data.to_str().unwrap(), "--origin", origin];
        if origin == ORIGIN {
            args.extend(["--officials", officials.to_str().unwrap()]);
        }
        let run = mingzhang(&args);
        assert_eq!(run.status.code(), Some(2), "{origin}");
        assert!(!data.exists() && !data.parent().unwrap().exists());
        String::from_utf8_lossy(&run.stderr).into_owned()
    };
    for origin in ["two words", "", "a+b", "a\nb"] {
        let said = init(origin);
        assert!(said.starts_with("error[MZ-9010]: --origin: ") && said.contains("hint: an origin"));
    }
    assert!(init(ORIGIN).contains("officials.csv: No such file"));
    let head = "official,organisation,role\n";
    for (rows, at) in [
        ("official;organisation;role\n".to_owned(), ":1: the first row is not"),
        (format!("{head}p.po44,PO44\n"), ":2: three cells expected"),
        (format!("{head}p.po44,PO44,registrar\n\nx,PO44,emperor\n"), ":4: no such role"),
        (format!("{head}p.po44,PO45,registrar\n"), ":2: the second cell is none of"),
        (format!("{head}P po44,PO44,registrar\n"), ":2: the first cell is no name"),
        (format!("{head}p.po44,PO44,registrar\n"), ":1: PO44 needs a registrar and"),
    ] {
        fs::write(&officials, rows).unwrap();
        let said = init(ORIGIN);
        assert!(said.contains(at), "{said}");
    }
    fs::write(&officials, b"official,organisation,role\n\xff").unwrap();
    assert!(init(ORIGIN).contains("no UTF-8 text"));
}

#[test]
fn what_a_crash_left_is_cleared_and_an_empty_directory_keeps_its_mode() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("a");
    fs::create_dir_all(data.join(".unfinished/segments")).unwrap();
    fs::create_dir(data.join("keys")).unwrap();
    fs::write(data.join("keys/log"), "half a key").unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o750)).unwrap();
    init(&data);
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o750);
    let fresh = dir.path().join("b");
    init(&fresh);
    assert!(files(&data) == files(&fresh));
}
