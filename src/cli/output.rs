//! The one place that prints.
//!
//! Lives here: what goes to standard output and what to standard error, colour, progress.
//! Lives elsewhere: what is said (each command).
//!
//! Always: data to standard output, words to standard error; with `--json` standard output holds JSON
//! alone; colour adds, never carries, meaning; a pipe sees no progress.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use serde_json::Value;

use super::failure::Failure;

/// Standard output and standard error of one command.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "five facts about two streams, none follows from another"
)]
pub struct Output {
    json: bool,
    colour: bool,
    terminal: bool,
    /// A progress line stands there and must be wiped first.
    progress: bool,
    /// Nobody reads standard output any more.
    closed: bool,
}

impl Output {
    /// Prints for people, or JSON documents for programs.
    pub fn new(json: bool) -> Self {
        let terminal = io::stderr().is_terminal();
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { json, colour, terminal, progress: false, closed: false }
    }

    /// Whether programs read standard output.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether colour may be used on standard output.
    pub fn colour(&self) -> bool {
        self.colour && io::stdout().is_terminal()
    }

    /// Prints a line for people; nothing with `--json`.
    pub fn line(&mut self, text: impl Display) {
        if !self.json {
            self.print(&format!("{text}\n"));
        }
    }

    /// Prints a JSON document on a line of its own, with `--json`.
    pub fn document(&mut self, document: &Value) {
        if self.json {
            self.print(&format!("{document}\n"));
        }
    }

    /// Prints a line in both modes, for what scripts wait for.
    pub fn both(&mut self, text: impl Display) {
        self.print(&format!("{text}\n"));
    }

    /// Prints text as it is, in both modes.
    pub fn raw(&mut self, text: &str) {
        self.print(text);
    }

    /// Says something on standard error.
    pub fn note(&mut self, text: impl Display) {
        self.wipe();
        say(&format!("{text}\n"));
    }

    /// Shows how far long work is, on a terminal alone.
    pub fn progress(&mut self, text: impl Display) {
        if self.terminal {
            say(&format!("\r\x1b[K{text}"));
            self.progress = true;
        }
    }

    /// Wipes the progress line.
    pub fn wipe(&mut self) {
        if std::mem::take(&mut self.progress) {
            say("\r\x1b[K");
        }
    }

    /// Says why a command failed.
    pub fn failure(&mut self, failure: &Failure) {
        if self.json {
            self.print(&format!("{}\n", failure.json()));
        }
        let (red, plain) = if self.colour { ("\x1b[31m", "\x1b[0m") } else { ("", "") };
        let Failure { code, message, hint, .. } = failure;
        let code = if code.is_empty() { String::new() } else { format!("[{code}]") };
        self.note(format!("{red}error{code}{plain}: {message}"));
        if let Some(hint) = hint {
            self.note(format!("hint: {hint}"));
        }
    }

    /// Whether nobody reads standard output any more, so that there is no point in going on.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    fn print(&mut self, text: &str) {
        self.wipe();
        let mut out = io::stdout().lock();
        // A reader that has seen enough, as `head` does, is no fault.
        self.closed |= out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err();
    }
}

/// Says something on standard error from a thread of its own.
pub fn note(text: &str) {
    say(&format!("{text}\n"));
}

fn say(text: &str) {
    // With standard error closed there is nobody left to tell.
    io::stderr().write_all(text.as_bytes()).unwrap_or_default();
}

/// Writes fen as yuan, grouped for people: `1,234,567.89`.
pub fn yuan(fen: i64) -> String {
    let plain = record::Fen::new(fen).to_string();
    let (sign, rest) = plain.strip_prefix('-').map_or(("", plain.as_str()), |rest| ("-", rest));
    let (whole, part) = rest.split_once('.').unwrap_or((rest, "00"));
    format!("{sign}{}.{part}", grouped(whole))
}

/// Groups the digits of a count.
pub fn count(n: u64) -> String {
    grouped(&n.to_string())
}

/// Groups digits by three: `1,234,567`.
pub fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(at);
        if at != 0 && left.is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_grouped_for_people() {
        assert_eq!(yuan(123_456_789), "1,234,567.89");
        assert_eq!(yuan(-500), "-5.00");
        assert_eq!(yuan(100_000), "1,000.00");
        assert_eq!((count(999), count(1_000)), ("999".to_owned(), "1,000".to_owned()));
    }
}
