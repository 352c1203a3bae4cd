//! Everything that the screen knows, and the questions that can be asked of it without changing it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::effect::Effect;
use super::export_view::Exporting;
use super::leaving::Going;
use super::popup::Popup;
use super::screen::Screen;
use super::screen::cases::Cases;
use super::screen::lock::Lock;
use super::size::{Area, Parts, inset, measure};
use super::unkept::Unkept;
use super::view::{AccountStatus, DraftRow, Link, Sentence, Tone};
use crate::action::Context;
use crate::keymap::key::Key;
use crate::keymap::{Hint, Keymap};
use crate::mail::address::Address;
use crate::mail::draft::Draft;
use crate::mail::safe::SafeText;

/// Whom the user writes as.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// The account's name in the configuration.
    pub account: String,
    /// The author of what goes out by it.
    pub address: Address,
    /// Other addresses of the same person: a reply never goes to them.
    pub also: Vec<Address>,
}

/// What the screen is told once, at the start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// One for each account, the preferred first.
    pub identities: Vec<Identity>,
    /// The keys.
    pub keymap: Keymap,
    /// Where dates and times are shown.
    pub zone: TimeZone,
    /// The terminal shows pictures by itself: their cells are left free.
    pub own_pictures: bool,
    /// Draw with ASCII alone.
    pub ascii: bool,
    /// Lock after so many minutes without a key; 0: never.
    pub idle_lock_minutes: u32,
    /// Where an attachment is offered to be saved.
    pub save_directory: String,
    /// The home directory of the user, for paths that begin with `~`; may be empty.
    pub home: String,
    /// Somebody else may have rights on this machine: it is reached over SSH.
    pub is_remote: bool,
    /// What the locked screen says besides; for a profile whose passphrase is no secret.
    pub lock_note: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            identities: Vec::new(),
            keymap: Keymap::builtin(),
            zone: TimeZone::UTC,
            own_pictures: false,
            ascii: false,
            idle_lock_minutes: 5,
            save_directory: String::from("."),
            home: String::new(),
            is_remote: false,
            lock_note: String::new(),
        }
    }
}

/// Something to tell, until a key is pressed.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The words.
    pub sentence: Sentence,
    /// When they were said.
    pub at: Timestamp,
}

/// Everything that the screen knows.
#[derive(Debug)]
pub struct Model {
    pub(crate) settings: Settings,
    pub(crate) now: Timestamp,
    pub(crate) size: (u16, u16),
    /// The lowest is always the list of cases.
    pub(crate) screens: Vec<Screen>,
    pub(crate) popups: Vec<Popup>,
    pub(crate) accounts: Vec<AccountStatus>,
    pub(crate) notice: Option<Notice>,
    /// Keys that end soon, in few words.
    pub(crate) keys_ending: Option<SafeText>,
    pub(crate) lock: Option<Lock>,
    pub(crate) pending: Vec<Key>,
    pub(crate) hints: Vec<Hint>,
    /// The draft at hand, while no composer shows it.
    pub(crate) kept: Option<Box<Draft>>,
    /// What the store may not have.
    pub(crate) unkept: Unkept,
    /// Whoever wants to leave waits until everything is kept.
    pub(crate) leaving: bool,
    /// Messages that are in the outbox and have not left.
    pub(crate) going: Going,
    /// The drafts that were set aside, oldest first.
    pub(crate) drafts: Arc<[DraftRow]>,
    /// A draft was asked for and is on its way to the composer.
    pub(crate) taking_up: bool,
    /// The number of the last message that was begun or gone on with.
    pub(crate) composers: u64,
    /// Where an attachment was last saved.
    pub(crate) directory: Option<String>,
    /// Where a file was last attached from.
    pub(crate) attach_directory: Option<String>,
    /// An export is at work.
    pub(crate) exporting: Option<Exporting>,
    pub(crate) last_key: Timestamp,
}

impl Model {
    /// A model that shows nothing yet.
    #[must_use]
    pub fn new(settings: Settings, now: Timestamp) -> Self {
        Self {
            settings,
            now,
            size: (80, 24),
            screens: vec![Screen::Cases(Cases::default())],
            popups: Vec::new(),
            accounts: Vec::new(),
            notice: None,
            keys_ending: None,
            lock: None,
            pending: Vec::new(),
            hints: Vec::new(),
            kept: None,
            unkept: Unkept::default(),
            leaving: false,
            going: Going::default(),
            drafts: Arc::from([]),
            taking_up: false,
            composers: 0,
            directory: None,
            attach_directory: None,
            exporting: None,
            last_key: now,
        }
    }

