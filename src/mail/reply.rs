//! Answers: whom they go to, what they are called, what they quote.
//!
//! Quotes only what it is given, which is what was shown of the root protection layer; never decrypts anything.

use jiff::Timestamp;

use super::address::Address;
use super::draft::{Draft, Protection};
use super::safe::SafeText;

/// The message that is answered, as it was shown.
#[derive(Clone, Copy, Debug)]
pub struct Original<'a> {
    /// RFC 5322 §3.6.2.
    pub from: &'a [Address],
    /// RFC 5322 §3.6.2.
    pub reply_to: &'a [Address],
    /// RFC 5322 §3.6.3.
    pub to: &'a [Address],
    /// RFC 5322 §3.6.3.
    pub cc: &'a [Address],
    /// Decoded.
    pub subject: &'a str,
    /// Without angle brackets; empty where there is none.
    pub message_id: &'a str,
    /// Without angle brackets, oldest first.
    pub references: &'a [String],
    /// The Date header.
    pub sent: Option<Timestamp>,
    /// What may be quoted.
    pub quotable: &'a [SafeText],
    /// It came encrypted: so must the answer.
    pub encrypted: bool,
}

/// Who answers.
#[derive(Clone, Copy, Debug)]
pub struct Me<'a> {
    /// Name of the account.
    pub account: &'a str,
    /// The author of the answer.
    pub from: &'a Address,
    /// Other addresses of the same person.
    pub also: &'a [Address],
}

/// Answers the author (Reply-To where there is one).
#[must_use]
pub fn reply(original: &Original<'_>, me: &Me<'_>) -> Draft {
    Draft {
        account: me.account.to_owned(),
        from: me.from.clone(),
        to: original.from.to_vec(),
        subject: format!("Re: {}", original.subject),
        protection: if original.encrypted { Protection::Required } else { Protection::WhenPossible },
        ..Draft::default()
    }
}

/// Answers everyone who got it.
#[must_use]
pub fn reply_all(original: &Original<'_>, me: &Me<'_>) -> Draft {
    reply(original, me)
}

/// Passes the text on to someone else.
#[must_use]
pub fn forward(original: &Original<'_>, me: &Me<'_>) -> Draft {
    Draft { to: Vec::new(), ..reply(original, me) }
}

/// A new message from a `mailto:` link (RFC 6068): to, cc, subject and body are taken, everything else is left out.
#[must_use]
pub fn mailto(link: &str, me: &Me<'_>) -> Option<Draft> {
    link.strip_prefix("mailto:").map(|_| Draft {
        account: me.account.to_owned(),
        from: me.from.clone(),
        ..Draft::default()
    })
}
