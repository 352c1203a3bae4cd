//! The guard, case by case, and what no address and no recipient may ever pass with.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{
    Accepted, Enclosed, Finding, History, Known, Matter, Policy, Reason, Recipient, Sending, Severity, check, standing,
};
use crate::case::{Accused, Awaiting, AwaitingId, Case, Classes, Jurisdiction, Party, PartyId, Role, document};
use crate::mail::id::CaseId;

const QUILL: &str = "b.quill@quillpounce.example.cjsm.net";
const CPS: &str = "ambleford.mags@cps.gov.example";
const VELLUM: &str = "r.vellum@foxglove.example.cjsm.net";
const FERRET: &str = "barnaby.ferret@mailbox.example";
const WREN: &str = "agent@wrenandco.example.cjsm.net";

fn classes() -> Classes {
    Classes::default().with(&[], &["gov.example".into(), "police.example".into()], &["quillpounce.example".into()])
}

fn party(name: &str, role: Role, address: &str, acts_for: &[u16]) -> Party {
    Party {
        id: PartyId(name.into()),
        name: name.into(),
        role,
        addresses: vec![address.into()],
        acts_for: acts_for.to_vec(),
        ..Party::default()
    }
}

fn ferret() -> Case {
    let mut case = Case::new(CaseId("FERRET".into()), "R v FERRET", Jurisdiction::EnglandWales);
    case.accused = vec![Accused { number: 1, name: "Barnaby FERRET".into(), born: None }];
    case.parties = vec![
        party("Quill", Role::DefenceSolicitor, QUILL, &[1]),
        party("CPS", Role::CpsLawyer, CPS, &[]),
        party("Vellum", Role::Counsel, "r.vellum@foxglove.example", &[1]),
        party("Ferret", Role::Accused, FERRET, &[1]),
    ];
    case
}

fn gannet(own: Role) -> Case {
    let mut case = Case::new(CaseId("GANNET".into()), "HMA v GANNET & STOAT", Jurisdiction::Scotland);
    let accused = |number, name: &str| Accused { number, name: name.into(), born: None };
    case.accused = vec![accused(1, "Gideon GANNET"), accused(2, "Fenella STOAT")];
    case.parties = vec![
        party("Quill", own, QUILL, &[1]),
        party("Wren", Role::DefenceSolicitor, WREN, &[2]),
        party("PF", Role::FiscalDepute, "kirkmirkle.scm@copfs.gov.example", &[]),
    ];
    case
}

fn matter(case: &Case) -> Matter<'_> {
    Matter {
        id: case.id.clone(),
        name: case.title.clone(),
        record: Some(case),
        because: "by URN in the subject".into(),
    }
}

fn sending<'a>(to: &[&'a str], matters: Vec<Matter<'a>>) -> Sending<'a> {
    Sending {
        own: vec![QUILL.into()],
        recipients: to.iter().map(|address| Recipient { address, visible: true, sealed: false }).collect(),
        subject: "R v FERRET - 99ZX0012326",
        matters,
        ..Sending::default()
    }
}

fn enclosed(name: &str) -> Enclosed {
    Enclosed { name: name.into(), material: document::Kinds::default().material(name).unwrap() }
}

fn found(sending: &Sending<'_>) -> Vec<Finding> {
    check(sending, &History::default(), &classes(), &Policy::default())
}

fn codes(findings: &[Finding]) -> Vec<(&'static str, Severity)> {
    findings.iter().map(|finding| (finding.code, finding.severity)).collect()
}

fn history(address: &str, cases: &[&str]) -> History {
    let known = Known {
        written: 3,
        cases: cases.iter().map(|id| CaseId((*id).into())).collect::<BTreeSet<_>>(),
        by_cjsm: false,
    };
    History([(classes().canonical(address), known)].into())
}

#[test]
fn a_party_by_a_secure_route_is_only_told_of_the_first_time() {
    let case = ferret();
    let to_cps = sending(&[CPS, VELLUM], vec![matter(&case)]);
    assert_eq!(codes(&found(&to_cps)), [("first-time", Severity::Tell), ("first-time", Severity::Tell)]);
    let history = history(CPS, &["FERRET"]);
    let to_cps = sending(&[CPS], vec![matter(&case)]);
    assert_eq!(check(&to_cps, &history, &classes(), &Policy::default()), []);
}

