//! Organisations, officials, roles, keys.
//!
//! Lives here: who holds which role, where, from when to when.
//! Lives elsewhere: which role an act needs (`roles`).
//!
//! Always: an official belongs to one organisation for ever; ends are exclusive; a role is asked for on
//! the posting date.

use record::Seq;

use crate::event::{At, Drift};
use crate::ids::{Date, OfficialId, OrgId, Token, Unit};
use crate::saved::{saved_fields, state_fields};
use crate::table::{Index, Ordered, Table};
use crate::words::{OrgKind, Role};

const NONE: u32 = u32::MAX;
const OPEN: u32 = u32::MAX;

/// An organisation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Organisation {
    /// Its id.
    pub id: OrgId,
    /// Its kind.
    pub kind: OrgKind,
    /// Its unit; of a helping unit its seat.
    pub unit: Unit,
    /// Position of the record that registered it (5025).
    pub seq: Seq,
}

/// An official.
#[derive(Clone, Copy, Debug)]
struct Official {
    id: OfficialId,
    organisation: u32,
    key: Option<[u8; 32]>,
    /// Grant posted last.
    grants: u32,
}

/// A role that an official was given.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The role.
    pub role: Role,
    scope: Box<[Unit]>,
    /// Person token of the official, if given.
    pub person: Option<Token>,
    from: Date,
    end: u32,
    next: u32,
}

impl Grant {
    /// Whether the role is held on a date. The day of revocation does not count.
    pub fn held_on(&self, date: Date) -> bool {
        self.from <= date && date.0 < self.end
    }

    /// First day on which it is held.
    pub fn from(&self) -> Date {
        self.from
    }

    /// Whether it has not been revoked.
    pub fn is_open(&self) -> bool {
        self.end == OPEN
    }

    /// Whether a unit lies in its scope.
    pub fn covers(&self, unit: Unit) -> bool {
        self.scope.iter().any(|scope| scope.contains(unit))
    }

    /// Units in scope, each with all below it.
    pub fn scope(&self) -> &[Unit] {
        &self.scope
    }
}

/// A connection key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Certificate {
    /// Organisation that it speaks for.
    pub organisation: OrgId,
    /// Last day on which it is accepted.
    pub not_after: Date,
    /// First day.
    pub from: Date,
    /// First day on which it is refused.
    pub revoked: Option<Date>,
}

/// Who may do what.
#[derive(Clone, Debug, Default)]
pub struct Access {
    organisations: Table<Organisation>,
    organisation_of: Index<OrgId>,
    /// Organisations of a kind at a unit, by id.
    seats: Ordered<(OrgKind, Unit, OrgId), ()>,
    officials: Table<Official>,
    official_of: Index<OfficialId>,
    grants: Table<Grant>,
    certificates: Table<Certificate>,
    certificate_of: Index<[u8; 32]>,
}

saved_fields!(Organisation { id, kind, unit, seq });
saved_fields!(Official { id, organisation, key, grants });
saved_fields!(Grant { role, scope, person, from, end, next });
saved_fields!(Certificate { organisation, not_after, from, revoked });
state_fields!(Access {
    organisations,
    organisation_of,
    seats,
    officials,
    official_of,
    grants,
    certificates,
    certificate_of,
});

impl Access {
    /// Whether no organisation exists: only at the first voucher of a ledger.
    pub fn is_empty(&self) -> bool {
        self.organisations.is_empty()
    }

    /// The organisation of an id (5010).
    pub fn organisation(&self, id: OrgId) -> Option<&Organisation> {
        self.organisations.get(self.organisation_of.get(&id)?)
    }

    /// All organisations, in the order of registration.
    pub fn organisations(&self) -> &Table<Organisation> {
        &self.organisations
    }

    /// The first organisation of a kind at a unit, by id.
    pub fn first_at(&self, kind: OrgKind, unit: Unit) -> Option<OrgId> {
        let from = (kind, unit, OrgId::EMPTY);
        let ((k, u, id), ()) = self.seats.range(from..).next()?;
        (*k == kind && *u == unit).then_some(*id)
    }

    /// Whether an official was ever given a role.
    pub fn official_known(&self, id: OfficialId) -> bool {
        self.official_of.get(&id).is_some()
    }

    /// The organisation that an official belongs to.
    pub fn organisation_of(&self, id: OfficialId) -> Option<&Organisation> {
        self.organisations.get(self.official(id)?.organisation)
    }

    /// The officials that belong to an organisation, in the order of their first grants.
    pub fn officials_of(&self, id: OrgId) -> impl Iterator<Item = OfficialId> {
        let organisation = self.organisation_of.get(&id);
        let rows = self.officials.iter();
        rows.filter(move |official| Some(official.organisation) == organisation).map(|o| o.id)
    }

    /// The signing key of an official.
    pub fn key(&self, id: OfficialId) -> Option<[u8; 32]> {
        self.official(id)?.key
    }

    /// The grants of an official, newest first.
    pub fn grants(&self, id: OfficialId) -> impl Iterator<Item = &Grant> {
        self.grant_rows(id).map(|(_, grant)| grant)
    }

