//! Every way in which a voucher is refused before it moves money, over a real socket.
//!
//! Lives here: vouchers that are good, and how a refusal is read and held against what it must be; in `cases`
//! vouchers that are wrong in one thing each, in `limits` limits and one past them, in `bytes` bytes that are
//! no voucher. Lives elsewhere: the order in which codes answer (`ledger::form`).
//!
//! Always: a refusal has code, field, line, what was found, what is allowed and what to do; position, chain
//! and views stay as they were, and the voucher's key is not used up.

#![allow(clippy::assigning_clones, reason = "a case says what a field becomes")]

mod bytes;
mod cases;
mod limits;

use std::collections::HashMap;

use prost::Message as _;
use proto::v1;
use proto::v1::admin_client::AdminClient;
use proto::v1::posting_client::PostingClient;
use tonic::Status;
use tonic::transport::Channel;
use tonic_types::pb;

use crate::server::{Server, mingzhang};

/// A refusal as a client reads it.
#[derive(Debug, PartialEq)]
struct Told {
    code: String,
    name: String,
    place: String,
    line: String,
    message: String,
    hint: String,
    facts: HashMap<String, String>,
}

/// Reads the details that every refusal has, and holds them against each other.
fn told(status: &Status) -> Told {
    let rpc = pb::Status::decode(status.details()).unwrap();
    assert_eq!(rpc.code, i32::from(status.code()), "{status:?}");
    let detail = |name: &str| {
        let url = format!("type.googleapis.com/google.rpc.{name}");
        let found = rpc.details.iter().find(|any| any.type_url == url);
        found.unwrap_or_else(|| panic!("no {name} in {status:?}")).value.as_slice()
    };
    let info = pb::ErrorInfo::decode(detail("ErrorInfo")).unwrap();
    let bad = pb::BadRequest::decode(detail("BadRequest")).unwrap();
    let help = pb::Help::decode(detail("Help")).unwrap();
    let (first, link) = (&bad.field_violations[0], &help.links[0]);
    assert_eq!(info.domain, "mingzhang");
    assert_eq!(first.reason, info.reason);
    assert_eq!(link.url, format!("docs/errors/{}.md", info.reason));
    let page = format!("{}/{}", env!("CARGO_MANIFEST_DIR"), link.url);
    assert!(std::path::Path::new(&page).exists(), "{page}");
    let name = info.metadata["name"].clone();
    let row = ledger::reject::ROWS.iter().find(|row| row.name == name).unwrap();
    match row.hint {
        "-" => assert_eq!(link.description, mingzhang::services::status::NO_HINT),
        hint if hint.contains('{') => assert!(!link.description.contains('{')),
        hint => assert_eq!(link.description, hint),
    }
    assert_eq!(status.message(), format!("{} {name}: {}", info.reason, first.description));
    Told {
        name,
        line: info.metadata["line"].clone(),
        code: info.reason,
        place: first.field.clone(),
        message: first.description.clone(),
        hint: link.description.clone(),
        facts: info.metadata,
    }
}

/// Refusals that are not what they should be, all of a table together.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn hold(&mut self, name: &str, found: &Told, expected: (&str, &str, &str)) {
        let line = expected.1.strip_prefix("lines[").and_then(|rest| rest.split_once(']'));
        let line = line.map_or("0", |(line, _)| line);
        let told = (found.code.as_str(), found.place.as_str(), found.message.as_str());
        if told != expected || found.line != line {
            self.0.push(format!("{name}: {expected:?}, found {found:?}"));
        }
    }

    fn none(self) {
        assert!(self.0.is_empty(), "{}", self.0.join("\n"));
    }
}

/// What no refusal may change: head, chain, tree, views.
async fn ledger(admin: &mut AdminClient<Channel>) -> (u64, [Vec<u8>; 3]) {
    let request = v1::StatusRequest { with_digests: true, ..Default::default() };
    let status = admin.status(request).await.unwrap().into_inner();
    assert_eq!(status.digests_position, status.position);
    (status.position, [status.chain_hash, status.tree_root, status.views_digest])
}

