//! How it was kept: F11, F13, F17, F19, F20, F21.

use super::acts::{Pay, record};
use super::{Case, World};
use crate::date::Day;
use crate::voucher::{SimLine, Value};
use crate::world::desk::{Form, Org};

/// What lies in a village account while the bank is asked: below F07's 10,000 yuan.
const ASSERTED_FEN: i64 = 900_000;
const MISSING_FEN: i64 = 50_000;
/// How far a declared head count is raised, in percent.
const RAISED: [u64; 2] = [5, 1];

/// F11. Office costs are paid by exception. Decoy: a purpose typed wrongly, reversed within days.
pub(super) fn outside_purpose(
    world: &mut World,
    case: &mut Case,
    step: u32,
    day: Day,
) -> Option<u32> {
    let household = case.household();
    let till = world.town_of(household);
    if step == 1 {
        // The reversed payment's money is paid rightly.
        let why = ("purpose", "用途录入错误，按审批单更正");
        world.reverse_paid(case, till, why, case.fen, day);
        world.pay_once(case, till, Pay::to(household, case.fen), day);
        return None;
    }
    case.fen = case.small(world);
    world.fund(case, till, case.fen, day);
    let mut pay = Pay::to(household, case.fen);
    let mut form = Form::default();
    if !case.decoy {
        pay.purpose = "N01";
        form = world.exception(case, till, "镇里办公费用暂由帮扶资金垫付", day);
    }
    world.pay_case(case, till, &[pay], day, &form);
    let record = record(&case.reference);
    case.also = (!case.decoy).then(|| (20, record.clone()));
    case.tell(
        record,
        ["office costs paid by exception", "a wrong purpose, reversed before any month was closed"],
    );
    case.decoy.then_some(3)
}

/// F13. One person under two staff numbers binds an account and prepares a payment on it twenty days
/// later. Decoy: 45 days later.
pub(super) fn one_hand(world: &mut World, case: &mut Case, step: u32, day: Day) -> Option<u32> {
    let household = case.household();
    let till = world.town_of(household);
    let side = if case.decoy { "d" } else { "c" };
    if step == 0 {
        let office = world.county_offices[till.county as usize];
        let person = Some(world.new_person());
        let number = format!("{side}{}", case.index);
        let registrar = format!("r.po{}-{number}", world.desk.unit(office)).into();
        case.official = format!("r.tg{}-{number}", till.unit).into();
        let preparer = case.official.clone();
        world.grant(case, office, &registrar, "registrar", person, day);
        world.grant(case, till.org, &preparer, "preparer", person, day);
        let account = world.new_account();
        case.account = Some(account);
        let line = world.bind_second(household, account, world.member_token(household, 1));
        let form = Form { preparer: Some(registrar), ..Form::default() };
        world.registry(case, household, vec![line], day, &form);
        return Some(if case.decoy { 45 } else { 20 });
    }
    case.fen = case.small(world);
    world.fund(case, till, case.fen, day);
    let pay = Pay { account: case.account, ..Pay::to(household, case.fen) };
    let form = Form { preparer: Some(case.official.clone()), ..Form::default() };
    world.pay_case(case, till, &[pay], day, &form);
    case.tell(
        case.official.clone(),
        [
            "bound the account and prepared the payment on it",
            "prepared a payment long after binding the account",
        ],
    );
    None
}

/// F17. A payment is reversed after its month was closed. Decoy: before.
pub(super) fn reversed_after_close(
    world: &mut World,
    case: &mut Case,
    step: u32,
    day: Day,
) -> Option<u32> {
    let till = world.village_till(case.place);
    if step == 0 {
        let household = *world.payable(case.place).first()?;
        case.households = vec![household];
        case.fen = case.small(world);
        world.fund(case, till, case.fen, day);
        world.pay_once(case, till, Pay::to(household, case.fen), day);
        return Some(Day::of(2018, 3, 12).days() - day.days());
    }
    let paid = case.reference.clone();
    if !case.decoy {
        world.close_months(case, till, Day::of(2018, 2, 1).month(), day);
    }
    case.reference = paid;
    let why = ("amount", "数据迁移后清理，按原始凭证更正");
    world.reverse_paid(case, till, why, case.fen, day);
    world.pay_once(case, till, Pay::to(case.household(), case.fen), day);
    case.tell(
        format!("{}/2018Q1", till.unit),
        [
            "reversed after its month was closed",
            "reversed and paid again before its month was closed",
        ],
    );
    None
}

