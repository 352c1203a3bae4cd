//! For tests: cases and acts of the fictional cast.

use jiff::Timestamp;
use jiff::civil::{date, time};

use super::act::{Act, Authority, Basis, Deed, Quoted};
use super::entry::Entry;
use super::number::{ActNo, NegotiationId, Side};
use super::terms::{Amendment, Plea, Term, Terms};
use super::trust::Signature;
use crate::case::{
    Accused, Case, Charge, ChargeState, Classes, Hearing, HearingId, HearingKind, HearingTime, Jurisdiction,
    MessageName, Party, PartyId, Patterns, Role,
};
use crate::mail::id::CaseId;

pub(super) const ISLA: &str = "i.thistledown@tg-law.example.cjsm.net";
pub(super) const LINTWHITE: &str = "h.lintwhite@copfs.gov.example";
pub(super) const QUILL: &str = "b.quill@quillpounce.example.cjsm.net";
pub(super) const INKWELL: &str = "t.inkwell@quillpounce.example.cjsm.net";
pub(super) const WINDLESTRAW: &str = "p.windlestraw@cps.gov.example";
pub(super) const WREN: &str = "agent@wrenandco.example.cjsm.net";
pub(super) const MARLOW: &str = "pip.marlow@mudshire.police.example";

/// An instant by London's clock, written `2026-05-05 09:30`.
pub(crate) fn at(text: &str) -> Timestamp {
    let local: jiff::civil::DateTime = text.parse().unwrap();
    local.to_zoned(crate::case::hearing::zone().unwrap()).unwrap().timestamp()
}

pub(super) fn classes() -> Classes {
    Classes::default().with(&[], &["gov.example".into(), "police.example".into()], &[])
}

fn party(id: &str, name: &str, role: Role, acts_for: &[u16], address: &str) -> Party {
    Party {
        id: PartyId(id.into()),
        name: name.into(),
        role,
        organisation: String::new(),
        acts_for: acts_for.to_vec(),
        addresses: vec![address.into()],
        certificates: vec![format!("CERT-{}", id.to_uppercase())],
    }
}

fn charge(number: u16, accused: u16, text: &str) -> Charge {
    Charge { number, accused, text: text.into(), statute: String::new(), state: ChargeState::Live }
}

fn hearing(id: &str, kind: HearingKind, court: &str, day: i8, month: i8, hour: i8) -> Hearing {
    let at = HearingTime { date: date(2026, month, day), time: Some(time(hour, 0, 0, 0)) };
    Hearing { id: HearingId(id.into()), kind, court: court.into(), at, outcome: String::new() }
}

/// Case C of the cast: Scotland, summary.
pub(crate) fn puddock() -> Case {
    static CASE: std::sync::LazyLock<Case> = std::sync::LazyLock::new(new_puddock);
    CASE.clone()
}

fn new_puddock() -> Case {
    let mut case = Case::new(CaseId("puddock".into()), "PF v PUDDOCK", Jurisdiction::Scotland);
    case.identifiers = vec![Patterns::new(&[]).unwrap().read("ZZ26000417")];
    case.accused = vec![Accused { number: 1, name: "Morag PUDDOCK".into(), born: None }];
    case.charges = vec![
        charge(1, 1, "did behave in a threatening manner, did shout and swear and did threaten him with violence"),
        charge(2, 1, "assault"),
        charge(3, 1, "breach of bail"),
    ];
    case.parties = vec![
        party("isla", "Isla Thistledown", Role::DefenceSolicitor, &[1], ISLA),
        party("lintwhite", "Hamish Lintwhite", Role::FiscalDepute, &[], LINTWHITE),
        party("marlow", "Pip Marlow", Role::Police, &[], MARLOW),
    ];
    case.hearings = vec![hearing("1", HearingKind::IntermediateDiet, "Kirkmirkle", 27, 5, 10)];
    case
}

/// Case B of the cast: England and Wales, Crown Court.
pub(super) fn otterbourne() -> Case {
    let mut case = Case::new(CaseId("otterbourne".into()), "R v OTTERBOURNE", Jurisdiction::EnglandWales);
    let patterns = Patterns::new(&[]).unwrap();
    case.identifiers = ["99QY0045626", "T20269001"].map(|text| patterns.read(text)).to_vec();
    case.accused = vec![Accused { number: 1, name: "Dilys OTTERBOURNE".into(), born: None }];
    case.charges = vec![charge(1, 1, "burglary of a shed"), charge(2, 1, "handling stolen goods")];
    case.parties = vec![
        party("quill", "Barnaby Quill", Role::DefenceSolicitor, &[1], QUILL),
        party("inkwell", "Tess Inkwell", Role::DefenceStaff, &[1], INKWELL),
        party("windlestraw", "Petra Windlestraw", Role::CpsLawyer, &[], WINDLESTRAW),
    ];
    case.hearings = vec![hearing("1", HearingKind::Ptph, "Ambleford CC", 2, 4, 10)];
    case
}

