//! Packages well made, packages within packages, and packages that lie.

use proptest::prelude::*;

#[path = "../../../tests/it/support/winmail.rs"]
mod winmail;

use self::winmail::{HEAD, Held, attribute, file, message, package, properties};
use super::{DEPTH_MAX, FILES_MAX, Packed, read};
use crate::look::{Asked, look};

/// Path, name and bytes of each file.
fn listed<'a>(packed: &'a Packed<'a>) -> Vec<(&'a str, &'a str, &'a [u8])> {
    packed.files.iter().map(|file| (file.path.as_str(), file.name.as_str(), file.content)).collect()
}

#[test]
fn files_have_their_long_names_and_their_own_bytes() {
    let whole = package(
        "IDPC",
        "Please find attached.",
        &[file("MG5~1.PDF", "MG5 Ferret \u{e9}.pdf", b"%PDF-1.4"), file("MG11.PDF", "", b""), file("", "", b"xyz")],
    );
    let packed = read(&whole).unwrap();
    assert_eq!((packed.subject.as_str(), packed.body.as_str()), ("IDPC", "Please find attached."));
    let expected: [(&str, &str, &[u8]); 3] =
        [("1", "MG5 Ferret \u{e9}.pdf", b"%PDF-1.4"), ("2", "MG11.PDF", b""), ("3", "file-3.bin", b"xyz")];
    assert_eq!(listed(&packed), expected);
    assert_eq!(packed.files[0].media_type, "application/pdf");
    assert!(!packed.damaged && !packed.more);
    let told = look(&Asked { name: "winmail.dat".into(), media_type: String::new() }, &whole).unwrap();
    assert!(told.text.contains("8  MG5 Ferret \u{e9}.pdf") && told.text.contains("Please find"), "{}", told.text);
}

#[test]
fn a_message_within_is_a_file_with_files() {
    let inner =
        package("statements", "See both.", &[file("A", "MG11 one.pdf", b"1"), file("B", "MG11 two.pdf", b"22")]);
    let whole = package("", "", &[file("C", "MG5.pdf", b"5"), message("Fwd: statements", &inner)]);
    let packed = read(&whole).unwrap();
    let expected: [(&str, &str, &[u8]); 4] = [
        ("1", "MG5.pdf", b"5"),
        ("2", "Fwd: statements.dat", &inner),
        ("2.1", "MG11 one.pdf", b"1"),
        ("2.2", "MG11 two.pdf", b"22"),
    ];
    assert_eq!(listed(&packed), expected);
    assert_eq!(packed.files[1].media_type, "application/ms-tnef");
}

