//! Which files a keymap or theme is made of: the shipped one, what it inherits, and the user's file laid over it.

use super::document::Document;
use super::finding::{Finding, Place, suggestion};

/// A file by name, without `.toml`: the name shown in findings, and the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// As shown in findings.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// Where sources come from.
pub trait Library {
    /// The user's own file of this name.
    fn own(&self, name: &str) -> Option<Source>;
    /// The shipped one.
    fn shipped(&self, name: &str) -> Option<Source>;
    /// All names, for suggestions.
    fn names(&self) -> Vec<String>;
}

/// The files that make up `name`, lowest first. The user's file of a shipped name lies over the shipped one; `inherits` names what
/// lies below.
///
/// # Errors
/// When one of them does not exist, or they inherit in a circle.
pub fn layers(name: &str, library: &dyn Library) -> Result<(Vec<Document>, Vec<Finding>), Vec<Finding>> {
    let mut found: Vec<Document> = Vec::new();
    let mut findings = Vec::new();
    let mut seen: Vec<(String, bool)> = Vec::new();
    let mut next = Some((name.to_owned(), true, Place::file(name)));
    while let Some((name, may_be_own, asked_at)) = next.take() {
        let own = if may_be_own { library.own(&name) } else { None };
        let is_own = own.is_some();
        let Some(source) = own.or_else(|| library.shipped(&name)) else {
            let names = library.names();
            let cure = suggestion(&name, names.iter().map(String::as_str));
            findings.push(Finding::error(asked_at, format!("there is no `{name}`"), cure));
            return Err(findings);
        };
        if seen.contains(&(name.clone(), is_own)) {
            findings.push(Finding::error(asked_at, format!("`{name}` inherits itself"), "break the circle"));
            return Err(findings);
        }
        seen.push((name.clone(), is_own));
        let (document, told) = Document::parse(&source.file, &source.text);
        findings.extend(told);
        next = match document.root.get("inherits") {
            Some(entry) => match &entry.node.value {
                // A file that inherits its own name means the shipped one below it.
                super::Value::Text(base) => Some((base.clone(), !(is_own && *base == name), entry.node.place.clone())),
                _ => {
                    findings.push(Finding::error(
                        entry.node.place.clone(),
                        format!("`inherits` is {}", entry.node.value),
                        "write `inherits = \"default\"`",
                    ));
                    None
                }
            },
            None if is_own && library.shipped(&name).is_some() => Some((name, false, asked_at)),
            None => None,
        };
        found.push(document);
    }
    found.reverse();
    Ok((found, findings))
}

#[cfg(test)]
mod tests {
    use super::{Library, Source, layers};

    struct Shelf(&'static [(&'static str, bool, &'static str)]);

    impl Library for Shelf {
        fn own(&self, name: &str) -> Option<Source> {
            self.find(name, true)
        }
        fn shipped(&self, name: &str) -> Option<Source> {
            self.find(name, false)
        }
        fn names(&self) -> Vec<String> {
            self.0.iter().map(|(name, _, _)| (*name).to_owned()).collect()
        }
    }

    impl Shelf {
        fn find(&self, name: &str, own: bool) -> Option<Source> {
            let (name, _, text) = self.0.iter().find(|(n, o, _)| *n == name && *o == own)?;
            let file = format!("{}{name}", if own { "own/" } else { "" });
            Some(Source { file, text: (*text).to_owned() })
        }
    }

    fn check(shelf: &'static [(&'static str, bool, &'static str)], expected: &str) {
        let told = match layers("vim", &Shelf(shelf)) {
            Ok((documents, _)) => documents.iter().map(|d| d.file.clone()).collect::<Vec<_>>().join(" < "),
            Err(findings) => findings.last().unwrap().to_string(),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn files_lie_over_what_they_inherit() {
        const DEFAULT: (&str, bool, &str) = ("default", false, "");
        const VIM: (&str, bool, &str) = ("vim", false, "inherits = 'default'");
        check(&[DEFAULT, VIM], "default < vim");
        check(&[DEFAULT, VIM, ("vim", true, "")], "default < vim < own/vim");
        check(&[DEFAULT, VIM, ("vim", true, "inherits = 'vim'")], "default < vim < own/vim");
        check(&[DEFAULT, VIM, ("vim", true, "inherits = 'default'")], "default < own/vim");
        check(&[DEFAULT, VIM, ("default", true, "")], "default < own/default < vim");
        check(
            &[("vim", false, "inherits = 'defualt'"), DEFAULT],
            "vim:1:12: error: there is no `defualt`; did you mean `default`?",
        );
        check(
            &[("a", true, "inherits = 'vim'"), ("vim", false, "inherits = 'a'")],
            "own/a:1:12: error: `vim` inherits itself; break the circle",
        );
    }
}
