//! Runs case files.
//!
//! ```text
//! as ORG DATE            posting organisation, effective and posting date from here on
//! today DATE             posting date, when it is another
//! by OFFICIAL|-          approver
//! exception on|off       whether the voucher has an exception that may pass soft refusals over
//! Kind field=value … => ok | ok skipped CODE… | MZ-nnnn message [@place]
//! ```
//! A token is any short word; `members=no:person:year:sex:ability[:dibao][:student][:insured],…`;
//! `rows=@purposes` reads a data file, `#2` after it its first two rows, `!3.column=value` changes a cell.

use std::collections::BTreeSet;

use ledger::codec::Codec;
use ledger::event::{At, Common, Entry, Event};
use ledger::field::{Field, Shape};
use ledger::form;
use ledger::ids::{Date, OfficialId, OrgId};
use ledger::kind::Kind;
use ledger::kinds::{Ctx, Past, PastRecord, Poster, decide_line};
use ledger::reject::{Reason, Refusal};
use ledger::rules::first;
use ledger::state::State;
use ledger::table::Undo;
use ledger::voucher::{HeaderText, Voucher, VoucherBuilder};
use record::{BlockBuilder, Draft, Seq};

/// No line of these groups refers to a record.
struct NoPast;

impl Past for NoPast {
    fn record(&self, _: Seq) -> Option<PastRecord> {
        None
    }

    fn failure(&self) -> Option<Reason> {
        None
    }
}

/// A ledger that answers lines.
pub(crate) struct Bench {
    pub(crate) state: State,
    codec: Codec,
    pub(crate) poster: Option<Poster>,
    pub(crate) approved_by: OfficialId,
    pub(crate) date: Date,
    pub(crate) today: Date,
    pub(crate) exception: bool,
    seq: Seq,
    /// Whether the first vouchers are in: from then on each line is rolled back once.
    ready: bool,
}

/// What became of a line.
#[derive(Debug)]
pub(crate) enum Answer {
    Accepted(Common),
    Refused(Refusal),
}

impl Bench {
    /// A ledger with its first vouchers.
    pub(crate) fn new() -> Self {
        let date = Date::REGISTER_START;
        let mut bench = Self {
            state: State::new([7; 32]),
            codec: Codec::new(),
            poster: None,
            approved_by: OfficialId::EMPTY,
            date,
            today: date,
            exception: false,
            seq: Seq(1),
            ready: false,
        };
        for voucher in first::vouchers(date, ("p.po44", "a.po44"), first::GRANTS) {
            form::check(&voucher).unwrap();
            bench.seq = bench.seq.next();
            for i in 0..voucher.len() {
                match bench.decide(&voucher, i) {
                    Answer::Accepted(common) => assert_eq!(common, Common::default()),
                    Answer::Refused(refusal) => panic!("{refusal:?}"),
                }
            }
            bench.act_as("PO44", "2016-01-01");
        }
        bench.ready = true;
        bench
    }

    pub(crate) fn act_as(&mut self, org: &str, date: &str) {
        let org = self.state.access.organisation(OrgId::id(org).unwrap()).expect("organisation");
        self.poster = Some(Poster { id: org.id, kind: org.kind, unit: org.unit });
        self.date = Date::parse(date).expect("date");
        self.today = self.date;
    }

    /// Posts a line `Kind field=value …`.
    pub(crate) fn post(&mut self, text: &str) -> Answer {
        let voucher = self.voucher(text);
        self.post_voucher(&voucher)
    }

    /// Posts the one line of a voucher.
    pub(crate) fn post_voucher(&mut self, voucher: &Voucher) -> Answer {
        if let Err(reject) = form::check(voucher) {
            return Answer::Refused(reject.refusals[0].clone());
        }
        self.seq = self.seq.next();
        self.decide(voucher, 0)
    }

