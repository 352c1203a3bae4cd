//! Cases for the screen and for commands: what the register and the index know of them together, and what people write into it.
//!
//! A case may be written down in the register, in the configuration, or nowhere: then mail names its number. The first change of one that is not in the
//! register opens it there, with what was known; nothing that a configuration says is ever taken out of it by that.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::announce::sentence;
use super::core::{Core, EngineError, Open};
use super::library::filing::name_digest;
use super::register::{Hand, NOBODY, Recorder, device_words};
use crate::app::case_view::{AwaitingRow, CaseView, ChronologyRow, Source};
use crate::app::event::Event;
use crate::app::forms::Opening;
use crate::app::view::{Sentence, Tone};
use crate::case::{Accused, Awaiting, AwaitingId, Case, Identifier, Jurisdiction, MessageName, Style, chase};
use crate::mail::id::{CaseId, MessageKey, MessageRef};
use crate::mail::safe::SafeText;
use crate::register::record::Digest;
use crate::register::{self, CaseChange};

/// Threads filed anew between two other jobs.
const REFILE_CHUNK: usize = 4_000;

/// Why some mail cannot be filed by hand.
const SAME_ID: &str = "another message under the same Message-ID says something else: nothing tells them apart for ever, so that neither can be filed by hand";

impl Core {
    /// What is known of a case; nothing where no message, no configuration and no register knows of it.
    ///
    /// # Errors
    /// The register cannot be read.
    pub(crate) fn case_view(&self, open: &mut Open, id: &CaseId) -> Result<Option<CaseView>, EngineError> {
        let Some((case, source)) = known(open, id)? else { return Ok(None) };
        let (messages, unread) = open.library.case_counts(id);
        if source == Source::Mail && messages == 0 {
            return Ok(None);
        }
        let clocks = self.clocks_of_case(&case);
        let filed = open.library.filed_by(id);
        Ok(Some(CaseView { case, source, clocks, messages, unread, filed }))
    }

    /// The clocks that run in a case, in words.
    fn clocks_of_case(&self, case: &Case) -> Vec<Sentence> {
        let now = self.now();
        let mut clocks = Vec::new();
        if let Some(hearing) = case.next_hearing(now) {
            let start = hearing.at.start().map(|start| start.timestamp());
            let ahead = start.map(|start| start.duration_since(now)).unwrap_or_default();
            let hours = ahead.as_hours();
            let far = match hours {
                ..0 => "today".to_owned(),
                0..48 => format!("in {hours} hours"),
                _ => format!("in {} days", hours / 24),
            };
            let tone = if hours < 48 { Tone::Warning } else { Tone::Plain };
            let words = format!("next: {} {far}, {}, {}", hearing.kind.words(), hearing.at, hearing.court);
            clocks.push(sentence(tone, words.trim_end_matches(", ")));
        }
        let due = case.outstanding().into_iter().filter(|one| one.is_due(now)).count();
        if due > 0 {
            let what = if due == 1 { "1 answer is".to_owned() } else { format!("{due} answers are") };
            clocks.push(sentence(Tone::Warning, &format!("{what} due to be chased")));
        }
        clocks
    }

    /// Answers that are waited for in all cases that are not closed, the earliest due first.
    ///
    /// # Errors
    /// The register cannot be read.
    pub(crate) fn awaiting_rows(&self, open: &Open) -> Result<Vec<AwaitingRow>, EngineError> {
        let now = self.now();
        let book = book(open)?;
        let mut rows: Vec<AwaitingRow> = Vec::new();
        for case in book.cases() {
            for awaiting in case.outstanding() {
                let calendar = &self.settings.config.calendar;
                let age = match chase::age(awaiting, now, case.jurisdiction, calendar).unwrap_or_default() {
                    0 => "less than a business day ago".to_owned(),
                    1 => "1 business day ago".to_owned(),
                    days => format!("{days} business days ago"),
                };
                rows.push(AwaitingRow {
                    case: case.id.clone(),
                    title: open.library.case_words(&case.id).0,
                    awaiting: awaiting.clone(),
                    age: SafeText::line(&age),
                });
            }
        }
        rows.sort_by_key(|row| row.awaiting.due);
        Ok(rows)
    }

    /// An answer is there when somebody else has answered the message: that is written down once, with the time at which it came.
    fn note_answers(&mut self, open: &mut Open) -> Result<(), EngineError> {
        let mut events = Vec::new();
        for case in book(open)?.cases() {
            for awaiting in case.outstanding() {
                if let Some((message_id, at)) = answer_to(open, &awaiting.message_id, awaiting.sent) {
                    let change = CaseChange::Answered { id: awaiting.id.clone(), at, message_id };
                    events.push(register::Event::Case { case: case.id.clone(), change });
                }
            }
        }
        if events.is_empty() { Ok(()) } else { self.record(open, &events) }
    }

