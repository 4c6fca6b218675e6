//! Posting: replies, retries, refusals, dry runs, streams.

use prost::Message as _;
use proto::v1;
use proto::v1::admin_client::AdminClient;
use proto::v1::log_client::LogClient;
use record::limits::STREAM_IN_FLIGHT_MAX;
use tokio_stream::StreamExt as _;

use crate::refusals;
use crate::server::{Server, get, mingzhang, organisations, post, refusal, refusal_of, reply};

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_answers_with_the_first_reply_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let mut client = server.posting().await;
    let first = client.post_voucher(post(organisations("A-1", 1..4))).await.unwrap();
    assert!(first.metadata().get("mingzhang-duplicate").is_none());
    let first = first.into_inner();
    let facts = reply(first.clone());
    assert_eq!((facts.organisation.as_str(), facts.voucher_no.as_str()), ("PO44", "A-1"));
    assert_eq!(facts.last_seq, facts.first_seq + 3);
    assert_eq!((facts.content_digest.len(), facts.chain_hash.len()), (32, 32));

    // From another connection, after other vouchers, and after a restart.
    client.post_voucher(post(organisations("A-2", [9]))).await.unwrap();
    let mut other = server.posting().await;
    let again = other.post_voucher(post(organisations("A-1", 1..4))).await.unwrap();
    assert_eq!(again.metadata().get("mingzhang-duplicate").unwrap(), "1");
    assert_eq!(again.into_inner().encode_to_vec(), first.encode_to_vec());
    let found = other.get_voucher(get("A-1")).await.unwrap().into_inner();
    assert_eq!(found.reply.unwrap(), facts);
    assert_eq!(found.header.unwrap().line_count, Some(3));
    let data = server.data.clone();
    drop((client, other));
    server.stop().await;
    let server = Server::start(&data).await;
    let again = server.posting().await.post_voucher(post(organisations("A-1", 1..4))).await;
    assert_eq!(again.unwrap().into_inner().encode_to_vec(), first.encode_to_vec());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_flight_answers_as_one_that_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let hold = server.hold().await;
    let mut calls = Vec::new();
    for lines in [1..4, 1..4, 1..5] {
        let mut client = server.posting().await;
        let request = post(organisations("A-1", lines));
        calls.push(tokio::spawn(async move { client.post_voucher(request).await }));
        server.until_waiting(calls.len()).await;
    }
    let mut client = server.posting().await;
    let asked = tokio::spawn(async move { client.get_voucher(get("A-1")).await });
    server.until_waiting(4).await;
    assert!(!calls.iter().any(tokio::task::JoinHandle::is_finished) && !asked.is_finished());
    hold.release().await;
    let [first, again, other] = calls.try_into().unwrap();
    let first = first.await.unwrap().unwrap();
    assert!(!first.metadata().contains_key("mingzhang-duplicate"));
    let again = again.await.unwrap().unwrap();
    assert_eq!(again.metadata().get("mingzhang-duplicate").unwrap(), "1");
    let first = first.into_inner();
    assert_eq!(again.into_inner().encode_to_vec(), first.encode_to_vec());
    assert_eq!(refusal(&other.await.unwrap().unwrap_err()).0, "MZ-1030");
    assert_eq!(asked.await.unwrap().unwrap().into_inner().reply, Some(reply(first)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_counted_by_code() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let mut client = server.posting().await;
    client.post_voucher(post(organisations("A-1", [1]))).await.unwrap();
    client.post_voucher(post(organisations("A-1", [1]))).await.unwrap();
    let dry = v1::PostVoucherRequest { validate_only: true, ..post(organisations("A-2", [2])) };
    client.post_voucher(dry).await.unwrap();
    // What needs a state, by each way in, and what needs none.
    client.post_voucher(post(organisations("A-2", [1]))).await.unwrap_err();
    let voucher = Some(organisations("A-3", [1]));
    let request = v1::PostVouchersRequest { tag: 1, voucher, ..Default::default() };
    let answers = client.post_vouchers(tokio_stream::iter([request])).await.unwrap();
    assert_eq!(answers.into_inner().collect::<Vec<_>>().await.len(), 1);
    client.post_voucher(post(organisations("A-1", [2]))).await.unwrap_err();
    client.post_voucher(post(organisations("A-4", []))).await.unwrap_err();
    let mut admin = AdminClient::new(server.channel().await);
    let status = admin.status(v1::StatusRequest::default()).await.unwrap().into_inner();
    let counters = status.counters.unwrap();
    let refused: Vec<_> = counters.refusals.iter().map(|r| (r.code.as_str(), r.count)).collect();
    assert_eq!(refused, [("MZ-1030", 1), ("MZ-1032", 1), ("MZ-5025", 2)]);
    assert_eq!((counters.vouchers_posted, counters.lines_posted), (1, 1));
    assert_eq!((counters.duplicates, counters.dry_runs), (1, 1));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_voucher_is_reversed_from_its_last_line_on() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    refusals::example(&server);
    let mut client = server.posting().await;
    let paid = refusals::payment();
    let header = paid.header.clone().unwrap();
    let first_seq = reply(client.post_voucher(post(paid)).await.unwrap().into_inner()).first_seq;
    let request = || {
        let whole = v1::VoucherReversal {
            organisation: header.organisation.clone(),
            voucher_no: header.voucher_no.clone(),
            reason: "amount".to_owned(),
            memo: "typed twice by mistake".to_owned(),
        };
        let header = v1::Header {
            voucher_no: "R-2".to_owned(),
            approved_by: "a.tg441424901".to_owned(),
            ..header.clone()
        };
        v1::ReverseVoucherRequest {
            header: Some(header),
            what: Some(v1::reverse_voucher_request::What::Voucher(whole)),
            ..Default::default()
        }
    };
    let posted = client.reverse_voucher(request()).await.unwrap().into_inner();
    let Some(v1::reverse_voucher_response::Outcome::Reply(reply)) = posted.outcome else {
        panic!("{posted:?}")
    };
    assert_eq!(reply.last_seq - reply.first_seq, 2);
    let found = client
        .get_voucher(v1::GetVoucherRequest {
            organisation: header.organisation.clone(),
            voucher_no: header.voucher_no.clone(),
        })
        .await
        .unwrap()
        .into_inner();
    let reversed: Vec<_> = found.reversals.iter().map(|r| (r.line_no, r.seq)).collect();
    assert_eq!(reversed, [(1, reply.last_seq), (2, reply.first_seq + 1)]);
    let mut log = LogClient::new(server.channel().await);
    let read = v1::ReadRecordsRequest { from: reply.first_seq + 1, ..Default::default() };
    let read: Vec<_> = log.read_records(read).await.unwrap().into_inner().collect().await;
    let sums = |record: &v1::Record| record.legs.iter().map(|leg| leg.fen.max(0)).max().unwrap();
    let records: Vec<_> = read.into_iter().flat_map(|message| message.unwrap().records).collect();
    assert_eq!(records.iter().map(sums).collect::<Vec<_>>(), [10_000, 30_000]);
    assert!(records.iter().all(|record| record.kind_name == "Reversed"));
    // Again is a duplicate, under another number it is refused.
    let again = client.reverse_voucher(request()).await.unwrap();
    assert_eq!(again.metadata().get("mingzhang-duplicate").unwrap(), "1");
    let mut other = request();
    other.header.as_mut().unwrap().voucher_no = "R-3".to_owned();
    let refused = client.reverse_voucher(other).await.unwrap_err();
    assert_eq!(refusal(&refused).0, "MZ-3081", "{first_seq}: {refused:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_posted_once_however_many_send_it_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let mut calls = Vec::new();
    for _ in 0..16 {
        let mut client = server.posting().await;
        calls.push(tokio::spawn(async move {
            client.post_voucher(post(organisations("A-1", 1..40))).await.unwrap()
        }));
    }
    let (mut replies, mut duplicates) = (Vec::new(), 0);
    for call in calls {
        let answer = call.await.unwrap();
        duplicates += usize::from(answer.metadata().contains_key("mingzhang-duplicate"));
        replies.push(answer.into_inner().encode_to_vec());
    }
    assert_eq!(duplicates, 15);
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_with_other_content_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let mut client = server.posting().await;
    client.post_voucher(post(organisations("A-1", [1]))).await.unwrap();
    let refused = client.post_voucher(post(organisations("A-1", [2]))).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::AlreadyExists);
    assert_eq!(refusal(&refused).0, "MZ-1030");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_code_line_and_field_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let mut client = server.posting().await;
    client.post_voucher(post(organisations("A-1", [1]))).await.unwrap();
    let head = server.node().applied();
    let refused = client.post_voucher(post(organisations("A-2", [2, 1]))).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::AlreadyExists);
    assert_eq!(refusal(&refused), ("MZ-5025".to_owned(), "lines[2].organisation".to_owned()));
    assert_eq!(server.node().applied(), head);
    // The key was not consumed.
    let answer = client.post_voucher(post(organisations("A-2", [2]))).await.unwrap();
    assert_eq!(reply(answer.into_inner()).first_seq, head.size());
    let unknown = client.get_voucher(get("A-3")).await.unwrap_err();
    assert_eq!(
        (unknown.code(), refusal(&unknown).0),
        (tonic::Code::NotFound, "MZ-8004".to_owned())
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_ledgers_voucher_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let mut client = server.posting().await;
    let origin = "ledger.example/other".to_owned();
    let request = v1::PostVoucherRequest { origin, ..post(organisations("A-1", [1])) };
    let refused = client.post_voucher(request).await.unwrap_err();
    assert_eq!(refusal(&refused).0, "MZ-8002");
    let mut request = tonic::Request::new(post(organisations("A-1", [1])));
    request.metadata_mut().insert("mingzhang-organisation", "FB44".parse().unwrap());
    let refused = client.post_voucher(request).await.unwrap_err();
    assert_eq!(refusal(&refused).0, "MZ-5015");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_posts_nothing_and_answers_as_a_duplicate_would() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let mut client = server.posting().await;
    let head = server.node().applied();
    let dry =
        || v1::PostVoucherRequest { validate_only: true, ..post(organisations("A-1", [1, 2])) };
    let outcome = client.post_voucher(dry()).await.unwrap().into_inner().outcome.unwrap();
    let v1::post_voucher_response::Outcome::Preview(preview) = outcome else { panic!() };
    assert!(!preview.would_be_duplicate);
    assert_eq!(preview.lines.len(), 2);
    assert_eq!(server.node().applied(), head);
    let posted =
        reply(client.post_voucher(post(organisations("A-1", [1, 2]))).await.unwrap().into_inner());
    assert_eq!(posted.content_digest, preview.content_digest);
    let outcome = client.post_voucher(dry()).await.unwrap().into_inner().outcome.unwrap();
    let v1::post_voucher_response::Outcome::Preview(preview) = outcome else { panic!() };
    assert_eq!((preview.would_be_duplicate, preview.first_seq), (true, Some(posted.first_seq)));
    server.stop().await;
}

/// Of a file, too: what would be posted is counted as that, and the counts add up.
#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_of_a_file_counts_what_is_valid() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let example = include_str!("../data/example.jsonl");
    let first: Vec<&str> = example.split_inclusive('\n').take(28).collect();
    let second = first.concat().replace("2016-06-000", "2016-06-000X").replace("4401", "4499");
    let file = dir.path().join("dry.jsonl");
    std::fs::write(&file, first.concat() + &second).unwrap();
    let file = file.to_str().unwrap();
    let run = mingzhang(&["post", file, "--to", &server.address, "--dry-run", "--json"]);
    let lines = String::from_utf8(run.stdout).unwrap();
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let verdicts: Vec<_> = lines.iter().filter_map(|line| line["verdict"].as_str()).collect();
    assert_eq!(verdicts, ["valid", "refused"], "{lines:?}");
    let summary = &lines.last().unwrap()["summary"];
    assert_eq!(summary["valid"], 1, "{summary}");
    assert_eq!((&summary["vouchers"], &summary["refused"]), (&2.into(), &1.into()));
    assert_eq!((&summary["posted"], &summary["duplicate"]), (&0.into(), &0.into()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_a_stream_come_in_order_and_a_refusal_is_one_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let mut client = server.posting().await;
    let request = |tag: u32| v1::PostVouchersRequest {
        tag: u64::from(tag),
        // Every tenth registers what stands already.
        voucher: Some(organisations(&format!("S-{tag:04}"), [if tag % 10 == 9 { 0 } else { tag }])),
        ..Default::default()
    };
    let requests: Vec<_> = (0..1_000).map(request).collect();
    let answers = client.post_vouchers(tokio_stream::iter(requests.clone())).await.unwrap();
    let answers: Vec<_> = answers.into_inner().map(Result::unwrap).collect().await;
    assert_eq!(answers.iter().map(|a| a.tag).collect::<Vec<_>>(), (0..1_000).collect::<Vec<_>>());
    let mut next = 0;
    for answer in &answers {
        match answer.outcome.as_ref().unwrap() {
            v1::post_vouchers_response::Outcome::Reply(reply) => {
                assert!(next <= reply.first_seq && !answer.duplicate);
                next = reply.last_seq + 1;
            }
            v1::post_vouchers_response::Outcome::Status(status) => {
                assert_eq!(answer.tag % 10, 9);
                assert_eq!(refusal_of(status).0, "MZ-5025");
            }
            v1::post_vouchers_response::Outcome::Preview(_) => panic!("{answer:?}"),
        }
    }
    let again = client.post_vouchers(tokio_stream::iter(requests)).await.unwrap();
    let again: Vec<_> = again.into_inner().map(Result::unwrap).collect().await;
    for (before, after) in answers.iter().zip(&again) {
        assert_eq!(before.outcome, after.outcome);
        assert_eq!(after.duplicate, after.tag % 10 != 9);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_in_chunks_is_posted_at_half_close_and_not_before() {
    use v1::post_voucher_stream_request::Part;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let mut client = server.posting().await;
    let voucher = organisations("C-1", 1..=3_000);
    let head = v1::VoucherHead { header: voucher.header.clone(), ..Default::default() };
    let mut parts = vec![Part::Head(head)];
    for lines in voucher.lines.chunks(700) {
        parts.push(Part::Chunk(v1::LineChunk { lines: lines.to_vec() }));
    }
    let parts: Vec<_> =
        parts.into_iter().map(|part| v1::PostVoucherStreamRequest { part: Some(part) }).collect();
    // A stream that its client gives up posts nothing, although the transport ends it as a whole one.
    let (sender, receiver) = tokio::sync::mpsc::channel(8);
    let calling = tokio::spawn({
        let mut client = server.posting().await;
        async move {
            let requests = tokio_stream::wrappers::ReceiverStream::new(receiver);
            client.post_voucher_stream(requests).await
        }
    });
    for part in parts.clone() {
        sender.send(part).await.unwrap();
    }
    calling.abort();
    assert!(calling.await.unwrap_err().is_cancelled());
    let unknown = client.get_voucher(get("C-1")).await.unwrap_err();
    assert_eq!(refusal(&unknown).0, "MZ-8004");
    // Not before: an end of the messages would be a half-close.
    drop(sender);
    let posted = client.post_voucher_stream(tokio_stream::iter(parts)).await.unwrap().into_inner();
    let Some(v1::post_voucher_stream_response::Outcome::Reply(reply)) = posted.outcome else {
        panic!()
    };
    assert_eq!(reply.last_seq - reply.first_seq, 3_000);
    server.stop().await;
}

/// What a client writes while the server is busy waits in frames of a voucher each: many, small and allowed.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_small_vouchers_to_a_busy_server_is_not_cut_off() {
    const BEHIND: u32 = 700;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(dir.path()).await;
    let mut client = server.posting().await;
    // Nothing is decided until everything is on its way.
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let node = server.node();
    let look = tokio::spawn(async move { node.look(move |_| wait.recv().is_ok()).await });
    let all = u32::try_from(STREAM_IN_FLIGHT_MAX).unwrap() + BEHIND;
    let (sender, requests) = tokio::sync::mpsc::channel(1);
    let writing = tokio::spawn(async move {
        for n in 0..all {
            let voucher = Some(organisations(&format!("B-{n}"), [n % 10_000]));
            let tag = u64::from(n);
            let request = v1::PostVouchersRequest { tag, voucher, ..Default::default() };
            sender.send(request).await.unwrap();
            // Each in a frame of its own.
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        go.send(()).unwrap();
    });
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    let mut answers = client.post_vouchers(requests).await.unwrap().into_inner();
    for tag in 0..u64::from(all) {
        assert_eq!(answers.message().await.unwrap().unwrap().tag, tag);
    }
    writing.await.unwrap();
    assert!(look.await.unwrap().unwrap().0);
    server.stop().await;
}
