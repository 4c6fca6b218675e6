//! `rebuild` answers no: a server of another history, a payload in another spelling, a digest that does not follow.
//!
//! Lives elsewhere: logs that are damaged or rolled back (`directory`), seals and snapshots that differ
//! (`snapshot`).

use std::fs;
use std::path::Path;

use ledger::codec::Codec;
use ledger::event::Event;
use record::{Block, BlockBuilder, Draft, Record, SEGMENT_HEADER_BYTES};
use serde_json::Value;

use crate::directory::{LAST, block, edit, unmark};
use crate::server::{Server, init, mingzhang, organisations, post};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/example.jsonl");

/// Exit code and document.
fn rebuild(args: &[&str]) -> (Option<i32>, Value) {
    let run = mingzhang(&[&["rebuild"], args, &["--json"]].concat());
    (run.status.code(), serde_json::from_slice(&run.stdout).unwrap())
}

/// A payment of so many yuan, on top of the example.
async fn paid(data: &Path, file: &Path, yuan: &str) -> Server {
    let server = Server::fresh(data).await;
    let text = format!(
        "{{\"type\":\"voucher\",\"organisation\":\"VC441424901201\",\"voucher_no\":\"X-1\",\
         \"effective_date\":\"2017-07-05\",\"prepared_by\":\"p.vc441424901201\",\"line_count\":1,\
         \"total_yuan\":\"{yuan}\"}}\n\
         {{\"type\":\"line\",\"line_no\":1,\"kind\":\"DisbursedToHousehold\",\"quota\":\"Q16-4401-0001\",\
         \"unit\":\"441424901201\",\"household\":\"44142490120100013\",\
         \"account\":\"ba5420b0d80eff60e5b324d6bff31743\",\"purpose\":\"P02\",\"bank_ref\":\"X-1\",\
         \"amount_yuan\":\"{yuan}\"}}\n"
    );
    fs::write(file, text).unwrap();
    let run = mingzhang(&["post", EXAMPLE, file.to_str().unwrap(), "--to", &server.address]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_history_differs_in_the_views_that_it_touches() {
    let dir = tempfile::tempdir().unwrap();
    let (data, file) = (dir.path().join("whole"), dir.path().join("x.jsonl"));
    let whole = paid(&data, &file, "0.07").await;
    let fork = paid(&dir.path().join("fork"), &file, "0.08").await;
    let data = data.to_str().unwrap();
    let (code, document) = rebuild(&["--data", data, "--to", &whole.address]);
    assert_eq!((code, &document["equal"]), (Some(0), &true.into()), "{document}");

    let (code, document) = rebuild(&["--data", data, "--to", &fork.address]);
    assert_eq!((code, &document["equal"]), (Some(1), &false.into()), "{document}");
    let views = document["views"].as_array().unwrap();
    let differ = |view: &&Value| view["live_digest"] != view["digest"];
    let names: Vec<_> = views.iter().filter(differ).map(|v| v["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"accounts") && names.contains(&"household"), "{names:?}");
    assert!(names.len() < views.len(), "no view is equal: {names:?}");
    for name in names {
        let told = format!("view {name}: the server has another digest; first row: ");
        let mut differs = document["differs"].as_array().unwrap().iter();
        let found = differs.find_map(|text| text.as_str().unwrap().strip_prefix(&told));
        if name == "accounts" {
            let of = "path C.hh.44142490120100013: balance 300007 here, 300008 there";
            assert_eq!(found, Some(of), "{document}");
        }
        assert!(found.is_some_and(|row| row.contains(" here, ")), "{name}: {document}");
    }
    whole.stop().await;
    fork.stop().await;
}

/// The payload of a record of the last block, by its place in it.
type Change<'a> = &'a dyn Fn(usize, &Record<'_>) -> Vec<u8>;

/// Makes the last block again with other payloads, so that framing, chain and sums hold.
fn respell(data: &Path, change: Change<'_>) {
    edit(data, |bytes| {
        let (at, header) = block(bytes, LAST);
        assert!(SEGMENT_HEADER_BYTES < at);
        let end = at + header.frame_bytes();
        let old = Block::from_frame(bytes[at..end].to_vec()).unwrap();
        let mut draft = Draft::new();
        for (i, record) in old.records().enumerate() {
            let legs: Vec<(&str, i64)> = record.legs().map(|leg| (leg.path, leg.fen)).collect();
            draft.push(record.kind(), record.date(), &legs, &change(i, &record)).unwrap();
        }
        let prev = old.prev_head();
        let mut builder = BlockBuilder::start(old.epoch(), old.first_seq(), prev, [7; 32]);
        builder.append(&draft, old.last_time_ms());
        let new = builder.finish();
        bytes[at..end].fill(0);
        bytes[at..at + new.frame().len()].copy_from_slice(new.frame());
    });
    unmark(data);
}

#[tokio::test(flavor = "multi_thread")]
async fn full_finds_a_spelling_and_a_digest_that_are_not_the_programs() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    init(&whole);
    let server = Server::start(&whole).await;
    server.posting().await.post_voucher(post(organisations("D-1", [1]))).await.unwrap();
    server.stop().await;
    let spelled = |i: usize, record: &Record<'_>| {
        // Every field twice: the later one counts, so the message is the same.
        let again = if i == 1 { record.payload() } else { &[] };
        [record.payload(), again].concat()
    };
    let digested = |i: usize, record: &Record<'_>| {
        let mut payload = record.payload().to_vec();
        let entry = Codec::new().decode(record).unwrap();
        if let (0, Event::VoucherPosted(header)) = (i, &entry.event) {
            let digest = header.content_digest;
            let at = payload.windows(32).position(|bytes| bytes == digest).unwrap();
            payload[at] ^= 1;
        }
        payload
    };
    let same = |_: usize, record: &Record<'_>| record.payload().to_vec();
    let changes: [(&str, Change<'_>, &str); 3] = [
        ("same", &same, ""),
        ("spelled", &spelled, "record 74: payload is not in canonical form"),
        ("digested", &digested, "voucher PO44/D-1 has another content digest than its header says"),
    ];
    for (name, change, said) in changes {
        let data = dir.path().join(name);
        crate::directory::copy(&whole, &data);
        respell(&data, change);
        let data = data.to_str().unwrap();
        assert!(mingzhang(&["verify", data]).status.success(), "{name}");
        assert_eq!(rebuild(&["--data", data]).0, Some(0), "{name}");
        let (code, document) = rebuild(&["--data", data, "--full"]);
        if said.is_empty() {
            assert_eq!(code, Some(0), "{document}");
            continue;
        }
        assert_eq!(code, Some(1), "{name}: {document}");
        assert_eq!(document["error"]["code"], "MZ-9004");
        assert!(document["error"]["message"].as_str().unwrap().contains(said), "{document}");
    }
}
