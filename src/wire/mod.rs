//! Requests of `Posting` and `Registry`, read from their bytes into a voucher, and vouchers made into
//! requests.
//!
//! Lives here: which message holds which fields, and what a client is told whose bytes hold anything
//! else. A generated decoder drops unknown fields in silence and answers a malformed message without a
//! code; a field that a bureau sent and the ledger did not see must be refused.
//! Lives elsewhere: varints and tags (`reader`), requests without a voucher (`known`), the other direction
//! (`outgoing`), transport and inflation (`services`), whether a voucher is well-formed (`ledger::form`).
//!
//! Always: bytes in, values out; no transport, no generated types. Any bytes are answered, none panics.
//! What is legal but not canonical is read as any protobuf reader would: fields in any order, packed or
//! not, the last of several values of a field, messages merged, the last member of a `oneof`. A number
//! that does not fit its field's 32 bits is malformed, where others cut it silently.

mod known;
mod outgoing;
mod reader;
pub(crate) mod shapes;
#[cfg(test)]
#[allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and makes odd bytes on purpose"
)]
mod tests;

use ledger::field::{Field, Shape};
use ledger::reject::{Reason, Reject};
use ledger::voucher::{HeaderText, Voucher, VoucherBuilder};
use record::limits::{MESSAGE_BYTES_MAX, VOUCHER_LINES_MAX, VOUCHER_STREAM_BYTES_MAX};

pub use known::known;
pub use outgoing::{header, line, reverse, stream, voucher};
use reader::{Read, Reader, Tag, WireType, malformed};

/// Why a request's bytes are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// One message is too large (6002).
    MessageTooLarge {
        /// Its bytes.
        found: usize,
    },
    /// All messages of a streamed voucher together are too large (6003).
    StreamTooLarge {
        /// Bytes so far.
        found: usize,
    },
    /// A field that the message does not have (1016).
    UnknownField {
        /// Name of the message.
        message: &'static str,
        /// Number of the field.
        number: u32,
        /// Which line, from 1; 0 outside of lines.
        line: u32,
    },
    /// The bytes are no such message (1034).
    Malformed {
        /// Which byte of the message, from 0.
        offset: usize,
        /// What is wrong there.
        what: String,
    },
    /// A text is not UTF-8 (1035).
    NotUtf8 {
        /// Which field.
        field: &'static str,
        /// Which byte of the message, from 0, does not belong.
        offset: usize,
        /// Which line, from 1; 0 outside of lines.
        line: u32,
    },
}

impl Fault {
    /// The refusal that the client gets.
    pub fn reject(self) -> Reject {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let refusal = match self {
            Self::MessageTooLarge { found } => {
                let (found, max) = (count(found), count(MESSAGE_BYTES_MAX));
                Reason::MessageTooLarge { found, max }.at(0, "")
            }
            Self::StreamTooLarge { found } => {
                let (found, max) = (count(found), count(VOUCHER_STREAM_BYTES_MAX));
                Reason::VoucherTooLarge { found, max }.at(0, "")
            }
            Self::UnknownField { message, number, line } => {
                let column = format!("field {number} of {message}").into();
                let near = format!("a field of the published {message}").into();
                Reason::UnknownColumn { column, near }.at(line, number.to_string())
            }
            Self::Malformed { offset, what } => {
                Reason::MessageMalformed { offset: count(offset), what: what.into() }.at(0, "")
            }
            Self::NotUtf8 { field, offset, line } => {
                let (encoding, offset) = ("UTF-8".into(), count(offset));
                Reason::TextNotUtf8 { field: field.into(), encoding, offset }.at(line, field)
            }
        };
        refusal.into()
    }
}

impl From<Fault> for Reject {
    fn from(fault: Fault) -> Self {
        fault.reject()
    }
}

/// A voucher that a client wants posted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Post {
    /// Chosen by the client for its answer (`PostVouchers`); else 0.
    pub tag: u64,
    /// The document.
    pub voucher: Voucher,
    /// All checks, nothing posted.
    pub validate_only: bool,
    /// Origin of the ledger that is meant; empty: not said.
    pub origin: String,
}

