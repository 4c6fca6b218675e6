//! Canonical rows read back by their documented layout.

use std::collections::BTreeMap;

use record::LtHash;
use views::{ColumnType, LAYOUTS, Projection};

/// A value of a key or a column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Int(i128),
    Text(String),
}

pub(crate) fn int(x: impl Into<i128>) -> Value {
    Value::Int(x.into())
}

pub(crate) fn text(x: impl ToString) -> Value {
    Value::Text(x.to_string())
}

/// View and key to column by name; columns that are zero or empty are left out.
pub(crate) type Rows = BTreeMap<(u16, Vec<Value>), BTreeMap<&'static str, Value>>;

/// Reads all rows of a projection.
pub(crate) fn read(views: &Projection) -> Rows {
    let mut out = Rows::new();
    views.scan(&mut |row| {
        let (at, columns) = decode(row);
        assert!(out.insert(at, columns).is_none(), "a key stands twice");
    });
    out
}

fn decode(row: &[u8]) -> ((u16, Vec<Value>), BTreeMap<&'static str, Value>) {
    let view = u16::from_le_bytes(row[..2].try_into().unwrap());
    let key_len = usize::from(u16::from_le_bytes(row[2..4].try_into().unwrap()));
    let layout = LAYOUTS.iter().find(|layout| layout.number == view).unwrap();
    let (mut key, mut value) = (&row[4..4 + key_len], &row[4 + key_len..]);
    let at = layout.key.iter().map(|(_, ty)| take(&mut key, *ty)).collect();
    let empty = |value: &Value| matches!(value, Value::Int(0)) || *value == text("");
    let columns = layout.columns.iter().map(|(name, ty)| (*name, take(&mut value, *ty)));
    let columns = columns.filter(|(_, value)| !empty(value)).collect();
    assert!(key.is_empty() && value.is_empty(), "{}: bytes left over", layout.name);
    ((view, at), columns)
}

fn take(bytes: &mut &[u8], ty: ColumnType) -> Value {
    fn cut<'a>(bytes: &mut &'a [u8], n: usize) -> &'a [u8] {
        let (head, rest) = bytes.split_at(n);
        *bytes = rest;
        head
    }
    match ty {
        ColumnType::U8 => int(cut(bytes, 1)[0]),
        ColumnType::U16 => int(u16::from_le_bytes(cut(bytes, 2).try_into().unwrap())),
        ColumnType::U32 => int(u32::from_le_bytes(cut(bytes, 4).try_into().unwrap())),
        ColumnType::U64 => int(u64::from_le_bytes(cut(bytes, 8).try_into().unwrap())),
        ColumnType::I32 => int(i32::from_le_bytes(cut(bytes, 4).try_into().unwrap())),
        ColumnType::I64 => int(i64::from_le_bytes(cut(bytes, 8).try_into().unwrap())),
        ColumnType::Text => {
            let len = u16::from_le_bytes(cut(bytes, 2).try_into().unwrap());
            text(std::str::from_utf8(cut(bytes, usize::from(len))).unwrap())
        }
        ColumnType::Rest => text(std::str::from_utf8(cut(bytes, bytes.len())).unwrap()),
    }
}

/// The digest of a view from a sorted scan of its rows.
pub(crate) fn scanned_digest(views: &Projection, view: u16) -> (u64, record::Hash) {
    let mut rows: Vec<Vec<u8>> = Vec::new();
    views.scan(&mut |row| {
        if row[..2] == view.to_le_bytes() {
            rows.push(row.to_vec());
        }
    });
    rows.sort();
    let mut lanes = LtHash::new();
    for row in &rows {
        lanes.add_row(row);
    }
    (rows.len() as u64, lanes.view_digest(view, rows.len() as u64))
}
