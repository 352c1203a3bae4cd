//! What a filled form becomes, in the words of the register. Every refusal names the field and says how to write it.

use jiff::civil::{Date, Time};

use super::form::{Field, Form};
use super::forms::{DATE, Subject, TIME, case_of};
use crate::case::{
    Accused, Case, Charge, ChargeState, Hearing, HearingId, HearingKind, HearingTime, Jurisdiction, Party, PartyId,
    Role, State,
};
use crate::mail::id::{CaseId, MessageRef};
use crate::register::CaseChange;

/// What a form becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A new case.
    Open(Opening),
    /// Changes of a case; none where nothing was changed.
    Change(CaseId, Vec<CaseChange>),
    /// A number to be read by the grammars, and added to a case.
    Number(CaseId, String),
    /// An answer to a message is waited for: what, and when it is to be chased.
    Await(MessageRef, String, Date),
}

/// A case to be opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// For instance `R v FERRET`.
    pub title: String,
    /// Whose law.
    pub jurisdiction: Jurisdiction,
    /// Numbers as typed.
    pub numbers: Vec<String>,
    /// The client, the first accused.
    pub client: String,
    /// Messages that are filed to it.
    pub messages: Vec<MessageRef>,
}

/// Why a form is not taken: the field's place and the words.
pub type Refusal = (usize, String);

/// What the form becomes. `case` is the case it is about.
///
/// # Errors
/// What cannot be taken, with the field it stands in.
pub fn taken(form: &Form<Subject>, case: Option<&Case>) -> Result<Outcome, Refusal> {
    let value = |at: usize| form.value(at);
    if let Subject::Await(message) = &form.subject {
        let what = needed(form, 0, "say what is to come")?;
        let due = optional_date(form, 1)?.ok_or_else(|| (1, format!("a date is needed: {DATE}")))?;
        return Ok(Outcome::Await(message.clone(), what, due));
    }
    let Some(id) = case_of(&form.subject) else { return Ok(Outcome::Open(opening(form)?)) };
    let Some(case) = case else { return Err((0, "the case is gone".to_owned())) };
    let changes = match &form.subject {
        Subject::Open(_) | Subject::Await(_) | Subject::Plea(_) => Vec::new(),
        Subject::Title(_) => {
            let mut changes = Vec::new();
            let title = needed(form, 0, "a case needs a title")?;
            if title != case.title {
                changes.push(CaseChange::Renamed { title });
            }
            let jurisdiction = law(form, 1)?;
            if jurisdiction != case.jurisdiction {
                changes.push(CaseChange::Moved { jurisdiction });
            }
            changes
        }
        Subject::State(_) => state_taken(form, case)?,
        Subject::Number(_) => {
            return Ok(Outcome::Number(id, needed(form, 0, "a number is needed")?));
        }
        Subject::Accused(_, number) => {
            let next = case.accused.iter().map(|one| one.number).max().unwrap_or(0).saturating_add(1);
            let name = needed(form, 0, "the accused needs a name")?;
            vec![CaseChange::Accused(Accused { number: number.unwrap_or(next), name, born: optional_date(form, 1)? })]
        }
        Subject::Charge(_, key) => {
            let accused = whole(form, 0)?;
            let number = whole(form, 1)?;
            let text = needed(form, 2, "a charge needs its words")?;
            let state = choice(form, 4, ChargeState::parse)?;
            let charge = Charge { number, accused, text, statute: value(3).to_owned(), state };
            let mut changes = vec![CaseChange::Charge(charge)];
            // A charge that was renumbered leaves no second one behind.
            if let Some((accused, number)) = key.filter(|key| *key != (accused, number)) {
                changes.insert(0, CaseChange::ChargeRemoved { accused, number });
            }
            changes
        }
        Subject::Party(_, known) => {
            let addresses = addresses(form, 4)?;
            let name = value(0).to_owned();
            if name.is_empty() && addresses.is_empty() {
                return Err((0, "a party needs a name or an address".to_owned()));
            }
            let taken = |id: &str| case.parties.iter().any(|one| one.id.0 == id);
            let stem = addresses.first().cloned().unwrap_or_else(|| slug(&name));
            let id = known.clone().unwrap_or_else(|| PartyId(unused(&stem, taken)));
            let party = Party {
                id,
                name,
                role: choice(form, 1, Role::parse)?,
                organisation: value(2).to_owned(),
                acts_for: numbers(form, 3)?,
                addresses,
                certificates: list(value(5)),
            };
            vec![CaseChange::Party(party)]
        }
        Subject::Hearing(_, known) => {
            let kind = choice(form, 0, HearingKind::parse)?;
            let date = optional_date(form, 2)?.ok_or_else(|| (2, format!("a date is needed: {DATE}")))?;
            let at = HearingTime { date, time: optional_time(form, 3)? };
            let taken = |id: &str| case.hearings.iter().any(|one| one.id.0 == id);
            let id = known.clone().unwrap_or_else(|| HearingId(unused(&format!("{}-{date}", kind.name()), taken)));
            let hearing = Hearing { id, kind, court: value(1).to_owned(), at, outcome: value(4).to_owned() };
            vec![CaseChange::Hearing(hearing)]
        }
        Subject::Note(_) => vec![CaseChange::Noted { text: needed(form, 0, "the note is empty")? }],
    };
    Ok(Outcome::Change(id, changes))
}

