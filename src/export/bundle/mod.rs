//! One PDF of many documents: a cover that lists them, each with its pages, bookmarks, and a number on every page.
//!
//! PDFs are taken in page by page ([`take`]), texts and messages are set ([`text`]), pictures get a page of their own ([`picture`]). What cannot be
//! taken in (encrypted, broken, of another kind) is listed on the cover with the reason, never dropped. Nothing that a document would run or follow
//! is carried over.

mod balance;
mod bounded;
mod picture;
mod stamp;
mod take;
mod text;

use std::collections::BTreeMap;

use lopdf::{Bookmark, Document, Object, ObjectId, dictionary, text_string};

use super::ExportError;
use crate::mail::safe::SafeText;

/// A4, in points.
const PAGE: (f64, f64) = (595.0, 842.0);

/// What a document is.
#[derive(Clone, Debug)]
pub enum Matter {
    /// A PDF.
    Pdf(Vec<u8>),
    /// A text.
    Text(String),
    /// A picture: JPEG or PNG.
    Picture(Vec<u8>),
    /// A message: its head, as names and values, and its text.
    Mail {
        /// Names and values.
        head: Vec<(String, String)>,
        /// Its text.
        text: String,
    },
    /// Something that cannot be taken in, and why.
    Other(String),
}

impl Matter {
    /// Of bytes that are neither a PDF nor a text: a picture, or something that is listed only.
    #[must_use]
    pub fn of_bytes(content: Vec<u8>, media_type: &str) -> Self {
        if picture::is_one(&content) {
            return Self::Picture(content);
        }
        let office = ["officedocument", "msword", "ms-excel", "ms-powerpoint", "opendocument", "rtf"];
        let what = match media_type {
            kind if office.iter().any(|one| kind.contains(one)) => "it is an office document",
            kind if kind.starts_with("audio/") || kind.starts_with("video/") => "it is a recording",
            kind if kind.starts_with("image/") => "it is a picture that is neither JPEG nor PNG",
            kind if kind.starts_with("message/") => "it is a message within the message",
            _ => "it is neither a PDF, a text nor a picture",
        };
        Self::Other(format!("{what} ({})", SafeText::line(media_type)))
    }
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
    /// What is not shown of it as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Pages of a document, and the objects that they need.
#[derive(Default)]
struct Taken {
    objects: BTreeMap<ObjectId, Object>,
    pages: Vec<ObjectId>,
    layers: Layers,
}

/// Layers of pages (optional content): those that a PDF hides stay hidden.
#[derive(Default)]
struct Layers {
    all: Vec<Object>,
    hidden: Vec<Object>,
}

/// A document made into pages, with what is not shown of it as it is; or why it cannot be.
fn pages_of(name: &str, matter: Matter, first: u32) -> Result<(Taken, Option<String>), String> {
    let set = |lines: Vec<String>| {
        let note = text::note(&lines);
        Ok((text::set(&lines, first), note))
    };
    match matter {
        Matter::Pdf(content) => take::take(&content, first),
        Matter::Text(text) => set(text::lines(&text)),
        Matter::Picture(content) => picture::page(&content, name, first).map(|taken| (taken, None)),
        Matter::Mail { head, text } => set(mail(&head, &text)),
        Matter::Other(because) => Err(because),
    }
}

/// A message in lines: its head first.
fn mail(head: &[(String, String)], text: &str) -> Vec<String> {
    let width = head.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default() + 2;
    let mut lines = Vec::new();
    for (name, value) in head {
        let value = SafeText::line(value);
        for (place, piece) in text::wrapped(value.as_str(), text::COLUMNS - width).into_iter().enumerate() {
            let name = if place == 0 { format!("{name}:") } else { String::new() };
            lines.push(format!("{name:<width$}{piece}"));
        }
    }
    lines.push("-".repeat(text::COLUMNS));
    lines.push(String::new());
    lines.extend(text::lines(text));
    lines
}

/// Makes the bundle; gives its bytes, its pages and what the cover says.
///
/// # Errors
/// It cannot be put together.
pub fn make(title: &str, items: Vec<Item>) -> Result<(Vec<u8>, usize, Vec<Listed>), ExportError> {
    make_watched(title, items, &|| true)
}

/// The same, watched: asked before each document whether anybody still wants it.
///
/// # Errors
/// It cannot be put together, or nobody wants it any more.
pub fn make_watched(
    title: &str,
    items: Vec<Item>,
    is_wanted: &dyn Fn() -> bool,
) -> Result<(Vec<u8>, usize, Vec<Listed>), ExportError> {
    make_weighed(title, items, is_wanted, &mut |_| {})
}

/// Makes a bundle of one PDF and throws it away, for whoever has bounds that may be broken: the few bytes of a PDF can cost any amount of memory and
/// time, in more ways than can be looked for. Gives about how many bytes of memory its objects take.
///
/// # Errors
/// In words: why it would be listed only.
pub fn rehearsed(content: Vec<u8>) -> Result<u64, String> {
    let item = Item { name: String::new(), about: String::new(), matter: Matter::Pdf(content) };
    let mut weight = 0_u64;
    let made = make_weighed("", vec![item], &|| true, &mut |taken| {
        weight = taken.objects.values().map(weight_of).fold(0, u64::saturating_add);
    });
    let (_, _, listed) = made.map_err(|error| error.to_string())?;
    listed.into_iter().find_map(|one| one.because).map_or(Ok(weight), Err)
}

/// About how many bytes of memory an object takes.
fn weight_of(object: &Object) -> u64 {
    let of_dictionary = |dictionary: &lopdf::Dictionary| {
        let entry = |(key, value): (&Vec<u8>, &Object)| (key.len() as u64).saturating_add(weight_of(value));
        dictionary.iter().map(entry).fold(0, u64::saturating_add)
    };
    let within = match object {
        Object::Name(bytes) | Object::String(bytes, _) => bytes.len() as u64,
        Object::Array(list) => list.iter().map(weight_of).fold(0, u64::saturating_add),
        Object::Dictionary(dictionary) => of_dictionary(dictionary),
        Object::Stream(stream) => of_dictionary(&stream.dict).saturating_add(stream.content.len() as u64),
        _ => 0,
    };
    within.saturating_add(size_of::<Object>() as u64)
}

fn make_weighed(
    title: &str,
    items: Vec<Item>,
    is_wanted: &dyn Fn() -> bool,
    weigh: &mut dyn FnMut(&Taken),
) -> Result<(Vec<u8>, usize, Vec<Listed>), ExportError> {
    let fail = |why: &dyn std::fmt::Display| ExportError::at("the bundle", why);
    let mut bundle = Document::with_version("1.7");
    let pages_id = bundle.new_object_id();
    let (mut listed, mut kids, mut marks) = (Vec::new(), Vec::new(), Vec::new());
    let (mut abouts, mut layers) = (Vec::new(), Layers::default());
    for item in items {
        if !is_wanted() {
            return Err(ExportError::Stopped);
        }
        let name = SafeText::line(&item.name).to_string();
        abouts.push(item.about);
        match pages_of(&name, item.matter, bundle.max_id + 1) {
            Ok((taken, note)) => {
                weigh(&taken);
                if let Some(last) = taken.objects.keys().map(|id| id.0).max() {
                    bundle.max_id = bundle.max_id.max(last);
                }
                bundle.objects.extend(taken.objects);
                marks.extend(taken.pages.first().map(|page| (name.clone(), *page)));
                let first = kids.len() + 1;
                kids.extend(taken.pages);
                layers.all.extend(taken.layers.all);
                layers.hidden.extend(taken.layers.hidden);
                listed.push(Listed { name, first, last: kids.len(), because: None, note });
            }
            Err(because) => listed.push(Listed { name, first: 0, last: 0, because: Some(because), note: None }),
        }
    }
    // How long the cover is depends on what it says, and what it says on how long it is: in the numbers of pages only.
    let cover_pages = cover(title, &listed, &abouts).len().div_ceil(text::LINES).max(1);
    for one in listed.iter_mut().filter(|one| one.because.is_none()) {
        (one.first, one.last) = (one.first + cover_pages, one.last + cover_pages);
    }
    let cover = text::set_exactly(&cover(title, &listed, &abouts), cover_pages, bundle.max_id + 1);
    bundle.max_id = cover.objects.keys().map(|id| id.0).max().unwrap_or_default().max(bundle.max_id);
    bundle.objects.extend(cover.objects);
    let mut all = cover.pages;
    marks.insert(0, ("Index".to_owned(), all.first().copied().unwrap_or(pages_id)));
    all.extend(kids);
    let font = bundle.add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" });
    let count = all.len();
    for (place, page) in all.iter().enumerate() {
        if !is_wanted() {
            return Err(ExportError::Stopped);
        }
        stamp::stamp(&mut bundle, *page, pages_id, font, &format!("{} / {count}", place + 1))
            .map_err(|why| fail(&why))?;
    }
    let kids: Vec<Object> = all.iter().map(|id| Object::Reference(*id)).collect();
    let total = i64::try_from(count).unwrap_or(i64::MAX);
    bundle
        .objects
        .insert(pages_id, Object::Dictionary(dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => total }));
    let catalog =
        bundle.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages_id, "PageMode" => "UseOutlines" });
    bundle.trailer.set("Root", catalog);
    if !layers.all.is_empty()
        && let Ok(Object::Dictionary(root)) = bundle.get_object_mut(catalog)
    {
        let shown = dictionary! { "OFF" => layers.hidden, "Order" => Vec::<Object>::new() };
        root.set("OCProperties", dictionary! { "OCGs" => layers.all, "D" => shown });
    }
    let title = SafeText::line(title);
    let about = bundle
        .add_object(dictionary! { "Title" => text_string(title.as_str()), "Producer" => text_string("casemail") });
    bundle.trailer.set("Info", about);
    for (name, page) in marks {
        bundle.add_bookmark(Bookmark::new(name, [0.0, 0.0, 0.0], 0, page), None);
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
    let mut lines =
        vec![SafeText::line(title).to_string(), "Index of documents".to_owned(), String::new(), String::new()];
    for (place, (one, about)) in listed.iter().zip(abouts).enumerate() {
        let pages = match &one.because {
            Some(because) => format!("NOT INCLUDED: {because}"),
            None if one.first == one.last => format!("page {}", one.first),
            None => format!("pages {}-{}", one.first, one.last),
        };
        let named = text::note(std::slice::from_ref(&one.name)).map(|note| format!("in its name {note}"));
        let said = [Some(SafeText::line(about).to_string()), Some(pages), one.note.clone(), named];
        let mut push = |indent: &str, text: &str| {
            for piece in text::wrapped(text, text::COLUMNS - indent.len()) {
                lines.push(format!("{indent}{piece}"));
            }
        };
        push("", &format!("{}. {}", place + 1, one.name));
        said.iter().flatten().filter(|said| !said.is_empty()).for_each(|said| push("   ", said));
    }
    lines
}

