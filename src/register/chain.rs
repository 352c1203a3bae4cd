//! A stream checked record by record: nothing changed, nothing missing, nothing added, signed to its end.

use std::collections::BTreeSet;

use super::event::{Event, Payload};
use super::head::{Head, Signatures};
use super::record::{DeviceId, Digest, Record, RecordError, Written};

/// The end of a stream as far as it has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Whose stream.
    pub device: DeviceId,
    /// The last record; 0: none yet.
    pub seq: u64,
    /// Its digest.
    pub hash: Digest,
    /// Its place among all; the next one's is greater.
    pub order: u64,
}

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Its bytes.
    #[error("{0}")]
    Record(#[from] RecordError),
    /// Its bytes do not open: see the store.
    #[error("it does not open: {0}")]
    Sealed(String),
    /// Of another device.
    #[error("it is a record of the device {0}")]
    Device(DeviceId),
    /// It is not there.
    #[error("it is missing")]
    Missing,
    /// It stands in the place of another one.
    #[error("it stands where record {0} should")]
    Place(u64),
    /// The record after it, or the signature, names another one.
    #[error("it was changed after the next record or the signature was written")]
    Changed,
    /// It does not name the record before it.
    #[error("it does not follow from the record before it")]
    Unchained,
    /// Its place among all records is not behind the one before.
    #[error("it stands before the record that it follows")]
    Backwards,
    /// The text beside it is not the one that it names.
    #[error("what happened was changed after it was written")]
    Payload,
    /// The text beside it is gone, but its case was not destroyed.
    #[error("what happened is missing")]
    NoPayload,
    /// The first record does not introduce the device.
    #[error("it does not introduce its device with a certificate of that fingerprint")]
    NoDevice,
    /// The signature of the device.
    #[error("the signature over it is not one of its device")]
    Signature,
    /// No signature.
    #[error("there is no signature of the device over it")]
    Unsigned,
}

/// The first record that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {seq} of the device {device}: {fault}")]
pub struct Broken {
    /// Whose stream.
    pub device: DeviceId,
    /// Its number.
    pub seq: u64,
    /// What is wrong.
    pub fault: Fault,
}

impl Tip {
    /// Before the first record.
    #[must_use]
    pub const fn start(device: DeviceId) -> Self {
        Self { device, seq: 0, hash: Digest::NOTHING, order: 0 }
    }

    /// Goes on by one record.
    ///
    /// # Errors
    /// What is wrong with it; the tip stays where it was.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Record, Fault> {
        let record = Record::read_strictly(bytes)?;
        self.admit(&record, Digest::of(bytes))?;
        Ok(record)
    }

    /// As [`Self::step`], for a record that was read.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub fn admit(&mut self, record: &Record, hash: Digest) -> Result<(), Fault> {
        let expected = self.seq.saturating_add(1);
        if record.device != self.device {
            return Err(Fault::Device(record.device.clone()));
        }
        if record.seq != expected {
            return Err(if record.seq > expected { Fault::Missing } else { Fault::Place(expected) });
        }
        if record.prev != self.hash {
            return Err(Fault::Unchained);
        }
        if record.order <= self.order {
            return Err(Fault::Backwards);
        }
        (self.seq, self.hash, self.order) = (record.seq, hash, record.order);
        Ok(())
    }
}

/// Whether the text beside a record is the one that it names.
///
/// # Errors
/// [`Fault::Payload`].
pub fn check_payload(record: &Record, payload: Option<&[u8]>) -> Result<(), Fault> {
    match payload {
        Some(bytes) if Digest::of(bytes) != record.payload => Err(Fault::Payload),
        _ => Ok(()),
    }
}

