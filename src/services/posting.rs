//! `Posting`: vouchers in, what became of them out.
//!
//! Lives here: one function a method, no rule.
//! Lives elsewhere: reading requests (`wire`), who is asking (`auth`), deciding (`node`), how an answer
//! is spelled (`answer`).
//!
//! Always: answers of a stream come in the order of requests; a refusal is an answer and never ends a
//! stream; a stream that breaks before half-close has posted nothing.

use std::pin::Pin;

use bytes::Bytes;
use ledger::ids::{OrgId, VoucherNo};
use ledger::reject::{Reason, Reject, Text};
use ledger::voucher::{HeaderText, VoucherBuilder};
use proto::v1;
use record::limits::{MESSAGE_BYTES_MAX, STREAM_IN_FLIGHT_MAX};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Code, Request, Response, Status, Streaming};

use super::answer;
use super::status::{refuse, rpc_status, status};
use crate::auth::{Identity, StreamPlace, authenticate};
use crate::node::{Answer, Handle, Pending, Post};
use crate::reading::shown;
use crate::wire;

pub use super::generated::posting_server::{Posting as PostingServer, PostingServer as Server};

/// The service.
#[derive(Clone)]
pub struct Posting {
    node: Handle,
}

impl Posting {
    /// Makes the service of a ledger.
    pub fn new(node: Handle) -> Self {
        Self { node }
    }

    async fn post(&self, identity: Identity, post: wire::Post) -> Result<Answer, Status> {
        Ok(self.node.post(to_post(identity, post)).await)
    }
}

/// A request as the node takes it.
pub(super) fn to_post(identity: Identity, post: wire::Post) -> Post {
    let wire::Post { voucher, validate_only, origin, .. } = post;
    let (organisation, key_hash) = (identity.organisation(), identity.key_hash());
    Post { voucher, validate_only, origin, identity: organisation, key_hash }
}

