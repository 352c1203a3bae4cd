//! An IMAP server (RFC 3501, as RFC 9051 keeps it) for the demo's own mailboxes: as large as a client needs, and no larger.
//!
//! With SASL-IR, LITERAL+, ID, IDLE, UIDPLUS, SPECIAL-USE, CONDSTORE, NAMESPACE, UNSELECT, MOVE. Commands are read by `imap-codec`. Nothing of it
//! is reachable from outside the machine, and nothing is written to disk.

mod fetch;
mod search;
mod session;

pub(super) use session::serve;

use imap_codec::imap_types::sequence::{SeqOrUid, Sequence, SequenceSet};

/// Whether a set holds a number; `*` is `last` (RFC 9051 §9, seq-range: the order of its ends does not matter).
fn holds(set: &SequenceSet, number: u32, last: u32) -> bool {
    let value = |end: &SeqOrUid| match end {
        SeqOrUid::Value(value) => value.get(),
        SeqOrUid::Asterisk => last,
    };
    set.0.as_ref().iter().any(|sequence| match sequence {
        Sequence::Single(end) => value(end) == number,
        Sequence::Range(a, b) => {
            let (a, b) = (value(a), value(b));
            (a.min(b)..=a.max(b)).contains(&number)
        }
    })
}
