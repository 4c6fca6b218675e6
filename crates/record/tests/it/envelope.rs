//! Every canonical rule of a record: at its limit, and one past it.

use record::{Book, PathError, Record, RecordError, china_date};

use crate::raw::{DATE, NOON_MS, Raw, legs};

fn ok(change: impl FnOnce(&mut Raw)) {
    let mut raw = Raw::default();
    change(&mut raw);
    let bytes = raw.bytes();
    let record = Record::parse(&bytes).unwrap();
    assert_eq!(record.bytes(), bytes);
    let found: Vec<(i64, Vec<u8>)> =
        record.legs().map(|leg| (leg.fen, leg.path.as_bytes().to_vec())).collect();
    assert_eq!(found, raw.legs);
    assert_eq!(record.payload(), raw.payload);
    assert_eq!((record.part(), record.parts()), (raw.part, raw.parts));
}

fn no(expected: RecordError, change: impl FnOnce(&mut Raw)) {
    let mut raw = Raw::default();
    change(&mut raw);
    assert_eq!(Record::parse(&raw.bytes()), Err(expected));
}

/// A balanced set of `count` legs, ascending.
fn many(count: usize) -> Vec<(i64, Vec<u8>)> {
    (0..count).map(|i| (if i == 0 { count as i64 - 1 } else { -1 }, path(i))).collect()
}

fn path(i: usize) -> Vec<u8> {
    format!("C.hh.{i:03}").into_bytes()
}

#[test]
fn lengths_agree_three_ways() {
    let bytes = Raw::default().bytes();
    for needed in [0, 1, 2, 79] {
        let short = RecordError::Short { needed: 80, found: needed };
        assert_eq!(Record::parse(&bytes[..needed]), Err(short));
    }
    let cut = &bytes[..bytes.len() - 1];
    let short = RecordError::Short { needed: bytes.len(), found: cut.len() };
    assert_eq!(Record::parse(cut), Err(short));
    let more = [&bytes[..], &[0]].concat();
    let trailing = RecordError::Trailing { needed: bytes.len(), extra: 1 };
    assert_eq!(Record::parse(&more), Err(trailing));
    let (first, rest) = Record::split_first(&more).unwrap();
    assert_eq!((first.bytes(), rest), (&bytes[..], &[0][..]));

    let legs_len = 9 + 6 + 9 + 10;
    let needed = 80 + legs_len;
    no(RecordError::Length { needed, found: needed - 1 }, |r| r.len = Some(needed as u16 - 1));
    no(RecordError::Length { needed, found: 0 }, |r| r.len = Some(0));
    let differs = |found| RecordError::LegsLenDiffers { found, used: legs_len };
    no(differs(legs_len + 1), |r| r.legs_len = Some(legs_len as u16 + 1));
    no(RecordError::LegCut { offset: 80 + 15, leg: 1 }, |r| r.legs_len = Some(33));
    no(RecordError::LegCut { offset: 80 + 15, leg: 1 }, |r| r.legs_len = Some(15));
    no(differs(legs_len + 4), |r| {
        // The same bytes, four of them counted as legs.
        r.legs_len = Some(legs_len as u16 + 4);
    });
    ok(|r| r.payload = vec![0; 65_535 - 80 - legs_len]);
    no(RecordError::LegsLenTooLarge { found: 4_673 }, |r| {
        r.legs_len = Some(4_673);
        r.payload = vec![0; 5_000];
    });
}

#[test]
fn a_newer_version_is_never_called_damaged() {
    for version in [0, 2, 255] {
        let newer = || RecordError::NewerVersion(version);
        no(newer(), |r| r.version = version);
        no(newer(), |r| (r.version, r.len, r.parts) = (version, Some(3), 0));
        assert_eq!(Record::parse(&[0, 0, version]), Err(newer()));
    }
}

#[test]
fn number_of_legs() {
    ok(|r| r.legs = Vec::new());
    ok(|r| r.legs = many(2));
    ok(|r| r.legs = many(64));
    no(RecordError::LegCount { found: 1 }, |r| r.legs = many(1));
    no(RecordError::LegCount { found: 65 }, |r| r.legs = many(65));
    no(RecordError::LegCount { found: 255 }, |r| r.legs_count = Some(255));
    no(RecordError::LegCut { offset: 80 + 34, leg: 2 }, |r| r.legs_count = Some(3));
    no(RecordError::LegsLenDiffers { found: 34, used: 0 }, |r| r.legs_count = Some(0));
    let mut widest = many(64);
    for (_, path) in &mut widest {
        path.resize(64, b'0');
    }
    ok(|r| r.legs = widest);
}

