//! Each rule at its threshold and one past it, and what fires on the eye only.
//!
//! Always: a case is made by one number; of those on the quiet side the flag has no alert, of the others one.

use ledger::event::Event;
use ledger::event::money::QuotaReleased;
use ledger::event::period::BalanceAsserted;
use ledger::event::project::{Benefit, BenefitAttributed, DisbursedToProject, ProjectRegistered};
use ledger::event::registry::{HouseholdReinstated, HouseholdRemoved, HouseholdSplit};
use ledger::ids::{BankRef, Date, ProjectId, Purpose, QuotaId, Source, Token};
use ledger::state::project::Target;
use ledger::words::Role;
use record::Fen;

use crate::flag_story::{Pay, QUOTA, Story, code, day, pay, token, town, village};
use crate::world::unit;

/// A case of a flag.
struct Case {
    flag: u8,
    what: &'static str,
    make: fn(&mut Story, i64),
    quiet: &'static [i64],
    fires: &'static [i64],
}

/// Runs cases and lists all that are wrong.
fn check(cases: &[Case]) {
    let mut wrong = Vec::new();
    for Case { flag, what, make, quiet, fires } in cases {
        let rows = quiet.iter().map(|n| (*n, 0)).chain(fires.iter().map(|n| (*n, 1)));
        for (n, expected) in rows {
            let mut story = Story::new();
            make(&mut story, n);
            let found = story.alerts(*flag).len();
            if found != expected {
                wrong.push(format!("F{flag:02} {what} {n}: {found} alerts"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Two households on one account that each has bound.
fn two_on_one(s: &mut Story, apart: i64, guardian: &str) {
    for (house, on) in [(1, 0), (2, apart)] {
        s.house(house, -60, 1);
        s.bind(house, -50, 99, guardian);
        s.pay(Pay { account: 99, ..pay(house, on, 1_000) });
    }
}

#[test]
fn who_was_paid() {
    check(&[
        Case {
            flag: 1,
            what: "households on one account",
            make: |s, n| {
                for house in 1..=n as u16 {
                    s.house(house, -60, 1);
                    s.pay(Pay { account: 99, ..pay(house, 0, 1_000) });
                }
            },
            quiet: &[1],
            fires: &[2, 3],
        },
        Case {
            flag: 1,
            what: "days between",
            make: |s, n| two_on_one(s, n, ""),
            quiet: &[366],
            fires: &[0, 365],
        },
        Case {
            flag: 1,
            what: "a guardian's reason",
            make: |s, n| two_on_one(s, 1, if n == 1 { "blind and alone" } else { "" }),
            quiet: &[1],
            fires: &[0],
        },
        Case {
            flag: 1,
            what: "one lineage",
            make: |s, n| {
                two_on_one(s, 1, "");
                if n == 1 {
                    let (household, new_household) = (code(1), code(2));
                    s.one(2, HouseholdSplit { household, new_household, members: vec![] });
                }
            },
            quiet: &[1],
            fires: &[0],
        },
        Case {
            flag: 2,
            what: "days after the exit",
            make: |s, n| {
                s.house(1, -60, 1);
                s.exit(1, 0);
                s.pay(pay(1, n, 1_000));
            },
            quiet: &[-1, 30],
            fires: &[31],
        },
        Case {
            flag: 2,
            what: "an exit posted after the payment, days before it",
            make: |s, n| {
                s.house(1, -60, 1);
                s.pay(pay(1, 50, 1_000));
                s.exit(1, 50 - n);
            },
            quiet: &[30],
            fires: &[31],
        },
        Case {
            flag: 2,
            what: "P06 goes on after the exit, P01 does not",
            make: |s, n| {
                s.house(1, -60, 1);
                s.exit(1, 0);
                s.pay(Pay { purpose: if n == 6 { "P06" } else { "P01" }, ..pay(1, 31, 1_000) });
            },
            quiet: &[6],
            fires: &[1],
        },
        Case {
            flag: 2,
            what: "fen that came back",
            make: |s, n| {
                s.house(1, -60, 1);
                s.exit(1, 0);
                let payment = s.pay(pay(1, 31, 1_000));
                s.refund(32, payment, n);
            },
            quiet: &[1_000],
            fires: &[0, 999],
        },
        Case {
            flag: 3,
            what: "removed, and reinstated",
            make: |s, n| {
                s.house(1, -60, 1);
                s.pay(pay(1, 0, 1_000));
                let (household, reason) = (code(1), "has a car".to_owned());
                s.one(1, HouseholdRemoved { household, reason: reason.clone() });
                if n == 1 {
                    s.one(2, HouseholdReinstated { household, reason });
                }
            },
            quiet: &[1],
            fires: &[0],
        },
        Case {
            flag: 3,
            what: "the day of the payment, registered on day 10",
            make: |s, n| {
                s.house(1, 10, 1);
                s.pay(pay(1, n, 1_000));
            },
            quiet: &[10],
            fires: &[9],
        },
        Case {
            flag: 4,
            what: "the day of the payment, died on day 10",
            make: |s, n| {
                s.house(1, -60, 2);
                s.pay(Pay { member: Some(2), ..pay(1, n, 1_000) });
                s.die(1, 10, 2);
            },
            quiet: &[10],
            fires: &[11],
        },
        Case {
            flag: 4,
            what: "another member is named",
            make: |s, n| {
                s.house(1, -60, 2);
                s.die(1, 10, 2);
                s.pay(Pay { member: Some(n as u8), ..pay(1, 11, 1_000) });
            },
            quiet: &[1],
            fires: &[2],
        },
        Case {
            flag: 4,
            what: "the day of the payment, the last one left on day 10",
            make: |s, n| {
                s.house(1, -60, 1);
                s.leave(1, 10, 1);
                s.pay(pay(1, n, 1_000));
            },
            quiet: &[9],
            fires: &[10],
        },
        Case {
            flag: 10,
            what: "days since the new account was bound",
            make: |s, n| {
                s.house(1, -60, 1);
                s.bind(1, 0, 50, "");
                s.pay(Pay { account: 50, ..pay(1, n, 50_000) });
            },
            quiet: &[16],
            fires: &[0, 15],
        },
        Case {
            flag: 10,
            what: "fen on the new account",
            make: |s, n| {
                s.house(1, -60, 1);
                s.bind(1, 0, 50, "");
                s.pay(Pay { account: 50, ..pay(1, 1, n) });
            },
            quiet: &[49_999],
            fires: &[50_000],
        },
        Case {
            flag: 10,
            what: "the first account, and an old one beside a new one",
            make: |s, n| {
                s.house(1, 0, 1);
                if n == 1 {
                    s.bind(1, 1, 50, "");
                }
                s.pay(pay(1, 2, 50_000));
            },
            quiet: &[0, 1],
            fires: &[],
        },
    ]);
}

#[test]
fn how_much() {
    check(&[
        Case {
            flag: 5,
            what: "fen of each of two parts",
            make: |s, n| {
                s.house(1, -60, 9);
                s.pay(pay(1, 0, n));
                s.pay(pay(1, 1, n));
            },
            quiet: &[2_499_999, 5_000_000],
            fires: &[2_500_000, 4_999_999],
        },
        Case {
            flag: 5,
            what: "days between two parts",
            make: |s, n| {
                s.house(1, -60, 9);
                s.pay(pay(1, 0, 3_000_000));
                s.pay(pay(1, n, 3_000_000));
            },
            quiet: &[8],
            fires: &[0, 7],
        },
        Case {
            flag: 5,
            what: "parts",
            make: |s, n| {
                s.house(1, -60, 9);
                for on in 0..n {
                    s.pay(pay(1, on, 3_000_000));
                }
            },
            quiet: &[1],
            fires: &[2, 3],
        },
        Case {
            flag: 5,
            what: "the household of the second part",
            make: |s, n| {
                s.house(1, -60, 9);
                s.house(2, -60, 9);
                s.pay(pay(1, 0, 3_000_000));
                s.pay(pay(n as u16, 1, 3_000_000));
            },
            quiet: &[2],
            fires: &[1],
        },
        Case {
            flag: 5,
            what: "a part that is reversed",
            make: |s, n| {
                s.house(1, -60, 9);
                s.pay(pay(1, 0, 3_000_000));
                let second = s.pay(pay(1, 1, 3_000_000));
                if n == 1 {
                    s.reverse(2, second);
                }
            },
            quiet: &[1],
            fires: &[0],
        },
        Case {
            flag: 8,
            what: "fen for one head",
            make: |s, n| {
                s.house(1, -60, 1);
                s.pay(pay(1, 0, n));
            },
            quiet: &[2_000_000],
            fires: &[2_000_001],
        },
        Case {
            flag: 8,
            what: "fen for two heads, one of whom left before",
            make: |s, n| {
                s.house(1, -60, 1);
                s.join(1, -50, 2);
                s.leave(1, -40, 2);
                s.pay(pay(1, 0, n));
            },
            quiet: &[4_000_000],
            fires: &[4_000_001],
        },
        Case {
            flag: 8,
            what: "fen of the special programme",
            make: |s, n| {
                s.house(1, -60, 1);
                s.issue("Q-2", Source::S, -50, n);
                s.pay(Pay { quota: "Q-2", ..pay(1, 0, n) });
            },
            quiet: &[2_000_001],
            fires: &[],
        },
        Case {
            flag: 28,
            what: "days between",
            make: |s, n| {
                s.house(1, -60, 2);
                s.pay(pay(1, 0, 10_000));
                s.pay(pay(1, n, 10_000));
            },
            quiet: &[4],
            fires: &[0, 3],
        },
        Case {
            flag: 28,
            what: "fen",
            make: |s, n| {
                s.house(1, -60, 2);
                s.pay(pay(1, 0, n));
                s.pay(pay(1, 1, n));
            },
            quiet: &[9_999],
            fires: &[10_000],
        },
        Case {
            flag: 28,
            what: "fen more than the first",
            make: |s, n| {
                s.house(1, -60, 2);
                s.pay(pay(1, 0, 10_000));
                s.pay(pay(1, 1, 10_000 + n));
            },
            quiet: &[1],
            fires: &[0],
        },
        Case {
            flag: 28,
            what: "the second member is named",
            make: |s, n| {
                s.house(1, -60, 2);
                s.pay(Pay { member: Some(1), ..pay(1, 0, 10_000) });
                s.pay(Pay { member: Some(n as u8), ..pay(1, 1, 10_000) });
            },
            quiet: &[2],
            fires: &[1],
        },
        Case {
            flag: 28,
            what: "both in one voucher",
            make: |s, n| {
                s.house(1, -60, 2);
                let twice = vec![Story::paid(pay(1, 0, 10_000)); 2];
                if n == 1 {
                    s.post(day(0), twice);
                } else {
                    for event in twice {
                        s.one(0, event);
                    }
                }
            },
            quiet: &[1],
            fires: &[0],
        },
    ]);
}

/// Money of a quota of its own that the town received on day 0.
fn cash(s: &mut Story, fen: i64) {
    s.issue("Q-2", Source::P, -10, 1_000_000_000);
    let sent = s.send("Q-2", Source::P, 0, fen);
    s.receive("Q-2", sent, 0, fen);
}

const PROJECT: &str = "P441424-00001";

/// A project that was paid 1,000 fen on day 0.
fn project(s: &mut Story) -> ProjectId {
    let project = ProjectId::new(PROJECT).unwrap();
    let purpose = Purpose::new("P02").unwrap();
    let registered = ProjectRegistered {
        project,
        unit: town(),
        purpose,
        planned: Fen::new(1_000),
        operator: Token([1; 16]),
        procurement_ref: "".into(),
        shares: Box::default(),
        purposes_version: 1,
    };
    s.one(-10, registered);
    let paid = DisbursedToProject {
        quota: QuotaId::id(QUOTA).unwrap(),
        unit: town(),
        project,
        purpose,
        bank_ref: BankRef::new("B-prj").unwrap(),
        amount: Fen::new(1_000),
        purposes_version: 1,
        flows_version: 1,
    };
    s.one(0, paid);
    project
}

#[test]
fn where_money_stopped() {
    check(&[
        Case {
            flag: 7,
            what: "days since it came",
            make: |s, n| {
                cash(s, 1_000_000);
                s.ask = Some(day(n));
            },
            quiet: &[90],
            fires: &[91, 365, 366, 731],
        },
        Case {
            flag: 7,
            what: "fen that came",
            make: |s, n| {
                cash(s, n);
                s.ask = Some(day(91));
            },
            quiet: &[999_999],
            fires: &[1_000_000],
        },
        Case {
            flag: 7,
            what: "fen paid out of the older of two receipts",
            make: |s, n| {
                s.house(1, -60, 1);
                cash(s, 1_000_000);
                let sent = s.send("Q-2", Source::P, 80, 1_000_000);
                s.receive("Q-2", sent, 80, 1_000_000);
                if 0 < n {
                    s.pay(Pay { quota: "Q-2", ..pay(1, 85, n) });
                }
                s.ask = Some(day(100));
            },
            quiet: &[1, 1_000_000],
            fires: &[0],
        },
        Case {
            flag: 9,
            what: "days since it was sent",
            make: |s, n| {
                s.send(QUOTA, Source::P, 0, 1_000);
                s.ask = Some(day(n));
            },
            quiet: &[15],
            fires: &[16, 60, 61],
        },
        Case {
            flag: 9,
            what: "fen of 1,000 that arrived",
            make: |s, n| {
                let sent = s.send(QUOTA, Source::P, 0, 1_000);
                s.receive(QUOTA, sent, 5, n);
                s.ask = Some(day(16));
            },
            quiet: &[1_000],
            fires: &[0, 999],
        },
        Case {
            flag: 18,
            what: "fen of the 1,000 that the province owes",
            make: |s, n| {
                s.plan(-2, [1_000, 0, 0]);
                s.issue("Q-2", Source::P, 50, n);
                let sent = s.send("Q-2", Source::P, 50, n);
                s.receive("Q-2", sent, 50, n);
                s.ask = Some(day(88));
            },
            quiet: &[900],
            fires: &[899],
        },
        Case {
            flag: 18,
            what: "days from the plan to the end of the quarter",
            make: |s, n| {
                // 2017-03-31.
                s.plan(88 - n, [1_000, 0, 0]);
                s.ask = Some(day(88));
            },
            quiet: &[89],
            fires: &[90],
        },
        Case {
            flag: 18,
            what: "the quarter is over",
            make: |s, n| {
                s.plan(-2, [1_000, 0, 0]);
                s.ask = Some(day(n));
            },
            quiet: &[87],
            fires: &[88],
        },
        Case {
            flag: 22,
            what: "fen of 1,000 released to a county of half the heads",
            make: |s, n| released(s, n, 7, 1),
            quiet: &[450, 550],
            fires: &[],
        },
        Case {
            flag: 24,
            what: "days since the last payment",
            make: |s, n| {
                project(s);
                s.ask = Some(day(n));
            },
            quiet: &[180],
            fires: &[181],
        },
        Case {
            flag: 24,
            what: "fen of 1,000 that were given to a household",
            make: |s, n| {
                s.house(1, -60, 1);
                let project = project(s);
                let (target, amount) = (Target::Household(code(1)), Fen::new(n));
                s.one(
                    1,
                    BenefitAttributed(Benefit { project, target, amount, village: village() }),
                );
                s.ask = Some(day(181));
            },
            quiet: &[1_000],
            fires: &[999],
        },
    ]);
}

/// So much of 1,000 fen goes to one of two counties that have the same heads, in February.
fn released(s: &mut Story, fen: i64, month: u32, of_month: u32) {
    s.baseline(100, &[("441424", 50), ("441423", 50)]);
    for (county, fen) in [("441424", fen), ("441423", 1_000 - fen)] {
        let (quota, from, to) = (QuotaId::id(QUOTA).unwrap(), unit("4414"), unit(county));
        let amount = Fen::new(fen);
        s.one(40, QuotaReleased { quota, from, to, amount, flows_version: 1 });
    }
    s.ask = Date::of(2017, month, of_month);
}

#[test]
fn a_county_off_its_share_puts_the_other_off_too() {
    let counties = |fen, month, of_month| {
        let mut story = Story::new();
        released(&mut story, fen, month, of_month);
        story.alerts(22).iter().map(|alert| alert.amount_fen).collect::<Vec<_>>()
    };
    assert_eq!(counties(449, 7, 1), [51, 51]);
    assert_eq!(counties(551, 7, 1), [51, 51]);
    // Half of the year is not over.
    assert_eq!(counties(551, 6, 30), [0; 0]);
}

#[test]
fn severity_rises_with_age() {
    let severity = |flag, make: fn(&mut Story), days: i64| {
        let mut story = Story::new();
        make(&mut story);
        story.ask = Some(day(days));
        story.alerts(flag)[0].severity
    };
    let idle: fn(&mut Story) = |s| cash(s, 1_000_000);
    for (days, expected) in [(91, 1), (365, 1), (366, 2), (730, 2), (731, 3)] {
        assert_eq!(severity(7, idle, days), expected, "F07 after {days} days");
    }
    let sent: fn(&mut Story) = |s| {
        s.send(QUOTA, Source::P, 0, 1_000);
    };
    for (days, expected) in [(16, 2), (60, 2), (61, 3)] {
        assert_eq!(severity(9, sent, days), expected, "F09 after {days} days");
    }
}

#[test]
fn when() {
    check(&[
        Case {
            flag: 16,
            what: "the day the money came, paid on day 5",
            make: |s, n| {
                s.house(1, -60, 1);
                s.issue("Q-2", Source::P, 0, 1_000);
                s.pay(Pay { quota: "Q-2", ..pay(1, 5, 100) });
                let sent = s.send("Q-2", Source::P, 0, 100);
                s.receive("Q-2", sent, n, 100);
            },
            quiet: &[5],
            fires: &[6],
        },
        Case {
            flag: 16,
            what: "fen paid of 100 that were there",
            make: |s, n| {
                s.house(1, -60, 1);
                cash(s, 100);
                s.pay(Pay { quota: "Q-2", ..pay(1, 5, n) });
            },
            quiet: &[100],
            fires: &[101],
        },
        Case {
            flag: 16,
            what: "the day the quota was issued, paid on day 5",
            make: |s, n| {
                s.house(1, -60, 1);
                s.issue("Q-2", Source::P, n, 1_000);
                let sent = s.send("Q-2", Source::P, n, 100);
                s.receive("Q-2", sent, 5, 100);
                s.pay(Pay { quota: "Q-2", ..pay(1, 5, 100) });
            },
            quiet: &[5],
            fires: &[6],
        },
        Case {
            flag: 23,
            what: "fen in December after 6,000,000 in November",
            make: |s, n| {
                s.house(1, -60, 9);
                s.pay(pay(1, 310, 6_000_000));
                s.pay(pay(1, 340, n));
            },
            quiet: &[4_000_000],
            fires: &[4_000_001],
        },
        Case {
            flag: 23,
            what: "fen of the year, all in December",
            make: |s, n| {
                s.house(1, -60, 9);
                s.pay(pay(1, 340, n));
            },
            quiet: &[9_999_999],
            fires: &[10_000_000],
        },
    ]);
}

#[test]
fn how_it_was_kept() {
    check(&[
        Case {
            flag: 13,
            what: "prepared and approved by one",
            make: |s, n| {
                s.approved_by = if n == 1 { s.prepared_by } else { "a.two" };
                s.plan(0, [1, 0, 0]);
            },
            quiet: &[0],
            fires: &[1],
        },
        Case {
            flag: 13,
            what: "days since the same one registered the household",
            make: |s, n| {
                s.house(1, 0, 1);
                s.pay(pay(1, n, 1_000));
            },
            quiet: &[31],
            fires: &[0, 30],
        },
        Case {
            flag: 13,
            what: "days since the same one bound the account",
            make: |s, n| {
                s.house(1, -60, 1);
                s.bind(1, 0, 50, "");
                s.pay(Pay { account: 50, ..pay(1, n, 1_000) });
            },
            quiet: &[31],
            fires: &[0, 30],
        },
        Case {
            flag: 13,
            what: "another paid, who is the same person",
            make: |s, n| {
                s.grant("p.one", Role::Registrar, token(900, 1), -90);
                s.grant("p.three", Role::Preparer, token(900, n as u8), -90);
                s.house(1, 0, 1);
                s.prepared_by = "p.three";
                s.pay(pay(1, 10, 1_000));
            },
            quiet: &[2],
            fires: &[1],
        },
        Case {
            flag: 13,
            what: "the same person approves",
            make: |s, n| {
                s.grant("p.one", Role::Preparer, token(900, 1), -90);
                s.grant("a.two", Role::Approver, token(900, n as u8), -90);
            },
            quiet: &[2],
            fires: &[1],
        },
        Case {
            flag: 19,
            what: "heads registered of 100 declared",
            make: |s, n| {
                s.baseline(100, &[]);
                s.house(1, 0, n as u8);
            },
            quiet: &[98, 102],
            fires: &[97, 103],
        },
        Case {
            flag: 19,
            what: "fen planned for 100 heads",
            make: |s, n| {
                s.baseline(100, &[]);
                s.house(1, 0, 100);
                s.plan(1, [n, 0, 0]);
            },
            quiet: &[200_000_000],
            fires: &[200_000_001],
        },
        Case {
            flag: 21,
            what: "fen that the bank has less",
            make: |s, n| {
                let asserted = BalanceAsserted {
                    unit: town(),
                    quota: None,
                    date: day(0),
                    amount: Fen::new(1_000 - n),
                    ledger: Fen::new(1_000),
                    difference: Fen::new(-n),
                };
                s.one(1, Event::from(asserted));
            },
            quiet: &[0],
            fires: &[1, -1],
        },
    ]);
}
