//! Registry events as messages.
//!
//! Codes, words and area codes are stored as the line spelled them; dates as days.

use proto::log::v1 as m;
use record::Record;

use super::{DecodeError, Payload, common, days, need, of_days, read_common};
use crate::event::Common;
use crate::event::registry::{
    AccountBound, AccountReleased, AreaAmended, AreaClosed, AreaRegistered, Causes,
    HouseholdAmended, HouseholdDissolved, HouseholdExited, HouseholdMoved, HouseholdRegistered,
    HouseholdReinstated, HouseholdRemoved, HouseholdReturned, HouseholdSplit, HouseholdsMerged,
    Marks, MemberAdded, MemberAmended, MemberDied, MemberLeft, MemberMoved, Person, VillageExited,
};
use crate::ids::{HouseholdCode, OrgId, Token, Unit};
use crate::reject::AreaCode;
use crate::words::{Ability, AccountKind, AddedReason, Class, DissolvedReason, LeftReason, Sex};

type Decoded<T> = Result<(T, Common), DecodeError>;

fn area(name: &'static str, text: &str) -> Result<Unit, DecodeError> {
    need(name, Unit::parse_area(text))
}

fn area_text(unit: Unit) -> String {
    AreaCode(unit).to_string()
}

pub(super) fn household(name: &'static str, text: &str) -> Result<HouseholdCode, DecodeError> {
    need(name, HouseholdCode::parse(text).ok())
}

fn number<T: TryFrom<u32>>(name: &'static str, number: u32) -> Result<T, DecodeError> {
    need(name, T::try_from(number).ok())
}

