//! `keymap` and `theme`: `list | show | check`. They need no profile, only the directory with a person's own files.

use std::path::Path;

use serde::Serialize;

use super::args::Named;
use super::exit::{Exit, Failure, Outcome};
use super::output::Output;
use crate::action::Context;
use crate::config::files;
use crate::keymap::{self, Keymap};
use crate::settings::finding::{Finding, Severity};
use crate::theme::{self, Scope, Theme};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `keymaps/*.toml`.
    Keymap,
    /// `themes/*.toml`.
    Theme,
}

impl Kind {
    const fn folder(self) -> &'static str {
        match self {
            Self::Keymap => "keymaps",
            Self::Theme => "themes",
        }
    }

    const fn shipped(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Keymap => keymap::SHIPPED,
            Self::Theme => theme::SHIPPED,
        }
    }
}

/// A finding for scripts.
#[derive(Serialize)]
pub(super) struct Line {
    severity: &'static str,
    place: String,
    what: String,
    cure: String,
}

impl Line {
    /// One of another source than a settings file.
    pub(super) fn new(severity: Severity, place: impl ToString, what: impl ToString, cure: impl ToString) -> Self {
        Self { severity: severity.name(), place: place.to_string(), what: what.to_string(), cure: cure.to_string() }
    }

    /// Whether another says the same of the same place.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.place, &self.what) == (&other.place, &other.what)
    }

    /// Whether it is about this file.
    pub(super) fn is_at(&self, place: &Path) -> bool {
        self.place == place.display().to_string()
    }

    pub(super) fn is_error(&self) -> bool {
        self.severity == Severity::Error.name()
    }
}

impl From<Finding> for Line {
    fn from(finding: Finding) -> Self {
        Self::new(finding.severity, finding.place, finding.what, finding.cure)
    }
}

/// A login that was tried and made, for scripts.
#[derive(Serialize)]
pub(super) struct Login {
    /// The account's name.
    pub(super) account: String,
    /// `imap` or `smtp`.
    pub(super) service: &'static str,
    /// `SCRAM-SHA-256-PLUS`.
    pub(super) mechanism: &'static str,
    /// `tls-exporter`, where it was bound to the TLS channel.
    pub(super) bound: Option<&'static str>,
}

#[derive(Serialize)]
struct Findings {
    schema: &'static str,
    findings: Vec<Line>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logins: Vec<Login>,
}

/// Writes findings; an error among them makes the code that of a configuration.
pub(super) fn findings(output: &mut Output<'_>, found: Vec<Line>) -> Outcome {
    findings_and_logins(output, found, Vec::new())
}

/// As [`findings`], with the logins that were made.
pub(super) fn findings_and_logins(output: &mut Output<'_>, found: Vec<Line>, logins: Vec<Login>) -> Outcome {
    let bad = found.iter().any(Line::is_error);
    if output.json() {
        output.document(&Findings { schema: "casemail.findings/1", findings: found, logins })?;
    } else {
        for one in &found {
            let cure = if one.cure.is_empty() { String::new() } else { format!(" ({})", one.cure) };
            output.line(&format!("{}: {}: {}{cure}", one.place, one.severity, one.what))?;
        }
        if found.is_empty() {
            output.line("nothing to complain of")?;
        }
    }
    Ok(if bad { Exit::Config } else { Exit::Done })
}

/// All names: the shipped ones and the person's own.
fn names(kind: Kind, config: Option<&Path>) -> Vec<String> {
    let mut names: Vec<String> = kind.shipped().iter().map(|(name, _)| (*name).to_owned()).collect();
    names.extend(config.map(|dir| files::own_names(dir, kind.folder())).unwrap_or_default());
    names.sort();
    names.dedup();
    names
}

/// What is wrong with a keymap or theme.
pub(super) fn check(kind: Kind, name: &str, config: Option<&Path>) -> Vec<Line> {
    let own = |name: &str| config.and_then(|dir| files::own(dir, kind.folder(), name));
    let found = match kind {
        Kind::Keymap => Keymap::load(name, &own).map_or_else(|found| found, |(_, found)| found),
        Kind::Theme => Theme::load(name, &own).map_or_else(|found| found, |(_, found)| found),
    };
    found.into_iter().map(Line::from).collect()
}

/// What is wrong with all of them.
pub(super) fn check_all(kind: Kind, config: Option<&Path>) -> Vec<Line> {
    names(kind, config).iter().flat_map(|name| check(kind, name, config)).collect()
}

