//! What a pass that broke off leaves to the next, for as long as the account's worker runs.
//!
//! A server may fail at one message or at one mailbox for ever: its answer cannot be read, it ends the session (Dovecot does, at a FETCH that
//! it cannot do), it falls silent, or it refuses. None of these may hold up what lies behind. So the place at which a connection ended is
//! remembered; where the next one ends at the same, the messages that were asked for are suspects, and are closed in on. A mailbox at which
//! connections end without anything learned goes behind all others, and is passed over for a while where those are well.
//!
//! Where several connections sync an account, only the leading one closes in: its suspects are its own, and a mailbox of which there is any is
//! left to it ([`Suspects::marked`]). What holds for whoever syncs next, how far comparisons came and what the server is known not to do
//! ([`Trails`]), is in one place for all connections, so that each goes on where another one left off, also where that one was cut off in the middle.
//!
//! The same is done with what is asked of a server only because it saves something ([`Extra`]): where the session ends at it twice in a row, it is done without
//! for a while.
//!
//! A lost line proves nothing by itself: a message is given up only after several connections ended at it alone, and stored as such only
//! where another message still comes, and it was asked for once more on that same connection.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::Error;
use super::plan::Begun;
use super::refusal;
use super::sink::MailboxAt;
use super::uid_set::UidSet;

/// Connections that end at a mailbox without anything learned, before it goes behind all others.
const DEATHS: u32 = 2;

/// Connections that end at a mailbox and teach something: enough to find one message among a batch, several times over.
pub(super) const LESSONS: u32 = 40;

/// Looks at a mailbox in a row that find a UIDVALIDITY which it had before: then it has that one again (a copy was put back).
const STEADY: u32 = 4;

/// Messages that are refused alone, one after the other and none between them served: it is not about the messages then.
const REFUSED_IN_ROW: u32 = 5;

/// Without modification sequences, each message of a mailbox nobody looks at is compared once in so many rounds.
const COMPARED_EVERY: u32 = 6;

/// Sessions that end at an extra in a row, before it is done without; and for how long.
const FALLS: u32 = 2;
/// Those that are further apart are not in a row.
const IN_ROW: Duration = Duration::from_secs(15 * 60);
const RESPITE: Duration = Duration::from_secs(3_600);

/// What is asked only where it is offered or saves something: everything goes on without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Extra {
    /// The state of all mailboxes with their list (RFC 5819).
    ListStatus,
    /// The state of a mailbox (RFC 9051 §6.3.11): each is opened where it is not asked for.
    Status,
    /// What happens in other mailboxes (RFC 5465).
    Notify,
}

impl Extra {
    /// As the standards call it.
    fn name(self) -> &'static str {
        match self {
            Self::ListStatus => "LIST-STATUS",
            Self::Status => "STATUS",
            Self::Notify => "NOTIFY",
        }
    }

    /// Whether it may be to blame for what came of it: not for a line that could not be read and is no answer to it. `unread`: as
    /// [`super::session::Session::unread`].
    pub(super) fn is_of<T>(self, result: &Result<T, Error>, unread: &str) -> bool {
        let answers: &[&str] = match self {
            Self::ListStatus => &["LIST", "LSUB", "STATUS", ""],
            Self::Status => &["STATUS", ""],
            // Whatever it asks for.
            Self::Notify => return true,
        };
        !matches!(result, Err(Error::Unreadable { .. })) || answers.contains(&unread)
    }
}

/// Sessions that ended at an extra.
#[derive(Clone, Debug, Default)]
struct Falls {
    in_row: u32,
    /// When the last one did.
    last: Option<Instant>,
    words: String,
    /// It is done without until then.
    until: Option<Instant>,
}

/// A message that could not be had.
#[derive(Clone, Debug)]
pub(super) struct GivenUp {
    pub uid: u32,
    pub bytes: u32,
    /// What the server said or did.
    pub words: String,
    /// It was tried often enough. Else the next round tries it once more.
    pub ripe: bool,
}

/// Connections that ended at a mailbox.
#[derive(Clone, Debug, Default)]
struct Trouble {
    deaths: u32,
    lessons: u32,
    words: String,
    /// It is passed over until then.
    until: Option<Instant>,
}

