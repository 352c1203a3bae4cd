//! The text of `config.toml` to values: everything that is wrong is told at once, each with its place and what to do.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use super::{
    Account, Auth, CaseRule, Classes, ClientCertificate, Config, Dsn, Endpoint, PasswordSource, Pictures,
    RegisterKnobs, Replicate, Security, SentCopy, SyncKnobs,
};
use super::{attachments, openpgp, practice, route};
use crate::mail::address::Address;
use crate::settings::finding::{Finding, Place, forbid};
use crate::settings::{Document, Fields, Node, Value};

/// Keys of the file itself: written below a section header they would belong to the section.
const TOP: &[&str] = &[
    "keymap",
    "theme",
    "editor",
    "viewer",
    "pictures",
    "idle_lock_minutes",
    "undo_send_seconds",
    "purge_idle_days",
    "key_lookup",
    "max_message_bytes",
    "unlock_command",
    "dsn",
    "authserv_ids",
];

/// How other programs call what we do not have.
const WEAKENING: &[&str] = &[
    "accept_invalid_certs",
    "allow_insecure",
    "allow_plaintext",
    "cert_verify",
    "certificate_check",
    "danger_accept_invalid_certs",
    "danger_accept_invalid_hostnames",
    "insecure",
    "plaintext",
    "skip_verify",
    "ssl",
    "ssl_verify",
    "tls",
    "tls_verify",
    "use_ssl",
    "use_starttls",
    "use_tls",
    "verify",
    "verify_certificate",
];

/// Names under which a secret would stand in clear.
const SECRETS: &[&str] =
    &["pass", "passwd", "passphrase", "password_command", "secret", "access_token", "imap_password", "smtp_password"];

pub(super) fn read(text: &str, file: &str) -> Result<(Config, Vec<Finding>), Vec<Finding>> {
    let (document, mut findings) = Document::parse(file, text);
    if forbid(&findings) {
        // What seems to be missing may stand behind the mistake.
        return Err(findings);
    }
    let defaults = Config::default();
    let mut top = Fields::new(&document.root, Place::file(file));
    refuse_weakening(&mut top);
    top.refuse(SECRETS, secret);
    top.refuse(&["password", "token"], secret);
    top.refuse(&["accounts", "cases", "routes"], |key| {
        let single = key.trim_end_matches('s');
        (format!("unknown key `{key}`"), format!("head each one `[[{single}]]`"))
    });
    let accounts = accounts(&mut top);
    let config = Config {
        keymap: name(&mut top, "keymap", defaults.keymap),
        theme: name(&mut top, "theme", defaults.theme),
        editor: command(&mut top, "editor"),
        viewer: command(&mut top, "viewer").unwrap_or_default(),
        pictures: pictures(&mut top),
        unlock_command: command(&mut top, "unlock_command"),
        idle_lock_minutes: small(&mut top, "idle_lock_minutes", 0..=1440, defaults.idle_lock_minutes),
        undo_send_seconds: small(&mut top, "undo_send_seconds", 0..=3600, defaults.undo_send_seconds),
        purge_idle_days: small(&mut top, "purge_idle_days", 1..=36_500, defaults.purge_idle_days),
        key_lookup: top.boolean("key_lookup", defaults.key_lookup),
        max_message_bytes: bytes(&mut top, "max_message_bytes", (1 << 16)..=(1 << 29), defaults.max_message_bytes),
        classes: classes(&mut top),
        openpgp: openpgp::read(&mut top),
        sync: sync(&mut top),
        dsn: dsn(&mut top, defaults.dsn),
        routes: route::read(&mut top, &accounts),
        register: register(&mut top, &accounts),
        accounts,
        cases: cases(&mut top),
        filing: practice::filing(&mut top),
        policy: practice::policy(&mut top),
        attachments: attachments::read(&mut top),
        identifiers: practice::identifiers(&mut top),
        documents: practice::documents(&mut top),
        portals: practice::portals(&mut top),
        calendar: practice::calendar(&mut top),
        authserv_ids: practice::authserv_ids(&mut top),
        templates: defaults.templates,
        export_directory: export_directory(&mut top),
    };
    if document.root.get("account").is_none() && !document.root.entries.iter().any(|entry| entry.key == "accounts") {
        top.note(Finding::warning(
            Place::file(file),
            "there is no account",
            "run `casemail setup`, or add an `[[account]]`",
        ));
    }
    findings.extend(top.end());
    findings.sort_by(|a, b| a.place.cmp(&b.place));
    if forbid(&findings) { Err(findings) } else { Ok((config, findings)) }
}

