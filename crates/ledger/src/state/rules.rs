//! Rule versions.

use std::ops::Deref;

use crate::rules::Rules;
use crate::saved::state_fields;
use crate::table::One;

/// All versions of all rules. Reads as [`Rules`].
#[derive(Clone, Debug, Default)]
pub struct RuleBook {
    rules: One<Rules>,
}

state_fields!(RuleBook { rules });

impl Deref for RuleBook {
    type Target = Rules;

    fn deref(&self) -> &Rules {
        self.rules.get()
    }
}

impl RuleBook {
    /// The rules, to be followed by a version. They are few: what they were is kept as a whole.
    pub(crate) fn edit(&mut self) -> &mut Rules {
        self.rules.edit()
    }
}
