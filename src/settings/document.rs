//! TOML as a tree in which every key and value knows its line and column.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::{Finding, Place, suggestion};

/// A value of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
    /// True or false.
    Bool(bool),
    /// An array.
    List(Vec<Node>),
    /// A table, inline or not.
    Table(Table),
    /// What none of our files takes: floating point, date, an integer beyond 64 bits.
    Other(&'static str),
}

impl fmt::Display for Value {
    /// The kind of value, for findings.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "a number",
            Self::Bool(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        })
    }
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key, unquoted.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// Its value.
    pub node: Node,
}

/// A table: entries in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The entries.
    pub entries: Vec<Entry>,
}

impl Table {
    /// The entry of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

/// A file, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its name as the person knows it.
    pub file: String,
    /// Its content; as far as it could be read, when there were errors.
    pub root: Table,
}

impl Document {
    /// Reads a text. Each syntax error is a finding; what stands beside it is read all the same.
    #[must_use]
    pub fn parse(file: &str, text: &str) -> (Self, Vec<Finding>) {
        let lines = Lines::new(file, text);
        let (table, errors) = DeTable::parse_recoverable(text);
        let findings = errors
            .iter()
            .map(|error| {
                let place = error.span().map_or_else(|| Place::file(file), |span| lines.place(&span));
                Finding::error(place, error.message().replace('\n', " "), "mend the TOML syntax")
            })
            .collect();
        (Self { file: file.to_owned(), root: table_of(table.into_inner(), &lines) }, findings)
    }
}

struct Lines<'t> {
    file: &'t str,
    text: &'t str,
}

impl<'t> Lines<'t> {
    fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text }
    }

    fn place(&self, span: &Range<usize>) -> Place {
        let before = self.text.get(..span.start.min(self.text.len())).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Place { file: self.file.to_owned(), line, column }
    }
}

fn table_of(table: DeTable<'_>, lines: &Lines<'_>) -> Table {
    let mut entries: Vec<(usize, Entry)> = table
        .into_iter()
        .map(|(key, value)| {
            let place = lines.place(&key.span());
            let start = key.span().start;
            (start, Entry { key: key.into_inner().into_owned(), place, node: node_of(value, lines) })
        })
        .collect();
    entries.sort_by_key(|(start, _)| *start);
    Table { entries: entries.into_iter().map(|(_, entry)| entry).collect() }
}

fn node_of(value: Spanned<DeValue<'_>>, lines: &Lines<'_>) -> Node {
    let place = lines.place(&value.span());
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number out of range"), Value::Integer),
        DeValue::Float(_) => Value::Other("a fraction"),
        DeValue::Boolean(yes) => Value::Bool(yes),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => Value::List(items.into_iter().map(|item| node_of(item, lines)).collect()),
        DeValue::Table(table) => Value::Table(table_of(table, lines)),
    };
    Node { place, value }
}

/// Takes the fields of one table by name, so that what is left over at the end is an unknown key.
pub struct Fields<'t> {
    table: &'t Table,
    place: Place,
    known: Vec<&'static str>,
    refused: Vec<&'t str>,
    findings: Vec<Finding>,
}

impl<'t> Fields<'t> {
    /// Begins with a table that stands at a place.
    #[must_use]
    pub fn new(table: &'t Table, place: Place) -> Self {
        Self { table, place, known: Vec::new(), refused: Vec::new(), findings: Vec::new() }
    }

