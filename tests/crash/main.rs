//! The real program, killed at any moment: nothing acknowledged is lost, nothing is posted twice.
//!
//! Lives here: a real process on real files, SIGKILL under load, a restart, every acknowledged voucher looked
//! for, what was paid counted. Lives elsewhere: power cuts and torn writes on a simulated disk
//! (`crates/journal`).
//!
//! Always: in each round something was acknowledged before the kill. `MINGZHANG_CRASH_ROUNDS=200 cargo test
//! --test crash` runs it long; by default a few rounds.
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
use proto::v1::balances_client::BalancesClient;
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

/// Every third voucher pays two households, the others register organisations.
fn is_payment(n: u32) -> bool {
    n.is_multiple_of(3)
}

fn lines(n: u32) -> u32 {
    if is_payment(n) { 2 } else { 1 + n % 30 }
}

/// What a line of a payment pays, in fen.
const PAID_FEN: i64 = 7;

/// A household of the example, and an account of it.
const PAYEES: [(&str, &str); 2] = [
    ("44142490120100013", "ba5420b0d80eff60e5b324d6bff31743"),
    ("44142490120100021", "54e473181fa935c20b49a8096c76144d"),
];

fn payment(n: u32) -> v1::Voucher {
    let bytes = |hex: &str| -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(byte).collect()
    };
    let line = |(line_no, (household, account)): (u32, (&str, &str))| v1::Line {
        line_no,
        kind: "DisbursedToHousehold".to_owned(),
        quota: "Q16-4401-0001".to_owned(),
        unit: "441424901201".to_owned(),
        household: household.to_owned(),
        account: bytes(account),
        purpose: "P02".to_owned(),
        bank_ref: format!("K-{n}"),
        amount_fen: Some(PAID_FEN),
        ..v1::Line::default()
    };
    let header = v1::Header {
        organisation: "VC441424901201".to_owned(),
        voucher_no: format!("K-{n}"),
        effective_date: "2017-07-05".to_owned(),
        prepared_by: "p.vc441424901201".to_owned(),
        line_count: Some(2),
        total_fen: Some(2 * PAID_FEN),
        ..v1::Header::default()
    };
    v1::Voucher { header: Some(header), lines: (1..).zip(PAYEES).map(line).collect() }
}

fn voucher(n: u32) -> v1::Voucher {
    if is_payment(n) {
        return payment(n);
    }
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
        effective_date: "2017-07-05".to_owned(),
        prepared_by: "p.po44".to_owned(),
        approved_by: "a.po44".to_owned(),
        line_count: Some(lines(n)),
        total_fen: Some(0),
        ..v1::Header::default()
    };
    v1::Voucher { header: Some(header), lines: (0..lines(n)).map(line).collect() }
}

/// What a household was paid so far, in fen.
async fn paid(channel: &Channel, household: &str) -> i64 {
    let mut client = BalancesClient::new(channel.clone());
    let request = v1::GetHouseholdRequest {
        code: household.to_owned(),
        ..v1::GetHouseholdRequest::default()
    };
    let balance = client.get_household(request).await.unwrap().into_inner().balance.unwrap();
    balance.fields.iter().find(|field| field.name == "paid").unwrap().fen
}

