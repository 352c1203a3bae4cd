//! `[openpgp]`: what is done to mail that goes out, by the class of the recipient, and for some domains and addresses otherwise.
//!
//! Nothing is encrypted to justice gateways unless somebody says so: their scanners cannot read it, and may hold it back or throw it away. A
//! recipient's own rule wins over the one of the domain, the longer domain over the shorter, and any of them over the class.

use jiff::SignedDuration;

use super::read::{refuse_misplaced, suffix};
use crate::case::Class;
use crate::mail::address::Address;
use crate::pgp::verdict::TOLERANCE;
use crate::settings::finding::Finding;
use crate::settings::{Fields, nearest};

/// Whether mail to somebody is encrypted where the draft does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encrypt {
    /// It is not.
    Never,
    /// It is, where an accepted certificate can be used.
    WhenPossible,
    /// It is, or it is not sent.
    Required,
}

/// What the Subject outside of the encryption says. The most hiding first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OuterSubject {
    /// `[...]` (RFC 9788 §3.2.1).
    Hidden,
    /// The numbers of cases in it, then `[...]`: what an office sorts its mail by.
    CaseNumbers,
    /// The subject.
    Keep,
}

/// A message to some recipients who can be encrypted to and some who are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mixed {
    /// It is not sent.
    Refuse,
    /// Two messages, if everybody in clear is reached by a secure route; else it is not sent.
    SplitSecure,
    /// Two messages.
    Split,
}

/// A value of a key that takes one of a few words.
trait Word: Copy + PartialEq + 'static {
    /// All of them, with their names in the file.
    const ALL: &'static [(Self, &'static str)];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(one, _)| *one == self).map_or("", |(_, name)| name)
    }
}

impl Word for Encrypt {
    const ALL: &'static [(Self, &'static str)] =
        &[(Self::Never, "never"), (Self::WhenPossible, "when-possible"), (Self::Required, "required")];
}

impl Word for OuterSubject {
    const ALL: &'static [(Self, &'static str)] =
        &[(Self::Hidden, "hidden"), (Self::CaseNumbers, "case-numbers"), (Self::Keep, "keep")];
}

impl Word for Mixed {
    const ALL: &'static [(Self, &'static str)] =
        &[(Self::Refuse, "refuse"), (Self::SplitSecure, "split-secure"), (Self::Split, "split")];
}

/// What is done to mail to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Treatment {
    /// Whether it is encrypted.
    pub encrypt: Encrypt,
    /// Whether what goes in clear is signed.
    pub sign: bool,
    /// What stands outside.
    pub subject: OuterSubject,
    /// Whether one's own key goes along in an Autocrypt field.
    pub autocrypt: bool,
}

/// Gateways of the justice system.
const GATEWAY: Treatment =
    Treatment { encrypt: Encrypt::Never, sign: false, subject: OuterSubject::CaseNumbers, autocrypt: false };
/// Everybody else.
const PEER: Treatment =
    Treatment { encrypt: Encrypt::WhenPossible, sign: false, subject: OuterSubject::Hidden, autocrypt: true };

/// Another treatment for some domains and addresses; what is not said is as for the class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Domain suffixes and addresses, lower-case.
    pub of: Vec<String>,
    /// Whether it is encrypted.
    pub encrypt: Option<Encrypt>,
    /// Whether what goes in clear is signed.
    pub sign: Option<bool>,
    /// What stands outside.
    pub subject: Option<OuterSubject>,
    /// Whether one's own key goes along in an Autocrypt field.
    pub autocrypt: Option<bool>,
}

/// The key of [`OpenPgp::tolerance`].
const TOLERANCE_KEY: &str = "signature_time_minutes";
/// More than a day would let yesterday's message be sent again under today's date.
const TOLERANCE_MINUTES_MAX: i64 = 24 * 60;

/// The section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPgp {
    /// By the CJSM gateway.
    pub cjsm: Treatment,
    /// To government domains.
    pub gov: Treatment,
    /// Within the firm.
    pub firm: Treatment,
    /// Over the open internet.
    pub open: Treatment,
    /// A message to some who are encrypted to and some who are not.
    pub mixed: Mixed,
    /// The subject is repeated in the encrypted text, for programs that cannot read protected header fields (RFC 9788 §2.1.2).
    pub legacy_display: bool,
    /// How far a signature's time may be from the Date of its message, for it to be good.
    pub tolerance: SignedDuration,
    /// Domains and addresses that are treated otherwise.
    pub exceptions: Vec<Exception>,
}

