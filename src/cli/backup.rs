//! `mingzhang backup`: a copy of all truth but keys and vault, beside a running server.

use std::path::{Path, PathBuf};

use clap::Parser;
use journal::{Disk as _, Reader as _, RealDisk};
use record::Seq;
use serde_json::json;

use super::copy::Copy;
use super::failure::Failure;
use super::output::{Output, count};
use crate::node::{self, checkpoint};

/// Copy a ledger's log and checkpoints, while it is served
///
/// The copy is a data directory without keys: `mingzhang verify` checks it as it is.
#[derive(Debug, Parser)]
#[command(after_help = "Example: mingzhang backup --data /srv/ledger --out /backup/2016-12-31")]
pub(super) struct Args {
    /// Data directory of the ledger
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder to make; it must not hold anything
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Last position to copy; inside a voucher the copy ends before it
    #[arg(long, value_name = "N")]
    to_seq: Option<u64>,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    if std::fs::read_dir(&args.out).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::usage(format!("{} is not empty", args.out.display())));
    }
    let node::Offline { reader, genesis, opened } = node::read_only(&args.data)?;
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
    let published = copy_checkpoints(&args.data, &args.out, &genesis.origin, records)?;
    let files = opened.segments.saturating_add(published);
    out.document(&json!({
        "what": "backup",
        "position": records.checked_sub(1),
        "files": files,
        "records": records,
        "bytes": bytes,
        "origin": genesis.origin,
    }));
    out.line(format!(
        "{}: {}, {} records; keys and vault are not in it",
        args.out.display(),
        genesis.origin,
        count(records)
    ));
    Ok(0)
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
