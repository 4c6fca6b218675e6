//! The rows that facts are kept in: flat, numbered, appended.
//!
//! Always: a row is what one record said; what later records say of it stands in rows of their own, but for
//! ends of memberships and bindings and the marks of a payment.

use ledger::ids::{Date, OfficialId, OrgId, Purpose, Source, Token, Unit, VoucherNo};
use ledger::words::{Ability, HouseholdState, Programme};

use crate::table::No;

/// Position of a record in 32 bits: four milliards of records are more than a disk of this ledger holds.
pub(crate) type At = u32;

/// A voucher's header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Voucher {
    pub(crate) first: At,
    pub(crate) lines: u32,
    pub(crate) organisation: OrgId,
    pub(crate) number: VoucherNo,
    pub(crate) prepared: No,
    /// `NONE`: nobody had to.
    pub(crate) approved: No,
    pub(crate) date: Date,
    pub(crate) posted: Date,
    /// Posted with an exception reason.
    pub(crate) exception: bool,
    /// Holds records of kinds 310 to 361.
    pub(crate) money: bool,
    pub(crate) fen: i64,
}

/// From where a payment was made: unit, quota and the village that it counts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    pub(crate) unit: Unit,
    pub(crate) quota: No,
    pub(crate) village: Unit,
}

/// A payment (330, 331) in 28 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payment {
    pub(crate) seq: At,
    /// Household, or project when [`PROJECT`] is set.
    pub(crate) payee: No,
    pub(crate) account: No,
    pub(crate) route: No,
    /// Amount in 50 bits, purpose in 12, in two halves so that the row needs no padding.
    pub(super) packed: [u32; 2],
    pub(super) day: u16,
    /// 0: none was named.
    pub(crate) member: u8,
    pub(crate) marks: u8,
}

/// The payee is a project.
pub(crate) const PROJECT: u8 = 1;
/// Something came back of it.
pub(crate) const TOUCHED: u8 = 2;
/// It is reversed.
pub(crate) const REVERSED: u8 = 4;

const FEN_BITS: u32 = 50;

impl Payment {
    /// Packs a row. Amounts of a line are below 2^50, dates before the year 2195.
    pub(crate) fn new(seq: At, date: Date, fen: i64, purpose: Purpose) -> Self {
        let fen = u64::try_from(fen).unwrap_or(0) & ((1 << FEN_BITS) - 1);
        let packed = fen | (u64::from(purpose_number(purpose)) << FEN_BITS);
        let half = |n: u64| u32::try_from(n & u64::from(u32::MAX)).unwrap_or(0);
        let day = date.0.saturating_sub(Date::REGISTER_START.0);
        Self {
            seq,
            payee: 0,
            account: crate::table::NONE,
            route: 0,
            packed: [half(packed), half(packed >> 32)],
            day: u16::try_from(day).unwrap_or(u16::MAX),
            member: 0,
            marks: 0,
        }
    }

    fn bits(&self) -> u64 {
        let [low, high] = self.packed;
        u64::from(low) | (u64::from(high) << 32)
    }

    pub(crate) fn fen(&self) -> i64 {
        i64::try_from(self.bits() & ((1 << FEN_BITS) - 1)).unwrap_or(0)
    }

    pub(crate) fn purpose(&self) -> u16 {
        u16::try_from(self.bits() >> FEN_BITS).unwrap_or(0)
    }

    pub(crate) fn date(&self) -> Date {
        Date(Date::REGISTER_START.0.saturating_add(u32::from(self.day)))
    }

    pub(crate) fn is(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }
}

/// A purpose code in 12 bits: letter and two digits.
pub(crate) fn purpose_number(purpose: Purpose) -> u16 {
    let mut bytes = purpose.as_bytes().iter().copied();
    let letter = bytes.next().map_or(0, |b| b.saturating_sub(b'A') & 31);
    let digits = bytes
        .fold(0_u16, |n, b| n.saturating_mul(10).saturating_add(u16::from(b.saturating_sub(b'0'))));
    (u16::from(letter) << 7) | (digits & 127)
}

/// The code of a number that [`purpose_number`] made.
pub(crate) fn purpose_of(number: u16) -> Purpose {
    let letter = u8::try_from(number >> 7).unwrap_or(0).saturating_add(b'A');
    let text = format!("{}{:02}", char::from(letter), number & 127);
    Purpose::new(&text).unwrap_or_default()
}

