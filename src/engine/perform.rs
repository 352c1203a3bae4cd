//! Effects performed: what each asks of the index, the stores, the accounts, and what event answers it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::announce::sentence;
use super::core::{Core, EngineError, Open, Settings};
use super::guard::Facts;
use super::ingest;
use super::large::{Early, OnScreen, Watcher};
use super::outgoing::{self, Means, Prepared};
use super::quarantine::Shutter;
use super::query::{Along, Resolution};
use super::reader::{self, Around};
use super::reading::{Look, Reading};
use super::streamed::{Kept, Streamed};
use super::wanted::{Brought, Wanted, again};
use super::{draft_file, enclosing, files, looked, outbox, target};
use crate::app::effect::{Deed, Effect, Passphrase, Said, Target};
use crate::app::event::Event;
use crate::app::view::{Sentence, Tone};
use crate::case::guard::{Accepted, Reason};
use crate::mail::draft::{Attachment, Draft, Origin, Protection};
use crate::mail::id::{MessageKey, MessageRef, OutboxId};
use crate::pgp::announce;
use crate::pgp::keyring::Keyring;
use crate::pgp::large::Plain;
use crate::pgp::open::Decrypt;
use crate::pgp::readers::readers;
use crate::pgp::report::{Badge, SignatureState};
use crate::store::outbox::Window;
use crate::store::summary::Summary;
use crate::store::vault::Vault;

/// Reviews kept to be confirmed.
const REVIEWS_MAX: usize = 4;
/// Completions of an address.
const COMPLETIONS_MAX: usize = 10;

/// 16 bytes from the system's generator.
pub(crate) fn random() -> [u8; 16] {
    crate::store::vault::random()
}

fn refusal(error: &EngineError) -> Sentence {
    sentence(Tone::Alarm, &error.to_string())
}

/// Prepares a draft with the means of its account.
pub(crate) fn prepare(
    mut draft: Draft,
    settings: &Settings,
    keyring: &Keyring,
    limits: &outbox::Limits,
    facts: &Facts,
) -> Result<Prepared, EngineError> {
    let name = Some(draft.account.as_str()).filter(|name| !name.is_empty());
    let account = settings.config.account(name).ok_or_else(|| EngineError::NoAccount(draft.account.clone()))?;
    let mut token = [0; 8];
    token.iter_mut().zip(random()).for_each(|(to, from)| *to = from);
    let unread = enclosing::load(&mut draft);
    let means = Means {
        account,
        config: &settings.config,
        limits,
        keyring,
        classes: &settings.classes,
        book: &settings.book,
        facts,
        now: settings.clock.now().to_zoned(settings.zone.clone()),
        unread: &unread,
        random: &random,
    };
    Ok(outgoing::prepare(draft, u64::from_le_bytes(token), &means))
}

/// What a person has taken upon themselves, by what was said.
fn accept(prepared: &Prepared, said: Said) -> Result<Accepted, EngineError> {
    Ok(match said {
        Said::Nothing => Accepted::default(),
        Said::Yes => Accepted::to(&prepared.guarded, None),
        Said::Because(words) => {
            let reason = Reason::new(&words).map_err(|error| EngineError::Refused(error.to_string()))?;
            Accepted::to(&prepared.guarded, Some(reason))
        }
    })
}

