//! Each case of `docs/format.md`, "Opening the last segment", and of decision 0004, as a row.

use record::limits::BLOCK_BYTES_MAX;
use record::tail::{BLOCK_REACH, Rest, SECTOR_BYTES, Verdict};
use record::{BlockHeader, Seq, ZERO_HASH};

/// A block whose body holds no zero, and begins with record 40 of the log.
fn block(body_bytes: usize) -> Vec<u8> {
    let body: Vec<u8> = (0..body_bytes).map(|at| (at % 255 + 1) as u8).collect();
    frame(&body, 3)
}

fn frame(body: &[u8], count: u32) -> Vec<u8> {
    let header = BlockHeader {
        first_seq: Seq(40),
        count,
        body_len: body.len() as u32,
        epoch: 1,
        prev_head: [3; 32],
        head: ZERO_HASH,
        body_crc: crc32c::crc32c(body),
    };
    let mut frame = [&header.encode()[..], body].concat();
    frame.resize(frame.len().next_multiple_of(8), 0);
    frame
}

/// The bytes of a file of `size` bytes from offset `offset` on, at which `bytes` stand.
fn file(bytes: &[u8], offset: u64, size: usize) -> Vec<u8> {
    let mut rest = bytes.to_vec();
    rest.resize(size - offset as usize, 0);
    rest
}

/// Judges the bytes whole and in pieces: how they come must not matter.
fn judge(rest: &[u8], offset: u64) -> Verdict {
    let judge_pieces = |len| {
        let mut taken = Rest::default();
        rest.chunks(len).for_each(|piece| taken.push(piece));
        taken.judge(offset)
    };
    let whole = judge_pieces(rest.len().max(1));
    for len in [4_096, 65_537] {
        assert_eq!(judge_pieces(len), whole, "pieces of {len}");
    }
    whole
}

#[track_caller]
fn check(what: &str, bytes: &[u8], expected: Verdict) {
    for offset in [4_096, 4_104, 4_600] {
        assert_eq!(judge(&file(bytes, offset, 65_536), offset), expected, "{what} at {offset}");
    }
}

const NO_HEADER: Verdict = Verdict::Complete { last_seq: None };
const HEADER: Verdict = Verdict::Complete { last_seq: Some(Seq(42)) };

fn torn(bytes: usize) -> Verdict {
    Verdict::Torn { bytes: bytes as u64 }
}

fn valid(at: u64) -> Verdict {
    Verdict::ValidBlock { at, first_seq: Seq(40) }
}

#[test]
fn case_1_zeros_are_the_end() {
    check("nothing", &[], Verdict::End);
    assert_eq!(judge(&[], 65_536), Verdict::End);
}

#[test]
fn case_2_a_valid_block_is_never_torn() {
    let whole = block(2_000);
    check("a block that does not belong here", &whole, valid(0));
    // Its records and its padding are no matter of the judge: whoever reads the block refuses them.
    let mut padded = block(2_001);
    *padded.last_mut().unwrap() = 1;
    check("padding in use", &padded, valid(0));
    for (what, before) in [
        ("behind a hole", vec![0; 512]),
        ("behind a torn block", [&block(1_000)[..200], &[0; 824]].concat()),
        ("behind eight bytes", vec![7; 8]),
    ] {
        let at = before.len() as u64;
        check(what, &[&before[..], &whole].concat(), valid(at));
    }
    // Between the steps of 8 no block begins.
    let bytes = [&[7; 4][..], &whole].concat();
    check("out of step", &bytes, NO_HEADER);
    // A body may end in zeros, and the file right behind it.
    let zeros = frame(&[&[1; 100][..], &[0; 900]].concat(), 1);
    check("zeros at its end", &[&[0; 8][..], &zeros].concat(), valid(8));
    assert_eq!(judge(&[&[0; 8][..], &zeros].concat(), 4_096), valid(8));
}

#[test]
fn case_2_headers_without_end_are_not_followed() {
    // A header without its body, again and again.
    let headers = |n: usize| block(64_000)[..112].repeat(n);
    // The twelve bytes of a header that are reserved are zero.
    check("64 headers", &headers(64), torn(64 * 112 - 12));
    check("65 headers", &headers(65), valid(64 * 112));
}

