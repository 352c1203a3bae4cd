//! Where commands write to: one JSON document, or text for people in which no foreign character can do harm.

use std::io::{self, Write};

use serde::Serialize;

use super::exit::Failure;
use crate::mail::safe::{self, SafeText};
use crate::mail::wrap::wrap;

/// Lists for people are made for a terminal of this width; scripts have `--json`.
const COLUMNS: usize = 80;

/// A cell that is wider makes its own row wider and no other one: a stranger's name of a thousand letters is no reason to push a list apart.
const CELL: usize = 40;

/// The two outputs of a command.
pub(super) struct Output<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    json: bool,
    folds: bool,
}

impl<'a> Output<'a> {
    /// Puts them together.
    pub(super) fn new(out: &'a mut dyn Write, err: &'a mut dyn Write, json: bool) -> Self {
        Self { out, err, json, folds: false }
    }

    /// Whether sentences on the error output are folded: a terminal breaks lines within words.
    #[must_use]
    pub(super) fn folding(mut self, folds: bool) -> Self {
        self.folds = folds;
        self
    }

    /// The same outputs, for a while.
    pub(super) fn reborrow(&mut self) -> Output<'_> {
        Output { out: &mut *self.out, err: &mut *self.err, json: self.json, folds: self.folds }
    }

    /// Both streams as they are: for what was made safe elsewhere.
    pub(super) fn streams(&mut self) -> (&mut dyn Write, &mut dyn Write) {
        (&mut *self.out, &mut *self.err)
    }

    /// Whether a JSON document is asked for.
    #[must_use]
    pub(super) fn json(&self) -> bool {
        self.json
    }

    /// Writes the one document of a command.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub(super) fn document<T: Serialize>(&mut self, document: &T) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(document).map_err(io::Error::other)?;
        writeln!(self.out, "{}", escaped(text))?;
        self.out.flush()?;
        Ok(())
    }

    /// Writes one of many JSON objects, on a line of its own.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub(super) fn json_line<T: Serialize>(&mut self, object: &T) -> Result<(), Failure> {
        let text = serde_json::to_string(object).map_err(io::Error::other)?;
        writeln!(self.out, "{}", escaped(text))?;
        Ok(())
    }

    /// Writes a line for people; what is foreign in it is made safe.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub(super) fn line(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.out, "{}", SafeText::line(text))?;
        Ok(())
    }

    /// Writes several lines for people.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub(super) fn block(&mut self, text: &str) -> Result<(), Failure> {
        for line in SafeText::block(text) {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    /// Writes entries for people: the cells of each first line in columns, the last one cut to the width, then its further lines, indented.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub(super) fn entries(&mut self, entries: &[(Vec<String>, Vec<String>)]) -> Result<(), Failure> {
        let safe = |list: &[String]| list.iter().map(|text| SafeText::line(text)).collect::<Vec<_>>();
        let heads: Vec<Vec<SafeText>> = entries.iter().map(|(head, _)| safe(head)).collect();
        let columns = heads.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            heads
                .iter()
                .filter_map(|head| head.get(column))
                .map(SafeText::width)
                .filter(|wide| *wide <= CELL)
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (head, (_, below)) in heads.iter().zip(entries) {
            let (mut line, mut at) = (String::new(), 0_usize);
            for (column, cell) in head.iter().enumerate() {
                if column + 1 == head.len() {
                    line.push_str(cell.truncate(COLUMNS.saturating_sub(at).max(12)).as_str());
                } else {
                    let room = widths.get(column).copied().unwrap_or_default() + 2;
                    line.push_str(cell.as_str());
                    line.extend(std::iter::repeat_n(' ', room.saturating_sub(cell.width()).max(2)));
                    at += room.max(cell.width() + 2);
                }
            }
            writeln!(self.out, "{}", line.trim_end())?;
            for text in safe(below).iter().filter(|text| !text.as_str().trim().is_empty()) {
                writeln!(self.out, "    {}", text.truncate(COLUMNS - 4).as_str())?;
            }
        }
        Ok(())
    }

    /// Writes a table: columns as wide as their widest cell, the last one as it is.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub(super) fn table(&mut self, rows: &[Vec<String>]) -> Result<(), Failure> {
        let rows: Vec<Vec<SafeText>> =
            rows.iter().map(|row| row.iter().map(|cell| SafeText::line(cell)).collect()).collect();
        let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(SafeText::width)
                .filter(|wide| *wide <= CELL)
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                line.push_str(cell.as_str());
                if column + 1 < row.len() {
                    let pad = widths.get(column).copied().unwrap_or_default().saturating_sub(cell.width()) + 2;
                    line.extend(std::iter::repeat_n(' ', pad));
                }
            }
            writeln!(self.out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// Writes bytes as they are: only where the command's meaning is bytes.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes)?;
        self.out.flush()?;
        Ok(())
    }

    /// As [`Self::bytes`], piece by piece.
    ///
    /// # Errors
    /// When the output cannot be written, or what is written not be read.
    pub(super) fn stream(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        write(&mut *self.out)?;
        self.out.flush()?;
        Ok(())
    }

    /// Tells a person something, on the error output.
    pub(super) fn say(&mut self, text: &str) {
        for line in SafeText::block(text) {
            let prefix = "casemail: ";
            let lines = match self.folds {
                true => wrap(line.as_str(), COLUMNS - prefix.len()),
                false => vec![line.as_str().to_owned()],
            };
            for (number, line) in lines.iter().enumerate() {
                let before = if number == 0 { prefix } else { "          " };
                // Nobody is left to tell where this fails.
                let _ = writeln!(self.err, "{before}{line}");
            }
        }
    }
}

