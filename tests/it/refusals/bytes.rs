//! Bytes that are no voucher, and more of them than a message or a stream may hold.

use ::bytes::Bytes;
use http::uri::PathAndQuery;
use prost::Message as _;
use proto::v1;
use tonic::client::Grpc;
use tonic::{Request, Status};

use super::*;
use crate::server::{Server, post};
use crate::wire::FIELD_999;

/// Sends raw bytes to a method, as a client with other messages would.
async fn raw(server: &Server, method: &str, bytes: Vec<u8>) -> Result<Bytes, Status> {
    let mut grpc = Grpc::new(server.channel().await)
        .max_encoding_message_size(64 << 20)
        .max_decoding_message_size(64 << 20);
    grpc.ready().await.unwrap();
    let path: PathAndQuery = format!("/mingzhang.v1.{method}").parse().unwrap();
    let codec = mingzhang::services::codec::BytesCodec;
    let response = grpc.unary(Request::new(Bytes::from(bytes)), path, codec).await?;
    Ok(response.into_inner())
}

/// A message with field 999 within the message that a path of field numbers leads to; of a repeated field the
/// last one.
fn unknown_within(bytes: &[u8], path: &[u8]) -> Vec<u8> {
    let Some((first, rest)) = path.split_first() else {
        return [bytes, &FIELD_999].concat();
    };
    let (mut at, mut found) = (0, None);
    while at < bytes.len() {
        let start = at;
        let mut cursor = &bytes[at..];
        let (tag, wire) = prost::encoding::decode_key(&mut cursor).unwrap();
        let key = bytes.len() - cursor.len();
        let skip = prost::encoding::DecodeContext::default();
        prost::encoding::skip_field(wire, tag, &mut cursor, skip).unwrap();
        at = bytes.len() - cursor.len();
        if tag == u32::from(*first) {
            found = Some((start, key, at));
        }
    }
    let (start, key, end) = found.unwrap();
    let mut content = &bytes[key..end];
    let len = prost::encoding::decode_varint(&mut content).unwrap();
    assert_eq!(len, content.len() as u64);
    let inner = unknown_within(content, rest);
    let mut out = [&bytes[..start], &bytes[start..key]].concat();
    prost::encoding::encode_varint(inner.len() as u64, &mut out);
    out.extend_from_slice(&inner);
    out.extend_from_slice(&bytes[end..]);
    out
}

/// Bytes that are no voucher.
struct Raw {
    name: &'static str,
    /// Made of the bytes of a request that would be posted.
    change: fn(&[u8]) -> Vec<u8>,
    code: &'static str,
    place: &'static str,
    message: &'static str,
}

