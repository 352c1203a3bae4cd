//! A stream behind the byte guard: what is for the codec goes on to it, what is read by hand is kept aside, and bytes are counted.
//!
//! In the place of each line that is kept aside the codec gets `* 0 RECENT`, so that their order among the others is known: whoever reads
//! that from the codec takes the next line from [`Guard::take_own`]. No RECENT of the server's reaches the codec. What a line says too much for the
//! codec is cut out ([`super::guard::Piece::cut`]). No byte is read beyond what the caller asked for, and no more is kept than one response, the
//! lines of one read, and the rest of a read.
//!
//! A literal that was set apart ([`Guard::set_apart`]) is kept aside too, and no more of it is read than [`APART_MAX`] bytes before somebody takes them.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::guard::{Apart, Cut, Limits, Reader, Scanner};

/// Stands in the codec's stream for a line that is read by hand.
const MARK: &[u8] = b"* 0 RECENT\r\n";

/// What the codec gets in the place of a literal that was set apart, and of a date that is none.
const EMPTY: &[u8] = b"\"\"";

/// So much of a literal that was set apart is held.
pub const APART_MAX: usize = 256 << 10;

/// A stream with a guard on what comes in, and a count of what goes in and out.
pub struct Guard<S> {
    inner: S,
    scanner: Scanner,
    bytes_in: u64,
    bytes_out: u64,
    /// The beginning of a line whose reader is not known or of which something may have to be cut, or of a response which is to be read by hand.
    held: Vec<u8>,
    /// What is for the codec and does not stand in its buffer yet, and how much of it was given.
    ready: Vec<u8>,
    given: usize,
    /// Whole responses that are read by hand.
    own: VecDeque<Vec<u8>>,
    /// What came of a literal that was set apart.
    apart: Vec<u8>,
}

impl<S> Guard<S> {
    /// Guards a stream.
    pub fn new(inner: S, limits: Limits) -> Self {
        Self {
            inner,
            scanner: Scanner::new(limits),
            bytes_in: 0,
            bytes_out: 0,
            held: Vec::new(),
            ready: Vec::new(),
            given: 0,
            own: VecDeque::new(),
            apart: Vec::new(),
        }
    }

    /// The next literal of this message is not for the codec, but for whoever takes it ([`Self::take_apart`]); `None`: none is.
    pub fn set_apart(&mut self, apart: Option<Apart>) {
        // What nobody took is of another command.
        self.apart.clear();
        self.scanner.set_apart(apart);
    }

    /// What came of a literal that was set apart, as soon as it is [`APART_MAX`] bytes or the rest of it, and how many bytes are still to come.
    pub fn take_apart(&mut self) -> Option<(Vec<u8>, u64)> {
        let left = self.scanner.left_apart();
        let is_ready = !self.apart.is_empty() && (left == 0 || self.apart.len() >= APART_MAX);
        is_ready.then(|| (std::mem::take(&mut self.apart), left))
    }

    /// Other limits from here on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.scanner.set_limits(limits);
    }

    /// Bytes received.
    pub fn bytes_in(&self) -> u64 {
        self.bytes_in
    }

    /// Bytes sent.
    pub fn bytes_out(&self) -> u64 {
        self.bytes_out
    }

    /// The next response that is read by hand, with its CRLF, after the codec gave its mark.
    pub fn take_own(&mut self) -> Option<Vec<u8>> {
        self.own.pop_front()
    }

    /// Of the line at which it came to a violation, as [`super::guard::word`].
    pub fn word(&self) -> &'static str {
        self.scanner.word()
    }

    /// The stream below.
    pub fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Sorts what was just read into `buf` behind `before`; leaves there what the codec may have as it is.
    fn sort(&mut self, buf: &mut ReadBuf<'_>, before: usize) -> io::Result<()> {
        let new = buf.filled().get(before..).unwrap_or_default();
        self.bytes_in = self.bytes_in.saturating_add(new.len() as u64);
        // As long as nothing but the codec's own came, it stays where it is.
        let (mut at, mut stays) = (0_usize, 0_usize);
        let mut plain = self.held.is_empty();
        let mut violation = None;
        while at < new.len() {
            let rest = new.get(at..).unwrap_or_default();
            let piece = match self.scanner.step(rest) {
                Ok(piece) => piece,
                Err(found) => {
                    violation = Some(found);
                    break;
                }
            };
            let bytes = rest.get(..piece.bytes).unwrap_or_default();
            at = at.saturating_add(piece.bytes);
            match piece.reader {
                Reader::Apart => {
                    plain = false;
                    self.apart.extend_from_slice(bytes);
                }
                Reader::Codec if plain && piece.cut.is_none() => stays = at,
                Reader::Codec => {
                    plain = false;
                    let line = self.ready.len();
                    self.ready.append(&mut self.held);
                    self.ready.extend_from_slice(bytes);
                    if let Some(Cut { from, to, empty }) = piece.cut {
                        let range = line.saturating_add(from)..line.saturating_add(to).min(self.ready.len());
                        let instead = if empty { EMPTY } else { b"" };
                        drop(self.ready.splice(range, instead.iter().copied()));
                    }
                }
                Reader::Unknown | Reader::Own => {
                    plain = false;
                    self.held.extend_from_slice(bytes);
                    if piece.ends {
                        self.own.push_back(std::mem::take(&mut self.held));
                        self.ready.extend_from_slice(MARK);
                    }
                }
            }
        }
        match violation {
            None => {
                buf.set_filled(before.saturating_add(stays));
                Ok(())
            }
            Some(violation) => {
                buf.set_filled(before);
                Err(io::Error::new(io::ErrorKind::InvalidData, violation))
            }
        }
    }
}

