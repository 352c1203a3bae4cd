//! Streams as they are written, changed, cut, mixed and folded. Signatures are a toy here: `pgp::detached` is the real one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::book::Book;
use super::bundle::{self, Bundle, BundleError};
use super::chain::{Broken, Fault, Stream, Tip, verify};
use super::event::{CaseChange, DestructionCertificate, DeviceAdded, Event, Payload};
use super::head::{Head, Signatures};
use super::record::{Actor, DeviceId, Digest, Record, RecordError, Seen, Written};
use super::writing::{Moment, write};
use crate::case::{
    Accused, Charge, Hearing, HearingId, HearingKind, HearingTime, Jurisdiction, MessageName, Party, PartyId, Patterns,
    Role, State,
};
use crate::mail::id::CaseId;

/// A certificate is a name; a signature is the digest of name and text.
struct Toy;

impl Toy {
    fn sign(certificate: &[u8], text: &[u8]) -> Vec<u8> {
        Digest::of(&[certificate, text].concat()).0.to_vec()
    }
}

impl Signatures for Toy {
    fn fingerprint(&self, certificate: &[u8]) -> Option<String> {
        std::str::from_utf8(certificate).ok().map(str::to_owned)
    }

    fn verify(&self, certificate: &[u8], text: &[u8], signature: &[u8]) -> bool {
        Self::sign(certificate, text) == signature
    }
}

fn start() -> Timestamp {
    "2026-03-02T14:53:07Z".parse().unwrap()
}

/// A device at work.
struct Writer {
    tip: Tip,
    rows: Vec<Written>,
    records: Vec<(Record, Event)>,
    known: BTreeMap<DeviceId, Seen>,
    order: u64,
    now: Timestamp,
    salt: u8,
}

impl Writer {
    fn new(name: &str) -> Self {
        let mut writer = Self {
            tip: Tip::start(DeviceId(name.into())),
            rows: Vec::new(),
            records: Vec::new(),
            known: BTreeMap::new(),
            order: 0,
            now: start(),
            salt: 0,
        };
        writer.write(Event::DeviceAdded(DeviceAdded::new(format!("desk of {name}"), name.as_bytes())));
        writer
    }

    fn write(&mut self, event: Event) {
        let moment = Moment {
            at: self.now,
            offset: 0,
            actor: Actor { user: "bq".into(), ..Actor::default() },
            seen: std::mem::take(&mut self.known).into_values().collect(),
            order: self.order,
        };
        self.salt = self.salt.wrapping_add(1);
        let salt = self.salt;
        for (record, row) in write(&mut self.tip, &moment, std::slice::from_ref(&event), || [salt; 16]).unwrap() {
            self.records.push((record, event.clone()));
            self.rows.push(row);
        }
    }

    fn change(&mut self, change: CaseChange) {
        self.write(Event::Case { case: case_id(), change });
    }

    /// Reads all that the other has written.
    fn read(&mut self, other: &Self) {
        let Tip { device, seq, hash, order } = other.tip.clone();
        self.order = self.order.max(order);
        self.known.insert(device.clone(), Seen { device, seq, hash });
    }

    fn head(&self) -> Head {
        let Tip { device, seq, hash, .. } = self.tip.clone();
        let head = Head { device: device.clone(), seq, hash, at: self.now, signature: String::new() };
        let signature = Toy::sign(device.0.as_bytes(), &head.text().unwrap());
        head.signed(&signature)
    }
}

fn case_id() -> CaseId {
    CaseId("99ZX0012327".into())
}

fn opened(title: &str) -> CaseChange {
    CaseChange::Opened { title: title.into(), jurisdiction: Jurisdiction::EnglandWales }
}

fn check(device: &DeviceId, rows: &[Written], head: Option<&Head>) -> Result<Tip, Broken> {
    let rows: Vec<_> = (1..).zip(rows.iter().map(|row| Ok(row.clone()))).collect();
    verify(&Stream { device, rows: &rows, head, destroyed: &BTreeSet::new() }, &Toy)
}

