//! The examples of RFC 3156, RFC 9580 and RFC 9788 read as those texts say; and what post-quantum OpenPGP the library has.
//!
//! Keys, signatures and ciphertexts are those of the RFCs, byte for byte. RFC 9788 prints its payloads after decryption (of S/MIME):
//! the payloads are its own, the OpenPGP around them is made here.

use std::io::Write as _;
use std::time::SystemTime;

use casemail::mail::display;
use casemail::mail::message::Message;
use casemail::pgp::certificate::read_certs;
use casemail::pgp::keyring::Keyring;
use casemail::pgp::open::{Decrypt, Opened, open};
use casemail::pgp::report::{Acceptance, Covers, HeaderProtection, Integrity, SignatureState};
use casemail::pgp::warning::Warning;
use jiff::Timestamp;
use sequoia_openpgp as openpgp;

use openpgp::cert::prelude::{Cert, CertBuilder, CipherSuite};
use openpgp::policy::StandardPolicy;
use openpgp::serialize::SerializeInto as _;
use openpgp::serialize::stream::{Armorer, Encryptor, LiteralWriter, Message as Writer, Recipient, Signer};
use openpgp::types::{AEADAlgorithm, Features};

/// RFC 9580, A.3.
const CERTIFICATE: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----

xioGY4d/4xsAAAAg+U2nu0jWCmHlZ3BqZYfQMxmZu52JGggkLq2EVD34laPCsQYf
GwoAAABCBYJjh3/jAwsJBwUVCg4IDAIWAAKbAwIeCSIhBssYbE8GCaaX5NUt+mxy
KwwfHifBilZwj2Ul7Ce62azJBScJAgcCAAAAAK0oIBA+LX0ifsDm185Ecds2v8lw
gyU2kCcUmKfvBXbAf6rhRYWzuQOwEn7E/aLwIwRaLsdry0+VcallHhSu4RN6HWaE
QsiPlR4zxP/TP7mhfVEe7XWPxtnMUMtf15OyA51YBM4qBmOHf+MZAAAAIIaTJINn
+eUBXbki+PSAld2nhJh/LVmFsS+60WyvXkQ1wpsGGBsKAAAALAWCY4d/4wKbDCIh
BssYbE8GCaaX5NUt+mxyKwwfHifBilZwj2Ul7Ce62azJAAAAAAQBIKbpGG2dWTX8
j+VjFM21J0hqWlEg+bdiojWnKfA5AQpWUWtnNwDEM0g12vYxoWM8Y81W+bHBw805
I8kWVkXU6vFOi+HWvv/ira7ofJu16NnoUkhclkUrk0mXubZvyl4GBg==
-----END PGP PUBLIC KEY BLOCK-----
";

/// RFC 9580, A.4.
const SECRET: &str = "-----BEGIN PGP PRIVATE KEY BLOCK-----

xUsGY4d/4xsAAAAg+U2nu0jWCmHlZ3BqZYfQMxmZu52JGggkLq2EVD34laMAGXKB
exK+cH6NX1hs5hNhIB00TrJmosgv3mg1ditlsLfCsQYfGwoAAABCBYJjh3/jAwsJ
BwUVCg4IDAIWAAKbAwIeCSIhBssYbE8GCaaX5NUt+mxyKwwfHifBilZwj2Ul7Ce6
2azJBScJAgcCAAAAAK0oIBA+LX0ifsDm185Ecds2v8lwgyU2kCcUmKfvBXbAf6rh
RYWzuQOwEn7E/aLwIwRaLsdry0+VcallHhSu4RN6HWaEQsiPlR4zxP/TP7mhfVEe
7XWPxtnMUMtf15OyA51YBMdLBmOHf+MZAAAAIIaTJINn+eUBXbki+PSAld2nhJh/
LVmFsS+60WyvXkQ1AE1gCk95TUR3XFeibg/u/tVY6a//1q0NWC1X+yui3O24wpsG
GBsKAAAALAWCY4d/4wKbDCIhBssYbE8GCaaX5NUt+mxyKwwfHifBilZwj2Ul7Ce6
2azJAAAAAAQBIKbpGG2dWTX8j+VjFM21J0hqWlEg+bdiojWnKfA5AQpWUWtnNwDE
M0g12vYxoWM8Y81W+bHBw805I8kWVkXU6vFOi+HWvv/ira7ofJu16NnoUkhclkUr
k0mXubZvyl4GBg==
-----END PGP PRIVATE KEY BLOCK-----
";

