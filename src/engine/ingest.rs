//! Bytes from a server become a row of the cache: parse, open, inner header fields win, identifiers found, one summary.
//!
//! Pure; a batch is worked on by two threads ([`crate::store::cache::Cache::pack_batch`]). Encrypted mail is opened here only with keys whose
//! use takes the same time whatever the ciphertext is: never with RSA, because nobody asked (a sender could measure). Nothing here acts on
//! what it finds: no fetch, no answer, no difference that a server could see.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::library::filing::{Book, Derived};
use super::reading::{Reading, carried, read_guarded};
use super::register::tombstone;
use crate::case::Classes;
use crate::imap::{Body, Fetched};
use crate::mail::headers::Headers;
use crate::mail::marking::is_above_official;
use crate::mail::subject;
use crate::pgp::keyring::Keyring;
use crate::pgp::open::{Decrypt, Terms};
use crate::pgp::report::Badge;
use crate::store::cache::NewMessage;
use crate::store::summary::Summary;

/// Addresses kept of one field.
const ADDRESSES_MAX: usize = 200;
/// Message-IDs kept of References: what threads need, and no bomb.
const REFERENCES_MAX: usize = 100;
/// Characters kept of a subject.
const SUBJECT_CHARS_MAX: usize = 1000;

/// What ingest needs to know beside the message.
pub(crate) struct Context {
    /// Keys.
    pub(crate) keyring: Arc<Keyring>,
    /// Identifiers and cases.
    pub(crate) book: Arc<Book>,
    /// Carriage.
    pub(crate) classes: Arc<Classes>,
    /// The time.
    pub(crate) now: Timestamp,
    /// How far a signature's time may be from the Date header.
    pub(crate) tolerance: SignedDuration,
    /// The name of the connection that it came over, where that is known.
    pub(crate) channel: Option<String>,
    /// SHA-256 of messages that were destroyed with their cases.
    pub(crate) destroyed: Arc<HashSet<[u8; 32]>>,
}

/// What stands in the place of a subject that was marked SECRET or TOP SECRET.
const NOT_FOR_THIS_SYSTEM: &str = "(marked SECRET: not for this system)";

/// Why a message whose row is here is not fetched, where it is not: in words.
pub(crate) fn withheld(summary: &Summary) -> Option<&'static str> {
    (summary.undisplayable && summary.subject == NOT_FOR_THIS_SYSTEM).then_some(
        "This message is marked SECRET or TOP SECRET: it is not for this system, and nothing of it is kept here. Tell your security officer, \
         and whoever sent it.",
    )
}

/// The summary of a message, and its bytes where they are whole. Of what is marked above OFFICIAL nothing is left but an empty row.
pub(crate) fn summarise(fetched: Fetched, context: &Context) -> NewMessage {
    let NewMessage { summary, raw } = read(fetched, context);
    let raw = raw.filter(|_| !is_above_official(&summary.subject));
    NewMessage { summary: if_for_this_system(summary), raw }
}

/// The summary of a message, or an empty row for one that is marked above OFFICIAL.
pub(crate) fn if_for_this_system(summary: Summary) -> Summary {
    if !is_above_official(&summary.subject) {
        return summary;
    }
    let row = tombstone(summary.uid, summary.received, summary.bytes);
    Summary { flags: summary.flags, subject: NOT_FOR_THIS_SYSTEM.to_owned(), ..row }
}

fn read(fetched: Fetched, context: &Context) -> NewMessage {
    let mut summary = Summary {
        uid: fetched.uid,
        flags: fetched.flags,
        received: fetched.internal_date.unwrap_or_else(|| context.now.as_second()),
        bytes: fetched.bytes,
        ..Summary::default()
    };
    match fetched.body {
        Body::Whole(raw) => {
            if !context.destroyed.is_empty() && context.destroyed.contains(&<[u8; 32]>::from(Sha256::digest(&raw))) {
                let row = tombstone(summary.uid, summary.received, summary.bytes);
                return NewMessage { summary: Summary { flags: summary.flags, ..row }, raw: None };
            }
            let terms = Terms { tolerance: context.tolerance, ..Terms::at(context.now, Decrypt::NotRsa) };
            match read_guarded(&raw, &context.keyring, &terms) {
                Some(reading) => fill(&mut summary, &reading, context),
                None => {
                    // The outer header is all that is tried: the row must still be found by its sender and date.
                    fill_headers(&mut summary, &Headers::parse(header_of(&raw)));
                    summary.undisplayable = true;
                }
            }
            if summary.message_id.is_empty() {
                let digest = Sha256::digest(&raw).iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
                summary.derived = Derived { nameless: digest, ..Derived::read(&summary.derived) }.write();
            }
            NewMessage { summary, raw: Some(raw) }
        }
        Body::Header(bytes) => {
            let headers = Headers::parse(header_of(&bytes));
            fill_headers(&mut summary, &headers);
            let media_type = headers.get("Content-Type").unwrap_or_default().to_ascii_lowercase();
            summary.openpgp.encrypted = media_type.trim_start().starts_with("multipart/encrypted");
            derive(&mut summary, "", &[], &[], context);
            if is_bulk(&headers) {
                summary.derived = Derived { bulk: true, ..Derived::read(&summary.derived) }.write();
            }
            NewMessage { summary, raw: None }
        }
        Body::Unfetchable(why) => {
            summary.subject = format!("(this message could not be fetched: {why})");
            summary.undisplayable = true;
            NewMessage { summary, raw: None }
        }
    }
}

