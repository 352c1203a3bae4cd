//! The grammar of the command line. Help, completions and the manual page are made from here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::Auth;

#[cfg(feature = "pgp-openssl")]
macro_rules! backend {
    () => {
        "the system's OpenSSL"
    };
}
#[cfg(not(feature = "pgp-openssl"))]
macro_rules! backend {
    () => {
        "RustCrypto"
    };
}

/// What `--version` says: the program, what opens mail, what secures connections.
const VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION"), "\nOpenPGP: sequoia-openpgp with ", backend!(), "\nTLS: rustls with aws-lc-rs");

/// Mail for criminal-justice practitioners: cases, OpenPGP, proof. Without a command, the terminal interface.
#[derive(Clone, Debug, Parser)]
#[command(name = "casemail", version, long_version = VERSION, max_term_width = 100, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 done; 1 the answer is no; 2 usage; 65 bad data; 69 server unavailable; 73 cannot write; \
                        75 try later (queued); 77 locked or not permitted; 78 configuration."
)]
pub(super) struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub(super) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// Options of every command.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Global {
    /// Keep config, state, cache and keys below DIR (else where XDG says)
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) home: Option<PathBuf>,
    /// The account, by its name in the configuration (else all of them, or the first)
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) account: Option<String>,
    /// Write one JSON document with a `schema` field
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Read the passphrase of the profile from the first line of this file descriptor
    #[arg(long, global = true, value_name = "N")]
    pub(super) passphrase_fd: Option<i32>,
}

/// A command.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// Try casemail with embedded servers, a throw-away home and fictional cases
    Demo(Demo),
    /// Make a profile: ask for an account and a passphrase
    Setup(Setup),
    /// Check configuration, keymaps, themes, permissions, keys and servers
    Check {
        /// Do not connect to the servers
        #[arg(long)]
        offline: bool,
    },
    /// Fetch what is new, once
    Sync {
        /// Only this mailbox (may be given several times)
        #[arg(long = "mailbox", value_name = "M")]
        mailboxes: Vec<String>,
        /// Send a password or token that the server refused before once more
        #[arg(long)]
        force: bool,
    },
    /// Cases
    #[command(subcommand)]
    Case(Case),
    /// Threads
    #[command(subcommand)]
    Thread(Thread),
    /// Messages
    #[command(subcommand)]
    Message(Message),
    /// Attachments
    #[command(subcommand)]
    Attachment(Attachment),
    /// Queue an RFC 5322 draft: check it, seal it, send it
    Send {
        /// The draft; `-` or nothing: standard input
        #[arg(value_name = "FILE.eml")]
        file: Option<PathBuf>,
        /// Attach this file, beside what the draft has; may be given several times
        #[arg(long, value_name = "FILE")]
        attach: Vec<PathBuf>,
        /// Where it is too large for one message, send several, each under the limit: numbered, in order, in one thread
        #[arg(long)]
        split: bool,
        /// Only check
        #[arg(long)]
        dry_run: bool,
        /// Say yes to what wants one; what is blocked stays blocked
        #[arg(long)]
        confirm: bool,
        /// Send it though it is blocked: why, in 10 characters or more; the reason is recorded
        #[arg(long = "override", value_name = "REASON")]
        because: Option<String>,
    },
    /// Plea negotiations: where each stands, and what is done in it
    #[command(subcommand)]
    Plea(super::plea_args::Plea),
    /// Mail on its way out
    #[command(subcommand)]
    Outbox(Outbox),
    /// What was done to messages: what the servers do not know yet, and taking it back
    #[command(subcommand)]
    Change(Change),
    /// OpenPGP certificates and own keys
    #[command(subcommand)]
    Key(Key),
    /// Keymaps
    #[command(subcommand)]
    Keymap(Named),
    /// Themes
    #[command(subcommand)]
    Theme(Named),
    /// What happened in each case: the register, proved and carried to other devices
    #[command(subcommand)]
    Register(Register),
    /// What was exported
    #[command(subcommand)]
    Export(Export),
    /// The sealed stores
    #[command(subcommand)]
    Store(Store),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// See [`Command::Demo`].