pub(super) fn refuse_weakening(fields: &mut Fields<'_>) {
    fields.refuse(WEAKENING, |key| {
        (
            format!("there is no `{key}`: connections are always TLS with a verified certificate"),
            "take it out; choose `security = \"tls\"` or \"starttls\", and trust a private authority by \
             `ca_file = \"/path/to/ca.pem\"`"
                .to_owned(),
        )
    });
}

fn secret(key: &str) -> (String, String) {
    (
        format!("`{key}` does not belong here: a secret never stands in this file"),
        "write in the account `password = { command = [\"pass\", \"show\", \"mail\"] }` or `password = \"prompt\"`"
            .to_owned(),
    )
}

fn pictures(top: &mut Fields<'_>) -> Pictures {
    let Some(text) = top.text("pictures") else { return Pictures::Auto };
    Pictures::ALL.into_iter().find(|one| one.name() == text).unwrap_or_else(|| {
        let place = top.place_of("pictures");
        let cure = "write \"auto\", \"kitty\", \"sixel\" or \"blocks\"";
        top.note(Finding::error(place, format!("`pictures` knows no `{text}`"), cure));
        Pictures::Auto
    })
}

pub(super) fn refuse_misplaced(fields: &mut Fields<'_>) {
    fields.refuse(TOP, |key| {
        (
            format!("`{key}` does not belong to this section"),
            format!("move `{key}` to the top of the file, before the first line that begins with `[`"),
        )
    });
}

/// A name that is looked up as a file name.
fn name(fields: &mut Fields<'_>, key: &'static str, default: String) -> String {
    let Some(text) = fields.text(key) else { return default };
    let good = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if good {
        return text;
    }
    let place = fields.place_of(key);
    let cure = format!("write a name without path and ending, for instance `{key} = \"{default}\"`");
    fields.note(Finding::error(place, format!("`{key}` is not a name"), cure));
    default
}

fn small(fields: &mut Fields<'_>, key: &'static str, bounds: std::ops::RangeInclusive<i64>, default: u32) -> u32 {
    u32::try_from(fields.integer(key, bounds, i64::from(default))).unwrap_or(default)
}

fn bytes(fields: &mut Fields<'_>, key: &'static str, bounds: std::ops::RangeInclusive<i64>, default: u64) -> u64 {
    u64::try_from(fields.integer(key, bounds, i64::try_from(default).unwrap_or(i64::MAX))).unwrap_or(default)
}

/// A program with its arguments. There is no shell, so a single text is refused and taken apart in the cure.
fn command(fields: &mut Fields<'_>, key: &'static str) -> Option<Vec<String>> {
    let entry = fields.entry(key)?;
    match words(&entry.node) {
        Ok(words) => Some(words),
        Err(cure) => {
            fields.note(Finding::error(
                entry.node.place.clone(),
                format!("`{key}` is not a program with its arguments"),
                format!("write `{key} = {cure}`; it is run without a shell"),
            ));
            None
        }
    }
}

fn words(node: &Node) -> Result<Vec<String>, String> {
    let example = || "[\"program\", \"argument\"]".to_owned();
    match &node.value {
        Value::List(items) => {
            let words: Option<Vec<String>> = items
                .iter()
                .map(|item| match &item.value {
                    Value::Text(text) => Some(text.clone()),
                    _ => None,
                })
                .collect();
            words.filter(|words| words.first().is_some_and(|program| !program.is_empty())).ok_or_else(example)
        }
        Value::Text(text) if !text.trim().is_empty() => {
            let words: Vec<String> =
                text.split_whitespace().map(|word| format!("\"{}\"", word.escape_debug())).collect();
            Err(format!("[{}]", words.join(", ")))
        }
        _ => Err(example()),
    }
}

