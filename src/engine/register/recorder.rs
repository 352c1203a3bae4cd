//! Mail of cases is written down: what came, and what a server accepted. Each message once, whoever looks first: when the program has been quiet
//! for a while, and before anybody asks what happened.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::enclosed::{files_of, that_fit};
use super::{Engine, EngineError, Hand, Loaded, Register};
use crate::case::{Classes, Jurisdiction, MessageName};
use crate::engine::channels;
use crate::engine::clocks::deemed_words;
use crate::engine::core::{Core, CoreHandle, Open, Settings, Stores};
use crate::engine::library::filing::Derived;
use crate::engine::plea;
use crate::engine::reading::{Look, Reading, read_guarded};
use crate::engine::streamed::{Kept, Streamed};
use crate::mail::address::Address;
use crate::mail::id::{CaseId, MessageKey, MessageRef, OutboxId};
use crate::mail::safe::SafeText;
use crate::pgp::keyring::Keyring;
use crate::pgp::open::Decrypt;
use crate::pgp::report::{Covers, OpenPgp, SignatureState};
use crate::register::event::{Correspondent, Delivered, Event, Lay, MessageFacts, SharedLink, Tls};
use crate::register::record::Digest;
use crate::store::mailbox::SpecialUse;
use crate::store::outbox::{Delivery, OutboxEntry, OutboxRecipient, OutboxState};

/// Messages that are written down in one transaction, and how long they are gathered for one.
const BATCH: usize = 200;
const BATCH_TIME: Duration = Duration::from_millis(500);

/// How far it is: messages that were looked at, of so many.
pub(crate) type Watch<'a> = &'a dyn Fn(usize, usize) -> bool;

/// What was written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// Messages.
    pub(crate) messages: usize,
    /// Messages that are not here, and so not read.
    pub(crate) absent: usize,
    /// Messages that are left, because whoever watches ended it.
    pub(crate) left: usize,
}

/// A message that came.
struct Came {
    key: MessageKey,
    name: MessageRef,
    cases: Vec<(CaseId, String)>,
    received: Timestamp,
    law: Option<Jurisdiction>,
}

/// What is to be written down, and what that takes.
pub(crate) struct Recorder {
    came: Vec<Came>,
    /// With the law of its case.
    sent: Vec<(OutboxEntry, Option<Jurisdiction>)>,
    register: Register,
    stores: Arc<Stores>,
    settings: Arc<Settings>,
    keyring: Arc<Keyring>,
}

impl Recorder {
    /// What has not been written down yet, as far as the index knows; `None` where there is nothing, or the register is still being read
    /// and nobody may wait.
    pub(crate) fn of(core: &Core, open: &Open, only: Option<&CaseId>, may_wait: bool) -> Option<Self> {
        let library = &open.library;
        let told_apart = open.register.told_apart();
        let news = |loaded: &mut Loaded| {
            let history = loaded.history();
            let mut came = Vec::new();
            for key in library.keys_by_date().into_iter().rev() {
                let cases = library.cases_of(key);
                // Another message under the Message-ID of one that was written down is read to be told from it.
                let is_known = library.message_id_hash(key).is_some_and(|id| history.knows_received(id))
                    && (!library.is_conflicting(key) || told_apart.contains(&key));
                let is_copy =
                    library.mailbox(key.mailbox).is_some_and(|m| m.state.special_use == Some(SpecialUse::Sent));
                let is_wanted = only.is_none_or(|only| cases.iter().any(|(case, _)| case == only));
                if cases.is_empty() || !is_wanted || is_copy || is_known {
                    continue;
                }
                let Some(name) = library.name(key) else { continue };
                let received = library.received(key).and_then(|at| Timestamp::from_second(at).ok()).unwrap_or_default();
                came.push(Came { key, name, cases, received, law: None });
            }
            came
        };
        let mut came = if may_wait { open.register.with(news).ok()? } else { open.register.now(news)? };
        // Asked of the register: not while it is lent.
        for came in &mut came {
            came.law = came.cases.first().and_then(|(case, _)| core.law_of_case(open, case));
        }
        let rows = open.outbox.rows().map(|(rows, _)| rows).unwrap_or_default();
        let is_gone = |row: &OutboxEntry| matches!(row.state, OutboxState::Sent | OutboxState::SentNotFiled);
        let gone: Vec<OutboxEntry> = rows.into_iter().filter(|row| row.case.is_some() && is_gone(row)).collect();
        let has_news = !came.is_empty() || !gone.is_empty();
        has_news.then(|| Self { came, ..Self::of_sent(core, open, gone) })
    }

