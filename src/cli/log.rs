//! `mingzhang log`: records as JSON lines.

use clap::Parser;
use journal::Reader as _;
use proto::v1;
use proto::v1::log_client::LogClient;
use record::{Record, Seq, chain_hash};
use serde_json::Value;
use tonic::transport::Channel;

use super::client::connect;
use super::failure::Failure;
use super::output::Output;
use super::runtime;
use super::source::{Place, Source};
use crate::node;
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
    #[arg(long, requires = "to", conflicts_with = "to_seq")]
    follow: bool,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    match args.source.place()? {
        Place::Directory(data) => {
            let reader = node::read_only(&data)?.reader;
            let head = Seq(reader.head().next_seq.0.saturating_sub(1));
            let last = Seq(args.to_seq.unwrap_or(head.0));
            if head < last {
                let asked = last;
                return Err(ledger::reject::Reason::PositionAhead { head, asked }.into());
            }
            print_range(&reader, Seq(args.from), last, out)?;
        }
        Place::Server(address) => runtime()?.block_on(remote(args, &address, out))?,
    }
    Ok(0)
}

/// Prints the records of a range.
pub(super) fn print_range(
    reader: &dyn journal::Reader,
    from: Seq,
    last: Seq,
    out: &mut Output,
) -> Result<(), Failure> {
    if last < from {
        return Ok(());
    }
    for block in reader.blocks(from) {
        let block = block.map_err(node::Error::from)?;
        for (record, hash) in block.records_hashed() {
            if from <= record.seq() && record.seq() <= last {
                print(&line(&record, &hash), out);
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

async fn remote(args: &Args, address: &str, out: &mut Output) -> Result<(), Failure> {
    let mut client = client(connect(address).await?);
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
    while let Some(message) = stream.message().await? {
        print_all(&message.records, out)?;
        if out.is_closed() {
            break;
        }
    }
    Ok(())
}

/// Prints records from their raw bytes, as a reader of the files would.
fn print_all(records: &[v1::Record], out: &mut Output) -> Result<(), Failure> {
    for sent in records {
        let record = Record::parse(&sent.raw)
            .map_err(|error| Failure::no(format!("record {}: {error}", sent.seq)))?;
        print(&line(&record, &chain_hash(&sent.raw)), out);
    }
    Ok(())
}