/// What a client wants reversed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reverse {
    /// The reversing voucher: its header, and the lines when single records are named.
    pub post: Post,
    /// The voucher to reverse as a whole; the server makes the lines.
    pub whole: Option<WholeReversal>,
}

/// A voucher to reverse as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WholeReversal {
    /// Organisation that posted it.
    pub organisation: String,
    /// Its number.
    pub voucher_no: String,
    /// Reason code.
    pub reason: String,
    /// Why, in words.
    pub memo: String,
}

/// Reads a `PostVoucherRequest`.
///
/// # Errors
/// [`Fault`]: the first thing in the bytes that does not belong.
pub fn post_voucher(bytes: &[u8]) -> Result<Post, Fault> {
    read_post(bytes, &Layout { message: "PostVoucherRequest", tag: 0, voucher: 1 })
}

/// Reads an `ApplyRequest`.
///
/// # Errors
/// [`Fault`]: the first thing in the bytes that does not belong.
pub fn apply(bytes: &[u8]) -> Result<Post, Fault> {
    read_post(bytes, &Layout { message: "ApplyRequest", tag: 0, voucher: 1 })
}

/// Reads a `DispositionFindingRequest`.
///
/// # Errors
/// [`Fault`]: the first thing in the bytes that does not belong.
pub fn disposition_finding(bytes: &[u8]) -> Result<Post, Fault> {
    read_post(bytes, &Layout { message: "DispositionFindingRequest", tag: 0, voucher: 1 })
}

/// Reads a `PostVouchersRequest`.
///
/// # Errors
/// [`Fault`]: the first thing in the bytes that does not belong.
pub fn post_vouchers(bytes: &[u8]) -> Result<Post, Fault> {
    read_post(bytes, &Layout { message: "PostVouchersRequest", tag: 1, voucher: 2 })
}

/// Reads the tag of a `PostVouchersRequest` that cannot be read as a whole, so that its answer can bear it:
/// the last one before what does not belong, 0 without one.
pub fn tag(bytes: &[u8]) -> u64 {
    let mut reader = Reader::new(bytes);
    let mut tag = 0;
    while let Ok(Some(field)) = reader.tag() {
        let value = match field.wire_type {
            WireType::Varint => reader.varint().ok(),
            WireType::Bytes => reader.message().ok().map(|_| tag),
            WireType::Other(_) => None,
        };
        match value {
            Some(value) if field.number == 1 => tag = value,
            Some(_) => {}
            None => break,
        }
    }
    tag
}

/// Reads a `ReverseVoucherRequest`.
///
/// # Errors
/// [`Fault`]: the first thing in the bytes that does not belong.
pub fn reverse_voucher(bytes: &[u8]) -> Result<Reverse, Fault> {
    within(bytes)?;
    read_reverse(bytes).map_err(|fault| *fault)
}

/// Reads the messages of one `PostVoucherStream`, which together are one voucher.
#[derive(Default)]
pub struct PostStream {
    lines: Lines,
    validate_only: bool,
    origin: String,
    begun: bool,
    bytes: usize,
}

