//! A case to choose: by a few letters of its name, a party's name, or digits of any of its numbers.
//!
//! What is typed is split at spaces; every piece has to be found in a case, in any order (the matcher of the editor Helix, which likes
//! beginnings of words and letters that stand together). Digits that stand as they are in one of the numbers win over all else. The rows
//! are those of the list of cases, which are always here: nothing is waited for.

use std::sync::Arc;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32String};

use crate::app::line::Line;
use crate::app::view::{CaseRow, Scope};
use crate::mail::id::MessageRef;
use crate::mail::safe::SafeText;

/// What a case is chosen for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search {
    /// To look into it.
    Go,
    /// To file these messages to it.
    File(Vec<MessageRef>),
}

/// Above any score of the matcher for a text of ordinary length.
const NUMBER: u32 = 1 << 16;

/// Cases to choose from.
#[derive(Clone, Debug)]
pub struct Finder {
    /// What for.
    pub search: Search,
    /// What was typed.
    pub line: Line,
    /// Places in [`Self::rows`] of those that fit, best first.
    pub found: Vec<usize>,
    /// The marked one, a place in [`Self::found`].
    pub at: usize,
    rows: Arc<[CaseRow]>,
    /// Of each row: its place, what is looked through, and its numbers without spaces and strokes.
    texts: Arc<[(usize, Utf32String, Vec<String>)]>,
}

impl Finder {
    /// A finder among the rows of the list of cases.
    #[must_use]
    pub fn new(search: Search, rows: Arc<[CaseRow]>) -> Self {
        let mut finder =
            Self { search, line: Line::default(), found: Vec::new(), at: 0, rows: Arc::from([]), texts: Arc::from([]) };
        finder.set(rows);
        finder
    }

    /// Takes a newer list of cases.
    pub fn set(&mut self, rows: Arc<[CaseRow]>) {
        self.texts = rows
            .iter()
            .enumerate()
            .filter(|(_, row)| matches!(row.scope, Scope::Case(_)))
            .map(|(place, row)| {
                let words: Vec<&str> =
                    row.texts_to_find().map(SafeText::as_str).filter(|text| !text.is_empty()).collect();
                let numbers = row.identifiers.iter().map(|number| compact(number.as_str())).collect();
                (place, Utf32String::from(words.join("  ")), numbers)
            })
            .collect();
        self.rows = rows;
        self.look();
    }

    /// Finds again, after something was typed. Equal ones stay in the order of the list: the newest mail first.
    pub fn look(&mut self) {
        let typed = self.line.text().trim();
        let number = compact(typed);
        let is_number = number.chars().filter(char::is_ascii_digit).count() >= 2;
        let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut found: Vec<(u32, usize)> = self
            .texts
            .iter()
            .filter_map(|(place, text, numbers)| {
                let score = pattern.score(text.slice(..), &mut matcher);
                let by_number = is_number && numbers.iter().any(|known| known.contains(&number));
                match (score, by_number) {
                    (score, true) => Some((NUMBER.saturating_add(score.unwrap_or(0)), *place)),
                    (Some(score), false) => Some((score, *place)),
                    (None, false) => None,
                }
            })
            .collect();
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        self.found = found.into_iter().map(|(_, place)| place).collect();
        self.at = 0;
    }

    /// Marks another.
    pub fn step(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.found.len().saturating_sub(1));
    }

    /// Marks the row of a scope, where it was found.
    pub fn mark(&mut self, scope: Option<&Scope>) {
        let at = (0..self.found.len()).find(|at| self.row(*at).map(|row| &row.scope) == scope);
        self.at = at.unwrap_or(0);
    }

    /// The row of a place in [`Self::found`].
    #[must_use]
    pub fn row(&self, at: usize) -> Option<&CaseRow> {
        self.rows.get(*self.found.get(at)?)
    }

    /// The marked one.
    #[must_use]
    pub fn chosen(&self) -> Option<&CaseRow> {
        self.row(self.at)
    }
}

impl CaseRow {
    /// What a person may know a case by.
    fn texts_to_find(&self) -> impl Iterator<Item = &SafeText> {
        std::iter::once(&self.title).chain(&self.identifiers).chain(&self.people)
    }
}

/// Letters and digits alone, upper-cased: `99/zx/00123/26` is `99ZX0012326`.
fn compact(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::{CaseRow, Finder, Scope, Search};
    use crate::mail::id::CaseId;
    use crate::mail::safe::SafeText;

    fn row(title: &str, identifiers: &[&str], people: &[&str]) -> CaseRow {
        let safe = |texts: &[&str]| texts.iter().map(|text| SafeText::line(text)).collect::<Vec<_>>();
        CaseRow {
            scope: Scope::Case(CaseId(title.to_owned())),
            title: SafeText::line(title),
            identifiers: safe(identifiers),
            people: safe(people),
            ..CaseRow::all()
        }
    }

    fn finder() -> Finder {
        let rows = [
            CaseRow::all(),
            row("R v WEASEL", &["99ZX0012327"], &["Silas Weasel"]),
            row("PF v PUDDOCK", &["ZZ26000417"], &["Hamish Lintwhite"]),
            row("R v FERRET", &["99ZX0012326", "26/99ZX/01/48151N"], &["Barnaby Quill"]),
            row("HMA v GANNET & STOAT", &["ZZ26000533"], &["Hamish Lintwhite", "Rufus Vellum"]),
        ];
        Finder::new(Search::Go, rows.into())
    }

    #[track_caller]
    fn check(typed: &str, expected: &[&str]) {
        let mut finder = finder();
        finder.line.insert(typed);
        finder.look();
        let found: Vec<&str> = (0..finder.found.len()).filter_map(|at| Some(finder.row(at)?.title.as_str())).collect();
        assert_eq!(found.get(..expected.len()), Some(expected), "{typed}: {found:?}");
    }

    #[test]
    fn a_case_is_found_by_name_number_or_party() {
        check("fer", &["R v FERRET"]);
        check("sto", &["HMA v GANNET & STOAT"]);
        check("vellum", &["HMA v GANNET & STOAT"]);
        check("puddock lint", &["PF v PUDDOCK"]);
        check("2326", &["R v FERRET"]);
        check("99 zx 00123 26", &["R v FERRET"]);
        check("99/ZX/0012327", &["R v WEASEL"]);
        check("48151n", &["R v FERRET"]);
        check("0533", &["HMA v GANNET & STOAT"]);
    }

    #[test]
    fn nothing_typed_shows_all_cases_as_the_list_has_them_and_no_other_row() {
        let finder = finder();
        assert_eq!(finder.found, [1, 2, 3, 4]);
        assert_eq!(finder.chosen().unwrap().title.as_str(), "R v WEASEL");
    }

    #[test]
    fn what_is_in_no_case_finds_none() {
        let mut finder = finder();
        finder.line.insert("qqq");
        finder.look();
        assert!(finder.chosen().is_none());
    }

    #[test]
    fn the_mark_stays_within_what_was_found() {
        let mut finder = finder();
        finder.step(99);
        assert_eq!(finder.at, 3);
        finder.step(-99);
        assert_eq!(finder.at, 0);
    }
}
