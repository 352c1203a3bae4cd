//! The fictional people and cases of the tests, and an engine that knows nothing else.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{arc, sentence};
use crate::app::case_view::{AwaitingRow, CaseView, ChronologyRow, TriageRow};
use crate::app::document_view::{DocumentRow, Look};
use crate::app::effect::{Effect, FlagChange};
use crate::app::event::Event;
use crate::app::view::{
    AddressView, Assent, AssistRow, AttachmentRow, CaseRow, ConnectionRow, DraftRow, KeyRow, MessageRow, MessageView,
    Offer, OutboxRow, RecipientReview, RecipientRow, Review, Scope, ThreadRow, ThreadView, Tone,
};
use crate::app::{Identity, Settings};
use crate::case::template::{Facts, Template};
use crate::case::{Accused, Case, Jurisdiction, Patterns};
use crate::mail::address::Address;
use crate::mail::draft::Draft;
use crate::mail::id::{CaseId, DraftKey, MessageRef, OutboxId, ThreadId};
use crate::mail::safe::SafeText;
use crate::pgp::report::{Badge, Covers, OpenPgp, SignatureReport, SignatureState};

pub(super) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Thursday afternoon before the intermediate diet.
pub(super) fn now() -> Timestamp {
    time("2026-05-21T13:30:00Z")
}

pub(super) fn address(name: &str, addr: &str) -> Address {
    Address { name: name.to_owned(), addr: addr.to_owned() }
}

pub(super) fn isla() -> Address {
    address("Isla Thistledown", "i.thistledown@tg-law.example.cjsm.net")
}

pub(super) fn hamish() -> Address {
    address("Hamish Lintwhite", "h.lintwhite@copfs.gov.example")
}

fn rufus() -> Address {
    address("Rufus Vellum", "r.vellum@foxglove.example.cjsm.net")
}

pub(super) fn settings() -> Settings {
    Settings {
        identities: vec![Identity { account: "work".to_owned(), address: isla(), also: Vec::new() }],
        zone: TimeZone::get("Europe/London").unwrap(),
        save_directory: "~/matters".to_owned(),
        ..Settings::default()
    }
}

pub(super) fn safe(text: &str) -> SafeText {
    SafeText::line(text)
}

pub(super) fn shown(address: &Address, class: &'static str) -> AddressView {
    AddressView { text: safe(&format!("{} <{}>", address.name, address.addr)), class, address: address.clone() }
}

pub(super) fn message(uid: u32) -> MessageRef {
    MessageRef { account: "work".to_owned(), mailbox: "INBOX".to_owned(), uid_validity: 1_767_225_600, uid }
}

pub(super) const SEALED: Badge = Badge { encrypted: true, decrypted: true, signature: SignatureState::Good };

fn case(scope: Scope, title: &str, identifiers: &[&str], counts: (usize, usize), last: &str) -> CaseRow {
    CaseRow {
        scope,
        title: safe(title),
        identifiers: identifiers.iter().map(|one| safe(one)).collect(),
        messages: counts.1,
        unread: counts.0,
        last_date: Some(time(last)),
        ..CaseRow::all()
    }
}

fn thread(id: u64, subject: &str, people: &[&str], counts: (usize, usize), last: &str, openpgp: Badge) -> ThreadRow {
    ThreadRow {
        id: ThreadId(id),
        subject: safe(subject),
        participants: people.iter().map(|one| safe(one)).collect(),
        messages: counts.1,
        unread: counts.0,
        flagged: id == 2,
        attachments: id.is_multiple_of(2),
        last_date: time(last),
        openpgp,
        cases: vec![CaseId("ZZ26000417".to_owned())],
    }
}

fn row(uid: u32, depth: usize, from: &str, at: &str, seen: bool, openpgp: Badge) -> MessageRow {
    MessageRow {
        id: message(uid),
        depth,
        from: safe(from),
        subject: safe("PF v PUDDOCK: plea"),
        received: time(at),
        seen,
        flagged: false,
        answered: uid == 11,
        attachments: usize::from(uid == 12),
        openpgp,
        here: true,
        pending: false,
    }
}

