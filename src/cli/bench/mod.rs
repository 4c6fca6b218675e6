//! `mingzhang bench`: durable load, with the machine's floors in the same run.
//!
//! Lives here: the command, rounds and medians. Reading order: `vouchers` (what is posted), `embedded` and
//! `remote` (how), `baseline` (the floors).
//!
//! Always: a line counts when its voucher's reply has come, and that is after the sync. Figures are of one
//! machine and one moment; their ratios are what compares.

mod baseline;
mod embedded;
mod reads;
mod remote;
mod vouchers;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use serde_json::{Value, json};
use sim::{DEFAULT_SEED, Profile};

use super::failure::Failure;
use super::output::{Output, grouped};
use super::source::Tls;
use baseline::Baseline;
use reads::Question;

/// Measure durable load, with the machine's floors in the same run
///
/// Prints lines/s, latencies, bytes per record, and what the raw append, the hashes and an echo do here
/// with the same bytes. Medians over the rounds.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example: mingzhang bench --embedded --lines 1000 --concurrency 8 --seconds 10"
)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    tls: Tls,
    /// How vouchers are sent
    #[arg(long, value_enum, default_value = "stream")]
    mode: Mode,
    /// Where the households live
    #[arg(long, default_value = "s")]
    profile: Profile,
    /// Records in the log before the measurement
    #[arg(long, value_name = "N", default_value_t = 0)]
    preload: u64,
    /// Vouchers a second that are offered; without it as many as go
    #[arg(long, value_name = "R")]
    rate: Option<u32>,
    /// Lines of a voucher
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    lines: u32,
    /// Vouchers in flight
    #[arg(long, value_name = "C", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    concurrency: u32,
    /// Seconds of a round
    #[arg(long, value_name = "S", default_value_t = 5)]
    seconds: u32,
    /// Rounds
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Where the embedded ledger is made, and removed again
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// A ledger in this process: no network
    #[arg(long)]
    embedded: bool,
    /// A server with a fresh synthetic ledger
    #[arg(long, value_name = "ADDR")]
    to: Option<String>,
}

/// How vouchers are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// One call a voucher.
    Unary,
    /// One stream.
    Stream,
    /// Reads of households instead of postings.
    Read,
}

/// What a round is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    lines: u32,
    concurrency: usize,
    seconds: f64,
    rate: Option<u32>,
    mode: Mode,
}

/// What a round did.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    lines: u64,
    vouchers: u64,
    seconds: f64,
    latency: Latency,
    /// Of reads: the latency of each question.
    reads: Vec<(Question, Latency)>,
    bytes: u64,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    let load = Load {
        lines: args.lines,
        concurrency: usize::try_from(args.concurrency).unwrap_or(1),
        seconds: f64::from(args.seconds),
        rate: args.rate,
        mode: args.mode,
    };
    let measured = if let Some(address) = &args.target.to {
        remote::measure(args, &load, &args.tls.server(address), out)?
    } else {
        args.tls.unused()?;
        embedded::measure(args, &load, out)?
    };
    out.wipe();
    let document = document(args, &measured);
    out.document(&document);
    print(&document, out);
    Ok(0)
}

/// Everything that was measured.
pub(super) struct Measured {
    rounds: Vec<Round>,
    /// The floors, after each round.
    floors: Vec<Baseline>,
    position: Option<u64>,
    /// Resident memory of the ledger's process.
    rss_bytes: u64,
}

