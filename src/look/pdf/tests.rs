//! Pages that the library alone would have refused, or read wrongly.

use super::{codes, look, repair};
use crate::look::Found;

/// A PDF of one page with a content, fonts as they stand in its resources, and further objects from number 6 on.
pub(in crate::look) fn pdf(fonts: &str, content: &str, more: &[&str]) -> Vec<u8> {
    with(fonts, content, "", more)
}

fn with(fonts: &str, content: &str, page: &str, more: &[&str]) -> Vec<u8> {
    let stream = format!("<</Length {}>>stream\n{content}\nendstream", content.len());
    let head = format!(
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 500 500]/Contents 4 0 R{page}/Resources<</Font<</F1 5 0 R{fonts}>>/XObject<</X 6 0 R>>>>>>"
    );
    let first = ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", &head, &stream, HELVETICA];
    let (mut out, mut places) = (b"%PDF-1.4\n".to_vec(), Vec::new());
    for (at, object) in first.iter().chain(more).enumerate() {
        places.push(out.len());
        out.extend(format!("{} 0 obj\n{object}\nendobj\n", at + 1).bytes());
    }
    let table = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).bytes());
    places.iter().for_each(|place| out.extend(format!("{place:010} 00000 n \n").bytes()));
    out.extend(format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF", places.len() + 1).bytes());
    out
}

const HELVETICA: &str = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>";
const WIDE: &str = "<</Type/Font/Subtype/CIDFontType0/BaseFont/Mincho/CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 2>>>>";

