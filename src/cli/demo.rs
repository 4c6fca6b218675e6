//! `mingzhang demo`: the main job on synthetic data, from an empty folder to a verified ledger.
//!
//! Always: the same steps as a bureau's, with the same commands behind them; nothing here is special.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Parser;
use proto::v1;
use proto::v1::audit_client::AuditClient;
use serde_json::{Value, json};
use sim::{DEFAULT_SEED, Profile};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::transport::Channel;
use views::reports::What;

use super::balance::{Kind, document};
use super::client::connect;
use super::failure::{self, Failure};
use super::output::{Output, count, yuan};
use super::post::Summary;
use super::poster::PATIENCE;
use super::report::{self, Lang};
use super::{alerts, init, log, making, post, rebuild, runtime, sim as files};
use crate::files::Encoding;
use crate::node::{self, Config, Node};
use crate::services;

/// Records of an alert's evidence that are shown.
const EVIDENCE_SHOWN: usize = 3;

/// Name of the demonstration's ledger.
const ORIGIN: &str = "ledger.example/demo";

/// Create a ledger of synthetic Guangdong, post everything over gRPC, verify and rebuild it
#[derive(Debug, Parser)]
#[command(after_help = "Example: mingzhang demo --profile xs --data /tmp/demo")]
pub(super) struct Args {
    /// Folder to make; without it one beside the system's temporary files
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How much of the province: xs, s, m or l
    #[arg(long, default_value = "xs")]
    profile: Profile,
    /// Seed of the synthetic data
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED)]
    seed: u64,
    /// Go on serving when all is shown, until the process is ended
    #[arg(long)]
    keep_serving: bool,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    let dir = args.data.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("mingzhang-demo-{}", std::process::id()))
    });
    let (data, input) = (dir.join("ledger"), dir.join("input"));
    making::empty(&dir)?;
    out.line(format!("1. a new ledger in {}", data.display()));
    let made = init::make(&data, ORIGIN, Some(args.seed), None, out)?;
    out.line(format!(
        "   {} records: genesis, organisations, rules, areas, seal",
        made.checkpoint.size
    ));
    out.line(format!("2. synthetic vouchers in {} (profile {})", input.display(), args.profile));
    let totals = files::write(args.profile, args.seed, &input)?;
    let sums = (count(totals.vouchers), count(totals.lines), yuan(totals.sum_fen));
    out.line(format!("   {} vouchers with {} lines, {} yuan of movements", sums.0, sums.1, sums.2));
    let runtime = runtime()?;
    let config = Config { notes: Arc::new(super::output::note), ..Config::at(&data) };
    let node = node::open(&config).map_err(|error| Failure::ledger(&data, &error))?;
    let served = runtime.block_on(serve(&node))?;
    let shown = show(args, &dir, &data, &input, &served, &runtime, out);
    if args.keep_serving && shown.is_ok() {
        out.both(format!("listening on {}", served.address));
        runtime.block_on(wait());
    }
    served.stop.send_replace(true);
    runtime.block_on(served.task).map_err(Failure::unfinished)?;
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    node.stop()?;
    shown
}

struct Served {
    address: String,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

async fn serve(node: &Node) -> Result<Served, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Failure::unfinished)?;
    let address = listener.local_addr().map_err(Failure::unfinished)?.to_string();
    let (stop, stopping) = watch::channel(false);
    let routes = services::routes(&node.handle(), true, stopping.clone());
    let task = tokio::spawn(async move {
        // The demonstration ends with the client's error; there is nobody else to tell.
        drop(services::server::serve(listener, None, routes, stopping).await);
    });
    Ok(Served { address, stop, task })
}

async fn wait() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

