//! TLS: who has no certificate is not served, and a certificate names its organisation.
//!
//! The certificates are made by `rcgen` where any will do, and by the program `openssl`, as an operator would
//! make them, where it matters whose software wrote them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use proto::v1::posting_client::PostingClient;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

use crate::server::{init, organisations, post, refusal};

pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

pub(crate) fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "test authority");
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { pem, issuer: Issuer::new(params, key) }
}

/// Certificate and key of a name, signed by the authority.
pub(crate) fn issue(authority: &Authority, name: &str) -> (String, String) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    (certificate.pem(), key.serialize_pem())
}

pub(crate) struct Served {
    process: Child,
    pub(crate) port: u16,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Serves a ledger with certificate, key and the authority of clients, each a PEM file.
pub(crate) fn serve(data: &Path, [certificate, key, clients]: [&Path; 3]) -> Served {
    use std::io::{BufRead as _, BufReader};
    let mut process = Command::new(env!("CARGO_BIN_EXE_mingzhang"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .arg("--tls-cert")
        .arg(certificate)
        .arg("--tls-key")
        .arg(key)
        .arg("--client-ca")
        .arg(clients)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
    Served { process, port }
}

/// Connects as `name`, which the server's certificate must hold, with a certificate and its key, both PEM.
pub(crate) async fn connect(
    served: &Served,
    authority: &str,
    name: &str,
    identity: Option<(String, String)>,
) -> Result<Channel, tonic::transport::Error> {
    let mut tls =
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority)).domain_name(name);
    if let Some((certificate, key)) = identity {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    let uri = format!("https://127.0.0.1:{}", served.port);
    Channel::from_shared(uri).unwrap().tls_config(tls).unwrap().connect().await
}

/// Whether nothing at all is answered: neither to the handshake nor, since a server of TLS 1.3 refuses a
/// client only after that, to a call.
async fn unanswered(served: &Served, authority: &str, identity: Option<(String, String)>) -> bool {
    let Ok(channel) = connect(served, authority, "localhost", identity).await else { return true };
    let answer = PostingClient::new(channel).post_voucher(post(organisations("T-9", [9]))).await;
    answer.is_err_and(|status| refusal(&status).0.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_names_its_organisation() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    init(&data);
    let authority = authority();
    let (certificate, key) = issue(&authority, "the server");
    let [certificate, key, ca] =
        [("server.pem", &certificate), ("server.key", &key), ("ca.pem", &authority.pem)].map(
            |(name, text)| {
                let path = dir.path().join(name);
                fs::write(&path, text).unwrap();
                path
            },
        );
    let served = serve(&data, [&certificate, &key, &ca]);
    let connect =
        |name| connect(&served, &authority.pem, "localhost", Some(issue(&authority, name)));

    let ours = connect("PO44").await.unwrap();
    PostingClient::new(ours).post_voucher(post(organisations("T-1", [1]))).await.unwrap();

    // Another organisation's certificate does not post for PO44.
    let other = connect("FB44").await.unwrap();
    let refused = PostingClient::new(other).post_voucher(post(organisations("T-2", [2]))).await;
    assert_eq!(refusal(&refused.unwrap_err()).0, "MZ-5015");

    // Nor does one whose name is no registered organisation.
    let nobody = connect("FB4499").await.unwrap();
    let mut voucher = organisations("T-3", [3]);
    voucher.header.as_mut().unwrap().organisation = "FB4499".to_owned();
    let refused = PostingClient::new(nobody).post_voucher(post(voucher)).await.unwrap_err();
    assert_eq!(refusal(&refused).0, "MZ-5016");

    // Without a certificate, with one of another authority, or with one that names nothing: no answer.
    let stranger = self::authority();
    for identity in
        [None, Some(issue(&stranger, "PO44")), Some(issue(&authority, "no organisation"))]
    {
        assert!(unanswered(&served, &authority.pem, identity).await);
    }
}

/// An authority kept by the program `openssl`, and what it issues, in a folder.
struct OpenSsl {
    dir: PathBuf,
}

/// How `openssl` is asked for a key, and the kind of key it makes.
const KEYS: [(&str, &[&str]); 3] = [
    ("p256", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ("ed25519", &["-newkey", "ed25519"]),
    ("rsa3072", &["-newkey", "rsa:3072"]),
];

/// Everything that is needed stands here: nothing is read from the machine's own configuration.
const OPENSSL_CONFIG: &str = "
[req]
distinguished_name = none
[none]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
subjectAltName = IP:127.0.0.1, DNS:localhost
extendedKeyUsage = serverAuth
[client]
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
[ca]
default_ca = this
[this]
database = index
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
rand_serial = yes
default_md = sha256
default_days = 30
policy = any
unique_subject = no
[any]
organizationName = optional
commonName = supplied
";

impl OpenSsl {
    fn new(dir: PathBuf) -> Self {
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("conf"), OPENSSL_CONFIG).unwrap();
        fs::write(dir.join("index"), "").unwrap();
        let made = Self { dir };
        let mut args = vec!["req", "-x509", "-extensions", "authority", "-days", "30"];
        args.extend(["-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem"]);
        args.extend(KEYS[0].1);
        made.run(&[&args[..], &["-nodes", "-config", "conf"]].concat());
        made
    }

    /// Runs the program to its end.
    fn start(&self, args: &[&str]) -> Output {
        let run = Command::new("openssl")
            .args(args)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .env_remove("OPENSSL_CONF")
            .output();
        match run {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => panic!(
                "there is no program `openssl`, by which this test makes certificates: install it \
                 (Debian: apt-get install openssl)"
            ),
            run => run.unwrap(),
        }
    }

    fn run(&self, args: &[&str]) {
        let run = self.start(args);
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "openssl {}: {said}", args.join(" "));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Makes a key and a certificate of it, `NAME.key` and `NAME.pem`.
    fn issue(&self, name: &str, subject: &str, usage: &str, key: &[&str], dates: &[&str]) {
        let [request, key_file, out] = ["csr", "key", "pem"].map(|end| format!("{name}.{end}"));
        let mut args = vec!["req", "-new", "-nodes", "-utf8", "-config", "conf", "-subj", subject];
        args.extend(["-keyout", &key_file, "-out", &request]);
        self.run(&[&args[..], key].concat());
        let mut args = vec!["ca", "-config", "conf", "-batch", "-notext", "-utf8"];
        args.extend(["-extensions", usage, "-in", &request, "-out", &out]);
        self.run(&[&args[..], dates].concat());
    }

    /// Makes a client's certificate and returns it with its key. The organisation is the common name, in
    /// whatever company.
    fn client(&self, name: &str, key: &[&str], dates: &[&str]) -> (String, String) {
        self.issue(name, &format!("/O=广东省/CN={name}"), "client", key, dates);
        (self.text(&format!("{name}.pem")), self.text(&format!("{name}.key")))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_made_by_openssl_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    init(&data);
    let ca = OpenSsl::new(dir.path().join("ours"));
    ca.issue("server", "/CN=the server", "server", KEYS[0].1, &[]);
    let [certificate, key, clients] =
        ["server.pem", "server.key", "ca.pem"].map(|name| ca.path(name));
    let served = serve(&data, [&certificate, &key, &clients]);
    let authority = ca.text("ca.pem");

    let mut numbers = 1..;
    for (kind, key) in KEYS {
        let mut voucher = || {
            let n = numbers.next().unwrap();
            post(organisations(&format!("O-{n}"), [n]))
        };
        for name in ["localhost", "127.0.0.1"] {
            let ours = ca.client("PO44", key, &[]);
            let channel = connect(&served, &authority, name, Some(ours)).await.unwrap();
            let posted = PostingClient::new(channel).post_voucher(voucher()).await;
            posted.unwrap_or_else(|status| panic!("{kind}: {status}"));
        }
        let other = ca.client("FB44", key, &[]);
        let channel = connect(&served, &authority, "localhost", Some(other)).await.unwrap();
        let refused = PostingClient::new(channel).post_voucher(voucher()).await.unwrap_err();
        assert_eq!(refusal(&refused).0, "MZ-5015", "{kind}");
    }

    let key = KEYS[0].1;
    let expired =
        ca.client("PO44", key, &["-startdate", "20160604000000Z", "-enddate", "20180604000000Z"]);
    let stranger = OpenSsl::new(dir.path().join("theirs")).client("PO44", key, &[]);
    for (what, identity) in
        [("none", None), ("of another authority", Some(stranger)), ("expired", Some(expired))]
    {
        assert!(unanswered(&served, &authority, identity).await, "a certificate {what}");
    }
}

#[test]
fn tls_1_3_is_spoken_and_nothing_older() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    init(&data);
    let ca = OpenSsl::new(dir.path().join("ours"));
    ca.issue("server", "/CN=the server", "server", KEYS[0].1, &[]);
    ca.client("PO44", KEYS[0].1, &[]);
    let [certificate, key, clients] =
        ["server.pem", "server.key", "ca.pem"].map(|name| ca.path(name));
    let served = serve(&data, [&certificate, &key, &clients]);
    let shake = |version| {
        let to = format!("127.0.0.1:{}", served.port);
        let mut args = vec!["s_client", version, "-connect", &to, "-alpn", "h2"];
        args.extend(["-CAfile", "ca.pem", "-verify_return_error", "-verify_ip", "127.0.0.1"]);
        args.extend(["-cert", "PO44.pem", "-key", "PO44.key"]);
        let run = ca.start(&args);
        (
            run.status.success(),
            String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned(),
        )
    };
    let (done, said) = shake("-tls1_3");
    assert!(done && said.contains("New, TLSv1.3") && said.contains("ALPN protocol: h2"), "{said}");
    let (done, said) = shake("-tls1_2");
    assert!(!done && said.contains("alert protocol version"), "{said}");
}
