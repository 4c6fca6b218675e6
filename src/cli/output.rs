//! The one place that prints.
//!
//! Lives here: what goes to standard output and what to standard error, colour, progress.
//! Lives elsewhere: what is said (each command).
//!
//! Always: data to standard output, words to standard error; with `--json` standard output holds JSON
//! alone; colour adds, never carries, meaning; a pipe sees no progress.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use serde_json::Value;

use super::failure::{Failure, UNFINISHED};

/// Standard output and standard error of one command.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four facts about two streams, none follows from another"
)]
pub struct Output {
    json: bool,
    colour: bool,
    terminal: bool,
    /// A progress line stands there and must be wiped first.
    progress: bool,
    /// Why nothing more is printed: nobody reads standard output any more, or it cannot be written.
    closed: Option<io::Error>,
}

impl Output {
    /// Prints for people, or JSON documents for programs.
    pub fn new(json: bool) -> Self {
        let terminal = io::stderr().is_terminal();
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { json, colour, terminal, progress: false, closed: None }
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
            self.print(&format!("{}\n", plain(&text.to_string())));
        }
    }

    /// Prints a JSON document on a line of its own, with `--json`.
    pub fn document(&mut self, document: &Value) {
        if self.json {
            self.both(document);
        }
    }

    /// Prints a line in both modes, for what scripts wait for.
    pub fn both(&mut self, text: impl Display) {
        self.print(&escaped(&format!("{text}\n")));
    }

    /// Prints lines in both modes; the colours in them stay.
    pub fn raw(&mut self, text: &str) {
        for line in text.lines() {
            self.print(&format!("{}\n", coloured(line)));
        }
    }

    /// Prints a document that is no JSON, byte for byte: it goes into a file.
    pub fn data(&mut self, text: &str) {
        self.print(text);
    }

    /// Says something on standard error.
    pub fn note(&mut self, text: impl Display) {
        self.wipe();
        note(&text.to_string());
    }

    /// Shows how far long work is, on a terminal alone.
    pub fn progress(&mut self, text: impl Display) {
        if self.terminal {
            say(&format!("\r\x1b[K{}", plain(&text.to_string())));
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
            self.both(failure.json());
        }
        self.wipe();
        let (red, plain) = if self.colour { ("\x1b[31m", "\x1b[0m") } else { ("", "") };
        let Failure { code, message, hint, .. } = failure;
        let message = self::plain(message);
        say(&format!("{red}error[{code}]{plain}: {message}\n"));
        if let Some(hint) = hint {
            self.note(format!("hint: {hint}"));
        }
    }

    /// Whether nobody reads standard output any more, so that there is no point in going on.
    pub fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// Ends a command: its exit code, unless what it printed got lost. A reader that has seen enough, as
    /// `head` does, is no fault.
    pub fn end(mut self, code: u8) -> u8 {
        match self.closed.take() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.failure(&Failure::file(Path::new("standard output"), &error));
                UNFINISHED
            }
            _ => code,
        }
    }

    fn print(&mut self, text: &str) {
        self.wipe();
        if self.closed.is_some() {
            return;
        }
        let mut out = io::stdout().lock();
        self.closed = out.write_all(text.as_bytes()).and_then(|()| out.flush()).err();
    }
}

/// Says something on standard error from a thread of its own.
pub fn note(text: &str) {
    say(&format!("{}\n", plain(text)));
}

fn say(text: &str) {
    // With standard error closed there is nobody left to tell.
    io::stderr().write_all(text.as_bytes()).unwrap_or_default();
}

/// Text for a terminal. What files and servers say may hold control characters, which move the cursor, and
/// marks that turn the direction of writing; neither may make one line look like another.
fn plain(text: &str) -> Cow<'_, str> {
    let hides = |c: char| {
        let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        c.is_control() || turns
    };
    if text.contains(hides) { text.replace(hides, "\u{fffd}").into() } else { text.into() }
}

/// The same, of a text with colours.
fn coloured(text: &str) -> String {
    const COLOURS: [&str; 5] = ["\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m"];
    let mut parts = text.split('\x1b');
    let mut out = plain(parts.next().unwrap_or_default()).into_owned();
    for part in parts {
        let code =
            COLOURS.iter().find(|c| c.strip_prefix('\x1b').is_some_and(|c| part.starts_with(c)));
        let rest =
            code.map_or(part, |code| part.get(code.len().saturating_sub(1)..).unwrap_or(part));
        out.push_str(code.copied().unwrap_or("\u{fffd}"));
        out.push_str(&plain(rest));
    }
    out
}

/// JSON as a terminal may see it: the control characters that JSON allows in a text are escaped, too.
fn escaped(text: &str) -> Cow<'_, str> {
    let is_raw = |c: char| matches!(c, '\u{7f}'..='\u{9f}');
    if !text.contains(is_raw) {
        return text.into();
    }
    let escape =
        |c: char| if is_raw(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    text.chars().map(escape).collect::<String>().into()
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

/// Writes a count and what is counted: `1 voucher`, `2,000 vouchers`.
pub fn plural(n: u64, what: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {what}{s}", count(n))
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
    fn no_foreign_text_moves_the_cursor() {
        assert_eq!(plain("A\x1b[2J\n\u{9b}B\u{202e}全"), "A\u{fffd}[2J\u{fffd}\u{fffd}B\u{fffd}全");
        assert_eq!(coloured("\x1b[31mno\x1b[0m\x1b[2J"), "\x1b[31mno\x1b[0m\u{fffd}[2J");
        assert_eq!(escaped("{\"a\":\"\u{9b}b\"}"), "{\"a\":\"\\u009bb\"}");
    }

    #[test]
    fn sums_are_grouped_for_people() {
        assert_eq!(yuan(123_456_789), "1,234,567.89");
        assert_eq!(yuan(-500), "-5.00");
        assert_eq!(yuan(100_000), "1,000.00");
        assert_eq!((count(999), count(1_000)), ("999".to_owned(), "1,000".to_owned()));
        let vouchers = [0, 1, 2_000].map(|n| plural(n, "voucher"));
        assert_eq!(vouchers, ["0 vouchers", "1 voucher", "2,000 vouchers"]);
    }
}
