//! Who syncs what: the turns of an account, and which of its connections has which mailbox in hand. Pure: the time is an argument.
//!
//! The leading connection may take any turn. One beside it may take those of mailboxes of which nothing is suspected and at which none of those beside
//! came to grief in this round: these are left to the one that leads, whose [`Suspects`](super::suspects::Suspects) close in on what is wrong. No mailbox
//! is ever in two hands. A mailbox that changed while somebody has it in hand has its turn when it comes free.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use super::order::{Agenda, End, Outlook, Turn};

/// More changed mailboxes than this are all looked at.
const CHANGED_MAX: usize = 1_000;

/// Whoever said so long ago that it makes room for what is more urgent, and has not, is not waited for.
const ROOM: Duration = Duration::from_secs(5);

/// One of the connections that sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lane(pub u32);

impl Lane {
    /// The one that leads.
    pub(super) const LEADING: Self = Self(0);
}

/// Whether a connection beside is worth its login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    Now,
    /// Then, if nothing has changed.
    At(Instant),
    Not,
}

/// The turns, and who makes them.
#[derive(Debug)]
pub(super) struct Lanes {
    agenda: Agenda,
    listed: Vec<String>,
    /// Mailboxes in which something changed.
    changed: BTreeSet<String>,
    /// Mailboxes that are looked at.
    looked: Vec<String>,
    /// Mailboxes at which connections end: they go behind all others.
    troubled: HashSet<String>,
    /// Mailboxes of which something is suspected.
    marked: HashSet<String>,
    /// Mailboxes that those beside gave back in this round.
    returned: HashSet<String>,
    in_hand: BTreeMap<String, Lane>,
    /// Those that are connected and found nothing to do.
    idle: BTreeSet<Lane>,
    /// Those beside that are being connected.
    opening: BTreeSet<Lane>,
    /// Who makes room for what is more urgent, and since when.
    making_room: Option<(Lane, Instant)>,
    /// Since when the leading one is at its turn.
    leading_since: Option<Instant>,
    /// Only the leading one acts: it lists the mailboxes, or is not there.
    shut: bool,
    round: u64,
    /// A turn was made beside in this round.
    well_beside: bool,
    /// Mailboxes that had a turn since all began anew: rounds that are broken off go on with the others.
    had_turn: HashSet<String>,
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            agenda: Agenda::default(),
            listed: Vec::new(),
            changed: BTreeSet::new(),
            looked: Vec::new(),
            troubled: HashSet::new(),
            marked: HashSet::new(),
            returned: HashSet::new(),
            in_hand: BTreeMap::new(),
            idle: BTreeSet::new(),
            opening: BTreeSet::new(),
            making_room: None,
            leading_since: None,
            shut: true,
            round: 0,
            well_beside: false,
            had_turn: HashSet::new(),
        }
    }
}

impl Lanes {
    /// Those beside let go of what they have in hand, and take nothing.
    pub(super) fn shut(&mut self) {
        self.shut = true;
        self.idle.remove(&Lane::LEADING);
    }

    /// Whether they are to let go.
    pub(super) fn is_shut(&self) -> bool {
        self.shut
    }

    /// What is not seen by the passes that come is told once more; all mailboxes have their turn anew.
    pub(super) fn begin_anew(&mut self) {
        self.changed.clear();
        self.had_turn.clear();
    }

    /// A new round begins: these mailboxes there are, and these have to be opened. Where the one before was broken off, those that had no turn in it come
    /// first: without modification sequences all of them are opened each time, and the last would never be.
    pub(super) fn begin(&mut self, listed: Vec<String>, mut outlooks: Vec<Outlook>) {
        if outlooks.iter().all(|outlook| self.had_turn.contains(&outlook.mailbox)) {
            self.had_turn.clear();
        }
        outlooks.sort_by_key(|outlook| self.had_turn.contains(&outlook.mailbox));
        self.agenda = Agenda::new(outlooks);
        self.listed = listed;
        self.returned.clear();
        (self.shut, self.well_beside, self.making_room) = (false, false, None);
        self.round = self.round.wrapping_add(1);
    }

    /// The number of the round.
    pub(super) fn round(&self) -> u64 {
        self.round
    }

    /// What the leading one suspects.
    pub(super) fn suspect(&mut self, troubled: HashSet<String>, marked: HashSet<String>) {
        (self.troubled, self.marked) = (troubled, marked);
    }

    /// Something changed in a mailbox. Whether that can be kept in mind: of too many, all mailboxes are looked at.
    #[must_use]
    pub(super) fn change(&mut self, mailbox: &str) -> bool {
        let fits = self.changed.len() < CHANGED_MAX;
        if fits {
            self.changed.insert(mailbox.to_owned());
        }
        fits
    }

