//! Templates of messages: fields filled from the case, and what is missing asked for. Pure.
//!
//! A template is a text file: a head of `key: value` lines (`name`, `purpose`, `to`, `awaits`, `ask`), an empty line, the body. `{field}` stands for
//! what the case knows; `{{` and `}}` for braces. The subject is always built the same way, `R v FERRET - 99ZX0012326 - Ambleford MC 05/03/2026 -
//! purpose`, so that others can file it; a date of birth and a charge are for the body only, because subjects end up in logs and notices.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::awaiting::Awaiting;
use super::hearing::{Hearing, zone};
use super::jurisdiction::Jurisdiction;
use super::party::Role;
use super::record::Case;

/// The templates that come with the program: name, text.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("idpc-request", include_str!("templates/idpc-request.txt")),
    ("chase", include_str!("templates/chase.txt")),
    ("transfer-of-agent", include_str!("templates/transfer-of-agent.txt")),
];

/// What a field of a template stands for, and how one asks for it.
const FIELDS: &[(&str, &str)] = &[
    ("title", "title of the case"),
    ("number", "URN, PF reference or court number"),
    ("accused", "name of the accused"),
    ("surname", "surname of the accused"),
    ("born", "date of birth of the accused"),
    ("court", "court"),
    ("hearing", "date of the next hearing"),
    ("hearing_kind", "kind of the next hearing"),
    ("charges", "charges"),
    ("own_name", "your name"),
    ("own_firm", "your firm"),
    ("maat", "MAAT number"),
    ("ufn", "UFN"),
    ("asked_what", "what was asked for"),
    ("asked_when", "when it was asked for"),
    ("asked_of", "who was asked"),
    ("previous_agent", "the previous agent or solicitor"),
    ("today", "today's date"),
];

/// Fields that never stand in a subject.
const NOT_IN_SUBJECT: &[&str] = &["born", "charges", "maat", "ufn"];

/// A template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// What it is called.
    pub name: String,
    /// In one line, for a list.
    pub title: String,
    /// The end of the subject.
    pub purpose: String,
    /// The role whose address it goes to; the first such party of the case.
    pub to: Vec<Role>,
    /// An answer is awaited; what to, in words.
    pub awaits: Option<String>,
    /// Only for cases of this law.
    pub law: Option<Jurisdiction>,
    /// Text with fields.
    pub body: String,
}

/// A text that is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A line of the head.
    #[error("line {line}: {because}")]
    Head {
        /// From 1.
        line: usize,
        /// What is wrong and what to do.
        because: String,
    },
    /// A field that does not exist.
    #[error("line {line}: there is no field {{{field}}}{hint}")]
    Field {
        /// From 1.
        line: usize,
        /// Its name.
        field: String,
        /// A similar one, in words; may be empty.
        hint: String,
    },
    /// A brace that is not closed.
    #[error("line {line}: a brace is not closed; write {{{{ for a brace that is meant as one")]
    Brace {
        /// From 1.
        line: usize,
    },
}

