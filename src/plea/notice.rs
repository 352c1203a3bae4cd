//! What a person should know about the acts as a whole: what crossed, is missing, waits.

use std::fmt;

use super::act::Kind;
use super::number::ActNo;

/// What crossed, and does not go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crossing {
    /// Offers of both sides: neither had read the other's.
    Offers(Vec<ActNo>),
    /// Each side accepted the other's offer, or one accepted while the other offered anew: these stand beside each other.
    Acceptances(Vec<ActNo>),
    /// An acceptance and the withdrawal of what it accepts.
    AcceptedAndWithdrawn {
        /// The offer.
        offer: ActNo,
        /// The acceptance.
        accepted: ActNo,
        /// The withdrawal.
        withdrawn: ActNo,
    },
}

impl fmt::Display for Crossing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |all: &[ActNo]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
        match self {
            Self::Offers(all) => {
                write!(
                    f,
                    "The offers {} crossed: neither side had read the other's. Neither wins by itself.",
                    list(all)
                )
            }
            Self::Acceptances(all) => write!(
                f,
                "The offers {} were dealt with at the same time, each by somebody who had not read the other act. Nothing is agreed until one of them is taken back.",
                list(all)
            ),
            Self::AcceptedAndWithdrawn { offer, accepted, withdrawn } => write!(
                f,
                "{accepted} accepts {offer} and {withdrawn} takes it back, and neither had read the other. Nothing is agreed until both sides say the same."
            ),
        }
    }
}

/// Something that a person should know about the acts as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// An act is missing: a later one of the same side is here.
    Missing(ActNo),
    /// Two acts have the same number; none of them counts, or the better attested one.
    SameNumber {
        /// Which number.
        no: ActNo,
        /// One of them counts.
        decided: bool,
    },
    /// The same act came again.
    Again {
        /// Which.
        no: ActNo,
        /// How often besides.
        times: usize,
    },
    /// An act that only its address vouches for waits for a yes.
    Unconfirmed {
        /// Which.
        no: ActNo,
        /// What it is.
        kind: Kind,
        /// Whose it says that it is.
        by: String,
        /// It speaks for one's own side, and was not sent from here.
        ours: bool,
    },
    /// An offer does not speak of a live charge.
    Unaddressed {
        /// Which offer.
        no: ActNo,
        /// Which charge.
        charge: u16,
    },
    /// Two records of what became of it in court differ.
    RecordsDiffer,
    /// The state rests on something that the other side may not know: a lapse, a choice made here.
    OnlyHere(&'static str),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(no) => write!(f, "{no} is missing here: a later act of {} has come.", no.side.words()),
            Self::SameNumber { no, decided: false } => {
                write!(f, "Two different acts say that they are {no}: neither counts until you let one of them count.")
            }
            Self::SameNumber { no, decided: true } => {
                write!(f, "Two different acts say that they are {no}: only the better attested one counts.")
            }
            Self::Again { no, times: 1 } => write!(f, "{no} came a second time; it counts once."),
            Self::Again { no, times } => write!(f, "{no} came {times} more times; it counts once."),
            Self::Unconfirmed { no, kind, by, ours } => {
                let (here, how) = if *ours { (", was not sent from here", ", with a reason") } else { ("", "") };
                write!(
                    f,
                    "{no} {} is said to be by {by}{here}, and nothing proves it. It does not count until you say that it is theirs{how}.",
                    kind.words()
                )
            }
            Self::Unaddressed { no, charge } => write!(f, "{no} says nothing about charge {charge}."),
            Self::RecordsDiffer => f.write_str("Two records of what happened in court differ; the later one stands."),
            Self::OnlyHere(what) => f.write_str(what),
        }
    }
}
