//! Office documents since 2007 and OpenDocument: packages (zip) of XML. Macros, what is encrypted, and what they tell of their making.

use std::io::{Read, Seek};
use std::sync::LazyLock;

use regex::bytes::Regex;
use zip::ZipArchive;

use super::budget::Budget;
use super::sift::counted;
use super::{ENTRIES_MAX, Told, count};

/// Unpacked bytes of a part that are read, as long as the budget has them.
const PART_MAX: u64 = 64 << 20;
/// Unpacked bytes of a small part.
const SMALL_MAX: u64 = 1 << 20;
/// Sheets or slides that are read.
const SHEETS_MAX: usize = 500;

/// A package, and how much of it may be unpacked.
struct Package<'a, R> {
    archive: &'a mut ZipArchive<R>,
    budget: &'a mut Budget,
}

/// Looks into a package; `None` where it is no Office document.
pub(super) fn inspect<R: Read + Seek>(archive: &mut ZipArchive<R>, budget: &mut Budget) -> Option<Vec<Told>> {
    let package = &mut Package { archive, budget };
    let names: Vec<String> = package.archive.file_names().take(ENTRIES_MAX).map(str::to_owned).collect();
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    if has("[Content_Types].xml") {
        return Some(open_xml(package, &names));
    }
    (has("mimetype") && has("content.xml")).then(|| open_document(package, &names))
}

/// The beginning of a part, unpacked.
fn part<R: Read + Seek>(package: &mut Package<'_, R>, name: &str, most: u64) -> Vec<u8> {
    let mut content = Vec::new();
    if let Ok(entry) = package.archive.by_name(name) {
        let _ = package.budget.over(entry, most).read_to_end(&mut content);
    }
    content
}

/// How often each expression stands in a part.
fn times<R: Read + Seek>(package: &mut Package<'_, R>, name: &str, expressions: &[&Regex]) -> Vec<usize> {
    match package.archive.by_name(name) {
        Ok(entry) => counted(package.budget.over(entry, PART_MAX), expressions),
        Err(_) => vec![0; expressions.len()],
    }
}

/// The text of the first element of a name in a small part; entities of XML resolved.
fn element(xml: &[u8], name: &str) -> Option<String> {
    let expression = Regex::new(&format!(r"<{}(?:\s[^>]*)?>([^<]{{1,400}})</", regex::escape(name))).ok()?;
    let found = expression.captures(xml)?.get(1)?;
    let text = String::from_utf8_lossy(found.as_bytes());
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    let text = text.replace("&amp;", "&").split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

fn open_xml<R: Read + Seek>(package: &mut Package<'_, R>, names: &[String]) -> Vec<Told> {
    let mut told = Vec::new();
    let types = part(package, "[Content_Types].xml", SMALL_MAX);
    let typed = |kind: &[u8]| memchr::memmem::find(&types, kind).is_some();
    let named = |end: &str| names.iter().any(|name| name.to_ascii_lowercase().ends_with(end));
    if named("vbaproject.bin") || typed(b"vnd.ms-office.vbaProject") {
        told.push(Told::macros("a VBA project"));
    } else if names.iter().any(|name| name.starts_with("xl/macrosheets/")) || typed(b"ms-excel.macrosheet") {
        told.push(Told::macros("Excel 4.0 macro sheets"));
    }
    if names.iter().any(|name| name.contains("/embeddings/oleObject") || name.contains("/activeX/")) {
        told.push(Told::new(
            "embedded-object",
            super::Grade::Ask,
            "holds an embedded object or control, which gateways may drop",
            "Send what is embedded as a file of its own.",
        ));
    }
    let mut found = Vec::new();
    word(package, &mut found);
    workbook(package, names, &mut found);
    slides(package, names, &mut found);
    told.extend(Told::traces(&found));
    let core = part(package, "docProps/core.xml", SMALL_MAX);
    let app = part(package, "docProps/app.xml", SMALL_MAX);
    let mut people: Vec<(&str, String)> = Vec::new();
    for (what, xml, name) in [
        ("author", &core, "dc:creator"),
        ("last editor", &core, "cp:lastModifiedBy"),
        ("company", &app, "Company"),
        ("manager", &app, "Manager"),
    ] {
        people.extend(element(xml, name).map(|name| (what, name)));
    }
    told.extend(Told::author(&people));
    told
}

static INSERTED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"<w:(?:ins|moveTo)[\s>]").ok());
static DELETED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"<w:(?:del|moveFrom)[\s>]").ok());
static VANISHED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"<w:(?:vanish|webHidden)\s*/>|<w:vanish\s+w:val="(?:true|1|on)""#).ok());
static COMMENT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"<(?:w:|p:|p188:)?(?:comment|cm|threadedComment)\s").ok());
static HIDDEN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"(?-u:\b)hidden="(?:1|true)""#).ok());
static HIDDEN_SHEET: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?-u:\b)state="(?:hidden|veryHidden)""#).ok());
static HIDDEN_SLIDE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"<p:sld(?-u:\b)[^>]*(?-u:\b)show="(?:0|false)""#).ok());
static FIELD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"<a:fld\s").ok());
static RUN_OF_TEXT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"<a:t>[^<]*\S[^<]*</a:t>").ok());

