//! Devices: which are taken into use, and who answers for them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::register::record::DeviceId;

/// A device is taken into use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceAdded {
    /// What people call it.
    pub name: String,
    /// Its certificate, in base64; the device is named by its fingerprint.
    pub certificate: String,
}

impl DeviceAdded {
    /// Of a certificate's bytes.
    #[must_use]
    pub fn new(name: impl Into<String>, certificate: &[u8]) -> Self {
        Self { name: name.into(), certificate: BASE64.encode(certificate) }
    }

    /// The certificate's bytes.
    #[must_use]
    pub fn certificate(&self) -> Option<Vec<u8>> {
        BASE64.decode(&self.certificate).ok()
    }
}

/// A person says that a device is theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceVouched {
    /// Which device.
    pub device: DeviceId,
    /// Fingerprint of the person's certificate.
    pub by: String,
    /// Their signature over [`crate::register::head::vouching_text`], in base64.
    pub signature: String,
}
