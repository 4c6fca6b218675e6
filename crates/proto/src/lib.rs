//! The messages of Mingzhang, generated from `proto/`.
//!
//! Lives here: `v1`, the API; `log::v1`, what the log stores for ever; the descriptors of both; with
//! the feature `services` the gRPC clients, and the servers of `Balances`, `Reports`, `Log`,
//! `Audit` and `Admin`.
//! Lives elsewhere: any meaning (`ledger`), the servers of `Posting` and `Registry`, which have a
//! codec of their own that refuses unknown fields.
//!
//! Always: no logic. A change of contract shows as a diff of `tests/data/*.txt`.

#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::allow_attributes_without_reason,
    rustdoc::all,
    reason = "generated"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/modules.rs"));
}

pub use generated::mingzhang::{log, v1};

/// The standard shape of a refusal, `google.rpc.Status`, wherever a message holds one.
#[cfg(not(feature = "services"))]
pub use generated::google::rpc::Status as RpcStatus;
/// The standard shape of a refusal, `google.rpc.Status`, wherever a message holds one.
#[cfg(feature = "services")]
pub use tonic_types::pb::Status as RpcStatus;

/// All descriptors with their comments and imports, as an encoded `FileDescriptorSet`.
///
/// What server reflection serves, and what the strict codec walks.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
