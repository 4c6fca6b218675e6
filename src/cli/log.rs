//! `mingzhang log`: records as JSON lines.

use clap::Parser;
use journal::Reader as _;
use ledger::reject::Reason;
use proto::v1;
use proto::v1::admin_client::AdminClient;
use proto::v1::log_client::LogClient;
use record::{Record, Seq, chain_hash};
use serde_json::Value;
use tonic::transport::Channel;

use super::client::connect;
use super::failure::Failure;
use super::output::Output;
use super::runtime;
use super::source::{Place, Server, Source, read_only};
use crate::node;
use crate::node::replay::understood;
use crate::services::payload::line;

/// Messages of a stream of records are bounded by the server; this bounds what is taken.
const MESSAGE_BYTES: usize = 64 << 20;

/// Print records as JSON lines
///
/// Hashes are in hex; `payload` is the stored message with its names, for reading, not as evidence.
#[derive(Debug, Parser)]
#[command(after_help = "Example: mingzhang log --data /srv/ledger --from 88412 --to-seq 88412")]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// First position
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    from: u64,
    /// Last position; without it the head
    #[arg(long, value_name = "SEQ")]
    to_seq: Option<u64>,
    /// Wait for more, for ever; needs --to
    #[arg(long, conflicts_with = "to_seq")]
    follow: bool,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    if let Some(to) = args.to_seq.filter(|to| *to < args.from) {
        return Err(Failure::usage(format!("--from {} lies behind --to-seq {to}", args.from))
            .with_hint("positions count from 0; the range holds both of its ends"));
    }
    match args.source.place()? {
        Place::Directory(_) if args.follow => {
            return Err(Failure::usage("--follow needs --to ADDR")
                .with_hint("name the server that writes the ledger; files are read to their end"));
        }
        Place::Directory(data) => {
            let reader = read_only(&data)?.reader;
            let head = Seq(reader.head().next_seq.0.saturating_sub(1));
            let last = Seq(args.to_seq.unwrap_or(head.0));
            let from = Seq(args.from);
            within(head, last.max(from))?;
            let printed = print_range(&reader, from, last, out);
            printed.map_err(|error| Failure::ledger(&data, &error))?;
        }
        Place::Server(server) => runtime()?.block_on(remote(args, &server, out))?,
    }
    Ok(0)
}

/// 8001: what is asked for lies beyond the head.
fn within(head: Seq, asked: Seq) -> Result<(), Failure> {
    if head < asked { Err(Reason::PositionAhead { head, asked }.into()) } else { Ok(()) }
}

/// Prints the records of a range.
fn print_range(
    reader: &dyn journal::Reader,
    from: Seq,
    last: Seq,
    out: &mut Output,
) -> Result<(), node::Error> {
    for block in reader.blocks(from) {
        let block = block?;
        for (record, hash) in block.records_hashed() {
            if from <= record.seq() && record.seq() <= last {
                print(&line(&record, &hash), out);
                understood(&record)?;
            }
        }
        if last <= block.last_seq() || out.is_closed() {
            break;
        }
    }
    Ok(())
}

fn print(line: &Value, out: &mut Output) {
    out.both(line);
}

/// The client of a server's log.
pub(super) fn client(channel: Channel) -> LogClient<Channel> {
    LogClient::new(channel).max_decoding_message_size(MESSAGE_BYTES)
}

async fn remote(args: &Args, server: &Server, out: &mut Output) -> Result<(), Failure> {
    let channel = connect(server).await?;
    let mut client = client(channel.clone());
    if args.follow {
        let request = v1::FollowRequest { from: args.from, raw_only: true, origin: String::new() };
        let mut stream = client.follow(request).await?.into_inner();
        while let Some(message) = stream.message().await? {
            print_all(&message.records, out)?;
            if out.is_closed() {
                break;
            }
        }
        return Ok(());
    }
    let request = v1::ReadRecordsRequest {
        from: args.from,
        to: args.to_seq,
        raw_only: true,
        ..v1::ReadRecordsRequest::default()
    };
    let mut stream = client.read_records(request).await?.into_inner();
    let mut any = false;
    while let Some(message) = stream.message().await? {
        any |= !message.records.is_empty();
        print_all(&message.records, out)?;
        if out.is_closed() {
            break;
        }
    }
    if any {
        return Ok(());
    }
    // The server takes a beginning beyond its head for an empty range.
    let status = AdminClient::new(channel).status(v1::StatusRequest::default()).await?;
    within(Seq(status.into_inner().position), Seq(args.from))
}

/// Prints records from their raw bytes, as a reader of the files would.
fn print_all(records: &[v1::Record], out: &mut Output) -> Result<(), Failure> {
    for sent in records {
        let record = Record::parse(&sent.raw)
            .map_err(|error| Failure::damaged(format!("record {}: {error}", sent.seq)))?;
        print(&line(&record, &chain_hash(&sent.raw)), out);
        understood(&record)?;
    }
    Ok(())
}