#[derive(Args, Clone, Debug)]
pub(super) struct Demo {
    /// How many messages there are
    #[arg(long, value_name = "N", default_value_t = 600)]
    pub(super) messages: usize,
    /// The same seed gives the same mail
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Keep the servers up until killed, and print the settings of a ready home as JSON, for scripts
    #[arg(long)]
    pub(super) serve: bool,
}

/// See [`Command::Setup`]. What is not given is asked for at a terminal.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Setup {
    /// Your mail address
    #[arg(long)]
    pub(super) address: Option<String>,
    /// Your name, as it is to stand in From
    #[arg(long)]
    pub(super) name: Option<String>,
    /// The server of incoming mail, HOST or HOST:PORT (then /starttls where the port does not say so)
    #[arg(long, value_name = "HOST")]
    pub(super) imap: Option<String>,
    /// The server of outgoing mail, likewise
    #[arg(long, value_name = "HOST")]
    pub(super) smtp: Option<String>,
    /// The name to log in by (else the address)
    #[arg(long)]
    pub(super) user: Option<String>,
    /// A program whose first line of output is the password of the account
    #[arg(long, value_name = "PROGRAM AND ARGUMENTS", num_args = 1.., allow_hyphen_values = true, value_terminator = ";")]
    pub(super) password_command: Option<Vec<String>>,
    /// A program whose first line of output is an access token (OAuth 2.0), instead of a password
    #[arg(long, value_name = "PROGRAM AND ARGUMENTS", num_args = 1.., allow_hyphen_values = true, value_terminator = ";", conflicts_with = "password_command")]
    pub(super) token_command: Option<Vec<String>>,
    /// A client certificate to show to servers that ask for one (PEM)
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub(super) client_certificate: Option<PathBuf>,
    /// Its key (PEM, chmod 600, no passphrase)
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    pub(super) client_key: Option<PathBuf>,
    /// How to log in to both servers: auto, plain, login, scram-sha-256, xoauth2, oauthbearer or external
    #[arg(long, value_name = "NAME", value_parser = auth)]
    pub(super) auth: Option<Auth>,
    /// A certificate authority to trust beside the platform's (PEM)
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
}

fn auth(name: &str) -> Result<Auth, String> {
    let known = Auth::ALL.into_iter().find(|auth| auth.name() == name);
    known.ok_or_else(|| format!("write one of {}", Auth::ALL.map(Auth::name).join(", ")))
}

/// Which messages or threads a list is of.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Scope {
    /// Of this case: its id or one of its identifiers
    #[arg(long = "case", value_name = "ID", conflicts_with = "unfiled")]
    pub(super) case: Option<String>,
    /// In no case
    #[arg(long)]
    pub(super) unfiled: bool,
    /// Only the first N
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
}

