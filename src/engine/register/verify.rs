//! Streams proved whole, from the store or from a text that was written of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Engine, EngineError, Loaded, Rows};
use crate::mail::safe::SafeText;
use crate::pgp::detached;
use crate::pgp::keyring::Keyring;
use crate::register::book::{Book, Device};
use crate::register::bundle::{self, BundleError};
use crate::register::chain::{self, Stream};
use crate::register::event::{CaseChange, DeviceVouched, Event, Payload};
use crate::register::head::{Head, Signatures, vouching_text};
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
    /// Who is said to answer for the device.
    pub vouched: Vec<Vouch>,
}

/// Somebody who is said to answer for a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouch {
    /// The fingerprint of the certificate.
    pub by: String,
    /// Whose it is; empty where it is not held here.
    pub who: String,
    /// What is to be thought of it.
    pub proof: VouchProof,
}

/// What is to be thought of a signature by which somebody answers for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VouchProof {
    /// Made by a certificate that is the user's own, or accepted.
    Good,
    /// The certificate is not held here, or nobody has decided about it.
    Undecided,
    /// The certificate is held, and did not make it.
    Forged,
}

impl VouchProof {
    /// Its name for scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Undecided => "undecided",
            Self::Forged => "forged",
        }
    }
}

impl Vouch {
    /// It in words.
    #[must_use]
    pub fn words(&self) -> String {
        let key = self.by.get(self.by.len().saturating_sub(16)..).unwrap_or(&self.by);
        match self.proof {
            VouchProof::Good => format!("{} answers for it (key {key})", self.who),
            VouchProof::Undecided if self.who.is_empty() => {
                format!("a key that is not held here is said to answer for it ({key})")
            }
            VouchProof::Undecided => format!("{} is said to answer for it, whose key {key} was not accepted", self.who),
            VouchProof::Forged => format!("{} is said to answer for it, and the key {key} did not sign that", self.who),
        }
    }
}

/// What is to be thought of those who are said to answer for a device, with the certificates that are held.
fn vouches(device: &DeviceId, said: &[DeviceVouched], keyring: Option<&Keyring>, now: Timestamp) -> Vec<Vouch> {
    use base64::Engine as _;
    said.iter()
        .map(|one| {
            let known =
                keyring.and_then(|keyring| Some((keyring.cert(&one.by, now)?, keyring.cert_bytes(&one.by).ok()?)));
            let Some((info, bytes)) = known else {
                return Vouch { by: one.by.clone(), who: String::new(), proof: VouchProof::Undecided };
            };
            let signature = base64::engine::general_purpose::STANDARD.decode(&one.signature).unwrap_or_default();
            let is_good = detached::verify(&bytes, &vouching_text(device), &signature, now);
            let proof = match (is_good, info.acceptance.is_accepted()) {
                (true, true) => VouchProof::Good,
                (true, false) => VouchProof::Undecided,
                (false, _) => VouchProof::Forged,
            };
            let who = SafeText::line(info.user_ids.first().map_or("somebody", String::as_str)).to_string();
            Vouch { by: one.by.clone(), who, proof }
        })
        .collect()
}

/// Each device with what it is called and who answers for it, in words.
pub(crate) fn device_words(book: &Book, keyring: &Keyring, now: Timestamp) -> BTreeMap<String, String> {
    let words = |(id, device): (&DeviceId, &Device)| {
        let vouches = vouches(id, &device.vouched, Some(keyring), now);
        let who: Vec<String> = vouches.iter().map(Vouch::words).collect();
        let who = if who.is_empty() { NOBODY.to_owned() } else { who.join("; ") };
        (id.0.clone(), format!("{}: {who}", SafeText::line(&device.name)))
    };
    book.devices().iter().map(words).collect()
}

/// Where nobody has said that a device is theirs.
pub const NOBODY: &str = "nobody answers for this device";

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
        let is_forged = |stream: &StreamVerified| stream.vouched.iter().any(|one| one.proof == VouchProof::Forged);
        self.damage.is_empty() && self.streams.iter().all(|stream| stream.broken.is_none() && !is_forged(stream))
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