/// The middle one of what the rounds say.
fn median<T>(of: &[T], value: impl Fn(&T) -> f64) -> f64 {
    let mut values: Vec<f64> = of.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// A part of a whole to four places; 0 when there is no whole.
#[expect(clippy::float_arithmetic, reason = "figures, not money")]
fn ratio(part: f64, whole: f64) -> f64 {
    if 0.0 < whole { (part / whole * 10_000.0).round() / 10_000.0 } else { 0.0 }
}

fn document(args: &Args, measured: &Measured) -> Value {
    let Measured { rounds, floors, position, rss_bytes } = measured;
    let per_s = |n: u64, seconds: f64| rate(usize::try_from(n).unwrap_or(usize::MAX), seconds);
    let lines_per_s = median(rounds, |r| per_s(r.lines, r.seconds));
    let vouchers_per_s = median(rounds, |r| per_s(r.vouchers, r.seconds));
    let bytes_per_line =
        median(rounds, |r| per_s(r.bytes, f64::from(u32::try_from(r.lines).unwrap_or(u32::MAX))));
    let all = rounds.iter().fold(Latency::default(), |all, round| all.with(&round.latency));
    let syncs = floors.iter().fold(Latency::default(), |all, floor| all.with(&floor.fdatasync));
    let raw = median(floors, |f| f.raw_append_lines_per_s);
    let echo = median(floors, |f| f.echo_messages_per_s);
    json!({
        "what": "bench",
        "machine": machine(),
        "mode": format!("{:?}", args.mode).to_lowercase(),
        "embedded": args.target.embedded,
        "lines_per_voucher": args.lines,
        "concurrency": args.concurrency,
        "preload": args.preload,
        "rate": args.rate,
        "rounds": rounds.len(),
        "position": position,
        "lines": rounds.iter().map(|r| r.lines).sum::<u64>(),
        "seconds": rounds.iter().map(|r| r.seconds).sum::<f64>(),
        "lines_per_s": lines_per_s.round(),
        "vouchers_per_s": vouchers_per_s.round(),
        "latency_ms": {
            "p50": all.percentile(500),
            "p99": all.percentile(990),
            "p999": all.percentile(999),
        },
        "reads": read_rows(rounds),
        "bytes_per_line": bytes_per_line.round(),
        "rss_bytes": rss_bytes,
        "baseline": {
            "raw_append_lines_per_s": raw.round(),
            "fdatasync_ms": { "p50": syncs.percentile(500), "p99": syncs.percentile(990) },
            "blake3_records_per_s": median(floors, |f| f.blake3_records_per_s).round(),
            "sha256_leaves_per_s": median(floors, |f| f.sha256_leaves_per_s).round(),
            "echo_messages_per_s": echo.round(),
        },
        "ratio_to_raw": ratio(lines_per_s, raw),
        "ratio_to_echo": ratio(vouchers_per_s, echo),
    })
}

/// What reads took, a row a question.
fn read_rows(rounds: &[Round]) -> Value {
    let mut all = Round::default();
    for round in rounds {
        remote::add(&mut all, round);
    }
    let row = |(question, latency): &(Question, Latency)| {
        json!({
            "question": question.name, "position": question.position,
            "date": question.date.map(|day| day.to_string()),
            "p50": latency.percentile(500), "p99": latency.percentile(990),
        })
    };
    all.reads.iter().map(row).collect()
}

/// What people read of the document: where it stands, places behind the point, what it is.
const FIGURES: &[(&str, usize, &str)] = &[
    ("/lines_per_s", 0, "lines/s"),
    ("/vouchers_per_s", 0, "vouchers/s"),
    ("/latency_ms/p50", 2, "ms p50"),
    ("/latency_ms/p99", 2, "ms p99"),
    ("/latency_ms/p999", 2, "ms p99.9"),
    ("/bytes_per_line", 0, "bytes of log a line"),
    ("/rss_bytes", 0, "bytes of memory, the ledger's process"),
];

/// The floors among them.
const FLOORS: &[(&str, usize, &str)] = &[
    ("/baseline/raw_append_lines_per_s", 0, "lines/s raw append and sync, 1,000 a block"),
    ("/ratio_to_raw", 4, "of that"),
    ("/baseline/echo_messages_per_s", 0, "messages/s echo of the same message"),
    ("/ratio_to_echo", 4, "of that"),
    ("/baseline/fdatasync_ms/p50", 3, "ms fdatasync of one record, p50"),
    ("/baseline/fdatasync_ms/p99", 3, "ms fdatasync of one record, p99"),
    ("/baseline/blake3_records_per_s", 0, "records/s BLAKE3 chain hash, one core"),
    ("/baseline/sha256_leaves_per_s", 0, "records/s SHA-256 leaf hash, one core"),
];

fn print(document: &Value, out: &mut Output) {
    let print = |out: &mut Output, (path, places, what): &(&str, usize, &str)| {
        let value = document.pointer(path).and_then(Value::as_f64).unwrap_or(0.0);
        let text = format!("{value:.places$}");
        let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
        out.line(format!("{:>14} {what}", format!("{}{rest}", grouped(whole))));
    };
    for figure in FIGURES {
        print(out, figure);
    }
    for row in document["reads"].as_array().into_iter().flatten() {
        let text = |name: &str| row[name].as_str().unwrap_or_default();
        let ms = |name: &str| row[name].as_f64().unwrap_or_default();
        let at =
            row["position"].as_u64().map_or_else(|| text("date").to_owned(), |n| n.to_string());
        let (p50, p99, question) = (ms("p50"), ms("p99"), text("question"));
        out.line(format!("{p99:>14.2} ms p99, {p50:.2} p50: {question} {at}").trim_end());
    }
    out.line("in the same run");
    for figure in FLOORS {
        print(out, figure);
    }
}

/// Latencies in microseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Latency(Vec<u64>);

impl Latency {
    /// Notes one.
    pub(super) fn push(&mut self, micros: u64) {
        self.0.push(micros);
    }

    fn with(mut self, other: &Self) -> Self {
        self.0.extend_from_slice(&other.0);
        self
    }

    /// The latency in milliseconds below which so many of a thousand lie.
    #[expect(
        clippy::float_arithmetic,
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "figures, not money"
    )]
    pub(super) fn percentile(&self, of_thousand: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = sorted.len().saturating_mul(of_thousand) / 1_000;
        let at = at.min(sorted.len().saturating_sub(1));
        sorted.get(at).map_or(0.0, |micros| *micros as f64 / 1_000.0)
    }
}

/// So many in so many seconds, a second.
#[expect(
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "figures, not money"
)]
pub(super) fn rate(n: usize, seconds: f64) -> f64 {
    if 0.0 < seconds { n as f64 / seconds } else { 0.0 }
}

fn machine() -> Value {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, m)| m.trim()))
        .unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    json!({ "cpu": model, "cores": cores, "kernel": kernel.trim(), "debug": cfg!(debug_assertions) })
}

/// The seed of all that is posted.
const SEED: u64 = DEFAULT_SEED;
