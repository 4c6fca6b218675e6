//! Digests of views: canonical rows, one subtraction and one addition for each row that changed.
//!
//! Lives here: the layout of a canonical row, the running digest of one view. Lives elsewhere: which
//! columns a view has (each view), the lanes themselves (`record::LtHash`).
//!
//! Always: a row equal to the empty row is absent, so a digest depends on content, not on history.
//! Source: `docs/format.md`, view digests.

use std::io;

use record::{Hash, LtHash};

use crate::value::{In, Out, invalid};

/// Type of a column or of a part of a key. Integers are little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ColumnType {
    U8,
    U16,
    U32,
    U64,
    I32,
    I64,
    /// `u16` length, then UTF-8.
    Text,
    /// UTF-8 up to the end of the key, whose length stands before it.
    Rest,
}

impl ColumnType {
    /// Name as `docs/format.md` spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::Text => "text",
            Self::Rest => "bytes",
        }
    }
}

/// What a view's canonical row holds: the page about the format is derived from this.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Number of the view, never reused.
    pub number: u16,
    /// Its name in reports of digests.
    pub name: &'static str,
    /// Parts of the key, in order.
    pub key: &'static [(&'static str, ColumnType)],
    /// Columns of the value, in order.
    pub columns: &'static [(&'static str, ColumnType)],
}

/// Returns the page of all layouts, in Markdown: one table a view, key parts first.
pub fn layout_page() -> String {
    let mut page = vec![format!("Version {} of the views.", crate::VERSION)];
    for layout in crate::LAYOUTS {
        page.push(format!("\n**{} `{}`**\n", layout.number, layout.name));
        page.push("| part | name | type |\n| --- | --- | --- |".to_owned());
        for (part, list) in [("key", layout.key), ("column", layout.columns)] {
            for (name, ty) in list {
                page.push(format!("| {part} | `{name}` | {} |", ty.name()));
            }
        }
    }
    page.push(String::new());
    page.join("\n")
}

/// A canonical row being written: `u16 view || u16 key length || key || value`.
#[derive(Debug, Default)]
pub(crate) struct RowOut(Vec<u8>);

impl RowOut {
    pub(crate) fn u8(&mut self, x: u8) -> &mut Self {
        self.0.push(x);
        self
    }

    pub(crate) fn u16(&mut self, x: u16) -> &mut Self {
        self.raw(&x.to_le_bytes())
    }

    pub(crate) fn u32(&mut self, x: u32) -> &mut Self {
        self.raw(&x.to_le_bytes())
    }

    pub(crate) fn u64(&mut self, x: u64) -> &mut Self {
        self.raw(&x.to_le_bytes())
    }

    pub(crate) fn i32(&mut self, x: i32) -> &mut Self {
        self.raw(&x.to_le_bytes())
    }

    pub(crate) fn i64(&mut self, x: i64) -> &mut Self {
        self.raw(&x.to_le_bytes())
    }

    pub(crate) fn i64s(&mut self, all: &[i64]) -> &mut Self {
        for x in all {
            self.i64(*x);
        }
        self
    }

    /// Ids and codes only: far below 64 KiB.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.u16(u16::try_from(text.len()).unwrap_or(u16::MAX)).raw(text.as_bytes())
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Begins a row and leaves the buffer behind its key.
    fn begin(&mut self, view: u16, key: impl FnOnce(&mut Self)) {
        self.0.clear();
        self.u16(view).u16(0);
        key(self);
        let len = u16::try_from(self.0.len().saturating_sub(4)).unwrap_or(u16::MAX);
        if let Some(slot) = self.0.get_mut(2..4) {
            slot.copy_from_slice(&len.to_le_bytes());
        }
    }

    /// Writes a whole row and returns its bytes.
    pub(crate) fn row(
        &mut self,
        view: u16,
        key: impl FnOnce(&mut Self),
        value: impl FnOnce(&mut Self),
    ) -> &[u8] {
        self.begin(view, key);
        value(self);
        &self.0
    }
}

/// The running digest of one view.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    view: u16,
    lanes: Box<LtHash>,
    rows: u64,
}

impl Running {
    pub(crate) fn new(view: u16) -> Self {
        Self { view, lanes: Box::default(), rows: 0 }
    }

    /// Forgets all rows: they are taken in anew.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.view);
    }

    /// Takes in a change of one row; an empty row is absent.
    pub(crate) fn change<R: PartialEq + Default>(
        &mut self,
        out: &mut RowOut,
        key: impl FnOnce(&mut RowOut),
        (before, now): (&R, &R),
        value: impl Fn(&mut RowOut, &R),
    ) {
        let empty = R::default();
        out.begin(self.view, key);
        let end_of_key = out.0.len();
        if *before != empty {
            value(out, before);
            self.lanes.sub_row(&out.0);
            self.rows = self.rows.saturating_sub(1);
            out.0.truncate(end_of_key);
        }
        if *now != empty {
            value(out, now);
            self.lanes.add_row(&out.0);
            self.rows = self.rows.saturating_add(1);
        }
    }

    pub(crate) fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        out.put(&self.rows)?;
        out.0.write_all(&self.lanes.state())
    }

    pub(crate) fn load(view: u16, from: &mut In<'_>) -> io::Result<Self> {
        let rows = from.take()?;
        Ok(Self { view, lanes: Box::new(load_lanes(from)?), rows })
    }

    pub(crate) fn digest(&self) -> ViewDigest {
        let layout = crate::LAYOUTS.iter().find(|layout| layout.number == self.view);
        ViewDigest {
            number: self.view,
            name: layout.map_or("", |layout| layout.name),
            rows: self.rows,
            digest: self.lanes.view_digest(self.view, self.rows),
        }
    }
}

/// Reads the lanes of a digest.
pub(crate) fn load_lanes(from: &mut In<'_>) -> io::Result<LtHash> {
    let mut state = LtHash::new().state();
    from.0.read_exact(&mut state)?;
    LtHash::of_state(&state).ok_or_else(invalid)
}

/// Digest of one view at one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewDigest {
    /// Number of the view.
    pub number: u16,
    /// Its name in reports.
    pub name: &'static str,
    /// Rows that are not empty.
    pub rows: u64,
    /// Its digest.
    pub digest: Hash,
}
