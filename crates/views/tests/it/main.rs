//! The views against a naive model, by position and by day; identities; the story; households from
//! their own records; red flags on a log of a whole programme.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::similar_names,
    clippy::too_many_lines,
    clippy::needless_pass_by_value,
    clippy::items_after_statements,
    clippy::needless_for_each,
    clippy::match_same_arms,
    clippy::unused_self,
    reason = "a test fails by panicking"
)]

mod as_of;
mod book;
mod cache;
mod flag_cases;
mod flag_story;
mod flags;
mod identities;
#[rustfmt::skip]
#[path = "../../../ledger/tests/money/world.rs"]
#[allow(dead_code, reason = "shared with the ledger's own tests, which use more of it")]
mod ledger_world;
mod model;
mod rows;
mod shared;
mod story;
mod versus_model;
mod world;
