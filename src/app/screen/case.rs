//! A case: everything that is known of it, a fact a row, in sections. Each row can be changed where it stands.

use std::sync::Arc;

use jiff::Timestamp;

use super::Freshness;
use crate::app::case_view::{CaseView, Source};
use crate::app::form::Form;
use crate::app::forms::{self, Subject};
use crate::app::list::{List, Row};
use crate::app::view::Tone;
use crate::case::{AwaitingId, Case, HearingId, Identifier, Jurisdiction, PartyId, State};
use crate::mail::id::CaseId;
use crate::mail::safe::SafeText;
use crate::register::CaseChange;

/// A section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Title, law, state, mail.
    Case,
    /// Clocks that run, and what two people wrote at once.
    Clocks,
    /// Numbers.
    Numbers,
    /// Accused.
    Accused,
    /// Charges.
    Charges,
    /// Parties.
    Parties,
    /// Hearings.
    Hearings,
    /// Answers that are waited for.
    Awaiting,
    /// Notes.
    Notes,
}

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Title and law.
    Title,
    /// The state.
    State,
    /// Its mail.
    Mail,
    /// Why some of it is in the case; by its order.
    Filed(usize),
    /// A clock, or a conflict; by its order.
    Clock(usize),
    /// A number.
    Number(Identifier),
    /// An accused.
    Accused(u16),
    /// A charge, by its accused and its number.
    Charge(u16, u16),
    /// A party.
    Party(PartyId),
    /// A hearing.
    Hearing(HearingId),
    /// An answer that is waited for.
    Awaiting(AwaitingId),
    /// A note; by its order.
    Note(usize),
    /// There is nothing in a section.
    Nothing(Section),
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseLine {
    /// What it is about.
    pub place: Place,
    /// Its section, whose name stands before the first row of it.
    pub section: Section,
    /// The section's name where this is its first row; else empty.
    pub heading: &'static str,
    /// The fact.
    pub text: SafeText,
    /// What stands at the right of it.
    pub note: SafeText,
    /// How loud.
    pub tone: Tone,
}

impl Row for CaseLine {
    type Id = Place;

    fn id(&self) -> Place {
        self.place.clone()
    }

    fn texts(&self) -> impl Iterator<Item = &SafeText> {
        [&self.text, &self.note].into_iter()
    }
}

/// An open case.
#[derive(Debug)]
pub struct CaseScreen {
    /// Which.
    pub id: CaseId,
    /// What it is called until it is here.
    pub title: SafeText,
    /// What is known of it.
    pub view: Option<Arc<CaseView>>,
    /// The same, a fact a row.
    pub list: List<CaseLine>,
    /// Whether it is up to date.
    pub fresh: Freshness,
}

impl CaseScreen {
    /// A case that has been asked for.
    #[must_use]
    pub fn new(id: CaseId, title: SafeText) -> Self {
        Self { id, title, view: None, list: List::default(), fresh: Freshness::default() }
    }

    /// Takes what is known of it.
    pub fn set(&mut self, view: Arc<CaseView>, now: Timestamp) {
        self.title = SafeText::line(&view.case.title);
        self.list.set_rows(lines(&view, now).into());
        self.view = Some(view);
    }

    /// The form that changes the row at the cursor; `None` where nothing can be changed.
    #[must_use]
    pub fn edit(&self) -> Option<Form<Subject>> {
        let case = &self.view.as_ref()?.case;
        Some(match &self.list.selected()?.place {
            Place::Title => forms::title(case),
            Place::State => forms::state(case, None),
            Place::Accused(number) => forms::accused(case, Some(*number)),
            Place::Charge(accused, number) => forms::charge(case, Some((*accused, *number))),
            Place::Party(id) => forms::party(case, Some(id.clone())),
            Place::Hearing(id) => forms::hearing(case, Some(id.clone())),
            Place::Nothing(_) => return self.add(),
            Place::Mail
            | Place::Filed(_)
            | Place::Clock(_)
            | Place::Number(_)
            | Place::Awaiting(_)
            | Place::Note(_) => return None,
        })
    }

