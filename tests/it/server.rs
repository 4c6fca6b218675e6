//! A server in this process, on a socket of its own, and a client for it.

use std::path::{Path, PathBuf};

use mingzhang::node::{self, Config, Node, Post};
use mingzhang::services::server::{Limits, serve_within};
use mingzhang::{services, wire};
use prost::Message as _;
use proto::v1;
use proto::v1::posting_client::PostingClient;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

/// Origin of the test ledgers.
pub(crate) const ORIGIN: &str = "ledger.example/test";

/// A running server.
pub(crate) struct Server {
    pub(crate) data: PathBuf,
    pub(crate) address: String,
    node: Option<Node>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

/// A sequencer that waits.
pub(crate) struct Hold {
    go: std::sync::mpsc::Sender<()>,
    look: JoinHandle<()>,
}

impl Hold {
    /// Lets it go on.
    pub(crate) async fn release(self) {
        self.go.send(()).unwrap();
        self.look.await.unwrap();
    }
}

/// Opens a ledger that this process has just closed.
///
/// Another test may be starting a program at this moment: until that child has begun to run it holds a copy
/// of every open file of this process, the ledger's lock among them.
pub(crate) fn reopen(config: &Config) -> Result<Node, node::Error> {
    loop {
        match node::open(config) {
            Err(node::Error::Journal(journal::Error::Locked { .. })) => std::thread::yield_now(),
            opened => return opened,
        }
    }
}

/// The program itself.
pub(crate) fn mingzhang(args: &[&str]) -> std::process::Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_mingzhang")).args(args).output().unwrap()
}

/// Makes a synthetic ledger by `init`.
pub(crate) fn init(data: &Path) {
    let data = data.to_str().unwrap();
    let made = mingzhang(&["init", "--data", data, "--origin", ORIGIN, "--synthetic"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

impl Server {
    /// Serves the ledger in a directory.
    pub(crate) async fn start(data: &Path) -> Server {
        Self::start_with(&Config::at(data), Limits::default()).await
    }

    /// The same within other limits, or on another disk.
    pub(crate) async fn start_with(config: &Config, limits: Limits) -> Server {
        let node = reopen(config).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopping) = watch::channel(false);
        let routes = services::routes(&node.handle(), true, stopping.clone());
        let serving = tokio::spawn(async move {
            serve_within(limits, listener, None, routes, stopping).await.unwrap();
        });
        Server { data: config.data.clone(), address, node: Some(node), stop, serving }
    }

    /// A new ledger in a directory, served.
    pub(crate) async fn fresh(data: &Path) -> Server {
        init(data);
        Self::start(data).await
    }

    pub(crate) fn node(&self) -> node::Handle {
        self.node.as_ref().unwrap().handle()
    }

    /// A new ledger in a directory, served within other limits.
    pub(crate) async fn fresh_within(data: &Path, limits: Limits) -> Server {
        init(data);
        Self::start_with(&Config::at(data), limits).await
    }

    /// Lets the sequencer decide nothing until the hold is let go.
    pub(crate) async fn hold(&self) -> Hold {
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let node = self.node();
        let (holds, held) = tokio::sync::oneshot::channel();
        let look = tokio::spawn(async move {
            let look = move |_: &_| holds.send(()).is_ok() && wait.recv().is_ok();
            assert!(node.look(look).await.unwrap().0);
        });
        held.await.unwrap();
        Hold { go, look }
    }

    /// Waits until so many vouchers wait for the sequencer.
    pub(crate) async fn until_waiting(&self, vouchers: usize) {
        let waiting = async {
            while self.node().queue().0 < vouchers {
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await;
        in_time.expect("they do not come to wait");
    }

    /// A connection to it.
    pub(crate) async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    pub(crate) async fn posting(&self) -> PostingClient<Channel> {
        PostingClient::new(self.channel().await)
            .max_encoding_message_size(64 << 20)
            .max_decoding_message_size(64 << 20)
    }

    /// Ends it as SIGTERM does.
    pub(crate) async fn stop(self) {
        self.end().await.unwrap();
    }

    /// The same for a server whose ledger may have stopped before.
    pub(crate) async fn end(mut self) -> Result<(), node::Error> {
        self.stop.send_replace(true);
        self.serving.await.unwrap();
        let node = self.node.take().unwrap();
        tokio::task::spawn_blocking(move || node.stop()).await.unwrap()
    }
}

/// A voucher of PO44 that registers helping units `HU440106-NNNN`, one a line.
pub(crate) fn organisations(number: &str, numbers: impl IntoIterator<Item = u32>) -> v1::Voucher {
    let line = |(line_no, n): (u32, u32)| v1::Line {
        line_no,
        kind: "OrganisationRegistered".to_owned(),
        organisation: format!("HU440106-{n:04}"),
        org_kind: "HU".to_owned(),
        unit: "440106".to_owned(),
        ..v1::Line::default()
    };
    let lines: Vec<v1::Line> = (1..).zip(numbers).map(line).collect();
    let header = v1::Header {
        organisation: "PO44".to_owned(),
        voucher_no: number.to_owned(),
        effective_date: "2016-07-01".to_owned(),
        prepared_by: "p.po44".to_owned(),
        approved_by: "a.po44".to_owned(),
        line_count: u32::try_from(lines.len()).ok(),
        total_fen: Some(0),
        ..v1::Header::default()
    };
    v1::Voucher { header: Some(header), lines }
}

pub(crate) fn post(voucher: v1::Voucher) -> v1::PostVoucherRequest {
    v1::PostVoucherRequest { voucher: Some(voucher), ..Default::default() }
}

pub(crate) fn get(number: &str) -> v1::GetVoucherRequest {
    let (organisation, voucher_no) = ("PO44".to_owned(), number.to_owned());
    v1::GetVoucherRequest { organisation, voucher_no }
}

pub(crate) fn reply(response: v1::PostVoucherResponse) -> v1::PostReply {
    match response.outcome {
        Some(v1::post_voucher_response::Outcome::Reply(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

/// Code, and place of the first violation.
pub(crate) fn refusal(status: &tonic::Status) -> (String, String) {
    let details = mingzhang::services::status::of_call(status);
    refusal_of(&details)
}

pub(crate) fn refusal_of(status: &proto::RpcStatus) -> (String, String) {
    use prost::Message as _;
    use tonic_types::pb;
    let mut out = (String::new(), String::new());
    for detail in &status.details {
        if detail.type_url.ends_with("google.rpc.ErrorInfo") {
            let info = pb::ErrorInfo::decode(detail.value.as_slice()).unwrap();
            assert_eq!(info.domain, "mingzhang");
            out.0 = info.reason;
        }
        if detail.type_url.ends_with("google.rpc.BadRequest") {
            let bad = pb::BadRequest::decode(detail.value.as_slice()).unwrap();
            out.1.clone_from(&bad.field_violations[0].field);
        }
        if detail.type_url.ends_with("google.rpc.Help") {
            let help = pb::Help::decode(detail.value.as_slice()).unwrap();
            assert!(help.links[0].url.starts_with("docs/errors/MZ-"), "{help:?}");
        }
    }
    out
}

/// A voucher that registers an organisation, as the node takes it.
pub(crate) fn voucher(number: &str, organisation: u32) -> Post {
    let request = post(organisations(number, [organisation]));
    let read = wire::post_voucher(&request.encode_to_vec()).unwrap();
    Post {
        voucher: read.voucher,
        validate_only: false,
        origin: String::new(),
        identity: None,
        key_hash: None,
    }
}
