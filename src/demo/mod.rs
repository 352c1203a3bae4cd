//! In-process IMAP and SMTP servers over TLS on loopback, with a throw-away home and fictional cases.
//!
//! For the rest of the program the demo is an account like any other: it gets a home with a configuration file, and servers to talk
//! to. Nothing in here is reachable from outside the machine, nothing it sends can leave it, and the home is removed at the end.

pub mod authority;
mod cast;
mod chance;
mod counterpart;
mod depute;
mod home;
mod hostile;
mod imap;
mod mailbag;
mod paper;
mod post;
mod smtp;
mod story;
mod talk;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use authority::Authority;
use cast::Person;
pub use home::PASSPHRASE;

use home::Home;
use post::{Account, PostOffice};

/// What kind of demo.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many messages the demo's mailboxes hold.
    pub messages: usize,
    /// The same seed gives the same mail.
    pub seed: u64,
    /// Where the throw-away home is made: `XDG_RUNTIME_DIR`, or the directory for temporary files.
    pub parent: PathBuf,
}

impl Options {
    /// 600 messages, the seed 1.
    #[must_use]
    pub fn new(parent: PathBuf) -> Self {
        Self { messages: 600, seed: 1, parent }
    }
}

/// Why a demo could not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The home cannot be made.
    #[error(
        "the demo's home cannot be made in {0}: {1}. Free some space, or set TMPDIR to a directory that can be written"
    )]
    Home(PathBuf, std::io::Error),
    /// A server cannot listen.
    #[error("the demo's servers cannot listen on the loopback interface: {0}")]
    Listen(std::io::Error),
    /// A key, certificate, message or file could not be made.
    #[error("the demo's {0} could not be made: {1}")]
    Make(&'static str, String),
}

/// An account of the demo.
#[derive(Clone, Debug)]
struct Resident {
    name: &'static str,
    person: Person,
    also: &'static [&'static str],
    password: String,
}

const RESIDENTS: [(&str, Person, &[&str]); 2] = [
    (
        "quill",
        cast::QUILL,
        &["b.quill@quillpounce.example", "GM.crime@quillpounce.example.cjsm.net", "GM.crime@quillpounce.example"],
    ),
    ("thistledown", cast::THISTLEDOWN, &["i.thistledown@tg-law.example"]),
];

/// Where the servers listen.
#[derive(Clone, Copy, Debug)]
struct Ports {
    imap: u16,
    smtp: u16,
}

/// A running demo. Dropping it stops the servers and removes the home.
pub struct Demo {
    /// Dropped first, so that no server runs on while the home is being removed.
    servers: tokio::runtime::Runtime,
    home: Home,
    ports: Ports,
    residents: Vec<Resident>,
}

impl std::fmt::Debug for Demo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Demo").field("home", &self.home.path()).finish_non_exhaustive()
    }
}

impl Demo {
    /// Starts the servers on threads of their own and fills the home. Blocks until both are ready; not to be called from within an
    /// asynchronous task.
    ///
    /// # Errors
    /// See [`DemoError`]; nothing is left behind.
    pub fn start(options: &Options) -> Result<Self, DemoError> {
        let home = Home::new(&options.parent).map_err(|error| DemoError::Home(options.parent.clone(), error))?;
        let residents = residents()?;
        let authority = Authority::new("casemail demo").map_err(|words| DemoError::Make("certificates", words))?;
        // Older than the oldest letter, so that no signature is older than its key.
        let before = Timestamp::from_second(1_767_225_600).unwrap_or(Timestamp::UNIX_EPOCH);
        let keys = Arc::new(cast::keys(before).map_err(|words| DemoError::Make("keys", words))?);
        let office = Arc::new(PostOffice::new(residents.iter().map(account).collect()));
        let (posts, events) = mailbag::fill_bag(options.messages, options.seed, &keys, Timestamp::now())
            .map_err(|words| DemoError::Make("mail", words))?;
        for post in posts {
            office.with(post.account, |account| {
                if let Some(mailbox) = account.find(post.mailbox).and_then(|at| account.mailboxes.get_mut(at)) {
                    mailbox.add(post.raw.into(), post.flags, post.received);
                }
            });
        }
        let servers = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("demo")
            .enable_all()
            .build()
            .map_err(DemoError::Listen)?;
        let config = authority.server_config().map_err(|words| DemoError::Make("certificates", words))?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let ports = servers.block_on(listen(&acceptor, &office, &keys)).map_err(DemoError::Listen)?;
        home.fill(&authority.ca_pem, ports, &residents, &keys, events)
            .map_err(|words| DemoError::Make("home", words))?;
        Ok(Self { servers, home, ports, residents })
    }