/// See [`Command::Case`].
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Case {
    /// All cases that some message belongs to
    List {
        /// Only the first N
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// One case and its threads
    Show {
        /// Its id or one of its identifiers
        id: String,
    },
    /// Take files that were fetched by hand, for instance from a portal, into the case; their bytes are kept sealed
    Import {
        /// Its id or one of its identifiers
        id: String,
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Where they are from, for instance "Defence Agent Service"
        #[arg(long, default_value = "")]
        source: String,
    },
    /// Open a case in the register
    Open(OpenCase),
    /// Write into a case: numbers, accused, charges, parties, hearings, notes
    Edit(EditCase),
    /// Say which case messages belong to; without a case, that they belong to none
    File(FileToCase),
    /// What is in no case and what could be in several, with suggestions
    Triage {
        /// Only the first N
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// File by the filing rules of the configuration, once they have changed
    Refile {
        /// Only say what would move
        #[arg(long)]
        dry_run: bool,
    },
    /// Close a case, to be looked at again on a day
    Close {
        /// Its id or one of its identifiers
        id: String,
        /// The day (2033-03-02); else seven years from today, in Scotland three
        #[arg(long, value_name = "DAY")]
        review: Option<jiff::civil::Date>,
    },
    /// Open a closed case again
    Reopen {
        /// Its id or one of its identifiers
        id: String,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "")]
        because: String,
    },
    /// Let nothing of a case be destroyed, or lift that
    Hold {
        /// Its id or one of its identifiers
        id: String,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "")]
        because: String,
        /// Lift the hold
        #[arg(long)]
        release: bool,
    },
    /// Let go of the copies here of messages of closed cases in which nothing has come or changed for long; never of a case on hold
    Purge {
        /// Only of this case, by its id or one of its identifiers
        id: Option<String>,
        /// Idle for so many days; else `purge_idle_days` of the configuration
        #[arg(long, value_name = "DAYS")]
        idle: Option<u32>,
        /// Say what would go, and leave it
        #[arg(long)]
        dry_run: bool,
    },
    /// Destroy a closed case: its messages here and all texts about it; digests and a certificate stay. Its id has to be typed before anything goes
    Shred {
        /// Its id or one of its identifiers
        id: String,
        /// Why; it stands on the certificate
        #[arg(long, alias = "reason", value_name = "TEXT")]
        because: String,
        /// Do it without asking
        #[arg(long)]
        yes: bool,
    },
    /// Write the documents and messages of a case to files, with an index and a signed list of their digests
    Export {
        /// Its id or one of its identifiers
        id: String,
        /// Only documents whose name is, or whose SHA-256 begins, so (may be given several times)
        #[arg(long = "document", value_name = "NAME|SHA256")]
        documents: Vec<String>,
        /// Where to, and how
        #[command(flatten)]
        to: ExportTo,
    },
    /// One PDF of the documents of a case: a cover that lists them, bookmarks, a number on each page
    Bundle {
        /// Its id or one of its identifiers
        id: String,
        /// The PDF, or a directory for it, else the one of `[export]` in the configuration; a file that is there is never replaced
        #[arg(long, value_name = "FILE.pdf|DIR")]
        to: Option<PathBuf>,
        /// Only documents whose name or SHA-256 begins so (may be given several times)
        #[arg(long = "document", value_name = "NAME|SHA256")]
        documents: Vec<String>,
        /// The messages, too, as pages of text, each before its documents
        #[arg(long, conflicts_with = "documents")]
        mail: bool,
        /// Tell how far it is on standard error, also where that is no terminal
        #[arg(long)]
        progress: bool,
    },
    /// Everything that was sent, received, exported, overridden and decided in a case, in order; never the text of a message
    Chronology {
        /// Its id or one of its identifiers
        id: String,
        /// As what
        #[arg(long, value_name = "FORM", default_value = "text")]
        format: ChronologyFormat,
    },
}

/// See [`Case::Open`].
#[derive(Args, Clone, Debug)]
pub(super) struct OpenCase {
    /// For instance "R v FERRET"
    #[arg(long)]
    pub(super) title: Option<String>,
    /// A number that it is known by: URN, Crown Court, PF reference, your own reference, … (may be given several times)
    #[arg(long = "number", value_name = "NUMBER")]
    pub(super) numbers: Vec<String>,
    /// england-wales or scotland (else as the title says)
    #[arg(long)]
    pub(super) law: Option<String>,
    /// Whom you act for, the surname in capitals
    #[arg(long, value_name = "NAME")]
    pub(super) client: Option<String>,
    /// Messages to file to it: account/mailbox/uidvalidity/uid
    #[arg(value_name = "MESSAGE")]
    pub(super) messages: Vec<String>,
}

