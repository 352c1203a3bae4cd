//! The pages of a PDF taken out of it: with what they inherit, and without anything that a document would run or follow.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lopdf::{Document, Object, ObjectId};

use super::Taken;

/// Dictionaries above a page that are asked for what it inherits.
const DEPTH_MAX: usize = 16;

/// Takes the pages of a PDF, or says why not.
pub(super) fn take(content: &[u8], first: u32) -> Result<Taken, String> {
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
