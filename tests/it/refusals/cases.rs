//! Vouchers that are wrong in one thing each.

use prost::Message as _;
use proto::v1;
use proto::v1::posting_client::PostingClient;
use tonic::Status;
use tonic::transport::Channel;

use super::*;
use crate::server::{post, reply};

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
