//! What to do with a mailbox: a pure function of what is held and what the server said of it.
//!
//! RFC 4549 (disconnected clients) with RFC 7162: a changed UIDVALIDITY makes everything held worthless; modification sequences say what
//! changed; without them everything is compared. Whatever looks impossible (a UIDNEXT or a modification sequence that went backwards) is
//! answered by comparing everything, never by believing half of it.
//!
//! What is held leaves only on the server's own word. A mailbox that is missing from a list is asked for by name, one that is said to be
//! empty is opened once more; a refusal that may pass (RFC 5530: INUSE, UNAVAILABLE, SERVERBUG, NOPERM, LIMIT, and whatever we do not
//! know) proves nothing, and what is held stays, with words for the user.

use super::command::Opening;
use super::error::Error;
use super::sink::{Held, Known, Left};
use super::untagged::Status;

/// Why a mailbox is not believed that is another one each time.
pub(super) const FLAPS: &str = "gives it another UIDVALIDITY each time";

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
    /// It may only be read.
    pub read_only: bool,
}

/// What the server said of a mailbox.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said<'a> {
    /// SELECT opened it.
    Open {
        server: &'a Server,
        /// VANISHED (RFC 7162 §3.2.10) names all that is held.
        all_vanished: bool,
        /// What it said when it was opened just before, if it was.
        before: Option<&'a Server>,
        /// Where no modification sequence tells of changed flags, each message is compared. Else only what is new and what is gone is found.
        thorough: bool,
    },
    /// It is held, and not among those that are to be synced.
    Missing(&'a Missing<'a>),
}

/// A mailbox that is held and is not among those that are to be synced.
#[derive(Clone, Debug, Default)]
pub(super) struct Missing<'a> {
    /// The user wants it to be left alone.
    pub skipped: bool,
    /// What it is called now.
    pub renamed: Option<&'a str>,
    pub place: Place,
    /// What the server said when it was asked for it by name.
    pub answer: Option<&'a Result<Status, Error>>,
    /// What a second list, of the same sync, is worth.
    pub again: Option<Again>,
}

/// Where a missing mailbox stands in the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    #[default]
    Nowhere,
    /// As a name that holds no messages (`\Noselect`, `\NonExistent`).
    Hollow,
    /// It is there, and not subscribed any more.
    Unsubscribed,
}

/// A second list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It has the mailbox.
    Listed,
    /// It is without it as well.
    Without,
    /// It is without INBOX, which is always there: it proves nothing.
    Worthless,
}

/// What becomes of a mailbox as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is there: the steps are made.
    #[default]
    There,
    /// It has to be opened once more before it is believed to be empty.
    OpenAgain,
    /// It has to be asked for by name (STATUS).
    Ask,
    /// The mailboxes have to be listed once more.
    ListAgain,
    /// It is called so now: what is held goes along.
    Renamed(String),
    /// What is held of it leaves.
    Leaves(Left),
    /// It is not listed and answers all the same: what is held stays, and is synced.
    Unlisted,
    /// Nothing is sure: what is held stays. In words that follow "the server".
    Kept(String),
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
    pub fate: Fate,
    /// The server takes no changes of flags.
    pub read_only: bool,
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
    /// `None`: there is none. What changes in the part that was compared is found by the next comparison then.
    pub highest_modseq: Option<u64>,
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
    let next = server.uid_next?;
    let since = match (begun.highest_modseq, server.highest_modseq) {
        (Some(before), Some(now)) if now >= before => (now > before).then_some(before),
        (None, None) => None,
        _ => return None,
    };
    let sane = begun.uid_validity == server.uid_validity
        && next >= begun.uid_next
        && held.uids.contains(begun.floor)
        && held.uids.last().is_some_and(|last| last < next);
    let mut steps = Vec::new();
    if next > begun.uid_next {
        steps.push(Step::New(begun.uid_next));
    }
    steps.extend(since.map(Step::Changed));
    steps.push(Step::CompareBelow(begun.floor));
    sane.then_some(steps)
}

