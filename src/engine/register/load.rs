//! The register read from the state store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use zeroize::Zeroizing;

use super::history::History;
use super::{DEVICE_KEY, Known, Loaded, Own};
use crate::pgp::detached;
use crate::register::book::Book;
use crate::register::chain::Tip;
use crate::register::event::{Event, Payload};
use crate::register::head::Head;
use crate::register::record::{DeviceId, Digest, Record};
use crate::store::state::{RegisterRow, State, StateError, StreamRow};

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

/// Rows that are handed on together.
const BATCH: usize = 256;

/// A row that was read.
struct Row {
    /// The bytes of the record.
    bytes: Vec<u8>,
    record: Record,
    event: Option<Event>,
}

/// A row, and what of it could not be read, in words.
type Read = (Option<Row>, Option<String>);

/// Reads a row.
fn read_row(seq: u64, row: Result<RegisterRow, StateError>) -> Read {
    let read = row.map_err(|error| error.to_string()).and_then(|row| {
        let record = Record::read(&row.record).map_err(|error| format!("record {seq} of the register: {error}"))?;
        Ok((row, record))
    });
    let (row, record) = match read {
        Ok(read) => read,
        Err(words) => return (None, Some(words)),
    };
    let (event, damage) = match row.payload.as_deref().map(Payload::read) {
        Some(Ok(payload)) => (Some(payload.event), None),
        Some(Err(error)) => (None, Some(format!("record {seq} of the register: {error}"))),
        None => (None, None),
    };
    (Some(Row { bytes: row.record, record, event }), damage)
}

/// Reads the rows of a stream; gives its end. To open the seals, to read what was under them, and to fold it are three things that go on beside
/// each other: each costs about as much as the others.
fn read_stream(state: &State, stream: &StreamRow, own: bool, loaded: &mut Loaded) -> Result<Tip, StateError> {
    let device = DeviceId(stream.device.clone());
    let mut tip = Tip::start(device.clone());
    let mut last = Vec::new();
    let number = stream.number;
    std::thread::scope(|scope| {
        let (opened, sealed) = sync_channel::<Vec<(u64, Result<RegisterRow, StateError>)>>(4);
        let (told, read) = sync_channel::<Vec<Read>>(4);
        let opening = scope.spawn(move || -> Result<(), StateError> {
            let mut batch = Vec::with_capacity(BATCH);
            state.register_rows(number, 0, &mut |seq, row| {
                batch.push((seq, row));
                batch.len() < BATCH || opened.send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))).is_ok()
            })?;
            // Nobody listens any more where the fold has ended.
            let _ = opened.send(batch);
            Ok(())
        });
        scope.spawn(move || {
            for batch in sealed {
                if told.send(batch.into_iter().map(|(seq, row)| read_row(seq, row)).collect()).is_err() {
                    break;
                }
            }
        });
        for (row, damage) in read.into_iter().flatten() {
            loaded.damage.extend(damage);
            let Some(Row { bytes, record, event }) = row else { continue };
            loaded.take_in(number, &record, Digest::NOTHING, event.as_ref());
            if own {
                for seen in &record.seen {
                    loaded.told.insert(seen.device.clone(), seen.seq);
                }
            }
            (tip.seq, tip.order) = (record.seq, record.order);
            last = bytes;
        }
        opening.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
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
