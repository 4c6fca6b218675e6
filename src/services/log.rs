//! `Log`: records as they stand, with a decoded copy beside them for people.
//!
//! Lives here: ranges, filters, following.
//! Lives elsewhere: what a payload means (`payload`), scope (`scope`).
//!
//! Always: only whole groups that are durable are ever seen; the end of a range is fixed when the call
//! begins.

use std::collections::BTreeSet;
use std::pin::Pin;

use journal::Reader;
use ledger::codec::Codec;
use ledger::ids::{Date, HouseholdCode, OrgId, VoucherNo};
use ledger::kind::Kind;
use ledger::reject::{Reason, Text};
use proto::v1;
use record::{Hash, Record, Seq, system};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use views::history::names;

use super::page::bad;
use super::payload::{date, kind_name, payload};
use super::scope;
use super::status::refuse;
use crate::auth::{Identity, StreamPlace, authenticate};
use crate::node::{Handle, lookup};
use crate::reading::{household_code, shown};

pub use super::generated::log_server::LogServer as Server;

/// Records of one message: few enough that a reader sees progress.
const CHUNK_RECORDS: usize = 256;
/// Bytes of records after which a message is sent.
const CHUNK_BYTES: usize = 256 << 10;
/// Messages ready for a slow reader.
const AHEAD: usize = 4;

/// The service.
#[derive(Clone)]
pub struct Log {
    node: Handle,
}

impl Log {
    /// Makes the service of a ledger.
    pub fn new(node: Handle) -> Self {
        Self { node }
    }
}

type Responses<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;

#[tonic::async_trait]
impl super::generated::log_server::Log for Log {
    type ReadRecordsStream = Responses<v1::ReadRecordsResponse>;
    type FollowStream = Responses<v1::FollowResponse>;

