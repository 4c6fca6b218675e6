//! The whole program over real sockets and real files.
//!
//! Lives here: what a client sees of the wire (`posting`, `reading`), a ledger's first records and restarts
//! (`init`, `restart`, `snapshot`), golden records (`golden`), the command line (`cli`), what is wrong with a
//! directory (`directory`), TLS (`tls`). Lives elsewhere: rules (`ledger`), crash points (`tests/crash`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod cli;
mod demo;
mod directory;
mod docs;
mod failure;
mod golden;
mod init;
mod limits;
mod methods;
mod oracle;
mod posting;
mod reading;
mod readme;
mod rebuild;
mod refusals;
mod reports;
mod restart;
mod roles;
mod score;
mod server;
mod snapshot;
mod tables;
mod tidy;
mod tls;
mod wire;