    /// Of what left by these rows of the outbox, and of nothing else.
    fn of_sent(core: &Core, open: &Open, rows: Vec<OutboxEntry>) -> Self {
        let law = |row: &OutboxEntry| row.case.as_ref().and_then(|case| core.law_of_case(open, case));
        let with_law = |row: OutboxEntry| {
            let law = law(&row);
            (row, law)
        };
        Self {
            came: Vec::new(),
            sent: rows.into_iter().map(with_law).collect(),
            register: open.register.clone(),
            stores: Arc::clone(&open.stores),
            settings: Arc::clone(&core.settings),
            keyring: open.keyring.now(),
        }
    }

    /// Of that what came as these messages; `None` where there is nothing.
    pub(crate) fn only(mut self, keys: &[MessageKey]) -> Option<Self> {
        self.came.retain(|came| keys.contains(&came.key));
        self.sent.clear();
        (!self.came.is_empty()).then_some(self)
    }

    /// How many messages came.
    pub(crate) fn count(&self) -> usize {
        self.came.len()
    }

    /// Writes it down. Blocks, and reads foreign bytes: call it where the stack is deep.
    ///
    /// # Errors
    /// The state store cannot be written. A message that is not here is passed over until it is.
    pub(crate) fn write(&self) -> Result<usize, EngineError> {
        self.write_watched(&|_, _| true).map(|done| done.messages)
    }

