//! Answers: whom they go to, what they are called, what they quote.
//!
//! Quotes only what it is given, which is what was shown of the root protection layer ("decryption oracle by reply"); never decrypts anything. An
//! answer to an encrypted message must be encrypted.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::address::Address;
use super::draft::{Draft, Protection};
use super::mailto::{Mailto, MailtoError};
use super::safe::SafeText;
use super::subject;

/// References of an answer: the first, and the newest of the others.
const REFERENCES_MAX: usize = 20;

/// The message that is answered, as it was shown.
#[derive(Clone, Copy, Debug)]
pub struct Original<'a> {
    /// RFC 5322 §3.6.2.
    pub from: &'a [Address],
    /// RFC 5322 §3.6.2.
    pub reply_to: &'a [Address],
    /// RFC 5322 §3.6.3.
    pub to: &'a [Address],
    /// RFC 5322 §3.6.3.
    pub cc: &'a [Address],
    /// Decoded.
    pub subject: &'a str,
    /// Without angle brackets; empty where there is none.
    pub message_id: &'a str,
    /// Without angle brackets, oldest first.
    pub references: &'a [String],
    /// The Date header.
    pub sent: Option<Timestamp>,
    /// What may be quoted.
    pub quotable: &'a [SafeText],
    /// It came encrypted: so must the answer.
    pub encrypted: bool,
}

/// Who answers.
#[derive(Clone, Copy, Debug)]
pub struct Me<'a> {
    /// Name of the account.
    pub account: &'a str,
    /// The author of the answer.
    pub from: &'a Address,
    /// Other addresses of the same person.
    pub also: &'a [Address],
}

impl Me<'_> {
    /// Whether an address is one of these.
    #[must_use]
    pub fn is(&self, address: &Address) -> bool {
        std::iter::once(self.from).chain(self.also).any(|own| own.canonical() == address.canonical())
    }

    fn draft(&self) -> Draft {
        Draft { account: self.account.to_owned(), from: self.from.clone(), ..Draft::default() }
    }
}

/// Answers the author (Reply-To where there is one; RFC 5322 §3.6.2).
#[must_use]
pub fn reply(original: &Original<'_>, me: &Me<'_>) -> Draft {
    let mut draft = answer(original, me);
    draft.to = distinct(authors(original, me), &mut HashSet::new());
    draft
}

/// Answers everyone who got it.
#[must_use]
pub fn reply_all(original: &Original<'_>, me: &Me<'_>) -> Draft {
    let mut draft = answer(original, me);
    let mut seen = HashSet::new();
    draft.to = distinct(authors(original, me), &mut seen);
    let others = original.to.iter().chain(original.cc).filter(|address| !me.is(address)).cloned();
    draft.cc = distinct(others, &mut seen);
    if draft.to.is_empty() {
        std::mem::swap(&mut draft.to, &mut draft.cc);
    }
    draft
}

/// Passes the text on to someone else. Begins a thread of its own: who gets it may not know of the other one.
#[must_use]
pub fn forward(original: &Original<'_>, me: &Me<'_>) -> Draft {
    let people =
        |list: &[Address]| list.iter().map(|address| address.shown().to_string()).collect::<Vec<_>>().join(", ");
    let mut body = format!("\n\n---------- Forwarded message ----------\nFrom: {}\n", people(original.from));
    if let Some(sent) = original.sent {
        body.push_str(&format!("Date: {}\n", date(sent)));
    }
    body.push_str(&format!("Subject: {}\nTo: {}\n", SafeText::line(original.subject), people(original.to)));
    if !original.cc.is_empty() {
        body.push_str(&format!("Cc: {}\n", people(original.cc)));
    }
    body.push('\n');
    for line in original.quotable {
        body.push_str(line.as_str());
        body.push('\n');
    }
    Draft { subject: marked("Fwd", original.subject), body, protection: protection(original), ..me.draft() }
}

/// A new message from a `mailto:` link.
pub fn mailto(link: &str, me: &Me<'_>) -> Result<Draft, MailtoError> {
    let Mailto { to, cc, subject, body, .. } = Mailto::parse(link)?;
    Ok(Draft { to, cc, subject, body, ..me.draft() })
}

