//! What is found in documents, well-made and hostile.

use std::io::Write as _;

use zip::write::SimpleFileOptions;

use super::pdf::tests::pdf;
use super::{Asked, BYTES_MAX, Found, TEXT_MAX, look};

fn asked(name: &str) -> Asked {
    Asked { name: name.into(), media_type: String::new() }
}

fn package(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn found(name: &str, bytes: &[u8]) -> Found {
    look(&asked(name), bytes).unwrap()
}

fn refused(name: &str, bytes: &[u8]) -> String {
    look(&asked(name), bytes).unwrap_err().to_string()
}

#[test]
fn text_is_read_in_its_encoding() {
    assert_eq!(found("a.txt", "na\u{ef}ve".as_bytes()).text, "na\u{ef}ve");
    assert_eq!(found("a.txt", b"na\xefve").text, "na\u{ef}ve");
    assert_eq!(found("a.txt", b"\xff\xfeg\0n\0").text, "gn");
    assert_eq!(found("a.txt", b"").format, "empty file");
    assert!(refused("a.bin", &[0, 1, 2, 3, 4, 5]).contains("does not look into"));
    assert!(found("page", b"\n<!DOCTYPE html><p>the gnome").format.contains("web page"));
}

#[test]
fn a_text_that_begins_with_an_exhibit_mark_is_a_text() {
    for mark in ["MZ", "ID3", "BZh", "AC10", "MSCF", "FLV", "OggS", "RIFF", "8BPS", "AC1 ftyp"] {
        let list = format!("{mark} - knife\n{mark}/2 - glove\n");
        assert_eq!(found("exhibits.txt", list.as_bytes()).text, list);
    }
    assert!(refused("a.exe", b"MZ\x90\0\x03\0\0\0\x04\0\0\0").contains("a program for Windows"));
    assert!(refused("a.wav", b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0").contains("WAV"));
}

#[test]
fn a_web_page_is_text_and_nothing_is_fetched() {
    let shown = found("a.html", b"<p>The <b>gnome</b></p><img src=http://x.example/p.png><script>boo()</script>");
    assert!(
        shown.text.contains("The") && shown.text.contains("gnome") && !shown.text.contains("boo"),
        "{}",
        shown.text
    );
}

#[test]
fn office_documents_give_their_text() {
    let word = br#"<w:document><w:p><w:r><w:t>The gnome &amp; the otter</w:t><w:tab/><w:t>&#233;</w:t></w:r></w:p><w:p><w:t>Two</w:t></w:p></w:document>"#;
    let shown = found("a.docx", &package(&[("word/document.xml", word), ("word/vbaProject.bin", b"x")]));
    assert_eq!(shown.text, "The gnome & the otter\t\u{e9}\nTwo\n");
    assert!(shown.notes.iter().any(|note| note.contains("macros")), "{:?}", shown.notes);
    let open = b"<office:text><text:h>Head</text:h><text:p>One<text:tab/>two</text:p></office:text>";
    assert_eq!(found("a.odt", &package(&[("mimetype", b"x"), ("content.xml", open)])).text, "Head\nOne\ttwo\n");
    let shared = b"<sst><si><t>Badger</t></si><si><r><t>Fer</t></r><r><t>ret</t></r></si></sst>";
    let sheet = br#"<sheetData><row><c t="s"><v>1</v></c><c><v>42</v></c></row><row><c t="inlineStr"><is><t>x</t></is></c></row></sheetData>"#;
    let book =
        package(&[("xl/workbook.xml", b"<w/>"), ("xl/sharedStrings.xml", shared), ("xl/worksheets/sheet1.xml", sheet)]);
    assert!(found("a.xlsx", &book).text.ends_with("Ferret\t42\nx\n"), "{}", found("a.xlsx", &book).text);
    let slide = b"<p:sld><a:p><a:r><a:t>Slide</a:t></a:r></a:p></p:sld>";
    let show = package(&[("ppt/presentation.xml", b"<p/>"), ("ppt/slides/slide1.xml", slide)]);
    assert_eq!(found("a.pptx", &show).text, "Slide\n");
}

const RELATIONS: &str = "<Relationship Id=\"r1\" Type=\"x/officeDocument\" Target=\"/word/main.xml\"/>";

fn relations(of: &[(&str, &str, &str)]) -> String {
    let one = |(id, kind, target): &(&str, &str, &str)| {
        format!("<Relationship Id=\"{id}\" Type=\"http://x/{kind}\" Target=\"{target}\"/>")
    };
    format!("<Relationships>{}</Relationships>", of.iter().map(one).collect::<String>())
}

#[test]
fn a_word_document_is_whole_and_says_what_was_deleted() {
    let main = "<w:document><w:p><w:r><w:t>The gnome</w:t></w:r><w:del><w:r><w:delText> and the otter</w:delText></w:r></w:del></w:p>\
        <mc:AlternateContent><mc:Choice><w:p><w:t>once</w:t></w:p></mc:Choice><mc:Fallback><w:tc><w:p><w:t>once</w:t></w:p></w:tc>\
        <w:p><w:delText>twice</w:delText></w:p></mc:Fallback>\
        </mc:AlternateContent><w:tbl><w:tr><w:tc><w:p><w:t>A1</w:t></w:p></w:tc><w:tc><w:p><w:t>B1</w:t></w:p></w:tc></w:tr></w:tbl>\
        </w:document>";
    let of = relations(&[("a", "header", "header1.xml"), ("b", "footer", "footer1.xml"), ("c", "comments", "c.xml")]);
    let part = |text: &str| format!("<w:x><w:p><w:t>{text}</w:t></w:p></w:x>");
    let package = package(&[
        ("_rels/.rels", format!("<Relationships>{RELATIONS}</Relationships>").as_bytes()),
        ("word/main.xml", main.as_bytes()),
        ("word/_rels/main.xml.rels", of.as_bytes()),
        ("word/header1.xml", part("OFFICIAL").as_bytes()),
        ("word/footer1.xml", part("page").as_bytes()),
        ("word/c.xml", part("is that so?").as_bytes()),
    ]);
    let shown = found("a.docx", &package);
    assert_eq!(
        shown.text,
        "— header —\nOFFICIAL\n— text —\nThe gnome[- and the otter-]\nonce\nA1\tB1\n— comments —\nis that so?\n— footer —\npage\n"
    );
    assert!(shown.notes.iter().any(|note| note.contains("tracked changes")), "{:?}", shown.notes);
    let cut =
        found("a.docx", &self::package(&[("word/document.xml", b"<w:d><w:p><w:t>one</w:t></w:p><w:t>two</w:p>")]));
    assert!(cut.text.starts_with("one\n") && cut.notes.iter().any(|note| note.contains("damaged")), "{cut:?}");
}

#[test]
fn a_workbook_keeps_its_columns_its_days_and_the_names_of_its_sheets() {
    let book = "<workbook><sheets><sheet name=\"Exhibits\" sheetId=\"4\" r:id=\"r2\"/>\
        <sheet name=\"Fees &amp; costs\" state=\"hidden\" r:id=\"r1\"/></sheets></workbook>";
    let of =
        relations(&[("r1", "worksheet", "worksheets/sheet9.xml"), ("r2", "worksheet", "/xl/worksheets/sheet4.xml")]);
    let styles = "<styleSheet><numFmts><numFmt numFmtId=\"164\" formatCode=\"dd mmm\"/></numFmts><cellXfs><xf numFmtId=\"0\"/>\
        <xf numFmtId=\"164\"/></cellXfs></styleSheet>";
    let sheet = "<sheetData><row r=\"2\"><c r=\"A2\"><v>1</v></c><c r=\"C2\" s=\"1\"><v>46083</v></c><c r=\"D2\" t=\"b\"><v>1</v></c>\
        <c r=\"E2\"><f>A2*2</f></c><c r=\"XFD2\"><v>far</v></c></row></sheetData>";
    let package = package(&[
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", of.as_bytes()),
        ("xl/styles.xml", styles.as_bytes()),
        ("xl/worksheets/sheet4.xml", sheet.as_bytes()),
        ("xl/worksheets/sheet9.xml", b"<sheetData><row><c><v>2</v></c></row></sheetData>"),
    ]);
    let shown = found("a.xlsx", &package);
    let expected = "— Exhibits —\n1\t\t2026-03-02\tTRUE\t=A2*2\t… XFD2: far\n— Fees & costs (hidden) —\n2\n";
    assert_eq!(shown.text, expected);
}

#[test]
fn slides_are_told_in_their_order_with_what_is_said() {
    let main = "<p:presentation><p:sldIdLst><p:sldId id=\"256\" r:id=\"b\"/><p:sldId id=\"257\" r:id=\"a\"/></p:sldIdLst></p:presentation>";
    let slide = |words: &str, more: &str| format!("<p:sld {more}><a:p><a:r><a:t>{words}</a:t></a:r></a:p></p:sld>");
    let package = package(&[
        ("ppt/presentation.xml", main.as_bytes()),
        (
            "ppt/_rels/presentation.xml.rels",
            relations(&[("a", "slide", "slides/one.xml"), ("b", "slide", "slides/two.xml")]).as_bytes(),
        ),
        ("ppt/slides/one.xml", slide("last", "show=\"0\"").as_bytes()),
        ("ppt/slides/two.xml", slide("first", "").as_bytes()),
        ("ppt/slides/_rels/two.xml.rels", relations(&[("n", "notesSlide", "../notesSlides/n.xml")]).as_bytes()),
        ("ppt/notesSlides/n.xml", slide("be careful", "").as_bytes()),
    ]);
    let expected = "— 1 —\nfirst\n(speaker notes) be careful\n— 2 (hidden) —\nlast\n";
    assert_eq!(found("a.pptx", &package).text, expected);
}

#[test]
fn what_is_not_looked_into_is_named() {
    let wide = |name: &str| name.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let old = |name: &str| [super::kinds::OLD_OFFICE, &[0; 600], &wide(name)].concat();
    let check =
        |bytes: &[u8], words: &str| assert!(refused("x", bytes).contains(words), "{words}: {}", refused("x", bytes));
    check(&old(""), "before 2007");
    check(&old("EncryptedPackage"), "locked with a password");
    check(&old("__properties_version1.0"), "Outlook (.msg)");
    check(b"7z\xbc\xaf\x27\x1c\0\0", "7z");
    check(b"Rar!\x1a\x07\x01\0", "rar");
    check(b"\0\0\0\x18ftypheic\0\0", "HEIC");
    check(b"\0\0\0\x18ftypmp42\0\0", "MP4");
    check(b"MZ\x90\0\x03\0\0\0\x04\0", "program for Windows");
    check(b"0\x82\x01\0\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0", "S/MIME");
    let locked =
        package(&[("mimetype", b"x"), ("content.xml", b"x"), ("META-INF/manifest.xml", b"<m:encryption-data/>")]);
    check(&locked, "locked with a password");
}

#[test]
fn a_page_that_cannot_be_read_costs_itself_only() {
    let font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>";
    let page = |font: u8| {
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Resources<</Font<</F1 {font} 0 R>>>>/Contents 5 0 R>>")
    };
    let bad = "<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Nonsense-H/DescendantFonts[8 0 R]>>".to_owned();
    let content = "BT /F1 12 Tf 50 200 Td (by the pond) Tj ET";
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R 6 0 R]/Count 2>>".to_owned(),
        page(4),
        font.to_owned(),
        format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
        page(7),
        bad,
        "<<>>".to_owned(),
    ];
    let mut pdf = "%PDF-1.4\n".to_owned();
    let mut places = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        places.push(pdf.len());
        pdf.push_str(&format!("{} 0 obj\n{object}\nendobj\n", at + 1));
    }
    let table = pdf.len();
    pdf.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
    places.iter().for_each(|place| pdf.push_str(&format!("{place:010} 00000 n \n")));
    pdf.push_str(&format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF", objects.len() + 1));
    let shown = found("a.pdf", pdf.as_bytes());
    assert_eq!(shown.text, "— page 1 —\nby the pond\n— page 2 —\n[?]\n");
    let told = "the font X, whose letters are not known, page 2.";
    assert!(shown.notes.iter().any(|note| note.ends_with(told)), "{:?}", shown.notes);
}

#[test]
fn a_picture_is_upright_on_white_and_says_what_is_not_shown() {
    use image::{ImageFormat, Rgba, RgbaImage};
    let written = |picture: &RgbaImage, format| {
        let mut made = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut made, format).unwrap();
        made.into_inner()
    };
    let clear = RgbaImage::from_pixel(2, 1, Rgba([0, 0, 0, 0]));
    assert_eq!(found("a.png", &written(&clear, ImageFormat::Png)).picture.unwrap().points, "ffffffffffff");
    // A camera that was held upright: what it wrote lies, and says so (EXIF orientation 6).
    let mut lying = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut lying);
    let turned = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    image::ImageEncoder::set_exif_metadata(&mut encoder, turned.to_vec()).unwrap();
    let points = [255, 0, 0, 0, 0, 255];
    image::ImageEncoder::write_image(encoder, &points, 2, 1, image::ExtendedColorType::Rgb8).unwrap();
    let turned = found("a.png", &lying);
    let points = turned.picture.unwrap();
    assert_eq!((points.width, points.height, points.points.as_str()), (1, 2, "ff00000000ff"));
    assert_eq!(turned.notes[0], "1 by 2 points.");
    let mut gif = Vec::new();
    {
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut gif);
        for red in [0, 255] {
            encoder.encode_frame(image::Frame::new(RgbaImage::from_pixel(4, 4, Rgba([red, 0, 0, 255])))).unwrap();
        }
    }
    assert!(found("a.gif", &gif).notes.iter().any(|note| note.contains("moves")));
    // A second page behind the first: the first tells where.
    let mut tiff = written(&RgbaImage::from_pixel(2, 2, Rgba([9, 9, 9, 255])), ImageFormat::Tiff);
    let first = u32::from_le_bytes(tiff[4..8].try_into().unwrap()) as usize;
    let count = usize::from(u16::from_le_bytes(tiff[first..first + 2].try_into().unwrap()));
    let (begin, end) = (first, first + 2 + count * 12);
    let second = u32::try_from(tiff.len()).unwrap();
    let copy = tiff[begin..end + 4].to_vec();
    tiff[end..end + 4].copy_from_slice(&second.to_le_bytes());
    tiff.extend(copy);
    assert!(
        found("a.tif", &tiff).notes.iter().any(|note| note.contains("2 pages")),
        "{:?}",
        found("a.tif", &tiff).notes
    );
}

