//! `post` where an answer settles nothing: it sends again, in order, and what stays open is unknown.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ledger::reject::{Reason, Reject};
use mingzhang::services::posting::{PostingServer, Server as Service};
use mingzhang::services::{server, status};
use prost::Message as _;
use proto::v1;
use proto::v1::post_voucher_response::Outcome as Posted;
use proto::v1::post_vouchers_response::Outcome;
use proto::v1::posting_client::PostingClient;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

use crate::server::{Server, mingzhang};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/example.jsonl");

/// What happens to a voucher between the program and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// The queue is full.
    Full,
    /// The connection breaks before the server has it.
    Lost,
    /// The connection breaks when it is posted and not answered.
    Unanswered,
    /// It is posted, and the answer is 9003.
    Unknown,
    /// The server ends.
    Stopping,
}

/// Stands between the program and a server, and lets faults happen to vouchers in the order of their coming.
#[derive(Clone)]
struct Between {
    server: PostingClient<Channel>,
    faults: Arc<Mutex<VecDeque<Fault>>>,
    /// What happens when the list is used up.
    then: Fault,
}

impl Between {
    async fn answer(&self, message: &Bytes) -> Result<v1::PostVouchersResponse, Status> {
        let asked = v1::PostVouchersRequest::decode(message.as_ref()).unwrap();
        let fault = self.faults.lock().unwrap().pop_front().unwrap_or(self.then);
        let refuse = |reason: Reason| {
            let status = status::rpc_status(&Reject::one(reason.at(0, "")));
            let outcome = Some(Outcome::Status(status));
            Ok(v1::PostVouchersResponse { tag: 0, outcome, duplicate: false })
        };
        match fault {
            Fault::Full => return refuse(Reason::QueueFull { found: 2, max: 1, ms: 250 }),
            Fault::Stopping => return refuse(Reason::ReadOnly { why: "draining".into() }),
            Fault::Lost => return Err(Status::unavailable("cut")),
            Fault::None | Fault::Unanswered | Fault::Unknown => {}
        }
        let request = v1::PostVoucherRequest {
            voucher: asked.voucher,
            validate_only: asked.validate_only,
            origin: String::new(),
        };
        let answer = self.server.clone().post_voucher(request).await;
        match fault {
            Fault::Unanswered => return Err(Status::unavailable("cut")),
            Fault::Unknown => return refuse(Reason::OutcomeUnknown { key: "records 1-2".into() }),
            _ => {}
        }
        let (outcome, duplicate) = match answer {
            Ok(answer) => {
                let duplicate = answer.metadata().contains_key("mingzhang-duplicate");
                let outcome = match answer.into_inner().outcome.unwrap() {
                    Posted::Reply(reply) => Outcome::Reply(reply),
                    Posted::Preview(preview) => Outcome::Preview(preview),
                };
                (outcome, duplicate)
            }
            Err(refused) => (Outcome::Status(status::of_call(&refused)), false),
        };
        Ok(v1::PostVouchersResponse { tag: 0, outcome: Some(outcome), duplicate })
    }
}

#[tonic::async_trait]
impl PostingServer for Between {
    type PostVouchersStream = ReceiverStream<Result<v1::PostVouchersResponse, Status>>;

