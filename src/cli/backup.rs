//! `mingzhang backup`: a copy of all truth but keys and vault, beside a running server.

use std::path::{Path, PathBuf};

use clap::Parser;
use journal::{Disk as _, Reader as _, RealDisk};
use proto::v1;
use proto::v1::admin_client::AdminClient;
use proto::v1::audit_client::AuditClient;
use record::{Record, Seq};
use serde_json::json;

use super::client::connect;
use super::copy::Copy;
use super::failure::Failure;
use super::output::{Output, count};
use super::source::{Place, Source};
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

/// What was copied.
struct Copied {
    origin: String,
    records: u64,
    bytes: u64,
    checkpoints: u64,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    if std::fs::read_dir(&args.out).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::usage(format!("{} is not empty", args.out.display())));
    }
    let copied = match args.source.place()? {
        Place::Directory(data) => from_directory(&data, args, out)?,
        Place::Server(address) => runtime()?.block_on(from_server(&address, args, out))?,
    };
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
    }));
    out.line(format!(
        "{}: {}, {} records; keys and vault are not in it",
        args.out.display(),
        copied.origin,
        count(copied.records)
    ));
    Ok(0)
}

fn from_directory(data: &Path, args: &Args, out: &mut Output) -> Result<Copied, Failure> {
    let node::Offline { reader, genesis, opened } = node::read_only(data)?;
    let head = opened.head.next_seq.0.saturating_sub(1);
    let last = args.to_seq.unwrap_or(head).min(head);
    let mut copy = Copy::begin(&args.out, &genesis.origin)?;
    'log: for block in reader.blocks(Seq(0)) {
        let block = block.map_err(node::Error::from)?;
        out.progress(format!("{} of {last} records", block.first_seq()));
        for record in block.records() {
            if last < record.seq().0 {
                break 'log;
            }
            copy.push(&record)?;
        }
    }
    let (records, bytes) = copy.finish()?;
    let checkpoints = copy_checkpoints(data, &args.out, &genesis.origin, records)?;
    Ok(Copied { origin: genesis.origin, records, bytes, checkpoints })
}

/// Copies over gRPC: the newest published checkpoint first, so that the records reach as far.
async fn from_server(address: &str, args: &Args, out: &mut Output) -> Result<Copied, Failure> {
    let channel = connect(address).await?;
    let mut admin = AdminClient::new(channel.clone());
    let origin = admin.status(v1::StatusRequest::default()).await?.into_inner().origin;
    let request = v1::GetCheckpointRequest::default();
    let newest = AuditClient::new(channel.clone()).get_checkpoint(request).await;
    let mut copy = Copy::begin(&args.out, &origin)?;
    let request = v1::ReadRecordsRequest {
        to: args.to_seq,
        raw_only: true,
        ..v1::ReadRecordsRequest::default()
    };
    let mut stream = log::client(channel).read_records(request).await?.into_inner();
    while let Some(message) = stream.message().await? {
        for sent in &message.records {
            let record = Record::parse(&sent.raw)
                .map_err(|error| Failure::no(format!("record {}: {error}", sent.seq)))?;
            copy.push(&record)?;
        }
        let seq = message.records.last().map_or(0, |record| record.seq);
        out.progress(format!("{seq} of {} records", message.head));
    }
    let (records, bytes) = copy.finish()?;
    let mut checkpoints = 0;
    // A ledger that has published nothing yet has nothing to copy.
    if let Ok(newest) = newest.map(tonic::Response::into_inner)
        && newest.size <= records
        && let Ok(root) = newest.root.as_slice().try_into()
    {
        let signed = node::Signed { note: newest.checkpoint, size: newest.size, root };
        let published = checkpoint::publish(&RealDisk::new(&args.out), "", &signed);
        published.map_err(|error| Failure::file(&args.out, &error))?;
        checkpoints = 1;
    }
    Ok(Copied { origin, records, bytes, checkpoints })
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
