//! `winmail.dat`: what Outlook packs a message into (MS-OXTNEF). Its subject, its text, and its files, each as a piece of the package's own bytes.
//!
//! Nothing is believed: each length is checked against what is there, each attribute against its sum (where that is wrong, it is said; what is there is given all the
//! same), and one allowance of attributes, properties,
//! files and depth holds for a package with all packages within it. Nothing grows: what is given of a file was given in.

mod props;
mod unpack;

use std::fmt::Write as _;

use encoding_rs::Encoding;

use self::props::{Prop, Value};
use super::{Found, LookError};
use crate::mail::html;

/// How it begins: 0x223E9F78, the lowest byte first.
pub const MAGIC: [u8; 4] = [0x78, 0x9f, 0x3e, 0x22];
/// Attributes that are read.
const ATTRIBUTES_MAX: usize = 10_000;
/// Properties that are read.
const PROPS_MAX: usize = 100_000;
/// Files that are given.
pub const FILES_MAX: usize = 1_000;
/// Messages within messages.
pub const DEPTH_MAX: usize = 5;
/// Bytes of a name that are given.
const NAME_MAX: usize = 1_000;

/// A file in a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inner<'a> {
    /// Its place: `2` is the second, `2.1` the first in the message that is the second.
    pub path: String,
    /// As the sender gave it, else made up from its place. Hostile: see [`crate::mail::safe::file_name`].
    pub name: String,
    /// As the sender gave it, in small letters; `application/octet-stream` where nothing did.
    pub media_type: String,
    /// What it holds. Of a message: its own package.
    pub content: &'a [u8],
}

/// What is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed<'a> {
    /// The subject.
    pub subject: String,
    /// The text, where there is one.
    pub body: String,
    /// The files, those of messages within it behind the message.
    pub files: Vec<Inner<'a>>,
    /// It ended before it should have, or a length or sum was wrong.
    pub damaged: bool,
    /// There is more in it than is given: too many files, or too deep.
    pub more: bool,
}

const SUBJECT: u32 = 0x0001_8004;
const BODY: u32 = 0x0002_800c;
const MESSAGE_PROPS: u32 = 0x0006_9003;
const CODE_PAGE: u32 = 0x0006_9007;
const FILE_BEGINS: u32 = 0x0006_9002;
const FILE_TITLE: u32 = 0x0001_8010;
const FILE_DATA: u32 = 0x0006_800f;
const FILE_PROPS: u32 = 0x0006_9005;

/// Whether bytes are one.
#[must_use]
pub fn is_package(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Reads a package; `None` where it is none.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Packed<'_>> {
    let mut reader = Reader { attributes: ATTRIBUTES_MAX, props: PROPS_MAX, packed: Packed::default() };
    let (subject, body) = reader.package(bytes, "", 0)?;
    Some(Packed { subject, body, ..reader.packed })
}

/// A package at work, with those within it.
struct Reader<'a> {
    /// How many more are read.
    attributes: usize,
    /// How many more are read.
    props: usize,
    /// All files, and what is wrong.
    packed: Packed<'a>,
}

/// A file whose attributes are still coming.
#[derive(Default)]
struct Open<'a> {
    title: String,
    long_name: String,
    other_name: String,
    media_type: String,
    content: Option<&'a [u8]>,
    /// It is a message.
    is_message: bool,
}

/// The texts of a message, in the forms that it may have.
#[derive(Default)]
struct Texts {
    subject: String,
    plain: String,
    html: String,
    rtf: String,
}

