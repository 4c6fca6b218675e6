//! What may be posted and what it changes: `decide`, `evolve`, kinds, refusals, rule versions.
//!
//! Lives elsewhere: bytes (`record`), files and sockets (`journal`, the program), what readers ask for (`views`).
//!
//! Always: pure and total. No clock, no I/O, no threads, no randomness; no hash-map order reaches bytes or
//! digests; input can never panic.

pub mod account;
pub mod codec;
pub mod decide;
pub mod digest;
pub mod document;
pub mod event;
pub mod field;
pub mod form;
pub mod ids;
pub mod kind;
pub mod kinds;
pub mod reject;
pub mod roles;
pub mod rules;
pub mod saved;
pub mod state;
pub mod table;
pub mod voucher;
pub mod words;

pub use decide::{Ask, Desk, Outcome, Signature, decide, post, post_time};
pub use event::{At, Entry, Event};
pub use kinds::{Past, PastRecord};
pub use state::State;
