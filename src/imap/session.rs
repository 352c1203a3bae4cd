//! One session with an IMAP server: commands out, answers in, each command checked to its own tagged answer.
//!
//! async-imap is the codec only. Its convenience calls report NO, BAD and a lost connection as success and hide response codes, and its
//! way of sending logs passwords, so commands are written to the stream here, whole and with our own tags. After any error that is not
//! a refusal ([`Error::session_lives`]), and after a cancelled call, a session is not to be used again: half a command may be on its way.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use async_imap::Client;
use async_imap::types::UnsolicitedResponse;
use futures::FutureExt;
use imap_proto::rfc4315::UidSetMember;
use imap_proto::{Response, ResponseCode, Status};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::capability::Capabilities;
use super::command::Command;
use super::error::Error;
use super::name;
use super::untagged::{self, Namespace, Untagged};
use crate::net::Secured;
use crate::net::error::words as why;
use crate::net::guard::{self, Apart, Limits, Violation};
use crate::net::guarded::Guard;

/// What a session can run on.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug> Wire for T {}

/// A server that keeps telling what nobody asked, within one command, is broken or hostile.
const UNASKED_MAX: u64 = 100_000;

/// A silence is none while at least this much arrives in its time: large messages on slow lines.
const TRICKLE_MIN: u64 = 1_024;

/// Mailboxes that a server may tell of between two looks at them.
const TOLD_MAX: usize = 1_000;

/// Whether a handler had a use for a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Taken,
    Unasked,
    /// It is more than anybody will hold: the session ends.
    TooMuch,
}

/// A tagged OK.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// The response code and the words, `[MODIFIED 7] done`.
    pub text: String,
    /// APPENDUID (RFC 4315): UIDVALIDITY and UID.
    pub append_uid: Option<(u32, u32)>,
    pub read_only: bool,
    pub highest_modseq: Option<u64>,
}

/// Alerts that are kept until somebody takes them.
const ALERTS_MAX: usize = 20;

/// What was sent and is not answered yet.
#[derive(Debug)]
pub(super) struct Pending {
    tag: String,
    doing: String,
}

pub(super) struct Session<S: Wire> {
    client: Client<Guard<S>>,
    next_tag: u32,
    outstanding: u32,
    silence: Duration,
    pub(super) capabilities: Capabilities,
    /// Mailbox names whose wire form is not the one we would write.
    wire_names: HashMap<String, String>,
    /// The server tells of other mailboxes (NOTIFY, RFC 5465).
    pub(super) notified: bool,
    /// What it told: decoded names of mailboxes in which something changed.
    pub(super) told: Vec<String>,
    /// It told that mailboxes came, went or were renamed, or that it lost count.
    pub(super) told_all: bool,
    /// What comes first in a session was said.
    pub(super) begun: bool,
    /// QRESYNC is enabled.
    pub(super) qresync: bool,
    /// Messages are asked for as a whole, because the server does not know parts of them.
    pub(super) wholly: bool,
    /// Where a person's own mailboxes are.
    pub(super) namespace: Namespace,
    /// What the server says of itself (RFC 2971): foreign text.
    pub(super) server_id: Vec<(String, String)>,
    /// The mailbox that is selected (decoded name).
    pub(super) selected: Option<String>,
    /// The server told since that it may only be read from now on (RFC 9051 §7.1, READ-ONLY): another program took it over, as with the lock of an mbox.
    pub(super) surrendered: bool,
    /// Messages in it, as last told.
    pub(super) exists: u32,
    /// The server told unasked that something changed in it.
    pub(super) news: bool,
    pub(super) round_trips: u64,
    /// What the server wants shown to the person (RFC 9051 §7.1, ALERT): foreign text.
    pub(super) alerts: Vec<String>,
    /// How the connection is protected.
    pub(super) secured: Option<Secured>,
    /// Why the guard ended the session, if it did.
    pub(super) violation: Option<Violation>,
    /// What the line was that could not be read (`FETCH`); empty: nobody knows, or there was none.
    pub(super) unread: &'static str,
    bye: Option<String>,
}

impl<S: Wire> Session<S> {
    pub(super) fn new(stream: S, silence: Duration) -> Self {
        Self {
            client: Client::new(Guard::new(stream, Limits::before_login())),
            next_tag: 1,
            outstanding: 0,
            silence,
            capabilities: Capabilities::default(),
            wire_names: HashMap::new(),
            notified: false,
            told: Vec::new(),
            told_all: false,
            begun: false,
            qresync: false,
            wholly: false,
            namespace: Namespace::default(),
            server_id: Vec::new(),
            selected: None,
            surrendered: false,
            exists: 0,
            news: false,
            round_trips: 0,
            alerts: Vec::new(),
            secured: None,
            violation: None,
            unread: "",
            bye: None,
        }
    }