    /// Notes that an answer to a message is waited for, in the case that it is filed to.
    ///
    /// # Errors
    /// It is filed to no case, it is gone, or the state store cannot be written.
    pub(crate) fn await_answer(
        &mut self,
        open: &mut Open,
        name: &MessageRef,
        what: &str,
        due: Date,
    ) -> Result<String, EngineError> {
        let key = open.library.key(name).ok_or_else(|| EngineError::NoMessage(name.to_string()))?;
        let no_case = || EngineError::Refused("it is filed to no case: file it first".to_owned());
        let (case, _) = open.library.cases_of(key).into_iter().next().ok_or_else(no_case)?;
        let message_id = self.message_name(open, key)?.message_id;
        if message_id.is_empty() {
            return Err(EngineError::Refused(
                "it has no Message-ID, so that no answer could be told from any other mail; note in the case what you wait for".to_owned(),
            ));
        }
        let summary = open.stores.cache.summary(key)?.unwrap_or_default();
        let sent = summary.sent.unwrap_or(summary.received);
        let due = due.to_zoned(self.settings.zone.clone()).map_err(|error| EngineError::BadData(error.to_string()))?;
        let awaiting = Awaiting {
            id: AwaitingId(message_id.clone()),
            what: what.to_owned(),
            to: summary.to.iter().map(|to| to.addr.clone()).collect(),
            message_id,
            sent: Timestamp::from_second(sent).unwrap_or_default(),
            due: due.timestamp(),
            chased: Vec::new(),
            answered: None,
        };
        let words = format!("An answer is awaited: {}.", SafeText::line(what));
        self.change_case(open, &case, vec![CaseChange::Awaiting(awaiting)])?;
        Ok(words)
    }

    pub(super) fn send_case(&self, open: &mut Open, id: CaseId) {
        let view = self.case_view(open, &id).unwrap_or_else(|error| {
            self.complain(&error);
            None
        });
        self.announcer.send(Event::Case(id, view.map(Arc::new)));
    }

    /// Sends the answers that are waited for; those that have come meanwhile are written down as answered first.
    pub(super) fn send_awaiting(&mut self, open: &mut Open) {
        let answered = self.note_answers(open);
        if let Err(error) = answered {
            self.complain(&error);
        }
        match self.awaiting_rows(open) {
            Ok(rows) => self.announcer.send(Event::Awaiting(rows.into())),
            Err(error) => self.complain(&error),
        }
    }

    /// What happened in a case; what came since somebody last looked is written down first. It reads messages, so it is done beside the core.
    pub(super) fn send_chronology(&self, open: &Open, id: CaseId) {
        let recorder = Recorder::of(self, open, Some(&id), false);
        let (register, stores) = (open.register.clone(), Arc::clone(&open.stores));
        let (announcer, core) = (self.announcer.clone(), self.handle.clone());
        let (keyring, now) = (open.keyring.now(), self.now());
        self.runtime.spawn_blocking(move || {
            let recorded = recorder.map_or(Ok(0), |recorder| recorder.write());
            let lines = recorded.and_then(|_| register.chronology(&stores, &id));
            let lines = lines.and_then(|lines| Ok((lines, register.with(|loaded| loaded.book())?)));
            match lines {
                Ok((lines, book)) => {
                    let devices = device_words(&book, &keyring, now);
                    let row = |line: &register::chronology::Line| {
                        chronology_row(line, devices.get(&line.device).map_or(NOBODY, String::as_str))
                    };
                    let rows: Vec<ChronologyRow> = lines.iter().map(row).collect();
                    announcer.send(Event::Chronology(id, rows.into()));
                }
                Err(error) => core.front(move |core| core.complain(&error)),
            }
        });
    }

    /// Writes into the register; what it decides is decided anew.
    pub(crate) fn record(&mut self, open: &mut Open, events: &[register::Event]) -> Result<(), EngineError> {
        let keyring = open.keyring.now();
        let hand = Hand { stores: &open.stores, settings: &self.settings, keyring: &keyring };
        open.register.append(&hand, events)?;
        self.register_changed(open);
        Ok(())
    }