fn shown(bytes: &[u8]) -> Found {
    look(bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

#[test]
fn scripts_of_east_asia_are_read_by_the_cmaps_that_they_name() {
    let statement = "\u{4f9b}\u{8ff0}\u{8abf}\u{66f8}";
    let utf16: Vec<u8> = statement.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let utf32: Vec<u8> = statement.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
    let euc = encoding_rs::EUC_JP.encode(statement).0.into_owned();
    let jis = euc.iter().map(|byte| byte & 0x7f).collect();
    let of = |encoding: &'static encoding_rs::Encoding, text: &str| encoding.encode(text).0.into_owned();
    let (korean, chinese) = ("\u{d55c}\u{ad6d}\u{c5b4} x", "\u{4e2d}\u{6587} x");
    let cases = [
        ("UniJIS-UTF16-H", utf16.clone(), statement),
        ("UniJIS-UCS2-HW-V", utf16, statement),
        ("UniJIS-UTF32-H", utf32, statement),
        ("UniJIS-UTF8-H", statement.as_bytes().to_vec(), statement),
        ("90ms-RKSJ-H", of(encoding_rs::SHIFT_JIS, statement), statement),
        ("EUC-V", euc, statement),
        ("H", jis, statement),
        ("GBK-EUC-H", of(encoding_rs::GBK, chinese), chinese),
        ("ETen-B5-H", of(encoding_rs::BIG5, chinese), chinese),
        ("KSCms-UHC-H", of(encoding_rs::EUC_KR, korean), korean),
        // Beyond two octets.
        ("UniJIS-UTF16-H", vec![0xd8, 0x42, 0xdf, 0xb7], "\u{20bb7}"),
    ];
    for (cmap, bytes, expected) in cases {
        let font = format!("<</Type/Font/Subtype/Type0/BaseFont/Mincho/Encoding/{cmap}/DescendantFonts[7 0 R]>>");
        let content = format!("BT /F1 12 Tf 10 300 Td (English) Tj /F2 12 Tf 0 -50 Td <{}> Tj ET", hex::encode(bytes));
        let found = shown(&pdf("/F2 6 0 R", &content, &[&font, WIDE]));
        assert!(found.text.contains("English") && found.text.contains(expected), "{cmap}: {}", found.text);
        assert_eq!(found.notes.len(), 1, "{cmap}: {:?}", found.notes);
    }
    assert_eq!(codes::of("CNS-EUC-H"), None);
}

#[test]
fn letters_that_nobody_knows_cost_themselves_only_and_are_named() {
    for encoding in ["Identity-H", "CNS-EUC-H", "Nothing-H"] {
        let font =
            format!("<</Type/Font/Subtype/Type0/BaseFont/ABCDEF+Mincho/Encoding/{encoding}/DescendantFonts[7 0 R]>>");
        let content = "BT /F1 12 Tf 10 300 Td (English) Tj /F2 12 Tf 0 -50 Td <00220023> Tj <0024> Tj ET";
        let found = shown(&pdf("/F2 6 0 R", content, &[&font, WIDE]));
        assert_eq!(found.text.matches("[?]").count(), 1, "{}", found.text);
        assert!(found.text.contains("English"), "{}", found.text);
        assert!(found.notes[1].contains("the font Mincho, whose letters are not known"), "{:?}", found.notes);
        let alone = shown(&pdf("/F2 6 0 R", "BT /F2 12 Tf 10 300 Td <0022> Tj ET", &[&font, WIDE]));
        assert!(alone.text.is_empty() && alone.notes[1].contains("none of it can be read"), "{alone:?}");
    }
}

#[test]
fn text_is_shown_by_whatever_operator() {
    let content = "BT /F1 12 Tf 14 TL 10 300 Td (First) Tj (Second) ' 1 2 (Third) \" T* [(Fo) -20 (urth)] TJ ET";
    let text = shown(&pdf("", content, &[])).text;
    assert_eq!(text.split_whitespace().collect::<String>(), "FirstSecondThirdFourth");
}

#[test]
fn a_form_has_fonts_of_its_own_under_the_names_of_the_pages() {
    let other = "<</Type/Font/Subtype/Type1/BaseFont/Times-Roman/Encoding<</Differences[65/x/y/z]>>>>";
    let form = format!(
        "<</Subtype/Form/BBox[0 0 9 9]/Matrix[1 0 0 1 0 -100]/Resources<</Font<</F1 {other}>>>>/Length 34>>stream\n\
         BT /F1 12 Tf 10 300 Td (ABC) Tj ET\nendstream"
    );
    let text = shown(&pdf("", "BT /F1 12 Tf 10 300 Td (ABC) Tj ET /X Do", &[&form])).text;
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["ABC", "xyz"]);
    // One that holds itself ends.
    let itself = "<</Subtype/Form/Length 49>>stream\nBT /F1 9 Tf (again) Tj ET /X Do /X Do /X Do /X Do\nendstream";
    assert!(shown(&pdf("", "/X Do", &[itself])).text.contains("again"));
}

#[test]
fn what_is_no_letter_costs_no_page() {
    let picture = "<</Subtype/Image/Width 1/Height 1/Length 14>>stream\n(BT (x) Tj ET)\nendstream";
    for content in [
        "/Nope cs 1 scn /Nope gs BT /F1 12 Tf 10 300 Td (Gnome) Tj ET",
        "/X Do /Nope Do /Nope sh BT /F1 12 Tf 10 300 Td (Gnome) Tj ET",
        "1 2 cm (x) Td BT /F1 12 Tf 10 300 Td (Gnome) Tj ET Q Q",
    ] {
        let text = shown(&pdf("", content, &[picture])).text;
        assert!(text.contains("Gnome") && !text.contains('x'), "{content}: {text}");
    }
    for font in [
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/StandardEncoding>>",
        "<</Type/Font/Subtype/TrueType/BaseFont/Arial/Encoding/Nothing/FirstChar 0/LastChar 9/Widths[1]>>",
        "<</Type/Font/Subtype/Type3/FontMatrix[.1 0 0 .1 0 0]/Encoding<</Differences[71/G]>>/FirstChar 71/LastChar 71/Widths[7]>>",
        "<</Type/Font/Subtype/TrueType/ToUnicode 7 0 R>>",
        "<</Subtype/Type1/BaseFont/X/FontDescriptor<</FontFile 7 0 R/FontFile3 7 0 R>>>>",
    ] {
        let broken = "<</Subtype/Type1C/Length 3>>stream\n<<<\nendstream";
        let text = shown(&pdf("/F2 6 0 R", "BT /F2 12 Tf 10 300 Td (Gnome) Tj ET", &[font, broken])).text;
        assert!(text.contains("Gnome"), "{font}: {text}");
    }
}

#[test]
fn fields_that_were_filled_in_and_remarks_are_shown() {
    let drawn = "<</Subtype/Form/BBox[0 0 90 20]/Length 33>>stream\nBT /F1 9 Tf 2 2 Td (Badger) Tj ET\nendstream";
    let page = "/Annots[<</Subtype/Widget/FT/Tx/V(Ferret)/Rect[10 400 99 420]>>\
        <</Subtype/Widget/FT/Tx/V(not this)/Rect[10 350 99 370]/AP<</N 6 0 R>>>>\
        <</Subtype/Widget/FT/Tx/F 2/V(hidden)>><</Subtype/Widget/FT/Tx/Ff 8192/V(secret)/Rect[0 0 9 9]>>\
        <</Subtype/Highlight/T(P Marlow)/Contents<feff00e9>>><</Subtype/Popup/Contents(popup)>>]";
    let drawn = drawn.replace("/BBox", &format!("/Resources<</Font<</F1 {HELVETICA}>>>>/BBox"));
    let text = shown(&with("", "BT /F1 12 Tf 10 450 Td (Name:) Tj ET", page, &[&drawn])).text;
    for words in ["Name:", "Ferret", "Badger", "(remark, as it says by P Marlow) \u{e9}"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    for words in ["not this", "hidden", "secret", "popup"] {
        assert!(!text.contains(words), "{words}: {text}");
    }
}

#[test]
fn a_file_whose_end_is_lost_or_followed_by_something_is_put_together() {
    let whole = pdf("", "BT /F1 12 Tf 10 300 Td (Gnome) Tj ET", &[]);
    let cut = whole.len() - 60;
    let tail = [whole.as_slice(), &[b'x'; 5000]].concat();
    let moved = [b"HTTP/1.1 200 OK\r\n\r\n", &whole[..cut]].concat();
    for bytes in [&whole[..cut], &tail, &moved] {
        let found = shown(bytes);
        assert!(found.text.contains("Gnome"), "{found:?}");
    }
    assert!(shown(&whole[..cut]).notes.iter().any(|note| note.contains("damaged")));
    assert_eq!(repair::repaired(b"%PDF-1.4 nothing"), None);
    // What is locked is not shown as if it were not.
    let locked = String::from_utf8_lossy(&whole[..cut]).replace("/Type/Catalog", "/Type/Catalog/Encrypt 9 0 R");
    assert!(look(locked.as_bytes()).is_err());
}

#[test]
fn a_page_that_is_there_twice_is_the_same_twice() {
    let two = pdf("", "BT /F1 12 Tf 10 300 Td (Gnome) Tj ET", &[]);
    let two = String::from_utf8(two).unwrap_or_default().replace("[3 0 R]/Count 1", "[3 0 R 3 0 R]/Count 2");
    assert_eq!(shown(two.as_bytes()).text.matches("Gnome").count(), 2);
}

#[test]
fn a_font_holds_as_long_as_the_state_that_it_was_chosen_in() {
    let wide = "<</Type/Font/Subtype/Type0/BaseFont/Mincho/Encoding/UniJIS-UTF16-H/DescendantFonts[7 0 R]>>";
    let mute = "<</Type/Font/Subtype/Type0/BaseFont/Gothic/Encoding/Identity-H/DescendantFonts[7 0 R]>>";
    for font in [wide, mute] {
        let content = "/F1 12 Tf q BT /F2 12 Tf 10 300 Td <4f9b> Tj ET Q BT 10 200 Td (English) Tj ET";
        let found = shown(&pdf("/F2 6 0 R", content, &[font, WIDE]));
        assert!(found.text.contains("English"), "{}", found.text);
        assert!(found.text.contains(if font == wide { "\u{4f9b}" } else { "[?]" }), "{}", found.text);
    }
    // What a form takes back is its own only.
    let form = "<</Subtype/Form/BBox[0 0 9 9]/Resources<</Font<</F9 8 0 R>>>>/Length 45>>stream\n\
         Q Q BT /F9 12 Tf 10 300 Td <4f9b> Tj ET Q Q Q\nendstream";
    let content = "q BT /F1 12 Tf 10 200 Td (One) Tj ET /X Do BT 10 100 Td (Two) Tj ET Q";
    let text = shown(&pdf("", content, &[form, WIDE, wide])).text;
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["One", "\u{4f9b}", "Two"]);
}

#[test]
fn what_is_not_read_of_a_page_is_told() {
    let check = |bytes: &[u8], what: &str| {
        let found = shown(bytes);
        assert!(found.text.contains("Gnome"), "{what}: {found:?}");
        assert!(
            found.notes.iter().any(|note| note.starts_with("More stands on these pages")),
            "{what}: {:?}",
            found.notes
        );
    };
    let gnome = "BT /F1 12 Tf 10 300 Td (Gnome) Tj ET";
    let many = format!("{gnome} {} BT 10 200 Td (Otter) Tj ET", "0 0 m ".repeat(400_000));
    check(&pdf("", &many, &[]), "operators");
    let itself = "<</Subtype/Form/Length 5>>stream\n/X Do\nendstream";
    check(&pdf("", &format!("{gnome} /X Do"), &[itself]), "forms within forms");
    let notes = "<</Subtype/Text/Contents(x)>>".repeat(2_001);
    check(&with("", gnome, &format!("/Annots[{notes}]"), &[]), "remarks");
    let long = format!("/Annots[<</Subtype/Widget/FT/Tx/V({})/Rect[10 400 99 420]>>]", "long ".repeat(4_001));
    check(&with("", gnome, &long, &[]), "a long value");
    let broken = "<</Subtype/Form/Filter/Nothing/Length 5>>stream\nabcde\nendstream";
    check(&pdf("", &format!("{gnome} /X Do"), &[broken]), "a form that cannot be unpacked");
    // All of it is read, and nothing is told.
    let whole = shown(&pdf("", &format!("{gnome} {}", "0 0 m ".repeat(1_000)), &[]));
    assert_eq!(whole.notes.len(), 1, "{:?}", whole.notes);
}

#[test]
fn what_was_filled_in_is_shown_where_its_drawing_cannot_be_read() {
    let mute = "<</Type/Font/Subtype/Type0/BaseFont/Gothic/Encoding/Identity-H/DescendantFonts[7 0 R]>>";
    let drawn = |more: &str| {
        let content = format!("BT /F2 9 Tf 2 2 Td <0022> Tj {more} ET");
        format!(
            "<</Subtype/Form/BBox[0 0 90 20]/Resources<</Font<</F1 {HELVETICA}/F2 {mute}>>>>/Length {}>>stream\n{content}\nendstream",
            content.len()
        )
    };
    let page = "/Annots[<</Subtype/Widget/FT/Tx/V(Ferret)/Rect[10 400 99 420]/AP<</N 6 0 R>>>>]";
    let found = shown(&with("", "BT /F1 12 Tf 10 450 Td (Name:) Tj ET", page, &[&drawn(""), WIDE]));
    assert!(found.text.contains("Ferret") && !found.text.contains("[?]"), "{}", found.text);
    assert_eq!(found.notes.len(), 1, "{:?}", found.notes);
    // What can be read of the drawing stays.
    let found = shown(&with("", "", page, &[&drawn("/F1 9 Tf (Badger) Tj"), WIDE]));
    assert!(found.text.contains("Ferret") && found.text.contains("Badger"), "{}", found.text);
}

#[test]
fn remarks_are_read_in_the_encodings_of_a_pdf() {
    for (contents, expected) in [
        ("(\\215Ferret\\216 \\240\\2005)", "\u{201c}Ferret\u{201d} \u{20ac}\u{2022}5"),
        ("(one\\rtwo\\tthree)", "one\ntwo\tthree"),
        ("<feff00e9>", "\u{e9}"),
        ("<efbbbfc3a9>", ") \u{e9}"),
        ("<fffee900>", "\u{e9}"),
        ("<feffd800>", "\u{fffd}"),
    ] {
        let page = format!("/Annots[<</Subtype/Text/Contents{contents}>>]");
        let text = shown(&with("", "BT /F1 12 Tf 10 450 Td (Gnome) Tj ET", &page, &[])).text;
        assert!(text.contains(expected), "{contents}: {text:?}");
    }
}
