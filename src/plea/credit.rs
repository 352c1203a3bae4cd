//! Reduction of sentence for a guilty plea, as dated tables with their sources: information, never advice, and for England and Wales only.

use std::sync::LazyLock;

use jiff::civil::Date;

use crate::case::{Case, Hearing, HearingKind, Jurisdiction};
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
    /// Which hearing it begins with.
    pub begins: Option<Begins>,
}

/// Where in a case a step begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// When the first hearing of a kind is over.
    After(HearingKind),
    /// On the day of the first hearing of a kind.
    On(HearingKind),
}

impl Begins {
    /// In words, by the hearings of a case; empty where it has none of the kind.
    fn words(self, hearings: &[Hearing]) -> String {
        let (word, kind) = match self {
            Self::After(kind) => ("after", kind),
            Self::On(kind) => ("from", kind),
        };
        let first = hearings.iter().filter(|hearing| hearing.kind == kind).map(|hearing| hearing.at.date).min();
        first.map_or_else(String::new, |day| format!("{word} {}", day.strftime("%a %-d %b %Y")))
    }
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
        let kind = |key| HearingKind::parse(&text(stage, key)?);
        let begins = kind("after").map(Begins::After).or_else(|| kind("on").map(Begins::On));
        let (name, when, reduction) = (text(stage, "name")?, text(stage, "when")?, text(stage, "reduction")?);
        Some(Stage { name, when, reduction, begins })
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

/// Lines for the screen, each with the day from which it holds in this case, or with nothing; none for Scotland. Which table holds follows from
/// the day of the first hearing, and where none is known from today.
#[must_use]
pub fn hint(case: &Case, today: Date) -> Vec<(String, String)> {
    let day = case.hearings.iter().map(|one| one.at.date).min().unwrap_or(today);
    let Some(table) = table(case.jurisdiction, day) else { return Vec::new() };
    let head = format!("Information, no advice. In force from {}: {}.", table.from.strftime("%-d %b %Y"), table.source);
    let stage = |stage: &Stage| {
        let from = stage.begins.map(|begins| begins.words(&case.hearings)).unwrap_or_default();
        (format!("{}: {}", stage.when, stage.reduction), from)
    };
    let mut lines = vec![(head, String::new())];
    lines.extend(table.stages.iter().map(stage));
    lines.extend(table.notes.iter().map(|note| (note.clone(), String::new())));
    lines
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{TABLES, hint, table};
    use crate::case::Jurisdiction::EnglandWales;
    use crate::case::{Case, Hearing, HearingId, HearingKind, HearingTime};
    use crate::plea::sample::{otterbourne, puddock};

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
        let today = date(2026, 3, 9);
        assert!(hint(&puddock(), today).is_empty());
        let lines = hint(&otterbourne(), today);
        assert!(lines[0].0.starts_with("Information, no advice. In force from 1 Jun 2017: Sentencing Council"));
        assert!(lines[1].0.contains("up to one third"));
    }

    #[test]
    fn a_step_down_is_told_with_the_day_on_which_it_comes_in_this_case() {
        let mut case = otterbourne();
        case.hearings.clear();
        let days = |case: &Case| hint(case, date(2026, 3, 9)).into_iter().map(|(_, from)| from).collect::<Vec<_>>();
        assert!(days(&case).iter().all(String::is_empty));
        for (kind, month, day) in [(HearingKind::Trial, 9, 7), (HearingKind::First, 3, 5), (HearingKind::First, 4, 2)] {
            let at = HearingTime { date: date(2026, month, day), time: None };
            let id = HearingId(format!("{}-{day}", kind.name()));
            case.hearings.push(Hearing { id, kind, court: String::new(), at, outcome: String::new() });
        }
        assert_eq!(days(&case)[1..5], ["", "after Thu 5 Mar 2026", "from Mon 7 Sep 2026", ""]);
    }
}
