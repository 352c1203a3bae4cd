//! What a practice has decided: policy of the guard, its own numbers, holidays, the server that is believed.

use std::fmt::Write as _;

use jiff::civil::Date;

use super::Config;
use super::read::{refuse_misplaced, suffix};
use super::write::{text, texts};
use crate::case::document::{self, Kinds};
use crate::case::guard::{Policy, Severity};
use crate::case::portal::{self, Portals};
use crate::case::rules::Rule;
use crate::case::{Calendar, Jurisdiction, Kind, Pattern, Patterns};
use crate::mail::id::CaseId;
use crate::settings::Fields;
use crate::settings::finding::Finding;

pub(super) fn policy(top: &mut Fields<'_>) -> Policy {
    let mut policy = Policy::default();
    let Some(mut fields) = top.table("policy") else { return policy };
    refuse_misplaced(&mut fields);
    match fields.text("client_in_clear").as_deref() {
        None | Some("block") => {}
        Some("confirm") => policy.client_in_clear = Severity::Confirm,
        Some(other) => {
            let (place, what) = (fields.place_of("client_in_clear"), format!("`client_in_clear` knows no `{other}`"));
            fields.note(Finding::error(place, what, "write \"block\" (a reason is needed) or \"confirm\" (a yes is)"));
        }
    }
    let most = fields.integer("visible_max", 1..=100, i64::try_from(policy.visible_max).unwrap_or(8));
    policy.visible_max = usize::try_from(most).unwrap_or(policy.visible_max);
    top.adopt(fields.end());
    policy
}

pub(super) fn identifiers(top: &mut Fields<'_>) -> Vec<Pattern> {
    let mut patterns: Vec<Pattern> = Vec::new();
    for mut fields in top.tables("identifier") {
        refuse_misplaced(&mut fields);
        let name = fields.required("name", "\"matter\"");
        let pattern = fields.required("pattern", "'QP-([0-9]{4})'");
        let names_a_case = fields.boolean("names_a_case", true);
        if let (Some(name), Some(text)) = (name, pattern) {
            let own = name.trim().to_owned();
            let kind = if names_a_case { Kind::Own(own) } else { Kind::Person(own) };
            let pattern = Pattern { kind, text };
            let reserved = [
                "urn",
                "crown-court",
                "pf-reference",
                "high-court-appeal",
                "asn",
                "maat",
                "ufn",
                "scro",
                "ccrn",
                "alias",
            ];
            let place = fields.place_of("pattern");
            if name.trim().is_empty() || reserved.contains(&name.trim()) {
                let place = fields.place_of("name");
                fields.note(Finding::error(
                    place,
                    "`name` is what people call the number",
                    "write for instance \"matter\"",
                ));
            } else if patterns.iter().any(|other| other.kind.name() == pattern.kind.name()) {
                let what = format!("there are two identifiers named `{}`", name.trim());
                fields.note(Finding::error(place, what, "give each its own name, or join their patterns by `|`"));
            } else if let Err(error) = Patterns::new(std::slice::from_ref(&pattern)) {
                fields.note(Finding::error(
                    place,
                    error.to_string(),
                    "write a regular expression whose groups ( ) joined are the number, for instance 'QP-([0-9]{4})'",
                ));
            } else {
                patterns.push(pattern);
            }
        }
        top.adopt(fields.end());
    }
    patterns
}

pub(super) fn documents(top: &mut Fields<'_>) -> Kinds {
    Kinds::new(document::read_rules(top))
}

pub(super) fn portals(top: &mut Fields<'_>) -> Portals {
    Portals::new(portal::read_rules(top))
}

