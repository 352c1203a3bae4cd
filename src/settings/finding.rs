//! What a check has to tell: where, what, and what to do about it.

use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It works, but probably not as meant.
    Warning,
    /// The file cannot be used as it is.
    Error,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A place in a file. Line 0 stands for the file as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file's name as the person knows it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Place {
    /// The file as a whole.
    #[must_use]
    pub fn file(file: &str) -> Self {
        Self { file: file.to_owned(), line: 0, column: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 { f.write_str(&self.file) } else { write!(f, "{}:{}:{}", self.file, self.line, self.column) }
    }
}

/// One finding. Its texts hold no control characters, whatever the file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// What to do about it; may be empty.
    pub cure: String,
}

impl Finding {
    /// A finding that forbids the file.
    #[must_use]
    pub fn error(place: Place, what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { severity: Severity::Error, place, what: printable(what.into()), cure: printable(cure.into()) }
    }

    /// A finding that does not.
    #[must_use]
    pub fn warning(place: Place, what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, what, cure) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.severity.name(), self.what)?;
        if self.cure.is_empty() { Ok(()) } else { write!(f, "; {}", self.cure) }
    }
}

/// Whether the findings forbid the file.
#[must_use]
pub fn forbid(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// TOML strings may hold escaped control characters ("\u001b"), and findings are printed to terminals.
fn printable(text: String) -> String {
    if text.chars().any(char::is_control) {
        text.chars().flat_map(|c| if c.is_control() { c.escape_debug().collect() } else { vec![c] }).collect()
    } else {
        text
    }
}

/// The candidate that a misspelt word was probably meant to be.
#[must_use]
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance * 3 <= word.chars().count().max(candidate.chars().count()))
        .min()
        .map(|(_, candidate)| candidate)
}

/// "did you mean `host`?", or the choices where nothing is near.
#[must_use]
pub fn suggestion<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str> + Clone) -> String {
    if let Some(near) = nearest(word, candidates.clone()) {
        return format!("did you mean `{near}`?");
    }
    let mut all: Vec<&str> = Vec::new();
    for candidate in candidates {
        // Some keys are asked for more than once.
        if !all.contains(&candidate) {
            all.push(candidate);
        }
    }
    if all.len() <= 20 { format!("known here: {}", all.join(", ")) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::{Finding, Place, nearest};

    #[test]
    fn nearest_takes_slips_and_leaves_strangers() {
        let check = |word: &str, expected: Option<&str>| {
            assert_eq!(nearest(word, ["host", "port", "security", "user"]), expected, "{word}");
        };
        check("hots", Some("host"));
        check("securty", Some("security"));
        check("usr", Some("user"));
        check("password", None);
        check("", None);
    }

    #[test]
    fn a_finding_never_carries_a_control_character() {
        let finding = Finding::error(Place::file("config.toml"), "unknown key `\u{1b}]0;x\u{7}`", "");
        assert!(!finding.to_string().chars().any(char::is_control), "{finding}");
    }
}
