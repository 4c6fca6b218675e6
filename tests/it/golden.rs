//! Golden bytes: one whole record of every kind, and the head and root of the ledger they stand in.
//!
//! Lives here: the ledger that holds every kind (`init`, `example.jsonl`, `every-kind.jsonl`, an accepted
//! rollback), the comparison with `tests/data/records.txt`, the way back from bytes to events to bytes.
//! Lives elsewhere: golden messages and digests by themselves (`proto`, `ledger`).
//!
//! Always: equal input gives equal bytes, so nothing here depends on clock, disk or order of answers. A kind
//! that is served and has no golden record is a failure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ledger::codec::Codec;
use ledger::event::Event;
use ledger::ids::Date;
use ledger::kind::Kind;
use mingzhang::keys::{Keys, hex};
use mingzhang::node::{self, Config};
use record::{
    BlockBuilder, Draft, ENVELOPE_BYTES, Genesis, Hash, Hex, Record, RecordError, Seal, Seq, system,
};

use crate::server::{ORIGIN, Server, mingzhang, organisations, post, reopen};

/// Seed of a synthetic ledger when none is given.
const SEED: u64 = 20_160_604;
/// `MINGZHANG_GOLDEN=records cargo test --test it golden` writes the file anew. A change of the views' version
/// shows in it as the seals' payloads and, since records are chained, as `prev` and `salt` of all that follow;
/// anything else that changes is a change of the format.
const ACCEPT: &str = "MINGZHANG_GOLDEN";
/// Bytes of a record on one line of the file.
const LINE_BYTES: usize = 64;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A ledger with a record of every kind that can arise in one, in order.
struct Ledger {
    records: Vec<Vec<u8>>,
    head: Hash,
}

/// `init`, both files, and a last voucher that is rolled back, so that this is acknowledged.
async fn ledger(dir: &Path) -> Ledger {
    let (data, old) = (dir.join("l"), dir.join("old"));
    let server = Server::fresh(&data).await;
    for name in ["example.jsonl", "every-kind.jsonl"] {
        let file = self::data(name);
        let run = mingzhang(&["post", file.to_str().unwrap(), "--to", &server.address]);
        assert!(run.status.success(), "{name}: {}", String::from_utf8_lossy(&run.stderr));
    }
    server.node().seal().await.unwrap();
    let backup = ["backup", "--data", data.to_str().unwrap(), "--out", old.to_str().unwrap()];
    assert!(mingzhang(&backup).status.success());
    let mut lost = organisations("LOST-1", [1]);
    "2017-08-07".clone_into(&mut lost.header.as_mut().unwrap().effective_date);
    server.posting().await.post_voucher(post(lost)).await.unwrap();
    server.node().seal().await.unwrap();
    server.stop().await;
    // The older log under the newer checkpoint.
    fs::remove_dir_all(data.join("segments")).unwrap();
    fs::remove_file(data.join("clean")).unwrap();
    fs::rename(old.join("segments"), data.join("segments")).unwrap();
    let why = Some("restored from the backup of 6 August".to_owned());
    let node = reopen(&Config { accept_rollback: why, ..Config::at(&data) }).unwrap();
    node.handle().seal().await.unwrap();
    tokio::task::spawn_blocking(move || node.stop().unwrap()).await.unwrap();
    assert!(mingzhang(&["verify", data.to_str().unwrap(), "--strict"]).status.success());

    let offline = node::read_only(&data).unwrap();
    let mut records = Vec::new();
    for block in journal::Reader::blocks(&offline.reader, Seq(0)) {
        records.extend(block.unwrap().records().map(|record| record.bytes().to_vec()));
    }
    Ledger { records, head: offline.opened.head.hash }
}

fn salt_key() -> [u8; 32] {
    Keys::synthetic(SEED, ORIGIN).unwrap().salt
}

/// The format's own kinds that no command of this version writes, each as the record that could come next.
fn not_written_yet(ledger: &Ledger) -> Vec<Vec<u8>> {
    let last = Record::parse(ledger.records.last().unwrap()).unwrap();
    let vkey = |seed| tlog::Signer::from_seed(ORIGIN, &[seed; 32]).unwrap().vkey().to_string();
    let (new_vkey, retired_vkey) = (vkey(1), vkey(2));
    let (root, head) = ([0xa5; 32], [0x5a; 32]);
    [
        (system::KEY_CHANGED, system::KeyChanged { new_vkey, retired_vkey }.encode()),
        (system::FORMAT_RAISED, system::FormatRaised { reader_version: 2 }.encode()),
        (system::ATTEMPTS_ANCHORED, system::AttemptsAnchored { size: 300, root, head }.encode()),
    ]
    .iter()
    .map(|(kind, payload)| {
        let mut draft = Draft::new();
        draft.push(*kind, last.date(), &[], payload).unwrap();
        sealed(&draft, last.seq().next(), ledger.head, last.time_ms())
    })
    .collect()
}

