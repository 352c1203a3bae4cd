//! Lists of MAPI properties, as a package has them (MS-OXTNEF §2.1.3.4; the types are those of MS-OXCDATA §2.11.1).

use encoding_rs::{Encoding, UTF_16LE};

/// What a text is called.
pub(super) const SUBJECT: u16 = 0x0037;
pub(super) const BODY: u16 = 0x1000;
pub(super) const RTF: u16 = 0x1009;
pub(super) const HTML: u16 = 0x1013;
pub(super) const DISPLAY_NAME: u16 = 0x3001;
pub(super) const DATA: u16 = 0x3701;
pub(super) const SHORT_NAME: u16 = 0x3704;
pub(super) const METHOD: u16 = 0x3705;
pub(super) const LONG_NAME: u16 = 0x3707;
pub(super) const MEDIA_TYPE: u16 = 0x370e;

/// A property whose value is one of [`Value`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prop<'a> {
    pub(super) id: u16,
    pub(super) value: Value<'a>,
}

/// What a property holds: of several values the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A whole number of 32 bits.
    Number(u32),
    /// A text in the code page of the package.
    Text(&'a [u8]),
    /// A text in UTF-16.
    Wide(&'a [u8]),
    /// Octets.
    Bytes(&'a [u8]),
    /// An object's octets, without the identifier of its interface.
    Object(&'a [u8]),
    /// Anything else.
    Other,
}

impl Value<'_> {
    /// As a text; empty where it is none.
    pub(super) fn text(self, pages: Option<&'static Encoding>) -> String {
        match self {
            Self::Text(data) | Self::Bytes(data) => super::text(data, pages),
            Self::Wide(data) => {
                let text = UTF_16LE.decode_without_bom_handling(data).0;
                text.split('\0').next().unwrap_or_default().to_owned()
            }
            Self::Number(_) | Self::Object(_) | Self::Other => String::new(),
        }
    }
}

/// Several values instead of one.
const SEVERAL: u16 = 0x1000;
/// The first identifier that stands for a name.
const NAMED: u16 = 0x8000;

/// Takes octets off a list.
struct Taker<'a>(&'a [u8]);

impl<'a> Taker<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*number))
    }

    fn short(&mut self) -> Option<u16> {
        let (number, rest) = self.0.split_first_chunk::<2>()?;
        self.0 = rest;
        Some(u16::from_le_bytes(*number))
    }

    /// Octets behind their length, filled up to a multiple of four; at the very end the filling may be missing.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let taken = self.take(length)?;
        self.0 = self.0.get(length.next_multiple_of(4) - length..).unwrap_or_default();
        Some(taken)
    }
}

/// Reads a list, so many of its properties at most; whether that was all of it, and in order.
pub(super) fn read(data: &[u8], most: usize) -> (Vec<Prop<'_>>, bool) {
    let mut taker = Taker(data);
    let mut found = Vec::new();
    let Some(count) = taker.number() else { return (found, false) };
    for _ in 0..count {
        if found.len() >= most {
            return (found, false);
        }
        let Some(prop) = one(&mut taker) else { return (found, false) };
        found.push(prop);
    }
    (found, true)
}

fn one<'a>(taker: &mut Taker<'a>) -> Option<Prop<'a>> {
    let (kind, id) = (taker.short()?, taker.short()?);
    if id >= NAMED {
        // A set, then a number or a name.
        taker.take(16)?;
        match taker.number()? {
            0 => drop(taker.number()?),
            1 => drop(taker.sized()?),
            _ => return None,
        }
    }
    let value = match kind & !SEVERAL {
        // MS-OXTNEF: what is shorter than four octets is filled up to them.
        0x0002 | 0x0003 | 0x0004 | 0x000a | 0x000b => fixed(taker, kind, 4)?,
        0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => fixed(taker, kind, 8)?,
        0x0048 => fixed(taker, kind, 16)?,
        0x001e | 0x001f | 0x0102 | 0x000d => {
            // How many there are is always said.
            let count = taker.number()?;
            let mut first = None;
            for _ in 0..count {
                let value = taker.sized()?;
                first.get_or_insert(value);
            }
            let value = first.unwrap_or_default();
            match kind & !SEVERAL {
                0x001e => Value::Text(value),
                0x001f => Value::Wide(value),
                0x0102 => Value::Bytes(value),
                _ => Value::Object(value.get(16..).unwrap_or_default()),
            }
        }
        _ => return None,
    };
    Some(Prop { id, value })
}

/// Values of so many octets.
fn fixed<'a>(taker: &mut Taker<'a>, kind: u16, length: usize) -> Option<Value<'a>> {
    let count = if kind & SEVERAL == 0 { 1 } else { usize::try_from(taker.number()?).ok()? };
    let values = taker.take(count.checked_mul(length)?)?;
    Some(match values.first_chunk::<4>() {
        Some(number) if length == 4 => Value::Number(u32::from_le_bytes(*number)),
        _ => Value::Other,
    })
}
