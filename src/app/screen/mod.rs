//! The screens as values; `ui::screen` has a file of the same name for each.

pub mod assistant;
pub mod attach;
pub mod awaiting;
pub mod case;
pub mod cases;
pub mod changes;
pub mod chronology;
pub mod composer;
pub mod connections;
pub mod documents;
pub mod drafts;
pub mod finder;
pub mod help;
pub mod keys;
pub mod lock;
pub mod look;
pub mod negotiation;
pub mod offers;
pub mod outbox;
pub mod palette;
pub mod picker;
pub mod pleas;
pub mod review;
pub mod thread;
pub mod threads;
pub mod triage;

/// Whether a list is to be asked for again: at most one question is under way, and news during it lead to one more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    asked: bool,
    stale: bool,
    /// An answer has come at least once.
    pub loaded: bool,
}

impl Freshness {
    /// Something changed: tells whether to ask now.
    pub fn ask(&mut self) -> bool {
        self.stale = self.asked;
        !std::mem::replace(&mut self.asked, true)
    }

    /// Something changed while nobody looks: to be asked for when it is seen again.
    pub fn spoil(&mut self) {
        self.stale = true;
    }

    /// The answer has come: tells whether to ask again at once.
    pub fn answered(&mut self) -> bool {
        self.loaded = true;
        self.asked = false;
        std::mem::take(&mut self.stale) && self.ask()
    }

    /// It is looked at again: tells whether to ask.
    pub fn seen_again(&mut self) -> bool {
        !self.asked && std::mem::take(&mut self.stale) && self.ask()
    }
}

/// A screen on the stack.
#[derive(Debug)]
pub enum Screen {
    /// The cases.
    Cases(cases::Cases),
    /// The threads of a case, of no case, or all.
    Threads(threads::Threads),
    /// An open thread.
    Thread(Box<thread::Thread>),
    /// A message being written.
    Composer(Box<composer::Composer>),
    /// What is about to be sent.
    Review(Box<review::ReviewScreen>),
    /// What is on its way.
    Outbox(outbox::Outbox),
    /// What the servers were not told yet.
    Changes(changes::Changes),
    /// Drafts that wait.
    Drafts(drafts::Drafts),
    /// What each account and mailbox is doing.
    Connections(connections::Connections),
    /// The keys that are held.
    Keys(keys::Keys),
    /// Why mail cannot be sealed.
    Assistant(assistant::Assistant),
    /// A case with everything that is known of it.
    Case(Box<case::CaseScreen>),
    /// What is to be filed.
    Triage(triage::Triage),
    /// Answers that are waited for.
    Awaiting(awaiting::AwaitingScreen),
    /// The board of plea negotiations.
    Pleas(pleas::Pleas),
    /// A negotiation.
    Plea(Box<negotiation::Negotiation>),
    /// What happened in a case.
    Chronology(chronology::Chronology),
    /// Documents of a case or a message.
    Documents(Box<documents::Documents>),
    /// A document that is looked into.
    Look(Box<look::LookScreen>),
    /// Keys and what they do.
    Help(help::Help),
}
