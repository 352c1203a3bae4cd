//! What OpenPGP says about a message, as plain facts: the `openpgp` object of `casemail.message/1`.
//!
//! Facts only. [`SignatureState::Good`] is given by [`super::verdict`] alone, and only where one accepted, valid certificate signed
//! all that is shown, its address is the one From address, and the signature's time fits the Date header.

use serde::{Deserialize, Serialize};

/// What decryption said of the ciphertext's integrity (RFC 9580 §5.13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Integrity {
    /// The MDC or every AEAD chunk was right.
    Ok,
    /// It was wrong or missing: nothing of the plaintext is shown.
    Failed,
    /// Nothing was decrypted.
    #[default]
    None,
}

/// Whether a signature holds, and if not, the first reason that stands against it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureState {
    /// There is no signature.
    #[default]
    None,
    /// One accepted, valid certificate signed all that is shown, its address is From, and the times fit.
    Good,
    /// The signed bytes were altered, or the signature is malformed.
    Bad,
    /// No certificate here made it.
    UnknownKey,
    /// The certificate is here, but nobody has decided whether to accept it.
    Undecided,
    /// The user has rejected the certificate.
    Rejected,
    /// The certificate or signature had expired when it was made.
    Expired,
    /// The certificate was revoked.
    Revoked,
    /// The certificate's addresses are not the From address, or the signature's time does not fit the Date header.
    Mismatch,
    /// It covers only a part of what is shown.
    Partial,
    /// An algorithm that is no longer safe.
    Weak,
}

/// How much of what is shown the signature covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Covers {
    /// All of it.
    Whole,
    /// Some of it.
    Part,
    /// Nothing.
    #[default]
    None,
}

/// What the user has decided about a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acceptance {
    /// Never to be used.
    Rejected,
    /// Not decided.
    #[default]
    Undecided,
    /// Accepted.
    Accepted,
    /// Accepted after its fingerprint was compared in person or over the telephone.
    Verified,
    /// The user's own key.
    Own,
}

impl Acceptance {
    /// In words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Undecided => "not decided",
            Self::Accepted => "accepted, not compared",
            Self::Verified => "verified with its owner",
            Self::Own => "your own",
        }
    }

    /// Whether mail may be sealed to, and believed from, such a certificate.
    #[must_use]
    pub fn is_accepted(self) -> bool {
        matches!(self, Self::Accepted | Self::Verified | Self::Own)
    }
}

/// Whether the header fields were inside the protection (RFC 9788).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeaderProtection {
    /// Not at all.
    #[default]
    None,
    /// Signed, readable on the way.
    Signed,
    /// Encrypted.
    Encrypted,
}

/// Who made a signature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    /// Of the certificate, upper-case hexadecimal.
    pub fingerprint: String,
    /// The user id that fits the From address, else the first one. Hostile text: show it through `mail::safe` only.
    pub user_id: String,
    /// What the user decided about the certificate.
    pub acceptance: Acceptance,
    /// What that person is in the case of the message, in words, where the signature stands for a party of it.
    pub party: Option<String>,
    /// The signature stands for somebody who is no party of the case that the message is filed in.
    #[serde(default)]
    pub stranger: bool,
}

/// The facts about the signature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureReport {
    /// Whether it holds.
    pub state: SignatureState,
    /// How much of what is shown it covers.
    pub covers: Covers,
    /// The address that the signature stands for: the one From address that the certificate carries as a self-signed user id.
    pub bound_to: Option<String>,
    /// When it was made, RFC 3339.
    pub signed_at: Option<String>,
    /// The certificate behind it, where it is known.
    pub signer: Option<Signer>,
    /// The issuer's key id as the signature names it, where the certificate is not known.
    pub issuer: Option<String>,
}

/// What OpenPGP says about a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenPgp {
    /// It came as real OpenPGP ciphertext (a message that is only compressed or literal is not encrypted).
    pub encrypted: bool,
    /// It was decrypted, and its integrity is known.
    pub decrypted: bool,
    /// The integrity of the ciphertext.
    pub integrity: Integrity,
    /// Key ids that it was encrypted to, upper-case hexadecimal; a hidden one is `0000000000000000`.
    pub recipients: Vec<String>,
    /// The signature.
    pub signature: SignatureReport,
    /// RFC 9788.
    pub header_protection: HeaderProtection,
}

/// [`OpenPgp`] in the few bits that a list shows; kept with each summary in the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Badge {
    /// See [`OpenPgp::encrypted`].
    pub encrypted: bool,
    /// See [`OpenPgp::decrypted`].
    pub decrypted: bool,
    /// See [`SignatureReport::state`].
    pub signature: SignatureState,
}

impl From<&OpenPgp> for Badge {
    fn from(report: &OpenPgp) -> Self {
        Self { encrypted: report.encrypted, decrypted: report.decrypted, signature: report.signature.state }
    }
}
