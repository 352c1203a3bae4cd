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

/// The user id of a person at an address.
pub(super) fn user_id(name: &str, address: &str) -> Result<UserID, PgpError> {
    for text in [name, address] {
        if text.chars().any(|c| c.is_control() || c == '<' || c == '>') {
            return Err(PgpError::BadUserId(text.to_owned()));
        }
    }
    if !address.contains('@') || address.contains(char::is_whitespace) {
        return Err(PgpError::BadUserId(address.to_owned()));
    }
    Ok(UserID::from(match name.trim() {
        "" => format!("<{address}>"),
        name => format!("{name} <{address}>"),
    }))
}

/// Makes a key for a person at an address.
///
/// # Errors
/// If name or address cannot stand in a user id.
pub fn generate(name: &str, address: &str, now: Timestamp) -> Result<Generated, PgpError> {
    let user_id = user_id(name, address)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pgp::certificate::{export_cert, export_secret, merge, read_certs, revoke};
    use crate::pgp::keyring::Keyring;

    fn now() -> Timestamp {
        "2026-05-05T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_new_key_is_what_gnupg_can_use() {
        let key = generate("Isla Thistledown", "i.thistledown@tg-law.example", now()).unwrap();
        assert_eq!(key.info.fingerprint.len(), 40, "version 4");
        assert_eq!(key.info.user_ids, ["Isla Thistledown <i.thistledown@tg-law.example>"]);
        assert_eq!(key.info.addresses, ["i.thistledown@tg-law.example"]);
        assert_eq!(key.info.algorithm, "Ed25519");
        assert_eq!(key.info.expires.unwrap().strftime("%Y-%m-%d").to_string(), "2029-05-04");
        assert!(key.info.can_encrypt && key.info.can_sign && !key.info.revoked && key.info.invalid.is_none());
        // Only version 1 of the encryption container is announced (RFC 9580 §5.2.3.32): the octets of the subpacket say so.
        assert!(key.cert.windows(3).any(|window| window == [2, 30, 1]), "no Features subpacket with SEIPDv1 alone");
    }

    #[test]
    fn names_cannot_forge_a_user_id() {
        for (name, address) in [
            ("a\nb", "a@b.example"),
            ("a <x@attacker.example>", "a@b.example"),
            ("a", "a@b.example> <c@d.example"),
            ("a", "no address"),
            ("a", "a b@c.example"),
        ] {
            assert!(generate(name, address, now()).is_err(), "{name:?} {address:?}");
        }
    }

    #[test]
    fn a_certificate_survives_armor_and_never_carries_its_secret() {
        let key = generate("Isla Thistledown", "i.thistledown@tg-law.example", now()).unwrap();
        let other = generate("Rufus Vellum", "r.vellum@foxglove.example", now()).unwrap();
        let armored = export_cert(&key.secret).unwrap();
        assert!(armored.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----"), "{armored}");
        let read = read_certs(armored.as_bytes(), now()).unwrap();
        assert!(read[0].secret.is_none() && read[0].cert == key.cert);
        let read = read_certs(&key.secret, now()).unwrap();
        assert!(read[0].secret.is_some() && read[0].info.has_secret && read[0].cert == key.cert);
        let two = [key.cert.clone(), other.cert.clone()].concat();
        assert_eq!(read_certs(&two, now()).unwrap().len(), 2);
        assert!(read_certs(b"no certificate", now()).is_err());
        assert!(read_certs(b"", now()).is_err());
        assert!(merge(&key.cert, &other.cert).is_err(), "two certificates are not one");
        assert!(revoke(&other.cert, key.revocation.as_bytes()).is_err(), "a foreign revocation");
    }

    #[test]
    fn a_backup_opens_with_its_passphrase_alone() {
        let key = generate("Isla Thistledown", "i.thistledown@tg-law.example", now()).unwrap();
        let backup = export_secret(&key.secret, Some("otter weir lantern")).unwrap();
        let mut keyring = Keyring::new();
        assert!(matches!(keyring.add_secret(backup.as_bytes(), None), Err(PgpError::PassphraseNeeded(_))));
        assert!(matches!(keyring.add_secret(backup.as_bytes(), Some("x")), Err(PgpError::WrongPassphrase(_))));
        assert!(!keyring.is_unlocked());
        keyring.add_secret(backup.as_bytes(), Some("otter weir lantern")).unwrap();
        assert_eq!(
            keyring.signer_for("I.Thistledown@tg-law.example", now()).as_deref(),
            Some(key.info.fingerprint.as_str())
        );
        keyring.lock();
        assert!(!keyring.is_unlocked() && keyring.signer_for("i.thistledown@tg-law.example", now()).is_none());
        assert!(matches!(keyring.add_secret(&key.cert, None), Err(PgpError::NoSecretKey)));
    }
}
