//! Posting many vouchers in order.
//!
//! Lives here: one stream with many in flight, and what is done when an answer does not settle a voucher.
//! Lives elsewhere: connecting (`client`), files and reports (`post`).
//!
//! Always: vouchers are posted in the order given. Where one was not settled (the queue was full, the
//! connection broke, the server was about to end), it and everything behind it is sent again in order:
//! a key is posted once, so a retry answers with the first reply or names the difference (1030). What stays
//! open is reported as unknown, never guessed. A voucher that one message cannot hold is posted alone,
//! after those before it and before those behind it.

use std::collections::VecDeque;
use std::time::Duration;

use prost::Message as _;
use proto::RpcStatus;
use proto::v1::post_vouchers_response::Outcome;
use proto::v1::posting_client::PostingClient;
use proto::v1::{self, post_voucher_stream_response};
use record::limits::{MESSAGE_BYTES_MAX, QUEUE_RETRY_MS};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Streaming};

use super::clock::{self, Started};
use super::output;
use crate::services::answer::DUPLICATE;
use crate::services::status::{Told, of_call, told};

/// Vouchers in flight on the stream.
const IN_FLIGHT: usize = 512;
/// Bytes of vouchers in flight; far below what the server's queue takes.
const IN_FLIGHT_BYTES: usize = 16 << 20;
/// Longest pause between two attempts; the first is `QUEUE_RETRY_MS`, each one twice the one before.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// How long a voucher is sent again before it is reported as unknown: a server restarts within that.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

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
    /// Sent, and what became of it is not known: why.
    Unknown(Told),
    /// Not sent, because what became of an earlier one is not known: why.
    Unsent(Told),
}

/// Who gets the answers, in the order of the vouchers.
pub(super) type Done<'a, C> = &'a mut (dyn FnMut(C, Verdict) + Send);

/// Posts vouchers in order.
pub(super) struct Poster<C> {
    client: PostingClient<Channel>,
    validate_only: bool,
    patience: Duration,
    /// Sent and not reported, in order.
    flying: VecDeque<Flight<C>>,
    bytes: usize,
    stream: Stream,
    /// Nothing is sent any more, since this happened.
    ended: Option<Told>,
}

struct Flight<C> {
    item: Item<C>,
    bytes: usize,
    /// Posted, but not reported yet: one before it is not settled.
    posted: Option<Verdict>,
}

enum Stream {
    Open(mpsc::Sender<v1::PostVouchersRequest>, Streaming<v1::PostVouchersResponse>),
    /// Not open yet, or no more: why.
    Closed(Told),
    /// The server opens none.
    Refused(RpcStatus),
}

/// What an attempt led to.
enum Heard {
    Settled(Verdict),
    /// To be sent again, after a pause.
    Open(Told),
}

/// Time that passes without anything settled.
struct Wait {
    since: Started,
    pause: Duration,
}

impl<C: Send> Poster<C> {
    /// Makes a poster on a connection that gives up after so much time without an answer.
    pub(super) fn new(channel: Channel, validate_only: bool, patience: Duration) -> Self {
        let client = PostingClient::new(channel)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
            .max_decoding_message_size(MESSAGE_BYTES_MAX);
        let (flying, stream) = (VecDeque::new(), Stream::Closed(lost("no stream")));
        Self { client, validate_only, patience, flying, bytes: 0, stream, ended: None }
    }

    /// Posts a voucher; `done` gets the answers that came meanwhile, in order.
    pub(super) async fn push(&mut self, item: Item<C>, done: Done<'_, C>) {
        let bytes = item.voucher.encoded_len();
        let is_large = MESSAGE_BYTES_MAX <= bytes.saturating_add(1_024);
        while !self.flying.is_empty()
            && (is_large
                || IN_FLIGHT <= self.flying.len()
                || IN_FLIGHT_BYTES < self.bytes.saturating_add(bytes))
        {
            self.take(done).await;
        }
        if let Some(why) = &self.ended {
            done(item.context, Verdict::Unsent(why.clone()));
        } else if is_large {
            let verdict = self.large(&item.voucher).await;
            done(item.context, verdict);
        } else {
            self.open().await;
            self.send(&item.voucher).await;
            self.bytes = self.bytes.saturating_add(bytes);
            self.flying.push_back(Flight { item, bytes, posted: None });
        }
    }

    /// Waits for the answers to all that is in flight.
    pub(super) async fn finish(&mut self, done: Done<'_, C>) {
        while !self.flying.is_empty() {
            self.take(done).await;
        }
        self.stream = Stream::Closed(lost("no stream"));
    }