/// RFC 9580, A.6.
const CLEARTEXT: &str = "-----BEGIN PGP SIGNED MESSAGE-----

What we need from the grocery store:

- - tofu
- - vegetables
- - noodles

-----BEGIN PGP SIGNATURE-----

wpgGARsKAAAAKQWCY5ijYyIhBssYbE8GCaaX5NUt+mxyKwwfHifBilZwj2Ul7Ce6
2azJAAAAAGk2IHZJX1AhiJD39eLuPBgiUU9wUA9VHYblySHkBONKU/usJ9BvuAqo
/FvLFuGWMbKAdA+epq7V4HOtAPlBWmU8QOd6aud+aSunHQaaEJ+iTFjP2OMW0KBr
NK2ay45cX1IVAQ==
-----END PGP SIGNATURE-----
";

/// RFC 9580, A.7.
const INLINE: &str = "-----BEGIN PGP MESSAGE-----

xEYGAQobIHZJX1AhiJD39eLuPBgiUU9wUA9VHYblySHkBONKU/usyxhsTwYJppfk
1S36bHIrDB8eJ8GKVnCPZSXsJ7rZrMkBy0p1AAAAAABXaGF0IHdlIG5lZWQgZnJv
bSB0aGUgZ3JvY2VyeSBzdG9yZToKCi0gdG9mdQotIHZlZ2V0YWJsZXMKLSBub29k
bGVzCsKYBgEbCgAAACkFgmOYo2MiIQbLGGxPBgmml+TVLfpscisMHx4nwYpWcI9l
JewnutmsyQAAAABpNiB2SV9QIYiQ9/Xi7jwYIlFPcFAPVR2G5ckh5ATjSlP7rCfQ
b7gKqPxbyxbhljGygHQPnqau1eBzrQD5QVplPEDnemrnfmkrpx0GmhCfokxYz9jj
FtCgazStmsuOXF9SFQE=
-----END PGP MESSAGE-----
";

/// RFC 9580, A.8: to the key of A.4.
const TO_THE_KEY: &str = "-----BEGIN PGP MESSAGE-----

wV0GIQYSyD8ecG9jCP4VGkF3Q6HwM3kOk+mXhIjR2zeNqZMIhRmHzxjV8bU/gXzO
WgBM85PMiVi93AZfJfhK9QmxfdNnZBjeo1VDeVZheQHgaVf7yopqR6W1FT6NOrfS
aQIHAgZhZBZTW+CwcW1g4FKlbExAf56zaw76/prQoN+bAzxpohup69LA7JW/Vp0l
yZnuSj3hcFj0DfqLTGgr4/u717J+sPWbtQBfgMfG9AOIwwrUBqsFE9zW+f1zdlYo
bhF30A+IitsxxA==
-----END PGP MESSAGE-----
";

