//! Where a row of the outbox stands, and the one table of what may become of it. Pure.
//!
//! Whatever changes a row's state names the step it takes; a step that the table does not hold is refused by the store, so that no mistake
//! further up can send a message twice or forget one. What the server has accepted never becomes unsent.

use serde::{Deserialize, Serialize};

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
    /// A failure that will not pass by itself.
    Failed,
    /// The connection was lost when the server may already have had it. Resolved by looking for the Message-ID or by a person, never by
    /// sending it again blindly.
    Uncertain,
}

/// What happens to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A connection takes it up.
    Claim,
    /// The connection ended before the last dot, or could not begin: nothing of this try left.
    Release,
    /// It may pass later: somebody is still to be tried again.
    PutOff,
    /// It will not pass by itself, and nobody has it.
    Refuse,
    /// No answer came to the last dot.
    Lose,
    /// Nobody is left to be tried, and the server has it for at least one.
    Accept,
    /// As [`Self::Accept`], where the copy is filed already: it was accepted for others before.
    AcceptFiled,
    /// The copy is in the mailbox for sent mail.
    File,
    /// Its copy is given up: there is no account any more that it could be filed in.
    Waive,
    /// What was in doubt is cleared up, and others are still to be tried.
    Clear,
    /// A person says: it did not arrive, send it again.
    SendAgain,
    /// A person, or a network that came back, asks for another try now.
    Retry,
    /// It is taken out: its text is kept as a draft, or it was sent long ago.
    Remove,
}

use OutboxState::{Deferred, Failed, Held, Queued, Sending, Sent, SentNotFiled, Uncertain};

/// Every step there is: from, by, to. `None`: the row is gone.
const TABLE: &[(OutboxState, Step, Option<OutboxState>)] = &[
    (Queued, Step::Claim, Some(Sending)),
    (Held, Step::Claim, Some(Sending)),
    (Deferred, Step::Claim, Some(Sending)),
    (Sending, Step::Release, Some(Queued)),
    (Queued, Step::PutOff, Some(Deferred)),
    (Sending, Step::PutOff, Some(Deferred)),
    (Deferred, Step::PutOff, Some(Deferred)),
    (Queued, Step::Refuse, Some(Failed)),
    (Held, Step::Refuse, Some(Failed)),
    (Sending, Step::Refuse, Some(Failed)),
    (Deferred, Step::Refuse, Some(Failed)),
    (Uncertain, Step::Refuse, Some(Failed)),
    (Sending, Step::Lose, Some(Uncertain)),
    (Queued, Step::Accept, Some(SentNotFiled)),
    (Sending, Step::Accept, Some(SentNotFiled)),
    (Deferred, Step::Accept, Some(SentNotFiled)),
    (Uncertain, Step::Accept, Some(SentNotFiled)),
    (Queued, Step::AcceptFiled, Some(Sent)),
    (Sending, Step::AcceptFiled, Some(Sent)),
    (Deferred, Step::AcceptFiled, Some(Sent)),
    (Uncertain, Step::AcceptFiled, Some(Sent)),
    (SentNotFiled, Step::File, Some(Sent)),
    (SentNotFiled, Step::Waive, Some(Sent)),
    (Uncertain, Step::Clear, Some(Queued)),
    (Uncertain, Step::SendAgain, Some(Queued)),
    (Queued, Step::Retry, Some(Queued)),
    (Held, Step::Retry, Some(Queued)),
    (Deferred, Step::Retry, Some(Queued)),
    (Failed, Step::Retry, Some(Queued)),
    (Queued, Step::Remove, None),
    (Held, Step::Remove, None),
    (Deferred, Step::Remove, None),
    (Failed, Step::Remove, None),
    (Uncertain, Step::Remove, None),
    (Sent, Step::Remove, None),
];

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It stands here then.
    State(OutboxState),
    /// It is no more.
    Gone,
}

impl OutboxState {
    /// What a step makes of this state; `None` where the step may not be taken.
    #[must_use]
    pub fn after(self, step: Step) -> Option<Next> {
        let (_, _, next) = TABLE.iter().find(|(from, by, _)| (*from, *by) == (self, step))?;
        Some(next.map_or(Next::Gone, Next::State))
    }

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

