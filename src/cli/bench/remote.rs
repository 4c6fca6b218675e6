//! A server: the load over gRPC.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use proto::v1;
use proto::v1::admin_client::AdminClient;
use record::Record;
use record::limits::MESSAGE_BYTES_MAX;
use tonic::Request;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;

use super::baseline::{Baseline, Sample};
use super::{Args, Load, Measured, Mode, Round, reads, vouchers};
use crate::cli::client::connect;
use crate::cli::clock::{self, Started};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::poster::{Item, PATIENCE, Poster, Verdict};
use crate::cli::source::Server;
use crate::cli::{log, runtime};
use crate::services::codec::ReadyCodec;
use crate::wire;

/// Records of which the floors are measured.
const SAMPLE: u64 = 20_000;
const POST_VOUCHER: &str = "/mingzhang.v1.Posting/PostVoucher";
const POST_VOUCHERS: &str = "/mingzhang.v1.Posting/PostVouchers";

pub(super) fn measure(
    args: &Args,
    load: &Load,
    server: &Server,
    out: &mut Output,
) -> Result<Measured, Failure> {
    let runtime = runtime()?;
    let channel = runtime.block_on(connect(server))?;
    let work = vouchers::load(args);
    let plan = work.plan();
    let codes = (0..plan.households()).map(|n| plan.household_code(n).to_string());
    let codes: Vec<String> = codes.filter(|_| load.mode == Mode::Read).collect();
    if load.mode != Mode::Read || !runtime.block_on(reads::hold(&channel, &codes))? {
        out.progress("registering households");
        let setup = to_wire(&vouchers::documents(work.setup())?)?;
        runtime.block_on(post_all(&channel, setup))?;
    }
    let mut payments =
        work.payments(args.lines, std::process::id().checked_rem(1_000).unwrap_or(0), 1_000);
    let mut size = runtime.block_on(status(&channel))?.position.saturating_add(1);
    while size < args.preload {
        out.progress(format!("{size} of {} records before the measurement", args.preload));
        let some = to_wire(&vouchers::documents(payments.by_ref().take(256))?)?;
        runtime.block_on(post_all(&channel, some))?;
        size = runtime.block_on(status(&channel))?.position.saturating_add(1);
    }
    let mut rounds = Vec::new();
    let mut floors = Vec::new();
    for round in 1..=args.rounds {
        out.progress(format!("round {round} of {}", args.rounds));
        let mut message = Bytes::new();
        let mut measured = if load.mode == Mode::Read {
            runtime.block_on(reads::run(&channel, &codes, load))?
        } else {
            let some = payments.by_ref().take(vouchers::ahead(args.lines));
            let wire = to_wire(&vouchers::documents(some)?)?;
            let ready = encoded(wire, load.mode);
            message = ready.first().cloned().unwrap_or_default();
            match load.mode {
                Mode::Stream => runtime.block_on(stream(&channel, ready, load))?,
                _ => runtime.block_on(unary(&channel, ready, load))?,
            }
        };
        let head = runtime.block_on(status(&channel))?.position;
        let records = runtime.block_on(sample(&channel, head))?;
        if load.mode != Mode::Read {
            measured.bytes = bytes_of(&records, measured.lines);
        }
        rounds.push(measured);
        let records = &records;
        let sample = Sample { dir: &args.dir, records, message, load };
        floors.push(runtime.block_on(Baseline::measure(&sample))?);
    }
    let status = runtime.block_on(status(&channel))?;
    Ok(Measured {
        rounds,
        floors,
        position: Some(status.position),
        rss_bytes: status.resident_bytes,
    })
}

fn to_wire(vouchers: &[ledger::voucher::Voucher]) -> Result<Vec<v1::Voucher>, Failure> {
    let refused = |_| Failure::unfinished("a voucher of the generator has no message");
    vouchers.iter().map(|voucher| wire::voucher(voucher).map_err(refused)).collect()
}

async fn status(channel: &Channel) -> Result<v1::StatusResponse, Failure> {
    let mut client = AdminClient::new(channel.clone());
    Ok(client.status(v1::StatusRequest::default()).await?.into_inner())
}

/// Bytes that so many lines of such records take, headers and seals among them.
fn bytes_of(records: &[Vec<u8>], lines: u64) -> u64 {
    let is_line = |bytes: &&Vec<u8>| Record::parse(bytes).is_ok_and(|record| 0 < record.part());
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let bytes = count(records.iter().map(Vec::len).sum());
    let of_sample = count(records.iter().filter(is_line).count());
    bytes.saturating_mul(lines).checked_div(of_sample).unwrap_or(0)
}

async fn post_all(channel: &Channel, vouchers: Vec<v1::Voucher>) -> Result<(), Failure> {
    let mut poster = Poster::new(channel.clone(), false, PATIENCE);
    let mut failed = None;
    let mut done = |(), verdict| {
        let failure = match verdict {
            Verdict::Refused(status) | Verdict::Unreadable(status, _) => Failure::rpc(&status),
            Verdict::Unknown(why) | Verdict::Unsent(why) => Failure::unfinished(why.message),
            Verdict::Posted(..) | Verdict::Valid(_) => return,
        };
        failed.get_or_insert(failure);
    };
    for voucher in vouchers {
        poster.push(Item { voucher, context: () }, &mut done).await;
    }
    poster.finish(&mut done).await;
    failed.map_or(Ok(()), Err)
}

