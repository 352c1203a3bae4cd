//! Material that was not meant for us: kept shut, put out of reach, taken back.
//!
//! The order matters and never changes. First the register says who put what out of reach and when, durably; then the message is sealed under a
//! key of its own and leaves the cache; then a notice to its sender is drafted, which a person sends or does not. A document on the
//! watch list is shut before anybody decided anything: there is no view of it that could come before the record. Whoever opens one again
//! gives a reason, which is written down before anything is shown.

mod sealed;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Engine;
use super::announce::sentence;
use super::ask::on_deep_stack;
use super::core::{Core, EngineError, Open};
use super::documents::kept;
use super::ingest::header_of;
use super::inside::{
    Judged, attachment, digest_of, is_unseen, is_within, judge, may_be_package, reach_of_plain, taken_in,
};
use super::reading::{Look, Reading};
use super::register::{Recorder, files_of};
use super::streamed::{Kept, Streamed, unreadable};
use crate::app::event::Event;
use crate::app::view::Tone;
use crate::case::MessageName;
use crate::case::document::{Direction, Document, Kinds, Reach, Unseen};
use crate::mail::address::Address;
use crate::mail::display::AttachmentInfo;
use crate::mail::draft::Draft;
use crate::mail::headers::Headers;
use crate::mail::id::{CaseId, MessageKey, MessageRef};
use crate::mail::message::Message;
use crate::mail::safe::file_name;
use crate::pgp::large::Plain;
use crate::pgp::open::Decrypt;
use crate::register::Event as Happened;
use crate::register::book::Book;
use crate::register::event::{AttachmentFacts, MessageFacts, Payload};
use crate::register::record::Digest;
use crate::store::mailbox::SpecialUse;

pub(crate) use sealed::{follow, keep_out, keep_out_fetched, keep_out_streamed};

/// What a notice says; `{}` is where the names of the files stand.
const NOTICE: &str = include_str!("quarantine/notice.txt");

/// Parts of a message that are shut, by their place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shut {
    /// Each with its name, or, where it is in quarantine, with its section number: nothing says the name then.
    pub(crate) parts: Vec<(usize, String, Reach)>,
    /// What was decided of each of them, and why.
    judged: HashMap<usize, Judged>,
    /// Parts of messages that are attached and shut, each with the part that is shut for it.
    within: HashMap<usize, usize>,
    /// All of it.
    pub(crate) whole: bool,
    /// It is a message of our own.
    pub(crate) is_own: bool,
    kinds: Option<Kinds>,
}

impl Shut {
    /// The rules that say what a document is.
    pub(crate) fn kinds(&self) -> Kinds {
        self.kinds.clone().unwrap_or_default()
    }

    /// Whether a part may be looked at.
    pub(crate) fn reach(&self, part: usize) -> Reach {
        if self.whole {
            return Reach::Quarantined;
        }
        let outer = self.within.get(&part).unwrap_or(&part);
        self.parts.iter().find(|(place, ..)| place == outer).map_or(Reach::Open, |(_, _, reach)| *reach)
    }

    /// What was decided of an attachment.
    pub(crate) fn judged(&self, part: usize) -> Judged {
        if self.whole {
            return Judged { reach: Reach::Quarantined, ..Judged::default() };
        }
        self.judged.get(&part).cloned().unwrap_or_default()
    }

    /// Why a part is not handed out, in words; `None`: it is.
    pub(crate) fn refusal(&self, part: usize) -> Option<String> {
        if self.whole {
            return Some("This message is in quarantine: nothing of it is shown, saved or sent.".to_owned());
        }
        let outer = self.within.get(&part).unwrap_or(&part);
        let (_, name, reach) = self.parts.iter().find(|(place, ..)| place == outer)?;
        if let Some(unseen) =
            self.judged.get(outer).and_then(|judged| judged.unseen).filter(|_| *reach == Reach::Watched)
        {
            return Some(format!(
                "\u{201c}{name}\u{201d} is not opened: {}. Release it with a reason.",
                unseen.words()
            ));
        }
        Some(match reach {
            Reach::Quarantined => format!("Part {name} is in quarantine: it is not shown, saved or sent."),
            _ => format!(
                "\u{201c}{name}\u{201d} may not be meant for you: it is not opened. Put it into quarantine, or release it with a reason."
            ),
        })
    }

