//! A voucher 记账凭证 as it was received: header and lines, before any rule was asked.
//!
//! Lives here: the document in memory, built by the readers of messages and files, read by form checks,
//! digest and decisions.
//! Lives elsewhere: which field a kind has (`kind`), whether a text is well-formed (`form`).
//!
//! Always: all texts of a voucher stand in one arena and all values in one vector, so a line costs no
//! allocation; empty text, empty bytes and an empty list are absent; a field that is set twice holds
//! what was set last; entries of a list keep their order.

mod builder;

use std::fmt;

use crate::field::Field;
use crate::ids::Token;

pub use builder::VoucherBuilder;

/// A piece of the arena: start and length in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Span {
    at: u32,
    len: u32,
}

/// A chain of nodes: list entries, or members of a structure. Chained and not contiguous, because a
/// message may mix entries of several lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Chain {
    first: u32,
    last: u32,
    count: u32,
}

/// No node.
const NONE: u32 = u32::MAX;

impl Chain {
    const EMPTY: Self = Self { first: NONE, last: NONE, count: 0 };
}

/// A value as it is stored.
#[derive(Clone, Copy, Debug)]
enum Stored {
    Text(Span),
    Blob(Span),
    Int(i64),
    Wide(u64),
    Bool(bool),
    List(Chain),
    Struct(Chain),
}

/// Name of a structure's member, in four bytes: registry vouchers hold members by the hundred thousand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Name {
    /// A list entry has none.
    None,
    /// Position in [`MEMBER_NAMES`].
    Member(u8),
    /// Column of a data file: so many bytes of the arena right before the value's text.
    Column(u16),
}

/// Names of the members of structures (`Shape::members`).
const MEMBER_NAMES: [&str; 15] = [
    "no",
    "person",
    "birth_year",
    "sex",
    "ability",
    "dibao",
    "student",
    "insured",
    "household",
    "village",
    "shares",
    "name",
    "value",
    "unit",
    "heads",
];

/// A list entry or a member of a structure.
#[derive(Clone, Copy, Debug)]
struct Node {
    name: Name,
    value: Stored,
    next: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    field: Field,
    value: Stored,
}

#[derive(Clone, Copy, Debug)]
struct LineAt {
    line_no: u32,
    kind: Span,
    first: u32,
    count: u32,
}

/// The header as stored.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    texts: [Span; HeaderText::ALL.len()],
    line_count: Option<u32>,
    total_fen: Option<i64>,
    approval_signature: Span,
    approver_key: Span,
}

/// A text field of the header, in the order of the content digest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum HeaderText {
    /// Posting organisation; with the voucher number the key.
    Organisation,
    /// Voucher number.
    VoucherNo,
    /// Effective date, `YYYY-MM-DD`.
    EffectiveDate,
    /// Document number 文号.
    DocNo,
    /// Official who prepared it.
    PreparedBy,
    /// Official who approves it.
    ApprovedBy,
    /// Why soft refusals may be passed over.
    ExceptionReason,
    /// Number of the public notice 公示.
    NoticeRef,
    /// Memo.
    Memo,
}

impl HeaderText {
    /// All of them, in the order of the content digest and of the API's numbers 1 to 9.
    pub const ALL: [Self; 9] = [
        Self::Organisation,
        Self::VoucherNo,
        Self::EffectiveDate,
        Self::DocNo,
        Self::PreparedBy,
        Self::ApprovedBy,
        Self::ExceptionReason,
        Self::NoticeRef,
        Self::Memo,
    ];

    /// Its name in digest, files and API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Organisation => "organisation",
            Self::VoucherNo => "voucher_no",
            Self::EffectiveDate => "effective_date",
            Self::DocNo => "doc_no",
            Self::PreparedBy => "prepared_by",
            Self::ApprovedBy => "approved_by",
            Self::ExceptionReason => "exception_reason",
            Self::NoticeRef => "notice_ref",
            Self::Memo => "memo",
        }
    }

    fn index(self) -> usize {
        #[expect(clippy::as_conversions, reason = "repr(u8): the discriminant is the index")]
        {
            self as usize
        }
    }
}

/// The document: one header and its lines.
#[derive(Clone, Default)]
pub struct Voucher {
    text: String,
    blobs: Vec<u8>,
    head: Head,
    lines: Vec<LineAt>,
    entries: Vec<Entry>,
    nodes: Vec<Node>,
    /// Lines that a reader met and did not keep: more than a voucher may have.
    dropped: u32,
}

