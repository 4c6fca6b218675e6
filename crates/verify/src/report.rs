//! What was found, as text for people and as one JSON document for scripts.
//!
//! Always: a failure names its place and what was expected there; what was not checked is said, in
//! the last line; exit codes are 0 holds, 1 the answer is no, 2 unreadable or newer, 3 I/O.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::io;
use std::path::Path;

use record::{Book, Fen, Hash, Hex, Seq, china_date, kind_name, system};

/// What one run found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Name of the log, from its genesis.
    pub origin: Option<String>,
    /// Seed of a synthetic ledger, whose keys are public.
    pub synthetic: Option<u64>,
    /// Records that hold; after a failure, those before it.
    pub records: u64,
    /// Chain hash of the last of them.
    pub chain_head: Hash,
    /// Merkle root over them.
    pub tree_root: Hash,
    /// Server time of the first and the last of them, Unix milliseconds.
    pub times_ms: Option<(u64, u64)>,
    /// Records by kind.
    pub kinds: BTreeMap<u16, u64>,
    /// Sum of all balances of each book, in fen.
    pub books: Vec<(Book, i128)>,
    /// Accounts not at zero and their balance in fen, by class.
    pub classes: BTreeMap<String, (u64, i128)>,
    /// Rows and digest of the accounts view.
    pub accounts: (u64, Hash),
    /// Seals that hold, and position and time of the last one.
    pub seals: (u64, Option<(Seq, u64)>),
    /// Bytes behind the last whole block, which are no evidence.
    pub tail: Option<Tail>,
    /// Files beside the published checkpoints that are none and were passed over.
    pub strays: Vec<String>,
    /// What was checked, in order.
    pub checks: Vec<Check>,
    /// The first thing that does not hold.
    pub failure: Option<Failure>,
    /// Why nothing can be said.
    pub problem: Option<Problem>,
}

/// One check and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Name, stable for scripts.
    pub name: &'static str,
    /// `None`: not checked, and `detail` says why.
    pub ok: Option<bool>,
    /// What was compared, or what is wrong.
    pub detail: String,
}

/// How the detail of a check begins that a failure cut short.
pub(crate) const NOT_FINISHED: &str = "not finished";

/// What a check says: whether it was made, and a detail; or the failure.
pub(crate) type Outcome = Result<(Option<bool>, String), Stop>;

/// Remains of a block that was never synced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// File below the ledger's directory.
    pub segment: String,
    /// Where it begins.
    pub offset: u64,
    /// Bytes up to the last one that is not zero.
    pub bytes: u64,
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Name of the check.
    pub check: &'static str,
    /// Position of the record.
    pub seq: Option<u64>,
    /// File below the ledger's directory.
    pub segment: Option<String>,
    /// Offset in the file.
    pub offset: Option<u64>,
    /// What should stand there.
    pub expected: String,
    /// What stands there.
    pub found: String,
    /// One sentence for people.
    pub what: String,
}

/// Why a run could not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Code of the project's list, or `IO`.
    pub code: &'static str,
    /// What was found.
    pub message: String,
    /// What to do.
    pub hint: &'static str,
    /// Exit code: 2 or 3.
    pub exit: u8,
}

/// What ends a run early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Failure(Box<Failure>),
    Problem(Box<Problem>),
}

impl Stop {
    pub(crate) fn failure(
        check: &'static str,
        what: &str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        let (what, expected, found) = (what.to_owned(), expected.into(), found.into());
        let (seq, segment, offset) = (None, None, None);
        Self::Failure(Box::new(Failure { check, seq, segment, offset, expected, found, what }))
    }

    /// Says where, unless that is known more closely already.
    pub(crate) fn at(self, segment: &str, offset: u64, seq: Seq) -> Self {
        self.at_offset(segment, offset).of(seq)
    }

    /// Says which record, where no place in a file can be told.
    pub(crate) fn of(mut self, seq: Seq) -> Self {
        if let Self::Failure(failure) = &mut self {
            failure.seq.get_or_insert(seq.0);
        }
        self
    }

    /// As [`Stop::at`], where no record can be told.
    pub(crate) fn at_offset(mut self, segment: &str, offset: u64) -> Self {
        if let Self::Failure(failure) = &mut self
            && failure.segment.is_none()
        {
            failure.segment = Some(segment.to_owned());
            failure.offset = Some(offset);
        }
        self
    }
}

/// Fails unless what was found is what was expected.
pub(crate) fn same<T: Copy + PartialEq + Display>(
    check: &'static str,
    what: &str,
    expected: T,
    found: T,
) -> Result<(), Stop> {
    if expected == found {
        return Ok(());
    }
    let (expected, found) = (expected.to_string(), found.to_string());
    let what = format!("{what} is {found}, {expected} expected");
    Err(Stop::failure(check, &what, expected, found))
}

/// Code of a directory without a ledger.
pub(crate) const NO_LEDGER: &str = "MZ-9008";

