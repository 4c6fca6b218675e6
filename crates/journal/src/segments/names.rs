//! The names of the files, and the few bytes of the marker `clean`.

use record::{Hash, Seq};

/// Directory of the segments, below the log's own.
pub(super) const SEGMENTS_DIR: &str = "segments";
/// Name of the segment that is being zero-filled; it never holds a block.
pub(super) const NEXT_FILE: &str = "next.tmp";
/// Marker of a clean stop.
pub(super) const CLEAN_FILE: &str = "clean";
/// The file that whoever writes keeps locked.
pub const LOCK_FILE: &str = "LOCK";

const SUFFIX: &str = ".mzs";
const DIGITS: usize = 20;

/// Returns the name of the segment whose first record is `first_seq`.
pub(super) fn segment_name(first_seq: Seq) -> String {
    format!("{:020}{SUFFIX}", first_seq.0)
}

/// Reads the name of a segment; `None` for all other files.
pub(super) fn segment_first_seq(name: &str) -> Option<Seq> {
    let digits = name.strip_suffix(SUFFIX)?;
    let all_digits = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { digits.parse().ok().map(Seq) } else { None }
}

/// Writes a hash in hexadecimal, as `b3sum` does.
pub(super) fn hex(hash: &Hash) -> String {
    use std::fmt::Write as _;
    hash.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Where the log ended when it was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    /// Number of records.
    pub(super) size: u64,
    /// Chain hash of the last one.
    pub(super) head: Hash,
}

/// Longest marker: 20 digits, 64 digits, two line ends.
pub(super) const MARKER_BYTES_MAX: usize = 86;

impl Marker {
    /// Two lines: the size in decimal, the head in hexadecimal.
    pub(super) fn encode(&self) -> String {
        format!("{}\n{}\n", self.size, hex(&self.head))
    }

    /// Reads exactly what `encode` writes.
    pub(super) fn decode(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (size, head) = text.strip_suffix('\n')?.split_once('\n')?;
        let mut marker = Self { size: size.parse().ok()?, head: [0; 32] };
        let pairs = head.as_bytes().chunks(2);
        for (byte, pair) in marker.head.iter_mut().zip(pairs) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        (marker.encode() == text).then_some(marker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_their_first_record() {
        assert_eq!(segment_name(Seq(1_196_032)), "00000000000001196032.mzs");
        assert_eq!(segment_first_seq("00000000000001196032.mzs"), Some(Seq(1_196_032)));
        for other in ["next.tmp", "0.mzs", "0000000000000119603x.mzs", "00000000000001196032.mzs~"]
        {
            assert_eq!(segment_first_seq(other), None, "{other}");
        }
    }

    #[test]
    fn a_marker_is_read_only_as_written() {
        let marker = Marker { size: u64::MAX, head: [0xa7; 32] };
        let text = marker.encode();
        assert_eq!(text.len(), MARKER_BYTES_MAX);
        assert_eq!(Marker::decode(text.as_bytes()), Some(marker));
        for cut in 0..text.len() {
            assert_eq!(Marker::decode(&text.as_bytes()[..cut]), None, "cut at {cut}");
        }
        assert_eq!(Marker::decode(text.to_uppercase().as_bytes()), None);
        assert_eq!(Marker::decode(format!("+{text}").as_bytes()), None);
    }
}
