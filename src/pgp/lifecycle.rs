//! An own key through its years: a later end, a successor, a revocation, a backup (RFC 9580 §5.2.3.13, §5.2.3.31, §10.1.3).
//!
//! Everything here takes the transferable secret key with the passphrase that it is locked with, and gives it back locked as it was.

use std::time::Duration;

use jiff::Timestamp;
use openpgp::Packet;
use openpgp::cert::CertRevocationBuilder;
use openpgp::cert::prelude::Cert;
use openpgp::crypto::{KeyPair, Password};
use openpgp::packet::signature::SignatureBuilder;
use openpgp::serialize::SerializeInto as _;
use openpgp::types::{HashAlgorithm, ReasonForRevocation, SignatureType};
use sequoia_openpgp as openpgp;
use zeroize::Zeroizing;

use super::certificate::{CertInfo, describe, export_secret, parse, policy_at, public_bytes, system_time};
use super::error::PgpError;
use super::generate::{Generated, generate, user_id};
use super::report::Acceptance;

/// A key is never made to last longer than this from today: ten years.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// Why a key is revoked (RFC 9580 §5.2.3.31).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Somebody else may have the secret: nothing it ever signed is to be believed.
    Compromised,
    /// Another key takes its place; what it signed before stays.
    Superseded,
    /// It is no longer used; what it signed before stays.
    Retired,
}

/// An own key as it is after a change.
pub struct Changed {
    /// The certificate, binary.
    pub cert: Vec<u8>,
    /// The transferable secret key, binary, locked as it was.
    pub secret: Zeroizing<Vec<u8>>,
    /// What the certificate says now.
    pub info: CertInfo,
}

/// Lets an own key, with all its subkeys that have an end, expire at another time.
///
/// # Errors
/// The passphrase is wrong, the time is past or more than ten years away, or the key cannot sign for itself.
pub fn extend(secret: &[u8], passphrase: Option<&str>, until: Timestamp, now: Timestamp) -> Result<Changed, PgpError> {
    let cert = own(secret)?;
    let mut signer = certifier(&cert, passphrase)?;
    let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    if left.is_zero() || left > LONGEST {
        return Err(unfit(&cert, "a key can be made to last until a day in the next ten years"));
    }
    let policy = policy_at(now);
    let valid = cert.with_policy(&policy, system_time(now)).map_err(|error| unfit(&cert, &error.to_string()))?;
    let validity = |created: std::time::SystemTime| system_time(until).duration_since(created).unwrap_or_default();
    // Of two self-signatures of one second nobody can say which counts.
    let keys = cert.keys().flat_map(|key| key.self_signatures().collect::<Vec<_>>());
    let user_ids = cert.userids().flat_map(|user_id| user_id.self_signatures().collect::<Vec<_>>());
    let newest = keys.chain(user_ids).filter_map(|signature| signature.signature_creation_time()).max();
    let at = newest.map_or(system_time(now), |newest| system_time(now).max(newest + Duration::from_secs(1)));
    let primary = cert.primary_key().key();
    let renew =
        |old: &openpgp::packet::Signature, created: std::time::SystemTime| -> Result<SignatureBuilder, PgpError> {
            Ok(SignatureBuilder::from(old.clone())
                .set_hash_algo(HashAlgorithm::SHA512)
                .set_signature_creation_time(at)?
                .set_key_validity_period(validity(created))?)
        };
    let mut packets: Vec<Packet> = Vec::new();
    if let Ok(direct) = valid.direct_key_signature() {
        packets.push(renew(direct, primary.creation_time())?.sign_direct_key(&mut signer, None)?.into());
    }
    for user_id in valid.userids().revoked(false) {
        let renewed = renew(user_id.binding_signature(), primary.creation_time())?;
        packets.push(renewed.sign_userid_binding(&mut signer, None, user_id.userid())?.into());
    }
    for subkey in valid.keys().subkeys().revoked(false).filter(|subkey| subkey.key_validity_period().is_some()) {
        let renewed = renew(subkey.binding_signature(), subkey.key().creation_time())?;
        packets.push(renewed.sign_subkey_binding(&mut signer, None, subkey.key())?.into());
    }
    if packets.is_empty() {
        return Err(unfit(&cert, "nothing in it is signed by itself"));
    }
    let at = Timestamp::try_from(at).unwrap_or(now);
    changed(cert, packets, at)
}

