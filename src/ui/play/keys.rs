//! The keys and the assistant: what is shown of each, and what their keys ask for.

use crate::app::effect::{KeySource, Passphrase};
use crate::app::event::Event;
use crate::app::view::{AssistRow, KeyRow, Tone};
use crate::mail::id::MessageRef;
use crate::mail::safe::SafeText;
use crate::pgp::report::Acceptance;
use crate::pgp::words::{groups, words};
use crate::ui::play::{Play, sentence};

const VELLUM: &str = "9B1F4C0277D2E6A1B35C8E4F60A9D7132C5E8B44";

fn row(owner: &str, fingerprint: &str, acceptance: Acceptance, tone: Tone, state: &str) -> KeyRow {
    let line = SafeText::line;
    KeyRow {
        fingerprint: fingerprint.to_owned(),
        user_ids: vec![line(owner)],
        groups: line(&groups(fingerprint)),
        words: words(fingerprint).iter().map(|words| line(words)).collect(),
        acceptance,
        state: sentence(tone, state),
        soon: None,
        expires: Some("2029-05-04T10:00:00Z".parse().unwrap()),
        dates: line("Ed25519, made 2026-05-05, expires 2029-05-04"),
        secret: None,
        unlocked: false,
        asked: false,
        decisions: Vec::new(),
        cases: Vec::new(),
        source: line("file, 2026-05-05"),
    }
}

pub(super) fn rows() -> Vec<KeyRow> {
    let line = SafeText::line;
    let mut own = row(
        "Isla Thistledown <i.thistledown@tg-law.example>",
        "2D1C55AA01F3B7E94C60D82A9E13F74B5A6C0D1E",
        Acceptance::Own,
        Tone::Good,
        "your own",
    );
    own.secret = Some(line("kept here, opens with the profile"));
    own.unlocked = true;
    own.soon = Some(sentence(Tone::Warning, "Your key for i.thistledown@tg-law.example expires on 2026-06-10."));
    let mut verified = row(
        "Hamish Lintwhite <h.lintwhite@copfs.gov.example>",
        "77D2E6A1B35C8E4F60A9D7132C5E8B449B1F4C02",
        Acceptance::Verified,
        Tone::Good,
        "verified with its owner",
    );
    verified.decisions = vec![
        line("accepted, not compared on 2026-05-05 by i.thistledown@tg-law.example: at import (file)"),
        line("verified with its owner on 2026-05-06 by i.thistledown@tg-law.example: read over the telephone"),
    ];
    verified.cases = vec![line("ZZ26000417"), line("ZZ26000533")];
    let undecided = row(
        "Rufus Vellum <r.vellum@foxglove.example>",
        VELLUM,
        Acceptance::Undecided,
        Tone::Warning,
        "not decided: not used until you decide",
    );
    vec![own, verified, undecided]
}

pub(super) fn assistance() -> Vec<AssistRow> {
    let line = SafeText::line;
    let base = AssistRow {
        address: line("r.vellum@foxglove.example"),
        raw: "r.vellum@foxglove.example".to_owned(),
        usable: false,
        why: sentence(
            Tone::Warning,
            "r.vellum@foxglove.example: key 60A9 D713 2C5E 8B44 is here but not accepted; compare the fingerprint with its owner, then accept it",
        ),
        key: rows().pop(),
        offer: None,
        lookup: None,
    };
    let unknown = AssistRow {
        address: line("p.sage@crown.example"),
        raw: "p.sage@crown.example".to_owned(),
        why: sentence(Tone::Warning, "p.sage@crown.example: no key here; ask for it and import it"),
        key: None,
        offer: Some((
            MessageRef { account: "work".into(), mailbox: "INBOX".into(), uid_validity: 7, uid: 12 },
            line("a message of 2026-05-19 brings the key 1234 5678 9ABC DEF0"),
        )),
        lookup: Some(line("openpgpkey.crown.example (or crown.example)")),
        ..base.clone()
    };
    vec![base, unknown]
}

#[test]
fn keys_that_end_are_told_in_the_status_row_until_the_profile_is_locked() {
    let told = || Event::KeysEnding(Some(SafeText::from("your key ends 2026-05-25 (and 2 more)")));
    let mut play = Play::new();
    play.event(told());
    insta::assert_snapshot!("keys-ending-80x24", play.screen());
    play.event(Event::Locked);
    assert!(!play.screen().to_string().contains("your key ends"));
    play.event(told());
    assert!(!play.screen().to_string().contains("your key ends"), "late");
    let mut wide = Play::at((200, 50));
    wide.event(told());
    insta::assert_snapshot!("keys-ending-200x50", wide.screen());
}

#[test]
fn the_keys_with_what_was_decided() {
    insta::assert_snapshot!("keys-80x24", Play::new().keys("gk").screen());
    insta::assert_snapshot!("keys-200x50", Play::at((200, 50)).keys("gkj").screen());
    insta::assert_snapshot!("key-whole-80x24", Play::new().keys("gkjj<CR>").screen());
}

#[track_caller]
fn told(keys: &str, expected: &[&str]) {
    let play = Play::new().keys(keys);
    assert_eq!(play.told(), expected, "{}", play.screen());
}