impl Problem {
    /// Says that an argument, or the file it names, cannot be used.
    pub fn usage(message: String) -> Self {
        Self { code: "MZ-9010", message, hint: "see --help", exit: 2 }
    }

    fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }

    pub(crate) fn no_ledger(dir: &Path) -> Stop {
        let message = format!("{} holds no ledger", dir.display());
        if dir.join("journal-sled").exists() {
            let message = format!("{message} in segments: its journal is in sled");
            let hint = "`mingzhang journal convert` writes segments";
            return Self::usage(message).hint(hint).into();
        }
        let hint = "check the path: a data directory has a folder `segments`";
        Self { code: NO_LEDGER, message, hint, exit: 2 }.into()
    }

    pub(crate) fn newer(message: &str) -> Stop {
        let message = format!("written by a newer version: {message}");
        Self { code: "MZ-9006", message, hint: "use a newer program", exit: 2 }.into()
    }

    pub(crate) fn io(path: &Path, error: &io::Error) -> Stop {
        let message = format!("{}: {error}", path.display());
        let hint = "nothing was judged; run again when the file can be read";
        Self { code: "IO", message, hint, exit: 3 }.into()
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl Report {
    /// Tells whether everything that was checked holds.
    pub fn ok(&self) -> bool {
        self.exit_code() == 0
    }

    /// Returns the process's exit code.
    pub fn exit_code(&self) -> u8 {
        let failed = u8::from(self.failure.is_some());
        self.problem.as_ref().map_or(failed, |problem| problem.exit)
    }

    /// Adds a check, and keeps its failure, or why it could not be made, if it is the first.
    pub(crate) fn note(&mut self, name: &'static str, outcome: Outcome) {
        let (ok, detail) = match outcome {
            Ok(outcome) => outcome,
            Err(Stop::Failure(failure)) => {
                let what = failure.what.clone();
                self.failure.get_or_insert(*failure);
                (Some(false), what)
            }
            Err(Stop::Problem(problem)) => {
                let what = problem.message.clone();
                self.problem.get_or_insert(*problem);
                (None, what)
            }
        };
        self.checks.push(Check { name, ok, detail });
    }

    /// Returns one sentence on what this run did not check.
    pub fn not_checked(&self) -> String {
        let open = self.checks.iter().filter(|check| check.ok.is_none());
        // What the walk did not finish is one thing, not one a check.
        let open = open.filter(|check| !check.detail.starts_with(NOT_FINISHED));
        let open = open.map(|check| format!("{} ({})", check.name, check.detail));
        let behind = self.failure.as_ref().map(|_| "what lies behind the failure".to_owned());
        let always = "payload rules and views (run `mingzhang rebuild`)".to_owned();
        let parts = behind.into_iter().chain(open).chain([always]).collect::<Vec<_>>();
        format!("not checked: {}", parts.join("; "))
    }

    /// Writes the report for people.
    pub fn text(&self, colour: bool) -> String {
        let paint = |code: u8, text: &str| {
            if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
        };
        let mut out = String::new();
        let mut line = |text: String| out.extend([text.trim_end(), "\n"]);
        if let Some(Problem { code, message, hint, .. }) = &self.problem {
            line(format!("{}: {message}", paint(31, &format!("error[{code}]"))));
            line(format!("hint: {hint}"));
            return out;
        }
        line(format!("origin      {}", self.origin.as_deref().unwrap_or("unknown")));
        if let Some(seed) = self.synthetic {
            let note = format!("synthetic (seed {seed}): invented data, its keys are public");
            line(format!("ledger      {}", paint(33, &note)));
        }
        line(format!("records     {}", self.records));
        if let Some((first, last)) = self.times_ms {
            line(format!("time        {} to {}, China time", time(first), time(last)));
        }
        line(format!("chain head  {}", Hex(&self.chain_head)));
        line(format!("tree root   {}", Hex(&self.tree_root)));
        let (rows, digest) = &self.accounts;
        line(format!("accounts    {rows}, digest {}", Hex(digest)));
        if let (seals, Some((seq, at))) = self.seals {
            line(format!("seals       {seals}, the last at position {seq}, {}", time(at)));
        }
        line("\nkind        records".to_owned());
        for (kind, records) in &self.kinds {
            let unknown = if system::is_system(*kind) { "unknown, passed over" } else { "" };
            line(format!("{kind:<8} {records:>10}  {}", kind_name(*kind).unwrap_or(unknown)));
        }
        line("\nclass      accounts         balance (yuan)".to_owned());
        for (class, (accounts, fen)) in &self.classes {
            let yuan = i64::try_from(*fen).map(|fen| Fen::new(fen).to_string());
            let yuan = yuan.unwrap_or_else(|_| format!("{fen} fen"));
            line(format!("{class:<8} {accounts:>10} {yuan:>22}"));
        }
        line(String::new());
        for Check { name, ok, detail } in &self.checks {
            let mark = match ok {
                Some(true) => paint(32, "ok    "),
                Some(false) => paint(31, "FAILED"),
                None => paint(33, "-     "),
            };
            line(format!("{mark}  {name:<10}  {detail}"));
        }
        line(String::new());
        if let Some(Tail { segment, offset, bytes }) = &self.tail {
            let place = format!("{segment}, offset {offset}");
            line(format!("note: {bytes} bytes behind the last block are no evidence ({place})"));
        }
        for stray in &self.strays {
            line(format!("note: {stray} is no checkpoint and was passed over"));
        }
        match &self.failure {
            None => line(format!("{}: {} records hold together", paint(32, "ok"), self.records)),
            Some(failure) => {
                line(format!("{}: {}", paint(31, "tampered"), failure.what));
                line(format!("  place     {}", failure.place()));
                line(format!("  expected  {}", failure.expected));
                line(format!("  found     {}", failure.found));
            }
        }
        line(self.not_checked());
        out
    }

    /// Writes the JSON document of `--json`, in one line.
    pub fn json(&self) -> String {
        if let Some(Problem { code, message, hint, .. }) = &self.problem {
            let error = object(&[
                ("code", quote(code)),
                ("message", quote(message)),
                ("hint", quote(hint)),
            ]);
            return object(&[("error", error)]);
        }
        let books = self.books.iter().map(|(book, sum)| {
            object(&[("book", quote(&book.to_string())), ("sum_fen", sum.to_string())])
        });
        let checks = self.checks.iter().map(|Check { name, ok, detail }| {
            object(&[("name", quote(name)), ("ok", or_null(*ok)), ("detail", quote(detail))])
        });
        let tail = self.tail.as_ref().map(|tail| {
            object(&[
                ("segment", quote(&tail.segment)),
                ("offset", tail.offset.to_string()),
                ("bytes", tail.bytes.to_string()),
            ])
        });
        let failure = self.failure.as_ref().map(|failure| {
            object(&[
                ("seq", or_null(failure.seq)),
                ("segment", or_null(failure.segment.as_deref().map(quote))),
                ("offset", or_null(failure.offset)),
                ("expected", quote(&failure.expected)),
                ("found", quote(&failure.found)),
                ("what", quote(&failure.what)),
            ])
        });
        let hex = |hash: &Hash| quote(&Hex(hash).to_string());
        let array = |items: Vec<String>| format!("[{}]", items.join(","));
        object(&[
            ("ok", self.ok().to_string()),
            ("origin", or_null(self.origin.as_deref().map(quote))),
            ("records", self.records.to_string()),
            ("last_seq", or_null(self.records.checked_sub(1))),
            ("chain_head", hex(&self.chain_head)),
            ("tree_size", self.records.to_string()),
            ("tree_root", hex(&self.tree_root)),
            ("books", array(books.collect())),
            ("checks", array(checks.collect())),
            ("tail", or_null(tail)),
            ("synthetic", self.synthetic.is_some().to_string()),
            ("failure", or_null(failure)),
            ("seals", self.seals.0.to_string()),
            ("accounts_digest", hex(&self.accounts.1)),
            ("strays", array(self.strays.iter().map(|name| quote(name)).collect())),
            ("not_checked", quote(&self.not_checked())),
        ])
    }
}

impl Failure {
    fn place(&self) -> String {
        let seq = self.seq.map(|seq| format!("record {seq}"));
        let parts = [seq, self.segment.clone(), self.offset.map(|at| format!("offset {at}"))];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// Spells a time as China's clocks show it.
fn time(ms: u64) -> String {
    // Days to a date of the Gregorian calendar, in years that begin in March, from the year 0 on.
    let days = u64::from(china_date(ms)) + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + next;
    let seconds = ms / 1_000 + 28_800;
    let (h, m, s) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {h:02}:{m:02}:{s:02}")
}

pub(crate) fn to_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn or_null(value: Option<impl Display>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| value.to_string())
}

fn object(fields: &[(&str, String)]) -> String {
    let fields = fields.iter().map(|(name, value)| format!("\"{name}\":{value}"));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// Spells a text as a JSON string.
fn quote(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            // Writing to a string cannot fail.
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c)).unwrap_or_default(),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_chinas() {
        assert_eq!(time(0), "1970-01-01 08:00:00");
        assert_eq!(time(1_451_577_600_000), "2016-01-01 00:00:00");
        assert_eq!(time(1_456_761_599_999), "2016-02-29 23:59:59");
        assert_eq!(time(1_456_761_600_000), "2016-03-01 00:00:00");
        assert_eq!(time(951_753_600_000), "2000-02-29 00:00:00");
        assert_eq!(time(4_107_513_600_000), "2100-03-01 00:00:00");
    }

    #[test]
    fn texts_are_quoted() {
        assert_eq!(quote("a\"b\\c\n明"), "\"a\\\"b\\\\c\\u000a明\"");
    }
}
