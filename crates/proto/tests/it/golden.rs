//! The contract in readable form, one fact a line. A change shows here, as a diff, in review.

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use crate::walk::{What, descriptors, field_type, items, ours};

/// The one way to accept a change of the API: `MINGZHANG_GOLDEN=v1 cargo test -p proto`.
///
/// There is none for `mingzhang.log.v1`: old records are read by it for ever. A new kind's lines
/// are written into its file by hand, no line that stands there is ever changed.
const ACCEPT: &str = "MINGZHANG_GOLDEN";

#[test]
fn api_is_as_listed() {
    check("mingzhang.v1", env::var(ACCEPT).is_ok_and(|value| value == "v1"));
}

#[test]
fn stored_messages_are_as_listed() {
    check("mingzhang.log.v1", false);
}

fn check(package: &str, accept: bool) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/{package}.txt"));
    let found = listing(package);
    if accept {
        let text = found.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
        fs::write(
            &path,
            format!("# {package}, as its descriptors list it ({ACCEPT}=v1).\n{text}\n"),
        )
        .unwrap();
    }
    let text = fs::read_to_string(&path).unwrap();
    let listed: BTreeSet<String> =
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    let gone = listed.difference(&found).map(|line| format!("- {line}"));
    let new = found.difference(&listed).map(|line| format!("+ {line}"));
    let mut diff: Vec<String> = gone.chain(new).collect();
    diff.sort_by(|a, b| a[2..].cmp(&b[2..]));
    assert!(
        diff.is_empty(),
        "{package} differs from {} (`{ACCEPT}=v1` accepts changes of the API, nothing those of \
         the log):\n{}",
        path.display(),
        diff.join("\n")
    );
}

/// Every fact that a reader of bytes or a caller depends on; order and place in files are none.
fn listing(package: &str) -> BTreeSet<String> {
    let set = descriptors();
    let files = ours(&set).into_iter().filter(|file| file.package() == package);
    files.flat_map(items).map(|item| line(&item.name, &item.what)).collect()
}

fn line(name: &str, what: &What<'_>) -> String {
    match what {
        What::Message(_) => format!("{name} message"),
        What::Field(message, field) => {
            let oneof = field.oneof_index.filter(|_| !field.proto3_optional());
            let oneof = oneof.map(|at| &message.oneof_decl[usize::try_from(at).unwrap()]);
            let oneof = oneof.map_or(String::new(), |oneof| format!(" in {}", oneof.name()));
            format!("{name} = {} {}{oneof}", field.number(), field_type(field))
        }
        What::Oneof => format!("{name} oneof"),
        What::Enum(_) => format!("{name} enum"),
        What::EnumValue(_, number) => format!("{name} = {number}"),
        What::Service => format!("{name} service"),
        What::Rpc(_, method) => {
            let stream = |yes: bool| if yes { "stream " } else { "" };
            format!(
                "{name} rpc ({}{}) returns ({}{})",
                stream(method.client_streaming()),
                method.input_type().trim_start_matches('.'),
                stream(method.server_streaming()),
                method.output_type().trim_start_matches('.'),
            )
        }
    }
}
