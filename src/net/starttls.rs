//! The dialogues in the clear that lead to TLS: IMAP (RFC 9051 §6.2.1) and SMTP (RFC 3207).
//!
//! Written by hand, because everything received before the handshake can be forged: capabilities, referrals, alerts and a PREAUTH are not
//! believed, a byte that comes before it was asked for, or after the line that starts the handshake, ends the connection (response
//! injection, CVE-2020-14954; PREAUTH, CVE-2020-14093). No credential is within reach of this file.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::error::Error;

/// More than any server says before STARTTLS.
const CLEAR_BYTES_MAX: usize = 16 * 1024;

/// Why there will be no handshake.
#[derive(Debug)]
pub(super) enum Stop {
    /// The server said something unacceptable.
    Server(String),
    /// The connection ended.
    Lost(String),
}

impl Stop {
    pub(super) fn at(self, place: &str) -> Error {
        let place = place.to_owned();
        match self {
            Self::Server(why) => Error::StartTls { place, why },
            Self::Lost(words) => Error::Lost { place, doing: "asking for STARTTLS", words },
        }
    }
}

/// Lines in the clear, with everything counted.
struct Lines<'a, S> {
    stream: &'a mut S,
    buffer: Vec<u8>,
    total: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Lines<'_, S> {
    /// The next line without its CRLF.
    async fn line(&mut self) -> Result<String, Stop> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&b| b == b'\n') {
                let rest = self.buffer.split_off(end.saturating_add(1));
                let line = std::mem::replace(&mut self.buffer, rest);
                let text = String::from_utf8_lossy(&line);
                return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
            }
            let mut chunk = [0_u8; 1024];
            let n = self.stream.read(&mut chunk).await.map_err(|e| Stop::Lost(e.to_string()))?;
            if n == 0 {
                return Err(Stop::Lost("the server hung up".to_owned()));
            }
            self.total = self.total.saturating_add(n);
            if self.total > CLEAR_BYTES_MAX {
                return Err(Stop::Server("the server talks on and on before STARTTLS".to_owned()));
            }
            self.buffer.extend(chunk.iter().take(n));
        }
    }

    /// Sends a command; whatever came before it was asked for is a forgery.
    async fn command(&mut self, text: &str) -> Result<(), Stop> {
        self.nothing_more("before it was asked")?;
        self.stream.write_all(text.as_bytes()).await.map_err(|e| Stop::Lost(e.to_string()))?;
        self.stream.flush().await.map_err(|e| Stop::Lost(e.to_string()))
    }

    fn nothing_more(&self, when: &str) -> Result<(), Stop> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        Err(Stop::Server(format!(
            "something was sent {when}, in the clear: somebody may be tampering with the connection"
        )))
    }
}

/// IMAP up to the tagged OK of STARTTLS.
pub(super) async fn imap<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Result<(), Stop> {
    let mut lines = Lines { stream, buffer: Vec::new(), total: 0 };
    let greeting = lines.line().await?;
    let upper = greeting.to_ascii_uppercase();
    if upper.starts_with("* PREAUTH") {
        return Err(Stop::Server(
            "the server claims that we are logged in already (PREAUTH), which rules STARTTLS out: somebody may be tampering".to_owned(),
        ));
    }
    if !upper.starts_with("* OK") {
        return Err(Stop::Server(format!("the server greets with \u{201c}{}\u{201d}", shown(&greeting))));
    }
    lines.command("s1 STARTTLS\r\n").await?;
    loop {
        let line = lines.line().await?;
        let upper = line.to_ascii_uppercase();
        if upper.starts_with("S1 OK") {
            return lines.nothing_more("after the server agreed to STARTTLS and before the handshake");
        }
        if upper.starts_with("S1 ") {
            return Err(Stop::Server(format!(
                "the server refuses STARTTLS: \u{201c}{}\u{201d}; if it wants TLS from the first byte (port 993), set security = \"tls\"",
                shown(&line)
            )));
        }
        // Untagged data is legal here and means nothing: it can be forged.
        if !line.starts_with("* ") {
            return Err(Stop::Server(format!("the server answers STARTTLS with \u{201c}{}\u{201d}", shown(&line))));
        }
        if upper.starts_with("* BYE") {
            return Err(Stop::Server(format!("the server hangs up: \u{201c}{}\u{201d}", shown(&line))));
        }
    }
}

/// SMTP up to the 220 of STARTTLS.
pub(super) async fn smtp<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Result<(), Stop> {
    let mut lines = Lines { stream, buffer: Vec::new(), total: 0 };
    expect(&mut lines, "220", "greets with").await?;
    // An address literal tells the server nothing about this machine.
    lines.command("EHLO [127.0.0.1]\r\n").await?;
    let offered = expect(&mut lines, "250", "answers EHLO with").await?;
    if !offered.iter().any(|line| line.get(4..).is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS"))) {
        return Err(Stop::Server(
            "the server does not offer STARTTLS; if it wants TLS from the first byte (port 465), set security = \"tls\"".to_owned(),
        ));
    }
    lines.command("STARTTLS\r\n").await?;
    expect(&mut lines, "220", "refuses STARTTLS:").await?;
    lines.nothing_more("after the server agreed to STARTTLS and before the handshake")
}