fn verify(
    streams: &BTreeMap<DeviceId, (Rows, Option<Head>)>,
    damage: Vec<String>,
    keyring: Option<&Keyring>,
    now: Timestamp,
) -> Verification {
    let mut said: BTreeMap<DeviceId, Vec<DeviceVouched>> = BTreeMap::new();
    for row in streams.values().flat_map(|(rows, _)| rows).filter_map(|(_, row)| row.as_ref().ok()) {
        let is_one = Record::read(&row.record).is_ok_and(|record| record.kind == "device-vouched");
        if let Some(Event::DeviceVouched(vouched)) = is_one.then(|| event_of(row)).flatten() {
            said.entry(vouched.device.clone()).or_default().push(vouched);
        }
    }
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
            vouched: vouches(device, said.get(device).map_or(&[], Vec::as_slice), keyring, now),
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
    Ok(verify(&streams, Vec::new(), None, now))
}

impl Engine {
    /// Proves that every stream is whole, or names the first record that is not.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the state store cannot be read.
    pub fn verify_register(&self) -> Result<Verification, EngineError> {
        let (_, stores, keyring) = self.register_parts()?;
        let (known, damage) = stores.state.register_streams()?;
        let mut streams = BTreeMap::new();
        for stream in known {
            let head = serde_json::from_slice::<Head>(&stream.head).ok();
            streams.insert(DeviceId(stream.device), (Loaded::rows(&stores, stream.number)?, head));
        }
        let damage = damage.iter().map(ToString::to_string).collect();
        Ok(verify(&streams, damage, Some(&keyring), self.now()))
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

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::{DeviceVouched, VouchProof, vouches};
    use crate::pgp::detached;
    use crate::pgp::generate::generate;
    use crate::pgp::keyring::Keyring;
    use crate::register::head::vouching_text;
    use crate::register::record::DeviceId;

    #[test]
    fn a_device_is_somebodys_only_by_their_own_signature_over_its_name() {
        let now = "2026-03-02T09:00:00Z".parse().unwrap();
        let quill = generate("Beatrice Quill", "quill@quillpounce.example", now).unwrap();
        let stranger = generate("Silas", "silas@mailbox.example", now).unwrap();
        let mut keyring = Keyring::new();
        let by = keyring.add_secret(&quill.secret, None).unwrap();
        let (device, other) = (DeviceId("AB12".into()), DeviceId("CD34".into()));
        let said = |signer: &str, text: &[u8]| {
            let signature = detached::sign_as(&keyring, signer, text, now).unwrap();
            let signature = base64::engine::general_purpose::STANDARD.encode(signature);
            DeviceVouched { device: device.clone(), by: by.clone(), signature }
        };
        let good = said(&by, &vouching_text(&device));
        let of_another = said(&by, &vouching_text(&other));
        let junk = DeviceVouched { signature: "AAAA".into(), ..good.clone() };
        let foreign = DeviceVouched { by: detached::fingerprint(&stranger.cert).unwrap(), ..good.clone() };
        let proofs = |said: &[DeviceVouched], keyring: Option<&Keyring>| {
            vouches(&device, said, keyring, now).iter().map(|one| one.proof).collect::<Vec<_>>()
        };
        let all = [good, of_another, junk, foreign];
        use VouchProof::{Forged, Good, Undecided};
        assert_eq!(proofs(&all, Some(&keyring)), [Good, Forged, Forged, Undecided]);
        // Without keys nothing is known, and nothing is held against anybody.
        assert_eq!(proofs(&all, None), [Undecided; 4]);
        let words = vouches(&device, &all[..1], Some(&keyring), now)[0].words();
        assert!(words.starts_with("Beatrice Quill <quill@quillpounce.example> answers for it (key "), "{words}");
    }
}
