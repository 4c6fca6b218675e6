//! `mingzhang findings`: inspectors' cases, listed and taken further.
//!
//! Lives here: arguments, vouchers of one line, what is printed.
//! Lives elsewhere: the rows (`crate::findings`), heads of lists (`list`), which step may be taken (`ledger`),
//! comparing alerts with labels (`score`).
//!
//! Always: a step is a voucher like any other, with its number, so that sending it again does nothing twice.

use clap::{Parser, Subcommand};
use ledger::field::Field;
use ledger::ids::{Date, FindingId, Token};
use ledger::kind::Kind;
use ledger::kinds::finding::finding_id;
use ledger::reject::Reason;
use ledger::state::findings::Stage;
use ledger::voucher::{HeaderText, VoucherBuilder};
use proto::v1;
use proto::v1::admin_client::AdminClient;
use proto::v1::audit_client::AuditClient;
use proto::v1::disposition_finding_response::Outcome;
use record::Seq;
use record::limits::MAX_AMOUNT_FEN;
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::failure::Failure;
use super::grid::{self, Side};
use super::list::Head;
use super::output::Output;
use super::source::{Place, Source, Tls, read_only};
use super::{client, log, runtime, score};
use crate::files::cell;
use crate::findings::{Wanted, entry, found};
use crate::keys::hex;
use crate::node;
use crate::node::replay::{Parts, Replay};
use crate::services::answer::DUPLICATE;
use crate::wire;

/// List inspectors' cases, and take them further
#[derive(Debug, Parser)]
#[command(after_help = "Example: mingzhang findings list --data /srv/ledger\n\
    Example: mingzhang findings open --text 'paid twice' --severity 2 --evidence 162 --as DI441424 \\\n\
    \x20            --by p.di441424 --no 2017-F-001 --to 127.0.0.1:7161")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List findings, with how far each has come
    #[command(after_help = "Example: mingzhang findings list --stage open --to 127.0.0.1:7161")]
    List(ListArgs),
    /// Open a finding: adopt an alert, or say what it is about
    #[command(
        after_help = "Example: mingzhang findings open --alert 0f…32 --severity 3 --as DI441424 \
        --by p.di441424 --no 2017-F-001 --to 127.0.0.1:7161"
    )]
    Open(OpenArgs),
    /// Explain, for an organisation concerned
    #[command(after_help = "Example: mingzhang findings explain 0f…32 --text 'the list was late' \
        --as VC441424901201 --by p.vc441424901201 --no 2017-E-001 --to 127.0.0.1:7161")]
    Explain(ExplainArgs),
    /// Hand a finding over 移送
    #[command(
        after_help = "Example: mingzhang findings refer 0f…32 --to-whom 县纪委监委 --as DI441424 \
        --by p.di441424 --no 2017-F-002 --to 127.0.0.1:7161"
    )]
    Refer(ReferArgs),
    /// Close a finding 办结
    #[command(after_help = "Example: mingzhang findings close 0f…32 --outcome recovered \
        --recovered-yuan 3000.00 --as DI441424 --by p.di441424 --no 2017-F-003 --to 127.0.0.1:7161")]
    Close(CloseArgs),
    Score(score::Args),
    /// Take a closed finding up again
    #[command(
        after_help = "Example: mingzhang findings reopen 0f…32 --text 'new evidence' --as DI441424 \
        --by p.di441424 --no 2017-F-004 --to 127.0.0.1:7161"
    )]
    Reopen(ReopenArgs),
}

#[derive(Debug, Parser)]
struct ListArgs {
    /// How far it has come: open, explained, referred, closed or reopened
    #[arg(long)]
    stage: Option<String>,
    /// Least severity, 1-3
    #[arg(long, value_name = "N", default_value_t = 0)]
    severity: u32,
    /// What was known at this position: records 0 to N
    #[arg(long, value_name = "N")]
    as_of: Option<u64>,
    #[command(flatten)]
    source: Source,
}

/// Who posts a step.
#[derive(Debug, Parser)]
struct Step {
    /// Organisation that posts
    #[arg(long = "as", value_name = "ORG")]
    organisation: String,
    /// Official who prepares the voucher
    #[arg(long, value_name = "OFFICIAL")]
    by: String,
    /// Voucher number, used once; sent again it answers as before
    #[arg(long, value_name = "NO")]
    no: String,
    /// Effective date, YYYY-MM-DD; without it the day of the ledger's last record
    #[arg(long, value_name = "D")]
    date: Option<String>,
    /// Try it: all checks, nothing posted
    #[arg(long)]
    dry_run: bool,
    /// Address of the server
    #[arg(long, value_name = "ADDR")]
    to: String,
    #[command(flatten)]
    tls: Tls,
}

