//! Where money stopped: F07, F09, F18, F22, F24, F27.

use super::acts::{Pay, TO_PROJECT, Till, record};
use super::{Case, World};
use crate::date::Day;
use crate::voucher::{SimLine, Value};
use crate::world::desk::Form;

/// Idle money, and retention money below F07's 10,000 yuan.
const IDLE_FEN: [i64; 2] = [2_000_000, 900_000];
/// A project of a helping unit, of which a third reaches the village.
const PROJECT_FEN: i64 = 3_000_000;
const ATTRIBUTED_FEN: i64 = 1_000_000;
const INCOME_FEN: i64 = 800_000;
const SHARED_OUT_FEN: i64 = 300_000;

/// F07. Money lies in a village for months. Decoy: so little that it is retention money.
pub(super) fn idle_funds(world: &mut World, case: &mut Case, _: u32, day: Day) -> Option<u32> {
    let till = world.village_till(case.place);
    case.fen = IDLE_FEN[usize::from(case.decoy)];
    world.fund(case, till, case.fen, day);
    case.tell(
        format!("{}/{}", till.unit, case.quota),
        ["lies in the village account unspent", "retention money until a project is accepted"],
    );
    None
}

/// F09. Money is sent and never arrives. Decoy: the receiver posts it a month late.
pub(super) fn sent_not_received(
    world: &mut World,
    case: &mut Case,
    step: u32,
    day: Day,
) -> Option<u32> {
    let household = case.household();
    let till = world.town_of(household);
    if step == 0 {
        case.fen = case.small(world);
        world.send_own(case, till, case.fen, day);
        case.tell(
            record(&case.reference),
            ["sent by the helping unit, never received", "received a month late"],
        );
        return case.decoy.then_some(30);
    }
    world.arrive(case, till, case.fen, day);
    world.pay_once(case, till, Pay::to(household, case.fen), day);
    None
}

/// F18. The way of a tranche's share began late: [`super::Late`]; here it is only told. Decoy: late in
/// spring, before its 90 days were over.
pub(super) fn source_short(world: &mut World, case: &mut Case, _: u32, _: Day) -> Option<u32> {
    let late = world.irregular.late.get(case.place as usize).copied()?;
    let source = ["P", "H", "L"][late.source];
    let home = world.plan.cities()[late.city as usize].unit;
    let year = late.first.month().year;
    case.tell(
        format!("{source}/{home}/{year}Q2"),
        ["withheld until the second half of the year", "budget adopted in spring"],
    );
    None
}

/// F22. A county's share of a year's releases was off: [`super::Shift`]; here it is only told. Decoy: by
/// less than counts.
pub(super) fn county_share_off(world: &mut World, case: &mut Case, _: u32, _: Day) -> Option<u32> {
    let county = &world.plan.counties()[case.place as usize];
    let home = world.plan.cities()[county.city as usize].unit;
    let year = 2017 + u32::from(case.decoy);
    case.tell(
        format!("{home}/{}/{year}", county.unit),
        [
            "released to the county far from its share of heads",
            "released to the county by projects, near its share of heads",
        ],
    );
    None
}

impl World {
    /// Registers a project of a town, with the household as its only shareholder.
    fn register_project(&mut self, case: &mut Case, till: Till, day: Day) -> Value {
        let household = case.household();
        let county = self.plan.counties()[till.county as usize].unit;
        let serial = self.irregular.serials.entry((county, 'p')).or_default();
        *serial += 1;
        let id = format!("P{county}-{serial:05}");
        let operator = self.new_account();
        let code = Value::Household(self.code(household));
        let share = Value::Object(vec![("household", code), ("shares", Value::Number(100))]);
        let fields = vec![
            ("project", Value::Text(id.clone())),
            ("unit", Value::Unit(till.unit)),
            ("purpose", Value::Word(TO_PROJECT)),
            ("planned", Value::Fen(PROJECT_FEN)),
            ("operator", Value::Token(operator)),
            ("shares", Value::List(vec![share])),
        ];
        let line = SimLine::new("ProjectRegistered", fields);
        self.registry(case, household, vec![line], day, &Form::default());
        Value::Text(id)
    }

    fn project_line(&mut self, case: &mut Case, till: Till, line: SimLine, day: Day) {
        let posted = self.desk.post(till.org, day, vec![line]);
        case.keys.extend_from_slice(posted.keys());
    }

    fn pay_project(&mut self, case: &mut Case, till: Till, project: &Value, day: Day) {
        self.fund(case, till, PROJECT_FEN, day);
        let bank_ref = self.desk.bank_ref(day);
        let fields = vec![
            ("quota", Value::Name(case.quota.clone())),
            ("unit", Value::Unit(till.unit)),
            ("project", project.clone()),
            ("purpose", Value::Word(TO_PROJECT)),
            ("bank_ref", Value::BankRef(bank_ref)),
            ("amount", Value::Fen(PROJECT_FEN)),
        ];
        let row = crate::world::funds::bank_out(bank_ref, till.unit, PROJECT_FEN);
        let line = SimLine::new("DisbursedToProject", fields).with_bank(row);
        self.project_line(case, till, line, day);
    }
}

/// F24. A project is paid, a third of it reaches the village and nobody the rest. Decoy: acceptance
/// pends since autumn.
pub(super) fn unattributed(world: &mut World, case: &mut Case, _: u32, day: Day) -> Option<u32> {
    let till = world.town_of(case.household());
    let project = world.register_project(case, till, day);
    world.pay_project(case, till, &project, day);
    // To the village, so that no household's receipts change.
    let village = world.village_unit(world.household(case.household()).village);
    let fields = vec![
        ("project", project.clone()),
        ("village", Value::Area(village)),
        ("amount", Value::Fen(ATTRIBUTED_FEN)),
    ];
    world.project_line(case, till, SimLine::new("BenefitAttributed", fields), day);
    case.fen = PROJECT_FEN - ATTRIBUTED_FEN;
    let Value::Text(id) = project else { return None };
    case.tell(id, ["two thirds of a project reached nobody", "acceptance of a project pends"]);
    None
}

/// F27. An asset's income is declared and most of it kept. Decoy: all of it is shared out, late.
pub(super) fn income_not_paid(
    world: &mut World,
    case: &mut Case,
    step: u32,
    day: Day,
) -> Option<u32> {
    let household = case.household();
    let till = world.town_of(household);
    if step == 0 {
        let project = world.register_project(case, till, day);
        let month = day.month();
        let fields = vec![
            ("project", project.clone()),
            ("period", Value::Text(month.to_string())),
            ("amount", Value::Fen(INCOME_FEN)),
        ];
        world.project_line(case, till, SimLine::new("IncomeDeclared", fields), day);
        let Value::Text(id) = project else { return None };
        case.tell(id, ["income declared and not shared out", "income shared out late"]);
        return Some(60);
    }
    let out = if case.decoy { INCOME_FEN } else { SHARED_OUT_FEN };
    let fields = vec![
        ("project", Value::Text(case.subject.clone())),
        ("household", Value::Household(world.code(household))),
        ("account", Value::Token(world.household(household).account)),
        ("amount", Value::Fen(out)),
    ];
    world.project_line(case, till, SimLine::new("IncomeDistributed", fields), day);
    case.fen = INCOME_FEN - SHARED_OUT_FEN;
    None
}
