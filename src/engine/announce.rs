//! Events on their way to the screen.
//!
//! Nobody in the engine waits for the screen: [`Announcer::send`] puts an event into a queue that a thread of its own moves into the
//! bounded channel. While the screen does not read (an outside editor is open, the program is stopped), news of the same kind
//! replaces older news that has not been read, so that the queue stays as long as there are kinds. Answers that were
//! asked for are kept. The engine commits first and announces after.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::app::event::Event;
use crate::app::export_view::ExportNews;
use crate::app::view::{Sentence, Tone};
use crate::mail::safe::SafeText;

/// Notices that wait unread; more of them push the oldest out.
const NOTICES_MAX: usize = 16;

#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    closed: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
}

/// The sending end. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Announcer(Arc<Shared>);

/// Whether a newer event makes an older one that nobody has read yet worthless.
fn replaces(new: &Event, old: &Event) -> bool {
    match (new, old) {
        (Event::Cases(_), Event::Cases(_))
        | (Event::Outbox(_), Event::Outbox(_))
        | (Event::Connections(_), Event::Connections(_))
        | (Event::Changed, Event::Changed)
        | (Event::Completions(..), Event::Completions(..)) => true,
        (Event::Exporting(ExportNews::At(_)), Event::Exporting(ExportNews::At(_))) => true,
        (Event::Threads(a, _), Event::Threads(b, _)) => a == b,
        (Event::Filtered(a, ..), Event::Filtered(b, ..)) => a == b,
        (Event::Thread(a, _), Event::Thread(b, _)) => a == b,
        (Event::Account(a), Event::Account(b)) => a.account == b.account,
        (Event::Message(a, _), Event::Message(b, _)) => a == b,
        _ => false,
    }
}

impl Announcer {
    /// An announcer that feeds `channel` from a thread of its own, which ends after [`Self::close`] or when nobody reads any more.
    pub(crate) fn new(channel: SyncSender<Event>) -> std::io::Result<(Self, JoinHandle<()>)> {
        let announcer = Self::detached();
        let pump = announcer.clone();
        let thread = std::thread::Builder::new().name("announcer".to_owned()).spawn(move || {
            while let Some(event) = pump.next() {
                if channel.send(event).is_err() {
                    pump.close();
                    return;
                }
            }
        })?;
        Ok((announcer, thread))
    }

    /// An announcer that nobody reads, for commands without a screen.
    pub(crate) fn detached() -> Self {
        Self(Arc::new(Shared { queue: Mutex::new(Queue::default()), filled: Condvar::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an event. Never waits.
    pub(crate) fn send(&self, event: Event) {
        let mut queue = self.lock();
        if queue.closed {
            return;
        }
        queue.events.retain(|old| !replaces(&event, old));
        if matches!(event, Event::Notice(_)) {
            let notices = queue.events.iter().filter(|e| matches!(e, Event::Notice(_))).count();
            if notices >= NOTICES_MAX
                && let Some(at) = queue.events.iter().position(|e| matches!(e, Event::Notice(_)))
            {
                queue.events.remove(at);
            }
        }
        queue.events.push_back(event);
        drop(queue);
        self.0.filled.notify_one();
    }

    /// Tells something in words.
    pub(crate) fn notice(&self, tone: Tone, words: &str) {
        self.send(Event::Notice(sentence(tone, words)));
    }

    fn next(&self) -> Option<Event> {
        let mut queue = self.lock();
        loop {
            if let Some(event) = queue.events.pop_front() {
                return Some(event);
            }
            if queue.closed {
                return None;
            }
            queue = self.0.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Drops what carries text of messages and has not been read: the profile is being locked.
    pub(crate) fn forget_texts(&self) {
        self.lock().events.retain(|event| {
            matches!(
                event,
                Event::Changed
                    | Event::Account(_)
                    | Event::Locked
                    | Event::Unlocked(_)
                    | Event::Notice(_)
                    | Event::DraftKept(..)
            )
        });
    }

    /// Ends the thread once the queue is empty.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.0.filled.notify_all();
    }

    /// What waits, oldest first; for commands without a screen and for tests.
    pub(crate) fn drain(&self) -> Vec<Event> {
        self.lock().events.drain(..).collect()
    }
}

/// A sentence, made safe.
pub(crate) fn sentence(tone: Tone, words: &str) -> Sentence {
    Sentence { tone, text: SafeText::line(words) }
}

#[cfg(test)]
mod tests {
    use super::Announcer;
    use crate::app::event::Event;
    use crate::app::view::{Scope, Tone};

    #[test]
    fn unread_news_is_replaced_and_notices_are_bounded() {
        let announcer = Announcer::detached();
        for _ in 0..1000 {
            announcer.send(Event::Changed);
            announcer.send(Event::Cases(Vec::new().into()));
            announcer.send(Event::Threads(Scope::All, Vec::new().into()));
            announcer.send(Event::Threads(Scope::Unfiled, Vec::new().into()));
            announcer.notice(Tone::Plain, "still here");
        }
        assert!(announcer.drain().len() <= 4 + super::NOTICES_MAX);
    }

    #[test]
    fn the_screen_gets_events_in_order_and_the_thread_ends() {
        let (tx, rx) = std::sync::mpsc::sync_channel(1);
        let (announcer, thread) = Announcer::new(tx).unwrap();
        for word in ["one", "two", "three"] {
            announcer.notice(Tone::Plain, word);
        }
        announcer.close();
        let words: Vec<String> = rx
            .iter()
            .map(|event| match event {
                Event::Notice(sentence) => sentence.text.to_string(),
                other => panic!("{other:?}"),
            })
            .collect();
        thread.join().unwrap();
        assert_eq!(words, ["one", "two", "three"]);
    }
}
