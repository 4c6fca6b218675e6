//! The fields of one line: each code at its limit and one past it.

use super::*;

#[test]
fn each_line_answers_with_its_first_fault() {
    // All faults on one line; each step mends what answered.
    let steps: [(&str, Change); 8] = [
        ("1.tranche 1015", |b| {
            b.text(Field::Tranche, "");
        }),
        ("1.quota 1018", |b| {
            b.text(Field::Quota, "Q1");
        }),
        ("1.unit 1019", |b| {
            b.text(Field::Unit, "4414");
        }),
        ("1.household 1014", |b| {
            b.text(Field::Household, HOUSEHOLD);
        }),
        ("1.amount 1029", |b| {
            b.int(Field::Amount, 1);
        }),
        ("1.bank_ref 1027", |b| {
            b.text(Field::BankRef, "B1");
        }),
        ("1.memo 1027", |b| {
            b.text(Field::Memo, "");
        }),
        ("ok", |_| ()),
    ];
    for mended in 0..steps.len() {
        let answer = paid(|b| {
            b.text(Field::Tranche, "T16-4414-1").text(Field::Quota, "").text(Field::Unit, "441400");
            b.text(Field::Household, "44142490120100014").int(Field::Amount, i64::MAX);
            b.text(Field::BankRef, CARD).text(Field::Memo, "a\nb");
            for (_, mend) in &steps[..mended] {
                mend(b);
            }
        });
        assert_eq!(answer, steps[mended].0);
    }
}

#[test]
fn a_field_that_the_kind_does_not_have_is_refused() {
    assert_eq!(
        paid(|b| {
            b.text(Field::Ref, "1");
        }),
        "1.ref 1015"
    );
    // The lowest number answers, whatever the order in the message.
    assert_eq!(
        paid(|b| {
            b.bool(Field::Poor, false).text(Field::Ref, "1");
        }),
        "1.ref 1015"
    );
    // A number that is given counts, 0 and false too; empty text does not.
    assert_eq!(
        paid(|b| {
            b.int(Field::Year, 0);
        }),
        "1.year 1015"
    );
    assert_eq!(
        paid(|b| {
            b.text(Field::Ref, "");
        }),
        "ok"
    );
    assert_eq!(
        paid(|b| {
            b.text(Field::Memo, "第一批");
        }),
        "ok",
        "a memo suits every kind"
    );
    // An amount in a register line is that line's fault, whatever the total says.
    let amount = |b: &mut VoucherBuilder| {
        b.text(Field::Loan, "L1").int(Field::Amount, 5);
    };
    assert_eq!(one("LoanClosed", amount), "header.total 1011");
    let mut b = header();
    b.begin_line(1, "LoanClosed");
    amount(&mut b);
    b.line_count(Some(1)).total_fen(Some(0));
    assert_eq!(answer(&b.finish()), "1.amount 1015");
}

#[test]
fn of_alternatives_exactly_one_is_filled() {
    let attributed = |household: bool, village: bool| {
        one("BenefitAttributed", |b| {
            b.text(Field::Project, "P441424-00001").int(Field::Amount, 5);
            b.text(Field::Household, if household { HOUSEHOLD } else { "" });
            b.text(Field::Village, if village { "441424901201" } else { "" });
        })
    };
    assert_eq!([attributed(true, false), attributed(false, true)], ["ok", "ok"]);
    assert_eq!(attributed(false, false), "1.household|village 1018");
    assert_eq!(attributed(true, true), "1.village 1015");
}

