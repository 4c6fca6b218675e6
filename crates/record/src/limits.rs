//! Every limit of the house, once: its value, its unit, its refusal and its reason.
//!
//! `serve --print-limits` prints [`TABLE`]. Constant and row come from the same line, so they
//! cannot differ. How limits relate is asserted below them, at compile time. A name that ends in
//! `_MAX` is the last value allowed.

/// One limit as the program prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Name of the constant.
    pub name: &'static str,
    /// Last value allowed, or the target.
    pub value: u64,
    /// What is counted.
    pub unit: &'static str,
    /// The refusal of one past it; empty where no client can meet it.
    pub code: &'static str,
    /// Why it is as it is.
    pub reason: &'static str,
}

macro_rules! limits {
    ($($name:ident: $type:ty = $value:expr, $unit:literal, $code:literal, $reason:literal;)*) => {
        $(
            #[allow(clippy::doc_markdown, reason = "the text is printed as it is, too")]
            #[doc = $reason]
            #[doc = concat!("\n\nUnit: ", $unit, ". Refusal: `", $code, "`.")]
            pub const $name: $type = $value;
        )*

        /// All limits, in the order of this file.
        pub static TABLE: &[Limit] = &[$(Limit {
            name: stringify!($name),
            value: $name as u64,
            unit: $unit,
            code: $code,
            reason: $reason,
        }),*];
    };
}

