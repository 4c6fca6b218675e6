//! The files: the same bytes for the same seed, complete, and described by the manifest.

use sim::{Profile, Totals};
use std::collections::BTreeMap;
use std::convert::Infallible;

/// All files, joined.
fn files(profile: Profile, seed: u64) -> (BTreeMap<String, Vec<u8>>, Totals) {
    files_of(&sim::plan(profile, seed))
}

fn files_of(plan: &sim::Plan) -> (BTreeMap<String, Vec<u8>>, Totals) {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let totals = sim::write_files::<Infallible>(plan, &mut |path, bytes| {
        files.entry(path.to_owned()).or_default().extend_from_slice(bytes);
        Ok(())
    });
    (files, totals.unwrap())
}

fn hash(files: &BTreeMap<String, Vec<u8>>) -> String {
    blake3::hash(&files["MANIFEST"]).to_hex().to_string()
}

/// The manifest holds the hash of every other file, so its hash speaks for all of them. A change
/// here is a change of the published data: say so in the changelog.
#[test]
fn golden_bytes_of_xs_and_s() {
    for (profile, expected) in [
        (Profile::Xs, "1d46f6cadd512b887de58f03684c1b2663660fbd11d6d88c2fca199733a1a0d2"),
        (Profile::S, "9b5aeaa72bb9207e42a70287c3e9c26492a826c44700dd78900e1a03e191766b"),
    ] {
        assert_eq!(hash(&files(profile, sim::DEFAULT_SEED).0), expected, "{profile}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    for profile in [Profile::Xs, Profile::S] {
        let (first, totals) = files(profile, 7);
        let (again, _) = files(profile, 7);
        assert!(first == again);
        assert_ne!(hash(&first), hash(&files(profile, 8).0));
        assert_eq!(totals.files, first.len() as u64);
        assert_eq!(totals.bytes, first.values().map(|f| f.len() as u64).sum::<u64>());
    }
}

#[test]
fn the_manifest_describes_every_file() {
    let (files, totals) = files(Profile::S, sim::DEFAULT_SEED);
    let manifest = std::str::from_utf8(&files["MANIFEST"]).unwrap();
    let (mut paths, mut vouchers, mut lines) = (Vec::new(), 0, 0);
    for row in manifest.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let number = |i: usize| cells[i].parse::<u64>().unwrap();
        let content = &files[cells[0]];
        let text = std::str::from_utf8(content).unwrap();
        assert_eq!(blake3::hash(content).to_hex().as_str(), cells[5]);
        assert_eq!(number(4), content.len() as u64);
        let headers = text.lines().filter(|l| l.starts_with(r#"{"type":"voucher""#)).count();
        assert_eq!(number(1), headers as u64);
        if cells[0].starts_with("post/") {
            assert_eq!(number(2), (text.lines().count() - headers) as u64);
            (vouchers, lines) = (vouchers + number(1), lines + number(2));
        } else {
            assert_eq!(number(2), text.lines().count() as u64 - 1);
        }
        paths.push(cells[0]);
    }
    assert!(paths.is_sorted());
    assert_eq!((vouchers, lines), (totals.vouchers, totals.lines));
    assert_eq!(paths.len() + 1, files.len());
    // June 2016 to December 2018.
    assert_eq!(paths.iter().filter(|p| p.starts_with("post/")).count(), 31);
    assert!(files["labels.csv"].starts_with(sim::LABELS_HEADER.as_bytes()));
}

/// An entry of a list with named members is an object, though it has one member only.
#[test]
fn members_of_a_split_were_bare_numbers() {
    let (files, _) = files(Profile::S, sim::DEFAULT_SEED);
    let mut splits = 0;
    for text in files.values().map(|content| std::str::from_utf8(content).unwrap()) {
        for line in text.lines().filter(|l| l.contains(r#""kind":"HouseholdSplit""#)) {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let no = line["members"][0]["no"].as_u64();
            assert!(no.is_some_and(|no| (1..=99).contains(&no)), "{line}");
            splits += 1;
        }
    }
    assert!(0 < splits);
}

/// The bank saw every movement of 320-343 but those that were reversed, on its day.
#[test]
fn the_bank_has_a_row_of_every_movement() {
    let (files, _) = files_of(&sim::plan(Profile::S, sim::DEFAULT_SEED).without_irregularities());
    let (mut rows, mut movements) = (BTreeMap::new(), BTreeMap::new());
    let add = |of: &mut BTreeMap<String, (u64, i64)>, key: &str, yuan: &str| {
        let fen: i64 = yuan.replace('.', "").parse().unwrap();
        let entry = of.entry(key.to_owned()).or_default();
        *entry = (entry.0 + 1, entry.1 + fen);
    };
    let mut reversed = Vec::new();
    for (path, content) in &files {
        let text = std::str::from_utf8(content).unwrap();
        let month = path.split(['/', '.']).nth(1).unwrap_or_default();
        if path.starts_with("bank/") {
            for row in text.lines().skip(1) {
                let cells: Vec<&str> = row.split(',').collect();
                assert!(cells[2].starts_with(month) && cells.len() == 6);
                add(&mut rows, cells[4], cells[3]);
            }
        } else if path.starts_with("post/") {
            for line in text.lines() {
                let value: serde_json::Value = serde_json::from_str(line).unwrap();
                let direction = match value["kind"].as_str().unwrap_or_default() {
                    "TransferSent" | "DisbursedToHousehold" | "FundsReturnedUp" => "out",
                    "TransferReceived" | "TransferReturned" | "PaymentReturned"
                    | "OverpaymentRepaid" => "in",
                    "Reversed" => {
                        reversed.push(value["amount_yuan"].as_str().unwrap().to_owned());
                        continue;
                    }
                    _ => continue,
                };
                add(&mut movements, direction, value["amount_yuan"].as_str().unwrap());
            }
        }
    }
    let out = movements.get_mut("out").unwrap();
    for yuan in reversed {
        let fen: i64 = yuan.replace('.', "").parse().unwrap();
        *out = (out.0 - 1, out.1 - fen);
    }
    assert_eq!(rows, movements);
}

#[test]
fn an_error_of_the_caller_ends_the_writing() {
    let mut calls = 0;
    let plan = sim::plan(Profile::Xs, 1);
    let result = sim::write_files(&plan, &mut |_, _| {
        calls += 1;
        if calls < 3 { Ok(()) } else { Err("full") }
    });
    assert_eq!((result, calls), (Err("full"), 3));
}
