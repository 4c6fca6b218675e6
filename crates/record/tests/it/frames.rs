//! Headers byte for byte, and every field of them refused when it is wrong.

use record::{
    Block, BlockBuilder, BlockHeader, ChainError, Draft, FrameError, RecordError, SegmentHeader,
    Seq,
};

use crate::raw::{DATE, NOON_MS, Raw};

fn block_header() -> BlockHeader {
    BlockHeader {
        first_seq: Seq(0x0102_0304_0506_0708),
        count: 0xfffe,
        body_len: 0x0012_3456,
        epoch: 0x1112_1314_1516_1718,
        prev_head: [0xaa; 32],
        head: [0xbb; 32],
        body_crc: 0x2122_2324,
    }
}

/// The header of `block_header`, from the table of the format's description.
fn block_header_bytes() -> Vec<u8> {
    let mut covered = Vec::new();
    covered.extend([8, 7, 6, 5, 4, 3, 2, 1]);
    covered.extend([0xfe, 0xff, 0, 0]);
    covered.extend([0x56, 0x34, 0x12, 0]);
    covered.extend([0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11]);
    covered.extend([0xaa; 32]);
    covered.extend([0xbb; 32]);
    covered.extend([0x24, 0x23, 0x22, 0x21]);
    covered.extend([0; 12]);
    sealed(b"MZB1", &covered)
}

fn sealed(magic: &[u8], covered: &[u8]) -> Vec<u8> {
    let crc = crc32c::crc32c(covered).to_le_bytes();
    [magic, &crc, covered].concat()
}

/// The same header with one of its covered bytes changed and the checksum made good.
fn changed(magic: &[u8], bytes: &[u8], at: usize, to: &[u8]) -> Vec<u8> {
    let mut covered = bytes[magic.len() + 4..].to_vec();
    let at = at - magic.len() - 4;
    covered[at..at + to.len()].copy_from_slice(to);
    sealed(magic, &covered)
}

#[test]
fn block_headers() {
    let bytes = block_header_bytes();
    assert_eq!(bytes.len(), 112);
    assert_eq!(block_header().encode().to_vec(), bytes);
    assert_eq!(BlockHeader::decode(&[&bytes[..], b"more"].concat()), Ok(block_header()));
    assert_eq!(block_header().frame_bytes(), (112 + 0x12_3456_usize).next_multiple_of(8));
    assert_eq!(block_header().last_seq(), Seq(0x0102_0304_0506_0708 + 0xfffd));

    let no = |bytes: &[u8], expected| assert_eq!(BlockHeader::decode(bytes), Err(expected));
    no(&bytes[..111], FrameError::Short { what: "block header", needed: 112, found: 111 });
    no(&[0; 112], FrameError::Magic { what: "block" });
    for at in 0..4 {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x03;
        no(&damaged, FrameError::Magic { what: "block" });
    }
    for at in 4..112 {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        let error = BlockHeader::decode(&damaged).unwrap_err();
        assert!(matches!(error, FrameError::Checksum { offset: 4, .. }), "{at}: {error}");
    }
    let no = |at, to: &[u8], expected| {
        assert_eq!(BlockHeader::decode(&changed(b"MZB1", &bytes, at, to)), Err(expected));
    };
    let range = |field, offset, found, allowed| FrameError::Range { field, offset, found, allowed };
    no(16, &[0, 0, 0, 0], range("count", 16, 0, "1 to 65,535"));
    no(16, &[0, 0, 1, 0], range("count", 16, 65_536, "1 to 65,535"));
    let past = (16 << 20) + 1;
    no(20, &[1, 0, 0, 1], range("body_len", 20, past, "at most 16,777,216"));
    no(111, &[1], FrameError::NotZero { what: "reserved space", offset: 100 });
    assert!(BlockHeader::decode(&changed(b"MZB1", &bytes, 20, &[0, 0, 0, 1])).is_ok());
}

#[test]
fn segment_headers() {
    let header = SegmentHeader {
        file_size: 64 << 20,
        first_seq: Seq(0x0102_0304_0506_0708),
        number: 3,
        prev: [0xaa; 32],
        log_id: [0xbb; 32],
        epoch: 0x1112_1314_1516_1718,
    };
    let mut covered = Vec::new();
    covered.extend([0, 0, 0, 4]);
    covered.extend([8, 7, 6, 5, 4, 3, 2, 1]);
    covered.extend([3, 0, 0, 0, 0, 0, 0, 0]);
    covered.extend([0xaa; 32]);
    covered.extend([0xbb; 32]);
    covered.extend([0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11]);
    covered.resize(4_096 - 12, 0);
    let magic = b"MZSEG\0\0\x01";
    let bytes = sealed(magic, &covered);
    assert_eq!(header.encode().to_vec(), bytes);
    assert_eq!(SegmentHeader::decode(&bytes), Ok(header));

    let no = |bytes: &[u8], expected| assert_eq!(SegmentHeader::decode(bytes), Err(expected));
    let short = FrameError::Short { what: "segment header", needed: 4_096, found: 4_095 };
    no(&bytes[..4_095], short);
    no(&[0; 4_096], FrameError::Magic { what: "segment" });
    let newer = [b"MZSEG\0\0\x02", &bytes[8..]].concat();
    no(&newer, FrameError::NewerVersion { what: "segment", version: 2 });
    assert_eq!(SegmentHeader::decode(&newer).unwrap_err().newer_version(), Some(2));
    for at in [8, 11, 12, 103, 104, 4_095] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        let error = SegmentHeader::decode(&damaged).unwrap_err();
        assert!(matches!(error, FrameError::Checksum { offset: 8, .. }), "{at}: {error}");
    }
    let reserved = FrameError::NotZero { what: "reserved space", offset: 104 };
    no(&changed(magic, &bytes, 104, &[1]), reserved.clone());
    no(&changed(magic, &bytes, 4_095, &[1]), reserved);
}

