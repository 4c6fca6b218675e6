//! The command line: one file a command, and what they share.
//!
//! Lives here: the list of commands, running one of them, its exit code.
//! Lives elsewhere: printing (`output`, the only place that prints), exit codes (`failure`).
//!
//! Always: names, flags and exit codes are a contract that scripts rely on.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

mod alerts;
mod backup;
mod balance;
mod bench;
mod checkpoint;
mod client;
mod clock;
mod copy;
mod demo;
pub mod failure;
mod findings;
mod grid;
mod init;
mod list;
mod log;
mod making;
pub mod output;
mod post;
mod poster;
mod rebuild;
mod report;
mod restore;
mod returns;
mod rules;
mod score;
mod serve;
mod sim;
mod source;
mod table;
mod verify;

use failure::Failure;
use output::Output;

/// Mingzhang 明账: a ledger for poverty-relief funds that anybody can check.
#[derive(Debug, Parser)]
#[command(name = "mingzhang", version, max_term_width = 100)]
struct Cli {
    /// Print JSON on standard output; messages stay on standard error
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Alerts(alerts::Args),
    Backup(backup::Args),
    Balance(balance::Args),
    Bench(bench::Args),
    Checkpoint(checkpoint::Args),
    Demo(demo::Args),
    Findings(findings::Args),
    History(balance::HistoryArgs),
    Init(init::Args),
    Log(log::Args),
    Post(post::Args),
    Rebuild(rebuild::Args),
    Report(report::Args),
    Restore(restore::Args),
    Rules(rules::Args),
    Serve(serve::Args),
    Sim(sim::Args),
    Verify(verify::Args),
}

/// Runs the program on its arguments and returns its exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let json = args.iter().any(|arg| arg == "--json");
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(explain(&error, json)),
    };
    let mut out = Output::new(cli.json);
    let code = run(cli.command, &mut out).unwrap_or_else(|failure| {
        out.failure(&failure);
        failure.exit
    });
    ExitCode::from(out.end(code))
}

fn run(command: Command, out: &mut Output) -> Result<u8, Failure> {
    match command {
        Command::Alerts(args) => alerts::run(&args, out),
        Command::Backup(args) => backup::run(&args, out),
        Command::Balance(args) => balance::run(&args, out),
        Command::Checkpoint(args) => checkpoint::run(&args, out),
        Command::Demo(args) => demo::run(&args, out),
        Command::Findings(args) => findings::run(&args, out),
        Command::History(args) => balance::run_history(&args, out),
        Command::Bench(args) => bench::run(&args, out),
        Command::Init(args) => init::run(&args, out),
        Command::Log(args) => log::run(&args, out),
        Command::Post(args) => post::run(&args, out),
        Command::Rebuild(args) => rebuild::run(&args, out),
        Command::Report(args) => report::run(&args, out),
        Command::Restore(args) => restore::run(&args, out),
        Command::Rules(args) => rules::run(&args, out),
        Command::Serve(args) => serve::run(&args, out),
        Command::Sim(args) => sim::run(&args, out),
        Command::Verify(args) => verify::run(args, out),
    }
}

/// Prints help to standard output, and wrong usage as every other failure.
fn explain(error: &clap::Error, json: bool) -> u8 {
    let mut out = Output::new(json);
    let text = error.to_string();
    if !error.use_stderr() {
        out.raw(&text);
        return out.end(0);
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        if json {
            out.failure(&Failure::usage("a command is missing"));
        } else {
            text.lines().for_each(|line| out.note(line));
        }
        return failure::USAGE;
    }
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let what = text.split("\n\n").next().unwrap_or(text).trim().replace('\n', " ");
    out.failure(&Failure::usage(what));
    failure::USAGE
}

/// Makes the runtime of a command that talks.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::unfinished)
}
