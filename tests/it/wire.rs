//! The edges of the wire: unknown fields, malformed and oversized messages, health, reflection.

use bytes::Bytes;
use http::uri::PathAndQuery;
use prost::Message as _;
use tonic::Status;
use tonic::client::Grpc;
use tonic_health::pb::health_client::HealthClient;

use crate::server::{Server, organisations, post, refusal};

/// Field 999, a varint: no message has it.
pub(crate) const FIELD_999: [u8; 3] = [0xb8, 0x3e, 0x01];

/// Sends raw bytes to a method, as a client with other messages would.
async fn raw(server: &Server, method: &str, bytes: Vec<u8>) -> Result<(), Status> {
    let mut grpc = Grpc::new(server.channel().await).max_encoding_message_size(64 << 20);
    grpc.ready().await.unwrap();
    let path: PathAndQuery = format!("/mingzhang.v1.{method}").parse().unwrap();
    let codec = mingzhang::services::codec::BytesCodec;
    grpc.unary(tonic::Request::new(Bytes::from(bytes)), path, codec).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_and_malformed_messages_are_refused_by_code() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let good = post(organisations("W-1", [1])).encode_to_vec();
    // Field 99, a varint.
    let mut unknown = good.clone();
    unknown.extend_from_slice(&[0x98, 0x06, 0x01]);
    for method in ["Posting/PostVoucher", "Registry/Apply"] {
        let refused = raw(&server, method, unknown.clone()).await.unwrap_err();
        assert_eq!(refusal(&refused).0, "MZ-1016", "{method}");
        let refused = raw(&server, method, good[..good.len() - 3].to_vec()).await.unwrap_err();
        assert_eq!(refusal(&refused).0, "MZ-1034", "{method}");
    }
    raw(&server, "Registry/Apply", good).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_past_the_limit_has_a_code_before_and_after_inflation() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let mut client = server.posting().await;
    let request = |memo: usize| {
        let mut voucher = organisations("W-2", [1]);
        voucher.header.as_mut().unwrap().memo = "x".repeat(memo);
        post(voucher)
    };
    let overhead = request(4 << 20).encoded_len() - (4 << 20);
    let at = request((4 << 20) - overhead);
    assert_eq!(at.encoded_len(), 4 << 20);
    // At the limit it is read, and refused for its memo.
    assert_eq!(refusal(&client.post_voucher(at).await.unwrap_err()).0, "MZ-1027");
    let past = request((4 << 20) - overhead + 1);
    let refused = client.post_voucher(past.clone()).await.unwrap_err();
    assert_eq!(refusal(&refused).0, "MZ-6002");
    let mut client = client.send_compressed(tonic::codec::CompressionEncoding::Gzip);
    let refused = client.post_voucher(past).await.unwrap_err();
    assert_eq!(refusal(&refused).0, "MZ-6002");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_reflection_are_served() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let mut health = HealthClient::new(server.channel().await);
    for service in ["", "mingzhang.v1.Posting", "mingzhang.v1.Balances"] {
        let request = tonic_health::pb::HealthCheckRequest { service: service.to_owned() };
        let answer = loop {
            // Health is set by a task; at first a service may be unknown.
            match health.check(request.clone()).await {
                Ok(answer) => break answer.into_inner(),
                Err(status) => assert_eq!(status.code(), tonic::Code::NotFound),
            }
        };
        assert_eq!(answer.status, 1, "{service}");
    }
    server.stop().await;
}

/// Every method of every service is there, and refuses what it does not know.
#[tokio::test(flavor = "multi_thread")]
async fn every_method_refuses_an_unknown_field_and_a_malformed_message() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let set = prost_types::FileDescriptorSet::decode(proto::FILE_DESCRIPTOR_SET).unwrap();
    let mut methods = 0;
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("{}/{}", service.name(), method.name());
                let unknown = raw(&server, &path, FIELD_999.to_vec()).await.unwrap_err();
                let place = ("MZ-1016".to_owned(), "header.999".to_owned());
                assert_eq!(refusal(&unknown), place, "{path}");
                // A tag with a wire type that there is not; a number that has no end.
                for garbage in [&[0x0f][..], &[0x50, 0xff]] {
                    let malformed = raw(&server, &path, garbage.to_vec()).await.unwrap_err();
                    let code = refusal(&malformed).0;
                    assert!(["MZ-1034", "MZ-1016"].contains(&code.as_str()), "{path} {code}");
                }
                methods += 1;
            }
        }
    }
    assert!(30 < methods, "{methods}");
    server.stop().await;
}
