//! What `config.toml` may say, and what is told of mistakes.

use crate::config::{Auth, Config, PasswordSource, SAMPLE, Security, SentCopy};

const START: &str = "[[account]]\nname = 'work'\naddress = 'b.quill@quillpounce.example'\n";
const SERVERS: &str = "imap = { host = 'imap.example' }\nsmtp = { host = 'smtp.example' }\n";

fn told(text: &str) -> Vec<String> {
    match Config::parse(text, "config.toml") {
        Ok((_, findings)) | Err(findings) => findings.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_sample_parses_and_holds_the_defaults() {
    let (config, findings) = Config::parse(SAMPLE, "sample.toml").unwrap();
    assert!(findings.is_empty(), "{findings:#?}");
    let defaults = Config::default();
    let expected = Config {
        accounts: config.accounts.clone(),
        routes: config.routes.clone(),
        cases: config.cases.clone(),
        identifiers: config.identifiers.clone(),
        ..defaults
    };
    assert_eq!(config, expected);
    assert_eq!(config.accounts[0].password, PasswordSource::Prompt);
}

#[test]
fn the_samples_optional_lines_parse_too() {
    let key = |line: &str| {
        line.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
    };
    let text: String = SAMPLE
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("# ").filter(|rest| key(rest)).unwrap_or(line)))
        .collect();
    assert_ne!(text, SAMPLE);
    let (config, findings) = Config::parse(&text, "sample.toml").unwrap();
    assert!(findings.is_empty(), "{findings:#?}");
    assert!(config.editor.is_some() && config.unlock_command.is_some());
    let account = &config.accounts[0];
    assert!(
        !account.also.is_empty()
            && account.ca_file.is_some()
            && account.sent_mailbox.is_some()
            && !account.skip.is_empty()
    );
    assert!(matches!(&account.password, PasswordSource::Command(words) if words[0] == "pass"));
    assert!(account.client_certificate.is_some());
}

#[test]
fn proofs_and_what_is_asked_for_fit_together() {
    let parsed = |servers: &str, proof: &str| {
        let text = format!("{START}{servers}{proof}\n");
        let (config, findings) = Config::parse(&text, "config.toml").map_err(|found| found[0].to_string())?;
        assert!(findings.is_empty(), "{findings:?}");
        Ok::<_, String>(config.accounts[0].clone())
    };
    let asking =
        |auth: &str| format!("imap = {{ host = 'i.example', auth = '{auth}' }}\nsmtp = {{ host = 's.example' }}\n");
    let token = "token = { command = ['t', 'x'], refresh = ['r'] }";
    let own = "client_certificate = { certificate = 'a.pem', key = 'a.key' }";
    let account = parsed(&asking("xoauth2"), token).unwrap();
    assert_eq!((account.imap.auth, account.smtp.auth), (Auth::XOAuth2, Auth::Auto));
    let PasswordSource::Token { command, refresh } = account.password else { panic!("{:?}", account.password) };
    assert_eq!((command, refresh), (vec!["t".to_owned(), "x".to_owned()], Some(vec!["r".to_owned()])));
    assert_eq!(parsed(SERVERS, own).unwrap().password, PasswordSource::Certificate);
    let with_both = parsed(&asking("external"), &format!("{own}\npassword = 'prompt'")).unwrap();
    assert_eq!((with_both.password, with_both.imap.auth), (PasswordSource::Prompt, Auth::External));
    let check = |servers: &str, proof: &str, expected: &str| {
        let words = parsed(servers, proof).unwrap_err();
        assert!(words.contains(expected), "{words}");
    };
    check(&asking("xoauth2"), "", "needs a token, and this account has none; write `token");
    check(&asking("plain"), token, "needs a password");
    check(&asking("external"), "", "needs a client certificate");
    check(&asking("cram-md5"), "", "there is no `cram-md5`");
    check(&asking("SCRAM-SHA-256-PLUS"), "", "the channel is bound by itself");
    check(&asking("kerberos"), "", "write one of \"auto\", \"plain\"");
    check(SERVERS, &format!("{token}\npassword = 'prompt'"), "not by both");
    check(SERVERS, "token = { refresh = ['x'] }", "names no command");
    check(SERVERS, "client_certificate = { certificate = 'a.pem' }", "key");
    let secret = format!("{START}{SERVERS}token = 'ya29.hunter2'\n");
    assert!(
        told(&secret).iter().any(|one| one.contains("never stands in this file"))
            && !told(&secret).concat().contains("hunter2")
    );
}

