//! Opened over streams, a message is what it is opened in memory.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use openpgp::cert::prelude::Cert;
use openpgp::parse::Parse as _;
use openpgp::policy::StandardPolicy;
use openpgp::serialize::stream::{Armorer, Compressor, Encryptor, LiteralWriter, Message as Writer, Recipient};
use openpgp::types::CompressionAlgorithm;
use sequoia_openpgp as openpgp;

use super::{Laid, Lies, Plain, Sink, Source, open_large};
use crate::mail::message::Message;
use crate::mail::outline::Outliner;
use crate::pgp::file::{files, files_of, open_file, open_file_of};
use crate::pgp::generate::{Generated, generate};
use crate::pgp::keyring::Keyring;
use crate::pgp::open::{Decrypt, Opened, Terms, open_with};
use crate::pgp::report::{Acceptance, Integrity, SignatureState};
use crate::pgp::seal::{Sealed, encrypt, seal, sign};
use crate::pgp::warning::Warning;

const THEM: &str = "h.lintwhite@copfs.gov.example";
const US: &str = "i.thistledown@tg-law.example";

fn now() -> Timestamp {
    "2026-05-05T10:00:00Z".parse().unwrap()
}

/// Bytes in memory, of which no more than `good` can be read.
struct Bytes {
    bytes: Vec<u8>,
    good: usize,
}

impl Bytes {
    fn whole(bytes: Vec<u8>) -> Arc<dyn Source> {
        let good = usize::MAX;
        Arc::new(Self { bytes, good })
    }
}

struct Faulty<'a>(&'a [u8], usize);

impl Read for Faulty<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        assert!(!into.is_empty(), "a stream that unpacks fails where it is asked for nothing");
        let room = into.len().min(self.1);
        if room == 0 {
            return Err(io::Error::other("the disk is broken"));
        }
        let count = self.0.read(into.get_mut(..room).unwrap_or_default())?;
        self.1 -= count;
        Ok(count)
    }
}

impl Source for Bytes {
    fn open(&self, at: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let at = usize::try_from(at).unwrap().min(self.bytes.len());
        Ok(Box::new(Faulty(&self.bytes[at..], self.good.saturating_sub(at))))
    }
}

/// A sink with room for so many bytes. Whatever was not finished, nobody ever sees.
struct Room(Vec<u8>, usize);

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > self.1 {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk is full"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Room {
    fn finish(self: Box<Self>) -> io::Result<Arc<dyn Source>> {
        Ok(Bytes::whole(self.0))
    }
}

fn room<'a>() -> io::Result<Box<dyn Sink + 'a>> {
    Ok(Box::new(Room(Vec::new(), usize::MAX)))
}

fn no_room<'a>() -> io::Result<Box<dyn Sink + 'a>> {
    Ok(Box::new(Room(Vec::new(), 300_000)))
}

fn lies(raw: &[u8]) -> Option<Lies> {
    let outline = Outliner::default().read(&mut &*raw, &mut |_| Ok(())).unwrap()?;
    Some(Lies::new(outline, Bytes::whole(raw.to_vec())))
}

fn opened_large(raw: &[u8], keyring: &Keyring, terms: &Terms<'_>) -> Option<(Opened, Laid)> {
    open_large(&lies(raw)?, &room, keyring, terms).unwrap()
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes).unwrap();
    bytes
}

