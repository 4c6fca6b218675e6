//! Where a command reads from, and as of when: `SOURCE` and `AS-OF` of the command line.

use std::path::{Path, PathBuf};

use clap::Args;
use ledger::ids::Date;
use record::Seq;

use super::failure::Failure;
use crate::node;

/// A server or a data directory.
#[derive(Clone, Debug, Args)]
pub(super) struct Source {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    tls: Tls,
}

#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Address of a server
    #[arg(long, value_name = "ADDR")]
    to: Option<String>,
    /// Data directory; read beside a server or without one
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Certificates of a client. With `--ca` the connection is TLS.
#[derive(Clone, Debug, Default, Args)]
#[expect(clippy::struct_field_names, reason = "fields are named after the flags")]
pub(super) struct Tls {
    /// Authority that signed the server's certificate, PEM; with it the connection is TLS
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub(super) ca: Option<PathBuf>,
    /// Certificate of this client, PEM; its common name is the organisation
    #[arg(long, value_name = "FILE", help_heading = "TLS", requires_all = ["tls_key", "ca"])]
    pub(super) tls_cert: Option<PathBuf>,
    /// Private key of this client, PEM
    #[arg(long, value_name = "FILE", help_heading = "TLS", requires = "tls_cert")]
    pub(super) tls_key: Option<PathBuf>,
}

/// A server, and how to talk to it.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// `HOST:PORT`.
    pub(super) address: String,
    /// Certificates; none of them without TLS.
    pub(super) tls: Tls,
}

impl From<&str> for Server {
    fn from(address: &str) -> Self {
        Self { address: address.to_owned(), tls: Tls::default() }
    }
}

impl From<&Server> for Server {
    fn from(server: &Server) -> Self {
        server.clone()
    }
}

impl Tls {
    /// The server at an address.
    pub(super) fn server(&self, address: &str) -> Server {
        Server { address: address.to_owned(), tls: self.clone() }
    }

    /// Refuses certificates where no server is asked.
    pub(super) fn unused(&self) -> Result<(), Failure> {
        let Self { ca, tls_cert, tls_key } = self;
        if ca.is_some() || tls_cert.is_some() || tls_key.is_some() {
            return Err(Failure::usage("certificates are given and no server")
                .with_hint("leave out --ca, --tls-cert and --tls-key, or name a server by --to"));
        }
        Ok(())
    }
}

/// One of the two.
pub(super) enum Place {
    /// A server.
    Server(Server),
    /// A data directory.
    Directory(PathBuf),
}

impl Source {
    /// Returns the one that was given.
    pub(super) fn place(&self) -> Result<Place, Failure> {
        match (&self.which.to, &self.which.data) {
            (Some(to), None) => Ok(Place::Server(self.tls.server(to))),
            (None, Some(data)) => {
                self.tls.unused()?;
                Ok(Place::Directory(data.clone()))
            }
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
