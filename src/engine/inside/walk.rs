//! The way into a package: each file in it, one after the other, with packages within it. Its bytes are the taker's for as long as it has the file in
//! hand, and none is held beyond that.
//!
//! Bounded by [`DEPTH_MAX`] packages within each other, so many files, and so many bytes of packages that are held at once: what goes beyond is told.
//! A message that came as a part of its message ([`Message::parts`]) is not held at all.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::io::{self, Write};
use std::sync::Arc;

use memchr::memmem;

use super::form::{Form, HEAD_MAX, may_hold};
use super::plain::{Sniffed, Sniffer};
use super::{DEPTH_MAX, FILES_MAX, HELD_MAX, kept, place_within};
use crate::case::document::{Holds, Unseen};
use crate::engine::reading::Reading;
use crate::look::{self, tnef};
use crate::mail::display::{self, AttachmentInfo};
use crate::mail::message::{Defect, Message, Part};
use crate::register::event::AttachmentFacts;
use crate::register::record::Digest;

/// How a text that is encrypted begins.
const ARMOR: &[u8] = b"-----BEGIN PGP MESSAGE-----";

/// A file in an attachment.
pub(crate) struct Inner<'a> {
    /// Its place: `2/1` is the first part of a message, or the first file of a package, that is the attachment `2`.
    pub(crate) path: &'a str,
    /// As the sender gave it, or made up. Hostile.
    pub(crate) name: &'a str,
    /// As the sender gave it, in small letters.
    pub(crate) media_type: &'a str,
    /// What it holds that is no file of its own here.
    pub(crate) holds: &'a Holds,
    at: &'a At<'a>,
    weight: OnceCell<(u64, String)>,
}

/// Where the bytes of a file in an attachment are.
pub(crate) enum Place {
    /// They are those of a part of what is shown of the message.
    Part(usize),
    /// They are given out by the walk.
    Held,
}

impl Inner<'_> {
    fn weight(&self) -> &(u64, String) {
        self.weight.get_or_init(|| self.at.weigh())
    }

    /// Its size, decoded.
    pub(crate) fn bytes(&self) -> u64 {
        self.weight().0
    }

    /// Its digest, lower-case hexadecimal.
    pub(crate) fn sha256(&self) -> &str {
        &self.weight().1
    }

    /// As the register keeps it.
    pub(crate) fn fact(&self) -> AttachmentFacts {
        fact((self.name, self.media_type, self.path), (self.bytes(), self.sha256()), self.holds)
    }

    /// Where its bytes are.
    pub(crate) fn place(&self) -> Place {
        match self.at {
            At::Of(_, place) => Place::Part(*place),
            At::In(..) | At::Bytes(_) => Place::Held,
        }
    }

    /// Writes what it holds, where that [`Place::Held`].
    ///
    /// # Errors
    /// What the taker says.
    pub(crate) fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        self.at.write(to)
    }

    /// Whether it is what somebody knows by this place in its attachment and this content.
    pub(crate) fn is(&self, path: &str, sha256: &str) -> bool {
        place_within(path) == place_within(self.path) && self.sha256() == sha256
    }
}

/// A file as the register keeps it.
pub(super) fn fact(
    (name, media_type, path): (&str, &str, &str),
    (bytes, sha256): (u64, &str),
    holds: &Holds,
) -> AttachmentFacts {
    let (name, media_type) = kept(name, media_type);
    let sha256 = sha256.parse().unwrap_or_default();
    AttachmentFacts { name, media_type, bytes, sha256, path: path.to_owned(), holds: holds.clone() }
}

/// What came of a walk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walked {
    /// What the attachment itself holds.
    pub(crate) holds: Holds,
    /// It is a package that is damaged or cut off.
    pub(crate) damaged: bool,
}