#[test]
fn a_time_is_told_by_whatever_names_its_zone() {
    let ics = |zone: &str, more: &str| {
        let text = format!(
            "BEGIN:VCALENDAR\n{more}BEGIN:VEVENT\nSUMMARY:x\nDTSTART;TZID={zone}:20260605T100000\nEND:VEVENT\nEND:VCALENDAR\n"
        );
        found("a.ics", text.as_bytes()).invited.map(|one| one.start).unwrap_or_default()
    };
    assert_eq!(ics("Romance Standard Time", ""), "2026-06-05T09:00:00");
    assert_eq!(ics("\"(UTC+00:00) Dublin, Edinburgh, Lisbon, London\"", ""), "2026-06-05T10:00:00");
    assert_eq!(ics("/example.org/20050809/Europe/Paris", ""), "2026-06-05T09:00:00");
    let own = "BEGIN:VTIMEZONE\nTZID:Ours\nBEGIN:STANDARD\nDTSTART:16010101T030000\nTZOFFSETTO:+0100\n\
        RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\nEND:STANDARD\nBEGIN:DAYLIGHT\nDTSTART:16010101T020000\nTZOFFSETTO:+0200\n\
        RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\nEND:DAYLIGHT\nEND:VTIMEZONE\n";
    assert_eq!(ics("Ours", own), "2026-06-05T09:00:00");
    assert_eq!(ics("Theirs", own), "");
    assert_eq!(
        ics("Ours", &own.replace("FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3", "freq=yearly;byday=-1su;bymonth=3")),
        "2026-06-05T09:00:00"
    );
    // Summer time was done away with: the last change was in the autumn of that year.
    let ended = own.replace("BYMONTH=3", "BYMONTH=3;UNTIL=20200329T010000Z");
    assert_eq!(ics("Ours", &ended), "2026-06-05T10:00:00");
    let both = ended.replace("BYMONTH=10", "BYMONTH=10;UNTIL=20201025T010000Z");
    assert_eq!(ics("Ours", &both), "2026-06-05T10:00:00");
    // What cannot be read is not called London's.
    for rule in ["BYDAY=SU;BYMONTHDAY=25,26,27,28,29,30,31", "COUNT=3;BYDAY=-1SU", "BYDAY=SU", "INTERVAL=2;BYDAY=-1SU"]
    {
        assert_eq!(ics("Ours", &own.replace("BYDAY=-1SU;BYMONTH=3", &format!("{rule};BYMONTH=3"))), "", "{rule}");
    }
    let two = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:First\nDTSTART:20260605T090000Z\nRRULE:FREQ=WEEKLY\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:Second\nDTSTART:20260606T090000Z\nEND:VEVENT\nEND:VCALENDAR\n";
    let shown = found("a.ics", two.as_bytes());
    assert!(shown.text.contains("What: First") && shown.text.contains("What: Second"), "{}", shown.text);
    assert!(
        ["2 events", "comes again"].iter().all(|words| shown.notes.iter().any(|note| note.contains(words))),
        "{:?}",
        shown.notes
    );
}

