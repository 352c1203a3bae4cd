//! What the register of the demo says of its five cases: accused, charges, parties, hearings, as the letters tell of them.

use jiff::civil::{Date, Time, date, time};

use super::super::cast;
use super::{Law, Matter, matters};
use crate::case::{
    Accused, Charge, Hearing, HearingId, HearingKind, HearingTime, Identifier, Jurisdiction, Party, PartyId, Patterns,
    Role,
};
use crate::mail::id::CaseId;
use crate::register::{CaseChange, Event};

/// Who else has a part: name, role, organisation, whom he acts for, address.
type Cast = (cast::Person, Role, &'static str, &'static [u16]);

/// What happened in the five cases before the demo begins. `certificate`: the fingerprint of the depute's.
///
/// # Errors
/// The grammars of numbers cannot be read, in words.
pub(in crate::demo) fn events(certificate: &str) -> Result<Vec<Event>, String> {
    let patterns = Patterns::new(&[]).map_err(|error| error.to_string())?;
    let quill = (cast::QUILL, Role::DefenceSolicitor, "Quill & Pounce LLP", &[1_u16] as &[u16]);
    let inkwell = (cast::INKWELL, Role::DefenceStaff, "Quill & Pounce LLP", &[] as &[u16]);
    let vellum = (cast::VELLUM, Role::Counsel, "Foxglove Row Chambers", &[1_u16] as &[u16]);
    let cps = (cast::CPS, Role::CpsLawyer, "CPS Mudshire", &[] as &[u16]);
    let petra = (cast::WINDLESTRAW, Role::CpsLawyer, "CPS Mudshire", &[] as &[u16]);
    let marlow = (cast::MARLOW, Role::Police, "Mudshire Police", &[] as &[u16]);
    let crown_court = (cast::AMBLEFORD, Role::Court, "Ambleford Crown Court", &[] as &[u16]);
    let isla = (cast::THISTLEDOWN, Role::DefenceSolicitor, "Thistledown & Gorse", &[1_u16] as &[u16]);
    let wren = (cast::WREN, Role::DefenceSolicitor, "Wren & Co", &[2_u16] as &[u16]);
    let pf = (cast::PF, Role::FiscalDepute, "PF Kirkmirkle", &[] as &[u16]);
    let hamish = (cast::LINTWHITE, Role::FiscalDepute, "PF Kirkmirkle", &[] as &[u16]);
    let sheriff = (cast::KIRKMIRKLE, Role::Court, "Kirkmirkle Sheriff Court", &[] as &[u16]);

    let mut events = Vec::new();
    let ferret = Told {
        numbers: &["26/99ZX/01/48151N", "MAAT 9000001", "UFN 250226/001"],
        accused: &[("Barnaby FERRET", Some(date(1991, 4, 1)))],
        hearing: Some((HearingKind::First, date(2026, 3, 5), Some(time(10, 0, 0, 0)))),
        cast: &[quill, inkwell, cps, petra, marlow],
    };
    events.extend(ferret.events(&matters::ferret(), &patterns));
    let otterbourne = Told {
        numbers: &["T20269001"],
        accused: &[("Dilys OTTERBOURNE", None)],
        hearing: Some((HearingKind::Ptph, date(2026, 4, 2), None)),
        cast: &[quill, inkwell, vellum, cps, petra, crown_court],
    };
    events.extend(otterbourne.events(&matters::otterbourne(), &patterns));
    let puddock = Told {
        numbers: &[],
        accused: &[("Morag PUDDOCK", None)],
        hearing: Some((HearingKind::IntermediateDiet, date(2026, 5, 27), None)),
        cast: &[isla, pf, hamish, sheriff],
    };
    events.extend(puddock.events(&matters::puddock(), &patterns));
    let gannet = Told {
        numbers: &[],
        accused: &[("Gideon GANNET", None), ("Fenella STOAT", None)],
        hearing: None,
        cast: &[isla, wren, pf, hamish, sheriff],
    };
    events.extend(gannet.events(&matters::gannet(), &patterns));
    let weasel = Told {
        numbers: &[],
        // Whoever asks for the initial details is asked for the date of birth first: it is not known here.
        accused: &[("Silas WEASEL", None)],
        hearing: Some((HearingKind::First, date(2026, 3, 6), Some(time(10, 0, 0, 0)))),
        cast: &[quill, inkwell, cps, petra],
    };
    events.extend(weasel.events(&matters::weasel(), &patterns));
    signs(&mut events, certificate);
    Ok(events)
}

/// The depute's certificate is recorded as his, so that what he signs counts as signed.
fn signs(events: &mut [Event], certificate: &str) {
    for event in events {
        if let Event::Case { change: CaseChange::Party(party), .. } = event
            && party.addresses.iter().any(|one| one == cast::LINTWHITE.addr)
            && !certificate.is_empty()
        {
            party.certificates = vec![certificate.to_owned()];
        }
    }
}

