//! Commands that talk to a server with TLS, and what they say when it comes to nothing.

use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use super::{EXAMPLE, refused, told};
use crate::server::{Server, init};
use crate::tls::{Authority, Served, authority, issue, serve};

/// A server with TLS, and the files of its folder.
struct Place {
    dir: TempDir,
    ours: Authority,
    served: Served,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("l");
        init(&data);
        let ours = authority();
        let ca = dir.path().join("ca");
        std::fs::write(&ca, &ours.pem).unwrap();
        let [certificate, key] = write(&dir, "server", &issue(&ours, "the server"));
        let served = serve(&data, [&certificate, &key, &ca]);
        Self { dir, ours, served }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// The flags of a client whose certificate is signed by the authority.
    fn by(&self, name: &str, authority: &Authority) -> String {
        let [certificate, key] = write(&self.dir, name, &issue(authority, name));
        let (ca, certificate, key) = (self.path("ca"), certificate.display(), key.display());
        format!("--ca {ca} --tls-cert {certificate} --tls-key {key}")
    }

    /// Puts the server's address, the data directory and the authority in their places.
    fn fill(&self, command: &str) -> String {
        let port = self.served.port;
        let to = command.replace("@TO", &format!("localhost:{port}"));
        let to = to.replace("@IP", &format!("127.0.0.1:{port}"));
        to.replace("@DATA", &self.path("l")).replace("@CA", &self.path("ca"))
    }

    fn run(&self, command: &str) -> (i32, String, String) {
        told(&self.fill(command).split(' ').collect::<Vec<_>>())
    }
}

/// Writes certificate and key of a name.
fn write(dir: &TempDir, name: &str, pem: &(String, String)) -> [PathBuf; 2] {
    [("pem", &pem.0), ("key", &pem.1)].map(|(ending, text)| {
        let path = dir.path().join(format!("{name}.{ending}"));
        std::fs::write(&path, text).unwrap();
        path
    })
}

#[test]
fn every_command_that_talks_shows_its_certificate() {
    let place = Place::new();
    let (registry, operator) = (place.by("PO44", &place.ours), place.by("OP44", &place.ours));
    let (code, stdout, said) = place.run(&format!("post {EXAMPLE} --to @TO --json {registry}"));
    // Of the example only PO44's own vouchers are posted by its certificate.
    let first: Value = serde_json::from_str(stdout.lines().next().unwrap()).unwrap();
    assert_eq!((code, &first["verdict"]), (1, &"posted".into()), "{said}");
    assert!(stdout.contains("MZ-5015"), "{stdout}");
    let out = place.path("backup");
    for command in [
        format!("balance province 44 --to @TO {registry}"),
        format!("log --to https://@TO --from 1 --to-seq 2 {registry}"),
        format!("checkpoint --to @TO {registry}"),
        format!("rebuild --to @TO --data @DATA {operator}"),
        format!("backup --to @TO --out {out} {operator}"),
    ] {
        let (code, stdout, said) = place.run(&command);
        assert!(code == 0 && !stdout.is_empty(), "{command}: {said}");
    }
    let command = format!("history household 44142490120100013 --to @TO {registry}");
    let (code, _, said) = place.run(&command);
    assert_eq!(code, 1);
    assert!(said.starts_with("error[MZ-8005]: "), "{said}");
}

#[test]
fn a_connection_that_comes_to_nothing_says_why() {
    let place = Place::new();
    let stranger = authority();
    let other = place.path("stranger");
    std::fs::write(&other, &stranger.pem).unwrap();
    let key = place.path("server.key");
    let registry = place.by("PO44", &place.ours);
    let (foreign, nobody) = (place.by("FB44", &stranger), place.by("nobody", &place.ours));
    let not_ours = "does it take this client's certificate?";
    for (command, code, said) in [
        ("log --to @TO".to_owned(), 3, "no gRPC is spoken there"),
        ("log --to https://@TO".to_owned(), 2, "whom to trust is not said"),
        ("log --to http://@TO --ca @CA".to_owned(), 2, "http is without TLS"),
        (format!("log --to @TO --ca {other}"), 3, "its certificate is signed by none of --ca"),
        (format!("log --to @IP {registry}"), 3, "its certificate is for another name"),
        ("log --to @TO --ca @CA".to_owned(), 3, not_ours),
        (format!("log --to @TO {foreign}"), 3, not_ours),
        (format!("log --to @TO {nobody}"), 3, not_ours),
        ("log --to @TO --ca /nowhere".to_owned(), 2, "/nowhere: No such file"),
        (format!("log --to @TO --ca {key}"), 2, "no certificate in it"),
        ("log --data @DATA --ca @CA".to_owned(), 2, "certificates are given and no server"),
        ("rebuild --data @DATA --ca @CA".to_owned(), 2, "certificates are given and no server"),
    ] {
        refused(&place.fill(&command), code, said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let ca = dir.path().join("ca");
    std::fs::write(&ca, authority().pem).unwrap();
    let command = format!("checkpoint --to {} --ca {}", server.address, ca.display());
    refused(&command, 3, "no TLS is spoken there");
    server.stop().await;
}
