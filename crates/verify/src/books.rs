//! The money: sides of zero, and the sums that no record may break.
//!
//! Lives here: the balances of all accounts, and identities 1-6, 8, 10 and 11 over legs alone: the table
//! `class` says which sums a leg is a part of.
//! Lives elsewhere: that legs are canonical and sum to zero in each book (`record`), and every rule
//! of who may pay what (nowhere in this program).
//!
//! Always: an identity is a sum of movements, zero for an empty ledger. So it holds at every position
//! exactly if it holds within every record, and is checked there, in parallel. What needs the records
//! before is little: each account's balance, and to whom a quota belongs.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::hint::black_box;

use foldhash::fast::RandomState;
use record::limits::{PATH_BYTES_MAX, RECORD_LEGS_MAX};
use record::{BOOKS, Book, Hash, LtHash, Record};

use crate::report::{Stop, to_u64};

/// The sums that each record leaves as they are, numbered as in the project's list of identities.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Law {
    Issued,
    Planned,
    Cash,
    Used,
    Attributed,
    Benefit,
    Income,
}

impl Law {
    /// Returns whose sum it is, and which two sides of it are equal.
    fn words(self) -> [&'static str; 2] {
        match self {
            // 4. Issued net of what was withdrawn to the top; available or used at some unit.
            Self::Issued => ["quota", "issued and held"],
            // 5. Planned of a source for a city.
            Self::Planned => ["plan", "planned and owed or issued"],
            // 6. Put in by the source; on the way, held, or paid.
            Self::Cash => ["quota", "cash put in and accounted for"],
            // 8. At one unit.
            Self::Used => ["unit and quota", "used and paid"],
            // 10, in its two halves: what a project cost.
            Self::Attributed => ["project", "cost and attribution"],
            Self::Benefit => ["project", "cost and benefit"],
            // 11. Declared; due or distributed.
            Self::Income => ["project", "income and distribution"],
        }
    }
}

/// Whose sum a leg belongs to.
#[derive(Clone, Copy)]
enum Whose {
    /// What the path names behind its class.
    Holder,
    /// The last part of the path: a quota.
    Last,
    /// What another leg of the record names.
    Other(Role),
    /// As [`Whose::Other`]; the last part of the name.
    LastOfOther(Role),
    /// As [`Whose::Other`], where both a plan and a quota are named; nobody's else.
    Joined(Role),
}

/// What some legs name for those beside them, and which legs do: `{src}.{city}` of a plan, a quota,
/// the unit and quota that pay, a project, and one that earned.
const ROLES: [&str; 5] =
    ["one plan (Q.plan, Q.owed)", "one quota", "one C.hold", "one B.open", "one I.due"];
const HOME: Role = 0;
const QUOTA: Role = 1;
const PAYER: Role = 2;
const PROJECT: Role = 3;
const EARNER: Role = 4;
type Role = usize;

/// A leg's part in a sum.
type Term = (Law, i128, Whose);

/// All that a verifier knows of a class, but for the four that are below zero: parts behind the class,
/// what the path names for other legs, and the sums it is a part of.
type Class = (usize, Option<(Role, Whose)>, &'static [Term]);

#[rustfmt::skip]
fn class(name: &[u8]) -> Option<Class> {
    use Law::{Attributed, Benefit, Cash, Income, Issued, Planned, Used};
    use Whose::{Holder, Joined, Last, LastOfOther, Other};
    Some(match name {
        b"Q.plan" | b"Q.owed" => (2, Some((HOME, Holder)), &[(Planned, 1, Holder), (Issued, 1, Joined(QUOTA))]),
        b"Q.quota" => (2, Some((QUOTA, Last)), &[(Issued, 1, Last), (Planned, 1, Joined(HOME))]),
        b"Q.used" => (2, Some((QUOTA, Last)), &[(Issued, 1, Last), (Planned, 1, Joined(HOME)), (Used, 1, Holder)]),
        b"C.src" => (3, None, &[(Cash, 1, Last)]),
        b"C.way" => (2, None, &[(Cash, 1, Last)]),
        b"C.hold" => (2, Some((PAYER, Holder)), &[(Cash, 1, Last)]),
        b"C.prior" => (2, None, &[(Cash, 1, Last), (Used, -1, Holder)]),
        b"C.hh" => (1, None, &[(Cash, 1, LastOfOther(PAYER)), (Used, -1, Other(PAYER))]),
        b"C.prj" => (1, None, &[(Cash, 1, LastOfOther(PAYER)), (Used, -1, Other(PAYER)), (Attributed, 1, Holder), (Benefit, 1, Holder)]),
        b"B.base" => (1, None, &[(Benefit, 1, Holder)]),
        b"B.open" => (1, Some((PROJECT, Holder)), &[(Attributed, -1, Holder)]),
        b"B.hh" | b"B.vil" => (1, None, &[(Attributed, -1, Other(PROJECT))]),
        b"I.op" => (1, None, &[(Income, 1, Holder)]),
        b"I.due" => (1, Some((EARNER, Holder)), &[(Income, 1, Holder)]),
        b"I.hh" | b"I.vil" => (1, None, &[(Income, 1, Other(EARNER))]),
        _ => return None,
    })
}

/// A path taken apart: `class.holder`, of which `last` is the last part.
struct Leg<'a> {
    path: &'a [u8],
    holder: &'a [u8],
    last: &'a [u8],
    fen: i128,
    terms: &'static [Term],
}

