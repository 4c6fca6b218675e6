//! Balances and histories at any position and of any day, for the services and for the command line.
//!
//! Lives here: choosing the views and the rules that a question needs, the durable log as `views` reads it.
//! Lives elsewhere: the sums (`views`), messages (`services`), text and JSON (`cli`).
//!
//! Always: the head is answered from the live views; any other position or day from a fold of the same
//! records by the same functions. The live views are held for a sum in memory alone, never while a file is
//! read: the committer waits for them, and with it everybody who posts.

use journal::Reader;
use ledger::codec::Codec;
use ledger::ids::{Date, HouseholdCode, HouseholdCodeError, Level, QuotaId, Unit};
use ledger::reject::{Reason, Text};
use ledger::state::State;
use record::{Record, Seq};
use views::balance::{self, Balance};
use views::cache::Cache;
use views::history::{
    self, AsOf, Histories, HistoryError, Log, LogError, as_of, each_record, mentions,
};
use views::{FoldError, Projection, fold};

use crate::node::Handle;

mod report;
mod rules;

pub use report::{Asked, Reported, reported};
pub use rules::RulesAt;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// A household, with the fen a head of its review line.
    Household(HouseholdCode, Option<i64>),
    /// A village, town or county.
    Unit {
        /// Which one.
        unit: Unit,
        /// Without what lies below it.
        own_only: bool,
    },
    /// A city, as home and as helper.
    City {
        /// Which one.
        unit: Unit,
        /// The rules make it a home city: then it has a balance before any money was planned for it.
        home: bool,
        /// The rules make it a helping city.
        helper: bool,
    },
    /// The province, with the ceiling of its pools when it is known.
    Province(Option<i64>),
    /// A quota.
    Quota(QuotaId),
}

/// What is answered, and what it speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Position it speaks for.
    pub position: Seq,
    /// Day it speaks for; `None`: none was asked for.
    pub date: Option<Date>,
    /// The position asked for lay inside a voucher.
    pub group_shortened: bool,
    /// The balance; of a city that as home. `None`: there is none.
    pub balance: Option<Balance>,
    /// Of a city its balance as helper.
    pub as_helper: Option<Balance>,
}

/// The durable log as `views` reads it.
pub struct DurableLog(pub Box<dyn Reader>);

impl Log for DurableLog {
    fn next_seq(&self) -> Seq {
        self.0.head().next_seq
    }