#[tonic::async_trait]
impl PostingServer for Posting {
    async fn post_voucher(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<v1::PostVoucherResponse>, Status> {
        let identity = authenticate(&request)?;
        let post = wire::post_voucher(request.get_ref()).map_err(unread)?;
        let answer = self.post(identity, post).await?;
        answer::unary(self.node.origin(), answer, |outcome| v1::PostVoucherResponse {
            outcome: Some(match outcome {
                answer::Outcome::Reply(reply) => v1::post_voucher_response::Outcome::Reply(reply),
                answer::Outcome::Preview(preview) => {
                    v1::post_voucher_response::Outcome::Preview(preview)
                }
            }),
        })
    }

    async fn post_voucher_stream(
        &self,
        request: Request<Streaming<Bytes>>,
    ) -> Result<Response<v1::PostVoucherStreamResponse>, Status> {
        let identity = authenticate(&request)?;
        let _place = StreamPlace::take(&request)?;
        let mut messages = request.into_inner();
        let mut voucher = wire::PostStream::new();
        while let Some(message) = messages.message().await.map_err(too_large)? {
            voucher.push(&message).map_err(unread)?;
        }
        let post = voucher.finish().map_err(unread)?;
        let answer = self.post(identity, post).await?;
        answer::unary(self.node.origin(), answer, |outcome| v1::PostVoucherStreamResponse {
            outcome: Some(match outcome {
                answer::Outcome::Reply(reply) => {
                    v1::post_voucher_stream_response::Outcome::Reply(reply)
                }
                answer::Outcome::Preview(preview) => {
                    v1::post_voucher_stream_response::Outcome::Preview(preview)
                }
            }),
        })
    }

    type PostVouchersStream =
        Pin<Box<dyn Stream<Item = Result<v1::PostVouchersResponse, Status>> + Send>>;

    async fn post_vouchers(
        &self,
        request: Request<Streaming<Bytes>>,
    ) -> Result<Response<Self::PostVouchersStream>, Status> {
        let identity = authenticate(&request)?;
        let place = StreamPlace::take(&request)?;
        let (sender, begun) = mpsc::channel(STREAM_IN_FLIGHT_MAX);
        let reading = self.node.clone();
        tokio::spawn(async move {
            let _place = place;
            read_vouchers(&reading, identity, request.into_inner(), &sender).await;
        });
        let node = self.node.clone();
        let answers = ReceiverStream::new(begun).then(move |begun| {
            let node = node.clone();
            async move { answer_one(&node, begun?).await }
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn get_voucher(
        &self,
        request: Request<v1::GetVoucherRequest>,
    ) -> Result<Response<v1::GetVoucherResponse>, Status> {
        let identity = authenticate(&request)?;
        let asked = request.into_inner();
        let key = shown(&format!("{}/{}", asked.organisation, asked.voucher_no));
        let unknown = || refuse(Reason::VoucherNotFound { key: Text::Owned(key.clone()) });
        let organisation = OrgId::id(&asked.organisation).ok_or_else(unknown)?;
        let number = VoucherNo::id(&asked.voucher_no).ok_or_else(unknown)?;
        super::scope::voucher(&self.node, identity, organisation).await?;
        let found = self.node.voucher(organisation, number).await.map_err(refuse)?;
        let found = found.ok_or_else(unknown)?;
        Ok(Response::new(answer::voucher(self.node.origin(), &found)))
    }

    async fn reverse_voucher(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<v1::ReverseVoucherResponse>, Status> {
        let identity = authenticate(&request)?;
        let read = wire::reverse_voucher(request.get_ref()).map_err(unread)?;
        let post = match read.whole {
            None => only_reversals(read.post)?,
            Some(whole) => self.whole_reversal(identity, read.post, &whole).await?,
        };
        let answer = self.post(identity, post).await?;
        answer::unary(self.node.origin(), answer, |outcome| v1::ReverseVoucherResponse {
            outcome: Some(match outcome {
                answer::Outcome::Reply(reply) => {
                    v1::reverse_voucher_response::Outcome::Reply(reply)
                }
                answer::Outcome::Preview(preview) => {
                    v1::reverse_voucher_response::Outcome::Preview(preview)
                }
            }),
        })
    }
}

impl Posting {
    /// Makes the lines that reverse a whole voucher, last line first; 5014 for one that the caller may not ask
    /// about, whether it was posted or not.
    async fn whole_reversal(
        &self,
        identity: Identity,
        post: wire::Post,
        whole: &wire::WholeReversal,
    ) -> Result<wire::Post, Status> {
        let key = shown(&format!("{}/{}", whole.organisation, whole.voucher_no));
        let unknown = || status(&answer::reversal_unknown(&key));
        let organisation = OrgId::id(&whole.organisation).ok_or_else(unknown)?;
        let number = VoucherNo::id(&whole.voucher_no).ok_or_else(unknown)?;
        super::scope::voucher(&self.node, identity, organisation).await?;
        let found = self.node.voucher(organisation, number).await.map_err(refuse)?;
        let found = found.ok_or_else(unknown)?;
        let lines = self.node.line_amounts(&found.reply).await.map_err(refuse)?;
        let voucher = answer::whole_reversal(&post.voucher, whole, &key, &lines);
        Ok(wire::Post { voucher, ..post })
    }
}

/// A message of a stream by its tag: a voucher on its way, or why the message is none.
type Begun = (u64, Result<Pending, Reject>);

/// Reads vouchers off a stream and begins each. What the transport does not deliver ends the stream, after
/// the answers to what came before.
async fn read_vouchers(
    node: &Handle,
    identity: Identity,
    mut messages: Streaming<Bytes>,
    begun: &mpsc::Sender<Result<Begun, Status>>,
) {
    loop {
        let next = match messages.message().await {
            Ok(None) => return,
            Ok(Some(message)) => Ok(match wire::post_vouchers(&message) {
                Ok(post) => (post.tag, Ok(node.begin(to_post(identity, post)))),
                Err(fault) => (wire::tag(&message), Err(fault.into())),
            }),
            Err(broken) => Err(too_large(broken)),
        };
        let ends = next.is_err();
        // Nobody takes answers any more; what was begun goes on.
        if begun.send(next).await.is_err() || ends {
            return;
        }
    }
}

async fn answer_one(
    node: &Handle,
    (tag, begun): Begun,
) -> Result<v1::PostVouchersResponse, Status> {
    use v1::post_vouchers_response::Outcome;
    let found = match begun {
        Ok(pending) => answer::outcome(node.origin(), node.answer(pending).await),
        Err(reject) => Err(reject),
    };
    let (outcome, duplicate) = match found {
        Ok((answer::Outcome::Reply(reply), duplicate)) => (Outcome::Reply(reply), duplicate),
        Ok((answer::Outcome::Preview(preview), _)) => (Outcome::Preview(preview), false),
        Err(reject) => (Outcome::Status(rpc_status(&reject)), false),
    };
    Ok(v1::PostVouchersResponse { tag, outcome: Some(outcome), duplicate })
}

/// Single records to reverse come as lines of kind `Reversed`; another kind is 1012.
fn only_reversals(post: wire::Post) -> Result<wire::Post, Status> {
    use ledger::kind::{Group, Kind};
    let other = post.voucher.lines().find_map(|line| {
        let kind = Kind::of_name(line.kind_name())?;
        (kind.group() != Group::Reversal).then_some((line.line_no(), kind))
    });
    match other {
        None => Ok(post),
        Some((line, kind)) => {
            let reason = Reason::MixedGroups { kind, other: Kind::Reversed };
            Err(status(&reason.at(line, "kind").into()))
        }
    }
}

/// The status of a request whose bytes do not belong.
pub(super) fn unread(fault: wire::Fault) -> Status {
    status(&fault.into())
}

/// A message above the transport's limit, before or after inflation, gets its code (6002); anything else is
/// passed on.
pub(super) fn too_large(error: Status) -> Status {
    // The transport refuses before it reads, and says so in its words alone.
    let words = error.message();
    let ours = match error.code() {
        Code::OutOfRange => words.contains("message length too large"),
        Code::ResourceExhausted => words.contains("while decompressing"),
        _ => false,
    };
    if !ours || !error.details().is_empty() {
        return error;
    }
    let digits =
        |text: &str| text.split(|c: char| !c.is_ascii_digit()).find_map(|n| n.parse().ok());
    // Of an inflated message only the limit is known.
    let past = MESSAGE_BYTES_MAX.saturating_add(1);
    let found = digits(words).unwrap_or(past).max(past);
    unread(wire::Fault::MessageTooLarge { found })
}

/// Copies a header and appends reversing lines.
pub(super) fn reversing(
    header: &ledger::voucher::Voucher,
    lines: &[(String, i64)],
    reason: &str,
    memo: &str,
) -> ledger::voucher::Voucher {
    use ledger::field::Field;
    let mut builder = VoucherBuilder::new();
    for field in HeaderText::ALL {
        builder.header(field, header.header(field));
    }
    builder.approval_signature(header.approval_signature()).approver_key(header.approver_key());
    for ((reference, fen), line_no) in lines.iter().zip(1_u32..) {
        builder.begin_line(line_no, "Reversed");
        builder.text(Field::Ref, reference).text(Field::Reason, reason);
        builder.int(Field::Amount, *fen);
        if line_no == 1 {
            builder.text(Field::Memo, memo);
        }
    }
    builder.state_totals();
    if header.line_count().is_some() {
        builder.line_count(header.line_count());
    }
    if header.total_fen().is_some() {
        builder.total_fen(header.total_fen());
    }
    builder.finish()
}