#[test]
fn a_short_file_is_enough() {
    let (config, findings) = Config::parse(&format!("{START}{SERVERS}"), "config.toml").unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    let account = &config.accounts[0];
    assert_eq!((account.imap.port, account.imap.security), (993, Security::Tls));
    assert_eq!(account.smtp.port, 465);
    assert_eq!(account.imap.user, "b.quill@quillpounce.example");
    assert_eq!(account.password, PasswordSource::Prompt);
    assert!(account.owns("B.Quill@QuillPounce.example"));
}

#[test]
fn what_would_fail_later_is_told_now() {
    let check = |line: &str, after: &str, expected: &str| {
        let findings = told(&format!("{START}{line}imap = {{ host = 'h' }}\nsmtp = {{ host = 'h' }}\n{after}"));
        assert_eq!(findings.len(), 1, "{line}{after}: {findings:?}");
        assert!(findings[0].contains(expected), "{findings:?}");
    };
    check("full_name = \"Q\\r\\nBcc: x\"\n", "", "`full_name` holds a control character");
    check("ca_file = ''\n", "", "`ca_file` is empty");
    check("", "[register]\naccount = 'nope'\n", "there is no account `nope`");
    // Keys that are asked for more than once are named once.
    check("nope = 1\n", "", "known here: name, address, full_name, also, imap, smtp, ca_file");
}

#[test]
fn who_files_sent_mail_is_one_of_three() {
    let parsed =
        |line: &str| Config::parse(&format!("{START}{SERVERS}{line}\n"), "config.toml").map(|(config, _)| config);
    assert_eq!(parsed("").unwrap().accounts[0].sent_copy, SentCopy::Auto);
    for one in SentCopy::ALL {
        let line = format!("sent_copy = '{}'", one.name());
        assert_eq!(parsed(&line).unwrap().accounts[0].sent_copy, one);
    }
    let told = told(&format!("{START}{SERVERS}sent_copy = 'exchange'\n")).join("\n");
    assert!(told.contains("`sent_copy` knows no `exchange`") && told.contains("\"casemail\""), "{told}");
}

#[test]
fn starttls_takes_its_own_ports() {
    let text = format!(
        "{START}imap = {{ host = 'h', security = 'starttls' }}\nsmtp = {{ host = 'h', security = 'starttls' }}\n"
    );
    let (config, findings) = Config::parse(&text, "config.toml").unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!((config.accounts[0].imap.port, config.accounts[0].smtp.port), (143, 587));
}

#[test]
fn nothing_weakens_tls() {
    let check = |line: &str| {
        let smtp = "smtp = { host = 'h' }";
        let findings = told(&format!("{START}imap = {{ host = 'h', {line} }}\n{smtp}\n"));
        assert_eq!(findings.len(), 1, "{line}: {findings:?}");
        assert!(findings[0].starts_with("config.toml:4:"), "{findings:?}");
        assert!(findings[0].contains("verified certificate") && findings[0].contains("ca_file"), "{findings:?}");
    };
    check("security = 'none'");
    check("security = 'plain'");
    check("security = false");
    check("verify = false");
    check("tls = false");
    check("danger_accept_invalid_certs = true");
    let findings = told(&format!("{START}imap = {{ host = 'imap+insecure://h' }}\nsmtp = {{ host = 'h' }}\n"));
    assert_eq!(
        findings,
        [
            "config.toml:4:17: error: there is no insecure scheme: connections are always TLS with a verified certificate; \
          write the bare host name; trust a private authority by `ca_file`"
        ]
    );
}

#[test]
fn a_password_in_clear_is_refused_and_never_repeated() {
    let check = |text: String| {
        let findings = told(&text);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(!findings[0].contains("hunter2") && findings[0].contains("command ="), "{findings:?}");
    };
    check(format!("{START}{SERVERS}password = 'hunter2'\n"));
    check(format!("{START}{SERVERS}pass = 'hunter2'\n"));
    check(format!("password = 'hunter2'\n{START}{SERVERS}"));
    check(format!("{START}imap = {{ host = 'h', secret = 'hunter2' }}\nsmtp = {{ host = 'h' }}\n"));
    let url = told(&format!("{START}imap = {{ host = 'imaps://me:hunter2@h' }}\nsmtp = {{ host = 'h' }}\n"));
    assert!(!url[0].contains("hunter2"), "{url:?}");
}