fn classes(top: &mut Fields<'_>) -> Classes {
    let defaults = Classes::default();
    let Some(mut fields) = top.table("classes") else { return defaults };
    refuse_misplaced(&mut fields);
    let mut seen: BTreeMap<String, &'static str> = BTreeMap::new();
    let mut list = |fields: &mut Fields<'_>, key: &'static str, default: Vec<String>| {
        let suffixes = fields.texts(key).map_or(default, |texts| {
            let mut suffixes = Vec::new();
            for (place, text) in texts {
                match suffix(&text) {
                    Some(suffix) => suffixes.push(suffix),
                    None => fields.note(Finding::error(
                        place,
                        format!("`{text}` is no domain"),
                        "write for instance \"gov.uk\"; it stands for every domain that ends in it",
                    )),
                }
            }
            suffixes
        });
        for suffix in &suffixes {
            if let Some(other) = seen.insert(suffix.clone(), key)
                && other != key
            {
                let place = fields.place_of(key);
                let what = format!("`{suffix}` is both in `{other}` and in `{key}`");
                fields.note(Finding::error(place, what, "keep one of the two"));
            }
        }
        suffixes
    };
    let cjsm = list(&mut fields, "cjsm", defaults.cjsm);
    let gov = list(&mut fields, "gov", defaults.gov);
    let firm = list(&mut fields, "firm", defaults.firm);
    top.adopt(fields.end());
    Classes { cjsm, gov, firm }
}

