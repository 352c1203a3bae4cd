//! The stream under lettre: ours, already inside TLS.
//!
//! lettre reads a greeting first, which after our own STARTTLS dialogue will never come (RFC 3207 §4.2): a greeting of ours is read
//! instead. What the server says since our last write is kept aside, so that replies are judged by [`super::reply`], words and all, and
//! a reply that nobody asked for is seen. Bytes that are not ASCII are read as `?`, since lettre gives up on text that is not UTF-8 and
//! a "250" would be lost with it.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most that a server may say in one go; lettre would read a line without an end for ever.
const HEARD_MAX: usize = 128 * 1024;
/// The most lines of it: lettre reads an answer from its beginning again at each of its lines, so that a hundred thousand short ones would keep it busy
/// for hours. The longest real answer, that to EHLO, has some thirty.
const LINES_MAX: usize = 256;

/// What the server has said since our last write.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Mutex<Said>>);

#[derive(Default)]
struct Said {
    bytes: Vec<u8>,
    lines: usize,
}

impl Heard {
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).bytes.clone()
    }

    fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Said::default();
    }

    /// Keeps what was said.
    ///
    /// # Errors
    /// In words, where it is no longer of the size of a reply.
    fn push(&self, bytes: &[u8]) -> Result<(), String> {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = HEARD_MAX.saturating_sub(heard.bytes.len());
        heard.bytes.extend(bytes.iter().take(room));
        if bytes.len() > room {
            return Err(format!("the server said more than {} kB in one answer", HEARD_MAX / 1024));
        }
        heard.lines = heard.lines.saturating_add(memchr::memchr_iter(b'\n', bytes).count());
        if heard.lines > LINES_MAX {
            return Err(format!("the server said more than {LINES_MAX} lines in one answer"));
        }
        Ok(())
    }
}

/// A stream that lettre can talk over.
pub(super) struct SubmissionStream<S> {
    inner: S,
    greeting: &'static [u8],
    heard: Heard,
}

impl<S> SubmissionStream<S> {
    pub(super) fn new(inner: S, greeting: &'static [u8], heard: Heard) -> Self {
        Self { inner, greeting, heard }
    }
}

impl<S> fmt::Debug for SubmissionStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubmissionStream")
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SubmissionStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.greeting.is_empty() {
            let (now, later) = self.greeting.split_at(self.greeting.len().min(buf.remaining()));
            buf.put_slice(now);
            let _ = self.heard.push(now);
            self.greeting = later;
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        if let Some(new) = buf.filled_mut().get_mut(before..) {
            for byte in new.iter_mut().filter(|byte| !byte.is_ascii()) {
                *byte = b'?';
            }
            if let Err(words) = self.heard.push(new) {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, words)));
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SubmissionStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.heard.clear();
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> AsyncTokioStream for SubmissionStream<S> {
    /// lettre only asks for display; the peer is known to those who connected.
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))
    }
}

#[cfg(test)]
mod tests {
    use super::{HEARD_MAX, Heard, LINES_MAX};

    #[test]
    fn an_answer_is_bounded_by_lines_and_by_octets() {
        let heard = Heard::default();
        for _ in 0..LINES_MAX {
            heard.push(b"220-\n").unwrap();
        }
        assert!(heard.push(b"220 x\n").unwrap_err().contains("256 lines"));
        heard.clear();
        heard.push(&vec![b'x'; HEARD_MAX]).unwrap();
        assert!(heard.push(b"x").unwrap_err().contains("128 kB"));
        heard.clear();
        heard.push(b"220 x\n").unwrap();
        assert_eq!(heard.bytes(), b"220 x\n");
    }
}