/// RFC 9580, A.9 (EAX), A.10 (OCB), A.11 (GCM): to a passphrase.
const TO_A_PASSPHRASE: [&str; 3] = [
    "-----BEGIN PGP MESSAGE-----

w0AGHgcBCwMIpa5XnR/F2Cv/aSJPkZmTs1Bvo7WaanPP+MXvxfQcV/tU4cImgV14
KPX5LEVOtl6+AKtZhsaObnxV0mkCBwEGn/kOOzIZZPOkKRPI3MZhkyUBUifvt+rq
pJ8EwuZ0F11KPSJu1q/LnKmsEiwUcOEcY9TAqyQcapOK1Iv5mlqZuQu6gyXeYQR1
QCWKt5Wala0FHdqW6xVDHf719eIlXKeCYVRuM5o=
-----END PGP MESSAGE-----
",
    "-----BEGIN PGP MESSAGE-----

wz8GHQcCCwMIVqKY0vXjZFP/z8xcEWZO2520JZDX3EawckG2EsOBLP/76gDyNHsl
ZBEj+IeuYNT9YU4IN9gZ02zSaQIHAgYgpmH3MfyaMDK1YjMmAn46XY21dI6+/wsM
WRDQns3WQf+f04VidYA1vEl1TOG/P/+n2tCjuBBPUTPPQqQQCoPu9MobSAGohGv0
K82nyM6dZeIS8wHLzZj9yt5pSod61CRzI/boVw==
-----END PGP MESSAGE-----
",
    "-----BEGIN PGP MESSAGE-----

wzwGGgcDCwMI6dOXhbIHAAj/tC58SD70iERXyzcmubPbn/d25fTZpAlS4kRymIUa
v/91Jt8t1VRBdXmneZ/SaQIHAwb8uUSQvLmLvcnRBsYJAmaUD3LontwhtVlrFXax
Ae0Pn/xvxtZbv9JNzQeQlm5tHoWjAFN4TLHYtqBpnvEhVaeyrWJYUxtXZR/Xd3kS
+pXjXZtAIW9ppMJI2yj/QzHxYykHOZ5v+Q==
-----END PGP MESSAGE-----
",
];

/// Of the signatures of RFC 9580 A.6 and A.7, a second later.
fn sampled() -> Timestamp {
    "2022-12-13T16:08:04Z".parse().expect("a time")
}

fn inline(block: &str) -> Vec<u8> {
    format!(
        "From: sample@example.org\r\nDate: Tue, 13 Dec 2022 16:08:03 +0000\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}",
        block.replace('\n', "\r\n")
    )
    .into_bytes()
}

#[test]
fn rfc_9580_samples_are_read() {
    let read = read_certs(CERTIFICATE.as_bytes(), sampled()).expect("A.3");
    assert_eq!(read[0].info.fingerprint, "CB186C4F0609A697E4D52DFA6C722B0C1F1E27C18A56708F6525EC27BAD9ACC9");
    assert!(read[0].info.can_sign && read[0].info.can_encrypt && read[0].info.invalid.is_none(), "{:?}", read[0].info);
    let mut keyring = Keyring::new();
    keyring.add_cert(CERTIFICATE.as_bytes(), Acceptance::Verified).expect("A.3");
    let list = "What we need from the grocery store:\n\n- tofu\n- vegetables\n- noodles\n";
    for sample in [CLEARTEXT, INLINE] {
        let opened = open(&Message::parse(inline(sample)), &keyring, sampled(), Decrypt::Any);
        let signature = &opened.report.signature;
        // The sample certificate names nobody: the signature holds over all of it and stands for no address.
        assert_eq!((signature.state, signature.covers), (SignatureState::Mismatch, Covers::Whole), "{signature:?}");
        assert_eq!(signature.signed_at.as_deref(), Some("2022-12-13T16:08:03Z"));
        assert_eq!(
            signature.signer.as_ref().map(|signer| signer.fingerprint.as_str()),
            Some(&*read[0].info.fingerprint)
        );
        assert_eq!(signature.bound_to, None);
        assert_eq!(display::body(&opened.shown).text().trim_end(), list.trim_end());
        let damaged =
            sample.replace("tofu", "beef").replacen("c3Rvcm", "c3Rvcn", 1).replacen("JvY2VyeSBz", "JvY2VyeSBy", 1);
        assert_ne!(damaged, sample);
        let opened = open(&Message::parse(inline(&damaged)), &keyring, sampled(), Decrypt::Any);
        assert_eq!(opened.report.signature.state, SignatureState::Bad, "{sample}");
    }

    let mut own = Keyring::new();
    own.add_secret(SECRET.as_bytes(), None).expect("A.4");
    let opened = open(&Message::parse(inline(TO_THE_KEY)), &own, sampled(), Decrypt::NotRsa);
    assert!(opened.report.decrypted && opened.report.integrity == Integrity::Ok, "{:?}", opened.report);
    assert_eq!(display::body(&opened.shown).text(), "Hello, world!");
    // Closed without the key, and never half open.
    let opened = open(&Message::parse(inline(TO_THE_KEY)), &keyring, sampled(), Decrypt::Any);
    assert!(!opened.report.decrypted && opened.warnings.contains(&Warning::NoSecretKey));
    for sample in TO_A_PASSPHRASE {
        let opened = open(&Message::parse(inline(sample)), &own, sampled(), Decrypt::Any);
        assert!(opened.report.encrypted && !opened.report.decrypted);
        assert!(opened.warnings.contains(&Warning::PassphraseOnly), "{:?}", opened.warnings);
    }
}