/// A domain suffix in the form it is compared in: lower-case, without the `*.` that people put in front.
pub(super) fn suffix(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('*').trim_start_matches('.').trim_end_matches('.').to_lowercase();
    let label = |label: &str| {
        !label.is_empty() && label.len() <= 63 && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    (!text.is_empty() && text.split('.').all(label)).then_some(text)
}

/// Names under which a secret would stand in clear.
pub(super) fn refuse_secrets(fields: &mut Fields<'_>) {
    fields.refuse(SECRETS, secret);
}

fn dsn(top: &mut Fields<'_>, default: Vec<Dsn>) -> Vec<Dsn> {
    let Some(texts) = top.texts("dsn") else { return default };
    let mut wanted = Vec::new();
    for (place, text) in texts {
        match Dsn::ALL.into_iter().find(|one| one.name() == text.to_lowercase()) {
            Some(one) if !wanted.contains(&one) => wanted.push(one),
            Some(_) => {}
            None => top.note(Finding::error(
                place,
                format!("`dsn` knows no `{text}`"),
                "write any of \"failure\", \"delay\" and \"success\", or \"never\" alone; `dsn = []` asks for nothing",
            )),
        }
    }
    if wanted.contains(&Dsn::Never) && wanted.len() > 1 {
        let place = top.place_of("dsn");
        top.note(Finding::error(
            place,
            "`dsn` holds \"never\" and others",
            "write \"never\" alone (RFC 3461 \u{a7}4.1)",
        ));
    }
    wanted
}

fn sync(top: &mut Fields<'_>) -> SyncKnobs {
    let defaults = SyncKnobs::default();
    let Some(mut fields) = top.table("sync") else { return defaults };
    refuse_misplaced(&mut fields);
    let sync = SyncKnobs {
        batch: small(&mut fields, "batch", 1..=10_000, defaults.batch),
        connections: small(&mut fields, "connections", 1..=4, defaults.connections),
        every_minutes: small(&mut fields, "every_minutes", 1..=1440, defaults.every_minutes),
        bodies_up_to_bytes: bytes(&mut fields, "bodies_up_to_bytes", 0..=(1 << 29), defaults.bodies_up_to_bytes),
    };
    top.adopt(fields.end());
    sync
}

fn export_directory(top: &mut Fields<'_>) -> Option<PathBuf> {
    let mut fields = top.table("export")?;
    refuse_misplaced(&mut fields);
    let directory = fields.text("directory").filter(|text| !text.trim().is_empty());
    top.adopt(fields.end());
    directory.map(PathBuf::from)
}

fn accounts(top: &mut Fields<'_>) -> Vec<Account> {
    let mut accounts: Vec<Account> = Vec::new();
    for mut fields in top.tables("account") {
        let place = fields.place_of("name");
        if let Some(account) = account(&mut fields) {
            if accounts.iter().any(|other| other.name == account.name) {
                let what = format!("there are two accounts named `{}`", account.name);
                fields.note(Finding::error(place, what, "give each account its own name"));
            }
            accounts.push(account);
        }
        top.adopt(fields.end());
    }
    accounts
}

fn account(fields: &mut Fields<'_>) -> Option<Account> {
    refuse_weakening(fields);
    refuse_misplaced(fields);
    fields.refuse(SECRETS, secret);
    let name = fields.required("name", "\"work\"");
    if let Some(name) = &name {
        let good = name.len() <= 40 && name.chars().all(|c| c.is_alphanumeric() || "._-@".contains(c));
        if !good {
            let place = fields.place_of("name");
            fields.note(Finding::error(
                place,
                "`name` is what commands call the account",
                "write letters, digits, `-`, `_` and `.` only, for instance \"work\"",
            ));
        }
    }
    let written = fields.required("address", "\"b.quill@quillpounce.example\"");
    let written_at = fields.place_of("address");
    let address = written.and_then(|text| address(fields, &text, written_at));
    let full_name = fields.text("full_name").unwrap_or_default();
    if full_name.chars().any(char::is_control) {
        let place = fields.place_of("full_name");
        fields.note(Finding::error(place, "`full_name` holds a control character", "write it on one line"));
    }
    let mut also = Vec::new();
    for (place, text) in fields.texts("also").unwrap_or_default() {
        also.extend(self::address(fields, &text, place));
    }
    let user = address.as_ref().map(|address| address.addr.clone()).unwrap_or_default();
    let imap = endpoint(fields, "imap", &user);
    let smtp = endpoint(fields, "smtp", &user);
    let ca_file = ca_file(fields);
    let client_certificate = client_certificate(fields);
    let password = proof(fields, client_certificate.is_some());
    for (key, server) in [("imap", &imap), ("smtp", &smtp)] {
        if let (Some(server), Some(password)) = (server, &password) {
            check_auth(fields, key, server.auth, password, client_certificate.is_some());
        }
    }
    let sent_mailbox = fields.text("sent_mailbox").filter(|mailbox| !mailbox.is_empty());
    let sent_copy = sent_copy(fields);
    let skip = fields.texts("skip").unwrap_or_default().into_iter().map(|(_, mailbox)| mailbox).collect();
    let compress = fields.boolean("compress", false);
    let mut address = address?;
    if address.name.is_empty() {
        address.name.clone_from(&full_name);
    }
    Some(Account {
        name: name?,
        full_name: if full_name.is_empty() { address.name.clone() } else { full_name },
        address,
        also,
        imap: imap?,
        smtp: smtp?,
        ca_file,
        password: password?,
        client_certificate,
        sent_mailbox,
        sent_copy,
        skip,
        compress,
    })
}

fn sent_copy(fields: &mut Fields<'_>) -> SentCopy {
    let Some(text) = fields.text("sent_copy") else { return SentCopy::default() };
    SentCopy::ALL.into_iter().find(|one| one.name() == text).unwrap_or_else(|| {
        let (place, what) = (fields.place_of("sent_copy"), format!("`sent_copy` knows no `{text}`"));
        fields.note(Finding::error(place, what, "write \"auto\", \"server\" or \"casemail\""));
        SentCopy::default()
    })
}

/// The file of a private authority; an empty name is a mistake and not the platform's authorities.
pub(super) fn ca_file(fields: &mut Fields<'_>) -> Option<PathBuf> {
    let text = fields.text("ca_file")?;
    if text.trim().is_empty() {
        let cure = "name the PEM file of the certificate authority, or take `ca_file` out";
        fields.note(Finding::error(fields.place_of("ca_file"), "`ca_file` is empty", cure));
        return None;
    }
    Some(PathBuf::from(text))
}

fn address(fields: &mut Fields<'_>, text: &str, place: Place) -> Option<Address> {
    Address::parse(text)
        .map_err(|error| {
            fields.note(Finding::error(place, error.to_string(), "write for instance \"name@firm.example\""))
        })
        .ok()
}

/// Ports by custom (RFC 8314 §3, RFC 6409 §3.1): with TLS from the first byte, with STARTTLS.
fn usual_ports(protocol: &str) -> (u16, u16) {
    if protocol == "imap" { (993, 143) } else { (465, 587) }
}

pub(super) fn endpoint(account: &mut Fields<'_>, key: &'static str, user: &str) -> Option<Endpoint> {
    if account.entry(key).is_none() {
        let place = account.place().clone();
        let what = format!("`{key}` is missing");
        account.note(Finding::error(
            place,
            what,
            format!("write for instance `{key} = {{ host = \"mail.firm.example\" }}`"),
        ));
        return None;
    }
    let mut fields = account.table(key)?;
    refuse_weakening(&mut fields);
    fields.refuse(SECRETS, secret);
    fields.refuse(&["password", "token", "client_certificate"], |key| {
        (format!("`{key}` is the account's, for both servers"), format!("move `{key}` out of the table"))
    });
    let host = fields.required("host", "\"mail.firm.example\"").and_then(|text| host(&mut fields, text));
    let security = security(&mut fields);
    let (tls, starttls) = usual_ports(key);
    let usual = if security == Some(Security::StartTls) { starttls } else { tls };
    let port = small(&mut fields, "port", 1..=65_535, u32::from(usual));
    let port = u16::try_from(port).unwrap_or(usual);
    warn_of_port(&mut fields, key, port, security);
    let user = match fields.text("user") {
        Some(user) if !user.is_empty() => user,
        _ => user.to_owned(),
    };
    let auth = auth(&mut fields);
    account.adopt(fields.end());
    Some(Endpoint { host: host?, port, security: security?, user, auth: auth? })
}

fn auth(fields: &mut Fields<'_>) -> Option<Auth> {
    let Some(text) = fields.text("auth") else { return Some(Auth::Auto) };
    let lower = text.to_lowercase();
    let known = Auth::ALL.into_iter().find(|auth| auth.name() == lower);
    if known.is_some() {
        return known;
    }
    let names: Vec<String> = Auth::ALL.iter().map(|auth| format!("\"{}\"", auth.name())).collect();
    let (what, cure) = match lower.as_str() {
        "cram-md5" | "digest-md5" | "ntlm" | "apop" => (
            format!("there is no `{lower}`: it makes the server keep the password readable, or rests on a broken hash"),
            "write \"auto\", which takes the strongest that the server offers".to_owned(),
        ),
        "scram-sha-256-plus" => (
            "`auth` names no way to log in".to_owned(),
            "write \"scram-sha-256\": the channel is bound by itself where the server offers that".to_owned(),
        ),
        _ => ("`auth` names no way to log in".to_owned(), format!("write one of {}", names.join(", "))),
    };
    let place = fields.place_of("auth");
    fields.note(Finding::error(place, what, cure));
    None
}

/// What is asked for must be provable by what the account has.
fn check_auth(fields: &mut Fields<'_>, key: &str, auth: Auth, proof: &PasswordSource, has_certificate: bool) {
    let (is_wrong, needs) = match auth {
        Auth::Auto => return,
        Auth::Plain | Auth::Login | Auth::ScramSha256 => {
            (!matches!(proof, PasswordSource::Command(_) | PasswordSource::Prompt), "a password")
        }
        Auth::XOAuth2 | Auth::OAuthBearer => (!matches!(proof, PasswordSource::Token { .. }), "a token"),
        Auth::External => (!has_certificate, "a client certificate"),
    };
    if is_wrong {
        let place = fields.place_of(key);
        let what = format!("`auth = \"{}\"` of `{key}` needs {needs}, and this account has none", auth.name());
        let cure = match auth {
            Auth::External => {
                "write `client_certificate = { certificate = \"own.pem\", key = \"own.key\" }` in the account"
            }
            Auth::XOAuth2 | Auth::OAuthBearer => {
                "write `token = { command = [\"program\", \"argument\"] }` in the account"
            }
            _ => {
                "write `password = \"prompt\"` or `password = { command = [\"program\", \"argument\"] }`, or leave `auth` out"
            }
        };
        fields.note(Finding::error(place, what, cure));
    }
}

fn client_certificate(account: &mut Fields<'_>) -> Option<ClientCertificate> {
    let mut fields = account.table("client_certificate")?;
    fields.refuse(&["passphrase", "password", "pass"], secret);
    let certificate = fields.required("certificate", "\"own.pem\"").map(PathBuf::from);
    let key = fields.required("key", "\"own.key\"").map(PathBuf::from);
    account.adopt(fields.end());
    Some(ClientCertificate { certificate: certificate?, key: key? })
}

/// A password, a token or the client certificate alone.
pub(super) fn proof(fields: &mut Fields<'_>, has_certificate: bool) -> Option<PasswordSource> {
    if fields.entry("token").is_none() {
        let says_nothing = fields.entry("password").is_none();
        return if has_certificate && says_nothing { Some(PasswordSource::Certificate) } else { password(fields) };
    }
    if let Some(entry) = fields.entry("password") {
        let what = "an account proves itself by `password` or by `token`, not by both";
        fields.note(Finding::error(entry.node.place.clone(), what, "take one of them out"));
    }
    let entry = fields.entry("token")?;
    if matches!(entry.node.value, Value::Text(_)) {
        // What stands there is most likely the token itself: it is not repeated.
        let what = "a token never stands in this file, which ends up in backups and over shoulders";
        let cure = "write `token = { command = [\"program\", \"argument\"] }`; then have it revoked, if this was it";
        fields.note(Finding::error(entry.node.place.clone(), what, cure));
        return None;
    }
    let mut inner = fields.table("token")?;
    let words = command(&mut inner, "command");
    if words.is_none() && inner.entry("command").is_none() {
        let cure = "write `token = { command = [\"program\", \"argument\"] }`";
        inner.note(Finding::error(entry.node.place.clone(), "`token` names no command", cure));
    }
    let refresh = command(&mut inner, "refresh");
    fields.adopt(inner.end());
    Some(PasswordSource::Token { command: words?, refresh })
}

fn warn_of_port(fields: &mut Fields<'_>, protocol: &str, port: u16, security: Option<Security>) {
    let (tls, starttls) = usual_ports(protocol);
    let (fits, other) = match security {
        Some(Security::Tls) => (port != starttls && port != 25, Security::StartTls),
        Some(Security::StartTls) => (port != tls, Security::Tls),
        None => return,
    };
    if !fits {
        let place = fields.place_of("port");
        fields.note(Finding::warning(
            place,
            format!("port {port} usually goes with `security = \"{}\"`", other.name()),
            "change one of the two, unless the server is known to be so",
        ));
    }
}

fn host(fields: &mut Fields<'_>, text: String) -> Option<String> {
    let text = text.trim().trim_end_matches('.').to_owned();
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && !label.starts_with('-')
    };
    if text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(label)) {
        return Some(text);
    }
    let (what, cure) = if text.contains("insecure") {
        (
            "there is no insecure scheme: connections are always TLS with a verified certificate".to_owned(),
            "write the bare host name; trust a private authority by `ca_file`".to_owned(),
        )
    } else if text.contains("://") || text.contains('@') || text.contains('/') {
        (
            "`host` is a URL".to_owned(),
            "write the bare host name, and `port`, `security` and `user` beside it".to_owned(),
        )
    } else if text.contains(':') {
        ("`host` holds a port".to_owned(), "write the port as `port = …`".to_owned())
    } else if !text.is_ascii() {
        ("`host` is not in ASCII".to_owned(), "write the `xn--` form of the name".to_owned())
    } else {
        ("`host` is no host name".to_owned(), "write for instance \"mail.firm.example\"".to_owned())
    };
    let place = fields.place_of("host");
    fields.note(Finding::error(place, what, cure));
    None
}

