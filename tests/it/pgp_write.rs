//! What leaves, as it really arrives at a submission server: who is encrypted to, who learns of whom, and what stands outside.

use std::collections::BTreeSet;

use casemail::mail::message::Message;
use casemail::pgp::certificate::export_cert;
use casemail::pgp::generate::{Generated, generate};
use openpgp::crypto::SessionKey;
use openpgp::packet::{PKESK, SKESK};
use openpgp::parse::Parse as _;
use openpgp::parse::stream::{DecryptionHelper, DecryptorBuilder, MessageLayer, MessageStructure, VerificationHelper};
use openpgp::policy::StandardPolicy;
use openpgp::types::SymmetricAlgorithm;
use openpgp::{Cert, Fingerprint, KeyHandle};
use sequoia_openpgp as openpgp;

use crate::support::submission::Taken;
use crate::walkthrough::{Gpg, LINTWHITE, World, eventually};

const QUILL: &str = "quill@quillpounce.example";
const VELLUM: &str = "r.vellum@foxglove.example";
const THISTLEDOWN: &str = "i.thistledown@tg-law.example";
const INKWELL: &str = "t.inkwell@inkwell.example";
const FERRET: &str = "barnaby.ferret@mailbox.example";
const MAGS: &str = "ambleford.mags@cps.gov.example";

/// A correspondent whose certificate is accepted.
fn peer(world: &World, address: &str) -> Generated {
    let key = generate(address, address, jiff::Timestamp::now()).unwrap();
    world.home.done(&["key", "import", "-", "--accept"], export_cert(&key.cert).unwrap().as_bytes());
    key
}

/// A world with an own key; its fingerprint.
fn world(more: &str) -> Option<(World, String)> {
    let world = World::start()?;
    world.configure(more);
    world.home.done(&["key", "generate"], b"");
    let own = world.home.done(&["key", "export", QUILL], b"");
    let own = Cert::from_bytes(own.as_bytes()).unwrap().fingerprint().to_hex();
    Some((world, own))
}

/// Sends a draft: the exit code, and what was told.
fn send(world: &World, fields: &str, subject: &str, args: &[&str]) -> (i32, serde_json::Value) {
    let draft = format!("{fields}Subject: {subject}\r\n\r\nThe gnome was under the hedge.\r\n");
    // No recipient here is a party of the case; that is another matter.
    let anyway = ["--json", "send", "--override", "what leaves is looked at", "-"];
    let ran = world.home.run(&[&anyway[..], args].concat(), draft.as_bytes());
    let told = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    (ran.code, told)
}

fn codes(told: &serde_json::Value) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    // What is said of the case and its parties is not looked at here.
    let ours = [
        "answer-in-clear",
        "encryption-demanded",
        "mixed-protection",
        "no-key",
        "no-own-key",
        "not-a-reader",
        "sealed-to-gateway",
        "split",
    ];
    let findings = told["findings"].as_array().unwrap();
    let found = findings.iter().map(|one| (text(&one["code"]), text(&one["recipient"])));
    found.filter(|(code, _)| ours.contains(&code.as_str())).collect()
}

/// What a copy looks like to somebody who can open it.
struct Seen {
    /// Key ids of the packets before the ciphertext.
    for_keys: Vec<KeyHandle>,
    /// The certificates that its signature names.
    intended: BTreeSet<String>,
    signed: bool,
    payload: String,
}

struct Reader<'a> {
    cert: &'a Cert,
    seen: Seen,
}

impl VerificationHelper for Reader<'_> {
    fn get_certs(&mut self, _: &[KeyHandle]) -> openpgp::Result<Vec<Cert>> {
        Ok(Vec::new())
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> openpgp::Result<()> {
        for layer in structure {
            if let MessageLayer::SignatureGroup { results } = layer {
                for result in results {
                    let signature = match &result {
                        Ok(good) => good.sig,
                        Err(openpgp::parse::stream::VerificationError::MissingKey { sig, .. }) => sig,
                        Err(other) => panic!("{other}"),
                    };
                    self.seen.signed = true;
                    self.seen.intended.extend(signature.intended_recipients().map(Fingerprint::to_hex));
                }
            }
        }
        Ok(())
    }
}

