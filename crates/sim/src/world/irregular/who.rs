//! Who was paid: F01, F02, F03, F04, F10, F14, F26, F29.

use super::acts::Pay;
use super::{Case, World};
use crate::date::Day;
use crate::people::{Class, MemberFacts};
use crate::voucher::{SimLine, Value};
use crate::world::State;
use crate::world::desk::Form;

/// The number of somebody who joins a household late: no birth reaches it.
const LATE_NO: u8 = 60;

fn no_of(household: Value, no: u8, more: Vec<(&'static str, Value)>) -> Vec<(&'static str, Value)> {
    [vec![("household", household), ("no", Value::Number(u64::from(no)))], more].concat()
}

/// F01. A member takes the bank account on which one household was paid along into another one.
/// Decoy: the holder of a parent's account receives for a second household as its guardian.
pub(super) fn shared_account(
    world: &mut World,
    case: &mut Case,
    step: u32,
    day: Day,
) -> Option<u32> {
    let (first, other) = (case.household(), case.other());
    let form = Form::default();
    let no = if case.decoy { 1 } else { world.last_member(first) };
    let holder = world.member_token(first, no);
    let fen = case.small(world);
    let account = case.account;
    match step {
        0 if case.decoy => case.account = Some(world.household(first).account),
        0 => {
            let account = world.new_account();
            case.account = Some(account);
            let line = world.bind_second(first, account, holder);
            world.registry(case, first, vec![line], day, &form);
        }
        1 => {
            world.fund_and_pay(case, Pay { account, ..Pay::to(first, fen) }, day);
            case.fen += fen;
        }
        2 => {
            let account = account?;
            let mut lines = Vec::new();
            if !case.decoy {
                world.gone(first, no);
                lines.push(moved(world, case, no));
            }
            let mut bound = world.bind_second(other, account, holder);
            if case.decoy {
                bound.fields.insert(4, ("guardian_reason", Value::Word("子女代管老人账户")));
            }
            lines.push(bound);
            world.registry(case, first, lines, day, &form);
        }
        _ => {
            world.fund_and_pay(case, Pay { account, ..Pay::to(other, fen) }, day);
            case.fen += fen;
            case.tell(
                account?,
                [
                    "two households paid on one member's account",
                    "a guardian receives for a second household",
                ],
            );
            return None;
        }
    }
    Some(20)
}

fn moved(world: &World, case: &Case, no: u8) -> SimLine {
    SimLine::new(
        "MemberMoved",
        vec![
            ("from", Value::Household(world.code(case.household()))),
            ("no", Value::Number(u64::from(no))),
            ("to", Value::Household(world.code(case.other()))),
            ("new_no", Value::Number(u64::from(LATE_NO))),
        ],
    )
}

/// F02. A housing subsidy is paid, then an exit is posted that lies 31 days before. Decoy: the exit lies
/// within the days of grace.
pub(super) fn paid_after_exit(world: &mut World, case: &mut Case, _: u32, day: Day) -> Option<u32> {
    let household = case.household();
    let fen = case.small(world);
    let till = world.town_of(household);
    let county = world.fund_special(case, till, fen, day);
    let pay = Pay { purpose: "S01", ..Pay::to(household, fen) };
    world.pay_once(case, county, pay, day);
    let before = if case.decoy { 20 } else { 31 };
    let effective = Some(Day::from_days(day.days() - before));
    let fields =
        vec![("household", Value::Household(world.code(household))), ("year", Value::Number(2018))];
    let exit = SimLine::new("HouseholdExited", fields);
    world.registry(case, household, vec![exit], day, &Form { effective, ..Form::default() });
    world.household_mut(household).state = State::Exited;
    case.fen = fen;
    case.tell(
        world.code(household),
        [
            "housing subsidy more than 30 days after an exit that was posted late",
            "last instalment of what was promised before the exit",
        ],
    );
    None
}

/// F03. A household that was paid for two years is removed and pays nothing back. Decoy: the removal
/// was wrong and is taken back.
pub(super) fn paid_not_entitled(
    world: &mut World,
    case: &mut Case,
    step: u32,
    day: Day,
) -> Option<u32> {
    let household = case.household();
    let code = world.code(household);
    let (kind, reason) = match step {
        0 => ("HouseholdRemoved", "经核查，不符合纳入条件，予以清退"),
        _ => ("HouseholdReinstated", "复核认定清退有误，予以重新纳入"),
    };
    let fields = vec![("household", Value::Household(code)), ("reason", Value::Word(reason))];
    world.registry(case, household, vec![SimLine::new(kind, fields)], day, &Form::default());
    let row = world.household_mut(household);
    row.state = if step == 0 { State::Dissolved } else { State::Registered };
    case.fen = row.drawn;
    case.tell(
        code,
        ["removed as never entitled, nothing repaid", "removed in error and reinstated"],
    );
    (case.decoy && step == 0).then_some(20)
}

/// F04. A payment names a member who had died ten days before, as is learned later. Decoy: the member
/// dies on the day of payment, reported late.
pub(super) fn paid_after_death(
    world: &mut World,
    case: &mut Case,
    step: u32,
    day: Day,
) -> Option<u32> {
    let household = case.household();
    let no = world.last_member(household);
    if step == 0 {
        case.fen = case.small(world);
        let pay = Pay { member: Some(no), ..Pay::to(household, case.fen) };
        world.fund_and_pay(case, pay, day);
        return Some(20);
    }
    let days = if case.decoy { 20 } else { 30 };
    let died = Value::Date(Day::from_days(day.days() - days));
    let code = world.code(household);
    let fields = no_of(Value::Household(code), no, vec![("died", died)]);
    let line = SimLine::new("MemberDied", fields);
    world.registry(case, household, vec![line], day, &Form::default());
    world.gone(household, no);
    case.tell(
        code,
        [
            "names a member who had died ten days before",
            "names a member who died that day, reported late",
        ],
    );
    None
}

/// F10. A new account is bound five days before a payment on it. Decoy: a lost card, twenty days before.
pub(super) fn account_changed(
    world: &mut World,
    case: &mut Case,
    step: u32,
    day: Day,
) -> Option<u32> {
    let household = case.household();
    if step == 0 {
        let account = world.new_account();
        case.account = Some(account);
        let line = world.bind_second(household, account, world.member_token(household, 1));
        world.registry(case, household, vec![line], day, &Form::default());
        return Some(if case.decoy { 20 } else { 5 });
    }
    case.fen = case.small(world);
    let pay = Pay { account: case.account, ..Pay::to(household, case.fen) };
    world.fund_and_pay(case, pay, day);
    case.tell(
        world.code(household),
        [
            "paid on an account that was bound five days before",
            "new card after a loss, bound well before the payment",
        ],
    );
    None
}

/// F14. Somebody is entered in one household and, dated back, in another; both are paid for this
/// person. Decoy: a move between households that is posted late.
pub(super) fn duplicate_person(
    world: &mut World,
    case: &mut Case,
    step: u32,
    day: Day,
) -> Option<u32> {
    let (first, other) = (case.household(), case.other());
    let back = Some(Day::from_days(day.days() - 20));
    let late = Form { effective: back, ..Form::default() };
    if case.decoy {
        let no = world.last_member(first);
        let person = world.member_token(first, no);
        let line = moved(world, case, no);
        world.registry(case, first, vec![line], day, &late);
        world.gone(first, no);
        case.tell(person, ["", "a move between households, posted late"]);
        return None;
    }
    match step {
        0 => {
            let person = world.new_person();
            case.account = Some(person);
            let line = added(world, first, person);
            world.registry(case, first, vec![line], day, &Form::default());
            let line = added(world, other, person);
            world.registry(case, other, vec![line], day, &late);
            Some(10)
        }
        1 => {
            case.fen = case.small(world) * 2;
            let pay = Pay { member: Some(LATE_NO), ..Pay::to(first, case.fen / 2) };
            world.fund_and_pay(case, pay, day);
            Some(5)
        }
        _ => {
            let pay = Pay { member: Some(LATE_NO), ..Pay::to(other, case.fen / 2) };
            world.fund_and_pay(case, pay, day);
            case.tell(case.account?, ["active and paid in two households at once", ""]);
            None
        }
    }
}

fn added(world: &World, household: u32, person: crate::Token) -> SimLine {
    let facts = MemberFacts {
        birth_year: 1962,
        female: false,
        ability: "none",
        student: false,
        insured: true,
    };
    let mut member = world.plan.member_value(LATE_NO, 0, &facts, Class::General);
    if let Value::Object(fields) = &mut member {
        for field in fields.iter_mut().filter(|field| field.0 == "person") {
            field.1 = Value::Token(person);
        }
    }
    SimLine::new(
        "MemberAdded",
        vec![
            ("household", Value::Household(world.code(household))),
            ("member", member),
            ("reason", Value::Word("omitted")),
        ],
    )
}

/// F26. The holder of an account leaves the household, then it is paid on it. Decoy: paid while the
/// holder still lived there.
pub(super) fn holder_not_in_household(
    world: &mut World,
    case: &mut Case,
    step: u32,
    day: Day,
) -> Option<u32> {
    let household = case.household();
    let (no, code) = (world.last_member(household), world.code(household));
    if step == 0 {
        let account = world.new_account();
        case.account = Some(account);
        let line = world.bind_second(household, account, world.member_token(household, no));
        world.registry(case, household, vec![line], day, &Form::default());
    } else if (step == 1) == case.decoy {
        case.fen = case.small(world);
        let pay = Pay { account: case.account, ..Pay::to(household, case.fen) };
        world.fund_and_pay(case, pay, day);
    } else {
        let fields = no_of(Value::Household(code), no, vec![("reason", Value::Word("moved"))]);
        let line = SimLine::new("MemberLeft", fields);
        world.registry(case, household, vec![line], day, &Form::default());
        world.gone(household, no);
    }
    case.tell(
        code,
        ["paid on the account of somebody who had left", "the holder left after the payment"],
    );
    (step < 2).then_some(20)
}

/// F29. An official of the town is a member of a household that it pays. Decoy: an official of another
/// town of the county.
pub(super) fn official_among_payees(
    world: &mut World,
    case: &mut Case,
    step: u32,
    day: Day,
) -> Option<u32> {
    let household = case.household();
    if step == 0 {
        let village = world.household(household).village;
        let own = world.plan.villages()[village as usize].town;
        let county = world.plan.towns()[own as usize].county;
        let towns = world.plan.counties()[county as usize].towns.clone();
        let other = towns.clone().find(|&town| town != own).unwrap_or(own);
        let org = world.town_orgs[if case.decoy { other } else { own } as usize];
        let side = if case.decoy { "n" } else { "k" };
        case.official = format!("{side}.tg{}-{}", world.desk.unit(org), case.index).into();
        let official = case.official.clone();
        let person = world.member_token(household, 1);
        world.grant(case, org, &official, "preparer", Some(person), day);
        return Some(20);
    }
    case.fen = case.small(world);
    world.fund_and_pay(case, Pay::to(household, case.fen), day);
    case.tell(
        case.official.clone(),
        [
            "an official of the town is a member of the paid household",
            "a household of an official of another town",
        ],
    );
    None
}
