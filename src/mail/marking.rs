//! Security markings of a subject (Government Security Classifications Policy): what is marked above OFFICIAL has no place here.

use super::subject;

/// Whether a subject says that the message is SECRET or TOP SECRET: in capitals and first, as markings are written. Marks of reply and
/// tags of carriage before it do not count, nor does a national prefix (`UK SECRET`).
#[must_use]
pub fn is_above_official(subject: &str) -> bool {
    let cleaned = subject::clean(subject);
    let text = cleaned.trim_start_matches(|c: char| !c.is_alphanumeric());
    let text = text.strip_prefix("UK ").unwrap_or(text);
    let text = text.strip_prefix("TOP ").unwrap_or(text);
    text.strip_prefix("SECRET").is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::is_above_official;

    #[test]
    fn markings_stand_first_and_in_capitals() {
        for subject in [
            "SECRET",
            "SECRET - R v FERRET",
            "[SECRET] papers",
            "RE: [CJSM] SECRET: papers",
            "TOP SECRET Operation Gnome",
            "UK SECRET - UK EYES ONLY",
        ] {
            assert!(is_above_official(subject), "{subject}");
        }
        for subject in [
            "",
            "Secret Santa",
            "The SECRET garden",
            "SECRETARY of the bench",
            "OFFICIAL-SENSITIVE - LEGAL - R v FERRET",
            "TOP of the list",
        ] {
            assert!(!is_above_official(subject), "{subject}");
        }
    }
}
