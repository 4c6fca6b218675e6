//! Every way in which a voucher is refused before it moves money, over a real socket.
//!
//! Lives here: one table of vouchers that are wrong in one thing each, one of limits and one past them, one
//! of bytes that are no voucher. Lives elsewhere: the order in which codes answer (`ledger::form`).
//!
//! Always: a refusal has code, field, line, what was found, what is allowed and what to do; position, chain
//! and views stay as they were, and the voucher's key is not used up.

#![allow(clippy::assigning_clones, reason = "a case says what a field becomes")]

use std::collections::HashMap;

use bytes::Bytes;
use http::uri::PathAndQuery;
use prost::Message as _;
use proto::v1;
use proto::v1::admin_client::AdminClient;
use proto::v1::posting_client::PostingClient;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::pb;

use crate::server::{Server, mingzhang, organisations, post, reply};
use crate::wire::FIELD_999;

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

/// One voucher that is wrong in one thing.
struct Case {
    /// What is wrong.
    name: &'static str,
    /// The voucher before.
    base: fn() -> v1::Voucher,
    change: fn(&mut v1::Voucher),
    code: &'static str,
    place: &'static str,
    /// The whole message: what was found, what is allowed.
    message: &'static str,
}

const CASES: &[Case] = &[
    // Who and what: unknown households, areas, quotas, accounts, organisations.
    Case {
        name: "unknown household",
        base: payment,
        change: |v| v.lines[1].household = household(VILLAGE, 999),
        code: "MZ-2002",
        place: "lines[2].household",
        message: "household 44142490120109998 is not registered",
    },
    Case {
        name: "household code with a wrong check digit",
        base: payment,
        change: |v| v.lines[1].household = "44142490120100022".to_owned(),
        code: "MZ-1014",
        place: "lines[2].household",
        message: "household code 44142490120100022: check digit 2 expected 1",
    },
    Case {
        name: "household code that is too short",
        base: payment,
        change: |v| v.lines[1].household = "4414249012010002".to_owned(),
        code: "MZ-1014",
        place: "lines[2].household",
        message: "household code 4414249012010002: check digit (none: 16 characters) \
            expected as the last of 17 digits",
    },
    Case {
        name: "unknown village",
        base: registration,
        change: |v| {
            v.lines[0].household = household("441424901999", 1);
            v.lines[0].village = "441424901999".to_owned();
        },
        code: "MZ-2010",
        place: "lines[1].village",
        message: "area 441424901999 is not valid on 2017-07-10",
    },
    Case {
        name: "unknown area",
        base: registration,
        change: |v| {
            v.lines[0] = v1::Line {
                line_no: 1,
                kind: "AreaAmended".to_owned(),
                code: "441424999000".to_owned(),
                poor: Some(true),
                ..Default::default()
            };
        },
        code: "MZ-2010",
        place: "lines[1].code",
        message: "area 441424999000 is not valid on 2017-07-10",
    },
    Case {
        name: "an area that is a county where a village must stand",
        base: registration,
        change: |v| v.lines[0].village = "441424".to_owned(),
        code: "MZ-1019",
        place: "lines[1].village",
        message: "village 441424 is not the area code of a village, 12 digits",
    },
    Case {
        name: "unknown quota",
        base: payment,
        change: |v| v.lines[1].quota = "Q16-4401-9999".to_owned(),
        code: "MZ-3017",
        place: "lines[2].quota",
        message: "quota Q16-4401-9999 is not known",
    },
    Case {
        name: "unknown account",
        base: payment,
        change: |v| v.lines[1].account = vec![1; 16],
        code: "MZ-2030",
        place: "lines[2].account",
        message: "account is not bound to any household",
    },
    Case {
        name: "unknown purpose",
        base: payment,
        change: |v| v.lines[1].purpose = "P99".to_owned(),
        code: "MZ-4020",
        place: "lines[2].purpose",
        message: "purpose P99 is unknown",
    },
    Case {
        name: "unknown organisation",
        base: payment,
        change: |v| head(v).organisation = "FB9999".to_owned(),
        code: "MZ-5010",
        place: "header.organisation",
        message: "organisation FB9999 is not registered",
    },
    // Totals and line numbers.
    Case {
        name: "wrong number of lines",
        base: payment,
        change: |v| head(v).line_count = Some(3),
        code: "MZ-1010",
        place: "header.line_count",
        message: "header says 3 lines, 2 found",
    },
    Case {
        name: "wrong total",
        base: payment,
        change: |v| head(v).total_fen = Some(40_001),
        code: "MZ-1011",
        place: "header.total",
        message: "header says 400.01 yuan, lines sum to 400.00",
    },
    Case {
        name: "no total",
        base: payment,
        change: |v| head(v).total_fen = None,
        code: "MZ-1018",
        place: "header.total",
        message: "total is required for the header",
    },
    Case {
        name: "no number of lines",
        base: payment,
        change: |v| head(v).line_count = None,
        code: "MZ-1018",
        place: "header.line_count",
        message: "line_count is required for the header",
    },
    Case {
        name: "a gap in the line numbers",
        base: payment,
        change: |v| v.lines[1].line_no = 3,
        code: "MZ-1031",
        place: "header.line_no",
        message: "line 2 expected, 3 found",
    },
    Case {
        name: "line numbers from 0",
        base: payment,
        change: |v| v.lines[0].line_no = 0,
        code: "MZ-1031",
        place: "header.line_no",
        message: "line 1 expected, 0 found",
    },
    Case {
        name: "a line number twice",
        base: payment,
        change: |v| v.lines[1].line_no = 1,
        code: "MZ-1031",
        place: "header.line_no",
        message: "line 2 expected, 1 found",
    },
    Case {
        name: "no lines",
        base: payment,
        change: |v| v.lines.clear(),
        code: "MZ-1032",
        place: "header",
        message: "voucher has no lines",
    },
    // Dates.
    Case {
        name: "a date before the programme",
        base: payment,
        change: |v| head(v).effective_date = "2016-06-03".to_owned(),
        code: "MZ-1022",
        place: "header.effective_date",
        message: "2016-06-03 is before 2016-06-04",
    },
    Case {
        name: "a date after the posting date",
        base: payment,
        change: |v| head(v).effective_date = "2020-01-01".to_owned(),
        code: "MZ-1023",
        place: "header.effective_date",
        message: "2020-01-01 is after today 2019-12-31",
    },
    Case {
        name: "a day that the calendar does not have",
        base: payment,
        change: |v| head(v).effective_date = "2017-02-29".to_owned(),
        code: "MZ-1019",
        place: "header.effective_date",
        message: "effective_date 2017-02-29 is not a date YYYY-MM-DD",
    },
    Case {
        name: "a date of another form",
        base: payment,
        change: |v| head(v).effective_date = "10.07.2017".to_owned(),
        code: "MZ-1019",
        place: "header.effective_date",
        message: "effective_date 10.07.2017 is not a date YYYY-MM-DD",
    },
    Case {
        name: "no date",
        base: payment,
        change: |v| head(v).effective_date.clear(),
        code: "MZ-1018",
        place: "header.effective_date",
        message: "effective_date is required for the header",
    },
    // Amounts.
    Case {
        name: "an amount of zero",
        base: payment,
        change: |v| v.lines[1].amount_fen = Some(0),
        code: "MZ-1021",
        place: "lines[2].amount",
        message: "amount 0.00: must be at least 0.01 yuan",
    },
    Case {
        name: "a negative amount",
        base: payment,
        change: |v| v.lines[1].amount_fen = Some(-1),
        code: "MZ-1021",
        place: "lines[2].amount",
        message: "amount -0.01: must be at least 0.01 yuan",
    },
    Case {
        name: "the least amount there is",
        base: payment,
        change: |v| v.lines[1].amount_fen = Some(i64::MIN),
        code: "MZ-1021",
        place: "lines[2].amount",
        message: "amount -92233720368547758.08: must be at least 0.01 yuan",
    },
    Case {
        name: "an amount above the maximum",
        base: payment,
        change: |v| v.lines[1].amount_fen = Some(1_000_000_000_000_001),
        code: "MZ-1029",
        place: "lines[2].amount",
        message: "amount 10000000000000.01 is above 10000000000000.00",
    },
    Case {
        name: "the greatest amount there is",
        base: payment,
        change: |v| v.lines[1].amount_fen = Some(i64::MAX),
        code: "MZ-1029",
        place: "lines[2].amount",
        message: "amount 92233720368547758.07 is above 10000000000000.00",
    },
    Case {
        name: "no amount",
        base: payment,
        change: |v| v.lines[1].amount_fen = None,
        code: "MZ-1018",
        place: "lines[2].amount",
        message: "amount is required for DisbursedToHousehold",
    },
    Case {
        name: "more than there is",
        base: payment,
        change: |v| {
            v.lines[1].amount_fen = Some(1_000_000_000_000);
            head(v).total_fen = Some(1_000_000_030_000);
            head(v).approved_by = "a.tg441424901".to_owned();
        },
        code: "MZ-3018",
        place: "lines[2].amount",
        message: "unit 441424901201 has 349600.00 yuan of quota Q16-4401-0001, \
            10000000000.00 needed",
    },
    // Fields and kinds.
    Case {
        name: "a field that the kind does not have",
        base: payment,
        change: |v| v.lines[1].village = VILLAGE.to_owned(),
        code: "MZ-1015",
        place: "lines[2].village",
        message: "village is not used by DisbursedToHousehold",
    },
    Case {
        name: "a field that is missing",
        base: payment,
        change: |v| v.lines[1].bank_ref.clear(),
        code: "MZ-1018",
        place: "lines[2].bank_ref",
        message: "bank_ref is required for DisbursedToHousehold",
    },
    Case {
        name: "an unknown kind",
        base: payment,
        change: |v| v.lines[1].kind = "Disbursed".to_owned(),
        code: "MZ-1019",
        place: "lines[2].kind",
        message: "kind Disbursed is not a kind of the contract",
    },
    Case {
        name: "kinds of two groups",
        base: payment,
        change: |v| v.lines[1].kind = "TransferReceived".to_owned(),
        code: "MZ-1012",
        place: "lines[2].kind",
        message: "TransferReceived cannot stand with DisbursedToHousehold in one voucher",
    },
    Case {
        name: "an account of 15 bytes",
        base: payment,
        change: |v| v.lines[1].account = vec![1; 15],
        code: "MZ-1019",
        place: "lines[2].account",
        message: "account of 15 bytes is not a token of 16 bytes, 32 lower-case hex digits",
    },
    Case {
        name: "the same line twice",
        base: payment,
        change: |v| {
            v.lines[1] = v1::Line { line_no: 2, ..v.lines[0].clone() };
            head(v).total_fen = Some(60_000);
        },
        code: "MZ-1033",
        place: "lines[2]",
        message: "lines 1 and 2 are the same",
    },
    Case {
        name: "no document",
        base: registration,
        change: |v| head(v).doc_no.clear(),
        code: "MZ-1026",
        place: "header.doc_no",
        message: "HouseholdRegistered needs a document number",
    },
    Case {
        name: "a birth year in the future",
        base: registration,
        change: |v| v.lines[0].members[0].birth_year = Some(2018),
        code: "MZ-1019",
        place: "lines[1].members.0.birth_year",
        message: "members.0.birth_year 2018 is not a year from 1900 to that of the effective date",
    },
    // Personal numbers and control characters.
    Case {
        name: "a card number in a memo",
        base: payment,
        change: |v| v.lines[1].memo = format!("card {CARD}"),
        code: "MZ-1027",
        place: "lines[2].memo",
        message: "memo holds a number that passes as a card number",
    },
    Case {
        name: "an identity number in a document number",
        base: payment,
        change: |v| head(v).doc_no = IDENTITY.to_owned(),
        code: "MZ-1027",
        place: "header.doc_no",
        message: "doc_no holds a number that passes as an identity number",
    },
    Case {
        name: "a control character",
        base: payment,
        change: |v| v.lines[1].memo = "a\u{7}b".to_owned(),
        code: "MZ-1027",
        place: "lines[2].memo",
        message: "memo holds control characters",
    },
    // Roles.
    Case {
        name: "own approval",
        base: registration,
        change: |v| head(v).approved_by = "p.po441424".to_owned(),
        code: "MZ-5021",
        place: "header.approved_by",
        message: "p.po441424 cannot approve own work",
    },
    Case {
        name: "no approval",
        base: registration,
        change: |v| head(v).approved_by.clear(),
        code: "MZ-5020",
        place: "header.approved_by",
        message: "HouseholdRegistered needs a second official",
    },
    Case {
        name: "an official without the role",
        base: payment,
        change: |v| head(v).prepared_by = "p.po441424".to_owned(),
        code: "MZ-5011",
        place: "header.prepared_by",
        message: "p.po441424 has no role that may prepare DisbursedToHousehold for \
            VC441424901201",
    },
];

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

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_that_is_wrong_in_one_thing_is_refused_by_it_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (server, mut client, mut admin) = served(dir.path()).await;
    for base in [payment, registration, reversal] {
        let dry = v1::PostVoucherRequest { validate_only: true, ..post(base()) };
        client.post_voucher(dry).await.unwrap();
    }
    let (before, mut wrong) = (ledger(&mut admin).await, Wrong::default());
    for case in CASES {
        let mut voucher = (case.base)();
        (case.change)(&mut voucher);
        let Err(status) = client.post_voucher(post(voucher.clone())).await else {
            panic!("{} was posted", case.name)
        };
        let found = told(&status);
        wrong.hold(case.name, &found, (case.code, case.place, case.message));
        assert_eq!(ledger(&mut admin).await, before, "{}", case.name);
        // The same in a dry run, and as an answer of a stream.
        let dry = v1::PostVoucherRequest { validate_only: true, ..post(voucher.clone()) };
        match client.post_voucher(dry).await {
            Err(status) => assert_eq!(told(&status), found, "{}", case.name),
            // Approval may follow a dry run.
            Ok(_) => assert_eq!(case.code, "MZ-5020", "{}", case.name),
        }
        assert_eq!(told(&in_stream(&mut client, voucher).await), found, "{}", case.name);
    }
    wrong.none();
    // No refusal used up the key.
    let posted = reply(client.post_voucher(post(payment())).await.unwrap().into_inner());
    assert_eq!(posted.last_seq - posted.first_seq, 2);
    server.stop().await;
}

