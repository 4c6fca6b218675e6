//! Account paths: `book.class.holder…`, and which side of zero an account lives on.

use std::fmt;

use thiserror::Error;

use crate::limits::PATH_BYTES_MAX;

/// One of the four books. In every record the legs of each book sum to zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Book {
    /// Q, 指标账: what may be spent.
    Quota,
    /// C, 资金账: where the money is.
    Cash,
    /// B, 受益账: who benefited from project spending.
    Benefit,
    /// I, 收益账: what assets earned.
    Income,
}

/// The four books in the order of the documents.
pub const BOOKS: [Book; 4] = [Book::Quota, Book::Cash, Book::Benefit, Book::Income];

impl Book {
    /// Returns the book that a path's first letter names.
    pub fn from_letter(letter: u8) -> Option<Self> {
        match letter {
            b'Q' => Some(Self::Quota),
            b'C' => Some(Self::Cash),
            b'B' => Some(Self::Benefit),
            b'I' => Some(Self::Income),
            _ => None,
        }
    }

    /// Returns the letter that paths of this book begin with.
    pub fn letter(self) -> char {
        match self {
            Self::Quota => 'Q',
            Self::Cash => 'C',
            Self::Benefit => 'B',
            Self::Income => 'I',
        }
    }
}

impl fmt::Display for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.letter())
    }
}

/// What is wrong with an account path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// Empty, shorter than a book, a point and a class, or above the limit.
    #[error("path of {found} bytes, 3 to {PATH_BYTES_MAX} allowed")]
    Length {
        /// Bytes found.
        found: usize,
    },
    /// The first byte is none of the four books.
    #[error("path begins with byte {found:#04x}, a book Q, C, B or I expected")]
    Book {
        /// The first byte.
        found: u8,
    },
    /// A byte that no path holds, or no point after the book.
    #[error("byte {found:#04x} at {at} of the path, {} expected", if *.at == 1 { "`.`" } else { "0-9 A-Z a-z . _ -" })]
    Byte {
        /// Offset within the path.
        at: usize,
        /// The byte there.
        found: u8,
    },
}

/// Checks the form of a path and returns its book.
pub(crate) fn check(path: &[u8]) -> Result<Book, PathError> {
    let [first, second, rest @ ..] = path else {
        return Err(PathError::Length { found: path.len() });
    };
    if rest.is_empty() || PATH_BYTES_MAX < path.len() {
        return Err(PathError::Length { found: path.len() });
    }
    let book = Book::from_letter(*first).ok_or(PathError::Book { found: *first })?;
    if *second != b'.' {
        return Err(PathError::Byte { at: 1, found: *second });
    }
    // First without an early end, which looks at many bytes at once; then, if need be, for the place.
    if rest.iter().fold(true, |all, byte| all & allowed(*byte)) {
        return Ok(book);
    }
    match rest.iter().position(|b| !allowed(*b)) {
        Some(at) => Err(PathError::Byte {
            at: at.saturating_add(2),
            found: rest.get(at).copied().unwrap_or_default(),
        }),
        None => Ok(book),
    }
}

fn allowed(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'.' | b'_' | b'-')
}

/// Tells whether value enters at this account: its balance is never above zero, every other
/// account's never below.
///
/// The four origin classes are all that a verifier needs to know about accounts.
pub fn is_origin(path: &str) -> bool {
    ["Q.plan.", "C.src.", "B.base.", "I.op."].iter().any(|class| path.starts_with(class))
        || matches!(path, "Q.plan" | "C.src" | "B.base" | "I.op")
}
