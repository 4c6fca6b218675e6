//! The money: sides of zero, and the sums that no record may break.
//!
//! Lives here: the balances of all accounts, and identities 1-6, 8, 10 and 11 over legs alone.
//! Lives elsewhere: that legs are canonical and sum to zero in each book (`record`), and every rule
//! of who may pay what (nowhere in this program).
//!
//! Always: an identity is a sum of movements, zero for an empty ledger. So it holds at every position
//! exactly if it holds within every record, and is checked there, in parallel. What needs the records
//! before is little: each account's balance, and to whom a quota belongs.

use std::collections::BTreeMap;

use record::limits::RECORD_LEGS_MAX;
use record::{AccountError, Accounts, BOOKS, Book, Record};

use crate::report::Stop;

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

/// A quota and the `{src}.{city}` whose plan it was issued from.
pub(crate) type Home<'a> = (&'a [u8], &'a [u8]);

/// The sums of one record, in a buffer that the next one uses again.
#[derive(Default)]
pub(crate) struct Sums<'a>(Vec<(Law, &'a [u8], i128)>);

/// Legs of classes whose path does not say where they belong, and the subjects they belong to:
/// those that other legs of the record name.
#[derive(Default)]
struct Beside<'a> {
    home: Subject<'a>,
    quota: Subject<'a>,
    payer: Subject<'a>,
    project: Subject<'a>,
    earner: Subject<'a>,
    planned: i128,
    allotted: i128,
    paid: Option<i128>,
    attributed: Option<i128>,
    distributed: Option<i128>,
}

#[derive(Clone, Copy, Default)]
enum Subject<'a> {
    #[default]
    None,
    One(&'a [u8]),
    Many,
}

impl<'a> Subject<'a> {
    fn see(&mut self, name: &'a [u8]) {
        *self = match self {
            Self::None => Self::One(name),
            Self::One(before) if *before == name => Self::One(name),
            _ => Self::Many,
        };
    }

    fn one(self, legs: &str, needs: &str) -> Result<&'a [u8], Stop> {
        let Self::One(name) = self else {
            let what = format!("legs of {legs} stand beside no leg, or several, of {needs}");
            return Err(Stop::failure("books", &what, format!("one {needs}"), "none or several"));
        };
        Ok(name)
    }
}

/// A path taken apart: `class.holder`, of which `last` is the last of so many parts.
struct Path<'a> {
    class: &'a [u8],
    holder: &'a [u8],
    last: &'a [u8],
    parts: usize,
}

impl<'a> Path<'a> {
    /// Splits a path; `None` where a part is empty or missing.
    fn split(path: &'a [u8]) -> Option<Self> {
        let (mut parts, mut class, mut dot) = (0, 1, 1);
        // Byte by byte: this is done for most legs of the log.
        for (at, _) in path.iter().enumerate().skip(2).filter(|(_, byte)| **byte == b'.') {
            if at == dot + 1 {
                return None;
            }
            class = if parts == 0 { at } else { class };
            (parts, dot) = (parts + 1, at);
        }
        let (holder, last) = (path.get(class + 1..)?, path.get(dot + 1..)?);
        let whole = 0 < parts && !last.is_empty();
        whole.then_some(Self { class: path.get(..class)?, holder, last, parts })
    }
}

