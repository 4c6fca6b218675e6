//! Helper city account 帮扶市账: owed, given, sent, received, spent by home city and tranche; what its money
//! was used for; whom it reached.
//!
//! Always: found by the quota alone, down to the household; of a project the use ends at the project.

use std::collections::{BTreeMap, BTreeSet};

use ledger::event::Event;
use ledger::event::money::Refund;
use ledger::ids::{HouseholdCode, Purpose, QuotaId, Source, Unit};
use ledger::kind::Kind as RecordKind;

use super::book::{each_line, reversed};
use super::table::{Cell, Kind, Table};
use super::{Given, ReportError};
use crate::balance::as_helper;
use crate::drift::{Drift, add};

const COLUMNS: [(&str, Kind); 18] = [
    ("part", Kind::Word),
    ("home_city", Kind::Text),
    ("name", Kind::Text),
    ("year", Kind::Text),
    ("tranche", Kind::Text),
    ("purpose", Kind::Text),
    ("owed", Kind::Fen),
    ("allocated", Kind::Fen),
    ("outstanding", Kind::Fen),
    ("sent", Kind::Fen),
    ("unsent", Kind::Fen),
    ("received", Kind::Fen),
    ("in_transit", Kind::Fen),
    ("returned_up", Kind::Fen),
    ("spent", Kind::Fen),
    ("refunded", Kind::Fen),
    ("villages", Kind::Count),
    ("households", Kind::Count),
];

const ACCOUNT: [&str; 10] = [
    "owed",
    "allocated",
    "outstanding",
    "sent",
    "unsent",
    "received",
    "in_transit",
    "returned_up",
    "spent",
    "refunded",
];

const USES: [RecordKind; 5] = [
    RecordKind::DisbursedToHousehold,
    RecordKind::DisbursedToProject,
    RecordKind::PaymentReturned,
    RecordKind::OverpaymentRepaid,
    RecordKind::ProjectSurplusReturned,
];

/// What one purpose of one home city got.
#[derive(Default)]
struct Use {
    spent: i64,
    refunded: i64,
    /// Net by household, with the village at payment.
    households: BTreeMap<(HouseholdCode, Unit), i64>,
}

type Uses = BTreeMap<(Unit, Purpose), Use>;

pub(super) fn table(given: &Given<'_>, helper: Unit) -> Result<Table, ReportError> {
    let mut table = Table::new(&COLUMNS);
    let balance = as_helper(given.views, helper)?;
    for row in balance.iter().flat_map(|balance| &balance.rows) {
        let key = |name: &str| {
            let part = row.key.iter().find(|(found, _)| *found == name);
            part.map_or_else(String::new, |(_, value)| value.clone())
        };
        let field = |name: &&str| {
            let found = row.fields.iter().find(|(found, _)| found == name);
            Cell::from(found.map(|(_, fen)| *fen))
        };
        let home = Unit::parse(&key("home_city"));
        let name = home.map_or_else(String::new, |home| given.name(home));
        let mut cells: Vec<Cell> = vec!["account".into(), key("home_city").into(), name.into()];
        cells.extend([key("year").into(), key("tranche").into(), Cell::Nothing]);
        cells.extend(ACCOUNT.iter().map(field));
        cells.extend([Cell::Nothing, Cell::Nothing]);
        table.push(cells);
    }
    // Totals are those of the account; the uses say the same money once more.
    table.sum_up(&[])?;
    let uses = uses(given, helper)?;
    let all = reached(uses.values());
    for ((home, purpose), used) in &uses {
        let one = reached([used].into_iter());
        let mut cells: Vec<Cell> = vec!["use".into(), (*home).into(), given.name(*home).into()];
        cells.extend([Cell::Nothing, Cell::Nothing, purpose.as_str().into()]);
        cells.extend(std::iter::repeat_n(Cell::Nothing, ACCOUNT.len().saturating_sub(2)));
        cells.extend([used.spent.into(), used.refunded.into(), one.0.into(), one.1.into()]);
        table.push(cells);
    }
    table.fact("helper", Kind::Text, helper);
    table.fact("name", Kind::Text, given.name(helper));
    table.fact("villages", Kind::Count, all.0);
    table.fact("households", Kind::Count, all.1);
    table.note("helper_uses");
    Ok(table)
}

/// Villages and households with money that they keep.
fn reached<'a>(uses: impl Iterator<Item = &'a Use>) -> (usize, usize) {
    let (mut villages, mut households) = (BTreeSet::new(), BTreeSet::new());
    for ((household, village), net) in uses.flat_map(|used| &used.households) {
        if 0 < *net {
            villages.insert(*village);
            households.insert(*household);
        }
    }
    (villages.len(), households.len())
}

fn uses(given: &Given<'_>, helper: Unit) -> Result<Uses, ReportError> {
    let undone = reversed(given)?;
    let mut uses = Uses::new();
    each_line(given, &USES, &mut |line| {
        if undone.contains(&line.at.seq) {
            return Ok(());
        }
        match &line.entry.event {
            Event::DisbursedToHousehold(e) => {
                let Some(one) = of(given, helper, &mut uses, &e.quota, e.purpose) else {
                    return Ok(());
                };
                add(&mut one.spent, e.amount.get(), "a report")?;
                let to = one.households.entry((e.household, e.village)).or_default();
                add(to, e.amount.get(), "a report")?;
            }
            Event::DisbursedToProject(e) => {
                if let Some(one) = of(given, helper, &mut uses, &e.quota, e.purpose) {
                    add(&mut one.spent, e.amount.get(), "a report")?;
                }
            }
            Event::ProjectSurplusReturned(e) => {
                if let Some(one) = of(given, helper, &mut uses, &e.quota, e.purpose) {
                    back(one, e.amount.get())?;
                }
            }
            Event::PaymentReturned(e) => refund(given, helper, &mut uses, &e.0)?,
            Event::OverpaymentRepaid(e) => refund(given, helper, &mut uses, &e.0)?,
            _ => (),
        }
        Ok(())
    })?;
    Ok(uses)
}

fn refund(given: &Given<'_>, helper: Unit, uses: &mut Uses, e: &Refund) -> Result<(), Drift> {
    let Some(one) = of(given, helper, uses, &e.quota, e.purpose) else { return Ok(()) };
    back(one, e.amount.get())?;
    let from = one.households.entry((e.household, e.village)).or_default();
    add(from, e.amount.get().saturating_neg(), "a report")
}

fn back(used: &mut Use, fen: i64) -> Result<(), Drift> {
    add(&mut used.spent, fen.saturating_neg(), "a report")?;
    add(&mut used.refunded, fen, "a report")
}

/// The use that a payment of a quota counts in, when the quota is the helper's.
fn of<'a>(
    given: &Given<'_>,
    helper: Unit,
    uses: &'a mut Uses,
    quota: &QuotaId,
    purpose: Purpose,
) -> Option<&'a mut Use> {
    let quota = given.views.names.quota(quota).ok()?;
    let own = quota.source == Source::H && quota.treasury == helper;
    own.then(|| uses.entry((quota.home, purpose)).or_default())
}
