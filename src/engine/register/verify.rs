//! Streams proved whole, from the store or from a text that was written of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Engine, EngineError, Loaded, Rows};
use crate::pgp::detached;
use crate::register::bundle::{self, BundleError};
use crate::register::chain::{self, Stream};
use crate::register::event::{CaseChange, Event, Payload};
use crate::register::head::{Head, Signatures};
use crate::register::record::{DeviceId, Digest, Record, Written};

/// OpenPGP signatures, at a time.
pub(super) struct OpenPgp {
    pub(super) now: Timestamp,
}

impl Signatures for OpenPgp {
    fn fingerprint(&self, certificate: &[u8]) -> Option<String> {
        detached::fingerprint(certificate)
    }

    fn verify(&self, certificate: &[u8], text: &[u8], signature: &[u8]) -> bool {
        detached::verify(certificate, text, signature, self.now)
    }
}

/// What came of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamVerified {
    /// Whose.
    pub device: String,
    /// What people call it.
    pub name: String,
    /// Records that were there.
    pub records: u64,
    /// When its end was signed.
    pub signed_at: Option<Timestamp>,
    /// The first record that is not what was written, with what is wrong with it; `None`: it is whole.
    pub broken: Option<(u64, String)>,
}

/// What came of all streams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Each stream, by device.
    pub streams: Vec<StreamVerified>,
    /// What belongs to no stream that can be named, in words.
    pub damage: Vec<String>,
}

impl Verification {
    /// Nothing was changed, nothing is missing.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty() && self.streams.iter().all(|stream| stream.broken.is_none())
    }
}

fn event_of(row: &Written) -> Option<Event> {
    Some(Payload::read(row.payload.as_deref()?).ok()?.event)
}

/// The texts that certificates of destruction name. One that is itself not what was written names nothing: its record is the broken one then.
fn destroyed(streams: &BTreeMap<DeviceId, (Rows, Option<Head>)>) -> BTreeSet<Digest> {
    let mut digests = BTreeSet::new();
    for row in streams.values().flat_map(|(rows, _)| rows).filter_map(|(_, row)| row.as_ref().ok()) {
        let is_one = Record::read(&row.record).is_ok_and(|record| record.kind == "case-shredded");
        if let Some(Event::Case { change: CaseChange::Shredded { certificate }, .. }) =
            is_one.then(|| event_of(row)).flatten()
        {
            digests.extend(certificate.texts);
        }
    }
    digests
}

fn verify(streams: &BTreeMap<DeviceId, (Rows, Option<Head>)>, damage: Vec<String>, now: Timestamp) -> Verification {
    let destroyed = destroyed(streams);
    let signatures = OpenPgp { now };
    let mut done = Verification { streams: Vec::new(), damage };
    for (device, (rows, head)) in streams {
        let stream = Stream { device, rows, head: head.as_ref(), destroyed: &destroyed };
        let broken = chain::verify(&stream, &signatures).err().map(|broken| (broken.seq, broken.fault.to_string()));
        let first = rows.first().and_then(|(_, row)| row.as_ref().ok()).and_then(event_of);
        let name = match first {
            Some(Event::DeviceAdded(added)) => added.name,
            _ => String::new(),
        };
        done.streams.push(StreamVerified {
            device: device.0.clone(),
            name,
            records: rows.len() as u64,
            signed_at: head.as_ref().map(|head| head.at),
            broken,
        });
    }
    done
}

/// Proves a text that `register show --raw` has written.
///
/// # Errors
/// [`BundleError`].
pub fn verify_text(text: &[u8], now: Timestamp) -> Result<Verification, BundleError> {
    let mut streams: BTreeMap<DeviceId, (Rows, Option<Head>)> = BTreeMap::new();
    for piece in bundle::read(text)? {
        let (rows, head) = streams.entry(piece.head.device.clone()).or_default();
        let first = rows.len() as u64 + 1;
        rows.extend((first..).zip(piece.rows.into_iter().map(Ok)));
        *head = Some(piece.head);
    }
    Ok(verify(&streams, Vec::new(), now))
}

impl Engine {
    /// Proves that every stream is whole, or names the first record that is not.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the state store cannot be read.
    pub fn verify_register(&self) -> Result<Verification, EngineError> {
        let (_, stores, _) = self.register_parts()?;
        let (known, damage) = stores.state.register_streams()?;
        let mut streams = BTreeMap::new();
        for stream in known {
            let head = serde_json::from_slice::<Head>(&stream.head).ok();
            streams.insert(DeviceId(stream.device), (Loaded::rows(&stores, stream.number)?, head));
        }
        let damage = damage.iter().map(ToString::to_string).collect();
        Ok(verify(&streams, damage, self.now()))
    }

    /// All streams as a text that [`verify_text`] proves, and anybody else by `docs/register.md`.
    ///
    /// # Errors
    /// [`EngineError::Locked`], the state store cannot be read, or a record does not open: then there is nothing to hand out.
    pub fn register_text(&self) -> Result<Vec<u8>, EngineError> {
        let (_, stores, _) = self.register_parts()?;
        let (known, damage) = stores.state.register_streams()?;
        if let Some(damage) = damage.into_iter().next() {
            return Err(damage.into());
        }
        let mut text = format!("{}\n", bundle::HEADER).into_bytes();
        for stream in known {
            let rows: Result<Vec<Written>, String> =
                Loaded::rows(&stores, stream.number)?.into_iter().map(|(_, row)| row).collect();
            let head = serde_json::from_slice::<Head>(&stream.head);
            let head = head.map_err(|error| EngineError::BadData(format!("the end of a stream: {error}")))?;
            let piece = bundle::Bundle { rows: rows.map_err(EngineError::BadData)?, head };
            text.extend(bundle::write(&piece).map_err(|error| EngineError::BadData(error.to_string()))?);
        }
        Ok(text)
    }
}
