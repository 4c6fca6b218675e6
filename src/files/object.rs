//! One JSON object of a voucher file: its members into the fields of a header or a line.
//!
//! Lives here: which JSON value a field takes.
//! Lives elsewhere: JSON itself (`json`), amounts and tokens (`cell`), which objects make a voucher
//! (`jsonl`).
//!
//! Always: a member that is no field is refused by name, one that stands twice too; a number is read from
//! its spelling and loses no digit.

use std::borrow::Cow;

use ledger::field::{Field, Shape};
use ledger::kind::Kind as EventKind;
use ledger::reject::{Reason, Text};
use ledger::voucher::HeaderText;
use record::limits::MAX_AMOUNT_FEN;

use super::json::{Json, Kind};
use super::{Draft, Place, cell, field_of, name_in_files, unknown};

/// The members of one object.
pub(super) type Members<'a> = [(Cow<'a, str>, Json<'a>)];

/// Most members of one object: more than there are fields.
pub(super) const MEMBERS_MAX: usize = 256;

/// A fault within a value: the path below its field, and why.
type Fault = Box<(String, Reason)>;

/// A fault of a value itself.
#[expect(clippy::unnecessary_box_returns, reason = "faults travel boxed")]
fn here(reason: Reason) -> Fault {
    Box::new((String::new(), reason))
}

/// A fault as one of a member or entry of this name.
fn within(name: &str) -> impl Fn(Fault) -> Fault + '_ {
    move |mut fault| {
        fault.0 = format!(".{name}{}", fault.0);
        fault
    }
}

/// The line of the file that is being read.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// Its text.
    pub(super) text: &'a str,
    /// Its number, from 1.
    pub(super) line: u64,
}

impl<'a> Source<'a> {
    fn place(self, value: Json<'_>) -> Place {
        Place { line: self.line, column: value.column(self.text) }
    }

    fn spot(self, name: &str) -> String {
        format!("{name} of line {}", self.line)
    }

    /// Sets the header's fields.
    pub(super) fn read_header(self, draft: &mut Draft, members: &Members<'a>) {
        for (i, (name, value)) in members.iter().enumerate() {
            let before = members.get(..i).unwrap_or_default();
            let set = if before.iter().any(|(n, _)| n == name) {
                Err(twice(name))
            } else {
                self.set_header(draft, name, *value)
            };
            if let Err(reason) = set {
                draft.refuse(self.place(*value), 0, name, reason);
            }
        }
    }

    fn set_header(self, draft: &mut Draft, name: &str, value: Json<'a>) -> Result<(), Reason> {
        let Some(kind) = value.kind() else { return Err(no_text(name, value)) };
        let field = HeaderText::ALL.into_iter().find(|field| field.name() == name);
        match (name, kind) {
            ("type", _) => {}
            (_, Kind::Text(text)) if field.is_some() => {
                if let Some(field) = field {
                    draft.header(field, &text);
                }
            }
            ("line_count", Kind::Number(number)) => {
                let count = self
                    .whole(name, number)?
                    .parse()
                    .map_err(|_| format(name, number, "a whole number"))?;
                draft.builder.line_count(Some(count));
            }
            ("total_yuan", Kind::Text(text)) => {
                draft.builder.total_fen(Some(cell::fen(&text, i64::MAX, || self.spot(name))?));
            }
            ("total_yuan", Kind::Number(number)) => return Err(self.unquoted(name, number)),
            ("approval_signature" | "approver_key", Kind::Text(text)) => {
                let Some(bytes) = cell::hex(&text) else {
                    return Err(format(name, &text, "lower-case hex digits"));
                };
                match name {
                    "approval_signature" => draft.builder.approval_signature(&bytes),
                    _ => draft.builder.approver_key(&bytes),
                };
            }
            (_, Kind::Null) if field.is_some() || HEADER_OTHERS.contains(&name) => {}
            (_, _) if field.is_some() => {
                return Err(format(name, value.spelled(), "a text in quotes"));
            }
            ("line_count", _) => return Err(format(name, value.spelled(), "a whole number")),
            (_, _) if HEADER_OTHERS.contains(&name) => {
                return Err(format(name, value.spelled(), "a text in quotes"));
            }
            _ => {
                let names = HeaderText::ALL.into_iter().map(HeaderText::name).chain(HEADER_OTHERS);
                return Err(unknown(name, names.map(Cow::Borrowed)));
            }
        }
        Ok(())
    }

