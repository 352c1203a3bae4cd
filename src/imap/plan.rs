//! What to do with a mailbox: a pure function of what is held and what SELECT said.
//!
//! RFC 4549 (disconnected clients) with RFC 7162: a changed UIDVALIDITY makes everything held worthless; modification sequences say what
//! changed; without them everything is compared. Whatever looks impossible (a UIDNEXT or a modification sequence that went backwards) is
//! answered by comparing everything, never by believing half of it.

use super::command::Opening;
use super::sink::Held;

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

/// The plan.
pub(super) fn plan(held: Option<&Held>, server: &Server) -> Plan {
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
    let (Some(known_next), Some(server_next)) = (held.position.uid_next, server.uid_next) else {
        plan.steps.push(Step::Compare);
        return plan;
    };
    if server_next < known_next || held.uids.last().is_some_and(|last| last >= server_next) {
        plan.steps.push(Step::Compare);
        return plan;
    }
    match (held.position.highest_modseq, server.highest_modseq) {
        _ if server.resynced => {}
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

#[cfg(test)]
mod tests {
    use super::super::sink::Position;
    use super::{Held, Opening, Plan, Server, Step, opening, plan};

    /// Ten messages, 1 to 10, of UIDVALIDITY 7, synced up to UIDNEXT 11 and modification sequence 100.
    fn held() -> Held {
        Held {
            uid_validity: 7,
            position: Position { uid_next: Some(11), highest_modseq: Some(100) },
            uids: (1..=10).into(),
            ..Held::default()
        }
    }

    const SERVER: Server =
        Server { uid_validity: 7, uid_next: Some(11), exists: 10, highest_modseq: Some(100), resynced: false };

    #[track_caller]
    fn check(held: Option<&Held>, server: Server, forget: bool, steps: &[Step], count: bool) {
        assert_eq!(plan(held, &server), Plan { forget, steps: steps.to_vec(), count });
    }

    #[test]
    fn every_branch() {
        use Step::{Changed, Compare, Empty, FirstPage, New};
        let ours = held();
        let at = |position| Held { position, ..held() };
        let begun = at(Position::default());
        let no_modseq = at(Position { uid_next: Some(11), highest_modseq: None });

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
        check(Some(&ours), Server { uid_next: Some(10), ..SERVER }, false, &[Compare], false);
        let ahead = Held { uids: (1..=30).into(), ..held() };
        check(Some(&ahead), SERVER, false, &[Compare], false);
        // A first sync that was cut off; a server that says no UIDNEXT.
        check(Some(&begun), SERVER, false, &[Compare], false);
        check(Some(&ours), Server { uid_next: None, ..SERVER }, false, &[Compare], false);
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
