//! A number on every page.

use lopdf::{Dictionary, Document, Object, ObjectId, Stream};

use super::PAGE;

/// A dictionary, wherever it stands.
fn resolved(bundle: &Document, object: Option<&Object>) -> Dictionary {
    match object {
        Some(Object::Dictionary(dictionary)) => dictionary.clone(),
        Some(Object::Reference(id)) => bundle.get_dictionary(*id).cloned().unwrap_or_default(),
        _ => Dictionary::new(),
    }
}

/// Writes a page's number below what it holds.
pub(super) fn stamp(
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
