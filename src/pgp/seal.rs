//! Messages signed and encrypted (RFC 3156 §4–6), header fields protected (RFC 9788).
//!
//! One call makes one copy: a Bcc recipient gets a copy of his own, so that no recipient learns of another from the key ids
//! (CVE-2024-49395). Never encrypts to a certificate that is not valid for it at the given time, and never leaves a recipient out: it
//! fails instead. Never writes a Bcc field.

use std::io::Write as _;

use jiff::Timestamp;
use openpgp::armor::Kind;
use openpgp::packet::Packet;
use openpgp::parse::Parse as _;
use openpgp::serialize::stream::{Armorer, Encryptor, LiteralWriter, Message as Writer, Recipient, Signer};
use openpgp::types::HashAlgorithm;
use sequoia_openpgp as openpgp;

use super::certificate::{backend, policy_at, system_time};
use super::error::PgpError;
use super::keyring::Keyring;
use super::protect;

/// A sealed message: its MIME entity, and the header fields that stand outside of the protection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Top header fields, raw values as they go on the wire, without the MIME ones.
    pub fields: Vec<(String, String)>,
    /// The MIME entity: its Content-Type field, an empty line, its body; CRLF throughout.
    pub entity: Vec<u8>,
}

impl Sealed {
    /// The full message: fields, `MIME-Version`, entity.
    #[must_use]
    pub fn assemble(&self) -> Vec<u8> {
        let mut message = Vec::with_capacity(self.entity.len().saturating_add(1024));
        for (name, value) in &self.fields {
            message.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        message.extend_from_slice(b"MIME-Version: 1.0\r\n");
        message.extend_from_slice(&self.entity);
        message
    }
}

/// How a message is encrypted.
#[derive(Clone, Copy, Debug)]
pub struct Sealing<'a> {
    /// Fingerprints of the certificates of this copy's recipients. One's own is added.
    pub to: &'a [String],
    /// The fingerprint of one's own certificate.
    pub own: &'a str,
    /// It is signed by one's own key.
    pub sign: bool,
    /// The Subject outside, encoded as it goes on the wire; `None`: the same as inside.
    pub outer_subject: Option<&'a str>,
}

/// Signs and encrypts, with the subject hidden: [`seal_as`] for most.
///
/// # Errors
/// As for [`seal_as`].
pub fn seal(
    entity: &[u8],
    fields: &[(String, String)],
    to: &[String],
    keyring: &Keyring,
    signer: &str,
    now: Timestamp,
) -> Result<Sealed, PgpError> {
    let sealing = Sealing { to, own: signer, sign: true, outer_subject: Some(protect::OBSCURED_SUBJECT) };
    seal_as(entity, fields, keyring, &sealing, now)
}

/// Encrypts without signing: as [`seal`], to the recipients and to `own`.
///
/// # Errors
/// As for [`seal_as`].
pub fn encrypt(
    entity: &[u8],
    fields: &[(String, String)],
    to: &[String],
    keyring: &Keyring,
    own: &str,
    now: Timestamp,
) -> Result<Sealed, PgpError> {
    let sealing = Sealing { to, own, sign: false, outer_subject: Some(protect::OBSCURED_SUBJECT) };
    seal_as(entity, fields, keyring, &sealing, now)
}