fn opening(form: &Form<Subject>) -> Result<Opening, Refusal> {
    let Subject::Open(messages) = &form.subject else { return Err((0, "this form opens no case".to_owned())) };
    let numbers = list(form.value(1));
    let title = form.value(0).to_owned();
    if title.is_empty() && numbers.is_empty() {
        return Err((0, "a case needs a title or a number".to_owned()));
    }
    Ok(Opening {
        title,
        jurisdiction: law(form, 3)?,
        numbers,
        client: form.value(2).to_owned(),
        messages: messages.clone(),
    })
}

fn state_taken(form: &Form<Subject>, case: &Case) -> Result<Vec<CaseChange>, Refusal> {
    let because = form.value(1).to_owned();
    let wanted = form.fields.first().and_then(Field::chosen).ok_or_else(|| (0, one_of(form, 0)))?;
    let needs_reason = |what: &str| {
        if because.chars().count() < 3 {
            Err((1, format!("say why it is {what}: it is kept in the register")))
        } else {
            Ok(())
        }
    };
    let is_held = matches!(case.state, State::OnHold { .. });
    if matches!(case.state, State::Shredded { .. }) {
        return Err((0, "what was shredded cannot be brought back".to_owned()));
    }
    Ok(match wanted {
        "closed" if is_held => {
            return Err((0, "it is on hold: release it first (state open, with the reason)".to_owned()));
        }
        "closed" => vec![CaseChange::Closed { review: optional_date(form, 2)? }],
        "on-hold" => {
            needs_reason("put on hold")?;
            vec![CaseChange::Held { because }]
        }
        _ => match case.state {
            State::Closed { .. } => {
                needs_reason("opened again")?;
                vec![CaseChange::Reopened { because }]
            }
            State::OnHold { .. } => {
                needs_reason("released")?;
                vec![CaseChange::Released { because }]
            }
            State::Open | State::Shredded { .. } => Vec::new(),
        },
    })
}

fn needed(form: &Form<Subject>, at: usize, words: &str) -> Result<String, Refusal> {
    let value = form.value(at);
    if value.is_empty() { Err((at, words.to_owned())) } else { Ok(value.to_owned()) }
}

fn one_of(form: &Form<Subject>, at: usize) -> String {
    let choices = form.fields.get(at).map(|field| field.choices.join(", ")).unwrap_or_default();
    format!("one of: {choices}")
}

fn choice<T>(form: &Form<Subject>, at: usize, parse: impl Fn(&str) -> Option<T>) -> Result<T, Refusal> {
    form.fields.get(at).and_then(Field::chosen).and_then(parse).ok_or_else(|| (at, one_of(form, at)))
}

fn law(form: &Form<Subject>, at: usize) -> Result<Jurisdiction, Refusal> {
    choice(form, at, Jurisdiction::parse)
}

fn whole(form: &Form<Subject>, at: usize) -> Result<u16, Refusal> {
    let number = form.value(at).parse::<u16>().ok().filter(|number| *number > 0);
    number.ok_or_else(|| (at, "a number from 1 on".to_owned()))
}

fn numbers(form: &Form<Subject>, at: usize) -> Result<Vec<u16>, Refusal> {
    let read = list(form.value(at)).iter().map(|text| text.parse::<u16>()).collect::<Result<Vec<_>, _>>();
    read.map_err(|_| (at, "numbers of the accused with commas between, for instance 1, 2".to_owned()))
}

/// A date as people here write it: `05/03/2026`, `5.3.2026`, or as ISO 8601 has it.
///
/// # Errors
/// In words.
pub fn date(text: &str) -> Result<Date, String> {
    let wrong = || format!("{text:?} is no date: write {DATE}");
    if let Ok(date) = text.parse::<Date>() {
        return Ok(date);
    }
    let parts: Vec<&str> = text.split(['/', '.', '-', ' ']).filter(|part| !part.is_empty()).collect();
    let [day, month, year] = parts.as_slice() else { return Err(wrong()) };
    let number = |text: &str| text.parse::<i16>().map_err(|_| wrong());
    let (day, month, year) = (number(day)?, number(month)?, number(year)?);
    let year = if year < 100 { year + 2000 } else { year };
    let small = |number: i16| i8::try_from(number).map_err(|_| wrong());
    Date::new(year, small(month)?, small(day)?).map_err(|_| wrong())
}

