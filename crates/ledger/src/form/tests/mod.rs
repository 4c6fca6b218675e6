//! Every code of step A at its limit and one past it, in the order in which they answer.

mod fields;

use proptest::prelude::*;
use record::limits::{MAX_AMOUNT_FEN, REFUSALS_LISTED_MAX};

use super::*;
use crate::ids::Token;
use crate::voucher::VoucherBuilder;

const HOUSEHOLD: &str = "44142490120100013";
/// A card number by its check digit, and an identity number by its check character.
const CARD: &str = "4111111111111111";
const IDENTITY: &str = "11010519491231002X";

/// A builder whose header is right for money.
fn header() -> VoucherBuilder {
    let mut b = VoucherBuilder::new();
    b.key("VC441424901201", "2016-09-001", "2016-09-01", "p.vc1");
    b.header(HeaderText::DocNo, "粤财农〔2016〕166号");
    b
}

/// A payment that is right, on the line begun last.
fn payment(b: &mut VoucherBuilder, line_no: u32) -> &mut VoucherBuilder {
    b.begin_line(line_no, "DisbursedToHousehold")
        .text(Field::Quota, "Q16-4401-0001")
        .text(Field::Unit, "441424901201")
        .text(Field::Household, HOUSEHOLD)
        .token(Field::Account, Token([7; 16]))
        .text(Field::Purpose, "P02")
        .text(Field::BankRef, &format!("B20160901-{line_no}"))
        .int(Field::Amount, 300_000)
}

/// A change to a voucher.
type Change = fn(&mut VoucherBuilder);

/// What answers: `line.field code` of each refusal, or `ok`.
fn answer(voucher: &Voucher) -> String {
    match check(voucher) {
        Ok(_) => "ok".to_owned(),
        Err(reject) => {
            let told = reject.refusals.iter().map(|r| {
                let place = r.place().replace("lines[", "").replace(']', "");
                format!("{place} {}", r.reason.code())
            });
            told.collect::<Vec<_>>().join("; ")
        }
    }
}

/// Answer to one payment with changes to it and to the header; totals are stated as they are.
fn paid(change: impl FnOnce(&mut VoucherBuilder)) -> String {
    let mut b = header();
    payment(&mut b, 1);
    change(&mut b);
    b.state_totals();
    answer(&b.finish())
}

/// Answer to one line of a kind.
fn one(kind: &str, change: impl FnOnce(&mut VoucherBuilder)) -> String {
    let mut b = header();
    b.begin_line(1, kind);
    change(&mut b);
    b.state_totals();
    answer(&b.finish())
}

#[test]
fn a_header_fault_is_reported_alone_and_in_order() {
    use HeaderText::{ApprovedBy, DocNo, EffectiveDate, ExceptionReason, Memo, NoticeRef};
    use HeaderText::{Organisation, PreparedBy, VoucherNo};
    let header = |field: HeaderText, text: &str| {
        paid(|b| {
            b.header(field, text);
            // Any line fault stays untold.
            b.text(Field::Quota, "");
        })
    };
    let long = |chars: usize| "字".repeat(chars);
    for (field, text, expected) in [
        (Organisation, "", "header.organisation 1018"),
        (VoucherNo, "", "header.voucher_no 1018"),
        (EffectiveDate, "", "header.effective_date 1018"),
        (PreparedBy, "", "header.prepared_by 1018"),
        (Organisation, "fb44", "header.organisation 1019"),
        (Organisation, &"A".repeat(24), "1.quota 1018"),
        (Organisation, &"A".repeat(25), "header.organisation 1019"),
        (VoucherNo, &"A".repeat(32), "1.quota 1018"),
        (VoucherNo, &"A".repeat(33), "header.voucher_no 1019"),
        (VoucherNo, "2016_1", "header.voucher_no 1019"),
        (EffectiveDate, "2016-02-30", "header.effective_date 1019"),
        (EffectiveDate, "2016-9-1", "header.effective_date 1019"),
        (PreparedBy, "P.fb", "header.prepared_by 1019"),
        (ApprovedBy, "A.fb", "header.approved_by 1019"),
        (ApprovedBy, &"a".repeat(32), "1.quota 1018"),
        (ApprovedBy, &"a".repeat(33), "header.approved_by 1019"),
        (DocNo, &long(64), "1.quota 1018"),
        (DocNo, &long(65), "header.doc_no 1027"),
        (DocNo, "a\tb", "header.doc_no 1027"),
        (NoticeRef, &long(64), "1.quota 1018"),
        (NoticeRef, &long(65), "header.notice_ref 1027"),
        (Memo, &long(200), "1.quota 1018"),
        (Memo, &long(201), "header.memo 1027"),
        (Memo, "1234567890", "1.quota 1018"),
        (Memo, "12345678901", "header.memo 1027"),
        (Memo, IDENTITY, "header.memo 1027"),
        (VoucherNo, CARD, "header.voucher_no 1027"),
        (VoucherNo, "4111111111111112", "1.quota 1018"),
        (ExceptionReason, &long(9), "header.exception_reason 1028"),
        (ExceptionReason, &long(10), "1.quota 1018"),
        (ExceptionReason, &long(500), "1.quota 1018"),
        (ExceptionReason, &long(501), "header.exception_reason 1028"),
        (ExceptionReason, "12345678901", "header.exception_reason 1027"),
    ] {
        assert_eq!(header(field, text), expected, "{} {text}", field.name());
    }
}

