//! The program `mingzhang-verify`: arguments, then the library, then an exit code.

use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use tlog::Vkey;
use verify::{Options, Problem, Report};

const HELP: &str = "\
Checks a ledger offline. Takes no lock, writes nothing, needs no server and no network.

usage: mingzhang-verify PATH [--vkey KEY]... [--checkpoint FILE] [--against FILE]
                        [--strict] [--threads N] [--json]

  PATH               data directory: the folder that holds `segments`
  --vkey KEY         the log's public key, got by another way than PATH: NAME+ID+BASE64
  --checkpoint FILE  a checkpoint that the records must lead to
  --against FILE     an older checkpoint, which the records must continue
  --strict           bytes behind the last block are a failure, not a note
  --threads N        threads that hash; default: one for each core
  --json             one JSON document on standard output
  --help             this text

example: mingzhang-verify /srv/ledger --vkey 'ledger.example/gd+33d7b496+AeHTu4Q3...'

exit code: 0 holds; 1 the answer is no (tampered, rolled back); 2 wrong usage, unreadable, or written
by a newer version; 3 files could not be read
";

fn main() -> ExitCode {
    let args = std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    let args = args.collect::<Vec<_>>();
    let json = args.iter().any(|arg| arg == "--json");
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        return finish(HELP, 0);
    }
    let report = match parse(args) {
        Ok(options) => {
            let report = verify::verify(&options);
            if options.progress.is_some() {
                progress("");
            }
            report
        }
        Err(message) => Report { problem: Some(Problem::usage(message)), ..Report::default() },
    };
    if json {
        return finish(&format!("{}\n", report.json()), report.exit_code());
    }
    if report.problem.is_some() {
        let colour = colour(io::stderr().is_terminal());
        // With standard error closed there is nobody left to tell.
        io::stderr().write_all(report.text(colour).as_bytes()).unwrap_or_default();
        return ExitCode::from(report.exit_code());
    }
    finish(&report.text(colour(io::stdout().is_terminal())), report.exit_code())
}

/// Prints; whoever cannot be told the answer gets 3.
fn finish(text: &str, code: u8) -> ExitCode {
    let mut out = io::stdout();
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    ExitCode::from(if printed.is_ok() { code } else { 3 })
}

fn colour(terminal: bool) -> bool {
    terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Shows where we are, in place of what was shown before. Nothing depends on it.
fn progress(text: &str) {
    write!(io::stderr(), "\r{text:<30}\r").unwrap_or_default();
}

fn parse(args: Vec<String>) -> Result<Options, String> {
    let mut options = Options::default();
    let mut path = None;
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        // `--name value` and `--name=value`.
        let (name, inline) = match arg.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            _ => (arg.as_str(), None),
        };
        let mut value =
            || inline.clone().or_else(|| args.next()).ok_or(format!("{name} needs a value"));
        match name {
            "--vkey" => {
                let key = Vkey::parse(&value()?).map_err(|error| format!("--vkey: {error}"))?;
                options.vkeys.push(key);
            }
            "--checkpoint" => options.checkpoint = Some(PathBuf::from(value()?)),
            "--against" => options.against = Some(PathBuf::from(value()?)),
            "--threads" => {
                let threads = value()?.parse::<NonZeroUsize>();
                options.threads = Some(threads.map_err(|error| format!("--threads: {error}"))?);
            }
            "--strict" => options.strict = true,
            "--json" => (),
            _ if name.starts_with('-') => return Err(format!("unknown option {name}")),
            _ if path.is_some() => return Err(format!("one PATH, {arg} is a second")),
            _ => path = Some(PathBuf::from(&arg)),
        }
    }
    options.path = path.ok_or("PATH is missing: the data directory to check")?;
    if io::stderr().is_terminal() {
        options.progress = Some(|records| progress(&format!("{records} records")));
    }
    Ok(options)
}