/// JSON in which no character can act on a terminal: RFC 8259 §7 demands that of C0 only, and C1, bidirectional and invisible characters do
/// harm too. Such a character can only stand in a string, so that its escape means the same to whoever parses the document.
fn escaped(json: String) -> String {
    let acts = |c: char| c != '\n' && safe::is_hidden(c);
    if !json.contains(acts) {
        return json;
    }
    let mut out = String::with_capacity(json.len().saturating_add(64));
    for c in json.chars() {
        if acts(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Output;

    #[test]
    fn a_document_cannot_act_on_a_terminal_and_says_the_same() {
        let foreign = "a\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\u{200b}\u{2028}\u{feff}\u{e0041}\u{f8ff} é 日本 \"\\ end";
        let (mut out, mut err) = (Vec::new(), Vec::new());
        Output::new(&mut out, &mut err, true).document(&[foreign]).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out.chars().find(|c| *c != '\n' && crate::mail::safe::is_hidden(*c)), None, "{out:?}");
        assert!(out.contains("é 日本"));
        assert_eq!(serde_json::from_str::<Vec<String>>(&out).unwrap(), [foreign]);
    }

    #[test]
    fn a_cell_that_is_too_wide_costs_its_own_row_only() {
        let long = "x".repeat(3_000);
        let rows =
            [vec!["a".to_owned(), "short".to_owned(), "last".to_owned()], vec![long, "b".to_owned(), "end".to_owned()]];
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut output = Output::new(&mut out, &mut err, false);
        output.table(&rows).unwrap();
        output.entries(&rows.clone().map(|row| (row, Vec::new()))).unwrap();
        let out = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!((lines[0], lines[2]), ("a  short  last", "a  short  last"));
        assert!(lines[1].ends_with("x  b      end") && lines[3].ends_with("x  b      end"), "{out}");
    }

    #[test]
    fn hostile_cells_neither_move_the_cursor_nor_the_columns() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut output = Output::new(&mut out, &mut err, false);
        let cell = |text: &str| text.to_owned();
        output.table(&[vec![cell("a\u{1b}[2Jb"), cell("x")], vec![cell("wide 日本"), cell("y\u{202e}z")]]).unwrap();
        output.say("two\nlines\u{9b}1m");
        let (out, err) = (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap());
        for text in [&out, &err] {
            assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{text:?}");
        }
        let column = |line: &str, what: char| crate::mail::safe::width(line.split(what).next().unwrap());
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(column(lines[0], 'x'), column(lines[1], 'y'));
        assert_eq!(err.lines().count(), 2);
    }
}
