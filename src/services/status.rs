//! A refusal as a gRPC status with details that programs read.
//!
//! Lives here: `google.rpc.Status` from a `Reject`, and back on the client's side.
//! Lives elsewhere: the refusals themselves (`ledger::reject`).
//!
//! Always: every refusal travels with `ErrorInfo` (code as reason, domain `mingzhang`, facts, how many
//! refusals there are), `BadRequest` (place of each refusal) and `Help` (its page). Of many refusals those
//! are listed that any client can receive. Source: domain contract, 8.3.

use std::time::Duration;

use ledger::reject::{Reason, Refusal, Reject};
use prost::Message;
use prost_types::Any;
use record::limits::{QUEUE_RETRY_MS, REFUSAL_BYTES_MAX};
use tonic::{Code, Status};
use tonic_types::pb;

/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "mingzhang";

/// Returns the status of one reason that belongs to no line.
pub fn refuse(reason: Reason) -> Status {
    status(&Reject::one(reason.at(0, "")))
}

/// Returns the status of a rejection, for an answer that ends a call. It travels as metadata, of which
/// clients take little: at least the first refusal is listed, and as many as `REFUSAL_BYTES_MAX` holds.
pub fn status(reject: &Reject) -> Status {
    let rpc = within(reject, REFUSAL_BYTES_MAX);
    let details = rpc.encode_to_vec();
    Status::with_details(Code::from_i32(rpc.code), rpc.message, details.into())
}

/// Returns the status of a call that posts nothing and did not end within its deadline. The table of
/// refusals has no code for that: nothing was refused.
pub fn too_late(limit: Duration) -> Status {
    let code = Code::DeadlineExceeded;
    let limit_ms = limit.as_millis();
    let metadata = vec![Fact { name: "limit_ms".to_owned(), value: limit_ms.to_string() }];
    let (reason, domain) = ("DEADLINE_EXCEEDED".to_owned(), DOMAIN.to_owned());
    let details = vec![any("google.rpc.ErrorInfo", &ErrorInfo { reason, domain, metadata })];
    let message = format!("not answered within {limit_ms} ms; ask for less, or allow more time");
    let rpc = pb::Status { code: code.into(), message, details };
    let details = rpc.encode_to_vec();
    Status::with_details(code, rpc.message, details.into())
}

/// Returns the status of a rejection, for an answer within a stream: a message, with room for all.
pub fn rpc_status(reject: &Reject) -> pb::Status {
    within(reject, usize::MAX)
}

/// The status of a rejection that lists the refusals which fit into so many bytes, the first in any case.
fn within(reject: &Reject, bytes_max: usize) -> pb::Status {
    let Some(first) = reject.refusals.first() else { return pb::Status::default() };
    let reason = &first.reason;
    let message = format!("{} {}: {}", reason.label(), reason.name(), reason.message());
    let info = any("google.rpc.ErrorInfo", &error_info(first, reject.total));
    let mut details = vec![info, any("google.rpc.Help", &help(reason))];
    if matches!(reason, Reason::QueueFull { .. }) {
        let delay = Duration::from_millis(QUEUE_RETRY_MS);
        let retry_delay = prost_types::Duration::try_from(delay).ok();
        details.push(any("google.rpc.RetryInfo", &pb::RetryInfo { retry_delay }));
    }
    let mut status = pb::Status { code: reason.status().number(), message, details };
    let rest = status.encoded_len().saturating_add(BAD_REQUEST_FRAME_BYTES);
    let bad = bad_request(reject, bytes_max.saturating_sub(rest));
    status.details.insert(1, any("google.rpc.BadRequest", &bad));
    status
}

/// Bytes around the refusals that `BadRequest` lists: its name, tags and lengths.
const BAD_REQUEST_FRAME_BYTES: usize = 64;

/// `google.rpc.ErrorInfo` with its map as a list: maps are written in random order, and equal refusals are
/// to be equal bytes.
#[derive(Clone, PartialEq, prost::Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Fact>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Fact {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

fn error_info(first: &Refusal, total: u64) -> ErrorInfo {
    let fact = |(name, value): (&str, String)| Fact { name: name.to_owned(), value };
    let mut metadata: Vec<Fact> = first.reason.facts().into_iter().map(fact).collect();
    // A refusal's own fact of the same name would stand before and be hidden by these.
    metadata.retain(|fact| fact.name != "line" && fact.name != "name");
    metadata.push(fact(("line", first.line.to_string())));
    metadata.push(fact(("name", first.reason.name().to_owned())));
    if 1 < total {
        metadata.push(fact(("refusals", total.to_string())));
    }
    ErrorInfo { reason: first.reason.label(), domain: DOMAIN.to_owned(), metadata }
}

/// Lists refusals, the first and those behind it that fit into so many bytes.
fn bad_request(reject: &Reject, bytes_max: usize) -> pb::BadRequest {
    let violation = |refusal: &Refusal| pb::bad_request::FieldViolation {
        field: refusal.place(),
        description: refusal.reason.message(),
        reason: refusal.reason.label(),
        localized_message: None,
    };
    let mut bad = pb::BadRequest::default();
    for refusal in &reject.refusals {
        bad.field_violations.push(violation(refusal));
        if bytes_max < bad.encoded_len() && 1 < bad.field_violations.len() {
            bad.field_violations.pop();
            break;
        }
    }
    bad
}

