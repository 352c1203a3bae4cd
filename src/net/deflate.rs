//! COMPRESS=DEFLATE (RFC 4978): a stream that can begin to compress, between TLS and the byte guard.
//!
//! Only for an account whose owner asked for it. Whoever can have chosen text sent to a person (that is, anybody) and sees how long the
//! encrypted records are can guess at secrets that are compressed together with that text: the attack known as CRIME. And it costs: three
//! times our CPU and six times the server's for a third fewer bytes, of which ciphertext gives none. On a line of some kbit/s it pays.
//!
//! What comes out of a small input may be large, a thousand times at most; it is unpacked into the reader's own buffer, piece by piece,
//! and every limit of the guard counts what was unpacked. Nothing is kept but the windows of the two codecs and one piece of each way.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are read or written at once.
const PIECE: usize = 16 << 10;

/// A stream that is passed through until [`Deflate::start`].
#[derive(Debug)]
pub struct Deflate<S> {
    inner: S,
    codecs: Option<Box<Codecs>>,
    /// One byte is read at a time, so that none is taken that belongs to what follows.
    one_by_one: bool,
}

#[derive(Debug)]
struct Codecs {
    unpack: Decompress,
    /// What came and is not unpacked yet.
    packed: Vec<u8>,
    used: usize,
    pack: Compress,
    /// What is packed and not sent yet.
    out: Vec<u8>,
    sent: usize,
    /// Something was packed since the last flush.
    dirty: bool,
}

impl<S> Deflate<S> {
    /// Passes everything through as it is.
    pub fn new(inner: S) -> Self {
        Self { inner, codecs: None, one_by_one: false }
    }

    /// Reads byte by byte from here on: the last line before [`Self::start`] may have compressed bytes right behind it.
    pub fn slowly(&mut self, slowly: bool) {
        self.one_by_one = slowly;
    }

    /// Everything from here on, both ways, is compressed (raw deflate, RFC 1951, as RFC 4978 §3 has it).
    pub fn start(&mut self) {
        self.one_by_one = false;
        self.codecs = Some(Box::new(Codecs {
            unpack: Decompress::new(false),
            packed: Vec::with_capacity(PIECE),
            used: 0,
            pack: Compress::new(Compression::default(), false),
            out: Vec::with_capacity(PIECE),
            sent: 0,
            dirty: false,
        }));
    }
}

impl Codecs {
    /// Unpacks into `buf` what is here; whether that was anything.
    fn unpack(&mut self, buf: &mut ReadBuf<'_>) -> io::Result<bool> {
        let (in_before, out_before) = (self.unpack.total_in(), self.unpack.total_out());
        let input = self.packed.get(self.used..).unwrap_or_default();
        let status = self.unpack.decompress(input, buf.initialize_unfilled(), FlushDecompress::None);
        let status = status.map_err(|_| io::Error::other("the compressed stream is broken"))?;
        let count = |before: u64, now: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX);
        let taken = count(in_before, self.unpack.total_in());
        let given = count(out_before, self.unpack.total_out());
        self.used = self.used.saturating_add(taken);
        if self.used >= self.packed.len() {
            self.packed.clear();
            self.used = 0;
        }
        buf.advance(given);
        if given == 0 && taken == 0 && status == Status::StreamEnd {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the compressed stream ended"));
        }
        Ok(given > 0)
    }

    /// Packs into `out`, which grows by one piece at most; how much of `input` was taken, and whether the codec has more to give.
    fn pack(&mut self, input: &[u8], flush: FlushCompress) -> io::Result<(usize, bool)> {
        let before = self.pack.total_in();
        self.out.reserve(PIECE);
        let room = self.out.capacity();
        self.pack.compress_vec(input, &mut self.out, flush).map_err(|_| io::Error::other("it cannot be compressed"))?;
        let taken = usize::try_from(self.pack.total_in().saturating_sub(before)).unwrap_or(usize::MAX);
        Ok((taken, self.out.len() == room))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Deflate<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let Some(codecs) = &mut this.codecs else {
            if !this.one_by_one {
                return Pin::new(&mut this.inner).poll_read(cx, buf);
            }
            let mut byte = [0; 1];
            let mut one = ReadBuf::new(&mut byte);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut one))?;
            buf.put_slice(one.filled());
            return Poll::Ready(Ok(()));
        };
        loop {
            // What the codec still holds comes before what is on its way.
            if codecs.unpack(buf)? {
                return Poll::Ready(Ok(()));
            }
            if !codecs.packed.is_empty() {
                // It took something and gave nothing: once more, until it wants more input.
                continue;
            }
            let mut piece = vec![0; PIECE];
            let mut read = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            codecs.packed.extend_from_slice(read.filled());
        }
    }
}

