//! JSON as voucher files hold it: one object a line, numbers as they are spelled.
//!
//! Lives here: an object's members in their order, without reading a number into anything that could
//! lose digits.
//! Lives elsewhere: grammar (the crate `serde_json`), what the members mean (`jsonl`).
//!
//! Always: a value knows where it stands in its line.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A value as it is spelled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Json<'a>(&'a str);

/// What a value is.
#[derive(Debug)]
pub(super) enum Kind<'a> {
    Text(Cow<'a, str>),
    /// A number as it is spelled.
    Number(&'a str),
    Bool(bool),
    Null,
    List(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// Its spelling.
    pub(super) fn spelled(self) -> &'a str {
        self.0
    }

    /// Where it stands in the line, from 1.
    pub(super) fn column(self, line: &str) -> u64 {
        let offset = self.0.as_ptr().addr().saturating_sub(line.as_ptr().addr());
        u64::try_from(offset).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// What it is; `None` when its text holds an escape that is no character.
    pub(super) fn kind(self) -> Option<Kind<'a>> {
        let text = self.0;
        Some(match text.as_bytes().first()? {
            b'"' => Kind::Text(serde_json::from_str::<Text<'a>>(text).ok()?.0),
            b'{' => Kind::Object(object(text).ok()?),
            b'[' => Kind::List(serde_json::from_str::<List<'a>>(text).ok()?.0),
            b't' => Kind::Bool(true),
            b'f' => Kind::Bool(false),
            b'n' => Kind::Null,
            _ => Kind::Number(text),
        })
    }
}

/// Returns the members of the object that a line is, in their order.
///
/// # Errors
/// What the grammar does not allow, with its column.
pub(super) fn object(line: &str) -> Result<Vec<(Cow<'_, str>, Json<'_>)>, serde_json::Error> {
    serde_json::from_str::<Object<'_>>(line).map(|object| object.0)
}

struct Text<'a>(Cow<'a, str>);
struct List<'a>(Vec<Json<'a>>);
struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'de RawValue>::deserialize(deserializer).map(|raw| Self(raw.get()))
    }
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = List<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<List<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element()? {
            list.push(entry);
        }
        Ok(List(list))
    }
}

impl<'de> Deserialize<'de> for List<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Object<'de>, A::Error> {
        let mut object = Vec::new();
        while let Some((Text(name), value)) = members.next_entry::<Text<'de>, Json<'de>>()? {
            object.push((name, value));
        }
        Ok(Object(object))
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}
