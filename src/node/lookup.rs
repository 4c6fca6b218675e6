//! Answers made from the log: what became of a voucher, the same bytes for ever.
//!
//! Lives here: the reply of a posting from its header record.
//!
//! Always: a reply holds only what the log fixes, so a retry gets it from any server, after any restart.

use journal::Reader;
use ledger::codec::Codec;
use ledger::event::money::VoucherPosted;
use ledger::event::{Entry, Event};
use ledger::field::Field;
use ledger::reject::{Reason, Text};
use ledger::voucher::VoucherBuilder;
use record::{Record, Seq};

use super::error::journal_reason;
use super::reply::Reply;

/// Returns the reply of the voucher whose header record stands at `first_seq`.
///
/// # Errors
/// 8005 when no header record stands there, 9004 when the log cannot be read.
pub fn reply(reader: &dyn Reader, first_seq: Seq) -> Result<Reply, Reason> {
    header(reader, first_seq).map(|(reply, _)| reply)
}

/// Returns the reply of a voucher and what its header record says.
///
/// # Errors
/// As [`reply`].
pub fn header(reader: &dyn Reader, first_seq: Seq) -> Result<(Reply, Header), Reason> {
    let missing = || Reason::NotFound {
        what: Text::Borrowed("voucher at record"),
        id: Text::Owned(first_seq.to_string()),
    };
    let block = reader.block_of(first_seq).map_err(|error| unreadable(&error))?;
    let block = block.ok_or_else(missing)?;
    let mut records = block.records_hashed().skip_while(|(record, _)| record.seq() < first_seq);
    let (first, hash) = records.next().ok_or_else(missing)?;
    let (posted, header) = decode(&first).ok_or_else(missing)?;
    // A voucher is never split over blocks.
    let lines = usize::from(first.parts()).saturating_sub(1);
    let last = match lines.checked_sub(1) {
        None => Some((first, hash)),
        Some(skip) => records.nth(skip),
    };
    let (last, chain_hash) = last.ok_or_else(missing)?;
    let reply = Reply {
        organisation: posted.organisation.to_string(),
        voucher_no: posted.voucher_no.to_string(),
        first_seq,
        last_seq: last.seq(),
        time_ms: first.time_ms(),
        content_digest: posted.content_digest,
        chain_hash,
    };
    Ok((reply, header))
}

/// Returns line numbers and amounts of the voucher at these positions; lines without an amount are left
/// out.
///
/// # Errors
/// 9004 when the log cannot be read.
pub fn amounts(reader: &dyn Reader, first: Seq, last: Seq) -> Result<Vec<(u32, i64)>, Reason> {
    let block = reader.block_of(first).map_err(|error| unreadable(&error))?;
    let mut codec = Codec::new();
    let mut out = Vec::new();
    for record in block.iter().flat_map(|block| block.records()) {
        if record.seq() <= first || last < record.seq() {
            continue;
        }
        let Ok(entry) = codec.decode(&record) else { continue };
        let mut line = VoucherBuilder::new();
        line.begin_line(u32::from(record.part()), entry.event.kind().name());
        entry.event.fields(&mut line);
        let amount = line.finish().line(0).and_then(|line| line.int(Field::Amount));
        out.extend(amount.map(|fen| (u32::from(record.part()), fen)));
    }
    Ok(out)
}

/// Returns how a record is spelled by its voucher, and its bank reference, if it has one.
///
/// # Errors
/// 8005 when no such record stands there, 9004 when the log cannot be read.
pub fn reference(reader: &dyn Reader, seq: Seq) -> Result<(String, String), Reason> {
    let block = reader.block_of(seq).map_err(|error| unreadable(&error))?;
    let mut codec = Codec::new();
    let records = block.iter().flat_map(|block| block.records());
    let (mut key, mut found) = (String::new(), None);
    for record in records.take_while(|record| record.seq() <= seq) {
        if record.part() == 0
            && let Some((posted, _)) = decode(&record)
        {
            key = format!("{}/{}", posted.organisation, posted.voucher_no);
        }
        if record.seq() == seq
            && let Ok(entry) = codec.decode(&record)
        {
            let mut line = VoucherBuilder::new();
            line.begin_line(u32::from(record.part()), entry.event.kind().name());
            entry.event.fields(&mut line);
            let voucher = line.finish();
            let bank_ref = voucher.line(0).map(|line| line.text(Field::BankRef).to_owned());
            found = Some((format!("{key}/{}", record.part()), bank_ref.unwrap_or_default()));
        }
    }
    let missing =
        || Reason::NotFound { what: Text::Borrowed("record"), id: Text::Owned(seq.to_string()) };
    found.ok_or_else(missing)
}

/// What a header record says beside the reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The header record's event.
    pub posted: VoucherPosted,
    /// Memo of the voucher.
    pub memo: String,
    /// Effective date, days since 1970-01-01.
    pub date: u32,
}

fn decode(record: &Record<'_>) -> Option<(VoucherPosted, Header)> {
    let Entry { event, common } = Codec::new().decode(record).ok()?;
    let Event::VoucherPosted(posted) = event else { return None };
    let header = Header { posted: posted.clone(), memo: common.memo.into(), date: record.date() };
    Some((posted, header))
}

/// The refusal of a log that cannot be read.
pub fn unreadable(error: &journal::Error) -> Reason {
    journal_reason(error)
}

/// The refusal of a log that cannot be read at a position.
pub fn unreadable_here(seq: Seq) -> Reason {
    let segment = Text::Borrowed("segments");
    Reason::JournalCorrupt { segment, offset: 0, from: seq, to: seq }
}
