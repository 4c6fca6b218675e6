//! Builds a voucher from whatever names its fields: a message, a file, a record.
//!
//! Lives here: how values are laid into the voucher's vectors.
//! Lives elsewhere: reading them back (`voucher`).
//!
//! Always: no call can fail. What a caller gives in a wrong place changes nothing, what it gives in a
//! wrong form is kept as given, for the form checks to refuse.

use super::{
    Chain, Entry, Head, HeaderText, LineAt, MEMBER_NAMES, NONE, Name, Node, Span, Stored, Voucher,
};
use crate::field::Field;
use crate::ids::Token;

/// Builds a voucher field by field.
///
/// Header fields may be set at any time. `begin_line` starts a line; fields go to the line begun last;
/// `begin_struct` and `begin_entry` start a structure, whose members are set by the `member_*` calls.
/// Calls without the line or structure they need change nothing.
#[derive(Clone, Default)]
pub struct VoucherBuilder {
    voucher: Voucher,
    /// Fields that the line begun last has, a bit each.
    filled: [u64; 3],
    /// Where the structure begun last stands.
    open: Open,
    /// Lengths of text, blobs and nodes before the line begun last.
    before: [usize; 3],
}

#[derive(Clone, Copy, Default)]
enum Open {
    #[default]
    Nothing,
    /// A structure that is a field: index of its entry.
    Field(usize),
    /// A structure that is a list entry: its node.
    Node(usize),
}

impl VoucherBuilder {
    /// An empty voucher.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an empty builder that uses the memory of a voucher that is no longer needed.
    pub fn reuse(mut voucher: Voucher) -> Self {
        voucher.text.clear();
        voucher.blobs.clear();
        voucher.head = Head::default();
        voucher.lines.clear();
        voucher.entries.clear();
        voucher.nodes.clear();
        voucher.dropped = 0;
        Self { voucher, ..Self::default() }
    }

    /// Returns a builder that goes on with a voucher: its header may be set, lines may follow.
    pub fn resume(voucher: Voucher) -> Self {
        Self { voucher, ..Self::default() }
    }

    /// Makes room for so many lines and bytes of text. Both are estimates of the caller, who bounds
    /// them by the size of what it reads.
    pub fn reserve(&mut self, lines: usize, fields: usize, text_bytes: usize) {
        self.voucher.lines.reserve(lines);
        self.voucher.entries.reserve(fields);
        self.voucher.text.reserve(text_bytes);
    }

    /// Number of lines begun, those that were dropped included.
    pub fn lines(&self) -> usize {
        self.voucher.len().saturating_add(self.voucher.dropped_lines())
    }

    /// Returns the voucher.
    pub fn finish(self) -> Voucher {
        self.voucher
    }

    // Header.

    /// Sets a text field of the header.
    pub fn header(&mut self, field: HeaderText, text: &str) -> &mut Self {
        let span = self.keep_text(text);
        if let Some(slot) = self.voucher.head.texts.get_mut(field.index()) {
            *slot = span;
        }
        self
    }

    /// Sets posting organisation, voucher number, effective date and preparer.
    pub fn key(&mut self, organisation: &str, voucher_no: &str, date: &str, by: &str) -> &mut Self {
        self.header(HeaderText::Organisation, organisation)
            .header(HeaderText::VoucherNo, voucher_no)
            .header(HeaderText::EffectiveDate, date)
            .header(HeaderText::PreparedBy, by)
    }

    /// States the number of lines.
    pub fn line_count(&mut self, count: Option<u32>) -> &mut Self {
        self.voucher.head.line_count = count;
        self
    }

    /// States the sum of amounts, in fen.
    pub fn total_fen(&mut self, total: Option<i64>) -> &mut Self {
        self.voucher.head.total_fen = total;
        self
    }

    /// Sets the approver's signature.
    pub fn approval_signature(&mut self, bytes: &[u8]) -> &mut Self {
        self.voucher.head.approval_signature = self.keep_blob(bytes);
        self
    }

    /// Sets the key that made the signature.
    pub fn approver_key(&mut self, bytes: &[u8]) -> &mut Self {
        self.voucher.head.approver_key = self.keep_blob(bytes);
        self
    }