impl<'a> Reader<'a> {
    /// Reads one package: its subject and text. Its files are put behind those that are there.
    fn package(&mut self, bytes: &'a [u8], within: &str, depth: usize) -> Option<(String, String)> {
        // The magic number and a key.
        let mut rest = bytes.strip_prefix(&MAGIC)?.get(2..)?;
        let mut texts = Texts::default();
        let mut pages: Option<&'static Encoding> = None;
        let mut open: Option<Open<'a>> = None;
        let mut count = 0_usize;
        while !rest.is_empty() {
            let Some(left) = self.attributes.checked_sub(1) else {
                self.packed.more = true;
                break;
            };
            self.attributes = left;
            let Some(Attribute { id, data, is_sound, next }) = attribute(rest) else {
                self.packed.damaged = true;
                break;
            };
            self.packed.damaged |= !is_sound;
            rest = next;
            match id {
                CODE_PAGE => pages = code_page(data),
                SUBJECT => texts.subject = text(data, pages),
                BODY => texts.plain = text(data, pages),
                MESSAGE_PROPS => self.message_props(data, pages, &mut texts),
                FILE_BEGINS => {
                    if let Some(done) = open.replace(Open::default()) {
                        self.keep(done, within, &mut count, depth);
                    }
                }
                FILE_TITLE => open.get_or_insert_default().title = text(data, pages),
                FILE_DATA => open.get_or_insert_default().content = Some(data),
                FILE_PROPS => self.file_props(data, pages, open.get_or_insert_default()),
                _ => {}
            }
        }
        if let Some(done) = open {
            self.keep(done, within, &mut count, depth);
        }
        let Texts { subject, plain, html, rtf } = texts;
        let forms = [plain, html, rtf];
        let body = forms.into_iter().find(|form| !form.trim_matches(['\0', ' ', '\r', '\n', '\t']).is_empty());
        Some((subject, body.unwrap_or_default().trim_end_matches('\0').to_owned()))
    }

    /// Properties of a message that say something.
    fn message_props(&mut self, data: &'a [u8], pages: Option<&'static Encoding>, texts: &mut Texts) {
        for Prop { id, value } in self.props(data) {
            match (id, value) {
                (props::SUBJECT, value) if texts.subject.is_empty() => texts.subject = value.text(pages),
                (props::BODY, value) if texts.plain.is_empty() => texts.plain = value.text(pages),
                (props::HTML, value) => texts.html = html::to_text(&value.text(pages), 80),
                (props::RTF, Value::Bytes(packed)) => match unpack::unpack(packed) {
                    Some(rtf) => texts.rtf = super::rtf::read(&rtf).text,
                    None => self.packed.damaged = true,
                },
                _ => {}
            }
        }
    }

    /// Properties of a file that say something.
    fn file_props(&mut self, data: &'a [u8], pages: Option<&'static Encoding>, open: &mut Open<'a>) {
        for Prop { id, value } in self.props(data) {
            match (id, value) {
                (props::LONG_NAME, value) => open.long_name = value.text(pages),
                (props::SHORT_NAME | props::DISPLAY_NAME, value) if open.other_name.is_empty() => {
                    open.other_name = value.text(pages);
                }
                (props::MEDIA_TYPE, value) => open.media_type = value.text(pages).to_ascii_lowercase(),
                // MS-OXCMSG §2.2.2.9: 5 is a message.
                (props::METHOD, Value::Number(method)) => open.is_message = method == 5,
                (props::DATA, Value::Bytes(content)) => open.content = Some(content),
                (props::DATA, Value::Object(content)) => {
                    open.is_message |= is_package(content);
                    open.content = Some(content);
                }
                _ => {}
            }
        }
    }

    /// The properties of a list.
    fn props(&mut self, data: &'a [u8]) -> Vec<Prop<'a>> {
        let (found, is_whole) = props::read(data, self.props);
        self.props = self.props.saturating_sub(found.len());
        self.packed.damaged |= !is_whole;
        found
    }

    /// Takes a file, and what is in it where it is a message.
    fn keep(&mut self, open: Open<'a>, within: &str, count: &mut usize, depth: usize) {
        *count += 1;
        let path = if within.is_empty() { count.to_string() } else { format!("{within}.{count}") };
        if self.packed.files.len() >= FILES_MAX {
            self.packed.more = true;
            return;
        }
        let Open { title, long_name, other_name, media_type, content, is_message } = open;
        let content = content.unwrap_or_default();
        let is_message = is_message && is_package(content);
        let named = [long_name, title, other_name].into_iter().map(|name| plain(&name)).find(|name| !name.is_empty());
        let name = match (named, is_message) {
            (Some(name), true) => format!("{name}.dat"),
            (Some(name), false) => name,
            (None, _) => format!("file-{path}.{}", if is_message { "dat" } else { "bin" }),
        };
        let media_type = match plain(&media_type) {
            _ if is_message => "application/ms-tnef".to_owned(),
            none if none.is_empty() => "application/octet-stream".to_owned(),
            given => given,
        };
        self.packed.files.push(Inner { path: path.clone(), name, media_type, content });
        if is_message {
            if depth >= DEPTH_MAX {
                self.packed.more = true;
            } else if self.package(content, &path, depth + 1).is_none() {
                self.packed.damaged = true;
            }
        }
    }
}

/// An attribute, and what follows it.
struct Attribute<'a> {
    id: u32,
    data: &'a [u8],
    /// Its sum is what it says.
    is_sound: bool,
    next: &'a [u8],
}

