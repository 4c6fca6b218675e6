//! The tests of this crate that speak through its public face, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod accounts;
mod any_bytes;
mod blocks;
mod chain;
mod drafts;
mod envelope;
mod frames;
mod raw;
mod salts;
mod system;
mod tail;
mod vectors;
mod worked_example;