    async fn read_records(
        &self,
        request: Request<v1::ReadRecordsRequest>,
    ) -> Result<Response<Self::ReadRecordsStream>, Status> {
        let identity = authenticate(&request)?;
        let place = StreamPlace::take(&request)?;
        let asked = request.into_inner();
        let head = self.node.applied().position();
        let last = Seq(asked.to.unwrap_or(head.0));
        if head < last {
            return Err(refuse(Reason::PositionAhead { head, asked: last }));
        }
        let mut filter = Filter::of(&asked)?;
        if let Some(household) = filter.household {
            scope::household(&self.node, identity, household).await?;
        }
        filter.scope = scope::of_log(&self.node, identity).await?;
        let mut range = (Seq(asked.from), last);
        if let Some(key) = filter.voucher {
            range = self.voucher_range(identity, &filter.scope, key, range).await?;
        }
        let (sender, receiver) = mpsc::channel(AHEAD);
        let reader = self.node.reader();
        tokio::task::spawn_blocking(move || {
            let _place = place;
            read(&*reader, range, &filter, asked.limit, asked.raw_only, last, &sender);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn follow(
        &self,
        request: Request<v1::FollowRequest>,
    ) -> Result<Response<Self::FollowStream>, Status> {
        let identity = authenticate(&request)?;
        scope::everything(&self.node, identity).await?;
        let place = StreamPlace::take(&request)?;
        let asked = request.into_inner();
        if !asked.origin.is_empty() && asked.origin != self.node.origin() {
            let origin = Text::Owned(self.node.origin().to_owned());
            return Err(refuse(Reason::NotThisLedger {
                found: shown(&asked.origin).into(),
                origin,
            }));
        }
        let head = self.node.applied().position();
        if head.next() < Seq(asked.from) {
            return Err(refuse(Reason::PositionAhead { head, asked: Seq(asked.from) }));
        }
        let (sender, receiver) = mpsc::channel(AHEAD);
        let node = self.node.clone();
        tokio::spawn(async move {
            let _place = place;
            follow(&node, Seq(asked.from), asked.raw_only, &sender).await;
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn get_record(
        &self,
        request: Request<v1::GetRecordRequest>,
    ) -> Result<Response<v1::GetRecordResponse>, Status> {
        let identity = authenticate(&request)?;
        let reference = request.into_inner().r#ref;
        let seq = self.resolve(identity, &reference).await?;
        let scope = scope::of_log(&self.node, identity).await?;
        let reader = self.node.reader();
        let found = self.node.blocking(move || {
            let missing =
                || Reason::NotFound { what: "record".into(), id: reference.clone().into() };
            let block = reader.block_of(seq).map_err(|e| lookup::unreadable(&e))?;
            let block = block.ok_or_else(missing)?;
            let mut codec = Codec::new();
            let mut poster = None;
            for (record, hash) in block.records_hashed() {
                if record.part() == 0 {
                    poster = scope::poster(&record, &mut codec);
                }
                if record.seq() == seq {
                    let seen = scope.sees(&record, poster, &mut codec);
                    let sent = || to_proto(&record, hash, false);
                    return seen.then(sent).ok_or(Reason::OutOfScope {});
                }
            }
            Err(missing())
        });
        Ok(Response::new(v1::GetRecordResponse { record: Some(found.await.map_err(refuse)?) }))
    }
}

impl Log {
    /// Positions of a voucher within a range; 8005 when it was never posted. Of an organisation that the caller
    /// may not ask about it is 5014 then, and for a voucher of which nothing may be seen.
    async fn voucher_range(
        &self,
        identity: Identity,
        scope: &scope::Scope,
        (organisation, number): (OrgId, VoucherNo),
        (from, last): (Seq, Seq),
    ) -> Result<(Seq, Seq), Status> {
        let found = self.node.voucher(organisation, number).await.map_err(refuse)?;
        let Some(found) = found else {
            scope::voucher(&self.node, identity, organisation).await?;
            let id = Text::Owned(format!("{organisation}/{number}"));
            return Err(refuse(Reason::NotFound { what: "voucher".into(), id }));
        };
        let (first, end) = (found.reply.first_seq, found.reply.last_seq);
        let (reader, scope) = (self.node.reader(), scope.clone());
        let any = self.node.blocking(move || {
            let block = reader.block_of(first).map_err(|e| lookup::unreadable(&e))?;
            let (mut codec, mut records) = (Codec::new(), block.iter().flat_map(|b| b.records()));
            Ok(records.any(|record| {
                (first..=end).contains(&record.seq())
                    && scope.sees(&record, Some(organisation), &mut codec)
            }))
        });
        if !any.await.map_err(refuse)? {
            return Err(refuse(Reason::OutOfScope {}));
        }
        Ok((from.max(first), last.min(end)))
    }

    /// A position, or `organisation/voucher_no/line_no`; 8005 for one that names no record, or 5014 when the
    /// caller may not ask about the organisation.
    async fn resolve(&self, identity: Identity, reference: &str) -> Result<Seq, Status> {
        let expected = "a position or organisation/voucher_no/line_no";
        let bad = || bad("ref", reference, expected);
        if let Ok(seq) = reference.parse() {
            return Ok(Seq(seq));
        }
        let mut parts = reference.splitn(3, '/');
        let (organisation, number, line) = (parts.next(), parts.next(), parts.next());
        let organisation = organisation.and_then(OrgId::id).ok_or_else(bad)?;
        let number = number.and_then(VoucherNo::id).ok_or_else(bad)?;
        let line: u64 = line.and_then(|line| line.parse().ok()).ok_or_else(bad)?;
        let found = self.node.voucher(organisation, number).await.map_err(refuse)?;
        let reply = found.map(|found| found.reply);
        let seq = reply.and_then(|reply| {
            let seq = reply.first_seq.after(line);
            (seq <= reply.last_seq).then_some(seq)
        });
        if let Some(seq) = seq {
            return Ok(seq);
        }
        scope::voucher(&self.node, identity, organisation).await?;
        let id = Text::Owned(reference.to_owned());
        Err(refuse(Reason::NotFound { what: "record".into(), id }))
    }
}

/// Which records are wanted.
pub(super) struct Filter {
    kinds: BTreeSet<u16>,
    /// Of these vouchers alone; where one voucher is wanted its positions say so.
    organisation: Option<OrgId>,
    voucher: Option<(OrgId, VoucherNo)>,
    household: Option<HouseholdCode>,
    quota: String,
    path_prefix: String,
    dates: (u32, u32),
    scope: scope::Scope,
}

impl Filter {
    fn of(asked: &v1::ReadRecordsRequest) -> Result<Self, Status> {
        let mut kinds = BTreeSet::new();
        for name in &asked.kinds {
            let system = (1..=6).find(|kind| system::name(*kind) == Some(name));
            let kind = system.or_else(|| Kind::of_name(name).map(Kind::number));
            kinds.insert(kind.ok_or_else(|| bad("kinds", name, "a kind"))?);
        }
        let day = |field, text: &str, absent| match text {
            "" => Ok(absent),
            text => {
                Date::parse(text).map(|d| d.0).ok_or_else(|| bad(field, text, "a date YYYY-MM-DD"))
            }
        };
        let dates =
            (day("date_from", &asked.date_from, 0)?, day("date_to", &asked.date_to, u32::MAX)?);
        let household = match asked.household.as_str() {
            "" => None,
            code => Some(household_code("household", code).map_err(refuse)?),
        };
        let organisation = match asked.organisation.as_str() {
            "" if asked.voucher_no.is_empty() => None,
            id => {
                Some(OrgId::id(id).ok_or_else(|| bad("organisation", id, "an organisation code"))?)
            }
        };
        let number = match asked.voucher_no.as_str() {
            "" => None,
            number => Some(
                VoucherNo::id(number)
                    .ok_or_else(|| bad("voucher_no", number, "a voucher number"))?,
            ),
        };
        Ok(Self {
            kinds,
            voucher: organisation.zip(number),
            organisation: organisation.filter(|_| number.is_none()),
            household,
            quota: asked.quota.clone(),
            path_prefix: asked.path_prefix.clone(),
            dates,
            scope: scope::Scope::everything(),
        })
    }

    fn matches(&self, record: &Record<'_>, poster: Option<OrgId>, codec: &mut Codec) -> bool {
        let leg = |wanted: &dyn Fn(&str) -> bool| record.legs().any(|leg| wanted(leg.path));
        (self.kinds.is_empty() || self.kinds.contains(&record.kind()))
            && (self.dates.0..=self.dates.1).contains(&record.date())
            && (self.path_prefix.is_empty() || leg(&|path| path.starts_with(&self.path_prefix)))
            && (self.quota.is_empty() || leg(&|path| path.rsplit('.').next() == Some(&self.quota)))
            && self.organisation.is_none_or(|wanted| poster == Some(wanted))
            && self.household.is_none_or(|household| names(record, household, codec))
            && self.scope.sees(record, poster, codec)
    }
}

fn read(
    reader: &dyn Reader,
    (from, to): (Seq, Seq),
    filter: &Filter,
    limit: u64,
    raw_only: bool,
    head: Seq,
    sender: &mpsc::Sender<Result<v1::ReadRecordsResponse, Status>>,
) {
    let mut chunk = Chunk::default();
    let mut left = if limit == 0 { u64::MAX } else { limit };
    let (mut codec, mut poster) = (Codec::new(), None);
    let send = |records| {
        sender.blocking_send(Ok(v1::ReadRecordsResponse { records, head: head.0 })).is_ok()
    };
    if to < from {
        return;
    }
    for block in reader.blocks(from) {
        let block = match block {
            Ok(block) => block,
            Err(error) => {
                let failed = refuse(lookup::unreadable(&error));
                drop(sender.blocking_send(Err(failed)));
                return;
            }
        };
        for (record, hash) in block.records_hashed() {
            // A block never begins inside a voucher.
            if record.part() == 0 {
                poster = scope::poster(&record, &mut codec);
            }
            let seq = record.seq();
            if seq < from || to < seq {
                continue;
            }
            if filter.matches(&record, poster, &mut codec) {
                chunk.push(&record, hash, raw_only);
                left = left.saturating_sub(1);
            }
            if left == 0 {
                break;
            }
            if chunk.is_full() && !send(chunk.take()) {
                return;
            }
        }
        if left == 0 || to <= block.last_seq() {
            break;
        }
    }
    if !chunk.records.is_empty() {
        send(chunk.take());
    }
}

async fn follow(
    node: &Handle,
    mut from: Seq,
    raw_only: bool,
    sender: &mpsc::Sender<Result<v1::FollowResponse, Status>>,
) {
    let mut head = node.watch();
    let mut stopped = node.stopped();
    loop {
        let applied = *head.borrow_and_update();
        while from.0 < applied.size() {
            let reader = node.reader();
            let at = from;
            let read = move || {
                let block = reader.block_of(at).map_err(|e| lookup::unreadable(&e))?;
                Ok(block.map(|block| {
                    let mut chunk = Chunk::default();
                    for (record, hash) in block.records_hashed() {
                        if at <= record.seq() {
                            chunk.push(&record, hash, raw_only);
                        }
                    }
                    chunk.take()
                }))
            };
            let answer = match node.blocking(read).await {
                Ok(Some(records)) => {
                    from = records.last().map_or(from, |record| Seq(record.seq).next());
                    Ok(v1::FollowResponse { records, head: applied.position().0 })
                }
                Ok(None) => break,
                Err(reason) => Err(refuse(reason)),
            };
            let ends = answer.is_err();
            if sender.send(answer).await.is_err() || ends {
                return;
            }
        }
        tokio::select! {
            changed = head.changed() => if changed.is_err() { break },
            _ = stopped.wait_for(Option::is_some) => break,
            () = sender.closed() => return,
        }
    }
    drop(sender.send(Err(Status::unavailable("the server is stopping"))).await);
}

#[derive(Default)]
struct Chunk {
    records: Vec<v1::Record>,
    bytes: usize,
}

impl Chunk {
    fn push(&mut self, record: &Record<'_>, hash: Hash, raw_only: bool) {
        self.bytes = self.bytes.saturating_add(record.bytes().len());
        self.records.push(to_proto(record, hash, raw_only));
    }

    fn is_full(&self) -> bool {
        CHUNK_RECORDS <= self.records.len() || CHUNK_BYTES <= self.bytes
    }

    fn take(&mut self) -> Vec<v1::Record> {
        self.bytes = 0;
        std::mem::take(&mut self.records)
    }
}

fn to_proto(record: &Record<'_>, hash: Hash, raw_only: bool) -> v1::Record {
    let raw = record.bytes().to_vec();
    if raw_only {
        return v1::Record { raw, seq: record.seq().0, ..v1::Record::default() };
    }
    let leg = |leg: record::Leg<'_>| v1::Leg { path: leg.path.to_owned(), fen: leg.fen };
    let shown = payload(record);
    v1::Record {
        raw,
        seq: record.seq().0,
        time_ms: record.time_ms(),
        date: date(record.date()),
        kind: u32::from(record.kind()),
        kind_name: kind_name(record.kind()).to_owned(),
        part: u32::from(record.part()),
        parts: u32::from(record.parts()),
        hash: hash.to_vec(),
        prev: record.prev().to_vec(),
        legs: record.legs().map(leg).collect(),
        payload_json: if shown.is_null() { String::new() } else { shown.to_string() },
    }
}