    /// What is told above a message.
    pub(crate) fn banners(&self) -> Vec<String> {
        if self.whole {
            return vec!["This message is in quarantine: its text and files are out of reach.".to_owned()];
        }
        let unseen = |part: &usize| self.judged.get(part).and_then(|judged| judged.unseen);
        let banner = |(part, name, reach): &(usize, String, Reach)| match reach {
            Reach::Watched if unseen(part).is_some() => format!(
                "Not looked through: {name}: {}. It is not opened; what is in it may not be meant for you. Release it with a reason.",
                unseen(part).map(Unseen::words).unwrap_or_default()
            ),
            Reach::Quarantined => format!("In quarantine: part {name}. It is not shown, searched or exported."),
            _ => format!(
                "Possible mis-service: {name} is not normally served on the defence. Stop reading; it is not opened. \
                 Put it into quarantine, and ask a supervisor."
            ),
        };
        self.parts.iter().map(banner).collect()
    }
}

impl Reading {
    /// Takes out of the text what is shut. Whoever hands out a part asks [`Shut::refusal`].
    pub(crate) fn shut(&mut self, book: &Book, kinds: &Kinds, is_own: bool) {
        let headers = self.headers();
        let outer = self.message.headers();
        let message_id = headers.message_id().or_else(|| outer.message_id()).unwrap_or_default();
        let digest = self.digest().0;
        let facts = MessageFacts { message: MessageName { message_id, digest }, ..MessageFacts::default() };
        let direction = if is_own { Direction::Out } else { Direction::In };
        // What is in a ciphertext that stays closed cannot be told from what is out of reach under the same name.
        let untold = self.is_closed() && book.names_quarantined(&facts.message);
        let mut shut = Shut {
            whole: untold || book.is_message_quarantined(&facts.message),
            is_own,
            kinds: Some(kinds.clone()),
            ..Shut::default()
        };
        for (info, group) in self.body.attachments.iter().zip(self.files()) {
            let judged = judge(book, None, kinds, group, direction);
            let name = file_name(&info.name);
            match judged.reach {
                Reach::Open => {}
                Reach::Watched if judged.because.is_empty() => shut.parts.push((info.part, name, Reach::Watched)),
                Reach::Watched => {
                    shut.parts.push((info.part, format!("{} in {name}", judged.because), Reach::Watched));
                }
                Reach::Quarantined => shut.parts.push((info.part, info.path.clone(), Reach::Quarantined)),
            }
            if judged.reach != Reach::Open {
                shut.within.extend(parts_within(&self.opened.shown, info.part).map(|part| (part, info.part)));
            }
            shut.judged.insert(info.part, judged);
        }
        if shut.whole {
            self.body.sections.clear();
        } else {
            self.body.sections.retain(|section| !shut.parts.iter().any(|(part, ..)| *part == section.part));
        }
        let is_named = |part: &Option<usize>| part.is_none_or(|part| shut.reach(part) != Reach::Quarantined);
        self.beside.sentences.retain(|(part, ..)| is_named(part));
        self.shut = shut;
    }

    /// The attachments that may not be handed out, by their places; `None` where nothing may. What is shut was found out by [`Self::shut`].
    fn kept_back(&self) -> Option<Vec<(String, Reach)>> {
        let reach = |info: &AttachmentInfo| (info.path.clone(), self.shut.reach(info.part));
        let all = || self.body.attachments.iter().map(reach).filter(|(_, reach)| *reach != Reach::Open).collect();
        (!self.shut.whole).then(all)
    }
}

/// The parts of a message that is attached.
fn parts_within(message: &Message, part: usize) -> impl Iterator<Item = usize> {
    let children = |place: usize| message.parts().get(place).map(|part| part.children.as_slice()).unwrap_or_default();
    let mut left = children(part).to_vec();
    std::iter::from_fn(move || {
        let next = left.pop()?;
        left.extend(children(next));
        Some(next)
    })
}

/// Whether a message is one that we sent: by where it lies. Anybody can write our address into its head.
pub(crate) fn is_own(open: &Open, key: MessageKey) -> bool {
    let mailbox = open.library.mailbox(key.mailbox);
    mailbox.and_then(|mailbox| mailbox.state.special_use) == Some(SpecialUse::Sent)
}

