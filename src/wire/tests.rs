//! Requests read back, legal oddities, and bytes that are no request.

use proptest::prelude::*;
use prost::Message as _;
use proto::v1;

use super::*;

/// Bytes of a field: tag of number and wire type, then the value.
fn field(number: u64, wire_type: u64, value: &[u8]) -> Vec<u8> {
    let mut out = varint_bytes(number << 3 | wire_type);
    if wire_type == 2 {
        out.extend(varint_bytes(value.len() as u64));
    }
    out.extend_from_slice(value);
    out
}

fn varint_bytes(mut n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let byte = (n & 0x7f) as u8;
        n >>= 7;
        if n == 0 {
            out.push(byte);
            return out;
        }
        out.push(byte | 0x80);
    }
}

/// A `PostVoucherRequest` of one line of these bytes.
fn one_line(line: &[u8]) -> Vec<u8> {
    field(1, 2, &field(2, 2, line))
}

fn read_line(line: &[u8]) -> Voucher {
    post_voucher(&one_line(line)).unwrap().voucher
}

/// Any value of a field's shape, set on the line begun last.
fn fill(b: &mut VoucherBuilder, field: Field, seed: u64) {
    let text = format!("t{seed}");
    let narrow = i64::from(seed as u32);
    match field.shape() {
        Shape::Text => b.text(field, &text),
        Shape::Blob => b.blob(field, &seed.to_le_bytes()),
        Shape::Uint32 => b.int(field, narrow),
        Shape::Uint64 => b.wide(field, seed),
        Shape::Fen | Shape::Int64 => b.int(field, seed as i64),
        Shape::Bool => b.bool(field, seed & 1 == 1),
        Shape::TextList => b.push_text(field, &text).push_text(field, ""),
        Shape::Uint32List => b.push_int(field, narrow).push_int(field, 0),
        Shape::Uint64List => b.push_wide(field, seed).push_wide(field, 0),
        Shape::Rows => {
            b.begin_entry(field).cell("a", &text).cell("b", "x").begin_entry(field).cell("a", "y")
        }
        Shape::Member => members(b.begin_struct(field), field.shape(), seed),
        _ => {
            members(b.begin_entry(field), field.shape(), seed);
            members(b.begin_entry(field), field.shape(), !seed)
        }
    };
}

fn members(b: &mut VoucherBuilder, shape: Shape, seed: u64) -> &mut VoucherBuilder {
    for (i, (name, shape)) in shape.members().iter().enumerate() {
        let optional = *shape == Shape::Text || *shape == Shape::Blob || *shape == Shape::Bool;
        if optional && seed >> i & 1 == 1 {
            continue;
        }
        match shape {
            Shape::Text => b.member_text(name, &format!("m{seed}")),
            Shape::Blob => b.member_blob(name, &seed.to_le_bytes()),
            Shape::Uint32 => b.member_int(name, i64::from(seed as u32)),
            Shape::Bool => b.member_bool(name, seed & 1 == 1),
            Shape::Uint64 => b.member_wide(name, seed),
            _ => b.member_int(name, seed as i64),
        };
    }
    b
}

prop_compose! {
    fn any_voucher()(
        texts in prop::collection::vec("[ -~]{0,6}|[一-十]{0,3}", 9),
        count in prop::option::of(any::<u32>()),
        total in prop::option::of(any::<i64>()),
        lines in prop::collection::vec(
            (any::<u32>(), prop::collection::vec((0..Field::ALL.len(), any::<u64>()), 0..12)), 0..6),
    ) -> Voucher {
        let mut b = VoucherBuilder::new();
        for (field, text) in HeaderText::ALL.iter().zip(&texts) {
            b.header(*field, text);
        }
        b.line_count(count).total_fen(total).approval_signature(texts[0].as_bytes());
        for (line_no, fields) in &lines {
            b.begin_line(*line_no, "DisbursedToHousehold");
            let mut seen = Vec::new();
            for (at, seed) in fields {
                if !seen.contains(at) {
                    fill(&mut b, Field::ALL[*at], *seed);
                    seen.push(*at);
                }
            }
        }
        b.finish()
    }
}

