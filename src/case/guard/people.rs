//! What the guard finds about each recipient.

use std::collections::BTreeSet;

use super::{Finding, History, Matter, Policy, Recipient, Sending, Severity, is_own};
use crate::case::carriage::{Class, Classes};
use crate::case::lookalike::{self, Resemblance};
use crate::case::party::{Party, Role, Side};
use crate::case::record::Case;

/// Asks about every recipient.
pub(super) fn check(sending: &Sending<'_>, history: &History, classes: &Classes, policy: &Policy) -> Vec<Finding> {
    let mut guard = Guard { sending, history, classes, policy, findings: Vec::new() };
    let mut seen = BTreeSet::new();
    for recipient in &sending.recipients {
        // Written twice, it is one person; written in two forms, both forms are looked at.
        if seen.insert(recipient.address.trim().to_lowercase()) {
            guard.recipient(recipient);
        }
    }
    guard.legs();
    guard.findings
}

struct Guard<'a> {
    sending: &'a Sending<'a>,
    history: &'a History,
    classes: &'a Classes,
    policy: &'a Policy,
    findings: Vec<Finding>,
}

impl Guard<'_> {
    fn add(&mut self, to: &str, code: &'static str, severity: Severity, because: String, cure: &str) {
        let (recipient, cure) = (Some(to.to_owned()), cure.to_owned());
        self.findings.push(Finding { recipient, code, severity, because, cure, may_override: true });
    }

    fn recipient(&mut self, recipient: &Recipient<'_>) {
        let address = recipient.address;
        self.twin(address);
        if is_own(self.sending, address, self.classes) {
            return;
        }
        self.resemblance(address);
        if !self.sending.is_case_mail() {
            return;
        }
        self.carriage(address, recipient.sealed);
        let matters: Vec<Matter<'_>> = self.sending.matters.clone();
        let mut parties = 0_usize;
        for matter in &matters {
            parties = parties.saturating_add(usize::from(self.party(address, matter)));
        }
        let is_party_everywhere = !matters.is_empty() && parties == matters.len();
        self.material(address, recipient.sealed, is_party_everywhere);
        self.privilege(address, &matters);
    }

    /// Case mail goes by CJSM where it can.
    fn twin(&mut self, address: &str) {
        if !self.sending.is_case_mail() || self.classes.class(address) == Class::Cjsm {
            return;
        }
        let Some(twin) = self.classes.twin(address) else { return };
        let canonical = self.classes.canonical(address);
        let known =
            |other: &str| self.classes.class(other) == Class::Cjsm && self.classes.canonical(other) == canonical;
        let own = self.sending.own.iter().any(|own| known(own));
        let colleague = || {
            let domain = |addr: &str| addr.rsplit_once('@').map(|(_, domain)| domain.to_owned());
            self.sending.own.iter().any(|own| {
                self.classes.class(own) == Class::Cjsm && domain(&self.classes.canonical(own)) == domain(&canonical)
            })
        };
        let party = || {
            let cases = self.sending.matters.iter().filter_map(|matter| matter.record);
            cases.flat_map(|case| &case.parties).flat_map(|party| &party.addresses).any(|other| known(other))
        };
        let written = || self.history.0.get(&canonical).is_some_and(|known| known.by_cjsm);
        if own || colleague() || party() || written() {
            self.add(
                address,
                "cjsm-twin",
                Severity::Confirm,
                format!("{address} is the plain address of somebody who is reached by CJSM."),
                &format!("Write to {twin} instead."),
            );
        }
    }

    fn resemblance(&mut self, address: &str) {
        let canonical = self.classes.canonical(address);
        let cases = self.sending.matters.iter().filter_map(|matter| matter.record);
        let parties: Vec<String> = cases
            .flat_map(|case| &case.parties)
            .flat_map(|party| &party.addresses)
            .map(|address| self.classes.canonical(address))
            .collect();
        let is_known =
            parties.contains(&canonical) || self.history.0.get(&canonical).is_some_and(|one| one.written > 0);
        let known =
            parties.iter().chain(self.history.0.iter().filter(|(_, known)| known.written > 0).map(|(addr, _)| addr));
        // Whom one has written to is known, whatever it looks like; what wears a secure suffix is told all the same.
        // A name that is known from elsewhere says least: any domain that deceives comes before it, and the two together are no chance.
        let resembled = lookalike::resembles(&canonical, known.map(String::as_str), self.classes);
        let same_name = resembled.as_ref().is_some_and(|found| !found.domain);
        let borrowed = || if is_known { None } else { lookalike::borrows(address, self.classes) };
        let found = resembled
            .clone()
            .filter(|found| found.strong)
            .or_else(|| lookalike::mimics(address, self.classes))
            .or_else(|| borrowed().map(|found| Resemblance { strong: found.strong || same_name, ..found }))
            .filter(|found| found.strong || resembled.is_none())
            .or(resembled);
        let Some(found) = found else { return };
        let case_mail = self.sending.is_case_mail();
        let severity = if case_mail && found.strong { Severity::Block } else { Severity::Confirm };
        let because = match (found.domain, found.strong) {
            (true, true) => format!("The domain of {address} looks like {}, and is another one.", found.known),
            (true, false) => format!("The domain of {address} bears the name of {}, and is another one.", found.known),
            (false, _) if local_part(&canonical) == local_part(&found.known) => {
                format!("{address} has the name of {}, whom you know, at another domain.", found.known)
            }
            (false, _) => format!("{address} differs by little from {}, whom you know.", found.known),
        };
        self.add(address, "look-alike", severity, because, &format!("Is {} meant?", found.known));
    }

    /// Case mail goes by a secure way, or sealed.
    fn carriage(&mut self, address: &str, sealed: bool) {
        if self.classes.class(address) != Class::Open {
            return;
        }
        if sealed {
            let because =
                format!("{address} is reached over the open internet; the message is encrypted to their key.");
            self.add(address, "open-but-sealed", Severity::Tell, because, "");
            return;
        }
        let own_client = self.sending.enclosed.is_empty()
            && !self.sending.matters.is_empty()
            && self.sending.matters.iter().all(|matter| {
                matter.record.is_some_and(|case| {
                    case.party(address, self.classes).is_some_and(|party| self.is_own_client(case, party))
                })
            });
        let (severity, whose) =
            if own_client { (self.policy.client_in_clear, "client's mail") } else { (Severity::Block, "mail") };
        let what = match (self.sending.names(), self.sending.enclosed.is_empty()) {
            (names, _) if !names.is_empty() => format!("{whose} of {names}"),
            (_, false) => "material of a prosecution".to_owned(),
            _ => "mail of a case".to_owned(),
        };
        // Never less than a yes, whatever was decided: over the open internet anybody on the way can read it.
        let severity = severity.max(Severity::Confirm);
        let because = format!("{address} is reached over the open internet: {what} would be readable on the way.");
        self.add(
            address,
            "open-recipient",
            severity,
            because,
            "Use a CJSM address, encrypt it to their key, or telephone.",
        );
    }

    /// Whether somebody is a party of a case, and what stands against it if so or if not.
    fn party(&mut self, address: &str, matter: &Matter<'_>) -> bool {
        let canonical = self.classes.canonical(address);
        let name = &matter.name;
        let before = self.history.0.get(&canonical).is_some_and(|known| known.cases.contains(&matter.id));
        let case = matter.record.filter(|case| !case.parties.is_empty());
        if let Some((case, party)) = case.and_then(|case| Some((case, case.party(address, self.classes)?))) {
            self.acts_for(address, case, party, name);
            if !before {
                let because = format!("You write to {address} in {name} for the first time ({}).", party.role.words());
                self.add(address, "first-time", Severity::Tell, because, "");
            }
            return true;
        }
        if let Some(case) = case
            && let Some(party) = self.same_firm(&canonical, case)
        {
            self.acts_for(address, case, party, name);
        }
        if self.is_colleague(&canonical) {
            let because = format!("{address} is of your own firm, and no party of {name}.");
            self.add(address, "colleague", Severity::Tell, because, "");
            return false;
        }
        let cure = "Enter them as a party of the case, if they are one.";
        match (case.is_some(), before) {
            (true, false) => {
                let because = format!("{address} is no party of {name}.");
                self.add(address, "not-a-party", Severity::Block, because, cure);
            }
            (true, true) => {
                let because = format!("{address} is no party of {name}, though you have written to them in it before.");
                self.add(address, "not-a-party", Severity::Confirm, because, cure);
            }
            (false, _) => {
                let first = if before { "" } else { ", and you write to them in it for the first time" };
                let because = format!("Nobody is recorded as a party of {name}: {address} cannot be checked{first}.");
                self.add(address, if before { "no-parties" } else { "first-time" }, Severity::Tell, because, cure);
            }
        }
        false
    }

    /// A lawyer of another accused is the one who must not have it.
    fn acts_for(&mut self, address: &str, case: &Case, party: &Party, name: &str) {
        if party.role.side() != Side::Defence || party.acts_for.is_empty() {
            return;
        }
        let own: Vec<&Party> = self.own_parties(case);
        if own.iter().any(|party| matches!(party.role.side(), Side::Prosecution | Side::Court)) {
            return;
        }
        let ours: BTreeSet<u16> = own.iter().flat_map(|party| party.acts_for.iter().copied()).collect();
        let is_client = party.role == Role::Accused;
        let of = |numbers: &[u16]| -> String {
            let named = |number: &u16| {
                case.accused(*number).map_or_else(|| format!("accused {number}"), super::super::Accused::surname)
            };
            numbers.iter().map(named).collect::<Vec<_>>().join(" and ")
        };
        let others: Vec<u16> = party.acts_for.iter().copied().filter(|number| !ours.contains(number)).collect();
        if ours.is_empty() {
            if case.accused.len() > 1 {
                let because = format!(
                    "{address} is for {}, and for whom you act in {name} is not recorded.",
                    of(&party.acts_for)
                );
                self.add(
                    address,
                    "co-accused",
                    Severity::Block,
                    because,
                    "Enter yourself as a party, with whom you act for.",
                );
            }
            return;
        }
        if others.is_empty() {
            return;
        }
        let because = if is_client {
            format!("{address} is co-accused {}.", of(&others))
        } else {
            format!("{address} acts for co-accused {}.", of(&others))
        };
        let cure = "Take them out. Only the case holder may send it all the same.";
        self.add(address, "co-accused", Severity::Block, because, cure);
        // Where the author is recorded as staff, the decision is not theirs.
        let author = self.sending.own.iter().find_map(|own| case.party(own, self.classes));
        if author.is_some_and(|party| party.role == Role::DefenceStaff)
            && let Some(last) = self.findings.last_mut()
        {
            last.may_override = false;
        }
    }

    /// A party whose firm, chambers or office somebody shares: only where a domain is a firm's, not a provider's.
    fn same_firm<'c>(&self, canonical: &str, case: &'c Case) -> Option<&'c Party> {
        let (_, domain) = canonical.rsplit_once('@')?;
        case.parties.iter().find(|party| {
            party.addresses.iter().any(|address| {
                self.classes.class(address).is_secure()
                    && self.classes.canonical(address).rsplit_once('@').is_some_and(|(_, other)| other == domain)
            })
        })
    }

    fn is_colleague(&self, canonical: &str) -> bool {
        let domain = |addr: &str| addr.rsplit_once('@').map(|(_, domain)| domain.to_owned());
        let secure = |own: &&String| self.classes.class(own).is_secure();
        let of = domain(canonical);
        self.classes.class(canonical) == Class::Firm
            || self.sending.own.iter().filter(secure).any(|own| domain(&self.classes.canonical(own)) == of)
    }

    /// The parties that are the author's own firm.
    fn own_parties<'c>(&self, case: &'c Case) -> Vec<&'c Party> {
        let mine = |party: &&Party| {
            party.addresses.iter().any(|address| {
                is_own(self.sending, address, self.classes)
                    || (party.role != Role::Accused && self.is_colleague(&self.classes.canonical(address)))
            })
        };
        case.parties.iter().filter(mine).collect()
    }

    fn is_own_client(&self, case: &Case, party: &Party) -> bool {
        let own = self.own_parties(case);
        let ours: BTreeSet<u16> = own.iter().flat_map(|party| party.acts_for.iter().copied()).collect();
        let ours_by_default = ours.is_empty() && case.accused.len() <= 1;
        party.role == Role::Accused && (ours_by_default || party.acts_for.iter().any(|number| ours.contains(number)))
    }

    fn material(&mut self, address: &str, sealed: bool, is_party: bool) {
        if self.sending.enclosed.is_empty() {
            return;
        }
        let open = self.classes.class(address) == Class::Open;
        let listed: Vec<String> =
            self.sending.enclosed.iter().map(|file| format!("{} ({})", file.name, file.material.words)).collect();
        let listed = listed.join(", ");
        if open && !sealed {
            let because =
                format!("Material of the prosecution would go to {address} over the open internet: {listed}.");
            self.add(
                address,
                "disclosed-material",
                Severity::Block,
                because,
                "It may be used for the proceedings only.",
            );
        } else if !is_party && !self.is_colleague(&self.classes.canonical(address)) {
            let severity = if self.sending.matters.is_empty() { Severity::Confirm } else { Severity::Tell };
            let because =
                format!("Material of the prosecution would go to {address}, who is not known to be a party: {listed}.");
            self.add(address, "disclosed-material", severity, because, "It may be used for the proceedings only.");
        } else if !is_party {
            let because = format!("Material of the prosecution goes to {address}: {listed}.");
            self.add(address, "disclosed-material", Severity::Tell, because, "");
        }
    }

    /// What passed between lawyer and client stays there.
    fn privilege(&mut self, address: &str, matters: &[Matter<'_>]) {
        let Some(why) = self.sending.privileged.clone() else { return };
        let canonical = self.classes.canonical(address);
        let inside = self.is_colleague(&canonical)
            || matters.iter().any(|matter| {
                let Some(case) = matter.record else { return false };
                let Some(party) = case.party(address, self.classes) else { return false };
                let own: BTreeSet<u16> =
                    self.own_parties(case).iter().flat_map(|party| party.acts_for.iter().copied()).collect();
                let same = own.is_empty() && case.accused.len() <= 1
                    || party.acts_for.is_empty()
                    || party.acts_for.iter().any(|number| own.contains(number));
                party.role.side() == Side::Defence && same
            });
        if !inside {
            let because = format!("It passes on what is between client and lawyer ({why}), and {address} is neither.");
            self.add(address, "privileged", Severity::Block, because, "Take it out, or write a message of its own.");
        }
    }

    /// One message does not go by a secure way and by an open one, nor to the client and to the other side.
    fn legs(&mut self) {
        let sending = self.sending;
        let others = || sending.recipients.iter().filter(|one| !is_own(sending, one.address, self.classes));
        // What is encrypted to somebody goes to them by the most secure way there is.
        let clear = || others().filter(|one| !one.sealed);
        let open: Vec<String> = clear()
            .filter(|one| self.classes.class(one.address) == Class::Open)
            .map(|one| one.address.to_owned())
            .collect();
        let secure = clear().any(|one| self.classes.class(one.address).is_secure());
        if secure {
            let severity = if sending.is_case_mail() { Severity::Block } else { Severity::Tell };
            for address in open {
                let because = format!("{address} is reached over the open internet, the others by a secure route.");
                self.add(&address, "open-among-secure", severity, because, "Write to them in a message of its own.");
            }
        }
        let in_case = |wanted: &dyn Fn(&Party) -> bool| -> Vec<String> {
            let is = |address: &str| {
                sending
                    .matters
                    .iter()
                    .filter_map(|matter| matter.record)
                    .any(|case| case.party(address, self.classes).is_some_and(wanted))
            };
            others().filter(|one| is(one.address)).map(|one| one.address.to_owned()).collect()
        };
        let clients = in_case(&|party| party.role == Role::Accused);
        let across = in_case(&|party| matches!(party.role.side(), Side::Prosecution | Side::Court));
        let own_side = sending.matters.iter().filter_map(|matter| matter.record).any(|case| {
            self.own_parties(case).iter().any(|party| matches!(party.role.side(), Side::Prosecution | Side::Court))
        });
        if let (Some(first), false) = (across.first().cloned(), own_side) {
            for client in clients {
                let because = format!("{client} is a client, and the same message goes to {first}.");
                self.add(
                    &client,
                    "client-among-others",
                    Severity::Confirm,
                    because,
                    "Write to the client in a message of its own.",
                );
            }
        }
    }
}

fn local_part(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(local, _)| local)
}