/// Whether a message, or anything in it, is out of reach, by its name alone: for one that cannot be read.
pub(crate) fn names_any(book: &Book, name: &MessageName) -> bool {
    book.is_message_quarantined(name) || book.names_quarantined(name)
}

/// The name of a message that cannot be read: its outer header is all that is tried.
pub(crate) fn unread_name(raw: &[u8]) -> MessageName {
    let headers = Headers::parse(header_of(raw));
    MessageName { message_id: headers.message_id().unwrap_or_default(), digest: Digest::of(raw).0 }
}

/// What it takes to tell what of a message is shut.
#[derive(Clone)]
pub(crate) struct Shutter {
    register: super::register::Register,
    kinds: Kinds,
    is_own: bool,
}

impl Shutter {
    /// For a message.
    pub(crate) fn of(core: &Core, open: &Open, key: MessageKey) -> Self {
        let (register, kinds) = (open.register.clone(), core.settings.config.documents.clone());
        Self { register, kinds, is_own: is_own(open, key) }
    }

    /// Shuts what is to be shut. Waits for the register; where that cannot be read, what is on the watch list is shut all the same.
    pub(crate) fn shut(&self, reading: &mut Reading) {
        let book = self.register.with(|loaded| loaded.book()).unwrap_or_default();
        reading.shut(&book, &self.kinds, self.is_own);
    }
}

impl Shutter {
    /// Why what was in an encrypted file is not handed out, in words: what it is can be told only now. `came_as`: the digest of the ciphertext.
    ///
    /// # Errors
    /// It, or the register, cannot be read.
    pub(crate) fn refusal(&self, name: &str, came_as: &str, plain: &Plain) -> io::Result<Option<String>> {
        let book = self.register.with(|loaded| loaded.book()).map_err(io::Error::other)?;
        let direction = if self.is_own { Direction::Out } else { Direction::In };
        let sha256 = digest_of(plain)?;
        Ok(match reach_of_plain(&book, &self.kinds, (name, &sha256, came_as), plain, direction)? {
            Reach::Open => None,
            Reach::Quarantined => Some("What is in this file is in quarantine: it is not saved.".to_owned()),
            Reach::Watched => {
                let name = file_name(name);
                Some(format!(
                    "\u{201c}{name}\u{201d} may not be meant for you: it is not saved. Put what it came as into quarantine, and release it there with a reason where it is yours."
                ))
            }
        })
    }
}

/// What a decision about documents is about: a package and what is in it go together, whichever of them is named. `files`: all of the message, as
/// far as they are known.
fn digests(documents: &[Document], files: &[AttachmentFacts]) -> BTreeSet<Digest> {
    let mut all = BTreeSet::new();
    for document in documents {
        let outer = document.inside.as_ref().map_or(document.path.as_str(), |package| package.path.as_str());
        let package = document.inside.as_ref().map(|package| package.sha256.as_str());
        all.extend(
            package.into_iter().chain([document.sha256.as_str()]).filter_map(|text| text.parse::<Digest>().ok()),
        );
        // A list that is of another message says nothing of this one.
        let is_of_it =
            files.iter().any(|file| file.path == document.path && file.sha256.to_string() == document.sha256);
        let goes_along = |file: &&AttachmentFacts| attachment(&file.path) == outer;
        all.extend(files.iter().filter(|_| is_of_it).filter(goes_along).map(|file| file.sha256));
    }
    all
}

/// Whether a document may be a package, or is in one. What is out of reach does not say.
fn may_go_along(one: &Document) -> bool {
    one.inside.is_some() || one.reach == Reach::Quarantined || may_be_package(&one.name, &one.media_type)
}

/// Documents of one message.
struct Group {
    key: Option<MessageKey>,
    cases: Vec<CaseId>,
    documents: Vec<Document>,
}

