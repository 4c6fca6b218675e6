//! `mingzhang rebuild`: the log replayed from zero, and every digest compared.
//!
//! Always: the chain is checked on the way. With `--full` also the tree's roots at the seals, the spelling
//! of every payload, and every voucher's content digest.

use std::path::PathBuf;

use clap::Parser;
use journal::RealDisk;
use proto::v1;
use proto::v1::admin_client::AdminClient;
use record::{Hash, Seq, log_id};
use serde_json::{Value, json};
use views::{CanonicalRow, VERSION, ViewDigest, Views, first_difference, rows};

use super::client::connect;
use super::failure::{self, Failure};
use super::output::{Output, count};
use super::source::{AsOf, Server, Tls, read_only};
use super::{clock, runtime};
use crate::keys::hex;
use crate::node;
use crate::node::full::Full;
use crate::node::replay::{Met, Parts, Replay};
use crate::node::snapshot::{Digested, newest_digests, views_of};

/// Replay the log from zero, check the chain, compare the digest of every view
///
/// Compares with every seal of this version's views, with the newest snapshot, and with --to with a running
/// server's digests.
#[derive(Debug, Parser)]
#[command(after_help = "Example: mingzhang rebuild --data /srv/ledger --to 127.0.0.1:7161\n\n\
    Exit code: 0 equal; 1 something differs; 2 no such ledger; 3 could not finish.")]
pub(super) struct Args {
    /// Data directory; read beside a server or without one
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Server whose digests are compared
    #[arg(long, value_name = "ADDR")]
    to: Option<String>,
    #[command(flatten)]
    tls: Tls,
    /// Also check the tree at the seals, re-encode every payload, recompute every content digest
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    as_of: AsOf,
}

/// What a rebuild found.
pub(super) struct Rebuilt {
    pub(super) position: Option<Seq>,
    pub(super) equal: bool,
    pub(super) views: Vec<(ViewDigest, Option<Hash>)>,
    pub(super) records: u64,
    pub(super) seconds: f64,
    pub(super) seals: u64,
    pub(super) seals_other_version: u64,
    /// Records in the snapshot that was compared.
    pub(super) snapshot: Option<u64>,
    /// Snapshots that could not be compared, and why.
    pub(super) passed_over: Vec<String>,
    pub(super) differs: Vec<String>,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    if args.as_of.as_of_date.is_some() {
        return Err(Failure::usage("digests are defined for positions only, not for dates")
            .with_hint("give --as-of N; `mingzhang balance` knows dates"));
    }
    let server = args.to.as_deref().map(|to| args.tls.server(to));
    if server.is_none() {
        args.tls.unused()?;
    }
    let rebuilt = rebuild(&args.data, server.as_ref(), args.full, args.as_of.position(), out)?;
    out.wipe();
    out.document(&rebuilt.json());
    rebuilt.print(out);
    Ok(if rebuilt.equal { 0 } else { failure::NO })
}

