//! A message on its way out, as a durable row: whom it goes to by which route, what has happened to each of them, and what may happen next.
//!
//! The row is written before any connection opens and holds the very bytes that are sent, so that every try sends the same message
//! under the same Message-ID. One row is one submission: a message that goes by two routes has two rows of the same bytes, and its blind
//! recipients may have more; all rows of one message are a *batch*. A row that was being sent when the process died is not sent again
//! blindly: see [`OutboxEntry::recovery`].

mod old;
mod owed;
mod state;
mod trace;

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::mail::address::Address;
use crate::mail::id::{CaseId, MessageRef, OutboxId};

pub(super) use old::EntryV1;
pub use owed::{Owed, Unsent};
pub use state::{Next, OutboxState, Step};
pub use trace::Trace;

/// The RFC 5321 envelope (§2.3.1), as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmtpEnvelope {
    /// The sender's address, without brackets.
    pub reverse_path: String,
    /// The recipients' addresses, without brackets, Bcc included.
    pub forward_paths: Vec<String>,
}

/// How far the message has come on its way to one recipient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// Not sent yet, or to be tried again.
    #[default]
    Waiting,
    /// Set durably before the last dot leaves: from then on the server may have it.
    InDoubt,
    /// The server took it.
    Sent,
    /// The server refused it for good, or it was given up.
    Refused,
    /// The user took it back before it was sent to this recipient.
    TakenBack,
}

impl Delivery {
    /// The name that scripts see.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::InDoubt => "in-doubt",
            Self::Sent => "sent",
            Self::Refused => "refused",
            Self::TakenBack => "taken-back",
        }
    }
}

/// What a delivery report (RFC 3464) says of a recipient. A claim of whoever wrote it, not a proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// `failed`, `delayed`, `delivered`, `relayed` or `expanded` (RFC 3464 §2.3.3).
    pub action: String,
    /// RFC 3463, for instance `5.1.1`.
    pub status: String,
    /// The remote server's words; foreign.
    pub text: String,
    /// When the report came.
    pub at: Timestamp,
}

/// One recipient of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRecipient {
    /// The address as in the envelope.
    pub address: String,
    /// How far it has come.
    pub delivery: Delivery,
    /// The last reply's code; 0 where there was none.
    pub code: u16,
    /// RFC 3463; empty where there was none.
    pub status: String,
    /// The last reply's text; foreign.
    pub text: String,
    /// What came back later.
    pub reported: Option<Reported>,
}

impl OutboxRecipient {
    /// One that nothing has happened to yet.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            delivery: Delivery::Waiting,
            code: 0,
            status: String::new(),
            text: String::new(),
            reported: None,
        }
    }
}

/// What is known of a try that got no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// When the connection was lost.
    pub since: Timestamp,
    /// When the mailboxes were last looked through.
    pub looked_at: Option<Timestamp>,
    /// The mailboxes in which it was not found.
    pub looked_in: Vec<String>,
}

/// A time that nobody sets: how long the machine has run, sleep included, and since which start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uptime {
    /// Which start of the machine.
    pub boot: u128,
    /// Milliseconds since then.
    pub millis: u64,
}

impl Uptime {
    /// How long ago another one was; `None` where the machine was started anew since, or the two contradict each other.
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<Duration> {
        let passed = self.millis.checked_sub(earlier.millis).filter(|_| self.boot == earlier.boot);
        passed.map(Duration::from_millis)
    }
}

/// The undo window of a message that is being queued.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Its end by the clock, for display and for whoever knows no better.
    pub until: Timestamp,
    /// Its beginning; `None`: the system does not tell such a time.
    pub since: Option<Uptime>,
}

