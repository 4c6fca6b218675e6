//! Replays what the generator writes, through a naive ledger of plain maps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::too_many_lines,
    reason = "a test fails by panicking"
)]

mod figures;
mod files;
mod ledger;
mod replay;