fn answer(original: &Original<'_>, me: &Me<'_>) -> Draft {
    let known = !original.message_id.is_empty();
    let mut references = original.references.to_vec();
    if known && references.last().is_none_or(|last| last != original.message_id) {
        references.push(original.message_id.to_owned());
    }
    if references.len() > REFERENCES_MAX {
        // RFC 5256 threads by the first and the last.
        references.drain(1..=references.len() - REFERENCES_MAX);
    }
    Draft {
        subject: marked("Re", original.subject),
        // The answer is written above what it answers.
        body: format!("\n\n{}", quote(original)),
        in_reply_to: if known { vec![original.message_id.to_owned()] } else { Vec::new() },
        references,
        protection: protection(original),
        ..me.draft()
    }
}

fn protection(original: &Original<'_>) -> Protection {
    if original.encrypted { Protection::Required } else { Protection::default() }
}

/// Whom an answer goes to. An answer to a message of one's own goes where that one went.
fn authors(original: &Original<'_>, me: &Me<'_>) -> Vec<Address> {
    let authors = if original.reply_to.is_empty() { original.from } else { original.reply_to };
    let authors = if !authors.is_empty() && authors.iter().all(|author| me.is(author)) { original.to } else { authors };
    authors.to_vec()
}

fn distinct(addresses: impl IntoIterator<Item = Address>, seen: &mut HashSet<String>) -> Vec<Address> {
    let writable = |address: &Address| address.addr.contains('@');
    addresses
        .into_iter()
        .filter(|address| writable(address) && seen.insert(address.canonical()))
        .map(writable_name)
        .collect()
}

/// A name that would be refused when the draft is built is made harmless here: the person did not type it.
fn writable_name(address: Address) -> Address {
    Address { name: SafeText::line(address.name.trim()).to_string(), addr: address.addr }
}

/// `Re: ` or `Fwd: ` once, before a subject that has no such mark.
fn marked(mark: &str, original: &str) -> String {
    let line = SafeText::line(original).to_string();
    let base = subject::base_subject(&line);
    if mark == "Re" && base.is_reply && line.trim_start().to_lowercase().starts_with("re") {
        return line.trim().to_owned();
    }
    format!("{mark}: {}", line.trim())
}

/// "On …, … wrote:" and the text with quote marks (RFC 3676 §4.5), without the signature.
fn quote(original: &Original<'_>) -> String {
    let author = original.from.first().map_or_else(
        || "someone".to_owned(),
        |from| {
            if from.name.trim().is_empty() || from.name_deceives() {
                from.shown().to_string()
            } else {
                SafeText::line(from.name.trim()).to_string()
            }
        },
    );
    let mut quote = match original.sent {
        Some(sent) => format!("On {}, {author} wrote:\n", date(sent)),
        None => format!("{author} wrote:\n"),
    };
    let lines = original.quotable;
    let signature = lines.iter().position(|line| line.as_str() == "-- ").unwrap_or(lines.len());
    let lines = lines.get(..signature).unwrap_or(lines);
    let last = lines.iter().rposition(|line| !line.as_str().trim().is_empty()).map_or(0, |last| last + 1);
    for line in lines.get(..last).unwrap_or(lines) {
        let line = line.as_str().trim_end();
        quote.push_str(if line.is_empty() || line.starts_with('>') { ">" } else { "> " });
        quote.push_str(line);
        quote.push('\n');
    }
    quote
}

