//! `backup` and `restore`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ledger::reject::Reason;
use mingzhang::services::{admin, log, server, status};
use proto::v1;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use super::told;
use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_becomes_a_ledger_again_with_its_own_keys_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let server = Server::fresh(path("l").as_ref()).await;
    let head = server.node().applied().size();
    let json = |args: &[&str]| -> Value {
        let (code, stdout, said) = told(&[args, &["--json"]].concat());
        assert_eq!(code, 0, "{args:?}: {said}");
        serde_json::from_str(&stdout).unwrap()
    };
    // From the server and from the files; a part that no checkpoint speaks of says so.
    let whole = json(&["backup", "--to", &server.address, "--out", &path("b")]);
    assert_eq!((&whole["records"], &whole["checkpoints"]), (&head.into(), &1.into()));
    for (source, name) in [(["--to", &server.address], "c"), (["--data", &path("l")], "d")] {
        let to = path(name);
        let args = ["backup", source[0], source[1], "--out", &to, "--to-seq", "1"];
        let (code, stdout, said) = told(&args);
        assert_eq!(code, 0, "{said}");
        assert!(stdout.contains("1 record, 0 checkpoints;"), "{stdout}");
        assert!(said.starts_with("no checkpoint was copied: "), "{said}");
    }
    server.stop().await;
    init_as(&path("other"), "other.example/l");

    // What is wrong is told before anything stands there.
    let restored = path("r");
    let restore = |keys: &str| {
        let run = told(&["restore", &path("b"), "--data", &restored, "--keys", keys]);
        assert!(!Path::new(&restored).exists(), "{run:?}");
        run
    };
    let (code, _, said) = restore(&path("nodir"));
    assert_eq!(code, 2);
    assert!(said.contains(&path("nodir/log")) && said.contains("\nhint: --keys is"), "{said}");
    let (code, _, said) = restore(&path("other/keys"));
    assert_eq!(code, 2);
    assert!(said.contains("is the key of other.example/l"), "{said}");
    assert!(said.contains(&path("other/keys/log")), "{said}");

    let keys = path("l/keys");
    let document = json(&["restore", &path("b"), "--data", &restored, "--keys", &keys]);
    assert!(0 < document["bytes"].as_u64().unwrap(), "{document}");
    let mode = |name: &str| std::fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode("r/keys"), mode("r/keys/log"), mode("r/keys/salt")], [0o700, 0o600, 0o600]);
    let again = Server::start(restored.as_ref()).await;
    assert_eq!(again.node().applied().size(), head);
    again.stop().await;
}

fn init_as(data: &str, origin: &str) {
    let (code, _, said) = told(&["init", "--data", data, "--origin", origin, "--synthetic"]);
    assert_eq!(code, 0, "{said}");
}

/// Signs nothing any more.
struct NoCheckpoint;

#[tonic::async_trait]
impl v1::audit_server::Audit for NoCheckpoint {
    async fn get_checkpoint(
        &self,
        _: Request<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        Err(status::refuse(Reason::ReadOnly { why: "draining".into() }))
    }

    async fn list_alerts(
        &self,
        _: Request<v1::ListAlertsRequest>,
    ) -> Result<Response<v1::ListAlertsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn list_findings(
        &self,
        _: Request<v1::ListFindingsRequest>,
    ) -> Result<Response<v1::ListFindingsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn disposition_finding(
        &self,
        _: Request<v1::DispositionFindingRequest>,
    ) -> Result<Response<v1::DispositionFindingResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_whose_checkpoint_cannot_be_had_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let behind = Server::fresh(&dir.path().join("l")).await;
    let mut routes = Routes::builder();
    routes
        .add_service(v1::audit_server::AuditServer::new(NoCheckpoint))
        .add_service(admin::Server::new(admin::Admin::new(behind.node(), true)))
        .add_service(log::Server::new(log::Log::new(behind.node())));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopping) = watch::channel(false);
    let serving = tokio::spawn(server::serve(listener, None, routes.routes(), stopping));
    let out = dir.path().join("b");
    let (code, stdout, said) = told(&["backup", "--to", &address, "--out", out.to_str().unwrap()]);
    assert_eq!((code, stdout.as_str()), (3, ""), "{said}");
    assert!(said.starts_with("error[MZ-9001]: "), "{said}");
    assert!(!out.exists());
    stop.send_replace(true);
    serving.await.unwrap().unwrap();
    behind.stop().await;
}