#[test]
fn values_have_their_form() {
    let set = |field: Field, text: &str| {
        paid(|b| {
            b.text(field, text);
        })
    };
    for (field, text, expected) in [
        (Field::Quota, "q16", "1.quota 1019"),
        (Field::Quota, &"Q".repeat(24), "ok"),
        (Field::Quota, &"Q".repeat(25), "1.quota 1019"),
        (Field::Unit, "44", "ok"),
        (Field::Unit, "441400", "1.unit 1019"),
        (Field::Unit, "44142", "1.unit 1019"),
        (Field::Household, "4414249012010001", "1.household 1014"),
        (Field::Household, "44142490120100014", "1.household 1014"),
        (Field::Purpose, "P2", "1.purpose 1019"),
        (Field::Purpose, "p02", "1.purpose 1019"),
        (Field::Loan, "L 1", "1.loan 1019"),
        (Field::BankRef, &"x".repeat(64), "ok"),
        (Field::BankRef, &"x".repeat(65), "1.bank_ref 1019"),
        (Field::BankRef, "批次1", "1.bank_ref 1019"),
        (Field::BankRef, "12345678901", "ok"),
        (Field::BankRef, CARD, "1.bank_ref 1027"),
        (Field::BankRef, "41111111-11111111", "ok"),
        (Field::BankRef, IDENTITY, "1.bank_ref 1027"),
        (Field::Memo, "12345678901", "1.memo 1027"),
        // What a file spelled where the API has other types.
        (Field::Account, "0123456789ABCDEF0123456789ABCDEF", "1.account 1019"),
        (Field::MemberNo, "one", "1.member_no 1019"),
        (Field::Amount, "5", "1.amount 1019"),
    ] {
        assert_eq!(set(field, text), expected, "{} {text}", field.name());
    }
    assert_eq!(
        paid(|b| {
            b.blob(Field::Account, &[1; 15]);
        }),
        "1.account 1019"
    );
    for (no, expected) in
        [(0, "1.member_no 1019"), (1, "ok"), (99, "ok"), (100, "1.member_no 1019")]
    {
        assert_eq!(
            paid(|b| {
                b.int(Field::MemberNo, no);
            }),
            expected,
            "{no}"
        );
    }
    assert_eq!(
        paid(|b| {
            b.wide(Field::MemberNo, u64::MAX);
        }),
        "1.member_no 1019"
    );
    for (fen, expected) in [
        (1, "ok"),
        (0, "1.amount 1021"),
        (MAX_AMOUNT_FEN, "ok"),
        (MAX_AMOUNT_FEN + 1, "1.amount 1029"),
    ] {
        assert_eq!(
            paid(|b| {
                b.int(Field::Amount, fen);
            }),
            expected,
            "{fen}"
        );
    }
}

#[test]
fn codes_dates_and_references_have_their_form() {
    let tranche = |id: &str, city: &str, year: i64| {
        one("TrancheOpened", |b| {
            b.text(Field::Tranche, id).text(Field::HomeCity, city).int(Field::Year, year);
            b.int(Field::Amount, 5);
        })
    };
    assert_eq!(tranche("T16-4414-1", "4414", 2016), "ok");
    for bad in ["T2016-4414-1", "T16-441424-1", "T16-4414-", "T16-4414", "16-4414-1", "T16-4414-x"]
    {
        assert_eq!(tranche(bad, "4414", 2016), "1.tranche 1019", "{bad}");
    }
    assert_eq!(tranche("T16-4414-1", "441424", 2016), "1.home_city 1019");
    assert_eq!(tranche("T16-4414-1", "4414", 16), "1.year 1019");

    let received = |text: &str| {
        one("TransferReceived", |b| {
            b.text(Field::Quota, "Q1").text(Field::Ref, text).int(Field::Amount, 5);
        })
    };
    for good in ["0", "18446744073709551615", "FB44/2016-1/1", "HU440106-07/1/20000"] {
        assert_eq!(received(good), "ok", "{good}");
    }
    for bad in ["18446744073709551616", "-1", "FB44/1", "FB44/1/1/1", "FB44/1/x", "fb44/1/1", "//"]
    {
        assert_eq!(received(bad), "1.ref 1019", "{bad}");
    }

    let closed = |month: &str, amount: i64| {
        one("PeriodClosed", |b| {
            b.text(Field::Unit, "4414").text(Field::Period, month).int(Field::Records, 0);
            b.int(Field::Amount, amount);
        })
    };
    assert_eq!([closed("2016-12", 0), closed("2016-12", 5)], ["ok", "ok"]);
    assert_eq!(closed("2016-12", -1), "1.amount 1021");
    for bad in ["2016-13", "2016-00", "2016-1", "2016-012", "201612", "2016-12-01"] {
        assert_eq!(closed(bad, 0), "1.period 1019", "{bad}");
    }

    let asserted = |quota: &str| {
        one("BalanceAsserted", |b| {
            b.text(Field::Unit, "4414").text(Field::Quota, quota).text(Field::Date, "2016-12-31");
            b.int(Field::Amount, 0);
        })
    };
    assert_eq!([asserted("*"), asserted("Q1")], ["ok", "ok"]);
    assert_eq!(asserted("**"), "1.quota 1019");
}

