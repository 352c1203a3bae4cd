//! One pass over one mailbox: newest first, in bounded batches, each stored before the next but one is asked for.
//!
//! Nothing is concluded from an answer that did not end with our tagged OK: a list of UIDs that broke off would look like a mailbox that
//! was emptied. A message whose answer cannot be read costs the connection; [`Suspects`] remember which messages were asked for, so that
//! the next connections close in on it and go on without it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Instant;

use super::account::Limits;
use super::command::{Command, Items};
use super::error::Error;
use super::item::{Item, item};
use super::plan::{self, Server, Step};
use super::select::{Selected, select};
use super::session::{Pending, Session, Use, Wire};
use super::sink::{Body, Fetched, Link, MailboxAt, Pass, Position, Sink, Stop};
use super::uid_set::UidSet;
use crate::store::flags::Flags;

/// Messages listed by one command. A million of them take seconds, and the first batch of bodies should not wait for that.
const LIST_CHUNK: u32 = 20_000;

/// About what a header takes.
const HEADER_BYTES: u32 = 4_096;

/// A batch should take about this long, so that a slow line still shows progress and takes wishes in between.
const BATCH_SECS: f64 = 2.0;
const BATCH_BYTES_MIN: u64 = 64 << 10;

/// How a pass ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Complete(Pass),
    /// Something more urgent came up; what was fetched is stored.
    Interrupted(Pass),
}

/// Messages whose answers could not be read, being closed in on.
#[derive(Clone, Debug, Default)]
pub(super) struct Suspects {
    /// Where.
    mailbox: Option<MailboxAt>,
    /// What the unreadable answer was about.
    uids: UidSet,
    /// Those that were tried alone, without their date.
    tried: bool,
    /// The first page could not be read: bodies show which message it was.
    no_first_page: bool,
    /// The answer to a QRESYNC SELECT could not be read (one line of it may be longer than the guard allows).
    pub no_qresync: bool,
    /// Something was learned since anybody asked: the next attempt is another one than the last.
    learned: bool,
}

impl Suspects {
    /// Whether an unreadable answer taught something, so that trying again at once may find more. Any other one would only be met again.
    pub(super) fn learned(&mut self) -> bool {
        std::mem::take(&mut self.learned)
    }
}

/// A message to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Want {
    uid: u32,
    bytes: u32,
    /// It is new: fetch it even if it is too large for its body.
    new: bool,
}

pub(super) struct MailboxSync<'a, S: Wire, K: Sink> {
    pub session: &'a mut Session<S>,
    pub sink: &'a K,
    pub limits: Limits,
    pub suspects: &'a mut Suspects,
    /// Asked between batches: is there something more urgent?
    pub urgent: &'a (dyn Fn() -> bool + Send + Sync),
    /// Told what SELECT said.
    pub opened: &'a (dyn Fn(&Server) + Send + Sync),
}

/// What a pass knows as it goes.
struct Progress {
    at: MailboxAt,
    pass: Pass,
    /// All that is held now.
    held: UidSet,
    lacking: UidSet,
    started: Instant,
    bytes: (u64, u64),
    round_trips: u64,
    todo: u64,
    fetched: u64,
    fetched_bytes: u64,
    /// Bytes of what is to be fetched, as far as sizes were told.
    known_bytes: u64,
    batch_bytes: u64,
}

