//! `mingzhang post`: voucher files to a server.
//!
//! Always: files in the order given, vouchers in the order of the file; a voucher that is refused does
//! not stop the others.

use std::fs::File;
use std::io::{BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Parser;
use ledger::reject::Reject;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::client::{Item, Poster, Verdict, connect};
use super::failure::{self, Failure};
use super::output::{Output, count};
use super::runtime;
use crate::files::{self, Encoding, Entry, Format, Place, Stop};
use crate::keys::hex;
use crate::services::status::{Told, rpc_status, told};
use crate::wire;

/// Vouchers read ahead of posting.
const AHEAD: usize = 64;

/// Post voucher files (JSON lines or CSV), in the order given
#[derive(Debug, Parser)]
#[command(after_help = "Example: mingzhang post 2016-09.csv --to 127.0.0.1:7161\n\n\
    Exit code: 0 all posted (now or before); 1 one was refused, the others are posted; 2 a file cannot be\n\
    read; 3 it is not known what became of a voucher: run the same command again.")]
pub(super) struct Args {
    /// Voucher files; `.jsonl` or `.csv`
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Address of the server
    #[arg(long, value_name = "ADDR")]
    to: String,
    /// All checks, nothing posted
    #[arg(long)]
    dry_run: bool,
    /// Encoding of CSV files: utf-8 or gb18030
    #[arg(long, value_name = "NAME", default_value = "utf-8")]
    encoding: String,
}

/// Counts of what became of the vouchers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Summary {
    pub(super) vouchers: u64,
    pub(super) lines: u64,
    pub(super) posted: u64,
    pub(super) duplicate: u64,
    pub(super) refused: u64,
    pub(super) unknown: u64,
    pub(super) valid: u64,
    pub(super) seconds: f64,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    let encoding = Encoding::parse(&args.encoding)
        .ok_or_else(|| Failure::usage(format!("--encoding {}: no such name", args.encoding)))?;
    let files = args.files.clone();
    let summary = runtime()?.block_on(post(&args.to, files, encoding, args.dry_run, out))?;
    out.document(&json!({ "summary": summary.json() }));
    out.wipe();
    out.line(summary.text(args.dry_run));
    Ok(summary.exit())
}

