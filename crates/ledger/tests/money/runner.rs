//! Runs case files: text tables of postings, so that they outlive every refactoring.
//!
//! ```text
//! given story DATE          a ledger with the example's vouchers up to a date
//! as ORG                    posting organisation; its preparer is p.org, its approver must be named
//! prepared OFFICIAL         another preparer
//! by OFFICIAL|-             approver
//! date DATE                 effective date
//! doc TEXT|-   reason TEXT|-   signature absent|valid|invalid   key BYTE|-   dry on|off
//! identity ORG|-            the connection's organisation
//! clock DATE|-              an ordinary ledger's clock at noon; -: time from the vouchers
//! no NUMBER                 number of the next voucher; from then on `{NUMBER}` is the position of its first
//!                           line, `{NUMBER:2}` that of its second, `{NUMBER:0}` that of its header record,
//!                           `{+1}` that of the next voucher's first line
//! Kind field=value … => EXPECTED
//! | Kind field=value …      a line of a voucher of several
//! post => EXPECTED          posts the lines gathered
//! balance PATH AMOUNT
//! ```
//! EXPECTED is `ok [skipped CODE…] [warned CODE…]`, `duplicate`, or `MZ-nnnn message @place`; of a voucher
//! with several refusals each, with ` ; ` between. After a refusal the state must be what it was.

use std::collections::{BTreeMap, BTreeSet};

use ledger::field::{Field, Shape};
use ledger::ids::{Date, OrgId};
use ledger::kind::Kind;
use ledger::kinds::finding::finding_id;
use ledger::voucher::{HeaderText, Voucher, VoucherBuilder};
use ledger::{Entry, Outcome, Signature};
use serde_json::Value;

use crate::world::{World, fen, hex, set, story_until};

const FLOWS: &str = include_str!("../../data/flows.csv");

struct Runner {
    world: World,
    organisation: String,
    prepared: Option<String>,
    by: String,
    date: String,
    doc: String,
    reason: String,
    key: Vec<u8>,
    next_no: Option<String>,
    count: u32,
    lines: Vec<String>,
    /// What answered otherwise.
    wrong: Vec<String>,
    /// Positions of first lines by voucher number.
    positions: BTreeMap<String, u64>,
    met: Met,
}

/// What was answered: a code, and the kind of the line that it is about; `None`: it is about the header.
pub(crate) type Met = BTreeSet<(Option<Kind>, u16)>;

/// Runs a case file; every posting that answers otherwise is told. Returns what was answered as expected.
pub(crate) fn run(text: &str) -> Met {
    let mut runner = Runner {
        world: story_until("2016-01-01"),
        organisation: "FB44".into(),
        prepared: None,
        by: String::new(),
        date: "2016-07-01".into(),
        doc: "DOC-1".into(),
        reason: String::new(),
        key: Vec::new(),
        next_no: None,
        count: 0,
        lines: Vec::new(),
        wrong: Vec::new(),
        positions: BTreeMap::new(),
        met: Met::new(),
    };
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            let line = runner.with_positions(line);
            runner.step(number, &line);
        }
    }
    assert!(runner.lines.is_empty(), "lines that were never posted");
    assert!(runner.wrong.is_empty(), "\n{}", runner.wrong.join("\n"));
    runner.met
}

fn or_none(text: &str) -> String {
    if text == "-" { String::new() } else { text.to_owned() }
}

impl Runner {
    fn with_positions(&self, line: &str) -> String {
        let mut line = line.replace("{+1}", &(self.world.next_seq().0 + 1).to_string());
        for (no, seq) in &self.positions {
            line = line.replace(&format!("{{{no}}}"), &seq.to_string());
            for at in 0..=9 {
                line = line.replace(&format!("{{{no}:{at}}}"), &(seq - 1 + at).to_string());
            }
        }
        line
    }

