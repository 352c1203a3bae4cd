//! `setup`: a configuration and a profile, asked for at a terminal or given by options. At a terminal the servers are tried before
//! anything is written; there is no way past a certificate that does not verify but the file of its authority.

mod trial;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use super::args;
use super::exit::{Exit, Failure, Outcome};
use super::output::Output;
use super::passphrase::{self, Secret};
use super::profile;
use crate::config::{Account, Auth, ClientCertificate, Config, Endpoint, PasswordSource, Security, SentCopy};
use crate::mail::address::Address;
use crate::store::file;
use crate::store::profile::{Profile, Roots};
use crate::store::vault::{Cost, Vault};

/// Shorter passphrases fall to a search within months, whatever Argon2 costs.
const PASSPHRASE_BYTES_MIN: usize = 8;

/// Who answers.
pub(super) struct Asked<'a> {
    /// Where the profile is to lie.
    pub(super) roots: Roots,
    /// The user's own directory, for `~/` in the configuration.
    pub(super) home: Option<&'a Path>,
    /// Somebody is at the terminal.
    pub(super) is_interactive: bool,
    /// Given by `--passphrase-fd`.
    pub(super) passphrase: Option<Secret>,
    /// `--account`.
    pub(super) account: Option<&'a str>,
    /// For new headers; tests take a cheap one.
    pub(super) cost: Cost,
}

pub(super) fn run(output: &mut Output<'_>, options: &args::Setup, asked: Asked<'_>, cwd: &Path) -> Outcome {
    let roots = asked.roots.clone();
    if roots.exists() {
        return Err(Failure::no(format!(
            "there is a profile already: {}. Accounts are changed in {}; `casemail check` tells what is wrong with it",
            roots.vault_file().display(),
            roots.config_file().display()
        )));
    }
    let config_file = roots.config_file();
    let (text, unlock) = if config_file.exists() {
        let config = profile::configuration(&roots, asked.home)?;
        output.say(&format!("{} is there and is kept", config_file.display()));
        (None, config.unlock_command)
    } else {
        if asked.is_interactive {
            output.say("A few questions about your account. Enter takes what stands in brackets; ctrl-C ends it, and nothing is written before the end.");
        }
        let mut account = account(options, &asked, cwd, output)?;
        if asked.is_interactive {
            trial::servers(&mut account, &asked, cwd, output)?;
        } else {
            output.say("nothing was tried yet: `casemail check` connects and logs in");
        }
        (Some(rendered(account)?), None)
    };
    let passphrase = match (asked.passphrase, unlock) {
        (Some(passphrase), _) if passphrase.is_empty() => {
            return Err(Failure::new(Exit::Usage, "the passphrase is empty"));
        }
        (Some(passphrase), _) => passphrase,
        (None, Some(command)) => passphrase::from_command("unlock_command", &command)?,
        (None, None) if asked.is_interactive => chosen(output)?,
        (None, None) => {
            return Err(Failure::new(
                Exit::Usage,
                "there is nobody to ask for a passphrase; give one with --passphrase-fd N",
            ));
        }
    };
    let opened = Profile::open(roots).map_err(|error| Failure::new(Exit::NotPermitted, error))?;
    if let Some(text) = text {
        file::write_atomic(&config_file, text.as_bytes()).map_err(|error| {
            Failure::new(Exit::CannotWrite, format!("{}: cannot be written: {error}", config_file.display()))
        })?;
        output.line(&format!("The configuration is written: {}", config_file.display()))?;
    }
    let place = opened.roots().vault_file();
    Vault::create_with(&place, &passphrase, asked.cost).map_err(|error| Failure::new(Exit::CannotWrite, error))?;
    output.line(&format!("The profile is ready: {}", place.display()))?;
    output.line("Next: `casemail key generate` makes your OpenPGP key, `casemail check` looks at everything, `casemail` begins.")?;
    Ok(Exit::Done)
}

/// A new passphrase, typed twice.
pub(super) fn chosen(output: &mut Output<'_>) -> Result<Secret, Failure> {
    output.say("A new passphrase. It opens everything that casemail keeps on this machine, and nobody can give it back to you: four or more random words are good. It is not shown while you type.");
    loop {
        let gave_up = || Failure::new(Exit::NotPermitted, "no passphrase was chosen; nothing was made");
        let first = passphrase::ask("New passphrase")?.ok_or_else(gave_up)?;
        if first.is_empty() {
            output.say("It must not be empty.");
            continue;
        }
        if first.len() < PASSPHRASE_BYTES_MIN {
            output.say(&format!("That is too short: {PASSPHRASE_BYTES_MIN} characters at least."));
            continue;
        }
        let second = passphrase::ask("The same again")?.ok_or_else(gave_up)?;
        if *first == *second {
            return Ok(first);
        }
        output.say("The two are not the same. Once more, please.");
    }
}

