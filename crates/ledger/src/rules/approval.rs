//! The approval rule 审批规则: when a second official must approve.

use super::cap::word;
use super::rows::ContentError;
use crate::kind::{Approval, Kind};

/// Largest threshold: the largest amount of a line.
const THRESHOLD_MAX: i64 = 1_000_000_000_000_000;

/// An approval rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApprovalRule {
    /// Total of a voucher, in fen, from which approval is needed.
    pub threshold_fen: i64,
    /// Kinds that always need approval, as adopted.
    pub always: Vec<Kind>,
}

impl ApprovalRule {
    /// Reads the content of a version.
    ///
    /// # Errors
    /// The first field that is not as it must be.
    pub fn parse(
        threshold_fen: i64,
        always: &[String],
        self_approval: &str,
    ) -> Result<Self, ContentError> {
        if !(0..=THRESHOLD_MAX).contains(&threshold_fen) {
            let what = format!("{threshold_fen} is not 0 to {THRESHOLD_MAX}");
            return Err(ContentError::new("threshold_fen", what));
        }
        let mut kinds = Vec::with_capacity(always.len());
        for (i, name) in always.iter().enumerate() {
            let field = format!("always.{i}");
            let Some(kind) = Kind::of_name(name).filter(|k| *k != Kind::VoucherPosted) else {
                return Err(ContentError::new(field, format!("{name} is no kind of a line")));
            };
            if kinds.contains(&kind) {
                return Err(ContentError::new(field, format!("{name} stands twice")));
            }
            kinds.push(kind);
        }
        word("self_approval", self_approval, &["never"])?;
        Ok(Self { threshold_fen, always: kinds })
    }

    /// The one word of `self_approval`: nobody approves own work (5021).
    pub const SELF_APPROVAL: &str = "never";

    /// Whether a voucher with lines of this kind and this total needs a second official.
    pub fn needs(&self, kind: Kind, total_fen: i64) -> bool {
        let by_threshold = kind.row().approval != Approval::No && kind.group().is_money();
        self.always.contains(&kind) || (by_threshold && self.threshold_fen <= total_fen)
    }
}