/// See [`Case::Edit`].
#[derive(Args, Clone, Debug)]
pub(super) struct EditCase {
    /// Its id or one of its identifiers
    pub(super) id: String,
    /// Call it so
    #[arg(long)]
    pub(super) title: Option<String>,
    /// england-wales or scotland
    #[arg(long)]
    pub(super) law: Option<String>,
    /// Add a number (may be given several times, as all that follow)
    #[arg(long = "number", value_name = "NUMBER")]
    pub(super) numbers: Vec<String>,
    /// Take a number out
    #[arg(long = "remove-number", value_name = "NUMBER")]
    pub(super) remove_numbers: Vec<String>,
    /// Add an accused, or change the one of that name: "name=Barnaby FERRET; born=01/04/1991"
    #[arg(long, value_name = "FIELDS")]
    pub(super) accused: Vec<String>,
    /// Add a charge: "accused=1; number=1; charge=theft of a garden gnome; statute=Theft Act 1968 s.1"
    #[arg(long = "charge", value_name = "FIELDS")]
    pub(super) charges: Vec<String>,
    /// Add a party, or change the one of that name: "name=Petra Windlestraw; role=cps-lawyer; addresses=p.windlestraw@cps.gov.example"
    #[arg(long = "party", value_name = "FIELDS")]
    pub(super) parties: Vec<String>,
    /// Call a party otherwise: "Petra Windlestraw=Petra Lapwing"
    #[arg(long = "rename-party", value_name = "OLD=NEW")]
    pub(super) rename_parties: Vec<String>,
    /// Take a party out, by name or address
    #[arg(long = "remove-party", value_name = "NAME")]
    pub(super) remove_parties: Vec<String>,
    /// Add a hearing, or change the one of that kind and day: "kind=first-hearing; court=Ambleford MC; date=05/03/2026; time=10:00"
    #[arg(long = "hearing", value_name = "FIELDS")]
    pub(super) hearings: Vec<String>,
    /// Write a note
    #[arg(long = "note", value_name = "TEXT")]
    pub(super) notes: Vec<String>,
}

/// See [`Case::File`].
#[derive(Args, Clone, Debug)]
pub(super) struct FileToCase {
    /// account/mailbox/uidvalidity/uid
    #[arg(value_name = "MESSAGE", required = true)]
    pub(super) messages: Vec<String>,
    /// The case, by its id or a number (several: shared between them)
    #[arg(long = "case", value_name = "ID", required_unless_present_any = ["not_a_case", "take_back"], conflicts_with = "not_a_case")]
    pub(super) cases: Vec<String>,
    /// They belong to no case, and what comes in their threads neither
    #[arg(long)]
    pub(super) not_a_case: bool,
    /// Take back what was decided about them: they belong where numbers, rules and threads say
    #[arg(long, conflicts_with_all = ["cases", "not_a_case"])]
    pub(super) take_back: bool,
}

/// See [`Case::Chronology`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ChronologyFormat {
    /// Lines for people
    #[default]
    Text,
    /// A JSON object on each line
    Jsonl,
    /// Comma-separated values (RFC 4180)
    Csv,
}

/// Where an export goes, and in which form.
#[derive(Args, Clone, Debug)]
pub(super) struct ExportTo {
    /// Below this directory, else the one of `[export]` in the configuration; nothing that is there is ever replaced
    #[arg(long, value_name = "DIR")]
    pub(super) to: Option<PathBuf>,
    /// As what
    #[arg(long, value_name = "FORM", default_value = "files")]
    pub(super) format: ExportFormat,
    /// Write what is in encrypted files (report.pdf.gpg), not the files
    #[arg(long)]
    pub(super) decrypt: bool,
    /// Tell how far it is on standard error, also where that is no terminal
    #[arg(long)]
    pub(super) progress: bool,
}

/// See [`ExportTo`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ExportFormat {
    /// Documents and messages as files, in directories by thread
    #[default]
    Files,
    /// All messages in one mbox file
    Mbox,
    /// A Maildir
    Maildir,
    /// As files, and a zip of them beside the directory
    Zip,
}

/// See [`Command::Export`].
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Export {
    /// Prove that nothing of an export was changed, added or taken away; exit 1 names what was
    Verify {
        /// The directory of a case, or the one that holds them
        dir: PathBuf,
        /// Tell how far it is on standard error, also where that is no terminal
        #[arg(long)]
        progress: bool,
    },
}