#[cfg(test)]
pub(crate) mod tests {
    use lopdf::Document;

    use super::{Item, Matter, make, rehearsed};

    fn item(name: &str, matter: Matter) -> Item {
        Item { name: name.into(), about: "2 Mar 2026".into(), matter }
    }

    fn text(words: &str) -> Vec<u8> {
        make("x", vec![item("a", Matter::Text(words.into()))]).unwrap().0
    }

    /// All that a PDF says.
    pub(crate) fn text_of(pdf: &[u8]) -> String {
        let read = lopdf::Document::load_mem(pdf).unwrap();
        read.extract_text(&read.get_pages().into_keys().collect::<Vec<_>>()).unwrap()
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

    #[test]
    fn messages_have_a_head_and_names_are_spelled() {
        let head = vec![("From".to_owned(), "a@b.example".to_owned()), ("Subject".to_owned(), "Gnöme ".repeat(30))];
        let items = vec![
            item("Gnöme 日.eml", Matter::Mail { head, text: "The gnome stood 日 by the pond.\n".repeat(70) }),
            item(&"long name ".repeat(40), Matter::Other("it is a recording".into())),
        ];
        let (bytes, pages, listed) = make("R v FERRET", items).unwrap();
        assert_eq!((pages, listed[0].first, listed[0].last), (3, 2, 3));
        assert!(listed[0].note.as_ref().unwrap().starts_with("70 characters"), "{listed:?}");
        let read = Document::load_mem(&bytes).unwrap();
        let first = read.extract_text(&[2]).unwrap();
        assert!(first.contains("a@b.example") && first.contains("The gnome stood"), "{first}");
        let cover = read.extract_text(&[1]).unwrap();
        assert!(cover.contains("shown as ?") && cover.contains("recording"), "{cover}");
        let titles: Vec<String> = read
            .objects
            .values()
            .filter_map(|object| object.as_dict().ok()?.get(b"Title").ok())
            .map(|title| lopdf::decode_text_string(title).unwrap())
            .collect();
        assert!(titles.contains(&"Gnöme 日.eml".to_owned()), "{titles:?}");
    }

    #[test]
    fn what_is_nested_without_end_costs_itself_only() {
        let mut pdf = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R/X ".to_vec();
        pdf.extend(b"[".repeat(20_000));
        pdf.extend(b"]".repeat(20_000));
        pdf.extend(b">>\nendobj\n2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\nendobj\nxref\n0 1\n0000000000 65535 f \ntrailer\n<</Root 1 0 R/Size 3>>\nstartxref\n");
        let at = pdf.windows(4).position(|four| four == b"xref").unwrap();
        pdf.extend(format!("{at}\n%%EOF\n").into_bytes());
        let (_, pages, listed) =
            make("x", vec![item("deep.pdf", Matter::Pdf(pdf)), item("a", Matter::Text("x".into()))]).unwrap();
        assert_eq!(pages, 2);
        assert!(listed[0].because.is_some() && listed[1].because.is_none(), "{listed:?}");
    }

    #[test]
    fn a_rehearsal_says_what_a_pdf_weighs_or_why_it_is_listed_only() {
        let (small, large) = (text("The gnome."), text(&"The gnome stood by the pond.\n".repeat(1_000)));
        let (few, many) = (rehearsed(small.clone()).unwrap(), rehearsed(large).unwrap());
        assert!(few > 500 && many > 4 * few, "{few} {many}");
        assert!(rehearsed(small[..small.len() / 3].to_vec()).unwrap_err().contains("broken"));
    }

    #[test]
    fn the_same_documents_make_the_same_bundle() {
        let once = || make("x", vec![item("a", Matter::Text("x".into()))]).unwrap().0;
        assert_eq!(once(), once());
    }
}
