//! The deadline of a call, and what is answered when it has passed.
//!
//! Lives here: which deadline holds, and the two answers.
//! Lives elsewhere: the longest deadline (`server`), what goes on after it (`node`).
//!
//! Always: a call is answered within its deadline, or its stream begun, and what comes too late has a reason that
//! programs read. What was handed
//! over to the sequencer goes on.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::HeaderMap;
use ledger::reject::{Reason, Text};
use tonic::Status;
use tonic::body::Body;
use tower::Service;

use super::status::{refuse, too_late};

/// Calls after whose deadline it is not known what became of a voucher.
const POSTING: [&str; 4] = [
    "/mingzhang.v1.Posting/PostVoucher",
    "/mingzhang.v1.Posting/PostVoucherStream",
    "/mingzhang.v1.Posting/ReverseVoucher",
    "/mingzhang.v1.Registry/Apply",
];

/// The answer is to arrive before the client gives up: so much of its time is left to the way back, at
/// most a tenth.
const WAY_BACK: Duration = Duration::from_millis(250);

/// A service whose calls end within their deadline: the client's, or `most` if that is shorter.
#[derive(Clone, Debug)]
pub(super) struct Deadline<S> {
    inner: S,
    most: Duration,
}

impl<S> Deadline<S> {
    /// Puts a deadline around a service.
    pub(super) fn new(inner: S, most: Duration) -> Self {
        Self { inner, most }
    }
}

impl<S> Service<http::Request<Body>> for Deadline<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let limit = stated(request.headers()).map_or(self.most, |stated| stated.min(self.most));
        let posts = POSTING.contains(&request.uri().path());
        let call = self.inner.call(request);
        Box::pin(async move {
            tokio::time::timeout(limit, call)
                .await
                .unwrap_or_else(|_| Ok(passed(posts, limit).into_http()))
        })
    }
}

/// What is answered after the deadline. A dry run is told what a posting is: the path does not say which it was.
fn passed(posts: bool, limit: Duration) -> Status {
    if posts {
        refuse(Reason::OutcomeUnknown { key: Text::Borrowed("this voucher") })
    } else {
        too_late(limit)
    }
}

/// The client's deadline without the way back. gRPC: up to 8 digits and a unit. `None`: it states none.
fn stated(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || 8 < digits.len() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let n: u32 = digits.parse().ok()?;
    let unit = match unit {
        "H" => Duration::from_secs(3_600),
        "M" => Duration::from_secs(60),
        "S" => Duration::from_secs(1),
        "m" => Duration::from_millis(1),
        "u" => Duration::from_micros(1),
        "n" => Duration::from_nanos(1),
        _ => return None,
    };
    let stated = unit.saturating_mul(n);
    Some(stated.saturating_sub(WAY_BACK.min(stated.checked_div(10).unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stated_deadline_is_read_and_a_tenth_is_left_for_the_way_back() {
        for (text, expected) in [
            ("10S", Some(Duration::from_millis(9_750))),
            ("500m", Some(Duration::from_millis(450))),
            ("1000u", Some(Duration::from_micros(900))),
            ("0n", Some(Duration::ZERO)),
            ("99999999H", Some(Duration::from_millis(359_999_996_400_000 - 250))),
            ("999999999S", None),
            ("S", None),
            ("", None),
            ("1s", None),
            ("-1S", None),
            ("1é", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            assert_eq!(stated(&headers), expected, "{text}");
        }
        assert_eq!(stated(&HeaderMap::new()), None);
    }
}
