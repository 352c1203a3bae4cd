//! One pass over one mailbox: newest first, in bounded batches, each stored before the next but one is asked for.
//!
//! Nothing is concluded from an answer that did not end with our tagged OK: a list of UIDs that broke off would look like a mailbox that
//! was emptied. A message at which the answer cannot be read or the session ends costs the connection; [`Suspects`] remember which messages
//! were asked for, so that the next connections close in on it and go on without it. One that is refused is closed in on at once.

mod settle;

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use imap_proto::{AttributeValue, Response};

use super::account::Limits;
use super::census;
use super::command::{Command, Items, Opening};
use super::error::Error;
use super::item::{Item, item};
use super::order::Depth;
use super::plan::{self, Begun, Fate, Said, Server, Step};
use super::select::{Selected, select};
use super::session::{Pending, Session, Use, Wire};
use super::sink::{Body, Fetched, Held, Link, MailboxAt, Pass, Position, Sink, Stop};
use super::suspects::Suspects;
use super::uid_set::UidSet;
use crate::store::flags::Flags;
use crate::store::page;

/// Messages listed by one command. A million of them take seconds, and the first batch of bodies should not wait for that.
const LIST_CHUNK: u32 = 20_000;

/// The first chunks are smaller: the newest bodies come first, and show how fast the line is.
const FIRST_CHUNKS: [u32; 2] = [200, 2_000];

/// Where what is left would take longer than this, the list comes first: all of it by header fields, then the bodies.
const SLOW_SECS: f64 = 20.0;

/// Messages that are fetched by header fields at once, and about how much each brings.
const HEADERS_BATCH: usize = 512;
const HEADER_BYTES: u32 = 1_024;

/// Messages that a server counts in a mailbox and lists nothing of. Some leave a few out; one that leaves out so many counts what it does not
/// have, and may count up to 4,294,967,295.
const COUNTED_IN_VAIN_MAX: u64 = 100_000;

/// A batch of at least so many messages ends where a page of the store does, if the next page would not fit in whole: a page is written anew
/// by each batch that has a part of it.
const ALIGNED_MIN: usize = 64;

/// So many times the bytes of a batch may come ahead, beyond what was announced. Sizes that servers tell are not exact.
const AHEAD: u64 = 4;

/// Bytes of flags in one list.
const LIST_BYTES: u64 = 32 << 20;

/// Ranges of UIDs in one command.
const RANGES_MAX: usize = 180;

/// A batch should take about this long, so that a slow line still shows progress and takes wishes in between.
const BATCH_SECS: f64 = 2.0;
const BATCH_BYTES_MIN: u64 = 64 << 10;

/// How a pass ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Complete(Pass),
    /// The list is complete, which was all that was asked for; bodies are lacking. The position stays: the next pass goes on from there.
    Listed(Pass),
    /// Something more urgent came up; what was fetched is stored.
    Interrupted(Pass),
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
    pub depth: Depth,
    pub limits: Limits,
    pub suspects: &'a mut Suspects,
    /// It is looked at: each message is compared, where that is the only way to find changed flags.
    pub looked: bool,
    /// Something is told to have changed in it.
    pub told: bool,
    /// How long to wait before a mailbox that is said to be empty is asked again.
    pub recheck: Duration,
    /// Asked between batches: is there something more urgent?
    pub urgent: &'a (dyn Fn() -> bool + Send + Sync),
    /// Told what SELECT said.
    pub opened: &'a (dyn Fn(&Server) + Send + Sync),
}

/// A batch that is on its way.
struct Flying {
    pending: Pending,
    batch: Vec<Want>,
    /// By header only.
    header: bool,
    sent: Instant,
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
    /// Bytes a second, as far as known.
    rate: f64,
    /// Bodies are left for later.
    headers_only: bool,
    /// What is fetched goes down from the newest: what was stored of it need not be compared again.
    descending: bool,
    /// What SELECT said.
    server: Server,
    /// All of it was compared.
    compared: bool,
    /// What was compared before a pass that was broken off is not compared anew.
    goes_on: bool,
    /// The body of a message came.
    well: bool,
    /// Messages that could not be had and may be another time, and why.
    unsettled: UidSet,
    refusal: Option<Error>,
}