/// Money that came back of a payment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Back {
    pub(crate) seq: At,
    pub(crate) date: Date,
    pub(crate) fen: i64,
}

/// A person in a household, from `from` to the day before `until`. There is one end at most, as of a grant: the
/// ledger refuses an end of what has ended, also one dated earlier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Membership {
    pub(crate) household: No,
    pub(crate) person: No,
    pub(crate) seq: At,
    pub(crate) from: Date,
    pub(crate) until: Date,
    /// `Date(u32::MAX)`: no death is known.
    pub(crate) died: Date,
    pub(crate) ended_by: At,
    pub(crate) no: u8,
    pub(crate) ability: Ability,
}

/// A day that never comes.
pub(crate) const NEVER: Date = Date(u32::MAX);

impl Membership {
    pub(crate) fn active(&self, date: Date) -> bool {
        self.from <= date && date < self.until
    }
}

/// A household's state or village from a day on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) seq: At,
    pub(crate) date: Date,
    /// `None`: the state stays.
    pub(crate) state: Option<HouseholdState>,
    /// `None`: the village stays.
    pub(crate) village: Option<Unit>,
}

/// An account bound to a household.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding {
    pub(crate) household: No,
    pub(crate) account: No,
    pub(crate) holder: No,
    pub(crate) seq: At,
    pub(crate) from: Date,
    pub(crate) until: Date,
    pub(crate) guardian: bool,
}

/// What a quota is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quota {
    pub(crate) source: Source,
    pub(crate) treasury: Unit,
    pub(crate) home: Unit,
    pub(crate) programme: Programme,
    pub(crate) issued: At,
    pub(crate) date: Date,
}

/// A movement of a unit's cash or quota that is no payment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move {
    pub(crate) seq: At,
    pub(crate) date: Date,
    pub(crate) unit: Unit,
    pub(crate) quota: No,
    pub(crate) hold: i64,
    pub(crate) right: i64,
}

/// An amount of something on a day: of a quota, a project or a unit, as the list says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum {
    pub(crate) seq: At,
    pub(crate) date: Date,
    pub(crate) of: No,
    pub(crate) fen: i64,
}

/// A plan of a home city.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    pub(crate) seq: At,
    pub(crate) date: Date,
    pub(crate) home: Unit,
    pub(crate) parts: [i64; 3],
}

/// Quota passed between a city and its county, below zero when it was taken back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Release {
    pub(crate) seq: At,
    pub(crate) date: Date,
    pub(crate) quota: No,
    pub(crate) city: Unit,
    pub(crate) county: Unit,
    pub(crate) fen: i64,
}

/// Money that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) seq: At,
    pub(crate) date: Date,
    pub(crate) quota: No,
    pub(crate) from_source: bool,
    pub(crate) to: Unit,
    pub(crate) fen: i64,
}

/// What arrived of sent money, or came back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) seq: At,
    pub(crate) date: Date,
    pub(crate) sent: At,
    pub(crate) arrived: bool,
    pub(crate) fen: i64,
}

/// Benefit of a project given to a household (`None`: a village), below zero when withdrawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Benefit {
    pub(crate) seq: At,
    pub(crate) date: Date,
    pub(crate) project: No,
    pub(crate) household: Option<No>,
    pub(crate) village: Unit,
    pub(crate) fen: i64,
}

/// Asset income paid out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Income {
    pub(crate) seq: At,
    pub(crate) date: Date,
    pub(crate) project: No,
    pub(crate) household: Option<No>,
    pub(crate) account: No,
    pub(crate) fen: i64,
}

/// A project.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Project {
    pub(crate) unit: Unit,
    pub(crate) p04: bool,
    pub(crate) accepted: Option<(Date, At)>,
}

/// A reversal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reversal {
    pub(crate) seq: At,
    pub(crate) date: Date,
    pub(crate) original: At,
    pub(crate) original_date: Date,
    pub(crate) unit: Unit,
    pub(crate) purpose: bool,
    pub(crate) fen: i64,
}

/// A bank balance that was asserted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assertion {
    pub(crate) seq: At,
    pub(crate) date: Date,
    pub(crate) unit: Unit,
    pub(crate) difference: i64,
}

/// A role that F29 looks at, of an official whose person is known.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) seq: At,
    pub(crate) official: OfficialId,
    pub(crate) role: ledger::words::Role,
    pub(crate) person: Token,
    pub(crate) scope: Vec<Unit>,
    pub(crate) from: Date,
    pub(crate) until: Date,
}
