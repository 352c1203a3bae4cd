//! Reduction of sentence for a guilty plea, as dated tables with their sources: information, never advice, and for England and Wales only.

use jiff::civil::Date;

use crate::case::Jurisdiction;

/// A step of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// A stable name.
    pub name: String,
    /// When it holds, in words.
    pub when: String,
    /// How much at most, in words: `one third`.
    pub reduction: String,
}

/// A table that holds from a day on.
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

/// The table that holds on a day; `None` where the law of the case has none.
#[must_use]
pub fn table(_jurisdiction: Jurisdiction, _day: Date) -> Option<Table> {
    None
}

/// Lines for the screen; none for Scotland.
#[must_use]
pub fn hint(jurisdiction: Jurisdiction, day: Date) -> Vec<String> {
    let Some(table) = table(jurisdiction, day) else { return Vec::new() };
    let mut lines = vec![format!("For information only, from {}: {}.", table.from, table.source)];
    lines.extend(table.stages.iter().map(|stage| format!("{}: {}", stage.reduction, stage.when)));
    lines.extend(table.notes.iter().cloned());
    lines
}
