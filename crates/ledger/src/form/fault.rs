//! One fault of a line, before it is told.
//!
//! Lives here: which of two faults answers, and how a fault becomes a refusal with its place.
//! Lives elsewhere: finding faults (`form`, `value`).
//!
//! Always: of two faults of one line the one whose code stands first in the contract's order answers; of
//! two with one code, the field that stands first.

use crate::reject::{Reason, Refusal, Text};

/// Codes of a line's fields in the order in which they answer. Source: domain contract, 8.3 A.
const ORDER: [u16; 9] = [1015, 1018, 1019, 1014, 1021, 1029, 1027, 1028, 1024];

/// What is wrong with a field, and where within it.
#[derive(Debug)]
pub(super) struct Fault {
    /// Path below the field; empty for the field itself.
    path: String,
    what: What,
}

#[derive(Debug)]
enum What {
    Stranger,
    Missing,
    Format { found: String, expected: Text },
    Unsafe { what: Text },
    Reason(Reason),
}

impl Fault {
    /// A fault whose reason names no field.
    #[cold]
    #[expect(clippy::unnecessary_wraps, reason = "checks return it as their answer")]
    pub(super) fn new(reason: Reason) -> Option<Box<Self>> {
        Some(Box::new(Self { path: String::new(), what: What::Reason(reason) }))
    }

    /// A value of another form (1019).
    pub(super) fn format(found: String, expected: Text) -> Self {
        Self { path: String::new(), what: What::Format { found, expected } }
    }

    /// A text that the log may not hold (1027).
    pub(super) fn text(what: Text) -> Self {
        Self { path: String::new(), what: What::Unsafe { what } }
    }

    /// A field or member that is filled and does not belong (1015).
    pub(super) fn stranger(path: String) -> Self {
        Self { path, what: What::Stranger }
    }

    /// A field or member that is not filled and must be (1018).
    pub(super) fn missing(path: String) -> Self {
        Self { path, what: What::Missing }
    }

    /// A fault as one of a member or entry of this name.
    pub(super) fn within(found: Option<Box<Self>>, outer: &str) -> Option<Box<Self>> {
        found.map(|mut fault| {
            let dot = if fault.path.is_empty() { "" } else { "." };
            fault.path = format!("{outer}{dot}{}", fault.path);
            fault
        })
    }

    fn code(&self) -> u16 {
        match &self.what {
            What::Stranger => 1015,
            What::Missing => 1018,
            What::Format { .. } => 1019,
            What::Unsafe { .. } => 1027,
            What::Reason(reason) => reason.code(),
        }
    }

    fn rank(&self) -> usize {
        let code = self.code();
        ORDER.iter().position(|c| *c == code).unwrap_or(ORDER.len())
    }

    /// Whether it answers before another fault that was found later.
    pub(super) fn answers_before(&self, later: &Self) -> bool {
        self.rank() <= later.rank()
    }

    /// The one of two that answers; the first on a tie.
    pub(super) fn worse(a: Option<Box<Self>>, b: Option<Box<Self>>) -> Option<Box<Self>> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if a.answers_before(&b) { a } else { b }),
            (a, b) => a.or(b),
        }
    }

    /// The refusal at a line (0: the header) and field. `of` is whose field it is: a kind, the header.
    pub(super) fn at(self, line: u32, field: &str, of: &str) -> Refusal {
        let dot = if self.path.is_empty() || field.is_empty() { "" } else { "." };
        let place = format!("{field}{dot}{}", self.path);
        let name: Text = place.clone().into();
        let reason = match self.what {
            What::Stranger => Reason::FieldNotForKind { field: name, kind: of.to_owned().into() },
            What::Missing => Reason::FieldMissing { field: name, kind: of.to_owned().into() },
            What::Format { found, expected } => {
                Reason::FieldFormat { field: name, found: found.into(), expected }
            }
            What::Unsafe { what } => Reason::MemoUnsafe { field: name, what },
            What::Reason(reason) => reason,
        };
        reason.at(line, place)
    }
}
