//! Connecting to a server, with TLS where the command line says so.
//!
//! Lives here: reading certificates, what is said when no connection comes about.
//! Lives elsewhere: the flags (`source`), the server's side (`auth`).
//!
//! Always: a connection was answered once before it is handed out, so that a refused certificate is told as
//! that and not as a broken connection.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::failure::Failure;
use super::source::{Server, Tls};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// A server that answers no ping for so long is gone, also where the network says nothing.
const PING: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(20));

/// Metadata of an answer: a refusal of many lines is to be read, whichever server sent it.
const METADATA_BYTES_MAX: u32 = 1 << 20;

/// Connects to a server.
///
/// # Errors
/// Exit 2 for an address that is none or certificates that cannot be read, 3 when nobody answers there.
pub(super) async fn connect(server: impl Into<Server>) -> Result<Channel, Failure> {
    let Server { address, tls } = server.into();
    let config = config(&tls)?;
    let scheme = address.split_once("://").map(|(scheme, _)| scheme);
    let uri = match (scheme, &config) {
        (None, None) => format!("http://{address}"),
        (None, Some(_)) => format!("https://{address}"),
        (Some("https"), None) => {
            return Err(Failure::usage(format!("--to {address}: whom to trust is not said"))
                .with_hint("give --ca FILE, the authority that signed the server's certificate"));
        }
        (Some("http"), Some(_)) => {
            return Err(Failure::usage(format!("--to {address}: http is without TLS"))
                .with_hint("leave out http://, or the certificates"));
        }
        (Some(_), _) => address.clone(),
    };
    let bad = |error: &dyn std::fmt::Display| {
        Failure::usage(format!("--to {address}: {error}"))
            .with_hint("an address is HOST:PORT, as 127.0.0.1:7161")
    };
    let mut endpoint = Endpoint::from_shared(uri)
        .map_err(|error| bad(&error))?
        .connect_timeout(CONNECT)
        .http2_keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1)
        .tcp_nodelay(true)
        .http2_adaptive_window(true)
        .http2_max_header_list_size(METADATA_BYTES_MAX);
    let with_tls = config.is_some();
    if let Some(config) = config {
        endpoint = endpoint.tls_config(config).map_err(|error| bad(&error))?;
    }
    let failed = |error: &dyn Error| explain(&address, with_tls, &chain(error));
    let channel = endpoint.connect().await.map_err(|error| failed(&error))?;
    // Any answer will do, a refusal, too.
    let mut health = HealthClient::new(channel.clone());
    let check = health.check(HealthCheckRequest::default());
    match tokio::time::timeout(CONNECT, check).await {
        Ok(Err(status)) if status.source().is_some() => Err(failed(&status)),
        Ok(_) => Ok(channel),
        Err(_) => Err(explain(&address, with_tls, "no answer")),
    }
}

/// The client's side of TLS; `None` without any certificate.
fn config(tls: &Tls) -> Result<Option<ClientTlsConfig>, Failure> {
    let Some(ca) = &tls.ca else { return Ok(None) };
    let authority = certificates(ca)?;
    let mut config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority));
    if let (Some(certificate), Some(key)) = (&tls.tls_cert, &tls.tls_key) {
        let chain = certificates(certificate)?;
        let private = std::fs::read(key).map_err(|error| Failure::file(key, &error))?;
        PrivateKeyDer::from_pem_slice(&private).map_err(|error| not_pem(key, &error))?;
        config = config.identity(Identity::from_pem(chain, private));
    }
    Ok(Some(config))
}

fn certificates(path: &Path) -> Result<Vec<u8>, Failure> {
    let pem = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
    let read = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    if read.map_err(|error| not_pem(path, &error))?.is_empty() {
        return Err(not_pem(path, &"no certificate in it"));
    }
    Ok(pem)
}

fn not_pem(path: &Path, what: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!("{}: {what}", path.display()))
        .with_hint("--ca and --tls-cert are certificates in PEM, --tls-key is a private key in PEM")
}

/// Stands between an error and its cause.
const CAUSE: &str = "\n";

/// What an error says, down to its cause: the libraries tell the reason last.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}{CAUSE}{said}");
        }
        next = cause.source();
    }
    text
}

/// Says in the operator's words why there is no connection. The libraries hand their reasons on as text.
fn explain(address: &str, with_tls: bool, said: &str) -> Failure {
    const OURS: &str = "give --tls-cert and --tls-key of a certificate that the server's --client-ca signed \
                        and whose common name is an organisation";
    const RUNNING: &str = "is the server running? `mingzhang serve --data DIR` prints its address";
    let told = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let (what, hint) = if told(&["UnknownIssuer", "BadSignature"]) {
        ("its certificate is signed by none of --ca", "give the authority that signed it")
    } else if told(&["NotValidForName", "not valid for name"]) {
        ("its certificate is for another name", "name the server in --to as its certificate does")
    } else if told(&["Expired", "expired", "NotValidYet", "not valid yet"]) {
        ("its certificate is not valid today", "the server needs a new one; is this clock right?")
    } else if told(&["invalid peer certificate"]) {
        ("its certificate is refused", "the server needs another one")
    } else if told(&["InvalidContentType", "corrupt message"]) {
        ("no TLS is spoken there", "leave out --ca, --tls-cert and --tls-key")
    } else if with_tls && !told(&["Connection refused", "dns", "timed out", "no answer"]) {
        // A server of TLS 1.3 refuses a client only after the handshake, and the alert may get lost.
        ("the server ended the connection: does it take this client's certificate?", OURS)
    } else if told(&["Connection refused", "dns", "timed out", "no answer"]) {
        ("nobody answers", RUNNING)
    } else {
        ("no gRPC is spoken there", "a server with TLS needs --ca, --tls-cert and --tls-key here")
    };
    let cause = said.rsplit_once(CAUSE).map_or(said, |(_, cause)| cause);
    Failure::unfinished(format!("{address}: {what} ({cause})")).with_hint(hint)
}
