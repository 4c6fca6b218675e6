//! A synthetic ledger in memory: it posts vouchers as the program does, and checks every accepted one.

use std::collections::BTreeMap;

use ledger::codec::Codec;
use ledger::digest::digest;
use ledger::document::document;
use ledger::field::{Field, Shape};
use ledger::form::{self, Form};
use ledger::ids::{Date, OrgId};
use ledger::reject::Reason;
use ledger::rules::first;
use ledger::voucher::{HeaderText, Voucher, VoucherBuilder};
use ledger::{Ask, Desk, Event, Outcome, Past, PastRecord, Signature, State, post};
use record::{Accounts, BlockBuilder, Draft, Genesis, Record, Seq, system};
use serde_json::Value;

/// Name of the ledger.
pub(crate) const ORIGIN: &str = "test.example/ledger";
/// 2016-01-01 00:00 China time.
const BIRTH_MS: u64 = 1_451_577_600_000;

/// All records so far, by position.
#[derive(Default, Clone)]
pub(crate) struct Log(pub(crate) Vec<Vec<u8>>);

impl Past for Log {
    fn record(&self, seq: Seq) -> Option<PastRecord> {
        self.0.get(usize::try_from(seq.0).ok()?).cloned().map(PastRecord)
    }

    fn failure(&self) -> Option<Reason> {
        None
    }
}

pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) log: Log,
    pub(crate) accounts: Accounts,
    pub(crate) desk: Desk,
    /// A fixed clock; none: time is taken from the vouchers.
    pub(crate) now_ms: Option<u64>,
    pub(crate) signature: Signature,
    pub(crate) dry_run: bool,
    pub(crate) identity: Option<OrgId>,
    builder: BlockBuilder,
}

impl World {
    /// A ledger with its first vouchers.
    pub(crate) fn new() -> Self {
        let mut world = Self::unfounded();
        for voucher in founding() {
            world.posted(&voucher);
        }
        world.now_ms = None;
        world
    }

    /// A ledger with nothing but its genesis.
    pub(crate) fn unfounded() -> Self {
        let mut world = Self {
            state: State::new([7; 32]),
            log: Log::default(),
            accounts: Accounts::new(),
            desk: Desk::new(),
            now_ms: Some(BIRTH_MS),
            signature: Signature::Absent,
            dry_run: false,
            identity: None,
            builder: BlockBuilder::start(1, Seq(0), [0; 32], [9; 32]),
        };
        let genesis = Genesis { origin: ORIGIN.into(), synthetic: true, ..Genesis::default() };
        let mut draft = Draft::new();
        draft.push(system::GENESIS, Date::REGISTER_START.0, &[], &genesis.encode()).unwrap();
        world.append(&draft, BIRTH_MS);
        world
    }

    fn append(&mut self, draft: &Draft, time_ms: u64) {
        self.builder.append(draft, time_ms);
        let block = self.builder.finish();
        self.builder.restart(1, block.last_seq().next(), block.head());
        for record in block.records() {
            if record.kind() < 100 {
                self.state.apply_record(&record, &mut Codec::new()).unwrap();
                self.state.commit();
            }
            self.accounts.apply_record(&record).expect("no account on the wrong side of zero");
            self.log.0.push(record.bytes().to_vec());
        }
    }

    pub(crate) fn next_seq(&self) -> Seq {
        Seq(self.log.0.len() as u64)
    }

