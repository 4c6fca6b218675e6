//! A voucher back from its records: the document as it was received.
//!
//! Lives here: putting header record and lines together again, and what two documents differ in.
//! Lives elsewhere: the fields of each event (`event`), the digest that the result must have (`digest`).
//!
//! Always: header record, legs and payloads together keep every field that counts, so the content digest
//! of what is put together here is the one that the header record holds.
//! Source: domain contract, section 8.2.

use crate::event::money::VoucherPosted;
use crate::event::{Common, Entry};
use crate::field::Field;
use crate::ids::Date;
use crate::kind::Kind;
use crate::voucher::{HeaderText, LineRef, Voucher, VoucherBuilder};

/// Puts a voucher together: its header record, the effective date, and the entries of its lines in order.
///
/// The approval signature stands in the document too; it is no content.
pub fn document<'a>(
    header: &VoucherPosted,
    common: &Common,
    date: Date,
    lines: impl IntoIterator<Item = &'a Entry>,
) -> Voucher {
    let mut out = VoucherBuilder::new();
    let (org, no) = (header.organisation.as_str(), header.voucher_no.as_str());
    out.key(org, no, &date.to_string(), header.prepared_by.as_str())
        .header(HeaderText::DocNo, &header.doc_no)
        .header(HeaderText::ApprovedBy, header.approved_by.as_str())
        .header(HeaderText::ExceptionReason, &header.exception_reason)
        .header(HeaderText::NoticeRef, &header.notice_ref)
        .header(HeaderText::Memo, &common.memo)
        .line_count(Some(header.line_count))
        .total_fen(header.total_given.then(|| header.total.get()));
    if let Some(signed) = &header.approval {
        out.approval_signature(&signed.signature).approver_key(&signed.key);
    }
    for (line_no, entry) in (1..).zip(lines) {
        out.begin_line(line_no, entry.event.kind().name());
        entry.event.fields(&mut out);
        out.text(Field::Memo, &entry.common.memo);
    }
    out.finish()
}

/// The first field in the order of the content digest in which two vouchers differ; `None`: they say the
/// same. A line's field is spelled `lines[3].amount`.
pub fn difference(a: &Voucher, b: &Voucher) -> Option<String> {
    let texts = HeaderText::ALL.into_iter().find(|field| a.header(*field) != b.header(*field));
    if let Some(field) = texts {
        return Some(field.name().to_owned());
    }
    if a.line_count() != b.line_count() || a.len() != b.len() {
        return Some("line_count".to_owned());
    }
    // Where a total may be left out, given as 0 and absent are equal.
    if a.total_fen().unwrap_or(0) != b.total_fen().unwrap_or(0) {
        return Some("total".to_owned());
    }
    a.lines().zip(b.lines()).find_map(|(a, b)| {
        let field = line_difference(a, b)?;
        Some(format!("lines[{}].{field}", a.line_no()))
    })
}

fn line_difference(a: LineRef<'_>, b: LineRef<'_>) -> Option<&'static str> {
    if a.kind_name() != b.kind_name() {
        return Some("kind");
    }
    let kind = Kind::of_name(a.kind_name())?;
    let differs = |field: &Field| a.get(*field) != b.get(*field);
    let fields = kind.row().fields.iter().map(|spec| spec.field).filter(|f| *f != Field::Memo);
    fields.chain([Field::Memo]).find(differs).map(Field::name)
}
