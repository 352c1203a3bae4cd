//! In which order mailboxes are synced: a pure function of what is known of each and of what the user looks at.
//!
//! A case lies in several mailboxes, and its list is worth more than the bodies of any of them. Where the bodies will take long, the
//! lists of all mailboxes (their messages by header fields) come before the bodies of any. Within both, what is looked at comes first,
//! then INBOX, then the others as they were listed. Who makes which turn, where several connections do, is [`super::lanes`]' matter.

use std::collections::VecDeque;

use super::sink::Known;
use super::untagged::Status;

/// Bodies of more messages than this take long: about 20 seconds, at 50 kB each and 1 MB a second.
const MANY: u64 = 400;

/// How much of a mailbox is synced in one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Its list; bodies are left for another turn.
    List,
    /// All of it.
    Whole,
}

/// One pass to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub mailbox: String,
    pub depth: Depth,
    /// Something changed in it just now: what is looked at does not go before that.
    pub changed: bool,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing is left to do in the mailbox, or the server refuses it.
    Done,
    /// The list is complete; bodies are lacking.
    Listed,
    /// Something more urgent came up.
    Interrupted,
}

/// What is to be expected of a mailbox that has to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outlook {
    pub mailbox: String,
    /// Messages that are not on its list yet, at most; `None`: the server did not say.
    pub new: Option<u64>,
}

/// What is to be expected of a mailbox, by what is held and what the server said of it.
pub(super) fn outlook(mailbox: &str, known: Option<&Known>, status: Option<&Status>) -> Outlook {
    let messages = status.and_then(|status| status.messages).map(u64::from);
    let new = match (known, status) {
        (Some(known), Some(status)) if status.uid_validity == Some(known.uid_validity) => {
            match (known.position.uid_next, status.uid_next) {
                (Some(before), Some(now)) => {
                    Some(u64::from(now.saturating_sub(before)).min(messages.unwrap_or(u64::MAX)))
                }
                _ => messages,
            }
        }
        // It was listed once, and nothing says that much came since.
        (Some(known), None) if known.position.uid_next.is_some() => Some(0),
        _ => messages,
    };
    Outlook { mailbox: mailbox.to_owned(), new }
}

/// The turns that are still to come.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    lists_first: bool,
    lists: VecDeque<String>,
    bodies: VecDeque<String>,
}

impl Agenda {
    /// For these mailboxes, in this order where nothing else speaks against it.
    pub(super) fn new(outlooks: Vec<Outlook>) -> Self {
        let filling = || outlooks.iter().filter(|outlook| outlook.new != Some(0));
        // One of which the server does not say how much there is goes along with the others; where it says it of none, each would be opened twice
        // for nothing.
        let expected = filling().filter_map(|outlook| outlook.new).fold(0, u64::saturating_add);
        let lists_first = filling().count() > 1 && expected > MANY;
        let lists = filling().filter(|_| lists_first).map(|outlook| outlook.mailbox.clone()).collect();
        Self { lists_first, lists, bodies: outlooks.into_iter().map(|outlook| outlook.mailbox).collect() }
    }

    /// The next turn: the mailbox that `changed`, if any, else the lists, else the bodies; of these, what is looked at first. Mailboxes that are not
    /// free are left where they are.
    pub(super) fn next(
        &mut self,
        changed: Option<String>,
        looked: &[String],
        is_free: impl Fn(&str) -> bool,
    ) -> Option<Turn> {
        if let Some(mailbox) = changed {
            self.lists.retain(|other| *other != mailbox);
            if self.lists_first && self.bodies.contains(&mailbox) {
                // Its bodies have their turn.
                return Some(Turn { mailbox, depth: Depth::List, changed: true });
            }
            self.bodies.retain(|other| *other != mailbox);
            return Some(Turn { mailbox, depth: Depth::Whole, changed: true });
        }
        let turn = |depth| move |mailbox| Turn { mailbox, depth, changed: false };
        let list = first(&mut self.lists, looked, &is_free).map(turn(Depth::List));
        list.or_else(|| first(&mut self.bodies, looked, &is_free).map(turn(Depth::Whole)))
    }

    /// Whether a turn should make room, because another mailbox is looked at and free.
    pub(super) fn is_outrun(&self, turn: &Turn, looked: &[String], is_free: impl Fn(&str) -> bool) -> bool {
        let bodies = self.bodies.iter().filter(|_| turn.depth == Depth::Whole);
        let mut waiting = self.lists.iter().chain(bodies);
        !turn.changed
            && !looked.contains(&turn.mailbox)
            && waiting.any(|mailbox| looked.contains(mailbox) && is_free(mailbox))
    }