/// Encrypts, and signs where that is asked for.
///
/// `entity` is a MIME entity (`Content-*` fields, empty line, body); `fields` are the message's other header fields, in order, raw values
/// as they would go on the wire: `Subject`, `From`, `To`, `Cc`, `Date`, `Message-ID`, `In-Reply-To`, `References` and the like. They all are
/// put inside the protection. A signature names the certificates that the copy is for (RFC 9580 §5.2.3.36), so that it holds in no other
/// ciphertext. Acceptance is not asked here: see [`super::recipients`].
///
/// # Errors
/// If a certificate is unknown or not valid for encryption, the signer's key is not unlocked, or a field holds a line break of its own.
pub fn seal_as(
    entity: &[u8],
    fields: &[(String, String)],
    keyring: &Keyring,
    sealing: &Sealing<'_>,
    now: Timestamp,
) -> Result<Sealed, PgpError> {
    let Sealing { to, own, sign, outer_subject } = *sealing;
    let pair = sign.then(|| keyring.signing_pair(own, now)).transpose()?;
    let subject = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("subject")).map(|(_, value)| value.as_str());
    let outer = protect::outer_fields(fields, outer_subject.or(subject).unwrap_or_default());
    let payload = protect::encrypted_payload(entity, fields, &outer)?;
    let mut certs = vec![keyring.openpgp_cert(own)?];
    for fingerprint in to {
        let cert = keyring.openpgp_cert(fingerprint)?;
        if !certs.iter().any(|known| known.fingerprint() == cert.fingerprint()) {
            certs.push(cert);
        }
    }
    let policy = policy_at(now);
    let mut recipients: Vec<Recipient<'_>> = Vec::new();
    for cert in &certs {
        let before = recipients.len();
        let unfit = |why: String| PgpError::Unfit { fingerprint: cert.fingerprint().to_hex(), why };
        let valid = cert.with_policy(&policy, system_time(now)).map_err(|error| unfit(error.to_string()))?;
        valid.alive().map_err(|error| unfit(error.to_string()))?;
        if matches!(valid.revocation_status(), openpgp::types::RevocationStatus::Revoked(_)) {
            return Err(unfit("it was revoked by its owner".to_owned()));
        }
        let usable = valid.keys().supported().alive().revoked(false);
        recipients.extend(usable.for_transport_encryption().for_storage_encryption().map(Recipient::from));
        if recipients.len() == before {
            return Err(unfit("it holds no valid key to encrypt to".to_owned()));
        }
    }
    let mut armored = Vec::new();
    let writer = Armorer::new(Writer::new(&mut armored)).kind(Kind::Message).build()?;
    let mut writer = Encryptor::for_recipients(writer, recipients).build()?;
    if let Some(pair) = pair {
        let mut signer = Signer::new(writer, pair)?.hash_algo(HashAlgorithm::SHA512)?.creation_time(system_time(now));
        for cert in &certs {
            signer = signer.add_intended_recipient(cert);
        }
        writer = signer.build()?;
    }
    let mut writer = LiteralWriter::new(writer).build()?;
    writer.write_all(&payload).map_err(backend)?;
    writer.finalize()?;
    let boundary = protect::boundary(&armored);
    let mut sealed = Vec::with_capacity(armored.len().saturating_add(1024));
    sealed.extend_from_slice(
        format!(
            "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";\r\n boundary=\"{boundary}\"\r\n\r\n\
             This is an OpenPGP/MIME encrypted message (RFC 3156).\r\n\
             --{boundary}\r\nContent-Type: application/pgp-encrypted\r\nContent-Description: PGP/MIME version identification\r\n\r\n\
             Version: 1\r\n\r\n\
             --{boundary}\r\nContent-Type: application/octet-stream; name=\"encrypted.asc\"\r\n\
             Content-Description: OpenPGP encrypted message\r\nContent-Disposition: inline; filename=\"encrypted.asc\"\r\n\r\n"
        )
        .as_bytes(),
    );
    sealed.extend_from_slice(&protect::crlf(&armored));
    sealed.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Ok(Sealed { fields: outer, entity: sealed })
}

/// Signs without encrypting (RFC 3156 §5): arguments as for [`seal`].
///
/// # Errors
/// If the signer's key is not unlocked, the entity is not 7-bit (a relay would re-encode it and break the signature), or a field holds
/// a line break of its own.
pub fn sign(
    entity: &[u8],
    fields: &[(String, String)],
    keyring: &Keyring,
    signer: &str,
    now: Timestamp,
) -> Result<Sealed, PgpError> {
    let payload = protect::signed_payload(entity, fields)?;
    if !payload.is_ascii() {
        return Err(PgpError::BadEntity("what is signed must be 7-bit; encode it first".to_owned()));
    }
    let pair = keyring.signing_pair(signer, now)?;
    let mut armored = Vec::new();
    let writer = Armorer::new(Writer::new(&mut armored)).kind(Kind::Signature).build()?;
    let mut writer = Signer::new(writer, pair)?
        .hash_algo(HashAlgorithm::SHA512)?
        .creation_time(system_time(now))
        .detached()
        .build()?;
    writer.write_all(&payload).map_err(backend)?;
    writer.finalize()?;
    let micalg = micalg(&armored)?;
    let boundary = protect::boundary(&payload);
    let mut sealed = Vec::with_capacity(payload.len().saturating_add(2048));
    sealed.extend_from_slice(
        format!(
            "Content-Type: multipart/signed; micalg={micalg};\r\n protocol=\"application/pgp-signature\";\r\n \
             boundary=\"{boundary}\"\r\n\r\nThis is an OpenPGP/MIME signed message (RFC 3156).\r\n--{boundary}\r\n"
        )
        .as_bytes(),
    );
    sealed.extend_from_slice(&payload);
    sealed.extend_from_slice(
        format!(
            "\r\n--{boundary}\r\nContent-Type: application/pgp-signature; name=\"signature.asc\"\r\n\
             Content-Description: OpenPGP digital signature\r\nContent-Disposition: attachment; filename=\"signature.asc\"\r\n\r\n"
        )
        .as_bytes(),
    );
    sealed.extend_from_slice(&protect::crlf(&armored));
    sealed.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Ok(Sealed { fields: fields.to_vec(), entity: sealed })
}

/// The `micalg` parameter (RFC 3156 §5) that fits the signature that was really made.
fn micalg(signature: &[u8]) -> Result<String, PgpError> {
    match Packet::from_bytes(signature)? {
        Packet::Signature(signature) => {
            let name: String = signature.hash_algo().to_string().to_ascii_lowercase();
            Ok(format!("pgp-{}", name.replace(['-', '/', '_'], "")))
        }
        _ => Err(PgpError::Backend("no signature was made".to_owned())),
    }
}
