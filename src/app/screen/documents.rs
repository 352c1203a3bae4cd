//! Documents of a case or a message: one row for each content, with filter, order and marks.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Freshness;
use crate::app::document_view::{DocumentRow, DocumentScope, Far};
use crate::app::list::{List, Row};
use crate::case::Jurisdiction;
use crate::case::document::{Direction, Document, Reach, SortBy};
use crate::mail::safe::SafeText;

impl Row for DocumentRow {
    type Id = SafeText;

    fn id(&self) -> SafeText {
        self.id.clone()
    }

    /// What is in quarantine is found by nothing.
    fn texts(&self) -> impl Iterator<Item = &SafeText> {
        let texts = [&self.name, &self.from, &self.kind, &self.code, &self.signed_by, &self.id];
        texts.into_iter().filter(|_| self.first.reach != Reach::Quarantined)
    }
}

/// The list.
#[derive(Debug)]
pub struct Documents {
    /// Whose.
    pub scope: DocumentScope,
    /// What that is called.
    pub title: SafeText,
    /// Its rows.
    pub list: List<DocumentRow>,
    /// Whose law holds, where that is known.
    pub law: Option<Jurisdiction>,
    /// Their order.
    pub sort: SortBy,
    /// Whether they are up to date.
    pub fresh: Freshness,
    /// Rows that are marked for what is done next.
    pub marked: HashSet<SafeText>,
    /// How far mail was read for it, where that is not done.
    pub far: Option<Far>,
    /// The places that rows had when they came: what is equal in an order stands so, whatever the order was before.
    places: HashMap<SafeText, usize>,
}

impl Documents {
    /// A list that has been asked for.
    #[must_use]
    pub fn new(scope: DocumentScope, title: SafeText) -> Self {
        Self {
            scope,
            title,
            list: List::default(),
            law: None,
            sort: SortBy::default(),
            fresh: Freshness::default(),
            marked: HashSet::new(),
            far: None,
            places: HashMap::new(),
        }
    }

    /// Takes rows, in whatever order.
    pub fn take(&mut self, rows: &[DocumentRow]) {
        self.places = rows.iter().enumerate().map(|(place, row)| (row.id.clone(), place)).collect();
        self.marked.retain(|id| self.places.contains_key(id));
        self.put(rows.to_vec());
    }

    /// Whether mail is being read for it.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.far.is_some_and(|far| !far.ended)
    }

    /// The next order.
    pub fn sort_next(&mut self) {
        self.sort = self.sort.next();
        self.put(self.list.all().to_vec());
    }

    fn put(&mut self, mut rows: Vec<DocumentRow>) {
        rows.sort_by_cached_key(|row| self.places.get(&row.id).copied());
        self.sort.sort_by(&mut rows, |row| &row.first);
        self.list.set_rows(Arc::from(rows));
    }

    /// Marks the row at the cursor, or takes its mark off, and goes to the next.
    pub fn mark(&mut self) {
        if let Some(id) = self.list.selected().map(|row| row.id.clone()) {
            if !self.marked.remove(&id) {
                self.marked.insert(id);
            }
            self.list.step(1);
        }
    }

    /// Marks every row that the filter lets through; where all of them are marked, takes the marks off.
    pub fn mark_all(&mut self) {
        let shown: Vec<SafeText> = self.list.iter().map(|row| row.id.clone()).collect();
        if shown.iter().all(|id| self.marked.contains(id)) {
            for id in &shown {
                self.marked.remove(id);
            }
        } else {
            self.marked.extend(shown);
        }
    }

    /// The rows that something is done to: those that are marked, else the one at the cursor.
    pub fn meant(&self) -> impl Iterator<Item = &DocumentRow> {
        let cursor = self.list.selected().map(|row| row.id.clone()).filter(|_| self.marked.is_empty());
        self.list
            .all()
            .iter()
            .filter(move |row| cursor.as_ref().map_or(self.marked.contains(&row.id), |id| *id == row.id))
    }

    /// Whether the key for it puts something out of reach: only what is marked, or on the watch list. The same key goes back elsewhere, and
    /// nobody is to lose an honest document to a habit.
    #[must_use]
    pub fn may_quarantine(&self) -> bool {
        !self.marked.is_empty() || self.list.selected().is_some_and(|row| row.first.reach == Reach::Watched)
    }

    /// The documents that something is done to; of each content the first that came.
    #[must_use]
    pub fn chosen(&self) -> Vec<Document> {
        self.meant().map(|row| row.first.clone()).collect()
    }

    /// The documents that can be written out of those that something is done to: files that are in reach, each from where it still lies.
    #[must_use]
    pub fn to_write(&self) -> Vec<Document> {
        let lies = |one: &&Document| one.message.is_some() || one.direction == Direction::ByHand;
        let of = |row: &DocumentRow| row.all().find(lies).cloned();
        let in_reach = |row: &&DocumentRow| row.first.is_file() && row.first.reach == Reach::Open;
        self.meant().filter(in_reach).filter_map(of).collect()
    }

    /// How many documents of all are out of reach.
    #[must_use]
    pub fn quarantined(&self) -> usize {
        self.list.all().iter().filter(|row| row.first.reach == Reach::Quarantined).count()
    }
}

#[cfg(test)]
mod tests {
    use super::{DocumentRow, DocumentScope, Documents};
    use crate::case::document::{Document, SortBy};
    use crate::mail::id::CaseId;
    use crate::mail::safe::SafeText;

    #[test]
    fn what_is_equal_stands_as_it_came_whatever_the_order_was_before() {
        let mut documents = Documents::new(DocumentScope::Case(CaseId("A".into())), SafeText::line("A"));
        let row = |(name, bytes): (&str, u64)| DocumentRow::new(vec![Document::named(name, "", bytes, name.into())]);
        let rows: Vec<DocumentRow> = [("b", 1), ("a", 3), ("c", 2)].into_iter().filter_map(row).collect();
        documents.take(&rows);
        let names = |documents: &Documents| documents.list.iter().map(|row| row.first.name.clone()).collect::<String>();
        let mut seen = Vec::new();
        for _ in SortBy::ALL {
            seen.push((documents.sort, names(&documents)));
            documents.sort_next();
        }
        for (sort, names) in seen {
            let expected = match sort {
                SortBy::Name | SortBy::Kind => "abc",
                SortBy::Size => "acb",
                _ => "bac",
            };
            assert_eq!(names, expected, "{sort:?}");
        }
    }
}