/// Opened over streams, a message is what it is opened in memory. `false` where it has to be held.
fn is_the_same(what: &str, raw: &[u8], keyring: &Keyring) -> bool {
    let terms = Terms::at(now(), Decrypt::Any);
    let whole = open_with(&Message::parse(raw.to_vec()), keyring, &terms);
    let Some((opened, laid)) = opened_large(raw, keyring, &terms) else { return false };
    assert_eq!(opened.report, whole.report, "{what}");
    assert_eq!(opened.headers, whole.headers, "{what}");
    assert_eq!(opened.warnings, whole.warnings, "{what}");
    assert_eq!(opened.inside, whole.inside, "{what}");
    let fields = |opened: &Opened| {
        let fields = opened.shown.headers().fields();
        fields.map(|(name, value)| (name.to_owned(), value.to_vec())).collect::<Vec<_>>()
    };
    assert_eq!(fields(&opened), fields(&whole), "{what}");
    assert!(written(|to| laid.write(to)) == whole.shown.raw(), "{what}: what is shown, whole");
    let shape = |opened: &Opened| {
        let parts = opened.shown.parts().iter();
        parts.map(|part| (part.path.clone(), part.media_type.clone(), part.name.clone())).collect::<Vec<_>>()
    };
    assert_eq!(shape(&opened), shape(&whole), "{what}");
    for (place, part) in whole.shown.parts().iter().enumerate().filter(|(_, part)| !part.is_multipart()) {
        let expected = whole.shown.content(part);
        let found = written(|to| io::copy(&mut laid.lies().content(place)?, to).map(drop));
        assert!(found == expected, "{what}: part {}", part.path);
        if opened.is_whole(place) {
            assert!(
                opened.shown.content(&opened.shown.parts()[place]) == expected,
                "{what}: part {} as held",
                part.path
            );
        }
    }
    let of_files = |found: Vec<crate::pgp::file::FileReport>| format!("{found:?}");
    assert_eq!(
        of_files(files_of(&opened, Some(&laid), keyring, &terms)),
        of_files(files(&whole, keyring, &terms)),
        "{what}"
    );
    true
}

struct World {
    us: Generated,
    them: Generated,
}

impl World {
    fn new() -> Self {
        let born = now() - SignedDuration::from_hours(24 * 100);
        let make = |address: &str| generate("", address, born).unwrap();
        Self { us: make(US), them: make(THEM) }
    }

    fn keyring(&self) -> Keyring {
        let mut keyring = Keyring::new();
        keyring.add_secret(&self.us.secret, None).unwrap();
        keyring.add_cert(&self.them.cert, Acceptance::Accepted).unwrap();
        keyring
    }

    /// Theirs, who know us.
    fn theirs(&self) -> Keyring {
        let mut keyring = Keyring::new();
        keyring.add_secret(&self.them.secret, None).unwrap();
        keyring.add_cert(&self.us.cert, Acceptance::Accepted).unwrap();
        keyring
    }

    fn signed(&self, entity: &[u8]) -> Vec<u8> {
        sign(entity, &[], &self.theirs(), &self.them.info.fingerprint, now()).unwrap().entity
    }

    fn encrypted(&self, entity: &[u8]) -> Vec<u8> {
        let to = std::slice::from_ref(&self.us.info.fingerprint);
        encrypt(entity, &[], to, &self.theirs(), &self.them.info.fingerprint, now()).unwrap().entity
    }

    /// Both at once, its header fields inside.
    fn sealed(&self, entity: &[u8]) -> Vec<u8> {
        let to = std::slice::from_ref(&self.us.info.fingerprint);
        seal(entity, &fields(), to, &self.theirs(), &self.them.info.fingerprint, now()).unwrap().assemble()
    }

    /// Packets encrypted to us, in armor; what is inside is compressed.
    fn packets(&self, compressed: bool, write: impl FnOnce(&mut dyn Write)) -> Vec<u8> {
        let (cert, policy) = (Cert::from_bytes(&self.us.cert).unwrap(), StandardPolicy::new());
        let keys = cert.keys().with_policy(&policy, None).supported().for_transport_encryption();
        let mut sink = Vec::new();
        let writer = Armorer::new(Writer::new(&mut sink)).build().unwrap();
        let mut writer = Encryptor::for_recipients(writer, keys.map(Recipient::from)).build().unwrap();
        if compressed {
            writer = Compressor::new(writer).algo(CompressionAlgorithm::Zlib).build().unwrap();
        }
        let mut writer = LiteralWriter::new(writer).build().unwrap();
        write(&mut writer);
        writer.finalize().unwrap();
        sink
    }
}

fn fields() -> Vec<(String, String)> {
    let date = now().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let fields = [("Date", date.as_str()), ("From", THEM), ("To", US), ("Subject", "PF ZZ26000417")];
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

fn mail(entity: &[u8]) -> Vec<u8> {
    Sealed { fields: fields(), entity: entity.to_vec() }.assemble()
}

fn noise(count: usize) -> Vec<u8> {
    let mut state = 9_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..count).map(|_| next()).collect()
}

