//! TLS: who has no certificate is not served, and a certificate names its organisation.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use proto::v1::posting_client::PostingClient;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

use crate::server::{init, organisations, post, refusal};

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "test authority");
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { pem, issuer: Issuer::new(params, key) }
}

/// Certificate and key of a name, signed by the authority.
fn issue(authority: &Authority, name: &str) -> (String, String) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    (certificate.pem(), key.serialize_pem())
}

struct Served {
    process: Child,
    port: u16,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn serve(data: &Path, folder: &Path, authority: &Authority) -> Served {
    use std::io::{BufRead as _, BufReader};
    let (certificate, key) = issue(authority, "the server");
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let mut process = Command::new(env!("CARGO_BIN_EXE_mingzhang"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .arg("--tls-cert")
        .arg(write("server.pem", &certificate))
        .arg("--tls-key")
        .arg(write("server.key", &key))
        .arg("--client-ca")
        .arg(write("ca.pem", &authority.pem))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
    Served { process, port }
}

async fn connect(
    served: &Served,
    authority: &Authority,
    identity: Option<(String, String)>,
) -> Result<Channel, tonic::transport::Error> {
    let mut tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(&authority.pem))
        .domain_name("localhost");
    if let Some((certificate, key)) = identity {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    let uri = format!("https://127.0.0.1:{}", served.port);
    Channel::from_shared(uri).unwrap().tls_config(tls).unwrap().connect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_names_its_organisation() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    init(&data);
    let authority = authority();
    let served = serve(&data, dir.path(), &authority);

    let ours = connect(&served, &authority, Some(issue(&authority, "PO44"))).await.unwrap();
    PostingClient::new(ours).post_voucher(post(organisations("T-1", [1]))).await.unwrap();

    // Another organisation's certificate does not post for PO44.
    let other = connect(&served, &authority, Some(issue(&authority, "FB44"))).await.unwrap();
    let refused = PostingClient::new(other).post_voucher(post(organisations("T-2", [2]))).await;
    assert_eq!(refusal(&refused.unwrap_err()).0, "MZ-5015");

    // Nor does one whose name is no registered organisation.
    let nobody = connect(&served, &authority, Some(issue(&authority, "FB4499"))).await.unwrap();
    let mut voucher = organisations("T-3", [3]);
    voucher.header.as_mut().unwrap().organisation = "FB4499".to_owned();
    let refused = PostingClient::new(nobody).post_voucher(post(voucher)).await.unwrap_err();
    assert_eq!(refusal(&refused).0, "MZ-5016");

    // Without a certificate, with one of another authority, or with one that names nothing: no answer.
    let stranger = self::authority();
    for identity in
        [None, Some(issue(&stranger, "PO44")), Some(issue(&authority, "no organisation"))]
    {
        let failed = match connect(&served, &authority, identity).await {
            Err(_) => true,
            Ok(channel) => {
                let mut client = PostingClient::new(channel);
                client.post_voucher(post(organisations("T-4", [4]))).await.is_err()
            }
        };
        assert!(failed);
    }
}