    /// Writes what happened in a case, opening it in the register first where it is not there.
    pub(crate) fn record_in_case(
        &mut self,
        open: &mut Open,
        case: &CaseId,
        event: register::Event,
    ) -> Result<(), EngineError> {
        let mut events = opened(open, case)?;
        events.push(event);
        self.record(open, &events)
    }

    /// The name of a message that outlives mailboxes.
    pub(super) fn message_name(&self, open: &Open, key: MessageKey) -> Result<MessageName, EngineError> {
        let gone = || EngineError::Refused("that message is gone".to_owned());
        let summary = open.stores.cache.summary(key)?.ok_or_else(gone)?;
        // A text that is not here yet leaves the digest open; what is decided goes by the Message-ID.
        let digest = open.stores.cache.raw(key)?.map(|raw| Digest::of(&raw).0).unwrap_or_default();
        let name = MessageName { message_id: summary.message_id, digest };
        // One without a Message-ID goes by the digest of its bytes.
        if name.message_id.is_empty() && open.library.message_id_hash(key) != Some(name_digest(&name)) {
            return Err(EngineError::Refused(
                "this message has no Message-ID, and goes by the digest of its bytes, which are not here: open it first".to_owned(),
            ));
        }
        Ok(name)
    }

    /// Tells the screen how writing into the register went.
    pub(super) fn tell_recorded(&self, done: Result<String, EngineError>) {
        let told = match done {
            Ok(words) if words.is_empty() => return,
            Ok(words) => Ok(sentence(Tone::Good, &words)),
            Err(error) => Err(sentence(Tone::Alarm, &format!("Nothing was written: {error}"))),
        };
        self.announcer.send(Event::Recorded(told));
    }

    /// What opens a case in the register; nothing where it is there.
    #[expect(clippy::unused_self, reason = "whoever asks holds the core")]
    pub(super) fn opening_events(&self, open: &Open, id: &CaseId) -> Result<Vec<register::Event>, EngineError> {
        opened(open, id)
    }

    /// Writes changes of a case, opening it in the register first where it is not there.
    pub(crate) fn change_case(
        &mut self,
        open: &mut Open,
        id: &CaseId,
        changes: Vec<CaseChange>,
    ) -> Result<String, EngineError> {
        let mut events = opened(open, id)?;
        events.extend(changes.into_iter().map(|change| register::Event::Case { case: id.clone(), change }));
        let written = events.len();
        self.record(open, &events)?;
        Ok(if written == 1 {
            "Written into the register.".to_owned()
        } else {
            format!("{written} entries written into the register.")
        })
    }

    /// Reads a number by the grammars and adds it to a case; says what is odd about it, and which case has it already.
    pub(crate) fn add_number(&mut self, open: &mut Open, id: &CaseId, text: &str) -> Result<String, EngineError> {
        let identifier = open.library.book().patterns().read(text);
        let warning = identifier.warning.clone();
        let others: Vec<CaseId> = open
            .library
            .book()
            .cases_of(&identifier)
            .into_iter()
            .filter(|case| *case != *id && case.0 != identifier.value)
            .collect();
        let words = format!("{} {} added", identifier.kind.words(), identifier.value);
        self.change_case(open, id, vec![CaseChange::IdentifierAdded(identifier)])?;
        let warning = warning.map(|warning| format!("; {warning}")).unwrap_or_default();
        let shared = match others.first() {
            Some(other) => {
                format!("; it leads to {} too: mail that names it is shared", open.library.case_words(other).0)
            }
            None => String::new(),
        };
        Ok(format!("{words}{warning}{shared}."))
    }

    /// Opens a case, and files messages to it. A number that another case has is refused: two cases under one number share all their mail.
    ///
    /// # Errors
    /// Such a number, a message that is not here, or the state store cannot be written.
    pub(crate) fn open_case(&mut self, open: &mut Open, opening: Opening) -> Result<CaseId, EngineError> {
        let book = book(open)?;
        let patterns = open.library.book().patterns().clone();
        let identifiers: Vec<Identifier> = opening.numbers.iter().map(|text| patterns.read(text)).collect();
        for identifier in &identifiers {
            let known = book.cases().find(|case| case.identifiers.iter().any(|one| one.value == identifier.value));
            if let Some(known) = known {
                return Err(EngineError::Refused(format!(
                    "{} belongs to {} already",
                    identifier.value,
                    SafeText::line(&known.title)
                )));
            }
        }
        let title = match (opening.title.as_str(), identifiers.first()) {
            ("", Some(first)) => open.library.case_words(&CaseId(first.value.clone())).0.to_string(),
            (title, _) => title.to_owned(),
        };
        let id = unused_case_id(open, &book, &identifiers, &title);
        let mut changes = vec![CaseChange::Opened { title, jurisdiction: opening.jurisdiction }];
        changes.extend(identifiers.into_iter().map(CaseChange::IdentifierAdded));
        if !opening.client.trim().is_empty() {
            changes.push(CaseChange::Accused(Accused {
                number: 1,
                name: opening.client.trim().to_owned(),
                born: None,
            }));
        }
        let mut events: Vec<register::Event> =
            changes.into_iter().map(|change| register::Event::Case { case: id.clone(), change }).collect();
        events.extend(self.filed_events(open, &opening.messages, std::slice::from_ref(&id))?);
        self.record(open, &events)?;
        Ok(id)
    }

