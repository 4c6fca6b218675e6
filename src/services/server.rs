//! The server: sockets, TLS, HTTP/2, and every limit that the libraries leave open.
//!
//! Lives here: accepting connections, handing them to tonic with all limits set, draining.
//! Lives elsewhere: the services, the limits themselves (`record::limits`), who is asking (`auth`).
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
use tower::util::{MapRequestLayer, MapResponseLayer};

use super::posting::too_large;
use crate::auth::{Peer, certified};

/// Handshakes done whose connection tonic has not taken yet.
const ACCEPTED_MAX: usize = 16;
/// After a failed accept (too many open files, most likely): long enough not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `routes` until `stop` turns true, then drains for at most `DRAIN_MS_MAX`.
///
/// # Errors
/// When the transport fails as a whole.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    routes: Routes,
    mut stop: watch::Receiver<bool>,
) -> Result<(), tonic::transport::Error> {
    let (sender, accepted) = mpsc::channel(ACCEPTED_MAX);
    let accepting = tokio::spawn(accept(listener, tls, sender, stop.clone()));
    let ms = Duration::from_millis;
    let mut stopped = stop.clone();
    let serving = Server::builder()
        .max_concurrent_streams(CONNECTION_REQUESTS_MAX)
        .http2_max_header_list_size(HEADER_LIST_BYTES_MAX)
        .http2_keepalive_interval(Some(ms(KEEPALIVE_INTERVAL_MS)))
        .http2_keepalive_timeout(Some(ms(KEEPALIVE_TIMEOUT_MS)))
        .max_connection_age(ms(CONNECTION_AGE_MS_MAX))
        .max_connection_age_grace(ms(CONNECTION_GRACE_MS))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .tcp_nodelay(true)
        .timeout(ms(CALL_MS_MAX))
        .layer(MapRequestLayer::new(whole))
        .layer(MapResponseLayer::new(explain))
        .add_routes(routes)
        .serve_with_incoming_shutdown(ReceiverStream::new(accepted), async move {
            drop(stopped.wait_for(|stop| *stop).await);
        });
    let deadline = async {
        drop(stop.wait_for(|stop| *stop).await);
        tokio::time::sleep(ms(DRAIN_MS_MAX)).await;
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
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    sender: mpsc::Sender<io::Result<Connection>>,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
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
            let limit = Duration::from_millis(HANDSHAKE_MS_MAX);
            // A handshake that fails or takes too long ends its own connection and nothing else.
            if let Ok(Some(connection)) = tokio::time::timeout(limit, greet).await {
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