    /// Opens the stream, unless it is open. Whether that went well shows when an answer is taken.
    async fn open(&mut self) {
        if let Stream::Open(..) = self.stream {
            return;
        }
        let (sender, requests) = mpsc::channel(IN_FLIGHT);
        self.stream = match self.client.post_vouchers(ReceiverStream::new(requests)).await {
            Ok(answers) => Stream::Open(sender, answers.into_inner()),
            Err(status) => match heard(of_call(&status)) {
                Heard::Open(why) => Stream::Closed(why),
                Heard::Settled(_) => Stream::Refused(of_call(&status)),
            },
        };
    }

    /// Sends a voucher. The channel holds as many as may be in flight, so there is room; that the stream
    /// has ended shows when an answer is taken.
    async fn send(&self, voucher: &v1::Voucher) {
        let request = v1::PostVouchersRequest {
            tag: 0,
            voucher: Some(voucher.clone()),
            validate_only: self.validate_only,
            origin: String::new(),
        };
        if let Stream::Open(sender, _) = &self.stream {
            drop(sender.send(request).await);
        }
    }

    /// Reports the next voucher in order.
    async fn take(&mut self, done: Done<'_, C>) {
        let Some(front) = self.flying.front_mut() else { return };
        if let Some(posted) = front.posted.take() {
            self.report(posted, done);
            return;
        }
        match self.hear().await {
            Heard::Settled(verdict) => self.report(verdict, done),
            Heard::Open(why) => self.again(why, done).await,
        }
    }

    fn report(&mut self, verdict: Verdict, done: Done<'_, C>) {
        if let Some(flight) = self.flying.pop_front() {
            self.bytes = self.bytes.saturating_sub(flight.bytes);
            done(flight.item.context, verdict);
        }
    }

    /// Hears the next answer of the stream.
    async fn hear(&mut self) -> Heard {
        let answers = match &mut self.stream {
            Stream::Open(_, answers) => answers,
            Stream::Closed(why) => return Heard::Open(why.clone()),
            Stream::Refused(status) => return Heard::Settled(Verdict::Refused(status.clone())),
        };
        let ended = match answers.message().await {
            Ok(Some(answer)) => {
                return match answer.outcome {
                    Some(Outcome::Reply(reply)) => {
                        Heard::Settled(Verdict::Posted(reply, answer.duplicate))
                    }
                    Some(Outcome::Preview(preview)) => Heard::Settled(Verdict::Valid(preview)),
                    Some(Outcome::Status(status)) => heard(status),
                    None => Heard::Open(lost(NOTHING)),
                };
            }
            Ok(None) => Heard::Open(lost("the stream ended early")),
            // With a code of a request: the first that was not answered is the one that could not be read.
            Err(status) => heard(of_call(&status)),
        };
        self.stream = Stream::Closed(match &ended {
            Heard::Open(why) => why.clone(),
            Heard::Settled(_) => lost("the stream ended early"),
        });
        ended
    }

    /// The first in flight is not settled: sends it again until it is, then all behind it in order.
    async fn again(&mut self, mut why: Told, done: Done<'_, C>) {
        let mut wait = Wait::begin();
        self.drain().await;
        loop {
            if !wait.pause(self.patience, &why, self.first_key()).await {
                return self.give_up(&why, done);
            }
            self.open().await;
            if let Some(front) = self.flying.front() {
                self.send(&front.item.voucher).await;
            }
            match self.hear().await {
                Heard::Settled(verdict) => {
                    self.report(verdict, done);
                    break;
                }
                Heard::Open(next) => why = next,
            }
        }
        self.open().await;
        for flight in self.flying.iter().filter(|flight| flight.posted.is_none()) {
            self.send(&flight.item.voucher).await;
        }
    }

    /// Hears the answers to what stands behind the first in flight. They were decided without it, so only
    /// that one was posted is kept.
    async fn drain(&mut self) {
        for at in 1..self.flying.len() {
            let is_open = matches!(self.stream, Stream::Open(..));
            if !is_open {
                return;
            }
            if self.flying.get(at).is_some_and(|flight| flight.posted.is_some()) {
                continue;
            }
            if let Heard::Settled(posted @ Verdict::Posted(..)) = self.hear().await
                && let Some(flight) = self.flying.get_mut(at)
            {
                flight.posted = Some(posted);
            }
        }
    }

    fn first_key(&self) -> String {
        self.flying.front().map(|flight| key(&flight.item.voucher)).unwrap_or_default()
    }

    /// Reports everything in flight; what is not known to be posted is unknown.
    fn give_up(&mut self, why: &Told, done: Done<'_, C>) {
        self.stream = Stream::Closed(why.clone());
        self.ended = Some(why.clone());
        while let Some(front) = self.flying.front_mut() {
            let verdict = front.posted.take().unwrap_or_else(|| Verdict::Unknown(why.clone()));
            self.report(verdict, done);
        }
    }

