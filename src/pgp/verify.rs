//! Signatures checked (RFC 9580 §5.2.4): what sequoia says of each, as plain [`Checked`] values for the verdict.
//!
//! The library is called, never a program, so no status line can be forged (SigSpoof, CVE-2018-12020). The literal packet's file name and
//! notations are never looked at. Certificates are judged at the time the signature says it was made; revocations that name a
//! compromise count for all times.

use std::io::{self, Read};

use jiff::{SignedDuration, Timestamp};
use openpgp::cert::amalgamation::ValidAmalgamation as _;
use openpgp::cert::prelude::{Cert, ValidErasedKeyAmalgamation};
use openpgp::packet::signature::subpacket::SubpacketValue;
use openpgp::packet::{Signature, Tag, key::PublicParts};
use openpgp::parse::Parse as _;
use openpgp::parse::stream::{
    DetachedVerifierBuilder, GoodChecksum, MessageLayer, MessageStructure, VerificationError, VerificationHelper,
    VerificationResult, VerifierBuilder,
};
use openpgp::types::{RevocationStatus, SignatureType};
use openpgp::{KeyHandle, KeyID, Packet};
use sequoia_openpgp as openpgp;

use super::certificate::{identities, policy_at, system_time, timestamp};
use super::keyring::Keyring;
use super::large::{Trouble, Watched};
use super::report::{Acceptance, Covers};
use super::verdict::{Certificate, Checked, Outcome};

/// How far ahead of our clock a signature may be: clocks differ.
pub(super) const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(30);

/// A detached signature is a few hundred bytes; more is somebody's attempt to keep us busy.
const SIGNATURE_BYTES_MAX: usize = 256 * 1024;

/// More signatures than this on one message are not looked at.
const SIGNATURES_MAX: usize = 32;

/// The policy and the time for sequoia's checks.
pub(super) fn skewed(now: Timestamp) -> std::time::SystemTime {
    system_time(now.checked_add(CLOCK_SKEW).unwrap_or(now))
}

/// Collects what sequoia finds.
pub(super) struct Observer<'k> {
    pub(super) keyring: &'k Keyring,
    pub(super) now: Timestamp,
    pub(super) signatures: Vec<Checked>,
    pub(super) encrypted: bool,
    /// Only signatures over a text count.
    text: bool,
}

impl<'k> Observer<'k> {
    pub(super) fn new(keyring: &'k Keyring, now: Timestamp) -> Self {
        Self { keyring, now, signatures: Vec::new(), encrypted: false, text: false }
    }

    pub(super) fn observe(&mut self, structure: MessageStructure<'_>) {
        for layer in structure {
            match layer {
                MessageLayer::Encryption { .. } => self.encrypted = true,
                MessageLayer::SignatureGroup { results } => {
                    for result in results.into_iter().take(SIGNATURES_MAX.saturating_sub(self.signatures.len())) {
                        let is_text = !self.text || is_over_text(&result);
                        let checked = check(result, self.keyring, self.now);
                        self.signatures.push(if is_text { checked } else { malformed() });
                    }
                }
                MessageLayer::Compression { .. } => {}
            }
        }
    }
}

impl VerificationHelper for &mut Observer<'_> {
    fn get_certs(&mut self, ids: &[KeyHandle]) -> openpgp::Result<Vec<Cert>> {
        Ok(self.keyring.candidates(ids.get(..SIGNATURES_MAX).unwrap_or(ids)))
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> openpgp::Result<()> {
        // Nothing is decided here: the facts are collected, and the verdict is given elsewhere.
        self.observe(structure);
        Ok(())
    }
}

/// Verifies a detached signature over the data.
pub(super) fn detached(signature: &[u8], data: &[u8], keyring: &Keyring, now: Timestamp) -> Vec<Checked> {
    let mut observer = Observer::new(keyring, now);
    let policy = policy_at(now);
    let done = if signature.len() > SIGNATURE_BYTES_MAX {
        false
    } else {
        DetachedVerifierBuilder::from_bytes(signature)
            .and_then(|builder| builder.with_policy(&policy, skewed(now), &mut observer))
            .and_then(|mut verifier| verifier.verify_bytes(data))
            .is_ok()
    };
    if !done || observer.signatures.is_empty() {
        return vec![malformed()];
    }
    observer.signatures
}