impl PostStream {
    /// A stream of which nothing has come yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the next `PostVoucherStreamRequest`.
    ///
    /// # Errors
    /// [`Fault`]; afterwards the stream is not worth reading on.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        within(bytes)?;
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.bytes > VOUCHER_STREAM_BYTES_MAX {
            return Err(Fault::StreamTooLarge { found: self.bytes });
        }
        self.read(bytes).map_err(|fault| *fault)
    }

    /// Returns the voucher at half-close.
    ///
    /// # Errors
    /// [`Fault::Malformed`] when nothing came.
    pub fn finish(self) -> Result<Post, Fault> {
        if !self.begun {
            let what = "a stream without a first message".to_owned();
            return Err(Fault::Malformed { offset: 0, what });
        }
        let Self { lines, validate_only, origin, .. } = self;
        Ok(Post { tag: 0, voucher: lines.builder.finish(), validate_only, origin })
    }

    fn read(&mut self, bytes: &[u8]) -> Read<()> {
        const MESSAGE: &str = "PostVoucherStreamRequest";
        // Of a `oneof` the member that stands last counts, and merges with its like right before it.
        let (mut last, mut from) = (0, Reader::new(bytes));
        let mut reader = from;
        loop {
            let before = reader;
            let Some(tag) = reader.tag()? else { break };
            if tag.number > 2 {
                return Err(unknown(MESSAGE, tag, 0));
            }
            message(&mut reader, tag, MESSAGE)?;
            if tag.number != last {
                (last, from) = (tag.number, before);
            }
        }
        let what = match (last, self.begun) {
            (0, _) => "neither head nor chunk",
            (1, true) => "a second head",
            (2, false) => "the first message is no head",
            _ => "",
        };
        if !what.is_empty() {
            return Err(malformed(0, what.to_owned()));
        }
        self.begun = true;
        while let Some(tag) = from.tag()? {
            let part = message(&mut from, tag, MESSAGE)?;
            if last == 1 {
                self.read_head(part)?;
            } else {
                self.lines.read_list(part, "LineChunk")?;
            }
        }
        Ok(())
    }

    fn read_head(&mut self, mut reader: Reader<'_>) -> Read<()> {
        const MESSAGE: &str = "VoucherHead";
        while let Some(tag) = reader.tag()? {
            match tag.number {
                1 => read_header(&mut self.lines.builder, message(&mut reader, tag, MESSAGE)?)?,
                2 => self.validate_only = varint(&mut reader, tag, MESSAGE)? != 0,
                3 => text(&mut reader, tag, MESSAGE, "origin", 0)?.clone_into(&mut self.origin),
                _ => return Err(unknown(MESSAGE, tag, 0)),
            }
        }
        Ok(())
    }
}

/// Numbers that differ between the requests that hold a voucher. The dry-run flag and the origin follow
/// the voucher.
struct Layout {
    message: &'static str,
    /// 0: it has none.
    tag: u32,
    voucher: u32,
}

fn within(bytes: &[u8]) -> Result<(), Fault> {
    if bytes.len() <= MESSAGE_BYTES_MAX {
        Ok(())
    } else {
        Err(Fault::MessageTooLarge { found: bytes.len() })
    }
}

fn read_post(bytes: &[u8], layout: &Layout) -> Result<Post, Fault> {
    within(bytes)?;
    let mut post = Post::default();
    let mut lines = Lines::expecting(bytes.len());
    read_request(bytes, layout, &mut post, &mut lines).map_err(|fault| *fault)?;
    post.voucher = lines.builder.finish();
    Ok(post)
}

fn read_request(bytes: &[u8], layout: &Layout, post: &mut Post, lines: &mut Lines) -> Read<()> {
    let mut reader = Reader::new(bytes);
    while let Some(tag) = reader.tag()? {
        match tag.number {
            n if n == layout.voucher => {
                lines.read_voucher(message(&mut reader, tag, layout.message)?)?;
            }
            n if n == layout.tag => post.tag = varint(&mut reader, tag, layout.message)?,
            n if n == layout.voucher.saturating_add(1) => {
                post.validate_only = varint(&mut reader, tag, layout.message)? != 0;
            }
            n if n == layout.voucher.saturating_add(2) => {
                text(&mut reader, tag, layout.message, "origin", 0)?.clone_into(&mut post.origin);
            }
            _ => return Err(unknown(layout.message, tag, 0)),
        }
    }
    Ok(())
}

fn read_reverse(bytes: &[u8]) -> Read<Reverse> {
    const MESSAGE: &str = "ReverseVoucherRequest";
    let mut reverse = Reverse::default();
    let mut lines = Lines::expecting(bytes.len());
    let mut reader = Reader::new(bytes);
    while let Some(tag) = reader.tag()? {
        match tag.number {
            1 => read_header(&mut lines.builder, message(&mut reader, tag, MESSAGE)?)?,
            2 => {
                lines.forget();
                let whole = reverse.whole.get_or_insert_default();
                read_whole(message(&mut reader, tag, MESSAGE)?, whole)?;
            }
            3 => {
                reverse.whole = None;
                lines.read_list(message(&mut reader, tag, MESSAGE)?, "LineReversals")?;
            }
            4 => reverse.post.validate_only = varint(&mut reader, tag, MESSAGE)? != 0,
            5 => {
                text(&mut reader, tag, MESSAGE, "origin", 0)?.clone_into(&mut reverse.post.origin);
            }
            _ => return Err(unknown(MESSAGE, tag, 0)),
        }
    }
    reverse.post.voucher = lines.builder.finish();
    Ok(reverse)
}