#[test]
fn mistakes_are_told_with_their_place_and_a_cure() {
    let check = |text: &str, expected: &str| {
        assert_eq!(told(&text.replace("ACCOUNT", &format!("{START}{SERVERS}"))), [expected], "{text}")
    };
    check("thema = 'dark'\nACCOUNT", "config.toml:1:1: error: unknown key `thema`; did you mean `theme`?");
    check("ACCOUNTadress = 'x'", "config.toml:6:1: error: unknown key `adress`; did you mean `address`?");
    check(
        "ACCOUNTkeymap = 'vim'",
        "config.toml:6:1: error: `keymap` does not belong to this section; \
         move `keymap` to the top of the file, before the first line that begins with `[`",
    );
    check(
        "theme = '../x'\nACCOUNT",
        "config.toml:1:9: error: `theme` is not a name; write a name without path and ending, for instance `theme = \"dark\"`",
    );
    check(
        "editor = 'vim -R'\nACCOUNT",
        "config.toml:1:10: error: `editor` is not a program with its arguments; \
         write `editor = [\"vim\", \"-R\"]`; it is run without a shell",
    );
    check(
        "idle_lock_minutes = -1\nACCOUNT",
        "config.toml:1:21: error: `idle_lock_minutes = -1` is out of range; \
         write a number from 0 to 1440; without it, 5 is taken",
    );
    check(
        "ACCOUNT[sync]\nconnections = 5",
        "config.toml:7:15: error: `connections = 5` is out of range; write a number from 1 to 4; without it, 2 is taken",
    );
    check(
        "ACCOUNT[[account]]\nname='work'\naddress='a@b.example'\nimap={host='h'}\nsmtp={host='h'}",
        "config.toml:7:6: error: there are two accounts named `work`; give each account its own name",
    );
    check(
        "[account]\nname='work'",
        "config.toml:1:2: error: `[account]` has single brackets; write `[[account]]`: there may be several",
    );
    check("", "config.toml: warning: there is no account; run `casemail setup`, or add an `[[account]]`");
    check(
        "ACCOUNT[classes]\ngov = ['*.gov.uk', 'no domain']",
        "config.toml:7:20: error: `no domain` is no domain; write for instance \"gov.uk\"; \
         it stands for every domain that ends in it",
    );
    check(
        "ACCOUNT[classes]\ngov = ['cjsm.net']",
        "config.toml:7:7: error: `cjsm.net` is both in `cjsm` and in `gov`; keep one of the two",
    );
    check(
        "ACCOUNT[[case]]\nid='A'\nidentifiers=['99ZX0012326']\n[[case]]\nid='B'\nidentifiers=['99ZX0012326']",
        "config.toml:11:14: error: `99ZX0012326` already belongs to the case `A`; keep it in one case",
    );
    check(
        "ACCOUNTpassword = { comand = ['x'] }",
        "config.toml:6:14: error: unknown key `comand`; did you mean `command`?",
    );
    check(
        "ACCOUNTpassword = {}",
        "config.toml:6:12: error: `password` names no command; write `password = { command = [\"pass\", \"show\", \"mail\"] }` or `password = \"prompt\"`",
    );
}

#[test]
fn hosts_and_ports_are_looked_at() {
    let check = |imap: &str, expected: &str| {
        let findings = told(&format!("{START}imap = {{ {imap} }}\nsmtp = {{ host = 'h' }}\n"));
        assert_eq!(findings.len(), 1, "{imap}: {findings:?}");
        assert!(findings[0].contains(expected), "{imap}: {findings:?}");
    };
    check("host = 'h', port = 143", "port 143 usually goes with `security = \"starttls\"`");
    check("host = 'h', port = 993, security = 'starttls'", "port 993 usually goes with `security = \"tls\"`");
    check("host = 'h', security = 'ssl'", "write \"tls\"");
    check("host = 'h:993'", "`host` holds a port");
    check("host = 'imaps://h'", "`host` is a URL");
    check("host = 'mäil.example'", "`xn--`");
    check("host = ''", "`host` is empty");
    check("port = 993", "`host` is missing");
    check("host = 'h', port = 70000", "out of range");
    for good in ["127.0.0.1", "::1", "localhost", "mail.firm.example."] {
        assert!(told(&format!("{START}imap = {{ host = '{good}' }}\nsmtp = {{ host = 'h' }}\n")).is_empty(), "{good}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file() {
    let findings = told("theme = 3\n[[account]]\nname = 'a b'\naddress = 'nobody'\n[[account]]\n");
    let places: Vec<&str> = findings.iter().map(|finding| finding.split(": ").next().unwrap()).collect();
    assert_eq!(
        places,
        [
            "config.toml:1:9",
            "config.toml:2:1",
            "config.toml:2:1",
            "config.toml:3:8",
            "config.toml:4:11",
            "config.toml:5:1",
            "config.toml:5:1",
            "config.toml:5:1",
            "config.toml:5:1"
        ],
        "{findings:#?}"
    );
}