/// As [`detached`], over a stream.
///
/// # Errors
/// The stream cannot be read.
pub(super) fn detached_stream(
    signature: &[u8],
    data: impl Read + Send,
    keyring: &Keyring,
    now: Timestamp,
) -> io::Result<Vec<Checked>> {
    if signature.len() > SIGNATURE_BYTES_MAX {
        return Ok(vec![malformed()]);
    }
    let (mut observer, policy, trouble) = (Observer::new(keyring, now), policy_at(now), Trouble::default());
    let done = DetachedVerifierBuilder::from_bytes(signature)
        .and_then(|builder| builder.with_policy(&policy, skewed(now), &mut observer))
        .and_then(|mut verifier| verifier.verify_reader(Watched::new(data, &trouble)))
        .is_ok();
    trouble.check()?;
    if !done || observer.signatures.is_empty() {
        return Ok(vec![malformed()]);
    }
    Ok(observer.signatures)
}

/// Whether the bytes begin as a signature, binary or armored.
pub(super) fn is_signature(bytes: &[u8]) -> bool {
    bytes.len() <= SIGNATURE_BYTES_MAX && Packet::from_bytes(bytes).is_ok_and(|packet| packet.tag() == Tag::Signature)
}

/// Verifies a cleartext-signed block (RFC 9580 §7) and gives the bytes that the verifier returned, or nothing if it is malformed.
pub(super) fn cleartext(block: &[u8], keyring: &Keyring, now: Timestamp) -> (Option<Vec<u8>>, Vec<Checked>) {
    let mut observer = Observer::new(keyring, now);
    // A signature that was made over a file says nothing of a letter (RFC 9580 §7.2).
    observer.text = true;
    let policy = policy_at(now);
    let mut text = Vec::new();
    // The text is not longer than the block, so that all of it has been verified before the first byte is handed over.
    let done = VerifierBuilder::from_bytes(block)
        .and_then(|builder| builder.buffer_size(block.len()).with_policy(&policy, skewed(now), &mut observer))
        .and_then(|mut verifier| {
            let processed = verifier.message_processed();
            if processed {
                std::io::Read::read_to_end(&mut verifier, &mut text)?;
            }
            Ok(processed)
        });
    match done {
        Ok(true) if !observer.signatures.is_empty() => (Some(text), observer.signatures),
        _ => (None, vec![malformed()]),
    }
}

/// A signature that could not even be read.
pub(super) fn malformed() -> Checked {
    Checked { outcome: Outcome::Bad, signed_at: None, certificate: None, issuer: None, covers: Covers::Whole }
}

/// Whether a signature is one over a text.
fn is_over_text(result: &VerificationResult<'_>) -> bool {
    match result {
        Ok(good) => good.sig.typ() == SignatureType::Text,
        Err(_) => true,
    }
}

/// One result of sequoia's as plain data.
fn check(result: VerificationResult<'_>, keyring: &Keyring, now: Timestamp) -> Checked {
    match result {
        Ok(GoodChecksum { sig, ka, .. }) => {
            let outcome = if for_us(sig, keyring) { Outcome::Valid } else { Outcome::NotForUs };
            facts(outcome, sig, Some(&ka), keyring)
        }
        Err(VerificationError::MissingKey { sig, .. }) => facts(Outcome::UnknownKey, sig, None, keyring),
        Err(VerificationError::UnboundKey { sig, cert, error, .. }) => unbound(sig, cert, &error, keyring, now),
        Err(VerificationError::BadKey { sig, ka, .. }) => {
            let revoked = |status: RevocationStatus<'_>| matches!(status, RevocationStatus::Revoked(_));
            let outcome = if revoked(ka.valid_cert().revocation_status()) || revoked(ka.revocation_status()) {
                Outcome::Revoked
            } else if ka.valid_cert().alive().is_err() || ka.alive().is_err() {
                Outcome::Expired
            } else {
                Outcome::Unfit
            };
            facts(outcome, sig, Some(&ka), keyring)
        }
        Err(VerificationError::BadSignature { sig, ka, error, .. }) => {
            let outcome = if is_conditional(sig) {
                Outcome::Unfit
            } else if is_policy(&error) {
                Outcome::Weak
            } else if sig.signature_creation_time().is_some_and(|time| time > skewed(now)) {
                Outcome::Future
            } else if sig.signature_expiration_time().is_some_and(|time| time <= skewed(now)) {
                Outcome::Expired
            } else {
                Outcome::Bad
            };
            facts(outcome, sig, Some(&ka), keyring)
        }
        Err(VerificationError::MalformedSignature { sig, .. }) => facts(Outcome::Bad, sig, None, keyring),
        Err(_) => malformed(),
    }
}

