//! The first row in which two copies of a view differ, in words.
//!
//! Lives here: canonical rows in order, reading them by their layout.
//! Lives elsewhere: whether two copies differ at all (`digest`).
//!
//! Always: rows are read by the table of layouts alone, so a new column shows without a line of code; rows
//! may come from another machine, so bytes that fit no layout are told as such, never a panic.

use std::cmp::Ordering;

use crate::digest::ColumnType;
use crate::{LAYOUTS, Layout, Views};

/// A canonical row: `u16 view || u16 key length || key || value`.
pub type CanonicalRow = Box<[u8]>;

/// Returns the rows of a view that are not empty, ascending by their bytes. They take as much memory as the
/// view again, so this is for views that are known to differ.
pub fn rows(views: &Views, view: u16) -> Vec<CanonicalRow> {
    let mut rows: Vec<CanonicalRow> = Vec::new();
    views.scan(&mut |row| {
        if row.first_chunk() == Some(&view.to_le_bytes()) {
            rows.push(row.into());
        }
    });
    rows.sort_unstable();
    rows
}

/// Says which row of two ascending copies of one view differs first, and in what: `here` what the first
/// holds, `there` the second. `None`: they are equal.
pub fn first_difference(here: &[CanonicalRow], there: &[CanonicalRow]) -> Option<String> {
    let (mut ours, mut theirs) = (here.iter().peekable(), there.iter().peekable());
    loop {
        let order = match (ours.peek(), theirs.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) if a == b => Ordering::Equal,
            (Some(a), Some(b)) => match key(a).cmp(key(b)) {
                Ordering::Equal => return Some(columns(a, b)),
                order => order,
            },
        };
        let (row, side) = match order {
            Ordering::Equal => {
                ours.next();
                theirs.next();
                continue;
            }
            Ordering::Less => (ours.next(), "here"),
            Ordering::Greater => (theirs.next(), "there"),
        };
        return row.map(|row| format!("{} stands {side} alone", named(row)));
    }
}

/// View, length and key.
fn key(row: &[u8]) -> &[u8] {
    let len =
        row.get(2..4).and_then(|len| len.first_chunk()).map_or(0, |len| u16::from_le_bytes(*len));
    row.get(..usize::from(len).saturating_add(4)).unwrap_or(row)
}

fn layout(row: &[u8]) -> Option<&'static Layout> {
    let number = u16::from_le_bytes(*row.first_chunk()?);
    LAYOUTS.iter().find(|layout| layout.number == number)
}

/// The key in words: `household 44142490120100013, year 2016`.
fn named(row: &[u8]) -> String {
    let parts = layout(row).and_then(|layout| values(layout.key, key(row).get(4..)?));
    let Some(parts) = parts else {
        return format!("a row of {} bytes that fits no layout", row.len());
    };
    parts.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

/// The columns that differ in two rows of one key.
fn columns(here: &[u8], there: &[u8]) -> String {
    let read = |row| values(layout(row)?.columns, row.get(key(row).len()..)?);
    let name = named(here);
    let (Some(ours), Some(theirs)) = (read(here), read(there)) else {
        return format!("{name}: a value that fits no layout");
    };
    let pairs = ours.iter().zip(&theirs).filter(|(a, b)| a != b);
    let told = pairs.map(|((column, a), (_, b))| format!("{column} {a} here, {b} there"));
    format!("{name}: {}", told.collect::<Vec<_>>().join("; "))
}

/// Reads columns off bytes that hold these and nothing else.
fn values(
    columns: &'static [(&'static str, ColumnType)],
    mut bytes: &[u8],
) -> Option<Vec<(&'static str, String)>> {
    let mut out = Vec::new();
    for (name, ty) in columns {
        let (value, rest) = value(*ty, bytes)?;
        out.push((*name, value));
        bytes = rest;
    }
    bytes.is_empty().then_some(out)
}

fn value(ty: ColumnType, bytes: &[u8]) -> Option<(String, &[u8])> {
    /// Reads an integer.
    macro_rules! int {
        ($ty:ty) => {{
            let (head, rest) = bytes.split_first_chunk()?;
            (<$ty>::from_le_bytes(*head).to_string(), rest)
        }};
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(match ty {
        ColumnType::U8 => int!(u8),
        ColumnType::U16 => int!(u16),
        ColumnType::U32 => int!(u32),
        ColumnType::U64 => int!(u64),
        ColumnType::I32 => int!(i32),
        ColumnType::I64 => int!(i64),
        ColumnType::Text => {
            let (len, rest) = bytes.split_first_chunk()?;
            let (head, rest) = rest.split_at_checked(u16::from_le_bytes(*len).into())?;
            (text(head), rest)
        }
        ColumnType::Rest => (text(bytes), &[]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row of the accounts: path and balance.
    fn account(path: &str, fen: i64) -> CanonicalRow {
        let len = u16::try_from(path.len()).unwrap();
        let parts: [&[u8]; 4] =
            [&1_u16.to_le_bytes(), &len.to_le_bytes(), path.as_bytes(), &fen.to_le_bytes()];
        parts.concat().into()
    }

    #[test]
    fn the_first_row_that_differs_is_named_with_its_columns() {
        let (a, b, c) = (account("C.a", 1), account("C.b", 2), account("C.c", 3));
        let told = |here: &[&CanonicalRow], there: &[&CanonicalRow]| {
            let rows =
                |all: &[&CanonicalRow]| all.iter().map(|&row| row.clone()).collect::<Vec<_>>();
            first_difference(&rows(here), &rows(there))
        };
        assert_eq!(told(&[&a, &b], &[&a, &b]), None);
        let other = account("C.b", -7);
        let named = |text: &str| Some(text.to_owned());
        assert_eq!(told(&[&a, &b, &c], &[&a, &other]), named("path C.b: balance 2 here, -7 there"));
        assert_eq!(told(&[&a, &c], &[&a, &b, &c]), named("path C.b stands there alone"));
        assert_eq!(told(&[&a, &b, &c], &[&a, &c]), named("path C.b stands here alone"));
        assert_eq!(told(&[&a], &[]), named("path C.a stands here alone"));
    }

    #[test]
    fn bytes_that_fit_no_layout_are_told_as_such() {
        let whole = account("C.a", 1);
        for end in 0..whole.len() {
            let cut: CanonicalRow = whole[..end].into();
            assert!(first_difference(std::slice::from_ref(&cut), &[]).is_some());
            assert!(
                first_difference(std::slice::from_ref(&cut), std::slice::from_ref(&whole))
                    .is_some()
            );
        }
        let unknown: CanonicalRow = [&99_u16.to_le_bytes()[..], &whole[2..]].concat().into();
        let told = first_difference(&[unknown], &[]).unwrap();
        assert_eq!(told, "a row of 15 bytes that fits no layout stands here alone");
    }
}
