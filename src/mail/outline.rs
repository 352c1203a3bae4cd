//! A large message read once, as a stream, and not held: its structure, its header fields and the beginning of each part are kept, the rest is told by
//! where it stands. What a part holds is read again from there, so that a recording of any size takes the memory of its header. Pure.
//!
//! A delimiter fills a line that begins with `--` (RFC 2046 §5.1.1). So bytes may be left out between the beginning of a part's body and the next such
//! line without changing which parts there are; where header fields would have been cut instead, there is no outline, and the message has to be held.
//!
//! Where it is wanted, what is left out is weighed as it passes ([`Outliner::weighing`]), so that it need not be read again for its digest. Whether what was
//! weighed is a part is known at the end only: of one whose beginning, end or encoding is another, there is no weight.

use std::io::{self, Read, Write};
use std::ops::Range;

use super::headers::Headers;
use super::message::{Encoding, Message, Part};
use super::transfer::Decoder;
use super::weight::{Weighing, Weight};

/// Bytes of a header that are kept.
const HEADER_MAX: usize = 256 << 10;
/// Bytes behind a header that are kept: a text, or a message within the message with a header of its own.
const BODY_KEPT: usize = 256 << 10;
/// The same where much is kept already.
const BODY_KEPT_LATER: usize = 16 << 10;
/// That much.
const MUCH: usize = 4 << 20;
/// Bytes that are kept of all.
const KEPT_MAX: usize = 32 << 20;
/// Bytes that are read at once.
const PIECE: usize = 128 << 10;

/// A stretch of what is kept.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// Where it begins among what is kept.
    kept: usize,
    /// Where it stands in the message.
    at: u64,
}

/// What is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    /// A header, or what follows a line that may be a delimiter.
    Header,
    /// The beginning of a body.
    Body,
    /// What is left out.
    Rest,
}

/// Reads a message piece by piece.
#[derive(Debug)]
pub struct Outliner {
    kept: Vec<u8>,
    stretches: Vec<Stretch>,
    /// Bytes taken.
    at: u64,
    place: Where,
    /// Bytes that are kept before what follows is left out.
    room: usize,
    /// Bytes of the line that has not ended, as far as they tell whether it is a delimiter or empty: at most three.
    line: Vec<u8>,
    /// It is longer than that.
    long: bool,
    /// The last bytes that were left out: a line break before a delimiter is the delimiter's.
    tail: Vec<u8>,
    too_much: bool,
    /// Where the last header that was kept begins and ends, among what is kept.
    header: Range<usize>,
    /// What is left out is weighed.
    weighs: bool,
    weighing: Option<(Weighing, Encoding)>,
    weights: Vec<(Range<u64>, Encoding, Weight)>,
}

impl Default for Outliner {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            stretches: vec![Stretch { kept: 0, at: 0 }],
            at: 0,
            place: Where::Header,
            room: HEADER_MAX,
            line: Vec::new(),
            long: false,
            tail: Vec::new(),
            too_much: false,
            header: 0..0,
            weighs: false,
            weighing: None,
            weights: Vec::new(),
        }
    }
}

impl Outliner {
    /// One that weighs what each part holds that is not kept whole: [`Outline::weight`].
    #[must_use]
    pub fn weighing() -> Self {
        Self { weighs: true, ..Self::default() }
    }