    /// These mailboxes are looked at.
    pub(super) fn look_first(&mut self, mailboxes: Vec<String>) {
        self.looked = mailboxes;
    }

    /// Whether a mailbox is looked at.
    pub(super) fn is_looked_at(&self, mailbox: &str) -> bool {
        self.looked.iter().any(|looked| looked == mailbox)
    }

    /// What is looked at, without those at which connections end.
    fn calm(&self) -> Vec<String> {
        self.looked.iter().filter(|name| !self.troubled.contains(*name)).cloned().collect()
    }

    fn is_listed(&self, mailbox: &str) -> bool {
        mailbox == "INBOX" || self.listed.iter().any(|listed| listed == mailbox)
    }

    /// Whether a connection may have a mailbox, if nobody else has it.
    fn may_have(&self, lane: Lane, mailbox: &str) -> bool {
        let is_left_alone = || {
            self.shut || [&self.troubled, &self.marked, &self.returned].into_iter().any(|names| names.contains(mailbox))
        };
        lane == Lane::LEADING || !is_left_alone()
    }

    fn is_free(&self, lane: Lane, mailbox: &str) -> bool {
        !self.in_hand.contains_key(mailbox) && self.may_have(lane, mailbox)
    }

    /// The next turn for a connection; without one, it is idle.
    pub(super) fn take(&mut self, lane: Lane, now: Instant) -> Option<Turn> {
        if self.making_room.is_some_and(|(other, _)| other == lane) {
            self.making_room = None;
        }
        let changed = self.take_changed(lane);
        let looked = self.calm();
        let mut agenda = std::mem::take(&mut self.agenda);
        let turn = agenda.next(changed, &looked, |mailbox| self.is_free(lane, mailbox));
        self.agenda = agenda;
        let since = turn.as_ref().map(|_| now);
        if lane == Lane::LEADING {
            self.leading_since = since;
        }
        match &turn {
            Some(turn) => {
                self.had_turn.insert(turn.mailbox.clone());
                self.in_hand.insert(turn.mailbox.clone(), lane);
                self.idle.remove(&lane);
            }
            None => {
                self.idle.insert(lane);
            }
        }
        turn
    }

    /// A mailbox that changed, INBOX before others. One that is left alone stays so, and one at which connections end waits for all others.
    fn take_changed(&mut self, lane: Lane) -> Option<String> {
        let inbox = self.changed.get("INBOX").cloned();
        let others = self.changed.iter().filter(|name| *name != "INBOX").cloned();
        for name in inbox.into_iter().chain(others).collect::<Vec<_>>() {
            if !self.is_listed(&name) {
                // Those beside do not know what is being listed.
                if lane == Lane::LEADING {
                    self.changed.remove(&name);
                }
            } else if self.troubled.contains(&name) {
                if lane == Lane::LEADING {
                    self.changed.remove(&name);
                    self.agenda.later(name);
                }
            } else if self.is_free(lane, &name) {
                self.changed.remove(&name);
                return Some(name);
            }
        }
        None
    }

    /// The one that leads is about something else.
    pub(super) fn is_busy(&mut self) {
        self.idle.remove(&Lane::LEADING);
    }

    /// Whether a turn should be broken off for what is more urgent, and nobody else makes room for that.
    pub(super) fn is_urgent(&mut self, lane: Lane, turn: &Turn, now: Instant) -> bool {
        if lane != Lane::LEADING && self.shut {
            return true;
        }
        let idle = |mailbox: &str| self.idle.iter().any(|other| *other != lane && self.may_have(*other, mailbox));
        let mine = |mailbox: &str| self.may_have(lane, mailbox) && !idle(mailbox);
        let changed = self.changed.iter().any(|name| {
            let is_mine = match self.in_hand.get(name) {
                Some(other) => *other == lane,
                None => mine(name),
            };
            is_mine && self.is_listed(name) && !self.troubled.contains(name)
        });
        let free = |mailbox: &str| !self.in_hand.contains_key(mailbox) && mine(mailbox);
        if !changed && !self.agenda.is_outrun(turn, &self.calm(), free) {
            return false;
        }
        match self.making_room {
            Some((other, _)) if other == lane => true,
            Some((_, since)) if now.saturating_duration_since(since) < ROOM => false,
            _ => {
                self.making_room = Some((lane, now));
                true
            }
        }
    }

