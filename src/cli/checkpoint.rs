//! `mingzhang checkpoint`: the newest published checkpoint, or a fresh one.

use std::path::PathBuf;

use clap::Parser;
use ledger::reject::Reason;
use proto::v1;
use proto::v1::audit_client::AuditClient;
use serde_json::json;

use super::client::connect;
use super::failure::Failure;
use super::output::Output;
use super::runtime;
use super::source::{Place, Source, read_only};

/// Print the newest published checkpoint, or seal the log and publish one
#[derive(Debug, Parser)]
#[command(
    after_help = "Example: mingzhang checkpoint --to 127.0.0.1:7161 --publish --out today.checkpoint"
)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// Seal the log and publish a checkpoint first; needs --to
    #[arg(long)]
    publish: bool,
    /// File to write it to
    #[arg(long, value_name = "F")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    let (note, size) = match args.source.place()? {
        Place::Server(server) => runtime()?.block_on(async {
            let mut client = AuditClient::new(connect(&server).await?);
            let request = v1::GetCheckpointRequest { fresh: false, publish: args.publish };
            let found = client.get_checkpoint(request).await?.into_inner();
            Ok::<_, Failure>((found.checkpoint, found.size))
        })?,
        Place::Directory(_) if args.publish => {
            return Err(Failure::usage("--publish needs --to ADDR")
                .with_hint("only the server that writes the ledger signs: name it by --to"));
        }
        Place::Directory(data) => {
            let ledger = read_only(&data)?;
            let none = || {
                let (what, id) = ("checkpoint".into(), ledger.genesis.origin.clone().into());
                Failure::from(Reason::NotFound { what, id })
                    .with_hint("`mingzhang checkpoint --to ADDR --publish` makes one")
            };
            let newest = ledger.published.ok_or_else(none)?;
            (newest.note, newest.size)
        }
    };
    if let Some(path) = &args.out {
        std::fs::write(path, &note).map_err(|error| Failure::file(path, &error))?;
    }
    let position = size.checked_sub(1);
    out.document(&json!({
        "what": "checkpoint", "position": position, "checkpoint": note, "proof": [],
    }));
    note.lines().for_each(|line| out.line(line));
    Ok(0)
}