    /// Reads a message from a stream; hands every piece to `also`.
    ///
    /// # Errors
    /// What the stream, or `also`, says.
    pub fn read(
        mut self,
        from: &mut dyn Read,
        also: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<Option<Outline>> {
        let mut piece = vec![0; PIECE];
        loop {
            let count = from.read(&mut piece)?;
            let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else { return Ok(self.end()) };
            self.take(read);
            also(read)?;
        }
    }

    /// Takes the next piece.
    pub fn take(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while !rest.is_empty() {
            if !self.long && self.line.len() < 2 {
                // The beginning of a line, byte by byte: it may be a delimiter.
                let Some((&byte, after)) = rest.split_first() else { return };
                rest = after;
                self.line.push(byte);
                if self.line == b"--" {
                    self.resume();
                }
                if byte == b'\n' || self.line.len() == 2 {
                    let begun = std::mem::take(&mut self.line);
                    self.pass(&begun);
                    if byte == b'\n' {
                        self.end_line(begun.len() == 1 || begun == b"\r\n");
                    } else {
                        self.long = true;
                    }
                }
                continue;
            }
            // Of what is left out only a line that may be a delimiter matters.
            let end = if self.place == Where::Rest {
                let next = memchr::memmem::find(rest, b"\n--").or_else(|| memchr::memrchr(b'\n', rest));
                next.map(|at| at + 1)
            } else {
                memchr::memchr(b'\n', rest).map(|at| at + 1)
            };
            let (line, after) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, &[]));
            self.pass(line);
            rest = after;
            if end.is_some() {
                self.end_line(false);
            }
        }
    }

    fn end_line(&mut self, is_empty: bool) {
        (self.long, self.line) = (false, Vec::new());
        if is_empty && self.place == Where::Header {
            self.header.end = self.kept.len();
            let room = if self.kept.len() > MUCH { BODY_KEPT_LATER } else { BODY_KEPT };
            (self.place, self.room) = (Where::Body, room);
        }
    }

    /// A line that may be a delimiter begins: from here on it is kept.
    fn resume(&mut self) {
        if self.place == Where::Rest {
            let at = self.at.saturating_sub(self.tail.len() as u64);
            self.stretches.push(Stretch { kept: self.kept.len(), at });
            self.kept.append(&mut self.tail);
        }
        self.weighed(false);
        self.header = self.kept.len()..self.kept.len();
        (self.place, self.room) = (Where::Header, HEADER_MAX);
    }

    /// Passes over bytes: keeps them, or not.
    fn pass(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        if self.place != Where::Rest {
            let (keep, after) = bytes.split_at_checked(self.room.min(bytes.len())).unwrap_or((bytes, &[]));
            if self.kept.len().saturating_add(keep.len()) > KEPT_MAX {
                self.too_much = true;
            } else {
                self.kept.extend_from_slice(keep);
            }
            self.at = self.at.saturating_add(keep.len() as u64);
            self.room -= keep.len();
            rest = after;
            if rest.is_empty() {
                return;
            }
            if self.weighs && self.place == Where::Body {
                self.weigh();
            }
            self.place = Where::Rest;
        }
        if let Some((weighing, _)) = &mut self.weighing {
            weighing.take(rest);
        }
        self.at = self.at.saturating_add(rest.len() as u64);
        let last = rest.get(rest.len().saturating_sub(2)..).unwrap_or_default();
        self.tail.extend_from_slice(last);
        let surplus = self.tail.len().saturating_sub(2);
        self.tail.drain(..surplus);
    }

    /// Begins to weigh the body of which no more is kept.
    fn weigh(&mut self) {
        let header = Headers::parse(self.kept.get(self.header.clone()).unwrap_or_default());
        let begun = self.kept.get(self.header.end..).unwrap_or_default();
        let encoding = Encoding::of(&header);
        let mut weighing = Weighing::new(self.at.saturating_sub(begun.len() as u64), encoding);
        weighing.take(begun);
        self.weighing = Some((weighing, encoding));
    }

    /// What was weighed ends here; `last`: with the message.
    fn weighed(&mut self, last: bool) {
        if let Some((weighing, encoding)) = self.weighing.take() {
            let (range, weight) = weighing.end(last);
            self.weights.push((range, encoding, weight));
        }
    }

    /// Nothing more comes. `None`: it cannot be told from what was kept which parts there are.
    #[must_use]
    pub fn end(mut self) -> Option<Outline> {
        let begun = std::mem::take(&mut self.line);
        self.pass(&begun);
        let cut_at_end = self.place == Where::Rest;
        self.weighed(true);
        let cuts: Vec<usize> = self.stretches.iter().skip(1).map(|one| one.kept).collect();
        let mut outline = Outline {
            message: Message::parse(self.kept),
            stretches: self.stretches,
            bytes: self.at,
            cuts,
            weights: self.weights,
        };
        if cut_at_end {
            outline.cuts.push(outline.message.raw().len());
        }
        let is_cut = |range: &Range<usize>, cut: usize| range.start < cut && cut <= range.end;
        let header_cut = outline.message.parts().iter().any(|part| {
            let body = part.body.start.max(part.header.end);
            outline.cuts.iter().any(|cut| part.header.start < *cut && *cut <= body)
        });
        // What is left out of a multipart that is none (its boundary is missing) may hold anything.
        let in_text = outline.message.parts().iter().any(|part| {
            part.is_multipart() && part.children.is_empty() && outline.cuts.iter().any(|cut| is_cut(&part.body, *cut))
        });
        (!self.too_much && !header_cut && !in_text).then_some(outline)
    }
}

