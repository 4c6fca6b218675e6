//! Starts from a snapshot: as if the log had been replayed from its first record, or not at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use mingzhang::node::snapshot::{SNAPSHOTS_DIR, Schedule};
use mingzhang::node::{Answer, Applied, Config, Node, Post};
use mingzhang::wire;
use prost::Message as _;

use crate::refusals::{example, payment};
use crate::server::{Server, init, mingzhang, post, reopen, voucher};

const NEVER: Schedule = Schedule { records: u64::MAX, records_at_stop: u64::MAX };
const AT_STOP: Schedule = Schedule { records: u64::MAX, records_at_stop: 1 };

/// Opens a ledger; returns what it said, too.
fn open(data: &Path, snapshots: Schedule) -> (Node, String) {
    open_with(Config { snapshots, ..Config::at(data) })
}

fn open_with(config: Config) -> (Node, String) {
    let (node, said) = noting(config);
    let said = said.lock().unwrap().clone();
    (node, said)
}

/// Opens a ledger and notes what it says from then on.
fn noting(config: Config) -> (Node, Arc<Mutex<String>>) {
    let said = Arc::new(Mutex::new(String::new()));
    let notes = Arc::clone(&said);
    let notes = Arc::new(move |note: &str| {
        let mut said = notes.lock().unwrap();
        said.push_str(note);
        said.push('\n');
    });
    (reopen(&Config { notes, ..config }).unwrap(), said)
}

async fn stop(node: Node) {
    tokio::task::spawn_blocking(move || node.stop().unwrap()).await.unwrap();
}

/// Posts vouchers by number, one organisation each, and stops.
async fn posted(data: &Path, snapshots: Schedule, numbers: impl IntoIterator<Item = u32>) {
    let (node, _) = open(data, snapshots);
    for n in numbers {
        let answer = node.handle().post(voucher(&format!("S-{n}"), n)).await;
        assert!(matches!(answer, Answer::Posted { duplicate: false, .. }), "{answer:?}");
    }
    stop(node).await;
}