    fn voucher(&self, text: &str) -> Voucher {
        let mut words = words(text).into_iter();
        let kind = words.next().unwrap();
        let org = self.poster.map_or("PO44".to_owned(), |poster| poster.id.to_string());
        let mut out = VoucherBuilder::new();
        out.key(&org, "V-1", &self.date.to_string(), "p.x").header(HeaderText::DocNo, "D-1");
        if self.exception {
            out.header(HeaderText::ExceptionReason, "it has happened already");
            out.header(HeaderText::ApprovedBy, "a.x");
        }
        out.begin_line(1, &kind);
        for word in words {
            let (name, value) = word.split_once('=').unwrap_or_else(|| panic!("{word}"));
            let spec = Kind::of_name(&kind)
                .and_then(|kind| kind.row().fields.iter().find(|spec| spec.field.name() == name));
            let field = spec.map(|spec| spec.field).or_else(|| Field::of_name(name));
            set(&mut out, field.unwrap_or_else(|| panic!("field {name}")), value);
        }
        out.state_totals();
        out.finish()
    }

    fn decide(&mut self, voucher: &Voucher, index: usize) -> Answer {
        let line = voucher.line(index).unwrap();
        let kind = Kind::of_name(line.kind_name()).unwrap();
        let time_ms = u64::from(self.today.0) * 86_400_000;
        let at = At { seq: self.seq, time_ms, date: self.date, first_seq: self.seq };
        let mut ctx = Ctx {
            voucher,
            poster: self.poster,
            prepared_by: OfficialId::EMPTY,
            approved_by: self.approved_by,
            at,
            today: self.today,
            past: &NoPast,
            exception: self.exception,
            skipped: Vec::new(),
            covered: std::cell::Cell::default(),
            open: std::cell::Cell::default(),
        };
        let event = match decide_line(kind, &self.state, &mut ctx, line) {
            Ok(event) => event,
            Err(fault) => return Answer::Refused(fault.at(line.line_no())),
        };
        let memo = line.text(Field::Memo).into();
        let entry = Entry { event, common: Common { skipped: ctx.skipped, memo } };
        fields_come_back(&entry, voucher, index);
        self.record_comes_back(&entry, &at);
        if self.ready {
            self.rollback_leaves_nothing(&at, &entry.event);
        }
        self.state.evolve(&at, &entry.event).unwrap();
        self.state.commit();
        self.seq = self.seq.next();
        Answer::Accepted(entry.common)
    }

    fn record_comes_back(&mut self, entry: &Entry, at: &At) {
        let mut draft = Draft::new();
        self.codec.encode(entry, at.date, &mut draft).unwrap();
        let mut block = BlockBuilder::start(1, at.seq, [9; 32], [1; 32]);
        block.append(&draft, at.time_ms);
        let block = block.finish();
        let record = block.records().next().unwrap();
        assert_eq!(&self.codec.check_canonical(&record).unwrap(), entry);
        if self.ready {
            self.damaged(entry.event.kind(), record.payload());
        }
    }

    /// A payload that is cut or changed in a byte is another event or a named error, never a panic.
    fn damaged(&mut self, kind: Kind, payload: &[u8]) {
        let step = 1 + payload.len() / 64;
        for at in (0..payload.len()).step_by(step) {
            let mut changed = payload.to_vec();
            changed[at] ^= 0x81;
            for bytes in [&payload[..at], &changed] {
                let block = block_of(kind, bytes);
                let record = block.records().next().unwrap();
                if let Ok(entry) = self.codec.check_canonical(&record) {
                    assert_eq!(entry.event.kind(), kind);
                }
            }
        }
    }

    fn rollback_leaves_nothing(&mut self, at: &At, event: &Event) {
        let before = print(&self.state);
        self.state.evolve(at, event).unwrap();
        Undo::rollback(&mut self.state);
        assert!(before == print(&self.state), "rolled back: {event:?}");
    }
}

/// The line that the event was asked with.
fn fields_come_back(entry: &Entry, voucher: &Voucher, index: usize) {
    let line = voucher.line(index).unwrap();
    let mut out = VoucherBuilder::new();
    out.begin_line(line.line_no(), line.kind_name());
    entry.event.fields(&mut out);
    out.text(Field::Memo, &entry.common.memo);
    let back = out.finish();
    // Cells come back in the order of the columns.
    let sorted = |line: ledger::voucher::LineRef<'_>| {
        let mut fields: Vec<String> = line.fields().map(|f| format!("{f:?}")).collect();
        fields.sort();
        fields
    };
    let equal = line == back.line(0).unwrap();
    assert!(equal || sorted(line) == sorted(back.line(0).unwrap()), "{line:?}\n{back:?}");
}

