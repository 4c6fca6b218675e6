//! Checkpoints: what a log signs about itself at one size.
//!
//! Lines of a note's text: origin, size, root, then extension lines, of which we write none: they
//! are not recommended, since nobody can audit them.
//!
//! Source: c2sp.org/tlog-checkpoint@v1.0.0.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::tree::Hash;

/// Characters of a wrong size that an error repeats: a right one has at most 20.
const SHOWN_CHARS_MAX: usize = 24;

/// A log's origin, size and root. Whether it was signed is the note's matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// RFC 6962 root over them.
    pub root: Hash,
}

/// Why a text is no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// Fewer than three lines, an empty line, or no newline at the end.
    #[error("three or more lines that are not empty expected: origin, size, root")]
    Form,
    /// A control character.
    #[error("control character at byte {at}")]
    Text {
        /// Offset of the character.
        at: usize,
    },
    /// Not a decimal number below 2^64 without leading zeros.
    #[error("line 2: {found:?} is no size, decimal digits without leading zeros expected")]
    Size {
        /// The line, or its beginning: a note may have a line of a million bytes.
        found: String,
    },
    /// Not base64, or not 32 bytes of it.
    #[error("line 3: not 32 bytes of base64")]
    Root,
}

impl Checkpoint {
    /// Reads a note's text. Extension lines are checked for form and passed over.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        Self::parse_with_extensions(text).map(|(checkpoint, _)| checkpoint)
    }

    /// Reads a note's text, and returns the extension lines beside it.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn parse_with_extensions(text: &str) -> Result<(Self, &str), CheckpointError> {
        let lines = Lines::split(text)?;
        let root = lines.root.try_into().map_err(|_| CheckpointError::Root)?;
        Ok((Self { origin: lines.origin.to_owned(), size: lines.size, root }, lines.extensions))
    }

    /// Returns the text to be signed.
    pub fn text(&self) -> String {
        self.to_string()
    }
}

/// The text to be signed: three lines.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = STANDARD.encode(self.root);
        write!(f, "{}\n{}\n{root}\n", self.origin, self.size)
    }
}

/// The lines of a checkpoint, with a root of any length.
struct Lines<'a> {
    origin: &'a str,
    size: u64,
    root: Vec<u8>,
    extensions: &'a str,
}

impl<'a> Lines<'a> {
    fn split(text: &'a str) -> Result<Self, CheckpointError> {
        if let Some(at) = text.bytes().position(|b| b < 0x20 && b != b'\n') {
            return Err(CheckpointError::Text { at });
        }
        let mut parts = text.splitn(4, '\n');
        let (Some(origin), Some(size), Some(root), Some(extensions)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(CheckpointError::Form);
        };
        let blank = extensions.starts_with('\n') || extensions.contains("\n\n");
        if origin.is_empty() || blank || !(extensions.is_empty() || extensions.ends_with('\n')) {
            return Err(CheckpointError::Form);
        }
        let root = STANDARD.decode(root).map_err(|_| CheckpointError::Root)?;
        Ok(Self { origin, size: parse_size(size)?, root, extensions })
    }
}

