//! A private Cyrus IMAP server, as Debian packs it, run from where `tests/servers` unpacked it: no account, file or service of the
//! system is touched. It serves as whoever runs the tests, or as `mail` where that is root, because it refuses to serve as root.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use casemail::net::Security;

use super::dovecot::PASSWORD;
use super::host::{Host, directory, free_port, give, is_root, libraries, local, unpacked};

/// Starts one, or says that the test is left out.
pub(crate) fn start() -> Option<Host> {
    let place = unpacked("cyrus")?;
    let dir = directory("cyrus");
    let (tls, starttls) = (free_port(), free_port());
    let file = |name: &str| dir.path().join(name).display().to_string();
    let user = if is_root() { "mail".to_owned() } else { id("-un") };
    let mut settings = String::new();
    for (key, value) in [
        ("configdirectory", file("conf")),
        ("partition-default", file("spool")),
        ("defaultpartition", "default".into()),
        ("admins", "cyrus".into()),
        ("cyrus_user", user.clone()),
        ("servername", "localhost".into()),
        ("sasl_pwcheck_method", "auxprop".into()),
        ("sasl_auxprop_plugin", "sasldb".into()),
        ("sasl_sasldb_path", file("sasldb2")),
        ("sasl_mech_list", "PLAIN LOGIN SCRAM-SHA-256".into()),
        ("allowplaintext", "no".into()),
        ("tls_server_cert", file("server.pem")),
        ("tls_server_key", file("server.key")),
        ("unixhierarchysep", "yes".into()),
        ("altnamespace", "yes".into()),
        ("autocreate_quota", "0".into()),
        ("autocreate_inbox_folders", "Sent|Drafts|Trash".into()),
        ("autocreate_subscribe_folders", "Sent|Drafts|Trash".into()),
        ("xlist-sent", "Sent".into()),
        ("xlist-drafts", "Drafts".into()),
        ("xlist-trash", "Trash".into()),
        ("idlesocket", file("run/idle")),
        ("lmtpsocket", file("run/lmtp")),
        ("proc_path", file("run/proc")),
        ("mboxname_lockpath", file("run/lock")),
        ("tls_sessions_db_path", file("run/tls")),
        ("duplicate_db_path", file("run/deliver.db")),
        ("statuscache_db_path", file("run/statuscache.db")),
        ("conversations", "no".into()),
    ] {
        writeln!(settings, "{key}: {value}").unwrap();
    }
    std::fs::write(file("imapd.conf"), settings).unwrap();
    let program =
        |name: &str| format!("{} -C {}", place.join("usr/lib/cyrus/bin").join(name).display(), file("imapd.conf"));
    std::fs::write(
        file("cyrus.conf"),
        format!(
            "START {{\n  recover cmd=\"{recover} -r\"\n}}\nSERVICES {{\n  imap cmd=\"{imap}\" listen=\"127.0.0.1:{starttls}\" prefork=0\n  \
             imaps cmd=\"{imap} -s\" listen=\"127.0.0.1:{tls}\" prefork=0\n}}\nDAEMON {{\n  idled cmd=\"{idled}\"\n}}\n",
            recover = program("ctl_cyrusdb"),
            imap = program("imapd"),
            idled = program("idled"),
        ),
    )
    .unwrap();
    let plugins = place.join(format!("usr/lib/{}-linux-gnu/sasl2", std::env::consts::ARCH));
    let command = |program: &str| {
        let mut command = Command::new(place.join(program));
        command.env("LD_LIBRARY_PATH", libraries(&place)).env("SASL_PATH", &plugins);
        command
    };
    let mut passwords = command("usr/sbin/saslpasswd2");
    passwords.args(["-p", "-c", "-f", &file("sasldb2"), "-u", "localhost", "quill"]).stdin(Stdio::piped());
    let mut child = passwords.spawn().unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "saslpasswd2 failed");
    // In conf/socket every session listens for what idled tells.
    for name in ["conf/socket", "spool", "run"] {
        std::fs::create_dir_all(file(name)).unwrap();
    }
    if is_root() {
        let number = |flag: &str| id_of(&[flag, &user]).parse().unwrap();
        give(dir.path(), number("-u"), number("-g"));
    }
    let mut master = command("usr/lib/cyrus/bin/master");
    master.args(["-C", &file("imapd.conf"), "-M", &file("cyrus.conf"), "-p", &file("run/master.pid"), "-D"]);
    let endpoints = vec![local(tls, Security::Tls), local(starttls, Security::StartTls)];
    Some(Host::start("Cyrus", dir, endpoints, ("", '/'), master))
}

fn id(flag: &str) -> String {
    id_of(&[flag])
}

fn id_of(words: &[&str]) -> String {
    String::from_utf8(Command::new("id").args(words).output().unwrap().stdout).unwrap().trim().to_owned()
}
