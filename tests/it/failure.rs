//! A disk that fails: what was in flight is answered as unknown, the process ends, and a start decides from
//! what is on disk.

use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use journal::disk::DiskFile;
use journal::{Disk, Lock, ManualClock, Mode, RealDisk};
use ledger::ids::Date;
use ledger::reject::Reason;
use ledger::rules::first;
use mingzhang::node::snapshot::{SNAPSHOTS_DIR, Schedule};
use mingzhang::node::{self, Answer, Config, Handle, NewLedger, Post};
use mingzhang::services::server::Limits;
use mingzhang::wire;
use prost::Message as _;
use proto::v1::posting_client::PostingClient;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::server::{
    ORIGIN, Server, get, init, mingzhang, organisations, post, refusal, reopen, reply, voucher,
};

/// What goes wrong, and when.
#[derive(Default)]
struct Faults {
    /// Syncs of data until one fails.
    sync: AtomicI64,
    /// Every read fails.
    read: AtomicBool,
    /// Every write panics.
    write_panics: AtomicBool,
    /// What becomes of a write to a snapshot.
    snapshot: Mutex<Option<fn() -> io::Error>>,
    /// Syncs of data wait here.
    latch: Latch,
    /// Writes of anything but zeros: of blocks, not of room for them.
    writes: AtomicUsize,
}

/// Holds syncs back.
#[derive(Default)]
struct Latch {
    /// Whether it is closed, and how many wait.
    state: Mutex<(bool, usize)>,
    change: Condvar,
}

impl Latch {
    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.1 += 1;
        self.change.notify_all();
        while state.0 {
            state = self.change.wait(state).unwrap();
        }
        state.1 -= 1;
    }

    fn set(&self, is_closed: bool) {
        self.state.lock().unwrap().0 = is_closed;
        self.change.notify_all();
    }

    /// Waits until a sync waits.
    fn until_held(&self) {
        let mut state = self.state.lock().unwrap();
        while state.1 == 0 {
            state = self.change.wait(state).unwrap();
        }
    }
}

/// The machine's disk with faults.
struct Failing {
    disk: RealDisk,
    faults: Arc<Faults>,
}

struct FailingFile {
    file: Arc<dyn DiskFile>,
    is_snapshot: bool,
    faults: Arc<Faults>,
}

