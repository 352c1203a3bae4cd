//! The register read from the state store.

use std::collections::BTreeMap;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::history::History;
use super::{DEVICE_KEY, Known, Loaded, Own};
use crate::pgp::detached;
use crate::register::book::Book;
use crate::register::chain::Tip;
use crate::register::event::Payload;
use crate::register::head::Head;
use crate::register::record::{DeviceId, Digest, Record};
use crate::store::state::{State, StateError, StreamRow};

/// Reads everything. What does not open or is no record is left out and told in words: a damaged record costs itself only. Whether
/// streams are whole is not asked here; see [`super::verify`].
pub(super) fn load(state: &State) -> Result<Loaded, StateError> {
    let (streams, damage) = state.register_streams()?;
    let mut loaded = Loaded {
        own: None,
        streams: BTreeMap::new(),
        book: Arc::new(Book::new()),
        history: History::default(),
        order: 0,
        changes: 0,
        told: BTreeMap::new(),
        damage: damage.iter().map(ToString::to_string).collect(),
        destroyed: Arc::default(),
        pleas: Arc::default(),
    };
    if let Some(secret) = state.value(DEVICE_KEY)?.map(Zeroizing::new)
        && let Some(fingerprint) = detached::fingerprint(&secret)
    {
        loaded.own = Some(Own { device: DeviceId(fingerprint), secret });
    }
    for stream in &streams {
        let own = loaded.own.as_ref().is_some_and(|own| own.device.0 == stream.device);
        let tip = read_stream(state, stream, own, &mut loaded)?;
        loaded.order = loaded.order.max(tip.order);
        loaded.streams.insert(tip.device.clone(), Known { number: stream.number, tip });
    }
    Ok(loaded)
}

/// Reads the rows of a stream; gives its end.
fn read_stream(state: &State, stream: &StreamRow, own: bool, loaded: &mut Loaded) -> Result<Tip, StateError> {
    let device = DeviceId(stream.device.clone());
    let mut tip = Tip::start(device.clone());
    let mut last = Vec::new();
    state.register_rows(stream.number, 0, &mut |seq, row| {
        let read = row.map_err(|error| error.to_string()).and_then(|row| {
            let record = Record::read(&row.record).map_err(|error| format!("record {seq} of the register: {error}"))?;
            Ok((row, record))
        });
        let (row, record) = match read {
            Ok(read) => read,
            Err(words) => {
                loaded.damage.push(words);
                return true;
            }
        };
        let event = match row.payload.as_deref().map(Payload::read) {
            Some(Ok(payload)) => Some(payload.event),
            Some(Err(error)) => {
                loaded.damage.push(format!("record {seq} of the register: {error}"));
                None
            }
            None => None,
        };
        loaded.take_in(stream.number, &record, Digest::NOTHING, event.as_ref());
        if own {
            for seen in &record.seen {
                loaded.told.insert(seen.device.clone(), seen.seq);
            }
        }
        (tip.seq, tip.order) = (record.seq, record.order);
        last = row.record;
        true
    })?;
    tip.hash = if last.is_empty() { Digest::NOTHING } else { Digest::of(&last) };
    // Where the last record does not open, what was signed at the end says which one it was.
    if tip.seq != stream.last
        && let Ok(head) = serde_json::from_slice::<Head>(&stream.head)
    {
        tip = Tip { device, seq: head.seq, hash: head.hash, order: tip.order };
    }
    Ok(tip)
}
