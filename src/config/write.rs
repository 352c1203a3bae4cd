//! Values to the text of `config.toml`, so that the set-up can write it.

use std::fmt::Write as _;

use super::{Account, Auth, Config, Endpoint, PasswordSource, RegisterKnobs, Replicate, Route, RouteLogin, SentCopy};

pub(super) fn write(config: &Config) -> String {
    let mut out = String::new();
    let defaults = Config::default();
    out.push_str("# casemail. Keys that are commented out hold their default.\n\n");
    let mut line = |key: &str, value: String, is_default: bool| {
        // Defaults stay as comments, so that a later change of a default reaches those who never chose.
        let _ = writeln!(out, "{}{key} = {value}", if is_default { "# " } else { "" });
    };
    line("keymap", text(&config.keymap), config.keymap == defaults.keymap);
    line("theme", text(&config.theme), config.theme == defaults.theme);
    line("pictures", text(config.pictures.name()), config.pictures == defaults.pictures);
    line(
        "idle_lock_minutes",
        config.idle_lock_minutes.to_string(),
        config.idle_lock_minutes == defaults.idle_lock_minutes,
    );
    line(
        "undo_send_seconds",
        config.undo_send_seconds.to_string(),
        config.undo_send_seconds == defaults.undo_send_seconds,
    );
    line("purge_idle_days", config.purge_idle_days.to_string(), config.purge_idle_days == defaults.purge_idle_days);
    line("key_lookup", config.key_lookup.to_string(), config.key_lookup == defaults.key_lookup);
    line(
        "max_message_bytes",
        config.max_message_bytes.to_string(),
        config.max_message_bytes == defaults.max_message_bytes,
    );
    let dsn: Vec<String> = config.dsn.iter().map(|one| one.name().to_owned()).collect();
    line("dsn", texts(&dsn), config.dsn == defaults.dsn);
    if !config.authserv_ids.is_empty() {
        line("authserv_ids", texts(&config.authserv_ids), false);
    }
    let viewer = Some(config.viewer.clone()).filter(|command| !command.is_empty());
    for (key, command) in [("editor", &config.editor), ("viewer", &viewer), ("unlock_command", &config.unlock_command)]
    {
        if let Some(command) = command {
            line(key, texts(command), false);
        }
    }
    if config.classes != defaults.classes {
        out.push_str("\n[classes]\n");
        for (key, list) in
            [("cjsm", &config.classes.cjsm), ("gov", &config.classes.gov), ("firm", &config.classes.firm)]
        {
            let _ = writeln!(out, "{key} = {}", texts(list));
        }
    }
    out.push_str(&super::openpgp::write(&config.openpgp));
    if config.sync != defaults.sync {
        let sync = config.sync;
        let _ = write!(
            out,
            "\n[sync]\nbatch = {}\nconnections = {}\nevery_minutes = {}\nbodies_up_to_bytes = {}\n",
            sync.batch, sync.connections, sync.every_minutes, sync.bodies_up_to_bytes
        );
    }
    if let Some(directory) = &config.export_directory {
        let _ = write!(out, "\n[export]\ndirectory = {}\n", text(&directory.display().to_string()));
    }
    super::practice::write(&mut out, config);
    super::attachments::write(&mut out, config);
    for account in &config.accounts {
        write_account(&mut out, account);
    }
    for route in &config.routes {
        write_route(&mut out, route);
    }
    for case in &config.cases {
        let _ = write!(
            out,
            "\n[[case]]\nid = {}\ntitle = {}\nidentifiers = {}\n",
            text(&case.id),
            text(&case.title),
            texts(&case.identifiers)
        );
    }
    write_register(&mut out, &config.register);
    out
}

fn write_register(out: &mut String, knobs: &RegisterKnobs) {
    if *knobs == RegisterKnobs::default() {
        return;
    }
    out.push_str("\n[register]\n");
    for (key, value) in [
        ("device", &knobs.device),
        ("role", &knobs.role),
        ("on_behalf_of", &knobs.on_behalf_of),
        ("account", &knobs.account),
        ("mailbox", &knobs.mailbox),
    ] {
        if !value.is_empty() {
            let _ = writeln!(out, "{key} = {}", text(value));
        }
    }
    if knobs.replicate == Replicate::Auto {
        out.push_str("replicate = \"auto\"\n");
    }
    if !knobs.team.is_empty() {
        let _ = writeln!(out, "team = {}", texts(&knobs.team));
    }
}

