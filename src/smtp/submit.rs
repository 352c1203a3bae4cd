//! One submission: greeting, EHLO, AUTH (RFC 4954), MAIL, RCPT, DATA (RFC 5321 §3.3), QUIT.
//!
//! Every command is checked by our own reading of its reply; a refused recipient stops the message before DATA, so that a message is
//! never sent to a part of its recipients. EHLO names an address literal (RFC 5321 §4.1.4) that is the same on every machine: neither host name
//! nor address leaks. Never speaks over anything but the stream it is given, which is inside TLS; never logs, never retries.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt};
use lettre::transport::smtp::extension::{ClientId, MailBodyParameter, MailParameter};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::envelope::{Paths, SmtpEnvelope, Unsendable, check_offer, check_text, paths};
use super::outcome::{Outcome, Phase, Refusal};
use super::reply::{Offer, Parsed, Reply, ReplyClass, parse};
use super::stream::{Heard, SubmissionStream};
use crate::net::connect::Times;
use crate::net::sasl::{self, Channel, Credentials, Exchange, Proof, Stop, TokenWish, Way, authenticate, choose};
use crate::net::{ClientConfig, Endpoint, Secret, Security, connect_smtp, tls};

/// The text leaves in pieces of this size, so that a stalled connection is seen.
const PIECE_BYTES: usize = 64 * 1024;

/// Whether the server's greeting is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// Implicit TLS (RFC 8314 §3.3): the server speaks first.
    Awaited,
    /// It was read before STARTTLS; inside TLS the client speaks first (RFC 3207 §4.2).
    Heard,
}

/// How long each phase may take (RFC 5321 §4.5.3.2 gives the least for those after the greeting).
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Name, TCP, STARTTLS and TLS.
    pub connect: Times,
    /// Greeting and EHLO.
    pub greeting: Duration,
    /// Each command: AUTH, MAIL, RCPT, DATA.
    pub command: Duration,
    /// Each piece of the text.
    pub piece: Duration,
    /// The reply to the final dot: servers scan the message before they answer.
    pub confirmation: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Times::default(),
            greeting: Duration::from_secs(60),
            command: Duration::from_secs(300),
            piece: Duration::from_secs(180),
            confirmation: Duration::from_secs(600),
        }
    }
}

/// Connects, submits `raw` exactly as it is, and says what became of it.
///
/// What can be known to be unsendable is found before any connection.
pub async fn submit(
    endpoint: &Endpoint,
    config: &Arc<ClientConfig>,
    credentials: &Credentials,
    envelope: &SmtpEnvelope,
    raw: &[u8],
    timeouts: &Timeouts,
) -> Outcome {
    submit_watched(endpoint, config, credentials, envelope, raw, timeouts, &|| ()).await
}

/// As [`submit`]; calls `before_dot` when all of the text has been handed over and before the final dot is: whatever ends the process
/// before that call has sent nothing, whatever ends it after may have.
pub async fn submit_watched(
    endpoint: &Endpoint,
    config: &Arc<ClientConfig>,
    credentials: &Credentials,
    envelope: &SmtpEnvelope,
    raw: &[u8],
    timeouts: &Timeouts,
    before_dot: &(dyn Fn() + Send + Sync),
) -> Outcome {
    if let Err(why) = check(envelope, raw) {
        return Outcome::Unsendable(why);
    }
    let attempt = async |secret: &Secret| match connect_smtp(endpoint, config, timeouts.connect).await {
        Ok(stream) => {
            let login = Login { credentials, secret, channel: tls::channel(&stream) };
            over(stream, greeting(endpoint), &login, envelope, raw, timeouts, before_dot).await
        }
        Err(error) => Outcome::Unreachable(error),
    };
    let outcome = match secret(credentials, TokenWish::AtHand).await {
        Ok(secret) => attempt(&secret).await,
        Err(outcome) => return outcome,
    };
    if !wants_another_token(&outcome, credentials) {
        return outcome;
    }
    // Nothing was sent: the refusal comes before MAIL.
    match secret(credentials, TokenWish::Fresh).await {
        Ok(secret) => attempt(&secret).await,
        Err(outcome) => outcome,
    }
}

