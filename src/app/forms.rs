//! The forms of a case: which fields each has, each with what is known already; [`super::filled`] reads them.

use jiff::civil::Date;

pub use super::filled::{Opening, Outcome, Refusal, date, taken};
use super::form::{Field, Form};
use super::line::Line;
use super::plea_forms::PleaForm;
use crate::case::{Case, ChargeState, HearingId, HearingKind, Jurisdiction, PartyId, Role, State, Style};
use crate::mail::id::{CaseId, MessageRef};

/// What a form is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A new case; these messages are filed to it.
    Open(Vec<MessageRef>),
    /// Title and law.
    Title(CaseId),
    /// Open, on hold or closed.
    State(CaseId),
    /// A number that it is known by.
    Number(CaseId),
    /// An accused; the one of a number.
    Accused(CaseId, Option<u16>),
    /// A charge; that of an accused's and its own number.
    Charge(CaseId, Option<(u16, u16)>),
    /// A party.
    Party(CaseId, Option<PartyId>),
    /// A hearing.
    Hearing(CaseId, Option<HearingId>),
    /// A note.
    Note(CaseId),
    /// An answer that is waited for, to this message.
    Await(MessageRef),
    /// Something in a plea negotiation; see [`super::plea_forms`].
    Plea(Box<PleaForm>),
}

pub(super) const DATE: &str = "day/month/year, for instance 05/03/2026";
pub(super) const TIME: &str = "by the clock of the court, for instance 10:00; may be empty";

fn jurisdictions() -> impl Iterator<Item = &'static str> {
    Jurisdiction::ALL.into_iter().map(Jurisdiction::name)
}

/// A form for a new case. What the messages say is proposed: a number, a title.
#[must_use]
pub fn open(messages: Vec<MessageRef>, title: &str, numbers: &str) -> Form<Subject> {
    let law = Style::of(title).map(Style::jurisdiction).unwrap_or_default();
    let heading = match messages.len() {
        0 => "New case",
        1 => "New case for this message",
        _ => "New case for these messages",
    };
    let fields = vec![
        Field::text("Title", title, "R v SURNAME, PF v SURNAME or HMA v SURNAME"),
        Field::text("Numbers", numbers, "URN, Crown Court, PF reference, …; several with commas between"),
        Field::text("Client", "", "whom you act for; may be empty"),
        Field::choice("Law", law.name(), jurisdictions()),
    ];
    Form::new(Subject::Open(messages), heading, fields)
}

/// A form for the title and the law.
#[must_use]
pub fn title(case: &Case) -> Form<Subject> {
    let fields = vec![
        Field::text("Title", &case.title, "R v SURNAME, PF v SURNAME or HMA v SURNAME"),
        Field::choice("Law", case.jurisdiction.name(), jurisdictions()),
    ];
    Form::new(Subject::Title(case.id.clone()), "Title and law", fields)
}

/// A form for the state. The review date of a case that is closed is proposed by whoever opens the form.
#[must_use]
pub fn state(case: &Case, review: Option<Date>) -> Form<Subject> {
    let (known, because) = match &case.state {
        State::OnHold { because, review } => (review.or(None), because.as_str()),
        State::Closed { review } => (*review, ""),
        State::Open | State::Shredded { .. } => (None, ""),
    };
    let review = known.or(review).map(|date| date.strftime("%d/%m/%Y").to_string()).unwrap_or_default();
    let fields = vec![
        Field::choice("State", case.state.name(), ["open", "on-hold", "closed"]),
        Field::text("Reason", because, "why it is put on hold, released or reopened"),
        Field::text("Review on", &review, "of a closed case: when it is looked at again; may be empty"),
    ];
    Form::new(Subject::State(case.id.clone()), "State of the case", fields)
}

/// A form for a number.
#[must_use]
pub fn number(case: &Case) -> Form<Subject> {
    let hint = "URN, Crown Court, ASN, MAAT, UFN, PF reference, your own reference";
    Form::new(Subject::Number(case.id.clone()), "A number of the case", vec![Field::text("Number", "", hint)])
}

/// A form for an accused.
#[must_use]
pub fn accused(case: &Case, number: Option<u16>) -> Form<Subject> {
    let known = number.and_then(|number| case.accused(number));
    let born = known.and_then(|one| one.born).map(|date| date.strftime("%d/%m/%Y").to_string()).unwrap_or_default();
    let fields = vec![
        Field::text("Name", known.map_or("", |one| &one.name), "the surname in capitals, for instance Barnaby FERRET"),
        Field::text("Born", &born, "day/month/year; may be empty"),
    ];
    let title = if number.is_some() { "The accused" } else { "A further accused" };
    Form::new(Subject::Accused(case.id.clone(), number), title, fields)
}

