//! `mingzhang rules`: which rules stand, what a new version changes, trying and adopting one.
//!
//! Lives here: arguments, what is printed.
//! Lives elsewhere: versions off the log (`versions`), what differs (`diff`), trying without a server
//! (`check`), posting (`post`).
//!
//! Always: a version is never changed, only followed; a file of rules is a voucher file like any other, so
//! that a new version has its document, its key, its approval and its receipt.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use ledger::reject::Reason;
use serde_json::{Map, Value, json};

use super::failure::{Failure, NO};
use super::grid::{self, Side};
use super::list::Head;
use super::output::Output;
use super::source::{AsOf, Place, Source, Tls, read_only};
use super::{client, post, runtime};

mod check;
mod diff;
mod versions;

use versions::{Known, RULES, Rule, Version};

/// Show, compare, try and adopt versions of rules
#[derive(Debug, Parser)]
#[command(after_help = "Example: mingzhang rules show --data /srv/ledger\n\
    Example: mingzhang rules show flag:F01 --to 127.0.0.1:7161 --draft > f01.jsonl\n\
    Example: mingzhang rules apply f01.jsonl --to 127.0.0.1:7161")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the versions of all rules, or show what one says
    #[command(after_help = "Example: mingzhang rules show cap --data /srv/ledger\n\
        Example: mingzhang rules show scheme:* --to 127.0.0.1:7161 --as-of-date 2017-01-01")]
    Show(ShowArgs),
    /// Say what differs between two versions of a rule; exit code 1 when something does
    #[command(after_help = "Example: mingzhang rules diff baseline:4414 1 2 --data /srv/ledger")]
    Diff(DiffArgs),
    /// Try a file of rules: all checks, nothing adopted
    #[command(after_help = "Example: mingzhang rules check f01.jsonl --data /srv/ledger")]
    Check(CheckArgs),
    /// Adopt a file of rules
    #[command(after_help = "Example: mingzhang rules apply f01.jsonl --to 127.0.0.1:7161")]
    Apply(ApplyArgs),
}

#[derive(Debug, Parser)]
struct ShowArgs {
    /// Rule, with its key where it has one: `cap`, `flag:F01`, `scheme:*`, `baseline:4414`; all without it
    rule: Option<String>,
    /// Version to show; without it the one that holds
    #[arg(long, value_name = "N", requires = "rule")]
    version: Option<u32>,
    /// Print a voucher file with the next version, to be changed and applied
    #[arg(long, requires = "rule", conflicts_with_all = ["as_of", "as_of_date"])]
    draft: bool,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    as_of: AsOf,
}

#[derive(Debug, Parser)]
struct DiffArgs {
    /// Rule, with its key where it has one: `cap`, `flag:F01`, `scheme:*`, `baseline:4414`
    rule: String,
    /// Earlier version; without it the one before the later
    older: Option<u32>,
    /// Later version; without it the newest
    newer: Option<u32>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    as_of: AsOf,
}

#[derive(Debug, Parser)]
struct CheckArgs {
    /// Voucher file (JSON lines) with rules
    file: PathBuf,
    #[command(flatten)]
    source: Source,
}

#[derive(Debug, Parser)]
struct ApplyArgs {
    /// Voucher file (JSON lines) with rules
    file: PathBuf,
    /// Address of the server
    #[arg(long, value_name = "ADDR")]
    to: String,
    #[command(flatten)]
    tls: Tls,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    match &args.what {
        What::Show(args) => show(args, out),
        What::Diff(args) => differ(args, out),
        What::Check(args) => {
            check::only_rules(&args.file)?;
            match args.source.place()? {
                Place::Server(server) => post::run_one(&server, &args.file, true, out),
                Place::Directory(data) => check::run(&data, &args.file, out),
            }
        }
        What::Apply(args) => {
            check::only_rules(&args.file)?;
            post::run_one(&args.tls.server(&args.to), &args.file, false, out)
        }
    }
}