/// Walks through what is in an attachment.
///
/// # Errors
/// What `take` says.
pub(crate) fn walk<E>(
    reading: &Reading,
    one: &AttachmentInfo,
    take: &mut dyn FnMut(&Inner<'_>) -> Result<(), E>,
) -> Result<Walked, E> {
    walk_some(reading, one, FILES_MAX, take)
}

/// The same, of so many files at most.
pub(super) fn walk_some<E>(
    reading: &Reading,
    one: &AttachmentInfo,
    most: usize,
    take: &mut dyn FnMut(&Inner<'_>) -> Result<(), E>,
) -> Result<Walked, E> {
    walk_at(&At::Of(reading, one.part), (&one.name, &one.media_type, &one.path), most, take)
}

/// The same of a file wherever it is.
pub(super) fn walk_at<E>(
    at: &At<'_>,
    (name, media_type, path): (&str, &str, &str),
    most: usize,
    take: &mut dyn FnMut(&Inner<'_>) -> Result<(), E>,
) -> Result<Walked, E> {
    let mut walker = Walker { take, left: most, room: HELD_MAX, more: false, damaged: false };
    let (mut holds, within) = walker.open(at, name, media_type, 0);
    walker.go_in(within, path, 0)?;
    if walker.more {
        holds.unseen = holds.unseen.filter(|unseen| unseen.shuts()).or(Some(Unseen::Many));
    }
    Ok(Walked { holds, damaged: walker.damaged })
}

/// Where a file is.
pub(super) enum At<'a> {
    /// A part of what is shown of a message that was read.
    Of(&'a Reading, usize),
    /// A part of a message that is held.
    In(&'a Message, usize),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl<'a> At<'a> {
    /// The part that it is.
    fn part(&self) -> Option<(&'a Message, &'a Part)> {
        let (message, place) = match self {
            Self::Of(reading, place) => (&reading.opened.shown, *place),
            Self::In(message, place) => (*message, *place),
            Self::Bytes(_) => return None,
        };
        Some((message, message.parts().get(place)?))
    }

    /// Its size and digest.
    fn weigh(&self) -> (u64, String) {
        if let Self::Of(reading, place) = self {
            return reading.weight(*place);
        }
        match (self, self.part()) {
            (Self::Bytes(bytes), _) => (bytes.len() as u64, Digest::of(bytes).to_string()),
            (_, Some((message, part))) => {
                let weight = display::weigh(message, part);
                (weight.bytes, weight.sha256)
            }
            (_, None) => (0, Digest::of(b"").to_string()),
        }
    }

    /// Writes what it holds, as far as that is held.
    fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        match (self, self.part()) {
            (Self::Bytes(bytes), _) => to.write_all(bytes),
            (_, Some((message, part))) => message.write_content(part, to).map(drop),
            (_, None) => Ok(()),
        }
    }

    /// What it is that may hold other files. `room`: bytes that may be held for it.
    fn sniff(&self, name: &str, media_type: &str, room: usize) -> Sniff<'a> {
        if let Self::Of(reading, place) = self
            && !reading.opened.is_whole(*place)
        {
            // It is not held: what it is was told when it was passed over.
            return match reading.packages.get(place) {
                Some(Held::Package(content)) if content.len() > room => Sniff::Large,
                Some(Held::Package(content)) => Sniff::Package(Cow::Borrowed(content)),
                Some(Held::Zip(holds)) => Sniff::Zip(holds.clone()),
                Some(Held::Large) => Sniff::Large,
                None => Sniff::Nothing,
            };
        }
        if let Self::Bytes(bytes) = self {
            let head = bytes.get(..bytes.len().min(HEAD_MAX)).unwrap_or_default();
            if let Some(Form::Tnef | Form::Message) = Form::of(name, media_type, head) {
                let is_large = bytes.len() > room.min(look::BYTES_MAX);
                return if is_large { Sniff::Large } else { Sniff::Package(Cow::Borrowed(bytes)) };
            }
        }
        let Some(mut sniffer) = Sniffer::new(name, media_type, room.min(look::BYTES_MAX)) else {
            return Sniff::Nothing;
        };
        // That it wants no more is no failure.
        let _ = self.write(&mut sniffer);
        match sniffer.end() {
            Sniffed::Nothing => Sniff::Nothing,
            Sniffed::Package(content) => Sniff::Package(Cow::Owned(content)),
            Sniffed::Zip(holds) => Sniff::Zip(holds),
            Sniffed::Large => Sniff::Large,
        }
    }
}

/// What is held of a part that is not held itself.
#[derive(Clone, Debug)]
pub(crate) enum Held {
    /// What it holds: a package.
    Package(Vec<u8>),
    /// A zip, which says this.
    Zip(Holds),
    /// It is a package, and too large to be held.
    Large,
}

/// What a file was found to be.
enum Sniff<'a> {
    Nothing,
    Package(Cow<'a, [u8]>),
    Zip(Holds),
    Large,
}

/// What is in a file.
enum Within<'a> {
    Nothing,
    /// Parts of the message that it is a part of.
    Parts(At<'a>),
    /// A message that is a file.
    Message(Message, usize),
    /// Outlook's package.
    Tnef(Cow<'a, [u8]>),
}

struct Walker<'t, E> {
    take: &'t mut dyn FnMut(&Inner<'_>) -> Result<(), E>,
    /// How many more files are told.
    left: usize,
    /// How many more bytes may be held.
    room: usize,
    more: bool,
    damaged: bool,
}

impl<E> Walker<'_, E> {
    /// What a file holds, and the way in.
    fn open<'a>(&mut self, at: &At<'a>, name: &str, media_type: &str, depth: usize) -> (Holds, Within<'a>) {
        let nothing = |unseen: Unseen| (Holds { unseen: Some(unseen), ..Holds::default() }, Within::Nothing);
        if let Some((message, part)) = at.part()
            && part.is_message()
            && let Some(&root) = part.children.first()
        {
            if depth >= DEPTH_MAX {
                return nothing(Unseen::Deep);
            }
            // Of a message with more than is followed nobody knows whose that was.
            self.more |= is_cut(message);
            let at = match at {
                At::Of(reading, _) => At::Of(reading, root),
                At::In(message, _) => At::In(message, root),
                At::Bytes(bytes) => At::Bytes(bytes),
            };
            return (about(message, root), Within::Parts(at));
        }
        if !may_hold(name, media_type) {
            return (Holds::default(), Within::Nothing);
        }
        match at.sniff(name, media_type, self.room) {
            Sniff::Nothing => (Holds::default(), Within::Nothing),
            Sniff::Zip(holds) => (holds, Within::Nothing),
            Sniff::Large => nothing(Unseen::Large),
            Sniff::Package(_) if depth >= DEPTH_MAX => nothing(Unseen::Deep),
            Sniff::Package(content) if tnef::is_package(&content) => (Holds::default(), Within::Tnef(content)),
            Sniff::Package(content) => {
                let count = content.len();
                let message = Message::parse(Arc::<[u8]>::from(&*content));
                self.more |= is_cut(&message);
                (about(&message, 0), Within::Message(message, count))
            }
        }
    }

    /// Goes through what is in a file of this place, in so many packages.
    fn go_in(&mut self, within: Within<'_>, path: &str, depth: usize) -> Result<(), E> {
        match within {
            Within::Nothing => Ok(()),
            Within::Parts(at) => {
                let (Some((message, part)), At::Of(_, root) | At::In(_, root)) = (at.part(), &at) else {
                    return Ok(());
                };
                // Its parts have the numbers of the message that it is a part of before their own.
                let outer = part.parent.and_then(|parent| message.parts().get(parent)).map(|outer| outer.path.clone());
                for info in display::files_of(message, *root) {
                    let own = outer.as_deref().and_then(|outer| info.path.strip_prefix(outer)?.strip_prefix('.'));
                    let path = format!("{path}/{}", own.unwrap_or(&info.path));
                    let at = match at {
                        At::Of(reading, _) => At::Of(reading, info.part),
                        _ => At::In(message, info.part),
                    };
                    self.file(&at, &info.name, &info.media_type, &path, depth + 1)?;
                }
                Ok(())
            }
            Within::Message(message, count) => {
                self.room = self.room.saturating_sub(count);
                for info in display::files_of(&message, 0) {
                    let path = format!("{path}/{}", info.path);
                    self.file(&At::In(&message, info.part), &info.name, &info.media_type, &path, depth + 1)?;
                }
                self.room = self.room.saturating_add(count);
                Ok(())
            }
            Within::Tnef(content) => {
                let Some(packed) = tnef::read(&content) else { return Ok(()) };
                self.more |= packed.more;
                self.damaged |= packed.damaged;
                let held = if matches!(content, Cow::Owned(_)) { content.len() } else { 0 };
                self.room = self.room.saturating_sub(held);
                for file in &packed.files {
                    let path = format!("{path}/{}", file.path);
                    // A message within it was opened with it.
                    let is_open = packed
                        .files
                        .iter()
                        .any(|one| one.path.strip_prefix(file.path.as_str()).is_some_and(|rest| rest.starts_with('.')));
                    let at = At::Bytes(file.content);
                    if is_open {
                        self.give(&at, (&file.name, &file.media_type, &path), &Holds::default())?;
                    } else {
                        self.file(&at, &file.name, &file.media_type, &path, depth + 1)?;
                    }
                }
                self.room = self.room.saturating_add(held);
                Ok(())
            }
        }
    }

    /// A file, and what is in it.
    fn file(&mut self, at: &At<'_>, name: &str, media_type: &str, path: &str, depth: usize) -> Result<(), E> {
        let (holds, within) = self.open(at, name, media_type, depth);
        self.give(at, (name, media_type, path), &holds)?;
        self.go_in(within, path, depth)
    }

    /// Gives a file to the taker.
    fn give(&mut self, at: &At<'_>, (name, media_type, path): (&str, &str, &str), holds: &Holds) -> Result<(), E> {
        let Some(left) = self.left.checked_sub(1) else {
            self.more = true;
            return Ok(());
        };
        self.left = left;
        (self.take)(&Inner { path, name, media_type, holds, at, weight: OnceCell::new() })
    }
}

/// Whether not all parts of a message were followed.
fn is_cut(message: &Message) -> bool {
    message.defects().iter().any(|defect| matches!(defect, Defect::TooDeep | Defect::TooManyParts))
}

/// What is to be known of a message within a message: its name, and whether it is encrypted.
fn about(message: &Message, root: usize) -> Holds {
    let mut holds = Holds::default();
    let mut left = vec![root];
    if let Some(root) = message.parts().get(root) {
        holds.message_id = root.headers.message_id().unwrap_or_default();
    }
    while let Some(part) = left.pop().and_then(|place| message.parts().get(place)) {
        let is_sealed = match part.media_type.as_str() {
            "multipart/encrypted" | "application/pgp-encrypted" => true,
            "application/pkcs7-mime" | "application/x-pkcs7-mime" => true,
            other => other.starts_with("text/") && memmem::find(message.raw_body(part), ARMOR).is_some(),
        };
        if is_sealed {
            holds.unseen = Some(Unseen::Encrypted);
        }
        if part.is_multipart() {
            left.extend(&part.children);
        }
    }
    holds
}
