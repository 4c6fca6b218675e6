//! `Admin`: how a server is doing.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};

use ledger::reject::Reason;
use proto::v1;
use record::{Seq, VERSION};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use views::{VERSION as VIEWS_VERSION, ViewDigest, Views};

use super::scope;
use super::status::refuse;
use crate::auth::{StreamPlace, authenticate};
use crate::memory::resident_bytes;
use crate::node::replay::{Parts, Replay};
use crate::node::{Counters, Handle, lookup};

pub use super::generated::admin_server::AdminServer as Server;

/// Bytes of rows in one message.
const CHUNK_BYTES: usize = 256 << 10;
/// Messages that wait for a slow reader.
const AHEAD: usize = 4;

/// The service.
#[derive(Clone)]
pub struct Admin {
    node: Handle,
    trusted_loopback: bool,
}

impl Admin {
    /// Makes the service of a ledger; `trusted_loopback` when it is served without TLS.
    pub fn new(node: Handle, trusted_loopback: bool) -> Self {
        Self { node, trusted_loopback }
    }
}

#[tonic::async_trait]
impl super::generated::admin_server::Admin for Admin {
    type ListViewRowsStream =
        Pin<Box<dyn Stream<Item = Result<v1::ListViewRowsResponse, Status>> + Send>>;

    async fn list_view_rows(
        &self,
        request: Request<v1::ListViewRowsRequest>,
    ) -> Result<Response<Self::ListViewRowsStream>, Status> {
        let identity = authenticate(&request)?;
        scope::operator(&self.node, identity).await?;
        let place = StreamPlace::take(&request)?;
        let asked = request.into_inner();
        let head = self.node.applied().position();
        let at = Seq(asked.at.unwrap_or(head.0));
        if head < at {
            return Err(refuse(Reason::PositionAhead { head, asked: at }));
        }
        let (sender, receiver) = mpsc::channel(AHEAD);
        let node = self.node.clone();
        // A number that no view has gives no rows.
        let view = u16::try_from(asked.view).unwrap_or(u16::MAX);
        tokio::task::spawn_blocking(move || {
            let _place = place;
            send_rows(&node, view, at, &sender);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn status(
        &self,
        request: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusResponse>, Status> {
        let identity = authenticate(&request)?;
        scope::operator(&self.node, identity).await?;
        let asked = request.into_inner();
        let node = &self.node;
        let mut out = self.counters();
        if asked.with_digests || asked.digests_at.is_some() {
            self.digests(asked.digests_at, &mut out).await?;
        }
        let applied = node.applied();
        let genesis = node.genesis();
        let why = node.not_serving();
        out.origin.clone_from(&genesis.origin);
        out.position = applied.position().0;
        out.chain_hash = applied.chain_hash().to_vec();
        out.epoch = node.epoch();
        out.tree_size = applied.size();
        out.tree_root = applied.root().to_vec();
        out.synthetic = genesis.synthetic;
        out.seed = genesis.synthetic.then_some(genesis.seed);
        out.trusted_loopback = self.trusted_loopback;
        out.journal = v1::JournalKind::Segments.into();
        out.serving = why.is_none();
        out.not_serving_why = why.unwrap_or_default();
        out.started_ms = node.started_ms();
        out.resident_bytes = resident_bytes();
        out.versions = Some(v1::Versions {
            software: env!("CARGO_PKG_VERSION").to_owned(),
            record_format: u32::from(VERSION),
            views: u32::from(VIEWS_VERSION),
        });
        out.vkeys.clone_from(&genesis.vkeys);
        out.published_size = node.published().map(|signed| signed.size);
        Ok(Response::new(out))
    }
}

impl Admin {
    fn counters(&self) -> v1::StatusResponse {
        let counters: &Counters = self.node.counters();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (queued, bytes) = self.node.queue();
        let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let refusal = |(code, count)| v1::RefusalCount { code: format!("MZ-{code:04}"), count };
        v1::StatusResponse {
            counters: Some(v1::Counters {
                vouchers_posted: read(&counters.vouchers_posted),
                lines_posted: read(&counters.lines_posted),
                duplicates: read(&counters.duplicates),
                dry_runs: read(&counters.dry_runs),
                refusals: counters.refusals().into_iter().map(refusal).collect(),
                blocks: read(&counters.blocks),
                queue_vouchers: number(queued),
                queue_bytes: number(bytes),
            }),
            ..v1::StatusResponse::default()
        }
    }

    /// Fills in the digests of all views, at the head or at a position before it.
    async fn digests(
        &self,
        asked: Option<u64>,
        out: &mut v1::StatusResponse,
    ) -> Result<(), Status> {
        let head = self.node.applied().position();
        let asked = Seq(asked.unwrap_or(head.0));
        if head < asked {
            return Err(refuse(Reason::PositionAhead { head, asked }));
        }
        let node = self.node.clone();
        let digests = move || {
            {
                // The committer takes this lock for every block, and sets the head before it gives it back.
                let mut views = node.views_mut();
                let position = views.position();
                if position == Some(asked) {
                    return Ok((asked, views.digests(), views.views_digest()));
                }
            }
            let (position, mut views) = views_at(&node, asked)?;
            Ok((position, views.digests(), views.views_digest()))
        };
        let (position, views, all) = self.node.blocking(digests).await.map_err(refuse)?;
        let digest = |d: ViewDigest| v1::ViewDigest {
            view: u32::from(d.number),
            name: d.name.to_owned(),
            rows: d.rows,
            digest: d.digest.to_vec(),
        };
        out.digests_position = position.0;
        out.views = views.into_iter().map(digest).collect();
        out.views_digest = all.to_vec();
        Ok(())
    }
}

/// Replays the log up to a position; inside a voucher to the end of the one before.
fn views_at(node: &Handle, asked: Seq) -> Result<(Seq, Views), Reason> {
    let parts = Parts { state: false, tree: false };
    let mut replay = Replay::new([0; 32], parts);
    let reader = node.reader();
    let run = replay.run(&*reader, Some(asked), &mut |_| Ok(()), &mut |_| Ok(()), &mut |_| ());
    run.map_err(|error| error.reason().unwrap_or_else(|| lookup::unreadable_here(asked)))?;
    Ok((Seq(replay.next_seq().0.saturating_sub(1)), replay.views))
}

type Sender = mpsc::Sender<Result<v1::ListViewRowsResponse, Status>>;

/// Sends the rows of a view as it stood at a position.
fn send_rows(node: &Handle, view: u16, asked: Seq, sender: &Sender) {
    // A copy that shares what does not change: whoever posts does not wait for the scan.
    let shared = {
        let mut views = node.views_mut();
        (views.position() == Some(asked)).then(|| views.share())
    };
    let views = match shared.map_or_else(|| views_at(node, asked).map(|(_, views)| views), Ok) {
        Ok(views) => views,
        Err(reason) => return drop(sender.blocking_send(Err(refuse(reason)))),
    };
    let (mut rows, mut bytes) = (Vec::new(), 0_usize);
    let send = |rows| sender.blocking_send(Ok(v1::ListViewRowsResponse { rows })).is_ok();
    let mut listening = true;
    views.scan(&mut |row| {
        if !listening || row.first_chunk() != Some(&view.to_le_bytes()) {
            return;
        }
        rows.push(row.to_vec());
        bytes = bytes.saturating_add(row.len());
        if CHUNK_BYTES <= bytes {
            bytes = 0;
            listening = send(std::mem::take(&mut rows));
        }
    });
    if listening && !rows.is_empty() {
        send(rows);
    }
}
