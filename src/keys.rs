//! The two secret files of a ledger: the key that signs checkpoints and the key that salts records.
//!
//! Lives here: how they are made, derived on a synthetic ledger, stored and read back.
//! Lives elsewhere: what is signed (`node::checkpoint`), what a salt is for (`record`).
//!
//! Always: a key file that others can read is refused; a synthetic ledger's keys follow from seed and
//! origin, so they are public and everybody who shows them says so.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use record::context;
use thiserror::Error;
use tlog::Signer;

/// Folder of the key files within a ledger's directory.
pub const KEYS_DIR: &str = "keys";
/// The signing key: one line, `PRIVATE+KEY+…` as Go's note tools write it.
pub const LOG_KEY: &str = "keys/log";
/// The record-salt key: one line of 64 hex digits.
pub const SALT_KEY: &str = "keys/salt";

/// A key file is a line; what is longer is no key.
const KEY_FILE_BYTES_MAX: u64 = 4_096;

/// The keys of a ledger that is being written. Not `Debug`: they are secret.
pub struct Keys {
    /// Signs checkpoints. Absent: the ledger is read and verified, not signed.
    pub signer: Option<Signer>,
    /// Salts records.
    pub salt: [u8; 32],
    /// The salt key was missing and a new one was drawn: to be said in the process's log.
    pub salt_is_new: bool,
}

/// Why the keys cannot be used.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// Group or others have a right on the file.
    #[error("{path} has mode {mode:04o}; only its owner may read it")]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its mode bits.
        mode: u32,
    },
    /// The file holds something else than a key.
    #[error("{path} holds no key: {what}")]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// The signing key belongs to another ledger.
    #[error("{path} is the key of {found}, this ledger is {origin}")]
    OtherOrigin {
        /// The file.
        path: PathBuf,
        /// Origin named by the key.
        found: String,
        /// Origin of the ledger.
        origin: String,
    },
    /// The file system said no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl Keys {
    /// Derives the keys of a synthetic ledger. Source: log format, "Synthetic ledgers".
    ///
    /// # Errors
    /// When `origin` is no name that a note may have.
    pub fn synthetic(seed: u64, origin: &str) -> Result<Self, tlog::note::KeyError> {
        let derive = |context: &str| {
            let mut hasher = blake3::Hasher::new_derive_key(context);
            hasher.update(&seed.to_le_bytes()).update(origin.as_bytes());
            *hasher.finalize().as_bytes()
        };
        let signer = Signer::from_seed(origin, &derive(context::SYNTHETIC_SIGNING_KEY))?;
        let salt = derive(context::SYNTHETIC_SALT_KEY);
        Ok(Self { signer: Some(signer), salt, salt_is_new: false })
    }

    /// Draws the keys of an ordinary ledger from the system's source of randomness.
    ///
    /// # Errors
    /// When `origin` is no name that a note may have, or the system has no randomness.
    pub fn draw(origin: &str) -> Result<Self, io::Error> {
        let (mut seed, mut salt) = ([0; 32], [0; 32]);
        getrandom::fill(&mut seed).map_err(|e| io::Error::other(e.to_string()))?;
        getrandom::fill(&mut salt).map_err(|e| io::Error::other(e.to_string()))?;
        let signer = Signer::from_seed(origin, &seed)
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e.to_string()))?;
        Ok(Self { signer: Some(signer), salt, salt_is_new: false })
    }

    /// Writes both files with mode 0600 into a folder of mode 0700, and syncs them.
    ///
    /// # Errors
    /// `Io`; a file that is there already is never replaced.
    pub fn store(&self, data: &Path) -> Result<(), KeyFileError> {
        let dir = data.join(KEYS_DIR);
        let made = fs::DirBuilder::new().mode(0o700).recursive(true).create(&dir);
        made.map_err(|source| io_at(&dir, source))?;
        if let Some(signer) = &self.signer {
            write_secret(&data.join(LOG_KEY), &signer.to_private_text())?;
        }
        write_secret(&data.join(SALT_KEY), &hex(&self.salt))?;
        let synced = fs::File::open(&dir).and_then(|dir| dir.sync_all());
        synced.map_err(|source| io_at(&dir, source))
    }

    /// Looks whether the keys can be used for the ledger `origin`; writes nothing.
    ///
    /// # Errors
    /// As [`Keys::load`].
    pub fn check(data: &Path, origin: &str) -> Result<(), KeyFileError> {
        let path = data.join(LOG_KEY);
        if let Some(text) = read_secret(&path)? {
            parse_signer(&path, &text, origin)?;
        }
        Ok(())
    }

    /// Reads the keys of the ledger `origin`.
    ///
    /// A missing signing key leaves `signer` empty. A missing salt key is drawn anew and stored: salts
    /// are opaque, so nothing that was written depends on it.
    ///
    /// # Errors
    /// When a file can be read by others, holds no key, or belongs to another ledger.
    pub fn load(data: &Path, origin: &str) -> Result<Self, KeyFileError> {
        let path = data.join(LOG_KEY);
        let signer = match read_secret(&path)? {
            None => None,
            Some(text) => Some(parse_signer(&path, &text, origin)?),
        };
        let path = data.join(SALT_KEY);
        let Some(text) = read_secret(&path)? else {
            let mut salt = [0; 32];
            getrandom::fill(&mut salt)
                .map_err(|e| io_at(&path, io::Error::other(e.to_string())))?;
            let keys = Self { signer: None, salt, salt_is_new: true };
            keys.store(data)?;
            return Ok(Self { signer, ..keys });
        };
        let salt = unhex(text.trim()).ok_or_else(|| KeyFileError::NotAKey {
            path,
            what: "64 hex digits expected".to_owned(),
        })?;
        Ok(Self { signer, salt, salt_is_new: false })
    }
}