/// RFC 3156 §4 and §5: its own two examples. Their keys are gone, and what protects them is no longer safe: the structure is read, nothing is
/// called good, and ciphertext without integrity protection stays closed.
#[test]
fn rfc_3156_examples_are_read() {
    let encrypted = "From: Michael Elkins <elkins@aero.org>
To: Michael Elkins <elkins@aero.org>
Mime-Version: 1.0
Content-Type: multipart/encrypted; boundary=foo;
   protocol=\"application/pgp-encrypted\"

--foo
Content-Type: application/pgp-encrypted

Version: 1

--foo
Content-Type: application/octet-stream

-----BEGIN PGP MESSAGE-----
Version: 2.6.2

hIwDY32hYGCE8MkBA/wOu7d45aUxF4Q0RKJprD3v5Z9K1YcRJ2fve87lMlDlx4Oj
eW4GDdBfLbJE7VUpp13N19GL8e/AqbyyjHH4aS0YoTk10QQ9nnRvjY8nZL3MPXSZ
g9VGQxFeGqzykzmykU6A26MSMexR4ApeeON6xzZWfo+0yOqAq6lb46wsvldZ96YA
AABH78hyX7YX4uT1tNCWEIIBoqqvCeIMpp7UQ2IzBrXg6GtukS8NxbukLeamqVW3
1yt21DYOjuLzcMNe/JNsD9vDVCvOOG3OCi8=
=zzaA
-----END PGP MESSAGE-----

--foo--
";
    let signed = "From: Michael Elkins <elkins@aero.org>
To: Michael Elkins <elkins@aero.org>
Mime-Version: 1.0
Content-Type: multipart/signed; boundary=bar; micalg=pgp-md5;
  protocol=\"application/pgp-signature\"

--bar
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

=A1Hola!

Did you know that talking to yourself is a sign of senility?

It's generally a good idea to encode lines that begin with
From=20because some mail transport agents will insert a greater-
than (>) sign, thus invalidating the signature.

Also, in some cases it might be desirable to encode any   =20
trailing whitespace that occurs on lines in order to ensure  =20
that the message signature is not invalidated when passing =20
a gateway that modifies such whitespace (like BITNET). =20

me

--bar

Content-Type: application/pgp-signature

-----BEGIN PGP MESSAGE-----
Version: 2.6.2

iQCVAwUBMJrRF2N9oWBghPDJAQE9UQQAtl7LuRVndBjrk4EqYBIb3h5QXIX/LC//
jJV5bNvkZIGPIcEmI5iFd9boEgvpirHtIREEqLQRkYNoBActFBZmh9GC3C041WGq
uMbrbxc+nIs1TIKlA08rVi9ig/2Yh7LFrK5Ein57U/W72vgSxLhe/zhdfolT9Brn
HOxEa44b+EI=
=ndaj
-----END PGP MESSAGE-----

--bar--
";
    let read = |raw: &str| {
        open(&Message::parse(raw.replace('\n', "\r\n").into_bytes()), &Keyring::new(), sampled(), Decrypt::Any)
    };
    let opened = read(encrypted);
    assert_eq!(opened.report.recipients, ["637DA1606084F0C9"]);
    let state = (opened.report.encrypted, opened.report.decrypted, opened.report.integrity);
    assert_eq!(state, (true, false, Integrity::Failed));
    // As printed, with the empty line before the second part's header: the part is a text, and the structure is told to be wrong.
    let opened = read(signed);
    assert!(opened.warnings.contains(&Warning::MalformedStructure), "{:?}", opened.warnings);
    assert!(display::body(&opened.shown).text().starts_with("¡Hola!"));
    // As it was meant.
    let opened = read(&signed.replace("--bar\n\nContent-Type: application", "--bar\nContent-Type: application"));
    assert!(!opened.warnings.contains(&Warning::MalformedStructure));
    assert_ne!(opened.report.signature.state, SignatureState::Good);
    assert_ne!(opened.report.signature.state, SignatureState::None);
    let text = display::body(&opened.shown).text();
    assert!(
        text.starts_with("¡Hola!\n") && text.contains("\nFrom because some") && text.contains("encode any    \n"),
        "{text}"
    );
}

