//! How mail to or from an address is carried: by the Criminal Justice Secure eMail service, between government systems, inside the firm,
//! or openly. Pure.
//!
//! Suffixes are compared by whole labels from the right: "ends with gov.uk" would take `evilgov.uk` for a public body. The class speaks of the
//! route that an address implies; it proves nothing about a message that claims to come from it, and never that only the recipient reads it.

use serde::{Deserialize, Serialize};

/// How mail to an address is carried, the best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// By the Criminal Justice Secure eMail service.
    Cjsm,
    /// Between public bodies that demand TLS of each other.
    Gov,
    /// Inside the firm.
    Firm,
    /// Over the open internet.
    #[default]
    Open,
}

impl Class {
    /// The name that scripts and screens show.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cjsm => "cjsm",
            Self::Gov => "gov",
            Self::Firm => "firm",
            Self::Open => "open",
        }
    }

    /// The words for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Cjsm => "carried by CJSM: secure on the way, readable to the gateway",
            Self::Gov => "carried by government mail, which demands TLS",
            Self::Firm => "inside the firm",
            Self::Open => "carried over the open internet",
        }
    }

    /// Anything but the open internet.
    #[must_use]
    pub fn is_secure(self) -> bool {
        self != Self::Open
    }
}

/// The suffix under which CJSM mirrors other domains.
pub const CJSM: &str = "cjsm.net";

/// Suffixes of public bodies that demand TLS of each other, unless a configuration says otherwise.
pub const GOV: &[&str] = &[
    "gov.uk",
    "gov.scot",
    "gov.wales",
    "llyw.cymru",
    "police.uk",
    "nhs.net",
    "mod.uk",
    "parliament.uk",
    "hmcts.net",
    "judiciary.uk",
];

/// Domains that were to be given up for gov.uk, gov.scot and the like; mail to them may go nowhere.
const OBSOLETE: &[&str] = &["gsi.gov.uk", "gse.gov.uk", "gsx.gov.uk", "gcsx.gov.uk", "pnn.police.uk"];

/// Domains at which anybody has an address: never a firm's own, also where somebody of the firm writes from one.
const PUBLIC: &[&str] = &[
    "aol.com",
    "btinternet.com",
    "fastmail.com",
    "gmail.com",
    "gmx.com",
    "googlemail.com",
    "hotmail.co.uk",
    "hotmail.com",
    "icloud.com",
    "live.co.uk",
    "live.com",
    "mac.com",
    "mail.com",
    "me.com",
    "msn.com",
    "ntlworld.com",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "sky.com",
    "talktalk.net",
    "tiscali.co.uk",
    "virginmedia.com",
    "yahoo.co.uk",
    "yahoo.com",
];

/// Whether anybody has an address at a domain.
#[must_use]
pub fn is_public(domain: &str) -> bool {
    let domain = domain.trim_end_matches('.').to_lowercase();
    PUBLIC.iter().any(|public| ends_with_labels(&domain, public))
}

/// The lists of suffixes by class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes {
    cjsm: Vec<String>,
    gov: Vec<String>,
    firm: Vec<String>,
    /// Organisations whose CJSM domain is not "their domain + cjsm.net": CJSM domain, their domain.
    twins: Vec<(String, String)>,
    /// authserv-ids of the firm's own servers (RFC 8601 §2.5).
    servers: Vec<String>,
}

impl Default for Classes {
    /// The suffixes known to be carried securely; no domain of a firm.
    fn default() -> Self {
        let list = |suffixes: &[&str]| suffixes.iter().map(|s| (*s).to_owned()).collect();
        Self { cjsm: list(&[CJSM]), gov: list(GOV), firm: Vec::new(), twins: Vec::new(), servers: Vec::new() }
    }
}

impl Classes {
    /// The given suffixes, instead of the standard ones.
    #[must_use]
    pub fn new(cjsm: &[String], gov: &[String], firm: &[String]) -> Self {
        let clean = |list: &[String]| {
            list.iter().map(|s| s.trim().trim_matches('.').to_lowercase()).filter(|s| !s.is_empty()).collect()
        };
        Self { cjsm: clean(cjsm), gov: clean(gov), firm: clean(firm), twins: Vec::new(), servers: Vec::new() }
    }

