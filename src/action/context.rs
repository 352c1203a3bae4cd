//! Where keys go: each screen and each kind of question is a context, and contexts lie within one another.

/// A context. The sections of a keymap file are named after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// Everywhere.
    Global,
    /// Every list: cases, threads, a thread's messages, the outbox, the connections.
    List,
    /// Every text that scrolls: a message, the review, the help.
    View,
    /// The list of cases.
    Cases,
    /// A list of threads.
    Threads,
    /// One thread: its messages as a tree.
    Thread,
    /// One message.
    Message,
    /// Writing a message.
    Composer,
    /// A message about to be sent.
    Review,
    /// The outbox.
    Outbox,
    /// Changes that the servers were not told yet.
    Changes,
    /// The drafts.
    Drafts,
    /// The connections.
    Connections,
    /// The keys that are held.
    Keys,
    /// Why a message cannot be sealed.
    Assistant,
    /// A case.
    Case,
    /// What is to be filed.
    Triage,
    /// Answers that are waited for.
    Awaiting,
    /// The board of plea negotiations.
    Pleas,
    /// A plea negotiation.
    Plea,
    /// What happened in a case.
    Chronology,
    /// Documents of a case or a message.
    Documents,
    /// A document that is looked into.
    Look,
    /// The help.
    Help,
    /// A question that is answered by typing: a path, a command, the passphrase.
    Prompt,
    /// A question that is answered by yes or no.
    Confirm,
}

impl Context {
    /// All of them, outer ones first.
    pub const ALL: [Self; 26] = [
        Self::Global,
        Self::List,
        Self::View,
        Self::Cases,
        Self::Threads,
        Self::Thread,
        Self::Message,
        Self::Composer,
        Self::Review,
        Self::Outbox,
        Self::Changes,
        Self::Drafts,
        Self::Connections,
        Self::Keys,
        Self::Assistant,
        Self::Case,
        Self::Triage,
        Self::Awaiting,
        Self::Pleas,
        Self::Plea,
        Self::Chronology,
        Self::Documents,
        Self::Look,
        Self::Help,
        Self::Prompt,
        Self::Confirm,
    ];

    /// Its name in a keymap file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::List => "list",
            Self::View => "view",
            Self::Cases => "cases",
            Self::Threads => "threads",
            Self::Thread => "thread",
            Self::Message => "message",
            Self::Composer => "composer",
            Self::Review => "review",
            Self::Outbox => "outbox",
            Self::Changes => "changes",
            Self::Drafts => "drafts",
            Self::Connections => "connections",
            Self::Keys => "keys",
            Self::Assistant => "assistant",
            Self::Case => "case",
            Self::Triage => "triage",
            Self::Awaiting => "awaiting",
            Self::Pleas => "pleas",
            Self::Plea => "plea",
            Self::Chronology => "chronology",
            Self::Documents => "documents",
            Self::Look => "look",
            Self::Help => "help",
            Self::Prompt => "prompt",
            Self::Confirm => "confirm",
        }
    }

    /// The context of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|context| context.name() == name)
    }

    /// The context that it lies within.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        match self {
            Self::Global => None,
            Self::List | Self::View | Self::Composer | Self::Prompt | Self::Confirm => Some(Self::Global),
            Self::Cases
            | Self::Threads
            | Self::Thread
            | Self::Outbox
            | Self::Changes
            | Self::Drafts
            | Self::Connections
            | Self::Keys
            | Self::Assistant
            | Self::Case
            | Self::Triage
            | Self::Awaiting
            | Self::Documents
            | Self::Pleas
            | Self::Plea
            | Self::Chronology => Some(Self::List),
            Self::Look | Self::Message | Self::Review | Self::Help => Some(Self::View),
        }
    }

    /// Itself, then outwards.
    pub fn chain(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |context| context.parent())
    }

    /// Whether keys type text here: a plain character is then never a command.
    #[must_use]
    pub fn types_text(self) -> bool {
        matches!(self, Self::Composer | Self::Prompt)
    }

    /// Whether a plain character bound further out is a command here. Not where a question wants an answer: `q` must not quit.
    #[must_use]
    pub fn inherits_characters(self) -> bool {
        !self.types_text() && self != Self::Confirm
    }
}

#[cfg(test)]
mod tests {
    use super::Context;

    #[test]
    fn every_context_ends_in_global_and_is_found_by_name() {
        for context in Context::ALL {
            assert_eq!(context.chain().last(), Some(Context::Global));
            assert_eq!(Context::from_name(context.name()), Some(context));
        }
        assert_eq!(Context::from_name("index"), None);
    }
}