#[test]
fn a_billion_laughs_are_not_laughed() {
    let mut xml = String::from("<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY lol0 \"lol\">");
    for n in 1..=9 {
        let before = format!("&lol{};", n - 1).repeat(10);
        xml.push_str(&format!("<!ENTITY lol{n} \"{before}\">"));
    }
    xml.push_str("]><w:document><w:p><w:t>before &lol9; after</w:t></w:p></w:document>");
    let shown = found("a.docx", &package(&[("word/document.xml", xml.as_bytes())]));
    assert_eq!(shown.text, "before  after\n");
    assert!(shown.notes.iter().any(|note| note.contains("entities")), "{:?}", shown.notes);
}

#[test]
fn a_bomb_is_listed_and_never_unpacked() {
    let zeros = vec![0_u8; 40 << 20];
    let bomb = package(&[("a/zeros.bin", &zeros), ("inner.zip", b"PK"), ("../../etc/passwd", b"x")]);
    assert!(bomb.len() < 100_000);
    let shown = found("x.zip", &bomb);
    assert!(shown.text.contains("zeros.bin") && shown.text.contains("41943040"), "{}", shown.text);
    for words in ["fill a disk", "lead out of the folder", "Packages themselves: 1", "nothing was unpacked"] {
        assert!(shown.notes.iter().any(|note| note.contains(words)), "{words}: {:?}", shown.notes);
    }
    // The text of an Office document that is a bomb ends where it is cut.
    let text = format!("<w:document><w:p><w:t>{}</w:t></w:p></w:document>", "x".repeat(60 << 20));
    let shown = found("x.docx", &package(&[("word/document.xml", text.as_bytes())]));
    assert!(shown.text.len() <= TEXT_MAX);
    assert!(refused("x.zip", &bomb[..bomb.len() / 2]).contains("damaged"));
}

