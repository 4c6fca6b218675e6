//! The flow table 资金流向: who may move what to whom.
//!
//! A row of the table is a movement that the program knows; a version adopts rows and leaves others out.
//! What a row asks of the places is written here, once for each row; the words of its column `relation`
//! are for people and are kept as adopted.
//! Source: domain contract, section 4.2, `flows.csv`.

use std::fmt;

use super::rows::{self, ContentError, RuleRow};
use crate::ids::{Level, Source, Unit};
use crate::kind::FLOW_COLUMNS;

/// A row of the table, W01 to W29.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Flow(u8);

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "W{:02}", self.0)
    }
}

/// Id, event, from and to of the rows that the program knows.
#[rustfmt::skip]
const KNOWN: &[[&str; 4]] = &[
    ["W01", "QuotaIssued", "Q.owed.{src}.city", "Q.quota.city"],
    ["W02", "QuotaIssued", "Q.owed.P.city", "Q.quota.county"],
    ["W03", "QuotaReleased", "Q.quota.city", "Q.quota.county"],
    ["W04", "QuotaReleased", "Q.quota.county", "Q.quota.town"],
    ["W05", "QuotaReleased", "Q.quota.county", "Q.quota.village"],
    ["W06", "QuotaReleased", "Q.quota.town", "Q.quota.village"],
    ["W07", "QuotaWithdrawn", "Q.quota.unit", "Q.quota.parent"],
    ["W08", "QuotaWithdrawn", "Q.quota.unit", "Q.owed.{src}.city"],
    ["W09", "TransferSent", "C.src.{src}.treasury", "C.way.city|unit"],
    ["W10", "TransferSent", "C.src.P.44", "C.way.county"],
    ["W11", "TransferSent", "C.hold.city", "C.way.county"],
    ["W12", "TransferSent", "C.hold.county", "C.way.town"],
    ["W13", "TransferSent", "C.hold.county", "C.way.village"],
    ["W14", "TransferSent", "C.hold.town", "C.way.village"],
    ["W15", "TransferReceived", "C.way.unit", "C.hold.unit"],
    ["W16", "TransferReceived", "C.way.treasury", "C.src.{src}.treasury"],
    ["W17", "TransferReturned", "C.way.unit", "sender of the named TransferSent"],
    ["W18", "DisbursedToHousehold", "C.hold.county|town|village", "C.hh.household"],
    ["W19", "DisbursedToProject", "C.hold.county|town|village", "C.prj.project"],
    ["W20", "PaymentReturned|OverpaymentRepaid", "C.hh.household", "C.hold.paying unit"],
    ["W21", "ProjectSurplusReturned", "C.prj.project", "C.hold.paying unit"],
    ["W22", "FundsReturnedUp", "C.hold.unit", "C.way.parent | C.way.treasury"],
    ["W23", "QuotaIssued", "Q.owed.L.city", "Q.quota.county"],
    ["W24", "TransferSent", "C.src.L.county", "C.way.county"],
    ["W25", "QuotaIssued", "Q.plan.U.city", "Q.quota.county|town|village"],
    ["W26", "TransferSent", "C.src.U.seat", "C.way.county|town|village"],
    ["W27", "QuotaIssued", "Q.plan.S.city", "Q.quota.city|county"],
    ["W28", "TransferSent", "C.src.S.treasury", "C.way.city|county"],
    ["W29", "QuotaWithdrawn", "Q.quota.unit", "Q.plan.U|S.city"],
];

/// Whether a unit has a mark on the effective date.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mark {
    /// Neither now nor before.
    Never,
    /// Before, and no more: what it got then can still go back.
    Once,
    /// Now.
    Now,
}

/// A unit with what the table asks of it on the effective date.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Which unit.
    pub unit: Unit,
    /// Relatively poor village.
    pub poor: Mark,
    /// Province-managed county 省直管县.
    pub direct: Mark,
}

impl Place {
    /// A unit without any mark.
    pub const fn plain(unit: Unit) -> Self {
        Self { unit, poor: Mark::Never, direct: Mark::Never }
    }
}

/// What a quota says of where its money may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Channel {
    /// Its source.
    pub source: Source,
    /// Treasury of the source.
    pub treasury: Unit,
    /// Home city.
    pub home: Unit,
    /// Unit that the quota was issued to; of an opening balance its unit.
    pub top: Unit,
    /// Whether it began as an opening balance.
    pub opening: bool,
}

