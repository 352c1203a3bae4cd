//! What the demo's mail is about: cases, and exchanges of letters as they happen in practice. All invented.

pub(super) mod exchanges;
pub(super) mod matters;
pub(super) mod record;
pub(super) mod talks;

use crate::mail::address::Address;

/// Whose law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Law {
    /// England and Wales.
    England,
    /// Scotland.
    Scotland,
}

/// A case.
#[derive(Clone, Debug)]
pub(super) struct Matter {
    pub(super) law: Law,
    /// `R v FERRET`.
    pub(super) title: String,
    /// `FERRET`.
    pub(super) surname: String,
    /// `Barnaby Ferret`.
    pub(super) client: String,
    /// `barnaby.ferret@mailbox.example`.
    pub(super) client_addr: String,
    /// The number that letters quote.
    pub(super) number: String,
    /// The Crown Court's number, where there is one.
    pub(super) second: Option<String>,
    /// `Ambleford MC`.
    pub(super) court: &'static str,
    /// `05/03/2026`.
    pub(super) hearing: String,
    /// What is charged, first charge first.
    pub(super) charges: Vec<&'static str>,
}

/// Who writes a letter of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The demo's user.
    Us,
    /// The prosecutor in person.
    Crown,
    /// The prosecutor's mailbox: its system starts a fresh mail instead of replying.
    Office,
    /// Counsel.
    Counsel,
    /// The client.
    Client,
    /// The court.
    Court,
    /// The police.
    Police,
    /// The paralegal, or the team's mailbox for us.
    Team,
    /// Legal aid.
    LegalAid,
}

/// One letter of an exchange. In subject and text `{…}` stand for facts of the case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) by: Role,
    pub(super) to: Role,
    /// Empty: a reply to the letter before.
    pub(super) subject: &'static str,
    pub(super) text: &'static str,
    /// Names of PDF or text files.
    pub(super) files: &'static [&'static str],
    /// Hours since the letter before.
    pub(super) after: i64,
}

/// An exchange of letters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    /// Where it fits; `None`: everywhere.
    pub(super) law: Option<Law>,
    /// Signed and encrypted, where everybody has a key.
    pub(super) sealed: bool,
    pub(super) steps: &'static [Step],
}

/// Text with the facts of the case put in.
pub(super) fn fill(text: &str, matter: &Matter, by: &Address, to: &Address) -> String {
    let first = matter.charges.first().copied().unwrap_or("the charge");
    let last = matter.charges.last().copied().unwrap_or("the charge");
    let number = match &matter.second {
        Some(second) => format!("{} / {second}", matter.number),
        None => matter.number.clone(),
    };
    text.replace("{title}", &matter.title)
        .replace("{SURNAME}", &matter.surname)
        .replace("{client}", &matter.client)
        .replace("{numbers}", &number)
        .replace("{number}", &matter.number)
        .replace("{second}", matter.second.as_deref().unwrap_or(&matter.number))
        .replace("{court}", matter.court)
        .replace("{hearing}", &matter.hearing)
        .replace("{charge}", first)
        .replace("{other}", last)
        .replace("{to}", short(to))
        .replace("{by}", &by.name)
}

/// The first name of a person; an office keeps its whole name.
fn short(address: &Address) -> &str {
    address.name.split(' ').next().unwrap_or(&address.name)
}