    /// Posts a voucher that one message cannot hold, in chunks.
    async fn large(&mut self, voucher: &v1::Voucher) -> Verdict {
        let mut wait = Wait::begin();
        loop {
            let parts = chunks(voucher.clone(), self.validate_only);
            let sent = self.client.post_voucher_stream(tokio_stream::iter(parts)).await;
            let heard = match sent {
                Ok(answer) => {
                    use post_voucher_stream_response::Outcome;
                    let duplicate = answer.metadata().get(DUPLICATE).is_some();
                    match answer.into_inner().outcome {
                        Some(Outcome::Reply(reply)) => {
                            Heard::Settled(Verdict::Posted(reply, duplicate))
                        }
                        Some(Outcome::Preview(preview)) => Heard::Settled(Verdict::Valid(preview)),
                        None => Heard::Open(lost(NOTHING)),
                    }
                }
                Err(status) => heard(of_call(&status)),
            };
            let why = match heard {
                Heard::Settled(verdict) => return verdict,
                Heard::Open(why) => why,
            };
            if !wait.pause(self.patience, &why, key(voucher)).await {
                self.ended = Some(why.clone());
                return Verdict::Unknown(why);
            }
        }
    }
}

impl Wait {
    fn begin() -> Self {
        Self { since: clock::now(), pause: Duration::from_millis(QUEUE_RETRY_MS) }
    }

    /// Waits before the next attempt and says so the first time; `false` when there is to be none.
    async fn pause(&mut self, patience: Duration, why: &Told, key: String) -> bool {
        let left = patience.saturating_sub(Duration::from_secs_f64(self.since.seconds()));
        if left.is_zero() {
            return false;
        }
        let is_first = self.pause == Duration::from_millis(QUEUE_RETRY_MS);
        if is_first && why.code != "MZ-6007" {
            let seconds = left.as_secs();
            output::note(&format!("{}; sending again from {key} on for {seconds} s", why.message));
        }
        tokio::time::sleep(self.pause.min(left)).await;
        self.pause = self.pause.saturating_mul(2).min(PAUSE_MAX);
        true
    }
}

/// What an answer holds when it holds nothing.
const NOTHING: &str = "the server answered with nothing";

/// Whether a status settles a voucher. What says that nothing was decided, or that what was decided may be
/// lost, does not; nor does what the transport says, but for a server that knows no such call.
fn heard(status: RpcStatus) -> Heard {
    let found = first(&status);
    match found.code.as_str() {
        "MZ-6007" | "MZ-6008" | "MZ-9001" | "MZ-9002" | "MZ-9003" => Heard::Open(found),
        "" => match Code::from_i32(status.code) {
            Code::Unimplemented
            | Code::InvalidArgument
            | Code::PermissionDenied
            | Code::Unauthenticated => Heard::Settled(Verdict::Refused(status)),
            _ => Heard::Open(lost(&found.message)),
        },
        _ => Heard::Settled(Verdict::Refused(status)),
    }
}

fn first(status: &RpcStatus) -> Told {
    told(status).into_iter().next().unwrap_or_else(|| lost(&status.message))
}

/// The connection is lost, and with it the knowledge of what became of a voucher (9003).
fn lost(why: &str) -> Told {
    let (code, message) = ("MZ-9003".to_owned(), format!("connection lost: {why}"));
    Told { code, line: 0, field: String::new(), message }
}

fn key(voucher: &v1::Voucher) -> String {
    let key = voucher.header.as_ref().map(|h| format!("{}/{}", h.organisation, h.voucher_no));
    key.unwrap_or_default()
}

/// Bytes of lines in one message of a streamed voucher: a quarter of the most that a message may hold.
const CHUNK_BYTES: usize = MESSAGE_BYTES_MAX / 4;

fn chunks(voucher: v1::Voucher, validate_only: bool) -> Vec<v1::PostVoucherStreamRequest> {
    use v1::post_voucher_stream_request::Part;
    let head = v1::VoucherHead { header: voucher.header, validate_only, origin: String::new() };
    let mut parts = vec![Part::Head(head)];
    let (mut lines, mut bytes) = (Vec::new(), 0_usize);
    for line in voucher.lines {
        bytes = bytes.saturating_add(line.encoded_len());
        lines.push(line);
        if CHUNK_BYTES < bytes {
            bytes = 0;
            parts.push(Part::Chunk(v1::LineChunk { lines: std::mem::take(&mut lines) }));
        }
    }
    if !lines.is_empty() {
        parts.push(Part::Chunk(v1::LineChunk { lines }));
    }
    parts.into_iter().map(|part| v1::PostVoucherStreamRequest { part: Some(part) }).collect()
}