fn now() -> Timestamp {
    "2026-05-05T10:00:00Z".parse().expect("a time")
}

fn key(suite: CipherSuite, v6: bool, address: &str) -> Cert {
    let profile = if v6 { openpgp::Profile::RFC9580 } else { openpgp::Profile::RFC4880 };
    CertBuilder::general_purpose(Some(format!("<{address}>")))
        .set_profile(profile)
        .expect("a profile")
        .set_cipher_suite(suite)
        .set_creation_time(SystemTime::from(now() - jiff::SignedDuration::from_hours(24)))
        .generate()
        .expect("a key")
        .0
}

/// An encrypted and, where a signer is given, signed entity in RFC 3156's frame.
pub(crate) fn sealed(to: &Cert, by: Option<&Cert>, aead: Option<AEADAlgorithm>, payload: &[u8]) -> String {
    let policy = StandardPolicy::new();
    let time = SystemTime::from(now());
    let mut armored = Vec::new();
    let keys = to.keys().with_policy(&policy, time).for_transport_encryption();
    let features = if aead.is_some() { Features::empty().set_seipdv2() } else { Features::empty().set_seipdv1() };
    let recipients: Vec<_> =
        keys.map(|key| Recipient::new(features.clone(), key.key().key_handle(), key.key())).collect();
    let writer = Armorer::new(Writer::new(&mut armored)).build().expect("armor");
    let writer = Encryptor::for_recipients(writer, recipients);
    let writer = aead.into_iter().fold(writer, Encryptor::aead_algo).build().expect("an encryptor");
    let writer = match by {
        None => writer,
        Some(by) => {
            let pair = by.keys().with_policy(&policy, time).for_signing().secret().next().expect("a signing key");
            let pair = pair.key().clone().into_keypair().expect("unlocked");
            Signer::new(writer, pair).expect("a signer").creation_time(time).build().expect("a signer")
        }
    };
    let mut writer = LiteralWriter::new(writer).build().expect("a literal");
    writer.write_all(payload).expect("written");
    writer.finalize().expect("written");
    format!(
        "MIME-Version: 1.0\r\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"frame\"\r\n\r\n--frame\r\n\
         Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--frame\r\nContent-Type: application/octet-stream\r\n\r\n{}\r\n--frame--\r\n",
        String::from_utf8(armored).expect("armor")
    )
}

