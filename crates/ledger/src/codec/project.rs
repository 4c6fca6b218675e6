//! Project and income events as messages.

use proto::log::v1 as pb;
use record::{Fen, Record};

use super::money::{
    Movement, area, bank_ref, hold, purpose, reference, set, set_area, set_bytes, token, word,
};
use super::{DecodeError, Payload, common, need, read_common};
use crate::account::Account;
use crate::event::Common;
use crate::event::project::{
    Benefit, BenefitAttributed, BenefitWithdrawn, DisbursedToProject, IncomeDeclared,
    IncomeDistributed, ProjectAmended, ProjectClosed, ProjectRegistered, ProjectSurplusReturned,
};
use crate::ids::{Date, HouseholdCode, ProjectId, Unit, project};
use crate::kind::Kind;
use crate::reject::Month;
use crate::state::project::{ProjectState, Target};

type SharesOf = Box<[(Target, u32)]>;

fn shares_to(shares: &[(Target, u32)]) -> Vec<pb::Share> {
    let entry = |(target, shares): &(Target, u32)| {
        let (household, village) = match target {
            Target::Household(code) => (code.to_string(), String::new()),
            Target::Village(unit) => (String::new(), unit.area_text().as_str().to_owned()),
        };
        pb::Share { household, village, shares: *shares }
    };
    shares.iter().map(entry).collect()
}

fn shares_of(shares: &[pb::Share]) -> Result<SharesOf, DecodeError> {
    let target = |share: &pb::Share| match (share.household.as_str(), share.village.as_str()) {
        ("", village) => area("shares", village).map(Target::Village),
        (household, "") => {
            need("shares", HouseholdCode::parse(household).ok()).map(Target::Household)
        }
        _ => Err(DecodeError::Field("shares")),
    };
    shares.iter().map(|share| Ok((target(share)?, share.shares))).collect()
}

fn id(text: &str) -> Result<ProjectId, DecodeError> {
    need("project", project(text))
}

/// Returns the month of `YYYY-MM`.
pub(super) fn period(text: &str) -> Result<Month, DecodeError> {
    let first = need("period", Date::parse(&format!("{text}-01")))?;
    Ok(Month(first.month()))
}

impl Payload for ProjectRegistered {
    type Message = pb::ProjectRegistered;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.project, self.project.as_str());
        set(&mut m.unit, self.unit.path().as_str());
        set(&mut m.purpose, self.purpose.as_str());
        m.planned_fen = self.planned.get();
        set_bytes(&mut m.operator, &self.operator.0);
        set(&mut m.procurement_ref, &self.procurement_ref);
        m.shares = shares_to(&self.shares);
        m.purposes_version = self.purposes_version;
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let body = Self {
            project: id(&m.project)?,
            unit: need("unit", Unit::parse_exact(&m.unit))?,
            purpose: purpose(&m.purpose)?,
            planned: Fen::new(m.planned_fen),
            operator: token("operator", &m.operator)?,
            procurement_ref: m.procurement_ref.as_str().into(),
            shares: shares_of(&m.shares)?,
            purposes_version: m.purposes_version,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for ProjectAmended {
    type Message = pb::ProjectAmended;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.project, self.project.as_str());
        m.planned_fen = self.planned.map(Fen::get);
        m.shares = shares_to(&self.shares);
        set(&mut m.state, if self.accepted { ProjectState::Accepted.name() } else { "" });
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let accepted = match m.state.as_str() {
            "" => false,
            state => need("state", (state == ProjectState::Accepted.name()).then_some(true))?,
        };
        let body = Self {
            project: id(&m.project)?,
            planned: m.planned_fen.map(Fen::new),
            shares: shares_of(&m.shares)?,
            accepted,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for ProjectClosed {
    type Message = pb::ProjectClosed;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.project, self.project.as_str());
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        Ok((Self { project: id(&m.project)? }, read_common!(m)))
    }
}

