//! A page of a PDF made plain: only what places and shows text, forms within it written out, every font under a name of its own.
//!
//! The library that reads letters gives up a page for what has nothing to do with its letters (a colour that is missing), takes a font by its name for
//! that of the page where a form has another under it, and passes over two of the four operators that show text. Plain pages have none of that.

use std::collections::BTreeMap;

use lopdf::content::{Content, Operation};
use lopdf::{Dictionary, Document, Object, ObjectId, Stream};

use super::annotation;
use super::codes::Codes;
use super::font::{self, Form, Letters, behind, entry, number};

/// Forms within forms.
const DEPTH_MAX: usize = 12;
/// Operators that are read of a page, those of its forms with them.
const OPERATIONS_MAX: usize = 400_000;
/// Steps from a page to the root of the document.
const PARENTS_MAX: usize = 50;
/// Fields, stamps and remarks of a page.
const ANNOTATIONS_MAX: usize = 2_000;
/// What stands where letters are that nobody knows.
const UNKNOWN: &str = "[?]";

/// A font that a page uses.
pub(super) struct Used {
    dictionary: Dictionary,
    letters: Letters,
    /// How it is given to the library.
    pub(super) form: Form,
    /// The letters that the page shows, each under a code of ours.
    codes: BTreeMap<char, u16>,
    /// Strings that are shown in it.
    pub(super) strings: usize,
}

impl Used {
    /// Whether its letters are known.
    pub(super) fn is_mute(&self) -> bool {
        matches!(self.letters, Letters::Unknown) || self.form == Form::Mute
    }

    /// As the document has it.
    pub(super) fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    /// A code for a letter: its own, where it has one of two octets that is not taken.
    fn code(&mut self, letter: char) -> u16 {
        if let Some(code) = self.codes.get(&letter) {
            return *code;
        }
        let beyond = self.codes.keys().filter(|known| u32::from(**known) > 0xffff).count();
        let private = 0xe000_u16.saturating_add(u16::try_from(beyond).unwrap_or(u16::MAX).min(0x18ff));
        let code = u16::try_from(u32::from(letter)).unwrap_or(private);
        self.codes.insert(letter, code);
        code
    }
}

/// A page made plain.
pub(super) struct Page {
    operations: Vec<Step>,
    /// By their places in the steps.
    pub(super) fonts: Vec<Used>,
    media_box: Vec<Object>,
    /// What was remarked on it.
    pub(super) remarks: Vec<String>,
    /// More was on it than is read.
    pub(super) cut: bool,
}

/// A step of a plain page.
enum Step {
    /// An operator as it is.
    Kept(Operation),
    /// A text in a font: strings, and gaps between them.
    Text(Chosen, Vec<Piece>),
}

/// A font that was chosen: its place, and its size. It is part of the state that `q` keeps and `Q` takes back (ISO 32000-1 §8.4.2).
#[derive(Clone, Copy, PartialEq)]
struct Chosen {
    place: usize,
    size: f32,
}

enum Piece {
    String(Vec<u8>),
    Gap(f32),
}

/// An entry of a page, or of what it is in.
fn inherited<'a>(document: &'a Document, page: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
    let mut at = page;
    for _ in 0..PARENTS_MAX {
        if let Some(found) = entry(document, at, key) {
            return Some(found);
        }
        at = entry(document, at, b"Parent")?.as_dict().ok()?;
    }
    None
}

/// What a page is read into.
struct Reader<'a> {
    document: &'a Document,
    page: Page,
    known: BTreeMap<Known, usize>,
    /// Operators that were read.
    count: usize,
    /// Texts that were, and those of them whose letters are known.
    texts: usize,
    told: usize,
}

/// What makes a font the same: its number, or where it stands in memory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    Number(ObjectId),
    Place(usize),
    Missing,
    /// The one that what was filled in is shown in where the document does not draw it.
    Own,
}

impl Page {
    /// Reads a page; `None` where it cannot be read.
    pub(super) fn read(document: &Document, id: ObjectId) -> Option<Self> {
        let page = document.get_dictionary(id).ok()?;
        let numbers = inherited(document, page, b"MediaBox").and_then(|found| found.as_array().ok());
        let numbers = numbers.map(|list| list.iter().filter_map(|one| behind(document, one).and_then(number)));
        let media_box: Vec<Object> = numbers.into_iter().flatten().map(Object::Real).collect();
        let a4 = || [0.0, 0.0, 595.0, 842.0].map(Object::Real).to_vec();
        let media_box = if media_box.len() == 4 { media_box } else { a4() };
        let mut reader = Reader {
            document,
            page: Self { operations: Vec::new(), fonts: Vec::new(), media_box, remarks: Vec::new(), cut: false },
            known: BTreeMap::new(),
            count: 0,
            texts: 0,
            told: 0,
        };
        let none = Dictionary::new();
        let resources = inherited(document, page, b"Resources").and_then(|found| found.as_dict().ok()).unwrap_or(&none);
        let content = document.get_page_content(id).ok()?;
        reader.walk(&content, resources, None, 0);
        reader.annotations(page);
        Some(reader.page)
    }

