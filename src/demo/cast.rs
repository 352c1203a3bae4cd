//! The people of the demo, all invented. Their addresses end in `.example` (or its CJSM twin), where nothing can be delivered.

use jiff::Timestamp;

use crate::mail::address::Address;
use crate::pgp::generate::{Generated, generate};
use crate::pgp::keyring::Keyring;
use crate::pgp::report::Acceptance;

/// Somebody who writes or is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) addr: &'static str,
}

impl Person {
    pub(super) fn address(self) -> Address {
        Address { name: self.name.to_owned(), addr: self.addr.to_owned() }
    }
}

pub(super) const QUILL: Person = Person { name: "Barnaby Quill", addr: "b.quill@quillpounce.example.cjsm.net" };
pub(super) const INKWELL: Person = Person { name: "Tess Inkwell", addr: "t.inkwell@quillpounce.example.cjsm.net" };
pub(super) const TEAM: Person = Person { name: "Crime team", addr: "GM.crime@quillpounce.example.cjsm.net" };
pub(super) const THISTLEDOWN: Person =
    Person { name: "Isla Thistledown", addr: "i.thistledown@tg-law.example.cjsm.net" };
pub(super) const WREN: Person = Person { name: "Wren & Co", addr: "agent@wrenandco.example.cjsm.net" };
pub(super) const VELLUM: Person = Person { name: "Rufus Vellum", addr: "r.vellum@foxglove.example.cjsm.net" };
pub(super) const CPS: Person = Person { name: "CPS Mudshire", addr: "ambleford.mags@cps.gov.example" };
pub(super) const WINDLESTRAW: Person = Person { name: "Petra Windlestraw", addr: "p.windlestraw@cps.gov.example" };
pub(super) const PF: Person = Person { name: "PF Kirkmirkle", addr: "kirkmirkle.scm@copfs.gov.example" };
pub(super) const LINTWHITE: Person = Person { name: "Hamish Lintwhite", addr: "h.lintwhite@copfs.gov.example" };
pub(super) const MARLOW: Person = Person { name: "Sgt Pip Marlow", addr: "pip.marlow@mudshire.police.example" };
pub(super) const AMBLEFORD: Person =
    Person { name: "Ambleford Crown Court", addr: "listing@ambleford-court.gov.example" };
pub(super) const KIRKMIRKLE: Person =
    Person { name: "Kirkmirkle Sheriff Court", addr: "clerk@kirkmirkle-court.gov.example" };
pub(super) const LEGAL_AID: Person = Person { name: "Legal Aid", addr: "applications@legalaid.gov.example" };

/// Those with an OpenPGP key, and what the two users of the demo think of it.
const KEYS: &[(Person, Acceptance)] = &[
    (QUILL, Acceptance::Own),
    (THISTLEDOWN, Acceptance::Own),
    (LINTWHITE, Acceptance::Verified),
    (VELLUM, Acceptance::Accepted),
    (WINDLESTRAW, Acceptance::Undecided),
];

/// A key that was made for the demo.
pub(super) struct Key {
    pub(super) person: Person,
    pub(super) acceptance: Acceptance,
    pub(super) made: Generated,
}

/// All keys, made new.
///
/// # Errors
/// In the words of the room that makes them.
pub(super) fn keys(now: Timestamp) -> Result<Vec<Key>, String> {
    KEYS.iter()
        .map(|(person, acceptance)| {
            let made = generate(person.name, person.addr, now).map_err(|error| error.to_string())?;
            Ok(Key { person: *person, acceptance: *acceptance, made })
        })
        .collect()
}

/// The key ring of one of the cast, who knows everybody: own secret key, all certificates.
///
/// # Errors
/// In the words of the room that keeps them.
pub(super) fn keyring_of(person: Person, keys: &[Key]) -> Result<Keyring, String> {
    let mut ring = Keyring::new();
    for key in keys {
        if key.person == person {
            ring.add_secret(&key.made.secret, None).map_err(|error| error.to_string())?;
        } else {
            ring.add_cert(&key.made.cert, Acceptance::Accepted).map_err(|error| error.to_string())?;
        }
    }
    Ok(ring)
}

/// The fingerprint of somebody's key.
pub(super) fn fingerprint(person: Person, keys: &[Key]) -> Option<String> {
    keys.iter().find(|key| key.person == person).map(|key| key.made.info.fingerprint.clone())
}