/// Adds an address to an own key.
///
/// # Errors
/// The passphrase is wrong, the address cannot stand in a user id, or the key cannot sign for itself.
pub fn add_address(
    secret: &[u8],
    passphrase: Option<&str>,
    address: &str,
    now: Timestamp,
) -> Result<Changed, PgpError> {
    let cert = own(secret)?;
    let mut signer = certifier(&cert, passphrase)?;
    let policy = policy_at(now);
    let valid = cert.with_policy(&policy, system_time(now)).map_err(|error| unfit(&cert, &error.to_string()))?;
    let primary = valid.primary_userid().map_err(|error| unfit(&cert, &error.to_string()))?;
    let user_id = user_id(primary.userid().name().ok().flatten().unwrap_or_default(), address)?;
    let binding = SignatureBuilder::from(primary.binding_signature().clone())
        .set_hash_algo(HashAlgorithm::SHA512)
        .set_signature_creation_time(system_time(now))?
        .set_primary_userid(false)?
        .sign_userid_binding(&mut signer, None, &user_id)?;
    changed(cert, vec![user_id.into(), binding.into()], now)
}

/// Revokes an own key for good, with a reason in words that everybody can read.
///
/// # Errors
/// The passphrase is wrong, or the key cannot sign for itself.
pub fn revoke_own(
    secret: &[u8],
    passphrase: Option<&str>,
    reason: Reason,
    words: &str,
    now: Timestamp,
) -> Result<Changed, PgpError> {
    let cert = own(secret)?;
    let mut signer = certifier(&cert, passphrase)?;
    let code = match reason {
        Reason::Compromised => ReasonForRevocation::KeyCompromised,
        Reason::Superseded => ReasonForRevocation::KeySuperseded,
        Reason::Retired => ReasonForRevocation::KeyRetired,
    };
    let revocation = CertRevocationBuilder::new()
        .set_reason_for_revocation(code, words.as_bytes())?
        .set_signature_creation_time(system_time(now))?
        .build(&mut signer, &cert, HashAlgorithm::SHA512)?;
    changed(cert, vec![revocation.into()], now)
}

/// A new key for the same person, vouched for by the old one, so that whoever trusts the old one can see that the owner made the new one.
///
/// # Errors
/// The passphrase is wrong, or the old key has no address.
pub fn succeed(secret: &[u8], passphrase: Option<&str>, now: Timestamp) -> Result<Generated, PgpError> {
    let cert = own(secret)?;
    let mut signer = certifier(&cert, passphrase)?;
    let policy = policy_at(now);
    let valid = cert.with_policy(&policy, system_time(now)).map_err(|error| unfit(&cert, &error.to_string()))?;
    let user_id = valid.primary_userid().map_err(|error| unfit(&cert, &error.to_string()))?;
    let address = user_id.userid().email().ok().flatten().ok_or_else(|| unfit(&cert, "it has no address"))?;
    let name = user_id.userid().name().ok().flatten().unwrap_or_default();
    let mut made = generate(name, address, now)?;
    let new = own(&made.secret)?;
    let mut packets: Vec<Packet> = Vec::new();
    for made_for in new.userids() {
        let vouched = SignatureBuilder::new(SignatureType::PositiveCertification)
            .set_hash_algo(HashAlgorithm::SHA512)
            .set_signature_creation_time(system_time(now))?
            .sign_userid_binding(&mut signer, new.primary_key().key(), made_for.userid())?;
        packets.push(made_for.userid().clone().into());
        packets.push(vouched.into());
    }
    let new = new.insert_packets(packets)?.0;
    made.cert = public_bytes(&new)?;
    made.secret = Zeroizing::new(new.as_tsk().to_vec()?);
    Ok(made)
}