/// The account, from options, answers and defaults.
fn account(options: &args::Setup, asked: &Asked<'_>, cwd: &Path, output: &mut Output<'_>) -> Result<Account, Failure> {
    let mut missing = Vec::new();
    let mut answer = |given: &Option<String>,
                      question: &str,
                      option: &'static str,
                      default: Option<&str>,
                      check: &dyn Fn(&str) -> Result<(), String>| {
        let bad = |why: String| Failure::new(Exit::Usage, format!("{option}: {why}"));
        match (given, default) {
            (Some(text), _) => check(text.trim()).map_err(bad).map(|()| text.trim().to_owned()),
            (None, default) if asked.is_interactive => loop {
                let text = ask(question, default)?;
                match check(&text) {
                    Ok(()) => break Ok(text),
                    Err(why) => output.say(&format!("{why}. Please try again.")),
                }
            },
            (None, Some(default)) => Ok(default.to_owned()),
            (None, None) => {
                missing.push(option);
                Ok(String::new())
            }
        }
    };
    let is_address = |text: &str| Address::parse(text).map(drop).map_err(|error| error.to_string());
    let is_server = |port: u16| move |text: &str| endpoint(text, port, "").map(drop);
    let address = answer(&options.address, "Your mail address", "--address", None, &is_address)?;
    let name = answer(&options.name, "Your name, as it is to stand in From", "--name", Some(""), &|_| Ok(()))?;
    let domain = address.rsplit_once('@').map(|(_, domain)| domain.to_owned()).unwrap_or_default();
    let guess =
        |kind: &str| if domain.is_empty() || !asked.is_interactive { None } else { Some(format!("{kind}.{domain}")) };
    let question = "Server of incoming mail (IMAP), HOST or HOST:PORT";
    let imap = answer(&options.imap, question, "--imap", guess("imap").as_deref(), &is_server(993))?;
    let question = "Server of outgoing mail (SMTP), HOST or HOST:PORT";
    let smtp = answer(&options.smtp, question, "--smtp", guess("smtp").as_deref(), &is_server(465))?;
    let user = answer(&options.user, "Name to log in by", "--user", Some(&address), &|_| Ok(()))?;
    if !missing.is_empty() {
        return Err(Failure::new(Exit::Usage, format!("there is nobody to ask; give {}", missing.join(", "))));
    }
    let bad = |what: &str, why: String| Failure::new(Exit::Usage, format!("{what}: {why}"));
    let own = options.client_certificate.as_ref().zip(options.client_key.as_ref());
    let client_certificate =
        own.map(|(certificate, key)| ClientCertificate { certificate: cwd.join(certificate), key: cwd.join(key) });
    let auth = options.auth.unwrap_or_default();
    let password = match (&options.password_command, &options.token_command) {
        (Some(command), _) => PasswordSource::Command(command.clone()),
        (None, Some(command)) => PasswordSource::Token { command: command.clone(), refresh: None },
        (None, None) if auth == Auth::External => PasswordSource::Certificate,
        (None, None) => PasswordSource::Prompt,
    };
    let mut parsed = Address::parse(&address).map_err(|error| bad("--address", error.to_string()))?;
    parsed.name.clone_from(&name);
    Ok(Account {
        name: asked.account.unwrap_or("work").to_owned(),
        address: parsed,
        full_name: name,
        also: Vec::new(),
        imap: Endpoint { auth, ..endpoint(&imap, 993, &user).map_err(|why| bad("--imap", why))? },
        smtp: Endpoint { auth, ..endpoint(&smtp, 465, &user).map_err(|why| bad("--smtp", why))? },
        ca_file: options.ca_file.as_ref().map(|file| cwd.join(file)),
        password,
        client_certificate,
        sent_mailbox: None,
        sent_copy: SentCopy::default(),
        skip: Vec::new(),
        compress: false,
    })
}

/// The text of `config.toml`. What we write, we read: a value with a quote in it must not make a file that is refused at the next start.
fn rendered(account: Account) -> Result<String, Failure> {
    let text = Config { accounts: vec![account], ..Config::default() }.render();
    match Config::parse(&text, "config.toml") {
        Ok(_) => Ok(text),
        Err(found) => {
            let words: Vec<String> = found.into_iter().map(|one| format!("{} {}", one.what, one.cure)).collect();
            Err(Failure::new(Exit::Usage, words.join("\n")))
        }
    }
}

