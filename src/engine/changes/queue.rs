//! The queue of changes: what waits, in which order the server is told, and what an answer makes of it. Pure: durable rows go in at the start,
//! and every method that changes rows says which of them have to be written ([`Edits`]).
//!
//! Order holds for each message: a change is never told before an earlier one of the same message. Changes of other messages may be told
//! first, which is how equal ones are joined into few commands. One batch of an account is told at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;

use super::overlay::{Over, Resolution, resolve};
use crate::engine::clock::Moment;
use crate::imap::UidSet;
use crate::store::change::{Act, Begun, Change, Group, Held};
use crate::store::flags::Flags;

/// So many steps that were not done are remembered: whoever asks does so at once.
const NOT_DONE_MAX: usize = 1_000;
/// Steps that can be taken back.
pub(crate) const HISTORY: usize = 50;
/// Messages that are told of at once.
const BATCH_MESSAGES: usize = 20_000;
/// The longest that a change waits before it is tried again.
const PATIENCE: Duration = Duration::from_secs(600);
/// The longest wait that a server may ask for.
const ASKED_MAX: Duration = Duration::from_secs(3_600);

/// One UIDVALIDITY of one mailbox of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) account: String,
    pub(crate) mailbox: String,
    pub(crate) uid_validity: u32,
}

impl Place {
    fn of(account: &str, group: &Group) -> Self {
        Self { account: account.to_owned(), mailbox: group.mailbox.clone(), uid_validity: group.uid_validity }
    }

    fn is(&self, account: &str, mailbox: &str, uid_validity: u32) -> bool {
        self.uid_validity == uid_validity && self.mailbox == mailbox && self.account == account
    }
}

/// Messages by their names.
pub(crate) type Named = Vec<(Place, Vec<u32>)>;

/// Rows to be written and taken out, as one transaction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edits {
    pub(crate) put: Vec<Change>,
    pub(crate) drop: Vec<u64>,
}

impl Edits {
    /// Nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.put.is_empty() && self.drop.is_empty()
    }
}

/// What the server is told at once.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// The rows it is made of.
    pub(crate) seqs: Vec<u64>,
    pub(crate) account: String,
    pub(crate) act: Act,
    /// Which messages; nothing for CREATE and APPEND.
    pub(crate) group: Option<Group>,
    /// It was begun before and nobody knows whether it was done: what came to the target above this UID may be it.
    pub(crate) begun: Option<u32>,
    /// Of an APPEND that was begun: the UIDVALIDITY that this UID is of.
    pub(crate) begun_in: Option<u32>,
    /// The first row's words.
    pub(crate) words: String,
    /// How often the first row was put off.
    pub(crate) tries: u32,
}

/// The modification sequences that messages of a mailbox got by changes of ours (RFC 7162): what is known of them is as of these, though no pass has
/// been there since.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dated {
    /// HIGHESTMODSEQ of the last pass. After another one, that counts.
    pub(crate) pass: u64,
    /// Which messages have which.
    pub(crate) at: Vec<(u64, UidSet)>,
}

impl Dated {
    /// More than these are not kept apart: each costs a command of its own.
    const MOST: usize = 4;

    /// Takes in what is newer. `touched`: the messages of which what was known before is old.
    pub(crate) fn renew(&mut self, newer: Self, touched: &UidSet) {
        if self.pass != newer.pass {
            self.at.clear();
        }
        self.pass = newer.pass;
        for (_, uids) in &mut self.at {
            *uids = uids.without(touched);
        }
        self.at.extend(newer.at);
        self.at.retain(|(modseq, uids)| *modseq > self.pass && !uids.is_empty());
        self.at.sort_by_key(|(modseq, _)| *modseq);
        let excess = self.at.len().saturating_sub(Self::MOST);
        self.at.drain(..excess);
    }

    /// Messages with the modification sequence as of which they are known.
    pub(crate) fn apart(&self, uids: &UidSet, pass: u64) -> Vec<(u64, UidSet)> {
        let mut left = uids.clone();
        let mut parts = Vec::new();
        for (modseq, uids) in self.at.iter().filter(|_| self.pass == pass) {
            let part = left.and(uids);
            left = left.without(&part);
            parts.push((*modseq, part));
        }
        parts.push((pass, left));
        parts.retain(|(_, part)| !part.is_empty());
        parts
    }
}

/// What became of a batch.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Flags were set.
    Stored {
        said: Vec<(u32, Flags)>,
        /// Left as others made them.
        kept: UidSet,
        /// The server says that it did it, and did not.
        unheeded: UidSet,
        /// Were so before: there is nothing to take back.
        before: UidSet,
        /// As of when they have these flags.
        dated: Dated,
        /// Why the server refused those of them that are unheeded, where it did so in words.
        refused: Option<String>,
    },
    /// Messages were moved.
    Moved {
        /// UIDVALIDITY of the target.
        uid_validity: Option<u32>,
        /// UIDs before and after.
        pairs: Vec<(u32, u32)>,
        /// Moved, but the server does not say which UIDs they have now.
        unplaced: UidSet,
        /// Were not there any more.
        absent: UidSet,
        /// Nobody knows whether they were moved: they are looked for. What is in none of these was not told.
        doubtful: UidSet,
    },
    Expunged,
    /// The mailbox is there, under this name.
    Created {
        name: String,
    },
    /// With UIDVALIDITY and UID where the server says.
    Appended {
        uid: Option<(u32, u32)>,
    },
    /// Refused for good.
    Refused {
        why: String,
    },
    /// Refused for now.
    Later {
        why: String,
        /// So long the server asked us to wait.
        wait: Option<Duration>,
    },
    /// It was told before, and nothing proves whether it was done: a person is asked.
    Doubtful {
        why: String,
    },
    /// It was not sent.
    Unsent {
        why: String,
    },
    /// No answer: nobody knows whether it was done.
    Unknown {
        why: String,
    },
}

