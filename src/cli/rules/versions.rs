//! Versions of rules as the log tells them: number, days, document, content.
//!
//! Lives here: reading them from a server or from files, which of them holds on a day.
//! Lives elsewhere: what a rule decides (`ledger::rules`), printing (`rules`).
//!
//! Always: what is shown was decoded from the stored record, never from the state of a server.

use std::path::Path;

use journal::Reader as _;
use ledger::codec::Codec;
use ledger::event::Event;
use ledger::field::Field;
use ledger::ids::Date;
use ledger::kind::Kind;
use ledger::reject::Reason;
use ledger::voucher::{Voucher, VoucherBuilder};
use proto::v1;
use proto::v1::admin_client::AdminClient;
use record::{Record, Seq, china_date};
use serde_json::{Map, Value};
use tonic::transport::Channel;

use crate::cli::failure::Failure;
use crate::cli::log;
use crate::cli::source::AsOf;
use crate::{files, node};

/// A rule: its name on the command line, the kind that adopts it, the field that is its key.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    key: Option<Field>,
}

/// All rules, in the order of their kinds.
pub(super) const RULES: [Rule; 10] = [
    Rule { name: "scheme", kind: Kind::SchemeAdopted, key: Some(Field::HomeCode) },
    Rule { name: "pairing", kind: Kind::PairingAdopted, key: Some(Field::Home) },
    Rule { name: "purposes", kind: Kind::PurposesAdopted, key: None },
    Rule { name: "flows", kind: Kind::FlowsAdopted, key: None },
    Rule { name: "cap", kind: Kind::CapRuleAdopted, key: None },
    Rule { name: "approval", kind: Kind::ApprovalRuleAdopted, key: None },
    Rule { name: "flag", kind: Kind::FlagParametersAdopted, key: Some(Field::Flag) },
    Rule { name: "areas", kind: Kind::AreasAdopted, key: None },
    Rule { name: "baseline", kind: Kind::BaselineSet, key: Some(Field::HomeCity) },
    Rule { name: "period", kind: Kind::PeriodRuleAdopted, key: None },
];

/// A version of a rule under its key.
pub(super) struct Version {
    /// Which rule: a place in [`RULES`].
    rule: usize,
    /// Its key; empty where a rule has one key only.
    pub(super) key: String,
    pub(super) number: u32,
    /// First day.
    pub(super) from: Date,
    /// Last day; `None`: until the next version.
    pub(super) to: Option<Date>,
    /// Document that adopted it.
    pub(super) doc_no: String,
    /// Its record.
    pub(super) seq: Seq,
    /// Fields of its content, spelled as in voucher files, in the order of the kind's row.
    pub(super) content: Map<String, Value>,
}

impl Version {
    pub(super) fn rule(&self) -> &'static Rule {
        RULES.get(self.rule).unwrap_or(&RULES[0])
    }
}

/// All versions that were known at a position, and where they speak from.
pub(super) struct Known {
    /// In the order in which they were adopted.
    pub(super) versions: Vec<Version>,
    /// The last record that was looked at.
    pub(super) position: Seq,
    /// The day that is asked of; without one that on which this record was posted.
    pub(super) day: Date,
}

impl Known {
    /// The version of a rule that holds on the day: the one that began last, unless it has ended.
    pub(super) fn holds(&self, version: &Version) -> bool {
        let begun =
            |v: &&Version| v.rule == version.rule && v.key == version.key && v.from <= self.day;
        let last = self.versions.iter().rev().find(begun);
        last.is_some_and(|v| v.number == version.number && v.to.is_none_or(|to| self.day <= to))
    }
}

/// Reads the versions from files.
///
/// # Errors
/// Those of the directory; 8001 for a position beyond the head.
pub(super) fn of_directory(
    data: &Path,
    ledger: &node::Offline,
    as_of: &AsOf,
) -> Result<Known, Failure> {
    let day = as_of.date()?;
    let reader = &ledger.reader;
    let head = Seq(reader.head().next_seq.0.saturating_sub(1));
    let position = as_of.position().unwrap_or(head);
    if head < position {
        return Err(Reason::PositionAhead { head, asked: position }.into());
    }
    let (mut reading, mut posted) = (Reading::default(), Date(0));
    for block in reader.blocks(Seq(0)) {
        let block = block.map_err(|error| Failure::ledger(data, &error.into()))?;
        if position < block.first_seq() {
            break;
        }
        for record in block.records().filter(|record| record.seq() <= position) {
            posted = Date(china_date(record.time_ms()));
            if !is_known(&record, position) {
                continue;
            }
            let first = first_of_group(&record);
            if reading.first != Some(first) {
                // A voucher is never split over blocks.
                let header = block.records().find(|header| header.seq() == first);
                reading.header(first, header.as_ref())?;
            }
            reading.line(&record)?;
        }
    }
    Ok(Known { versions: reading.versions, position, day: day.unwrap_or(posted) })
}