async fn connect(address: &str) -> Channel {
    Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

/// Posts without end on a stream until the server is gone; returns what was acknowledged. `first` is told of
/// the first of them.
async fn load(
    address: String,
    from: u32,
    first: tokio::sync::oneshot::Sender<()>,
) -> (Vec<v1::PostReply>, u32) {
    let mut first = Some(first);
    let mut client = PostingClient::new(connect(&address).await);
    let (sender, requests) = tokio::sync::mpsc::channel(64);
    let sending = tokio::spawn(async move {
        let mut n = from;
        loop {
            let request = v1::PostVouchersRequest {
                tag: u64::from(n),
                voucher: Some(voucher(n)),
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
                v1::post_vouchers_response::Outcome::Reply(reply) => {
                    acknowledged.push(reply);
                    first.take().map(|first| first.send(()));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    drop(client);
    (acknowledged, sending.await.unwrap())
}

/// A ledger with the example in it.
fn made(data: &Path) {
    let path = data.to_str().unwrap();
    mingzhang(&["init", "--data", path, "--origin", "crash.example/x", "--synthetic"]);
    let (mut process, address) = serve(data);
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/example.jsonl");
    mingzhang(&["post", example, "--to", &address]);
    process.kill().unwrap();
    process.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_keeps_what_it_acknowledged() {
    let rounds = std::env::var("MINGZHANG_CRASH_ROUNDS").ok().and_then(|n| n.parse().ok());
    let rounds: u64 = rounds.unwrap_or(4);
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("ledger");
    let path = data.to_str().unwrap();
    made(&data);
    let mut kept: Vec<v1::PostReply> = Vec::new();
    let (mut next, mut paid_before) = (0, None);
    for round in 0..rounds {
        let (mut process, address) = serve(&data);
        if paid_before.is_none() {
            paid_before = Some(paid(&connect(&address).await, PAYEES[0].0).await);
        }
        let (first, answer) = tokio::sync::oneshot::channel();
        let loading = tokio::spawn(load(address, next, first));
        let patience = Duration::from_secs(60);
        tokio::time::timeout(patience, answer).await.expect("an answer").unwrap();
        // Another moment each round; no moment is a special one.
        tokio::time::sleep(Duration::from_millis((round * 37) % 400)).await;
        process.kill().unwrap();
        process.wait().unwrap();
        let (acknowledged, tried) = loading.await.unwrap();
        assert!(!acknowledged.is_empty(), "round {round}");
        let first_open = next;
        let count = u32::try_from(acknowledged.len()).unwrap();
        next = tried + 1;
        mingzhang(&["verify", path]);
        let (mut process, address) = serve(&data);
        let channel = connect(&address).await;
        found(&channel, &acknowledged).await;
        kept.extend(acknowledged);
        // The last that were answered, and those behind them.
        let end = first_open + count + 80;
        again(&channel, first_open + count.saturating_sub(40)..end).await;
        next = next.max(end);
        process.kill().unwrap();
        process.wait().unwrap();
    }
    let (mut process, address) = serve(&data);
    let channel = connect(&address).await;
    found(&channel, &kept).await;
    counted(&channel, next, paid_before.unwrap()).await;
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(kept.iter().any(|reply| reply.organisation != "PO44"), "no payment was acknowledged");
    mingzhang(&["verify", path]);
    mingzhang(&["rebuild", "--data", path, "--full"]);
}

/// Everything acknowledged is there, with the same reply.
async fn found(channel: &Channel, kept: &[v1::PostReply]) {
    let mut client = PostingClient::new(channel.clone());
    for reply in kept {
        let (organisation, voucher_no) = (reply.organisation.clone(), reply.voucher_no.clone());
        let request = v1::GetVoucherRequest { organisation, voucher_no };
        let found = client.get_voucher(request).await.unwrap().into_inner();
        assert_eq!(found.reply.as_ref(), Some(reply));
    }
}

/// What was in flight is there whole or not at all; sending it again makes it there once.
async fn again(channel: &Channel, numbers: std::ops::Range<u32>) {
    let mut client = PostingClient::new(channel.clone());
    for n in numbers {
        let request = v1::PostVoucherRequest { voucher: Some(voucher(n)), ..Default::default() };
        let answer = client.post_voucher(request).await.unwrap().into_inner();
        let Some(v1::post_voucher_response::Outcome::Reply(reply)) = answer.outcome else {
            panic!()
        };
        assert_eq!(reply.last_seq - reply.first_seq, u64::from(lines(n)));
    }
}

/// Each household was paid once by each payment that is there.
async fn counted(channel: &Channel, numbers: u32, before: i64) {
    let mut client = PostingClient::new(channel.clone());
    let mut payments = 0;
    for n in (0..numbers).filter(|n| is_payment(*n)) {
        let (organisation, voucher_no) = ("VC441424901201".to_owned(), format!("K-{n}"));
        let request = v1::GetVoucherRequest { organisation, voucher_no };
        payments += i64::from(client.get_voucher(request).await.is_ok());
    }
    assert!(0 < payments);
    assert_eq!(paid(channel, PAYEES[0].0).await, before + payments * PAID_FEN);
}