impl DecryptionHelper for Reader<'_> {
    fn decrypt(
        &mut self,
        pkesks: &[PKESK],
        _: &[SKESK],
        algorithm: Option<SymmetricAlgorithm>,
        decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> openpgp::Result<Option<Cert>> {
        self.seen.for_keys = pkesks.iter().filter_map(PKESK::recipient).collect();
        assert_eq!(self.seen.for_keys.len(), pkesks.len(), "a hidden key id");
        for key in self.cert.keys().unencrypted_secret() {
            let mut pair = key.key().clone().into_keypair()?;
            for pkesk in pkesks {
                if pkesk.decrypt(&mut pair, algorithm).is_some_and(|(algorithm, key)| decrypt(algorithm, &key)) {
                    return Ok(None);
                }
            }
        }
        Err(openpgp::anyhow::anyhow!("it is not for this key"))
    }
}

/// Opens what arrived with a correspondent's key.
fn opened(raw: &[u8], key: &Generated) -> Option<Seen> {
    let message = Message::parse(raw.to_vec());
    assert_eq!(message.root().media_type, "multipart/encrypted", "{}", String::from_utf8_lossy(raw));
    let ciphertext = message.content(&message.parts()[2]);
    let cert = Cert::from_bytes(&key.secret).unwrap();
    let seen = Seen { for_keys: Vec::new(), intended: BTreeSet::new(), signed: false, payload: String::new() };
    let policy = StandardPolicy::new();
    let reader = Reader { cert: &cert, seen };
    let mut decryptor = DecryptorBuilder::from_bytes(&ciphertext).unwrap().with_policy(&policy, None, reader).ok()?;
    let mut payload = Vec::new();
    std::io::Read::read_to_end(&mut decryptor, &mut payload).unwrap();
    let mut seen = decryptor.into_helper().seen;
    seen.payload = String::from_utf8(payload).unwrap();
    Some(seen)
}

/// The copy that reached an address; there is one.
#[track_caller]
fn copy_to<'a>(taken: &'a [Taken], address: &str) -> &'a Taken {
    let mut found = taken.iter().filter(|one| one.to.iter().any(|to| to == address));
    let copy = found.next().unwrap_or_else(|| panic!("nothing reached {address}"));
    assert!(found.next().is_none(), "{address} got it twice");
    copy
}

fn header(taken: &Taken, name: &str) -> String {
    Message::parse(taken.raw.clone()).headers().get(name).unwrap_or_default()
}

fn of(keys: &[&str]) -> BTreeSet<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

#[test]
fn no_recipient_learns_of_another() {
    let Some((world, own)) = world("") else { return };
    let (vellum, thistledown, inkwell) = (peer(&world, VELLUM), peer(&world, THISTLEDOWN), peer(&world, INKWELL));
    let fields = format!("To: {VELLUM}\r\nCc: {THISTLEDOWN}\r\nBcc: {INKWELL}, {QUILL}\r\n");
    let (code, told) = send(&world, &fields, "99ZX0012326 gnome", &[]);
    assert_eq!((code, told["rows"].as_array().unwrap().len()), (0, 3), "{told}");
    let taken = world.submission.wait_for(3);
    assert_eq!(taken.len(), 3);

    let visible = copy_to(&taken, VELLUM);
    assert_eq!(visible.to, [VELLUM, THISTLEDOWN]);
    let seen = opened(&visible.raw, &vellum).unwrap();
    assert!(opened(&visible.raw, &thistledown).is_some() && opened(&visible.raw, &inkwell).is_none());
    assert_eq!((seen.for_keys.len(), seen.signed), (3, true));
    let (vellum_id, thistledown_id, inkwell_id) =
        (&vellum.info.fingerprint, &thistledown.info.fingerprint, &inkwell.info.fingerprint);
    assert_eq!(seen.intended, of(&[&own, vellum_id, thistledown_id]));

    let blind = copy_to(&taken, INKWELL);
    assert_eq!(blind.to, [INKWELL]);
    let blind_seen = opened(&blind.raw, &inkwell).unwrap();
    assert!(opened(&blind.raw, &vellum).is_none());
    assert_eq!((blind_seen.for_keys.len(), blind_seen.intended), (2, of(&[&own, inkwell_id])));

    // Neither outside nor inside is there a word of who is blind, nor of the other copy.
    for (copy, payload) in [(visible, &seen.payload), (blind, &blind_seen.payload)] {
        let raw = String::from_utf8(copy.raw.clone()).unwrap();
        for text in [&raw, payload] {
            // As a field: three letters stand in any ciphertext.
            assert!(!text.to_lowercase().contains("\nbcc:") && !text.contains("inkwell"), "{text}");
        }
        assert!(payload.contains(VELLUM) && payload.contains(THISTLEDOWN) && payload.contains("gnome was under"));
    }
    let ids: BTreeSet<String> = taken.iter().map(|one| header(one, "Message-ID")).collect();
    assert_eq!(ids.len(), 3, "a Message-ID is shared");
    assert!(!blind_seen.payload.contains(&header(visible, "Message-ID")));

    // Each of them is a row of its own, sent and filed once.
    world.home.done(&["sync"], b"");
    let sent = || world.dovecot.doveadm(&["search", "-u", "quill", "mailbox", "Sent", "all"], b"").lines().count();
    eventually(|| (sent() == 3).then_some(()));
    assert_eq!(world.submission.taken().len(), 3);
    let sent_raw = world.dovecot.doveadm(&["fetch", "-u", "quill", "text", "mailbox", "Sent"], b"");
    assert!(!sent_raw.contains("gnome"), "{sent_raw}");
}