impl Core {
    /// Puts documents out of reach, or back. `because`: typed by the person.
    ///
    /// # Errors
    /// The register cannot be written: nothing was done then.
    pub(crate) fn quarantine(
        &mut self,
        open: &mut Open,
        case: Option<&CaseId>,
        documents: &[Document],
        because: &str,
        release: bool,
    ) -> Result<String, EngineError> {
        // Two messages under one Message-ID are two.
        let mut groups: BTreeMap<(String, Option<MessageKey>), Group> = BTreeMap::new();
        for document in documents.iter().filter(|document| document.is_file()) {
            let key = document.message.as_ref().and_then(|name| open.library.key(name));
            let mut cases: Vec<CaseId> =
                key.map(|key| open.library.cases_of(key).into_iter().map(|(id, _)| id).collect()).unwrap_or_default();
            if cases.is_empty() {
                cases.extend(case.cloned());
            }
            let name = (document.message_id.clone(), key);
            let group = groups.entry(name).or_insert(Group { key, cases, documents: Vec::new() });
            group.documents.push(document.clone());
        }
        if groups.is_empty() {
            return Err(EngineError::Refused("there is no file among these".to_owned()));
        }
        let mut along = 0_usize;
        let event = |((message_id, key), group): (&(String, Option<MessageKey>), &Group)| {
            let files = group.key.filter(|_| group.documents.iter().any(may_go_along));
            let mut files = files.map(|key| self.files_at(open, key)).transpose()?.unwrap_or_default();
            for one in group.documents.iter().filter(|one| one.direction == Direction::ByHand) {
                let content = open.stores.state.value(&kept(&one.sha256))?.unwrap_or_default();
                files.extend(taken_in(&content, &one.name, &one.media_type, &one.sha256));
            }
            let documents = digests(&group.documents, &files);
            let named: BTreeSet<Digest> = group.documents.iter().filter_map(|one| one.sha256.parse().ok()).collect();
            along = along.saturating_add(documents.difference(&named).count());
            let digest = key.map_or(Ok(Digest::default()), |key| Self::digest_of(open, key))?;
            Ok(Happened::Quarantined {
                cases: group.cases.clone(),
                message: MessageName { message_id: message_id.clone(), digest: digest.0 },
                because: because.to_owned(),
                released: release,
                documents: documents.into_iter().collect(),
            })
        };
        let events = groups.iter().map(event).collect::<Result<Vec<Happened>, EngineError>>()?;
        self.record(open, &events)?;
        let (mut drafted, mut count, mut left, mut no_notice) = (0_usize, 0_usize, None, None);
        for group in groups.values() {
            count = count.saturating_add(group.documents.len());
            if release {
                left = self.unseal(open, group.key).err().or(left);
                continue;
            }
            left = Self::seal(open, group.key).err().or(left);
            let notice = self.notice(open, group).map(|draft| open.stores.state.add_draft(&draft, self.now()));
            match notice {
                Some(Ok(_)) => drafted = drafted.saturating_add(1),
                Some(Err(error)) => no_notice = Some(error),
                None => {}
            }
        }
        if drafted > 0 {
            self.send_drafts(open);
        }
        self.announcer.send(Event::Changed);
        let mut what = if count == 1 { "The document is".to_owned() } else { format!("{count} documents are") };
        what.push_str(if release { " back in reach" } else { " in quarantine" });
        what.push_str(if release { "; the register has the reason." } else { "; the register has the time." });
        if along > 0 {
            what.push_str(&format!(" With it {along} more, of the same package."));
        }
        if drafted > 0 {
            what.push_str(" A notice to the sender is among the drafts, not sent.");
        }
        // Whatever fails from here on: it is shut, or open, by the register all the same.
        if let Some(error) = no_notice {
            what.push_str(&format!(" No notice to the sender could be drafted: {error}"));
        }
        if let Some(error) = left {
            tracing::warn!(%error, "the bytes of a message could not be moved");
            let words = if release { "still lie under a key of their own" } else { "are sealed at the next opening" };
            what.push_str(&format!(" Its bytes {words}: {error}"));
        }
        Ok(what)
    }