    /// Whether it will take long: lists come before bodies.
    pub(super) fn is_long(&self) -> bool {
        self.lists_first
    }

    /// Mailboxes that wait for a turn, each once.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &str> {
        // Whatever has its list before it has its bodies as well.
        self.bodies.iter().map(String::as_str)
    }

    /// A mailbox has its turn behind all others.
    pub(super) fn later(&mut self, mailbox: String) {
        if !self.bodies.contains(&mailbox) {
            self.bodies.push_back(mailbox);
        }
    }

    /// Whether no turn is left.
    pub(super) fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.bodies.is_empty()
    }

    /// Takes note of how a turn ended.
    pub(super) fn ended(&mut self, turn: Turn, end: End) {
        match (end, turn.depth) {
            (End::Done, _) => self.bodies.retain(|other| *other != turn.mailbox),
            (End::Listed, _) if self.bodies.contains(&turn.mailbox) => {}
            (End::Listed, _) => self.bodies.push_back(turn.mailbox),
            (End::Interrupted, Depth::List) => self.lists.push_front(turn.mailbox),
            (End::Interrupted, Depth::Whole) => self.bodies.push_front(turn.mailbox),
        }
    }
}

/// Takes the first that is looked at, or else the first, of those that are free.
fn first(queue: &mut VecDeque<String>, looked: &[String], is_free: impl Fn(&str) -> bool) -> Option<String> {
    let seen = queue.iter().position(|mailbox| looked.contains(mailbox) && is_free(mailbox));
    let place = seen.or_else(|| queue.iter().position(|mailbox| is_free(mailbox)))?;
    queue.remove(place)
}

#[cfg(test)]
mod tests {
    use super::super::sink::Position;
    use super::{Agenda, Depth, End, Known, Outlook, Status, outlook};

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn agenda(mailboxes: &[(&str, Option<u64>)]) -> Agenda {
        let outlook = |&(name, new): &(&str, Option<u64>)| Outlook { mailbox: name.to_owned(), new };
        Agenda::new(mailboxes.iter().map(outlook).collect())
    }

    fn free(_: &str) -> bool {
        true
    }

    /// All turns: `+` before those over bodies. Each list leaves bodies to fetch.
    fn turns(agenda: &mut Agenda, looked: &[&str]) -> String {
        let mut turns = Vec::new();
        while let Some(turn) = agenda.next(None, &names(looked), free) {
            let (sign, end) = if turn.depth == Depth::List { ("", End::Listed) } else { ("+", End::Done) };
            turns.push(format!("{sign}{}", turn.mailbox));
            agenda.ended(turn, end);
        }
        turns.join(" ")
    }

    #[test]
    fn the_order_of_passes() {
        #[track_caller]
        fn check(mailboxes: &[(&str, Option<u64>)], looked: &[&str], expected: &str) {
            assert_eq!(turns(&mut agenda(mailboxes), looked), expected);
        }
        let first = [("INBOX", Some(9_000)), ("Sent", Some(300)), ("Cases", Some(4_000)), ("Empty", Some(0))];
        check(&first, &[], "INBOX Sent Cases +INBOX +Sent +Cases +Empty");
        check(&first, &["Cases"], "Cases INBOX Sent +Cases +INBOX +Sent +Empty");
        check(&first, &["Gone", "Cases", "Sent"], "Sent Cases INBOX +Sent +Cases +INBOX +Empty");
        // Over all mailboxes it is much.
        check(&[("INBOX", Some(250)), ("Sent", Some(151))], &[], "INBOX Sent +INBOX +Sent");
        check(&[("INBOX", Some(250)), ("Sent", Some(150))], &[], "+INBOX +Sent");
        check(&[("INBOX", Some(250)), ("Sent", Some(150))], &["Sent"], "+Sent +INBOX");
        // Nobody waits for the list of another one.
        check(&[("INBOX", Some(9_000)), ("Sent", Some(0))], &[], "+INBOX +Sent");
        // The server does not say.
        check(&[("INBOX", None), ("Sent", None)], &[], "+INBOX +Sent");
        check(&[("INBOX", None), ("Sent", Some(9_000))], &[], "INBOX Sent +INBOX +Sent");
        check(&[("INBOX", None), ("Sent", Some(0))], &[], "+INBOX +Sent");
        check(&[], &["Sent"], "");
    }

