//! A private Dovecot on loopback ports of its own, with its own certificate authority, users and mail; ends when dropped.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use casemail::demo::authority::Authority;
use casemail::net::{Endpoint, Security};

/// The users that it knows; all have [`PASSWORD`].
pub(crate) const USERS: &[&str] = &["quill", "pounce", "lintwhite"];
/// Their password.
pub(crate) const PASSWORD: &str = "gnome under the hedge";

/// Mail belongs to this user when we are root, because Dovecot refuses to serve root's.
const MAIL_ID: u32 = 20_000;

/// A running Dovecot.
#[derive(Debug)]
pub(crate) struct Dovecot {
    dir: tempfile::TempDir,
    child: Child,
    tls_port: u16,
    starttls_port: u16,
    lmtp_port: u16,
    root: bool,
}

/// What may differ from the usual.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Lines for the end of the configuration.
    pub(crate) config: String,
    /// Capabilities to leave out of what it offers, for instance `IDLE`.
    pub(crate) without: Vec<&'static str>,
}

impl Dovecot {
    /// Starts one, or says that the test is left out.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&Authority::new("casemail tests").unwrap(), &Options::default())
    }

    /// Starts one with this certificate.
    pub(crate) fn start_with(authority: &Authority, options: &Options) -> Option<Self> {
        let Some(binary) = binary("dovecot") else {
            assert_ne!(std::env::var("CASEMAIL_TESTS").as_deref(), Ok("all"), "dovecot is not installed");
            eprintln!("left out: no dovecot");
            return None;
        };
        for _ in 0..5 {
            if let Some(server) = Self::try_start(&binary, authority, options) {
                return Some(server);
            }
        }
        panic!("dovecot does not start");
    }

    /// `None` when a port was taken by somebody else meanwhile.
    fn try_start(binary: &Path, authority: &Authority, options: &Options) -> Option<Self> {
        let root = rustix::process::geteuid().is_root();
        // Below /tmp, because paths of Unix sockets must be short.
        let dir = tempfile::Builder::new().prefix("cm-dovecot-").tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let file = |name: &str| dir.path().join(name);
        std::fs::write(file("ca.pem"), &authority.ca_pem).unwrap();
        std::fs::write(file("server.pem"), &authority.server_pem).unwrap();
        std::fs::write(file("server.key"), &authority.server_key_pem).unwrap();
        let mut passwords = String::new();
        for user in USERS {
            let home = file("mail").join(user);
            std::fs::create_dir_all(&home).unwrap();
            let (uid, gid) = ids(root);
            writeln!(passwords, "{user}:{{PLAIN}}{PASSWORD}:{uid}:{gid}::{}::", home.display()).unwrap();
            if root {
                chown(file("mail"), Some(MAIL_ID), Some(MAIL_ID)).unwrap();
                chown(&home, Some(MAIL_ID), Some(MAIL_ID)).unwrap();
            }
        }
        std::fs::write(file("passwd"), passwords).unwrap();
        let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
        std::fs::write(file("dovecot.conf"), config(dir.path(), &ports, root, options)).unwrap();
        let child = spawn(binary, dir.path());
        let mut server = Self { dir, child, tls_port: ports[0], starttls_port: ports[1], lmtp_port: ports[2], root };
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, server.tls_port)).is_err() {
            if server.child.try_wait().unwrap().is_some() {
                eprintln!("dovecot ended:\n{}", server.log());
                return None;
            }
            assert!(Instant::now() < until, "dovecot does not listen:\n{}", server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    /// TLS from the first byte.
    pub(crate) fn tls(&self) -> Endpoint {
        Endpoint { host: "localhost".into(), port: self.tls_port, security: Security::Tls }
    }

    /// STARTTLS.
    pub(crate) fn starttls(&self) -> Endpoint {
        Endpoint { host: "localhost".into(), port: self.starttls_port, security: Security::StartTls }
    }

    /// LMTP, in the clear, for submission servers that deliver here.
    pub(crate) fn lmtp_port(&self) -> u16 {
        self.lmtp_port
    }

    /// Ends it, with its sessions.
    pub(crate) fn stop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(0)) {
            // The master ends its own children on TERM; KILL would leave them.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.child.wait();
    }

    /// Starts it again after [`Self::stop`].
    pub(crate) fn start_again(&mut self) {
        self.child = spawn(&binary("dovecot").unwrap(), self.dir.path());
    }

    /// Its directory.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its certificate authority.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// What it wrote to its log.
    pub(crate) fn log(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
        read("dovecot.log") + &read("console.log")
    }

    /// Runs doveadm, with `input`; gives its output.
    pub(crate) fn doveadm(&self, arguments: &[&str], input: &[u8]) -> String {
        let mut child = Command::new(binary("doveadm").unwrap())
            .arg("-c")
            .arg(self.dir.path().join("dovecot.conf"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "doveadm {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Delivers a message; whoever stands in IDLE is told.
    pub(crate) fn deliver(&self, user: &str, mailbox: &str, raw: &[u8]) {
        self.doveadm(&["save", "-u", user, "-m", mailbox], raw);
    }

    /// Makes a mailbox and subscribes to it.
    pub(crate) fn create(&self, user: &str, mailbox: &str) {
        self.doveadm(&["mailbox", "create", "-s", "-u", user, mailbox], b"");
    }

    /// Writes messages straight into a mailbox's maildir, which must exist or be INBOX and not have been opened yet.
    pub(crate) fn fill(&self, user: &str, mailbox: &str, messages: impl Iterator<Item = Vec<u8>>) {
        let maildir = self.dir.path().join("mail").join(user).join("Maildir");
        let folder = if mailbox == "INBOX" { maildir.clone() } else { maildir.join(format!(".{mailbox}")) };
        for name in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(folder.join(name)).unwrap();
        }
        let mut made = vec![maildir, folder.clone(), folder.join("cur"), folder.join("new"), folder.join("tmp")];
        for (i, raw) in messages.enumerate() {
            let path = folder.join("cur").join(format!("{}.M{i:07}P1.test,S={}:2,", 1_700_000_000 + i, raw.len()));
            std::fs::write(&path, raw).unwrap();
            // INTERNALDATE is the file's time.
            let date = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + i as u64);
            std::fs::File::options().write(true).open(&path).unwrap().set_modified(date).unwrap();
            made.push(path);
        }
        if self.root {
            for path in made {
                chown(path, Some(MAIL_ID), Some(MAIL_ID)).unwrap();
            }
        }
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(binary: &Path, dir: &Path) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(dir.join("console.log")).unwrap();
    Command::new(binary)
        .args(["-F", "-c"])
        .arg(dir.join("dovecot.conf"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn ids(root: bool) -> (u32, u32) {
    if root { (MAIL_ID, MAIL_ID) } else { (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()) }
}

fn binary(name: &str) -> Option<PathBuf> {
    ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"]
        .iter()
        .map(|dir| Path::new(dir).join(name))
        .find(|path| path.exists())
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn name_of(flag: &str) -> String {
    let output = Command::new("id").arg(flag).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn config(dir: &Path, ports: &[u16], root: bool, options: &Options) -> String {
    let dir = dir.display();
    let users = if root {
        "default_login_user = dovenull\ndefault_internal_user = dovecot\ndefault_internal_group = dovecot".to_owned()
    } else {
        let (user, group) = (name_of("-un"), name_of("-gn"));
        format!(
            "default_login_user = {user}\ndefault_internal_user = {user}\ndefault_internal_group = {group}\n\
             service anvil {{\n  chroot =\n}}"
        )
    };
    let special: String = ["Drafts", "Sent", "Trash"].iter().fold(String::new(), |mut text, name| {
        writeln!(text, "  mailbox {name} {{\n    auto = subscribe\n    special_use = \\{name}\n  }}").unwrap();
        text
    });
    let capability = if options.without.is_empty() {
        String::new()
    } else {
        let all = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SPECIAL-USE LIST-EXTENDED LIST-STATUS UIDPLUS CONDSTORE \
                   QRESYNC LITERAL+ CHILDREN NAMESPACE UNSELECT MOVE ESEARCH";
        let left: Vec<&str> = all.split(' ').filter(|name| !options.without.contains(name)).collect();
        format!("imap_capability = {}", left.join(" "))
    };
    format!(
        "base_dir = {dir}/run
state_dir = {dir}/run
log_path = {dir}/dovecot.log
instance_name = casemail-tests
listen = 127.0.0.1
protocols = imap lmtp
{users}
first_valid_uid = 1
mail_location = maildir:~/Maildir
maildir_very_dirty_syncs = yes
mail_fsync = never
ssl = required
ssl_cert = <{dir}/server.pem
ssl_key = <{dir}/server.key
ssl_min_protocol = TLSv1.2
auth_mechanisms = plain login
# Refused logins are answered at once; the tests try wrong passwords.
auth_failure_delay = 0 secs
passdb {{
  driver = passwd-file
  args = username_format=%n {dir}/passwd
}}
userdb {{
  driver = passwd-file
  args = username_format=%n {dir}/passwd
}}
mail_max_userip_connections = 100
namespace inbox {{
  inbox = yes
  separator = /
{special}}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {starttls}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@quillpounce.example
  auth_username_format = %n
}}
default_vsz_limit = 1G
{capability}
{extra}
",
        tls = ports[0],
        starttls = ports[1],
        lmtp = ports[2],
        extra = options.config,
    )
}
