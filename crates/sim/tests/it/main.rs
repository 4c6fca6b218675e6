//! Replays what the generator writes, through a naive ledger of plain maps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::pedantic,
    clippy::manual_range_contains,
    reason = "a test fails by panicking, and a naive model is written to be read"
)]

mod figures;
mod files;
mod labels;
mod ledger;
mod load;
mod replay;