fn known(source: &Source, as_of: &AsOf) -> Result<(Known, Head), Failure> {
    let day = as_of.as_of_date.clone().unwrap_or_default();
    match source.place()? {
        Place::Server(server) => runtime()?.block_on(async {
            let channel = client::connect(&server).await?;
            let known = versions::of_server(channel.clone(), as_of).await?;
            let head = Head::of_server(channel, "rules", known.position, day).await?;
            Ok((known, head))
        }),
        Place::Directory(data) => {
            let ledger = read_only(&data)?;
            let known = versions::of_directory(&data, &ledger, as_of)?;
            let head = Head::of_directory(&ledger, "rules", known.position, day)?;
            Ok((known, head))
        }
    }
}

/// A rule and, where it has several, its key.
struct Asked<'a> {
    rule: &'static Rule,
    key: &'a str,
}

impl<'a> Asked<'a> {
    fn parse(text: &'a str) -> Result<Self, Failure> {
        let (name, key) = text.split_once(':').unwrap_or((text, ""));
        let Some(rule) = RULES.iter().find(|rule| rule.name == name) else {
            let names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
            let hint = format!("rules are {}", names.join(", "));
            return Err(Failure::usage(format!("{text}: no such rule")).with_hint(hint));
        };
        Ok(Self { rule, key })
    }

    fn is(&self, version: &Version) -> bool {
        version.rule().kind == self.rule.kind && (self.key.is_empty() || version.key == self.key)
    }

    /// The versions under the one key that is asked for.
    fn of<'k>(&self, known: &'k Known) -> Result<Vec<&'k Version>, Failure> {
        let found: Vec<&Version> = known.versions.iter().filter(|v| self.is(v)).collect();
        let name = self.rule.name;
        let Some(first) = found.first() else {
            let id =
                if self.key.is_empty() { name.to_owned() } else { format!("{name}:{}", self.key) };
            return Err(Reason::NotFound { what: "rule".into(), id: id.into() }.into());
        };
        if found.iter().any(|version| version.key != first.key) {
            let mut keys: Vec<&str> = found.iter().map(|version| version.key.as_str()).collect();
            keys.dedup();
            keys.sort_unstable();
            keys.dedup();
            let hint = format!(
                "name one of its keys, as {name}:{}; there are {}",
                first.key,
                keys.join(", ")
            );
            return Err(Failure::usage(format!("{name} has several keys")).with_hint(hint));
        }
        Ok(found)
    }
}

/// The version of a number.
fn numbered<'k>(found: &[&'k Version], number: u32) -> Result<&'k Version, Failure> {
    found.iter().copied().find(|version| version.number == number).ok_or_else(|| {
        let id = number.to_string().into();
        Reason::NotFound { what: "version of this rule".into(), id }.into()
    })
}

fn show(args: &ShowArgs, out: &mut Output) -> Result<u8, Failure> {
    let asked = args.rule.as_deref().map(Asked::parse).transpose()?;
    let (known, head) = known(&args.source, &args.as_of)?;
    let listed: Vec<&Version> = match &asked {
        Some(asked) => known.versions.iter().filter(|version| asked.is(version)).collect(),
        None => known.versions.iter().collect(),
    };
    let one = match &asked {
        Some(asked) if args.draft || args.version.is_some() || single(&listed) => {
            let found = asked.of(&known)?;
            match args.version {
                Some(number) => Some(numbered(&found, number)?),
                None if args.draft => found.last().copied(),
                None => found.iter().copied().find(|version| known.holds(version)),
            }
        }
        _ => None,
    };
    if let (true, Some(version)) = (args.draft, one) {
        draft(version, &known, out);
        return Ok(0);
    }
    head.print(out);
    for version in &listed {
        out.document(&row(version, known.holds(version)));
    }
    print_all(&listed, &known, out);
    if let Some(version) = one {
        out.line("");
        out.line(format!("{} version {} says", name(version), version.number));
        print_content(&version.content, out);
    }
    Ok(0)
}

/// Whether all versions stand under one key.
fn single(listed: &[&Version]) -> bool {
    listed.first().is_some_and(|first| listed.iter().all(|version| version.key == first.key))
}

fn name(version: &Version) -> String {
    let rule = version.rule().name;
    if version.key.is_empty() { rule.to_owned() } else { format!("{rule}:{}", version.key) }
}

fn row(version: &Version, holds: bool) -> Value {
    json!({
        "rule": version.rule().name, "key": version.key, "version": version.number,
        "from": version.from.to_string(), "to": version.to.map(|to| to.to_string()),
        "doc_no": version.doc_no, "seq": version.seq.0, "holds": holds, "content": version.content,
    })
}