impl<'a> Sums<'a> {
    /// Checks the identities within one record. Returns the quota's home where the record names it.
    pub(crate) fn check(&mut self, record: &Record<'a>) -> Result<Option<Home<'a>>, Stop> {
        self.0.clear();
        let mut beside = Beside::default();
        for (path, fen) in record.legs().bytes() {
            self.leg(path, i128::from(fen), &mut beside).ok_or_else(|| {
                let path = text(path);
                let what = format!("{path} is no account of the books");
                Stop::failure("books", &what, "a known class and its parts", path)
            })?;
        }
        let home = self.join(&beside)?;
        let Some((law, subject, sum)) = self.0.iter().find(|(_, _, sum)| *sum != 0) else {
            return Ok(home);
        };
        let [whose, terms] = law.words();
        let what = format!("{whose} {}: {terms} differ by {sum} fen", text(subject));
        Err(Stop::failure("books", &what, "0 fen", format!("{sum} fen")))
    }

    fn add(&mut self, law: Law, subject: &'a [u8], fen: i128) {
        match self.0.iter_mut().find(|(l, s, _)| *l == law && *s == subject) {
            Some((_, _, sum)) => *sum += fen,
            None => self.0.push((law, subject, fen)),
        }
    }

    /// Takes one leg into the sums that its class belongs to; `None` for what is no account. This is
    /// all that a verifier knows of accounts, but for the four classes that are below zero.
    fn leg(&mut self, path: &'a [u8], fen: i128, beside: &mut Beside<'a>) -> Option<()> {
        let Path { class, holder, last, parts } = Path::split(path)?;
        let plus = |sum: &mut Option<i128>| *sum = Some(sum.unwrap_or(0) + fen);
        let mut needed = 1;
        match class {
            b"Q.plan" | b"Q.owed" => {
                needed = 2;
                beside.home.see(holder);
                beside.planned += fen;
                self.add(Law::Planned, holder, fen);
            }
            b"Q.quota" | b"Q.used" => {
                needed = 2;
                beside.quota.see(last);
                beside.allotted += fen;
                self.add(Law::Issued, last, fen);
                if class == b"Q.used" {
                    self.add(Law::Used, holder, fen);
                }
            }
            b"C.src" => {
                needed = 3;
                self.add(Law::Cash, last, fen);
            }
            b"C.way" | b"C.hold" | b"C.prior" => {
                needed = 2;
                self.add(Law::Cash, last, fen);
                match class {
                    b"C.hold" => beside.payer.see(holder),
                    b"C.prior" => self.add(Law::Used, holder, -fen),
                    _ => (),
                }
            }
            b"C.hh" => plus(&mut beside.paid),
            b"C.prj" => {
                plus(&mut beside.paid);
                self.add(Law::Attributed, holder, fen);
                self.add(Law::Benefit, holder, fen);
            }
            b"B.base" => self.add(Law::Benefit, holder, fen),
            b"B.open" => {
                beside.project.see(holder);
                self.add(Law::Attributed, holder, -fen);
            }
            b"B.hh" | b"B.vil" => plus(&mut beside.attributed),
            b"I.op" => self.add(Law::Income, holder, fen),
            b"I.due" => {
                beside.earner.see(holder);
                self.add(Law::Income, holder, fen);
            }
            b"I.hh" | b"I.vil" => plus(&mut beside.distributed),
            _ => return None,
        }
        (parts == needed).then_some(())
    }

    /// Adds what belongs to a subject that other legs name: a payment to the unit and quota of its
    /// `C.hold` leg, a benefit and an income to its project, what was planned to its quota.
    fn join(&mut self, beside: &Beside<'a>) -> Result<Option<Home<'a>>, Stop> {
        if let Some(paid) = beside.paid {
            let payer = beside.payer.one("C.hh or C.prj", "C.hold")?;
            self.add(Law::Used, payer, -paid);
            self.add(
                Law::Cash,
                payer.rsplit(|byte| *byte == b'.').next().unwrap_or_default(),
                paid,
            );
        }
        if let Some(attributed) = beside.attributed {
            let project = beside.project.one("B.hh or B.vil", "B.open")?;
            self.add(Law::Attributed, project, -attributed);
        }
        if let Some(distributed) = beside.distributed {
            let project = beside.earner.one("I.hh or I.vil", "I.due")?;
            self.add(Law::Income, project, distributed);
        }
        if matches!((beside.home, beside.quota), (Subject::None, _) | (_, Subject::None)) {
            return Ok(None);
        }
        let home = beside.home.one("a quota", "one plan (Q.plan, Q.owed)")?;
        let quota = beside.quota.one("Q.plan or Q.owed", "one quota")?;
        self.add(Law::Issued, quota, beside.planned);
        self.add(Law::Planned, home, beside.allotted);
        Ok(Some((quota, home)))
    }
}

/// The balances of all accounts, and the home of each quota.
pub(crate) struct Books {
    pub(crate) accounts: Accounts,
    /// Numbers of the last record's accounts: the next line of its voucher moves most of them, too.
    recent: [u32; RECORD_LEGS_MAX],
    homes: BTreeMap<Box<[u8]>, Box<[u8]>>,
}

impl Default for Books {
    fn default() -> Self {
        let (accounts, recent) = (Accounts::new(), [0; RECORD_LEGS_MAX]);
        Self { accounts, recent, homes: BTreeMap::new() }
    }
}

impl Books {
    /// Applies the legs of the next record: no account may come to the wrong side of zero, and a
    /// quota is issued from the plan of the first record that names both, and no other.
    pub(crate) fn apply(
        &mut self,
        record: &Record<'_>,
        home: Option<Home<'_>>,
    ) -> Result<(), Stop> {
        let refused = |error: AccountError| {
            Stop::failure("books", &error.to_string(), "its side of zero", error.to_string())
        };
        for (number, (path, fen)) in self.recent.iter_mut().zip(record.legs().bytes()) {
            if self.accounts.path_bytes(*number) != Some(path) {
                *number = self.accounts.intern_bytes(path).map_err(refused)?;
            }
            self.accounts.apply_numbered(*number, fen).map_err(refused)?;
        }
        let Some((quota, home)) = home else { return Ok(()) };
        let before = self.homes.entry(quota.into()).or_insert_with(|| home.into());
        if **before == *home {
            return Ok(());
        }
        let what = format!("quota {} is issued from two plans", text(quota));
        Err(Stop::failure("books", &what, text(before), text(home)))
    }

    /// Returns accounts not at zero and their balance in fen, by class.
    pub(crate) fn classes(&self) -> BTreeMap<String, (u64, i128)> {
        let mut classes = BTreeMap::<String, (u64, i128)>::new();
        let paths = (0..).map_while(|number| Some((self.accounts.path(number)?, number)));
        for (path, number) in paths {
            let class = path.match_indices('.').nth(1).and_then(|(at, _)| path.get(..at));
            let balance = self.accounts.balance_numbered(number);
            let (accounts, sum) = match classes.get_mut(class.unwrap_or(path)) {
                Some(class) => class,
                None => classes.entry(class.unwrap_or(path).to_owned()).or_default(),
            };
            *accounts += u64::from(balance != 0);
            *sum += i128::from(balance);
        }
        classes.retain(|_, (accounts, _)| *accounts != 0);
        classes
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