fn security(fields: &mut Fields<'_>) -> Option<Security> {
    let Some(entry) = fields.entry("security") else { return Some(Security::Tls) };
    let text = match &entry.node.value {
        Value::Text(text) => text.to_lowercase(),
        // `security = false` wants what the words below answer.
        Value::Bool(_) => "none".to_owned(),
        _ => String::new(),
    };
    let near = match text.as_str() {
        "tls" => return Some(Security::Tls),
        "starttls" => return Some(Security::StartTls),
        "ssl" | "ssl/tls" | "tls/ssl" | "imaps" | "smtps" | "implicit" => "write \"tls\"".to_owned(),
        "start-tls" | "start_tls" => "write \"starttls\"".to_owned(),
        _ => "write \"tls\" (TLS from the first byte) or \"starttls\" (required); where neither works, ask whoever runs the \
              server, and trust a private authority by `ca_file`"
            .to_owned(),
    };
    let what = match text.as_str() {
        "none" | "no" | "off" | "plain" | "plaintext" | "insecure" | "clear" | "optional" | "opportunistic"
        | "auto" => "there is no way to connect without TLS and a verified certificate".to_owned(),
        _ => "`security` is neither \"tls\" nor \"starttls\"".to_owned(),
    };
    fields.note(Finding::error(entry.node.place.clone(), what, near));
    None
}