    fn scan(
        &self,
        from: Seq,
        to: Seq,
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), LogError> {
        let failed = |error: journal::Error| LogError(Box::new(error));
        // One record is most often asked for; streaming reads ahead.
        if from == to {
            let Some(block) = self.0.block_of(from).map_err(failed)? else { return Ok(()) };
            if let Some(record) = block.records().find(|record| record.seq() == from) {
                each(record.bytes());
            }
            return Ok(());
        }
        for block in self.0.blocks(from) {
            let block = block.map_err(failed)?;
            for record in block.records() {
                if to < record.seq() {
                    return Ok(());
                }
                if from <= record.seq() && !each(record.bytes()) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Histories found by reading the whole log: right at any time, and slow.
pub struct Scanned<'a>(pub &'a dyn Log);

fn spells(record: &Record<'_>, code: &[u8]) -> bool {
    record.bytes().windows(code.len()).any(|window| window == code)
}

impl Histories for Scanned<'_> {
    fn positions(&self, household: HouseholdCode, to: Seq) -> Result<Vec<Seq>, HistoryError> {
        let (mut codec, mut found) = (Codec::new(), Vec::new());
        let code = household.to_string();
        each_record(self.0, Seq(0), to, &mut |record| {
            // Only a record that spells the code is worth decoding.
            if spells(record, code.as_bytes())
                && mentions(record, &mut codec).into_iter().flatten().any(|c| c == household)
            {
                found.push(record.seq());
            }
            Ok(true)
        })?;
        Ok(found)
    }
}

/// Where histories and views of earlier positions come from.
pub trait Past {
    /// Which records name a household.
    fn histories(&self) -> &dyn Histories;

    /// Views of a position and a day.
    ///
    /// # Errors
    /// [`FoldError`].
    fn projection(&self, at: AsOf) -> Result<Projection, FoldError>;
}

impl Past for Cache {
    fn histories(&self) -> &dyn Histories {
        self
    }

    fn projection(&self, at: AsOf) -> Result<Projection, FoldError> {
        self.projection_at(at)
    }
}

impl Past for Scanned<'_> {
    fn histories(&self) -> &dyn Histories {
        self
    }

    fn projection(&self, at: AsOf) -> Result<Projection, FoldError> {
        fold(self.0, Projection::new(), at)
    }
}

/// The views of the head.
pub trait Live {
    /// Runs `read` over them. Nobody posts meanwhile: it must read no file and wait for nothing.
    fn with<T>(&self, read: impl FnOnce(&Projection) -> T) -> T;
}

impl Live for Projection {
    fn with<T>(&self, read: impl FnOnce(&Projection) -> T) -> T {
        read(self)
    }
}

impl Live for Handle {
    fn with<T>(&self, read: impl FnOnce(&Projection) -> T) -> T {
        read(self.views().projection())
    }
}

/// The last record that views hold.
fn head_of(views: &Projection) -> Seq {
    Seq(views.next_seq().0.saturating_sub(1))
}

/// Runs `read` over the views of a position and a day: the live ones where these are meant, else a fold.
///
/// # Errors
/// 8001 beyond the head; 9004 when the log cannot be read; 3012 where a sum leaves 64 bits; those of
/// `read`.
pub fn over<T>(
    log: &dyn Log,
    past: &dyn Past,
    live: &impl Live,
    (asked, date): (Option<Seq>, Option<Date>),
    read: impl Fn(&Projection, AsOf) -> Result<T, Reason>,
) -> Result<T, Reason> {
    let found = live.with(|views| {
        let position = head_of(views);
        let is_meant = date.is_none() && asked.is_none_or(|asked| asked == position);
        is_meant.then(|| read(views, AsOf { position, date: None, group_shortened: false }))
    });
    if let Some(found) = found {
        return found;
    }
    let at = position(log, live.with(head_of), asked, date)?;
    let folded = past.projection(at).map_err(|error| unfolded(&error))?;
    read(&folded, at)
}

/// Answers a question as of a position and a day.
///
/// # Errors
/// As [`over`].
pub fn answer(
    log: &dyn Log,
    past: &dyn Past,
    live: &impl Live,
    (asked, date): (Option<Seq>, Option<Date>),
    question: Question,
) -> Result<Answer, Reason> {
    let Question::Household(code, per_head_fen) = question else {
        return over(log, past, live, (asked, date), |views, at| from(views, at, question));
    };
    // Its own records say all; the views only tell what a quota is.
    let as_of = position(log, live.with(head_of), asked, date)?;
    let read = history::read(log, past.histories(), &history::Asked { code, as_of, per_head_fen });
    let balance = read.and_then(|read| live.with(|views| read.balance(views)));
    Ok(spoken(as_of, balance.map_err(|error| reason(&error))?, None))
}

/// What a position means; the head is always the end of a voucher.
///
/// # Errors
/// As [`over`].
pub fn position(
    log: &dyn Log,
    head: Seq,
    asked: Option<Seq>,
    date: Option<Date>,
) -> Result<AsOf, Reason> {
    let asked = asked.unwrap_or(head);
    if head < asked {
        return Err(Reason::PositionAhead { head, asked });
    }
    if asked == head {
        return Ok(AsOf { position: head, date, group_shortened: false });
    }
    as_of(log, asked, date).map_err(|error| reason(&error))
}

/// The refusal of a fold that did not reach its position.
pub fn unfolded(error: &FoldError) -> Reason {
    match error {
        FoldError::History(error) => reason(error),
        FoldError::Drift { drift, .. } => drifted(drift),
    }
}

fn from(views: &Projection, at: AsOf, question: Question) -> Result<Answer, Reason> {
    let failed = |drift: views::Drift| drifted(&drift);
    let (balance, as_helper) = match question {
        Question::Household(..) => (None, None),
        Question::Unit { unit, own_only } => {
            (Some(balance::unit(views, unit, own_only).map_err(failed)?), None)
        }
        Question::City { unit, home, helper } => {
            let nothing = |there: bool| there.then(|| nothing(unit)).transpose();
            let as_home = balance::as_home(views, unit).map_err(failed)?;
            let as_helper = balance::as_helper(views, unit).map_err(failed)?;
            let as_home = as_home.map_or_else(|| nothing(home), |found| Ok(Some(found)))?;
            (as_home, as_helper.map_or_else(|| nothing(helper), |found| Ok(Some(found)))?)
        }
        Question::Province(ceiling) => {
            (Some(balance::province(views, ceiling).map_err(failed)?), None)
        }
        Question::Quota(id) => (balance::quota(views, &id).map_err(failed)?, None),
    };
    Ok(spoken(at, balance, as_helper))
}

/// The balance of a city for which nothing is planned: the sums and rates of every city's, of 0.
fn nothing(unit: Unit) -> Result<Balance, Reason> {
    let empty = balance::province(&Projection::new(), None).map_err(|drift| drifted(&drift))?;
    let fields = empty.fields.into_iter().filter(|(name, _)| *name != "planned").collect();
    let (code, counts) = (unit.to_string(), empty.counts);
    Ok(Balance { kind: "city", code, fields, counts, ..Balance::default() })
}

fn spoken(at: AsOf, balance: Option<Balance>, as_helper: Option<Balance>) -> Answer {
    let AsOf { position, date, group_shortened } = at;
    Answer { position, date, group_shortened, balance, as_helper }
}

/// The refusal of a history that cannot be told.
pub fn reason(error: &HistoryError) -> Reason {
    match error {
        HistoryError::BeyondHead { asked, head } => {
            Reason::PositionAhead { head: *head, asked: *asked }
        }
        HistoryError::Overflow { household } => {
            Reason::SumOverflow { account: Text::Owned(format!("household {household}")) }
        }
        HistoryError::Record { seq, .. } | HistoryError::Decode { seq, .. } => {
            crate::node::lookup::unreadable_here(*seq)
        }
        HistoryError::Log(_) => crate::node::lookup::unreadable_here(Seq(0)),
    }
}

/// The refusal of a sum that cannot be told.
pub fn drifted(drift: &views::Drift) -> Reason {
    Reason::SumOverflow { account: Text::Owned(drift.to_string()) }
}

/// Reads the unit of a question: a unit code, or an area code of 12 digits; of the level asked for.
///
/// # Errors
/// 1019.
pub fn unit_at(code: &str, level: Level) -> Result<Unit, Reason> {
    let unit = Unit::parse(code).or_else(|| Unit::parse_area(code));
    let expected = match level {
        Level::Province => "the code of the province, 44",
        Level::City => "the unit code of a city, 4 digits, or its area code, 12 digits",
        Level::County => "the unit code of a county, 6 digits, or its area code, 12 digits",
        Level::Town => "the unit code of a town, 9 digits, or its area code, 12 digits",
        Level::Village => "the area code of a village, 12 digits",
    };
    unit.filter(|unit| unit.level() == level).ok_or_else(|| malformed("code", code, expected))
}

/// Reads the household of a question.
///
/// # Errors
/// 1019, with the check digit where that is what is wrong.
pub fn household_code(field: &'static str, code: &str) -> Result<HouseholdCode, Reason> {
    HouseholdCode::parse(code).map_err(|error| match error {
        HouseholdCodeError::Shape => malformed(field, code, "a household code of 17 digits"),
        HouseholdCodeError::CheckDigit { found, expected } => {
            let what = format!("a household code: its check digit {found} should be {expected}");
            malformed(field, code, what)
        }
    })
}

/// Whether a unit was ever in the list of areas or in the register.
///
/// # Errors
/// 8005.
pub fn known(state: &State, unit: Unit) -> Result<(), Reason> {
    if unit == Unit::PROVINCE || state.registry.area_known(&state.rules, unit) {
        return Ok(());
    }
    Err(Reason::NotFound { what: unit.level().name().into(), id: unit.to_string().into() })
}

/// A value of a question as a message repeats it: cut, and without control characters.
pub fn shown(text: &str) -> String {
    // An organisation, a slash and a voucher number fit.
    const CHARS_MAX: usize = 64;
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = text.chars().take(CHARS_MAX).map(plain).collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// The refusal of a value of a question that does not parse (1019).
pub fn malformed(field: &'static str, found: &str, expected: impl Into<Text>) -> Reason {
    let found = shown(found).into();
    Reason::FieldFormat { field: field.into(), found, expected: expected.into() }
}

#[cfg(test)]
mod tests {
    use std::sync::RwLock;

    use super::*;

    /// Views that somebody wants to write; a log and a cache that say so when they are read meanwhile.
    struct Watched(RwLock<Projection>);

    impl Watched {
        fn read_from_disk(&self) {
            assert!(self.0.try_write().is_ok(), "the views are held while a file is read");
        }
    }

    impl Live for Watched {
        fn with<T>(&self, read: impl FnOnce(&Projection) -> T) -> T {
            read(&self.0.try_read().unwrap())
        }
    }

    impl Log for Watched {
        fn next_seq(&self) -> Seq {
            Seq(9)
        }

        fn scan(&self, _: Seq, _: Seq, _: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), LogError> {
            self.read_from_disk();
            Ok(())
        }
    }

    impl Histories for Watched {
        fn positions(&self, _: HouseholdCode, _: Seq) -> Result<Vec<Seq>, HistoryError> {
            self.read_from_disk();
            Ok(vec![Seq(0)])
        }
    }

    impl Past for Watched {
        fn histories(&self) -> &dyn Histories {
            self
        }

        fn projection(&self, _: AsOf) -> Result<Projection, FoldError> {
            self.read_from_disk();
            Ok(Projection::new())
        }
    }

    #[test]
    fn what_is_no_code_is_told_with_what_would_be_one() {
        let village = |code| unit_at(code, Level::Village).unwrap_err().message();
        assert_eq!(village("abc"), "code abc is not the area code of a village, 12 digits");
        assert_eq!(village("4414"), "code 4414 is not the area code of a village, 12 digits");
        assert_eq!(unit_at("441400000000", Level::City), Ok(Unit::parse("4414").unwrap()));
        let household = |code| household_code("code", code).unwrap_err().message();
        assert_eq!(
            household("44142490120100014"),
            "code 44142490120100014 is not a household code: its check digit 4 should be 3"
        );
        assert_eq!(household("4414"), "code 4414 is not a household code of 17 digits");
        let long = household(&"9\n".repeat(50_000));
        assert!(long.len() < 300 && !long.contains('\n'), "{long}");
    }

    #[test]
    fn no_file_is_read_while_the_committer_waits_for_the_views() {
        let it = Watched(RwLock::new(Projection::new()));
        let day = Date::parse("2016-12-31");
        let household = HouseholdCode::parse("44142490120100013").unwrap();
        let city = Unit::parse("4414").unwrap();
        for question in [
            Question::Household(household, Some(200_000_000)),
            Question::Unit { unit: city, own_only: false },
            Question::City { unit: city, home: true, helper: false },
            Question::Province(None),
        ] {
            for as_of in [(None, None), (None, day), (Some(Seq(0)), None), (Some(Seq(0)), day)] {
                answer(&it, &it, &it, as_of, question).unwrap();
            }
        }
    }
}