impl Disk for Failing {
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.create_dir(dir)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn open(&self, path: &str, mode: Mode) -> io::Result<Arc<dyn DiskFile>> {
        let (file, faults) = (self.disk.open(path, mode)?, Arc::clone(&self.faults));
        let is_snapshot = path.starts_with(SNAPSHOTS_DIR);
        Ok(Arc::new(FailingFile { file, is_snapshot, faults }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn try_lock(&self, path: &str) -> io::Result<Option<Lock>> {
        self.disk.try_lock(path)
    }

    fn free_bytes(&self, dir: &str) -> io::Result<u64> {
        self.disk.free_bytes(dir)
    }
}

impl DiskFile for FailingFile {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if self.faults.read.load(Ordering::SeqCst) {
            return Err(io::Error::other("injected"));
        }
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        assert!(!self.faults.write_panics.load(Ordering::SeqCst), "injected");
        let fault = *self.faults.snapshot.lock().unwrap();
        if let Some(error) = fault.filter(|_| self.is_snapshot) {
            return Err(error());
        }
        if bytes.iter().any(|byte| *byte != 0) {
            self.faults.writes.fetch_add(1, Ordering::SeqCst);
        }
        self.file.write_at(bytes, offset)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.faults.latch.pass();
        if self.faults.sync.fetch_sub(1, Ordering::SeqCst) == 1 {
            return Err(io::Error::other("injected"));
        }
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

fn failing(data: &Path, nth: i64) -> Config {
    let faults = Faults { sync: AtomicI64::new(nth), ..Faults::default() };
    with(data, &Arc::new(faults))
}

fn with(data: &Path, faults: &Arc<Faults>) -> Config {
    let (disk, faults) = (RealDisk::new(data), Arc::clone(faults));
    Config { disk: Arc::new(Failing { disk, faults }), ..Config::at(data) }
}

fn codes(answer: &Answer) -> u16 {
    match answer {
        Answer::Refused(reject) => reject.refusals[0].reason.code(),
        Answer::Posted { .. } => 0,
        Answer::Preview { .. } => panic!(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_answers_unknown_and_ends_the_process() {
    let dir = tempfile::tempdir().unwrap();
    for nth in 1..6 {
        let data = dir.path().join(nth.to_string());
        init(&data);
        let node = reopen(&failing(&data, nth)).unwrap();
        let handle = node.handle();
        let mut acknowledged = Vec::new();
        let mut answers = Vec::new();
        for n in 0..8 {
            let answer = handle.post(voucher(&format!("F-{n}"), n)).await;
            if codes(&answer) == 0 {
                acknowledged.push(n);
            }
            answers.push(codes(&answer));
        }
        // Some are posted, one is unknown, all behind it are told that the process stops.
        let failed = answers.iter().position(|code| *code != 0).unwrap();
        assert_eq!(answers[failed], 9003, "{answers:?}");
        assert!(answers[failed + 1..].iter().all(|code| *code == 9001), "{answers:?}");
        let stopped = handle.stopped().borrow().clone().unwrap();
        assert!(matches!(stopped.reason, Some(Reason::OutcomeUnknown { .. })), "{stopped:?}");
        assert!(handle.not_serving().is_some());
        drop(handle);
        assert!(tokio::task::spawn_blocking(move || node.stop()).await.unwrap().is_err());
        // The next start finds every voucher that was acknowledged.
        let node = reopen(&Config::at(&data)).unwrap();
        for n in &acknowledged {
            let answer = node.handle().post(voucher(&format!("F-{n}"), *n)).await;
            assert!(matches!(answer, Answer::Posted { duplicate: true, .. }), "{answer:?}");
        }
        tokio::task::spawn_blocking(move || node.stop().unwrap()).await.unwrap();
        let path = data.to_str().unwrap();
        assert!(mingzhang(&["rebuild", "--data", path, "--full"]).status.success());
    }
}

/// A snapshot that cannot be written costs a note, and a fault of ours in its thread the word at the end: the
/// ledger goes on, and its stop is a clean one.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_fails_keeps_nothing_from_being_posted() {
    let dir = tempfile::tempdir().unwrap();
    let faults: [(fn() -> io::Error, bool); 2] =
        [(|| io::ErrorKind::StorageFull.into(), true), (|| panic!("injected"), false)];
    for (n, (fault, stops)) in faults.into_iter().enumerate() {
        let data = dir.path().join(n.to_string());
        init(&data);
        let said = Arc::new(Mutex::new(String::new()));
        let notes = Arc::clone(&said);
        let faults = Arc::new(Faults::default());
        *faults.snapshot.lock().unwrap() = Some(fault);
        let node = reopen(&Config {
            snapshots: Schedule { records: 1, records_at_stop: 1 },
            notes: Arc::new(move |note| *notes.lock().unwrap() += note),
            ..with(&data, &faults)
        });
        let node = node.unwrap();
        for n in 0..20 {
            assert_eq!(codes(&node.handle().post(voucher(&format!("F-{n}"), n)).await), 0);
        }
        let stopped = tokio::task::spawn_blocking(move || node.stop()).await.unwrap();
        assert_eq!(stopped.is_ok(), stops, "{stopped:?}");
        assert_eq!(said.lock().unwrap().contains(" records failed: "), stops);
        assert!(data.join("clean").exists());
        let node = reopen(&Config::at(&data)).unwrap();
        let answer = node.handle().post(voucher("F-19", 19)).await;
        assert!(matches!(answer, Answer::Posted { duplicate: true, .. }), "{answer:?}");
        tokio::task::spawn_blocking(move || node.stop().unwrap()).await.unwrap();
        assert_eq!(std::fs::read_dir(data.join(SNAPSHOTS_DIR)).unwrap().count(), 0);
    }
}

/// An honest retry is never told that its number was used for something else.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_read_refuses_for_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    init(dir.path());
    let node = reopen(&Config::at(dir.path())).unwrap();
    assert_eq!(codes(&node.handle().post(voucher("F-0", 0)).await), 0);
    tokio::task::spawn_blocking(move || node.stop().unwrap()).await.unwrap();

    let faults = Arc::new(Faults::default());
    let node = reopen(&with(dir.path(), &faults)).unwrap();
    let handle = node.handle();
    faults.read.store(true, Ordering::SeqCst);
    let answer = handle.post(voucher("F-0", 0)).await;
    assert_eq!(codes(&answer), 9001, "{answer:?}");
    faults.read.store(false, Ordering::SeqCst);
    let answer = handle.post(voucher("F-0", 0)).await;
    assert!(matches!(answer, Answer::Posted { duplicate: true, .. }), "{answer:?}");
    drop(handle);
    tokio::task::spawn_blocking(move || node.stop().unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_that_panics_ends_the_process_and_nobody_waits() {
    let dir = tempfile::tempdir().unwrap();
    init(dir.path());
    let faults = Arc::new(Faults::default());
    let node = reopen(&with(dir.path(), &faults)).unwrap();
    let handle = node.handle();
    assert_eq!(codes(&handle.post(voucher("F-0", 0)).await), 0);
    faults.write_panics.store(true, Ordering::SeqCst);
    let begun: Vec<_> = (1..9).map(|n| handle.begin(voucher(&format!("F-{n}"), n))).collect();
    let answered = async {
        for pending in begun {
            let code = codes(&handle.answer(pending).await);
            assert!(matches!(code, 9001 | 9003), "{code}");
        }
        handle.stopped().wait_for(Option::is_some).await.unwrap();
        codes(&handle.post(voucher("F-9", 9)).await)
    };
    let after = tokio::time::timeout(Duration::from_secs(20), answered).await.unwrap();
    assert_eq!(after, 9001);
    assert!(handle.not_serving().is_some());
    drop(handle);
    assert!(tokio::task::spawn_blocking(move || node.stop()).await.unwrap().is_err());
}

/// Opens the latch in the end, so that a test which fails does not wait for ever.
struct Opens(Arc<Faults>);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.latch.set(false);
    }
}

/// The answer to a posting, once it has one.
fn answered(handle: &Handle, post: Post) -> JoinHandle<Answer> {
    let (handle, pending) = (handle.clone(), handle.begin(post));
    tokio::spawn(async move { handle.answer(pending).await })
}

/// A block is decided while the one before it is synced, and nothing that rests on either is answered.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_answered_before_the_sync_on_which_it_rests() {
    let dir = tempfile::tempdir().unwrap();
    for fails in [false, true] {
        let data = dir.path().join(fails.to_string());
        init(&data);
        let faults = Arc::new(Faults::default());
        let node = reopen(&with(&data, &faults)).unwrap();
        let handle = node.handle();
        assert_eq!(codes(&handle.post(voucher("F-0", 0)).await), 0);
        let head = handle.applied();
        let _opens = Opens(Arc::clone(&faults));
        faults.latch.set(true);
        let before = faults.writes.load(Ordering::SeqCst);
        // A large one: a small one is written by the thread that decides.
        let large = organisations("F-1", 1_000..2_000);
        let read = || wire::post_voucher(&post(large.clone()).encode_to_vec()).unwrap();
        let large = || Post { voucher: read().voucher, ..voucher("", 0) };
        let first = answered(&handle, large());
        let waiting = Arc::clone(&faults);
        tokio::task::spawn_blocking(move || waiting.latch.until_held()).await.unwrap();
        // All of them rest on the block that is not durable: another, its duplicate, a refusal, a try.
        let again = answered(&handle, large());
        let refused = answered(&handle, voucher("F-2", 1_000));
        let tried = answered(&handle, Post { validate_only: true, ..voucher("F-3", 3) });
        let second = answered(&handle, voucher("F-4", 4));
        let taken = async {
            while handle.queue().0 != 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), taken).await.expect("the queue stands still");
        // Time enough for what ought not to happen.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let calls = [&first, &again, &refused, &tried, &second];
        assert!(!calls.iter().any(|call| call.is_finished()));
        assert_eq!(handle.applied(), head);
        assert_eq!(faults.writes.load(Ordering::SeqCst) - before, 1);
        if fails {
            faults.sync.store(1, Ordering::SeqCst);
        }
        faults.latch.set(false);
        let [first, again, refused, tried, second] =
            [first.await, again.await, refused.await, tried.await, second.await]
                .map(Result::unwrap);
        drop(handle);
        let stopped = tokio::task::spawn_blocking(move || node.stop()).await.unwrap();
        if fails {
            assert_eq!(codes(&first), 9003, "{first:?}");
            // They stand in no block that was written.
            for answer in [again, refused, tried, second] {
                assert_eq!(codes(&answer), 9001, "{answer:?}");
            }
            stopped.unwrap_err();
        } else {
            assert!(matches!(first, Answer::Posted { duplicate: false, .. }), "{first:?}");
            assert!(matches!(again, Answer::Posted { duplicate: true, .. }), "{again:?}");
            assert_eq!(codes(&refused), 5025);
            assert!(matches!(tried, Answer::Preview { .. }), "{tried:?}");
            assert!(matches!(second, Answer::Posted { duplicate: false, .. }), "{second:?}");
            stopped.unwrap();
        }
    }
}

/// Stock load balancers send nothing more to a ledger that has stopped.
#[tokio::test(flavor = "multi_thread")]
async fn health_says_that_a_ledger_has_stopped() {
    let dir = tempfile::tempdir().unwrap();
    init(dir.path());
    let faults = Arc::new(Faults::default());
    let server = Server::start_with(&with(dir.path(), &faults), Limits::default()).await;
    let mut health = HealthClient::new(server.channel().await);
    let mut says = async |service: &str| loop {
        let request = HealthCheckRequest { service: service.to_owned() };
        match health.check(request).await {
            Ok(answer) => break answer.into_inner().status(),
            // Health is set by a task.
            Err(status) => assert_eq!(status.code(), tonic::Code::NotFound),
        }
    };
    while says("mingzhang.v1.Posting").await != ServingStatus::Serving {}
    faults.sync.store(1, Ordering::SeqCst);
    let refused = server.posting().await.post_voucher(post(organisations("F-1", [1]))).await;
    assert_eq!(refusal(&refused.unwrap_err()).0, "MZ-9003");
    let changed = async {
        for service in ["", "mingzhang.v1.Posting", "mingzhang.v1.Balances"] {
            while says(service).await != ServingStatus::NotServing {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), changed).await.expect("it still serves");
    drop(health);
    server.end().await.unwrap_err();
}

/// A dry run of a thousand lines.
fn trial(n: u32) -> Post {
    let request = post(organisations(&format!("T-{n}"), 0..1_000));
    let read = wire::post_voucher(&request.encode_to_vec()).unwrap();
    Post { validate_only: true, voucher: read.voucher, ..voucher("", 0) }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_came_first_does_not_wait_for_all_who_come_after() {
    let dir = tempfile::tempdir().unwrap();
    init(dir.path());
    let node = reopen(&Config::at(dir.path())).unwrap();
    let handle = node.handle();
    // Nothing is decided before everything waits.
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let looking = handle.clone();
    let look = tokio::spawn(async move { looking.look(move |_| wait.recv().is_ok()).await });
    let mut begun: Vec<_> = (0..40).map(|n| handle.begin(trial(n))).collect();
    go.send(()).unwrap();
    assert!(look.await.unwrap().unwrap().0);
    let answer = handle.answer(begun.remove(0)).await;
    let Answer::Preview { preview, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(preview.lines.len(), 1_000);
    let (waiting, _) = handle.queue();
    assert!(10 < waiting, "{waiting} wait");
    drop((begun, handle));
    tokio::task::spawn_blocking(move || node.stop().unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_reads_count_against_the_queue() {
    let dir = tempfile::tempdir().unwrap();
    init(dir.path());
    let node = reopen(&Config::at(dir.path())).unwrap();
    let handle = node.handle();
    let begun: Vec<_> = (0..150).map(|n| handle.begin(trial(n))).collect();
    let mut codes = Vec::new();
    for pending in begun {
        codes.push(match handle.answer(pending).await {
            Answer::Preview { .. } => 0,
            other => self::codes(&other),
        });
    }
    let taken = codes.iter().filter(|code| **code == 0).count();
    assert!(20 < taken && taken < 130, "{taken} were taken in");
    assert!(codes.iter().all(|code| matches!(code, 0 | 6007)), "{codes:?}");
    assert_eq!(handle.queue(), (0, 0));
    assert_eq!(self::codes(&handle.post(voucher("F-0", 0)).await), 0);
    drop(handle);
    tokio::task::spawn_blocking(move || node.stop().unwrap()).await.unwrap();
}

/// Serves by the program itself, in a shell that sets limits first.
fn served(data: &Path, limits: &str, flags: &[&str]) -> (Child, String) {
    let script = format!("{limits} exec \"$0\" serve --listen 127.0.0.1:0 --data \"$1\" $2");
    let mut process = Command::new("bash")
        .args(["-c", &script, env!("CARGO_BIN_EXE_mingzhang")])
        .args([data.as_os_str(), flags.join(" ").as_ref()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on ").expect("it serves").to_owned();
    (process, address)
}

async fn client(address: &str) -> PostingClient<Channel> {
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await;
    PostingClient::new(channel.unwrap())
}

/// No byte behind a limit can be written, as on a disk that fails: the shell's limit of a file's size, in KiB,
/// with the signal that comes with it ignored.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_disk_fails_ends_with_3_and_keeps_what_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    init(&data);
    let (process, address) = served(&data, "trap '' XFSZ; ulimit -f 64;", &[]);
    let mut client = client(&address).await;
    let mut acknowledged = Vec::new();
    let failed = loop {
        let n = u32::try_from(acknowledged.len()).unwrap();
        assert!(n < 1_000, "everything was written");
        let voucher = organisations(&format!("F-{n}"), n * 20..n * 20 + 20);
        match client.post_voucher(post(voucher)).await {
            Ok(answer) => acknowledged.push(reply(answer.into_inner())),
            Err(status) => break status,
        }
    };
    assert_eq!(refusal(&failed).0, "MZ-9003", "{failed:?}");
    drop(client);
    let ended = process.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(3), "{said}");
    assert!(
        said.contains("error[MZ-9001]: whether records ") && said.contains("\nhint: "),
        "{said}"
    );
    assert!(!acknowledged.is_empty());
    let server = Server::start(&data).await;
    let mut client = server.posting().await;
    for told in acknowledged {
        let found = client.get_voucher(get(&told.voucher_no)).await.unwrap().into_inner();
        assert_eq!(found.reply, Some(told));
    }
    drop(client);
    server.stop().await;
}

/// A ledger whose last record is of 2017: the clock of today is far ahead of it.
async fn of_2017(data: &Path) {
    let clock = Arc::new(ManualClock::new(1_500_000_000_000));
    let config = Config { clock, ..Config::at(data) };
    let new = NewLedger { origin: ORIGIN.to_owned(), seed: None };
    let node = node::create(&config, &new).unwrap();
    let by = ("p.po44", "a.po44");
    let [first, ..] = first::vouchers(Date::parse("2017-07-01").unwrap(), by, first::GRANTS);
    let answer = node.handle().post(Post { voucher: first, ..voucher("", 0) }).await;
    assert_eq!(codes(&answer), 0, "{answer:?}");
    tokio::task::spawn_blocking(move || node.stop().unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_appends_under_an_odd_clock_only_when_the_operator_accepts_it() {
    let dir = tempfile::tempdir().unwrap();
    of_2017(dir.path()).await;
    for (flags, code) in [(&[][..], "MZ-9001"), (&["--accept-clock"], ""), (&[], "")] {
        let (mut process, address) = served(dir.path(), "", flags);
        let mut client = client(&address).await;
        let answer = client.post_voucher(post(organisations("C-1", [1]))).await;
        let found = answer.err().map(|status| refusal(&status).0).unwrap_or_default();
        assert_eq!(found, code, "{flags:?}");
        process.kill().unwrap();
        process.wait().unwrap();
    }
}