/// A form for a charge.
#[must_use]
pub fn charge(case: &Case, key: Option<(u16, u16)>) -> Form<Subject> {
    let known = case.charges.iter().find(|one| key == Some((one.accused, one.number)));
    let accused = known.map(|one| one.accused).or_else(|| case.accused.first().map(|one| one.number)).unwrap_or(1);
    let next = case.charges.iter().filter(|one| one.accused == accused).map(|one| one.number).max().unwrap_or(0);
    let number = known.map_or(next.saturating_add(1), |one| one.number);
    let state = known.map(|one| one.state).unwrap_or_default();
    let fields = vec![
        Field::text("Accused", &accused.to_string(), "the number of the accused, 1 for the first"),
        Field::text("Number", &number.to_string(), "as the charge sheet, complaint or indictment counts"),
        Field::text("Charge", known.map_or("", |one| &one.text), "for instance theft of a garden gnome"),
        Field::text("Statute", known.map_or("", |one| &one.statute), "for instance Theft Act 1968 s.1; may be empty"),
        Field::choice("State", state.name(), ChargeState::ALL.into_iter().map(ChargeState::name)),
    ];
    Form::new(Subject::Charge(case.id.clone(), key), "A charge", fields)
}

/// A form for a party.
#[must_use]
pub fn party(case: &Case, id: Option<PartyId>) -> Form<Subject> {
    let known = case.parties.iter().find(|one| Some(&one.id) == id.as_ref());
    let role = known.map(|one| one.role).map_or("", Role::name);
    let acts_for: Vec<String> = known.into_iter().flat_map(|one| &one.acts_for).map(u16::to_string).collect();
    let fields = vec![
        Field::text("Name", known.map_or("", |one| &one.name), "for instance Petra Windlestraw"),
        Field::choice("Role", role, Role::ALL.into_iter().map(Role::name)),
        Field::text("Organisation", known.map_or("", |one| &one.organisation), "may be empty"),
        Field::text("Acts for", &acts_for.join(", "), "numbers of the accused; may be empty"),
        Field::text(
            "Addresses",
            &known.map(|one| one.addresses.join(", ")).unwrap_or_default(),
            "several with commas between; the .cjsm.net twin counts as the same",
        ),
        Field::text(
            "Certificates",
            &known.map(|one| one.certificates.join(", ")).unwrap_or_default(),
            "fingerprints of OpenPGP certificates; may be empty",
        ),
    ];
    Form::new(Subject::Party(case.id.clone(), id), "A party", fields)
}

/// A form for a hearing.
#[must_use]
pub fn hearing(case: &Case, id: Option<HearingId>) -> Form<Subject> {
    let known = case.hearings.iter().find(|one| Some(&one.id) == id.as_ref());
    let date = known.map(|one| one.at.date.strftime("%d/%m/%Y").to_string()).unwrap_or_default();
    let time = known.and_then(|one| one.at.time).map(|time| time.strftime("%H:%M").to_string()).unwrap_or_default();
    let before = case.hearings.last().map_or("", |one| one.court.as_str());
    let fields = vec![
        Field::choice(
            "Kind",
            known.map_or("", |one| one.kind.name()),
            HearingKind::ALL.into_iter().map(HearingKind::name),
        ),
        Field::text("Court", known.map_or(before, |one| &one.court), "for instance Ambleford MC"),
        Field::text("Date", &date, DATE),
        Field::text("Time", &time, TIME),
        Field::text("Outcome", known.map_or("", |one| &one.outcome), "what was decided; empty before"),
    ];
    let title = if case.jurisdiction == Jurisdiction::Scotland { "A diet" } else { "A hearing" };
    Form::new(Subject::Hearing(case.id.clone(), id), title, fields)
}

/// A form for a note.
#[must_use]
pub fn note(case: &Case) -> Form<Subject> {
    let hint = "kept in the register with your name and the time; it cannot be taken back";
    Form::new(Subject::Note(case.id.clone()), "A note", vec![Field::text("Note", "", hint)])
}

/// A form for an answer that is waited for.
#[must_use]
pub fn awaited(message: MessageRef, what: &str) -> Form<Subject> {
    let fields =
        vec![Field::text("Awaited", what, "what is to come, for instance the MG5"), Field::text("Chase on", "", DATE)];
    Form::new(Subject::Await(message), "An answer that is waited for", fields)
}

/// Fills a form from `name=value; name=value`, the names being those of its fields or their beginnings.
///
/// # Errors
/// A name that is no field's, in words.
pub fn fill(form: &mut Form<Subject>, text: &str) -> Result<(), String> {
    for pair in text.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
        let named = pair.split_once('=').map(|(name, value)| (name.trim().to_lowercase(), value.trim()));
        let found = named.as_ref().filter(|(name, _)| !name.is_empty()).and_then(|(name, value)| {
            let field = form.fields.iter_mut().find(|field| field.label.to_lowercase().starts_with(name.as_str()))?;
            Some((field, *value))
        });
        let Some((field, value)) = found else {
            let names: Vec<String> = form.fields.iter().map(|field| field.label.to_lowercase()).collect();
            return Err(format!("{pair:?}: write name=value; name=value with the names {}", names.join(", ")));
        };
        field.line = Line::new(value);
    }
    Ok(())
}

/// The case that a form is about; none for a new one.
#[must_use]
pub fn case_of(subject: &Subject) -> Option<CaseId> {
    match subject {
        Subject::Open(_) | Subject::Await(_) | Subject::Plea(_) => None,
        Subject::Title(id)
        | Subject::State(id)
        | Subject::Number(id)
        | Subject::Accused(id, _)
        | Subject::Charge(id, _)
        | Subject::Party(id, _)
        | Subject::Hearing(id, _)
        | Subject::Note(id) => Some(id.clone()),
    }
}