    /// The same, watched: `false` ends it. What was read until then is written down.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(crate) fn write_watched(&self, watch: Watch<'_>) -> Result<Recorded, EngineError> {
        let hand = Hand { stores: &self.stores, settings: &self.settings, keyring: &self.keyring };
        let mut done = Recorded::default();
        let mut rest = self.came.as_slice();
        while !rest.is_empty() {
            // What each message has to say. It is read beside others that do the same: nobody waits for another's reading.
            let (mut said, mut read): (Vec<(MessageName, Vec<Event>)>, Vec<MessageKey>) = (Vec::new(), Vec::new());
            let begun = Instant::now();
            while let Some((came, others)) = rest.split_first() {
                if said.len() >= BATCH || begun.elapsed() > BATCH_TIME {
                    break;
                }
                rest = others;
                let Some((facts, reading)) = self.facts_of(came.key) else {
                    done.absent = done.absent.saturating_add(1);
                    continue;
                };
                read.push(came.key);
                let deemed_service = self.deemed(&facts, facts.date.unwrap_or(came.received), came.law);
                // The same message in two mailboxes.
                if said.iter().any(|(message, _)| *message == facts.message) {
                    continue;
                }
                let cases: Vec<CaseId> = came.cases.iter().map(|(case, _)| case.clone()).collect();
                let acts = reading.and_then(|reading| plea::took(&reading));
                let acts = acts.map(|took| took.events(&facts.message, &cases, came.received));
                let message = facts.message.clone();
                let mut events = vec![Event::Received {
                    cases,
                    because: came.cases.iter().map(|(_, why)| why.as_str()).collect::<Vec<_>>().join("; "),
                    facts,
                    lay: Lay {
                        account: came.name.account.clone(),
                        mailbox: came.name.mailbox.clone(),
                        uid_validity: came.name.uid_validity,
                        uid: came.name.uid,
                        internal_date: came.received,
                    },
                    tls: self.channel(came.key),
                    deemed_service,
                }];
                events.extend(acts.unwrap_or_default());
                said.push((message, events));
            }
            // One at a time from here on: somebody else may have written down the same meanwhile.
            let alone = self.register.recording();
            let events: Vec<Event> = self.register.with(|loaded| {
                said.retain(|(message, _)| !loaded.history().knows_received_message(message));
                let book = loaded.book();
                let events = said.iter_mut().flat_map(|(message, events)| {
                    // What a message says that is out of reach as a whole is entered by nobody.
                    let most = if book.is_message_quarantined(message) { 1 } else { events.len() };
                    events.drain(..most)
                });
                events.collect()
            })?;
            done.messages = done.messages.saturating_add(said.len());
            self.register.append(&hand, &events)?;
            // Only now: what could not be written down is read again.
            read.into_iter().for_each(|key| self.register.tell_apart(key));
            drop(alone);
            if !watch(self.came.len() - rest.len(), self.came.len()) {
                done.left = rest.len();
                return Ok(done);
            }
        }
        let _alone = self.register.recording();
        let (mut events, mut recorded) = (Vec::new(), Vec::new());
        for (row, law) in &self.sent {
            let missing = self.register.with(|loaded| loaded.missing_of(row))?;
            if missing.is_empty() {
                continue;
            }
            let Ok(raw) = self.stores.state.outbox_raw(row.id) else { continue };
            let mut facts = self.facts(self.reading(Arc::from(&*raw)).as_ref(), Digest::of(&raw), raw.len() as u64);
            // It is known by that: one that cannot be read would be written down again and again.
            if facts.message.message_id.is_empty() {
                facts.message.message_id.clone_from(&row.message_id);
            }
            let deemed_service = self.deemed(&facts, row.sent_at.or(facts.date).unwrap_or_default(), *law);
            recorded.push(row.id);
            events.push(Event::Sent {
                cases: row.case.clone().into_iter().collect(),
                facts,
                recipients: delivered(&missing, &self.settings.classes),
                tls: channels::of_sent(&self.stores, row.id),
                deemed_service,
            });
        }
        done.messages = done.messages.saturating_add(events.len());
        self.register.append(&hand, &events)?;
        recorded.into_iter().for_each(|id| channels::forget_sent(&self.stores, id));
        Ok(done)
    }

    /// The connection that a message came over, where that is known.
    fn channel(&self, key: MessageKey) -> Option<Tls> {
        let summary = self.stores.cache.summary(key).ok()??;
        let name = Derived::read(&summary.derived).channel;
        if name.is_empty() { None } else { channels::known(&self.stores, &name) }
    }

    fn deemed(&self, facts: &MessageFacts, sent: Timestamp, law: Option<Jurisdiction>) -> String {
        deemed_words(sent, &facts.subject, !facts.attachments.is_empty(), law, &self.settings.config.calendar)
    }

    fn reading(&self, raw: Arc<[u8]>) -> Option<Reading> {
        read_guarded(&raw, &self.keyring, &self.settings.terms(Decrypt::NotRsa))
    }

    /// The facts of a message, also of one that was put out of reach before it was written down; nothing where it is not here. A large one is not
    /// held.
    fn facts_of(&self, key: MessageKey) -> Option<(MessageFacts, Option<Reading>)> {
        let terms = self.settings.terms(Decrypt::NotRsa);
        let look = Look { keyring: &self.keyring, terms: &terms, beside: false };
        let kept = Kept::of(&self.stores, key).ok().flatten()?;
        let streamed = Streamed::read(kept, &look, &|_| Ok(())).ok()?;
        let facts = self.facts(streamed.reading.as_ref(), streamed.digest, streamed.bytes);
        Some((facts, streamed.reading))
    }

    /// What the register keeps of a message: protected header fields where there are any; never its text.
    fn facts(&self, reading: Option<&Reading>, digest: Digest, bytes: u64) -> MessageFacts {
        let name = |message_id: String| MessageName { message_id, digest: digest.0 };
        let Some(reading) = reading else {
            return MessageFacts { message: name(String::new()), bytes, ..MessageFacts::default() };
        };
        let headers = reading.headers();
        let outer = reading.message.headers();
        let people = |list: Vec<Address>| self.people(&list);
        let (attachments, more) = that_fit(files_of(reading));
        MessageFacts {
            message: name(headers.message_id().or_else(|| outer.message_id()).unwrap_or_default()),
            in_reply_to: headers.in_reply_to().into_iter().next().unwrap_or_default(),
            from: people(headers.from()),
            to: people(headers.to()),
            cc: people(headers.cc()),
            subject: headers.subject().chars().take(1_000).collect(),
            date: headers.date(),
            bytes,
            attachments,
            more,
            shared: self.shared(&headers.from(), &headers.subject(), &reading.body.text()),
            signed_by: signed_by(&reading.opened.report),
        }
    }

    /// What it shares by links.
    fn shared(&self, from: &[Address], subject: &str, text: &str) -> Vec<SharedLink> {
        let from = from.first().map(|one| one.addr.as_str()).unwrap_or_default();
        let found = self.settings.config.portals.shared(from, subject, text);
        found.into_iter().map(|one| SharedLink { portal: one.portal, link: one.link }).collect()
    }

    fn people(&self, list: &[Address]) -> Vec<Correspondent> {
        let class = |address: &str| self.settings.classes.class(address).name().to_owned();
        list.iter().take(200).map(|one| Correspondent { address: one.addr.clone(), class: class(&one.addr) }).collect()
    }
}

/// Who signed the whole of what is shown; empty where no good signature covers it.
pub(crate) fn signed_by(report: &OpenPgp) -> String {
    let good = report.signature.state == SignatureState::Good && report.signature.covers == Covers::Whole;
    let signer = report.signature.signer.as_ref().filter(|_| good);
    signer.map(|signer| SafeText::line(&signer.user_id).to_string()).unwrap_or_default()
}

