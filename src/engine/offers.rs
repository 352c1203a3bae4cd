//! Templates that fit a case, with what is known to fill them.

use std::sync::Arc;

use super::core::{Core, Open};
use super::guard::Records;
use crate::app::event::Event;
use crate::app::view::Offer;
use crate::case::template::{Facts, addressees};
use crate::case::{AwaitingId, Case, Jurisdiction, chase};
use crate::mail::address::Address;
use crate::mail::id::CaseId;
use crate::mail::safe::SafeText;

impl Core {
    /// The templates that fit a case; those that chase, once for each question that is open.
    pub(crate) fn offers(&self, open: &Open, id: &CaseId) -> Vec<Offer> {
        let case = self.records(open).record(id).unwrap_or_else(|| Arc::new(self.as_far_as_known(open, id)));
        let config = &self.settings.config;
        let own = config.accounts.first();
        let classes = &self.settings.classes;
        let firm =
            own.and_then(|account| case.party(&account.address.addr, classes)).map(|party| party.organisation.clone());
        let name = own.map(|account| account.full_name.clone()).unwrap_or_default();
        let now = self.now();
        let facts = Facts::of(&case, (&name, &firm.unwrap_or_default()), now);
        let mut offers = Vec::new();
        for template in config.templates.iter().filter(|one| one.law.is_none_or(|law| law == case.jurisdiction)) {
            let offer = |title: String, facts: Facts, to: Vec<String>| Offer {
                title: SafeText::line(&title),
                template: template.clone(),
                facts,
                to: to.into_iter().map(|addr| addressed(addr, &case)).collect(),
                question: None,
            };
            if !template.chases() {
                offers.push(offer(template.title.clone(), facts.clone(), addressees(template, &case)));
                continue;
            }
            for question in case.outstanding() {
                let days = chase::age(question, now, case.jurisdiction, &config.calendar).unwrap_or_default();
                let ago = if days == 1 { "1 business day".to_owned() } else { format!("{days} business days") };
                let title = format!("{}: {}, {ago} old", template.title, question.what);
                let chaser = offer(title, facts.clone().with_question(question), question.to.clone());
                offers.push(Offer { question: Some(question.id.clone()), ..chaser });
            }
        }
        offers
    }

    /// Sends what chases one question.
    pub(super) fn offer_chase(&self, open: &Open, case: CaseId, question: &AwaitingId) {
        let offers = self.offers(open, &case).into_iter();
        let offer =
            offers.filter(|offer| offer.template.chases()).find(|offer| offer.question.as_ref() == Some(question));
        self.announcer.send(Event::Chase(case, offer.map(Box::new)));
    }

    /// A case of which nothing is recorded: its number and its title.
    fn as_far_as_known(&self, open: &Open, id: &CaseId) -> Case {
        let (title, identifiers) = open.library.case_words(id);
        let law = self.law_of(open, id).unwrap_or(Jurisdiction::EnglandWales);
        let mut case = Case::new(id.clone(), title.as_str(), law);
        case.identifiers = identifiers;
        case
    }
}

fn addressed(addr: String, case: &Case) -> Address {
    let party = case.parties.iter().find(|party| party.addresses.contains(&addr));
    Address { name: party.map(|party| party.name.clone()).unwrap_or_default(), addr }
}

#[cfg(test)]
mod tests {
    use super::addressed;
    use crate::case::template::Template;
    use crate::case::{Case, Jurisdiction, Party};
    use crate::mail::id::CaseId;

    #[test]
    fn the_party_gives_its_name() {
        let mut case = Case::new(CaseId("x".into()), "", Jurisdiction::EnglandWales);
        let addresses = vec!["a@cps.gov.example".to_owned()];
        case.parties.push(Party { name: "CPS Mudshire".into(), addresses, ..Party::default() });
        assert_eq!(addressed("a@cps.gov.example".into(), &case).name, "CPS Mudshire");
        assert_eq!(addressed("b@cps.gov.example".into(), &case).name, "");
    }

    #[test]
    fn only_what_quotes_a_question_chases() {
        let chasing: Vec<String> =
            Template::built_in().into_iter().filter(Template::chases).map(|one| one.name).collect();
        assert_eq!(chasing, ["chase"]);
    }
}
