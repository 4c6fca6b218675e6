//! Records written field by field, right or wrong, by code that shares nothing with the crate's.

use record::{Hash, Record, chain_hash};

/// 2016-11-21 in days since 1970-01-01, and noon of that day in China.
pub(crate) const DATE: u32 = 17_126;
pub(crate) const NOON_MS: u64 = 1_479_700_800_000;

/// The fields of a record; `len`, `legs` and `legs_len` follow from the rest unless they are set.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) len: Option<u16>,
    pub(crate) version: u8,
    pub(crate) legs_count: Option<u8>,
    pub(crate) kind: u16,
    pub(crate) legs_len: Option<u16>,
    pub(crate) seq: u64,
    pub(crate) time_ms: u64,
    pub(crate) prev: Hash,
    pub(crate) part: u16,
    pub(crate) parts: u16,
    pub(crate) date: u32,
    pub(crate) salt: [u8; 16],
    pub(crate) legs: Vec<(i64, Vec<u8>)>,
    pub(crate) payload: Vec<u8>,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            len: None,
            version: 1,
            legs_count: None,
            kind: 330,
            legs_len: None,
            seq: 7,
            time_ms: NOON_MS,
            prev: [5; 32],
            part: 0,
            parts: 1,
            date: DATE,
            salt: [9; 16],
            legs: legs(&[("C.hh.1", 100), ("C.hold.2.Q", -100)]),
            payload: b"payload".to_vec(),
        }
    }
}

pub(crate) fn legs(legs: &[(&str, i64)]) -> Vec<(i64, Vec<u8>)> {
    legs.iter().map(|(path, fen)| (*fen, path.as_bytes().to_vec())).collect()
}

impl Raw {
    /// The genesis of a log.
    pub(crate) fn genesis() -> Self {
        Self {
            kind: 1,
            seq: 0,
            prev: [0; 32],
            legs: Vec::new(),
            payload: b"\x0a\x01o".to_vec(),
            ..Self::default()
        }
    }

    /// A record that follows another, alone in its group.
    pub(crate) fn after(before: &[u8]) -> Self {
        let record = Record::parse(before).unwrap();
        Self {
            seq: record.seq().0 + 1,
            prev: chain_hash(before),
            time_ms: record.time_ms(),
            ..Self::default()
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut legs = Vec::new();
        for (fen, path) in &self.legs {
            legs.extend_from_slice(&fen.to_le_bytes());
            legs.push(path.len() as u8);
            legs.extend_from_slice(path);
        }
        let len = 80 + legs.len() + self.payload.len();
        let mut out = Vec::new();
        out.extend_from_slice(&self.len.unwrap_or(len as u16).to_le_bytes());
        out.push(self.version);
        out.push(self.legs_count.unwrap_or(self.legs.len() as u8));
        out.extend_from_slice(&self.kind.to_le_bytes());
        out.extend_from_slice(&self.legs_len.unwrap_or(legs.len() as u16).to_le_bytes());
        out.extend_from_slice(&self.seq.to_le_bytes());
        out.extend_from_slice(&self.time_ms.to_le_bytes());
        out.extend_from_slice(&self.prev);
        out.extend_from_slice(&self.part.to_le_bytes());
        out.extend_from_slice(&self.parts.to_le_bytes());
        out.extend_from_slice(&self.date.to_le_bytes());
        out.extend_from_slice(&self.salt);
        assert_eq!(out.len(), 80);
        [out, legs, self.payload.clone()].concat()
    }
}
