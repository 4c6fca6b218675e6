//! Buf's rules STANDARD and COMMENTS and our own, applied to the descriptors, so that no extra
//! binary is needed. The one exception stands in `proto/buf.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    EnumOptions, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MessageOptions,
};

use crate::walk::{Item, What, descriptors, items, ours};

/// Collects what breaks a rule, so that one run shows all of it.
fn check(rule: impl Fn(&FileDescriptorSet, &mut Vec<String>)) {
    let set = descriptors();
    let mut broken = Vec::new();
    rule(&set, &mut broken);
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn each_file(rule: impl Fn(&FileDescriptorProto) -> Option<&'static str>) {
    check(|set, broken| {
        let files = ours(set).into_iter();
        broken.extend(files.filter_map(|file| Some(format!("{}: {}", file.name(), rule(file)?))));
    });
}

fn each_item(rule: impl Fn(&Item<'_>) -> Option<String>) {
    check(|set, broken| {
        let all = ours(set).into_iter().flat_map(items);
        broken.extend(all.filter_map(|item| Some(format!("{}: {}", item.name, rule(&item)?))));
    });
}

fn lower_snake(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.contains("__")
        && !name.ends_with('_')
}

fn pascal(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
}

fn upper_snake(name: &str) -> bool {
    lower_snake(&name.to_lowercase()) && name.to_uppercase() == name
}

/// `JournalKind` becomes `JOURNAL_KIND_`.
fn prefix(name: &str) -> String {
    let mut text = String::new();
    for (at, c) in name.char_indices() {
        if c.is_ascii_uppercase() && at > 0 {
            text.push('_');
        }
        text.push(c.to_ascii_uppercase());
    }
    text + "_"
}

fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap()
}

#[test]
fn package_is_directory_and_file_is_snake_case() {
    each_file(|file| {
        let (folder, name) = file.name().rsplit_once('/')?;
        if folder.replace('/', ".") != file.package() {
            Some("package is not the directory")
        } else if !lower_snake(name.trim_end_matches(".proto")) {
            Some("file is not in snake case")
        } else if last(file.package()) != "v1" {
            Some("package has no version suffix")
        } else if file.syntax() != "proto3" {
            Some("syntax is not proto3")
        } else if !file.public_dependency.is_empty() || !file.weak_dependency.is_empty() {
            Some("import is public or weak")
        } else {
            None
        }
    });
}

#[test]
fn imports_are_used() {
    check(|set, broken| {
        for file in ours(set) {
            let mut named = BTreeSet::new();
            for item in items(file) {
                match item.what {
                    What::Field(_, field) => drop(named.insert(field.type_name().to_owned())),
                    What::Rpc(_, method) => {
                        named.insert(method.input_type().to_owned());
                        named.insert(method.output_type().to_owned());
                    }
                    _ => {}
                }
            }
            for import in &file.dependency {
                let import = set.file.iter().find(|other| other.name() == import).unwrap();
                let declared = items(import);
                if !declared.iter().any(|item| named.contains(&format!(".{}", item.name))) {
                    broken.push(format!("{}: import of {}", file.name(), import.name()));
                }
            }
        }
    });
}

#[test]
fn names_have_their_case() {
    each_item(|item| {
        let name = last(&item.name);
        let good = match item.what {
            What::Field(..) | What::Oneof => lower_snake(name),
            What::EnumValue(..) => upper_snake(name),
            _ => pascal(name),
        };
        (!good).then(|| "name is not in its case".into())
    });
}

#[test]
fn enum_values_are_prefixed_and_zero_is_unspecified() {
    each_item(|item| {
        let What::EnumValue(one, number) = item.what else { return None };
        let name = last(&item.name);
        let prefix = prefix(one.name());
        if !name.starts_with(&prefix) {
            Some(format!("value does not begin with {prefix}"))
        } else if (number == 0) != (name == format!("{prefix}UNSPECIFIED")) {
            Some("0 and only 0 is UNSPECIFIED".into())
        } else {
            None
        }
    });
}

/// A message may carry its service's name where two services have a method of one name.
#[test]
fn requests_and_responses_are_named_after_their_rpc() {
    each_item(|item| {
        let What::Rpc(service, method) = item.what else { return None };
        let is = |found: &str, suffix: &str| {
            let short = format!("{}{suffix}", method.name());
            last(found) == short || last(found) == format!("{}{short}", service.name())
        };
        let good = is(method.input_type(), "Request") && is(method.output_type(), "Response");
        (!good).then(|| format!("{} and {}", method.input_type(), method.output_type()))
    });
}

#[test]
fn requests_and_responses_are_shared_by_none() {
    check(|set, broken| {
        let mut uses = BTreeMap::<String, usize>::new();
        let mut declared = BTreeSet::new();
        for item in ours(set).into_iter().flat_map(items) {
            let mut count = |name: &str| *uses.entry(name.to_owned()).or_default() += 1;
            match item.what {
                What::Rpc(_, method) => {
                    count(method.input_type());
                    count(method.output_type());
                }
                What::Field(_, field) => count(field.type_name()),
                What::Message(message) => {
                    let name = message.name();
                    if name.ends_with("Request") || name.ends_with("Response") {
                        declared.insert(format!(".{}", item.name));
                    }
                }
                _ => {}
            }
        }
        for name in declared {
            let found = uses.get(&name).copied().unwrap_or_default();
            if found != 1 {
                broken.push(format!("{name} is used {found} times"));
            }
        }
    });
}

#[test]
fn everything_has_a_comment() {
    each_item(|item| {
        let sentence = item.comment.ends_with('.') || item.comment.ends_with(')');
        match item.comment.as_str() {
            "" => Some("no comment".into()),
            _ if !sentence => Some(format!("comment is no sentence: {}", item.comment)),
            _ => None,
        }
    });
}

#[test]
fn rpc_comments_say_retry_empty_case_and_codes() {
    each_item(|item| {
        let What::Rpc(..) = item.what else { return None };
        let missing = ["\n Retry: ", "\n Empty: ", "\n Codes: "]
            .into_iter()
            .find(|part| !item.comment.contains(part));
        missing.map(|part| format!("comment has no {:?}", part.trim()))
    });
}

#[test]
fn no_maps_floats_groups_or_empty() {
    each_item(|item| match item.what {
        What::Message(message)
            if message.options.as_ref().is_some_and(MessageOptions::map_entry) =>
        {
            Some("a map encodes in random order".into())
        }
        What::Field(_, field) => match field.r#type() {
            Type::Double | Type::Float => Some("no floats near money".into()),
            Type::Group => Some("no groups".into()),
            _ if field.label() == Label::Required => Some("nothing is required".into()),
            _ if field.type_name() == ".google.protobuf.Empty" => Some("no Empty".into()),
            _ => None,
        },
        What::Rpc(_, method) => [method.input_type(), method.output_type()]
            .contains(&".google.protobuf.Empty")
            .then(|| "no Empty".into()),
        What::Enum(one) => one
            .options
            .as_ref()
            .is_some_and(EnumOptions::allow_alias)
            .then(|| "no aliases in an enum".into()),
        _ => None,
    });
}

