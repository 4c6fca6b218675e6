//! A data directory that is locked, missing, of a newer format, damaged, rolled back or of another ledger: what
//! each command answers, and that it wrote nothing.
//!
//! Lives here: one table of ways in which a directory is wrong, run by every command that opens one.
//! Lives elsewhere: every single damage of a segment (`journal`, `verify`), torn tails, which are no damage
//! (`tests/crash`).
//!
//! Always: whatever is refused leaves names, sizes, bytes, modes and times of all files as they were, `LOCK` and
//! what is derived included.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use journal::RealDisk;
use journal::segments::lock_directory;
use mingzhang::node;
use record::{
    BLOCK_HEADER_BYTES, BlockBuilder, BlockHeader, Draft, SEGMENT_HEADER_BYTES, SegmentHeader,
    system,
};

use crate::server::{ORIGIN, Server, mingzhang, organisations, post};

/// The commands that open a data directory. `verify` judges it, `serve` writes into it, the others read it.
const COMMANDS: [(&str, &[&str]); 9] = [
    ("serve", &["serve", "--listen", "127.0.0.1:0", "--data", "DIR"]),
    ("verify", &["verify", "DIR"]),
    ("rebuild", &["rebuild", "--data", "DIR"]),
    ("rebuild --full", &["rebuild", "--full", "--data", "DIR"]),
    ("balance", &["balance", "city", "4414", "--data", "DIR"]),
    ("history", &["history", "household", HOUSEHOLD, "--data", "DIR"]),
    ("log", &["log", "--data", "DIR"]),
    ("checkpoint", &["checkpoint", "--data", "DIR"]),
    ("backup", &["backup", "--data", "DIR", "--out", "OUT"]),
];

/// A household of the ledgers' registry.
const HOUSEHOLD: &str = "44142490120100013";
const REGISTRY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/example-registry.jsonl");