/// What a settled batch changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settled {
    pub(crate) edits: Edits,
    /// Messages whose overlay is another one now, by the names that they had.
    pub(crate) touched: Named,
    /// Rows that were put in: inverses of what was taken back while it was told.
    pub(crate) added: bool,
}

/// What taking back came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Undone {
    /// Which step.
    pub(crate) step: u64,
    pub(crate) words: String,
    pub(crate) accounts: BTreeSet<String>,
    pub(crate) edits: Edits,
    pub(crate) touched: Named,
    /// The server had been told and is told the contrary.
    pub(crate) told: bool,
    /// Part of it cannot be taken back.
    pub(crate) lost: bool,
    /// A row that waited for a person is given up; whatever the server has of it stays.
    pub(crate) given_up: bool,
}

#[derive(Debug)]
struct Row {
    change: Change,
    /// It is on the disk.
    durable: bool,
    in_flight: bool,
    /// Not to be tried before, by the time that only runs: a clock that a person or a server sets back holds up nothing.
    later: Option<Duration>,
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    rows: BTreeMap<u64, Row>,
    /// The waiting rows of each message, in order.
    index: Vec<(Place, HashMap<u32, Vec<u64>>)>,
    /// Messages that were moved and whose new name is not known yet, with the mailbox.
    lost: HashMap<Place, BTreeMap<u32, String>>,
    /// Steps of which the server has not done all, as far as this run knows.
    not_done: BTreeSet<u64>,
    next_seq: u64,
    next_step: u64,
}

impl Queue {
    /// From the durable rows.
    pub(crate) fn load(rows: Vec<Change>, next_seq: u64) -> Self {
        let mut queue = Self { next_seq: next_seq.max(1), next_step: 1, ..Self::default() };
        for change in rows {
            queue.next_step = queue.next_step.max(change.step.saturating_add(1));
            queue.next_seq = queue.next_seq.max(change.seq.saturating_add(1));
            let seq = change.seq;
            queue.rows.insert(seq, Row { change, durable: true, in_flight: false, later: None });
            queue.enter(seq);
        }
        queue
    }

    /// The number of a new step.
    pub(crate) fn new_step(&mut self) -> u64 {
        let step = self.next_step.max(1);
        self.next_step = step.saturating_add(1);
        step
    }

    /// Puts a row at the end; gives it with its number, to be written.
    pub(crate) fn push(&mut self, mut change: Change) -> Change {
        change.seq = self.next_seq.max(1);
        self.next_seq = change.seq.saturating_add(1);
        self.rows.insert(change.seq, Row { change: change.clone(), durable: false, in_flight: false, later: None });
        self.enter(change.seq);
        change
    }

    /// Rows are on the disk: the server may be told.
    pub(crate) fn durable(&mut self, seqs: &[u64]) {
        for seq in seqs {
            if let Some(row) = self.rows.get_mut(seq) {
                row.durable = true;
            }
        }
    }

    /// Rows that could not be written are as if they had never been; gives their messages.
    pub(crate) fn forget(&mut self, seqs: &[u64]) -> Named {
        let mut touched = Named::new();
        for seq in seqs {
            self.leave(*seq);
            if let Some(row) = self.rows.remove(seq) {
                touched.extend(named(&row.change.account, row.change.waiting));
            }
        }
        touched
    }

    /// What waits for a message.
    pub(crate) fn over(&self, account: &str, mailbox: &str, uid_validity: u32, uid: u32) -> Option<Over> {
        let (_, uids) = self.index.iter().find(|(place, _)| place.is(account, mailbox, uid_validity))?;
        let mut over: Option<Over> = None;
        for seq in uids.get(&uid)? {
            if let Some(row) = self.rows.get(seq)
                && !row.change.taken_back
            {
                over.get_or_insert_default().then(&row.change.act);
            }
        }
        let place = Place { account: account.to_owned(), mailbox: mailbox.to_owned(), uid_validity };
        if let Some(to) = self.lost.get(&place).and_then(|uids| uids.get(&uid)) {
            over.get_or_insert_default().to.get_or_insert_with(|| to.clone());
        }
        over
    }

    /// All messages for which something waits.
    pub(crate) fn named(&self) -> Named {
        let waiting = self.index.iter().map(|(place, uids)| (place.clone(), uids.keys().copied().collect()));
        let lost = self.lost.iter().map(|(place, uids)| (place.clone(), uids.keys().copied().collect()));
        waiting.chain(lost).collect()
    }

    /// What waits, in words: the same words lay the same over what the servers said. Rows that are being tried again are the same rows.
    pub(crate) fn words(&self) -> String {
        let mut words = String::new();
        for (change, _) in self.waiting() {
            let Change { seq, account, act, waiting, taken_back, .. } = change;
            words.push_str(&format!("{seq} {account:?} {act:?} {waiting:?} {taken_back}\n"));
        }
        for (place, uids) in self.lost.iter().collect::<BTreeMap<_, _>>() {
            words.push_str(&format!("{place:?} {uids:?}\n"));
        }
        words
    }

    /// Whether nothing waits anywhere.
    pub(crate) fn is_idle(&self) -> bool {
        self.index.is_empty() && self.lost.is_empty()
    }

