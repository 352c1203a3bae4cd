//! `config.toml`: accounts, recipient classes, cases and preferences as plain data.
//!
//! There is nothing in here that weakens TLS, and no place for a password: it comes from a command or from the keyboard. Nothing in
//! here opens a file, a socket or the environment: text comes in, values and findings go out.

mod attachments;
pub mod files;
pub mod openpgp;
mod practice;
mod read;
pub mod route;
mod write;

use std::path::PathBuf;

use crate::case::document::Kinds;
use crate::case::portal::Portals;
use crate::case::rules::Rule;
use crate::case::template::Template;
use crate::case::{CJSM, Calendar, GOV, Pattern, guard};
use crate::enclose;
use crate::mail::address::Address;
use crate::settings::Finding;

pub use self::openpgp::OpenPgp;
pub use self::route::{Route, RouteLogin};

/// A commented file with every key: what `casemail setup` is made from, and the reference.
pub const SAMPLE: &str = include_str!("sample.toml");

/// How a connection is secured. There is no third way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Security {
    /// TLS from the first byte (RFC 8314 §3).
    Tls,
    /// STARTTLS, required; nothing is accepted before the handshake.
    StartTls,
}

impl Security {
    /// Its name in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::StartTls => "starttls",
        }
    }
}

/// How one proves to a server who one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Auth {
    /// The strongest way that the server offers and that the account has a proof for.
    #[default]
    Auto,
    /// PLAIN only.
    Plain,
    /// LOGIN only.
    Login,
    /// SCRAM-SHA-256 only, bound to the TLS channel where the server offers that.
    ScramSha256,
    /// XOAUTH2 only.
    XOAuth2,
    /// OAUTHBEARER only.
    OAuthBearer,
    /// EXTERNAL only: the client certificate.
    External,
}

impl Auth {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 7] =
        [Self::Auto, Self::Plain, Self::Login, Self::ScramSha256, Self::XOAuth2, Self::OAuthBearer, Self::External];

    /// Its name in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Plain => "plain",
            Self::Login => "login",
            Self::ScramSha256 => "scram-sha-256",
            Self::XOAuth2 => "xoauth2",
            Self::OAuthBearer => "oauthbearer",
            Self::External => "external",
        }
    }
}

/// A server and the name one logs in by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Host name; the certificate must be for it.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How it is secured.
    pub security: Security,
    /// User name.
    pub user: String,
    /// How one logs in.
    pub auth: Auth,
}

/// Where the proof of who one is comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PasswordSource {
    /// A password: the first line that a program prints; run without a shell.
    Command(Vec<String>),
    /// A password, asked for when it is needed.
    Prompt,
    /// A token (OAuth 2.0): the first line that a program prints, at each login; run without a shell.
    Token {
        /// Prints a token.
        command: Vec<String>,
        /// Prints another one after a refusal; without it, `command` is run once more.
        refresh: Option<Vec<String>>,
    },
    /// Nothing but the client certificate.
    Certificate,
}

/// A TLS client certificate with its key (PEM).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    /// The certificate, with those that lead to its authority behind it.
    pub certificate: PathBuf,
    /// Its key, which is its owner's alone and has no passphrase.
    pub key: PathBuf,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name: short, without slash or space.
    pub name: String,
    /// The address that mail is sent from.
    pub address: Address,
    /// The person's name, as in From.
    pub full_name: String,
    /// Other addresses of the same person: never answered to, and theirs is mail to oneself.
    pub also: Vec<Address>,
    /// Incoming mail.
    pub imap: Endpoint,
    /// Outgoing mail.
    pub smtp: Endpoint,
    /// A certificate authority to trust beside the platform's (PEM).
    pub ca_file: Option<PathBuf>,
    /// Where the password or token comes from, for both servers.
    pub password: PasswordSource,
    /// Shown to servers that ask for one.
    pub client_certificate: Option<ClientCertificate>,
    /// The mailbox that sent mail is filed to; without it, the one that the server marks `\Sent` (RFC 6154).
    pub sent_mailbox: Option<String>,
    /// Who files it there.
    pub sent_copy: SentCopy,
    /// Mailboxes to leave alone.
    pub skip: Vec<String>,
    /// Compress what goes to and from the IMAP server, where it can (RFC 4978). It lets whoever watches the line guess at what is said.
    pub compress: bool,
}

impl Account {
    /// Whether an address is one of this person's own.
    #[must_use]
    pub fn owns(&self, addr: &str) -> bool {
        std::iter::once(&self.address).chain(&self.also).any(|own| own.addr.eq_ignore_ascii_case(addr))
    }
}

