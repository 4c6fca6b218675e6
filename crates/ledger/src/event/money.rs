//! Money events, and the header record of a voucher.

use record::Fen;

use super::{At, Body, Drift};
use crate::ids::{OfficialId, OrgId, VoucherNo};
use crate::state::State;
use crate::voucher::VoucherBuilder;

/// Kind 300: a voucher was accepted. The soft codes skipped for the voucher itself and the header's memo
/// stand in the entry's common part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VoucherPosted {
    /// Posting organisation; with the number the key.
    pub organisation: OrgId,
    /// Voucher number.
    pub voucher_no: VoucherNo,
    /// Document number; empty when there is none.
    pub doc_no: Box<str>,
    /// Who prepared it.
    pub prepared_by: OfficialId,
    /// Who approved it; empty when nobody had to.
    pub approved_by: OfficialId,
    /// Why soft refusals were passed over; empty when none could be.
    pub exception_reason: Box<str>,
    /// Number of the public notice; empty when there is none.
    pub notice_ref: Box<str>,
    /// Number of lines.
    pub line_count: u32,
    /// Sum of the amounts.
    pub total: Fen,
    /// Whether the poster stated the total.
    pub total_given: bool,
    /// Content digest.
    pub content_digest: [u8; 32],
    /// Key and signature of the approver, when one is registered.
    pub approval: Option<Signed>,
    /// Version of the approval rule that was asked; 0: none stood.
    pub approval_version: u32,
    /// Version of the period rule that was asked; 0: none stood.
    pub period_version: u32,
}

/// An approver's signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed {
    /// Ed25519 over the approval text.
    pub signature: [u8; 64],
    /// The key that made it.
    pub key: [u8; 32],
}

impl Body for VoucherPosted {
    fn fields(&self, _: &mut VoucherBuilder) {}

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.money.voucher_posted(self, at);
        Ok(())
    }
}