/// A whole reply (RFC 5321 §4.2.1), all lines of which carry `code`.
async fn expect<S: AsyncRead + AsyncWrite + Unpin>(
    lines: &mut Lines<'_, S>,
    code: &str,
    verb: &str,
) -> Result<Vec<String>, Stop> {
    let mut reply = Vec::new();
    loop {
        let line = lines.line().await?;
        if !line.starts_with(code) || !matches!(line.as_bytes().get(3), None | Some(b' ' | b'-')) {
            return Err(Stop::Server(format!("the server {verb} \u{201c}{}\u{201d}", shown(&line))));
        }
        let last = line.as_bytes().get(3) != Some(&b'-');
        reply.push(line);
        if last {
            return Ok(reply);
        }
    }
}

/// A server's words, short and without control characters.
fn shown(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::{Stop, imap, smtp};

    /// Plays a server: each pair is sent, then one line is awaited. Gives the result and what the client sent.
    async fn play(protocol: &str, says: &[&str]) -> (Result<(), Stop>, String) {
        let (mut client, mut server) = tokio::io::duplex(64 * 1024);
        let says: Vec<String> = says.iter().map(|&text| text.to_owned()).collect();
        let served = tokio::spawn(async move {
            let mut heard = Vec::new();
            for (i, text) in says.iter().enumerate() {
                server.write_all(text.as_bytes()).await.ok();
                if i + 1 < says.len() {
                    loop {
                        match server.read_u8().await {
                            Ok(byte) => {
                                heard.push(byte);
                                if byte == b'\n' {
                                    break;
                                }
                            }
                            Err(_) => return heard,
                        }
                    }
                }
            }
            server.shutdown().await.ok();
            server.read_to_end(&mut heard).await.ok();
            heard
        });
        let result = if protocol == "imap" { imap(&mut client).await } else { smtp(&mut client).await };
        drop(client);
        let heard = String::from_utf8(served.await.unwrap()).unwrap();
        (result, heard)
    }

    /// `expected`: "" for success, or a part of the words.
    async fn check(protocol: &str, says: &[&str], expected: &str, sent: &str) {
        let (result, heard) = play(protocol, says).await;
        match result {
            Ok(()) => assert_eq!(expected, "", "accepted: {says:?}"),
            Err(stop) => {
                let words = stop.at("mail.example:143").to_string();
                assert!(!expected.is_empty() && words.contains(expected), "{says:?} -> {words}");
            }
        }
        assert_eq!(heard, sent, "{says:?}");
    }

    #[tokio::test]
    async fn imap_dialogue() {
        let hello = "* OK ready\r\n";
        check("imap", &[hello, "s1 OK begin\r\n"], "", "s1 STARTTLS\r\n").await;
        check("imap", &[hello, "* CAPABILITY IMAP4rev1\r\ns1 OK begin\r\n"], "", "s1 STARTTLS\r\n").await;
        check("imap", &["* PREAUTH welcome\r\n"], "PREAUTH", "").await;
        check("imap", &["* BYE busy\r\n"], "busy", "").await;
        check("imap", &["+ hm\r\n"], "greets", "").await;
        check("imap", &["* OK ready\r\ns1 OK begin\r\n"], "before it was asked", "").await;
        check("imap", &[hello, "s1 OK begin\r\n* 1 EXISTS\r\n"], "before the handshake", "s1 STARTTLS\r\n").await;
        check("imap", &[hello, "s1 OK begin\r\nx"], "before the handshake", "s1 STARTTLS\r\n").await;
        check("imap", &[hello, "s1 NO not today\r\n"], "not today", "s1 STARTTLS\r\n").await;
        check("imap", &[hello, "s1 BAD what\r\n"], "what", "s1 STARTTLS\r\n").await;
        check("imap", &[hello, "* BYE enough\r\n"], "enough", "s1 STARTTLS\r\n").await;
        check("imap", &[hello, "garbage\r\n"], "garbage", "s1 STARTTLS\r\n").await;
        check("imap", &[hello, ""], "hung up", "s1 STARTTLS\r\n").await;
        check("imap", &[""], "hung up", "").await;
    }

    #[tokio::test]
    async fn smtp_dialogue() {
        let ehlo = "EHLO [127.0.0.1]\r\n";
        let both = "EHLO [127.0.0.1]\r\nSTARTTLS\r\n";
        let offer = "250-mail.example\r\n250-SIZE 1000\r\n250 STARTTLS\r\n";
        check("smtp", &["220 hello\r\n", offer, "220 go\r\n"], "", both).await;
        check("smtp", &["220-hello\r\n220 there\r\n", offer, "220 go\r\n"], "", both).await;
        check("smtp", &["554 no\r\n"], "554 no", "").await;
        check("smtp", &["220 hello\r\n", "250-mail.example\r\n250 AUTH PLAIN\r\n"], "does not offer", ehlo).await;
        check("smtp", &["220 hello\r\n", offer, "454 not now\r\n"], "454 not now", both).await;
        // The injection that takes a client's trust: replies queued behind the 220, in one segment.
        check("smtp", &["220 hello\r\n", offer, "220 go\r\n250-x\r\n250 AUTH PLAIN\r\n"], "before the handshake", both)
            .await;
        check("smtp", &["220 hello\r\n250 x\r\n"], "before it was asked", "").await;
    }

    #[tokio::test]
    async fn endless_talk_is_cut_off() {
        let flood = format!("* OK {}", "x".repeat(40_000));
        check("imap", &[&flood], "on and on", "").await;
        let flood = format!("* OK hi\r\n{}", "* OK x\r\n".repeat(5_000));
        check("imap", &[&flood], "before it was asked", "").await;
    }
}