#[test]
fn the_text_is_found_in_whatever_form_it_has() {
    let body = |list: &[(u16, Held<'_>)]| {
        let whole = [&HEAD[..], &attribute(1, 0x0006_9003, &properties(list))].concat();
        let packed = read(&whole).unwrap();
        assert!(!packed.damaged);
        (packed.subject, packed.body)
    };
    let html = Held::Bytes(b"<p>The <b>gnome</b><script>boo()</script>");
    assert_eq!(
        body(&[(0x0037, Held::Wide("R v FERRET")), (0x1000, Held::Text("plain")), (0x1013, html)]),
        ("R v FERRET".into(), "plain".into())
    );
    let (_, text) = body(&[(0x1013, Held::Bytes(b"<p>The <b>gnome</b><script>boo()</script>"))]);
    assert!(text.contains("gnome") && !text.contains("boo"), "{text}");
    let rtf = b"\x2d\0\0\0\x2b\0\0\0LZFu\xf1\xc5\xc7\xa7\x03\0\x0a\0rcpg125B2\x0a\xf3 hel\x09\0 bw\x05\xb0ld}\x0a\x80\x0f\xa0";
    assert_eq!(body(&[(0x1009, Held::Bytes(rtf))]).1.trim(), "hello world");
}

#[test]
fn a_name_is_in_the_code_page_of_its_package() {
    let title = attribute(2, 0x0001_8010, b"\xc4\xee\xe3\xee\xe2\xee\xf0.doc\0");
    let begins = attribute(2, 0x0006_9002, &[0; 14]);
    let of = |page: u32| {
        let page = attribute(1, 0x0006_9007, &[page.to_le_bytes(), [0; 4]].concat());
        let whole = [&HEAD[..], &page, &begins, &title].concat();
        read(&whole).unwrap().files[0].name.clone()
    };
    assert_eq!(of(1251), "\u{414}\u{43e}\u{433}\u{43e}\u{432}\u{43e}\u{440}.doc");
    assert_eq!(of(1252), "\u{c4}\u{ee}\u{e3}\u{ee}\u{e2}\u{ee}\u{f0}.doc");
    assert_eq!(of(4_000_000_000), of(1252));
}

#[test]
fn what_is_cut_off_or_lies_gives_what_was_there() {
    let inner = package("x", "", &[file("B", "MG11 two.pdf", b"22")]);
    let whole = package("IDPC", "See.", &[file("A", "MG5.pdf", b"%PDF"), message("m", &inner)]);
    assert_eq!(read(&whole[1..]), None);
    for cut in 4..whole.len() {
        let packed = read(&whole[..cut]);
        assert!(cut < 6 || packed.unwrap().files.len() <= 3);
    }
    // A sum that is wrong is told, and costs nothing; of a length that is wrong, what came before stays.
    let mut wrong = whole.clone();
    let at = wrong.windows(4).position(|four| four == b"%PDF").unwrap();
    wrong[at + 4] ^= 1;
    let packed = read(&wrong).unwrap();
    assert!(packed.damaged && packed.files[0].content == b"%PDF", "{packed:?}");
    assert_eq!(packed.files.len(), 3);
    let lie = [&HEAD[..], &[1, 4, 0x80, 1, 0, 0xff, 0xff, 0xff, 0xff, 1]].concat();
    assert!(read(&lie).unwrap().damaged);
    // A list that says that it is endless, a value that does.
    for list in [
        &[0xff; 64][..],
        &[1, 0, 0, 0, 0x1e, 0, 7, 0x37, 0xff, 0xff, 0xff, 0xff],
        &[1, 0, 0, 0, 3, 0x10, 7, 0x37, 0xff, 0xff, 0xff, 0x7f],
    ] {
        let whole = [&HEAD[..], &attribute(2, 0x0006_9005, list)].concat();
        assert!(read(&whole).unwrap().damaged);
    }
}

#[test]
fn neither_depth_nor_number_is_endless() {
    let mut deep = package("", "", &[file("A", "deepest.pdf", b"1")]);
    for _ in 0..DEPTH_MAX + 3 {
        deep = package("", "", &[message("m", &deep)]);
    }
    let packed = read(&deep).unwrap();
    assert!(packed.more && packed.files.len() == DEPTH_MAX + 1, "{}", packed.files.len());
    assert!(!packed.files.iter().any(|file| file.name == "deepest.pdf"));
    let many = package("", "", &vec![file("A", "a.pdf", b"1"); FILES_MAX + 1]);
    let packed = read(&many).unwrap();
    assert!(packed.more && packed.files.len() == FILES_MAX);
    // A name is a name.
    let long = package("", "", &[file("A", &"x\r\n".repeat(100_000), b"1")]);
    let packed = read(&long).unwrap();
    assert!(packed.files[0].name.len() <= 1000 && !packed.files[0].name.contains('\n'));
}

fn held() -> impl Strategy<Value = Vec<u8>> {
    let leaf = (".{0,12}", ".{0,40}", proptest::collection::vec(any::<u8>(), 0..60))
        .prop_map(|(short, long, content)| file(&short.replace('\0', ""), &long, &content));
    let files = proptest::collection::vec(leaf, 0..4);
    let whole = files.prop_map(|files| package("subject", "text", &files));
    whole.prop_recursive(4, 16, 3, |inner| {
        (".{0,12}", inner)
            .prop_map(|(name, inner)| package("outer", "", &[message(&name, &inner), file("A", "a", b"1")]))
    })
}

proptest! {
    /// However it is bent, it ends, gives pieces of what was given, and no more of them than it may.
    #[test]
    fn a_bent_package_ends(whole in held(), bends in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8)) {
        let mut bent = whole.clone();
        for (at, byte) in bends {
            let at = at.index(bent.len());
            bent[at] = byte;
        }
        for bytes in [&whole, &bent] {
            let Some(packed) = read(bytes) else { continue };
            prop_assert!(packed.files.len() <= FILES_MAX);
            let within = bytes.as_ptr_range();
            for file in &packed.files {
                let piece = file.content.as_ptr_range();
                prop_assert!(file.content.is_empty() || (within.start <= piece.start && piece.end <= within.end));
                prop_assert!(!file.name.is_empty() && !file.name.chars().any(char::is_control));
            }
        }
        // What was well made comes out whole.
        let packed = read(&whole).unwrap();
        prop_assert!(!packed.damaged && !packed.more);
    }

    /// Whatever follows its beginning.
    #[test]
    fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let packed = read(&[&HEAD[..], &bytes].concat()).map(|packed| packed.files.len());
        prop_assert!(packed.is_some());
    }
}