#[test]
fn every_field_comes_back() {
    let mut b = VoucherBuilder::new();
    for (i, field) in Field::ALL.iter().enumerate() {
        b.begin_line(u32::try_from(i).unwrap(), "K");
        fill(&mut b, *field, 12_345_678_901 + i as u64);
    }
    let sent = b.finish();
    let bytes = v1::PostVoucherRequest {
        voucher: Some(voucher(&sent).unwrap()),
        validate_only: true,
        origin: "a/b".into(),
    }
    .encode_to_vec();
    let post = post_voucher(&bytes).unwrap();
    assert_eq!(post, Post { tag: 0, voucher: sent, validate_only: true, origin: "a/b".into() });
}

proptest! {
    #[test]
    fn a_voucher_comes_back_from_every_request(sent in any_voucher(), tag in any::<u64>()) {
        let message = voucher(&sent).unwrap();
        let origin = "ledger.example/x".to_owned();
        let request = v1::PostVouchersRequest {
            tag, voucher: Some(message.clone()), validate_only: true, origin: origin.clone(),
        };
        let post = post_vouchers(&request.encode_to_vec()).unwrap();
        prop_assert_eq!((post.tag, post.validate_only, post.origin), (tag, true, origin));
        prop_assert_eq!(&post.voucher, &sent);
        let request = v1::ApplyRequest { voucher: Some(message), ..Default::default() };
        prop_assert_eq!(&apply(&request.encode_to_vec()).unwrap().voucher, &sent);

        let mut parts = PostStream::new();
        for part in stream(&sent, true, "o").unwrap() {
            parts.push(&part.encode_to_vec()).unwrap();
        }
        let post = parts.finish().unwrap();
        prop_assert_eq!((&post.voucher, post.validate_only, post.origin.as_str()), (&sent, true, "o"));

        let request = reverse(&sent, false, "o").unwrap();
        let back = reverse_voucher(&request.encode_to_vec()).unwrap();
        prop_assert_eq!((&back.post.voucher, back.whole), (&sent, None));
    }

    /// Any bytes are answered; what is read means what any other protobuf reader reads.
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        agree(&bytes)?;
        agree(&one_line(&bytes))?;
        drop((post_vouchers(&bytes), reverse_voucher(&bytes), PostStream::new().push(&bytes)));
    }

    #[test]
    fn damaged_requests_are_answered(
        sent in any_voucher(), damage in prop::collection::vec((any::<u16>(), any::<u8>()), 1..4),
    ) {
        let request =
            v1::PostVoucherRequest { voucher: Some(voucher(&sent).unwrap()), ..Default::default() };
        let mut bytes = request.encode_to_vec();
        for (at, byte) in damage {
            let at = usize::from(at) % bytes.len().max(1);
            if let Some(slot) = bytes.get_mut(at) {
                *slot = byte;
            }
        }
        agree(&bytes)?;
    }
}

/// Holds our reading against a generated decoder's.
fn agree(bytes: &[u8]) -> Result<(), TestCaseError> {
    let theirs = v1::PostVoucherRequest::decode(bytes);
    match post_voucher(bytes) {
        Ok(ours) => {
            let mut theirs = theirs.unwrap();
            let lines = theirs.voucher.iter_mut().flat_map(|v| &mut v.lines);
            for row in lines.flat_map(|line| &mut line.rows) {
                row.cells.retain(|cell| !cell.value.is_empty());
            }
            let mut message = voucher(&ours.voucher).unwrap();
            if message.header == Some(v1::Header::default()) {
                message.header = theirs.voucher.as_ref().and_then(|v| v.header.clone());
            }
            prop_assert_eq!(message, theirs.voucher.unwrap_or_default());
            prop_assert_eq!(
                (ours.validate_only, ours.origin),
                (theirs.validate_only, theirs.origin)
            );
        }
        Err(Fault::Malformed { offset, what }) => {
            prop_assert!(offset <= bytes.len());
            let stricter = what.ends_with("32 bits") || what.contains("wire type");
            prop_assert!(theirs.is_err() || stricter, "{what}");
        }
        Err(Fault::NotUtf8 { offset, .. }) => prop_assert!(offset < bytes.len() && theirs.is_err()),
        Err(Fault::UnknownField { number, .. }) => prop_assert!(number > 0),
        Err(other) => prop_assert!(false, "{other:?}"),
    }
    Ok(())
}

