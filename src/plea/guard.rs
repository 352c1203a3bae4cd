//! The guard of plea negotiations: marks of confidence, who may have it, what may ride along. It is asked beside the guard of all case mail
//! ([`crate::case::guard`]), which looks at the route and at look-alikes.
//!
//! A mark is a convention and evidence of what was intended; it is no guarantee, and nothing here says that it is.

use super::act::Kind;
use super::number::{NegotiationId, Side};
use crate::case::guard::{Finding, Recipient, Severity};
use crate::case::{Case, Classes, Jurisdiction, Party, Role};

/// The mark at the head of a block and above a thread. It is a convention and evidence of what was intended, no guarantee.
#[must_use]
pub const fn mark(jurisdiction: Jurisdiction) -> &'static str {
    match jurisdiction {
        Jurisdiction::EnglandWales => "PLEA DISCUSSION - WITHOUT PREJUDICE TO NOT GUILTY PLEA(S)",
        Jurisdiction::Scotland => "PLEA NEGOTIATION / NOT TO BE FOUNDED UPON IF NOT ACCEPTED",
    }
}

/// A message of a negotiation that is about to leave.
#[derive(Clone, Debug)]
pub struct Leaving<'a> {
    /// The case.
    pub case: &'a Case,
    /// Which negotiation.
    pub id: &'a NegotiationId,
    /// What is done by it; `None`: plain words.
    pub kind: Option<Kind>,
    /// The author's own addresses.
    pub own: Vec<String>,
    /// Everybody, the blind ones included.
    pub recipients: Vec<Recipient<'a>>,
    /// Its text.
    pub text: &'a str,
    /// It answers or passes on something between client and lawyer: why that is thought.
    pub privileged: Option<String>,
    /// Acts of the other side that wait for a yes, in words: `P1 ACCEPT by Hamish Lintwhite`.
    pub waiting: Vec<String>,
}

impl Leaving<'_> {
    fn author(&self, classes: &Classes) -> Option<&Party> {
        self.own.iter().find_map(|own| self.case.party(own, classes))
    }

    fn is_own(&self, address: &str, classes: &Classes) -> bool {
        let canonical = classes.canonical(address);
        self.own.iter().any(|own| classes.canonical(own) == canonical)
    }
}

/// Everything that stands against sending it.
#[must_use]
pub fn check(leaving: &Leaving<'_>, classes: &Classes) -> Vec<Finding> {
    let mut findings = Vec::new();
    let author = leaving.author(classes);
    let us = author.and_then(|party| Side::of(party.role));
    let staff = author.is_some_and(|party| party.role == Role::DefenceStaff);
    let mut others = 0_usize;
    for recipient in &leaving.recipients {
        let address = recipient.address;
        if leaving.is_own(address, classes) {
            continue;
        }
        let party = leaving.case.party(address, classes);
        let side = party.and_then(|party| Side::of(party.role));
        if side.is_some() && side != us && party.is_some_and(|party| party.role != Role::Police) {
            others = others.saturating_add(1);
        }
        findings.extend(of_recipient(leaving, address, party, us, staff));
    }
    let with_client = leaving
        .recipients
        .iter()
        .find(|one| leaving.case.party(one.address, classes).is_some_and(|party| party.role == Role::Accused));
    if let Some(client) = with_client.filter(|_| others > 0) {
        findings.push(finding(
            Some(client.address),
            "plea-client-leg",
            Severity::Block,
            format!(
                "{} is the client: what passes between client and lawyer is kept apart from the other side.",
                client.address
            ),
            "Write to the client in a message of its own.",
            true,
        ));
    }
    if let Some(why) = leaving.privileged.as_ref().filter(|_| others > 0) {
        findings.push(finding(
            None,
            "plea-privileged",
            Severity::Block,
            format!("It passes on something between client and lawyer ({why}) to the other side."),
            "Write it anew, without what came from the client.",
            !staff,
        ));
    }
    if others > 1 {
        findings.push(finding(
            None,
            "plea-several",
            Severity::Confirm,
            format!("{others} people of the other side get it; an answer in a negotiation goes to who wrote."),
            "Leave the others out, or say that they are meant.",
            true,
        ));
    }
    if let Some(first) = leaving.waiting.first().filter(|_| leaving.kind.is_some()) {
        let more = match leaving.waiting.len() {
            1 => String::new(),
            several => format!(" and {} more", several.saturating_sub(1)),
        };
        findings.push(finding(
            None,
            "plea-unconfirmed",
            Severity::Confirm,
            format!("{first}{more} waits for your yes: what you send now leaves it out of account, and may cross it."),
            "Say first in the negotiation whether it is theirs.",
            true,
        ));
    }
    if has_quotes(leaving.text) {
        findings.push(finding(
            None,
            "plea-quoted",
            Severity::Confirm,
            "Older text is quoted in it; notes of one's own may ride along.".to_owned(),
            "Drop the quoted text: the block says what is answered.",
            true,
        ));
    }
    if !leaving.text.to_uppercase().contains(mark(leaving.case.jurisdiction)) {
        findings.push(finding(
            None,
            "plea-unmarked",
            Severity::Tell,
            format!("It does not bear the mark “{}”.", mark(leaving.case.jurisdiction)),
            "",
            true,
        ));
    }
    findings.sort_by_key(|one| std::cmp::Reverse(one.severity));
    findings
}