#[test]
fn material_to_the_client_over_the_open_internet_is_blocked() {
    let case = ferret();
    let mut sending = sending(&[FERRET], vec![matter(&case)]);
    sending.enclosed = vec![enclosed("MG5.pdf")];
    let findings = found(&sending);
    let blocked: Vec<_> = findings.iter().filter(|f| f.severity == Severity::Block).map(|f| f.code).collect();
    assert_eq!(blocked, ["open-recipient", "disclosed-material"]);
    assert!(findings[0].because.contains("R v FERRET") && !findings[0].cure.is_empty());
    // A firm that decides otherwise about its clients' mail does not decide so about the prosecution's material.
    let lenient = Policy { client_in_clear: Severity::Tell, ..Policy::default() };
    assert!(check(&sending, &History::default(), &classes(), &lenient).iter().any(|f| f.severity == Severity::Block));
    sending.enclosed.clear();
    let relaxed = check(&sending, &History::default(), &classes(), &lenient);
    assert_eq!(relaxed[0].severity, Severity::Confirm, "never without a yes");
    // Encrypted to their key it does not lie open.
    sending.recipients[0].sealed = true;
    assert_eq!(codes(&found(&sending)), [("open-but-sealed", Severity::Tell), ("first-time", Severity::Tell)]);
}

#[test]
fn who_is_no_party_of_every_case_is_stopped() {
    let (ferret, gannet) = (ferret(), gannet(Role::DefenceSolicitor));
    let stranger = "p.marlow@mudshire.police.example";
    let one = sending(&[stranger], vec![matter(&ferret)]);
    assert_eq!(codes(&found(&one)), [("not-a-party", Severity::Block)]);
    let before = check(&one, &history(stranger, &["FERRET"]), &classes(), &Policy::default());
    assert_eq!(codes(&before), [("not-a-party", Severity::Confirm)]);
    // A party of one case is a stranger to the other.
    let both = sending(&[CPS], vec![matter(&ferret), matter(&gannet)]);
    let findings = found(&both);
    assert_eq!(
        codes(&findings),
        [("not-a-party", Severity::Block), ("several-cases", Severity::Confirm), ("first-time", Severity::Tell)]
    );
    assert!(findings[0].because.contains("HMA v GANNET"));
}

#[test]
fn where_no_party_is_recorded_a_secure_recipient_is_told_and_an_open_one_blocked() {
    let bare = |id: &str| Matter { id: CaseId(id.into()), name: id.into(), record: None, because: String::new() };
    let to = sending(&[CPS, FERRET], vec![bare("99ZX0012326")]);
    let findings = found(&to);
    let of = |address: &str| -> Vec<_> {
        findings.iter().filter(|f| f.recipient.as_deref() == Some(address)).map(|f| (f.code, f.severity)).collect()
    };
    assert_eq!(of(CPS), [("first-time", Severity::Tell)]);
    assert_eq!(of(FERRET)[..2], [("open-recipient", Severity::Block), ("open-among-secure", Severity::Block)]);
}

#[test]
fn the_agent_of_a_co_accused_is_a_hard_stop_that_only_the_holder_passes() {
    let case = gannet(Role::DefenceSolicitor);
    let findings = found(&sending(&[WREN], vec![matter(&case)]));
    assert_eq!(findings[0].code, "co-accused");
    assert_eq!(findings[0].because, format!("{WREN} acts for co-accused STOAT."));
    assert!(findings[0].may_override);
    // A colleague of that agent.
    let colleague = "clerk@wrenandco.example.cjsm.net";
    let findings = found(&sending(&[colleague], vec![matter(&case)]));
    assert!(findings.iter().any(|f| f.code == "co-accused" && f.severity == Severity::Block), "{findings:?}");
    // Staff may not decide.
    let case = gannet(Role::DefenceStaff);
    let staff = found(&sending(&[WREN], vec![matter(&case)]));
    assert!(!staff[0].may_override);
    let accepted = Accepted::to(&staff, Some(Reason::new("the client agreed to it").unwrap()));
    assert_eq!(standing(&staff, &accepted).len(), 1);
    // Where nobody recorded for whom we act, nothing is assumed.
    let mut case = gannet(Role::DefenceSolicitor);
    case.parties.remove(0);
    assert!(found(&sending(&[WREN], vec![matter(&case)])).iter().any(|f| f.code == "co-accused"));
    // The prosecutor may write to both.
    let mut sending = sending(&[WREN], vec![matter(&case)]);
    sending.own = vec!["kirkmirkle.scm@copfs.gov.example".into()];
    assert!(!found(&sending).iter().any(|f| f.code == "co-accused"));
}