    async fn post_vouchers(
        &self,
        request: Request<Streaming<Bytes>>,
    ) -> Result<Response<Self::PostVouchersStream>, Status> {
        let (sender, answers) = mpsc::channel(1_024);
        let (between, mut messages) = (self.clone(), request.into_inner());
        tokio::spawn(async move {
            while let Ok(Some(message)) = messages.message().await {
                let answer = between.answer(&message).await;
                let ends = answer.is_err();
                if sender.send(answer).await.is_err() || ends {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(answers)))
    }

    async fn post_voucher(
        &self,
        _: Request<Bytes>,
    ) -> Result<Response<v1::PostVoucherResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn post_voucher_stream(
        &self,
        _: Request<Streaming<Bytes>>,
    ) -> Result<Response<v1::PostVoucherStreamResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_voucher(
        &self,
        _: Request<v1::GetVoucherRequest>,
    ) -> Result<Response<v1::GetVoucherResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn reverse_voucher(
        &self,
        _: Request<Bytes>,
    ) -> Result<Response<v1::ReverseVoucherResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// A run of `post`: exit code, verdicts in order, the summary, standard error.
struct Run {
    code: i32,
    verdicts: Vec<Value>,
    summary: Value,
    said: String,
}

impl Run {
    fn verdicts(&self) -> Vec<&str> {
        self.verdicts.iter().map(|v| v["verdict"].as_str().unwrap()).collect()
    }
}

/// Posts a file through the faults; the server is a real one.
async fn through(server: &Server, faults: &[Fault], then: Fault, file: &Path) -> Run {
    let faults = Arc::new(Mutex::new(faults.iter().copied().collect()));
    let between = Between { server: server.posting().await, faults, then };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopping) = watch::channel(false);
    let routes = Routes::new(Service::new(between));
    let serving = tokio::spawn(server::serve(listener, None, routes, stopping));
    let file = file.to_str().unwrap().to_owned();
    let run = tokio::task::spawn_blocking(move || {
        mingzhang(&["post", &file, "--to", &address, "--json", "--patience", "1"])
    });
    let run = run.await.unwrap();
    stop.send_replace(true);
    serving.await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    let mut verdicts: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = verdicts.pop().unwrap()["summary"].clone();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    Run { code: run.status.code().unwrap(), verdicts, summary, said }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_that_found_the_queue_full_is_posted_before_those_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    // The first registers organisations and roles of most others, which are refused at first.
    let faults = [Fault::Full, Fault::None, Fault::None, Fault::Full];
    let run = through(&server, &faults, Fault::None, FILE.as_ref()).await;
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(run.verdicts().iter().all(|verdict| *verdict == "posted"), "{:?}", run.verdicts());
    assert_eq!(run.summary["posted"], 50);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_connection_and_an_unknown_outcome_are_settled_by_sending_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let faults = [Fault::None, Fault::Unanswered, Fault::Lost, Fault::None, Fault::Unknown];
    let run = through(&server, &faults, Fault::None, FILE.as_ref()).await;
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(run.said.contains("sending again from PO44/"), "{}", run.said);
    let verdicts = run.verdicts();
    // Only what was posted before its answer was lost is a duplicate.
    assert_eq!(verdicts[..2], ["posted", "duplicate"], "{verdicts:?}");
    assert_eq!(run.summary["duplicate"], 2, "{verdicts:?}");
    assert_eq!(run.summary["posted"], 48, "{verdicts:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_other_content_is_refused_also_behind_a_broken_connection() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    let run = through(&server, &[], Fault::None, FILE.as_ref()).await;
    assert_eq!(run.code, 0, "{}", run.said);
    let other = dir.path().join("other.jsonl");
    let text = std::fs::read_to_string(FILE).unwrap();
    std::fs::write(&other, text.replacen("EXAMPLE-ACCESS-1", "EXAMPLE-ACCESS-9", 1)).unwrap();
    let run = through(&server, &[Fault::Lost], Fault::None, &other).await;
    assert_eq!(run.code, 1, "{}", run.said);
    assert_eq!(run.verdicts[0]["verdict"], "refused");
    assert_eq!(run.verdicts[0]["errors"][0]["code"], "MZ-1030");
    assert!(run.verdicts()[1..].iter().all(|verdict| *verdict == "duplicate"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_open_is_unknown_and_what_follows_is_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    for (fault, code) in [
        (Fault::Lost, "MZ-9003"),
        (Fault::Unknown, "MZ-9003"),
        (Fault::Stopping, "MZ-9001"),
        (Fault::Full, "MZ-6007"),
    ] {
        let run = through(&server, &[Fault::None, Fault::None], fault, FILE.as_ref()).await;
        assert_eq!(run.code, 3, "{fault:?}: {}", run.said);
        let verdicts = run.verdicts();
        assert!(verdicts[..2].iter().all(|v| ["posted", "duplicate"].contains(v)), "{verdicts:?}");
        assert!(verdicts[2..].iter().all(|v| *v == "unknown"), "{fault:?}: {verdicts:?}");
        assert_eq!(verdicts.len(), 50);
        assert_eq!(run.verdicts[2]["errors"][0]["code"], code, "{fault:?}");
        assert!(run.said.contains("hint: run the same command again"), "{}", run.said);
    }
    // That is true.
    let run = through(&server, &[], Fault::None, FILE.as_ref()).await;
    assert_eq!(run.code, 0, "{}", run.said);
    server.stop().await;
}
