//! The edges of the wire: unknown fields, malformed and oversized messages, health, reflection.

use bytes::Bytes;
use http::uri::PathAndQuery;
use mingzhang::services::codec::ReadyCodec;
use prost::Message as _;
use proto::v1;
use tonic::client::Grpc;
use tonic::{Request, Status};
use tonic_health::pb::health_client::HealthClient;

use crate::server::{Server, organisations, post, refusal, refusal_of};

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

/// Sends raw messages on one stream; returns its answers, and how it ended.
async fn stream(
    server: &Server,
    messages: Vec<Vec<u8>>,
) -> (Vec<v1::PostVouchersResponse>, Result<(), Status>) {
    let mut grpc = Grpc::new(server.channel().await).max_encoding_message_size(64 << 20);
    grpc.ready().await.unwrap();
    let path = PathAndQuery::from_static("/mingzhang.v1.Posting/PostVouchers");
    let messages = tokio_stream::iter(messages.into_iter().map(Bytes::from));
    let codec = ReadyCodec::<v1::PostVouchersResponse>::default();
    let mut stream = grpc.streaming(Request::new(messages), path, codec).await.unwrap();
    let stream = stream.get_mut();
    let mut answers = Vec::new();
    let ended = loop {
        match stream.message().await {
            Ok(Some(answer)) => answers.push(answer),
            Ok(None) => break Ok(()),
            Err(status) => break Err(status),
        }
    };
    (answers, ended)
}

