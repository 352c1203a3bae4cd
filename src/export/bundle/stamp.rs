//! A number on every page.

use lopdf::{Dictionary, Document, Object, ObjectId, Stream};

use super::{PAGE, balance};

/// Of the number, and how far it stands above the foot of its page: points.
const SIZE: f64 = 9.0;
const FOOT: f64 = 14.0;

/// A dictionary, wherever it stands.
fn resolved(bundle: &Document, object: Option<&Object>) -> Dictionary {
    match object {
        Some(Object::Dictionary(dictionary)) => dictionary.clone(),
        Some(Object::Reference(id)) => bundle.get_dictionary(*id).cloned().unwrap_or_default(),
        _ => Dictionary::new(),
    }
}

/// The streams of a page's content.
fn streams(bundle: &Document, sheet: &Dictionary) -> Vec<Object> {
    match sheet.get(b"Contents") {
        Ok(Object::Array(parts)) => parts.clone(),
        Ok(Object::Reference(id)) => match bundle.get_object(*id) {
            Ok(Object::Array(parts)) => parts.clone(),
            _ => vec![Object::Reference(*id)],
        },
        _ => Vec::new(),
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
    let (left, bottom, right, top) = match numbers.as_slice() {
        [left, bottom, right, top] => (left.min(*right), bottom.min(*top), left.max(*right), bottom.max(*top)),
        _ => (0.0, 0.0, PAGE.0, PAGE.1),
    };
    let turned = match sheet.get(b"Rotate") {
        Ok(Object::Reference(id)) => bundle.get_object(*id).and_then(Object::as_i64),
        Ok(turned) => turned.as_i64(),
        Err(why) => Err(why),
    };
    // Helvetica's digits are 0.556 em wide.
    let half = 0.5 * 0.556 * SIZE * words.len() as f64;
    let (across, up) = (f64::midpoint(left, right), f64::midpoint(bottom, top));
    // Upright at the foot of the page as it is shown, however it is turned for that.
    let (turn, x, y) = match turned.unwrap_or_default().rem_euclid(360) {
        90 => ("0 1 -1 0", right - FOOT, up - half),
        180 => ("-1 0 0 -1", across + half, top - FOOT),
        270 => ("0 -1 1 0", left + FOOT, up + half),
        _ => ("1 0 0 1", across - half, bottom + FOOT),
    };
    let streams = streams(bundle, &sheet);
    let ids: Vec<ObjectId> = streams.iter().filter_map(|one| one.as_reference().ok()).collect();
    let balance = balance::of_page(bundle, &ids);
    let before = bundle.add_object(Stream::new(Dictionary::new(), "q\n".repeat(balance.before).into_bytes()));
    let number = format!(
        "\n{}q BT 0 g /CasemailNumber {SIZE} Tf {turn} {x:.1} {y:.1} Tm ({words}) Tj ET Q\n",
        "Q\n".repeat(balance.after)
    );
    let after = bundle.add_object(Stream::new(Dictionary::new(), number.into_bytes()));
    let mut contents = vec![Object::Reference(before)];
    contents.extend(streams);
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