#[test]
fn decisions_are_asked_for_in_words() {
    let decide = |acceptance: &str, how: &str| {
        format!("Key(Decide {{ fingerprint: \"{VELLUM}\", acceptance: {acceptance}, how: \"{how}\" }})")
    };
    told("gkjjv<CR>", &[&decide("Verified", "read over the telephone")]);
    told("gkjjv<C-u>in court<CR>", &[&decide("Verified", "in court")]);
    told("gkjjv<C-u><CR>", &[]);
    told("gkjjay", &[&decide("Accepted", "not compared")]);
    told("gkjjan", &[]);
    told("gkjjrnot his<CR>", &[&decide("Rejected", "not his")]);
    told("gkjjr<CR>", &[&decide("Rejected", "")]);
    told("gkjju", &[&decide("Undecided", "taken back")]);
    told("gkjjdy", &[&format!("Key(Forget(\"{VELLUM}\"))")]);
    told("gkjjx", &[]);
    told("gkv", &[]);
    told("gkjji/tmp/a.asc<CR>", &["Key(Import(File(\"/tmp/a.asc\"), None))"]);
}

#[test]
fn an_own_key_is_kept_in_order() {
    let own = "2D1C55AA01F3B7E94C60D82A9E13F74B5A6C0D1E";
    told("gkxy", &[&format!("Key(Extend(\"{own}\"))")]);
    told("gko", &[]);
    told(
        "gkRretired: leaving<CR>",
        &[&format!("Key(Revoke {{ fingerprint: \"{own}\", reason: \"retired\", because: \"leaving\" }})")],
    );
    // Typed twice; two that differ write nothing. What is typed is nowhere to be read.
    let play = Play::new().keys("gkb<C-u>/tmp<CR>otter weir");
    assert!(!play.screen().contains("otter") && play.screen().contains("typed, not shown"), "{}", play.screen());
    let backup = format!("Key(Backup {{ fingerprint: \"{own}\", directory: \"/tmp\", passphrase: Passphrase(…) }})");
    assert_eq!(play.keys("<CR>otter weir<CR>").told(), [backup]);
    told("gkb<C-u>/tmp<CR>otter weir<CR>other<CR>", &[]);
    told("gkb<C-u>/tmp<CR><Esc>", &[]);
}

#[test]
fn a_locked_key_asks_for_its_passphrase_and_a_lock_forgets_it() {
    let mut play = Play::new().keys("gk");
    play.event(Event::Paste("text without a key".to_owned()));
    play.event(Event::Paste("-----BEGIN PGP PRIVATE KEY BLOCK-----\n".to_owned()));
    assert_eq!(play.told(), ["Key(Import(Text(Passphrase(…)), None))"]);
    play.event(Event::KeyLocked(KeySource::Text(Passphrase("key".to_owned()))));
    play.event(Event::Paste("weir".to_owned()));
    play.press("<CR>");
    assert_eq!(play.told()[1], "Key(Import(Text(Passphrase(…)), Some(Passphrase(…))))");
    play.event(Event::KeyLocked(KeySource::Text(Passphrase("key".to_owned()))));
    play.press("otter");
    play.event(Event::Locked);
    let model = format!("{:?}", play.model);
    assert!(!model.contains("otter") && !model.contains("Secret"), "{model}");
}

#[test]
fn a_passphrase_that_is_asked_for_can_be_kept() {
    let mut play = Play::new().keys("gk");
    let mut keys = rows();
    keys[0].secret = Some(SafeText::from("kept here, opens with its own passphrase; locked now"));
    (keys[0].unlocked, keys[0].asked) = (false, true);
    let fingerprint = keys[0].fingerprint.clone();
    play.event(Event::Keys(keys.into()));
    insta::assert_snapshot!("key-asked-80x24", play.screen());
    play.press("Oweir<CR>");
    play.press("oweir<CR>");
    let unlock =
        |keep| format!("Key(Unlock {{ fingerprint: \"{fingerprint}\", passphrase: Passphrase(…), keep: {keep} }})");
    assert_eq!(play.told(), [unlock(true), unlock(false)]);
    told("gkO", &[]);
}

#[test]
fn the_assistant_names_the_next_step() {
    let play = Play::new().keys("cr.vellum@foxglove.example<Tab><M-k>");
    insta::assert_snapshot!("assistant-80x24", play.screen());
    insta::assert_snapshot!("assistant-unknown-80x24", play.keys("j").screen());
    let on = |keys: &str| {
        let play = Play::new().keys("cr.vellum@foxglove.example<Tab><M-k>").keys(keys);
        play.told().into_iter().filter(|effect| effect.starts_with("Key(")).collect::<Vec<_>>()
    };
    assert_eq!(on("v<CR>").len(), 1);
    assert_eq!(on("i"), Vec::<String>::new(), "nothing is offered");
    assert!(on("ji")[0].contains("Import(Message("));
    assert_eq!(on("jwy"), ["Key(Import(Directory(\"p.sage@crown.example\"), None))"]);
    assert_eq!(on("jwn"), Vec::<String>::new());
    assert_eq!(on("jm"), ["Key(AttachOwn(ComposerId(2)))"]);
}