/// See [`Command::Register`].
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Register {
    /// The records, the oldest first
    Show {
        /// Only of this case: its id or one of its identifiers
        #[arg(long, value_name = "ID")]
        case: Option<String>,
        /// Only the last N
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
        /// The streams as they were written, to be kept elsewhere and proved by `register verify FILE`
        #[arg(long, conflicts_with_all = ["case", "limit"])]
        raw: bool,
    },
    /// Prove that no record was changed, added or taken away; exit 1 names the first that was
    Verify {
        /// What `register show --raw` has written (`-`: standard input); without it the register of this profile
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Take in what other devices have written and hand over what they lack, sealed, through a mailbox of the server
    Replicate,
}

/// See [`Command::Thread`].
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Thread {
    /// Threads, the newest first
    List {
        /// Which of them
        #[command(flatten)]
        scope: Scope,
    },
    /// The messages of a thread, as a tree
    Show {
        /// 16 hexadecimal digits, as `thread list` prints them
        id: String,
    },
    /// Write the documents and messages of a thread to files
    Export {
        /// 16 hexadecimal digits, as `thread list` prints them
        id: String,
        /// Where to, and how
        #[command(flatten)]
        to: ExportTo,
    },
}

/// See [`Command::Message`].
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Message {
    /// Messages, the newest first
    List {
        /// Which of them
        #[command(flatten)]
        scope: Scope,
        /// In this mailbox
        #[arg(long, value_name = "M")]
        mailbox: Option<String>,
        /// Of this thread
        #[arg(long, value_name = "ID")]
        thread: Option<String>,
        /// Only unread ones
        #[arg(long)]
        unread: bool,
        /// With this Message-ID
        #[arg(long, value_name = "MESSAGE-ID")]
        message_id: Option<String>,
    },
    /// One message, decrypted, with what OpenPGP says of it
    Show {
        /// account/mailbox/uidvalidity/uid, a file, or `-` for standard input
        #[arg(value_name = "ID|FILE.eml|-")]
        message: String,
    },
    /// Write messages and their documents to files
    Export {
        /// account/mailbox/uidvalidity/uid
        #[arg(value_name = "ID", required = true)]
        messages: Vec<String>,
        /// Of one message, only this part, for instance 1.2 (may be given several times)
        #[arg(long = "part", value_name = "PATH")]
        parts: Vec<String>,
        /// Where to, and how
        #[command(flatten)]
        to: ExportTo,
    },
    /// One message as the server has it
    Raw {
        /// account/mailbox/uidvalidity/uid
        #[arg(value_name = "ID")]
        message: String,
    },
    /// Set and clear flags
    Flag {
        /// account/mailbox/uidvalidity/uid
        #[arg(value_name = "ID", required = true)]
        messages: Vec<String>,
        /// Flags to set: seen, flagged, answered, deleted, or a keyword
        #[arg(long, value_name = "FLAG")]
        set: Vec<String>,
        /// Flags to clear
        #[arg(long, value_name = "FLAG")]
        clear: Vec<String>,
    },
    /// Move to a mailbox of the same account
    Move {
        /// account/mailbox/uidvalidity/uid
        #[arg(value_name = "ID", required = true)]
        messages: Vec<String>,
        /// The mailbox
        #[arg(long, value_name = "MAILBOX")]
        to: String,
        /// Make it where it is missing
        #[arg(long)]
        create: bool,
    },
    /// Move to the archive
    Archive {
        /// account/mailbox/uidvalidity/uid
        #[arg(value_name = "ID", required = true)]
        messages: Vec<String>,
        /// Make it where the account has none
        #[arg(long)]
        create: bool,
    },
    /// Move to Trash; where the account has none, mark deleted
    Delete {
        /// account/mailbox/uidvalidity/uid
        #[arg(value_name = "ID", required = true)]
        messages: Vec<String>,
        /// Remove for ever instead: the server keeps no copy, and it cannot be taken back
        #[arg(long)]
        for_ever: bool,
    },
    /// Add a message from a file to a mailbox
    Append {
        /// The message; `-`: standard input
        #[arg(value_name = "FILE.eml|-")]
        file: String,
        /// The mailbox
        #[arg(long, value_name = "MAILBOX")]
        to: String,
        /// As read
        #[arg(long)]
        seen: bool,
        /// Make the mailbox where it is missing
        #[arg(long)]
        create: bool,
    },
}

/// See [`Command::Change`].
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Change {
    /// What the servers were not told yet, with the reason where it is stuck
    List,
    /// Take back what was done last, or a step by its number
    Undo {
        /// The number of the step, as --json and `change list` give it
        step: Option<u64>,
    },
    /// Tell the servers now
    Tell,
    /// Tell the server of a step again that it refused, or of which nobody knows whether it was done
    Retry {
        /// The number of the step, as --json and `change list` give it
        step: u64,
    },
    /// Write the message of a step that the server does not have to a file
    Save {
        /// The number of the step, as --json and `change list` give it
        step: u64,
        /// The file; it must not be there yet. `-`: standard output
        #[arg(long, value_name = "FILE")]
        to: String,
    },
}

/// See [`Command::Attachment`].
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Attachment {
    /// Attachments of one message or of a list of messages
    List {
        /// account/mailbox/uidvalidity/uid, or a file
        #[arg(value_name = "ID|FILE.eml|-")]
        messages: Vec<String>,
        /// Which messages, where none is named
        #[command(flatten)]
        scope: Scope,
    },
    /// Look into an attachment: its text, read in a sandbox without network or files
    Look {
        /// account/mailbox/uidvalidity/uid, or a file
        #[arg(value_name = "ID|FILE.eml|-")]
        message: String,
        /// Which part, for instance 1.2; 2/1 is the first file in a winmail.dat
        #[arg(long = "part", value_name = "PATH")]
        part: String,
    },
    /// Put attachments of a message out of reach, or back; the register has the moment
    Quarantine {
        /// account/mailbox/uidvalidity/uid
        #[arg(value_name = "ID")]
        message: String,
        /// Only this part, for instance 1.2; without it, what is not meant for the defence by its name
        #[arg(long = "part", value_name = "PATH")]
        parts: Vec<String>,
        /// Why
        #[arg(long)]
        because: String,
        /// Back within reach
        #[arg(long)]
        release: bool,
    },
    /// Write attachments of a message to files
    Export {
        /// account/mailbox/uidvalidity/uid, or a file
        #[arg(value_name = "ID|FILE.eml|-")]
        message: String,
        /// Only this part, for instance 1.2 or, of a winmail.dat, 2/1 (may be given several times)
        #[arg(long = "part", value_name = "PATH")]
        parts: Vec<String>,
        /// Decrypt encrypted files (report.pdf.gpg), each by itself, and write what is in them
        #[arg(long)]
        decrypt: bool,
        /// The directory; a file that is there is never replaced
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
}

/// See [`Command::Outbox`].
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Outbox {
    /// All rows, the oldest first
    List,
    /// Try again now
    Retry {
        /// Its number
        id: u64,
    },
    /// Take it out before it is sent
    Cancel {
        /// Its number
        id: u64,
    },
    /// Say what became of an uncertain one, after having looked
    Resolve {
        /// Its number
        id: u64,
        /// What became of it
        fate: Fate,
    },
}

/// What became of an uncertain message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Fate {
    /// It arrived: file the copy and be done
    Arrived,
    /// It did not: send the same bytes again
    SendAgain,
    /// Take it out
    Drop,
}

/// See [`Command::Key`].
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Key {
    /// Certificates, with what was decided about them
    List,
    /// One certificate, with its fingerprint in words and every decision about it
    Show {
        /// Fingerprint, or its last 16 digits or more, or an address
        key: String,
    },
    /// Add certificates (or an own secret key) from a file, for instance what `gpg --export` or `gpg --export-secret-keys` wrote
    Import {
        /// The file; `-`: standard input
        file: PathBuf,
        /// Accept them at once
        #[arg(long)]
        accept: bool,
        /// Do not keep the passphrase of an own key: it is asked for each time
        #[arg(long)]
        ask_passphrase: bool,
        /// Read the passphrase of an own key in the file from the first line of this file descriptor
        #[arg(long, value_name = "N")]
        key_passphrase_fd: Option<i32>,
    },
    /// Look a key up at the host of an address (Web Key Directory); needs `key_lookup = true` in config.toml
    Lookup {
        /// The address
        address: String,
    },
    /// Take in the key that a message brings for its author
    Take {
        /// account/mailbox/uidvalidity/uid
        #[arg(value_name = "ID")]
        message: String,
    },
    /// Use gpg-agent (or a card behind it) for the keys whose certificates are here: their secret parts stay with it
    Agent {
        /// Fingerprint (else all that it has)
        key: Option<String>,
        /// Its socket (else what `gpgconf` says)
        #[arg(long, value_name = "PATH")]
        socket: Option<PathBuf>,
    },
    /// Open an own key that has a passphrase of its own, in the casemail that runs on this profile, until that is locked
    Unlock {
        /// Fingerprint, or its last 16 digits or more, or an address (else your own)
        key: Option<String>,
        /// Keep the passphrase, sealed, with the key: from now on it opens with the profile
        #[arg(long)]
        keep: bool,
        /// Read the passphrase from the first line of this file descriptor
        #[arg(long, value_name = "N")]
        key_passphrase_fd: Option<i32>,
    },
    /// Make an own key
    Generate {
        /// The name on it (else the account's)
        #[arg(long)]
        name: Option<String>,
        /// The address on it (else the account's)
        #[arg(long)]
        address: Option<String>,
    },
    /// Print a certificate, to be given to others
    Export {
        /// Fingerprint, or its last 16 digits or more, or an address (else your own)
        key: Option<String>,
    },
    /// Accept a certificate: mail may be sealed to it and believed from it
    Accept {
        /// Fingerprint
        fingerprint: String,
        /// How the fingerprint was compared, for instance "read over the telephone"; without it, it counts as not compared
        #[arg(long, value_name = "HOW")]
        compared: Option<String>,
    },
    /// Never use a certificate
    Reject {
        /// Fingerprint
        fingerprint: String,
        /// Why
        #[arg(long, value_name = "WHY")]
        because: Option<String>,
    },
    /// Take back what was decided about a certificate: it is not used until you decide again
    Undecide {
        /// Fingerprint
        fingerprint: String,
        /// Why
        #[arg(long, value_name = "WHY")]
        because: Option<String>,
    },
    /// Forget a certificate of somebody else, and what was decided about it
    Forget {
        /// Fingerprint
        fingerprint: String,
    },
    /// Let an own key last longer
    Extend {
        /// Fingerprint, or its last 16 digits or more, or an address (else your own)
        key: Option<String>,
        /// For how many days from today
        #[arg(long, value_name = "N", default_value_t = 1095)]
        days: u32,
    },
    /// Make the successor of an own key: the old one vouches for it and is kept for reading
    Rotate {
        /// Fingerprint, or its last 16 digits or more, or an address (else your own)
        key: Option<String>,
    },
    /// Revoke an own key for good: nobody is to use it any more
    Revoke {
        /// Fingerprint
        fingerprint: String,
        /// Why
        #[arg(long, value_enum)]
        reason: RevocationReason,
        /// The same in words; everybody can read them
        #[arg(long, value_name = "WORDS", default_value = "")]
        because: String,
    },
    /// Write an own key as a sheet for paper, locked with a passphrase that is asked for
    Backup {
        /// Fingerprint, or its last 16 digits or more, or an address (else your own)
        key: Option<String>,
        /// The file, which must not be there yet (else standard output)
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
        /// Read the passphrase of the sheet from the first line of this file descriptor
        #[arg(long, value_name = "N")]
        key_passphrase_fd: Option<i32>,
    },
    /// Put an own key back from a backup sheet
    Restore {
        /// The file; `-`: standard input
        file: PathBuf,
        /// Read the passphrase of the sheet from the first line of this file descriptor
        #[arg(long, value_name = "N")]
        key_passphrase_fd: Option<i32>,
    },
}

impl Key {
    /// What is asked of a person before the command is handed to another process, which has no terminal of theirs.
    pub(super) fn question(&self) -> Option<&'static str> {
        matches!(self, Self::Unlock { .. }).then_some("Passphrase of the key")
    }

    /// The file descriptor that a key's passphrase is read from.
    pub(super) fn passphrase_fd(&self) -> Option<i32> {
        match self {
            Self::Import { key_passphrase_fd, .. }
            | Self::Backup { key_passphrase_fd, .. }
            | Self::Unlock { key_passphrase_fd, .. }
            | Self::Restore { key_passphrase_fd, .. } => *key_passphrase_fd,
            _ => None,
        }
    }
}

