//! A report as text, CSV and JSON lines.
//!
//! Always: no digit is lost: money is told to the fen in all three. CSV and JSON have stable names: money as
//! `…_yuan`, in JSON also as whole fen. A cell that a spreadsheet would take for a formula is told as text.

use serde_json::{Map, Value};
use views::reports::{Cell, Column, Fact, Kind, Table};

use super::words::{Lang, called};
use crate::cli::grid::{self, Side};
use crate::cli::list::Head;
use crate::cli::output::{grouped, yuan};

/// The widest line of text.
const WIDTH_MAX: usize = 160;
/// Most columns that name a row.
const KEYS_MAX: usize = 4;

/// Returns the rows as text for people: columns that do not fit stand in a block of their own behind the
/// columns that name the row.
pub(super) fn lines(table: &Table, lang: Lang) -> Vec<String> {
    let mut out: Vec<String> = table.facts.iter().map(|fact| line_of(fact, lang)).collect();
    if !table.rows.is_empty() {
        for block in blocks(table, lang) {
            if !out.is_empty() {
                out.push(String::new());
            }
            out.extend(block);
        }
    }
    if !table.notes.is_empty() {
        out.push(String::new());
    }
    for note in &table.notes {
        let name = format!("note:{note}");
        out.push(format!("* {}", called(&name, lang)));
    }
    out
}

fn line_of(fact: &Fact, lang: Lang) -> String {
    format!("{}: {}", called(&fact.name, lang), shown(&fact.cell, fact.kind, lang))
}

/// The columns in blocks that fit, each with those that name the row before it.
fn blocks(table: &Table, lang: Lang) -> Vec<Vec<String>> {
    let side = |at: usize| match table.columns.get(at) {
        Some(column) if column.kind.is_number() => Side::Right,
        _ => Side::Left,
    };
    let all: Vec<usize> = (0..table.columns.len()).collect();
    let is_key = |(at, column): &(usize, &Column)| {
        *at == 0 || !matches!(column.kind, Kind::Fen | Kind::BasisPoints | Kind::Count)
    };
    let keys = table.columns.iter().enumerate().take_while(is_key).count().min(KEYS_MAX);
    let (keys, rest) = all.split_at(keys);
    let laid = |chosen: &[usize]| {
        let sides: Vec<Side> = chosen.iter().map(|at| side(*at)).collect();
        grid::lines(&cells(table, chosen, lang), &sides)
    };
    let (mut out, mut chosen) = (Vec::new(), keys.to_vec());
    for at in rest {
        let mut more = chosen.clone();
        more.push(*at);
        if keys.len() < chosen.len() && WIDTH_MAX < widest(&laid(&more)) {
            out.push(laid(&chosen));
            chosen = keys.to_vec();
        }
        chosen.push(*at);
    }
    out.push(laid(&chosen));
    out
}

fn widest(lines: &[String]) -> usize {
    use unicode_width::UnicodeWidthStr as _;
    lines.iter().map(|line| line.width()).max().unwrap_or(0)
}

/// Names, rows and totals of some columns.
fn cells(table: &Table, chosen: &[usize], lang: Lang) -> Vec<Vec<String>> {
    let names = chosen.iter().filter_map(|at| table.columns.get(*at));
    let mut out = vec![names.map(|column| called(&column.name, lang).to_owned()).collect()];
    let of = |row: &[Cell], is_total: bool| -> Vec<String> {
        let cell = |at: &usize| {
            let kind = table.columns.get(*at).map_or(Kind::Text, |column| column.kind);
            match row.get(*at) {
                None | Some(Cell::Nothing) if is_total => String::new(),
                None => "-".to_owned(),
                Some(cell) => shown(cell, kind, lang),
            }
        };
        chosen.iter().map(cell).collect()
    };
    out.extend(table.rows.iter().map(|row| of(row, false)));
    if !table.totals.is_empty() {
        let mut row = of(&table.totals, true);
        if let Some(first) = row.first_mut().filter(|first| first.is_empty()) {
            if lang == Lang::En { "total" } else { "合计" }.clone_into(first);
        }
        out.push(row);
    }
    out
}