fn help(reason: &Reason) -> pb::Help {
    let (url, description) = (page(reason), reason.hint().unwrap_or_else(|| NO_HINT.to_owned()));
    pb::Help { links: vec![pb::help::Link { description, url }] }
}

/// What `Help` says where nothing can be said but where to read.
pub const NO_HINT: &str = "what this code means";

/// Returns the page of a refusal's code.
pub fn page(reason: &Reason) -> String {
    format!("docs/errors/{}.md", reason.label())
}

fn any(name: &str, message: &impl Message) -> Any {
    Any { type_url: format!("type.googleapis.com/{name}"), value: message.encode_to_vec() }
}

/// One refusal as a client reads it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Code, e.g. `MZ-3018`; empty when the server sent none.
    pub code: String,
    /// Line number; 0 for the header.
    pub line: u32,
    /// Field within it.
    pub field: String,
    /// What was found and what is allowed.
    pub message: String,
}

/// Reads the refusals out of a status.
pub fn told(status: &pb::Status) -> Vec<Told> {
    let mut out = Vec::new();
    for detail in &status.details {
        if !detail.type_url.ends_with("google.rpc.BadRequest") {
            continue;
        }
        let Ok(bad) = pb::BadRequest::decode(detail.value.as_slice()) else { continue };
        for violation in bad.field_violations {
            let (line, field) = place(&violation.field);
            let (code, message) = (violation.reason, violation.description);
            out.push(Told { code, line, field, message });
        }
    }
    if out.is_empty() {
        let message = status.message.clone();
        out.push(Told { code: String::new(), line: 0, field: String::new(), message });
    }
    out
}

/// Reads how many refusals there are, which may be more than are listed.
pub fn total(status: &pb::Status) -> u64 {
    let info = status.details.iter().find(|any| any.type_url.ends_with("google.rpc.ErrorInfo"));
    let info = info.and_then(|any| pb::ErrorInfo::decode(any.value.as_slice()).ok());
    let stated = info.and_then(|info| info.metadata.get("refusals")?.parse().ok());
    stated.unwrap_or_else(|| u64::try_from(told(status).len()).unwrap_or(u64::MAX))
}

/// Reads a status that ended a call.
pub fn of_call(status: &Status) -> pb::Status {
    pb::Status::decode(status.details())
        .ok()
        .filter(|read| !read.details.is_empty())
        .unwrap_or_else(|| pb::Status {
            code: status.code().into(),
            message: status.message().to_owned(),
            details: Vec::new(),
        })
}

/// `lines[17].household` → (17, `household`); `header.doc_no` → (0, `doc_no`).
fn place(path: &str) -> (u32, String) {
    let (head, field) = path.split_once('.').unwrap_or((path, ""));
    let line = head.strip_prefix("lines[").and_then(|rest| rest.strip_suffix(']'));
    (line.and_then(|n| n.parse().ok()).unwrap_or(0), field.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_survives_the_journey() {
        let reject = Reject {
            refusals: vec![
                Reason::EmptyVoucher {}.at(0, "lines"),
                Reason::LineNumbers { expected: 2, found: 3 }.at(17, "line_no"),
            ],
            total: 5,
        };
        let status = status(&reject);
        assert_eq!(status.code(), Code::InvalidArgument);
        let read = of_call(&status);
        assert_eq!(
            read,
            of_call(
                &Status::from_header_map(&{
                    let mut headers = http::HeaderMap::new();
                    status.add_header(&mut headers).unwrap();
                    headers
                })
                .unwrap()
            )
        );
        let told = told(&read);
        assert_eq!((told[0].code.as_str(), told[0].line), ("MZ-1032", 0));
        assert_eq!((told[1].line, told[1].field.as_str()), (17, "line_no"));
        let info = pb::ErrorInfo::decode(read.details[0].value.as_slice()).unwrap();
        assert_eq!((info.reason.as_str(), info.metadata["refusals"].as_str()), ("MZ-1032", "5"));
        assert_eq!(total(&read), 5);
    }

    #[test]
    fn of_many_refusals_those_are_listed_that_metadata_holds() {
        let wrong = |n: u32| {
            let (found, stated) = (u64::from(n), u64::MAX);
            Reason::LineCountDiffers { found, stated }.at(n, "line_no")
        };
        let reject = Reject { refusals: (1..=100).map(wrong).collect(), total: 20_000 };
        let listed = |status: &pb::Status| told(status).len();
        assert_eq!(listed(&rpc_status(&reject)), 100);
        let status = status(&reject);
        let bytes = status.details().len();
        assert!(bytes <= REFUSAL_BYTES_MAX && REFUSAL_BYTES_MAX - 200 < bytes, "{bytes}");
        let read = of_call(&status);
        assert!((20..100).contains(&listed(&read)), "{}", listed(&read));
        assert_eq!(total(&read), 20_000);
    }
}