    /// States line count and total as they are: for a writer of vouchers, after its last line.
    pub fn state_totals(&mut self) -> &mut Self {
        let total = self
            .voucher
            .entries
            .iter()
            .filter(|e| e.field == Field::Amount)
            .filter_map(|e| if let Stored::Int(fen) = e.value { Some(fen) } else { None })
            .fold(0_i64, i64::saturating_add);
        self.total_fen(Some(total));
        self.line_count(u32::try_from(self.lines()).ok())
    }

    // Lines.

    /// Starts a line.
    pub fn begin_line(&mut self, line_no: u32, kind: &str) -> &mut Self {
        let v = &self.voucher;
        self.before = [v.text.len(), v.blobs.len(), v.nodes.len()];
        let kind = self.keep_text(kind);
        let first = index(self.voucher.entries.len());
        self.voucher.lines.push(LineAt { line_no, kind, first, count: 0 });
        self.filled = [0; 3];
        self.open = Open::Nothing;
        self
    }

    /// Sets number and kind of the line begun last: a message may name them after other fields.
    pub fn line_no(&mut self, line_no: u32) -> &mut Self {
        if let Some(line) = self.voucher.lines.last_mut() {
            line.line_no = line_no;
        }
        self
    }

    /// Sets the kind of the line begun last.
    pub fn line_kind(&mut self, kind: &str) -> &mut Self {
        let kind = self.keep_text(kind);
        if let Some(line) = self.voucher.lines.last_mut() {
            line.kind = kind;
        }
        self
    }

    /// Forgets the line begun last and counts it: one more than a voucher may have. Nothing but the
    /// line's own fields may have been set since it was begun.
    pub fn drop_line(&mut self) -> &mut Self {
        let v = &mut self.voucher;
        if let Some(line) = v.lines.pop() {
            let [text, blobs, nodes] = self.before;
            v.text.truncate(text);
            v.blobs.truncate(blobs);
            v.nodes.truncate(nodes);
            v.entries.truncate(usize::try_from(line.first).unwrap_or(usize::MAX));
            v.dropped = v.dropped.saturating_add(1);
            (self.filled, self.open) = ([0; 3], Open::Nothing);
        }
        self
    }

    /// Forgets all lines; the header stays.
    pub fn forget_lines(&mut self) -> &mut Self {
        let v = &mut self.voucher;
        v.lines.clear();
        v.entries.clear();
        v.nodes.clear();
        v.dropped = 0;
        (self.filled, self.open) = ([0; 3], Open::Nothing);
        self
    }

    /// Sets a text; an empty one unsets the field.
    pub fn text(&mut self, field: Field, text: &str) -> &mut Self {
        let span = self.keep_text(text);
        let value = if text.is_empty() { None } else { Some(Stored::Text(span)) };
        self.set(field, value)
    }

    /// Sets a whole number or fen.
    pub fn int(&mut self, field: Field, number: i64) -> &mut Self {
        self.set(field, Some(Stored::Int(number)))
    }

    /// Sets a whole number of 64 bits without sign.
    pub fn wide(&mut self, field: Field, number: u64) -> &mut Self {
        self.set(field, Some(unsigned(number)))
    }

    /// Sets yes or no.
    pub fn bool(&mut self, field: Field, value: bool) -> &mut Self {
        self.set(field, Some(Stored::Bool(value)))
    }

    /// Sets bytes; empty ones unset the field.
    pub fn blob(&mut self, field: Field, bytes: &[u8]) -> &mut Self {
        let span = self.keep_blob(bytes);
        let value = if bytes.is_empty() { None } else { Some(Stored::Blob(span)) };
        self.set(field, value)
    }

    /// Sets a token.
    pub fn token(&mut self, field: Field, token: Token) -> &mut Self {
        self.blob(field, &token.0)
    }

    /// Appends a text to a list. An empty one is kept, to be refused.
    pub fn push_text(&mut self, field: Field, text: &str) -> &mut Self {
        let span = self.keep_text(text);
        self.push(field, Stored::Text(span));
        self
    }

    /// Appends a whole number to a list.
    pub fn push_int(&mut self, field: Field, number: i64) -> &mut Self {
        self.push(field, Stored::Int(number));
        self
    }

    /// Appends a whole number of 64 bits without sign to a list.
    pub fn push_wide(&mut self, field: Field, number: u64) -> &mut Self {
        self.push(field, unsigned(number));
        self
    }

