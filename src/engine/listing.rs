//! The list of documents on the screen: what the register has is there at once; what came since somebody last looked is read beside everything else,
//! row after row, until it is all there or nobody wants it any more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::announce::Announcer;
use super::core::{Core, Open};
use super::documents::{Documents, with_inner};
use super::register::{Recorded, Recorder};
use crate::app::document_view::{DocumentRow, DocumentScope, Far};
use crate::app::event::Event;
use crate::case::Jurisdiction;
use crate::case::document::{Document, folded};

/// News of a list are told this often at most.
const TELL: Duration = Duration::from_millis(500);

/// Rows for the screen: one for each content, the first that came before its copies.
fn rows(documents: &[Document]) -> Arc<[DocumentRow]> {
    let group = |places: Vec<usize>| {
        let all: Vec<Document> = places.into_iter().filter_map(|at| documents.get(at).cloned()).collect();
        DocumentRow::new(all)
    };
    folded(documents).into_iter().filter_map(group).collect()
}

/// Tells the screen what is in the register while mail is still being read into it.
struct Progress<'a> {
    documents: Documents,
    announcer: &'a Announcer,
    scope: &'a DocumentScope,
    law: Option<Jurisdiction>,
    /// When it was told last, and how long that took.
    last: Mutex<(Instant, Duration)>,
}

impl<'a> Progress<'a> {
    fn new(
        documents: Documents,
        announcer: &'a Announcer,
        scope: &'a DocumentScope,
        law: Option<Jurisdiction>,
    ) -> Self {
        Self { documents, announcer, scope, law, last: Mutex::new((Instant::now(), Duration::ZERO)) }
    }

    /// Whether to tell again: most of the time goes to the reading.
    fn is_due(&self) -> bool {
        let (at, took) = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        at.elapsed() > TELL.max(took * 5)
    }

    fn tell(&self, done: usize, of: usize) {
        let begun = Instant::now();
        let read = self.documents.places().and_then(|places| self.documents.read_at(&places));
        if let Ok(documents) = read {
            let far = Far { done, of, ..Far::default() };
            self.announcer.send(Event::DocumentsFar(self.scope.clone(), rows(&documents), self.law, far));
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = (Instant::now(), begun.elapsed());
    }
}

impl Core {
    /// Sends the documents of a case or a message; what came since somebody last looked is written down first.
    pub(super) fn send_documents(&mut self, open: &mut Open, scope: DocumentScope) {
        let DocumentScope::Case(case) = &scope else { return self.send_documents_of_message(open, scope) };
        // It has been read, and is lent for moments only: a list that leaves something out must not pass for whole.
        let recorder = Recorder::of(self, open, Some(case), true);
        let so_far = recorder.as_ref().and_then(|_| Documents::of(self, open, case, true));
        let (announcer, core, number) = (self.announcer.clone(), self.handle.clone(), open.number);
        let (case, register, law) = (case.clone(), open.register.clone(), self.law(open, case));
        let (keys, keyring) = (open.keyring.clone(), open.keyring.now());
        let stop = Arc::new(AtomicBool::new(false));
        if let Some(before) = open.listing.replace(Arc::clone(&stop)) {
            before.store(true, Ordering::Relaxed);
        }
        self.runtime.spawn_blocking(move || {
            let wanted = || !stop.load(Ordering::Relaxed) && keys.is(&keyring);
            let of = recorder.as_ref().map_or(0, Recorder::count);
            let progress = so_far.map(|documents| Progress::new(documents, &announcer, &scope, law));
            if let Some(progress) = progress.as_ref().filter(|_| of > 0) {
                progress.tell(0, of);
            }
            let recorded = recorder.map_or(Ok(Recorded::default()), |recorder| {
                recorder.write_watched(&|done, of| {
                    if let Some(progress) = progress.as_ref().filter(|progress| done < of && progress.is_due()) {
                        progress.tell(done, of);
                    }
                    wanted()
                })
            });
            drop(progress);
            let far = recorded.as_ref().ok().copied().unwrap_or_default();
            let far = Far { done: of.saturating_sub(far.left), of, absent: far.absent, ended: true };
            // Waited for out here: the core waits for nobody.
            let ready = recorded.and_then(|_| register.with(|_| ()));
            core.clone().front_of(number, move |core, open| {
                let documents = ready.map(|()| Documents::of(core, open, &case, true));
                let handle = core.handle.clone();
                let law = core.law(open, &case);
                core.runtime.spawn_blocking(move || {
                    let read = documents.and_then(|documents| documents.map_or(Ok(Vec::new()), |some| some.read()));
                    match read {
                        Ok(documents) if far.words("").is_some() => {
                            announcer.send(Event::DocumentsFar(scope, rows(&documents), law, far));
                        }
                        Ok(documents) => announcer.send(Event::Documents(scope, rows(&documents), law)),
                        Err(error) => handle.front(move |core| core.complain(&error)),
                    }
                });
            });
        });
    }

    /// Ends the reading of mail for the list that is on screen.
    pub(super) fn stop_documents(open: &Open) {
        if let Some(stop) = &open.listing {
            stop.store(true, Ordering::Relaxed);
        }
    }

    fn send_documents_of_message(&mut self, open: &mut Open, scope: DocumentScope) {
        let DocumentScope::Message(name) = &scope else { return };
        let announcer = self.announcer.clone();
        let case = open.library.key(name).and_then(|key| open.library.cases_of(key).into_iter().next());
        let law = case.and_then(|(case, _)| self.law(open, &case));
        self.with_message(open, name.clone(), move |read| match read {
            Ok((streamed, around)) => {
                let documents = streamed.reading.map(|reading| with_inner(&reading, &around)).unwrap_or_default();
                announcer.send(Event::Documents(scope, rows(&documents), law));
            }
            Err(words) => announcer.send(Event::Notice(words)),
        });
    }
}