/// Numbers of versions and records to the right.
const SIDES: [Side; 7] =
    [Side::Left, Side::Right, Side::Left, Side::Left, Side::Left, Side::Right, Side::Left];

fn print_all(listed: &[&Version], known: &Known, out: &mut Output) {
    let names = ["rule", "version", "from", "to", "holds", "record", "document"];
    let mut rows = vec![names.map(str::to_owned).to_vec()];
    for version in listed {
        let to = version.to.map_or_else(|| "-".to_owned(), |to| to.to_string());
        let holds = if known.holds(version) { "yes" } else { "no" };
        let (number, seq) = (version.number.to_string(), version.seq.to_string());
        let from = version.from.to_string();
        let doc_no = version.doc_no.clone();
        rows.push(vec![name(version), number, from, to, holds.to_owned(), seq, doc_no]);
    }
    for line in grid::lines(&rows, &SIDES) {
        out.line(line);
    }
}

/// Prints what a version says: a field a line, a table for rows.
fn print_content(content: &Map<String, Value>, out: &mut Output) {
    for (name, value) in content {
        match value {
            Value::Array(rows) if rows.iter().all(Value::is_object) && !rows.is_empty() => {
                out.line(format!("{name}:"));
                for line in table(rows) {
                    out.line(format!("  {line}"));
                }
            }
            value => out.line(format!("{name}: {}", plain(value))),
        }
    }
}

/// Rows with equal members as columns, in the order in which members are met.
fn table(rows: &[Value]) -> Vec<String> {
    let objects = || rows.iter().filter_map(Value::as_object);
    let mut columns: Vec<&String> = Vec::new();
    for column in objects().flat_map(Map::keys) {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    let cell =
        |row: &Map<String, Value>, column: &String| row.get(column).map(plain).unwrap_or_default();
    let head = columns.iter().map(|&column| column.clone()).collect();
    let body = objects().map(|row| columns.iter().map(|&column| cell(row, column)).collect());
    let sides = vec![Side::Left; columns.len()];
    grid::lines(&std::iter::once(head).chain(body).collect::<Vec<_>>(), &sides)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Prints a voucher file that would adopt what stands, as the next version.
fn draft(version: &Version, known: &Known, out: &mut Output) {
    let mut line = Map::new();
    line.insert("type".to_owned(), "line".into());
    line.insert("line_no".to_owned(), 1.into());
    line.insert("kind".to_owned(), version.rule().kind.name().into());
    line.insert("version".to_owned(), version.number.saturating_add(1).into());
    line.extend(version.content.clone());
    out.both(json!({
        "type": "voucher", "organisation": "PO44", "voucher_no": format!("RULE-{}", known.position),
        "effective_date": known.day.to_string(), "doc_no": version.doc_no, "prepared_by": "p.po44",
        "approved_by": "a.po44", "line_count": 1,
    }));
    out.both(Value::Object(line));
}

fn differ(args: &DiffArgs, out: &mut Output) -> Result<u8, Failure> {
    let asked = Asked::parse(&args.rule)?;
    let (known, head) = known(&args.source, &args.as_of)?;
    let found = asked.of(&known)?;
    let last = found.last().map_or(1, |version| version.number);
    let newer = args.newer.unwrap_or(last);
    let older = args.older.unwrap_or_else(|| newer.saturating_sub(1));
    if older == 0 {
        let what = format!("{} has one version, and nothing to compare it with", args.rule);
        return Err(Failure::usage(what).with_hint("`mingzhang rules show` lists the versions"));
    }
    let (older, newer) = (numbered(&found, older)?, numbered(&found, newer)?);
    let changes = diff::changes(&older.content, &newer.content);
    head.print(out);
    out.line(format!(
        "{}: version {} ({}) to {} ({})",
        name(newer),
        older.number,
        older.doc_no,
        newer.number,
        newer.doc_no
    ));
    for change in &changes {
        out.document(&change.json());
        change.lines().iter().for_each(|line| out.line(line));
    }
    if changes.is_empty() {
        out.line("nothing differs but number and days");
        return Ok(0);
    }
    Ok(NO)
}
