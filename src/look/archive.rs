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

/// One part, unpacked up to its bound; and whether there is more of it.
pub(super) fn part(package: &mut Package<'_>, name: &str) -> Option<(Vec<u8>, bool)> {
    let file = package.by_name(name).ok()?;
    let mut content = Vec::new();
    file.take(PART_MAX + 1).read_to_end(&mut content).ok()?;
    let is_cut = content.len() as u64 > PART_MAX;
    content.truncate(usize::try_from(PART_MAX).unwrap_or(usize::MAX));
    Some((content, is_cut))
}

/// Whether a name, unpacked as it is, leads somewhere else: from the root, up, to another drive.
fn leads_out(name: &str) -> bool {
    let has_drive = name.as_bytes().get(1) == Some(&b':');
    has_drive || name.starts_with(['/', '\\']) || name.split(['/', '\\']).any(|piece| piece == "..")
}

/// The list of what is in it, from its directory alone: nothing is unpacked.
fn list(package: &mut Package<'_>) -> Found {
    let count = package.len();
    let mut text = String::new();
    let (mut packed, mut unpacked) = (0_u64, 0_u64);
    let (mut locked, mut odd, mut nested, mut programs) = (0_usize, 0_usize, 0_usize, 0_usize);
    for at in 0..count.min(ENTRIES_MAX) {
        let Ok(file) = package.by_index_raw(at) else {
            text.push_str("(an entry that cannot be read)\n");
            continue;
        };
        packed = packed.saturating_add(file.compressed_size());
        unpacked = unpacked.saturating_add(file.size());
        locked += usize::from(file.encrypted());
        odd += usize::from(leads_out(file.name()));
        let name = file.name().replace(['\n', '\r'], " ");
        let small = name.to_ascii_lowercase();
        nested += usize::from([".zip", ".7z", ".rar", ".gz", ".tar"].iter().any(|end| small.ends_with(end)));
        programs += usize::from(crate::mail::safe::is_program(&small));
        let mark = if file.encrypted() { " (locked)" } else { "" };
        let _ = writeln!(text, "{:>12}  {name}{mark}", file.size());
    }
    let mut found = Found::text("package (zip)", text).note(match count {
        1 => "One entry; nothing was unpacked.".to_owned(),
        _ => format!("{count} entries; nothing was unpacked."),
    });
    if count > ENTRIES_MAX {
        found = found.note(format!("Only the first {ENTRIES_MAX} entries are listed."));
    }
    if packed > 0 && unpacked / packed.max(1) > RATIO_MAX {
        found = found.note(format!(
            "It says that it grows {} times when unpacked: it may be made to fill a disk.",
            unpacked / packed.max(1)
        ));
    }
    let some = [
        (locked, "Locked with a password"),
        (odd, "With a name that would lead out of the folder that it is unpacked to"),
        (nested, "Packages themselves"),
        (programs, "Programs, by their names"),
    ];
    for (number, what) in some.into_iter().filter(|(number, _)| *number > 0) {
        found = found.note(format!("{what}: {number}."));
    }
    found
}