    /// The stream below the guard. Nothing is read from it or written to it here.
    pub(super) fn stream_mut(&mut self) -> &mut S {
        self.client.get_mut().inner_mut()
    }

    pub(super) fn set_guard(&mut self, limits: Limits) {
        self.client.get_mut().set_limits(limits);
    }

    pub(super) fn bytes(&self) -> (u64, u64) {
        (self.client.get_ref().bytes_in(), self.client.get_ref().bytes_out())
    }

    /// A mailbox name for the wire.
    pub(super) fn wire(&self, mailbox: &str) -> String {
        self.wire_names.get(mailbox).cloned().unwrap_or_else(|| name::encode(mailbox))
    }

    /// Names whose wire form is not the one we would write, by how they are read.
    pub(super) fn wire_names(&self) -> &HashMap<String, String> {
        &self.wire_names
    }

    /// What another session of the account knows of them: not every one lists mailboxes.
    pub(super) fn know_names(&mut self, names: &HashMap<String, String>) {
        for (name, wire) in names {
            self.wire_names.entry(name.clone()).or_insert_with(|| wire.clone());
        }
    }

    /// The name that a mailbox of one's own has on this server (RFC 2342 §5): below the personal namespace, as `INBOX.Sent` at Courier, and
    /// with the server's delimiter where ours, `/`, stands.
    pub(super) fn personal(&self, mailbox: &str) -> String {
        let prefix = name::decode(&self.namespace.prefix);
        if mailbox.eq_ignore_ascii_case("INBOX") || !prefix.is_empty() && mailbox.starts_with(&prefix) {
            return mailbox.to_owned();
        }
        let delimiter = self.namespace.delimiter.unwrap_or('/');
        format!("{prefix}{}", mailbox.replace('/', delimiter.encode_utf8(&mut [0; 4])))
    }

    /// Decodes a listed name and remembers its wire form where that is unusual.
    pub(super) fn learn_name(&mut self, wire: &str) -> String {
        let name = name::decode(wire);
        if !wire.eq_ignore_ascii_case("INBOX") && name::encode(&name) != wire && self.wire_names.len() < 1_000 {
            self.wire_names.insert(name.clone(), wire.to_owned());
        }
        name
    }

    /// The greeting (RFC 9051 §7.1): OK and nothing else. PREAUTH would mean that we are somebody whom we did not say to be.
    pub(super) async fn greeting(&mut self) -> Result<(), Error> {
        const DOING: &str = "the greeting";
        let Answer::Codec(response) = self.next(DOING).await? else {
            return Err(Error::Nonsense { doing: DOING.to_owned(), words: "it is none".to_owned() });
        };
        match parsed(&response) {
            Response::Data { status: Status::Ok, outcome } => {
                if let Some(told) = Capabilities::of_code(outcome) {
                    self.capabilities = told;
                }
                self.note_alert(outcome);
                Ok(())
            }
            Response::Data { status: Status::Bye, outcome } => Err(Error::Bye { text: words(outcome) }),
            Response::Data { status: Status::PreAuth, .. } => Err(Error::Nonsense {
                doing: DOING.to_owned(),
                words: "it claims that we are logged in already (PREAUTH)".to_owned(),
            }),
            _ => Err(Error::Nonsense { doing: DOING.to_owned(), words: "it is none".to_owned() }),
        }
    }

    /// Sends a command; [`Self::finish`] reads its answer. Several may be on their way.
    pub(super) async fn start(&mut self, doing: &str, command: &Command) -> Result<Pending, Error> {
        let tag = self.tag();
        let line = format!("{tag} {}\r\n", command.text());
        self.sent_one();
        self.write(doing, line.as_bytes()).await?;
        Ok(Pending { tag, doing: doing.to_owned() })
    }

    /// As [`Self::start`], for a line with a secret in it, which is wiped.
    pub(super) async fn start_secret(&mut self, doing: &str, line: &str) -> Result<Pending, Error> {
        let tag = self.tag();
        let line = zeroize::Zeroizing::new(format!("{tag} {line}\r\n"));
        self.sent_one();
        self.write(doing, line.as_bytes()).await?;
        Ok(Pending { tag, doing: doing.to_owned() })
    }

