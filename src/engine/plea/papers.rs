//! Files: those that terms name by their digest, looked for where they should be, and papers that are written out.

use sha2::{Digest as _, Sha256};

use crate::app::event::Event;
use crate::app::plea_view::{FileCheck, FileFound};
use crate::case::document::Reach;
use crate::case::{Case, MessageName};
use crate::engine::core::{Core, EngineError, Open};
use crate::engine::documents::{Documents, attachment_of, imported};
use crate::engine::quarantine::{Shutter, is_own};
use crate::engine::reading::{Look, Reading};
use crate::engine::streamed::{InnerContent, Kept, Streamed, unreadable};
use crate::engine::target::{completions, typed};
use crate::engine::{Engine, files};
use crate::mail::draft::Attachment;
use crate::mail::id::CaseId;
use crate::mail::safe::{SafeText, file_name};
use crate::pgp::open::Decrypt;
use crate::plea::negotiation::Step;
use crate::plea::record::{Paper, paper};
use crate::plea::{Act, ActNo, Entry, Negotiation, Side, Trust, View, text};

/// Names that are offered for completion.
const NAMES_MAX: usize = 40;
/// What stands before the name of a document of the case.
pub(crate) const OF_CASE: &str = "case:";

fn refused(words: impl Into<String>) -> EngineError {
    EngineError::Refused(words.into())
}

/// The largest paper that goes with an offer: it stands in the draft, and in the mail of people with small mailboxes.
const PAPER_BYTES_MAX: u64 = 64 << 20;

/// A file of the disk.
fn on_disk(path: &str) -> Result<Attachment, String> {
    let path = typed(path);
    let content = files::read_whole(&path, PAPER_BYTES_MAX)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Attachment { media_type: files::media_type(&name, &content).to_owned(), name, content })
}

/// How the files of an act's terms are found in the message that carries it.
fn check(step: &Step, reading: Option<&Reading>) -> Vec<FileCheck> {
    let Some(terms) = step.heard.act.deed.terms() else { return Vec::new() };
    let of_file = |(name, sha256): (&str, [u8; 32])| {
        let digest = hex::encode(sha256);
        let found = match reading {
            None if matches!(step.heard.trust, Trust::Marked { .. }) => FileFound::Named,
            None => FileFound::NotHere,
            Some(reading) => {
                let files = &reading.body.attachments;
                let named = |one: &&crate::mail::display::AttachmentInfo| text::fold(&file_name(&one.name)) == name;
                match () {
                    () if files.iter().any(|one| one.sha256 == digest) => FileFound::Fits,
                    // Who marked the letter said which file is meant.
                    () if matches!(step.heard.trust, Trust::Marked { .. }) => FileFound::Named,
                    () if files.iter().any(|one| named(&one)) => FileFound::Differs,
                    () => FileFound::Missing,
                }
            }
        };
        FileCheck { act: step.heard.act.no, name: SafeText::line(name), sha256: digest, found }
    };
    terms.files().into_iter().map(of_file).collect()
}

impl Core {
    /// The message of an act, read, where it is here.
    fn read_of(&self, open: &Open, message: &MessageName) -> Option<Streamed> {
        let keys = self.keys_of(open, message);
        let here = keys.into_iter().find_map(|key| Kept::in_cache(&open.stores, key).ok().flatten());
        let waiting = || {
            let rows = open.outbox.rows().ok()?.0;
            let row = rows.into_iter().find(|row| row.message_id == message.message_id)?;
            Some(Kept::held(&open.stores, open.stores.state.outbox_raw(row.id).ok()?.into()))
        };
        let (keyring, terms) = (open.keyring.now(), self.settings.terms(Decrypt::NotRsa));
        let look = Look { keyring: &keyring, terms: &terms, beside: false };
        let streamed = Streamed::read(here.or_else(waiting)?, &look, &|_| Ok(())).ok()?;
        // What nobody could open says nothing about its files.
        let report = &streamed.reading.as_ref()?.opened.report;
        (!report.encrypted || report.decrypted).then_some(streamed)
    }

    /// The files that the terms of acts name, looked for in the messages that carry them.
    pub(super) fn plea_files(&self, open: &Open, view: &View) -> Vec<FileCheck> {
        let with_files = |step: &&Step| step.heard.act.deed.terms().is_some_and(|terms| !terms.files().is_empty());
        let steps = view.steps.iter().filter(with_files);
        steps
            .flat_map(|step| {
                let streamed = self.read_of(open, &step.heard.message);
                check(step, streamed.as_ref().and_then(|streamed| streamed.reading.as_ref()))
            })
            .collect()
    }