impl<S: Wire, K: Sink> MailboxSync<'_, S, K> {
    /// Makes a pass.
    pub(super) async fn pass(mut self, mailbox: &str) -> Result<Outcome, Error> {
        let started = Instant::now();
        self.suspects.begin();
        let (bytes, round_trips) = (self.session.bytes(), self.session.round_trips);
        let held = self.sink.held(mailbox).await?;
        let condstore = self.session.capabilities.has("CONDSTORE") || self.session.qresync;
        let opening = plan::opening(held.as_ref(), self.session.qresync && self.suspects.is_qresync_read(), condstore);
        let (selected, plan) = self.open(mailbox, held.as_ref(), opening).await?;
        (self.opened)(&selected.server);
        let held = held.filter(|held| held.uid_validity == selected.at.uid_validity).unwrap_or_default();
        self.sink.keeps(&selected.at, selected.keeps.as_ref());
        self.sink.begin(&selected.at, plan.read_only).await?;
        self.suspects.opened(&selected.at);
        let goes_on = plan.steps.iter().any(|step| matches!(step, Step::CompareBelow(_)));
        if goes_on && self.told && selected.server.highest_modseq.is_none() {
            self.suspects.owes(&selected.at);
        }
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
            rate: 0.0,
            headers_only: self.depth == Depth::List,
            descending: false,
            server: selected.server,
            compared: goes_on || plan.steps.contains(&Step::Compare),
            goes_on,
            well: false,
            unsettled: UidSet::new(),
            refusal: None,
        };
        let complete = self.steps(&plan, &selected, &mut progress).await?;
        if let Some(e) = progress.refusal.take().filter(|_| complete) {
            return Err(e);
        }
        self.finish(&selected, progress, complete).await
    }

    /// Opens the mailbox and plans the pass; once more, where it is said to be empty and that is not to be believed at once.
    async fn open(
        &mut self,
        mailbox: &str,
        held: Option<&Held>,
        opening: Opening,
    ) -> Result<(Selected, plan::Plan), Error> {
        let mut before: Option<Server> = None;
        loop {
            let selected = select(self.session, mailbox, opening).await;
            if matches!(selected, Err(Error::Unreadable { .. })) && matches!(opening, Opening::Qresync(..)) {
                self.suspects.no_qresync();
            }
            let selected = selected?;
            let all_vanished = selected.server.resynced
                && held.is_some_and(|held| {
                    held.uid_validity == selected.server.uid_validity
                        && held.uids.without(&selected.vanished).is_empty()
                });
            let server = &selected.server;
            // An event that is neither a new message nor one less is a changed flag.
            let only_flags = held.is_some_and(|held| {
                held.position.uid_next == server.uid_next && held.uids.len() == u64::from(server.exists)
            });
            let thorough = self.looked || self.suspects.is_due(&selected.at) || self.told && only_flags;
            let said = Said::Open { server, all_vanished, before: before.as_ref(), thorough };
            let plan = plan::plan(held, &said, self.suspects.begun(&selected.at).as_ref());
            if plan.forget
                && held.is_some_and(|held| self.suspects.flaps(mailbox, held.uid_validity, server.uid_validity))
            {
                return Err(Error::Doubtful { mailbox: mailbox.to_owned(), words: plan::FLAPS.to_owned() });
            }
            if held.is_some_and(|held| held.uid_validity == server.uid_validity) {
                self.suspects.steady(mailbox);
            }
            match plan.fate {
                Fate::OpenAgain => {
                    tokio::time::sleep(self.recheck).await;
                    before = Some(selected.server);
                }
                Fate::Kept(words) => return Err(Error::Doubtful { mailbox: mailbox.to_owned(), words }),
                _ => {
                    if self.told && only_flags && server.highest_modseq.is_none() {
                        self.suspects.owes(&selected.at);
                    }
                    return Ok((selected, plan));
                }
            }
        }
    }

    async fn steps(&mut self, plan: &plan::Plan, selected: &Selected, p: &mut Progress) -> Result<bool, Error> {
        if selected.server.resynced {
            self.vanished(&selected.vanished, p).await?;
            self.changed(selected.changed.clone(), p).await?;
        }
        for step in &plan.steps {
            let on = match *step {
                Step::FirstPage => self.first_page(selected.server.exists, p).await.map(|()| true),
                Step::Compare => self.compare(None, p).await,
                Step::CompareBelow(floor) => {
                    // The steps before this one brought what was compared up to date.
                    self.reached(floor, p);
                    self.compare(Some(floor), p).await
                }
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
        self.settle(p).await?;
        let differs =
            |p: &Progress, exists| p.held.len().saturating_add(p.unsettled.without(&p.held).len()) != u64::from(exists);
        if plan.count && differs(p, self.session.exists) {
            if let Some(there) = census::uids(self.session, &p.at.name).await? {
                let gone = p.held.without(&there);
                self.vanished(&gone, p).await?;
            }
            if differs(p, self.session.exists) {
                p.compared = true;
                if !self.compare(None, p).await? {
                    return Ok(false);
                }
            }
        }
        if self.depth == Depth::List {
            return Ok(true);
        }
        let lacking = p.lacking.and(&p.held);
        let wants = lacking.iter().rev().map(|uid| Want { uid, bytes: 0, new: false }).collect::<Vec<_>>();
        if !wants.is_empty() {
            // The list is here: from now on bodies are counted, none of the messages twice.
            (p.fetched, p.todo, p.fetched_bytes, p.known_bytes) = (0, wants.len() as u64, 0, 0);
        }
        // Their sizes are not at hand: what was left over by a former pass is asked for again.
        let on = self.sized(wants, p).await?;
        if on {
            self.settle(p).await?;
        }
        Ok(on)
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
        if self.depth == Depth::List && !p.lacking.and(&p.held).is_empty() {
            return Ok(Outcome::Listed(p.pass));
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
        self.suspects.went_well(&p.at);
        self.suspects.compared(&p.at, p.compared, self.told, p.goes_on);
        Ok(Outcome::Complete(p.pass))
    }

    /// The newest messages by header fields, by sequence number: one round trip for a list on the screen.
    async fn first_page(&mut self, exists: u32, p: &mut Progress) -> Result<(), Error> {
        if !self.suspects.first_page(&p.at) {
            return Ok(());
        }
        let first = exists.saturating_sub(self.limits.first_page.max(1)).saturating_add(1);
        let doing = format!("the newest messages of {}", p.at.name);
        let mut items: HashMap<u32, Item> = HashMap::new();
        let most = usize::try_from(self.limits.first_page).unwrap_or(usize::MAX).saturating_add(1_000);
        let (mut bytes, most_bytes) = (0, self.limits.batch_bytes.saturating_mul(AHEAD));
        let result = self
            .session
            .run(&doing, &Command::fetch(first, Some(exists), Items::Header), |response| {
                if is_too_much(&mut bytes, most_bytes, response) {
                    return Use::TooMuch;
                }
                take(&mut items, most, response)
            })
            .await;
        match result {
            Ok(_) => {}
            // The messages come with their bodies, or are closed in on there.
            Err(e) if e.session_lives() => return Ok(()),
            Err(e) => {
                self.suspects.no_first_page(&p.at, &e);
                return Err(e);
            }
        }
        let mut batch: Vec<Fetched> = items.into_values().filter_map(|item| fetched(item, false)).collect();
        batch.sort_by_key(|message| std::cmp::Reverse(message.uid));
        // They stay among those to be fetched: this was only their header.
        let limit = self.limits.message_bytes_max;
        p.lacking.extend(batch.iter().filter(|message| message.bytes <= limit).map(|message| message.uid));
        self.store(batch, p).await
    }

    /// Everything from this UID on is compared, as of what SELECT said.
    fn reached(&mut self, floor: u32, p: &Progress) {
        let (Some(uid_next), highest_modseq) = (p.server.uid_next, p.server.highest_modseq) else { return };
        let begun = Begun { uid_validity: p.at.uid_validity, uid_next, highest_modseq, floor };
        self.suspects.reached(&p.at, begun);
    }

    /// The sequence number of a message, at this moment; `None` where it is gone.
    async fn place_of(&mut self, uid: u32, p: &Progress) -> Result<Option<u32>, Error> {
        let doing = format!("to list {}", p.at.name);
        let mut place = None;
        let one = UidSet::from(uid..=uid);
        self.session
            .run(&doing, &Command::uid_fetch(&one, Items::Flags), |response| match (response, item(response)) {
                (Response::Fetch(number, _), Some(found)) if found.uid == uid => {
                    place = Some(*number);
                    Use::Taken
                }
                _ => Use::Unasked,
            })
            .await?;
        Ok(place)
    }

    /// Lists everything (or what is below a UID) from the newest down, by sequence numbers: an EXPUNGE in between only moves messages down,
    /// so that none that is still to come can be missed. New messages are fetched chunk by chunk; what is held and not listed is gone.
    async fn compare(&mut self, below: Option<u32>, p: &mut Progress) -> Result<bool, Error> {
        let mut top = self.session.exists;
        let mut before = p.held.clone();
        let mut sizes = FIRST_CHUNKS.into_iter().chain(std::iter::repeat(LIST_CHUNK));
        if let Some(floor) = below
            && let Some(place) = self.place_of(floor, p).await?
        {
            top = place.saturating_sub(1);
            before = before.up_to(floor.saturating_sub(1));
            sizes.nth(FIRST_CHUNKS.len().saturating_sub(1));
        }
        // What the server counts beyond what it told of (RFC 9051 §7.4.1) is listed too.
        let mut open_end = top == self.session.exists;
        let mut listed = UidSet::new();
        let mut missing = 0_u64;
        p.todo = p.todo.saturating_add(u64::from(top).saturating_sub(before.len().saturating_sub(p.lacking.len())));
        while top > 0 {
            let low = top.saturating_sub(sizes.next().unwrap_or(LIST_CHUNK)).saturating_add(1).max(1);
            let last = if std::mem::take(&mut open_end) { None } else { Some(top) };
            let found = self.list_chunk(low, last, p).await?;
            // Some servers leave out messages that they cannot handle, and say OK.
            let counted = u64::from(top.saturating_sub(low).saturating_add(1));
            missing = missing.saturating_add(counted.saturating_sub(found.len() as u64));
            if missing >= COUNTED_IN_VAIN_MAX {
                let (doing, exists) = (format!("to list {}", p.at.name), self.session.exists);
                let words = format!("it counts {exists} messages and lists nothing of {missing} of them");
                return Err(Error::Nonsense { doing, words });
            }
            let mut flags = Vec::new();
            let mut wants = Vec::new();
            for item in found {
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
            p.headers_only = p.headers_only || p.is_slow(&wants, low, self.limits.message_bytes_max);
            if p.headers_only {
                wants.retain(|want| want.new);
            }
            let nothing = wants.is_empty();
            if let Some(floor) = listed.first().filter(|_| nothing) {
                self.reached(floor, p);
            }
            p.descending = true;
            let on = self.bodies(wants, p).await?;
            p.descending = false;
            if !on {
                // Of what was listed, whoever goes on need not find out again what is gone.
                let seen = listed.first().map(|floor| before.without(&before.up_to(floor.saturating_sub(1))));
                let gone = seen.filter(|_| missing == 0).unwrap_or_default().without(&listed);
                self.vanished(&gone, p).await?;
                return Ok(false);
            }
            if let Some(floor) = listed.first() {
                self.reached(floor, p);
            }
            top = low.saturating_sub(1).min(self.session.exists);
        }
        p.headers_only = self.depth == Depth::List;
        let mut gone = before.without(&listed);
        p.pass.withheld = missing;
        // One that became empty while it was looked at is asked of each message, too.
        if (missing > 0 || listed.is_empty()) && !gone.is_empty() {
            gone = gone.without(&self.alive(&gone, p).await?);
        }
        self.vanished(&gone, p).await?;
        Ok(true)
    }

    /// UIDs, flags and sizes of a range of sequence numbers (`None`: to the end), the newest first.
    async fn list_chunk(&mut self, low: u32, last: Option<u32>, p: &Progress) -> Result<Vec<Item>, Error> {
        let doing = format!("to list {}", p.at.name);
        let mut items: HashMap<u32, Item> = HashMap::new();
        let most = usize::try_from(LIST_CHUNK).unwrap_or(usize::MAX).saturating_mul(2);
        let mut bytes = 0;
        self.session
            .run(&doing, &Command::fetch(low, last, Items::Sizes), |response| {
                if is_news_of_another(response, low, last) {
                    return Use::Unasked;
                }
                bare(&mut items, most, &mut bytes, response)
            })
            .await?;
        // In order: a set of ranges is made fast from one end only.
        let mut items: Vec<Item> = items.into_values().collect();
        items.sort_unstable_by_key(|item| std::cmp::Reverse(item.uid));
        Ok(items)
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
        let mut bytes = 0;
        self.session
            .run(&doing, &Command::uid_fetch_changed(last, since), |response| {
                bare(&mut items, most, &mut bytes, response)
            })
            .await?;
        let mut flags: Vec<(u32, Flags)> =
            items.into_values().filter_map(|item| item.flags.map(|flags| (item.uid, flags))).collect();
        flags.sort_unstable_by_key(|(uid, _)| *uid);
        self.changed(flags, p).await
    }

    /// What came since: listed, then fetched. Where it is much, chunk by chunk from the newest down, as [`Self::compare`] does.
    async fn new_from(&mut self, from: u32, p: &mut Progress) -> Result<bool, Error> {
        // Neither more than there are beyond those that are held, nor more than there are UIDs.
        let uids = p.server.uid_next.map_or(u64::MAX, |next| u64::from(next.saturating_sub(from)));
        let come = u64::from(self.session.exists).saturating_sub(p.held.len()).min(uids);
        if come > FIRST_CHUNKS.into_iter().map(u64::from).sum() {
            return self.much_from(from, come, p).await;
        }
        let doing = format!("what is new in {}", p.at.name);
        let mut items: HashMap<u32, Item> = HashMap::new();
        let most = usize::try_from(self.session.exists).unwrap_or(usize::MAX).saturating_add(1_000);
        let mut bytes = 0;
        self.session
            .run(&doing, &Command::uid_fetch_from(from, Items::Sizes), |response| {
                bare(&mut items, most, &mut bytes, response)
            })
            .await?;
        let mut items: Vec<Item> = items.into_values().collect();
        items.sort_unstable_by_key(|item| std::cmp::Reverse(item.uid));
        let wants = new_of(&items, from, p);
        p.todo = p.todo.saturating_add(wants.len() as u64);
        self.bodies(wants, p).await
    }

    /// About so many messages came: no list of all of them is held, and the newest are here before the others are listed. New messages have
    /// the highest UIDs, so the highest sequence numbers (RFC 9051 §2.3.1).
    async fn much_from(&mut self, from: u32, come: u64, p: &mut Progress) -> Result<bool, Error> {
        let mut top = self.session.exists;
        let mut sizes = FIRST_CHUNKS.into_iter().chain(std::iter::repeat(LIST_CHUNK));
        let mut left = u32::try_from(come).unwrap_or(u32::MAX);
        let mut last = None;
        let mut missing = 0_u64;
        p.todo = p.todo.saturating_add(come);
        while top > 0 {
            let size = sizes.next().unwrap_or(LIST_CHUNK).min(left.max(FIRST_CHUNKS[0]));
            let low = top.saturating_sub(size).saturating_add(1).max(1);
            let found = self.list_chunk(low, last, p).await?;
            let counted = u64::from(top.saturating_sub(low).saturating_add(1));
            missing = missing.saturating_add(counted.saturating_sub(found.len() as u64));
            let wants = new_of(&found, from, p);
            left = left.saturating_sub(u32::try_from(wants.len()).unwrap_or(u32::MAX));
            p.headers_only = p.headers_only || p.is_slow(&wants, left, self.limits.message_bytes_max);
            if !self.bodies(wants, p).await? {
                return Ok(false);
            }
            // Whoever counts what is not there is asked for all of it behind this, and told of.
            if found.iter().any(|item| item.uid < from) || missing >= COUNTED_IN_VAIN_MAX {
                break;
            }
            top = low.saturating_sub(1).min(self.session.exists);
            last = Some(top);
        }
        p.headers_only = self.depth == Depth::List;
        p.todo = p.todo.saturating_sub(u64::from(left));
        Ok(true)
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
            let mut bytes = 0;
            self.session
                .run(&doing, &Command::uid_fetch(&chunk, Items::Sizes), |response| {
                    bare(&mut items, most, &mut bytes, response)
                })
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
        let mut flying: VecDeque<Flying> = VecDeque::new();
        let mut early: HashMap<u32, Item> = HashMap::new();
        let mut stored: Vec<Fetched> = Vec::new();
        let mut interrupted = false;
        loop {
            interrupted = interrupted || (self.urgent)();
            if !interrupted {
                self.send(&mut queue, &mut flying, p).await?;
            }
            let Some(Flying { pending, batch, header, sent }) = flying.pop_front() else { break };
            let behind = || flying.iter().map(|flying| &flying.batch);
            let most = batch.len().saturating_add(behind().map(Vec::len).sum()).saturating_add(100);
            let announced = behind().map(|batch| self.cost(batch)).sum::<u64>().saturating_add(self.cost(&batch));
            let most_bytes = self.limits.batch_bytes.saturating_mul(AHEAD).saturating_add(announced);
            let mut came = early.values().filter_map(|item| item.body.as_ref()).map(|body| body.len() as u64).sum();
            let mut flooded = false;
            let before = self.session.bytes().0;
            let floor = stored.iter().map(|message: &Fetched| message.uid).min();
            let store = Self::store_apart(self.sink, std::mem::take(&mut stored), p.at.clone());
            let read = self.session.finish(pending, |response| {
                if is_too_much(&mut came, most_bytes, response) {
                    flooded = true;
                    return Use::TooMuch;
                }
                take(&mut early, most, response)
            });
            let (saved, read) = tokio::join!(store, read);
            saved?;
            if let Some(floor) = floor {
                self.suspects.stored();
                if p.descending {
                    self.reached(floor, p);
                }
            }
            if let Err(e) = read {
                if flooded && batch.len() > 1 {
                    self.suspects.flooded(batch.len() / 2);
                    return Err(e);
                }
                let came = self.keep_what_came(&e, &mut early, &batch, header, p).await?;
                let left: Vec<Want> = batch.iter().filter(|want| !came.contains(want.uid)).copied().collect();
                let told: Vec<(u32, u32)> = left.iter().map(|want| (want.uid, want.bytes)).collect();
                if !came.is_empty() {
                    self.suspects.clear(&p.at, &came);
                }
                if !e.session_lives() {
                    return self.unreadable(e, &told, !came.is_empty(), p).await;
                }
                // RFC 5530: what did not come is not there any more, which the count will show.
                if matches!(&e, Error::No { code: Some(code), .. } if code == "EXPUNGEISSUED") {
                    continue;
                }
                if !self.suspects.refused_at(&p.at, &told, &e) {
                    self.drain(flying).await?;
                    return Err(e);
                }
                left.into_iter().rev().for_each(|want| queue.push_front(want));
                continue;
            }
            self.suspects.clear(&p.at, &batch.iter().map(|want| want.uid).collect());
            p.pace(self.session.bytes().0.saturating_sub(before), sent, self.limits.batch_bytes);
            stored =
                batch.iter().filter_map(|want| early.remove(&want.uid)).map(|item| content(item, !header)).collect();
            p.well |= stored.iter().any(|message| !message.body.is_empty());
            p.took(&stored, &batch, self.limits.message_bytes_max);
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

    /// Sends what may be on its way at once.
    async fn send(
        &mut self,
        queue: &mut VecDeque<Want>,
        flying: &mut VecDeque<Flying>,
        p: &mut Progress,
    ) -> Result<(), Error> {
        while flying.len() < 2 {
            // Suspects travel alone, so that it is clear what an unreadable answer was about.
            if flying.iter().any(|flying| self.suspicious(&flying.batch, p)) {
                break;
            }
            let Some((batch, header)) = self.next_batch(queue, p, !flying.is_empty()) else { break };
            let uids: UidSet = batch.iter().map(|want| want.uid).collect();
            let dateless = self.suspects.dateless() && self.suspicious(&batch, p);
            let items = match (header, dateless) {
                (true, false) => Items::Header,
                (true, true) => Items::HeaderDateless,
                (false, false) => Items::Whole,
                (false, true) => Items::WholeDateless,
            };
            let doing = format!("to fetch messages of {}", p.at.name);
            match self.session.start(&doing, &Command::uid_fetch(&uids, items)).await {
                Ok(pending) => flying.push_back(Flying { pending, batch, header, sent: Instant::now() }),
                Err(e) if flying.is_empty() => {
                    let left: Vec<(u32, u32)> = batch.iter().map(|want| (want.uid, want.bytes)).collect();
                    return self.unreadable(e, &left, false, p).await.map(drop);
                }
                // The line is down: the answer before this shows at what.
                Err(_) => {
                    batch.into_iter().rev().for_each(|want| queue.push_front(want));
                    break;
                }
            }
        }
        Ok(())
    }

    /// Reads the answers that are still to come, of which nothing is wanted, so that the next command has its own.
    async fn drain(&mut self, flying: VecDeque<Flying>) -> Result<(), Error> {
        for Flying { pending, .. } in flying {
            match self.session.finish(pending, |_| Use::Unasked).await {
                Ok(_) => {}
                Err(e) if e.session_lives() => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Bytes that these will cost: a large message is fetched by its header only.
    fn cost(&self, wants: &[Want]) -> u64 {
        let most = self.limits.message_bytes_max;
        wants.iter().map(|want| u64::from(if want.bytes > most { HEADER_BYTES } else { want.bytes })).sum()
    }

    /// Whether a batch is one of suspects.
    fn suspicious(&self, batch: &[Want], p: &Progress) -> bool {
        self.suspects.is_one(&p.at, batch.iter().map(|want| want.uid))
    }

    /// Whether a message was given up, and is not asked for any more in this pass.
    fn left_out(&self, uid: u32, p: &Progress) -> bool {
        self.suspects.is_given_up(&p.at, uid) || p.unsettled.contains(uid)
    }

    /// The next batch, and whether by header only. `busy`: another one is on its way, so suspects have to wait.
    fn next_batch(&self, queue: &mut VecDeque<Want>, p: &Progress, busy: bool) -> Option<(Vec<Want>, bool)> {
        while queue.front().is_some_and(|want| self.left_out(want.uid, p)) {
            queue.pop_front();
        }
        let first = *queue.front()?;
        let suspicious = self.suspicious(&[first], p);
        let is_large = |want: Want| p.headers_only || want.bytes > self.limits.message_bytes_max;
        let large = is_large(first);
        if suspicious && busy {
            return None;
        }
        let mut most = if p.headers_only { HEADERS_BATCH } else { self.limits.batch_messages.max(1) };
        if suspicious {
            most = most.min(self.suspects.half());
        }
        most = most.min(self.suspects.batch_most().unwrap_or(most)).max(1);
        let (mut batch, mut bytes, mut ranges) = (Vec::<Want>::new(), 0_u64, 0_usize);
        while let Some(&want) = queue.front() {
            if is_large(want) != large || self.suspicious(&[want], p) != suspicious || self.left_out(want.uid, p) {
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
            if batch.len() >= ALIGNED_MIN
                && batch.last().is_some_and(|last| page::number(last.uid) != page::number(want.uid))
            {
                let next = queue.iter().take_while(|next| page::number(next.uid) == page::number(want.uid));
                let (count, weight) = next.fold((0_usize, 0_u64), |(count, weight), next| {
                    let size = if large { HEADER_BYTES } else { next.bytes };
                    (count.saturating_add(1), weight.saturating_add(size.into()))
                });
                if batch.len().saturating_add(count) > most || bytes.saturating_add(weight) > p.batch_bytes {
                    break;
                }
            }
            if batch.last().is_none_or(|last| last.uid != want.uid.saturating_add(1)) {
                // Many single UIDs would make too long a line (see `UidSet::chunks_newest_first`).
                ranges = ranges.saturating_add(1);
                if ranges > RANGES_MAX {
                    break;
                }
            }
            bytes = bytes.saturating_add(size);
            batch.push(want);
            queue.pop_front();
        }
        if batch.is_empty() {
            return if queue.is_empty() { None } else { self.next_batch(queue, p, busy) };
        }
        Some((batch, large))
    }

    /// The connection is lost, or the server refuses, in the middle of a batch: what came whole before that is stored, because a line that
    /// never lasts for a whole batch would otherwise never bring anything. Gives what it was.
    async fn keep_what_came(
        &mut self,
        e: &Error,
        early: &mut HashMap<u32, Item>,
        batch: &[Want],
        header: bool,
        p: &mut Progress,
    ) -> Result<UidSet, Error> {
        if matches!(e, Error::Unreadable { .. }) {
            return Ok(UidSet::new());
        }
        let came: Vec<Fetched> = batch.iter().filter_map(|want| fetched(early.remove(&want.uid)?, !header)).collect();
        let uids: UidSet = came.iter().map(|message| message.uid).collect();
        let wants: Vec<Want> = batch.iter().filter(|want| uids.contains(want.uid)).copied().collect();
        p.well |= came.iter().any(|message| !message.body.is_empty());
        p.took(&came, &wants, self.limits.message_bytes_max);
        self.sink_batch(came, p).await?;
        Ok(uids)
    }

    /// The session ended at these messages: remembers what it was about, or, if that is one message tried in every way, stores it as such.
    async fn unreadable(&mut self, e: Error, left: &[(u32, u32)], came: bool, p: &Progress) -> Result<bool, Error> {
        if let Some(uid) = self.suspects.lost_at(&p.at, left, came, &e)
            && let Error::Unreadable { words, .. } = &e
        {
            let message = Fetched {
                uid,
                flags: Flags::default(),
                internal_date: None,
                bytes: left.first().map_or(0, |(_, bytes)| *bytes),
                body: Body::Unfetchable(words.clone()),
            };
            self.sink_batch(vec![message], p).await?;
        }
        Err(e)
    }

    async fn store_apart(sink: &K, messages: Vec<Fetched>, at: MailboxAt) -> Result<(), Stop> {
        if messages.is_empty() { Ok(()) } else { sink.batch(&at, messages).await }
    }

    async fn sink_batch(&mut self, messages: Vec<Fetched>, p: &Progress) -> Result<(), Error> {
        if !messages.is_empty() {
            self.suspects.stored();
        }
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
    fn took(&mut self, messages: &[Fetched], batch: &[Want], whole_max: u32) {
        for message in messages {
            if self.held.insert(message.uid) {
                self.pass.new = self.pass.new.saturating_add(1);
            }
        }
        let asked: HashSet<u32> = batch.iter().map(|want| want.uid).collect();
        self.lacking = self.lacking.without(&asked.into_iter().collect());
        if self.headers_only {
            let later = batch.iter().filter(|want| want.bytes <= whole_max).map(|want| want.uid);
            self.lacking.extend(later);
        }
        self.fetched = self.fetched.saturating_add(batch.len() as u64);
    }

    /// Whether the bodies of this chunk and of the `below` messages under it would take so long that the list should come first.
    fn is_slow(&self, wants: &[Want], below: u32, whole_max: u32) -> bool {
        let whole = wants.iter().map(|want| u64::from(want.bytes)).filter(|bytes| *bytes <= u64::from(whole_max));
        let (count, bytes) =
            whole.fold((0_u64, 0_u64), |(n, sum), bytes| (n.saturating_add(1), sum.saturating_add(bytes)));
        let rest = bytes.checked_div(count).unwrap_or(0).saturating_mul(u64::from(below));
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let secs = bytes.saturating_add(rest) as f64 / self.rate.max(1.0);
        self.rate > 0.0 && secs > SLOW_SECS
    }

    /// Fits the next batch to the line.
    fn pace(&mut self, bytes: u64, sent: Instant, most: u64) {
        let secs = sent.elapsed().as_secs_f64().max(0.001);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let now = bytes as f64 / secs;
        // Two batches share the line, so this errs to the slow side at first and follows soon.
        self.rate = if self.rate > 0.0 { self.rate.mul_add(0.7, now * 0.3) } else { now };
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

/// What of this list is new, from this UID on.
fn new_of(items: &[Item], from: u32, p: &Progress) -> Vec<Want> {
    let new = items.iter().filter(|item| item.uid >= from && !p.held.contains(item.uid));
    new.map(|item| Want { uid: item.uid, bytes: item.bytes.unwrap_or(u32::MAX), new: true }).collect()
}

/// Whether this tells, unasked, of changed flags of a message that is not among those that are listed (RFC 9051 §7.5.2): there is no size with it.
fn is_news_of_another(response: &Response<'_>, low: u32, last: Option<u32>) -> bool {
    let Response::Fetch(number, attributes) = response else { return false };
    let is_listed = *number >= low && last.is_none_or(|last| *number <= last);
    !is_listed && !attributes.iter().any(|attribute| matches!(attribute, AttributeValue::Rfc822Size(_)))
}

/// Whether more came than will be held, before this response is taken.
fn is_too_much(bytes: &mut u64, most: u64, response: &Response<'_>) -> bool {
    let Response::Fetch(_, attributes) = response else { return false };
    let before = *bytes;
    let weight = |attribute: &AttributeValue<'_>| match attribute {
        AttributeValue::BodySection { data: Some(data), .. } | AttributeValue::Rfc822(Some(data)) => data.len(),
        AttributeValue::Flags(names) => names.iter().map(|name| name.len()).sum(),
        _ => 0,
    };
    *bytes = bytes.saturating_add(attributes.iter().map(weight).sum::<usize>() as u64);
    before > most
}

/// As [`take`], of what was asked for without content.
fn bare(items: &mut HashMap<u32, Item>, most: usize, bytes: &mut u64, response: &Response<'_>) -> Use {
    let Some(new) = item(response) else { return Use::Unasked };
    if is_too_much(bytes, LIST_BYTES, response) {
        return Use::TooMuch;
    }
    put(items, most, Item { body: None, ..new })
}

/// Takes an item of an answer, up to `most` of them. A UID that comes twice counts once; what comes later wins where it says more.
pub(super) fn take(items: &mut HashMap<u32, Item>, most: usize, response: &imap_proto::Response<'_>) -> Use {
    let Some(new) = item(response) else { return Use::Unasked };
    put(items, most, new)
}

fn put(items: &mut HashMap<u32, Item>, most: usize, new: Item) -> Use {
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
