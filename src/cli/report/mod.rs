//! `mingzhang report`: the reports, from a server or from files.
//!
//! Lives here: arguments, where a report comes from.
//! Lives elsewhere: reports (`views::reports`), layout (`render`), what names are called (`words`).
//!
//! Always: a server and its files give the same bytes.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use clap::{Parser, ValueEnum};
use proto::v1;
use proto::v1::reports_client::ReportsClient;
use record::Seq;
use record::limits::MESSAGE_BYTES_MAX;
use serde_json::Value;
use tonic::transport::Channel;
use views::reports::{About, Table, What};

use super::balance::Ledger;
use super::client::connect;
use super::failure::{Failure, USAGE};
use super::list::Head;
use super::output::Output;
use super::runtime;
use super::source::{AsOf, Place, Source, read_only};
use crate::files::bank;
use crate::keys::hex;
use crate::reading::Asked;
use crate::services::reports::table_of;

mod render;
mod words;

use words::called;

pub(super) use words::Lang;

/// Print a report: text, CSV or, with --json, JSON lines
#[derive(Debug, Parser)]
#[command(
    after_help = "Example: mingzhang report bulletin --to 127.0.0.1:7161 --as-of-date 2016-09-30\n\
    Example: mingzhang report statement 44142490120100013 --data /srv/ledger --lang zh\n\
    Example: mingzhang report bank 441424901201 --file 2016-09.csv --data /srv/ledger --csv > out.csv"
)]
pub(super) struct Args {
    /// Which report
    #[arg(value_enum)]
    report: Name,
    /// Unit code, or household code for `statement` and `trace`; without it the province, where a report
    /// is about an area
    code: Option<String>,
    /// First effective date that counts; of `notice`, `bank`, `reversals`
    #[arg(long, value_name = "D")]
    from_date: Option<String>,
    /// Last effective date that counts
    #[arg(long, value_name = "D")]
    to_date: Option<String>,
    /// The bank's file (CSV) of `bank`
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Language of the text
    #[arg(long, value_enum, default_value_t = Lang::Zh)]
    lang: Lang,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    as_of: AsOf,
}

/// Names of the reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name(What);

impl ValueEnum for Name {
    fn value_variants<'a>() -> &'a [Self] {
        static ALL: LazyLock<Vec<Name>> =
            LazyLock::new(|| What::ALL.iter().map(|(what, ..)| Name(*what)).collect());
        &ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.0.name()))
    }
}

/// A report, what it speaks for.
struct Made {
    head: Head,
    shortened: bool,
    table: Table,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    let what = args.report.0;
    if args.code.is_none() && what.about() != About::Area {
        let of = match what.about() {
            About::Household => "a household",
            About::Village => "a village",
            About::City | About::Area => "a helping city",
        };
        let usage = format!("report {} needs the code of {of}", what.name());
        return Err(Failure::usage(usage));
    }
    let Some(bank_file) = bank_file(what, args.file.as_deref(), out)? else { return Ok(USAGE) };
    let asked = Asked {
        report: what.name().to_owned(),
        code: args.code.clone().unwrap_or_default(),
        from_date: args.from_date.clone().unwrap_or_default(),
        to_date: args.to_date.clone().unwrap_or_default(),
        bank_file,
    };
    let made = match args.source.place()? {
        Place::Server(server) => runtime()?.block_on(async {
            let channel = connect(&server).await?;
            of_server(channel, asked, &args.as_of).await
        })?,
        Place::Directory(data) => of_directory(&data, &asked, &args.as_of)?,
    };
    print(what, &made, args, out);
    Ok(0)
}

