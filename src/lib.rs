//! Mingzhang 明账: an event-sourced, hash-chained ledger for poverty-relief funds.

pub mod auth;
pub mod cli;
pub mod files;
pub mod findings;
pub mod keys;
pub mod memory;
pub mod node;
pub mod reading;
pub mod services;
pub mod wire;
