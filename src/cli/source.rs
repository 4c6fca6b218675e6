//! Where a command reads from, and as of when: `SOURCE` and `AS-OF` of the command line.

use std::path::{Path, PathBuf};

use clap::Args;
use ledger::ids::Date;
use record::Seq;

use super::failure::Failure;
use crate::node;

/// A server or a data directory.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Source {
    /// Address of a server
    #[arg(long, value_name = "ADDR")]
    pub(super) to: Option<String>,
    /// Data directory; read beside a server or without one
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

/// One of the two.
pub(super) enum Place {
    /// A server's address.
    Server(String),
    /// A data directory.
    Directory(PathBuf),
}

impl Source {
    /// Returns the one that was given.
    pub(super) fn place(&self) -> Result<Place, Failure> {
        match (&self.to, &self.data) {
            (Some(to), None) => Ok(Place::Server(to.clone())),
            (None, Some(data)) => Ok(Place::Directory(data.clone())),
            _ => Err(Failure::usage("give either --to ADDR or --data DIR")),
        }
    }
}

/// Opens a ledger for reading: takes no lock, writes nothing.
pub(super) fn read_only(data: &Path) -> Result<node::Offline, Failure> {
    node::read_only(data).map_err(|error| Failure::ledger(data, &error))
}

/// A position and a date.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct AsOf {
    /// What was known at this position: records 0 to N
    #[arg(long, value_name = "N")]
    pub(super) as_of: Option<u64>,
    /// What is true of this day, YYYY-MM-DD
    #[arg(long, value_name = "D")]
    pub(super) as_of_date: Option<String>,
}

impl AsOf {
    /// The position, if one was given.
    pub(super) fn position(&self) -> Option<Seq> {
        self.as_of.map(Seq)
    }

    /// The date, if one was given.
    pub(super) fn date(&self) -> Result<Option<Date>, Failure> {
        let Some(text) = &self.as_of_date else { return Ok(None) };
        match Date::parse(text) {
            Some(date) => Ok(Some(date)),
            None => Err(Failure::usage(format!("--as-of-date {text}: no date"))
                .with_hint("dates are YYYY-MM-DD, as 2016-12-31")),
        }
    }
}