    fn ask<'a>(&self, voucher: &'a Voucher, form: &'a Form, digest: &'a [u8; 32]) -> Ask<'a> {
        Ask {
            voucher,
            form,
            digest,
            signature: self.signature,
            identity: self.identity,
            now_ms: self.now_ms.unwrap_or(0),
            synthetic: self.now_ms.is_none(),
            seq_next: self.next_seq(),
            dry_run: self.dry_run,
        }
    }

    /// Form checks, decision, and for what is accepted records and balances.
    pub(crate) fn post(&mut self, voucher: &Voucher) -> Outcome {
        let form = match form::check(voucher) {
            Ok(form) => form,
            Err(reject) => return Outcome::Refused(reject),
        };
        let digest = digest(ORIGIN, voucher, &form.kinds);
        let ask = self.ask(voucher, &form, &digest);
        let outcome = post(&mut self.state, &self.log, &ask, &mut self.desk);
        if let (Outcome::Posted { time_ms, .. }, false) = (&outcome, self.dry_run) {
            let draft = std::mem::take(&mut self.desk.draft);
            self.append(&draft, *time_ms);
            self.desk.draft = draft;
            self.check_records(voucher, &form.kinds, ask.digest, ask.seq_next);
        }
        outcome
    }

    /// What the next voucher comes to on another state of this log. The log stays as it is.
    pub(crate) fn post_beside(&self, state: &mut State, voucher: &Voucher) -> Outcome {
        let form = match form::check(voucher) {
            Ok(form) => form,
            Err(reject) => return Outcome::Refused(reject),
        };
        let digest = digest(ORIGIN, voucher, &form.kinds);
        let ask = self.ask(voucher, &form, &digest);
        post(state, &self.log, &ask, &mut Desk::new())
    }

    /// Posts what must be accepted; returns the position of its header record.
    pub(crate) fn posted(&mut self, voucher: &Voucher) -> Seq {
        match self.post(voucher) {
            Outcome::Posted { first_seq, .. } => first_seq,
            other => panic!("{voucher:#?}\n{other:#?}"),
        }
    }

    /// Every record decodes to its entry in canonical form, and all of them to the document.
    fn check_records(
        &mut self,
        voucher: &Voucher,
        kinds: &[ledger::kind::Kind],
        expected: &[u8; 32],
        first: Seq,
    ) {
        let mut entries = Vec::new();
        let from = usize::try_from(first.0).unwrap();
        for (bytes, entry) in self.log.0[from..].iter().zip(&self.desk.entries) {
            let record = Record::parse(bytes).unwrap();
            let decoded = self.desk.codec.check_canonical(&record).unwrap();
            assert_eq!(decoded, *entry);
            entries.push((record.date(), decoded));
        }
        let (date, header) = &entries[0];
        let Event::VoucherPosted(posted) = &header.event else { panic!("no header record") };
        let lines = entries.iter().skip(1).map(|(_, entry)| entry);
        let back = document(posted, &header.common, Date(*date), lines);
        assert_eq!(digest(ORIGIN, &back, kinds), *expected, "{voucher:#?}\n{back:#?}");
    }

    /// A state made from the records alone.
    pub(crate) fn replayed(&self) -> State {
        self.replayed_until(self.log.0.len())
    }

    /// A state made from so many records.
    pub(crate) fn replayed_until(&self, count: usize) -> State {
        let mut state = State::new([7; 32]);
        state.set_recording(false);
        let mut codec = Codec::new();
        for bytes in &self.log.0[..count] {
            state.apply_record(&Record::parse(bytes).unwrap(), &mut codec).unwrap();
        }
        state.set_recording(true);
        state
    }
}

/// What a snapshot would hold.
pub(crate) fn saved(state: &State) -> Vec<u8> {
    let mut bytes = Vec::new();
    state.save(&mut bytes).unwrap();
    bytes
}

/// The first vouchers of a ledger.
pub(crate) fn founding() -> [Voucher; 3] {
    first::vouchers(Date::REGISTER_START, ("p.po44", "a.po44"), first::GRANTS)
}

/// The vouchers of a file of JSON lines.
pub(crate) fn read_json_lines(text: &str) -> Vec<Voucher> {
    let mut out = Vec::new();
    let mut builder: Option<VoucherBuilder> = None;
    for line in text.lines() {
        let object: Value = serde_json::from_str(line).unwrap();
        if object["type"] == "voucher" {
            out.extend(builder.take().map(VoucherBuilder::finish));
            builder = Some(header(&object));
        } else {
            let builder = builder.as_mut().unwrap();
            let no = object["line_no"].as_u64().unwrap() as u32;
            builder.begin_line(no, object["kind"].as_str().unwrap());
            for (key, value) in object.as_object().unwrap() {
                if (&object["kind"], key.as_str()) == (&"PeriodRuleAdopted".into(), "period") {
                    // The one name that two fields share.
                    builder.text(Field::PeriodUnit, value.as_str().unwrap());
                } else if !["type", "line_no", "kind"].contains(&key.as_str()) {
                    set(builder, key, value);
                }
            }
        }
    }
    out.extend(builder.map(VoucherBuilder::finish));
    out
}