/// The refusal of a voucher that comes by `PostVouchers`.
async fn in_stream(client: &mut PostingClient<Channel>, voucher: v1::Voucher) -> Status {
    let request = v1::PostVouchersRequest { tag: 7, voucher: Some(voucher), ..Default::default() };
    let mut answers =
        client.post_vouchers(tokio_stream::iter([request])).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap();
    assert_eq!((answer.tag, answer.duplicate), (7, false));
    let Some(v1::post_vouchers_response::Outcome::Status(rpc)) = answer.outcome else {
        panic!("{answer:?}")
    };
    assert_eq!(answers.message().await.unwrap(), None);
    let details = rpc.encode_to_vec();
    Status::with_details(tonic::Code::from_i32(rpc.code), rpc.message, details.into())
}

/// A limit: the last value that passes it, and the first that does not.
struct Limit {
    name: &'static str,
    base: fn() -> v1::Voucher,
    at: fn(&mut v1::Voucher),
    /// What is wrong with it besides; empty: nothing.
    at_code: &'static str,
    past: fn(&mut v1::Voucher),
    code: &'static str,
    place: &'static str,
    message: &'static str,
}

/// Amounts of both lines, and their total.
fn amounts(voucher: &mut v1::Voucher, fen: i64) {
    voucher.lines.iter_mut().for_each(|line| line.amount_fen = Some(fen));
    head(voucher).total_fen = Some(2 * fen);
    head(voucher).approved_by = "a.tg441424901".to_owned();
}