#[derive(Debug, Parser)]
struct OpenArgs {
    /// Alert to adopt, 32 hex digits
    #[arg(long, value_name = "ID", required_unless_present = "text")]
    alert: Option<String>,
    /// What it is about
    #[arg(long, conflicts_with = "alert")]
    text: Option<String>,
    /// Severity, 1-3
    #[arg(long, value_name = "N")]
    severity: u32,
    /// Record that bears it out, by position; may be given again
    #[arg(long, value_name = "SEQ")]
    evidence: Vec<u64>,
    #[command(flatten)]
    step: Step,
}

#[derive(Debug, Parser)]
struct ExplainArgs {
    /// Finding, 32 hex digits
    finding: String,
    /// The explanation
    #[arg(long)]
    text: String,
    /// Record that bears it out, by position; may be given again
    #[arg(long, value_name = "SEQ")]
    evidence: Vec<u64>,
    #[command(flatten)]
    step: Step,
}

#[derive(Debug, Parser)]
struct ReferArgs {
    /// Finding, 32 hex digits
    finding: String,
    /// To whom
    #[arg(long, value_name = "WHOM")]
    to_whom: String,
    #[command(flatten)]
    step: Step,
}

#[derive(Debug, Parser)]
struct CloseArgs {
    /// Finding, 32 hex digits
    finding: String,
    /// unfounded, corrected, recovered, sanctioned or transferred
    #[arg(long)]
    outcome: String,
    /// What was recovered, in yuan
    #[arg(long, value_name = "YUAN")]
    recovered_yuan: Option<String>,
    /// Record that bears it out, by position; may be given again
    #[arg(long, value_name = "SEQ")]
    evidence: Vec<u64>,
    #[command(flatten)]
    step: Step,
}

#[derive(Debug, Parser)]
struct ReopenArgs {
    /// Finding, 32 hex digits
    finding: String,
    /// Why
    #[arg(long)]
    text: String,
    #[command(flatten)]
    step: Step,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    match &args.what {
        What::List(args) => list(args, out),
        What::Open(args) => open(args, out),
        What::Score(args) => score::run(args, out),
        What::Explain(args) => {
            let (finding, mut line) = args.step.line(Kind::FindingExplained, &args.finding)?;
            line.text(Field::Text, &args.text);
            put_evidence(&mut line, &args.evidence);
            args.step.take(Kind::FindingExplained, finding, line, out)
        }
        What::Refer(args) => {
            let (finding, mut line) = args.step.line(Kind::FindingReferred, &args.finding)?;
            line.text(Field::To, &args.to_whom);
            args.step.take(Kind::FindingReferred, finding, line, out)
        }
        What::Close(args) => {
            let (finding, mut line) = args.step.line(Kind::FindingClosed, &args.finding)?;
            line.text(Field::Outcome, &args.outcome);
            if let Some(yuan) = &args.recovered_yuan {
                line.int(Field::Recovered, fen(yuan)?);
            }
            put_evidence(&mut line, &args.evidence);
            args.step.take(Kind::FindingClosed, finding, line, out)
        }
        What::Reopen(args) => {
            let (finding, mut line) = args.step.line(Kind::FindingReopened, &args.finding)?;
            line.text(Field::Text, &args.text);
            args.step.take(Kind::FindingReopened, finding, line, out)
        }
    }
}

fn open(args: &OpenArgs, out: &mut Output) -> Result<u8, Failure> {
    let kind = Kind::FindingOpened;
    let mut line = args.step.begin(kind);
    if let Some(alert) = &args.alert {
        line.token(Field::Alert, id("--alert", alert)?);
    }
    line.text(Field::Text, args.text.as_deref().unwrap_or_default());
    line.int(Field::Severity, i64::from(args.severity));
    put_evidence(&mut line, &args.evidence);
    let finding = finding_id(&args.step.organisation, &args.step.no, 1);
    args.step.take(kind, finding, line, out)
}

