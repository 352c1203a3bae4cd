//! A text wrapped to a width, once for each width and only as far as it has been looked at: the first page of eight megabytes
//! must not wait for the last. Quoted lines keep their marks on every row.

use std::ops::Range;
use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::mail::safe::SafeText;

/// One row on screen: a piece of a line, and how much of the line's head is repeated before it (the quote marks).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which line.
    pub line: usize,
    /// Bytes of the line.
    pub bytes: Range<usize>,
    /// Bytes of the line's head to draw first; 0 on its first row.
    pub lead: usize,
    /// How deep it is quoted.
    pub quoted: usize,
}

/// A text, wrapped, with a place in it.
#[derive(Clone, Debug)]
pub struct Wrapped {
    text: Arc<[SafeText]>,
    pieces: Vec<Piece>,
    next: usize,
    width: usize,
    height: usize,
    top: usize,
}

impl Wrapped {
    /// A text, nothing of it wrapped yet.
    #[must_use]
    pub fn new(text: Arc<[SafeText]>, width: usize, height: usize) -> Self {
        let mut wrapped =
            Self { text, pieces: Vec::new(), next: 0, width: width.max(1), height: height.max(1), top: 0 };
        wrapped.reach(wrapped.height);
        wrapped
    }

    /// Takes a new size; the first line on screen stays the first.
    pub fn resize(&mut self, width: usize, height: usize) {
        let (width, height) = (width.max(1), height.max(1));
        if width != self.width {
            let (line, start) = self.pieces.get(self.top).map_or((0, 0), |piece| (piece.line, piece.bytes.start));
            self.pieces.clear();
            self.next = 0;
            self.width = width;
            while self.next <= line && self.wrap_next() {}
            // A line may be a whole letter: what was read first stays on the first row.
            let is_before = |piece: &Piece| (piece.line, piece.bytes.start) <= (line, start);
            self.top = self.pieces.iter().rposition(is_before).unwrap_or(0);
        }
        self.height = height;
        self.settle();
    }

    /// Scrolls; tells whether anything moved.
    pub fn scroll(&mut self, rows: isize) -> bool {
        let before = self.top;
        self.top = self.top.saturating_add_signed(rows);
        self.settle();
        self.top != before
    }

    /// Scrolls by pages less a row of context, or by half pages.
    pub fn page(&mut self, halves: isize) -> bool {
        let step = if halves % 2 == 0 { self.height.saturating_sub(1).max(1) } else { (self.height / 2).max(1) };
        self.scroll(isize::try_from(step).unwrap_or(1) * if halves % 2 == 0 { halves / 2 } else { halves })
    }

    /// To the first row.
    pub fn first(&mut self) {
        self.top = 0;
    }

    /// To the last page.
    pub fn last(&mut self) {
        while self.wrap_next() {}
        self.top = usize::MAX;
        self.settle();
    }

    /// The rows on screen.
    pub fn visible(&self) -> impl Iterator<Item = (&Piece, &str, &str)> {
        self.pieces.iter().skip(self.top).take(self.height).filter_map(|piece| {
            let line = self.text.get(piece.line)?.as_str();
            // The space at which a line is cut may stand beyond the width.
            Some((piece, line.get(..piece.lead)?, line.get(piece.bytes.clone())?.trim_end_matches(' ')))
        })
    }

    /// Whether the last row is on screen.
    #[must_use]
    pub fn at_end(&self) -> bool {
        self.next >= self.text.len() && self.top + self.height >= self.pieces.len()
    }

    /// Whether the first row is on screen.
    #[must_use]
    pub fn at_start(&self) -> bool {
        self.top == 0
    }

    /// How much has been read, in hundredths.
    #[must_use]
    pub fn percent(&self) -> usize {
        if self.at_end() {
            return 100;
        }
        let last = self.pieces.get((self.top + self.height).min(self.pieces.len()).saturating_sub(1));
        // Of a line, too: some letters are one line.
        last.map_or(0, |piece| {
            let line = self.text.get(piece.line).map_or(1, |line| line.as_str().len().max(1));
            let hundredths = piece.line * 100 + piece.bytes.start * 100 / line;
            hundredths.checked_div(self.text.len()).unwrap_or(100).min(99)
        })
    }

    fn settle(&mut self) {
        self.reach(self.top.saturating_add(self.height));
        self.top = self.top.min(self.pieces.len().saturating_sub(self.height));
    }

    fn reach(&mut self, rows: usize) {
        while self.pieces.len() < rows && self.wrap_next() {}
    }

    fn wrap_next(&mut self) -> bool {
        let Some(line) = self.text.get(self.next) else { return false };
        wrap_line(line.as_str(), self.next, self.width, &mut self.pieces);
        self.next += 1;
        true
    }
}

