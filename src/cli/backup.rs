//! `mingzhang backup`: a copy of all truth but keys and vault, beside a running server.

use std::path::{Path, PathBuf};

use clap::Parser;
use journal::{Reader as _, RealDisk};
use ledger::reject::Reason;
use proto::v1;
use proto::v1::admin_client::AdminClient;
use proto::v1::audit_client::AuditClient;
use record::{Record, Seq};
use serde_json::json;
use tonic::transport::Channel;

use super::client::connect;
use super::copy::{Copy, Published};
use super::failure::Failure;
use super::making::Making;
use super::output::{Output, count, plural};
use super::source::{Place, Server, Source, read_only};
use super::{log, runtime};
use crate::node::checkpoint::PUBLISHED_DIR;
use crate::node::{self, checkpoint};

/// Copy a ledger's log and checkpoints, while it is served
///
/// The copy is a data directory without keys: `mingzhang verify` checks it as it is.
#[derive(Debug, Parser)]
#[command(after_help = "Example: mingzhang backup --data /srv/ledger --out /backup/2016-12-31")]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// Folder to make; it must not hold anything
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Last position to copy; inside a voucher the copy ends before it
    #[arg(long, value_name = "N")]
    to_seq: Option<u64>,
}

/// Code of a ledger without a published checkpoint.
const NOT_FOUND: &str = "MZ-8005";

/// What was copied.
struct Copied {
    origin: String,
    records: u64,
    checkpoints: u64,
    /// Why no checkpoint is among it.
    no_checkpoint: Option<String>,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    let place = args.source.place()?;
    let making = Making::begin(&args.out)?;
    let copied = match place {
        Place::Directory(data) => from_directory(&data, args, making.path(), out)?,
        Place::Server(server) => {
            runtime()?.block_on(from_server(&server, args, making.path(), out))?
        }
    };
    let made = making.finish()?;
    out.wipe();
    out.document(&json!({
        "what": "backup",
        "position": copied.records.checked_sub(1),
        "files": made.files,
        "records": copied.records,
        "bytes": made.bytes,
        "origin": copied.origin,
        "checkpoints": copied.checkpoints,
    }));
    out.line(format!(
        "{}: {}, {}, {}; keys and vault are not in it",
        args.out.display(),
        copied.origin,
        plural(copied.records, "record"),
        plural(copied.checkpoints, "checkpoint")
    ));
    if let Some(why) = copied.no_checkpoint {
        out.note(format!("no checkpoint was copied: {why}"));
    }
    Ok(0)
}

fn from_directory(
    data: &Path,
    args: &Args,
    to: &Path,
    out: &mut Output,
) -> Result<Copied, Failure> {
    let node::Offline { reader, genesis, opened, .. } = read_only(data)?;
    let head = opened.head.next_seq.0.saturating_sub(1);
    let last = args.to_seq.unwrap_or(head);
    if head < last {
        return Err(Reason::PositionAhead { head: Seq(head), asked: Seq(last) }.into());
    }
    let (disk, origin) = (RealDisk::new(data), genesis.origin.clone());
    let sizes = checkpoint::sizes(&disk, "");
    let sizes = sizes.map_err(|error| Failure::file(&data.join(PUBLISHED_DIR), &error))?;
    let read = move |size| checkpoint::of_size(&disk, "", size, &origin);
    let published = Published { sizes, read: Box::new(read) };
    let failed = |error: node::Error| Failure::ledger(data, &error);
    let mut copy = Copy::begin(to, &genesis.origin, published)?;
    'log: for block in reader.blocks(Seq(0)) {
        let block = block.map_err(|error| failed(error.into()))?;
        out.progress(format!("{} of {last} records", block.first_seq()));
        for record in block.records() {
            if last < record.seq().0 {
                break 'log;
            }
            copy.push(&record).map_err(failed)?;
        }
    }
    let (records, checkpoints) = copy.finish()?;
    let none = || format!("none speaks of these {}", plural(records, "record"));
    let no_checkpoint = (checkpoints == 0).then(none);
    Ok(Copied { origin: genesis.origin, records, checkpoints, no_checkpoint })
}

/// Copies over gRPC: the newest published checkpoint first, so that the records reach as far.
async fn from_server(
    server: &Server,
    args: &Args,
    to: &Path,
    out: &mut Output,
) -> Result<Copied, Failure> {
    let channel = connect(server).await?;
    let mut admin = AdminClient::new(channel.clone());
    let origin = admin.status(v1::StatusRequest::default()).await?.into_inner().origin;
    let newest = newest(channel.clone()).await?;
    // A server gives its newest alone; the files have them all.
    let size = newest.as_ref().map(|newest| newest.size);
    let mut copy = Copy::begin(to, &origin, Published::one(newest))?;
    let request = v1::ReadRecordsRequest {
        to: args.to_seq,
        raw_only: true,
        ..v1::ReadRecordsRequest::default()
    };
    let mut stream = log::client(channel).read_records(request).await?.into_inner();
    while let Some(message) = stream.message().await? {
        for sent in &message.records {
            let record = Record::parse(&sent.raw)
                .map_err(|error| Failure::damaged(format!("record {}: {error}", sent.seq)))?;
            copy.push(&record)?;
        }
        let seq = message.records.last().map_or(0, |record| record.seq);
        out.progress(format!("{seq} of {} records", message.head));
    }
    let (records, checkpoints) = copy.finish()?;
    let no_checkpoint = match size {
        Some(size) if records < size => {
            let (size, records) = (count(size), plural(records, "record"));
            Some(format!("the newest speaks of {size} records, here are {records}"))
        }
        Some(_) => None,
        None => Some("none was published yet".to_owned()),
    };
    Ok(Copied { origin, records, checkpoints, no_checkpoint })
}

/// Returns a server's newest published checkpoint; `None` when nothing was published yet.
async fn newest(channel: Channel) -> Result<Option<node::Signed>, Failure> {
    let request = v1::GetCheckpointRequest::default();
    let newest = match AuditClient::new(channel).get_checkpoint(request).await {
        Ok(newest) => newest.into_inner(),
        Err(status) => match Failure::call(&status) {
            none if none.code == NOT_FOUND => return Ok(None),
            failure => return Err(failure),
        },
    };
    let root = newest.root.as_slice().try_into();
    let root = root.map_err(|_| Failure::damaged("the checkpoint's root is no hash"))?;
    Ok(Some(node::Signed { note: newest.checkpoint, size: newest.size, root }))
}