#[test]
fn rich_text_gives_its_words() {
    let rtf = br"{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\*\generator x;}\f0 The \b gnome\b0\par caf\'e9 \u8364?!{\object{\*\objdata 00}}\{x\}}";
    let shown = found("a.rtf", rtf);
    assert_eq!(shown.text, "The gnome\ncaf\u{e9} \u{20ac}!{x}");
    assert!(shown.notes.iter().any(|note| note.contains("object")), "{:?}", shown.notes);
    let deep = ["{\\rtf1 ", &"{".repeat(100_000), "x", &"}".repeat(100_000), "}"].concat();
    assert_eq!(found("a.rtf", deep.as_bytes()).text, "x");
    for cut in 0..rtf.len() {
        let _ = super::rtf::read(&rtf[..cut]);
    }
}

fn attribute(id: u32, data: &[u8]) -> Vec<u8> {
    let sum = data.iter().fold(0_u16, |sum, b| sum.wrapping_add(u16::from(*b)));
    let length = u32::try_from(data.len()).unwrap();
    [&[1][..], &id.to_le_bytes(), &length.to_le_bytes(), data, &sum.to_le_bytes()].concat()
}

#[test]
fn outlooks_package_is_opened_and_its_lengths_are_not_believed() {
    let head = [&super::tnef::MAGIC[..], &[1, 0]].concat();
    let whole = [
        head.clone(),
        attribute(0x0001_8004, b"Gnomes\0"),
        attribute(0x0002_800c, b"See file.\0"),
        attribute(0x0006_9002, b"xx"),
        attribute(0x0001_8010, b"MG5.pdf\0"),
        attribute(0x0006_800f, b"%PDF"),
    ]
    .concat();
    let shown = found("winmail.dat", &whole);
    for words in ["Subject: Gnomes", "See file.", "4  MG5.pdf"] {
        assert!(shown.text.contains(words), "{}", shown.text);
    }
    for cut in 0..whole.len() {
        let _ = super::tnef::read(&whole[..cut]);
    }
    let lie = [head, vec![1, 4, 0x80, 1, 0, 0xff, 0xff, 0xff, 0xff, 1]].concat();
    assert!(super::tnef::read(&lie).unwrap().damaged);
}

