//! GnuPG and sq as the other end of OpenPGP, both ways. Each in a home of its own, in a directory that goes away.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use casemail::mail::message::Message;
use casemail::pgp::certificate::{export_cert, export_secret, read_certs};
use casemail::pgp::generate::{Generated, generate};
use casemail::pgp::keyring::Keyring;
use casemail::pgp::open::{Decrypt, Opened, open};
use casemail::pgp::report::{Acceptance, Covers, HeaderProtection, Integrity, SignatureState};
use casemail::pgp::seal::{Sealed, encrypt, seal, sign};
use jiff::Timestamp;
use sequoia_openpgp::cert::CipherSuite;

pub(crate) const OURS: &str = "i.thistledown@tg-law.example";
pub(crate) const THEIRS: &str = "h.lintwhite@copfs.gov.example";

/// A program's output; fails the test with its words if it does not succeed.
#[track_caller]
pub(crate) fn run(command: &mut Command, input: &[u8]) -> (Vec<u8>, String) {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        let _closed_early = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("written");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {words}");
    (output.stdout, words)
}

/// Whether a program is installed; a test that needs it is left out loudly.
pub(crate) fn installed(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        #[expect(clippy::disallowed_methods, reason = "the one switch of the tests")]
        let all = std::env::var("CASEMAIL_TESTS").is_ok_and(|value| value == "all");
        assert!(!all, "{program} is not installed");
        eprintln!("left out: no {program}");
    }
    there
}

/// A GnuPG home.
pub(crate) struct Gpg {
    pub(crate) home: tempfile::TempDir,
}

