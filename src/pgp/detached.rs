//! Detached signatures over texts of our own (RFC 9580 §5.2), and the key of a device that makes them. No mail is involved.

use jiff::Timestamp;
use openpgp::KeyHandle;
use openpgp::cert::prelude::{Cert, CertBuilder, CipherSuite};
use openpgp::packet::signature::subpacket::{Subpacket, SubpacketValue};
use openpgp::packet::{Signature, UserID};
use openpgp::parse::stream::{DetachedVerifierBuilder, MessageLayer, MessageStructure, VerificationHelper};
use openpgp::parse::{PacketParser, PacketParserResult, Parse as _};
use openpgp::serialize::SerializeInto as _;
use openpgp::serialize::stream::{Message as Writer, Signer};
use openpgp::types::{HashAlgorithm, KeyFlags};
use sequoia_openpgp as openpgp;
use zeroize::Zeroizing;

use super::certificate::{backend, parse, policy_at, public_bytes, system_time};
use super::error::PgpError;
use super::keyring::Keyring;
use super::verify::skewed;

/// A signature is a few hundred bytes; more is somebody's attempt to keep us busy.
const SIGNATURE_BYTES_MAX: usize = 16 * 1024;

/// The key of a device.
pub struct DeviceKey {
    /// Of the certificate, in upper-case hexadecimal digits.
    pub fingerprint: String,
    /// The certificate, binary.
    pub cert: Vec<u8>,
    /// The same with its unprotected secret key, binary: the caller seals it.
    pub secret: Zeroizing<Vec<u8>>,
}

/// Makes the key of a device: Ed25519, signs only, never expires, names no person.
///
/// # Errors
/// Where no key can be made.
pub fn device_key(now: Timestamp) -> Result<DeviceKey, PgpError> {
    let (cert, _) = CertBuilder::new()
        .set_creation_time(system_time(now))
        .set_cipher_suite(CipherSuite::Cv25519)
        .add_userid(UserID::from("casemail device"))
        .set_primary_key_flags(KeyFlags::empty().set_certification().set_signing())
        .generate()?;
    Ok(DeviceKey {
        fingerprint: cert.fingerprint().to_hex(),
        cert: public_bytes(&cert)?,
        secret: Zeroizing::new(cert.as_tsk().to_vec()?),
    })
}

/// Signs a text with the key of a device. A clock that was set back does not make a signature older than its key, which nobody would believe.
///
/// # Errors
/// If that is no unprotected secret key.
pub fn sign(secret: &[u8], text: &[u8], now: Timestamp) -> Result<Vec<u8>, PgpError> {
    let cert = parse(secret)?.into_iter().find(Cert::is_tsk).ok_or(PgpError::NoSecretKey)?;
    let key = cert.primary_key().key().clone().parts_into_secret()?;
    let made = Timestamp::try_from(key.creation_time()).unwrap_or(now);
    write(key.into_keypair()?, text, now.max(made))
}

/// Signs a text with an own certificate of the keyring.
///
/// # Errors
/// If it is not held, or its secret key is not unlocked.
pub fn sign_as(keyring: &Keyring, fingerprint: &str, text: &[u8], now: Timestamp) -> Result<Vec<u8>, PgpError> {
    write(keyring.signing_pair(fingerprint, now)?, text, now)
}

fn write(pair: impl openpgp::crypto::Signer + Send + Sync, text: &[u8], now: Timestamp) -> Result<Vec<u8>, PgpError> {
    use std::io::Write as _;
    let mut signature = Vec::new();
    let mut writer = Signer::new(Writer::new(&mut signature), pair)?
        .hash_algo(HashAlgorithm::SHA512)?
        .creation_time(system_time(now))
        .detached()
        .build()?;
    writer.write_all(text).map_err(backend)?;
    writer.finalize()?;
    Ok(signature)
}

/// The fingerprint of the one certificate in these bytes; `None` where that is not what they are.
#[must_use]
pub fn fingerprint(cert: &[u8]) -> Option<String> {
    match parse(cert).ok()?.as_slice() {
        [only] => Some(only.fingerprint().to_hex()),
        _ => None,
    }
}

/// Whether this certificate, valid at the given time, made this signature over this text. A signature of a clock that is fast is as good as any: that
/// the time in it is right is not what it proves.
#[must_use]
pub fn verify(cert: &[u8], text: &[u8], signature: &[u8], now: Timestamp) -> bool {
    if signature.len() > SIGNATURE_BYTES_MAX {
        return false;
    }
    let Some(cert) = parse(cert).ok().and_then(|certs| certs.into_iter().next()) else { return false };
    let mut witness = Witness { cert, good: false };
    let now = now.max(made_at(signature).unwrap_or(now));
    let policy = policy_at(now);
    let read = DetachedVerifierBuilder::from_bytes(signature)
        .and_then(|builder| builder.with_policy(&policy, skewed(now), &mut witness))
        .and_then(|mut verifier| verifier.verify_bytes(text))
        .is_ok();
    read && witness.good
}

