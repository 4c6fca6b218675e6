//! Makes the servers of `Posting` and `Registry`, whose requests reach the code as raw bytes.
//!
//! Lives here: which methods they have. `tests/it/wire.rs` compares that with the descriptors.
//! Lives elsewhere: their messages and clients (`crates/proto`), the codec that hands the bytes on
//! (`src/services/codec.rs`).

use tonic_prost_build::manual::{Builder, Method, Service};

/// Name, streams in, streams out.
type Rpc = (&'static str, bool, bool);

const POSTING: [Rpc; 5] = [
    ("PostVoucher", false, false),
    ("PostVoucherStream", true, false),
    ("PostVouchers", true, true),
    ("GetVoucher", false, false),
    ("ReverseVoucher", false, false),
];

const REGISTRY: [Rpc; 9] = [
    ("Apply", false, false),
    ("GetHousehold", false, false),
    ("ListMembers", false, false),
    ("ListAccounts", false, false),
    ("ListPairings", false, false),
    ("ListSchemes", false, false),
    ("ListBaselines", false, false),
    ("ListAreas", false, false),
    ("ListOrganisations", false, false),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let services = [service("Posting", &POSTING), service("Registry", &REGISTRY)];
    Builder::new().build_client(false).build_server(true).compile(&services);
    Builder::new().build_client(true).build_server(true).compile(&[echo()]);
}

/// A service that does nothing, for the floor that `bench` measures; it is not part of the API.
fn echo() -> Service {
    let method = |name: &str, route: &str| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type("bytes::Bytes")
            .output_type("bytes::Bytes")
            .codec_path("crate::services::codec::BytesCodec")
    };
    Service::builder()
        .name("Echo")
        .package("mingzhang.bench.v1")
        .method(method("unary", "Unary").build())
        .method(method("stream", "Stream").client_streaming().server_streaming().build())
        .build()
}

fn service(name: &str, methods: &[Rpc]) -> Service {
    let mut builder = Service::builder().name(name).package("mingzhang.v1");
    for &(rpc, streams_in, streams_out) in methods {
        let message = if name == "Registry" && rpc == "GetHousehold" {
            format!("Registry{rpc}")
        } else {
            rpc.to_owned()
        };
        let mut method = Method::builder()
            .name(snake(rpc))
            .route_name(rpc)
            .input_type("bytes::Bytes")
            .output_type(format!("proto::v1::{message}Response"))
            .codec_path("crate::services::codec::RawCodec");
        if streams_in {
            method = method.client_streaming();
        }
        if streams_out {
            method = method.server_streaming();
        }
        builder = builder.method(method.build());
    }
    builder.build()
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (at, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && 0 < at {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
