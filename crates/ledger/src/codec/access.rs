//! Access events as messages.

use proto::log::v1 as m;
use record::Record;

use super::{DecodeError, Payload, common, days, need, of_days, read_common};
use crate::event::Common;
use crate::event::access::{
    CertificateBound, CertificateRevoked, OfficialKeyRegistered, OrganisationRegistered,
    RoleGranted, RoleRevoked,
};
use crate::ids::{OfficialId, OrgId, Token, Unit, official};
use crate::words::{OrgKind, Role};

type Decoded<T> = Result<(T, Common), DecodeError>;

fn organisation(text: &str) -> Result<OrgId, DecodeError> {
    need("organisation", OrgId::id(text))
}

fn official_id(text: &str) -> Result<OfficialId, DecodeError> {
    need("official", official(text))
}

impl Payload for OrganisationRegistered {
    type Message = m::OrganisationRegistered;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.organisation = self.organisation.to_string();
        m.org_kind = self.kind.name().into();
        m.unit = self.unit.to_string();
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self {
            organisation: organisation(&m.organisation)?,
            kind: need("org_kind", OrgKind::parse(&m.org_kind))?,
            unit: need("unit", Unit::parse_exact(&m.unit))?,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for RoleGranted {
    type Message = m::RoleGranted;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.official = self.official.to_string();
        m.organisation = self.organisation.to_string();
        m.role = self.role.name().into();
        m.scope = self.scope.iter().map(ToString::to_string).collect();
        m.person = self.person.map_or_else(Vec::new, |person| person.0.to_vec());
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let units = m.scope.iter().map(|unit| Unit::parse_exact(unit));
        let person =
            if m.person.is_empty() { None } else { Some(need("person", Token::of(&m.person))?) };
        let body = Self {
            official: official_id(&m.official)?,
            organisation: organisation(&m.organisation)?,
            role: need("role", Role::parse(&m.role))?,
            scope: need("scope", units.collect::<Option<_>>())?,
            person,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for RoleRevoked {
    type Message = m::RoleRevoked;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.official = self.official.to_string();
        m.organisation = self.organisation.to_string();
        m.role = self.role.name().into();
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self {
            official: official_id(&m.official)?,
            organisation: organisation(&m.organisation)?,
            role: need("role", Role::parse(&m.role))?,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for OfficialKeyRegistered {
    type Message = m::OfficialKeyRegistered;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.official = self.official.to_string();
        m.public_key = self.public_key.to_vec();
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let public_key = need("public_key", m.public_key[..].try_into().ok())?;
        Ok((Self { official: official_id(&m.official)?, public_key }, read_common!(m)))
    }
}

impl Payload for CertificateBound {
    type Message = m::CertificateBound;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.organisation = self.organisation.to_string();
        m.key_hash = self.key_hash.to_vec();
        m.not_after = days(self.not_after);
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self {
            organisation: organisation(&m.organisation)?,
            key_hash: need("key_hash", m.key_hash[..].try_into().ok())?,
            not_after: of_days("not_after", m.not_after)?,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for CertificateRevoked {
    type Message = m::CertificateRevoked;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.key_hash = self.key_hash.to_vec();
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let key_hash = need("key_hash", m.key_hash[..].try_into().ok())?;
        Ok((Self { key_hash }, read_common!(m)))
    }
}
