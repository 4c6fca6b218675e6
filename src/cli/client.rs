//! Talking to a server: connecting, and posting many vouchers in order.
//!
//! Always: vouchers are posted in the order given, one stream, many in flight; one that a message cannot
//! hold is posted alone, after those before it and before those behind it. What a broken connection left
//! open is asked for by key, never guessed.

use std::collections::VecDeque;
use std::time::Duration;

use prost::Message as _;
use proto::RpcStatus;
use proto::v1::post_vouchers_response::Outcome;
use proto::v1::posting_client::PostingClient;
use proto::v1::{self, post_voucher_response, post_voucher_stream_response};
use record::limits::{MESSAGE_BYTES_MAX, QUEUE_RETRY_MS};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use super::failure::Failure;
use crate::services::answer::DUPLICATE;
use crate::services::status::{of_call, told};

/// Vouchers in flight on the stream.
const IN_FLIGHT: usize = 512;
/// Bytes of vouchers in flight; far below what the server's queue takes.
const IN_FLIGHT_BYTES: usize = 16 << 20;
/// How often a voucher that found the queue full is sent again.
const RETRIES: u32 = 200;
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Connects to a server.
///
/// # Errors
/// Exit 2 for an address that is none, 3 when nobody answers there.
pub(super) async fn connect(address: &str) -> Result<Channel, Failure> {
    let uri =
        if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let endpoint = Endpoint::from_shared(uri)
        .map_err(|error| Failure::usage(format!("--to {address}: {error}")))?
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .http2_adaptive_window(true);
    endpoint.connect().await.map_err(|_| {
        Failure::unfinished(format!("{address}: nobody answers"))
            .with_hint("is the server running? `mingzhang serve --data DIR` prints its address")
    })
}

/// A voucher to be posted.
pub(super) struct Item<C> {
    /// The document.
    pub(super) voucher: v1::Voucher,
    /// What the caller wants back with the answer.
    pub(super) context: C,
}

/// What became of one voucher.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// Posted, now or before.
    Posted(v1::PostReply, bool),
    /// Would be posted.
    Valid(v1::Preview),
    /// Refused.
    Refused(RpcStatus),
    /// The file holds no such voucher; nothing was sent.
    Unreadable(RpcStatus, Vec<crate::files::Place>),
    /// Not known, and why.
    Unknown(String),
}

/// Posts vouchers in order.
pub(super) struct Poster<C> {
    client: PostingClient<Channel>,
    validate_only: bool,
    flying: VecDeque<(Item<C>, usize)>,
    bytes: usize,
    stream: Option<(mpsc::Sender<v1::PostVouchersRequest>, Streaming<v1::PostVouchersResponse>)>,
    broken: Option<String>,
}

impl<C> Poster<C> {
    /// Makes a poster on a connection.
    pub(super) fn new(channel: Channel, validate_only: bool) -> Self {
        let client = PostingClient::new(channel)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
            .max_decoding_message_size(MESSAGE_BYTES_MAX);
        let (flying, stream) = (VecDeque::new(), None);
        Self { client, validate_only, flying, bytes: 0, stream, broken: None }
    }

    /// Posts a voucher; `done` gets the answers that came meanwhile, in order.
    pub(super) async fn push(
        &mut self,
        item: Item<C>,
        done: &mut (dyn FnMut(C, Verdict) + Send),
    ) -> Result<(), Failure>
    where
        C: Send,
    {
        let bytes = item.voucher.encoded_len();
        let fits = bytes.saturating_add(1_024) < MESSAGE_BYTES_MAX;
        while !self.flying.is_empty()
            && (!fits
                || IN_FLIGHT <= self.flying.len()
                || IN_FLIGHT_BYTES < self.bytes.saturating_add(bytes))
        {
            self.take(done).await;
        }
        if let Some(why) = &self.broken {
            done(item.context, Verdict::Unknown(why.clone()));
            return Ok(());
        }
        if !fits {
            let verdict = self.large(item.voucher).await;
            done(item.context, verdict);
            return Ok(());
        }
        if self.stream.is_none() {
            self.open().await?;
        }
        let request = v1::PostVouchersRequest {
            tag: 0,
            voucher: Some(item.voucher.clone()),
            validate_only: self.validate_only,
            origin: String::new(),
        };
        self.bytes = self.bytes.saturating_add(bytes);
        self.flying.push_back((item, bytes));
        self.send(request, done).await;
        Ok(())
    }

