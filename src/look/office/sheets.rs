//! Workbooks: each sheet by its name, a line for each row, a cell in its own column. Values as they were saved; days are told as days.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::walk::reference_of;
use super::{Package, SHEETS_MAX, attribute, damaged, part, relations};
use crate::look::{Found, LookError, TEXT_MAX};

/// Texts that cells share.
const STRINGS_MAX: usize = 1_000_000;
/// Empty columns that are shown as such; behind more of them a cell is told with its name.
const GAP_MAX: usize = 30;

/// A sheet.
struct Sheet {
    name: String,
    hidden: bool,
    part: String,
}

/// What a number tells by its style.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tells {
    #[default]
    Number,
    /// A day or a time of it.
    Day,
    /// Time that went by, which may be more than a day.
    Elapsed,
}

/// What the cells of a workbook refer to.
#[derive(Default)]
struct Book {
    /// Texts that they share.
    shared: Vec<String>,
    /// Of each style, what its number tells.
    days: Vec<Tells>,
    /// Days are counted from 1904.
    from_1904: bool,
}

/// Looks into a workbook.
pub(super) fn look(package: &mut Package<'_>, main: &str) -> Result<Found, LookError> {
    let relations = relations(package, main);
    let target = |kind: &str, usual: &str| {
        let named = relations.values().find(|one| one.kind == kind).map(|one| one.target.clone());
        named.unwrap_or_else(|| usual.to_owned())
    };
    let (main_xml, _) = part(package, main).ok_or_else(|| damaged("Excel workbook"))?;
    let shared = part(package, &target("sharedStrings", "xl/sharedStrings.xml"));
    let styles = part(package, &target("styles", "xl/styles.xml"));
    let (mut sheets, from_1904) = sheets(&main_xml);
    for sheet in &mut sheets {
        let found = relations.get(&sheet.part).map(|one| one.target.clone());
        sheet.part = found.unwrap_or_default();
    }
    sheets.retain(|sheet| !sheet.part.is_empty());
    if sheets.is_empty() {
        let usual = |number: usize| Sheet {
            name: format!("sheet {number}"),
            hidden: false,
            part: format!("xl/worksheets/sheet{number}.xml"),
        };
        sheets = (1..=SHEETS_MAX).map(usual).collect();
        sheets.retain(|sheet| package.index_for_name(&sheet.part).is_some());
    }
    if sheets.is_empty() {
        return Err(damaged("Excel workbook"));
    }
    let book = Book {
        shared: shared.map(|(xml, _)| strings(&xml)).unwrap_or_default(),
        days: styles.map(|(xml, _)| days(&xml)).unwrap_or_default(),
        from_1904,
    };
    let (mut text, mut cut, mut broken) = (String::new(), false, false);
    for sheet in sheets.iter().take(SHEETS_MAX) {
        let hidden = if sheet.hidden { " (hidden)" } else { "" };
        text.push_str(&format!("— {}{hidden} —\n", sheet.name));
        match part(package, &sheet.part) {
            Some((xml, is_cut)) => {
                cut |= is_cut;
                broken |= !cells(&xml, &book, &mut text);
            }
            None => text.push_str("(it cannot be read)\n"),
        }
        if text.len() > TEXT_MAX {
            break;
        }
    }
    let remarked = package.file_names().any(|name| name.starts_with("xl/") && name.to_lowercase().contains("comments"));
    let mut found = Found::text("Excel workbook", text).note("Values as they were saved; nothing was worked out anew.");
    let notes = [
        (sheets.len() > SHEETS_MAX, "It has more sheets than are shown."),
        (cut, "It is larger than is read: only the beginning of a sheet is shown."),
        (broken && !cut, "It is damaged: what comes behind the damage is not shown."),
        (remarked, "Its cells have comments, which are not shown."),
    ];
    for (_, note) in notes.into_iter().filter(|(is_so, _)| *is_so) {
        found = found.note(note);
    }
    Ok(found)
}

