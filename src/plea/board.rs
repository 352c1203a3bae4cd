//! The board: one row for each negotiation, sorted and filtered.

use jiff::{SignedDuration, Timestamp};

use super::negotiation::View;
use super::number::{NegotiationId, Side};
use super::state::State;
use crate::case::{Case, Hearing};
use crate::mail::id::CaseId;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The case.
    pub case: CaseId,
    /// Its title.
    pub title: String,
    /// The negotiation.
    pub id: NegotiationId,
    /// The accused, by surname.
    pub accused: String,
    /// Where it stands.
    pub state: State,
    /// Whose turn it is.
    pub turn: Option<Side>,
    /// On which side one is.
    pub us: Side,
    /// The last round.
    pub round: u16,
    /// Until when an answer is wanted.
    pub reply_by: Option<Timestamp>,
    /// What is left of that; negative: it is over.
    pub left: Option<SignedDuration>,
    /// The next hearing, and what is left until then.
    pub hearing: Option<(Hearing, SignedDuration)>,
    /// Questions of the other side that wait.
    pub asked: usize,
    /// Acts that wait for a yes, because nothing proves whose they are.
    pub unconfirmed: usize,
    /// Something was found that a person should look at.
    pub trouble: bool,
}

/// By what rows are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// What is one's own to do first, then by what is left.
    #[default]
    Urgency,
    /// By title.
    Case,
    /// By state.
    State,
    /// By the next hearing.
    Hearing,
}

/// Which rows are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// Not closed.
    #[default]
    Open,
    /// One's own turn.
    Ours,
    /// The other side's turn.
    Theirs,
    /// All.
    All,
}

/// The row of a negotiation.
#[must_use]
pub fn row(case: &Case, view: &View) -> Row {
    let hearing = case.next_hearing(view.now).and_then(|hearing| {
        let start = hearing.at.start().ok()?;
        Some((hearing.clone(), start.timestamp().duration_since(view.now)))
    });
    Row {
        case: case.id.clone(),
        title: case.title.clone(),
        id: view.setting.id.clone(),
        accused: view.setting.surname.clone(),
        state: view.state,
        turn: view.turn,
        us: view.setting.us,
        round: view.round,
        reply_by: view.reply_by,
        left: view.reply_by.map(|at| at.duration_since(view.now)),
        hearing,
        asked: view.open_questions(view.setting.us.other()).count(),
        unconfirmed: view.unconfirmed().count(),
        trouble: view.steps.iter().any(|step| !step.verdict.counts()) || view.crossing.is_some(),
    }
}

impl Row {
    /// Whether one has something to do oneself.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.state == State::Crossed || self.turn == Some(self.us) || self.unconfirmed > 0
    }

    /// Whose turn it is, in words.
    #[must_use]
    pub fn turn_words(&self) -> &'static str {
        match (self.state, self.turn) {
            (State::Crossed, _) => "both",
            _ if self.unconfirmed > 0 => "you",
            (_, None) => "nobody",
            (_, Some(side)) if side == self.us => "you",
            (_, Some(Side::Defence)) => "the defence",
            (_, Some(Side::Prosecution)) => "the Crown",
        }
    }

    /// What is left, in words: `41 h left`, `overdue by 2 d 3 h`.
    #[must_use]
    pub fn left_words(&self) -> String {
        let Some(left) = self.left else { return String::new() };
        let words = span_words(left);
        if left.is_negative() || left.is_zero() { format!("overdue by {words}") } else { format!("{words} left") }
    }
}

/// A length of time in words: minutes below an hour, hours below three days, then days.
#[must_use]
pub fn span_words(duration: SignedDuration) -> String {
    let minutes = duration.abs().as_mins();
    let hours = minutes / 60;
    match hours {
        0 => format!("{minutes} min"),
        1..72 => format!("{hours} h"),
        _ => format!("{} d", hours / 24),
    }
}

/// Rows that pass, in order.
#[must_use]
pub fn sorted(rows: Vec<Row>, filter: Filter, order: Order) -> Vec<Row> {
    let passes = |row: &Row| match filter {
        Filter::Open => !row.state.is_closed(),
        Filter::Ours => row.is_ours() || row.asked > 0,
        Filter::Theirs => row.turn == Some(row.us.other()),
        Filter::All => true,
    };
    let mut rows: Vec<Row> = rows.into_iter().filter(passes).collect();
    rows.sort_by(|one, other| {
        let later = |row: &Row| row.left.unwrap_or(SignedDuration::MAX);
        let named = |row: &Row| (row.title.clone(), row.id.clone());
        match order {
            Order::Urgency => {
                let key = |row: &Row| (!row.is_ours(), later(row), named(row));
                key(one).cmp(&key(other))
            }
            Order::Case => named(one).cmp(&named(other)),
            Order::State => (one.state, later(one), named(one)).cmp(&(other.state, later(other), named(other))),
            Order::Hearing => {
                let key = |row: &Row| (row.hearing.as_ref().map_or(SignedDuration::MAX, |(_, left)| *left), named(row));
                key(one).cmp(&key(other))
            }
        }
    });
    rows
}
