//! Rows of text in columns, for people.
//!
//! Lives here: widths as a terminal shows them, alignment.
//! Lives elsewhere: what stands in a cell (each command), a balance's blocks (`table`).
//!
//! Always: a Chinese character takes two columns (Unicode's East Asian width), so columns stay straight;
//! no line ends in spaces.

use unicode_width::UnicodeWidthStr as _;

/// Spaces between two columns.
const GAP: &str = "  ";

/// Where the text of a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Lays rows out in columns as wide as their widest cell; the first row may hold the names. A row may be
/// shorter than others.
pub(super) fn lines(rows: &[Vec<String>], sides: &[Side]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..sides.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for ((cell, side), width) in row.iter().zip(sides).zip(&widths) {
            let fill = " ".repeat(width.saturating_sub(cell.width()));
            match side {
                Side::Left => line.extend([cell, fill.as_str(), GAP]),
                Side::Right => line.extend([fill.as_str(), cell, GAP]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|&cell| cell.to_owned()).collect()
    }

    #[test]
    fn columns_stand_straight_where_characters_are_wide() {
        let rows = [
            row(&["市", "金额", "note"]),
            row(&["Meizhou", "1.00", "对"]),
            row(&["梅州市", "1,234.00"]),
        ];
        let sides = [Side::Left, Side::Right, Side::Left];
        let expected = ["市           金额  note", "Meizhou      1.00  对", "梅州市   1,234.00"];
        assert_eq!(lines(&rows, &sides), expected);
    }

    #[test]
    fn what_has_no_column_is_left_out_and_no_row_gives_no_line() {
        assert_eq!(lines(&[row(&["a", "b"])], &[Side::Left]), ["a"]);
        assert!(lines(&[], &[Side::Left]).is_empty());
    }
}
