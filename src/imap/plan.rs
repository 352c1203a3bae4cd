//! What to do with a mailbox: a pure function of what is held and what SELECT said.
//!
//! RFC 4549 (disconnected clients) with RFC 7162: a changed UIDVALIDITY makes everything held worthless; modification sequences say what
//! changed; without them everything is compared. Whatever looks impossible (a UIDNEXT or a modification sequence that went backwards) is
//! answered by comparing everything, never by believing half of it.

use super::command::Opening;
use super::sink::{Held, Known};
use super::untagged::Status;

/// What SELECT said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Server {
    pub uid_validity: u32,
    pub uid_next: Option<u32>,
    pub exists: u32,
    /// `None`: no CONDSTORE, or NOMODSEQ for this mailbox.
    pub highest_modseq: Option<u64>,
    /// The mailbox was opened with QRESYNC: changed flags and vanished messages came with the answer.
    pub resynced: bool,
}

/// One thing to do, in the order of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Fetch the newest messages by header fields, so that there is a list at once.
    FirstPage,
    /// List everything: flags, what is new, what is gone.
    Compare,
    /// As `Compare`, of what lies below this UID: the rest was compared by a pass that broke off.
    CompareBelow(u32),
    /// Ask for flags that changed since this modification sequence.
    Changed(u64),
    /// List what is new, from this UID on.
    New(u32),
    /// Everything that is held is gone.
    Empty,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// What is held is of another UIDVALIDITY.
    pub forget: bool,
    pub steps: Vec<Step>,
    /// After the steps, compare everything unless as many messages are held then as the server has.
    pub count: bool,
}

/// A comparison that broke off. Of what it had reached, new messages and changed flags are found as after a whole one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Begun {
    pub uid_validity: u32,
    /// UIDNEXT and HIGHESTMODSEQ when it began, or as far as it was brought up to date since.
    pub uid_next: u32,
    pub highest_modseq: u64,
    /// Everything from this UID on was compared.
    pub floor: u32,
}

/// How to open a mailbox.
pub(super) fn opening(held: Option<&Held>, qresync: bool, condstore: bool) -> Opening {
    match held {
        Some(Held { uid_validity, position, .. }) if qresync && position.uid_next.is_some() => {
            match position.highest_modseq {
                Some(modseq) if modseq > 0 => Opening::Qresync(*uid_validity, modseq),
                _ => Opening::Condstore,
            }
        }
        _ if condstore || qresync => Opening::Condstore,
        _ => Opening::Plain,
    }
}

/// What is left of a comparison that broke off, if it can be gone on with.
fn go_on(begun: &Begun, held: &Held, server: &Server) -> Option<Vec<Step>> {
    let (Some(next), Some(modseq)) = (server.uid_next, server.highest_modseq) else { return None };
    let sane = begun.uid_validity == server.uid_validity
        && next >= begun.uid_next
        && modseq >= begun.highest_modseq
        && held.uids.contains(begun.floor)
        && held.uids.last().is_some_and(|last| last < next);
    let mut steps = Vec::new();
    if next > begun.uid_next {
        steps.push(Step::New(begun.uid_next));
    }
    if modseq > begun.highest_modseq {
        steps.push(Step::Changed(begun.highest_modseq));
    }
    steps.push(Step::CompareBelow(begun.floor));
    sane.then_some(steps)
}

/// The plan. `begun`: a comparison of this mailbox that broke off.
pub(super) fn plan(held: Option<&Held>, server: &Server, begun: Option<&Begun>) -> Plan {
    let (forget, held) = match held {
        Some(held) if held.uid_validity == server.uid_validity => (false, held),
        Some(_) => (true, &Held::default()),
        None => (false, &Held::default()),
    };
    let mut plan = Plan { forget, ..Plan::default() };
    if server.exists == 0 {
        if !held.uids.is_empty() {
            plan.steps.push(Step::Empty);
        }
        return plan;
    }
    if held.uids.is_empty() {
        plan.steps.extend([Step::FirstPage, Step::Compare]);
        return plan;
    }
    if held.position.uid_next.is_none()
        && let Some(steps) = begun.and_then(|begun| go_on(begun, held, server))
    {
        // What vanished of the part that was compared shows in the number of messages only.
        return Plan { steps, count: true, ..plan };
    }
    let (Some(known_next), Some(server_next)) = (held.position.uid_next, server.uid_next) else {
        plan.steps.push(Step::Compare);
        return plan;
    };
    if server_next < known_next || held.uids.last().is_some_and(|last| last >= server_next) {
        plan.steps.push(Step::Compare);
        return plan;
    }
    match (held.position.highest_modseq, server.highest_modseq) {
        // QRESYNC told what changed since the sequence that we named; a server whose own is lower has forgotten, and told nothing.
        (Some(known), Some(now)) if server.resynced && known <= now => {}
        (Some(known), Some(now)) if known == now => {}
        (Some(known), Some(now)) if known < now && known > 0 => plan.steps.push(Step::Changed(known)),
        _ => {
            plan.steps.push(Step::Compare);
            return plan;
        }
    }
    if server_next > known_next {
        plan.steps.insert(0, Step::New(known_next));
    }
    plan.count = true;
    plan
}

