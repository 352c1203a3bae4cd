//! A connection for submission: greeting, EHLO, AUTH (RFC 4954), messages one after the other ([`super::transaction`]), QUIT.
//!
//! Every command is checked by our own reading of its reply. EHLO names an address literal (RFC 5321 §4.1.4) that is the same on every machine: neither host name
//! nor address leaks. Never speaks over anything but the stream it is given, which is inside TLS; never logs, never retries.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::Quit;
use lettre::transport::smtp::extension::ClientId;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::envelope::{Paths, SmtpEnvelope, Unsendable, check_text, paths};
use super::outcome::{Outcome, Phase, Refusal, Submission};
use super::reply::{Offer, Parsed, Reply, ReplyClass, parse};
use super::stream::{Heard, SubmissionStream};
use super::transaction::Notify;
use crate::net::connect::Times;
use crate::net::sasl::{self, Channel, Credentials, Exchange, Proof, Stop, TokenWish, Way, authenticate, choose};
use crate::net::{ClientConfig, Endpoint, Secret, Secured, Security, connect_smtp, tls};

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
) -> Submission {
    if let Err(why) = check(envelope, raw) {
        return Submission::of(Outcome::Unsendable(why));
    }
    match Connection::open(endpoint, config, Some(credentials), timeouts).await {
        Ok(connection) => connection.submit_only(envelope, raw).await,
        Err(outcome) => Submission::of(*outcome),
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
        Proof::Fetched(kept) => {
            kept.get().await.map(|(password, _)| password).map_err(|because| Outcome::NotConnected {
                phase: Phase::Login,
                because: format!("there is no password to log in with: {because}"),
            })
        }
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
    let (connection, way) = Connection::log_in(endpoint, config, credentials, timeouts).await?;
    connection.close().await;
    Ok(way)
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
) -> Submission
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static,
{
    match Connection::over(stream, greeting, Some(credentials), timeouts).await {
        Ok(connection) => connection.submit_only(envelope, raw).await,
        Err(outcome) => Submission::of(*outcome),
    }
}

/// One attempt to log in.
struct Login<'a> {
    credentials: &'a Credentials,
    secret: &'a Secret,
    channel: Option<Channel>,
}

/// An open connection, logged in: messages go over it one after the other.
#[derive(Debug)]
pub struct Connection {
    dialogue: Dialogue,
    /// How it is protected.
    secured: Option<Secured>,
    /// Messages that have gone over it.
    used: u32,
    /// The dialogue is in step, and another message may follow.
    usable: bool,
}

impl Connection {
    /// Connects and logs in; without credentials, to a gateway that knows us by our place in the network, it only says EHLO.
    ///
    /// # Errors
    /// The outcome that a message would have had. Nothing was sent.
    pub async fn open(
        endpoint: &Endpoint,
        config: &Arc<ClientConfig>,
        credentials: Option<&Credentials>,
        timeouts: &Timeouts,
    ) -> Result<Self, Box<Outcome>> {
        match credentials {
            Some(credentials) => Ok(Self::log_in(endpoint, config, credentials, timeouts).await?.0),
            None => {
                let stream = connect_smtp(endpoint, config, timeouts.connect).await.map_err(Outcome::Unreachable)?;
                let secured = tls::secured(&stream, &endpoint.host);
                Ok(Self::of(Dialogue::open(stream, greeting(endpoint), timeouts).await?, secured))
            }
        }
    }

    /// Connects and logs in; where a token is refused, once more with another one.
    async fn log_in(
        endpoint: &Endpoint,
        config: &Arc<ClientConfig>,
        credentials: &Credentials,
        timeouts: &Timeouts,
    ) -> Result<(Self, Way), Box<Outcome>> {
        let attempt = async |secret: &Secret| {
            let stream = connect_smtp(endpoint, config, timeouts.connect).await.map_err(Outcome::Unreachable)?;
            let channel = tls::channel(&stream);
            let secured = tls::secured(&stream, &endpoint.host);
            let mut dialogue = Dialogue::open(stream, greeting(endpoint), timeouts).await?;
            match dialogue.login(&Login { credentials, secret, channel }).await {
                Ok(way) => Ok((Self::of(dialogue, secured), way)),
                Err(outcome) => {
                    dialogue.close().await;
                    Err(outcome)
                }
            }
        };
        let at_hand = secret(credentials, TokenWish::AtHand).await?;
        match attempt(&at_hand).await {
            Err(outcome) if wants_another_token(&outcome, credentials) => {
                let fresh = secret(credentials, TokenWish::Fresh).await?;
                // Whoever gives the same one has no other: it is not sent again.
                if fresh.expose() == at_hand.expose() {
                    return Err(Box::new(outcome));
                }
                Ok(attempt(&fresh).await?)
            }
            other => Ok(other?),
        }
    }

    fn of(dialogue: Dialogue, secured: Option<Secured>) -> Self {
        Self { dialogue, secured, used: 0, usable: true }
    }

