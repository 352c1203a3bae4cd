//! Rows as columns: each number of a stretch of rows one behind the other, so that they pack well and are read without an allocation a row.

use crate::app::thread_list::{Brief, PEOPLE_MAX, SHARE, TextShare};
use crate::engine::library::entry::{Entry, NONE, badge_code, badge_of, mark};
use crate::engine::library::threads::{Body, Place};
use crate::mail::id::{MailboxId, ThreadId};

/// Writes a column.
pub(super) fn put<T, const N: usize>(out: &mut Vec<u8>, rows: &[T], of: impl Fn(&T) -> [u8; N]) {
    for row in rows {
        out.extend_from_slice(&of(row));
    }
}

/// Reads a column into its rows.
fn take<T, const N: usize>(from: &mut &[u8], rows: &mut [T], mut into: impl FnMut(&mut T, [u8; N])) -> Option<()> {
    let (column, rest) = from.split_at_checked(rows.len().checked_mul(N)?)?;
    for (row, value) in rows.iter_mut().zip(column.as_chunks::<N>().0) {
        into(row, *value);
    }
    *from = rest;
    Some(())
}

pub(super) fn put_entries(out: &mut Vec<u8>, rows: &[Entry]) {
    put(out, rows, |e| e.key.mailbox.0.to_le_bytes());
    put(out, rows, |e| e.key.uid.to_le_bytes());
    put(out, rows, |e| e.received.to_le_bytes());
    put(out, rows, |e| e.sent.to_le_bytes());
    put(out, rows, |e| e.content.to_le_bytes());
    put(out, rows, |e| e.id.to_le_bytes());
    put(out, rows, |e| e.lists.to_le_bytes());
    put(out, rows, |e| e.subject.to_le_bytes());
    put(out, rows, |e| e.base.to_le_bytes());
    put(out, rows, |e| e.from.to_le_bytes());
    put(out, rows, |e| e.thread.to_le_bytes());
    put(out, rows, |e| e.filing.to_le_bytes());
    // What waits to be told to the server is known from the state store.
    put(out, rows, |e| [e.attachments, e.flags, e.marks & !mark::PENDING, e.badge]);
}

fn take_entries(mut from: &[u8], rows: &mut [Entry]) -> Option<()> {
    let from = &mut from;
    take(from, rows, |e, v| e.key.mailbox = MailboxId(u32::from_le_bytes(v)))?;
    take(from, rows, |e, v| e.key.uid = u32::from_le_bytes(v))?;
    take(from, rows, |e, v| e.received = i64::from_le_bytes(v))?;
    take(from, rows, |e, v| e.sent = i64::from_le_bytes(v))?;
    take(from, rows, |e, v| e.content = u64::from_le_bytes(v))?;
    take(from, rows, |e, v| e.id = u32::from_le_bytes(v))?;
    take(from, rows, |e, v| e.lists = u32::from_le_bytes(v))?;
    take(from, rows, |e, v| e.subject = u32::from_le_bytes(v))?;
    take(from, rows, |e, v| e.base = u32::from_le_bytes(v))?;
    take(from, rows, |e, v| e.from = u32::from_le_bytes(v))?;
    take(from, rows, |e, v| e.thread = u32::from_le_bytes(v))?;
    take(from, rows, |e, v| e.filing = u32::from_le_bytes(v))?;
    take(from, rows, |e, [attachments, flags, marks, badge]: [u8; 4]| {
        (e.attachments, e.flags, e.marks, e.badge) = (attachments, flags, marks, badge);
    })?;
    from.is_empty().then_some(())
}

pub(super) fn put_briefs(out: &mut Vec<u8>, rows: &[Brief]) {
    put(out, rows, |b| b.id.0.to_le_bytes());
    put(out, rows, |b| b.newest.to_le_bytes());
    put(out, rows, |b| b.subject.to_le_bytes());
    for person in 0..PEOPLE_MAX {
        put(out, rows, |b| b.people.get(person).copied().unwrap_or(NONE).to_le_bytes());
    }
    put(out, rows, |b| b.messages.to_le_bytes());
    put(out, rows, |b| b.unread.to_le_bytes());
    put(out, rows, |b| b.cases.to_le_bytes());
    put(out, rows, |b| [u8::from(b.flagged) | u8::from(b.attachments) << 1, badge_code(b.badge)]);
}

