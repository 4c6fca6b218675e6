//! `mingzhang alerts`: what the red flags find in a log.
//!
//! Lives here: arguments, the list as a table and as JSON. Lives elsewhere: flags (`views::flags`), the head
//! of a list (`list`), columns (`grid`).
//!
//! Always: the same log, day and flag give the same list; an alert says "look here", never "guilty".

use std::path::PathBuf;

use clap::Parser;
use ledger::ids::Date;
use ledger::reject::Reason;
use record::Seq;
use serde_json::{Value, json};
use views::flags::{Alert, Facts, Flag, alerts, row};
use views::history::{Log as _, as_of};

use super::failure::Failure;
use super::grid::{self, Side};
use super::list::Head;
use super::output::{Output, yuan};
use super::source::read_only;
use crate::keys::hex;
use crate::reading::DurableLog;

/// List what the red flags find: signs that an inspector should look at
#[derive(Debug, Parser)]
#[command(after_help = "Example: mingzhang alerts --flag F07 --data /srv/mingzhang")]
pub(super) struct Args {
    /// Data directory; read beside a server or without one
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
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

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    let flag = args.flag.as_deref().map(flag).transpose()?;
    let date = args.date.as_deref().map(date).transpose()?;
    let ledger = read_only(&args.data)?;
    let log = DurableLog(Box::new(ledger.reader.clone()));
    let head = Seq(log.next_seq().0.saturating_sub(1));
    let asked = args.as_of.map_or(head, Seq);
    if head < asked {
        return Err(Reason::PositionAhead { head, asked }.into());
    }
    let damaged = |error| Failure::damaged(format!("{}: {error}", args.data.display()));
    let position = as_of(&log, asked, None).map_err(damaged)?.position;
    let mut facts = Facts::new();
    facts.extend(&log, position).map_err(damaged)?;
    let date = date.unwrap_or_else(|| facts.posted());
    let found = alerts(&facts, date, flag);
    Head::of_directory(&ledger, "alerts", position, date.to_string())?.print(out);
    for alert in &found {
        out.document(&document(alert));
    }
    for line in grid::lines(&table(&found), SIDES) {
        out.line(line);
    }
    Ok(0)
}

fn flag(text: &str) -> Result<Flag, Failure> {
    let wrong = || Failure::usage(format!("--flag {text}: no flag")).with_hint("F01 to F29");
    Flag::parse(text).ok_or_else(wrong)
}

fn date(text: &str) -> Result<Date, Failure> {
    let wrong = || {
        Failure::usage(format!("--date {text}: no date"))
            .with_hint("dates are YYYY-MM-DD, as 2016-12-31")
    };
    Date::parse(text).ok_or_else(wrong)
}

fn document(alert: &Alert) -> Value {
    let named = row(alert.flag);
    json!({
        "alert_id": hex(&alert.id),
        "flag": alert.flag.to_string(),
        "name": named.map(|row| row.name),
        "name_zh": named.map(|row| row.name_zh),
        "parameter_version": alert.parameter_version,
        "subject": alert.subject.to_string(),
        "severity": alert.severity,
        "amount_fen": alert.amount_fen,
        "evidence": alert.evidence.iter().map(|seq| seq.0).collect::<Vec<u64>>(),
        "evidence_total": alert.evidence_total,
        "sentence_zh": alert.sentence_zh,
        "sentence": alert.sentence_en,
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

fn table(found: &[Alert]) -> Vec<Vec<String>> {
    let names = ["severity", "flag", "名称", "subject", "yuan", "evidence", "from", "sentence"];
    let mut rows = vec![names.map(str::to_owned).to_vec()];
    rows.extend(found.iter().map(|alert| {
        vec![
            alert.severity.to_string(),
            alert.flag.to_string(),
            row(alert.flag).map_or("", |row| row.name_zh).to_owned(),
            alert.subject.to_string(),
            yuan(alert.amount_fen),
            alert.evidence_total.to_string(),
            alert.evidence.first().map(ToString::to_string).unwrap_or_default(),
            alert.sentence_en.clone(),
        ]
    }));
    rows
}