    /// Puts the plain page in the place of a page; of its texts those whose font `only` names, or all.
    pub(super) fn put(&self, document: &mut Document, id: ObjectId, only: Option<usize>) {
        let mut operations = Vec::new();
        let (mut said, mut is_unknown_said) = (None, false);
        let set =
            |place: String, size: f32| Operation::new("Tf", vec![Object::Name(place.into_bytes()), Object::Real(size)]);
        for step in &self.operations {
            match step {
                Step::Kept(operation) => {
                    // What it takes back, the font with it, is the library's to know.
                    said = said.filter(|_| operation.operator != "Q");
                    operations.push(operation.clone());
                }
                Step::Text(font, pieces) => {
                    let Some(used) = self.fonts.get(font.place) else { continue };
                    if only.is_some_and(|only| only != font.place) {
                        continue;
                    }
                    if used.is_mute() {
                        // Once for all that stand together.
                        if !is_unknown_said {
                            operations.push(set("M".to_owned(), font.size));
                            operations.push(Operation::new("Tj", vec![Object::string_literal(UNKNOWN)]));
                            said = None;
                        }
                        is_unknown_said = true;
                        continue;
                    }
                    is_unknown_said = false;
                    if said != Some(*font) {
                        operations.push(set(format!("F{}", font.place), font.size));
                        said = Some(*font);
                    }
                    operations.push(Operation::new("TJ", vec![Object::Array(used.shown(pieces))]));
                }
            }
        }
        let content = Content { operations }.encode().unwrap_or_default();
        let mut fonts = Dictionary::new();
        let mut marks = Dictionary::new();
        for (key, value) in [("Subtype", "Type1"), ("BaseFont", "Helvetica"), ("Encoding", "WinAnsiEncoding")] {
            marks.set(key, Object::Name(value.as_bytes().to_vec()));
        }
        fonts.set("M", Object::Dictionary(marks.clone()));
        for (place, used) in self.fonts.iter().enumerate() {
            let is_there = !used.is_mute() && only.is_none_or(|only| only == place);
            let made = match &used.letters {
                _ if !is_there => marks.clone(),
                Letters::Own => font::made(document, &used.dictionary, used.form),
                _ => font::of_letters(&used.codes.iter().map(|(letter, code)| (*code, *letter)).collect::<Vec<_>>()),
            };
            fonts.set(format!("F{place}"), Object::Dictionary(made));
        }
        let mut resources = Dictionary::new();
        resources.set("Font", Object::Dictionary(fonts));
        // The same place for each page: there is never more than one that is plain.
        let place = (document.max_id.saturating_add(1), 0);
        document.objects.insert(place, Object::Stream(Stream::new(Dictionary::new(), content)));
        if let Ok(page) = document.get_dictionary_mut(id) {
            page.set("Resources", Object::Dictionary(resources));
            page.set("Contents", Object::Reference(place));
            page.set("MediaBox", Object::Array(self.media_box.clone()));
            page.remove(b"ArtBox");
            page.remove(b"Annots");
        }
    }
}

impl Used {
    fn shown(&self, pieces: &[Piece]) -> Vec<Object> {
        let one = |piece: &Piece| match piece {
            Piece::Gap(gap) => Object::Real(*gap),
            Piece::String(bytes) => Object::String(self.bytes(bytes), lopdf::StringFormat::Hexadecimal),
        };
        pieces.iter().map(one).collect()
    }

    /// A string in the codes that the library is given.
    fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        match &self.letters {
            Letters::Codes(codes) => {
                let code = |letter: char| self.codes.get(&letter).copied().unwrap_or(0xfffd).to_be_bytes();
                codes.text(bytes).chars().flat_map(code).collect()
            }
            _ => bytes.to_vec(),
        }
    }
}

