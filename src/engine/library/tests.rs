//! The index against made-up mailboxes: threads, cases, copies, counts.

use std::collections::BTreeMap;

use proptest::prelude::{Just, Strategy, prop_oneof, proptest};

use crate::app::thread_list::Brief;
use crate::app::view::Scope;
use crate::mail::address::Address;
use crate::mail::id::{CaseId, MailboxId, MessageKey, ThreadId};
use crate::store::flags::Flags;
use crate::store::mailbox::{Mailbox, MailboxState, SpecialUse};
use crate::store::summary::Summary;

use super::Library;
use super::entry::FoundIn;
use super::filing::{Book, Derived};
use super::record::Record;
use crate::case::{Classes, ConfiguredCase, Patterns};

fn mailbox(id: u32, name: &str, special_use: Option<SpecialUse>) -> Mailbox {
    Mailbox {
        id: MailboxId(id),
        account: "work".into(),
        name: name.into(),
        uid_validity: 7,
        state: MailboxState { special_use, ..MailboxState::default() },
    }
}

fn summary(uid: u32, message_id: &str, references: &[&str], subject: &str, found: &[(FoundIn, &str)]) -> Record {
    let derived = Derived {
        content: u64::from(uid) % 100,
        identifiers: found.iter().map(|(f, v)| (*f, (*v).to_owned())).collect(),
        ..Derived::default()
    };
    Summary {
        uid,
        received: 1_760_000_000 + i64::from(uid),
        sent: Some(1_760_000_000 + i64::from(uid)),
        message_id: message_id.into(),
        references: references.iter().map(|r| (*r).to_owned()).collect(),
        from: vec![Address { name: "H. Lintwhite".into(), addr: "h.lintwhite@copfs.gov.example".into() }],
        subject: subject.into(),
        derived: derived.write(),
        ..Summary::default()
    }
    .into()
}

fn library() -> Library {
    let case = ConfiguredCase {
        id: "ferret".into(),
        title: "R v FERRET".into(),
        identifiers: vec!["99ZX0012326".into(), "T20269001".into()],
    };
    let own = ["b.quill@quillpounce.example".to_owned()];
    let mut library = Library::new(Book::new(Patterns::new(&[]).unwrap(), Classes::default(), &[case], own));
    library.set_mailbox(mailbox(1, "INBOX", Some(SpecialUse::Inbox)));
    library.set_mailbox(mailbox(2, "Sent", Some(SpecialUse::Sent)));
    library
}

#[test]
fn an_alias_is_no_number_that_may_be_shown_in_the_open() {
    let case = ConfiguredCase {
        id: "ferret".into(),
        title: "R v FERRET".into(),
        identifiers: vec!["99ZX0012326".into(), "Ferret".into()],
    };
    let book = Book::new(Patterns::new(&[]).unwrap(), Classes::default(), &[case], []);
    let check = |text: &str, expected: &[&str]| assert_eq!(book.case_numbers(text), expected, "{text}");
    check("Ferret, instructions", &[]);
    check("Ferret, 99ZX0012326, T20269001", &["99ZX0012326", "T20269001"]);
}

fn key(mailbox: u32, uid: u32) -> MessageKey {
    MessageKey { mailbox: MailboxId(mailbox), uid }
}

#[test]
fn a_copy_is_shown_once_and_a_second_message_under_its_id_beside_it() {
    let mut library = library();
    library.insert(MailboxId(2), &summary(101, "1@x", &[], "Weir", &[]));
    library.insert(MailboxId(1), &summary(1, "1@x", &[], "Weir", &[]));
    library.rebuild();
    let rows = library.thread_list(&Scope::All).to_rows();
    assert_eq!((rows.len(), rows[0].messages), (1, 1));
    let view = library.thread_view(rows[0].id, &Scope::All).unwrap();
    assert_eq!(view.messages[0].id.mailbox, "INBOX");
    assert_eq!(library.with_copies(key(2, 101)), [key(1, 1), key(2, 101)]);
    assert!(!library.is_conflicting(key(1, 1)));

    library.insert(MailboxId(1), &summary(5, "1@x", &[], "Weir", &[]));
    library.rebuild();
    let shown: usize = library.thread_list(&Scope::All).to_rows().iter().map(|row| row.messages).sum();
    assert_eq!(shown, 2);
    assert!(library.is_conflicting(key(1, 1)) && library.is_conflicting(key(1, 5)));
}