/// A piece of text with fields.
enum Piece<'t> {
    Text(&'t str),
    Field(&'t str),
}

/// Takes a text apart. `line` is the number of its first line.
fn pieces(text: &str, first_line: usize) -> Result<Vec<Piece<'_>>, TemplateError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let line = |rest: &str| {
        let done = text.len().saturating_sub(rest.len());
        let before = text.get(..done).unwrap_or_default();
        first_line.saturating_add(before.matches('\n').count())
    };
    while let Some(at) = rest.find(['{', '}']) {
        let (before, after) = rest.split_at(at);
        pieces.push(Piece::Text(before));
        if let Some(next) = after.strip_prefix("{{").or_else(|| after.strip_prefix("}}")) {
            pieces.push(Piece::Text(after.get(..1).unwrap_or_default()));
            rest = next;
        } else {
            let inner = after.strip_prefix('{').ok_or_else(|| TemplateError::Brace { line: line(after) })?;
            let end = inner.find('}').ok_or_else(|| TemplateError::Brace { line: line(after) })?;
            let (name, next) = inner.split_at(end);
            let name = name.trim();
            if !FIELDS.iter().any(|(field, _)| *field == name) {
                let near = FIELDS.iter().map(|(field, _)| *field).min_by_key(|field| strsim::osa_distance(field, name));
                let hint = near.filter(|near| strsim::osa_distance(near, name) <= 3);
                let hint = hint.map(|near| format!("; did you mean {{{near}}}?")).unwrap_or_default();
                return Err(TemplateError::Field { line: line(after), field: name.to_owned(), hint });
            }
            pieces.push(Piece::Field(name));
            rest = next.strip_prefix('}').unwrap_or_default();
        }
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

impl Template {
    /// Reads a template; `name` is what its file is called.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line.
    pub fn parse(name: &str, text: &str) -> Result<Self, TemplateError> {
        let text = text.replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap_or((text.as_str(), ""));
        let mut template = Self { name: name.to_owned(), title: name.to_owned(), ..Self::default() };
        for (at, line) in head.lines().enumerate() {
            let number = at.saturating_add(1);
            let wrong = |because: String| TemplateError::Head { line: number, because };
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line
                .split_once(':')
                .ok_or_else(|| wrong("write `key: value`; an empty line ends the head".to_owned()))?;
            let value = value.trim();
            match key.trim() {
                "title" => value.clone_into(&mut template.title),
                "purpose" => {
                    for piece in pieces(value, number)? {
                        if let Piece::Field(field) = piece
                            && NOT_IN_SUBJECT.contains(&field)
                        {
                            return Err(wrong(format!(
                                "{{{field}}} does not belong into a subject: put it into the body"
                            )));
                        }
                    }
                    value.clone_into(&mut template.purpose);
                }
                "to" => {
                    for role in value.split(',') {
                        let role = Role::parse(role).ok_or_else(|| {
                            let all: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
                            wrong(format!("there is no role `{}`; one of {}", role.trim(), all.join(", ")))
                        })?;
                        template.to.push(role);
                    }
                }
                "awaits" => template.awaits = Some(value.to_owned()).filter(|value| !value.is_empty()),
                "law" => {
                    let law = Jurisdiction::parse(value);
                    template.law =
                        Some(law.ok_or_else(|| wrong("write `law: england-wales` or `law: scotland`".to_owned()))?);
                }
                other => {
                    return Err(wrong(format!("there is no `{other}`; one of title, purpose, to, awaits, law")));
                }
            }
        }
        if template.purpose.is_empty() {
            return Err(TemplateError::Head {
                line: 1,
                because: "it needs `purpose: …`, the end of the subject".to_owned(),
            });
        }
        pieces(body, head.lines().count().saturating_add(2))?;
        body.clone_into(&mut template.body);
        Ok(template)
    }

    /// Those that come with the program.
    #[must_use]
    pub fn built_in() -> Vec<Self> {
        BUILT_IN.iter().filter_map(|(name, text)| Self::parse(name, text).ok()).collect()
    }

    /// Whether it quotes a question that was asked: it is offered for each that is open.
    #[must_use]
    pub fn chases(&self) -> bool {
        self.fields().iter().any(|field| field.starts_with("asked_"))
    }

    /// The fields that it uses, each once, in the order in which they are used.
    fn fields(&self) -> Vec<&str> {
        let mut used: Vec<&str> = Vec::new();
        let body = pieces(&self.body, 1).unwrap_or_default();
        for piece in pieces(&self.purpose, 1).unwrap_or_default().into_iter().chain(body) {
            if let Piece::Field(field) = piece
                && !used.contains(&field)
            {
                used.push(field);
            }
        }
        used
    }

    /// What has to be asked for before it can be filled: field and words.
    #[must_use]
    pub fn missing(&self, facts: &Facts) -> Vec<(&'static str, &'static str)> {
        // What the subject is built of is needed whether the body names it or not, but for the hearing: there may be none.
        let wanted = [&["title", "number"][..], &self.fields()].concat();
        FIELDS.iter().filter(|(field, _)| wanted.contains(field) && facts.get(field).is_none()).copied().collect()
    }

    /// Subject and body; a field that is missing is left as `[date of birth of the accused]`, for the writer to see.
    #[must_use]
    pub fn fill(&self, facts: &Facts) -> (String, String) {
        let fill = |text: &str| -> String {
            let words = |field: &str| {
                let asked = FIELDS.iter().find(|(name, _)| *name == field).map_or(field, |(_, words)| *words);
                facts.get(field).map_or_else(|| format!("[{asked}]"), str::to_owned)
            };
            pieces(text, 1)
                .unwrap_or_default()
                .into_iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text.to_owned(),
                    Piece::Field(field) => words(field),
                })
                .collect()
        };
        let hearing = facts.get("subject_hearing");
        let parts = [facts.get("title"), facts.get("number"), hearing];
        let mut subject: Vec<String> = parts.into_iter().flatten().map(str::to_owned).collect();
        subject.push(fill(&self.purpose));
        (subject.join(" - "), fill(&self.body))
    }
}

