//! What was signed or published about this log, against what was found.
//!
//! Lives here: reading checkpoints, their roots against ours, their signatures.
//! Lives elsewhere: notes, keys and checkpoints as formats (`tlog`); our roots (`records`).
//!
//! Always: the evidence for a key is the key that the caller brought, never one in the log or beside
//! it. Without a key roots are compared and signatures are not.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use record::{Hash, Hex, Seq};
use tlog::note::{NoteError, open_note, parse_note};
use tlog::{Checkpoint, Vkey};

use crate::Options;
use crate::report::{Outcome, Problem, Stop, same};

/// The file that holds the newest published checkpoint.
const NEWEST: &str = "published/checkpoint";

/// A checkpoint somebody holds of this log.
pub(crate) struct Claim {
    /// The check it belongs to: `published`, `checkpoint` or `against`.
    check: &'static str,
    /// File, as it was named.
    name: String,
    note: Vec<u8>,
    /// What it says, or why it cannot be read.
    says: Result<Checkpoint, String>,
}

impl Claim {
    fn new(check: &'static str, name: String, note: Vec<u8>) -> Self {
        let parsed = parse_note(&note).map_err(|error| error.to_string());
        let says =
            parsed.and_then(|note| Checkpoint::parse(note.text).map_err(|error| error.to_string()));
        Self { check, name, note, says }
    }

    /// Returns the log and the size that it speaks of.
    pub(crate) fn place(&self) -> Option<(&str, u64)> {
        self.says.as_ref().ok().map(|says| (says.origin.as_str(), says.size))
    }
}

/// Reads the published checkpoints, then those that the caller brought; beside them the names of files
/// among the published ones that are none.
///
/// # Errors
/// A file that the caller brought and that is none, or cannot be read.
pub(crate) fn read(options: &Options) -> Result<(Vec<Claim>, Vec<String>), Stop> {
    let (mut claims, strays) = published(&options.path)?;
    for (check, path) in [("checkpoint", &options.checkpoint), ("against", &options.against)] {
        let Some(path) = path else { continue };
        let unusable = |why: &str| Problem::usage(format!("--{check} {}: {why}", path.display()));
        let note = std::fs::read(path).map_err(|error| unusable(&error.to_string()))?;
        let claim = Claim::new(check, path.display().to_string(), note);
        if let Err(why) = &claim.says {
            return Err(unusable(why).into());
        }
        claims.push(claim);
    }
    Ok((claims, strays))
}

fn published(dir: &Path) -> Result<(Vec<Claim>, Vec<String>), Stop> {
    let folder = dir.join("published");
    let (mut claims, mut strays) = (Vec::new(), Vec::new());
    let list = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((claims, strays)),
        list => list.map_err(|error| Problem::io(&folder, &error))?,
    };
    for entry in list {
        let path = entry.map_err(|error| Problem::io(&folder, &error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_ours = name == "checkpoint" || name.bytes().all(|byte| byte.is_ascii_digit());
        // A file that is being written has a name of its own until it is whole.
        if name.ends_with(".tmp") {
            continue;
        }
        let name = format!("published/{name}");
        let claim = match std::fs::read(&path) {
            Ok(note) => Claim::new("published", name, note),
            Err(error) if is_ours => return Err(Problem::io(&path, &error)),
            Err(_) => {
                strays.push(name);
                continue;
            }
        };
        // A checkpoint is evidence under any name; what has another name and is none is an editor's
        // or a file manager's.
        if is_ours || claim.says.is_ok() { claims.push(claim) } else { strays.push(claim.name) }
    }
    claims.sort_by(|a, b| a.name.cmp(&b.name));
    strays.sort();
    Ok((claims, strays))
}

/// What the walk found.
pub(crate) struct Found<'a> {
    pub(crate) origin: Option<&'a str>,
    pub(crate) records: u64,
    /// Roots at the sizes that were asked for and reached; `None` within a group.
    pub(crate) roots: &'a BTreeMap<u64, Option<Hash>>,
    /// The walk reached the end.
    pub(crate) whole: bool,
}