#[test]
fn an_invitation_offers_its_hearing_in_londons_time() {
    let ics = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nBEGIN:STANDARD\r\nDTSTART:16011028T020000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n\
        BEGIN:VEVENT\r\nSUMMARY:PTPH\\, R v FERRET\r\nLOCATION:Ambleford Crown\r\n  Court\r\nDTSTART;TZID=\"GMT Standard Time\":20260605T100000\r\n\
        BEGIN:VALARM\r\nSUMMARY:no\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let invited = found("a.ics", ics.as_bytes()).invited.unwrap();
    assert_eq!((invited.start.as_str(), invited.place.as_str()), ("2026-06-05T10:00:00", "Ambleford Crown Court"));
    assert_eq!(invited.summary, "PTPH, R v FERRET");
    let utc = ics.replace(";TZID=\"GMT Standard Time\":20260605T100000", ":20260605T090000Z");
    assert_eq!(found("a.ics", utc.as_bytes()).invited.unwrap().start, "2026-06-05T10:00:00");
    let day = ics.replace(";TZID=\"GMT Standard Time\":20260605T100000", ";VALUE=DATE:20260605");
    assert_eq!(found("a.ics", day.as_bytes()).invited.unwrap().start, "2026-06-05");
    assert!(found("a.ics", ics.replace("REQUEST", "CANCEL").as_bytes()).invited.is_none());
    assert!(found("a.ics", ics.replace("20260605T", "never").as_bytes()).invited.is_none());
    // A clock that is not known is not called London's.
    let odd = found("a.ics", ics.replace("GMT Standard Time", "Lunar Standard Time").as_bytes());
    assert!(odd.invited.is_none() && !odd.text.contains("London"), "{}", odd.text);
    assert!(refused("a.ics", b"BEGIN:VCALENDAR\r\n").contains("without an event"));
}