fn write_account(out: &mut String, account: &Account) {
    let _ = write!(
        out,
        "\n[[account]]\nname = {}\nfull_name = {}\naddress = {}\n",
        text(&account.name),
        text(&account.full_name),
        text(&account.address.addr)
    );
    if !account.also.is_empty() {
        let also: Vec<String> = account.also.iter().map(|address| address.addr.clone()).collect();
        let _ = writeln!(out, "also = {}", texts(&also));
    }
    let _ = writeln!(out, "imap = {}", endpoint(&account.imap));
    let _ = writeln!(out, "smtp = {}", endpoint(&account.smtp));
    if let Some(file) = &account.ca_file {
        let _ = writeln!(out, "ca_file = {}", text(&file.to_string_lossy()));
    }
    write_proof(out, &account.password);
    if let Some(own) = &account.client_certificate {
        let (certificate, key) = (own.certificate.to_string_lossy(), own.key.to_string_lossy());
        let _ = writeln!(out, "client_certificate = {{ certificate = {}, key = {} }}", text(&certificate), text(&key));
    }
    if let Some(mailbox) = &account.sent_mailbox {
        let _ = writeln!(out, "sent_mailbox = {}", text(mailbox));
    }
    if account.sent_copy != SentCopy::default() {
        let _ = writeln!(out, "sent_copy = {}", text(account.sent_copy.name()));
    }
    if !account.skip.is_empty() {
        let _ = writeln!(out, "skip = {}", texts(&account.skip));
    }
    if account.compress {
        out.push_str("compress = true\n");
    }
}

fn write_proof(out: &mut String, source: &PasswordSource) {
    match source {
        PasswordSource::Command(command) => {
            let _ = writeln!(out, "password = {{ command = {} }}", texts(command));
        }
        PasswordSource::Prompt => out.push_str("password = \"prompt\"\n"),
        PasswordSource::Token { command, refresh: None } => {
            let _ = writeln!(out, "token = {{ command = {} }}", texts(command));
        }
        PasswordSource::Token { command, refresh: Some(refresh) } => {
            let _ = writeln!(out, "token = {{ command = {}, refresh = {} }}", texts(command), texts(refresh));
        }
        PasswordSource::Certificate => {}
    }
}

fn write_route(out: &mut String, route: &Route) {
    let _ = write!(
        out,
        "\n[[route]]\nname = {}\ndomains = {}\nsmtp = {}\n",
        text(&route.name),
        texts(&route.domains),
        endpoint(&route.smtp)
    );
    match &route.login {
        RouteLogin::Account => {}
        RouteLogin::None => out.push_str("password = \"none\"\n"),
        RouteLogin::Own(source) => write_proof(out, source),
    }
    if let Some(file) = &route.ca_file {
        let _ = writeln!(out, "ca_file = {}", text(&file.to_string_lossy()));
    }
    for (key, list) in [("from", &route.from), ("accounts", &route.accounts)] {
        if !list.is_empty() {
            let _ = writeln!(out, "{key} = {}", texts(list));
        }
    }
}

fn endpoint(endpoint: &Endpoint) -> String {
    // As with the top of the file: who never chose follows the default.
    let auth = match endpoint.auth {
        Auth::Auto => String::new(),
        chosen => format!(", auth = \"{}\"", chosen.name()),
    };
    format!(
        "{{ host = {}, port = {}, security = \"{}\", user = {}{auth} }}",
        text(&endpoint.host),
        endpoint.port,
        endpoint.security.name(),
        text(&endpoint.user)
    )
}