pub(super) fn password(fields: &mut Fields<'_>) -> Option<PasswordSource> {
    let cure = "write `password = { command = [\"pass\", \"show\", \"mail\"] }` or `password = \"prompt\"`";
    let Some(entry) = fields.entry("password") else { return Some(PasswordSource::Prompt) };
    match &entry.node.value {
        Value::Text(text) if text == "prompt" => Some(PasswordSource::Prompt),
        Value::Text(_) => {
            // What stands there is most likely the password itself: it is not repeated.
            let what = "a password never stands in this file, which ends up in backups and over shoulders";
            let cure = format!("{cure}; then change the password, if this was it");
            fields.note(Finding::error(entry.node.place.clone(), what, cure));
            None
        }
        Value::Table(table) => {
            let mut inner = Fields::new(table, entry.node.place.clone());
            if table.entries.is_empty() {
                inner.note(Finding::error(entry.node.place.clone(), "`password` names no command", cure));
            }
            let words = command(&mut inner, "command");
            fields.adopt(inner.end());
            words.map(PasswordSource::Command)
        }
        other => {
            fields.note(Finding::error(entry.node.place.clone(), format!("`password` is {other}"), cure));
            None
        }
    }
}

fn register(top: &mut Fields<'_>, accounts: &[Account]) -> RegisterKnobs {
    let Some(mut fields) = top.table("register") else { return RegisterKnobs::default() };
    let mut line = |key: &'static str| {
        let text = fields.text(key).unwrap_or_default().trim().to_owned();
        if text.chars().any(char::is_control) {
            let place = fields.place_of(key);
            fields.note(Finding::error(place, format!("`{key}` holds a control character"), "write it on one line"));
        }
        text
    };
    let mut knobs = RegisterKnobs {
        device: line("device"),
        role: line("role"),
        on_behalf_of: line("on_behalf_of"),
        account: line("account"),
        mailbox: line("mailbox"),
        replicate: Replicate::default(),
        team: Vec::new(),
    };
    // Where an account could not be read, that was said.
    if !accounts.is_empty() && !knobs.account.is_empty() && accounts.iter().all(|one| one.name != knobs.account) {
        let what = format!("there is no account `{}`", knobs.account);
        let cure = "write the `name` of one of the accounts, or leave `account` out for the first";
        fields.note(Finding::error(fields.place_of("account"), what, cure));
    }
    knobs.replicate = match fields.text("replicate").as_deref() {
        None | Some("by hand") => Replicate::ByHand,
        Some("auto") => Replicate::Auto,
        Some(other) => {
            let (place, what) = (fields.place_of("replicate"), format!("`replicate` knows no `{other}`"));
            fields.note(Finding::error(place, what, "write \"auto\" or \"by hand\""));
            Replicate::ByHand
        }
    };
    for (place, text) in fields.texts("team").unwrap_or_default() {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_uppercase();
        if matches!(digits.len(), 40 | 64) && digits.chars().all(|c| c.is_ascii_hexdigit()) {
            knobs.team.push(digits);
        } else {
            let what = format!("`{text}` is no fingerprint of a certificate");
            fields.note(Finding::error(place, what, "write all of its digits, as `casemail key list` prints them"));
        }
    }
    top.adopt(fields.end());
    knobs
}