/// Whether the certificate `new` was vouched for by `old`: the owner of the old key made the new one, or wants it believed.
#[must_use]
pub fn is_vouched_for(new: &[u8], old: &[u8]) -> bool {
    let one = |bytes| parse(bytes).ok().and_then(|certs| certs.into_iter().next());
    let (Some(new), Some(old)) = (one(new), one(old)) else { return false };
    let primary = old.primary_key().key();
    new.userids().any(|user_id| {
        user_id.certifications().any(|signature| {
            signature.verify_userid_binding(primary, new.primary_key().key(), user_id.userid()).is_ok()
        })
    })
}

/// Opens the key with the passphrase that it is locked with, and locks it with another, or with none.
///
/// # Errors
/// The passphrase is wrong.
pub fn relock(secret: &[u8], passphrase: Option<&str>, new: Option<&str>) -> Result<Zeroizing<Vec<u8>>, PgpError> {
    let cert = unlocked(own(secret)?, passphrase)?;
    match new {
        None => Ok(Zeroizing::new(cert.as_tsk().to_vec()?)),
        Some(new) => {
            let open = Zeroizing::new(cert.as_tsk().to_vec()?);
            let armored = export_secret(&open, Some(new))?;
            let locked = own(armored.as_bytes())?;
            Ok(Zeroizing::new(locked.as_tsk().to_vec()?))
        }
    }
}

/// The own key in the bytes.
fn own(secret: &[u8]) -> Result<Cert, PgpError> {
    parse(secret)?.into_iter().find(Cert::is_tsk).ok_or(PgpError::NoSecretKey)
}

fn unfit(cert: &Cert, why: &str) -> PgpError {
    PgpError::Unfit { fingerprint: cert.fingerprint().to_hex(), why: why.to_owned() }
}

/// The key pair that signs about the certificate itself.
fn certifier(cert: &Cert, passphrase: Option<&str>) -> Result<KeyPair, PgpError> {
    let fingerprint = cert.fingerprint().to_hex();
    let key = cert.primary_key().key().clone().parts_into_secret();
    let mut key = key.map_err(|_| {
        unfit(
            cert,
            "the secret part of its primary key is not here: change it where that is, and import the certificate again",
        )
    })?;
    if !key.has_unencrypted_secret() {
        let passphrase = passphrase.ok_or_else(|| PgpError::PassphraseNeeded(fingerprint.clone()))?;
        key = key
            .decrypt_secret(&Password::from(passphrase))
            .map_err(|_| PgpError::WrongPassphrase(fingerprint.clone()))?;
    }
    Ok(key.into_keypair()?)
}

/// The key with every secret part open.
fn unlocked(cert: Cert, passphrase: Option<&str>) -> Result<Cert, PgpError> {
    let fingerprint = cert.fingerprint().to_hex();
    let mut packets: Vec<Packet> = Vec::new();
    for key in cert.keys().secret().filter(|key| !key.key().has_unencrypted_secret()) {
        let is_primary = key.key().fingerprint() == cert.fingerprint();
        let passphrase = passphrase.ok_or_else(|| PgpError::PassphraseNeeded(fingerprint.clone()))?;
        let open = key
            .key()
            .clone()
            .decrypt_secret(&Password::from(passphrase))
            .map_err(|_| PgpError::WrongPassphrase(fingerprint.clone()))?;
        packets.push(if is_primary { open.role_into_primary().into() } else { open.role_into_subordinate().into() });
    }
    Ok(cert.insert_packets(packets)?.0)
}