#[test]
fn legal_oddities_are_read() {
    // The last of several values counts; a long varint is a number; fields come in any order.
    let mut line = field(3, 2, b"Q1");
    line.extend(field(21, 0, &[0x85, 0x80, 0x80, 0x00]));
    line.extend(field(3, 2, b"Q2"));
    line.extend(field(2, 2, b"K"));
    line.extend(field(1, 0, &[7]));
    let v = read_line(&line);
    let read = v.line(0).unwrap();
    assert_eq!((read.line_no(), read.kind_name()), (7, "K"));
    assert_eq!((read.text(Field::Quota), read.int(Field::Amount)), ("Q2", Some(5)));
    assert!(
        !read_line(&[field(3, 2, b"Q1"), field(3, 2, b"")].concat())
            .line(0)
            .unwrap()
            .has(Field::Quota)
    );

    // Packed and unpacked numbers are one list, also in turns with another.
    let mixed = [field(112, 0, &[1]), field(133, 0, &[9]), field(112, 2, &[2, 3])].concat();
    let v = read_line(&mixed);
    let years: Vec<_> =
        v.line(0).unwrap().list(Field::Years).iter().map(ledger::voucher::Value::int).collect();
    assert_eq!(years, [Some(1), Some(2), Some(3)]);

    // A message that comes twice is merged; lists and the voucher too.
    let member = [field(54, 2, &field(1, 0, &[1])), field(54, 2, &field(4, 2, b"f"))].concat();
    let v = read_line(&member);
    let member = v.line(0).unwrap().structure(Field::Member).unwrap();
    assert_eq!((member.int("no"), member.text("sex")), (Some(1), "f"));
    let twice = [one_line(b""), one_line(b"")].concat();
    assert_eq!(post_voucher(&twice).unwrap().voucher.len(), 2);

    // Of a `oneof` the last member counts.
    let whole = field(2, 2, &field(1, 2, b"FB44"));
    let lines = field(3, 2, &field(1, 2, &field(1, 0, &[1])));
    let read = reverse_voucher(&[&whole[..], &lines].concat()).unwrap();
    assert_eq!((read.whole, read.post.voucher.len()), (None, 1));
    let read = reverse_voucher(&[&lines[..], &whole].concat()).unwrap();
    assert_eq!((read.whole.unwrap().organisation.as_str(), read.post.voucher.len()), ("FB44", 0));
}

#[test]
fn what_does_not_belong_is_named() {
    let check = |bytes: &[u8], code: u16, message: &str| {
        let reject = post_voucher(bytes).unwrap_err().reject();
        let refusal = &reject.refusals[0];
        assert_eq!((refusal.reason.code(), refusal.reason.to_string().as_str()), (code, message));
    };
    check(
        &one_line(&field(151, 0, &[1])),
        1016,
        "field 151 of Line is unknown; did you mean a field of the published Line?",
    );
    check(
        &field(4, 0, &[1]),
        1016,
        "field 4 of PostVoucherRequest is unknown; did you mean a field of the published PostVoucherRequest?",
    );
    check(
        &one_line(&field(54, 2, &field(9, 0, &[1]))),
        1016,
        "field 9 of Member is unknown; did you mean a field of the published Member?",
    );
    check(
        &[0x0a, 0x05],
        1034,
        "message is malformed at byte 1: a length of 5 bytes passes the end",
    );
    check(
        &[0x08, 0x01],
        1034,
        "message is malformed at byte 0: field 1 of PostVoucherRequest has wire type 0, not 2",
    );
    check(&[0x07], 1034, "message is malformed at byte 0: 7 is no tag");
    check(&[0x00], 1034, "message is malformed at byte 0: 0 is no tag");
    check(&[0x80], 1034, "message is malformed at byte 1: the message ends inside a number");
    check(&[0xff; 11], 1034, "message is malformed at byte 0: a number is longer than 64 bits");
    check(
        &one_line(&field(23, 0, &varint_bytes(1 << 32))),
        1034,
        "message is malformed at byte 6: 4294967296 is longer than 32 bits",
    );
    check(&one_line(&field(32, 2, b"ab\xff")), 1035, "memo is not UTF-8 at byte 9");
    assert_eq!(
        post_voucher(&one_line(&field(32, 2, b"\xff"))),
        Err(Fault::NotUtf8 { field: "memo", offset: 7, line: 1 })
    );
}

