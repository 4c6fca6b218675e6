//! Walks the published descriptor set: every message, field, enum, service and rpc with its comment.

use std::collections::HashMap;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto,
};

pub(crate) fn descriptors() -> FileDescriptorSet {
    FileDescriptorSet::decode(proto::FILE_DESCRIPTOR_SET).unwrap()
}

/// The files of this project, without the copies of other people's.
pub(crate) fn ours(set: &FileDescriptorSet) -> Vec<&FileDescriptorProto> {
    set.file.iter().filter(|file| file.package().starts_with("mingzhang.")).collect()
}

/// Comments of one file, by descriptor path.
pub(crate) struct Comments(HashMap<Vec<i32>, String>);

impl Comments {
    pub(crate) fn of(file: &FileDescriptorProto) -> Self {
        let places = file.source_code_info.iter().flat_map(|info| &info.location);
        Self(places.map(|place| (place.path.clone(), place.leading_comments().into())).collect())
    }

    pub(crate) fn get(&self, path: &[i32]) -> &str {
        self.0.get(path).map_or("", |text| text.trim())
    }
}

/// Anything that has a name and a comment.
pub(crate) struct Item<'a> {
    /// Full name, e.g. `mingzhang.v1.Line.amount_fen`.
    pub(crate) name: String,
    pub(crate) comment: String,
    pub(crate) what: What<'a>,
}

pub(crate) enum What<'a> {
    Message(&'a DescriptorProto),
    Field(&'a DescriptorProto, &'a FieldDescriptorProto),
    Oneof,
    Enum(&'a EnumDescriptorProto),
    EnumValue(&'a EnumDescriptorProto, i32),
    Service,
    Rpc(&'a ServiceDescriptorProto, &'a MethodDescriptorProto),
}

/// Everything of one file. Numbers in `path` are the field numbers of `descriptor.proto`.
pub(crate) fn items(file: &FileDescriptorProto) -> Vec<Item<'_>> {
    let mut items = Items { comments: Comments::of(file), found: Vec::new() };
    for (at, message) in (0..).zip(&file.message_type) {
        items.message(file.package(), message, &[4, at]);
    }
    for (at, one) in (0..).zip(&file.enum_type) {
        items.enumeration(file.package(), one, &[5, at]);
    }
    for (at, service) in (0..).zip(&file.service) {
        let name = format!("{}.{}", file.package(), service.name());
        for (method_at, method) in (0..).zip(&service.method) {
            let name = format!("{name}.{}", method.name());
            items.add(name, &[6, at, 2, method_at], What::Rpc(service, method));
        }
        items.add(name, &[6, at], What::Service);
    }
    items.found
}

struct Items<'a> {
    comments: Comments,
    found: Vec<Item<'a>>,
}

impl<'a> Items<'a> {
    fn add(&mut self, name: String, path: &[i32], what: What<'a>) {
        let comment = self.comments.get(path).to_owned();
        self.found.push(Item { name, comment, what });
    }

    fn message(&mut self, parent: &str, message: &'a DescriptorProto, path: &[i32]) {
        let name = format!("{parent}.{}", message.name());
        for (at, field) in (0..).zip(&message.field) {
            let what = What::Field(message, field);
            self.add(format!("{name}.{}", field.name()), &join(path, &[2, at]), what);
        }
        for (at, oneof) in (0..).zip(&message.oneof_decl) {
            if real_oneof(message, at) {
                let name = format!("{name}.{}", oneof.name());
                self.add(name, &join(path, &[8, at]), What::Oneof);
            }
        }
        for (at, nested) in (0..).zip(&message.nested_type) {
            self.message(&name, nested, &join(path, &[3, at]));
        }
        for (at, nested) in (0..).zip(&message.enum_type) {
            self.enumeration(&name, nested, &join(path, &[4, at]));
        }
        self.add(name, path, What::Message(message));
    }

    fn enumeration(&mut self, parent: &str, one: &'a EnumDescriptorProto, path: &[i32]) {
        let name = format!("{parent}.{}", one.name());
        for (at, value) in (0..).zip(&one.value) {
            let what = What::EnumValue(one, value.number());
            self.add(format!("{name}.{}", value.name()), &join(path, &[2, at]), what);
        }
        self.add(name, path, What::Enum(one));
    }
}

fn join(path: &[i32], more: &[i32]) -> Vec<i32> {
    [path, more].concat()
}

/// Whether a oneof was written as one; `optional` fields stand in oneofs that nobody wrote.
fn real_oneof(message: &DescriptorProto, at: i32) -> bool {
    message.field.iter().any(|field| field.oneof_index == Some(at) && !field.proto3_optional())
}

/// Type of a field as it is written, e.g. `optional int64` or `repeated mingzhang.v1.Line`.
pub(crate) fn field_type(field: &FieldDescriptorProto) -> String {
    let base = match field.r#type() {
        Type::Message | Type::Enum => field.type_name().trim_start_matches('.').to_owned(),
        other => other.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    };
    match (field.label(), field.proto3_optional()) {
        (Label::Repeated, _) => format!("repeated {base}"),
        (_, true) => format!("optional {base}"),
        _ => base,
    }
}
