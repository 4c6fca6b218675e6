//! Decisions about rules events.

use super::{Ctx, Fault, not_served};
use crate::event::Event;
use crate::kind::Kind;
use crate::state::State;
use crate::voucher::LineRef;

/// Decides a line of this group.
pub(super) fn decide(
    kind: Kind,
    _: &State,
    _: &mut Ctx<'_>,
    _: LineRef<'_>,
) -> Result<Event, Fault> {
    Err(not_served(kind))
}
