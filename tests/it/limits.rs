//! What is large, slow or many is answered or held back by a limit, and says so.
//!
//! Lives here: limits that a client meets on the wire.
//! Lives elsewhere: one past each limit of a voucher (`refusals`), of a message (`wire`).

use std::time::Duration;

use mingzhang::auth::server_tls;
use mingzhang::services::server::{Limits, serve_within};
use mingzhang::services::status::{of_call, told, total};
use proto::v1;
use proto::v1::log_client::LogClient;
use proto::v1::post_voucher_stream_request::Part;
use proto::v1::posting_client::PostingClient;
use proto::v1::registry_client::RegistryClient;
use record::limits::CLIENT_STREAMS_MAX;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::{Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::server::{Server, get, mingzhang, organisations, post, refusal};
use crate::tls;

/// A voucher of which every line is wrong, at some length.
fn all_wrong(lines: u32) -> v1::Voucher {
    let mut voucher = organisations("L-1", 0..lines);
    for line in &mut voucher.lines {
        line.organisation = format!("HU-{}", "x".repeat(60));
    }
    voucher
}

/// Sends a voucher in chunks; returns the refusal.
async fn refused_in_chunks(server: &Server, voucher: v1::Voucher) -> tonic::Status {
    let head = v1::VoucherHead { header: voucher.header, ..Default::default() };
    let chunk = |lines: &[v1::Line]| Part::Chunk(v1::LineChunk { lines: lines.to_vec() });
    let parts = std::iter::once(Part::Head(head)).chain(voucher.lines.chunks(5_000).map(chunk));
    let requests: Vec<_> =
        parts.map(|part| v1::PostVoucherStreamRequest { part: Some(part) }).collect();
    let mut client = server.posting().await;
    client.post_voucher_stream(tokio_stream::iter(requests)).await.unwrap_err()
}

/// A refusal that ends a call travels as metadata: stock clients take 8 KiB of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_very_many_lines_reaches_who_asked() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let mut client = server.posting().await;
    for lines in [1, 60, 100, 101, 20_000] {
        let unary = client.post_voucher(post(all_wrong(lines))).await.unwrap_err();
        let chunked = refused_in_chunks(&server, all_wrong(lines)).await;
        for status in [unary, chunked] {
            let place = ("MZ-1019".to_owned(), "lines[1].organisation".to_owned());
            assert_eq!(refusal(&status), place, "{lines} lines");
            let read = of_call(&status);
            assert_eq!(total(&read), u64::from(lines));
            let listed = told(&read);
            assert!(listed.iter().all(|told| told.code == "MZ-1019" && !told.message.is_empty()));
            assert!(usize::min(20, lines as usize) <= listed.len(), "{}", listed.len());
            let metadata = status.message().len() + status.details().len() * 4 / 3;
            assert!(metadata < 7_500, "{metadata}");
        }
    }
    server.stop().await;
}

/// The program itself, with a voucher that one message does not hold.
#[tokio::test(flavor = "multi_thread")]
async fn post_tells_the_refusal_of_a_file_that_is_wrong_in_every_line() {
    use std::fmt::Write as _;
    const LINES: u32 = 20_000;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let file = dir.path().join("wrong.jsonl");
    let mut text = format!(
        "{{\"type\":\"voucher\",\"organisation\":\"PO44\",\"voucher_no\":\"L-2\",\
         \"effective_date\":\"2016-07-01\",\"prepared_by\":\"p.po44\",\"line_count\":{LINES},\"total_yuan\":\"0.00\"}}\n"
    );
    let organisation = "x".repeat(250);
    for n in 1..=LINES {
        writeln!(
            text,
            "{{\"type\":\"line\",\"line_no\":{n},\"kind\":\"OrganisationRegistered\",\
             \"organisation\":\"{organisation}\",\"org_kind\":\"HU\",\"unit\":\"440106\"}}"
        )
        .unwrap();
    }
    assert!(record::limits::MESSAGE_BYTES_MAX < text.len());
    std::fs::write(&file, text).unwrap();
    let args = ["post", file.to_str().unwrap(), "--to", &server.address];
    let run = tokio::task::spawn_blocking({
        let args = args.map(str::to_owned);
        move || mingzhang(&args.each_ref().map(String::as_str))
    });
    let run = tokio::time::timeout(Duration::from_secs(120), run).await;
    let run = run.expect("it goes on trying").unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(1), "{said}");
    assert!(said.contains("error[MZ-1019]"), "{said}");
    assert!(said.contains("wrong.jsonl:2, "), "{said}");
    assert!(said.contains(" more refusals"), "{said}");
    assert!(String::from_utf8(run.stdout).unwrap().contains("1 refused"));
    server.stop().await;
}

