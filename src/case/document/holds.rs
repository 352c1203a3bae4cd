//! What is known of what a file holds, where that has no row of its own: the names that a zip lists, the message that it is, and why not all of it
//! was looked at.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Kinds;
use crate::mail::safe::file_name;

/// Why it is not known what all is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unseen {
    /// It is encrypted, and stays closed.
    Encrypted,
    /// There are more packages within each other than are opened.
    Deep,
    /// There are more files, or more names, than are looked at.
    Many,
    /// It is larger than is held to be looked into.
    Large,
}

impl Unseen {
    /// `encrypted`, `deep`, `many` or `large`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Deep => "deep",
            Self::Many => "many",
            Self::Large => "large",
        }
    }

    /// In words, of the file.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Encrypted => "it is encrypted within its message: what is in it is not known",
            Self::Deep => "messages lie within each other in it, deeper than is looked into",
            Self::Many => "there is more in it than is looked at",
            Self::Large => "it is too large for all that is in it to be looked at",
        }
    }

    /// Whether a file is kept shut for it. A ciphertext is shut by its key.
    #[must_use]
    pub const fn shuts(self) -> bool {
        !matches!(self, Self::Encrypted)
    }
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holds {
    /// The names that a zip lists, with the folders before them. Foreign text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The Message-ID of the message that it is; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message_id: String,
    /// Why not all that is in it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Unseen>,
}

/// Names of folders of a zip that are asked for: more than anybody has, and some tenths of a second. A zip with more is withheld.
const FOLDERS_MAX: usize = 20_000;

impl Holds {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The name of a file in a zip that is never meant for the defence, made safe: by its own name, by that of a folder that it is in, or by all of them
    /// together. A rule that fits one of them says nothing of the others.
    #[must_use]
    pub fn withheld(&self, kinds: &Kinds) -> Option<String> {
        let is_withheld = |name: &str| kinds.of_name(name).is_some_and(|kind| kind.withheld);
        // Thousands of files lie in one folder.
        let mut folders: HashMap<&str, bool> = HashMap::new();
        self.names.iter().find_map(|name| {
            let mut steps: Vec<&str> = name.split(['/', '\\']).filter(|step| !step.trim().is_empty()).collect();
            let own = steps.pop()?;
            if is_withheld(own) {
                return Some(file_name(own));
            }
            let is_inside = steps.iter().any(|step| match folders.get(step) {
                Some(known) => *known,
                None => folders.len() >= FOLDERS_MAX || *folders.entry(step).or_insert_with(|| is_withheld(step)),
            });
            let is_together = || !steps.is_empty() && is_withheld(name);
            (is_inside || is_together()).then(|| file_name(&name.replace(['/', '\\'], " ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{FOLDERS_MAX, Holds, Kinds, Unseen};

    #[test]
    fn a_name_in_a_zip_tells_by_itself_and_by_its_folder() {
        let kinds = Kinds::default();
        let holds =
            |names: &[&str]| Holds { names: names.iter().map(ToString::to_string).collect(), ..Holds::default() };
        assert_eq!(holds(&["MG5.pdf", "photos/1.jpg"]).withheld(&kinds), None);
        assert_eq!(holds(&["MG5.pdf", "x/MG6D Ferret.pdf"]).withheld(&kinds).as_deref(), Some("MG6D Ferret.pdf"));
        assert_eq!(holds(&["MG6D\\list.pdf"]).withheld(&kinds).as_deref(), Some("MG6D list.pdf"));
    }

    #[test]
    fn a_folder_that_a_rule_fits_hides_neither_what_is_in_it_nor_the_folders_around_it() {
        let kinds = Kinds::default();
        let told = |name: &str| Holds { names: vec![name.to_owned()], ..Holds::default() }.withheld(&kinds);
        for (name, expected) in [
            ("MG6C/MG6D Ferret.pdf", "MG6D Ferret.pdf"),
            ("MG6C\\MG6D Ferret.pdf", "MG6D Ferret.pdf"),
            ("MG6C/schedules/SENSITIVE SCHEDULE.pdf", "SENSITIVE SCHEDULE.pdf"),
            ("MG6D/MG6C Ferret.pdf", "MG6D MG6C Ferret.pdf"),
            ("MG6C/MG6D/list.pdf", "MG6C MG6D list.pdf"),
            ("MG6D/", "MG6D"),
            // Both words of one rule, each in its own step.
            ("MG11/back/1.pdf", "MG11 back 1.pdf"),
        ] {
            assert_eq!(told(name).as_deref(), Some(expected), "{name}");
        }
        // What nobody has asked for is not let through.
        let many = |count: usize| (0..=count).map(|n| format!("box {n}/MG5.pdf")).collect::<Vec<_>>();
        let told = |names: Vec<String>| Holds { names, ..Holds::default() }.withheld(&kinds);
        assert_eq!(told(many(FOLDERS_MAX - 1)), None);
        assert_eq!(told(many(FOLDERS_MAX)).as_deref(), Some("box 20000 MG5.pdf"));
        let told = |name: &str| told(vec![name.to_owned()]);
        for name in ["MG6C/MG5.pdf", "/", "", "MG6C//", "x/../MG5.pdf"] {
            assert_eq!(told(name), None, "{name}");
        }
    }

    #[test]
    fn what_says_nothing_takes_no_room_in_a_record() {
        assert!(Holds::default().is_empty());
        assert_eq!(serde_json::to_string(&Holds::default()).unwrap(), "{}");
        let some = Holds { unseen: Some(Unseen::Deep), ..Holds::default() };
        assert_eq!(serde_json::to_string(&some).unwrap(), "{\"unseen\":\"deep\"}");
    }
}
