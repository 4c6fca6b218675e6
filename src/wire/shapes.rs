//! Fields of messages by number, as the published descriptors have them.
//!
//! Lives here: the table that strict reading (`known`) and showing stored messages (`services::payload`) walk.
//!
//! Always: nothing is written twice; a field that is added to a `.proto` file is known here.

use std::collections::HashMap;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FileDescriptorSet};

/// A field of a message.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Its number.
    pub(crate) number: u32,
    /// Its name.
    pub(crate) name: String,
    /// What it holds.
    pub(crate) ty: Type,
    /// Full name of the message that it holds, with a dot before it; empty: it holds none.
    pub(crate) message: String,
    /// Whether it is a list.
    pub(crate) repeated: bool,
}

impl Shape {
    /// Whether many of its values may stand in one piece.
    pub(crate) fn packs(&self) -> bool {
        self.repeated && !matches!(self.ty, Type::String | Type::Bytes | Type::Message)
    }
}

/// Fields of all messages.
#[derive(Debug)]
pub(crate) struct Shapes(HashMap<String, Vec<Shape>>);

impl Shapes {
    /// Reads our own descriptors. If they did not read, no message would be known.
    pub(crate) fn load() -> Self {
        let set = FileDescriptorSet::decode(proto::FILE_DESCRIPTOR_SET).unwrap_or_default();
        let mut messages = HashMap::new();
        for file in set.file {
            let package = format!(".{}.", file.package());
            for message in &file.message_type {
                messages.insert(format!("{package}{}", message.name()), shapes(message));
            }
        }
        Self(messages)
    }

    /// Fields of the message of a full name, with a dot before it.
    pub(crate) fn of(&self, message: &str) -> Option<&[Shape]> {
        self.0.get(message).map(Vec::as_slice)
    }
}

fn shapes(message: &DescriptorProto) -> Vec<Shape> {
    let shape = |field: &prost_types::FieldDescriptorProto| Shape {
        number: u32::try_from(field.number()).unwrap_or(0),
        name: field.name().to_owned(),
        ty: field.r#type(),
        message: field.type_name().to_owned(),
        repeated: field.label() == Label::Repeated,
    };
    message.field.iter().map(shape).collect()
}
