//! Certificates as plain data: read, merged, written (RFC 9580 §10.1, §6).
//!
//! Never takes a user id without a valid self-signature (CVE-2021-23992), never loses a revocation when two copies of a certificate are
//! merged (CVE-2022-1197), and never lets a secret key slip into what is called a certificate.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::SystemTime;

use jiff::Timestamp;
use openpgp::Packet;
use openpgp::cert::CertParser;
use openpgp::cert::amalgamation::ValidAmalgamation as _;
use openpgp::cert::prelude::{Cert, ValidCert};
use openpgp::crypto::S2K;
use openpgp::packet::key::SecretKeyMaterial;
use openpgp::parse::Parse as _;
use openpgp::policy::StandardPolicy;
use openpgp::serialize::{Serialize as _, SerializeInto as _};
use openpgp::types::RevocationStatus;
use sequoia_openpgp as openpgp;
use serde::Serialize;
use zeroize::Zeroizing;

use super::error::PgpError;
use super::report::Acceptance;

/// The most certificates that are read out of one file.
const CERTS_MAX: usize = 10_000;

/// A certificate as plain data. User ids are foreign text: show them through `mail::safe` only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertInfo {
    /// Upper-case hexadecimal: 40 digits (v4) or 64 (v6).
    pub fingerprint: String,
    /// 16 digits.
    pub key_id: String,
    /// User ids with a valid self-signature that are not revoked; the primary one first.
    pub user_ids: Vec<String>,
    /// The addresses of those, lower-case, without repeats.
    pub addresses: Vec<String>,
    /// When the primary key was made.
    pub created: Timestamp,
    /// When it expires, if ever.
    pub expires: Option<Timestamp>,
    /// Its owner revoked it.
    pub revoked: bool,
    /// Someone can encrypt to it at the time asked about.
    pub can_encrypt: bool,
    /// It can sign at the time asked about.
    pub can_sign: bool,
    /// Why it is not valid at the time asked about, in words; nothing if it is.
    pub invalid: Option<String>,
    /// What the user decided.
    pub acceptance: Acceptance,
    /// Its secret key is here and unlocked, or was in the bytes it was read from.
    pub has_secret: bool,
    /// Of the primary key, for instance `Ed25519` or `RSA 3072`.
    pub algorithm: String,
}

impl CertInfo {
    /// Whose it is, as it says itself: the first user id, else the fingerprint. Foreign text.
    #[must_use]
    pub fn holder(&self) -> &str {
        self.user_ids.first().unwrap_or(&self.fingerprint)
    }
}

/// A certificate read from a file: its facts and its bytes.
#[derive(Clone, Debug)]
pub struct ReadCert {
    /// What it says of itself.
    pub info: CertInfo,
    /// The certificate without secrets, binary: what is kept.
    pub cert: Vec<u8>,
    /// The same with its secret keys, binary, where the file held them.
    pub secret: Option<Zeroizing<Vec<u8>>>,
}

/// Reads every certificate in a file, binary or armored, at the given time. What is no certificate in it is left out.
///
/// # Errors
/// If there is none.
pub fn read_certs(bytes: &[u8], now: Timestamp) -> Result<Vec<ReadCert>, PgpError> {
    parse(bytes)?
        .into_iter()
        .map(|cert| {
            let info = describe(&cert, Acceptance::Undecided, cert.is_tsk(), now);
            let secret = if cert.is_tsk() { Some(Zeroizing::new(cert.as_tsk().to_vec()?)) } else { None };
            Ok(ReadCert { info, cert: public_bytes(&cert)?, secret })
        })
        .collect()
}

/// The certificates in the bytes that carry an address, without secrets, one behind the other.
///
/// # Errors
/// If there is no certificate.
pub fn only_with(bytes: &[u8], address: &str, now: Timestamp) -> Result<Vec<u8>, PgpError> {
    let address = address.to_ascii_lowercase();
    let read = read_certs(bytes, now)?.into_iter().filter(|read| read.info.addresses.contains(&address));
    Ok(read.flat_map(|read| read.cert).collect())
}

/// Puts two copies of one certificate together: nothing is lost, so a revocation in either always wins.
///
/// # Errors
/// If either is no certificate, or they are not the same one.
pub fn merge(existing: &[u8], new: &[u8]) -> Result<Vec<u8>, PgpError> {
    let one = |bytes| parse(bytes)?.into_iter().next().ok_or(PgpError::NotACertificate);
    let (existing, new): (Cert, Cert) = (one(existing)?, one(new)?);
    public_bytes(&existing.merge_public(new)?)
}