/// The sheets in their order, each with the id of its part; and whether days are counted from 1904.
fn sheets(xml: &[u8]) -> (Vec<Sheet>, bool) {
    let mut reader = Reader::from_reader(xml);
    let (mut sheets, mut from_1904) = (Vec::new(), false);
    while let Ok(event) = reader.read_event() {
        let one = match &event {
            Event::Eof => break,
            Event::Start(one) | Event::Empty(one) => one,
            _ => continue,
        };
        match one.local_name().as_ref() {
            b"workbookPr" => {
                from_1904 = attribute(one, b"date1904").is_some_and(|value| value == "1" || value == "true");
            }
            b"sheet" => sheets.push(Sheet {
                name: attribute(one, b"name").unwrap_or_default(),
                hidden: attribute(one, b"state").is_some_and(|state| state != "visible"),
                part: attribute(one, b"id").unwrap_or_default(),
            }),
            _ => {}
        }
    }
    (sheets, from_1904)
}

/// Of each style of a cell, what its number tells.
fn days(xml: &[u8]) -> Vec<Tells> {
    let mut reader = Reader::from_reader(xml);
    let mut own: Vec<(u32, Tells)> = Vec::new();
    let (mut days, mut inside) = (Vec::new(), false);
    while let Ok(event) = reader.read_event() {
        let one = match &event {
            Event::Eof => break,
            Event::End(end) if end.local_name().as_ref() == b"cellXfs" => {
                inside = false;
                continue;
            }
            Event::Start(one) | Event::Empty(one) => one,
            _ => continue,
        };
        let number = || attribute(one, b"numFmtId").and_then(|id| id.parse::<u32>().ok());
        match one.local_name().as_ref() {
            b"numFmt" => {
                let code = attribute(one, b"formatCode").unwrap_or_default();
                own.extend(number().map(|id| (id, tells(&code))));
            }
            b"cellXfs" => inside = true,
            b"xf" if inside => {
                let id = number().unwrap_or_default();
                let known = own.iter().find(|(known, _)| *known == id).map(|(_, tells)| *tells);
                // ECMA-376 part 1 §18.8.30: those that need no code of their own.
                days.push(known.unwrap_or(match id {
                    46 => Tells::Elapsed,
                    14..=22 | 27..=36 | 45 | 47 | 50..=58 => Tells::Day,
                    _ => Tells::Number,
                }));
            }
            _ => {}
        }
    }
    days
}

/// What a format of numbers tells: a day or a time by a `d`, `m`, `y`, `h` or `s` outside of quotes and brackets; time that went by, where the first of
/// them stands in brackets (`[h]:mm:ss`).
fn tells(code: &str) -> Tells {
    let (mut quoted, mut bracket) = (false, None::<String>);
    let mut chars = code.chars();
    while let Some(c) = chars.next() {
        match (c, &mut bracket) {
            (']', Some(held)) => {
                let is_elapsed = ["h", "m", "s"].iter().any(|one| !held.is_empty() && held.replace(one, "").is_empty());
                if is_elapsed {
                    return Tells::Elapsed;
                }
                bracket = None;
            }
            (_, Some(held)) => held.extend(c.to_lowercase()),
            ('"', None) => quoted = !quoted,
            (_, None) if quoted => {}
            ('\\' | '_' | '*', None) => drop(chars.next()),
            ('[', None) => bracket = Some(String::new()),
            ('d' | 'D' | 'm' | 'M' | 'y' | 'Y' | 'h' | 'H' | 's' | 'S', None) => return Tells::Day,
            _ => {}
        }
    }
    Tells::Number
}

/// Time that went by, from days: hours, minutes and seconds.
fn elapsed(value: &str) -> Option<String> {
    let days: f64 = value.parse().ok()?;
    if !(0.0..2_958_466.0).contains(&days) {
        return None;
    }
    let seconds = (days * 86_400.0).round() as u64;
    Some(format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60))
}