    /// All files of a message: by its bytes, where they can be read, else as the register has them. A person decides about it.
    fn files_at(&self, open: &Open, key: MessageKey) -> Result<Vec<AttachmentFacts>, EngineError> {
        let (keyring, terms) = (open.keyring.now(), self.settings.terms(Decrypt::Any));
        let look = Look { keyring: &keyring, terms: &terms, beside: false };
        let kept = Kept::of(&open.stores, key)?;
        // What cannot be read stops nothing.
        let read = || Streamed::read(kept?, &look, &|_| Ok(())).ok()?.reading.map(|reading| files_of(&reading));
        let files = catch_unwind(AssertUnwindSafe(|| on_deep_stack(read))).ok().flatten();
        if let Some(files) = files.filter(|files| !files.is_empty()) {
            return Ok(files);
        }
        Ok(Self::facts_at(open, key)?.map(|facts| facts.attachments).unwrap_or_default())
    }

    /// What the register says of a message.
    fn facts_at(open: &Open, key: MessageKey) -> Result<Option<MessageFacts>, EngineError> {
        let Some(id) = open.library.message_id_hash(key) else { return Ok(None) };
        let place = open.register.with(|loaded| loaded.history().received_at(id))?;
        let row = place.map(|(stream, seq)| open.stores.state.register_row(stream, seq)).transpose()?.flatten();
        let payload = row.and_then(|row| row.payload).and_then(|bytes| Payload::read(&bytes).ok());
        Ok(match payload.map(|payload| payload.event) {
            Some(Happened::Received { facts, .. }) => Some(facts),
            _ => None,
        })
    }

    /// The digest of a message: of its bytes where they are here, else as it was written down when it came; zero where nobody knows it.
    fn digest_of(open: &Open, key: MessageKey) -> Result<Digest, EngineError> {
        if let Some(raw) = open.stores.raw(key)? {
            return Ok(Digest::of(&raw));
        }
        Ok(Self::facts_at(open, key)?.map_or_else(Digest::default, |facts| Digest(facts.message.digest)))
    }

    /// Seals a message under a key of its own; it leaves the cache, in every mailbox that it lies in.
    fn seal(open: &Open, key: Option<MessageKey>) -> Result<(), EngineError> {
        for copy in key.map(|key| open.library.with_copies(key)).unwrap_or_default() {
            open.stores.take_out(copy)?;
        }
        Ok(())
    }

    /// Seals what is out of reach and was not sealed yet, because casemail ended in between.
    pub(crate) fn seal_what_is_shut(&self, open: &Open) {
        let (core, register, stores) = (self.handle.clone(), open.register.clone(), Arc::clone(&open.stores));
        self.runtime.spawn_blocking(move || {
            let sealed = register.with(|loaded| loaded.book()).and_then(|book| follow(&core, &stores, &book));
            if let Err(error) = sealed {
                tracing::warn!(%error, "what is in quarantine could not be sealed");
            }
        });
    }

    /// Puts a message back where it was, if nothing of it is out of reach any more.
    fn unseal(&self, open: &Open, key: Option<MessageKey>) -> Result<(), EngineError> {
        let Some(key) = key else { return Ok(()) };
        let Some((_, digest, raw)) = open.stores.sealed(key)? else { return Ok(()) };
        let raw: Arc<[u8]> = raw.into();
        let (keyring, terms) = (open.keyring.now(), self.settings.terms(Decrypt::NotRsa));
        let look = Look { keyring: &keyring, terms: &terms, beside: false };
        let kept = Kept::held(&open.stores, Arc::clone(&raw));
        let reading = Streamed::read(kept, &look, &|_| Ok(())).ok().and_then(|streamed| streamed.reading);
        let book = open.register.with(|loaded| loaded.book())?;
        let id = open.stores.cache.summary(key)?.map(|summary| summary.message_id).unwrap_or_default();
        let name = MessageName { message_id: id, digest: digest.0 };
        let shut = reading.is_none_or(|reading| {
            // What else of it is out of reach may lie under a key that is used at a person's word only.
            reading.is_closed() && book.names_quarantined(&name)
                || reading.files().iter().any(|group| {
                    judge(&book, None, &Kinds::default(), group, Direction::In).reach == Reach::Quarantined
                })
        });
        if !shut && !book.is_message_quarantined(&name) {
            open.stores.cache.put_raw_from(key, &mut &*raw)?;
            open.stores.drop_sealed(key)?;
        }
        Ok(())
    }