/// What the legs of a record name in a role.
#[derive(Clone, Copy, Default)]
enum Named<'a> {
    #[default]
    Nobody,
    One(&'a [u8]),
    Several,
}

/// A quota and the `{src}.{city}` whose plan it was issued from.
pub(crate) type Home = Box<[Box<[u8]>; 2]>;

/// The sums of one record, in buffers that the next one uses again.
#[derive(Default)]
pub(crate) struct Sums<'a> {
    legs: Vec<Leg<'a>>,
    named: [Named<'a>; 5],
    totals: Vec<(Law, &'a [u8], i128)>,
}

impl<'a> Sums<'a> {
    /// Checks the identities within one record. Returns the quota's home where the record names it.
    pub(crate) fn check(&mut self, record: &Record<'a>) -> Result<Option<Home>, Stop> {
        self.legs.clear();
        self.totals.clear();
        self.named = Default::default();
        for (path, fen) in record.legs().bytes() {
            self.split(path, fen.into()).ok_or_else(|| {
                let path = text(path);
                let what = format!("{path} is no account of the books");
                Stop::failure("books", &what, "a known class and its parts", path)
            })?;
        }
        for leg in &self.legs {
            for (law, sign, whose) in leg.terms {
                let subject = match whose {
                    Whose::Holder => leg.holder,
                    Whose::Last => leg.last,
                    Whose::Joined(_) if !self.names_home() => continue,
                    Whose::Other(role) | Whose::Joined(role) => self.one(*role, leg)?,
                    Whose::LastOfOther(role) => last_part(self.one(*role, leg)?),
                };
                let fen = sign * leg.fen;
                match self.totals.iter_mut().find(|(l, s, _)| l == law && *s == subject) {
                    Some((_, _, sum)) => *sum += fen,
                    None => self.totals.push((*law, subject, fen)),
                }
            }
        }
        if let Some((law, subject, sum)) = self.totals.iter().find(|(_, _, sum)| *sum != 0) {
            let [whose, terms] = law.words();
            let what = format!("{whose} {}: {terms} differ by {sum} fen", text(subject));
            return Err(Stop::failure("books", &what, "0 fen", format!("{sum} fen")));
        }
        let [Named::One(home), Named::One(quota), ..] = self.named else { return Ok(None) };
        Ok(Some(Box::new([quota.into(), home.into()])))
    }

    /// Takes a path apart; `None` for what is no account.
    fn split(&mut self, path: &'a [u8], fen: i128) -> Option<()> {
        // Byte by byte: this is done for every leg of the log.
        let (mut found, mut class_end, mut dot) = (0, 0, 1);
        for (at, _) in path.iter().enumerate().skip(2).filter(|(_, byte)| **byte == b'.') {
            if at == dot + 1 {
                return None;
            }
            class_end = if found == 0 { at } else { class_end };
            (found, dot) = (found + 1, at);
        }
        let (parts, role, terms) = class(path.get(..class_end)?)?;
        let (holder, last) = (path.get(class_end + 1..)?, path.get(dot + 1..)?);
        if found != parts || last.is_empty() {
            return None;
        }
        if let Some((role, whose)) = role {
            let name = if matches!(whose, Whose::Last) { last } else { holder };
            let named = self.named.get_mut(role)?;
            *named = match named {
                Named::Nobody => Named::One(name),
                Named::One(before) if *before == name => Named::One(name),
                _ => Named::Several,
            };
        }
        self.legs.push(Leg { path, holder, last, fen, terms });
        Some(())
    }

    /// Tells whether a plan and a quota stand in one record, which joins their sums.
    fn names_home(&self) -> bool {
        let [home, quota, ..] = self.named;
        !matches!((home, quota), (Named::Nobody, _) | (_, Named::Nobody))
    }

    /// Returns what the record names in a role; the leg needs it.
    fn one(&self, role: Role, leg: &Leg<'_>) -> Result<&'a [u8], Stop> {
        if let Some(Named::One(name)) = self.named.get(role) {
            return Ok(name);
        }
        let needs = ROLES.get(role).copied().unwrap_or_default();
        let path = text(leg.path);
        let what = format!("leg {path} stands beside no leg, or several, of {needs}");
        Err(Stop::failure("books", &what, needs, "none or several"))
    }
}

fn last_part(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b'.').next().unwrap_or_default()
}

/// Number of the view of accounts, which seals state the digest of.
const VIEW: u16 = 1;

/// An account and its balance in fen.
struct Account {
    path: [u8; PATH_BYTES_MAX],
    len: u8,
    /// Value enters here: never above zero; all others are never below.
    is_origin: bool,
    is_touched: bool,
    balance: i64,
    /// The balance that stands in the digest.
    digested: i64,
}

impl Account {
    fn new(name: &[u8]) -> Self {
        let mut path = [0; PATH_BYTES_MAX];
        path.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
        let len = u8::try_from(name.len().min(PATH_BYTES_MAX)).unwrap_or(0);
        let is_origin = std::str::from_utf8(name).is_ok_and(record::is_origin);
        Self { path, len, is_origin, is_touched: false, balance: 0, digested: 0 }
    }

    fn path(&self) -> &[u8] {
        self.path.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// Where a path's hash leads.
#[derive(Clone, Copy, Default)]
struct Slot {
    /// Another part of the hash.
    tag: u32,
    /// One more than the account's number; 0 is free.
    after: u32,
}

impl Slot {
    fn number(self) -> Option<usize> {
        usize::try_from(self.after).ok()?.checked_sub(1)
    }
}

fn tag(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or(0)
}

/// The balances of all accounts, and the home of each quota. The server's own books are other code: what
/// a seal says of them is held against these.
#[derive(Default)]
pub(crate) struct Books {
    /// By number, in order of first use.
    accounts: Vec<Account>,
    /// A power of two, at most half of them taken: whoever finds another's goes on to the next.
    slots: Vec<Slot>,
    hasher: RandomState,
    /// Numbers of the accounts that moved since the digest was made.
    touched: Vec<usize>,
    digest: LtHash,
    /// Numbers of the legs that are applied next; see [`Books::look_up`].
    next: std::vec::IntoIter<usize>,
    homes: BTreeMap<Box<[u8]>, Box<[u8]>>,
}

impl Books {
    /// Looks up the accounts of all legs of records that are applied next.
    ///
    /// A look-up is nothing but waiting for memory, two times in a row. So it is done in three turns
    /// over many legs, of which the first two only touch what the third needs: then they wait at once.
    pub(crate) fn look_up<'r>(&mut self, records: impl Iterator<Item = Record<'r>>) {
        // The next line of a voucher moves most of the accounts that the one before moved.
        let mut before = [(&[][..], 0); RECORD_LEGS_MAX];
        let (mut paths, mut legs) = (Vec::new(), Vec::new());
        for record in records {
            for (before, (path, _)) in before.iter_mut().zip(record.legs().bytes()) {
                if before.0 != path {
                    *before = (path, paths.len());
                    paths.push((self.hasher.hash_one(path), path));
                }
                legs.push(before.1);
            }
        }
        let slots = || paths.iter().filter_map(|(hash, _)| self.slots.get(self.slot(*hash)));
        black_box(slots().fold(0, |all, slot| all ^ slot.after));
        let accounts = slots().filter_map(|slot| self.accounts.get(slot.number()?));
        black_box(accounts.fold(0, |all, account| all ^ account.balance ^ i64::from(account.len)));
        let numbers = paths.iter().map(|(hash, path)| self.number(*hash, path)).collect::<Vec<_>>();
        for leg in &mut legs {
            *leg = numbers.get(*leg).copied().unwrap_or(usize::MAX);
        }
        self.next = legs.into_iter();
    }

    /// Where the search for a hash begins.
    fn slot(&self, hash: u64) -> usize {
        usize::try_from(hash).unwrap_or(0) & self.slots.len().wrapping_sub(1)
    }

    /// Finds the number of a path's account, or else the slot that is free for it.
    fn find(&self, hash: u64, path: &[u8]) -> Result<usize, usize> {
        let mut at = self.slot(hash);
        while let Some(slot) = self.slots.get(at) {
            let Some(number) = slot.number() else { break };
            let account = self.accounts.get(number).filter(|_| slot.tag == tag(hash));
            if account.is_some_and(|account| account.path() == path) {
                return Ok(number);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        Err(at)
    }

    /// Returns the number of a path's account, which is made if there is none.
    fn number(&mut self, hash: u64, path: &[u8]) -> usize {
        if self.slots.len() <= 2 * self.accounts.len() {
            let slots = (4 * self.accounts.len()).next_power_of_two().max(1_024);
            self.slots = vec![Slot::default(); slots];
            for number in 0..self.accounts.len() {
                let Some(account) = self.accounts.get(number) else { continue };
                let hash = self.hasher.hash_one(account.path());
                let (Ok(slot) | Err(slot)) = self.find(hash, account.path());
                self.fill(slot, hash, number);
            }
        }
        self.find(hash, path).unwrap_or_else(|free| {
            self.fill(free, hash, self.accounts.len());
            self.accounts.push(Account::new(path));
            self.accounts.len() - 1
        })
    }

    fn fill(&mut self, slot: usize, hash: u64, number: usize) {
        if let Some(slot) = self.slots.get_mut(slot) {
            // More accounts than that do not fit in any memory.
            *slot = Slot { tag: tag(hash), after: u32::try_from(number + 1).unwrap_or(u32::MAX) };
        }
    }

    /// Applies the legs of the next record that was looked up: no account may come to the wrong side
    /// of zero, and a quota is issued from the plan of the first record that names both, and no other.
    pub(crate) fn apply(&mut self, record: &Record<'_>, home: Option<Home>) -> Result<(), Stop> {
        for ((_, fen), number) in record.legs().bytes().zip(&mut self.next) {
            let Some(account) = self.accounts.get_mut(number) else { continue };
            let balance = i128::from(account.balance) + i128::from(fen);
            let is_wrong_side = if account.is_origin { 0 < balance } else { balance < 0 };
            match i64::try_from(balance) {
                Ok(balance) if !is_wrong_side => account.balance = balance,
                _ => {
                    let path = text(account.path());
                    let what = format!(
                        "account {path} would stand at {balance} fen, on the wrong side of zero"
                    );
                    return Err(Stop::failure(
                        "books",
                        &what,
                        "its side of zero",
                        format!("{balance} fen"),
                    ));
                }
            }
            if !account.is_touched {
                account.is_touched = true;
                self.touched.push(number);
            }
        }
        let Some(home) = home else { return Ok(()) };
        let [quota, home] = *home;
        let before = self.homes.entry(quota.clone()).or_insert_with(|| home.clone());
        if *before == home {
            return Ok(());
        }
        let what = format!("quota {} is issued from two plans", text(&quota));
        Err(Stop::failure("books", &what, text(before), text(&home)))
    }

    /// Returns the number of accounts not at zero, and the digest of all balances.
    pub(crate) fn digest(&mut self) -> (u64, Hash) {
        for number in self.touched.drain(..) {
            let Some(account) = self.accounts.get_mut(number) else { continue };
            account.is_touched = false;
            let len = u16::from(account.len).to_le_bytes();
            let row = |fen: i64| {
                [&VIEW.to_le_bytes()[..], &len, account.path(), &fen.to_le_bytes()].concat()
            };
            let (before, now) = (account.digested, account.balance);
            if before != now && before != 0 {
                self.digest.sub_row(&row(before));
            }
            if before != now && now != 0 {
                self.digest.add_row(&row(now));
            }
            account.digested = now;
        }
        let rows = to_u64(self.accounts.iter().filter(|account| account.balance != 0).count());
        (rows, self.digest.view_digest(VIEW, rows))
    }

    /// Returns accounts not at zero and their balance in fen, by class.
    pub(crate) fn classes(&self) -> BTreeMap<String, (u64, i128)> {
        let mut classes = BTreeMap::<&[u8], (u64, i128)>::new();
        for account in self.accounts.iter().filter(|account| account.balance != 0) {
            let path = account.path();
            let dot = path.iter().skip(2).position(|byte| *byte == b'.');
            let class = dot.and_then(|at| path.get(..at + 2)).unwrap_or(path);
            let (accounts, sum) = classes.entry(class).or_default();
            (*accounts, *sum) = (*accounts + 1, *sum + i128::from(account.balance));
        }
        classes.into_iter().map(|(class, sums)| (text(class), sums)).collect()
    }
}

/// Spells a part of a path, which is ASCII, for people.
fn text(part: &[u8]) -> String {
    part.escape_ascii().to_string()
}

/// Returns the sum of all balances of each book: zero, unless our own arithmetic is wrong.
pub(crate) fn sums(classes: &BTreeMap<String, (u64, i128)>) -> Vec<(Book, i128)> {
    let sum = |book: Book| {
        let of_book = classes.iter().filter(|(class, _)| class.starts_with(book.letter()));
        of_book.map(|(_, (_, sum))| sum).sum()
    };
    BOOKS.into_iter().map(|book| (book, sum(book))).collect()
}