/// A row without its bytes, which [`super::state::State::outbox_raw`] reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// Its number. Set by the store.
    pub id: OutboxId,
    /// The number of the first row of the same message.
    pub batch: OutboxId,
    /// The account it goes out by.
    pub account: String,
    /// The route of the configuration that it goes by; `None`: the account's own server.
    pub route: Option<String>,
    /// Without angle brackets.
    pub message_id: String,
    /// The sender's address, without brackets.
    pub reverse_path: String,
    /// Whom it goes to, each with what has happened.
    pub recipients: Vec<OutboxRecipient>,
    /// To and Cc as reviewed, for display.
    pub to: Vec<Address>,
    /// The subject as written (a protected one is not in the outer header).
    pub subject: String,
    /// Size of the bytes. Set by the store.
    pub bytes: u64,
    /// The mailbox that the copy goes to; `None`: the one with `\Sent`.
    pub file_in: Option<String>,
    /// The copy is in that mailbox.
    pub filed: bool,
    /// Where it stands.
    pub state: OutboxState,
    /// Tries so far.
    pub attempts: u32,
    /// Tries that a server answered with "not now": beyond a number of them it is given up.
    pub put_offs: u32,
    /// The last try found no server to talk to: it is tried as soon as there is a network again.
    pub unreachable: bool,
    /// End of the undo window, or time of the next try.
    pub next_attempt: Option<Timestamp>,
    /// The server's last words, or ours; foreign.
    pub reply: String,
    /// What is known while it is uncertain.
    pub doubt: Option<Doubt>,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// When the server first accepted it.
    pub sent_at: Option<Timestamp>,
    /// The case it belongs to.
    pub case: Option<CaseId>,
    /// The message it answers.
    pub answers: Option<MessageRef>,
    /// Which of the messages it is that one message went as, from 0. `None`: written before that was noted.
    #[serde(default, deserialize_with = "crate::mail::draft::added_later")]
    pub part: Option<u32>,
    /// When its undo window began. `None`: it has none, or that was not noted.
    #[serde(default, deserialize_with = "crate::mail::draft::added_later")]
    pub held_since: Option<Uptime>,
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
            batch: OutboxId(0),
            account: account.into(),
            route: None,
            message_id: message_id.into(),
            reverse_path: envelope.reverse_path,
            recipients: envelope.forward_paths.into_iter().map(OutboxRecipient::new).collect(),
            to: Vec::new(),
            subject: String::new(),
            bytes: 0,
            file_in: None,
            filed: false,
            state: OutboxState::Queued,
            attempts: 0,
            put_offs: 0,
            unreachable: false,
            next_attempt: None,
            reply: String::new(),
            doubt: None,
            queued_at: now,
            sent_at: None,
            case: None,
            answers: None,
            part: None,
            held_since: None,
        }
    }

    /// Whether it is of the same batch, to the same people by the same way: one of several messages that one message went as.
    #[must_use]
    pub fn is_to_the_same(&self, other: &Self) -> bool {
        let addresses = |row: &'_ Self| row.recipients.iter().map(|one| one.address.clone()).collect::<Vec<_>>();
        self.batch == other.batch && self.route == other.route && addresses(self) == addresses(other)
    }

    /// The addresses that stand so.
    pub fn addresses(&self, delivery: Delivery) -> impl Iterator<Item = &str> {
        self.recipients.iter().filter(move |one| one.delivery == delivery).map(|one| one.address.as_str())
    }

    /// How many stand so.
    #[must_use]
    pub fn count(&self, delivery: Delivery) -> usize {
        self.addresses(delivery).count()
    }

    /// Every recipient that stands so is set to stand otherwise.
    pub fn set_all(&mut self, from: Delivery, to: Delivery) {
        for one in self.recipients.iter_mut().filter(|one| one.delivery == from) {
            one.delivery = to;
        }
    }

    /// What a row that no connection is at work on any more needs: sent again only if the last dot was certainly not written.
    #[must_use]
    pub fn recovery(&self) -> Option<Step> {
        let lost = self.count(Delivery::InDoubt) > 0;
        (self.state == OutboxState::Sending).then_some(if lost { Step::Lose } else { Step::Release })
    }

    /// The step that fits a row on which nobody is in doubt: by what is still to be tried and who has it.
    #[must_use]
    pub fn settled(&self) -> Step {
        match (self.count(Delivery::Waiting), self.count(Delivery::Sent), self.filed) {
            (0, 0, _) => Step::Refuse,
            (0, _, true) => Step::AcceptFiled,
            (0, _, false) => Step::Accept,
            _ => Step::PutOff,
        }
    }

    /// Whether recipients and state tell the same story. A row that does not is never written.
    #[must_use]
    pub fn agrees(&self) -> bool {
        let (waiting, doubt, sent) =
            (self.count(Delivery::Waiting), self.count(Delivery::InDoubt), self.count(Delivery::Sent));
        match self.state {
            OutboxState::Queued | OutboxState::Held | OutboxState::Deferred => waiting > 0 && doubt == 0,
            OutboxState::Sending => waiting + doubt > 0,
            OutboxState::Uncertain => doubt > 0,
            OutboxState::SentNotFiled => waiting + doubt == 0 && sent > 0 && !self.filed,
            OutboxState::Sent => waiting + doubt == 0 && sent > 0,
            // What failed may be tried again: those for whom it failed wait or were refused.
            OutboxState::Failed => doubt == 0 && sent == 0,
        }
    }

    /// Whether this may stand where that stood: nobody who has it is made to not have it, and nobody is forgotten.
    #[must_use]
    pub fn may_follow(&self, before: &Self) -> bool {
        self.recipients.len() == before.recipients.len()
            && before.recipients.iter().zip(&self.recipients).all(|(old, new)| {
                old.address == new.address && (old.delivery != Delivery::Sent || new.delivery == Delivery::Sent)
            })
            && (self.filed || !before.filed)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Delivery, OutboxEntry, OutboxState, SmtpEnvelope, Step, Uptime};

    fn entry(state: OutboxState, deliveries: &[Delivery]) -> OutboxEntry {
        let forward_paths = (0..deliveries.len()).map(|n| format!("{n}@copfs.gov.example")).collect();
        let envelope = SmtpEnvelope { reverse_path: "b.quill@quillpounce.example".into(), forward_paths };
        let mut entry = OutboxEntry::new("work", "1@example.com", envelope, Timestamp::UNIX_EPOCH);
        entry.state = state;
        for (one, delivery) in entry.recipients.iter_mut().zip(deliveries) {
            one.delivery = *delivery;
        }
        entry
    }

    #[test]
    fn recovery_does_not_send_twice() {
        use Delivery::{InDoubt, Sent, Waiting};
        let check = |state, deliveries: &[Delivery], expected| {
            assert_eq!(entry(state, deliveries).recovery(), expected, "{state:?} {deliveries:?}");
        };
        check(OutboxState::Sending, &[Waiting], Some(Step::Release));
        check(OutboxState::Sending, &[Sent, Waiting], Some(Step::Release));
        check(OutboxState::Sending, &[InDoubt], Some(Step::Lose));
        check(OutboxState::Sending, &[Waiting, InDoubt], Some(Step::Lose));
        check(OutboxState::Uncertain, &[InDoubt], None);
        check(OutboxState::Queued, &[Waiting], None);
    }

    #[test]
    fn state_and_recipients_tell_the_same_story() {
        use Delivery::{InDoubt, Refused, Sent, TakenBack, Waiting};
        use OutboxState as State;
        let check = |state, deliveries: &[Delivery], agrees| {
            assert_eq!(entry(state, deliveries).agrees(), agrees, "{state:?} {deliveries:?}");
        };
        check(State::Queued, &[Waiting], true);
        check(State::Queued, &[Sent], false);
        check(State::Deferred, &[Sent, Waiting, Refused], true);
        check(State::Deferred, &[InDoubt, Waiting], false);
        check(State::Sending, &[InDoubt, Refused], true);
        check(State::Uncertain, &[Waiting], false);
        check(State::SentNotFiled, &[Sent, Refused, TakenBack], true);
        check(State::SentNotFiled, &[Sent, Waiting], false);
        check(State::Sent, &[Refused], false);
        check(State::Failed, &[Refused, Refused], true);
        check(State::Failed, &[Sent, Refused], false);
        check(State::Failed, &[InDoubt], false);
    }

    #[test]
    fn a_row_written_before_its_window_was_noted_is_read() {
        let mut row = entry(OutboxState::Held, &[Delivery::Waiting]);
        let whole = postcard::to_allocvec(&row).unwrap();
        let older = whole.split_last().unwrap().1;
        assert_eq!(postcard::from_bytes::<OutboxEntry>(older).unwrap(), row);
        row.held_since = Some(Uptime { boot: u128::MAX, millis: 7 });
        let whole = postcard::to_allocvec(&row).unwrap();
        assert_eq!(postcard::from_bytes::<OutboxEntry>(&whole).unwrap(), row);
        // As it was first written, in hexadecimal.
        let first = include_str!("../../../tests/data/outbox-held.hex").trim_end();
        assert_eq!(hex::encode(&whole), first);
        assert_eq!(postcard::from_bytes::<OutboxEntry>(&hex::decode(first).unwrap()).unwrap(), row);
    }

    #[test]
    fn a_time_that_nobody_sets_is_of_one_start_of_the_machine() {
        let at = |boot, millis| Uptime { boot, millis };
        assert_eq!(at(1, 5_000).since(at(1, 2_000)), Some(std::time::Duration::from_secs(3)));
        assert_eq!(at(2, 5_000).since(at(1, 2_000)), None);
        assert_eq!(at(1, 2_000).since(at(1, 5_000)), None);
    }

    #[test]
    fn who_has_it_keeps_it() {
        use Delivery::{InDoubt, Refused, Sent, Waiting};
        let before = entry(OutboxState::Sending, &[Sent, InDoubt]);
        assert!(entry(OutboxState::Uncertain, &[Sent, InDoubt]).may_follow(&before));
        assert!(entry(OutboxState::Queued, &[Sent, Waiting]).may_follow(&before));
        assert!(!entry(OutboxState::Queued, &[Waiting, Waiting]).may_follow(&before));
        assert!(!entry(OutboxState::Queued, &[Refused, Waiting]).may_follow(&before));
        assert!(!entry(OutboxState::Queued, &[Sent]).may_follow(&before), "one was forgotten");
    }

    #[test]
    fn the_step_follows_from_the_recipients() {
        use Delivery::{Refused, Sent, Waiting};
        let check = |deliveries: &[Delivery], filed, expected| {
            let mut entry = entry(OutboxState::Sending, deliveries);
            entry.filed = filed;
            assert_eq!(entry.settled(), expected, "{deliveries:?}");
        };
        check(&[Sent, Refused], false, Step::Accept);
        check(&[Sent, Sent], true, Step::AcceptFiled);
        check(&[Sent, Waiting], true, Step::PutOff);
        check(&[Refused, Refused], false, Step::Refuse);
    }
}