    /// A file for an offer: of the disk, of the case's documents (`case:NAME`), or of the message of an act (`D1:NAME`).
    ///
    /// # Errors
    /// There is none, it is out of reach, or it cannot be read.
    fn plea_file(&self, open: &Open, case: &CaseId, wanted: &str) -> Result<Attachment, EngineError> {
        if let Some(name) = wanted.strip_prefix(OF_CASE) {
            return self.document_file(open, case, name.trim());
        }
        let of_act = wanted.split_once(':').and_then(|(no, name)| Some((no.parse::<ActNo>().ok()?, name.trim())));
        if let Some((no, name)) = of_act {
            return self.file_of_act(open, case, no, name);
        }
        on_disk(wanted).map_err(EngineError::Refused)
    }

    fn file_of_act(&self, open: &Open, case: &CaseId, no: ActNo, name: &str) -> Result<Attachment, EngineError> {
        let gone = || refused(format!("{no} names no file “{name}” that is here"));
        let pleas = open.register.pleas()?;
        let entries = self.plea_entries(open, &pleas, case);
        let acts = entries.iter().rev().filter_map(|entry| match entry {
            Entry::Sent { act, message, .. } | Entry::Came { act, message, .. } | Entry::Mark { act, message, .. } => {
                Some((act, message))
            }
            _ => None,
        });
        let acts: Vec<(&Act, &MessageName)> = acts.collect();
        let found = acts.iter().filter(|(act, _)| act.no == no).find_map(|(act, _)| {
            let file = act.deed.terms()?.files().into_iter().find(|(known, _)| *known == name)?;
            Some(file.1)
        });
        let sha256 = found.ok_or_else(gone)?;
        let digest = hex::encode(sha256);
        let book = open.register.with(|loaded| loaded.book())?;
        if book.is_document_quarantined(&digest) {
            return Err(refused(format!("“{name}” is in quarantine")));
        }
        // A letter that was marked may rest on the file of an earlier act, or on a document of the case.
        let names_it =
            |act: &Act| act.deed.terms().is_some_and(|terms| terms.files().iter().any(|one| one.1 == sha256));
        for (_, message) in acts.into_iter().filter(|(act, _)| names_it(act)) {
            if book.is_message_quarantined(message) {
                return Err(refused(format!("“{name}” is in quarantine")));
            }
            let Some(mut streamed) = self.read_of(open, message) else { continue };
            let Some(reading) = &mut streamed.reading else { continue };
            // What waits to be sent lies nowhere yet, and is ours.
            let is_own = self.keys_of(open, message).first().is_none_or(|key| is_own(open, *key));
            reading.shut(&book, &self.settings.config.documents, is_own);
            let Some(info) = reading.body.attachments.iter().find(|one| one.sha256 == digest) else { continue };
            if let Some(words) = reading.shut.refusal(info.part) {
                return Err(refused(words));
            }
            let (part, media_type) = (info.part, info.media_type.clone());
            let content = streamed.content(part, usize::MAX).map_err(|error| unreadable(&error))?;
            return Ok(Attachment { name: name.to_owned(), media_type, content });
        }
        let file = self.document_file(open, case, name).map_err(|_| gone())?;
        if Sha256::digest(&file.content).as_slice() == sha256.as_slice() { Ok(file) } else { Err(gone()) }
    }

    fn document_file(&self, open: &Open, case: &CaseId, name: &str) -> Result<Attachment, EngineError> {
        let gone = || refused(format!("the case has no document “{name}” that is here"));
        let documents = Documents::of(self, open, case, true).ok_or_else(gone)?.read()?;
        let document = documents.iter().rev().find(|one| one.name == name).ok_or_else(gone)?;
        if document.reach != Reach::Open {
            return Err(refused(format!(
                "“{name}” is out of reach: it was put into quarantine, or has to be looked at first"
            )));
        }
        let (name, media_type) = (document.name.clone(), document.media_type.clone());
        let content = match &document.message {
            None => imported(&open.register, &open.stores, &document.sha256)?,
            Some(message) => {
                let key = open.library.key(message).ok_or_else(gone)?;
                // The user asked for this very file.
                let (keyring, terms) = (open.keyring.now(), self.settings.terms(Decrypt::Any));
                let look = Look { keyring: &keyring, terms: &terms, beside: false };
                let kept = Kept::in_cache(&open.stores, key)?.ok_or_else(gone)?;
                let mut streamed = Streamed::read(kept, &look, &|_| Ok(())).map_err(|error| unreadable(&error))?;
                Shutter::of(self, open, key).shut(streamed.reading.as_mut().ok_or_else(gone)?);
                let reading = streamed.reading.as_ref().ok_or_else(gone)?;
                let info = attachment_of(reading, document).map_err(refused)?;
                let mut part = info.part;
                if document.inside.is_some() {
                    let found = streamed.inner(info, &document.path, &document.sha256);
                    let found = found.map_err(|error| unreadable(&error))?;
                    match found.ok_or_else(gone)? {
                        InnerContent::Held(content) => return Ok(Attachment { name, media_type, content }),
                        InnerContent::Part(place) => part = place,
                    }
                }
                streamed.content(part, usize::MAX).map_err(|error| unreadable(&error))?
            }
        };
        Ok(Attachment { name, media_type, content })
    }