fn finding(
    recipient: Option<&str>,
    code: &'static str,
    severity: Severity,
    because: String,
    cure: &str,
    may_override: bool,
) -> Finding {
    Finding { recipient: recipient.map(str::to_owned), code, severity, because, cure: cure.to_owned(), may_override }
}

/// Who is neither of one's own side for this accused nor of the other side's lawyers gets it only for a reason.
fn of_recipient(
    leaving: &Leaving<'_>,
    address: &str,
    party: Option<&Party>,
    us: Option<Side>,
    staff: bool,
) -> Option<Finding> {
    let Some(party) = party else {
        return Some(finding(
            Some(address),
            "plea-stranger",
            Severity::Block,
            format!("{address} takes no part in this case: a plea negotiation goes to the other side's lawyers only."),
            "Enter them as a party, or leave them out.",
            true,
        ));
    };
    let about = leaving.id.accused;
    if us == Some(Side::Defence)
        && Side::of(party.role) == Some(Side::Defence)
        && !party.acts_for.is_empty()
        && !party.acts_for.contains(&about)
    {
        let named = |number: &u16| {
            leaving.case.accused(*number).map_or_else(|| number.to_string(), crate::case::Accused::surname)
        };
        let whom: Vec<String> = party.acts_for.iter().map(named).collect();
        return Some(finding(
            Some(address),
            "co-accused",
            Severity::Block,
            format!("{address} acts for co-accused {}.", whom.join(" and ")),
            "Take them out. Only the holder of the case may send it all the same.",
            !staff,
        ));
    }
    let fits = matches!(
        party.role,
        Role::DefenceSolicitor
            | Role::Counsel
            | Role::DefenceStaff
            | Role::CpsLawyer
            | Role::FiscalDepute
            | Role::ProsecutionAdvocate
            | Role::Accused
    );
    (!fits).then(|| {
        finding(
            Some(address),
            "plea-outsider",
            Severity::Block,
            format!("{address} is recorded as {}: a plea negotiation is not for them.", party.role.words()),
            "Leave them out.",
            true,
        )
    })
}

/// The recipients of an answer: who wrote it, and nobody else.
#[must_use]
pub fn reply_to(from: &str) -> Vec<String> {
    vec![from.to_owned()]
}

fn is_attribution(line: &str) -> bool {
    let lower = line.trim().to_lowercase();
    lower.contains("original message-----") || lower.contains("forwarded message") || lower.ends_with("wrote:")
}

fn has_quotes(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with('>') || is_attribution(line))
}

