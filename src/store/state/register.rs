//! The streams of the register in the state store: rows that are added and never changed. What they say is not known here.
//!
//! A row holds a record and the text that the record names. The text may be taken out, for good; the record never.

use redb::{ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::{Keys, Numbered, State, StateError, Write};

/// The streams, by number: from 1, in the order in which they became known.
pub(super) const STREAMS: Numbered = Numbered::new("register-streams");
/// Their rows, by [`key`].
pub(super) const ROWS: Numbered = Numbered::new("register");

/// Bits of a key that count the rows of one stream.
const SEQ_BITS: u32 = 40;

/// A stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRow {
    /// Set by the store.
    #[serde(skip)]
    pub number: u32,
    /// Whose it is.
    pub device: String,
    /// The last row.
    pub last: u64,
    /// What is signed at its end.
    pub head: Vec<u8>,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterRow {
    /// The record.
    pub record: Vec<u8>,
    /// The text that it names; `None`: taken out.
    pub payload: Option<Vec<u8>>,
}

fn key(stream: u32, seq: u64) -> Result<u64, StateError> {
    if seq >> SEQ_BITS != 0 || u64::from(stream) >> (64 - SEQ_BITS) != 0 {
        return Err(StateError::Store { because: format!("register {stream} has no room for row {seq}") });
    }
    Ok((u64::from(stream) << SEQ_BITS) | seq)
}

/// What a reader is given of a row: its number, and the row or why it does not open.
type Visit<'a> = dyn FnMut(u64, Result<RegisterRow, StateError>) -> bool + 'a;

impl State {
    /// The streams in the order of their numbers. One that is damaged is left out and named in the second list.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn register_streams(&self) -> Result<(Vec<StreamRow>, Vec<StateError>), StateError> {
        self.read(|view| {
            let (mut rows, mut damage) = (Vec::new(), Vec::new());
            for row in view.open_table(STREAMS)?.iter()? {
                let (number, value) = row?;
                let number = number.value();
                match self.keys.open::<StreamRow>("register-streams", &number.to_be_bytes(), value.value()) {
                    Ok(row) => rows.push(StreamRow { number: u32::try_from(number).unwrap_or_default(), ..row }),
                    Err(error) => damage.push(error),
                }
            }
            Ok((rows, damage))
        })
    }

    /// Hands out the rows of a stream from a number on, in order, until `visit` has had enough.
    ///
    /// # Errors
    /// [`StateError`]; of a row that does not open `visit` is told.
    pub fn register_rows(&self, stream: u32, from: u64, visit: &mut Visit<'_>) -> Result<(), StateError> {
        let (first, last) = (key(stream, from)?, key(stream, (1 << SEQ_BITS) - 1)?);
        self.read(|view| {
            for row in view.open_table(ROWS)?.range(first..=last)? {
                let (at, value) = row?;
                let at = at.value();
                let row = self.keys.open::<RegisterRow>("register", &at.to_be_bytes(), value.value());
                let seq = at & ((1 << SEQ_BITS) - 1);
                let row = row.map_err(|_| StateError::Damaged { what: format!("record {seq} of the register") });
                if !visit(seq, row) {
                    break;
                }
            }
            Ok(())
        })
    }

    /// One row.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn register_row(&self, stream: u32, seq: u64) -> Result<Option<RegisterRow>, StateError> {
        self.read_numbered(ROWS, "register", key(stream, seq)?)
    }
}

