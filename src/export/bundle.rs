//! One PDF of many documents: a cover that lists them, each with its pages, bookmarks, and a number on every page.
//!
//! PDFs are taken in page by page, texts are set. What cannot be taken in (encrypted, broken, of another kind) is listed on the cover with the
//! reason, never dropped. Nothing that a document would run or follow is carried over.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use lopdf::{Bookmark, Dictionary, Document, Object, ObjectId, Stream, dictionary};

use super::ExportError;
use crate::mail::safe::SafeText;

/// A4, in points.
const PAGE: (f64, f64) = (595.0, 842.0);
/// Columns and lines of a page of text.
const COLUMNS: usize = 84;
const LINES: usize = 56;
/// Lines of the cover for a document, and of its head.
const COVER_LINES: usize = 3;
const HEAD_LINES: usize = 4;
/// Dictionaries above a page that are asked for what it inherits.
const DEPTH_MAX: usize = 16;

/// What a document is.
#[derive(Clone, Debug)]
pub enum Matter {
    /// A PDF.
    Pdf(Vec<u8>),
    /// A text.
    Text(String),
    /// Something that cannot be taken in, and why.
    Other(String),
}

/// A document of the bundle.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its name. Foreign text.
    pub name: String,
    /// A line about it: when, from whom, its digest.
    pub about: String,
    /// Itself.
    pub matter: Matter,
}

/// A line of the cover.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its first page in the bundle; 0 where it has none.
    pub first: usize,
    /// Its last page.
    pub last: usize,
    /// Why it was not taken in.
    pub because: Option<String>,
}

/// Pages of a document, and the objects that they need.
struct Taken {
    objects: BTreeMap<ObjectId, Object>,
    pages: Vec<ObjectId>,
}

/// Makes the bundle; gives its bytes, its pages and what the cover says.
///
/// # Errors
/// It cannot be put together.
pub fn make(title: &str, items: Vec<Item>) -> Result<(Vec<u8>, usize, Vec<Listed>), ExportError> {
    let fail = |why: &dyn std::fmt::Display| ExportError::at("the bundle", why);
    let mut bundle = Document::with_version("1.7");
    let pages_id = bundle.new_object_id();
    let cover_pages = (HEAD_LINES + items.len() * COVER_LINES).div_ceil(LINES).max(1);
    let (mut listed, mut kids, mut marks) = (Vec::new(), Vec::new(), Vec::new());
    let mut abouts = Vec::new();
    for item in items {
        let name = SafeText::line(&item.name).to_string();
        let taken = match item.matter {
            Matter::Pdf(content) => take(&content, bundle.max_id + 1),
            Matter::Text(text) => Ok(set(&lines(&text), bundle.max_id + 1)),
            Matter::Other(because) => Err(because),
        };
        let first = cover_pages + kids.len() + 1;
        abouts.push(item.about);
        match taken {
            Ok(taken) => {
                if let Some(last) = taken.objects.keys().map(|id| id.0).max() {
                    bundle.max_id = bundle.max_id.max(last);
                }
                bundle.objects.extend(taken.objects);
                marks.extend(taken.pages.first().map(|page| (name.clone(), *page)));
                kids.extend(taken.pages);
                listed.push(Listed { name, first, last: cover_pages + kids.len(), because: None });
            }
            Err(because) => listed.push(Listed { name, first: 0, last: 0, because: Some(because) }),
        }
    }
    let cover = set_exactly(&cover(title, &listed, &abouts), cover_pages, bundle.max_id + 1);
    bundle.max_id = cover.objects.keys().map(|id| id.0).max().unwrap_or_default().max(bundle.max_id);
    bundle.objects.extend(cover.objects);
    let mut all = cover.pages;
    marks.insert(0, ("Index".to_owned(), all.first().copied().unwrap_or(pages_id)));
    all.extend(kids);
    let font = bundle.add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" });
    let count = all.len();
    for (place, page) in all.iter().enumerate() {
        stamp(&mut bundle, *page, pages_id, font, &format!("{} / {count}", place + 1)).map_err(|why| fail(&why))?;
    }
    let kids: Vec<Object> = all.iter().map(|id| Object::Reference(*id)).collect();
    let total = i64::try_from(count).unwrap_or(i64::MAX);
    bundle
        .objects
        .insert(pages_id, Object::Dictionary(dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => total }));
    let catalog =
        bundle.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages_id, "PageMode" => "UseOutlines" });
    bundle.trailer.set("Root", catalog);
    for (name, page) in marks {
        bundle.add_bookmark(Bookmark::new(winansi_name(&name), [0.0, 0.0, 0.0], 0, page), None);
    }
    if let Some(outline) = bundle.build_outline()
        && let Ok(Object::Dictionary(root)) = bundle.get_object_mut(catalog)
    {
        root.set("Outlines", Object::Reference(outline));
    }
    bundle.prune_objects();
    bundle.compress();
    let mut bytes = Vec::new();
    bundle.save_to(&mut bytes).map_err(|why| fail(&why))?;
    Ok((bytes, count, listed))
}