#[test]
fn pictures_are_made_small_and_huge_ones_refused() {
    let mut png = Vec::new();
    let picture = image::RgbImage::from_fn(1000, 500, |x, _| image::Rgb([u8::try_from(x / 4).unwrap(), 0, 0]));
    picture.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
    let shown = found("a.png", &png);
    let points = shown.picture.unwrap();
    assert_eq!((points.width, points.height), (800, 400));
    assert_eq!(points.points.len(), 800 * 400 * 6);
    assert!(refused("a.png", &png[..png.len() / 2]).contains("damaged"));
    // A header that says 100,000 by 100,000 points; its check sum is right, so that nothing else refuses it.
    let mut header = b"IHDR".to_vec();
    header.extend(100_000_u32.to_be_bytes());
    header.extend(100_000_u32.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut crc = flate2::Crc::new();
    crc.update(&header);
    let huge = [b"\x89PNG\r\n\x1a\n\0\0\0\x0d".as_slice(), &header, &crc.sum().to_be_bytes()].concat();
    let words = refused("a.png", &huge);
    assert!(words.contains("too large") || words.contains("damaged"), "{words}");
}

#[test]
fn the_text_of_a_pdf_is_read_and_a_broken_one_is_said_to_be() {
    let content = "BT /F1 12 Tf 10 100 Td (The gnome was found) Tj ET";
    let whole = pdf("", content, &[]);
    assert!(found("a.pdf", &whole).text.contains("The gnome was found"));
    for cut in [20, 100, whole.len() / 2, whole.len() - 30] {
        let _ = look(&asked("a.pdf"), &whole[..cut]);
    }
    assert!(refused("a.pdf", b"%PDF-1.4 nothing").contains("damaged"));
}

#[test]
fn a_message_within_a_message_is_shown_with_its_head() {
    let eml = b"From: p.windlestraw@cps.gov.example\r\nSubject: Gnomes\r\n\r\nSee you.\r\n";
    let shown = found("a.eml", eml);
    assert!(shown.text.contains("Subject: Gnomes") && shown.text.contains("See you."), "{}", shown.text);
}

#[test]
fn there_is_an_end_to_everything() {
    assert!(found("a.txt", &vec![b'x'; 10 << 20]).text.len() <= TEXT_MAX);
    assert!(refused("a.txt", &vec![b'x'; BYTES_MAX + 1]).contains("larger"));
}

#[test]
fn a_page_and_xml_are_read_in_the_encoding_that_they_name() {
    let check = |name: &str, bytes: &[u8], expected: &str| {
        let text = found(name, bytes).text;
        assert!(text.contains(expected), "{name}: {text}");
    };
    let page = |meta: &str, text: &[u8]| [b"<html><head>", meta.as_bytes(), b"</head><body>", text].concat();
    check("a.html", &page("<meta charset=\"windows-1251\">", b"\xcf\xf0\xe8"), "\u{41f}\u{440}\u{438}");
    let named = "<meta http-equiv='Content-Type' content='text/html; charset=gb2312'>";
    check("a.html", &page(named, b"\xd6\xd0\xce\xc4"), "\u{4e2d}\u{6587}");
    // Who lies, and who names what nobody should read.
    check("a.html", &page("<meta charset=windows-1252>", "caf\u{e9}".as_bytes()), "caf\u{e9}");
    check("a.html", &page("<meta charset=utf-7>", b"+ADw-script+AD4-"), "+ADw-script+AD4-");
    check("a.html", &page("<meta charset=utf-16>", b"plain"), "plain");
    // Names of encodings that browsers take for nothing at all.
    check("a.html", &page("<meta charset=iso-2022-kr>", b"plain"), "plain");
    check("a.html", &page("<meta charset=hz-gb-2312>", b"caf\xe9 au lait"), "caf\u{e9} au lait");
    check("a.xml", b"<?xml version='1.0' encoding='iso-8859-2'?><a>\xb3</a>", "\u{142}");
    let drawing = found("plan.svg", b"<svg onload='alert(1)'><script>alert(2)</script></svg>");
    assert!(drawing.format.contains("SVG") && drawing.notes[0].contains("run"), "{drawing:?}");
}

#[test]
fn utf_16_needs_no_mark() {
    let text = "Statement of \u{a3}5, taken at Ambleford";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [little, big] {
        assert_eq!(found("a.txt", &bytes).text, text);
    }
    // One that is there is none of the text.
    for unit in [u16::to_le_bytes, u16::to_be_bytes] {
        let bytes: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(unit).collect();
        assert_eq!(found("a.txt", &bytes).text, text);
    }
    assert_eq!(found("a.txt", format!("\u{feff}{text}").as_bytes()).text, text);
    // Nothing but zeroes is no text.
    assert!(refused("a.bin", &[0; 64]).contains("does not look into"));
}

#[test]
fn rtf_is_read_in_the_encodings_of_its_fonts() {
    let shown = found(
        "a.rtf",
        br"{\rtf1\ansi\ansicpg1251{\fonttbl{\f0\fcharset204 Arial;}{\f1\fcharset128 MS Gothic;}{\f2\fcharset0 Arial;}}\f0 \'cf\'f0\par{\f1 \'8b\'9f\'8fq}\f2 \'a35 \u8220?x\u8221?{\deleted gone} {\v unseen}}",
    );
    assert_eq!(shown.text, "\u{41f}\u{440}\n\u{4f9b}\u{8ff0}\u{a3}5 \u{201c}x\u{201d}[-gone-] unseen");
    assert!(shown.notes.iter().any(|note| note.contains("[- -]")), "{:?}", shown.notes);
    assert!(shown.notes.iter().any(|note| note.contains("hidden")), "{:?}", shown.notes);
}

#[test]
fn an_open_document_has_its_headers_hidden_sheets_and_repeated_cells() {
    let text = package(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text".as_slice()),
        ("content.xml", b"<o><office:body><text:p>Body.</text:p></office:body></o>"),
        (
            "styles.xml",
            b"<s><office:master-styles><style:header><text:p>OFFICIAL</text:p></style:header></office:master-styles></s>",
        ),
    ]);
    assert_eq!(
        found("a.odt", &text).text,
        "\u{2014} headers and footers \u{2014}\nOFFICIAL\n\u{2014} text \u{2014}\nBody.\n"
    );
    let sheet = package(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet".as_slice()),
        (
            "content.xml",
            b"<o><number:text>-</number:text><style:style style:name='h'><style:table-properties table:display='false'/></style:style>\
              <office:body><table:table table:name='Kept' table:style-name='h'><table:table-row>\
              <table:table-cell table:number-columns-repeated='2'/><table:table-cell table:number-columns-repeated='3'>\
              <text:p>x</text:p></table:table-cell><table:table-cell><text:p>y</text:p></table:table-cell></table:table-row>\
              </table:table></office:body></o>",
        ),
    ]);
    assert_eq!(found("a.ods", &sheet).text.trim_end(), "\u{2014} Kept (hidden) \u{2014}\n\t\tx\tx\tx\ty");
}