impl<S> fmt::Debug for Guard<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("in", &self.bytes_in).field("out", &self.bytes_out).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + Unpin> Guard<S> {
    /// Reads on in a literal that was set apart. Ready when it is through, or at the end of the stream.
    fn poll_apart(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            let left = usize::try_from(self.scanner.left_apart()).unwrap_or(usize::MAX);
            if !self.apart.is_empty() && (left == 0 || self.apart.len() >= APART_MAX) {
                // Whoever reads here takes them first.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if left == 0 {
                return Poll::Ready(Ok(true));
            }
            let mut room = [0; 16 << 10];
            let mut buf = ReadBuf::new(room.get_mut(..left.min(16 << 10)).unwrap_or_default());
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                return Poll::Ready(Ok(false));
            }
            self.sort(&mut buf, 0)?;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let waiting = this.ready.get(this.given..).unwrap_or_default();
            if !waiting.is_empty() {
                let now = waiting.get(..buf.remaining()).unwrap_or(waiting);
                buf.put_slice(now);
                this.given = this.given.saturating_add(now.len());
                if this.given == this.ready.len() {
                    this.ready.clear();
                    this.given = 0;
                }
                return Poll::Ready(Ok(()));
            }
            if !ready!(this.poll_apart(cx))? {
                return Poll::Ready(Ok(()));
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
            if buf.filled().len() == before {
                if this.held.is_empty() {
                    return Poll::Ready(Ok(()));
                }
                // The end, in the middle of a line: the codec is to see that there was one.
                this.ready.append(&mut this.held);
                continue;
            }
            this.sort(buf, before)?;
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, bytes);
        if let Poll::Ready(Ok(n)) = result {
            self.bytes_out = self.bytes_out.saturating_add(n as u64);
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Poll;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::{APART_MAX, Apart, Guard, Limits, MARK};

    /// What the codec gets and what is kept aside, when the server's words come in pieces of `size` and are read in pieces of `room`.
    async fn through(text: &str, size: usize, room: usize) -> (String, Vec<String>) {
        let (client, mut server) = tokio::io::duplex(size);
        let text = text.to_owned();
        let task = tokio::spawn(async move { server.write_all(text.as_bytes()).await });
        let mut guard = Guard::new(client, Limits::after_login(1_000));
        let (mut codec, mut buffer) = (Vec::new(), vec![0; room]);
        while let Ok(n @ 1..) = guard.read(&mut buffer).await {
            codec.extend_from_slice(&buffer[..n]);
        }
        task.await.unwrap().unwrap();
        let own = std::iter::from_fn(|| guard.take_own()).map(|line| String::from_utf8(line).unwrap()).collect();
        (String::from_utf8(codec).unwrap(), own)
    }

    #[tokio::test]
    async fn each_line_to_its_reader_in_order() {
        let mark = std::str::from_utf8(MARK).unwrap();
        let list = "* LIST (\\Sent) \"/\" {4}\r\n* 1 \r\n";
        let text = format!(
            "* OK hello\r\n{list}* 3 EXISTS\r\n* 5 RECENT\r\n* 1 FETCH (UID 1 BODY[] {{8}}\r\n* LIST x)\r\n* SEARCH 1 2\r\nc1 OK done\r\n* STAT"
        );
        let codec = format!(
            "* OK hello\r\n{mark}* 3 EXISTS\r\n{mark}* 1 FETCH (UID 1 BODY[] {{8}}\r\n* LIST x)\r\n{mark}c1 OK done\r\n* STAT"
        );
        for size in [1, 2, 3, 7, 50, 1_000] {
            for room in [1, 2, 5, 64, 4_096] {
                let (got, own) = through(&text, size, room).await;
                assert_eq!(got, codec, "{size} {room}");
                assert_eq!(own, [list, "* 5 RECENT\r\n", "* SEARCH 1 2\r\n"], "{size} {room}");
            }
        }
    }

    /// A literal that was set apart goes another way, in pieces that are bounded, and an empty one stands in its place; others do not.
    #[tokio::test]
    async fn a_literal_that_was_set_apart_goes_another_way() {
        let content = "Subject: x\r\n* LIST ()\n)\r\n".repeat(40_000);
        let text = format!(
            "* 2 FETCH (UID 8 BODY[] {{3}}\r\nabc)\r\n* 1 FETCH (UID 7 BODY[] {{{}}}\r\n{content} FLAGS ())\r\n\
             * 1 FETCH (UID 7 BODY[] {{2}}\r\nde)\r\nc1 OK done\r\n",
            content.len()
        );
        let codec = "* 2 FETCH (UID 8 BODY[] {3}\r\nabc)\r\n* 1 FETCH (UID 7 BODY[] \"\" FLAGS ())\r\n\
            * 1 FETCH (UID 7 BODY[] {2}\r\nde)\r\nc1 OK done\r\n";
        for (size, room) in [(1, 1), (7, 5), (4_096, 64), (1 << 20, 4_096)] {
            let (client, mut server) = tokio::io::duplex(size);
            let text = text.clone();
            let task = tokio::spawn(async move { server.write_all(text.as_bytes()).await });
            let mut guard = Guard::new(client, Limits::after_login(1_000));
            guard.set_apart(Some(Apart { uid: 7, most: 2 << 20 }));
            let (mut got, mut apart, mut buffer) = (Vec::new(), Vec::new(), vec![0; room]);
            loop {
                let read = std::future::poll_fn(|cx| match pin!(guard.read(&mut buffer)).poll(cx) {
                    Poll::Ready(read) => Poll::Ready(Ok(read.unwrap())),
                    Poll::Pending => guard.take_apart().map_or(Poll::Pending, |apart| Poll::Ready(Err(apart))),
                });
                match read.await {
                    Ok(0) => break,
                    Ok(n) => got.extend_from_slice(&buffer[..n]),
                    Err((bytes, left)) => {
                        assert!(bytes.len() < APART_MAX + (16 << 10), "{}", bytes.len());
                        apart.extend(bytes);
                        assert_eq!(apart.len() as u64 + left, content.len() as u64);
                    }
                }
            }
            task.await.unwrap().unwrap();
            assert_eq!(String::from_utf8_lossy(&got), codec, "{size} {room}");
            assert!(apart == content.as_bytes(), "{size} {room}");
        }
    }

    /// Hoodiecrow and Twisted say of a part where it begins and how long it was to be; what is in it stays as it is. A date that is none becomes an empty one.
    #[tokio::test]
    async fn a_part_is_named_by_where_it_begins() {
        let text = "* 1 FETCH (UID 1 BODY[]<0.26> {15}\r\nBODY[]<1.2> {3} FLAGS ())\r\n\
            * 2 FETCH (BODY[]<7.9> \"BODY[]<1.2> NIL\" UID 3)\r\n* 3 FETCH (BODY[TEXT]<5.100> NIL)\r\n\
            * 4 FETCH (UID 4 BODY[]<8> {1}\r\nx BODY[]<3.4> {1}\r\ny)\r\n\
            * 5 FETCH (UID 5 InternalDate nil BODY[] {20}\r\n(INTERNALDATE NIL)\r\n)\r\n* 6 FETCH (UID 6 INTERNALDATE NIL)\r\nc1 OK BODY[]<0.26> done\r\n";
        let codec = "* 1 FETCH (UID 1 BODY[]<0> {15}\r\nBODY[]<1.2> {3} FLAGS ())\r\n\
            * 2 FETCH (BODY[]<7> \"BODY[]<1.2> NIL\" UID 3)\r\n* 3 FETCH (BODY[TEXT]<5> NIL)\r\n\
            * 4 FETCH (UID 4 BODY[]<8> {1}\r\nx BODY[]<3> {1}\r\ny)\r\n\
            * 5 FETCH (UID 5 InternalDate \"\" BODY[] {20}\r\n(INTERNALDATE NIL)\r\n)\r\n* 6 FETCH (UID 6 INTERNALDATE \"\")\r\nc1 OK BODY[]<0.26> done\r\n";
        for size in [1, 2, 3, 7, 50, 1_000] {
            for room in [1, 2, 5, 64, 4_096] {
                assert_eq!(through(text, size, room).await.0, codec, "{size} {room}");
            }
        }
    }
}