/// A message without most of its bytes.
#[derive(Clone, Debug)]
pub struct Outline {
    message: Message,
    stretches: Vec<Stretch>,
    bytes: u64,
    /// Places among what is kept where something was left out.
    cuts: Vec<usize>,
    weights: Vec<(Range<u64>, Encoding, Weight)>,
}

impl Outline {
    /// The message as far as it is kept: all parts and their header fields; of a body that [`Self::is_whole`] denies, only the beginning.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Gives the message as far as it is kept.
    #[must_use]
    pub fn into_message(self) -> Message {
        self.message
    }

    /// The size of the message.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Nothing was left out.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.cuts.is_empty()
    }

    /// Whether all of a part is kept.
    #[must_use]
    pub fn is_whole(&self, part: &Part) -> bool {
        !self.cuts.iter().any(|cut| part.body.start <= *cut && *cut <= part.body.end && !part.body.is_empty())
    }

    /// What a part holds, weighed as it passed; `None` where that has to be read again.
    #[must_use]
    pub fn weight(&self, part: &Part) -> Option<&Weight> {
        let range = self.range(part);
        let mine = |(at, encoding, _): &&(Range<u64>, Encoding, Weight)| *at == range && *encoding == part.encoding;
        self.weights.iter().find(mine).filter(|_| !part.is_multipart()).map(|(.., weight)| weight)
    }

    /// Where the body of a part stands in the message.
    #[must_use]
    pub fn range(&self, part: &Part) -> Range<u64> {
        self.begin(part.body.start)..self.end(part.body.end).max(self.begin(part.body.start))
    }

    /// What begins at a place among what is kept: at a cut, what was left out begins there.
    fn begin(&self, kept: usize) -> u64 {
        let after = self.stretches.partition_point(|one| one.kept < kept).max(1);
        self.stretches.get(after - 1).map_or(0, |one| one.at + kept.saturating_sub(one.kept) as u64)
    }

    /// What ends at a place among what is kept: at a cut, what was left out ends there.
    fn end(&self, kept: usize) -> u64 {
        if kept >= self.message.raw().len() {
            return self.bytes;
        }
        let after = self.stretches.partition_point(|one| one.kept <= kept).max(1);
        self.stretches.get(after - 1).map_or(0, |one| one.at + kept.saturating_sub(one.kept) as u64)
    }

    /// Where header and body of a part stand in the message.
    #[must_use]
    pub fn raw_range(&self, part: &Part) -> Range<u64> {
        self.begin(part.header.start)..self.range(part).end
    }

    /// Where a stretch of what is kept stands in the message, with what was left out of it.
    #[must_use]
    pub fn span(&self, kept: &Range<usize>) -> Range<u64> {
        let begin = self.begin(kept.start);
        begin..self.end(kept.end).max(begin)
    }

    /// The content of a part, transfer encoding undone, from a stream of the part's body.
    pub fn content<R: Read>(&self, part: &Part, from: R) -> Content<R> {
        let decoder = if part.is_multipart() { Decoder::Plain } else { Decoder::new(part.encoding) };
        Content { from, decoder: Some(decoder), piece: vec![0; PIECE], ready: Vec::new(), at: 0 }
    }

    /// Writes the content of a part, transfer encoding undone, from a stream of the message that stands where [`Self::range`] begins; whether it is
    /// damaged. The same as [`Message::write_content`] of the whole message.
    ///
    /// # Errors
    /// What the taker or the stream says; the stream ends before the part does.
    pub fn write_content(&self, part: &Part, from: &mut dyn Read, to: &mut dyn Write) -> io::Result<bool> {
        let range = self.range(part);
        let mut decoder = if part.is_multipart() { Decoder::Plain } else { Decoder::new(part.encoding) };
        let (mut left, mut piece) = (range.end - range.start, vec![0; PIECE]);
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let count = from.read(piece.get_mut(..room).unwrap_or_default())?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            left = left.saturating_sub(count as u64);
            decoder.take(piece.get(..count).unwrap_or_default(), to)?;
        }
        decoder.end(to)
    }
}

