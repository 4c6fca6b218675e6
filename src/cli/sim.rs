//! `mingzhang sim`: the synthetic province as files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::Parser;
use serde_json::json;
use sim::{DEFAULT_SEED, Profile};

use super::failure::Failure;
use super::making;
use super::output::{Output, plural, yuan};

/// Make synthetic input: vouchers by month, bank files, labels
///
/// The same profile and seed give the same bytes. All persons, towns and villages are invented.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example: mingzhang sim --profile xs --seed 20160604 --out /tmp/guangdong\n\
    then:    mingzhang post /tmp/guangdong/post/*.jsonl --to 127.0.0.1:7161"
)]
pub(super) struct Args {
    /// How much of the province: xs, s, m or l
    #[arg(long, default_value = "xs")]
    profile: Profile,
    /// Seed of the synthetic data
    #[arg(long, default_value_t = DEFAULT_SEED)]
    seed: u64,
    /// Folder to make; it must not hold anything
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    let totals = write(args.profile, args.seed, &args.out)?;
    out.document(&json!({
        "what": "sim",
        "position": null,
        "files": totals.files,
        "records": totals.lines,
        "bytes": totals.bytes,
        "profile": args.profile.name(),
        "seed": args.seed,
        "vouchers": totals.vouchers,
        "bank_rows": totals.bank_rows,
        "sum_fen": totals.sum_fen,
    }));
    out.line(format!(
        "{}: {} with {}, {} yuan, in {}",
        args.out.display(),
        plural(totals.vouchers, "voucher"),
        plural(totals.lines, "line"),
        yuan(totals.sum_fen),
        plural(totals.files, "file")
    ));
    Ok(0)
}

/// Writes the data set into a folder that holds nothing yet.
pub(super) fn write(profile: Profile, seed: u64, dir: &Path) -> Result<sim::Totals, Failure> {
    making::empty(dir)?;
    let mut files: BTreeMap<String, BufWriter<File>> = BTreeMap::new();
    let plan = sim::plan(profile, seed);
    let totals = sim::write_files(&plan, &mut |path, bytes| {
        let whole = dir.join(path);
        let written = (|| {
            if !files.contains_key(path) {
                // Two files of a month grow at a time; those of earlier months are done.
                while 2 <= files.len() {
                    if let Some((_, mut done)) = files.pop_first() {
                        done.flush()?;
                    }
                }
                if let Some(parent) = whole.parent() {
                    fs::create_dir_all(parent)?;
                }
                let file = File::options().append(true).create(true).open(&whole)?;
                files.insert(path.to_owned(), BufWriter::new(file));
            }
            files.get_mut(path).map_or(Ok(()), |file| file.write_all(bytes))
        })();
        written.map_err(|error: std::io::Error| Failure::file(&whole, &error))
    })?;
    for (path, mut file) in files {
        file.flush().map_err(|error| Failure::file(&dir.join(path), &error))?;
    }
    Ok(totals)
}
