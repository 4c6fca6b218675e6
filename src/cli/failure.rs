//! Why a command did not do what was asked, and with which exit code it ends.
//!
//! Lives here: the four exit codes, and which error gets which.
//! Lives elsewhere: printing it (`output`).
//!
//! Source: the command line's contract: 0 done; 1 the answer is no; 2 wrong usage or unreadable input;
//! 3 could not finish. A directory that is locked, absent or newer: 2; damaged or rolled back: 1.

use std::fmt::Display;
use std::io;
use std::path::Path;

use ledger::reject::{Reason, Text};
use serde_json::{Value, json};
use tonic_types::pb;

use crate::keys::KeyFileError;
use crate::node;
use crate::services::status::{NO_HINT, of_call, page, told};

/// Exit code of a command whose answer is no.
pub const NO: u8 = 1;
/// Exit code of wrong usage or unreadable input.
pub const USAGE: u8 = 2;
/// Exit code of a command that could not finish.
pub const UNFINISHED: u8 = 3;

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Exit code: 1, 2 or 3.
    pub exit: u8,
    /// Code, e.g. `MZ-9005`; [`NO_CODE`] where there is no better one.
    pub code: String,
    /// What was found and what is allowed.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Failure {
    /// Wrong usage. MZ-9010.
    pub fn usage(what: impl Display) -> Self {
        Self::from(Reason::Usage { what: Text::Owned(what.to_string()) })
    }

    /// The machine failed: a file, a disk, a network.
    pub fn unfinished(message: impl Display) -> Self {
        let (code, message) = (NO_CODE.to_owned(), message.to_string());
        Self { exit: UNFINISHED, code, message, hint: None }
    }

    /// What was read is no ledger that holds. MZ-9004.
    pub fn damaged(message: impl Display) -> Self {
        let message = message.to_string();
        let hint = Some("keep what is damaged and use another copy of it".to_owned());
        Self { exit: NO, code: "MZ-9004".to_owned(), message, hint }
    }

    /// A file that cannot be read or written.
    pub fn file(path: &Path, error: &io::Error) -> Self {
        Self::of_io(format!("{}: {error}", path.display()), error)
    }

    fn of_io(message: String, error: &io::Error) -> Self {
        use io::ErrorKind as K;
        let (exit, hint) = match error.kind() {
            K::NotFound => (USAGE, "check the path"),
            K::PermissionDenied => (USAGE, "this user may not: check owner and mode"),
            K::AlreadyExists => (USAGE, "name one that is not there yet"),
            K::IsADirectory | K::NotADirectory => {
                (USAGE, "check the path: file and directory differ")
            }
            K::InvalidData => {
                (USAGE, "it holds something else; check that it is the one you meant")
            }
            K::StorageFull | K::QuotaExceeded => (UNFINISHED, "free space and run it again"),
            K::ReadOnlyFilesystem => {
                (UNFINISHED, "make the disk writable, or name a path on another")
            }
            _ => (UNFINISHED, "see what the system says about this disk, then run it again"),
        };
        let full = matches!(error.kind(), K::StorageFull | K::QuotaExceeded);
        let code = if full { "MZ-9009" } else { NO_CODE };
        Self { exit, code: code.to_owned(), message, hint: Some(hint.to_owned()) }
    }

    /// A ledger in a directory that cannot be opened, made or read. Names the directory as it was given.
    pub fn ledger(data: &Path, error: &node::Error) -> Self {
        use journal::Error as E;
        if data.is_file() {
            return Self::not_a_directory(data);
        }
        let reason = match error {
            node::Error::Journal(E::NoLedger { dir }) => Reason::NoLedger { dir: whole(data, dir) },
            node::Error::Journal(E::Locked { dir }) => {
                Reason::LedgerLocked { dir: whole(data, dir) }
            }
            node::Error::Journal(E::DiskFull { dir, free, needed }) => {
                Reason::DiskFull { dir: whole(data, dir), free: *free, needed: *needed }
            }
            node::Error::Io { source, .. } if source.kind() == io::ErrorKind::InvalidData => {
                // The file system's text names the file within the directory.
                let message = format!("{}/{source}", data.display());
                return Self::damaged(message).with_hint(
                    "published/ holds each checkpoint under its size, too: copy this ledger's newest over it",
                );
            }
            node::Error::Io { what, source } => {
                return Self::of_io(format!("{}: {what}: {source}", data.display()), source);
            }
            node::Error::Keys(KeyFileError::Io { path, source }) => {
                return Self::file(path, source);
            }
            other => {
                let failure = Self::of_node(other);
                let data = data.display().to_string();
                let message = if failure.message.contains(&data) {
                    failure.message
                } else {
                    format!("{data}: {}", failure.message)
                };
                return Self { message, ..failure };
            }
        };
        Self::from(reason)
    }

    /// A file where the directory of a ledger is expected. MZ-9008.
    pub fn not_a_directory(path: &Path) -> Self {
        Self::from(Reason::NoLedger { dir: whole(path, "") })
            .with_hint("it is a file; name the data directory: the folder that holds `segments`")
    }

    fn of_node(error: &node::Error) -> Self {
        use journal::Error as E;
        let mut message = error.to_string();
        let Some(reason) = error.reason() else {
            let hint = error.hint().or_else(|| Some(KEYS.to_owned()));
            return Self { exit: error.exit(), code: NO_CODE.to_owned(), message, hint };
        };
        if let node::Error::Journal(E::NoLedger { .. } | E::Locked { .. } | E::Exists { .. }) =
            error
        {
            // They name the directory alone, which is empty for the disk's root.
            message = reason.message();
        }
        let failure = Self { message, ..Self::from(reason) };
        match error {
            // The next step of who posts is not that of who opens a ledger.
            node::Error::Journal(E::Unavailable { .. }) => failure.with_hint(
                "see what the system says about this disk; nothing acknowledged is lost",
            ),
            _ => failure,
        }
    }

    /// A call that the server did not answer with a result.
    pub fn call(status: &tonic::Status) -> Self {
        Self::rpc(&of_call(status))
    }

    /// The same for a status that came within a stream.
    pub fn rpc(status: &pb::Status) -> Self {
        let first = told(status).into_iter().next();
        let (code, message) = first.map_or_else(
            || (String::new(), status.message.clone()),
            |told| {
                let at =
                    if told.line == 0 { String::new() } else { format!("line {}: ", told.line) };
                (told.code, format!("{at}{}", told.message))
            },
        );
        let exit = match row_of(&code).map(|row| row.code) {
            None | Some(6007 | 9001..=9003 | 9009) => UNFINISHED,
            Some(1000..=1999 | 8003 | 9010) => USAGE,
            Some(_) => NO,
        };
        if code.is_empty() {
            return Self::unfinished(message)
                .with_hint("run it again when the server answers; is it a server of Mingzhang?");
        }
        Self { exit, code, message, hint: help(status) }
    }

    /// Adds or replaces what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// The failure as a JSON document.
    pub fn json(&self) -> Value {
        let Self { code, message, hint, .. } = self;
        json!({ "error": { "code": code, "message": message, "hint": hint } })
    }
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        let exit = match reason.code() {
            9001..=9003 | 9009 | 6007 => UNFINISHED,
            9005 | 9006 | 9008 | 9010 | 1000..=1999 => USAGE,
            _ => NO,
        };
        let hint = Some(advice(reason.hint().as_deref(), &page(&reason)));
        Self { exit, code: reason.label(), message: reason.message(), hint }
    }
}