#[test]
fn reasons_are_words_or_sentences() {
    let removed = |chars: usize| {
        one("HouseholdRemoved", |b| {
            b.text(Field::Household, HOUSEHOLD).text(Field::Reason, &"字".repeat(chars));
        })
    };
    assert_eq!(removed(0), "1.reason 1018");
    assert_eq!([removed(9), removed(501)], ["1.reason 1028", "1.reason 1028"]);
    assert_eq!([removed(10), removed(500)], ["ok", "ok"]);
    let returned = |reason: &str| {
        one("PaymentReturned", |b| {
            b.text(Field::Quota, "Q1").text(Field::Ref, "1").text(Field::Reason, reason);
            b.int(Field::Amount, 5);
        })
    };
    assert_eq!(returned("wrong_number"), "ok");
    assert_eq!(returned("overpaid"), "1.reason 1019");
}

#[test]
fn the_memo_of_a_reversal_explains_it() {
    let reversed = |memos: &[&str]| {
        let mut b = header();
        for (memo, i) in memos.iter().zip(1_u32..) {
            b.begin_line(i, "Reversed").text(Field::Ref, "5").text(Field::Reason, "amount");
            b.text(Field::Memo, memo).int(Field::Amount, 5);
        }
        b.state_totals();
        answer(&b.finish())
    };
    let (nine, long) = ("字".repeat(9), "字".repeat(500));
    assert_eq!(reversed(&[&long]), "ok");
    assert_eq!(
        reversed(&["typed 3000.00 instead of 300.00", ""]),
        "ok",
        "the first memo holds for all"
    );
    assert_eq!(reversed(&[""]), "1.memo 1028");
    assert_eq!(reversed(&[&nine]), "1.memo 1028");
    assert_eq!(reversed(&[&long, &nine]), "2.memo 1028");
    assert_eq!(reversed(&[&"字".repeat(501)]), "1.memo 1028");
    assert_eq!(reversed(&["see 12345678901 there"]), "1.memo 1027");
}

#[test]
fn dates_of_a_line_do_not_contradict_each_other() {
    let died = |date: &str| {
        one("MemberDied", |b| {
            b.text(Field::Household, HOUSEHOLD).int(Field::No, 1).text(Field::Died, date);
        })
    };
    assert_eq!(died("2016-09-01"), "ok");
    assert_eq!(died("2016-09-02"), "1.died 1024");
    let rule = |from: &str, to: &str| {
        one("PairingAdopted", |b| {
            b.int(Field::Version, 1).text(Field::EffectiveFrom, from).text(Field::EffectiveTo, to);
            b.text(Field::Helper, "4401").text(Field::Home, "4414").text(Field::Mode, "paired");
        })
    };
    assert_eq!(rule("", ""), "ok");
    assert_eq!([rule("2016-06-04", "2016-06-04"), rule("", "2016-09-01")], ["ok", "ok"]);
    assert_eq!(rule("2016-06-05", "2016-06-04"), "1.effective_from 1024");
    assert_eq!(rule("", "2016-08-31"), "1.effective_from 1024");
}

/// A household with these changes to its one member.
fn registered(change: impl FnOnce(&mut VoucherBuilder)) -> String {
    one("HouseholdRegistered", |b| {
        b.text(Field::Household, HOUSEHOLD).text(Field::Village, "441424901201");
        b.text(Field::Class, "general").push_text(Field::Causes, "no_skill");
        person(b.begin_entry(Field::Members), 1);
        change(b);
    })
}

fn person(b: &mut VoucherBuilder, no: i64) {
    b.member_int("no", no).member_token("person", Token([1; 16])).member_int("birth_year", 1970);
    b.member_text("sex", "f").member_text("ability", "full").member_bool("dibao", false);
    b.member_bool("student", false).member_bool("insured", true);
}

