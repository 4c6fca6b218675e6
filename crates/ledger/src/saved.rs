//! How the state is written to a snapshot and read back.
//!
//! Lives here: the trait, its implementations for plain values, and the macros that make those of rows
//! from their fields.
//! Lives elsewhere: the rows, each with its line beside it; the file, its hash and its version
//! (the program's `node::snapshot`).
//!
//! Always: numbers are little-endian, texts and lists stand behind their length, nothing is said twice.
//! Reading ends in an error, never in a panic, and takes no more memory than the bytes read stand for, but
//! for the table of keys that is being read: it has its room at once, at most 200 MB.
//! There is no second version: what another version wrote is not read, and the log is replayed.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::Arc;

use record::Seq;

use crate::ids::{Ascii, Date, HouseholdCode, Source, Token, Unit};

/// Where values are written, one behind the other.
pub struct Out<'a>(pub(crate) &'a mut dyn Write);

/// Where they are read.
pub struct In<'a>(pub(crate) &'a mut dyn Read);

/// What can be written and read back.
pub trait Saved: Sized {
    /// Says what is written, name by name: a test holds all of it, so that no change goes unnoticed.
    fn layout(out: &mut String);

    /// Writes the value.
    ///
    /// # Errors
    /// Those of the writer.
    fn save(&self, out: &mut Out<'_>) -> io::Result<()>;

    /// Reads a value.
    ///
    /// # Errors
    /// Those of the reader; `InvalidData` for what was never written.
    fn load(from: &mut In<'_>) -> io::Result<Self>;
}

impl Out<'_> {
    /// Writes bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// Writes how many of something follow.
    pub(crate) fn count(&mut self, count: usize) -> io::Result<()> {
        u64::try_from(count).unwrap_or(u64::MAX).save(self)
    }
}

impl In<'_> {
    /// Reads bytes as they are.
    pub(crate) fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads how many of something follow.
    pub(crate) fn count(&mut self) -> io::Result<usize> {
        usize::try_from(u64::load(self)?).map_err(|_| Self::wrong())
    }

    /// What no version wrote.
    pub(crate) fn wrong() -> io::Error {
        io::ErrorKind::InvalidData.into()
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl Saved for $number {
            fn layout(out: &mut String) {
                out.push_str(stringify!($number));
            }

            fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
                out.bytes(&self.to_le_bytes())
            }

            fn load(from: &mut In<'_>) -> io::Result<Self> {
                from.bytes().map(Self::from_le_bytes)
            }
        })*
    };
}

numbers!(u8, u16, u32, u64, i64);

/// Implements [`Saved`] for a structure from its fields, all of them, in the order of the file.
macro_rules! saved_fields {
    ($name:ty { $($field:ident),* $(,)? }) => {
        impl $crate::saved::Saved for $name {
            fn layout(out: &mut String) {
                out.push_str(concat!(stringify!($name), " {"));
                $(
                    out.push_str(concat!(" ", stringify!($field), ": "));
                    $crate::saved::layout_of(|row: &Self| &row.$field, out);
                )*
                out.push_str(" }");
            }

            fn save(&self, out: &mut $crate::saved::Out<'_>) -> std::io::Result<()> {
                $($crate::saved::Saved::save(&self.$field, out)?;)*
                Ok(())
            }

            fn load(from: &mut $crate::saved::In<'_>) -> std::io::Result<Self> {
                $(let $field = $crate::saved::Saved::load(from)?;)*
                Ok(Self { $($field),* })
            }
        }
    };
}
pub(crate) use saved_fields;

/// Makes a part of the state from its fields, all of them: each is undone with it and saved with it, so none can
/// be forgotten in one of the two.
macro_rules! state_fields {
    ($name:ident { $($field:ident),* $(,)? }) => {
        $crate::undo_fields!($name { $($field),* });
        $crate::saved::saved_fields!($name { $($field),* });
    };
}
pub(crate) use state_fields;

/// Implements [`Saved`] for a value that is written as another one, with what makes it from that one.
macro_rules! saved_as {
    ($($name:ty: $form:ty, $to:expr, $of:expr;)*) => {
        $(impl $crate::saved::Saved for $name {
            fn layout(out: &mut String) {
                out.push_str(concat!(stringify!($name), " as "));
                <$form as $crate::saved::Saved>::layout(out);
            }

            fn save(&self, out: &mut $crate::saved::Out<'_>) -> std::io::Result<()> {
                let to: fn(&Self) -> $form = $to;
                to(self).save(out)
            }

            fn load(from: &mut $crate::saved::In<'_>) -> std::io::Result<Self> {
                let of: fn($form) -> Option<Self> = $of;
                of($crate::saved::Saved::load(from)?).ok_or_else($crate::saved::In::wrong)
            }
        })*
    };
}
pub(crate) use saved_as;

/// Says the layout of a field.
pub(crate) fn layout_of<S, F: Saved>(_field: impl Fn(&S) -> &F, out: &mut String) {
    F::layout(out);
}

