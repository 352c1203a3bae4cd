//! A PDF whose table of places is lost or wrong: its objects are looked for, and a table is written behind them. As other readers do it, because mail
//! gateways and web servers cut ends off and put lines behind them.

use std::collections::BTreeMap;

/// Objects that are looked for.
const OBJECTS_MAX: usize = 500_000;

/// The number before a place, and where it begins; blanks between them are passed over.
fn number_before(bytes: &[u8], end: usize) -> Option<(u32, usize)> {
    let before = bytes.get(..end)?;
    let blanks = before.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
    let end = end.checked_sub(blanks)?;
    let digits = bytes.get(..end)?.iter().rev().take(10).take_while(|byte| byte.is_ascii_digit()).count();
    let begin = end.checked_sub(digits)?;
    let number = std::str::from_utf8(bytes.get(begin..end)?).ok()?.parse().ok()?;
    Some((number, begin))
}

/// The file with a new table; `None` where no object or no catalogue is found in it.
pub(super) fn repaired(bytes: &[u8]) -> Option<Vec<u8>> {
    let start = memchr::memmem::find(bytes, b"%PDF-")?;
    let bytes = bytes.get(start..)?;
    // What it is locked with stands where nothing can be found any more.
    if memchr::memmem::find(bytes, b"/Encrypt").is_some() {
        return None;
    }
    // The last of several is the one that holds.
    let mut places: BTreeMap<u32, (usize, u32)> = BTreeMap::new();
    let mut root = None;
    for at in memchr::memmem::find_iter(bytes, b"obj").take(OBJECTS_MAX) {
        let Some((generation, before)) = number_before(bytes, at) else { continue };
        let Some((number, begin)) = number_before(bytes, before).filter(|(_, begin)| *begin < before) else { continue };
        if generation > 65_535 || number == 0 {
            continue;
        }
        places.insert(number, (begin, generation));
        let head = bytes.get(at..bytes.len().min(at + 400)).unwrap_or_default();
        let head = memchr::memmem::find(head, b"endobj").and_then(|end| head.get(..end)).unwrap_or(head);
        if has_catalogue(head) {
            root = Some((number, generation));
        }
    }
    let (root, generation) = root?;
    let mut made = bytes.to_vec();
    made.extend(b"\nendobj\n");
    let table = made.len();
    made.extend(b"xref\n0 1\n0000000000 65535 f \n");
    for (number, (place, generation)) in &places {
        made.extend(format!("{number} 1\n{place:010} {generation:05} n \n").bytes());
    }
    let size = places.keys().next_back().map_or(1, |last| last.saturating_add(1));
    made.extend(format!("trailer\n<</Size {size}/Root {root} {generation} R>>\nstartxref\n{table}\n%%EOF\n").bytes());
    Some(made)
}

fn has_catalogue(head: &[u8]) -> bool {
    memchr::memmem::find_iter(head, b"/Catalog").any(|at| {
        // Not `/CatalogX`.
        !head.get(at + 8).is_some_and(u8::is_ascii_alphanumeric)
    })
}