fn date(sent: Timestamp) -> String {
    sent.to_zoned(TimeZone::UTC).strftime("%a, %-d %b %Y at %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::{Me, Original, forward, mailto, marked, reply, reply_all};
    use crate::mail::address::Address;
    use crate::mail::draft::{Draft, Protection};
    use crate::mail::safe::SafeText;

    fn addresses(list: &str) -> Vec<Address> {
        Address::parse_list(list).unwrap()
    }

    fn listed(list: &[Address]) -> String {
        list.iter().map(|address| address.addr.split('@').next().unwrap()).collect::<Vec<_>>().join(" ")
    }

    /// Answers a message `from | reply-to | to | cc` as `quill`, who is also `team`.
    fn answer(people: &str, how: fn(&Original<'_>, &Me<'_>) -> Draft) -> String {
        let lists: Vec<_> = people.split('|').map(addresses).collect();
        let (from, also) = (addresses("quill@x.example").remove(0), addresses("Team@X.example"));
        let original = Original {
            from: &lists[0],
            reply_to: &lists[1],
            to: &lists[2],
            cc: &lists[3],
            subject: "R v FERRET",
            message_id: "2@x",
            references: &["1@x".to_owned()],
            sent: None,
            quotable: &[],
            encrypted: false,
        };
        let draft = how(&original, &Me { account: "work", from: &from, also: &also });
        format!("{} | {}", listed(&draft.to), listed(&draft.cc))
    }

    #[test]
    fn answers_go_to_whom_they_should() {
        let people =
            "petra@c.example||quill@x.example, hamish@c.example|team@x.example, tess@x.example, Petra@c.example";
        assert_eq!(answer(people, reply), "petra | ");
        assert_eq!(answer(people, reply_all), "petra | hamish tess");
        let people = "petra@c.example|list@c.example|quill@x.example|";
        assert_eq!(answer(people, reply), "list | ");
        // An answer to oneself goes where the message went.
        let people = "quill@x.example||petra@c.example|tess@x.example";
        assert_eq!(answer(people, reply), "petra | ");
        assert_eq!(answer(people, reply_all), "petra | tess");
        assert_eq!(answer("petra@c.example||quill@x.example|", forward), " | ");
    }

    #[test]
    fn an_answer_carries_the_thread_and_the_quote() {
        let from = addresses("\"Petra Windlestraw\" <p@cps.gov.example>");
        let me = addresses("quill@x.example").remove(0);
        let lines = SafeText::block("Dear Mr Quill,\n\n> your offer  \nWe decline.\n\n-- \nP. Windlestraw\n");
        let references: Vec<String> = (0..40).map(|at| format!("{at}@x")).collect();
        let original = Original {
            from: &from,
            reply_to: &[],
            to: &[],
            cc: &[],
            subject: "R v FERRET",
            message_id: "40@x",
            references: &references,
            sent: Some("2026-03-02T14:52:00Z".parse().unwrap()),
            quotable: &lines,
            encrypted: true,
        };
        let me = Me { account: "work", from: &me, also: &[] };
        let draft = reply(&original, &me);
        let expected = "\n\nOn Mon, 2 Mar 2026 at 14:52 UTC, Petra Windlestraw wrote:\n> Dear Mr Quill,\n>\n>> your offer\n> We decline.\n";
        assert_eq!(
            (draft.body.as_str(), draft.subject.as_str(), draft.protection),
            (expected, "Re: R v FERRET", Protection::Required)
        );
        assert_eq!(
            (draft.references.len(), draft.references[0].as_str(), draft.references[19].as_str()),
            (20, "0@x", "40@x")
        );
        assert_eq!(draft.in_reply_to, ["40@x"]);
        let forwarded = forward(&original, &me);
        assert_eq!((forwarded.subject.as_str(), forwarded.references.len()), ("Fwd: R v FERRET", 0));
        assert!(
            forwarded
                .body
                .contains("From: Petra Windlestraw <p@cps.gov.example>\nDate: Mon, 2 Mar 2026 at 14:52 UTC\n")
        );
        assert_eq!(forwarded.protection, Protection::Required);
    }

    #[test]
    fn marks_are_not_piled_up() {
        let check = |subject: &str, expected: &str| assert_eq!(marked("Re", subject), expected);
        check("x", "Re: x");
        check("Re: x", "Re: x");
        check("RE[2]: x", "RE[2]: x");
        check("Fwd: x", "Re: Fwd: x");
        check("Reference x", "Re: Reference x");
        check("x\r\nBcc: y", "Re: x Bcc: y");
        assert_eq!(marked("Fwd", "Re: x"), "Fwd: Re: x");
    }

    #[test]
    fn links_fill_in_a_draft() {
        let me = addresses("quill@x.example").remove(0);
        let me = Me { account: "work", from: &me, also: &[] };
        let draft = mailto("mailto:a@x.example?subject=Hello&attach=/etc/passwd&bcc=spy@x.example", &me).unwrap();
        assert_eq!(
            (listed(&draft.to).as_str(), draft.subject.as_str(), draft.attachments.len(), draft.bcc.len()),
            ("a", "Hello", 0, 0)
        );
    }
}