/// The greeting is still to come where TLS began with the first byte.
fn greeting(endpoint: &Endpoint) -> Greeting {
    match endpoint.security {
        Security::Tls => Greeting::Awaited,
        Security::StartTls => Greeting::Heard,
    }
}

/// The password, or a token as its source gives it now.
async fn secret(credentials: &Credentials, wish: TokenWish) -> Result<Secret, Outcome> {
    match &credentials.proof {
        Proof::Password(password) => Ok(password.clone()),
        Proof::Certificate => Ok(Secret::new(String::new())),
        Proof::Token(source) => source.token(wish).await.map_err(|because| Outcome::NotConnected {
            phase: Phase::Login,
            because: format!("there is no token to log in with: {because}"),
        }),
    }
}

/// A token that was refused for good may have run out: another is asked for once, for a connection of its own.
fn wants_another_token(outcome: &Outcome, credentials: &Credentials) -> bool {
    let is_token = matches!(credentials.proof, Proof::Token(_));
    is_token && matches!(outcome, Outcome::LoginRefused { reply } if reply.class() == ReplyClass::Permanent)
}

/// Whether the server takes these credentials, and how: connects, logs in, quits. Nothing is submitted.
///
/// # Errors
/// The outcome that a message would have had; [`Outcome::LoginRefused`] where the server says no.
pub async fn try_login(
    endpoint: &Endpoint,
    config: &Arc<ClientConfig>,
    credentials: &Credentials,
    timeouts: &Timeouts,
) -> Result<Way, Box<Outcome>> {
    let attempt = async |secret: &Secret| {
        let stream = connect_smtp(endpoint, config, timeouts.connect).await.map_err(Outcome::Unreachable)?;
        let channel = tls::channel(&stream);
        let mut dialogue = Dialogue::open(stream, greeting(endpoint), timeouts).await?;
        let outcome = dialogue.login(&Login { credentials, secret, channel }).await;
        dialogue.close().await;
        outcome
    };
    let at_hand = secret(credentials, TokenWish::AtHand).await?;
    match attempt(&at_hand).await {
        Err(outcome) if wants_another_token(&outcome, credentials) => {
            let fresh = secret(credentials, TokenWish::Fresh).await?;
            Ok(attempt(&fresh).await?)
        }
        other => Ok(other?),
    }
}

/// Submits `raw` exactly as it is over a stream that is already inside TLS.
///
/// The bytes that the recipient's server stores are those of `raw`, ended by one CRLF where `raw` does not end with one.
pub async fn submit_over<S>(
    stream: S,
    greeting: Greeting,
    credentials: &Credentials,
    envelope: &SmtpEnvelope,
    raw: &[u8],
    timeouts: &Timeouts,
) -> Outcome
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static,
{
    match secret(credentials, TokenWish::AtHand).await {
        Ok(secret) => {
            let login = Login { credentials, secret: &secret, channel: None };
            over(stream, greeting, &login, envelope, raw, timeouts, &|| ()).await
        }
        Err(outcome) => outcome,
    }
}

/// One attempt to log in.
struct Login<'a> {
    credentials: &'a Credentials,
    secret: &'a Secret,
    channel: Option<Channel>,
}

async fn over<S>(
    stream: S,
    greeting: Greeting,
    login: &Login<'_>,
    envelope: &SmtpEnvelope,
    raw: &[u8],
    timeouts: &Timeouts,
    before_dot: &(dyn Fn() + Send + Sync),
) -> Outcome
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static,
{
    let paths = match check(envelope, raw) {
        Ok(paths) => paths,
        Err(why) => return Outcome::Unsendable(why),
    };
    match Dialogue::open(stream, greeting, timeouts).await {
        Ok(mut dialogue) => {
            let outcome = match dialogue.send(login, &paths, raw, before_dot).await {
                Ok(reply) => Outcome::Accepted { reply },
                Err(outcome) => outcome,
            };
            dialogue.close().await;
            outcome
        }
        Err(outcome) => outcome,
    }
}

