//! Certificates with what the user decided about them, and own secret keys, as rows of the state store. The bytes are OpenPGP's
//! business ([`crate::pgp`]); here they are only kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::pgp::report::Acceptance;

/// One decision about a certificate. None is ever taken out again: what was believed when can be told later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDecision {
    /// What was decided.
    pub acceptance: Acceptance,
    /// When.
    pub at: Timestamp,
    /// Who: the address of the account that it was decided in, or `casemail` where the program took a decision back.
    pub by: String,
    /// How, or why: for instance "read over the telephone".
    pub how: String,
    /// The addresses that the certificate carried then; empty where they were not noted.
    pub addresses: Vec<String>,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertRecord {
    /// Upper-case hexadecimal.
    pub fingerprint: String,
    /// The certificate, public parts only.
    pub cert: Vec<u8>,
    /// What holds now.
    pub acceptance: Acceptance,
    /// Every decision, the oldest first.
    pub decisions: Vec<KeyDecision>,
    /// When it was first seen here.
    pub added_at: Timestamp,
    /// Where it came from: for instance "file" or "attached to a message".
    pub source: String,
}

impl CertRecord {
    /// Notes a decision, which holds from now on.
    pub fn decide(&mut self, decision: KeyDecision) {
        self.acceptance = decision.acceptance;
        self.decisions.push(decision);
    }
}

/// Where the secret part of an own key is, and what opens it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretHome {
    /// Here, sealed; it opens with the profile.
    #[default]
    Profile,
    /// Here, sealed, and locked with a passphrase of its own that is asked for each time.
    Asked,
    /// With gpg-agent, or on a card behind it: nothing secret is here.
    Agent,
}

/// A secret key of the user's own; wiped when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct SecretRecord {
    /// Upper-case hexadecimal.
    pub fingerprint: String,
    /// The transferable secret key. Where gpg-agent holds it: its socket and keygrips.
    pub key: Vec<u8>,
    /// The passphrase of its own that it is locked with, where the user lets the profile keep it.
    pub passphrase: Option<String>,
    /// Where the secret is.
    #[zeroize(skip)]
    pub home: SecretHome,
}

/// What schema 3 kept of a certificate: the last decision alone.
#[derive(Serialize, Deserialize)]
pub(super) struct CertRecordV3 {
    fingerprint: String,
    cert: Vec<u8>,
    acceptance: Acceptance,
    decided_at: Option<Timestamp>,
    decided_by: String,
    decided_how: String,
    added_at: Timestamp,
    source: String,
}

impl From<CertRecordV3> for CertRecord {
    fn from(old: CertRecordV3) -> Self {
        let decision = old.decided_at.map(|at| KeyDecision {
            acceptance: old.acceptance,
            at,
            by: old.decided_by,
            how: old.decided_how,
            addresses: Vec::new(),
        });
        Self {
            fingerprint: old.fingerprint,
            cert: old.cert,
            acceptance: old.acceptance,
            decisions: decision.into_iter().collect(),
            added_at: old.added_at,
            source: old.source,
        }
    }
}

/// What schema 3 kept of an own secret key: it opened with the profile.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct SecretRecordV3 {
    fingerprint: String,
    key: Vec<u8>,
    passphrase: Option<String>,
}

impl From<SecretRecordV3> for SecretRecord {
    fn from(mut old: SecretRecordV3) -> Self {
        Self {
            fingerprint: std::mem::take(&mut old.fingerprint),
            key: std::mem::take(&mut old.key),
            passphrase: old.passphrase.take(),
            home: SecretHome::Profile,
        }
    }
}

impl std::fmt::Debug for SecretRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretRecord").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}