    /// Adds suffixes to the standard ones.
    #[must_use]
    pub fn with(mut self, cjsm: &[String], gov: &[String], firm: &[String]) -> Self {
        let more = Self::new(cjsm, gov, firm);
        self.cjsm.extend(more.cjsm);
        self.gov.extend(more.gov);
        self.firm.extend(more.firm);
        self
    }

    /// Adds an organisation whose CJSM domain differs from "its domain + cjsm.net".
    #[must_use]
    pub fn with_twin(mut self, cjsm_domain: &str, domain: &str) -> Self {
        self.twins.push((cjsm_domain.to_lowercase(), domain.to_lowercase()));
        self
    }

    /// Believes what these servers say of a sender's domain: their authserv-ids.
    #[must_use]
    pub fn with_servers(mut self, ids: &[String]) -> Self {
        self.servers.extend(ids.iter().map(|id| id.trim().trim_end_matches('.').to_lowercase()));
        self
    }

    /// The servers that are believed.
    #[must_use]
    pub fn servers(&self) -> &[String] {
        &self.servers
    }

    /// The class of an address as written.
    #[must_use]
    pub fn class(&self, addr: &str) -> Class {
        let domain = domain_of(addr);
        let any = |list: &[String]| list.iter().any(|suffix| ends_with_labels(&domain, suffix));
        if any(&self.cjsm) {
            Class::Cjsm
        } else if any(&self.gov) {
            Class::Gov
        } else if any(&self.firm) {
            Class::Firm
        } else {
            Class::Open
        }
    }

    /// One form for one person: lower case, the CJSM twin folded into the real address. Both forms reach the same person; only the route
    /// differs, so the class is always asked of the address as written.
    #[must_use]
    pub fn canonical(&self, addr: &str) -> String {
        let lower = addr.trim().to_lowercase();
        let Some((local, domain)) = lower.rsplit_once('@') else { return lower };
        let domain = domain.trim_end_matches('.');
        if let Some((_, real)) = self.twins.iter().find(|(twin, _)| twin == domain) {
            return format!("{local}@{real}");
        }
        match domain.strip_suffix(&format!(".{CJSM}")) {
            // `user@firm.cjsm.net` is a hosted mailbox: without a dot there is no real domain to fold into.
            Some(real) if real.contains('.') => format!("{local}@{real}"),
            _ => format!("{local}@{domain}"),
        }
    }

    /// The CJSM form of an address that is not one yet.
    #[must_use]
    pub fn twin(&self, addr: &str) -> Option<String> {
        let canonical = self.canonical(addr);
        let (local, domain) = canonical.rsplit_once('@')?;
        if self.class(addr) == Class::Cjsm || domain.is_empty() {
            return None;
        }
        let exception = self.twins.iter().find(|(_, real)| real == domain).map(|(twin, _)| twin.clone());
        Some(format!("{local}@{}", exception.unwrap_or_else(|| format!("{domain}.{CJSM}"))))
    }

    /// Every suffix that is carried securely.
    pub fn secure_suffixes(&self) -> impl Iterator<Item = &str> {
        self.cjsm.iter().chain(&self.gov).chain(&self.firm).map(String::as_str)
    }

    /// Whether the address belongs to a family of domains that was to be given up.
    #[must_use]
    pub fn is_obsolete(&self, addr: &str) -> bool {
        let domain = domain_of(addr);
        OBSOLETE.iter().any(|suffix| ends_with_labels(&domain, suffix))
    }
}