#[test]
fn look_alikes_are_blocked_in_case_mail_and_asked_about_elsewhere() {
    let case = ferret();
    let near = "ambleford.mags@cps-gov.example";
    let findings = found(&sending(&[near], vec![matter(&case)]));
    assert!(findings.iter().any(|f| f.code == "look-alike" && f.severity == Severity::Block), "{findings:?}");
    assert!(findings.iter().find(|f| f.code == "look-alike").unwrap().cure.contains(CPS));
    let findings = check(&sending(&[near], vec![]), &history(CPS, &[]), &classes(), &Policy::default());
    assert_eq!(codes(&findings), [("look-alike", Severity::Confirm)]);
}

#[test]
fn a_known_name_at_a_domain_that_deceives_is_blocked_for_the_domain() {
    let mut case = ferret();
    case.parties.push(party("Windlestraw", Role::CpsLawyer, "p.windlestraw@cps.gov.uk", &[]));
    let check = |address: &str, looks: &str, severity: Severity| {
        let mut sending = sending(&[address], vec![matter(&case)]);
        // Sealed, nothing else blocks it.
        sending.recipients[0].sealed = true;
        let findings = found(&sending);
        let finding = findings.iter().find(|finding| finding.code == "look-alike").unwrap();
        assert_eq!((finding.severity, finding.cure.as_str()), (severity, &*format!("Is {looks} meant?")), "{address}");
    };
    check("p.windlestraw@gov.uk.attacker.example", "gov.uk", Severity::Block);
    check("p.windlestraw@hmcts.example", "hmcts.net", Severity::Block);
    check("p.windlestraw@mailbox.example", "p.windlestraw@cps.gov.uk", Severity::Confirm);
}

#[test]
fn the_plain_form_of_a_cjsm_address_is_asked_about() {
    let case = ferret();
    let findings = found(&sending(&["b.quill@quillpounce.example"], vec![matter(&case)]));
    assert_eq!(codes(&findings), [("cjsm-twin", Severity::Confirm)]);
    assert_eq!(findings[0].cure, format!("Write to {QUILL} instead."));
    let findings = found(&sending(&["t.inkwell@quillpounce.example"], vec![matter(&case)]));
    assert_eq!(codes(&findings), [("cjsm-twin", Severity::Confirm), ("colleague", Severity::Tell)]);
    assert_eq!(codes(&found(&sending(&["b.quill@quillpounce.example"], vec![]))), []);
}

#[test]
fn what_is_between_client_and_lawyer_goes_to_nobody_else() {
    let case = ferret();
    let mut to = sending(&[CPS, VELLUM], vec![matter(&case)]);
    to.privileged = Some("it answers FERRET".into());
    let findings = found(&to);
    let blocked: Vec<_> = findings.iter().filter(|f| f.severity == Severity::Block).collect();
    assert_eq!(blocked.len(), 1);
    assert_eq!((blocked[0].code, blocked[0].recipient.as_deref()), ("privileged", Some(CPS)));
}

