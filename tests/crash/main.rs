//! The real program, killed at any moment: nothing acknowledged is lost, nothing is posted twice.
//!
//! Lives here: a real process on real files, SIGKILL under load, a restart, every acknowledged voucher looked
//! for. Lives elsewhere: power cuts and torn writes on a simulated disk (`crates/journal`).
//!
//! `MINGZHANG_CRASH_ROUNDS=200 cargo test --test crash` runs it long; by default a few rounds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use proto::v1;
use proto::v1::posting_client::PostingClient;
use tokio_stream::StreamExt as _;
use tonic::transport::Channel;

fn mingzhang(args: &[&str]) {
    let run = Command::new(env!("CARGO_BIN_EXE_mingzhang")).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{args:?}: {said}{}", String::from_utf8_lossy(&run.stdout));
}

fn serve(data: &Path) -> (Child, String) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_mingzhang"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
    (process, address)
}

fn voucher(n: u32, lines: u32) -> v1::Voucher {
    let line = |at: u32| v1::Line {
        line_no: at + 1,
        kind: "OrganisationRegistered".to_owned(),
        organisation: format!("HU440106-{n}-{at}"),
        org_kind: "HU".to_owned(),
        unit: "440106".to_owned(),
        ..v1::Line::default()
    };
    let header = v1::Header {
        organisation: "PO44".to_owned(),
        voucher_no: format!("K-{n}"),
        effective_date: "2016-07-01".to_owned(),
        prepared_by: "p.po44".to_owned(),
        approved_by: "a.po44".to_owned(),
        line_count: Some(lines),
        total_fen: Some(0),
        ..v1::Header::default()
    };
    v1::Voucher { header: Some(header), lines: (0..lines).map(line).collect() }
}

async fn connect(address: &str) -> Channel {
    Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

/// Posts without end on a stream until the server is gone; returns what was acknowledged.
async fn load(address: String, from: u32) -> (Vec<v1::PostReply>, u32) {
    let mut client = PostingClient::new(connect(&address).await);
    let (sender, requests) = tokio::sync::mpsc::channel(64);
    let sending = tokio::spawn(async move {
        let mut n = from;
        loop {
            let request = v1::PostVouchersRequest {
                tag: u64::from(n),
                voucher: Some(voucher(n, 1 + n % 30)),
                ..Default::default()
            };
            if sender.send(request).await.is_err() {
                return n;
            }
            n += 1;
        }
    });
    let mut acknowledged = Vec::new();
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    if let Ok(answers) = client.post_vouchers(requests).await {
        let mut answers = answers.into_inner();
        while let Some(Ok(answer)) = answers.next().await {
            match answer.outcome.unwrap() {
                v1::post_vouchers_response::Outcome::Reply(reply) => acknowledged.push(reply),
                other => panic!("{other:?}"),
            }
        }
    }
    drop(client);
    (acknowledged, sending.await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_keeps_what_it_acknowledged() {
    let rounds = std::env::var("MINGZHANG_CRASH_ROUNDS").ok().and_then(|n| n.parse().ok());
    let rounds: u64 = rounds.unwrap_or(4);
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("ledger");
    let path = data.to_str().unwrap();
    mingzhang(&["init", "--data", path, "--origin", "crash.example/x", "--synthetic"]);
    let mut kept: Vec<v1::PostReply> = Vec::new();
    let mut next = 0;
    for round in 0..rounds {
        let (mut process, address) = serve(&data);
        let loading = tokio::spawn(load(address, next));
        // Another moment each round; no moment is a special one.
        tokio::time::sleep(Duration::from_millis(40 + round * 37 % 400)).await;
        process.kill().unwrap();
        process.wait().unwrap();
        let (acknowledged, tried) = loading.await.unwrap();
        let first_open = next;
        let count = u32::try_from(acknowledged.len()).unwrap();
        next = tried + 1;
        kept.extend(acknowledged);
        mingzhang(&["verify", path]);
        let (mut process, address) = serve(&data);
        let mut client = PostingClient::new(connect(&address).await);
        for reply in &kept {
            let (organisation, voucher_no) = (reply.organisation.clone(), reply.voucher_no.clone());
            let request = v1::GetVoucherRequest { organisation, voucher_no };
            let found = client.get_voucher(request).await.unwrap().into_inner();
            assert_eq!(found.reply.as_ref(), Some(reply), "round {round}");
        }
        // What was in flight is there whole or not at all; sending it again makes it there once.
        for n in first_open..first_open + count + 80 {
            let request = v1::PostVoucherRequest {
                voucher: Some(voucher(n, 1 + n % 30)),
                ..Default::default()
            };
            let answer = client.post_voucher(request).await.unwrap().into_inner();
            let Some(v1::post_voucher_response::Outcome::Reply(reply)) = answer.outcome else {
                panic!()
            };
            assert_eq!(reply.last_seq - reply.first_seq, u64::from(1 + n % 30));
            next = next.max(n + 1);
        }
        drop(client);
        process.kill().unwrap();
        process.wait().unwrap();
    }
    assert!(!kept.is_empty());
    mingzhang(&["verify", path]);
    mingzhang(&["rebuild", "--data", path, "--full"]);
}