/// What can be known to be wrong before any connection.
///
/// # Errors
/// The first thing that stands against sending it unaltered.
pub(super) fn check(envelope: &SmtpEnvelope, raw: &[u8]) -> Result<Paths, Unsendable> {
    let paths = paths(envelope)?;
    check_text(raw)?;
    Ok(paths)
}

struct Dialogue<'a> {
    connection: AsyncSmtpConnection,
    heard: Heard,
    offer: Offer,
    timeouts: &'a Timeouts,
}

impl<'a> Dialogue<'a> {
    async fn open<S>(stream: S, greeting: Greeting, timeouts: &'a Timeouts) -> Result<Self, Outcome>
    where
        S: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static,
    {
        let heard = Heard::default();
        let greeting: &[u8] = match greeting {
            Greeting::Awaited => b"",
            Greeting::Heard => b"220 ready\r\n",
        };
        let stream = SubmissionStream::new(stream, greeting, heard.clone());
        let hello = hello();
        let opening = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello);
        let opened = timeout(timeouts.greeting, opening).await;
        let failed = |because: String| Outcome::NotConnected { phase: Phase::Connect, because };
        match opened {
            Err(_) => Err(failed(format!("no greeting within {} seconds", timeouts.greeting.as_secs()))),
            Ok(Ok(connection)) => match parse(&heard.bytes()) {
                Parsed::Whole(reply) => Ok(Self { connection, offer: Offer::from_ehlo(&reply), heard, timeouts }),
                other => Err(failed(unexpected(&other))),
            },
            Ok(Err(error)) => match parse(&heard.bytes()) {
                Parsed::Whole(reply) if matches!(reply.class(), ReplyClass::Transient | ReplyClass::Permanent) => {
                    Err(refusal(Phase::Connect, reply))
                }
                _ => Err(failed(words(&error))),
            },
        }
    }