    /// What to ask for first. With `locked`, a passphrase is asked for before anything else.
    pub fn start(&mut self, locked: bool) -> Vec<Effect> {
        if locked {
            self.lock = Some(Lock::default());
            return Vec::new();
        }
        let mut out = Vec::new();
        self.refresh(&mut out);
        out
    }

    /// Where keys go now: derived from what is on screen, never stored.
    #[must_use]
    pub fn context(&self) -> Context {
        if self.lock.is_some() {
            return Context::Prompt;
        }
        match self.popups.last() {
            Some(Popup::Ask(_)) => Context::Confirm,
            // Everything else is typed into.
            Some(_) => Context::Prompt,
            None => self.screen_context(),
        }
    }

    /// The context of the screen, whatever lies over it.
    #[must_use]
    pub fn screen_context(&self) -> Context {
        match self.screens.last() {
            None | Some(Screen::Cases(_)) => Context::Cases,
            Some(Screen::Threads(_)) => Context::Threads,
            Some(Screen::Thread(thread)) if thread.reading() => Context::Message,
            Some(Screen::Thread(_)) => Context::Thread,
            Some(Screen::Composer(_)) => Context::Composer,
            Some(Screen::Review(_)) => Context::Review,
            Some(Screen::Outbox(_)) => Context::Outbox,
            Some(Screen::Changes(_)) => Context::Changes,
            Some(Screen::Drafts(_)) => Context::Drafts,
            Some(Screen::Connections(_)) => Context::Connections,
            Some(Screen::Keys(_)) => Context::Keys,
            Some(Screen::Assistant(_)) => Context::Assistant,
            Some(Screen::Case(_)) => Context::Case,
            Some(Screen::Triage(_)) => Context::Triage,
            Some(Screen::Awaiting(_)) => Context::Awaiting,
            Some(Screen::Pleas(_)) => Context::Pleas,
            Some(Screen::Plea(_)) => Context::Plea,
            Some(Screen::Chronology(_)) => Context::Chronology,
            Some(Screen::Documents(_)) => Context::Documents,
            Some(Screen::Look(_)) => Context::Look,
            Some(Screen::Help(_)) => Context::Help,
        }
    }

    /// While keys are pending: how long after the last key they run out ([`super::event::Event::KeysExpired`]).
    #[must_use]
    pub fn pending_timeout(&self) -> Option<Duration> {
        (!self.pending.is_empty()).then(|| self.settings.keymap.timeout())
    }

    /// Whether the profile is locked.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }

    /// The text of the draft on screen, for an editor that is about to be run; `None` outside the composer.
    #[must_use]
    pub fn is_composing(&self) -> bool {
        self.screens.iter().any(|screen| matches!(screen, Screen::Composer(_)))
    }

    pub(crate) fn parts(&self) -> Parts {
        Parts::of(self.size)
    }

    /// Where rows of a list are drawn, below their heading.
    pub(crate) fn list_area(&self) -> Area {
        let body = self.parts().body;
        let heading = u16::from(body.height >= 9);
        let detail = match self.screens.last() {
            Some(Screen::Outbox(_)) if body.height >= 18 => 9,
            Some(Screen::Outbox(_) | Screen::Changes(_) | Screen::Triage(_)) if body.height >= 9 => 5,
            Some(Screen::Case(_) | Screen::Awaiting(_)) if body.height >= 12 => 4,
            Some(Screen::Documents(_)) if body.height >= 36 => 14,
            Some(Screen::Documents(_)) if body.height >= 18 => 8,
            Some(Screen::Documents(_)) if body.height >= 12 => 5,
            Some(Screen::Pleas(_)) if body.height >= 12 => 2,
            Some(Screen::Plea(_)) if body.height >= 12 => 4,
            Some(Screen::Chronology(_)) if body.height >= 18 => 9,
            Some(Screen::Chronology(_)) if body.height >= 12 => 6,
            Some(Screen::Connections(_)) if body.height >= 12 => 7,
            Some(Screen::Keys(_)) if body.height >= 18 => 11,
            Some(Screen::Assistant(_)) if body.height >= 12 => body.height * 3 / 4,
            Some(Screen::Cases(_)) if body.height >= 12 && self.trouble().is_some() => 4,
            _ => 0,
        };
        Area { y: body.y + heading, height: body.height.saturating_sub(heading + detail), ..body }
    }