/// Why an own key is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RevocationReason {
    /// Somebody else may have the secret: nothing it ever signed is to be believed
    Compromised,
    /// Another key takes its place
    Superseded,
    /// It is no longer used
    Retired,
}

/// Keymaps and themes go by names.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Named {
    /// All names, the one in use marked
    List,
    /// What it says
    Show {
        /// Its name (else the one in use)
        name: Option<String>,
    },
    /// What is wrong with it
    Check {
        /// Its name (else all of them)
        name: Option<String>,
    },
}

/// See [`Command::Store`].
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Store {
    /// Counts and sizes
    Stats,
    /// Open every record of the cache; remove what is damaged, so that the next sync brings it back
    Verify,
    /// Delete the cache, so that the next sync makes it anew; nothing else is touched
    Rebuild,
    /// Begin a new state store where the one of this profile is lost or damaged, and no copy of it can be put back; what is left of it is kept aside
    Anew {
        /// Do it without asking
        #[arg(long)]
        yes: bool,
    },
    /// New keys for everything that is sealed; it can be interrupted, and goes on when it is called again
    Rekey {
        /// Ask for a new passphrase, too
        #[arg(long)]
        passphrase: bool,
        /// Read the new passphrase from the first line of a file descriptor
        #[arg(long, value_name = "FD")]
        new_passphrase_fd: Option<i32>,
        /// Change the passphrase alone, at once: what is sealed stays as it is
        #[arg(long)]
        keep_keys: bool,
    },
    /// Let go of the text of messages and give their room back; they stay in the lists, and are fetched again when one is opened
    Purge {
        /// Of messages that came more than so many days ago
        #[arg(long, value_name = "DAYS")]
        older_than: Option<u32>,
        /// Of this mailbox, by name or by account and name (repeat for more)
        #[arg(long = "mailbox", value_name = "NAME")]
        mailboxes: Vec<String>,
        /// Of messages that are marked as deleted
        #[arg(long)]
        deleted: bool,
        /// Say what would go, and leave it
        #[arg(long)]
        dry_run: bool,
    },
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Cli, Command, Message, Outbox};

    #[test]
    fn the_grammar_holds() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_go_anywhere() {
        let cli = Cli::parse_from(["casemail", "message", "list", "--json", "--home", "/h", "--limit", "3"]);
        assert!(cli.global.json && cli.global.home.is_some());
        assert!(matches!(cli.command, Some(Command::Message(Message::List { .. }))));
        assert!(Cli::parse_from(["casemail"]).command.is_none());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for words in [
            &["casemail", "message", "list", "--case", "1", "--unfiled"] as &[_],
            &["casemail", "outbox", "retry", "x"],
            &["casemail", "outbox", "resolve", "1", "maybe"],
            &["casemail", "nonsense"],
        ] {
            assert!(Cli::try_parse_from(words).is_err(), "{words:?}");
        }
        let cli = Cli::parse_from(["casemail", "outbox", "resolve", "1", "send-again"]);
        assert!(matches!(cli.command, Some(Command::Outbox(Outbox::Resolve { id: 1, .. }))));
    }
}