/// What the engine would hold.
#[derive(Clone)]
pub(super) struct World {
    pub(super) cases: Vec<CaseRow>,
    pub(super) threads: Vec<ThreadRow>,
    pub(super) thread: ThreadView,
    pub(super) outbox: Vec<OutboxRow>,
    pub(super) drafts: Vec<DraftRow>,
    pub(super) connections: Vec<ConnectionRow>,
    pub(super) finding: Option<(Tone, &'static str)>,
    /// Which draft was reviewed last.
    pub(super) reviewed: Option<DraftKey>,
    /// Nothing can be kept.
    pub(super) full: bool,
    pub(super) assent: Assent,
    pub(super) keys: Vec<KeyRow>,
    pub(super) assistance: Vec<AssistRow>,
    /// Who may get what came encrypted only after their address was typed.
    pub(super) to_name: Vec<(String, bool)>,
    /// Messages are signed so, and not encrypted, and their header fields are not covered.
    pub(super) unprotected: Option<(SignatureState, Covers)>,
    pub(super) case: Option<Arc<CaseView>>,
    pub(super) triage: Vec<TriageRow>,
    pub(super) awaiting: Vec<AwaitingRow>,
    pub(super) chronology: Vec<ChronologyRow>,
    pub(super) documents: Vec<DocumentRow>,
    pub(super) look: Option<Arc<Look>>,
    pub(super) pleas: Vec<crate::plea::board::Row>,
    pub(super) plea: Option<Arc<crate::app::plea_view::NegotiationView>>,
}

impl Default for World {
    fn default() -> Self {
        let clear = Badge::default();
        Self {
            cases: vec![
                case(Scope::Unfiled, "In no case", &[], (1, 14), "2026-05-21T08:12:00Z"),
                case(
                    Scope::Case(CaseId("ZZ26000417".to_owned())),
                    "PF v Morag PUDDOCK",
                    &["ZZ26000417"],
                    (2, 9),
                    "2026-05-21T13:02:00Z",
                ),
                case(
                    Scope::Case(CaseId("ZZ26000533".to_owned())),
                    "PF v Gideon GANNET and Fenella STOAT",
                    &["ZZ26000533"],
                    (0, 31),
                    "2026-05-19T09:40:00Z",
                ),
                case(
                    Scope::Case(CaseId("99ZX0012326".to_owned())),
                    "R v Barnaby FERRET",
                    &["99ZX0012326", "26/99ZX/01/48151N"],
                    (0, 212),
                    "2026-03-05T16:20:00Z",
                ),
                case(
                    Scope::Case(CaseId("99QY0045626".to_owned())),
                    "R v Dilys OTTERBOURNE",
                    &["99QY0045626", "T20269001"],
                    (0, 57),
                    "2025-12-19T11:00:00Z",
                ),
                case(Scope::All, "All threads", &[], (3, 1_204), "2026-05-21T13:02:00Z"),
            ],
            threads: vec![
                thread(
                    1,
                    "PF v PUDDOCK: plea",
                    &["Hamish Lintwhite", "Isla Thistledown"],
                    (2, 4),
                    "2026-05-21T13:02:00Z",
                    SEALED,
                ),
                thread(
                    2,
                    "Disclosure schedule, ZZ26000417",
                    &["Sgt Pip Marlow"],
                    (0, 1),
                    "2026-05-20T15:30:00Z",
                    clear,
                ),
                thread(
                    3,
                    "Instructions from Ms Puddock 日本語 ok",
                    &["Rufus Vellum"],
                    (0, 3),
                    "2026-04-02T10:00:00Z",
                    Badge { encrypted: true, decrypted: false, signature: SignatureState::None },
                ),
                thread(
                    4,
                    "Legal aid: a subject that is far too long to fit into any column that a terminal could have, whatever its width may be, in all fairness",
                    &["Tess Inkwell"],
                    (0, 1),
                    "2025-11-30T10:00:00Z",
                    clear,
                ),
            ],
            thread: ThreadView {
                id: ThreadId(1),
                subject: safe("PF v PUDDOCK: plea"),
                cases: vec![(CaseId("ZZ26000417".to_owned()), safe("by PF reference in the subject"))],
                messages: vec![
                    row(10, 0, "Isla Thistledown", "2026-05-19T09:00:00Z", true, SEALED),
                    row(11, 1, "Hamish Lintwhite", "2026-05-20T16:45:00Z", true, SEALED),
                    row(12, 2, "Hamish Lintwhite", "2026-05-21T11:20:00Z", false, SEALED),
                    row(13, 2, "Rufus Vellum", "2026-05-21T13:02:00Z", false, clear),
                ],
            },
            connections: Vec::new(),
            outbox: vec![
                OutboxRow {
                    id: OutboxId(7),
                    to: safe("h.lintwhite@copfs.gov.example"),
                    subject: safe("Re: PF v PUDDOCK: plea"),
                    state: "deferred",
                    parts: None,
                    route: SafeText::default(),
                    recipients: vec![recipient(
                        "h.lintwhite@copfs.gov.example",
                        Tone::Warning,
                        "waits: 451 try again later",
                    )],
                    stranded: SafeText::default(),
                    doubt: None,
                    retryable: true,
                    attempts: 2,
                    next_attempt: Some(time("2026-05-21T13:45:00Z")),
                    reply: safe(
                        "Not sent yet. The server asked to try later, at a recipient: 451 4.3.0 try again later",
                    ),
                    queued: time("2026-05-21T13:10:00Z"),
                    cancellable: true,
                },
                OutboxRow {
                    id: OutboxId(6),
                    to: safe("r.vellum@foxglove.example.cjsm.net"),
                    subject: safe("Conference on Monday"),
                    state: "uncertain",
                    parts: None,
                    route: safe("gateway (cjsm-gateway.quillpounce.example)"),
                    recipients: vec![recipient("r.vellum@foxglove.example.cjsm.net", Tone::Alarm, "not known")],
                    stranded: SafeText::default(),
                    doubt: Some((
                        time("2026-05-20T10:00:05Z"),
                        Some(time("2026-05-20T10:00:30Z")),
                        safe("Sent, INBOX, Archive and 2 more"),
                    )),
                    retryable: false,
                    attempts: 1,
                    next_attempt: None,
                    reply: safe(""),
                    queued: time("2026-05-20T10:00:00Z"),
                    cancellable: true,
                },
                OutboxRow {
                    id: OutboxId(5),
                    to: safe("clerk@crown.example, h.lintwhite@copfs.gov.example, r.vellum@foxglove.example"),
                    subject: safe("Bundle"),
                    state: "sent",
                    parts: Some((2, 3)),
                    route: SafeText::default(),
                    recipients: vec![
                        recipient("clerk@crown.example", Tone::Good, "sent; a report says: delivered"),
                        recipient("h.lintwhite@copfs.gov.example", Tone::Good, "sent"),
                        recipient(
                            "r.vellum@foxglove.example",
                            Tone::Alarm,
                            "refused: 550 no such user (there is no such address)",
                        ),
                    ],
                    stranded: SafeText::default(),
                    doubt: None,
                    retryable: false,
                    attempts: 1,
                    next_attempt: None,
                    reply: safe("Sent to 2 of 3."),
                    queued: time("2026-05-19T10:00:00Z"),
                    cancellable: true,
                },
            ],
            drafts: Vec::new(),
            finding: None,
            reviewed: None,
            full: false,
            assent: Assent::Nothing,
            keys: super::keys::rows(),
            assistance: super::keys::assistance(),
            to_name: Vec::new(),
            unprotected: None,
            case: None,
            triage: Vec::new(),
            awaiting: Vec::new(),
            documents: Vec::new(),
            look: None,
            chronology: Vec::new(),
            pleas: Vec::new(),
            plea: None,
        }
    }
}

fn recipient(address: &str, tone: Tone, words: &str) -> RecipientRow {
    RecipientRow { address: safe(address), tone, words: safe(words) }
}

const LETTER: &str = "Dear Ms Thistledown,\n\nThe Crown would accept a plea to charge 1 (threatening or abusive behaviour, section 38) as libelled, and would seek no conviction on charges 2 and 3.\n\nThis offer stands until noon on Tuesday 26 May. It cannot be founded upon if it is not accepted.\n\nHamish Lintwhite\nProcurator Fiscal Depute, Kirkmirkle\n\nOn Tue 19 May 2026, Isla Thistledown wrote:\n> Ms Puddock instructs me to offer a plea of guilty to charge 1 under deletion of the words \"and did brandish\".\n>\n> > Is there room to resolve this before the intermediate diet?\n";

impl World {
    fn openpgp(&self, sealed: bool) -> OpenPgp {
        match self.unprotected {
            None => OpenPgp { encrypted: sealed, decrypted: sealed, ..OpenPgp::default() },
            Some((state, covers)) => {
                let signature = SignatureReport { state, covers, ..SignatureReport::default() };
                OpenPgp { signature, ..OpenPgp::default() }
            }
        }
    }