fn read_whole(mut reader: Reader<'_>, whole: &mut WholeReversal) -> Read<()> {
    const MESSAGE: &str = "VoucherReversal";
    while let Some(tag) = reader.tag()? {
        let (slot, name) = match tag.number {
            1 => (&mut whole.organisation, "organisation"),
            2 => (&mut whole.voucher_no, "voucher_no"),
            3 => (&mut whole.reason, "reason"),
            4 => (&mut whole.memo, "memo"),
            _ => return Err(unknown(MESSAGE, tag, 0)),
        };
        text(&mut reader, tag, MESSAGE, name, 0)?.clone_into(slot);
    }
    Ok(())
}

fn read_header(builder: &mut VoucherBuilder, mut reader: Reader<'_>) -> Read<()> {
    const MESSAGE: &str = "Header";
    while let Some(tag) = reader.tag()? {
        let texts = HeaderText::ALL.get(index(tag.number).saturating_sub(1));
        match (tag.number, texts) {
            (_, Some(field)) => {
                builder.header(*field, text(&mut reader, tag, MESSAGE, field.name(), 0)?);
            }
            (10, _) => {
                builder.line_count(Some(varint32(&mut reader, tag, MESSAGE)?));
            }
            (11, _) => {
                builder.total_fen(Some(varint(&mut reader, tag, MESSAGE)?.cast_signed()));
            }
            (12, _) => {
                builder.approval_signature(blob(&mut reader, tag, MESSAGE)?);
            }
            (13, _) => {
                builder.approver_key(blob(&mut reader, tag, MESSAGE)?);
            }
            _ => return Err(unknown(MESSAGE, tag, 0)),
        }
    }
    Ok(())
}

/// Lines as they come, into a voucher. Those beyond the most that a voucher may have are read for their
/// faults and counted, not kept: bytes of lines can take many times their size in memory.
#[derive(Default)]
struct Lines {
    builder: VoucherBuilder,
}

impl Lines {
    /// Makes room by what lines usually take. A message bounds it, so nobody gets much for little.
    fn expecting(bytes: usize) -> Self {
        let mut builder = VoucherBuilder::new();
        let most = index(VOUCHER_LINES_MAX);
        builder.reserve((bytes / 160).min(most).max(1), (bytes / 20).max(8), bytes);
        Self { builder }
    }

    /// Forgets all lines: another member of a `oneof` took their place.
    fn forget(&mut self) {
        self.builder.forget_lines();
    }

    fn read_voucher(&mut self, mut reader: Reader<'_>) -> Read<()> {
        const MESSAGE: &str = "Voucher";
        while let Some(tag) = reader.tag()? {
            match tag.number {
                1 => read_header(&mut self.builder, message(&mut reader, tag, MESSAGE)?)?,
                2 => self.read_line(message(&mut reader, tag, MESSAGE)?)?,
                _ => return Err(unknown(MESSAGE, tag, 0)),
            }
        }
        Ok(())
    }

    /// Reads a message whose only field is lines.
    fn read_list(&mut self, mut reader: Reader<'_>, name: &'static str) -> Read<()> {
        while let Some(tag) = reader.tag()? {
            match tag.number {
                1 => self.read_line(message(&mut reader, tag, name)?)?,
                _ => return Err(unknown(name, tag, 0)),
            }
        }
        Ok(())
    }

