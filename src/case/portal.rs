//! Notices of portals: material that is shared by a link and not sent. The link is found and shown; nothing ever follows it. Pure.
//!
//! The Crown's disclosure in Scotland (Defence Agent Service), Common Platform and the police's evidence portals send mail that only says that
//! something is there. What a link says of itself is a claim of whoever wrote the mail: the rules look at the host that it leads to, never at
//! the words around it. The rules are data: `portal/rules.toml`, and `[[portal]]` of the configuration before it.

use std::sync::{Arc, LazyLock};

use crate::settings::finding::{Finding, Place};
use crate::settings::{Document as Toml, Fields};

/// The rules that come with the program.
const BUILT_IN: &str = include_str!("portal/rules.toml");
/// Links of one message that are looked at.
const LINKS_MAX: usize = 200;
/// Links of one message that are kept.
const KEPT_MAX: usize = 20;
/// Bytes of a link.
const LINK_MAX: usize = 2_000;

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What people call the portal.
    pub name: String,
    /// Hosts, and all below them.
    pub hosts: Vec<String>,
    /// Hosts that are none of it all the same: the operator's own site for everybody.
    pub except: Vec<String>,
    /// What must stand in a link behind its host, one of it; empty: anything.
    pub paths: Vec<String>,
    /// Domains of the author, and all below them; empty: any.
    pub from: Vec<String>,
    /// Words of the subject, one of which must stand in it; empty: any.
    pub subject: Vec<String>,
}

/// The rules, in the order in which they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portals {
    rules: Arc<[Rule]>,
    own: usize,
}

/// Something that is shared by a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// What people call the portal.
    pub portal: String,
    /// The link as it stood there: foreign text.
    pub link: String,
}

static SHIPPED: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let (document, _) = Toml::parse("rules.toml", BUILT_IN);
    read_rules(&mut Fields::new(&document.root, Place::file("rules.toml")))
});

impl Default for Portals {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Portals {
    /// The shipped rules behind those of the configuration.
    #[must_use]
    pub fn new(own: Vec<Rule>) -> Self {
        let count = own.len();
        Self { rules: own.into_iter().chain(SHIPPED.iter().cloned()).collect(), own: count }
    }

    /// The rules of the configuration.
    #[must_use]
    pub fn own(&self) -> &[Rule] {
        self.rules.get(..self.own).unwrap_or_default()
    }