#[test]
fn kinds() {
    for kind in [100, 330, 65_535] {
        ok(|r| r.kind = kind);
    }
    for found in [0, 16, 99] {
        no(RecordError::Kind { found }, |r| r.kind = found);
    }
    for kind in 2..=15 {
        let alone = move |r: &mut Raw| (r.kind, r.legs) = (kind, Vec::new());
        ok(alone);
        no(RecordError::SystemLegs { kind, found: 2 }, |r| r.kind = kind);
        no(RecordError::SystemGroup { kind, parts: 2 }, |r| {
            alone(r);
            r.parts = 2;
        });
    }
    no(RecordError::GenesisElsewhere { kind: 1, seq: 7 }, |r| (r.kind, r.legs) = (1, Vec::new()));
    assert!(Record::parse(&Raw::genesis().bytes()).is_ok());
}

#[test]
fn place_and_time() {
    ok(|r| r.seq = u64::MAX - 1);
    no(RecordError::SeqOutOfRange { found: u64::MAX }, |r| r.seq = u64::MAX);
    no(RecordError::PrevNotZero, |r| (r.seq, r.prev[31]) = (0, 1));
    ok(|r| r.time_ms = (1 << 53) - 1);
    no(RecordError::TimeOutOfRange { found: 1 << 53 }, |r| r.time_ms = 1 << 53);
    ok(|r| (r.part, r.parts) = (65_534, 65_535));
    no(RecordError::PartOutOfRange { part: 0, parts: 0 }, |r| r.parts = 0);
    no(RecordError::PartOutOfRange { part: 1, parts: 1 }, |r| r.part = 1);
    no(RecordError::PartOutOfRange { part: 65_535, parts: 65_535 }, |r| {
        (r.part, r.parts) = (65_535, 65_535);
    });
    ok(|r| r.date = 0);
    no(RecordError::DateAfterTime { found: DATE + 1, max: DATE }, |r| r.date = DATE + 1);
    // The last millisecond of the day before, in China.
    let before = NOON_MS - 12 * 3_600_000 - 1;
    no(RecordError::DateAfterTime { found: DATE, max: DATE - 1 }, |r| r.time_ms = before);
    ok(|r| r.time_ms = before + 1);
}

#[test]
fn dates_are_china_dates() {
    assert_eq!(china_date(0), 0);
    assert_eq!(china_date(57_599_999), 0);
    assert_eq!(china_date(57_600_000), 1);
    assert_eq!(china_date(NOON_MS), DATE);
    assert_eq!(china_date(u64::MAX), u32::MAX);
}

#[test]
fn fen() {
    const MAX: i64 = (1 << 53) - 1;
    ok(|r| r.legs = legs(&[("C.a", MAX), ("C.b", -MAX)]));
    ok(|r| r.legs = legs(&[("C.a", MAX), ("C.b", MAX), ("C.c", -MAX), ("C.d", -MAX)]));
    let leg = |offset, leg, found| RecordError::FenTooLarge { offset, leg, found };
    no(leg(80, 0, MAX + 1), |r| r.legs = legs(&[("C.a", MAX + 1), ("C.b", -MAX - 1)]));
    no(leg(92, 1, -MAX - 1), |r| r.legs = legs(&[("C.a", 1), ("C.b", -MAX - 1)]));
    no(leg(80, 0, i64::MIN), |r| r.legs = legs(&[("C.a", i64::MIN), ("C.b", 1)]));
    no(RecordError::FenZero { offset: 80, leg: 0 }, |r| r.legs = legs(&[("C.a", 0), ("C.b", 0)]));
}

