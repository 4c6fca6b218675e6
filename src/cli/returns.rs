//! `mingzhang post --bank-returns`: a bank's return file becomes one voucher of returned payments.
//!
//! Lives here: finding the payments, the voucher file, showing it, asking.
//! Lives elsewhere: the bank's file (`files::bank`), posting (`post`).
//!
//! Always: the same file gives the same voucher number and the same lines, so that posting it twice is a
//! retry and no second return; a row whose payment is not found, or not alone, is told with its line and
//! left out. Nothing is posted unseen: the voucher is shown, and posted after a yes.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

use ledger::codec::Codec;
use ledger::event::Event;
use ledger::event::money::{DisbursedToHousehold, VoucherPosted};
use ledger::ids::Date;
use ledger::kind::Kind;
use proto::v1;
use proto::v1::post_voucher_response::Outcome;
use proto::v1::posting_client::PostingClient;
use record::{Fen, Record, Seq};
use serde_json::json;
use tonic::transport::Channel;
use views::reports::BankRow;

use super::client::connect;
use super::failure::{Failure, USAGE};
use super::grid::{self, Side};
use super::output::{Output, plural, yuan};
use super::post::each_entry;
use super::source::Server;
use super::{log, report, runtime};
use crate::files::bank;
use crate::keys::hex;
use crate::wire;

/// Days before the first return within which its payment is looked for: a bank returns within days.
const DAYS_BACK: u32 = 366;
/// What a bank calls a payment that came back.
const RETURNED: &str = "returned";

/// What is asked.
pub(super) struct Ask<'a> {
    pub(super) server: &'a Server,
    pub(super) file: &'a Path,
    /// Who posts; without it whoever paid.
    pub(super) organisation: Option<&'a str>,
    pub(super) prepared_by: Option<&'a str>,
    pub(super) approved_by: Option<&'a str>,
}

/// What became of it.
pub(super) struct Prepared {
    /// The voucher file; `None`: no row has a payment.
    pub(super) path: Option<PathBuf>,
    /// Rows that were left out.
    pub(super) left_out: u64,
}

/// A payment that may have come back.
struct Payment {
    seq: Seq,
    first: Seq,
    part: u16,
    date: Date,
    event: DisbursedToHousehold,
    /// Returned by rows before.
    used: i64,
}

/// A row with its payment.
struct Line {
    row: BankRow,
    quota: String,
    reference: String,
    organisation: String,
    preparer: String,
}

/// Makes the voucher file of a bank's return file and shows it.
///
/// # Errors
/// Those of the file, the server, and of writing.
pub(super) fn prepare(ask: &Ask<'_>, out: &mut Output) -> Result<Result<Prepared, u8>, Failure> {
    let bytes = std::fs::read(ask.file).map_err(|error| Failure::file(ask.file, &error))?;
    let rows = match bank::read(&bytes) {
        Ok(rows) => rows,
        Err(faults) => {
            report::tell(ask.file, &faults, out);
            return Ok(Err(USAGE));
        }
    };
    let rows: Vec<BankRow> =
        rows.into_iter().filter(|row| !row.out && row.status == RETURNED).collect();
    let (lines, faults) = runtime()?.block_on(find(ask, rows))?;
    for (line, what) in &faults {
        out.note(format!("error[MZ-8005]: {}:{line}: {what}", ask.file.display()));
    }
    let left_out = u64::try_from(faults.len()).unwrap_or(u64::MAX);
    if lines.is_empty() {
        out.line("no returned payment");
        return Ok(Ok(Prepared { path: None, left_out }));
    }
    show(&lines, out);
    let path = ask.file.with_extension("returns.jsonl");
    let text = voucher(ask, &bytes, &lines);
    std::fs::write(&path, text).map_err(|error| Failure::file(&path, &error))?;
    out.line(format!("voucher file {}", path.display()));
    Ok(Ok(Prepared { path: Some(path), left_out }))
}

/// The content digest of the voucher in a prepared file, as its approver will see it. Nothing is posted.
///
/// # Errors
/// The refusal that posting it would meet.
pub(super) fn digest(server: &Server, path: &Path) -> Result<String, Failure> {
    let mut voucher = None;
    each_entry(path, &mut |entry| {
        voucher = entry.outcome.as_ref().ok().and_then(|found| wire::voucher(found).ok());
        Ok(())
    })?;
    runtime()?.block_on(async {
        let mut client = PostingClient::new(connect(server).await?);
        let request = v1::PostVoucherRequest { voucher, validate_only: true, ..Default::default() };
        let digest = match client.post_voucher(request).await?.into_inner().outcome {
            Some(Outcome::Preview(preview)) => preview.content_digest,
            Some(Outcome::Reply(reply)) => reply.content_digest,
            None => Vec::new(),
        };
        Ok(hex(&digest))
    })
}

