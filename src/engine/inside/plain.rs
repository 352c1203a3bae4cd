//! Bytes that are no part of a message any more: what was in an encrypted file, and what was taken in by hand.

use std::convert::Infallible;
use std::io::{self, Read as _, Write};

use sha2::{Digest as _, Sha256};

use super::form::{Form, HEAD_MAX, may_hold};
use super::walk::{At, fact, walk_at};
use super::{FILES_MAX, Inner, Judged, judge};
use crate::case::document::{Direction, Holds, Kinds, Reach, Unseen};
use crate::look::directory::Tail;
use crate::look::{self};
use crate::pgp::large::Plain;
use crate::register::Book;
use crate::register::event::AttachmentFacts;

/// The digest of what was in an encrypted file.
///
/// # Errors
/// It cannot be read.
pub(crate) fn digest_of(plain: &Plain) -> io::Result<String> {
    let mut digest = Sha256::new();
    plain.write(&mut digest)?;
    Ok(hex::encode(digest.finalize()))
}

/// Walks through what is in a file of this name and media type, in its place.
///
/// # Errors
/// What `take` says.
pub(crate) fn files_in<E>(
    content: &[u8],
    (name, media_type, path): (&str, &str, &str),
    take: &mut dyn FnMut(&Inner<'_>) -> Result<(), E>,
) -> Result<Holds, E> {
    Ok(walk_at(&At::Bytes(content), (name, media_type, path), FILES_MAX, take)?.holds)
}

/// What is in a file of this name and media type, which it holds itself at the head; it is opened as one of the other media type.
fn group(content: &[u8], (name, media_type): (&str, &str), opened_as: &str, sha256: &str) -> Vec<AttachmentFacts> {
    let mut group = vec![fact((name, media_type, ""), (content.len() as u64, sha256), &Holds::default())];
    let taken = files_in(content, (name, opened_as, ""), &mut |inner| {
        group.push(inner.fact());
        Ok::<(), Infallible>(())
    });
    if let (Ok(holds), Some(first)) = (taken, group.first_mut()) {
        first.holds = holds;
    }
    group
}

/// A file that was taken in by hand, with what is in it behind it. What its bytes say of a package or a message is believed whatever it is called.
pub(crate) fn taken_in(content: &[u8], name: &str, media_type: &str, sha256: &str) -> Vec<AttachmentFacts> {
    let head = content.get(..content.len().min(HEAD_MAX)).unwrap_or_default();
    let opened_as = match Form::of_bytes(head) {
        Some(Form::Tnef) => "application/ms-tnef",
        Some(Form::Message) => "message/rfc822",
        Some(Form::Zip) | None => media_type,
    };
    group(content, (name, media_type), opened_as, sha256)
}

/// What is in a file that was encrypted, behind it, also where it is too large to be held: of that the names in a zip are told, and that nothing else is known.
fn group_of(plain: &Plain, name: &str, sha256: &str) -> io::Result<Vec<AttachmentFacts>> {
    let mut head = Vec::new();
    plain.open()?.take(HEAD_MAX as u64).read_to_end(&mut head)?;
    // Nobody says of what type it is; what its bytes say of a package is believed whatever it is called.
    let media_type = if Form::of_bytes(&head) == Some(Form::Tnef) { "application/ms-tnef" } else { "" };
    let mut holds = Holds::default();
    if let Some(mut sniffer) = Sniffer::new(name, media_type, look::BYTES_MAX) {
        // That it wants no more is no failure.
        plain.write(&mut sniffer).or_else(|error| if sniffer.is_done() { Ok(()) } else { Err(error) })?;
        match sniffer.end() {
            Sniffed::Nothing => {}
            Sniffed::Package(content) => return Ok(group(&content, (name, media_type), media_type, sha256)),
            Sniffed::Zip(found) => holds = found,
            Sniffed::Large => holds.unseen = Some(Unseen::Large),
        }
    }
    Ok(vec![fact((name, media_type, ""), (plain.bytes(), sha256), &holds)])
}

/// Whether what was in an encrypted file may be handed out: by its digest and its name, and as a package by the files in it. `came_as`: the digest of the
/// ciphertext. Whoever took that back within reach took back what is in it: nobody but them could see it, and the register has nothing else of it.
///
/// # Errors
/// It cannot be read.
pub(crate) fn reach_of_plain(
    book: &Book,
    kinds: &Kinds,
    (name, sha256, came_as): (&str, &str, &str),
    plain: &Plain,
    direction: Direction,
) -> io::Result<Reach> {
    let group = group_of(plain, name, sha256)?;
    Ok(match judge(book, None, kinds, &group, direction).reach {
        Reach::Watched if book.was_released(came_as) => Reach::Open,
        reach => reach,
    })
}

/// What is decided of a file that was taken in by hand, by its bytes alone: whether anything in it is in quarantine, or may be, because not all of it could be
/// looked at.
pub(crate) fn judge_bytes(book: &Book, content: &[u8], sha256: &str) -> Judged {
    // What it is called, its list has asked.
    judge(book, None, &Kinds::default(), &taken_in(content, "", "", sha256), Direction::Out)
}

/// Takes the beginning of a file; then, by what it is, all of it or its end.
pub(crate) struct Sniffer<'a> {
    name: &'a str,
    media_type: &'a str,
    /// Bytes that may be held.
    room: usize,
    content: Vec<u8>,
    told: Option<Option<Form>>,
    tail: Tail,
}