impl Default for OpenPgp {
    fn default() -> Self {
        Self {
            cjsm: GATEWAY,
            gov: GATEWAY,
            firm: PEER,
            open: PEER,
            mixed: Mixed::SplitSecure,
            legacy_display: true,
            tolerance: TOLERANCE,
            exceptions: Vec::new(),
        }
    }
}

impl OpenPgp {
    /// What is done to mail to an address, and which line of the file says so about encryption, in its own words.
    #[must_use]
    pub fn treatment(&self, addr: &str, class: Class) -> (Treatment, String) {
        let mut treatment = *self.of_class(class);
        let mut because = format!("[openpgp] {}", class.name());
        let addr = addr.trim().to_lowercase();
        let domain = addr.rsplit_once('@').map_or("", |(_, domain)| domain).trim_end_matches('.');
        // The weakest claim first, so that stronger ones overwrite it.
        let mut fitting: Vec<(usize, &String, &Exception)> = Vec::new();
        for exception in &self.exceptions {
            for of in &exception.of {
                let labels = of.split('.').count();
                if of.contains('@') && *of == addr {
                    fitting.push((usize::MAX, of, exception));
                } else if domain.strip_suffix(of.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')) {
                    fitting.push((labels, of, exception));
                }
            }
        }
        fitting.sort_by_key(|(weight, _, _)| *weight);
        for (_, of, exception) in fitting {
            if let Some(encrypt) = exception.encrypt {
                treatment.encrypt = encrypt;
                because = format!("[[openpgp.exception]] for {of}");
            }
            treatment.sign = exception.sign.unwrap_or(treatment.sign);
            treatment.subject = exception.subject.unwrap_or(treatment.subject);
            treatment.autocrypt = exception.autocrypt.unwrap_or(treatment.autocrypt);
        }
        (treatment, because)
    }

    fn of_class(&self, class: Class) -> &Treatment {
        match class {
            Class::Cjsm => &self.cjsm,
            Class::Gov => &self.gov,
            Class::Firm => &self.firm,
            Class::Open => &self.open,
        }
    }
}

/// Reads the section.
pub(super) fn read(top: &mut Fields<'_>) -> OpenPgp {
    let defaults = OpenPgp::default();
    let Some(mut fields) = top.table("openpgp") else { return defaults };
    refuse_misplaced(&mut fields);
    let openpgp = OpenPgp {
        cjsm: treatment(&mut fields, "cjsm", defaults.cjsm),
        gov: treatment(&mut fields, "gov", defaults.gov),
        firm: treatment(&mut fields, "firm", defaults.firm),
        open: treatment(&mut fields, "open", defaults.open),
        mixed: word(&mut fields, "mixed").unwrap_or(defaults.mixed),
        legacy_display: fields.boolean("legacy_display", defaults.legacy_display),
        tolerance: SignedDuration::from_mins(fields.integer(
            TOLERANCE_KEY,
            1..=TOLERANCE_MINUTES_MAX,
            TOLERANCE.as_mins(),
        )),
        exceptions: exceptions(&mut fields),
    };
    top.adopt(fields.end());
    openpgp
}

fn treatment(fields: &mut Fields<'_>, class: &'static str, default: Treatment) -> Treatment {
    let Some(mut inner) = fields.table(class) else { return default };
    let treatment = Treatment {
        encrypt: word(&mut inner, "encrypt").unwrap_or(default.encrypt),
        sign: inner.boolean("sign", default.sign),
        subject: word(&mut inner, "subject").unwrap_or(default.subject),
        autocrypt: inner.boolean("autocrypt", default.autocrypt),
    };
    fields.adopt(inner.end());
    treatment
}

