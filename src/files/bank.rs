//! A bank's file: `bank_ref,account,date,amount_yuan,direction,status`, one movement a row.
//!
//! Lives here: rows from bytes, every fault with its line and column.
//! Lives elsewhere: what is matched with it (`views::reports`), what is posted of it (`cli::post`).
//!
//! Always: a file with a fault has no rows; columns may stand in any order, each of the six once. The first
//! hundred faults are told. Source: domain contract, sections 11 and 12.

use ::csv::{ByteRecord, ReaderBuilder};
use ledger::ids::{Date, Token, Unit};
use ledger::reject::Reason;
use record::limits::MAX_AMOUNT_FEN;
use views::reports::BankRow;

/// Columns, as a bank's file names them.
pub const COLUMNS: [&str; 6] =
    ["bank_ref", "account", "date", "amount_yuan", "direction", "status"];
/// Faults that are told.
const FAULTS_MAX: usize = 100;
/// Bytes of a reference or a status.
const TEXT_BYTES_MAX: usize = 64;

/// A fault of a bank's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line, from 1.
    pub line: u64,
    /// Column; empty: the row as a whole.
    pub column: String,
    /// What was found and what is allowed.
    pub what: String,
}

impl Fault {
    fn new(line: u64, column: &str, what: impl Into<String>) -> Self {
        Self { line, column: column.to_owned(), what: what.into() }
    }

    /// The refusal of a question that came with such a file (1019).
    pub fn reason(&self) -> Reason {
        let column = if self.column.is_empty() { "row" } else { &self.column };
        Reason::FieldFormat {
            field: "bank_file".into(),
            found: format!("line {}, {column}", self.line).into(),
            expected: self.what.clone().into(),
        }
    }
}

/// Reads a bank's file.
///
/// # Errors
/// Its faults, in order, at most a hundred.
pub fn read(bytes: &[u8]) -> Result<Vec<BankRow>, Vec<Fault>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let (mut record, mut places, mut rows, mut faults) =
        (ByteRecord::new(), None, Vec::new(), Vec::new());
    while faults.len() < FAULTS_MAX {
        match reader.read_byte_record(&mut record) {
            Ok(false) => break,
            Ok(true) => (),
            Err(error) => {
                let line = error.position().map_or(0, ::csv::Position::line);
                faults.push(Fault::new(line, "", error.to_string()));
                break;
            }
        }
        let line = record.position().map_or(0, ::csv::Position::line);
        let Some(places) = &places else {
            match columns(&record) {
                Ok(found) => places = Some(found),
                Err(fault) => return Err(vec![fault]),
            }
            continue;
        };
        match row(line, &record, places) {
            Ok(row) => rows.push(row),
            Err(fault) => faults.push(fault),
        }
    }
    if places.is_none() && faults.is_empty() {
        faults.push(Fault::new(1, "", "names of columns: the file is empty"));
    }
    if faults.is_empty() { Ok(rows) } else { Err(faults) }
}

/// Where each of the columns stands.
fn columns(names: &ByteRecord) -> Result<[usize; 6], Fault> {
    let mut places = [usize::MAX; 6];
    for (at, name) in names.iter().enumerate() {
        let name = String::from_utf8_lossy(name);
        let found = COLUMNS.iter().position(|column| *column == name);
        let place = found.and_then(|found| places.get_mut(found));
        match place {
            Some(place) if *place == usize::MAX => *place = at,
            _ => {
                let what = format!("one of {}, each once", COLUMNS.join(", "));
                return Err(Fault::new(1, &crate::reading::shown(&name), what));
            }
        }
    }
    let missing = COLUMNS.iter().zip(&places).find(|(_, place)| **place == usize::MAX);
    missing.map_or(Ok(places), |(name, _)| Err(Fault::new(1, name, "there: it is missing")))
}

