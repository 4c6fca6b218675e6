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

use record::{Accounts, BOOKS, Book, Record};

use crate::report::Stop;

/// The sums that each record leaves as they are, numbered as in the project's list of identities.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Law {
    /// 4: what was issued of a quota is available or used at some unit.
    Issued,
    /// 5: what was planned of a source for a city is owed or issued.
    Planned,
    /// 6: what a source put in under a quota is on the way, held, or paid.
    Cash,
    /// 8: quota used at a unit is what the unit paid on it.
    Used,
    /// 10: what a project cost was attributed or is open.
    Attributed,
    /// 10, its other half: what a project cost is what it is said to benefit.
    Benefit,
    /// 11: income declared is due or distributed.
    Income,
}

impl Law {
    /// Returns whose sum it is, and what differs when it is broken.
    fn words(self) -> [&'static str; 2] {
        match self {
            Self::Issued => ["quota", "issued and held"],
            Self::Planned => ["plan", "planned and owed or issued"],
            Self::Cash => ["quota", "cash put in and accounted for"],
            Self::Used => ["unit and quota", "used and paid"],
            Self::Attributed => ["project", "cost and attribution"],
            Self::Benefit => ["project", "cost and benefit"],
            Self::Income => ["project", "income and distribution"],
        }
    }
}

/// A quota and the `{src}.{city}` whose plan it was issued from.
pub(crate) type Home<'a> = (&'a str, &'a str);

/// The sums of one record, in a buffer that the next one uses again.
#[derive(Default)]
pub(crate) struct Sums<'a>(Vec<(Law, &'a str, i128)>);

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
    One(&'a str),
    Many,
}

impl<'a> Subject<'a> {
    fn see(&mut self, name: &'a str) {
        *self = match self {
            Self::None => Self::One(name),
            Self::One(before) if *before == name => Self::One(name),
            _ => Self::Many,
        };
    }

    fn one(self, legs: &str, needs: &str) -> Result<&'a str, Stop> {
        let Self::One(name) = self else {
            let what = format!("legs of {legs} stand beside no leg, or several, of {needs}");
            return Err(Stop::failure("books", &what, format!("one {needs}"), "none or several"));
        };
        Ok(name)
    }
}

