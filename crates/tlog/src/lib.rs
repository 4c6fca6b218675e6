//! The public transparency formats over opaque leaves: what other people's software verifies.
//!
//! Lives here: the RFC 6962 tree and its proofs, signed notes and their keys, checkpoints.
//! Lives elsewhere: what a leaf holds (`record`), where nodes and keys are kept (the process).
//!
//! Always: tested with other people's vectors. No records, no I/O, no clock; numbers are text or
//! big-endian here, as the specifications have it.

pub mod checkpoint;
pub mod note;
pub mod tree;

pub use checkpoint::Checkpoint;
pub use note::{Signer, Vkey};
pub use tree::{Frontier, Hash};
