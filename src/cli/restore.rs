//! `mingzhang restore`: a backup becomes a ledger again, after it was checked.
//!
//! Always: backup and keys are checked before anything is made, and the ledger is in its place whole or not
//! at all (`making`). Keys are for their owner alone, whatever mode they were kept with.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use clap::Parser;
use serde_json::json;

use super::failure::Failure;
use super::making::Making;
use super::output::{Output, plural};
use super::source::read_only;
use super::verify::unread;
use crate::keys::{KEYS_DIR, Keys};
use crate::node;

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
    let genesis = read_only(&args.backup)?.genesis;
    let making = Making::begin(&args.data)?;
    if let Some(keys) = &args.keys {
        // First: a wrong key is told before a long check.
        copy_keys(keys, making.path())?;
        check_keys(keys, making.path(), &genesis, out)?;
    }
    let path = args.backup.clone();
    let report = verify::verify(&verify::Options { path, ..verify::Options::default() });
    if let Some(problem) = &report.problem {
        return Err(unread(&args.backup, problem));
    }
    if report.exit_code() != 0 {
        report.text(false).lines().for_each(|line| out.note(line));
        let failure = Failure::damaged(format!("{} does not hold", args.backup.display()));
        return Err(failure.with_hint("use another backup; nothing was restored"));
    }
    for folder in ["segments", "published", "attempts"] {
        let from = args.backup.join(folder);
        if from.is_dir() {
            copy_tree(&from, &making.path().join(folder))?;
        }
    }
    let made = making.finish()?;
    if args.keys.is_none() {
        out.note("no --keys: the ledger can be read and verified, not signed");
    }
    out.document(&json!({
        "what": "restore",
        "position": report.records.checked_sub(1),
        "files": made.files,
        "records": report.records,
        "bytes": made.bytes,
        "origin": report.origin,
    }));
    let origin = report.origin.unwrap_or_default();
    let records = plural(report.records, "record");
    out.line(format!("{}: {origin}, {records}, verified", args.data.display()));
    Ok(0)
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir(to).map_err(|error| Failure::file(to, &error))?;
    for entry in fs::read_dir(from).map_err(|error| Failure::file(from, &error))? {
        let entry = entry.map_err(|error| Failure::file(from, &error))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_tree(&source, &target)?;
        } else {
            fs::copy(&source, &target).map_err(|e| Failure::file(&source, &e))?;
        }
    }
    Ok(())
}

/// Copies the key files, for their owner alone.
fn copy_keys(from: &Path, data: &Path) -> Result<(), Failure> {
    let to = data.join(KEYS_DIR);
    DirBuilder::new().mode(0o700).create(&to).map_err(|error| Failure::file(&to, &error))?;
    for name in ["log", "salt"] {
        let (source, target) = (from.join(name), to.join(name));
        let file = match File::open(&source) {
            Ok(file) => file,
            // Without the salt key a new one is drawn: nothing that was written depends on it.
            Err(error) if name == "salt" && error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(Failure::file(&source, &error)
                    .with_hint("--keys is the folder with the files `log` and `salt`"));
            }
        };
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&target);
        let mut made = made.map_err(|error| Failure::file(&target, &error))?;
        io::copy(&mut &file, &mut made).map_err(|e| Failure::file(&source, &e))?;
    }
    Ok(())
}

/// Refuses keys of another ledger.
fn check_keys(
    keys: &Path,
    data: &Path,
    genesis: &record::Genesis,
    out: &mut Output,
) -> Result<(), Failure> {
    let read = Keys::load(data, &genesis.origin).map_err(|error| {
        // The copy is named there, which is gone when anybody reads it.
        let copy = data.join(KEYS_DIR).display().to_string();
        let failure = Failure::from(node::Error::Keys(error));
        let message = failure.message.replace(&copy, &keys.display().to_string());
        Failure { message, ..failure }
    })?;
    let vkey = read.signer.as_ref().map(|signer| signer.vkey().to_string());
    if vkey.is_none_or(|vkey| !genesis.vkeys.contains(&vkey)) {
        let log = keys.join("log");
        let what = format!("{} is not the key that the ledger's first record names", log.display());
        return Err(
            Failure::usage(what).with_hint("nothing was restored; give this ledger's own keys")
        );
    }
    if read.salt_is_new {
        out.note("keys/salt is not among the keys: a new one was drawn for the records to come");
    }
    Ok(())
}