    /// Waits for the answers to all that is in flight.
    pub(super) async fn finish(&mut self, done: &mut (dyn FnMut(C, Verdict) + Send))
    where
        C: Send,
    {
        while !self.flying.is_empty() {
            self.take(done).await;
        }
        self.stream = None;
    }

    async fn open(&mut self) -> Result<(), Failure> {
        let (sender, requests) = mpsc::channel(IN_FLIGHT);
        let answers = self.client.post_vouchers(ReceiverStream::new(requests)).await?;
        self.stream = Some((sender, answers.into_inner()));
        Ok(())
    }

    /// Sends a request, taking answers while there is no room.
    async fn send(
        &mut self,
        request: v1::PostVouchersRequest,
        done: &mut (dyn FnMut(C, Verdict) + Send),
    ) where
        C: Send,
    {
        // The channel holds as many as may be in flight, so there always is room.
        let sent = match &self.stream {
            Some((sender, _)) => sender.send(request).await.is_ok(),
            None => false,
        };
        if !sent {
            // The stream has ended; its last answer says why.
            while !self.flying.is_empty() {
                self.take(done).await;
            }
        }
    }

    /// Takes the next answer.
    async fn take(&mut self, done: &mut (dyn FnMut(C, Verdict) + Send)) {
        let Some((_, answers)) = &mut self.stream else {
            self.lost("no stream", done).await;
            return;
        };
        match answers.message().await {
            Ok(Some(answer)) => {
                let Some((item, bytes)) = self.flying.pop_front() else { return };
                self.bytes = self.bytes.saturating_sub(bytes);
                let verdict = match answer.outcome {
                    Some(Outcome::Reply(reply)) => Verdict::Posted(reply, answer.duplicate),
                    Some(Outcome::Preview(preview)) => Verdict::Valid(preview),
                    Some(Outcome::Status(status)) if is_full(&status) => {
                        self.again(&item.voucher).await
                    }
                    Some(Outcome::Status(status)) => self.resolve(&item.voucher, status).await,
                    None => Verdict::Unknown("the server answered with nothing".to_owned()),
                };
                done(item.context, verdict);
            }
            Ok(None) => self.lost("the stream ended early", done).await,
            Err(status) if told(&of_call(&status)).first().is_some_and(|t| !t.code.is_empty()) => {
                // The first that was not answered is the one that could not be read.
                let refused = Verdict::Refused(of_call(&status));
                if let Some((item, _)) = self.flying.pop_front() {
                    done(item.context, refused);
                }
                self.lost(status.message(), done).await;
            }
            Err(status) => self.lost(status.message(), done).await,
        }
    }

    /// The stream is gone: asks by key what became of everything in flight.
    async fn lost(&mut self, why: &str, done: &mut (dyn FnMut(C, Verdict) + Send)) {
        self.stream = None;
        self.bytes = 0;
        while let Some((item, _)) = self.flying.pop_front() {
            let verdict = self.ask(&item.voucher, why).await;
            if let Verdict::Unknown(why) = &verdict {
                self.broken = Some(why.clone());
            }
            done(item.context, verdict);
        }
    }

    /// 9003: the server does not know; ask once more by key.
    async fn resolve(&mut self, voucher: &v1::Voucher, status: RpcStatus) -> Verdict {
        let unknown = told(&status).first().is_some_and(|t| t.code == "MZ-9003");
        if unknown { self.ask(voucher, &status.message).await } else { Verdict::Refused(status) }
    }