    fn tag(&mut self) -> String {
        let tag = format!("c{}", self.next_tag);
        self.next_tag = self.next_tag.wrapping_add(1);
        tag
    }

    fn sent_one(&mut self) {
        if self.outstanding == 0 {
            self.round_trips = self.round_trips.saturating_add(1);
        }
        self.outstanding = self.outstanding.saturating_add(1);
    }

    /// Writes bytes and flushes them.
    pub(super) async fn write(&mut self, doing: &str, bytes: &[u8]) -> Result<(), Error> {
        // In pieces, so that a large message on a slow line is no silence.
        for piece in bytes.chunks(64 << 10) {
            let stream = self.client.get_mut();
            let write = async {
                stream.write_all(piece).await?;
                stream.flush().await
            };
            match timeout(self.silence, write).await {
                Ok(Ok(())) => {}
                Ok(Err(e)) => return Err(self.lost(doing, &why(&e))),
                Err(_) => return Err(Error::TimedOut { doing: doing.to_owned(), after: self.silence }),
            }
        }
        Ok(())
    }

    /// Reads up to the tagged answer of a command. `on` sees every untagged response in between.
    pub(super) async fn finish(
        &mut self,
        pending: Pending,
        mut on: impl FnMut(&Response<'_>) -> Use,
    ) -> Result<Done, Error> {
        self.finish_all(pending, |heard| match heard {
            Heard::Codec(Response::Done { .. }) => Use::Taken,
            Heard::Codec(other) => on(other),
            Heard::Own(_) => Use::Unasked,
        })
        .await
    }

    /// As [`Self::finish`] of a command that asks for the content of one message: where it comes as a literal behind the message's UID, `to` takes it as it
    /// comes, and `on` sees an empty one. It may have up to `most` bytes, whatever the guard allows others.
    pub(super) async fn finish_apart(
        &mut self,
        pending: Pending,
        uid: u32,
        most: u64,
        mut on: impl FnMut(&Response<'_>) -> Use,
        to: &mut impl Taker,
    ) -> Result<Done, Error> {
        self.client.get_mut().set_apart(Some(Apart { uid, most }));
        let on = |heard: Heard<'_>| match heard {
            Heard::Codec(Response::Done { .. }) => Use::Taken,
            Heard::Codec(other) => on(other),
            Heard::Own(_) => Use::Unasked,
        };
        let done = self.finish_with(pending, on, to).await;
        self.client.get_mut().set_apart(None);
        done
    }

    /// As [`Self::finish`]; `on` sees what is read by hand too, and the tagged answer for the response code in it.
    pub(super) async fn finish_all(
        &mut self,
        pending: Pending,
        on: impl FnMut(Heard<'_>) -> Use,
    ) -> Result<Done, Error> {
        self.finish_with(pending, on, &mut Nobody).await
    }

    async fn finish_with(
        &mut self,
        pending: Pending,
        mut on: impl FnMut(Heard<'_>) -> Use,
        to: &mut impl Taker,
    ) -> Result<Done, Error> {
        let mut unasked = 0_u64;
        loop {
            let response = self.next_with(&pending.doing, to).await?;
            let response = match response {
                Answer::Codec(response) => response,
                Answer::Own(own) => {
                    self.observe_own(&own);
                    if own != Untagged::Recent && on(Heard::Own(&own)) == Use::Unasked {
                        unasked = unasked.saturating_add(1);
                    }
                    if unasked > UNASKED_MAX {
                        return Err(rambles(pending.doing));
                    }
                    continue;
                }
            };
            match parsed(&response) {
                Response::Done { tag, status, outcome } => {
                    if tag.0 != pending.tag {
                        return Err(Error::Nonsense {
                            doing: pending.doing,
                            words: "it answers a command that was not asked".to_owned(),
                        });
                    }
                    self.outstanding = self.outstanding.saturating_sub(1);
                    self.note_alert(outcome);
                    on(Heard::Codec(parsed(&response)));
                    if let (Status::Ok, Some(told)) = (status, Capabilities::of_code(outcome)) {
                        self.capabilities = told;
                    }
                    return Self::done(pending.doing, status, outcome);
                }
                Response::Continue(_) => {
                    return Err(Error::Nonsense {
                        doing: pending.doing,
                        words: "it waits for more where nothing more comes".to_owned(),
                    });
                }
                other => {
                    let known = self.observe(other);
                    match on(Heard::Codec(other)) {
                        Use::TooMuch => {
                            return Err(Error::Unreadable {
                                doing: pending.doing,
                                words: "it is far larger than announced".to_owned(),
                            });
                        }
                        Use::Unasked if !known => unasked = unasked.saturating_add(1),
                        Use::Taken | Use::Unasked => {}
                    }
                    if unasked > UNASKED_MAX {
                        return Err(rambles(pending.doing));
                    }
                }
            }
        }
    }

    /// Sends a command and reads its answer.
    pub(super) async fn run(
        &mut self,
        doing: &str,
        command: &Command,
        on: impl FnMut(&Response<'_>) -> Use,
    ) -> Result<Done, Error> {
        let pending = self.start(doing, command).await?;
        self.finish(pending, on).await
    }

    /// As [`Self::run`], for answers that are read by hand.
    pub(super) async fn run_own(
        &mut self,
        doing: &str,
        command: &Command,
        mut on: impl FnMut(&Untagged) -> Use,
    ) -> Result<Done, Error> {
        let pending = self.start(doing, command).await?;
        self.finish_own(pending, &mut on).await
    }

    /// As [`Self::finish`], for answers that are read by hand.
    pub(super) async fn finish_own(
        &mut self,
        pending: Pending,
        mut on: impl FnMut(&Untagged) -> Use,
    ) -> Result<Done, Error> {
        self.finish_all(pending, |heard| match heard {
            Heard::Own(own) => on(own),
            Heard::Codec(_) => Use::Unasked,
        })
        .await
    }

    /// Waits for `+` after a command that asks for it, reading past untagged data, which is legal there.
    pub(super) async fn continuation(&mut self, pending: &Pending) -> Result<(), Error> {
        match self.challenge(pending).await? {
            Some(_) => Ok(()),
            None => {
                Err(Error::Nonsense { doing: pending.doing.clone(), words: "it is done before it began".to_owned() })
            }
        }
    }

    /// Waits for `+` and gives what stands behind it; `None` when the command is done.
    pub(super) async fn challenge(&mut self, pending: &Pending) -> Result<Option<String>, Error> {
        let mut unasked = 0_u64;
        loop {
            let response = match self.next(&pending.doing).await? {
                Answer::Codec(response) => response,
                Answer::Own(own) => {
                    self.observe_own(&own);
                    unasked = unasked.saturating_add(1);
                    if unasked > UNASKED_MAX {
                        return Err(rambles(pending.doing.clone()));
                    }
                    continue;
                }
            };
            match parsed(&response) {
                Response::Continue(outcome) => {
                    return Ok(Some(outcome.information.as_deref().unwrap_or_default().to_owned()));
                }
                Response::Done { tag, status, outcome } if tag.0 == pending.tag => {
                    self.outstanding = self.outstanding.saturating_sub(1);
                    self.note_alert(outcome);
                    if let (Status::Ok, Some(told)) = (status, Capabilities::of_code(outcome)) {
                        self.capabilities = told;
                    }
                    return Self::done(pending.doing.clone(), status, outcome).map(|_| None);
                }
                Response::Done { .. } => {
                    return Err(Error::Nonsense {
                        doing: pending.doing.clone(),
                        words: "it answers a command that was not asked".to_owned(),
                    });
                }
                other => {
                    self.observe(other);
                    unasked = unasked.saturating_add(1);
                    if unasked > UNASKED_MAX {
                        return Err(rambles(pending.doing.clone()));
                    }
                }
            }
        }
    }

    /// Keeps what the server wants shown; of a server that never ends, the first few.
    fn note_alert(&mut self, outcome: &imap_proto::Outcome<'_>) {
        if !matches!(outcome.code, Some(ResponseCode::Alert)) || self.alerts.len() >= ALERTS_MAX {
            return;
        }
        let text: String = outcome.information.as_deref().unwrap_or_default().trim().chars().take(500).collect();
        if !text.is_empty() && !self.alerts.contains(&text) {
            self.alerts.push(text);
        }
    }

    fn done(doing: String, status: &Status, outcome: &imap_proto::Outcome<'_>) -> Result<Done, Error> {
        let text = words(outcome);
        // Exchange Online takes the login and answers every later command so while the mailbox behind it is out of reach
        // (learn.microsoft.com, "Exchange Online: IMAP connection limits and throttling"): no verdict on that command.
        if !matches!(status, Status::Ok) && text.contains("User is authenticated but not connected") {
            return Err(Error::NotServed { text });
        }
        match status {
            Status::Ok => {
                let mut done = Done { text, ..Done::default() };
                match &outcome.code {
                    Some(ResponseCode::AppendUid(validity, uids)) => {
                        done.append_uid = first_uid(uids).map(|uid| (*validity, uid));
                    }
                    Some(ResponseCode::ReadOnly) => done.read_only = true,
                    Some(ResponseCode::HighestModSeq(modseq)) => done.highest_modseq = Some(*modseq),
                    _ => {}
                }
                Ok(done)
            }
            Status::No => {
                let (code, text) = split_code(&text);
                Err(Error::No { doing, code, text })
            }
            Status::Bad => Err(Error::Bad { doing, text }),
            Status::Bye | Status::PreAuth => Err(Error::Nonsense { doing, words: text }),
        }
    }

    /// Keeps what concerns the session as a whole. Returns whether it was of that kind and can come often without harm.
    fn observe(&mut self, response: &Response<'_>) -> bool {
        use imap_proto::MailboxDatum;
        if let Response::Data { outcome, .. } = response {
            self.note_alert(outcome);
        }
        match response {
            Response::MailboxData(MailboxDatum::Exists(n)) => {
                if *n != self.exists {
                    self.news = true;
                }
                self.exists = *n;
                false
            }
            Response::Expunge(_) => {
                self.exists = self.exists.saturating_sub(1);
                self.news = true;
                // As many as there were messages may come: each takes one away.
                self.exists > 0
            }
            // NOTIFICATIONOVERFLOW (RFC 5465 §5.8): it tells no more, and may have told too little.
            Response::Data { status: Status::Ok, outcome } if self.notified && overflows(outcome) => {
                self.notified = false;
                self.told_all = true;
                false
            }
            Response::Data { status: Status::Ok, outcome } if closes(outcome) => {
                self.exists = 0;
                false
            }
            Response::Data { outcome, .. } if matches!(outcome.code, Some(ResponseCode::ReadOnly)) => {
                self.surrendered = true;
                false
            }
            Response::Data { outcome, .. } if matches!(outcome.code, Some(ResponseCode::ReadWrite)) => {
                self.surrendered = false;
                false
            }
            Response::Data { status: Status::Bye, outcome } => {
                self.bye = Some(words(outcome));
                false
            }
            _ => false,
        }
    }

    /// As [`Self::observe`], of what is read by hand.
    fn observe_own(&mut self, own: &Untagged) {
        match own {
            Untagged::Vanished { earlier: false, uids, .. } => {
                // RFC 7162 §3.2.10: it counts down what EXISTS counted up.
                self.exists = self.exists.saturating_sub(u32::try_from(uids.len()).unwrap_or(u32::MAX));
                self.news = true;
            }
            Untagged::Capability(words) => {
                if let Some(told) = Capabilities::of_words(words) {
                    self.capabilities = told;
                }
            }
            Untagged::Status(status) if self.notified => {
                let name = name::decode(&status.name);
                if self.told.len() >= TOLD_MAX {
                    self.told_all = true;
                } else if !self.told.contains(&name) {
                    self.told.push(name);
                }
            }
            // Of one that cannot be read: in which mailbox something changed is not known.
            Untagged::List(_) | Untagged::Unread(_) if self.notified => self.told_all = true,
            _ => {}
        }
    }

    /// The next response. May be cancelled: what was read so far stays in the codec.
    async fn next(&mut self, doing: &str) -> Result<Answer, Error> {
        self.next_with(doing, &mut Nobody).await
    }

    /// As [`Self::next`]; `to` takes what was set apart. It may take its time: that is no silence of the server's.
    async fn next_with(&mut self, doing: &str, to: &mut impl Taker) -> Result<Answer, Error> {
        let mut before = self.bytes().0;
        loop {
            match timeout(self.silence, self.step(doing)).await {
                Ok(Ok(Step::Answer(answer))) => return Ok(answer),
                Ok(Ok(Step::Apart(bytes, left))) => {
                    to.take(bytes, left).await?;
                    before = self.bytes().0;
                }
                Ok(Err(e)) => return Err(e),
                Err(_) => {
                    let now = self.bytes().0;
                    if now.saturating_sub(before) < TRICKLE_MIN {
                        return Err(Error::TimedOut { doing: doing.to_owned(), after: self.silence });
                    }
                    before = now;
                }
            }
        }
    }

    /// The next response, however long it takes: for IDLE, where silence is the rule. May be cancelled.
    pub(super) async fn read(&mut self, doing: &str) -> Result<Answer, Error> {
        loop {
            // Nothing was set apart.
            if let Step::Answer(answer) = self.step(doing).await? {
                return Ok(answer);
            }
        }
    }

    /// The next response, or what came before it of a literal that was set apart. May be cancelled.
    async fn step(&mut self, doing: &str) -> Result<Step, Error> {
        let client = &mut self.client;
        let read = std::future::poll_fn(|cx| {
            // Before the codec has what comes behind it: the end of the command may have come in the same read.
            if let Some(apart) = client.get_mut().take_apart() {
                return Poll::Ready(Err(apart));
            }
            // The parser panics on some answers; the guard stops those that are known.
            let answer = pin!(AssertUnwindSafe(client.read_response()).catch_unwind()).poll(cx);
            match answer {
                Poll::Ready(answer) => Poll::Ready(Ok(answer)),
                Poll::Pending => client.get_mut().take_apart().map_or(Poll::Pending, |apart| Poll::Ready(Err(apart))),
            }
        });
        let answer = match read.await {
            Ok(answer) => answer,
            Err((bytes, left)) => return Ok(Step::Apart(bytes, left)),
        };
        match answer {
            Ok(Ok(Some(response))) => {
                let response = UnsolicitedResponse::Other(response);
                if !matches!(parsed(&response), Response::MailboxData(imap_proto::MailboxDatum::Recent(_))) {
                    return Ok(Step::Answer(Answer::Codec(response)));
                }
                // The mark of a line that is read by hand.
                let line = self.client.get_mut().take_own().unwrap_or_default();
                match untagged::read(&line) {
                    Some(own) => Ok(Step::Answer(Answer::Own(own))),
                    None => {
                        self.unread = guard::word(&line);
                        let words = "it is not IMAP as we know it".to_owned();
                        Err(Error::Unreadable { doing: doing.to_owned(), words })
                    }
                }
            }
            Ok(Ok(None)) => Err(self.lost(doing, "the server hung up")),
            Ok(Err(e)) => Err(self.read_error(doing, &e)),
            Err(_) => Err(Error::Unreadable { doing: doing.to_owned(), words: "the parser gave up".to_owned() }),
        }
    }

    /// Keeps what a response that came unasked says of the session.
    pub(super) fn note(&mut self, answer: &Answer) {
        match answer {
            Answer::Codec(response) => drop(self.observe(parsed(response))),
            Answer::Own(own) => self.observe_own(own),
        }
    }

    fn read_error(&mut self, doing: &str, e: &std::io::Error) -> Error {
        let unreadable = |words: String| Error::Unreadable { doing: doing.to_owned(), words };
        match e.kind() {
            std::io::ErrorKind::InvalidData => match e.get_ref().and_then(|inner| inner.downcast_ref::<Violation>()) {
                Some(violation) => {
                    self.violation = Some(*violation);
                    self.unread = self.client.get_ref().word();
                    unreadable(violation.to_string())
                }
                None => self.lost(doing, &why(e)),
            },
            // The codec's own errors; they quote the answer, that is mail, so their text goes nowhere: only what kind of answer it is.
            std::io::ErrorKind::Other => {
                let told = e.to_string();
                let quoted = told.split_once(" during parsing of \"").map(|(_, quoted)| quoted).unwrap_or_default();
                // With its line ends as `\r\n` in letters.
                self.unread = guard::word(quoted.split('\\').next().unwrap_or_default().as_bytes());
                unreadable("it is not IMAP as we know it".to_owned())
            }
            _ => self.lost(doing, &why(e)),
        }
    }

    fn lost(&self, doing: &str, words: &str) -> Error {
        match &self.bye {
            Some(text) => Error::Bye { text: text.clone() },
            None => Error::Lost { doing: doing.to_owned(), words: words.to_owned() },
        }
    }

    /// Says goodbye and hangs up; nobody waits long for it.
    pub(super) async fn logout(mut self) {
        let Ok(pending) = self.start("to log out", &Command::plain("LOGOUT")).await else { return };
        let farewell = self.finish(pending, |_| Use::Taken);
        let _ = timeout(Duration::from_secs(2), farewell).await;
        let _ = timeout(Duration::from_secs(1), self.client.get_mut().shutdown()).await;
    }
}

/// Who takes what was set apart.
pub(super) trait Taker {
    /// Takes it; `left` bytes are still to come. An error ends the session.
    fn take(&mut self, bytes: Vec<u8>, left: u64) -> impl Future<Output = Result<(), Error>> + Send;
}

struct Nobody;

impl Taker for Nobody {
    async fn take(&mut self, _: Vec<u8>, _: u64) -> Result<(), Error> {
        Ok(())
    }
}

/// What is read at once.
enum Step {
    Answer(Answer),
    /// Bytes that were set apart, and how many are still to come.
    Apart(Vec<u8>, u64),
}

/// A response. (The codec's own type has no public name but inside this one.)
pub(super) enum Answer {
    /// With the bytes it borrows from.
    Codec(UnsolicitedResponse),
    /// Read by hand.
    Own(Untagged),
}

/// What a handler sees of a response.
#[derive(Clone, Copy, Debug)]
pub(super) enum Heard<'a> {
    Codec(&'a Response<'a>),
    Own(&'a Untagged),
}

/// Stands in for what cannot be.
static NOTHING: Response<'static> = Response::Expunge(0);

fn parsed(response: &UnsolicitedResponse) -> &Response<'_> {
    match response {
        UnsolicitedResponse::Other(data) => data.parsed(),
        _ => &NOTHING,
    }
}

impl Answer {
    /// The codec's, if it is one of those.
    pub(super) fn codec(&self) -> Option<&Response<'_>> {
        match self {
            Self::Codec(response) => Some(parsed(response)),
            Self::Own(_) => None,
        }
    }
}

fn overflows(outcome: &imap_proto::Outcome<'_>) -> bool {
    let text = outcome.information.as_deref().unwrap_or_default();
    text.to_ascii_uppercase().starts_with("[NOTIFICATIONOVERFLOW")
}

fn rambles(doing: String) -> Error {
    Error::Nonsense { doing, words: "it goes on and on with what nobody asked".to_owned() }
}

fn first_uid(uids: &[UidSetMember]) -> Option<u32> {
    Some(match uids.first()? {
        UidSetMember::Uid(uid) => *uid,
        UidSetMember::UidRange(range) => *range.start(),
    })
}

/// The server's words, with the response code as far as the codec did not take it apart.
pub(super) fn words(outcome: &imap_proto::Outcome<'_>) -> String {
    let text = outcome.information.as_deref().unwrap_or_default();
    // Which messages were left alone stands in the text, whole: cut, it would say of those behind the cut that they were changed. The guard
    // bounds the line.
    let is_list = text.get(..10).is_some_and(|head| head.eq_ignore_ascii_case("[MODIFIED "));
    let list = if is_list { text.find(']').map_or(0, |end| end.saturating_add(1)) } else { 0 };
    let (list, rest) = text.split_at_checked(list).unwrap_or(("", text));
    let text: String = list.chars().chain(rest.chars().take(500)).collect();
    match &outcome.code {
        Some(ResponseCode::TryCreate) => format!("[TRYCREATE] {text}"),
        Some(ResponseCode::Alert) => format!("[ALERT] {text}"),
        _ => text,
    }
}

/// CLOSED (RFC 7162 §3.2.11): what comes after is about the mailbox that is being opened.
pub(super) fn closes(outcome: &imap_proto::Outcome<'_>) -> bool {
    let text = outcome.information.as_deref().unwrap_or_default();
    text.get(..8).is_some_and(|head| head.eq_ignore_ascii_case("[CLOSED]"))
}

/// `[CODE …] text` into code and text.
pub(super) fn split_code(text: &str) -> (Option<String>, String) {
    match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((code, rest)) => (Some(code.to_ascii_uppercase()), rest.trim_start().to_owned()),
        None => (None, text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::{Command, Error, Session, Use, split_code};

    /// A server that sends `says` at once and keeps the line open when `open`.
    fn session(says: &str, open: bool) -> (Session<DuplexStream>, tokio::task::JoinHandle<Vec<u8>>) {
        let (client, mut server) = tokio::io::duplex(1 << 20);
        let says = says.to_owned();
        let task = tokio::spawn(async move {
            server.write_all(says.as_bytes()).await.ok();
            if !open {
                server.shutdown().await.ok();
            }
            let mut heard = Vec::new();
            server.read_to_end(&mut heard).await.ok();
            heard
        });
        (Session::new(client, Duration::from_millis(300)), task)
    }

    async fn noop(says: &str, open: bool) -> Result<super::Done, Error> {
        let (mut session, _task) = session(says, open);
        session.run("to wait", &Command::plain("NOOP"), |_| Use::Unasked).await
    }

    #[tokio::test]
    async fn only_our_own_tagged_ok_is_success() {
        assert_eq!(noop("* 3 EXISTS\r\nc1 OK [MODIFIED 7] fine\r\n", true).await.unwrap().text, "[MODIFIED 7] fine");
        let refused = noop("c1 NO [SERVERBUG] broken\r\n", true).await.unwrap_err();
        assert_eq!(
            refused,
            Error::No { doing: "to wait".to_owned(), code: Some("SERVERBUG".to_owned()), text: "broken".to_owned() }
        );
        assert!(refused.session_lives());
        assert!(matches!(noop("c1 BAD what\r\n", true).await, Err(Error::Bad { .. })));
        assert!(matches!(noop("c1 BAD\r\n", true).await, Err(Error::Bad { .. })));
        assert!(matches!(noop("c9 OK fine\r\n", true).await, Err(Error::Nonsense { .. })));
        assert!(matches!(noop("+ go on\r\n", true).await, Err(Error::Nonsense { .. })));
        assert!(matches!(noop("* 3 EXISTS\r\n", false).await, Err(Error::Lost { .. })));
        assert!(matches!(noop("* 3 EXI", false).await, Err(Error::Lost { .. })));
        assert!(matches!(noop("* BYE too many\r\n", false).await, Err(Error::Bye { text }) if text == "too many"));
        assert!(noop("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\nc1 OK\r\n", true).await.is_ok());
        assert!(noop("* NAMESPACE what\r\n* STATUS a b (MESSAGES 1)\r\nc1 OK\r\n", true).await.is_ok());
        assert!(matches!(noop("* SEARCH what\r\n", true).await, Err(Error::Unreadable { .. })));
        assert!(matches!(noop("* LIST () \"/\" x", false).await, Err(Error::Lost { .. })));
        assert!(matches!(noop("* 1 FETCH (BODYSTRUCTURE ((\r\n", true).await, Err(Error::Unreadable { .. })));
    }

    #[tokio::test]
    async fn a_long_code_is_kept_whole_and_long_words_are_cut() {
        let uids: Vec<String> = (1..400).map(|uid| (uid * 2).to_string()).collect();
        let code = format!("[MODIFIED {}]", uids.join(","));
        let done = noop(&format!("c1 OK {code} {}\r\n", "x".repeat(900)), true).await.unwrap();
        assert!(done.text.starts_with(&code) && done.text.len() == code.len() + 500, "{}", done.text.len());
        let refused = noop(&format!("c1 NO {code} not all\r\n"), true).await.unwrap_err();
        assert!(matches!(refused, Error::No { code: Some(code), .. } if code.ends_with(",796,798")));
        let words = noop(&format!("c1 OK [{}\r\n", "x".repeat(900)), true).await.unwrap();
        assert_eq!(words.text.len(), 500);
    }

    #[tokio::test]
    async fn a_silent_server_is_given_up() {
        let silent = noop("* 3 EXISTS\r\n", true).await.unwrap_err();
        assert!(matches!(silent, Error::TimedOut { .. }), "{silent}");
        assert!(!silent.session_lives());
    }

    #[tokio::test]
    async fn a_server_that_rambles_is_given_up() {
        let flood = "* 3 EXISTS\r\n".repeat(30_000);
        assert!(
            matches!(noop(&flood, true).await, Err(Error::Unreadable { .. })),
            "before login there is a limit in bytes"
        );
        let (mut session, _task) = session(&"* 3 EXISTS\r\n".repeat(150_000), true);
        session.set_guard(crate::net::guard::Limits::after_login(1_000));
        let result = session.run("to wait", &Command::plain("NOOP"), |_| Use::Unasked).await;
        assert!(matches!(result, Err(Error::Nonsense { .. })));
    }

    #[tokio::test]
    async fn greetings() {
        for (text, fine) in [
            ("* OK hello\r\n", true),
            ("* PREAUTH welcome\r\n", false),
            ("* BYE busy\r\n", false),
            ("* NO no\r\n", false),
            ("c1 OK hm\r\n", false),
            ("* 5 EXISTS\r\n", false),
            ("HTTP/1.1 400 Bad Request\r\n", false),
            ("", false),
        ] {
            let (mut session, _task) = session(text, false);
            assert_eq!(session.greeting().await.is_ok(), fine, "{text:?}");
        }
    }

    #[test]
    fn codes() {
        assert_eq!(split_code("[tryCreate] no"), (Some("TRYCREATE".to_owned()), "no".to_owned()));
        assert_eq!(split_code("no"), (None, "no".to_owned()));
        assert_eq!(split_code("[half"), (None, "[half".to_owned()));
    }
}