/// Why a mailbox that says twice that it is empty is not believed: a message that was removed leaves a trace in both of these.
fn is_impossible(held: &Held, server: &Server) -> Option<&'static str> {
    if held.uid_validity != server.uid_validity {
        return None;
    }
    let back = |before: Option<u64>, now: Option<u64>| before.zip(now).is_some_and(|(before, now)| now < before);
    let same = held.position.highest_modseq.zip(server.highest_modseq).is_some_and(|(before, now)| now == before);
    if back(held.position.uid_next.map(u64::from), server.uid_next.map(u64::from)) {
        return Some("calls it empty, and its UIDNEXT went backwards");
    }
    if back(held.position.highest_modseq, server.highest_modseq) {
        return Some("calls it empty, and its modification sequence went backwards");
    }
    // RFC 7162 §3.2.10: with QRESYNC each removal raises it. Without, it need not.
    (server.resynced && same).then_some("calls it empty, and says that nothing was removed")
}

/// What becomes of a mailbox that is said to be empty while messages of it are held; `None`: it is empty.
fn emptied(held: &Held, server: &Server, before: Option<&Server>) -> Option<Fate> {
    let Some(before) = before else { return Some(Fate::OpenAgain) };
    if before.uid_validity != server.uid_validity {
        return Some(Fate::Kept(FLAPS.to_owned()));
    }
    is_impossible(held, server).map(|why| Fate::Kept(why.to_owned()))
}

/// What becomes of a mailbox that has another UIDVALIDITY than what is held of it; `None`: it says so twice, and all is fetched anew.
fn renumbered(server: &Server, before: Option<&Server>) -> Option<Fate> {
    match before {
        None => Some(Fate::OpenAgain),
        Some(before) if before.uid_validity == server.uid_validity => None,
        Some(_) => Some(Fate::Kept(FLAPS.to_owned())),
    }
}

/// Codes of RFC 5530 and RFC 9051 §7.1 that say that there is no such mailbox.
fn says_there_is_none(error: &Error) -> bool {
    match error {
        Error::NoMailbox { .. } => true,
        Error::No { code: Some(code), .. } => matches!(code.as_str(), "NONEXISTENT" | "TRYCREATE"),
        _ => false,
    }
}

fn missing(missing: &Missing<'_>) -> Fate {
    if missing.skipped {
        return Fate::Leaves(Left::Skipped);
    }
    if let Some(name) = missing.renamed {
        return Fate::Renamed(name.to_owned());
    }
    if missing.place == Place::Unsubscribed {
        return Fate::Leaves(Left::Unsubscribed);
    }
    let error = match missing.answer {
        None => return Fate::Ask,
        Some(Ok(_)) => return Fate::Unlisted,
        Some(Err(error)) => error,
    };
    // Courier refuses without a code; its list says the same then.
    match (error, missing.place, missing.again) {
        (error, ..) if says_there_is_none(error) => Fate::Leaves(Left::Removed),
        (Error::No { code: None, .. }, Place::Hollow, _) | (Error::No { code: None, .. }, _, Some(Again::Without)) => {
            Fate::Leaves(Left::Removed)
        }
        (Error::No { code: None, .. }, _, None) => Fate::ListAgain,
        (Error::No { code, text, .. }, ..) => {
            let code = code.as_ref().map(|code| format!("[{code}] ")).unwrap_or_default();
            Fate::Kept(format!("refuses to tell of it: \u{201c}{code}{text}\u{201d}"))
        }
        (error, ..) => Fate::Kept(format!("does not tell of it: {error}")),
    }
}