/// What the connections of an account know of its mailboxes together. A mailbox is in one hand at a time, so that they do not disagree over it.
#[derive(Debug, Default)]
pub(super) struct Trails {
    /// Comparisons that broke off.
    begun: HashMap<MailboxAt, Begun>,
    /// The answer to a QRESYNC SELECT could not be read (one line of it may be longer than the guard allows).
    no_qresync: bool,
    /// Messages in a batch, where a server sends far more than it announced.
    batch_most: Option<usize>,
    /// Rounds since all of a mailbox was compared.
    compared: HashMap<MailboxAt, u32>,
    /// Mailboxes of which an event said that flags changed, until all of one was compared from its top after that.
    owed: HashSet<MailboxAt>,
    /// Messages stored as such that cannot be had: none of them shows whether others come.
    written_off: HashMap<MailboxAt, UidSet>,
    /// The last message of which a part was asked for and the answer could not be read.
    part_unreadable: Option<(MailboxAt, u32)>,
    /// Extras at which sessions ended.
    falls: HashMap<Extra, Falls>,
    /// What was learned of the server and not told yet.
    notes: Vec<String>,
}

impl Trails {
    /// Why an extra is not to be asked for now, if it is not.
    pub(super) fn done_without(&self, extra: Extra, now: Instant) -> Option<Error> {
        let falls = self.falls.get(&extra)?;
        let words = || Error::DoneWithout { what: extra.name(), words: falls.words.clone() };
        falls.until.filter(|until| now < *until).map(|_| words())
    }

    /// What came of an extra. Gives how many sessions in a row ended at it.
    pub(super) fn came_of<T>(&mut self, extra: Extra, result: &Result<T, Error>, now: Instant) -> u32 {
        let Some(e) = result.as_ref().err().filter(|e| ends_session(e)) else {
            self.falls.remove(&extra);
            return 0;
        };
        let falls = self.falls.entry(extra).or_default();
        // Lines fall of themselves, now and then.
        if falls.last.replace(now).is_some_and(|last| now.duration_since(last) > IN_ROW) {
            falls.in_row = 0;
        }
        falls.in_row = falls.in_row.saturating_add(1);
        falls.words = e.to_string();
        if falls.in_row >= FALLS {
            falls.until = Some(now + RESPITE);
            let why = self.done_without(extra, now).map(|why| why.to_string());
            self.notes.extend(why);
        }
        self.falls.get(&extra).map_or(0, |falls| falls.in_row)
    }

    /// What is to be told.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Whether the answer to a part of this message could not be read: then all of it is asked for.
    pub(super) fn is_part_unreadable(&self, at: &MailboxAt, uid: u32) -> bool {
        self.part_unreadable.as_ref().is_some_and(|(other, one)| other == at && *one == uid)
    }

    /// What was asked of a message ended so. `wholly`: all of it was asked for. Gives whether it will be asked for in another way now.
    pub(super) fn ended_at_part(&mut self, at: &MailboxAt, uid: u32, wholly: bool, e: &Error) -> bool {
        if !matches!(e, Error::Unreadable { .. }) {
            return false;
        }
        self.part_unreadable = (!wholly).then(|| (at.clone(), uid));
        !wholly
    }
}

/// What is known of what went wrong, and how far comparisons came.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// What other connections know as well.
    trails: Arc<Mutex<Trails>>,
    /// Where.
    mailbox: Option<MailboxAt>,
    /// What the answer was about.
    uids: UidSet,
    /// Those that were tried alone, without their date.
    tried: bool,
    /// The first page cannot be had: bodies show which message it was.
    no_first_page: Option<MailboxAt>,
    /// Where the last connection ended: the first message that it did not bring, or 0.
    ended: Option<(MailboxAt, u32)>,
    /// Something was learned since anybody asked: the next attempt is another one than the last.
    learned: bool,
    /// The next attempt tells whether it was by chance.
    noted: bool,
    /// Something was stored, or compared, since anybody asked; and in this pass.
    stored: bool,
    stored_in_pass: bool,
    /// Those that wait to be stored as such.
    given_up: HashMap<MailboxAt, Vec<GivenUp>>,
    /// Those that were refused alone once.
    refused: HashMap<MailboxAt, UidSet>,
    refused_in_row: u32,
    troubles: HashMap<String, Trouble>,
    heeded: u64,
    /// Those given up that were asked for once more where others come.
    proved: HashMap<MailboxAt, UidSet>,
    /// UIDVALIDITYs that a mailbox had, and has no more.
    former: HashMap<String, Vec<u32>>,
    /// One of these that was found again, and in how many looks in a row.
    found_again: HashMap<String, (u32, u32)>,
    /// Of a connection that does not lead.
    is_beside: bool,
}

