//! JSON lines: a header object, then the objects of its lines; the next header starts the next voucher.
//!
//! Lives here: lines of the file into vouchers.
//! Lives elsewhere: JSON itself (`json`), the members of an object (`object`).
//!
//! Always: what cannot be read belongs to the voucher it stands in.
//! Source: domain contract, "Files", JSON lines.

use std::io::{BufRead, Read as _};

use ledger::reject::Reason;
use record::limits::VOUCHER_STREAM_BYTES_MAX;

use super::json::{Kind, object};
use super::object::{MEMBERS_MAX, Source, format};
use super::{Draft, Entry, Marked, Place, Stop, without_mark};

/// Bytes of one line of a file: no voucher that can be posted needs more.
const LINE_BYTES_MAX: usize = VOUCHER_STREAM_BYTES_MAX;

/// Vouchers of a JSON-lines file.
pub(super) struct Reader<R> {
    input: Marked<R>,
    /// Number of the line read last, from 1.
    line: u64,
    buffer: Vec<u8>,
    /// The header of the next voucher was read: its draft.
    pending: Option<Box<Draft>>,
}

/// A line of the file.
enum Row {
    End,
    Header(Box<Draft>),
    Line,
    /// Neither: why.
    Unreadable(Place, Reason),
}

impl<R: BufRead> Reader<R> {
    /// Reads the first header.
    pub(super) fn new(input: R) -> Result<Self, Stop> {
        let input = without_mark(input).map_err(Stop::Io)?;
        let mut reader = Self { input, line: 0, buffer: Vec::new(), pending: None };
        let mut no_draft = Draft::default();
        match reader.row(&mut no_draft)? {
            Row::Header(draft) => reader.pending = Some(draft),
            Row::End => return Err(Stop::usage(Place::default(), "the file is empty")),
            Row::Line => {
                let place = Place { line: reader.line, column: 0 };
                return Err(Stop::usage(place, "a line stands before the first header"));
            }
            Row::Unreadable(place, reason) => return Err(Stop::NoSuchFile { place, reason }),
        }
        Ok(reader)
    }

    /// Returns the next voucher; `None` at the end.
    pub(super) fn next_voucher(&mut self) -> Result<Option<Entry>, Stop> {
        let Some(mut draft) = self.pending.take() else { return Ok(None) };
        loop {
            match self.row(&mut draft)? {
                Row::End => break,
                Row::Header(next) => {
                    self.pending = Some(next);
                    break;
                }
                Row::Line => {}
                Row::Unreadable(place, reason) => draft.refuse(place, 0, "", reason),
            }
        }
        Ok(Some(draft.finish()))
    }

    /// Reads the next line of the file that holds anything; a voucher's line goes into the draft.
    fn row(&mut self, draft: &mut Draft) -> Result<Row, Stop> {
        loop {
            if !self.read_bytes()? {
                return Ok(Row::End);
            }
            if self.buffer.iter().any(|b| !b.is_ascii_whitespace()) {
                break;
            }
        }
        let at = Place { line: self.line, column: 0 };
        let text = match std::str::from_utf8(&self.buffer) {
            Ok(text) => text,
            Err(error) => {
                let offset = u64::try_from(error.valid_up_to()).unwrap_or(u64::MAX);
                let place = Place { column: offset.saturating_add(1), ..at };
                let field = format!("line {}", self.line).into();
                let reason = Reason::TextNotUtf8 { field, encoding: "UTF-8".into(), offset };
                return Ok(Row::Unreadable(place, reason));
            }
        };
        let members = match object(text) {
            Ok(members) => members,
            Err(error) => {
                let place = Place { column: u64::try_from(error.column()).unwrap_or(0), ..at };
                return Ok(Row::Unreadable(place, format("line", text, "a JSON object")));
            }
        };
        if MEMBERS_MAX < members.len() {
            let found = format!("of {} members", members.len());
            return Ok(Row::Unreadable(at, format("object", &found, "one of at most 256 members")));
        }
        let ty = members.iter().find(|(name, _)| name == "type").and_then(|(_, v)| v.kind());
        match ty {
            Some(Kind::Text(ty)) if ty == "voucher" => {
                let mut draft = Box::new(Draft::beginning(self.line));
                Source { text, line: self.line }.read_header(&mut draft, &members);
                Ok(Row::Header(draft))
            }
            Some(Kind::Text(ty)) if ty == "line" => {
                Source { text, line: self.line }.read_line(draft, &members);
                Ok(Row::Line)
            }
            Some(Kind::Text(ty)) => Ok(Row::Unreadable(at, format("type", &ty, "voucher or line"))),
            _ => {
                let reason = Reason::FieldMissing {
                    field: "type".into(),
                    kind: "each object, voucher or line".into(),
                };
                Ok(Row::Unreadable(at, reason))
            }
        }
    }

    /// Reads the bytes of the next line; `false` at the end.
    fn read_bytes(&mut self) -> Result<bool, Stop> {
        self.buffer.clear();
        let most = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
        let mut limited = self.input.by_ref().take(most);
        let read = limited.read_until(b'\n', &mut self.buffer).map_err(Stop::Io)?;
        self.line = self.line.saturating_add(1);
        if LINE_BYTES_MAX < read {
            let place = Place { line: self.line, column: 0 };
            let what = format!("the line has more than {LINE_BYTES_MAX} bytes");
            return Err(Stop::usage(place, what));
        }
        while self.buffer.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
            self.buffer.pop();
        }
        Ok(0 < read)
    }
}