impl Write<'_> {
    /// A new stream without rows; gives its number.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn add_register_stream(&self, device: &str) -> Result<u32, StateError> {
        let number = u32::try_from(self.next("next-register-stream")?)
            .map_err(|_| StateError::Store { because: "there are too many streams".to_owned() })?;
        let row = StreamRow { number, device: device.to_owned(), last: 0, head: Vec::new() };
        self.put_numbered(STREAMS, "register-streams", number.into(), &row)?;
        Ok(number)
    }

    /// Adds rows behind the last one of a stream, and what is signed at its new end.
    ///
    /// # Errors
    /// [`StateError`], also where the stream does not end before `first`: nothing is ever written over.
    pub fn append_register(
        &self,
        stream: u32,
        first: u64,
        rows: &[RegisterRow],
        head: &[u8],
    ) -> Result<(), StateError> {
        let bytes: usize = rows.iter().map(|row| row.record.len() + row.payload.as_ref().map_or(0, Vec::len)).sum();
        if let Some(parent) = self.file.parent() {
            crate::store::space::check(parent, super::SLACK.saturating_add(bytes as u64))?;
        }
        let known: StreamRow = {
            let table = self.transaction.open_table(STREAMS)?;
            let value = table.get(u64::from(stream))?;
            let missing = || super::damaged("register-streams", &u64::from(stream).to_be_bytes());
            let value = value.ok_or_else(missing)?;
            self.keys.open("register-streams", &u64::from(stream).to_be_bytes(), value.value())?
        };
        let moved =
            || StateError::Store { because: format!("the register ends at {}, not before {first}", known.last) };
        if known.last.checked_add(1) != Some(first) {
            return Err(moved());
        }
        let mut last = known.last;
        {
            let mut table = self.transaction.open_table(ROWS)?;
            for (seq, row) in (first..).zip(rows) {
                let at = key(stream, seq)?;
                let sealed = self.keys.seal("register", &at.to_be_bytes(), row)?;
                if table.insert(at, sealed.as_slice())?.is_some() {
                    return Err(moved());
                }
                last = seq;
            }
        }
        let row = StreamRow { last, head: head.to_vec(), ..known };
        self.put_numbered(STREAMS, "register-streams", stream.into(), &row)
    }

    /// Takes the text out of a row, for good. Gives whether there was one.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn redact_register(&self, stream: u32, seq: u64) -> Result<bool, StateError> {
        let at = key(stream, seq)?;
        let row: Option<RegisterRow> = {
            let table = self.transaction.open_table(ROWS)?;
            let value = table.get(at)?;
            value.map(|value| self.keys.open("register", &at.to_be_bytes(), value.value())).transpose()?
        };
        let Some(row) = row.filter(|row| row.payload.is_some()) else { return Ok(false) };
        self.put_numbered(ROWS, "register", at, &RegisterRow { payload: None, ..row })?;
        Ok(true)
    }
}

#[cfg(test)]
impl Write<'_> {
    /// What nobody may do.
    pub(crate) fn overwrite_register(&self, stream: u32, seq: u64, row: &RegisterRow) -> Result<(), StateError> {
        self.put_numbered(ROWS, "register", key(stream, seq)?, row)
    }
}

/// The step to schema 5: a casemail that knows no register may not write beside one.
#[expect(clippy::unnecessary_wraps, reason = "a step of the migrations")]
pub(super) fn migrate(_: &WriteTransaction, _: &Keys) -> Result<(), StateError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{RegisterRow, State};
    use crate::store::vault::{Cost, Vault};

    fn row(text: &str) -> RegisterRow {
        RegisterRow { record: format!("record {text}").into_bytes(), payload: Some(text.as_bytes().to_vec()) }
    }

    fn rows(state: &State, stream: u32, from: u64) -> Vec<(u64, RegisterRow)> {
        let mut rows = Vec::new();
        state
            .register_rows(stream, from, &mut |seq, row| {
                rows.push((seq, row.unwrap()));
                true
            })
            .unwrap();
        rows
    }

    #[test]
    fn rows_are_added_and_never_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::create_with(&dir.path().join("vault"), b"otter", Cost::TEST).unwrap();
        let file = dir.path().join("state.redb");
        {
            let state = State::open(&file, &vault).unwrap();
            let (one, two) = state
                .write(|write| {
                    let (one, two) = (write.add_register_stream("A")?, write.add_register_stream("B")?);
                    write.append_register(one, 1, &[row("weir"), row("otter")], b"head 2")?;
                    write.append_register(two, 1, &[row("lantern")], b"head 1")?;
                    Ok((one, two))
                })
                .unwrap();
            assert_eq!((one, two), (1, 2));
            for first in [1, 2, 4] {
                assert!(state.write(|write| write.append_register(one, first, &[row("x")], b"")).is_err(), "{first}");
            }
            state.write(|write| write.append_register(one, 3, &[row("gnome")], b"head 3")).unwrap();
        }
        let state = State::open(&file, &vault).unwrap();
        let (streams, damage) = state.register_streams().unwrap();
        assert!(damage.is_empty());
        let ends: Vec<_> = streams.iter().map(|s| (s.number, s.device.as_str(), s.last, s.head.as_slice())).collect();
        assert_eq!(ends, [(1, "A", 3, b"head 3".as_slice()), (2, "B", 1, b"head 1".as_slice())]);
        assert_eq!(rows(&state, 1, 2), [(2, row("otter")), (3, row("gnome"))]);
        assert_eq!(rows(&state, 2, 1), [(1, row("lantern"))], "one stream does not run into the next");
        assert!(state.write(|write| write.redact_register(1, 2)).unwrap());
        assert!(!state.write(|write| write.redact_register(1, 2)).unwrap(), "it is gone");
        let left = state.register_row(1, 2).unwrap().unwrap();
        assert_eq!((left.record, left.payload), (b"record otter".to_vec(), None));
        drop(state);
        let bytes = std::fs::read(&file).unwrap();
        for planted in [&b"weir"[..], b"lantern", b"record"] {
            assert!(!bytes.windows(planted.len()).any(|window| window == planted));
        }
    }
}