/// Domain suffixes per way of carriage; matched on whole labels from the right, first hit wins in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes {
    /// The Criminal Justice Secure eMail service.
    pub cjsm: Vec<String>,
    /// Government domains that enforce TLS.
    pub gov: Vec<String>,
    /// The firm's own domains, besides those of the accounts.
    pub firm: Vec<String>,
}

impl Default for Classes {
    fn default() -> Self {
        let own = |list: &[&str]| list.iter().map(|suffix| (*suffix).to_owned()).collect();
        Self { cjsm: own(&[CJSM]), gov: own(GOV), firm: Vec::new() }
    }
}

/// A case named in the file: its messages are found by any of its identifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseRule {
    /// What scripts call it; unique.
    pub id: String,
    /// For instance `R v FERRET`.
    pub title: String,
    /// URN, Crown Court number, PF reference or the office's own number.
    pub identifiers: Vec<String>,
}

/// Of what a server shall send reports about sent mail (RFC 3461 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dsn {
    /// It could not be delivered.
    Failure,
    /// It is still on its way after some time.
    Delay,
    /// It was delivered.
    Success,
    /// No report at all.
    Never,
}

impl Dsn {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Failure, Self::Delay, Self::Success, Self::Never];

    /// Its name in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Delay => "delay",
            Self::Success => "success",
            Self::Never => "never",
        }
    }
}

/// Who puts the copy of a sent message into the mailbox for sent mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SentCopy {
    /// The server where it is known to, or was seen to; casemail elsewhere, and where the server does not after all.
    #[default]
    Auto,
    /// The server, always: casemail looks for the copy and never makes one.
    Server,
    /// Casemail, at once.
    Casemail,
}

impl SentCopy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Server, Self::Casemail];

    /// Its name in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Server => "server",
            Self::Casemail => "casemail",
        }
    }
}

/// How a terminal shows pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pictures {
    /// By what the environment says of it.
    #[default]
    Auto,
    /// By kitty's graphics protocol.
    Kitty,
    /// By sixel.
    Sixel,
    /// By half blocks, two points a cell: every terminal with colours can.
    Blocks,
}

impl Pictures {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Kitty, Self::Sixel, Self::Blocks];

    /// Its name in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Kitty => "kitty",
            Self::Sixel => "sixel",
            Self::Blocks => "blocks",
        }
    }
}

/// How mail is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncKnobs {
    /// Messages asked for at a time.
    pub batch: u32,
    /// Mailboxes of an account that are fetched at the same time, each over a connection of its own.
    pub connections: u32,
    /// Mailboxes besides INBOX are looked at this often.
    pub every_minutes: u32,
    /// Bodies of messages larger than this are fetched when they are opened.
    pub bodies_up_to_bytes: u64,
}

impl Default for SyncKnobs {
    fn default() -> Self {
        Self { batch: 512, connections: 2, every_minutes: 5, bodies_up_to_bytes: 1 << 20 }
    }
}

/// The whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Accounts, the default one first.
    pub accounts: Vec<Account>,
    /// A program whose first line of output unlocks the profile; run without a shell.
    pub unlock_command: Option<Vec<String>>,
    /// Name of the keymap.
    pub keymap: String,
    /// Name of the theme.
    pub theme: String,
    /// The outside editor with its arguments; without it `$VISUAL`, then `$EDITOR`.
    pub editor: Option<Vec<String>>,
    /// The outside program that documents are opened in when that is asked for, with its arguments; it stays until its window is closed. Empty: none.
    pub viewer: Vec<String>,
    /// How pictures are shown.
    pub pictures: Pictures,
    /// The screen locks after so many minutes without a key; 0 never.
    pub idle_lock_minutes: u32,
    /// Mail waits so long in the outbox, so that it can be taken back.
    pub undo_send_seconds: u32,
    /// Copies of messages of a closed case may be let go of here once nothing has come or changed in it for so many days.
    pub purge_idle_days: u32,
    /// Keys may be looked up on the internet when that is asked for: the host of the address learns of it.
    pub key_lookup: bool,
    /// A message larger than this is not fetched.
    pub max_message_bytes: u64,
    /// Reports that are asked for about sent mail, where the server offers them; empty: none is asked for.
    pub dsn: Vec<Dsn>,
    /// Recipient classes.
    pub classes: Classes,
    /// What is encrypted and signed, to whom.
    pub openpgp: OpenPgp,
    /// How mail is fetched.
    pub sync: SyncKnobs,
    /// Ways for mail to some domains, instead of the account's own server.
    pub routes: Vec<Route>,
    /// Cases.
    pub cases: Vec<CaseRule>,
    /// Filing rules: they come into force when a person has seen what they move.
    pub filing: Vec<Rule>,
    /// What the practice has decided about mail of cases.
    pub policy: guard::Policy,
    /// What the practice has decided about files that go out.
    pub attachments: enclose::Policy,
    /// The firm's own numbers: their patterns come before the standard ones.
    pub identifiers: Vec<Pattern>,
    /// What names and media types of documents say.
    pub documents: Kinds,
    /// Whose links are notices of material.
    pub portals: Portals,
    /// Days on which nothing is served.
    pub calendar: Calendar,
    /// Templates of messages: those that come with casemail, and the person's own over them.
    pub templates: Vec<Template>,
    /// authserv-ids (RFC 8601 §2.5) of the firm's own servers: what they say of a sender's domain is believed.
    pub authserv_ids: Vec<String>,
    /// How the register is written.
    pub register: RegisterKnobs,
    /// Where mail is exported to, where nobody says; nothing: it is always asked.
    pub export_directory: Option<PathBuf>,
}