    /// Starts an entry of a list of structures.
    pub fn begin_entry(&mut self, field: Field) -> &mut Self {
        let node = self.push(field, Stored::Struct(Chain::EMPTY));
        self.open = node.map_or(Open::Nothing, Open::Node);
        self
    }

    /// Starts a structure, or goes on with it when it was begun before (messages merge).
    pub fn begin_struct(&mut self, field: Field) -> &mut Self {
        let at = match self.find(field) {
            Some(at) if matches!(self.stored(at), Some(Stored::Struct(_))) => Some(at),
            _ => {
                self.set(field, Some(Stored::Struct(Chain::EMPTY)));
                self.find(field)
            }
        };
        self.open = at.map_or(Open::Nothing, Open::Field);
        self
    }

    /// Sets a text of the structure begun last; an empty one unsets it.
    pub fn member_text(&mut self, name: &'static str, text: &str) -> &mut Self {
        let span = self.keep_text(text);
        let value = if text.is_empty() { None } else { Some(Stored::Text(span)) };
        self.member(name, value)
    }

    /// Sets a whole number of the structure begun last.
    pub fn member_int(&mut self, name: &'static str, number: i64) -> &mut Self {
        self.member(name, Some(Stored::Int(number)))
    }

    /// Sets a whole number of 64 bits without sign of the structure begun last.
    pub fn member_wide(&mut self, name: &'static str, number: u64) -> &mut Self {
        self.member(name, Some(unsigned(number)))
    }

    /// Sets yes or no of the structure begun last.
    pub fn member_bool(&mut self, name: &'static str, value: bool) -> &mut Self {
        self.member(name, Some(Stored::Bool(value)))
    }

    /// Sets bytes of the structure begun last; empty ones unset it.
    pub fn member_blob(&mut self, name: &'static str, bytes: &[u8]) -> &mut Self {
        let span = self.keep_blob(bytes);
        let value = if bytes.is_empty() { None } else { Some(Stored::Blob(span)) };
        self.member(name, value)
    }

    /// Sets a token of the structure begun last.
    pub fn member_token(&mut self, name: &'static str, token: Token) -> &mut Self {
        self.member_blob(name, &token.0)
    }

    /// Appends a cell to the row begun last; one without text is left out.
    pub fn cell(&mut self, column: &str, text: &str) -> &mut Self {
        if !text.is_empty() {
            // A column's name is short; one that is not is kept without a name, to be refused.
            let len = u16::try_from(column.len()).unwrap_or(0);
            self.keep_text(column);
            let value = Stored::Text(self.keep_text(text));
            self.append_member(Name::Column(len), value);
        }
        self
    }

    // Below: how it is kept.

    fn keep_text(&mut self, text: &str) -> Span {
        let at = index(self.voucher.text.len());
        self.voucher.text.push_str(text);
        Span { at, len: index(text.len()) }
    }

    fn keep_blob(&mut self, bytes: &[u8]) -> Span {
        let at = index(self.voucher.blobs.len());
        self.voucher.blobs.extend_from_slice(bytes);
        Span { at, len: index(bytes.len()) }
    }

    /// Position of a field's entry in the line begun last.
    fn find(&self, field: Field) -> Option<usize> {
        let (word, bit) = bit(field);
        if self.filled.get(word)? & bit == 0 {
            return None;
        }
        let first = usize::try_from(self.voucher.lines.last()?.first).ok()?;
        let at = self.voucher.entries.get(first..)?.iter().position(|e| e.field == field)?;
        first.checked_add(at)
    }

    fn stored(&self, entry: usize) -> Option<Stored> {
        self.voucher.entries.get(entry).map(|e| e.value)
    }

    fn set(&mut self, field: Field, value: Option<Stored>) -> &mut Self {
        match (self.find(field), value) {
            (Some(at), Some(value)) => {
                if let Some(entry) = self.voucher.entries.get_mut(at) {
                    entry.value = value;
                }
            }
            (None, Some(value)) => self.add(field, value),
            (Some(at), None) => self.unset(at, field),
            (None, None) => {}
        }
        self
    }

    fn add(&mut self, field: Field, value: Stored) {
        let Some(line) = self.voucher.lines.last_mut() else { return };
        line.count = line.count.saturating_add(1);
        self.voucher.entries.push(Entry { field, value });
        let (word, bit) = bit(field);
        if let Some(word) = self.filled.get_mut(word) {
            *word |= bit;
        }
    }

