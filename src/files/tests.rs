//! Files against each other, against what they must refuse, and against any bytes.

use std::collections::BTreeMap;

use ledger::{digest, form};
use proptest::prelude::*;

use super::*;

const EXAMPLE_JSONL: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/example.jsonl"));
const EXAMPLE_CSV: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/example.csv"));

fn entries(bytes: &[u8], format: Format, encoding: Encoding) -> Vec<Entry> {
    read(bytes, format, encoding).unwrap().map(Result::unwrap).collect()
}

/// Digest of each voucher by its key.
fn digests(entries: &[Entry]) -> BTreeMap<(String, String), [u8; 32]> {
    let of = |entry: &Entry| {
        let voucher = entry.outcome.as_ref().unwrap();
        let form = form::check(voucher).unwrap_or_else(|reject| panic!("{entry:?}: {reject:?}"));
        let key = (entry.organisation.clone(), entry.voucher_no.clone());
        (key, digest::digest("ledger.example/1", voucher, &form.kinds))
    };
    entries.iter().map(of).collect()
}

#[test]
fn both_formats_say_the_same() {
    let all = digests(&entries(EXAMPLE_JSONL, Format::JsonLines, Encoding::Utf8));
    let rows = entries(EXAMPLE_CSV, Format::Csv, Encoding::Utf8);
    let money = digests(&rows);
    // The story's 48 money records and what it needs beside them.
    assert_eq!(rows.iter().map(|e| e.rows.len()).sum::<usize>(), 48);
    assert!(money.len() < all.len());
    for (key, digest) in &money {
        assert_eq!(all.get(key), Some(digest), "{key:?}");
    }
}

#[test]
fn what_is_written_reads_the_same() {
    for entry in entries(EXAMPLE_JSONL, Format::JsonLines, Encoding::Utf8) {
        let voucher = entry.outcome.unwrap();
        let mut bytes = Vec::new();
        write_jsonl(&voucher, &mut bytes).unwrap();
        let back = entries(&bytes, Format::JsonLines, Encoding::Utf8);
        assert_eq!(back.len(), 1);
        assert_eq!(back[0].outcome.as_ref().unwrap(), &voucher);
    }
}

#[test]
fn rows_of_the_file_are_remembered() {
    let rows = entries(EXAMPLE_CSV, Format::Csv, Encoding::Utf8);
    let four = rows.iter().find(|e| e.rows.len() == 4).unwrap();
    assert_eq!(four.row(1), four.begins);
    assert_eq!(four.row(4), four.begins + 3);
    assert_eq!((four.row(0), four.row(5)), (four.begins, four.begins));
    let lines = entries(EXAMPLE_JSONL, Format::JsonLines, Encoding::Utf8);
    assert_eq!((lines[0].begins, lines[0].row(1), lines[0].row(27)), (1, 2, 28));
}

#[test]
fn marks_and_declared_encodings_are_read() {
    let marked = [b"\xef\xbb\xbf", EXAMPLE_CSV].concat();
    assert_eq!(digests(&entries(&marked, Format::Csv, Encoding::Utf8)).len(), 42);
    let marked = [b"\xef\xbb\xbf", EXAMPLE_JSONL].concat();
    assert!(!entries(&marked, Format::JsonLines, Encoding::Utf8).is_empty());

    let text = "organisation,voucher_no,kind,doc_no,memo\r\nFB44,1,X,粤财农〔2016〕166号,\"第一, \"\"二\"\"\"\r\n";
    let (gb, _, _) = encoding_rs::GB18030.encode(text);
    let read = entries(&gb, Format::Csv, Encoding::Gb18030);
    let voucher = read[0].outcome.as_ref().unwrap();
    assert_eq!(voucher.doc_no(), "粤财农〔2016〕166号");
    assert_eq!(voucher.line(0).unwrap().text(Field::Memo), "第一, \"二\"");
    // Lines are counted whatever ends them, blank ones and those within a cell too.
    let text = "\r\norganisation,voucher_no,kind,memo\n\r\nA,1,X,\"a\r\nb\"\r\n\r\nB,1,X,c";
    let begins: Vec<_> = entries(text.as_bytes(), Format::Csv, Encoding::Utf8)
        .iter()
        .map(|e| (e.begins, e.outcome.as_ref().unwrap().line(0).unwrap().text(Field::Memo).len()))
        .collect();
    assert_eq!(begins, [(4, 4), (7, 1)]);

    // The same bytes, declared as UTF-8: this voucher is refused at its cells.
    assert_eq!(
        told(&gb, Format::Csv)[0],
        "2:4 header.doc_no MZ-1035 doc_no is not UTF-8 at byte 0"
    );
}

