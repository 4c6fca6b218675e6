//! Voucher files: JSON lines and CSV in, JSON lines out.
//!
//! Lives here: what a file's reader answers, the names that files use, the nearest name to a wrong one.
//! Lives elsewhere: the formats (`jsonl`, `csv`), single values (`cell`), writing (`write`), whether a
//! voucher is well-formed (`ledger::form`), opening files and telling people (`cli`).
//!
//! Always: one voucher in memory at a time; a voucher that cannot be read is refused with the place of
//! each fault and the others go on; only a file that is no voucher file at all ends the reading. Any
//! bytes are answered, none panics. Money is text of yuan in files and never a floating number.
//! Source: domain contract, "Files".

pub mod bank;
pub(crate) mod cell;
mod csv;
mod json;
mod jsonl;
mod object;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::format_push_string,
    reason = "a test fails by panicking"
)]
mod tests;
mod write;

use std::borrow::Cow;
use std::io::{self, BufRead, Read as _};
use std::path::Path;

use ledger::field::{Field, Shape};
use ledger::kind::Kind;
use ledger::reject::{Reason, Refusal, Reject};
use ledger::voucher::{HeaderText, Voucher, VoucherBuilder};
use record::limits::VOUCHER_LINES_MAX;

pub use cell::shown;
pub use write::write_jsonl;

/// How a file is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A header object, then its lines; the next header starts the next voucher.
    JsonLines,
    /// One row a line, header columns repeated.
    Csv,
}

impl Format {
    /// Returns the format that a file's name says.
    pub fn of_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?;
        [("jsonl", Self::JsonLines), ("ndjson", Self::JsonLines), ("csv", Self::Csv)]
            .into_iter()
            .find_map(|(name, format)| extension.eq_ignore_ascii_case(name).then_some(format))
    }
}

/// How a CSV file's text is encoded. JSON lines are UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// GB 18030, which older spreadsheets write.
    Gb18030,
}

impl Encoding {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Gb18030 => "GB18030",
        }
    }

    /// Returns the encoding of a name that people use.
    pub fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Some(Self::Utf8),
            "gb18030" | "gbk" | "gb2312" => Some(Self::Gb18030),
            _ => None,
        }
    }
}

/// Where something stands in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// Line of the file, from 1.
    pub line: u64,
    /// JSON: byte of the line, from 1. CSV: column, from 1. 0: the line as a whole.
    pub column: u64,
}

/// One voucher of a file.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Organisation as far as it could be read.
    pub organisation: String,
    /// Voucher number as far as it could be read.
    pub voucher_no: String,
    /// Line of the file where it begins, from 1.
    pub begins: u64,
    /// Line of the file of each line of the voucher, in order.
    pub rows: Vec<u64>,
    /// The voucher, or why it is refused.
    pub outcome: Result<Voucher, Refused>,
}

impl Entry {
    /// The line of the file where a line of the voucher stands; its beginning for the header (0).
    pub fn row(&self, line_no: u32) -> u64 {
        let index = usize::try_from(line_no).ok().and_then(|n| n.checked_sub(1));
        index.and_then(|i| self.rows.get(i)).copied().unwrap_or(self.begins)
    }
}

/// A voucher that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The faults, at most 100, and how many there are.
    pub reject: Reject,
    /// Where each of them stands.
    pub places: Vec<Place>,
}

/// Why reading ends.
#[derive(Debug)]
pub enum Stop {
    /// The file cannot be read.
    Io(io::Error),
    /// It is no such file: 1035 when its text is not in the declared encoding, else 9010.
    NoSuchFile {
        /// Where that shows.
        place: Place,
        /// What was found.
        reason: Reason,
    },
}

impl Stop {
    fn usage(place: Place, what: impl Into<Cow<'static, str>>) -> Self {
        Self::NoSuchFile { place, reason: Reason::Usage { what: what.into() } }
    }
}

/// The vouchers of a file, one after the other. After an `Err` nothing more comes.
pub struct Vouchers<R> {
    inner: Inner<R>,
    ended: bool,
}

enum Inner<R> {
    JsonLines(Box<jsonl::Reader<R>>),
    Csv(Box<csv::Reader<R>>),
}

/// Begins to read the vouchers of a file.
///
/// # Errors
/// [`Stop`] when its beginning shows that it is no such file.
pub fn read<R: BufRead>(input: R, format: Format, encoding: Encoding) -> Result<Vouchers<R>, Stop> {
    let inner = match (format, encoding) {
        (Format::Csv, encoding) => Inner::Csv(Box::new(csv::Reader::new(input, encoding)?)),
        (Format::JsonLines, Encoding::Utf8) => {
            Inner::JsonLines(Box::new(jsonl::Reader::new(input)?))
        }
        (Format::JsonLines, other) => {
            let what = format!("JSON lines are UTF-8, {} was declared", other.name());
            return Err(Stop::usage(Place::default(), what));
        }
    };
    Ok(Vouchers { inner, ended: false })
}