    /// The form that adds to the section at the cursor; outside of those that grow, a note.
    #[must_use]
    pub fn add(&self) -> Option<Form<Subject>> {
        let case = &self.view.as_ref()?.case;
        Some(match self.list.selected()?.section {
            Section::Numbers => forms::number(case),
            Section::Accused => forms::accused(case, None),
            Section::Charges => forms::charge(case, None),
            Section::Parties => forms::party(case, None),
            Section::Hearings => forms::hearing(case, None),
            Section::Case | Section::Clocks | Section::Awaiting | Section::Notes => forms::note(case),
        })
    }

    /// The change that takes the row at the cursor out, with what it is called; `None` where it cannot be taken out.
    #[must_use]
    pub fn remove(&self) -> Option<(CaseChange, SafeText)> {
        let line = self.list.selected()?;
        let change = match &line.place {
            Place::Number(identifier) => CaseChange::IdentifierRemoved(identifier.clone()),
            Place::Accused(number) => CaseChange::AccusedRemoved { number: *number },
            Place::Charge(accused, number) => CaseChange::ChargeRemoved { accused: *accused, number: *number },
            Place::Party(id) => CaseChange::PartyRemoved { id: id.clone() },
            Place::Hearing(id) => CaseChange::HearingRemoved { id: id.clone() },
            _ => return None,
        };
        Some((change, line.text.clone()))
    }
}

/// Joins what is not empty.
fn joined(parts: &[&str], between: &str) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(between)
}

/// The state in words.
#[must_use]
pub fn state_words(state: &State) -> String {
    let review = |date: &Option<jiff::civil::Date>| match date {
        Some(date) => format!("; to be looked at on {}", date.strftime("%-d %b %Y")),
        None => String::new(),
    };
    match state {
        State::Open => "open".to_owned(),
        State::OnHold { because, review: date } => format!("on hold: {because}{}", review(date)),
        State::Closed { review: date } => format!("closed{}", review(date)),
        State::Shredded { at, certificate } => format!("shredded at {at}; certificate {certificate}"),
    }
}

struct Lines(Vec<CaseLine>);

impl Lines {
    fn add(&mut self, section: Section, place: Place, text: &str, note: &str, tone: Tone) {
        let first = self.0.last().is_none_or(|line| line.section != section);
        let heading = if first { heading(section) } else { "" };
        let (text, note) = (SafeText::line(text), SafeText::line(note));
        self.0.push(CaseLine { place, section, heading, text, note, tone });
    }

    fn plain(&mut self, section: Section, place: Place, text: &str, note: &str) {
        self.add(section, place, text, note, Tone::Plain);
    }

    fn nothing(&mut self, section: Section, words: &str) {
        if self.0.last().is_none_or(|line| line.section != section) {
            self.plain(section, Place::Nothing(section), words, "");
        }
    }
}

/// The name of a section.
#[must_use]
pub fn heading(section: Section) -> &'static str {
    match section {
        Section::Case => "Case",
        Section::Clocks => "Clocks",
        Section::Numbers => "Numbers",
        Section::Accused => "Accused",
        Section::Charges => "Charges",
        Section::Parties => "Parties",
        Section::Hearings => "Hearings",
        Section::Awaiting => "Awaiting",
        Section::Notes => "Notes",
    }
}

/// A case as rows.
#[must_use]
pub fn lines(view: &CaseView, now: Timestamp) -> Vec<CaseLine> {
    let case = &view.case;
    let mut lines = Lines(Vec::new());
    let written = match view.source {
        Source::Register => "",
        Source::Config => "from the configuration",
        Source::Mail => "known from mail only",
    };
    lines.plain(Section::Case, Place::Title, &format!("{} ({})", case.title, case.jurisdiction.words()), written);
    let tone = if case.state == State::Open { Tone::Plain } else { Tone::Warning };
    lines.add(Section::Case, Place::State, &state_words(&case.state), "", tone);
    let unread = if view.unread > 0 { format!("{} unread", view.unread) } else { String::new() };
    let mail = if view.messages == 1 { "1 message".to_owned() } else { format!("{} messages", view.messages) };
    lines.plain(Section::Case, Place::Mail, &mail, &unread);
    for (at, filed) in view.filed.iter().enumerate() {
        let text = format!("{} {}", filed.messages, filed.because);
        lines.plain(Section::Case, Place::Filed(at), &text, &format!("{} of 100", filed.score));
    }
    for (at, clock) in view.clocks.iter().enumerate() {
        lines.add(Section::Clocks, Place::Clock(at), clock.text.as_str(), "", clock.tone);
    }
    for (at, conflict) in case.conflicts.iter().enumerate() {
        let rivals: Vec<String> =
            conflict.rivals.iter().map(|rival| format!("“{}” ({})", rival.value, rival.by)).collect();
        let words = format!("written at once by two: {}: {}", conflict.field, rivals.join(" or "));
        lines.add(Section::Clocks, Place::Clock(view.clocks.len() + at), &words, "write it again", Tone::Warning);
    }
    for identifier in &case.identifiers {
        let note = identifier.warning.as_deref().unwrap_or_default();
        let tone = if note.is_empty() { Tone::Plain } else { Tone::Warning };
        let place = Place::Number(identifier.clone());
        lines.add(Section::Numbers, place, &format!("{} {}", identifier.kind.words(), identifier.value), note, tone);
    }
    lines.nothing(Section::Numbers, "no number yet");
    people(&mut lines, case);
    dates(&mut lines, case, now);
    lines.0
}