/// A block of one record with this payload.
fn block_of(kind: Kind, payload: &[u8]) -> record::Block {
    let mut draft = Draft::new();
    draft.push(kind.number(), Date::REGISTER_START.0, &[], payload).unwrap();
    let mut block = BlockBuilder::start(1, Seq(1), [9; 32], [1; 32]);
    block.append(&draft, u64::from(Date::SYNTHETIC_END.0) * 86_400_000);
    block.finish()
}

/// Each stored payload still decodes to the line that it was made of, and is spelled as it would be today.
pub(crate) fn golden(lines: &str) -> BTreeSet<Kind> {
    let (bench, mut codec, mut met) = (Bench::new(), Codec::new(), BTreeSet::new());
    for line in lines.lines().filter(|line| !line.starts_with('#')) {
        let (hex, asked) = line.split_once(' ').unwrap();
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let payload: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        let voucher = bench.voucher(asked);
        let kind = Kind::of_name(voucher.line(0).unwrap().kind_name()).unwrap();
        let block = block_of(kind, &payload);
        let entry = codec.check_canonical(&block.records().next().unwrap()).unwrap();
        fields_come_back(&entry, &voucher, 0);
        met.insert(kind);
    }
    met
}

/// The state as sorted pieces: an index prints in no order.
fn print(state: &State) -> Vec<String> {
    let text = format!("{:?}{:?}", state.registry, state.access);
    let rules = state.rules.purposes.next_number() + state.rules.flows.next_number();
    let mut pieces: Vec<String> =
        text.split(|c| ", {}()[]".contains(c)).map(str::to_owned).collect();
    pieces.sort();
    pieces.push(rules.to_string());
    pieces
}

