//! Bytes: what must be in them, what must not.

use prost::Message as _;
use proto::{log, v1};

/// Decoded lines lie side by side in memory, up to 20,000 of one voucher.
#[test]
fn a_decoded_line_stays_small() {
    let size = size_of::<v1::Line>();
    assert!(size <= 2_560, "a decoded line takes {size} bytes");
}

/// The reply is the same bytes for ever; a field that creeps in would break every retry.
#[test]
fn post_reply_is_eight_fields() {
    let reply = v1::PostReply {
        origin: "o".into(),
        organisation: "g".into(),
        voucher_no: "v".into(),
        first_seq: 4,
        last_seq: 5,
        time_ms: 6,
        content_digest: vec![7],
        chain_hash: vec![8],
    };
    let bytes = b"\x0a\x01o\x12\x01g\x1a\x01v\x20\x04\x28\x05\x30\x06\x3a\x01\x07\x42\x01\x08";
    assert_eq!(reply.encode_to_vec(), bytes);
}

#[test]
fn zero_and_absent_differ_where_it_counts() {
    let zero = v1::Line { amount_fen: Some(0), ..v1::Line::default() };
    assert_eq!(zero.encode_to_vec(), b"\xa8\x01\x00");
    assert_eq!(v1::Line::default().encode_to_vec(), b"");
    let zero = log::v1::MemberAmended { dibao: Some(false), ..Default::default() };
    assert_eq!(log::v1::MemberAmended::decode(&zero.encode_to_vec()[..]).unwrap(), zero);
    assert_eq!(zero.encode_to_vec(), b"\x20\x00");
}

/// Both builds name one type, so a caller need not know which features are on.
#[test]
fn refusals_on_a_stream_are_the_standard_status() {
    let status = proto::RpcStatus { code: 9, message: "MZ-3018".into(), details: Vec::new() };
    let outcome = Some(v1::post_vouchers_response::Outcome::Status(status));
    let answer = v1::PostVouchersResponse { tag: 3, outcome, duplicate: false };
    assert_eq!(answer.encode_to_vec(), b"\x08\x03\x22\x0b\x08\x09\x12\x07MZ-3018");
}

/// Stock clients resolve what reflection serves: every import is in the set.
#[test]
fn the_descriptor_set_is_complete() {
    let set = crate::walk::descriptors();
    let names: Vec<&str> = set.file.iter().map(prost_types::FileDescriptorProto::name).collect();
    for file in &set.file {
        for import in &file.dependency {
            assert!(names.contains(&import.as_str()), "{import}");
        }
    }
    assert!(names.contains(&"google/rpc/error_details.proto"));
}