    fn step(&mut self, number: usize, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "given" => self.world = story_until(rest.strip_prefix("story ").unwrap()),
            "as" => {
                rest.clone_into(&mut self.organisation);
                self.prepared = None;
            }
            "prepared" => self.prepared = Some(rest.to_owned()),
            "by" => self.by = or_none(rest),
            "date" => rest.clone_into(&mut self.date),
            "doc" => self.doc = or_none(rest),
            "reason" => self.reason = or_none(rest),
            "identity" => self.world.identity = OrgId::id(&or_none(rest)),
            "dry" => self.world.dry_run = rest == "on",
            "key" => self.key = rest.parse::<u8>().map_or(Vec::new(), |byte| vec![byte; 32]),
            "signature" => {
                self.world.signature = match rest {
                    "valid" => Signature::Valid,
                    "invalid" => Signature::Invalid,
                    _ => Signature::Absent,
                };
            }
            "clock" => {
                let noon = |date: Date| u64::from(date.0) * 86_400_000 + 4 * 3_600_000;
                self.world.now_ms = Date::parse(rest).map(noon);
            }
            "no" => self.next_no = Some(rest.to_owned()),
            "balance" => {
                let (path, amount) = rest.split_once(' ').unwrap();
                let found = self.world.accounts.balance(path);
                if found != fen(amount.trim()) {
                    self.wrong.push(format!("line {number}: {path} has {found} fen"));
                }
            }
            "|" => self.lines.push(rest.to_owned()),
            "post" => {
                let lines = std::mem::take(&mut self.lines);
                self.expect(number, &lines, line);
            }
            _ => self.expect(number, &[line.split(" => ").next().unwrap().to_owned()], line),
        }
    }

    fn expect(&mut self, number: usize, lines: &[String], line: &str) {
        let expected = line.split_once("=> ").expect("an expectation").1.trim();
        // A remark stands behind two blanks and a hash.
        let expected = expected.split("  #").next().unwrap().trim();
        let voucher = self.voucher(lines);
        let before = format!("{:?}", self.world.state);
        let outcome = self.world.post(&voucher);
        if let Outcome::Posted { first_seq, .. } = outcome {
            self.positions.insert(voucher.voucher_no().to_owned(), first_seq.0 + 1);
        }
        let found = self.spell(&outcome, expected.contains('@'));
        self.meet(&voucher, &outcome);
        if found != expected {
            self.wrong.push(format!("line {number}: {line}\n  found {found}"));
        }
        let changed = matches!(outcome, Outcome::Posted { .. }) && !self.world.dry_run;
        if !changed {
            assert_eq!(format!("{:?}", self.world.state), before, "line {number} left something");
        }
    }

    fn meet(&mut self, voucher: &Voucher, outcome: &Outcome) {
        let kinds: Vec<_> = voucher.lines().map(|line| Kind::of_name(line.kind_name())).collect();
        let of_line = |line: u32| line.checked_sub(1).and_then(|at| kinds[at as usize]);
        match outcome {
            Outcome::Posted { .. } => {
                let entries = self.world.desk.entries.iter();
                self.met.extend(entries.flat_map(|entry| {
                    entry.common.skipped.iter().map(|code| (Some(entry.event.kind()), *code))
                }));
            }
            Outcome::Refused(reject) => {
                let refusals = reject.refusals.iter();
                self.met.extend(refusals.map(|r| (of_line(r.line), r.reason.code())));
            }
            Outcome::Duplicate { .. } => {}
        }
    }

    fn voucher(&mut self, lines: &[String]) -> Voucher {
        self.count += 1;
        let no = self.next_no.take().unwrap_or_else(|| format!("V{}", self.count));
        let preparer = format!("p.{}", self.organisation.to_lowercase());
        let preparer = self.prepared.as_deref().unwrap_or(&preparer);
        let mut builder = VoucherBuilder::new();
        builder.key(&self.organisation, &no, &self.date, preparer);
        builder.header(HeaderText::DocNo, &self.doc).header(HeaderText::ApprovedBy, &self.by);
        builder.header(HeaderText::ExceptionReason, &self.reason);
        if !self.key.is_empty() {
            builder.approver_key(&self.key).approval_signature(&[1; 64]);
        }
        for (line_no, line) in (1..).zip(lines) {
            let mut words = split(line).into_iter();
            let kind = words.next().unwrap();
            builder.begin_line(line_no, &kind);
            for word in words {
                let (name, value) = word.split_once('=').unwrap_or_else(|| panic!("{word}"));
                // Two fields have this name: a month, and the unit of the period rule.
                if name == "period" && kind == "PeriodRuleAdopted" {
                    builder.text(Field::PeriodUnit, value);
                    continue;
                }
                fill(&mut builder, name, value);
            }
        }
        builder.state_totals();
        builder.finish()
    }

    fn spell(&self, outcome: &Outcome, places: bool) -> String {
        let codes = |codes: Vec<String>, word: &str| {
            if codes.is_empty() { String::new() } else { format!(" {word} {}", codes.join(" ")) }
        };
        match outcome {
            Outcome::Posted { warnings, .. } => {
                let of = |entry: &Entry| entry.common.skipped.iter().map(u16::to_string).collect();
                let skipped: Vec<Vec<String>> = self.world.desk.entries.iter().map(of).collect();
                let warned = warnings.iter().map(|w| w.reason.code().to_string()).collect();
                let skipped = codes(skipped.concat(), "skipped");
                format!("ok{skipped}{}", codes(warned, "warned"))
            }
            Outcome::Duplicate { .. } => "duplicate".to_owned(),
            Outcome::Refused(reject) => {
                let one = |refusal: &ledger::reject::Refusal| {
                    let place =
                        if places { format!(" @{}", refusal.place()) } else { String::new() };
                    format!("{} {}{place}", refusal.reason.label(), refusal.reason)
                };
                reject.refusals.iter().map(one).collect::<Vec<_>>().join(" ; ")
            }
        }
    }
}