    /// The notice to the sender of a message; `None` where nobody sent it.
    fn notice(&self, open: &Open, group: &Group) -> Option<Draft> {
        let first = group.documents.first().filter(|one| one.direction == Direction::In && one.from.contains('@'))?;
        let names: Vec<String> = group.documents.iter().map(|one| format!("  {}", one.name)).collect();
        let summary = group.key.and_then(|key| open.stores.cache.summary(key).ok().flatten());
        let account = first.message.as_ref().map(|name| name.account.clone()).unwrap_or_default();
        let own = self.settings.config.account(Some(&account));
        let own_name = own.map(|one| one.full_name.clone()).unwrap_or_default();
        let received = first.received.map(|at| at.to_zoned(self.settings.zone.clone()));
        let received = received.map(|at| at.strftime("%-d %B %Y at %H:%M").to_string()).unwrap_or_default();
        let subject = summary.as_ref().map(|one| one.subject.clone()).unwrap_or_default();
        Some(Draft {
            account,
            to: vec![Address { name: String::new(), addr: first.from.clone() }],
            subject: format!("Re: {}", crate::mail::subject::clean(&subject)),
            body: NOTICE
                .replace("{files}", &names.join("\n"))
                .replace("{received}", &received)
                .replace("{own_name}", &own_name),
            in_reply_to: vec![first.message_id.clone()],
            references: vec![first.message_id.clone()],
            case: group.cases.first().cloned(),
            ..Draft::default()
        })
    }

    /// Does it for the screen, and tells.
    pub(super) fn perform_quarantine(
        &mut self,
        open: &mut Open,
        case: Option<CaseId>,
        documents: Vec<Document>,
        because: String,
        release: bool,
    ) {
        // At once: what is out of reach may be written down as received afterwards, for the recorder reads it from where it is sealed.
        let done = self.quarantine(open, case.as_ref(), &documents, &because, release);
        match done {
            Ok(words) => self.announcer.send(Event::Recorded(Ok(sentence(Tone::Good, &words)))),
            Err(error) => {
                let words = format!("Nothing was put into quarantine: {error}");
                self.announcer.send(Event::Recorded(Err(sentence(Tone::Alarm, &words))));
            }
        }
        self.record_mail(open);
    }
}

impl Engine {
    /// Whether a message, or a document in it, is out of reach: its bytes are handed to nobody then.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the register cannot be read.
    pub fn holds_quarantined(&self, raw: &Arc<[u8]>) -> Result<bool, EngineError> {
        self.kept_holds_quarantined(self.held(Arc::clone(raw))?)
    }

    /// As [`Self::holds_quarantined`], of a message as it is kept.
    pub(crate) fn kept_holds_quarantined(&self, kept: Kept) -> Result<bool, EngineError> {
        let shut = self.shut_in(kept)?;
        Ok(shut.whole || shut.parts.iter().any(|(_, _, reach)| *reach == Reach::Quarantined))
    }

    /// What of a message is out of reach; what is on the watch list is not looked for.
    fn shut_in(&self, kept: Kept) -> Result<Shut, EngineError> {
        let book = self.book()?;
        if !book.has_quarantine() {
            return Ok(Shut::default());
        }
        // What cannot be opened for want of room is not handed out either.
        let Some(mut reading) = self.reading_of(kept.clone())? else {
            let whole = names_any(&book, &unread_name(&kept.whole().map_err(|error| unreadable(&error))?));
            return Ok(Shut { whole, ..Shut::default() });
        };
        reading.shut(&book, &Kinds::default(), true);
        // Where not all could be looked at, that may be anything.
        reading.shut.whole |= reading.files().iter().any(|group| is_unseen(&book, group).is_some());
        Ok(reading.shut)
    }

    /// The attachments of a message that may not be handed out, by their places; `None` where nothing of it may: it is out of reach as a whole, or something
    /// under its name is, and what is in it cannot be told here.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or there is no such message.
    pub fn kept_back(&self, name: &MessageRef, raw: &Arc<[u8]>) -> Result<Option<Vec<(String, Reach)>>, EngineError> {
        let Some(mut reading) = self.reading_of(self.held(Arc::clone(raw))?)? else {
            return Ok(if names_any(&*self.book()?, &unread_name(raw)) { None } else { Some(Vec::new()) });
        };
        self.kept_back_of(name, &mut reading)
    }