/// What a part holds, as a stream.
#[derive(Debug)]
pub struct Content<R> {
    from: R,
    decoder: Option<Decoder>,
    piece: Vec<u8>,
    /// What was decoded, and how far it was given.
    ready: Vec<u8>,
    at: usize,
}

impl<R: Read> Read for Content<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() {
            let Some(decoder) = &mut self.decoder else { return Ok(0) };
            self.ready.clear();
            self.at = 0;
            let count = self.from.read(&mut self.piece)?;
            match self.piece.get(..count).filter(|piece| !piece.is_empty()) {
                Some(piece) => decoder.take(piece, &mut self.ready)?,
                None => {
                    if let Some(decoder) = self.decoder.take() {
                        decoder.end(&mut self.ready)?;
                    }
                }
            }
        }
        let mut rest = self.ready.get(self.at..).unwrap_or_default();
        let count = rest.read(into)?;
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _, Write as _};

    use proptest::prelude::{prop_assert_eq, proptest};

    use super::{Outline, Outliner};
    use crate::mail::message::{Message, Part};
    use crate::mail::transfer::encode_base64;
    use crate::mail::weight::Scales;

    fn outline(raw: &[u8], piece: usize) -> Option<Outline> {
        let mut outliner = Outliner::weighing();
        raw.chunks(piece.max(1)).for_each(|piece| outliner.take(piece));
        outliner.end()
    }

    /// The parts and what they hold, by the whole message and by its outline.
    fn check(raw: &[u8], piece: usize) -> Outline {
        let whole = Message::parse(raw.to_vec());
        let outline = outline(raw, piece).unwrap();
        let shape = |message: &Message| {
            let parts = message.parts().iter();
            parts.map(|part| (part.path.clone(), part.media_type.clone(), part.name.clone())).collect::<Vec<_>>()
        };
        assert_eq!(shape(outline.message()), shape(&whole));
        assert_eq!(outline.bytes(), raw.len() as u64);
        for (kept, part) in outline.message().parts().iter().zip(whole.parts()) {
            let range = outline.range(kept);
            assert_eq!(range, part.body.start as u64..part.body.end as u64, "{}", part.path);
            let (mut written, mut expected) = (Vec::new(), Vec::new());
            let mut from = Cursor::new(&raw[usize::try_from(range.start).unwrap()..]);
            let damaged = outline.write_content(kept, &mut from, &mut written).unwrap();
            assert_eq!(damaged, whole.write_content(part, &mut expected).unwrap());
            assert!(written == expected, "{}", part.path);
            let body = &raw[part.body.clone()];
            let mut streamed = Vec::new();
            outline.content(kept, body).read_to_end(&mut streamed).unwrap();
            assert!(streamed == expected, "{} as a stream", part.path);
            let mut scales = Scales::default();
            scales.write_all(&expected).unwrap();
            let expected_weight = scales.weight(damaged);
            assert_eq!(outline.weight(kept).unwrap_or(&expected_weight), &expected_weight, "{}", part.path);
            assert_eq!(outline.raw_range(kept), part.header.start as u64..part.body.end as u64, "{}", part.path);
            if outline.is_whole(kept) {
                assert!(outline.message().content(kept) == expected, "{}", part.path);
            }
        }
        outline
    }

    fn noise(count: usize) -> Vec<u8> {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        (0..count).map(|_| next()).collect()
    }

    fn message(size: usize, more: &str) -> Vec<u8> {
        let file = String::from_utf8(encode_base64(&noise(size))).unwrap();
        format!(
            "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n\r\nSee both.\r\n-- \r\nB. Quill\r\n--b\r\n\
             Content-Type: application/pdf; name=MG5.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n{file}\r\n--b\r\n\
             Content-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\
             Content-Type: audio/mpeg\r\nContent-Transfer-Encoding: base64\r\n\r\n{file}--c--\r\n--b\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n{}\r\n--b--\r\n{more}",
            "gn=C3=B6me=\r\n park  \r\n".repeat(size / 40)
        )
        .into_bytes()
    }

    #[test]
    fn the_parts_are_those_of_the_whole_message_and_hold_the_same() {
        for (size, more) in [(100, ""), (290_000, ""), (700_000, "epilogue\r\n"), (270_000, &"e".repeat(500_000))] {
            let raw = message(size, more);
            for piece in [1, 77, 4096, raw.len()] {
                let outline = check(&raw, piece);
                let kept = outline.message().raw().len();
                assert!(size < 1_000 || kept < 4 * 270_000, "{kept}");
                let cut = |part: &&Part| part.children.is_empty() && !outline.is_whole(part);
                let files = outline.message().parts().iter().filter(cut).count();
                assert_eq!(files > 1, size > 1_000);
                // None of them need be read again to know what it weighs.
                assert!(outline.message().parts().iter().filter(cut).all(|part| outline.weight(part).is_some()));
            }
        }
        // A text that is all of the message, and one that breaks off.
        let text = check(&[b"Subject: x\r\n\r\n".to_vec(), b"word ".repeat(90_000)].concat(), 1000);
        assert_eq!(text.weight(&text.message().parts()[0]).unwrap().bytes, 450_000);
        let broken = message(900_000, "");
        check(&broken[..broken.len() / 3], 1000);
        check(b"", 1);
    }

    #[test]
    fn what_is_no_delimiter_ends_what_is_weighed_and_nothing_false_is_said() {
        let words = "words of a text\r\n".repeat(20_000);
        let part = |text: &str| {
            let head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: ";
            let raw = format!("{head}{text}\r\n--b--\r\n");
            let outline = check(raw.as_bytes(), 4_097);
            let part = &outline.message().parts()[1];
            assert!(!outline.is_whole(part));
            outline.weight(part).cloned()
        };
        assert!(part(&format!("8bit\r\n\r\n{words}")).is_some());
        assert_eq!(part(&format!("8bit\r\n\r\n{words}-- \r\nB. Quill\r\n")), None);
        assert_eq!(part(&format!("8bit\r\n\r\n{words}--x\r\n\r\n{words}")), None);
        // What a header of the text names is not what the part is encoded in.
        let posing = format!("8bit\r\n\r\n--x\r\nContent-Transfer-Encoding: base64\r\n\r\n{words}");
        assert_eq!(part(&posing), None);
        assert!(part(&format!("base64\r\n\r\n{}\n", "AAAA".repeat(100_000))).is_some());
        // A line of a header that may be a delimiter and is none: the same stretch, read by another header.
        assert_eq!(part(&format!("base64\r\n--x\r\nX: y\r\n\r\n{}", "AAAA".repeat(100_000))), None);
    }

    #[test]
    fn what_would_hide_a_header_is_no_outline() {
        let long = format!("Subject: x\r\nX-Long: {}\r\nContent-Type: text/html\r\n\r\nb", "x".repeat(300_000));
        assert!(outline(long.as_bytes(), 999).is_none());
        // A message within the message whose header begins where nothing is kept any more.
        let deep = format!(
            "Content-Type: message/rfc822\r\n\r\nX-Long: {}\r\nSubject: inner\r\n\r\n{}",
            "x".repeat(300_000),
            "body ".repeat(9_000)
        );
        assert!(outline(deep.as_bytes(), 999).is_none());
        let no_boundary = format!("Content-Type: multipart/mixed\r\n\r\n{}", "text ".repeat(100_000));
        assert!(outline(no_boundary.as_bytes(), 999).is_none());
    }

    proptest! {
        #[test]
        fn whatever_stands_in_it(lines in proptest::collection::vec("(--b|--b--|--c|--|Content-Transfer-Encoding: base64|Content-Transfer-Encoding: quoted-printable|\r|\r\n|[a-z]{0,90}|Content-Type: message/rfc822|Content-Type: multipart/mixed; boundary=c)\r?\n", 0..12), size in 0..400_000_usize, piece in 1..9_000_usize) {
            let mut raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n".to_vec();
            for line in &lines {
                raw.extend_from_slice(line.as_bytes());
            }
            raw.extend(encode_base64(&noise(size)));
            for line in lines.iter().rev() {
                raw.extend_from_slice(line.as_bytes());
            }
            if outline(&raw, piece).is_some() {
                check(&raw, piece);
            }
            prop_assert_eq!(outline(&raw, piece).is_some(), outline(&raw, 1).is_some());
        }
    }
}