impl<S: AsyncWrite + Unpin> Deflate<S> {
    /// Sends what is packed.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(codecs) = &mut self.codecs else { return Poll::Ready(Ok(())) };
        while let Some(left) = codecs.out.get(codecs.sent..).filter(|left| !left.is_empty()) {
            let n = ready!(Pin::new(&mut self.inner).poll_write(cx, left))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            codecs.sent = codecs.sent.saturating_add(n);
        }
        codecs.out.clear();
        codecs.sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Deflate<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.codecs.is_none() {
            return Pin::new(&mut this.inner).poll_write(cx, bytes);
        }
        ready!(this.poll_drain(cx))?;
        let Some(codecs) = &mut this.codecs else { return Poll::Ready(Ok(0)) };
        let bytes = bytes.get(..PIECE).unwrap_or(bytes);
        let (taken, _) = codecs.pack(bytes, FlushCompress::None)?;
        codecs.dirty = true;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            ready!(this.poll_drain(cx))?;
            let Some(codecs) = &mut this.codecs else { break };
            if !codecs.dirty {
                break;
            }
            // RFC 4978 §4: a command must not wait in the codec.
            let (_, more) = codecs.pack(&[], FlushCompress::Sync)?;
            codecs.dirty = more;
        }
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::Deflate;

    /// Commands of all sizes through two of them, over a pipe that takes few bytes at a time.
    #[tokio::test]
    async fn there_and_back() {
        for pipe in [1, 7, 1_000, 1 << 20] {
            let (a, b) = tokio::io::duplex(pipe);
            let (mut a, mut b) = (Deflate::new(a), Deflate::new(b));
            let mut clear = [0; 12];
            let (written, read) = tokio::join!(a.write_all(b"in the clear"), b.read_exact(&mut clear));
            assert!(written.is_ok() && read.is_ok() && &clear == b"in the clear");
            a.start();
            b.start();
            let sizes = if pipe < 10 { vec![1, 100, 3_000] } else { vec![1, 100, 70_000, 0, 300_000] };
            let texts: Vec<Vec<u8>> = sizes
                .into_iter()
                .map(|size: u32| {
                    (0..size).map(|n| u8::try_from(n.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect()
                })
                .collect();
            let sent = texts.clone();
            let task = tokio::spawn(async move {
                for text in sent {
                    a.write_all(&text).await.unwrap();
                    a.flush().await.unwrap();
                }
            });
            for text in texts {
                let mut got = vec![0; text.len()];
                b.read_exact(&mut got).await.unwrap();
                assert_eq!(got, text);
            }
            // The mark of the last flush is still on its way: read first, then see how the writer ended.
            assert_eq!(b.read(&mut [0; 9]).await.unwrap(), 0, "the end is the end");
            task.await.unwrap();
        }
    }

    #[tokio::test]
    async fn nothing_is_read_beyond_the_last_line_in_the_clear() {
        let (mut a, b) = tokio::io::duplex(1_000);
        let mut b = Deflate::new(b);
        let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(b"* OK packed\r\n").unwrap();
        let mut bytes = b"c1 OK\r\n".to_vec();
        bytes.extend(packed.finish().unwrap());
        a.write_all(&bytes).await.unwrap();
        b.slowly(true);
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let mut some = [0; 100];
            let n = b.read(&mut some).await.unwrap();
            line.extend_from_slice(&some[..n]);
        }
        assert_eq!(line, b"c1 OK\r\n");
        b.start();
        let mut rest = [0; 13];
        b.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"* OK packed\r\n");
    }

    /// A gigabyte out of a megabyte fills nobody's memory: it comes in pieces of the reader's size. Garbage is an error.
    #[tokio::test]
    async fn bombs_and_garbage() {
        let (mut a, b) = tokio::io::duplex(4_096);
        let mut b = Deflate::new(b);
        b.start();
        let task = tokio::spawn(async move {
            let mut bomb = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
            for _ in 0..100 {
                bomb.write_all(&[b'x'; 1 << 20]).unwrap();
            }
            let bomb = bomb.finish().unwrap();
            assert!(bomb.len() < 200 << 10, "{}", bomb.len());
            let _ = a.write_all(&bomb).await;
            a
        });
        let (mut total, mut some) = (0, vec![0; 5_000]);
        while total < 100 << 20 {
            let n = b.read(&mut some).await.unwrap();
            assert!(n > 0 && n <= some.len());
            total += n;
        }
        drop(task.await.unwrap());

        let (mut a, b) = tokio::io::duplex(4_096);
        let mut b = Deflate::new(b);
        b.start();
        a.write_all(&[0xff; 100]).await.unwrap();
        assert!(b.read(&mut some).await.is_err());
    }
}
