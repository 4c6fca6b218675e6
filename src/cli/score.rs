//! `mingzhang findings score`: how well the flags find what was injected.
//!
//! Lives here: reading labels and alerts, counting, the table.
//! Lives elsewhere: the labels (`sim`), the alerts (`mingzhang alerts`).
//!
//! Always: a hit is an alert of the flag and subject that a label names. Decoys that fired are counted
//! apart: they are neither true nor false. Rates are basis points, rounded down, and null of nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};

use clap::Parser;
use serde_json::{Value, json};

use super::failure::{Failure, NO};
use super::grid::{self, Side};
use super::output::Output;

/// Compare alerts with the labels of synthetic data
///
/// Says for every flag how many of its cases were found and how many of its alerts were right. The exit
/// code is 1 when a case was missed.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example: mingzhang alerts --data gd --json | mingzhang findings score --labels labels.csv --alerts -"
)]
pub(super) struct Args {
    /// What was injected: `labels.csv` of `mingzhang sim`
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,
    /// Rows of `mingzhang alerts --json`; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    alerts: PathBuf,
}

/// How many flags there are, F01 to F29.
const FLAGS: u8 = 29;
/// Columns of `labels.csv` before the note, which is free text.
const COLUMNS: usize = 7;

/// What a flag says of a subject.
type Claims = BTreeMap<(u8, String), Label>;

/// What a subject was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Case,
    Decoy,
}

/// What is known of one flag.
#[derive(Debug, Default, PartialEq, Eq)]
struct Score {
    cases: usize,
    found: usize,
    decoys: usize,
    decoys_fired: usize,
    alerts: usize,
    right: usize,
    wrong: usize,
    missed: Vec<String>,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    let labels = read_labels(&lines(&args.labels)?, &args.labels)?;
    let alerts = read_alerts(&lines(&args.alerts)?, &args.alerts)?;
    let scores = tally(&labels, &alerts);
    print(&scores, out);
    Ok(if scores.values().any(|score| !score.missed.is_empty()) { NO } else { 0 })
}

fn lines(path: &Path) -> Result<Vec<String>, Failure> {
    let read = |from: &mut dyn BufRead| from.lines().collect::<Result<Vec<String>, _>>();
    let lines = if path == Path::new("-") {
        read(&mut stdin().lock())
    } else {
        File::open(path).and_then(|file| read(&mut BufReader::new(file)))
    };
    lines.map_err(|error| Failure::file(path, &error))
}

fn flag(text: &str) -> Option<u8> {
    let number = text.strip_prefix('F')?.parse().ok()?;
    (1..=FLAGS).contains(&number).then_some(number)
}

fn unreadable(path: &Path, at: usize, what: &str) -> Failure {
    let line = at.saturating_add(1);
    Failure::usage(format!("{}:{line}: {what}", path.display()))
}

fn read_labels(lines: &[String], path: &Path) -> Result<Claims, Failure> {
    let mut claims = Claims::new();
    for (at, line) in lines.iter().enumerate() {
        if at == 0 {
            if line != sim::LABELS_HEADER {
                return Err(unreadable(path, at, "the first line is not that of labels"));
            }
            continue;
        }
        let cells: Vec<&str> = line.splitn(COLUMNS, ',').collect();
        let [_, number, decoy, subject, ..] = cells[..] else {
            return Err(unreadable(path, at, "a label has seven columns"));
        };
        let label = match decoy {
            "false" => Label::Case,
            "true" => Label::Decoy,
            _ => return Err(unreadable(path, at, "a decoy is true or false")),
        };
        let number = flag(number).ok_or_else(|| unreadable(path, at, "no flag F01 to F29"))?;
        claims.insert((number, subject.to_owned()), label);
    }
    Ok(claims)
}

/// The flag and subject of each row; the head line has neither.
fn read_alerts(lines: &[String], path: &Path) -> Result<Vec<(u8, String)>, Failure> {
    let mut alerts = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let row: Value = serde_json::from_str(line)
            .map_err(|_| unreadable(path, at, "no line of JSON, as `alerts --json` prints"))?;
        if at == 0 && row.get("what").is_some() && row.get("flag").is_none() {
            continue;
        }
        let text = |name: &str| row.get(name).and_then(Value::as_str);
        let (Some(number), Some(subject)) = (text("flag").and_then(flag), text("subject")) else {
            return Err(unreadable(path, at, "an alert has a flag F01 to F29 and a subject"));
        };
        alerts.push((number, subject.to_owned()));
    }
    Ok(alerts)
}

fn tally(labels: &Claims, alerts: &[(u8, String)]) -> BTreeMap<u8, Score> {
    let mut scores: BTreeMap<u8, Score> = (1..=FLAGS).map(|n| (n, Score::default())).collect();
    let fired: BTreeSet<&(u8, String)> = alerts.iter().collect();
    for (claim, label) in labels {
        let score = scores.entry(claim.0).or_default();
        let hit = usize::from(fired.contains(claim));
        let (count, hits) = match label {
            Label::Case => (&mut score.cases, &mut score.found),
            Label::Decoy => (&mut score.decoys, &mut score.decoys_fired),
        };
        *count = count.saturating_add(1);
        *hits = hits.saturating_add(hit);
        if hit == 0 && *label == Label::Case {
            score.missed.push(claim.1.clone());
        }
    }
    for alert in alerts {
        let score = scores.entry(alert.0).or_default();
        score.alerts = score.alerts.saturating_add(1);
        match labels.get(alert) {
            Some(Label::Case) => score.right = score.right.saturating_add(1),
            Some(Label::Decoy) => {}
            None => score.wrong = score.wrong.saturating_add(1),
        }
    }
    scores
}

