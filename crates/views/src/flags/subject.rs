//! What an alert is about: key bytes for its id, text for people, units for who may see it.

use std::fmt;

use ledger::ids::{HouseholdCode, OfficialId, ProjectId, QuotaId, Source, Token, Unit};

/// A subject. Key bytes are little-endian; the table of format.md spells them for each flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A household or a lineage, by the code it began with; and where it lives.
    Household {
        /// Its code.
        code: HouseholdCode,
        /// Its village.
        village: Unit,
    },
    /// An account or a person.
    Token {
        /// Its token.
        token: Token,
        /// A unit that it concerns.
        unit: Unit,
    },
    /// A unit.
    Unit(Unit),
    /// A unit and a quota.
    UnitQuota(Unit, QuotaId),
    /// A unit and a household.
    UnitHousehold(Unit, HouseholdCode),
    /// A unit and a project.
    UnitProject(Unit, ProjectId),
    /// A unit and an account.
    UnitAccount(Unit, Token),
    /// A unit and a quarter: four times the year, and 0 to 3.
    UnitQuarter(Unit, u32),
    /// A unit and a year.
    UnitYear(Unit, u32),
    /// A source, a home city and a quarter.
    SourceQuarter(Source, Unit, u32),
    /// A home city, a county and a year.
    CountyYear(Unit, Unit, u32),
    /// A record.
    Record {
        /// Its position.
        seq: u32,
        /// Its unit.
        unit: Unit,
        /// Organisation, voucher number and line.
        text: String,
    },
    /// A project.
    Project {
        /// Its id.
        project: ProjectId,
        /// Its unit.
        unit: Unit,
    },
    /// An official.
    Official {
        /// Staff number.
        official: OfficialId,
        /// A unit that it concerns.
        unit: Unit,
    },
}

impl Subject {
    /// The bytes that an alert's id is made from.
    pub fn key(&self) -> Vec<u8> {
        let unit = |unit: &Unit| unit.code().to_le_bytes();
        let mut out = Vec::new();
        match self {
            Self::Household { code, .. } => out.extend(code.get().to_le_bytes()),
            Self::Token { token, .. } => out.extend(token.0),
            Self::Unit(of) => out.extend(unit(of)),
            Self::UnitQuota(of, quota) => {
                out.extend(unit(of));
                out.extend(quota.as_bytes());
            }
            Self::UnitHousehold(of, code) => {
                out.extend(unit(of));
                out.extend(code.get().to_le_bytes());
            }
            Self::UnitProject(of, project) => {
                out.extend(unit(of));
                out.extend(project.as_bytes());
            }
            Self::UnitAccount(of, token) => {
                out.extend(unit(of));
                out.extend(token.0);
            }
            Self::UnitQuarter(of, time) | Self::UnitYear(of, time) => {
                out.extend(unit(of));
                out.extend(time.to_le_bytes());
            }
            Self::SourceQuarter(source, city, time) => {
                out.extend(source.letter().as_bytes());
                out.extend(unit(city));
                out.extend(time.to_le_bytes());
            }
            Self::CountyYear(city, county, year) => {
                out.extend(unit(city));
                out.extend(unit(county));
                out.extend(year.to_le_bytes());
            }
            Self::Record { seq, .. } => out.extend(u64::from(*seq).to_le_bytes()),
            Self::Project { project, .. } => out.extend(project.as_bytes()),
            Self::Official { official, .. } => out.extend(official.as_bytes()),
        }
        out
    }

    /// The unit by which it is in somebody's scope or not.
    pub fn unit(&self) -> Unit {
        match self {
            Self::Household { village: unit, .. }
            | Self::Token { unit, .. }
            | Self::Unit(unit)
            | Self::UnitQuota(unit, _)
            | Self::UnitHousehold(unit, _)
            | Self::UnitProject(unit, _)
            | Self::UnitAccount(unit, _)
            | Self::UnitQuarter(unit, _)
            | Self::UnitYear(unit, _)
            | Self::SourceQuarter(_, unit, _)
            | Self::CountyYear(_, unit, _)
            | Self::Record { unit, .. }
            | Self::Project { unit, .. }
            | Self::Official { unit, .. } => *unit,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quarter = |time: &u32| format!("{}Q{}", time / 4, (time % 4).saturating_add(1));
        match self {
            Self::Household { code, .. } => write!(f, "{code}"),
            Self::Token { token, .. } => write!(f, "{token}"),
            Self::Unit(unit) => write!(f, "{unit}"),
            Self::UnitQuota(unit, quota) => write!(f, "{unit}/{quota}"),
            Self::UnitHousehold(unit, code) => write!(f, "{unit}/{code}"),
            Self::UnitProject(unit, project) => write!(f, "{unit}/{project}"),
            Self::UnitAccount(unit, token) => write!(f, "{unit}/{token}"),
            Self::UnitQuarter(unit, time) => write!(f, "{unit}/{}", quarter(time)),
            Self::UnitYear(unit, year) => write!(f, "{unit}/{year}"),
            Self::SourceQuarter(source, city, time) => {
                write!(f, "{}/{city}/{}", source.letter(), quarter(time))
            }
            Self::CountyYear(city, county, year) => write!(f, "{city}/{county}/{year}"),
            Self::Record { text, .. } => f.write_str(text),
            Self::Project { project, .. } => write!(f, "{project}"),
            Self::Official { official, .. } => write!(f, "{official}"),
        }
    }
}