/// A day as Excel counts them.
fn day(value: &str, from_1904: bool) -> Option<String> {
    let number: f64 = value.parse().ok()?;
    if !(0.0..2_958_466.0).contains(&number) {
        return None;
    }
    let seconds = (number.fract() * 86_400.0).round() as i64;
    let whole = number.trunc() as i64;
    // Excel takes 1900 for a leap year: days before its 29 February that never was are one off.
    let first = match (from_1904, whole) {
        (true, _) => jiff::civil::date(1904, 1, 1),
        (false, ..60) => jiff::civil::date(1899, 12, 31),
        (false, _) => jiff::civil::date(1899, 12, 30),
    };
    let span = jiff::Span::new().try_days(whole).ok()?.try_seconds(seconds).ok()?;
    let at = first.at(0, 0, 0, 0).checked_add(span).ok()?;
    let time = at.strftime(if at.second() == 0 { "%H:%M" } else { "%H:%M:%S" });
    Some(match (whole, at.time() == jiff::civil::Time::midnight()) {
        (0, _) if !from_1904 => time.to_string(),
        (_, true) => at.date().to_string(),
        (_, false) => format!("{} {time}", at.date()),
    })
}

fn strings(xml: &[u8]) -> Vec<String> {
    let mut reader = Reader::from_reader(xml);
    let mut all: Vec<String> = Vec::new();
    let (mut now, mut inside, mut sounds, mut bytes) = (String::new(), false, false, 0_usize);
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Eof => break,
            // How it is pronounced is no text of it.
            Event::Start(start) if start.local_name().as_ref() == b"rPh" => sounds = true,
            Event::End(end) if end.local_name().as_ref() == b"rPh" => sounds = false,
            Event::Start(start) if start.local_name().as_ref() == b"t" => inside = !sounds,
            Event::End(end) if end.local_name().as_ref() == b"t" => inside = false,
            Event::End(end) if end.local_name().as_ref() == b"si" => all.push(std::mem::take(&mut now)),
            Event::Empty(empty) if empty.local_name().as_ref() == b"si" => all.push(String::new()),
            Event::Text(piece) if inside => {
                let piece = piece.decode().unwrap_or_default();
                bytes = bytes.saturating_add(piece.len());
                now.push_str(&piece);
            }
            Event::GeneralRef(reference) if inside => now.extend(reference_of(&reference)),
            _ => {}
        }
        if all.len() >= STRINGS_MAX || bytes > TEXT_MAX * 4 {
            break;
        }
    }
    all
}

/// A cell that is being read.
#[derive(Default)]
struct Cell {
    kind: String,
    style: usize,
    value: String,
    formula: String,
}