/// When a signature says that it was made.
fn made_at(signature: &[u8]) -> Option<Timestamp> {
    // The first packet alone: what a foreign file holds behind it, and within that, is nobody's to unpack.
    let PacketParserResult::Some(first) = PacketParser::from_bytes(signature).ok()? else { return None };
    let openpgp::Packet::Signature(made) = &first.packet else { return None };
    Timestamp::try_from(made.signature_creation_time()?).ok()
}

/// One certificate, and what came out.
struct Witness {
    cert: Cert,
    good: bool,
}

impl VerificationHelper for &mut Witness {
    fn get_certs(&mut self, _: &[KeyHandle]) -> openpgp::Result<Vec<Cert>> {
        Ok(vec![self.cert.clone()])
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> openpgp::Result<()> {
        self.good = structure.into_iter().any(|layer| match layer {
            MessageLayer::SignatureGroup { results } => results.iter().flatten().any(|good| is_untouched(good.sig)),
            _ => false,
        });
        Ok(())
    }
}

/// Whether what the mathematics does not cover is as it was made: the first two octets of the digest (RFC 9580 §5.2.3), and nothing but the
/// issuer outside of the hashed area. A flipped bit there changes no meaning; whoever looks for flipped bits is to find it all the same.
fn is_untouched(signature: &Signature) -> bool {
    let prefix = signature.computed_digest().is_some_and(|digest| digest.starts_with(signature.digest_prefix()));
    let is_issuer =
        |one: &Subpacket| matches!(one.value(), SubpacketValue::Issuer(_) | SubpacketValue::IssuerFingerprint(_));
    prefix && signature.unhashed_area().iter().all(is_issuer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pgp::generate::generate;

    fn now() -> Timestamp {
        "2026-03-02T09:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_device_signs_and_nobody_else_can() {
        let key = device_key(now()).unwrap();
        let other = device_key(now()).unwrap();
        assert_eq!(fingerprint(&key.cert).as_deref(), Some(key.fingerprint.as_str()));
        let signature = sign(&key.secret, b"weir", now()).unwrap();
        assert!(verify(&key.cert, b"weir", &signature, now()));
        // Twenty years on it is as good.
        assert!(verify(&key.cert, b"weir", &signature, "2046-03-02T09:00:00Z".parse().unwrap()));
        assert!(!verify(&key.cert, b"Weir", &signature, now()));
        assert!(!verify(&other.cert, b"weir", &signature, now()));
        for at in 0..signature.len() {
            let mut spoilt = signature.clone();
            spoilt[at] ^= 1;
            assert!(!verify(&key.cert, b"Weir", &spoilt, now()));
            assert!(!verify(&key.cert, b"weir", &spoilt, now()), "octet {at} of {}", signature.len());
        }
        assert!(!verify(&key.cert, b"weir", b"", now()) && !verify(b"", b"weir", &signature, now()));
        assert!(matches!(sign(&key.cert, b"weir", now()), Err(PgpError::NoSecretKey)));
        assert_eq!(fingerprint(&[key.cert.clone(), other.cert].concat()), None, "two are not one");
    }

    #[test]
    fn a_clock_that_is_wrong_spoils_no_signature() {
        let key = device_key(now()).unwrap();
        for clock in ["2026-03-01T09:00:00Z", "2016-03-02T09:00:00Z", "2026-03-03T09:00:00Z", "2036-03-02T09:00:00Z"] {
            let signature = sign(&key.secret, b"weir", clock.parse().unwrap()).unwrap();
            assert!(verify(&key.cert, b"weir", &signature, now()), "{clock}");
            assert!(!verify(&key.cert, b"Weir", &signature, now()), "{clock}");
        }
        // The key itself was made by a clock that was fast.
        let fast = device_key("2026-03-03T09:00:00Z".parse().unwrap()).unwrap();
        let signature = sign(&fast.secret, b"weir", now()).unwrap();
        assert!(verify(&fast.cert, b"weir", &signature, now()));
    }

    #[test]
    fn a_person_signs_with_a_key_of_the_keyring() {
        let person = generate("Isla Thistledown", "i.thistledown@tg-law.example", now()).unwrap();
        let mut keyring = Keyring::new();
        keyring.add_secret(&person.secret, None).unwrap();
        let signature = sign_as(&keyring, &person.info.fingerprint, b"weir", now()).unwrap();
        assert!(verify(&person.cert, b"weir", &signature, now()));
        keyring.lock();
        assert!(sign_as(&keyring, &person.info.fingerprint, b"weir", now()).is_err());
    }
}