/// A movement that somebody asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Movement {
    /// 312: the source gives quota; `Channel::top` is not yet known and not looked at.
    Issue(Channel, Place),
    /// 313: quota is passed down.
    Release(Unit, Place),
    /// 314 below the top: quota of a unit goes back to the one that posts.
    Withdraw {
        /// Unit that gives it back.
        from: Place,
        /// Unit that takes it back.
        parent: Unit,
    },
    /// 314 at the top: the obligation (of U and S the plan) reopens.
    WithdrawTop(Source),
    /// 320 from the source.
    SendFromSource(Channel, Place),
    /// 320 from a unit.
    Send(Unit, Place),
    /// 321; whether it arrives at its source.
    Receive(bool),
    /// 322.
    Return,
    /// 330: paying unit, village of the household.
    PayHousehold(Unit, Unit),
    /// 331: paying unit, unit of the project.
    PayProject(Unit, Unit),
    /// 340, 341.
    RefundHousehold,
    /// 342.
    RefundProject,
    /// 343 to the parent.
    ReturnUp {
        /// Unit that gives it back.
        from: Place,
        /// Unit that gets it.
        to: Unit,
    },
    /// 343 to the source: unit that gives back, `to_unit` of the line.
    ReturnToSource(Channel, Place, Unit),
}

/// The rows that a version adopts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Flows {
    /// Bit n: row Wn is adopted.
    adopted: u64,
    rows: Vec<RuleRow>,
}

impl Flows {
    /// Reads the rows of a version.
    ///
    /// # Errors
    /// A row that the program does not know, that is spelled otherwise, or stands twice.
    pub fn parse(rows: &[RuleRow]) -> Result<Self, ContentError> {
        let mut out = Self::default();
        for reading in rows::read(rows, FLOW_COLUMNS)? {
            let id = reading.filled("id")?;
            let known = (1_u8..).zip(KNOWN).find(|(_, row)| row.first() == Some(&id));
            let Some((number, [_, event, from, to])) = known else {
                return Err(reading.error("id", format!("{id} is no known flow")));
            };
            for (column, expected) in [("event", event), ("from", from), ("to", to)] {
                reading.word(column, &[expected])?;
            }
            if out.has(Flow(number)) {
                return Err(reading.error("id", format!("{id} stands twice")));
            }
            out.adopted |= bit(Flow(number));
            let mut cells = RuleRow::default();
            for column in FLOW_COLUMNS {
                cells.push(column, reading.text(column));
            }
            out.rows.push(cells);
        }
        Ok(out)
    }

    /// The rows as they were read.
    pub fn to_rows(&self) -> Vec<RuleRow> {
        self.rows.clone()
    }

    fn has(&self, flow: Flow) -> bool {
        self.adopted & bit(flow) != 0
    }

    /// The first adopted row that allows a movement; `None` is refusal 3020.
    pub fn allows(&self, movement: &Movement) -> Option<Flow> {
        candidates(movement).iter().map(|number| Flow(*number)).find(|flow| self.has(*flow))
    }
}

fn bit(flow: Flow) -> u64 {
    1_u64.checked_shl(u32::from(flow.0)).unwrap_or(0)
}

/// Whether the treasury may be that of a quota of this source for the home city.
///
/// P is the province's; H the helper's that is paired on the date (a self-organised city is its own
/// helper); L the home city's or one of its counties'; of U and S the row of the flow table says where
/// the money goes, and the treasury is the seat of who issues it.
pub fn treasury_allowed(source: Source, treasury: Unit, home: Unit, helper: Option<Unit>) -> bool {
    match source {
        Source::P => treasury == Unit::PROVINCE,
        Source::H => helper == Some(treasury),
        Source::L => treasury == home || is_county_of(treasury, home),
        Source::U | Source::S => true,
    }
}

fn is_county_of(unit: Unit, city: Unit) -> bool {
    unit.level() == Level::County && city.contains(unit)
}

