//! The server: sockets, TLS, HTTP/2, and every limit that the libraries leave open.
//!
//! Lives here: accepting connections, handing them to tonic with all limits set, draining.
//! Lives elsewhere: the services, the limits themselves (`record::limits`), the deadline of a call
//! (`deadline`), who is asking (`auth`).
//!
//! Always: no connection is served beyond loopback without TLS; a silent client holds neither a
//! handshake, nor a stream, nor the end of the process.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use record::limits::{
    CALL_MS_MAX, CONNECTION_AGE_MS_MAX, CONNECTION_GRACE_MS, CONNECTION_REQUESTS_MAX,
    CONNECTION_WINDOW_BYTES, CONNECTIONS_MAX, DRAIN_MS_MAX, HANDSHAKE_MS_MAX,
    HEADER_LIST_BYTES_MAX, KEEPALIVE_INTERVAL_MS, KEEPALIVE_TIMEOUT_MS, STREAM_WINDOW_BYTES,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic::{Code, Status};
use tower::layer::layer_fn;
use tower::util::{MapRequestLayer, MapResponseLayer};

use super::deadline::Deadline;
use super::posting::too_large;
use crate::auth::{Peer, certified};

/// Handshakes done whose connection tonic has not taken yet.
const ACCEPTED_MAX: usize = 16;
/// After a failed accept (too many open files, most likely): long enough not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The limits of a server: those of `record::limits`, unless a test is not to wait for them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections.
    pub connections: usize,
    /// Open calls of one connection.
    pub connection_requests: u32,
    /// Bytes of metadata of one request.
    pub header_list_bytes: u32,
    /// TLS handshake.
    pub handshake: Duration,
    /// From quiet to a ping.
    pub keepalive_interval: Duration,
    /// From a ping to its answer.
    pub keepalive_timeout: Duration,
    /// Age at which a connection is asked to end.
    pub connection_age: Duration,
    /// What an aged connection has to finish its calls.
    pub connection_grace: Duration,
    /// Longest deadline of a call.
    pub call: Duration,
    /// What open calls have to finish when the server stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            connections: CONNECTIONS_MAX,
            connection_requests: CONNECTION_REQUESTS_MAX,
            header_list_bytes: HEADER_LIST_BYTES_MAX,
            handshake: ms(HANDSHAKE_MS_MAX),
            keepalive_interval: ms(KEEPALIVE_INTERVAL_MS),
            keepalive_timeout: ms(KEEPALIVE_TIMEOUT_MS),
            connection_age: ms(CONNECTION_AGE_MS_MAX),
            connection_grace: ms(CONNECTION_GRACE_MS),
            call: ms(CALL_MS_MAX),
            drain: ms(DRAIN_MS_MAX),
        }
    }
}

/// Serves `routes` until `stop` turns true, then drains for at most `DRAIN_MS_MAX`.
///
/// # Errors
/// When the transport fails as a whole.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    routes: Routes,
    stop: watch::Receiver<bool>,
) -> Result<(), tonic::transport::Error> {
    serve_within(Limits::default(), listener, tls, routes, stop).await
}

/// The same within other limits.
///
/// # Errors
/// When the transport fails as a whole.
pub async fn serve_within(
    limits: Limits,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    routes: Routes,
    mut stop: watch::Receiver<bool>,
) -> Result<(), tonic::transport::Error> {
    let (sender, accepted) = mpsc::channel(ACCEPTED_MAX);
    let accepting = tokio::spawn(accept(limits, listener, tls, sender, stop.clone()));
    let mut stopped = stop.clone();
    let serving = Server::builder()
        .max_concurrent_streams(limits.connection_requests)
        .http2_max_header_list_size(limits.header_list_bytes)
        .http2_keepalive_interval(Some(limits.keepalive_interval))
        .http2_keepalive_timeout(Some(limits.keepalive_timeout))
        .max_connection_age(limits.connection_age)
        .max_connection_age_grace(limits.connection_grace)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .tcp_nodelay(true)
        .layer(layer_fn(move |inner| Deadline::new(inner, limits.call)))
        .layer(MapRequestLayer::new(whole))
        .layer(MapResponseLayer::new(explain))
        .add_routes(routes)
        .serve_with_incoming_shutdown(ReceiverStream::new(accepted), async move {
            drop(stopped.wait_for(|stop| *stop).await);
        });
    let deadline = async {
        drop(stop.wait_for(|stop| *stop).await);
        tokio::time::sleep(limits.drain).await;
    };
    let served = tokio::select! {
        served = serving => served,
        // Whoever has not finished by now is cut off: nothing acknowledged is lost by it.
        () = deadline => Ok(()),
    };
    accepting.abort();
    served
}

/// Lets nothing but a half-close count as the end of a request.
///
/// The library gives a stream that its client has reset with CANCEL the same clean end as one that was
/// finished (`tonic::codec::decode` takes the status `Cancelled` of a request's body for its end); a voucher
/// in chunks that its sender gave up would be posted.
fn whole(request: http::Request<Body>) -> http::Request<Body> {
    request.map(|body| Body::new(Whole { body, broken: false }))
}

/// A request's body that fails where its stream was cut.
#[derive(Debug)]
struct Whole {
    body: Body,
    broken: bool,
}

impl http_body::Body for Whole {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        // Any status but `Cancelled` reaches the handler.
        let cut = || Some(Err(Status::aborted("the stream was cut before its end")));
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Err(status))) if status.code() == Code::Cancelled => {
                Poll::Ready(cut())
            }
            Poll::Ready(None) if !this.body.is_end_stream() && !this.broken => {
                this.broken = true;
                Poll::Ready(cut())
            }
            polled => polled,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

/// Gives a message above the limit its code: the transport refuses it before any handler sees it.
fn explain(response: http::Response<Body>) -> http::Response<Body> {
    match Status::from_header_map(response.headers()) {
        Some(status) if matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted) => {
            too_large(status).into_http()
        }
        _ => response,
    }
}

async fn accept(
    limits: Limits,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    sender: mpsc::Sender<io::Result<Connection>>,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let acceptor = tls.map(TlsAcceptor::from);
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Ok((socket, address)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // A small answer is not to wait for more; if the option fails it is only slower.
        drop(socket.set_nodelay(true));
        let (acceptor, sender) = (acceptor.clone(), sender.clone());
        tokio::spawn(async move {
            let greet = greet(socket, address, acceptor, place);
            // A handshake that fails or takes too long ends its own connection and nothing else.
            if let Ok(Some(connection)) = tokio::time::timeout(limits.handshake, greet).await {
                drop(sender.send(Ok(connection)).await);
            }
        });
    }
}

async fn greet(
    socket: TcpStream,
    address: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    place: OwnedSemaphorePermit,
) -> Option<Connection> {
    let Some(acceptor) = acceptor else {
        let peer = Peer::new(address, None);
        return Some(Connection { peer, io: Io::Plain(socket), _place: place });
    };
    let stream = acceptor.accept(socket).await.ok()?;
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    let certified = certified(certificate).ok()?;
    let peer = Peer::new(address, Some(certified));
    Some(Connection { peer, io: Io::Tls(Box::new(stream)), _place: place })
}

/// An accepted connection, and its place among those that may be open.
#[derive(Debug)]
pub struct Connection {
    peer: Peer,
    io: Io,
    _place: OwnedSemaphorePermit,
}

#[derive(Debug)]
enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Io::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().io {
            Io::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Io::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Io::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Io::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().io {
            Io::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Io::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        matches!(&self.io, Io::Plain(_))
    }
}
