//! What is large, slow or many is answered or held back by a limit, and says so.
//!
//! Lives here: limits that a client meets on the wire.
//! Lives elsewhere: one past each limit of a voucher (`refusals`), of a message (`wire`).

use mingzhang::services::status::{of_call, told, total};
use proto::v1;
use proto::v1::post_voucher_stream_request::Part;

use crate::server::{Server, mingzhang, organisations, post, refusal};

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
    const LINES: u32 = 8_000;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let file = dir.path().join("wrong.jsonl");
    let mut text = format!(
        "{{\"type\":\"voucher\",\"organisation\":\"PO44\",\"voucher_no\":\"L-2\",\
         \"effective_date\":\"2016-07-01\",\"prepared_by\":\"p.po44\",\"line_count\":{LINES},\"total_yuan\":\"0.00\"}}\n"
    );
    let memo = "字".repeat(200);
    for n in 1..=LINES {
        writeln!(
            text,
            "{{\"type\":\"line\",\"line_no\":{n},\"kind\":\"DisbursedToHousehold\",\
             \"household\":\"none\",\"memo\":\"{memo}\"}}"
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
    let run = tokio::time::timeout(std::time::Duration::from_secs(20), run).await;
    let run = run.expect("it goes on trying").unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(1), "{said}");
    assert!(said.contains("error[MZ-10"), "{said}");
    assert!(said.contains("wrong.jsonl:2, "), "{said}");
    assert!(said.contains(" more refusals"), "{said}");
    assert!(String::from_utf8(run.stdout).unwrap().contains("1 refused"));
    server.stop().await;
}
