//! Signed notes and their Ed25519 keys.
//!
//! A note is a text, an empty line, and lines `— NAME BASE64` of signatures over the text. What
//! an unknown key signed is ignored; what a known key did not sign spoils the note.
//!
//! Source: c2sp.org/signed-note@v1.0.0.

use std::fmt::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Longest note that is read, in bytes; Go's reader has the same limit.
pub const NOTE_BYTES_MAX: usize = 1_000_000;
/// Most signature lines of a note that is read; Go's reader has the same limit.
pub const NOTE_SIGNATURES_MAX: usize = 100;

/// Type byte of Ed25519 in keys and key ids.
const ED25519: u8 = 1;
const PRIVATE_PREFIX: &str = "PRIVATE+KEY+";
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// Why a note is refused. A message never repeats a key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoteError {
    /// Longer than [`NOTE_BYTES_MAX`].
    #[error("note of {found} bytes, at most {NOTE_BYTES_MAX} allowed")]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Not UTF-8, or a control character other than the line's end.
    #[error("note is not plain UTF-8 text: byte {at}")]
    Text {
        /// Offset of the offending byte.
        at: usize,
    },
    /// No text, no empty line behind it, or no signature behind that.
    #[error("note has no text, an empty line and signatures behind it")]
    Form,
    /// A signature line that is not one.
    #[error("signature line {line} is not `\u{2014} NAME BASE64`")]
    SignatureLine {
        /// Number of the line among the signatures, from 1.
        line: usize,
    },
    /// More than [`NOTE_SIGNATURES_MAX`].
    #[error("more than {NOTE_SIGNATURES_MAX} signature lines")]
    TooManySignatures,
    /// A known key is named and did not sign this text.
    #[error("signature of {name}, a known key, does not verify")]
    BadSignature {
        /// Name of the key.
        name: String,
    },
    /// Two different known keys have one name and id.
    #[error("two known keys share the name {name} and an id")]
    AmbiguousKey {
        /// Name of the keys.
        name: String,
    },
    /// No line is of a known key.
    #[error("no signature of a known key")]
    NoKnownSignature,
}

/// Why a key's text is refused. The message never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not `NAME+HEX8+BASE64`.
    #[error("not a key: NAME+HEX8+BASE64 expected")]
    Form,
    /// Empty, or with a space, a control character or a plus sign.
    #[error("not a key's name: it is empty, or has a space, a control character or `+`")]
    Name,
    /// Not Ed25519.
    #[error("key of type {found:#04x}, Ed25519 (0x01) expected")]
    Algorithm {
        /// Type byte found.
        found: u8,
    },
    /// Not 32 bytes, or no point of the curve.
    #[error("not an Ed25519 key")]
    Key,
    /// The id does not belong to name and key: one of them was mistyped.
    #[error("key id {found:08x} does not belong to this name and key, {expected:08x} does")]
    Id {
        /// Id that name and key have.
        expected: u32,
        /// Id in the text.
        found: u32,
    },
}

/// A verifier key: a name and an Ed25519 public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vkey {
    name: String,
    id: u32,
    key: VerifyingKey,
}

impl Vkey {
    /// Makes the key of this name from its 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::Name`], [`KeyError::Key`].
    pub fn new(name: &str, key: &[u8; 32]) -> Result<Self, KeyError> {
        check_name(name)?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| KeyError::Key)?;
        Ok(Self { name: name.to_owned(), id: key_id(name, key.as_bytes()), key })
    }

    /// Reads `NAME+HEX8+BASE64`, lower-case hex.
    ///
    /// # Errors
    /// [`KeyError`]; among them an id that does not belong to the key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let (name, id, key) = split_key(text)?;
        let vkey = Self::new(name, &key)?;
        if vkey.id != id {
            return Err(KeyError::Id { expected: vkey.id, found: id });
        }
        Ok(vkey)
    }

    /// Returns the name; a log's key is named as its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the key id, which signature lines begin with.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Returns the 32 bytes of the public key.
    pub fn key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Tells whether the key signed the message.
    ///
    /// Strict: no weak keys, no malleable or non-canonical signatures, so that no two verifiers
    /// disagree.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Display for Vkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", key_text(&self.name, self.id, self.key.as_bytes()))
    }
}

