//! The text of RTF documents: what is written, without fonts, styles, pictures and objects. Linear in time; groups within groups are counted, not
//! stacked beyond a bound.

use std::collections::BTreeMap;

use encoding_rs::Encoding;

use super::{Found, TEXT_MAX};

/// Groups within groups.
const DEPTH_MAX: usize = 500;
/// Fonts whose encodings are kept.
const FONTS_MAX: usize = 10_000;
/// Groups that hold no text of the document.
const SILENT: &[&str] = &[
    "fonttbl",
    "colortbl",
    "stylesheet",
    "info",
    "pict",
    "object",
    "objdata",
    "themedata",
    "colorschememapping",
    "latentstyles",
    "datastore",
    "listtable",
    "listoverridetable",
    "rsidtbl",
    "generator",
    "xmlnstbl",
    "fldinst",
    "filetbl",
    "revtbl",
];

/// What holds within a group.
#[derive(Clone, Copy)]
struct Group {
    silent: bool,
    /// Characters that stand in for one of `\u`.
    skip: usize,
    /// The encoding of its octets.
    encoding: &'static Encoding,
    /// It was deleted, and is still there.
    deleted: bool,
    /// It is not shown by a word processor.
    hidden: bool,
    /// It is the table of fonts.
    fonts: bool,
    /// What is in it was shown already: a text box for older programs.
    twice: bool,
}

/// A group that is a text of its own, with what ends it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// A text box.
    Boxed,
    /// Who made a remark.
    Author,
    /// A remark.
    Remark,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// The text.
    pub text: String,
    /// It holds an object of another program.
    pub objects: bool,
    /// Some of it was deleted, and is still there between `[-` and `-]`.
    pub deleted: bool,
    /// Some of it is hidden by a word processor.
    pub hidden: bool,
}

/// Looks into an RTF document.
pub(super) fn look(bytes: &[u8]) -> Found {
    let read = read(bytes);
    let mut found = Found::text("RTF document", read.text).note("Only its text is shown: no pictures, no layout.");
    let some = [
        (read.objects, "It holds an object of another program, which was not opened."),
        (read.deleted, "It has tracked changes: what was deleted stands in [- -]."),
        (read.hidden, "Some of its text is hidden; it is shown here."),
    ];
    for (_, words) in some.into_iter().filter(|(is_so, _)| *is_so) {
        found = found.note(words);
    }
    found
}

/// The encoding of a Windows code page.
fn code_page(number: i32) -> Option<&'static Encoding> {
    Some(match number {
        874 => encoding_rs::WINDOWS_874,
        932 => encoding_rs::SHIFT_JIS,
        936 => encoding_rs::GBK,
        949 => encoding_rs::EUC_KR,
        950 => encoding_rs::BIG5,
        1250 => encoding_rs::WINDOWS_1250,
        1251 => encoding_rs::WINDOWS_1251,
        1252 => encoding_rs::WINDOWS_1252,
        1253 => encoding_rs::WINDOWS_1253,
        1254 => encoding_rs::WINDOWS_1254,
        1255 => encoding_rs::WINDOWS_1255,
        1256 => encoding_rs::WINDOWS_1256,
        1257 => encoding_rs::WINDOWS_1257,
        1258 => encoding_rs::WINDOWS_1258,
        10000 => encoding_rs::MACINTOSH,
        65001 => encoding_rs::UTF_8,
        _ => return None,
    })
}

/// The code page of a character set, as a font names it (`\fcharset`).
fn character_set(number: i32) -> Option<i32> {
    Some(match number {
        0 => 1252,
        77 => 10000,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => return None,
    })
}

/// What is written so far.
struct Writer {
    read: Read,
    /// Octets whose letters may go on in the next ones.
    octets: Vec<u8>,
    encoding: &'static Encoding,
    /// What is written now was deleted.
    deleted: bool,
    /// Characters still to be left out behind `\u`.
    skip: usize,
}

