//! Organisations, officials, roles, keys.

use crate::undo_fields;

/// Who may do what.
#[derive(Clone, Debug, Default)]
pub struct Access {}

undo_fields!(Access {});
