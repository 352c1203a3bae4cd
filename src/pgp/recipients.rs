//! "Why can't I encrypt to …?": for each address the certificate that is used, or the reason why none is, and the next step.
//!
//! Never chooses a certificate that the user has not accepted, and never one that does not carry the address itself.

use jiff::Timestamp;

use super::certificate::CertInfo;
use super::keyring::Keyring;
use super::report::Acceptance;
use super::words::short;
use crate::mail::safe::SafeText;

/// Why no certificate can be used for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoKey {
    /// None is here.
    Unknown,
    /// One is here, but nobody has decided about it.
    Undecided {
        /// Its fingerprint.
        fingerprint: String,
    },
    /// The user rejected it.
    Rejected {
        /// Its fingerprint.
        fingerprint: String,
    },
    /// It has expired.
    Expired {
        /// Its fingerprint.
        fingerprint: String,
        /// When.
        at: Timestamp,
    },
    /// Its owner revoked it.
    Revoked {
        /// Its fingerprint.
        fingerprint: String,
    },
    /// It cannot be encrypted to: no such key in it, or too weak, or damaged.
    Unfit {
        /// Its fingerprint.
        fingerprint: String,
    },
}

impl NoKey {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "no-key",
            Self::Undecided { .. } => "key-undecided",
            Self::Rejected { .. } => "key-rejected",
            Self::Expired { .. } => "key-expired",
            Self::Revoked { .. } => "key-revoked",
            Self::Unfit { .. } => "key-unfit",
        }
    }
}

/// What encryption to one address comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientKey {
    /// The address asked about.
    pub address: String,
    /// The certificate to use, or why there is none.
    pub key: Result<CertInfo, NoKey>,
}

impl RecipientKey {
    /// The outcome in words, with the next step.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("{}: {}", SafeText::line(&self.address), self.about())
    }

    /// [`Self::sentence`] without the address.
    #[must_use]
    pub fn about(&self) -> String {
        match &self.key {
            Ok(info) => {
                let how = match info.acceptance {
                    Acceptance::Verified => "compared with its owner",
                    Acceptance::Own => "your own",
                    _ => "accepted",
                };
                format!("key {} ({how})", short(&info.fingerprint))
            }
            Err(NoKey::Unknown) => "no key here; ask for it and import it with `casemail key import FILE`".to_owned(),
            Err(NoKey::Undecided { fingerprint }) => format!(
                "key {} is here but not accepted; compare the fingerprint with its owner, then `casemail key accept {fingerprint}`",
                short(fingerprint)
            ),
            Err(NoKey::Rejected { fingerprint }) => {
                format!("you rejected the key {}; ask for another one", short(fingerprint))
            }
            Err(NoKey::Expired { fingerprint, at }) => format!(
                "the key {} expired on {}; ask for the renewed one and import it",
                short(fingerprint),
                at.strftime("%Y-%m-%d")
            ),
            Err(NoKey::Revoked { fingerprint }) => {
                format!("the key {} was revoked by its owner; ask for the new one", short(fingerprint))
            }
            Err(NoKey::Unfit { fingerprint }) => format!(
                "the key {} cannot be encrypted to (no encryption key in it, or one too weak); ask for another one",
                short(fingerprint)
            ),
        }
    }
}

/// Looks the addresses up at the given time, in their order.
#[must_use]
pub fn recipients(keyring: &Keyring, addresses: &[String], now: Timestamp) -> Vec<RecipientKey> {
    addresses
        .iter()
        .map(|address| RecipientKey { address: address.clone(), key: choose(keyring.certs_for(address, now), now) })
        .collect()
}

/// The first that may be used; else the reason that the best of them gives.
fn choose(candidates: Vec<CertInfo>, now: Timestamp) -> Result<CertInfo, NoKey> {
    let mut reason = NoKey::Unknown;
    for info in candidates {
        let why = if info.acceptance == Acceptance::Rejected {
            NoKey::Rejected { fingerprint: info.fingerprint }
        } else if info.revoked {
            NoKey::Revoked { fingerprint: info.fingerprint }
        } else if let Some(at) = info.expires.filter(|at| *at <= now) {
            NoKey::Expired { fingerprint: info.fingerprint, at }
        } else if !info.can_encrypt {
            NoKey::Unfit { fingerprint: info.fingerprint }
        } else if !info.acceptance.is_accepted() {
            NoKey::Undecided { fingerprint: info.fingerprint }
        } else {
            return Ok(info);
        };
        if reason == NoKey::Unknown {
            reason = why;
        }
    }
    Err(reason)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::pgp::certificate::revoke;
    use crate::pgp::generate::generate;

    const ADDRESS: &str = "r.vellum@foxglove.example";

    fn now() -> Timestamp {
        "2026-05-05T10:00:00Z".parse().unwrap()
    }

    #[track_caller]
    fn check(keyring: &Keyring, at: Timestamp, code: Option<&str>, words: &str) {
        let found = recipients(keyring, &["R.Vellum@foxglove.example".to_owned()], at);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].key.as_ref().err().map(NoKey::code), code, "{found:?}");
        assert!(found[0].sentence().contains(words), "{}", found[0].sentence());
    }

    #[test]
    fn each_reason_has_its_words() {
        let key = generate("Rufus Vellum", ADDRESS, now()).unwrap();
        let mut keyring = Keyring::new();
        check(&keyring, now(), Some("no-key"), "no key here");
        keyring.add_cert(&key.cert, Acceptance::Undecided).unwrap();
        check(&keyring, now(), Some("key-undecided"), "casemail key accept");
        keyring.set_acceptance(&key.info.fingerprint.to_lowercase(), Acceptance::Rejected);
        check(&keyring, now(), Some("key-rejected"), "you rejected");
        keyring.set_acceptance(&key.info.fingerprint, Acceptance::Verified);
        check(&keyring, now(), None, "compared with its owner");
        check(&keyring, now() + SignedDuration::from_hours(24 * 365 * 4), Some("key-expired"), "expired on 2029-05-04");
        let revoked = revoke(&key.cert, key.revocation.as_bytes()).unwrap();
        keyring.add_cert(&revoked, Acceptance::Verified).unwrap();
        check(&keyring, now(), Some("key-revoked"), "revoked by its owner");
    }

    #[test]
    fn an_accepted_key_is_preferred_and_a_foreign_one_never_taken() {
        let (one, two) = (generate("", ADDRESS, now()).unwrap(), generate("", ADDRESS, now()).unwrap());
        let other = generate(ADDRESS, "x@attacker.example", now()).unwrap();
        let mut keyring = Keyring::new();
        keyring.add_cert(&other.cert, Acceptance::Accepted).unwrap();
        check(&keyring, now(), Some("no-key"), "no key here");
        keyring.add_cert(&one.cert, Acceptance::Rejected).unwrap();
        keyring.add_cert(&two.cert, Acceptance::Accepted).unwrap();
        check(&keyring, now(), None, &short(&two.info.fingerprint));
    }
}
