//! A disk that fails: what was in flight is answered as unknown, the process ends, and a start decides from
//! what is on disk.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use journal::disk::DiskFile;
use journal::{Disk, Lock, Mode, RealDisk};
use ledger::reject::Reason;
use mingzhang::node::{Answer, Config, Post};
use mingzhang::wire;
use prost::Message as _;

use crate::server::{init, mingzhang, organisations, post, reopen};

/// The machine's disk, whose n-th sync of data fails.
struct Failing {
    disk: RealDisk,
    left: Arc<AtomicI64>,
}

struct FailingFile {
    file: Arc<dyn DiskFile>,
    left: Arc<AtomicI64>,
}

impl Disk for Failing {
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.create_dir(dir)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn open(&self, path: &str, mode: Mode) -> io::Result<Arc<dyn DiskFile>> {
        let (file, left) = (self.disk.open(path, mode)?, Arc::clone(&self.left));
        Ok(Arc::new(FailingFile { file, left }))
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
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            return Err(io::Error::other("injected"));
        }
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

fn failing(data: &Path, nth: i64) -> Config {
    let disk = RealDisk::new(data);
    let disk = Arc::new(Failing { disk, left: Arc::new(AtomicI64::new(nth)) });
    Config { disk, ..Config::at(data) }
}

fn voucher(number: &str, organisation: u32) -> Post {
    let request = post(organisations(number, [organisation]));
    let read = wire::post_voucher(&request.encode_to_vec()).unwrap();
    Post {
        voucher: read.voucher,
        validate_only: false,
        origin: String::new(),
        identity: None,
        key_hash: None,
    }
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