    async fn send(
        &mut self,
        login: &Login<'_>,
        paths: &Paths,
        raw: &[u8],
        before_dot: &(dyn Fn() + Send + Sync),
    ) -> Result<Reply, Outcome> {
        check_offer(&self.offer, paths, raw).map_err(Outcome::Unsendable)?;
        self.login(login).await?;
        let mut parameters = Vec::new();
        if self.offer.size.is_some() {
            parameters.push(MailParameter::Size(raw.len()));
        }
        if !raw.is_ascii() {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let utf8 = std::iter::once(&paths.from).chain(&paths.to).any(|address| {
            let text: &str = address.as_ref();
            !text.is_ascii()
        });
        if utf8 {
            parameters.push(MailParameter::SmtpUtfEight);
        }
        self.command(Phase::Sender, Mail::new(Some(paths.from.clone()), parameters), ReplyClass::Done).await?;
        self.recipients(paths).await?;
        self.command(Phase::Data, Data, ReplyClass::Continue).await?;
        self.text(raw, before_dot).await
    }

    /// AUTH (RFC 4954), with the first message in the command.
    async fn login(&mut self, login: &Login<'_>) -> Result<Way, Outcome> {
        let channel = login.channel.as_ref();
        let offer = sasl::Offer { mechanisms: self.offer.auth.clone(), login_command: false };
        let way = choose(login.credentials, &offer, channel)
            .map_err(|why| Outcome::Unsendable(Unsendable::NoMechanism(why)))?;
        let broken_off = |fault| Outcome::Unsendable(Unsendable::LoginBrokenOff(fault));
        let nonce = tls::nonce().map_err(Outcome::Unreachable)?;
        let exchange =
            Exchange::new(way, login.credentials, login.secret, channel, &offer, &nonce).map_err(broken_off)?;
        match authenticate(self, exchange, true).await {
            Ok(()) => Ok(way),
            // It broke the rules without harm: as with any other nonsense, later may be better.
            Err(Stop::Fault(fault)) if !fault.needs_a_person() => {
                Err(Outcome::NotConnected { phase: Phase::Login, because: fault.to_string() })
            }
            Err(Stop::Fault(fault)) => Err(broken_off(fault)),
            Err(Stop::Wire {
                error: Outcome::Transient { mut reply, .. } | Outcome::Permanent { mut reply, .. },
                told,
            }) => {
                reply.lines.extend(told.map(|told| format!("({told})")));
                Err(Outcome::LoginRefused { reply })
            }
            Err(Stop::Wire { error, .. }) => Err(error),
        }
    }

    /// Asks for every recipient, to be able to name all that are refused; stops before DATA if one is.
    async fn recipients(&mut self, paths: &Paths) -> Result<(), Outcome> {
        let mut refused = Vec::new();
        let mut taken = Vec::new();
        for address in &paths.to {
            let name = address.to_string();
            match self.command(Phase::Recipient, Rcpt::new(address.clone(), Vec::new()), ReplyClass::Done).await {
                Ok(_) => taken.push(name),
                // 421: the server closes the whole dialogue (RFC 5321 §3.8), it says nothing of this recipient.
                Err(Outcome::Transient { reply, .. } | Outcome::Permanent { reply, .. }) if reply.code != 421 => {
                    refused.push(Refusal { address: name, reply });
                }
                Err(outcome) => return Err(outcome),
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(Outcome::RecipientsRefused { refused, taken }) }
    }

    /// The text, the final dot and the reply to it. Until the final dot has been handed over, a failure means "not sent"; from then on
    /// only a reply can tell.
    async fn text(&mut self, raw: &[u8], before_dot: &(dyn Fn() + Send + Sync)) -> Result<Reply, Outcome> {
        // lettre always writes CRLF before the dot: the text's own last CRLF has to serve, or every message grows by one empty line.
        let raw = raw.strip_suffix(b"\r\n").unwrap_or(raw);
        let pieces_taken = AtomicU64::new(0);
        let all_taken = AtomicBool::new(false);
        let mut pieces = raw.chunks(PIECE_BYTES);
        let source = std::iter::from_fn(|| {
            let piece = pieces.next();
            if piece.is_none() {
                before_dot();
            }
            pieces_taken.fetch_add(1, Ordering::Relaxed);
            all_taken.store(piece.is_none(), Ordering::Relaxed);
            piece
        });
        let sending = self.connection.message_iter(source);
        tokio::pin!(sending);
        let mut seen = 0;
        let result = loop {
            let ended = all_taken.load(Ordering::Relaxed);
            let patience = if ended { self.timeouts.confirmation } else { self.timeouts.piece };
            match timeout(patience, &mut sending).await {
                Ok(result) => break Some(result),
                Err(_) if pieces_taken.load(Ordering::Relaxed) != seen => seen = pieces_taken.load(Ordering::Relaxed),
                Err(_) => break None,
            }
        };
        if !all_taken.load(Ordering::Relaxed) {
            let because = match result {
                Some(Err(error)) => words(&error),
                _ => format!("nothing was taken for {} seconds", self.timeouts.piece.as_secs()),
            };
            return Err(Outcome::NotConnected { phase: Phase::Data, because });
        }
        match (result, parse(&self.heard.bytes())) {
            // A reply with more behind it is still the reply to the dot: nothing else was asked.
            (Some(_), Parsed::Whole(reply) | Parsed::Trailing(reply)) => match reply.class() {
                ReplyClass::Done => Ok(reply),
                ReplyClass::Continue => Err(Outcome::Uncertain { because: format!("the server answered {reply}") }),
                ReplyClass::Transient | ReplyClass::Permanent => Err(refusal(Phase::Confirmation, reply)),
            },
            (Some(Err(error)), _) => Err(Outcome::Uncertain { because: words(&error) }),
            (Some(Ok(_)), other) => Err(Outcome::Uncertain { because: unexpected(&other) }),
            (None, _) => Err(Outcome::Uncertain {
                because: format!("no answer within {} seconds", self.timeouts.confirmation.as_secs()),
            }),
        }
    }

    async fn command(
        &mut self,
        phase: Phase,
        command: impl Display + Send,
        expected: ReplyClass,
    ) -> Result<Reply, Outcome> {
        let reply = self.reply_to(phase, command).await?;
        if reply.class() == expected {
            return Ok(reply);
        }
        Err(Outcome::NotConnected { phase, because: format!("the server answered out of step: {reply}") })
    }

    /// The reply to a command, where it is no refusal.
    async fn reply_to(&mut self, phase: Phase, command: impl Display + Send) -> Result<Reply, Outcome> {
        let failed = |because: String| Outcome::NotConnected { phase, because };
        let result = timeout(self.timeouts.command, self.connection.command(command)).await;
        let Ok(result) = result else {
            return Err(failed(format!("no answer within {} seconds", self.timeouts.command.as_secs())));
        };
        match (parse(&self.heard.bytes()), result) {
            (Parsed::Whole(reply), _) if matches!(reply.class(), ReplyClass::Transient | ReplyClass::Permanent) => {
                Err(refusal(phase, reply))
            }
            (Parsed::Whole(reply), _) => Ok(reply),
            (_, Err(error)) => Err(failed(words(&error))),
            (other, Ok(_)) => Err(failed(unexpected(&other))),
        }
    }

    /// QUIT, without caring for the answer: the outcome is known.
    async fn close(mut self) {
        let _ = timeout(Duration::from_secs(2), self.connection.command(Quit)).await;
    }
}

/// The frames of AUTH.
impl sasl::Wire for Dialogue<'_> {
    type Error = Outcome;

    async fn begin(&mut self, mechanism: &'static str, first: Option<&str>) -> Result<sasl::Reply, Outcome> {
        let line = Zeroizing::new(match first {
            Some(first) => format!("AUTH {mechanism} {first}\r\n"),
            None => format!("AUTH {mechanism}\r\n"),
        });
        self.reply_to(Phase::Login, line.as_str()).await.map(challenge)
    }

    async fn say(&mut self, line: &str) -> Result<sasl::Reply, Outcome> {
        let line = Zeroizing::new(format!("{line}\r\n"));
        self.reply_to(Phase::Login, line.as_str()).await.map(challenge)
    }

    async fn break_off(&mut self) {
        let _ = timeout(Duration::from_secs(2), self.connection.command("*\r\n")).await;
    }
}

/// 334 with a challenge, or 235.
fn challenge(reply: Reply) -> sasl::Reply {
    match reply.class() {
        ReplyClass::Continue => sasl::Reply::Challenge(reply.words()),
        _ => sasl::Reply::Done,
    }
}

/// The same on every machine.
fn hello() -> ClientId {
    ClientId::Ipv4(std::net::Ipv4Addr::LOCALHOST)
}

fn refusal(phase: Phase, reply: Reply) -> Outcome {
    if reply.class() == ReplyClass::Transient {
        Outcome::Transient { phase, reply }
    } else {
        Outcome::Permanent { phase, reply }
    }
}

fn unexpected(parsed: &Parsed) -> String {
    match parsed {
        Parsed::Trailing(reply) => format!("the server said more than it was asked, after: {reply}"),
        Parsed::Whole(reply) => format!("the server answered out of step: {reply}"),
        Parsed::Incomplete => "the server closed the connection in the middle of an answer".to_owned(),
        Parsed::Malformed => "what the server said is not SMTP".to_owned(),
    }
}

/// lettre's error with its causes, in words.
fn words(error: &Error) -> String {
    let below = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    let mut text = below.map_or_else(|| error.to_string(), crate::net::error::words);
    if text == "response error: incomplete response" {
        "the server closed the connection".clone_into(&mut text);
    }
    text
}