/// What a command answers.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// It does what it is for.
    Done,
    /// It refuses with this exit code, and this code where it has one.
    Refused(u8, &'static str),
    /// The answer is no, with this in the report.
    Tampered(&'static str),
}
use Answer::{Done, Refused, Tampered};

/// Size of the segments: a page per case is copied and compared often.
const SEGMENT_BYTES: u32 = 256 << 10;
const SEGMENT: &str = "segments/00000000000000000000.mzs";

/// A ledger that is whole and was closed properly, and those that it is mixed up with.
struct Ledgers {
    dir: tempfile::TempDir,
}

impl Ledgers {
    async fn make() -> Self {
        let made = Self { dir: tempfile::tempdir().unwrap() };
        for (name, origin) in [("whole", ORIGIN), ("fork", ORIGIN), ("other", "other.example/x")] {
            let data = made.path(name);
            let path = data.to_str().unwrap();
            let run = mingzhang(&["init", "--data", path, "--origin", origin, "--synthetic"]);
            assert!(run.status.success());
            if name == "whole" {
                let old = made.path("old");
                let old = ["backup", "--data", path, "--out", old.to_str().unwrap()];
                assert!(mingzhang(&old).status.success());
            }
            let server = Server::start(&data).await;
            // The same number for another organisation: the histories part here.
            let voucher = organisations("D-1", [u32::from(name == "fork")]);
            server.posting().await.post_voucher(post(voucher)).await.unwrap();
            assert!(mingzhang(&["post", REGISTRY, "--to", &server.address]).status.success());
            server.node().seal().await.unwrap();
            server.stop().await;
        }
        for name in ["whole", "old", "fork", "other"] {
            edit(&made.path(name), shrink);
        }
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Puts a part of another of the ledgers into a directory, in place of its own.
    fn put(&self, from: &str, part: &str, data: &Path) {
        let (from, to) = (self.path(from).join(part), data.join(part));
        if from.is_dir() {
            fs::remove_dir_all(&to).unwrap();
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap().path();
        let to = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            copy(&entry, &to);
        } else {
            fs::copy(&entry, &to).unwrap();
        }
    }
}

pub(crate) fn edit(data: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(data.join(SEGMENT)).unwrap();
    change(&mut bytes);
    fs::write(data.join(SEGMENT), bytes).unwrap();
}

fn change_header(segment: &mut [u8], change: impl FnOnce(&mut SegmentHeader)) {
    let mut header = SegmentHeader::decode(segment).unwrap();
    change(&mut header);
    segment[..SEGMENT_HEADER_BYTES].copy_from_slice(&header.encode());
}

fn shrink(segment: &mut Vec<u8>) {
    segment.truncate(usize::try_from(SEGMENT_BYTES).unwrap());
    change_header(segment, |header| header.file_size = SEGMENT_BYTES);
    assert!(end(segment) < segment.len());
}

/// The blocks of a segment, and where each begins.
fn blocks(segment: &[u8]) -> Vec<(usize, BlockHeader)> {
    let (mut at, mut found) = (SEGMENT_HEADER_BYTES, Vec::new());
    while let Ok(header) = BlockHeader::decode(&segment[at..]) {
        found.push((at, header));
        at += header.frame_bytes();
    }
    found
}

/// The last block, where a number of a block is asked for.
pub(crate) const LAST: usize = usize::MAX;

pub(crate) fn block(segment: &[u8], nth: usize) -> (usize, BlockHeader) {
    let all = blocks(segment);
    all[nth.min(all.len() - 1)]
}

fn end(segment: &[u8]) -> usize {
    let (at, header) = block(segment, LAST);
    at + header.frame_bytes()
}

/// Changes the body of a block so that its checksums hold.
fn change_block(segment: &mut [u8], nth: usize, change: impl FnOnce(&mut [u8])) {
    let (at, mut header) = block(segment, nth);
    let body = &mut segment[at + BLOCK_HEADER_BYTES..][..header.body_bytes()];
    change(body);
    header.body_crc = crc32c::crc32c(body);
    segment[at..at + BLOCK_HEADER_BYTES].copy_from_slice(&header.encode());
}

fn flip(segment: &mut [u8], nth: usize, offset: usize) {
    let (at, _) = block(segment, nth);
    segment[at + offset] ^= 1;
}

/// Appends a record after which only a newer version may read on.
fn raise_format(segment: &mut [u8]) {
    let (end, (_, last)) = (end(segment), block(segment, LAST));
    let mut draft = Draft::new();
    let payload = system::FormatRaised { reader_version: 2 }.encode();
    draft.push(system::FORMAT_RAISED, 0, &[], &payload).unwrap();
    let mut builder = BlockBuilder::start(last.epoch, last.last_seq().next(), last.head, [7; 32]);
    builder.append(&draft, 1_500_000_000_000);
    let block = builder.finish();
    segment[end..end + block.frame().len()].copy_from_slice(block.frame());
}

pub(crate) fn unmark(data: &Path) {
    fs::remove_file(data.join("clean")).unwrap();
}

/// A way in which a directory is wrong.
struct Case {
    name: &'static str,
    /// Makes it so of a copy of the whole ledger; a lock is held as long as the commands run.
    spoil: fn(&Ledgers, &Path) -> Option<journal::Lock>,
    serve: Answer,
    verify: Answer,
    /// Of all commands that only read.
    read: Answer,
    /// Of those among them that build the tree.
    tree: Answer,
}

macro_rules! case {
    ($name:literal, $serve:expr, $verify:expr, $read:expr, |$ledgers:pat_param, $data:pat_param| $spoil:expr) => {
        Case {
            name: $name,
            spoil: |$ledgers, $data| {
                let () = $spoil;
                None
            },
            serve: $serve,
            verify: $verify,
            read: $read,
            tree: $read,
        }
    };
}

const ABSENT: Answer = Refused(2, "MZ-9008");
const NEWER: Answer = Refused(2, "MZ-9006");
const DAMAGED: Answer = Refused(1, "MZ-9004");
const ROLLED_BACK: Answer = Refused(1, "MZ-9007");
const BOTH_POSITIONS: &str = " records, the checkpoint speaks of 1";
/// The keys cannot be used, for which there is no code of its own.
const KEYS: Answer = Refused(2, "");

/// A directory that is locked, absent or of a newer format is exit 2, one that is damaged or rolled back 1.
/// Readers take no lock and read no key.
fn cases() -> Vec<Case> {
    let mut cases = vec![
        case!("whole", Done, Done, Done, |_, _| ()),
        Case {
            name: "locked",
            spoil: |_, data| Some(lock_directory(&RealDisk::new(data), "").unwrap()),
            serve: Refused(2, "MZ-9005"),
            verify: Done,
            read: Done,
            tree: Done,
        },
        case!("missing", ABSENT, ABSENT, ABSENT, |_, data| fs::remove_dir_all(data).unwrap()),
        case!("empty", ABSENT, ABSENT, ABSENT, |_, data| {
            fs::remove_dir_all(data).unwrap();
            fs::create_dir(data).unwrap();
        }),
        case!("newer segment", NEWER, NEWER, NEWER, |_, data| edit(data, |bytes| bytes[7] = 2)),
        case!("newer record", NEWER, NEWER, NEWER, |_, data| {
            edit(data, |bytes| change_block(bytes, 2, |body| body[2] = 2));
        }),
        case!("newer record at the end", NEWER, NEWER, NEWER, |_, data| {
            edit(data, |bytes| change_block(bytes, LAST, |body| body[2] = 2));
        }),
    ];
    cases.extend(damaged());
    cases.extend(rolled_back_or_of_another());
    cases.extend(mixed_up());
    cases
}

fn damaged() -> Vec<Case> {
    vec![
        case!("byte of a block", DAMAGED, Tampered("record 16 "), DAMAGED, |_, data| {
            edit(data, |bytes| flip(bytes, 2, BLOCK_HEADER_BYTES + 90));
        }),
        case!("byte of the last block", DAMAGED, Tampered("was changed"), DAMAGED, |_, data| {
            edit(data, |bytes| flip(bytes, LAST, BLOCK_HEADER_BYTES + 90));
        }),
        case!(
            "the same, stopped uncleanly",
            DAMAGED,
            Tampered("was changed"),
            DAMAGED,
            |_, data| {
                edit(data, |bytes| flip(bytes, LAST, BLOCK_HEADER_BYTES + 90));
                unmark(data);
            }
        ),
        // The first four bytes of a block carry no version: what differs there is damage.
        case!("magic of a block", DAMAGED, Tampered("no block begins here"), DAMAGED, |_, data| {
            edit(data, |bytes| flip(bytes, LAST, 3));
        }),
        case!("segment header", DAMAGED, Tampered("segment header"), DAMAGED, |_, data| {
            edit(data, |bytes| bytes[40] ^= 1);
        }),
        case!("segment cut off", DAMAGED, Tampered("file_size"), DAMAGED, |_, data| {
            edit(data, |bytes| bytes.truncate(20_000));
        }),
        case!("last block gone", DAMAGED, Tampered("clean stop"), DAMAGED, |_, data| {
            edit(data, |bytes| {
                let (at, _) = block(bytes, LAST);
                bytes[at..].fill(0);
            });
            fs::remove_dir_all(data.join("published")).unwrap();
        }),
        case!("bytes behind a clean end", DAMAGED, Tampered("clean stop"), DAMAGED, |_, data| {
            edit(data, |bytes| {
                let end = end(bytes);
                bytes[end..end + 3].fill(1);
            });
        }),
        case!("marker of a clean stop", DAMAGED, Tampered("clean stop"), DAMAGED, |_, data| {
            fs::write(data.join("clean"), "nonsense").unwrap();
        }),
    ]
}

/// A reader holds the log against the newest published checkpoint by origin and size; who builds the tree does
/// so by root.
fn rolled_back_or_of_another() -> Vec<Case> {
    let other_history =
        case!("other history", ROLLED_BACK, Tampered("our root at"), Done, |ledgers, data| {
            ledgers.put("fork", "segments", data);
            ledgers.put("fork", "clean", data);
        });
    vec![
        case!(
            "older log",
            ROLLED_BACK,
            Tampered("rolled back: 73 "),
            ROLLED_BACK,
            |ledgers, data| {
                ledgers.put("old", "segments", data);
                unmark(data);
            }
        ),
        Case { tree: ROLLED_BACK, ..other_history },
        case!(
            "log of another ledger",
            KEYS,
            Tampered("origin is other"),
            DAMAGED,
            |ledgers, data| {
                ledgers.put("other", "segments", data);
                ledgers.put("other", "clean", data);
            }
        ),
        case!("keys of another ledger", KEYS, Done, Done, |ledgers, data| {
            ledgers.put("other", "keys", data);
        }),
        case!(
            "checkpoints of another ledger",
            ROLLED_BACK,
            Tampered("other.example/x expected"),
            DAMAGED,
            |ledgers, data| ledgers.put("other", "published", data)
        ),
    ]
}

/// Parts of other ledgers, and what is seen before anything is replayed or rewritten.
fn mixed_up() -> Vec<Case> {
    vec![
        case!("log id of another ledger", DAMAGED, Tampered("log id"), DAMAGED, |ledgers, data| {
            let other = fs::read(ledgers.path("other").join(SEGMENT)).unwrap();
            let log_id = SegmentHeader::decode(&other).unwrap().log_id;
            edit(data, |bytes| change_header(bytes, |header| header.log_id = log_id));
        }),
        // The keys are looked at before the tail is rewritten.
        case!("keys of another ledger, stopped uncleanly", KEYS, Done, Done, |ledgers, data| {
            ledgers.put("other", "keys", data);
            unmark(data);
        }),
        case!(
            "published checkpoint",
            DAMAGED,
            Tampered("published/checkpoint"),
            DAMAGED,
            |_, data| {
                fs::write(data.join("published/checkpoint"), "nonsense").unwrap();
            }
        ),
        case!("a file", ABSENT, ABSENT, ABSENT, |_, data| {
            fs::remove_dir_all(data).unwrap();
            fs::write(data, "a file").unwrap();
        }),
        case!("no segments", ROLLED_BACK, Tampered("rolled back"), ROLLED_BACK, |_, data| {
            fs::remove_dir_all(data.join("segments")).unwrap();
        }),
    ]
}

/// Everything below a path: size, time of the last change in nanoseconds, mode, hash of the content.
type Files = BTreeMap<PathBuf, (u64, i128, u32, String)>;

fn files(path: &Path) -> Files {
    let (mut found, mut left) = (Files::new(), vec![path.to_owned()]);
    while let Some(path) = left.pop() {
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        let changed = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
        let hash = if meta.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            String::new()
        } else {
            blake3::hash(&fs::read(&path).unwrap()).to_string()
        };
        found.insert(path, (meta.len(), changed, meta.mode(), hash));
    }
    found
}

/// What differs between two looks.
fn changes(before: &Files, after: &Files) -> Vec<String> {
    let paths = before.keys().chain(after.keys().filter(|path| !before.contains_key(*path)));
    paths
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| path.display().to_string())
        .collect()
}