fn people(lines: &mut Lines, case: &Case) {
    for accused in &case.accused {
        let born = accused.born.map(|date| format!("born {}", date.strftime("%-d %b %Y"))).unwrap_or_default();
        let text = format!("{} {}", accused.number, accused.name);
        lines.plain(Section::Accused, Place::Accused(accused.number), &text, &born);
    }
    lines.nothing(Section::Accused, "nobody yet");
    let several = case.accused.len() > 1;
    for charge in &case.charges {
        let whose = if several { format!("accused {}, ", charge.accused) } else { String::new() };
        let text = joined(&[&format!("{whose}{} {}", charge.number, charge.text), &charge.statute], ", ");
        lines.plain(Section::Charges, Place::Charge(charge.accused, charge.number), &text, charge.state.name());
    }
    lines.nothing(Section::Charges, "no charge yet");
    for party in &case.parties {
        let names: Vec<String> = party
            .acts_for
            .iter()
            .map(|number| case.accused(*number).map_or_else(|| number.to_string(), crate::case::Accused::surname))
            .collect();
        let acts = if names.is_empty() { String::new() } else { format!("acts for {}", names.join(" and ")) };
        let addresses = party.addresses.join(", ");
        let name = joined(&[&party.name, &party.organisation], ", ");
        let text = joined(&[&name, &acts, &addresses], "; ");
        lines.plain(Section::Parties, Place::Party(party.id.clone()), &text, party.role.words());
    }
    lines.nothing(Section::Parties, "nobody yet: mail to anybody is to a stranger of this case");
}

fn dates(lines: &mut Lines, case: &Case, now: Timestamp) {
    let next = case.next_hearing(now).map(|hearing| hearing.id.clone());
    let mut hearings: Vec<_> = case.hearings.iter().collect();
    hearings.sort_by_key(|hearing| hearing.at);
    for hearing in hearings {
        let text = joined(&[&hearing.at.to_string(), hearing.kind.words(), &hearing.court], ", ");
        let note = if Some(&hearing.id) == next.as_ref() { "next" } else { &hearing.outcome };
        lines.plain(Section::Hearings, Place::Hearing(hearing.id.clone()), &text, note);
    }
    let none = if case.jurisdiction == Jurisdiction::Scotland { "no diet yet" } else { "no hearing yet" };
    lines.nothing(Section::Hearings, none);
    for awaiting in case.outstanding() {
        let due = awaiting.is_due(now);
        let text = format!("{}, of {}", awaiting.what, awaiting.to.join(", "));
        let note = if due { "due" } else { "" };
        let tone = if due { Tone::Warning } else { Tone::Plain };
        lines.add(Section::Awaiting, Place::Awaiting(awaiting.id.clone()), &text, note, tone);
    }
    lines.nothing(Section::Awaiting, "no answer is waited for");
    for (at, note) in case.notes.iter().enumerate() {
        let when = note.at.strftime("%-d %b %Y %H:%M UTC").to_string();
        lines.plain(Section::Notes, Place::Note(at), &note.text, &joined(&[&note.by, &when], ", "));
    }
    lines.nothing(Section::Notes, "no note yet");
}