fn example() -> Writer {
    let mut writer = Writer::new("AB12");
    let patterns = Patterns::new(&[]).unwrap();
    writer.change(opened("R v WEASEL"));
    writer.change(CaseChange::IdentifierAdded(patterns.read("99ZX0012327")));
    writer.change(CaseChange::Noted { text: "rang the court; \u{20ac}5 \"fee\"".into() });
    writer.write(Event::NotACase {
        message: MessageName { message_id: "1@example.com".into(), digest: [7; 32] },
        because: String::new(),
        whole_thread: true,
    });
    writer
}

#[test]
fn a_stream_that_was_left_alone_is_whole() {
    let writer = example();
    assert_eq!(check(&writer.tip.device, &writer.rows, Some(&writer.head())), Ok(writer.tip.clone()));
}

#[test]
fn every_changed_byte_is_found_and_named() {
    let writer = example();
    let head = writer.head();
    let device = &writer.tip.device;
    for at in 0..writer.rows.len() {
        let length = writer.rows[at].record.len();
        let payload = writer.rows[at].payload.as_ref().unwrap().len();
        for byte in 0..length + payload {
            for flip in [1_u8, 0x20, 0x80] {
                let mut rows = writer.rows.clone();
                if byte < length {
                    rows[at].record[byte] ^= flip;
                } else {
                    rows[at].payload.as_mut().unwrap()[byte - length] ^= flip;
                }
                let broken = check(device, &rows, Some(&head)).expect_err("a changed byte was not found");
                assert_eq!(broken.seq, at as u64 + 1, "byte {byte} of record {}: {broken}", at + 1);
            }
        }
    }
}

#[test]
fn every_changed_byte_of_the_signature_is_found() {
    let writer = example();
    let text = super::canonical::write(&writer.head()).unwrap();
    for at in 0..text.len() {
        let mut spoilt = text.clone();
        spoilt[at] ^= 1;
        let Ok(head) = serde_json::from_slice::<Head>(&spoilt) else { continue };
        assert!(check(&writer.tip.device, &writer.rows, Some(&head)).is_err(), "byte {at}");
    }
    assert_eq!(check(&writer.tip.device, &writer.rows, None).unwrap_err().fault, Fault::Unsigned);
}

#[test]
fn what_is_missing_doubled_or_moved_is_named() {
    let writer = example();
    let head = writer.head();
    let device = &writer.tip.device;
    let named = |rows: &[Written]| check(device, rows, Some(&head)).unwrap_err();
    let numbered = |left: &[(u64, Written)]| {
        let rows: Vec<_> = left.iter().map(|(seq, row)| (*seq, Ok(row.clone()))).collect();
        verify(&Stream { device, rows: &rows, head: Some(&head), destroyed: &BTreeSet::new() }, &Toy).unwrap_err()
    };
    for at in 0..writer.rows.len() {
        // Taken out of the store: its number is not there.
        let mut left: Vec<_> = (1_u64..).zip(writer.rows.clone()).collect();
        left.remove(at);
        let broken = numbered(&left);
        assert_eq!((broken.seq, broken.fault), (at as u64 + 1, Fault::Missing));
        // Taken out of a text: the rest moves up.
        let mut rows = writer.rows.clone();
        rows.remove(at);
        assert_eq!(named(&rows).seq, at as u64 + 1, "the text without record {}", at + 1);
        let mut rows = writer.rows.clone();
        rows.insert(at, rows[at].clone());
        assert_eq!(named(&rows).seq, at as u64 + 2);
        // The text that says what happened, without its case having been destroyed.
        let mut rows = writer.rows.clone();
        rows[at].payload = None;
        assert_eq!(named(&rows).seq, at as u64 + 1);
    }
    let mut rows = writer.rows.clone();
    rows.swap(1, 2);
    assert_eq!(named(&rows).seq, 2);
    assert_eq!(named(&[]).seq, 1);
    // A stranger's stream in this one's place.
    let mut stranger = Writer::new("CD34");
    stranger.change(opened("R v WEASEL"));
    assert_eq!(check(device, &stranger.rows, Some(&stranger.head())).unwrap_err().seq, 1);
    // A record that does not open is named, not passed over.
    let mut rows: Vec<_> = (1_u64..).zip(writer.rows.iter().cloned().map(Ok)).collect();
    rows[2].1 = Err("damaged".into());
    let stream = Stream { device, rows: &rows, head: Some(&head), destroyed: &BTreeSet::new() };
    assert_eq!(verify(&stream, &Toy).unwrap_err().seq, 3);
}