impl Writer {
    /// Whether a character is to be written.
    fn takes(&mut self, group: Group) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if !group.silent {
            self.turn(group.deleted);
            self.read.hidden |= group.hidden;
        }
        !group.silent
    }

    fn octet(&mut self, group: Group, octet: u8) {
        if self.takes(group) {
            if self.encoding != group.encoding {
                self.flush();
                self.encoding = group.encoding;
            }
            self.octets.push(octet);
        }
    }

    fn put(&mut self, group: Group, c: char) {
        if self.takes(group) {
            self.flush();
            self.read.text.push(c);
        }
    }

    /// Words of ours.
    fn write(&mut self, group: Group, words: &str) {
        self.skip = 0;
        words.chars().for_each(|c| self.put(group, c));
    }

    fn flush(&mut self) {
        let octets = std::mem::take(&mut self.octets);
        self.read.text.push_str(&self.encoding.decode_without_bom_handling(&octets).0);
    }

    /// Goes into what was deleted, or out of it.
    fn turn(&mut self, deleted: bool) {
        if self.deleted != deleted {
            self.flush();
            self.read.text.push_str(if deleted { "[-" } else { "-]" });
            self.deleted = deleted;
            self.read.deleted = true;
        }
    }
}

/// The text, and what else is to be known.
#[must_use]
pub fn read(bytes: &[u8]) -> Read {
    let first = Group {
        silent: false,
        skip: 1,
        encoding: encoding_rs::WINDOWS_1252,
        deleted: false,
        hidden: false,
        fonts: false,
        twice: false,
    };
    let (mut usual, mut fonts, mut font) = (first.encoding, BTreeMap::new(), 0_i32);
    let mut groups = vec![first];
    let mut deeper = 0_usize;
    let mut out = Writer { read: Read::default(), octets: Vec::new(), encoding: usual, deleted: false, skip: 0 };
    // Pieces that are open, by how many groups were; whether the shape that is read had a text box, and the remark that comes a name.
    let mut pieces: Vec<(usize, Piece)> = Vec::new();
    let (mut is_boxed, mut is_named) = (false, false);
    let mut at = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        if out.read.text.len() + out.octets.len() > TEXT_MAX {
            break;
        }
        at += 1;
        let many = groups.len();
        let is_deep = many >= DEPTH_MAX;
        let Some(group) = groups.last_mut() else { break };
        match byte {
            b'{' if is_deep => deeper += 1,
            b'{' => {
                let copy = *group;
                groups.push(copy);
                out.skip = 0;
            }
            b'}' if deeper > 0 => deeper -= 1,
            b'}' => {
                if let Some((_, piece)) = pieces.pop_if(|(open, _)| *open == many) {
                    out.write(*group, if piece == Piece::Author { ") " } else { "\n" });
                }
                groups.pop();
                out.skip = 0;
                if groups.is_empty() {
                    break;
                }
            }
            b'\\' => {
                let (word, number, next) = control(bytes, at);
                at = next;
                match word {
                    Word::Sign(b'\'') => {
                        let octet = bytes.get(at..at + 2).and_then(|two| std::str::from_utf8(two).ok());
                        let octet = octet.and_then(|two| u8::from_str_radix(two, 16).ok());
                        at = (at + 2).min(bytes.len());
                        out.octet(*group, octet.unwrap_or(b'?'));
                    }
                    Word::Sign(b'*') => group.silent = true,
                    Word::Sign(b'~') => out.put(*group, ' '),
                    Word::Sign(b'_') => out.put(*group, '-'),
                    Word::Sign(sign @ (b'\\' | b'{' | b'}')) => out.put(*group, char::from(sign)),
                    Word::Sign(b'\r' | b'\n') => out.put(*group, '\n'),
                    Word::Sign(_) => {}
                    Word::Name(name) => match name {
                        "par" | "line" | "row" | "sect" | "page" => out.put(*group, '\n'),
                        "tab" | "cell" => out.put(*group, '\t'),
                        "emdash" => out.put(*group, '\u{2014}'),
                        "endash" => out.put(*group, '\u{2013}'),
                        "lquote" | "rquote" => out.put(*group, '\u{2019}'),
                        "ldblquote" | "rdblquote" => out.put(*group, '"'),
                        "bullet" => out.put(*group, '\u{2022}'),
                        "uc" => group.skip = usize::try_from(number.unwrap_or(1)).unwrap_or(1).min(8),
                        "u" => {
                            let code = number.unwrap_or(0);
                            let code = u32::try_from(if code < 0 { code + 65_536 } else { code }).unwrap_or(0xfffd);
                            out.put(*group, char::from_u32(code).unwrap_or('\u{fffd}'));
                            out.skip = group.skip;
                        }
                        "bin" => {
                            at = at.saturating_add(usize::try_from(number.unwrap_or(0)).unwrap_or(0)).min(bytes.len())
                        }
                        "mac" => (usual, group.encoding) = (encoding_rs::MACINTOSH, encoding_rs::MACINTOSH),
                        "ansicpg" => {
                            usual = number.and_then(code_page).unwrap_or(usual);
                            group.encoding = usual;
                        }
                        "f" if group.fonts => font = number.unwrap_or(0),
                        "fcharset" | "cpg" if group.fonts => {
                            let page = if name == "cpg" { number } else { number.and_then(character_set) };
                            if let Some(encoding) = page.and_then(code_page).filter(|_| fonts.len() < FONTS_MAX) {
                                fonts.insert(font, encoding);
                            }
                        }
                        "f" => group.encoding = number.and_then(|one| fonts.get(&one)).copied().unwrap_or(usual),
                        "deleted" => group.deleted = number != Some(0),
                        "v" => group.hidden = number != Some(0),
                        "plain" => {
                            (group.deleted, group.hidden, group.encoding) = (false, false, usual);
                        }
                        "shp" => is_boxed = false,
                        // What is in a shape is for newer programs only, but for its text.
                        "shptxt" | "dptxbxtext" if !group.twice => {
                            (group.silent, is_boxed) = (false, true);
                            out.write(*group, "\n");
                            pieces.push((many, Piece::Boxed));
                        }
                        "shprslt" => (group.silent, group.twice) = (group.silent || is_boxed, group.twice || is_boxed),
                        "atnauthor" => {
                            (group.silent, is_named) = (false, true);
                            out.write(*group, "\n(remark, as it says by ");
                            pieces.push((many, Piece::Author));
                        }
                        "annotation" => {
                            group.silent = false;
                            if !std::mem::take(&mut is_named) {
                                out.write(*group, "\n(remark) ");
                            }
                            pieces.push((many, Piece::Remark));
                        }
                        _ if SILENT.contains(&name) => {
                            out.read.objects |= name == "object" || name == "objdata";
                            group.silent = true;
                            group.fonts = name == "fonttbl";
                        }
                        _ => {}
                    },
                }
            }
            b'\r' | b'\n' => {}
            other => out.octet(*group, other),
        }
    }
    out.flush();
    out.turn(false);
    // An octet may be a letter of three.
    let end = (0..=TEXT_MAX.min(out.read.text.len())).rev().find(|at| out.read.text.is_char_boundary(*at));
    out.read.text.truncate(end.unwrap_or(0));
    out.read
}

enum Word<'a> {
    Sign(u8),
    Name(&'a str),
}

/// The control word or sign at a place, its number, and the place behind it.
fn control(bytes: &[u8], at: usize) -> (Word<'_>, Option<i32>, usize) {
    let run = |from: usize, of: fn(&u8) -> bool, most: usize| {
        bytes.get(from..).unwrap_or_default().iter().take(most).take_while(|b| of(b)).count()
    };
    let letters = run(at, u8::is_ascii_alphabetic, 32);
    if letters == 0 {
        return (Word::Sign(bytes.get(at).copied().unwrap_or(0)), None, at + 1);
    }
    let name = bytes.get(at..at + letters).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
    let mut next = at + letters;
    let minus = usize::from(bytes.get(next) == Some(&b'-'));
    let digits = run(next + minus, u8::is_ascii_digit, 10);
    let number = (digits > 0)
        .then(|| bytes.get(next..next + minus + digits))
        .flatten()
        .and_then(|number| std::str::from_utf8(number).ok())
        .and_then(|number| number.parse().ok());
    if digits > 0 {
        next += minus + digits;
    }
    // A space ends the word and belongs to it.
    next += usize::from(bytes.get(next) == Some(&b' '));
    (Word::Name(name), number, next)
}
