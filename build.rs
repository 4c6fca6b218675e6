//! Makes the servers, whose requests are read strictly: what a client sent and we do not know is refused.
//!
//! Lives here: which methods there are. `tests/it/wire.rs` compares that with the descriptors.
//! Lives elsewhere: messages and clients (`crates/proto`), the codecs (`src/services/codec.rs`).

use tonic_prost_build::manual::{Builder, Method, Service};

/// What a method takes and gives.
#[derive(Clone, Copy)]
enum Rpc {
    /// A voucher, as the bytes it is.
    Voucher(&'static str),
    /// A stream of such bytes.
    VoucherInParts(&'static str),
    /// A stream of them, answered one by one.
    Vouchers(&'static str),
    /// A small request.
    Ask(&'static str),
    /// A small request, answered by a stream.
    Stream(&'static str),
}

use Rpc::{Ask, Stream, Voucher, VoucherInParts, Vouchers};

const SERVICES: [(&str, &[Rpc]); 7] = [
    (
        "Posting",
        &[
            Voucher("PostVoucher"),
            VoucherInParts("PostVoucherStream"),
            Vouchers("PostVouchers"),
            Ask("GetVoucher"),
            Voucher("ReverseVoucher"),
        ],
    ),
    (
        "Registry",
        &[
            Voucher("Apply"),
            Ask("GetHousehold"),
            Ask("ListMembers"),
            Ask("ListAccounts"),
            Ask("ListPairings"),
            Ask("ListSchemes"),
            Ask("ListBaselines"),
            Ask("ListAreas"),
            Ask("ListOrganisations"),
        ],
    ),
    (
        "Balances",
        &[
            Ask("GetHousehold"),
            Ask("GetVillage"),
            Ask("GetTown"),
            Ask("GetCounty"),
            Ask("GetCity"),
            Ask("GetProvince"),
            Ask("GetQuota"),
            Ask("ListHouseholds"),
            Ask("ListVillages"),
            Ask("ListCities"),
            Ask("ListTransit"),
            Stream("WatchHousehold"),
            Stream("WatchCity"),
        ],
    ),
    ("Reports", &[Ask("GetReport")]),
    ("Log", &[Stream("ReadRecords"), Stream("Follow"), Ask("GetRecord")]),
    (
        "Audit",
        &[
            Ask("GetCheckpoint"),
            Ask("ListAlerts"),
            Ask("ListFindings"),
            Voucher("DispositionFinding"),
        ],
    ),
    ("Admin", &[Ask("Status"), Stream("ListViewRows")]),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let services = SERVICES.map(|(name, methods)| service(name, methods));
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
    for &rpc in methods {
        builder = builder.method(method(name, rpc));
    }
    builder.build()
}

fn method(service: &str, rpc: Rpc) -> Method {
    let (Voucher(name) | VoucherInParts(name) | Vouchers(name) | Ask(name) | Stream(name)) = rpc;
    let message = match (service, name) {
        ("Registry", "GetHousehold") => "RegistryGetHousehold",
        _ => name,
    };
    let method = Method::builder()
        .name(snake(name))
        .route_name(name)
        .output_type(format!("proto::v1::{message}Response"));
    let method = match rpc {
        Ask(_) | Stream(_) => method
            .input_type(format!("proto::v1::{message}Request"))
            .codec_path("crate::services::codec::StrictCodec"),
        _ => method.input_type("bytes::Bytes").codec_path("crate::services::codec::RawCodec"),
    };
    match rpc {
        Voucher(_) | Ask(_) => method,
        VoucherInParts(_) => method.client_streaming(),
        Vouchers(_) => method.client_streaming().server_streaming(),
        Stream(_) => method.server_streaming(),
    }
    .build()
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
