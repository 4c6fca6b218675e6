//! What differs between two versions of a rule.
//!
//! Lives here: comparing contents field by field, and tables row by row.
//!
//! Always: rows are told apart by what stands in their first member (a purpose, a channel, an area), so a
//! row that was moved is no difference.

use serde_json::{Map, Value, json};

use super::plain;

/// A difference.
pub(super) struct Change {
    /// Where: a field, or a member of a row.
    field: String,
    /// What stood there; `None`: nothing.
    before: Option<Value>,
    /// What stands there; `None`: nothing.
    after: Option<Value>,
}

impl Change {
    /// The difference as a JSON row.
    pub(super) fn json(&self) -> Value {
        json!({ "field": self.field, "before": self.before, "after": self.after })
    }

    /// The difference for people.
    pub(super) fn lines(&self) -> Vec<String> {
        let side = |sign: char, value: &Option<Value>| {
            value.as_ref().map(|value| format!("{sign} {}: {}", self.field, shown(value)))
        };
        side('-', &self.before).into_iter().chain(side('+', &self.after)).collect()
    }
}

/// A row as `member=value`, other values plainly.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(row) => {
            let members = row.iter().map(|(name, value)| format!("{name}={}", plain(value)));
            members.collect::<Vec<_>>().join(" ")
        }
        other => plain(other),
    }
}

/// All differences, in the order of the later version, then what it has no longer.
pub(super) fn changes(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Change> {
    let mut out = Vec::new();
    compare("", before, after, &mut out);
    out
}

fn compare(
    place: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    out: &mut Vec<Change>,
) {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    for name in after.keys().chain(gone) {
        let field = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
        match (before.get(name), after.get(name)) {
            (old, new) if old == new => {}
            (Some(Value::Array(old)), Some(Value::Array(new)))
                if is_table(old) && is_table(new) =>
            {
                tables(&field, old, new, out);
            }
            (old, new) => out.push(Change { field, before: old.cloned(), after: new.cloned() }),
        }
    }
}

fn is_table(rows: &[Value]) -> bool {
    rows.iter().all(Value::is_object)
}

fn tables(field: &str, old: &[Value], new: &[Value], out: &mut Vec<Change>) {
    let key = |row: &Value| {
        row.as_object().and_then(|row| row.values().next()).map(plain).unwrap_or_default()
    };
    let with = |rows: &[Value], wanted: &str| rows.iter().find(|row| key(row) == wanted).cloned();
    let gone = old.iter().map(key).filter(|wanted| with(new, wanted).is_none());
    for wanted in new.iter().map(key).chain(gone) {
        let place = format!("{field}[{wanted}]");
        match (with(old, &wanted), with(new, &wanted)) {
            (Some(Value::Object(old)), Some(Value::Object(new))) => {
                compare(&place, &old, &new, out);
            }
            (before, after) => out.push(Change { field: place, before, after }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: Value, after: Value) -> Vec<String> {
        let (Value::Object(before), Value::Object(after)) = (before, after) else { unreachable!() };
        changes(&before, &after).iter().flat_map(Change::lines).collect()
    }

    #[test]
    fn fields_and_rows_that_differ_are_named() {
        let rows = json!({ "rows": [{ "id": "P01", "allowed": "yes" }, { "id": "P02", "allowed": "yes" }] });
        let moved = json!({ "rows": [{ "id": "P02", "allowed": "yes" }, { "id": "P01", "allowed": "yes" }] });
        assert!(told(rows.clone(), moved).is_empty());
        let changed = json!({ "rows": [{ "id": "P02", "allowed": "no" }, { "id": "P03", "allowed": "yes" }] });
        assert_eq!(
            told(rows, changed),
            [
                "- rows[P02].allowed: yes",
                "+ rows[P02].allowed: no",
                "+ rows[P03]: id=P03 allowed=yes",
                "- rows[P01]: id=P01 allowed=yes",
            ]
        );
    }

    #[test]
    fn scalars_and_lists_are_compared_whole() {
        let before = json!({ "weights": [6, 3, 1], "scheme": "631", "old": 1 });
        let after = json!({ "weights": [5, 4, 1], "scheme": "631", "new": 2 });
        let expected = ["- weights: 6, 3, 1", "+ weights: 5, 4, 1", "+ new: 2", "- old: 1"];
        assert_eq!(told(before, after), expected);
    }
}
