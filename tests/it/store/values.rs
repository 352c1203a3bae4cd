//! What the fixtures of the second and the third form hold, value by value. Whoever writes one and whoever checks it goes by this.

use std::sync::Arc;

use casemail::mail::address::Address;
use casemail::mail::draft::{Attachment, Draft, Protection};
use casemail::mail::id::{CaseId, MessageKey};
use casemail::pgp::report::{Acceptance, Badge};
use casemail::store::cache::{Cache, NewMessage};
use casemail::store::cert::{CertRecord, KeyDecision, SecretHome, SecretRecord};
use casemail::store::change::{Act, Begun, Change, Group, Held};
use casemail::store::flags::Flags;
use casemail::store::mailbox::{MailboxAlso, MailboxState, SpecialUse};
use casemail::store::outbox::OutboxState;
use casemail::store::state::State;
use casemail::store::summary::Summary;
use jiff::Timestamp;

pub(super) const PASSPHRASE: &[u8] = b"otter weir lantern";
pub(super) const INBOX_VALIDITY: u32 = 1_767_225_600;
pub(super) const SENT_VALIDITY: u32 = 1_767_225_601;

/// The states of a row of the outbox, in the order of their rows.
pub(super) const STATES: [OutboxState; 8] = [
    OutboxState::Queued,
    OutboxState::Held,
    OutboxState::Sending,
    OutboxState::SentNotFiled,
    OutboxState::Sent,
    OutboxState::Deferred,
    OutboxState::Failed,
    OutboxState::Uncertain,
];

pub(super) fn now() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

/// Octets of the large message.
pub(super) const LARGE: usize = 20_000;

/// So many bytes that do not compress.
pub(super) fn large(octets: usize) -> Vec<u8> {
    let mut seed = 7_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    };
    (0..octets).map(|_| next()).collect()
}

/// A message that goes into a segment.
pub(super) fn small(uid: u32) -> Vec<u8> {
    format!(
        "Message-ID: <{uid}@chambers.example>\r\nSubject: R v FERRET 99ZX0012326\r\n\r\nNumber {uid}, by the weir.\r\n"
    )
    .into_bytes()
}

fn person(name: &str, addr: &str) -> Address {
    Address { name: name.into(), addr: addr.into() }
}

/// A row in which every field says something.
pub(super) fn summary(uid: u32) -> Summary {
    Summary {
        uid,
        flags: Flags::from_names(["\\Seen", "\\Flagged", "$Case", "$Forwarded"]),
        received: 1_772_442_000 + i64::from(uid),
        sent: (uid != 2).then_some(1_772_441_990),
        bytes: 1234 + uid,
        message_id: format!("{uid}@chambers.example"),
        in_reply_to: vec!["0@chambers.example".into()],
        references: vec!["0@chambers.example".into(), "00@chambers.example".into()],
        from: vec![person("Badger", "badger@crown.example")],
        to: vec![person("", "kestrel@chambers.example")],
        cc: vec![person("Otter", "otter@crown.example")],
        subject: "R v FERRET 99ZX0012326".into(),
        attachments: 1,
        openpgp: Badge::default(),
        carried: 2,
        has_raw: false,
        undisplayable: uid == 2,
        derived: vec!["99ZX0012326".into()],
    }
}

pub(super) fn inbox_state() -> MailboxState {
    MailboxState {
        uid_next: Some(301),
        highest_modseq: Some(99),
        special_use: Some(SpecialUse::Inbox),
        subscribed: true,
        exists: 4,
        last_sync: Some(now()),
        also: MailboxAlso {
            mailbox_id: Some("F2212ea87-6097".into()),
            read_only: false,
            whole_up_to_bytes: 5_000_000,
            unlisted_since: None,
        },
    }
}

pub(super) fn sent_state() -> MailboxState {
    MailboxState {
        uid_next: None,
        highest_modseq: None,
        special_use: Some(SpecialUse::Sent),
        subscribed: false,
        exists: 1,
        last_sync: None,
        also: MailboxAlso { mailbox_id: None, read_only: true, whole_up_to_bytes: 1, unlisted_since: None },
    }
}

