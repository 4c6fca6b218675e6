//! Who is asking, and for which organisation.
//!
//! Lives here: TLS 1.3 with client certificates, the organisation in a certificate's subject, the
//! identity that a caller on loopback may name.
//! Lives elsewhere: what an organisation may do (`ledger`), scope of questions (`services::scope`).
//!
//! Always: beyond loopback nobody is served without a certificate that the configured authority
//! signed. On loopback without TLS callers are believed, and `Admin.Status` says so.

mod certificate;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ledger::ids::OrgId;
use ledger::reject::{Reason, Text};
use record::limits::CLIENT_STREAMS_MAX;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto, version};
use tonic::{Extensions, Status};

use crate::reading::shown;
use crate::services::status::refuse;

/// Metadata in which a caller on loopback names its organisation.
pub const ORGANISATION: &str = "mingzhang-organisation";

/// What is known of a connection. One a connection, shared by its calls.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it comes from.
    pub address: SocketAddr,
    /// What its certificate says; `None` on loopback without TLS.
    pub certificate: Option<Certified>,
    streams: Arc<AtomicUsize>,
}

/// What a client certificate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certified {
    /// Common name of the subject: the organisation.
    pub organisation: OrgId,
    /// BLAKE3 of the subject's public key (DER), as kinds 504 and 505 bind it.
    pub key_hash: [u8; 32],
}

/// Who is asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// By certificate.
    Certificate(Certified),
    /// On loopback, by its own word: role and scope are checked as if by certificate.
    Named(OrgId),
    /// On loopback, nobody in particular: a posting is its voucher's organisation's, reads see everything.
    Loopback,
}

impl Identity {
    /// The organisation for which is asked; `None`: nobody in particular.
    pub fn organisation(&self) -> Option<OrgId> {
        match self {
            Self::Certificate(certified) => Some(certified.organisation),
            Self::Named(organisation) => Some(*organisation),
            Self::Loopback => None,
        }
    }
}

impl Identity {
    /// Hash of the connection's key; `None` without a certificate.
    pub fn key_hash(&self) -> Option<[u8; 32]> {
        match self {
            Self::Certificate(certified) => Some(certified.key_hash),
            Self::Named(_) | Self::Loopback => None,
        }
    }
}

impl Peer {
    /// What is known of a new connection.
    pub fn new(address: SocketAddr, certificate: Option<Certified>) -> Self {
        Self { address, certificate, streams: Arc::default() }
    }
}

/// Says who makes a call.
///
/// # Errors
/// 5001 when there is neither a certificate nor a trusted loopback, 1019 for a name that is no
/// organisation, 5015 for a name that is not the certificate's.
pub fn authenticate<T>(request: &tonic::Request<T>) -> Result<Identity, Status> {
    let peer = peer(request.extensions())?;
    let named = match request.metadata().get(ORGANISATION) {
        None => None,
        Some(value) => {
            let text = value.to_str().unwrap_or_default();
            let organisation = OrgId::id(text).ok_or_else(|| {
                refuse(Reason::FieldFormat {
                    field: Text::Borrowed(ORGANISATION),
                    found: Text::Owned(shown(text)),
                    expected: Text::Borrowed("an organisation code"),
                })
            })?;
            Some(organisation)
        }
    };
    match (peer.certificate, named) {
        (Some(certified), Some(stated)) if stated != certified.organisation => {
            Err(refuse(Reason::IdentityDiffers { found: certified.organisation, stated }))
        }
        (Some(certified), _) => Ok(Identity::Certificate(certified)),
        (None, _) if !peer.address.ip().is_loopback() => Err(refuse(Reason::Unauthenticated {})),
        (None, Some(organisation)) => Ok(Identity::Named(organisation)),
        (None, None) => Ok(Identity::Loopback),
    }
}

fn peer(extensions: &Extensions) -> Result<&Peer, Status> {
    extensions.get::<Peer>().ok_or_else(|| refuse(Reason::Unauthenticated {}))
}

/// A place among the long-lived streams of one client; given back when dropped.
#[derive(Debug)]
pub struct StreamPlace(Arc<AtomicUsize>);

impl StreamPlace {
    /// Takes a place.
    ///
    /// # Errors
    /// 6008 when the client has as many streams as it may.
    pub fn take<T>(request: &tonic::Request<T>) -> Result<Self, Status> {
        let streams = Arc::clone(&peer(request.extensions())?.streams);
        let before = streams.fetch_add(1, Ordering::Relaxed);
        let place = Self(streams);
        if before < CLIENT_STREAMS_MAX {
            return Ok(place);
        }
        let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let (found, max) = (number(before).saturating_add(1), number(CLIENT_STREAMS_MAX));
        Err(refuse(Reason::TooManyStreams { found, max }))
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Makes the TLS configuration of a server: TLS 1.3, HTTP/2, and a client certificate signed by the
/// authority in `client_ca`.
///
/// # Errors
/// In words: which file, and what is wrong with it.
pub fn server_tls(cert: &Path, key: &Path, client_ca: &Path) -> Result<Arc<ServerConfig>, String> {
    let at = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let chain = certificates(cert)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|e| at(key, &e))?;
    let mut roots = RootCertStore::empty();
    for authority in certificates(client_ca)? {
        roots.add(authority).map_err(|e| at(client_ca, &e))?;
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
        .build()
        .map_err(|e| at(client_ca, &e))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])
        .map_err(|e| e.to_string())?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, private)
        .map_err(|e| at(cert, &e))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    if read.is_empty() {
        return Err(format!("{}: no certificate in it", path.display()));
    }
    Ok(read)
}

/// Returns what a client's certificate says; its signature was checked by the handshake.
///
/// # Errors
/// In words, when the subject has no common name that is an organisation.
pub fn certified(certificate: &[u8]) -> Result<Certified, String> {
    let read = certificate::read(certificate).ok_or("the certificate cannot be read")?;
    let name = read.common_name.ok_or("the certificate's subject has no common name")?;
    let organisation =
        OrgId::id(name).ok_or_else(|| format!("{name} is not an organisation code"))?;
    Ok(Certified { organisation, key_hash: *blake3::hash(read.public_key).as_bytes() })
}