fn show(
    args: &Args,
    dir: &Path,
    data: &Path,
    input: &Path,
    served: &Served,
    runtime: &tokio::runtime::Runtime,
    out: &mut Output,
) -> Result<u8, Failure> {
    let address = &served.address;
    out.line(format!("3. posting every voucher over gRPC to {address}"));
    let months = months(input)?;
    // One document is printed at the end; what is refused on the way is said on standard error.
    let mut words = Output::new(false);
    let (encoding, patience) = (Encoding::Utf8, PATIENCE);
    let order = post::Order { to: &address.as_str().into(), encoding, dry_run: false, patience };
    let mut summary = Summary::default();
    runtime.block_on(post::post(&order, months, &mut summary, &mut words))?;
    words.wipe();
    let (posted, lines) = (count(summary.posted), count(summary.lines));
    let (refused, seconds) = (count(summary.refused), summary.seconds);
    out.line(format!("   {posted} posted with {lines} lines, {refused} refused, {seconds:.1} s"));
    let channel = runtime.block_on(connect(address.as_str()))?;
    let signed = runtime.block_on(publish(channel.clone()))?;
    out.line(format!("   sealed and signed at {} records", count(signed.size)));
    out.line("4. balances");
    let plan = sim::plan(args.profile, args.seed);
    let balances = runtime.block_on(balances(&channel, &plan))?;
    for (name, balance) in &balances {
        out.line(format!("   {}", sentence(name, balance)));
    }
    out.line("5. verify: offline, from the files alone");
    let verified = verify::verify(&verify::Options { path: data.to_owned(), ..Default::default() });
    let verdict = if verified.ok() { "ok" } else { "the answer is no" };
    let head = crate::keys::hex(&verified.chain_head);
    out.line(format!("   {verdict}: {} records, chain head {head}", count(verified.records)));
    out.line("6. rebuild: every view from zero, compared with the server and with every seal");
    let rebuilt = rebuild::rebuild(data, Some(&address.as_str().into()), true, None, out)?;
    out.wipe();
    let equal = if rebuilt.equal { "equal" } else { "not equal" };
    out.line(format!(
        "   {equal}: {} views, {} seals, {} records in {:.1} s",
        rebuilt.views.len(),
        rebuilt.seals,
        count(rebuilt.records),
        rebuilt.seconds
    ));
    let told = runtime.block_on(stories(&channel, &plan, out))?;
    next(dir, data, &plan, out);
    let verify: Value = serde_json::from_str(&verified.json()).unwrap_or(Value::Null);
    out.document(&json!({
        "data": data.display().to_string(),
        "origin": ORIGIN,
        "profile": args.profile.name(),
        "seed": args.seed,
        "posted": posted_json(&summary),
        "balances": balances.into_iter().collect::<serde_json::Map<_, _>>(),
        "verify": verify,
        "rebuild": rebuilt.json(),
        "checkpoint": signed.checkpoint,
        "alerts": told,
    }));
    let good = summary.refused == 0 && summary.unknown == 0 && verified.ok() && rebuilt.equal;
    Ok(if good { 0 } else { failure::NO })
}

fn posted_json(summary: &Summary) -> Value {
    json!({
        "vouchers": summary.vouchers, "lines": summary.lines,
        "refused": summary.refused, "seconds": summary.seconds,
    })
}

/// The month files, in their order.
fn months(input: &Path) -> Result<Vec<PathBuf>, Failure> {
    let folder = input.join("post");
    let entries = std::fs::read_dir(&folder).map_err(|error| Failure::file(&folder, &error))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    files.sort();
    Ok(files)
}

async fn publish(channel: Channel) -> Result<v1::GetCheckpointResponse, Failure> {
    let request = v1::GetCheckpointRequest { fresh: false, publish: true };
    Ok(AuditClient::new(channel).get_checkpoint(request).await?.into_inner())
}

/// Balances of the first household, its village, and both sides of the first pairing.
async fn balances(channel: &Channel, plan: &sim::Plan) -> Result<Vec<(String, Value)>, Failure> {
    let household = plan.household_code(0).to_string();
    let mut asked = vec![("household", Kind::Household, household)];
    let village = usize::try_from(plan.village_of(0)).ok().and_then(|at| plan.villages().get(at));
    if let Some(village) = village {
        asked.push(("village", Kind::Village, village.unit.to_string()));
    }
    if let Some(city) = plan.cities().first() {
        asked.push(("home_city", Kind::City, city.unit.to_string()));
        asked.push(("helper_city", Kind::City, city.helper.to_string()));
    }
    let mut out = Vec::new();
    for (name, kind, code) in asked {
        out.push((name.to_owned(), document(channel.clone(), kind, &code).await?));
    }
    Ok(out)
}

