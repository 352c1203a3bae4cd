//! `[attachments]`: what a practice has decided about files that go out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Config;
use super::read::refuse_misplaced;
use super::write::texts;
use crate::enclose::Policy;
use crate::settings::Fields;
use crate::settings::finding::Finding;

/// Classes of recipients, as in `[classes]`, and those in none.
const CLASSES: [&str; 4] = ["cjsm", "gov", "firm", "open"];
/// The unit of a limit.
const MEGABYTE: u64 = 1_000_000;

pub(super) fn read(top: &mut Fields<'_>) -> Policy {
    let mut policy = Policy::default();
    let Some(mut fields) = top.table("attachments") else { return policy };
    refuse_misplaced(&mut fields);
    for (key, list) in [("words", &mut policy.words), ("programs", &mut policy.programs)] {
        let Some(given) = fields.texts(key) else { continue };
        let mut taken: Vec<String> = Vec::new();
        for (place, text) in given {
            let text = text.trim().trim_start_matches('.').to_lowercase();
            if text.is_empty() || text.chars().any(char::is_control) {
                let cure =
                    if key == "words" { "write for instance \"attached\"" } else { "write for instance \"exe\"" };
                fields.note(Finding::error(place, format!("`{key}` holds an empty text"), cure));
            } else if !taken.contains(&text) {
                taken.push(text);
            }
        }
        *list = taken.into();
    }
    if let Some(mut limits) = fields.table("gateway_mb") {
        let mut gateways = BTreeMap::new();
        for class in CLASSES {
            let megabytes = limits.integer(class, 0..=10_000, 0);
            if let Some(megabytes) = u64::try_from(megabytes).ok().filter(|megabytes| *megabytes > 0) {
                gateways.insert(class.to_owned(), megabytes * MEGABYTE);
            }
        }
        policy.gateways = gateways;
        fields.adopt(limits.end());
    }
    top.adopt(fields.end());
    policy
}

/// What of this is not the default, as it reads back.
pub(super) fn write(out: &mut String, config: &Config) {
    let (policy, defaults) = (&config.attachments, Policy::default());
    if *policy == defaults {
        return;
    }
    out.push_str("\n[attachments]\n");
    for (key, list, default) in
        [("words", &policy.words, &defaults.words), ("programs", &policy.programs, &defaults.programs)]
    {
        if list != default {
            let _ = writeln!(out, "{key} = {}", texts(list));
        }
    }
    if !policy.gateways.is_empty() {
        let limits: Vec<String> =
            policy.gateways.iter().map(|(class, bytes)| format!("{class} = {}", bytes / MEGABYTE)).collect();
        let _ = writeln!(out, "gateway_mb = {{ {} }}", limits.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    const ACCOUNT: &str = "[[account]]\nname = 'work'\naddress = 'b.quill@quillpounce.example'\nimap = { host = 'imap.example' }\n\
                           smtp = { host = 'smtp.example' }\n";

    #[test]
    fn what_is_said_of_attachments_reads_and_is_written_back() {
        let text = format!(
            "[attachments]\nwords = ['Attached', 'in the bundle']\nprograms = ['.EXE']\ngateway_mb = {{ cjsm = 10, open = 20, gov = 0 }}\n{ACCOUNT}"
        );
        let (config, findings) = Config::parse(&text, "config.toml").unwrap();
        assert!(findings.is_empty(), "{findings:?}");
        let policy = &config.attachments;
        assert_eq!(*policy.words, ["attached", "in the bundle"]);
        assert!(policy.is_program("x.exe") && !policy.is_program("x.js"));
        let limit = |class: &str| policy.gateways.get(class).copied();
        assert_eq!((limit("cjsm"), limit("open"), limit("gov")), (Some(10_000_000), Some(20_000_000), None));
        let (again, _) = Config::parse(&config.render(), "config.toml").unwrap();
        assert_eq!(again, config, "{}", config.render());
    }

    #[test]
    fn mistakes_are_told() {
        let check = |text: &str, words: &str| {
            let (Ok((_, told)) | Err(told)) = Config::parse(&format!("{text}\n{ACCOUNT}"), "config.toml");
            let told: Vec<String> = told.iter().map(ToString::to_string).collect();
            assert!(told.len() == 1 && told[0].contains(words), "{text}: {told:#?}");
        };
        check("[attachments]\nwords = ['']", "empty text");
        check("[attachments]\ngateway_mb = { cjsm = -1 }", "out of range");
        check("[attachments]\ngateway_mb = { cjms = 10 }", "cjms");
    }
}
