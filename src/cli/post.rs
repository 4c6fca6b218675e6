//! `mingzhang post`: voucher files to a server.
//!
//! Lives here: reading files, what is said about each voucher, the summary.
//! Lives elsewhere: sending, and sending again (`poster`), the formats (`files`).
//!
//! Always: every file was read to its end before the first voucher is sent, so a file that is none posts
//! nothing. Files in the order given, vouchers in the order of the file; a voucher that is refused does not
//! stop the others. With `--json` a summary comes whatever happens.

use std::fs::File;
use std::io::{BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use ledger::reject::Reject;
use ledger::voucher::Voucher;
use proto::v1;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::client::connect;
use super::failure::{self, Failure};
use super::output::{Output, count, plural};
use super::poster::{Item, PATIENCE, Poster, Verdict};
use super::returns::{self, Ask, Prepared};
use super::runtime;
use super::source::{Server, Tls};
use crate::files::{self, Encoding, Entry, Format, Place, Refused, Stop, Vouchers, shown};
use crate::keys::hex;
use crate::services::status::{Told, rpc_status, told, total};
use crate::wire;

/// Vouchers read ahead of posting.
const AHEAD: usize = 64;

/// Post voucher files (JSON lines or CSV), in the order given
#[derive(Debug, Parser)]
#[command(after_help = "Example: mingzhang post 2016-09.csv --to 127.0.0.1:7161\n\
    Example: mingzhang post --bank-returns bank-2016-09.csv --to 127.0.0.1:7161\n\n\
    Exit code: 0 all posted (now or before); 1 one was refused, the others are posted; 2 a file cannot be\n\
    read, nothing was posted; 3 it is not known what became of a voucher: run the same command again.")]
pub(super) struct Args {
    /// Voucher files; `.jsonl` or `.csv`
    #[arg(required_unless_present = "bank_returns", conflicts_with = "bank_returns")]
    files: Vec<PathBuf>,
    /// A bank's file: its returned payments become one voucher, which is shown and posted after a yes
    #[arg(long, value_name = "FILE")]
    bank_returns: Option<PathBuf>,
    /// Write the voucher file of the returned payments with its digest, and post nothing
    #[arg(long, requires = "bank_returns")]
    prepare: bool,
    /// Post the returned payments without asking
    #[arg(long, requires = "bank_returns", conflicts_with = "prepare")]
    yes: bool,
    /// Who posts the returned payments; without it whoever paid the first
    #[arg(long, value_name = "ORG", requires = "bank_returns")]
    organisation: Option<String>,
    /// Who prepares the voucher; without it whoever prepared the first payment
    #[arg(long, value_name = "OFFICIAL", requires = "bank_returns")]
    prepared_by: Option<String>,
    /// Who approves the voucher
    #[arg(long, value_name = "OFFICIAL", requires = "bank_returns")]
    approved_by: Option<String>,
    /// Address of the server
    #[arg(long, value_name = "ADDR")]
    to: String,
    #[command(flatten)]
    tls: Tls,
    /// All checks, nothing posted
    #[arg(long)]
    dry_run: bool,
    /// Encoding of CSV files: utf-8 or gb18030
    #[arg(long, value_name = "NAME", default_value = "utf-8")]
    encoding: String,
    /// How long to try again where the server is gone or its queue is full
    #[arg(long, value_name = "SECONDS", default_value_t = PATIENCE.as_secs())]
    patience: u64,
}

/// Counts of what became of the vouchers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Summary {
    pub(super) vouchers: u64,
    pub(super) lines: u64,
    pub(super) posted: u64,
    pub(super) duplicate: u64,
    pub(super) refused: u64,
    /// Unsent ones are among them.
    pub(super) unknown: u64,
    pub(super) unsent: u64,
    pub(super) valid: u64,
    pub(super) seconds: f64,
}

/// How files are posted.
pub(super) struct Order<'a> {
    pub(super) to: &'a Server,
    pub(super) encoding: Encoding,
    pub(super) dry_run: bool,
    pub(super) patience: Duration,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    let encoding = Encoding::parse(&args.encoding).ok_or_else(|| {
        let what = format!("--encoding {}: no such name", args.encoding);
        Failure::usage(what).with_hint("names are utf-8 and gb18030")
    })?;
    let server = args.tls.server(&args.to);
    let order = Order {
        to: &server,
        encoding,
        dry_run: args.dry_run,
        patience: Duration::from_secs(args.patience),
    };
    match &args.bank_returns {
        Some(file) => returns(args, file, &order, out),
        None => run_order(&order, args.files.clone(), out),
    }
}