fn keyring(own: &Cert, other: Option<&Cert>) -> Keyring {
    let mut keyring = Keyring::new();
    keyring.add_secret(&own.as_tsk().to_vec().expect("bytes"), None).expect("a key");
    if let Some(other) = other {
        keyring.add_cert(&other.to_vec().expect("bytes"), Acceptance::Accepted).expect("a certificate");
    }
    keyring
}

/// Every algorithm that the library has: v4 and v6, the three AEAD modes, and the composites of the post-quantum draft.
#[test]
fn every_algorithm_is_read() {
    const THEM: &str = "h.lintwhite@copfs.gov.example";
    use AEADAlgorithm::{EAX, GCM, OCB};
    use CipherSuite as Suite;
    for (suite, v6, aead) in [
        (Suite::RSA3k, false, None),
        (Suite::P256, false, None),
        (Suite::P384, false, None),
        (Suite::P521, true, Some(OCB)),
        (Suite::Cv25519, false, None),
        (Suite::Cv25519, false, Some(EAX)),
        (Suite::Cv25519, true, Some(OCB)),
        (Suite::Cv25519, true, Some(EAX)),
        (Suite::Cv25519, true, Some(GCM)),
        (Suite::Cv448, true, Some(OCB)),
        (Suite::MLDSA65_Ed25519, true, Some(OCB)),
        (Suite::MLDSA87_Ed448, true, Some(GCM)),
    ] {
        let (us, them) = (key(suite, v6, "i.thistledown@tg-law.example"), key(suite, v6, THEM));
        let raw = format!(
            "From: {THEM}\r\nDate: Tue, 5 May 2026 10:00:00 +0000\r\nSubject: ...\r\n{}",
            sealed(&us, Some(&them), aead, b"Content-Type: text/plain\r\n\r\nWe accept.\r\n")
        );
        let opened = open(&Message::parse(raw.into_bytes()), &keyring(&us, Some(&them)), now(), Decrypt::Any);
        let what = format!("{suite:?} {v6} {aead:?}: {:?} {:?}", opened.report, opened.warnings);
        assert!(opened.report.decrypted && opened.report.integrity == Integrity::Ok, "{what}");
        assert_eq!(opened.report.signature.state, SignatureState::Good, "{what}");
        assert_eq!(display::body(&opened.shown).text(), "We accept.\n", "{what}");
        assert_eq!(us.fingerprint().to_hex().len(), if v6 { 64 } else { 40 });
    }
}

fn rfc_9788(head: &str, payload: &str) -> Opened {
    let own = key(CipherSuite::Cv25519, false, "bob@example.net");
    let raw =
        format!("{}{}", head.replace('\n', "\r\n"), sealed(&own, None, None, payload.replace('\n', "\r\n").as_bytes()));
    open(&Message::parse(raw.into_bytes()), &keyring(&own, None), now(), Decrypt::Any)
}

