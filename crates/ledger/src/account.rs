//! Accounts of the four books: the path of a leg as a value.
//!
//! Lives here: every class of account, its path both ways, its side of zero.
//! Lives elsewhere: which legs an event has (`event`), the balances that decisions need (`state`).
//!
//! Always: a path parses to one account and prints back to itself; origin accounts are never above zero,
//! all others never below.
//! Source: domain contract, section 4.1.

use std::fmt;

use record::{Fen, Record};

use crate::ids::{HouseholdCode, ProjectId, QuotaId, Source, Unit, project};

/// An account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Account {
    /// `Q.plan`: planned for a home city, negative (origin).
    Plan(Source, Unit),
    /// `Q.owed`: planned and not yet issued.
    Owed(Source, Unit),
    /// `Q.quota`: what a unit may spend or pass on.
    Quota(Unit, QuotaId),
    /// `Q.used`: used by payments.
    Used(Unit, QuotaId),
    /// `C.src`: put in by the source, negative (origin).
    Src(Source, Unit, QuotaId),
    /// `C.way`: sent to a unit and not yet received.
    Way(Unit, QuotaId),
    /// `C.hold`: held by a unit.
    Hold(Unit, QuotaId),
    /// `C.hh`: paid to a household, net.
    Household(HouseholdCode),
    /// `C.prj`: paid to a project, net.
    Project(ProjectId),
    /// `C.prior`: paid before the ledger began.
    Prior(Unit, QuotaId),
    /// `B.base`: benefit created, negative (origin).
    Base(ProjectId),
    /// `B.open`: not yet attributed.
    Open(ProjectId),
    /// `B.hh`: attributed to a household.
    BenefitHousehold(HouseholdCode),
    /// `B.vil`: attributed to a village collective.
    BenefitVillage(Unit),
    /// `I.op`: income declared, negative (origin).
    Operator(ProjectId),
    /// `I.due`: declared and not distributed.
    Due(ProjectId),
    /// `I.hh`: asset income of a household.
    IncomeHousehold(HouseholdCode),
    /// `I.vil`: asset income of a village collective.
    IncomeVillage(Unit),
}

impl Account {
    /// Whether its balance is never above zero; of all others it is never below.
    pub const fn is_origin(&self) -> bool {
        matches!(self, Self::Plan(..) | Self::Src(..) | Self::Base(_) | Self::Operator(_))
    }

    /// Book and class, as the path begins.
    const fn class(&self) -> &'static str {
        match self {
            Self::Plan(..) => "Q.plan",
            Self::Owed(..) => "Q.owed",
            Self::Quota(..) => "Q.quota",
            Self::Used(..) => "Q.used",
            Self::Src(..) => "C.src",
            Self::Way(..) => "C.way",
            Self::Hold(..) => "C.hold",
            Self::Household(_) => "C.hh",
            Self::Project(_) => "C.prj",
            Self::Prior(..) => "C.prior",
            Self::Base(_) => "B.base",
            Self::Open(_) => "B.open",
            Self::BenefitHousehold(_) => "B.hh",
            Self::BenefitVillage(_) => "B.vil",
            Self::Operator(_) => "I.op",
            Self::Due(_) => "I.due",
            Self::IncomeHousehold(_) => "I.hh",
            Self::IncomeVillage(_) => "I.vil",
        }
    }

    /// Appends the path.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.class().as_bytes());
        match self {
            Self::Plan(source, city) | Self::Owed(source, city) => {
                part(out, source.letter().as_bytes());
                part(out, city.path().as_bytes());
            }
            Self::Quota(unit, quota)
            | Self::Used(unit, quota)
            | Self::Way(unit, quota)
            | Self::Hold(unit, quota)
            | Self::Prior(unit, quota) => {
                part(out, unit.path().as_bytes());
                part(out, quota.as_bytes());
            }
            Self::Src(source, treasury, quota) => {
                part(out, source.letter().as_bytes());
                part(out, treasury.path().as_bytes());
                part(out, quota.as_bytes());
            }
            Self::Household(code) | Self::BenefitHousehold(code) | Self::IncomeHousehold(code) => {
                part(out, household_text(*code, &mut [0; 17]).as_bytes());
            }
            Self::Project(id)
            | Self::Base(id)
            | Self::Open(id)
            | Self::Operator(id)
            | Self::Due(id) => {
                part(out, id.as_bytes());
            }
            Self::BenefitVillage(unit) | Self::IncomeVillage(unit) => {
                part(out, unit.path().as_bytes());
            }
        }
    }

    /// Returns the account of a path; `None` when no account is spelled so.
    pub fn parse(path: &str) -> Option<Self> {
        let mut parts = path.as_bytes().split(|byte| *byte == b'.');
        let mut part = || parts.next().and_then(|part| std::str::from_utf8(part).ok());
        let (book, class, holder) = (part()?, part()?, part()?);
        let (second, third) = (part(), part());
        if part().is_some() {
            return None;
        }
        let holding = || Some((Unit::parse_exact(holder)?, QuotaId::id(second?)?));
        let of_city = || Some((Source::parse(holder)?, Unit::parse_exact(second?)?));
        let household = || HouseholdCode::parse(holder).ok();
        let (count, account) = match (book, class) {
            ("Q", "plan") => (2, of_city().map(|(s, c)| Self::Plan(s, c))),
            ("Q", "owed") => (2, of_city().map(|(s, c)| Self::Owed(s, c))),
            ("Q", "quota") => (2, holding().map(|(u, q)| Self::Quota(u, q))),
            ("Q", "used") => (2, holding().map(|(u, q)| Self::Used(u, q))),
            ("C", "src") => (3, source(holder, second, third)),
            ("C", "way") => (2, holding().map(|(u, q)| Self::Way(u, q))),
            ("C", "hold") => (2, holding().map(|(u, q)| Self::Hold(u, q))),
            ("C", "prior") => (2, holding().map(|(u, q)| Self::Prior(u, q))),
            ("C", "hh") => (1, household().map(Self::Household)),
            ("C", "prj") => (1, project(holder).map(Self::Project)),
            ("B", "base") => (1, project(holder).map(Self::Base)),
            ("B", "open") => (1, project(holder).map(Self::Open)),
            ("B", "hh") => (1, household().map(Self::BenefitHousehold)),
            ("B", "vil") => (1, Unit::parse_exact(holder).map(Self::BenefitVillage)),
            ("I", "op") => (1, project(holder).map(Self::Operator)),
            ("I", "due") => (1, project(holder).map(Self::Due)),
            ("I", "hh") => (1, household().map(Self::IncomeHousehold)),
            ("I", "vil") => (1, Unit::parse_exact(holder).map(Self::IncomeVillage)),
            _ => return None,
        };
        let found = 1_usize
            .saturating_add(usize::from(second.is_some()))
            .saturating_add(usize::from(third.is_some()));
        if found == count { account } else { None }
    }
}

