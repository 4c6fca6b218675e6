//! The views against a naive model, by position and by day; identities; the story; households from
//! their own records.

mod as_of;
mod book;
mod identities;
#[rustfmt::skip]
#[path = "../../../ledger/tests/money/world.rs"]
#[allow(dead_code, reason = "shared with the ledger's own tests, which use more of it")]
mod ledger_world;
mod model;
mod rows;
mod story;
mod versus_model;
mod world;