/// Two mailboxes: in one a message in a segment, one of which only the summary is here, one that is deleted again, and a large one in a file of its own;
/// the flags of one changed after. In the other a message in a segment.
pub(super) fn write_cache(cache: &Cache) {
    let inbox = cache.ensure_mailbox("work", "INBOX", INBOX_VALIDITY).unwrap();
    let sent = cache.ensure_mailbox("work", "Sent", SENT_VALIDITY).unwrap();
    let message = |uid: u32, raw: Option<Arc<[u8]>>| NewMessage { summary: summary(uid), raw };
    let first = vec![
        message(1, Some(small(1).into())),
        message(2, None),
        message(3, Some(small(3).into())),
        message(300, None),
    ];
    cache.put_batch(inbox, first, Some(inbox_state())).unwrap();
    let large_one = MessageKey { mailbox: inbox, uid: 300 };
    let mut partial = cache.partial(large_one, 1_534).unwrap();
    large(LARGE).chunks(7_000).for_each(|piece| cache.append_partial(&mut partial, piece).unwrap());
    cache.put_partial(large_one, partial).unwrap();
    cache.remove(inbox, &[3], None).unwrap();
    cache.set_flags(inbox, &[(2, changed_flags())], None).unwrap();
    cache.put_batch(sent, vec![message(7, Some(small(7).into()))], Some(sent_state())).unwrap();
}

pub(super) fn changed_flags() -> Flags {
    Flags::from_names(["\\Answered", "$MDNSent"])
}

pub(super) fn draft(subject: &str) -> Draft {
    Draft {
        account: "work".into(),
        from: person("Kestrel", "kestrel@chambers.example"),
        to: vec![person("Badger", "badger@crown.example")],
        cc: vec![person("Otter", "otter@crown.example")],
        bcc: vec![person("", "wren@chambers.example")],
        subject: subject.into(),
        body: "By the weir.\n".into(),
        attachments: vec![Attachment {
            name: "bundle.pdf".into(),
            media_type: "application/pdf".into(),
            content: b"%PDF".to_vec(),
        }],
        in_reply_to: vec!["1@chambers.example".into()],
        references: vec!["0@chambers.example".into(), "1@chambers.example".into()],
        answers: Some("work/INBOX/1767225600/1".parse().unwrap()),
        case: Some(CaseId("ferret".into())),
        protection: Protection::Required,
        origin: None,
        plea: None,
        sources: None,
        split: None,
        key: None,
        carrying: None,
    }
}

pub(super) fn cert(acceptance: Acceptance) -> CertRecord {
    CertRecord {
        fingerprint: "AB".repeat(20),
        cert: b"a certificate".to_vec(),
        acceptance,
        decisions: vec![KeyDecision {
            acceptance,
            at: now(),
            by: "kestrel".into(),
            how: "read over the telephone".into(),
            addresses: Vec::new(),
        }],
        added_at: now(),
        source: "file".into(),
    }
}

pub(super) fn secret() -> SecretRecord {
    SecretRecord {
        fingerprint: "CD".repeat(20),
        key: b"a key".to_vec(),
        passphrase: Some("its own".into()),
        home: SecretHome::Profile,
    }
}

fn group(uids: &[u32], home: Option<&str>) -> Group {
    Group { mailbox: "INBOX".into(), uid_validity: INBOX_VALIDITY, uids: uids.to_vec(), home: home.map(str::to_owned) }
}

