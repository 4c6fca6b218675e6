//! Reads of households, now and as of then.
//!
//! Lives here: which positions and days are asked for, and how long each takes.
//!
//! Always: every household of the profile is asked in turn, so that no answer is warm from the one before.
//! The oldest position is the one where the last household was registered: before it there is nothing to
//! tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ledger::ids::Date;
use proto::v1;
use proto::v1::admin_client::AdminClient;
use proto::v1::balances_client::BalancesClient;
use record::Record;
use tonic::Code;
use tonic::transport::Channel;

use super::remote::{add, due};
use super::{Latency, Load, Round};
use crate::cli::failure::Failure;
use crate::cli::{clock, log};

/// What is asked beside the code: a name, a position, a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) name: &'static str,
    pub(super) position: Option<u64>,
    pub(super) date: Option<Date>,
}

/// Whether the ledger holds households already: the first and the last of the profile.
pub(super) async fn hold(channel: &Channel, codes: &[String]) -> Result<bool, Failure> {
    let mut client = BalancesClient::new(channel.clone());
    for code in codes.first().into_iter().chain(codes.last()) {
        let code = code.clone();
        let request = v1::GetHouseholdRequest { code, ..v1::GetHouseholdRequest::default() };
        match client.get_household(request).await {
            Ok(_) => {}
            Err(status) if status.code() == Code::NotFound => return Ok(false),
            Err(status) => return Err(status.into()),
        }
    }
    Ok(true)
}

/// The questions of a ledger: the present, then positions and days from the oldest to the newest.
async fn questions(channel: &Channel, last: &str) -> Result<Vec<Question>, Failure> {
    let mut client = log::client(channel.clone());
    let request = v1::ReadRecordsRequest {
        household: last.to_owned(),
        limit: 1,
        raw_only: true,
        ..v1::ReadRecordsRequest::default()
    };
    let mut stream = client.read_records(request).await?.into_inner();
    let first = stream.message().await?.and_then(|message| message.records.into_iter().next());
    let first = first.ok_or_else(|| Failure::unfinished(format!("household {last}: no record")))?;
    let status = AdminClient::new(channel.clone()).status(v1::StatusRequest::default()).await?;
    let (oldest, newest) = (first.seq, status.into_inner().position);
    let request = v1::GetRecordRequest { r#ref: newest.to_string() };
    let head = client.get_record(request).await?.into_inner().record.unwrap_or_default();
    let (from, to) = (date(&first.raw)?, date(&head.raw)?);
    let day = |days: u32| Some(Date(days));
    let at = |name, position| Question { name, position: Some(position), date: None };
    let of = |name, date| Question { name, position: None, date };
    Ok(vec![
        Question { name: "now", position: None, date: None },
        at("oldest position", oldest),
        at("middle position", oldest.midpoint(newest)),
        at("newest position", newest),
        of("oldest day", day(from)),
        of("middle day", day(from.midpoint(to))),
        of("newest day", day(to)),
    ])
}

fn date(raw: &[u8]) -> Result<u32, Failure> {
    let record = Record::parse(raw).map_err(|error| Failure::damaged(error.to_string()))?;
    Ok(record.date())
}

/// Reads balances of households; a "line" is an answer.
pub(super) async fn run(
    channel: &Channel,
    codes: &[String],
    load: &Load,
) -> Result<Round, Failure> {
    let last = codes.last().map(String::as_str).unwrap_or_default();
    let questions = Arc::new(questions(channel, last).await?);
    let (codes, next) = (Arc::<[String]>::from(codes), Arc::new(AtomicUsize::new(0)));
    let started = clock::now();
    let mut tasks = Vec::new();
    for _ in 0..load.concurrency {
        let (codes, next, load) = (Arc::clone(&codes), Arc::clone(&next), *load);
        let (mut client, questions) =
            (BalancesClient::new(channel.clone()), Arc::clone(&questions));
        tasks.push(tokio::spawn(async move {
            let reads = questions.iter().map(|q| (q.clone(), Latency::default())).collect();
            let mut round = Round { reads, ..Round::default() };
            while started.seconds() < load.seconds {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let of = n.checked_rem(round.reads.len()).unwrap_or(0);
                let Some(code) = codes.get(n.checked_rem(codes.len()).unwrap_or(0)) else { break };
                let Some((question, latency)) = round.reads.get_mut(of) else { break };
                let offered = due(started, n, load.rate).await;
                let request = v1::GetHouseholdRequest {
                    code: code.clone(),
                    as_of_position: question.position,
                    as_of_date: question.date.map(|day| day.to_string()).unwrap_or_default(),
                };
                match client.get_household(request).await {
                    // Of the oldest day and position a few are not there yet.
                    Ok(_) => {}
                    Err(status) if status.code() == Code::NotFound => {}
                    Err(status) => return Err(status.into()),
                }
                latency.push(offered.micros());
                round.lines = round.lines.saturating_add(1);
                round.vouchers = round.vouchers.saturating_add(1);
                round.latency.push(offered.micros());
            }
            Ok::<Round, Failure>(round)
        }));
    }
    let mut all = Round::default();
    for task in tasks {
        add(&mut all, &task.await.map_err(Failure::unfinished)??);
    }
    all.seconds = started.seconds();
    Ok(all)
}