/// Says of a ledger without segments what was published of it.
pub(crate) fn lost(claims: &[Claim]) -> Option<Stop> {
    let claim = claims.iter().find(|claim| claim.check == "published")?;
    let what = format!("rolled back: no segments, and {} was published", claim.name);
    Some(Stop::failure("published", &what, "segments", "none").of(Seq(0)))
}

/// Compares the roots of one kind of checkpoints with ours; `None` if there are none to compare.
pub(crate) fn roots(check: &str, claims: &[Claim], found: &Found<'_>) -> Option<Outcome> {
    let (mut ok, mut details) = (None, Vec::new());
    for claim in claims.iter().filter(|claim| claim.check == check) {
        let reached = match compare(claim, found) {
            Ok(reached) => reached,
            Err(stop) => return Some(Err(stop)),
        };
        ok = if reached && (ok.is_some() || details.is_empty()) { Some(true) } else { None };
        let outcome = if reached { "holds" } else { "was not reached" };
        let size = claim.place().map_or(0, |(_, size)| size);
        details.push(format!("{} of size {size} {outcome}", claim.name));
    }
    (!details.is_empty()).then(|| Ok((ok, few(&details))))
}

/// Checkpoints that a detail names; of more it names the last ones and counts the others.
const NAMED_MAX: usize = 3;

/// Joins names, as many as can be read: a ledger publishes one checkpoint a minute.
fn few(names: &[impl AsRef<str>]) -> String {
    let more = names.len().saturating_sub(NAMED_MAX);
    let last = names.iter().skip(more).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    if more == 0 { last } else { format!("{more} more, {last}") }
}

/// Compares one checkpoint; false if the walk ended before its size.
fn compare(claim: &Claim, found: &Found<'_>) -> Result<bool, Stop> {
    let Claim { check, name, .. } = claim;
    let says = claim
        .says
        .as_ref()
        .map_err(|why| Stop::failure(check, &format!("{name}: {why}"), "a checkpoint", why))?;
    let origin = found.origin.unwrap_or(&says.origin);
    same(check, &format!("{name}: origin"), origin, &says.origin)?;
    match found.roots.get(&says.size) {
        Some(Some(root)) => {
            let what = format!("{name}: our root at its size {}", says.size);
            same(check, &what, Hex(&says.root), Hex(root)).map(|()| true)
        }
        Some(None) => {
            let what = format!("{name}: its size {} lies within a group", says.size);
            Err(Stop::failure(check, &what, "a whole group", "a part of one"))
        }
        None if found.whole => {
            let (ours, theirs) = (found.records, says.size);
            let what = format!("rolled back: {ours} records, {name} speaks of {theirs}");
            let (expected, found) = (format!("{theirs} records"), format!("{ours} records"));
            Err(Stop::failure(check, &what, expected, found).of(Seq(ours)))
        }
        None => Ok(false),
    }
}

/// Checks the signatures with the keys that the caller brought.
///
/// The newest published checkpoint and one given by `--checkpoint` must be signed by them. An older
/// one may be signed by a key that was retired since, but not wrongly by one of these.
pub(crate) fn signatures(claims: &[Claim], vkeys: &[Vkey]) -> Outcome {
    if vkeys.is_empty() {
        return Ok((None, "not checked (no key given)".to_owned()));
    }
    let (mut signed, mut foreign) = (Vec::new(), Vec::new());
    for claim in claims.iter().filter(|claim| claim.says.is_ok()) {
        let must = claim.check == "checkpoint" || claim.name == NEWEST;
        match open_note(&claim.note, vkeys) {
            Ok(_) => signed.push(claim.name.as_str()),
            Err(NoteError::NoKnownSignature) if !must => foreign.push(claim.name.as_str()),
            Err(error) => {
                let what = format!("{}: {error}", claim.name);
                let keys = vkeys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
                let expected = format!("a signature by {keys}");
                return Err(Stop::failure("signature", &what, expected, error.to_string()));
            }
        }
    }
    let mut detail = format!("signed by the key given: {}", few(&signed));
    if !foreign.is_empty() {
        detail = format!("{detail}; not by it, perhaps by a retired one: {}", few(&foreign));
    }
    if signed.is_empty() {
        return Ok((None, format!("no checkpoint to check; {detail}none")));
    }
    Ok((Some(true), detail))
}