/// The key with more packets.
fn changed(cert: Cert, packets: Vec<Packet>, now: Timestamp) -> Result<Changed, PgpError> {
    let cert = cert.insert_packets(packets)?.0;
    Ok(Changed {
        cert: public_bytes(&cert)?,
        secret: Zeroizing::new(cert.as_tsk().to_vec()?),
        info: describe(&cert, Acceptance::Own, true, now),
    })
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;
    use crate::pgp::keyring::Keyring;

    const ADDRESS: &str = "i.thistledown@tg-law.example";

    fn now() -> Timestamp {
        "2026-05-05T10:00:00Z".parse().unwrap()
    }

    fn days(days: i64) -> Timestamp {
        now() + (days * 24).hours()
    }

    fn key() -> Generated {
        generate("Isla Thistledown", ADDRESS, now()).unwrap()
    }

    #[test]
    fn an_expired_key_is_extended_and_both_copies_together_say_the_later_end() {
        let key = key();
        let later = days(1_200);
        let mut keyring = Keyring::new();
        keyring.add_cert(&key.cert, Acceptance::Accepted).unwrap();
        assert!(keyring.cert(&key.info.fingerprint, later).unwrap().invalid.is_some(), "it has expired");
        let changed = extend(&key.secret, None, days(1_500), later).unwrap();
        assert_eq!(changed.info.expires, Some(days(1_500)));
        assert!(changed.info.can_encrypt && changed.info.can_sign && changed.info.addresses == [ADDRESS]);
        keyring.add_cert(&changed.cert, Acceptance::Accepted).unwrap();
        assert_eq!(keyring.cert(&key.info.fingerprint, later).unwrap().expires, Some(days(1_500)));
        for until in [days(1_199), days(9_999)] {
            assert!(matches!(extend(&key.secret, None, until, later), Err(PgpError::Unfit { .. })), "{until}");
        }
    }

    #[test]
    fn a_locked_key_stays_locked_through_a_change() {
        let locked = relock(&key().secret, None, Some("otter weir")).unwrap();
        assert!(matches!(extend(&locked, None, days(9), now()), Err(PgpError::PassphraseNeeded(_))));
        assert!(matches!(extend(&locked, Some("weir"), days(9), now()), Err(PgpError::WrongPassphrase(_))));
        let changed = extend(&locked, Some("otter weir"), days(9), now()).unwrap();
        assert_eq!(changed.info.expires, Some(days(9)));
        assert!(matches!(Keyring::new().add_secret(&changed.secret, None), Err(PgpError::PassphraseNeeded(_))));
        Keyring::new().add_secret(&relock(&changed.secret, Some("otter weir"), None).unwrap(), None).unwrap();
    }

    #[test]
    fn a_revocation_wins_over_every_copy() {
        let key = key();
        let revoked = revoke_own(&key.secret, None, Reason::Compromised, "laptop stolen", days(1)).unwrap();
        assert!(revoked.info.revoked && !revoked.info.can_encrypt && !revoked.info.can_sign);
        let extended = extend(&key.secret, None, days(1_500), days(2)).unwrap();
        let both = crate::pgp::certificate::merge(&revoked.cert, &extended.cert).unwrap();
        let mut keyring = Keyring::new();
        keyring.add_cert(&both, Acceptance::Verified).unwrap();
        assert!(keyring.cert(&key.info.fingerprint, days(3)).unwrap().revoked);
        // What was written to it before can still be read.
        keyring.add_secret(&revoked.secret, None).unwrap();
        assert!(keyring.is_unlocked() && keyring.signer_for(ADDRESS, days(3)).is_none());
    }

    #[test]
    fn a_successor_is_vouched_for_by_the_old_key_alone() {
        let (old, stranger) = (key(), key());
        let new = succeed(&old.secret, None, days(10)).unwrap();
        assert_eq!((new.info.addresses.clone(), new.info.user_ids.clone()), (old.info.addresses, old.info.user_ids));
        assert_ne!(new.info.fingerprint, old.info.fingerprint);
        assert!(is_vouched_for(&new.cert, &old.cert));
        assert!(!is_vouched_for(&new.cert, &stranger.cert) && !is_vouched_for(&stranger.cert, &old.cert));
        let mut keyring = Keyring::new();
        keyring.add_secret(&old.secret, None).unwrap();
        keyring.add_secret(&new.secret, None).unwrap();
        assert_eq!(keyring.signer_for(ADDRESS, days(11)), Some(new.info.fingerprint), "the newer one signs");
    }
}
