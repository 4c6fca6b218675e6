//! `mingzhang restore`: a backup becomes a ledger again, after it was checked.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use serde_json::json;

use super::failure::Failure;
use super::output::{Output, count};
use crate::keys::KEYS_DIR;

/// Restore a backup into a new data directory; it is verified before it can serve
///
/// A backup holds neither the keys nor the vault; they have backups of their own.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example: mingzhang restore /backup/2016-12-31 --data /srv/ledger --keys /safe/keys"
)]
pub(super) struct Args {
    /// Folder that `mingzhang backup` wrote
    backup: PathBuf,
    /// Data directory to make; it must not hold anything
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder with the files `log` and `salt`; without it the ledger is read and not signed
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    if fs::read_dir(&args.data).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::usage(format!("{} is not empty", args.data.display())));
    }
    let path = args.backup.clone();
    let report = verify::verify(&verify::Options { path, ..verify::Options::default() });
    if report.exit_code() != 0 {
        out.note(report.text(false).trim_end());
        return Err(Failure {
            exit: report.exit_code(),
            ..Failure::no("the backup does not hold")
        }
        .with_hint("use another backup; nothing was restored"));
    }
    let mut files = 0;
    for folder in ["segments", "published", "attempts"] {
        let from = args.backup.join(folder);
        if from.is_dir() {
            files = copy_tree(&from, &args.data.join(folder), files)?;
        }
    }
    if let Some(keys) = &args.keys {
        copy_keys(keys, &args.data.join(KEYS_DIR))?;
    } else {
        out.note("no --keys: the ledger can be read and verified, not signed");
    }
    out.document(&json!({
        "what": "restore",
        "position": report.records.checked_sub(1),
        "files": files,
        "records": report.records,
        "bytes": null,
        "origin": report.origin,
    }));
    let origin = report.origin.unwrap_or_default();
    out.line(format!(
        "{}: {origin}, {} records, verified",
        args.data.display(),
        count(report.records)
    ));
    Ok(0)
}

fn copy_tree(from: &Path, to: &Path, mut files: u64) -> Result<u64, Failure> {
    fs::create_dir_all(to).map_err(|error| Failure::file(to, &error))?;
    for entry in fs::read_dir(from).map_err(|error| Failure::file(from, &error))? {
        let entry = entry.map_err(|error| Failure::file(from, &error))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            files = copy_tree(&source, &target, files)?;
        } else {
            fs::copy(&source, &target).map_err(|error| Failure::file(&source, &error))?;
            let synced = fs::File::open(&target).and_then(|file| file.sync_all());
            synced.map_err(|error| Failure::file(&target, &error))?;
            files = files.saturating_add(1);
        }
    }
    let synced = fs::File::open(to).and_then(|dir| dir.sync_all());
    synced.map_err(|error| Failure::file(to, &error))?;
    Ok(files)
}

/// Copies the key files; their modes go with them, so a file that others can read stays refused.
fn copy_keys(from: &Path, to: &Path) -> Result<(), Failure> {
    copy_tree(from, to, 0).map(|_| ())
}
