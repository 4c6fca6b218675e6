//! The contract as a whole: what it is (`golden`), what it obeys (`rules`), what it encodes to
//! (`wire`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

mod golden;
mod rules;
mod walk;
mod wire;