/// Waits until the `n`-th voucher is due; returns when it was, or now when none is offered by the clock.
pub(super) async fn due(started: Started, n: usize, rate: Option<u32>) -> Started {
    let Some(rate) = rate else { return clock::now() };
    let micros = u64::try_from(n)
        .unwrap_or(0)
        .saturating_mul(1_000_000)
        .checked_div(u64::from(rate))
        .unwrap_or(0);
    let wait = micros.saturating_sub(started.micros());
    tokio::time::sleep(Duration::from_micros(wait)).await;
    started.later(micros)
}

/// Makes the requests of a round ahead of its clock, as the echo's are: the client has the server's two
/// cores.
fn encoded(vouchers: Vec<v1::Voucher>, mode: Mode) -> Vec<Bytes> {
    let request = |(tag, voucher)| match mode {
        Mode::Stream => {
            let voucher = Some(voucher);
            v1::PostVouchersRequest { tag, voucher, ..Default::default() }.encode_to_vec()
        }
        _ => {
            v1::PostVoucherRequest { voucher: Some(voucher), ..Default::default() }.encode_to_vec()
        }
    };
    (0_u64..).zip(vouchers).map(|numbered| Bytes::from(request(numbered))).collect()
}

/// A client that sends what was encoded before.
fn sender(channel: &Channel) -> Grpc<Channel> {
    Grpc::new(channel.clone())
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
}

async fn is_ready(client: &mut Grpc<Channel>) -> Result<(), Failure> {
    client.ready().await.map_err(Failure::unfinished)
}

async fn unary(channel: &Channel, ready: Vec<Bytes>, load: &Load) -> Result<Round, Failure> {
    let (ready, next) = (Arc::new(ready), Arc::new(AtomicUsize::new(0)));
    let started = clock::now();
    let mut tasks = Vec::new();
    for _ in 0..load.concurrency {
        let (ready, next, load) = (Arc::clone(&ready), Arc::clone(&next), *load);
        let mut client = sender(channel);
        tasks.push(tokio::spawn(async move {
            let mut round = Round::default();
            while started.seconds() < load.seconds {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let Some(message) = ready.get(n) else { break };
                let offered = due(started, n, load.rate).await;
                is_ready(&mut client).await?;
                let codec = ReadyCodec::<v1::PostVoucherResponse>::default();
                client
                    .unary(
                        Request::new(message.clone()),
                        PathAndQuery::from_static(POST_VOUCHER),
                        codec,
                    )
                    .await?;
                round.lines = round.lines.saturating_add(u64::from(load.lines));
                round.vouchers = round.vouchers.saturating_add(1);
                round.latency.push(offered.micros());
            }
            Ok::<Round, Failure>(round)
        }));
    }
    let mut all = Round::default();
    for task in tasks {
        add(&mut all, &task.await.map_err(Failure::unfinished)??);
    }
    all.seconds = started.seconds();
    Ok(all)
}

pub(super) fn add(all: &mut Round, round: &Round) {
    if all.reads.is_empty() {
        all.reads.clone_from(&round.reads);
    } else {
        for ((_, all), (_, more)) in all.reads.iter_mut().zip(&round.reads) {
            *all = std::mem::take(all).with(more);
        }
    }
    all.lines = all.lines.saturating_add(round.lines);
    all.vouchers = all.vouchers.saturating_add(round.vouchers);
    all.latency = std::mem::take(&mut all.latency).with(&round.latency);
}

async fn stream(channel: &Channel, ready: Vec<Bytes>, load: &Load) -> Result<Round, Failure> {
    use tokio::sync::mpsc;
    use tokio_stream::wrappers::ReceiverStream;
    let mut client = sender(channel);
    let (sender, requests) = mpsc::channel(load.concurrency);
    is_ready(&mut client).await?;
    let codec = ReadyCodec::<v1::PostVouchersResponse>::default();
    let requests = Request::new(ReceiverStream::new(requests));
    let mut answers = client
        .streaming(requests, PathAndQuery::from_static(POST_VOUCHERS), codec)
        .await?
        .into_inner();
    let (started, mut round) = (clock::now(), Round::default());
    let mut flying = std::collections::VecDeque::new();
    let mut ready = ready.into_iter().enumerate();
    loop {
        while flying.len() < load.concurrency && started.seconds() < load.seconds {
            let Some((n, request)) = ready.next() else { break };
            flying.push_back(due(started, n, load.rate).await);
            let ended = |_| Failure::unfinished("the stream ended");
            sender.send(request).await.map_err(ended)?;
        }
        let Some(offered) = flying.pop_front() else { break };
        let answer = answers.message().await?;
        let answer = answer.ok_or_else(|| Failure::unfinished("the stream ended"))?;
        if let Some(v1::post_vouchers_response::Outcome::Status(status)) = &answer.outcome {
            return Err(Failure::rpc(status));
        }
        round.lines = round.lines.saturating_add(u64::from(load.lines));
        round.vouchers = round.vouchers.saturating_add(1);
        round.latency.push(offered.micros());
    }
    round.seconds = started.seconds();
    Ok(round)
}

async fn sample(channel: &Channel, head: u64) -> Result<Vec<Vec<u8>>, Failure> {
    let mut client = log::client(channel.clone());
    let request = v1::ReadRecordsRequest {
        from: head.saturating_sub(SAMPLE),
        raw_only: true,
        ..v1::ReadRecordsRequest::default()
    };
    let mut stream = client.read_records(request).await?.into_inner();
    let mut records = Vec::new();
    while let Some(message) = stream.message().await? {
        records.extend(message.records.into_iter().map(|record| record.raw));
    }
    Ok(records)
}
