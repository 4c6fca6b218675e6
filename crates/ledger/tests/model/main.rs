//! The ledger against a naive model of it, by random sequences of vouchers.

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
    clippy::string_slice,
    clippy::similar_names,
    clippy::semicolon_if_nothing_returned,
    clippy::too_many_lines,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the bench of the money cases: not all of it is used here")]
#[path = "../money/world.rs"]
mod bench;
mod decide;
mod doc;
mod form;
mod identities;
mod model;
mod money;
mod pair;
mod registry;
mod rules;
mod run;
mod spoil;
mod table;
mod world;