/// Whether an error may be the doing of what was asked for: the session is over by it.
fn ends_session(e: &Error) -> bool {
    matches!(
        e,
        Error::Bye { .. }
            | Error::Lost { .. }
            | Error::TimedOut { .. }
            | Error::Unreadable { .. }
            | Error::Nonsense { .. }
    )
}

impl Suspects {
    /// Of the connections that lead one after the other.
    pub(super) fn over(trails: Arc<Mutex<Trails>>) -> Self {
        Self { trails, ..Self::default() }
    }

    /// Of a connection beside them.
    pub(super) fn beside(trails: Arc<Mutex<Trails>>) -> Self {
        Self { trails, is_beside: true, ..Self::default() }
    }

    fn trails(&self) -> MutexGuard<'_, Trails> {
        self.trails.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Mailboxes of which something is suspected, or was noted that the next connection to end there would bear out.
    pub(super) fn marked(&self) -> HashSet<String> {
        let one = [&self.mailbox, &self.no_first_page].into_iter().flatten();
        let ended = self.ended.iter().map(|(at, _)| at);
        let (given_up, refused) = (self.given_up.keys(), self.refused.keys());
        let messages = one.chain(ended).chain(given_up).chain(refused).chain(self.proved.keys());
        let whole = self.troubles.keys().chain(self.found_again.keys()).cloned();
        messages.map(|at| at.name.to_string()).chain(whole).collect()
    }

    /// A comparison that broke off.
    pub(super) fn begun(&self, at: &MailboxAt) -> Option<Begun> {
        self.trails().begun.get(at).copied()
    }

    /// Whether a QRESYNC SELECT can be read.
    pub(super) fn is_qresync_read(&self) -> bool {
        !self.trails().no_qresync
    }

    /// The answer to one cannot be read.
    pub(super) fn no_qresync(&mut self) {
        self.trails().no_qresync = true;
        self.learned = true;
    }

    /// Messages in a batch, at most.
    pub(super) fn batch_most(&self) -> Option<usize> {
        self.trails().batch_most
    }

    /// The server sends far more than it announced: batches have no more messages than these.
    pub(super) fn flooded(&mut self, batch_most: usize) {
        {
            let mut trails = self.trails();
            trails.batch_most = Some(trails.batch_most.map_or(batch_most, |before| before.min(batch_most)));
        }
        self.learned = true;
    }

    /// Whether a failure taught something, so that trying again soon may find more. Any other one would only be met again.
    pub(super) fn learned(&mut self) -> bool {
        std::mem::take(&mut self.learned)
    }

    /// As [`Self::learned`], without taking note.
    pub(super) fn has_learned(&self) -> bool {
        self.learned
    }

    /// Whether one more attempt would tell more.
    pub(super) fn noted(&mut self) -> bool {
        std::mem::take(&mut self.noted)
    }

    /// Whether anything was stored or compared.
    pub(super) fn progressed(&mut self) -> bool {
        std::mem::take(&mut self.stored)
    }

    pub(super) fn teach(&mut self) {
        self.learned = true;
    }

    /// A pass begins.
    pub(super) fn begin(&mut self) {
        self.stored_in_pass = false;
        self.refused_in_row = 0;
    }

    /// Its mailbox is open.
    pub(super) fn opened(&mut self, at: &MailboxAt) {
        if let Some(given_up) = self.given_up.get_mut(at) {
            given_up.retain(|one| one.ripe);
        }
    }

    /// Something was stored.
    pub(super) fn stored(&mut self) {
        (self.stored, self.stored_in_pass) = (true, true);
    }

    /// A comparison came so far.
    pub(super) fn reached(&mut self, at: &MailboxAt, begun: Begun) {
        // One that begins anew each time, and comes no farther, is no progress.
        let before = self.trails().begun.insert(at.clone(), begun);
        if before.is_none_or(|before| begun.floor < before.floor) {
            self.stored();
        }
    }

