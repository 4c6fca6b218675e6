//! Connecting to a server.

use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

use super::failure::Failure;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// A server that answers no ping for so long is gone, also where the network says nothing.
const PING: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(20));

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
        .http2_keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1)
        .tcp_nodelay(true)
        .http2_adaptive_window(true);
    endpoint.connect().await.map_err(|_| {
        Failure::unfinished(format!("{address}: nobody answers"))
            .with_hint("is the server running? `mingzhang serve --data DIR` prints its address")
    })
}