fn row(line: u64, record: &ByteRecord, places: &[usize; 6]) -> Result<BankRow, Fault> {
    if record.len() != COLUMNS.len() {
        let what = format!("a row of {} cells: it has {}", COLUMNS.len(), record.len());
        return Err(Fault::new(line, "", what));
    }
    let [bank_ref, account, date, amount, direction, status] = *places;
    let cell = |at: usize| String::from_utf8_lossy(record.get(at).unwrap_or_default()).into_owned();
    let bad = |column: &str, expected: &str| Fault::new(line, column, expected);
    let printable = |text: &str| {
        text.len() <= TEXT_BYTES_MAX && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
    };
    let (bank_ref, status) = (cell(bank_ref), cell(status));
    if !printable(&bank_ref) {
        return Err(bad("bank_ref", "at most 64 printable ASCII characters"));
    }
    let account = cell(account);
    if Token::parse(&account).is_none() && Unit::parse(&account).is_none() {
        return Err(bad("account", "an account token of 32 hex digits or a unit code"));
    }
    let date = Date::parse(&cell(date)).ok_or_else(|| bad("date", "a date YYYY-MM-DD"))?;
    let fen = amount_of(&cell(amount))
        .ok_or_else(|| bad("amount_yuan", "yuan above 0 with at most two decimals, as 1234.50"))?;
    let out = match cell(direction).as_str() {
        "out" => true,
        "in" => false,
        _ => return Err(bad("direction", "in or out")),
    };
    if status.is_empty() || !printable(&status) {
        return Err(bad("status", "a word of at most 64 printable ASCII characters, as ok"));
    }
    Ok(BankRow { line, bank_ref, account, date, fen, out, status })
}

/// Fen of an amount as files spell it, up to the most that a line may have.
fn amount_of(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || 2 < part.len() {
        return None;
    }
    let cents: i64 = part.parse().ok()?;
    let cents = if part.len() == 1 { cents.checked_mul(10)? } else { cents };
    let fen = whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(cents)?;
    (0 < fen && fen <= MAX_AMOUNT_FEN).then_some(fen)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "bank_ref,account,date,amount_yuan,direction,status\n";
    const GOOD: &str = "B20160901-019,abababababababababababababababab,2016-09-01,3000.5,out,ok\n";

    fn faults(file: &str) -> Vec<(u64, String)> {
        let faults = read(file.as_bytes()).unwrap_err();
        faults.into_iter().map(|fault| (fault.line, fault.column)).collect()
    }

    #[test]
    fn rows_are_read_whatever_the_order_of_columns() {
        let rows = read(format!("\u{feff}{HEAD}{GOOD}").as_bytes()).unwrap();
        let swapped = "status,direction,amount_yuan,date,account,bank_ref\n\
            ok,out,3000.50,2016-09-01,abababababababababababababababab,B20160901-019\n";
        assert_eq!(read(swapped.as_bytes()).unwrap(), rows);
        assert_eq!((rows[0].line, rows[0].fen, rows[0].out), (2, 300_050, true));
        assert_eq!(read(HEAD.as_bytes()), Ok(Vec::new()));
    }

    #[test]
    fn a_fault_is_told_with_line_and_column() {
        for (from, into, column) in [
            ("3000.5", "3000.505", "amount_yuan"),
            ("3000.5", "0", "amount_yuan"),
            ("3000.5", "-1", "amount_yuan"),
            ("3000.5", "1e5", "amount_yuan"),
            ("3000.5", "10000000000000.01", "amount_yuan"),
            ("2016-09-01", "2016-09-31", "date"),
            (",out,", ",away,", "direction"),
            (",ok", ",", "status"),
            ("B20160901-019", "批", "bank_ref"),
            ("abababababababababababababababab", "6222021234567890", "account"),
            (",ok", ",ok,more", ""),
            (",ok", "", ""),
        ] {
            let file = format!("{HEAD}{GOOD}{}", GOOD.replace(from, into));
            assert_eq!(faults(&file), [(3, column.to_owned())], "{into}");
        }
        assert!(
            read(format!("{HEAD}{}", GOOD.replace("3000.5", "10000000000000.00")).as_bytes())
                .is_ok()
        );
        assert_eq!(faults(""), [(1, String::new())]);
        assert_eq!(faults("bank_ref,account\n"), [(1, "date".to_owned())]);
        assert_eq!(faults("bank_ref,bank_ref\n"), [(1, "bank_ref".to_owned())]);
        let many = format!("{HEAD}{}", GOOD.replace("ok", "").repeat(150));
        assert_eq!(faults(&many).len(), 100);
    }
}
