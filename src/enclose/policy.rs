//! What a practice has decided about files that go out: data, with what casemail ships where nothing is said.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Ends of names and words, each once, in small letters.
pub type List = Arc<[String]>;

fn shipped(text: &str) -> List {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim().to_lowercase());
    lines.filter(|line| !line.is_empty()).collect()
}

/// What is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Words of a text that speak of an attachment.
    pub words: List,
    /// Ends of names of programs and scripts.
    pub programs: List,
    /// The most bytes of a whole message, as it is sent, that the gateways of a class of recipients let through, by the name of the class
    /// (`cjsm`, `gov`, `firm`, `open`). A class that is not named has no such limit.
    pub gateways: BTreeMap<String, u64>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            words: shipped(include_str!("words.txt")),
            programs: shipped(include_str!("programs.txt")),
            gateways: BTreeMap::new(),
        }
    }
}

impl Policy {
    /// Whether a file is named like a program.
    #[must_use]
    pub fn is_program(&self, name: &str) -> bool {
        let end = name.trim_end_matches([' ', '.']).rsplit_once('.').map(|(_, end)| end.trim().to_lowercase());
        end.is_some_and(|end| self.programs.contains(&end))
    }
}

#[cfg(test)]
mod tests {
    use super::Policy;

    #[test]
    fn a_program_is_known_by_the_end_of_its_name() {
        let policy = Policy::default();
        for name in ["run.exe", "RUN.EXE", "MG5.pdf.js", "x.ps1. ", "update.Msi"] {
            assert!(policy.is_program(name), "{name}");
        }
        for name in ["MG5.pdf", "exe", "report.exe.pdf", ""] {
            assert!(!policy.is_program(name), "{name}");
        }
        assert!(policy.words.iter().any(|word| word == "attached"));
    }
}