    pub(super) fn view(&self, id: &MessageRef) -> MessageView {
        let sealed = id.uid != 13;
        let from = if sealed { shown(&hamish(), "gov") } else { shown(&rufus(), "cjsm") };
        let lines: Arc<[SafeText]> = SafeText::block(LETTER).into();
        MessageView {
            id: id.clone(),
            message_id: format!("{}.puddock@copfs.gov.example", id.uid),
            from: vec![from],
            reply_to: Vec::new(),
            to: vec![shown(&isla(), "cjsm")],
            cc: if sealed { vec![shown(&rufus(), "cjsm")] } else { Vec::new() },
            subject: safe("Re: PF v PUDDOCK: plea"),
            sent: Some(time("2026-05-21T11:19:00Z")),
            received: time("2026-05-21T11:20:00Z"),
            sentences: if sealed {
                vec![
                    sentence(
                        Tone::Good,
                        "Encrypted to you, and signed in full by Hamish Lintwhite <h.lintwhite@copfs.gov.example>, whose key you accepted.",
                    ),
                    sentence(
                        Tone::Plain,
                        "Carried by a government domain; only claimed, not proven by the receiving server.",
                    ),
                ]
            } else {
                vec![
                    sentence(Tone::Plain, "Not encrypted and not signed."),
                    sentence(Tone::Plain, "Carried by CJSM; only claimed."),
                    sentence(
                        Tone::Warning,
                        "The name of the author looks like an address, and it is not the address the message came from.",
                    ),
                ]
            },
            unsigned: Vec::new(),
            openpgp: self.openpgp(sealed),
            text: Arc::clone(&lines),
            quotable: lines,
            readers: if sealed { vec![hamish().addr, rufus().addr].into() } else { Arc::default() },
            hidden_subject: sealed,
            attachments: if sealed {
                vec![
                    AttachmentRow {
                        path: "1.2".to_owned(),
                        name: safe("charges.pdf"),
                        media_type: safe("application/pdf"),
                        bytes: 48_213,
                        sealed: true,
                        ciphertext: false,
                        document: None,
                    },
                    AttachmentRow {
                        path: "1.3".to_owned(),
                        name: safe("summary of evidence.pdf"),
                        media_type: safe("application/pdf"),
                        bytes: 2_310_000,
                        sealed: true,
                        ciphertext: false,
                        document: None,
                    },
                ]
            } else {
                Vec::new()
            },
            references: vec!["10.puddock@copfs.gov.example".to_owned()],
            cases: vec![CaseId("ZZ26000417".to_owned())],
        }
    }

