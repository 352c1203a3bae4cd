//! What a server can do (RFC 9051 §7.2.2): asked again after TLS and after login, because it may differ each time.

use std::collections::HashSet;

use imap_proto::{Capability, Outcome, ResponseCode};

use crate::net::sasl::Offer;

/// Capability names in upper case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities(HashSet<String>);

impl Capabilities {
    pub(super) fn of(list: &[Capability<'_>]) -> Self {
        Self(
            list.iter()
                .map(|capability| match capability {
                    Capability::Imap4rev1 => "IMAP4REV1".to_owned(),
                    Capability::Auth(name) => format!("AUTH={}", name.to_ascii_uppercase()),
                    Capability::Atom(name) => name.to_ascii_uppercase(),
                })
                .collect(),
        )
    }

    /// As a CAPABILITY response has them, in whatever blanks; `None`: none of it is IMAP's.
    pub(super) fn of_words(words: &str) -> Option<Self> {
        let names: HashSet<String> = words.split_whitespace().map(str::to_ascii_uppercase).collect();
        names.iter().any(|name| name.starts_with("IMAP4")).then_some(Self(names))
    }

    /// What a response code says of them.
    pub(super) fn of_code(outcome: &Outcome<'_>) -> Option<Self> {
        if let Some(ResponseCode::Capabilities(list)) = &outcome.code {
            return Some(Self::of(list));
        }
        // The codec knows none without IMAP4rev1, and one blank between two.
        let text = outcome.information.as_deref()?;
        let (head, rest) = text.split_at_checked(12)?;
        if !head.eq_ignore_ascii_case("[CAPABILITY ") {
            return None;
        }
        Self::of_words(rest.split_once(']')?.0)
    }

    /// `name` in upper case.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// A server that does not know what it offers is asked without it.
    pub(super) fn forget(&mut self, names: &[&str]) {
        self.0.retain(|known| !names.contains(&known.as_str()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ways to log in. Without LOGINDISABLED (RFC 9051 §6.2.3) there is the LOGIN command, which nothing else announces.
    pub(super) fn logins(&self) -> Offer {
        let mut mechanisms: Vec<String> =
            self.0.iter().filter_map(|name| name.strip_prefix("AUTH=")).map(str::to_owned).collect();
        mechanisms.sort_unstable();
        Offer { mechanisms, login_command: !self.has("LOGINDISABLED") }
    }
}