/// Runs a case file; returns the refusals that were met.
pub(crate) fn run(cases: &str) -> BTreeSet<(Kind, u16)> {
    let mut bench = Bench::new();
    let (mut met, mut wrong) = (BTreeSet::new(), Vec::new());
    for (number, line) in (1..).zip(cases.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((asked, expected)) = line.split_once(" => ") else {
            directive(&mut bench, line);
            continue;
        };
        let kind = words(asked).first().and_then(|name| Kind::of_name(name));
        let answer = bench.post(asked);
        let found = match &answer {
            Answer::Accepted(common) if common.skipped.is_empty() => "ok".to_owned(),
            Answer::Accepted(common) => {
                let codes: Vec<String> = common.skipped.iter().map(u16::to_string).collect();
                met.extend(kind.iter().flat_map(|k| common.skipped.iter().map(|c| (*k, *c))));
                format!("ok skipped {}", codes.join(" "))
            }
            Answer::Refused(refusal) => {
                met.extend(kind.map(|kind| (kind, refusal.reason.code())));
                let reason = &refusal.reason;
                format!("{} {} @{}", reason.label(), reason.message(), refusal.field)
            }
        };
        let expected = expected.trim();
        let same = found == expected
            || (!expected.contains('@') && found.rsplit_once(" @").map(|f| f.0) == Some(expected));
        if !same {
            wrong.push(format!("line {number}: {asked}\n   found {found}\nexpected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    met
}

fn directive(bench: &mut Bench, line: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["as", org, date] => bench.act_as(org, date),
        ["today", date] => bench.today = Date::parse(date).unwrap(),
        ["by", "-"] => bench.approved_by = OfficialId::EMPTY,
        ["by", official] => bench.approved_by = OfficialId::new(official).unwrap(),
        ["exception", on] => bench.exception = on == "on",
        _ => panic!("{line}"),
    }
}

/// Words separated by spaces; quotes keep spaces together.
fn words(text: &str) -> Vec<String> {
    let (mut out, mut quoted) = (vec![String::new()], false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => out.push(String::new()),
            c => out.last_mut().unwrap().push(c),
        }
    }
    out.retain(|word| !word.is_empty());
    out
}

/// Bytes of a short word, filled up with its length.
fn blob(word: &str, len: usize) -> Vec<u8> {
    let mut out = vec![word.len() as u8; len];
    out[..word.len().min(len)].copy_from_slice(&word.as_bytes()[..word.len().min(len)]);
    out
}

fn set(out: &mut VoucherBuilder, field: Field, value: &str) {
    let parts = || value.split(',').filter(|part| !part.is_empty());
    match field.shape() {
        Shape::Text => drop_ref(out.text(field, value)),
        Shape::Blob => {
            let len = if matches!(field, Field::PublicKey | Field::KeyHash) { 32 } else { 16 };
            drop_ref(out.blob(field, &blob(value, len)));
        }
        Shape::Uint32 | Shape::Uint64 | Shape::Int64 | Shape::Fen => {
            drop_ref(out.int(field, value.parse().unwrap()));
        }
        Shape::Bool => drop_ref(out.bool(field, value == "true")),
        Shape::TextList => parts().for_each(|part| drop_ref(out.push_text(field, part))),
        Shape::Uint32List | Shape::Uint64List => {
            parts().for_each(|part| drop_ref(out.push_int(field, part.parse().unwrap())));
        }
        Shape::Members | Shape::Member => {
            for part in parts() {
                if field.shape() == Shape::Members {
                    out.begin_entry(field);
                } else {
                    out.begin_struct(field);
                }
                member(out, part);
            }
        }
        Shape::Params => {
            for (name, value) in parts().map(|part| part.split_once(':').unwrap()) {
                // The builder wants names that live: those of the flags do.
                let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
                out.begin_entry(field).member_text("name", name);
                out.member_int("value", value.parse().unwrap());
            }
        }
        Shape::Counties => {
            for (unit, heads) in parts().map(|part| part.split_once(':').unwrap()) {
                out.begin_entry(field).member_text("unit", unit);
                out.member_int("heads", heads.parse().unwrap());
            }
        }
        Shape::Rows => rows(out, field, value),
        Shape::Shares => panic!("{field:?}"),
    }
}

fn drop_ref(_: &mut VoucherBuilder) {}

fn member(out: &mut VoucherBuilder, text: &str) {
    let parts: Vec<&str> = text.split(':').collect();
    out.member_int("no", parts[0].parse().unwrap());
    if parts.len() == 1 {
        return;
    }
    let has = |mark| parts.contains(&mark);
    out.member_blob("person", &blob(parts[1], 16))
        .member_int("birth_year", parts[2].parse().unwrap())
        .member_text("sex", parts[3])
        .member_text("ability", parts[4])
        .member_bool("dibao", has("dibao"))
        .member_bool("student", has("student"))
        .member_bool("insured", has("insured"));
}

fn rows(out: &mut VoucherBuilder, field: Field, value: &str) {
    let mut parts = value.split('!');
    let (table, count) = match parts.next().unwrap() {
        name if name.contains('#') => {
            let (name, count) = name.split_once('#').unwrap();
            (name, count.parse().unwrap())
        }
        name => (name, usize::MAX),
    };
    let data = match table {
        "@purposes" => include_str!("../../data/purposes.csv"),
        "@flows" => include_str!("../../data/flows.csv"),
        "@areas" => include_str!("../../data/areas_guangdong.csv"),
        other => panic!("{other}"),
    };
    let changes: Vec<(usize, &str, &str)> = parts
        .map(|change| {
            let (place, value) = change.split_once('=').unwrap();
            let (row, column) = place.split_once('.').unwrap();
            (row.parse().unwrap(), column, value)
        })
        .collect();
    let mut reader = csv::Reader::from_reader(data.as_bytes());
    let columns = reader.headers().unwrap().clone();
    for (i, record) in reader.records().take(count).map(Result::unwrap).enumerate() {
        out.begin_entry(field);
        for (column, cell) in columns.iter().zip(&record) {
            let new = changes.iter().find(|(row, c, _)| *row == i && *c == column);
            out.cell(column, new.map_or(cell, |(_, _, value)| value));
        }
        for (_, column, value) in changes
            .iter()
            .filter(|(row, c, _)| *row == i && !columns.iter().any(|known| known == *c))
        {
            out.cell(column, value);
        }
    }
}
