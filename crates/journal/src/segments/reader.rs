//! Reading blocks beside the writer.
//!
//! Always: only durable blocks are seen; a lock is held for a look-up, never for a read. Checksums
//! are checked, hashes are not recomputed.

use std::sync::Arc;

use record::{BLOCK_HEADER_BYTES, Block, BlockHeader, Hash, Seq};

use super::index::{STRETCH_BYTES, Shared, Span};
use super::scan::frame_error;
use crate::disk::read_exact_at;
use crate::error::{BlockFault, Damage, Error};
use crate::journal::{Blocks, Head, Reader};

/// Small blocks are read together up to this many bytes, large ones each into its own buffer.
const READ_BYTES: u64 = 256 * 1024;

/// Reads the durable blocks of a log of segments.
#[derive(Clone)]
pub struct SegmentReader {
    shared: Arc<Shared>,
    log_id: Hash,
}

impl SegmentReader {
    pub(super) fn new(shared: Arc<Shared>, log_id: Hash) -> Self {
        Self { shared, log_id }
    }

    /// Returns the id of the log, of which every segment carries a copy.
    pub fn log_id(&self) -> Hash {
        self.log_id
    }

    /// Reads a span in one call.
    fn read(&self, span: Span) -> Result<Vec<u8>, Error> {
        let file = self.shared.file(span.segment)?;
        let mut bytes = vec![0; usize::try_from(span.bytes()).unwrap_or(usize::MAX)];
        read_exact_at(&*file, &mut bytes, span.start)
            .map_err(|error| Error::io("reading", &self.shared.path(span.segment), &error))?;
        Ok(bytes)
    }

    /// Reads the header at the beginning of `bytes`, which the index places at `offset`.
    fn header(
        &self,
        bytes: &[u8],
        span: Span,
        offset: u64,
        expected: Seq,
    ) -> Result<BlockHeader, Error> {
        let fault = match BlockHeader::decode(bytes) {
            Ok(header) if header.first_seq == expected => return Ok(header),
            Ok(header) => BlockFault::FirstSeq { expected, found: header.first_seq },
            Err(error) => BlockFault::Frame(error),
        };
        Err(Error::Corrupt {
            segment: self.shared.path(span.segment),
            offset,
            from: expected,
            to: None,
            // It was whole when the log was opened or the block appended.
            what: Box::new(Damage::Complete(fault)),
        })
    }

    /// Makes a block of a frame that was read.
    fn block(
        &self,
        frame: Vec<u8>,
        span: Span,
        offset: u64,
        header: &BlockHeader,
    ) -> Result<Arc<Block>, Error> {
        let place = |error| frame_error(error, &self.shared.path(span.segment), offset, header);
        let block = Block::from_trusted_frame(frame).map_err(place)?;
        // Whoever loops over the records may rely on getting all of them.
        if block.records().count() == block.count() as usize {
            return Ok(Arc::new(block));
        }
        // Not ours to read: say why, in full.
        Block::from_frame(block.into_frame()).map(Arc::new).map_err(place)
    }
}

impl Reader for SegmentReader {
    fn head(&self) -> Head {
        self.shared.index().head()
    }

    fn block_of(&self, seq: Seq) -> Result<Option<Arc<Block>>, Error> {
        let Some(span) = self.shared.index().span(seq, 0) else { return Ok(None) };
        let bytes = self.read(span)?;
        let mut piece = Piece::new(span, bytes);
        loop {
            let Some((header, offset)) = piece.next_header(self)? else { return Ok(None) };
            if seq <= header.last_seq() {
                let frame = piece.take_frame(&header);
                return self.block(frame, span, offset, &header).map(Some);
            }
            piece.skip(&header);
        }
    }

    fn blocks(&self, from: Seq) -> Blocks {
        Box::new(BlockStream { reader: self.clone(), next: from, piece: None, failed: false })
    }

    fn box_clone(&self) -> Box<dyn Reader> {
        Box::new(self.clone())
    }
}

/// Bytes that hold whole blocks, cut from the front.
struct Piece {
    span: Span,
    bytes: Vec<u8>,
    /// Index of the next block in `bytes`.
    at: usize,
    /// First record of the next block.
    next_seq: Seq,
}

impl Piece {
    fn new(span: Span, bytes: Vec<u8>) -> Self {
        Self { span, bytes, at: 0, next_seq: span.first_seq }
    }

    /// Reads the next header with its file offset; `None` behind the last block.
    fn next_header(&self, reader: &SegmentReader) -> Result<Option<(BlockHeader, u64)>, Error> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let offset = self.span.start + self.at as u64;
        let header = reader.header(rest, self.span, offset, self.next_seq)?;
        Ok(Some((header, offset)))
    }

    /// Gives the next block's frame: the whole buffer when the block fills it, else a copy.
    fn take_frame(&mut self, header: &BlockHeader) -> Vec<u8> {
        let range = self.at..self.at + header.frame_bytes();
        self.skip(header);
        if range.start == 0 && range.end == self.bytes.len() {
            self.at = 0;
            return std::mem::take(&mut self.bytes);
        }
        // Too short a slice is refused as a short frame.
        self.bytes.get(range).unwrap_or_default().to_vec()
    }

    fn skip(&mut self, header: &BlockHeader) {
        self.at += header.frame_bytes();
        self.next_seq = header.last_seq().next();
    }
}

struct BlockStream {
    reader: SegmentReader,
    /// The record that the next block must hold.
    next: Seq,
    piece: Option<Piece>,
    failed: bool,
}

impl BlockStream {
    fn next_block(&mut self) -> Result<Option<Arc<Block>>, Error> {
        loop {
            let Some(piece) = &mut self.piece else {
                let index = self.reader.shared.index();
                // A large block is read alone, straight into the buffer that it keeps.
                let span = index
                    .span(self.next, 0)
                    .filter(|span| STRETCH_BYTES < span.bytes())
                    .or_else(|| index.span(self.next, READ_BYTES));
                drop(index);
                let Some(span) = span else { return Ok(None) };
                self.piece = Some(Piece::new(span, self.reader.read(span)?));
                continue;
            };
            let span = piece.span;
            let Some((header, offset)) = piece.next_header(&self.reader)? else {
                self.piece = None;
                continue;
            };
            if header.last_seq() < self.next {
                piece.skip(&header);
                continue;
            }
            let frame = piece.take_frame(&header);
            self.next = header.last_seq().next();
            return self.reader.block(frame, span, offset, &header).map(Some);
        }
    }
}

impl Iterator for BlockStream {
    type Item = Result<Arc<Block>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = self.next_block().transpose();
        self.failed = matches!(item, Some(Err(_)));
        item
    }
}

const _: () = assert!((BLOCK_HEADER_BYTES as u64) < STRETCH_BYTES);