/// A signing key and its name. Neither printed nor compared.
pub struct Signer {
    vkey: Vkey,
    key: SigningKey,
}

impl Signer {
    /// Makes the signer of this name from its 32-byte seed.
    ///
    /// # Errors
    /// [`KeyError::Name`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_bytes(seed);
        let vkey = Vkey::new(name, key.verifying_key().as_bytes())?;
        Ok(Self { vkey, key })
    }

    /// Reads `PRIVATE+KEY+NAME+HEX8+BASE64`, the form of Go's tools.
    ///
    /// # Errors
    /// [`KeyError`]; among them an id that does not belong to the key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.strip_prefix(PRIVATE_PREFIX).ok_or(KeyError::Form)?;
        let (name, id, seed) = split_key(text)?;
        let signer = Self::from_seed(name, &seed)?;
        if signer.vkey.id != id {
            return Err(KeyError::Id { expected: signer.vkey.id, found: id });
        }
        Ok(signer)
    }

    /// Returns the secret as text, for a key file: see [`Signer::parse`].
    pub fn to_private_text(&self) -> String {
        let key = key_text(&self.vkey.name, self.vkey.id, self.key.as_bytes());
        format!("{PRIVATE_PREFIX}{key}")
    }

    /// Returns the public half.
    pub fn vkey(&self) -> &Vkey {
        &self.vkey
    }

    /// Signs bytes that are not a note, with the bare key: for approvals, whose first line sets
    /// them apart.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.vkey)
    }
}

/// Signs a text; Ed25519 is deterministic, so equal input gives an equal note.
///
/// # Panics
/// When [`check_text`] refuses the text: what is signed here was made here.
pub fn sign_note(text: &str, signers: &[&Signer]) -> String {
    assert!(check_text(text).is_ok(), "a note's text is plain and ends in a newline");
    let mut note = format!("{text}\n");
    for signer in signers {
        let vkey = &signer.vkey;
        let line = [&vkey.id.to_be_bytes()[..], &signer.sign(text.as_bytes())].concat();
        note.push_str(&signature_line(&vkey.name, &line));
    }
    note
}

/// Returns the line of a signature, `bytes` being key id and signature.
fn signature_line(name: &str, bytes: &[u8]) -> String {
    format!("{SIGNATURE_PREFIX}{name} {}\n", STANDARD.encode(bytes))
}

/// Checks that a text may be signed: not empty, ends in a newline, no other control characters.
///
/// # Errors
/// [`NoteError::Text`], [`NoteError::Form`].
pub fn check_text(text: &str) -> Result<(), NoteError> {
    if let Some(at) = text.bytes().position(|b| b < 0x20 && b != b'\n') {
        return Err(NoteError::Text { at });
    }
    if text.ends_with('\n') { Ok(()) } else { Err(NoteError::Form) }
}

/// A note taken apart, nothing verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// The signed text, with its last newline.
    pub text: &'a str,
    /// The signature lines in order, of known and unknown keys.
    pub signatures: Vec<NoteSignature<'a>>,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature<'a> {
    /// Name of the key.
    pub name: &'a str,
    /// Id of the key.
    pub id: u32,
    /// What the key's type says: 64 bytes for Ed25519. Never empty.
    pub signature: Vec<u8>,
}

/// A note with at least one verified signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened<'a> {
    /// The signed text, with its last newline.
    pub text: &'a str,
    /// The keys that signed it, each once, in the order of their lines.
    pub verified: Vec<Vkey>,
}

