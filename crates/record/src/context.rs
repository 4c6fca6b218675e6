//! Every BLAKE3 `derive_key` context of the format, once.
//!
//! One context, one purpose: two hashes under different contexts never collide, whatever their
//! input. In a concatenation a part of variable length that is not the last carries its length.
//! Source: `docs/format.md`, hashes and domain separation.

/// Chain hash of a record: `b3sum --derive-key` with this text gives the same.
pub const RECORD: &str = "mingzhang 2026-11-24 record v1";
/// Log id, of the origin's bytes.
pub const LOG_ID: &str = "mingzhang 2026-11-24 log id v1";
/// A canonical row of a view, expanded to 2,048 bytes.
pub const VIEW_ROW: &str = "mingzhang 2026-11-24 view row v1";
/// A view's digest, over number, row count and state.
pub const VIEW_DIGEST: &str = "mingzhang 2026-11-24 view digest v1";
/// The digest of all views.
pub const VIEWS: &str = "mingzhang 2026-11-24 views v1";
/// Content digest of a voucher, for idempotency and approvals.
pub const VOUCHER_CONTENT: &str = "mingzhang 2026-11-24 voucher content v1";
/// Trailer of a snapshot file.
pub const SNAPSHOT: &str = "mingzhang 2026-11-24 snapshot v1";
/// Digest of an evidence bundle's manifest.
pub const EVIDENCE: &str = "mingzhang 2026-11-24 evidence v1";
/// Identity of an alert.
pub const ALERT: &str = "mingzhang 2026-11-24 alert v1";
/// Identity of a finding.
pub const FINDING: &str = "mingzhang 2026-11-24 finding v1";
/// Person and account tokens of a synthetic ledger.
pub const SYNTHETIC_TOKEN: &str = "mingzhang 2026-11-24 synthetic token v1";
/// Signing seed of a synthetic ledger.
pub const SYNTHETIC_SIGNING_KEY: &str = "mingzhang 2026-11-24 synthetic signing key v1";
/// Record-salt key of a synthetic ledger.
pub const SYNTHETIC_SALT_KEY: &str = "mingzhang 2026-11-24 synthetic salt key v1";
