//! The format's own kinds, 1 to 6, and their payloads.
//!
//! Payloads are protobuf messages written and read by hand in their one canonical form, so that a
//! verifier needs no protobuf library. Records of these kinds have no legs and stand alone in
//! their group; genesis and seal stand alone in their block.

use crate::hash::Hash;
use crate::wire::{Fields, Value, Writer};

/// Kind of [`Genesis`].
pub const GENESIS: u16 = 1;
/// Kind of [`Seal`].
pub const SEAL: u16 = 2;
/// Kind of [`KeyChanged`].
pub const KEY_CHANGED: u16 = 3;
/// Kind of [`FormatRaised`].
pub const FORMAT_RAISED: u16 = 4;
/// Kind of [`AttemptsAnchored`].
pub const ATTEMPTS_ANCHORED: u16 = 5;
/// Kind of [`RollbackAcknowledged`].
pub const ROLLBACK_ACKNOWLEDGED: u16 = 6;

/// The format version a genesis states, and the reader version this build has.
pub const FORMAT_VERSION: u32 = 1;

/// Bytes of a seal's payload, always.
pub const SEAL_BYTES: usize = 104;

const SYSTEM_KIND_MAX: u16 = 15;
const DOMAIN_KIND_MIN: u16 = 100;

pub use crate::wire::PayloadError;

/// Tells whether the kind is the format's own, known (1-6) or reserved for it (7-15).
pub fn is_system(kind: u16) -> bool {
    (GENESIS..=SYSTEM_KIND_MAX).contains(&kind)
}

/// Tells whether this build knows the format's own kind.
pub fn is_known(kind: u16) -> bool {
    (GENESIS..=ROLLBACK_ACKNOWLEDGED).contains(&kind)
}

/// Tells whether a record of this kind shares its block with no other.
pub fn has_own_block(kind: u16) -> bool {
    kind == GENESIS || kind == SEAL
}

pub(crate) fn is_assigned(kind: u16) -> bool {
    is_system(kind) || DOMAIN_KIND_MIN <= kind
}

/// Returns the name of one of the format's own kinds.
pub fn name(kind: u16) -> Option<&'static str> {
    match kind {
        GENESIS => Some("Genesis"),
        SEAL => Some("Seal"),
        KEY_CHANGED => Some("KeyChanged"),
        FORMAT_RAISED => Some("FormatRaised"),
        ATTEMPTS_ANCHORED => Some("AttemptsAnchored"),
        ROLLBACK_ACKNOWLEDGED => Some("RollbackAcknowledged"),
        _ => None,
    }
}

/// Record 0: which log this is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Genesis {
    /// Name of the log, as in its checkpoints.
    pub origin: String,
    /// Verifier keys of the log at its birth.
    pub vkeys: Vec<String>,
    /// Always [`FORMAT_VERSION`]; the reader compares it.
    pub format_version: u32,
    /// Invented data under public keys.
    pub synthetic: bool,
    /// Key that may vouch for a new signing key when the old one is lost; empty: none.
    pub recovery_vkey: String,
    /// Seed of a synthetic ledger, else 0.
    pub seed: u64,
}

impl Genesis {
    /// Writes the payload.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.bytes(1, self.origin.as_bytes());
        self.vkeys.iter().for_each(|vkey| out.item(2, vkey.as_bytes()));
        out.varint(3, u64::from(self.format_version));
        out.varint(4, u64::from(self.synthetic));
        out.bytes(5, self.recovery_vkey.as_bytes());
        out.varint(6, self.seed);
        out.finish()
    }

    /// Reads the payload; its rules (origin, version) are the reader's to compare.
    ///
    /// # Errors
    /// Anything but the canonical form.
    pub fn decode(payload: &[u8]) -> Result<Self, PayloadError> {
        let mut out = Self::default();
        for field in Fields::new(payload) {
            match field? {
                (1, Value::Bytes(text)) => out.origin = Value::text(1, text)?,
                (2, Value::Bytes(text)) => out.vkeys.push(Value::text(2, text)?),
                (3, Value::Varint(n)) => out.format_version = Value::u32(3, n)?,
                (4, Value::Varint(n)) => out.synthetic = n == 1,
                (5, Value::Bytes(text)) => out.recovery_vkey = Value::text(5, text)?,
                (6, Value::Varint(n)) => out.seed = n,
                (field, _) => return Err(PayloadError::UnknownField { field }),
            }
        }
        canonical(payload, &out.encode()).map(|()| out)
    }
}

/// Ties chain, tree and views together at a position: the seal's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// RFC 6962 root over all records before the seal.
    pub root: Hash,
    /// Digest of the accounts view there.
    pub accounts: Hash,
    /// Digest of all views there.
    pub views: Hash,
    /// Version V of the views' definitions, 1 to 127.
    pub version: u8,
}

