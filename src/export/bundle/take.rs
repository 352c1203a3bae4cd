//! The pages of a PDF taken out of it: with what they inherit, and without anything that a document would run or follow.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use lopdf::{Dictionary, Document, Object, ObjectId};

use super::{Layers, Taken};

/// What a note on a page leads to, runs or plays, and files that it holds.
const LEADS_ON: [&[u8]; 10] =
    [b"A", b"PA", b"Dest", b"Parent", b"FS", b"Sound", b"Movie", b"RichMediaContent", b"RichMediaSettings", b"3DD"];
/// Dictionaries above a page that are asked for what it inherits.
const DEPTH_MAX: usize = 16;

/// Takes the pages of a PDF, with what is not on them; or says why not. What it costs is not bounded here: see [`super::rehearsed`].
pub(super) fn take(content: &[u8], first: u32) -> Result<(Taken, Option<String>), String> {
    // Readers look for the end within the last of the bytes, and some programs write more behind it.
    let end = memchr::memmem::rfind(content, b"%%EOF").map_or(content.len(), |at| at + b"%%EOF".len());
    let content = content.get(..end).unwrap_or(content);
    // A parser of a large format on foreign bytes: what breaks it costs this document only.
    let read = catch_unwind(AssertUnwindSafe(|| take_pages(content, first)));
    read.unwrap_or_else(|_| Err("it is broken".to_owned()))
}

/// A dictionary in another one, wherever it stands.
fn within<'d>(document: &'d Document, dictionary: &'d Dictionary, key: &[u8]) -> Option<&'d Dictionary> {
    let value = dictionary.get(key).ok()?;
    document.dereference(value).ok().and_then(|(_, found)| found.as_dict().ok())
}

/// A list in a dictionary, wherever it stands.
fn list(document: &Document, dictionary: &Dictionary, key: &[u8]) -> Vec<Object> {
    let value = dictionary.get(key).ok().and_then(|value| document.dereference(value).ok());
    value.and_then(|(_, found)| found.as_array().ok().cloned()).unwrap_or_default()
}

/// The layers of a PDF, as it shows them when it is opened.
fn layers(document: &Document, catalog: &Dictionary) -> Layers {
    let Some(properties) = within(document, catalog, b"OCProperties") else { return Layers::default() };
    let all = list(document, properties, b"OCGs");
    let Some(shown) = within(document, properties, b"D") else { return Layers { all, hidden: Vec::new() } };
    let is_off = shown.get(b"BaseState").and_then(Object::as_name).is_ok_and(|state| state == b"OFF");
    let (on, off) = (list(document, shown, b"ON"), list(document, shown, b"OFF"));
    let is_hidden = |layer: &&Object| off.contains(layer) || (is_off && !on.contains(layer));
    let hidden = all.iter().filter(is_hidden).cloned().collect();
    Layers { all, hidden }
}