pub(super) fn filing(top: &mut Fields<'_>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for mut fields in top.tables("filing") {
        refuse_misplaced(&mut fields);
        let mut line = |key: &'static str| {
            let text = fields.text(key).unwrap_or_default();
            if text.chars().any(char::is_control) {
                let place = fields.place_of(key);
                fields.note(Finding::error(
                    place,
                    format!("`{key}` holds a control character"),
                    "write it on one line",
                ));
            }
            text.trim().to_owned()
        };
        let (from, subject, mailbox) = (line("from"), line("subject"), line("mailbox"));
        let (identifier, case) = (line("identifier"), line("case"));
        let not_a_case = fields.boolean("not_a_case", false);
        let place = fields.place_of(if case.is_empty() { "not_a_case" } else { "case" });
        let rule = Rule { from, subject, mailbox, identifier, case: (!case.is_empty()).then_some(CaseId(case)) };
        if let Err(error) = rule.pattern() {
            let place = fields.place_of("identifier");
            fields.note(Finding::error(
                place,
                error.to_string(),
                "write a regular expression, for instance 'QP-[0-9]{4}'",
            ));
        } else if rule.case.is_some() == not_a_case {
            fields.note(Finding::error(
                place,
                "a filing rule says either where mail belongs or that it is not a case",
                "write `case = \"FERRET\"`, or `not_a_case = true`",
            ));
        } else if !rule.names_something() {
            fields.note(Finding::error(
                place,
                "a filing rule that names nothing would fit all mail",
                "write `from`, `subject`, `mailbox` or `identifier`: all that it names has to fit",
            ));
        } else {
            rules.push(rule);
        }
        top.adopt(fields.end());
    }
    rules
}

pub(super) fn calendar(top: &mut Fields<'_>) -> Calendar {
    let mut calendar = Calendar::default();
    let Some(mut fields) = top.table("holidays") else { return calendar };
    refuse_misplaced(&mut fields);
    let days = |fields: &mut Fields<'_>, key: &'static str| -> Vec<Date> {
        let mut days = Vec::new();
        for (place, text) in fields.texts(key).unwrap_or_default() {
            match text.trim().parse() {
                Ok(day) => days.push(day),
                Err(_) => fields.note(Finding::error(
                    place,
                    format!("`{text}` is no day"),
                    "write year, month and day, for instance \"2029-01-01\"",
                )),
            }
        }
        days
    };
    let added = [
        (Jurisdiction::EnglandWales, days(&mut fields, "england-wales")),
        (Jurisdiction::Scotland, days(&mut fields, "scotland")),
    ];
    let open = days(&mut fields, "open");
    for (jurisdiction, days) in added {
        for day in days {
            calendar = calendar.with(jurisdiction, day, "holiday of the configuration");
        }
    }
    for day in open {
        calendar = Jurisdiction::ALL.into_iter().fold(calendar, |calendar, one| calendar.without(one, day));
    }
    top.adopt(fields.end());
    calendar
}

pub(super) fn authserv_ids(top: &mut Fields<'_>) -> Vec<String> {
    let mut ids = Vec::new();
    for (place, text) in top.texts("authserv_ids").unwrap_or_default() {
        match suffix(&text).filter(|id| id.contains('.')) {
            Some(id) => ids.push(id),
            None => top.note(Finding::error(
                place,
                format!("`{text}` is no name of a server"),
                "write what stands first in the Authentication-Results of your own server, for instance \"mx.quillpounce.example\"",
            )),
        }
    }
    ids
}

