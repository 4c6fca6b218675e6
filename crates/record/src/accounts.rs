//! Balances by account path: view 1, used by verifier and views alike.
//!
//! Paths are interned to dense numbers over one arena. The digest is brought up to date on demand:
//! one subtraction and one addition for each row touched since the last time, however often it
//! was touched. A copy shares what neither side changes (`cow`).

use foldhash::fast::FixedState;
use std::hash::BuildHasher;
use std::hint::black_box;
use thiserror::Error;

use crate::cow::{CowTable, CowText, CowVec};
use crate::envelope::Record;
use crate::hash::Hash;
use crate::limits::PATH_BYTES_MAX;
use crate::lthash::LtHash;
use crate::path::{self, PathError, is_origin};

/// Number of the accounts view.
const VIEW: u16 = 1;
/// Legs whose accounts are read ahead in one go.
const LEGS_AHEAD: usize = 96;
/// `u16 view || u16 key length || key || i64 value`.
const ROW_BYTES_MAX: usize = 12 + PATH_BYTES_MAX;

/// All accounts of a log at one position.
#[derive(Clone, Debug)]
pub struct Accounts {
    numbers: CowTable<u32>,
    // A fixed state: the table's order reaches no digest and no output, but equal runs should
    // also take equal time.
    hasher: FixedState,
    rows: CowVec<Row>,
    /// All paths back to back.
    paths: CowText,
    touched: CowVec<u32>,
    non_zero: u64,
    lanes: Box<LtHash>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    balance: i64,
    /// Balance that stands in `lanes`.
    digested: i64,
    start: u32,
    len: u8,
    origin: bool,
    touched: bool,
}

/// A leg that the accounts refuse. The balances are unchanged by it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the message of each variant says what its fields mean")]
pub enum AccountError {
    #[error("account {path} would stand at {balance} fen, on the wrong side of zero")]
    WrongSide { path: String, balance: i64 },
    #[error("account {path}: {balance} and {fen} fen sum to more than can be counted")]
    Overflow { path: String, balance: i64, fen: i64 },
    #[error("account {path:?}: {what}")]
    Path { path: String, what: PathError },
    #[error("more accounts than can be numbered")]
    TooMany,
    #[error("account number {number}, but {accounts} numbers were given, from 0")]
    NoSuchNumber { number: u32, accounts: usize },
}

impl Accounts {
    /// Makes the accounts of an empty log.
    pub fn new() -> Self {
        Self {
            numbers: CowTable::new(),
            hasher: FixedState::default(),
            rows: CowVec::new(),
            paths: CowText::new(),
            touched: CowVec::new(),
            non_zero: 0,
            lanes: Box::default(),
        }
    }

    /// Applies one leg and returns the new balance.
    ///
    /// Where value enters (`Q.plan` `C.src` `B.base` `I.op`) a balance is never above zero, on all
    /// other accounts never below.
    ///
    /// # Errors
    /// [`AccountError`], and nothing has changed.
    pub fn apply(&mut self, path: &str, fen: i64) -> Result<i64, AccountError> {
        match self.number(path) {
            Some(number) => self.apply_numbered(number, fen),
            None => self.apply_first(path, fen),
        }
    }

    /// Applies all legs of a record.
    ///
    /// # Errors
    /// That of the first leg refused; the legs before it are applied, so the accounts are of no
    /// further use.
    pub fn apply_record(&mut self, record: &Record<'_>) -> Result<(), AccountError> {
        record.legs().try_for_each(|leg| self.apply(leg.path, leg.fen).map(|_| ()))
    }

    /// Applies one leg to an account by its number.
    ///
    /// # Errors
    /// As [`Accounts::apply`]; [`AccountError::NoSuchNumber`] for one that was never given.
    pub fn apply_numbered(&mut self, number: u32, fen: i64) -> Result<i64, AccountError> {
        let Some(row) = self.rows.get_mut(index(number)) else {
            return Err(AccountError::NoSuchNumber { number, accounts: self.rows.len() });
        };
        let before = row.balance;
        let Some(balance) = before.checked_add(fen) else {
            let path = self.path(number).unwrap_or_default().to_owned();
            return Err(AccountError::Overflow { path, balance: before, fen });
        };
        if wrong_side(row.origin, balance) {
            let path = self.path(number).unwrap_or_default().to_owned();
            return Err(AccountError::WrongSide { path, balance });
        }
        row.balance = balance;
        if !row.touched {
            row.touched = true;
            self.touched.push(number);
        }
        match (before, balance) {
            (0, 0) => (),
            (0, _) => self.non_zero = self.non_zero.saturating_add(1),
            (_, 0) => self.non_zero = self.non_zero.saturating_sub(1),
            _ => (),
        }
        Ok(balance)
    }

