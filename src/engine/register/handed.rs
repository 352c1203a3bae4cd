//! What was handed over to the mailbox and has not been seen there yet: it is not handed over again before the next sync has had its look.

use serde::{Deserialize, Serialize};

/// A piece of the own stream that a server has taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Piece {
    /// Its UID, where the server said it (RFC 4315).
    uid: Option<u32>,
    /// The highest UID that was seen in the mailbox before.
    after: u32,
    first: u64,
    last: u64,
}

/// The highest UID that a sync has seen of a mailbox that holds these, in order: what was removed has its number still.
pub(super) fn highest(held: &[u32], next: Option<u32>) -> u32 {
    held.last().copied().unwrap_or(0).max(next.map_or(0, |next| next.saturating_sub(1)))
}

/// The pieces, in the order in which they were handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Handed(Vec<Piece>);

impl Handed {
    /// Notes a piece: records `first` to `last`.
    pub(super) fn note(&mut self, uid: Option<u32>, after: u32, first: u64, last: u64) {
        self.0.push(Piece { uid, after, first, last });
    }

    /// The mailbox holds these messages now, in order, and those of `read` are known to be pieces of the own stream: of what is read, and of what
    /// somebody has removed since, nothing is awaited any more. `next`: what the last sync was told of as UIDNEXT; everything below it was seen, whether it
    /// is there still or not.
    pub(super) fn look(&mut self, held: &[u32], next: Option<u32>, read: &[(u32, u64, u64)]) {
        let seen = highest(held, next);
        self.0.retain(|piece| match piece.uid {
            Some(uid) if uid > seen => true,
            Some(uid) => held.binary_search(&uid).is_ok() && !read.iter().any(|(known, ..)| *known == uid),
            None => seen <= piece.after,
        });
    }

    /// The last record up to which nothing needs to be handed over, with what was read in the mailbox itself.
    pub(super) fn covered(&self, read: &[(u32, u64, u64)]) -> u64 {
        let mut pieces: Vec<(u64, u64)> = read.iter().map(|(_, first, last)| (*first, *last)).collect();
        pieces.extend(self.0.iter().map(|piece| (piece.first, piece.last)));
        pieces.sort_unstable();
        let mut covered = 0_u64;
        for (first, last) in pieces {
            if first <= covered.saturating_add(1) {
                covered = covered.max(last);
            }
        }
        covered
    }
}

#[cfg(test)]
mod tests {
    use super::Handed;

    #[test]
    fn what_a_server_took_is_not_handed_over_again_before_it_was_seen() {
        let mut handed = Handed::default();
        handed.note(Some(7), 4, 1, 10);
        assert_eq!(handed.covered(&[]), 10);
        // The sync has not come so far.
        handed.look(&[1, 4], None, &[]);
        assert_eq!(handed.covered(&[]), 10);
        // It is there, its bytes are not read yet.
        handed.look(&[1, 4, 7], None, &[]);
        assert_eq!(handed.covered(&[]), 10);
        // More was written meanwhile.
        handed.note(Some(8), 7, 11, 12);
        assert_eq!(handed.covered(&[]), 12);
        handed.look(&[1, 4, 7], None, &[(7, 1, 10)]);
        assert_eq!((handed.0.len(), handed.covered(&[(7, 1, 10)])), (1, 12));
        handed.look(&[1, 4, 7, 8], None, &[(7, 1, 10), (8, 11, 12)]);
        assert_eq!(handed, Handed::default());
    }

    #[test]
    fn what_somebody_removed_is_handed_over_again() {
        let mut handed = Handed::default();
        handed.note(Some(7), 4, 1, 10);
        handed.look(&[1, 4, 9], None, &[]);
        assert_eq!(handed.covered(&[]), 0);
        // A server that gives no UIDs: until anything new is seen.
        handed.note(None, 9, 1, 10);
        handed.look(&[1, 4, 9], None, &[]);
        assert_eq!(handed.covered(&[]), 10);
        handed.look(&[1, 4, 9, 10], None, &[]);
        assert_eq!((handed.covered(&[]), handed.covered(&[(10, 1, 10)])), (0, 10));
        // A gap is no cover.
        assert_eq!(Handed::default().covered(&[(1, 1, 3), (2, 5, 9)]), 3);
    }

    #[test]
    fn what_was_removed_is_known_by_the_number_that_comes_next() {
        let mut handed = Handed::default();
        handed.note(Some(7), 4, 1, 10);
        // The sync has not come so far: UIDNEXT is of before.
        handed.look(&[1, 4], Some(7), &[]);
        assert_eq!(handed.covered(&[]), 10);
        // It was the newest, and is gone.
        handed.look(&[1, 4], Some(8), &[]);
        assert_eq!(handed.covered(&[]), 0);
        // A server that gives no UIDs, and had removed its newest one before.
        handed.note(None, 7, 1, 10);
        handed.look(&[1, 4], Some(8), &[]);
        assert_eq!(handed.covered(&[]), 10);
        handed.look(&[1, 4], Some(9), &[]);
        assert_eq!(handed.covered(&[]), 0);
        // The newest of all: there is no number behind it.
        handed.note(Some(u32::MAX), 7, 1, 10);
        handed.look(&[], Some(u32::MAX), &[]);
        assert_eq!(handed.covered(&[]), 10);
    }
}