    /// Writes into the register where messages belong; to no case: that they are not one.
    pub(crate) fn file_messages(
        &mut self,
        open: &mut Open,
        names: &[MessageRef],
        cases: &[CaseId],
    ) -> Result<usize, EngineError> {
        let mut events = Vec::new();
        for case in cases {
            events.extend(opened(open, case)?);
        }
        let filed = self.filed_events(open, names, cases)?;
        let count = filed.len();
        events.extend(filed);
        self.record(open, &events)?;
        Ok(count)
    }

    fn filed_events(
        &self,
        open: &Open,
        names: &[MessageRef],
        cases: &[CaseId],
    ) -> Result<Vec<register::Event>, EngineError> {
        let because = "by hand".to_owned();
        // What is decided goes by the Message-ID: of what shares one and says something else it would be said to be done, and hold for neither.
        let is_apart = |name: &&MessageRef| open.library.key(name).is_none_or(|key| !open.library.is_conflicting(key));
        if !names.is_empty() && !names.iter().any(|name| is_apart(&name)) {
            return Err(EngineError::Refused(SAME_ID.to_owned()));
        }
        names
            .iter()
            .filter(is_apart)
            .map(|name| {
                let key = open.library.key(name).ok_or_else(|| EngineError::NoMessage(name.to_string()))?;
                let message = self.message_name(open, key)?;
                // What a stranger claims to belong to a thread drags nothing after it.
                let whole_thread = open.library.filing_doubt(key).is_none();
                Ok(if cases.is_empty() {
                    register::Event::NotACase { message, because: because.clone(), whole_thread }
                } else {
                    let cases = cases.to_vec();
                    register::Event::Filed { message, cases, because: because.clone(), by_hand: true, whole_thread }
                })
            })
            .collect()
    }

    /// Takes back what was decided about messages; those that nothing was decided about stay as they are. Gives how many there were.
    pub(crate) fn take_back(&mut self, open: &mut Open, names: &[MessageRef]) -> Result<usize, EngineError> {
        let mut events = Vec::new();
        for name in names {
            let key = open.library.key(name).ok_or_else(|| EngineError::NoMessage(name.to_string()))?;
            if !open.library.is_decided(key) {
                continue;
            }
            let message = self.message_name(open, key)?;
            let cases = open.library.filed_to(key).into_iter().map(|filed| filed.case).collect();
            events.push(register::Event::Undecided { message, cases, because: "by hand".to_owned() });
        }
        self.record(open, &events)?;
        Ok(events.len())
    }

    /// The register says something else than before: what it decides is decided anew, beside what people wait for.
    pub(crate) fn register_changed(&mut self, open: &mut Open) {
        let Ok((register, changes)) = open.register.with(|loaded| (loaded.book(), loaded.changes())) else { return };
        let book = self.settings.book_by(&open.rules).with_register(&register).dated(changes);
        if open.library.set_book(book) {
            self.refile_on(open);
        }
        self.tell_key_ends(open);
        self.mark_changed();
    }

    fn refile_on(&mut self, open: &mut Open) {
        if !open.library.refile(REFILE_CHUNK) {
            self.handle.front_of(open.number, Self::refile_on);
        }
        self.mark_changed();
    }
}

/// Who has answered a message, if not its author: the Message-ID of the answer and when it came.
fn answer_to(open: &Open, message_id: &str, sent: Timestamp) -> Option<(String, Timestamp)> {
    let asked = *open.library.with_message_id(message_id).first()?;
    let after = |key: &MessageKey| open.library.received(*key).is_some_and(|at| at >= sent.as_second());
    let keys = open.library.thread_keys(open.library.thread_of(asked)?);
    let mut answers: Vec<(i64, String)> = keys
        .into_iter()
        .filter(|key| *key != asked && after(key))
        .filter_map(|key| open.stores.cache.summary(key).ok().flatten())
        .filter(|summary| {
            let answers = summary.in_reply_to.iter().chain(&summary.references).any(|id| id == message_id);
            answers && !summary.from.iter().any(|from| open.library.book().owns(&from.addr))
        })
        .map(|summary| (summary.received, summary.message_id))
        .collect();
    answers.sort();
    let (at, id) = answers.into_iter().next()?;
    Some((id, Timestamp::from_second(at).ok()?))
}

