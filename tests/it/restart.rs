//! Restarts: what a stop leaves, and what is refused at a start.

use std::fs;

use crate::server::{Server, get, init, mingzhang, organisations, post, reopen, reply};
use mingzhang::node::Config;

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    let server = Server::fresh(&data).await;
    let posted =
        server.posting().await.post_voucher(post(organisations("R-1", [1]))).await.unwrap();
    let before = server.node().applied();
    assert_eq!(reply(posted.into_inner()).last_seq, before.position().0);
    server.stop().await;
    let server = Server::start(&data).await;
    // A synthetic ledger writes no seal at shutdown: equal input gives equal bytes.
    assert_eq!(server.node().applied(), before);
    let next = server.posting().await.post_voucher(post(organisations("R-2", [2]))).await.unwrap();
    assert_eq!(reply(next.into_inner()).first_seq, before.size());
    server.stop().await;
    let path = data.to_str().unwrap();
    assert!(mingzhang(&["verify", path, "--strict"]).status.success());
    assert!(mingzhang(&["rebuild", "--data", path, "--full"]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_ledger_seals_at_shutdown_and_never_twice_in_a_row() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    let path = data.to_str().unwrap();
    assert!(mingzhang(&["init", "--data", path, "--origin", "a.example/x"]).status.success());
    let server = Server::start(&data).await;
    let sealed = server.node().applied();
    assert_eq!(server.node().published().unwrap().size, sealed.size());
    // Sealing a sealed ledger gives what was published.
    assert_eq!(server.node().seal().await.unwrap().size, sealed.size());
    server.stop().await;
    let server = Server::start(&data).await;
    assert_eq!(server.node().applied(), sealed);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_writer_at_a_time_and_readers_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    let server = Server::fresh(&data).await;
    let path = data.to_str().unwrap();
    let second = mingzhang(&["serve", "--data", path, "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&second.stderr).contains("MZ-9005"));
    assert!(mingzhang(&["verify", path]).status.success());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_behind_its_published_checkpoint_is_refused_until_somebody_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let (data, old) = (dir.path().join("l"), dir.path().join("old"));
    let server = Server::fresh(&data).await;
    let mut client = server.posting().await;
    client.post_voucher(post(organisations("B-1", [1]))).await.unwrap();
    let backup = ["backup", "--data", data.to_str().unwrap(), "--out", old.to_str().unwrap()];
    assert!(mingzhang(&backup).status.success());
    client.post_voucher(post(organisations("B-2", [2]))).await.unwrap();
    let newest = server.node().seal().await.unwrap();
    drop(client);
    server.stop().await;
    // The older log under the newer checkpoint.
    fs::remove_dir_all(data.join("segments")).unwrap();
    fs::remove_file(data.join("clean")).unwrap();
    fs::rename(old.join("segments"), data.join("segments")).unwrap();
    let behind = reopen(&Config::at(&data)).err().unwrap();
    assert_eq!(behind.reason().unwrap().code(), 9007);
    let started =
        mingzhang(&["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    assert_eq!(started.status.code(), Some(1), "{}", String::from_utf8_lossy(&started.stderr));
    let why = Some("the disk of 3 May was lost".to_owned());
    let reopened = reopen(&Config { accept_rollback: why, ..Config::at(&data) }).unwrap();
    // Asked after the seal that is written first.
    let signed = reopened.handle().seal().await.unwrap();
    assert_eq!(signed.size, reopened.handle().applied().size());
    assert!(data.join(format!("published/rolled-back/{:020}", newest.size)).exists());
    tokio::task::spawn_blocking(move || reopened.stop().unwrap()).await.unwrap();
    let server = Server::start(&data).await;
    let mut client = server.posting().await;
    assert!(client.get_voucher(get("B-1")).await.is_ok());
    assert!(client.get_voucher(get("B-2")).await.is_err());
    drop(client);
    server.stop().await;
    assert!(mingzhang(&["verify", data.to_str().unwrap()]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_restores_to_the_same_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (data, copy, restored) = (at("l"), at("copy"), at("restored"));
    init(data.as_ref());
    let server = Server::start(data.as_ref()).await;
    server.posting().await.post_voucher(post(organisations("B-1", [1, 2, 3]))).await.unwrap();
    let head = server.node().applied();
    assert!(mingzhang(&["backup", "--data", &data, "--out", &copy]).status.success());
    // The same over gRPC, from a server that goes on.
    let remote = at("remote");
    let run = mingzhang(&["backup", "--to", &server.address, "--out", &remote]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(
        fs::read(format!("{copy}/segments/00000000000000000000.mzs")).unwrap().len(),
        fs::read(format!("{remote}/segments/00000000000000000000.mzs")).unwrap().len()
    );
    assert!(mingzhang(&["verify", &remote, "--strict"]).status.success());
    server.stop().await;
    assert!(!std::path::Path::new(&copy).join("keys").exists());
    let keys = std::path::Path::new(&data).join("keys");
    let keys = keys.to_str().unwrap();
    let done = mingzhang(&["restore", &copy, "--data", &restored, "--keys", keys]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let server = Server::start(restored.as_ref()).await;
    assert_eq!(server.node().applied(), head);
    server.stop().await;
}

/// What is derived is made again: deleted under a running server, deleted before a start, or not to be had at
/// all, it is missed by nobody, and no start waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_misses_the_cache() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    let (path, cache) = (data.to_str().unwrap(), data.join("cache"));
    let server = Server::fresh(&data).await;
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/example.jsonl");
    assert!(mingzhang(&["post", example, "--to", &server.address]).status.success());
    let history = |source: [&str; 2]| {
        let household = ["history", "household", "44142490120100021", "--json"];
        let run = mingzhang(&[&household[..], &source].concat());
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        run.stdout
    };
    let told = history(["--data", path]);
    // A thread that gives way to all others makes it, and writes in it meanwhile.
    let removed = || fs::remove_dir_all(&cache).is_ok();
    assert!((0..600).any(|_| removed() || pause()), "the cache was never there");
    assert!(history(["--to", &server.address]) == told);
    server.posting().await.post_voucher(late("R-1", 1)).await.unwrap();
    server.stop().await;

    if cache.exists() {
        fs::remove_dir_all(&cache).unwrap();
    }
    let server = Server::start(&data).await;
    let told = history(["--data", path]);
    assert!(history(["--to", &server.address]) == told);
    server.stop().await;

    // A file stands where the folder should be.
    fs::remove_dir_all(&cache).unwrap();
    fs::write(&cache, "no folder").unwrap();
    let server = Server::start(&data).await;
    assert!(history(["--to", &server.address]) == told);
    server.posting().await.post_voucher(late("R-2", 2)).await.unwrap();
    server.stop().await;
    assert!(mingzhang(&["verify", path]).status.success());
}

/// A voucher of a day behind the example.
fn late(number: &str, organisation: u32) -> proto::v1::PostVoucherRequest {
    let mut voucher = organisations(number, [organisation]);
    "2017-07-06".clone_into(&mut voucher.header.as_mut().unwrap().effective_date);
    post(voucher)
}

/// Waits a tenth of a second before the next look; never the answer.
fn pause() -> bool {
    std::thread::sleep(std::time::Duration::from_millis(100));
    false
}