/// In base64, in lines.
fn lines(content: &[u8]) -> String {
    let armor = openpgp::armor::Kind::File;
    let mut writer = openpgp::armor::Writer::new(Vec::new(), armor).unwrap();
    writer.write_all(content).unwrap();
    let text = String::from_utf8(writer.finalize().unwrap()).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with(['-', '=']));
    lines.map(|line| format!("{line}\r\n")).collect()
}

/// A text and files.
fn with_files(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut entity =
        "Content-Type: multipart/mixed; boundary=weir\r\n\r\n--weir\r\nContent-Type: text/plain\r\n\r\nWe accept.\r\n"
            .to_owned();
    for (name, content) in files {
        let content = lines(content);
        entity.push_str(&format!(
            "--weir\r\nContent-Type: application/octet-stream; name=\"{name}\"\r\nContent-Disposition: attachment\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{content}\r\n"
        ));
    }
    entity.push_str("--weir--\r\n");
    entity.into_bytes()
}

fn in_frame(armored: &[u8]) -> Vec<u8> {
    let head = "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=p\r\n\r\n--p\r\n\
        Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--p\r\nContent-Type: application/octet-stream\r\n\r\n";
    mail(&[head.as_bytes(), armored, b"\r\n--p--\r\n"].concat())
}

#[test]
fn whatever_protects_it_it_is_opened_as_if_it_were_held() {
    let (world, film) = (World::new(), noise(900_000));
    let keyring = world.keyring();
    let large = with_files(&[("EX PB1.mp4", &film), ("MG5.pdf", b"%PDF")]);
    let check = |what: &str, raw: &[u8]| assert!(is_the_same(what, raw, &keyring), "{what}: not opened over streams");
    let (signed, encrypted) = (world.signed(&large), world.encrypted(&large));
    check("clear", &mail(&large));
    check("signed", &mail(&signed));
    check("encrypted", &mail(&encrypted));
    check("both at once", &world.sealed(&large));
    check("signed, then encrypted", &mail(&world.encrypted(&signed)));
    check("encrypted twice", &mail(&world.encrypted(&encrypted)));
    check("encrypted, then signed", &mail(&world.signed(&encrypted)));
    check("signed, encrypted, signed", &mail(&world.signed(&world.encrypted(&signed))));
    let below = [
        b"Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n".as_slice(),
        &signed,
        b"\r\n--out\r\nContent-Type: text/plain\r\n\r\nA footer.\r\n--out--\r\n",
    ]
    .concat();
    check("signed below the root", &mail(&below));
    check("that encrypted", &mail(&world.encrypted(&below)));
    // A file with a signature beside it, one that is encrypted by itself.
    let entity = world.signed(&with_files(&[("x", &film)]));
    let signature = memchr::memmem::find(&entity, b"-----BEGIN PGP SIGNATURE").map(|at| entity[at..].to_vec()).unwrap();
    let sealed = world.packets(false, |to| to.write_all(&film).unwrap());
    let beside = with_files(&[("EX PB1.mp4", &film), ("EX PB1.mp4.asc", &signature), ("PB2.mp4.gpg", &sealed)]);
    check("files by themselves", &mail(&beside));
    check("files by themselves, encrypted", &mail(&world.encrypted(&beside)));
    // Line ends that were altered on the way are made canonical again.
    let bare: Vec<u8> = mail(&signed).into_iter().filter(|byte| *byte != b'\r').collect();
    check("signed, with bare line ends", &bare);
}

