//! Certificates with what the user decided about them, and own secret keys, as rows of the state store. The bytes are OpenPGP's
//! business ([`crate::pgp`]); here they are only kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::pgp::report::Acceptance;

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertRecord {
    /// Upper-case hexadecimal.
    pub fingerprint: String,
    /// The certificate, public parts only.
    pub cert: Vec<u8>,
    /// What the user decided.
    pub acceptance: Acceptance,
    /// When that was decided.
    pub decided_at: Option<Timestamp>,
    /// Who decided: for instance the account or login name.
    pub decided_by: String,
    /// How: for instance "read over the telephone".
    pub decided_how: String,
    /// When it was first seen here.
    pub added_at: Timestamp,
    /// Where it came from: for instance "file" or "attached to a message".
    pub source: String,
}

/// A secret key of the user's own; wiped when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct SecretRecord {
    /// Upper-case hexadecimal.
    pub fingerprint: String,
    /// The transferable secret key.
    pub key: Vec<u8>,
    /// The passphrase of its own that it is locked with, where the user lets the profile keep it.
    pub passphrase: Option<String>,
}

impl std::fmt::Debug for SecretRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretRecord").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}
