//! A font as the library that reads letters takes it: what a font may leave out stands in it, and what that library gives up on does not.

use lopdf::{Dictionary, Document, Object, Stream};

use super::codes::{self, Codes};

/// How a font is given to the library, one behind the other until one does not break it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// As it is.
    Whole,
    /// With an encoding where it has none.
    Encoded,
    /// Without its program, which may be damaged.
    Bare,
    /// By its encoding alone.
    Plain,
    /// Not at all: none of its letters are known.
    Mute,
}

impl Form {
    /// The one behind it.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Whole => Self::Encoded,
            Self::Encoded => Self::Bare,
            Self::Bare => Self::Plain,
            Self::Plain | Self::Mute => Self::Mute,
        }
    }
}

/// What the letters of a font are told by.
#[derive(Clone, Debug)]
pub(super) enum Letters {
    /// The library reads the font.
    Own,
    /// The codes say it.
    Codes(Codes),
    /// Nothing.
    Unknown,
}

/// Octets of a table of letters that is read.
const TABLE_MAX: usize = 4 << 20;
/// Numbers of a list of widths.
const WIDTHS_MAX: usize = 70_000;

/// What stands behind a reference, and the thing itself where it is none.
pub(super) fn behind<'a>(document: &'a Document, object: &'a Object) -> Option<&'a Object> {
    document.dereference(object).ok().map(|(_, found)| found)
}

/// An entry of a dictionary, behind its reference.
pub(super) fn entry<'a>(document: &'a Document, dictionary: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
    dictionary
        .get(key)
        .ok()
        .and_then(|object| behind(document, object))
        .filter(|object| !matches!(object, Object::Null))
}

fn name(document: &Document, dictionary: &Dictionary, key: &[u8]) -> Option<String> {
    entry(document, dictionary, key)?.as_name().ok().map(|name| String::from_utf8_lossy(name).into_owned())
}

/// A number, whole or not.
pub(super) fn number(object: &Object) -> Option<f32> {
    object.as_float().ok().filter(|number| number.is_finite())
}

fn stream<'a>(document: &'a Document, dictionary: &'a Dictionary, key: &[u8]) -> Option<&'a Stream> {
    entry(document, dictionary, key)?.as_stream().ok()
}

/// What a person calls a font: its name without the six letters of a subset.
pub(super) fn called(document: &Document, font: &Dictionary) -> String {
    let name = name(document, font, b"BaseFont").unwrap_or_default();
    let name = match name.split_once('+') {
        Some((subset, rest)) if subset.len() == 6 => rest.to_owned(),
        _ => name,
    };
    if name.is_empty() { "a font without a name".to_owned() } else { name }
}

/// What the letters of a font are told by.
pub(super) fn letters(document: &Document, font: &Dictionary) -> Letters {
    if name(document, font, b"Subtype").as_deref() != Some("Type0") {
        return Letters::Own;
    }
    let has_table = stream(document, font, b"ToUnicode").is_some();
    let encoding = name(document, font, b"Encoding");
    match encoding.as_deref() {
        Some("Identity-H" | "Identity-V") if has_table => Letters::Own,
        // The codes are said to be Unicode.
        Some("Identity-H" | "Identity-V") if name(document, font, b"ToUnicode").is_some() => {
            Letters::Codes(Codes::Unicode(2))
        }
        Some("Identity-H" | "Identity-V") => Letters::Unknown,
        Some(cmap) => codes::of(cmap).map_or(Letters::Unknown, Letters::Codes),
        None if has_table && stream(document, font, b"Encoding").is_some() => Letters::Own,
        None => Letters::Unknown,
    }
}

/// A font in one of its forms.
pub(super) fn made(document: &Document, font: &Dictionary, form: Form) -> Dictionary {
    match name(document, font, b"Subtype").as_deref() {
        Some("Type0") => composite(document, font),
        subtype => simple(document, font, form, subtype == Some("Type3")),
    }
}

/// A font of one octet for a letter.
fn simple(document: &Document, font: &Dictionary, form: Form, is_drawn: bool) -> Dictionary {
    let mut made = Dictionary::new();
    let subtype = name(document, font, b"Subtype").filter(|name| name == "TrueType");
    made.set("Subtype", Object::Name(subtype.unwrap_or_else(|| "Type1".to_owned()).into_bytes()));
    let base = name(document, font, b"BaseFont").unwrap_or_else(|| "Helvetica".to_owned());
    made.set("BaseFont", Object::Name(base.into_bytes()));
    // A font that is drawn by the document has units of its own.
    let unit = if is_drawn { scale(document, font) } else { 1.0 };
    let widths = entry(document, font, b"Widths").and_then(|widths| widths.as_array().ok());
    let first = entry(document, font, b"FirstChar").and_then(|first| first.as_i64().ok());
    if let (Some(widths), Some(first @ 0..=255)) = (widths, first) {
        let one = |width: &Object| behind(document, width).and_then(number).unwrap_or_default();
        let widths: Vec<Object> = widths.iter().take(256).map(|width| Object::Real(one(width) * unit)).collect();
        let last = first + i64::try_from(widths.len()).unwrap_or_default() - 1;
        made.set("FirstChar", Object::Integer(first));
        made.set("LastChar", Object::Integer(last));
        made.set("Widths", Object::Array(widths));
    }
    let encoding = entry(document, font, b"Encoding").and_then(|encoding| spelt(document, encoding));
    let encoding = encoding.or_else(|| (form >= Form::Encoded).then(|| Object::Name(b"WinAnsiEncoding".to_vec())));
    if let Some(encoding) = encoding {
        made.set("Encoding", encoding);
    }
    let descriptor = entry(document, font, b"FontDescriptor").and_then(|found| found.as_dict().ok());
    if let Some(descriptor) = descriptor.filter(|_| form < Form::Bare && !is_drawn) {
        made.set("FontDescriptor", Object::Dictionary(descriptor.clone()));
    }
    if let Some(table) = table(document, font).filter(|_| form < Form::Plain) {
        made.set("ToUnicode", table);
    }
    made
}

