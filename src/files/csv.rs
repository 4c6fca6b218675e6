//! CSV: one row a line, header columns repeated and equal within a voucher.
//!
//! Lives here: columns, rows into lines, rows into vouchers.
//! Lives elsewhere: quotes and separators (the crate `csv`), single values (`cell`).
//!
//! Always: rows of one voucher stand together; a column that a kind does not use is empty.
//! Source: domain contract, "Files", CSV.

use std::borrow::Cow;
use std::io::{BufRead, Chain, Cursor, Read as _};

use ::csv;
use ::csv::{ByteRecord, ReaderBuilder, Terminator};
use ledger::field::Field;
use ledger::reject::Reason;
use ledger::voucher::HeaderText;

use super::{
    Draft, Encoding, Entry, Marked, Place, Stop, cell, field_of, name_in_files, unknown,
    without_mark,
};

/// Fields of lines that have a column: those of money kinds.
const FIELDS: [Field; 29] = [
    Field::Quota,
    Field::Source,
    Field::Treasury,
    Field::HomeCity,
    Field::Tranche,
    Field::Year,
    Field::Programme,
    Field::From,
    Field::FromUnit,
    Field::To,
    Field::ToUnit,
    Field::Unit,
    Field::Household,
    Field::MemberNo,
    Field::Account,
    Field::Project,
    Field::Village,
    Field::Purpose,
    Field::Loan,
    Field::BankRef,
    Field::Ref,
    Field::Period,
    Field::Date,
    Field::Records,
    Field::Issued,
    Field::CashIn,
    Field::PaidBefore,
    Field::Amount,
    Field::Reason,
];

/// Fields of the header that have a column. A memo is the line's.
const HEADER: [HeaderText; 8] = [
    HeaderText::Organisation,
    HeaderText::VoucherNo,
    HeaderText::EffectiveDate,
    HeaderText::DocNo,
    HeaderText::PreparedBy,
    HeaderText::ApprovedBy,
    HeaderText::ExceptionReason,
    HeaderText::NoticeRef,
];

/// What a column holds.
#[derive(Clone, PartialEq, Debug)]
enum Column {
    Header(HeaderText),
    LineCount,
    Total,
    LineNo,
    Kind,
    Field(Field),
    /// No such column; its name.
    Unknown(String),
}

impl Column {
    fn of(name: &str) -> Self {
        let header = HEADER.into_iter().find(|field| field.name() == name);
        match (name, header) {
            (_, Some(field)) => Self::Header(field),
            ("line_count", _) => Self::LineCount,
            ("total_yuan", _) => Self::Total,
            ("line_no", _) => Self::LineNo,
            ("kind", _) => Self::Kind,
            ("memo", _) => Self::Field(Field::Memo),
            _ => match field_of(name, "") {
                Some(field) if FIELDS.contains(&field) => Self::Field(field),
                _ => Self::Unknown(name.to_owned()),
            },
        }
    }

    fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Header(field) => Cow::Borrowed(field.name()),
            Self::LineCount => Cow::Borrowed("line_count"),
            Self::Total => Cow::Borrowed("total_yuan"),
            Self::LineNo => Cow::Borrowed("line_no"),
            Self::Kind => Cow::Borrowed("kind"),
            Self::Field(field) => name_in_files(field.name()),
            Self::Unknown(name) => Cow::Borrowed(name),
        }
    }

    fn is_header(&self) -> bool {
        matches!(self, Self::Header(_) | Self::LineCount | Self::Total)
    }

    fn all_names() -> impl Iterator<Item = Cow<'static, str>> {
        let fixed = ["line_count", "total_yuan", "line_no", "kind", "memo"];
        let header = HEADER.into_iter().map(HeaderText::name);
        let fields = FIELDS.into_iter().map(|field| name_in_files(field.name()));
        header.chain(fixed).map(Cow::Borrowed).chain(fields)
    }
}

/// Vouchers of a CSV file.
pub(super) struct Reader<R> {
    /// A last line break is added, so that every row ends with one and rows can be counted.
    rows: csv::Reader<Chain<Marked<R>, Cursor<&'static [u8]>>>,
    columns: Vec<Column>,
    /// Line of the file where the names stand.
    names_line: u64,
    encoding: Encoding,
    /// The first row of the next voucher.
    pending: Option<Row>,
}

/// A row of the file.
struct Row {
    cells: ByteRecord,
    /// Line of the file where it begins, from 1.
    line: u64,
}

impl Row {
    /// The bytes of a cell; empty where the row is short.
    fn get(&self, index: usize) -> &[u8] {
        let cell = self.cells.get(index).unwrap_or_default();
        let is_last = index.saturating_add(1) == self.cells.len();
        // Rows end with a line feed, before which a carriage return may stand.
        if is_last { cell.strip_suffix(b"\r").unwrap_or(cell) } else { cell }
    }

