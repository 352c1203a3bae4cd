//! Files as programs of others make them: `tests/data/enclose`.

use std::io::{Cursor, Write as _};

use super::{Grade, Told, inspect, within};
use crate::enclose::Policy;

macro_rules! files {
    ($($name:literal)+) => {
        &[$(($name, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/enclose/", $name)).as_slice())),+]
    };
}

const FILES: &[(&str, &[u8])] = files! {
    "changes.docx"
    "hidden.xlsx"
    "locked.docx"
    "locked.pdf"
    "locked.zip"
    "macro.xlsm"
    "note.odt"
    "notes.pdf"
    "notes.pptx"
    "old.xls"
    "packed.pdf"
    "plain.7z"
    "plain.docx"
    "plain.pdf"
    "plain.zip"
    "programs.zip"
    "script.pdf"
    "sealed.7z"
    "vbaProject.bin"
    "within.zip"
};

fn file(name: &str) -> Vec<u8> {
    FILES.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{name}")).1.to_vec()
}

fn told(name: &str, content: &[u8]) -> Vec<Told> {
    inspect(name, &mut Cursor::new(content), &Policy::default())
}

/// Code and grade of everything that is found, and words that stand in it.
fn check(name: &str, content: &[u8], expected: &[(&str, Grade, &str)]) {
    let told = told(name, content);
    let short: Vec<_> = told.iter().map(|one| (one.code, one.grade)).collect();
    let wanted: Vec<_> = expected.iter().map(|one| (one.0, one.1)).collect();
    assert_eq!(short, wanted, "{name}: {told:#?}");
    for (one, (_, _, words)) in told.iter().zip(expected) {
        assert!(one.found.contains(words), "{name}: {:?} lacks {words:?}", one.found);
    }
}

fn check_file(name: &str, expected: &[(&str, Grade, &str)]) {
    check(name, &file(name), expected);
}

#[test]
fn what_is_harmless_is_not_spoken_of() {
    for name in ["plain.docx", "plain.pdf", "plain.zip"] {
        check_file(name, &[]);
    }
    check("notes.txt", b"MZ is how the text begins, and it goes on for more than sixty-four characters of text.", &[]);
    check("empty.pdf", b"", &[]);
}

#[test]
fn what_a_document_tells_of_its_making_is_named() {
    check_file(
        "changes.docx",
        &[
            ("hidden-content", Grade::Ask, "2 tracked changes, 1 piece of hidden text and 1 comment"),
            ("names-author", Grade::Tell, "author “Tess Inkwell” and last editor “Barnaby Quill”"),
        ],
    );
    check_file(
        "hidden.xlsx",
        &[("hidden-content", Grade::Ask, "1 hidden sheet, 1 comment and 1 hidden row or column")],
    );
    check_file(
        "notes.pptx",
        &[
            ("hidden-content", Grade::Ask, "1 hidden slide and 1 slide with speaker notes"),
            ("names-author", Grade::Tell, "Tess Inkwell"),
        ],
    );
    check_file(
        "note.odt",
        &[("hidden-content", Grade::Ask, "1 comment"), ("names-author", Grade::Tell, "author “Tess Inkwell”")],
    );
    let of_pdf = [
        ("hidden-content", Grade::Ask, "2 comments or marks and 1 file within it"),
        ("names-author", Grade::Tell, "Tess Inkwell"),
    ];
    check_file("notes.pdf", &of_pdf);
    check_file("packed.pdf", &of_pdf);
    check_file("old.xls", &[("hidden-content", Grade::Ask, "1 hidden sheet")]);
}

#[test]
fn macros_are_known_by_the_content_whatever_the_name() {
    check_file("macro.xlsm", &[("macro-file", Grade::Ask, "VBA")]);
    check("harmless.xlsx", &file("macro.xlsm"), &[("macro-file", Grade::Ask, "VBA")]);
    check("harmless.doc", &file("vbaProject.bin"), &[("macro-file", Grade::Ask, "VBA")]);
    check_file("within.zip", &[("macro-file", Grade::Ask, "holds “macro.xlsm”, which has macros")]);
}

#[test]
fn what_is_locked_with_a_password_is_known() {
    for name in ["locked.docx", "locked.pdf", "locked.zip"] {
        check_file(name, &[("locked-file", Grade::Ask, "password")]);
    }
    check_file("sealed.7z", &[("locked-file", Grade::Ask, "7z")]);
    check_file("plain.7z", &[("unread-archive", Grade::Ask, "cannot be seen here")]);
    // Of a file locked by a workbook's own means: the record FilePass behind BOF.
    let mut book = file("old.xls");
    let bof = memchr::memmem::find(&book, &[0x09, 0x08]).unwrap();
    let size = usize::from(book[bof + 2]);
    book[bof + 4 + size..bof + 6 + size].copy_from_slice(&[0x2f, 0x00]);
    check("old.xls", &book, &[("locked-file", Grade::Ask, "Excel")]);
}

/// A RAR archive of version 4: the main head, and one file.
fn rar4(main: u16, file: u16) -> Vec<u8> {
    let mut bytes = b"Rar!\x1a\x07\x00".to_vec();
    bytes.extend([0, 0, 0x73]);
    bytes.extend(main.to_le_bytes());
    bytes.extend(13_u16.to_le_bytes());
    bytes.extend([0; 6]);
    bytes.extend([0, 0, 0x74]);
    bytes.extend((file | 0x8000).to_le_bytes());
    bytes.extend(32_u16.to_le_bytes());
    bytes.extend([0; 25]);
    bytes
}

/// One of version 5: the main head, and a file with extra records.
fn rar5(extra: &[u8]) -> Vec<u8> {
    let mut bytes = b"Rar!\x1a\x07\x01\x00".to_vec();
    bytes.extend([0, 0, 0, 0, 3, 1, 0, 0]);
    let body = [0, 5, 0x20, 0, 0, b'a'];
    bytes.extend([0, 0, 0, 0, u8::try_from(2 + 1 + body.len() + extra.len()).unwrap(), 2, 1]);
    bytes.push(u8::try_from(extra.len()).unwrap());
    bytes.extend(body);
    bytes.extend(extra);
    bytes
}

#[test]
fn rar_is_read_by_its_heads() {
    check("a.rar", &rar4(0, 0), &[("unread-archive", Grade::Ask, "rar")]);
    check("a.rar", &rar4(0x80, 0), &[("locked-file", Grade::Ask, "rar")]);
    check("a.rar", &rar4(0, 4), &[("locked-file", Grade::Ask, "rar")]);
    check("a.rar", &rar5(&[2, 3, 0]), &[("unread-archive", Grade::Ask, "rar")]);
    check("a.rar", &rar5(&[2, 3, 0, 3, 1, 0, 0]), &[("locked-file", Grade::Ask, "rar")]);
    check("a.rar", b"Rar!\x1a\x07\x01\x00\0\0\0\0\x05\x04\0\0\0\0", &[("locked-file", Grade::Ask, "rar")]);
}

#[test]
fn programs_are_known_by_content_and_scripts_by_name() {
    let mut windows = b"MZ\x90\0".to_vec();
    windows.resize(200, 0);
    check("MG5.pdf", &windows, &[("program-file", Grade::Reason, "Windows program, whatever its name")]);
    check("MG5.pdf", b"\x7fELF\x02\x01\x01", &[("program-file", Grade::Reason, "Linux")]);
    check("run", b"#!/bin/sh\nrm -r x\n", &[("program-file", Grade::Reason, "script")]);
    check("statement.js", b"WScript.Echo(1)", &[("program-file", Grade::Reason, "named like")]);
    check_file("programs.zip", &[("program-file", Grade::Reason, "holds “run.js”")]);
    check_file("script.pdf", &[("script-in-pdf", Grade::Ask, "script")]);
}

#[test]
fn damage_is_no_finding_and_no_panic() {
    for name in
        ["changes.docx", "macro.xlsm", "old.xls", "locked.docx", "notes.pdf", "packed.pdf", "sealed.7z", "within.zip"]
    {
        let whole = file(name);
        for cut in (0..whole.len()).step_by(1 + whole.len() / 17) {
            told(name, &whole[..cut]);
            let mut bent = whole.clone();
            for byte in bent.iter_mut().skip(cut).take(5) {
                *byte = !*byte;
            }
            told(name, &bent);
        }
    }
    let bytes: Vec<u8> = rar5(&[3, 1, 0, 0]);
    for cut in 0..bytes.len() {
        told("a.rar", &bytes[..cut]);
    }
}

/// A zip of these files.
fn packed(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn what_unpacks_without_end_is_looked_into_up_to_a_point_and_that_is_said() {
    let look = |content: &[u8], bytes: u64| -> Vec<&'static str> {
        let told = within("deck.pptx", &mut Cursor::new(content), &Policy::default(), bytes);
        told.iter().map(|one| one.code).collect()
    };
    let slide = |number: usize| (format!("ppt/slides/slide{number}.xml"), vec![b' '; 10_000]);
    let mut parts = vec![("[Content_Types].xml".to_owned(), b"<Types/>".to_vec())];
    parts.extend((0..40).map(slide));
    parts.push(("ppt/slides/slide99.xml".into(), br#"<p:sld show="0">"#.to_vec()));
    let deck = packed(&parts);
    assert_eq!(look(&deck, 1 << 20), ["hidden-content"]);
    // Each part is small, and all of them are not.
    assert_eq!(look(&deck, 300_000), ["not-looked-into"]);
    // Documents within an archive have one budget, and so have their parts.
    let many: Vec<_> = (0..8).map(|number| (format!("{number}.pptx"), deck.clone())).collect();
    let archive = packed(&many);
    assert_eq!(look(&archive, 8 << 20), ["hidden-content"; 8]);
    assert_eq!(look(&archive, 1_000_000), ["hidden-content", "hidden-content", "not-looked-into"]);
    // More slides than are counted.
    let many: Vec<_> = (0..2_001).map(|number| (format!("ppt/slides/slide{number}.xml"), Vec::new())).collect();
    let deck = packed(&[&parts[..1], &many].concat());
    assert_eq!(look(&deck, 1 << 20), ["not-looked-into"]);
}