/// A text without what is quoted in it from earlier messages: lines with quote marks, the line that announces them, and all that
/// follows where a program quotes without marks.
#[must_use]
pub fn without_quotes(text: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for line in text.lines() {
        let lower = line.trim().to_lowercase();
        if lower.contains("original message-----") || lower.contains("forwarded message") {
            break;
        }
        if line.trim_start().starts_with('>') || is_attribution(line) {
            continue;
        }
        kept.push(line);
    }
    let kept = kept.join("\n");
    let mut clean = String::with_capacity(kept.len());
    let mut blank = 0_usize;
    for line in kept.lines() {
        blank = if line.trim().is_empty() { blank.saturating_add(1) } else { 0 };
        if blank < 3 {
            clean.push_str(line);
            clean.push('\n');
        }
    }
    clean.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Kind, Leaving, check, without_quotes};
    use crate::case::guard::{Recipient, Severity};
    use crate::case::{Party, PartyId, Role};
    use crate::plea::sample::{ISLA, LINTWHITE, MARLOW, WREN, classes, gannet, id_of, puddock};

    fn found(
        case: &crate::case::Case,
        to: &[&str],
        text: &str,
        privileged: bool,
    ) -> Vec<(&'static str, Severity, String)> {
        let id = id_of(case);
        let recipients = to.iter().map(|address| Recipient { address, visible: true, sealed: false }).collect();
        let privileged = privileged.then(|| "it answers PUDDOCK".to_owned());
        let leaving = Leaving {
            case,
            id: &id,
            kind: None,
            own: vec![ISLA.into()],
            recipients,
            text,
            privileged,
            waiting: Vec::new(),
        };
        check(&leaving, &classes()).into_iter().map(|one| (one.code, one.severity, one.because)).collect()
    }

    const MARKED: &str = "PLEA NEGOTIATION / NOT TO BE FOUNDED UPON IF NOT ACCEPTED\n";

    #[test]
    fn what_waits_for_a_yes_is_said_before_an_act_goes_out() {
        let case = puddock();
        let id = id_of(&case);
        let codes = |kind, waiting: &[&str]| {
            let recipients = vec![Recipient { address: LINTWHITE, visible: true, sealed: false }];
            let waiting = waiting.iter().map(|one| (*one).to_owned()).collect();
            let own = vec![ISLA.into()];
            let leaving =
                Leaving { case: &case, id: &id, kind, own, recipients, text: MARKED, privileged: None, waiting };
            let found = check(&leaving, &classes());
            found.into_iter().map(|one| (one.code, one.severity)).collect::<Vec<_>>()
        };
        assert_eq!(codes(Some(Kind::Withdraw), &[]), []);
        assert_eq!(codes(Some(Kind::Withdraw), &["P1 ACCEPT"]), [("plea-unconfirmed", Severity::Confirm)]);
        assert_eq!(codes(None, &["P1 ACCEPT"]), [], "plain words commit nobody");
    }

    #[test]
    fn the_depute_and_nobody_else() {
        let mut case = puddock();
        assert_eq!(found(&case, &[LINTWHITE], MARKED, false), []);
        let codes = |found: Vec<(&'static str, Severity, String)>| found.iter().map(|one| one.0).collect::<Vec<_>>();
        assert_eq!(codes(found(&case, &[LINTWHITE, MARLOW], MARKED, false)), ["plea-outsider"]);
        assert_eq!(codes(found(&case, &["news@paper.example"], MARKED, false)), ["plea-stranger"]);
        assert_eq!(codes(found(&case, &[LINTWHITE], MARKED, true)), ["plea-privileged"]);
        assert_eq!(codes(found(&case, &[LINTWHITE], "hello", false)), ["plea-unmarked"]);
        let quoted = format!("{MARKED}\nYes.\n> an old note");
        assert_eq!(codes(found(&case, &[LINTWHITE], &quoted, false)), ["plea-quoted"]);
        let client = "m.puddock@mailbox.example";
        case.parties.push(Party {
            id: PartyId("client".into()),
            role: Role::Accused,
            acts_for: vec![1],
            addresses: vec![client.into()],
            ..Party::default()
        });
        assert_eq!(codes(found(&case, &[LINTWHITE, client], MARKED, false)), ["plea-client-leg"]);
        assert_eq!(found(&case, &[client], MARKED, true), [], "the client leg itself");
    }

    #[test]
    fn the_agent_of_a_co_accused_is_a_hard_stop() {
        let found = found(&gannet(), &[LINTWHITE, WREN], MARKED, false);
        assert_eq!(found, [("co-accused", Severity::Block, format!("{WREN} acts for co-accused STOAT."))]);
    }

    #[test]
    fn what_is_quoted_is_dropped() {
        let text = "Agreed.\n\nOn Tue 5 May, Isla wrote:\n> my offer\n> > a private note\n\nIsla";
        assert_eq!(without_quotes(text), "Agreed.\n\n\nIsla");
        assert_eq!(without_quotes("Yes.\n\n-----Original Message-----\nFrom: x\nsecret"), "Yes.");
    }
}
