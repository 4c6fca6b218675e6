//! A record as JSON: what people and scripts read beside the exact bytes.
//!
//! Lives here: the stored message's fields by name, read off the descriptors (`wire::shapes`), so that a new
//! field shows without a line of code.
//! Lives elsewhere: what a payload means (`ledger`), the bytes that are evidence (`record`).
//!
//! Always: names as in the stored message, tokens and hashes in hex, money as integer fen; a payload
//! that cannot be read gives `null`, never a panic. Nothing here is evidence.

use std::sync::LazyLock;

use ledger::kind::Kind;
use prost_types::field_descriptor_proto::Type;
use record::{Genesis, Record, Seal, system};
use serde_json::{Map, Value, json};

use crate::keys::hex;
use crate::wire::shapes::{Shape, Shapes};

/// Package of the stored messages.
const PACKAGE: &str = ".mingzhang.log.v1.";
/// Messages nest two deep; deeper is no payload of ours.
const DEPTH_MAX: u32 = 8;

/// Returns the name of a kind; empty when it is unknown here.
pub fn kind_name(kind: u16) -> &'static str {
    system::name(kind).or_else(|| Kind::of_number(kind).map(Kind::name)).unwrap_or_default()
}

/// Returns the payload as a JSON object; `null` when the kind is unknown or the bytes do not read.
pub fn payload(record: &Record<'_>) -> Value {
    let (kind, bytes) = (record.kind(), record.payload());
    if system::is_system(kind) {
        return system_payload(kind, bytes).unwrap_or(Value::Null);
    }
    let Some(kind) = Kind::of_number(kind) else { return Value::Null };
    MESSAGES.object(&format!("{PACKAGE}{}", kind.name()), bytes, 0).unwrap_or(Value::Null)
}

/// Returns a record as a line of `mingzhang log`; `hash` is its chain hash.
pub fn line(record: &Record<'_>, hash: &record::Hash) -> Value {
    let legs: Vec<Value> =
        record.legs().map(|leg| json!({ "path": leg.path, "fen": leg.fen })).collect();
    json!({
        "seq": record.seq().0,
        "time_ms": record.time_ms(),
        "date": date(record.date()),
        "kind": record.kind(),
        "kind_name": kind_name(record.kind()),
        "part": record.part(),
        "parts": record.parts(),
        "hash": hex(hash),
        "prev": hex(&record.prev()),
        "legs": legs,
        "payload": payload(record),
    })
}

/// Returns days since 1970-01-01 as `YYYY-MM-DD`.
pub fn date(days: u32) -> String {
    ledger::ids::Date(days).to_string()
}

fn system_payload(kind: u16, bytes: &[u8]) -> Option<Value> {
    Some(match kind {
        system::GENESIS => {
            let g = Genesis::decode(bytes).ok()?;
            let seed = g.synthetic.then_some(g.seed);
            json!({
                "origin": g.origin, "vkey": g.vkeys, "format_version": g.format_version,
                "synthetic": g.synthetic, "recovery_vkey": g.recovery_vkey, "seed": seed,
            })
        }
        system::SEAL => {
            let s = Seal::decode(bytes).ok()?;
            json!({
                "root": hex(&s.root), "accounts": hex(&s.accounts), "views": hex(&s.views),
                "version": s.version,
            })
        }
        system::KEY_CHANGED => {
            let k = system::KeyChanged::decode(bytes).ok()?;
            json!({ "new_vkey": k.new_vkey, "retired_vkey": k.retired_vkey })
        }
        system::FORMAT_RAISED => {
            let f = system::FormatRaised::decode(bytes).ok()?;
            json!({ "reader_version": f.reader_version })
        }
        system::ATTEMPTS_ANCHORED => {
            let a = system::AttemptsAnchored::decode(bytes).ok()?;
            json!({ "size": a.size, "root": hex(&a.root), "head": hex(&a.head) })
        }
        system::ROLLBACK_ACKNOWLEDGED => {
            let r = system::RollbackAcknowledged::decode(bytes).ok()?;
            json!({ "old_size": r.old_size, "old_root": hex(&r.old_root), "text": r.text })
        }
        _ => return None,
    })
}

