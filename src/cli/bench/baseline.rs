//! The floors: what the same machine does in the same run with nothing but the disk, the hashes, the
//! network.
//!
//! Always: the same bytes as the run's own records and messages, so that every figure forms a ratio.

use std::fs::OpenOptions;
use std::hint::black_box;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

use super::{Latency, Load, Mode, rate};
use crate::cli::client::connect;
use crate::cli::clock;
use crate::cli::failure::Failure;
use crate::services;
use crate::services::generated::echo_client::EchoClient;
use crate::services::generated::echo_server::{Echo, EchoServer};

/// Records of a block of the raw append.
const BLOCK_RECORDS: usize = 1_000;
/// The file of the raw append, zero-filled before.
const FILE_BYTES: usize = 64 << 20;
/// Single writes whose sync is timed.
const SYNCS: usize = 200;
const SECONDS: f64 = 1.0;

/// What the machine does without a ledger.
#[derive(Clone, Debug, Default)]
pub(super) struct Baseline {
    pub(super) raw_append_lines_per_s: f64,
    pub(super) fdatasync: Latency,
    pub(super) blake3_records_per_s: f64,
    pub(super) sha256_leaves_per_s: f64,
    pub(super) echo_messages_per_s: f64,
}

/// What the floors are measured with.
pub(super) struct Sample<'a> {
    /// Where the raw append makes its file, and removes it again.
    pub(super) dir: &'a Path,
    /// Records of the run, as they stand in the log.
    pub(super) records: &'a [Vec<u8>],
    /// A request of the run.
    pub(super) message: Bytes,
    pub(super) load: &'a Load,
}

impl Baseline {
    /// Measures all floors, one after the other.
    pub(super) async fn measure(sample: &Sample<'_>) -> Result<Self, Failure> {
        let Sample { dir, records, message, load } = sample;
        let raw = raw_append(dir, records).map_err(|e| Failure::file(dir, &e))?;
        let streamed = load.mode == Mode::Stream;
        Ok(Self {
            raw_append_lines_per_s: raw.0,
            fdatasync: raw.1,
            blake3_records_per_s: spin(records, |record| {
                black_box(record::chain_hash(record));
            }),
            sha256_leaves_per_s: spin(records, |record| {
                black_box(tlog::tree::leaf_hash(record));
            }),
            echo_messages_per_s: echo(message.clone(), load.concurrency, streamed).await?,
        })
    }
}

/// Writes the records back to back, 1,000 a write, a sync each, into a zero-filled file of `dir`.
/// Returns lines a second and the latency of the sync of one record alone.
fn raw_append(dir: &Path, records: &[Vec<u8>]) -> io::Result<(f64, Latency)> {
    let path = dir.join("raw-append.tmp");
    let options = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
    let file = options?;
    let zeros = vec![0_u8; 1 << 20];
    for at in (0..FILE_BYTES).step_by(zeros.len()) {
        file.write_all_at(&zeros, u64::try_from(at).unwrap_or(0))?;
    }
    file.sync_all()?;
    let blocks: Vec<(Vec<u8>, usize)> =
        records.chunks(BLOCK_RECORDS).map(|chunk| (chunk.concat(), chunk.len())).collect();
    let (started, mut at, mut lines) = (clock::now(), 0_usize, 0_usize);
    while started.seconds() < SECONDS && !blocks.is_empty() {
        for (block, count) in &blocks {
            if FILE_BYTES < at.saturating_add(block.len()) {
                at = 0;
            }
            file.write_all_at(block, u64::try_from(at).unwrap_or(0))?;
            file.sync_data()?;
            at = at.saturating_add(block.len());
            lines = lines.saturating_add(*count);
        }
    }
    let per_second = rate(lines, started.seconds());
    let mut latency = Latency::default();
    let one = records.first().map_or(&[0_u8][..], Vec::as_slice);
    for n in 0..SYNCS {
        file.write_all_at(one, u64::try_from(n.saturating_mul(4_096)).unwrap_or(0))?;
        let started = clock::now();
        file.sync_data()?;
        latency.push(started.micros());
    }
    std::fs::remove_file(&path)?;
    Ok((per_second, latency))
}

/// Records a second that one core hashes.
fn spin(records: &[Vec<u8>], mut hash: impl FnMut(&[u8])) -> f64 {
    let (started, mut done) = (clock::now(), 0_usize);
    while started.seconds() < SECONDS && !records.is_empty() {
        for record in records {
            hash(record);
        }
        done = done.saturating_add(records.len());
    }
    rate(done, started.seconds())
}

struct Mirror;

#[tonic::async_trait]
impl Echo for Mirror {
    async fn unary(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    type StreamStream = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;

    async fn stream(
        &self,
        request: Request<Streaming<Bytes>>,
    ) -> Result<Response<Self::StreamStream>, Status> {
        Ok(Response::new(Box::pin(request.into_inner())))
    }
}

/// Messages a second that a server which does nothing answers, `in_flight` at a time, client and server on
/// this machine.
async fn echo(message: Bytes, in_flight: usize, stream: bool) -> Result<f64, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::unfinished(error);
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| failed(&e))?;
    let address = listener.local_addr().map_err(|e| failed(&e))?.to_string();
    let (stop, stopping) = watch::channel(false);
    let mut routes = Routes::builder();
    routes.add_service(EchoServer::new(Mirror).max_decoding_message_size(usize::MAX));
    let serving = tokio::spawn(services::server::serve(listener, None, routes.routes(), stopping));
    let channel = connect(address.as_str()).await?;
    let (started, done) = (
        clock::now(),
        if stream {
            streamed(channel, message, in_flight).await?
        } else {
            unary(channel, message, in_flight).await?
        },
    );
    let per_second = rate(done, started.seconds());
    stop.send_replace(true);
    serving.abort();
    Ok(per_second)
}

async fn unary(channel: Channel, message: Bytes, in_flight: usize) -> Result<usize, Failure> {
    let started = clock::now();
    let mut tasks = Vec::new();
    for _ in 0..in_flight {
        let (channel, message) = (channel.clone(), message.clone());
        tasks.push(tokio::spawn(async move {
            let mut client = EchoClient::new(channel).max_decoding_message_size(usize::MAX);
            let mut done = 0_usize;
            while started.seconds() < SECONDS {
                client.unary(message.clone()).await?;
                done = done.saturating_add(1);
            }
            Ok::<usize, Status>(done)
        }));
    }
    let mut all = 0_usize;
    for task in tasks {
        let done = task.await.map_err(Failure::unfinished)??;
        all = all.saturating_add(done);
    }
    Ok(all)
}

async fn streamed(channel: Channel, message: Bytes, in_flight: usize) -> Result<usize, Failure> {
    let mut client = EchoClient::new(channel).max_decoding_message_size(usize::MAX);
    let (sender, requests) = mpsc::channel(in_flight);
    let mut answers = client.stream(ReceiverStream::new(requests)).await?.into_inner();
    let (started, mut done) = (clock::now(), 0_usize);
    let closed = |_| Failure::unfinished("the echo stream ended");
    for _ in 0..in_flight {
        sender.send(message.clone()).await.map_err(closed)?;
    }
    while started.seconds() < SECONDS {
        let Some(answer) = answers.next().await else { break };
        answer?;
        done = done.saturating_add(1);
        sender.send(message.clone()).await.map_err(closed)?;
    }
    drop((sender, tokio::time::timeout(Duration::from_millis(10), answers.next()).await));
    Ok(done)
}
