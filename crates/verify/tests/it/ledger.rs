//! Small true ledgers, and what somebody with an editor and a hash function makes of them.

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use record::{
    Accounts, BlockBuilder, BlockHeader, Draft, Genesis, Hash, Record, Seal, SegmentHeader, Seq,
    ZERO_HASH, chain_hash, log_id, system, views_digest,
};
use tempfile::TempDir;
use tlog::tree::leaf_hash;
use tlog::{Checkpoint, Frontier, Signer};
use verify::{Options, Report, verify};

pub(crate) const ORIGIN: &str = "ledger.example/gd";
/// 2016-11-21 in days since 1970-01-01, and noon of that day in China.
pub(crate) const DATE: u32 = 17_126;
pub(crate) const NOON_MS: u64 = 1_479_700_800_000;
pub(crate) const SEGMENT: &str = "segments/00000000000000000000.mzs";
pub(crate) const HEADER: usize = 4_096;
/// Size of a test's segment file.
pub(crate) const SIZE: usize = 24 << 10;

/// Blocks of records: bytes that can be changed at will.
#[derive(Clone)]
pub(crate) struct Ledger {
    pub(crate) blocks: Vec<Vec<Vec<u8>>>,
}

pub(crate) fn signer() -> Signer {
    Signer::from_seed(ORIGIN, &[7; 32]).unwrap()
}

