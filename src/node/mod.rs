//! One ledger.
pub mod checkpoint;
mod clock;
mod counters;
mod inbox;
