//! When: F06, F16, F23, F25.

use super::acts::{Pay, record};
use super::{Case, World};
use crate::date::Day;
use crate::world::desk::Form;

const THOUSAND_YUAN: u32 = 100_000;
/// Payments of a burst, and of its decoy: F06 counts from 10.
const BURST: [usize; 2] = [12, 8];
/// Sums of a rush: five make 107,500 yuan, each below half of the approval threshold.
const RUSH_FEN: i64 = 2_150_000;

/// F06. A dozen payments of whole thousands in the last days of a quarter. Decoy: eight standard
/// subsidies that fall due then.
pub(super) fn round_burst(world: &mut World, case: &mut Case, _: u32, day: Day) -> Option<u32> {
    let till = world.village_till(case.place);
    let payees = world.payable(case.place);
    let n = payees.len().max(1);
    // Whoever comes twice gets another sum, so that it is no duplicate.
    let pays: Vec<Pay> = (0..BURST[usize::from(case.decoy)])
        .filter_map(|i| {
            Some(Pay::to(*payees.get(i % n)?, ((i / n + 1) as u32 * THOUSAND_YUAN).into()))
        })
        .collect();
    case.fen = pays.iter().map(|pay| pay.fen).sum();
    world.fund(case, till, case.fen, day);
    world.pay_case(case, till, &pays, day, &Form::default());
    case.tell(
        format!("{}/2018Q1", till.unit),
        [
            "whole thousands in the last days of the quarter",
            "a standard subsidy due at the end of the quarter",
        ],
    );
    None
}

/// F16. A payment is dated ten days before its quota and money came. Decoy: on the same day.
pub(super) fn paid_before_money(
    world: &mut World,
    case: &mut Case,
    _: u32,
    day: Day,
) -> Option<u32> {
    let household = case.household();
    let till = world.town_of(household);
    case.fen = case.small(world);
    world.fund(case, till, case.fen, day);
    let effective = (!case.decoy).then(|| Day::from_days(day.days() - 10));
    let form = Form { effective, ..Form::default() };
    world.pay_case(case, till, &[Pay::to(household, case.fen)], day, &form);
    case.tell(
        format!("{}/{}", till.unit, case.quota),
        ["dated ten days before quota and money came", "paid on the day on which the money came"],
    );
    None
}

/// F23. A village pays the whole year's money in December. Decoy: four fifths of it in autumn.
pub(super) fn year_end_rush(
    world: &mut World,
    case: &mut Case,
    step: u32,
    day: Day,
) -> Option<u32> {
    let till = world.village_till(case.place);
    let payees = world.payable(case.place);
    let n = payees.len().max(1);
    let all = if case.decoy && step == 0 {
        0..4
    } else if case.decoy {
        4..5
    } else {
        0..5
    };
    let pays: Vec<Pay> = all
        .filter_map(|i| {
            Some(Pay::to(*payees.get(i % n)?, RUSH_FEN - i64::from((i / n) as u32) * 100))
        })
        .collect();
    let fen = pays.iter().map(|pay| pay.fen).sum();
    world.fund(case, till, fen, day);
    world.pay_case(case, till, &pays, day, &Form::default());
    case.fen += fen;
    case.tell(
        format!("{}/2017", till.unit),
        ["a whole year's money spent in December", "most of the year's money spent in autumn"],
    );
    (case.decoy && step == 0).then_some(45)
}

/// F25. A payment dated back forty days, by exception. Decoy: thirty days, as rules allow.
pub(super) fn backdated(world: &mut World, case: &mut Case, step: u32, day: Day) -> Option<u32> {
    let household = case.household();
    let till = world.town_of(household);
    if step == 0 {
        case.fen = case.small(world);
        world.fund(case, till, case.fen, day);
        return Some(45);
    }
    // A voucher of the day comes before it, so that the ledger's day is not an earlier one.
    let quota = case.quota.clone();
    world.fund_and_pay(case, Pay::to(household, THOUSAND_YUAN.into()), day);
    case.quota = quota;
    let mut form = Form::default();
    let mut days = 30;
    if !case.decoy {
        form = world.exception(case, till, "银行回单遗失，按补打凭证补记", day);
        days = 40;
    }
    form.effective = Some(Day::from_days(day.days() - days));
    world.pay_case(case, till, &[Pay::to(household, case.fen)], day, &form);
    let record = record(&case.reference);
    case.also = (!case.decoy).then(|| (20, record.clone()));
    case.tell(record, ["dated back forty days by exception", "a bank slip that came a month late"]);
    None
}