    /// Whether a person may take it back: it is not on the wire, and not with everybody already.
    #[must_use]
    pub const fn is_cancellable(self) -> bool {
        matches!(self, Self::Queued | Self::Held | Self::Deferred | Self::Failed | Self::Uncertain)
    }

    /// Whether another try at once makes sense.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Queued | Self::Held | Self::Deferred | Self::Failed)
    }
}

impl Step {
    /// In words, for a refusal: "it cannot be ...".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Claim => "taken up by a connection",
            Self::Release => "put back",
            Self::PutOff => "put off",
            Self::Refuse => "given up",
            Self::Lose => "left in doubt",
            Self::Accept | Self::AcceptFiled => "counted as sent",
            Self::File => "filed",
            Self::Waive => "left without a copy",
            Self::Clear => "cleared up",
            Self::SendAgain => "sent again",
            Self::Retry => "tried again",
            Self::Remove => "taken out",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Deferred, Failed, Held, Next, OutboxState, Queued, Sending, Sent, SentNotFiled, Step, TABLE, Uncertain,
    };

    const STATES: [OutboxState; 8] = [Queued, Held, Sending, SentNotFiled, Sent, Deferred, Failed, Uncertain];
    const STEPS: [Step; 13] = [
        Step::Claim,
        Step::Release,
        Step::PutOff,
        Step::Refuse,
        Step::Lose,
        Step::Accept,
        Step::AcceptFiled,
        Step::File,
        Step::Waive,
        Step::Clear,
        Step::SendAgain,
        Step::Retry,
        Step::Remove,
    ];

    /// Rows: from, in the order of [`STATES`]; columns: by, in the order of [`STEPS`]. The first letter of where it leads (`n`: sent-not-filed,
    /// `-`: gone, `.`: may not be).
    const DRAWN: [&str; 8] = [
        // claim release put-off refuse lose accept accept-filed file waive clear send-again retry remove
        "s.df.nS....q-", // queued
        "s..f.......q-", // held
        ".qdfunS......", // sending
        ".......SS....", // sent-not-filed
        "............-", // sent
        "s.df.nS....q-", // deferred
        "...........q-", // failed
        "...f.nS..qq.-", // uncertain
    ];

    fn letter(next: Option<Next>) -> char {
        match next {
            None => '.',
            Some(Next::Gone) => '-',
            Some(Next::State(SentNotFiled)) => 'n',
            Some(Next::State(Sent)) => 'S',
            Some(Next::State(state)) => state.name().chars().next().unwrap(),
        }
    }

    #[test]
    fn every_step_from_every_state_is_as_drawn() {
        for (state, drawn) in STATES.iter().zip(DRAWN) {
            let row: String = STEPS.iter().map(|step| letter(state.after(*step))).collect();
            assert_eq!(row, drawn, "{}", state.name());
        }
        let drawn = DRAWN.iter().flat_map(|row| row.chars()).filter(|c| *c != '.').count();
        assert_eq!(drawn, TABLE.len(), "a pair is in the table twice");
    }

    #[test]
    fn what_was_accepted_never_becomes_unsent() {
        for step in STEPS {
            assert!(matches!(Sent.after(step), None | Some(Next::Gone)), "{step:?}");
            assert!(matches!(SentNotFiled.after(step), None | Some(Next::State(Sent))), "{step:?}");
        }
    }

    #[test]
    fn nothing_in_doubt_is_sent_again_but_by_a_persons_word() {
        for step in STEPS {
            if let Some(Next::State(Queued)) = Uncertain.after(step) {
                assert!(matches!(step, Step::SendAgain | Step::Clear), "{step:?}");
            }
            assert_ne!(Uncertain.after(step), Some(Next::State(Sending)), "{step:?}");
            // Only a claim leads to a connection, only a lost one to doubt.
            for state in STATES {
                if state.after(step) == Some(Next::State(Sending)) {
                    assert_eq!(step, Step::Claim);
                }
                if state.after(step) == Some(Next::State(Uncertain)) {
                    assert_eq!((state, step), (Sending, Step::Lose));
                }
            }
        }
    }

    #[test]
    fn hints_offer_what_may_be_done() {
        for state in STATES {
            assert_eq!(state.is_retryable(), state.after(Step::Retry).is_some(), "{state:?}");
            assert_eq!(state.is_cancellable(), state.after(Step::Remove).is_some() && state != Sent, "{state:?}");
        }
    }
}