/// A row of each kind, waiting, being told, done and taken back.
pub(super) fn changes() -> Vec<Change> {
    let row = |seq: u64, words: &str, act: Act| Change {
        seq,
        step: seq,
        undoes: None,
        words: words.into(),
        at: now(),
        account: "work".into(),
        act,
        waiting: Vec::new(),
        open: false,
        begun: None,
        done: Vec::new(),
        taken_back: false,
        tries: 0,
        why: String::new(),
        held: None,
    };
    let flags = Act::Flags {
        set: Flags::new(Flags::SEEN, vec!["$Case".into()]),
        clear: Flags::new(Flags::FLAGGED, Vec::new()),
    };
    let to = || Act::Move { to: "Archive".into() };
    let append = |id: &str| Act::Append {
        mailbox: "Sent".into(),
        flags: Flags::new(Flags::SEEN, Vec::new()),
        date: Some(1_772_442_000),
        message_id: id.into(),
    };
    let create = Act::Create { mailbox: "Archive".into(), special_use: Some(SpecialUse::Archive) };
    vec![
        Change {
            waiting: vec![group(&[1, 2], None)],
            tries: 2,
            why: "not now".into(),
            ..row(1, "changed flags", flags)
        },
        Change { done: vec![group(&[9], Some("Otter"))], undoes: Some(1), ..row(2, "moved 1 message", to()) },
        Change {
            waiting: vec![group(&[2, 300], None)],
            begun: Some(Begun { group: Some(group(&[2], None)), above: 41 }),
            taken_back: true,
            ..row(3, "moved 2 messages", to())
        },
        Change { open: true, ..row(4, "kept a copy", append("4@chambers.example")) },
        Change {
            open: true,
            begun: Some(Begun { group: None, above: 7 }),
            ..row(5, "kept a copy", append("5@chambers.example"))
        },
        Change { waiting: vec![group(&[300], None)], ..row(6, "deleted 1 message", Act::Expunge) },
        Change { open: true, step: 0, ..row(7, "made a mailbox", create) },
    ]
}

/// Rows that wait for a person, as they are since the fifth form.
pub(super) fn changes_held() -> Vec<Change> {
    let held = [Held::Refused, Held::Doubtful];
    let row = |(seq, held): (u64, Held)| Change { seq, step: seq, held: Some(held), ..changes()[2].clone() };
    (8..).zip(held).map(row).collect()
}

/// A certificate with its history, and a key that is not here, as they are since the fifth form.
pub(super) fn cert_with_history() -> CertRecord {
    let decision = |acceptance, how: &str| KeyDecision {
        acceptance,
        at: now(),
        by: "kestrel".into(),
        how: how.into(),
        addresses: vec!["otter@crown.example".into()],
    };
    CertRecord {
        fingerprint: "EF".repeat(20),
        decisions: vec![
            decision(Acceptance::Verified, "read over the telephone"),
            decision(Acceptance::Rejected, "taken back"),
        ],
        ..cert(Acceptance::Rejected)
    }
}

/// See [`cert_with_history`].
pub(super) fn secret_elsewhere() -> SecretRecord {
    SecretRecord {
        fingerprint: "EF".repeat(20),
        key: b"where it is".to_vec(),
        passphrase: None,
        home: SecretHome::Agent,
    }
}

/// The message beside a row that appends.
pub(super) fn change_raw(seq: u64) -> Vec<u8> {
    format!("Message-ID: <{seq}@chambers.example>\r\n\r\nA copy.\r\n").into_bytes()
}

/// The bytes of a row of the outbox.
pub(super) fn outbox_raw(number: u64) -> Vec<u8> {
    format!("Message-ID: <out-{number}@chambers.example>\r\n\r\nNumber {number}.\r\n").into_bytes()
}

/// Everything in the state store but the outbox.
pub(super) fn write_state(state: &State) {
    state.keep_draft(&draft("at hand"), now()).unwrap();
    state.put_cert(&cert(Acceptance::Rejected)).unwrap();
    state.put_secret(&secret()).unwrap();
    state.put("name", b"value").unwrap();
    state
        .write(|write| {
            for change in changes() {
                if matches!(change.act, Act::Append { .. }) {
                    write.put_change_raw(change.seq, &change_raw(change.seq))?;
                }
                write.put_change(&change)?;
            }
            Ok(())
        })
        .unwrap();
}

/// What two messages in quarantine have in common.
pub(super) const QUARANTINED_ID: &str = "shut@cps.gov.example";

/// Two messages in quarantine under one Message-ID: where they lie, their digests, their bytes.
pub(super) fn quarantined() -> [(&'static str, [u8; 32], &'static [u8]); 2] {
    let places =
        [("work/INBOX/1767225600/3", b"the first".as_slice()), ("work/Sent/1767225601/8", b"the other".as_slice())];
    places.map(|(place, raw)| (place, casemail::register::record::Digest::of(raw).0, raw))
}
