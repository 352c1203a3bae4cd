//! A message on its way out, as a durable row: what has happened to it, and what may happen next.
//!
//! The row is written before any connection opens and holds the very bytes that are sent, so that every try sends the same message
//! under the same Message-ID. A row that was being sent when the process died is not sent again blindly: see [`OutboxEntry::recover`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::mail::address::Address;
use crate::mail::id::{CaseId, MessageRef, OutboxId};

/// Where a row stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutboxState {
    /// To be sent as soon as possible.
    #[default]
    Queued,
    /// The undo window runs until `next_attempt`.
    Held,
    /// A connection is at work on it.
    Sending,
    /// The server has it; the copy is not yet in the `\Sent` mailbox.
    SentNotFiled,
    /// The server has it and the copy is filed.
    Sent,
    /// A failure that may pass: tried again at `next_attempt`.
    Deferred,
    /// A failure that will not pass by itself, or cancelled by the user.
    Failed,
    /// The connection was lost when the server may already have had it. Resolved by looking for the Message-ID, never by sending
    /// it again blindly.
    Uncertain,
}

impl OutboxState {
    /// The name that scripts see.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Held => "held",
            Self::Sending => "sending",
            Self::SentNotFiled => "sent-not-filed",
            Self::Sent => "sent",
            Self::Deferred => "deferred",
            Self::Failed => "failed",
            Self::Uncertain => "uncertain",
        }
    }

    /// Whether a row may go from this state to that one. What the server has accepted never becomes unsent.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use OutboxState::{Deferred, Failed, Held, Queued, Sending, Sent, SentNotFiled, Uncertain};
        match self {
            Queued | Held | Deferred => matches!(next, Queued | Held | Deferred | Sending | Failed),
            Sending => matches!(next, Queued | SentNotFiled | Sent | Deferred | Failed | Uncertain),
            // Found on the server, or the user has decided.
            Uncertain => matches!(next, Queued | SentNotFiled | Sent | Failed | Uncertain),
            Failed => matches!(next, Queued | Failed),
            SentNotFiled => matches!(next, SentNotFiled | Sent),
            Sent => matches!(next, Sent),
        }
    }

    /// Whether it may be taken out before it is sent.
    #[must_use]
    pub const fn is_cancellable(self) -> bool {
        matches!(self, Self::Queued | Self::Held | Self::Deferred)
    }
}

/// The RFC 5321 envelope (§2.3.1), as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmtpEnvelope {
    /// The sender's address, without brackets.
    pub reverse_path: String,
    /// The recipients' addresses, without brackets, Bcc included.
    pub forward_paths: Vec<String>,
}

/// What the server said of one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientOutcome {
    /// The address as in the envelope.
    pub address: String,
    /// `Some(true)` accepted, `Some(false)` refused for good, `None` not known yet or to be tried again.
    pub accepted: Option<bool>,
    /// The reply's code; 0 where there was none.
    pub code: u16,
    /// The reply's text; foreign.
    pub text: String,
}

/// A row without its bytes, which [`super::state::State::outbox_raw`] reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// Its number. Set by the store.
    pub id: OutboxId,
    /// The account it goes out by.
    pub account: String,
    /// Without angle brackets.
    pub message_id: String,
    /// Whom it goes to.
    pub envelope: SmtpEnvelope,
    /// To and Cc as reviewed, for display.
    pub to: Vec<Address>,
    /// The subject as written (a protected one is not in the outer header).
    pub subject: String,
    /// Size of the bytes. Set by the store.
    pub bytes: u64,
    /// The mailbox that the copy goes to; `None`: the one with `\Sent`.
    pub file_in: Option<String>,
    /// Where it stands.
    pub state: OutboxState,
    /// Set durably before the final dot of DATA is written: from then on the server may have it.
    pub in_doubt: bool,
    /// Tries so far.
    pub attempts: u32,
    /// End of the undo window, or time of the next try.
    pub next_attempt: Option<Timestamp>,
    /// The server's last words, or ours; foreign.
    pub reply: String,
    /// Per recipient.
    pub recipients: Vec<RecipientOutcome>,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// When the server accepted it.
    pub sent_at: Option<Timestamp>,
    /// The case it belongs to.
    pub case: Option<CaseId>,
    /// The message it answers.
    pub answers: Option<MessageRef>,
}

impl OutboxEntry {
    /// A row to be queued now.
    #[must_use]
    pub fn new(
        account: impl Into<String>,
        message_id: impl Into<String>,
        envelope: SmtpEnvelope,
        now: Timestamp,
    ) -> Self {
        Self {
            id: OutboxId(0),
            account: account.into(),
            message_id: message_id.into(),
            envelope,
            to: Vec::new(),
            subject: String::new(),
            bytes: 0,
            file_in: None,
            state: OutboxState::Queued,
            in_doubt: false,
            attempts: 0,
            next_attempt: None,
            reply: String::new(),
            recipients: Vec::new(),
            queued_at: now,
            sent_at: None,
            case: None,
            answers: None,
        }
    }

    /// What a row becomes when no connection is at work on it any more: sent again only if the final dot was certainly not written.
    pub fn recover(&mut self) {
        if self.state == OutboxState::Sending {
            self.state = if self.in_doubt { OutboxState::Uncertain } else { OutboxState::Queued };
        }
    }

    /// Whether a connection may take it up now.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        match self.state {
            OutboxState::Queued => true,
            OutboxState::Held | OutboxState::Deferred => self.next_attempt.is_none_or(|at| at <= now),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::OutboxState::{Deferred, Failed, Held, Queued, Sending, Sent, SentNotFiled, Uncertain};
    use super::{OutboxEntry, OutboxState, SmtpEnvelope};

    const ALL: [OutboxState; 8] = [Queued, Held, Sending, SentNotFiled, Sent, Deferred, Failed, Uncertain];

    #[test]
    fn what_was_accepted_never_becomes_unsent() {
        for next in ALL {
            assert_eq!(Sent.may_become(next), next == Sent);
            assert_eq!(SentNotFiled.may_become(next), matches!(next, Sent | SentNotFiled));
        }
    }

    #[test]
    fn only_sending_leads_to_uncertain_and_only_claims_lead_to_sending() {
        for state in ALL {
            assert_eq!(state.may_become(Uncertain), matches!(state, Sending | Uncertain), "{state:?}");
            assert_eq!(state.may_become(Sending), matches!(state, Queued | Held | Deferred), "{state:?}");
        }
    }

    #[test]
    fn recovery_does_not_send_twice() {
        let now = Timestamp::UNIX_EPOCH;
        let mut entry = OutboxEntry::new("work", "1@example.com", SmtpEnvelope::default(), now);
        entry.state = Sending;
        entry.recover();
        assert_eq!(entry.state, Queued);
        entry.state = Sending;
        entry.in_doubt = true;
        entry.recover();
        assert_eq!(entry.state, Uncertain);
        assert!(!entry.is_due(now));
    }
}
