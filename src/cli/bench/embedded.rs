//! A ledger in this process: the load without a network.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use ledger::voucher::Voucher;
use prost::Message as _;
use proto::v1;
use record::Seq;

use super::baseline::{Baseline, Sample};
use super::{Args, Load, Measured, Mode, Round, SEED, vouchers};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::{clock, init, runtime};
use crate::memory::resident_bytes;
use crate::node::{self, Answer, Config, Handle, Node, Post};
use crate::wire;

/// Records of which the floors are measured.
const SAMPLE: usize = 20_000;

pub(super) fn measure(args: &Args, load: &Load, out: &mut Output) -> Result<Measured, Failure> {
    let dir = args.dir.join(format!("bench-{}.tmp", std::process::id()));
    if load.mode == Mode::Read {
        return Err(Failure::usage("--mode read needs --to ADDR")
            .with_hint("a ledger in this process has no network to read over"));
    }
    let measured = measure_in(&dir, args, load, out);
    // What is left of a failed run is in the way of the next one.
    drop(std::fs::remove_dir_all(&dir));
    measured
}

fn measure_in(dir: &Path, args: &Args, load: &Load, out: &mut Output) -> Result<Measured, Failure> {
    out.progress("making the ledger");
    init::make(dir, "bench.example/embedded", Some(SEED), None, out)?;
    let node = node::open(&Config::at(dir)).map_err(|error| Failure::ledger(dir, &error))?;
    let work = vouchers::load(args);
    let runtime = runtime()?;
    let handle = node.handle();
    out.progress("registering households");
    let setup = vouchers::documents(work.setup())?;
    runtime.block_on(post_all(&handle, setup))?;
    let mut payments = work.payments(args.lines, 0, 1);
    let mut position = handle.applied().size();
    while position < args.preload {
        out.progress(format!("{position} of {} records before the measurement", args.preload));
        let some = vouchers::documents(payments.by_ref().take(64))?;
        runtime.block_on(post_all(&handle, some))?;
        position = handle.applied().size();
    }
    let mut rounds = Vec::new();
    let mut floors = Vec::new();
    for round in 1..=args.rounds {
        out.progress(format!("round {round} of {}", args.rounds));
        let ready = vouchers::documents(payments.by_ref().take(vouchers::ahead(args.lines)))?;
        let voucher = ready.first().and_then(|first| wire::voucher(first).ok());
        let request = v1::PostVoucherRequest { voucher, ..v1::PostVoucherRequest::default() };
        let message = Bytes::from(request.encode_to_vec());
        rounds.push(runtime.block_on(round_of(&handle, ready, load))?);
        let records = sample(&node)?;
        let sample = Sample { dir, records: &records, message, load };
        floors.push(runtime.block_on(Baseline::measure(&sample))?);
    }
    let position = handle.applied().position().0;
    drop((handle, runtime));
    node.stop()?;
    Ok(Measured { rounds, floors, position: Some(position), rss_bytes: resident_bytes() })
}

/// The last line records of the log.
fn sample(node: &Node) -> Result<Vec<Vec<u8>>, Failure> {
    let handle = node.handle();
    let from = handle.applied().size().saturating_sub(u64::try_from(SAMPLE).unwrap_or(0));
    let mut records = Vec::new();
    for block in handle.reader().blocks(Seq(from)) {
        let block = block.map_err(node::Error::from)?;
        records.extend(block.records().filter(|r| 0 < r.part()).map(|r| r.bytes().to_vec()));
    }
    Ok(records)
}

async fn post_all(handle: &Handle, vouchers: Vec<Voucher>) -> Result<(), Failure> {
    let mut pending = std::collections::VecDeque::new();
    for voucher in vouchers {
        if 8 <= pending.len()
            && let Some(first) = pending.pop_front()
        {
            accepted(handle.answer(first).await)?;
        }
        pending.push_back(handle.begin(to_post(voucher)));
    }
    for pending in pending {
        accepted(handle.answer(pending).await)?;
    }
    Ok(())
}

fn to_post(voucher: Voucher) -> Post {
    Post { voucher, validate_only: false, origin: String::new(), identity: None, key_hash: None }
}

fn accepted(answer: Answer) -> Result<u64, Failure> {
    match answer {
        Answer::Posted { reply, .. } => Ok(reply.last_seq.0.saturating_sub(reply.first_seq.0)),
        Answer::Refused(reject) => match reject.refusals.first() {
            Some(first) => Err(first.reason.clone().into()),
            None => Err(Failure::unfinished("a voucher of the workload was refused")),
        },
        Answer::Preview { .. } => Err(Failure::unfinished("a voucher was only tried")),
    }
}

async fn round_of(handle: &Handle, ready: Vec<Voucher>, load: &Load) -> Result<Round, Failure> {
    let ready: Arc<Vec<Voucher>> = Arc::new(ready);
    let next = Arc::new(AtomicUsize::new(0));
    let before = handle.applied().size();
    let started = clock::now();
    let mut tasks = Vec::new();
    for _ in 0..load.concurrency {
        let (handle, ready, next) = (handle.clone(), Arc::clone(&ready), Arc::clone(&next));
        let load = *load;
        tasks.push(tokio::spawn(async move {
            let mut round = Round::default();
            while started.seconds() < load.seconds {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let Some(voucher) = ready.get(n) else { break };
                let offered = super::remote::due(started, n, load.rate).await;
                let lines = accepted(handle.post(to_post(voucher.clone())).await)?;
                round.lines = round.lines.saturating_add(lines);
                round.vouchers = round.vouchers.saturating_add(1);
                round.latency.push(offered.micros());
            }
            Ok::<Round, Failure>(round)
        }));
    }
    let mut all = Round::default();
    for task in tasks {
        let round = task.await.map_err(Failure::unfinished)??;
        all.lines = all.lines.saturating_add(round.lines);
        all.vouchers = all.vouchers.saturating_add(round.vouchers);
        all.latency = all.latency.with(&round.latency);
    }
    all.seconds = started.seconds();
    all.bytes = written(handle, before)?;
    Ok(all)
}

/// Bytes of line records and their headers since a size.
fn written(handle: &Handle, before: u64) -> Result<u64, Failure> {
    let mut bytes = 0_u64;
    for block in handle.reader().blocks(Seq(before)) {
        let block = block.map_err(node::Error::from)?;
        bytes = bytes.saturating_add(u64::from(block.header().body_len));
    }
    Ok(bytes)
}