fn cover(title: &str, listed: &[Listed], abouts: &[String]) -> Vec<String> {
    let mut text =
        vec![SafeText::line(title).to_string(), "Index of documents".to_owned(), String::new(), String::new()];
    for (place, (one, about)) in listed.iter().zip(abouts).enumerate() {
        let pages = match &one.because {
            Some(because) => format!("NOT INCLUDED: {because}"),
            None if one.first == one.last => format!("page {}", one.first),
            None => format!("pages {}-{}", one.first, one.last),
        };
        for line in
            [format!("{}. {}", place + 1, one.name), format!("   {}", SafeText::line(about)), format!("   {pages}")]
        {
            text.push(line.chars().take(COLUMNS).collect());
        }
    }
    text
}

/// Bookmarks are shown by viewers in an encoding of their own: what is not ASCII is left out rather than garbled.
fn winansi_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
}

/// Text in lines that fit.
fn lines(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for line in SafeText::block(text) {
        let mut rest: Vec<char> = line.as_str().chars().collect();
        while rest.len() > COLUMNS {
            let tail = rest.split_off(COLUMNS);
            all.push(rest.into_iter().collect());
            rest = tail;
        }
        all.push(rest.into_iter().collect());
    }
    all
}

fn set(text: &[String], first: u32) -> Taken {
    set_exactly(text, text.len().div_ceil(LINES).max(1), first)
}

/// Sets lines on so many pages.
fn set_exactly(text: &[String], pages: usize, first: u32) -> Taken {
    let mut id = first;
    let mut next = || {
        let now = (id, 0);
        id += 1;
        now
    };
    let mut taken = Taken { objects: BTreeMap::new(), pages: Vec::new() };
    let font = next();
    let courier = dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier", "Encoding" => "WinAnsiEncoding" };
    taken.objects.insert(font, Object::Dictionary(courier));
    for place in 0..pages {
        let mut content = b"BT /F 10 Tf 13 TL 45 790 Td\n".to_vec();
        for line in text.iter().skip(place * LINES).take(LINES) {
            content.push(b'<');
            content.extend(hex::encode(line.chars().map(latin).collect::<Vec<u8>>()).into_bytes());
            content.extend_from_slice(b"> Tj T*\n");
        }
        content.extend_from_slice(b"ET");
        let (stream, page) = (next(), next());
        taken.objects.insert(stream, Object::Stream(Stream::new(Dictionary::new(), content)));
        let sheet = dictionary! {
            "Type" => "Page",
            "MediaBox" => vec![0.into(), 0.into(), Object::Real(PAGE.0 as f32), Object::Real(PAGE.1 as f32)],
            "Contents" => stream,
            "Resources" => dictionary! { "Font" => dictionary! { "F" => font } },
        };
        taken.objects.insert(page, Object::Dictionary(sheet));
        taken.pages.push(page);
    }
    taken
}

