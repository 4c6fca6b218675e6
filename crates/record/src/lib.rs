//! The bytes of the ledger: what a record is, how records chain, and how blocks and segments frame them.
//!
//! Lives here: the envelope and its legs, the BLAKE3 chain and salts, seals and the format's own
//! payloads, the framing of blocks and segments, what a torn tail is, balances by account with row
//! digests and copies that share, `Fen`, `Seq`, the table of limits.
//! Lives elsewhere: files (`journal`), the Merkle tree and signatures (`tlog`), what a record means
//! (`ledger`).
//!
//! Always: a record is encoded once and never re-encoded; any bytes decode to a value or to a named
//! error, never to a panic. No I/O, no protobuf library, no domain rule.

mod layout;

mod amount;
mod seq;

pub mod context;
pub mod cow;
pub mod limits;

mod accounts;
mod block;
mod builder;
mod chain;
mod draft;
mod envelope;
mod frame;
mod hash;
mod kinds;
mod lthash;
mod path;
pub mod system;
pub mod tail;
mod wire;

pub use accounts::{AccountError, Accounts};
pub use amount::{AmountError, Fen};
pub use block::Block;
pub use builder::{BlockBuilder, Placed};
pub use chain::{ChainCheck, ChainError};
pub use draft::{Draft, DraftError};
pub use envelope::{ENVELOPE_BYTES, Leg, LegBytes, Legs, Record, RecordError, VERSION};
pub use frame::{BLOCK_HEADER_BYTES, BlockHeader, FrameError, SEGMENT_HEADER_BYTES, SegmentHeader};
pub use hash::{Hash, Hex, ZERO_HASH, chain_hash, china_date, log_id, salt};
pub use kinds::{DOMAIN_KINDS, kind_name};
pub use lthash::{LtHash, views_digest};
pub use path::{BOOKS, Book, PathError, is_origin};
pub use seq::Seq;
pub use system::{Genesis, Seal};