/// The one record of a draft at its place in the log.
fn sealed(draft: &Draft, seq: Seq, prev: Hash, time_ms: u64) -> Vec<u8> {
    let mut builder = BlockBuilder::start(1, seq, prev, salt_key());
    builder.append(draft, time_ms);
    builder.body().to_vec()
}

/// Makes a record again from what it says.
fn again(record: &Record<'_>) -> Vec<u8> {
    let mut draft = Draft::new();
    let payload = record.payload();
    let own = match record.kind() {
        system::GENESIS => Some(Genesis::decode(payload).unwrap().encode()),
        system::SEAL => Some(Seal::decode(payload).unwrap().encode()),
        system::KEY_CHANGED => Some(system::KeyChanged::decode(payload).unwrap().encode()),
        system::FORMAT_RAISED => Some(system::FormatRaised::decode(payload).unwrap().encode()),
        system::ATTEMPTS_ANCHORED => {
            Some(system::AttemptsAnchored::decode(payload).unwrap().encode())
        }
        system::ROLLBACK_ACKNOWLEDGED => {
            Some(system::RollbackAcknowledged::decode(payload).unwrap().encode())
        }
        _ => None,
    };
    if let Some(payload) = own {
        draft.push(record.kind(), record.date(), &[], &payload).unwrap();
    } else {
        let mut codec = Codec::new();
        let entry = codec.decode(record).unwrap();
        codec.encode(&entry, Date(record.date()), &mut draft).unwrap();
    }
    sealed(&draft, record.seq(), record.prev(), record.time_ms())
}

/// Fields of the envelope. Source: `docs/format.md`, the record.
#[rustfmt::skip]
const ENVELOPE: [(&str, Range<usize>); 12] = [
    ("len", 0..2), ("version", 2..3), ("legs", 3..4), ("kind", 4..6), ("legs_len", 6..8), ("seq", 8..16),
    ("time_ms", 16..24), ("prev", 24..56), ("part", 56..58), ("parts", 58..60), ("date", 60..64),
    ("salt", 64..ENVELOPE_BYTES),
];

/// A record taken apart, in the order of its bytes: name of the part, and what stands there.
fn parts(bytes: &[u8]) -> Result<Vec<(String, String)>, RecordError> {
    let record = Record::parse(bytes)?;
    let mut parts: Vec<(String, String)> =
        ENVELOPE.iter().map(|(name, at)| ((*name).to_owned(), hex(&bytes[at.clone()]))).collect();
    for (i, leg) in record.legs().enumerate() {
        parts.push((format!("leg {i}"), format!("{} {}", leg.path, leg.fen)));
    }
    parts.push(("payload".to_owned(), hex(record.payload())));
    Ok(parts)
}

/// Says where two records part: the first difference with both sides, the others by name.
fn difference(found: &[u8], golden: &[u8]) -> String {
    let (found, golden) = match (parts(found), parts(golden)) {
        (Ok(found), Ok(golden)) => (found, golden),
        (Err(error), _) => return format!("what was found is no record: {error}"),
        (_, Err(error)) => return format!("the golden bytes are no record: {error}"),
    };
    let names = golden.iter().chain(&found).map(|(name, _)| name.clone());
    let of = |side: &[(String, String)], name: &str| {
        side.iter().find(|(part, _)| part == name).map_or("nothing".to_owned(), |(_, v)| v.clone())
    };
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) && of(&found, &name) != of(&golden, &name) {
            seen.push(name);
        }
    }
    let Some(first) = seen.first() else { return "no part".to_owned() };
    let mut text =
        format!("{first} first: found {}, golden {}", of(&found, first), of(&golden, first));
    if 1 < seen.len() {
        write!(text, "; also {}", seen[1..].join(", ")).unwrap();
    }
    text
}

/// The file: a record a kind with number, name, position and bytes; the end of the log behind them.
struct Golden {
    records: BTreeMap<u16, Vec<u8>>,
    end: Vec<String>,
}