#[test]
fn paths() {
    let check = |path: &[u8], expected: Option<PathError>| {
        let legs = vec![(1, path.to_vec()), (-1, b"I.zz".to_vec())];
        let mut raw = Raw { legs, ..Raw::default() };
        // The second leg's book balances the first one's unless the path is refused before.
        if let Some(what) = expected {
            let expected = RecordError::Path { offset: 89, leg: 0, what };
            assert_eq!(Record::parse(&raw.bytes()), Err(expected), "{path:?}");
            return;
        }
        let mut above = path.to_vec();
        above.resize(64, b'z');
        if above == path {
            above[63] = b'z';
        }
        raw.legs[1].1 = above;
        assert!(Record::parse(&raw.bytes()).is_ok(), "{path:?}");
    };
    for good in [&b"Q.x"[..], b"C.hh.44142490120100013", b"B.a-b_c.Z9", b"I..", &longest(64)] {
        check(good, None);
    }
    check(b"", Some(PathError::Length { found: 0 }));
    check(b"C", Some(PathError::Length { found: 1 }));
    check(b"C.", Some(PathError::Length { found: 2 }));
    check(&longest(65), Some(PathError::Length { found: 65 }));
    for book in *b"ADcq.\0\xff" {
        check(&[book, b'.', b'x'], Some(PathError::Book { found: book }));
    }
    check(b"CC.x", Some(PathError::Byte { at: 1, found: b'C' }));
    let allowed = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-";
    for byte in (0..=255).filter(|byte| !allowed.contains(byte)) {
        check(&[b'C', b'.', b'h', byte], Some(PathError::Byte { at: 3, found: byte }));
    }
    for byte in *allowed {
        check(&[b'C', b'.', byte], None);
    }
}

fn longest(len: usize) -> Vec<u8> {
    let mut path = b"C.hold.".to_vec();
    path.resize(len, b'0');
    path
}

#[test]
fn order_of_legs() {
    let unsorted = RecordError::PathsUnsorted { offset: 80 + 12 + 9, leg: 1 };
    no(unsorted, |r| r.legs = legs(&[("C.b", 1), ("C.a", -1)]));
    let twice = RecordError::PathTwice { offset: 80 + 12 + 9, leg: 1 };
    no(twice, |r| r.legs = legs(&[("C.a", 1), ("C.a", -1)]));
    // By bytes: capitals before small letters, a prefix before what is longer.
    ok(|r| r.legs = legs(&[("C.Z", 1), ("C.a", 1), ("C.aa", -2)]));
}

#[test]
fn books_balance_each_by_itself() {
    let off = |book, sum| RecordError::Unbalanced { book, sum };
    no(off(Book::Cash, 1), |r| r.legs = legs(&[("C.a", 2), ("C.b", -1)]));
    no(off(Book::Quota, -5), |r| r.legs = legs(&[("C.a", 5), ("Q.a", -5)]));
    no(off(Book::Benefit, 1), |r| r.legs = legs(&[("B.a", 1), ("I.a", -1)]));
    no(off(Book::Income, 1), |r| r.legs = legs(&[("C.a", 1), ("C.b", -1), ("I.a", 1)]));
    ok(|r| {
        r.legs = legs(&[
            ("B.a", 1),
            ("B.b", -1),
            ("C.a", 2),
            ("C.b", -2),
            ("I.a", 3),
            ("I.b", -3),
            ("Q.a", 4),
            ("Q.b", -4),
        ]);
    });
    // 64 legs of 2^53 leave i64: the sum is taken in 128 bits.
    let mut raw = Raw { legs: many(64), ..Raw::default() };
    raw.legs.iter_mut().for_each(|(fen, _)| *fen = (1 << 53) - 1);
    let sum = 64 * ((1_i128 << 53) - 1);
    assert_eq!(Record::parse(&raw.bytes()), Err(off(Book::Cash, sum)));
}

#[test]
fn messages_name_offset_expectation_and_finding() {
    let check = |error: RecordError, text: &str| assert_eq!(error.to_string(), text);
    check(
        RecordError::Length { needed: 114, found: 113 },
        "offset 0, len: 113, envelope and legs alone are 114",
    );
    check(
        RecordError::Path { offset: 89, leg: 0, what: PathError::Byte { at: 1, found: b'C' } },
        "offset 89: leg 0: byte 0x43 at 1 of the path, `.` expected",
    );
    check(
        RecordError::Unbalanced { book: Book::Cash, sum: -5 },
        "offset 80: legs of book C sum to -5 fen, 0 expected",
    );
    check(
        RecordError::NewerVersion(2),
        "record version 2 was written by a newer version, this one reads 1",
    );
}
