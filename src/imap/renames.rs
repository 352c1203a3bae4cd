//! Which mailboxes are called otherwise now: pure functions of what is held and what the server lists.
//!
//! The server's own name for a mailbox (MAILBOXID, RFC 8474) settles it, where both sides have one. Where it has none, a mailbox that was
//! renamed keeps its UIDVALIDITY, its UIDNEXT does not fall, and its messages keep their UIDs (RFC 9051 §6.3.6 wants no less of a server
//! that keeps the UIDVALIDITY). A few messages are looked at to know: their size and date say whether they are the same, whatever came and
//! went since. Where two could be it, nobody guesses, and the mailbox is fetched anew.

use super::sink::{Known, Sample};
use super::untagged::Status;

/// Pairs that are looked at, at most: each costs two round trips.
const PAIRS_MAX: usize = 50;

/// A mailbox that is listed (decoded name), with what was said of it.
type Listed<'a> = (&'a str, Option<&'a Status>);

/// Those that are held and not listed, and those that are listed and not held.
fn apart<'a>(known: &'a [Known], listed: &[Listed<'a>]) -> (Vec<&'a Known>, Vec<(&'a str, &'a Status)>) {
    // RENAME INBOX moves its messages and leaves it (RFC 9051 §6.3.6).
    let is_listed = |known: &Known| listed.iter().any(|(name, _)| *name == known.name);
    let gone = known.iter().filter(|known| known.name != "INBOX" && !is_listed(known)).collect();
    let new = listed
        .iter()
        .filter(|(name, _)| known.iter().all(|known| known.name != *name))
        .filter_map(|(name, status)| Some((*name, (*status)?)))
        .collect();
    (gone, new)
}