    /// A pass is complete.
    pub(super) fn went_well(&mut self, at: &MailboxAt) {
        self.trails().begun.retain(|other, _| other.name != at.name);
        self.troubles.remove(&*at.name);
        self.refused.remove(at);
        self.given_up.remove(at);
        self.proved.remove(at);
        if self.mailbox.as_ref() == Some(at) {
            (self.mailbox, self.uids, self.tried) = (None, UidSet::new(), false);
        }
        if self.ended.as_ref().is_some_and(|(other, _)| other == at) {
            self.ended = None;
        }
    }

    /// Whether it is worth asking for the first page.
    pub(super) fn first_page(&self, at: &MailboxAt) -> bool {
        self.no_first_page.as_ref() != Some(at)
    }

    /// The first page could not be had.
    pub(super) fn no_first_page(&mut self, at: &MailboxAt, e: &Error) {
        if matches!(e, Error::Unreadable { .. }) || ends_session(e) && self.again(at, 0) {
            self.no_first_page = Some(at.clone());
            self.learned = true;
        }
    }

    /// Whether the connection before ended at this place, too.
    fn again(&mut self, at: &MailboxAt, uid: u32) -> bool {
        let place = Some((at.clone(), uid));
        let again = self.ended == place;
        self.ended = place;
        again
    }

    /// Whether one of these is a suspect.
    pub(super) fn is_one(&self, at: &MailboxAt, mut uids: impl Iterator<Item = u32>) -> bool {
        self.mailbox.as_ref() == Some(at) && uids.any(|uid| self.uids.contains(uid))
    }

    fn are_all(&self, at: &MailboxAt, uids: &UidSet) -> bool {
        self.mailbox.as_ref() == Some(at) && uids.without(&self.uids).is_empty()
    }

    /// Suspects are asked for without their date.
    pub(super) fn dateless(&self) -> bool {
        self.tried
    }

    /// How many suspects travel together.
    pub(super) fn half(&self) -> usize {
        usize::try_from(self.uids.len() / 2).unwrap_or(1).max(1)
    }

    /// Messages that are left out of what is asked for.
    pub(super) fn is_given_up(&self, at: &MailboxAt, uid: u32) -> bool {
        self.given_up.get(at).is_some_and(|given_up| given_up.iter().any(|one| one.uid == uid))
    }

    /// Those that wait to be stored as such.
    pub(super) fn take_given_up(&mut self, at: &MailboxAt) -> Vec<GivenUp> {
        self.given_up.remove(at).unwrap_or_default()
    }

    /// They wait on.
    pub(super) fn give_back(&mut self, at: &MailboxAt, given_up: Vec<GivenUp>) {
        self.given_up.entry(at.clone()).or_default().extend(given_up);
    }

    /// It is asked for once more where others come. Noted before it is: the session may end by it. Whether it had been already.
    pub(super) fn prove(&mut self, at: &MailboxAt, uid: u32) -> bool {
        !self.proved.entry(at.clone()).or_default().insert(uid)
    }

    /// Where a person wanted everything looked at since, that is what was passed over as well. `wish`: the number of the last wish.
    pub(super) fn heed(&mut self, wish: u64) {
        if std::mem::replace(&mut self.heeded, wish) != wish {
            self.troubles.values_mut().for_each(|trouble| trouble.until = None);
        }
    }

    /// They are stored as messages that cannot be had.
    pub(super) fn write_off(&mut self, at: &MailboxAt, uids: &UidSet) {
        self.trails().written_off.entry(at.clone()).or_default().extend(uids.iter());
    }

    /// As [`Trails::done_without`].
    pub(super) fn done_without(&self, extra: Extra) -> Option<Error> {
        self.trails().done_without(extra, Instant::now())
    }

    /// As [`Trails::came_of`].
    pub(super) fn came_of<T>(&mut self, extra: Extra, result: &Result<T, Error>) {
        let falls = self.trails().came_of(extra, result, Instant::now());
        self.noted |= falls > 0;
        self.learned |= falls >= FALLS;
    }

    /// As [`Trails::take_notes`].
    pub(super) fn take_notes(&self) -> Vec<String> {
        self.trails().take_notes()
    }

