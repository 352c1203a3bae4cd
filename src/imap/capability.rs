//! What a server can do (RFC 9051 §7.2.2): asked again after TLS and after login, because it may differ each time.

use std::collections::HashSet;

use imap_proto::Capability;

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
