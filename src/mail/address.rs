//! An RFC 5322 mailbox (§3.4), called *address* here because "mailbox" is IMAP's word.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A name and an address. Both are foreign text: show them through [`super::safe`] only.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The display name, decoded; may be empty.
    pub name: String,
    /// The addr-spec (RFC 5322 §3.4.1) as written.
    pub addr: String,
}

/// A text that a person typed and that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no address: {because}")]
pub struct AddressError {
    /// What was typed.
    pub text: String,
    /// What is wrong with it and what to do.
    pub because: &'static str,
}

impl Address {
    /// Reads one address that a person typed: `b.quill@quillpounce.example` or `Barnaby Quill <b.quill@quillpounce.example>`.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let (name, addr) = match text.split_once('<') {
            Some((name, rest)) => (name.trim().trim_matches('"'), rest.trim_end_matches('>')),
            None => ("", text),
        };
        if !addr.contains('@') || addr.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(AddressError { text: text.to_owned(), because: "an address looks like name@example.org" });
        }
        Ok(Self { name: name.to_owned(), addr: addr.to_owned() })
    }

    /// Reads addresses that a person typed, separated by commas. An empty text is an empty list.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, AddressError> {
        text.split(',').filter(|part| !part.trim().is_empty()).map(Self::parse).collect()
    }

    /// The domain, lower-case, without a trailing dot; empty where there is none.
    #[must_use]
    pub fn domain(&self) -> String {
        self.addr.rsplit_once('@').map_or_else(String::new, |(_, domain)| domain.trim_end_matches('.').to_lowercase())
    }

    /// The address in the form that addresses are compared in: lower-case.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.addr.to_lowercase()
    }

    /// The name holds another address or tries to pass for one: a warning is due (display-name spoofing).
    #[must_use]
    pub fn name_claims_address(&self) -> bool {
        self.name.contains('@')
    }
}

impl fmt::Display for Address {
    /// As in a header field, before encoding: `"Quill, B." <b.quill@quillpounce.example>`. Foreign text: not for a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() { f.write_str(&self.addr) } else { write!(f, "\"{}\" <{}>", self.name, self.addr) }
    }
}
