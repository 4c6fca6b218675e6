//! How much: F05, F08, F12, F15, F28.

use super::acts::Pay;
use super::{Case, World};
use crate::date::Day;
use crate::world::Part;
use crate::world::desk::Form;
use crate::world::funds::PER_HEAD_FEN;

/// Amounts below the approval threshold of 50,000 yuan that pass it together.
const PARTS: [i64; 2] = [3_000_000, 2_800_000];
/// What every head of an outlier village gets beside the rest, in fen: four times a year's share; and of
/// its decoy, one.
const OUTLIER_FEN: [i64; 2] = [2_000_000, 500_000];
/// Own money beside a plan that stays below the review line, in percent of the line.
const BESIDE: i64 = 30;

/// F05. Two payments below the threshold within three days. Decoy: eight days apart.
pub(super) fn split_below_threshold(
    world: &mut World,
    case: &mut Case,
    step: u32,
    day: Day,
) -> Option<u32> {
    let household = case.household();
    let fen = PARTS[step.min(1) as usize];
    let till = world.fund_and_pay(case, Pay::to(household, fen), day);
    case.fen += fen;
    let subject = format!("{}/{}", till.unit, world.code(household));
    case.tell(
        subject,
        ["one sum paid in two parts below the threshold", "two sums that fall due in two weeks"],
    );
    (step == 0).then_some(if case.decoy { 8 } else { 3 })
}

/// F08. A household whose plan was written for more heads than it has: [`World::watch_lines`] made it so;
/// here it is only told. Decoy: a helping unit gives of its own, which does not count.
pub(super) fn above_review_line(
    world: &mut World,
    case: &mut Case,
    step: u32,
    day: Day,
) -> Option<u32> {
    let household = case.household();
    let code = world.code(household);
    let line = i64::from(world.household(household).size) * PER_HEAD_FEN;
    if case.decoy {
        case.fen = line * BESIDE / 100;
        world.fund_and_pay(case, Pay::to(household, case.fen), day);
    } else if step == 0 {
        // After the last round.
        return Some(Day::of(2018, 12, 1).days() - day.days());
    } else {
        case.fen = world.household(household).drawn - line;
    }
    case.tell(
        code,
        ["paid by a plan for more heads than it has", "a helping unit's own money beside its plan"],
    );
    None
}

impl World {
    /// The plans of F08's households count half as many heads again.
    pub(in crate::world) fn watch_lines(&mut self) {
        let cases = self.irregular.cases.iter().enumerate();
        let of_flag = cases.filter(|(_, case)| case.flag == 8 && !case.decoy);
        let households: Vec<_> = of_flag.map(|(i, case)| (i, case.household())).collect();
        for (number, household) in households {
            let row = self.household_mut(household);
            row.heads = row.size + row.size.div_ceil(2);
            row.part = Part::Watched(number as u32);
        }
    }

    /// Notes the vouchers that paid a watched household.
    pub(in crate::world) fn watched(&mut self, number: u32, key: std::sync::Arc<str>) {
        if let Some(case) = self.irregular.cases.get_mut(number as usize) {
            case.keys.push(key);
        }
    }
}

/// F12. Paid, returned by the bank, paid, returned, paid. Decoy: one wrong number only.
pub(super) fn refund_repay_cycle(
    world: &mut World,
    case: &mut Case,
    step: u32,
    day: Day,
) -> Option<u32> {
    let household = case.household();
    let till = world.town_of(household);
    if step == 0 {
        case.fen = case.small(world);
        world.fund(case, till, case.fen, day);
    }
    if step.is_multiple_of(2) {
        world.pay_once(case, till, Pay::to(household, case.fen), day);
    } else {
        world.return_paid(case, till, case.fen, day);
    }
    let subject = format!("{}/{}", till.unit, world.code(household));
    case.tell(subject, ["paid and sent back twice before it stayed", "a wrong bank number, once"]);
    let last = if case.decoy { 2 } else { 4 };
    (step < last).then_some(6)
}

/// F15. A village gets four times a year's money of its county. Decoy: twice as much.
pub(super) fn village_outlier(world: &mut World, case: &mut Case, _: u32, day: Day) -> Option<u32> {
    let village = case.place;
    let unit = world.village_unit(village);
    let per_head = OUTLIER_FEN[usize::from(case.decoy)];
    let town = world.town_till(village);
    let heads = |h: u32| i64::from(world.household(h).active.count_ones());
    let pays: Vec<Pay> =
        world.payable(village).into_iter().map(|h| Pay::to(h, heads(h) * per_head)).collect();
    case.fen = pays.iter().map(|pay| pay.fen).sum();
    world.fund(case, town, case.fen, day);
    world.pay_case(case, town, &pays, day, &Form::default());
    case.tell(
        format!("{unit}/{}", day.month().year),
        ["four times the money of its neighbours", "a village-wide project booked in one year"],
    );
    None
}

/// F28. The same sum again after two days. Decoy: after five.
pub(super) fn possible_duplicate(
    world: &mut World,
    case: &mut Case,
    step: u32,
    day: Day,
) -> Option<u32> {
    let household = case.household();
    let fen = case.small(world);
    world.fund_and_pay(case, Pay::to(household, fen), day);
    case.fen = fen;
    case.tell(
        world.code(household),
        ["the same sum for the same purpose after two days", "two equal subsidies five days apart"],
    );
    (step == 0).then_some(if case.decoy { 5 } else { 2 })
}