/// Rebuilds the views of a ledger.
pub(super) fn rebuild(
    data: &std::path::Path,
    to: Option<&Server>,
    full: bool,
    as_of: Option<Seq>,
    out: &mut Output,
) -> Result<Rebuilt, Failure> {
    let node::Offline { reader, genesis, opened, published } = read_only(data)?;
    let started = clock::now();
    let head = opened.head.next_seq.0;
    let asked = as_of.unwrap_or(Seq(head.saturating_sub(1)));
    if head <= asked.0 {
        let head = Seq(head.saturating_sub(1));
        return Err(ledger::reject::Reason::PositionAhead { head, asked }.into());
    }
    let mut replay = Replay::new([0; 32], Parts { state: false, tree: full })
        .expecting(published.map(|signed| (signed.size, signed.root)));
    let (mut seals, mut others, mut differs) = (0_u64, 0_u64, Vec::new());
    let mut checks = full.then(|| Full::new(&genesis.origin));
    let mut on_seal = |met: Met<'_>| {
        compare(met, &mut seals, &mut others, &mut differs);
        Ok(())
    };
    let mut on_record = |record: &record::Record<'_>| match &mut checks {
        Some(full) => full.push(record),
        None => Ok(()),
    };
    let mut shown = 0;
    let mut run = |replay: &mut Replay, last| {
        replay
            .run(&reader, Some(last), &mut on_seal, &mut on_record, &mut |size| {
                // A progress line for every hundred thousand records is enough.
                if 100_000 <= size.saturating_sub(shown) {
                    shown = size;
                    out.progress(format!("{} of {} records", count(size), count(head)));
                }
            })
            .map_err(|error| Failure::ledger(data, &error))
    };
    let (disk, log) = (RealDisk::new(data), log_id(&genesis.origin));
    let mut passed_over = Vec::new();
    let mut note = |what| passed_over.push(what);
    let snapshot = newest_digests(&disk, &log, &reader, asked.next().0, &mut note);
    let mut of_snapshot = Vec::new();
    if let Some(digested) = &snapshot {
        run(&mut replay, Seq(digested.size.saturating_sub(1)))?;
        let theirs = || views_of(&disk, &log, &reader, digested);
        of_snapshot = compare_snapshot(&mut replay.views, digested, &theirs);
    }
    run(&mut replay, asked)?;
    differs.append(&mut of_snapshot);
    let snapshot = snapshot.map(|digested| digested.size);
    let records = replay.next_seq().0;
    let position = records.checked_sub(1).map(Seq);
    let seconds = started.seconds();
    let views = match (to, position) {
        (Some(server), Some(position)) => runtime()?.block_on(compare_server(
            server,
            position,
            &genesis.origin,
            &mut replay.views,
            &mut differs,
        ))?,
        _ => replay.views.digests().into_iter().map(|digest| (digest, None)).collect(),
    };
    let equal = differs.is_empty();
    Ok(Rebuilt {
        position,
        equal,
        views,
        records,
        seconds,
        seals,
        seals_other_version: others,
        snapshot,
        passed_over,
        differs,
    })
}

/// Lays a server's digests beside ours; of a view that differs, says which row does so first.
async fn compare_server(
    server: &Server,
    position: Seq,
    origin: &str,
    ours: &mut Views,
    differs: &mut Vec<String>,
) -> Result<Vec<(ViewDigest, Option<Hash>)>, Failure> {
    let live = server_digests(server, position, origin).await?;
    let theirs = |number| live.iter().find(|(n, _)| *n == number).map(|(_, digest)| *digest);
    let mut views = Vec::new();
    for digest in ours.digests() {
        let theirs = theirs(digest.number);
        if theirs.is_some_and(|theirs| theirs != digest.digest) {
            let rows_there = server_rows(server, position, digest.number).await?;
            let first = first_difference(&rows(ours, digest.number), &rows_there);
            let first = first.unwrap_or_else(|| ROWS_ALIKE.to_owned());
            let name = digest.name;
            differs.push(format!("view {name}: the server has another digest; first row: {first}"));
        }
        views.push((digest, theirs));
    }
    Ok(views)
}

/// What is said of a view whose digest differs, and no row of it.
const ROWS_ALIKE: &str = "none, the rows are equal";

/// Compares the views with those of a snapshot of the same records; `read` reads these once more.
fn compare_snapshot(
    ours: &mut Views,
    digested: &Digested,
    read: &dyn Fn() -> Option<Views>,
) -> Vec<String> {
    let Digested { size, running, of_rows, .. } = digested;
    let (digests, mut differs) = (ours.digests(), Vec::new());
    if digests != *running {
        differs.push(format!("snapshot of {size} records: its views have other running digests"));
    }
    let pairs = digests.iter().zip(of_rows).filter(|(ours, theirs)| ours != theirs);
    for (view, _) in pairs {
        let theirs = read().map(|theirs| rows(&theirs, view.number)).unwrap_or_default();
        let first = first_difference(&rows(ours, view.number), &theirs);
        let first = first.unwrap_or_else(|| ROWS_ALIKE.to_owned());
        let name = view.name;
        differs.push(format!(
            "snapshot of {size} records: its view {name} has other rows; first row: {first}"
        ));
    }
    differs
}