#[test]
fn what_was_altered_is_told_as_if_it_were_held_and_nothing_of_it_is_shown() {
    let (world, film) = (World::new(), noise(900_000));
    let (keyring, terms) = (world.keyring(), Terms::at(now(), Decrypt::Any));
    let large = with_files(&[("EX PB1.mp4", &film)]);
    let raw = world.sealed(&large);
    let end = memchr::memmem::rfind(&raw, b"-----END PGP MESSAGE").unwrap();
    let other = |at: usize| {
        let mut raw = raw.clone();
        let at = if raw[at].is_ascii_alphanumeric() { at } else { at + 2 };
        raw[at] = if raw[at] == b'A' { b'B' } else { b'A' };
        raw
    };
    let cut = |from: usize| [&raw[..from], &raw[end..]].concat();
    for (what, altered) in [
        ("a bit in the middle", other(raw.len() / 2)),
        ("a bit near the end", other(end - 200)),
        ("its end is missing", cut(end - 2_000)),
        ("its second half is missing", cut(raw.len() / 2)),
        ("the transfer broke off", raw[..raw.len() / 2].to_vec()),
    ] {
        let whole = open_with(&Message::parse(altered.clone()), &keyring, &terms);
        let (opened, laid) = opened_large(&altered, &keyring, &terms).unwrap_or_else(|| panic!("{what}"));
        assert_eq!((&opened.report, &opened.warnings), (&whole.report, &whole.warnings), "{what}");
        assert!(!opened.report.decrypted && opened.report.signature.state == SignatureState::None, "{what}");
        let shown = written(|to| laid.write(to));
        assert!(memchr::memmem::find(&shown, b"We accept").is_none(), "{what}");
        assert!(memchr::memmem::find(opened.shown.raw(), b"We accept").is_none(), "{what}");
    }
    let (opened, _) = opened_large(&other(raw.len() / 2), &keyring, &terms).unwrap();
    assert_eq!(opened.report.integrity, Integrity::Failed);
    // Signed: one byte of the film is another.
    let mut signed = mail(&world.signed(&large));
    let at = signed.len() / 2;
    signed[at] = if signed[at] == b'A' { b'B' } else { b'A' };
    assert!(is_the_same("a signed film altered", &signed, &keyring));
    assert_eq!(opened_large(&signed, &keyring, &terms).unwrap().0.report.signature.state, SignatureState::Bad);
    // For somebody else.
    assert!(is_the_same("without a key", &raw, &Keyring::new()));
}

#[test]
fn trouble_with_a_disk_is_no_verdict() {
    let (world, terms) = (World::new(), Terms::at(now(), Decrypt::Any));
    let keyring = world.keyring();
    let raw = world.sealed(&with_files(&[("EX PB1.mp4", &noise(900_000))]));
    let outline = || Outliner::default().read(&mut &*raw, &mut |_| Ok(())).unwrap().unwrap();
    let full = open_large(&lies(&raw).unwrap(), &no_room, &keyring, &terms).unwrap_err();
    assert_eq!((full.kind(), full.to_string().as_str()), (io::ErrorKind::StorageFull, "the disk is full"));
    let broken = Lies::new(outline(), Arc::new(Bytes { bytes: raw.clone(), good: raw.len() / 2 }));
    let error = open_large(&broken, &room, &keyring, &terms).unwrap_err();
    assert_eq!(error.to_string(), "the disk is broken");
    let signed = mail(&world.signed(&with_files(&[("EX PB1.mp4", &noise(900_000))])));
    let outline = Outliner::default().read(&mut &*signed, &mut |_| Ok(())).unwrap().unwrap();
    let broken = Lies::new(outline, Arc::new(Bytes { bytes: signed.clone(), good: signed.len() / 2 }));
    assert_eq!(open_large(&broken, &room, &keyring, &terms).unwrap_err().to_string(), "the disk is broken");
}

#[test]
fn a_bomb_ends_at_its_bound_and_leaves_nothing() {
    let (world, terms) = (World::new(), Terms::at(now(), Decrypt::Any));
    let zeros = vec![0; 1 << 20];
    let bomb = in_frame(&world.packets(true, |to| (0..200).for_each(|_| to.write_all(&zeros).unwrap())));
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    let (opened, laid) = opened_large(&bomb, &world.keyring(), &terms).unwrap();
    assert!(opened.report.encrypted && !opened.report.decrypted && opened.warnings.contains(&Warning::TooLarge));
    assert!(written(|to| laid.write(to)) == bomb, "what is shown is the message as it came");
    // No more room is taken than the bound.
    let bound = || -> io::Result<Box<dyn Sink>> { Ok(Box::new(Room(Vec::new(), 65 << 20))) };
    assert!(open_large(&lies(&bomb).unwrap(), &bound, &world.keyring(), &terms).is_ok());
    // What is as large and does not grow is opened.
    let honest = in_frame(&world.packets(true, |to| to.write_all(&with_files(&[("x", &noise(2 << 20))])).unwrap()));
    assert!(is_the_same("compressed", &honest, &world.keyring()));
}