impl Gpg {
    /// With a key of the given kind for [`THEIRS`], and our certificate imported.
    pub(crate) fn new(algorithm: &[&str], ours: &Generated) -> Self {
        let gpg = Self { home: tempfile::Builder::new().prefix("gpg").tempdir().expect("a directory") };
        std::fs::set_permissions(gpg.home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("0700");
        let mut arguments = vec!["--quick-gen-key"];
        let user_id = format!("Hämish Lintwhite <{THEIRS}>");
        arguments.push(&user_id);
        arguments.extend(algorithm);
        run(&mut gpg.command(&arguments), b"");
        if let [algorithm, "sign", expiry] = algorithm {
            let listing = String::from_utf8(run(&mut gpg.command(&["--list-keys", "--with-colons"]), b"").0);
            let listing = listing.expect("text");
            let fingerprint = listing.lines().find_map(|line| line.strip_prefix("fpr:::::::::")).expect("a key");
            let fingerprint = fingerprint.trim_end_matches(':');
            run(&mut gpg.command(&["--quick-add-key", fingerprint, algorithm, "encr", expiry]), b"");
        }
        run(&mut gpg.command(&["--import"]), &ours.cert);
        gpg
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("gpg");
        command
            .env("GNUPGHOME", self.home.path())
            .args(["--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", "--trust-model", "always"])
            .args(arguments);
        command
    }

    pub(crate) fn cert(&self) -> Vec<u8> {
        run(&mut self.command(&["--export", THEIRS]), b"").0
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::write(&path, content).expect("written");
        path
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _agent_gone = Command::new("gpgconf").env("GNUPGHOME", self.home.path()).args(["--kill", "all"]).output();
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Our side: our own key, and theirs accepted.
pub(crate) fn our_keyring(ours: &Generated, theirs: &[u8]) -> (Keyring, String) {
    let mut keyring = Keyring::new();
    keyring.add_secret(&ours.secret, None).expect("our key");
    let added = keyring.add_cert(theirs, Acceptance::Accepted).expect("their certificate");
    (keyring, added.into_iter().next().expect("one"))
}

/// An entity with an attachment, as a builder would make it.
pub(crate) fn entity() -> Vec<u8> {
    b"Content-Type: multipart/mixed; boundary=\"inner\"\r\n\r\n--inner\r\nContent-Type: text/plain; charset=utf-8\r\n\
      Content-Transfer-Encoding: quoted-printable\r\n\r\nThe plea is F=C3=A9rret's. Trailing space=20\r\n-- \r\nFrom the bar\r\n\
      --inner\r\nContent-Type: application/pdf; name=\"offer.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\
      Content-Disposition: attachment; filename=\"offer.pdf\"\r\n\r\nJVBERi0xLjQgb2ZmZXI=\r\n--inner--\r\n"
        .to_vec()
}

pub(crate) fn fields(from: &str, to: &str, date: Timestamp) -> Vec<(String, String)> {
    let date = date.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    [
        ("Date", date.as_str()),
        ("From", &format!("Isla Thistledown <{from}>")),
        ("To", to),
        ("Subject", "=?utf-8?q?R_v_F=C3=A9rret_99ZX0012326?="),
        ("Message-ID", "<one@tg-law.example>"),
        ("References", "<zero@tg-law.example>"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

/// The ciphertext of a sealed entity: what a mail program hands to gpg.
pub(crate) fn ciphertext(sealed: &Sealed) -> Vec<u8> {
    let text = String::from_utf8(sealed.entity.clone()).expect("7-bit");
    let start = text.find("-----BEGIN PGP MESSAGE-----").expect("armored");
    let end = text.find("-----END PGP MESSAGE-----").expect("armored") + "-----END PGP MESSAGE-----".len();
    text.as_bytes()[start..end].to_vec()
}

/// Signed content and signature of a `multipart/signed` entity, cut by the boundary as RFC 2046 says.
pub(crate) fn signed_parts(sealed: &Sealed) -> (Vec<u8>, Vec<u8>, String) {
    let text = String::from_utf8(sealed.entity.clone()).expect("7-bit");
    let head = text.split("\r\n\r\n").next().expect("a header").to_owned();
    let boundary = head.split("boundary=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a boundary");
    let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
    let content = parts[1].strip_prefix("\r\n").expect("CRLF").strip_suffix("\r\n").expect("CRLF");
    (content.as_bytes().to_vec(), parts[2].as_bytes().to_vec(), head)
}

#[track_caller]
pub(crate) fn assert_good(opened: &Opened, encrypted: bool) {
    let report = &opened.report;
    assert_eq!(report.signature.state, SignatureState::Good, "{report:#?} {:?}", opened.warnings);
    assert_eq!(report.signature.covers, Covers::Whole);
    assert_eq!(report.signature.bound_to.as_deref(), Some(THEIRS));
    assert_eq!((report.encrypted, report.decrypted), (encrypted, encrypted));
}

/// What gpg made, put into RFC 3156's frame.
pub(crate) fn frame_encrypted(armored: &[u8], from: &str) -> Vec<u8> {
    let date = now().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    format!(
        "Date: {date}\nFrom: Hamish <{from}>\nTo: {OURS}\nSubject: ...\nMIME-Version: 1.0\n\
         Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"b\"\n\n\
         --b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n--b\nContent-Type: application/octet-stream\n\n{}\n--b--\n",
        String::from_utf8_lossy(armored)
    )
    .into_bytes()
}

/// A content with a detached signature that another program made, in RFC 3156's frame.
pub(crate) fn frame_signed(content: &str, armored: &[u8], from: &str) -> Vec<u8> {
    let date = now().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    format!(
        "Date: {date}\r\nFrom: {from}\r\nTo: {OURS}\r\nSubject: answer\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/signed; micalg=pgp-sha256; protocol=\"application/pgp-signature\"; boundary=\"b\"\r\n\r\n\
         --b\r\n{content}\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\n{}\r\n--b--\r\n",
        String::from_utf8_lossy(armored)
    )
    .into_bytes()
}

fn check_gpg_both_ways(algorithm: &[&str]) {
    if !installed("gpg") {
        return;
    }
    let ours = generate("Isla Thistledown", OURS, now()).expect("a key");
    let gpg = Gpg::new(algorithm, &ours);
    let (keyring, theirs) = our_keyring(&ours, &gpg.cert());
    let to = std::slice::from_ref(&theirs);

    // Out: sealed by us, opened and verified by gpg.
    let sealed =
        seal(&entity(), &fields(OURS, THEIRS, now()), to, &keyring, &ours.info.fingerprint, now()).expect("sealed");
    let (plain, words) = run(&mut gpg.command(&["--decrypt"]), &ciphertext(&sealed));
    assert!(words.contains("Good signature from"), "{words}");
    let plain = String::from_utf8(plain).expect("7-bit");
    assert!(plain.contains("Subject: =?utf-8?q?R_v_F=C3=A9rret_99ZX0012326?=") && plain.contains("hp=\"cipher\""));
    assert!(plain.contains("HP-Outer: Subject: [...]") && plain.contains("JVBERi0xLjQgb2ZmZXI="));
    assert!(!String::from_utf8_lossy(&sealed.assemble()).contains("99ZX0012326"), "the subject is outside");

    let only = encrypt(&entity(), &fields(OURS, THEIRS, now()), to, &keyring, &ours.info.fingerprint, now());
    let (_, words) = run(&mut gpg.command(&["--decrypt"]), &ciphertext(&only.expect("encrypted")));
    assert!(!words.contains("signature"), "{words}");

    let signed =
        sign(&entity(), &fields(OURS, THEIRS, now()), &keyring, &ours.info.fingerprint, now()).expect("signed");
    let (content, signature, head) = signed_parts(&signed);
    assert!(head.contains("micalg=pgp-sha512"), "{head}");
    let (signature, content) = (gpg.file("signature", &signature), gpg.file("content", &content));
    let (_, words) = run(gpg.command(&["--verify"]).args([&signature, &content]), b"");
    assert!(words.contains("Good signature from"), "{words}");

    // In: made by gpg, opened by us.
    let body = "Content-Type: text/plain; charset=utf-8\r\n\r\nWe accept.\r\n";
    let ours_fpr = ours.info.fingerprint.as_str();
    let arguments = ["--armor", "--encrypt", "--sign", "--local-user", THEIRS, "--recipient", ours_fpr];
    let (armored, _) = run(&mut gpg.command(&arguments), body.as_bytes());
    let opened = open(&Message::parse(frame_encrypted(&armored, THEIRS)), &keyring, now(), Decrypt::Any);
    assert_good(&opened, true);
    assert_eq!(opened.report.integrity, Integrity::Ok);
    assert!(String::from_utf8_lossy(opened.shown.raw()).contains("We accept."));

    // A mailed part has no trailing line break of its own: the one before the delimiter belongs to the delimiter.
    let content = body.trim_end();
    let detach = ["--armor", "--detach-sign", "--digest-algo", "SHA256", "--local-user", THEIRS];
    let (armored, _) = run(&mut gpg.command(&detach), content.as_bytes());
    let date = now().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let mail = String::from_utf8(frame_signed(content, &armored, THEIRS)).expect("text");
    assert_good(&open(&Message::parse(mail.as_bytes()), &keyring, now(), Decrypt::Any), false);
    // The same as a file with bare line feeds.
    assert_good(&open(&Message::parse(mail.replace("\r\n", "\n").as_bytes()), &keyring, now(), Decrypt::Any), false);

    let (cleartext, _) = run(&mut gpg.command(&["--clearsign", "--local-user", THEIRS]), b"We accept.\n- dashes\n");
    let mail = |text: &str| {
        format!("Date: {date}\nFrom: {THEIRS}\nTo: {OURS}\nSubject: inline\nContent-Type: text/plain\n\n{text}")
            .into_bytes()
    };
    let cleartext = String::from_utf8(cleartext).expect("text");
    let opened = open(&Message::parse(mail(&cleartext)), &keyring, now(), Decrypt::Any);
    assert_good(&opened, false);
    assert!(String::from_utf8_lossy(opened.shown.raw()).contains("\n- dashes"), "{opened:#?}");

    let (armored, _) = run(&mut gpg.command(&arguments), b"Inline and sealed.\n");
    let inline = mail(&String::from_utf8(armored).expect("armor"));
    let opened = open(&Message::parse(inline), &keyring, now(), Decrypt::Any);
    assert_good(&opened, true);
    assert!(String::from_utf8_lossy(opened.shown.raw()).contains("Inline and sealed."));
}

#[test]
fn gpg_curve25519_both_ways() {
    check_gpg_both_ways(&["future-default", "default", "1y"]);
}

#[test]
fn gpg_rsa_both_ways() {
    check_gpg_both_ways(&["rsa2048", "sign", "1y"]);
}

/// Our own key is moved to gpg with a passphrase, and gpg opens what was sealed to it; and back.
#[test]
fn secret_keys_move_to_gpg_and_back() {
    if !installed("gpg") {
        return;
    }
    let ours = generate("Isla Thistledown", OURS, now()).expect("a key");
    let gpg = Gpg::new(&["future-default", "default", "1y"], &ours);
    let backup = export_secret(&ours.secret, Some("correct horse")).expect("armored");
    let file = gpg.file("backup", backup.as_bytes());
    let mut import = Command::new("gpg");
    import
        .env("GNUPGHOME", gpg.home.path())
        .args(["--batch", "--pinentry-mode", "loopback", "--passphrase", "correct horse", "--import"])
        .arg(file);
    run(&mut import, b"");

    let exported = run(&mut gpg.command(&["--export-secret-keys", THEIRS]), b"").0;
    let mut keyring = Keyring::new();
    let fingerprint = keyring.add_secret(&exported, None).expect("gpg's secret key");
    let info = keyring.cert(&fingerprint, now()).expect("held");
    assert!(info.has_secret && info.can_encrypt && info.can_sign && info.acceptance == Acceptance::Own, "{info:?}");

    let mut locked = Keyring::new();
    assert!(locked.add_secret(backup.as_bytes(), None).is_err());
    assert!(locked.add_secret(backup.as_bytes(), Some("wrong")).is_err());
    assert!(locked.add_secret(backup.as_bytes(), Some("correct horse")).is_ok());
}

/// sq reads what we write, and we read what it writes.
#[test]
fn sq_both_ways() {
    if !installed("sq") {
        return;
    }
    let home = tempfile::tempdir().expect("a directory");
    let at = |name: &str| home.path().join(name);
    let sq = |arguments: &[&str], paths: &[(&str, &Path)]| {
        let mut command = Command::new("sq");
        command.env("HOME", home.path()).env("XDG_DATA_HOME", home.path()).args(arguments);
        for (option, path) in paths {
            if option.is_empty() {
                command.arg(path);
            } else {
                command.arg(option).arg(path);
            }
        }
        command
    };
    let (key, cert, own) = (at("key.pgp"), at("cert.pgp"), at("ours.pgp"));
    let user_id = format!("Hamish Lintwhite <{THEIRS}>");
    run(&mut sq(&["key", "generate", "--userid", &user_id], &[("--export", &key)]), b"");
    let key_bytes = std::fs::read(&key).expect("sq's key");
    let theirs = read_certs(&key_bytes, now()).expect("one").into_iter().next().expect("one");
    assert!(theirs.secret.is_some() && theirs.info.addresses == [THEIRS]);
    std::fs::write(&cert, export_cert(&theirs.cert).expect("armored")).expect("written");

    let ours = generate("Isla Thistledown", OURS, now()).expect("a key");
    std::fs::write(&own, export_cert(&ours.cert).expect("armored")).expect("written");
    let (keyring, their_fpr) = our_keyring(&ours, &theirs.cert);
    let sealed = seal(
        &entity(),
        &fields(OURS, THEIRS, now()),
        std::slice::from_ref(&their_fpr),
        &keyring,
        &ours.info.fingerprint,
        now(),
    )
    .expect("sealed");
    let decrypt = sq(&["decrypt", "--signatures", "1"], &[("--recipient-key", &key), ("--signer-cert", &own)]);
    let (plain, _) = run(&mut { decrypt }, &ciphertext(&sealed));
    assert!(String::from_utf8_lossy(&plain).contains("JVBERi0xLjQgb2ZmZXI="));

    let body = "Content-Type: text/plain\r\n\r\nFrom sq.\r\n";
    let (armored, _) =
        run(&mut sq(&["encrypt"], &[("--recipient-cert", &own), ("--signer-key", &key)]), body.as_bytes());
    let opened = open(&Message::parse(frame_encrypted(&armored, THEIRS)), &keyring, now(), Decrypt::Any);
    assert_good(&opened, true);
}

/// What we seal, we open: everything inside wins, the subject is protected, and a second copy is not changed by a line-feed file.
#[test]
fn what_we_seal_we_open() {
    let ours = generate("Isla Thistledown", OURS, now()).expect("a key");
    let theirs = generate("Hamish Lintwhite", THEIRS, now()).expect("a key");
    let (sender, _) = our_keyring(&theirs, &ours.cert);
    let (receiver, _) = our_keyring(&ours, &theirs.cert);
    let to = std::slice::from_ref(&ours.info.fingerprint);
    let fields = fields(THEIRS, OURS, now());
    let sealed = seal(&entity(), &fields, to, &sender, &theirs.info.fingerprint, now()).expect("sealed").assemble();
    let lf = String::from_utf8(sealed.clone()).expect("7-bit").replace("\r\n", "\n").into_bytes();
    for raw in [sealed, lf] {
        let opened = open(&Message::parse(raw), &receiver, now(), Decrypt::NotRsa);
        assert_good(&opened, true);
        assert_eq!(opened.report.header_protection, HeaderProtection::Encrypted);
        assert_eq!(opened.shown.headers().subject(), "R v Férret 99ZX0012326");
        assert_eq!(opened.headers.mismatch, Vec::<String>::new());
        assert_eq!(opened.warnings, []);
        assert!(opened.shown.parts().iter().any(|part| part.name.as_deref() == Some("offer.pdf")));
        let mut recipients = opened.report.recipients.clone();
        recipients.sort();
        assert_eq!(recipients.len(), 2);
    }
    let signed = sign(&entity(), &fields, &sender, &theirs.info.fingerprint, now()).expect("signed").assemble();
    let opened = open(&Message::parse(signed), &receiver, now(), Decrypt::NotRsa);
    assert_good(&opened, false);
    assert_eq!(opened.report.header_protection, HeaderProtection::Signed);
}

/// A key of the RFC 9580 kind on the other side: version 6 signatures are read, and we seal to it.
#[test]
fn version_6_both_ways() {
    check_kind(CipherSuite::Cv25519, "");
}

/// One of RFC 9980 (ML-DSA-65 with Ed25519, ML-KEM-768 with X25519), too.
#[test]
fn post_quantum_both_ways() {
    check_kind(CipherSuite::MLDSA65_Ed25519, "ML-DSA-65+Ed25519");
}

fn check_kind(suite: CipherSuite, algorithm: &str) {
    use sequoia_openpgp::serialize::SerializeInto as _;
    let (key, _) = sequoia_openpgp::cert::CertBuilder::general_purpose(Some(format!("Hamish Lintwhite <{THEIRS}>")))
        .set_profile(sequoia_openpgp::Profile::RFC9580)
        .expect("known")
        .set_cipher_suite(suite)
        .generate()
        .expect("a key");
    let (secret, cert) = (key.as_tsk().to_vec().expect("bytes"), key.to_vec().expect("bytes"));
    let ours = generate("Isla Thistledown", OURS, now()).expect("a key");
    let (receiver, fingerprint) = our_keyring(&ours, &cert);
    assert_eq!(fingerprint.len(), 64);
    let info = receiver.cert(&fingerprint, now()).expect("held");
    assert!(info.can_encrypt && info.can_sign && info.algorithm.contains(algorithm), "{info:?}");
    let mut sender = Keyring::new();
    sender.add_secret(&secret, None).expect("their key");
    sender.add_cert(&ours.cert, Acceptance::Accepted).expect("our certificate");
    let to = std::slice::from_ref(&ours.info.fingerprint);
    let sealed = seal(&entity(), &fields(THEIRS, OURS, now()), to, &sender, &fingerprint, now()).expect("sealed");
    assert_good(&open(&Message::parse(sealed.assemble()), &receiver, now(), Decrypt::NotRsa), true);

    let answer = seal(
        &entity(),
        &fields(OURS, THEIRS, now()),
        std::slice::from_ref(&fingerprint),
        &receiver,
        &ours.info.fingerprint,
        now(),
    );
    let opened = open(&Message::parse(answer.expect("sealed").assemble()), &sender, now(), Decrypt::NotRsa);
    assert_eq!(opened.report.signature.state, SignatureState::Good, "{:?}", opened.report);
}

/// What only an RSA key opens is opened when the user asks, and not before: the time it takes tells nobody anything.
#[test]
fn rsa_is_used_only_when_asked_for() {
    if !installed("gpg") {
        return;
    }
    let other = generate("Isla Thistledown", OURS, now()).expect("a key");
    let gpg = Gpg::new(&["rsa2048", "sign", "1y"], &other);
    let secret = run(&mut gpg.command(&["--export-secret-keys", THEIRS]), b"").0;
    let mut keyring = Keyring::new();
    keyring.add_secret(&secret, None).expect("an RSA key");
    let (armored, _) =
        run(&mut gpg.command(&["--armor", "--encrypt", "--recipient", THEIRS]), b"Content-Type: text/plain\n\nclear\n");
    let raw = frame_encrypted(&armored, OURS);
    let waiting = open(&Message::parse(raw.clone()), &keyring, now(), Decrypt::NotRsa);
    assert_eq!((waiting.report.encrypted, waiting.report.decrypted), (true, false));
    assert_eq!(waiting.report.integrity, Integrity::None);
    assert!(waiting.warnings.iter().any(|warning| warning.code() == "rsa-not-opened"), "{:?}", waiting.warnings);
    let asked = open(&Message::parse(raw), &keyring, now(), Decrypt::Any);
    assert!(asked.report.decrypted && String::from_utf8_lossy(asked.shown.raw()).contains("clear"));
}