impl Summary {
    /// The summary as JSON.
    pub(super) fn json(&self) -> Value {
        json!({
            "vouchers": self.vouchers, "lines": self.lines, "posted": self.posted,
            "duplicate": self.duplicate, "refused": self.refused, "unknown": self.unknown,
            "seconds": self.seconds,
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
            (self.unknown, "unknown"),
        ];
        let mut text =
            format!("{} vouchers with {} lines: {done}", count(self.vouchers), count(self.lines));
        for (n, what) in rest {
            if 0 < n {
                text = format!("{text}, {} {what}", count(n));
            }
        }
        format!("{text}; {:.1} s", self.seconds)
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
}

impl Kept {
    /// Where a line stands in the file.
    fn row(&self, line: u32) -> u64 {
        let at = usize::try_from(line).ok().and_then(|n| n.checked_sub(1));
        at.and_then(|at| self.rows.get(at)).copied().unwrap_or(self.begins)
    }
}

/// What the reading thread hands over.
enum Read {
    Voucher(Box<Item<Kept>>),
    Refused(Kept, Reject, Vec<Place>),
    Stop(Failure),
}

/// Posts files to a server.
pub(super) async fn post(
    to: &str,
    files: Vec<PathBuf>,
    encoding: Encoding,
    dry_run: bool,
    out: &mut Output,
) -> Result<Summary, Failure> {
    let channel = connect(to).await?;
    let (sender, mut items) = mpsc::channel(AHEAD);
    let reading = tokio::task::spawn_blocking(move || {
        for path in files {
            if !read(&path, encoding, &sender) {
                return;
            }
        }
    });
    let started = super::clock::now();
    let mut summary = Summary::default();
    let mut poster = Poster::new(channel, dry_run);
    let mut failed = None;
    {
        let mut done = |kept: Kept, verdict: Verdict| report(&kept, &verdict, &mut summary, out);
        while let Some(item) = items.recv().await {
            match item {
                Read::Voucher(item) => poster.push(*item, &mut done).await?,
                Read::Refused(kept, reject, places) => {
                    poster.finish(&mut done).await;
                    done(kept, Verdict::Unreadable(rpc_status(&reject), places));
                }
                Read::Stop(failure) => failed = Some(failure),
            }
        }
        poster.finish(&mut done).await;
    }
    summary.seconds = started.seconds();
    drop(reading.await);
    match failed {
        Some(failure) => Err(failure),
        None => Ok(summary),
    }
}

/// Reads a file; returns whether to go on with the next.
fn read(path: &Path, encoding: Encoding, sender: &mpsc::Sender<Read>) -> bool {
    let stop = |failure| {
        drop(sender.blocking_send(Read::Stop(failure)));
        false
    };
    let name: Arc<str> = Arc::from(path.display().to_string());
    let Some(format) = Format::of_path(path) else {
        return stop(Failure::usage(format!("{name}: the name ends in neither .jsonl nor .csv")));
    };
    let encoding = if format == Format::Csv { encoding } else { Encoding::Utf8 };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return stop(Failure::file(path, &error)),
    };
    let vouchers = match files::read(BufReader::with_capacity(1 << 16, file), format, encoding) {
        Ok(vouchers) => vouchers,
        Err(error) => return stop(no_such_file(path, &error)),
    };
    for entry in vouchers {
        let item = match entry {
            Ok(entry) => to_item(&name, entry),
            Err(error) => return stop(no_such_file(path, &error)),
        };
        if sender.blocking_send(item).is_err() {
            return false;
        }
    }
    true
}

fn to_item(file: &Arc<str>, entry: Entry) -> Read {
    let Entry { organisation, voucher_no, begins, rows, outcome } = entry;
    let lines = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let kept = Kept { file: Arc::clone(file), organisation, voucher_no, lines, begins, rows };
    match outcome {
        Err(refused) => Read::Refused(kept, refused.reject, refused.places),
        Ok(voucher) => match wire::voucher(&voucher) {
            Ok(voucher) => Read::Voucher(Box::new(Item { voucher, context: kept })),
            Err(reject) => Read::Refused(kept, reject, Vec::new()),
        },
    }
}

fn no_such_file(path: &Path, stop: &Stop) -> Failure {
    match stop {
        Stop::Io(error) => Failure::file(path, error),
        Stop::NoSuchFile { place, reason } => {
            let failure = Failure::from(reason.clone());
            let at = if place.line == 0 { String::new() } else { format!(":{}", place.line) };
            Failure { message: format!("{}{at}: {}", path.display(), failure.message), ..failure }
        }
    }
}

fn report(kept: &Kept, verdict: &Verdict, summary: &mut Summary, out: &mut Output) {
    summary.vouchers = summary.vouchers.saturating_add(1);
    summary.lines = summary.lines.saturating_add(kept.lines);
    let (slot, name) = match verdict {
        Verdict::Posted(_, false) => (&mut summary.posted, "posted"),
        Verdict::Posted(_, true) => (&mut summary.duplicate, "duplicate"),
        Verdict::Valid(_) => (&mut summary.valid, "valid"),
        Verdict::Refused(_) | Verdict::Unreadable(..) => (&mut summary.refused, "refused"),
        Verdict::Unknown(_) => (&mut summary.unknown, "unknown"),
    };
    *slot = slot.saturating_add(1);
    let (first, last, digest) = match verdict {
        Verdict::Posted(reply, _) => {
            (Some(reply.first_seq), Some(reply.last_seq), Some(hex(&reply.content_digest)))
        }
        Verdict::Valid(preview) => {
            (preview.first_seq, preview.last_seq, Some(hex(&preview.content_digest)))
        }
        _ => (None, None, None),
    };
    let errors = match verdict {
        Verdict::Refused(status) | Verdict::Unreadable(status, _) => told(status),
        Verdict::Unknown(why) => vec![Told {
            code: "MZ-9003".to_owned(),
            line: 0,
            field: String::new(),
            message: why.clone(),
        }],
        Verdict::Posted(..) | Verdict::Valid(_) => Vec::new(),
    };
    if out.is_json() {
        let error = |told: &Told| {
            json!({
                "code": told.code, "name": name_of(&told.code), "line": told.line,
                "field": told.field, "message": told.message,
            })
        };
        out.document(&json!({
            "organisation": kept.organisation,
            "voucher_no": kept.voucher_no,
            "verdict": name,
            "first_seq": first,
            "last_seq": last,
            "content_digest": digest,
            "errors": errors.iter().map(error).collect::<Vec<_>>(),
        }));
        return;
    }
    let places = if let Verdict::Unreadable(_, places) = verdict { places.as_slice() } else { &[] };
    for (at, told) in errors.iter().enumerate() {
        let row = places.get(at).map_or_else(|| kept.row(told.line), |place| place.line);
        let field = if told.field.is_empty() { String::new() } else { format!(", {}", told.field) };
        out.note(format!(
            "error[{}]: {}:{row}{field}: {} (voucher {}/{})",
            told.code, kept.file, told.message, kept.organisation, kept.voucher_no
        ));
    }
    if let Some(hint) = errors.first().and_then(|told| hint_of(&told.code)) {
        out.note(format!("hint: {hint}"));
    }
    if std::io::stderr().is_terminal() && summary.vouchers.is_multiple_of(50) {
        out.progress(format!("{} vouchers", count(summary.vouchers)));
    }
}

fn row_of(code: &str) -> Option<&'static ledger::reject::Row> {
    code.strip_prefix("MZ-").and_then(|n| n.parse().ok()).and_then(ledger::reject::row)
}

fn name_of(code: &str) -> &'static str {
    row_of(code).map_or("", |row| row.name)
}

/// The hint of a code, where it names no fact of the case.
fn hint_of(code: &str) -> Option<String> {
    let row = row_of(code).filter(|row| row.hint != "-" && !row.hint.contains('{'))?;
    Some(format!("{} (docs/errors/{code}.md)", row.hint))
}