    /// Sets number, kind and fields of a line.
    pub(super) fn read_line(self, draft: &mut Draft, members: &Members<'a>) {
        let find = |wanted: &str| members.iter().find(|(name, _)| name == wanted).map(|(_, v)| *v);
        let mut faults: Vec<(Json<'_>, String, Reason)> = Vec::new();
        let kind = match find("kind").map(|value| (value, value.kind())) {
            Some((_, Some(Kind::Text(kind)))) => kind,
            Some((value, _)) => {
                let reason = format("kind", value.spelled(), "the name of a kind in quotes");
                faults.push((value, "kind".to_owned(), reason));
                Cow::Borrowed("")
            }
            None => Cow::Borrowed(""),
        };
        let line_no = match find("line_no").map(|value| (value, value.kind())) {
            Some((value, Some(Kind::Number(number)))) => {
                let read = self.whole("line_no", number).and_then(|number| {
                    number.parse().map_err(|_| format("line_no", number, "a whole number"))
                });
                read.unwrap_or_else(|reason| {
                    faults.push((value, "line_no".to_owned(), reason));
                    0
                })
            }
            Some((value, _)) => {
                let reason = format("line_no", value.spelled(), "a whole number");
                faults.push((value, "line_no".to_owned(), reason));
                0
            }
            None => 0,
        };
        draft.begin_line(line_no, &kind, self.line);
        for (i, (name, value)) in members.iter().enumerate() {
            let before = members.get(..i).unwrap_or_default();
            if before.iter().any(|(n, _)| n == name) {
                faults.push((*value, name.to_string(), twice(name)));
            } else if !matches!(name.as_ref(), "type" | "line_no" | "kind")
                && let Err(fault) = self.set_field(draft, name, *value, &kind)
            {
                let (path, reason) = *fault;
                faults.push((*value, format!("{name}{path}"), reason));
            }
        }
        for (value, field, reason) in faults {
            draft.refuse(self.place(value), line_no, &field, reason);
        }
        draft.end_line();
    }

    fn set_field(
        self,
        draft: &mut Draft,
        name: &str,
        value: Json<'a>,
        kind: &str,
    ) -> Result<(), Fault> {
        let Some(field) = field_of(name, kind) else {
            return Err(here(unknown(name, names_of(kind))));
        };
        let Some(found) = value.kind() else { return Err(here(no_text(name, value))) };
        let builder = &mut draft.builder;
        match (field.shape(), found) {
            (_, Kind::Null) => {}
            (Shape::Text, Kind::Text(text)) => {
                builder.text(field, &text);
            }
            (Shape::Blob, Kind::Text(text)) => cell::set_blob(builder, field, &text),
            (Shape::Fen, Kind::Text(text)) => {
                let fen = cell::fen(&text, MAX_AMOUNT_FEN, || self.spot(name)).map_err(here)?;
                builder.int(field, fen);
            }
            (Shape::Fen, Kind::Number(number)) => return Err(here(self.unquoted(name, number))),
            (Shape::Uint32 | Shape::Uint64 | Shape::Int64, Kind::Number(number)) => {
                match self.number(name, number).map_err(here)? {
                    Number::Signed(number) => builder.int(field, number),
                    Number::Wide(number) => builder.wide(field, number),
                };
            }
            (Shape::Bool, Kind::Bool(value)) => {
                builder.bool(field, value);
            }
            (Shape::Member, Kind::Object(members)) => {
                builder.begin_struct(field);
                self.set_members(draft, Shape::Member, &members)?;
            }
            (Shape::Params, Kind::Object(members)) => {
                // A flag's parameters may be spelled as its file has them: a map.
                for (name, value) in members {
                    draft.builder.begin_entry(field).member_text("name", &name);
                    self.set_member(draft, "value", Shape::Int64, value).map_err(within(&name))?;
                }
            }
            (shape, Kind::List(entries)) if shape.is_list() => {
                for (i, entry) in entries.iter().enumerate() {
                    self.push_entry(draft, field, *entry).map_err(within(&i.to_string()))?;
                }
            }
            (shape, _) => return Err(here(format(name, value.spelled(), expected(shape)))),
        }
        Ok(())
    }

    fn push_entry(self, draft: &mut Draft, field: Field, entry: Json<'a>) -> Result<(), Fault> {
        let name = field.name();
        let Some(found) = entry.kind() else { return Err(here(no_text(name, entry))) };
        match (field.shape(), found) {
            (Shape::TextList, Kind::Text(text)) => {
                draft.builder.push_text(field, &text);
            }
            (Shape::Uint32List | Shape::Uint64List, Kind::Number(number)) => {
                match self.number(name, number).map_err(here)? {
                    Number::Signed(number) => draft.builder.push_int(field, number),
                    Number::Wide(number) => draft.builder.push_wide(field, number),
                };
            }
            (Shape::Rows, Kind::Object(cells)) => {
                draft.builder.begin_entry(field);
                for (column, value) in cells {
                    let Some(Kind::Text(text)) = value.kind() else {
                        let reason = format(&column, value.spelled(), "a text in quotes");
                        return Err(within(&column)(here(reason)));
                    };
                    draft.builder.cell(&column, &text);
                }
            }
            (
                shape @ (Shape::Members | Shape::Shares | Shape::Params | Shape::Counties),
                Kind::Object(members),
            ) => {
                draft.builder.begin_entry(field);
                self.set_members(draft, shape, &members)?;
            }
            (shape, _) => return Err(here(format(name, entry.spelled(), expected_entry(shape)))),
        }
        Ok(())
    }

    fn set_members(
        self,
        draft: &mut Draft,
        shape: Shape,
        members: &Members<'a>,
    ) -> Result<(), Fault> {
        for (i, (name, value)) in members.iter().enumerate() {
            let before = members.get(..i).unwrap_or_default();
            if before.iter().any(|(n, _)| n == name) {
                return Err(within(name)(here(twice(name))));
            }
            let known = shape.members().iter().find(|(known, _)| known == name);
            let Some((name, shape)) = known else {
                let names = shape.members().iter().map(|(name, _)| Cow::Borrowed(*name));
                return Err(within(name)(here(unknown(name, names))));
            };
            self.set_member(draft, name, *shape, *value).map_err(within(name))?;
        }
        Ok(())
    }

    fn set_member(
        self,
        draft: &mut Draft,
        name: &'static str,
        shape: Shape,
        value: Json<'a>,
    ) -> Result<(), Fault> {
        let Some(found) = value.kind() else { return Err(here(no_text(name, value))) };
        let builder = &mut draft.builder;
        match (shape, found) {
            (_, Kind::Null) => {}
            (Shape::Text, Kind::Text(text)) => {
                builder.member_text(name, &text);
            }
            (Shape::Blob, Kind::Text(text)) => {
                match cell::hex(&text) {
                    Some(bytes) => builder.member_blob(name, &bytes),
                    None => builder.member_text(name, &text),
                };
            }
            (Shape::Bool, Kind::Bool(value)) => {
                builder.member_bool(name, value);
            }
            (Shape::Uint32 | Shape::Uint64 | Shape::Int64, Kind::Number(number)) => {
                match self.number(name, number).map_err(here)? {
                    Number::Signed(number) => builder.member_int(name, number),
                    Number::Wide(number) => builder.member_wide(name, number),
                };
            }
            (shape, _) => return Err(here(format(name, value.spelled(), expected(shape)))),
        }
        Ok(())
    }

    /// A number's spelling, when no digits were lost on the way.
    fn whole<'n>(self, name: &str, number: &'n str) -> Result<&'n str, Reason> {
        if cell::is_scientific(number) {
            Err(cell::damaged(number, self.spot(name)))
        } else {
            Ok(number)
        }
    }

    fn number(self, name: &str, number: &str) -> Result<Number, Reason> {
        let number = self.whole(name, number)?;
        let signed = number.parse().map(Number::Signed);
        signed
            .or_else(|_| number.parse().map(Number::Wide))
            .map_err(|_| format(name, number, "a whole number"))
    }

    /// Money that is no text.
    fn unquoted(self, name: &str, number: &str) -> Reason {
        match self.whole(name, number) {
            Ok(number) => Reason::AmountFormat { found: format!("{number} without quotes").into() },
            Err(damaged) => damaged,
        }
    }
}