    fn mark(&mut self, which: impl Fn(&MessageRow) -> bool, change: FlagChange) {
        for row in self.thread.messages.iter_mut().filter(|row| which(row)) {
            match change {
                FlagChange::Seen(seen) => row.seen = seen,
                FlagChange::Flagged(flagged) => row.flagged = flagged,
                FlagChange::Deleted(_) | FlagChange::Answered(_) => {}
            }
        }
        let unread = self.thread.messages.iter().filter(|row| !row.seen).count();
        if let Some(row) = self.threads.first_mut() {
            row.unread = unread;
        }
    }

    pub(super) fn answer(&mut self, effect: &Effect) -> Vec<Event> {
        match effect {
            Effect::ListCases => vec![Event::Cases(arc(&self.cases))],
            Effect::ListThreads(scope) => vec![Event::Threads(scope.clone(), arc(&self.threads).into())],
            Effect::OpenThread(id, _) => {
                let mut view = self.thread.clone();
                view.id = *id;
                if id.0 == 3 {
                    view.messages.truncate(1);
                }
                vec![Event::Thread(*id, Some(Arc::new(view)))]
            }
            Effect::OpenMessage(id) => vec![Event::Message(id.clone(), Ok(Arc::new(self.view(id))))],
            Effect::UndoDeletion | Effect::Undo => vec![Event::Undone],
            Effect::MarkRead(name) => {
                self.mark(|row| row.id == *name, FlagChange::Seen(true));
                Vec::new()
            }
            Effect::ChangeFlags(which, change) => {
                self.mark(|row| which.contains(&row.id), *change);
                Vec::new()
            }
            Effect::ChangeThreadFlags(ThreadId(1), change) => {
                self.mark(|_| true, *change);
                Vec::new()
            }
            Effect::ListOutbox => vec![Event::Outbox(arc(&self.outbox))],
            Effect::ListKeys => vec![Event::Keys(arc(&self.keys))],
            Effect::Assist(_) => vec![Event::Assistance(arc(&self.assistance))],
            Effect::ListConnections => vec![Event::Connections(arc(&self.connections))],
            Effect::Complete(typed, _) => vec![Event::Completions(
                typed.clone(),
                vec![
                    "Hamish Lintwhite <h.lintwhite@copfs.gov.example>".to_owned(),
                    "Rufus Vellum <r.vellum@foxglove.example.cjsm.net>".to_owned(),
                ],
            )],
            Effect::ShowSource(id) => vec![Event::Source(
                id.clone(),
                Ok(SafeText::block("Return-Path: <h.lintwhite@copfs.gov.example>\nFrom: x\n\nbody").into()),
            )],
            Effect::KeepDraft(draft) => {
                let full = || sentence(Tone::Alarm, "The draft could not be kept: the disk is full.");
                vec![Event::DraftKept(draft.key, if self.full { Err(full()) } else { Ok(()) })]
            }
            Effect::Review(draft) => {
                self.reviewed = draft.key;
                let mut recipients = Vec::new();
                for (field, list) in [("To", &draft.to), ("Cc", &draft.cc), ("Bcc", &draft.bcc)] {
                    recipients.extend(list.iter().map(|to| {
                        RecipientReview {
                            field,
                            address: shown(to, "gov"),
                            key: sentence(Tone::Good, "Key 0A1B 2C3D, accepted on 3 March 2026."),
                            route: to
                                .addr
                                .ends_with(".cjsm.net")
                                .then(|| safe("By gateway (cjsm-gateway.quillpounce.example).")),
                        }
                    }));
                }
                vec![Event::Reviewed(Ok(Arc::new(Review {
                    token: 41,
                    from: safe(&isla().addr),
                    recipients,
                    subject: safe(&draft.subject),
                    outside: Some(safe("[...]")),
                    to_name: self.to_name.clone(),
                    protection: sentence(Tone::Good, "Will be signed by you and encrypted to every recipient."),
                    findings: self.finding.iter().map(|(tone, text)| sentence(*tone, text)).collect(),
                    forbidden: self
                        .finding
                        .iter()
                        .find(|(tone, _)| *tone == Tone::Alarm && self.assent == Assent::Nothing)
                        .map(|(_, text)| safe(text)),
                    assent: self.assent,
                    text: SafeText::block(&draft.body).into(),
                    attachments: Vec::new(),
                    bytes: 3_204,
                    parts: Vec::new(),
                    is_large: false,
                })))]
            }
            Effect::OfferTemplates(case) => {
                let mut record = Case::new(case.clone(), "R v WEASEL", Jurisdiction::EnglandWales);
                record.identifiers = vec![Patterns::new(&[]).unwrap().read("99ZX0012327")];
                record.accused = vec![Accused { number: 1, name: "Silas WEASEL".into(), born: None }];
                let own = ("Isla Thistledown", "Thistledown & Gorse");
                let offers = Template::built_in().into_iter().filter(|one| !one.chases()).map(|template| Offer {
                    title: safe(&template.title),
                    facts: Facts::of(&record, own, now())
                        .with("court", "Ambleford MC")
                        .with("hearing", "Fri 6 Mar 2026"),
                    template,
                    question: None,
                    to: vec![address("CPS Mudshire", "ambleford.mags@cps.gov.example")],
                });
                vec![Event::Offered(case.clone(), offers.collect::<Vec<_>>().into())]
            }
            Effect::ShowCase(id) => vec![Event::Case(id.clone(), self.case.clone())],
            Effect::ListTriage => vec![Event::Triage(arc(&self.triage))],
            Effect::ListAwaiting => vec![Event::Awaiting(arc(&self.awaiting))],
            Effect::ListDocuments(scope) => {
                vec![Event::Documents(scope.clone(), arc(&self.documents), Some(Jurisdiction::EnglandWales))]
            }
            Effect::Look(document) => {
                self.look.iter().map(|look| Event::Looked(document.sha256.clone(), Ok(Arc::clone(look)))).collect()
            }
            Effect::ListPleas => vec![Event::Pleas(arc(&self.pleas))],
            Effect::ShowPlea(case, _) => {
                let shown = self.plea.clone().ok_or_else(|| safe("There is none."));
                vec![Event::Plea(case.clone(), shown)]
            }
            Effect::ShowChronology(id) => vec![Event::Chronology(id.clone(), arc(&self.chronology))],
            Effect::ListDrafts => vec![Event::Drafts(arc(&self.drafts))],
            Effect::TakeUpDraft(id) => {
                let found = self.drafts.iter().position(|row| row.id == *id).map(|at| self.drafts.remove(at));
                let draft = found.map(|row| {
                    Box::new(Draft {
                        subject: row.subject.to_string(),
                        body: format!("The text of draft {}.", row.id),
                        ..Draft::default()
                    })
                });
                vec![
                    Event::DraftTaken(draft.ok_or_else(|| sentence(Tone::Warning, "That draft is gone."))),
                    Event::Drafts(arc(&self.drafts)),
                ]
            }
            Effect::Confirm(..) => {
                vec![Event::Queued(self.reviewed, Ok(sentence(Tone::Good, "In the outbox; on its way.")))]
            }
            _ => Vec::new(),
        }
    }
}