    fn unset(&mut self, at: usize, field: Field) {
        self.voucher.entries.remove(at);
        if let Some(line) = self.voucher.lines.last_mut() {
            line.count = line.count.saturating_sub(1);
        }
        let (word, bit) = bit(field);
        if let Some(word) = self.filled.get_mut(word) {
            *word &= !bit;
        }
        self.open = Open::Nothing;
    }

    /// Appends an entry to a list; returns its node.
    fn push(&mut self, field: Field, value: Stored) -> Option<usize> {
        self.voucher.lines.last()?;
        if self.find(field).is_none() {
            self.add(field, Stored::List(Chain::EMPTY));
        }
        let at = self.find(field)?;
        let Some(Stored::List(mut chain)) = self.stored(at) else { return None };
        let node = self.link(&mut chain, Name::None, value);
        self.voucher.entries.get_mut(at)?.value = Stored::List(chain);
        Some(node)
    }

    /// Writes a node at the end of a chain.
    fn link(&mut self, chain: &mut Chain, name: Name, value: Stored) -> usize {
        let node = self.voucher.nodes.len();
        self.voucher.nodes.push(Node { name, value, next: NONE });
        let last = usize::try_from(chain.last).ok().and_then(|i| self.voucher.nodes.get_mut(i));
        match last {
            Some(last) => last.next = index(node),
            None => chain.first = index(node),
        }
        chain.last = index(node);
        chain.count = chain.count.saturating_add(1);
        node
    }

    fn member(&mut self, name: &'static str, value: Option<Stored>) -> &mut Self {
        let Some(chain) = self.open_chain() else { return self };
        let Some(name) = MEMBER_NAMES.iter().position(|n| *n == name) else { return self };
        let name = Name::Member(u8::try_from(name).unwrap_or(u8::MAX));
        let mut at = chain.first;
        let mut before = None;
        while let Ok(i) = usize::try_from(at) {
            let Some(node) = self.voucher.nodes.get_mut(i) else { break };
            if node.name == name {
                match value {
                    Some(value) => node.value = value,
                    None => self.unlink(chain, before, i),
                }
                return self;
            }
            before = Some(i);
            at = node.next;
        }
        if let Some(value) = value {
            self.append_member(name, value);
        }
        self
    }

    fn unlink(&mut self, mut chain: Chain, before: Option<usize>, node: usize) {
        let next = self.voucher.nodes.get(node).map_or(NONE, |n| n.next);
        match before.and_then(|i| self.voucher.nodes.get_mut(i)) {
            Some(before) => before.next = next,
            None => chain.first = next,
        }
        if next == NONE {
            chain.last = before.map_or(NONE, index);
        }
        chain.count = chain.count.saturating_sub(1);
        self.close_chain(chain);
    }

    fn append_member(&mut self, name: Name, value: Stored) {
        if let Some(mut chain) = self.open_chain() {
            self.link(&mut chain, name, value);
            self.close_chain(chain);
        }
    }

    fn open_chain(&self) -> Option<Chain> {
        let value = match self.open {
            Open::Nothing => return None,
            Open::Field(at) => self.voucher.entries.get(at)?.value,
            Open::Node(at) => self.voucher.nodes.get(at)?.value,
        };
        if let Stored::Struct(chain) = value { Some(chain) } else { None }
    }

    fn close_chain(&mut self, chain: Chain) {
        let slot = match self.open {
            Open::Nothing => None,
            Open::Field(at) => self.voucher.entries.get_mut(at).map(|e| &mut e.value),
            Open::Node(at) => self.voucher.nodes.get_mut(at).map(|n| &mut n.value),
        };
        if let Some(slot) = slot {
            *slot = Stored::Struct(chain);
        }
    }
}

/// A number as stored: signed where it fits.
fn unsigned(number: u64) -> Stored {
    i64::try_from(number).map_or(Stored::Wide(number), Stored::Int)
}

/// Positions in arenas are 32 bits: readers bound a voucher at 16 MiB, far below.
fn index(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(NONE)
}