    /// Applies the first leg of an account, which is numbered only when the leg holds.
    fn apply_first(&mut self, path: &str, fen: i64) -> Result<i64, AccountError> {
        if wrong_side(is_origin(path), fen) {
            return Err(AccountError::WrongSide { path: path.to_owned(), balance: fen });
        }
        let number = self.intern(path)?;
        self.apply_numbered(number, fen)
    }

    /// Returns the number of a path and gives it one if it has none: dense, by first use.
    ///
    /// # Errors
    /// [`AccountError::Path`] for what is no path, [`AccountError::TooMany`] past 2^32 accounts
    /// or 4 GiB of paths.
    pub fn intern(&mut self, path: &str) -> Result<u32, AccountError> {
        self.intern_bytes(path.as_bytes())
    }

    /// As [`Accounts::intern`], for a path that is at hand as bytes.
    ///
    /// # Errors
    /// As [`Accounts::intern`].
    pub fn intern_bytes(&mut self, path: &[u8]) -> Result<u32, AccountError> {
        let hash = self.hasher.hash_one(path);
        let found = self.numbers.find(hash, |n| self.path_bytes(*n) == Some(path));
        if let Some(number) = found {
            return Ok(*number);
        }
        let lossy = || String::from_utf8_lossy(path).into_owned();
        let refused = |what| AccountError::Path { path: lossy(), what };
        path::check(path).map_err(refused)?;
        // Not reached: a checked path is ASCII.
        let not_text = |_| refused(PathError::Length { found: path.len() });
        let path = std::str::from_utf8(path).map_err(not_text)?;
        let number = u32::try_from(self.rows.len()).map_err(|_| AccountError::TooMany)?;
        let len = u8::try_from(path.len()).map_err(|_| AccountError::TooMany)?;
        let start = self.paths.push(path).ok_or(AccountError::TooMany)?;
        let origin = is_origin(path);
        self.rows.push(Row { balance: 0, digested: 0, start, len, origin, touched: false });
        let (rows, paths, hasher) = (&self.rows, &self.paths, &self.hasher);
        let rehash = |n: &u32| hasher.hash_one(path_of(rows, paths, *n).as_bytes());
        self.numbers.insert_unique(hash, number, rehash);
        Ok(number)
    }

    /// Returns the number of a path that was used before.
    pub fn number(&self, path: &str) -> Option<u32> {
        let path = path.as_bytes();
        let hash = self.hasher.hash_one(path);
        self.numbers.find(hash, |n| self.path_bytes(*n) == Some(path)).copied()
    }