impl From<node::Error> for Failure {
    fn from(error: node::Error) -> Self {
        Self::of_node(&error)
    }
}

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        Self::call(&status)
    }
}

/// What to do about key files that cannot be used.
const KEYS: &str = "put the ledger's own keys in their place, from the backup of `keys/`";

/// The data directory, or a folder in it.
fn whole(data: &Path, dir: &str) -> Text {
    let path = if dir.is_empty() { data.to_owned() } else { data.join(dir) };
    Text::Owned(path.display().to_string())
}

/// Code of what has no code of its own: the command line's (`USAGE`).
pub const NO_CODE: &str = "MZ-9010";

/// The row of a code in the table of refusals.
pub fn row_of(code: &str) -> Option<&'static ledger::reject::Row> {
    code.strip_prefix("MZ-").and_then(|n| n.parse().ok()).and_then(ledger::reject::row)
}

/// What a server says that is to be done, and the page that says more.
pub fn help(status: &pb::Status) -> Option<String> {
    let help = status.details.iter().find(|d| d.type_url.ends_with("google.rpc.Help"))?;
    let help = <pb::Help as prost::Message>::decode(help.value.as_slice()).ok()?;
    let link = help.links.into_iter().next()?;
    let hint = Some(link.description.as_str()).filter(|text| *text != NO_HINT);
    Some(advice(hint, &link.url))
}

/// What to do, and the page that says more; the same from a server and from files.
fn advice(hint: Option<&str>, page: &str) -> String {
    match hint {
        Some(hint) => format!("{hint} ({page})"),
        None => format!("{page} says what this code means"),
    }
}