#[test]
fn cases_come_from_identifiers_and_are_inherited_by_the_thread() {
    let mut library = library();
    library.insert(MailboxId(1), &summary(1, "1@x", &[], "Weir T20269001", &[(FoundIn::Subject, "T20269001")]));
    library.insert(MailboxId(1), &summary(2, "2@x", &["1@x"], "Re: Weir", &[]));
    library.insert(MailboxId(1), &summary(3, "3@x", &["1@x"], "Re: Weir", &[(FoundIn::Text, "ZZ26000417")]));
    library.insert(MailboxId(1), &summary(4, "4@x", &[], "Lantern", &[(FoundIn::AttachmentName, "ZZ26000417")]));
    library.insert(MailboxId(1), &summary(5, "5@x", &[], "Otter", &[]));
    library.rebuild();
    let rows = library.case_rows(jiff::Timestamp::UNIX_EPOCH);
    let counts: Vec<(String, usize, usize)> =
        rows.iter().map(|r| (r.title.to_string(), r.messages, r.unread)).collect();
    assert_eq!(
        counts,
        [("All mail".into(), 5, 5), ("Unfiled".into(), 1, 1), ("ZZ26000417".into(), 1, 1), ("R v FERRET".into(), 3, 3),]
    );
    assert_eq!(library.cases_of(key(1, 1))[0].1, "by Crown Court number in the subject");
    assert_eq!(library.cases_of(key(1, 3))[0].1, "with its thread");
    assert_eq!(library.thread_list(&Scope::Unfiled).to_rows().len(), 1);
}

#[test]
fn a_name_of_three_letters_makes_no_suggestion_sure() {
    let case = |id: &str, title: &str, number: &str| ConfiguredCase {
        id: id.into(),
        title: title.into(),
        identifiers: vec![number.into()],
    };
    let cases = [case("fox", "R v FOX AND ANOTHER", "99ZX0012326"), case("otter", "R v OTTER", "99ZX0012327")];
    let mut library = Library::new(Book::new(Patterns::new(&[]).unwrap(), Classes::default(), &cases, []));
    library.set_mailbox(mailbox(1, "INBOX", Some(SpecialUse::Inbox)));
    let filed = |uid, id: &str, number| summary(uid, id, &[], number, &[(FoundIn::Subject, number)]);
    library.insert(MailboxId(1), &filed(1, "1@x", "99ZX0012326"));
    library.insert(MailboxId(1), &filed(2, "2@x", "99ZX0012327"));
    library.insert(MailboxId(1), &summary(3, "3@x", &[], "FOX, listing", &[]));
    library.insert(MailboxId(1), &summary(4, "4@x", &[], "Otter, listing", &[]));
    library.insert(MailboxId(1), &summary(5, "5@x", &[], "TERMS AND CONDITIONS OF ANOTHER", &[]));
    library.rebuild();
    let mut told: Vec<(String, Vec<(String, bool)>)> = library
        .triage_rows()
        .iter()
        .map(|row| {
            let suggested = row.suggestions.iter().filter(|one| one.score == 60);
            (row.subject.to_string(), suggested.map(|one| (one.case.0.clone(), one.is_sure)).collect())
        })
        .collect();
    told.sort();
    let expected = [
        ("FOX, listing", vec![("fox".to_owned(), false)]),
        ("Otter, listing", vec![("otter".to_owned(), true)]),
        ("TERMS AND CONDITIONS OF ANOTHER", vec![]),
    ];
    assert_eq!(told, expected.map(|(subject, suggested)| (subject.to_owned(), suggested)));
}

#[test]
fn a_thread_says_in_which_mailboxes_it_lies() {
    let mut library = library();
    library.insert(MailboxId(1), &summary(1, "1@x", &[], "Weir", &[]));
    library.insert(MailboxId(2), &summary(101, "2@x", &["1@x"], "Re: Weir", &[]));
    library.insert(MailboxId(1), &summary(3, "3@x", &[], "Otter", &[]));
    library.rebuild();
    let of = |uid| {
        let places = library.mailboxes_of(library.thread_of(key(1, uid)));
        places.into_iter().map(|(account, name)| format!("{account} {name}")).collect::<Vec<_>>()
    };
    assert_eq!(of(1), ["work INBOX", "work Sent"]);
    assert_eq!(of(3), ["work INBOX"]);
    assert!(library.mailboxes_of([]).is_empty());
}