/// Posts what a bank returned, as one voucher.
fn returns(args: &Args, file: &Path, order: &Order<'_>, out: &mut Output) -> Result<u8, Failure> {
    let ask = Ask {
        server: order.to,
        file,
        organisation: args.organisation.as_deref(),
        prepared_by: args.prepared_by.as_deref(),
        approved_by: args.approved_by.as_deref(),
    };
    let (path, left_out) = match returns::prepare(&ask, out)? {
        Ok(Prepared { path, left_out }) => (path, left_out),
        Err(exit) => return Ok(exit),
    };
    let told = if left_out == 0 { 0 } else { failure::NO };
    let Some(path) = path else { return Ok(told) };
    if args.prepare {
        out.line(format!("content digest {}", returns::digest(order.to, &path)?));
        return Ok(told);
    }
    if !args.yes && !order.dry_run && !returns::confirmed(out) {
        out.note("nothing was posted; say yes on a terminal, or give --yes");
        return Ok(failure::NO);
    }
    Ok(run_order(order, vec![path], out)?.max(told))
}

/// Posts one file of JSON lines, or tries it.
pub(super) fn run_one(
    server: &Server,
    file: &Path,
    dry_run: bool,
    out: &mut Output,
) -> Result<u8, Failure> {
    let order = Order { to: server, encoding: Encoding::Utf8, dry_run, patience: PATIENCE };
    run_order(&order, vec![file.to_owned()], out)
}

fn run_order(order: &Order<'_>, files: Vec<PathBuf>, out: &mut Output) -> Result<u8, Failure> {
    let mut summary = Summary::default();
    let done = runtime()?.block_on(post(order, files, &mut summary, out));
    summary.tell(done, order.dry_run, out)
}

/// Shows what stands in a file of JSON lines.
pub(super) fn each_entry(
    path: &Path,
    see: &mut dyn FnMut(&Entry) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for entry in open(path, Encoding::Utf8)? {
        see(&entry.map_err(|stop| no_such_file(path, &stop))?)?;
    }
    Ok(())
}

/// Tries the vouchers of a file of JSON lines without a server: `judge` says what would become of each.
pub(super) fn try_file(
    path: &Path,
    judge: &mut dyn FnMut(&Voucher) -> Result<v1::Preview, Reject>,
    out: &mut Output,
) -> Result<u8, Failure> {
    check(path, Encoding::Utf8)?;
    let started = super::clock::now();
    let mut summary = Summary::default();
    let mut reporter = Reporter { summary: &mut summary, out, unsent: None };
    let name: Arc<str> = Arc::from(path.display().to_string());
    for entry in open(path, Encoding::Utf8)? {
        let entry = entry.map_err(|stop| no_such_file(path, &stop))?;
        let (kept, outcome) = keep(&name, entry);
        let verdict = match outcome {
            Err(refused) => Verdict::Unreadable(rpc_status(&refused.reject), refused.places),
            Ok(voucher) => match judge(&voucher) {
                Ok(preview) => Verdict::Valid(preview),
                Err(reject) => Verdict::Refused(rpc_status(&reject)),
            },
        };
        reporter.report(&kept, &verdict);
    }
    summary.seconds = started.seconds();
    summary.tell(Ok(()), true, out)
}

impl Summary {
    /// The summary as JSON.
    pub(super) fn json(&self) -> Value {
        json!({
            "vouchers": self.vouchers, "lines": self.lines, "posted": self.posted,
            "duplicate": self.duplicate, "refused": self.refused, "unknown": self.unknown,
            "valid": self.valid, "seconds": self.seconds,
        })
    }