/// Whether `to` lies one step below `from`, as the rows for releases and transfers say. A poor village may
/// get its money from the county directly.
fn steps_down(from: Unit, to: Unit, poor: bool) -> Option<Step> {
    if from == to || !from.contains(to) {
        return None;
    }
    match (from.level(), to.level()) {
        (Level::City, Level::County) => Some(Step::CityCounty),
        (Level::County, Level::Town) => Some(Step::CountyTown),
        (Level::County, Level::Village) if poor => Some(Step::CountyVillage),
        (Level::Town, Level::Village) => Some(Step::TownVillage),
        _ => None,
    }
}

#[derive(Clone, Copy)]
enum Step {
    CityCounty,
    CountyTown,
    CountyVillage,
    TownVillage,
}

/// The rows whose words a movement fits, adopted or not.
fn candidates(movement: &Movement) -> &'static [u8] {
    match *movement {
        Movement::Issue(channel, to) => issue(channel, to),
        Movement::Release(from, to) => match steps_down(from, to.unit, to.poor == Mark::Now) {
            Some(Step::CityCounty) => &[3],
            Some(Step::CountyTown) => &[4],
            Some(Step::CountyVillage) => &[5],
            Some(Step::TownVillage) => &[6],
            None => &[],
        },
        Movement::Withdraw { from, parent } => {
            if steps_down(parent, from.unit, from.poor != Mark::Never).is_some() {
                &[7]
            } else {
                &[]
            }
        }
        Movement::WithdrawTop(source) => {
            if source.is_shared() {
                &[8]
            } else {
                &[29]
            }
        }
        Movement::SendFromSource(channel, to) => {
            send_from_source(channel, to, to.direct == Mark::Now)
        }
        Movement::Send(from, to) => match steps_down(from, to.unit, to.poor == Mark::Now) {
            Some(Step::CityCounty) => &[11],
            Some(Step::CountyTown) => &[12],
            Some(Step::CountyVillage) => &[13],
            Some(Step::TownVillage) => &[14],
            None => &[],
        },
        Movement::Receive(at_source) => {
            if at_source {
                &[16]
            } else {
                &[15]
            }
        }
        Movement::Return => &[17],
        Movement::PayHousehold(unit, village) => {
            if pays(unit, village) {
                &[18]
            } else {
                &[]
            }
        }
        Movement::PayProject(unit, project) => {
            if pays(unit, project) {
                &[19]
            } else {
                &[]
            }
        }
        Movement::RefundHousehold => &[20],
        Movement::RefundProject => &[21],
        Movement::ReturnUp { from, to } => {
            if steps_down(to, from.unit, from.poor != Mark::Never).is_some() { &[22] } else { &[] }
        }
        Movement::ReturnToSource(channel, from, to) => {
            let got = send_from_source(channel, from, from.direct != Mark::Never);
            if to == channel.treasury && !got.is_empty() { &[22] } else { &[] }
        }
    }
}

fn issue(channel: Channel, to: Place) -> &'static [u8] {
    let Channel { source, treasury, home, .. } = channel;
    let inside = home.contains(to.unit);
    match source {
        Source::P | Source::H if to.unit == home => &[1],
        Source::L if to.unit == home && treasury == home => &[1],
        Source::P if to.direct == Mark::Now && is_county_of(to.unit, home) => &[2],
        Source::L if to.unit == treasury && is_county_of(to.unit, home) => &[23],
        Source::U if inside && Level::County <= to.unit.level() => &[25],
        Source::S if to.unit == home || is_county_of(to.unit, home) => &[27],
        _ => &[],
    }
}

fn send_from_source(channel: Channel, to: Place, direct: bool) -> &'static [u8] {
    let Channel { source, treasury, home, top, opening } = channel;
    if opening && to.unit == top {
        return &[9];
    }
    match source {
        Source::P | Source::H | Source::L if to.unit == home => &[9],
        Source::P if direct && is_county_of(to.unit, home) => &[10],
        Source::L if to.unit == treasury && is_county_of(to.unit, home) => &[24],
        Source::U if to.unit == top && Level::County <= to.unit.level() => &[26],
        Source::S if to.unit == top && to.unit.level() <= Level::County => &[28],
        _ => &[],
    }
}

/// Whether a unit that pays contains what is paid. A city treasury pays nobody.
fn pays(unit: Unit, inside: Unit) -> bool {
    Level::County <= unit.level() && unit.contains(inside)
}