/// What is known to fill templates with: from the case, and what was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<String, String>);

impl Facts {
    /// What a case knows at a moment. `own` is the writer's name and firm.
    #[must_use]
    pub fn of(case: &Case, own: (&str, &str), now: Timestamp) -> Self {
        let mut facts = Self::default();
        let mut set = |field: &str, value: String| {
            if !value.trim().is_empty() {
                facts.0.insert(field.to_owned(), value);
            }
        };
        set("title", case.title.clone());
        set("number", case.main_identifier().map(ToString::to_string).unwrap_or_default());
        set("own_name", own.0.to_owned());
        set("own_firm", own.1.to_owned());
        let identifier = |kind| case.identifier(&kind).map(|one| one.value.clone()).unwrap_or_default();
        set("maat", identifier(super::Kind::Maat));
        set("ufn", identifier(super::Kind::Ufn));
        if let Some(accused) = case.accused.first() {
            set("accused", accused.name.clone());
            set("surname", accused.surname());
            set("born", accused.born.map(|born| born.strftime("%-d %B %Y").to_string()).unwrap_or_default());
            let charge = |charge: &super::Charge| {
                let statute = if charge.statute.is_empty() { String::new() } else { format!(" ({})", charge.statute) };
                format!("{}. {}{statute}", charge.number, charge.text)
            };
            let of = case.charges.iter().filter(|charge| charge.accused == accused.number);
            set("charges", of.map(charge).collect::<Vec<_>>().join("\n"));
        }
        if let Some(hearing) = case.next_hearing(now) {
            set("court", hearing.court.clone());
            set("hearing", hearing.at.to_string());
            set("hearing_kind", hearing.kind.words().to_owned());
            set("subject_hearing", subject_hearing(hearing));
        }
        if let Ok(zone) = zone() {
            set("today", now.to_zoned(zone).strftime("%-d %B %Y").to_string());
        }
        facts
    }

    /// Adds the question that is chased.
    #[must_use]
    pub fn with_question(mut self, awaiting: &Awaiting) -> Self {
        self.0.insert("asked_what".to_owned(), awaiting.what.clone());
        self.0.insert("asked_of".to_owned(), awaiting.to.join(", "));
        if let Ok(zone) = zone() {
            let sent = awaiting.sent.to_zoned(zone);
            self.0.insert("asked_when".to_owned(), sent.strftime("%A %-d %B %Y at %H:%M").to_string());
        }
        self
    }

    /// Adds what was answered to a question for a missing field.
    #[must_use]
    pub fn with(mut self, field: &str, value: &str) -> Self {
        if !value.trim().is_empty() {
            self.0.insert(field.to_owned(), value.trim().to_owned());
        }
        self
    }

    /// What a field stands for.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(String::as_str)
    }
}

/// `Ambleford MC 05/03/2026`.
fn subject_hearing(hearing: &Hearing) -> String {
    format!("{} {}", hearing.court, hearing.at.date.strftime("%d/%m/%Y")).trim().to_owned()
}