impl Voucher {
    /// A text field of the header; empty when absent.
    pub fn header(&self, field: HeaderText) -> &str {
        self.head.texts.get(field.index()).map_or("", |span| self.text_at(*span))
    }

    /// Posting organisation.
    pub fn organisation(&self) -> &str {
        self.header(HeaderText::Organisation)
    }

    /// Voucher number.
    pub fn voucher_no(&self) -> &str {
        self.header(HeaderText::VoucherNo)
    }

    /// Effective date as given, `YYYY-MM-DD`.
    pub fn effective_date(&self) -> &str {
        self.header(HeaderText::EffectiveDate)
    }

    /// Document number; empty when absent.
    pub fn doc_no(&self) -> &str {
        self.header(HeaderText::DocNo)
    }

    /// Official who prepared it.
    pub fn prepared_by(&self) -> &str {
        self.header(HeaderText::PreparedBy)
    }

    /// Official who approves it; empty when nobody does.
    pub fn approved_by(&self) -> &str {
        self.header(HeaderText::ApprovedBy)
    }

    /// Why soft refusals may be passed over; empty when they may not.
    pub fn exception_reason(&self) -> &str {
        self.header(HeaderText::ExceptionReason)
    }

    /// Number of the public notice; empty when absent.
    pub fn notice_ref(&self) -> &str {
        self.header(HeaderText::NoticeRef)
    }

    /// Memo of the header; empty when absent.
    pub fn memo(&self) -> &str {
        self.header(HeaderText::Memo)
    }

    /// Control total: number of lines as stated.
    pub fn line_count(&self) -> Option<u32> {
        self.head.line_count
    }

    /// Control total: sum of the amounts in fen, as stated.
    pub fn total_fen(&self) -> Option<i64> {
        self.head.total_fen
    }

    /// The approver's signature, 64 bytes; empty when absent.
    pub fn approval_signature(&self) -> &[u8] {
        self.blob_at(self.head.approval_signature)
    }

    /// The key that made the signature, 32 bytes; empty when absent.
    pub fn approver_key(&self) -> &[u8] {
        self.blob_at(self.head.approver_key)
    }

    /// Number of lines present.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are no lines.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Number of lines that a reader met beyond the most that a voucher may have, and did not keep.
    pub fn dropped_lines(&self) -> usize {
        usize::try_from(self.dropped).unwrap_or(usize::MAX)
    }

    /// The line at an index from 0.
    pub fn line(&self, index: usize) -> Option<LineRef<'_>> {
        self.lines.get(index).map(|at| LineRef { voucher: self, at: *at })
    }

    /// All lines, in order.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = LineRef<'_>> + '_ {
        self.lines.iter().map(|at| LineRef { voucher: self, at: *at })
    }

    /// Bytes of memory that it takes, about: what a queue counts.
    pub fn size_bytes(&self) -> usize {
        let of = |n: usize, size: usize| n.saturating_mul(size);
        size_of::<Self>()
            .saturating_add(self.text.capacity())
            .saturating_add(self.blobs.capacity())
            .saturating_add(of(self.lines.capacity(), size_of::<LineAt>()))
            .saturating_add(of(self.entries.capacity(), size_of::<Entry>()))
            .saturating_add(of(self.nodes.capacity(), size_of::<Node>()))
    }

    fn text_at(&self, span: Span) -> &str {
        range(span).and_then(|r| self.text.get(r)).unwrap_or_default()
    }

    fn blob_at(&self, span: Span) -> &[u8] {
        range(span).and_then(|r| self.blobs.get(r)).unwrap_or_default()
    }

    fn value(&self, stored: Stored) -> Value<'_> {
        match stored {
            Stored::Text(span) => Value::Text(self.text_at(span)),
            Stored::Blob(span) => Value::Blob(self.blob_at(span)),
            Stored::Int(n) => Value::Int(n),
            Stored::Wide(n) => Value::Wide(n),
            Stored::Bool(b) => Value::Bool(b),
            Stored::List(chain) => Value::List(List { voucher: self, chain }),
            Stored::Struct(chain) => Value::Struct(Struct { voucher: self, chain }),
        }
    }

    fn node(&self, at: u32) -> Option<&Node> {
        self.nodes.get(usize::try_from(at).ok()?)
    }
}