impl<'a> Sums<'a> {
    /// Checks the identities within one record. Returns the quota's home where the record names it.
    pub(crate) fn check(&mut self, record: &Record<'a>) -> Result<Option<Home<'a>>, Stop> {
        self.0.clear();
        let mut beside = Beside::default();
        for leg in record.legs() {
            self.leg(leg.path, i128::from(leg.fen), &mut beside).ok_or_else(|| {
                let what = format!("{} is no account of the books", leg.path);
                Stop::failure("books", &what, "a known class and its parts", leg.path)
            })?;
        }
        let home = self.join(&beside)?;
        let Some((law, subject, sum)) = self.0.iter().find(|(_, _, sum)| *sum != 0) else {
            return Ok(home);
        };
        let [whose, terms] = law.words();
        let what = format!("{whose} {subject}: {terms} differ by {sum} fen");
        Err(Stop::failure("books", &what, "0 fen", format!("{sum} fen")))
    }

    fn add(&mut self, law: Law, subject: &'a str, fen: i128) {
        match self.0.iter_mut().find(|(l, s, _)| *l == law && *s == subject) {
            Some((_, _, sum)) => *sum += fen,
            None => self.0.push((law, subject, fen)),
        }
    }

    /// Takes one leg into the sums that its class belongs to; `None` for what is no account. This is
    /// all that a verifier knows of accounts, but for the four classes that are below zero.
    fn leg(&mut self, path: &'a str, fen: i128, beside: &mut Beside<'a>) -> Option<()> {
        let dot = path.get(2..)?.find('.')? + 2;
        let (class, holder) = (path.get(..dot)?, path.get(dot + 1..)?);
        let last = holder.rsplit('.').next()?;
        let plus = |sum: &mut Option<i128>| *sum = Some(sum.unwrap_or(0) + fen);
        let mut parts = 1;
        match class {
            "Q.plan" | "Q.owed" => {
                parts = 2;
                beside.home.see(holder);
                beside.planned += fen;
                self.add(Law::Planned, holder, fen);
            }
            "Q.quota" | "Q.used" => {
                parts = 2;
                beside.quota.see(last);
                beside.allotted += fen;
                self.add(Law::Issued, last, fen);
                if class == "Q.used" {
                    self.add(Law::Used, holder, fen);
                }
            }
            "C.src" | "C.way" | "C.hold" | "C.prior" => {
                parts = if class == "C.src" { 3 } else { 2 };
                self.add(Law::Cash, last, fen);
                match class {
                    "C.hold" => beside.payer.see(holder),
                    "C.prior" => self.add(Law::Used, holder, -fen),
                    _ => (),
                }
            }
            "C.hh" => plus(&mut beside.paid),
            "C.prj" => {
                plus(&mut beside.paid);
                self.add(Law::Attributed, holder, fen);
                self.add(Law::Benefit, holder, fen);
            }
            "B.base" => self.add(Law::Benefit, holder, fen),
            "B.open" => {
                beside.project.see(holder);
                self.add(Law::Attributed, holder, -fen);
            }
            "B.hh" | "B.vil" => plus(&mut beside.attributed),
            "I.op" => self.add(Law::Income, holder, fen),
            "I.due" => {
                beside.earner.see(holder);
                self.add(Law::Income, holder, fen);
            }
            "I.hh" | "I.vil" => plus(&mut beside.distributed),
            _ => return None,
        }
        let whole = holder.split('.').all(|part| !part.is_empty());
        (whole && holder.split('.').count() == parts).then_some(())
    }

    /// Adds what belongs to a subject that other legs name: a payment to the unit and quota of its
    /// `C.hold` leg, a benefit and an income to its project, what was planned to its quota.
    fn join(&mut self, beside: &Beside<'a>) -> Result<Option<Home<'a>>, Stop> {
        if let Some(paid) = beside.paid {
            let payer = beside.payer.one("C.hh or C.prj", "C.hold")?;
            self.add(Law::Used, payer, -paid);
            self.add(Law::Cash, payer.rsplit('.').next().unwrap_or_default(), paid);
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
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) accounts: Accounts,
    homes: BTreeMap<Box<str>, Box<str>>,
}

impl Books {
    /// Applies the legs of the next record: no account may come to the wrong side of zero, and a
    /// quota is issued from the plan of the first record that names both, and no other.
    pub(crate) fn apply(
        &mut self,
        record: &Record<'_>,
        home: Option<Home<'_>>,
    ) -> Result<(), Stop> {
        self.accounts.apply_record(record).map_err(|error| {
            Stop::failure("books", &error.to_string(), "its side of zero", error.to_string())
        })?;
        let Some((quota, home)) = home else { return Ok(()) };
        let before = self.homes.entry(quota.into()).or_insert_with(|| home.into());
        if **before == *home {
            return Ok(());
        }
        let what = format!("quota {quota} is issued from two plans");
        Err(Stop::failure("books", &what, before.to_string(), home))
    }

    /// Returns accounts not at zero and their balance in fen, by class.
    pub(crate) fn classes(&self) -> BTreeMap<String, (u64, i128)> {
        let mut classes = BTreeMap::<String, (u64, i128)>::new();
        for (path, balance) in self.accounts.iter() {
            let class = path.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
            let (accounts, sum) = classes.entry(class).or_default();
            *accounts += 1;
            *sum += i128::from(balance);
        }
        classes
    }
}

/// Returns the sum of all balances of each book: zero, unless our own arithmetic is wrong.
pub(crate) fn sums(classes: &BTreeMap<String, (u64, i128)>) -> Vec<(Book, i128)> {
    let sum = |book: Book| {
        let of_book = classes.iter().filter(|(class, _)| class.starts_with(book.letter()));
        of_book.map(|(_, (_, sum))| sum).sum()
    };
    BOOKS.into_iter().map(|book| (book, sum(book))).collect()
}
