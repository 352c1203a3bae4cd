//! How fast the register is: `cargo bench --bench register`.
//!
//! 1,000 cases and the events of 100,000 messages, on a real disk: written in batches of 200 with a signature each, read again and folded, proved; and
//! what one more record costs then. Figures are printed, nothing is asserted.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and stops at the first trouble"
)]

use std::collections::BTreeSet;
use std::time::Instant;

use casemail::case::{Jurisdiction, MessageName, Party, PartyId};
use casemail::mail::id::CaseId;
use casemail::pgp::detached;
use casemail::register::book::Book;
use casemail::register::chain::{Stream, Tip, verify};
use casemail::register::event::{CaseChange, Correspondent, DeviceAdded, Event, Lay, MessageFacts, Payload};
use casemail::register::head::{Head, Signatures};
use casemail::register::record::{Actor, DeviceId, Digest, Record, Written};
use casemail::register::writing::{Moment, write};
use casemail::store::state::{RegisterRow, State};
use casemail::store::vault::{Vault, random};
use jiff::Timestamp;

const CASES: u64 = 1_000;
const MESSAGES: u64 = 100_000;
const BATCH: usize = 200;

struct OpenPgp;

impl Signatures for OpenPgp {
    fn fingerprint(&self, certificate: &[u8]) -> Option<String> {
        detached::fingerprint(certificate)
    }

    fn verify(&self, certificate: &[u8], text: &[u8], signature: &[u8]) -> bool {
        detached::verify(certificate, text, signature, Timestamp::now())
    }
}

fn case(number: u64) -> CaseId {
    CaseId(format!("99ZX{number:05}26"))
}

fn received(number: u64) -> Event {
    let who = |address: &str, class: &str| Correspondent { address: address.into(), class: class.into() };
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_be_bytes());
    Event::Received {
        cases: vec![case(number % CASES)],
        because: "by URN in the subject".into(),
        facts: MessageFacts {
            message: MessageName { message_id: format!("{number:016x}@mail.chambers.example"), digest },
            from: vec![who("ambleford.mags@cps.gov.example", "gov")],
            to: vec![who("gm.crime@quillpounce.example.cjsm.net", "cjsm")],
            subject: format!("R v BADGER 99ZX{:05}26: disclosure schedule", number % CASES),
            date: Some(Timestamp::from_second(1_772_463_187).unwrap()),
            bytes: 4_711,
            ..MessageFacts::default()
        },
        lay: Lay {
            account: "work".into(),
            mailbox: "INBOX".into(),
            uid_validity: 7,
            uid: u32::try_from(number).unwrap(),
            internal_date: Timestamp::from_second(1_772_463_187).unwrap(),
        },
        tls: None,
        deemed_service: String::new(),
    }
}

fn head(tip: &Tip, secret: &[u8]) -> Vec<u8> {
    let now = Timestamp::now();
    let head = Head { device: tip.device.clone(), seq: tip.seq, hash: tip.hash, at: now, signature: String::new() };
    let signature = detached::sign(secret, &head.text().unwrap(), now).unwrap();
    casemail::register::canonical::write(&head.signed(&signature)).unwrap()
}

fn main() {
    let dir = tempfile::tempdir_in(".").unwrap();
    let vault = Vault::create(&dir.path().join("vault"), b"otter weir lantern").unwrap();
    let file = dir.path().join("state.redb");
    let key = detached::device_key(Timestamp::now()).unwrap();
    let device = DeviceId(key.fingerprint.clone());
    let mut events = vec![Event::DeviceAdded(DeviceAdded::new("bench", &key.cert))];
    for number in 0..CASES {
        let change = |change| Event::Case { case: case(number), change };
        let title = format!("R v BADGER {number}");
        events.push(change(CaseChange::Opened { title, jurisdiction: Jurisdiction::EnglandWales }));
        for party in 0..5 {
            events.push(change(CaseChange::Party(Party {
                id: PartyId(party.to_string()),
                name: format!("Person {party}"),
                addresses: vec![format!("p{party}@chambers{number}.example")],
                ..Party::default()
            })));
        }
    }
    events.extend((0..MESSAGES).map(received));
    println!("{} events: {CASES} cases with 5 parties each, {MESSAGES} messages", events.len());

    let mut tip = Tip::start(device.clone());
    let moment = || Moment {
        at: Timestamp::now(),
        offset: 0,
        actor: Actor { user: "bench".into(), ..Actor::default() },
        seen: Vec::new(),
        order: 0,
    };
    let state = State::open(&file, &vault).unwrap();
    let started = Instant::now();
    let stream = state.write(|write| write.add_register_stream(&device.0)).unwrap();
    let mut bytes = 0;
    for some in events.chunks(BATCH) {
        let first = tip.seq + 1;
        let rows: Vec<RegisterRow> = write(&mut tip, &moment(), some, random)
            .unwrap()
            .into_iter()
            .map(|(_, row)| RegisterRow { record: row.record, payload: row.payload })
            .collect();
        bytes += rows.iter().map(|row| row.record.len() + row.payload.as_ref().unwrap().len()).sum::<usize>();
        let head = head(&tip, &key.secret);
        state.write(|write| write.append_register(stream, first, &rows, &head)).unwrap();
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("append, {BATCH} at a time, durable: {seconds:.2} s, {:.0} a second", events.len() as f64 / seconds);
    println!("bytes of records and texts: {:.1} MB", bytes as f64 / 1e6);
    drop(state);

    let started = Instant::now();
    let state = State::open(&file, &vault).unwrap();
    let mut book = Book::new();
    let mut count = 0_u64;
    state
        .register_rows(stream, 0, &mut |_, row| {
            let row = row.unwrap();
            let event = Payload::read(row.payload.as_ref().unwrap()).unwrap().event;
            book.push(&Record::read(&row.record).unwrap(), Some(&event));
            count += 1;
            true
        })
        .unwrap();
    println!("open, read and fold {count} records: {:.2} s", started.elapsed().as_secs_f64());

    let started = Instant::now();
    let mut rows = Vec::new();
    state
        .register_rows(stream, 0, &mut |seq, row| {
            let row = row.unwrap();
            rows.push((seq, Ok::<_, String>(Written { record: row.record, payload: row.payload })));
            true
        })
        .unwrap();
    let signed: Head = serde_json::from_slice(&state.register_streams().unwrap().0[0].head).unwrap();
    let none: BTreeSet<Digest> = BTreeSet::new();
    let proved = verify(&Stream { device: &device, rows: &rows, head: Some(&signed), destroyed: &none }, &OpenPgp);
    println!(
        "prove all: {:.2} s ({})",
        started.elapsed().as_secs_f64(),
        if proved.is_ok() { "whole" } else { "BROKEN" }
    );

    let mut took = Vec::new();
    for number in 0..50 {
        let started = Instant::now();
        let first = tip.seq + 1;
        let event = Event::Case { case: case(number), change: CaseChange::Noted { text: "rang the court".into() } };
        let written = write(&mut tip, &moment(), std::slice::from_ref(&event), random).unwrap();
        let rows: Vec<RegisterRow> = written
            .iter()
            .map(|(_, row)| RegisterRow { record: row.record.clone(), payload: row.payload.clone() })
            .collect();
        let head = head(&tip, &key.secret);
        state.write(|write| write.append_register(stream, first, &rows, &head)).unwrap();
        written.iter().for_each(|(record, _)| book.push(record, Some(&event)));
        took.push(started.elapsed());
    }
    took.sort_unstable();
    println!("one more, signed, durable and folded: median {:.2} ms", took[took.len() / 2].as_secs_f64() * 1e3);
}