impl<S: Wire, K: Sink> MailboxSync<'_, S, K> {
    /// Makes a pass.
    pub(super) async fn pass(mut self, mailbox: &str) -> Result<Outcome, Error> {
        let started = Instant::now();
        let (bytes, round_trips) = (self.session.bytes(), self.session.round_trips);
        let held = self.sink.held(mailbox).await?;
        let condstore = self.session.capabilities.has("CONDSTORE") || self.session.qresync;
        let opening = plan::opening(held.as_ref(), self.session.qresync && !self.suspects.no_qresync, condstore);
        let selected = match select(self.session, mailbox, opening).await {
            Ok(selected) => selected,
            Err(e) => {
                if matches!(e, Error::Unreadable { .. }) {
                    self.suspects.learned |= !self.suspects.no_qresync;
                    self.suspects.no_qresync = true;
                }
                return Err(e);
            }
        };
        (self.opened)(&selected.server);
        let plan = plan::plan(held.as_ref(), &selected.server);
        let held = held.filter(|held| held.uid_validity == selected.at.uid_validity).unwrap_or_default();
        self.sink.begin(&selected.at, selected.read_only).await?;
        let mut progress = Progress {
            at: selected.at.clone(),
            pass: Pass { mailbox: mailbox.to_owned(), ..Pass::default() },
            held: held.uids,
            lacking: held.lacking,
            started,
            bytes,
            round_trips,
            todo: 0,
            fetched: 0,
            fetched_bytes: 0,
            known_bytes: 0,
            batch_bytes: self.limits.batch_bytes.clamp(BATCH_BYTES_MIN, 1 << 20),
        };
        let complete = self.steps(&plan, &selected, &mut progress).await?;
        self.finish(&selected, progress, complete).await
    }

    async fn steps(&mut self, plan: &plan::Plan, selected: &Selected, p: &mut Progress) -> Result<bool, Error> {
        if selected.server.resynced {
            self.vanished(&selected.vanished, p).await?;
            self.changed(selected.changed.clone(), p).await?;
        }
        for step in &plan.steps {
            let on = match *step {
                Step::FirstPage => self.first_page(selected.server.exists, p).await.map(|()| true),
                Step::Compare => self.compare(p).await,
                Step::Changed(since) => self.changed_since(since, p).await.map(|()| true),
                Step::New(from) => self.new_from(from, p).await,
                Step::Empty => {
                    let all = p.held.clone();
                    self.vanished(&all, p).await.map(|()| true)
                }
            }?;
            if !on {
                return Ok(false);
            }
        }
        if plan.count && p.held.len() != u64::from(self.session.exists) && !self.compare(p).await? {
            return Ok(false);
        }
        let lacking = p.lacking.and(&p.held);
        let wants = lacking.iter().rev().map(|uid| Want { uid, bytes: 0, new: false }).collect::<Vec<_>>();
        // Their sizes are not at hand: what was left over by a former pass is asked for again.
        self.sized(wants, p).await
    }

    async fn finish(&mut self, selected: &Selected, mut p: Progress, complete: bool) -> Result<Outcome, Error> {
        let (bytes_in, bytes_out) = self.session.bytes();
        p.pass.bytes_in = bytes_in.saturating_sub(p.bytes.0);
        p.pass.bytes_out = bytes_out.saturating_sub(p.bytes.1);
        p.pass.round_trips = self.session.round_trips.saturating_sub(p.round_trips);
        p.pass.seconds = p.started.elapsed().as_secs_f64();
        if !complete {
            return Ok(Outcome::Interrupted(p.pass));
        }
        let position = Position {
            // What SELECT said, not what came since: the next pass begins there.
            uid_next: Some(
                selected.server.uid_next.unwrap_or_else(|| p.held.last().map_or(1, |last| last.saturating_add(1))),
            ),
            highest_modseq: selected.server.highest_modseq,
            exists: u32::try_from(p.held.len()).unwrap_or(u32::MAX),
        };
        self.sink.done(&p.at, position, &p.pass).await?;
        if self.suspects.mailbox.as_ref() == Some(&p.at) {
            *self.suspects = Suspects { no_qresync: self.suspects.no_qresync, ..Suspects::default() };
        }
        Ok(Outcome::Complete(p.pass))
    }

    /// The newest messages by header fields, by sequence number: one round trip for a list on the screen.
    async fn first_page(&mut self, exists: u32, p: &mut Progress) -> Result<(), Error> {
        if self.suspects.no_first_page && self.suspects.mailbox.as_ref() == Some(&p.at) {
            return Ok(());
        }
        let first = exists.saturating_sub(self.limits.first_page.max(1)).saturating_add(1);
        let doing = format!("the newest messages of {}", p.at.name);
        let mut items: HashMap<u32, Item> = HashMap::new();
        let most = usize::try_from(self.limits.first_page).unwrap_or(usize::MAX).saturating_add(1_000);
        let result = self
            .session
            .run(&doing, &Command::fetch(first, exists, Items::Header), |response| take(&mut items, most, response))
            .await;
        if let Err(e) = result {
            if matches!(e, Error::Unreadable { .. }) {
                self.suspects.mailbox = Some(p.at.clone());
                self.suspects.no_first_page = true;
                self.suspects.learned = true;
            }
            return Err(e);
        }
        let mut batch: Vec<Fetched> = items.into_values().filter_map(|item| fetched(item, false)).collect();
        batch.sort_by_key(|message| std::cmp::Reverse(message.uid));
        // They stay among those to be fetched: this was only their header.
        let limit = self.limits.message_bytes_max;
        p.lacking.extend(batch.iter().filter(|message| message.bytes <= limit).map(|message| message.uid));
        self.store(batch, p).await
    }

    /// Lists everything from the newest down, by sequence numbers: an EXPUNGE in between only moves messages down, so that none that is
    /// still to come can be missed. New messages are fetched chunk by chunk; what is held and not listed is gone.
    async fn compare(&mut self, p: &mut Progress) -> Result<bool, Error> {
        let doing = format!("to list {}", p.at.name);
        let mut top = self.session.exists;
        let mut listed = UidSet::new();
        let mut short = false;
        p.todo = p.todo.saturating_add(u64::from(top).saturating_sub(p.held.len().saturating_sub(p.lacking.len())));
        while top > 0 {
            let low = top.saturating_sub(LIST_CHUNK).saturating_add(1).max(1);
            let mut items: HashMap<u32, Item> = HashMap::new();
            let most = usize::try_from(LIST_CHUNK).unwrap_or(usize::MAX).saturating_mul(2);
            self.session
                .run(&doing, &Command::fetch(low, top, Items::Sizes), |response| take(&mut items, most, response))
                .await?;
            // Some servers leave out messages that they cannot handle, and say OK.
            short |= u32::try_from(items.len()).unwrap_or(0) < top.saturating_sub(low).saturating_add(1);
            let mut flags = Vec::new();
            let mut wants = Vec::new();
            // In order: a set of ranges is made fast from one end only.
            let mut items: Vec<Item> = items.into_values().collect();
            items.sort_unstable_by_key(|item| std::cmp::Reverse(item.uid));
            for item in items {
                listed.insert(item.uid);
                let new = !p.held.contains(item.uid);
                if new || p.lacking.contains(item.uid) {
                    wants.push(Want { uid: item.uid, bytes: item.bytes.unwrap_or(u32::MAX), new });
                }
                if let (false, Some(seen)) = (new, item.flags) {
                    flags.push((item.uid, seen));
                }
            }
            flags.sort_unstable_by_key(|(uid, _)| *uid);
            self.changed(flags, p).await?;
            wants.sort_unstable_by_key(|want| std::cmp::Reverse(want.uid));
            if !self.bodies(wants, p).await? {
                return Ok(false);
            }
            top = low.saturating_sub(1).min(self.session.exists);
        }
        let mut gone = p.held.without(&listed);
        if short && !gone.is_empty() {
            gone = gone.without(&self.alive(&gone, p).await?);
        }
        self.vanished(&gone, p).await?;
        Ok(true)
    }

    /// Which of these UIDs the server still knows, asked for one by one: nothing is called gone on the word of a list that was short.
    async fn alive(&mut self, uids: &UidSet, p: &Progress) -> Result<UidSet, Error> {
        let doing = format!("what is left in {}", p.at.name);
        let mut alive = UidSet::new();
        for chunk in uids.chunks_newest_first(u64::from(LIST_CHUNK)) {
            self.session
                .run(&doing, &Command::uid_fetch(&chunk, Items::Flags), |response| match item(response) {
                    Some(item) if chunk.contains(item.uid) => {
                        alive.insert(item.uid);
                        Use::Taken
                    }
                    _ => Use::Unasked,
                })
                .await?;
        }
        Ok(alive)
    }

    async fn changed_since(&mut self, since: u64, p: &mut Progress) -> Result<(), Error> {
        let doing = format!("what changed in {}", p.at.name);
        let Some(last) = p.held.last() else { return Ok(()) };
        let mut items: HashMap<u32, Item> = HashMap::new();
        let most = usize::try_from(p.held.len()).unwrap_or(usize::MAX).saturating_add(1_000);
        self.session
            .run(&doing, &Command::uid_fetch_changed(last, since), |response| take(&mut items, most, response))
            .await?;
        let mut flags: Vec<(u32, Flags)> =
            items.into_values().filter_map(|item| item.flags.map(|flags| (item.uid, flags))).collect();
        flags.sort_unstable_by_key(|(uid, _)| *uid);
        self.changed(flags, p).await
    }

    /// What came since: listed, then fetched.
    async fn new_from(&mut self, from: u32, p: &mut Progress) -> Result<bool, Error> {
        let doing = format!("what is new in {}", p.at.name);
        let mut items: HashMap<u32, Item> = HashMap::new();
        let most = usize::try_from(self.session.exists).unwrap_or(usize::MAX).saturating_add(1_000);
        self.session
            .run(&doing, &Command::uid_fetch_from(from, Items::Sizes), |response| take(&mut items, most, response))
            .await?;
        let mut wants: Vec<Want> = items
            .into_values()
            .filter(|item| item.uid >= from && !p.held.contains(item.uid))
            .map(|item| Want { uid: item.uid, bytes: item.bytes.unwrap_or(u32::MAX), new: true })
            .collect();
        wants.sort_unstable_by_key(|want| std::cmp::Reverse(want.uid));
        p.todo = p.todo.saturating_add(wants.len() as u64);
        self.bodies(wants, p).await
    }

    /// Bodies of messages whose sizes are not known yet.
    async fn sized(&mut self, wants: Vec<Want>, p: &mut Progress) -> Result<bool, Error> {
        if wants.is_empty() {
            return Ok(true);
        }
        let uids: UidSet = wants.iter().map(|want| want.uid).collect();
        let doing = format!("sizes in {}", p.at.name);
        for chunk in uids.chunks_newest_first(u64::from(LIST_CHUNK)) {
            let mut items: HashMap<u32, Item> = HashMap::new();
            let most = usize::try_from(chunk.len()).unwrap_or(usize::MAX).saturating_add(1_000);
            self.session
                .run(&doing, &Command::uid_fetch(&chunk, Items::Sizes), |response| take(&mut items, most, response))
                .await?;
            let mut wants: Vec<Want> = items
                .into_values()
                .filter(|item| chunk.contains(item.uid))
                .map(|item| Want { uid: item.uid, bytes: item.bytes.unwrap_or(u32::MAX), new: false })
                .collect();
            wants.sort_unstable_by_key(|want| std::cmp::Reverse(want.uid));
            if !self.bodies(wants, p).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Fetches messages in batches, one batch ahead of the one that is being stored.
    async fn bodies(&mut self, wants: Vec<Want>, p: &mut Progress) -> Result<bool, Error> {
        p.known_bytes = p.known_bytes.saturating_add(self.cost(&wants));
        let mut queue: VecDeque<Want> = wants.into();
        let mut flying: VecDeque<(Pending, Vec<Want>, bool, Instant)> = VecDeque::new();
        let mut early: HashMap<u32, Item> = HashMap::new();
        let mut stored: Vec<Fetched> = Vec::new();
        let mut interrupted = false;
        loop {
            interrupted = interrupted || (self.urgent)();
            while !interrupted && flying.len() < 2 {
                // Suspects travel alone, so that it is clear what an unreadable answer was about.
                if flying.iter().any(|(_, batch, ..)| self.suspicious(batch, p)) {
                    break;
                }
                let Some((batch, header)) = self.next_batch(&mut queue, p, !flying.is_empty()) else { break };
                let uids: UidSet = batch.iter().map(|want| want.uid).collect();
                let dateless = self.suspects.tried && self.suspicious(&batch, p);
                let items = match (header, dateless) {
                    (true, false) => Items::Header,
                    (true, true) => Items::HeaderDateless,
                    (false, false) => Items::Whole,
                    (false, true) => Items::WholeDateless,
                };
                let doing = format!("to fetch messages of {}", p.at.name);
                let pending = self.session.start(&doing, &Command::uid_fetch(&uids, items)).await?;
                flying.push_back((pending, batch, header, Instant::now()));
            }
            let Some((pending, batch, header, sent)) = flying.pop_front() else { break };
            let most =
                batch.len().saturating_add(flying.iter().map(|(_, batch, ..)| batch.len()).sum()).saturating_add(100);
            let before = self.session.bytes().0;
            let store = Self::store_apart(self.sink, std::mem::take(&mut stored), p.at.clone());
            let read = self.session.finish(pending, |response| take(&mut early, most, response));
            let (saved, read) = tokio::join!(store, read);
            saved?;
            if let Err(e) = read {
                self.keep_what_came(&e, &mut early, &batch, header, p).await?;
                return self.unreadable(e, &batch, p).await;
            }
            self.clear(&batch, p);
            p.pace(self.session.bytes().0.saturating_sub(before), sent, self.limits.batch_bytes);
            stored =
                batch.iter().filter_map(|want| early.remove(&want.uid)).map(|item| content(item, !header)).collect();
            p.took(&stored, &batch);
            p.fetched_bytes = p.fetched_bytes.saturating_add(self.cost(&batch));
            self.sink.link(Link::Syncing {
                mailbox: p.at.name.to_string(),
                done: p.fetched,
                total: p.todo.max(p.fetched),
                bytes_done: p.fetched_bytes,
                bytes_known: p.known_bytes,
            });
        }
        self.sink_batch(stored, p).await?;
        Ok(!interrupted)
    }

    /// Bytes that these will cost: a large message is fetched by its header only.
    fn cost(&self, wants: &[Want]) -> u64 {
        let most = self.limits.message_bytes_max;
        wants.iter().map(|want| u64::from(if want.bytes > most { HEADER_BYTES } else { want.bytes })).sum()
    }

    /// Whether a batch is one of suspects.
    fn suspicious(&self, batch: &[Want], p: &Progress) -> bool {
        self.suspects.mailbox.as_ref() == Some(&p.at) && batch.iter().any(|want| self.suspects.uids.contains(want.uid))
    }

    /// The next batch, and whether by header only. `busy`: another one is on its way, so suspects have to wait.
    fn next_batch(&self, queue: &mut VecDeque<Want>, p: &Progress, busy: bool) -> Option<(Vec<Want>, bool)> {
        let first = *queue.front()?;
        let suspicious = self.suspicious(&[first], p);
        let large = first.bytes > self.limits.message_bytes_max;
        if suspicious && busy {
            return None;
        }
        let mut most = self.limits.batch_messages.max(1);
        if suspicious {
            most = usize::try_from(self.suspects.uids.len() / 2).unwrap_or(1).clamp(1, most);
        }
        let (mut batch, mut bytes) = (Vec::new(), 0_u64);
        while let Some(&want) = queue.front() {
            if (want.bytes > self.limits.message_bytes_max) != large || self.suspicious(&[want], p) != suspicious {
                break;
            }
            // A large message that is held by its header has nothing more to fetch.
            if large && !want.new {
                queue.pop_front();
                continue;
            }
            let size = u64::from(if large { HEADER_BYTES } else { want.bytes });
            if !batch.is_empty() && (batch.len() >= most || bytes.saturating_add(size) > p.batch_bytes) {
                break;
            }
            // Many single UIDs would make too long a line.
            bytes = bytes.saturating_add(size);
            batch.push(want);
            queue.pop_front();
        }
        if batch.is_empty() {
            return if queue.is_empty() { None } else { self.next_batch(queue, p, busy) };
        }
        Some((batch, large))
    }

    /// The connection is lost in the middle of a batch: what came whole before that is stored, because a line that never lasts for a whole
    /// batch would otherwise never bring anything.
    async fn keep_what_came(
        &mut self,
        e: &Error,
        early: &mut HashMap<u32, Item>,
        batch: &[Want],
        header: bool,
        p: &mut Progress,
    ) -> Result<(), Error> {
        if matches!(e, Error::Unreadable { .. }) {
            return Ok(());
        }
        let came = batch.iter().filter_map(|want| fetched(early.remove(&want.uid)?, !header)).collect();
        self.store(came, p).await
    }

    /// An answer that cannot be read: remembers what it was about, or, if that is one message tried in every way, stores it as such.
    async fn unreadable(&mut self, e: Error, batch: &[Want], p: &mut Progress) -> Result<bool, Error> {
        let Error::Unreadable { words, .. } = &e else { return Err(e) };
        let suspects = &mut *self.suspects;
        suspects.learned = true;
        let again =
            suspects.mailbox.as_ref() == Some(&p.at) && batch.iter().all(|want| suspects.uids.contains(want.uid));
        match batch {
            [only] if again && suspects.tried => {
                let message = Fetched {
                    uid: only.uid,
                    flags: Flags::default(),
                    internal_date: None,
                    bytes: only.bytes,
                    body: Body::Unfetchable(words.clone()),
                };
                suspects.uids = UidSet::new();
                suspects.tried = false;
                self.sink.batch(&p.at, vec![message]).await?;
            }
            _ => {
                suspects.mailbox = Some(p.at.clone());
                suspects.tried = again && batch.len() == 1;
                suspects.uids = batch.iter().map(|want| want.uid).collect();
            }
        }
        Err(e)
    }

    /// A batch could be read: none of it is suspect any more.
    fn clear(&mut self, batch: &[Want], p: &Progress) {
        if self.suspicious(batch, p) {
            self.suspects.uids = self.suspects.uids.without(&batch.iter().map(|want| want.uid).collect());
            self.suspects.tried = false;
        }
    }

    async fn store_apart(sink: &K, messages: Vec<Fetched>, at: MailboxAt) -> Result<(), Stop> {
        if messages.is_empty() { Ok(()) } else { sink.batch(&at, messages).await }
    }

    async fn sink_batch(&mut self, messages: Vec<Fetched>, p: &Progress) -> Result<(), Error> {
        Ok(Self::store_apart(self.sink, messages, p.at.clone()).await?)
    }

    async fn store(&mut self, messages: Vec<Fetched>, p: &mut Progress) -> Result<(), Error> {
        let new = messages.iter().filter(|message| p.held.insert(message.uid)).count();
        p.pass.new = p.pass.new.saturating_add(new as u64);
        self.sink_batch(messages, p).await
    }

    async fn changed(&mut self, flags: Vec<(u32, Flags)>, p: &mut Progress) -> Result<(), Error> {
        let flags: Vec<_> = flags.into_iter().filter(|(uid, _)| p.held.contains(*uid)).collect();
        if !flags.is_empty() {
            let changed = self.sink.flags(&p.at, flags).await?;
            p.pass.changed = p.pass.changed.saturating_add(changed);
        }
        Ok(())
    }

    async fn vanished(&mut self, uids: &UidSet, p: &mut Progress) -> Result<(), Error> {
        let gone = p.held.and(uids);
        if !gone.is_empty() {
            p.held = p.held.without(&gone);
            p.lacking = p.lacking.without(&gone);
            p.pass.vanished = p.pass.vanished.saturating_add(gone.len());
            self.sink.vanished(&p.at, gone).await?;
        }
        Ok(())
    }
}

impl Progress {
    /// Counts what was fetched.
    fn took(&mut self, messages: &[Fetched], batch: &[Want]) {
        for message in messages {
            if self.held.insert(message.uid) {
                self.pass.new = self.pass.new.saturating_add(1);
            }
        }
        let asked: HashSet<u32> = batch.iter().map(|want| want.uid).collect();
        self.lacking = self.lacking.without(&asked.into_iter().collect());
        self.fetched = self.fetched.saturating_add(batch.len() as u64);
    }

    /// Fits the next batch to the line.
    fn pace(&mut self, bytes: u64, sent: Instant, most: u64) {
        let secs = sent.elapsed().as_secs_f64().max(0.001);
        let rate = BATCH_SECS / secs;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate"
        )]
        let fit = (bytes.max(1) as f64 * rate) as u64;
        self.batch_bytes = fit
            .clamp(self.batch_bytes / 2, self.batch_bytes.saturating_mul(2))
            .clamp(BATCH_BYTES_MIN, most.max(BATCH_BYTES_MIN));
    }
}