/// What a client sends before its first call: the preface of HTTP/2 and empty settings.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// What is far longer than any limit that a test sets.
const PATIENCE: Duration = Duration::from_secs(8);
/// What is longer than a limit that a test sets, and shorter than any that the product has.
const SHORT: Duration = Duration::from_secs(4);
/// What is far longer than an answer takes that nothing holds back.
const MOMENT: Duration = Duration::from_millis(500);

/// Says hello and nothing more until the server ends the connection; `false` when it does not.
async fn is_ended(address: &str, hello: &[u8]) -> bool {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(hello).await.unwrap();
    let mut sent = Vec::new();
    // Cut or closed, both are an end.
    tokio::time::timeout(SHORT, socket.read_to_end(&mut sent)).await.is_ok()
}

async fn is_serving_within(channel: &Channel, time: Duration) -> bool {
    let check = HealthCheckRequest::default();
    let mut health = HealthClient::new(channel.clone());
    matches!(tokio::time::timeout(time, health.check(check)).await, Ok(Ok(_)))
}

async fn is_serving(channel: &Channel) -> bool {
    is_serving_within(channel, PATIENCE).await
}

/// Whether a limit holds the channel back: a slow machine may be slow to serve, never too fast.
async fn is_held(channel: &Channel) -> bool {
    !is_serving_within(channel, MOMENT).await
}

