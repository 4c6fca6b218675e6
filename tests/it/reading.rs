//! Reading the log and the register over gRPC.

use bytes::Bytes;
use proto::v1;
use proto::v1::log_client::LogClient;
use proto::v1::registry_client::RegistryClient;
use record::Record;
use tokio_stream::StreamExt as _;

use crate::server::{Server, mingzhang, organisations, post, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn records_are_read_as_they_stand_and_chain() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    server.posting().await.post_voucher(post(organisations("L-1", 1..10))).await.unwrap();
    let mut log = LogClient::new(server.channel().await);
    let read = log.read_records(v1::ReadRecordsRequest::default()).await.unwrap().into_inner();
    let messages: Vec<_> = read.map(Result::unwrap).collect().await;
    let records: Vec<_> = messages.into_iter().flat_map(|m| m.records).collect();
    assert_eq!(records.len() as u64, server.node().applied().size());
    let mut prev = [0; 32];
    for (at, sent) in records.iter().enumerate() {
        let record = Record::parse(&sent.raw).unwrap();
        assert_eq!((record.seq().0, record.prev()), (at as u64, prev));
        prev = record.chain_hash();
        assert_eq!(sent.hash, prev);
    }
    let voucher = v1::ReadRecordsRequest {
        organisation: "PO44".to_owned(),
        voucher_no: "L-1".to_owned(),
        kinds: vec!["OrganisationRegistered".to_owned()],
        limit: 4,
        ..Default::default()
    };
    let read = log.read_records(voucher).await.unwrap().into_inner();
    let messages: Vec<_> = read.map(Result::unwrap).collect().await;
    let parts: Vec<u32> = messages.iter().flat_map(|m| &m.records).map(|r| r.part).collect();
    assert_eq!(parts, [1, 2, 3, 4]);
    let beyond = v1::ReadRecordsRequest { to: Some(1 << 40), ..Default::default() };
    assert_eq!(refusal(&log.read_records(beyond).await.unwrap_err()).0, "MZ-8001");
    let get = v1::GetRecordRequest { r#ref: "PO44/L-1/9".to_owned() };
    let found = log.get_record(get).await.unwrap().into_inner().record.unwrap();
    assert!(found.payload_json.contains("HU440106-0009"), "{}", found.payload_json);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_gets_what_stands_and_what_comes() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let mut log = LogClient::new(server.channel().await);
    let mut stream = log.follow(v1::FollowRequest::default()).await.unwrap().into_inner();
    let mut seen = 0;
    while seen < server.node().applied().size() {
        seen += stream.next().await.unwrap().unwrap().records.len() as u64;
    }
    server.posting().await.post_voucher(post(organisations("F-1", [1]))).await.unwrap();
    let message = stream.next().await.unwrap().unwrap();
    assert_eq!(message.records.len(), 2);
    assert_eq!(message.records[0].seq, seen);
    drop(stream);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_register_is_read_in_pages_that_stay_together() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    server.posting().await.post_voucher(post(organisations("P-1", 1..=5))).await.unwrap();
    let mut registry = RegistryClient::new(server.channel().await);
    let request = |token: String| v1::ListOrganisationsRequest {
        org_kind: "HU".to_owned(),
        page_size: 2,
        page_token: token,
        ..Default::default()
    };
    let first = registry.list_organisations(request(String::new())).await.unwrap().into_inner();
    assert_eq!(first.organisations.len(), 2);
    server.posting().await.post_voucher(post(organisations("P-2", [6]))).await.unwrap();
    let mut all: Vec<_> = first.organisations.into_iter().map(|o| o.organisation).collect();
    let mut token = first.next_page_token;
    while !token.is_empty() {
        let page = registry.list_organisations(request(token)).await.unwrap().into_inner();
        assert_eq!(page.position, first.position);
        all.extend(page.organisations.into_iter().map(|o| o.organisation));
        token = page.next_page_token;
    }
    assert_eq!(all, (1..=5).map(|n| format!("HU440106-{n:04}")).collect::<Vec<_>>());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_reads_a_server_as_it_reads_its_files() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    let server = Server::fresh(&data).await;
    server.posting().await.post_voucher(post(organisations("L-1", [1]))).await.unwrap();
    let by_files = mingzhang(&["log", "--data", data.to_str().unwrap()]);
    let by_server = mingzhang(&["log", "--to", &server.address]);
    assert!(by_files.status.success() && by_server.status.success());
    assert_eq!(Bytes::from(by_files.stdout), Bytes::from(by_server.stdout));
    let rebuilt = mingzhang(&[
        "rebuild",
        "--data",
        data.to_str().unwrap(),
        "--to",
        &server.address,
        "--json",
    ]);
    assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stdout));
    server.stop().await;
}
