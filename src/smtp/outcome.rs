//! What became of a submission: what is known, what was not sent, and what nobody can know. Pure.

use std::fmt;

use super::envelope::Unsendable;
use super::reply::Reply;
use crate::net;

/// Where in the dialogue something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Connection, TLS, greeting, EHLO.
    Connect,
    /// AUTH.
    Login,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA and the text up to its last line.
    Data,
    /// The reply to the final dot.
    Confirmation,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "while connecting",
            Self::Login => "at the login",
            Self::Sender => "at the sender's address",
            Self::Recipient => "at a recipient",
            Self::Data => "while sending the text",
            Self::Confirmation => "after the text",
        })
    }
}

/// A recipient whom the server would not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The address as it was asked for.
    pub address: String,
    /// The server's answer to it.
    pub reply: Reply,
}

/// What became of a submission: of the message, for those whom the server would take it for, and who was refused by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// What became of the message.
    pub outcome: Outcome,
    /// Recipients whom the server would not take, each with its reply. To all others, the outcome applies.
    pub refused: Vec<Refusal>,
}

impl Submission {
    /// One in which nobody was refused by name.
    #[must_use]
    pub fn of(outcome: Outcome) -> Self {
        Self { outcome, refused: Vec::new() }
    }
}

/// What became of a message, for those recipients that were not refused by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server took the message: it is sent.
    Accepted {
        /// The reply to the final dot.
        reply: Reply,
    },
    /// The server refused every recipient by name. Nothing was sent to anybody.
    RecipientsRefused {
        /// Each with the reply.
        refused: Vec<Refusal>,
    },
    /// The server refused the login. Nothing was sent.
    LoginRefused {
        /// Its reply.
        reply: Reply,
    },
    /// "Not now" (4yz). Nothing was sent.
    Transient {
        /// Where.
        phase: Phase,
        /// The reply.
        reply: Reply,
    },
    /// "No" (5yz). Nothing was sent.
    Permanent {
        /// Where.
        phase: Phase,
        /// The reply.
        reply: Reply,
    },
    /// The connection failed before the final dot had left: nothing was sent (RFC 5321 §4.1.1.4).
    NotConnected {
        /// Where.
        phase: Phase,
        /// Why, in words.
        because: String,
    },
    /// No verified TLS connection came about. Nothing was sent.
    Unreachable(net::Error),
    /// The whole text and the final dot left, and no reply came: it may have been sent or not. Never to be retried blindly.
    Uncertain {
        /// Why, in words.
        because: String,
    },
    /// The whole text and the final dot left, and the answers to it contradict each other: the server may have taken it for some and not for others,
    /// and nobody knows for whom. Never to be retried blindly.
    Divided {
        /// The first answer, and one that contradicts it.
        answers: String,
    },
    /// Refused on our side before any connection: it could not go out unaltered.
    Unsendable(Unsendable),
}

/// What an outbox does about an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It is sent.
    Sent,
    /// Nothing was sent; try the same bytes again later.
    Retry,
    /// Nothing was sent; a person has to change something first.
    Failed,
    /// Nobody knows; look for the Message-ID before anything else.
    Uncertain,
}

impl Outcome {
    /// What an outbox does about it.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        use super::reply::ReplyClass;
        match self {
            Self::Accepted { .. } => Disposition::Sent,
            Self::Transient { .. } | Self::NotConnected { .. } => Disposition::Retry,
            // Whoever got "not now" may be tried again; the others are refused by name.
            Self::RecipientsRefused { refused } => {
                if refused.iter().any(|refusal| refusal.reply.class() == ReplyClass::Transient) {
                    Disposition::Retry
                } else {
                    Disposition::Failed
                }
            }
            Self::LoginRefused { reply } if reply.class() == ReplyClass::Transient => Disposition::Retry,
            Self::LoginRefused { .. } | Self::Permanent { .. } | Self::Unsendable(_) => Disposition::Failed,
            Self::Unreachable(error) if error.culprit() == net::Culprit::Configuration => Disposition::Failed,
            Self::Unreachable(_) => Disposition::Retry,
            Self::Uncertain { .. } | Self::Divided { .. } => Disposition::Uncertain,
        }
    }
}

impl fmt::Display for Outcome {
    /// One sentence or two: what happened, whether anything was sent, the server's words. Holds foreign text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted { reply } => write!(f, "The server took it: {reply}"),
            Self::RecipientsRefused { refused } => {
                let list =
                    refused.iter().map(|r| format!("{} ({})", r.address, r.reply)).collect::<Vec<_>>().join("; ");
                write!(f, "Not sent to anybody. The server refused {list}")
            }
            Self::LoginRefused { reply } => {
                write!(f, "Not sent. The server refused the login: {reply}. Check user name and password")
            }
            Self::Transient { phase, reply } => {
                write!(f, "Not sent yet. The server asked to try later, {phase}: {reply}")
            }
            Self::Permanent { phase, reply } => write!(f, "Not sent. The server refused it, {phase}: {reply}"),
            Self::NotConnected { phase, because } => {
                write!(f, "Not sent yet. The connection failed {phase}: {because}")
            }
            Self::Unreachable(error) => write!(f, "Not sent yet: {error}"),
            Self::Uncertain { because } => write!(
                f,
                "It is not known whether this was sent: the whole text went out, but no answer came ({because}). \
                 Look for it in the sent mailbox, or ask the recipient, before sending it again"
            ),
            Self::Divided { answers } => write!(
                f,
                "It is not known for whom this was sent: the whole text went out, and the server's answers contradict each other ({answers}). \
                 Ask the recipients before sending it again"
            ),
            Self::Unsendable(why) => write!(f, "Not sent. {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reply::Reply;
    use super::{Disposition, Outcome, Phase, Refusal};

    fn reply(code: u16) -> Reply {
        Reply { code, enhanced: None, lines: vec!["words".to_owned()] }
    }

    #[test]
    fn an_outbox_knows_what_to_do() {
        let refused = |codes: &[u16]| Outcome::RecipientsRefused {
            refused: codes.iter().map(|&c| Refusal { address: "a@b.example".into(), reply: reply(c) }).collect(),
        };
        let check = |outcome: Outcome, disposition| assert_eq!(outcome.disposition(), disposition, "{outcome}");
        check(Outcome::Accepted { reply: reply(250) }, Disposition::Sent);
        check(Outcome::Transient { phase: Phase::Sender, reply: reply(451) }, Disposition::Retry);
        check(Outcome::NotConnected { phase: Phase::Data, because: "gone".into() }, Disposition::Retry);
        check(Outcome::Permanent { phase: Phase::Confirmation, reply: reply(554) }, Disposition::Failed);
        check(Outcome::LoginRefused { reply: reply(535) }, Disposition::Failed);
        check(Outcome::LoginRefused { reply: reply(454) }, Disposition::Retry);
        check(refused(&[451, 450]), Disposition::Retry);
        check(refused(&[451, 550]), Disposition::Retry);
        check(refused(&[550, 553]), Disposition::Failed);
        check(Outcome::Uncertain { because: "gone".into() }, Disposition::Uncertain);
        check(Outcome::Divided { answers: "250 ok; 550 no".into() }, Disposition::Uncertain);
    }
}