fn exceptions(fields: &mut Fields<'_>) -> Vec<Exception> {
    let mut exceptions: Vec<Exception> = Vec::new();
    for mut inner in fields.tables("exception") {
        let mut of: Vec<String> = Vec::new();
        let written = inner.texts("for");
        let place = if written.is_none() { inner.place().clone() } else { inner.place_of("for") };
        let mut wrong = false;
        for (place, text) in written.unwrap_or_default() {
            let one = if text.contains('@') {
                Address::parse(&text).ok().map(|address| address.addr.to_lowercase())
            } else {
                suffix(&text)
            };
            let Some(one) = one else {
                wrong = true;
                inner.note(Finding::error(
                    place,
                    format!("`{text}` is neither a domain nor an address"),
                    "write for instance \"foxglove.example\" (it stands for every domain that ends in it) or \"r.vellum@foxglove.example\"",
                ));
                continue;
            };
            if of.contains(&one) || exceptions.iter().any(|other| other.of.contains(&one)) {
                wrong = true;
                inner.note(Finding::error(place, format!("`{one}` has an exception already"), "keep one of the two"));
            } else {
                of.push(one);
            }
        }
        if of.is_empty() && !wrong {
            let cure = "write for instance `for = [\"foxglove.example\"]`";
            inner.note(Finding::error(place, "an exception needs `for`", cure));
        }
        let flag =
            |inner: &mut Fields<'_>, key: &'static str| inner.entry(key).is_some().then(|| inner.boolean(key, false));
        let exception = Exception {
            of,
            encrypt: word(&mut inner, "encrypt"),
            sign: flag(&mut inner, "sign"),
            subject: word(&mut inner, "subject"),
            autocrypt: flag(&mut inner, "autocrypt"),
        };
        fields.adopt(inner.end());
        exceptions.push(exception);
    }
    exceptions
}

/// One of a few words; a mistyped one is told with the nearest.
fn word<T: Word>(fields: &mut Fields<'_>, key: &'static str) -> Option<T> {
    let text = fields.text(key)?;
    let found = T::ALL.iter().find(|(_, name)| *name == text.to_lowercase());
    if found.is_none() {
        let names: Vec<&str> = T::ALL.iter().map(|(_, name)| *name).collect();
        let cure = match nearest(&text, names.iter().copied()) {
            Some(name) => format!("did you mean \"{name}\"? It is one of \"{}\"", names.join("\", \"")),
            None => format!("write one of \"{}\"", names.join("\", \"")),
        };
        let place = fields.place_of(key);
        fields.note(Finding::error(place, format!("`{key}` knows no `{text}`"), cure));
    }
    found.map(|(value, _)| *value)
}