fn parse_signer(path: &Path, text: &str, origin: &str) -> Result<Signer, KeyFileError> {
    let signer = Signer::parse(text.trim())
        .map_err(|e| KeyFileError::NotAKey { path: path.to_owned(), what: e.to_string() })?;
    let found = signer.vkey().name();
    if found == origin {
        return Ok(signer);
    }
    let (found, origin) = (found.to_owned(), origin.to_owned());
    Err(KeyFileError::OtherOrigin { path: path.to_owned(), found, origin })
}

fn read_secret(path: &Path) -> Result<Option<String>, KeyFileError> {
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io_at(path, source)),
    };
    let mode = meta.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Readable { path: path.to_owned(), mode });
    }
    if KEY_FILE_BYTES_MAX < meta.len() {
        let what = format!("{} bytes", meta.len());
        return Err(KeyFileError::NotAKey { path: path.to_owned(), what });
    }
    fs::read_to_string(path).map(Some).map_err(|source| io_at(path, source))
}

fn write_secret(path: &Path, line: &str) -> Result<(), KeyFileError> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(line.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    };
    write().map_err(|source| io_at(path, source))
}

fn io_at(path: &Path, source: io::Error) -> KeyFileError {
    KeyFileError::Io { path: path.to_owned(), source }
}

/// Returns bytes as lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len().saturating_mul(2)), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ok = write!(out, "{byte:02x}");
        out
    })
}

/// Returns the 32 bytes that 64 hex digits spell.
pub fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut out = [0_u8; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in out.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn synthetic_keys_follow_from_seed_and_origin() {
        let key = |seed, origin| {
            let keys = Keys::synthetic(seed, origin).unwrap();
            (keys.signer.unwrap().to_private_text(), keys.salt)
        };
        assert_eq!(key(20_160_604, "example.org/a"), key(20_160_604, "example.org/a"));
        assert_ne!(key(20_160_604, "example.org/a").1, key(20_160_605, "example.org/a").1);
        assert_ne!(key(20_160_604, "example.org/a").1, key(20_160_604, "example.org/b").1);
    }

    #[test]
    fn what_was_stored_is_read_back_and_is_for_the_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::draw("example.org/a").unwrap();
        keys.store(dir.path()).unwrap();
        let read = Keys::load(dir.path(), "example.org/a").unwrap();
        assert_eq!(read.salt, keys.salt);
        assert!(!read.salt_is_new && read.signer.is_some());
        assert!(matches!(
            Keys::load(dir.path(), "example.org/b"),
            Err(KeyFileError::OtherOrigin { .. })
        ));
        let path = dir.path().join(LOG_KEY);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = Keys::load(dir.path(), "example.org/a");
        assert!(matches!(refused, Err(KeyFileError::Readable { mode: 0o640, .. })));
    }

    #[test]
    fn a_missing_salt_key_is_drawn_and_a_missing_signing_key_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::load(dir.path(), "example.org/a").unwrap();
        assert!(keys.salt_is_new && keys.signer.is_none());
        let again = Keys::load(dir.path(), "example.org/a").unwrap();
        assert!(!again.salt_is_new && again.salt == keys.salt);
    }
}