fn optional_date(form: &Form<Subject>, at: usize) -> Result<Option<Date>, Refusal> {
    match form.value(at) {
        "" => Ok(None),
        text => date(text).map(Some).map_err(|words| (at, words)),
    }
}

fn optional_time(form: &Form<Subject>, at: usize) -> Result<Option<Time>, Refusal> {
    let text = form.value(at);
    if text.is_empty() {
        return Ok(None);
    }
    let parts = text.split_once([':', '.']).and_then(|(h, m)| Some((h.parse().ok()?, m.parse().ok()?)));
    let time = parts.and_then(|(hour, minute)| Time::new(hour, minute, 0, 0).ok());
    time.map(Some).ok_or_else(|| (at, format!("{text:?} is no time: {TIME}")))
}

/// Pieces between commas and semicolons.
fn list(text: &str) -> Vec<String> {
    text.split([',', ';']).map(str::trim).filter(|piece| !piece.is_empty()).map(str::to_owned).collect()
}

fn addresses(form: &Form<Subject>, at: usize) -> Result<Vec<String>, Refusal> {
    let mut read = Vec::new();
    for text in list(form.value(at)) {
        let addr = text.trim_matches(['<', '>']).to_lowercase();
        let whole = addr.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'));
        if !whole || addr.contains(char::is_whitespace) {
            return Err((at, format!("{text:?} is no address")));
        }
        if !read.contains(&addr) {
            read.push(addr);
        }
    }
    Ok(read)
}

/// Letters and digits in lower case with hyphens between.
fn slug(text: &str) -> String {
    let words: Vec<String> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    words.join("-")
}