/// Takes an item of an answer, up to `most` of them. A UID that comes twice counts once; what comes later wins where it says more.
pub(super) fn take(items: &mut HashMap<u32, Item>, most: usize, response: &imap_proto::Response<'_>) -> Use {
    let Some(new) = item(response) else { return Use::Unasked };
    if let Some(old) = items.get_mut(&new.uid) {
        old.flags = new.flags.or(old.flags.take());
        old.internal_date = new.internal_date.or(old.internal_date);
        old.bytes = new.bytes.or(old.bytes);
        old.body = new.body.or(old.body.take());
        return Use::Unasked;
    }
    if items.len() >= most {
        return Use::Unasked;
    }
    items.insert(new.uid, new);
    Use::Taken
}

/// A message as the sink takes it; `None` where the server said nothing of its content.
fn fetched(item: Item, whole: bool) -> Option<Fetched> {
    let body = item.body?;
    Some(Fetched {
        uid: item.uid,
        flags: item.flags.unwrap_or_default(),
        internal_date: item.internal_date,
        bytes: item.bytes.unwrap_or_else(|| u32::try_from(body.len()).unwrap_or(u32::MAX)),
        body: if whole { Body::Whole(body) } else { Body::Header(body) },
    })
}

/// A message that was asked for with its content; one that comes without it cannot be had.
fn content(item: Item, whole: bool) -> Fetched {
    let (uid, flags, internal_date) = (item.uid, item.flags.clone().unwrap_or_default(), item.internal_date);
    let bytes = item.bytes.unwrap_or_default();
    let nothing = || Body::Unfetchable("the server gives no content".to_owned());
    fetched(item, whole).unwrap_or_else(|| Fetched { uid, flags, internal_date, bytes, body: nothing() })
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::item::Item;
    use super::{fetched, take};

    #[test]
    fn doubles_count_once_and_the_flood_is_bounded() {
        let parse = |text: &str| imap_proto::Response::parse(text.as_bytes()).unwrap().1.into_owned();
        let mut items: HashMap<u32, Item> = HashMap::new();
        take(&mut items, 2, &parse("* 1 FETCH (UID 1 BODY[] {1}\r\na)\r\n"));
        take(&mut items, 2, &parse("* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n"));
        take(&mut items, 2, &parse("* 2 FETCH (UID 2 FLAGS ())\r\n"));
        take(&mut items, 2, &parse("* 3 FETCH (UID 3 FLAGS ())\r\n"));
        assert_eq!(items.len(), 2);
        let one = fetched(items.remove(&1).unwrap(), true).unwrap();
        assert!(one.flags.seen());
        assert_eq!(one.bytes, 1);
        assert!(fetched(items.remove(&2).unwrap(), true).is_none());
    }
}
