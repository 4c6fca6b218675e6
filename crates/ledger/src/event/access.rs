//! Access events: organisations, roles, signing keys, connection keys (500-505).

use crate::event::{At, Body, Drift};
use crate::field::Field;
use crate::ids::{Date, OfficialId, OrgId, Token, Unit, official};
use crate::state::State;
use crate::voucher::{LineRef, Value, VoucherBuilder};
use crate::words::{OrgKind, Role};

/// 500: an organisation enters the ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrganisationRegistered {
    /// Its id: kind, unit code, and a suffix where several share them.
    pub organisation: OrgId,
    /// Its kind.
    pub kind: OrgKind,
    /// Its unit; of a helping unit its seat.
    pub unit: Unit,
}

/// 501: an official is given a role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleGranted {
    /// The official.
    pub official: OfficialId,
    /// The official's organisation.
    pub organisation: OrgId,
    /// The role.
    pub role: Role,
    /// Units in scope, each with all below it, in the order given.
    pub scope: Vec<Unit>,
    /// The official's person token, to be compared with payees (F29).
    pub person: Option<Token>,
}

/// 502: a role is taken back; the effective date is the first day without.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleRevoked {
    /// The official.
    pub official: OfficialId,
    /// The official's organisation.
    pub organisation: OrgId,
    /// The role.
    pub role: Role,
}

/// 503: an official's signing key; it takes the place of one before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OfficialKeyRegistered {
    /// The official.
    pub official: OfficialId,
    /// Ed25519 public key.
    pub public_key: [u8; 32],
}

/// 504: a connection key is bound to an organisation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateBound {
    /// The organisation.
    pub organisation: OrgId,
    /// Hash of the connection's public key.
    pub key_hash: [u8; 32],
    /// Last day on which it is accepted.
    pub not_after: Date,
}

/// 505: a connection key is revoked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateRevoked {
    /// Hash of the connection's public key.
    pub key_hash: [u8; 32],
}

fn organisation(line: LineRef<'_>) -> Option<OrgId> {
    OrgId::id(line.text(Field::Organisation))
}

fn role(line: LineRef<'_>) -> Option<Role> {
    Role::parse(line.text(Field::Role))
}

impl OrganisationRegistered {
    /// Reads a line; `None` for one that did not pass the form checks.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        Some(Self {
            organisation: organisation(line)?,
            kind: OrgKind::parse(line.text(Field::OrgKind))?,
            unit: Unit::parse_exact(line.text(Field::Unit))?,
        })
    }
}

impl RoleGranted {
    /// Reads a line; `None` for one that did not pass the form checks.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        let units = line.list(Field::Scope);
        Some(Self {
            official: official(line.text(Field::Official))?,
            organisation: organisation(line)?,
            role: role(line)?,
            scope: units
                .iter()
                .map(|unit| Unit::parse_exact(Value::text(unit)))
                .collect::<Option<_>>()?,
            person: line.token(Field::Person),
        })
    }
}

impl RoleRevoked {
    /// Reads a line; `None` for one that did not pass the form checks.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        let official = official(line.text(Field::Official))?;
        Some(Self { official, organisation: organisation(line)?, role: role(line)? })
    }
}

impl OfficialKeyRegistered {
    /// Reads a line; `None` for one that did not pass the form checks.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        let official = official(line.text(Field::Official))?;
        Some(Self { official, public_key: line.blob(Field::PublicKey).try_into().ok()? })
    }
}

impl CertificateBound {
    /// Reads a line; `None` for one that did not pass the form checks.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        Some(Self {
            organisation: organisation(line)?,
            key_hash: line.blob(Field::KeyHash).try_into().ok()?,
            not_after: Date::parse(line.text(Field::NotAfter))?,
        })
    }
}

impl CertificateRevoked {
    /// Reads a line; `None` for one that did not pass the form checks.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        Some(Self { key_hash: line.blob(Field::KeyHash).try_into().ok()? })
    }
}

impl Body for OrganisationRegistered {
    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Organisation, self.organisation.as_str())
            .text(Field::OrgKind, self.kind.name())
            .text(Field::Unit, &self.unit.to_string());
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.access.register(self.organisation, self.kind, self.unit, at)
    }
}

impl Body for RoleGranted {
    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Official, self.official.as_str())
            .text(Field::Organisation, self.organisation.as_str())
            .text(Field::Role, self.role.name());
        for unit in &self.scope {
            line.push_text(Field::Scope, &unit.to_string());
        }
        if let Some(person) = self.person {
            line.token(Field::Person, person);
        }
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        let holder = (self.official, self.organisation);
        state.access.grant(holder, self.role, &self.scope, self.person, at.date)
    }
}

impl Body for RoleRevoked {
    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Official, self.official.as_str())
            .text(Field::Organisation, self.organisation.as_str())
            .text(Field::Role, self.role.name());
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.access.revoke(self.official, self.role, at.date)
    }
}

impl Body for OfficialKeyRegistered {
    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Official, self.official.as_str()).blob(Field::PublicKey, &self.public_key);
    }

    fn evolve(&self, state: &mut State, _: &At) -> Result<(), Drift> {
        state.access.set_key(self.official, self.public_key)
    }
}

impl Body for CertificateBound {
    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Organisation, self.organisation.as_str())
            .blob(Field::KeyHash, &self.key_hash)
            .text(Field::NotAfter, &self.not_after.to_string());
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.access.bind_certificate(self.key_hash, self.organisation, self.not_after, at.date)
    }
}

impl Body for CertificateRevoked {
    fn fields(&self, line: &mut VoucherBuilder) {
        line.blob(Field::KeyHash, &self.key_hash);
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.access.revoke_certificate(self.key_hash, at.date)
    }
}