/// A stream of `PostVouchers` on which nothing is sent, as long as the sender lives.
async fn silent_stream(
    channel: &Channel,
) -> Result<(mpsc::Sender<v1::PostVouchersRequest>, Streaming<v1::PostVouchersResponse>), Status> {
    let (sender, requests) = mpsc::channel(1);
    let mut client = PostingClient::new(channel.clone());
    let answers = client.post_vouchers(ReceiverStream::new(requests)).await?;
    Ok((sender, answers.into_inner()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_posting_past_its_deadline_is_unknown_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    // Long enough for what nothing holds back, on a slow machine, too.
    let limits = Limits { call: Duration::from_secs(2), ..Limits::default() };
    let server = Server::fresh_within(&dir.path().join("l"), limits).await;
    let mut client = server.posting().await;
    let hold = server.hold().await;
    let unknown = client.post_voucher(post(organisations("L-1", [1]))).await.unwrap_err();
    assert_eq!(unknown.code(), tonic::Code::Unknown);
    assert_eq!(refusal(&unknown).0, "MZ-9003");
    assert!(unknown.message().contains("outcome of this voucher"), "{unknown:?}");
    let chunked = refused_in_chunks(&server, organisations("L-2", [2])).await;
    assert_eq!(refusal(&chunked).0, "MZ-9003");
    let applied = RegistryClient::new(server.channel().await)
        .apply(v1::ApplyRequest { voucher: Some(organisations("L-3", [3])), ..Default::default() })
        .await;
    assert_eq!(refusal(&applied.unwrap_err()).0, "MZ-9003");
    // Nothing is unknown of a question.
    let late = client.get_voucher(get("L-1")).await.unwrap_err();
    assert_eq!(late.code(), tonic::Code::DeadlineExceeded);
    assert_eq!(refusal(&late).0, "DEADLINE_EXCEEDED");
    hold.release().await;
    for number in ["L-1", "L-2", "L-3"] {
        client.get_voucher(get(number)).await.unwrap();
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_own_deadline_is_answered_before_it_passes() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let mut client = server.posting().await;
    let hold = server.hold().await;
    let mut request = tonic::Request::new(post(organisations("L-1", [1])));
    request.set_timeout(Duration::from_secs(2));
    let unknown = client.post_voucher(request).await.unwrap_err();
    assert_eq!(refusal(&unknown).0, "MZ-9003", "{unknown:?}");
    hold.release().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_does_not_come_ends_the_connection() {
    let dir = tempfile::tempdir().unwrap();
    let authority = tls::authority();
    let (certificate, key) = tls::issue(&authority, "the server");
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (certificate, key) = (write("server.pem", &certificate), write("server.key", &key));
    let config = server_tls(&certificate, &key, &write("ca.pem", &authority.pem)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopping) = watch::channel(false);
    let limits = Limits { handshake: Duration::from_millis(100), ..Limits::default() };
    let routes = Routes::default();
    let serving = tokio::spawn(serve_within(limits, listener, Some(config), routes, stopping));
    assert!(is_ended(&address, b"").await);
    stop.send_replace(true);
    serving.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_answers_no_ping_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (keepalive_interval, keepalive_timeout) =
        (Duration::from_millis(100), Duration::from_millis(100));
    let limits = Limits { keepalive_interval, keepalive_timeout, ..Limits::default() };
    let server = Server::fresh_within(&dir.path().join("l"), limits).await;
    assert!(is_ended(&server.address, HELLO).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_at_its_age_whether_its_client_goes_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let (connection_age, connection_grace) =
        (Duration::from_millis(100), Duration::from_millis(100));
    let limits = Limits { connection_age, connection_grace, ..Limits::default() };
    let server = Server::fresh_within(&dir.path().join("l"), limits).await;
    assert!(is_ended(&server.address, HELLO).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_waits_for_silent_clients_only_so_long() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { drain: Duration::from_millis(200), ..Limits::default() };
    let server = Server::fresh_within(&dir.path().join("l"), limits).await;
    let channel = server.channel().await;
    let silent = silent_stream(&channel).await.unwrap();
    let mut socket = TcpStream::connect(&server.address).await.unwrap();
    socket.write_all(HELLO).await.unwrap();
    assert!(is_serving(&channel).await);
    tokio::time::timeout(PATIENCE, server.stop()).await.expect("it waits for silent clients");
    drop((silent, socket));
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_past_its_limit_is_refused_by_the_transport() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let mut client = server.posting().await;
    // What a call has besides takes less than 1 KiB.
    for (bytes, is_read) in [(15 << 10, true), (17 << 10, false)] {
        let mut request = tonic::Request::new(get("L-1"));
        request.metadata_mut().insert("x-pad", "x".repeat(bytes).parse().unwrap());
        let answer = client.get_voucher(request).await.unwrap_err();
        assert_eq!(refusal(&answer).0 == "MZ-8004", is_read, "{bytes}: {answer:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_too_many_waits_for_a_place() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { connections: 2, ..Limits::default() };
    let server = Server::fresh_within(&dir.path().join("l"), limits).await;
    let (first, second) = (server.channel().await, server.channel().await);
    assert!(is_serving(&first).await && is_serving(&second).await);
    let third = server.channel().await;
    assert!(is_held(&third).await);
    drop(first);
    assert!(is_serving(&third).await, "the place is not given back");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_too_many_of_a_connection_waits_for_one_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { connection_requests: 2, ..Limits::default() };
    let server = Server::fresh_within(&dir.path().join("l"), limits).await;
    let channel = server.channel().await;
    assert!(is_serving(&channel).await);
    let first = silent_stream(&channel).await.unwrap();
    let second = silent_stream(&channel).await.unwrap();
    assert!(is_held(&channel).await);
    assert!(is_serving(&server.channel().await).await);
    drop(first);
    assert!(is_serving(&channel).await);
    drop((channel, second));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_so_many_streams_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let channel = server.channel().await;
    let mut open = Vec::new();
    for _ in 0..CLIENT_STREAMS_MAX {
        open.push(silent_stream(&channel).await.unwrap());
    }
    let refused = silent_stream(&channel).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    assert_eq!(refusal(&refused).0, "MZ-6008");
    // Whatever else is long-lived counts, too.
    let mut log = LogClient::new(channel.clone());
    let refused = log.follow(v1::FollowRequest::default()).await.unwrap_err();
    assert_eq!(refusal(&refused).0, "MZ-6008");
    // Another connection has places of its own.
    silent_stream(&server.channel().await).await.unwrap();
    drop(open.pop());
    let again = async { while silent_stream(&channel).await.is_err() {} };
    tokio::time::timeout(PATIENCE, again).await.expect("the place is not given back");
    drop((open, log, channel));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_so_many_rows_and_its_token_answers_its_own_question() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    server.posting().await.post_voucher(post(organisations("L-1", 0..3))).await.unwrap();
    let mut registry = RegistryClient::new(server.channel().await);
    let asked = |unit: &str, page_size: u32, page_token: &str| v1::ListOrganisationsRequest {
        unit: unit.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
        ..Default::default()
    };
    registry.list_organisations(asked("", 1_000, "")).await.unwrap();
    let refused = registry.list_organisations(asked("", 1_001, "")).await.unwrap_err();
    assert_eq!((refused.code(), refusal(&refused).0), (INVALID, "MZ-6006".to_owned()));
    let first = registry.list_organisations(asked("", 1, "")).await.unwrap().into_inner();
    let token = first.next_page_token;
    let second = registry.list_organisations(asked("", 1, &token)).await.unwrap().into_inner();
    assert_ne!(first.organisations, second.organisations);
    for (unit, token) in [("", "damaged"), ("", &token[1..]), ("440106", &token)] {
        let refused = registry.list_organisations(asked(unit, 1, token)).await.unwrap_err();
        assert_eq!(
            (refused.code(), refusal(&refused).0),
            (INVALID, "MZ-8003".to_owned()),
            "{token}"
        );
    }
    server.stop().await;
}

const INVALID: tonic::Code = tonic::Code::InvalidArgument;

/// A list of purposes whose notes have so many characters together.
fn purposes(note_chars: usize) -> v1::Voucher {
    const ROWS: usize = 70;
    let cell =
        |column: &str, value: &str| v1::Cell { column: column.to_owned(), value: value.to_owned() };
    let row = |n: usize| {
        let note = note_chars / ROWS + usize::from(n < note_chars % ROWS);
        let cells = vec![
            cell("code", &format!("P{n:02}")),
            cell("name_zh", "用途"),
            cell("name_en", "purpose"),
            cell("programme", "dev"),
            cell("allowed", "yes"),
            cell("counts_to_cap", "yes"),
            cell("payee", "household"),
            cell("after_exit", "no"),
            cell("note", &"x".repeat(note)),
        ];
        v1::Row { cells }
    };
    let line = v1::Line {
        line_no: 1,
        kind: "PurposesAdopted".to_owned(),
        version: Some(2),
        rows: (0..ROWS).map(row).collect(),
        ..Default::default()
    };
    let mut voucher = organisations("L-1", [0]);
    let header = voucher.header.as_mut().unwrap();
    "L-DOC".clone_into(&mut header.doc_no);
    voucher.lines = vec![line];
    voucher
}

/// Of a record's legs, 64 at most (6005), no kind makes so many.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_has_so_many_bytes_and_no_more() {
    const MOST: usize = 66_000;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let mut client = server.posting().await;
    let mut found = async |note_chars: usize| {
        let refused = client.post_voucher(post(purposes(note_chars))).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted, "{refused:?}");
        let place = ("MZ-6004".to_owned(), "lines[1]".to_owned());
        assert_eq!(refusal(&refused), place, "{refused:?}");
        let (_, said) = refused.message().split_once(": ").unwrap();
        let found = said.strip_suffix(", at most 65535").unwrap();
        found.parse::<usize>().unwrap()
    };
    let most = found(MOST).await;
    let least = MOST - (most - 65_536);
    assert_eq!(found(least).await, 65_536);
    client.post_voucher(post(purposes(least - 1))).await.unwrap();
    server.stop().await;
}
