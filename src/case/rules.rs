//! Filing rules of a practice: what comes from somebody, under a subject, in a mailbox or with a number of a form goes to a case, or is not one.

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::carriage::Classes;
use crate::mail::id::CaseId;

/// Bytes that a compiled pattern may take.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A rule: all that it names has to fit. One that names nothing fits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// An address, or a domain with all that ends in it; empty: anybody.
    pub from: String,
    /// Words that the subject holds, in any case; empty: any subject.
    pub subject: String,
    /// The mailbox that it lies in, by its whole name; empty: any.
    pub mailbox: String,
    /// A regular expression that the subject or the name of an attachment fits; empty: any.
    pub identifier: String,
    /// Where it belongs; `None`: it is not a case.
    pub case: Option<CaseId>,
}

/// A message as rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// From, as written.
    pub from: &'a str,
    /// Subject.
    pub subject: &'a str,
    /// The mailbox; empty where it is not known.
    pub mailbox: &'a str,
    /// Names of the attachments.
    pub attachments: &'a [String],
}

impl Rule {
    /// Whether it names anything at all.
    #[must_use]
    pub fn names_something(&self) -> bool {
        [&self.from, &self.subject, &self.mailbox, &self.identifier].into_iter().any(|text| !text.trim().is_empty())
    }

    /// What it goes by, for people: `from gazette.example, "weekly" in the subject`.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        if !self.from.is_empty() {
            words.push(format!("from {}", self.from));
        }
        if !self.subject.is_empty() {
            words.push(format!("{:?} in the subject", self.subject));
        }
        if !self.mailbox.is_empty() {
            words.push(format!("in the mailbox {}", self.mailbox));
        }
        if !self.identifier.is_empty() {
            words.push(format!("{} in the subject or a file name", self.identifier));
        }
        words.join(", ")
    }

    /// Its pattern, where it has one.
    ///
    /// # Errors
    /// It is no regular expression, or one that takes too much.
    pub fn pattern(&self) -> Result<Option<Regex>, regex::Error> {
        if self.identifier.is_empty() {
            return Ok(None);
        }
        RegexBuilder::new(&self.identifier).case_insensitive(true).size_limit(PATTERN_BYTES_MAX).build().map(Some)
    }
}

/// Rules in their order: the first that fits decides.
#[derive(Clone, Debug, Default)]
pub struct Rules(Vec<(Rule, Option<Regex>)>);

impl Rules {
    /// Of those that a configuration has. A pattern that is none fits nothing: the configuration has said so when it was read.
    #[must_use]
    pub fn new(rules: &[Rule]) -> Self {
        let made = rules.iter().filter(|rule| rule.names_something());
        Self(made.filter_map(|rule| Some((rule.clone(), rule.pattern().ok()?))).collect())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rules.
    #[must_use]
    pub fn list(&self) -> Vec<Rule> {
        self.0.iter().map(|(rule, _)| rule.clone()).collect()
    }

    /// The first rule that a message fits.
    #[must_use]
    pub fn first(&self, probe: &Probe<'_>, classes: &Classes) -> Option<&Rule> {
        self.0.iter().find(|(rule, pattern)| fits(rule, pattern.as_ref(), probe, classes)).map(|(rule, _)| rule)
    }
}

fn fits(rule: &Rule, pattern: Option<&Regex>, probe: &Probe<'_>, classes: &Classes) -> bool {
    let from = || {
        let wanted = rule.from.trim();
        if wanted.contains('@') {
            return classes.canonical(wanted) == classes.canonical(probe.from);
        }
        let domain = probe.from.rsplit_once('@').map(|(_, domain)| domain.to_lowercase()).unwrap_or_default();
        let wanted = wanted.to_lowercase();
        // By whole labels: evilgov.example does not end in gov.example.
        domain == wanted || domain.strip_suffix(&wanted).is_some_and(|rest| rest.ends_with('.'))
    };
    let subject = || probe.subject.to_lowercase().contains(&rule.subject.trim().to_lowercase());
    let identifier = |pattern: &Regex| {
        pattern.is_match(probe.subject) || probe.attachments.iter().any(|name| pattern.is_match(name))
    };
    (rule.from.trim().is_empty() || from())
        && (rule.subject.trim().is_empty() || subject())
        && (rule.mailbox.is_empty() || rule.mailbox == probe.mailbox)
        && pattern.is_none_or(identifier)
}

#[cfg(test)]
mod tests {
    use super::{Probe, Rule, Rules};
    use crate::case::Classes;

    fn check(rule: Rule, from: &str, subject: &str, mailbox: &str, files: &[&str], expected: bool) {
        let attachments: Vec<String> = files.iter().map(|name| (*name).to_owned()).collect();
        let probe = Probe { from, subject, mailbox, attachments: &attachments };
        let rules = Rules::new(std::slice::from_ref(&rule));
        assert_eq!(rules.first(&probe, &Classes::default()).is_some(), expected, "{rule:?} {probe:?}");
    }

    #[test]
    fn all_that_a_rule_names_has_to_fit() {
        let from = |from: &str| Rule { from: from.into(), ..Rule::default() };
        check(from("gazette.example"), "news@gazette.example", "", "", &[], true);
        check(from("gazette.example"), "news@mail.Gazette.example", "", "", &[], true);
        check(from("gazette.example"), "news@evilgazette.example", "", "", &[], false);
        check(from("news@gazette.example"), "News@gazette.example", "", "", &[], true);
        check(from("b@firm.example"), "b@firm.example.cjsm.net", "", "", &[], true);
        check(from("news@gazette.example"), "x@gazette.example", "", "", &[], false);
        let both = Rule { subject: "Weekly".into(), mailbox: "Lists".into(), ..Rule::default() };
        check(both.clone(), "a@b.example", "the WEEKLY note", "Lists", &[], true);
        check(both.clone(), "a@b.example", "the WEEKLY note", "INBOX", &[], false);
        check(both, "a@b.example", "the daily note", "Lists", &[], false);
        let number = Rule { identifier: "qp-[0-9]{4}".into(), ..Rule::default() };
        check(number.clone(), "a@b.example", "our ref QP-0417", "", &[], true);
        check(number.clone(), "a@b.example", "", "", &["QP-0417 note.pdf"], true);
        check(number, "a@b.example", "QP-41", "", &[], false);
    }

    #[test]
    fn a_rule_that_names_nothing_or_cannot_be_read_fits_nothing() {
        check(Rule::default(), "a@b.example", "x", "", &[], false);
        check(Rule { identifier: "(".into(), ..Rule::default() }, "a@b.example", "x", "", &[], false);
    }
}