/// What of a PDF is not on its pages, in words.
fn note(document: &Document, catalog: &Dictionary) -> Option<String> {
    let dictionaries = || document.objects.values().filter_map(|object| object.as_dict().ok());
    let is =
        |one: &Dictionary, key: &[u8], name: &[u8]| one.get(key).and_then(Object::as_name).is_ok_and(|is| is == name);
    let named = dictionaries().filter(|one| one.has(b"EF")).count();
    let streams = document.objects.values().filter_map(|object| object.as_stream().ok());
    let held = streams.filter(|one| is(&one.dict, b"Type", b"EmbeddedFile")).count();
    let files = named.max(held).max(usize::from(catalog.has(b"Collection")));
    let form = within(document, catalog, b"AcroForm");
    let is_dynamic = form.is_some_and(|form| form.has(b"XFA"));
    let value = |field: &Dictionary| {
        let own = field.get(b"V").ok().or_else(|| within(document, field, b"Parent")?.get(b"V").ok());
        own.and_then(|value| document.dereference(value).ok()).is_some_and(|(_, value)| match value {
            Object::String(text, _) => !text.is_empty(),
            Object::Name(name) => name != b"Off",
            _ => false,
        })
    };
    let is_bare = |one: &&Dictionary| is(one, b"Subtype", b"Widget") && !one.has(b"AP") && value(one);
    let bare = dictionaries().filter(is_bare).count();
    let (one, many) = ("file is", "files are");
    let said = [
        (files > 0)
            .then(|| format!("{files} {} attached within it and not taken in", if files == 1 { one } else { many })),
        is_dynamic
            .then(|| "it is a form of Adobe's own kind (XFA): what was filled in may not be on its pages".to_owned()),
        (bare > 0).then(|| format!("{bare} of the filled-in fields of its form may not be shown by every program")),
    ];
    let said: Vec<String> = said.into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// Takes away what a document would run, play or follow, and files that it holds, however deep that lies.
fn disarm(object: &mut Object) {
    let dictionary = match object {
        Object::Dictionary(dictionary) => dictionary,
        Object::Stream(stream) => &mut stream.dict,
        Object::Array(list) => return list.iter_mut().for_each(disarm),
        _ => return,
    };
    for key in [&b"AA"[..], b"JS", b"EF"] {
        dictionary.remove(key);
    }
    if dictionary.has(b"Subtype") && dictionary.has(b"Rect") {
        for key in LEADS_ON {
            dictionary.remove(key);
        }
    }
    dictionary.iter_mut().for_each(|(_, value)| disarm(value));
}

fn take_pages(content: &[u8], first: u32) -> Result<(Taken, Option<String>), String> {
    let mut document =
        Document::load_mem(content).map_err(|_| "it is broken: no PDF can be read from it".to_owned())?;
    if document.is_encrypted() || document.trailer.has(b"Encrypt") {
        return Err("it is encrypted".to_owned());
    }
    document.renumber_objects_with(first);
    let catalog = document.catalog().cloned().unwrap_or_default();
    let (layers, note) = (layers(&document, &catalog), note(&document, &catalog));
    let mut pages: Vec<ObjectId> = document.get_pages().into_values().collect();
    if pages.is_empty() {
        return Err("it is broken: it has no pages".to_owned());
    }
    // A page that stands in a PDF twice has two numbers.
    let mut known = HashSet::new();
    for page in &mut pages {
        if !known.insert(*page)
            && let Ok(twin) = document.get_object(*page).cloned()
        {
            *page = document.add_object(twin);
        }
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
        // What is nothing without what it leads to.
        let is_kept = |note: &Object| {
            let note = document.dereference(note).ok().and_then(|(_, note)| note.as_dict().ok());
            let kind = note.and_then(|note| note.get(b"Subtype").ok()).and_then(|kind| kind.as_name().ok());
            !matches!(kind, Some(b"FileAttachment" | b"Screen" | b"Movie" | b"Sound" | b"RichMedia" | b"3D"))
        };
        let notes = document.get_dictionary(*page).map(|sheet| list(&document, sheet, b"Annots")).unwrap_or_default();
        let notes: Vec<Object> = notes.into_iter().filter(is_kept).collect();
        if let Ok(Object::Dictionary(sheet)) = document.get_object_mut(*page) {
            sheet.remove(b"Annots");
            if !notes.is_empty() {
                sheet.set("Annots", notes);
            }
            for (key, value) in inherited {
                sheet.set(key, value);
            }
            for key in [&b"Parent"[..], b"AA", b"B", b"StructParents", b"PZ", b"Tabs", b"AF"] {
                sheet.remove(key);
            }
        }
    }
    document.objects.values_mut().for_each(disarm);
    let keep = |object: &Object| {
        let kind = object
            .as_dict()
            .ok()
            .and_then(|dictionary| dictionary.get(b"Type").ok())
            .and_then(|kind| kind.as_name().ok());
        !matches!(kind, Some(b"Catalog" | b"Pages" | b"Outlines" | b"StructTreeRoot"))
    };
    let objects = std::mem::take(&mut document.objects).into_iter().filter(|(_, object)| keep(object)).collect();
    Ok((Taken { objects, pages, layers }, note))
}

#[cfg(test)]
mod tests {
    use lopdf::{Document, Object, ObjectId, Stream, dictionary};

    use super::super::{Item, Matter, make};

    /// A PDF with these pages and this catalog, and whatever else is put into it.
    fn pdf(more: impl Fn(&mut Document, ObjectId) -> (Vec<lopdf::Dictionary>, lopdf::Dictionary)) -> Vec<u8> {
        let mut made = Document::with_version("1.7");
        let parent = made.new_object_id();
        let (pages, mut catalog) = more(&mut made, parent);
        let mut kids: Vec<Object> = Vec::new();
        for mut page in pages {
            page.set("Type", "Page");
            page.set("Parent", parent);
            if !page.has(b"MediaBox") {
                page.set("MediaBox", vec![0.into(), 0.into(), 200.into(), 100.into()]);
            }
            kids.push(made.add_object(page).into());
        }
        if catalog.has(b"Twice") {
            kids.push(kids[0].clone());
        }
        let count = i64::try_from(kids.len()).unwrap();
        made.set_object(parent, dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count });
        catalog.set("Type", "Catalog");
        catalog.set("Pages", parent);
        let root = made.add_object(catalog);
        made.trailer.set("Root", root);
        let mut bytes = Vec::new();
        made.save_to(&mut bytes).unwrap();
        bytes
    }

    fn bundled(content: Vec<u8>) -> (Document, super::super::Listed, String) {
        let item = Item { name: "a.pdf".into(), about: String::new(), matter: Matter::Pdf(content) };
        let (bytes, _, mut listed) = make("x", vec![item]).unwrap();
        let mut read = Document::load_mem(&bytes).unwrap();
        read.decompress();
        let mut text = Vec::new();
        read.clone().save_to(&mut text).unwrap();
        (read, listed.remove(0), String::from_utf8_lossy(&text).into_owned())
    }

    fn content(read: &Document, page: u32) -> String {
        String::from_utf8(read.get_page_content(read.get_pages()[&page]).unwrap()).unwrap()
    }

    #[test]
    fn the_number_is_upright_at_the_foot_however_a_page_is_turned() {
        let turned = [0, 90, 180, 270, -90, 450];
        let made = pdf(|_, _| (turned.map(|turn| dictionary! { "Rotate" => turn }).to_vec(), dictionary! {}));
        let (read, ..) = bundled(made);
        // Of a page of 200 to 100 points.
        for (page, expected) in (2_u32..).zip([
            "1 0 0 1 87.5 14.0 Tm (2 / 7)",
            "0 1 -1 0 186.0 37.5 Tm (3 / 7)",
            "-1 0 0 -1 112.5 86.0 Tm (4 / 7)",
            "0 -1 1 0 14.0 62.5 Tm (5 / 7)",
            "0 -1 1 0 14.0 62.5 Tm (6 / 7)",
            "0 1 -1 0 186.0 37.5 Tm (7 / 7)",
        ]) {
            let content = content(&read, page);
            assert!(content.contains(expected), "{page}: {content}");
        }
    }

    #[test]
    fn a_page_that_stands_there_twice_has_two_numbers_and_states_are_taken_back() {
        let made = pdf(|made, _| {
            let open = made.add_object(Stream::new(dictionary! {}, b"q 0.1 0 0 0.1 0 0 cm q".to_vec()));
            (vec![dictionary! { "Contents" => open }], dictionary! { "Twice" => true })
        });
        let (read, listed, _) = bundled(made);
        assert_eq!((listed.first, listed.last), (2, 3));
        let (one, two) = (content(&read, 2), content(&read, 3));
        assert!(one.contains("(2 / 3)") && !one.contains("(3 / 3)") && two.contains("(3 / 3)"), "{one}{two}");
        assert_eq!(one.split_whitespace().filter(|word| *word == "Q").count(), 4, "{one}");
    }

    #[test]
    fn nothing_is_followed_and_what_is_not_on_the_pages_is_told() {
        let made = pdf(|made, _| {
            let held = made.add_object(Stream::new(dictionary! { "Type" => "EmbeddedFile" }, b"held within".to_vec()));
            let file = made.add_object(dictionary! { "Type" => "Filespec", "EF" => dictionary! { "F" => held } });
            let link = |key: &str| {
                let mut link = dictionary! { "Type" => "Annot", "Subtype" => "Link", "Rect" => vec![0.into(); 4] };
                link.set(key, dictionary! { "S" => "URI", "URI" => Object::string_literal("http://evil.example/") });
                Object::Dictionary(link)
            };
            let clip = dictionary! { "Subtype" => "FileAttachment", "Rect" => vec![0.into(); 4], "FS" => file };
            let field = dictionary! { "Subtype" => "Widget", "Rect" => vec![0.into(); 4], "V" => Object::string_literal("guilty") };
            let notes = vec![link("A"), link("PA"), made.add_object(clip).into(), made.add_object(field).into()];
            let form = dictionary! { "XFA" => Object::string_literal("x") };
            (vec![dictionary! { "Annots" => notes }], dictionary! { "AcroForm" => form })
        });
        let (_, listed, text) = bundled(made);
        assert!(!text.contains("evil.example") && !text.contains("held within"), "{text}");
        let note = listed.note.unwrap();
        for words in ["1 file is attached within it", "XFA", "1 of the filled-in fields"] {
            assert!(note.contains(words), "{note}");
        }
    }

    #[test]
    fn layers_that_are_hidden_stay_so() {
        let made = pdf(|made, _| {
            let [one, two] = ["one", "two"]
                .map(|name| made.add_object(dictionary! { "Type" => "OCG", "Name" => Object::string_literal(name) }));
            let of_page = dictionary! { "Properties" => dictionary! { "A" => one, "B" => two } };
            let shown = dictionary! { "BaseState" => "OFF", "ON" => vec![one.into()] };
            let layers = dictionary! { "OCGs" => vec![one.into(), two.into()], "D" => shown };
            (vec![dictionary! { "Resources" => of_page }], dictionary! { "OCProperties" => layers })
        });
        let (read, ..) = bundled(made);
        let layers = read.catalog().unwrap().get(b"OCProperties").unwrap().as_dict().unwrap();
        let hidden = layers.get(b"D").unwrap().as_dict().unwrap().get(b"OFF").unwrap().as_array().unwrap();
        assert_eq!((layers.get(b"OCGs").unwrap().as_array().unwrap().len(), hidden.len()), (2, 1));
        let hidden = read.get_dictionary(hidden[0].as_reference().unwrap()).unwrap();
        assert_eq!(hidden.get(b"Name").unwrap().as_str().unwrap(), b"two");
    }

    #[test]
    fn what_stands_behind_the_end_breaks_nothing() {
        let mut made = pdf(|_, _| (vec![dictionary! {}], dictionary! {}));
        made.extend(vec![0; 10_000]);
        assert_eq!(bundled(made).1.because, None);
    }
}
