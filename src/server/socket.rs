//! A client's socket: it fails in time where the client does not read, and is closed so that the
//! client can read what was sent to it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::Limits;

/// A client's socket.
pub(super) struct Socket {
    stream: TcpStream,
    limits: Limits,
    /// Runs while nothing can be written.
    write_deadline: Option<Pin<Box<Sleep>>>,
    /// Runs once this side is closed.
    linger: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, limits: Limits) -> Self {
        Self {
            stream,
            limits,
            write_deadline: None,
            linger: None,
        }
    }

    fn stream(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.stream)
    }

    /// What became of a write, or that the client has not read for too long.
    fn in_time(
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
        // Else the kernel would keep what is unsent, and try for minutes.
        let _ = self.stream.set_zero_linger();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write(cx, bytes);
        self.in_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write_vectored(cx, slices);
        self.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    /// Closes this side, and reads on until the client has closed its own. A socket with input that
    /// was not read would be reset: a client that is still sending would fail at that, and not read
    /// the answer that says why its request is refused.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(self.stream().poll_shutdown(cx))?;
        }
        let time = self.limits.linger;
        let linger = self.linger.get_or_insert_with(|| Box::pin(sleep(time)));
        // Asked first: a client that sends without end must not keep it from being asked.
        if linger.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        loop {
            let mut ignored = [0; 4_096];
            let mut ignored = ReadBuf::new(&mut ignored);
            match ready!(self.stream().poll_read(cx, &mut ignored)) {
                Ok(()) if !ignored.filled().is_empty() => {}
                // The client has closed its side too, or is gone.
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}