#[rustfmt::skip]
limits! {
    // Vouchers.
    VOUCHER_LINES_MAX: u32 = 20_000, "lines", "MZ-6001",
        "Lines of one voucher. All of them, with the header record, fit in one block, the unit of atomicity.";
    MESSAGE_BYTES_MAX: usize = 4 << 20, "bytes", "MZ-6002",
        "One gRPC message, before and after inflation. Larger vouchers come in chunks by PostVoucherStream.";
    VOUCHER_STREAM_BYTES_MAX: usize = 16 << 20, "bytes", "MZ-6003",
        "All messages of one PostVoucherStream together: no voucher that seals into a block needs more.";
    MAX_AMOUNT_FEN: i64 = 1_000_000_000_000_000, "fen", "MZ-1029",
        "Amount of one line, 10 trillion yuan: far above any budget, far below what JSON numbers hold exactly.";
    MEMO_CHARS_MAX: usize = 200, "characters", "MZ-1027",
        "Free text of a line: long enough for a remark, too short for a file.";
    REASON_CHARS_MIN: usize = 10, "characters", "MZ-1028",
        "Text that explains a reversal: a word is no explanation.";
    REASON_CHARS_MAX: usize = 500, "characters", "MZ-1028",
        "Text that explains a reversal or an exception.";
    NOTICE_REF_CHARS_MAX: usize = 64, "characters", "MZ-1027",
        "Number of a public notice.";
    DOC_NO_CHARS_MAX: usize = 64, "characters", "MZ-1027",
        "Document number.";
    BANK_REF_BYTES_MAX: usize = 64, "bytes", "MZ-1019",
        "Reference of a bank's batch and row.";
    VOUCHER_NO_BYTES_MAX: usize = 32, "bytes", "MZ-1019",
        "Voucher number; half of the idempotency key.";
    ORGANISATION_BYTES_MAX: usize = 24, "bytes", "MZ-1019",
        "Organisation code; the other half. Also quota and loan ids.";
    OFFICIAL_BYTES_MAX: usize = 32, "bytes", "MZ-1019",
        "Staff number of an official.";
    DIGIT_RUN_MAX: usize = 10, "digits", "MZ-1027",
        "Digits in a row in free text: ID and card numbers, which have more, stay out of the log.";
    HOUSEHOLD_MEMBERS_MAX: u32 = 30, "members", "MZ-2022",
        "Active members of one household; more is a typing error or two households.";
    REFUSALS_LISTED_MAX: usize = 100, "refusals", "",
        "Refusals listed for one voucher; the total count is given beside them.";
    REFUSAL_BYTES_MAX: usize = 5 << 10, "bytes", "",
        "Details of a refusal that ends a call. They travel as metadata in base64, and stock clients may refuse more than 8 KiB of it: what does not fit is counted, not listed.";
    CLOCK_SKEW_MS_MAX: u64 = 600_000, "milliseconds", "MZ-9001",
        "Wall clock against the last record's time and the monotonic time since; beyond it an operator confirms with --accept-clock.";

    // Records and blocks.
    RECORD_BYTES_MAX: usize = 65_535, "bytes", "MZ-6004",
        "One record: what the u16 length of a public entry bundle can say.";
    RECORD_LEGS_MAX: usize = 64, "legs", "MZ-6005",
        "Legs of one record. The widest movements known, an opening and a payment to a project, have 6.";
    PATH_BYTES_MAX: usize = 64, "bytes", "",
        "One account path; the longest that ids allow, quota at a village, has 45.";
    LEGS_BYTES_MAX: usize = 4_672, "bytes", "",
        "The legs of one record at their widest.";
    LEG_FEN_MAX: i64 = 9_007_199_254_740_991, "fen", "",
        "One leg, 2^53 - 1: exact in every JSON reader.";
    TIME_MS_MAX: u64 = 9_007_199_254_740_991, "milliseconds", "",
        "Server time, 2^53 - 1: exact in every JSON reader.";
    GROUP_RECORDS_MAX: usize = 65_535, "records", "",
        "Records of one atomic group, which u16 fields count.";
    BLOCK_BYTES_TARGET: usize = 1 << 20, "bytes", "",
        "A block with records in it takes no voucher that would lead past this; one sync of it takes under a millisecond.";
    BLOCK_BYTES_MAX: usize = 16 << 20, "bytes", "MZ-6003",
        "Records of one block; only a voucher alone may pass the target, up to here.";
    BLOCK_RECORDS_MAX: u32 = 65_535, "records", "",
        "Records of one block.";
    SEGMENT_BYTES: u32 = 64 << 20, "bytes", "",
        "One preallocated segment file: zeroed in the background well before it is needed.";
    SNAPSHOT_BYTES_MAX: u64 = 32 << 30, "bytes", "",
        "One snapshot, written or read: some eighty times one of a province with eleven million records.";
    SEAL_INTERVAL_MS: u64 = 60_000, "milliseconds", "",
        "A seal is due this long after the first record since the last one.";

    // The queue before the sequencer.
    QUEUE_VOUCHERS_MAX: usize = 4_096, "vouchers", "MZ-6007",
        "Vouchers that wait for the sequencer: four times what was measured in flight at full speed.";
    QUEUE_BYTES_MAX: usize = 64 << 20, "bytes", "MZ-6007",
        "Bytes of vouchers that wait: the memory that a flood of posts can take.";
    QUEUE_RETRY_MS: u64 = 250, "milliseconds", "MZ-6007",
        "When a client whose post found the queue full should come again.";

    // The service.
    PAGE_ROWS_MAX: u32 = 1_000, "rows", "MZ-6006",
        "Rows of one page of a list.";
    CONNECTIONS_MAX: usize = 1_024, "connections", "",
        "Open connections; the next one waits in the listener's queue.";
    CONNECTION_REQUESTS_MAX: u32 = 256, "requests", "",
        "Concurrent HTTP/2 streams of one connection; the client holds the next one back.";
    CLIENT_STREAMS_MAX: usize = 64, "streams", "MZ-6008",
        "Open long-lived streams (PostVouchers, Follow, Watch) of one client.";
    STREAM_IN_FLIGHT_MAX: usize = 1_024, "vouchers", "",
        "Vouchers in flight on one PostVouchers stream; then it is not read from until answers have left.";
    STREAM_WINDOW_BYTES: u32 = 1 << 20, "bytes", "",
        "HTTP/2 window of one call: what may be on its way to a server that does not read.";
    CONNECTION_WINDOW_BYTES: u32 = 4 << 20, "bytes", "",
        "HTTP/2 window of a connection. Half of it is the overhead of small frames above which it is cut off: \
         a stream of one-line vouchers to a busy server stays below.";
    HEADER_LIST_BYTES_MAX: u32 = 16 << 10, "bytes", "",
        "Metadata of one request.";
    HANDSHAKE_MS_MAX: u64 = 5_000, "milliseconds", "",
        "TLS handshake; a silent peer holds a slot no longer.";
    KEEPALIVE_INTERVAL_MS: u64 = 20_000, "milliseconds", "",
        "HTTP/2 ping on a quiet connection.";
    KEEPALIVE_TIMEOUT_MS: u64 = 10_000, "milliseconds", "",
        "A ping without an answer ends the connection, so that a dead client holds no stream.";
    CONNECTION_AGE_MS_MAX: u64 = 3_600_000, "milliseconds", "",
        "Then a connection is asked to end, so that new keys and addresses take hold.";
    CONNECTION_GRACE_MS: u64 = 30_000, "milliseconds", "",
        "What an aged connection has to finish its calls.";
    CALL_MS_MAX: u64 = 60_000, "milliseconds", "",
        "Deadline of a unary call that brings none.";
    DRAIN_MS_MAX: u64 = 10_000, "milliseconds", "",
        "What open calls have to finish at shutdown; silent clients would hold it for ever.";

    // Notes.
    NOTE_BYTES_MAX: usize = 1_000_000, "bytes", "",
        "A signed note that is read: what Go's reader takes.";
    NOTE_SIGNATURES_MAX: usize = 100, "lines", "",
        "Signature lines of a note that is read: what Go's reader takes.";
}

/// A cash record is estimated at 350 to 450 bytes; blocks are sized with room above that.
const LINE_BYTES_TYPICAL_MAX: usize = 800;
const ENVELOPE: usize = crate::envelope::ENVELOPE_BYTES;

// A voucher of the most lines, and its header record, fit in one block.
const _: () =
    assert!((lossless(VOUCHER_LINES_MAX) + 1) * LINE_BYTES_TYPICAL_MAX <= BLOCK_BYTES_MAX);