    /// Whether we still have to tell the server of an account something.
    pub(crate) fn waits_for(&self, account: &str) -> bool {
        self.rows.values().any(|row| row.change.account == account && row.change.is_ours())
    }

    /// All rows that wait, in order, with whether they are being told.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (&Change, bool)> {
        self.rows.values().filter(|row| row.change.is_waiting()).map(|row| (&row.change, row.in_flight))
    }

    /// When the next row that was put off may be tried again; later than [`Self::next_batch`] was last asked.
    pub(crate) fn next_try(&self, account: &str) -> Option<Duration> {
        let mine = self.rows.values().filter(|row| row.change.account == account && row.change.is_ours());
        mine.filter_map(|row| row.later).min()
    }

    /// What the server of an account is told next: the first row that may be told, with all later ones that do the same in the same
    /// mailbox, as far as no other row has to be told first.
    pub(crate) fn next_batch(&mut self, account: &str, elapsed: Duration) -> Option<Batch> {
        // Whose time has come is told now, or waits for something else than time.
        for row in self.rows.values_mut().filter(|row| row.change.account == account) {
            row.later.take_if(|later| *later <= elapsed);
        }
        let mut before: HashSet<(&str, u32, u32)> = HashSet::new();
        for (place, uids) in self.lost.iter().filter(|(place, _)| place.account == account) {
            before.extend(uids.keys().map(|uid| (place.mailbox.as_str(), place.uid_validity, *uid)));
        }
        let mut unmade: HashSet<&str> = HashSet::new();
        let mut batch: Option<Batch> = None;
        for (seq, row) in &self.rows {
            let change = &row.change;
            if change.account != account || !change.is_ours() {
                continue;
            }
            let target = match &change.act {
                Act::Move { to } => Some(to.as_str()),
                Act::Append { mailbox, .. } => Some(mailbox.as_str()),
                _ => None,
            };
            let held = !row.durable
                || row.in_flight
                || row.later.is_some()
                || change.taken_back && change.begun.is_none()
                || target.is_some_and(|target| unmade.contains(target));
            if change.open {
                if let Act::Create { mailbox, .. } = &change.act
                    && (held || batch.is_some())
                {
                    unmade.insert(mailbox);
                }
                if !held && batch.is_none() {
                    batch = Some(Batch::of(*seq, change, None));
                    break;
                }
            }
            if let Some(begun) = &change.begun
                && let Some(group) = &begun.group
            {
                // Looked into alone: nothing is joined to what may have been done already.
                if !held && batch.is_none() {
                    batch = Some(Batch { begun: Some(begun.above), ..Batch::of(*seq, change, Some(group.clone())) });
                    break;
                }
            }
            for group in &change.waiting {
                let joins = !held
                    && change.begun.is_none()
                    && batch.as_ref().is_none_or(|batch| {
                        batch.act == change.act && batch.group.as_ref().is_some_and(|known| known.is_beside(group))
                    });
                let room = BATCH_MESSAGES
                    .saturating_sub(batch.as_ref().and_then(|batch| batch.group.as_ref()).map_or(0, |g| g.uids.len()));
                let mut taken = Vec::new();
                for &uid in &group.uids {
                    let key = (group.mailbox.as_str(), group.uid_validity, uid);
                    if joins && taken.len() < room && !before.contains(&key) {
                        taken.push(uid);
                    } else {
                        before.insert(key);
                    }
                }
                if taken.is_empty() {
                    continue;
                }
                let batch = batch.get_or_insert_with(|| {
                    let group = Group::new(&group.mailbox, group.uid_validity, Vec::new());
                    Batch { seqs: Vec::new(), ..Batch::of(*seq, change, Some(group)) }
                });
                if batch.seqs.last() != Some(seq) {
                    batch.seqs.push(*seq);
                }
                if let Some(known) = &mut batch.group {
                    known.uids.extend(taken);
                }
            }
        }
        let mut batch = batch?;
        if let Some(group) = &mut batch.group {
            group.uids.sort_unstable();
            group.uids.dedup();
        }
        for seq in &batch.seqs {
            if let Some(row) = self.rows.get_mut(seq) {
                row.in_flight = true;
            }
        }
        Some(batch)
    }

    /// Notes that a batch is about to be told which must not be done twice.
    /// `of`: the UIDVALIDITY of the target that `above` is of.
    pub(crate) fn begin(&mut self, batch: &Batch, above: u32, of: Option<u32>) -> Edits {
        let mut edits = Edits::default();
        for seq in &batch.seqs {
            let Some(row) = self.rows.get_mut(seq) else { continue };
            let mine = batch.group.as_ref().map(|group| {
                let mine = row.change.waiting.iter().find(|waiting| waiting.is_beside(group));
                let uids = mine.map(|mine| mine.uids.as_slice()).unwrap_or_default();
                let told = uids.iter().copied().filter(|uid| group.uids.binary_search(uid).is_ok()).collect();
                Group::new(&group.mailbox, group.uid_validity, told)
            });
            let mine = mine.or_else(|| match &row.change.act {
                Act::Append { mailbox, .. } => of.map(|of| Group::new(mailbox, of, Vec::new())),
                _ => None,
            });
            row.change.begun = Some(Begun { group: mine, above });
            edits.put.push(row.change.clone());
        }
        edits
    }

    /// What was asked was not done to these messages of a batch (or to what it is about, where it has none). Before it is settled.
    pub(crate) fn not_done(&mut self, batch: &Batch, to: &UidSet) {
        let is_of = |change: &Change| {
            batch.group.as_ref().is_none_or(|group| {
                let mine =
                    |other: &&Group| (&other.mailbox, other.uid_validity) == (&group.mailbox, group.uid_validity);
                change.waiting.iter().filter(mine).any(|group| group.uids.iter().any(|uid| to.contains(*uid)))
            })
        };
        let rows = batch.seqs.iter().filter_map(|seq| Some(&self.rows.get(seq)?.change));
        // What follows from what the user did, as the mark of a message that was read, has no number.
        let steps = rows.filter(|change| is_of(change)).map(|change| change.undoes.unwrap_or(change.step));
        let steps: Vec<u64> = steps.filter(|step| *step > 0).collect();
        self.not_done.extend(steps);
        while self.not_done.len() > NOT_DONE_MAX {
            self.not_done.pop_first();
        }
    }

    /// Steps that the server has refused, or a part of them, or to take them back.
    pub(crate) fn refused(&self) -> Vec<u64> {
        self.not_done.iter().copied().collect()
    }

    /// Takes in what became of a batch.
    pub(crate) fn settle(&mut self, batch: &Batch, outcome: &Outcome, moment: Moment) -> Settled {
        let mut settled = Settled::default();
        let mut changed: BTreeSet<u64> = batch.seqs.iter().copied().collect();
        let told: UidSet = batch.group.iter().flat_map(|group| group.uids.iter().copied()).collect();
        if let Some(group) = &batch.group {
            settled.touched.push((Place::of(&batch.account, group), group.uids.clone()));
        }
        for seq in &batch.seqs {
            if let Some(row) = self.rows.get_mut(seq) {
                row.in_flight = false;
                let in_doubt = match outcome {
                    Outcome::Unknown { .. } => true,
                    // What was taken back while it was told is not asked about.
                    Outcome::Doubtful { .. } => !row.change.taken_back,
                    // A NO to an APPEND has stored nothing (RFC 9051 §6.3.12); of a move part may be done: copied, and not yet removed.
                    Outcome::Later { .. } if matches!(batch.act, Act::Move { .. }) => true,
                    Outcome::Unsent { .. } | Outcome::Later { .. } => batch.begun.is_some(),
                    _ => false,
                };
                if let (Outcome::Moved { doubtful, .. }, Some(Begun { group: Some(group), .. })) =
                    (outcome, &mut row.change.begun)
                {
                    group.uids.retain(|uid| doubtful.contains(*uid));
                }
                let narrowed = row.change.begun.as_ref().and_then(|begun| begun.group.as_ref());
                let left = narrowed.is_some_and(|group| !group.uids.is_empty());
                if !(in_doubt || matches!(outcome, Outcome::Moved { .. }) && left) {
                    row.change.begun = None;
                }
                if let Outcome::Unknown { why } | Outcome::Unsent { why } = outcome {
                    row.change.why.clone_from(why);
                }
            }
        }
        match outcome {
            Outcome::Unknown { .. } | Outcome::Unsent { .. } => {}
            Outcome::Later { why, wait } => self.put_off(&batch.seqs, why, *wait, moment.elapsed),
            Outcome::Refused { why } if matches!(batch.act, Act::Append { .. }) => {
                self.hold(&batch.seqs, Held::Refused, why);
            }
            Outcome::Refused { .. } => self.resolve(batch, &told, false),
            Outcome::Doubtful { why } => self.hold(&batch.seqs, Held::Doubtful, why),
            Outcome::Stored { kept, unheeded, before, .. } => {
                self.resolve(batch, &told.without(kept).without(unheeded).without(before), true);
                self.resolve(batch, &told.and(unheeded), false);
                self.resolve(batch, &told.and(before), false);
                changed.extend(self.give_in(batch, kept));
            }
            Outcome::Moved { uid_validity, pairs, unplaced, absent, .. } => {
                let moved: UidSet = pairs.iter().map(|(from, _)| *from).collect();
                self.resolve(batch, &moved, true);
                // What cannot be named cannot be taken back.
                self.resolve(batch, unplaced, false);
                if let (Some(group), Act::Move { to }) = (&batch.group, &batch.act) {
                    let place = Place::of(&batch.account, group);
                    for uid in unplaced.iter() {
                        self.lost.entry(place.clone()).or_default().insert(uid, to.clone());
                    }
                    changed.extend(self.vanish(&place, absent));
                    if let Some(uid_validity) = uid_validity {
                        let new = Place { mailbox: to.clone(), uid_validity: *uid_validity, ..place.clone() };
                        changed.extend(self.rename(&place, &new, pairs));
                    }
                }
            }
            Outcome::Expunged => {
                self.resolve(batch, &told, true);
                if let Some(group) = &batch.group {
                    changed.extend(self.vanish(&Place::of(&batch.account, group), &told));
                }
            }
            Outcome::Created { name } => {
                self.close(batch, None);
                changed.extend(self.retarget(batch, name));
            }
            Outcome::Appended { uid } => self.close(batch, *uid),
        }
        for seq in batch.seqs.clone() {
            settled.added |= self.invert_taken_back(seq, moment.now, &mut settled.edits);
        }
        settled.edits.drop.extend(self.prune());
        self.write_out(changed, &mut settled.edits);
        settled
    }

    /// Messages are not on the server any more: nothing waits for them. Gives the edits, and what the user had done to them in words.
    pub(crate) fn vanished(&mut self, place: &Place, uids: &UidSet) -> (Edits, Option<String>) {
        let mut edits = Edits::default();
        if self.beside(place).next().is_none() && !self.lost.contains_key(place) {
            return (edits, None);
        }
        let in_flight: BTreeSet<u64> = self.rows.iter().filter(|(_, row)| row.in_flight).map(|(seq, _)| *seq).collect();
        let lost = self.lost.get(place).map(|lost| lost.keys().copied().collect::<UidSet>()).unwrap_or_default();
        // What is being told, and what we moved or may have moved ourselves, is settled by its own answer.
        let uids = uids.without(&lost).without(&self.on_the_move(place));
        let meant = |row: &&Row| {
            let here = |group: &&Group| place.is(&place.account, &group.mailbox, group.uid_validity);
            let mut waiting = row.change.waiting.iter().filter(here);
            row.change.step > 0
                && !row.in_flight
                && waiting.any(|group| group.uids.iter().any(|uid| uids.contains(*uid)))
        };
        let words = self.rows.values().filter(|row| row.change.account == place.account).find(meant);
        let words = words.map(|row| row.change.words.clone());
        let changed = self.drop_messages(place, &uids, |seq| !in_flight.contains(&seq));
        self.write_out(changed, &mut edits);
        (edits, words)
    }

    /// Others changed flags: gives up what waits only to bring back what was believed before (see [`resolve`]). Changes are given as UID,
    /// what was believed, what is so now. Gives the messages with the flags that were given up.
    pub(crate) fn news(&mut self, place: &Place, changes: &[(u32, Flags, Flags)]) -> (Edits, Vec<(u32, Flags)>) {
        let (mut edits, mut given_up) = (Edits::default(), Vec::new());
        let mut changed = BTreeSet::new();
        for (uid, old, new) in changes {
            let Some((_, uids)) = self.index.iter().find(|(known, _)| known == place) else { break };
            let Some(seqs) = uids.get(uid).cloned() else { continue };
            let over = self.over(&place.account, &place.mailbox, place.uid_validity, *uid).unwrap_or_default();
            let acts = seqs.iter().filter_map(|seq| self.rows.get(seq)).map(|row| &row.change.act);
            let mut flags = Flags::default();
            for act in acts.filter(|act| resolve(old, new, &over, act) == Resolution::Theirs) {
                if let Act::Flags { set, clear } = act {
                    flags = flags.with(set).with(clear);
                }
            }
            if flags.is_empty() {
                continue;
            }
            let uids = UidSet::from(*uid..=*uid);
            for seq in seqs {
                let about =
                    |act: &Act| matches!(act, Act::Flags { set, clear } if !set.with(clear).and(&flags).is_empty());
                if self.rows.get(&seq).is_none_or(|row| row.in_flight || !about(&row.change.act)) {
                    continue;
                }
                self.leave(seq);
                if let Some(row) = self.rows.get_mut(&seq) {
                    take(&mut row.change.waiting, &place.mailbox, place.uid_validity, &uids);
                }
                self.enter(seq);
                changed.insert(seq);
            }
            given_up.push((*uid, flags));
        }
        self.write_out(changed, &mut edits);
        (edits, given_up)
    }

    /// Messages that are being moved, or may have been: no answer has come yet, or none came.
    pub(crate) fn on_the_move(&self, place: &Place) -> UidSet {
        let mut uids = UidSet::new();
        for row in self.rows.values().filter(|row| row.change.account == place.account) {
            let told = match &row.change.begun {
                Some(begun) => begun.group.as_slice(),
                None if row.in_flight => row.change.waiting.as_slice(),
                None => continue,
            };
            if matches!(row.change.act, Act::Move { .. }) {
                let mine = told.iter().filter(|group| place.is(&place.account, &group.mailbox, group.uid_validity));
                uids.extend(mine.flat_map(|group| group.uids.iter().copied()));
            }
        }
        uids
    }

    /// A mailbox has another name on the server, and its messages with it.
    pub(crate) fn renamed(&mut self, account: &str, from: &str, to: &str) -> Edits {
        let mut edits = Edits::default();
        let mut changed = BTreeSet::new();
        let rename = |name: &mut String| {
            let is_it = name == from;
            if is_it {
                to.clone_into(name);
            }
            is_it
        };
        let seqs: Vec<u64> = self.rows.keys().copied().collect();
        for seq in seqs {
            self.leave(seq);
            if let Some(Row { change, .. }) = self.rows.get_mut(&seq)
                && change.account == account
            {
                let mut is_changed = match &mut change.act {
                    Act::Move { to: name } | Act::Append { mailbox: name, .. } => rename(name),
                    Act::Flags { .. } | Act::Expunge | Act::Create { .. } => false,
                };
                let begun = change.begun.iter_mut().filter_map(|begun| begun.group.as_mut());
                for group in change.waiting.iter_mut().chain(&mut change.done).chain(begun) {
                    is_changed |= rename(&mut group.mailbox);
                    is_changed |= group.home.as_mut().is_some_and(rename);
                }
                if is_changed {
                    changed.insert(seq);
                }
            }
            self.enter(seq);
        }
        for (mut place, mut uids) in std::mem::take(&mut self.lost) {
            if place.account == account {
                rename(&mut place.mailbox);
                for name in uids.values_mut() {
                    rename(name);
                }
            }
            self.lost.entry(place).or_default().extend(uids);
        }
        self.write_out(changed, &mut edits);
        edits
    }

    /// A message that was moved has been found again.
    pub(crate) fn found(&mut self, place: &Place, new: &Place, pairs: &[(u32, u32)]) -> Edits {
        let mut edits = Edits::default();
        if let Some(uids) = self.lost.get_mut(place) {
            pairs.iter().for_each(|(from, _)| drop(uids.remove(from)));
            if uids.is_empty() {
                self.lost.remove(place);
            }
        }
        let changed = self.rename(place, new, pairs);
        self.write_out(changed, &mut edits);
        edits
    }

    /// Messages of an account that were moved to a mailbox and not found again.
    pub(crate) fn lost_in(&self, account: &str, mailbox: &str) -> Vec<(Place, u32)> {
        let mine = self.lost.iter().filter(|(place, _)| place.account == account);
        mine.flat_map(|(place, uids)| {
            uids.iter().filter(|(_, to)| *to == mailbox).map(|(uid, _)| (place.clone(), *uid))
        })
        .collect()
    }

    /// The newest step that can be taken back, in words. What waits for a person is given up by its name only, never by the way.
    pub(crate) fn newest_step(&self) -> Option<(u64, &str)> {
        let free = |row: &&Row| row.change.step > 0 && !row.change.taken_back && row.change.held.is_none();
        let rows = self.rows.values().filter(free);
        rows.max_by_key(|row| (row.change.step, row.change.seq)).map(|row| (row.change.step, row.change.words.as_str()))
    }

    /// Takes a step back: what waits is not told, what was told is told in reverse.
    pub(crate) fn undo(&mut self, step: u64, now: Timestamp) -> Option<Undone> {
        let seqs: Vec<u64> = self
            .rows
            .iter()
            .filter(|(_, row)| row.change.step == step && !row.change.taken_back)
            .map(|(s, _)| *s)
            .collect();
        let mut undone = Undone { step, ..Undone::default() };
        for seq in seqs.into_iter().rev() {
            self.leave(seq);
            let Some(row) = self.rows.get_mut(&seq) else { continue };
            if undone.words.is_empty() {
                undone.words.clone_from(&row.change.words);
            }
            undone.accounts.insert(row.change.account.clone());
            undone.touched.extend(named(&row.change.account, row.change.waiting.clone()));
            undone.given_up |= row.change.held.is_some();
            if row.change.held.take().is_some() {
                row.change.begun = None;
            }
            undone.lost |= matches!(row.change.act, Act::Expunge) && !row.change.done.is_empty();
            undone.told |= row.in_flight || row.change.begun.is_some() || !row.change.done.is_empty();
            row.change.taken_back = true;
            if !row.in_flight && row.change.begun.is_none() {
                row.change.waiting.clear();
                row.change.open = false;
            }
            self.enter(seq);
            self.invert_taken_back(seq, now, &mut undone.edits);
            self.write_out(BTreeSet::from([seq]), &mut undone.edits);
        }
        (!undone.accounts.is_empty()).then_some(undone)
    }

    // What follows changes rows and tells which.

    fn put_off(&mut self, seqs: &[u64], why: &str, asked: Option<Duration>, elapsed: Duration) {
        for seq in seqs {
            let Some(row) = self.rows.get_mut(seq) else { continue };
            row.change.tries = row.change.tries.saturating_add(1);
            why.clone_into(&mut row.change.why);
            let ours = Duration::from_secs(5 << row.change.tries.min(8)).min(PATIENCE);
            let wait = asked.map_or(ours, |asked| asked.min(ASKED_MAX).max(ours));
            row.later = Some(elapsed.saturating_add(wait));
        }
    }

    /// A row is kept until a person has decided, unless it was taken back while it was told.
    fn hold(&mut self, seqs: &[u64], held: Held, why: &str) {
        for seq in seqs {
            let Some(row) = self.rows.get_mut(seq) else { continue };
            if row.change.taken_back {
                row.change.open = false;
                continue;
            }
            row.change.held = Some(held);
            why.clone_into(&mut row.change.why);
        }
    }

    /// A person wants a step told again: what was refused, what nobody knows about, and what was put off, now. Gives its accounts.
    pub(crate) fn retry(&mut self, step: u64) -> (Edits, BTreeSet<String>) {
        let (mut edits, mut accounts) = (Edits::default(), BTreeSet::new());
        let mine = |row: &&mut Row| row.change.step == step && row.change.is_waiting() && !row.in_flight;
        for row in self.rows.values_mut().filter(mine) {
            if row.change.held.take().is_some() {
                row.change.begun = None;
            }
            row.change.tries = 0;
            row.change.why.clear();
            row.later = None;
            accounts.insert(row.change.account.clone());
            edits.put.push(row.change.clone());
        }
        (edits, accounts)
    }

    /// Messages of a batch have been told, or never will be.
    fn resolve(&mut self, batch: &Batch, uids: &UidSet, done: bool) {
        let Some(group) = &batch.group else {
            return self.close(batch, None);
        };
        for &seq in &batch.seqs {
            self.leave(seq);
            let Some(row) = self.rows.get_mut(&seq) else { continue };
            let taken = take(&mut row.change.waiting, &group.mailbox, group.uid_validity, uids);
            if done && !taken.is_empty() {
                // It comes on: what is left of it begins anew to be put off.
                row.change.tries = 0;
                let home = matches!(row.change.act, Act::Move { .. }).then(|| group.mailbox.clone());
                row.change.done.push(Group { home, ..Group::new(&group.mailbox, group.uid_validity, taken) });
            }
            row.change.why.clear();
            self.enter(seq);
        }
    }

    /// CREATE or APPEND has been told, or never will be.
    fn close(&mut self, batch: &Batch, appended: Option<(u32, u32)>) {
        for seq in &batch.seqs {
            let Some(row) = self.rows.get_mut(seq) else { continue };
            row.change.open = false;
            if let (Act::Append { mailbox, .. }, Some((uid_validity, uid))) = (&row.change.act, appended) {
                row.change.done = vec![Group::new(mailbox, uid_validity, vec![uid])];
            }
        }
    }

    /// Others' word about a flag counts: nothing that waits may change that flag of these messages any more.
    fn give_in(&mut self, batch: &Batch, kept: &UidSet) -> BTreeSet<u64> {
        let (Some(group), Act::Flags { set, clear }) = (&batch.group, &batch.act) else { return BTreeSet::new() };
        let ours = set.with(clear);
        let touches = |act: &Act| matches!(act, Act::Flags { set, clear } if !set.with(clear).and(&ours).is_empty());
        let seqs: BTreeSet<u64> = self
            .rows
            .iter()
            .filter(|(_, row)| row.change.account == batch.account && touches(&row.change.act) && !row.in_flight)
            .map(|(seq, _)| *seq)
            .collect();
        for &seq in &seqs {
            self.leave(seq);
            if let Some(row) = self.rows.get_mut(&seq) {
                take(&mut row.change.waiting, &group.mailbox, group.uid_validity, kept);
            }
            self.enter(seq);
        }
        seqs
    }

    /// Messages are gone from the server: no row names them any more.
    fn vanish(&mut self, place: &Place, uids: &UidSet) -> BTreeSet<u64> {
        self.drop_messages(place, uids, |_| true)
    }

    fn drop_messages(&mut self, place: &Place, uids: &UidSet, which: impl Fn(u64) -> bool) -> BTreeSet<u64> {
        let mut changed = BTreeSet::new();
        if uids.is_empty() {
            return changed;
        }
        let seqs: Vec<u64> = self.beside(place).filter(|seq| which(*seq)).collect();
        for seq in seqs {
            self.leave(seq);
            if let Some(row) = self.rows.get_mut(&seq) {
                let waiting = take(&mut row.change.waiting, &place.mailbox, place.uid_validity, uids);
                let done = take(&mut row.change.done, &place.mailbox, place.uid_validity, uids);
                // What an EXPUNGE has done cannot be taken back, and is to be told so.
                if matches!(row.change.act, Act::Expunge) && !done.is_empty() {
                    row.change.done.push(Group::new(&place.mailbox, place.uid_validity, done.clone()));
                }
                if !waiting.is_empty() || !done.is_empty() {
                    changed.insert(seq);
                }
            }
            self.enter(seq);
        }
        changed
    }

    /// Messages have other names now, in every row.
    fn rename(&mut self, old: &Place, new: &Place, pairs: &[(u32, u32)]) -> BTreeSet<u64> {
        let names: HashMap<u32, u32> = pairs.iter().copied().collect();
        let moved: UidSet = names.keys().copied().collect();
        let seqs: Vec<u64> = self.beside(old).collect();
        let mut changed = BTreeSet::new();
        for seq in seqs {
            self.leave(seq);
            if let Some(row) = self.rows.get_mut(&seq) {
                for groups in [&mut row.change.waiting, &mut row.change.done] {
                    let mut renamed = Vec::new();
                    for group in groups.iter_mut().filter(|g| old.is(&old.account, &g.mailbox, g.uid_validity)) {
                        let (gone, stay) =
                            std::mem::take(&mut group.uids).into_iter().partition(|u| moved.contains(*u));
                        group.uids = stay;
                        let gone: Vec<u32> = gone;
                        if !gone.is_empty() {
                            let uids = gone.iter().filter_map(|uid| names.get(uid).copied()).collect();
                            let home = group.home.clone();
                            renamed.push(Group { home, ..Group::new(&new.mailbox, new.uid_validity, uids) });
                            changed.insert(seq);
                        }
                    }
                    groups.retain(|group| !group.uids.is_empty());
                    groups.append(&mut renamed);
                }
            }
            self.enter(seq);
        }
        changed
    }

    /// A mailbox that was made has a name of the server's choosing: what is to go there goes there.
    fn retarget(&mut self, batch: &Batch, name: &str) -> BTreeSet<u64> {
        let Act::Create { mailbox: asked, .. } = &batch.act else { return BTreeSet::new() };
        let mut changed = BTreeSet::new();
        if asked == name {
            return changed;
        }
        for (seq, row) in self.rows.iter_mut().filter(|(_, row)| row.change.account == batch.account) {
            match &mut row.change.act {
                Act::Move { to: target } | Act::Append { mailbox: target, .. } if target == asked => {
                    name.clone_into(target);
                    changed.insert(*seq);
                }
                _ => {}
            }
        }
        changed
    }

    /// Queues the contrary of what a row that was taken back has done; says whether it did.
    fn invert_taken_back(&mut self, seq: u64, now: Timestamp, edits: &mut Edits) -> bool {
        let Some(row) = self.rows.get_mut(&seq) else { return false };
        if !row.change.taken_back || row.in_flight || row.change.begun.is_some() {
            return false;
        }
        let done = std::mem::take(&mut row.change.done);
        let mut acts: Vec<(Act, Vec<Group>)> = Vec::new();
        match &row.change.act {
            Act::Flags { set, clear } if !done.is_empty() => {
                acts.push((Act::Flags { set: clear.clone(), clear: set.clone() }, done));
            }
            Act::Move { .. } => {
                for group in done {
                    let Some(home) = group.home.clone() else { continue };
                    let act = Act::Move { to: home };
                    let group = Group { home: None, ..group };
                    match acts.iter_mut().find(|(known, _)| *known == act) {
                        Some((_, groups)) => groups.push(group),
                        None => acts.push((act, vec![group])),
                    }
                }
            }
            Act::Append { .. } if !done.is_empty() => acts.push((Act::Expunge, done)),
            _ => {}
        }
        let (step, account, words) = (row.change.step, row.change.account.clone(), row.change.words.clone());
        self.leave(seq);
        if let Some(row) = self.rows.get_mut(&seq) {
            row.change.waiting.clear();
            row.change.open = false;
        }
        let added = !acts.is_empty();
        for (act, waiting) in acts {
            let change = Change {
                seq: 0,
                step: 0,
                undoes: Some(step),
                words: format!("taking back: {words}"),
                at: now,
                account: account.clone(),
                act,
                waiting,
                open: false,
                begun: None,
                done: Vec::new(),
                taken_back: false,
                tries: 0,
                why: String::new(),
                held: None,
            };
            edits.put.push(self.push(change));
        }
        added
    }

    /// Forgets how to take back what is older than the last [`HISTORY`] steps.
    fn prune(&mut self) -> Vec<u64> {
        let steps: BTreeSet<u64> = self.rows.values().map(|row| row.change.step).filter(|step| *step > 0).collect();
        let Some(&oldest) = steps.iter().rev().nth(HISTORY - 1) else { return Vec::new() };
        let old: Vec<u64> = self
            .rows
            .iter()
            .filter(|(_, row)| (1..oldest).contains(&row.change.step) && !row.change.is_waiting() && !row.in_flight)
            .map(|(seq, _)| *seq)
            .collect();
        old.iter().for_each(|seq| drop(self.rows.remove(seq)));
        old
    }

    /// Sorts changed rows into those to write and those that have nothing left to say.
    fn write_out(&mut self, changed: BTreeSet<u64>, edits: &mut Edits) {
        for seq in changed {
            let Some(row) = self.rows.get(&seq) else { continue };
            let change = &row.change;
            let spent = change.done.is_empty() || change.step == 0;
            if !change.is_waiting() && change.begun.is_none() && spent && !row.in_flight {
                self.rows.remove(&seq);
                edits.put.retain(|row| row.seq != seq);
                edits.drop.push(seq);
            } else {
                edits.put.retain(|row| row.seq != seq);
                edits.put.push(change.clone());
            }
        }
    }

    /// Rows that name messages of a place.
    fn beside(&self, place: &Place) -> impl Iterator<Item = u64> {
        let names = |groups: &[Group]| groups.iter().any(|g| place.is(&place.account, &g.mailbox, g.uid_validity));
        self.rows
            .iter()
            .filter(move |(_, row)| {
                row.change.account == place.account && (names(&row.change.waiting) || names(&row.change.done))
            })
            .map(|(seq, _)| *seq)
    }

    fn enter(&mut self, seq: u64) {
        let Some(row) = self.rows.get(&seq) else { return };
        for group in &row.change.waiting {
            let account = &row.change.account;
            let at = self.index.iter().position(|(place, _)| place.is(account, &group.mailbox, group.uid_validity));
            let at = at.unwrap_or_else(|| {
                self.index.push((Place::of(account, group), HashMap::new()));
                self.index.len().saturating_sub(1)
            });
            let Some((_, uids)) = self.index.get_mut(at) else { continue };
            for &uid in &group.uids {
                let seqs = uids.entry(uid).or_default();
                if let Err(place) = seqs.binary_search(&seq) {
                    seqs.insert(place, seq);
                }
            }
        }
    }

    fn leave(&mut self, seq: u64) {
        let Some(row) = self.rows.get(&seq) else { return };
        for group in &row.change.waiting {
            let account = &row.change.account;
            let at = self.index.iter().position(|(place, _)| place.is(account, &group.mailbox, group.uid_validity));
            let Some((_, uids)) = at.and_then(|at| self.index.get_mut(at)) else { continue };
            for uid in &group.uids {
                if let Some(seqs) = uids.get_mut(uid) {
                    seqs.retain(|known| *known != seq);
                    if seqs.is_empty() {
                        uids.remove(uid);
                    }
                }
            }
        }
        self.index.retain(|(_, uids)| !uids.is_empty());
    }
}

