//! Layers of protection in each other, fields outside of a signature, files with a verdict of their own: made with gpg's habits and
//! ours, read back.

use casemail::mail::display;
use casemail::mail::message::Message;
use casemail::pgp::file::{FileReport, files, open_file};
use casemail::pgp::generate::{Generated, generate};
use casemail::pgp::keyring::Keyring;
use casemail::pgp::open::{Decrypt, Opened, Terms, open, open_with};
use casemail::pgp::report::{Acceptance, Covers, HeaderProtection, Integrity, SignatureState};
use casemail::pgp::seal::{Sealed, encrypt, sign};
use casemail::pgp::sentence::{of_file, sentences};
use casemail::pgp::verdict::Standing;
use casemail::pgp::warning::Warning;
use jiff::{SignedDuration, Timestamp};
use sequoia_openpgp::parse::Parse as _;

const THEM: &str = "h.lintwhite@copfs.gov.example";
const LIST: &str = "bar@lists.example";
const US: &str = "i.thistledown@tg-law.example";

fn now() -> Timestamp {
    "2026-05-05T10:00:00Z".parse().expect("a time")
}

struct World {
    us: Generated,
    them: Generated,
    list: Generated,
}

impl World {
    fn new() -> Self {
        let born = now() - SignedDuration::from_hours(24 * 100);
        let make = |address: &str| generate("", address, born).expect("a key");
        Self { us: make(US), them: make(THEM), list: make(LIST) }
    }

    /// Ours: their key and the list's accepted.
    fn keyring(&self) -> Keyring {
        let mut keyring = Keyring::new();
        keyring.add_secret(&self.us.secret, None).expect("our key");
        keyring.add_cert(&self.them.cert, Acceptance::Accepted).expect("theirs");
        keyring.add_cert(&self.list.cert, Acceptance::Accepted).expect("the list's");
        keyring
    }

    fn signed(&self, by: &Generated, entity: &[u8], at: Timestamp) -> Vec<u8> {
        let mut keyring = Keyring::new();
        keyring.add_secret(&by.secret, None).expect("a key");
        sign(entity, &[], &keyring, &by.info.fingerprint, at).expect("signed").entity
    }

    /// Encrypted to us alone, not signed, no fields inside.
    fn encrypted(&self, entity: &[u8]) -> Vec<u8> {
        let mut keyring = Keyring::new();
        keyring.add_secret(&self.them.secret, None).expect("a key");
        keyring.add_cert(&self.us.cert, Acceptance::Accepted).expect("ours");
        let to = std::slice::from_ref(&self.us.info.fingerprint);
        encrypt(entity, &[], to, &keyring, &self.them.info.fingerprint, now()).expect("encrypted").entity
    }

    /// The same of a text that is no MIME entity.
    fn encrypted_bare(&self, text: &[u8]) -> Vec<u8> {
        let us = sequoia_openpgp::Cert::from_bytes(&self.us.cert).expect("ours");
        crate::pgp_rfc::sealed(&us, None, None, text).into_bytes()
    }

    fn open(&self, raw: Vec<u8>) -> Opened {
        open(&Message::parse(raw), &self.keyring(), now(), Decrypt::Any)
    }
}