/// Tag and code of an answer; no code: a reply.
fn outcome(answer: &v1::PostVouchersResponse) -> (u64, String) {
    use v1::post_vouchers_response::Outcome;
    let code = match answer.outcome.as_ref().unwrap() {
        Outcome::Status(status) => refusal_of(status).0,
        Outcome::Reply(_) => String::new(),
        Outcome::Preview(_) => panic!("{answer:?}"),
    };
    (answer.tag, code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_read_is_answered_and_the_stream_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let message = |tag: u64, memo: &str| {
        let mut voucher = organisations(&format!("W-{tag}"), [u32::try_from(tag).unwrap()]);
        memo.clone_into(&mut voucher.header.as_mut().unwrap().memo);
        v1::PostVouchersRequest { tag, voucher: Some(voucher), ..Default::default() }
    };
    let good = |tag| message(tag, "").encode_to_vec();
    let unknown = |tag| [good(tag), FIELD_999.to_vec()].concat();
    let cut = |tag| good(tag)[..good(tag).len() - 3].to_vec();
    let no_text = |tag| {
        let mut bytes = message(tag, "zzzz").encode_to_vec();
        let at = bytes.windows(4).position(|four| four == b"zzzz").unwrap();
        bytes[at] = 0xff;
        bytes
    };
    // The tag behind all else is read, too; one behind what cannot be read is not. A tag of 0 is not sent.
    let behind = [&unknown(0)[..], &[0x08, 6]].concat();
    let lost = [&cut(0)[..], &[0x08, 7]].concat();
    let messages =
        vec![good(1), unknown(2), cut(3), no_text(4), good(5), behind, lost, vec![], good(9)];
    let (answers, ended) = stream(&server, messages).await;
    ended.unwrap();
    let told: Vec<_> = answers.iter().map(outcome).collect();
    let told: Vec<_> = told.iter().map(|(tag, code)| (*tag, code.as_str())).collect();
    assert_eq!(
        told,
        [
            (1, ""),
            (2, "MZ-1016"),
            (3, "MZ-1034"),
            (4, "MZ-1035"),
            (5, ""),
            (6, "MZ-1016"),
            (0, "MZ-1034"),
            (0, "MZ-1018"),
            (9, "")
        ]
    );
    // What the transport does not deliver ends the stream, after the answers to what came before.
    let large = message(11, &"x".repeat(4 << 20)).encode_to_vec();
    let (answers, ended) = stream(&server, vec![good(10), large, good(12)]).await;
    assert_eq!(answers.iter().map(outcome).collect::<Vec<_>>(), [(10, String::new())]);
    assert_eq!(refusal(&ended.unwrap_err()).0, "MZ-6002");
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
async fn health_is_served() {
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

/// What stock clients learn of the services, by both versions of the protocol.
#[tokio::test(flavor = "multi_thread")]
async fn reflection_tells_every_service_and_its_messages() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let set = prost_types::FileDescriptorSet::decode(proto::FILE_DESCRIPTOR_SET).unwrap();
    let ours: Vec<String> = set
        .file
        .iter()
        .flat_map(|f| f.service.iter().map(|s| format!("{}.{}", f.package(), s.name())))
        .collect();
    assert_eq!(ours.len(), 7);
    macro_rules! reflect {
        ($version:ident) => {{
            use tonic_reflection::pb::$version::ServerReflectionRequest;
            use tonic_reflection::pb::$version::server_reflection_client as client;
            use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
            use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;
            let mut client = client::ServerReflectionClient::new(server.channel().await);
            let ask = |request| ServerReflectionRequest {
                host: String::new(),
                message_request: Some(request),
            };
            let mut requests = vec![ask(MessageRequest::ListServices(String::new()))];
            for name in ours.iter().map(String::as_str).chain(["mingzhang.v1.Voucher"]) {
                requests.push(ask(MessageRequest::FileContainingSymbol(name.to_owned())));
            }
            requests.push(ask(MessageRequest::FileContainingSymbol("nothing.of.it".to_owned())));
            let answers = client.server_reflection_info(tokio_stream::iter(requests)).await;
            let mut answers = answers.unwrap().into_inner();
            let mut next = async || answers.message().await.unwrap().unwrap().message_response;
            let Some(MessageResponse::ListServicesResponse(list)) = next().await else { panic!() };
            let listed: Vec<String> = list.service.into_iter().map(|s| s.name).collect();
            assert!(ours.iter().all(|name| listed.contains(name)), "{listed:?}");
            assert!(listed.contains(&"grpc.health.v1.Health".to_owned()), "{listed:?}");
            for name in ours.iter().map(String::as_str).chain(["mingzhang.v1.Voucher"]) {
                let found = next().await;
                let Some(MessageResponse::FileDescriptorResponse(files)) = found else {
                    panic!("{name}: {found:?}")
                };
                let file = files.file_descriptor_proto.first().unwrap().as_slice();
                let file = prost_types::FileDescriptorProto::decode(file).unwrap();
                let (package, short) = name.rsplit_once('.').unwrap();
                assert_eq!(file.package(), package);
                let holds = file.service.iter().any(|s| s.name() == short)
                    || file.message_type.iter().any(|m| m.name() == short);
                assert!(holds, "{name}");
            }
            // An unknown name ends the stream or is answered as one.
            match answers.message().await {
                Err(status) => assert_eq!(status.code(), tonic::Code::NotFound),
                Ok(answer) => {
                    let answer = answer.unwrap().message_response;
                    assert!(
                        matches!(answer, Some(MessageResponse::ErrorResponse(_))),
                        "{answer:?}"
                    );
                }
            }
        }};
    }
    reflect!(v1);
    reflect!(v1alpha);
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
                if path == "Posting/PostVouchers" {
                    // A refusal is an answer there, and the stream goes on.
                    let messages = [&FIELD_999[..], &[0x0f], &[0x50, 0xff]].map(<[u8]>::to_vec);
                    let (answers, ended) = stream(&server, messages.to_vec()).await;
                    ended.unwrap();
                    let codes: Vec<String> = answers.iter().map(|a| outcome(a).1).collect();
                    assert_eq!(codes, ["MZ-1016", "MZ-1034", "MZ-1016"]);
                    methods += 1;
                    continue;
                }
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
