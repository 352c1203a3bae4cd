//! A new certificate of our own (RFC 9580 §5.5, §10.1): version 4, Ed25519 and Curve25519, three years.
//!
//! It announces SEIPDv1 only. A certificate that announces SEIPDv2 would be sent mail that GnuPG 2.2 and 2.4 on the other side, or our own
//! user's gpg, cannot read.

use std::time::Duration;

use jiff::Timestamp;
use openpgp::Packet;
use openpgp::cert::prelude::{CertBuilder, CipherSuite};
use openpgp::packet::UserID;
use openpgp::serialize::SerializeInto as _;
use openpgp::types::{Features, KeyFlags};
use sequoia_openpgp as openpgp;
use zeroize::Zeroizing;

use super::certificate::{CertInfo, backend, describe, public_bytes, system_time};
use super::error::PgpError;
use super::report::Acceptance;

/// How long a new key is valid: three years.
pub const VALIDITY: Duration = Duration::from_secs(3 * 365 * 24 * 60 * 60);

/// A new key pair.
pub struct Generated {
    /// The certificate, binary, to be given to anyone.
    pub cert: Vec<u8>,
    /// The same with its unprotected secret keys, binary: the caller seals it.
    pub secret: Zeroizing<Vec<u8>>,
    /// A revocation certificate, armored, to be kept apart from the key.
    pub revocation: String,
    /// What the certificate says.
    pub info: CertInfo,
}

/// Makes a key for a person at an address.
///
/// # Errors
/// If name or address cannot stand in a user id.
pub fn generate(name: &str, address: &str, now: Timestamp) -> Result<Generated, PgpError> {
    for text in [name, address] {
        if text.chars().any(|c| c.is_control() || c == '<' || c == '>') {
            return Err(PgpError::BadUserId(text.to_owned()));
        }
    }
    if !address.contains('@') || address.contains(char::is_whitespace) {
        return Err(PgpError::BadUserId(address.to_owned()));
    }
    let user_id = UserID::from(match name.trim() {
        "" => format!("<{address}>"),
        name => format!("{name} <{address}>"),
    });
    let flags = KeyFlags::empty().set_transport_encryption().set_storage_encryption();
    let (cert, revocation) = CertBuilder::new()
        .set_creation_time(system_time(now))
        .set_cipher_suite(CipherSuite::Cv25519)
        .set_features(Features::empty().set_seipdv1())?
        .set_validity_period(VALIDITY)
        .add_userid(user_id)
        .set_primary_key_flags(KeyFlags::empty().set_certification().set_signing())
        .add_subkey(flags, None, None)
        .generate()?;
    let mut armored = openpgp::armor::Writer::with_headers(
        Vec::new(),
        openpgp::armor::Kind::PublicKey,
        [("Comment", "Revocation certificate")],
    )
    .map_err(backend)?;
    openpgp::serialize::Serialize::serialize(&Packet::from(revocation), &mut armored)?;
    let revocation = armored.finalize().map_err(backend)?;
    Ok(Generated {
        cert: public_bytes(&cert)?,
        secret: Zeroizing::new(cert.as_tsk().to_vec()?),
        revocation: String::from_utf8_lossy(&revocation).into_owned(),
        info: describe(&cert, Acceptance::Own, true, now),
    })
}