    /// What a message shares by links: each link once.
    #[must_use]
    pub fn shared(&self, from: &str, subject: &str, text: &str) -> Vec<Shared> {
        let domain = from.rsplit('@').next().unwrap_or_default().to_lowercase();
        let subject = subject.to_lowercase();
        let mut found: Vec<Shared> = Vec::new();
        for link in links(text) {
            // Where it leads to in the end, not who looks at it on the way there.
            let target = behind(link).unwrap_or_else(|| link.to_owned());
            let Some((host, path)) = parts(&target) else { continue };
            let fits = |rule: &&Rule| {
                rule.hosts.iter().any(|one| is_below(&host, one))
                    && !rule.except.contains(&host)
                    && (rule.paths.is_empty() || rule.paths.iter().any(|one| path.contains(one.as_str())))
                    && (rule.from.is_empty() || rule.from.iter().any(|one| is_below(&domain, one)))
                    && (rule.subject.is_empty() || rule.subject.iter().any(|one| subject.contains(&one.to_lowercase())))
            };
            if let Some(rule) = self.rules.iter().find(fits)
                && !found.iter().any(|known| known.link == link)
                && found.len() < KEPT_MAX
            {
                found.push(Shared { portal: rule.name.clone(), link: link.to_owned() });
            }
        }
        found
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// The `https` links of a text, as they stand there, that lead where they seem to. What stands within another link is part of that, whatever its scheme.
fn links(text: &str) -> impl Iterator<Item = &str> {
    // What may be one: no blank is within a link, and none of the brackets that one is put into.
    let ends = |c: char| c.is_whitespace() || c.is_control() || "<>\"".contains(c);
    let mut rest = text;
    let pieces = std::iter::from_fn(move || {
        let found = rest.trim_start_matches(ends);
        let (piece, behind) = found.split_at(found.find(ends).unwrap_or(found.len()));
        rest = behind;
        (!piece.is_empty()).then_some((piece, behind))
    });
    pieces.filter_map(|(piece, behind)| link_of(piece, behind)).take(LINKS_MAX).filter(|link| link.len() <= LINK_MAX)
}

/// The link in a run of letters, and what stands behind that.
fn link_of<'t>(piece: &'t str, behind: &str) -> Option<&'t str> {
    let scheme = piece.find("://")?.checked_sub("https".len())?;
    let (before, found) = piece.split_at_checked(scheme)?;
    if !found.get(.."https".len())?.eq_ignore_ascii_case("https")
        || before.ends_with(char::is_alphanumeric)
        || leads_on(before)
    {
        return None;
    }
    // Behind its name these end one; within its name a browser takes some of them for part of it, and what follows for the server.
    let end = found.find(|c: char| "'`{}|\\^".contains(c)).unwrap_or(found.len());
    let (link, left) = found.split_at(end);
    let is_named = link.get("https://".len()..).is_some_and(|rest| rest.contains(['/', '?', '#']));
    let on = behind.split(char::is_whitespace).next().unwrap_or_default();
    if !is_named && (left.contains(char::is_alphanumeric) || left.contains('\\') || on.contains('@')) {
        return None;
    }
    // A page puts where a link leads behind its words: these may say anything.
    let target = behind.strip_prefix(" <").and_then(|target| target.split('>').next());
    if target.is_some_and(|target| target.contains("://") || target.to_ascii_lowercase().starts_with("mailto:")) {
        return None;
    }
    Some(link.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\u{2019}', '\u{201d}', '\u{bb}', '\u{ab}']))
}

/// Whether what stands before a link is one without a scheme: the name of a server, and what is asked of it.
fn leads_on(before: &str) -> bool {
    before.split_once('.').is_some_and(|(_, rest)| rest.contains(['/', '?', '#', '=', '@']))
}

/// Letters that stand for others in a link (RFC 3986 §2.1).
fn decoded(text: &str, sign: u8) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.bytes());
    while let Some(byte) = rest.next() {
        if byte == sign {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The link that another one leads to: mail servers put links to a filter of theirs (Microsoft's Safe Links, Proofpoint's URL Defense) in the place
/// of those that were written. Nothing is asked: the other one stands in it.
fn behind(link: &str) -> Option<String> {
    let (host, path) = parts(link)?;
    // A name that is there twice is read by each in its own way.
    let query = |name: &str| {
        let pairs = path.split_once('?')?.1.split('#').next()?;
        let mut values = pairs
            .split(['&', ';'])
            .filter_map(|pair| pair.split_once('=').filter(|(is, _)| *is == name).map(|it| it.1));
        values.next().filter(|_| values.next().is_none())
    };
    if is_below(&host, "safelinks.protection.outlook.com") {
        decoded(query("url")?, b'%')
    } else if is_below(&host, "urldefense.com") || is_below(&host, "urldefense.proofpoint.com") {
        if let Some(rest) = path.strip_prefix("/v3/__") {
            return rest.split_once("__;").map(|(found, _)| found.to_owned());
        }
        match path.split('/').nth(1) {
            Some("v1") => decoded(query("u")?, b'%'),
            _ => decoded(&query("u")?.replace('_', "/"), b'-'),
        }
    } else {
        None
    }
}

/// The host that a link leads to (RFC 3986 §3.2), and all that stands behind that. `None` for what is no such link, for names that are not plain, and
/// for what two readers take in two ways.
fn parts(link: &str) -> Option<(String, &str)> {
    let (scheme, rest) = link.split_at_checked("https://".len())?;
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let is_sign = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&()*+,;=:%@".contains(&b);
    if !scheme.eq_ignore_ascii_case("https://") || !authority.bytes().all(is_sign) {
        return None;
    }
    let server = match authority.split_once('@') {
        Some((_, server)) => server,
        None => authority,
    };
    let (host, port) = server.split_once(':').unwrap_or((server, ""));
    let is_port = port.bytes().all(|b| b.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok());
    // The root of all names may be said.
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (is_port && host.contains('.') && host.split('.').all(is_label)).then_some((host, path))
}

/// Reads `[[portal]]` rules; what is wrong is noted in `top`.
pub fn read_rules(top: &mut Fields<'_>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for mut fields in top.tables("portal") {
        let name = fields.required("name", "\"evidence portal\"");
        let mut list = |key: &'static str| -> Vec<String> {
            let texts = fields.texts(key).unwrap_or_default();
            texts.into_iter().map(|(_, text)| text.trim().trim_start_matches("*.").to_owned()).collect()
        };
        let lower = |list: Vec<String>| -> Vec<String> { list.iter().map(|one| one.to_lowercase()).collect() };
        let (hosts, from, subject) = (lower(list("hosts")), lower(list("from")), list("subject"));
        let (except, paths) = (lower(list("except")), list("paths"));
        if let Some(name) = name {
            let place = fields.place_of("hosts");
            let odd = hosts.iter().find(|one| {
                let link = format!("https://{one}/");
                parts(&link).is_none_or(|(host, _)| host != **one)
            });
            if hosts.is_empty() {
                let cure = "write `hosts = [\"portal.example\"]`";
                fields.note(Finding::error(place, format!("nothing tells what leads to `{name}`"), cure));
            } else if let Some(odd) = odd {
                let cure = "write the name of a server, for instance \"portal.example\"";
                fields.note(Finding::error(place, format!("`{odd}` is no name of a server"), cure));
            } else {
                rules.push(Rule { name, hosts, except, paths, from, subject });
            }
        }
        top.adopt(fields.end());
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::{Portals, Rule, read_rules};
    use crate::settings::finding::Place;
    use crate::settings::{Document as Toml, Fields};

    fn portals() -> Portals {
        let rule = |name: &str, from: &[&str], subject: &[&str]| Rule {
            name: name.into(),
            hosts: vec!["portal.example".into()],
            except: vec!["www.portal.example".into()],
            paths: Vec::new(),
            from: from.iter().map(|one| (*one).to_owned()).collect(),
            subject: subject.iter().map(|one| (*one).to_owned()).collect(),
        };
        Portals::new(vec![rule("DAS", &["copfs.example"], &["disclosure"])])
    }

    #[test]
    fn a_notice_is_told_by_where_its_link_leads() {
        let shared = |from: &str, subject: &str, text: &str| -> Vec<String> {
            portals().shared(from, subject, text).into_iter().map(|one| one.link).collect()
        };
        let ours = |text: &str| shared("no-reply@mail.copfs.example", "Disclosure shared", text);
        assert_eq!(ours("see <https://das.portal.example/x?y=1>, now"), ["https://das.portal.example/x?y=1"]);
        assert_eq!(ours("https://portal.example/a. https://portal.example/a."), ["https://portal.example/a"]);
        for other in [
            "https://portal.example.evil.example/",
            "https://portal.example@evil.example/",
            "https://evilportal.example/",
            "http://portal.example/",
            "https://www.portal.example/about",
            "https://evil.example/?to=https://portal.example/",
            "http://evil.example/?to=https://portal.example/",
            "http://evil.example/#https://portal.example/",
            "http://evil.example/|https://portal.example/",
            "evil.example/to/https://portal.example/",
            "www.evil.example?https://portal.example/",
            "xhttps://portal.example/",
            "https://portal.example.@evil.example/",
            "https://portal.example:443@evil.example/",
            "https://portal.example:443x/",
            "https://portal.example:99999/",
            "https://portal.example\\@evil.example/",
            "https://portal.example\\.evil.example/",
            "https://portal.example'.evil.example/",
            "https://portal.example^@evil.example/",
            "https://portal.example{}@evil.example/",
            "https://portal.example|a@evil.example/",
            "https://portal.example\"@evil.example/",
            "https://a@b@portal.example/",
            "https://portal.example../",
            "https://evil..portal.example/",
            "https://.portal.example/",
            "https://portal.example%2eevil.example/",
            "https://portal.example%40evil.example/",
            "https:///portal.example/",
            "https://p\u{43e}rtal.example/",
            "https://portal.example\u{3002}evil.example/",
            "https://xn--prtal-jua.example/",
            // The words of a link, and where it leads.
            "https://portal.example/x <http://evil.example/>",
            "https://portal.example/x <mailto:a@evil.example>",
            "https://",
            "portal.example",
        ] {
            assert!(ours(other).is_empty(), "{other}");
        }
        for (text, link) in [
            ("https://portal.example", "https://portal.example"),
            ("HTTPS://Das.Portal.Example/x", "HTTPS://Das.Portal.Example/x"),
            ("https://portal.example.:8443/x", "https://portal.example.:8443/x"),
            ("https://portal.example:/x", "https://portal.example:/x"),
            ("https://anyone:p%40ss@portal.example/x", "https://anyone:p%40ss@portal.example/x"),
            ("'https://portal.example', then", "https://portal.example"),
            ("(see:https://portal.example).", "https://portal.example"),
            ("\u{201c}https://portal.example/x\u{201d}", "https://portal.example/x"),
            ("\u{201c}https://portal.example\u{201d}", "https://portal.example"),
            ("<https://portal.example>here", "https://portal.example"),
            ("either/or: https://portal.example/x|y", "https://portal.example/x"),
            ("https://portal.example/x <https://portal.example/x>", "https://portal.example/x"),
            ("the site <https://portal.example/x> <http://evil.example/>", "https://portal.example/x"),
        ] {
            assert_eq!(ours(text), [link], "{text}");
        }
        assert!(shared("a@evil.example", "Disclosure", "https://portal.example/").is_empty());
        assert!(shared("a@copfs.example", "Lunch", "https://portal.example/").is_empty());
    }

    /// What the shipped rules say of a link.
    fn shipped(link: &str) -> Option<String> {
        let text = format!("Hello,\n\nOpen <{link}>\n");
        Portals::default().shared("a@b.example", "", &text).into_iter().next().map(|one| one.portal)
    }

    #[test]
    fn a_share_is_told_from_the_site_of_who_runs_the_portal() {
        for (link, portal) in [
            ("https://das.copfs.gov.uk/", Some("Defence Agent Service")),
            ("https://www.copfs.gov.uk/contact", None),
            ("https://switch.egress.com/ui/package/abc", Some("Egress")),
            ("https://www.egress.com/", None),
            ("https://desc.evidence.com/axon/share?id=1", Some("evidence portal")),
            ("https://firm-my.sharepoint.com/:u:/g/personal/x?e=4%3aab", Some("SharePoint or OneDrive")),
            ("https://1drv.ms/u/s!abc", Some("SharePoint or OneDrive")),
            ("https://firm.sharepoint.com/sites/news", None),
            ("https://firm.sharepoint.com.evil.example/:u:/x", None),
            ("https://evidence.com.evil.example/share", None),
            ("https://xn--evdence-9za.com/share", None),
            ("https://we.tl/t-abc", Some("file transfer")),
        ] {
            assert_eq!(shipped(link).as_deref(), portal, "{link}");
        }
    }

    #[test]
    fn a_link_that_a_filter_stands_before_leads_where_it_says() {
        let safe = "https://eur01.safelinks.protection.outlook.com/?url=";
        for (link, portal) in [
            (format!("{safe}https%3A%2F%2Fswitch.egress.com%2Fui%2Fx%3Fa%3D1&data=05&reserved=0"), Some("Egress")),
            (format!("{safe}https%3A%2F%2Fegress.com.evil.example%2Fui&data=05"), None),
            (format!("{safe}http%3A%2F%2Fswitch.egress.com%2Fui"), None),
            (format!("{safe}%zz"), None),
            (format!("{safe}HTTPS%3A%2F%2Fswitch.egress.com%2Fui"), Some("Egress")),
            (format!("{safe}https%3A%2F%2Fswitch.egress.com%40evil.example%2F"), None),
            (format!("{safe}https%3A%2F%2Fevil.example%5C%40switch.egress.com%2F"), None),
            (format!("{safe}https%3A%2F%2Fevil.example%2F%3Fu%3Dhttps%3A%2F%2Fswitch.egress.com%2F"), None),
            (format!("{safe}https%3A%2F%2Fevil.example&url=https%3A%2F%2Fswitch.egress.com%2F"), None),
            (format!("{safe}https%3A%2F%2Fswitch.egress.com&url=https%3A%2F%2Fevil.example"), None),
            ("https://urldefense.com/v3/__https://switch.egress.com/a__b__;!!abc!d$".to_owned(), Some("Egress")),
            ("https://urldefense.com/v3/__https://switch.egress.com__@evil.example/__;!!abc!d$".to_owned(), None),
            ("https://urldefense.com/v3/__https://switch.egress.com*evil.example/__;Ka!!abc!d$".to_owned(), None),
            ("https://urldefense.com/x?a=/v3/__https://switch.egress.com/x__;!!abc!def$".to_owned(), None),
            ("https://urldefense.com/v3/__https://evil.example/?https://switch.egress.com/__;!!a!b$".to_owned(), None),
            (
                "https://urldefense.proofpoint.com/v1/url?u=https%3A%2F%2Fswitch.egress.com%2Fui&k=x".to_owned(),
                Some("Egress"),
            ),
            (
                "https://urldefense.proofpoint.com/v2/url?u=https-3A__switch.egress.com-40evil.example_&d=x".to_owned(),
                None,
            ),
            ("https://urldefense.com/v3/__https://switch.egress.com/ui/x__;!!abc!def$".to_owned(), Some("Egress")),
            (
                "https://urldefense.proofpoint.com/v2/url?u=https-3A__switch.egress.com_ui&d=x".to_owned(),
                Some("Egress"),
            ),
            ("https://safelinks.evil.example/?url=https%3A%2F%2Fswitch.egress.com%2Fui".to_owned(), None),
        ] {
            assert_eq!(shipped(&link).as_deref(), portal, "{link}");
            // It is kept as it stood there.
            let kept = Portals::default().shared("", "", &link);
            assert!(kept.iter().all(|one| one.link == link), "{kept:?}");
        }
    }

    #[test]
    fn there_is_an_end_to_links() {
        let text: String = (0..1000).map(|n| format!("https://a.egress.com/{n} ")).collect();
        assert_eq!(Portals::default().shared("", "", &text).len(), super::KEPT_MAX);
        let long = format!("https://a.egress.com/{}", "x".repeat(5000));
        assert!(Portals::default().shared("", "", &long).is_empty());
    }

    #[test]
    fn mistakes_are_told() {
        for (text, words) in
            [("name = 'x'", "nothing tells"), ("name = 'x'\nhosts = ['https://x']", "no name of a server")]
        {
            let (document, _) = Toml::parse("c", &format!("[[portal]]\n{text}"));
            let mut fields = Fields::new(&document.root, Place::file("c"));
            assert!(read_rules(&mut fields).is_empty());
            let told = fields.end();
            assert!(told.len() == 1 && told[0].to_string().contains(words), "{told:?}");
        }
    }
}