    fn read_line(&mut self, mut reader: Reader<'_>) -> Read<()> {
        const MESSAGE: &str = "Line";
        self.builder.begin_line(0, "");
        let nth = u32::try_from(self.builder.lines()).unwrap_or(u32::MAX);
        while let Some(tag) = reader.tag()? {
            match tag.number {
                1 => {
                    self.builder.line_no(varint32(&mut reader, tag, MESSAGE)?);
                }
                2 => {
                    self.builder.line_kind(text(&mut reader, tag, MESSAGE, "kind", nth)?);
                }
                number => match Field::of_number(number) {
                    Some(field) => read_field(&mut self.builder, &mut reader, tag, field, nth)?,
                    None => return Err(unknown(MESSAGE, tag, nth)),
                },
            }
        }
        if nth > VOUCHER_LINES_MAX {
            self.builder.drop_line();
        }
        Ok(())
    }
}

fn read_field(
    builder: &mut VoucherBuilder,
    reader: &mut Reader<'_>,
    tag: Tag,
    field: Field,
    line: u32,
) -> Read<()> {
    const MESSAGE: &str = "Line";
    match field.shape() {
        Shape::Text => {
            builder.text(field, text(reader, tag, MESSAGE, field.name(), line)?);
        }
        Shape::Fen | Shape::Int64 => {
            builder.int(field, varint(reader, tag, MESSAGE)?.cast_signed());
        }
        Shape::Blob => {
            builder.blob(field, blob(reader, tag, MESSAGE)?);
        }
        Shape::Uint32 => {
            builder.int(field, i64::from(varint32(reader, tag, MESSAGE)?));
        }
        Shape::Uint64 => {
            builder.wide(field, varint(reader, tag, MESSAGE)?);
        }
        Shape::Bool => {
            builder.bool(field, varint(reader, tag, MESSAGE)? != 0);
        }
        Shape::TextList => {
            builder.push_text(field, text(reader, tag, MESSAGE, field.name(), line)?);
        }
        Shape::Uint32List | Shape::Uint64List => read_numbers(builder, reader, tag, field)?,
        Shape::Member => {
            builder.begin_struct(field);
            read_members(builder, message(reader, tag, MESSAGE)?, field.shape(), line)?;
        }
        Shape::Members | Shape::Shares | Shape::Params | Shape::Counties => {
            builder.begin_entry(field);
            read_members(builder, message(reader, tag, MESSAGE)?, field.shape(), line)?;
        }
        Shape::Rows => {
            builder.begin_entry(field);
            read_row(builder, message(reader, tag, MESSAGE)?, line)?;
        }
    }
    Ok(())
}

/// A number of a list, or many of them packed.
fn read_numbers(
    builder: &mut VoucherBuilder,
    reader: &mut Reader<'_>,
    tag: Tag,
    field: Field,
) -> Read<()> {
    let narrow = field.shape() == Shape::Uint32List;
    let number = |reader: &mut Reader<'_>| {
        let at = reader.at();
        let number = reader.varint()?;
        if narrow { in_32_bits(number, at).map(u64::from) } else { Ok(number) }
    };
    if tag.wire_type == WireType::Bytes {
        let mut packed = reader.message()?;
        while !packed.is_done() {
            builder.push_wide(field, number(&mut packed)?);
        }
    } else {
        expect(tag, WireType::Varint, "Line")?;
        builder.push_wide(field, number(reader)?);
    }
    Ok(())
}

/// The members of a person, a share, a parameter, a county.
fn read_members(
    builder: &mut VoucherBuilder,
    mut reader: Reader<'_>,
    shape: Shape,
    line: u32,
) -> Read<()> {
    let (message, has_presence) = match shape {
        Shape::Shares => ("Share", false),
        Shape::Params => ("Param", false),
        Shape::Counties => ("CountyHeads", false),
        _ => ("Member", true),
    };
    let members = shape.members();
    if !has_presence {
        // A number without presence is 0 when nothing stands on the wire.
        for (name, _) in members.iter().filter(|(_, shape)| *shape != Shape::Text) {
            builder.member_int(name, 0);
        }
    }
    while let Some(tag) = reader.tag()? {
        let Some((name, shape)) = members.get(index(tag.number).saturating_sub(1)) else {
            return Err(unknown(message, tag, line));
        };
        match shape {
            Shape::Text => {
                builder.member_text(name, text(&mut reader, tag, message, name, line)?);
            }
            Shape::Blob => {
                builder.member_blob(name, blob(&mut reader, tag, message)?);
            }
            Shape::Uint32 => {
                builder.member_int(name, i64::from(varint32(&mut reader, tag, message)?));
            }
            Shape::Bool => {
                builder.member_bool(name, varint(&mut reader, tag, message)? != 0);
            }
            Shape::Uint64 => {
                builder.member_wide(name, varint(&mut reader, tag, message)?);
            }
            _ => {
                builder.member_int(name, varint(&mut reader, tag, message)?.cast_signed());
            }
        }
    }
    Ok(())
}

