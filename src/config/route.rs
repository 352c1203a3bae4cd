//! Routes: which server mail to a recipient's domain goes by, instead of the account's own.
//!
//! Domains are compared by whole labels from the right, and the longest one that fits wins. A recipient of a route goes by that route or not
//! at all: there is no falling back to another server.

use std::path::PathBuf;

use super::read::{endpoint, password, proof, refuse_misplaced, refuse_secrets, refuse_weakening, suffix};
use super::{Account, Endpoint, PasswordSource};
use crate::mail::address::Address;
use crate::settings::finding::Finding;
use crate::settings::{Fields, Value};

/// How a route's server knows us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteLogin {
    /// By the password of the account that the mail is from.
    Account,
    /// By a password of its own.
    Own(PasswordSource),
    /// By our place in the network: there is no login.
    None,
}

/// A way for mail to some domains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What people and scripts call it.
    pub name: String,
    /// Domain suffixes, lower-case; each stands for itself and everything below it.
    pub domains: Vec<String>,
    /// The server. An empty user stands for the one of the account's own submission server.
    pub smtp: Endpoint,
    /// How it knows us.
    pub login: RouteLogin,
    /// A certificate authority to trust beside the platform's (PEM); without it, that of the account.
    pub ca_file: Option<PathBuf>,
    /// The only addresses that it takes mail from; empty: any.
    pub from: Vec<String>,
    /// The accounts whose mail it carries; empty: all.
    pub accounts: Vec<String>,
}

impl Route {
    /// Whether mail of this account may go by it.
    #[must_use]
    pub fn serves(&self, account: &str) -> bool {
        self.accounts.is_empty() || self.accounts.iter().any(|name| name == account)
    }

    /// Whether it takes mail from this sender.
    #[must_use]
    pub fn takes_from(&self, sender: &str) -> bool {
        self.from.is_empty() || self.from.iter().any(|one| one.eq_ignore_ascii_case(sender))
    }

    /// Labels of its longest domain that the address lies in; `None` where it lies in none of them.
    fn fit(&self, domain: &str) -> Option<usize> {
        let lies_in = |suffix: &&String| {
            domain.strip_suffix(suffix.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        self.domains.iter().filter(lies_in).map(|suffix| suffix.split('.').count()).max()
    }
}

/// The route that mail of an account to an address goes by; `None`: the account's own server.
pub(super) fn choose<'a>(routes: &'a [Route], account: &str, address: &str) -> Option<&'a Route> {
    let domain = address.trim().rsplit_once('@')?.1.trim_end_matches('.').to_lowercase();
    let fitting = routes.iter().filter(|route| route.serves(account));
    let fitting = fitting.filter_map(|route| Some((route.fit(&domain)?, route)));
    // The first of the longest: two alike are refused when the file is read.
    fitting.rev().max_by_key(|(labels, _)| *labels).map(|(_, route)| route)
}

/// Reads every `[[route]]`.
pub(super) fn read(top: &mut Fields<'_>, accounts: &[Account]) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    for mut fields in top.tables("route") {
        let place = fields.place().clone();
        if let Some(route) = route(&mut fields, accounts) {
            if let Some(other) = routes.iter().find(|other| other.name == route.name) {
                let what = format!("there are two routes named `{}`", other.name);
                fields.note(Finding::error(place, what, "give each its own `name`"));
            }
            let shared = |other: &Route| {
                other.accounts.is_empty()
                    || route.accounts.is_empty()
                    || other.accounts.iter().any(|name| route.accounts.contains(name))
            };
            for domain in &route.domains {
                if let Some(other) = routes.iter().find(|other| shared(other) && other.domains.contains(domain)) {
                    let what = format!("`{domain}` already goes by the route `{}`", other.name);
                    let place = fields.place_of("domains");
                    fields.note(Finding::error(place, what, "keep it in one of the two"));
                }
            }
            routes.push(route);
        }
        top.adopt(fields.end());
    }
    routes
}

