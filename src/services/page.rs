//! As-of answers and pages: which position an answer speaks for, and where the next page begins.
//!
//! Always: a page token pins position and date, so the pages of one list are of one ledger; a token of
//! another question is refused (8003).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger::ids::Date;
use ledger::reject::Reason;
use ledger::state::State;
use record::limits::PAGE_ROWS_MAX;
use record::{Seq, china_date};
use tonic::Status;

use super::status::refuse;
use crate::node::replay::{Parts, Replay};
use crate::node::{Handle, lookup};
use crate::reading::malformed;

/// Rows of a page when none are asked for.
const PAGE_ROWS: u32 = 100;

/// Position and date that were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AsOf {
    /// Position asked for; `None`: the head.
    pub(super) position: Option<Seq>,
    /// Date asked for; `None`: none.
    pub(super) date: Option<Date>,
}

impl AsOf {
    /// Reads the two fields of a request.
    ///
    /// # Errors
    /// 1019 for a date that is none, 8001 beyond the head.
    pub(super) fn of(node: &Handle, position: Option<u64>, date: &str) -> Result<Self, Status> {
        let head = node.applied().position();
        let position = position.map(Seq);
        if let Some(asked) = position
            && head < asked
        {
            return Err(refuse(Reason::PositionAhead { head, asked }));
        }
        let date = match date {
            "" => None,
            text => {
                let wrong = || bad("as_of_date", text, "a date YYYY-MM-DD");
                Some(Date::parse(text).ok_or_else(wrong)?)
            }
        };
        Ok(Self { position, date })
    }

    /// The date as answers spell it.
    pub(super) fn date_text(&self) -> String {
        self.date.map(|date| date.to_string()).unwrap_or_default()
    }
}

/// An answer's value, and what it speaks for.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) position: Seq,
    pub(super) shortened: bool,
}

/// Looks something up in the state, as of a position; `look` also gets the day that is asked about.
///
/// The head answers at once; any other position replays the log.
pub(super) async fn state_at<T: Send + 'static>(
    node: &Handle,
    as_of: AsOf,
    look: impl FnOnce(&State, Date) -> T + Send + 'static,
) -> Result<At<T>, Status> {
    let head = node.applied();
    let today = |ms| Date(china_date(ms));
    if as_of.position.is_none_or(|asked| asked == head.position()) {
        let asked = as_of.date;
        let look = move |state: &State| {
            look(state, asked.unwrap_or_else(|| today(state.position().time_ms)))
        };
        let (value, applied) = node.look(look).await.map_err(refuse)?;
        return Ok(At { value, position: applied.position(), shortened: false });
    }
    let asked = as_of.position.unwrap_or(head.position());
    let reader = node.reader();
    let replayed = node.blocking(move || {
        let mut replay = Replay::new([0; 32], Parts { state: true, tree: false });
        let run = replay.run(&*reader, Some(asked), &mut |_| Ok(()), &mut |_| Ok(()), &mut |_| ());
        run.map_err(|error| error.reason().unwrap_or_else(|| lookup::unreadable_here(asked)))?;
        let position = Seq(replay.next_seq().0.saturating_sub(1));
        let date = as_of.date.unwrap_or_else(|| replay.last_date());
        let value = look(&replay.state, date);
        Ok(At { value, position, shortened: position != asked })
    });
    replayed.await.map_err(refuse)
}

/// Where a page begins and how long it may be.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// What the pages are pinned to.
    pub(super) as_of: AsOf,
    /// Rows before this page.
    pub(super) skip: usize,
    /// Most rows of this page.
    pub(super) rows: usize,
    question: u64,
}