    fn text(&self, dry_run: bool) -> String {
        let done = if dry_run {
            format!("{} valid", count(self.valid))
        } else {
            format!("{} posted", count(self.posted))
        };
        let rest = [
            (self.duplicate, "posted before"),
            (self.refused, "refused"),
            (self.unknown.saturating_sub(self.unsent), "unknown"),
            (self.unsent, "not sent"),
        ];
        let (vouchers, lines) = (plural(self.vouchers, "voucher"), plural(self.lines, "line"));
        let mut text = format!("{vouchers} with {lines}: {done}");
        for (n, what) in rest {
            if 0 < n {
                text = format!("{text}, {} {what}", count(n));
            }
        }
        format!("{text}; {:.1} s", self.seconds)
    }

    /// Prints it, and returns the exit code.
    fn tell(
        &self,
        done: Result<(), Failure>,
        dry_run: bool,
        out: &mut Output,
    ) -> Result<u8, Failure> {
        out.document(&json!({ "summary": self.json() }));
        out.wipe();
        if done.is_ok() || 0 < self.vouchers {
            out.line(self.text(dry_run));
        }
        done?;
        if 0 < self.unknown {
            out.note("hint: run the same command again: what was posted is not posted twice");
        }
        Ok(self.exit())
    }

    fn exit(&self) -> u8 {
        match (self.unknown, self.refused) {
            (0, 0) => 0,
            (0, _) => failure::NO,
            _ => failure::UNFINISHED,
        }
    }
}

/// What is kept of a voucher until its answer comes.
struct Kept {
    file: Arc<str>,
    organisation: String,
    voucher_no: String,
    lines: u64,
    begins: u64,
    rows: Vec<u64>,
    /// Where the first line stands whose number is not its place.
    misnumbered: Option<u64>,
}

impl Kept {
    /// Where the fault stands in the file.
    fn row(&self, told: &Told) -> u64 {
        if let Some(row) = self.misnumbered.filter(|_| told.code == "MZ-1031") {
            return row;
        }
        let at = usize::try_from(told.line).ok().and_then(|n| n.checked_sub(1));
        at.and_then(|at| self.rows.get(at)).copied().unwrap_or(self.begins)
    }

    /// The voucher as people look for it.
    fn key(&self) -> String {
        format!("{}/{}", shown(&self.organisation), shown(&self.voucher_no))
    }
}

/// What the reading thread hands over.
enum Read {
    Voucher(Box<Item<Kept>>),
    Refused(Kept, Reject, Vec<Place>),
    Stop(Failure),
}

/// Posts files to a server and counts into `summary`, whatever happens.
pub(super) async fn post(
    order: &Order<'_>,
    files: Vec<PathBuf>,
    summary: &mut Summary,
    out: &mut Output,
) -> Result<(), Failure> {
    let encoding = order.encoding;
    for path in &files {
        check(path, encoding)?;
    }
    let channel = connect(order.to).await?;
    let (sender, mut items) = mpsc::channel(AHEAD);
    let reading = tokio::task::spawn_blocking(move || {
        for path in files {
            if let Err(failure) = read(&path, encoding, &sender) {
                // Nobody listens any more only when posting has ended.
                drop(sender.blocking_send(Read::Stop(failure)));
                return;
            }
        }
    });
    let started = super::clock::now();
    let mut poster = Poster::new(channel, order.dry_run, order.patience);
    let mut ended = Ok(());
    let mut reporter = Reporter { summary, out, unsent: None };
    let mut done = |kept: Kept, verdict: Verdict| reporter.report(&kept, &verdict);
    while let Some(item) = items.recv().await {
        match item {
            Read::Voucher(item) => poster.push(*item, &mut done).await,
            Read::Refused(kept, reject, places) => {
                poster.finish(&mut done).await;
                done(kept, Verdict::Unreadable(rpc_status(&reject), places));
            }
            Read::Stop(failure) => ended = Err(failure),
        }
    }
    poster.finish(&mut done).await;
    reporter.summary.seconds = started.seconds();
    reporter.end();
    drop(reading.await);
    ended
}

/// Reads a file to its end, so that nothing is posted of one that is none.
fn check(path: &Path, encoding: Encoding) -> Result<(), Failure> {
    let mut vouchers = 0_u64;
    for entry in open(path, encoding)? {
        entry.map_err(|stop| no_such_file(path, &stop))?;
        vouchers = vouchers.saturating_add(1);
    }
    if vouchers == 0 {
        let what = format!("{}: the file holds no voucher", path.display());
        return Err(Failure::usage(what).with_hint(EXAMPLES));
    }
    Ok(())
}

