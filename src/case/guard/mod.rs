//! The guard in front of everything that leaves: is each recipient the right person, in the right case, by the right way? Pure.
//!
//! Mail of a case goes to the parties of that case, by a secure route, or not at all; past a [`Severity::Block`] leads only a reason that a
//! person typed, which is recorded. The guard fails closed: what it cannot know about a recipient of case mail it does not take for good,
//! and whoever is neither a party nor the author gets at least a word. It is asked twice: before the review, and again at the moment of
//! sending, because parties, routes and cases may have changed in between.
//!
//! Sources: UK GDPR art. 5(1)(f) and 32 (the wrong recipient is the commonest breach that is reported to the Information Commissioner);
//! Criminal Procedure and Investigations Act 1996 ss.17-18 (use of disclosed material); the duty of confidentiality and legal professional privilege.

mod past;
mod people;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::past::{Accepted, MIN_REASON, Passed, Reason, ReasonError, standing};
use super::carriage::Classes;
use super::document::Kind;
use super::record::Case;
use crate::mail::id::CaseId;

/// Visible recipients beyond which a person should look twice.
pub const VISIBLE_MAX: usize = 8;

/// How much stands against sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Tell,
    /// A person has to say yes to it.
    Confirm,
    /// A person has to give a reason, which is recorded.
    Block,
}

/// Something that stands against sending, or is worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The recipient as written; `None`: the message as a whole.
    pub recipient: Option<String>,
    /// A stable name for scripts and for the record.
    pub code: &'static str,
    /// How much stands against it.
    pub severity: Severity,
    /// Why, in words.
    pub because: String,
    /// What to do about it; may be empty.
    pub cure: String,
    /// Whether a reason leads past a block. Where not, somebody else has to send it.
    pub may_override: bool,
}

/// Somebody whom it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipient<'a> {
    /// As written.
    pub address: &'a str,
    /// The others see the address (To, Cc).
    pub visible: bool,
    /// They have it encrypted to a key of their own.
    pub sealed: bool,
}

/// A case that a message belongs to.
#[derive(Clone, Debug)]
pub struct Matter<'a> {
    /// The case.
    pub id: CaseId,
    /// For people: its title, or its number.
    pub name: String,
    /// What is recorded of it; `None`: it is known by its number only.
    pub record: Option<&'a Case>,
    /// Why the message belongs to it, in words: `by URN in the subject`.
    pub because: String,
}

/// A file that says it is material of a prosecution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclosed {
    /// Its name.
    pub name: String,
    /// What it says it is.
    pub material: Arc<Kind>,
}

/// What is to be sent, as the guard sees it.
#[derive(Clone, Debug, Default)]
pub struct Sending<'a> {
    /// The author's own addresses, as written.
    pub own: Vec<String>,
    /// Everybody, the blind ones included.
    pub recipients: Vec<Recipient<'a>>,
    /// The subject.
    pub subject: &'a str,
    /// The cases that it belongs to, by whatever evidence there is.
    pub matters: Vec<Matter<'a>>,
    /// Material of a prosecution among the files.
    pub enclosed: Vec<Enclosed>,
    /// It answers or passes on something between client and lawyer: why that is thought, in words.
    pub privileged: Option<String>,
    /// The case book could not be read: why, in words. Nothing is known then, and nothing is taken for good.
    pub unreadable: Option<String>,
}

/// What is known of an address from mail that was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Messages written to it.
    pub written: u32,
    /// The cases in which it was written to.
    pub cases: BTreeSet<CaseId>,
    /// It was written to in its CJSM form.
    pub by_cjsm: bool,
}

/// Whom one has written to before, by canonical address. Only what was sent counts: who writes to us can say anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History(pub HashMap<String, Known>);

/// What the practice has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How much stands against case mail to an accused of one's own, in clear over the open internet, where nothing of the prosecution's goes with it.
    pub client_in_clear: Severity,
    /// Visible recipients beyond which a person has to say yes.
    pub visible_max: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self { client_in_clear: Severity::Block, visible_max: VISIBLE_MAX }
    }
}

