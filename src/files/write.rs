//! Vouchers written as JSON lines.
//!
//! Lives here: the file's spelling of each value.
//! Lives elsewhere: reading it back (`jsonl`), which gives the same voucher.
//!
//! Always: fields stand in the order of the kind's row, so that equal vouchers give equal bytes.

use std::io::{self, Write};

use ledger::field::{Field, Shape};
use ledger::kind::Kind;
use ledger::voucher::{HeaderText, LineRef, Struct, Value, Voucher};
use record::Fen;

use super::name_in_files;

/// Writes a voucher: its header object and its lines.
///
/// # Errors
/// Those of the output.
pub fn write_jsonl(voucher: &Voucher, out: &mut impl Write) -> io::Result<()> {
    write_header(voucher, out)?;
    for line in voucher.lines() {
        write_line(line, out)?;
    }
    Ok(())
}

fn write_header(voucher: &Voucher, out: &mut impl Write) -> io::Result<()> {
    out.write_all(br#"{"type":"voucher""#)?;
    for field in HeaderText::ALL {
        let text = voucher.header(field);
        if !text.is_empty() {
            name(out, field.name())?;
            string(out, text)?;
        }
    }
    if let Some(count) = voucher.line_count() {
        write!(out, r#","line_count":{count}"#)?;
    }
    if let Some(total) = voucher.total_fen() {
        write!(out, r#","total_yuan":"{}""#, Fen::new(total))?;
    }
    for (field, bytes) in [
        ("approval_signature", voucher.approval_signature()),
        ("approver_key", voucher.approver_key()),
    ] {
        if !bytes.is_empty() {
            name(out, field)?;
            hex(out, bytes)?;
        }
    }
    out.write_all(b"}\n")
}

fn write_line(line: LineRef<'_>, out: &mut impl Write) -> io::Result<()> {
    write!(out, r#"{{"type":"line","line_no":{}"#, line.line_no())?;
    name(out, "kind")?;
    string(out, line.kind_name())?;
    let specs = Kind::of_name(line.kind_name()).map_or(&[][..], |kind| kind.row().fields);
    for spec in specs {
        if let Some(value) = line.get(spec.field) {
            write_field(out, spec.field, value)?;
        }
    }
    // What the kind does not have, the memo apart, is written too: the writer judges nothing.
    for field in Field::ALL.iter().filter(|f| !specs.iter().any(|spec| spec.field == **f)) {
        if let Some(value) = line.get(*field) {
            write_field(out, *field, value)?;
        }
    }
    out.write_all(b"}\n")
}

fn write_field(out: &mut impl Write, field: Field, value_: Value<'_>) -> io::Result<()> {
    name(out, &name_in_files(field.name()))?;
    match value_ {
        Value::Int(fen) if field.shape() == Shape::Fen => write!(out, r#""{}""#, Fen::new(fen)),
        other => value(out, other),
    }
}

fn value(out: &mut impl Write, of: Value<'_>) -> io::Result<()> {
    match of {
        Value::Text(text) => string(out, text),
        Value::Blob(bytes) => hex(out, bytes),
        Value::Int(number) => write!(out, "{number}"),
        Value::Wide(number) => write!(out, "{number}"),
        Value::Bool(value) => write!(out, "{value}"),
        Value::Struct(members) => structure(out, members),
        Value::List(list) => {
            for (i, entry) in list.iter().enumerate() {
                out.write_all(if i == 0 { b"[" } else { b"," })?;
                value(out, entry)?;
            }
            out.write_all(b"]")
        }
    }
}

fn structure(out: &mut impl Write, members: Struct<'_>) -> io::Result<()> {
    out.write_all(b"{")?;
    for (i, (name, member)) in members.iter().enumerate() {
        if 0 < i {
            out.write_all(b",")?;
        }
        string(out, name)?;
        out.write_all(b":")?;
        value(out, member)?;
    }
    out.write_all(b"}")
}

fn name(out: &mut impl Write, name: &str) -> io::Result<()> {
    out.write_all(b",")?;
    string(out, name)?;
    out.write_all(b":")
}

fn string(out: &mut impl Write, text: &str) -> io::Result<()> {
    serde_json::to_writer(out, text).map_err(io::Error::from)
}

fn hex(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(b"\"")?;
    for byte in bytes {
        write!(out, "{byte:02x}")?;
    }
    out.write_all(b"\"")
}
