//! Money events and the header record as messages.

use proto::log::v1 as pb;
use record::{Fen, Record};

use super::{DecodeError, Payload, common, need, read_common};
use crate::event::Common;
use crate::event::money::{Signed, VoucherPosted};
use crate::ids::{OfficialId, OrgId, VoucherNo, official};

/// Messages of the hot kinds, reused.
#[derive(Default)]
pub(super) struct Scratch {}

impl Payload for VoucherPosted {
    type Message = pb::VoucherPosted;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        self.organisation.as_str().clone_into(&mut m.organisation);
        self.voucher_no.as_str().clone_into(&mut m.voucher_no);
        (*self.doc_no).clone_into(&mut m.doc_no);
        self.prepared_by.as_str().clone_into(&mut m.prepared_by);
        self.approved_by.as_str().clone_into(&mut m.approved_by);
        (*self.exception_reason).clone_into(&mut m.exception_reason);
        (*self.notice_ref).clone_into(&mut m.notice_ref);
        m.line_count = self.line_count;
        m.total_fen = self.total.get();
        m.total_given = self.total_given;
        m.content_digest = self.content_digest.to_vec();
        let (signature, key) = match &self.approval {
            Some(signed) => (signed.signature.to_vec(), signed.key.to_vec()),
            None => (Vec::new(), Vec::new()),
        };
        m.approval_signature = signature;
        m.approver_key = key;
        m.approval_version = self.approval_version;
        m.period_version = self.period_version;
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let approval = match (m.approval_signature.as_slice(), m.approver_key.as_slice()) {
            ([], []) => None,
            (signature, key) => Some(Signed {
                signature: need("approval_signature", signature.try_into().ok())?,
                key: need("approver_key", key.try_into().ok())?,
            }),
        };
        let approved_by = match m.approved_by.as_str() {
            "" => OfficialId::EMPTY,
            text => need("approved_by", official(text))?,
        };
        let body = Self {
            organisation: need("organisation", OrgId::id(&m.organisation))?,
            voucher_no: need("voucher_no", VoucherNo::id(&m.voucher_no))?,
            doc_no: m.doc_no.as_str().into(),
            prepared_by: need("prepared_by", official(&m.prepared_by))?,
            approved_by,
            exception_reason: m.exception_reason.as_str().into(),
            notice_ref: m.notice_ref.as_str().into(),
            line_count: m.line_count,
            total: Fen::new(m.total_fen),
            total_given: m.total_given,
            content_digest: need("content_digest", m.content_digest.as_slice().try_into().ok())?,
            approval,
            approval_version: m.approval_version,
            period_version: m.period_version,
        };
        Ok((body, read_common!(m)))
    }
}