#[test]
fn a_text_may_be_gone_only_where_a_certificate_names_it() {
    let writer = example();
    let mut rows: Vec<_> = (1_u64..).zip(writer.rows.clone()).collect();
    let gone = Digest::of(&rows[3].1.payload.take().unwrap());
    let rows: Vec<_> = rows.into_iter().map(|(seq, row)| (seq, Ok(row))).collect();
    let (head, device) = (writer.head(), &writer.tip.device);
    let none = BTreeSet::new();
    let broken = verify(&Stream { device, rows: &rows, head: Some(&head), destroyed: &none }, &Toy).unwrap_err();
    assert_eq!((broken.seq, broken.fault), (4, Fault::NoPayload));
    let named = BTreeSet::from([gone]);
    assert!(verify(&Stream { device, rows: &rows, head: Some(&head), destroyed: &named }, &Toy).is_ok());
}

#[test]
fn another_way_to_write_a_record_is_refused() {
    let writer = example();
    let text = String::from_utf8(writer.rows[1].record.clone()).unwrap();
    assert_eq!(
        Record::read_strictly(text.replace("\"offset\":0", "\"offset\": 0").as_bytes()),
        Err(RecordError::NotCanonical)
    );
    assert_eq!(Record::read_strictly(text.replace("\"v\":1", "\"v\":2").as_bytes()), Err(RecordError::Later(2)));
    let later = text.replace("\"v\":1", "\"v\":2,\"w\":0");
    assert_eq!(Record::read_strictly(later.as_bytes()), Err(RecordError::Later(2)));
    assert!(matches!(Record::read(b"{}"), Err(RecordError::Unreadable(_))));
    assert!(matches!(Record::read(&vec![b' '; 20_000]), Err(RecordError::TooLong(_))));
}

#[test]
fn streams_travel_as_text() {
    let writer = example();
    let mut text = format!("{}\n", bundle::HEADER).into_bytes();
    let piece = Bundle { rows: writer.rows.clone(), head: writer.head() };
    text.extend(bundle::write(&piece).unwrap());
    text.extend(bundle::write(&piece).unwrap());
    assert_eq!(bundle::read(&text).unwrap(), [piece.clone(), piece.clone()]);
    let crlf = String::from_utf8(text.clone()).unwrap().replace('\n', "\r\n");
    assert_eq!(bundle::read(crlf.as_bytes()).unwrap().len(), 2);
    assert_eq!(bundle::read(b"casemail-register 2\n"), Err(BundleError::Header));
    let cut = &text[..text.len() - 40];
    assert!(bundle::read(cut).is_err());
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!(bundle::read(&lines[..3].concat()), Err(BundleError::Unended));
    assert_eq!(bundle::read(&[lines[0], b"X {}\n"].concat()), Err(BundleError::Line(2)));
}

#[test]
fn records_of_the_first_form_are_read_for_ever() {
    let text = include_bytes!("../../tests/data/register-v1.txt");
    let pieces = bundle::read(text).unwrap();
    let piece = &pieces[0];
    assert_eq!(check(&piece.head.device, &piece.rows, Some(&piece.head)).unwrap().seq, piece.rows.len() as u64);
    let mut book = Book::new();
    for row in &piece.rows {
        let event = Payload::read(row.payload.as_ref().unwrap()).unwrap().event;
        book.push(&Record::read(&row.record).unwrap(), Some(&event));
    }
    insta::assert_debug_snapshot!(book.cases().collect::<Vec<_>>());
    insta::assert_debug_snapshot!(book.decisions().collect::<Vec<_>>());
}