/// `host` or `host:port`, with `/starttls` or `/tls` where the port does not say which: those of STARTTLS mean STARTTLS, every other one
/// TLS from the first byte.
pub(super) fn endpoint(text: &str, port: u16, user: &str) -> Result<Endpoint, String> {
    let (text, said) = match text.rsplit_once('/') {
        Some((text, "starttls")) => (text, Some(Security::StartTls)),
        Some((text, "tls")) => (text, Some(Security::Tls)),
        _ => (text, None),
    };
    let (host, port) = match text.rsplit_once(':') {
        Some((host, digits)) => (host, digits.parse().map_err(|_| format!("{digits:?} is no port"))?),
        None => (text, port),
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '/') {
        return Err(format!("{text:?} is no host; write HOST or HOST:PORT"));
    }
    let usual = if matches!(port, 143 | 587 | 25) { Security::StartTls } else { Security::Tls };
    let security = said.unwrap_or(usual);
    Ok(Endpoint { host: host.to_owned(), port, security, user: user.to_owned(), auth: Auth::Auto })
}

/// Asks a person, in the open.
pub(super) fn ask(question: &str, default: Option<&str>) -> Result<String, Failure> {
    let fail = |error: std::io::Error| Failure::new(Exit::Usage, format!("nobody can be asked: {error}"));
    let mut terminal = std::fs::File::options().read(true).write(true).open("/dev/tty").map_err(fail)?;
    loop {
        match default {
            Some(default) if !default.is_empty() => write!(terminal, "{question} [{default}]: "),
            _ => write!(terminal, "{question}: "),
        }
        .map_err(fail)?;
        let mut line = String::new();
        if BufReader::new(&terminal).read_line(&mut line).map_err(fail)? == 0 {
            return Err(Failure::new(Exit::Usage, "nothing was made"));
        }
        match (line.trim(), default) {
            ("", Some(default)) => return Ok(default.to_owned()),
            ("", None) => {}
            (text, _) => return Ok(text.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, endpoint, run};
    use crate::cli::args;
    use crate::cli::exit::Exit;
    use crate::cli::output::Output;
    use crate::config::Security;
    use crate::store::profile::Roots;
    use crate::store::vault::{Cost, Vault};

    #[test]
    fn ports_say_how_a_connection_is_secured() {
        let check = |text: &str, port: u16, security: Security| {
            let found = endpoint(text, 993, "k").unwrap();
            assert_eq!((found.host.as_str(), found.port, found.security), ("mail.example", port, security), "{text}");
        };
        check("mail.example", 993, Security::Tls);
        check("mail.example:587", 587, Security::StartTls);
        check("mail.example:1993", 1993, Security::Tls);
        check("mail.example:1143/starttls", 1143, Security::StartTls);
        check("mail.example/tls", 993, Security::Tls);
        for text in ["", ":993", "mail.example:x", "imaps://mail.example"] {
            assert!(endpoint(text, 993, "k").is_err(), "{text}");
        }
    }

    #[test]
    fn options_make_a_profile_and_what_is_missing_is_named() {
        let tmp = tempfile::tempdir().unwrap();
        let roots = Roots::below(&tmp.path().join("home"));
        let asked = || Asked {
            roots: roots.clone(),
            home: None,
            is_interactive: false,
            passphrase: Some(b"otter weir lantern".to_vec().into()),
            account: None,
            cost: Cost::TEST,
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut output = Output::new(&mut out, &mut err, false);
        let failure = run(&mut output, &args::Setup::default(), asked(), tmp.path()).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.words.contains("--address, --imap, --smtp"), "{}", failure.words);
        let options = args::Setup {
            address: Some("kestrel@chambers.example".into()),
            imap: Some("imap.chambers.example".into()),
            smtp: Some("smtp.chambers.example:587".into()),
            password_command: Some(vec!["cat".into(), "it's here".into()]),
            ..args::Setup::default()
        };
        assert_eq!(run(&mut output, &options, asked(), tmp.path()).unwrap(), Exit::Done);
        let (config, _) = crate::config::files::load(&roots.config, None).unwrap();
        assert_eq!(config.accounts[0].smtp.security, Security::StartTls);
        Vault::open_with(&roots.vault_file(), b"otter weir lantern", Cost::TEST).unwrap();
        let again = run(&mut output, &options, asked(), tmp.path()).unwrap_err();
        assert!(again.words.contains("already"), "{}", again.words);
    }
}