#[test]
fn what_answers_an_invitation_offers_no_hearing() {
    let invitation = |method: &str, lines: &str| {
        let text = format!(
            "BEGIN:VCALENDAR\r\nMETHOD:{method}\r\nBEGIN:VEVENT\r\nSUMMARY:PTPH\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        found("a.ics", text.as_bytes())
    };
    let start = "DTSTART:20260602T100000";
    for method in ["REPLY", "COUNTER", "DECLINECOUNTER", "REFRESH"] {
        let shown = invitation(method, start);
        assert!(shown.invited.is_none() && shown.notes.len() == 1, "{method}: {:?}", shown.notes);
    }
    let changed = invitation("REQUEST", &format!("{start}\r\nSEQUENCE:2"));
    assert!(changed.invited.is_some() && changed.notes[0].contains("changes an invitation"), "{:?}", changed.notes);
    assert!(changed.notes[1].contains("names no zone"), "{:?}", changed.notes);
    let days = invitation("REQUEST", "DTSTART;VALUE=DATE:20260602\r\nDTEND;VALUE=DATE:20260605");
    assert!(days.text.contains("When: 2026-06-02 to 2026-06-04"), "{}", days.text);
    // One time of an event before the event itself.
    let lines = "RECURRENCE-ID:20260312T100000\r\nDTSTART:20260312T140000\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nDTSTART:20260305T100000\r\nRRULE:FREQ=WEEKLY";
    assert_eq!(invitation("REQUEST", lines).invited.unwrap().start, "2026-03-05T10:00:00");
}

#[test]
fn text_boxes_and_annotations_of_rtf_are_shown() {
    let boxed = r"{\shp{\*\shpinst\shpleft0{\sp{\sn shapeType}{\sv 202}}{\shptxt \pard The statement}}{\shprslt{\*\do{\dptxbxtext twice}}\par twice}}";
    let old = r"{\*\do\dobxcolumn{\dptxbx{\dptxbxtext Old box\par}}\dpx0}";
    let alone = r"{\shp{\*\shpinst{\sp{\sn a}{\sv b}}}{\shprslt Only here}}";
    let noted = r"{\*\atnid BQ}{\*\atnauthor Beatrice Quill}\chatn{\*\annotation{\*\atnref 1}{\*\atndate 12345}\pard is that so?}";
    let nobody = r"{\*\annotation who?}";
    let text = |rtf: &str| found("a.rtf", format!(r"{{\rtf1 Before{rtf}after}}").as_bytes()).text;
    assert_eq!(text(boxed), "Before\nThe statement\nafter");
    assert_eq!(text(old), "Before\nOld box\n\nafter");
    assert_eq!(text(alone), "BeforeOnly hereafter");
    assert_eq!(text(noted), "Before\n(remark, as it says by Beatrice Quill) is that so?\nafter");
    assert_eq!(text(nobody), "Before\n(remark) who?\nafter");
    assert_eq!(text(r"{\*\unknown{\sv unseen}}"), "Beforeafter");
}

#[test]
fn an_open_document_has_one_body() {
    let text = package(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text".as_slice()),
        (
            "content.xml",
            b"<o><number:text>-</number:text><office:body><text:p>One.</text:p><x:body><text:p>Two.</text:p></x:body></office:body></o>",
        ),
    ]);
    assert_eq!(found("a.odt", &text).text, "One.\nTwo.\n");
}