/// The quote marks at the head of a line, as bytes, and their number.
#[must_use]
pub fn quote_marks(line: &str) -> (usize, usize) {
    let (mut end, mut depth) = (0, 0);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'>' => {
                depth += 1;
                end = at + 1;
            }
            b' ' if depth > 0 && end == at => end = at + 1,
            _ => break,
        }
    }
    (end, depth)
}

fn wrap_line(line: &str, number: usize, width: usize, pieces: &mut Vec<Piece>) {
    let (marks, quoted) = quote_marks(line);
    let lead = if marks * 2 < width { marks } else { 0 };
    let mut push = |bytes: Range<usize>, lead| pieces.push(Piece { line: number, bytes, lead, quoted });
    if line.is_ascii() && line.len() <= width {
        push(0..line.len(), 0);
        return;
    }
    let (mut start, mut cells, mut room) = (0, 0, width);
    // Where the row may break: behind the last blank, and the cells of what stands behind it.
    let mut blank: Option<(usize, usize)> = None;
    for (at, grapheme) in line.grapheme_indices(true) {
        let wide = grapheme.width();
        if cells + wide > room && cells > 0 && grapheme != " " {
            let (to, kept) = match blank {
                Some((after, cells_then)) if after > start + if start == 0 { marks } else { 0 } => {
                    (after, cells - cells_then)
                }
                _ => (at, 0),
            };
            push(start..to, if start == 0 { 0 } else { lead });
            start = to;
            cells = kept;
            room = width - lead;
            blank = None;
        }
        cells += wide;
        if grapheme == " " {
            blank = Some((at + grapheme.len(), cells));
        }
    }
    push(start..line.len(), if start == 0 { 0 } else { lead });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Wrapped;
    use crate::mail::safe::SafeText;

    fn check(text: &str, width: usize, wanted: &[&str]) {
        let wrapped = Wrapped::new(SafeText::block(text).into(), width, 100);
        let rows: Vec<String> =
            wrapped.visible().map(|(_, lead, text)| format!("{lead}{text}").trim_end().to_owned()).collect();
        assert_eq!(rows, wanted, "{text:?} in {width}");
    }

    #[test]
    fn rows_break_behind_blanks_and_keep_quote_marks() {
        check("", 10, &[""]);
        check("a\n\nb", 10, &["a", "", "b"]);
        check("the quick brown fox", 10, &["the quick", "brown fox"]);
        check("abcdefghijklmno", 10, &["abcdefghij", "klmno"]);
        check("> the quick brown fox", 12, &["> the quick", "> brown fox"]);
        check(">> abcdefghijklmno", 10, &[">> abcdefg", ">> hijklmn", ">> o"]);
        check("日本語の文章です", 6, &["日本語", "の文章", "です"]);
        check("日本語", 1, &["日", "本", "語"]);
        check("ab cd", 2, &["ab", "cd"]);
    }

    #[test]
    fn only_what_is_looked_at_is_wrapped() {
        let text: Arc<[SafeText]> = (0..100_000).map(|n| SafeText::line(&format!("line {n}"))).collect();
        let mut wrapped = Wrapped::new(text, 80, 20);
        assert_eq!(wrapped.pieces.len(), 20);
        assert!(wrapped.page(2) && !wrapped.at_end());
        assert!(wrapped.pieces.len() < 100);
        wrapped.last();
        assert!(wrapped.at_end());
        assert_eq!(wrapped.percent(), 100);
        assert!(!wrapped.scroll(1));
    }

    #[test]
    fn a_letter_of_one_line_has_places_too() {
        let letter = SafeText::line(&(0..1_000).map(|n| format!("w{n} ")).collect::<String>());
        let mut wrapped = Wrapped::new([letter].into(), 80, 20);
        assert!((20..40).contains(&wrapped.percent()), "{}", wrapped.percent());
        wrapped.scroll(20);
        let words = |wrapped: &Wrapped| -> Vec<String> {
            wrapped.visible().next().unwrap().2.split(' ').map(str::to_owned).collect()
        };
        let before = words(&wrapped);
        wrapped.resize(40, 20);
        assert!(words(&wrapped).contains(&before[0]), "{before:?}: {:?}", words(&wrapped));
        wrapped.last();
        assert_eq!(wrapped.percent(), 100);
    }

    #[test]
    fn resizing_keeps_the_first_line_in_sight() {
        let text: Arc<[SafeText]> =
            (0..1_000).map(|n| SafeText::line(&format!("{n} {}", "word ".repeat(30)))).collect();
        let mut wrapped = Wrapped::new(text, 80, 20);
        wrapped.scroll(101);
        let line = wrapped.visible().next().unwrap().0.line;
        wrapped.resize(37, 10);
        assert_eq!(wrapped.visible().next().unwrap().0.line, line);
    }
}