/// Whether a message says of itself that it goes to a list (RFC 2919, 2369) or was made by a machine (RFC 3834).
fn is_bulk(headers: &Headers) -> bool {
    let says = |name: &str, words: &[&str]| {
        headers.get(name).is_some_and(|value| words.iter().any(|word| value.trim().eq_ignore_ascii_case(word)))
    };
    headers.get("List-Id").is_some()
        || headers.get("List-Unsubscribe").is_some()
        || says("Precedence", &["bulk", "list", "junk"])
        || says("Auto-Submitted", &["auto-generated"])
}

/// What an older summary knows beside the message itself, and a newer one of the same message cannot: over which connection it came, what
/// it is known by.
pub(crate) fn carry_over(new: &mut Summary, old: &Summary) {
    let (mut derived, known) = (Derived::read(&new.derived), Derived::read(&old.derived));
    if derived.channel.is_empty() {
        derived.channel = known.channel;
    }
    if derived.nameless == 0 && new.message_id.is_empty() {
        derived.nameless = known.nameless;
    }
    new.derived = derived.write();
}

/// Everything before the first empty line.
pub(crate) fn header_of(raw: &[u8]) -> &[u8] {
    let end = memchr::memchr_iter(b'\n', raw)
        .map(|at| at.saturating_add(1))
        .find(|next| raw.get(*next..).is_some_and(|rest| rest.starts_with(b"\n") || rest.starts_with(b"\r\n")))
        .unwrap_or(raw.len());
    raw.get(..end).unwrap_or(raw)
}

/// The summary's fields from a message that was read.
pub(crate) fn fill(summary: &mut Summary, reading: &Reading, context: &Context) {
    let headers = reading.headers();
    fill_headers(summary, headers);
    // RFC 9788 §4: what was protected wins; an id that only the outside carries still threads.
    let outer = reading.message.headers();
    if summary.message_id.is_empty() {
        summary.message_id = outer.message_id().unwrap_or_default();
    }
    summary.openpgp = Badge::from(&reading.opened.report);
    summary.attachments = u16::try_from(reading.body.attachments.len()).unwrap_or(u16::MAX);
    summary.carried = carried(&summary.from, &context.classes) as u8 + 1;
    let text = reading.body.text();
    let names: Vec<String> = reading.body.attachments.iter().map(|a| a.name.clone()).collect();
    let digests: Vec<&str> = reading.body.attachments.iter().map(|a| a.sha256.as_str()).collect();
    derive(summary, &text, &names, &digests, context);
    if is_bulk(outer) {
        summary.derived = Derived { bulk: true, ..Derived::read(&summary.derived) }.write();
    }
}

fn fill_headers(summary: &mut Summary, headers: &Headers) {
    let cut = |mut list: Vec<_>| {
        list.truncate(ADDRESSES_MAX);
        list
    };
    summary.sent = headers.date().map(Timestamp::as_second);
    summary.message_id = headers.message_id().unwrap_or_default();
    summary.in_reply_to = headers.in_reply_to();
    summary.in_reply_to.truncate(1);
    summary.references = headers.references();
    if summary.references.len() > REFERENCES_MAX {
        // The root and the nearest ancestors.
        summary.references.drain(1..summary.references.len().saturating_sub(REFERENCES_MAX.saturating_sub(1)));
    }
    summary.from = cut(headers.from());
    summary.to = cut(headers.to());
    summary.cc = cut(headers.cc());
    summary.subject = headers.subject().chars().take(SUBJECT_CHARS_MAX).collect();
}

/// What is kept beside the header fields: identifiers, and a digest of what the message says.
fn derive(summary: &mut Summary, text: &str, names: &[String], digests: &[&str], context: &Context) {
    let identifiers = context.book.find(&subject::clean(&summary.subject), text, names);
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    };
    summary.from.iter().for_each(|from| add(from.addr.as_bytes()));
    add(summary.subject.as_bytes());
    add(&summary.sent.unwrap_or_default().to_le_bytes());
    // Servers and lists differ in white space at the ends of lines; a copy is a copy all the same.
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).for_each(|line| add(line.as_bytes()));
    digests.iter().for_each(|digest| add(digest.as_bytes()));
    let content = hash.finalize().iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
    summary.derived =
        Derived { content, identifiers, channel: context.channel.clone().unwrap_or_default(), ..Derived::default() }
            .write();
}
