//! Versions of one rule under one key.

use std::sync::Arc;

use record::Seq;

use crate::ids::Date;
use crate::reject::Reason;

/// One version, with its content shared between states.
#[derive(Debug)]
pub struct Version<T> {
    /// 1, 2, 3 and so on.
    pub number: u32,
    /// First day on which it holds.
    pub from: Date,
    /// Last day on which it holds; without one it holds until the next version's first day.
    pub to: Option<Date>,
    /// Position of the record that adopted it.
    pub seq: Seq,
    /// What it says.
    pub content: Arc<T>,
}

impl<T> Clone for Version<T> {
    fn clone(&self) -> Self {
        let Self { number, from, to, seq, ref content } = *self;
        Self { number, from, to, seq, content: content.clone() }
    }
}

/// All versions of a rule under a key that are known, in order.
#[derive(Debug)]
pub struct Versions<T>(pub(super) Vec<Version<T>>);

impl<T> Default for Versions<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Clone for Versions<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Versions<T> {
    /// The version that holds on a date: the last one whose first day is not after it, unless that one
    /// has ended.
    pub fn valid(&self, date: Date) -> Option<&Version<T>> {
        self.known(Seq(u64::MAX), date)
    }

    /// The version that holds on a date by what the log said up to a position: later records are as if
    /// they were not there.
    pub fn known(&self, position: Seq, date: Date) -> Option<&Version<T>> {
        let known = |version: &&Version<T>| version.seq <= position && version.from <= date;
        let version = self.0.iter().rev().find(known)?;
        version.to.is_none_or(|to| date <= to).then_some(version)
    }

    /// The content that holds on a date.
    pub fn content(&self, date: Date) -> Option<&T> {
        self.valid(date).map(|version| &*version.content)
    }

    /// The newest version.
    pub fn last(&self) -> Option<&Version<T>> {
        self.0.last()
    }

    /// The version of a number.
    pub fn number(&self, number: u32) -> Option<&Version<T>> {
        self.0.iter().find(|version| version.number == number)
    }

    /// All versions, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Version<T>> {
        self.0.iter()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number that the next version must have.
    pub fn next_number(&self) -> u32 {
        self.last().map_or(1, |last| last.number.saturating_add(1))
    }

    /// Checks first day and number of a new version.
    ///
    /// # Errors
    /// `RuleDateOrder` (4001) when it begins before the version it follows, `RuleVersionGap` (4002) when
    /// it is not the next.
    pub fn check_next(&self, number: u32, from: Date) -> Result<(), Reason> {
        if let Some(last) = self.last().filter(|last| from < last.from) {
            return Err(Reason::RuleDateOrder { date: from, previous: last.from });
        }
        let expected = self.next_number();
        if number == expected { Ok(()) } else { Err(Reason::RuleVersionGap { expected }) }
    }

    /// Appends a version. What it follows was checked when it was adopted.
    pub fn push(&mut self, version: Version<T>) {
        self.0.push(version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(rows: &[(u32, Option<u32>)]) -> Versions<u32> {
        let mut out = Versions::default();
        for (number, (from, to)) in (1..).zip(rows) {
            let (from, to) = (Date(*from), to.map(Date));
            let seq = Seq(u64::from(number) * 10);
            out.push(Version { number, from, to, seq, content: Arc::new(number) });
        }
        out
    }

    #[test]
    fn the_last_known_version_that_has_begun_holds() {
        let v = versions(&[(100, None), (100, Some(199)), (300, None)]);
        let on = |date| v.content(Date(date)).copied();
        assert_eq!([on(99), on(100), on(199)], [None, Some(2), Some(2)]);
        // Version 1 was followed: it does not come back when version 2 ends.
        assert_eq!([on(200), on(299), on(300), on(9_999)], [None, None, Some(3), Some(3)]);
        assert_eq!(v.number(1).map(|x| x.from), Some(Date(100)));
    }

    #[test]
    fn a_version_is_known_from_its_record_on() {
        let v = versions(&[(100, None), (100, Some(199)), (300, None)]);
        let at = |seq, date| v.known(Seq(seq), Date(date)).map(|version| version.number);
        assert_eq!(
            [at(9, 400), at(10, 400), at(20, 400), at(30, 400)],
            [None, Some(1), None, Some(3)]
        );
        assert_eq!([at(19, 150), at(20, 150), at(30, 150)], [Some(1), Some(2), Some(2)]);
    }

    #[test]
    fn a_version_follows_in_number_and_date() {
        let v = versions(&[(100, None), (200, None)]);
        assert_eq!(v.check_next(3, Date(200)), Ok(()));
        assert_eq!(
            v.check_next(4, Date(199)),
            Err(Reason::RuleDateOrder { date: Date(199), previous: Date(200) })
        );
        for number in [0, 2, 4, u32::MAX] {
            let gap = Err(Reason::RuleVersionGap { expected: 3 });
            assert_eq!(v.check_next(number, Date(300)), gap);
        }
        assert_eq!(Versions::<u32>::default().check_next(1, Date(0)), Ok(()));
    }
}