#[test]
fn the_earlier_code_of_the_header_answers() {
    // Everything is wrong at once; each step mends the fault that answered.
    let build = |mended: usize| {
        let mut b = VoucherBuilder::new();
        b.key("VC1", "1", "2016-09-01", "p");
        b.begin_line(2, "TrancheOpened").int(Field::Amount, 5);
        b.line_count(Some(7)).total_fen(Some(9)).header(HeaderText::ExceptionReason, "short");
        b.header(HeaderText::Memo, "12345678901").header(HeaderText::ApprovedBy, "A");
        if 0 < mended {
            b.header(HeaderText::ApprovedBy, "");
        } else {
            b.header(HeaderText::PreparedBy, "");
        }
        if 1 < mended {
            b.header(HeaderText::DocNo, "D");
        }
        if 2 < mended {
            b.header(HeaderText::Memo, "");
        }
        if 3 < mended {
            b.header(HeaderText::ExceptionReason, "");
        }
        if 4 < mended {
            b.line_count(Some(1));
        }
        if 5 < mended {
            b.total_fen(Some(5));
        }
        if 6 < mended {
            b.line_no(1);
        }
        answer(&b.finish())
    };
    for (mended, expected) in [
        "header.prepared_by 1018",
        "header.doc_no 1026",
        "header.memo 1027",
        "header.exception_reason 1028",
        "header.line_count 1010",
        "header.total 1011",
        "header.line_no 1031",
        "1.tranche 1018",
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(build(mended), *expected);
    }
}

#[test]
fn signature_and_key_have_their_lengths() {
    let with = |signature: usize, key: usize| {
        paid(|b| {
            b.approval_signature(&vec![1; signature]).approver_key(&vec![1; key]);
        })
    };
    assert_eq!(with(64, 32), "ok");
    assert_eq!(with(63, 32), "header.approval_signature 1019");
    assert_eq!(with(64, 33), "header.approver_key 1019");
}

#[test]
fn control_totals_are_held_against_the_lines() {
    let totals = |count: Option<u32>, total: Option<i64>, change: fn(&mut VoucherBuilder)| {
        let mut b = header();
        payment(&mut b, 1);
        payment(&mut b, 2);
        change(&mut b);
        b.line_count(count).total_fen(total);
        answer(&b.finish())
    };
    let sum = Some(600_000);
    assert_eq!(totals(Some(2), sum, |_| ()), "ok");
    assert_eq!(totals(Some(3), sum, |_| ()), "header.line_count 1010");
    assert_eq!(totals(None, sum, |_| ()), "header.line_count 1018");
    assert_eq!(totals(Some(2), None, |_| ()), "header.total 1018");
    assert_eq!(totals(Some(2), Some(600_001), |_| ()), "header.total 1011");
    // While an amount is refused by itself, its line answers.
    assert_eq!(
        totals(Some(2), sum, |b| {
            b.int(Field::Amount, 0);
        }),
        "2.amount 1021"
    );
    assert_eq!(
        totals(Some(2), sum, |b| {
            b.int(Field::Amount, -5);
        }),
        "2.amount 1021"
    );
    let above = |b: &mut VoucherBuilder| {
        b.int(Field::Amount, MAX_AMOUNT_FEN + 1);
    };
    assert_eq!(totals(Some(2), sum, above), "2.amount 1029");
    // One that is not there fails, too, whatever the total says.
    for total in [Some(300_000), sum] {
        let missing = totals(Some(2), total, |b| {
            *b = without(b, Field::Amount);
        });
        assert_eq!(missing, "2.amount 1018");
    }
    // Of a kind that is none nothing is known to be missing.
    assert_eq!(
        totals(Some(3), sum, |b| {
            b.begin_line(3, "Nothing");
        }),
        "3.kind 1019"
    );

    // Where there is no money the total may be left out, and is 0 if given.
    let registry = |total: Option<i64>| {
        let mut b = header();
        b.begin_line(1, "LoanClosed").text(Field::Loan, "L1").line_count(Some(1)).total_fen(total);
        answer(&b.finish())
    };
    assert_eq!([registry(None), registry(Some(0))], ["ok", "ok"]);
    assert_eq!(registry(Some(1)), "header.total 1011");
}