/// Reads the versions from a server.
///
/// # Errors
/// Those of the calls.
pub(super) async fn of_server(channel: Channel, as_of: &AsOf) -> Result<Known, Failure> {
    let day = as_of.date()?;
    let position = if let Some(position) = as_of.position() {
        position
    } else {
        let mut admin = AdminClient::new(channel.clone());
        Seq(admin.status(v1::StatusRequest::default()).await?.into_inner().position)
    };
    let mut client = log::client(channel.clone());
    let mut record_at = async |seq: Seq| {
        let request = v1::GetRecordRequest { r#ref: seq.to_string() };
        let answer = client.get_record(request).await?.into_inner();
        Ok::<_, Failure>(answer.record.map(|record| record.raw).unwrap_or_default())
    };
    let day = match day {
        Some(day) => day,
        None => Date(china_date(parse(&record_at(position).await?)?.time_ms())),
    };
    let mut reading = Reading::default();
    for raw in adopting(channel, position).await? {
        let record = parse(&raw)?;
        if !is_known(&record, position) {
            continue;
        }
        let first = first_of_group(&record);
        if reading.first != Some(first) {
            let header = record_at(first).await?;
            reading.header(first, Some(&parse(&header)?))?;
        }
        reading.line(&record)?;
    }
    Ok(Known { versions: reading.versions, position, day })
}

/// The records up to a position that adopt a version.
async fn adopting(channel: Channel, position: Seq) -> Result<Vec<Vec<u8>>, Failure> {
    let request = v1::ReadRecordsRequest {
        to: Some(position.0),
        kinds: RULES.iter().map(|rule| rule.kind.name().to_owned()).collect(),
        raw_only: true,
        ..v1::ReadRecordsRequest::default()
    };
    let mut stream = log::client(channel).read_records(request).await?.into_inner();
    let mut records = Vec::new();
    while let Some(message) = stream.message().await? {
        records.extend(message.records.into_iter().map(|record| record.raw));
    }
    Ok(records)
}

fn parse(raw: &[u8]) -> Result<Record<'_>, Failure> {
    Record::parse(raw).map_err(|error| Failure::damaged(format!("a record: {error}")))
}

fn first_of_group(record: &Record<'_>) -> Seq {
    Seq(record.seq().0.saturating_sub(record.part().into()))
}

/// Whether a record adopts a version by a voucher that had ended at a position.
fn is_known(record: &Record<'_>, position: Seq) -> bool {
    let rest = record.parts().saturating_sub(record.part()).saturating_sub(1);
    let last = record.seq().0.saturating_add(rest.into());
    RULES.iter().any(|rule| rule.kind.number() == record.kind()) && last <= position.0
}

/// Versions that are being read.
#[derive(Default)]
struct Reading {
    versions: Vec<Version>,
    codec: Codec,
    /// Position of the header record that was read last, and its document.
    first: Option<Seq>,
    doc_no: String,
}

impl Reading {
    fn header(&mut self, first: Seq, header: Option<&Record<'_>>) -> Result<(), Failure> {
        let Some(header) = header else {
            return Err(Failure::damaged(format!(
                "record {first}, a voucher's header, is missing"
            )));
        };
        let event = self.event(header)?;
        self.first = Some(first);
        self.doc_no = match event {
            Event::VoucherPosted(posted) => posted.doc_no.into(),
            _ => String::new(),
        };
        Ok(())
    }

    fn event(&mut self, record: &Record<'_>) -> Result<Event, Failure> {
        let entry = self.codec.decode(record);
        let seq = record.seq();
        entry
            .map(|entry| entry.event)
            .map_err(|error| Failure::damaged(format!("record {seq}: {error}")))
    }

    /// Takes a version off its record, by way of the line that would adopt it again.
    fn line(&mut self, record: &Record<'_>) -> Result<(), Failure> {
        let event = self.event(record)?;
        let kind = event.kind();
        let Some(rule) = RULES.iter().position(|rule| rule.kind == kind) else { return Ok(()) };
        let mut builder = VoucherBuilder::new();
        event.fields(builder.begin_line(1, kind.name()));
        let voucher = builder.finish();
        let Some(line) = voucher.line(0) else { return Ok(()) };
        let date = |field| Date::parse(line.text(field));
        let key = RULES.get(rule).and_then(|rule| rule.key);
        self.versions.push(Version {
            rule,
            key: key.map(|key| line.text(key).to_owned()).unwrap_or_default(),
            number: line.int(Field::Version).and_then(|n| n.try_into().ok()).unwrap_or_default(),
            from: date(Field::EffectiveFrom).unwrap_or(Date(record.date())),
            to: date(Field::EffectiveTo),
            doc_no: self.doc_no.clone(),
            seq: record.seq(),
            content: content(&voucher),
        });
        Ok(())
    }
}

/// What a version says, without what it says of itself: as in a voucher file.
fn content(voucher: &Voucher) -> Map<String, Value> {
    const ITSELF: [&str; 6] =
        ["type", "line_no", "kind", "version", "effective_from", "effective_to"];
    let mut bytes = Vec::new();
    // Writing to memory cannot fail.
    files::write_jsonl(voucher, &mut bytes).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().nth(1).and_then(|line| serde_json::from_str(line).ok());
    let mut content: Map<String, Value> = line.unwrap_or_default();
    content.retain(|name, _| !ITSELF.contains(&name.as_str()));
    content
}