/// An optional value: empty is absent.
fn maybe<T>(
    name: &'static str,
    text: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, DecodeError> {
    if text.is_empty() { Ok(None) } else { need(name, parse(text)).map(Some) }
}

fn causes(words: &[String]) -> Result<Causes, DecodeError> {
    need("causes", Causes::of(words.iter().map(String::as_str)))
}

fn cause_words(causes: Causes) -> Vec<String> {
    causes.iter().map(|cause| cause.name().to_owned()).collect()
}

fn org_text(org: Option<OrgId>) -> String {
    org.map_or_else(String::new, |org| org.to_string())
}

fn member(message: &m::Member) -> Result<Person, DecodeError> {
    Ok(Person {
        no: number("no", message.no)?,
        person: need("person", Token::of(&message.person))?,
        birth_year: number("birth_year", message.birth_year)?,
        sex: need("sex", Sex::parse(&message.sex))?,
        marks: Marks {
            ability: need("ability", Ability::parse(&message.ability))?,
            dibao: message.dibao,
            student: message.student,
            insured: message.insured,
        },
    })
}

fn member_message(person: &Person) -> m::Member {
    m::Member {
        no: u32::from(person.no),
        person: person.person.0.to_vec(),
        birth_year: u32::from(person.birth_year),
        sex: person.sex.name().into(),
        ability: person.marks.ability.name().into(),
        dibao: person.marks.dibao,
        student: person.marks.student,
        insured: person.marks.insured,
    }
}

impl Payload for AreaRegistered {
    type Message = m::AreaRegistered;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.code = area_text(self.code);
        m.name_zh.clone_from(&self.name_zh);
        m.parent = area_text(self.parent);
        (m.poor, m.direct_county) = (self.poor, self.direct_county);
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self {
            code: area("code", &m.code)?,
            name_zh: m.name_zh.clone(),
            parent: area("parent", &m.parent)?,
            poor: m.poor,
            direct_county: m.direct_county,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for AreaAmended {
    type Message = m::AreaAmended;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.code = area_text(self.code);
        m.name_zh.clone_from(&self.name_zh);
        (m.poor, m.direct_county) = (self.poor, self.direct_county);
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self {
            code: area("code", &m.code)?,
            name_zh: m.name_zh.clone(),
            poor: m.poor,
            direct_county: m.direct_county,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for AreaClosed {
    type Message = m::AreaClosed;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.code = area_text(self.code);
        m.successor = self.successor.map_or_else(String::new, area_text);
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let successor = maybe("successor", &m.successor, Unit::parse_area)?;
        Ok((Self { code: area("code", &m.code)?, successor }, read_common!(m)))
    }
}

impl Payload for VillageExited {
    type Message = m::VillageExited;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        (m.code, m.year) = (area_text(self.code), u32::from(self.year));
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self { code: area("code", &m.code)?, year: number("year", m.year)? };
        Ok((body, read_common!(m)))
    }
}

impl Payload for HouseholdRegistered {
    type Message = m::HouseholdRegistered;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.household = self.household.to_string();
        m.village = area_text(self.village);
        m.class = self.class.name().into();
        m.causes = cause_words(self.causes);
        m.helping_unit = org_text(self.helping_unit);
        m.members = self.members.iter().map(member_message).collect();
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self {
            household: household("household", &m.household)?,
            village: area("village", &m.village)?,
            class: need("class", Class::parse(&m.class))?,
            causes: causes(&m.causes)?,
            helping_unit: maybe("helping_unit", &m.helping_unit, OrgId::id)?,
            members: m.members.iter().map(member).collect::<Result<_, _>>()?,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for HouseholdAmended {
    type Message = m::HouseholdAmended;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.household = self.household.to_string();
        m.class = self.class.map_or("", Class::name).into();
        m.causes = cause_words(self.causes);
        m.helping_unit = org_text(self.helping_unit);
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self {
            household: household("household", &m.household)?,
            class: maybe("class", &m.class, Class::parse)?,
            causes: causes(&m.causes)?,
            helping_unit: maybe("helping_unit", &m.helping_unit, OrgId::id)?,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for HouseholdMoved {
    type Message = m::HouseholdMoved;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.household = self.household.to_string();
        m.village = area_text(self.village);
        m.from_village = area_text(self.from_village);
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self {
            household: household("household", &m.household)?,
            village: area("village", &m.village)?,
            from_village: area("from_village", &m.from_village)?,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for HouseholdSplit {
    type Message = m::HouseholdSplit;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.household = self.household.to_string();
        m.new_household = self.new_household.to_string();
        m.members = self.members.iter().map(|no| u32::from(*no)).collect();
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self {
            household: household("household", &m.household)?,
            new_household: household("new_household", &m.new_household)?,
            members: m.members.iter().map(|no| number("members", *no)).collect::<Result<_, _>>()?,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for HouseholdsMerged {
    type Message = m::HouseholdsMerged;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.into = self.into.to_string();
        m.from = self.from.to_string();
        let pair = |(old, new): &(u8, u8)| m::Renumbered {
            old_no: u32::from(*old),
            new_no: u32::from(*new),
        };
        m.members = self.members.iter().map(pair).collect();
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let pair = |pair: &m::Renumbered| {
            Ok((number("old_no", pair.old_no)?, number("new_no", pair.new_no)?))
        };
        let body = Self {
            into: household("into", &m.into)?,
            from: household("from", &m.from)?,
            members: m.members.iter().map(pair).collect::<Result<_, _>>()?,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for HouseholdExited {
    type Message = m::HouseholdExited;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        (m.household, m.year) = (self.household.to_string(), u32::from(self.year));
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let household = household("household", &m.household)?;
        Ok((Self { household, year: number("year", m.year)? }, read_common!(m)))
    }
}

/// A household with a reason in words.
macro_rules! reasoned {
    ($($name:ident),*) => {
        $(impl Payload for $name {
            type Message = m::$name;

            fn fill(&self, common: &Common, m: &mut Self::Message) {
                common!(m, common);
                m.household = self.household.to_string();
                m.reason.clone_from(&self.reason);
            }

            fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
                let household = household("household", &m.household)?;
                Ok((Self { household, reason: m.reason.clone() }, read_common!(m)))
            }
        })*
    };
}
reasoned! { HouseholdReturned, HouseholdRemoved, HouseholdReinstated }

impl Payload for HouseholdDissolved {
    type Message = m::HouseholdDissolved;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        (m.household, m.reason) = (self.household.to_string(), self.reason.name().into());
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let household = household("household", &m.household)?;
        let reason = need("reason", DissolvedReason::parse(&m.reason))?;
        Ok((Self { household, reason }, read_common!(m)))
    }
}

impl Payload for MemberAdded {
    type Message = m::MemberAdded;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.household = self.household.to_string();
        m.member = Some(member_message(&self.member));
        m.reason = self.reason.name().into();
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self {
            household: household("household", &m.household)?,
            member: member(need("member", m.member.as_ref())?)?,
            reason: need("reason", AddedReason::parse(&m.reason))?,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for MemberAmended {
    type Message = m::MemberAmended;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        (m.household, m.no) = (self.household.to_string(), u32::from(self.no));
        m.ability = self.ability.map_or("", Ability::name).into();
        (m.dibao, m.student, m.insured) = (self.dibao, self.student, self.insured);
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self {
            household: household("household", &m.household)?,
            no: number("no", m.no)?,
            ability: maybe("ability", &m.ability, Ability::parse)?,
            dibao: m.dibao,
            student: m.student,
            insured: m.insured,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for MemberLeft {
    type Message = m::MemberLeft;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        (m.household, m.no) = (self.household.to_string(), u32::from(self.no));
        m.reason = self.reason.name().into();
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self {
            household: household("household", &m.household)?,
            no: number("no", m.no)?,
            reason: need("reason", LeftReason::parse(&m.reason))?,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for MemberDied {
    type Message = m::MemberDied;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        (m.household, m.no) = (self.household.to_string(), u32::from(self.no));
        m.died = days(self.died);
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self {
            household: household("household", &m.household)?,
            no: number("no", m.no)?,
            died: of_days("died", m.died)?,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for MemberMoved {
    type Message = m::MemberMoved;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        (m.from, m.no) = (self.from.to_string(), u32::from(self.no));
        (m.to, m.new_no) = (self.to.to_string(), u32::from(self.new_no));
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self {
            from: household("from", &m.from)?,
            no: number("no", m.no)?,
            to: household("to", &m.to)?,
            new_no: number("new_no", m.new_no)?,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for AccountBound {
    type Message = m::AccountBound;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.household = self.household.to_string();
        m.account = self.account.0.to_vec();
        m.account_kind = self.account_kind.name().into();
        m.holder = self.holder.0.to_vec();
        m.guardian_reason.clone_from(&self.guardian_reason);
        m.primary = self.primary;
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self {
            household: household("household", &m.household)?,
            account: need("account", Token::of(&m.account))?,
            account_kind: need("account_kind", AccountKind::parse(&m.account_kind))?,
            holder: need("holder", Token::of(&m.holder))?,
            guardian_reason: m.guardian_reason.clone(),
            primary: m.primary,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for AccountReleased {
    type Message = m::AccountReleased;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.household = self.household.to_string();
        m.account = self.account.0.to_vec();
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let household = household("household", &m.household)?;
        let account = need("account", Token::of(&m.account))?;
        Ok((Self { household, account }, read_common!(m)))
    }
}
