//! Where a negotiation stands, and what became of each offer in it.

use serde::{Deserialize, Serialize};

/// Where a negotiation stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing was offered.
    #[default]
    None,
    /// An offer waits for an answer.
    Open,
    /// An offer is accepted under a condition.
    Conditional,
    /// Both sides agree on the same terms. Nothing is settled: only a plea recorded in open court binds.
    Agreed,
    /// The offer was refused.
    Rejected,
    /// The offer was taken back.
    Withdrawn,
    /// The time for an answer has passed.
    Expired,
    /// Acts of both sides crossed, and do not go together.
    Crossed,
    /// A side departed from the agreement.
    Resiled,
    /// Agreed, and a hearing is named at which the plea will be tendered.
    Listed,
    /// The plea was recorded in court as agreed.
    ClosedRecorded,
    /// Something else than was agreed happened in court.
    ClosedDiverged,
    /// Closed without a plea.
    ClosedNone,
}

impl State {
    /// All.
    pub const ALL: [Self; 13] = [
        Self::None,
        Self::Open,
        Self::Conditional,
        Self::Agreed,
        Self::Rejected,
        Self::Withdrawn,
        Self::Expired,
        Self::Crossed,
        Self::Resiled,
        Self::Listed,
        Self::ClosedRecorded,
        Self::ClosedDiverged,
        Self::ClosedNone,
    ];

    /// The name that scripts read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Open => "open",
            Self::Conditional => "conditional",
            Self::Agreed => "agreed",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Crossed => "crossed",
            Self::Resiled => "resiled",
            Self::Listed => "listed",
            Self::ClosedRecorded => "closed-recorded",
            Self::ClosedDiverged => "closed-diverged",
            Self::ClosedNone => "closed-none",
        }
    }

    /// The words for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::None => "nothing offered",
            Self::Open => "open",
            Self::Conditional => "accepted under a condition",
            Self::Agreed => "agreed between the parties, not yet in court",
            Self::Rejected => "refused",
            Self::Withdrawn => "taken back",
            Self::Expired => "lapsed",
            Self::Crossed => "crossed",
            Self::Resiled => "departed from",
            Self::Listed => "agreed, to be tendered in court",
            Self::ClosedRecorded => "recorded in court as agreed",
            Self::ClosedDiverged => "closed, other than agreed",
            Self::ClosedNone => "closed without a plea",
        }
    }

    /// The same in at most 18 letters, for a narrow board. Here, too, nothing is settled before it is recorded in court.
    #[must_use]
    pub const fn brief(self) -> &'static str {
        match self {
            Self::Conditional => "under a condition",
            Self::Agreed => "agreed, no plea",
            Self::Listed => "to be tendered",
            Self::ClosedRecorded => "in court as agreed",
            Self::ClosedDiverged => "in court otherwise",
            Self::ClosedNone => "closed, no plea",
            _ => self.words(),
        }
    }

    /// Reads a [`Self::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name.trim().to_lowercase())
    }

    /// Whether nothing more can happen in it.
    #[must_use]
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::ClosedRecorded | Self::ClosedDiverged | Self::ClosedNone)
    }

    /// Whether a new offer may be made.
    #[must_use]
    pub const fn is_free(self) -> bool {
        matches!(self, Self::None | Self::Rejected | Self::Withdrawn | Self::Expired | Self::Resiled)
    }
}

/// What became of one offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It waits for an answer.
    Open,
    /// Accepted under a condition.
    Conditional,
    /// Accepted.
    Agreed,
    /// Accepted, and a hearing is named.
    Listed,
    /// Another took its place.
    Superseded,
    /// Refused.
    Rejected,
    /// Taken back.
    Withdrawn,
    /// Its time has passed.
    Expired,
    /// An acceptance and a withdrawal of it crossed.
    Torn,
    /// It was agreed, and a side departed from that.
    Resiled,
    /// A user here chose the other one of two that crossed.
    SetAside,
}

impl Fate {
    /// The words for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Open => "stands",
            Self::Conditional => "accepted under a condition",
            Self::Agreed => "agreed",
            Self::Listed => "agreed and listed",
            Self::Superseded => "superseded",
            Self::Rejected => "refused",
            Self::Withdrawn => "taken back",
            Self::Expired => "lapsed",
            Self::Torn => "accepted and taken back at once",
            Self::Resiled => "departed from",
            Self::SetAside => "set aside here",
        }
    }

    /// Whether nothing can come of it any more by itself.
    #[must_use]
    pub const fn is_dead(self) -> bool {
        matches!(
            self,
            Self::Superseded | Self::Rejected | Self::Withdrawn | Self::Expired | Self::Resiled | Self::SetAside
        )
    }
}