    /// Sends what completes the name of a file.
    pub(crate) fn complete_file(&self, open: &Open, case: &CaseId, wanted: String) {
        let documents = Documents::of(self, open, case, false);
        let announcer = self.announcer.clone();
        self.runtime.spawn_blocking(move || {
            let of_case = wanted.strip_prefix(OF_CASE).or_else(|| OF_CASE.starts_with(&wanted).then_some(""));
            let mut found: Vec<String> = Vec::new();
            if let (Some(begun), Some(documents)) = (of_case, documents) {
                let documents = documents.read().unwrap_or_default();
                let reachable = documents.iter().filter(|one| one.reach == Reach::Open && one.link.is_empty());
                let begun = begun.to_lowercase();
                let named = reachable.filter(|one| one.name.to_lowercase().starts_with(&begun));
                found.extend(named.map(|one| format!("{OF_CASE}{}", one.name)));
                found.sort();
                found.dedup();
                found.truncate(NAMES_MAX);
            }
            if !wanted.starts_with(OF_CASE) {
                found.extend(completions(&wanted, NAMES_MAX).into_iter().map(|one| one.typed));
            }
            announcer.send(Event::PleaFiles(wanted, found));
        });
    }

    /// Sends a file for an offer.
    pub(crate) fn send_plea_file(&self, open: &Open, case: &CaseId, wanted: String) {
        let announcer = self.announcer.clone();
        if wanted.contains(':') && !wanted.starts_with(['/', '.', '~']) {
            let answer = self.plea_file(open, case, &wanted);
            let answer = answer.map(Box::new).map_err(|error| SafeText::line(&error.to_string()));
            announcer.send(Event::PleaFile(wanted, answer));
            return;
        }
        // A disk may be slow: nothing waits for it.
        self.runtime.spawn_blocking(move || {
            let answer = on_disk(&wanted).map(Box::new).map_err(|words| SafeText::line(&words));
            announcer.send(Event::PleaFile(wanted, answer));
        });
    }
}

/// Writes a paper to a new file that its owner alone may read; where to, and its SHA-256.
///
/// # Errors
/// It cannot be made in this form, there is another file of that name, or it cannot be written.
pub(super) fn write(
    known: &Negotiation,
    view: &View,
    case: &Case,
    which: Paper,
    place: &str,
) -> Result<(String, String), EngineError> {
    let place = typed(place.trim());
    let name = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let bytes = paper(which, &name, known, view, &case.title).map_err(|error| refused(error.to_string()))?;
    files::write_new(&place, &bytes).map_err(EngineError::Refused)?;
    let whole = std::path::absolute(&place).unwrap_or(place);
    Ok((whole.display().to_string(), hex::encode(Sha256::digest(&bytes))))
}

/// What of an offer's files keeps one from accepting it.
pub(super) fn against(files: &[FileCheck], offer: ActNo, us: Side) -> Vec<String> {
    let found = files.iter().filter(|one| one.act == offer && one.act.side != us && !one.found.is_known());
    found.map(|one| format!("{} Ask for it before you accept.", one.words())).collect()
}

impl Engine {
    /// A file for an offer: of the disk, of the case's documents (`case:NAME`), or of the message of an act (`D1:NAME`).
    ///
    /// # Errors
    /// There is none, it is out of reach, or it cannot be read.
    pub fn plea_file(&self, case: &CaseId, wanted: &str) -> Result<Attachment, EngineError> {
        let (case, wanted) = (case.clone(), wanted.to_owned());
        self.core.ask_open(move |core, open| core.plea_file(open, &case, &wanted))?
    }

    /// A paper about a negotiation, as the bytes of a file of this name.
    ///
    /// # Errors
    /// There is no such case, or the paper has no such form.
    pub fn plea_paper(
        &self,
        case: &CaseId,
        id: &crate::plea::NegotiationId,
        which: Paper,
        file: &str,
    ) -> Result<Vec<u8>, EngineError> {
        let (case, id, file) = (case.clone(), id.clone(), file.to_owned());
        self.core.ask_open(move |core, open| {
            let case = core.plea_case(open, &case)?;
            let known = core.negotiation(open, &case, &id)?;
            let view = known.view(core.now());
            paper(which, &file, &known, &view, &case.title).map_err(|error| refused(error.to_string()))
        })?
    }
}