/// The builder's voucher without a field of its last line.
fn without(b: &VoucherBuilder, field: Field) -> VoucherBuilder {
    let voucher = b.clone().finish();
    let mut out = header();
    for (i, line) in voucher.lines().enumerate() {
        out.begin_line(line.line_no(), line.kind_name());
        for (f, value) in line.fields() {
            let is_last = i.saturating_add(1) == voucher.len();
            if !is_last || f != field {
                match value {
                    Value::Text(text) => out.text(f, text),
                    Value::Blob(bytes) => out.blob(f, bytes),
                    Value::Int(number) => out.int(f, number),
                    other => panic!("{other:?}"),
                };
            }
        }
    }
    out
}

#[test]
fn lines_are_one_to_twenty_thousand_numbered_from_one() {
    let mut b = header();
    b.line_count(Some(0)).total_fen(Some(0));
    assert_eq!(answer(&b.finish()), "header 1032");

    let lines = |count: u32| {
        let mut b = header();
        for i in 1..=count {
            b.begin_line(i, "LoanClosed").text(Field::Loan, "L1");
        }
        b.state_totals();
        answer(&b.finish())
    };
    assert_eq!(lines(VOUCHER_LINES_MAX), "ok");
    assert_eq!(lines(VOUCHER_LINES_MAX + 1), "header.lines 6001");

    for numbers in [[1, 3], [2, 1], [1, 1], [0, 1]] {
        let mut b = header();
        payment(&mut b, numbers[0]);
        payment(&mut b, numbers[1]);
        b.state_totals();
        assert_eq!(answer(&b.finish()), "header.line_no 1031", "{numbers:?}");
    }
}

#[test]
fn kinds_are_known_and_of_one_group() {
    assert_eq!(one("Nonsense", |_| ()), "1.kind 1019");
    assert_eq!(one("", |_| ()), "1.kind 1019");
    assert_eq!(one("VoucherPosted", |_| ()), "1.kind 1019");
    let mix = |second: &str, third: &str| {
        let mut b = header();
        payment(&mut b, 1).begin_line(2, second).begin_line(3, third).state_totals();
        answer(&b.finish())
    };
    // An unknown kind answers before mixed groups, and these before any field.
    assert_eq!(mix("TransferSent", "Nonsense"), "3.kind 1019");
    assert_eq!(mix("TransferSent", "TrancheOpened"), "2.kind 1012; 3.kind 1012");
    assert_eq!(mix("BenefitAttributed", "TransferSent"), "3.kind 1012");
}

#[test]
fn every_offending_line_is_reported_and_at_most_a_hundred() {
    let build = |lines: u32| {
        let mut b = header();
        for i in 1..=lines {
            payment(&mut b, i);
            if i != 2 {
                b.text(Field::Purpose, "");
            }
        }
        b.state_totals();
        check(&b.finish()).unwrap_err()
    };
    let lines: Vec<u32> = build(4).refusals.iter().map(|r| r.line).collect();
    assert_eq!((lines, build(4).total), (vec![1, 3, 4], 3));
    assert_eq!((build(101).refusals.len(), build(101).total), (100, 100));
    let many = build(500);
    assert_eq!((many.refusals.len(), many.total), (REFUSALS_LISTED_MAX, 499));
}