#[test]
fn a_question_that_was_asked_is_not_asked_of_another() {
    let mut case = ferret();
    case.awaiting.push(Awaiting {
        id: AwaitingId("1".into()),
        what: "IDPC request".into(),
        to: vec![CPS.into()],
        message_id: "1@quillpounce.example".into(),
        sent: "2026-03-04T15:10:00Z".parse().unwrap(),
        due: "2026-03-05T10:00:00Z".parse().unwrap(),
        chased: Vec::new(),
        answered: None,
    });
    let ask = |to: &'static str| {
        let mut sending = sending(&[to], vec![matter(&case)]);
        sending.subject = "R v FERRET - 99ZX0012326 - IDPC request";
        found(&sending)
    };
    let again = ask("other.mags@cps.gov.example");
    let finding = again.iter().find(|f| f.code == "asked-already").unwrap();
    assert!(finding.because.contains(CPS) && finding.because.contains("Wed 4 Mar 2026 15:10"), "{finding:?}");
    assert!(!ask(CPS).iter().any(|f| f.code == "asked-already"));
}

#[test]
fn a_case_book_that_cannot_be_read_lets_nothing_pass() {
    let mut to = sending(&[CPS], vec![]);
    to.unreadable = Some("the register is damaged".into());
    assert!(found(&to).iter().any(|f| f.code == "case-unreadable" && f.severity == Severity::Block));
}