/// Reads a file that was checked, and hands over its vouchers.
fn read(path: &Path, encoding: Encoding, sender: &mpsc::Sender<Read>) -> Result<(), Failure> {
    let changed = |failure: Failure| {
        failure.with_hint("the file changed while it was posted; run the same command again")
    };
    let name: Arc<str> = Arc::from(path.display().to_string());
    for entry in open(path, encoding).map_err(changed)? {
        let entry = entry.map_err(|stop| changed(no_such_file(path, &stop)))?;
        if sender.blocking_send(to_item(&name, entry)).is_err() {
            break;
        }
    }
    Ok(())
}

/// What to do about a file that is none.
const EXAMPLES: &str =
    "nothing was posted; tests/data/example.jsonl and example.csv show the formats";

fn open(path: &Path, encoding: Encoding) -> Result<Vouchers<BufReader<File>>, Failure> {
    let Some(format) = Format::of_path(path) else {
        let what = format!("{}: the name ends in neither .jsonl nor .csv", path.display());
        return Err(Failure::usage(what).with_hint(EXAMPLES));
    };
    let encoding = if format == Format::Csv { encoding } else { Encoding::Utf8 };
    let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
    // It is read twice, which a pipe does not stand.
    if !file.metadata().is_ok_and(|meta| meta.is_file()) {
        let what = format!("{} is not a regular file", path.display());
        return Err(Failure::usage(what).with_hint("give the name of a .jsonl or .csv file"));
    }
    files::read(BufReader::with_capacity(1 << 16, file), format, encoding)
        .map_err(|stop| no_such_file(path, &stop))
}

/// Parts what is kept of a voucher from what the file says of it.
fn keep(file: &Arc<str>, entry: Entry) -> (Kept, Result<Voucher, Refused>) {
    let Entry { organisation, voucher_no, begins, rows, outcome } = entry;
    let lines = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let misnumbered = outcome.as_ref().ok().and_then(|voucher| misnumbered_row(voucher, &rows));
    let file = Arc::clone(file);
    (Kept { file, organisation, voucher_no, lines, begins, rows, misnumbered }, outcome)
}

fn to_item(file: &Arc<str>, entry: Entry) -> Read {
    let (kept, outcome) = keep(file, entry);
    match outcome {
        Err(refused) => Read::Refused(kept, refused.reject, refused.places),
        Ok(voucher) => match wire::voucher(&voucher) {
            Ok(voucher) => Read::Voucher(Box::new(Item { voucher, context: kept })),
            Err(reject) => Read::Refused(kept, reject, Vec::new()),
        },
    }
}

fn misnumbered_row(voucher: &Voucher, rows: &[u64]) -> Option<u64> {
    let numbers = voucher.lines().map(|line| line.line_no());
    let (_, row) = (1..).zip(numbers).zip(rows).find(|((at, number), _)| at != number)?;
    Some(*row)
}

fn no_such_file(path: &Path, stop: &Stop) -> Failure {
    match stop {
        Stop::Io(error) => Failure::file(path, error),
        Stop::NoSuchFile { place, reason } => {
            let failure = Failure::from(reason.clone());
            let at = if place.line == 0 { String::new() } else { format!(":{}", place.line) };
            let message = format!("{}{at}: {}", path.display(), failure.message);
            Failure { message, ..failure }.with_hint(EXAMPLES)
        }
    }
}

/// Says what became of each voucher.
struct Reporter<'a> {
    summary: &'a mut Summary,
    out: &'a mut Output,
    /// Where the first voucher stands that was not sent.
    unsent: Option<String>,
}

