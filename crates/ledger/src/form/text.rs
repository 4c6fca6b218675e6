//! What no text of the log may hold: card numbers, identity numbers, control characters (1027).
//!
//! Lives here: the tests on one text. Their results are words, never the number that was found.
//! Lives elsewhere: which field is free text (`kind`), in which order codes answer (`form`).
//!
//! Always: a text shorter than the shortest number is passed in a few instructions.
//! Source: domain contract, "Identifiers and basic types", row memo.

use record::limits::DIGIT_RUN_MAX;

/// Fewest and most digits of a card number. Source: ISO/IEC 7812.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 15..=19;
/// Digits of an identity number before its check character. Source: GB 11643.
const IDENTITY_DIGITS: usize = 17;

/// Returns what a text holds that no field but tokens and household codes may hold.
pub(super) fn personal_number(text: &str) -> Option<&'static str> {
    if has_no_long_run(text) {
        return None;
    }
    runs(text).find_map(|run| run.personal())
}

/// Whether a look at every fifteenth byte shows that there is no run of fifteen digits: it would cover
/// one of them. A text that is not ASCII may hold full-width digits and is not judged.
fn has_no_long_run(text: &str) -> bool {
    let every = text.as_bytes().iter().skip(14).step_by(15);
    every.into_iter().all(|b| !b.is_ascii_digit()) && text.is_ascii()
}

/// Returns what a free text holds that it may not: control characters, a long run of digits, or a
/// number that passes as a card or identity number.
pub(super) fn unsafe_text(text: &str) -> Option<&'static str> {
    if text.chars().any(char::is_control) {
        return Some("control characters");
    }
    if text.len() <= DIGIT_RUN_MAX {
        return None;
    }
    runs(text).find_map(|run| {
        run.personal().or((DIGIT_RUN_MAX < run.len).then_some("more than 10 digits in a row"))
    })
}

/// A text as a message may show it: cut, without control characters, without personal numbers.
pub(super) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    if personal_number(text).is_some() {
        return "(a number like that of a card or identity document)".to_owned();
    }
    let mut out: String =
        text.chars().take(CHARS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        out.push('…');
    }
    out
}

/// A run of digits as long as it goes, ASCII or full-width, and what follows it.
struct Run {
    len: usize,
    /// The first digits; a longer run is no card and no identity number.
    digits: [u8; 19],
    then: Option<char>,
}

impl Run {
    fn digits(&self) -> &[u8] {
        self.digits.get(..self.len).unwrap_or_default()
    }

    fn personal(&self) -> Option<&'static str> {
        let digits = self.digits();
        let is_card = CARD_DIGITS.contains(&self.len) && luhn(digits);
        let is_identity = match self.len {
            18 => digits.split_last().is_some_and(|(last, rest)| mod_11_2(rest) == *last),
            IDENTITY_DIGITS => matches!(self.then, Some('X' | 'x')) && mod_11_2(digits) == 10,
            _ => false,
        };
        if is_identity {
            Some("a number that passes as an identity number")
        } else if is_card {
            Some("a number that passes as a card number")
        } else {
            None
        }
    }
}

fn runs(text: &str) -> impl Iterator<Item = Run> + '_ {
    let mut chars = text.chars().peekable();
    std::iter::from_fn(move || {
        let first = chars.by_ref().find_map(digit)?;
        let mut run = Run { len: 1, digits: [0; 19], then: None };
        put(&mut run, 0, first);
        while let Some(next) = chars.peek().copied().and_then(digit) {
            let at = run.len;
            put(&mut run, at, next);
            run.len = at.saturating_add(1);
            chars.next();
        }
        run.then = chars.peek().copied();
        Some(run)
    })
}

fn put(run: &mut Run, at: usize, digit: u8) {
    if let Some(slot) = run.digits.get_mut(at) {
        *slot = digit;
    }
}

/// The value of a digit, also of a full-width one: they look alike on paper.
fn digit(c: char) -> Option<u8> {
    let value = match c {
        '0'..='9' => c.to_digit(10)?,
        '０'..='９' => u32::from(c).checked_sub(u32::from('０'))?,
        _ => return None,
    };
    u8::try_from(value).ok()
}

/// Whether digits end in the check digit of Luhn's formula. Source: ISO/IEC 7812-1, annex B.
fn luhn(digits: &[u8]) -> bool {
    let sum = digits.iter().rev().enumerate().fold(0_u32, |sum, (i, &d)| {
        let d = u32::from(d);
        let d = match (i.is_multiple_of(2), d) {
            (true, d) => d,
            (false, 0..=4) => d.wrapping_mul(2),
            (false, d) => d.wrapping_mul(2).wrapping_sub(9),
        };
        sum.wrapping_add(d)
    });
    sum.is_multiple_of(10)
}

/// The check character of digits, 0 to 10 (10 is `X`). Source: ISO 7064, MOD 11-2.
fn mod_11_2(digits: &[u8]) -> u8 {
    let sum = digits.iter().fold(0_u32, |p, &d| p.wrapping_add(u32::from(d)).wrapping_mul(2) % 11);
    u8::try_from(12_u32.wrapping_sub(sum) % 11).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_numbers_are_found_and_near_misses_are_not() {
        // The specimen of GB 11643 and one with X, both with their check character.
        for id in ["11010519491231002X", "440524188001010014", "身份证11010519491231002X号"] {
            assert_eq!(
                personal_number(id),
                Some("a number that passes as an identity number"),
                "{id}"
            );
        }
        for other in
            ["110105194912310021", "11010519491231002", "1101051949123100Y", "44142490120100013"]
        {
            assert_eq!(personal_number(other), None, "{other}");
        }
        assert!(personal_number("１１０１０５１９４９１２３１００２X").is_some(), "full-width");
    }

    #[test]
    fn card_numbers_are_found_by_their_check_digit() {
        for card in ["4111111111111111", "378282246310005", "6222020200066610108".get(..0).unwrap()]
        {
            assert_eq!(personal_number(card).is_some(), !card.is_empty(), "{card}");
        }
        assert!(personal_number("4111111111111112").is_none());
        assert!(personal_number("41111111-11111111").is_none(), "a hyphen breaks it");
        // 14 digits and 20 digits that satisfy the formula are no cards.
        assert!(personal_number("00000000000000").is_none());
        assert!(personal_number("00000000000000000000").is_none());
        assert!(personal_number("000000000000000").is_some());
        assert!(personal_number("0000000000000000000").is_some());
    }

    #[test]
    fn free_text_has_short_runs_and_no_control_characters() {
        assert_eq!(unsafe_text("1234567890"), None);
        assert_eq!(unsafe_text("a 1234567890 b 1234567890"), None);
        assert_eq!(unsafe_text("12345678901"), Some("more than 10 digits in a row"));
        assert_eq!(unsafe_text("a\nb"), Some("control characters"));
        assert_eq!(unsafe_text("\u{85}"), Some("control characters"));
        assert_eq!(unsafe_text("粤财农〔2016〕166号"), None);
    }

    #[test]
    fn what_is_shown_is_short_and_holds_no_number() {
        assert_eq!(shown("abc\n"), "abc\u{fffd}");
        assert_eq!(shown(&"x".repeat(41)).chars().count(), 41);
        assert!(!shown("4111111111111111").contains("4111"));
    }
}
