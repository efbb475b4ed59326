//! A connection: HTTP/1.1 on a TCP stream with a timeout of writes and an orderly close.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulConnection;
use poem::http::header;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::connection_state::ConnectionState;
use super::header_timer::HeaderTimer;
use super::limits::Limits;
use super::refusal::Refusals;
use crate::api::OnlyProbes;

/// Maximum size of a request's header, and of the read-ahead of a body, in bytes.
const MAX_HEADER_BYTES: usize = 16 << 10;

/// Longest wait for the response where the client has shut down its side of the connection, which a client
/// that is gone does as well: time for a call of the store and its retry.
const HALF_CLOSED: Duration = Duration::from_secs(2);

/// Returns the HTTP connection of a client, bound to the current runtime.
pub(super) fn connection<E: Endpoint<Output = Response> + 'static>(
    app: Arc<E>,
    stream: ClientStream,
    local: SocketAddr,
    peer: SocketAddr,
) -> impl GracefulConnection<Error = hyper::Error> {
    let (state, limits) = (Arc::clone(&stream.state), stream.limits);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let (app, in_flight) = (Arc::clone(&app), state.begin());
        if state.only_probes {
            request.extensions_mut().insert(OnlyProbes);
        }
        if request.headers().contains_key(header::TRANSFER_ENCODING) {
            request.extensions_mut().insert(state.huge_chunk.clone());
        }
        async move {
            let _in_flight = in_flight;
            let (local, remote) = (LocalAddr(local.into()), RemoteAddr(peer.into()));
            let request = (request, local, remote, Scheme::HTTP).into();
            // Boxed: hyper reserves the future's size in every connection, idle connections included.
            let response = Box::pin(app.get_response(request)).await;
            Ok::<hyper::Response<_>, Infallible>(response.into())
        }
    });
    http1::Builder::new()
        .timer(HeaderTimer::new(limits.header_timeout, limits.idle_timeout))
        .header_read_timeout(limits.idle_timeout)
        .max_header_size(MAX_HEADER_BYTES)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
}

/// The TCP stream of a client.
pub(super) struct ClientStream {
    stream: TcpStream,
    limits: Limits,
    state: Arc<ConnectionState>,
    refusals: Refusals,
    /// Rest of an answer that is sent in place of an answer of hyper.
    refusal: Option<Vec<u8>>,
    /// Timer of [`HALF_CLOSED`]; runs after the client has shut down its side.
    half_closed: Option<Pin<Box<Sleep>>>,
    /// Timer of the write timeout; runs while the client reads nothing.
    write_deadline: Option<Pin<Box<Sleep>>>,
    /// Timer of the linger; runs after the shutdown of this side.
    linger: Option<Pin<Box<Sleep>>>,
}

impl ClientStream {
    pub(super) fn new(
        stream: TcpStream,
        limits: Limits,
        state: Arc<ConnectionState>,
        refusals: Refusals,
    ) -> Self {
        Self {
            stream,
            limits,
            state,
            refusals,
            refusal: None,
            half_closed: None,
            write_deadline: None,
            linger: None,
        }
    }

    fn stream(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.stream)
    }

    /// Sends the rest of the answer that replaces `slices`.
    fn poll_refusal(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let replaced = slices.iter().map(|slice| slice.len()).sum();
        while let Some(rest) = &mut self.refusal {
            if rest.is_empty() {
                self.refusal = None;
                break;
            }
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            rest.drain(..sent);
        }
        Poll::Ready(Ok(replaced))
    }

    /// Returns the result of a write, or a timeout error.
    fn with_timeout(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.write_deadline = None;
            return written;
        }
        let timeout = self.limits.write_timeout;
        let deadline = self
            .write_deadline
            .get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(deadline.as_mut().poll(cx));
        // Without the reset, the kernel would keep unsent bytes and retransmit for minutes.
        let _ = self.stream.set_zero_linger();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(self.stream().poll_read(cx, buffer))?;
        self.state.huge_chunk.find_in(&buffer.filled()[before..]);
        if buffer.filled().len() == before && self.state.is_in_flight() {
            // hyper drops the request at the end of the stream.
            let timer = self
                .half_closed
                .get_or_insert_with(|| Box::pin(sleep(HALF_CLOSED)));
            ready!(timer.as_mut().poll(cx));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [answer] = slices
            && self.refusal.is_none()
        {
            self.refusal = self.refusals.in_place_of(answer);
        }
        let written = match &mut self.refusal {
            None => self.stream().poll_write_vectored(cx, slices),
            Some(_) => self.poll_refusal(cx, slices),
        };
        self.with_timeout(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.stream().poll_flush(cx))?;
        self.state.sent();
        Poll::Ready(Ok(()))
    }

    /// Shuts down this side, and reads until the client has shut down its own. A close with unread
    /// input resets the connection: a client that still sends a request body would get an error, and
    /// lose the response with the reason of the refusal.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(self.stream().poll_shutdown(cx))?;
        }
        let time = self.limits.linger;
        let linger = self.linger.get_or_insert_with(|| Box::pin(sleep(time)));
        // Polled before the reads: a client that sends without pause must not outlast the linger.
        if linger.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        loop {
            let mut ignored = [0; 4_096];
            let mut ignored = ReadBuf::new(&mut ignored);
            match ready!(self.stream().poll_read(cx, &mut ignored)) {
                Ok(()) if !ignored.filled().is_empty() => {}
                // End of stream or an error.
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}