/// Texts as they were first written, and never changed after: what was added to the first form is read for ever, too.
#[test]
fn what_was_added_later_is_read_for_ever() {
    let salt = "2a".repeat(16);
    let digest = "0b".repeat(32);
    let case =
        |change: &str| format!(r#"{{"event":{{"case":{{"case":"99ZX0012327","change":{change}}}}},"salt":"{salt}"}}"#);
    for (kind, cases, text) in [
        (
            "undecided",
            1,
            format!(
                r#"{{"event":{{"undecided":{{"because":"by hand","cases":["99ZX0012327"],"message":{{"digest":"{digest}","message_id":"1@cps.gov.example"}}}}}},"salt":"{salt}"}}"#
            ),
        ),
        ("keys-changed", 1, case(r#"{"keys-changed":{"certificate":"SHRED-8f23359ce51fa6e6"}}"#)),
        (
            "bodies-purged",
            1,
            case(r#"{"bodies-purged":{"bytes":4711,"idle_since":"2026-03-06T10:00:00Z","messages":3}}"#),
        ),
        (
            "received",
            1,
            format!(
                r#"{{"event":{{"received":{{"because":"by URN in the subject","cases":["99ZX0012327"],"facts":{{"bytes":1,"date":null,"from":[],"message":{{"digest":"{digest}","message_id":""}},"subject":"x","to":[]}},"lay":{{"account":"work","internal_date":"2026-03-02T14:53:07Z","mailbox":"INBOX","uid":1,"uid_validity":7}},"tls":{{"certificate":"SHA-256 {digest}","cipher":"TLS_AES_256_GCM_SHA384","server":"imap.quillpounce.example","version":"TLSv1.3"}}}}}},"salt":"{salt}"}}"#
            ),
        ),
        (
            "identifier-added",
            1,
            case(r#"{"identifier-added":{"kind":{"person":"PNC"},"value":"01/123456F","warning":null}}"#),
        ),
    ] {
        let read = Payload::read(text.as_bytes()).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!((read.event.kind(), read.event.cases().len()), (kind, cases));
        assert_eq!(String::from_utf8(read.write().unwrap()).unwrap(), text, "{kind} is written as it was");
    }
}

#[test]
fn a_decision_that_was_taken_back_decides_nothing_until_there_is_another() {
    let mut writer = Writer::new("AB12");
    let message = MessageName { message_id: "1@cps.gov.example".into(), digest: [1; 32] };
    let filed = |case: &str| Event::Filed {
        message: message.clone(),
        cases: vec![CaseId(case.into())],
        because: "by hand".into(),
        by_hand: true,
        whole_thread: true,
    };
    writer.write(filed("one"));
    writer.write(Event::Undecided {
        message: message.clone(),
        cases: vec![CaseId("one".into())],
        because: String::new(),
    });
    let stands = |writer: &Writer| {
        let mut book = Book::new();
        writer.records.iter().for_each(|(record, event)| book.push(record, Some(event)));
        let decision = book.decision(&message).unwrap();
        (decision.taken_back, decision.cases.clone())
    };
    assert_eq!(stands(&writer), (true, Vec::new()));
    writer.write(filed("two"));
    assert_eq!(stands(&writer), (false, vec![CaseId("two".into())]));
}

fn party(id: &str, name: &str) -> Party {
    Party { id: PartyId(id.into()), name: name.into(), role: Role::Counsel, ..Party::default() }
}

#[test]
fn two_devices_that_did_not_know_of_each_other_disagree_until_somebody_decides() {
    let (mut one, mut two) = (Writer::new("AB12"), Writer::new("CD34"));
    one.change(opened("R v WEASEL"));
    two.read(&one);
    two.change(CaseChange::Noted { text: "read".into() });
    one.change(CaseChange::Renamed { title: "R v S WEASEL".into() });
    two.change(CaseChange::Renamed { title: "R v WEASEL (Silas)".into() });
    // Fields that only one of them touched are no conflict.
    one.change(CaseChange::Party(party("1", "Rufus Vellum")));
    two.change(CaseChange::Party(party("2", "Petra Windlestraw")));
    let fold = |writers: [&Writer; 2]| {
        let mut book = Book::new();
        for (record, event) in writers.iter().flat_map(|writer| &writer.records) {
            book.push(record, Some(event));
        }
        book.case(&case_id()).unwrap().clone()
    };
    let case = fold([&one, &two]);
    assert_eq!(case, fold([&two, &one]));
    assert_eq!(case.parties.len(), 2);
    let values: Vec<_> = case.conflicts.iter().flat_map(|c| &c.rivals).map(|rival| rival.value.as_str()).collect();
    assert_eq!(case.conflicts.len(), 1, "{:?}", case.conflicts);
    assert_eq!(case.conflicts[0].field, "title");
    assert_eq!(values.last(), Some(&case.title.as_str()), "the one that stands comes last");
    assert_eq!(values.len(), 2);
    // Whoever has seen both decides.
    one.read(&two);
    one.change(CaseChange::Renamed { title: "R v WEASEL".into() });
    let case = fold([&two, &one]);
    assert_eq!((case.title.as_str(), case.conflicts.len()), ("R v WEASEL", 0));
}

#[test]
fn an_answer_never_stands_before_what_it_answers_whatever_clocks_say() {
    let (mut one, mut two) = (Writer::new("AB12"), Writer::new("CD34"));
    one.now = start() + SignedDuration::from_hours(5);
    one.change(opened("R v WEASEL"));
    two.read(&one);
    two.change(CaseChange::Renamed { title: "R v S WEASEL".into() });
    let mut book = Book::new();
    for (record, event) in two.records.iter().chain(&one.records) {
        book.push(record, Some(event));
    }
    assert_eq!(book.case(&case_id()).unwrap().title, "R v S WEASEL");
    let told = &two.records.last().unwrap().0;
    assert_eq!(told.at, start(), "the clock is told as it was");
    assert!(told.order > one.tip.order);
}

#[test]
fn a_hold_outlives_closing_and_a_case_that_was_destroyed_says_nothing_more() {
    let mut one = Writer::new("AB12");
    let mut state = |change: CaseChange| {
        one.change(change);
        let mut book = Book::new();
        one.records.iter().for_each(|(record, event)| book.push(record, Some(event)));
        book.case(&case_id()).unwrap().clone()
    };
    state(opened("R v WEASEL"));
    state(CaseChange::Accused(Accused { number: 1, name: "Silas WEASEL".into(), born: None }));
    let review = Some(date(2033, 3, 2));
    let held = state(CaseChange::Held { because: "appeal".into() });
    assert_eq!(held.state, State::OnHold { because: "appeal".into(), review: None });
    let held = state(CaseChange::Closed { review });
    assert_eq!(held.state, State::OnHold { because: "appeal".into(), review });
    assert_eq!(state(CaseChange::Released { because: String::new() }).state, State::Closed { review });
    assert_eq!(state(CaseChange::Reopened { because: String::new() }).state, State::Open);
    let certificate = DestructionCertificate { case: case_id().0, at: start(), ..Default::default() };
    let certificate = certificate.numbered().unwrap();
    let case = state(CaseChange::Shredded { certificate });
    assert!(matches!(&case.state, State::Shredded { certificate, .. } if certificate.starts_with("SHRED-")));
    assert!(case.accused.is_empty() && !case.title.contains("WEASEL"), "{case:?}");
}

/// Something that a person does to a case.
fn change() -> impl Strategy<Value = CaseChange> {
    let number = 1_u16..3;
    prop_oneof![
        "[A-C]".prop_map(|title| opened(&title)),
        "[A-C]".prop_map(|title| CaseChange::Renamed { title }),
        (number.clone(), "[A-C]").prop_map(|(number, name)| CaseChange::Accused(Accused { number, name, born: None })),
        number.clone().prop_map(|number| CaseChange::AccusedRemoved { number }),
        (number.clone(), "[A-C]").prop_map(|(number, text)| CaseChange::Charge(Charge {
            number,
            accused: 1,
            text,
            ..Charge::default()
        })),
        ("[12]", "[A-C]").prop_map(|(id, name)| CaseChange::Party(party(&id, &name))),
        "[12]".prop_map(|id| CaseChange::PartyRemoved { id: PartyId(id) }),
        ("[12]", 1_i8..4).prop_map(|(id, day)| CaseChange::Hearing(Hearing {
            id: HearingId(id),
            kind: HearingKind::Ptph,
            court: "Ambleford CC".into(),
            at: HearingTime { date: date(2026, 4, day), time: None },
            outcome: String::new(),
        })),
        "[A-C]".prop_map(|text| CaseChange::Noted { text }),
        Just(CaseChange::Closed { review: None }),
        Just(CaseChange::Reopened { because: String::new() }),
        Just(CaseChange::Held { because: "x".into() }),
        Just(CaseChange::Released { because: String::new() }),
    ]
}

/// What devices do, one step after the other.
#[derive(Clone, Debug)]
enum Act {
    Change(usize, u8, Box<CaseChange>),
    File(usize, u8, u8),
    Read(usize, usize),
    Clock(usize, i64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0_usize..3, 0_u8..2, change()).prop_map(|(who, case, change)| Act::Change(who, case, Box::new(change))),
        1 => (0_usize..3, 0_u8..2, 0_u8..3).prop_map(|(who, message, case)| Act::File(who, message, case)),
        2 => (0_usize..3, 0_usize..3).prop_map(|(who, whom)| Act::Read(who, whom)),
        1 => (0_usize..3, -90_i64..90).prop_map(|(who, minutes)| Act::Clock(who, minutes)),
    ]
}

fn play(acts: &[Act]) -> Vec<Writer> {
    let mut writers = ["AB12", "CD34", "EF56"].map(Writer::new).into_iter().collect::<Vec<_>>();
    for act in acts {
        match act {
            Act::Change(who, case, change) => {
                let case = CaseId(format!("case {case}"));
                writers[*who].write(Event::Case { case, change: (**change).clone() });
            }
            Act::File(who, message, case) => writers[*who].write(Event::Filed {
                message: MessageName { message_id: format!("{message}@x"), digest: [*message; 32] },
                cases: vec![CaseId(format!("case {case}"))],
                because: "by hand".into(),
                by_hand: true,
                whole_thread: false,
            }),
            Act::Read(who, whom) if who != whom => {
                let (from, to) = (*whom.min(who), *whom.max(who));
                let (left, right) = writers.split_at_mut(to);
                let (reader, read) =
                    if *who == to { (&mut right[0], &left[from]) } else { (&mut left[from], &right[0]) };
                reader.read(read);
            }
            Act::Read(..) => {}
            Act::Clock(who, minutes) => writers[*who].now += SignedDuration::from_mins(*minutes),
        }
    }
    writers
}

/// All that screens see of a book.
fn seen(book: &Book) -> String {
    let messages: Vec<_> = book.decisions().map(|(name, decision)| (name, decision, book.rivals(name))).collect();
    format!("{:#?}\n{messages:#?}", book.cases().collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_book_is_the_same_in_whatever_order_streams_come(
        acts in prop::collection::vec(act(), 0..40),
        turns in prop::collection::vec(0_usize..3, 0..200),
    ) {
        let writers = play(&acts);
        let mut straight = Book::new();
        writers.iter().flat_map(|writer| &writer.records).for_each(|(record, event)| straight.push(record, Some(event)));
        // Each device's records in their order, the devices in any.
        let mut mixed = Book::new();
        let mut at = [0_usize; 3];
        for turn in turns.into_iter().chain((0..3).cycle().take(400)) {
            if let Some((record, event)) = writers[turn].records.get(at[turn]) {
                mixed.push(record, Some(event));
                at[turn] += 1;
            }
        }
        prop_assert_eq!(seen(&straight), seen(&mixed));
        for writer in &writers {
            prop_assert!(check(&writer.tip.device, &writer.rows, Some(&writer.head())).is_ok());
        }
    }

    #[test]
    fn foreign_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = (Record::read_strictly(&bytes), Payload::read(&bytes), bundle::read(&bytes));
    }
}
