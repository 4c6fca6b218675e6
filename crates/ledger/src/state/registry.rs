//! Areas, households, members, accounts.

use crate::undo_fields;

/// The register.
#[derive(Clone, Debug, Default)]
pub struct Registry {}

undo_fields!(Registry {});