/// Reads the bank's file; `None`: it has faults, which were told.
fn bank_file(
    what: What,
    path: Option<&Path>,
    out: &mut Output,
) -> Result<Option<Vec<u8>>, Failure> {
    let path = match (what, path) {
        (What::Bank, Some(path)) => path,
        (What::Bank, None) => {
            return Err(Failure::usage("report bank needs the bank's file").with_hint(
                "give it by --file; its columns are ".to_owned() + &bank::COLUMNS.join(","),
            ));
        }
        (_, Some(_)) => return Err(Failure::usage("only `report bank` reads a bank's file")),
        (_, None) => return Ok(Some(Vec::new())),
    };
    let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
    if let Err(faults) = bank::read(&bytes) {
        tell(path, &faults, out);
        return Ok(None);
    }
    Ok(Some(bytes))
}

/// Tells the faults of a bank's file: the first as the failure, all of them with line and column.
pub(super) fn tell(path: &Path, faults: &[bank::Fault], out: &mut Output) {
    for fault in faults {
        let column = if fault.column.is_empty() { "row" } else { &fault.column };
        let message = format!("{}:{}, {column}: not {}", path.display(), fault.line, fault.what);
        out.failure(&Failure::usage(message));
    }
}

async fn of_server(channel: Channel, asked: Asked, as_of: &AsOf) -> Result<Made, Failure> {
    let Asked { report, code, from_date, to_date, bank_file } = asked;
    let request = v1::GetReportRequest {
        report: report.clone(),
        code,
        from_date,
        to_date,
        bank_file,
        as_of_position: as_of.as_of,
        as_of_date: as_of.as_of_date.clone().unwrap_or_default(),
    };
    // A report of the province may pass what a request may have.
    let mut client = ReportsClient::new(channel)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
        .max_decoding_message_size(usize::MAX);
    let answer = client.get_report(request).await?.into_inner();
    let head = Head {
        what: report,
        position: Seq(answer.position),
        date: answer.date.clone(),
        digest: hex(&answer.digest),
        checkpoint: Some(answer.checkpoint.clone()).filter(|note| !note.is_empty()),
        synthetic: answer.synthetic,
    };
    Ok(Made { head, shortened: answer.group_shortened, table: table_of(answer) })
}

/// A report of a server as text for people, without its head.
pub(super) async fn text(
    channel: Channel,
    what: What,
    code: &str,
    lang: Lang,
) -> Result<Vec<String>, Failure> {
    let asked = Asked {
        report: what.name().to_owned(),
        code: code.to_owned(),
        from_date: String::new(),
        to_date: String::new(),
        bank_file: Vec::new(),
    };
    let made = of_server(channel, asked, &AsOf::default()).await?;
    Ok(render::lines(&made.table, lang))
}

fn of_directory(data: &Path, asked: &Asked, as_of: &AsOf) -> Result<Made, Failure> {
    let question = asked.question()?;
    let ledger = Ledger::open(data)?;
    let made = ledger.report(&question, as_of)?;
    let at = made.as_of;
    let day = at.date.map(|date| date.to_string()).unwrap_or_default();
    let head = Head::of_directory(&read_only(data)?, &asked.report, at.position, day)?;
    Ok(Made { head, shortened: at.group_shortened, table: made.table })
}

fn print(what: What, made: &Made, args: &Args, out: &mut Output) {
    let Made { head, shortened, table } = made;
    if args.csv {
        for line in head.lines() {
            out.note(line);
        }
        out.data(&render::csv(table, head));
        return;
    }
    if out.is_json() {
        let mut line = head.json();
        if let Value::Object(line) = &mut line {
            line.insert("group_shortened".to_owned(), (*shortened).into());
            line.extend(render::json_whole(table));
        }
        out.document(&line);
        for row in &table.rows {
            out.document(&render::json_row(table, row));
        }
        return;
    }
    let title = format!("report:{}", what.name());
    out.line(called(&title, args.lang));
    for line in head.lines() {
        out.line(line);
    }
    if *shortened {
        out.line("(the position lies inside a voucher: this is the end of the one before)");
    }
    out.line("");
    for line in render::lines(table, args.lang) {
        out.line(line);
    }
    if table.rows.is_empty() {
        out.line(if args.lang == Lang::En { "no rows" } else { "无记录" });
    }
}
