//! Reduction of sentence for a guilty plea, as dated tables with their sources: information, never advice, and for England and Wales only.

use std::sync::LazyLock;

use jiff::civil::Date;

use crate::case::Jurisdiction;
use crate::settings::{self, Document, Value};

/// The tables that come with the program.
const TABLES: &str = include_str!("credit.toml");

static READ: LazyLock<Vec<Table>> = LazyLock::new(|| read(TABLES));

/// A step of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// A stable name.
    pub name: String,
    /// When it holds, in words.
    pub when: String,
    /// How much at most, in words: `up to one third`.
    pub reduction: String,
}

/// A table that holds for cases whose first hearing was on a day or later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// From which day.
    pub from: Date,
    /// The guideline or rule.
    pub source: String,
    /// Where it can be read.
    pub url: String,
    /// The steps, the earliest first.
    pub stages: Vec<Stage>,
    /// What else a reader has to know.
    pub notes: Vec<String>,
}

fn read(text: &str) -> Vec<Table> {
    let (document, _) = Document::parse("credit.toml", text);
    let mut tables: Vec<Table> = items(&document.root, "table").filter_map(of_table).collect();
    tables.sort_by_key(|table| table.from);
    tables
}

fn items<'a>(table: &'a settings::Table, key: &str) -> impl Iterator<Item = &'a settings::Table> {
    let list = table.get(key).and_then(|entry| match &entry.node.value {
        Value::List(items) => Some(items.as_slice()),
        _ => None,
    });
    list.unwrap_or_default().iter().filter_map(|node| match &node.value {
        Value::Table(table) => Some(table),
        _ => None,
    })
}

fn text(table: &settings::Table, key: &str) -> Option<String> {
    match &table.get(key)?.node.value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn of_table(table: &settings::Table) -> Option<Table> {
    let stage = |stage: &settings::Table| {
        Some(Stage { name: text(stage, "name")?, when: text(stage, "when")?, reduction: text(stage, "reduction")? })
    };
    let notes = table.get("notes").map(|entry| match &entry.node.value {
        Value::List(items) => items
            .iter()
            .filter_map(|node| match &node.value {
                Value::Text(text) => Some(text.clone()),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    });
    Some(Table {
        from: text(table, "from")?.parse().ok()?,
        source: text(table, "source")?,
        url: text(table, "url")?,
        stages: items(table, "stage").filter_map(stage).collect(),
        notes: notes.unwrap_or_default(),
    })
}

/// The table that holds for a first hearing on a day; `None` where the law of the case has none, or none of that time is known.
#[must_use]
pub fn table(jurisdiction: Jurisdiction, day: Date) -> Option<Table> {
    match jurisdiction {
        Jurisdiction::Scotland => None,
        Jurisdiction::EnglandWales => READ.iter().rev().find(|table| table.from <= day).cloned(),
    }
}

/// Lines for the screen; none for Scotland.
#[must_use]
pub fn hint(jurisdiction: Jurisdiction, day: Date) -> Vec<String> {
    let Some(table) = table(jurisdiction, day) else { return Vec::new() };
    let mut lines =
        vec![format!("Information, no advice. In force from {}: {}.", table.from.strftime("%-d %b %Y"), table.source)];
    lines.extend(table.stages.iter().map(|stage| format!("{}: {}", stage.when, stage.reduction)));
    lines.extend(table.notes.iter().cloned());
    lines
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{TABLES, hint, table};
    use crate::case::Jurisdiction::{EnglandWales, Scotland};

    #[test]
    fn the_tables_read_and_the_day_tells_which_holds() {
        let (document, findings) = crate::settings::Document::parse("credit.toml", TABLES);
        assert!(findings.is_empty(), "{findings:?}");
        assert_eq!(super::items(&document.root, "table").count(), super::READ.len());
        for table in super::READ.iter() {
            assert!(table.stages.len() >= 3 && table.url.starts_with("https://") && !table.notes.is_empty());
        }
        let first = |day| table(EnglandWales, day).map(|table| table.stages[0].name.clone());
        assert_eq!(first(date(2017, 5, 31)).as_deref(), Some("first-opportunity"));
        assert_eq!(first(date(2017, 6, 1)).as_deref(), Some("first-stage"));
        assert_eq!(first(date(2000, 1, 1)), None);
    }

    #[test]
    fn scotland_has_no_scale() {
        assert!(hint(Scotland, date(2026, 3, 9)).is_empty());
        let lines = hint(EnglandWales, date(2026, 3, 9));
        assert!(lines[0].starts_with("Information, no advice. In force from 1 Jun 2017: Sentencing Council"));
        assert!(lines[1].contains("up to one third"));
    }
}