static MESSAGES: LazyLock<Messages> = LazyLock::new(|| Messages(Shapes::load()));

/// Shows stored messages by their shapes.
struct Messages(Shapes);

impl Messages {
    fn object(&self, message: &str, mut bytes: &[u8], depth: u32) -> Option<Value> {
        let shapes = self.0.of(message)?;
        if DEPTH_MAX < depth {
            return None;
        }
        let mut object = Map::new();
        while !bytes.is_empty() {
            let (tag, rest) = varint(bytes)?;
            let number = u32::try_from(tag >> 3).ok()?;
            let shape = shapes.iter().find(|shape| shape.number == number)?;
            let rest = self.field(shape, tag & 7, rest, depth, &mut object)?;
            bytes = rest;
        }
        Some(Value::Object(object))
    }

    fn field<'a>(
        &self,
        shape: &Shape,
        wire: u64,
        bytes: &'a [u8],
        depth: u32,
        object: &mut Map<String, Value>,
    ) -> Option<&'a [u8]> {
        let (value, rest) = match wire {
            0 => {
                let (number, rest) = varint(bytes)?;
                (scalar(shape.ty, number), rest)
            }
            2 => {
                let (len, rest) = varint(bytes)?;
                let (content, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
                if shape.packs() {
                    let list = unpack(shape.ty, content)?;
                    object.insert(shape.name.clone(), list);
                    return Some(rest);
                }
                let value = match shape.ty {
                    Type::String => Value::String(std::str::from_utf8(content).ok()?.to_owned()),
                    Type::Bytes => Value::String(hex(content)),
                    Type::Message => {
                        self.object(&shape.message, content, depth.saturating_add(1))?
                    }
                    _ => return None,
                };
                (value, rest)
            }
            _ => return None,
        };
        if shape.repeated {
            let list = object.entry(shape.name.clone()).or_insert_with(|| Value::Array(Vec::new()));
            list.as_array_mut()?.push(value);
        } else {
            object.insert(shape.name.clone(), value);
        }
        Some(rest)
    }
}

fn unpack(ty: Type, mut content: &[u8]) -> Option<Value> {
    let mut list = Vec::new();
    while !content.is_empty() {
        let (number, rest) = varint(content)?;
        list.push(scalar(ty, number));
        content = rest;
    }
    Some(Value::Array(list))
}

fn scalar(ty: Type, number: u64) -> Value {
    match ty {
        Type::Bool => Value::Bool(number != 0),
        // Two's complement on the wire.
        Type::Int32 | Type::Int64 => Value::from(number.cast_signed()),
        _ => Value::from(number),
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        let shift = u32::try_from(at).ok()?.checked_mul(7)?;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(at.checked_add(1)?..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn a_stored_message_shows_its_fields_by_name() {
        let message = proto::log::v1::DisbursedToHousehold {
            account: vec![0xab; 16],
            purpose: "P02".to_owned(),
            heads: 3,
            exited: true,
            skipped: vec![3044, 3045],
            ..Default::default()
        };
        let bytes = message.encode_to_vec();
        let shown = MESSAGES.object(".mingzhang.log.v1.DisbursedToHousehold", &bytes, 0).unwrap();
        assert_eq!(
            shown,
            json!({
                "account": "ab".repeat(16), "purpose": "P02", "heads": 3, "exited": true,
                "skipped": [3044, 3045],
            })
        );
        for cut in 0..bytes.len() {
            drop(MESSAGES.object(".mingzhang.log.v1.DisbursedToHousehold", &bytes[..cut], 0));
        }
    }

    #[test]
    fn every_kind_has_a_message_of_its_name() {
        for kind in Kind::ALL {
            let name = format!("{PACKAGE}{}", kind.name());
            assert!(MESSAGES.0.of(&name).is_some(), "{name}");
        }
    }
}