    fn len(&self) -> usize {
        self.cells.len()
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> + '_ {
        (0..self.len()).map(|i| self.get(i))
    }

    fn place(&self, index: usize) -> Place {
        let column = u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1);
        Place { line: self.line, column }
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads the row of names.
    pub(super) fn new(input: R, encoding: Encoding) -> Result<Self, Stop> {
        let input = without_mark(input).map_err(Stop::Io)?;
        let rows = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .from_reader(input.chain(Cursor::new(&b"\n"[..])));
        let mut reader = Self { rows, columns: Vec::new(), names_line: 1, encoding, pending: None };
        let Some(names) = reader.row()? else {
            return Err(Stop::usage(Place::default(), "the file is empty"));
        };
        for (i, name) in names.iter().enumerate() {
            let place = names.place(i);
            let name = decode(name, encoding).map_err(|offset| Stop::NoSuchFile {
                place,
                reason: not_text(&format!("column {}", i.saturating_add(1)), encoding, offset),
            })?;
            // GB 18030 has a byte order mark too.
            let name = name.strip_prefix('\u{feff}').unwrap_or(&name);
            let column = Column::of(name);
            if !name.is_empty() && reader.columns.contains(&column) {
                return Err(Stop::usage(place, format!("column {name} stands twice")));
            }
            reader.columns.push(column);
        }
        reader.names_line = names.line;
        let needed = [
            Column::Header(HeaderText::Organisation),
            Column::Header(HeaderText::VoucherNo),
            Column::Kind,
        ];
        if let Some(missing) = needed.iter().find(|column| !reader.columns.contains(column)) {
            let what = format!(
                "no column {}: the first row names the columns, separated by commas",
                missing.name()
            );
            return Err(Stop::usage(names.place(0), what));
        }
        Ok(reader)
    }

    /// Returns the next voucher; `None` at the end.
    pub(super) fn next_voucher(&mut self) -> Result<Option<Entry>, Stop> {
        let first = match self.pending.take() {
            Some(row) => row,
            None => match self.row()? {
                Some(row) => row,
                None => return Ok(None),
            },
        };
        let mut draft = Draft::beginning(first.line);
        self.refuse_unknown_columns(&mut draft);
        self.read_header(&mut draft, &first);
        self.read_line(&mut draft, &first);
        while let Some(row) = self.row()? {
            if !self.has_key_of(&first, &row) {
                self.pending = Some(row);
                break;
            }
            self.compare_headers(&mut draft, &first, &row);
            self.read_line(&mut draft, &row);
        }
        Ok(Some(draft.finish()))
    }

    /// Returns the next row that holds anything.
    fn row(&mut self) -> Result<Option<Row>, Stop> {
        let mut row = Row { cells: ByteRecord::new(), line: 0 };
        loop {
            let is_row = self.rows.read_byte_record(&mut row.cells).map_err(|error| {
                let line = error.position().map_or(0, csv::Position::line);
                let what = error.to_string();
                match error.into_kind() {
                    csv::ErrorKind::Io(error) => Stop::Io(error),
                    _ => Stop::usage(Place { line, column: 0 }, what),
                }
            })?;
            if !is_row {
                return Ok(None);
            }
            if row.iter().any(|cell| !cell.is_empty()) {
                // The position is behind the row: its own line breaks lie before it, and its end.
                let breaks = row.iter().flatten().filter(|b| **b == b'\n').count();
                let breaks = u64::try_from(breaks).unwrap_or(u64::MAX).saturating_add(1);
                row.line = self.rows.position().line().saturating_sub(breaks);
                return Ok(Some(row));
            }
        }
    }

    fn has_key_of(&self, first: &Row, row: &Row) -> bool {
        let is_key = |column: &Column| {
            matches!(column, Column::Header(HeaderText::Organisation | HeaderText::VoucherNo))
        };
        self.columns
            .iter()
            .enumerate()
            .filter(|(_, column)| is_key(column))
            .all(|(i, _)| first.get(i) == row.get(i))
    }

    /// 1016, once a voucher: all of its rows are concerned.
    fn refuse_unknown_columns(&self, draft: &mut Draft) {
        for (column, number) in self.columns.iter().zip(1_u64..) {
            if let Column::Unknown(name) = column
                && !name.is_empty()
            {
                let place = Place { line: self.names_line, column: number };
                draft.refuse(place, 0, name, unknown(name, Column::all_names()));
            }
        }
    }

