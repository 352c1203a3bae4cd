//! Files within a file: Outlook's package (`winmail.dat`) and a message that is attached are documents, and so is each file in them, in packages
//! within them, too. They are out of reach together: whoever hands out the package hands out what is in it. What was in an encrypted file is a
//! document, too, and can be told only when it has been decrypted.
//!
//! There is one way into a package ([`walk()`]) and one judge of it ([`judge()`]), for lists, for whoever looks, and for whoever writes out: what none of them
//! opens, none of them hands out.

mod form;
mod judge;
mod plain;
mod walk;

pub(crate) use self::form::may_be_package;
pub(crate) use self::judge::{Judged, is_unseen, judge};
pub(crate) use self::plain::{Sniffed, Sniffer, digest_of, files_in, judge_bytes, reach_of_plain, taken_in};
pub(crate) use self::walk::{Held, Inner, Place, Walked, walk};
use crate::case::document::Holds;
use crate::engine::reading::Reading;
use crate::mail::display::AttachmentInfo;
use crate::mail::safe::file_name;
use crate::register::event::AttachmentFacts;

/// Packages within each other that are opened.
pub(crate) const DEPTH_MAX: usize = 8;
/// Files of an attachment that are told.
const FILES_MAX: usize = 5_000;
/// Files in all attachments of a message that are told.
const ALL_FILES_MAX: usize = 10_000;
/// Bytes of packages within each other that are held at once.
const HELD_MAX: usize = 128 << 20;
/// Characters of a media type that are kept.
const TYPE_MAX: usize = 100;

/// The place in its attachment of the file of a place: of `2/1/3`, `1/3`. Nothing where it is an attachment itself.
pub(crate) fn place_within(path: &str) -> Option<&str> {
    path.split_once('/').map(|(_, within)| within)
}

/// The attachment of a file of a place: of `2/1/3`, `2`.
pub(crate) fn attachment(path: &str) -> &str {
    path.split_once('/').map_or(path, |(outer, _)| outer)
}

/// Whether a file of a place is the one of another place, or is in that: `2/1/3` is in `2/1`.
pub(crate) fn is_within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Files as the register keeps them, by their attachment: it is the first of each.
pub(crate) fn groups(files: &[AttachmentFacts]) -> impl Iterator<Item = &[AttachmentFacts]> {
    files.chunk_by(|one, other| place_within(&other.path).is_some() && attachment(&one.path) == attachment(&other.path))
}

/// All that is to be known of the attachments of a message and of what is in them, each with its own at the head.
pub(crate) fn facts_of(reading: &Reading) -> Vec<Vec<AttachmentFacts>> {
    let mut left = ALL_FILES_MAX;
    let group = |one: &AttachmentInfo| {
        let mut group =
            vec![walk::fact((&one.name, &one.media_type, &one.path), (one.bytes, &one.sha256), &Holds::default())];
        let taken = walk::walk_some(reading, one, left.min(FILES_MAX), &mut |inner: &Inner<'_>| {
            group.push(inner.fact());
            Ok::<(), std::convert::Infallible>(())
        });
        left = left.saturating_sub(group.len() - 1);
        if let (Ok(Walked { holds, .. }), Some(first)) = (taken, group.first_mut()) {
            first.holds = holds;
        }
        group
    };
    reading.body.attachments.iter().map(group).collect()
}

/// A name as the register keeps it, and a media type.
fn kept(name: &str, media_type: &str) -> (String, String) {
    (file_name(name), media_type.chars().take(TYPE_MAX).collect())
}