/// A signature by a key whose certificate does not vouch for it at that time.
fn unbound(sig: &Signature, cert: &Cert, error: &openpgp::anyhow::Error, keyring: &Keyring, now: Timestamp) -> Checked {
    let policy = policy_at(now);
    let valid_now = cert.with_policy(&policy, system_time(now)).ok();
    let bound_now =
        valid_now.as_ref().is_some_and(|valid| valid.keys().key_handles(sig.get_issuers()).next().is_some());
    let outcome = if is_policy(error) {
        Outcome::Weak
    } else if matches!(cert.revocation_status(&policy, system_time(now)), RevocationStatus::Revoked(_)) {
        Outcome::Revoked
    } else if bound_now {
        Outcome::Expired
    } else {
        Outcome::UnknownKey
    };
    let mut checked = facts(outcome, sig, None, keyring);
    if outcome != Outcome::UnknownKey {
        let (user_ids, addresses) = valid_now.as_ref().map(identities).unwrap_or_default();
        let (acceptance, accepted_for) = keyring.decision(&cert.fingerprint());
        let fingerprint = cert.fingerprint().to_hex();
        checked.certificate = Some(Certificate { fingerprint, user_ids, addresses, acceptance, accepted_for });
    }
    checked
}

/// The facts that a signature and its certificate state.
fn facts(
    outcome: Outcome,
    sig: &Signature,
    ka: Option<&ValidErasedKeyAmalgamation<'_, PublicParts>>,
    keyring: &Keyring,
) -> Checked {
    let certificate = ka.map(|ka| {
        let valid = ka.valid_cert();
        let (user_ids, addresses) = identities(valid);
        let fingerprint = valid.fingerprint();
        let (acceptance, accepted_for) = keyring.decision(&fingerprint);
        Certificate { fingerprint: fingerprint.to_hex(), user_ids, addresses, acceptance, accepted_for }
    });
    Checked {
        outcome,
        signed_at: sig.signature_creation_time().map(timestamp),
        certificate,
        issuer: sig.get_issuers().first().map(|handle| KeyID::from(handle).to_hex()),
        covers: Covers::Whole,
    }
}

/// Whether the signature names no intended recipients (RFC 9580 §5.2.3.36), or one of ours: else somebody forwarded it as if it had
/// been written to us. Without a key of our own nothing can be said.
fn for_us(sig: &Signature, keyring: &Keyring) -> bool {
    let mut named = sig.intended_recipients().peekable();
    named.peek().is_none()
        || !keyring.has_own()
        || named.any(|fingerprint| keyring.decision(fingerprint).0 == Acceptance::Own)
}

/// Whether the signature makes it a condition that something is understood which is not (RFC 9580 §5.2.3.7).
fn is_conditional(sig: &Signature) -> bool {
    let unknown =
        |value: &SubpacketValue| matches!(value, SubpacketValue::Unknown { .. } | SubpacketValue::NotationData(_));
    sig.hashed_area().iter().any(|subpacket| subpacket.critical() && unknown(subpacket.value()))
}

/// Whether sequoia's policy refused an algorithm.
fn is_policy(error: &openpgp::anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(cause.downcast_ref::<openpgp::Error>(), Some(openpgp::Error::PolicyViolation(..)))
            || cause.to_string().contains("Policy rejected")
    })
}
