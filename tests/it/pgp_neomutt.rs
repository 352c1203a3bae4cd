//! NeoMutt with GnuPG as the other end, both ways, by its own screen: signed, encrypted, both, with an attachment, a subject that is not ASCII, and a
//! blind copy.

use casemail::mail::message::Message;
use casemail::pgp::generate::generate;
use casemail::pgp::keyring::Keyring;
use casemail::pgp::open::{Decrypt, open};
use casemail::pgp::report::{HeaderProtection, Integrity, SignatureState};
use casemail::pgp::seal::{encrypt, seal, sign};

use super::pgp_interop::{Gpg, OURS, THEIRS, assert_good, entity, fields, installed, now, our_keyring};
use super::support::tmux::Tmux;
use super::walkthrough::{eventually, show};

/// NeoMutt on a GnuPG home.
struct NeoMutt<'g> {
    gpg: &'g Gpg,
}

impl<'g> NeoMutt<'g> {
    /// With us known by our key's fingerprint.
    fn new(gpg: &'g Gpg, fingerprint: &str) -> Self {
        let at = |name: &str| gpg.home.path().join(name).display().to_string();
        let settings = format!(
            "set from=\"Hämish Lintwhite <{THEIRS}>\" use_from=yes charset=\"utf-8\" send_charset=\"utf-8\" hostname=\"copfs.gov.example\"\n\
             set sendmail=\"{send}\" copy=no editor=\"true\" abort_unmodified=no fast_reply=yes confirmappend=no mbox_type=mbox\n\
             set folder=\"{folder}\" tmpdir=\"{folder}\" wait_key=no crypt_confirm_hook=no crypt_auto_smime=no pgp_self_encrypt=no\n\
             set crypt_protected_headers_write=yes crypt_protected_headers_read=yes pgp_default_key=\"{THEIRS}\"\n\
             crypt-hook {OURS} {fingerprint}\n",
            send = at("send"),
            folder = at(""),
        );
        gpg.file("rc", settings.as_bytes());
        let script = format!("#!/bin/sh\ncat >'{0}.new' && mv '{0}.new' '{0}'\n", at("out"));
        let send = gpg.file("send", script.as_bytes());
        std::fs::set_permissions(send, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("0700");
        gpg.file("offer.pdf", b"%PDF offer");
        Self { gpg }
    }

    fn at(&self, name: &str) -> String {
        self.gpg.home.path().join(name).display().to_string()
    }

    fn start(&self, arguments: &[&str]) -> Option<Tmux> {
        let (home, rc) = (self.at(""), self.at("rc"));
        let words = [&["neomutt", "-n", "-F", &rc], arguments].concat();
        Tmux::start((120, 40), &words, &[("GNUPGHOME", &home), ("LC_ALL", "C.UTF-8"), ("TZ", "UTC"), ("HOME", &home)])
    }

    /// Sends a message, and gives its bytes: what it is to do with it, in its own settings, and the switches for more recipients.
    fn send(&self, how: &str, to: &[&str]) -> Option<Vec<u8>> {
        let out = self.at("out");
        let _none_yet = std::fs::remove_file(&out);
        self.gpg.file("body", "It is accepted: café.\n".as_bytes());
        let (body, offer) = (self.at("body"), self.at("offer.pdf"));
        let before = ["-e", how, "-s", "R v Férret 99ZX0012326", "-i", &body];
        let tmux = self.start(&[&before, to, &["-a", &offer, "--", to_or(to)]].concat())?;
        tmux.wait_for("offer.pdf");
        tmux.send_keys(&["y"]);
        let raw = eventually(|| std::fs::read(&out).ok());
        tmux.wait_for_end();
        Some(raw)
    }

    /// What it shows of a message.
    fn shows(&self, raw: &[u8], until: &str) -> Option<String> {
        let mut mailbox = b"From thistledown Sun Nov 29 10:00:00 2026\n".to_vec();
        mailbox.extend(String::from_utf8_lossy(raw).replace("\r\n", "\n").into_bytes());
        let file = self.gpg.file("mbox", &mailbox);
        let tmux = self.start(&["-R", "-f", file.to_str().expect("UTF-8"), "-e", "push <display-message>"])?;
        let seen = tmux.wait_for(until);
        show("NeoMutt", &seen);
        Some(seen)
    }
}

/// The recipient who is named: ourselves, unless we are a blind one.
fn to_or<'a>(to: &[&str]) -> &'a str {
    if to.is_empty() { OURS } else { THEIRS }
}

fn check(algorithm: &[&str]) -> Option<()> {
    if !installed("gpg") || !neomutt() {
        return None;
    }
    let ours = generate("Isla Thistledown", OURS, now()).expect("a key");
    let gpg = Gpg::new(algorithm, &ours);
    let (keyring, theirs) = our_keyring(&ours, &gpg.cert());
    let neomutt = NeoMutt::new(&gpg, &ours.info.fingerprint);
    let (to, us) = (std::slice::from_ref(&theirs), ours.info.fingerprint.as_str());

    // Out.
    let fields = || fields(OURS, THEIRS, now());
    let sealed = seal(&entity(), &fields(), to, &keyring, us, now()).expect("sealed").assemble();
    let seen = neomutt.shows(&sealed, "offer.pdf")?;
    for words in [
        "Good signature from: Isla Thistledown",
        "PGP/MIME signed and encrypted",
        "R v Férret 99ZX0012326",
        "Férret's.",
    ] {
        assert!(seen.contains(words), "{words}: {seen}");
    }
    let only = encrypt(&entity(), &fields(), to, &keyring, us, now()).expect("encrypted").assemble();
    let seen = neomutt.shows(&only, "offer.pdf")?;
    assert!(seen.contains("Férret's.") && !seen.contains("Good signature"), "{seen}");
    let signed = sign(&entity(), &fields(), &keyring, us, now()).expect("signed").assemble();
    let seen = neomutt.shows(&signed, "offer.pdf")?;
    assert!(seen.contains("Good signature from: Isla Thistledown") && seen.contains("Férret's."), "{seen}");

    // In.
    let read = |raw: &[u8], keyring: &Keyring| open(&Message::parse(raw), keyring, now(), Decrypt::Any);
    let offer = |opened: &casemail::pgp::open::Opened| {
        opened.shown.parts().iter().any(|part| part.name.as_deref() == Some("offer.pdf"))
    };
    let both = neomutt.send("set crypt_autosign=yes crypt_autoencrypt=yes", &[])?;
    assert!(!String::from_utf8_lossy(&both).contains("99ZX0012326"));
    let opened = read(&both, &keyring);
    assert_good(&opened, true);
    assert_eq!((opened.report.integrity, offer(&opened)), (Integrity::Ok, true));
    assert_eq!(opened.report.header_protection, HeaderProtection::Encrypted);
    assert_eq!(opened.shown.headers().subject(), "R v Férret 99ZX0012326");

    let only = neomutt.send("set crypt_autosign=no crypt_autoencrypt=yes", &[])?;
    let opened = read(&only, &keyring);
    assert!(opened.report.decrypted && offer(&opened), "{:?}", opened.report);
    assert_eq!(opened.report.signature.state, SignatureState::None);
    assert_eq!(opened.shown.headers().subject(), "R v Férret 99ZX0012326");

    let signed = neomutt.send("set crypt_autosign=yes crypt_autoencrypt=no", &[])?;
    let opened = read(&signed, &keyring);
    assert_good(&opened, false);
    assert!(offer(&opened));
    assert_eq!(opened.report.header_protection, HeaderProtection::Signed);
    assert_eq!(opened.shown.headers().subject(), "R v Férret 99ZX0012326");

    // We are the blind recipient.
    let blind = neomutt.send("set crypt_autosign=yes crypt_autoencrypt=yes", &["-b", OURS])?;
    let opened = read(&blind, &keyring);
    assert_good(&opened, true);
    assert!(!String::from_utf8_lossy(&blind).contains(OURS), "named nowhere");
    Some(())
}

/// Whether it is here: it tells its version by `-v` alone.
fn neomutt() -> bool {
    let there = std::process::Command::new("neomutt").arg("-v").output().is_ok_and(|output| output.status.success());
    if !there {
        assert_ne!(std::env::var("CASEMAIL_TESTS").as_deref(), Ok("all"), "neomutt is not installed");
        eprintln!("left out: no neomutt");
    }
    there
}

#[test]
fn neomutt_both_ways_with_curve25519() {
    check(&["future-default", "default", "1y"]);
}

#[test]
fn neomutt_both_ways_with_rsa() {
    check(&["rsa2048", "sign", "1y"]);
}
