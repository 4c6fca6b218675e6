//! Payee accounts: which account was bound to which household, from when to when.

use super::{NONE, OPEN, Registry, full, missing};
use crate::event::Drift;
use crate::ids::{Date, Token};
use crate::saved::saved_fields;
use crate::words::AccountKind;

/// A binding of an account to a household.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The account.
    pub account: Token,
    /// The person who holds it.
    pub holder: Token,
    /// Row of the household.
    pub household: u32,
    /// Binding of the household entered before.
    next: u32,
    /// Later binding of the account.
    next_account: u32,
    from: u32,
    /// First day without.
    end: u32,
    bits: u8,
}

const _: () = assert!(size_of::<Binding>() == 56);

saved_fields!(Binding { account, holder, household, next, next_account, from, end, bits });

const BANK: u8 = 1;
const PRIMARY: u8 = 2;
const GUARDIAN: u8 = 4;

impl Binding {
    /// Kind of the account.
    pub fn kind(&self) -> AccountKind {
        if self.bits & BANK == 0 { AccountKind::Yikatong } else { AccountKind::Bank }
    }

    /// Whether it is the household's primary account.
    pub fn is_primary(&self) -> bool {
        self.bits & PRIMARY != 0
    }

    /// Whether a guardian's reason was given for a holder outside the household.
    pub fn has_guardian(&self) -> bool {
        self.bits & GUARDIAN != 0
    }

    /// Whether money may go there on a date. The day of release does not count.
    pub fn open_on(&self, date: Date) -> bool {
        self.from <= date.0 && date.0 < self.end
    }

    /// First day.
    pub fn from(&self) -> Date {
        Date(self.from)
    }

    /// First day without, if it has ended.
    pub fn end(&self) -> Option<Date> {
        (self.end != OPEN).then_some(Date(self.end))
    }
}

/// What a payment of a date finds for an account and a household.
#[derive(Clone, Copy, Debug)]
pub enum BindingOn<'a> {
    /// The account was never bound to any household (2030).
    Unknown,
    /// It was never bound to this one (3047).
    Elsewhere,
    /// It was or will be bound to this one, and is not on the date (3048): since when not, or the day before
    /// which not yet.
    Closed(Date),
    /// It is bound.
    Open(&'a Binding),
}

impl Registry {
    /// Whether an account was ever bound to a household (2030).
    pub fn account_known(&self, account: Token) -> bool {
        self.first_binding(account).is_some()
    }

    /// What is known of an account for a household on a date.
    pub fn binding_on(&self, account: Token, household: u32, date: Date) -> BindingOn<'_> {
        let mut found = BindingOn::Unknown;
        for (_, binding) in self.account_bindings(account) {
            if binding.household != household {
                if matches!(found, BindingOn::Unknown) {
                    found = BindingOn::Elsewhere;
                }
            } else if binding.open_on(date) {
                return BindingOn::Open(binding);
            } else {
                found = BindingOn::Closed(binding.end().unwrap_or(binding.from()));
            }
        }
        found
    }

    /// The binding of an account to a household that has not ended (2032).
    pub fn open_binding(&self, account: Token, household: u32) -> Option<&Binding> {
        let mut all = self.account_bindings(account).map(|(_, binding)| binding);
        all.find(|binding| binding.household == household && binding.end == OPEN)
    }

    /// Whether a binding of an account that has not ended stands anywhere.
    pub fn account_open(&self, account: Token) -> bool {
        self.account_bindings(account).any(|(_, binding)| binding.end == OPEN)
    }

    /// The bindings of a household, newest first.
    pub fn bindings(&self, household: u32) -> impl Iterator<Item = &Binding> {
        self.household_bindings(household).map(|(_, binding)| binding)
    }

    fn household_bindings(&self, household: u32) -> impl Iterator<Item = (u32, &Binding)> {
        let row = move |no: u32| Some((no, self.bindings.get(no)?));
        let head = self.households.get(household).map_or(NONE, |row| row.bindings);
        std::iter::successors(row(head), move |(_, binding)| row(binding.next))
    }

    fn account_bindings(&self, account: Token) -> impl Iterator<Item = (u32, &Binding)> {
        let row = move |no: u32| Some((no, self.bindings.get(no)?));
        let first = self.first_binding(account).and_then(row);
        std::iter::successors(first, move |(_, binding)| row(binding.next_account))
    }

    pub(super) fn first_binding(&self, account: Token) -> Option<u32> {
        self.binding_of.get(&account, |no| self.bindings.get(no).map(|row| row.account))
    }

    /// Binds an account from a date on (130).
    pub(crate) fn bind(
        &mut self,
        household: u32,
        (account, kind): (Token, AccountKind),
        holder: Token,
        (primary, guardian): (bool, bool),
        date: Date,
    ) -> Result<(), Drift> {
        if primary {
            self.clear_primary(household)?;
        }
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let bits = flag(kind == AccountKind::Bank, BANK)
            | flag(primary, PRIMARY)
            | flag(guardian, GUARDIAN);
        let next = self.households.get(household).ok_or(missing("household"))?.bindings;
        let (from, end, next_account) = (date.0, OPEN, NONE);
        let row = Binding { account, holder, household, next, next_account, from, end, bits };
        let last = self.account_bindings(account).last().map(|(no, _)| no);
        let new = self.bindings.push(row).ok_or_else(full)?;
        self.households.edit(household).ok_or(missing("household"))?.bindings = new;
        if let Some(last) = last {
            self.bindings.edit(last).ok_or(missing("binding"))?.next_account = new;
        } else {
            let bindings = &self.bindings;
            self.binding_of.insert(new, &account, |no| bindings.get(no).map(|row| row.account));
        }
        Ok(())
    }

    /// One account of a household is primary: the one that was said to be so last.
    fn clear_primary(&mut self, household: u32) -> Result<(), Drift> {
        let primary: Vec<u32> = self
            .household_bindings(household)
            .filter(|(_, binding)| binding.is_primary())
            .map(|(no, _)| no)
            .collect();
        for no in primary {
            self.bindings.edit(no).ok_or(missing("binding"))?.bits &= !PRIMARY;
        }
        Ok(())
    }

    /// Ends a binding (131): the date is the first day without. An account that is not bound stays so:
    /// the release was posted by exception.
    pub(crate) fn release(
        &mut self,
        household: u32,
        account: Token,
        date: Date,
    ) -> Result<(), Drift> {
        // An exception may release what is not bound on the day: that ends nothing.
        let open = self
            .account_bindings(account)
            .find(|(_, binding)| {
                binding.household == household && binding.end == OPEN && binding.from <= date.0
            })
            .map(|(no, _)| no);
        if let Some(no) = open {
            self.bindings.edit(no).ok_or(missing("binding"))?.end = date.0;
        }
        Ok(())
    }
}
