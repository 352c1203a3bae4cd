//! File names for attachments, made from what a sender wrote.
//!
//! The name that is shown is the name that is written. It holds no path, is not hidden, is no option of a command, is no device of Windows, and
//! its true extension is in sight. It never decides *where* a file goes: that is for whoever creates it.

use unicode_segmentation::UnicodeSegmentation;

use super::safe::SafeText;

/// Bytes of a name: short enough for every file system with a counter and a directory around it.
const NAME_MAX: usize = 120;
/// Bytes of an extension that is kept when a long name is cut.
const EXTENSION_MAX: usize = 16;

/// A file name from a foreign one: no path, nothing hidden, nothing reserved, at most 120 bytes, the extension kept.
#[must_use]
pub fn file_name(foreign: &str) -> String {
    let base = foreign.rsplit(['/', '\\']).find(|piece| !piece.trim().is_empty()).unwrap_or_default();
    // Control characters would show as `^[`, which is no clearer in a file name than an underscore.
    let base: String = base.chars().map(|c| if c.is_control() { '_' } else { c }).collect();
    let mut name = String::with_capacity(base.len());
    for c in SafeText::line(&base).as_str().chars() {
        match c {
            // A stream of NTFS, a wildcard, a quote of a shell, a path after a second decoding.
            '<' | '>' | ':' | '"' | '|' | '?' | '*' | '/' | '\\' => name.push('_'),
            // Runs of spaces push the extension out of sight.
            ' ' if name.ends_with(' ') => {}
            // Other scripts' slashes and dots stay: they are letters to a file system.
            c => name.push(c),
        }
    }
    let name = name.trim_start_matches(['.', '-', '~', ' ']).trim_end_matches(['.', ' ']);
    let name = cut(name);
    match name.as_str() {
        "" => "unnamed".to_owned(),
        name if is_device(name) => format!("_{name}"),
        name => name.to_owned(),
    }
}

/// Cuts a long name between graphemes, keeping the extension.
fn cut(name: &str) -> String {
    // One byte is kept for the underscore before a device's name.
    let most = NAME_MAX - 1;
    if name.len() <= most {
        return name.to_owned();
    }
    let extension = name.rfind('.').and_then(|at| name.get(at..)).filter(|extension| extension.len() <= EXTENSION_MAX);
    let extension = extension.unwrap_or_default();
    let stem = name.strip_suffix(extension).unwrap_or(name);
    let mut short = String::new();
    for grapheme in stem.graphemes(true) {
        if short.len() + grapheme.len() + extension.len() > most {
            break;
        }
        short.push_str(grapheme);
    }
    short.truncate(short.trim_end_matches(['.', ' ']).len());
    short.push_str(extension);
    short
}

/// The devices of Windows, which are devices with every extension and in every directory.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let numbered = |prefix: &str| {
        let digit = stem.strip_prefix(prefix).map(|rest| rest.chars().collect::<Vec<_>>());
        matches!(digit.as_deref(), Some(['0'..='9' | '¹' | '²' | '³']))
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$")
        || numbered("COM")
        || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{NAME_MAX, file_name};

    #[test]
    fn names_are_disarmed() {
        let check = |foreign: &str, expected: &str| assert_eq!(file_name(foreign), expected, "{foreign:?}");
        check("MG5.pdf", "MG5.pdf");
        check("MG11 P BADGER.pdf", "MG11 P BADGER.pdf");
        check("../../SDC\u{202e}fdp.exe", "SDC[U+202E]fdp.exe");
        check("/etc/passwd", "passwd");
        check("C:\\Windows\\evil.dll", "evil.dll");
        check("C:evil.dll", "C_evil.dll");
        check("a.txt:stream", "a.txt_stream");
        check("..", "unnamed");
        check("", "unnamed");
        check("dir/", "dir");
        check("   ", "unnamed");
        check(".bashrc", "bashrc");
        check("-rf", "rf");
        check("--help .pdf", "help .pdf");
        check("note.pdf.", "note.pdf");
        check("note.pdf . .", "note.pdf");
        check("con", "_con");
        check("CON.pdf", "_CON.pdf");
        check("nul .txt", "_nul .txt");
        check("com1.txt", "_com1.txt");
        check("LPT².doc", "_LPT².doc");
        check("console.log", "console.log");
        check("a\0b\nc\u{1b}d", "a_b_c_d");
        check("a\u{200b}.pdf", "a[U+200B].pdf");
        check("gnome.pdf                    .exe", "gnome.pdf .exe");
        check("x<y>?*|\"z", "x_y_____z");
        check("%2e%2e%2fx", "%2e%2e%2fx");
    }

    #[test]
    fn long_names_keep_their_extension() {
        let name = file_name(&format!("{}.pdf", "Ö".repeat(5_000)));
        assert!(name.ends_with("Ö.pdf") && name.len() <= NAME_MAX, "{name}");
        let name = file_name(&format!("a.{}", "b".repeat(5_000)));
        assert!(name.starts_with("a.b") && name.len() <= NAME_MAX);
    }

    proptest! {
        #[test]
        fn every_name_is_one_harmless_piece(foreign in proptest::collection::vec(any::<char>(), 0..200)) {
            let foreign: String = foreign.into_iter().collect();
            let name = file_name(&foreign);
            prop_assert!(!name.is_empty() && name.len() <= NAME_MAX, "{name:?}");
            prop_assert!(!name.contains(['/', '\\', '\0', ':']) && !name.chars().any(char::is_control), "{name:?}");
            prop_assert!(!name.starts_with(['.', '-', ' ']) && !name.ends_with(['.', ' ']), "{name:?}");
            prop_assert_eq!(file_name(&name), name);
        }
    }
}
