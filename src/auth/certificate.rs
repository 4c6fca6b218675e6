//! Two fields of an X.509 certificate: the common name of its subject, and its public key.
//!
//! Lives here: just enough DER to walk to them. Signature, dates and use were checked before, by the
//! TLS handshake. Source: RFC 5280, 4.1; X.690.
//!
//! Always: any bytes give an answer or none, never a panic.

/// Object identifier 2.5.4.3, `commonName`.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

const INTEGER: u8 = 0x02;
const OBJECT_ID: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;

/// What is read of a certificate.
pub(super) struct Read<'a> {
    /// The last common name of the subject.
    pub(super) common_name: Option<&'a str>,
    /// `SubjectPublicKeyInfo`, header included.
    pub(super) public_key: &'a [u8],
}

/// Reads a certificate.
pub(super) fn read(der: &[u8]) -> Option<Read<'_>> {
    let (certificate, _) = take(der, SEQUENCE)?;
    let (mut rest, _) = take(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        (_, rest) = take(rest, VERSION)?;
    }
    (_, rest) = take(rest, INTEGER)?;
    // Signature algorithm, issuer, validity.
    for _ in 0..3 {
        (_, rest) = take(rest, SEQUENCE)?;
    }
    let (subject, behind) = take(rest, SEQUENCE)?;
    let (_, after_key) = take(behind, SEQUENCE)?;
    let key_len = behind.len().checked_sub(after_key.len())?;
    Some(Read { common_name: common_name(subject), public_key: behind.get(..key_len)? })
}

fn common_name(mut names: &[u8]) -> Option<&str> {
    let mut found = None;
    while !names.is_empty() {
        let (set, behind) = take(names, SET)?;
        names = behind;
        let (pair, _) = take(set, SEQUENCE)?;
        let (id, value) = take(pair, OBJECT_ID)?;
        if id == COMMON_NAME {
            let tag = *value.first()?;
            if tag == UTF8_STRING || tag == PRINTABLE_STRING {
                found = std::str::from_utf8(take(value, tag)?.0).ok();
            }
        }
    }
    found
}

/// Takes one element: its content, and what stands behind it.
fn take(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
    let mut len = usize::from(first);
    if 0x80 <= first {
        // Up to four bytes of length: far more than a certificate has.
        let count = usize::from(first & 0x7f);
        let (bytes, behind) = rest.split_at_checked(count)?;
        if count == 0 || 4 < count {
            return None;
        }
        len = bytes
            .iter()
            .try_fold(0_usize, |len, byte| len.checked_mul(256)?.checked_add(usize::from(*byte)))?;
        rest = behind;
    }
    rest.split_at_checked(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(name: &str) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "a bureau");
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn the_common_name_is_found() {
        let der = certificate("FB441424");
        let found = read(&der).unwrap();
        assert_eq!(found.common_name, Some("FB441424"));
        assert_eq!(found.public_key[0], SEQUENCE);
        assert!(super::super::certified(&der).is_ok());
        assert!(super::super::certified(&certificate("no organisation")).is_err());
    }

    #[test]
    fn any_cut_and_any_changed_byte_gives_an_answer() {
        let der = certificate("FB441424");
        for cut in 0..der.len() {
            let _answer = read(&der[..cut]);
        }
        for at in 0..der.len() {
            let mut bad = der.clone();
            bad[at] ^= 0xff;
            let _answer = read(&bad);
        }
    }
}