/// Everything that stands against sending, or is worth knowing: the gravest first, otherwise in the order of the recipients.
#[must_use]
pub fn check(sending: &Sending<'_>, history: &History, classes: &Classes, policy: &Policy) -> Vec<Finding> {
    let mut findings = people::check(sending, history, classes, policy);
    of_the_whole(sending, classes, policy, &mut findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

impl Sending<'_> {
    /// Whether it is mail of a case, or has to be taken for it.
    #[must_use]
    pub fn is_case_mail(&self) -> bool {
        !self.matters.is_empty() || !self.enclosed.is_empty() || self.unreadable.is_some() || self.privileged.is_some()
    }

    /// The cases in words.
    fn names(&self) -> String {
        let names: Vec<&str> = self.matters.iter().map(|matter| matter.name.as_str()).collect();
        names.join(" and ")
    }
}

fn of_the_whole(sending: &Sending<'_>, classes: &Classes, policy: &Policy, findings: &mut Vec<Finding>) {
    let mut add = |code, severity, because: String, cure: &str| {
        let (recipient, cure) = (None, cure.to_owned());
        findings.push(Finding { recipient, code, severity, because, cure, may_override: true });
    };
    if let Some(why) = &sending.unreadable {
        add(
            "case-unreadable",
            Severity::Block,
            format!("What is known of its case cannot be read ({why}), so nobody can be taken for a party."),
            "Mend that first.",
        );
    }
    if let [_, _, ..] = sending.matters.as_slice() {
        let listed: Vec<String> =
            sending.matters.iter().map(|matter| format!("{} ({})", matter.name, matter.because)).collect();
        add(
            "several-cases",
            Severity::Confirm,
            format!("It belongs to {} cases: {}.", sending.matters.len(), listed.join(", ")),
            "Write one message for each case, or say that it is meant for all of them.",
        );
    }
    for matter in &sending.matters {
        if let Some(case) =
            matter.record.filter(|case| !matches!(case.state, super::State::Open | super::State::OnHold { .. }))
        {
            let because = format!("{} is {}.", matter.name, case.state.name());
            add("case-not-open", Severity::Confirm, because, "Reopen it if it goes on.");
        }
    }
    let visible = sending.recipients.iter().filter(|one| one.visible).count();
    if visible > policy.visible_max {
        let severity = if sending.is_case_mail() { Severity::Confirm } else { Severity::Tell };
        add(
            "many-recipients",
            severity,
            format!("{visible} people will see each other's addresses."),
            "Send it to fewer, or one by one.",
        );
    }
    let asked = sending.matters.iter().filter_map(|matter| Some((matter, matter.record?)));
    for (matter, case) in asked {
        for awaiting in case.awaiting.iter().filter(|one| one.answered.is_none() && !one.what.trim().is_empty()) {
            let again = sending.subject.to_lowercase().contains(&awaiting.what.trim().to_lowercase());
            let to: Vec<String> = awaiting.to.iter().map(|addr| classes.canonical(addr)).collect();
            let others = sending
                .recipients
                .iter()
                .any(|one| !is_own(sending, one.address, classes) && !to.contains(&classes.canonical(one.address)));
            if again && others {
                let sent = awaiting.sent.to_zoned(jiff::tz::TimeZone::UTC);
                let sent = super::hearing::zone().map_or(sent, |zone| awaiting.sent.to_zoned(zone));
                add(
                    "asked-already",
                    Severity::Confirm,
                    format!(
                        "{} was asked for in {} already: on {}, of {}.",
                        awaiting.what.trim(),
                        matter.name,
                        sent.strftime("%a %-d %b %Y %H:%M"),
                        awaiting.to.join(", ")
                    ),
                    "Chase the first request instead of asking somebody else.",
                );
            }
        }
    }
}

/// Whether an address is the author's own, in any of its forms.
fn is_own(sending: &Sending<'_>, address: &str, classes: &Classes) -> bool {
    let canonical = classes.canonical(address);
    sending.own.iter().any(|own| classes.canonical(own) == canonical)
}

#[cfg(test)]
mod tests;