/// What a thousandth of the letters' units comes to, in a font that the document draws by itself.
fn scale(document: &Document, font: &Dictionary) -> f32 {
    let matrix = entry(document, font, b"FontMatrix").and_then(|matrix| matrix.as_array().ok());
    let wide = matrix.and_then(|matrix| matrix.first()).and_then(|one| behind(document, one)).and_then(number);
    wide.unwrap_or(0.001) * 1000.0
}

/// The table that says which letters a font shows.
fn table(document: &Document, font: &Dictionary) -> Option<Object> {
    let found = stream(document, font, b"ToUnicode")?;
    (found.content.len() <= TABLE_MAX).then(|| Object::Stream(found.clone()))
}

/// The three encodings that the library knows by name.
fn is_known(name: &[u8]) -> bool {
    matches!(name, b"MacRomanEncoding" | b"MacExpertEncoding" | b"WinAnsiEncoding")
}

/// An encoding, spelt as the library knows it; `None` where the font's own one holds.
fn spelt(document: &Document, encoding: &Object) -> Option<Object> {
    let standard = || Object::Dictionary(differences(STANDARD.iter().copied()));
    match encoding {
        Object::Name(name) if is_known(name) => Some(encoding.clone()),
        Object::Name(name) if name == b"StandardEncoding" => Some(standard()),
        Object::Dictionary(given) => {
            let mut made = Dictionary::new();
            let mut list = Vec::new();
            match entry(document, given, b"BaseEncoding").and_then(|base| base.as_name().ok()) {
                Some(base) if is_known(base) => made.set("BaseEncoding", Object::Name(base.to_vec())),
                Some(b"StandardEncoding") => list = listed(STANDARD.iter().copied()),
                _ => {}
            }
            let own = entry(document, given, b"Differences").and_then(|list| list.as_array().ok());
            let mut code = 0_i64;
            for one in own.into_iter().flatten() {
                match behind(document, one) {
                    Some(Object::Integer(next)) => code = *next,
                    Some(Object::Name(name)) if (0..256).contains(&code) => {
                        list.extend([Object::Integer(code), Object::Name(name.clone())]);
                        code += 1;
                    }
                    _ => {}
                }
            }
            made.set("Differences", Object::Array(list));
            Some(Object::Dictionary(made))
        }
        _ => None,
    }
}

fn listed<'a>(names: impl Iterator<Item = (u8, &'a str)>) -> Vec<Object> {
    let pair = |(code, name): (u8, &str)| [Object::Integer(i64::from(code)), Object::Name(name.as_bytes().to_vec())];
    names.flat_map(pair).collect()
}

fn differences<'a>(names: impl Iterator<Item = (u8, &'a str)>) -> Dictionary {
    let mut made = Dictionary::new();
    made.set("Differences", Object::Array(listed(names)));
    made
}

/// Where the standard encoding (ISO 32000-1 annex D.2) is another than that of texts in a PDF.
const STANDARD: &[(u8, &str)] = &[
    (0x27, "quoteright"),
    (0x60, "quoteleft"),
    (0xa4, "fraction"),
    (0xa6, "florin"),
    (0xa8, "currency"),
    (0xa9, "quotesingle"),
    (0xaa, "quotedblleft"),
    (0xac, "guilsinglleft"),
    (0xad, "guilsinglright"),
    (0xae, "fi"),
    (0xaf, "fl"),
    (0xb1, "endash"),
    (0xb2, "dagger"),
    (0xb3, "daggerdbl"),
    (0xb4, "periodcentered"),
    (0xb7, "bullet"),
    (0xb8, "quotesinglbase"),
    (0xb9, "quotedblbase"),
    (0xba, "quotedblright"),
    (0xbc, "ellipsis"),
    (0xbd, "perthousand"),
    (0xc1, "grave"),
    (0xc2, "acute"),
    (0xc3, "circumflex"),
    (0xc4, "tilde"),
    (0xc5, "macron"),
    (0xc6, "breve"),
    (0xc7, "dotaccent"),
    (0xc8, "dieresis"),
    (0xca, "ring"),
    (0xcb, "cedilla"),
    (0xcd, "hungarumlaut"),
    (0xce, "ogonek"),
    (0xcf, "caron"),
    (0xd0, "emdash"),
    (0xe1, "AE"),
    (0xe3, "ordfeminine"),
    (0xe8, "Lslash"),
    (0xe9, "Oslash"),
    (0xea, "OE"),
    (0xeb, "ordmasculine"),
    (0xf1, "ae"),
    (0xf5, "dotlessi"),
    (0xf8, "lslash"),
    (0xf9, "oslash"),
    (0xfa, "oe"),
    (0xfb, "germandbls"),
];

