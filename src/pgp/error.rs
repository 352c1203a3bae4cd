//! What can go wrong with keys and sealing, in words: what, where, what to do.
//!
//! Opening a message has no errors: whatever is wrong with foreign mail is a fact of its report. Nothing here ever says *how* a
//! decryption failed, because that would answer an attacker's question.

/// Why a key could not be read or used, or a message could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum PgpError {
    /// No OpenPGP certificate in the given bytes.
    #[error("this is no OpenPGP certificate; export it again with `gpg --armor --export ADDRESS` or `sq cert export`")]
    NotACertificate,
    /// The bytes begin as OpenPGP and then stop making sense.
    #[error("the OpenPGP certificate is damaged: {0}; ask for it again")]
    Damaged(String),
    /// A secret key was expected.
    #[error("there is no secret key in here; export it with `gpg --export-secret-keys`")]
    NoSecretKey,
    /// The secret key is protected and no passphrase was given.
    #[error("the secret key {0} is protected; its passphrase is needed")]
    PassphraseNeeded(String),
    /// The passphrase does not open the secret key.
    #[error("that passphrase does not open the secret key {0}")]
    WrongPassphrase(String),
    /// No such certificate in the keyring.
    #[error("no certificate {0} here; import it with `casemail key import FILE`")]
    UnknownCertificate(String),
    /// The certificate is not fit for the use.
    #[error("the certificate {fingerprint} cannot be used: {why}")]
    Unfit {
        /// Of the certificate.
        fingerprint: String,
        /// What stands against it.
        why: String,
    },
    /// No unlocked secret key of ours can sign.
    #[error(
        "no unlocked secret key to sign with for {0}; unlock the profile, or make one with `casemail key generate`"
    )]
    NoSigner(String),
    /// A name or address that cannot stand in a user id.
    #[error("{0:?} cannot stand in a user id: line breaks, control characters and angle brackets are not allowed")]
    BadUserId(String),
    /// A header field or entity that is not fit to be sealed.
    #[error("the message cannot be sealed: {0}")]
    BadEntity(String),
    /// gpg-agent did not do it.
    #[error("{0}")]
    Agent(String),
    /// sequoia could not do it.
    #[error("OpenPGP failed: {0}")]
    Backend(String),
}

impl From<sequoia_openpgp::anyhow::Error> for PgpError {
    fn from(error: sequoia_openpgp::anyhow::Error) -> Self {
        Self::Backend(error.to_string())
    }
}