/// A cell for people.
fn shown(cell: &Cell, kind: Kind, lang: Lang) -> String {
    match (cell, kind) {
        (Cell::Nothing, _) => "-".to_owned(),
        (Cell::Text(text), Kind::Word) => called(text, lang).to_owned(),
        (Cell::Text(text), _) => text.clone(),
        (Cell::Number(fen), Kind::Fen) => yuan(*fen),
        (Cell::Number(bp), Kind::BasisPoints) => percent(*bp),
        (Cell::Number(count), Kind::Count) => whole(*count),
        (Cell::Number(number), _) => number.to_string(),
    }
}

fn whole(count: i64) -> String {
    let sign = if count < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(&count.unsigned_abs().to_string()))
}

/// Basis points as a percentage with two decimals.
fn percent(bp: i64) -> String {
    let sign = if bp < 0 { "-" } else { "" };
    let bp = bp.unsigned_abs();
    let (whole, part) = (bp.checked_div(100).unwrap_or(0), bp.checked_rem(100).unwrap_or(0));
    format!("{sign}{whole}.{part:02}%")
}

/// The name of a column or fact in CSV and JSON.
fn stable(name: &str, kind: Kind) -> String {
    if kind == Kind::Fen { format!("{name}_yuan") } else { name.to_owned() }
}

/// Columns that end each row of a CSV: what it speaks for, so that a row that is copied keeps it.
const PROVENANCE: [&str; 4] = ["as_of_position", "as_of_date", "as_of_digest", "synthetic"];

/// Returns a CSV: a byte order mark, the names, the rows. Lines end in CR LF, as RFC 4180 has it.
pub(super) fn csv(table: &Table, head: &Head) -> String {
    let mut out = String::from("\u{feff}");
    let names = table.columns.iter().map(|column| stable(&column.name, column.kind));
    row_of(&mut out, names.chain(PROVENANCE.map(str::to_owned)));
    for row in &table.rows {
        let cells = row.iter().zip(&table.columns).map(|(cell, column)| plain(cell, column.kind));
        let provenance = [
            head.position.to_string(),
            head.date.clone(),
            head.digest.clone(),
            head.synthetic.to_string(),
        ];
        row_of(&mut out, cells.chain(provenance));
    }
    out
}

fn row_of(out: &mut String, cells: impl Iterator<Item = String>) {
    for (at, cell) in cells.enumerate() {
        if 0 < at {
            out.push(',');
        }
        if cell.contains([',', '"', '\r', '\n']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
    out.push_str("\r\n");
}

/// A cell for programs and spreadsheets.
fn plain(cell: &Cell, kind: Kind) -> String {
    match (cell, kind) {
        (Cell::Nothing, _) => String::new(),
        (Cell::Text(text), _) => harmless(text),
        (Cell::Number(fen), Kind::Fen) => record::Fen::new(*fen).to_string(),
        (Cell::Number(number), _) => number.to_string(),
    }
}

/// Text that no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        return format!("'{text}");
    }
    text.to_owned()
}

/// A row as JSON, named as in the CSV, sums also as whole fen.
pub(super) fn json_row(table: &Table, row: &[Cell]) -> Value {
    let mut out = Map::new();
    for (cell, column) in row.iter().zip(&table.columns) {
        put(&mut out, &column.name, column.kind, cell);
    }
    Value::Object(out)
}

fn put(out: &mut Map<String, Value>, name: &str, kind: Kind, cell: &Cell) {
    let value = match cell {
        Cell::Nothing => Value::Null,
        Cell::Text(text) => text.clone().into(),
        Cell::Number(fen) if kind == Kind::Fen => record::Fen::new(*fen).to_string().into(),
        Cell::Number(number) => (*number).into(),
    };
    out.insert(stable(name, kind), value);
    if kind == Kind::Fen {
        let fen = if let Cell::Number(fen) = cell { (*fen).into() } else { Value::Null };
        out.insert(format!("{name}_fen"), fen);
    }
}