    /// Why an account has no connection, where that is more than the status row holds.
    pub(crate) fn trouble(&self) -> Option<(&str, &SafeText)> {
        self.accounts.iter().find_map(|account| match &account.link {
            Link::Offline { because, .. } if because.width() + 40 > usize::from(self.size.0) => {
                Some((account.account.as_str(), because))
            }
            _ => None,
        })
    }

    /// Lays everything out anew for the size of the screen.
    pub(crate) fn arrange(&mut self) {
        let body = self.parts().body;
        let rows = usize::from(self.list_area().height);
        let text = inset(body);
        for screen in &mut self.screens {
            match screen {
                Screen::Cases(cases) => cases.list.set_height(rows),
                Screen::Threads(threads) => threads.list.set_height(rows),
                Screen::Outbox(outbox) => outbox.list.set_height(rows),
                Screen::Changes(changes) => changes.list.set_height(rows),
                Screen::Drafts(drafts) => drafts.list.set_height(rows),
                Screen::Connections(connections) => connections.list.set_height(rows),
                Screen::Keys(keys) => keys.list.set_height(rows),
                Screen::Assistant(assistant) => assistant.list.set_height(rows),
                Screen::Case(case) => case.list.set_height(rows),
                Screen::Triage(triage) => triage.list.set_height(rows),
                Screen::Awaiting(awaiting) => awaiting.list.set_height(rows),
                Screen::Pleas(pleas) => pleas.list.set_height(rows),
                Screen::Plea(shown) => shown.list.set_height(rows),
                Screen::Chronology(chronology) => chronology.list.set_height(rows),
                Screen::Documents(documents) => documents.list.set_height(rows),
                Screen::Look(look) => look.arrange(measure(text), usize::from(text.height)),
                Screen::Help(help) => help.list.set_height(usize::from(body.height)),
                Screen::Thread(thread) => thread.arrange(body),
                Screen::Review(review) => review.arrange(measure(text), usize::from(text.height)),
                Screen::Composer(_) => {}
            }
        }
    }

    /// Asks again for what is on screen and out of date.
    pub(crate) fn refresh(&mut self, out: &mut Vec<Effect>) {
        let last = self.screens.len().saturating_sub(1);
        for (at, screen) in self.screens.iter_mut().enumerate() {
            let (fresh, effect) = match screen {
                Screen::Cases(cases) => (&mut cases.fresh, Effect::ListCases),
                Screen::Threads(threads) => (&mut threads.fresh, Effect::ListThreads(threads.scope.clone())),
                Screen::Thread(thread) => (&mut thread.fresh, Effect::OpenThread(thread.id, thread.scope.clone())),
                Screen::Outbox(outbox) => (&mut outbox.fresh, Effect::ListOutbox),
                Screen::Changes(changes) => (&mut changes.fresh, Effect::ListWaiting),
                Screen::Connections(connections) => (&mut connections.fresh, Effect::ListConnections),
                Screen::Keys(keys) => (&mut keys.fresh, Effect::ListKeys),
                Screen::Assistant(assistant) => (&mut assistant.fresh, Effect::Assist(assistant.addresses.clone())),
                Screen::Case(case) => (&mut case.fresh, Effect::ShowCase(case.id.clone())),
                Screen::Triage(triage) => (&mut triage.fresh, Effect::ListTriage),
                Screen::Awaiting(awaiting) => (&mut awaiting.fresh, Effect::ListAwaiting),
                Screen::Pleas(pleas) => (&mut pleas.fresh, Effect::ListPleas),
                Screen::Plea(shown) => (&mut shown.fresh, Effect::ShowPlea(shown.case.clone(), shown.id.clone())),
                Screen::Chronology(chronology) => {
                    (&mut chronology.fresh, Effect::ShowChronology(chronology.case.clone()))
                }
                Screen::Documents(documents) => (&mut documents.fresh, Effect::ListDocuments(documents.scope.clone())),
                Screen::Look(_) | Screen::Composer(_) | Screen::Review(_) | Screen::Drafts(_) | Screen::Help(_) => {
                    continue;
                }
            };
            if at < last {
                fresh.spoil();
            } else if fresh.ask() {
                out.push(effect);
            }
        }
    }

