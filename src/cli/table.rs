//! A balance as text for people.
//!
//! Lives here: totals one a line, rows in columns as wide as what stands in them.
//! Lives elsewhere: which balance (`balance`), its JSON document (`balance`).
//!
//! Always: numbers to the right; no line is wider than a terminal of 120 columns, since columns that do not
//! fit stand in a block of their own under the same keys. Columns that are 0 in every row are left out.

use proto::v1;

use super::output::yuan;

/// The widest line.
const WIDTH: usize = 120;
/// Spaces before a cell.
const GAP: &str = "  ";

/// A column: its cells, the first of them its name.
struct Column {
    cells: Vec<String>,
    width: usize,
}

impl Column {
    fn new(name: &str, cells: impl Iterator<Item = String>) -> Self {
        let cells: Vec<String> = std::iter::once(name.to_owned()).chain(cells).collect();
        let width = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
        Self { cells, width }
    }

    fn cell(&self, at: usize) -> &str {
        self.cells.get(at).map_or("", String::as_str)
    }

    fn full_width(&self) -> usize {
        self.width.saturating_add(GAP.len())
    }
}

/// Returns the lines of a balance.
pub(super) fn lines(balance: &v1::Balance) -> Vec<String> {
    let mut lines = totals(balance);
    let Some(first) = balance.rows.first() else { return lines };
    let rows = &balance.rows;
    let keys: Vec<Column> = (0..)
        .zip(&first.key)
        .map(|(at, part)| {
            let value = |row: &v1::BalanceRow| {
                row.key.get(at).map(|part| part.value.clone()).unwrap_or_default()
            };
            Column::new(&part.name, rows.iter().map(value))
        })
        .collect();
    let fen = |row: &v1::BalanceRow, at: usize| row.fields.get(at).map_or(0, |field| field.fen);
    let sums: Vec<Column> = (0..)
        .zip(&first.fields)
        .filter(|(at, _)| rows.iter().any(|row| fen(row, *at) != 0))
        .map(|(at, field)| Column::new(&field.name, rows.iter().map(|row| yuan(fen(row, at)))))
        .collect();
    for block in blocks(&keys, &sums) {
        for at in 0..=rows.len() {
            let keys =
                keys.iter().map(|key| format!("{GAP}{:<width$}", key.cell(at), width = key.width));
            let sums =
                block.iter().map(|sum| format!("{GAP}{:>width$}", sum.cell(at), width = sum.width));
            lines.push(keys.chain(sums).collect::<String>().trim_end().to_owned());
        }
    }
    lines
}

/// Texts, counts and sums of the whole, one a line, in two columns.
fn totals(balance: &v1::Balance) -> Vec<String> {
    let texts = balance.texts.iter().filter(|text| !text.value.is_empty());
    let texts = texts.map(|text| (&text.name, text.value.clone()));
    let counts = balance.counts.iter().map(|count| {
        (&count.name, count.value.map_or_else(|| "-".to_owned(), |value| value.to_string()))
    });
    let sums = balance.fields.iter().map(|field| (&field.name, yuan(field.fen)));
    let rows: Vec<(&String, String)> = texts.chain(counts).chain(sums).collect();
    let width = |of: fn(&(&String, String)) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let (left, right) = (width(|(name, _)| name.len()), width(|(_, value)| value.chars().count()));
    rows.iter().map(|(name, value)| format!("{GAP}{name:<left$}{GAP}{value:>right$}")).collect()
}

/// Splits columns so that each block fits beside the keys.
fn blocks<'a>(keys: &[Column], sums: &'a [Column]) -> Vec<&'a [Column]> {
    let keys: usize = keys.iter().map(Column::full_width).sum();
    let (mut blocks, mut rest) = (Vec::new(), sums);
    loop {
        let mut width = keys;
        let fits = rest.iter().take_while(|sum| {
            width = width.saturating_add(sum.full_width());
            width <= WIDTH
        });
        // One column stands alone however wide it is.
        let (block, next) = rest.split_at(fits.count().max(1).min(rest.len()));
        blocks.push(block);
        if next.is_empty() {
            return blocks;
        }
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, fen: i64) -> v1::NamedAmount {
        v1::NamedAmount { name: name.to_owned(), fen }
    }

    fn row(year: &str, source: &str, fen: [i64; 3]) -> v1::BalanceRow {
        let key = [("year", year), ("source", source)]
            .map(|(name, value)| v1::KeyPart { name: name.to_owned(), value: value.to_owned() });
        let fields = [("owed", fen[0]), ("in_transit", fen[1]), ("sent", fen[2])];
        let fields = fields.map(|(name, fen)| field(name, fen));
        v1::BalanceRow { key: key.into(), fields: fields.into(), ..v1::BalanceRow::default() }
    }

    #[test]
    fn columns_are_aligned_and_those_of_zeros_are_left_out() {
        let balance = v1::Balance {
            fields: vec![field("owed", 123_456_700), field("in_transit", 0)],
            counts: vec![v1::NamedCount { name: "households".to_owned(), value: None }],
            rows: vec![row("2016", "P", [123_456_700, 0, 5]), row("2017", "H", [0, 0, -100])],
            ..v1::Balance::default()
        };
        let expected = [
            "  households             -",
            "  owed        1,234,567.00",
            "  in_transit          0.00",
            "  year  source          owed   sent",
            "  2016  P       1,234,567.00   0.05",
            "  2017  H               0.00  -1.00",
        ];
        assert_eq!(lines(&balance), expected);
    }

    #[test]
    fn what_is_too_wide_stands_in_blocks_under_the_same_keys() {
        let fields: Vec<v1::NamedAmount> =
            (0..30).map(|n| field(&format!("field_{n:02}"), 100_000 + n)).collect();
        let one = v1::BalanceRow { fields, ..row("2016", "P", [0; 3]) };
        let balance = v1::Balance { rows: vec![one], ..v1::Balance::default() };
        let lines = lines(&balance);
        assert!(lines.iter().all(|line| line.len() <= WIDTH), "{lines:#?}");
        assert!(lines.iter().step_by(2).all(|line| line.starts_with("  year  source  ")));
        let text = lines.join("\n");
        assert!((0..30).all(|n| text.matches(&format!("field_{n:02}")).count() == 1), "{text}");
    }
}