/// What became of each recipient, in the server's words.
fn delivered(recipients: &[OutboxRecipient], classes: &Classes) -> Vec<Delivered> {
    recipients
        .iter()
        .map(|one| Delivered {
            address: one.address.clone(),
            class: classes.class(&one.address).name().to_owned(),
            outcome: match one.delivery {
                // No server has said so.
                Delivery::Sent if one.code == 0 => "counted as sent",
                Delivery::Sent => "accepted",
                Delivery::Refused => "refused",
                Delivery::TakenBack => "taken back",
                Delivery::Waiting | Delivery::InDoubt => "open",
            }
            .to_owned(),
            reply: match one.code {
                0 => one.text.clone(),
                code => format!("{code} {} {}", one.status, one.text).trim().to_owned(),
            },
        })
        .collect()
}

impl Loaded {
    /// Those recipients of a row of the outbox of whom it has not been written down what became of the message; nobody where the row is of no case, or
    /// of one that was destroyed since: what was taken out of the register is not put into it again.
    fn missing_of(&self, row: &OutboxEntry) -> Vec<OutboxRecipient> {
        let Some(case) = &row.case else { return Vec::new() };
        let destroyed = self.book.destruction(case).map(|certificate| certificate.at);
        if destroyed.is_some_and(|at| row.sent_at.is_none_or(|sent| sent <= at)) {
            return Vec::new();
        }
        let is_missing = |one: &&OutboxRecipient| !self.history.knows_sent(&row.message_id, &one.address);
        row.recipients.iter().filter(is_missing).cloned().collect()
    }
}

impl Register {
    /// Writes down what is missing of these rows of the outbox, and gives those of which nothing is: where the register cannot be read or written, the
    /// ones of no case. Waits for the register, and where something is missing for the index too, because the law of a case is known by that.
    pub(crate) fn settle_sent(&self, core: &CoreHandle, number: u64, rows: Vec<OutboxEntry>) -> Vec<OutboxId> {
        if let Err(error) = self.record_sent(core, number, &rows) {
            tracing::info!(%error, "what was sent long ago was not written down");
        }
        let missing = |row: &OutboxEntry| self.with(|loaded| loaded.missing_of(row));
        let is_settled = |row: &OutboxEntry| row.case.is_none() || missing(row).is_ok_and(|missing| missing.is_empty());
        rows.iter().filter(|row| is_settled(row)).map(|row| row.id).collect()
    }

    fn record_sent(&self, core: &CoreHandle, number: u64, rows: &[OutboxEntry]) -> Result<(), EngineError> {
        let is_owed = |loaded: &Loaded, row: &OutboxEntry| !loaded.missing_of(row).is_empty();
        let owed: Vec<OutboxEntry> =
            self.with(|loaded| rows.iter().filter(|row| is_owed(loaded, row)).cloned().collect())?;
        if owed.is_empty() {
            return Ok(());
        }
        let of = move |core: &mut Core, open: &mut Open| {
            let is_same = open.number == number;
            is_same.then(|| Recorder::of_sent(core, open, owed))
        };
        let Some(recorder) = core.ask_open(of)? else { return Ok(()) };
        recorder.write()?;
        core.front(|core| core.keeping.put_off_head());
        Ok(())
    }
}

impl Core {
    /// Writes down what came and went, beside everything else.
    pub(crate) fn record_mail(&self, open: &Open) {
        if !open.loaded {
            return;
        }
        let Some(recorder) = Recorder::of(self, open, None, false) else { return };
        let core = self.handle.clone();
        self.runtime.spawn_blocking(move || match recorder.write() {
            Ok(_) => core.front(|core| core.keeping.put_off_head()),
            Err(error) => core.front(move |core| core.complain(&error)),
        });
    }
}

impl Engine {
    /// Writes down what came and went since it was last done, in all cases or in one; gives how many messages.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the state store cannot be written.
    pub fn record_mail(&self, only: Option<&CaseId>) -> Result<usize, EngineError> {
        self.record_what_came(only).map(|done| done.messages)
    }

    /// The same, with what was not here.
    pub(crate) fn record_what_came(&self, only: Option<&CaseId>) -> Result<Recorded, EngineError> {
        // Waited for out here: the core waits for nobody.
        self.register_parts()?.0.with(|_| ())?;
        let Some(recorder) = self.core.ask_open({
            let only = only.cloned();
            move |core, open| Recorder::of(core, open, only.as_ref(), true)
        })?
        else {
            return Ok(Recorded::default());
        };
        let runtime = self.runtime.as_ref().ok_or(EngineError::Ended)?;
        let task = runtime.spawn_blocking(move || recorder.write_watched(&|_, _| true));
        self.block_on(task)?.map_err(|_| EngineError::Ended)?
    }
}