    /// A turn came to its end.
    pub(super) fn ended(&mut self, lane: Lane, turn: Turn, end: End) {
        self.in_hand.remove(&turn.mailbox);
        self.well_beside |= lane != Lane::LEADING && end != End::Interrupted;
        if lane == Lane::LEADING {
            self.leading_since = None;
        }
        self.agenda.ended(turn, end);
    }

    /// A turn was not made. Where it is the leading one's, its connection has fallen.
    pub(super) fn let_go(&mut self, lane: Lane, turn: Turn) {
        self.in_hand.remove(&turn.mailbox);
        if lane == Lane::LEADING {
            self.leading_since = None;
            self.shut();
        }
        if turn.changed {
            self.changed.insert(turn.mailbox);
        } else {
            self.agenda.ended(turn, End::Interrupted);
        }
    }

    /// A turn came to grief beside: the mailbox is the leading one's for this round.
    pub(super) fn give_back(&mut self, lane: Lane, turn: Turn) {
        self.returned.insert(turn.mailbox.clone());
        self.let_go(lane, turn);
    }

    /// Whether no turn is left but this one.
    pub(super) fn is_last(&self, turn: &Turn) -> bool {
        self.agenda.is_empty() && self.in_hand.keys().all(|name| *name == turn.mailbox) && self.listed.len() > 1
    }

    /// Whether a turn was made beside in this round.
    pub(super) fn is_well_beside(&self) -> bool {
        self.well_beside
    }

    /// Whether one beside has something in hand.
    pub(super) fn is_at_work_beside(&self) -> bool {
        self.in_hand.values().any(|lane| *lane != Lane::LEADING)
    }

    /// Whether there is nothing to do for anybody.
    pub(super) fn is_over(&self) -> bool {
        !self.shut && self.agenda.is_empty() && self.in_hand.is_empty() && self.changed.is_empty()
    }

    /// Whether another connection beside is worth its login: there is much to do for it, or the leading one has been at one turn for longer than
    /// `patience` while others wait.
    pub(super) fn worth(&self, now: Instant, patience: Duration) -> Worth {
        if self.shut {
            return Worth::Not;
        }
        let beside = Lane(Lane::LEADING.0.saturating_add(1));
        let without_work = self.idle.iter().filter(|lane| **lane != Lane::LEADING).count();
        let enough = self.opening.len().saturating_add(without_work).saturating_add(1);
        let agenda = self.agenda.waiting().filter(|name| self.is_free(beside, name)).take(enough).count();
        if self.agenda.is_long() && agenda >= enough {
            return Worth::Now;
        }
        let Some(since) = self.leading_since else { return Worth::Not };
        let changed = self.changed.iter().filter(|name| self.is_listed(name) && self.is_free(beside, name));
        if agenda.saturating_add(changed.take(enough).count()) < enough {
            return Worth::Not;
        }
        let due = since.checked_add(patience).unwrap_or(since);
        if due <= now { Worth::Now } else { Worth::At(due) }
    }

    /// One beside is being connected.
    pub(super) fn open(&mut self, lane: Lane) {
        self.opening.insert(lane);
    }

    /// It is connected.
    pub(super) fn opened(&mut self, lane: Lane) {
        self.opening.remove(&lane);
    }