/// The addresses that a template goes to in a case.
#[must_use]
pub fn addressees(template: &Template, case: &Case) -> Vec<String> {
    let of_role = |role: &Role| case.parties.iter().find(|party| party.role == *role && !party.addresses.is_empty());
    template.to.iter().find_map(of_role).and_then(|party| party.addresses.first().cloned()).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::civil::{date, time};

    use super::{BUILT_IN, Facts, Template, addressees};
    use crate::case::{
        Accused, Awaiting, AwaitingId, Case, Charge, Hearing, HearingId, HearingKind, HearingTime, Jurisdiction, Party,
        Patterns, Role,
    };
    use crate::mail::id::CaseId;

    fn weasel() -> Case {
        let mut case = Case::new(CaseId("WEASEL".into()), "R v WEASEL", Jurisdiction::EnglandWales);
        case.identifiers = vec![Patterns::new(&[]).unwrap().read("99ZX0012327")];
        case.accused = vec![Accused { number: 1, name: "Silas WEASEL".into(), born: None }];
        case.charges = vec![Charge { number: 1, accused: 1, text: "criminal damage".into(), ..Charge::default() }];
        case.hearings = vec![Hearing {
            id: HearingId("1".into()),
            kind: HearingKind::First,
            court: "Ambleford MC".into(),
            at: HearingTime { date: date(2026, 3, 6), time: Some(time(10, 0, 0, 0)) },
            outcome: String::new(),
        }];
        let addresses = vec!["ambleford.mags@cps.gov.example".to_owned()];
        case.parties = vec![Party { role: Role::CpsLawyer, addresses, ..Party::default() }];
        case
    }

    fn now() -> Timestamp {
        "2026-03-04T15:10:00Z".parse().unwrap()
    }

    fn template(name: &str) -> Template {
        Template::built_in().into_iter().find(|one| one.name == name).unwrap()
    }

    #[test]
    fn those_that_come_with_the_program_read() {
        for (name, text) in BUILT_IN {
            if let Err(error) = Template::parse(name, text) {
                panic!("{name}: {error}");
            }
        }
        assert_eq!(Template::built_in().len(), BUILT_IN.len());
    }

    #[test]
    fn a_request_asks_only_for_what_the_case_does_not_know() {
        let (template, case) = (template("idpc-request"), weasel());
        let facts = Facts::of(&case, ("Barnaby Quill", "Quill & Pounce LLP"), now());
        assert_eq!(template.missing(&facts), [("born", "date of birth of the accused")]);
        let facts = facts.with("born", " 1 April 1990 ");
        assert_eq!(template.missing(&facts), []);
        let (subject, body) = template.fill(&facts);
        assert_eq!(subject, "R v WEASEL - 99ZX0012327 - Ambleford MC 06/03/2026 - IDPC request");
        assert!(body.contains("1 April 1990") && body.contains("criminal damage"), "{body}");
        assert!(!subject.contains("1990") && !subject.contains("damage"));
        assert_eq!(addressees(&template, &case), ["ambleford.mags@cps.gov.example"]);
        assert_eq!(template.awaits.as_deref(), Some("IDPC request"));
    }

    #[test]
    fn a_chase_quotes_when_it_was_first_asked() {
        let (template, case) = (template("chase"), weasel());
        let asked = Awaiting {
            id: AwaitingId("1".into()),
            what: "IDPC request".into(),
            to: vec!["ambleford.mags@cps.gov.example".into()],
            message_id: "1@quillpounce.example".into(),
            sent: now(),
            due: now(),
            chased: Vec::new(),
            answered: None,
        };
        let facts = Facts::of(&case, ("Barnaby Quill", "Quill & Pounce LLP"), now()).with_question(&asked);
        assert_eq!(template.missing(&facts), []);
        let (subject, body) = template.fill(&facts);
        assert!(subject.ends_with("IDPC request - chase"), "{subject}");
        assert!(body.contains("Wednesday 4 March 2026 at 15:10"), "{body}");
    }

    #[test]
    fn mistakes_in_a_users_own_file_are_told_with_their_line() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Template::parse("own", text).unwrap_err().to_string(), expected, "{text}");
        };
        check("purpose: x\n\nDear {suname}", "line 3: there is no field {suname}; did you mean {surname}?");
        check("purpose: x\n\nDear\n{", "line 4: a brace is not closed; write {{ for a brace that is meant as one");
        check("purpose: x {born}\n\n", "line 1: {born} does not belong into a subject: put it into the body");
        check("nonsense\n\n", "line 1: write `key: value`; an empty line ends the head");
        check("purpose: x\ncolour: red\n\n", "line 2: there is no `colour`; one of title, purpose, to, awaits, law");
        check("title: x\n\nbody", "line 1: it needs `purpose: …`, the end of the subject");
        assert!(Template::parse("own", "purpose: x\nto: nobody\n\n").unwrap_err().to_string().contains("cps-lawyer"));
        let good = Template::parse("own", "purpose: {{x}}\r\n\r\nA {title}").unwrap();
        assert_eq!(
            good.fill(&Facts::of(&weasel(), ("", ""), now())).0,
            "R v WEASEL - 99ZX0012327 - Ambleford MC 06/03/2026 - {x}"
        );
    }

    #[test]
    fn what_is_still_missing_is_left_to_be_seen() {
        let case = Case::new(CaseId("x".into()), "", Jurisdiction::EnglandWales);
        let (subject, body) = template("idpc-request").fill(&Facts::of(&case, ("", ""), now()));
        assert_eq!(subject, "IDPC request");
        assert!(body.contains("[date of birth of the accused]"));
    }
}