/// Words of a line; quotes hold blanks together.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            c => word.push(c),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// The example's accounts and persons by a short name, any other word as a token of its own.
fn token(word: &str) -> Vec<u8> {
    match word {
        "acc13" => hex("8939f19b326f892e93d964216bf8d61d"),
        "acc21" => hex("54e473181fa935c20b49a8096c76144d"),
        "acc30" => hex("8f7988b7db07fd1c437caec300136541"),
        "head13" => hex("a6a58359206b07eb6bc92dd0fa169587"),
        // `finding:ORG/NO/LINE`: the finding that a line opened.
        other if other.starts_with("finding:") => {
            let key: Vec<&str> = other["finding:".len()..].split('/').collect();
            finding_id(key[0], key[1], key[2].parse().unwrap()).0.to_vec()
        }
        other => {
            let mut bytes = [0; 16];
            bytes.iter_mut().zip(other.bytes()).for_each(|(slot, byte)| *slot = byte);
            bytes.to_vec()
        }
    }
}

fn fill(builder: &mut VoucherBuilder, name: &str, value: &str) {
    let field = Field::of_name(name).unwrap_or_else(|| panic!("no field {name}"));
    match field.shape() {
        Shape::Fen => {
            builder.int(field, fen(value));
        }
        Shape::Blob if matches!(field, Field::PublicKey | Field::KeyHash) => {
            builder.blob(field, &[value.parse().unwrap(); 32]);
        }
        Shape::Blob => {
            builder.blob(field, &token(value));
        }
        Shape::Text => {
            builder.text(field, value);
        }
        Shape::Bool => {
            builder.bool(field, value == "true");
        }
        Shape::Uint32 | Shape::Uint64 | Shape::Int64 => {
            builder.int(field, value.parse().unwrap());
        }
        Shape::TextList => {
            for item in value.split(',') {
                builder.push_text(field, item);
            }
        }
        Shape::Uint32List | Shape::Uint64List => {
            for item in value.split(',') {
                builder.push_int(field, item.parse().unwrap());
            }
        }
        Shape::Shares => {
            for item in value.split(',') {
                let (target, shares) = item.split_once(':').unwrap();
                builder.begin_entry(field);
                let name = if target.len() == 17 { "household" } else { "village" };
                builder.member_text(name, target).member_int("shares", shares.parse().unwrap());
            }
        }
        // `flows-W07`: the contract's flow table without a row.
        Shape::Rows => {
            let (table, without) = value.split_once('-').unwrap();
            assert_eq!(table, "flows");
            let mut reader = csv::Reader::from_reader(FLOWS.as_bytes());
            let columns = reader.headers().unwrap().clone();
            for row in reader.records().map(Result::unwrap).filter(|row| &row[0] != without) {
                builder.begin_entry(field);
                for (column, cell) in columns.iter().zip(&row) {
                    builder.cell(column, cell);
                }
            }
        }
        Shape::Members | Shape::Member => fill_members(builder, field, value),
        _ => set(builder, name, &serde_json::from_str::<Value>(value).unwrap()),
    }
}

/// `no:person:year:sex:ability`, without further marks.
fn fill_members(builder: &mut VoucherBuilder, field: Field, value: &str) {
    for item in value.split(',') {
        let parts: Vec<&str> = item.split(':').collect();
        if field.shape() == Shape::Member {
            builder.begin_struct(field);
        } else {
            builder.begin_entry(field);
        }
        builder.member_int("no", parts[0].parse().unwrap());
        if let [_, person, year, sex, ability] = parts[..] {
            builder.member_blob("person", &token(person));
            builder.member_int("birth_year", year.parse().unwrap());
            builder.member_text("sex", sex).member_text("ability", ability);
            for mark in ["dibao", "student", "insured"] {
                builder.member_bool(mark, false);
            }
        }
    }
}