    async fn ask(&mut self, voucher: &v1::Voucher, why: &str) -> Verdict {
        if self.validate_only {
            return Verdict::Unknown(why.to_owned());
        }
        let header = voucher.header.clone().unwrap_or_default();
        let (organisation, voucher_no) = (header.organisation, header.voucher_no);
        let request = v1::GetVoucherRequest { organisation, voucher_no };
        match self.client.get_voucher(request).await {
            Ok(found) => match found.into_inner().reply {
                Some(reply) => Verdict::Posted(reply, true),
                None => Verdict::Unknown(why.to_owned()),
            },
            Err(status) => Verdict::Unknown(format!("{why}; {}", status.message())),
        }
    }

    /// Sends a voucher that found the queue full again, alone.
    async fn again(&mut self, voucher: &v1::Voucher) -> Verdict {
        for _ in 0..RETRIES {
            tokio::time::sleep(Duration::from_millis(QUEUE_RETRY_MS)).await;
            let request = v1::PostVoucherRequest {
                voucher: Some(voucher.clone()),
                validate_only: self.validate_only,
                origin: String::new(),
            };
            match self.client.post_voucher(request).await {
                Ok(answer) => {
                    let duplicate = answer.metadata().get(DUPLICATE).is_some();
                    return match answer.into_inner().outcome {
                        Some(post_voucher_response::Outcome::Reply(reply)) => {
                            Verdict::Posted(reply, duplicate)
                        }
                        Some(post_voucher_response::Outcome::Preview(p)) => Verdict::Valid(p),
                        None => Verdict::Unknown("the server answered with nothing".to_owned()),
                    };
                }
                Err(status) if is_full(&of_call(&status)) => {}
                Err(status) => return Verdict::Refused(of_call(&status)),
            }
        }
        Verdict::Unknown("the posting queue stays full".to_owned())
    }

    /// Posts a voucher that one message cannot hold, in chunks.
    async fn large(&mut self, voucher: v1::Voucher) -> Verdict {
        let parts = chunks(voucher.clone(), self.validate_only);
        match self.client.post_voucher_stream(tokio_stream::iter(parts)).await {
            Ok(answer) => {
                let duplicate = answer.metadata().get(DUPLICATE).is_some();
                match answer.into_inner().outcome {
                    Some(post_voucher_stream_response::Outcome::Reply(reply)) => {
                        Verdict::Posted(reply, duplicate)
                    }
                    Some(post_voucher_stream_response::Outcome::Preview(p)) => Verdict::Valid(p),
                    None => Verdict::Unknown("the server answered with nothing".to_owned()),
                }
            }
            Err(status) => {
                let status = of_call(&status);
                if status.details.is_empty() {
                    self.ask(&voucher, &status.message).await
                } else {
                    self.resolve(&voucher, status).await
                }
            }
        }
    }
}

/// Lines of one message of a streamed voucher: about a quarter of the most that a message may hold.
const CHUNK_LINES: usize = 2_000;

fn chunks(voucher: v1::Voucher, validate_only: bool) -> Vec<v1::PostVoucherStreamRequest> {
    use v1::post_voucher_stream_request::Part;
    let head = v1::VoucherHead { header: voucher.header, validate_only, origin: String::new() };
    let mut parts = vec![Part::Head(head)];
    let mut lines = voucher.lines.into_iter().peekable();
    while lines.peek().is_some() {
        let lines = lines.by_ref().take(CHUNK_LINES).collect();
        parts.push(Part::Chunk(v1::LineChunk { lines }));
    }
    parts.into_iter().map(|part| v1::PostVoucherStreamRequest { part: Some(part) }).collect()
}

fn is_full(status: &RpcStatus) -> bool {
    told(status).first().is_some_and(|told| told.code == "MZ-6007")
}