    /// Reads what [`Accounts::apply_record`] of these records will read, up to some hundred legs: number,
    /// row and path of an account lie far apart, and each says where the next one is. Asked for account by
    /// account the waits for memory add up; asked for step by step they overlap.
    pub fn read_ahead<'a>(&self, records: impl Iterator<Item = Record<'a>>) {
        let paths = records.flat_map(|record| record.legs().bytes());
        let mut numbers = [u32::MAX; LEGS_AHEAD];
        for (number, (path, _)) in numbers.iter_mut().zip(paths) {
            *number = self.numbers.likely(self.hasher.hash_one(path)).unwrap_or(u32::MAX);
        }
        let starts = numbers.map(|n| self.rows.get(index(n)).map_or(u32::MAX, |row| row.start));
        let first = |start: u32| self.paths.get_bytes(start, 1).and_then(<[u8]>::first).copied();
        black_box(starts.map(first));
    }

    /// Returns the path of a number as bytes.
    #[inline]
    pub fn path_bytes(&self, number: u32) -> Option<&[u8]> {
        let row = self.rows.get(index(number))?;
        self.paths.get_bytes(row.start, usize::from(row.len))
    }

    /// Returns the path of a number.
    pub fn path(&self, number: u32) -> Option<&str> {
        self.rows.get(index(number)).map(|_| path_of(&self.rows, &self.paths, number))
    }

    /// Returns the balance in fen, 0 for an account that was never used.
    pub fn balance(&self, path: &str) -> i64 {
        self.number(path).map_or(0, |number| self.balance_numbered(number))
    }

    /// Returns the balance of an account by its number.
    pub fn balance_numbered(&self, number: u32) -> i64 {
        self.rows.get(index(number)).map_or(0, |row| row.balance)
    }

    /// Returns the number of accounts with a balance other than zero.
    pub fn rows(&self) -> u64 {
        self.non_zero
    }

    /// Returns the accounts with a balance other than zero, ascending by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        let mut rows: Vec<(&str, i64)> = (0..)
            .zip(self.rows.iter())
            .filter(|(_, row)| row.balance != 0)
            .map(|(number, row)| (path_of(&self.rows, &self.paths, number), row.balance))
            .collect();
        rows.sort_unstable();
        rows.into_iter()
    }

    /// Shows the canonical row of every account with a balance other than zero, in no particular order.
    pub fn scan(&self, emit: &mut dyn FnMut(&[u8])) {
        for (path, balance, _) in self.saved().filter(|(_, balance, _)| *balance != 0) {
            emit(RowBytes::new(path).with(balance));
        }
    }

    /// Makes the next copies cheap: they share all rows until one side changes them.
    pub fn freeze(&mut self) {
        self.rows.freeze();
        self.touched.freeze();
    }

    /// Returns all accounts by number, to be kept and given to [`Accounts::restore`] again in this order:
    /// path, balance, and the balance that stands in [`Accounts::lanes`].
    pub fn saved(&self) -> impl ExactSizeIterator<Item = (&str, i64, i64)> {
        (0..self.rows.len()).map(|at| {
            let row = self.rows.get(at);
            let path = row.and_then(|row| self.paths.get(row.start, usize::from(row.len)));
            let sums = row.map_or((0, 0), |row| (row.balance, row.digested));
            (path.unwrap_or_default(), sums.0, sums.1)
        })
    }

    /// Returns the state of the digest when it was made last.
    pub fn lanes(&self) -> &LtHash {
        &self.lanes
    }

    /// Makes accounts without rows around a digest's state: the rows follow.
    pub fn with_lanes(lanes: LtHash) -> Self {
        Self { lanes: Box::new(lanes), ..Self::new() }
    }

    /// Takes an account as [`Accounts::saved`] gave it, and believes it: whoever keeps accounts checks
    /// that the bytes are those that were kept.
    ///
    /// # Errors
    /// As [`Accounts::intern`]; a balance on the wrong side of zero.
    pub fn restore(&mut self, path: &str, balance: i64, digested: i64) -> Result<(), AccountError> {
        if wrong_side(is_origin(path), balance) {
            return Err(AccountError::WrongSide { path: path.to_owned(), balance });
        }
        let number = self.intern(path)?;
        let Some(row) = self.rows.get_mut(index(number)) else { return Ok(()) };
        (row.balance, row.digested, row.touched) = (balance, digested, balance != digested);
        if row.touched {
            self.touched.push(number);
        }
        if balance != 0 {
            self.non_zero = self.non_zero.saturating_add(1);
        }
        Ok(())
    }

    /// Returns the digest of view 1 at this position.
    pub fn digest(&mut self) -> Hash {
        let touched = std::mem::take(&mut self.touched);
        for number in touched.iter().copied() {
            let path = path_of(&self.rows, &self.paths, number);
            let mut row = RowBytes::new(path);
            let Some(state) = self.rows.get_mut(index(number)) else { continue };
            state.touched = false;
            if state.digested == state.balance {
                continue;
            }
            if state.digested != 0 {
                self.lanes.sub_row(row.with(state.digested));
            }
            if state.balance != 0 {
                self.lanes.add_row(row.with(state.balance));
            }
            state.digested = state.balance;
        }
        self.lanes.view_digest(VIEW, self.non_zero)
    }

    /// Returns the digest of view 1 made from every account as it stands, whatever the running one says.
    pub fn digest_anew(&self) -> Hash {
        let mut lanes = LtHash::new();
        let mut rows = 0_u64;
        for row in self.rows.iter().filter(|row| row.balance != 0) {
            let path = self.paths.get(row.start, usize::from(row.len)).unwrap_or_default();
            lanes.add_row(RowBytes::new(path).with(row.balance));
            rows = rows.saturating_add(1);
        }
        lanes.view_digest(VIEW, rows)
    }
}

impl Default for Accounts {
    fn default() -> Self {
        Self::new()
    }
}

fn wrong_side(origin: bool, balance: i64) -> bool {
    if origin { 0 < balance } else { balance < 0 }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn path_of<'a>(rows: &CowVec<Row>, paths: &'a CowText, number: u32) -> &'a str {
    rows.get(index(number))
        .and_then(|row| paths.get(row.start, usize::from(row.len)))
        .unwrap_or_default()
}

/// One row in canonical form, on the stack.
struct RowBytes {
    bytes: [u8; ROW_BYTES_MAX],
    value_at: usize,
}

impl RowBytes {
    fn new(path: &str) -> Self {
        let mut bytes = [0; ROW_BYTES_MAX];
        let head = [VIEW.to_le_bytes(), u16::try_from(path.len()).unwrap_or(0).to_le_bytes()];
        let row = head.as_flattened().iter().chain(path.as_bytes());
        bytes.iter_mut().zip(row).for_each(|(to, from)| *to = *from);
        Self { bytes, value_at: 4_usize.saturating_add(path.len()) }
    }

    fn with(&mut self, balance: i64) -> &[u8] {
        let end = self.value_at.saturating_add(8);
        if let Some(value) = self.bytes.get_mut(self.value_at..end) {
            value.copy_from_slice(&balance.to_le_bytes());
        }
        self.bytes.get(..end).unwrap_or_default()
    }
}
