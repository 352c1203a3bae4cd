//! A submission server (RFC 6409) for the demo: takes mail from the demo's own accounts and delivers it to them, and to the counterpart.
//!
//! Requests are read by `smtp-proto`. Only `.example` addresses are taken (RFC 2606): nothing can leave the machine by it.

use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use smtp_proto::request::receiver::DataReceiver;
use smtp_proto::{AUTH_LOGIN, AUTH_PLAIN, Request};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::post::PostOffice;

/// Larger messages are refused.
const MESSAGE_BYTES_MAX: usize = 50 * 1024 * 1024;

/// A message that was taken, for those of the cast who answer.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) raw: Arc<[u8]>,
}

/// Serves one connection to its end.
pub(super) async fn serve<S>(stream: S, office: Arc<PostOffice>, letters: mpsc::Sender<Letter>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut session =
        Session { stream, office, letters, buffer: Vec::new(), account: None, from: None, to: Vec::new() };
    session.say("220 localhost casemail demo ESMTP").await?;
    while let Some(line) = session.line().await? {
        if !session.perform(&line).await? {
            break;
        }
    }
    session.stream.shutdown().await
}

struct Session<S> {
    stream: S,
    office: Arc<PostOffice>,
    letters: mpsc::Sender<Letter>,
    buffer: Vec<u8>,
    account: Option<usize>,
    from: Option<String>,
    to: Vec<String>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(format!("{text}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }

    async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&b| b == b'\n') {
                return Ok(Some(self.buffer.drain(..=end).collect()));
            }
            if self.buffer.len() > 16 * 1024 || self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// `false` ends the connection.
    async fn perform(&mut self, line: &[u8]) -> io::Result<bool> {
        let Ok(request) = Request::parse(&mut line.iter()) else {
            self.say("500 5.5.2 not understood").await?;
            return Ok(true);
        };
        let answer = match request.into_owned() {
            Request::Ehlo { .. } => {
                self.reset();
                let size = MESSAGE_BYTES_MAX;
                let lines = format!(
                    "250-localhost\r\n250-SIZE {size}\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN LOGIN"
                );
                self.say(&lines).await?;
                return Ok(true);
            }
            Request::Helo { .. } => "250 localhost",
            Request::Auth { mechanism, initial_response } => self.login(mechanism, &initial_response).await?,
            Request::Noop { .. } => "250 2.0.0 ok",
            Request::Rset => {
                self.reset();
                "250 2.0.0 forgotten"
            }
            Request::Quit => {
                self.say("221 2.0.0 until next time").await?;
                return Ok(false);
            }
            _ if self.account.is_none() => "530 5.7.0 log in first",
            Request::Mail { from } => self.sender(&from.address, from.size),
            Request::Rcpt { .. } if self.from.is_none() => "503 5.5.1 MAIL first",
            Request::Rcpt { to } => self.recipient(&to.address),
            Request::Data if self.to.is_empty() => "503 5.5.1 RCPT first",
            Request::Data => {
                self.say("354 go on").await?;
                self.text().await?
            }
            _ => "502 5.5.1 not in the demo",
        };
        self.say(answer).await?;
        Ok(true)
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
    }

    async fn login(&mut self, mechanism: u64, initial: &str) -> io::Result<&'static str> {
        let decode = |text: &[u8]| STANDARD.decode(text.trim_ascii()).unwrap_or_default();
        let (user, password) = if mechanism == AUTH_PLAIN {
            let token = if initial.is_empty() {
                self.say("334 ").await?;
                decode(&self.line().await?.unwrap_or_default())
            } else {
                decode(initial.as_bytes())
            };
            let mut fields = token.splitn(3, |&b| b == 0).skip(1).map(<[u8]>::to_vec);
            (fields.next().unwrap_or_default(), fields.next().unwrap_or_default())
        } else if mechanism == AUTH_LOGIN {
            let user = if initial.is_empty() {
                self.say("334 VXNlcm5hbWU6").await?;
                decode(&self.line().await?.unwrap_or_default())
            } else {
                decode(initial.as_bytes())
            };
            self.say("334 UGFzc3dvcmQ6").await?;
            (user, decode(&self.line().await?.unwrap_or_default()))
        } else {
            return Ok("504 5.5.4 only PLAIN and LOGIN");
        };
        self.account = self.office.login(&user, &password);
        Ok(if self.account.is_some() { "235 2.7.0 welcome" } else { "535 5.7.8 user name or password is wrong" })
    }

    /// Nobody writes in another's name.
    fn sender(&mut self, address: &str, size: usize) -> &'static str {
        self.reset();
        if size > MESSAGE_BYTES_MAX {
            return "552 5.3.4 too large";
        }
        if self.account.is_none() || self.office.reached_by(address) != self.account {
            return "550 5.7.1 not an address of yours";
        }
        self.from = Some(address.to_owned());
        "250 2.1.0 ok"
    }

    fn recipient(&mut self, address: &str) -> &'static str {
        let domain = address.rsplit_once('@').map(|(_, domain)| domain.to_lowercase()).unwrap_or_default();
        let domain = domain.strip_suffix(".cjsm.net").unwrap_or(&domain);
        if !domain.ends_with(".example") {
            return "550 5.1.2 the demo delivers to .example only";
        }
        self.to.push(address.to_owned());
        "250 2.1.5 ok"
    }

    async fn text(&mut self) -> io::Result<&'static str> {
        let mut receiver = DataReceiver::new();
        let mut text = Vec::new();
        loop {
            let chunk = std::mem::take(&mut self.buffer);
            let mut bytes = chunk.iter();
            let whole = receiver.ingest(&mut bytes, &mut text);
            self.buffer = bytes.as_slice().to_vec();
            if whole {
                break;
            }
            if text.len() > MESSAGE_BYTES_MAX {
                return Err(io::Error::other("a message without end"));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let now = Timestamp::now();
        let from = self.from.clone().unwrap_or_default();
        let trace = format!(
            "Return-Path: <{from}>\r\nReceived: from [127.0.0.1] by localhost (casemail demo) with ESMTPSA; {}\r\n",
            now.strftime("%a, %d %b %Y %H:%M:%S +0000")
        );
        let raw: Arc<[u8]> = [trace.as_bytes(), &text].concat().into();
        for address in &self.to {
            if let Some(account) = self.office.reached_by(address) {
                self.office.deliver(account, &raw, now);
            }
        }
        let letter = Letter { from, to: std::mem::take(&mut self.to), raw };
        self.reset();
        // Where the cast is busy with a hundred letters, this one goes unanswered.
        let _ = self.letters.try_send(letter);
        Ok("250 2.0.0 delivered")
    }
}