impl Reporter<'_> {
    fn report(&mut self, kept: &Kept, verdict: &Verdict) {
        let name = self.count(kept, verdict);
        let errors = match verdict {
            Verdict::Refused(status) | Verdict::Unreadable(status, _) => told(status),
            Verdict::Unknown(why) => vec![why.clone()],
            Verdict::Unsent(why) => {
                let message = format!("not sent: {}", why.message);
                vec![Told { message, ..why.clone() }]
            }
            Verdict::Posted(..) | Verdict::Valid(_) => Vec::new(),
        };
        if self.out.is_json() {
            self.out.document(&document(kept, verdict, name, &errors));
        } else if let Verdict::Unsent(_) = verdict {
            self.unsent.get_or_insert_with(|| format!("{}:{}", kept.file, kept.begins));
        } else {
            self.explain(kept, verdict, &errors);
        }
    }

    /// Counts a voucher; returns the name of its verdict.
    fn count(&mut self, kept: &Kept, verdict: &Verdict) -> &'static str {
        let summary = &mut *self.summary;
        summary.vouchers = summary.vouchers.saturating_add(1);
        summary.lines = summary.lines.saturating_add(kept.lines);
        if let Verdict::Unsent(_) = verdict {
            summary.unsent = summary.unsent.saturating_add(1);
        }
        let (slot, name) = match verdict {
            Verdict::Posted(_, false) => (&mut summary.posted, "posted"),
            Verdict::Posted(_, true) => (&mut summary.duplicate, "duplicate"),
            Verdict::Valid(_) => (&mut summary.valid, "valid"),
            Verdict::Refused(_) | Verdict::Unreadable(..) => (&mut summary.refused, "refused"),
            Verdict::Unknown(_) | Verdict::Unsent(_) => (&mut summary.unknown, "unknown"),
        };
        *slot = slot.saturating_add(1);
        name
    }

    /// Says on standard error what is wrong and what to do.
    fn explain(&mut self, kept: &Kept, verdict: &Verdict, errors: &[Told]) {
        let (places, hint) = match verdict {
            Verdict::Unreadable(status, places) => (places.as_slice(), failure::help(status)),
            Verdict::Refused(status) => (&[][..], failure::help(status)),
            _ => (&[][..], None),
        };
        for (at, told) in errors.iter().enumerate() {
            let row = places.get(at).map_or_else(|| kept.row(told), |place| place.line);
            let field =
                if told.field.is_empty() { String::new() } else { format!(", {}", told.field) };
            let code = if told.code.is_empty() { failure::NO_CODE } else { &told.code };
            self.out.note(format!(
                "error[{code}]: {}:{row}{field}: {} (voucher {})",
                kept.file,
                told.message,
                kept.key()
            ));
        }
        if let Verdict::Unreadable(status, _) | Verdict::Refused(status) = verdict {
            let listed = u64::try_from(errors.len()).unwrap_or(u64::MAX);
            let more = total(status).saturating_sub(listed);
            if 0 < more {
                let more = plural(more, "more refusal");
                self.out.note(format!("and {more} of voucher {}", kept.key()));
            }
        }
        if let Some(hint) = hint {
            self.out.note(format!("hint: {hint}"));
        }
        let vouchers = self.summary.vouchers;
        if std::io::stderr().is_terminal() && vouchers.is_multiple_of(50) {
            self.out.progress(plural(vouchers, "voucher"));
        }
    }

    /// Says once what holds for all that was not sent.
    fn end(&mut self) {
        if let Some(from) = &self.unsent {
            let vouchers = plural(self.summary.unsent, "voucher");
            self.out.note(format!("{vouchers} from {from} on: not sent"));
        }
    }
}

/// The JSON line of a voucher.
fn document(kept: &Kept, verdict: &Verdict, name: &str, errors: &[Told]) -> Value {
    let (first, last, digest) = match verdict {
        Verdict::Posted(reply, _) => {
            (Some(reply.first_seq), Some(reply.last_seq), Some(hex(&reply.content_digest)))
        }
        Verdict::Valid(preview) => {
            (preview.first_seq, preview.last_seq, Some(hex(&preview.content_digest)))
        }
        _ => (None, None, None),
    };
    let error = |told: &Told| {
        let code = if told.code.is_empty() { failure::NO_CODE } else { &told.code };
        json!({
            "code": code, "name": name_of(code), "line": told.line,
            "field": told.field, "message": told.message,
        })
    };
    json!({
        "organisation": kept.organisation,
        "voucher_no": kept.voucher_no,
        "verdict": name,
        "first_seq": first,
        "last_seq": last,
        "content_digest": digest,
        "errors": errors.iter().map(error).collect::<Vec<_>>(),
    })
}

fn name_of(code: &str) -> &'static str {
    failure::row_of(code).map_or("", |row| row.name)
}