#[test]
fn members_of_structures_have_their_form() {
    assert_eq!(registered(|_| ()), "ok");
    let member = |change: fn(&mut VoucherBuilder)| registered(change);
    assert_eq!(
        member(|b| {
            b.member_text("sex", "");
        }),
        "1.members.0.sex 1018"
    );
    assert_eq!(
        member(|b| {
            b.member_text("sex", "x");
        }),
        "1.members.0.sex 1019"
    );
    assert_eq!(
        member(|b| {
            b.member_int("no", 100);
        }),
        "1.members.0.no 1019"
    );
    assert_eq!(
        member(|b| {
            b.member_int("birth_year", 1899);
        }),
        "1.members.0.birth_year 1019"
    );
    assert_eq!(
        member(|b| {
            b.member_int("birth_year", 1900);
        }),
        "ok"
    );
    assert_eq!(
        member(|b| {
            b.member_int("birth_year", 2016);
        }),
        "ok"
    );
    assert_eq!(
        member(|b| {
            b.member_int("birth_year", 2017);
        }),
        "1.members.0.birth_year 1019"
    );
    assert_eq!(
        member(|b| {
            b.member_blob("person", &[1; 17]);
        }),
        "1.members.0.person 1019"
    );
    assert_eq!(
        member(|b| {
            b.push_text(Field::Causes, "bad luck");
        }),
        "1.causes.1 1019"
    );
}

#[test]
fn lists_have_their_lengths() {
    let causes = |n: usize| {
        registered(|b| {
            for _ in 1..n {
                b.push_text(Field::Causes, "illness");
            }
        })
    };
    assert_eq!([causes(3), causes(4)], ["ok", "1.causes 1019"]);
    // More than 30 members is refusal 2022, asked later.
    let members =
        |n: i64| registered(|b| (2..=n).for_each(|no| person(b.begin_entry(Field::Members), no)));
    assert_eq!([members(30), members(31)], ["ok", "ok"]);

    let split = |full: bool| {
        one("HouseholdSplit", |b| {
            b.text(Field::Household, HOUSEHOLD).text(Field::NewHousehold, "44142490120100021");
            b.begin_entry(Field::Members).member_int("no", 1);
            if full {
                b.member_text("sex", "f");
            }
        })
    };
    assert_eq!([split(false), split(true)], ["ok", "1.members.0.sex 1015"]);
}

#[test]
fn share_registers_and_rows_have_their_form() {
    let shares = |household: bool, village: bool| {
        one("ProjectAmended", |b| {
            b.text(Field::Project, "P441424-00001").begin_entry(Field::Shares);
            b.member_int("shares", 40)
                .member_text("household", if household { HOUSEHOLD } else { "" });
            b.member_text("village", if village { "441424901201" } else { "" });
        })
    };
    assert_eq!([shares(true, false), shares(false, true)], ["ok", "ok"]);
    assert_eq!(shares(false, false), "1.shares.0.household|village 1018");
    assert_eq!(shares(true, true), "1.shares.0.village 1015");
    let entries = |n: usize| {
        one("ProjectAmended", |b| {
            b.text(Field::Project, "P441424-00001");
            for _ in 0..n {
                b.begin_entry(Field::Shares)
                    .member_int("shares", 1)
                    .member_text("household", HOUSEHOLD);
            }
        })
    };
    assert_eq!([entries(2_000), entries(2_001)], ["ok", "1.shares 1019"]);

    let cell = |column: &str, text: &str| {
        one("FlowsAdopted", |b| {
            b.int(Field::Version, 1).begin_entry(Field::Rows).cell("id", "W01");
            b.begin_entry(Field::Rows).cell("id", "W02").cell(column, text);
        })
    };
    assert_eq!(cell("note", "440100000000"), "ok", "codes are longer than free text allows");
    assert_eq!(cell("note", "a\nb"), "1.rows.1.note 1027");
    assert_eq!(cell("note", CARD), "1.rows.1.note 1027");
    assert_eq!(cell("id", "again"), "1.rows.1 1019");
    assert_eq!(cell("備", "x"), "1.rows.1 1019");
    assert_eq!(cell("note", &"字".repeat(1_000)), "ok");
    assert_eq!(cell("note", &"字".repeat(1_001)), "1.rows.1.note 1019");
}

#[test]
fn numbers_hold_no_personal_number_either() {
    let parameter = |value: i64| {
        one("FlagParametersAdopted", |b| {
            b.int(Field::Version, 1).text(Field::Flag, "F05").begin_entry(Field::Params);
            b.member_text("name", "days").member_int("value", value);
        })
    };
    assert_eq!([parameter(30), parameter(-1)], ["ok", "ok"]);
    assert_eq!(parameter(4_111_111_111_111_111), "1.params.0.value 1027");
    assert_eq!(parameter(440_524_188_001_010_014), "1.params.0.value 1027");
}
