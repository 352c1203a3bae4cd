//! An export for a person who watches: beside everything else, with news of how far it is, until it is stopped.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::bundle::Choice;
use super::fetch::Fetcher;
use super::gather::{Exporter, Letter};
use super::{Chosen, Form, Order, Progress, Subject, judge};
use crate::app::effect::{Target, Wanted};
use crate::app::event::Event;
use crate::app::export_view::{ExportNews, Exporting, Making};
use crate::app::view::Tone;
use crate::engine::announce::sentence;
use crate::engine::core::{Core, EngineError, Open};
use crate::engine::register::Recorder;
use crate::export::verify;
use crate::mail::safe::SafeText;

/// News is told this often at most.
const TELL: Duration = Duration::from_millis(200);

impl Core {
    /// Exports what the screen asks for, beside everything else, and tells how far it is and what came of it.
    pub(in crate::engine) fn export(&self, open: &mut Open, wanted: Wanted, to: PathBuf, making: Making) {
        if self.is_exporting(open) {
            return;
        }
        let chosen: Arc<[SafeText]> = match &wanted {
            Wanted::Documents(_, documents) => documents.iter().map(|one| SafeText::line(&one.sha256)).collect(),
            Wanted::Case(_) | Wanted::Mail(_) => Arc::default(),
        };
        let (subject, mail) = match wanted {
            Wanted::Case(case) => (Subject::Case(case), true),
            Wanted::Mail(Target::Messages(names)) => (Subject::Messages(names), true),
            Wanted::Mail(Target::Threads(threads)) => (Subject::Threads(threads), true),
            Wanted::Documents(case, documents) => (Subject::Documents(Chosen::of(case, documents)), false),
        };
        let order = Order { subject, form: Form::Files, decrypt: false, to: to.clone() };
        let exporter = match Exporter::of(self, open, order) {
            Ok(exporter) => exporter,
            Err(error) => return self.complain(&error),
        };
        let recorder = exporter.case.as_ref().and_then(|case| Recorder::of(self, open, Some(case), false));
        let stop = Arc::new(AtomicBool::new(false));
        open.exporting = Some(Arc::clone(&stop));
        let (announcer, core, keyring, number) =
            (self.announcer.clone(), self.handle.clone(), open.keyring.clone(), open.number);
        let fetcher = Fetcher { core: self.handle.clone(), runtime: self.runtime.clone(), engine: None };
        let place = SafeText::line(&to.display().to_string());
        let news = move |progress: Progress, since: Duration| {
            let rate = progress.bytes as f64 / since.as_secs_f64().max(0.001);
            ExportNews::At(Exporting {
                making,
                place: place.clone(),
                done: progress.done,
                of: progress.of,
                documents: progress.documents,
                bytes: progress.bytes,
                rate: rate as u64,
                share: (progress.share() * 1000.0) as u16,
            })
        };
        let begun = Instant::now();
        announcer.send(Event::Exporting(news(Progress::default(), begun.elapsed())));
        self.runtime.spawn_blocking(move || {
            let last = Mutex::new(begun);
            let told = |progress: Progress| {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.elapsed() > TELL {
                    *last = Instant::now();
                    announcer.send(Event::Exporting(news(progress, begun.elapsed())));
                }
                // With the lock of the profile goes the work on what it holds.
                !stop.load(Ordering::Relaxed) && keyring.is(&exporter.keyring)
            };
            let fetch = |letter: &Letter| fetcher.fetch(letter);
            // What came since somebody last looked is written down first: when a message was first seen stands in the manifest.
            let recorded = recorder.map_or(Ok(0), |recorder| {
                recorder
                    .write_watched(&|_, _| !stop.load(Ordering::Relaxed) && keyring.is(&exporter.keyring))
                    .map(|done| done.messages)
            });
            let done = recorded.and_then(|_| match making {
                Making::Files => exporter.run(&fetch, &told).map(|done| {
                    (done.left_out.is_empty(), format!("{}. In {}.", done.words(), done.directory.display()))
                }),
                Making::Bundle | Making::Proof => {
                    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&to)?;
                    let choice = Choice { mail, ..Choice::default() };
                    let done = exporter.bundle(&to, &choice, &fetch, &told);
                    done.map(|done| (done.left() == 0, done.words()))
                }
            });
            let words = match done {
                Ok((true, words)) => sentence(Tone::Good, &words),
                Ok((false, words)) => sentence(Tone::Warning, &words),
                Err(EngineError::Refused(words)) => {
                    sentence(Tone::Warning, &format!("The export ended early: {words}"))
                }
                Err(error) => sentence(Tone::Alarm, &format!("The export ended early: {error}")),
            };
            // Before it is told: whoever reads it may begin the next.
            drop(stop);
            announcer.send(Event::Exporting(ExportNews::Ended(words, chosen)));
            core.front_of(number, Core::register_changed);
        });
    }

    /// Whether an export is at work, which is told then.
    fn is_exporting(&self, open: &Open) -> bool {
        let is_at_work = open.exporting.as_ref().is_some_and(|stop| Arc::strong_count(stop) > 1);
        if is_at_work {
            self.announcer.notice(Tone::Warning, "An export is at work already; stop it, or wait for its end.");
        }
        is_at_work
    }

    /// Reads an export again, beside everything else, and tells what came of it.
    pub(in crate::engine) fn verify_export(&self, open: &mut Open, dir: PathBuf) {
        if self.is_exporting(open) {
            return;
        }
        let stop = Arc::new(AtomicBool::new(false));
        open.exporting = Some(Arc::clone(&stop));
        let (announcer, keyring, settings) = (self.announcer.clone(), open.keyring.now(), Arc::clone(&self.settings));
        let place = SafeText::line(&dir.display().to_string());
        let begun = Instant::now();
        let news = move |far: verify::Far| {
            let share = far.files.saturating_sub(1).saturating_mul(1000).checked_div(far.of).unwrap_or(0);
            ExportNews::At(Exporting {
                making: Making::Proof,
                place: place.clone(),
                done: usize::try_from(far.files).unwrap_or(usize::MAX),
                of: usize::try_from(far.of).unwrap_or(usize::MAX),
                documents: 0,
                bytes: far.bytes,
                rate: (far.bytes as f64 / begun.elapsed().as_secs_f64().max(0.001)) as u64,
                share: u16::try_from(share).unwrap_or(1000),
            })
        };
        announcer.send(Event::Exporting(news(verify::Far::default())));
        self.runtime.spawn_blocking(move || {
            let last = Mutex::new(begun);
            let told = |far: verify::Far| {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.elapsed() > TELL {
                    *last = Instant::now();
                    announcer.send(Event::Exporting(news(far)));
                }
                !stop.load(Ordering::Relaxed)
            };
            let now = settings.clock.now();
            let judge = |text: &[u8], signature: &[u8]| judge(&keyring, text, signature, now);
            let found = verify::verify(&dir, &judge, &told);
            let tone = match (found.is_sound(), found.stopped) {
                (true, _) => Tone::Good,
                (false, true) => Tone::Warning,
                (false, false) => Tone::Alarm,
            };
            let words = sentence(tone, &format!("{}. In {}.", found.words(), dir.display()));
            drop(stop);
            announcer.send(Event::Exporting(ExportNews::Ended(words, Arc::default())));
        });
    }

    /// Stops the export that is at work.
    pub(in crate::engine) fn stop_export(&self, open: &Open) {
        match open.exporting.as_ref().filter(|stop| Arc::strong_count(stop) > 1) {
            Some(stop) => stop.store(true, Ordering::Relaxed),
            None => self.announcer.notice(Tone::Plain, "No export is at work."),
        }
    }
}
