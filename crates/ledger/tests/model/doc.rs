//! A voucher as it stands in a file: the one form that generator, model and ledger are given.
//!
//! Lives here: header and lines by name, money as fen; their spelling as JSON lines, which is what a failing
//! sequence is printed in and can be posted from.
//! Lives elsewhere: what a voucher means (`form`, `decide`).

use serde_json::{Map, Value, json};

/// Fields by name. Money is whole fen under the name of the contract, without `_yuan`.
pub(crate) type Fields = Map<String, Value>;

/// Names of the fields that are money.
const MONEY: [&str; 8] =
    ["amount", "issued", "cash_in", "paid_before", "planned", "principal", "recovered", "total"];

/// Header and lines; and what the caller found out about the approver's signature.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doc {
    pub(crate) head: Fields,
    pub(crate) lines: Vec<Fields>,
}

/// The text of a field; empty when absent.
pub(crate) fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The number of a field.
pub(crate) fn number(fields: &Fields, name: &str) -> Option<i128> {
    fields.get(name).and_then(Value::as_i64).map(i128::from)
}

impl Doc {
    /// A voucher's header, without totals.
    pub(crate) fn new(organisation: &str, no: &str, date: &str, by: &str) -> Self {
        let head = json!({"organisation": organisation, "voucher_no": no, "effective_date": date,
            "prepared_by": by});
        Self { head: head.as_object().unwrap().clone(), lines: Vec::new() }
    }

    /// Adds a line; its number is the next.
    pub(crate) fn line(&mut self, kind: &str, fields: &Value) -> &mut Self {
        let mut line = Fields::new();
        line.insert("line_no".into(), json!(self.lines.len() + 1));
        line.insert("kind".into(), json!(kind));
        line.extend(fields.as_object().unwrap().clone());
        self.lines.push(line);
        self
    }

    /// Sets a text of the header; an empty one takes it away.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> &mut Self {
        if value.is_empty() {
            self.head.remove(name);
        } else {
            self.head.insert(name.into(), json!(value));
        }
        self
    }

    /// States the control totals as they are.
    pub(crate) fn state_totals(&mut self) -> &mut Self {
        let total: i128 = self.lines.iter().filter_map(|line| number(line, "amount")).sum();
        self.head.insert("line_count".into(), json!(self.lines.len()));
        self.head.insert("total".into(), json!(i64::try_from(total).unwrap_or(i64::MAX)));
        self
    }

    /// As JSON lines.
    pub(crate) fn json_lines(&self) -> String {
        let mut out = spelled(&self.head, "voucher");
        for line in &self.lines {
            out.push_str(&spelled(line, "line"));
        }
        out
    }
}

fn spelled(fields: &Fields, kind: &str) -> String {
    let mut object = Fields::new();
    object.insert("type".into(), json!(kind));
    for (name, value) in fields {
        match value.as_i64() {
            Some(fen) if MONEY.contains(&name.as_str()) => {
                let sign = if fen < 0 { "-" } else { "" };
                let fen = fen.unsigned_abs();
                let yuan = format!("{sign}{}.{:02}", fen / 100, fen % 100);
                object.insert(format!("{name}_yuan"), json!(yuan));
            }
            _ => {
                object.insert(name.clone(), value.clone());
            }
        }
    }
    format!("{}\n", Value::Object(object))
}