fn source(letter: &str, treasury: Option<&str>, quota: Option<&str>) -> Option<Account> {
    let quota = QuotaId::id(quota?)?;
    Some(Account::Src(Source::parse(letter)?, Unit::parse_exact(treasury?)?, quota))
}

fn part(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'.');
    out.extend_from_slice(text);
}

/// The seventeen digits of a household code, without the formatter: they stand in every payment.
pub(crate) fn household_text(code: HouseholdCode, out: &mut [u8; 17]) -> &str {
    let mut rest = code.get();
    for slot in out.iter_mut().rev() {
        let digit = u8::try_from(rest % 10).unwrap_or(0);
        *slot = digit.saturating_add(b'0');
        rest /= 10;
    }
    std::str::from_utf8(out).unwrap_or_default()
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::with_capacity(64);
        self.write(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

/// Most legs of an event: an opening balance has six.
pub const LEGS_MAX: usize = 6;

/// The legs of an event, inline. Zero legs are left out. Equal are those that move the same, in whatever
/// order: a record has them sorted by path.
#[derive(Clone, Copy)]
pub struct Legs {
    legs: [(Account, Fen); LEGS_MAX],
    len: u8,
}

impl Default for Legs {
    fn default() -> Self {
        const UNUSED: (Account, Fen) = (Account::Plan(Source::P, Unit::PROVINCE), Fen::ZERO);
        Self { legs: [UNUSED; LEGS_MAX], len: 0 }
    }
}

impl Legs {
    /// Adds a leg; one of zero is left out. `None` when there are too many.
    pub fn push(&mut self, account: Account, fen: Fen) -> Option<()> {
        if fen != Fen::ZERO {
            *self.legs.get_mut(usize::from(self.len))? = (account, fen);
            self.len = self.len.checked_add(1)?;
        }
        Some(())
    }

    /// Moves an amount out of one account and into another.
    pub fn transfer(&mut self, from: Account, to: Account, fen: Fen) -> Option<()> {
        self.push(from, fen.checked_neg()?)?;
        self.push(to, fen)
    }

    /// The legs.
    pub fn as_slice(&self) -> &[(Account, Fen)] {
        self.legs.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Reads the legs of a record; `None` when one is no account of this ledger or there are too many.
    pub fn of_record(record: &Record<'_>) -> Option<Self> {
        let mut out = Self::default();
        for leg in record.legs() {
            out.push(Account::parse(leg.path)?, Fen::new(leg.fen))?;
        }
        Some(out)
    }

    /// The exact mirror: each leg negated.
    pub fn mirror(&self) -> Option<Self> {
        let mut out = Self::default();
        for (account, fen) in self.as_slice() {
            out.push(*account, fen.checked_neg()?)?;
        }
        Some(out)
    }
}

impl PartialEq for Legs {
    fn eq(&self, other: &Self) -> bool {
        let others = other.as_slice();
        self.len == other.len && self.as_slice().iter().all(|leg| others.contains(leg))
    }
}

impl Eq for Legs {}

impl fmt::Debug for Legs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_print_as_they_parse() {
        for path in [
            "Q.plan.P.4414",
            "Q.owed.H.4414",
            "Q.quota.441424901201.Q16-4401-0001",
            "Q.used.44.Q",
            "C.src.H.4401.Q16-4401-0001",
            "C.way.4414.Q1",
            "C.hold.441424901.Q1",
            "C.hh.44142490120100013",
            "C.prj.P441424-00001",
            "C.prior.441882.Q1",
            "B.base.P441424-00001",
            "B.open.P441424-00001",
            "B.hh.44142490120100013",
            "B.vil.441424901201",
            "I.op.P441424-00001",
            "I.due.P441424-00001",
            "I.hh.44142490120100013",
            "I.vil.441424901201",
        ] {
            let account = Account::parse(path).expect(path);
            assert_eq!(account.to_string(), path);
            assert_eq!(account.is_origin(), record::is_origin(path), "{path}");
        }
        for bad in [
            "",
            "Q",
            "Q.plan",
            "Q.plan.P",
            "Q.plan.P.4414.x",
            "Q.plan.X.4414",
            "Q.quota.441400.Q1",
            "C.hh.44142490120100014",
            "C.src.H.4401",
            "C.hold.4414.q1",
            "X.hold.4414.Q1",
            "C.prj.P1",
        ] {
            assert_eq!(Account::parse(bad), None, "{bad}");
        }
    }
}