const _: () = assert!(lossless(VOUCHER_LINES_MAX) < GROUP_RECORDS_MAX);
const _: () = assert!(GROUP_RECORDS_MAX <= lossless(BLOCK_RECORDS_MAX));
const _: () = assert!(GROUP_RECORDS_MAX < 1 << 16);
// One message never holds a voucher that no block can; a chunked one may, and is then refused.
const _: () = assert!(MESSAGE_BYTES_MAX < VOUCHER_STREAM_BYTES_MAX);
const _: () = assert!(VOUCHER_STREAM_BYTES_MAX <= BLOCK_BYTES_MAX);
// The largest record fits in a block, the widest legs in a record, with room for a payload.
const _: () = assert!(RECORD_BYTES_MAX < BLOCK_BYTES_TARGET);
// What a u16 length field can say.
const _: () = assert!(RECORD_BYTES_MAX == (1 << 16) - 1);
const _: () = assert!(LEGS_BYTES_MAX == RECORD_LEGS_MAX * (9 + PATH_BYTES_MAX));
const _: () = assert!(ENVELOPE + LEGS_BYTES_MAX < RECORD_BYTES_MAX / 8);
// A block below its target never holds more records than a header counts.
const _: () = assert!(BLOCK_BYTES_TARGET / ENVELOPE < lossless(BLOCK_RECORDS_MAX));
const _: () = assert!(BLOCK_BYTES_TARGET < BLOCK_BYTES_MAX);
// The largest block and the segment's header fit in a segment.
const _: () = assert!(4_096 + 112 + BLOCK_BYTES_MAX + 8 <= lossless(SEGMENT_BYTES));
// Amounts: a line fits in a leg, a voucher's total and a leg's sum over a record in an i64.
const _: () = assert!(0 < MAX_AMOUNT_FEN && MAX_AMOUNT_FEN <= LEG_FEN_MAX);
const _: () = assert!(LEG_FEN_MAX == (1 << 53) - 1 && TIME_MS_MAX == (1 << 53) - 1);
const _: () = assert!(LEG_FEN_MAX <= i64::MAX / 64);
// The queue takes the largest voucher, and several of them.
const _: () = assert!(4 * VOUCHER_STREAM_BYTES_MAX <= QUEUE_BYTES_MAX);
const _: () = assert!(STREAM_IN_FLIGHT_MAX <= QUEUE_VOUCHERS_MAX);
// A window full of frames of 100 bytes, less than any voucher takes: what each lacks to 256 counts.
const _: () = assert!(STREAM_WINDOW_BYTES / 100 * (256 - 100) < CONNECTION_WINDOW_BYTES / 2);
// Texts fit in a record, whatever they are made of (4 bytes a character).
const _: () = assert!(4 * (MEMO_CHARS_MAX + REASON_CHARS_MAX) < RECORD_BYTES_MAX / 2);
const _: () = assert!(REASON_CHARS_MIN < REASON_CHARS_MAX);
// Details in base64 leave 1 KiB of the metadata of a stock client for the message and the rest.
const _: () = assert!(REFUSAL_BYTES_MAX.div_ceil(3) * 4 <= 7 << 10);
// A dead client is noticed before its call's deadline, a call can end within grace and drain.
const _: () = assert!(KEEPALIVE_INTERVAL_MS + KEEPALIVE_TIMEOUT_MS < CALL_MS_MAX);
const _: () = assert!(HANDSHAKE_MS_MAX < DRAIN_MS_MAX && DRAIN_MS_MAX < CONNECTION_GRACE_MS);
const _: () = assert!(CONNECTION_GRACE_MS < CONNECTION_AGE_MS_MAX);
const _: () = assert!(SEAL_INTERVAL_MS < CLOCK_SKEW_MS_MAX);

#[expect(clippy::as_conversions, reason = "u32 fits in usize on every platform we build for")]
const fn lossless(n: u32) -> usize {
    n as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_in_the_table_once() {
        assert!(TABLE.iter().any(|l| l.name == "VOUCHER_LINES_MAX" && l.value == 20_000));
        for limit in TABLE {
            assert_eq!(TABLE.iter().filter(|l| l.name == limit.name).count(), 1, "{}", limit.name);
            assert!(0 < limit.value && limit.reason.ends_with('.'), "{}", limit.name);
            assert!(limit.code.is_empty() || limit.code.starts_with("MZ-"), "{}", limit.name);
        }
    }

    #[test]
    fn the_longest_path_was_said_to_have_60_bytes() {
        // A unit code has at most 12 digits, a quota id as many letters as an organisation.
        let longest = format!("Q.quota.{:012}.{:0>2$}", 0, "", ORGANISATION_BYTES_MAX);
        assert!(longest.len() <= PATH_BYTES_MAX);
        let row = TABLE.iter().find(|limit| limit.name == "PATH_BYTES_MAX").unwrap();
        assert!(row.reason.ends_with(&format!("has {}.", longest.len())), "{}", row.reason);
    }
}
