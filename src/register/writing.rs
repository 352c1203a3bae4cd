//! New records at the end of an own stream.

use jiff::Timestamp;

use super::canonical::CanonicalError;
use super::chain::{Fault, Tip};
use super::event::{Event, Payload};
use super::record::{Actor, Digest, PAYLOAD_BYTES_MAX, RECORD_BYTES_MAX, Record, Seen, VERSION, Written};

/// Why something cannot be written down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// It has no form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// Too long.
    #[error("what is to be written into the register is {0} bytes long; at most 1 MiB is kept: shorten the text")]
    TooLong(usize),
    /// It does not follow from what is there.
    #[error("the register cannot be continued: {0}")]
    Unchained(#[from] Fault),
}

/// When, by whom, and what was known.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The clock.
    pub at: Timestamp,
    /// What the local clock is ahead of UTC, in seconds.
    pub offset: i32,
    /// Who.
    pub actor: Actor,
    /// What other devices have written, where that is news since the last record; goes into the first of several.
    pub seen: Vec<Seen>,
    /// The greatest [`Record::order`] of any record that is known here.
    pub order: u64,
}

/// Writes down what happened, behind the tip; the tip moves on. `chance` gives bytes of chance for each.
///
/// # Errors
/// [`WriteError`]; then nothing was written, and the tip is where it was.
pub fn write(
    tip: &mut Tip,
    moment: &Moment,
    events: &[Event],
    mut chance: impl FnMut() -> [u8; 16],
) -> Result<Vec<(Record, Written)>, WriteError> {
    let mut end = tip.clone();
    let mut written = Vec::with_capacity(events.len());
    for event in events {
        let payload = Payload::new(event.clone(), chance()).write()?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(WriteError::TooLong(payload.len()));
        }
        let clock = u64::try_from(moment.at.as_microsecond()).unwrap_or_default();
        let record = Record {
            v: VERSION,
            device: end.device.clone(),
            seq: end.seq.saturating_add(1),
            prev: end.hash,
            at: moment.at,
            offset: moment.offset,
            order: clock.max(moment.order.max(end.order).saturating_add(1)),
            actor: moment.actor.clone(),
            seen: if written.is_empty() { moment.seen.clone() } else { Vec::new() },
            kind: event.kind().to_owned(),
            payload: Digest::of(&payload),
        };
        let bytes = record.write()?;
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(WriteError::TooLong(bytes.len()));
        }
        end.admit(&record, Digest::of(&bytes))?;
        written.push((record, Written { record: bytes, payload: Some(payload) }));
    }
    *tip = end;
    Ok(written)
}
