//! Single values of files: text into amounts, numbers, tokens.
//!
//! Lives here: what a spreadsheet does to a number, and refusing it by name (1017, 1020).
//! Lives elsewhere: where the value stands (`csv`, `jsonl`), whether it is in range (`ledger::form`).
//!
//! Always: a value that is not of its field's form is handed on as spelled, for the form checks to
//! refuse in their order; only what the reader alone can see is refused here.

use ledger::field::{Field, Shape};
use ledger::reject::{Reason, Text, WideFen};
use ledger::voucher::VoucherBuilder;
use record::Fen;
use record::limits::MAX_AMOUNT_FEN;
use rust_decimal::Decimal;

/// Most characters of a value that a message repeats.
const SHOWN_CHARS: usize = 40;

/// Reads yuan text: digits, then at most two decimals. `max` is the most that its field may hold; what fits
/// into an `i64` of fen and is more is for the form checks to refuse.
///
/// # Errors
/// 1017 for scientific notation, 1029 for more than an `i64` of fen holds, 1020 for anything else.
pub(crate) fn fen(text: &str, max: i64, cell: impl FnOnce() -> String) -> Result<i64, Reason> {
    if is_scientific(text) {
        return Err(damaged(text, cell()));
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let unreadable = || Reason::AmountFormat { found: shown(text) };
    if !digits(whole) || !digits(part) || 2 < part.len() {
        return Err(unreadable());
    }
    let mut yuan = Decimal::from_str_exact(text).map_err(|_| unreadable())?;
    yuan.rescale(2);
    if yuan.scale() != 2 {
        // Rescaling gives up decimals of a number that fills the type.
        return Err(unreadable());
    }
    let fen = yuan.mantissa();
    let above = Reason::AmountTooLarge { found: WideFen(fen), max: Fen::new(max) };
    i64::try_from(fen).map_err(|_| above)
}

/// Sets a field of the line begun last from the text of a CSV cell.
///
/// # Errors
/// 1017, 1020: what the reader alone can see.
pub(super) fn set(
    builder: &mut VoucherBuilder,
    field: Field,
    text: &str,
    cell: impl FnOnce() -> String,
) -> Result<(), Reason> {
    match field.shape() {
        Shape::Fen => {
            builder.int(field, fen(text, MAX_AMOUNT_FEN, cell)?);
        }
        Shape::Text => {
            if !is_free(field) && is_number_cell(text) {
                return Err(damaged(text, cell()));
            }
            builder.text(field, text);
        }
        Shape::Blob => set_blob(builder, field, text),
        _ => {
            if is_number_cell(text) {
                return Err(damaged(text, cell()));
            }
            match text.parse::<i64>() {
                Ok(number) if is_plain_number(text) => builder.int(field, number),
                _ => builder.text(field, text),
            };
        }
    }
    Ok(())
}

/// Sets bytes from lower-case hex digits; any other text is handed on as spelled.
pub(super) fn set_blob(builder: &mut VoucherBuilder, field: Field, text: &str) {
    match hex(text) {
        Some(bytes) => builder.blob(field, &bytes),
        None => builder.text(field, text),
    };
}

/// The bytes of lower-case hex digits.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => b.checked_sub(b'0'),
        b'a'..=b'f' => b.checked_sub(b'a')?.checked_add(10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Digits of a number without sign, or with a minus, and nothing else.
fn is_plain_number(text: &str) -> bool {
    text.strip_prefix('-').unwrap_or(text).bytes().all(|b| b.is_ascii_digit())
}

/// Fields whose text may look like anything.
fn is_free(field: Field) -> bool {
    matches!(field, Field::Memo | Field::Reason)
}

/// Whether a spreadsheet wrote a number with an exponent: `4.41425E+16`, `1e5`.
pub(super) fn is_scientific(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let Some((mantissa, exponent)) = unsigned.split_once(['e', 'E']) else { return false };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    digits(whole) && digits(part) && digits(exponent)
}

/// Whether a code went through a number cell: an exponent, or decimals that no code has.
pub(super) fn is_number_cell(text: &str) -> bool {
    // A code may look like `1E5`, a spreadsheet's exponent has a sign or decimals.
    let has_marks = text.contains(['+', '.']) || text.contains("e-") || text.contains("E-");
    let is_decimal = text.split_once('.').is_some_and(|(whole, part)| {
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        digits(whole) && digits(part)
    });
    is_decimal || is_scientific(text) && (has_marks || text.bytes().all(|b| b != b'E'))
}

/// The refusal of a damaged number (1017).
pub(super) fn damaged(text: &str, cell: String) -> Reason {
    Reason::NumberDamaged { cell: cell.into(), found: shown(text) }
}

/// A value as a message repeats it: cut, without control characters and without long runs of digits,
/// which may be personal numbers.
pub fn shown(text: &str) -> Text {
    const DIGITS_MAX: usize = 12;
    let mut digits = 0_usize;
    let shown: String = text
        .chars()
        .take(SHOWN_CHARS)
        .map(|c| {
            digits = if c.is_ascii_digit() { digits.saturating_add(1) } else { 0 };
            match c {
                c if c.is_control() => '\u{fffd}',
                _ if DIGITS_MAX < digits => '*',
                c => c,
            }
        })
        .collect();
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Result<i64, u16> {
        fen(text, MAX_AMOUNT_FEN, || "C2".into()).map_err(|reason| reason.code())
    }

    #[test]
    fn yuan_text_is_fen() {
        for (text, expected) in [
            ("3000.00", Ok(300_000)),
            ("3000.0", Ok(300_000)),
            ("3000", Ok(300_000)),
            ("0.00", Ok(0)),
            ("0.01", Ok(1)),
            ("007.10", Ok(710)),
            ("92233720368547758.07", Ok(i64::MAX)),
            ("92233720368547758.08", Err(1029)),
            ("99999999999999999999999.01", Err(1029)),
            ("79228162514264337593543950335", Err(1020)),
            ("99999999999999999999999999999999999999", Err(1020)),
            ("-5.00", Err(1020)),
            ("+5.00", Err(1020)),
            ("1,000.00", Err(1020)),
            ("1_000", Err(1020)),
            ("1.234", Err(1020)),
            ("1.", Err(1020)),
            (".5", Err(1020)),
            ("", Err(1020)),
            (" 5", Err(1020)),
            ("５", Err(1020)),
            ("1e5", Err(1017)),
            ("3.0E+03", Err(1017)),
            ("-1E-2", Err(1017)),
        ] {
            assert_eq!(code(text), expected, "{text}");
            if let Ok(fen) = expected {
                let of = text.parse::<record::Fen>().map_or(i64::MAX, record::Fen::get);
                assert_eq!(of, fen, "{text}");
            }
        }
    }

    #[test]
    fn an_amount_that_cannot_be_counted_is_quoted_as_it_was_given() {
        let reason = fen("99999999999999999999999.01", MAX_AMOUNT_FEN, String::new).unwrap_err();
        assert_eq!(
            reason.message(),
            "amount 99999999999999999999999.01 is above 10000000000000.00"
        );
    }

    #[test]
    fn number_cells_are_known_by_their_marks() {
        for text in ["4.41425E+16", "441424.0", "1e5", "4.4e16", "2016.0"] {
            assert!(is_number_cell(text), "{text}");
        }
        for text in ["1E5", "441424", "2016-09-001", "P02", "Q16-4401-0001", "12.", "1.2.3", ""] {
            assert!(!is_number_cell(text), "{text}");
        }
    }

    #[test]
    fn hex_is_lower_case_pairs() {
        assert_eq!(hex("00ff"), Some(vec![0, 255]));
        for bad in ["0", "0F", "0g", "全"] {
            assert_eq!(hex(bad), None, "{bad}");
        }
    }
}