/// Writes what differs from the defaults.
pub(super) fn write(openpgp: &OpenPgp) -> String {
    let defaults = OpenPgp::default();
    if *openpgp == defaults {
        return String::new();
    }
    let mut out = String::from("\n[openpgp]\n");
    if openpgp.mixed != defaults.mixed {
        out.push_str(&format!("mixed = \"{}\"\n", openpgp.mixed.name()));
    }
    if openpgp.legacy_display != defaults.legacy_display {
        out.push_str(&format!("legacy_display = {}\n", openpgp.legacy_display));
    }
    if openpgp.tolerance != defaults.tolerance {
        out.push_str(&format!("{TOLERANCE_KEY} = {}\n", openpgp.tolerance.as_mins()));
    }
    for (key, one, default) in [
        ("cjsm", openpgp.cjsm, defaults.cjsm),
        ("gov", openpgp.gov, defaults.gov),
        ("firm", openpgp.firm, defaults.firm),
        ("open", openpgp.open, defaults.open),
    ] {
        if one != default {
            out.push_str(&format!(
                "{key} = {{ encrypt = \"{}\", sign = {}, subject = \"{}\", autocrypt = {} }}\n",
                one.encrypt.name(),
                one.sign,
                one.subject.name(),
                one.autocrypt
            ));
        }
    }
    for exception in &openpgp.exceptions {
        out.push_str("\n[[openpgp.exception]]\n");
        out.push_str(&format!("for = [\"{}\"]\n", exception.of.join("\", \"")));
        let lines = [
            exception.encrypt.map(|one| format!("encrypt = \"{}\"", one.name())),
            exception.sign.map(|one| format!("sign = {one}")),
            exception.subject.map(|one| format!("subject = \"{}\"", one.name())),
            exception.autocrypt.map(|one| format!("autocrypt = {one}")),
        ];
        for line in lines.into_iter().flatten() {
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::{Encrypt, Mixed, OuterSubject};
    use crate::case::Class;
    use crate::config::Config;

    const SECTION: &str = "[openpgp]\nmixed = 'refuse'\nlegacy_display = false\nsignature_time_minutes = 5\ngov = { encrypt = 'when-possible' }\n\
         [[openpgp.exception]]\nfor = ['Foxglove.example', 'h.lintwhite@copfs.gov.example']\nencrypt = 'required'\nsubject = 'keep'\n\
         [[openpgp.exception]]\nfor = ['*.clerks.foxglove.example']\nencrypt = 'never'\nautocrypt = false\nsign = true\n";

    fn told(section: &str) -> Vec<String> {
        let (Ok((_, found)) | Err(found)) = Config::parse(section, "config.toml");
        let account = "there is no account";
        found.iter().map(ToString::to_string).filter(|one| !one.contains(account)).collect()
    }

    #[test]
    fn the_nearest_rule_wins() {
        let config = Config::parse(SECTION, "config.toml").unwrap().0.openpgp;
        assert_eq!((config.mixed, config.legacy_display), (Mixed::Refuse, false));
        assert_eq!(config.tolerance, SignedDuration::from_mins(5));
        let check = |addr: &str, class, encrypt, subject, because: &str| {
            let (found, why) = config.treatment(addr, class);
            assert_eq!((found.encrypt, found.subject, why.as_str()), (encrypt, subject, because), "{addr}");
        };
        let (hidden, numbers, keep) = (OuterSubject::Hidden, OuterSubject::CaseNumbers, OuterSubject::Keep);
        check("x@a.cjsm.net", Class::Cjsm, Encrypt::Never, numbers, "[openpgp] cjsm");
        check("x@cps.gov.example", Class::Gov, Encrypt::WhenPossible, numbers, "[openpgp] gov");
        check("x@mailbox.example", Class::Open, Encrypt::WhenPossible, hidden, "[openpgp] open");
        check(
            "R.Vellum@FOXGLOVE.example",
            Class::Open,
            Encrypt::Required,
            keep,
            "[[openpgp.exception]] for foxglove.example",
        );
        check("x@notfoxglove.example", Class::Open, Encrypt::WhenPossible, hidden, "[openpgp] open");
        check(
            "x@clerks.foxglove.example",
            Class::Open,
            Encrypt::Never,
            keep,
            "[[openpgp.exception]] for clerks.foxglove.example",
        );
        let lintwhite = "h.lintwhite@copfs.gov.example";
        let because = format!("[[openpgp.exception]] for {lintwhite}");
        check(lintwhite, Class::Gov, Encrypt::Required, keep, &because);
        let clerks = config.treatment("x@clerks.foxglove.example", Class::Open).0;
        assert!(clerks.sign && !clerks.autocrypt);
    }

    #[test]
    fn what_is_written_reads_back() {
        let config = Config::parse(SECTION, "config.toml").unwrap().0;
        let (again, _) = Config::parse(&config.render(), "config.toml").unwrap();
        assert_eq!(again.openpgp, config.openpgp, "{}", config.render());
        assert!(!Config::default().render().contains("openpgp"));
    }

    #[test]
    fn mistakes_are_told_with_their_place_and_a_cure() {
        let check = |section: &str, line: usize, words: &[&str]| {
            let told = told(section);
            assert_eq!(told.len(), 1, "{told:#?}");
            assert!(told[0].starts_with(&format!("config.toml:{line}:")), "{told:?}");
            assert!(words.iter().all(|one| told[0].contains(one)), "{told:?}");
        };
        check("[openpgp]\nmixed = 'splt'\n", 2, &["`mixed` knows no `splt`", "did you mean \"split\"?"]);
        check("[openpgp]\nsignature_time_minutes = 0\n", 2, &["out of range", "from 1 to 1440"]);
        check("[openpgp]\ngov = { encrypt = 'always' }\n", 2, &["`encrypt` knows no `always`", "when-possible"]);
        check("[openpgp]\ngov = { encrpyt = 'never' }\n", 2, &["unknown key `encrpyt`", "encrypt"]);
        check("[openpgp]\ngov = 'never'\n", 2, &["`gov` is"]);
        check("[openpgp]\npolice = { encrypt = 'never' }\n", 2, &["unknown key `police`"]);
        check("[[openpgp.exception]]\nencrypt = 'never'\n", 1, &["an exception needs `for`"]);
        check("[[openpgp.exception]]\nfor = ['no domain']\n", 2, &["neither a domain nor an address"]);
        check(
            "[[openpgp.exception]]\nfor = ['a.example']\n[[openpgp.exception]]\nfor = ['A.example']\n",
            4,
            &["`a.example` has an exception already"],
        );
        check("[openpgp.exception]\nfor = ['a.example']\n", 1, &["[[exception]]"]);
        check("[openpgp]\nkeymap = 'vim'\n", 2, &["`keymap` does not belong to this section"]);
    }
}