/// The case book.
fn book(open: &Open) -> Result<Arc<register::Book>, EngineError> {
    open.register.with(|loaded| loaded.book())
}

/// The number that a case is known by; else its title. Never one that is taken.
fn unused_case_id(open: &Open, book: &register::Book, identifiers: &[Identifier], title: &str) -> CaseId {
    let main = identifiers.iter().find(|one| one.kind.names_a_case()).or(identifiers.first());
    let stem = main.map_or_else(|| title.trim().to_owned(), |one| one.value.clone());
    let is_free = |id: &CaseId| book.case(id).is_none() && open.library.book().configured(id).is_none();
    let first = CaseId(stem.clone());
    if is_free(&first) {
        return first;
    }
    (2_u32..).map(|n| CaseId(format!("{stem}-{n}"))).find(is_free).unwrap_or(first)
}

/// What is known of a case, and where that is written; nothing where its number names no case.
fn known(open: &Open, id: &CaseId) -> Result<Option<(Case, Source)>, EngineError> {
    if let Some(case) = book(open)?.case(id) {
        return Ok(Some((case.clone(), Source::Register)));
    }
    let (title, identifiers) = open.library.case_words(id);
    let law = law_of(title.as_str(), &identifiers);
    let mut case = Case::new(id.clone(), title.to_string(), law);
    case.identifiers = identifiers;
    let source = if open.library.book().configured(id).is_some() { Source::Config } else { Source::Mail };
    Ok(Some((case, source)))
}

/// What a title and numbers tell of the law.
fn law_of(title: &str, identifiers: &[Identifier]) -> Jurisdiction {
    use crate::case::Kind;
    let scots = |one: &Identifier| matches!(one.kind, Kind::PfReference | Kind::HighCourtAppeal | Kind::Scro);
    match Style::of(title) {
        Some(style) => style.jurisdiction(),
        None if identifiers.iter().any(scots) => Jurisdiction::Scotland,
        None => Jurisdiction::EnglandWales,
    }
}

/// What opens a case in the register; nothing where it is there.
fn opened(open: &Open, id: &CaseId) -> Result<Vec<register::Event>, EngineError> {
    if book(open)?.case(id).is_some() {
        return Ok(Vec::new());
    }
    let (case, _) = known(open, id)?.ok_or_else(|| EngineError::Refused(format!("there is no case {id}")))?;
    let mut changes = vec![CaseChange::Opened { title: case.title, jurisdiction: case.jurisdiction }];
    changes.extend(case.identifiers.into_iter().map(CaseChange::IdentifierAdded));
    Ok(changes.into_iter().map(|change| register::Event::Case { case: id.clone(), change }).collect())
}

/// A line of the chronology for the screen.
fn chronology_row(line: &register::chronology::Line, device: &str) -> ChronologyRow {
    let mut facts: Vec<String> = Vec::new();
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            facts.push(format!("{name}: {value}"));
        }
    };
    fact("by", line.actor.to_string());
    fact("device", device.to_owned());
    fact("Message-ID", line.message_id.clone());
    fact("SHA-256", line.sha256.map(|digest| digest.to_string()).unwrap_or_default());
    fact("because", line.reason.clone());
    fact("service", line.deemed_service.clone());
    for to in &line.recipients {
        fact("server", format!("{}: {} {}", to.address, to.outcome, to.reply));
    }
    if let Some(tls) = &line.tls {
        fact("TLS", format!("{} {} with {}, certificate {}", tls.version, tls.cipher, tls.server, tls.certificate));
    }
    for file in &line.attachments {
        fact("file", format!("{} ({} bytes, SHA-256 {})", file.name, file.bytes, file.sha256));
    }
    for finding in &line.findings {
        fact("guard", format!("{} {}: {}", finding.recipient, finding.code, finding.because));
    }
    fact("record", format!("{}/{}, {}", line.device, line.seq, line.hash));
    ChronologyRow {
        place: SafeText::line(&format!("{}/{}", line.device, line.seq)),
        at: line.at,
        words: SafeText::line(&line.words),
        facts: facts.iter().map(|fact| SafeText::line(fact)).collect(),
    }
}