#[test]
fn a_repeated_line_is_soft_and_looked_for_last() {
    let pay = |refs: &[&str], change: fn(&mut VoucherBuilder)| {
        let mut b = header();
        for (text, i) in refs.iter().zip(1_u32..) {
            payment(&mut b, i).text(Field::BankRef, text);
        }
        change(&mut b);
        b.state_totals();
        b.finish()
    };
    assert_eq!(answer(&pay(&["A", "B", "C"], |_| ())), "ok");
    assert_eq!(answer(&pay(&["A", "B", "A", "A"], |_| ())), "3 1033; 4 1033");
    let reject = check(&pay(&["A", "B", "A", "A"], |_| ())).unwrap_err();
    assert_eq!(reject.refusals[1].reason, Reason::DuplicateLine { a: 1, b: 4 });
    assert!(reject.refusals[0].reason.is_soft());
    // Another amount, purpose or member's payee makes it another payment; the account does not.
    assert_eq!(
        answer(&pay(&["A", "A"], |b| {
            b.int(Field::Amount, 1);
        })),
        "ok"
    );
    assert_eq!(
        answer(&pay(&["A", "A"], |b| {
            b.text(Field::Purpose, "P03");
        })),
        "ok"
    );
    assert_eq!(
        answer(&pay(&["A", "A"], |b| {
            b.text(Field::Quota, "Q2");
        })),
        "ok"
    );
    let other = |b: &mut VoucherBuilder| {
        b.text(Field::Household, "44142490120100021");
    };
    assert_eq!(answer(&pay(&["A", "A"], other)), "ok");
    assert_eq!(
        answer(&pay(&["A", "A"], |b| {
            b.blob(Field::Account, &[9; 16]);
        })),
        "2 1033"
    );
    // Any other fault hides it.
    assert_eq!(
        answer(&pay(&["A", "A"], |b| {
            b.text(Field::Unit, "4");
        })),
        "2.unit 1019"
    );
    // With an exception reason it is passed over and recorded.
    let with_reason = |b: &mut VoucherBuilder| {
        b.header(HeaderText::ExceptionReason, "paid twice indeed");
    };
    let form = check(&pay(&["A", "B", "A", "A"], with_reason)).unwrap();
    assert_eq!(form.repeated, [3, 4]);

    // Attributions and refunds may repeat; income to one household from two projects too.
    let mut b = header();
    for i in 1..=2 {
        b.begin_line(i, "BenefitAttributed").text(Field::Project, "P441424-00001");
        b.text(Field::Household, HOUSEHOLD).int(Field::Amount, 5);
    }
    b.state_totals();
    assert_eq!(answer(&b.finish()), "ok");
    let income = |second: &str| {
        let mut b = header();
        for (i, project) in [(1, "P441424-00001"), (2, second)] {
            b.begin_line(i, "IncomeDistributed").text(Field::Project, project);
            b.text(Field::Household, HOUSEHOLD).int(Field::Amount, 5);
        }
        b.state_totals();
        answer(&b.finish())
    };
    assert_eq!([income("P441424-00002"), income("P441424-00001")], ["ok", "2 1033"]);
}

#[test]
fn what_passed_is_told() {
    let mut b = header();
    payment(&mut b, 1);
    payment(&mut b, 2);
    b.state_totals();
    let form = check(&b.finish()).unwrap();
    assert_eq!(form.kinds, [Kind::DisbursedToHousehold; 2]);
    assert_eq!((form.group, form.total.get()), (Group::Payment, 600_000));
    assert_eq!(form.date, Date::parse("2016-09-01").unwrap());
    // A sum beyond what can be counted is no total that anybody can state.
    let mut b = header();
    for i in 1..=10_000 {
        payment(&mut b, i).int(Field::Amount, MAX_AMOUNT_FEN);
    }
    b.state_totals();
    assert_eq!(answer(&b.finish()), "header.total 1011");
}

prop_compose! {
    /// A voucher of any kind, near to right or not at all.
    fn any_voucher()(
        kind in prop::sample::select(Kind::ALL),
        base in any::<bool>(),
        set in prop::collection::vec((prop::sample::select(Field::ALL), 0..12_u8, any::<u64>()), 0..6),
        lines in 1..4_u32,
    ) -> Voucher {
        let mut b = header();
        for line_no in 1..=lines {
            if base {
                payment(&mut b, line_no);
            } else {
                b.begin_line(line_no, kind.name());
            }
            for (field, what, seed) in &set {
                let number = i64::try_from(seed % 1_000).unwrap_or(0);
                match what {
                    0 => b.text(*field, ""),
                    1 => b.text(*field, "44142490120100013"),
                    2 => b.text(*field, "2016-09-01"),
                    3 => b.text(*field, CARD),
                    4 => b.text(*field, "src"),
                    5 => b.int(*field, number),
                    6 => b.wide(*field, *seed),
                    7 => b.bool(*field, seed % 2 == 0),
                    8 => b.blob(*field, &seed.to_be_bytes().repeat(2)),
                    9 => b.push_text(*field, "other").push_int(*field, number),
                    10 => b.begin_entry(*field).member_int("no", number).cell("a", "b"),
                    _ => b.begin_struct(*field).member_text("sex", "f"),
                };
            }
        }
        b.state_totals();
        b.finish()
    }
}

proptest! {
    /// Any voucher is answered, and the quick look at a line passes none that the slow one refuses.
    #[test]
    fn any_voucher_is_answered(voucher in any_voucher()) {
        let date = Date::parse("2016-09-01").unwrap();
        for line in voucher.lines() {
            let plan = Plan::of(Kind::of_name(line.kind_name()).unwrap());
            prop_assert!(!plan.passes(line, date) || plan.fault(line, date).is_none());
        }
        match check(&voucher) {
            Ok(form) => {
                let text = crate::digest::text("o", &voucher, &form.kinds);
                prop_assert_eq!(text.lines().count(), text.matches('\n').count());
            }
            Err(reject) => {
                prop_assert!(!reject.refusals.is_empty());
                for refusal in &reject.refusals {
                    prop_assert!(!refusal.reason.message().contains(CARD), "{refusal:?}");
                }
            }
        }
    }
}
