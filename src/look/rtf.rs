//! The text of RTF documents: what is written, without fonts, styles, pictures and objects. Linear in time; groups within groups are counted, not
//! stacked beyond a bound.

use super::{Found, TEXT_MAX};

/// Groups within groups.
const DEPTH_MAX: usize = 500;
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
}

/// Looks into an RTF document.
pub(super) fn look(bytes: &[u8]) -> Found {
    let (text, objects) = read(bytes);
    let found = Found::text("RTF document", text).note("Only its text is shown: no pictures, no layout.");
    if objects { found.note("It holds an object of another program, which was not opened.") } else { found }
}

/// The text, and whether it holds an object of another program.
#[must_use]
pub fn read(bytes: &[u8]) -> (String, bool) {
    let mut text = String::new();
    let mut objects = false;
    let mut groups = vec![Group { silent: false, skip: 1 }];
    let mut deeper = 0_usize;
    // Characters still to be left out behind `\u`.
    let mut skip = 0_usize;
    let mut at = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        if text.len() > TEXT_MAX {
            break;
        }
        at += 1;
        let is_deep = groups.len() >= DEPTH_MAX;
        let Some(group) = groups.last_mut() else { break };
        match byte {
            b'{' if is_deep => deeper += 1,
            b'{' => {
                let copy = *group;
                groups.push(copy);
                skip = 0;
            }
            b'}' if deeper > 0 => deeper -= 1,
            b'}' => {
                groups.pop();
                skip = 0;
                if groups.is_empty() {
                    break;
                }
            }
            b'\\' => {
                let (word, number, next) = control(bytes, at);
                at = next;
                match word {
                    Word::Sign(b'\'') => {
                        let byte = bytes.get(at..at + 2).and_then(|two| std::str::from_utf8(two).ok());
                        let byte = byte.and_then(|two| u8::from_str_radix(two, 16).ok());
                        at = (at + 2).min(bytes.len());
                        put(&mut text, *group, &mut skip, byte.map(windows));
                    }
                    Word::Sign(b'*') => group.silent = true,
                    Word::Sign(b'~') => put(&mut text, *group, &mut skip, Some(' ')),
                    Word::Sign(b'_') => put(&mut text, *group, &mut skip, Some('-')),
                    Word::Sign(sign @ (b'\\' | b'{' | b'}')) => {
                        put(&mut text, *group, &mut skip, Some(char::from(sign)))
                    }
                    Word::Sign(b'\r' | b'\n') => put(&mut text, *group, &mut skip, Some('\n')),
                    Word::Sign(_) => {}
                    Word::Name(name) => match name {
                        "par" | "line" | "row" | "sect" | "page" => put(&mut text, *group, &mut skip, Some('\n')),
                        "tab" | "cell" => put(&mut text, *group, &mut skip, Some('\t')),
                        "emdash" => put(&mut text, *group, &mut skip, Some('\u{2014}')),
                        "endash" => put(&mut text, *group, &mut skip, Some('\u{2013}')),
                        "lquote" | "rquote" => put(&mut text, *group, &mut skip, Some('\u{2019}')),
                        "ldblquote" | "rdblquote" => put(&mut text, *group, &mut skip, Some('"')),
                        "bullet" => put(&mut text, *group, &mut skip, Some('\u{2022}')),
                        "uc" => group.skip = usize::try_from(number.unwrap_or(1)).unwrap_or(1).min(8),
                        "u" => {
                            let code = number.unwrap_or(0);
                            let code = u32::try_from(if code < 0 { code + 65_536 } else { code }).unwrap_or(0xfffd);
                            put(&mut text, *group, &mut skip, Some(char::from_u32(code).unwrap_or('\u{fffd}')));
                            skip = group.skip;
                        }
                        "bin" => {
                            at = at.saturating_add(usize::try_from(number.unwrap_or(0)).unwrap_or(0)).min(bytes.len())
                        }
                        _ if SILENT.contains(&name) => {
                            objects |= name == "object" || name == "objdata";
                            group.silent = true;
                        }
                        _ => {}
                    },
                }
            }
            b'\r' | b'\n' => {}
            other => put(&mut text, *group, &mut skip, Some(windows(other))),
        }
    }
    (text, objects)
}

fn put(text: &mut String, group: Group, skip: &mut usize, c: Option<char>) {
    if *skip > 0 {
        *skip -= 1;
    } else if !group.silent {
        text.extend(c);
    }
}

fn windows(byte: u8) -> char {
    let one = [byte];
    encoding_rs::WINDOWS_1252.decode_without_bom_handling(&one).0.chars().next().unwrap_or('\u{fffd}')
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