/// Adds a revocation certificate (armored or binary) to the certificate that it revokes.
///
/// # Errors
/// If it is none, or belongs to another certificate.
pub fn revoke(cert: &[u8], revocation: &[u8]) -> Result<Vec<u8>, PgpError> {
    let cert = parse(cert)?.into_iter().next().ok_or(PgpError::NotACertificate)?;
    let fingerprint = cert.fingerprint().to_hex();
    let signature = match Packet::from_bytes(revocation)? {
        Packet::Signature(signature) => signature,
        _ => return Err(PgpError::Unfit { fingerprint, why: "that is no revocation certificate".to_owned() }),
    };
    if signature.verify_primary_key_revocation(cert.primary_key().key(), cert.primary_key().key()).is_err() {
        return Err(PgpError::Unfit { fingerprint, why: "the revocation certificate is not its own".to_owned() });
    }
    public_bytes(&cert.insert_packets(signature)?.0)
}

/// The certificate as ASCII armor, without secrets.
///
/// # Errors
/// If it is no certificate.
pub fn export_cert(bytes: &[u8]) -> Result<String, PgpError> {
    let mut armored = Vec::new();
    for cert in parse(bytes)? {
        cert.armored().export(&mut armored)?;
    }
    Ok(String::from_utf8_lossy(&armored).into_owned())
}

/// The secret key as ASCII armor, for a backup: protected by the passphrase where one is given.
///
/// # Errors
/// If there is no secret key, or it cannot be protected.
pub fn export_secret(bytes: &[u8], passphrase: Option<&str>) -> Result<Zeroizing<String>, PgpError> {
    let cert = parse(bytes)?.into_iter().find(Cert::is_tsk).ok_or(PgpError::NoSecretKey)?;
    let cert = match passphrase {
        Some(passphrase) => protect(cert, passphrase)?,
        None => cert,
    };
    let mut armored = Vec::new();
    let mut writer = openpgp::armor::Writer::new(&mut armored, openpgp::armor::Kind::SecretKey).map_err(backend)?;
    cert.as_tsk().serialize(&mut writer)?;
    writer.flush().map_err(backend)?;
    writer.finalize().map_err(backend)?;
    Ok(Zeroizing::new(String::from_utf8_lossy(&armored).into_owned()))
}

/// Encrypts every unprotected secret key under the passphrase.
fn protect(cert: Cert, passphrase: &str) -> Result<Cert, PgpError> {
    let password = openpgp::crypto::Password::from(passphrase);
    let mut packets: Vec<Packet> = Vec::new();
    for key in cert.keys().unencrypted_secret() {
        let primary = key.key().fingerprint() == cert.fingerprint();
        let protected = key.key().clone().encrypt_secret(&password)?;
        packets.push(if primary {
            protected.role_into_primary().into()
        } else {
            protected.role_into_subordinate().into()
        });
    }
    Ok(cert.insert_packets(packets)?.0)
}

/// Reads the certificates of a file into sequoia's form.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Cert>, PgpError> {
    let mut certs = Vec::new();
    let mut damage = None;
    for cert in CertParser::from_bytes(bytes).map_err(|_| PgpError::NotACertificate)?.take(CERTS_MAX) {
        match cert {
            Ok(cert) => certs.push(without_stubs(cert)?),
            Err(error) => damage = Some(error.to_string()),
        }
    }
    match (certs.is_empty(), damage) {
        (false, _) => Ok(certs),
        (true, Some(damage)) => Err(PgpError::Damaged(damage)),
        (true, None) => Err(PgpError::NotACertificate),
    }
}

/// The certificate without the stubs that GnuPG writes in the place of a secret part that is elsewhere: on a card, or where the primary key is kept
/// (`--export-secret-subkeys`). They look like locked keys, and no passphrase opens them.
fn without_stubs(cert: Cert) -> Result<Cert, PgpError> {
    let is_stub = |secret: &SecretKeyMaterial| matches!(secret, SecretKeyMaterial::Encrypted(locked) if matches!(locked.s2k(), S2K::Private { .. }));
    if !cert.keys().secret().any(|key| is_stub(key.key().secret())) {
        return Ok(cert);
    }
    let whole = cert.as_tsk().set_filter(|key| !is_stub(key.secret())).to_vec()?;
    Ok(Cert::from_bytes(&Zeroizing::new(whole))?)
}

/// Fingerprints of the keys whose secret parts a transferable secret key holds; none where the bytes are none.
#[must_use]
pub fn secret_parts(bytes: &[u8]) -> BTreeSet<String> {
    let cert = parse(bytes).ok().and_then(|certs| certs.into_iter().next());
    cert.iter().flat_map(|cert| cert.keys().secret()).map(|key| key.key().fingerprint().to_hex()).collect()
}

