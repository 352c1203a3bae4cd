//! The signature of a device over the last record of its stream, and thereby over all of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::canonical::{self, CanonicalError};
use super::record::{DeviceId, Digest};

/// Whoever can check signatures: OpenPGP, elsewhere.
pub trait Signatures {
    /// The fingerprint of a certificate, in upper-case hexadecimal digits; `None`: it is none.
    fn fingerprint(&self, certificate: &[u8]) -> Option<String>;
    /// Whether this certificate made this signature over this text.
    fn verify(&self, certificate: &[u8], text: &[u8], signature: &[u8]) -> bool;
}

/// The signed end of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Whose stream.
    pub device: DeviceId,
    /// The last record.
    pub seq: u64,
    /// Its digest.
    pub hash: Digest,
    /// When it was signed.
    pub at: Timestamp,
    /// A detached OpenPGP signature (RFC 9580 §5.2) over [`Self::text`], in base64.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signature: String,
}

impl Head {
    /// What is signed: all but the signature, written in the one way.
    ///
    /// # Errors
    /// [`CanonicalError`].
    pub fn text(&self) -> Result<Vec<u8>, CanonicalError> {
        let mut text = b"casemail register head 1\n".to_vec();
        text.extend(canonical::write(&Self { signature: String::new(), ..self.clone() })?);
        Ok(text)
    }

    /// With its signature.
    #[must_use]
    pub fn signed(self, signature: &[u8]) -> Self {
        Self { signature: BASE64.encode(signature), ..self }
    }

    /// Whether the device of this certificate signed it.
    #[must_use]
    pub fn is_signed_by(&self, certificate: &[u8], signatures: &dyn Signatures) -> bool {
        let Ok(signature) = BASE64.decode(&self.signature) else { return false };
        signatures.fingerprint(certificate).as_deref() == Some(self.device.0.as_str())
            && self.text().is_ok_and(|text| signatures.verify(certificate, &text, &signature))
    }
}

/// What a person signs to say that a device is theirs.
#[must_use]
pub fn vouching_text(device: &DeviceId) -> Vec<u8> {
    format!("casemail register device 1\n{device}\n").into_bytes()
}
