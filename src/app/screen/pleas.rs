//! The board: all negotiations that go on, and whose turn it is.

use std::sync::Arc;

use super::Freshness;
use crate::app::list::{List, Row};
use crate::mail::id::CaseId;
use crate::mail::safe::SafeText;
use crate::plea::NegotiationId;
use crate::plea::board::{self, Filter, Order};

/// A row of the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardLine {
    /// What is known.
    pub row: board::Row,
    /// The case's title.
    pub title: SafeText,
    /// The accused.
    pub accused: SafeText,
}

impl Row for BoardLine {
    type Id = (CaseId, NegotiationId);

    fn id(&self) -> Self::Id {
        (self.row.case.clone(), self.row.id.clone())
    }

    fn texts(&self) -> impl Iterator<Item = &SafeText> {
        [&self.title, &self.accused].into_iter()
    }
}

/// The board.
#[derive(Debug, Default)]
pub struct Pleas {
    rows: Vec<board::Row>,
    /// Its rows, in order.
    pub list: List<BoardLine>,
    /// By what it is sorted.
    pub order: Order,
    /// Which rows it has.
    pub filter: Filter,
    /// Whether they are up to date.
    pub fresh: Freshness,
}

impl Pleas {
    /// Takes the rows.
    pub fn set(&mut self, rows: &[board::Row]) {
        self.rows = rows.to_vec();
        self.arrange();
    }

    /// Sorts by the next thing.
    pub fn turn_order(&mut self) {
        self.order = match self.order {
            Order::Urgency => Order::Case,
            Order::Case => Order::State,
            Order::State => Order::Hearing,
            Order::Hearing => Order::Urgency,
        };
        self.arrange();
    }

    /// Shows the next selection of rows.
    pub fn turn_filter(&mut self) {
        self.filter = match self.filter {
            Filter::Open => Filter::Ours,
            Filter::Ours => Filter::Theirs,
            Filter::Theirs => Filter::All,
            Filter::All => Filter::Open,
        };
        self.arrange();
    }

    fn arrange(&mut self) {
        let line = |row: board::Row| BoardLine {
            title: SafeText::line(&row.title),
            accused: SafeText::line(&row.accused),
            row,
        };
        let lines: Vec<BoardLine> =
            board::sorted(self.rows.clone(), self.filter, self.order).into_iter().map(line).collect();
        self.list.set_rows(Arc::from(lines));
    }
}

/// By what it is sorted, in words.
#[must_use]
pub const fn order_words(order: Order) -> &'static str {
    match order {
        Order::Urgency => "the most urgent first",
        Order::Case => "by case",
        Order::State => "by state",
        Order::Hearing => "by the next hearing",
    }
}

/// Which rows there are, in words.
#[must_use]
pub const fn filter_words(filter: Filter) -> &'static str {
    match filter {
        Filter::Open => "all that go on",
        Filter::Ours => "your turn",
        Filter::Theirs => "their turn",
        Filter::All => "all, the closed ones too",
    }
}