#[test]
fn more_than_is_ever_held_is_opened_too() {
    let (world, terms) = (World::new(), Terms::at(now(), Decrypt::Any));
    let some = with_files(&[("EX PB1.mp4", &noise(48 << 14))]);
    let (head, end) = (memchr::memmem::rfind(&some, b"base64\r\n\r\n").unwrap() + 10, some.len() - 12);
    let entity = [&some[..head], &some[head..end].repeat(134), &some[end..]].concat();
    assert!(entity.len() > 140_000_000, "{}", entity.len());
    let raw = in_frame(&world.packets(false, |to| to.write_all(&entity).unwrap()));
    let (opened, laid) = opened_large(&raw, &world.keyring(), &terms).unwrap();
    assert!(opened.report.decrypted && opened.report.integrity == Integrity::Ok, "{:?}", opened.warnings);
    assert_eq!(laid.lies().outline().bytes(), entity.len() as u64);
    assert!(opened.shown.raw().len() < 1 << 20, "of which little is held");
    assert!(written(|to| laid.write(to)).ends_with(&entity[head..]), "all that was encrypted");
    let held = open_with(&Message::parse(raw), &world.keyring(), &terms);
    assert!(!held.report.decrypted && held.warnings.contains(&Warning::TooLarge));
}

#[test]
fn a_file_that_is_encrypted_by_itself_comes_out_whole_or_not_at_all() {
    let (world, film) = (World::new(), noise(1 << 20));
    let (keyring, terms) = (world.keyring(), Terms::at(now(), Decrypt::Any));
    let sealed = world.packets(false, |to| to.write_all(&film).unwrap());
    let open = |sealed: &[u8]| {
        let raw = mail(&with_files(&[("EX PB1.mp4.gpg", sealed)]));
        let (opened, laid) = opened_large(&raw, &keyring, &terms).unwrap();
        assert!(!opened.is_whole(2), "it is not held");
        let held = open_file(&open_with(&Message::parse(raw), &keyring, &terms), 2, &keyring, &terms).unwrap();
        let file = open_file_of(&opened, &laid, &room, 2, &keyring, &terms).unwrap().unwrap();
        assert_eq!((&file.openpgp, &file.name, &file.warnings), (&held.openpgp, &held.name, &held.warnings));
        file.content
    };
    let content = open(&sealed).unwrap();
    assert!(matches!(content, Plain::Lying(..)) && content.bytes() == film.len() as u64);
    assert!(written(|to| content.write(to)) == film);
    let mut altered = sealed.clone();
    let at = sealed.len() - 500;
    altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
    assert!(open(&altered).is_none());
    assert!(open(&sealed[..sealed.len() / 2]).is_none());
}

/// The messages that attacks are made of.
#[test]
fn of_forged_messages_it_says_what_is_said_of_them_held() {
    let dir = Path::new("tests/data/pgp");
    let read = |name: &str| std::fs::read(dir.join(name)).unwrap();
    let (mut same, mut held) = (0, Vec::new());
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "eml") {
            continue;
        }
        let mut keyring = Keyring::new();
        keyring.add_secret(&read("us.secret.key"), None).unwrap();
        for (name, acceptance) in [
            ("victim.verified.key", Acceptance::Verified),
            ("attacker.accepted.key", Acceptance::Accepted),
            ("undecided.undecided.key", Acceptance::Undecided),
            ("rejected.rejected.key", Acceptance::Rejected),
        ] {
            keyring.add_cert(&read(name), acceptance).unwrap();
        }
        if let Ok(cert) = std::fs::read(path.with_extension("pgp")) {
            keyring.add_cert(&cert, Acceptance::Verified).unwrap();
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if is_the_same(&name, &std::fs::read(&path).unwrap(), &keyring) {
            same += 1;
        } else {
            held.push(name);
        }
    }
    assert!(same > 60, "{same}; held: {held:#?}");
}