/// What the head line of JSON adds: totals, facts, remarks.
pub(super) fn json_whole(table: &Table) -> Map<String, Value> {
    let mut facts = Map::new();
    for fact in &table.facts {
        put(&mut facts, &fact.name, fact.kind, &fact.cell);
    }
    let mut out = Map::new();
    out.insert("rows".to_owned(), table.rows.len().into());
    out.insert("facts".to_owned(), facts.into());
    let totals = if table.totals.is_empty() { Value::Null } else { json_row(table, &table.totals) };
    out.insert("totals".to_owned(), totals);
    out.insert("notes".to_owned(), table.notes.clone().into());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Seq;

    fn table(cells: Vec<Cell>, kinds: &[Kind]) -> Table {
        let names = ["text", "spent", "rate_bp"];
        let column = |(name, kind): (&str, &Kind)| Column { name: name.to_owned(), kind: *kind };
        let columns = names.into_iter().zip(kinds).map(column).collect();
        Table { columns, rows: vec![cells], ..Table::default() }
    }

    fn head() -> Head {
        Head {
            what: "test".to_owned(),
            position: Seq(7),
            date: String::new(),
            digest: "ab".to_owned(),
            checkpoint: None,
            synthetic: true,
        }
    }

    #[test]
    fn csv_quotes_and_disarms() {
        let kinds = [Kind::Text, Kind::Fen, Kind::BasisPoints];
        let row = |text: &str| {
            let cells = vec![text.into(), (-5_i64).into(), Cell::Nothing];
            csv(&table(cells, &kinds), &head())
        };
        let names =
            "\u{feff}text,spent_yuan,rate_bp,as_of_position,as_of_date,as_of_digest,synthetic\r\n";
        for (text, cell) in [
            ("plain", "plain"),
            ("=1+1", "'=1+1"),
            ("+86", "'+86"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\rx", "\"'\rx\""),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("=a,b", "\"'=a,b\""),
        ] {
            assert_eq!(row(text), format!("{names}{cell},-0.05,,7,,ab,true\r\n"), "{text}");
        }
    }

    #[test]
    fn no_digit_is_lost() {
        let kinds = [Kind::Text, Kind::Fen, Kind::BasisPoints];
        let big = table(vec!["a".into(), i64::MAX.into(), (-12_345_i64).into()], &kinds);
        assert!(csv(&big, &head()).contains(",92233720368547758.07,-12345,"));
        assert_eq!(
            json_row(&big, &big.rows[0]).to_string(),
            "{\"text\":\"a\",\"spent_yuan\":\"92233720368547758.07\",\
             \"spent_fen\":9223372036854775807,\"rate_bp\":-12345}"
        );
        let text = lines(&big, Lang::En).join("\n");
        assert!(text.contains("92,233,720,368,547,758.07") && text.contains("-123.45%"), "{text}");
    }

    #[test]
    fn what_is_not_there_is_a_dash() {
        let kinds = [Kind::Text, Kind::Fen, Kind::BasisPoints];
        let mut none = table(vec!["a".into(), 0_i64.into(), Cell::Nothing], &kinds);
        none.totals = vec![Cell::Nothing, 0_i64.into(), Cell::Nothing];
        assert_eq!(
            lines(&none, Lang::Zh),
            ["说明  净支出  完成率", "a       0.00       -", "合计    0.00"]
        );
    }

    #[test]
    fn wide_tables_stand_in_blocks_behind_their_keys() {
        let columns = (0..40).map(|n| Column {
            name: format!("c{n}"),
            kind: if n == 0 { Kind::Text } else { Kind::Fen },
        });
        let cells = (0..40).map(|n| if n == 0 { "key".into() } else { Cell::Number(i64::MAX) });
        let wide =
            Table { columns: columns.collect(), rows: vec![cells.collect()], ..Table::default() };
        let text = lines(&wide, Lang::En);
        assert!(text.iter().all(|line| line.chars().count() <= WIDTH_MAX));
        assert!(1 < text.iter().filter(|line| line.starts_with("key ")).count());
        assert_eq!(text.iter().map(|line| line.matches("758.07").count()).sum::<usize>(), 39);
    }
}