impl Batch {
    fn of(seq: u64, change: &Change, group: Option<Group>) -> Self {
        Self {
            seqs: vec![seq],
            account: change.account.clone(),
            act: change.act.clone(),
            group,
            begun: change.begun.as_ref().map(|begun| begun.above),
            begun_in: change
                .begun
                .as_ref()
                .filter(|_| matches!(change.act, Act::Append { .. }))
                .and_then(|begun| begun.group.as_ref())
                .map(|target| target.uid_validity),
            words: change.words.clone(),
            tries: change.tries,
        }
    }
}

/// Takes messages out of the groups of a place.
fn take(groups: &mut Vec<Group>, mailbox: &str, uid_validity: u32, uids: &UidSet) -> Vec<u32> {
    let mut taken = Vec::new();
    for group in groups.iter_mut().filter(|group| group.uid_validity == uid_validity && group.mailbox == mailbox) {
        group.uids.retain(|uid| {
            let gone = uids.contains(*uid);
            if gone {
                taken.push(*uid);
            }
            !gone
        });
    }
    groups.retain(|group| !group.uids.is_empty());
    taken
}

fn named(account: &str, groups: Vec<Group>) -> Named {
    groups.into_iter().map(|group| (Place::of(account, &group), group.uids)).collect()
}

#[cfg(test)]
mod tests;