/// The rows of a view of a server, ascending.
async fn server_rows(
    server: &Server,
    position: Seq,
    view: u16,
) -> Result<Vec<CanonicalRow>, Failure> {
    let mut client = AdminClient::new(connect(server).await?);
    let request = v1::ListViewRowsRequest { view: view.into(), at: Some(position.0) };
    let mut stream = client.list_view_rows(request).await?.into_inner();
    let mut rows: Vec<CanonicalRow> = Vec::new();
    while let Some(message) = stream.message().await? {
        rows.extend(message.rows.into_iter().map(Vec::into_boxed_slice));
    }
    rows.sort_unstable();
    Ok(rows)
}

fn compare(met: Met<'_>, seals: &mut u64, others: &mut u64, differs: &mut Vec<String>) {
    let Met { seq, seal, views, root } = met;
    if root.is_some_and(|root| root != seal.root) {
        differs.push(format!("seal {seq}: the tree has another root"));
    }
    if views.accounts_digest() != seal.accounts {
        differs.push(format!("seal {seq}: the accounts have another digest"));
    }
    if seal.version != VERSION {
        *others = others.saturating_add(1);
        return;
    }
    *seals = seals.saturating_add(1);
    if views.views_digest() != seal.views {
        differs.push(format!("seal {seq}: the views have another digest"));
    }
}

async fn server_digests(
    server: &Server,
    position: Seq,
    origin: &str,
) -> Result<Vec<(u16, Hash)>, Failure> {
    let mut client = AdminClient::new(connect(server).await?);
    let request = v1::StatusRequest { digests_at: Some(position.0), with_digests: true };
    let status = client.status(request).await?.into_inner();
    if status.origin != origin {
        let (found, origin) = (status.origin.into(), origin.to_owned().into());
        return Err(ledger::reject::Reason::NotThisLedger { found, origin }.into());
    }
    let digest = |view: v1::ViewDigest| {
        Some((u16::try_from(view.view).ok()?, Hash::try_from(view.digest.as_slice()).ok()?))
    };
    Ok(status.views.into_iter().filter_map(digest).collect())
}

impl Rebuilt {
    /// The JSON document.
    pub(super) fn json(&self) -> Value {
        let view = |(view, live): &(ViewDigest, Option<Hash>)| {
            json!({
                "name": view.name, "view": view.number, "rows": view.rows,
                "digest": hex(&view.digest), "live_digest": live.map(|live| hex(&live)),
            })
        };
        json!({
            "position": self.position.map(|seq| seq.0),
            "equal": self.equal,
            "views": self.views.iter().map(view).collect::<Vec<_>>(),
            "records": self.records,
            "seconds": self.seconds,
            "seals": self.seals,
            "seals_of_other_versions": self.seals_other_version,
            "snapshot": self.snapshot,
            "snapshots_not_compared": self.passed_over,
            "differs": self.differs,
        })
    }

    fn print(&self, out: &mut Output) {
        let live = |live: &Option<Hash>| live.map_or("-", |_| "server");
        out.line(format!("{:<14} {:>12}  {:<64} with", "view", "rows", "digest"));
        for (view, theirs) in &self.views {
            let (name, rows) = (view.name, count(view.rows));
            out.line(format!("{name:<14} {rows:>12}  {} {}", hex(&view.digest), live(theirs)));
        }
        let mut text = format!(
            "{} records in {:.1} s, chain checked, {} seals compared",
            count(self.records),
            self.seconds,
            self.seals
        );
        if 0 < self.seals_other_version {
            let others = self.seals_other_version;
            text = format!("{text}, {others} of other versions by accounts alone");
        }
        if let Some(size) = self.snapshot {
            text = format!("{text}, and the snapshot of {} records", count(size));
        }
        out.line(text);
        for what in &self.passed_over {
            out.line(format!("not compared: {what}"));
        }
        for what in &self.differs {
            out.line(format!("differs: {what}"));
        }
        out.line(if self.equal { "equal" } else { "not equal" });
    }
}