/// Those that the server's own name settles: from, to.
pub(super) fn by_id(known: &[Known], listed: &[Listed<'_>]) -> Vec<(String, String)> {
    let (gone, new) = apart(known, listed);
    let pairs = gone.iter().flat_map(|known| {
        let is_it = |status: &Status| {
            status.uid_validity == Some(known.uid_validity)
                && known.mailbox_id.is_some()
                && known.mailbox_id == status.mailbox_id
        };
        new.iter().filter(move |(_, status)| is_it(status)).map(|(name, _)| (known.name.clone(), (*name).to_owned()))
    });
    unambiguous(pairs.collect())
}

/// Those that could be, by what is known without a look at their messages: from, to.
pub(super) fn possible(known: &[Known], listed: &[Listed<'_>]) -> Vec<(String, String)> {
    let (gone, new) = apart(known, listed);
    let pairs = gone.iter().flat_map(|known| {
        let could_be = |status: &Status| {
            let named = known.mailbox_id.is_some() && status.mailbox_id.is_some();
            let fallen = known.position.uid_next.zip(status.uid_next).is_some_and(|(before, now)| now < before);
            let any = status.messages != Some(0) && (known.position.exists > 0 || known.position.uid_next.is_none());
            !named && !fallen && any && status.uid_validity == Some(known.uid_validity)
        };
        new.iter().filter(move |(_, status)| could_be(status)).map(|(name, _)| (known.name.clone(), (*name).to_owned()))
    });
    pairs.take(PAIRS_MAX).collect()
}

/// Whether messages that are held are those that the server has under their UIDs. Some may be gone; none may be another, and one has to
/// be the same beyond doubt.
pub(super) fn is_same(held: &[Sample], found: &[Sample]) -> bool {
    let mut proven = false;
    for ours in held {
        let Some(theirs) = found.iter().find(|theirs| theirs.uid == ours.uid) else { continue };
        let dated = ours.internal_date.is_some() && theirs.internal_date.is_some();
        if ours.bytes != theirs.bytes || dated && ours.internal_date != theirs.internal_date {
            return false;
        }
        proven |= dated;
    }
    proven
}

/// Pairs of which neither side stands in another one.
pub(super) fn unambiguous(pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    let alone = |(from, to): &(String, String)| pairs.iter().filter(|(a, b)| a == from || b == to).count() == 1;
    pairs.iter().filter(|pair| alone(pair)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::sink::Position;
    use super::{Known, Listed, Sample, Status, by_id, is_same, possible, unambiguous};

    fn known(name: &str) -> Known {
        Known {
            name: name.to_owned(),
            uid_validity: 7,
            position: Position { uid_next: Some(11), highest_modseq: Some(100), exists: 10 },
            whole: true,
            ..Known::default()
        }
    }

    fn status() -> Status {
        Status { messages: Some(10), uid_next: Some(11), uid_validity: Some(7), ..Status::default() }
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(a, b)| (a.to_owned(), b.to_owned())).collect()
    }

    #[test]
    fn what_could_be_renamed() {
        #[track_caller]
        fn check(known: &[Known], listed: &[Listed<'_>], expected: &[(&str, &str)]) {
            assert_eq!(possible(known, listed), owned(expected));
        }
        let (ours, same) = ([known("A")], status());
        check(&ours, &[("B", Some(&same))], &[("A", "B")]);
        check(&ours, &[("A", Some(&same)), ("B", Some(&same))], &[]);
        check(&ours, &[("B", None)], &[]);
        // Messages came and went; none can have gone into the time before.
        check(&ours, &[("B", Some(&Status { messages: Some(3), uid_next: Some(90), ..status() }))], &[("A", "B")]);
        check(&ours, &[("B", Some(&Status { uid_next: None, messages: None, ..status() }))], &[("A", "B")]);
        check(&ours, &[("B", Some(&Status { uid_next: Some(10), ..status() }))], &[]);
        check(&ours, &[("B", Some(&Status { messages: Some(0), ..status() }))], &[]);
        check(&ours, &[("B", Some(&Status { uid_validity: Some(8), ..status() }))], &[]);
        // Mailboxes that were made in the same second have the same UIDVALIDITY: their messages tell.
        check(&ours, &[("B", Some(&same)), ("C", Some(&same))], &[("A", "B"), ("A", "C")]);
        check(&[known("INBOX")], &[("B", Some(&same))], &[]);
        let empty = Known { position: Position { exists: 0, ..known("A").position }, ..known("A") };
        check(&[empty], &[("B", Some(&same))], &[]);
        let begun = Known { position: Position::default(), ..known("A") };
        check(&[begun], &[("B", Some(&same))], &[("A", "B")]);
        // The server says itself that it is another.
        let named = Known { mailbox_id: Some("F1".to_owned()), ..known("A") };
        check(
            std::slice::from_ref(&named),
            &[("B", Some(&Status { mailbox_id: Some("F2".to_owned()), ..status() }))],
            &[],
        );
        check(&[named], &[("B", Some(&same))], &[("A", "B")]);
        let many: Vec<Known> = (0..200).map(|n| known(&format!("A{n}"))).collect();
        assert_eq!(possible(&many, &[("B", Some(&same))]).len(), super::PAIRS_MAX);
    }

    #[test]
    fn the_servers_own_name_decides() {
        let id = |id: &str| Some(id.to_owned());
        let named = [Known { mailbox_id: id("F1"), ..known("A") }, Known { mailbox_id: id("F2"), ..known("Z") }];
        let first = Status { mailbox_id: id("F1"), messages: Some(12), uid_next: None, ..status() };
        let other = Status { mailbox_id: id("F3"), ..status() };
        let found = by_id(&named, &[("B", Some(&first)), ("C", Some(&other))]);
        assert_eq!(found, owned(&[("A", "B")]));
        // Another UIDVALIDITY: the UIDs of what is held name other messages.
        assert!(by_id(&named, &[("B", Some(&Status { uid_validity: Some(8), ..first.clone() }))]).is_empty());
        assert!(by_id(&named, &[("B", Some(&first)), ("C", Some(&first))]).is_empty());
        assert!(by_id(&[known("A")], &[("B", Some(&status()))]).is_empty());
    }

    #[test]
    fn messages_tell_whether_it_is_the_same() {
        let message = |uid, bytes, internal_date| Sample { uid, bytes, internal_date };
        let ours = [message(1, 500, Some(9)), message(5, 700, Some(10)), message(8, 900, None)];
        assert!(is_same(&ours, &ours));
        assert!(is_same(&ours, &ours[1..2]), "some are gone");
        assert!(is_same(&ours, &[message(5, 700, Some(10)), message(99, 1, None)]), "some came");
        assert!(!is_same(&ours, &[message(5, 700, Some(10)), message(1, 501, Some(9))]));
        assert!(!is_same(&ours, &[message(5, 700, Some(11))]));
        assert!(!is_same(&ours, &ours[2..]), "a size alone proves nothing");
        assert!(!is_same(&ours, &[]) && !is_same(&[], &ours));
    }

    #[test]
    fn nobody_guesses() {
        let pairs = owned(&[("A", "B"), ("A", "C"), ("D", "E"), ("F", "G"), ("H", "G")]);
        assert_eq!(unambiguous(pairs), owned(&[("D", "E")]));
    }
}