impl Core {
    /// Performs an effect of the screen. Those that are the terminal's (quit, suspend, redraw, edit) are not ours.
    pub(crate) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Quit | Effect::Suspend | Effect::Redraw | Effect::Edit(_) => {}
            Effect::Lock => self.lock(),
            Effect::Unlock(passphrase) => self.unlock(passphrase),
            Effect::AttachFiles(to, readings) => self.attach_files(to, readings),
            Effect::AttachDropped(to, text, readings) => self.attach_dropped(to, text, readings),
            Effect::ListPaths(typed) => self.list_paths(typed),
            other => {
                if let Some(number) = self.open.as_ref().map(|open| open.number) {
                    self.with(number, |core, open| core.perform_open(open, other));
                } else if let Some(waiting) = &mut self.waiting {
                    waiting.push(other);
                }
            }
        }
    }

    pub(super) fn perform_open(&mut self, open: &mut Open, effect: Effect) {
        // A key that was pressed before the list was there means the list that comes.
        if open.deferred.is_some() && needs_list(&effect) {
            self.defer(open, effect);
            return;
        }
        if super::loading::needs_register(&effect) && open.register.is_loading() {
            self.after_register(open, effect);
            return;
        }
        match effect {
            Effect::ListKeys => self.send_keys(open),
            Effect::Key(deed) => self.perform_key(deed),
            Effect::Assist(addresses) => self.send_assistance(addresses),
            Effect::ListCases => self.announcer.send(Event::Cases(open.library.case_rows(self.now()).into())),
            Effect::ShowCase(id) => self.send_case(open, id),
            Effect::ListTriage => self.announcer.send(Event::Triage(open.library.triage_rows().into())),
            Effect::ListAwaiting => self.send_awaiting(open),
            Effect::ListPleas => self.send_board(open),
            Effect::ShowPlea(case, id) => self.send_negotiation(open, &case, id),
            Effect::PleaAct(wish) => self.perform_plea(open, *wish),
            Effect::PleaMark(wish) => self.perform_mark(open, *wish),
            Effect::CompleteFile(case, typed) => self.complete_file(open, &case, typed),
            Effect::PleaFile(case, typed) => self.send_plea_file(open, &case, typed),
            Effect::PleaEnter(case, id, local) => self.perform_local(open, &case, &id, local),
            Effect::PreviewRefile => self.send_preview(open),
            Effect::Refile => self.refile_by_rules(open),
            Effect::Chase(case, question) => self.offer_chase(open, case, &question),
            Effect::ShowChronology(id) => self.send_chronology(open, id),
            Effect::ListDocuments(scope) => self.send_documents(open, scope),
            Effect::StopDocuments => Self::stop_documents(open),
            Effect::Look(document) => self.look(open, *document),
            Effect::SaveDocuments(documents, dir) => self.save_documents(open, documents, dir),
            Effect::Outside(document) => self.open_outside(open, *document),
            Effect::Quarantine { case, documents, because, release } => {
                self.perform_quarantine(open, case, documents, because, release);
            }
            Effect::File(names, cases) => {
                let done = self.file_messages(open, &names, &cases).map(|_| String::new());
                self.tell_recorded(done);
            }
            Effect::Unfile(names) => {
                let done = self.take_back(open, &names).map(|_| String::new());
                self.tell_recorded(done);
            }
            Effect::OpenCase(opening) => {
                let done = self.open_case(open, *opening).map(|id| format!("Opened {id}."));
                self.tell_recorded(done);
            }
            Effect::AwaitAnswer(name, what, due) => {
                let done = self.await_answer(open, &name, &what, due);
                self.tell_recorded(done);
            }
            Effect::ChangeCase(id, changes) => {
                let done = self.change_case(open, &id, changes);
                self.tell_recorded(done);
            }
            Effect::AddNumber(id, text) => {
                let done = self.add_number(open, &id, &text);
                self.tell_recorded(done);
            }
            Effect::ListThreads(scope) => {
                let rows = open.library.thread_list(&scope);
                looked::list(open, &scope, &rows);
                self.announcer.send(Event::Threads(scope, rows));
            }
            Effect::FilterThreads(scope, ticket, text, rows) => {
                let (announcer, latest) = (self.announcer.clone(), Arc::clone(&self.filter_wanted));
                latest.store(ticket, Ordering::Relaxed);
                self.runtime.spawn_blocking(move || {
                    // Whoever types on does not want to know any more.
                    let is_stale = || latest.load(Ordering::Relaxed) != ticket;
                    if let Some(places) = rows.matching(&text, is_stale) {
                        announcer.send(Event::Filtered(scope, ticket, rows, places));
                    }
                });
            }
            Effect::OpenThread(id, scope) => {
                looked::thread(open, id);
                let view = open.library.thread_view(id, &scope).map(Arc::new);
                self.announcer.send(Event::Thread(id, view));
            }
            Effect::OpenMessage(name) => self.open_message(open, name),
            Effect::CloseMessage => open.on_screen = None,
            Effect::ShowSource(name) => self.show_source(open, name),
            Effect::ChangeFlags(names, change) => {
                self.perform_deed(open, Target::Messages(names), Deed::Flag(change));
            }
            Effect::ChangeThreadFlags(thread, change) => {
                self.perform_deed(open, Target::Threads(vec![thread]), Deed::Flag(change));
            }
            Effect::MarkRead(name) => self.mark_read(open, name),
            Effect::Do(target, deed) => self.perform_deed(open, target, deed),
            Effect::Undo => self.perform_undo(open, None),
            Effect::UndoStep(step) => self.perform_undo(open, Some(step)),
            Effect::RetryStep(step) => self.perform_retry(open, step),
            Effect::SaveChange(seq, dir) => self.save_change(open, seq, PathBuf::from(dir)),
            Effect::UndoDeletion => self.perform_undo_deletion(open),
            Effect::ListWaiting => self.send_waiting(open),
            Effect::ListMailboxes(target) => self.send_mailboxes(open, target.as_ref()),
            Effect::Review(draft) => self.review(open, *draft),
            Effect::Confirm(token, said) => self.confirm(open, token, said),
            Effect::GoBack(token) => {
                let stopped = open.reviews.iter().find(|prepared| prepared.token == token);
                let noted = stopped.map(|prepared| self.note_refusal(open, prepared, &Accepted::default()));
                if let Some(Err(error)) = noted {
                    self.announcer.send(Event::Notice(refusal(&error)));
                }
            }
            Effect::KeepDraft(draft) => self.keep_draft(open, *draft),
            Effect::DropDraft(key) => self.drop_draft(open, key),
            Effect::ListOutbox => self.send_outbox(open),
            Effect::RetryOutbox(id) => {
                let done = self.retry_outbox(open, id);
                self.tell_refusal(done);
            }
            Effect::CancelOutbox(id) => {
                let done = self.cancel_outbox(open, id);
                self.tell_taken_back(open, done.map(Some));
            }
            Effect::OutboxArrived(id) => {
                let done = self.resolve_outbox(open, id, Resolution::Arrived);
                self.tell_taken_back(open, done);
            }
            Effect::OutboxSendAgain(id) => {
                let done = self.resolve_outbox(open, id, Resolution::SendAgain);
                self.tell_taken_back(open, done);
            }
            Effect::ListDrafts => self.send_drafts(open),
            Effect::SetDraftAside => self.set_draft_aside(open),
            Effect::TakeUpDraft(id) => self.take_up_draft(open, id),
            Effect::ForgetDraft(id) => self.forget_draft(open, id),
            Effect::SaveAttachment(name, path, dir) => self.save_attachment(open, name, path, dir),
            Effect::DecryptAttachment(name, path, dir) => self.decrypt_attachment(open, name, path, dir),
            Effect::Export(wanted, dir, making) => self.export(open, wanted, target::typed(&dir), making),
            Effect::VerifyExport(dir) => self.verify_export(open, target::typed(&dir)),
            Effect::LookAtTarget(text) => self.look_at_target(open, text),
            Effect::StopExport => self.stop_export(open),
            Effect::CarryAttachments(name) => self.carry_attachments(open, name),
            Effect::AttachDocuments(to, chosen) => self.attach_documents(open, to, chosen),
            Effect::AskLimit(account, addresses) => self.send_limit(open, &account, addresses),
            Effect::AttachOwnKey(to, from) => {
                let key = Self::own_key(&open.keyring.now(), &from, self.now());
                let answer = key.map(Into::into).map_err(|words| sentence(Tone::Warning, &words));
                self.announcer.send(Event::Attached(to, vec![answer]));
            }
            Effect::OfferTemplates(case) => {
                let offers = self.offers(open, &case);
                self.announcer.send(Event::Offered(case, offers.into()));
            }
            Effect::Complete(typed, case) => {
                let hits = self.complete(open, &typed, case.as_ref(), COMPLETIONS_MAX);
                let hits = hits.iter().map(ToString::to_string).collect();
                self.announcer.send(Event::Completions(typed, hits));
            }
            Effect::SyncNow => self.sync_all(open),
            Effect::Password(name, typed) => self.take_password(open, name, typed),
            Effect::GoOnline(online) => self.set_online(open, online),
            Effect::ListConnections => self.send_connections(open),
            Effect::SyncAccount(name) => self.retry_account(open, &name),
            Effect::AccountOnline(name, online) => self.set_account_online(open, &name, online),
            Effect::Quit
            | Effect::Suspend
            | Effect::Redraw
            | Effect::Edit(_)
            | Effect::Lock
            | Effect::Unlock(_)
            | Effect::AttachFiles(..)
            | Effect::AttachDropped(..)
            | Effect::ListPaths(_) => {}
        }
    }

    fn tell_refusal(&self, done: Result<(), EngineError>) {
        if let Err(error) = done {
            self.complain(&error);
        }
    }

    /// Opens the vault off this thread (it takes most of a second by design), then the stores.
    fn unlock(&mut self, passphrase: Passphrase) {
        if let Some(waiting) = &mut self.waiting {
            waiting.push(Effect::Unlock(passphrase));
            return;
        }
        if std::mem::replace(&mut self.unlocking, true) {
            return;
        }
        let (settings, handle) = (Arc::clone(&self.settings), self.handle.clone());
        self.runtime.spawn_blocking(move || {
            let vault = Vault::open_with(&settings.roots.vault_file(), passphrase.0.as_bytes(), settings.vault_floor);
            drop(passphrase);
            handle.front(move |core| {
                core.unlocking = false;
                let opened = match vault {
                    // It is open already; that alone is no reason to show it to whoever types anything.
                    Ok(_) if core.open.is_some() => Ok(()),
                    Ok(vault) => core.open_stores(vault),
                    Err(error) => Err(error.into()),
                };
                core.announcer.send(Event::Unlocked(opened.map_err(|error| refusal(&error))));
                if let Some(open) = &core.open {
                    core.offer_drafts(open);
                }
                core.mark_changed();
            });
        });
    }

    /// What the index knows of a message.
    pub(crate) fn around(&self, open: &Open, key: MessageKey, summary: Option<&Summary>) -> Option<Around> {
        let id = open.library.name(key)?;
        let received = summary.map(|s| s.received).or_else(|| open.library.received(key))?;
        Some(Around {
            id,
            received: jiff::Timestamp::from_second(received).unwrap_or_default(),
            cases: open.library.cases_of(key).into_iter().map(|(case, _)| case).collect(),
            filed: open.library.filed_words(key),
            filing_doubt: open.library.filing_doubt(key),
            conflicting: open.library.is_conflicting(key),
            clocks: self.clocks(open, key),
        })
    }

    /// Reads a message as the user asked for it (any key may be used), fetching it first where its text is not here, and hands it on, on a
    /// thread that may block. A large one is not held.
    pub(super) fn with_message(
        &mut self,
        open: &mut Open,
        name: MessageRef,
        then: impl FnOnce(Result<(Streamed, Around), Sentence>) + Send + 'static,
    ) {
        self.with_message_early(open, name, Watcher::default(), None, then);
    }

    /// Fetches the bytes of a message into the cache and hands them on.
    pub(super) fn fetch_raw(
        &mut self,
        open: &mut Open,
        name: MessageRef,
        tell: tokio::sync::oneshot::Sender<Result<Vec<u8>, String>>,
    ) {
        let Some(wanted) = self.to_read(open, name, Watcher::default()) else {
            let _ = tell.send(Err("this message is gone: it was moved or deleted elsewhere".to_owned()));
            return;
        };
        self.runtime.spawn(async move {
            let _ = tell.send(wanted.fetch(None).await);
        });
    }

    /// As [`Self::fetch_raw`], as it is kept then; with what learns of it, where nobody has read it yet.
    pub(super) fn fetch_kept(
        &mut self,
        open: &mut Open,
        name: MessageRef,
        tell: tokio::sync::oneshot::Sender<Result<Brought, String>>,
    ) {
        let Some(wanted) = self.to_read(open, name, Watcher::default()) else {
            let _ = tell.send(Err("this message is gone: it was moved or deleted elsewhere".to_owned()));
            return;
        };
        self.runtime.spawn(async move {
            let wanted = Arc::new(wanted);
            let brought = Arc::clone(&wanted).bring(None).await;
            let _ = tell.send(brought.map(|come| (come.kept, come.is_new.then_some(wanted))));
        });
    }

    /// A message with what it takes to read it; `None` where it is gone.
    fn to_read(&self, open: &Open, name: MessageRef, watcher: Watcher) -> Option<Wanted> {
        let key = open.library.key(&name)?;
        Some(Wanted::of(self, open, key, name, watcher))
    }

    /// As [`Self::with_message`]; nothing is told, and what is large is not fetched, once `watcher` has left. `early` is called with what the beginning of a large message shows, while the rest is fetched.
    fn with_message_early(
        &mut self,
        open: &mut Open,
        name: MessageRef,
        watcher: Watcher,
        early: Option<Early>,
        then: impl FnOnce(Result<(Streamed, Around), Sentence>) + Send + 'static,
    ) {
        // A move of ours gave it another name since this was asked for.
        let name = match open.library.key(&name) {
            None => open.changes.name_now(&name).cloned().unwrap_or(name),
            Some(_) => name,
        };
        let found = self.to_read(open, name, watcher.clone());
        let found = found.and_then(|wanted| Some((self.around(open, wanted.key, None)?, wanted)));
        let Some((around, wanted)) = found else {
            then(Err(sentence(Tone::Warning, "This message is gone: it was moved or deleted elsewhere.")));
            return;
        };
        let key = wanted.key;
        let (core, number, asked) = (self.handle.clone(), open.number, wanted.name.clone());
        let shutter = Shutter::of(self, open, key);
        let early = early.map(|early| {
            let shutter = shutter.clone();
            Box::new(move |mut reading: Reading| {
                shutter.shut(&mut reading);
                early(reading);
            }) as Early
        });
        self.runtime.spawn(async move {
            match wanted.read(early).await {
                Ok(mut streamed) => {
                    let _handed_on = tokio::task::spawn_blocking(move || {
                        streamed.reading.iter_mut().for_each(|reading| shutter.shut(reading));
                        then(Ok((streamed, around)));
                    });
                }
                // Whoever asked does not look any more; who asks again is answered for itself.
                Err(_) if watcher.has_left() => {}
                Err(words) => core.front_of(number, move |core, open| {
                    // Moved while it was being fetched: it is there under its new name.
                    match open.changes.name_now(&asked).cloned() {
                        Some(moved) if open.library.key(&moved).is_some() => {
                            core.with_message(open, moved, then);
                        }
                        _ => then(Err(sentence(Tone::Alarm, &words))),
                    }
                }),
            }
        });
    }

    fn open_message(&mut self, open: &mut Open, name: MessageRef) {
        let (announcer, settings, asked) = (self.announcer.clone(), Arc::clone(&self.settings), name.clone());
        let early = open.library.key(&name).and_then(|key| self.around(open, key, None)).map(|around| {
            let (announcer, settings, asked) = (announcer.clone(), Arc::clone(&settings), asked.clone());
            Box::new(move |reading: Reading| {
                let view = Arc::new(reader::beginning(&reading, around, &settings.classes));
                announcer.send(Event::Message(asked, Ok(view)));
            }) as Early
        });
        let keyring = open.keyring.clone();
        let watcher = OnScreen::show(&mut open.on_screen, &name);
        self.with_message_early(open, name, watcher, early, move |read| {
            let view = read.and_then(shown).map(|(reading, around)| {
                let readers = readers(&keyring.now(), &reading.opened.report, settings.clock.now());
                Arc::new(reader::view(&reading, around, readers, &settings.classes))
            });
            announcer.send(Event::Message(asked, view));
        });
    }

    fn show_source(&mut self, open: &mut Open, name: MessageRef) {
        let (announcer, asked) = (self.announcer.clone(), name.clone());
        self.with_message(open, name, move |read| {
            let lines = read.and_then(shown).map(|(reading, _)| reader::source(&reading).into());
            announcer.send(Event::Source(asked, lines));
        });
    }

    fn save_attachment(&mut self, open: &mut Open, name: MessageRef, path: String, dir: String) {
        let announcer = self.announcer.clone();
        self.with_message(open, name, move |read| {
            let told = match read {
                Err(words) => words,
                Ok((streamed, _)) => {
                    let reading = streamed.reading.as_ref();
                    let info = reading.and_then(|reading| {
                        let info = reading.body.attachments.iter().find(|info| info.path == path)?;
                        Some((info, reading.shut.refusal(info.part)))
                    });
                    match info {
                        None => sentence(Tone::Warning, "This message has no such attachment."),
                        Some((_, Some(refusal))) => sentence(Tone::Warning, &refusal),
                        Some((info, None)) => {
                            let write =
                                |to: &mut dyn std::io::Write| streamed.write_content(&streamed.tape(), info.part, to);
                            match files::save_from(&PathBuf::from(dir), &info.name, &info.sha256, &write) {
                                Ok(saved) if saved.already => {
                                    sentence(Tone::Plain, &format!("It was saved already: {}", saved.path.display()))
                                }
                                Ok(saved) => {
                                    let digest: String = info.sha256.chars().take(16).collect();
                                    let words = format!("Saved: {} (SHA-256 {digest}…)", saved.path.display());
                                    sentence(Tone::Good, &words)
                                }
                                Err(words) => sentence(Tone::Alarm, &words),
                            }
                        }
                    }
                }
            };
            announcer.send(Event::Notice(told));
        });
    }

    /// An encrypted file is decrypted by itself, and becomes a file: nothing of it is shown beside the message.
    fn decrypt_attachment(&mut self, open: &mut Open, name: MessageRef, path: String, dir: String) {
        let announcer = self.announcer.clone();
        let (keyring, now) = (open.keyring.now(), self.now());
        let company = self.company(open, open.library.key(&name));
        let keys = open.keyring.clone();
        let shutter = open.library.key(&name).map(|key| Shutter::of(self, open, key));
        self.with_message(open, name, move |read| {
            let told = read.and_then(|(streamed, _)| {
                let reading = streamed.reading.as_ref();
                let info = reading.and_then(|reading| {
                    let info = reading.body.attachments.iter().find(|info| info.path == path)?;
                    Some((info, reading.shut.refusal(info.part)))
                });
                match info {
                    None => Err(sentence(Tone::Warning, "This message has no such attachment.")),
                    Some((_, Some(refusal))) => Err(sentence(Tone::Warning, &refusal)),
                    Some((info, None)) => {
                        let terms = company.terms(now, Decrypt::Any);
                        let look = Look { keyring: &keyring, terms: &terms, beside: false };
                        let tick = |_| keys.unless_locked();
                        let refusal = |name: &str, plain: &Plain| match &shutter {
                            Some(shutter) => shutter.refusal(name, &info.sha256, plain),
                            None => Ok(Some("This message is gone: it was moved or deleted elsewhere.".to_owned())),
                        };
                        Ok(files::decrypt(&streamed, info.part, &PathBuf::from(dir), &look, &tick, &refusal))
                    }
                }
            });
            let (Ok(told) | Err(told)) = told;
            announcer.send(Event::Notice(told));
        });
    }

    /// What a forwarded message has attached: of what was shown of it, so that nothing goes out that was never on screen.
    fn carry_attachments(&mut self, open: &mut Open, name: MessageRef) {
        let (announcer, asked) = (self.announcer.clone(), name.clone());
        self.with_message(open, name, move |read| {
            let files = read.and_then(|(streamed, _)| {
                let Some(reading) = &streamed.reading else { return Ok(Vec::new()) };
                // What is shut is not passed on, and nothing is passed on as if it were whole.
                let shut = reading.body.attachments.iter().find_map(|info| reading.shut.refusal(info.part));
                let bytes = reading.body.attachments.iter().fold(0_u64, |sum, info| sum.saturating_add(info.bytes));
                match shut.or_else(|| files::too_large(bytes)) {
                    Some(words) => Err(sentence(Tone::Warning, &words)),
                    None => files::carried(&reading.body.attachments, &|place| streamed.content(place, usize::MAX))
                        .map_err(|error| sentence(Tone::Alarm, &format!("The attachments could not be read: {error}"))),
                }
            });
            announcer.send(Event::Carried(asked, files));
        });
    }

    /// One's own certificate as a file to attach.
    fn own_key(keyring: &Keyring, from: &str, now: jiff::Timestamp) -> Result<Attachment, String> {
        let own = keyring
            .signer_for(from, now)
            .ok_or_else(|| format!("You have no key of your own for {from}; make one with `casemail key generate`."))?;
        let (name, armored) = announce::attachable(keyring, &own).map_err(|error| error.to_string())?;
        Ok(Attachment { name, media_type: "application/pgp-keys".to_owned(), content: armored.into_bytes() })
    }

    fn review(&mut self, open: &mut Open, draft: Draft) {
        let (settings, keyring) = (Arc::clone(&self.settings), open.keyring.now());
        let (core, number) = (self.handle.clone(), open.number);
        let limits = open.outbox.limits();
        let facts = self.facts(open, &draft);
        self.runtime.spawn_blocking(move || {
            let prepared = prepare(draft, &settings, &keyring, &limits, &facts);
            core.front_of(number, move |core, open| {
                let reviewed = match prepared {
                    Ok(prepared) => {
                        let review = Arc::new(prepared.review.clone());
                        if open.reviews.len() >= REVIEWS_MAX {
                            open.reviews.remove(0);
                        }
                        open.reviews.push(prepared);
                        Ok(review)
                    }
                    Err(error) => Err(refusal(&error)),
                };
                core.announcer.send(Event::Reviewed(reviewed));
            });
        });
    }

    fn confirm(&mut self, open: &mut Open, token: u64, said: Said) {
        let Some(place) = open.reviews.iter().position(|prepared| prepared.token == token) else {
            let words = "This review is too old: look at it again before sending.";
            self.announcer.send(Event::Queued(None, Err(sentence(Tone::Warning, words))));
            return;
        };
        let prepared = open.reviews.remove(place);
        let undo = self.settings.config.undo_send_seconds;
        let accepted = accept(&prepared, said);
        match accepted.and_then(|accepted| self.queue(open, &prepared, &accepted, undo)) {
            Ok(_) => {
                let words = if undo == 0 {
                    "Queued to be sent.".to_owned()
                } else {
                    format!("Queued; it leaves in {undo} s and can be taken back from the outbox until then.")
                };
                // What was still to be written of it, when it was reviewed, is forgotten as well.
                if let Some(key) = prepared.draft.key {
                    self.drop_draft(open, key);
                }
                self.announcer.send(Event::Queued(prepared.draft.key, Ok(sentence(Tone::Good, &words))));
            }
            Err(error) => {
                // Nothing was written: the review still stands.
                self.announcer.send(Event::Queued(prepared.draft.key, Err(refusal(&error))));
                open.reviews.push(prepared);
            }
        }
    }

    /// Writes a prepared message to the outbox, durably, then wakes the sender.
    pub(crate) fn queue(
        &mut self,
        open: &mut Open,
        prepared: &Prepared,
        accepted: &Accepted,
        undo_seconds: u32,
    ) -> Result<Vec<OutboxId>, EngineError> {
        if let Some(why) = prepared.refusal(accepted) {
            return Err(EngineError::Refused(format!("It is not sent: {why}")));
        }
        self.note_override(open, prepared, accepted)?;
        let now = self.now();
        let until = now.checked_add(jiff::SignedDuration::from_secs(i64::from(undo_seconds))).ok();
        let held = until.filter(|_| undo_seconds > 0);
        let held = held.map(|until| Window { until, since: self.settings.clock.uptime() });
        let sent = self.settings.config.account(Some(&prepared.account)).and_then(|a| a.sent_mailbox.clone());
        let ids = if prepared.draft.plea.is_some() {
            self.queue_plea(open, prepared, accepted, sent.as_deref(), held)?
        } else {
            outbox::queue(&open.stores, prepared, accepted, sent.as_deref(), now, held)?
        };
        open.outbox.wake();
        if let Some(key) = prepared.answers.as_ref().and_then(|name| open.library.key(name)) {
            self.mark_answered(open, key);
        }
        self.send_outbox(open);
        Ok(ids)
    }

    /// A draft from a file: checked, and queued unless it is only a try.
    pub(crate) fn send_file(
        &mut self,
        open: &mut Open,
        bytes: &[u8],
        account: Option<&str>,
        said: Said,
        dry_run: bool,
        along: Along,
    ) -> Result<super::query::SendReport, EngineError> {
        let known = self
            .settings
            .config
            .account(account)
            .ok_or_else(|| EngineError::NoAccount(account.unwrap_or("").to_owned()))?;
        let draft_file::Read { mut draft, attach_key, disclosed } =
            draft_file::read(bytes, &known.name).map_err(EngineError::BadData)?;
        let keyring = open.keyring.now();
        if attach_key {
            let from = if draft.from.addr.is_empty() { &known.address.addr } else { &draft.from.addr };
            let key = Self::own_key(&keyring, from, self.now()).map_err(EngineError::Refused)?;
            draft.attachments.push(key);
        }
        for path in &along.files {
            let read = enclosing::enclosed(path, &self.settings.config.attachments).map_err(EngineError::BadData)?;
            draft.attach(read.file, read.source);
        }
        draft.split = along.split.then(Vec::new);
        draft.origin = self.origin_of(open, &draft, &keyring).map(|origin| Origin { disclosed, ..origin });
        if draft.origin.is_some() && draft.protection == Protection::WhenPossible {
            draft.protection = Protection::Required;
        }
        self.send_draft(open, draft, said, dry_run)
    }

    /// A draft of a command: checked, and queued unless it is only a try.
    pub(crate) fn send_draft(
        &mut self,
        open: &mut Open,
        draft: Draft,
        said: Said,
        dry_run: bool,
    ) -> Result<super::query::SendReport, EngineError> {
        let facts = self.facts(open, &draft);
        let prepared = prepare(draft, &self.settings, &open.keyring.now(), &open.outbox.limits(), &facts)?;
        let accepted = accept(&prepared, said)?;
        let mut report = super::query::SendReport {
            queued: Vec::new(),
            findings: prepared.findings.clone(),
            routes: prepared.routes.clone(),
            recipients: prepared.sealings.clone(),
            refused: prepared.refusal(&accepted).is_some(),
        };
        if !dry_run && report.refused {
            self.note_refusal(open, &prepared, &accepted)?;
        }
        if !dry_run && !report.refused {
            report.queued = self.queue(open, &prepared, &accepted, 0)?.into_iter().map(|id| id.0).collect();
        }
        Ok(report)
    }

    /// What a draft from a file answers, if that came encrypted.
    pub(crate) fn origin_of(&self, open: &Open, draft: &Draft, keyring: &Keyring) -> Option<Origin> {
        let ids = draft.in_reply_to.iter().chain(draft.references.last());
        let mut keys = ids.flat_map(|id| open.library.with_message_id(id));
        let key = keys.find(|key| open.library.badge(*key).is_some_and(|badge| badge.encrypted))?;
        let terms = self.settings.terms(Decrypt::NotRsa);
        let look = Look { keyring, terms: &terms, beside: false };
        let reading = Streamed::in_cache(&open.stores, key, &look).and_then(|streamed| streamed.reading);
        // What cannot be read here has no readers that are known of: everybody is asked about.
        Some(reading.map_or_else(Origin::default, |reading| Origin {
            readers: readers(keyring, &reading.opened.report, self.now()),
            hidden_subject: reading.message.headers().subject() != reading.headers().subject(),
            ..Origin::default()
        }))
    }

    /// A key came or was decided about: messages that it may open, or whose signature it may change, are read again.
    pub(crate) fn reread_sealed(&mut self, open: &mut Open) {
        let keys: Vec<MessageKey> = open.library.keys_where(|badge: Badge| {
            (badge.encrypted && !badge.decrypted) || badge.signature != SignatureState::None
        });
        let (stores, core, number) = (Arc::clone(&open.stores), self.handle.clone(), open.number);
        let keys_now = open.keyring.clone();
        let context = ingest::Context {
            keyring: keys_now.now(),
            book: Arc::clone(&self.settings.book),
            classes: Arc::clone(&self.settings.classes),
            now: self.now(),
            tolerance: self.settings.config.openpgp.tolerance,
            destroyed: Arc::default(),
            channel: None,
        };
        self.runtime.spawn_blocking(move || {
            for key in keys {
                // Locked, or another change of keys: that one reads them again.
                if !keys_now.is(&context.keyring) {
                    return;
                }
                let (Ok(Some(kept)), Ok(Some(old))) = (Kept::in_cache(&stores, key), stores.cache.summary(key)) else {
                    continue;
                };
                let Some(new) = again(&old, kept, None, &context, &|_| keys_now.unless_locked()) else {
                    continue;
                };
                // What the user's own word opened (with an RSA key) stays opened.
                if new == old || (old.openpgp.decrypted && !new.openpgp.decrypted) {
                    continue;
                }
                if stores.cache.update_summaries(key.mailbox, vec![new.clone()]).is_ok()
                    && !core.back_of(number, move |core, open| {
                        open.library.applied(key.mailbox, [key.uid], true, false);
                        core.ingested(open, key.mailbox, vec![new.into()]);
                    })
                {
                    return;
                }
            }
        });
    }
}