/// The domain in lower case, without a final dot; empty where there is none, or where no mail server would take the address for one of it:
/// what stands in a field of a foreign message may be anything.
fn domain_of(addr: &str) -> String {
    let Some((local, domain)) = addr.trim().rsplit_once('@') else { return String::new() };
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    let is_label = |label: &str| {
        let plain = label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
        plain && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_address =
        !local.is_empty() && (quoted || !local.contains(['@', ' ', '<', '>', ','])) && domain.split('.').all(is_label);
    if is_address { domain.to_lowercase() } else { String::new() }
}

fn ends_with_labels(domain: &str, suffix: &str) -> bool {
    domain.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::{Class, Classes};

    fn classes() -> Classes {
        let list = |s: &[&str]| s.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        Classes::default().with(&[], &list(&["gov.example", "police.example"]), &list(&["quillpounce.example"]))
    }

    #[test]
    fn classes_by_whole_labels() {
        let check = |addr, class| assert_eq!(classes().class(addr), class, "{addr}");
        check("b.quill@quillpounce.example.cjsm.net", Class::Cjsm);
        check("b.quill@quillpounce.cjsm.net", Class::Cjsm);
        check("GM.crime@CJSM.NET.", Class::Cjsm);
        check("ambleford.mags@cps.gov.example", Class::Gov);
        check("z@cps.gov.uk", Class::Gov);
        check("z@gov.uk", Class::Gov);
        check("pip.marlow@mudshire.police.example", Class::Gov);
        check("b.quill@quillpounce.example", Class::Firm);
        check("barnaby.ferret@mailbox.example", Class::Open);
        // Look-alikes.
        check("x@evilgov.uk", Class::Open);
        check("x@evilgov.example", Class::Open);
        check("y@gov.example.attacker.example", Class::Open);
        check("y@gov.uk.attacker.example", Class::Open);
        check("y@notcjsm.net", Class::Open);
        check("y@cjsm.net.example", Class::Open);
        check("cps.gov.uk", Class::Open);
        check("a@cps.gov.uk@attacker.example", Class::Open);
        check("a@attacker.example@cps.gov.uk", Class::Open);
        check("\"a@attacker.example\"@cps.gov.uk", Class::Gov);
        check("\"a@cps.gov.uk\"@attacker.example", Class::Open);
        check("a@attacker.example/.gov.uk", Class::Open);
        check("a@attacker.example\u{2024}.gov.uk", Class::Open);
        check("a@attacker.example .gov.uk", Class::Open);
        check("a@attacker..gov.uk", Class::Open);
        check("a@.gov.uk", Class::Open);
        check("a@-.gov.uk", Class::Open);
        check("a@[192.0.2.1].gov.uk", Class::Open);
        check("a@cps.gov.uk\u{200b}", Class::Open);
        check("a@cps\u{3002}gov\u{3002}uk", Class::Open);
        check("a@cps.g\u{43e}v.uk", Class::Open);
        check("a@cps.xn--gv-fmc.uk", Class::Open);
        check("a@cps.gov.uk%attacker.example", Class::Open);
        check("@cps.gov.uk", Class::Open);
        check("", Class::Open);
    }

    #[test]
    fn one_person_has_one_canonical_address() {
        let check = |addr, expected| assert_eq!(classes().canonical(addr), expected, "{addr}");
        check("B.Quill@QuillPounce.example.cjsm.net", "b.quill@quillpounce.example");
        check("b.quill@quillpounce.example", "b.quill@quillpounce.example");
        check("b.quill@quillpounce.cjsm.net", "b.quill@quillpounce.cjsm.net");
        check("x@a.example.cjsm.net.cjsm.net", "x@a.example.cjsm.net");
        check("no address", "no address");
        let classes = classes().with_twin("qp.cjsm.net", "quillpounce.example");
        assert_eq!(classes.canonical("b.quill@qp.cjsm.net"), "b.quill@quillpounce.example");
        assert_eq!(classes.twin("b.quill@quillpounce.example").as_deref(), Some("b.quill@qp.cjsm.net"));
    }

    #[test]
    fn twins_are_offered_only_where_there_is_one() {
        let check = |addr, expected: Option<&str>| assert_eq!(classes().twin(addr).as_deref(), expected, "{addr}");
        check("agent@wrenandco.example", Some("agent@wrenandco.example.cjsm.net"));
        check("agent@wrenandco.example.cjsm.net", None);
        check("nobody", None);
    }

    #[test]
    fn where_anybody_has_an_address_nobody_is_of_the_firm() {
        assert!(super::is_public("gmail.com") && super::is_public("GMAIL.com.") && super::is_public("x.yahoo.co.uk"));
        assert!(!super::is_public("quillpounce.example") && !super::is_public("notgmail.com"));
    }

    #[test]
    fn obsolete_families_are_told() {
        for addr in ["a@cps.gsi.gov.uk", "a@force.pnn.police.uk", "a@council.gcsx.gov.uk"] {
            assert!(classes().is_obsolete(addr), "{addr}");
        }
        for addr in ["a@cps.gov.uk", "a@force.police.uk", "a@notgsi.gov.uk"] {
            assert!(!classes().is_obsolete(addr), "{addr}");
        }
    }
}