    fn grant_rows(&self, id: OfficialId) -> impl Iterator<Item = (u32, &Grant)> {
        let row = move |no: u32| Some((no, self.grants.get(no)?));
        let head = self.official(id).map_or(NONE, |official| official.grants);
        std::iter::successors(row(head), move |(_, grant)| row(grant.next))
    }

    /// The role that an official holds on a date, at an organisation.
    pub fn has_role(&self, id: OfficialId, at: OrgId, role: Role, date: Date) -> bool {
        self.organisation_of(id).is_some_and(|organisation| organisation.id == at)
            && self.grants(id).any(|grant| grant.role == role && grant.held_on(date))
    }

    /// Whether an official holds one of these roles on a date, whatever the scope.
    pub fn holds_any(&self, id: OfficialId, roles: &[Role], date: Date) -> bool {
        self.grants(id).any(|grant| roles.contains(&grant.role) && grant.held_on(date))
    }

    /// Whether an official holds one of these roles on a date with a unit in its scope.
    pub fn holds_over(&self, id: OfficialId, roles: &[Role], unit: Unit, date: Date) -> bool {
        self.grants(id)
            .any(|grant| roles.contains(&grant.role) && grant.held_on(date) && grant.covers(unit))
    }

    /// What is known of a connection key.
    pub fn certificate(&self, key_hash: &[u8; 32]) -> Option<&Certificate> {
        self.certificates.get(self.certificate_of.get(key_hash)?)
    }

    fn official(&self, id: OfficialId) -> Option<&Official> {
        self.officials.get(self.official_of.get(&id)?)
    }

    /// 500.
    pub(crate) fn register(
        &mut self,
        id: OrgId,
        kind: OrgKind,
        unit: Unit,
        at: &At,
    ) -> Result<(), Drift> {
        if self.organisation(id).is_some() {
            return Err(Drift::of(format!("organisation {id} exists")));
        }
        let row = Organisation { id, kind, unit, seq: at.seq };
        let no = self.organisations.push(row).ok_or_else(full)?;
        self.organisation_of.insert(id, no);
        self.seats.insert((kind, unit, id), ());
        Ok(())
    }

    /// 501.
    pub(crate) fn grant(
        &mut self,
        (id, at): (OfficialId, OrgId),
        role: Role,
        scope: &[Unit],
        person: Option<Token>,
        from: Date,
    ) -> Result<(), Drift> {
        let unknown = || Drift::of(format!("organisation {at} is not registered"));
        let organisation = self.organisation_of.get(&at).ok_or_else(unknown)?;
        let no = if let Some(no) = self.official_of.get(&id) {
            no
        } else {
            let row = Official { id, organisation, key: None, grants: NONE };
            let no = self.officials.push(row).ok_or_else(full)?;
            self.official_of.insert(id, no);
            no
        };
        let official = self.officials.get(no).ok_or_else(full)?;
        if official.organisation != organisation {
            return Err(Drift::of(format!("official {id} belongs to another organisation")));
        }
        let (next, end) = (official.grants, OPEN);
        let grant = Grant { role, scope: scope.into(), person, from, end, next };
        let new = self.grants.push(grant).ok_or_else(full)?;
        self.officials.edit(no).ok_or_else(full)?.grants = new;
        Ok(())
    }

    /// 502. Ends every grant of the role that is held.
    pub(crate) fn revoke(&mut self, id: OfficialId, role: Role, date: Date) -> Result<(), Drift> {
        let held: Vec<u32> = self
            .grant_rows(id)
            .filter(|(_, grant)| grant.role == role && grant.end == OPEN)
            .map(|(no, _)| no)
            .collect();
        if held.is_empty() {
            return Err(Drift::of(format!("{id} does not hold {role}")));
        }
        for no in held {
            self.grants.edit(no).ok_or_else(full)?.end = date.0;
        }
        Ok(())
    }

    /// 503.
    pub(crate) fn set_key(&mut self, id: OfficialId, key: [u8; 32]) -> Result<(), Drift> {
        let unknown = || Drift::of(format!("official {id} is not known"));
        let no = self.official_of.get(&id).ok_or_else(unknown)?;
        self.officials.edit(no).ok_or_else(full)?.key = Some(key);
        Ok(())
    }

    /// 504.
    pub(crate) fn bind_certificate(
        &mut self,
        key_hash: [u8; 32],
        organisation: OrgId,
        not_after: Date,
        from: Date,
    ) -> Result<(), Drift> {
        if self.certificate(&key_hash).is_some() {
            return Err(Drift::of("connection key is bound already"));
        }
        let row = Certificate { organisation, not_after, from, revoked: None };
        let no = self.certificates.push(row).ok_or_else(full)?;
        self.certificate_of.insert(key_hash, no);
        Ok(())
    }

    /// 505.
    pub(crate) fn revoke_certificate(
        &mut self,
        key_hash: [u8; 32],
        date: Date,
    ) -> Result<(), Drift> {
        let unknown = || Drift::of("connection key is not bound");
        let no = self.certificate_of.get(&key_hash).ok_or_else(unknown)?;
        self.certificates.edit(no).ok_or_else(full)?.revoked = Some(date);
        Ok(())
    }
}

fn full() -> Drift {
    Drift::overflow("rows of access")
}