/// RFC 9788, C.3.1.2: hcp_baseline. The protected fields are shown, what stands outside fits what HP-Outer says.
#[test]
fn rfc_9788_baseline_is_read() {
    let head = "Subject: [...]
Message-ID: <smime-signed-enc-hp-baseline@example>
From: Alice <alice@smime.example>
To: Bob <bob@smime.example>
Date: Sat, 20 Feb 2021 10:09:02 -0500
User-Agent: Sample MUA Version 1.0
";
    let payload = "MIME-Version: 1.0
Content-Transfer-Encoding: 7bit
Subject: smime-signed-enc-hp-baseline
Message-ID: <smime-signed-enc-hp-baseline@example>
From: Alice <alice@smime.example>
To: Bob <bob@smime.example>
Date: Sat, 20 Feb 2021 10:09:02 -0500
User-Agent: Sample MUA Version 1.0
HP-Outer: Subject: [...]
HP-Outer: Message-ID: <smime-signed-enc-hp-baseline@example>
HP-Outer: From: Alice <alice@smime.example>
HP-Outer: To: Bob <bob@smime.example>
HP-Outer: Date: Sat, 20 Feb 2021 10:09:02 -0500
HP-Outer: User-Agent: Sample MUA Version 1.0
Content-Type: text/plain; charset=\"utf-8\"; hp=\"cipher\"

This is the
smime-signed-enc-hp-baseline
message.
";
    let opened = rfc_9788(head, payload);
    assert_eq!(opened.report.header_protection, HeaderProtection::Encrypted);
    assert_eq!(opened.headers.mismatch, Vec::<String>::new());
    assert_eq!(opened.shown.headers().subject(), "smime-signed-enc-hp-baseline");
    assert_eq!(opened.shown.headers().from()[0].addr, "alice@smime.example");
    assert_eq!(display::body(&opened.shown).text(), "This is the\nsmime-signed-enc-hp-baseline\nmessage.\n");
    assert!(opened.shown.headers().get("HP-Outer").is_none());

    // §4.4: a From outside that is not the one inside is told, and the outer one is what is shown of an unsigned message.
    let opened = rfc_9788(&head.replace("alice@smime.example", "mallory@example.org"), payload);
    assert!(opened.warnings.contains(&Warning::FromMismatch));
    assert_eq!(opened.shown.headers().from()[0].addr, "mallory@example.org");
    // §4.4.4 and §6.2: recipients added outside are no recipients.
    let opened = rfc_9788(&format!("Cc: Mallory <mallory@example.org>\n{head}"), payload);
    assert_eq!(
        (opened.headers.mismatch.as_slice(), opened.shown.headers().cc().len()),
        (["Cc".to_owned()].as_slice(), 0)
    );
}

/// RFC 9788, E.1 and E.2: the legacy display is not shown.
#[test]
fn rfc_9788_legacy_displays_are_hidden() {
    let head = "Date: Fri, 21 Jan 2022 20:40:48 -0500
From: Alice <alice@example.net>
To: Bob <bob@example.net>
Subject: [...]
Message-ID: <@>
";
    let fields = "Date: Fri, 21 Jan 2022 20:40:48 -0500
From: Alice <alice@example.net>
To: Bob <bob@example.net>
Subject: Dinner plans
Message-ID: <@>
MIME-Version: 1.0
Content-Type: TYPE; charset=\"us-ascii\"; hp-legacy-display=\"1\";
 hp=\"cipher\"
HP-Outer: Date: Fri, 21 Jan 2022 20:40:48 -0500
HP-Outer: From: Alice <alice@example.net>
HP-Outer: To: Bob <bob@example.net>
HP-Outer: Subject: [...]
HP-Outer: Message-ID: <@>

";
    let text = "Subject: Dinner plans

Let's meet at Rama's Roti Shop at 8pm and go to the park
from there.
";
    let html = "<html><head><title></title></head><body>
<div class=\"header-protection-legacy-display\">
<pre>Subject: Dinner plans</pre>
</div>
<p>
Let's meet at Rama's Roti Shop at 8pm and go to the park
from there.
</p>
</body>
</html>
";
    for (kind, id, body) in [
        ("text/plain", "text-plain-legacy-display@lhp.example", text),
        ("text/html", "text-html-legacy-display@lhp.example", html),
    ] {
        let fill = |template: &str| template.replace("<@>", &format!("<{id}>")).replace("TYPE", kind);
        let opened = rfc_9788(&fill(head), &format!("{}{body}", fill(fields)));
        assert_eq!(opened.shown.headers().subject(), "Dinner plans");
        assert_eq!(opened.shown.headers().message_id().as_deref(), Some(id));
        assert_eq!(opened.headers.mismatch, Vec::<String>::new(), "{kind}");
        let shown = display::body(&opened.shown).text();
        assert!(shown.starts_with("Let's meet at Rama's Roti Shop") && !shown.contains("Dinner plans"), "{shown}");
    }
}