/// The certificate without secret keys, binary.
pub(super) fn public_bytes(cert: &Cert) -> Result<Vec<u8>, PgpError> {
    Ok(cert.clone().strip_secret_key_material().to_vec()?)
}

/// A time in sequoia's form.
pub(super) fn system_time(time: Timestamp) -> SystemTime {
    SystemTime::from(time)
}

/// A time in ours.
pub(super) fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// What is accepted as safe at the given time: SHA-1, MD5, RSA below 2048 bits and the like are not.
pub(super) fn policy_at(now: Timestamp) -> StandardPolicy<'static> {
    StandardPolicy::at(system_time(now))
}

/// The address in a user id, lower-case.
pub(super) fn address_of(user_id: &openpgp::packet::UserID) -> Option<String> {
    user_id.email().ok().flatten().map(str::to_ascii_lowercase)
}

/// User ids and addresses that the certificate vouches for itself, at the time it was validated for.
pub(super) fn identities(cert: &ValidCert<'_>) -> (Vec<String>, Vec<String>) {
    let mut user_ids = Vec::new();
    let mut addresses = Vec::new();
    // Where all are revoked the library still names one as the primary; a revoked one stands for nobody.
    let primary = cert.primary_userid().ok();
    let standing = primary.into_iter().chain(cert.userids()).filter(|ua| !revoked(&ua.revocation_status()));
    for user_id in standing.map(|ua| ua.userid()) {
        let text = String::from_utf8_lossy(user_id.value()).into_owned();
        if !user_ids.contains(&text) {
            user_ids.push(text);
        }
        if let Some(address) = address_of(user_id).filter(|address| !addresses.contains(address)) {
            addresses.push(address);
        }
    }
    (user_ids, addresses)
}

/// Whether a revocation stands.
fn revoked(status: &RevocationStatus<'_>) -> bool {
    matches!(status, RevocationStatus::Revoked(_))
}

/// The facts of a certificate at a time.
pub(super) fn describe(cert: &Cert, acceptance: Acceptance, has_secret: bool, now: Timestamp) -> CertInfo {
    let policy = policy_at(now);
    let key = cert.primary_key().key();
    let mut info = CertInfo {
        fingerprint: cert.fingerprint().to_hex(),
        key_id: cert.keyid().to_hex(),
        user_ids: Vec::new(),
        addresses: Vec::new(),
        created: timestamp(key.creation_time()),
        expires: None,
        revoked: revoked(&cert.revocation_status(&policy, system_time(now))),
        can_encrypt: false,
        can_sign: false,
        invalid: None,
        acceptance,
        has_secret,
        algorithm: algorithm(key.pk_algo(), key.mpis().bits()),
    };
    match cert.with_policy(&policy, system_time(now)) {
        Ok(valid) => {
            (info.user_ids, info.addresses) = identities(&valid);
            info.expires = valid.primary_key().key_expiration_time().map(timestamp);
            info.invalid = valid.alive().err().map(|error| error.to_string());
            let usable = || valid.keys().supported().alive().revoked(false);
            info.can_encrypt = usable().for_transport_encryption().for_storage_encryption().next().is_some();
            info.can_sign = usable().for_signing().next().is_some();
        }
        Err(error) => info.invalid = Some(error.to_string()),
    }
    if info.revoked {
        info.invalid = Some("revoked by its owner".to_owned());
    }
    if info.invalid.is_some() {
        (info.can_encrypt, info.can_sign) = (false, false);
    }
    info
}

/// The name of an algorithm, with its size where that matters.
fn algorithm(algorithm: openpgp::types::PublicKeyAlgorithm, bits: Option<usize>) -> String {
    use openpgp::types::PublicKeyAlgorithm as Algorithm;
    #[expect(deprecated, reason = "old keys are named too")]
    let name = match algorithm {
        Algorithm::RSAEncryptSign | Algorithm::RSAEncrypt | Algorithm::RSASign => "RSA",
        Algorithm::DSA => "DSA",
        Algorithm::EdDSA | Algorithm::Ed25519 => return "Ed25519".to_owned(),
        Algorithm::Ed448 => return "Ed448".to_owned(),
        Algorithm::ECDSA => "ECDSA",
        other => return other.to_string(),
    };
    bits.map_or_else(|| name.to_owned(), |bits| format!("{name} {bits}"))
}

/// An error of sequoia's, in words.
pub(super) fn backend(error: impl std::fmt::Display) -> PgpError {
    PgpError::Backend(error.to_string())
}