const RAW: &[Raw] = &[
    Raw {
        name: "an unknown field of the request",
        change: |b| unknown_within(b, &[]),
        code: "MZ-1016",
        place: "header.999",
        message: "field 999 of PostVoucherRequest is unknown; did you mean a field of the published \
            PostVoucherRequest?",
    },
    Raw {
        name: "an unknown field of the voucher",
        change: |b| unknown_within(b, &[1]),
        code: "MZ-1016",
        place: "header.999",
        message: "field 999 of Voucher is unknown; did you mean a field of the published Voucher?",
    },
    Raw {
        name: "an unknown field of the header",
        change: |b| unknown_within(b, &[1, 1]),
        code: "MZ-1016",
        place: "header.999",
        message: "field 999 of Header is unknown; did you mean a field of the published Header?",
    },
    Raw {
        name: "an unknown field of a line",
        change: |b| unknown_within(b, &[1, 2]),
        code: "MZ-1016",
        place: "lines[1].999",
        message: "field 999 of Line is unknown; did you mean a field of the published Line?",
    },
    Raw {
        name: "an unknown field of a member",
        change: |b| unknown_within(b, &[1, 2, 53]),
        code: "MZ-1016",
        place: "lines[1].999",
        message: "field 999 of Member is unknown; did you mean a field of the published Member?",
    },
    Raw {
        name: "a message that was cut",
        change: |b| b[..b.len() - 3].to_vec(),
        code: "MZ-1034",
        place: "header",
        message: "message is malformed at byte 1: a length of 185 bytes passes the end",
    },
    Raw {
        name: "a number without end",
        change: |b| [b, &[0x10; 1][..], &[0xff; 11][..]].concat(),
        code: "MZ-1034",
        place: "header",
        message: "message is malformed at byte 189: a number is longer than 64 bits",
    },
    Raw {
        name: "a field of another wire type",
        change: |b| [b, &[0x12, 0x01, 0x00][..]].concat(),
        code: "MZ-1034",
        place: "header",
        message: "message is malformed at byte 188: field 2 of PostVoucherRequest has wire \
            type 2, not 0",
    },
    Raw {
        name: "a group",
        change: |b| [b, &[0x0b, 0x0c][..]].concat(),
        code: "MZ-1034",
        place: "header",
        message: "message is malformed at byte 188: field 1 of PostVoucherRequest has wire \
            type 3, not 2",
    },
    Raw {
        name: "a text that is not UTF-8",
        change: |b| [b, &[0x1a, 0x02, 0xff, 0xfe][..]].concat(),
        code: "MZ-1035",
        place: "header.origin",
        message: "origin is not UTF-8 at byte 190",
    },
    Raw {
        name: "no voucher",
        change: |_| Vec::new(),
        code: "MZ-1018",
        place: "header.organisation",
        message: "organisation is required for the header",
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_voucher_are_refused_by_what_is_wrong_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let (server, _, mut admin) = served(dir.path()).await;
    let (before, mut wrong) = (ledger(&mut admin).await, Wrong::default());
    let good = post(registration()).encode_to_vec();
    for case in RAW {
        let bytes = (case.change)(&good);
        let found = told(&raw(&server, "Posting/PostVoucher", bytes.clone()).await.unwrap_err());
        wrong.hold(case.name, &found, (case.code, case.place, case.message));
        let applied = told(&raw(&server, "Registry/Apply", bytes).await.unwrap_err());
        assert_eq!((applied.code, applied.place), (found.code, found.place), "{}", case.name);
        assert_eq!(ledger(&mut admin).await, before, "{}", case.name);
    }
    wrong.none();
    raw(&server, "Posting/PostVoucher", good).await.unwrap();
    server.stop().await;
}

/// A request of so many bytes: its voucher has a long memo.
fn sized(bytes: usize) -> v1::PostVoucherRequest {
    let with = |memo: usize| {
        let mut voucher = payment();
        head(&mut voucher).memo = "x".repeat(memo);
        post(voucher)
    };
    let overhead = with(bytes).encoded_len() - bytes;
    let request = with(bytes - overhead);
    assert_eq!(request.encoded_len(), bytes);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_streams_that_are_too_large_are_refused_by_their_size() {
    use v1::post_voucher_stream_request::Part;
    const MIB: usize = 1 << 20;
    let dir = tempfile::tempdir().unwrap();
    let (server, mut client, mut admin) = served(dir.path()).await;
    let before = ledger(&mut admin).await;
    // A message at its limit is read, and refused for its memo.
    let at = told(&client.post_voucher(sized(4 * MIB)).await.unwrap_err());
    assert_eq!((at.code.as_str(), at.place.as_str()), ("MZ-1027", "header.memo"));
    let past = told(&client.post_voucher(sized(4 * MIB + 1)).await.unwrap_err());
    assert_eq!((past.code.as_str(), past.place.as_str()), ("MZ-6002", "header"));
    assert_eq!(past.message, "4194305, at most 4194304");
    assert_eq!(past.facts["max"], "4194304");

    // So are the messages of a stream, together.
    let voucher = payment();
    let first = v1::VoucherHead { header: voucher.header, ..Default::default() };
    let chunk = |memo: usize| {
        let line = v1::Line { memo: "x".repeat(memo), ..voucher.lines[0].clone() };
        Part::Chunk(v1::LineChunk { lines: vec![line] })
    };
    let mut parts = vec![Part::Head(first)];
    parts.extend((0..6).map(|_| chunk(3 * MIB)));
    let parts = parts.into_iter().map(|part| v1::PostVoucherStreamRequest { part: Some(part) });
    let parts: Vec<_> = parts.collect();
    let whole = client.post_voucher_stream(tokio_stream::iter(parts[..6].to_vec())).await;
    assert_eq!(told(&whole.unwrap_err()).code, "MZ-1010");
    let past = client.post_voucher_stream(tokio_stream::iter(parts.clone())).await;
    let past = told(&past.unwrap_err());
    assert_eq!((past.code.as_str(), past.facts["max"].as_str()), ("MZ-6003", "16777216"));

    // Parts in an order that is none.
    for parts in [vec![], vec![parts[1].clone()], vec![parts[0].clone(), parts[0].clone()]] {
        let broken = client.post_voucher_stream(tokio_stream::iter(parts)).await;
        assert_eq!(told(&broken.unwrap_err()).code, "MZ-1034");
    }
    assert_eq!(ledger(&mut admin).await, before);
    server.stop().await;
}
