//! IMAP servers of different makers behind one face: where they listen, how they name mailboxes, started, stopped and started again.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use casemail::demo::authority::Authority;
use casemail::net::{Endpoint, Security};
use rustix::process::{Pid, Signal, kill_process_group};

/// A server's processes.
pub(crate) trait Daemon {
    /// Starts it; returns when it may be connected to soon.
    fn up(&mut self);
    /// Stops it with every session; what it keeps stays.
    fn down(&mut self);
    /// Its directory.
    fn dir(&self) -> &Path;
    /// What it said.
    fn log(&self) -> String;
}

/// A private server with one user, `quill`; ends when dropped.
pub(crate) struct Host {
    /// The maker.
    pub(crate) name: &'static str,
    /// Each way in.
    pub(crate) endpoints: Vec<Endpoint>,
    /// What stands before the names of the user's own mailboxes, as `INBOX.`.
    pub(crate) prefix: &'static str,
    /// What stands between the levels of a mailbox's name.
    pub(crate) delimiter: char,
    /// It keeps messages with bare LF, whatever it was given.
    pub(crate) bare_newlines: bool,
    daemon: Box<dyn Daemon + Send>,
}

impl Host {
    /// One that runs already.
    pub(crate) fn running(name: &'static str, endpoints: Vec<Endpoint>, daemon: Box<dyn Daemon + Send>) -> Self {
        Self { name, endpoints, prefix: "", delimiter: '/', bare_newlines: false, daemon }
    }

    /// Starts this command in this directory, and waits until every endpoint takes connections.
    pub(crate) fn start(
        name: &'static str,
        dir: tempfile::TempDir,
        endpoints: Vec<Endpoint>,
        (prefix, delimiter): (&'static str, char),
        command: Command,
    ) -> Self {
        let daemon = Box::new(Program { dir, command, child: None });
        let mut host = Self { name, endpoints, prefix, delimiter, bare_newlines: false, daemon };
        host.up();
        host
    }

    /// Starts what was stopped.
    pub(crate) fn up(&mut self) {
        self.daemon.up();
        let until = Instant::now() + Duration::from_secs(60);
        for endpoint in &self.endpoints {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, endpoint.port)).is_err() {
                assert!(Instant::now() < until, "{} does not listen:\n{}", self.name, self.daemon.log());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Stops it with every session.
    pub(crate) fn down(&mut self) {
        self.daemon.down();
    }

    /// Its certificate authority.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.daemon.dir().join("ca.pem")
    }

    /// What it gives back of a message.
    pub(crate) fn kept(&self, raw: Vec<u8>) -> Vec<u8> {
        if self.bare_newlines { String::from_utf8(raw).unwrap().replace("\r\n", "\n").into_bytes() } else { raw }
    }

    /// A mailbox's name here: `Otter/Weir` is `INBOX.Otter.Weir` with Courier.
    pub(crate) fn mailbox(&self, name: &str) -> String {
        if name == "INBOX" {
            return name.to_owned();
        }
        format!("{}{}", self.prefix, name.replace('/', &self.delimiter.to_string()))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.down();
        if std::thread::panicking() {
            eprintln!("{} said:\n{}", self.name, self.daemon.log());
        }
    }
}

/// A command that runs until it is stopped, in a process group of its own.
struct Program {
    dir: tempfile::TempDir,
    command: Command,
    child: Option<Child>,
}

impl Daemon for Program {
    fn up(&mut self) {
        let log = File::options().create(true).append(true).open(self.dir.path().join("console.log")).unwrap();
        self.command.process_group(0).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(self.command.spawn().unwrap());
    }

    fn down(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let Some(group) = Pid::from_raw(i32::try_from(child.id()).unwrap_or(0)) else { return };
        let _ = kill_process_group(group, Signal::TERM);
        let until = Instant::now() + Duration::from_secs(5);
        while matches!(child.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        // Whoever serves a session may outlive the master.
        let _ = kill_process_group(group, Signal::KILL);
        let _ = child.wait();
    }

    fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("console.log")).unwrap_or_default()
    }
}

/// A directory for a server, with its certificate. Below /tmp, because paths of Unix sockets must be short.
pub(crate) fn directory(name: &str) -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix(&format!("cm-{name}-")).tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let authority = Authority::new("casemail tests").unwrap();
    for (file, text) in [
        ("ca.pem", &authority.ca_pem),
        ("server.pem", &authority.server_pem),
        ("server.key", &authority.server_key_pem),
    ] {
        std::fs::write(dir.path().join(file), text).unwrap();
    }
    dir
}

/// What `tests/servers` unpacked under this name, or `None`, said aloud.
pub(crate) fn unpacked(name: &str) -> Option<PathBuf> {
    // Beside the directory of the profile, in cargo's target directory.
    let target = Path::new(env!("CARGO_BIN_EXE_casemail")).ancestors().nth(2)?;
    let place = target.join("servers").join(name);
    if place.exists() {
        return Some(place);
    }
    assert_ne!(std::env::var("CASEMAIL_TESTS").as_deref(), Ok("all"), "{name} is not there: run tests/servers");
    eprintln!("left out: no {name} (tests/servers brings it)");
    None
}

/// Where unpacked libraries lie.
pub(crate) fn libraries(place: &Path) -> String {
    let multiarch = format!("{}-linux-gnu", std::env::consts::ARCH);
    ["usr/lib", "lib"]
        .iter()
        .flat_map(|dir| [place.join(dir).join(&multiarch), place.join(dir)])
        .map(|dir| dir.display().to_string())
        .collect::<Vec<_>>()
        .join(":")
}

/// Ports that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// An endpoint on loopback.
pub(crate) fn local(port: u16, security: Security) -> Endpoint {
    Endpoint { host: "localhost".into(), port, security }
}

/// Gives a directory and all below it to a user.
pub(crate) fn give(path: &Path, user: u32, group: u32) {
    chown(path, Some(user), Some(group)).unwrap();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), user, group);
        }
    }
}

/// We are root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
