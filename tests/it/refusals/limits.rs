//! Limits of a voucher: the last value that passes each, and one past it.

use proto::v1;

use super::*;
use crate::server::{organisations, post};

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
