//! `mingzhang alerts`: what the red flags find in a log.
//!
//! Lives here: arguments, the list as a table and as JSON. Lives elsewhere: flags (`views::flags`), the head
//! of a list (`list`), columns (`grid`).
//!
//! Always: the same log, day and flag give the same list, from a server and from its files; an alert says
//! "look here", never "guilty".

use std::path::Path;

use clap::Parser;
use ledger::ids::Date;
use ledger::reject::Reason;
use proto::v1;
use proto::v1::audit_client::AuditClient;
use record::Seq;
use record::limits::PAGE_ROWS_MAX;
use serde_json::{Value, json};
use tonic::transport::Channel;
use views::flags::{Facts, Flag, alerts};
use views::history::{Log as _, as_of};

use super::client::connect;
use super::failure::Failure;
use super::grid::{self, Side};
use super::list::Head;
use super::output::{Output, yuan};
use super::runtime;
use super::source::{Place, Source, read_only};
use crate::keys::hex;
use crate::reading::DurableLog;
use crate::services::alerts::message;

/// List what the red flags find: signs that an inspector should look at
#[derive(Debug, Parser)]
#[command(after_help = "Example: mingzhang alerts --flag F07 --data /srv/ledger\n\
    Example: mingzhang alerts --to 127.0.0.1:7161 --date 2018-12-31 --json")]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// Only this flag, F01 to F29
    #[arg(long, value_name = "FLAG")]
    flag: Option<String>,
    /// What was known at this position: records 0 to N
    #[arg(long, value_name = "N")]
    as_of: Option<u64>,
    /// The day asked about, YYYY-MM-DD; without it the day the last record was posted
    #[arg(long, value_name = "D")]
    date: Option<String>,
}

/// What was found, and what it speaks for.
pub(super) struct Listed {
    head: Head,
    pub(super) alerts: Vec<v1::Alert>,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    let flag = args.flag.as_deref().map(flag).transpose()?;
    let day = args.date.as_deref().map(day).transpose()?;
    let listed = match args.source.place()? {
        Place::Server(server) => runtime()?
            .block_on(async { of_server(connect(&server).await?, flag, day, args.as_of).await })?,
        Place::Directory(data) => of_directory(&data, flag, day, args.as_of)?,
    };
    listed.head.print(out);
    for alert in &listed.alerts {
        out.document(&document(alert));
    }
    for line in lines(&listed.alerts) {
        out.line(line);
    }
    Ok(0)
}

/// All alerts of a server, page by page.
pub(super) async fn of_server(
    channel: Channel,
    flag: Option<Flag>,
    day: Option<Date>,
    as_of_position: Option<u64>,
) -> Result<Listed, Failure> {
    let mut client = AuditClient::new(channel.clone()).max_decoding_message_size(usize::MAX);
    let mut request = v1::ListAlertsRequest {
        flag: flag.map(|flag| flag.to_string()).unwrap_or_default(),
        date: day.map(|day| day.to_string()).unwrap_or_default(),
        as_of_position,
        page_size: PAGE_ROWS_MAX,
        page_token: String::new(),
    };
    let mut alerts = Vec::new();
    loop {
        let page = client.list_alerts(request.clone()).await?.into_inner();
        alerts.extend(page.alerts);
        if page.next_page_token.is_empty() {
            let head = Head::of_server(channel, "alerts", Seq(page.position), page.date).await?;
            return Ok(Listed { head, alerts });
        }
        request.as_of_position = Some(page.position);
        request.page_token = page.next_page_token;
    }
}

fn of_directory(
    data: &Path,
    flag: Option<Flag>,
    day: Option<Date>,
    asked: Option<u64>,
) -> Result<Listed, Failure> {
    let ledger = read_only(data)?;
    let log = DurableLog(Box::new(ledger.reader.clone()));
    let head = Seq(log.next_seq().0.saturating_sub(1));
    let asked = asked.map_or(head, Seq);
    if head < asked {
        return Err(Reason::PositionAhead { head, asked }.into());
    }
    let damaged = |error| Failure::damaged(format!("{}: {error}", data.display()));
    let position =
        if asked == head { head } else { as_of(&log, asked, None).map_err(damaged)?.position };
    let mut facts = Facts::new();
    facts.extend(&log, position).map_err(damaged)?;
    let day = day.unwrap_or_else(|| facts.posted());
    let found = alerts(&facts, day, flag);
    let head = Head::of_directory(&ledger, "alerts", position, day.to_string())?;
    Ok(Listed { head, alerts: found.iter().map(message).collect() })
}

fn flag(text: &str) -> Result<Flag, Failure> {
    let wrong = || Failure::usage(format!("--flag {text}: no flag")).with_hint("F01 to F29");
    Flag::parse(text).ok_or_else(wrong)
}

fn day(text: &str) -> Result<Date, Failure> {
    let wrong = || {
        Failure::usage(format!("--date {text}: no date"))
            .with_hint("dates are YYYY-MM-DD, as 2016-12-31")
    };
    Date::parse(text).ok_or_else(wrong)
}

/// An alert as a JSON row.
pub(super) fn document(alert: &v1::Alert) -> Value {
    json!({
        "alert_id": hex(&alert.alert_id),
        "flag": alert.flag,
        "name": alert.name,
        "name_zh": alert.name_zh,
        "parameter_version": alert.parameter_version,
        "subject": alert.subject,
        "severity": alert.severity,
        "amount_fen": alert.amount_fen,
        "evidence": alert.evidence,
        "evidence_total": alert.evidence_total,
        "sentence_zh": alert.sentence_zh,
        "sentence": alert.sentence,
    })
}

const SIDES: &[Side] = &[
    Side::Right,
    Side::Left,
    Side::Left,
    Side::Left,
    Side::Right,
    Side::Right,
    Side::Right,
    Side::Left,
];

/// Alerts as a table.
pub(super) fn lines(found: &[v1::Alert]) -> Vec<String> {
    let names = ["severity", "flag", "名称", "subject", "yuan", "evidence", "from", "sentence"];
    let mut rows = vec![names.map(str::to_owned).to_vec()];
    rows.extend(found.iter().map(|alert| {
        vec![
            alert.severity.to_string(),
            alert.flag.clone(),
            alert.name_zh.clone(),
            alert.subject.clone(),
            yuan(alert.amount_fen),
            alert.evidence_total.to_string(),
            alert.evidence.first().map(ToString::to_string).unwrap_or_default(),
            alert.sentence.clone(),
        ]
    }));
    grid::lines(&rows, SIDES)
}