#[test]
fn flags_show_at_once_and_deleted_messages_hide() {
    let mut library = library();
    library.insert(MailboxId(1), &summary(1, "1@x", &[], "Weir", &[]));
    library.insert(MailboxId(1), &summary(2, "2@x", &["1@x"], "Re: Weir", &[]));
    library.rebuild();
    library.set_flags(key(1, 1), Flags::SEEN, true);
    let row = &library.thread_list(&Scope::All).to_rows()[0];
    assert_eq!((row.messages, row.unread), (2, 1));
    assert!(library.thread_view(row.id, &Scope::All).unwrap().messages[0].pending);
    library.set_flags(key(1, 2), Flags::DELETED, true);
    let row = &library.thread_list(&Scope::All).to_rows()[0];
    assert_eq!((row.messages, row.unread), (1, 0));
    library.drop_mailbox(MailboxId(1));
    library.rebuild();
    assert!(library.thread_list(&Scope::All).to_rows().is_empty());
    assert_eq!(library.len(), 0);
}

#[test]
fn a_thread_keeps_its_name_when_its_root_arrives() {
    let mut library = library();
    library.insert(MailboxId(1), &summary(2, "2@x", &["1@x"], "Re: Weir", &[]));
    library.rebuild();
    let before = library.thread_list(&Scope::All).to_rows()[0].id;
    library.insert(MailboxId(1), &summary(1, "1@x", &[], "Weir", &[]));
    library.rebuild();
    assert!(library.thread_view(before, &Scope::All).is_some());
}

#[test]
fn people_are_completed_with_those_written_to_first() {
    let mut library = library();
    let mut sent = summary(1, "1@x", &[], "Weir", &[]);
    sent.summary.to = vec![Address { name: "Hester Quill".into(), addr: "h.quill@quillpounce.example".into() }];
    library.insert(MailboxId(2), &sent);
    library.insert(MailboxId(1), &summary(9, "2@x", &[], "Weir", &[]));
    let hits: Vec<String> = library.complete("h.", 5).into_iter().map(|a| a.addr).collect();
    assert_eq!(hits, ["h.quill@quillpounce.example", "h.lintwhite@copfs.gov.example"]);
    assert!(library.complete("", 5).is_empty());
}

/// Something that happens to an index.
#[derive(Clone, Debug)]
enum Step {
    /// A message comes, or is told anew: mailbox, UID, Message-ID (0: none), References, subject, content, date, whether it names a case.
    Come(u32, u32, u8, Vec<u8>, &'static str, u64, i64, bool),
    Go(u32, u32),
    Flags(u32, u32, u8),
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let subject = proptest::sample::select(vec!["", "Weir", "Re: Weir", "Otter", "Re: Otter", "Lantern"]);
    let references = proptest::collection::vec(1_u8..14, 0..4);
    prop_oneof![
        6 => (1_u32..3, 1_u32..12, 0_u8..12, references, subject, 0_u64..2, 0_i64..6, proptest::bool::weighted(0.3))
            .prop_map(|(mailbox, uid, id, references, subject, content, date, names)| {
                Step::Come(mailbox, uid, id, references, subject, content, date, names)
            }),
        2 => (1_u32..3, 1_u32..12).prop_map(|(mailbox, uid)| Step::Go(mailbox, uid)),
        1 => (1_u32..3, 1_u32..12, proptest::sample::select(vec![0, Flags::SEEN, Flags::DELETED])).prop_map(|(m, u, f)| Step::Flags(m, u, f)),
        2 => Just(Step::Settle),
    ]
}

fn record(step: &Step) -> Option<(MailboxId, Record)> {
    let Step::Come(mailbox, uid, id, references, subject, content, date, names) = step else { return None };
    let name = |id: &u8| format!("{id}@x");
    let identifiers = if *names { vec![(FoundIn::Text, "T20269001".to_owned())] } else { Vec::new() };
    let summary = Summary {
        uid: *uid,
        received: 1_760_000_000 + date,
        message_id: if *id == 0 { String::new() } else { name(id) },
        references: references.iter().map(name).collect(),
        from: vec![Address { name: String::new(), addr: format!("p{}@copfs.gov.example", uid % 3) }],
        subject: (*subject).into(),
        derived: Derived { content: *content, identifiers, ..Derived::default() }.write(),
        ..Summary::default()
    };
    Some((MailboxId(*mailbox), summary.into()))
}

/// A node: depth, or none for a second copy; the message, whether it conflicts, its cases.
type Shape = (Option<u16>, Option<(MessageKey, bool, Vec<(CaseId, String)>)>);

/// Everything that is known of the threads, sorted by what is in them.
fn shape(library: &mut Library) -> Vec<(Vec<Shape>, Brief)> {
    library.freshen();
    let mut threads: Vec<(Vec<Shape>, Brief)> = Vec::new();
    for &thread in &library.threads.order {
        let nodes = library.threads.nodes(thread).iter().map(|place| {
            let known = library.entry(place.entry).map(|entry| {
                assert_eq!(entry.thread, thread);
                (entry.key, library.is_conflicting(entry.key), library.cases_of(entry.key))
            });
            ((!place.is_copy()).then_some(place.depth), known)
        });
        let mut brief = *library.threads.table.get(thread).unwrap();
        if library.threads.odd.contains_key(&brief.id) {
            // Names without a Message-ID depend on what was there first.
            brief.id = ThreadId(0);
        }
        // Numbers depend on it, too.
        brief.subject = u32::try_from(library.texts.value(brief.subject).len()).unwrap();
        brief.people = brief.people.map(|number| u32::from(number != u32::MAX));
        brief.cases = u32::try_from(library.case_lists[brief.cases as usize].len()).unwrap();
        threads.push((nodes.collect(), brief));
    }
    threads.sort_by(|a, b| format!("{:?}", a.0).cmp(&format!("{:?}", b.0)));
    threads
}

/// What holds of the index however it came about.
fn check_order(library: &Library) {
    let keys: Vec<_> = library
        .threads
        .order
        .iter()
        .map(|at| library.threads.table.get(*at).unwrap())
        .map(|brief| std::cmp::Reverse((brief.newest, brief.id)))
        .collect();
    assert!(keys.is_sorted(), "{keys:?}");
    let mut names: Vec<_> = keys.iter().map(|key| key.0.1).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), keys.len(), "two threads of one name");
    for &thread in &library.threads.order {
        let id = library.threads.table.get(thread).unwrap().id;
        assert_eq!(library.thread(id), Some(thread), "a thread is found by its name");
    }
    assert_eq!(library.len(), library.all().count());
}

