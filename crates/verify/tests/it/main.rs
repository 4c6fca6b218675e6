//! The tests of this crate that speak through its public face, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod any_bytes;
mod attacks;
mod books;
mod checkpoints;
mod command;
mod flips;
mod ledger;
mod segments;
mod tails;
mod worked_example;