#[test]
fn absent_fields_and_the_subject_are_protected() {
    let Some((world, _)) = world("") else { return };
    let vellum = peer(&world, VELLUM);
    let (code, told) = send(&world, &format!("To: {VELLUM}\r\n"), "99ZX0012326 gnöme", &[]);
    assert_eq!(code, 0, "{told}");
    let raw = world.submission.wait_for(1).remove(0).raw;
    let payload = opened(&raw, &vellum).unwrap().payload;
    for line in [
        "Cc:",
        "In-Reply-To:",
        "References:",
        "HP-Outer: Subject: [...]",
        "\r\n hp=\"cipher\"; protected-headers=\"v1\"",
    ] {
        assert!(payload.contains(line), "{line}: {payload}");
    }
    assert!(!payload.contains("HP-Outer: Cc") && payload.contains("hp-legacy-display=\"1\""), "{payload}");
    // Our own reader takes the copy of the subject out of the text again.
    let shown = world.home.run(&["--json", "message", "show", "-"], &raw);
    let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(shown["subject"], "99ZX0012326 gnöme");
    assert_eq!(shown["text"].as_str().unwrap().trim(), "The gnome was under the hedge.");
    assert_eq!(shown["openpgp"]["header_protection"], "encrypted");
    assert_eq!(shown["headers"]["mismatch"].as_array().unwrap().len(), 0, "{shown}");
}

#[test]
fn what_is_encrypted_to_whom_is_a_policy() {
    let gov = "[classes]\ngov = [\"gov.example\"]\n";
    let Some((world, _)) = world(gov) else { return };
    let (vellum, mags) = (peer(&world, VELLUM), peer(&world, MAGS));
    // A gateway is not encrypted to, though its key is here; nor is its copy given a key.
    let (code, told) = send(&world, &format!("To: {MAGS}\r\n"), "99ZX0012326", &[]);
    assert_eq!((code, told["recipients"][0]["encrypted"].as_bool()), (0, Some(false)), "{told}");
    assert!(told["recipients"][0]["because"].as_str().unwrap().contains("[openpgp] gov says never"), "{told}");
    let taken = world.submission.wait_for(1);
    assert!(String::from_utf8_lossy(&taken[0].raw).contains("gnome") && header(&taken[0], "Autocrypt").is_empty());
    // A gateway and a peer: two messages, each as its recipient is to have it.
    let (code, told) = send(&world, &format!("To: {MAGS}, {VELLUM}\r\n"), "99ZX0012326", &[]);
    assert_eq!((code, codes(&told)), (0, vec![("split".to_owned(), String::new())]), "{told}");
    let taken = world.submission.wait_for(3).split_off(1);
    let (open, sealed) = (copy_to(&taken, MAGS), copy_to(&taken, VELLUM));
    assert!(String::from_utf8_lossy(&open.raw).contains("gnome") && opened(&sealed.raw, &mags).is_none());
    assert!(opened(&sealed.raw, &vellum).is_some() && header(sealed, "Autocrypt").starts_with("addr=quill@"));
    assert!(header(open, "References").contains(&header(sealed, "Message-ID")), "one thread");
    assert!(header(open, "Autocrypt").is_empty());
    // Over the open internet in clear, beside somebody who gets it encrypted: refused, also where that one is blind.
    for field in ["Cc", "Bcc"] {
        let fields = format!("To: {VELLUM}\r\n{field}: {FERRET}\r\n");
        let (code, told) = send(&world, &fields, "99ZX0012326", &[]);
        assert_eq!((code, codes(&told)), (1, vec![("mixed-protection".to_owned(), FERRET.to_owned())]), "{told}");
    }
    let asked = format!("X-Casemail-Protection: none\r\nTo: {VELLUM}\r\nCc: {FERRET}\r\n");
    assert_eq!(send(&world, &asked, "99ZX0012326", &["--dry-run"]).0, 0);
    // A gateway, because the draft demands it: told that it may be held back.
    let (code, told) = send(&world, &format!("X-Casemail-Protection: required\r\nTo: {MAGS}\r\n"), "x", &["--dry-run"]);
    assert_eq!((code, codes(&told)), (0, vec![("sealed-to-gateway".to_owned(), MAGS.to_owned())]), "{told}");

    // Encryption that the configuration demands is not waived by a draft, nor by a missing key.
    let demand = format!("[[openpgp.exception]]\nfor = [\"{MAGS}\", \"mailbox.example\"]\nencrypt = \"required\"\n");
    world.configure(&format!("{gov}{demand}"));
    let (code, told) = send(&world, &format!("X-Casemail-Protection: none\r\nTo: {MAGS}\r\n"), "x", &[]);
    assert_eq!((code, codes(&told)), (1, vec![("encryption-demanded".to_owned(), MAGS.to_owned())]), "{told}");
    let (code, told) = send(&world, &format!("To: {FERRET}\r\n"), "x", &[]);
    assert_eq!((code, codes(&told)), (1, vec![("no-key".to_owned(), FERRET.to_owned())]), "{told}");
    assert_eq!(send(&world, &format!("To: {MAGS}\r\n"), "x", &["--dry-run"]).1["recipients"][0]["encrypted"], true);
    assert_eq!(world.submission.taken().len(), 3, "something refused was sent");
}

