//! Packages: what is in them, never unpacked; and the parts of an Office document that hold its text, within bounds.

use std::fmt::Write as _;
use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::{Found, LookError, office};

/// Entries that are listed.
const ENTRIES_MAX: usize = 2_000;
/// Unpacked bytes of one part of an Office document.
const PART_MAX: u64 = 32 << 20;
/// A package that grows more than so many times is called what it is.
const RATIO_MAX: u64 = 200;

/// An open package.
pub(super) type Package<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// Looks into a package: an Office document by its text, anything else as a list.
pub(super) fn look(bytes: &[u8]) -> Result<Found, LookError> {
    let mut package = ZipArchive::new(Cursor::new(bytes))
        .map_err(|_| LookError("it is a package (zip) that is damaged or cut off".to_owned()))?;
    match office::look(&mut package) {
        Some(found) => found,
        None => Ok(list(&mut package)),
    }
}

/// One part, unpacked up to its bound.
pub(super) fn part(package: &mut Package<'_>, name: &str) -> Option<Vec<u8>> {
    let file = package.by_name(name).ok()?;
    let mut content = Vec::new();
    file.take(PART_MAX).read_to_end(&mut content).ok()?;
    Some(content)
}

/// The list of what is in it, from its directory alone: nothing is unpacked.
fn list(package: &mut Package<'_>) -> Found {
    let count = package.len();
    let mut text = String::new();
    let (mut packed, mut unpacked) = (0_u64, 0_u64);
    let (mut locked, mut odd, mut nested) = (0_usize, 0_usize, 0_usize);
    for at in 0..count.min(ENTRIES_MAX) {
        let Ok(file) = package.by_index_raw(at) else {
            text.push_str("(an entry that cannot be read)\n");
            continue;
        };
        packed = packed.saturating_add(file.compressed_size());
        unpacked = unpacked.saturating_add(file.size());
        locked += usize::from(file.encrypted());
        odd += usize::from(file.enclosed_name().is_none());
        let name = file.name().replace(['\n', '\r'], " ");
        let small = name.to_ascii_lowercase();
        nested += usize::from([".zip", ".7z", ".rar", ".gz", ".tar"].iter().any(|end| small.ends_with(end)));
        let mark = if file.encrypted() { " (locked)" } else { "" };
        let _ = writeln!(text, "{:>12}  {name}{mark}", file.size());
    }
    let mut found = Found::text("package (zip)", text).note(format!("{count} entries; nothing was unpacked."));
    if count > ENTRIES_MAX {
        found = found.note(format!("Only the first {ENTRIES_MAX} entries are listed."));
    }
    if packed > 0 && unpacked / packed.max(1) > RATIO_MAX {
        found = found.note(format!(
            "It says that it grows {} times when unpacked: it may be made to fill a disk.",
            unpacked / packed.max(1)
        ));
    }
    if locked > 0 {
        found = found.note(format!("{locked} entries are locked with a password."));
    }
    if odd > 0 {
        found = found.note(format!("{odd} entries have names that lead out of the folder they are unpacked to."));
    }
    if nested > 0 {
        found = found.note(format!("{nested} entries are packages themselves."));
    }
    found
}
