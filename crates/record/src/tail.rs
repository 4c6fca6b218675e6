//! Torn or damaged: the judgement over what stands behind the last whole block of a log.
//!
//! Lives here: the cases of `docs/format.md`, "Opening the last segment", as a function of bytes alone,
//! used by whoever appends (`journal`) and whoever checks (`verify`).
//! Lives elsewhere: finding the last whole block, reading the file, acting on the verdict; that zeros end
//! a segment that is not the last; case 5, the published checkpoint.
//!
//! Always: only what a power cut can leave of one unsynced block is called torn, that is any choice
//! of its 512-byte sectors. Nothing acknowledged can look like that, since it was written whole.
//! "Written by a newer version" is no verdict: segment headers and records say so, a bad place cannot.
//!
//! What this cannot tell: a device that garbles one sector and loses another in the same cut can
//! make a small acknowledged block, whose header shares the garbled sector with the block being
//! written, look like a part of the torn one. And a record with 512 zero bytes in it, damaged
//! elsewhere, looks torn. The published checkpoint and the marker of a clean stop are for that.

use crate::frame::{BLOCK_HEADER_BYTES, BlockHeader};
use crate::limits::BLOCK_BYTES_MAX;
use crate::seq::Seq;

/// What a disk writes whole, in bytes, and where: at multiples of it.
pub const SECTOR_BYTES: usize = 512;

/// Furthest that one block reaches from its first byte, without padding.
pub const BLOCK_REACH: usize = BLOCK_HEADER_BYTES + BLOCK_BYTES_MAX;

/// Bytes that are kept to be judged. A byte in use further away than one block reaches is damage
/// whatever it belongs to; a block that begins before that ends within twice the reach.
const WINDOW_BYTES: usize = 2 * BLOCK_REACH;

/// Valid headers whose bodies are looked at. A torn write leaves none, and records made to look
/// like many headers must not keep an opening log busy for hours: past this number they are taken
/// as valid.
const CANDIDATES_MAX: usize = 64;

/// What the bytes behind the last whole block are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Case 1: zeros to the end of the file.
    End,
    /// Case 4: what is left of one block that was never synced.
    Torn {
        /// Bytes up to the last one that is not zero.
        bytes: u64,
    },
    /// Case 2: a valid block, by its checksums, that does not belong where it begins or stands
    /// behind a bad place.
    ValidBlock {
        /// Where it begins, from the first byte judged; 0: here, but it does not continue the log.
        at: u64,
        /// Its first record.
        first_seq: Seq,
    },
    /// Case 2: a byte in use that one block does not reach.
    OutOfReach {
        /// The last such byte, from the first byte judged.
        at: u64,
    },
    /// Case 3: the block was written completely and then damaged.
    Complete {
        /// Its last record, if its header holds.
        last_seq: Option<Seq>,
    },
}

/// The bytes of the last segment from the first place where no block continues the log to the end of
/// the file: taken piece by piece, kept as far as the verdict needs them (32 MiB).
#[derive(Clone, Debug, Default)]
pub struct Rest {
    /// The first bytes, up to the last one in use at least.
    window: Vec<u8>,
    bytes: u64,
    /// Behind the last byte that is not zero.
    used: u64,
}

impl Rest {
    /// Takes the next piece of the file.
    pub fn push(&mut self, piece: &[u8]) {
        let before = self.bytes;
        self.bytes = before.saturating_add(as_u64(piece.len()));
        let Some(last) = last_used(piece) else { return };
        self.used = before.saturating_add(as_u64(last)).saturating_add(1);
        // Zeros that were passed over are kept only where something follows them.
        self.window.resize(window_bytes(before), 0);
        let room = WINDOW_BYTES.saturating_sub(self.window.len());
        self.window.extend(piece.iter().take(room));
    }

    /// Judges all that was taken; its first byte stands at `offset` of the file.
    pub fn judge(mut self, offset: u64) -> Verdict {
        if self.used == 0 {
            return Verdict::End;
        }
        // A valid block may end in zeros.
        self.window.resize(window_bytes(self.bytes), 0);
        let window = &*self.window;
        if let Some((at, first_seq)) = valid_block(window, self.used) {
            return Verdict::ValidBlock { at: as_u64(at), first_seq };
        }
        if as_u64(BLOCK_REACH) < self.used {
            return Verdict::OutOfReach { at: self.used.saturating_sub(1) };
        }
        let torn = Verdict::Torn { bytes: self.used };
        let used = window_bytes(self.used);
        let header = BlockHeader::decode(window).ok();
        let extent = match &header {
            Some(header) => BLOCK_HEADER_BYTES.saturating_add(header.body_bytes()),
            // No whole block ever stood here: the shortest has a body behind its header.
            None if used <= BLOCK_HEADER_BYTES => return torn,
            None => used,
        };
        if has_unwritten_sector(window.get(..extent).unwrap_or(window), offset) {
            return torn;
        }
        Verdict::Complete { last_seq: header.map(|header| header.last_seq()) }
    }
}

/// Finds the last byte that is not zero.
fn last_used(bytes: &[u8]) -> Option<usize> {
    // Most pieces are zeros, which this sees at once.
    if is_zero(bytes) { None } else { bytes.iter().rposition(|byte| *byte != 0) }
}

/// Tells whether all bytes are zero.
pub fn is_zero(bytes: &[u8]) -> bool {
    // By pieces against zeros, which compares words and not bytes.
    const ZEROS: [u8; 4_096] = [0; 4_096];
    bytes.chunks(ZEROS.len()).all(|piece| ZEROS.get(..piece.len()) == Some(piece))
}

/// Case 2: finds the first valid block that begins within the bytes in use: header and body
/// checksum hold. Blocks stand at multiples of 8.
fn valid_block(window: &[u8], used: u64) -> Option<(usize, Seq)> {
    let mut headers = 0_usize;
    (0..window_bytes(used)).step_by(8).find_map(|at| {
        let bytes = window.get(at..)?;
        // A quick look before the checksum: most places hold no magic.
        if !bytes.starts_with(b"MZB1") {
            return None;
        }
        let header = BlockHeader::decode(bytes).ok()?;
        headers = headers.saturating_add(1);
        let body = bytes.get(BLOCK_HEADER_BYTES..)?.get(..header.body_bytes());
        let holds = body.is_some_and(|body| crc32c::crc32c(body) == header.body_crc);
        (CANDIDATES_MAX < headers || holds).then_some((at, header.first_seq))
    })
}

/// Case 3: cuts a block that begins at file offset `offset` where the file's sectors meet, and tells
/// whether a part is all zero: it was never written.
fn has_unwritten_sector(block: &[u8], offset: u64) -> bool {
    let into_sector = usize::try_from(offset).unwrap_or(0) % SECTOR_BYTES;
    let (first, others) = block.split_at(block.len().min(SECTOR_BYTES.saturating_sub(into_sector)));
    std::iter::once(first).chain(others.chunks(SECTOR_BYTES)).any(is_zero)
}

/// The part of so many bytes that the window holds.
fn window_bytes(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX).min(WINDOW_BYTES)
}

fn as_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