#[test]
fn outside_the_subject_says_what_the_policy_lets_it() {
    let Some((world, _)) = world("") else { return };
    let vellum = peer(&world, VELLUM);
    peer(&world, INKWELL);
    let subject = "Re: R v FERRET 99ZX0012326, 07700 900123";
    let check = |openpgp: &str, to: &str, outside: &str| {
        world.configure(&format!("[openpgp]\n{openpgp}\n"));
        let before = world.submission.taken().len();
        let (code, told) = send(&world, &format!("To: {to}\r\n"), subject, &[]);
        assert_eq!(code, 0, "{told}");
        let taken = world.submission.wait_for(before + 1).remove(before);
        assert_eq!(header(&taken, "Subject"), outside, "{openpgp}");
        let payload = opened(&taken.raw, &vellum).unwrap().payload;
        assert!(payload.contains(&format!("\r\nSubject: {subject}\r\n")), "{payload}");
        assert!(payload.contains(&format!("HP-Outer: Subject: {outside}\r\n")), "{payload}");
        payload
    };
    check("", VELLUM, "[...]");
    check("open = { subject = \"case-numbers\" }", VELLUM, "99ZX0012326 [...]");
    let payload = check("open = { subject = \"keep\" }", VELLUM, subject);
    assert!(!payload.contains("hp-legacy-display"), "nothing is hidden");
    // The most that all of a copy's recipients may show.
    let mixed =
        format!("open = {{ subject = \"keep\" }}\n[[openpgp.exception]]\nfor = [\"{INKWELL}\"]\nsubject = \"hidden\"");
    check(&mixed, &format!("{VELLUM}, {INKWELL}"), "[...]");
    assert!(!check("legacy_display = false", VELLUM, "[...]").contains("hp-legacy-display"));
}

#[test]
fn encrypted_unsigned_and_with_ones_own_key() {
    let Some((world, _)) = world("[openpgp]\nopen = { autocrypt = false }\n") else { return };
    let vellum = peer(&world, VELLUM);
    let fields = format!("X-Casemail-Protection: encrypt\r\nX-Casemail-Attach-Key: yes\r\nTo: {VELLUM}\r\n");
    let (code, told) = send(&world, &fields, "key", &[]);
    assert_eq!(code, 0, "{told}");
    let taken = world.submission.wait_for(1).remove(0);
    let seen = opened(&taken.raw, &vellum).unwrap();
    assert!(!seen.signed && header(&taken, "Autocrypt").is_empty());
    let entity = Message::parse(seen.payload.into_bytes());
    let part = entity.parts().iter().find(|part| part.media_type == "application/pgp-keys").unwrap();
    let cert = Cert::from_bytes(&entity.content(part)).unwrap();
    assert!(!cert.is_tsk() && cert.userids().any(|id| id.userid().to_string().contains(QUILL)));
    assert!(part.name.as_deref().unwrap().starts_with("OpenPGP_0x"), "{:?}", part.name);
}

/// Theirs and ours, each accepted by the other.
fn acquainted(world: &World, gpg: &Gpg) {
    gpg.import(world.home.done(&["key", "export", QUILL], b"").as_bytes());
    world.home.done(&["key", "import", "-", "--accept"], gpg.export().as_bytes());
}

