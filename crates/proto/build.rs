//! Compiles `proto/` into messages, gRPC stubs and a descriptor set, without a `protoc` binary.
//!
//! Lives here: which files are compiled, and which services get servers.
//! Lives elsewhere: the contract itself (`proto/`), the rules it obeys (`tests/it/rules.rs`).

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message as _;
use prost_build::{Service, ServiceGenerator};
use prost_types::FileDescriptorSet;

/// Services whose servers are built elsewhere, by hand, with a codec that refuses unknown fields.
const OWN_CODEC: [&str; 2] = ["Posting", "Registry"];

/// Folders below `proto/` whose files are compiled.
const FOLDERS: [&str; 3] = ["google/rpc", "mingzhang/log/v1", "mingzhang/v1"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let services = env::var_os("CARGO_FEATURE_SERVICES").is_some();
    println!("cargo::rerun-if-changed={}", root.display());

    let mut descriptors = protox::compile(proto_files(&root)?, [&root])?;
    generate(descriptors.clone(), services)?;
    keep_comments_only(&mut descriptors);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    Ok(())
}

/// All `.proto` files, in a fixed order.
fn proto_files(root: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        for entry in fs::read_dir(root.join(folder))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "proto") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn generate(mut descriptors: FileDescriptorSet, services: bool) -> Result<(), Box<dyn Error>> {
    // Only `google.rpc.Status` is named by our messages; the details travel inside its `Any`s.
    // They are in the published descriptor set all the same, for clients that use reflection.
    descriptors.file.retain(|file| file.name() != "google/rpc/error_details.proto");
    let mut config = prost_build::Config::new();
    config.include_file("modules.rs");
    // A line has about a hundred fields; the one nested message need not make all lines longer.
    config.boxed(".mingzhang.v1.Line.member");
    if services {
        // One Rust type for one message: the status that `tonic` users already have.
        config.extern_path(".google.rpc", "::tonic_types::pb");
        config.service_generator(Box::new(Stubs {
            client: tonic_prost_build::configure().build_server(false).service_generator(),
            both: tonic_prost_build::configure().service_generator(),
        }));
    }
    config.compile_fds(descriptors)?;
    Ok(())
}

/// Drops positions in source files; comments stay, so that reflection shows them.
fn keep_comments_only(descriptors: &mut FileDescriptorSet) {
    for file in &mut descriptors.file {
        if let Some(info) = &mut file.source_code_info {
            info.location.retain(|place| place.leading_comments.is_some());
        }
    }
}

/// Makes clients for all services, and servers where no codec of our own is needed.
struct Stubs {
    client: Box<dyn ServiceGenerator>,
    both: Box<dyn ServiceGenerator>,
}

impl ServiceGenerator for Stubs {
    fn generate(&mut self, service: Service, buf: &mut String) {
        if OWN_CODEC.contains(&service.name.as_str()) {
            self.client.generate(service, buf);
        } else {
            self.both.generate(service, buf);
        }
    }
}