fn id(name: &str, text: &str) -> Result<Token, Failure> {
    Token::parse(text).ok_or_else(|| {
        Failure::usage(format!("{name} {text}: no id"))
            .with_hint("an id has 32 hex digits; `mingzhang findings list` shows them")
    })
}

fn fen(text: &str) -> Result<i64, Failure> {
    cell::fen(text, MAX_AMOUNT_FEN, || "--recovered-yuan".to_owned()).map_err(Failure::from)
}

fn put_evidence(line: &mut VoucherBuilder, evidence: &[u64]) {
    for seq in evidence {
        // The server refuses a position that is none.
        line.push_int(Field::Evidence, i64::try_from(*seq).unwrap_or(i64::MAX));
    }
}

impl Step {
    fn begin(&self, kind: Kind) -> VoucherBuilder {
        let mut line = VoucherBuilder::new();
        line.header(HeaderText::Organisation, &self.organisation)
            .header(HeaderText::VoucherNo, &self.no)
            .header(HeaderText::PreparedBy, &self.by);
        line.begin_line(1, kind.name());
        line
    }

    fn line(&self, kind: Kind, finding: &str) -> Result<(FindingId, VoucherBuilder), Failure> {
        let finding = id("finding", finding)?;
        let mut line = self.begin(kind);
        line.token(Field::Finding, finding);
        Ok((finding, line))
    }

    /// Posts the voucher and says what became of it.
    fn take(
        &self,
        kind: Kind,
        finding: FindingId,
        mut line: VoucherBuilder,
        out: &mut Output,
    ) -> Result<u8, Failure> {
        let server = self.tls.server(&self.to);
        let (posted, duplicate) = runtime()?.block_on(async {
            let channel = client::connect(&server).await?;
            let date = match &self.date {
                Some(date) => date.clone(),
                None => last_day(channel.clone()).await?,
            };
            line.header(HeaderText::EffectiveDate, &date);
            line.state_totals();
            let voucher = wire::voucher(&line.finish()).map_err(first)?;
            let request = v1::DispositionFindingRequest {
                voucher: Some(voucher),
                validate_only: self.dry_run,
                origin: String::new(),
            };
            let answer = AuditClient::new(channel).disposition_finding(request).await?;
            let duplicate = answer.metadata().get(DUPLICATE).is_some();
            Ok::<_, Failure>((answer.into_inner().outcome, duplicate))
        })?;
        self.tell(kind, finding, posted.as_ref(), duplicate, out);
        Ok(0)
    }

    fn tell(
        &self,
        kind: Kind,
        finding: FindingId,
        posted: Option<&Outcome>,
        duplicate: bool,
        out: &mut Output,
    ) {
        let (verdict, position) = match posted {
            Some(Outcome::Reply(reply)) => {
                (if duplicate { "duplicate" } else { "posted" }, Some(reply.last_seq))
            }
            _ => ("valid", None),
        };
        out.document(&json!({
            "what": "finding", "position": position, "verdict": verdict, "kind": kind.name(),
            "finding": finding.to_string(), "organisation": self.organisation,
            "voucher_no": self.no,
        }));
        let at = position.map_or_else(String::new, |seq| format!(" at record {seq}"));
        out.line(format!("{verdict}{at}: {} of finding {finding}", kind.name()));
    }
}

