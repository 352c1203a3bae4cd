//! A private Courier IMAP server, as Debian packs it, run from where `tests/servers` unpacked it.
//!
//! Its library asks whoever listens on a socket of the system about passwords. That one path is another in our copy of the library, and
//! the test process itself answers there. STARTTLS is left out: for it the server changes to an account that only its package makes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

use casemail::net::Security;

use super::dovecot::PASSWORD;
use super::host::{Host, directory, free_port, give, is_root, libraries, local, unpacked};

/// Whom the mail belongs to where we are root.
const MAIL_ID: u32 = 20_000;
/// The path in the library, as two overlapping constants of 16 bytes each, and what stands there in our copy: relative to where the server
/// is started.
const SOCKET: (&[u8; 32], &[u8; 32]) = (b"/run/courier/autthdaemon/socket\0", b"authdaemon.d/autthdaemon.socket\0");

/// Starts one, or says that the test is left out.
pub(crate) fn start() -> Option<Host> {
    let place = unpacked("courier")?;
    let dir = directory("courier");
    let file = |name: &str| dir.path().join(name);
    let library = std::fs::read(place.join("usr/lib/libcourierauth.so.0")).unwrap();
    let at = library.windows(SOCKET.0.len()).position(|window| window == SOCKET.0).expect("the socket's path");
    let library = [&library[..at], SOCKET.1, &library[at + SOCKET.1.len()..]].concat();
    std::fs::create_dir(file("lib")).unwrap();
    std::fs::write(file("lib/libcourierauth.so.0"), library).unwrap();

    let pem = ["server.key", "server.pem"].map(|name| std::fs::read_to_string(file(name)).unwrap()).concat();
    std::fs::write(file("both.pem"), pem).unwrap();
    for name in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(file("home/Maildir").join(name)).unwrap();
    }
    let ids = if is_root() {
        give(&file("home"), MAIL_ID, MAIL_ID);
        give(&file("both.pem"), MAIL_ID, MAIL_ID);
        (MAIL_ID, MAIL_ID)
    } else {
        (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
    };
    std::fs::create_dir(file("authdaemon.d")).unwrap();
    answer_for_passwords(&file("authdaemon.d/authdaemon.socket"), &file("home"), ids);

    let port = free_port();
    let mut tcpd = Command::new(place.join("usr/sbin/couriertcpd"));
    tcpd.args([
        "-address=127.0.0.1",
        "-maxprocs=40",
        "-maxperip=40",
        "-nodnslookup",
        "-noidentlookup",
        &port.to_string(),
    ]);
    tcpd.arg(place.join("usr/bin/couriertls")).args(["-server", "-tcpd"]);
    tcpd.arg(place.join("usr/lib/courier/courier/imaplogin")).arg(place.join("usr/bin/imapd")).arg("Maildir");
    tcpd.current_dir(dir.path()).env_clear().env("PATH", "/usr/bin:/bin");
    tcpd.env("LD_LIBRARY_PATH", format!("{}:{}", file("lib").display(), libraries(&place)));
    tcpd.env("TLS_CERTFILE", file("both.pem"));
    const CAPABILITY: &str =
        "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE";
    tcpd.env("IMAP_CAPABILITY", CAPABILITY).env("IMAP_CAPABILITY_TLS", format!("{CAPABILITY} AUTH=PLAIN"));
    // Of the package's configuration whatever is not empty there; IDLE looks every second instead of every minute. Without locks,
    // because for them it waits on a daemon that tells of changed files.
    for (name, value) in [
        ("IMAP_TLS", "1"),
        ("TLS_VERIFYPEER", "NONE"),
        ("IMAP_KEYWORDS", "1"),
        ("IMAP_ACL", "1"),
        ("IMAP_IDLE_TIMEOUT", "1"),
        ("IMAP_MAILBOX_SANITY_CHECK", "1"),
        ("IMAP_USELOCKS", "0"),
        ("IMAP_ENHANCEDIDLE", "0"),
        ("IMAP_TRASHFOLDERNAME", "Trash"),
        ("IMAP_EMPTYTRASH", "Trash:7"),
        ("IMAP_MOVE_EXPUNGE_TO_TRASH", "0"),
        ("SENDMAIL", "/bin/false"),
        ("HEADERFROM", "X-IMAP-Sender"),
    ] {
        tcpd.env(name, value);
    }
    Some(Host::start("Courier", dir, vec![local(port, Security::Tls)], ("INBOX.", '.'), tcpd))
}

/// Answers what Courier asks its password daemon, until the process ends.
fn answer_for_passwords(socket: &Path, home: &Path, ids: (u32, u32)) {
    let listener = UnixListener::bind(socket).unwrap();
    std::fs::set_permissions(socket, PermissionsExt::from_mode(0o777)).unwrap();
    let known = format!("HOME={}\nMAILDIR=Maildir\nADDRESS=quill\nUID={}\nGID={}\n.\n", home.display(), ids.0, ids.1);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(stream), known) = (stream, known.clone()) else { return };
            std::thread::spawn(move || answer(stream, &known));
        }
    });
}

/// `AUTH bytes`, then service, kind, user and password, a line each.
fn answer(stream: UnixStream, known: &str) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut stream, mut line) = (stream, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let Some(bytes) = line.strip_prefix("AUTH ") else { continue };
        let mut asked = vec![0; bytes.trim().parse().ok()?];
        reader.read_exact(&mut asked).ok()?;
        let good = asked == format!("imap\nlogin\nquill\n{PASSWORD}\n").as_bytes();
        return stream.write_all(if good { known.as_bytes() } else { b"FAIL\n" }).ok();
    }
}