fn header(object: &Value) -> VoucherBuilder {
    let mut builder = VoucherBuilder::new();
    for field in HeaderText::ALL {
        builder.header(field, object[field.name()].as_str().unwrap_or_default());
    }
    builder.line_count(object["line_count"].as_u64().map(|n| n as u32));
    builder.total_fen(object["total_yuan"].as_str().map(fen));
    builder
}

/// Fen of yuan text.
pub(crate) fn fen(text: &str) -> i64 {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (yuan, part) = text.split_once('.').unwrap_or((text, "00"));
    sign * (yuan.parse::<i64>().unwrap() * 100 + part.parse::<i64>().unwrap())
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// Sets a field from a file's name and value.
pub(crate) fn set(builder: &mut VoucherBuilder, name: &str, value: &Value) {
    let (name, yuan) = name.strip_suffix("_yuan").map_or((name, false), |stem| (stem, true));
    let field = Field::of_name(name).unwrap_or_else(|| panic!("no field {name}"));
    match (field.shape(), value) {
        (_, Value::String(text)) if yuan => {
            builder.int(field, fen(text));
        }
        (Shape::Blob, Value::String(text)) => {
            builder.blob(field, &hex(text));
        }
        (_, Value::String(text)) => {
            builder.text(field, text);
        }
        (_, Value::Bool(b)) => {
            builder.bool(field, *b);
        }
        (_, Value::Number(n)) => {
            builder.int(field, n.as_i64().unwrap());
        }
        (shape, Value::Object(_)) => {
            builder.begin_struct(field);
            members(builder, shape, value);
        }
        (shape, Value::Array(items)) => {
            for item in items {
                match item {
                    Value::String(text) => {
                        builder.push_text(field, text);
                    }
                    Value::Number(n) => {
                        builder.push_int(field, n.as_i64().unwrap());
                    }
                    Value::Object(_) => {
                        builder.begin_entry(field);
                        members(builder, shape, item);
                    }
                    other => panic!("{name}: {other}"),
                }
            }
        }
        (_, other) => panic!("{name}: {other}"),
    }
}

fn members(builder: &mut VoucherBuilder, shape: Shape, item: &Value) {
    if shape == Shape::Rows {
        for (column, cell) in item.as_object().unwrap() {
            builder.cell(column, cell.as_str().unwrap());
        }
    }
    for (name, shape) in shape.members() {
        match (&item[*name], shape) {
            (Value::Null, _) => {}
            (Value::String(text), Shape::Blob) => {
                builder.member_blob(name, &hex(text));
            }
            (Value::String(text), _) => {
                builder.member_text(name, text);
            }
            (Value::Bool(b), _) => {
                builder.member_bool(name, *b);
            }
            (value, _) => {
                builder.member_int(name, value.as_i64().unwrap());
            }
        }
    }
}

/// The example file.
pub(crate) const EXAMPLE: &str = include_str!("../data/example.jsonl");

/// A ledger with the example's vouchers up to a date.
pub(crate) fn story_until(date: &str) -> World {
    let mut world = World::new();
    for voucher in read_json_lines(EXAMPLE) {
        if voucher.effective_date() <= date {
            world.posted(&voucher);
        }
    }
    world
}

/// All balances that are not zero.
pub(crate) fn balances(world: &World) -> BTreeMap<String, i64> {
    world
        .accounts
        .iter()
        .map(|(path, fen)| (path.to_owned(), fen))
        .filter(|(_, f)| *f != 0)
        .collect()
}
