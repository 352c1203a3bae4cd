//! What leads past the guard: a yes, or a reason that was typed; and what still stands when the guard is asked again.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Finding, Severity};

/// Characters of a reason, at least.
pub const MIN_REASON: usize = 10;

/// A reason that a person typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason(String);

/// A text that is no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reason has at least {MIN_REASON} characters, and this has {0}")]
pub struct ReasonError(pub usize);

impl Reason {
    /// A reason in the words of whoever sends.
    ///
    /// # Errors
    /// Where it is too short; white space at its ends and repeated inside does not count.
    pub fn new(text: &str) -> Result<Self, ReasonError> {
        let printable: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let text = printable.split_whitespace().collect::<Vec<_>>().join(" ");
        let length = text.chars().count();
        if length < MIN_REASON { Err(ReasonError(length)) } else { Ok(Self(text)) }
    }

    /// Its words.
    #[must_use]
    pub fn words(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a person has taken upon themselves: recorded, and compared with what the guard finds at the moment of sending.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Code and recipient (empty: the whole) of every finding that was said yes to.
    pub findings: Vec<(String, String)>,
    /// Why, where something was blocked.
    pub reason: Option<Reason>,
}

impl Accepted {
    /// A yes to findings, with a reason where one is needed. Findings that no reason leads past are not accepted.
    #[must_use]
    pub fn to(findings: &[Finding], reason: Option<Reason>) -> Self {
        let accepted = findings.iter().filter(|finding| match finding.severity {
            Severity::Tell => false,
            Severity::Confirm => true,
            Severity::Block => reason.is_some() && finding.may_override,
        });
        let name = |finding: &Finding| (finding.code.to_owned(), finding.recipient.clone().unwrap_or_default());
        Self { findings: accepted.map(name).collect(), reason }
    }

    fn covers(&self, finding: &Finding) -> bool {
        let recipient = finding.recipient.as_deref().unwrap_or_default();
        let named = self.findings.iter().any(|(code, of)| code == finding.code && of == recipient);
        named && (finding.severity < Severity::Block || (self.reason.is_some() && finding.may_override))
    }
}

/// What is kept with a message until it is sent: what it was let past with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// What was said yes to, and why.
    pub accepted: Accepted,
    /// Those who have it encrypted to a key of their own.
    pub sealed: Vec<String>,
}

/// What stands against sending in spite of what was accepted. Empty: it may go.
#[must_use]
pub fn standing<'f>(findings: &'f [Finding], accepted: &Accepted) -> Vec<&'f Finding> {
    findings.iter().filter(|finding| finding.severity > Severity::Tell && !accepted.covers(finding)).collect()
}