/// A frame around these bytes whose checksums are right.
fn framed(header: BlockHeader, body: &[u8]) -> Vec<u8> {
    let body_len = u32::try_from(body.len()).unwrap();
    let header = BlockHeader { body_len, body_crc: crc32c::crc32c(body), ..header };
    let mut frame = [&header.encode()[..], body].concat();
    frame.resize(frame.len().next_multiple_of(8), 0);
    frame
}

/// A block of two groups behind a genesis, and its parts.
fn block() -> Block {
    let mut builder = BlockBuilder::start(4, Seq(1), [6; 32], [0; 32]);
    let mut draft = Draft::new();
    for payload in [&b"one"[..], b"two"] {
        draft.clear();
        draft.push(330, DATE, &[("C.a", 1), ("C.b", -1)], payload).unwrap();
        builder.append(&draft, NOON_MS);
    }
    builder.finish()
}

#[test]
fn frames_are_exact() {
    let block = block();
    let frame = block.frame().to_vec();
    let no = |bytes: Vec<u8>, expected| assert_eq!(Block::from_frame(bytes), Err(expected));
    let (body_end, end) = (112 + block.body().len(), frame.len());
    assert!(body_end < end);
    let short = FrameError::Short { what: "block", needed: end, found: end - 1 };
    no(frame[..end - 1].to_vec(), short);
    let extra = [&frame[..], &[0; 8]].concat();
    no(extra, FrameError::Trailing { offset: end, extra: 8 });
    let mut padded = frame.clone();
    padded[end - 1] = 1;
    no(padded, FrameError::NotZero { what: "padding", offset: body_end });
    let mut damaged = frame;
    damaged[112] ^= 1;
    let error = Block::from_frame(damaged).unwrap_err();
    assert!(matches!(error, FrameError::Checksum { what: "block body", offset: 96, .. }));
}

#[test]
fn headers_that_disagree_with_their_records() {
    let block = block();
    let (header, body) = (*block.header(), block.body());
    assert_eq!(Block::from_frame(framed(header, body)), Ok(block.clone()));
    let no = |header, body: &[u8], expected| {
        let frame = framed(header, body);
        assert_eq!(Block::from_frame(frame.clone()), Err(expected));
        // A trusted frame is not looked into.
        assert!(Block::from_trusted_frame(frame).is_ok());
    };
    let count = |found| FrameError::Count { expected: 2, found };
    no(BlockHeader { count: 3, ..header }, body, count(3));
    no(BlockHeader { count: 1, ..header }, body, count(1));
    let head = FrameError::Head { expected: header.head, found: [0; 32] };
    no(BlockHeader { head: [0; 32], ..header }, body, head);
    let source = ChainError::Seq { expected: Seq(2), found: Seq(1) };
    let moved = FrameError::Chain { offset: 112, source };
    no(BlockHeader { first_seq: Seq(2), ..header }, body, moved);
    let prev_head = [1; 32];
    let source = ChainError::Prev { seq: Seq(1), expected: prev_head, found: [6; 32] };
    no(BlockHeader { prev_head, ..header }, body, FrameError::Chain { offset: 112, source });

    let offset = 112 + body.len();
    let source = RecordError::Short { needed: 80, found: 2 };
    let more = [body, &[9, 9]].concat();
    no(header, &more, FrameError::Record { offset, seq: Seq(3), source });
    let mut newer = body.to_vec();
    newer[2] = 2;
    let source = RecordError::NewerVersion(2);
    let error = FrameError::Record { offset: 112, seq: Seq(1), source };
    assert_eq!(error.newer_version(), Some(2));
    no(header, &newer, error);
}

#[test]
fn genesis_and_seal_have_their_own_block() {
    let block = block();
    let mut seal = Raw::after(block.records().last().unwrap().bytes());
    (seal.kind, seal.legs) = (2, Vec::new());
    let bytes = seal.bytes();
    let header = BlockHeader { count: 3, head: record::chain_hash(&bytes), ..*block.header() };
    let frame = framed(header, &[block.body(), &bytes].concat());
    let expected = FrameError::NotAlone { seq: Seq(3), kind: 2 };
    assert_eq!(Block::from_frame(frame), Err(expected));
    let (first_seq, prev_head) = (Seq(3), block.head());
    let header = BlockHeader { first_seq, count: 1, prev_head, ..header };
    assert!(Block::from_frame(framed(header, &bytes)).is_ok());
}

#[test]
fn a_header_that_disagrees_did_not_say_by_how_much() {
    let check = |error: FrameError, text: &str| assert_eq!(error.to_string(), text);
    check(
        FrameError::Count { expected: 2, found: 3 },
        "offset 16, count: the block header says 3, there are 2 records",
    );
    let (zeros, abs) = ("00".repeat(32), "ab".repeat(32));
    let head = FrameError::Head { expected: [0xab; 32], found: [0; 32] };
    let says = "offset 64, head: the block header says";
    check(head, &format!("{says} {zeros}, the last record hashes to {abs}"));
    check(
        FrameError::TornGroup { seq: Seq(2), part: 1, parts: 3 },
        "record 2, the block's last, is part 1 (from 0) of 3: its group is torn",
    );
}