impl Payload for DisbursedToProject {
    type Message = pb::DisbursedToProject;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.purpose, self.purpose.as_str());
        set(&mut m.bank_ref, self.bank_ref.as_str());
        m.purposes_version = self.purposes_version;
        m.flows_version = self.flows_version;
    }

    fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let legs = Movement::of(record, Kind::DisbursedToProject)?;
        let ((unit, quota), amount) = legs.out(hold)?;
        let (project, _) = legs.got(paid_project)?;
        let body = Self {
            quota,
            unit,
            project,
            purpose: purpose(&m.purpose)?,
            bank_ref: bank_ref(&m.bank_ref)?,
            amount,
            purposes_version: m.purposes_version,
            flows_version: m.flows_version,
        };
        Ok((legs.agree(body)?, read_common!(m)))
    }
}

fn paid_project(account: &Account) -> Option<ProjectId> {
    if let Account::Project(id) = account { Some(*id) } else { None }
}

impl Payload for ProjectSurplusReturned {
    type Message = pb::ProjectSurplusReturned;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.r#ref, &self.payment.text);
        m.ref_seq = self.payment.seq.0;
        set(&mut m.reason, self.reason.as_str());
        set(&mut m.purpose, self.purpose.as_str());
    }

    fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let legs = Movement::of(record, Kind::ProjectSurplusReturned)?;
        let (project, amount) = legs.out(paid_project)?;
        let ((unit, quota), _) = legs.got(hold)?;
        let body = Self {
            quota,
            payment: reference(&m.r#ref, m.ref_seq, record)?,
            unit,
            project,
            reason: word("reason", &m.reason)?,
            amount,
            purpose: purpose(&m.purpose)?,
        };
        Ok((legs.agree(body)?, read_common!(m)))
    }
}

fn benefit_target(account: &Account) -> Option<Target> {
    match account {
        Account::BenefitHousehold(code) => Some(Target::Household(*code)),
        Account::BenefitVillage(unit) => Some(Target::Village(*unit)),
        _ => None,
    }
}

fn open_project(account: &Account) -> Option<ProjectId> {
    if let Account::Open(id) = account { Some(*id) } else { None }
}

impl Payload for BenefitAttributed {
    type Message = pb::BenefitAttributed;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set_area(&mut m.village, self.0.village);
    }

    fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let legs = Movement::of(record, Kind::BenefitAttributed)?;
        let (project, amount) = legs.out(open_project)?;
        let (target, _) = legs.got(benefit_target)?;
        let village = area("village", &m.village)?;
        let body = Self(Benefit { project, target, amount, village });
        Ok((legs.agree(body)?, read_common!(m)))
    }
}

impl Payload for BenefitWithdrawn {
    type Message = pb::BenefitWithdrawn;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set_area(&mut m.village, self.0.village);
    }

    fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let legs = Movement::of(record, Kind::BenefitWithdrawn)?;
        let (target, amount) = legs.out(benefit_target)?;
        let (project, _) = legs.got(open_project)?;
        let village = area("village", &m.village)?;
        let body = Self(Benefit { project, target, amount, village });
        Ok((legs.agree(body)?, read_common!(m)))
    }
}

impl Payload for IncomeDeclared {
    type Message = pb::IncomeDeclared;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.period, &self.period.to_string());
    }

    fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let legs = Movement::of(record, Kind::IncomeDeclared)?;
        let due = |a: &Account| if let Account::Due(id) = a { Some(*id) } else { None };
        let (project, amount) = legs.got(due)?;
        let body = Self { project, period: period(&m.period)?, amount };
        Ok((legs.agree(body)?, read_common!(m)))
    }
}

impl Payload for IncomeDistributed {
    type Message = pb::IncomeDistributed;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        let account = self.account.map(|token| token.0);
        set_bytes(&mut m.account, account.as_ref().map_or(&[], |bytes| bytes.as_slice()));
        set_area(&mut m.village, self.village);
    }

    fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let legs = Movement::of(record, Kind::IncomeDistributed)?;
        let due = |a: &Account| if let Account::Due(id) = a { Some(*id) } else { None };
        let (project, amount) = legs.out(due)?;
        let (target, _) = legs.got(|account| match account {
            Account::IncomeHousehold(code) => Some(Target::Household(*code)),
            Account::IncomeVillage(unit) => Some(Target::Village(*unit)),
            _ => None,
        })?;
        let account = match m.account.as_slice() {
            [] => None,
            bytes => Some(token("account", bytes)?),
        };
        let body = Self { project, target, account, amount, village: area("village", &m.village)? };
        Ok((legs.agree(body)?, read_common!(m)))
    }
}