/// What was read of a message.
fn shown((streamed, around): (Streamed, Around)) -> Result<(Reading, Around), Sentence> {
    let reading = streamed.reading.ok_or_else(|| sentence(Tone::Alarm, "This message cannot be shown."))?;
    Ok((reading, around))
}

/// Whether an effect is about messages of the index.
fn needs_list(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::ListCases
            | Effect::ShowCase(_)
            | Effect::ListTriage
            | Effect::File(..)
            | Effect::Unfile(_)
            | Effect::OpenCase(_)
            | Effect::ChangeCase(..)
            | Effect::AddNumber(..)
            | Effect::AwaitAnswer(..)
            | Effect::ListAwaiting
            | Effect::AttachDocuments(..)
            | Effect::ListDocuments(_)
            | Effect::Quarantine { .. }
            | Effect::PreviewRefile
            | Effect::Refile
            | Effect::Chase(..)
            | Effect::ListThreads(_)
            | Effect::OpenThread(..)
            | Effect::OpenMessage(_)
            | Effect::CloseMessage
            | Effect::ShowSource(_)
            | Effect::ChangeFlags(..)
            | Effect::ChangeThreadFlags(..)
            | Effect::MarkRead(_)
            | Effect::Do(..)
            | Effect::Undo
            | Effect::UndoDeletion
            | Effect::UndoStep(_)
            | Effect::RetryStep(_)
            | Effect::SaveChange(..)
            | Effect::Export(..)
            | Effect::ListMailboxes(_)
            | Effect::SaveAttachment(..)
            | Effect::DecryptAttachment(..)
            | Effect::CarryAttachments(_)
            | Effect::Complete(..)
            | Effect::OfferTemplates(_)
    )
}