/// The byte of a character in the fonts that every viewer has.
fn latin(c: char) -> u8 {
    match c {
        '\u{2018}' | '\u{2019}' => b'\'',
        '\u{201c}' | '\u{201d}' => b'"',
        '\u{2013}' | '\u{2014}' => b'-',
        '\u{20ac}' => 0x80,
        c => {
            u8::try_from(u32::from(c)).ok().filter(|byte| *byte >= 0x20 && !(0x7f..0xa0).contains(byte)).unwrap_or(b'?')
        }
    }
}

/// Takes the pages of a PDF, or says why not.
fn take(content: &[u8], first: u32) -> Result<Taken, String> {
    // A parser of a large format on foreign bytes: what breaks it costs this document only.
    let read = catch_unwind(AssertUnwindSafe(|| take_pages(content, first)));
    read.unwrap_or_else(|_| Err("it is broken".to_owned()))
}

fn take_pages(content: &[u8], first: u32) -> Result<Taken, String> {
    let mut document =
        Document::load_mem(content).map_err(|_| "it is broken: no PDF can be read from it".to_owned())?;
    if document.is_encrypted() || document.trailer.has(b"Encrypt") {
        return Err("it is encrypted".to_owned());
    }
    document.renumber_objects_with(first);
    let pages: Vec<ObjectId> = document.get_pages().into_values().collect();
    if pages.is_empty() {
        return Err("it is broken: it has no pages".to_owned());
    }
    for page in &pages {
        let mut inherited: Vec<(Vec<u8>, Object)> = Vec::new();
        let mut at = document.get_dictionary(*page).map_err(|_| "it is broken: a page is missing".to_owned())?;
        for _ in 0..DEPTH_MAX {
            for key in [&b"Resources"[..], b"MediaBox", b"CropBox", b"Rotate"] {
                if let Ok(value) = at.get(key)
                    && !inherited.iter().any(|(known, _)| known == key)
                {
                    inherited.push((key.to_vec(), value.clone()));
                }
            }
            let parent = at.get(b"Parent").and_then(Object::as_reference).and_then(|id| document.get_dictionary(id));
            let Ok(parent) = parent else { break };
            at = parent;
        }
        if let Ok(Object::Dictionary(sheet)) = document.get_object_mut(*page) {
            for (key, value) in inherited {
                sheet.set(key, value);
            }
            for key in [&b"Parent"[..], b"AA", b"B", b"StructParents", b"PZ", b"Tabs"] {
                sheet.remove(key);
            }
        }
    }
    for object in document.objects.values_mut() {
        let dictionary = match object {
            Object::Dictionary(dictionary) => dictionary,
            Object::Stream(stream) => &mut stream.dict,
            _ => continue,
        };
        dictionary.remove(b"AA");
        dictionary.remove(b"JS");
        if dictionary.has(b"Subtype") && dictionary.has(b"Rect") {
            for key in [&b"A"[..], b"Dest", b"Parent"] {
                dictionary.remove(key);
            }
        }
    }
    let keep = |object: &Object| {
        let kind = object
            .as_dict()
            .ok()
            .and_then(|dictionary| dictionary.get(b"Type").ok())
            .and_then(|kind| kind.as_name().ok());
        !matches!(kind, Some(b"Catalog" | b"Pages" | b"Outlines" | b"StructTreeRoot"))
    };
    let objects = std::mem::take(&mut document.objects).into_iter().filter(|(_, object)| keep(object)).collect();
    Ok(Taken { objects, pages })
}

/// A dictionary, wherever it stands.
fn resolved(bundle: &Document, object: Option<&Object>) -> Dictionary {
    match object {
        Some(Object::Dictionary(dictionary)) => dictionary.clone(),
        Some(Object::Reference(id)) => bundle.get_dictionary(*id).cloned().unwrap_or_default(),
        _ => Dictionary::new(),
    }
}