fn range(span: Span) -> Option<std::ops::Range<usize>> {
    let start = usize::try_from(span.at).ok()?;
    Some(start..start.checked_add(usize::try_from(span.len).ok()?)?)
}

/// Two vouchers are equal when they say the same, in whatever order their fields were set.
impl PartialEq for Voucher {
    fn eq(&self, other: &Self) -> bool {
        HeaderText::ALL.iter().all(|&f| self.header(f) == other.header(f))
            && self.line_count() == other.line_count()
            && self.total_fen() == other.total_fen()
            && self.approval_signature() == other.approval_signature()
            && self.approver_key() == other.approver_key()
            && self.len() == other.len()
            && self.dropped == other.dropped
            && self.lines().zip(other.lines()).all(|(a, b)| a == b)
    }
}

impl Eq for Voucher {}

impl fmt::Debug for Voucher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Voucher");
        for field in HeaderText::ALL {
            if !self.header(field).is_empty() {
                out.field(field.name(), &self.header(field));
            }
        }
        out.field("line_count", &self.line_count()).field("total_fen", &self.total_fen());
        out.field("lines", &self.lines().collect::<Vec<_>>()).finish()
    }
}

/// A value of a field, a list entry or a member of a structure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// UTF-8 text, never empty. Also what a file holds where something else is expected: the form
    /// checks refuse it as it was spelled.
    Text(&'a str),
    /// Bytes, never empty.
    Blob(&'a [u8]),
    /// A whole number.
    Int(i64),
    /// A whole number above `i64::MAX`, which no field allows: kept to be refused as it was sent.
    Wide(u64),
    /// Yes or no.
    Bool(bool),
    /// A list with at least one entry.
    List(List<'a>),
    /// A structure; it may be empty.
    Struct(Struct<'a>),
}

impl<'a> Value<'a> {
    /// The text; empty when it is something else.
    pub fn text(self) -> &'a str {
        if let Self::Text(text) = self { text } else { "" }
    }

    /// The number.
    pub fn int(self) -> Option<i64> {
        if let Self::Int(n) = self { Some(n) } else { None }
    }

    /// The truth value.
    pub fn bool(self) -> Option<bool> {
        if let Self::Bool(b) = self { Some(b) } else { None }
    }

    /// The bytes; empty when it is something else.
    pub fn blob(self) -> &'a [u8] {
        if let Self::Blob(bytes) = self { bytes } else { &[] }
    }

    /// The structure.
    pub fn structure(self) -> Option<Struct<'a>> {
        if let Self::Struct(members) = self { Some(members) } else { None }
    }
}

/// One line of a voucher.
#[derive(Clone, Copy)]
pub struct LineRef<'a> {
    voucher: &'a Voucher,
    at: LineAt,
}

impl<'a> LineRef<'a> {
    /// Its number as given.
    pub fn line_no(&self) -> u32 {
        self.at.line_no
    }

    /// Name of its kind as given.
    pub fn kind_name(&self) -> &'a str {
        self.voucher.text_at(self.at.kind)
    }

    fn entries(&self) -> &'a [Entry] {
        range(Span { at: self.at.first, len: self.at.count })
            .and_then(|r| self.voucher.entries.get(r))
            .unwrap_or_default()
    }

    /// The fields that are filled, in the order in which they were first set.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (Field, Value<'a>)> + use<'a> {
        let voucher = self.voucher;
        self.entries().iter().map(move |e| (e.field, voucher.value(e.value)))
    }

    /// The value of a field; `None` when it is not filled.
    pub fn get(&self, field: Field) -> Option<Value<'a>> {
        let entry = self.entries().iter().find(|e| e.field == field)?;
        Some(self.voucher.value(entry.value))
    }

    /// The value of a field, looked for first where `hint` says, which then points behind it: rows and
    /// messages name fields in nearly the same order.
    pub(crate) fn get_near(&self, field: Field, hint: &mut usize) -> Option<Value<'a>> {
        let entries = self.entries();
        let at = match entries.get(*hint) {
            Some(entry) if entry.field == field => *hint,
            _ => entries.iter().position(|e| e.field == field)?,
        };
        *hint = at.saturating_add(1);
        entries.get(at).map(|entry| self.voucher.value(entry.value))
    }

    /// Whether a field is filled.
    pub fn has(&self, field: Field) -> bool {
        self.entries().iter().any(|e| e.field == field)
    }

    /// The text of a field; empty when it is not filled.
    pub fn text(&self, field: Field) -> &'a str {
        self.get(field).map_or("", Value::text)
    }

    /// The number or the fen of a field.
    pub fn int(&self, field: Field) -> Option<i64> {
        self.get(field)?.int()
    }

    /// The truth value of a field.
    pub fn bool(&self, field: Field) -> Option<bool> {
        self.get(field)?.bool()
    }

    /// The bytes of a field; empty when it is not filled.
    pub fn blob(&self, field: Field) -> &'a [u8] {
        self.get(field).map_or(&[], Value::blob)
    }

    /// The token of a field, when it holds 16 bytes.
    pub fn token(&self, field: Field) -> Option<Token> {
        Token::of(self.blob(field))
    }

    /// The list of a field; empty when it is not filled.
    pub fn list(&self, field: Field) -> List<'a> {
        match self.get(field) {
            Some(Value::List(list)) => list,
            _ => List { voucher: self.voucher, chain: Chain::EMPTY },
        }
    }

    /// The structure of a field.
    pub fn structure(&self, field: Field) -> Option<Struct<'a>> {
        self.get(field)?.structure()
    }
}

