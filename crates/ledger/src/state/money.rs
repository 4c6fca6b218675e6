//! Quotas, balances, tranches, marks on records, bank references, voucher keys.

use record::Seq;

use crate::event::At;
use crate::event::money::VoucherPosted;
use crate::ids::{OrgId, VoucherNo};
use crate::table::Index;
use crate::undo_fields;

/// What decisions about money read.
#[derive(Clone, Debug)]
pub struct Money {
    /// Voucher keys, as 16 bytes of a keyed hash, to the position of the header record.
    vouchers: Index<[u8; 16], u64>,
    secret: [u8; 32],
}

undo_fields!(Money { vouchers });

impl Money {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self { vouchers: Index::default(), secret }
    }

    /// Position of the header record of a voucher, if its key was ever accepted.
    pub fn voucher(&self, organisation: OrgId, voucher_no: VoucherNo) -> Option<Seq> {
        self.vouchers.get(&self.voucher_hash(organisation, voucher_no)).map(Seq)
    }

    fn voucher_hash(&self, organisation: OrgId, voucher_no: VoucherNo) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        hasher.update(organisation.as_str().as_bytes());
        hasher.update(b"/");
        hasher.update(voucher_no.as_str().as_bytes());
        let mut out = [0; 16];
        hasher.finalize_xof().fill(&mut out);
        out
    }

    pub(crate) fn voucher_posted(&mut self, event: &VoucherPosted, at: &At) {
        let hash = self.voucher_hash(event.organisation, event.voucher_no);
        self.vouchers.insert(hash, at.seq.0);
    }
}