fn parse_size(text: &str) -> Result<u64, CheckpointError> {
    let error = || CheckpointError::Size { found: text.chars().take(SHOWN_CHARS_MAX).collect() };
    let canonical = text == "0" || !text.starts_with('0');
    if !canonical || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(error());
    }
    text.parse().map_err(|_| error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_vectors() {
        let cases: serde_json::Value =
            serde_json::from_str(include_str!("../tests/data/checkpoint_parse.json")).unwrap();
        for case in cases.as_array().unwrap() {
            // The library these come from takes trailing newlines; the specification does not.
            let ok = case["ok"].as_bool().unwrap() && case["name"] != "trailing newlines";
            let text = case["text"].as_str().unwrap();
            let lines = Lines::split(text);
            assert_eq!(lines.is_ok(), ok, "{}", case["name"]);
            if let Ok(lines) = lines {
                assert_eq!(lines.origin, case["origin"]);
                assert_eq!(lines.size, case["size"]);
                assert_eq!(lines.extensions, case["rest"]);
                // Their roots are placeholders.
                assert_eq!(Checkpoint::parse(text), Err(CheckpointError::Root));
            }
        }
        assert_eq!(cases.as_array().unwrap().len(), 12);
    }

    #[test]
    fn three_lines_are_read_back() {
        let checkpoint = Checkpoint { origin: "ledger.example/gd".into(), size: 42, root: [7; 32] };
        let text = checkpoint.text();
        assert_eq!(text, format!("ledger.example/gd\n42\n{}Bwc=\n", "BwcH".repeat(10)));
        assert_eq!(Checkpoint::parse(&text), Ok(checkpoint.clone()));
        let more = format!("{text}one\ntwo\n");
        assert_eq!(Checkpoint::parse_with_extensions(&more), Ok((checkpoint, "one\ntwo\n")));
    }

    #[test]
    fn an_error_repeated_a_line_of_a_million_bytes() {
        let text = format!("o\n{}\n{}\n", "9".repeat(999_000), STANDARD.encode([7; 32]));
        let error = Checkpoint::parse(&text).unwrap_err();
        assert_eq!(error, CheckpointError::Size { found: "9".repeat(SHOWN_CHARS_MAX) });
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_answered(text: String) {
            proptest::prop_assert!(Checkpoint::parse(&text).is_err());
        }

        /// One checkpoint has one spelling: what is read at all is written again byte for byte.
        #[test]
        fn what_is_read_is_written_again(
            size in "0|[1-9][0-9]{0,18}|0[0-9]|[+]1", root: [u8; 32], more in "([a-z ]{0,3}\n){0,3}",
            end in "={0,2}\n?",
        ) {
            let root = STANDARD.encode(root);
            let root = root.trim_end_matches('=');
            let text = format!("ledger.example/gd\n{size}\n{root}{end}{more}");
            if let Ok((checkpoint, extensions)) = Checkpoint::parse_with_extensions(&text) {
                proptest::prop_assert_eq!(format!("{checkpoint}{extensions}"), text);
            } else {
                let right = end == "=\n" && (size == "0" || !size.starts_with(['0', '+']));
                let blank = more.starts_with('\n') || more.contains("\n\n");
                proptest::prop_assert!(!right || blank, "{text:?}");
            }
        }
    }

    #[test]
    fn each_fault_is_named() {
        let root = STANDARD.encode([7; 32]);
        let check = |text: &str, expected| assert_eq!(Checkpoint::parse(text), Err(expected));
        let size = |found: &str| CheckpointError::Size { found: found.into() };
        check("", CheckpointError::Form);
        check(&format!("o\n1\n{root}"), CheckpointError::Form);
        check(&format!("\n1\n{root}\n"), CheckpointError::Form);
        check(&format!("o\n1\n{root}\n\n"), CheckpointError::Form);
        check(&format!("o\n1\n{root}\next\n\n"), CheckpointError::Form);
        check(&format!("o\n1\n{root}\next"), CheckpointError::Form);
        check(&format!("o\r\n1\n{root}\n"), CheckpointError::Text { at: 1 });
        check(&format!("o\n01\n{root}\n"), size("01"));
        check(&format!("o\n00\n{root}\n"), size("00"));
        check(&format!("o\n+1\n{root}\n"), size("+1"));
        check(&format!("o\n\n{root}\n"), size(""));
        check(&format!("o\n18446744073709551616\n{root}\n"), size("18446744073709551616"));
        check(&format!("o\n1\n{}\n", STANDARD.encode([7; 31])), CheckpointError::Root);
        check(&format!("o\n1\n{}\n", root.trim_end_matches('=')), CheckpointError::Root);
        // The last character's spare bits must be zero: one root, one spelling.
        check(&format!("o\n1\n{}\n", root.replace("c=", "d=")), CheckpointError::Root);
        assert!(Checkpoint::parse(&format!("o\n0\n{root}\n")).is_ok());
        assert!(Checkpoint::parse(&format!("o\n18446744073709551615\n{root}\n")).is_ok());
    }
}