impl Seal {
    /// Writes the payload, [`SEAL_BYTES`] long.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.item(1, &self.root);
        out.item(2, &self.accounts);
        out.item(3, &self.views);
        out.varint(4, u64::from(self.version));
        out.finish()
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// Anything but the canonical 104 bytes with V from 1 to 127.
    pub fn decode(payload: &[u8]) -> Result<Self, PayloadError> {
        let mut out = Self { root: [0; 32], accounts: [0; 32], views: [0; 32], version: 0 };
        for field in Fields::new(payload) {
            match field? {
                (1, Value::Bytes(hash)) => out.root = Value::hash(1, hash)?,
                (2, Value::Bytes(hash)) => out.accounts = Value::hash(2, hash)?,
                (3, Value::Bytes(hash)) => out.views = Value::hash(3, hash)?,
                (4, Value::Varint(n)) => out.version = views_version(n)?,
                (field, _) => return Err(PayloadError::UnknownField { field }),
            }
        }
        views_version(u64::from(out.version))?;
        canonical(payload, &out.encode()).map(|()| out)
    }
}

/// V of a seal: one byte as a varint, so that a seal's payload always has one length.
fn views_version(found: u64) -> Result<u8, PayloadError> {
    let error = PayloadError::Range { field: 4, found, min: 1, max: 127 };
    u8::try_from(found).ok().filter(|v| (1..=127).contains(v)).ok_or(error)
}

/// The log's signing key was replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChanged {
    /// Verifier key from now on.
    pub new_vkey: String,
    /// Verifier key until now.
    pub retired_vkey: String,
}

impl KeyChanged {
    /// Writes the payload.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.bytes(1, self.new_vkey.as_bytes());
        out.bytes(2, self.retired_vkey.as_bytes());
        out.finish()
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// Anything but the canonical form.
    pub fn decode(payload: &[u8]) -> Result<Self, PayloadError> {
        let mut out = Self::default();
        for field in Fields::new(payload) {
            match field? {
                (1, Value::Bytes(text)) => out.new_vkey = Value::text(1, text)?,
                (2, Value::Bytes(text)) => out.retired_vkey = Value::text(2, text)?,
                (field, _) => return Err(PayloadError::UnknownField { field }),
            }
        }
        canonical(payload, &out.encode()).map(|()| out)
    }
}

/// A reader below this version stops here: "written by a newer version".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FormatRaised {
    /// Lowest reader version from here on.
    pub reader_version: u32,
}

impl FormatRaised {
    /// Writes the payload.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.varint(1, u64::from(self.reader_version));
        out.finish()
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// Anything but the canonical form.
    pub fn decode(payload: &[u8]) -> Result<Self, PayloadError> {
        let mut out = Self::default();
        for field in Fields::new(payload) {
            match field? {
                (1, Value::Varint(n)) => out.reader_version = Value::u32(1, n)?,
                (field, _) => return Err(PayloadError::UnknownField { field }),
            }
        }
        canonical(payload, &out.encode()).map(|()| out)
    }
}

/// The attempt log as it stood at that time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptsAnchored {
    /// Records in the attempt log.
    pub size: u64,
    /// Its tree root.
    pub root: Hash,
    /// Its chain head.
    pub head: Hash,
}

impl AttemptsAnchored {
    /// Writes the payload.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.varint(1, self.size);
        out.item(2, &self.root);
        out.item(3, &self.head);
        out.finish()
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// Anything but the canonical form.
    pub fn decode(payload: &[u8]) -> Result<Self, PayloadError> {
        let mut out = Self::default();
        for field in Fields::new(payload) {
            match field? {
                (1, Value::Varint(n)) => out.size = n,
                (2, Value::Bytes(hash)) => out.root = Value::hash(2, hash)?,
                (3, Value::Bytes(hash)) => out.head = Value::hash(3, hash)?,
                (field, _) => return Err(PayloadError::UnknownField { field }),
            }
        }
        canonical(payload, &out.encode()).map(|()| out)
    }
}

/// An operator went on from an older state, on the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RollbackAcknowledged {
    /// Size of the checkpoint that this log no longer reaches.
    pub old_size: u64,
    /// Its root.
    pub old_root: Hash,
    /// The operator's reason.
    pub text: String,
}

impl RollbackAcknowledged {
    /// Writes the payload.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.varint(1, self.old_size);
        out.item(2, &self.old_root);
        out.bytes(3, self.text.as_bytes());
        out.finish()
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// Anything but the canonical form.
    pub fn decode(payload: &[u8]) -> Result<Self, PayloadError> {
        let mut out = Self::default();
        for field in Fields::new(payload) {
            match field? {
                (1, Value::Varint(n)) => out.old_size = n,
                (2, Value::Bytes(hash)) => out.old_root = Value::hash(2, hash)?,
                (3, Value::Bytes(text)) => out.text = Value::text(3, text)?,
                (field, _) => return Err(PayloadError::UnknownField { field }),
            }
        }
        canonical(payload, &out.encode()).map(|()| out)
    }
}

/// Refuses every spelling but the one we would write: repeated or unordered fields, padded
/// varints, defaults spelled out.
fn canonical(found: &[u8], expected: &[u8]) -> Result<(), PayloadError> {
    if found == expected { Ok(()) } else { Err(PayloadError::NotCanonical) }
}
