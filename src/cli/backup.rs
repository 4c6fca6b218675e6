//! `mingzhang backup`: a copy of all truth but keys and vault, beside a running server.

use std::path::{Path, PathBuf};

use clap::Parser;
use journal::{Disk as _, Reader as _, RealDisk};
use ledger::reject::Reason;
use proto::v1;
use proto::v1::admin_client::AdminClient;
use proto::v1::audit_client::AuditClient;
use record::{Record, Seq};
use serde_json::json;

use super::client::connect;
use super::copy::Copy;
use super::failure::Failure;
use super::making::Making;
use super::output::{Output, count, plural};
use super::source::{Place, Server, Source, read_only};
use super::{log, runtime};
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
    bytes: u64,
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
    making.finish()?;
    out.wipe();
    let segments = std::fs::read_dir(args.out.join("segments")).map_or(0, Iterator::count);
    let files = u64::try_from(segments).unwrap_or(0).saturating_add(copied.checkpoints);
    out.document(&json!({
        "what": "backup",
        "position": copied.records.checked_sub(1),
        "files": files,
        "records": copied.records,
        "bytes": copied.bytes,
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
    let node::Offline { reader, genesis, opened } = read_only(data)?;
    let head = opened.head.next_seq.0.saturating_sub(1);
    let last = args.to_seq.unwrap_or(head);
    if head < last {
        return Err(Reason::PositionAhead { head: Seq(head), asked: Seq(last) }.into());
    }
    let mut copy = Copy::begin(to, &genesis.origin)?;
    'log: for block in reader.blocks(Seq(0)) {
        let block = block.map_err(|error| Failure::ledger(data, &error.into()))?;
        out.progress(format!("{} of {last} records", block.first_seq()));
        for record in block.records() {
            if last < record.seq().0 {
                break 'log;
            }
            copy.push(&record)?;
        }
    }
    let (records, bytes) = copy.finish()?;
    let checkpoints = copy_checkpoints(data, to, &genesis.origin, records)?;
    let none = || format!("none speaks of these {}", plural(records, "record"));
    let no_checkpoint = (checkpoints == 0).then(none);
    Ok(Copied { origin: genesis.origin, records, bytes, checkpoints, no_checkpoint })
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
    let request = v1::GetCheckpointRequest::default();
    let newest = match AuditClient::new(channel.clone()).get_checkpoint(request).await {
        Ok(newest) => Some(newest.into_inner()),
        Err(status) => match Failure::call(&status) {
            // A ledger that has published nothing yet has nothing to copy.
            none if none.code == NOT_FOUND => None,
            failure => return Err(failure),
        },
    };
    let mut copy = Copy::begin(to, &origin)?;
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
    let (records, bytes) = copy.finish()?;
    let (mut checkpoints, mut no_checkpoint) = (0, None);
    match newest {
        // A server gives its newest alone; the files have them all.
        Some(newest) if records < newest.size => {
            let (size, records) = (count(newest.size), plural(records, "record"));
            no_checkpoint =
                Some(format!("the newest speaks of {size} records, here are {records}"));
        }
        Some(newest) => {
            let root = newest.root.as_slice().try_into();
            let root = root.map_err(|_| Failure::damaged("the checkpoint's root is no hash"))?;
            let signed = node::Signed { note: newest.checkpoint, size: newest.size, root };
            let published = checkpoint::publish(&RealDisk::new(to), "", &signed);
            published.map_err(|error| Failure::file(to, &error))?;
            checkpoints = 1;
        }
        None => no_checkpoint = Some("none was published yet".to_owned()),
    }
    Ok(Copied { origin, records, bytes, checkpoints, no_checkpoint })
}

/// Copies the published checkpoints that speak of the copied records; the largest becomes the newest.
fn copy_checkpoints(from: &Path, to: &Path, origin: &str, records: u64) -> Result<u64, Failure> {
    let (source, target) = (RealDisk::new(from), RealDisk::new(to));
    let mut copied = 0_u64;
    for name in source.list(checkpoint::PUBLISHED_DIR).unwrap_or_default() {
        let Ok(size) = name.parse::<u64>() else { continue };
        if records < size {
            continue;
        }
        let failed =
            |error| Failure::file(&from.join(checkpoint::PUBLISHED_DIR).join(&name), &error);
        let signed = checkpoint::of_size(&source, "", origin, size).map_err(failed)?;
        checkpoint::publish(&target, "", &signed).map_err(failed)?;
        copied = copied.saturating_add(1);
    }
    Ok(copied)
}