    /// The home: `casemail --home HOME …` works at once, without a prompt.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The settings for scripts, schema `casemail.demo/1`.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let accounts: Vec<serde_json::Value> = self
            .residents
            .iter()
            .map(|resident| {
                serde_json::json!({
                    "name": resident.name,
                    "address": resident.person.addr,
                    "password_file": self.home.password_file(resident),
                })
            })
            .collect();
        serde_json::json!({
            "schema": "casemail.demo/1",
            "home": self.home.path(),
            "imap": { "host": "localhost", "port": self.ports.imap, "security": "tls" },
            "smtp": { "host": "localhost", "port": self.ports.smtp, "security": "tls" },
            "ca_file": self.home.ca_file(),
            "accounts": accounts,
        })
    }

    /// Hands over the settings, then serves until the process is told to end (SIGINT, SIGTERM, SIGHUP); the caller then drops the demo,
    /// which removes the home. The signals are awaited before the settings are told, so that nobody can end it too early.
    ///
    /// # Errors
    /// If the signals cannot be waited for, or `tell` fails.
    pub fn serve(&self, tell: impl FnOnce(&serde_json::Value) -> std::io::Result<()>) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        self.servers.block_on(async {
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut terminate = signal(SignalKind::terminate())?;
            let mut hang_up = signal(SignalKind::hangup())?;
            tell(&self.json())?;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
            Ok(())
        })
    }
}

fn residents() -> Result<Vec<Resident>, DemoError> {
    RESIDENTS
        .iter()
        .map(|(name, person, also)| {
            let password = home::secret().map_err(|error| DemoError::Make("passwords", error.to_string()))?;
            Ok(Resident { name, person: *person, also, password })
        })
        .collect()
}

fn account(resident: &Resident) -> Account {
    let addresses: Vec<&str> = std::iter::once(resident.person.addr).chain(resident.also.iter().copied()).collect();
    Account::new(resident.name, &resident.password, &addresses)
}

async fn listen(
    acceptor: &TlsAcceptor,
    office: &Arc<PostOffice>,
    keys: &Arc<Vec<cast::Key>>,
) -> std::io::Result<Ports> {
    let imap = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let smtp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let ports = Ports { imap: imap.local_addr()?.port(), smtp: smtp.local_addr()?.port() };
    let (send, letters) = mpsc::channel(100);
    tokio::spawn(counterpart::answer(letters, Arc::clone(office), Arc::clone(keys)));
    {
        let (acceptor, office) = (acceptor.clone(), Arc::clone(office));
        tokio::spawn(async move {
            while let Ok((tcp, _)) = imap.accept().await {
                let (acceptor, office) = (acceptor.clone(), Arc::clone(&office));
                // What goes wrong on one connection is the business of that connection.
                tokio::spawn(async move {
                    let _ = tcp.set_nodelay(true);
                    if let Ok(stream) = acceptor.accept(tcp).await {
                        let _ = imap::serve(stream, office).await;
                    }
                });
            }
        });
    }
    let (acceptor, office) = (acceptor.clone(), Arc::clone(office));
    tokio::spawn(async move {
        while let Ok((tcp, _)) = smtp.accept().await {
            let (acceptor, office, send) = (acceptor.clone(), Arc::clone(&office), send.clone());
            tokio::spawn(async move {
                let _ = tcp.set_nodelay(true);
                if let Ok(stream) = acceptor.accept(tcp).await {
                    let _ = smtp::serve(stream, office, send).await;
                }
            });
        }
    });
    Ok(ports)
}