fn take_briefs(from: &mut &[u8], rows: &mut [Brief]) -> Option<()> {
    take(from, rows, |b, v| b.id = ThreadId(u64::from_le_bytes(v)))?;
    take(from, rows, |b, v| b.newest = i64::from_le_bytes(v))?;
    take(from, rows, |b, v| b.subject = u32::from_le_bytes(v))?;
    for person in 0..PEOPLE_MAX {
        take(from, rows, |b, v| {
            if let Some(slot) = b.people.get_mut(person) {
                *slot = u32::from_le_bytes(v);
            }
        })?;
    }
    take(from, rows, |b, v| b.messages = u32::from_le_bytes(v))?;
    take(from, rows, |b, v| b.unread = u32::from_le_bytes(v))?;
    take(from, rows, |b, v| b.cases = u32::from_le_bytes(v))?;
    take(from, rows, |b, [marks, badge]: [u8; 2]| {
        (b.flagged, b.attachments, b.badge) = (marks & 1 != 0, marks & 2 != 0, badge_of(badge));
    })
}

pub(super) fn put_bodies(out: &mut Vec<u8>, rows: &[Body]) {
    put(out, rows, |b| b.start.to_le_bytes());
    put(out, rows, |b| b.length.to_le_bytes());
    put(out, rows, |b| b.ring.to_le_bytes());
    put(out, rows, |b| b.base.to_le_bytes());
    put(out, rows, |b| [u8::from(b.mixed)]);
}

fn take_bodies(mut from: &[u8], rows: &mut [Body]) -> Option<()> {
    let from = &mut from;
    take(from, rows, |b, v| b.start = u32::from_le_bytes(v))?;
    take(from, rows, |b, v| b.length = u32::from_le_bytes(v))?;
    take(from, rows, |b, v| b.ring = u32::from_le_bytes(v))?;
    take(from, rows, |b, v| b.base = u32::from_le_bytes(v))?;
    take(from, rows, |b, [mixed]: [u8; 1]| b.mixed = mixed != 0)?;
    from.is_empty().then_some(())
}

pub(super) fn put_texts<'a>(out: &mut Vec<u8>, shares: impl Iterator<Item = &'a TextShare>) {
    for (bytes, ends) in shares.map(TextShare::parts) {
        put(out, ends, |end| end.to_le_bytes());
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or_default().to_le_bytes());
        out.extend_from_slice(bytes.as_bytes());
    }
}

fn take_texts(mut from: &[u8], shares: &mut [TextShare], mut texts: usize) -> Option<()> {
    let from = &mut from;
    for share in shares {
        let mut ends = vec![0_u32; texts.min(SHARE)];
        texts = texts.saturating_sub(ends.len());
        take(from, &mut ends, |end, v| *end = u32::from_le_bytes(v))?;
        let (length, rest) = from.split_first_chunk::<4>()?;
        let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        *from = rest;
        *share = TextShare::new(std::str::from_utf8(bytes).ok()?.to_owned(), ends)?;
    }
    from.is_empty().then_some(())
}

/// Where a stretch goes.
pub(super) enum Target<'a> {
    Entries(&'a mut [Entry]),
    Numbers(&'a mut [u32]),
    Digests(&'a mut [u64]),
    /// With how many texts they are together.
    Texts(&'a mut [TextShare], usize),
    Briefs(&'a mut [Vec<Brief>], usize),
    Bodies(&'a mut [Body]),
    Nodes(&'a mut [Place]),
}

impl Target<'_> {
    /// Takes a stretch in; nothing where it is not what was written.
    pub(super) fn fill(self, mut from: &[u8]) -> Option<()> {
        match self {
            Self::Entries(rows) => take_entries(from, rows),
            Self::Numbers(rows) => {
                take(&mut from, rows, |row, v| *row = u32::from_le_bytes(v))?;
                from.is_empty().then_some(())
            }
            Self::Digests(rows) => {
                take(&mut from, rows, |row, v| *row = u64::from_le_bytes(v))?;
                from.is_empty().then_some(())
            }
            Self::Texts(shares, texts) => take_texts(from, shares, texts),
            Self::Briefs(shares, mut briefs) => {
                for share in shares {
                    // A full one, so that adding to it later does not move it.
                    share.reserve_exact(SHARE);
                    share.resize(briefs.min(SHARE), Brief::default());
                    briefs = briefs.saturating_sub(share.len());
                    take_briefs(&mut from, share)?;
                }
                from.is_empty().then_some(())
            }
            Self::Bodies(rows) => take_bodies(from, rows),
            Self::Nodes(rows) => {
                take(&mut from, rows, |row, v| row.entry = u32::from_le_bytes(v))?;
                take(&mut from, rows, |row, v| row.depth = u16::from_le_bytes(v))?;
                from.is_empty().then_some(())
            }
        }
    }
}