const VILLAGE: &str = "441424901201";
const HOUSEHOLD: &str = "44142490120100013";
const OTHER: &str = "44142490120100021";
const ACCOUNT: u128 = 0xba54_20b0_d80e_ff60_e5b3_24d6_bff3_1743;
const OTHER_ACCOUNT: u128 = 0x54e4_7318_1fa9_35c2_0b49_a809_6c76_144d;
/// A card number by its check digit, an identity number by its check character.
const CARD: &str = "4111111111111111";
const IDENTITY: &str = "11010519491231002X";

fn header(organisation: &str, lines: u32, total: i64) -> v1::Header {
    v1::Header {
        organisation: organisation.to_owned(),
        voucher_no: "R-1".to_owned(),
        effective_date: "2017-07-10".to_owned(),
        prepared_by: format!("p.{}", organisation.to_lowercase()),
        line_count: Some(lines),
        total_fen: Some(total),
        ..Default::default()
    }
}

fn paid(line_no: u32, household: &str, account: u128, purpose: &str, fen: i64) -> v1::Line {
    v1::Line {
        line_no,
        kind: "DisbursedToHousehold".to_owned(),
        quota: "Q16-4401-0001".to_owned(),
        unit: VILLAGE.to_owned(),
        household: household.to_owned(),
        account: account.to_be_bytes().to_vec(),
        purpose: purpose.to_owned(),
        bank_ref: format!("B20170710-{line_no}"),
        amount_fen: Some(fen),
        ..Default::default()
    }
}

/// A payment of 400.00 yuan to two households that would be posted.
pub(crate) fn payment() -> v1::Voucher {
    let lines = vec![
        paid(1, HOUSEHOLD, ACCOUNT, "P02", 30_000),
        paid(2, OTHER, OTHER_ACCOUNT, "P03", 10_000),
    ];
    v1::Voucher { header: Some(header("VC441424901201", 2, 40_000)), lines }
}

/// The registration of a household of one that would be posted.
fn registration() -> v1::Voucher {
    let member = v1::Member {
        no: Some(1),
        person: vec![9; 16],
        birth_year: Some(1970),
        sex: "f".to_owned(),
        ability: "full".to_owned(),
        dibao: Some(false),
        student: Some(false),
        insured: Some(true),
    };
    let line = v1::Line {
        line_no: 1,
        kind: "HouseholdRegistered".to_owned(),
        household: household(VILLAGE, 4),
        village: VILLAGE.to_owned(),
        class: "general".to_owned(),
        causes: vec!["no_skill".to_owned()],
        members: vec![member],
        ..Default::default()
    };
    let header = v1::Header {
        doc_no: "R-DOC".to_owned(),
        approved_by: "a.po441424".to_owned(),
        ..header("PO441424", 1, 0)
    };
    v1::Voucher { header: Some(header), lines: vec![line] }
}

/// The reversal of a payment of the example.
fn reversal() -> v1::Voucher {
    let line = v1::Line {
        line_no: 1,
        kind: "Reversed".to_owned(),
        r#ref: "VC441424901201/2016-10-004/1".to_owned(),
        reason: "amount".to_owned(),
        memo: "typed twice by mistake".to_owned(),
        amount_fen: Some(30_000),
        ..Default::default()
    };
    let header = v1::Header {
        approved_by: "a.tg441424901".to_owned(),
        ..header("VC441424901201", 1, 30_000)
    };
    v1::Voucher { header: Some(header), lines: vec![line] }
}

/// A household code with its check digit.
fn household(village: &str, serial: u32) -> String {
    let with = |digit: u32| format!("{village}{serial:04}{digit}");
    let right = |code: &String| ledger::ids::HouseholdCode::parse(code).is_ok();
    (0..10).map(with).find(right).unwrap()
}

fn head(voucher: &mut v1::Voucher) -> &mut v1::Header {
    voucher.header.as_mut().unwrap()
}

fn chars(count: usize) -> String {
    "字".repeat(count)
}

/// Posts the example: organisations, households, money.
pub(crate) fn example(server: &Server) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/example.jsonl");
    let run = mingzhang(&["post", file, "--to", &server.address]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

/// A ledger in which money stands, its server, and clients of both services.
async fn served(dir: &std::path::Path) -> (Server, PostingClient<Channel>, AdminClient<Channel>) {
    let server = Server::fresh(&dir.join("l")).await;
    example(&server);
    let (posting, admin) = (server.posting().await, AdminClient::new(server.channel().await));
    (server, posting, admin)
}