/// Asks on a terminal whether to post.
pub(super) fn confirmed(out: &mut Output) -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    out.note("post this voucher? yes or no");
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && answer.trim() == "yes"
}

type Found = (Vec<Line>, Vec<(u64, String)>);

async fn find(ask: &Ask<'_>, rows: Vec<BankRow>) -> Result<Found, Failure> {
    let (mut lines, mut faults): Found = (Vec::new(), Vec::new());
    let dates = || rows.iter().map(|row| row.date);
    let (Some(first), Some(last)) = (dates().min(), dates().max()) else {
        return Ok((lines, faults));
    };
    let channel = connect(ask.server).await?;
    let from = Date(first.0.saturating_sub(DAYS_BACK).max(Date::PROGRAMME_START.0));
    let mut payments = payments(channel.clone(), from, last).await?;
    let mut headers: BTreeMap<Seq, VoucherPosted> = BTreeMap::new();
    for row in rows {
        match payment_of(&row, &mut payments) {
            Err(what) => faults.push((row.line, what)),
            Ok(payment) => {
                payment.used = payment.used.saturating_add(row.fen);
                let header = match headers.entry(payment.first) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert(header(channel.clone(), payment.first).await?),
                };
                lines.push(line(row, payment, header));
            }
        }
    }
    // One voucher is one organisation's.
    let poster = ask.organisation.map(str::to_owned);
    let poster = poster.or_else(|| lines.first().map(|line| line.organisation.clone()));
    let is_its =
        |line: &Line| ask.organisation.is_some() || Some(&line.organisation) == poster.as_ref();
    let (kept, others): (Vec<Line>, Vec<Line>) = lines.into_iter().partition(is_its);
    for line in others {
        let what =
            format!("{} paid it: post its returns apart, by --organisation", line.organisation);
        faults.push((line.row.line, what));
    }
    faults.sort();
    Ok((kept, faults))
}

fn line(row: BankRow, payment: &Payment, header: &VoucherPosted) -> Line {
    let VoucherPosted { organisation, voucher_no, prepared_by, .. } = header;
    Line {
        row,
        quota: payment.event.quota.to_string(),
        reference: format!("{organisation}/{voucher_no}/{}", payment.part),
        organisation: organisation.to_string(),
        preparer: prepared_by.to_string(),
    }
}

/// The one payment that a row returns; or why there is none.
fn payment_of<'a>(row: &BankRow, payments: &'a mut [Payment]) -> Result<&'a mut Payment, String> {
    let is_meant = |payment: &Payment| {
        payment.event.account.to_string() == row.account
            && (row.bank_ref.is_empty() || payment.event.bank_ref.as_str() == row.bank_ref)
            && payment.date <= row.date
            && row.fen <= payment.event.amount.get().saturating_sub(payment.used)
    };
    let found: Vec<usize> =
        (0..).zip(payments.iter()).filter(|(_, p)| is_meant(p)).map(|(at, _)| at).collect();
    let exact = |at: &&usize| payments.get(**at).is_some_and(|p| p.event.amount.get() == row.fen);
    let equal: Vec<usize> = found.iter().filter(exact).copied().collect();
    let at = match (found.as_slice(), equal.as_slice()) {
        ([], _) => {
            return Err(format!(
                "no payment of {} yuan or more to this account with reference {}",
                Fen::new(row.fen),
                if row.bank_ref.is_empty() { "(none)" } else { &row.bank_ref }
            ));
        }
        ([one], _) | (_, [one]) => *one,
        (all, _) => {
            let seqs = all.iter().filter_map(|at| payments.get(*at)).map(|p| p.seq.to_string());
            let seqs: Vec<String> = seqs.take(5).collect();
            return Err(format!("ambiguous: the payment may be record {}", seqs.join(" or ")));
        }
    };
    payments.get_mut(at).ok_or_else(|| "no payment".to_owned())
}