/// The legs of one line.
pub(crate) type Legs<'a> = &'a [(&'a str, i64)];

impl Ledger {
    /// A genesis and nothing else.
    pub(crate) fn new() -> Self {
        let genesis = Genesis {
            origin: ORIGIN.into(),
            vkeys: vec![signer().vkey().to_string()],
            format_version: 1,
            synthetic: true,
            seed: 20_160_604,
            ..Genesis::default()
        };
        let mut ledger = Self { blocks: Vec::new() };
        ledger.system(system::GENESIS, &genesis.encode());
        ledger
    }

    /// Eleven records: money planned, issued, released, sent, received and paid, sealed twice.
    pub(crate) fn sample() -> Self {
        let mut ledger = Self::new();
        ledger.voucher(&[
            &[("Q.plan.H.4414", -900_000), ("Q.owed.H.4414", 900_000)],
            &[("Q.owed.H.4414", -500_000), ("Q.quota.441424.Q16", 500_000)],
        ]);
        ledger.seal();
        ledger.voucher(&[
            &[("Q.quota.441424.Q16", -400_000), ("Q.quota.441424901201.Q16", 400_000)],
            &[("C.src.H.4401.Q16", -450_000), ("C.way.441424901201.Q16", 450_000)],
            &[("C.way.441424901201.Q16", -440_000), ("C.hold.441424901201.Q16", 440_000)],
            &[
                ("C.hold.441424901201.Q16", -300_000),
                ("C.hh.44142490120100013", 300_000),
                ("Q.quota.441424901201.Q16", -300_000),
                ("Q.used.441424901201.Q16", 300_000),
            ],
        ]);
        ledger.seal();
        ledger
    }

    pub(crate) fn records(&self) -> Vec<Vec<u8>> {
        self.blocks.concat()
    }

    pub(crate) fn len(&self) -> u64 {
        self.records().len() as u64
    }

    pub(crate) fn head(&self) -> Hash {
        self.records().last().map_or(ZERO_HASH, |record| chain_hash(record))
    }

    pub(crate) fn root_at(&self, size: u64) -> Hash {
        let mut tree = Frontier::new();
        self.records().iter().take(size as usize).for_each(|r| tree.push(leaf_hash(r)));
        tree.root()
    }

    fn append(&mut self, draft: &Draft, time_ms: u64) {
        let mut builder = BlockBuilder::start(1, Seq(self.len()), self.head(), [9; 32]);
        builder.append(draft, time_ms);
        let block = builder.finish();
        self.blocks.push(block.records().map(|record| record.bytes().to_vec()).collect());
    }

    /// A block of one of the format's own records.
    pub(crate) fn system(&mut self, kind: u16, payload: &[u8]) {
        let mut draft = Draft::new();
        draft.push(kind, DATE, &[], payload).unwrap();
        self.append(&draft, NOON_MS + self.len());
    }

    /// A block of one voucher: its header record, and a record a line.
    pub(crate) fn voucher(&mut self, lines: &[Legs<'_>]) {
        let mut draft = Draft::new();
        draft.push(300, DATE, &[], b"header").unwrap();
        for legs in lines {
            draft.push(330, DATE, legs, b"payload").unwrap();
        }
        self.append(&draft, NOON_MS + self.len());
    }

    /// A seal that tells the truth.
    pub(crate) fn seal(&mut self) {
        let payload = self.true_seal(self.len());
        self.system(system::SEAL, &payload);
    }

    fn true_seal(&self, size: u64) -> Vec<u8> {
        let mut accounts = Accounts::new();
        for record in self.records().iter().take(size as usize) {
            if let Ok(record) = Record::parse(record) {
                // A tampered ledger may not be one that accounts take.
                drop(accounts.apply_record(&record));
            }
        }
        let accounts = accounts.digest();
        let views = views_digest(&[(1, accounts)]);
        Seal { root: self.root_at(size), accounts, views, version: 1 }.encode()
    }

    /// Gives every record the position, and the `prev` that its neighbours ask for.
    pub(crate) fn rechain(&mut self) {
        let (mut seq, mut prev) = (0_u64, ZERO_HASH);
        for record in self.blocks.iter_mut().flatten() {
            record[8..16].copy_from_slice(&seq.to_le_bytes());
            record[24..56].copy_from_slice(&prev);
            (seq, prev) = (seq + 1, chain_hash(record));
        }
    }

    /// Rewrites chain and seals: what somebody with all the time in the world would do.
    pub(crate) fn reseal(&mut self) {
        self.rechain();
        for number in 0..self.blocks.len() {
            if u16::from_le_bytes(self.blocks[number][0][4..6].try_into().unwrap()) == system::SEAL
            {
                let size: usize = self.blocks[..number].iter().map(Vec::len).sum();
                let payload = self.true_seal(size as u64);
                let at = self.blocks[number][0].len() - payload.len();
                self.blocks[number][0][at..].copy_from_slice(&payload);
                self.rechain();
            }
        }
    }

    /// Frames the blocks, with headers that agree with their records.
    pub(crate) fn frames(&self) -> Vec<Vec<u8>> {
        self.blocks.iter().map(|records| frame(records, |_| ())).collect()
    }

    /// Writes a data directory with one segment.
    pub(crate) fn write(&self) -> Dir {
        Dir::new(&[segment(0, 0, ZERO_HASH, &self.frames().concat())])
    }

    /// Signs a checkpoint of these records.
    pub(crate) fn checkpoint(&self, size: u64) -> String {
        let root = self.root_at(size);
        let text = Checkpoint { origin: ORIGIN.into(), size, root }.text();
        tlog::note::sign_note(&text, &[&signer()])
    }
}

/// Frames records back to back; `change` makes the header lie.
pub(crate) fn frame(records: &[Vec<u8>], change: impl Fn(&mut BlockHeader)) -> Vec<u8> {
    let body = records.concat();
    let mut header = BlockHeader {
        first_seq: Seq(u64::from_le_bytes(records[0][8..16].try_into().unwrap())),
        count: records.len() as u32,
        body_len: body.len() as u32,
        epoch: 1,
        prev_head: records[0][24..56].try_into().unwrap(),
        head: chain_hash(records.last().unwrap()),
        body_crc: crc32c::crc32c(&body),
    };
    change(&mut header);
    let mut frame = [&header.encode()[..], &body].concat();
    frame.resize(frame.len().next_multiple_of(8), 0);
    frame
}

/// A segment file: header, frames, zeros.
pub(crate) fn segment(number: u64, first_seq: u64, prev: Hash, frames: &[u8]) -> Vec<u8> {
    let header = SegmentHeader {
        file_size: SIZE as u32,
        first_seq: Seq(first_seq),
        number,
        prev,
        log_id: log_id(ORIGIN),
        epoch: 1,
    };
    let mut bytes = [&header.encode()[..], frames].concat();
    assert!(bytes.len() <= SIZE, "{} bytes do not fit", bytes.len());
    bytes.resize(SIZE, 0);
    bytes
}

/// A record of any field values, right or wrong.
pub(crate) fn raw_record(kind: u16, group: (u16, u16), legs: Legs<'_>, payload: &[u8]) -> Vec<u8> {
    let mut leg_bytes = Vec::new();
    for (path, fen) in legs {
        leg_bytes.extend(fen.to_le_bytes());
        leg_bytes.push(path.len() as u8);
        leg_bytes.extend(path.as_bytes());
    }
    let mut out = vec![0; 80];
    out[2] = 1;
    out[3] = legs.len() as u8;
    out[4..6].copy_from_slice(&kind.to_le_bytes());
    out[6..8].copy_from_slice(&(leg_bytes.len() as u16).to_le_bytes());
    out[16..24].copy_from_slice(&(NOON_MS + 100).to_le_bytes());
    out[56..58].copy_from_slice(&group.0.to_le_bytes());
    out[58..60].copy_from_slice(&group.1.to_le_bytes());
    out[60..64].copy_from_slice(&DATE.to_le_bytes());
    out[64..80].copy_from_slice(&[5; 16]);
    out.extend(leg_bytes);
    out.extend(payload);
    let len = (out.len() as u16).to_le_bytes();
    out[..2].copy_from_slice(&len);
    out
}

/// A data directory that is gone after the test.
pub(crate) struct Dir(pub(crate) TempDir);

impl Dir {
    /// Writes segment files, each named by the position in its header.
    pub(crate) fn new(segments: &[Vec<u8>]) -> Self {
        let dir = Self(tempfile::tempdir().unwrap());
        fs::create_dir(dir.path("segments")).unwrap();
        for bytes in segments {
            let first_seq = u64::from_le_bytes(bytes[16..24].try_into().unwrap());
            dir.put(&format!("segments/{first_seq:020}.mzs"), bytes);
        }
        dir
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn get(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Changes the bytes of the first segment.
    pub(crate) fn edit(&self, change: impl Fn(&mut Vec<u8>)) {
        let mut bytes = self.get(SEGMENT);
        change(&mut bytes);
        self.put(SEGMENT, bytes);
    }

    pub(crate) fn options(&self) -> Options {
        let threads = NonZeroUsize::new(1);
        Options { path: self.0.path().to_owned(), threads, ..Options::default() }
    }

    pub(crate) fn verify(&self) -> Report {
        verify(&self.options())
    }
}

/// Asserts that all holds.
pub(crate) fn holds(report: &Report) {
    assert!(report.ok(), "{}", report.text(false));
    assert!(report.checks.iter().all(|check| check.ok != Some(false)), "{}", report.text(false));
}

/// Asserts that one check fails, first, at this record, with these words.
#[track_caller]
pub(crate) fn fails(report: &Report, check: &str, seq: Option<u64>, words: &str) {
    let text = report.text(false);
    let failure = report.failure.as_ref().expect("a failure");
    assert_eq!((report.exit_code(), failure.check, failure.seq), (1, check, seq), "{text}");
    assert!(failure.what.contains(words), "{words:?} not in: {text}");
    assert!(!failure.expected.is_empty() && !failure.found.is_empty(), "{text}");
    let noted = report.checks.iter().find(|noted| noted.name == check);
    assert_ne!(noted.map(|noted| noted.ok), Some(Some(true)), "{text}");
}