/// One of the other cases is opened, because something is negotiated in it.
///
/// # Errors
/// The grammars of numbers cannot be read, in words.
pub(in crate::demo) fn opened(matter: &Matter, certificate: &str) -> Result<Vec<Event>, String> {
    let patterns = Patterns::new(&[]).map_err(|error| error.to_string())?;
    let name = matter
        .client
        .rsplit_once(' ')
        .map_or_else(|| matter.surname.clone(), |(forename, _)| format!("{forename} {}", matter.surname));
    let scots = matter.law == Law::Scotland;
    let us = (if scots { cast::THISTLEDOWN } else { cast::QUILL }, Role::DefenceSolicitor, "", &[1_u16] as &[u16]);
    let cast = if scots {
        vec![us, (cast::LINTWHITE, Role::FiscalDepute, "PF Kirkmirkle", &[] as &[u16])]
    } else {
        vec![us, (cast::WINDLESTRAW, Role::CpsLawyer, "CPS Mudshire", &[] as &[u16])]
    };
    let told = Told { numbers: &[], accused: &[(name.as_str(), None)], hearing: None, cast: &cast };
    let mut events = told.events(matter, &patterns);
    signs(&mut events, certificate);
    Ok(events)
}

/// The charges of a case in the words of the libel, and its next hearing.
pub(in crate::demo) fn libelled(
    matter: &Matter,
    charges: &[&str],
    hearing: Option<(HearingKind, HearingTime)>,
) -> Vec<Event> {
    let case = CaseId(matter.surname.clone());
    let charges = (1..).zip(charges).map(|(number, text)| {
        CaseChange::Charge(Charge { number, accused: 1, text: (*text).to_owned(), ..Charge::default() })
    });
    let hearing = hearing.map(|(kind, at)| {
        CaseChange::Hearing(Hearing {
            id: HearingId(format!("{}-{}", kind.name(), at.date)),
            kind,
            court: matter.court.to_owned(),
            at,
            outcome: String::new(),
        })
    });
    charges.chain(hearing).map(|change| Event::Case { case: case.clone(), change }).collect()
}

/// What is told of a case beside what its letters say.
struct Told<'a> {
    numbers: &'a [&'a str],
    accused: &'a [(&'a str, Option<Date>)],
    hearing: Option<(HearingKind, Date, Option<Time>)>,
    cast: &'a [Cast],
}

impl Told<'_> {
    fn events(&self, matter: &Matter, patterns: &Patterns) -> Vec<Event> {
        let case = CaseId(matter.surname.clone());
        let jurisdiction =
            if matter.law == Law::Scotland { Jurisdiction::Scotland } else { Jurisdiction::EnglandWales };
        let mut changes = vec![CaseChange::Opened { title: matter.title.clone(), jurisdiction }];
        let numbers = std::iter::once(matter.number.as_str()).chain(self.numbers.iter().copied());
        let read = |text: &str| -> Identifier {
            // A legal-aid number and a file number count where they are labelled.
            patterns.find(text).into_iter().next().unwrap_or_else(|| patterns.read(text))
        };
        changes.extend(numbers.map(|number| CaseChange::IdentifierAdded(read(number))));
        for (number, (name, born)) in (1..).zip(self.accused) {
            changes.push(CaseChange::Accused(Accused { number, name: (*name).to_owned(), born: *born }));
        }
        for (number, text) in (1..).zip(&matter.charges) {
            let charge = Charge { number, accused: 1, text: (*text).to_owned(), ..Charge::default() };
            changes.push(CaseChange::Charge(charge));
        }
        for (accused, _) in (1_u16..).zip(self.accused).take(1) {
            changes.push(party(&matter.client, &matter.client_addr, Role::Accused, "", &[accused]));
        }
        for (person, role, organisation, acts_for) in self.cast {
            changes.push(party(person.name, person.addr, *role, organisation, acts_for));
        }
        if let Some((kind, day, at)) = self.hearing {
            changes.push(CaseChange::Hearing(Hearing {
                id: HearingId(format!("{}-{day}", kind.name())),
                kind,
                court: matter.court.to_owned(),
                at: HearingTime { date: day, time: at },
                outcome: String::new(),
            }));
        }
        changes.into_iter().map(|change| Event::Case { case: case.clone(), change }).collect()
    }
}

fn party(name: &str, addr: &str, role: Role, organisation: &str, acts_for: &[u16]) -> CaseChange {
    CaseChange::Party(Party {
        id: PartyId(addr.to_lowercase()),
        name: name.to_owned(),
        role,
        organisation: organisation.to_owned(),
        acts_for: acts_for.to_vec(),
        addresses: vec![addr.to_owned()],
        certificates: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::events;

    #[test]
    fn the_five_cases_are_told_with_all_their_numbers() {
        let told = format!("{:?}", events("").unwrap());
        for wanted in
            ["99ZX0012326", "26/99ZX/01/48151N", "9000001", "250226/001", "T20269001", "ZZ26000533", "Fenella STOAT"]
        {
            assert!(told.contains(wanted), "{wanted}");
        }
        assert!(!told.contains("\"alias\""), "every number is read by its grammar: {told}");
    }
}