#[derive(Serialize)]
struct Listing<'a> {
    schema: &'static str,
    names: &'a [String],
    current: &'a str,
}

/// `current`: the one that the configuration names.
pub(super) fn run(
    output: &mut Output<'_>,
    kind: Kind,
    command: &Named,
    config: Option<&Path>,
    current: &str,
) -> Outcome {
    match command {
        Named::List => {
            let names = names(kind, config);
            if output.json() {
                let schema = if kind == Kind::Keymap { "casemail.keymaps/1" } else { "casemail.themes/1" };
                output.document(&Listing { schema, names: &names, current })?;
            } else {
                for name in &names {
                    output.line(&format!("{} {name}", if name == current { '*' } else { ' ' }))?;
                }
            }
            Ok(Exit::Done)
        }
        Named::Show { name } => {
            let name = name.as_deref().unwrap_or(current);
            let own = |name: &str| config.and_then(|dir| files::own(dir, kind.folder(), name));
            match kind {
                Kind::Keymap => show_keymap(output, Keymap::load(name, &own).map_err(refused)?.0),
                Kind::Theme => show_theme(output, &Theme::load(name, &own).map_err(refused)?.0),
            }
        }
        Named::Check { name: Some(name) } => findings(output, check(kind, name, config)),
        Named::Check { name: None } => findings(output, check_all(kind, config)),
    }
}

fn refused(found: Vec<Finding>) -> Failure {
    let words: Vec<String> = found.into_iter().map(|one| format!("{}: {} {}", one.place, one.what, one.cure)).collect();
    Failure::new(Exit::Config, words.join("\n"))
}

#[derive(Serialize)]
struct KeymapDocument {
    schema: &'static str,
    name: String,
    bindings: Vec<BindingLine>,
}

#[derive(Serialize)]
struct BindingLine {
    context: String,
    keys: String,
    actions: Vec<&'static str>,
    doc: &'static str,
}

fn show_keymap(output: &mut Output<'_>, keymap: Keymap) -> Outcome {
    let mut bindings = Vec::new();
    for context in Context::ALL {
        // Inherited bindings are listed where they are written.
        for binding in keymap.bindings(context).iter().filter(|binding| binding.context == context) {
            bindings.push(BindingLine {
                context: context.name().to_owned(),
                keys: binding.keys.clone(),
                actions: binding.actions.iter().map(|action| action.name()).collect(),
                doc: binding.actions.first().map(|action| action.doc()).unwrap_or_default(),
            });
        }
    }
    if output.json() {
        output.document(&KeymapDocument { schema: "casemail.keymap/1", name: keymap.name, bindings })?;
    } else {
        let cells =
            |one: &BindingLine| vec![one.context.clone(), one.keys.clone(), one.actions.join(", "), one.doc.to_owned()];
        let rows: Vec<Vec<String>> = bindings.iter().map(cells).collect();
        output.table(&rows)?;
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct ThemeDocument {
    schema: &'static str,
    name: String,
    scopes: Vec<ScopeLine>,
}

#[derive(Serialize)]
struct ScopeLine {
    scope: &'static str,
    style: String,
    doc: &'static str,
}

fn show_theme(output: &mut Output<'_>, theme: &Theme) -> Outcome {
    let style = |scope: Scope| {
        let style = theme.style(scope);
        let mut words = Vec::new();
        words.extend(style.fg.map(|colour| format!("fg {colour}")));
        words.extend(style.bg.map(|colour| format!("bg {colour}")));
        if !style.add_modifier.is_empty() {
            words.push(format!("{:?}", style.add_modifier).to_lowercase().replace(" | ", " "));
        }
        words.join(", ")
    };
    let line = |scope: &Scope| ScopeLine { scope: scope.name(), style: style(*scope), doc: scope.doc() };
    let scopes: Vec<ScopeLine> = Scope::ALL.iter().map(line).collect();
    if output.json() {
        output.document(&ThemeDocument { schema: "casemail.theme/1", name: theme.name.clone(), scopes })?;
    } else {
        let cells = |one: &ScopeLine| vec![one.scope.to_owned(), one.style.clone(), one.doc.to_owned()];
        let rows: Vec<Vec<String>> = scopes.iter().map(cells).collect();
        output.table(&rows)?;
    }
    Ok(Exit::Done)
}

/// Whether there is one of that name.
pub(super) fn is_known(kind: Kind, name: &str, config: Option<&Path>) -> bool {
    names(kind, config).iter().any(|known| known == name)
}