fn cases(top: &mut Fields<'_>) -> Vec<CaseRule> {
    let mut cases: Vec<CaseRule> = Vec::new();
    for mut fields in top.tables("case") {
        refuse_misplaced(&mut fields);
        let id = fields.required("id", "\"FERRET\"");
        let title = fields.text("title").filter(|title| !title.trim().is_empty());
        let mut identifiers = Vec::new();
        for (place, text) in fields.texts("identifiers").unwrap_or_default() {
            let text = text.trim().to_owned();
            if text.is_empty() || text.chars().any(char::is_control) {
                fields.note(Finding::error(place, "an identifier is empty", "write for instance \"99ZX0012326\""));
            } else if let Some(other) = cases.iter().find(|case| case.identifiers.contains(&text)) {
                let what = format!("`{text}` already belongs to the case `{}`", other.id);
                fields.note(Finding::error(place, what, "keep it in one case"));
            } else {
                identifiers.push(text);
            }
        }
        if let Some(id) = id {
            if id.chars().any(|c| c.is_control() || c == '/') {
                let place = fields.place_of("id");
                fields.note(Finding::error(
                    place,
                    "`id` is what commands call the case",
                    "leave out slashes and control characters",
                ));
            }
            if cases.iter().any(|case| case.id == id) {
                let place = fields.place_of("id");
                fields.note(Finding::error(
                    place,
                    format!("there are two cases with the id `{id}`"),
                    "give each its own id",
                ));
            }
            cases.push(CaseRule { title: title.unwrap_or_else(|| id.clone()), id, identifiers });
        }
        top.adopt(fields.end());
    }
    cases
}