/// What of this is not the default, as it reads back.
pub(super) fn write(out: &mut String, config: &Config) {
    for rule in &config.filing {
        out.push_str("\n[[filing]]\n");
        let named = [
            ("from", &rule.from),
            ("subject", &rule.subject),
            ("mailbox", &rule.mailbox),
            ("identifier", &rule.identifier),
        ];
        for (key, value) in named.into_iter().filter(|(_, value)| !value.is_empty()) {
            let _ = writeln!(out, "{key} = {}", text(value));
        }
        let _ = match &rule.case {
            Some(case) => writeln!(out, "case = {}", text(&case.0)),
            None => writeln!(out, "not_a_case = true"),
        };
    }
    if config.policy != Policy::default() {
        let clear = if config.policy.client_in_clear == Severity::Block { "block" } else { "confirm" };
        let _ = write!(out, "\n[policy]\nclient_in_clear = \"{clear}\"\nvisible_max = {}\n", config.policy.visible_max);
    }
    let standard = Calendar::default();
    if config.calendar != standard {
        out.push_str("\n[holidays]\n");
        let mut open: Vec<String> = Vec::new();
        for jurisdiction in Jurisdiction::ALL {
            let (added, removed) = config.calendar.differences(&standard, jurisdiction);
            let words = |days: Vec<Date>| days.into_iter().map(|day| day.to_string()).collect::<Vec<_>>();
            open.extend(words(removed));
            let _ = writeln!(out, "{} = {}", jurisdiction.name(), texts(&words(added)));
        }
        open.sort();
        open.dedup();
        let _ = writeln!(out, "open = {}", texts(&open));
    }
    for rule in config.documents.own() {
        let kind = &rule.kind;
        let _ = write!(
            out,
            "\n[[document]]\ncode = {}\nwords = {}\ntopic = {}\nnames = {}\ntypes = {}\nwithheld = {}\nmaterial = {}\n",
            text(&kind.code),
            text(&kind.words),
            text(&kind.topic),
            texts(&rule.names),
            texts(&rule.types),
            kind.withheld,
            kind.material
        );
    }
    for rule in config.portals.own() {
        let _ = write!(
            out,
            "\n[[portal]]\nname = {}\nhosts = {}\nexcept = {}\npaths = {}\nfrom = {}\nsubject = {}\n",
            text(&rule.name),
            texts(&rule.hosts),
            texts(&rule.except),
            texts(&rule.paths),
            texts(&rule.from),
            texts(&rule.subject)
        );
    }
    for pattern in &config.identifiers {
        let (name, own) = (text(pattern.kind.name()), text(&pattern.text));
        let names_a_case = if pattern.kind.names_a_case() { "" } else { "names_a_case = false\n" };
        let _ = write!(out, "\n[[identifier]]\nname = {name}\n{names_a_case}pattern = {own}\n");
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use crate::case::Jurisdiction;
    use crate::case::guard::Severity;
    use crate::config::Config;

    const ACCOUNT: &str = "[[account]]\nname = 'work'\naddress = 'b.quill@quillpounce.example'\nimap = { host = 'imap.example' }\n\
                           smtp = { host = 'smtp.example' }\n";

    #[test]
    fn what_the_practice_decided_reads_and_is_written_back() {
        let text = format!(
            "authserv_ids = ['MX.quillpounce.example']\n[policy]\nclient_in_clear = 'confirm'\nvisible_max = 4\n\
             [holidays]\nengland-wales = ['2029-01-01']\nopen = ['2026-06-15', '2029-04-02']\n\
             [[portal]]\nname = 'DAS'\nhosts = ['das.example']\nexcept = ['www.das.example']\npaths = ['/s/']\n[[document]]\ncode = 'GNOME'\nnames = ['gnome']\n\
             [[identifier]]\nname = 'matter'\npattern = 'QP-([0-9]{{4}})'\n{ACCOUNT}"
        );
        let (config, findings) = Config::parse(&text, "config.toml").unwrap();
        assert!(findings.is_empty(), "{findings:?}");
        assert_eq!((config.policy.client_in_clear, config.policy.visible_max), (Severity::Confirm, 4));
        assert_eq!(config.authserv_ids, ["mx.quillpounce.example"]);
        assert!(!config.calendar.is_business_day(Jurisdiction::EnglandWales, date(2029, 1, 1)));
        assert!(config.calendar.is_business_day(Jurisdiction::Scotland, date(2026, 6, 15)));
        assert!(config.calendar.is_business_day(Jurisdiction::EnglandWales, date(2029, 4, 2)), "outside of the tables");
        assert_eq!(config.identifiers[0].kind.name(), "matter");
        assert_eq!(config.documents.of_name("the gnome.pdf").unwrap().code, "GNOME");
        let (again, _) = Config::parse(&config.render(), "config.toml").unwrap();
        assert_eq!(again, config, "{}", config.render());
    }

    #[test]
    fn mistakes_are_told_with_a_cure() {
        let check = |text: &str, words: &str| {
            let (Ok((_, told)) | Err(told)) = Config::parse(&format!("{text}\n{ACCOUNT}"), "config.toml");
            let told: Vec<String> = told.iter().map(ToString::to_string).collect();
            assert!(told.len() == 1 && told[0].contains(words), "{text}: {told:#?}");
        };
        check("[policy]\nclient_in_clear = 'never'", "`client_in_clear` knows no `never`");
        check("[policy]\nclient_in_claer = 'block'", "client_in_clear");
        check("[holidays]\nscotland = ['1.1.2029']", "`1.1.2029` is no day");
        check("[[identifier]]\nname = 'matter'\npattern = 'QP'", "no capture group");
        check("[[identifier]]\nname = 'urn'\npattern = '(x+)'", "what people call the number");
        check("authserv_ids = ['localhost']", "`localhost` is no name of a server");
    }
}