/// The day of the ledger's last record.
async fn last_day(channel: Channel) -> Result<String, Failure> {
    let mut admin = AdminClient::new(channel.clone());
    let position = admin.status(v1::StatusRequest::default()).await?.into_inner().position;
    let request = v1::GetRecordRequest { r#ref: position.to_string() };
    let record = log::client(channel).get_record(request).await?.into_inner().record;
    let time_ms = record.map_or(0, |record| record.time_ms);
    Ok(Date(record::china_date(time_ms)).to_string())
}

/// The first of several refusals.
fn first(reject: ledger::reject::Reject) -> Failure {
    reject.refusals.into_iter().next().map_or_else(
        || Failure::usage("the voucher cannot be written"),
        |refusal| refusal.reason.into(),
    )
}

fn list(args: &ListArgs, out: &mut Output) -> Result<u8, Failure> {
    let stage = args.stage.as_deref().map(stage).transpose()?;
    let (head, rows) = match args.source.place()? {
        Place::Server(server) => runtime()?.block_on(async {
            let channel = client::connect(&server).await?;
            let mut audit = AuditClient::new(channel.clone());
            let (mut rows, mut token) = (Vec::new(), String::new());
            let position = loop {
                let request = v1::ListFindingsRequest {
                    stage: args.stage.clone().unwrap_or_default(),
                    severity_min: args.severity,
                    as_of_position: args.as_of,
                    page_size: PAGE_ROWS,
                    page_token: token,
                };
                let page = audit.list_findings(request).await?.into_inner();
                rows.extend(page.findings);
                token = page.next_page_token;
                if token.is_empty() {
                    break Seq(page.position);
                }
            };
            let head = Head::of_server(channel, "findings", position, String::new()).await?;
            Ok::<_, Failure>((head, rows))
        })?,
        Place::Directory(data) => {
            let ledger = read_only(&data)?;
            let wanted = Wanted { stage, severity_min: args.severity };
            let (position, rows) = of_directory(&data, &ledger, args.as_of.map(Seq), wanted)?;
            let head = Head::of_directory(&ledger, "findings", position, String::new())?;
            (head, rows)
        }
    };
    head.print(out);
    for finding in &rows {
        out.document(&row(finding));
    }
    print_all(&rows, out);
    Ok(0)
}

/// Rows of a page.
const PAGE_ROWS: u32 = 1_000;

fn stage(word: &str) -> Result<Stage, Failure> {
    Stage::parse(word).ok_or_else(|| {
        let words: Vec<&str> = Stage::ALL.iter().map(|stage| stage.name()).collect();
        let hint = format!("stages are {}", words.join(", "));
        Failure::usage(format!("--stage {word}: no such stage")).with_hint(hint)
    })
}

/// The findings of a directory, and the position that they speak for.
fn of_directory(
    data: &std::path::Path,
    ledger: &node::Offline,
    asked: Option<Seq>,
    wanted: Wanted,
) -> Result<(Seq, Vec<v1::FindingEntry>), Failure> {
    let reader = &ledger.reader;
    let head = Seq(journal::Reader::head(reader).next_seq.0.saturating_sub(1));
    if let Some(asked) = asked.filter(|asked| head < *asked) {
        return Err(Reason::PositionAhead { head, asked }.into());
    }
    let mut replay = Replay::new([0; 32], Parts { state: true, tree: false });
    replay
        .run(reader, asked, &mut |_| Ok(()), &mut |_| Ok(()), &mut |_| ())
        .map_err(|error| Failure::ledger(data, &error))?;
    let position = Seq(replay.next_seq().0.saturating_sub(1));
    let found = found(&replay.state, wanted);
    let rows = found.iter().map(|finding| entry(reader, finding)).collect::<Result<_, Reason>>()?;
    Ok((position, rows))
}

fn row(finding: &v1::FindingEntry) -> Value {
    let alert = if finding.alert.is_empty() { Value::Null } else { hex(&finding.alert).into() };
    let steps: Vec<Value> = finding.steps.iter().map(step).collect();
    json!({
        "finding": hex(&finding.finding), "alert": alert, "severity": finding.severity,
        "stage": finding.stage, "evidence": finding.evidence, "steps": steps,
    })
}

fn step(step: &v1::FindingStep) -> Value {
    json!({
        "seq": step.seq, "stage": step.stage, "date": step.date,
        "organisation": step.organisation, "prepared_by": step.prepared_by, "text": step.text,
        "outcome": step.outcome, "recovered_fen": step.recovered_fen,
    })
}

const SIDES: [Side; 7] =
    [Side::Left, Side::Right, Side::Left, Side::Left, Side::Right, Side::Left, Side::Left];

fn print_all(rows: &[v1::FindingEntry], out: &mut Output) {
    let names = ["finding", "severity", "stage", "since", "evidence", "opened by", "about"];
    let mut table = vec![names.map(str::to_owned).to_vec()];
    for finding in rows {
        let last = finding.steps.last().map(|step| step.date.clone()).unwrap_or_default();
        let opened = finding.steps.first();
        let about = opened.map(|step| step.text.clone()).filter(|text| !text.is_empty());
        table.push(vec![
            hex(&finding.finding),
            finding.severity.to_string(),
            finding.stage.clone(),
            last,
            finding.evidence.len().to_string(),
            opened.map(|step| step.organisation.clone()).unwrap_or_default(),
            about.unwrap_or_else(|| format!("alert {}", hex(&finding.alert))),
        ]);
    }
    for line in grid::lines(&table, &SIDES) {
        out.line(line);
    }
}