/// When the register is carried between devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replicate {
    /// When somebody asks for it: `casemail register replicate`.
    #[default]
    ByHand,
    /// While the program runs, when something has come or was written and it is quiet.
    Auto,
}

/// The table `[register]`: whom it names, and how it travels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegisterKnobs {
    /// What people call this device; empty: the name of the machine.
    pub device: String,
    /// The role that the user claims, for instance `solicitor`; may be empty.
    pub role: String,
    /// On whose behalf the user acts; may be empty.
    pub on_behalf_of: String,
    /// The account whose server holds the copies; empty: the first.
    pub account: String,
    /// The mailbox of the copies; empty: [`Self::MAILBOX`].
    pub mailbox: String,
    /// When it travels.
    pub replicate: Replicate,
    /// Fingerprints of the certificates of colleagues whose devices write into the same register.
    pub team: Vec<String>,
}

impl RegisterKnobs {
    /// The mailbox where the configuration names none.
    pub const MAILBOX: &str = "Casemail/Register";

    /// The mailbox of the copies.
    #[must_use]
    pub fn mailbox(&self) -> &str {
        if self.mailbox.is_empty() { Self::MAILBOX } else { &self.mailbox }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            accounts: Vec::new(),
            unlock_command: None,
            keymap: "default".to_owned(),
            theme: "dark".to_owned(),
            editor: None,
            viewer: Vec::new(),
            pictures: Pictures::Auto,
            idle_lock_minutes: 5,
            undo_send_seconds: 10,
            purge_idle_days: 90,
            key_lookup: false,
            max_message_bytes: 64 << 20,
            dsn: vec![Dsn::Failure, Dsn::Delay],
            classes: Classes::default(),
            openpgp: OpenPgp::default(),
            sync: SyncKnobs::default(),
            routes: Vec::new(),
            cases: Vec::new(),
            filing: Vec::new(),
            policy: guard::Policy::default(),
            attachments: enclose::Policy::default(),
            identifiers: Vec::new(),
            documents: Kinds::default(),
            portals: Portals::default(),
            calendar: Calendar::default(),
            templates: Template::built_in(),
            authserv_ids: Vec::new(),
            register: RegisterKnobs::default(),
            export_directory: None,
        }
    }
}

impl Config {
    /// Reads a file's text. Paths are as written: see [`files::load`].
    ///
    /// # Errors
    /// All findings, when one of them forbids the file.
    pub fn parse(text: &str, file: &str) -> Result<(Self, Vec<Finding>), Vec<Finding>> {
        read::read(text, file)
    }

    /// Writes the file that reads back as this configuration, with comments for whoever edits it later.
    #[must_use]
    pub fn render(&self) -> String {
        write::write(self)
    }

    /// The route that mail of an account to an address goes by; `None`: the account's own server.
    #[must_use]
    pub fn route(&self, account: &str, address: &str) -> Option<&Route> {
        route::choose(&self.routes, account, address)
    }

    /// The account of a name; without a name, the first.
    #[must_use]
    pub fn account(&self, name: Option<&str>) -> Option<&Account> {
        match name {
            Some(name) => self.accounts.iter().find(|account| account.name == name),
            None => self.accounts.first(),
        }
    }
}

#[cfg(test)]
mod tests;