#[test]
fn what_came_encrypted_goes_to_nobody_new() {
    let Some(gpg) = Gpg::new() else { return };
    let Some((world, _)) = world("") else { return };
    acquainted(&world, &gpg);
    let vellum = peer(&world, VELLUM);
    world.dovecot.deliver("quill", "INBOX", &gpg.seal(QUILL, "sealed", "99ZX0012326 plea", "Guilty as amended."));
    world.home.done(&["sync"], b"");
    let answer = "In-Reply-To: <sealed@copfs.gov.example>\r\n";
    // To its author alone: encrypted, without being asked for.
    let (code, told) = send(&world, &format!("{answer}To: {LINTWHITE}\r\n"), "Re: 99ZX0012326 plea", &["--dry-run"]);
    assert_eq!((code, told["recipients"][0]["encrypted"].as_bool()), (0, Some(true)), "{told}");
    for how in ["none", "sign"] {
        let fields = format!("{answer}X-Casemail-Protection: {how}\r\nTo: {LINTWHITE}\r\n");
        let (code, told) = send(&world, &fields, "Re: plea", &[]);
        assert_eq!((code, codes(&told)), (1, vec![("answer-in-clear".to_owned(), LINTWHITE.to_owned())]), "{told}");
    }
    // To somebody else as well, who has a key: not before their address is named.
    let fields = format!("{answer}To: {LINTWHITE}\r\nCc: {VELLUM}\r\n");
    let (code, told) = send(&world, &fields, "Re: plea", &[]);
    let said = ["sealed-to-gateway", "not-a-reader"].map(str::to_owned).into_iter();
    let said: Vec<_> = said.zip([LINTWHITE.to_owned(), VELLUM.to_owned()]).collect();
    assert_eq!((code, codes(&told)), (1, said), "{told}");
    assert!(world.submission.taken().is_empty());
    let (code, told) = send(&world, &format!("X-Casemail-Disclose-To: {VELLUM}\r\n{fields}"), "Re: plea", &[]);
    assert_eq!(code, 0, "{told}");
    let taken = world.submission.wait_for(1).remove(0);
    assert!(opened(&taken.raw, &vellum).unwrap().payload.contains("gnome"));
}

#[test]
fn passing_on_what_came_encrypted_asks_for_the_address_and_no_draft_is_in_clear() {
    let Some(gpg) = Gpg::new() else { return };
    let Some((world, _)) = world("") else { return };
    acquainted(&world, &gpg);
    let vellum = peer(&world, VELLUM);
    world.dovecot.deliver("quill", "INBOX", &gpg.seal(QUILL, "1", "About the plea", "Guilty as amended."));
    let Some(tmux) = world.home.screen((100, 40)) else { return };
    tmux.wait_for("up to date, watching");
    tmux.wait_for("All mail");
    tmux.send_keys(&["g", "a"]);
    tmux.wait_for("About the plea");
    tmux.send_keys(&["Home", "Enter"]);
    tmux.wait_for("Guilty as amended.");
    tmux.send_keys(&["f"]);
    tmux.wait_for("Fwd: About the plea");
    tmux.type_text(VELLUM);
    tmux.send_keys(&["Tab"]);
    // Kept in the sealed store, and on no server.
    tmux.send_keys(&["C-c"]);
    tmux.wait_for("The draft is kept");
    tmux.send_keys(&["C"]);
    tmux.wait_for(VELLUM);
    tmux.send_keys(&["C-s"]);
    tmux.wait_for("nothing proves that it could read");
    tmux.send_keys(&["y"]);
    tmux.wait_for("Not sent.");
    tmux.send_keys(&["a"]);
    tmux.wait_for(&format!("Type {VELLUM}"));
    tmux.type_text(LINTWHITE);
    tmux.send_keys(&["Enter"]);
    tmux.wait_for(&format!("That is not {VELLUM}"));
    tmux.send_keys(&["a"]);
    tmux.wait_for(&format!("Type {VELLUM}"));
    tmux.type_text(VELLUM);
    tmux.send_keys(&["Enter"]);
    tmux.wait_until("a review without objection", |screen| {
        screen.contains("Signed and encrypted.") && !screen.contains("nothing proves")
    });
    tmux.send_keys(&["y"]);
    let taken = world.submission.wait_for(1).remove(0);
    assert!(opened(&taken.raw, &vellum).unwrap().payload.contains("Guilty as amended."));
    let all = world.dovecot.doveadm(&["fetch", "-u", "quill", "text", "mailbox", "*"], b"");
    assert!(!all.contains("Guilty"), "{all}");
    assert_eq!(world.dovecot.doveadm(&["search", "-u", "quill", "mailbox", "Drafts", "all"], b""), "");
    tmux.leave();
    assert_eq!(tmux.wait_for_end(), 0);
}
