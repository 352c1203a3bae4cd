//! How the depute of the demo negotiates: she counters a first offer, accepts what answers her own, tells what is asked, and lets the rest lapse.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::cast::Person;
use crate::case::{Jurisdiction, Role};
use crate::plea::{Act, ActNo, Authority, Basis, Deed, NegotiationId, Plea, Side, Term, Terms, block};

/// How long a counter is open.
const OPEN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How many acts the depute has done in each negotiation.
pub(super) type Done = BTreeMap<NegotiationId, u16>;

/// The answer to the act in a letter, as the text of a message; `None` where there is no act, or none that is answered.
pub(super) fn answer(person: Person, letter: &str, done: &mut Done, now: Timestamp) -> Option<String> {
    let block::Reading::Act(act) = block::read(letter) else { return None };
    if act.no.side != Side::Defence {
        return None;
    }
    let before = done.get(&act.id).copied().unwrap_or(0).max(act.seen);
    let (deed, words) = deed(&act, before, now)?;
    let seconds = now.as_second();
    let minute = Timestamp::from_second(seconds - seconds.rem_euclid(60)).ok()?;
    let number = before.saturating_add(1);
    let day = now.to_zoned(crate::case::hearing::zone().ok()?).date();
    let answer = Act {
        id: act.id.clone(),
        surname: act.surname.clone(),
        no: ActNo::new(Side::Prosecution, number),
        seen: act.no.number,
        round: if deed.kind().has_terms() { act.round.saturating_add(1) } else { act.round },
        at: minute.max(act.at),
        authority: deed.kind().commits().then(|| Authority {
            name: person.name.to_owned(),
            role: Role::FiscalDepute,
            on_behalf_of: None,
            basis: Basis::OwnDecision,
            day,
        }),
        deed,
    };
    done.insert(act.id.clone(), number);
    Some(format!("{}\n{words}\n\n{}", block::write(&answer, Jurisdiction::Scotland), person.name))
}

/// What is done, and what is said about it.
fn deed(act: &Act, before: u16, now: Timestamp) -> Option<(Deed, &'static str)> {
    match &act.deed {
        Deed::Offer { terms, .. } if before == 0 => {
            let answers = act.quoted()?;
            let until = now.checked_add(OPEN).ok()?;
            let reply_by = Timestamp::from_second(until.as_second() - until.as_second().rem_euclid(60)).ok()?;
            match harder(terms) {
                Some(terms) => Some((
                    Deed::Counter { answers, terms, reply_by },
                    "I cannot let the whole of it go. This I would take to the diet.",
                )),
                None => Some((Deed::Accept { answers, cleared: Vec::new() }, "That I can accept.")),
            }
        }
        Deed::Counter { .. } => {
            let answers = act.quoted()?;
            Some((Deed::Accept { answers, cleared: Vec::new() }, "On reflection, agreed."))
        }
        Deed::Query { .. } => Some((
            Deed::Reply { to: act.no, text: "There is none in the papers that I have.".to_owned() },
            "I have asked the reporting officer to look again.",
        )),
        // A later offer is left to lapse, and what needs no answer gets none.
        _ => None,
    }
}

/// The same terms, but the first charge that was to be dropped is to be admitted.
fn harder(terms: &Terms) -> Option<Terms> {
    let given = |term: &Term| matches!(term.plea, Plea::NotGuiltyAccepted | Plea::NotGuilty | Plea::Unchanged);
    let first = terms.charges().iter().find(|term| given(term))?.charge;
    let charges = terms.charges().iter().map(|term| {
        if term.charge == first { Term { charge: first, plea: Plea::Guilty, ..Term::default() } } else { term.clone() }
    });
    Terms::new(charges.collect(), terms.basis().cloned(), terms.conditions()).ok()
}

#[cfg(test)]
mod tests {
    use super::{Done, answer};
    use crate::case::{Jurisdiction, Role};
    use crate::demo::cast::LINTWHITE;
    use crate::plea::{Act, ActNo, Authority, Basis, Deed, NegotiationId, Plea, Side, Term, Terms, block};

    #[test]
    fn the_depute_counters_tells_and_accepts_and_lets_the_next_offer_lapse() {
        let now = "2026-05-06T09:00:00Z".parse().unwrap();
        let term = |charge, plea| Term { charge, plea, ..Term::default() };
        let terms = |second| Terms::new(vec![term(1, Plea::Guilty), term(2, second)], None, "").unwrap();
        let act = |number, seen, deed: Deed| Act {
            id: NegotiationId::first("ZZ26000417", 1),
            surname: "PUDDOCK".into(),
            no: ActNo::new(Side::Defence, number),
            seen,
            round: 1,
            at: "2026-05-06T08:00:00Z".parse().unwrap(),
            authority: deed.kind().commits().then(|| Authority {
                name: "Isla Thistledown".into(),
                role: Role::DefenceSolicitor,
                on_behalf_of: None,
                basis: Basis::ClientInstructions,
                day: jiff::civil::date(2026, 5, 1),
            }),
            deed,
        };
        let mut done = Done::new();
        let mut said = |act: &Act| {
            let text = block::write(act, Jurisdiction::Scotland);
            let told = answer(LINTWHITE, &text, &mut done, now)?;
            match block::read(&told) {
                block::Reading::Act(act) => Some(*act),
                other => panic!("{other:?}: {told}"),
            }
        };
        let reply_by = "2026-05-11T11:00:00Z".parse().unwrap();
        let offer = act(1, 0, Deed::Offer { terms: terms(Plea::NotGuiltyAccepted), reply_by });
        let counter = said(&offer).unwrap();
        assert_eq!((counter.no.to_string().as_str(), counter.seen), ("P1", 1));
        assert_eq!(counter.deed.terms().unwrap().term(2).unwrap().plea, Plea::Guilty);
        let query = act(2, 1, Deed::Query { text: "Is there CCTV?".into() });
        assert!(matches!(said(&query).unwrap().deed, Deed::Reply { to, .. } if to == query.no));
        let answers = counter.quoted().unwrap();
        let again = act(3, 2, Deed::Counter { answers, terms: terms(Plea::NotGuilty), reply_by });
        assert!(matches!(said(&again).unwrap().deed, Deed::Accept { .. }));
        assert_eq!(said(&act(4, 3, Deed::Offer { terms: terms(Plea::Unchanged), reply_by })), None);
    }
}
