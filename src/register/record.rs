//! A record of a stream: who, when, in which place; and the digest of what happened.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::canonical::{self, CanonicalError};

/// The form that is written. Older ones are read for ever; a later one is refused, because what it leaves out cannot be known.
pub const VERSION: u32 = 1;
/// Bytes of a record at most: nothing in it is long.
pub const RECORD_BYTES_MAX: usize = 16 * 1024;
/// Bytes of what happened at most: a note, a list of two hundred addresses.
pub const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;

/// SHA-256 (FIPS 180-4), written as 64 hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// What stands before the first record of a stream.
    pub const NOTHING: Self = Self([0; 32]);

    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no [`Digest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 hexadecimal digits in lower case")]
pub struct DigestError;

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| DigestError)?;
        // One way to write it.
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(DigestError);
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A device: the fingerprint of its certificate, in upper-case hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceId(pub String);

impl DeviceId {
    /// The first eight digits, for lists.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who did it. What is empty is not written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// The user of the operating system.
    pub user: String,
    /// The account of the configuration.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// The role that is claimed, for instance `solicitor`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role: String,
    /// The person on whose behalf it was done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub behalf: String,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.user)?;
        if !self.role.is_empty() {
            write!(f, " ({})", self.role)?;
        }
        if !self.behalf.is_empty() {
            write!(f, " for {}", self.behalf)?;
        }
        Ok(())
    }
}

/// The last record of another device that was known here: what had been seen when something was decided, and a witness that it was there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The other device.
    pub device: DeviceId,
    /// The number of its record.
    pub seq: u64,
    /// The digest of that record.
    pub hash: Digest,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The form: [`VERSION`].
    pub v: u32,
    /// Whose stream.
    pub device: DeviceId,
    /// From 1, without a gap.
    pub seq: u64,
    /// Digest of the record before; [`Digest::NOTHING`] at the first.
    pub prev: Digest,
    /// The clock of the device, in UTC.
    pub at: Timestamp,
    /// What the local clock was ahead of UTC, in seconds.
    pub offset: i32,
    /// Its place among the records of all devices: microseconds since 1970, not less than `at`, and more than every record that this
    /// device knew of (a hybrid logical clock), so that an answer never stands before what it answers, whatever clocks say.
    pub order: u64,
    /// Who did it.
    pub actor: Actor,
    /// What other devices had written, where that is news since the record before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<Seen>,
    /// What happened, in one word; see [`super::event::Event::kind`].
    pub kind: String,
    /// Digest of the text that says what happened.
    pub payload: Digest,
}

/// Why bytes are no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not one in any form.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// Of a later casemail.
    #[error("it is of a later form ({0}) than this casemail knows: use a newer one")]
    Later(u32),
    /// The same could be written in another way.
    #[error("it is not written in the one way that the register writes")]
    NotCanonical,
    /// Too long.
    #[error("it is {0} bytes long")]
    TooLong(usize),
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl Record {
    /// The bytes that are kept, and that the next record names.
    ///
    /// # Errors
    /// [`CanonicalError`].
    pub fn write(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::write(self)
    }

    /// Reads a record of any version that there was.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn read(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(RecordError::TooLong(bytes.len()));
        }
        let unreadable = |error: serde_json::Error| RecordError::Unreadable(error.to_string());
        let record: Self = match serde_json::from_slice(bytes) {
            Ok(record) => record,
            Err(error) => match serde_json::from_slice::<Version>(bytes) {
                Ok(Version { v }) if v > VERSION => return Err(RecordError::Later(v)),
                _ => return Err(unreadable(error)),
            },
        };
        if record.v != VERSION {
            return Err(RecordError::Later(record.v));
        }
        Ok(record)
    }

    /// As [`Self::read`], for bytes from elsewhere: also whether they are written in the one way.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn read_strictly(bytes: &[u8]) -> Result<Self, RecordError> {
        let record = Self::read(bytes)?;
        if record.write().is_ok_and(|written| written == bytes) { Ok(record) } else { Err(RecordError::NotCanonical) }
    }

    /// Where it stands among the records of all devices.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp { order: self.order, device: self.device.clone(), seq: self.seq }
    }
}

/// Where a record stands among those of all devices: by time, then by device, then by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// [`Record::order`].
    pub order: u64,
    /// [`Record::device`].
    pub device: DeviceId,
    /// [`Record::seq`].
    pub seq: u64,
}

/// A record with its text, as they are kept. The text of a case that was destroyed is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The record's bytes.
    pub record: Vec<u8>,
    /// The text's bytes.
    pub payload: Option<Vec<u8>>,
}