    /// Where the table stands.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Notes something about this table.
    pub fn note(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Takes over what a table below had to tell.
    pub fn adopt(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
    }

    /// The entry of a key, whatever its type.
    pub fn entry(&mut self, key: &'static str) -> Option<&'t Entry> {
        self.known.push(key);
        self.table.get(key)
    }

    /// Refuses keys that people know from elsewhere, each with its own words, instead of as unknown ones.
    pub fn refuse(&mut self, keys: &[&str], because: impl Fn(&str) -> (String, String)) {
        for entry in &self.table.entries {
            if keys.contains(&entry.key.as_str()) && !self.refused.contains(&entry.key.as_str()) {
                let (what, cure) = because(&entry.key);
                self.refused.push(&entry.key);
                self.findings.push(Finding::error(entry.place.clone(), what, cure));
            }
        }
    }

    /// Where a key stands, or its table when it is not there.
    #[must_use]
    pub fn place_of(&self, key: &str) -> Place {
        self.table.get(key).map_or_else(|| self.place.clone(), |entry| entry.node.place.clone())
    }

    /// Tells that a value is of the wrong type.
    pub fn mistyped(&mut self, key: &str, node: &Node, wanted: &str) {
        self.findings.push(Finding::error(
            node.place.clone(),
            format!("`{key}` is {}", node.value),
            format!("write {wanted}"),
        ));
    }

    /// A text.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        let entry = self.entry(key)?;
        match &entry.node.value {
            Value::Text(text) => Some(text.clone()),
            _ => {
                self.mistyped(key, &entry.node, &format!("`{key} = \"…\"`"));
                None
            }
        }
    }

    /// A text that must be there and not be empty.
    pub fn required(&mut self, key: &'static str, example: &str) -> Option<String> {
        match self.text(key) {
            Some(text) if !text.trim().is_empty() => Some(text),
            found => {
                if found.is_some() || self.table.get(key).is_none() {
                    let what = if found.is_some() { "is empty" } else { "is missing" };
                    self.findings.push(Finding::error(
                        self.place_of(key),
                        format!("`{key}` {what}"),
                        format!("write for instance `{key} = {example}`"),
                    ));
                }
                None
            }
        }
    }

    /// A whole number within bounds.
    pub fn integer(&mut self, key: &'static str, bounds: std::ops::RangeInclusive<i64>, default: i64) -> i64 {
        let Some(entry) = self.entry(key) else { return default };
        match entry.node.value {
            Value::Integer(number) if bounds.contains(&number) => number,
            Value::Integer(number) => {
                self.findings.push(Finding::error(
                    entry.node.place.clone(),
                    format!("`{key} = {number}` is out of range"),
                    format!(
                        "write a number from {} to {}; without it, {default} is taken",
                        bounds.start(),
                        bounds.end()
                    ),
                ));
                default
            }
            _ => {
                self.mistyped(key, &entry.node, &format!("`{key} = {default}`"));
                default
            }
        }
    }

    /// True or false.
    pub fn boolean(&mut self, key: &'static str, default: bool) -> bool {
        let Some(entry) = self.entry(key) else { return default };
        if let Value::Bool(yes) = entry.node.value {
            yes
        } else {
            self.mistyped(key, &entry.node, &format!("`{key} = {default}`"));
            default
        }
    }

    /// A list of texts.
    pub fn texts(&mut self, key: &'static str) -> Option<Vec<(Place, String)>> {
        let entry = self.entry(key)?;
        let wanted = format!("a list of texts: `{key} = [\"…\", \"…\"]`");
        let Value::List(items) = &entry.node.value else {
            self.mistyped(key, &entry.node, &wanted);
            return None;
        };
        let mut texts = Vec::new();
        for item in items {
            match &item.value {
                Value::Text(text) => texts.push((item.place.clone(), text.clone())),
                _ => self.mistyped(key, item, &wanted),
            }
        }
        Some(texts)
    }

    /// A table below.
    pub fn table(&mut self, key: &'static str) -> Option<Fields<'t>> {
        let entry = self.entry(key)?;
        match &entry.node.value {
            Value::Table(table) => Some(Fields::new(table, entry.place.clone())),
            _ => {
                self.mistyped(key, &entry.node, &format!("a table: `[{key}]`"));
                None
            }
        }
    }

    /// An array of tables (`[[key]]`).
    pub fn tables(&mut self, key: &'static str) -> Vec<Fields<'t>> {
        let Some(entry) = self.entry(key) else { return Vec::new() };
        let mut tables = Vec::new();
        match &entry.node.value {
            Value::List(items) => {
                for item in items {
                    match &item.value {
                        Value::Table(table) => tables.push(Fields::new(table, item.place.clone())),
                        _ => self.mistyped(key, item, &format!("tables, each headed `[[{key}]]`")),
                    }
                }
            }
            Value::Table(_) => self.findings.push(Finding::error(
                entry.place.clone(),
                format!("`[{key}]` has single brackets"),
                format!("write `[[{key}]]`: there may be several"),
            )),
            _ => self.mistyped(key, &entry.node, &format!("tables, each headed `[[{key}]]`")),
        }
        tables
    }

    /// Ends the table: keys that nobody asked for are errors, with the nearest known one.
    #[must_use]
    pub fn end(mut self) -> Vec<Finding> {
        for entry in &self.table.entries {
            if !self.known.contains(&entry.key.as_str()) && !self.refused.contains(&entry.key.as_str()) {
                self.findings.push(Finding::error(
                    entry.place.clone(),
                    format!("unknown key `{}`", entry.key),
                    suggestion(&entry.key, self.known.iter().copied()),
                ));
            }
        }
        self.findings
    }
}

#[cfg(test)]
mod tests {
    use super::{Document, Fields, Place};

    fn told(text: &str, take: impl FnOnce(&mut Fields<'_>)) -> Vec<String> {
        let (document, mut findings) = Document::parse("f.toml", text);
        let mut fields = Fields::new(&document.root, Place::file("f.toml"));
        take(&mut fields);
        findings.extend(fields.end());
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn places_are_lines_and_columns_in_characters() {
        let (document, findings) = Document::parse("f.toml", "# é\n[a]\n  'é' = [1,\n 'x']\n");
        assert!(findings.is_empty(), "{findings:?}");
        let super::Value::Table(a) = &document.root.get("a").unwrap().node.value else { panic!() };
        let entry = a.get("é").unwrap();
        assert_eq!((entry.place.line, entry.place.column), (3, 3));
        let super::Value::List(items) = &entry.node.value else { panic!() };
        assert_eq!((items[1].place.line, items[1].place.column), (4, 2));
    }

    #[test]
    fn unknown_keys_are_errors_with_the_nearest_known_one() {
        let findings = told("host = 'x'\nprot = 3\n", |fields| {
            fields.text("host");
            fields.integer("port", 1..=65_535, 993);
        });
        assert_eq!(findings, ["f.toml:2:1: error: unknown key `prot`; did you mean `port`?"]);
    }

    #[test]
    fn wrong_types_and_ranges_say_what_to_write() {
        let findings = told("host = 3\nport = 70000\nyes = 'no'\n", |fields| {
            fields.required("host", "\"a\"");
            assert_eq!(fields.integer("port", 1..=65_535, 993), 993);
            assert!(fields.boolean("yes", true));
        });
        assert_eq!(
            findings,
            [
                "f.toml:1:8: error: `host` is a number; write `host = \"…\"`",
                "f.toml:2:8: error: `port = 70000` is out of range; write a number from 1 to 65535; without it, 993 is taken",
                "f.toml:3:7: error: `yes` is a text; write `yes = true`",
            ]
        );
    }

    #[test]
    fn a_syntax_error_is_told_once_with_its_line_and_the_rest_is_read() {
        let (document, findings) = Document::parse("f.toml", "a = 1\nb = \nc = 3\n");
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].place.line, 2);
        assert!(document.root.get("c").is_some());
        let (_, findings) = Document::parse("f.toml", "a = 1\na = 2\n");
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].place.line, 2);
    }
}