/// A font of several octets for a letter, with a table of its letters.
fn composite(document: &Document, font: &Dictionary) -> Dictionary {
    let mut made = Dictionary::new();
    made.set("Subtype", Object::Name(b"Type0".to_vec()));
    made.set("BaseFont", Object::Name(called(document, font).into_bytes()));
    let below = entry(document, font, b"DescendantFonts").and_then(|list| match list {
        Object::Array(list) => list.first().and_then(|first| behind(document, first)),
        other => Some(other),
    });
    let below = below.and_then(|found| found.as_dict().ok());
    let mut descendant = Dictionary::new();
    descendant.set("FontDescriptor", Object::Dictionary(Dictionary::new()));
    let usual = below.and_then(|below| entry(document, below, b"DW")).and_then(number).unwrap_or(1000.0);
    descendant.set("DW", Object::Integer(whole(usual)));
    let widths = below.and_then(|below| entry(document, below, b"W")).and_then(|list| list.as_array().ok());
    descendant.set("W", Object::Array(widths.map(|list| widths_of(document, list)).unwrap_or_default()));
    made.set("DescendantFonts", Object::Array(vec![Object::Dictionary(descendant)]));
    let encoding = stream(document, font, b"Encoding").filter(|found| found.content.len() <= TABLE_MAX);
    let identity = || Object::Name(b"Identity-H".to_vec());
    made.set("Encoding", encoding.map_or_else(identity, |found| Object::Stream(found.clone())));
    if let Some(table) = table(document, font) {
        made.set("ToUnicode", table);
    }
    made
}

#[expect(clippy::cast_possible_truncation, reason = "the width of a letter; what is out of all bounds is cut to them")]
fn whole(number: f32) -> i64 {
    number.clamp(-10_000.0, 10_000.0) as i64
}

/// The widths of a font of several octets: a list behind each first letter, ranges written out.
fn widths_of(document: &Document, list: &[Object]) -> Vec<Object> {
    let (mut made, mut count) = (Vec::new(), 0_usize);
    let mut rest = list.iter().filter_map(|one| behind(document, one));
    while let Some(first) = rest.next().and_then(|first| first.as_i64().ok()) {
        let widths: Vec<Object> = match rest.next() {
            Some(Object::Array(widths)) => {
                let one = |width: &Object| behind(document, width).and_then(number).unwrap_or(1000.0);
                widths.iter().map(|width| Object::Real(one(width))).collect()
            }
            Some(last) => {
                let (last, width) = (last.as_i64().unwrap_or(first), rest.next().and_then(number));
                let many = usize::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or_default();
                vec![Object::Real(width.unwrap_or(1000.0)); many.min(WIDTHS_MAX)]
            }
            None => break,
        };
        count = count.saturating_add(widths.len());
        if count > WIDTHS_MAX || first < 0 {
            break;
        }
        made.extend([Object::Integer(first), Object::Array(widths)]);
    }
    made
}

/// A font whose codes are ours: two octets for each of some letters, which may be any.
pub(super) fn of_letters(letters: &[(u16, char)]) -> Dictionary {
    let mut table = String::from("1 begincodespacerange <0000> <ffff> endcodespacerange\n");
    for some in letters.chunks(100) {
        table.push_str(&format!("{} beginbfchar\n", some.len()));
        for (code, letter) in some {
            let mut units = [0_u16; 2];
            let units: String = letter.encode_utf16(&mut units).iter().map(|unit| format!("{unit:04x}")).collect();
            table.push_str(&format!("<{code:04x}> <{units}>\n"));
        }
        table.push_str("endbfchar\n");
    }
    let mut descendant = Dictionary::new();
    descendant.set("FontDescriptor", Object::Dictionary(Dictionary::new()));
    descendant.set("DW", Object::Integer(1000));
    // Latin letters are half as wide as the others.
    descendant.set("W", Object::Array(vec![Object::Integer(32), Object::Array(vec![Object::Integer(500); 95])]));
    let mut made = Dictionary::new();
    made.set("Subtype", Object::Name(b"Type0".to_vec()));
    made.set("BaseFont", Object::Name(b"Letters".to_vec()));
    made.set("Encoding", Object::Name(b"Identity-H".to_vec()));
    made.set("DescendantFonts", Object::Array(vec![Object::Dictionary(descendant)]));
    made.set("ToUnicode", Object::Stream(Stream::new(Dictionary::new(), table.into_bytes())));
    made
}