/// Writes a page's number below what it holds.
fn stamp(
    bundle: &mut Document,
    page: ObjectId,
    parent: ObjectId,
    font: ObjectId,
    words: &str,
) -> Result<(), lopdf::Error> {
    let sheet = bundle.get_dictionary(page)?.clone();
    let mut resources = resolved(bundle, sheet.get(b"Resources").ok());
    let mut fonts = resolved(bundle, resources.get(b"Font").ok());
    fonts.set("CasemailNumber", Object::Reference(font));
    resources.set("Font", fonts);
    let area = sheet.get(b"CropBox").or_else(|_| sheet.get(b"MediaBox")).ok().cloned();
    let area = match area {
        Some(Object::Reference(id)) => bundle.get_object(id).ok().cloned(),
        other => other,
    };
    let numbers: Vec<f64> = area
        .and_then(|area| {
            area.as_array().ok().map(|all| all.iter().filter_map(|one| one.as_float().ok().map(f64::from)).collect())
        })
        .unwrap_or_default();
    let (left, bottom, right) = match numbers.as_slice() {
        [left, bottom, right, _] => (left.min(*right), *bottom, left.max(*right)),
        _ => (0.0, 0.0, PAGE.0),
    };
    // Helvetica's digits are 0.556 em wide.
    let x = f64::midpoint(left, right) - 0.5 * 0.556 * 9.0 * words.len() as f64;
    let before = bundle.add_object(Stream::new(Dictionary::new(), b"q\n".to_vec()));
    let number =
        format!("\nQ\nq BT 0 g /CasemailNumber 9 Tf 1 0 0 1 {x:.1} {:.1} Tm ({words}) Tj ET Q\n", bottom + 14.0);
    let after = bundle.add_object(Stream::new(Dictionary::new(), number.into_bytes()));
    let mut contents = vec![Object::Reference(before)];
    match sheet.get(b"Contents") {
        Ok(Object::Array(parts)) => contents.extend(parts.iter().cloned()),
        Ok(Object::Reference(id)) => match bundle.get_object(*id) {
            Ok(Object::Array(parts)) => contents.extend(parts.iter().cloned()),
            _ => contents.push(Object::Reference(*id)),
        },
        _ => {}
    }
    contents.push(Object::Reference(after));
    if let Ok(Object::Dictionary(sheet)) = bundle.get_object_mut(page) {
        sheet.set("Type", "Page");
        sheet.set("Parent", Object::Reference(parent));
        sheet.set("Resources", resources);
        sheet.set("Contents", contents);
        if sheet.get(b"MediaBox").is_err() {
            sheet.set("MediaBox", vec![0.into(), 0.into(), 595.into(), 842.into()]);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lopdf::Document;

    use super::{Item, Matter, make};

    fn item(name: &str, matter: Matter) -> Item {
        Item { name: name.into(), about: "2 Mar 2026".into(), matter }
    }

    fn text(words: &str) -> Vec<u8> {
        make("x", vec![item("a", Matter::Text(words.into()))]).unwrap().0
    }

    #[test]
    fn what_cannot_be_taken_in_is_listed_and_the_rest_is_numbered() {
        let inner = text(&"The gnome stood by the pond.\n".repeat(100));
        let items = vec![
            item("MG5.pdf", Matter::Pdf(inner.clone())),
            item("broken.pdf", Matter::Pdf(inner[..inner.len() / 3].to_vec())),
            item("notes.txt", Matter::Text("Only a note (with brackets) \\ and £5.".into())),
            item("video.mp4", Matter::Other("it is neither a PDF nor a text".into())),
        ];
        let (bytes, pages, listed) = make("R v FERRET", items).unwrap();
        assert_eq!((pages, listed[0].first, listed[0].last), (1 + 3 + 1, 2, 4), "{listed:?}");
        assert!(listed[1].because.as_ref().unwrap().contains("broken"), "{listed:?}");
        assert_eq!((listed[2].first, listed[2].last), (5, 5));
        assert!(listed[3].because.is_some());
        let read = Document::load_mem(&bytes).unwrap();
        assert_eq!(read.get_pages().len(), 5);
        let cover = read.extract_text(&[1]).unwrap();
        assert!(cover.contains("NOT INCLUDED") && cover.contains("pages 2-4") && cover.contains("1 / 5"), "{cover}");
        assert!(read.extract_text(&[5]).unwrap().contains("5 / 5"));
        assert_eq!(read.get_toc().unwrap().toc.len(), 3);
    }
}