fn route(fields: &mut Fields<'_>, accounts: &[Account]) -> Option<Route> {
    refuse_weakening(fields);
    refuse_misplaced(fields);
    refuse_secrets(fields);
    let named = fields.text("name").filter(|name| !name.trim().is_empty());
    let mut domains = Vec::new();
    let written = fields.texts("domains");
    let missing = written.is_none();
    for (place, text) in written.unwrap_or_default() {
        match suffix(&text) {
            Some(suffix) => domains.push(suffix),
            None => fields.note(Finding::error(
                place,
                format!("`{text}` is no domain"),
                "write for instance \"cjsm.net\"; it stands for every domain that ends in it",
            )),
        }
    }
    if domains.is_empty() {
        let place = if missing { fields.place().clone() } else { fields.place_of("domains") };
        let cure = "write for instance `domains = [\"cjsm.net\"]`";
        fields.note(Finding::error(place, "a route needs `domains`", cure));
    }
    let smtp = endpoint(fields, "smtp", "");
    let login = login(fields);
    let ca_file = super::read::ca_file(fields);
    let mut from = Vec::new();
    for (place, text) in fields.texts("from").unwrap_or_default() {
        match Address::parse(&text) {
            Ok(address) => from.push(address.addr),
            Err(error) => {
                fields.note(Finding::error(
                    place,
                    error.to_string(),
                    "write for instance \"name@firm.example.cjsm.net\"",
                ));
            }
        }
    }
    let mut only = Vec::new();
    for (place, name) in fields.texts("accounts").unwrap_or_default() {
        if accounts.iter().any(|account| account.name == name) {
            only.push(name);
        } else {
            let cure = "write the `name` of one of the accounts, or leave `accounts` out for all of them";
            fields.note(Finding::error(place, format!("there is no account `{name}`"), cure));
        }
    }
    let smtp = smtp?;
    let name = named.unwrap_or_else(|| smtp.host.clone());
    if name.chars().any(char::is_control) || name.len() > 80 {
        let place = fields.place_of("name");
        fields.note(Finding::error(
            place,
            "`name` is what people call the route",
            "write a short name, for instance \"gateway\"",
        ));
    }
    Some(Route { name, domains, smtp, login: login?, ca_file, from, accounts: only })
}

/// `password` as in an account, `"account"` (the default) or `"none"`.
fn login(fields: &mut Fields<'_>) -> Option<RouteLogin> {
    if fields.entry("token").is_some() {
        return proof(fields, false).map(RouteLogin::Own);
    }
    let Some(entry) = fields.entry("password") else { return Some(RouteLogin::Account) };
    match &entry.node.value {
        Value::Text(text) if text == "account" => Some(RouteLogin::Account),
        Value::Text(text) if text == "none" => Some(RouteLogin::None),
        _ => password(fields).map(RouteLogin::Own),
    }
}

#[cfg(test)]
mod tests {
    use super::RouteLogin;
    use crate::config::{Config, PasswordSource};

    const ACCOUNTS: &str = "[[account]]\nname = 'work'\naddress = 'b.quill@quillpounce.example'\nimap = { host = 'imap.example' }\n\
                            smtp = { host = 'smtp.example' }\n[[account]]\nname = 'home'\naddress = 'b@mailbox.example'\n\
                            imap = { host = 'imap.example' }\nsmtp = { host = 'smtp.example' }\n";

    fn config(routes: &str) -> Config {
        Config::parse(&format!("{ACCOUNTS}{routes}"), "config.toml").unwrap().0
    }

    #[test]
    fn the_longest_whole_label_suffix_wins() {
        let config = config(
            "[[route]]\nname = 'gateway'\ndomains = ['cjsm.net', '*.Police.UK']\nsmtp = { host = 'gw.example' }\n\
             [[route]]\nname = 'police'\ndomains = ['secure.police.uk']\nsmtp = { host = 'p.example' }\n\
             [[route]]\nname = 'private'\ndomains = ['mailbox.example']\nsmtp = { host = 'm.example' }\naccounts = ['home']\n",
        );
        let check = |account: &str, address: &str, expected: Option<&str>| {
            assert_eq!(
                config.route(account, address).map(|route| route.name.as_str()),
                expected,
                "{account} {address}"
            );
        };
        check("work", "x@cjsm.net", Some("gateway"));
        check("work", "x@firm.example.cjsm.net", Some("gateway"));
        check("work", "X@FIRM.example.CJSM.net.", Some("gateway"));
        check("work", "x@notcjsm.net", None);
        check("work", "x@cjsm.net.attacker.example", None);
        check("work", "\"x@cjsm.net\"@attacker.example", None);
        check("work", "x@secure.police.uk", Some("police"));
        check("work", "x@a.secure.police.uk", Some("police"));
        check("work", "x@insecure.police.uk", Some("gateway"));
        check("work", "x@mailbox.example", None);
        check("home", "x@mailbox.example", Some("private"));
        check("work", "cjsm.net", None);
    }