/// Whether an index that went through these steps is the one that is made of what is left.
fn compare(steps: &[Step]) {
    let mut bit_by_bit = library();
    let mut records: BTreeMap<MessageKey, (Record, u8)> = BTreeMap::new();
    for step in steps {
        match step {
            Step::Come(..) => {
                let (mailbox, record) = record(step).unwrap();
                bit_by_bit.insert(mailbox, &record);
                records.insert(MessageKey { mailbox, uid: record.summary.uid }, (record, 0));
            }
            Step::Go(mailbox, uid) => {
                let known = records.remove(&key(*mailbox, *uid)).is_some();
                assert_eq!(bit_by_bit.remove(key(*mailbox, *uid)), known);
            }
            Step::Flags(mailbox, uid, flags) => {
                bit_by_bit.set_flags(key(*mailbox, *uid), *flags, false);
                if let Some(known) = records.get_mut(&key(*mailbox, *uid)) {
                    known.1 = *flags;
                }
            }
            Step::Settle => bit_by_bit.rebuild(),
        }
    }
    bit_by_bit.rebuild();
    let mut at_once = library();
    for (key, (record, flags)) in &records {
        at_once.insert(key.mailbox, record);
        at_once.set_flags(*key, *flags, false);
    }
    at_once.rebuild();
    assert_eq!(shape(&mut bit_by_bit), shape(&mut at_once));
    check_order(&bit_by_bit);
    check_order(&at_once);
    let rows = |library: &mut Library| format!("{:?}", library.case_rows(jiff::Timestamp::UNIX_EPOCH));
    assert_eq!(rows(&mut bit_by_bit), rows(&mut at_once));
    for scope in [Scope::All, Scope::Unfiled, Scope::Case(CaseId("ferret".into()))] {
        let count = |library: &mut Library| library.thread_list(&scope).to_rows().len();
        assert_eq!(count(&mut bit_by_bit), count(&mut at_once));
    }
}

#[test]
fn what_is_told_anew_and_gone_at_once_takes_no_name_from_others() {
    let come = |mailbox, id, references| Step::Come(mailbox, 1, id, references, "", 0, 0, false);
    compare(&[come(1, 10, vec![]), come(2, 0, vec![]), Step::Settle, come(2, 0, vec![10]), Step::Go(2, 1)]);
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(400))]
    #[test]
    fn what_is_made_bit_by_bit_is_what_is_made_at_once(steps in proptest::collection::vec(step(), 0..60)) {
        compare(&steps);
    }
}