/// A TOML basic string (TOML 1.0, "String"): quotes, backslashes and control characters escaped.
pub(super) fn text(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

pub(super) fn texts(list: &[String]) -> String {
    let items: Vec<String> = list.iter().map(|item| text(item)).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

    use crate::case::rules::Rule;
    use crate::config::{
        Account, Auth, CaseRule, Classes, ClientCertificate, Config, Endpoint, PasswordSource, RegisterKnobs,
        Replicate, Security, SentCopy, SyncKnobs,
    };
    use crate::mail::address::Address;
    use crate::mail::id::CaseId;

    fn endpoint() -> impl Strategy<Value = Endpoint> {
        ("[a-z]{1,8}\\.example", 1u16.., any::<bool>(), "\\PC{1,12}").prop_map(|(host, port, tls, user)| Endpoint {
            host,
            port,
            security: if tls { Security::Tls } else { Security::StartTls },
            user,
            auth: Auth::Auto,
        })
    }

    /// A proof with the certificate that belongs to it, and what both servers are asked for.
    fn proof() -> impl Strategy<Value = (PasswordSource, Option<ClientCertificate>, Auth)> {
        let words = || proptest::collection::vec("\\PC{1,8}", 1..4);
        let own = || ClientCertificate { certificate: PathBuf::from("/c \"1"), key: PathBuf::from("/k") };
        prop_oneof![
            Just((PasswordSource::Prompt, None, Auth::ScramSha256)),
            Just((PasswordSource::Prompt, Some(own()), Auth::External)),
            Just((PasswordSource::Certificate, Some(own()), Auth::Auto)),
            words().prop_map(|command| (PasswordSource::Command(command), None, Auth::Auto)),
            (words(), proptest::option::of(words())).prop_map(|(command, refresh)| (
                PasswordSource::Token { command, refresh },
                None,
                Auth::XOAuth2
            )),
        ]
    }

    fn account() -> impl Strategy<Value = Account> {
        let skip = proptest::collection::vec("\\PC{1,8}", 0..3);
        (
            "[a-z]{1,8}",
            "[A-Z][a-z]{1,8} [A-Z]\"?\\\\?'?",
            endpoint(),
            endpoint(),
            proptest::option::of("/[a-z ]{1,8}"),
            proof(),
            skip,
        )
            .prop_map(|(name, full_name, imap, smtp, ca_file, (password, client_certificate, auth), skip)| {
                Account {
                    address: Address { name: full_name.clone(), addr: format!("{name}@firm.example") },
                    name,
                    full_name,
                    also: Vec::new(),
                    imap: Endpoint { auth, ..imap },
                    smtp: Endpoint { auth, ..smtp },
                    ca_file: ca_file.map(PathBuf::from),
                    password,
                    client_certificate,
                    sent_mailbox: None,
                    sent_copy: SentCopy::ALL[skip.len() % 3],
                    compress: skip.len() == 1,
                    skip,
                }
            })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(account in account(), minutes in 0u32..=1440, title in "[A-Za-z\"\\\\\u{7} ]{0,9}x", batch in 1u32..=10_000, connections in 1u32..=4) {
            let config = Config {
                accounts: vec![account],
                idle_lock_minutes: minutes,
                theme: "light".to_owned(),
                editor: Some(vec!["nano".to_owned()]),
                classes: Classes { firm: vec!["firm.example".to_owned()], ..Classes::default() },
                sync: SyncKnobs { batch, connections, ..SyncKnobs::default() },
                cases: vec![CaseRule { id: "A".to_owned(), title, identifiers: vec!["99ZX0012326".to_owned()] }],
                filing: vec![
                    Rule { from: "gazette.example".to_owned(), subject: "\"weekly\"".to_owned(), ..Rule::default() },
                    Rule { identifier: r"QP-[0-9]{4}\b".to_owned(), case: Some(CaseId("A".to_owned())), ..Rule::default() },
                ],
                register: RegisterKnobs { role: "solicitor".to_owned(), replicate: Replicate::Auto, team: vec!["AB".repeat(20)], ..RegisterKnobs::default() },
                ..Config::default()
            };
            let written = config.render();
            let (read, _) = Config::parse(&written, "config.toml").unwrap_or_else(|findings| panic!("{findings:#?}\n{written}"));
            assert_eq!(read, config, "{written}");
        }
    }
}