#[test]
fn money_is_int64_fen() {
    each_item(|item| {
        let What::Field(_, field) = item.what else { return None };
        let name = field.name();
        let fen = name == "fen" || name.ends_with("_fen");
        let looks_like_money = ["amount", "total", "principal", "yuan"].contains(&name);
        ((fen && field.r#type() != Type::Int64) || looks_like_money)
            .then(|| "money is a flat int64 in fen, and its name says so".into())
    });
}

/// Numbers of `kinds.csv` that are records of a voucher. A kind is added, never taken away.
#[rustfmt::skip]
const KINDS: [u16; 72] = [
    101, 102, 103, 104, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124,
    130, 131, 140, 141, 142, 145, 146, 201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 300, 310,
    311, 312, 313, 314, 320, 321, 322, 330, 331, 332, 333, 340, 341, 342, 343, 350, 360, 361, 370,
    371, 401, 402, 403, 404, 405, 500, 501, 502, 503, 504, 505, 510, 511, 512,
];

#[test]
fn each_kind_has_one_stored_message() {
    let set = descriptors();
    let mut found = Vec::new();
    for item in ours(&set).into_iter().flat_map(items) {
        let What::Message(message) = item.what else { continue };
        let Some(rest) = item.comment.strip_prefix("Kind ") else { continue };
        let number: u16 = rest.split(' ').next().unwrap().parse().unwrap();
        found.push(number);
        assert_eq!(item.name, format!("mingzhang.log.v1.{}", message.name()));
        // A generic reader finds both in every kind.
        let number_of = |name| {
            message.field.iter().find(|f| f.name() == name).map(FieldDescriptorProto::number)
        };
        assert_eq!(number_of("skipped"), Some(14), "{}", item.name);
        assert_eq!(number_of("memo"), Some(15), "{}", item.name);
    }
    found.sort_unstable();
    assert_eq!(found, KINDS);
}