/// Whether STATUS (RFC 9051 §6.3.11) shows that nothing happened in a mailbox since its last pass: then it need not be opened. Flags change
/// without a trace where there is no modification sequence, so without one the answer is no.
pub(super) fn unchanged(known: &Known, status: &Status) -> bool {
    known.whole
        && status.uid_validity == Some(known.uid_validity)
        && status.uid_next.is_some()
        && status.uid_next == known.position.uid_next
        && status.messages == Some(known.position.exists)
        && status.highest_modseq.is_some_and(|modseq| modseq > 0 && Some(modseq) == known.position.highest_modseq)
}

/// Which mailboxes that we know by a name that is not listed any more are listed under a name that we do not know: by MAILBOXID (RFC 8474) where
/// both sides have one, else by UIDVALIDITY, UIDNEXT and number of messages, where these are those of one mailbox only. A
/// mailbox without messages is not worth a guess.
pub(super) fn renames(known: &[Known], listed: &[(&str, Option<&Status>)]) -> Vec<(String, String)> {
    let gone: Vec<&Known> = known
        .iter()
        .filter(|known| known.name != "INBOX" && listed.iter().all(|(name, _)| *name != known.name))
        .collect();
    let new: Vec<(&str, &Status)> = listed
        .iter()
        .filter(|(name, _)| known.iter().all(|known| known.name != *name))
        .filter_map(|(name, status)| Some((*name, (*status)?)))
        .collect();
    let same = |known: &Known, status: &Status| match (&known.mailbox_id, &status.mailbox_id) {
        (Some(before), Some(now)) => before == now && status.uid_validity == Some(known.uid_validity),
        _ => {
            known.position.exists > 0
                && status.uid_validity == Some(known.uid_validity)
                && status.uid_next.is_some()
                && status.uid_next == known.position.uid_next
                && status.messages == Some(known.position.exists)
        }
    };
    let mut found = Vec::new();
    for before in &gone {
        let mut now = new.iter().filter(|(_, status)| same(before, status));
        if let (Some((name, status)), None) = (now.next(), now.next())
            && gone.iter().filter(|other| same(other, status)).count() == 1
        {
            found.push((before.name.clone(), (*name).to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::sink::Position;
    use super::{Begun, Held, Known, Opening, Plan, Server, Status, Step, opening, plan, renames, unchanged};

    /// A mailbox of ten messages, as [`held`].
    fn known(name: &str) -> Known {
        let held = held();
        Known {
            name: name.to_owned(),
            uid_validity: held.uid_validity,
            position: held.position,
            whole: true,
            mailbox_id: None,
        }
    }

    fn status() -> Status {
        Status {
            messages: Some(10),
            uid_next: Some(11),
            uid_validity: Some(7),
            highest_modseq: Some(100),
            ..Status::default()
        }
    }

    #[test]
    fn what_need_not_be_opened() {
        #[track_caller]
        fn check(known: &Known, status: &Status, expected: bool) {
            assert_eq!(unchanged(known, status), expected, "{known:?} {status:?}");
        }
        let ours = known("A");
        check(&ours, &status(), true);
        check(&Known { whole: false, ..ours.clone() }, &status(), false);
        check(&Known { position: Position::default(), ..ours.clone() }, &Status::default(), false);
        for other in [
            Status { messages: Some(9), ..status() },
            Status { messages: None, ..status() },
            Status { uid_next: Some(12), ..status() },
            Status { uid_next: None, ..status() },
            Status { uid_validity: Some(8), ..status() },
            Status { uid_validity: None, ..status() },
            Status { highest_modseq: Some(101), ..status() },
            Status { highest_modseq: Some(99), ..status() },
            Status { highest_modseq: None, ..status() },
        ] {
            check(&ours, &other, false);
        }
        // No modification sequence, then and now: flags may have changed.
        let never = Known { position: Position { highest_modseq: None, ..ours.position }, ..ours };
        check(&never, &Status { highest_modseq: None, ..status() }, false);
        check(&never, &Status { highest_modseq: Some(0), ..status() }, false);
    }

    #[test]
    fn what_was_renamed() {
        #[track_caller]
        fn check(known: &[Known], listed: &[(&str, Option<&Status>)], expected: &[(&str, &str)]) {
            let expected: Vec<(String, String)> = expected.iter().map(|&(a, b)| (a.to_owned(), b.to_owned())).collect();
            assert_eq!(renames(known, listed), expected);
        }
        let id = |id: &str| Some(id.to_owned());
        let (ours, same) = ([known("A")], status());
        check(&ours, &[("B", Some(&same))], &[("A", "B")]);
        check(&ours, &[("A", Some(&same)), ("B", Some(&same))], &[]);
        check(&ours, &[("B", None)], &[]);
        check(&ours, &[("B", Some(&Status { messages: Some(9), ..status() }))], &[]);
        check(&ours, &[("B", Some(&Status { uid_validity: Some(8), ..status() }))], &[]);
        // Two that could be it, and two that it could be: nobody guesses.
        check(&ours, &[("B", Some(&same)), ("C", Some(&same))], &[]);
        check(&[known("A"), known("Z")], &[("B", Some(&same))], &[]);
        // The server's own name decides, even if messages came and went meanwhile.
        let named = [Known { mailbox_id: id("F1"), ..known("A") }, Known { mailbox_id: id("F2"), ..known("Z") }];
        let first = Status { mailbox_id: id("F1"), messages: Some(12), ..status() };
        let other = Status { mailbox_id: id("F3"), ..status() };
        check(&named, &[("B", Some(&first)), ("C", Some(&other))], &[("A", "B")]);
        // INBOX is never renamed: RENAME INBOX moves its messages and leaves it (RFC 9051 §6.3.6).
        check(&[known("INBOX")], &[("B", Some(&same))], &[]);
        let empty = Known { position: Position { exists: 0, ..known("A").position }, ..known("A") };
        check(&[empty], &[("B", Some(&Status { messages: Some(0), ..status() }))], &[]);
    }

    /// Ten messages, 1 to 10, of UIDVALIDITY 7, synced up to UIDNEXT 11 and modification sequence 100.
    fn held() -> Held {
        Held {
            uid_validity: 7,
            position: Position { uid_next: Some(11), highest_modseq: Some(100), exists: 10 },
            uids: (1..=10).into(),
            ..Held::default()
        }
    }

    const SERVER: Server =
        Server { uid_validity: 7, uid_next: Some(11), exists: 10, highest_modseq: Some(100), resynced: false };

    #[track_caller]
    fn check(held: Option<&Held>, server: Server, forget: bool, steps: &[Step], count: bool) {
        assert_eq!(plan(held, &server, None), Plan { forget, steps: steps.to_vec(), count });
    }

    #[test]
    fn every_branch() {
        use Step::{Changed, Compare, Empty, FirstPage, New};
        let ours = held();
        let at = |position| Held { position, ..held() };
        let begun = at(Position::default());
        let no_modseq = at(Position { uid_next: Some(11), highest_modseq: None, exists: 10 });

        // Nothing held.
        check(None, SERVER, false, &[FirstPage, Compare], false);
        check(None, Server { exists: 0, ..SERVER }, false, &[], false);
        // Nothing changed.
        check(Some(&ours), SERVER, false, &[], true);
        check(Some(&ours), Server { resynced: true, ..SERVER }, false, &[], true);
        // New, changed, vanished.
        check(Some(&ours), Server { uid_next: Some(13), exists: 12, ..SERVER }, false, &[New(11)], true);
        check(Some(&ours), Server { highest_modseq: Some(120), ..SERVER }, false, &[Changed(100)], true);
        let both = Server { uid_next: Some(12), exists: 11, highest_modseq: Some(120), ..SERVER };
        check(Some(&ours), both, false, &[New(11), Changed(100)], true);
        check(Some(&ours), Server { resynced: true, ..both }, false, &[New(11)], true);
        check(Some(&ours), Server { exists: 9, ..SERVER }, false, &[], true);
        check(Some(&ours), Server { exists: 0, ..SERVER }, false, &[Empty], false);
        // Another UIDVALIDITY.
        let other = Server { uid_validity: 8, ..SERVER };
        check(Some(&ours), other, true, &[FirstPage, Compare], false);
        check(Some(&ours), Server { exists: 0, ..other }, true, &[], false);
        // No modification sequences, then, now, or never.
        check(Some(&no_modseq), SERVER, false, &[Compare], false);
        check(Some(&ours), Server { highest_modseq: None, ..SERVER }, false, &[Compare], false);
        check(Some(&no_modseq), Server { highest_modseq: None, ..SERVER }, false, &[Compare], false);
        // Backwards: the modification sequence, UIDNEXT, a UID we hold that cannot exist yet.
        check(Some(&ours), Server { highest_modseq: Some(99), ..SERVER }, false, &[Compare], false);
        check(Some(&ours), Server { highest_modseq: Some(99), resynced: true, ..SERVER }, false, &[Compare], false);
        check(Some(&ours), Server { highest_modseq: None, resynced: true, ..SERVER }, false, &[Compare], false);
        check(Some(&ours), Server { uid_next: Some(10), ..SERVER }, false, &[Compare], false);
        let ahead = Held { uids: (1..=30).into(), ..held() };
        check(Some(&ahead), SERVER, false, &[Compare], false);
        // A huge one is planned as any other: its steps are cut into chunks where they are made.
        let huge = Server { uid_next: Some(4_000_000_001), exists: 4_000_000_000, ..SERVER };
        check(None, huge, false, &[FirstPage, Compare], false);
        check(Some(&ours), huge, false, &[New(11)], true);
        check(Some(&ours), Server { highest_modseq: None, ..huge }, false, &[Compare], false);
        // One that may only be read: it often has no modification sequence (NOMODSEQ), which is all that its plan depends on.
        check(None, Server { highest_modseq: None, ..SERVER }, false, &[FirstPage, Compare], false);
        // One that was deleted and made again since; one that is gone has no answer to SELECT, and so no plan.
        let again = Server { uid_validity: 9, uid_next: Some(1), exists: 0, ..SERVER };
        check(Some(&ours), again, true, &[], false);
        // A first sync that was cut off; a server that says no UIDNEXT.
        check(Some(&begun), SERVER, false, &[Compare], false);
        check(Some(&ours), Server { uid_next: None, ..SERVER }, false, &[Compare], false);
    }

    /// A comparison of messages 1 to 10 that broke off at message 6.
    #[test]
    fn what_broke_off_is_gone_on_with() {
        use Step::{Changed, Compare, CompareBelow, New};
        let half = Held { position: Position::default(), uids: (6..=10).into(), ..held() };
        let begun = Begun { uid_validity: 7, uid_next: 11, highest_modseq: 100, floor: 6 };
        #[track_caller]
        fn check(held: &Held, begun: Begun, server: Server, steps: &[Step]) {
            let on = steps.contains(&CompareBelow(begun.floor));
            let expected = Plan { forget: false, steps: steps.to_vec(), count: on };
            assert_eq!(plan(Some(held), &server, Some(&begun)), expected);
        }
        check(&half, begun, SERVER, &[CompareBelow(6)]);
        let more = Server { uid_next: Some(13), exists: 12, highest_modseq: Some(120), ..SERVER };
        check(&half, begun, more, &[New(11), Changed(100), CompareBelow(6)]);
        // What cannot be gone on with begins anew.
        check(&half, begun, Server { highest_modseq: None, ..SERVER }, &[Compare]);
        check(&half, begun, Server { highest_modseq: Some(99), ..SERVER }, &[Compare]);
        check(&half, begun, Server { uid_next: Some(10), ..SERVER }, &[Compare]);
        check(&half, Begun { uid_validity: 6, ..begun }, SERVER, &[Compare]);
        check(&half, Begun { floor: 3, ..begun }, SERVER, &[Compare]);
        // A mailbox that was synced since needs none of it.
        assert_eq!(plan(Some(&held()), &SERVER, Some(&begun)), plan(Some(&held()), &SERVER, None));
    }

    #[test]
    fn how_to_open() {
        let ours = held();
        let begun = Held { position: Position::default(), ..held() };
        assert_eq!(opening(Some(&ours), true, true), Opening::Qresync(7, 100));
        assert_eq!(opening(Some(&begun), true, true), Opening::Condstore);
        assert_eq!(opening(None, true, true), Opening::Condstore);
        assert_eq!(opening(Some(&ours), false, true), Opening::Condstore);
        assert_eq!(opening(Some(&ours), false, false), Opening::Plain);
    }
}
