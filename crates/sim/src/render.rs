//! The files' spelling of vouchers and bank rows. The same value gives the same bytes.

use crate::date::Day;
use crate::voucher::{BankAccount, BankRef, BankRow, Direction, SimVoucher, Value};
use std::io::Write as _;

/// Appends a voucher as JSON lines: the header object, then one object a line.
pub fn render_voucher(voucher: &SimVoucher, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"type":"voucher""#);
    text_field(out, "organisation", &voucher.organisation);
    text_field(out, "voucher_no", &voucher.voucher_no);
    field_name(out, "effective_date");
    date(out, voucher.effective_date);
    for (name, text) in [
        ("doc_no", voucher.doc_no.as_deref()),
        ("prepared_by", Some(&*voucher.prepared_by)),
        ("approved_by", voucher.approved_by.as_deref()),
        ("exception_reason", voucher.exception_reason.as_deref()),
    ] {
        if let Some(text) = text {
            text_field(out, name, text);
        }
    }
    field_name(out, "line_count");
    decimal(out, voucher.lines.len() as u64);
    field_name(out, "total_yuan");
    yuan_text(out, voucher.total_fen);
    out.extend_from_slice(b"}\n");
    for (i, line) in voucher.lines.iter().enumerate() {
        out.extend_from_slice(br#"{"type":"line","line_no":"#);
        decimal(out, i as u64 + 1);
        text_field(out, "kind", line.kind);
        fields(out, &line.fields);
        out.extend_from_slice(b"}\n");
    }
}

/// Appends a row of the bank's file: `bank_ref,account,date,amount_yuan,direction,status`.
pub(crate) fn render_bank_row(row: &BankRow, day: Day, out: &mut Vec<u8>) {
    bank_ref(out, row.bank_ref);
    out.push(b',');
    match row.account {
        BankAccount::Payee(token) => hex(out, &token.0),
        BankAccount::Unit(unit) => decimal(out, unit.digits()),
    }
    out.push(b',');
    plain_date(out, day);
    out.push(b',');
    yuan(out, row.fen);
    out.push(b',');
    out.extend_from_slice(match row.direction {
        Direction::Out => b"out",
        Direction::In => b"in",
    });
    out.push(b',');
    out.extend_from_slice(row.status.as_bytes());
    out.push(b'\n');
}

fn fields(out: &mut Vec<u8>, fields: &[(&'static str, Value)]) {
    for (name, v) in fields {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(if matches!(v, Value::Fen(_)) { b"_yuan\":" } else { b"\":" });
        value(out, v);
    }
}

fn value(out: &mut Vec<u8>, v: &Value) {
    match v {
        Value::Word(text) => string(out, text),
        Value::Name(text) => string(out, text),
        Value::Text(text) => string(out, text),
        Value::Number(n) => decimal(out, *n),
        Value::Flag(yes) => out.extend_from_slice(if *yes { b"true" } else { b"false" }),
        Value::Fen(fen) => yuan_text(out, *fen),
        Value::Date(day) => date(out, *day),
        Value::Unit(unit) => quoted(out, |out| decimal(out, unit.digits())),
        Value::Area(unit) => quoted(out, |out| decimal(out, unit.area_code())),
        // Writing to a Vec never fails.
        Value::Household(code) => drop(write!(out, "\"{code}\"")),
        Value::Token(token) => quoted(out, |out| hex(out, &token.0)),
        Value::BankRef(reference) => quoted(out, |out| bank_ref(out, *reference)),
        Value::List(values) => list(out, values),
        Value::Object(object) => {
            let mut inner = Vec::new();
            fields(&mut inner, object);
            out.push(b'{');
            out.extend_from_slice(inner.get(1..).unwrap_or_default());
            out.push(b'}');
        }
    }
}

fn list(out: &mut Vec<u8>, values: &[Value]) {
    out.push(b'[');
    for (i, v) in values.iter().enumerate() {
        if 0 < i {
            out.push(b',');
        }
        value(out, v);
    }
    out.push(b']');
}

fn field_name(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn text_field(out: &mut Vec<u8>, name: &str, text: &str) {
    field_name(out, name);
    string(out, text);
}

/// Our own texts hold no quote, backslash or control character; one that did would be escaped.
fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..=0x1f => drop(write!(out, "\\u{byte:04x}")),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

fn quoted(out: &mut Vec<u8>, inner: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    inner(out);
    out.push(b'"');
}

fn date(out: &mut Vec<u8>, day: Day) {
    quoted(out, |out| plain_date(out, day));
}

fn plain_date(out: &mut Vec<u8>, day: Day) {
    let (year, month, day) = day.civil();
    padded(out, u64::from(year), 4);
    out.push(b'-');
    padded(out, u64::from(month), 2);
    out.push(b'-');
    padded(out, u64::from(day), 2);
}

fn bank_ref(out: &mut Vec<u8>, reference: BankRef) {
    let (year, month, day) = reference.day.civil();
    out.push(b'B');
    padded(out, u64::from(year * 10_000 + month * 100 + day), 8);
    out.push(b'-');
    padded(out, u64::from(reference.serial), 6);
}

fn yuan_text(out: &mut Vec<u8>, fen: i64) {
    quoted(out, |out| yuan(out, fen));
}

fn yuan(out: &mut Vec<u8>, fen: i64) {
    let fen = fen.unsigned_abs();
    decimal(out, fen / 100);
    out.push(b'.');
    padded(out, fen % 100, 2);
}

fn decimal(out: &mut Vec<u8>, n: u64) {
    padded(out, n, 1);
}

/// At least `width` digits, at most 20.
fn padded(out: &mut Vec<u8>, mut n: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    while 0 < n || digits.len() - start < width {
        start -= 1;
        digits[start] = b'0' + (n % 10) as u8;
        n /= 10;
    }
    out.extend_from_slice(&digits[start..]);
}

fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::{Token, Unit};
    use crate::voucher::SimLine;

    #[test]
    fn a_voucher_is_spelled_as_in_the_contract() {
        let bank_ref = BankRef { day: Day::of(2016, 9, 1), serial: 22 };
        let voucher = SimVoucher {
            organisation: "VC441424901201".into(),
            voucher_no: "2016-09-001".into(),
            posted: Day::of(2016, 9, 1),
            effective_date: Day::of(2016, 9, 1),
            doc_no: None,
            prepared_by: "p.vc1".into(),
            approved_by: None,
            exception_reason: None,
            total_fen: 300_005,
            lines: vec![SimLine::new(
                "DisbursedToHousehold",
                vec![
                    ("unit", Value::Unit(Unit::new(441_424, 6))),
                    ("account", Value::Token(Token([0xab; 16]))),
                    ("bank_ref", Value::BankRef(bank_ref)),
                    (
                        "members",
                        Value::List(vec![
                            Value::Number(1),
                            Value::Object(vec![("dibao", Value::Flag(true))]),
                        ]),
                    ),
                    ("amount", Value::Fen(300_005)),
                ],
            )],
        };
        let mut out = Vec::new();
        render_voucher(&voucher, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"type":"voucher","organisation":"VC441424901201","voucher_no":"2016-09-001","#,
                r#""effective_date":"2016-09-01","prepared_by":"p.vc1","line_count":1,"#,
                r#""total_yuan":"3000.05"}"#,
                "\n",
                r#"{"type":"line","line_no":1,"kind":"DisbursedToHousehold","unit":"441424","#,
                r#""account":"abababababababababababababababab","bank_ref":"B20160901-000022","#,
                r#""members":[1,{"dibao":true}],"amount_yuan":"3000.05"}"#,
                "\n",
            )
        );
    }
}
