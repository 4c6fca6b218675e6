//! `mingzhang bench`: durable load, with the machine's floors in the same run.
//!
//! Lives here: the command, rounds and medians. Reading order: `vouchers` (what is posted), `embedded` and
//! `remote` (how), `baseline` (the floors).
//!
//! Always: a line counts when its voucher's reply has come, and that is after the sync. Figures are of one
//! machine and one moment; their ratios are what compares.

mod baseline;
mod embedded;
mod remote;
mod vouchers;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use serde_json::{Value, json};
use sim::{DEFAULT_SEED, Profile};

use super::failure::Failure;
use super::output::Output;
use baseline::Baseline;

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
    let measured = match &args.target.to {
        Some(address) => remote::measure(args, &load, address, out)?,
        None => embedded::measure(args, &load, out)?,
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
    baseline: Baseline,
    position: Option<u64>,
}

#[expect(clippy::float_arithmetic, reason = "figures, not money")]
fn document(args: &Args, measured: &Measured) -> Value {
    let Measured { rounds, baseline, position } = measured;
    let median = |value: &dyn Fn(&Round) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    };
    let per_s = |n: u64, seconds: f64| rate(usize::try_from(n).unwrap_or(usize::MAX), seconds);
    let lines_per_s = median(&|r| per_s(r.lines, r.seconds));
    let all = rounds.iter().fold(Latency::default(), |all, round| all.with(&round.latency));
    let (p50, p99, p999) = (all.percentile(500), all.percentile(990), all.percentile(999));
    let ratio = if 0.0 < baseline.raw_append_lines_per_s {
        lines_per_s / baseline.raw_append_lines_per_s
    } else {
        0.0
    };
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
        "vouchers_per_s": median(&|r| per_s(r.vouchers, r.seconds)).round(),
        "latency_ms": { "p50": p50, "p99": p99, "p999": p999 },
        "bytes_per_line": median(&|r| per_s(r.bytes, f64::from(u32::try_from(r.lines).unwrap_or(u32::MAX)))).round(),
        "rss_bytes": rss_bytes(),
        "baseline": {
            "raw_append_lines_per_s": baseline.raw_append_lines_per_s.round(),
            "fdatasync_ms": {
                "p50": baseline.fdatasync.percentile(500),
                "p99": baseline.fdatasync.percentile(990),
            },
            "blake3_records_per_s": baseline.blake3_records_per_s.round(),
            "sha256_leaves_per_s": baseline.sha256_leaves_per_s.round(),
            "echo_messages_per_s": baseline.echo_messages_per_s.round(),
        },
        "ratio_to_raw": (ratio * 10_000.0).round() / 10_000.0,
    })
}

fn print(document: &Value, out: &mut Output) {
    let at = |path: &str| {
        let value = document.pointer(path).cloned().unwrap_or_default();
        // Whole numbers are grouped, small ones keep their digits.
        match value.as_f64() {
            Some(n) if n.fract() == 0.0 => format!("{n:.0}"),
            _ => value.to_string(),
        }
    };
    out.line(format!("{:>14} lines/s", at("/lines_per_s")));
    out.line(format!("{:>14} vouchers/s", at("/vouchers_per_s")));
    for name in ["p50", "p99", "p999"] {
        out.line(format!("{:>14} ms {name}", at(&format!("/latency_ms/{name}"))));
    }
    out.line(format!("{:>14} bytes a line", at("/bytes_per_line")));
    out.line("in the same run:");
    for (name, what) in [
        ("/baseline/raw_append_lines_per_s", "lines/s raw append and sync, 1,000 a block"),
        ("/baseline/fdatasync_ms/p50", "ms fdatasync of one record, p50"),
        ("/baseline/fdatasync_ms/p99", "ms fdatasync of one record, p99"),
        ("/baseline/blake3_records_per_s", "records/s BLAKE3 chain hash, one core"),
        ("/baseline/sha256_leaves_per_s", "records/s SHA-256 leaf hash, one core"),
        ("/baseline/echo_messages_per_s", "messages/s echo of the same message"),
        ("/ratio_to_raw", "of the raw append"),
    ] {
        out.line(format!("{:>14} {what}", at(name)));
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

/// Resident memory of this process; 0 where the system does not say.
pub(super) fn rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kib: Option<u64> = line.trim().split(' ').next().and_then(|n| n.parse().ok());
    kib.unwrap_or(0).saturating_mul(1_024)
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
