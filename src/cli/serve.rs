//! `mingzhang serve`: the server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use ledger::voucher::{HeaderText, VoucherBuilder};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::failure::Failure;
use super::output::Output;
use super::runtime;
use crate::auth::server_tls;
use crate::node::{self, Config, Node};
use crate::services;

/// Serve a ledger over gRPC
///
/// Prints `listening on ADDR` when it is ready. SIGTERM and SIGINT let open calls end, seal an ordinary
/// ledger and close the log.
#[derive(Debug, Parser)]
#[command(after_help = "Example: mingzhang serve --data /srv/ledger --listen 127.0.0.1:7161")]
pub(super) struct Args {
    /// Data directory of the ledger
    #[arg(long, value_name = "DIR", required_unless_present = "print_limits")]
    data: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7161")]
    listen: SocketAddr,
    /// Certificate chain of the server, PEM
    #[arg(long, value_name = "F", requires_all = ["tls_key", "client_ca"])]
    tls_cert: Option<PathBuf>,
    /// Private key of the server, PEM
    #[arg(long, value_name = "F", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Authority that signs the certificates of clients, PEM
    #[arg(long, value_name = "F", requires = "tls_cert")]
    client_ca: Option<PathBuf>,
    /// The wall clock is right, although it is far from the last record
    #[arg(long)]
    accept_clock: bool,
    /// Go on from an older state than was published; the reason becomes a record
    #[arg(long, value_name = "TEXT")]
    accept_rollback: Option<String>,
    /// Print every limit with its reason, and serve nothing
    #[arg(long)]
    print_limits: bool,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    if args.print_limits {
        print_limits(out);
        return Ok(0);
    }
    let Some(data) = &args.data else { return Err(Failure::usage("--data is missing")) };
    let tls = match (&args.tls_cert, &args.tls_key, &args.client_ca) {
        (Some(cert), Some(key), Some(ca)) => Some(server_tls(cert, key, ca).map_err(|what| {
            Failure::usage(what).with_hint("the three files are PEM: certificate, key, authority")
        })?),
        _ => None,
    };
    if tls.is_none() && !args.listen.ip().is_loopback() {
        let what = format!("{} is not loopback, and there is no --tls-cert", args.listen);
        return Err(Failure::usage(what)
            .with_hint("give --tls-cert, --tls-key and --client-ca, or listen on 127.0.0.1"));
    }
    if let Some(text) = &args.accept_rollback {
        reason(text)?;
    }
    let config = Config {
        accept_clock: args.accept_clock,
        accept_rollback: args.accept_rollback.clone(),
        notes: Arc::new(super::output::note),
        ..Config::at(data)
    };
    let runtime = runtime()?;
    // Bound first: a port in use is told before a long replay.
    let listener = runtime.block_on(TcpListener::bind(args.listen)).map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "another process listens there: end it, or give --listen another port"
            }
            _ => "give --listen an address of this machine and a port that this user may take",
        };
        Failure::unfinished(format!("{}: {error}", args.listen)).with_hint(hint)
    })?;
    let node = node::open(&config).map_err(|error| Failure::ledger(data, &error))?;
    let served = runtime.block_on(serve(&node, listener, tls, out));
    // Services hold handles; they are gone before the node ends.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    let stopped = node.stop().map_err(Failure::from);
    served?;
    stopped?;
    Ok(0)
}

/// The reason of a rollback becomes part of a record: it must be what a memo may be (1027, 1028).
fn reason(text: &str) -> Result<(), Failure> {
    let mut voucher = VoucherBuilder::new();
    for (field, text) in [
        (HeaderText::Organisation, "OP44"),
        (HeaderText::VoucherNo, "ROLLBACK"),
        (HeaderText::EffectiveDate, "2016-01-01"),
        (HeaderText::PreparedBy, "p.op44"),
        (HeaderText::Memo, text),
    ] {
        voucher.header(field, text);
    }
    voucher.state_totals();
    let memo = HeaderText::Memo.name();
    let refused = ledger::form::check(&voucher.finish()).err().map(|reject| reject.refusals);
    match refused.iter().flatten().find(|refusal| refusal.place().ends_with(memo)) {
        Some(refusal) => {
            let failure = Failure::from(refusal.reason.clone());
            let message = format!("--accept-rollback: {}", failure.message);
            Err(Failure { message, ..failure })
        }
        None if text.trim().is_empty() => Err(Failure::usage("--accept-rollback gives no reason")
            .with_hint("say in a sentence why an older state is right; it becomes a record")),
        None => Ok(()),
    }
}

async fn serve(
    node: &Node,
    listener: TcpListener,
    tls: Option<Arc<tokio_rustls::rustls::ServerConfig>>,
    out: &mut Output,
) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::unfinished(error);
    let address = listener.local_addr().map_err(|e| failed(&e))?;
    let handle = node.handle();
    if handle.genesis().synthetic {
        out.note("this ledger holds synthetic data; its keys are public");
    }
    if handle.sign_head().is_none() {
        out.note("keys/log is missing: the ledger is read and posted to, not signed");
    }
    let (stop, stopping) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| failed(&e))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| failed(&e))?;
    let mut stopped = handle.stopped();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = stopped.wait_for(Option::is_some) => {}
        }
        stop.send_replace(true);
    });
    let routes = services::routes(&handle, tls.is_none(), stopping.clone());
    out.both(format!("listening on {address}"));
    services::server::serve(listener, tls, routes, stopping).await.map_err(|e| failed(&e))
}

fn print_limits(out: &mut Output) {
    let rows = record::limits::TABLE.iter();
    let json: Vec<_> = rows
        .clone()
        .map(|l| {
            json!({ "name": l.name, "value": l.value, "unit": l.unit, "code": l.code, "reason": l.reason })
        })
        .collect();
    out.document(&json!({ "what": "limits", "limits": json }));
    for limit in rows {
        let code = if limit.code.is_empty() { "-" } else { limit.code };
        out.line(format!(
            "{:<26} {:>16} {:<12} {:<8} {}",
            limit.name, limit.value, limit.unit, code, limit.reason
        ));
    }
}