    /// As [`Self::open`], over a stream that is already inside TLS.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn over<S>(
        stream: S,
        greeting: Greeting,
        credentials: Option<&Credentials>,
        timeouts: &Timeouts,
    ) -> Result<Self, Box<Outcome>>
    where
        S: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static,
    {
        let mut dialogue = Dialogue::open(stream, greeting, timeouts).await?;
        if let Some(credentials) = credentials {
            let secret = secret(credentials, TokenWish::AtHand).await?;
            dialogue.login(&Login { credentials, secret: &secret, channel: None }).await?;
        }
        Ok(Self::of(dialogue, None))
    }

    /// How it is protected; `None` where whoever made the stream knows that.
    #[must_use]
    pub const fn secured(&self) -> Option<&Secured> {
        self.secured.as_ref()
    }

    /// What the server offers.
    #[must_use]
    pub fn offer(&self) -> &Offer {
        &self.dialogue.offer
    }

    /// Whether another message may go over it.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Whether a message has gone over it already: a failure of the next one may be that the server had enough of waiting.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.used > 0
    }

    /// Submits one message. `before_dot` is called with those refused when all of the text has been handed over and before the final dot
    /// is: whatever ends the process before that call has sent nothing, whatever ends it after may have.
    pub async fn submit(
        &mut self,
        envelope: &SmtpEnvelope,
        raw: &[u8],
        notify: Option<&Notify>,
        before_dot: &(dyn Fn(&[Refusal]) + Send + Sync),
    ) -> Submission {
        let paths = match check(envelope, raw) {
            Ok(paths) => paths,
            Err(why) => return Submission::of(Outcome::Unsendable(why)),
        };
        self.used = self.used.saturating_add(1);
        // Until it is known that the dialogue is in step again.
        self.usable = false;
        let submission = self.dialogue.send(&paths, raw, notify, before_dot).await;
        self.usable = match &submission.outcome {
            Outcome::Accepted { .. } => true,
            Outcome::Unsendable(_) => true,
            // The dot ends the transaction, whatever the answer (RFC 5321 §4.1.1.4); before it, RSET does.
            Outcome::Transient { phase, reply } | Outcome::Permanent { phase, reply } if reply.code != 421 => {
                *phase == Phase::Confirmation || self.dialogue.reset().await
            }
            Outcome::RecipientsRefused { .. } => self.dialogue.reset().await,
            _ => false,
        };
        submission
    }

    async fn submit_only(mut self, envelope: &SmtpEnvelope, raw: &[u8]) -> Submission {
        let submission = self.submit(envelope, raw, None, &|_| ()).await;
        self.close().await;
        submission
    }

    /// QUIT, without caring for the answer.
    pub async fn close(self) {
        self.dialogue.close().await;
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

pub(super) struct Dialogue {
    pub(super) connection: AsyncSmtpConnection,
    pub(super) heard: Heard,
    pub(super) offer: Offer,
    pub(super) timeouts: Timeouts,
}

impl std::fmt::Debug for Dialogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialogue").field("offer", &self.offer).finish_non_exhaustive()
    }
}

impl Dialogue {
    async fn open<S>(stream: S, greeting: Greeting, timeouts: &Timeouts) -> Result<Self, Outcome>
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
                Parsed::Whole(reply) => {
                    Ok(Self { connection, offer: Offer::from_ehlo(&reply), heard, timeouts: *timeouts })
                }
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

    pub(super) async fn command(
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

    /// RSET: whether the dialogue is in step for another message.
    async fn reset(&mut self) -> bool {
        self.command(Phase::Sender, "RSET\r\n", ReplyClass::Done).await.is_ok()
    }

    /// QUIT, without caring for the answer: the outcome is known.
    async fn close(mut self) {
        let _ = timeout(Duration::from_secs(2), self.connection.command(Quit)).await;
    }
}

/// The frames of AUTH.
impl sasl::Wire for Dialogue {
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

pub(super) fn refusal(phase: Phase, reply: Reply) -> Outcome {
    if reply.class() == ReplyClass::Transient {
        Outcome::Transient { phase, reply }
    } else {
        Outcome::Permanent { phase, reply }
    }
}

pub(super) fn unexpected(parsed: &Parsed) -> String {
    match parsed {
        Parsed::Trailing(reply) => format!("the server said more than it was asked, after: {reply}"),
        Parsed::Whole(reply) => format!("the server answered out of step: {reply}"),
        Parsed::Incomplete => "the server closed the connection in the middle of an answer".to_owned(),
        Parsed::Malformed => "what the server said is not SMTP".to_owned(),
    }
}

/// lettre's error with its causes, in words.
pub(super) fn words(error: &Error) -> String {
    let below = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    let mut text = below.map_or_else(|| error.to_string(), crate::net::error::words);
    if text == "response error: incomplete response" {
        "the server closed the connection".clone_into(&mut text);
    }
    text
}
