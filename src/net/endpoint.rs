//! A server's address and how TLS begins there. There are two ways and no third.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How TLS begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// With the first byte (RFC 8314 §3): IMAP on 993, submission on 465.
    #[default]
    Tls,
    /// By `STARTTLS`, which is required: a server that does not offer it is not spoken to.
    StartTls,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its name as it must stand in the certificate, or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How TLS begins.
    pub security: Security,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