#[test]
fn sizes_are_held_to_the_byte() {
    let request = |len: usize| {
        let mut bytes = field(3, 2, &[]);
        // The origin's length takes four bytes at this size.
        let text = vec![b'x'; len - bytes.len() - 5];
        bytes.extend(field(3, 2, &text));
        assert_eq!(bytes.len(), len);
        bytes
    };
    assert!(post_voucher(&request(MESSAGE_BYTES_MAX)).is_ok());
    let found = MESSAGE_BYTES_MAX + 1;
    let fault = post_voucher(&request(found)).unwrap_err();
    assert_eq!(fault, Fault::MessageTooLarge { found });
    assert_eq!(fault.reject().refusals[0].reason.code(), 6002);
    assert!(reverse_voucher(&vec![0; found]).is_err_and(|f| f == Fault::MessageTooLarge { found }));
}

#[test]
fn lines_beyond_the_most_are_counted_and_not_kept() {
    let most = usize::try_from(VOUCHER_LINES_MAX).unwrap();
    let line = field(2, 2, &[field(1, 0, &[1]), field(2, 2, b"K")].concat());
    let bytes = field(1, 2, &line.repeat(most + 3));
    let v = post_voucher(&bytes).unwrap().voucher;
    assert_eq!((v.len(), v.dropped_lines()), (most, 3));
    let reject = ledger::form::check(&v).unwrap_err();
    assert_eq!(reject.refusals[0].reason.to_string(), "20003, at most 20000");
    // A fault behind them is found all the same.
    let bytes = field(1, 2, &[line.repeat(most + 3), field(3, 0, &[1])].concat());
    assert!(matches!(post_voucher(&bytes), Err(Fault::UnknownField { number: 3, .. })));
}

#[test]
fn a_stream_is_a_head_and_chunks() {
    let head = field(1, 2, &field(1, 2, &field(1, 2, b"FB44")));
    let chunk = field(2, 2, &field(1, 2, &field(1, 0, &[1])));
    let what = |parts: &[&[u8]]| {
        let mut stream = PostStream::new();
        for part in parts {
            if let Err(Fault::Malformed { what, .. }) = stream.push(part) {
                return what;
            }
        }
        match stream.finish() {
            Ok(post) => format!("{} lines of {}", post.voucher.len(), post.voucher.organisation()),
            Err(Fault::Malformed { what, .. }) => what,
            Err(other) => format!("{other:?}"),
        }
    };
    assert_eq!(what(&[]), "a stream without a first message");
    assert_eq!(what(&[&head]), "0 lines of FB44");
    assert_eq!(what(&[&head, &chunk, &chunk]), "2 lines of FB44");
    assert_eq!(what(&[&chunk]), "the first message is no head");
    assert_eq!(what(&[&head, &head]), "a second head");
    assert_eq!(what(&[&head, b""]), "neither head nor chunk");
    assert_eq!(what(&[&[&chunk[..], &head].concat()]), "0 lines of FB44");

    let mut stream = PostStream::new();
    stream.push(&head).unwrap();
    let big = field(2, 2, &field(1, 2, &field(32, 2, &vec![b'x'; MESSAGE_BYTES_MAX - 20])));
    let pushed = std::iter::repeat_with(|| stream.push(&big)).position(|r| r.is_err());
    assert_eq!(pushed, Some(4));
}