/// F19. A county's declared heads are raised above its register. Decoy: by little.
pub(super) fn baseline_drift(world: &mut World, case: &mut Case, _: u32, day: Day) -> Option<u32> {
    let number = case.place;
    let city_no = world.plan.counties()[number as usize].city;
    let city = world.plan.cities()[city_no as usize].clone();
    let counties = city.counties.clone();
    let plan = &world.plan;
    let first =
        || counties.clone().map(|c| u64::from(plan.counties()[c as usize].people)).collect();
    let (version, heads) = world.irregular.baselines.entry(city_no).or_insert_with(|| (1, first()));
    let own = &mut heads[(number - counties.start) as usize];
    let more = *own * RAISED[usize::from(case.decoy)] / 100 + 1;
    *own += more;
    *version += 1;
    let (version, heads) = (*version, heads.clone());
    let rows = counties.clone().zip(&heads).map(|(c, &heads)| {
        let unit = Value::Unit(world.plan.counties()[c as usize].unit);
        Value::Object(vec![("unit", unit), ("heads", Value::Number(heads))])
    });
    let fields = vec![
        ("version", Value::Number(version)),
        ("home_city", Value::Unit(city.unit)),
        ("heads", Value::Number(heads.iter().sum())),
        ("as_of", Value::Date(day)),
        ("counties", Value::List(rows.collect())),
    ];
    let line = SimLine::new("BaselineSet", fields);
    let posted = world.desk.post(Org::PO44, day, vec![line]);
    case.keys.extend_from_slice(posted.keys());
    case.tell(
        world.plan.counties()[number as usize].unit,
        [
            "declared heads raised without a register",
            "an adjustment of the register that is not approved yet",
        ],
    );
    None
}

/// F20. A payment by exception without need. Decoy: an emergency, told in the reason.
pub(super) fn exception_posted(
    world: &mut World,
    case: &mut Case,
    _: u32,
    day: Day,
) -> Option<u32> {
    let household = case.household();
    let till = world.town_of(household);
    case.fen = case.small(world);
    world.fund(case, till, case.fen, day);
    let reason = if case.decoy {
        "台风受灾，灾后三日内先行发放，手续随后补齐"
    } else {
        "领导要求当日支付，未说明理由"
    };
    let form = world.exception(case, till, reason, day);
    world.pay_case(case, till, &[Pay::to(household, case.fen)], day, &form);
    case.tell(
        record(&case.reference),
        ["an exception without a reason that counts", "an emergency, explained"],
    );
    None
}

/// F21. The bank has less than the books. Decoy: it agrees.
pub(super) fn bank_differs(world: &mut World, case: &mut Case, step: u32, day: Day) -> Option<u32> {
    let till = world.village_till(case.place);
    if step == 0 {
        world.fund(case, till, ASSERTED_FEN, day);
        return Some(10);
    }
    let missing = if case.decoy { 0 } else { MISSING_FEN };
    let fields = vec![
        ("unit", Value::Unit(till.unit)),
        ("quota", Value::Name(case.quota.clone())),
        ("date", Value::Date(day)),
        ("amount", Value::Fen(ASSERTED_FEN - missing)),
    ];
    let line = SimLine::new("BalanceAsserted", fields);
    let posted = world.desk.post(till.org, day, vec![line]);
    case.keys.extend_from_slice(posted.keys());
    if let Some(&household) = world.payable(case.place).first() {
        world.pay_once(case, till, Pay::to(household, ASSERTED_FEN), day);
    }
    case.fen = MISSING_FEN;
    case.tell(till.unit, ["the bank has less than the books", "the bank agrees with the books"]);
    None
}