    /// As [`Trails::is_part_unreadable`].
    pub(super) fn is_part_unreadable(&self, at: &MailboxAt, uid: u32) -> bool {
        self.trails().is_part_unreadable(at, uid)
    }

    /// As [`Trails::ended_at_part`].
    pub(super) fn ended_at_part(&mut self, at: &MailboxAt, uid: u32, wholly: bool, e: &Error) {
        let is_new = self.trails().ended_at_part(at, uid, wholly, e);
        self.learned |= is_new;
    }

    /// Messages that cannot be had.
    pub(super) fn written_off(&self, at: &MailboxAt) -> UidSet {
        self.trails().written_off.get(at).cloned().unwrap_or_default()
    }

    /// They were refused for the first time: the next round shows whether it lasts.
    pub(super) fn once_more(&mut self, at: &MailboxAt, uids: impl Iterator<Item = u32>) {
        self.refused.entry(at.clone()).or_default().extend(uids);
        self.learned = true;
    }

    /// The session ended at these messages, which did not come, though others of the same answer may have (`came`). `Some`: this one alone, tried in
    /// every way, cannot be read.
    pub(super) fn lost_at(&mut self, at: &MailboxAt, left: &[(u32, u32)], came: bool, e: &Error) -> Option<u32> {
        let uids: UidSet = left.iter().map(|(uid, _)| *uid).collect();
        let first = uids.first().filter(|_| ends_session(e))?;
        let unreadable = matches!(e, Error::Unreadable { .. });
        if came && !unreadable {
            // The line brought some of it: where it ended is another place than before.
            self.again(at, first);
            self.noted = true;
            return None;
        }
        let suspected = self.are_all(at, &uids);
        if !unreadable && !suspected && !self.again(at, first) {
            self.noted = true;
            return None;
        }
        self.learned = true;
        match left {
            &[(uid, bytes)] if suspected && self.tried => {
                (self.uids, self.tried, self.ended) = (UidSet::new(), false, None);
                if unreadable {
                    return Some(uid);
                }
                self.give_up(at, GivenUp { uid, bytes, words: e.to_string(), ripe: true });
            }
            _ => self.suspect(at, uids, suspected),
        }
        None
    }

    /// These messages were refused. Whether to go on: suspects are asked for alone, and left out in the end.
    pub(super) fn refused_at(&mut self, at: &MailboxAt, left: &[(u32, u32)], e: &Error) -> bool {
        // RFC 5530: the server has had enough of us, or cannot now.
        if refusal::is_of_the_session(e) {
            return false;
        }
        let uids: UidSet = left.iter().map(|(uid, _)| *uid).collect();
        let suspected = self.are_all(at, &uids);
        match left {
            [] => {}
            &[(uid, bytes)] if suspected && self.tried => {
                let ripe = self.refused.get(at).is_some_and(|refused| refused.contains(uid));
                (self.uids, self.tried) = (UidSet::new(), false);
                self.give_up(at, GivenUp { uid, bytes, words: e.to_string(), ripe });
                self.refused_in_row = self.refused_in_row.saturating_add(1);
            }
            _ => self.suspect(at, uids, suspected),
        }
        self.refused_in_row <= REFUSED_IN_ROW
    }

    fn give_up(&mut self, at: &MailboxAt, one: GivenUp) {
        self.given_up.entry(at.clone()).or_default().push(one);
    }

    fn suspect(&mut self, at: &MailboxAt, uids: UidSet, suspected: bool) {
        self.tried = suspected && uids.len() == 1;
        self.mailbox = Some(at.clone());
        self.uids = uids;
    }

    /// These came: none of them is suspect any more.
    pub(super) fn clear(&mut self, at: &MailboxAt, uids: &UidSet) {
        self.refused_in_row = 0;
        if self.mailbox.as_ref() == Some(at) && !self.uids.and(uids).is_empty() {
            self.uids = self.uids.without(uids);
            self.tried = false;
        }
    }