/// What came of a file that was passed over.
pub(crate) enum Sniffed {
    /// Nothing that has to be known.
    Nothing,
    /// A package, held.
    Package(Vec<u8>),
    /// A zip, which says this.
    Zip(Holds),
    /// A package that is too large to be held.
    Large,
}

impl<'a> Sniffer<'a> {
    /// For a file of this name and media type, where that has to be asked what it holds.
    pub(crate) fn new(name: &'a str, media_type: &'a str, room: usize) -> Option<Self> {
        let sniffer = Self { name, media_type, room, content: Vec::new(), told: None, tail: Tail::default() };
        may_hold(name, media_type).then_some(sniffer)
    }

    fn tell(&mut self) -> Option<Form> {
        let told = self.told.unwrap_or_else(|| Form::of(self.name, self.media_type, &self.content));
        if self.told.is_none() && told == Some(Form::Zip) {
            let _ = self.tail.write_all(&std::mem::take(&mut self.content));
        }
        self.told = Some(told);
        told
    }

    /// All of it came, or it said that it wants no more.
    pub(crate) fn end(mut self) -> Sniffed {
        match self.tell() {
            None => Sniffed::Nothing,
            Some(Form::Zip) => {
                let names = self.tail.names().unwrap_or_default();
                let unseen = names.more.then_some(Unseen::Many);
                Sniffed::Zip(Holds { names: names.names, unseen, ..Holds::default() })
            }
            Some(_) if self.content.len() > self.room => Sniffed::Large,
            Some(_) => Sniffed::Package(self.content),
        }
    }

    /// Whether nothing more is wanted.
    pub(crate) fn is_done(&self) -> bool {
        match self.told {
            None | Some(Some(Form::Zip)) => false,
            Some(None) => true,
            Some(Some(_)) => self.content.len() > self.room,
        }
    }
}