/// Those of the expressions that could be made; all of them, unless somebody broke one.
fn all<const N: usize>(of: [&'static LazyLock<Option<Regex>>; N]) -> Vec<&'static Regex> {
    of.into_iter().filter_map(|one| one.as_ref()).collect()
}

fn add(found: &mut Vec<String>, number: usize, one: &str, many: &str) {
    if number > 0 {
        found.push(count(number, one, many));
    }
}

fn word<R: Read + Seek>(package: &mut Package<'_, R>, found: &mut Vec<String>) {
    let counts = times(package, "word/document.xml", &all([&INSERTED, &DELETED, &VANISHED]));
    if let [inserted, deleted, vanished] = counts.as_slice() {
        add(found, inserted + deleted, "tracked change", "tracked changes");
        add(found, *vanished, "piece of hidden text", "pieces of hidden text");
    }
    let comments: usize = times(package, "word/comments.xml", &all([&COMMENT])).iter().sum();
    add(found, comments, "comment", "comments");
}

/// The first of some parts; that there are more is noted.
fn first<'n>(parts: impl Iterator<Item = &'n String>, most: usize, budget: &mut Budget) -> Vec<&'n String> {
    let mut parts = parts.fuse();
    let found = parts.by_ref().take(most).collect();
    if parts.next().is_some() {
        budget.cut();
    }
    found
}

fn workbook<R: Read + Seek>(package: &mut Package<'_, R>, names: &[String], found: &mut Vec<String>) {
    let hidden: usize = times(package, "xl/workbook.xml", &all([&HIDDEN_SHEET])).iter().sum();
    add(found, hidden, "hidden sheet", "hidden sheets");
    let mut comments = 0_usize;
    let of_comments = |name: &&String| name.starts_with("xl/comments") || name.starts_with("xl/threadedComments/");
    for name in first(names.iter().filter(of_comments), SHEETS_MAX, package.budget) {
        // A comment stands in both kinds of part: an old one for old programs.
        let here: usize = part(package, name, PART_MAX)
            .windows(9)
            .filter(|window| matches!(*window, b"<comment " | b"<threaded"))
            .count();
        comments = comments.max(here);
    }
    add(found, comments, "comment", "comments");
    let mut rows = 0_usize;
    let sheets = names.iter().filter(|name| name.starts_with("xl/worksheets/sheet"));
    for name in first(sheets, SHEETS_MAX, package.budget) {
        rows += times(package, name, &all([&HIDDEN])).iter().sum::<usize>();
    }
    add(found, rows, "hidden row or column", "hidden rows or columns");
}

fn slides<R: Read + Seek>(package: &mut Package<'_, R>, names: &[String], found: &mut Vec<String>) {
    let (mut hidden, mut notes, mut comments) = (0_usize, 0_usize, 0_usize);
    let of_slides = names.iter().filter(|name| name.starts_with("ppt/"));
    for name in first(of_slides, 4 * SHEETS_MAX, package.budget) {
        if name.starts_with("ppt/slides/slide") {
            hidden += times(package, name, &all([&HIDDEN_SLIDE])).iter().sum::<usize>();
        } else if name.starts_with("ppt/notesSlides/notesSlide") {
            // The number of the slide is a text too.
            let texts = times(package, name, &all([&RUN_OF_TEXT, &FIELD]));
            notes += usize::from(texts.first() > texts.get(1));
        } else if name.starts_with("ppt/comments/") {
            comments += times(package, name, &all([&COMMENT])).iter().sum::<usize>();
        }
    }
    add(found, hidden, "hidden slide", "hidden slides");
    add(found, notes, "slide with speaker notes", "slides with speaker notes");
    add(found, comments, "comment", "comments");
}

static ODF_CHANGE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"<text:changed-region[\s>]").ok());
static ODF_NOTE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"<office:annotation[\s>]").ok());
static ODF_HIDDEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"<text:hidden-(?:text|paragraph)(?-u:\b)|(?-u:\b)text:display="none"|(?-u:\b)table:display="false""#)
        .ok()
});

fn open_document<R: Read + Seek>(package: &mut Package<'_, R>, names: &[String]) -> Vec<Told> {
    let mut told = Vec::new();
    let manifest = part(package, "META-INF/manifest.xml", SMALL_MAX);
    if memchr::memmem::find(&manifest, b"encryption-data").is_some() {
        return vec![Told::locked("an OpenDocument")];
    }
    if names.iter().any(|name| name.starts_with("Basic/") && name.ends_with(".xml") && name.matches('/').count() > 1)
        || names.iter().any(|name| name.starts_with("Scripts/") && !name.ends_with('/'))
    {
        told.push(Told::macros("Basic or scripts"));
    }
    let mut found = Vec::new();
    let counts = times(package, "content.xml", &all([&ODF_CHANGE, &ODF_NOTE, &ODF_HIDDEN]));
    if let [changes, notes, hidden] = counts.as_slice() {
        add(&mut found, *changes, "tracked change", "tracked changes");
        add(&mut found, *notes, "comment", "comments");
        add(&mut found, *hidden, "piece of hidden text", "pieces of hidden text");
    }
    told.extend(Told::traces(&found));
    let meta = part(package, "meta.xml", SMALL_MAX);
    let mut people: Vec<(&str, String)> = Vec::new();
    for (what, name) in [("author", "meta:initial-creator"), ("last editor", "dc:creator")] {
        people.extend(element(&meta, name).map(|name| (what, name)));
    }
    told.extend(Told::author(&people));
    told
}