impl Cell {
    fn of(start: &BytesStart<'_>) -> Self {
        Self {
            kind: attribute(start, b"t").unwrap_or_default(),
            style: attribute(start, b"s").and_then(|style| style.parse().ok()).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// As a person reads it.
    fn text(&self, book: &Book) -> String {
        let plain = || self.value.replace(['\n', '\r', '\t'], " ");
        match self.kind.as_str() {
            "s" => {
                let found = self.value.parse::<usize>().ok().and_then(|at| book.shared.get(at));
                found.map_or_else(plain, |text| text.replace(['\n', '\r', '\t'], " "))
            }
            "b" => if self.value.trim() == "1" { "TRUE" } else { "FALSE" }.to_owned(),
            "" | "n" if self.value.is_empty() && !self.formula.is_empty() => format!("={}", self.formula),
            "" | "n" => match book.days.get(self.style).copied().unwrap_or_default() {
                Tells::Day => day(self.value.trim(), book.from_1904).unwrap_or_else(plain),
                Tells::Elapsed => elapsed(self.value.trim()).unwrap_or_else(plain),
                Tells::Number => plain(),
            },
            _ => plain(),
        }
    }
}

/// The column that a name of a cell says: `C7` is the third, 2.
fn column(name: &str) -> Option<usize> {
    let letters = name.bytes().take_while(u8::is_ascii_uppercase);
    let (mut number, mut count) = (0_usize, 0_usize);
    for letter in letters {
        number = number.checked_mul(26)?.checked_add(usize::from(letter - b'A') + 1)?;
        count += 1;
    }
    number.checked_sub(1).filter(|_| count <= 3)
}

/// Puts tabs before a cell up to its column; tells how it is called where that would be too many.
fn place(name: Option<&str>, next: &mut usize, text: &mut String) {
    let at = name.and_then(column).filter(|at| *at >= *next).unwrap_or(*next);
    let is_first = *next == 0;
    if at - *next > GAP_MAX {
        text.push_str(if is_first { "" } else { "\t" });
        text.push_str(&format!("… {}: ", name.unwrap_or_default()));
    } else {
        let tabs = at - *next + usize::from(!is_first);
        text.extend(std::iter::repeat_n('\t', tabs));
    }
    *next = at + 1;
}

/// Adds the cells of a sheet; tells whether it was read to its end.
fn cells(xml: &[u8], book: &Book, text: &mut String) -> bool {
    let mut reader = Reader::from_reader(xml);
    let (mut cell, mut next) = (Cell::default(), 0_usize);
    let (mut in_value, mut in_formula) = (false, false);
    loop {
        if text.len() > TEXT_MAX {
            return true;
        }
        match reader.read_event() {
            Err(_) => return false,
            Ok(Event::Eof) => return true,
            Ok(Event::Start(start)) => match start.local_name().as_ref() {
                b"row" => next = 0,
                b"c" => {
                    place(attribute(&start, b"r").as_deref(), &mut next, text);
                    cell = Cell::of(&start);
                }
                b"v" | b"t" => in_value = true,
                b"f" => in_formula = true,
                _ => {}
            },
            Ok(Event::Empty(empty)) if empty.local_name().as_ref() == b"c" => {
                // It has a colour, and nothing in it.
                if attribute(&empty, b"r").is_none() {
                    place(None, &mut next, text);
                }
            }
            Ok(Event::End(end)) => match end.local_name().as_ref() {
                b"v" | b"t" => in_value = false,
                b"f" => in_formula = false,
                b"c" => text.push_str(&std::mem::take(&mut cell).text(book)),
                b"row" => text.push('\n'),
                _ => {}
            },
            Ok(Event::Text(piece)) if in_value => cell.value.push_str(&piece.decode().unwrap_or_default()),
            Ok(Event::Text(piece)) if in_formula => cell.formula.push_str(&piece.decode().unwrap_or_default()),
            Ok(Event::GeneralRef(reference)) if in_value => cell.value.extend(reference_of(&reference)),
            Ok(Event::GeneralRef(reference)) if in_formula => cell.formula.extend(reference_of(&reference)),
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Tells, column, day, elapsed, tells};

    #[test]
    fn days_are_told_as_days() {
        let check = |value: &str, expected: &str| assert_eq!(day(value, false).as_deref(), Some(expected), "{value}");
        check("46083", "2026-03-02");
        check("46083.62013888889", "2026-03-02 14:53");
        check("0.5", "12:00");
        check("0", "00:00");
        check("1", "1900-01-01");
        check("59", "1900-02-28");
        check("61", "1900-03-01");
        assert_eq!(day("44621", true).as_deref(), Some("2026-03-02"));
        assert_eq!((day("-1", false), day("1e300", false), day("x", false)), (None, None, None));
        for (code, expected) in [
            ("dd/mm/yyyy", Tells::Day),
            ("[$-809]d mmm", Tells::Day),
            ("0.00", Tells::Number),
            ("\"days\" 0", Tells::Number),
            ("[Red]0", Tells::Number),
            ("[h]:mm:ss", Tells::Elapsed),
            ("[Red][HH]", Tells::Elapsed),
        ] {
            assert_eq!(tells(code), expected, "{code}");
        }
        assert_eq!(elapsed("1.5").as_deref(), Some("36:00:00"));
        assert_eq!((elapsed("0.0313194444444444").as_deref(), elapsed("-1")), (Some("0:45:06"), None));
        assert_eq!((column("A1"), column("C7"), column("XFD1"), column("7")), (Some(0), Some(2), Some(16_383), None));
    }
}