#[test]
fn case_2_what_no_block_reaches() {
    let size = 4_096 + 2 * BLOCK_REACH + 100_000;
    let one_byte_at = |at: usize| {
        let mut rest = file(&[], 4_096, size);
        rest[at] = 1;
        judge(&rest, 4_096)
    };
    assert_eq!(one_byte_at(BLOCK_REACH - 1), torn(BLOCK_REACH));
    for at in [BLOCK_REACH, 2 * BLOCK_REACH, size - 4_097] {
        assert_eq!(one_byte_at(at), Verdict::OutOfReach { at: at as u64 });
    }
    // The largest block, from the last place where it can begin and still be told.
    let whole = block(BLOCK_BYTES_MAX);
    for at in [0, BLOCK_REACH - BLOCK_REACH % 8] {
        let mut rest = file(&[], 4_096, size);
        rest[at..at + whole.len()].copy_from_slice(&whole);
        assert_eq!(judge(&rest, 4_096), valid(at as u64), "at {at}");
    }
    // Further behind it is damage without being looked at.
    let mut rest = file(&[], 4_096, size);
    rest[2 * BLOCK_REACH..2 * BLOCK_REACH + 1_112].copy_from_slice(&block(1_000));
    let at = 2 * BLOCK_REACH as u64 + 1_111;
    assert_eq!(judge(&rest, 4_096), Verdict::OutOfReach { at });
}

#[test]
fn case_3_written_completely_and_damaged() {
    let whole = block(2_000);
    for (at, expected) in [
        (0, NO_HEADER),
        // The fourth byte of the magic is damage like any other: no "newer version" (0004).
        (3, NO_HEADER),
        (4, NO_HEADER),
        (40, NO_HEADER),
        (111, NO_HEADER),
        (112, HEADER),
        (1_000, HEADER),
        (2_111, HEADER),
    ] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x11;
        check(&format!("byte {at}"), &bytes, expected);
    }
    // A block that would reach past the end of the file.
    let long = block(70_000);
    assert_eq!(judge(&long[..60_000], 4_096), HEADER);
}

#[test]
fn case_4_what_a_power_cut_leaves() {
    let whole = block(2_000);
    for offset in [4_096_u64, 4_104, 4_600] {
        let first = SECTOR_BYTES - offset as usize % SECTOR_BYTES;
        let starts: Vec<usize> =
            std::iter::once(0).chain((first..whole.len()).step_by(SECTOR_BYTES)).collect();
        // Every choice of sectors.
        for choice in 1..(1_usize << starts.len()) - 1 {
            let mut bytes = whole.clone();
            for (n, start) in starts.iter().enumerate().filter(|(n, _)| choice & 1 << n == 0) {
                let end = starts.get(n + 1).copied().unwrap_or(whole.len());
                bytes[*start..end].fill(0);
            }
            let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
            let found = judge(&file(&bytes, offset, 65_536), offset);
            // A last sector that held nothing but padding is no loss.
            let is_whole = bytes == whole && found == valid(0);
            assert!(found == torn(used) || is_whole, "{choice:b} at {offset}: {found:?}");
        }
    }
    // Less than a header: no whole block is as short.
    check("one byte", b"M", torn(1));
    check("a header and nothing else, damaged", &[7; 112], torn(112));
    check("one byte more", &[7; 113], NO_HEADER);
}

/// Decision 0004: these two are damage and are taken for torn. If one of these rows changes, so must
/// the decision.
#[test]
fn what_the_cases_cannot_tell() {
    // A garbled sector that holds a small block's header, and a lost sector behind it.
    let mut small = block(100);
    small[20] ^= 1;
    let mut bytes = [small, block(2_000)].concat();
    bytes[SECTOR_BYTES..2 * SECTOR_BYTES].fill(0);
    assert_eq!(judge(&file(&bytes, 4_096, 65_536), 4_096), torn(216 + 2_112));
    // 512 aligned zeros in a record, damaged elsewhere.
    let mut body = vec![1; 2_000];
    body[400..912].fill(0);
    let mut whole = frame(&body, 1);
    assert_eq!(judge(&file(&whole, 4_096, 65_536), 4_096), valid(0));
    whole[1_500] ^= 1;
    assert_eq!(judge(&file(&whole, 4_096, 65_536), 4_096), torn(2_112));
}