/// Word and bit of a field in a set of fields.
fn bit(field: Field) -> (usize, u64) {
    let number = field.number();
    (usize::from(number >> 6), 1_u64 << (number & 63))
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::*;

    #[test]
    fn a_field_set_twice_holds_what_was_set_last() {
        let mut b = VoucherBuilder::new();
        b.key("VC1", "1", "2016-09-01", "p").header(HeaderText::Memo, "x").begin_line(1, "K");
        b.text(Field::Quota, "Q1").int(Field::Amount, 5).text(Field::Quota, "Q2");
        b.text(Field::Unit, "44").text(Field::Unit, "").header(HeaderText::Memo, "");
        let v = b.finish();
        let line = v.line(0).unwrap();
        assert_eq!((line.text(Field::Quota), line.int(Field::Amount)), ("Q2", Some(5)));
        assert!(!line.has(Field::Unit) && v.memo().is_empty());
        assert_eq!(line.fields().len(), 2);
        assert_eq!(v.line(1), None);
    }

    #[test]
    fn lists_may_be_mixed_and_keep_their_order() {
        let mut b = VoucherBuilder::new();
        b.begin_line(1, "K").push_text(Field::Causes, "a").push_text(Field::Scope, "x");
        b.push_text(Field::Causes, "b").begin_entry(Field::Members).member_int("no", 1);
        b.member_text("sex", "f").begin_entry(Field::Members).member_int("no", 2);
        b.begin_struct(Field::Member).member_int("no", 3).member_text("sex", "m");
        b.begin_struct(Field::Member).member_int("no", 4).member_text("sex", "");
        let v = b.finish();
        let line = v.line(0).unwrap();
        let texts = |f| line.list(f).iter().map(Value::text).collect::<Vec<_>>();
        assert_eq!((texts(Field::Causes), texts(Field::Scope)), (vec!["a", "b"], vec!["x"]));
        let members: Vec<_> = line.list(Field::Members).structures().collect();
        assert_eq!((members[0].text("sex"), members[0].int("no")), ("f", Some(1)));
        assert_eq!((members[1].text("sex"), members[1].int("no")), ("", Some(2)));
        let member = line.structure(Field::Member).unwrap();
        assert_eq!((member.int("no"), member.len(), member.text("sex")), (Some(4), 1, ""));
        assert!(line.list(Field::Evidence).is_empty());
    }

    #[test]
    fn equality_asks_what_is_said_and_not_in_which_order() {
        let build = |swap: bool| {
            let mut b = VoucherBuilder::new();
            b.begin_line(1, "K");
            if swap {
                b.int(Field::Amount, 1).text(Field::Quota, "Q");
            } else {
                b.text(Field::Quota, "Q").int(Field::Amount, 1);
            }
            b.begin_entry(Field::Rows).cell("code", "P01").cell("note", "");
            b.state_totals();
            b.finish()
        };
        assert_eq!(build(true), build(false));
        assert_eq!((build(true).line_count(), build(true).total_fen()), (Some(1), Some(1)));
        let mut other = VoucherBuilder::reuse(build(true));
        other.begin_line(1, "K").text(Field::Quota, "Q").wide(Field::Records, u64::MAX);
        let other = other.finish();
        assert_ne!(other, build(true));
        assert_eq!(other.line(0).unwrap().get(Field::Records), Some(Value::Wide(u64::MAX)));
    }

    #[test]
    fn member_names_are_those_of_the_shapes() {
        use crate::field::Shape;
        let shapes = [Shape::Members, Shape::Shares, Shape::Params, Shape::Counties];
        let mut names: Vec<&str> =
            shapes.iter().flat_map(|s| s.members()).map(|(name, _)| *name).collect();
        let mut ours = MEMBER_NAMES.to_vec();
        names.sort_unstable();
        ours.sort_unstable();
        assert_eq!(ours, names);
    }

    #[test]
    fn dropped_lines_are_counted_and_forgotten() {
        let mut b = VoucherBuilder::new();
        b.begin_line(1, "K").text(Field::Quota, "Q");
        let kept = b.clone().finish();
        b.begin_line(2, "L").push_text(Field::Causes, "x").blob(Field::Account, &[1]).drop_line();
        assert_eq!(b.lines(), 2);
        let v = b.finish();
        assert_eq!((v.len(), v.dropped_lines(), v.line(0)), (1, 1, kept.line(0)));
    }

    #[test]
    fn calls_without_a_line_change_nothing() {
        let mut b = VoucherBuilder::new();
        b.text(Field::Quota, "Q").push_text(Field::Causes, "x").begin_struct(Field::Member);
        b.member_int("no", 1).cell("a", "b");
        assert_eq!(b.finish(), Voucher::default());
    }
}
