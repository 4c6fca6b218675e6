//! Why a command did not do what was asked, and with which exit code it ends.
//!
//! Lives here: the four exit codes, and which error gets which.
//! Lives elsewhere: printing it (`output`).
//!
//! Source: the command line's contract: 0 done; 1 the answer is no; 2 wrong usage or unreadable input;
//! 3 could not finish. A directory that is locked, absent or newer: 2; damaged or rolled back: 1.

use std::fmt::Display;
use std::path::Path;

use ledger::reject::{Reason, Text};
use serde_json::{Value, json};
use tonic_types::pb;

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
    /// Code, e.g. `MZ-9005`; empty where there is none.
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
        let message = message.to_string();
        Self { exit: UNFINISHED, code: String::new(), message, hint: None }
    }

    /// The answer is no, with nothing more to say than what was printed.
    pub fn no(message: impl Display) -> Self {
        Self { exit: NO, code: String::new(), message: message.to_string(), hint: None }
    }

    /// A file that cannot be read or written.
    pub fn file(path: &Path, error: &std::io::Error) -> Self {
        let exit = match error.kind() {
            std::io::ErrorKind::NotFound
            | std::io::ErrorKind::InvalidData
            | std::io::ErrorKind::AlreadyExists
            | std::io::ErrorKind::PermissionDenied => USAGE,
            _ => UNFINISHED,
        };
        let message = format!("{}: {error}", path.display());
        Self { exit, code: String::new(), message, hint: None }
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
        let row =
            code.strip_prefix("MZ-").and_then(|n| n.parse().ok()).and_then(ledger::reject::row);
        let exit = match row.map(|row| row.code) {
            None | Some(6007 | 9001..=9003 | 9009) => UNFINISHED,
            Some(1000..=1999 | 8003 | 9010) => USAGE,
            Some(_) => NO,
        };
        let hint = help(status);
        Self { exit, code, message, hint }
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

impl From<crate::node::Error> for Failure {
    fn from(error: crate::node::Error) -> Self {
        match error.reason() {
            Some(reason) => Self { message: error.to_string(), ..Self::from(reason) },
            None => Self {
                exit: error.exit(),
                code: String::new(),
                message: error.to_string(),
                hint: error.hint(),
            },
        }
    }
}

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        Self::call(&status)
    }
}

fn help(status: &pb::Status) -> Option<String> {
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
