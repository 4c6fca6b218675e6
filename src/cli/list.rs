//! The head of a list: what the rows below it speak for.
//!
//! Lives here: position, day, digest and checkpoint of lists (`alerts`, `findings`, `report`, `rules`).
//! Lives elsewhere: the rows (each command).
//!
//! Always: the digest is the chain hash of the record at the position, which fixes every byte that the rows
//! were computed from; `mingzhang log --from N --to-seq N` prints the same. The checkpoint is the newest
//! that was published.

use journal::Reader as _;
use proto::v1;
use proto::v1::admin_client::AdminClient;
use proto::v1::audit_client::AuditClient;
use record::{Seq, chain_hash};
use serde_json::{Value, json};
use tonic::Code;
use tonic::transport::Channel;

use super::failure::Failure;
use super::log;
use super::output::Output;
use crate::keys::hex;
use crate::node;

/// What a list speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// What is listed.
    pub(super) what: String,
    /// The last record it rests on.
    pub(super) position: Seq,
    /// The day it speaks for, `YYYY-MM-DD`; empty: none was asked for.
    pub(super) date: String,
    /// Chain hash of the record at the position, in hex.
    pub(super) digest: String,
    /// The newest published checkpoint; `None`: there is none.
    pub(super) checkpoint: Option<String>,
    /// The ledger holds invented data.
    pub(super) synthetic: bool,
}

impl Head {
    /// Asks a server.
    pub(super) async fn of_server(
        channel: Channel,
        what: &str,
        position: Seq,
        date: String,
    ) -> Result<Self, Failure> {
        let mut admin = AdminClient::new(channel.clone());
        let synthetic = admin.status(v1::StatusRequest::default()).await?.into_inner().synthetic;
        let mut audit = AuditClient::new(channel.clone());
        let checkpoint = match audit.get_checkpoint(v1::GetCheckpointRequest::default()).await {
            Ok(found) => Some(found.into_inner().checkpoint),
            Err(status) if status.code() == Code::NotFound => None,
            Err(status) => return Err(status.into()),
        };
        let request = v1::GetRecordRequest { r#ref: position.to_string() };
        let record = log::client(channel).get_record(request).await?.into_inner().record;
        let digest = record.map(|record| hex(&chain_hash(&record.raw))).unwrap_or_default();
        Ok(Self { what: what.to_owned(), position, date, digest, checkpoint, synthetic })
    }

    /// Asks a directory that was opened.
    pub(super) fn of_directory(
        ledger: &node::Offline,
        what: &str,
        position: Seq,
        date: String,
    ) -> Result<Self, Failure> {
        let block = ledger.reader.block_of(position).map_err(node::Error::from)?;
        let mut hashed = block.iter().flat_map(|block| block.records_hashed());
        let found = hashed.find(|(record, _)| record.seq() == position);
        Ok(Self {
            what: what.to_owned(),
            position,
            date,
            digest: found.map(|(_, hash)| hex(&hash)).unwrap_or_default(),
            checkpoint: ledger.published.as_ref().map(|newest| newest.note.clone()),
            synthetic: ledger.genesis.synthetic,
        })
    }

    /// Prints it: a JSON line, or a line for people.
    pub(super) fn print(&self, out: &mut Output) {
        out.document(&self.json());
        out.line(self.text());
    }

    /// The head line of JSON.
    pub(super) fn json(&self) -> Value {
        let date = if self.date.is_empty() { Value::Null } else { self.date.clone().into() };
        json!({
            "what": self.what, "position": self.position.0, "date": date, "digest": self.digest,
            "checkpoint": self.checkpoint, "synthetic": self.synthetic,
        })
    }

    /// What people are told before a list that leaves the house: the line, the whole digest, the checkpoint.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.text(), format!("digest {}", self.digest)];
        // A note's first three lines are origin, size and root.
        let note: Vec<&str> =
            self.checkpoint.iter().flat_map(|note| note.lines()).take(3).collect();
        if let [origin, size, root] = note.as_slice() {
            lines.push(format!("checkpoint {origin}, {size} records, root {root}"));
        } else {
            lines.push("no checkpoint was published".to_owned());
        }
        lines
    }

    fn text(&self) -> String {
        let day = if self.date.is_empty() { String::new() } else { format!(" of {}", self.date) };
        let invented = if self.synthetic { "; synthetic data" } else { "" };
        let digest = self.digest.get(..16).unwrap_or(&self.digest);
        format!("{}{day} as of record {} ({digest}…){invented}", self.what, self.position)
    }
}