/// Where a ledger stands, what its views hold, and its answers to a retry, to a changed voucher and to a
/// new one.
async fn seen(node: &Node) -> (Applied, String, String) {
    let handle = node.handle();
    let applied = handle.applied();
    let views = format!("{:?}", handle.views_mut().digests());
    let mut answers = Vec::new();
    for (number, n) in [("S-1", 1), ("S-2", 2), ("S-1", 9), ("S-2", 9), ("S-99", 1), ("S-99", 99)] {
        answers.push(format!("{:?}", handle.post(voucher(number, n)).await));
    }
    let answers = answers.join("\n");
    assert!(answers.contains("duplicate: true"), "{answers}");
    (applied, views, answers)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn snapshots(data: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(data.join(SNAPSHOTS_DIR)) else { return Vec::new() };
    let mut all: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

/// Opens a ledger as it is and without its snapshots, and finds no difference. Returns what was said.
async fn as_replayed(data: &Path, scratch: &Path) -> String {
    let plain = scratch.join("plain");
    drop(fs::remove_dir_all(&plain));
    copy(data, &plain);
    drop(fs::remove_dir_all(plain.join(SNAPSHOTS_DIR)));
    let (replayed, said) = open(&plain, NEVER);
    assert_eq!(said, "");
    let expected = seen(&replayed).await;
    stop(replayed).await;
    let (node, said) = open(data, NEVER);
    assert_eq!(seen(&node).await, expected);
    stop(node).await;
    // What they posted is the same, down to the salts.
    let logs = [data, &plain].map(|dir| {
        let shown = mingzhang(&["log", "--data", dir.to_str().unwrap(), "--json"]);
        assert!(shown.status.success());
        shown.stdout
    });
    assert!(logs[0] == logs[1]);
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_from_a_snapshot_is_a_replay() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    init(&data);
    posted(&data, AT_STOP, 1..4).await;
    assert_eq!(snapshots(&data).len(), 1);
    // With nothing behind it, and with a tail.
    let other = dir.path().join("other");
    copy(&data, &other);
    let said = as_replayed(&other, dir.path()).await;
    assert!(said.contains("began with the snapshot of"), "{said}");
    posted(&data, NEVER, 4..6).await;
    let said = as_replayed(&data, dir.path()).await;
    assert!(said.contains("began with the snapshot of"), "{said}");
    let path = data.to_str().unwrap();
    assert!(mingzhang(&["verify", path, "--strict"]).status.success());
    // A rebuild compares with it, where it comes past it.
    let rebuild = |of: &[&str]| mingzhang(&[&["rebuild", "--data", path, "--json"], of].concat());
    let size: u64 = snapshots(&data)[0].file_name().unwrap().to_str().unwrap().parse().unwrap();
    let compared = rebuild(&["--full"]);
    assert!(compared.status.success());
    let compared = String::from_utf8_lossy(&compared.stdout).into_owned();
    assert!(compared.contains(&format!("\"snapshot\":{size}")), "{compared}");
    let before = rebuild(&["--as-of", &(size - 2).to_string()]);
    assert!(String::from_utf8_lossy(&before.stdout).contains("\"snapshot\":null"));
    // One that it cannot compare is named.
    let cut = data.join(SNAPSHOTS_DIR).join(format!("{:020}", size + 1));
    fs::write(&cut, &fs::read(&snapshots(&data)[0]).unwrap()[..900]).unwrap();
    let compared = rebuild(&[]);
    assert!(compared.status.success() && cut.exists());
    let compared = String::from_utf8_lossy(&compared.stdout).into_owned();
    assert!(compared.contains(&format!("\"snapshot\":{size}")), "{compared}");
    let doubt = format!("[\"snapshots/{:020}: its bytes do not have the hash", size + 1);
    assert!(compared.contains(&format!("\"snapshots_not_compared\":{doubt}")), "{compared}");
    fs::remove_file(cut).unwrap();
    // A backup holds none.
    let backup = dir.path().join("backup");
    let made = mingzhang(&["backup", "--data", path, "--out", backup.to_str().unwrap()]);
    assert!(made.status.success() && !backup.join(SNAPSHOTS_DIR).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_are_kept_while_a_ledger_runs() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    init(&data);
    let each = Schedule { records: 1, records_at_stop: 1 };
    for _ in 0..3 {
        let (node, _) = open(&data, each);
        for n in 0..3 {
            drop(node.handle().post(voucher(&format!("S-{n}"), n)).await);
            node.handle().seal().await.unwrap();
        }
        stop(node).await;
    }
    assert_eq!(snapshots(&data).len(), 2);
    let (node, said) = open(&data, NEVER);
    assert!(said.contains("began with"), "{said}");
    let handle = node.handle();
    let ours = handle.views_mut().views_digest();
    let size = handle.applied().size();
    stop(node).await;
    fs::remove_dir_all(data.join(SNAPSHOTS_DIR)).unwrap();
    let (node, _) = open(&data, NEVER);
    assert_eq!(node.handle().views_mut().views_digest(), ours);
    assert_eq!(node.handle().applied().size(), size);
    stop(node).await;
}

/// Whatever is wrong with a snapshot, the start says so and is the same.
#[tokio::test(flavor = "multi_thread")]
async fn any_doubt_leads_to_a_replay() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    init(&data);
    posted(&data, AT_STOP, 1..4).await;
    let [good] = &snapshots(&data)[..] else { panic!() };
    let bytes = fs::read(good).unwrap();
    let flipped = |at: usize| {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        changed
    };
    let end = bytes.len();
    let mut cases = vec![(flipped(0), "it is no snapshot"), (Vec::new(), "it is no snapshot")];
    cases.extend([8, 10, 12].map(|at| (flipped(at), "another version of the program wrote it")));
    let inside = [14, 46, 62, 70, 102, 110, 111, 151, 155, end / 3, end / 2, end - 33, end - 1];
    cases.extend(inside.map(|at| (flipped(at), "do not have the hash")));
    cases.extend([60, 200, end / 2, end - 32, end - 1].map(|to| (bytes[..to].to_vec(), "hash")));
    cases.push(([&bytes[..], &[0]].concat(), "hash"));
    let (node, _) = open(&data, NEVER);
    let expected = format!("{:?}", node.handle().views_mut().digests());
    stop(node).await;
    for (changed, doubt) in cases {
        fs::write(good, changed).unwrap();
        let (node, said) = open(&data, NEVER);
        assert!(said.contains(doubt) && said.contains("is not used"), "{doubt}: {said}");
        assert_eq!(format!("{:?}", node.handle().views_mut().digests()), expected);
        stop(node).await;
        assert!(!good.exists(), "{doubt}");
    }
    // The one before a bad one is used.
    fs::write(good, &bytes).unwrap();
    let newer = good.with_file_name(format!("{:020}", 1_000_000));
    fs::write(&newer, flipped(end / 2)).unwrap();
    let said = as_replayed(&data, dir.path()).await;
    assert!(said.contains("is not used") && said.contains("began with"), "{said}");
}

/// The example's ledger with a payment to two households, and its snapshot behind that.
async fn with_payment(data: &Path) {
    let server = Server::fresh(data).await;
    example(&server);
    server.stop().await;
    let (node, _) = open(data, AT_STOP);
    assert_eq!(pay(&node, "R-1", "B20170710").await, 0);
    stop(node).await;
    assert_eq!(snapshots(data).len(), 1);
}

/// Pays the two households under references of the bank; returns the code of a refusal.
async fn pay(node: &Node, number: &str, bank_ref: &str) -> u16 {
    let mut payment = payment();
    number.clone_into(&mut payment.header.as_mut().unwrap().voucher_no);
    for line in &mut payment.lines {
        line.bank_ref = format!("{bank_ref}-{}", line.line_no);
    }
    let read = wire::post_voucher(&post(payment).encode_to_vec()).unwrap();
    let answer = node.handle().post(Post { voucher: read.voucher, ..voucher("X", 0) }).await;
    match answer {
        Answer::Refused(reject) => reject.refusals[0].reason.code(),
        Answer::Posted { .. } => 0,
        Answer::Preview { .. } => panic!(),
    }
}

/// Money goes through a snapshot: balances, and that it was sent before.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_not_made_again_behind_a_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let (data, plain) = (dir.path().join("l"), dir.path().join("plain"));
    with_payment(&data).await;
    copy(&data, &plain);
    fs::remove_dir_all(plain.join(SNAPSHOTS_DIR)).unwrap();
    let mut seen = Vec::new();
    for (data, began) in [(&data, true), (&plain, false)] {
        let (node, said) = open(data, NEVER);
        assert_eq!(said.contains("began with"), began, "{said}");
        // Another voucher with the same references, another reference, and that one again.
        let codes = [("R-2", "B20170710"), ("R-3", "B20170711"), ("R-4", "B20170711")];
        for ((number, bank_ref), expected) in codes.into_iter().zip([3023, 0, 3023]) {
            assert_eq!(pay(&node, number, bank_ref).await, expected, "{number}");
        }
        let handle = node.handle();
        seen.push((handle.applied(), handle.views_mut().digests()));
        stop(node).await;
    }
    assert_eq!(seen[0], seen[1]);
    let path = data.to_str().unwrap();
    assert!(mingzhang(&["rebuild", "--data", path, "--full"]).status.success());
}

/// Adds 100 fen to the balance of a household's account in a snapshot, as it stands and as it was digested,
/// and puts the right hash behind it.
fn forge(snapshot: &Path) {
    let mut bytes = fs::read(snapshot).unwrap();
    let path = b"C.hh.44142490120100013";
    let at = bytes.windows(path.len()).position(|found| found == path).unwrap() + path.len();
    // Each number is a byte that says that four bytes follow, and twice its value.
    assert_eq!((bytes[at], &bytes[at..at + 5]), (252, &bytes[at + 5..at + 10]));
    for at in [at + 1, at + 6] {
        let twice = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        bytes[at..at + 4].copy_from_slice(&(twice + 200).to_le_bytes());
    }
    bytes.truncate(bytes.len() - 32);
    let mut hasher = blake3::Hasher::new_derive_key(record::context::SNAPSHOT);
    bytes.extend_from_slice(hasher.update(&bytes).finalize().as_bytes());
    fs::write(snapshot, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_row_is_told_by_rebuild_and_enters_no_further_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    with_payment(&data).await;
    let path = data.to_str().unwrap();
    assert!(mingzhang(&["rebuild", "--data", path]).status.success());
    forge(&snapshots(&data)[0]);
    let rebuilt = mingzhang(&["rebuild", "--data", path]);
    let told = String::from_utf8_lossy(&rebuilt.stdout).into_owned();
    assert_eq!(rebuilt.status.code(), Some(1), "{told}");
    assert!(
        told.contains(
            "its view accounts has other rows; first row: path C.hh.44142490120100013: balance"
        ) && !told.contains("running digests"),
        "{told}"
    );
    // A start believes it; what comes of it is not written again.
    let (node, said) = noting(Config { snapshots: AT_STOP, ..Config::at(&data) });
    assert_eq!(pay(&node, "R-2", "B20170711").await, 0);
    stop(node).await;
    let said = said.lock().unwrap().clone();
    assert!(said.contains("began with") && said.contains("failed: rows of its views"), "{said}");
    assert_eq!(snapshots(&data).len(), 1);
}

/// A name that lies about what is in the file.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_under_another_name_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    init(&data);
    posted(&data, AT_STOP, 1..4).await;
    let [good] = &snapshots(&data)[..] else { panic!() };
    let size: u64 = good.file_name().unwrap().to_str().unwrap().parse().unwrap();
    let renamed = good.with_file_name(format!("{:020}", size - 1));
    // Not a number of twenty digits, so not a snapshot at all.
    let signed = good.with_file_name(format!("+{size:019}"));
    fs::copy(good, &renamed).unwrap();
    fs::rename(good, &signed).unwrap();
    let said = as_replayed(&data, dir.path()).await;
    let doubt = format!("its name says {} records, it holds {size}", size - 1);
    assert!(said.contains(&doubt) && !said.contains("began with"), "{said}");
    assert_eq!(snapshots(&data), [signed]);
}

/// What a start without success has doubted is there still.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_removes_no_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let (data, other) = (dir.path().join("l"), dir.path().join("other"));
    init(&data);
    copy(&data, &other);
    posted(&data, AT_STOP, 1..4).await;
    let (node, _) = open(&data, NEVER);
    node.handle().seal().await.unwrap();
    stop(node).await;
    // Another past, and the checkpoint of this one.
    posted(&other, NEVER, [2, 1, 7, 8, 9]).await;
    for of in [SNAPSHOTS_DIR, "published"] {
        copy(&data.join(of), &other.join(of));
    }
    let left = other.join(SNAPSHOTS_DIR).join(format!("{:020}.tmp", 7));
    fs::write(&left, b"MZSNAP").unwrap();
    let before = snapshots(&other);
    assert_eq!(before.len(), 2);
    assert!(reopen(&Config::at(&other)).is_err());
    assert_eq!(snapshots(&other), before);
}