#[test]
fn an_event_that_says_how_long_it_is_says_when_it_ends() {
    let when = |lines: &str| {
        let text = format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
        let shown = found("a.ics", text.as_bytes()).text;
        shown.lines().find_map(|line| line.strip_prefix("When: ")).unwrap().to_owned()
    };
    for (lines, expected) in [
        ("DTSTART:20260602T100000\r\nDURATION:PT1H30M", "2026-06-02 10:00:00 to 2026-06-02 11:30:00 (London)"),
        ("DURATION:P1DT2H\r\nDTSTART:20260602T100000Z", "2026-06-02 11:00:00 to 2026-06-03 13:00:00 (London)"),
        ("DTSTART;VALUE=DATE:20260602\r\nDURATION:P3D", "2026-06-02 to 2026-06-04 (London)"),
        ("DTSTART;VALUE=DATE:20260602\r\nDURATION:P1W", "2026-06-02 to 2026-06-08 (London)"),
        ("DTSTART;VALUE=DATE:20260602\r\nDURATION:P1D", "2026-06-02 (London)"),
        // Over the night in which the clocks go back.
        ("DTSTART:20261024T230000\r\nDURATION:PT4H", "2026-10-24 23:00:00 to 2026-10-25 02:00:00 (London)"),
        (
            "DTSTART:20260602T100000\r\nDTEND:20260602T110000\r\nDURATION:PT5H",
            "2026-06-02 10:00:00 to 2026-06-02 11:00:00 (London)",
        ),
        ("DTSTART:20260602T100000\r\nBEGIN:VALARM\r\nDURATION:PT5M\r\nEND:VALARM", "2026-06-02 10:00:00 (London)"),
        ("DTSTART:20260602T100000\r\nDURATION:-PT1H", "2026-06-02 10:00:00 (London)"),
        ("DTSTART:20260602T100000\r\nDURATION:P99999999999D", "2026-06-02 10:00:00 (London)"),
        ("DTSTART;VALUE=DATE:20260602\r\nDURATION:PT1H", "2026-06-02 (London)"),
    ] {
        assert_eq!(when(lines), expected, "{lines}");
    }
}
