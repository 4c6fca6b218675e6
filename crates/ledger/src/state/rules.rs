//! Rule versions.

use crate::undo_fields;

/// All versions of all rules.
#[derive(Clone, Debug, Default)]
pub struct RuleBook {}

undo_fields!(RuleBook {});