/// A snapshot speaks of one log, one salt key, and one past.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_another_past_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let (short, long, other) = (at("short"), at("long"), at("other"));
    init(&short);
    copy(&short, &long);
    copy(&short, &other);
    posted(&long, AT_STOP, 1..4).await;
    // The log was cut back.
    posted(&short, NEVER, 1..3).await;
    copy(&long.join(SNAPSHOTS_DIR), &short.join(SNAPSHOTS_DIR));
    let said = as_replayed(&short, dir.path()).await;
    assert!(said.contains("records, the log has"), "{said}");
    // It went another way.
    posted(&other, NEVER, [2, 1, 7, 8]).await;
    copy(&long.join(SNAPSHOTS_DIR), &other.join(SNAPSHOTS_DIR));
    let said = as_replayed(&other, dir.path()).await;
    assert!(said.contains("is not the one that the log holds"), "{said}");
    // Another ledger's.
    let foreign = at("foreign");
    let path = foreign.to_str().unwrap();
    let made = ["init", "--data", path, "--origin", "ledger.example/else", "--synthetic"];
    assert!(mingzhang(&made).status.success());
    posted(&foreign, NEVER, 1..4).await;
    copy(&long.join(SNAPSHOTS_DIR), &foreign.join(SNAPSHOTS_DIR));
    let said = as_replayed(&foreign, dir.path()).await;
    assert!(said.contains("it is of another ledger"), "{said}");
    // The salt key was lost, and with it what the hashes were made with.
    copy(&long, &at("unsalted"));
    fs::remove_file(at("unsalted").join("keys/salt")).unwrap();
    let (node, said) = open(&at("unsalted"), NEVER);
    assert!(said.contains("with another salt key"), "{said}");
    let answer = node.handle().post(voucher("S-1", 1)).await;
    assert!(matches!(answer, Answer::Posted { duplicate: true, .. }), "{answer:?}");
    stop(node).await;
    // Something was published since, behind the snapshot: the replay compares it when it comes there.
    let (node, _) = open(&long, NEVER);
    let behind = node.handle().seal().await.unwrap();
    stop(node).await;
    let size: u64 = snapshots(&long)[0].file_name().unwrap().to_str().unwrap().parse().unwrap();
    assert!(size < behind.size);
    let (node, said) = open(&long, NEVER);
    assert!(said.contains("began with"), "{said}");
    stop(node).await;
    // A snapshot behind it that does not know it cannot be compared; the one before can.
    let (published, aside) = (long.join("published"), at("aside"));
    fs::rename(&published, &aside).unwrap();
    posted(&long, AT_STOP, 4..5).await;
    fs::rename(&aside, &published).unwrap();
    let said = as_replayed(&long, dir.path()).await;
    let doubt = format!("knows nothing of the published checkpoint of {} records", behind.size);
    assert!(said.contains(&doubt), "{said}");
    assert!(said.contains(&format!("began with the snapshot of {size} records")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_rollback_begins_without_snapshots() {
    let dir = tempfile::tempdir().unwrap();
    let (data, old) = (dir.path().join("l"), dir.path().join("old"));
    init(&data);
    posted(&data, AT_STOP, 1..3).await;
    copy(&data, &old);
    posted(&data, NEVER, 3..5).await;
    let (node, _) = open(&data, AT_STOP);
    node.handle().seal().await.unwrap();
    stop(node).await;
    assert_eq!(snapshots(&data).len(), 2);
    fs::remove_dir_all(data.join("segments")).unwrap();
    copy(&old.join("segments"), &data.join("segments"));
    fs::copy(old.join("clean"), data.join("clean")).unwrap();
    assert!(reopen(&Config::at(&data)).is_err());
    let accept_rollback = Some("the disk of 3 May was lost".to_owned());
    let config = Config { accept_rollback, snapshots: AT_STOP, ..Config::at(&data) };
    let (node, said) = open_with(config.clone());
    assert!(said.contains("a rollback was accepted") && !said.contains("began with"), "{said}");
    stop(node).await;
    // The word is still there at the next start, and there is nothing to accept.
    let (node, said) = open_with(config);
    assert!(said.contains("began with") && !said.contains("a rollback was accepted"), "{said}");
    stop(node).await;
    let said = as_replayed(&data, dir.path()).await;
    assert!(said.contains("began with"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_of_one_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    init(&data);
    posted(&data, NEVER, 1..3).await;
    let left = data.join(SNAPSHOTS_DIR).join(format!("{:020}.tmp", 7));
    fs::create_dir_all(left.parent().unwrap()).unwrap();
    fs::write(&left, b"MZSNAP").unwrap();
    let said = as_replayed(&data, dir.path()).await;
    assert_eq!((said.as_str(), left.exists()), ("", false));
}
