//! Torn or damaged: the judgement over what stands behind the last whole block.
//!
//! Lives here: the cases of `docs/format.md`, "Opening the last segment", as a function of bytes
//! alone.
//! Lives elsewhere: finding the last whole block (`scan`), acting on the verdict (`recover`), case
//! 5, the published checkpoint (the process).
//!
//! Always: only what a power cut can leave of one unsynced block is called torn, that is any choice
//! of its 512-byte sectors. Nothing acknowledged can look like that, since it was written whole.
//!
//! What this cannot tell: a device that garbles one sector and loses another in the same cut can
//! make a small acknowledged block, whose header shares the garbled sector with the block being
//! written, look like a part of the torn one. And a record with 512 zero bytes in it, damaged
//! elsewhere, looks torn. The published checkpoint and the marker of a clean stop are for that; see
//! `Options::published`.

use record::limits::BLOCK_BYTES_MAX;
use record::{BLOCK_HEADER_BYTES, BlockHeader, Seq};

use crate::disk::SECTOR_BYTES;

/// Furthest that one block reaches from its first byte.
pub(super) const BLOCK_REACH: usize = BLOCK_HEADER_BYTES + BLOCK_BYTES_MAX;

/// What the bytes behind the last whole block are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Case 1: zeros to the end of the file.
    Clean,
    /// Case 4: what is left of one block that was never synced. `bytes` reach up to the last one
    /// that is not zero.
    Torn { bytes: usize },
    /// Case 2: a valid block begins at `index`, with record `first_seq`.
    ValidBehind { index: usize, first_seq: Seq },
    /// Case 2: the byte at `index` is not zero, and one block does not reach it.
    FarBehind { index: usize },
    /// Case 3: the block was written completely and then damaged. `last_seq` if its header holds.
    Complete { last_seq: Option<Seq> },
}

/// Judges `rest`, the bytes of the last segment from file offset `offset` to its end, at whose
/// beginning no valid block stands.
pub(super) fn judge(rest: &[u8], offset: u64) -> Verdict {
    let Some(last) = rest.iter().rposition(|byte| *byte != 0) else { return Verdict::Clean };
    if let Some((index, first_seq)) = valid_block(rest) {
        return Verdict::ValidBehind { index, first_seq };
    }
    if BLOCK_REACH <= last {
        return Verdict::FarBehind { index: last };
    }
    let header = BlockHeader::decode(rest).ok();
    let extent = match &header {
        Some(header) => BLOCK_HEADER_BYTES + header.body_bytes(),
        // No whole block ever stood here: the shortest has a body behind its header.
        None if last < BLOCK_HEADER_BYTES => return Verdict::Torn { bytes: last + 1 },
        None => last + 1,
    };
    if parts(rest.get(..extent).unwrap_or(rest), offset).any(is_zero) {
        return Verdict::Torn { bytes: last + 1 };
    }
    Verdict::Complete { last_seq: header.map(|header| header.last_seq()) }
}

/// Tells whether all bytes are zero.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    // By pieces against zeros, which compares words and not bytes.
    const ZEROS: [u8; 4_096] = [0; 4_096];
    bytes.chunks(ZEROS.len()).all(|piece| ZEROS.get(..piece.len()) == Some(piece))
}

/// Valid headers whose bodies are looked at. A torn write leaves none, and records made to look
/// like many headers must not keep an opening log busy for hours: past this number they are taken
/// as valid.
const CANDIDATES_MAX: usize = 64;

/// Finds the first valid block: header and body checksum hold. Blocks stand at multiples of 8.
fn valid_block(rest: &[u8]) -> Option<(usize, Seq)> {
    let mut headers = 0;
    (0..rest.len()).step_by(8).find_map(|index| {
        let bytes = rest.get(index..)?;
        // A quick look before the checksum: most places hold no magic.
        if !bytes.starts_with(b"MZB1") {
            return None;
        }
        let header = BlockHeader::decode(bytes).ok()?;
        headers += 1;
        let body = bytes.get(BLOCK_HEADER_BYTES..BLOCK_HEADER_BYTES + header.body_bytes());
        let holds = body.is_some_and(|body| crc32c::crc32c(body) == header.body_crc);
        (CANDIDATES_MAX < headers || holds).then_some((index, header.first_seq))
    })
}

/// Cuts bytes that begin at file offset `offset` where the file's sectors meet.
fn parts(bytes: &[u8], offset: u64) -> impl Iterator<Item = &[u8]> {
    let into_sector = usize::try_from(offset % SECTOR_BYTES as u64).unwrap_or(0);
    let (first, others) = bytes.split_at(bytes.len().min(SECTOR_BYTES - into_sector));
    std::iter::once(first).chain(others.chunks(SECTOR_BYTES))
}
