//! What `rebuild --full` checks beside digests: that every payload is spelled as this program spells it,
//! and that every voucher's content digest follows from its records.

use ledger::codec::Codec;
use ledger::event::{Entry, Event};
use ledger::ids::Date;
use ledger::kind::Kind;
use ledger::voucher::{HeaderText, VoucherBuilder};
use record::{Record, Seq, system};

use super::error::Error;

/// Checks records in the order of the log.
pub struct Full {
    origin: String,
    codec: Codec,
    builder: VoucherBuilder,
    kinds: Vec<Kind>,
    expected: [u8; 32],
}

impl Full {
    /// Begins with the first record of a ledger.
    pub fn new(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            codec: Codec::new(),
            builder: VoucherBuilder::new(),
            kinds: Vec::new(),
            expected: [0; 32],
        }
    }

    /// Checks the next record.
    ///
    /// # Errors
    /// `Record` for a payload in another spelling, or at a voucher's last record when its digest is another.
    pub fn push(&mut self, record: &Record<'_>) -> Result<(), Error> {
        if system::is_system(record.kind()) {
            return Ok(());
        }
        let seq = record.seq();
        let entry = self.codec.check_canonical(record);
        let entry = entry.map_err(|error| wrong(seq, &error.to_string()))?;
        match &entry.event {
            Event::VoucherPosted(_) => self.begin(record, &entry),
            _ => self.line(record, &entry),
        }
        if record.part().saturating_add(1) == record.parts() {
            self.finish(seq)?;
        }
        Ok(())
    }

    fn begin(&mut self, record: &Record<'_>, entry: &Entry) {
        let Event::VoucherPosted(posted) = &entry.event else { return };
        self.builder = VoucherBuilder::new();
        self.kinds.clear();
        self.expected = posted.content_digest;
        let date = Date(record.date()).to_string();
        let (organisation, number) = (posted.organisation.as_str(), posted.voucher_no.as_str());
        self.builder.key(organisation, number, &date, posted.prepared_by.as_str());
        let texts = [
            (HeaderText::DocNo, &*posted.doc_no),
            (HeaderText::ApprovedBy, posted.approved_by.as_str()),
            (HeaderText::ExceptionReason, &*posted.exception_reason),
            (HeaderText::NoticeRef, &*posted.notice_ref),
            (HeaderText::Memo, &*entry.common.memo),
        ];
        for (field, text) in texts {
            self.builder.header(field, text);
        }
        self.builder.line_count(Some(posted.line_count));
        self.builder.total_fen(posted.total_given.then_some(posted.total.get()));
    }

    fn line(&mut self, record: &Record<'_>, entry: &Entry) {
        let kind = entry.event.kind();
        self.kinds.push(kind);
        self.builder.begin_line(u32::from(record.part()), kind.name());
        entry.event.fields(&mut self.builder);
        self.builder.text(ledger::field::Field::Memo, &entry.common.memo);
    }

    fn finish(&mut self, seq: Seq) -> Result<(), Error> {
        let voucher = std::mem::take(&mut self.builder).finish();
        let found = ledger::digest::digest(&self.origin, &voucher, &self.kinds);
        if found == self.expected {
            return Ok(());
        }
        let key = format!("{}/{}", voucher.organisation(), voucher.voucher_no());
        Err(wrong(seq, &format!("voucher {key} has another content digest than its header says")))
    }
}

fn wrong(seq: Seq, what: &str) -> Error {
    Error::Record { seq, what: what.to_owned() }
}