/// What an inspector and a bureau read: a household's money from its source, an alert with its evidence,
/// the quarterly bulletin. Returns the number of alerts.
async fn stories(channel: &Channel, plan: &sim::Plan, out: &mut Output) -> Result<usize, Failure> {
    let household = plan.household_code(0).to_string();
    let indented = |lines: Vec<String>, out: &mut Output| {
        for line in lines {
            out.line(format!("   {line}").trim_end());
        }
    };
    out.line(format!("7. all that happened to household {household}"));
    let request = v1::ReadRecordsRequest { household, ..v1::ReadRecordsRequest::default() };
    let mut stream = log::client(channel.clone()).read_records(request).await?.into_inner();
    while let Some(message) = stream.message().await? {
        indented(message.records.iter().map(happened).collect(), out);
    }
    let alerts = alerts::of_server(channel.clone(), None, None, None).await?.alerts;
    out.line(format!(
        "8. red flags: {} alerts; one of the gravest, and what it rests on",
        alerts.len()
    ));
    let grave = alerts.iter().filter(|alert| !alert.evidence.is_empty());
    if let Some(alert) =
        grave.min_by_key(|alert| (3_u32.abs_diff(alert.severity), alert.flag.clone()))
    {
        indented(alerts::lines(std::slice::from_ref(alert)), out);
        indented(evidence(channel, alert).await?, out);
    }
    if let Some(city) = plan.cities().first() {
        out.line("9. the quarterly bulletin (通报)");
        let (channel, city) = (channel.clone(), city.unit.to_string());
        indented(report::text(channel, What::Bulletin, &city, Lang::Zh).await?, out);
    }
    Ok(alerts.len())
}

/// The first records that an alert rests on, a line each.
async fn evidence(channel: &Channel, alert: &v1::Alert) -> Result<Vec<String>, Failure> {
    let mut client = log::client(channel.clone());
    let mut lines = Vec::new();
    for seq in alert.evidence.iter().take(EVIDENCE_SHOWN) {
        let request = v1::GetRecordRequest { r#ref: seq.to_string() };
        let record = client.get_record(request).await?.into_inner().record.unwrap_or_default();
        lines.push(happened(&record));
    }
    Ok(lines)
}

/// A record in a line: where cash or benefit went in, and how much.
fn happened(record: &v1::Record) -> String {
    let v1::Record { seq, date, kind_name, legs, .. } = record;
    let arrives = |leg: &&v1::Leg| 0 < leg.fen && !leg.path.starts_with("Q.");
    let legs = legs.iter().filter(arrives).map(|leg| format!("{} +{}", leg.path, yuan(leg.fen)));
    let legs: Vec<String> = legs.collect();
    format!("{seq:>6}  {date}  {kind_name:<22} {}", legs.join("; ")).trim_end().to_owned()
}

/// One line a balance: what a reader looks for first.
fn sentence(name: &str, balance: &Value) -> String {
    let side = match name {
        "home_city" => &balance["as_home"],
        "helper_city" => &balance["as_helper"],
        _ => balance,
    };
    let field = |wanted: &str| {
        let fields = side["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found = fields.iter().find(|field| field["name"] == wanted);
        found.and_then(|field| field["fen"].as_i64()).map(yuan)
    };
    let wanted: &[&str] = match name {
        "household" => &["paid", "refunded", "net", "review_line"],
        "village" => &["quota_held", "cash_held", "paid_to_households", "spent"],
        _ => &["owed", "allocated", "sent", "received", "spent"],
    };
    let sums: Vec<String> = wanted
        .iter()
        .filter_map(|wanted| field(wanted).map(|sum| format!("{wanted} {sum}")))
        .collect();
    let code = balance["code"].as_str().unwrap_or_default();
    format!("{:<12} {code:<18} {}", name.replace('_', " "), sums.join(", "))
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn next(dir: &Path, data: &Path, plan: &sim::Plan, out: &mut Output) {
    let (data, dir) = (quoted(data), quoted(dir));
    let household = plan.household_code(0);
    out.line("what to try next:");
    // As it was called: it need not be where the shell looks for programs.
    let program = std::env::args_os().next().unwrap_or_else(|| "mingzhang".into());
    let program = quoted(Path::new(&program));
    out.line(format!("  {program} history household {household} --data {data}"));
    out.line(format!("  {program} balance city 4414 --data {data} --as-of-date 2016-12-31"));
    out.line(format!("  {program} serve --data {data}"));
    out.line("and change one byte, so that `verify` catches it:");
    out.line(format!(
        "  printf X | dd of={data}/segments/00000000000000000000.mzs bs=1 seek=9000 conv=notrunc \
         && {program} verify {data}"
    ));
    out.line(format!("(all of it can be deleted: rm -r {dir})"));
}