fn read_row(builder: &mut VoucherBuilder, mut reader: Reader<'_>, line: u32) -> Read<()> {
    while let Some(tag) = reader.tag()? {
        if tag.number != 1 {
            return Err(unknown("Row", tag, line));
        }
        let mut cell = message(&mut reader, tag, "Row")?;
        let (mut column, mut value) = ("", "");
        while let Some(tag) = cell.tag()? {
            match tag.number {
                1 => column = text(&mut cell, tag, "Cell", "column", line)?,
                2 => value = text(&mut cell, tag, "Cell", "value", line)?,
                _ => return Err(unknown("Cell", tag, line)),
            }
        }
        builder.cell(column, value);
    }
    Ok(())
}

// Values.

#[inline]
fn expect(tag: Tag, wanted: WireType, message: &'static str) -> Read<()> {
    if tag.wire_type == wanted { Ok(()) } else { Err(wrong_type(tag, wanted, message)) }
}

#[cold]
#[expect(clippy::unnecessary_box_returns, reason = "failures travel boxed")]
fn wrong_type(tag: Tag, wanted: WireType, message: &'static str) -> Box<Fault> {
    let code = |wire_type| match wire_type {
        WireType::Varint => 0,
        WireType::Bytes => 2,
        WireType::Other(code) => code,
    };
    let (number, found, wanted) = (tag.number, code(tag.wire_type), code(wanted));
    let what = format!("field {number} of {message} has wire type {found}, not {wanted}");
    malformed(tag.at, what)
}

#[cold]
#[expect(clippy::unnecessary_box_returns, reason = "failures travel boxed")]
fn unknown(message: &'static str, tag: Tag, line: u32) -> Box<Fault> {
    Box::new(Fault::UnknownField { message, number: tag.number, line })
}

#[inline]
fn varint(reader: &mut Reader<'_>, tag: Tag, message: &'static str) -> Read<u64> {
    expect(tag, WireType::Varint, message)?;
    reader.varint()
}

#[inline]
fn varint32(reader: &mut Reader<'_>, tag: Tag, message: &'static str) -> Read<u32> {
    expect(tag, WireType::Varint, message)?;
    let at = reader.at();
    in_32_bits(reader.varint()?, at)
}

fn in_32_bits(number: u64, at: usize) -> Read<u32> {
    u32::try_from(number).map_err(|_| malformed(at, format!("{number} is longer than 32 bits")))
}

#[inline]
fn blob<'a>(reader: &mut Reader<'a>, tag: Tag, message: &'static str) -> Read<&'a [u8]> {
    expect(tag, WireType::Bytes, message)?;
    Ok(reader.bytes()?.0)
}

#[inline]
fn message<'a>(reader: &mut Reader<'a>, tag: Tag, message: &'static str) -> Read<Reader<'a>> {
    expect(tag, WireType::Bytes, message)?;
    reader.message()
}

#[inline]
fn text<'a>(
    reader: &mut Reader<'a>,
    tag: Tag,
    message: &'static str,
    field: &'static str,
    line: u32,
) -> Read<&'a str> {
    expect(tag, WireType::Bytes, message)?;
    let (bytes, at) = reader.bytes()?;
    std::str::from_utf8(bytes).map_err(|error| {
        let offset = at.saturating_add(error.valid_up_to());
        Box::new(Fault::NotUtf8 { field, offset, line })
    })
}

/// Numbers of fields and limits are far below 2^32: this never saturates on the platforms we build for.
fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