    #[test]
    fn what_is_to_be_expected() {
        let position = Position { uid_next: Some(11), highest_modseq: Some(100), exists: 10 };
        let known = Known { name: "A".to_owned(), uid_validity: 7, position, ..Known::default() };
        let broken_off = Known { position: Position::default(), ..known.clone() };
        let status = Status { messages: Some(40), uid_next: Some(31), uid_validity: Some(7), ..Status::default() };
        #[track_caller]
        fn check(known: Option<&Known>, status: Option<&Status>, new: Option<u64>) {
            assert_eq!(outlook("A", known, status), Outlook { mailbox: "A".to_owned(), new });
        }
        check(None, Some(&status), Some(40));
        check(None, None, None);
        check(None, Some(&Status::default()), None);
        check(Some(&known), Some(&status), Some(20));
        check(Some(&known), Some(&Status { messages: Some(5), ..status.clone() }), Some(5));
        check(Some(&known), Some(&Status { uid_next: Some(11), ..status.clone() }), Some(0));
        check(Some(&known), Some(&Status { uid_next: None, ..status.clone() }), Some(40));
        check(Some(&known), Some(&Status { uid_validity: Some(8), ..status.clone() }), Some(40));
        check(Some(&known), None, Some(0));
        check(Some(&broken_off), Some(&status), Some(40));
        check(Some(&broken_off), None, None);
    }

    #[test]
    fn what_changed_and_what_is_looked_at_meanwhile() {
        let mut long = agenda(&[("INBOX", Some(900)), ("A", Some(900)), ("B", Some(900))]);
        let inbox = long.next(None, &[], free).unwrap();
        assert!(!long.is_outrun(&inbox, &[], free) && !long.is_outrun(&inbox, &names(&["INBOX", "A"]), free));
        assert!(!long.is_outrun(&inbox, &names(&["Gone"]), free));
        assert!(long.is_outrun(&inbox, &names(&["B"]), free));
        long.ended(inbox, End::Interrupted);
        // New mail comes on the list at once; its body has its turn.
        let changed = long.next(Some("A".to_owned()), &names(&["B"]), free).unwrap();
        assert!(changed.depth == Depth::List && !long.is_outrun(&changed, &names(&["B"]), free));
        long.ended(changed, End::Listed);
        assert_eq!(turns(&mut long, &["B"]), "B INBOX +B +INBOX +A");
        // Where all is done, what changed is synced whole.
        assert_eq!(long.next(Some("A".to_owned()), &[], free).unwrap().depth, Depth::Whole);

        let mut short = agenda(&[("INBOX", Some(9)), ("A", Some(9)), ("B", Some(9))]);
        let changed = short.next(Some("B".to_owned()), &[], free).unwrap();
        assert!(changed.depth == Depth::Whole && !short.is_outrun(&changed, &names(&["A"]), free));
        short.ended(changed, End::Interrupted);
        assert_eq!(turns(&mut short, &[]), "+B +INBOX +A");

        // A list that lacks nothing, and a mailbox that is refused, are done.
        let mut long = agenda(&[("INBOX", Some(900)), ("A", Some(900))]);
        let inbox = long.next(None, &[], free).unwrap();
        long.ended(inbox, End::Done);
        assert_eq!(turns(&mut long, &[]), "A +A");
    }

    #[test]
    fn what_is_not_free_stays_where_it_is() {
        let mut long = agenda(&[("INBOX", Some(900)), ("A", Some(900)), ("B", Some(0))]);
        let but = |taken: &'static str| move |mailbox: &str| mailbox != taken;
        assert!(long.is_long() && long.waiting().eq(["INBOX", "A", "B"]));
        let inbox = long.next(None, &[], free).unwrap();
        let a = long.next(None, &[], but("INBOX")).unwrap();
        assert_eq!((a.mailbox.as_str(), a.depth), ("A", Depth::List));
        // The bodies of those whose lists are in hand have their turn later.
        let b = long.next(None, &names(&["A"]), |mailbox| mailbox == "B").unwrap();
        assert_eq!((b.mailbox.as_str(), b.depth), ("B", Depth::Whole));
        assert!(long.next(None, &[], |_| false).is_none() && !long.is_empty());
        assert!(long.is_outrun(&b, &names(&["A"]), free) && !long.is_outrun(&b, &names(&["A"]), but("A")));
        long.ended(b, End::Done);
        long.ended(inbox, End::Listed);
        // A list that was broken off goes before bodies, also those that are under way.
        long.ended(a, End::Interrupted);
        let bodies = long.next(None, &[], but("A")).unwrap();
        assert_eq!((bodies.mailbox.as_str(), bodies.depth), ("INBOX", Depth::Whole));
        assert!(long.is_outrun(&bodies, &names(&["A"]), free));
        assert_eq!(turns(&mut long, &[]), "A +A");
    }
}