/// Takes a note apart and verifies nothing.
///
/// # Errors
/// [`NoteError`], for form.
pub fn parse_note(note: &[u8]) -> Result<Note<'_>, NoteError> {
    if NOTE_BYTES_MAX < note.len() {
        return Err(NoteError::TooLarge { found: note.len() });
    }
    let note = std::str::from_utf8(note).map_err(|e| NoteError::Text { at: e.valid_up_to() })?;
    if let Some(at) = note.bytes().position(|b| b < 0x20 && b != b'\n') {
        return Err(NoteError::Text { at });
    }
    // The last empty line separates: the text may have some of its own.
    let (text, signatures) = note
        .rfind("\n\n")
        .and_then(|at| note.split_at_checked(at.saturating_add(1)))
        .ok_or(NoteError::Form)?;
    let lines = signatures
        .strip_prefix('\n')
        .and_then(|rest| rest.strip_suffix('\n'))
        .ok_or(NoteError::Form)?;
    if NOTE_SIGNATURES_MAX < lines.split('\n').count() {
        return Err(NoteError::TooManySignatures);
    }
    let signatures = (1..)
        .zip(lines.split('\n'))
        .map(|(line, text)| parse_signature(text).ok_or(NoteError::SignatureLine { line }))
        .collect::<Result<_, _>>()?;
    Ok(Note { text, signatures })
}

fn parse_signature(line: &str) -> Option<NoteSignature<'_>> {
    let (name, base64) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
    check_name(name).ok()?;
    let bytes = STANDARD.decode(base64).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    if signature.is_empty() {
        return None;
    }
    Some(NoteSignature { name, id: u32::from_be_bytes(*id), signature: signature.to_vec() })
}

/// Opens a note: every line of a known key must verify, and there must be one.
///
/// # Errors
/// [`NoteError`]: form, a known key's bad signature, no known key.
pub fn open_note<'a>(
    note: &'a (impl AsRef<[u8]> + ?Sized),
    known: &[Vkey],
) -> Result<Opened<'a>, NoteError> {
    let note = parse_note(note.as_ref())?;
    let mut verified: Vec<Vkey> = Vec::new();
    for line in &note.signatures {
        let mut keys = known.iter().filter(|key| key.name == line.name && key.id == line.id);
        let Some(key) = keys.next() else { continue };
        if keys.any(|other| other != key) {
            return Err(NoteError::AmbiguousKey { name: key.name.clone() });
        }
        if !key.verify(note.text.as_bytes(), &line.signature) {
            return Err(NoteError::BadSignature { name: key.name.clone() });
        }
        if !verified.contains(key) {
            verified.push(key.clone());
        }
    }
    if verified.is_empty() {
        return Err(NoteError::NoKnownSignature);
    }
    Ok(Opened { text: note.text, verified })
}

fn check_name(name: &str) -> Result<(), KeyError> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.contains(bad) { Err(KeyError::Name) } else { Ok(()) }
}

fn key_id(name: &str, key: &[u8; 32]) -> u32 {
    let hash = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', ED25519])
        .chain_update(key)
        .finalize();
    let [a, b, c, d, ..]: [u8; 32] = hash.into();
    u32::from_be_bytes([a, b, c, d])
}

/// Writes `NAME+HEX8+BASE64(0x01 || key)`.
fn key_text(name: &str, id: u32, key: &[u8; 32]) -> String {
    let mut typed = [ED25519; 33];
    typed.iter_mut().skip(1).zip(key).for_each(|(to, from)| *to = *from);
    let mut out = String::new();
    // Writing to a string cannot fail.
    write!(out, "{name}+{id:08x}+{}", STANDARD.encode(typed)).unwrap_or_default();
    out
}

/// Splits `NAME+HEX8+BASE64(0x01 || key)`.
fn split_key(text: &str) -> Result<(&str, u32, [u8; 32]), KeyError> {
    // The name has no plus sign, base64 may.
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(hex), Some(base64)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(KeyError::Form);
    };
    if hex.len() != 8 || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(KeyError::Form);
    }
    let id = u32::from_str_radix(hex, 16).map_err(|_| KeyError::Form)?;
    let bytes = STANDARD.decode(base64).map_err(|_| KeyError::Form)?;
    let (kind, key) = bytes.split_first().ok_or(KeyError::Form)?;
    if *kind != ED25519 {
        return Err(KeyError::Algorithm { found: *kind });
    }
    Ok((name, id, key.try_into().map_err(|_| KeyError::Key)?))
}