impl PartialEq for LineRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.line_no() == other.line_no()
            && self.kind_name() == other.kind_name()
            && self.at.count == other.at.count
            && self.fields().all(|(field, value)| other.get(field) == Some(value))
    }
}

impl fmt::Debug for LineRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct(self.kind_name());
        out.field("line_no", &self.line_no());
        for (field, value) in self.fields() {
            out.field(field.name(), &value);
        }
        out.finish()
    }
}

/// The entries of a list.
#[derive(Clone, Copy)]
pub struct List<'a> {
    voucher: &'a Voucher,
    chain: Chain,
}

impl<'a> List<'a> {
    /// Number of entries.
    pub fn len(&self) -> usize {
        usize::try_from(self.chain.count).unwrap_or(usize::MAX)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.chain.count == 0
    }

    /// The entries, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let voucher = self.voucher;
        nodes(voucher, self.chain).map(move |node| voucher.value(node.value))
    }

    /// The entries that are structures, in the order given.
    pub fn structures(&self) -> impl Iterator<Item = Struct<'a>> + use<'a> {
        self.iter().filter_map(Value::structure)
    }
}

impl PartialEq for List<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other.iter()).all(|(a, b)| a == b)
    }
}

impl fmt::Debug for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The members of a structure: a person, a share, a row of a data file.
#[derive(Clone, Copy)]
pub struct Struct<'a> {
    voucher: &'a Voucher,
    chain: Chain,
}

impl<'a> Struct<'a> {
    /// Number of members that are filled.
    pub fn len(&self) -> usize {
        usize::try_from(self.chain.count).unwrap_or(usize::MAX)
    }

    /// Whether none is filled.
    pub fn is_empty(&self) -> bool {
        self.chain.count == 0
    }

    /// Names and values, in the order given. A row of a data file may name a column twice.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'a> {
        let voucher = self.voucher;
        nodes(voucher, self.chain)
            .map(move |node| (name_of(voucher, node), voucher.value(node.value)))
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// The text of a member; empty when it is not filled.
    pub fn text(&self, name: &str) -> &'a str {
        self.get(name).map_or("", Value::text)
    }

    /// The number of a member.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.get(name)?.int()
    }

    /// The truth value of a member.
    pub fn bool(&self, name: &str) -> Option<bool> {
        self.get(name)?.bool()
    }

    /// The token of a member, when it holds 16 bytes.
    pub fn token(&self, name: &str) -> Option<Token> {
        Token::of(self.get(name)?.blob())
    }
}

impl PartialEq for Struct<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl fmt::Debug for Struct<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

fn name_of<'a>(voucher: &'a Voucher, node: &Node) -> &'a str {
    match (node.name, node.value) {
        (Name::Member(at), _) => MEMBER_NAMES.get(usize::from(at)).copied().unwrap_or_default(),
        (Name::Column(len), Stored::Text(value)) => {
            let len = u32::from(len);
            voucher.text_at(Span { at: value.at.saturating_sub(len), len })
        }
        (Name::None | Name::Column(_), _) => "",
    }
}

/// Walks a chain. It ends: a node's `next` is written once, when a later node is appended.
fn nodes(voucher: &Voucher, chain: Chain) -> impl Iterator<Item = &Node> + use<'_> {
    std::iter::successors(voucher.node(chain.first), |node| voucher.node(node.next))
}