/// The plan. `begun`: a comparison of this mailbox that broke off.
pub(super) fn plan(held: Option<&Held>, said: &Said<'_>, begun: Option<&Begun>) -> Plan {
    let (server, all_vanished, before, thorough) = match said {
        Said::Missing(what) => return Plan { fate: missing(what), ..Plan::default() },
        Said::Open { server, all_vanished, before, thorough } => (*server, *all_vanished, *before, *thorough),
    };
    if server.exists == 0
        && !all_vanished
        && let Some(held) = held.filter(|held| !held.uids.is_empty())
        && let Some(fate) = emptied(held, server, before)
    {
        return Plan { fate, read_only: server.read_only, ..Plan::default() };
    }
    if held.is_some_and(|held| held.uid_validity != server.uid_validity && !held.uids.is_empty())
        && server.exists > 0
        && let Some(fate) = renumbered(server, before)
    {
        return Plan { fate, read_only: server.read_only, ..Plan::default() };
    }
    let (forget, held) = match held {
        Some(held) if held.uid_validity == server.uid_validity => (false, held),
        Some(_) => (true, &Held::default()),
        None => (false, &Held::default()),
    };
    let mut plan = Plan { forget, read_only: server.read_only, ..Plan::default() };
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
    if (held.position.uid_next.is_none() || server.highest_modseq.is_none())
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
        (None, None) if !thorough => {}
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
    // STATUS does not say whether a mailbox may be changed again.
    known.whole
        && !known.read_only
        && status.uid_validity == Some(known.uid_validity)
        && status.uid_next.is_some()
        && status.uid_next == known.position.uid_next
        && status.messages == Some(known.position.exists)
        && status.highest_modseq.is_some_and(|modseq| modseq > 0 && Some(modseq) == known.position.highest_modseq)
}

#[cfg(test)]
mod tests {
    use super::super::error::Error;
    use super::super::sink::{Left, Position};
    use super::super::uid_set::UidSet;
    use super::{
        Again, Begun, Fate, Held, Known, Missing, Opening, Place, Plan, Said, Server, Status, Step, opening, plan,
        unchanged,
    };