async fn payments(channel: Channel, from: Date, to: Date) -> Result<Vec<Payment>, Failure> {
    let request = v1::ReadRecordsRequest {
        kinds: vec![Kind::DisbursedToHousehold.name().to_owned()],
        date_from: from.to_string(),
        date_to: to.to_string(),
        raw_only: true,
        ..v1::ReadRecordsRequest::default()
    };
    let mut stream = log::client(channel).read_records(request).await?.into_inner();
    let (mut payments, mut codec) = (Vec::new(), Codec::new());
    while let Some(message) = stream.message().await? {
        for raw in message.records.iter().map(|record| &record.raw) {
            let record = parse(raw)?;
            let (seq, part) = (record.seq(), record.part());
            let damaged = |error| Failure::damaged(format!("record {seq}: {error}"));
            let entry = codec.decode(&record).map_err(damaged)?;
            if let Event::DisbursedToHousehold(event) = entry.event {
                let first = Seq(seq.0.saturating_sub(part.into()));
                let date = Date(record.date());
                payments.push(Payment { seq, first, part, date, event, used: 0 });
            }
        }
    }
    Ok(payments)
}

async fn header(channel: Channel, seq: Seq) -> Result<VoucherPosted, Failure> {
    let request = v1::GetRecordRequest { r#ref: seq.to_string() };
    let answer = log::client(channel).get_record(request).await?.into_inner();
    let raw = answer.record.map(|record| record.raw).unwrap_or_default();
    let record = parse(&raw)?;
    let damaged = |error| Failure::damaged(format!("record {seq}: {error}"));
    match Codec::new().decode(&record).map_err(damaged)?.event {
        Event::VoucherPosted(header) => Ok(header),
        _ => Err(Failure::damaged(format!("record {seq} is no header of a voucher"))),
    }
}

fn parse(raw: &[u8]) -> Result<Record<'_>, Failure> {
    Record::parse(raw).map_err(|error| Failure::damaged(format!("a record: {error}")))
}

fn show(lines: &[Line], out: &mut Output) {
    let names = ["line", "bank reference", "date", "payment", "quota", "amount"];
    let mut rows = vec![names.map(str::to_owned).to_vec()];
    for Line { row, quota, reference, .. } in lines {
        let (date, amount) = (row.date.to_string(), yuan(row.fen));
        let (quota, reference) = (quota.clone(), reference.clone());
        rows.push(vec![row.line.to_string(), row.bank_ref.clone(), date, reference, quota, amount]);
    }
    let total = yuan(total(lines));
    let count = plural(u64::try_from(lines.len()).unwrap_or(u64::MAX), "payment");
    rows.push(vec!["total".to_owned(), count, String::new(), String::new(), String::new(), total]);
    let sides = [Side::Right, Side::Left, Side::Left, Side::Left, Side::Left, Side::Right];
    for line in grid::lines(&rows, &sides) {
        out.line(line);
    }
}

fn total(lines: &[Line]) -> i64 {
    lines.iter().fold(0_i64, |sum, line| sum.saturating_add(line.row.fen))
}

/// The voucher file. Its number is made of the bank's file, so that the same file is the same voucher.
fn voucher(ask: &Ask<'_>, bytes: &[u8], lines: &[Line]) -> String {
    let first = lines.first();
    let own = |asked: Option<&str>, of: fn(&Line) -> &String| {
        asked.map(str::to_owned).or_else(|| first.map(|line| of(line).clone())).unwrap_or_default()
    };
    let date = lines.iter().map(|line| line.row.date).max().unwrap_or(Date::PROGRAMME_START);
    let number = hex(blake3::hash(bytes).as_bytes()).to_uppercase();
    let mut header = json!({
        "type": "voucher",
        "organisation": own(ask.organisation, |line| &line.organisation),
        "voucher_no": format!("BR-{}", number.get(..16).unwrap_or_default()),
        "effective_date": date.to_string(),
        "prepared_by": own(ask.prepared_by, |line| &line.preparer),
        "line_count": lines.len(),
        "total_yuan": Fen::new(total(lines)).to_string(),
    });
    if let (Some(approver), Some(header)) = (ask.approved_by, header.as_object_mut()) {
        header.insert("approved_by".to_owned(), approver.into());
    }
    let mut text = format!("{header}\n");
    for (at, line) in (1..).zip(lines) {
        let line = json!({
            "type": "line", "line_no": at, "kind": Kind::PaymentReturned.name(),
            "quota": line.quota, "ref": line.reference, "reason": "other",
            "amount_yuan": Fen::new(line.row.fen).to_string(),
        });
        text.push_str(&line.to_string());
        text.push('\n');
    }
    text
}