    /// 1013: a later row whose header differs from the first one's.
    fn compare_headers(&self, draft: &mut Draft, first: &Row, row: &Row) {
        for (i, column) in self.columns.iter().enumerate().filter(|(_, c)| c.is_header()) {
            let (a, b) = (first.get(i), row.get(i));
            if a != b {
                let text = |bytes| {
                    let text = decode(bytes, self.encoding).unwrap_or(Cow::Borrowed("unreadable"));
                    if text.is_empty() { "empty".into() } else { cell::shown(&text) }
                };
                let column = column.name().into_owned();
                let reason = Reason::HeaderVaries {
                    row: row.line,
                    column: column.clone().into(),
                    found: text(b),
                    first: text(a),
                };
                draft.refuse(row.place(i), 0, &column, reason);
            }
        }
    }

    fn read_header(&self, draft: &mut Draft, row: &Row) {
        for (i, column) in self.columns.iter().enumerate().filter(|(_, c)| c.is_header()) {
            let bytes = row.get(i);
            let set = |draft: &mut Draft| {
                let text = self.text(bytes, column)?;
                if text.is_empty() {
                    return Ok(());
                }
                match column {
                    Column::Header(field) => draft.header(*field, &text),
                    Column::LineCount => {
                        let count = number(&text, column, row)?;
                        draft.builder.line_count(Some(count));
                    }
                    _ => {
                        let total = cell::fen(&text, i64::MAX, || spot(column, row))?;
                        draft.builder.total_fen(Some(total));
                    }
                }
                Ok(())
            };
            if let Err(reason) = set(draft) {
                draft.refuse(row.place(i), 0, &column.name(), reason);
            }
        }
    }

    fn read_line(&self, draft: &mut Draft, row: &Row) {
        let mut line_no = 0;
        let mut faults: Vec<(usize, Reason)> = Vec::new();
        draft.begin_line(0, "", row.line);
        for (i, (column, bytes)) in self.columns.iter().zip(row.iter()).enumerate() {
            if bytes.is_empty() {
                continue;
            }
            let mut set = || {
                let text = self.text(bytes, column)?;
                match column {
                    Column::LineNo => {
                        line_no = number(&text, column, row)?;
                        draft.builder.line_no(line_no);
                    }
                    Column::Kind => {
                        draft.builder.line_kind(&text);
                    }
                    Column::Field(field) => {
                        cell::set(&mut draft.builder, *field, &text, || spot(column, row))?;
                    }
                    Column::Unknown(name) if name.is_empty() => {
                        return Err(unknown("(a column without a name)", Column::all_names()));
                    }
                    _ => {}
                }
                Ok(())
            };
            if let Err(reason) = set() {
                faults.push((i, reason));
            }
        }
        let (found, expected) = (row.len(), self.columns.len());
        if found != expected {
            let reason = Reason::FieldFormat {
                field: "row".into(),
                found: format!("of {found} cells").into(),
                expected: format!("one of {expected}, as the first row has").into(),
            };
            draft.refuse(Place { line: row.line, column: 0 }, line_no, "", reason);
        }
        for (i, reason) in faults {
            let name = self.columns.get(i).map(Column::name).unwrap_or_default();
            draft.refuse(row.place(i), line_no, &name, reason);
        }
        draft.end_line();
    }

    /// The text of a cell; 1035 when it is not in the file's encoding.
    fn text<'a>(&self, bytes: &'a [u8], column: &Column) -> Result<Cow<'a, str>, Reason> {
        decode(bytes, self.encoding)
            .map_err(|offset| not_text(&column.name(), self.encoding, offset))
    }
}

/// The text of bytes, or the offset of the first that does not belong.
fn decode(bytes: &[u8], encoding: Encoding) -> Result<Cow<'_, str>, usize> {
    match encoding {
        Encoding::Utf8 => {
            std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| error.valid_up_to())
        }
        Encoding::Gb18030 => {
            encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(bytes).ok_or(0)
        }
    }
}

fn not_text(field: &str, encoding: Encoding, offset: usize) -> Reason {
    Reason::TextNotUtf8 {
        field: field.to_owned().into(),
        encoding: encoding.name().into(),
        offset: u64::try_from(offset).unwrap_or(u64::MAX),
    }
}

/// A number of the line's or the voucher's frame.
fn number(text: &str, column: &Column, row: &Row) -> Result<u32, Reason> {
    if cell::is_number_cell(text) {
        return Err(cell::damaged(text, spot(column, row)));
    }
    text.parse().map_err(|_| Reason::FieldFormat {
        field: column.name().into_owned().into(),
        found: cell::shown(text),
        expected: "a whole number".into(),
    })
}

/// A cell as people look for it.
fn spot(column: &Column, row: &Row) -> String {
    format!("{} of row {}", column.name(), row.line)
}