impl Write for Sniffer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_done() {
            return Err(io::Error::other("no more is wanted"));
        }
        if self.told == Some(Some(Form::Zip)) {
            return self.tail.write(bytes);
        }
        self.content.extend_from_slice(bytes);
        if self.content.len() >= HEAD_MAX {
            self.tell();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io::Write as _;

    use jiff::Timestamp;

    use super::{Sniffed, Sniffer, files_in, group_of, judge_bytes, taken_in};
    use crate::case::MessageName;
    use crate::case::document::{Reach, Unseen};
    use crate::look::BYTES_MAX;
    use crate::pgp::large::Plain;
    use crate::register::chain::Tip;
    use crate::register::writing::{Moment, write};
    use crate::register::{Actor, Book, DeviceId, Digest, Event};

    const HEAD: &str = "From: a@x\r\nSubject: y\r\nMIME-Version: 1.0\r\n";

    fn mail(name: &str, content: &str) -> String {
        format!(
            "{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/x; name=\"{name}\"\r\n\r\n{content}\r\n--b--\r\n"
        )
    }

    fn paths(content: &[u8], name: &str) -> (Vec<String>, Option<Unseen>) {
        let mut paths = Vec::new();
        let holds = files_in(content, (name, "", "2"), &mut |inner| {
            paths.push(format!("{} {}", inner.path, inner.name));
            Ok::<(), Infallible>(())
        });
        let Ok(holds) = holds;
        (paths, holds.unseen)
    }

    #[test]
    fn a_message_that_is_a_file_is_opened_and_what_only_calls_itself_one_is_not() {
        assert_eq!(paths(mail("MG5.pdf", "x").as_bytes(), "x.eml"), (vec!["2/1 MG5.pdf".to_owned()], None));
        assert_eq!(paths(b"no header: at all", "x.eml"), (vec![], None));
        assert_eq!(paths(mail("MG5.pdf", "x").as_bytes(), "x.txt"), (vec![], None));
        // Cut off: what is there is told.
        let whole = mail("MG5.pdf", "x");
        assert_eq!(paths(whole.as_bytes().get(..whole.len() - 9).unwrap(), "x.eml").0, ["2/1 MG5.pdf"]);
    }

    #[test]
    fn what_is_larger_than_is_held_is_told_and_not_read() {
        let mut large = mail("MG5.pdf", "x").into_bytes();
        large.resize(BYTES_MAX + 1, b'x');
        assert_eq!(paths(&large, "x.eml"), (vec![], Some(Unseen::Large)));
        let group = group_of(&Plain::Held(large.into()), "x.eml", &"0".repeat(64)).unwrap();
        assert_eq!((group.len(), group[0].holds.unseen), (1, Some(Unseen::Large)));
        // As a stream: nothing is kept beyond the room, and what is none is passed over at once.
        let mut sniffer = Sniffer::new("x.eml", "", 50_000).unwrap();
        let piece = mail("MG5.pdf", &"x".repeat(20_000));
        assert!((0..10).any(|_| sniffer.write_all(piece.as_bytes()).is_err()) && sniffer.is_done());
        assert!(matches!(sniffer.end(), Sniffed::Large));
        let mut sniffer = Sniffer::new("film.dat", "", 50_000).unwrap();
        assert!((0..10).any(|_| sniffer.write_all(&[7; 20_000]).is_err()) && sniffer.is_done());
        assert!(matches!(sniffer.end(), Sniffed::Nothing));
        assert!(Sniffer::new("MG5.pdf", "application/pdf", 1).is_none());
    }

    #[test]
    fn the_names_in_a_zip_are_told_whatever_stands_before_it_and_whoever_asks() {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        zip.start_file("MG6D.pdf", zip::write::SimpleFileOptions::default()).unwrap();
        let zip = zip.finish().unwrap().into_inner();
        for (name, before) in [("a.zip", &b"PK\x07\x08"[..]), ("a.zip", b"MZ"), ("a.exe", b"MZ"), ("a.zip", b"")] {
            let content = [before, &zip].concat();
            let sha256 = Digest::of(&content).to_string();
            let expected = ["MG6D.pdf"];
            let by_hand = taken_in(&content, name, "", &sha256);
            let plain = group_of(&Plain::Held(content.clone().into()), name, &sha256).unwrap();
            let mut sniffer = Sniffer::new(name, "", 50).unwrap();
            sniffer.write_all(&content).unwrap();
            let Sniffed::Zip(holds) = sniffer.end() else { panic!("{name}") };
            assert_eq!((&by_hand[0].holds, &plain[0].holds), (&holds, &holds), "{name} {before:?}");
            assert_eq!(holds.names, expected, "{name} {before:?}");
        }
    }

    #[test]
    fn more_parts_than_are_followed_are_told() {
        let deep = format!("{HEAD}{}", "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n".repeat(60));
        assert_eq!(paths(deep.as_bytes(), "x.eml").1, Some(Unseen::Many));
        let deep = format!("{HEAD}{}\r\nx", "Content-Type: message/rfc822\r\n\r\n".repeat(9));
        let (found, unseen) = paths(deep.as_bytes(), "x.eml");
        assert_eq!((found.len(), unseen), (8, None), "{found:?}");
    }

    /// What a register says in which this was put out of reach, or taken back.
    fn book(said: &[(&[u8], bool)]) -> Book {
        let (mut book, at) = (Book::default(), Timestamp::UNIX_EPOCH);
        let mut tip = Tip { device: DeviceId("d".into()), seq: 0, hash: Digest::NOTHING, order: 0 };
        for (content, released) in said {
            let event = Event::Quarantined {
                cases: Vec::new(),
                message: MessageName::default(),
                because: "possible mis-service".into(),
                released: *released,
                documents: vec![Digest::of(content)],
            };
            let moment = Moment { at, offset: 0, actor: Actor::default(), seen: Vec::new(), order: tip.order };
            for (record, _) in write(&mut tip, &moment, std::slice::from_ref(&event), || [0; 16]).unwrap() {
                book.push(&record, Some(&event));
            }
        }
        book
    }

    #[test]
    fn what_is_in_quarantine_is_found_in_what_holds_it_and_may_be_in_what_was_not_looked_through() {
        let judged = |book: &Book, content: &[u8]| {
            let judged = judge_bytes(book, content, &Digest::of(content).to_string());
            (judged.reach, judged.unseen)
        };
        let open = (Reach::Open, None);
        let (holds, other) = (mail("a.txt", "who told"), mail("a.txt", "a gnome"));
        let deep = format!("{HEAD}{}x", "Content-Type: message/rfc822\r\n\r\n".repeat(10));
        for content in [&holds, &other, &deep] {
            assert_eq!(judged(&Book::default(), content.as_bytes()), open, "nothing is in quarantine");
        }
        let shut = book(&[(b"who told", false)]);
        assert_eq!(judged(&shut, holds.as_bytes()), (Reach::Quarantined, None));
        assert_eq!(judged(&shut, other.as_bytes()), open);
        assert_eq!(judged(&shut, deep.as_bytes()), (Reach::Watched, Some(Unseen::Deep)));
        let back = book(&[(b"who told", false), (deep.as_bytes(), false), (deep.as_bytes(), true)]);
        assert_eq!(judged(&back, deep.as_bytes()), open);
        let back = book(&[(b"who told", false), (b"who told", true)]);
        assert_eq!((judged(&back, holds.as_bytes()), judged(&back, deep.as_bytes())), (open, open));
    }
}
