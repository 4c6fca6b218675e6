//! Requests that hold no voucher, looked through before a generated decoder reads them.
//!
//! Lives here: the walk over a request's fields by its descriptor.
//! Lives elsewhere: vouchers, which are read where they stand (`wire`).
//!
//! Always: what passes holds no field that its message lacks, and every value has its field's layout.

use std::sync::LazyLock;

use prost_types::field_descriptor_proto::Type;

use super::reader::{Read, Reader, WireType};
use super::shapes::{Shape, Shapes};
use super::{Fault, blob, in_32_bits, message, text, unknown, varint, within};

static SHAPES: LazyLock<Shapes> = LazyLock::new(Shapes::load);

/// Looks through a request; `name` is the full name of its message, with a dot before it.
///
/// # Errors
/// [`Fault`]: the first thing in the bytes that does not belong.
pub fn known(name: &'static str, bytes: &[u8]) -> Result<(), Fault> {
    within(bytes)?;
    walk(Reader::new(bytes), name).map_err(|fault| *fault)
}

fn walk(mut reader: Reader<'_>, name: &'static str) -> Read<()> {
    let of = name.rsplit('.').next().unwrap_or(name);
    let shapes = SHAPES.of(name).unwrap_or_default();
    while let Some(tag) = reader.tag()? {
        let Some(shape) = shapes.iter().find(|shape| shape.number == tag.number) else {
            return Err(unknown(of, tag, 0));
        };
        match shape.ty {
            Type::String => drop(text(&mut reader, tag, of, &shape.name, 0)?),
            Type::Bytes => drop(blob(&mut reader, tag, of)?),
            Type::Message => walk(message(&mut reader, tag, of)?, &shape.message)?,
            _ if shape.packs() && tag.wire_type == WireType::Bytes => {
                let mut packed = reader.message()?;
                while !packed.is_done() {
                    fits(shape, packed.varint()?, packed.at())?;
                }
            }
            _ => {
                let at = reader.at();
                fits(shape, varint(&mut reader, tag, of)?, at)?;
            }
        }
    }
    Ok(())
}

/// A number that is too long for its field would be cut in silence.
fn fits(shape: &Shape, number: u64, at: usize) -> Read<()> {
    if shape.ty == Type::Uint32 { in_32_bits(number, at).map(drop) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = ".mingzhang.v1.ListHouseholdsRequest";

    fn fault(bytes: &[u8]) -> String {
        match known(LIST, bytes) {
            Ok(()) => "known".to_owned(),
            Err(Fault::UnknownField { message, number, .. }) => format!("{message} {number}"),
            Err(Fault::Malformed { offset, .. }) => format!("malformed at {offset}"),
            Err(Fault::NotUtf8 { field, offset, .. }) => format!("{field} at {offset}"),
            Err(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn what_any_client_may_send_is_known_and_nothing_else() {
        // Unit 44, position 7, a page of 2: in another order, a default spelled out, a field twice, a
        // number that is longer than it need be.
        let unit = [0x0a, 2, b'4', b'4'];
        for good in [
            &[][..],
            &[&unit[..], &[0x50, 7, 0x60, 2]].concat(),
            &[&[0x60, 2, 0x50, 7], &unit[..]].concat(),
            &[&unit[..], &unit, &[0x50, 0, 0x60, 0]].concat(),
            &[0x50, 0x87, 0x00],
        ] {
            assert_eq!(fault(good), "known", "{good:?}");
        }
        for (bad, expected) in [
            (&[0x98, 0x06, 1][..], "ListHouseholdsRequest 99"),
            (&[0x2a, 0], "ListHouseholdsRequest 5"),
            (&[0x0a, 3, b'4', b'4'], "malformed at 1"),
            (&[0x08, 1], "malformed at 0"),
            (&[0x52, 0], "malformed at 0"),
            (&[0x50], "malformed at 1"),
            (&[0x0a, 2, b'4', 0xff], "unit at 3"),
            // 2^32 of 32 bits.
            (&[0x60, 0x80, 0x80, 0x80, 0x80, 0x10], "malformed at 1"),
        ] {
            assert_eq!(fault(bad), expected, "{bad:?}");
        }
        // Packed or not.
        assert!(known(".mingzhang.v1.ReadRecordsRequest", &[0x1a, 0, 0x1a, 0]).is_ok());
    }

    #[test]
    fn every_small_request_has_a_shape() {
        for name in crate::services::codec::SMALL {
            assert!(SHAPES.of(name).is_some_and(|shapes| !shapes.is_empty()), "{name}");
        }
    }
}
