//! What the name of a file says it is, in the forms of police and prosecution: charges, statements, schedules. Pure.
//!
//! A name is a claim of whoever gave it. It is enough to stop a file on its way out; it proves nothing about a file that came in. Material that
//! the prosecution has disclosed may be used for the proceedings only (Criminal Procedure and Investigations Act 1996 ss.17-18; Criminal Justice and
//! Licensing (Scotland) Act 2010 s.162).

use std::sync::LazyLock;

use regex::Regex;

/// Material of a prosecution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Material {
    /// The form or kind, for instance `MG5`.
    pub form: &'static str,
    /// What it is, in words.
    pub words: &'static str,
    /// It is never meant for the defence: having it is an incident.
    pub withheld: bool,
}

const fn form(form: &'static str, words: &'static str) -> Material {
    Material { form, words, withheld: false }
}

const fn withheld(form: &'static str, words: &'static str) -> Material {
    Material { form, words, withheld: true }
}

/// The forms of the National File Standard, and what else is named in practice. The longer name stands before the one it begins with.
const FORMS: &[Material] = &[
    withheld("MG3A", "further charging advice"),
    withheld("MG3", "charging report and decision"),
    withheld("MG6A", "record of pre-interview briefing"),
    withheld("MG6B", "police officer's misconduct"),
    form("MG6C", "schedule of non-sensitive unused material"),
    withheld("MG6D", "schedule of sensitive unused material"),
    withheld("MG6E", "disclosure officer's report"),
    withheld("MG6", "confidential information"),
    withheld("MG9", "witness list with contact details"),
    withheld("MG10", "witness availability"),
    form("MG11", "witness statement"),
    form("MG12", "exhibit list"),
    form("MG13", "application for orders"),
    form("MG15", "record of interview"),
    form("MG16", "bad character"),
    form("MG18", "offences taken into consideration"),
    form("MG19", "compensation"),
    form("MG20", "further evidence"),
    form("MG21", "forensic submission"),
    form("MG1", "front sheet"),
    form("MG2", "special measures"),
    form("MG4", "charges"),
    form("MG5", "police report"),
    form("MG7", "remand application"),
    form("MG8", "breach of bail"),
    form("IDPC", "initial details of the prosecution case"),
    form("SDC", "streamlined disclosure certificate"),
    form("ROTI", "record of interview"),
    form("ROVI", "record of interview"),
    form("VPS", "victim personal statement"),
    form("PNC", "criminal record"),
    form("SFR", "streamlined forensic report"),
    form("BWV", "body-worn video"),
    form("CCTV", "video"),
    form("DISCLOSURE", "disclosure"),
    form("UNUSED MATERIAL", "unused material"),
    form("WITNESS STATEMENT", "witness statement"),
    form("POLICE SUMMARY", "police summary"),
    form("PREVIOUS CONVICTIONS", "criminal record"),
    form("PRODUCTIONS", "productions"),
];

/// Words in upper case with single spaces, however they were joined: `mg_11-Badger.pdf` is `MG 11 BADGER PDF`.
fn words(name: &str) -> String {
    let spaced: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase()
}

/// `MG 11`, `MG11`, `MG011`, also with a letter.
static MG: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:^|[^A-Z])MG ?0*([0-9]{1,2}) ?([A-F])?(?:[^A-Z0-9]|$)").ok());

/// What a name says it is.
#[must_use]
pub fn of_name(name: &str) -> Option<Material> {
    let words = words(name);
    if let Some(found) = MG.as_ref().and_then(|mg| mg.captures(&words)) {
        let number = found.get(1).map_or("", |m| m.as_str());
        let letter = found.get(2).map_or("", |m| m.as_str());
        let lettered = FORMS.iter().find(|one| one.form == format!("MG{number}{letter}"));
        if let Some(one) = lettered.or_else(|| FORMS.iter().find(|one| one.form == format!("MG{number}"))) {
            return Some(*one);
        }
    }
    let padded = format!(" {words} ");
    FORMS.iter().find(|one| !one.form.starts_with("MG") && padded.contains(&format!(" {} ", one.form))).copied()
}

#[cfg(test)]
mod tests {
    use super::of_name;

    #[test]
    fn forms_are_told_by_their_names() {
        let check = |name: &str, expected: Option<&str>| assert_eq!(of_name(name).map(|m| m.form), expected, "{name}");
        check("MG4 Charges - FERRET.pdf", Some("MG4"));
        check("MG5.pdf", Some("MG5"));
        check("mg_11-P BADGER 20260221.pdf", Some("MG11"));
        check("MG 11 (reverse).pdf", Some("MG11"));
        check("MG6D Otterbourne.pdf", Some("MG6D"));
        check("mg6 c.pdf", Some("MG6C"));
        check("MG15 ROVI FERRET.pdf", Some("MG15"));
        check("PNC FERRET.pdf", Some("PNC"));
        check("IDPC 99ZX0012326 FERRET.pdf", Some("IDPC"));
        check("2026-03-02_IDPC.zip", Some("IDPC"));
        check("witness-statement.docx", Some("WITNESS STATEMENT"));
        check("SMG5 manual.pdf", None);
        check("MG99.pdf", None);
        check("holiday.jpg", None);
        check("sdcard.txt", None);
        check("", None);
    }

    #[test]
    fn what_is_never_meant_for_the_defence_is_marked() {
        for name in ["MG6D.pdf", "MG3 charging.pdf", "MG10.pdf", "MG6.pdf", "mg 06 e.pdf"] {
            assert!(of_name(name).unwrap().withheld, "{name}");
        }
        for name in ["MG6C.pdf", "MG5.pdf", "PNC.pdf"] {
            assert!(!of_name(name).unwrap().withheld, "{name}");
        }
    }
}