    /// A connection ended in a pass over a mailbox. `sure`: all else is well, so that it may be passed over until `until`.
    pub(super) fn ended_at(&mut self, mailbox: &str, e: &Error, sure: bool, until: Instant) {
        if !ends_session(e) {
            return;
        }
        let (learned, stored) = (self.learned, self.stored_in_pass);
        let trouble = self.troubles.entry(mailbox.to_owned()).or_default();
        trouble.words = e.to_string();
        if learned {
            trouble.lessons = trouble.lessons.saturating_add(1);
        } else if stored {
            trouble.deaths = 0;
        } else {
            trouble.deaths = trouble.deaths.saturating_add(1);
        }
        let is_last = trouble.deaths > DEATHS || trouble.lessons > LESSONS;
        self.noted |= !learned && !stored && (trouble.deaths <= DEATHS || sure && is_last);
        if sure && is_last {
            trouble.until = Some(until);
            (trouble.deaths, trouble.lessons) = (DEATHS, 0);
        }
    }

    /// Mailboxes that go behind all others.
    pub(super) fn troubled(&self) -> HashSet<String> {
        let is = |trouble: &Trouble| trouble.deaths >= DEATHS || trouble.lessons >= LESSONS || trouble.until.is_some();
        self.troubles.iter().filter(|(_, trouble)| is(trouble)).map(|(name, _)| name.clone()).collect()
    }

    /// Why a mailbox is passed over now, if it is.
    pub(super) fn passed_over(&self, mailbox: &str, now: Instant) -> Option<Error> {
        let trouble = self.troubles.get(mailbox)?;
        trouble
            .until
            .filter(|until| now < *until)
            .map(|_| Error::PassedOver { mailbox: mailbox.to_owned(), words: trouble.words.clone() })
    }

    /// Whether all of a mailbox is to be compared where nothing but its flags can have changed and no modification sequence tells.
    pub(super) fn is_due(&self, at: &MailboxAt) -> bool {
        let trails = self.trails();
        trails.owed.contains(at) || trails.compared.get(at).is_none_or(|rounds| *rounds >= COMPARED_EVERY)
    }

    /// A pass compared all of a mailbox, or did without. `goes_on`: what was compared before a pass that was broken off was not compared anew.
    pub(super) fn compared(&mut self, at: &MailboxAt, whole: bool, told: bool, goes_on: bool) {
        let mut trails = self.trails();
        if whole && !goes_on {
            trails.owed.remove(at);
        }
        let rounds = trails.compared.entry(at.clone()).or_default();
        *rounds = if whole { 0 } else { rounds.saturating_add(u32::from(!told)) };
    }

    /// Flags changed in a mailbox, and nothing but a comparison finds them: a pass that does not come to its end still has to be made.
    pub(super) fn owes(&mut self, at: &MailboxAt) {
        self.trails().owed.insert(at.clone());
    }

    /// A mailbox has the UIDVALIDITY that it had.
    pub(super) fn steady(&mut self, mailbox: &str) {
        self.found_again.remove(mailbox);
    }

    /// A mailbox has another UIDVALIDITY than before. Whether it had this one already: then it changes to and fro. Only who leads can tell.
    pub(super) fn flaps(&mut self, mailbox: &str, before: u32, now: u32) -> bool {
        if self.is_beside {
            return true;
        }
        let former = self.former.entry(mailbox.to_owned()).or_default();
        if former.contains(&now) {
            let again = self.found_again.entry(mailbox.to_owned()).or_insert((now, 0));
            *again = if again.0 == now { (now, again.1.saturating_add(1)) } else { (now, 1) };
            if again.1 < STEADY {
                return true;
            }
            former.retain(|one| *one != now);
            self.found_again.remove(mailbox);
        }
        if !former.contains(&before) && former.len() < 100 {
            former.push(before);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{MailboxAt, Suspects};

    #[test]
    fn a_comparison_is_owed_until_one_from_the_top_is_made() {
        let mut suspects = Suspects::default();
        let at = MailboxAt { name: Arc::from("INBOX"), uid_validity: 7 };
        assert!(suspects.is_due(&at), "nothing is known of it");
        suspects.compared(&at, true, false, false);
        assert!(!suspects.is_due(&at));
        suspects.owes(&at);
        // One that goes on below, and one that did without.
        suspects.compared(&at, true, false, true);
        suspects.compared(&at, false, true, false);
        assert!(suspects.is_due(&at));
        suspects.compared(&at, true, true, false);
        assert!(!suspects.is_due(&at));
    }
}