    /// As [`Self::kept_back`], of a message that was read.
    pub(crate) fn kept_back_of(
        &self,
        name: &MessageRef,
        reading: &mut Reading,
    ) -> Result<Option<Vec<(String, Reach)>>, EngineError> {
        let wanted = name.clone();
        let shutter =
            self.core.ask_open(move |core, open| open.library.key(&wanted).map(|key| Shutter::of(core, open, key)))?;
        let shutter = shutter.ok_or_else(|| EngineError::NoMessage(name.to_string()))?;
        // Where the register cannot be read, nothing is handed out.
        reading.shut(&*self.book()?, &shutter.kinds, shutter.is_own);
        Ok(reading.kept_back())
    }

    /// The same of a file that is no message of the profile. It is judged as what we sent is: nobody can decide about it here, so the watch list says nothing.
    pub(crate) fn kept_back_of_bare(&self, reading: &mut Reading) -> Result<Option<Vec<(String, Reach)>>, EngineError> {
        reading.shut(&*self.book()?, &self.settings.config.documents, true);
        Ok(reading.kept_back())
    }

    /// A message, read as the user asked for it.
    fn reading_of(&self, kept: Kept) -> Result<Option<Reading>, EngineError> {
        let (keyring, terms) = (self.keyring()?, self.settings.terms(Decrypt::Any));
        let look = Look { keyring: &keyring, terms: &terms, beside: false };
        let streamed = on_deep_stack(|| Streamed::read(kept, &look, &|_| Ok(())));
        Ok(streamed.map_err(|error| unreadable(&error))?.reading)
    }

    /// Puts parts of a message out of reach, or back; without any named, those on the watch list (or, to take back, those out of reach).
    ///
    /// # Errors
    /// [`EngineError::Locked`], there is no such part, or the register cannot be written: nothing was done then.
    pub fn quarantine_parts(
        &self,
        name: &MessageRef,
        parts: &[String],
        because: &str,
        release: bool,
    ) -> Result<String, EngineError> {
        let reading = self.read_message(name)?.0.reading;
        let reading = reading.ok_or_else(|| EngineError::BadData("the message cannot be read".to_owned()))?;
        let (name, parts, because) = (name.clone(), parts.to_vec(), because.to_owned());
        self.register_parts()?.0.with(|_| ())?;
        let wanted = name.clone();
        let done = self.core.ask_open(move |core, open| {
            let key = open.library.key(&name).ok_or_else(|| EngineError::NoMessage(name.to_string()))?;
            let around = core.around(open, key, None).ok_or_else(|| EngineError::NoMessage(name.to_string()))?;
            let mut reading = reading;
            Shutter::of(core, open, key).shut(&mut reading);
            let is_named = |one: &Document| parts.iter().any(|part| is_within(&one.path, part));
            let meant = |one: &Document| match (parts.is_empty(), release) {
                (false, _) => is_named(one),
                (true, false) => one.reach == Reach::Watched,
                (true, true) => one.reach == Reach::Quarantined,
            };
            let documents: Vec<Document> =
                super::documents::with_inner(&reading, &around).into_iter().filter(meant).collect();
            core.quarantine(open, around.cases.first(), &documents, &because, release)
        })??;
        // Where this fails, it is done when somebody next asks what happened.
        let recorder = self.core.ask_open(move |core, open| {
            let key = open.library.key(&wanted)?;
            Recorder::of(core, open, None, true).and_then(|recorder| recorder.only(&[key]))
        })?;
        if let Some(Err(error)) = recorder.map(|recorder| on_deep_stack(|| recorder.write())) {
            tracing::warn!(%error, "what was put into quarantine is not written down as received yet");
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::Shut;
    use crate::case::document::Reach;

    #[test]
    fn what_is_shut_says_why() {
        let shut = Shut {
            parts: vec![(2, "MG6D.pdf".into(), Reach::Watched), (3, "1.3".into(), Reach::Quarantined)],
            ..Shut::default()
        };
        assert_eq!(shut.refusal(1), None);
        assert!(shut.refusal(2).unwrap().contains("may not be meant for you"));
        assert!(shut.refusal(3).unwrap().contains("in quarantine"));
        assert!(shut.banners()[0].starts_with("Possible mis-service"));
        assert!(Shut { whole: true, ..Shut::default() }.refusal(1).is_some());
    }
}
