//! One small document fetched by HTTPS (RFC 9110, RFC 9112): verified TLS, no redirect followed, no cookie, nothing kept.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::connect::{Times, connect_https};
use super::endpoint::Endpoint;
use super::error::{self, Error};
use super::tls::ClientConfig;

/// How long the whole answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most that a status line and header fields may have.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// For instance 200 or 404.
    pub status: u16,
    /// The content; empty unless the status is 200.
    pub body: Vec<u8>,
}

/// Asks for a path. At most `most` bytes of content are taken.
///
/// # Errors
/// No verified connection, or an answer that is too large, too slow or no HTTP.
pub async fn get(endpoint: &Endpoint, config: &Arc<ClientConfig>, path: &str, most: usize) -> Result<Answer, Error> {
    let place = endpoint.to_string();
    let bad = |why: &str| Error::Answer { place: place.clone(), why: why.to_owned() };
    if !path.starts_with('/') || path.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(bad("the path is none"));
    }
    let mut stream = connect_https(endpoint, config, Times::default()).await?;
    let host =
        if endpoint.port == 443 { endpoint.host.clone() } else { format!("{}:{}", endpoint.host, endpoint.port) };
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nUser-Agent: casemail\r\nConnection: close\r\n\r\n"
    );
    let limit = most.saturating_add(HEAD_BYTES_MAX);
    let dialogue = async {
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut bytes = Vec::new();
        let mut piece = vec![0_u8; 16 << 10];
        loop {
            // A peer that closes without close_notify may have cut the content: its length decides.
            let read = match stream.read(&mut piece).await {
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => 0,
                other => other?,
            };
            bytes.extend_from_slice(piece.get(..read).unwrap_or_default());
            if read == 0 || bytes.len() > limit || is_whole(&bytes) {
                return Ok::<_, std::io::Error>(bytes);
            }
        }
    };
    let late = |_| Error::TimedOut { place: place.clone(), doing: "sending what was asked for", after: PATIENCE };
    let lost = |e| Error::Lost { place: place.clone(), doing: "sending what was asked for", words: error::words(&e) };
    let bytes = timeout(PATIENCE, dialogue).await.map_err(late)?.map_err(lost)?;
    if bytes.len() > limit {
        return Err(bad("it is larger than any key"));
    }
    let head = Head::parse(&bytes).ok_or_else(|| bad("it is no HTTP"))?;
    if head.status != 200 {
        return Ok(Answer { status: head.status, body: Vec::new() });
    }
    let rest = bytes.get(head.length..).unwrap_or_default();
    let body = match head.framing {
        Framing::Length(length) => rest.get(..length).ok_or_else(|| bad("it was cut"))?.to_vec(),
        Framing::Chunked => unchunked(rest).ok_or_else(|| bad("it was cut"))?,
        Framing::None => return Err(bad("it does not say how long it is, so nobody knows whether it is whole")),
    };
    Ok(Answer { status: 200, body })
}

/// How the end of the content is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    None,
}

struct Head {
    status: u16,
    framing: Framing,
    /// Octets up to the content.
    length: usize,
}

impl Head {
    /// The status line and header fields, where they are whole.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let length = bytes.windows(4).position(|four| four == b"\r\n\r\n")?.checked_add(4)?;
        let text = std::str::from_utf8(bytes.get(..length)?).ok()?;
        let mut lines = text.split("\r\n");
        let status = lines.next()?.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
        let mut framing = Framing::None;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") && framing != Framing::Chunked {
                framing = Framing::Length(value.trim().parse().ok()?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                if !value.trim().eq_ignore_ascii_case("chunked") {
                    return None;
                }
                framing = Framing::Chunked;
            }
        }
        Some(Self { status, framing, length })
    }
}

/// Whether the content has all come.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(head) = Head::parse(bytes) else { return false };
    let rest = bytes.get(head.length..).unwrap_or_default();
    match head.framing {
        _ if head.status != 200 => true,
        Framing::Length(length) => rest.len() >= length,
        Framing::Chunked => unchunked(rest).is_some(),
        Framing::None => false,
    }
}

/// RFC 9112 §7.1; nothing until the last chunk is there.
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(rest.get(..line)?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        rest = rest.get(line.checked_add(2)?..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_or_it_is_none() {
        assert_eq!(unchunked(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n").unwrap(), b"abcde");
        for cut in ["3\r\nab", "3\r\nabc\r\n", "x\r\n", "ffffffffffffffff\r\nab", ""] {
            assert!(unchunked(cut.as_bytes()).is_none(), "{cut:?}");
        }
        let head = |text: &str| Head::parse(text.as_bytes()).map(|head| (head.status, head.framing));
        assert_eq!(head("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n"), Some((200, Framing::Length(7))));
        assert_eq!(head("HTTP/1.0 404 Not Found\r\n\r\n"), Some((404, Framing::None)));
        for bad in ["HTTP/2 200\r\n\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"] {
            assert_eq!(head(bad), None, "{bad:?}");
        }
        assert!(is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"));
    }
}