/// A command on a directory, and what came of it.
struct Run {
    command: &'static str,
    wanted: Answer,
    data: PathBuf,
    /// `None`: it went on to serve.
    exit: Option<i32>,
    stdout: String,
    stderr: String,
    changed: Vec<String>,
    /// `backup` made its folder.
    made: bool,
}

impl Run {
    fn new(command: (&'static str, &[&str]), wanted: Answer, data: &Path, out: &Path) -> Self {
        let (command, args) = command;
        let args = args.iter().map(|arg| match *arg {
            "DIR" => data.as_os_str(),
            "OUT" => out.as_os_str(),
            arg => arg.as_ref(),
        });
        let before = files(data);
        let mut process = Command::new(env!("CARGO_BIN_EXE_mingzhang"))
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let (mut stdout, mut stderr) = (String::new(), String::new());
        output.read_line(&mut stdout).unwrap();
        let serves = stdout.starts_with("listening on ");
        if serves {
            process.kill().unwrap();
        }
        output.read_to_string(&mut stdout).unwrap();
        process.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let status = process.wait().unwrap();
        let exit = if serves { None } else { status.code() };
        let changed = changes(&before, &files(data));
        Self {
            command,
            wanted,
            data: data.to_owned(),
            exit,
            stdout,
            stderr,
            changed,
            made: out.exists(),
        }
    }

    /// Whether exit code, code and next step are as laid down, and nothing was written.
    fn is_as_laid_down(&self) -> bool {
        let serves = self.command == "serve";
        let answered = match self.wanted {
            Done => self.exit == if serves { None } else { Some(0) },
            Tampered(what) => self.exit == Some(1) && self.stdout.contains(what),
            Refused(exit, code) => {
                let code = if code.is_empty() { String::new() } else { format!("[{code}]: ") };
                self.exit == Some(i32::from(exit))
                    && self.stdout.is_empty()
                    && self.stderr.starts_with(&format!("error{code}"))
                    && self.stderr.contains("\nhint: ")
                    && (!code.contains("9007") || self.stderr.contains(BOTH_POSITIONS))
                    && !self.made
            }
        };
        // Who serves may write.
        answered && (self.exit.is_none() || self.changed.is_empty())
    }

    fn names_the_directory(&self) -> bool {
        !matches!(self.wanted, Refused(..)) || self.stderr.contains(self.data.to_str().unwrap())
    }

    fn told(&self, case: &str) -> String {
        let Self { command, wanted, exit, stderr, changed, .. } = self;
        let last = self.stdout.lines().rev().find(|line| line.starts_with("tampered: "));
        let last = last.unwrap_or_default();
        format!(
            "{case}: {command}: {wanted:?} wanted, exit {exit:?}, changed {changed:?}\n{stderr}{last}"
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_by_exit_code_and_code_and_nothing_is_written() {
    let ledgers = Ledgers::make().await;
    let mut wrong = Vec::new();
    for (i, case) in cases().iter().enumerate() {
        for command in COMMANDS {
            let wanted = match command.0 {
                "serve" => case.serve,
                "verify" => case.verify,
                "rebuild --full" | "backup" => case.tree,
                _ => case.read,
            };
            let [data, out] =
                ["data", "out"].map(|name| ledgers.path(&format!("{name}-{i}-{}", command.0)));
            copy(&ledgers.path("whole"), &data);
            let lock = (case.spoil)(&ledgers, &data);
            let run = Run::new(command, wanted, &data, &out);
            drop(lock);
            if !(run.is_as_laid_down() && run.names_the_directory()) {
                wrong.push(run.told(case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

/// A server appends and publishes all the while; whoever reads beside it sees a log that reaches its checkpoint.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_beside_a_server_is_told_of_no_rollback() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    let server = Server::fresh(&data).await;
    let path = data.clone();
    let reading = std::thread::spawn(move || {
        let mut met = BTreeSet::new();
        while met.len() < 20 {
            met.insert(node::read_only(&path).unwrap().published.unwrap().size);
        }
    });
    let mut client = server.posting().await;
    let mut n = 0;
    while !reading.is_finished() {
        n += 1;
        assert!(n < 5_000, "the reader does not see what is published");
        client.post_voucher(post(organisations(&format!("D-{n}"), [n]))).await.unwrap();
        server.node().seal().await.unwrap();
    }
    reading.join().unwrap();
    drop(client);
    server.stop().await;
}

/// Who reads records stops at the one behind which they may mean something else, and a copy is none without the
/// rest; the torn tail of an unclean stop is tidied before it is read.
#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_newer_program_is_not_served() {
    let ledgers = Ledgers::make().await;
    let data = ledgers.path("raised");
    copy(&ledgers.path("whole"), &data);
    edit(&data, |bytes| raise_format(bytes));
    unmark(&data);
    // The newest checkpoint is a file of its own.
    for command in COMMANDS.iter().filter(|(name, _)| *name != "checkpoint") {
        let out = ledgers.path("out");
        let run = Run::new(*command, NEWER, &data, &out);
        assert_eq!(run.exit, Some(2), "{}: {}{}", command.0, run.stdout, run.stderr);
        assert!(run.stderr.contains("MZ-9006"), "{}: {}", command.0, run.stderr);
        // What stands before is understood, and printed.
        assert_eq!(run.stdout.is_empty(), command.0 != "log", "{}", command.0);
        assert!(!run.made);
    }
}