/// Every fault of a file's vouchers: place, field, code, message.
fn told(bytes: &[u8], format: Format) -> Vec<String> {
    let mut out = Vec::new();
    for entry in entries(bytes, format, Encoding::Utf8) {
        if let Err(refused) = entry.outcome {
            assert_eq!(refused.places.len(), refused.reject.refusals.len());
            for (place, refusal) in refused.places.iter().zip(&refused.reject.refusals) {
                let (line, column) = (place.line, place.column);
                let (label, text) = (refusal.reason.label(), &refusal.reason);
                out.push(format!("{line}:{column} {} {label} {text}", refusal.place()));
            }
        } else {
            out.push(format!("{}: read", entry.begins));
        }
    }
    out
}

const HEAD: &str = r#"{"type":"voucher","organisation":"FB44","voucher_no":"1","line_count":1}"#;

/// Faults of one line object in a voucher.
fn line(members: &str) -> Vec<String> {
    let text = format!("{HEAD}\n{{\"type\":\"line\",\"line_no\":1,{members}}}\n");
    told(text.as_bytes(), Format::JsonLines)
}

#[test]
fn json_faults_have_code_and_place() {
    let check = |members: &str, expected: &str| assert_eq!(line(members), [expected], "{members}");
    check(r#""kind":"TransferSent","amount_yuan":"5.00""#, "1: read");
    check(
        r#""kind":"TransferSent","amount_yuan":"-5.00""#,
        "2:64 lines[1].amount_yuan MZ-1020 amount -5.00 is not like 1234.50",
    );
    check(
        r#""kind":"TransferSent","amount_yuan":5"#,
        "2:64 lines[1].amount_yuan MZ-1020 amount 5 without quotes is not like 1234.50",
    );
    check(
        r#""kind":"TransferSent","amount_yuan":"1e5""#,
        "2:64 lines[1].amount_yuan MZ-1017 cell amount_yuan of line 2 holds 1e5, digits are lost",
    );
    check(
        r#""kind":"TransferSent","amount_yuan":1e5"#,
        "2:64 lines[1].amount_yuan MZ-1017 cell amount_yuan of line 2 holds 1e5, digits are lost",
    );
    check(
        r#""kind":"TrancheOpened","year":2.016e3"#,
        "2:58 lines[1].year MZ-1017 cell year of line 2 holds 2.016e3, digits are lost",
    );
    check(
        r#""kind":"TransferSent","amount":"5.00""#,
        "2:59 lines[1].amount MZ-1016 amount is unknown; did you mean amount_yuan?",
    );
    check(
        r#""kind":"TransferSent","qouta":"Q1""#,
        "2:58 lines[1].qouta MZ-1016 qouta is unknown; did you mean quota?",
    );
    check(
        r#""kind":"TransferSent","quota":5"#,
        "2:58 lines[1].quota MZ-1019 quota 5 is not a text in quotes",
    );
    check(
        r#""kind":"TransferSent","quota":"A","quota":"B""#,
        "2:70 lines[1].quota MZ-1019 quota given twice is not allowed: a name stands once in an object",
    );
    check(
        r#""kind":"HouseholdRegistered","members":[{"no":1,"sexx":"f"}]"#,
        "2:67 lines[1].members.0.sexx MZ-1016 sexx is unknown; did you mean sex?",
    );
    check(
        r#""kind":"HouseholdRegistered","members":[{"no":1,"dibao":"no"}]"#,
        r#"2:67 lines[1].members.0.dibao MZ-1019 dibao "no" is not true or false"#,
    );
    check(
        r#""kind":"RoleGranted","scope":["44",4414]"#,
        "2:57 lines[1].scope.1 MZ-1019 scope 4414 is not a text in quotes",
    );
    check(
        r#""kind":"TransferSent","quota":"\ud800""#,
        r#"2:58 lines[1].quota MZ-1019 quota "\ud800" is not a text of whole characters"#,
    );
}

#[test]
fn a_bad_token_reaches_the_form_checks_as_it_was_spelled() {
    let hex = "0123456789abcdef0123456789abcdef";
    for (token, fits) in [(hex, true), (&hex.to_uppercase(), false), ("12", true), ("", true)] {
        let text =
            format!("{HEAD}\n{{\"type\":\"line\",\"kind\":\"X\",\"account\":\"{token}\"}}\n");
        let read = entries(text.as_bytes(), Format::JsonLines, Encoding::Utf8);
        let voucher = read[0].outcome.as_ref().unwrap();
        let text = voucher.line(0).unwrap().text(Field::Account);
        assert_eq!(text, if fits { "" } else { token });
    }
}

#[test]
fn maps_and_lists_of_parameters_are_one() {
    let read_params = |params: &str| {
        let text = format!(
            "{HEAD}\n{{\"type\":\"line\",\"kind\":\"FlagParametersAdopted\",\"params\":{params}}}\n"
        );
        entries(text.as_bytes(), Format::JsonLines, Encoding::Utf8).remove(0).outcome.unwrap()
    };
    assert_eq!(
        read_params(r#"{"days":30,"n":-2}"#),
        read_params(r#"[{"name":"days","value":30},{"name":"n","value":-2}]"#)
    );
    let text = format!(
        "{HEAD}\n{{\"type\":\"line\",\"kind\":\"PeriodRuleAdopted\",\"period\":\"month\"}}\n"
    );
    let voucher =
        entries(text.as_bytes(), Format::JsonLines, Encoding::Utf8).remove(0).outcome.unwrap();
    assert_eq!(voucher.line(0).unwrap().text(Field::PeriodUnit), "month");
}

#[test]
fn header_faults_have_code_and_place() {
    let header = |members: &str| {
        let text = format!(r#"{{"type":"voucher","organisation":"FB44",{members}}}"#);
        told(text.as_bytes(), Format::JsonLines)
    };
    assert_eq!(header(r#""line_count":1,"total_yuan":"0.00""#), ["1: read"]);
    assert_eq!(
        header(r#""line_count":-1"#),
        ["1:54 header.line_count MZ-1019 line_count -1 is not a whole number"]
    );
    assert_eq!(
        header(r#""total_yuan":5"#),
        ["1:54 header.total_yuan MZ-1020 amount 5 without quotes is not like 1234.50"]
    );
    assert_eq!(
        header(r#""total":"5.00""#),
        ["1:49 header.total MZ-1016 total is unknown; did you mean total_yuan?"]
    );
    assert_eq!(
        header(r#""approver_key":"XY""#),
        ["1:56 header.approver_key MZ-1019 approver_key XY is not lower-case hex digits"]
    );
}

#[test]
fn a_bad_voucher_is_refused_and_the_others_go_on() {
    let good = "{\"type\":\"line\",\"line_no\":1,\"kind\":\"X\"}\n";
    let text = format!("{HEAD}\n{good}\n{HEAD}\nnonsense\n{good}{HEAD}\n\n{good}");
    assert_eq!(
        told(text.as_bytes(), Format::JsonLines),
        ["1: read", "5:2 header MZ-1019 line nonsense is not a JSON object", "7: read"]
    );
    let mut bytes = format!("{HEAD}\n").into_bytes();
    bytes.extend(b"\"\xff\"\n");
    bytes.extend(format!("{{\"type\":\"lines\"}}\n{{}}\n{HEAD}\n{good}").into_bytes());
    assert_eq!(
        told(&bytes, Format::JsonLines),
        [
            "2:2 header MZ-1035 line 2 is not UTF-8 at byte 1",
            "3:0 header MZ-1019 type lines is not voucher or line",
            "4:0 header MZ-1018 type is required for each object, voucher or line",
            "5: read"
        ]
    );
}

/// A CSV file of one voucher with these columns beside the key.
fn csv_of(names: &str, rows: &[&str]) -> Vec<String> {
    let mut text = format!("organisation,voucher_no,kind,line_no,{names}\n");
    for (i, row) in rows.iter().enumerate() {
        text.push_str(&format!("FB44,1,X,{},{row}\n", i + 1));
    }
    told(text.as_bytes(), Format::Csv)
}

#[test]
fn csv_faults_have_code_and_place() {
    assert_eq!(csv_of("amount_yuan,memo", &["5.00,1E5", "6,"]), ["2: read"]);
    assert_eq!(
        csv_of("doc_no,line_count", &["A,2", "B,2", "A,"]),
        [
            "3:5 header.doc_no MZ-1013 row 3: doc_no is B, first row has A",
            "4:6 header.line_count MZ-1013 row 4: line_count is empty, first row has 2"
        ]
    );
    assert_eq!(
        csv_of("qouta", &["Q1", "Q1"]),
        ["1:5 header.qouta MZ-1016 qouta is unknown; did you mean quota?"]
    );
    assert_eq!(
        csv_of("household,amount_yuan", &["4.41425E+16,1,5"]),
        [
            "2:0 lines[1] MZ-1019 row of 7 cells is not one of 6, as the first row has",
            "2:5 lines[1].household MZ-1017 cell household of row 2 holds 4.41425E+16, digits are lost"
        ]
    );
    assert_eq!(
        csv_of("household,amount_yuan", &["44142490120100013,\"1,000.00\""]),
        ["2:6 lines[1].amount_yuan MZ-1020 amount 1,000.00 is not like 1234.50"]
    );
    assert_eq!(
        csv_of("year,amount_yuan", &["2016.0,3E3"]),
        [
            "2:5 lines[1].year MZ-1017 cell year of row 2 holds 2016.0, digits are lost",
            "2:6 lines[1].amount_yuan MZ-1017 cell amount_yuan of row 2 holds 3E3, digits are lost"
        ]
    );
    assert_eq!(
        told(b"organisation,voucher_no,kind,line_no\nFB44,1,X,one\nFB44,2,X,1\n", Format::Csv),
        [
            "2:4 lines[0].line_no MZ-1019 line_no one is not a whole number"
                .replace("lines[0]", "header"),
            "3: read".to_owned()
        ]
    );
}

#[test]
fn no_such_file_ends_the_reading() {
    let what = |bytes: &[u8], format, encoding| match read(bytes, format, encoding).err() {
        Some(Stop::NoSuchFile { place, reason }) => {
            format!("{}:{} {} {reason}", place.line, place.column, reason.label())
        }
        other => format!("{:?}", other.map(|_| "an I/O error")),
    };
    let utf8 = Encoding::Utf8;
    assert_eq!(what(b"", Format::JsonLines, utf8), "0:0 MZ-9010 the file is empty");
    assert_eq!(what(b"\n,,\n", Format::Csv, utf8), "0:0 MZ-9010 the file is empty");
    assert_eq!(
        what(b"PK\x03\x04", Format::JsonLines, utf8),
        "1:1 MZ-1019 line PK\u{fffd}\u{fffd} is not a JSON object"
    );
    assert_eq!(
        what(b"{\"type\":\"line\"}", Format::JsonLines, utf8),
        "1:0 MZ-9010 a line stands before the first header"
    );
    assert_eq!(
        what(b"{}", Format::JsonLines, Encoding::Gb18030),
        "0:0 MZ-9010 JSON lines are UTF-8, GB18030 was declared"
    );
    assert_eq!(
        what(b"organisation;voucher_no;kind\n", Format::Csv, utf8),
        "1:1 MZ-9010 no column organisation: the first row names the columns, separated by commas"
    );
    assert_eq!(
        what(b"organisation,kind,voucher_no,kind\n", Format::Csv, utf8),
        "1:4 MZ-9010 column kind stands twice"
    );
    assert_eq!(
        what(b"organisation,\xd6\xb8\xb1\xea\n", Format::Csv, utf8),
        "1:2 MZ-1035 column 2 is not UTF-8 at byte 2"
    );
}

#[test]
fn lines_beyond_the_most_are_counted_and_not_kept() {
    let most = usize::try_from(VOUCHER_LINES_MAX).unwrap();
    let mut text = "organisation,voucher_no,kind,line_no\n".to_owned();
    for i in 1..=most + 2 {
        text.push_str(&format!("FB44,1,TransferSent,{i}\n"));
    }
    let read = entries(text.as_bytes(), Format::Csv, Encoding::Utf8);
    let voucher = read[0].outcome.as_ref().unwrap();
    assert_eq!((voucher.len(), voucher.dropped_lines(), read[0].rows.len()), (most, 2, most));
}

#[test]
fn near_names_are_found() {
    assert_eq!(distance("qouta", "quota"), 2);
    assert_eq!(distance("", "quota"), 5);
    assert_eq!(distance("quota", "quota"), 0);
    assert_eq!(name_in_files("amount"), "amount_yuan");
    assert_eq!(name_in_files("total"), "total_yuan");
    assert_eq!(name_in_files("per_head_fen"), "per_head_fen");
    assert_eq!(field_of("amount_yuan", ""), Some(Field::Amount));
    assert_eq!(field_of("amount", ""), None);
    assert_eq!(field_of("quota_yuan", ""), None);
}

fn drain(bytes: &[u8], format: Format, encoding: Encoding) {
    if let Ok(vouchers) = read(bytes, format, encoding) {
        for entry in vouchers {
            let Ok(entry) = entry else { break };
            if let Ok(voucher) = entry.outcome {
                drop(form::check(&voucher));
                let mut out = Vec::new();
                write_jsonl(&voucher, &mut out).unwrap();
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for encoding in [Encoding::Utf8, Encoding::Gb18030] {
            drain(&bytes, Format::Csv, encoding);
        }
        drain(&bytes, Format::JsonLines, Encoding::Utf8);
        let framed = [HEAD.as_bytes(), b"\n", &bytes].concat();
        drain(&framed, Format::JsonLines, Encoding::Utf8);
    }

    #[test]
    fn damaged_files_are_answered(
        at in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 1..6),
        cut in 200_usize..2_000,
    ) {
        for (file, format) in [(EXAMPLE_JSONL, Format::JsonLines), (EXAMPLE_CSV, Format::Csv)] {
            let start = at.index(file.len().saturating_sub(cut));
            // Whole lines from somewhere in the file, with its first line before them.
            let first = file.iter().position(|b| *b == b'\n').unwrap_or(0) + 1;
            let mut part = [&file[..first], &file[start..start + cut]].concat();
            let place = first + at.index(cut);
            part.splice(place..=place, bytes.iter().copied());
            drain(&part, format, Encoding::Utf8);
        }
    }
}