saved_as! {
    bool: u8, |value| u8::from(*value), |byte| (byte < 2).then_some(byte == 1);
    Seq: u64, |seq| seq.0, |number| Some(Self(number));
    Date: u32, |date| date.0, |number| Some(Self(number));
    Token: [u8; 16], |token| token.0, |bytes| Some(Self(bytes));
    Unit: u64, |unit| unit.code(), Self::of_code;
    HouseholdCode: u64, |code| code.get(), Self::of_number;
    Source: u8, |source| u8::try_from(source.index()).unwrap_or(u8::MAX), |index| {
        Self::ALL.get(usize::from(index)).copied()
    };
    Box<str>: Vec<u8>, |text| text.as_bytes().to_vec(), |bytes| {
        String::from_utf8(bytes).ok().map(String::into_boxed_str)
    };
    String: Vec<u8>, |text| text.as_bytes().to_vec(), |bytes| Self::from_utf8(bytes).ok();
}

impl<const N: usize> Saved for Ascii<N> {
    fn layout(out: &mut String) {
        out.push_str("ascii");
    }

    fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        u8::try_from(self.as_bytes().len()).unwrap_or(u8::MAX).save(out)?;
        out.bytes(self.as_bytes())
    }

    fn load(from: &mut In<'_>) -> io::Result<Self> {
        let len = usize::from(u8::load(from)?);
        let mut bytes = [0; 255];
        let bytes = bytes.get_mut(..len).ok_or_else(In::wrong)?;
        from.0.read_exact(bytes)?;
        std::str::from_utf8(bytes).ok().and_then(Self::new).ok_or_else(In::wrong)
    }
}

impl<const N: usize> Saved for [u8; N] {
    fn layout(out: &mut String) {
        out.push_str("array of u8");
    }

    fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        out.bytes(self)
    }

    fn load(from: &mut In<'_>) -> io::Result<Self> {
        from.bytes()
    }
}

impl Saved for [i64; 3] {
    fn layout(out: &mut String) {
        out.push_str("array of i64");
    }

    fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        self.iter().try_for_each(|value| value.save(out))
    }

    fn load(from: &mut In<'_>) -> io::Result<Self> {
        Ok([i64::load(from)?, i64::load(from)?, i64::load(from)?])
    }
}

impl<T: Saved> Saved for Option<T> {
    fn layout(out: &mut String) {
        out.push_str("optional ");
        T::layout(out);
    }

    fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        self.is_some().save(out)?;
        self.iter().try_for_each(|value| value.save(out))
    }

    fn load(from: &mut In<'_>) -> io::Result<Self> {
        if bool::load(from)? { T::load(from).map(Some) } else { Ok(None) }
    }
}

/// Lists, whatever holds them.
macro_rules! lists {
    ($($list:ident),*) => {
        $(impl<T: Saved> Saved for $list<[T]> {
            fn layout(out: &mut String) {
                Vec::<T>::layout(out);
            }

            fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
                out.count(self.len())?;
                self.iter().try_for_each(|value| value.save(out))
            }

            fn load(from: &mut In<'_>) -> io::Result<Self> {
                Vec::load(from).map(Into::into)
            }
        })*
    };
}

lists!(Box, Arc);

impl<T: Saved> Saved for Vec<T> {
    fn layout(out: &mut String) {
        out.push_str("list of ");
        T::layout(out);
    }

    fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        out.count(self.len())?;
        self.iter().try_for_each(|value| value.save(out))
    }

    fn load(from: &mut In<'_>) -> io::Result<Self> {
        // Without room made ahead: a count that is wrong ends with the bytes.
        let mut list = Self::new();
        for _ in 0..from.count()? {
            list.push(T::load(from)?);
        }
        Ok(list)
    }
}

impl<K: Saved + Ord, V: Saved> Saved for BTreeMap<K, V> {
    fn layout(out: &mut String) {
        out.push_str("map of ");
        <(K, V)>::layout(out);
    }

    fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        out.count(self.len())?;
        self.iter().try_for_each(|(key, value)| {
            key.save(out)?;
            value.save(out)
        })
    }

    fn load(from: &mut In<'_>) -> io::Result<Self> {
        let mut map = Self::new();
        for _ in 0..from.count()? {
            map.insert(K::load(from)?, V::load(from)?);
        }
        Ok(map)
    }
}

macro_rules! tuples {
    ($(($($part:ident $field:tt),*))*) => {
        $(impl<$($part: Saved),*> Saved for ($($part,)*) {
            fn layout(out: &mut String) {
                out.push('(');
                $(
                    $part::layout(out);
                    out.push(',');
                )*
                out.push(')');
            }

            fn save(&self, _out: &mut Out<'_>) -> io::Result<()> {
                $(self.$field.save(_out)?;)*
                Ok(())
            }

            fn load(_from: &mut In<'_>) -> io::Result<Self> {
                Ok(($($part::load(_from)?,)*))
            }
        })*
    };
}

tuples! { () (A 0, B 1) (A 0, B 1, C 2) }