/// The certificate by which the first record introduces its device.
///
/// # Errors
/// [`Fault::NoDevice`].
pub fn certificate(record: &Record, payload: Option<&[u8]>, signatures: &dyn Signatures) -> Result<Vec<u8>, Fault> {
    let event = payload.and_then(|bytes| Payload::read(bytes).ok()).map(|payload| payload.event);
    let Some(Event::DeviceAdded(added)) = event else { return Err(Fault::NoDevice) };
    let certificate = added.certificate().ok_or(Fault::NoDevice)?;
    match signatures.fingerprint(&certificate) {
        Some(fingerprint) if fingerprint == record.device.0 => Ok(certificate),
        _ => Err(Fault::NoDevice),
    }
}

/// A whole stream, as it was found.
pub struct Stream<'a> {
    /// Whose it is said to be.
    pub device: &'a DeviceId,
    /// The records in the order of their places, from 1; one that does not open is told in words.
    pub rows: &'a [(u64, Result<Written, String>)],
    /// The signature over the last of them.
    pub head: Option<&'a Head>,
    /// The texts that certificates of destruction name: these may be gone.
    pub destroyed: &'a BTreeSet<Digest>,
}

/// Checks a whole stream; gives its end.
///
/// A link that is broken tells of one of two records only that they do not fit. Which of them was changed, the record after them says, or the
/// signature.
///
/// # Errors
/// The first record that is not what was written.
pub fn verify(stream: &Stream<'_>, signatures: &dyn Signatures) -> Result<Tip, Broken> {
    let broken = |seq: u64, fault: Fault| Broken { device: stream.device.clone(), seq, fault };
    let mut tip = Tip::start(stream.device.clone());
    let mut certificate_of_device = None;
    let mut rows = stream.rows.iter().peekable();
    while let Some((place, row)) = rows.next() {
        let expected = tip.seq.saturating_add(1);
        if *place != expected {
            return Err(broken(expected, Fault::Missing));
        }
        let row = row.as_ref().map_err(|words| broken(expected, Fault::Sealed(words.clone())))?;
        let hash = Digest::of(&row.record);
        let before = tip.seq;
        let read = Record::read_strictly(&row.record).map_err(|error| broken(expected, error.into()))?;
        if let Err(fault) = tip.admit(&read, hash) {
            // Who is right: this one, or the one before? Whoever comes next has written down which this one was.
            let witness = match rows.peek() {
                Some((_, Ok(next))) => Record::read(&next.record).ok().map(|next| next.prev),
                Some((_, Err(_))) => None,
                None => stream.head.filter(|head| head.seq == expected).map(|head| head.hash),
            };
            let is_whole = witness == Some(hash);
            return Err(match fault {
                Fault::Unchained if is_whole && before > 0 => broken(before, Fault::Changed),
                Fault::Missing if *place == expected => broken(expected, Fault::Place(read.seq)),
                fault => broken(expected, fault),
            });
        }
        check_payload(&read, row.payload.as_deref()).map_err(|fault| broken(expected, fault))?;
        if row.payload.is_none() && !stream.destroyed.contains(&read.payload) {
            return Err(broken(expected, Fault::NoPayload));
        }
        if expected == 1 {
            let certificate = certificate(&read, row.payload.as_deref(), signatures);
            certificate_of_device = Some(certificate.map_err(|fault| broken(1, fault))?);
        }
    }
    let Some(certificate) = certificate_of_device else { return Err(broken(1, Fault::Missing)) };
    let Some(head) = stream.head else { return Err(broken(tip.seq, Fault::Unsigned)) };
    if head.device != tip.device || !head.is_signed_by(&certificate, signatures) {
        return Err(broken(tip.seq, Fault::Signature));
    }
    match head.seq.cmp(&tip.seq) {
        std::cmp::Ordering::Greater => Err(broken(tip.seq.saturating_add(1), Fault::Missing)),
        std::cmp::Ordering::Less => Err(broken(head.seq.saturating_add(1), Fault::Unsigned)),
        std::cmp::Ordering::Equal if head.hash != tip.hash => Err(broken(tip.seq, Fault::Changed)),
        std::cmp::Ordering::Equal => Ok(tip),
    }
}