    /// A mailbox of ten messages, as [`held`].
    fn known(name: &str) -> Known {
        let held = held();
        Known {
            name: name.to_owned(),
            uid_validity: held.uid_validity,
            position: held.position,
            whole: true,
            mailbox_id: None,
            subscribed: true,
            read_only: false,
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
        check(&Known { read_only: true, ..ours.clone() }, &status(), false);
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

    /// Ten messages, 1 to 10, of UIDVALIDITY 7, synced up to UIDNEXT 11 and modification sequence 100.
    fn held() -> Held {
        Held {
            uid_validity: 7,
            position: Position { uid_next: Some(11), highest_modseq: Some(100), exists: 10 },
            uids: (1..=10).into(),
            ..Held::default()
        }
    }

    const SERVER: Server = Server {
        uid_validity: 7,
        uid_next: Some(11),
        exists: 10,
        highest_modseq: Some(100),
        resynced: false,
        read_only: false,
    };

    fn no(code: Option<&str>) -> Result<Status, Error> {
        Err(Error::No { doing: String::new(), code: code.map(str::to_owned), text: "no".to_owned() })
    }

    /// Every branch: what is held, what the server says, what is done.
    #[test]
    fn every_branch() {
        use Step::{Changed, Compare, Empty, FirstPage, New};
        let ours = held();
        let at = |position| Held { position, ..held() };
        let begun = at(Position::default());
        let no_modseq = at(Position { uid_next: Some(11), highest_modseq: None, exists: 10 });
        let ahead = Held { uids: (1..=30).into(), ..held() };
        let both = Server { uid_next: Some(12), exists: 11, highest_modseq: Some(120), ..SERVER };
        let other = Server { uid_validity: 8, ..SERVER };
        let again = Server { uid_validity: 9, uid_next: Some(1), exists: 0, ..SERVER };
        let huge = Server { uid_next: Some(4_000_000_001), exists: 4_000_000_000, ..SERVER };
        let to_read = Server { read_only: true, ..SERVER };
        let steps = |forget, steps: &[Step], count| Plan { forget, steps: steps.to_vec(), count, ..Plan::default() };
        let opened: [(&str, Option<&Held>, Server, Plan); 34] = [
            ("nothing held", None, SERVER, steps(false, &[FirstPage, Compare], false)),
            ("nothing held, and empty", None, Server { exists: 0, ..SERVER }, steps(false, &[], false)),
            ("nothing changed", Some(&ours), SERVER, steps(false, &[], true)),
            ("nothing changed, QRESYNC", Some(&ours), Server { resynced: true, ..SERVER }, steps(false, &[], true)),
            ("new", Some(&ours), Server { uid_next: Some(13), exists: 12, ..SERVER }, steps(false, &[New(11)], true)),
            (
                "changed",
                Some(&ours),
                Server { highest_modseq: Some(120), ..SERVER },
                steps(false, &[Changed(100)], true),
            ),
            ("new and changed", Some(&ours), both, steps(false, &[New(11), Changed(100)], true)),
            ("new, QRESYNC", Some(&ours), Server { resynced: true, ..both }, steps(false, &[New(11)], true)),
            ("vanished: counted afterwards", Some(&ours), Server { exists: 9, ..SERVER }, steps(false, &[], true)),
            ("UIDVALIDITY changed, said once", Some(&ours), other, fated(Fate::OpenAgain)),
            ("deleted and made again, said once", Some(&ours), Server { exists: 1, ..again }, fated(Fate::OpenAgain)),
            ("NOMODSEQ then", Some(&no_modseq), SERVER, steps(false, &[Compare], false)),
            ("NOMODSEQ now", Some(&ours), Server { highest_modseq: None, ..SERVER }, steps(false, &[Compare], false)),
            ("NOMODSEQ ever", Some(&no_modseq), Server { highest_modseq: None, ..SERVER }, {
                steps(false, &[Compare], false)
            }),
            ("MODSEQ reset", Some(&ours), Server { highest_modseq: Some(99), ..SERVER }, {
                steps(false, &[Compare], false)
            }),
            ("MODSEQ reset, QRESYNC", Some(&ours), Server { highest_modseq: Some(99), resynced: true, ..SERVER }, {
                steps(false, &[Compare], false)
            }),
            ("NOMODSEQ, QRESYNC", Some(&ours), Server { highest_modseq: None, resynced: true, ..SERVER }, {
                steps(false, &[Compare], false)
            }),
            ("UIDNEXT backwards", Some(&ours), Server { uid_next: Some(10), ..SERVER }, {
                steps(false, &[Compare], false)
            }),
            ("a UID that cannot exist yet", Some(&ahead), SERVER, steps(false, &[Compare], false)),
            ("a first sync that was cut off", Some(&begun), SERVER, steps(false, &[Compare], false)),
            ("no UIDNEXT", Some(&ours), Server { uid_next: None, ..SERVER }, steps(false, &[Compare], false)),
            // Its steps are cut into chunks where they are made.
            ("huge", None, huge, steps(false, &[FirstPage, Compare], false)),
            ("huge, and new", Some(&ours), huge, steps(false, &[New(11)], true)),
            ("huge, NOMODSEQ", Some(&ours), Server { highest_modseq: None, ..huge }, {
                steps(false, &[Compare], false)
            }),
            ("read-only", Some(&ours), to_read, Plan { read_only: true, ..steps(false, &[], true) }),
            ("read-only, NOMODSEQ", None, Server { highest_modseq: None, ..to_read }, {
                Plan { read_only: true, ..steps(false, &[FirstPage, Compare], false) }
            }),
            ("read-only, and empty once", Some(&ours), Server { exists: 0, ..to_read }, {
                Plan { read_only: true, fate: Fate::OpenAgain, ..Plan::default() }
            }),
            ("empty once", Some(&ours), Server { exists: 0, ..SERVER }, fated(Fate::OpenAgain)),
            ("empty once, a first sync that was cut off", Some(&begun), Server { exists: 0, ..SERVER }, {
                fated(Fate::OpenAgain)
            }),
            ("empty once, QRESYNC", Some(&ours), Server { exists: 0, resynced: true, ..SERVER }, {
                fated(Fate::OpenAgain)
            }),
            ("empty once, of another UIDVALIDITY", Some(&ours), again, fated(Fate::OpenAgain)),
            ("empty, as before", Some(&Held { uids: UidSet::new(), ..held() }), Server { exists: 0, ..SERVER }, {
                steps(false, &[], false)
            }),
            ("made again, as empty as before", Some(&Held { uids: UidSet::new(), ..held() }), again, {
                steps(true, &[], false)
            }),
            ("one of ten left", Some(&ours), Server { exists: 1, ..SERVER }, steps(false, &[], true)),
        ];
        for (what, held, server, expected) in opened {
            let said = Said::Open { server: &server, all_vanished: false, before: None, thorough: true };
            assert_eq!(plan(held, &said, None), expected, "{what}");
        }

        // Empty, twice or on the word of VANISHED.
        let kept = |why: &str| fated(Fate::Kept(why.to_owned()));
        let empty = Server { exists: 0, ..SERVER };
        let twice: [(&str, &Held, Server, Server, Plan); 11] = [
            // What was held of the old one could not be told apart from it: all is fetched anew.
            ("UIDVALIDITY changed", &ours, other, other, steps(true, &[FirstPage, Compare], false)),
            ("another UIDVALIDITY each time", &ours, other, Server { uid_validity: 9, ..SERVER }, {
                kept("gives it another UIDVALIDITY each time")
            }),
            ("empty twice", &ours, empty, empty, steps(false, &[Empty], false)),
            (
                "empty twice, removed by the book",
                &ours,
                empty,
                Server { highest_modseq: Some(110), resynced: true, ..empty },
                steps(false, &[Empty], false),
            ),
            ("empty twice, NOMODSEQ", &no_modseq, empty, Server { highest_modseq: None, ..empty }, {
                steps(false, &[Empty], false)
            }),
            ("empty twice, first sync cut off", &begun, empty, empty, steps(false, &[Empty], false)),
            ("empty twice, of another UIDVALIDITY", &ours, again, again, steps(true, &[], false)),
            ("empty, each time another", &ours, again, Server { uid_validity: 10, ..again }, {
                kept("gives it another UIDVALIDITY each time")
            }),
            ("empty twice, UIDNEXT backwards", &ours, empty, Server { uid_next: Some(1), ..empty }, {
                kept("calls it empty, and its UIDNEXT went backwards")
            }),
            ("empty twice, MODSEQ reset", &ours, empty, Server { highest_modseq: Some(1), ..empty }, {
                kept("calls it empty, and its modification sequence went backwards")
            }),
            ("empty twice, nothing removed", &ours, empty, Server { resynced: true, ..empty }, {
                kept("calls it empty, and says that nothing was removed")
            }),
        ];
        for (what, held, before, server, expected) in twice {
            let said = Said::Open { server: &server, all_vanished: false, before: Some(&before), thorough: true };
            assert_eq!(plan(Some(held), &said, None), expected, "{what}");
        }
        let said = Said::Open {
            server: &Server { resynced: true, ..empty },
            all_vanished: true,
            before: None,
            thorough: true,
        };
        assert_eq!(plan(Some(&ours), &said, None), steps(false, &[Empty], false), "all vanished");

        // Renamed, deleted, or not listed for another reason.
        let answers = [
            Ok(Status::default()),
            no(Some("NONEXISTENT")),
            no(Some("TRYCREATE")),
            no(None),
            no(Some("UNAVAILABLE")),
            Err(Error::Bad { doing: "x".to_owned(), text: "hm".to_owned() }),
        ];
        let [there, nonexistent, trycreate, plain, unavailable, bad] = &answers;
        let missing = Missing::default;
        let hollow = |answer| Missing { place: Place::Hollow, ..asked(answer) };
        let listed = |again| Missing { again: Some(again), ..asked(plain) };
        let refused = |code: &str| Fate::Kept(format!("refuses to tell of it: \u{201c}{code}no\u{201d}"));
        for (what, how, expected) in [
            ("not listed", missing(), Fate::Ask),
            ("hollow", Missing { place: Place::Hollow, ..missing() }, Fate::Ask),
            ("skipped", Missing { skipped: true, ..missing() }, Fate::Leaves(Left::Skipped)),
            ("renamed", Missing { renamed: Some("B"), ..missing() }, Fate::Renamed("B".to_owned())),
            ("unsubscribed", Missing { place: Place::Unsubscribed, ..missing() }, Fate::Leaves(Left::Unsubscribed)),
            ("it answers", asked(there), Fate::Unlisted),
            ("deleted", asked(nonexistent), Fate::Leaves(Left::Removed)),
            ("deleted, in an old word", asked(trycreate), Fate::Leaves(Left::Removed)),
            ("refused without a code", asked(plain), Fate::ListAgain),
            ("refused without a code, hollow", hollow(plain), Fate::Leaves(Left::Removed)),
            ("refused and not listed again", listed(Again::Without), Fate::Leaves(Left::Removed)),
            ("refused and listed again", listed(Again::Listed), refused("")),
            ("refused, and no list at all", listed(Again::Worthless), refused("")),
            ("out of reach", asked(unavailable), refused("[UNAVAILABLE] ")),
            ("out of reach, hollow", hollow(unavailable), refused("[UNAVAILABLE] ")),
            (
                "not understood",
                asked(bad),
                Fate::Kept("does not tell of it: the server does not understand x: \u{201c}hm\u{201d}".to_owned()),
            ),
        ] {
            assert_eq!(plan(Some(&ours), &Said::Missing(&how), None), fated(expected), "{what}");
        }
        for code in ["INUSE", "UNAVAILABLE", "SERVERBUG", "NOPERM", "LIMIT", "AUTHORIZATIONFAILED", "X-NEW"] {
            let answer = no(Some(code));
            let how = Missing { again: Some(Again::Without), ..asked(&answer) };
            assert!(matches!(plan(None, &Said::Missing(&how), None).fate, Fate::Kept(_)), "{code}");
        }
    }

    /// Without modification sequences, and where each message was compared a while ago.
    #[test]
    fn what_is_not_compared_each_time() {
        let none = Position { highest_modseq: None, ..held().position };
        let (ours, server) = (Held { position: none, ..held() }, Server { highest_modseq: None, ..SERVER });
        let steps = |server: Server, held: &Held, begun: Option<&Begun>| {
            let said = Said::Open { server: &server, all_vanished: false, before: None, thorough: false };
            let plan = plan(Some(held), &said, begun);
            (plan.steps, plan.count)
        };
        assert_eq!(steps(server, &ours, None), (vec![], true));
        let more = Server { uid_next: Some(12), exists: 11, ..server };
        assert_eq!(steps(more, &ours, None), (vec![Step::New(11)], true));
        // Where there are some now, what changed before is not known.
        assert_eq!(steps(SERVER, &ours, None).0, [Step::Compare]);
        // One that broke off is gone on with, whatever is said of the position.
        let begun = Begun { uid_validity: 7, uid_next: 11, highest_modseq: None, floor: 6 };
        assert_eq!(steps(more, &ours, Some(&begun)), (vec![Step::New(11), Step::CompareBelow(6)], true));
        assert_eq!(steps(SERVER, &ours, Some(&begun)).0, [Step::Compare]);
    }

    /// A mailbox that was asked for by name.
    fn asked(answer: &Result<Status, Error>) -> Missing<'_> {
        Missing { answer: Some(answer), ..Missing::default() }
    }

    fn fated(fate: Fate) -> Plan {
        Plan { fate, ..Plan::default() }
    }

    /// A comparison of messages 1 to 10 that broke off at message 6.
    #[test]
    fn what_broke_off_is_gone_on_with() {
        use Step::{Changed, Compare, CompareBelow, New};
        let half = Held { position: Position::default(), uids: (6..=10).into(), ..held() };
        let begun = Begun { uid_validity: 7, uid_next: 11, highest_modseq: Some(100), floor: 6 };
        #[track_caller]
        fn check(held: &Held, begun: Begun, server: Server, steps: &[Step]) {
            let on = steps.contains(&CompareBelow(begun.floor));
            let expected = Plan { steps: steps.to_vec(), count: on, ..Plan::default() };
            let said = Said::Open { server: &server, all_vanished: false, before: None, thorough: true };
            assert_eq!(plan(Some(held), &said, Some(&begun)), expected);
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
        let said = Said::Open { server: &SERVER, all_vanished: false, before: None, thorough: true };
        assert_eq!(plan(Some(&held()), &said, Some(&begun)), plan(Some(&held()), &said, None));
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