fn mail(from: &str, entity: &[u8]) -> Vec<u8> {
    let date = now().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let fields = [("Date", date.as_str()), ("From", from), ("To", US), ("Subject", "PF ZZ26000417"), ("Cc", LIST)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    Sealed { fields: fields.to_vec(), entity: entity.to_vec() }.assemble()
}

fn text(words: &str) -> Vec<u8> {
    format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{words}\r\n").into_bytes()
}

#[track_caller]
fn check(opened: &Opened, state: SignatureState, covers: Covers, bound_to: Option<&str>, decrypted: bool) {
    let report = &opened.report;
    let signature = &report.signature;
    assert_eq!(
        (signature.state, signature.covers, signature.bound_to.as_deref()),
        (state, covers, bound_to),
        "{report:#?} {:?}",
        opened.warnings
    );
    assert_eq!(report.decrypted, decrypted, "{report:#?}");
    let shown = display::body(&opened.shown).text();
    assert_eq!(shown.trim_end(), "We accept.", "{opened:#?}");
}

#[test]
fn layers_come_off_one_after_the_other() {
    let world = World::new();
    let plain = text("We accept.");
    let by_them = world.signed(&world.them, &plain, now());
    let by_list = world.signed(&world.list, &by_them, now());
    let good = |raw, decrypted| check(&world.open(raw), SignatureState::Good, Covers::Whole, Some(THEM), decrypted);
    good(mail(THEM, &by_them), false);
    good(mail(THEM, &world.encrypted(&by_them)), true);
    // Signed once more by a list: each speaks for itself, and the author's is the one that counts.
    good(mail(THEM, &by_list), false);
    good(mail(THEM, &world.encrypted(&by_list)), true);
    good(mail(THEM, &world.encrypted(&world.encrypted(&by_them))), true);
    check(&world.open(mail(LIST, &by_list)), SignatureState::Good, Covers::Whole, Some(LIST), false);

    // Signed, encrypted, signed again around the ciphertext: the inner one is what counts.
    let triple = world.signed(&world.list, &world.encrypted(&by_them), now());
    let opened = world.open(mail(THEM, &triple));
    check(&opened, SignatureState::Good, Covers::Whole, Some(THEM), true);
    assert!(opened.warnings.contains(&Warning::SignedCiphertext), "{:?}", opened.warnings);

    // A signature around ciphertext proves nothing about what is inside, even where all else fits: it is not even opened under that
    // name unless what is inside says so too.
    for (by, from) in [(&world.list, LIST), (&world.them, THEM), (&world.list, THEM)] {
        // The last is a text without a header, as inline encryption makes it.
        for (inner, by_author) in [
            (world.encrypted(&plain), false),
            (world.encrypted(&by_them), true),
            (world.encrypted_bare(b"We accept."), false),
        ] {
            let opened = world.open(mail(from, &world.signed(by, &inner, now())));
            let own = by_author && from == THEM;
            assert_eq!(opened.report.decrypted, own, "{:#?}", opened.report);
            assert_eq!(opened.report.signature.state == SignatureState::Good, own, "{:#?}", opened.report);
            assert_eq!(display::body(&opened.shown).text().contains("We accept"), own);
            assert_eq!(String::from_utf8_lossy(opened.shown.raw()).contains("We accept"), own);
            if !own {
                assert_eq!(opened.report.signature.covers, Covers::None);
                assert!(opened.warnings.contains(&Warning::MixedContext));
            }
        }
    }

    // Two hundred layers cost a few, not two hundred.
    let mut deep = plain.clone();
    for layer in 0..200 {
        deep = format!(
            "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=\"b{layer}\"\r\n\r\n--b{layer}\r\n{}\r\n--b{layer}\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b{layer}--\r\n",
            String::from_utf8(deep).expect("text")
        )
        .into_bytes();
    }
    let opened = world.open(mail(THEM, &deep));
    assert_ne!(opened.report.signature.state, SignatureState::Good);
}

/// Ciphertext in ciphertext that is not for us, or damaged: the inner one stays closed and is called so.
#[test]
fn the_innermost_layer_decides_what_is_open() {
    let world = World::new();
    let inner = String::from_utf8(world.encrypted(&text("We accept."))).expect("7-bit");
    // A letter in the middle of the armor.
    let at = inner.find("-----BEGIN PGP MESSAGE-----").expect("armor") + 300;
    let other = if &inner[at..=at] == "A" { "B" } else { "A" };
    let damaged = format!("{}{other}{}", &inner[..at], &inner[at + 1..]);
    let opened = world.open(mail(THEM, &world.encrypted(damaged.as_bytes())));
    let report = &opened.report;
    assert_eq!((report.encrypted, report.decrypted, report.integrity), (true, false, Integrity::Failed));
    assert!(!String::from_utf8_lossy(opened.shown.raw()).contains("We accept"));
    let control = world.open(mail(THEM, &world.encrypted(inner.as_bytes())));
    assert!(control.report.decrypted, "the control");
}

/// To, Cc, Subject outside of a signature could be anyone's (CVE-2024-49393, CVE-2024-49394).
#[test]
fn fields_outside_the_signature_are_named() {
    let world = World::new();
    let plain = text("We accept.");
    let opened = world.open(mail(THEM, &world.signed(&world.them, &plain, now())));
    assert_eq!(opened.headers.unsigned, ["From", "To", "Cc", "Subject", "Date"]);
    assert!(opened.warnings.contains(&Warning::UnsignedHeaders));

    let mut keyring = Keyring::new();
    keyring.add_secret(&world.them.secret, None).expect("a key");
    let date = now().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let fields = [("Date", date.as_str()), ("From", THEM), ("To", US), ("Subject", "PF ZZ26000417")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let signed = sign(&plain, &fields, &keyring, &world.them.info.fingerprint, now()).expect("signed");
    // A copy for a stranger and another thread are added on the way: what was never signed is not shown.
    let raw = mail(THEM, &signed.entity);
    let raw = [b"In-Reply-To: <other@case.example>\r\nMessage-ID: <1@relay.example>\r\n".as_slice(), &raw].concat();
    let opened = world.open(raw);
    check(&opened, SignatureState::Good, Covers::Whole, Some(THEM), false);
    assert_eq!(opened.headers.unsigned, ["Message-ID"], "only what a server may add");
    assert_eq!(opened.headers.mismatch, ["Cc", "In-Reply-To"]);
    assert!(opened.shown.headers().cc().is_empty() && opened.shown.headers().in_reply_to().is_empty());

    // Nothing is called unsigned where nothing is signed.
    assert_eq!(world.open(mail(THEM, &plain)).headers.unsigned, Vec::<String>::new());
}

/// A whole message wrapped as the payload (RFC 8551 §3.1, RFC 9788 §4.10): its fields count, as long as it is the author's own.
#[test]
fn a_wrapped_message_of_the_author_is_the_message() {
    let world = World::new();
    let date = now().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let inner = |from: &str, kind: &str| {
        format!(
            "Content-Type: message/rfc822{kind}\r\n\r\nFrom: {from}\r\nTo: {US}\r\nSubject: the plea itself\r\nDate: {date}\r\n\
             Content-Type: text/plain\r\n\r\nWe accept.\r\n"
        )
        .into_bytes()
    };
    let sealed = world.open(mail(THEM, &world.encrypted(&world.signed(&world.them, &inner(THEM, ""), now()))));
    check(&sealed, SignatureState::Good, Covers::Whole, Some(THEM), true);
    assert_eq!(sealed.report.header_protection, HeaderProtection::Encrypted);
    assert_eq!(sealed.shown.headers().subject(), "the plea itself");
    assert_eq!(sealed.shown.root().media_type, "text/plain");
    assert!(sealed.headers.mismatch.contains(&"Subject".to_owned()), "{:?}", sealed.headers.mismatch);

    let signed = world.open(mail(THEM, &world.signed(&world.them, &inner(THEM, ""), now())));
    check(&signed, SignatureState::Good, Covers::Whole, Some(THEM), false);
    assert_eq!(signed.report.header_protection, HeaderProtection::Signed);
    assert!(!signed.headers.unsigned.contains(&"Subject".to_owned()), "{:?}", signed.headers.unsigned);

    // Passed on from somebody else, or marked by the newer scheme: a message that is attached, whose fields nobody takes for the author's.
    for (from, kind) in [("x@attacker.example", ""), (THEM, "; hp=\"clear\"")] {
        let opened = world.open(mail(THEM, &world.encrypted(&world.signed(&world.them, &inner(from, kind), now()))));
        assert_ne!(opened.shown.headers().subject(), "the plea itself", "{from} {kind}");
        assert_eq!(opened.shown.root().media_type, "message/rfc822", "{from} {kind}");
    }
    // By a name that is not the signer's, it is good for nobody.
    let forged =
        world.open(mail("x@attacker.example", &world.signed(&world.them, &inner("x@attacker.example", ""), now())));
    assert_ne!(forged.report.signature.state, SignatureState::Good);
}

/// The party is a fact about the address that the signature stands for.
#[test]
fn the_party_is_told() {
    let world = World::new();
    let raw = mail(THEM, &world.signed(&world.them, &text("We accept."), now()));
    let parties = |address: &str| match address {
        THEM => Standing::Party("prosecutor".to_owned()),
        _ => Standing::Stranger,
    };
    let terms = Terms { parties: &parties, ..Terms::at(now(), Decrypt::Any) };
    let opened = open_with(&Message::parse(raw), &world.keyring(), &terms);
    let signer = opened.report.signature.signer.as_ref().expect("a signer");
    assert_eq!(signer.party.as_deref(), Some("prosecutor"));
    let said = sentences(&opened.report, &opened.warnings);
    assert!(said.iter().any(|(_, words)| words.contains("(prosecutor in this case)")), "{said:?}");
}

/// The armored block of an entity.
fn block(entity: &[u8], kind: &str) -> String {
    let entity = String::from_utf8(entity.to_vec()).expect("7-bit");
    let start = entity.find(&format!("-----BEGIN PGP {kind}-----")).expect("armor");
    let tail = format!("-----END PGP {kind}-----");
    let end = entity.find(&tail).expect("armor") + tail.len();
    entity[start..end].to_owned()
}

/// A detached signature over bytes that have the form of an entity, so that our own signing makes it.
fn detached(world: &World, by: &Generated, content: &[u8], at: Timestamp) -> String {
    block(&world.signed(by, content, at), "SIGNATURE")
}

fn with_files(files: &[(&str, &str, &str)]) -> Vec<u8> {
    let mut entity = "Content-Type: multipart/mixed; boundary=\"m\"\r\n\r\n--m\r\n\r\nSee the files.\r\n".to_owned();
    for (name, media_type, content) in files {
        entity.push_str(&format!(
            "--m\r\nContent-Type: {media_type}\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\r\n{content}\r\n"
        ));
    }
    entity.push_str("--m--\r\n");
    mail(THEM, entity.as_bytes())
}

#[test]
fn a_signature_beside_a_file_is_that_files_own() {
    let world = World::new();
    // What our signing takes is an entity; a file may look like one.
    let report = "Content-Type: text/plain\r\n\r\nThe injuries fit a fall.";
    let signature = detached(&world, &world.them, report.as_bytes(), now());
    let pgp = "application/pgp-signature";
    let look = |files: &[(&str, &str, &str)]| -> (Opened, Vec<FileReport>) {
        let opened = world.open(with_files(files));
        let found = casemail::pgp::file::files(&opened, &world.keyring(), &Terms::at(now(), Decrypt::Any));
        (opened, found)
    };
    let state = |files: &[(&str, &str, &str)]| {
        let (opened, found) = look(files);
        assert_eq!(opened.report.signature.state, SignatureState::None, "the message itself is not signed");
        found.iter().map(|file| (file.part, file.openpgp.signature.state)).collect::<Vec<_>>()
    };
    for (name, kind) in
        [("report.txt.asc", pgp), ("report.txt.sig", "application/octet-stream"), ("report.txt.SIG", pgp)]
    {
        let files = [("report.txt", "application/octet-stream", report), (name, kind, signature.as_str())];
        assert_eq!(state(&files), [(2, SignatureState::Good)], "{name}");
    }
    let altered = report.replace("fall", "blow");
    assert_eq!(
        state(&[("report.txt", "application/octet-stream", &altered), ("report.txt.asc", pgp, &signature)]),
        [(2, SignatureState::Bad)]
    );
    // Not beside the file that it names; and a key or a note is no signature.
    assert_eq!(state(&[("other.txt", "application/octet-stream", report), ("report.txt.asc", pgp, &signature)]), []);
    assert_eq!(
        state(&[("report.txt", "application/octet-stream", report), ("report.txt.asc", "text/plain", "note")]),
        []
    );
    // Signed by somebody else, or at another time, is not good; the words say which file.
    let by_list = detached(&world, &world.list, report.as_bytes(), now());
    let files = [("report.txt", "application/octet-stream", report), ("report.txt.asc", pgp, by_list.as_str())];
    assert_eq!(state(&files), [(2, SignatureState::Mismatch)]);
    let early = detached(&world, &world.them, report.as_bytes(), now() - SignedDuration::from_hours(48));
    let (_, found) = look(&[("report.txt", "application/octet-stream", report), ("report.txt.asc", pgp, &early)]);
    assert_eq!(found[0].openpgp.signature.state, SignatureState::Mismatch);
    let (_, words) = of_file("report.txt", &found[0].openpgp, &[]).expect("words");
    assert!(words.starts_with("“report.txt”: Signed by") && words.contains("another time"), "{words}");
}

#[test]
fn an_encrypted_file_is_opened_alone_and_only_when_asked() {
    let world = World::new();
    let sealed = block(&world.encrypted(&text("The injuries fit a fall.")), "MESSAGE");
    let files_of = |files: &[(&str, &str, &str)]| world.open(with_files(files));
    let terms = Terms::at(now(), Decrypt::Any);
    for (name, plain) in [("report.txt.asc", "report.txt"), ("report.txt.GPG", "report.txt"), ("report.pgp", "report")]
    {
        let opened = files_of(&[(name, "application/octet-stream", &sealed)]);
        assert!(!opened.report.encrypted && !opened.report.decrypted, "the message itself is clear");
        let raw = String::from_utf8_lossy(opened.shown.raw()).into_owned();
        assert!(!raw.contains("injuries") && !display::body(&opened.shown).text().contains("injuries"), "{name}");
        let found = files(&opened, &world.keyring(), &terms);
        assert!(found.len() == 1 && found[0].openpgp.encrypted && !found[0].openpgp.decrypted, "{found:?}");
        let file = open_file(&opened, 2, &world.keyring(), &terms).expect("an encrypted file");
        assert_eq!(file.name, plain);
        let mut content = Vec::new();
        file.content.expect("opened").write(&mut content).expect("written");
        assert!(content.ends_with(b"The injuries fit a fall.\r\n"), "{:?}", String::from_utf8_lossy(&content));
        assert_eq!(file.openpgp.integrity, Integrity::Ok);
    }
    // Damaged: nothing comes out. Not for us: said. No ciphertext: no such file.
    // Near its end, where only the ciphertext itself is.
    let at = sealed.len() - 100;
    let at = if &sealed[at..=at] == "\n" { at + 1 } else { at };
    let other = if &sealed[at..=at] == "A" { "B" } else { "A" };
    let damaged = format!("{}{other}{}", &sealed[..at], &sealed[at + 1..]);
    let opened = files_of(&[("report.asc", "application/octet-stream", &damaged)]);
    let file = open_file(&opened, 2, &world.keyring(), &terms).expect("an encrypted file");
    assert!(file.content.is_none() && file.openpgp.integrity == Integrity::Failed, "{file:?}");
    let opened = files_of(&[("report.asc", "application/octet-stream", &sealed)]);
    let file = open_file(&opened, 2, &Keyring::new(), &terms).expect("an encrypted file");
    assert!(file.content.is_none() && file.warnings == [Warning::NoSecretKey], "{file:?}");
    let opened = files_of(&[("report.asc", "application/octet-stream", "a note")]);
    assert!(open_file(&opened, 2, &world.keyring(), &terms).is_none());
}