impl<R: BufRead> Iterator for Vouchers<R> {
    type Item = Result<Entry, Stop>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = match &mut self.inner {
            Inner::JsonLines(reader) => reader.next_voucher(),
            Inner::Csv(reader) => reader.next_voucher(),
        };
        self.ended = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

/// An input behind its byte order mark.
type Marked<R> = io::Chain<io::Cursor<Vec<u8>>, R>;

/// Returns the input behind a byte order mark, if it begins with one.
fn without_mark<R: BufRead>(mut input: R) -> io::Result<Marked<R>> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let mut first = Vec::with_capacity(MARK.len());
    let length = u64::try_from(MARK.len()).unwrap_or(3);
    input.by_ref().take(length).read_to_end(&mut first)?;
    if first == MARK {
        first.clear();
    }
    Ok(io::Cursor::new(first).chain(input))
}

/// A voucher that is being read, with the faults found so far.
#[derive(Default)]
struct Draft {
    builder: VoucherBuilder,
    organisation: String,
    voucher_no: String,
    begins: u64,
    rows: Vec<u64>,
    refusals: Vec<Refusal>,
    places: Vec<Place>,
    faults: u64,
}

impl Draft {
    fn beginning(line: u64) -> Self {
        Self { begins: line, ..Self::default() }
    }

    /// Sets a text of the header; of the key it is remembered for messages.
    fn header(&mut self, field: HeaderText, text: &str) {
        match field {
            HeaderText::Organisation => text.clone_into(&mut self.organisation),
            HeaderText::VoucherNo => text.clone_into(&mut self.voucher_no),
            _ => {}
        }
        self.builder.header(field, text);
    }

    /// Starts a line; `end_line` ends it.
    fn begin_line(&mut self, line_no: u32, kind: &str, row: u64) {
        self.builder.begin_line(line_no, kind);
        self.rows.push(row);
    }

    /// Ends the line begun last. One beyond the most that a voucher may have is counted, not kept.
    fn end_line(&mut self) {
        let most = usize::try_from(VOUCHER_LINES_MAX).unwrap_or(usize::MAX);
        if most < self.builder.lines() {
            self.builder.drop_line();
            self.rows.truncate(most);
        }
    }

    /// Notes a fault. 100 are told, all are counted.
    fn refuse(&mut self, place: Place, line_no: u32, field: &str, reason: Reason) {
        self.faults = self.faults.saturating_add(1);
        if self.refusals.len() < Reject::REFUSALS_MAX {
            self.refusals.push(reason.at(line_no, field));
            self.places.push(place);
        }
    }

    fn finish(self) -> Entry {
        let outcome = if self.faults == 0 {
            Ok(self.builder.finish())
        } else {
            let reject = Reject { refusals: self.refusals, total: self.faults };
            Err(Refused { reject, places: self.places })
        };
        Entry {
            organisation: self.organisation,
            voucher_no: self.voucher_no,
            begins: self.begins,
            rows: self.rows,
            outcome,
        }
    }
}

// Names.

/// The name of a field in files, from its name in refusals: money is `NAME_yuan`.
pub fn name_in_files(field: &str) -> Cow<'_, str> {
    let is_money = |f: Field| f.shape() == Shape::Fen;
    if field == "total" || Field::of_name(field).is_some_and(is_money) {
        Cow::Owned(format!("{field}_yuan"))
    } else {
        Cow::Borrowed(field)
    }
}

/// Returns the field of a name in files. `period` of a period rule is a field of its own.
fn field_of(name: &str, kind: &str) -> Option<Field> {
    if name == Field::PeriodUnit.name() && kind == Kind::PeriodRuleAdopted.name() {
        return Some(Field::PeriodUnit);
    }
    let field = Field::of_name(name.strip_suffix("_yuan").unwrap_or(name))?;
    // Money has the ending, all else has not.
    ((field.shape() == Shape::Fen) == name.ends_with("_yuan")).then_some(field)
}

/// The refusal of a name that is none (1016).
fn unknown<'a>(name: &str, names: impl Iterator<Item = Cow<'a, str>>) -> Reason {
    const SHOWN_CHARS: usize = 40;
    // A name without its ending (`total` for `total_yuan`) is nearer than any other of its letters.
    let is_start = |known: &str| 2 < name.len() && known.starts_with(name);
    let far = |known: &str| if is_start(known) { 1 } else { distance(name, known) };
    let near = names.min_by_key(|known| far(known)).unwrap_or_default().into_owned();
    let column: String = name.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS).collect();
    Reason::UnknownColumn { column: column.into(), near: near.into() }
}

/// How many letters must change to make one name of another. Long names are cut: they are no typing
/// errors.
fn distance(a: &str, b: &str) -> usize {
    const CHARS_MAX: usize = 40;
    let b: Vec<char> = b.chars().take(CHARS_MAX).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(CHARS_MAX).enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (to, above) in b.iter().zip(row.iter_mut().skip(1)) {
            let change = diagonal.saturating_add(usize::from(from != *to));
            diagonal = *above;
            left = change.min(left.saturating_add(1)).min(diagonal.saturating_add(1));
            *above = left;
        }
    }
    row.last().copied().unwrap_or(0)
}