impl Golden {
    fn read(text: &str) -> Self {
        let (mut kinds, mut end) = (BTreeMap::<u16, String>::new(), Vec::new());
        let mut kind = 0;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(digits) = line.strip_prefix("  ") {
                kinds.get_mut(&kind).unwrap().push_str(digits);
            } else if line.starts_with(|first: char| first.is_ascii_digit()) {
                kind = line.split(' ').next().unwrap().parse().unwrap();
                assert!(kinds.insert(kind, String::new()).is_none(), "two records of kind {kind}");
            } else {
                end.push(line.to_owned());
            }
        }
        let bytes = |digits: &String| -> Vec<u8> {
            let digit = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
            (0..digits.len()).step_by(2).map(digit).collect()
        };
        Self { records: kinds.iter().map(|(kind, hex)| (*kind, bytes(hex))).collect(), end }
    }

    fn text(&self) -> String {
        let mut out = format!(
            "# The first record of each kind: number, name, position, then its bytes in hex ({ACCEPT}=records).\n\
             # Kinds 3 to 5 are written by no command yet: each is what could come next.\n"
        );
        for (kind, bytes) in &self.records {
            let name = record::kind_name(*kind).unwrap();
            let seq = Record::parse(bytes).unwrap().seq();
            writeln!(out, "{kind} {name} {seq}").unwrap();
            for line in bytes.chunks(LINE_BYTES) {
                writeln!(out, "  {}", hex(line)).unwrap();
            }
        }
        out + &self.end.join("\n") + "\n"
    }
}

fn found(ledger: &Ledger) -> Golden {
    let mut records = BTreeMap::new();
    for bytes in ledger.records.iter().cloned().chain(not_written_yet(ledger)) {
        records.entry(Record::parse(&bytes).unwrap().kind()).or_insert(bytes);
    }
    let mut tree = tlog::Frontier::new();
    ledger.records.iter().for_each(|bytes| tree.push(tlog::tree::leaf_hash(bytes)));
    let end = vec![
        format!("head {}", Hex(&ledger.head)),
        format!("root {} {}", tree.size(), Hex(&tree.root())),
    ];
    Golden { records, end }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_record_of_every_kind_has_its_golden_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(dir.path()).await;
    let found = found(&ledger);
    let path = data("records.txt");
    if std::env::var(ACCEPT).is_ok_and(|what| what == "records") {
        fs::write(&path, found.text()).unwrap();
    }
    let served = Kind::ALL.iter().filter(|kind| Event::serves(**kind)).map(|kind| kind.number());
    let missing: Vec<u16> = (system::GENESIS..=system::ROLLBACK_ACKNOWLEDGED)
        .chain(served)
        .filter(|kind| !found.records.contains_key(kind))
        .collect();
    assert!(missing.is_empty(), "no record of kinds {missing:?}: add lines to every-kind.jsonl");

    let golden = Golden::read(&fs::read_to_string(&path).unwrap());
    let mut differ = Vec::new();
    for (kind, bytes) in &found.records {
        let name = record::kind_name(*kind).unwrap();
        match golden.records.get(kind) {
            None => differ.push(format!("{kind} {name}: there is no golden record")),
            Some(golden) if golden != bytes => {
                differ.push(format!("{kind} {name}: {}", difference(bytes, golden)));
            }
            Some(_) => {}
        }
    }
    let gone = golden.records.keys().filter(|kind| !found.records.contains_key(kind));
    differ.extend(gone.map(|kind| format!("{kind}: the ledger holds none")));
    if golden.end != found.end {
        differ.push(format!("found {:?}, golden {:?}", found.end, golden.end));
    }
    let path = path.display();
    assert!(differ.is_empty(), "{path} ({ACCEPT}=records accepts):\n{}", differ.join("\n"));
}

/// What was written once is read for ever, and one event has one spelling: this holds for the golden bytes
/// by themselves, whatever today's ledger makes of the same vouchers.
#[test]
fn golden_records_are_read_and_written_again_byte_for_byte() {
    let golden = Golden::read(&fs::read_to_string(data("records.txt")).unwrap());
    for (kind, bytes) in &golden.records {
        let record = Record::parse(bytes).unwrap();
        assert_eq!(record.kind(), *kind);
        let mut again = again(&record);
        // The line of a voucher was made again alone.
        let place = ENVELOPE.iter().filter(|(name, _)| name.starts_with("part"));
        place.for_each(|(_, at)| again[at.clone()].copy_from_slice(&bytes[at.clone()]));
        let name = record::kind_name(*kind).unwrap();
        assert!(again == *bytes, "{kind} {name}: {}", difference(&again, bytes));
    }
}

#[test]
fn a_difference_names_the_part() {
    let golden = Golden::read(&fs::read_to_string(data("records.txt")).unwrap());
    let bytes = &golden.records[&Kind::DisbursedToHousehold.number()];
    let changed = |at: usize| {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        difference(&changed, bytes)
    };
    assert!(changed(16).starts_with("time_ms first: found "), "{}", changed(16));
    assert!(changed(70).starts_with("salt first: "), "{}", changed(70));
    // A letter of the first path, and the last byte of all.
    assert!(changed(ENVELOPE_BYTES + 14).starts_with("leg 0 first: "), "{}", changed(94));
    assert!(changed(bytes.len() - 1).starts_with("payload first: "));
    assert_eq!(difference(bytes, bytes), "no part");
}