    /// Puts a screen on top.
    pub(crate) fn push(&mut self, screen: Screen) {
        self.screens.push(screen);
        self.arrange();
    }

    /// Takes the top screen off; the list of cases stays.
    pub(crate) fn pop(&mut self, out: &mut Vec<Effect>) {
        if self.screens.len() > 1 {
            self.screens.pop();
        }
        self.shown_again(out);
    }

    /// The top screen is looked at again: news that came meanwhile are asked for.
    pub(crate) fn shown_again(&mut self, out: &mut Vec<Effect>) {
        self.arrange();
        let stale = match self.screens.last_mut() {
            Some(Screen::Cases(cases)) => cases.fresh.seen_again().then_some(Effect::ListCases),
            Some(Screen::Threads(threads)) => {
                threads.fresh.seen_again().then(|| Effect::ListThreads(threads.scope.clone()))
            }
            Some(Screen::Thread(thread)) => {
                thread.fresh.seen_again().then_some(Effect::OpenThread(thread.id, thread.scope.clone()))
            }
            Some(Screen::Outbox(outbox)) => outbox.fresh.seen_again().then_some(Effect::ListOutbox),
            Some(Screen::Changes(changes)) => changes.fresh.seen_again().then_some(Effect::ListWaiting),
            Some(Screen::Connections(connections)) => connections.fresh.seen_again().then_some(Effect::ListConnections),
            Some(Screen::Keys(keys)) => keys.fresh.seen_again().then_some(Effect::ListKeys),
            Some(Screen::Assistant(assistant)) => {
                assistant.fresh.seen_again().then(|| Effect::Assist(assistant.addresses.clone()))
            }
            Some(Screen::Case(case)) => case.fresh.seen_again().then(|| Effect::ShowCase(case.id.clone())),
            Some(Screen::Triage(triage)) => triage.fresh.seen_again().then_some(Effect::ListTriage),
            Some(Screen::Awaiting(awaiting)) => awaiting.fresh.seen_again().then_some(Effect::ListAwaiting),
            Some(Screen::Pleas(pleas)) => pleas.fresh.seen_again().then_some(Effect::ListPleas),
            Some(Screen::Plea(shown)) => {
                shown.fresh.seen_again().then(|| Effect::ShowPlea(shown.case.clone(), shown.id.clone()))
            }
            Some(Screen::Chronology(chronology)) => {
                chronology.fresh.seen_again().then(|| Effect::ShowChronology(chronology.case.clone()))
            }
            Some(Screen::Documents(documents)) => {
                documents.fresh.seen_again().then(|| Effect::ListDocuments(documents.scope.clone()))
            }
            _ => None,
        };
        out.extend(stale);
    }

    /// Says something on the message line.
    pub(crate) fn say(&mut self, tone: Tone, text: impl AsRef<str>) {
        self.tell(Sentence { tone, text: SafeText::line(text.as_ref()) });
    }

    /// Shows a sentence on the message line.
    pub(crate) fn tell(&mut self, sentence: Sentence) {
        self.notice = Some(Notice { sentence, at: self.now });
    }

    /// Drops every text of every message, and everything that names a person or a case.
    pub(crate) fn forget(&mut self) {
        let (queued, now) = (self.is_being_queued(), self.now);
        let typed = self.composer_mut().filter(|(composer, _)| composer.changed && !queued);
        if let Some(draft) = typed.and_then(|(composer, _)| composer.draft(false)) {
            self.unkept.hold(draft, now);
        }
        self.screens = vec![Screen::Cases(Cases::default())];
        self.popups.clear();
        self.pending.clear();
        self.hints.clear();
        self.notice = None;
        self.keys_ending = None;
        self.kept = None;
        self.drafts = Arc::from([]);
        self.taking_up = false;
        (self.directory, self.attach_directory) = (None, None);
        self.exporting = None;
        for account in &mut self.accounts {
            if let Link::Syncing { mailbox, .. } = &mut account.link {
                *mailbox = SafeText::default();
            }
        }
        self.lock = Some(Lock::default());
        self.arrange();
    }
}