#[test]
fn many_visible_recipients_want_a_yes() {
    let case = ferret();
    let many: Vec<String> = (0..9).map(|n| format!("team{n}@cps.gov.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let severity =
        |sending: &Sending<'_>| found(sending).iter().find(|f| f.code == "many-recipients").map(|f| f.severity);
    assert_eq!(severity(&sending(&many, vec![matter(&case)])), Some(Severity::Confirm));
    assert_eq!(severity(&sending(&many[1..], vec![matter(&case)])), None);
    let mut blind = sending(&many, vec![matter(&case)]);
    blind.recipients.iter_mut().for_each(|one| one.visible = false);
    assert_eq!(severity(&blind), None);
}

#[test]
fn a_reason_is_ten_characters_of_words() {
    assert!(Reason::new("too short").is_err());
    assert!(Reason::new("   a    b      c   ").is_err());
    assert_eq!(Reason::new(" the client\nasked for it ").unwrap().words(), "the client asked for it");
    assert_eq!(Reason::new("").unwrap_err().to_string(), "a reason has at least 10 characters, and this has 0");
}

#[test]
fn what_was_accepted_is_compared_with_what_is_found_later() {
    let case = ferret();
    let sending_to = |to: &'static str| sending(&[to], vec![matter(&case)]);
    let findings = found(&sending_to(FERRET));
    assert_eq!(standing(&findings, &Accepted::default()).len(), 1);
    // A yes without a reason is none.
    assert_eq!(standing(&findings, &Accepted::to(&findings, None)).len(), 1);
    let accepted = Accepted::to(&findings, Some(Reason::new("he has no other address").unwrap()));
    assert!(standing(&findings, &accepted).is_empty());
    // Another recipient, or another thing about the same one, was not accepted.
    assert_eq!(standing(&found(&sending_to("someone@mailbox.example")), &accepted).len(), 2);
    let mut more = sending_to(FERRET);
    more.enclosed = vec![enclosed("MG5.pdf")];
    let more = found(&more);
    assert_eq!(standing(&more, &accepted).iter().map(|f| f.code).collect::<Vec<_>>(), ["disclosed-material"]);
}

/// Ways to make a domain that looks like another and is none of it.
fn disguised(domain: &str) -> Vec<String> {
    let mut made = vec![
        format!("evil{domain}"),
        format!("x-{domain}"),
        format!("{domain}.attacker.example"),
        format!("{domain}-mail.example"),
        domain.replacen('.', "-", 1),
        format!("{domain}.net"),
        domain.replace('o', "0"),
        domain.replace('l', "1"),
        domain.replace('m', "rn"),
        domain.replace('o', "\u{43e}"),
    ];
    // Every letter left out, doubled, and exchanged with the next.
    let letters: Vec<char> = domain.chars().collect();
    for at in 0..letters.len() {
        let mut without = letters.clone();
        without.remove(at);
        made.push(without.into_iter().collect());
        let mut doubled = letters.clone();
        doubled.insert(at, letters[at]);
        made.push(doubled.into_iter().collect());
        if at + 1 < letters.len() {
            let mut swapped = letters.clone();
            swapped.swap(at, at + 1);
            made.push(swapped.into_iter().collect());
        }
    }
    let is_of = |made: &String| made == domain || made.ends_with(&format!(".{domain}"));
    made.retain(|one| !is_of(one));
    made
}

proptest! {
    /// A domain that only looks like a secure one is open, and case mail to it is blocked, whoever is named before the `@`.
    #[test]
    fn look_alikes_of_secure_domains_are_open_and_blocked(
        local in "[a-z]{1,8}(\\.[a-z]{1,8})?",
        sub in prop_oneof![Just(""), Just("cps."), Just("a.b.")],
        suffix in prop::sample::select(vec!["cjsm.net", "gov.uk", "gov.scot", "police.uk", "gov.example", "quillpounce.example", "hmcts.net"]),
        pick in any::<prop::sample::Index>(),
        recorded in any::<bool>(),
    ) {
        let disguises = disguised(suffix);
        let domain = format!("{sub}{}", disguises[pick.index(disguises.len())]);
        let address = format!("{local}@{domain}");
        prop_assert_eq!(classes().class(&address), crate::case::Class::Open, "{}", address);
        let case = ferret();
        let record = recorded.then_some(&case);
        let matter = Matter { id: case.id.clone(), name: case.title.clone(), record, because: String::new() };
        let sending = sending(&[&address], vec![matter]);
        let findings = found(&sending);
        prop_assert!(findings.iter().any(|f| f.severity == Severity::Block && f.recipient.as_deref() == Some(&address)));
        prop_assert!(!standing(&findings, &Accepted::default()).is_empty());
    }

    /// Nobody but the author and a known party by a secure way gets case mail without a word; nobody gets it in clear over the open
    /// internet without a reason.
    #[test]
    fn nobody_passes_in_silence(
        to in prop::collection::vec((
            prop_oneof![Just("x"), Just("b.quill"), Just("r.vellum"), Just("barnaby.ferret"), Just("ambleford.mags"), Just("")],
            prop_oneof![
                Just("mailbox.example"), Just("cps.gov.example"), Just("foxglove.example.cjsm.net"), Just("foxglove.example"),
                Just("quillpounce.example"), Just("quillpounce.example.cjsm.net"), Just("GOV.example."), Just("cjsm.net.evil.example"), Just(""),
            ],
            any::<bool>(),
        ), 1..6),
        recorded in any::<bool>(),
        with_material in any::<bool>(),
        filed in any::<bool>(),
        sealed in any::<bool>(),
        known in any::<bool>(),
    ) {
        let addresses: Vec<(String, bool)> = to.iter().map(|(local, domain, visible)| (format!("{local}@{domain}"), *visible)).collect();
        let case = ferret();
        let record = recorded.then_some(&case);
        let matters = if filed {
            vec![Matter { id: case.id.clone(), name: case.title.clone(), record, because: String::new() }]
        } else {
            Vec::new()
        };
        let mut message = sending(&[], matters);
        message.recipients = addresses.iter().map(|(address, visible)| Recipient { address, visible: *visible, sealed }).collect();
        if with_material || !filed {
            message.enclosed = vec![enclosed("MG11 P BADGER.pdf")];
        }
        let mut history = History::default();
        if known {
            for (address, _) in &addresses {
                history.0.extend(self::history(address, &["FERRET"]).0);
            }
        }
        let findings = check(&message, &history, &classes(), &Policy::default());
        for (address, _) in &addresses {
            let own = classes().canonical(address) == classes().canonical(QUILL);
            let open = classes().class(address) == crate::case::Class::Open;
            let party = filed && recorded && case.party(address, &classes()).is_some();
            let told = findings.iter().any(|f| f.recipient.as_deref().is_some_and(|to| to.eq_ignore_ascii_case(address)));
            let blocked = findings.iter().any(|f| {
                f.severity == Severity::Block && f.recipient.as_deref().is_some_and(|to| to.eq_ignore_ascii_case(address))
            });
            if !own && open && !sealed {
                prop_assert!(blocked, "{} {:?}", address, findings);
            }
            if !own && !party {
                prop_assert!(told, "{} {:?}", address, findings);
            }
        }
    }
}