/// Basis points, rounded down; `None` of nothing.
fn bp(part: usize, of: usize) -> Option<usize> {
    part.saturating_mul(10_000).checked_div(of)
}

impl Score {
    fn recall(&self) -> Option<usize> {
        bp(self.found, self.cases)
    }

    fn precision(&self) -> Option<usize> {
        bp(self.right, self.right.saturating_add(self.wrong))
    }

    fn json(&self, number: u8) -> Value {
        json!({
            "flag": format!("F{number:02}"), "cases": self.cases, "found": self.found,
            "recall_bp": self.recall(), "alerts": self.alerts, "true": self.right,
            "decoys": self.decoys, "decoys_fired": self.decoys_fired, "other": self.wrong,
            "precision_bp": self.precision(), "missed": self.missed,
        })
    }

    fn cells(&self, number: u8) -> Vec<String> {
        let percent = |rate: Option<usize>| {
            rate.map_or_else(|| "-".to_owned(), |bp| format!("{}.{:02} %", bp / 100, bp % 100))
        };
        vec![
            format!("F{number:02}"),
            self.cases.to_string(),
            self.found.to_string(),
            percent(self.recall()),
            self.alerts.to_string(),
            self.right.to_string(),
            format!("{} of {}", self.decoys_fired, self.decoys),
            self.wrong.to_string(),
            percent(self.precision()),
        ]
    }
}

const NAMES: [&str; 9] =
    ["flag", "cases", "found", "recall", "alerts", "true", "decoys", "other", "precision"];

fn print(scores: &BTreeMap<u8, Score>, out: &mut Output) {
    let sum = |of: fn(&Score) -> usize| scores.values().map(of).fold(0, usize::saturating_add);
    out.document(&json!({
        "what": "score", "position": null, "cases": sum(|s| s.cases), "found": sum(|s| s.found),
        "alerts": sum(|s| s.alerts),
    }));
    for (number, score) in scores {
        out.document(&score.json(*number));
    }
    let names = NAMES.map(str::to_owned).to_vec();
    let rows = std::iter::once(names).chain(scores.iter().map(|(n, score)| score.cells(*n)));
    let sides: Vec<Side> =
        (0..NAMES.len()).map(|at| if at == 0 { Side::Left } else { Side::Right }).collect();
    for line in grid::lines(&rows.collect::<Vec<_>>(), &sides) {
        out.line(line);
    }
    for (number, score) in scores {
        for subject in &score.missed {
            out.note(format!("missed: F{number:02} {subject}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(rows: &str) -> Result<Claims, Failure> {
        let text = format!("{}\n{rows}", sim::LABELS_HEADER);
        read_labels(&text.lines().map(str::to_owned).collect::<Vec<_>>(), Path::new("labels.csv"))
    }

    fn alerts(rows: &str) -> Result<Vec<(u8, String)>, Failure> {
        read_alerts(&rows.lines().map(str::to_owned).collect::<Vec<_>>(), Path::new("-"))
    }

    #[test]
    fn hits_misses_decoys_and_others_are_counted_apart() {
        let labels = labels(
            "1,F01,false,aa,FB1/1,100,\"one, two\"\n2,F01,false,bb,,100,\"\"\n\
             3,F01,true,cc,,0,\"\"\n4,F02,true,dd,,0,\"\"",
        );
        let alerts = alerts(
            "{\"what\":\"alerts\",\"position\":9}\n{\"flag\":\"F01\",\"subject\":\"aa\"}\n\
             {\"flag\":\"F01\",\"subject\":\"cc\"}\n{\"flag\":\"F01\",\"subject\":\"xx\"}\n\
             {\"flag\":\"F02\",\"subject\":\"aa\"}",
        );
        let scores = tally(&labels.unwrap(), &alerts.unwrap());
        assert_eq!(scores.len(), 29);
        let first = &scores[&1];
        assert_eq!((first.cases, first.found, first.recall()), (2, 1, Some(5_000)));
        assert_eq!((first.decoys, first.decoys_fired), (1, 1));
        assert_eq!((first.alerts, first.right, first.wrong), (3, 1, 1));
        assert_eq!((first.precision(), first.missed.clone()), (Some(5_000), vec!["bb".to_owned()]));
        // The same subject under another flag is no hit.
        assert_eq!((scores[&2].recall(), scores[&2].precision()), (None, Some(0)));
        assert_eq!(scores[&3].precision(), None);
    }

    #[test]
    fn what_is_no_label_or_alert_is_refused_with_its_line() {
        let told = |failure: Failure| (failure.exit, failure.message);
        for (rows, line) in [
            ("1,F30,false,a,,0,", ":2:"),
            ("1,F00,false,a,,0,", ":2:"),
            ("1,F01,no,a,,0,", ":2:"),
            ("1,F01,false,a,,0,\nx", ":3:"),
        ] {
            let (exit, message) = told(labels(rows).unwrap_err());
            assert!(exit == super::super::failure::USAGE && message.contains(line), "{message}");
        }
        let other = read_labels(&["id".to_owned()], Path::new("l")).unwrap_err();
        assert!(other.message.contains("l:1:"), "{}", other.message);
        for rows in ["x", "{\"flag\":\"F01\"}", "{\"subject\":\"a\"}", "{}\n{\"what\":1}"] {
            assert!(alerts(rows).is_err(), "{rows}");
        }
    }
}