/// Reads an attribute: level (one octet), identifier, length, data, sum of its octets.
fn attribute(bytes: &[u8]) -> Option<Attribute<'_>> {
    let (_, rest) = bytes.split_first()?;
    let (id, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let data = rest.get(..length)?;
    let (sum, next) = rest.get(length..)?.split_first_chunk::<2>()?;
    let is = data.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
    Some(Attribute { id: u32::from_le_bytes(*id), data, is_sound: is == u16::from_le_bytes(*sum), next })
}

/// The encoding of the first code page that is named; `None` where it is Windows-1252 or unknown.
fn code_page(data: &[u8]) -> Option<&'static Encoding> {
    let label = match u32::from_le_bytes(*data.first_chunk::<4>()?) {
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        866 => "ibm866".to_owned(),
        10_000 => "macintosh".to_owned(),
        20_866 => "koi8-r".to_owned(),
        65_001 => "utf-8".to_owned(),
        page @ (874 | 1250 | 1251 | 1253..=1258) => format!("windows-{page}"),
        page @ 28_592..=28_605 => format!("iso-8859-{}", page - 28_590),
        _ => return None,
    };
    Encoding::for_label(label.as_bytes())
}

/// Octets as text: by the code page, else as they look.
fn text(data: &[u8], pages: Option<&'static Encoding>) -> String {
    let data = data.split(|byte| *byte == 0).next().unwrap_or_default();
    match pages {
        Some(encoding) => encoding.decode_without_bom_handling(data).0.into_owned(),
        None => super::text_of(data),
    }
}

/// A name or a type on one line, of a length that a person can read.
fn plain(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = line.trim();
    let end = (0..=line.len().min(NAME_MAX)).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
    line.get(..end).unwrap_or_default().to_owned()
}

/// Looks into a package.
pub(super) fn look(bytes: &[u8]) -> Result<Found, LookError> {
    let packed = read(bytes).ok_or_else(|| LookError("it is a winmail.dat that is damaged".to_owned()))?;
    let mut words = String::new();
    if !packed.subject.is_empty() {
        let _ = writeln!(words, "Subject: {}\n", plain(&packed.subject));
    }
    words.push_str(packed.body.trim_end());
    if !packed.files.is_empty() {
        words.push('\n');
    }
    for file in &packed.files {
        let _ = write!(words, "\n{:>6}  {:>12}  {}", file.path, file.content.len(), file.name);
    }
    let mut found = Found::text("Outlook package (winmail.dat)", words);
    if !packed.files.is_empty() {
        let files = if packed.files.len() == 1 { "It holds a file" } else { "It holds files" };
        found = found.note(format!("{files}; an export writes what is in it beside it, with the digests of both."));
    }
    if packed.body.is_empty() {
        found = found.note("It has no text, or one in a form that is not shown here.");
    }
    if packed.more {
        found = found.note(format!(
            "There is more in it than is listed: no more than {FILES_MAX} files, and {DEPTH_MAX} messages within messages."
        ));
    }
    Ok(if packed.damaged { found.note("It is damaged or cut off: what could be read is shown.") } else { found })
}

#[cfg(test)]
mod tests;