/// Case D of the cast: two accused.
pub(super) fn gannet() -> Case {
    let mut case = Case::new(CaseId("gannet".into()), "HMA v GANNET & STOAT", Jurisdiction::Scotland);
    case.identifiers = vec![Patterns::new(&[]).unwrap().read("ZZ26000533")];
    case.accused = vec![
        Accused { number: 1, name: "Gideon GANNET".into(), born: None },
        Accused { number: 2, name: "Fenella STOAT".into(), born: None },
    ];
    case.charges = (1..=5).map(|number| charge(number, 1, "housebreaking")).collect();
    case.parties = vec![
        party("isla", "Isla Thistledown", Role::DefenceSolicitor, &[1], ISLA),
        party("wren", "Wren & Co", Role::DefenceSolicitor, &[2], WREN),
        party("lintwhite", "Hamish Lintwhite", Role::FiscalDepute, &[], LINTWHITE),
    ];
    case
}

pub(super) fn id_of(case: &Case) -> NegotiationId {
    NegotiationId::of(case, 1).unwrap()
}

pub(super) fn term(charge: u16, plea: Plea) -> Term {
    Term { charge, plea, ..Term::default() }
}

/// Guilty as amended to 1, not guilty to 2 accepted, guilty to 3.
pub(crate) fn islas() -> Terms {
    let delete = Amendment::Delete { words: "and did threaten him with violence".into() };
    let amended = Term { amendments: vec![delete], ..term(1, Plea::GuiltyAsAmended) };
    Terms::new(vec![amended, term(2, Plea::NotGuiltyAccepted), term(3, Plea::Guilty)], None, "").unwrap()
}

/// The same, but guilty to 2.
pub(super) fn lintwhites() -> Terms {
    let islas = islas();
    let charges = islas.charges().iter().cloned().map(|one| if one.charge == 2 { term(2, Plea::Guilty) } else { one });
    Terms::new(charges.collect(), None, "").unwrap()
}

pub(super) fn authority(side: Side) -> Authority {
    let (name, role, basis) = match side {
        Side::Defence => ("Isla Thistledown", Role::DefenceSolicitor, Basis::ClientInstructions),
        Side::Prosecution => ("Hamish Lintwhite", Role::FiscalDepute, Basis::OwnDecision),
    };
    Authority { name: name.into(), role, on_behalf_of: None, basis, day: date(2026, 5, 1) }
}

/// An act in the case of Puddock.
pub(crate) fn act(no: &str, seen: u16, when: &str, deed: Deed) -> Act {
    let no: ActNo = no.parse().unwrap();
    let id = NegotiationId::first("ZZ26000417", 1);
    let authority = Some(authority(no.side));
    Act { id, surname: "PUDDOCK".into(), no, seen, round: 1, at: at(when), deed, authority }
}

pub(super) fn quote(act: &Act) -> Quoted {
    act.quoted().unwrap()
}

pub(crate) fn message(name: &str) -> MessageName {
    MessageName { message_id: format!("{name}@example"), digest: [0; 32] }
}

/// Signed with the certificate of whom the address belongs to.
pub(super) fn signed_by(from: &str) -> Signature {
    let parties = [puddock(), otterbourne(), gannet()].into_iter().flat_map(|case| case.parties);
    let certificate = parties.into_iter().find(|party| party.addresses.iter().any(|address| address == from));
    let certificate = certificate.and_then(|party| party.certificates.first().cloned());
    Signature::Good { certificate: certificate.unwrap_or_else(|| "CERT-STRANGER".into()) }
}

/// That it came from an address, a minute after it was written, signed.
pub(super) fn came(act: &Act, from: &str) -> Entry {
    Entry::Came {
        act: act.clone(),
        message: message(&format!("{}-{}", act.no, hex::encode(&act.digest()[..3]))),
        at: act.at + jiff::SignedDuration::from_mins(1),
        from: from.into(),
        date: Some(act.at),
        signature: signed_by(from),
    }
}
