//! Age of money: what a unit still holds of a quota, by the day on which it came, first in, first out.
//!
//! Lives here: the fold over the legs of `C.hold` and what is left of each day. Lives elsewhere: what is
//! made of it (the report of idle money, the flag of idle money).
//!
//! Always: what is left adds up to the balance of the account; a record that is reversed, and its
//! reversal, count as if neither had been. Source: domain contract, 7.1 ("Age of money").

use std::collections::BTreeMap;

use ledger::account::Account;
use ledger::ids::{Date, QuotaId, Unit};
use record::Record;

use crate::drift::Drift;

/// Money that came in by day, and all that went out.
#[derive(Clone, Debug, Default)]
struct Held {
    came: BTreeMap<Date, i64>,
    went: i64,
}

/// All that units hold, by unit and quota.
#[derive(Clone, Debug, Default)]
pub(crate) struct Idle {
    accounts: BTreeMap<(Unit, QuotaId), Held>,
}

impl Idle {
    /// Takes a record's movements of held money.
    ///
    /// # Errors
    /// [`Drift::Overflow`] where a sum leaves 64 bits.
    pub(crate) fn take(&mut self, record: &Record<'_>) -> Result<(), Drift> {
        let overflow = || Drift::Overflow { row: "held money" };
        for leg in record.legs() {
            let Some(Account::Hold(unit, quota)) = Account::parse(leg.path) else { continue };
            let held = self.accounts.entry((unit, quota)).or_default();
            let fen = leg.fen;
            if 0 < fen {
                let came = held.came.entry(Date(record.date())).or_default();
                *came = came.checked_add(fen).ok_or_else(overflow)?;
            } else {
                held.went = held.went.checked_sub(fen).ok_or_else(overflow)?;
            }
        }
        Ok(())
    }

    /// Returns what is left, oldest day first, of each account that does not stand at 0. Of a day, an
    /// account may be overdrawn: then one lot says by how much, dated the last day on which money came.
    pub(crate) fn left(&self) -> impl Iterator<Item = (Unit, QuotaId, Vec<(Date, i64)>)> {
        let accounts = self.accounts.iter();
        accounts
            .map(|((unit, quota), held)| (*unit, *quota, held.left()))
            .filter(|(_, _, lots)| !lots.is_empty())
    }
}

impl Held {
    /// Takes all that went out off what came first. The order of what went out makes no difference: every
    /// fen that left took the oldest that was there, or one that came to fill the gap.
    fn left(&self) -> Vec<(Date, i64)> {
        let (mut went, mut left) = (self.went, Vec::new());
        for (date, came) in &self.came {
            let taken = went.min(*came);
            went = went.saturating_sub(taken);
            if taken < *came {
                left.push((*date, came.saturating_sub(taken)));
            }
        }
        if 0 < went {
            let date = self.came.keys().last().copied().unwrap_or(Date(0));
            left.push((date, went.saturating_neg()));
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(came: &[(u32, i64)], went: i64) -> Vec<(u32, i64)> {
        let came = came.iter().map(|(day, fen)| (Date(*day), *fen)).collect();
        Held { came, went }.left().into_iter().map(|(day, fen)| (day.0, fen)).collect()
    }

    #[test]
    fn what_came_first_goes_first() {
        let came = [(10, 100), (20, 50), (30, 7)];
        assert_eq!(left(&came, 0), came);
        assert_eq!(left(&came, 99), [(10, 1), (20, 50), (30, 7)]);
        assert_eq!(left(&came, 100), [(20, 50), (30, 7)]);
        assert_eq!(left(&came, 101), [(20, 49), (30, 7)]);
        assert_eq!(left(&came, 157), []);
        assert_eq!(left(&came, 160), [(30, -3)]);
        assert_eq!(left(&[], 5), [(0, -5)]);
    }
}