impl Reader<'_> {
    fn walk(&mut self, content: &[u8], resources: &Dictionary, font: Option<Chosen>, depth: usize) {
        let Ok(content) = Content::decode(content) else {
            self.page.cut = true;
            return;
        };
        let (mut font, mut kept) = (font, Vec::new());
        for operation in content.operations {
            self.count += 1;
            if self.count > OPERATIONS_MAX || self.page.operations.len() >= OPERATIONS_MAX {
                self.page.cut = true;
                break;
            }
            match operation.operator.as_str() {
                "q" => kept.push(font),
                // What a form did not keep, it does not take back.
                "Q" => match kept.pop() {
                    Some(before) => font = before,
                    None => continue,
                },
                "Tf" => {
                    font = self.chosen(&operation, resources).or(font);
                    continue;
                }
                "Do" => {
                    self.form(&operation, resources, font, depth);
                    continue;
                }
                _ => {}
            }
            self.step(operation, font);
        }
        // What was not closed is closed.
        for _ in kept {
            self.keep("Q", Vec::new());
        }
    }

    fn keep(&mut self, operator: &str, operands: Vec<Object>) {
        self.page.operations.push(Step::Kept(Operation::new(operator, operands)));
    }

    /// Keeps an operator that places or shows text.
    fn step(&mut self, operation: Operation, font: Option<Chosen>) {
        let numbers = |many: usize| -> Option<Vec<Object>> {
            let all: Vec<Object> = operation.operands.iter().filter_map(number).map(Object::Real).collect();
            Some(all.get(all.len().checked_sub(many)?..)?.to_vec())
        };
        let many = match operation.operator.as_str() {
            "q" | "Q" | "BT" | "ET" | "T*" => 0,
            "Tc" | "Tw" | "Tz" | "TL" | "Ts" => 1,
            "Td" | "TD" => 2,
            "cm" | "Tm" => 6,
            "Tj" => return self.text(operation.operands.as_slice(), font),
            "TJ" => {
                let list = operation.operands.iter().find_map(|one| one.as_array().ok());
                return self.text(list.map(Vec::as_slice).unwrap_or_default(), font);
            }
            "'" => {
                self.keep("T*", Vec::new());
                return self.text(operation.operands.as_slice(), font);
            }
            "\"" => {
                if let Some([word, letter]) = numbers(2).as_deref() {
                    self.keep("Tw", vec![word.clone()]);
                    self.keep("Tc", vec![letter.clone()]);
                }
                self.keep("T*", Vec::new());
                let last = operation.operands.last().cloned();
                return self.text(last.as_slice(), font);
            }
            _ => return,
        };
        if let Some(operands) = numbers(many) {
            self.keep(&operation.operator, operands);
        }
    }

    fn text(&mut self, list: &[Object], font: Option<Chosen>) {
        let piece = |one: &Object| match one {
            Object::String(bytes, _) => Some(Piece::String(bytes.clone())),
            other => number(other).map(Piece::Gap),
        };
        let pieces: Vec<Piece> = list.iter().filter_map(piece).collect();
        let Some((font, used)) = font.and_then(|font| Some((font, self.page.fonts.get_mut(font.place)?))) else {
            return;
        };
        for piece in &pieces {
            let Piece::String(bytes) = piece else { continue };
            used.strings += usize::from(!bytes.is_empty());
            if let Letters::Codes(codes) = used.letters {
                for letter in codes.text(bytes).chars() {
                    used.code(letter);
                }
            }
        }
        let is_known = !used.is_mute();
        if pieces.iter().any(|piece| matches!(piece, Piece::String(bytes) if !bytes.is_empty())) {
            self.told += usize::from(is_known);
            self.page.operations.push(Step::Text(font, pieces));
            self.texts += 1;
        }
    }

    /// The font and size that an operator names.
    fn chosen(&mut self, operation: &Operation, resources: &Dictionary) -> Option<Chosen> {
        let name = operation.operands.iter().find_map(|one| one.as_name().ok())?;
        let size = operation.operands.iter().rev().find_map(number)?;
        let fonts = entry(self.document, resources, b"Font").and_then(|fonts| fonts.as_dict().ok());
        let object = fonts.and_then(|fonts| fonts.get(name).ok());
        let found = object.and_then(|object| behind(self.document, object)).and_then(|found| found.as_dict().ok());
        let known = match (object, found) {
            (Some(Object::Reference(id)), Some(_)) => Known::Number(*id),
            (_, Some(found)) => Known::Place(std::ptr::from_ref(found).addr()),
            (_, None) => Known::Missing,
        };
        let dictionary = found.cloned().unwrap_or_default();
        let letters = found.map_or(Letters::Unknown, |found| font::letters(self.document, found));
        Some(Chosen { place: self.font(known, dictionary, letters), size })
    }

    /// The place of a font.
    fn font(&mut self, known: Known, dictionary: Dictionary, letters: Letters) -> usize {
        if let Some(place) = self.known.get(&known) {
            return *place;
        }
        let place = self.page.fonts.len();
        let used = Used { dictionary, letters, form: Form::Whole, codes: BTreeMap::new(), strings: 0 };
        self.page.fonts.push(used);
        self.known.insert(known, place);
        place
    }

    /// Writes out what lies upon the page.
    fn annotations(&mut self, page: &Dictionary) {
        let all = entry(self.document, page, b"Annots").and_then(|all| all.as_array().ok());
        self.page.cut |= all.is_some_and(|all| all.len() > ANNOTATIONS_MAX);
        let all = all.into_iter().flatten().take(ANNOTATIONS_MAX);
        for found in all.filter_map(|one| behind(self.document, one).and_then(|one| one.as_dict().ok())) {
            let Some(one) = annotation::read(self.document, found) else { continue };
            let (before, (x, y)) = ((self.texts, self.told, self.page.operations.len()), one.offset);
            let strings: Vec<usize> = self.page.fonts.iter().map(|used| used.strings).collect();
            if let Some(drawn) = one.drawn {
                self.keep("q", Vec::new());
                self.keep("cm", [1.0, 0.0, 0.0, 1.0, x, y].map(Object::Real).to_vec());
                self.written_out(drawn, &Dictionary::new(), None, 1);
                self.keep("Q", Vec::new());
            }
            // What was filled in is known where the letters that it is drawn in are not.
            let (drawn, told) = (self.texts - before.0, self.told - before.1);
            if let Some(value) = one.value.filter(|_| told < drawn || drawn == 0) {
                if told == 0 {
                    self.page.operations.truncate(before.2);
                    let strings = strings.into_iter().chain(std::iter::repeat(0));
                    self.page.fonts.iter_mut().zip(strings).for_each(|(used, count)| used.strings = count);
                }
                self.value(&value, one.corner);
            }
            self.page.cut |= one.cut;
            self.page.remarks.extend(one.remark);
        }
    }

    /// Shows what was filled in.
    fn value(&mut self, value: &str, (x, y): (f32, f32)) {
        let place = self.font(Known::Own, Dictionary::new(), Letters::Codes(Codes::Unicode(2)));
        self.keep("q", Vec::new());
        self.keep("BT", Vec::new());
        self.keep("TL", vec![Object::Real(12.0)]);
        self.keep("Tm", [1.0, 0.0, 0.0, 1.0, x, y].map(Object::Real).to_vec());
        for line in value.lines() {
            let bytes: Vec<u8> = line.encode_utf16().flat_map(u16::to_be_bytes).collect();
            self.text(&[Object::String(bytes, lopdf::StringFormat::Hexadecimal)], Some(Chosen { place, size: 10.0 }));
            self.keep("T*", Vec::new());
        }
        self.keep("ET", Vec::new());
        self.keep("Q", Vec::new());
    }

    /// Writes a form out in its place. Pictures are none.
    fn form(&mut self, operation: &Operation, resources: &Dictionary, font: Option<Chosen>, depth: usize) {
        let found = || {
            let name = operation.operands.first()?.as_name().ok()?;
            let all = entry(self.document, resources, b"XObject")?.as_dict().ok()?;
            let form = entry(self.document, all, name)?.as_stream().ok()?;
            entry(self.document, &form.dict, b"Subtype")?.as_name().ok().filter(|kind| *kind == b"Form")?;
            Some(form)
        };
        if let Some(form) = found() {
            self.written_out(form, resources, font, depth);
        }
    }

    fn written_out(&mut self, form: &Stream, resources: &Dictionary, font: Option<Chosen>, depth: usize) {
        let content = Some(form).filter(|_| depth < DEPTH_MAX).and_then(|form| form.get_plain_content().ok());
        let Some(content) = content else {
            self.page.cut = true;
            return;
        };
        let own = entry(self.document, &form.dict, b"Resources").and_then(|own| own.as_dict().ok());
        let matrix = entry(self.document, &form.dict, b"Matrix").and_then(|matrix| matrix.as_array().ok());
        let matrix: Vec<Object> = matrix.into_iter().flatten().filter_map(number).map(Object::Real).collect();
        self.keep("q", Vec::new());
        if matrix.len() == 6 {
            self.keep("cm", matrix);
        }
        self.walk(&content, own.unwrap_or(resources), font, depth + 1);
        self.keep("Q", Vec::new());
    }
}