impl Page {
    /// Reads the paging fields of a request; `question` is what is asked besides.
    ///
    /// # Errors
    /// 6006 for a page too large, 8003 for a token of another question.
    pub(super) fn of(as_of: AsOf, size: u32, token: &str, question: &str) -> Result<Self, Status> {
        if PAGE_ROWS_MAX < size {
            let (found, max) = (u64::from(size), u64::from(PAGE_ROWS_MAX));
            return Err(refuse(Reason::PageTooLarge { found, max }));
        }
        let rows = if size == 0 { PAGE_ROWS } else { size };
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let question = fingerprint(question);
        if token.is_empty() {
            return Ok(Self { as_of, skip: 0, rows, question });
        }
        let bad = || refuse(Reason::PageToken {});
        let (pinned, skip, asked) = open(token).ok_or_else(bad)?;
        // Said again they must be the same.
        let same = as_of.position.is_none_or(|p| Some(p) == pinned.position)
            && as_of.date.is_none_or(|d| Some(d) == pinned.date);
        if asked != question || !same {
            return Err(bad());
        }
        Ok(Self { as_of: pinned, skip, rows, question })
    }

    /// Cuts this page's rows out of all, and returns the token of the next page; empty: this is the last.
    pub(super) fn cut<T>(&self, all: Vec<T>, position: Seq) -> (Vec<T>, String) {
        let end = self.skip.saturating_add(self.rows);
        let more = end < all.len();
        let rows = all.into_iter().skip(self.skip).take(self.rows).collect();
        let token = if more { self.token(position, end) } else { String::new() };
        (rows, token)
    }

    fn token(&self, position: Seq, skip: usize) -> String {
        let date = self.as_of.date.map_or(u32::MAX, |date| date.0);
        let skip = u64::try_from(skip).unwrap_or(u64::MAX);
        let mut bytes = Vec::with_capacity(28);
        bytes.extend_from_slice(&position.0.to_le_bytes());
        bytes.extend_from_slice(&date.to_le_bytes());
        bytes.extend_from_slice(&skip.to_le_bytes());
        bytes.extend_from_slice(&self.question.to_le_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn open(token: &str) -> Option<(AsOf, usize, u64)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (position, rest) = bytes.split_first_chunk::<8>()?;
    let (date, rest) = rest.split_first_chunk::<4>()?;
    let (skip, rest) = rest.split_first_chunk::<8>()?;
    let question = u64::from_le_bytes(rest.try_into().ok()?);
    let date = u32::from_le_bytes(*date);
    let as_of = AsOf {
        position: Some(Seq(u64::from_le_bytes(*position))),
        date: (date != u32::MAX).then_some(Date(date)),
    };
    Some((as_of, usize::try_from(u64::from_le_bytes(*skip)).ok()?, question))
}

fn fingerprint(question: &str) -> u64 {
    let hash = blake3::hash(question.as_bytes());
    hash.as_bytes().first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The refusal of a value that does not parse.
pub(super) fn bad(field: &'static str, found: &str, expected: &'static str) -> Status {
    refuse(malformed(field, found, expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_pins_position_date_and_question() {
        let asked = AsOf { position: None, date: Some(Date(17_000)) };
        let first = Page::of(asked, 2, "", "villages of 44").unwrap();
        let (rows, token) = first.cut(vec![1, 2, 3], Seq(9));
        assert_eq!(rows, [1, 2]);
        let nothing = AsOf { position: None, date: None };
        let next = Page::of(nothing, 2, &token, "villages of 44").unwrap();
        let pinned = AsOf { position: Some(Seq(9)), date: Some(Date(17_000)) };
        assert_eq!((next.as_of, next.skip), (pinned, 2));
        assert_eq!(next.cut(vec![1, 2, 3], Seq(9)), (vec![3], String::new()));
        assert!(Page::of(nothing, 2, &token, "villages of 4414").is_err());
        let other = AsOf { position: Some(Seq(8)), date: None };
        assert!(Page::of(other, 2, &token, "villages of 44").is_err());
        assert!(Page::of(nothing, 2, "damaged", "villages of 44").is_err());
        assert!(Page::of(nothing, PAGE_ROWS_MAX, "", "").is_ok());
        assert!(Page::of(nothing, PAGE_ROWS_MAX + 1, "", "").is_err());
    }
}