fn explained(voucher: &mut v1::Voucher, count: usize) {
    head(voucher).exception_reason = chars(count);
    head(voucher).approved_by = "a.tg441424901".to_owned();
}

const LIMITS: &[Limit] = &[
    Limit {
        name: "lines",
        base: || organisations("R-2", 1..=20_000),
        at: |v| head(v).effective_date = "2017-07-10".to_owned(),
        at_code: "",
        past: |v| *v = organisations("R-2", 1..=20_001),
        code: "MZ-6001",
        place: "header.lines",
        message: "20001, at most 20000",
    },
    Limit {
        name: "amount",
        base: payment,
        at: |v| amounts(v, 1_000_000_000_000_000),
        at_code: "MZ-3018",
        past: |v| amounts(v, 1_000_000_000_000_001),
        code: "MZ-1029",
        place: "lines[1].amount",
        message: "amount 10000000000000.01 is above 10000000000000.00",
    },
    Limit {
        name: "least amount",
        base: payment,
        at: |v| amounts(v, 1),
        at_code: "",
        past: |v| amounts(v, 0),
        code: "MZ-1021",
        place: "lines[1].amount",
        message: "amount 0.00: must be at least 0.01 yuan",
    },
    Limit {
        name: "memo of a line",
        base: payment,
        at: |v| v.lines[1].memo = chars(200),
        at_code: "",
        past: |v| v.lines[1].memo = chars(201),
        code: "MZ-1027",
        place: "lines[2].memo",
        message: "memo holds 201 characters, 200 are allowed",
    },
    Limit {
        name: "memo of the header",
        base: payment,
        at: |v| head(v).memo = chars(200),
        at_code: "",
        past: |v| head(v).memo = chars(201),
        code: "MZ-1027",
        place: "header.memo",
        message: "memo holds 201 characters, 200 are allowed",
    },
    Limit {
        name: "digits in a row",
        base: payment,
        at: |v| v.lines[1].memo = "1234567890".to_owned(),
        at_code: "",
        past: |v| v.lines[1].memo = "12345678901".to_owned(),
        code: "MZ-1027",
        place: "lines[2].memo",
        message: "memo holds more than 10 digits in a row",
    },
    Limit {
        name: "document number",
        base: payment,
        at: |v| head(v).doc_no = chars(64),
        at_code: "",
        past: |v| head(v).doc_no = chars(65),
        code: "MZ-1027",
        place: "header.doc_no",
        message: "doc_no holds 65 characters, 64 are allowed",
    },
    Limit {
        name: "reference of the notice",
        base: payment,
        at: |v| head(v).notice_ref = chars(64),
        at_code: "",
        past: |v| head(v).notice_ref = chars(65),
        code: "MZ-1027",
        place: "header.notice_ref",
        message: "notice_ref holds 65 characters, 64 are allowed",
    },
    Limit {
        name: "shortest reason of an exception",
        base: payment,
        at: |v| explained(v, 10),
        // An exception needs the head of finance.
        at_code: "MZ-5023",
        past: |v| explained(v, 9),
        code: "MZ-1028",
        place: "header.exception_reason",
        message: "reason has 9 characters",
    },
    Limit {
        name: "longest reason of an exception",
        base: payment,
        at: |v| explained(v, 500),
        at_code: "MZ-5023",
        past: |v| explained(v, 501),
        code: "MZ-1028",
        place: "header.exception_reason",
        message: "reason has 501 characters",
    },
    Limit {
        name: "shortest memo of a reversal",
        base: reversal,
        at: |v| v.lines[0].memo = chars(10),
        at_code: "",
        past: |v| v.lines[0].memo = chars(9),
        code: "MZ-1028",
        place: "lines[1].memo",
        message: "reason has 9 characters",
    },
    Limit {
        name: "longest memo of a reversal",
        base: reversal,
        at: |v| v.lines[0].memo = chars(500),
        at_code: "",
        past: |v| v.lines[0].memo = chars(501),
        code: "MZ-1028",
        place: "lines[1].memo",
        message: "reason has 501 characters",
    },
    Limit {
        name: "bank reference",
        base: payment,
        at: |v| v.lines[1].bank_ref = "B".repeat(64),
        at_code: "",
        past: |v| v.lines[1].bank_ref = "B".repeat(65),
        code: "MZ-1019",
        place: "lines[2].bank_ref",
        message: "bank_ref BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB… is not 1-64 printable ASCII \
            characters",
    },
    Limit {
        name: "voucher number",
        base: payment,
        at: |v| head(v).voucher_no = "R".repeat(32),
        at_code: "",
        past: |v| head(v).voucher_no = "R".repeat(33),
        code: "MZ-1019",
        place: "header.voucher_no",
        message: "voucher_no RRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRR is not 1-32 of A-Z 0-9 -",
    },
    Limit {
        name: "organisation",
        base: payment,
        at: |v| head(v).organisation = "A".repeat(24),
        at_code: "MZ-5010",
        past: |v| head(v).organisation = "A".repeat(25),
        code: "MZ-1019",
        place: "header.organisation",
        message: "organisation AAAAAAAAAAAAAAAAAAAAAAAAA is not 1-24 of A-Z 0-9 -",
    },
    Limit {
        name: "official",
        base: payment,
        at: |v| head(v).prepared_by = "p".repeat(32),
        at_code: "MZ-5011",
        past: |v| head(v).prepared_by = "p".repeat(33),
        code: "MZ-1019",
        place: "header.prepared_by",
        message: "prepared_by ppppppppppppppppppppppppppppppppp is not 1-32 of a-z 0-9 . -",
    },
    Limit {
        name: "first day of the programme",
        base: payment,
        at: |v| head(v).effective_date = "2016-06-04".to_owned(),
        // The account was bound later, or the day is too far back.
        at_code: "MZ-1025",
        past: |v| head(v).effective_date = "2016-06-03".to_owned(),
        code: "MZ-1022",
        place: "header.effective_date",
        message: "2016-06-03 is before 2016-06-04",
    },
    Limit {
        name: "last day of a synthetic ledger",
        base: payment,
        at: |v| head(v).effective_date = "2019-12-31".to_owned(),
        at_code: "",
        past: |v| head(v).effective_date = "2020-01-01".to_owned(),
        code: "MZ-1023",
        place: "header.effective_date",
        message: "2020-01-01 is after today 2019-12-31",
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_passes_what_it_allows_and_refuses_one_more() {
    let dir = tempfile::tempdir().unwrap();
    let (server, mut client, mut admin) = served(dir.path()).await;
    let (before, mut wrong) = (ledger(&mut admin).await, Wrong::default());
    for limit in LIMITS {
        let dry = |change: fn(&mut v1::Voucher)| {
            let mut voucher = (limit.base)();
            change(&mut voucher);
            v1::PostVoucherRequest { validate_only: true, ..post(voucher) }
        };
        match client.post_voucher(dry(limit.at)).await {
            Ok(_) if limit.at_code.is_empty() => {}
            Err(status) if told(&status).code == limit.at_code => {}
            other => wrong.0.push(format!("{} at the limit: {other:?}", limit.name)),
        }
        let past = v1::PostVoucherRequest { validate_only: false, ..dry(limit.past) };
        let found = told(&client.post_voucher(past).await.unwrap_err());
        wrong.hold(limit.name, &found, (limit.code, limit.place, limit.message));
        assert_eq!(ledger(&mut admin).await, before, "{}", limit.name);
    }
    wrong.none();
    server.stop().await;
}

/// Sends raw bytes to a method, as a client with other messages would.
async fn raw(server: &Server, method: &str, bytes: Vec<u8>) -> Result<Bytes, Status> {
    let mut grpc = Grpc::new(server.channel().await)
        .max_encoding_message_size(64 << 20)
        .max_decoding_message_size(64 << 20);
    grpc.ready().await.unwrap();
    let path: PathAndQuery = format!("/mingzhang.v1.{method}").parse().unwrap();
    let codec = mingzhang::services::codec::BytesCodec;
    let response = grpc.unary(Request::new(Bytes::from(bytes)), path, codec).await?;
    Ok(response.into_inner())
}

/// A message with field 999 within the message that a path of field numbers leads to; of a repeated field the
/// last one.
fn unknown_within(bytes: &[u8], path: &[u8]) -> Vec<u8> {
    let Some((first, rest)) = path.split_first() else {
        return [bytes, &FIELD_999].concat();
    };
    let (mut at, mut found) = (0, None);
    while at < bytes.len() {
        let start = at;
        let mut cursor = &bytes[at..];
        let (tag, wire) = prost::encoding::decode_key(&mut cursor).unwrap();
        let key = bytes.len() - cursor.len();
        let skip = prost::encoding::DecodeContext::default();
        prost::encoding::skip_field(wire, tag, &mut cursor, skip).unwrap();
        at = bytes.len() - cursor.len();
        if tag == u32::from(*first) {
            found = Some((start, key, at));
        }
    }
    let (start, key, end) = found.unwrap();
    let mut content = &bytes[key..end];
    let len = prost::encoding::decode_varint(&mut content).unwrap();
    assert_eq!(len, content.len() as u64);
    let inner = unknown_within(content, rest);
    let mut out = [&bytes[..start], &bytes[start..key]].concat();
    prost::encoding::encode_varint(inner.len() as u64, &mut out);
    out.extend_from_slice(&inner);
    out.extend_from_slice(&bytes[end..]);
    out
}

/// Bytes that are no voucher.
struct Raw {
    name: &'static str,
    /// Made of the bytes of a request that would be posted.
    change: fn(&[u8]) -> Vec<u8>,
    code: &'static str,
    place: &'static str,
    message: &'static str,
}

const RAW: &[Raw] = &[
    Raw {
        name: "an unknown field of the request",
        change: |b| unknown_within(b, &[]),
        code: "MZ-1016",
        place: "header.999",
        message: "field 999 of PostVoucherRequest is unknown; did you mean a field of the published \
            PostVoucherRequest?",
    },
    Raw {
        name: "an unknown field of the voucher",
        change: |b| unknown_within(b, &[1]),
        code: "MZ-1016",
        place: "header.999",
        message: "field 999 of Voucher is unknown; did you mean a field of the published Voucher?",
    },
    Raw {
        name: "an unknown field of the header",
        change: |b| unknown_within(b, &[1, 1]),
        code: "MZ-1016",
        place: "header.999",
        message: "field 999 of Header is unknown; did you mean a field of the published Header?",
    },
    Raw {
        name: "an unknown field of a line",
        change: |b| unknown_within(b, &[1, 2]),
        code: "MZ-1016",
        place: "lines[1].999",
        message: "field 999 of Line is unknown; did you mean a field of the published Line?",
    },
    Raw {
        name: "an unknown field of a member",
        change: |b| unknown_within(b, &[1, 2, 53]),
        code: "MZ-1016",
        place: "lines[1].999",
        message: "field 999 of Member is unknown; did you mean a field of the published Member?",
    },
    Raw {
        name: "a message that was cut",
        change: |b| b[..b.len() - 3].to_vec(),
        code: "MZ-1034",
        place: "header",
        message: "message is malformed at byte 1: a length of 185 bytes passes the end",
    },
    Raw {
        name: "a number without end",
        change: |b| [b, &[0x10; 1][..], &[0xff; 11][..]].concat(),
        code: "MZ-1034",
        place: "header",
        message: "message is malformed at byte 189: a number is longer than 64 bits",
    },
    Raw {
        name: "a field of another wire type",
        change: |b| [b, &[0x12, 0x01, 0x00][..]].concat(),
        code: "MZ-1034",
        place: "header",
        message: "message is malformed at byte 188: field 2 of PostVoucherRequest has wire \
            type 2, not 0",
    },
    Raw {
        name: "a group",
        change: |b| [b, &[0x0b, 0x0c][..]].concat(),
        code: "MZ-1034",
        place: "header",
        message: "message is malformed at byte 188: field 1 of PostVoucherRequest has wire \
            type 3, not 2",
    },
    Raw {
        name: "a text that is not UTF-8",
        change: |b| [b, &[0x1a, 0x02, 0xff, 0xfe][..]].concat(),
        code: "MZ-1035",
        place: "header.origin",
        message: "origin is not UTF-8 at byte 190",
    },
    Raw {
        name: "no voucher",
        change: |_| Vec::new(),
        code: "MZ-1018",
        place: "header.organisation",
        message: "organisation is required for the header",
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_voucher_are_refused_by_what_is_wrong_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let (server, _, mut admin) = served(dir.path()).await;
    let (before, mut wrong) = (ledger(&mut admin).await, Wrong::default());
    let good = post(registration()).encode_to_vec();
    for case in RAW {
        let bytes = (case.change)(&good);
        let found = told(&raw(&server, "Posting/PostVoucher", bytes.clone()).await.unwrap_err());
        wrong.hold(case.name, &found, (case.code, case.place, case.message));
        let applied = told(&raw(&server, "Registry/Apply", bytes).await.unwrap_err());
        assert_eq!((applied.code, applied.place), (found.code, found.place), "{}", case.name);
        assert_eq!(ledger(&mut admin).await, before, "{}", case.name);
    }
    wrong.none();
    raw(&server, "Posting/PostVoucher", good).await.unwrap();
    server.stop().await;
}

/// A request of so many bytes: its voucher has a long memo.
fn sized(bytes: usize) -> v1::PostVoucherRequest {
    let with = |memo: usize| {
        let mut voucher = payment();
        head(&mut voucher).memo = "x".repeat(memo);
        post(voucher)
    };
    let overhead = with(bytes).encoded_len() - bytes;
    let request = with(bytes - overhead);
    assert_eq!(request.encoded_len(), bytes);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_streams_that_are_too_large_are_refused_by_their_size() {
    use v1::post_voucher_stream_request::Part;
    const MIB: usize = 1 << 20;
    let dir = tempfile::tempdir().unwrap();
    let (server, mut client, mut admin) = served(dir.path()).await;
    let before = ledger(&mut admin).await;
    // A message at its limit is read, and refused for its memo.
    let at = told(&client.post_voucher(sized(4 * MIB)).await.unwrap_err());
    assert_eq!((at.code.as_str(), at.place.as_str()), ("MZ-1027", "header.memo"));
    let past = told(&client.post_voucher(sized(4 * MIB + 1)).await.unwrap_err());
    assert_eq!((past.code.as_str(), past.place.as_str()), ("MZ-6002", "header"));
    assert_eq!(past.message, "4194305, at most 4194304");
    assert_eq!(past.facts["max"], "4194304");

    // So are the messages of a stream, together.
    let voucher = payment();
    let first = v1::VoucherHead { header: voucher.header, ..Default::default() };
    let chunk = |memo: usize| {
        let line = v1::Line { memo: "x".repeat(memo), ..voucher.lines[0].clone() };
        Part::Chunk(v1::LineChunk { lines: vec![line] })
    };
    let mut parts = vec![Part::Head(first)];
    parts.extend((0..6).map(|_| chunk(3 * MIB)));
    let parts = parts.into_iter().map(|part| v1::PostVoucherStreamRequest { part: Some(part) });
    let parts: Vec<_> = parts.collect();
    let whole = client.post_voucher_stream(tokio_stream::iter(parts[..6].to_vec())).await;
    assert_eq!(told(&whole.unwrap_err()).code, "MZ-1010");
    let past = client.post_voucher_stream(tokio_stream::iter(parts.clone())).await;
    let past = told(&past.unwrap_err());
    assert_eq!((past.code.as_str(), past.facts["max"].as_str()), ("MZ-6003", "16777216"));

    // Parts in an order that is none.
    for parts in [vec![], vec![parts[1].clone()], vec![parts[0].clone(), parts[0].clone()]] {
        let broken = client.post_voucher_stream(tokio_stream::iter(parts)).await;
        assert_eq!(told(&broken.unwrap_err()).code, "MZ-1034");
    }
    assert_eq!(ledger(&mut admin).await, before);
    server.stop().await;
}