enum Number {
    Signed(i64),
    Wide(u64),
}

/// Members of a header that are no texts of it.
const HEADER_OTHERS: [&str; 4] = ["line_count", "total_yuan", "approval_signature", "approver_key"];

/// Names that a line of a kind may have; of a kind that is none, all names.
fn names_of(kind: &str) -> Box<dyn Iterator<Item = Cow<'static, str>>> {
    let fixed = ["type", "line_no", "kind", "memo"].into_iter().map(Cow::Borrowed);
    match EventKind::of_name(kind) {
        Some(kind) => {
            let fields = kind.row().fields.iter().map(|spec| name_in_files(spec.field.name()));
            Box::new(fields.chain(fixed))
        }
        None => Box::new(Field::ALL.iter().map(|field| name_in_files(field.name())).chain(fixed)),
    }
}

/// A value of another form (1019).
pub(super) fn format(field: &str, found: &str, expected: &'static str) -> Reason {
    let (field, found): (Text, Text) = (field.to_owned().into(), cell::shown(found));
    Reason::FieldFormat { field, found, expected: expected.into() }
}

fn twice(name: &str) -> Reason {
    format(name, "given twice", "allowed: a name stands once in an object")
}

fn no_text(name: &str, value: Json<'_>) -> Reason {
    format(name, value.spelled(), "a text of whole characters")
}

fn expected(shape: Shape) -> &'static str {
    match shape {
        Shape::Text | Shape::Blob => "a text in quotes",
        Shape::Fen => "a text of yuan in quotes",
        Shape::Uint32 | Shape::Uint64 | Shape::Int64 => "a whole number without quotes",
        Shape::Bool => "true or false",
        Shape::Member => "an object",
        _ => "a list",
    }
}

fn expected_entry(shape: Shape) -> &'static str {
    match shape {
        Shape::TextList => "a text in quotes",
        Shape::Uint32List | Shape::Uint64List => "a whole number without quotes",
        _ => "an object",
    }
}