    /// It is gone.
    pub(super) fn closed(&mut self, lane: Lane) {
        self.opening.remove(&lane);
        self.idle.remove(&lane);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::super::order::{Depth, End, Outlook, Turn};
    use super::{Lane, Lanes, ROOM, Worth};

    const LEADING: Lane = Lane::LEADING;
    const BESIDE: Lane = Lane(1);
    const THIRD: Lane = Lane(2);
    const PATIENCE: Duration = Duration::from_secs(5);

    fn lanes(mailboxes: &[(&str, u64)]) -> Lanes {
        let mut lanes = Lanes::default();
        let outlook = |&(name, new): &(&str, u64)| Outlook { mailbox: name.to_owned(), new: Some(new) };
        let listed = mailboxes.iter().map(|(name, _)| (*name).to_owned()).collect();
        lanes.begin(listed, mailboxes.iter().map(outlook).collect());
        lanes
    }

    fn names(names: &[&str]) -> HashSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[track_caller]
    fn takes(lanes: &mut Lanes, lane: Lane, expected: &str) -> Option<Turn> {
        let turn = lanes.take(lane, Instant::now());
        let told = turn.as_ref().map(|turn| {
            let depth = if turn.depth == Depth::List { "" } else { "+" };
            format!("{depth}{}{}", turn.mailbox, if turn.changed { "!" } else { "" })
        });
        assert_eq!(told.unwrap_or_default(), expected);
        turn
    }

    #[test]
    fn no_mailbox_is_in_two_hands() {
        let mut lanes = lanes(&[("INBOX", 900), ("A", 900)]);
        let inbox = takes(&mut lanes, LEADING, "INBOX").unwrap();
        let a = takes(&mut lanes, BESIDE, "A").unwrap();
        takes(&mut lanes, THIRD, "");
        assert!(lanes.change("A") && lanes.change("INBOX"));
        takes(&mut lanes, THIRD, "");
        lanes.ended(BESIDE, a, End::Listed);
        // What changed while it was in hand has its turn when it comes free.
        let a = takes(&mut lanes, THIRD, "A!").unwrap();
        takes(&mut lanes, BESIDE, "");
        lanes.ended(THIRD, a, End::Done);
        lanes.ended(LEADING, inbox, End::Listed);
        let inbox = takes(&mut lanes, BESIDE, "INBOX!").unwrap();
        takes(&mut lanes, LEADING, "");
        assert!(!lanes.is_over());
        lanes.ended(BESIDE, inbox, End::Listed);
        let inbox = takes(&mut lanes, BESIDE, "+INBOX").unwrap();
        assert!(lanes.is_at_work_beside() && !lanes.is_over());
        lanes.ended(BESIDE, inbox, End::Done);
        assert!(!lanes.is_at_work_beside() && lanes.is_over());
    }

    #[test]
    fn what_is_suspected_or_came_to_grief_is_the_leading_ones() {
        let mut lanes = lanes(&[("INBOX", 9), ("A", 9), ("B", 9), ("C", 9)]);
        lanes.suspect(names(&["A"]), names(&["A", "B"]));
        let inbox = takes(&mut lanes, BESIDE, "+INBOX").unwrap();
        lanes.give_back(BESIDE, inbox);
        let c = takes(&mut lanes, BESIDE, "+C").unwrap();
        assert!(lanes.change("INBOX") && lanes.change("A") && lanes.change("B"));
        takes(&mut lanes, THIRD, "");
        lanes.ended(BESIDE, c, End::Done);
        takes(&mut lanes, BESIDE, "");
        // One at which connections end goes behind the others.
        for expected in ["+INBOX!", "+B!", "+A"] {
            let turn = takes(&mut lanes, LEADING, expected).unwrap();
            lanes.ended(LEADING, turn, End::Done);
        }
        assert!(lanes.is_over() && lanes.is_well_beside());
        // For that round only; what changed and came to grief is told again.
        lanes.begin(vec!["INBOX".to_owned()], Vec::new());
        assert!(lanes.change("INBOX"));
        let inbox = takes(&mut lanes, BESIDE, "+INBOX!").unwrap();
        lanes.give_back(BESIDE, inbox);
        takes(&mut lanes, BESIDE, "");
        takes(&mut lanes, LEADING, "+INBOX!");
    }

    #[test]
    fn a_round_that_is_broken_off_goes_on_with_those_that_had_no_turn() {
        const ALL: [(&str, u64); 3] = [("INBOX", 0), ("A", 0), ("B", 0)];
        let outlook = |&(name, new): &(&str, u64)| Outlook { mailbox: name.to_owned(), new: Some(new) };
        let mut lanes = lanes(&ALL);
        let again = |lanes: &mut Lanes| {
            lanes.begin(ALL.iter().map(|(name, _)| (*name).to_owned()).collect(), ALL.iter().map(outlook).collect());
        };
        let inbox = takes(&mut lanes, LEADING, "+INBOX").unwrap();
        lanes.ended(LEADING, inbox, End::Done);
        again(&mut lanes);
        for expected in ["+A", "+B"] {
            let turn = takes(&mut lanes, LEADING, expected).unwrap();
            lanes.ended(LEADING, turn, End::Done);
        }
        // All have had one: it begins anew.
        again(&mut lanes);
        let inbox = takes(&mut lanes, LEADING, "+INBOX").unwrap();
        lanes.ended(LEADING, inbox, End::Done);
    }

    #[test]
    fn one_makes_room_and_only_where_nobody_is_idle() {
        let now = Instant::now();
        let mut lanes = lanes(&[("INBOX", 9), ("A", 9), ("B", 0)]);
        let inbox = takes(&mut lanes, LEADING, "+INBOX").unwrap();
        let a = takes(&mut lanes, BESIDE, "+A").unwrap();
        assert!(!lanes.is_urgent(LEADING, &inbox, now) && !lanes.is_urgent(BESIDE, &a, now));
        // In the other one's hand: nobody else can have it.
        assert!(lanes.change("A"));
        assert!(!lanes.is_urgent(LEADING, &inbox, now));
        assert!(lanes.is_urgent(BESIDE, &a, now));
        lanes.ended(BESIDE, a, End::Interrupted);
        let a = takes(&mut lanes, BESIDE, "+A!").unwrap();
        assert!(!lanes.is_urgent(BESIDE, &a, now));
        // One is enough, unless it does not come to it.
        assert!(lanes.change("B"));
        assert!(lanes.is_urgent(BESIDE, &a, now) && lanes.is_urgent(BESIDE, &a, now));
        assert!(!lanes.is_urgent(LEADING, &inbox, now) && lanes.is_urgent(LEADING, &inbox, now + ROOM));
        let b = takes(&mut lanes, THIRD, "+B!").unwrap();
        lanes.ended(THIRD, b, End::Done);
        takes(&mut lanes, THIRD, "");
        // The idle one does it.
        assert!(lanes.change("B"));
        assert!(!lanes.is_urgent(LEADING, &inbox, now + ROOM) && !lanes.is_urgent(BESIDE, &a, now + ROOM));
        assert!(lanes.change("INBOX"));
        assert!(lanes.is_urgent(LEADING, &inbox, now + ROOM), "what one has in hand nobody else can have");
        lanes.begin_anew();
        assert!(lanes.change("B"));
        lanes.suspect(HashSet::new(), names(&["B"]));
        assert!(lanes.is_urgent(LEADING, &inbox, now + ROOM) && !lanes.is_urgent(BESIDE, &a, now + ROOM));
        // What nobody syncs interrupts nobody.
        lanes.begin_anew();
        assert!(lanes.change("Gone"));
        assert!(!lanes.is_urgent(LEADING, &inbox, now + ROOM));
        lanes.shut();
        assert!(lanes.is_urgent(BESIDE, &a, now) && !lanes.is_urgent(LEADING, &inbox, now));
        lanes.let_go(BESIDE, a);
        takes(&mut lanes, BESIDE, "");
    }

    #[test]
    fn another_connection_is_opened_only_where_it_is_worth_it() {
        let now = Instant::now();
        let worth = |lanes: &Lanes, at| lanes.worth(at, PATIENCE);
        assert_eq!(worth(&Lanes::default(), now), Worth::Not);
        // Nothing to do, and one mailbox, however large.
        for mailboxes in [&[][..], &[("INBOX", 9_000)], &[("INBOX", 9_000), ("A", 0)]] {
            let mut lanes = lanes(mailboxes);
            lanes.agenda.next(None, &[], |name| name == "A");
            lanes.take(LEADING, now);
            assert_eq!(worth(&lanes, now + PATIENCE), Worth::Not, "{mailboxes:?}");
        }
        // Much to do in more than one.
        let mut long = lanes(&[("INBOX", 900), ("A", 900)]);
        assert_eq!(worth(&long, now), Worth::Now);
        takes(&mut long, LEADING, "INBOX");
        assert_eq!(worth(&long, now), Worth::Now);
        long.open(BESIDE);
        assert_eq!(worth(&long, now), Worth::Not);
        long.opened(BESIDE);
        takes(&mut long, BESIDE, "A");
        assert_eq!(worth(&long, now + PATIENCE), Worth::Not);
        // Little, and it takes its time.
        let mut short = lanes(&[("INBOX", 9), ("A", 9)]);
        assert_eq!(worth(&short, now), Worth::Not);
        let inbox = short.take(LEADING, now).unwrap();
        assert_eq!(worth(&short, now), Worth::At(now + PATIENCE));
        assert_eq!(worth(&short, now + PATIENCE), Worth::Now);
        short.suspect(HashSet::new(), names(&["A"]));
        assert_eq!(worth(&short, now + PATIENCE), Worth::Not);
        assert!(short.change("A") && short.change("Gone"));
        assert_eq!(worth(&short, now + PATIENCE), Worth::Not);
        short.suspect(HashSet::new(), HashSet::new());
        short.ended(LEADING, inbox, End::Done);
        assert_eq!(worth(&short, now + PATIENCE), Worth::Not);
        // What changes while one mailbox takes its time.
        let mut idle = lanes(&[]);
        idle.begin(vec!["INBOX".to_owned(), "A".to_owned()], Vec::new());
        assert!(idle.change("INBOX"));
        assert_eq!(worth(&idle, now), Worth::Not);
        idle.take(LEADING, now);
        assert!(idle.change("A"));
        assert_eq!(worth(&idle, now), Worth::At(now + PATIENCE));
    }
}