/// A name that is not taken: the same on two machines that add the same, so that the two become one.
fn unused(stem: &str, is_taken: impl Fn(&str) -> bool) -> String {
    if !is_taken(stem) {
        return stem.to_owned();
    }
    (2_u32..).map(|n| format!("{stem}-{n}")).find(|name| !is_taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date as day;

    use super::super::form::Form;
    use super::super::forms::{accused, charge, fill, hearing, note, number, open, party, state, title};
    use super::super::line::Line;
    use super::{Outcome, Subject, date, taken};
    use crate::case::{Case, HearingKind, Jurisdiction, Role, State};
    use crate::mail::id::CaseId;
    use crate::register::CaseChange;

    fn ferret() -> Case {
        Case::new(CaseId("ferret".into()), "R v FERRET", Jurisdiction::EnglandWales)
    }

    fn filled(mut form: Form<Subject>, values: &[&str]) -> Form<Subject> {
        for (field, value) in form.fields.iter_mut().zip(values) {
            field.line = Line::new(value);
        }
        form
    }

    fn changes(form: Form<Subject>, values: &[&str], case: &Case) -> Result<Vec<CaseChange>, (usize, String)> {
        match taken(&filled(form, values), Some(case))? {
            Outcome::Change(id, changes) if id == case.id => Ok(changes),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn dates_are_read_as_people_here_write_them() {
        for text in ["05/03/2026", "5/3/26", "5.3.2026", "2026-03-05"] {
            assert_eq!(date(text), Ok(day(2026, 3, 5)), "{text}");
        }
        for text in ["", "03/2026", "31/02/2026", "soon", "5/13/2026"] {
            assert!(date(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_hearing_needs_its_day_and_says_how_to_write_it() {
        let case = ferret();
        let form = || hearing(&case, None);
        let refused = changes(form(), &["first-h", "Ambleford MC", "", "", ""], &case).unwrap_err();
        assert_eq!(refused.0, 2);
        let refused = changes(form(), &["first-h", "Ambleford MC", "05/03/2026", "25:00", ""], &case).unwrap_err();
        assert_eq!(refused.0, 3);
        let made = changes(form(), &["first-h", "Ambleford MC", "05/03/2026", "10:00", ""], &case).unwrap();
        let [CaseChange::Hearing(made)] = made.as_slice() else { panic!("{made:?}") };
        assert_eq!((made.kind, made.id.0.as_str()), (HearingKind::First, "first-hearing-2026-03-05"));
        assert_eq!(made.at.to_string(), "Thu 5 Mar 2026 10:00");
    }

    #[test]
    fn two_machines_that_add_the_same_party_name_it_the_same() {
        let case = ferret();
        let values = ["Petra Windlestraw", "cps", "CPS Mudshire", "", "P.Windlestraw@cps.gov.example", ""];
        let made = changes(party(&case, None), &values, &case).unwrap();
        let [CaseChange::Party(made)] = made.as_slice() else { panic!("{made:?}") };
        assert_eq!((made.id.0.as_str(), made.role), ("p.windlestraw@cps.gov.example", Role::CpsLawyer));
        let refused = changes(party(&case, None), &["", "cps", "", "", "not an address", ""], &case).unwrap_err();
        assert_eq!(refused.0, 4);
        let refused = changes(party(&case, None), &["", "cps", "", "", "", ""], &case).unwrap_err();
        assert_eq!(refused.0, 0);
        let refused = changes(party(&case, None), &["A", "co", "", "", "", ""], &case).unwrap_err();
        assert!(refused.1.contains("counsel, police") || refused.1.contains("counsel"), "{refused:?}");
    }

    #[test]
    fn a_case_on_hold_is_released_with_a_reason_before_it_is_closed() {
        let mut case = ferret();
        let close = ["closed", "", "05/03/2033"];
        assert_eq!(
            changes(state(&case, None), &close, &case).unwrap(),
            [CaseChange::Closed { review: Some(day(2033, 3, 5)) }]
        );
        assert_eq!(changes(state(&case, None), &["on-hold", "", ""], &case).unwrap_err().0, 1);
        case.state = State::OnHold { because: "appeal".into(), review: None };
        assert_eq!(changes(state(&case, None), &close, &case).unwrap_err().0, 0);
        assert_eq!(changes(state(&case, None), &["open", "", ""], &case).unwrap_err().0, 1);
        assert_eq!(
            changes(state(&case, None), &["open", "appeal abandoned", ""], &case).unwrap(),
            [CaseChange::Released { because: "appeal abandoned".into() }]
        );
    }

    #[test]
    fn what_was_not_changed_is_not_written_down() {
        let case = ferret();
        assert_eq!(changes(title(&case), &["R v FERRET"], &case).unwrap(), []);
        assert_eq!(changes(state(&case, None), &["open"], &case).unwrap(), []);
        let renamed = changes(title(&case), &["HMA v FERRET", "scot"], &case).unwrap();
        assert_eq!(renamed.len(), 2);
    }

    #[test]
    fn a_charge_that_is_renumbered_leaves_no_second_one_behind() {
        let mut case = ferret();
        let made = changes(charge(&case, None), &["1", "1", "theft of a garden gnome", "", "live"], &case).unwrap();
        let [CaseChange::Charge(first)] = made.as_slice() else { panic!("{made:?}") };
        case.charges.push(first.clone());
        let moved =
            changes(charge(&case, Some((1, 1))), &["1", "2", "theft of a garden gnome", "", "live"], &case).unwrap();
        assert_eq!(moved.first(), Some(&CaseChange::ChargeRemoved { accused: 1, number: 1 }));
        assert_eq!(changes(charge(&case, None), &["0", "1", "x", "", "live"], &case).unwrap_err().0, 0);
    }

    #[test]
    fn a_case_is_opened_by_a_title_or_a_number() {
        let form = open(Vec::new(), "PF v PUDDOCK", "ZZ26000417, OTTER/42");
        let Outcome::Open(opening) = taken(&form, None).unwrap() else { panic!() };
        assert_eq!(opening.jurisdiction, Jurisdiction::Scotland);
        assert_eq!(opening.numbers, ["ZZ26000417", "OTTER/42"]);
        assert_eq!(taken(&open(Vec::new(), "", ""), None).unwrap_err().0, 0);
    }

    #[test]
    fn a_command_fills_a_form_by_the_names_of_its_fields() {
        let case = ferret();
        let mut form = hearing(&case, None);
        fill(&mut form, "kind=ptph; court=Ambleford CC; date=02/04/2026").unwrap();
        assert_eq!((form.value(0), form.value(1), form.value(2)), ("ptph", "Ambleford CC", "02/04/2026"));
        let refused = fill(&mut form, "judge=Heron").unwrap_err();
        assert!(refused.contains("kind, court, date, time, outcome"), "{refused}");
        assert!(fill(&mut form, "Ambleford CC").is_err());
    }

    #[test]
    fn empty_forms_are_refused_at_their_field() {
        let case = ferret();
        assert_eq!(taken(&accused(&case, None), Some(&case)).unwrap_err().0, 0);
        assert_eq!(taken(&number(&case), Some(&case)).unwrap_err().0, 0);
        assert_eq!(taken(&note(&case), Some(&case)).unwrap_err().0, 0);
        assert_eq!(taken(&note(&case), None).unwrap_err().1, "the case is gone");
    }
}