    #[test]
    fn a_route_may_know_us_by_more_ways_than_one() {
        let login = |line: &str| {
            let text = format!("[[route]]\ndomains = ['cjsm.net']\nsmtp = {{ host = 'gw.example' }}\n{line}\n");
            config(&text).routes.remove(0)
        };
        assert_eq!(login("").login, RouteLogin::Account);
        assert_eq!(login("").name, "gw.example");
        assert_eq!(login("password = 'none'").login, RouteLogin::None);
        assert_eq!(login("password = 'prompt'").login, RouteLogin::Own(PasswordSource::Prompt));
        let own = RouteLogin::Own(PasswordSource::Command(vec!["pass".into(), "gw".into()]));
        assert_eq!(login("password = { command = ['pass', 'gw'] }").login, own);
        let route = login("from = ['B.Quill@quillpounce.example.cjsm.net']");
        assert!(route.takes_from("b.quill@QUILLPOUNCE.example.cjsm.net") && !route.takes_from("b@mailbox.example"));
    }

    #[test]
    fn mistakes_are_told_with_their_place_and_a_cure() {
        let start = ACCOUNTS.lines().count() + 1;
        let check = |text: &str, line: usize, words: &str| {
            let (Ok((_, told)) | Err(told)) = Config::parse(&format!("{ACCOUNTS}{text}"), "config.toml");
            let told: Vec<String> = told.iter().map(ToString::to_string).collect();
            assert_eq!(told.len(), 1, "{told:#?}");
            assert!(
                told[0].starts_with(&format!("config.toml:{}:", start + line)) && told[0].contains(words),
                "{told:?}"
            );
        };
        let gw = "smtp = { host = 'gw.example' }\n";
        check(&format!("[[route]]\n{gw}"), 0, "a route needs `domains`");
        check(&format!("[[route]]\ndomains = ['no domain', 'cjsm.net']\n{gw}"), 1, "`no domain` is no domain");
        check("[[route]]\ndomains = ['cjsm.net']\n", 0, "`smtp` is missing");
        check(
            &format!("[[route]]\ndomains = ['cjsm.net']\naccounts = ['wrok']\n{gw}"),
            2,
            "there is no account `wrok`",
        );
        check(&format!("[[route]]\ndomains = ['cjsm.net']\nfrom = ['nobody']\n{gw}"), 2, "nobody");
        check(&format!("[[route]]\ndomains = ['cjsm.net']\nfallback = true\n{gw}"), 2, "unknown key `fallback`");
        check("[[route]]\ndomains = ['cjsm.net']\nsmtp = { host = 'gw', security = 'none' }\n", 2, "without TLS");
        let twice = format!(
            "[[route]]\nname = 'a'\ndomains = ['cjsm.net']\n{gw}[[route]]\nname = 'b'\ndomains = ['cjsm.net']\n{gw}"
        );
        check(&twice, 6, "`cjsm.net` already goes by the route `a`");
        check(
            &format!("[[route]]\ndomains = ['cjsm.net']\npassword = 'hunter2'\n{gw}"),
            2,
            "a password never stands in this file",
        );
    }

    #[test]
    fn what_is_written_reads_back() {
        let config = config(
            "[[route]]\nname = 'gateway'\ndomains = ['cjsm.net']\nsmtp = { host = 'gw.example', security = 'starttls', user = 'q' }\n\
             password = { command = ['pass', 'gw'] }\nca_file = '/ca.pem'\nfrom = ['b.quill@quillpounce.example']\naccounts = ['work']\n\
             [[route]]\ndomains = ['police.uk']\nsmtp = { host = 'p.example' }\npassword = 'none'\n",
        );
        let (again, findings) = Config::parse(&config.render(), "config.toml").unwrap();
        assert_eq!(again.routes, config.routes, "{findings:?}\n{}", config.render());
    }
}
