//! What goes wrong for a user, with the real program: each a sentence with what, where and what to do, a code for scripts, and nothing lost.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use casemail::net::{Endpoint, Security};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::home::{CASEMAIL, Home, Ran};
use crate::walkthrough::{Gpg, LINTWHITE, World, eventually, plain, show};

/// The sentence holds these words, and the code is this.
#[track_caller]
fn refused(ran: &Ran, code: i32, words: &[&str]) {
    show("refused", &format!("{}: {}", ran.code, ran.err));
    assert_eq!(ran.code, code, "{ran:?}");
    for word in words {
        assert!(ran.err.contains(word), "{word:?} is not in {ran:?}");
    }
    // One sentence or a few, never a dump.
    assert!(ran.err.lines().count() <= 4 && !ran.err.contains("Error {") && !ran.err.contains("panicked"), "{ran:?}");
}

fn endpoint(port: u16, security: Security) -> Endpoint {
    Endpoint { host: "localhost".into(), port, security }
}

/// Serves every connection by a closure, on a thread that ends with the process.
fn listen(serve: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
    port
}

/// A server whose certificate is as the closure makes it, and the file of the authority that issued it.
fn certified(home: &Home, name: &str, host: &str, change: impl FnOnce(&mut CertificateParams)) -> u16 {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.distinguished_name.push(rcgen::DnType::CommonName, name);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    home.write(name, &ca.pem());
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.signed_by(&key, &ca).unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    let config = Arc::new(config);
    listen(move |tcp| {
        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
        let _ = StreamOwned::new(session, tcp).read(&mut [0; 64]);
    })
}

/// `sync` against a server: it must fail so, and tell the same on the screen.
#[track_caller]
fn sync_refused(home: &Home, imap: &Endpoint, ca: &Path, words: &[&str]) {
    let nobody = endpoint(1, Security::Tls);
    home.configure(&home.config(imap, &nobody, ca, ""));
    refused(&home.run(&["sync"], b""), 69, words);
}

#[test]
fn certificates_that_may_not_be_believed() {
    let home = Home::new();
    let wrong = certified(&home, "wrong.pem", "mail.example", |_| {});
    let wrong_at = endpoint(wrong, Security::Tls);
    let words = ["not for localhost but for mail.example", &format!("localhost:{wrong}"), "work"];
    sync_refused(&home, &wrong_at, &home.beside("wrong.pem"), &words);
    // A screen says it, too, and stays usable.
    if let Some(tmux) = home.screen((100, 24)) {
        let screen = tmux.wait_for("for mail.example; check the host name");
        show("wrong host, on the screen", &screen);
        assert!(screen.contains("work is offline: no secure connection to localhost"), "{screen}");
        tmux.send_keys(&["C-q"]);
        assert_eq!(tmux.wait_for_end(), 0);
    }
    let expired = certified(&home, "old.pem", "localhost", |params| params.not_after = date_time_ymd(2020, 2, 3));
    sync_refused(&home, &endpoint(expired, Security::Tls), &home.beside("old.pem"), &["expired on 2020-02-03"]);
    let unknown = certified(&home, "unknown.pem", "localhost", |_| {});
    sync_refused(&home, &endpoint(unknown, Security::Tls), &home.beside("old.pem"), &["ca_file"]);
    sync_refused(&home, &wrong_at, &home.beside("none.pem"), &["none.pem"]);
}

#[test]
fn servers_that_are_not_there_or_say_nothing_or_offer_no_tls() {
    let home = Home::new();
    let ca = CertifiedIssuer::self_signed(CertificateParams::new(Vec::new()).unwrap(), KeyPair::generate().unwrap());
    home.write("ca.pem", &ca.unwrap().pem());
    let ca = home.beside("ca.pem");
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let words = ["no connection to", &format!("localhost:{gone}"), "is the server up"];
    sync_refused(&home, &endpoint(gone, Security::Tls), &ca, &words);
    let plain = listen(|mut tcp| {
        let _ = tcp.write_all(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n");
        let mut line = [0; 512];
        while let Ok(read) = tcp.read(&mut line) {
            let text = String::from_utf8_lossy(&line[..read]).into_owned();
            let Some(tag) = text.split(' ').next().filter(|tag| !tag.is_empty()) else { return };
            let reply = if text.to_uppercase().contains("CAPABILITY") {
                format!("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK done\r\n")
            } else {
                format!("{tag} BAD no\r\n")
            };
            let _ = tcp.write_all(reply.as_bytes());
        }
    });
    sync_refused(
        &home,
        &endpoint(plain, Security::StartTls),
        &ca,
        &["refuses STARTTLS", "set security = \"tls\"", "nothing was sent"],
    );
    // Held open, never answered.
    let silent = listen(std::mem::forget);
    sync_refused(&home, &endpoint(silent, Security::Tls), &ca, &["did not answer within", &format!(":{silent}")]);
}

#[test]
fn a_wrong_password_for_the_server() {
    let Some(world) = World::start() else { return };
    world.home.write("password", "not the gnome");
    let words = ["does not accept the user name and password of quill", "work", "check `user` and the password"];
    refused(&world.home.run(&["sync"], b""), 77, &words);
    let Some(tmux) = world.home.screen((110, 24)) else { return };
    let screen = tmux.wait_for("does not accept");
    show("wrong password, on the screen", &screen);
    tmux.send_keys(&["C-q"]);
    assert_eq!(tmux.wait_for_end(), 0);
    world.home.write("password", "");
    refused(&world.home.run(&["sync"], b""), 77, &["work: the password command \"cat\" printed nothing"]);
}

#[test]
fn a_wrong_passphrase_and_none() {
    let home = Home::new();
    let nobody = endpoint(1, Security::Tls);
    let config = home.config(&nobody, &nobody, &home.beside("none.pem"), "");
    home.configure(&config);
    home.write("passphrase", "otter weir lamp");
    for args in [&["case", "list"][..], &["sync"], &["send", "-"]] {
        refused(&home.run(args, b""), 77, &["passphrase is wrong"]);
    }
    home.configure(&config.replace("unlock_command", "# unlock_command"));
    refused(&home.run(&["case", "list"], b""), 77, &["--passphrase-fd"]);
    home.configure(&config.replace("[\"cat\"", "[\"cat-that-is-not-there\""));
    refused(&home.run(&["case", "list"], b""), 77, &["unlock_command", "cat-that-is-not-there"]);
    // On the screen, where a person types it.
    home.configure(&config.replace("unlock_command", "# unlock_command"));
    let Some(tmux) = home.screen((80, 24)) else { return };
    show("locked", &tmux.wait_for("assphrase"));
    tmux.type_text("otter weir lamp");
    tmux.send_keys(&["Enter"]);
    let screen = tmux.wait_for("wrong");
    show("wrong passphrase", &screen);
    assert!(!screen.contains("lamp"), "{screen}");
    tmux.type_text("otter weir lantern");
    tmux.send_keys(&["Enter"]);
    show("open", &tmux.wait_until("the cases", |screen| screen.contains("│ unlocked") && screen.contains("none.pem")));
    tmux.send_keys(&["C-q"]);
    assert_eq!(tmux.wait_for_end(), 0);
}

#[test]
fn mistakes_in_the_configuration_have_a_line_and_a_cure() {
    let home = Home::new();
    let nobody = endpoint(1, Security::Tls);
    let config = home.config(&nobody, &nobody, &home.beside("none.pem"), "");
    let check = |text: &str, words: &[&str]| {
        home.configure(text);
        refused(&home.run(&["case", "list"], b""), 78, words);
        let checked = home.run(&["check", "--offline"], b"");
        let both = Ran { err: format!("{}{}", checked.out, checked.err), ..checked };
        assert!(words.iter().all(|word| both.err.contains(word)) && both.code != 0, "{both:?}");
    };
    check(&format!("theem = \"dark\"\n{config}"), &["config.toml:1", "theem", "theme"]);
    check(&format!("\nidle_lock_minutes = \"soon\"\n{config}"), &["config.toml:2", "idle_lock_minutes"]);
    check(&config.replace("security = \"tls\"", "security = \"none\""), &["config.toml:", "without TLS", "starttls"]);
    check(&config.replace("quill@quillpounce.example", "quill at home"), &["config.toml:", "quill at home"]);
    check(&config.replace("full_name", "full_nam"), &["config.toml:", "full_name"]);
    check("[[account]\n", &["config.toml:1"]);
    // The screen does not open over it.
    home.configure(&format!("theem = \"dark\"\n{config}"));
    let Some(tmux) = home.screen((80, 24)) else { return };
    assert_eq!(tmux.wait_for_end(), 78);
    show("bad configuration, on the terminal", &tmux.capture());
    assert!(!tmux.alternate_on() && tmux.capture().contains("theem"));
}

#[test]
fn recipients_that_are_none() {
    let Some(world) = World::start() else { return };
    let draft = |to: &str| format!("To: {to}\r\nSubject: x\r\n\r\nx\r\n").into_bytes();
    for (to, words) in
        [("lintwhite@@copfs", "lintwhite@@copfs"), ("Harriet", "Harriet"), ("a@b.example\u{7}c", "b.example"), ("", "")]
    {
        let ran = world.home.run(&["send", "-"], &draft(to));
        refused(&ran, if ran.code == 65 { 65 } else { 1 }, &[words]);
    }
    assert_eq!(world.home.json(&["outbox", "list"])["entries"].as_array().unwrap().len(), 0);
    // Refused by the server: nobody gets it, and the server's words stay.
    let ran = world.home.run(&["send", "-"], &draft("reject@copfs.gov.example"));
    refused(&ran, 1, &["550", "no such user", "reject@copfs.gov.example"]);
    let Some(tmux) = world.home.screen((80, 24)) else { return };
    tmux.wait_for("up to date, watching");
    tmux.send_keys(&["c"]);
    tmux.wait_for("Subject");
    tmux.type_text("lintwhite@@copfs");
    tmux.send_keys(&["Tab", "Tab", "Tab", "Tab"]);
    tmux.type_text("On Monday.");
    tmux.send_keys(&["C-s"]);
    let screen = tmux.wait_until("a refusal", |screen| screen.matches("lintwhite@@copfs").count() > 1);
    show("a malformed recipient, in the composer", &screen);
    assert!(world.submission.taken().is_empty());
    // What was written is kept.
    tmux.send_keys(&["C-q"]);
    assert_eq!(tmux.wait_for_end(), 0);
    let Some(tmux) = world.home.screen((80, 24)) else { return };
    tmux.wait_for("was kept. Go on with it now?");
    tmux.send_keys(&["y"]);
    show("the kept draft", &tmux.wait_for("lintwhite@@copfs"));
}

#[test]
fn sealed_mail_without_the_key_says_so() {
    let Some(world) = World::start() else { return };
    let Some(gpg) = Gpg::new() else { return };
    // To themselves: nobody else has the key.
    let sealed = gpg.seal(LINTWHITE, "1", "99ZX0012326 sealed", "The weir.");
    world.dovecot.deliver("quill", "INBOX", &sealed);
    world.home.done(&["sync"], b"");
    let list = world.home.json(&["message", "list"]);
    let id = list["messages"][0]["id"].as_str().unwrap().to_owned();
    let told = world.home.done(&["message", "show", &id], b"");
    show("sealed, without the key", &told);
    assert!(told.contains("not to an unlocked key of yours. It was made for: "), "{told}");
    assert!(told.contains("casemail key import") && !told.contains("weir"), "{told}");
    let Some(tmux) = world.home.screen((80, 24)) else { return };
    tmux.wait_for("99ZX0012326");
    tmux.send_keys(&["g", "a"]);
    tmux.wait_for("99ZX0012326 sealed");
    tmux.send_keys(&["Enter"]);
    let screen = tmux.wait_for("not to an unlocked key of yours");
    show("sealed, without the key, on the screen", &screen);
    assert!(screen.contains("To read it, import that key"), "{screen}");
    tmux.send_keys(&["C-q"]);
    assert_eq!(tmux.wait_for_end(), 0);
}

#[test]
fn a_second_process_is_answered_by_the_first() {
    let Some(world) = World::start() else { return };
    world.dovecot.deliver("quill", "INBOX", &plain("1", "99ZX0012326 disclosure", "The first bundle."));
    let Some(tmux) = world.home.screen((80, 24)) else { return };
    tmux.wait_for("99ZX0012326");
    // The passphrase is of no use to the second: the first has the profile open.
    world.home.write("passphrase", "");
    let cases = world.home.json(&["case", "list"]);
    assert_eq!(cases["cases"][0]["id"], "99ZX0012326", "{cases}");
    let ran = world.home.run(&["message", "show", "work/INBOX/1/9"], b"");
    refused(&ran, 1, &["work/INBOX/1/9"]);
    let draft = b"To: lintwhite@copfs.gov.example\r\nSubject: second\r\n\r\nx\r\n";
    let ran = world.home.run(&["send", "-"], draft);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(world.submission.taken().len(), 1);
    refused(&world.home.run(&["store", "rebuild"], b""), 75, &["in use", "end the other casemail"]);
    // A second screen is refused, with the pid of the first.
    let Some(second) = world.home.screen((80, 24)) else { return };
    assert_eq!(second.wait_for_end(), 75);
    let screen = second.capture();
    show("a second screen", &screen);
    assert!(screen.contains(&format!("pid {}", tmux.pid())), "{screen}");
    tmux.send_keys(&["C-q"]);
    assert_eq!(tmux.wait_for_end(), 0);
}

#[test]
fn a_tiny_terminal_is_told_what_is_needed() {
    let home = Home::new();
    let nobody = endpoint(1, Security::Tls);
    home.configure(&home.config(&nobody, &nobody, &home.beside("none.pem"), ""));
    let Some(tmux) = home.screen((20, 5)) else { return };
    let screen = tmux.wait_for("casemail needs");
    show("20 by 5", &screen);
    tmux.resize(80, 24);
    tmux.wait_for("Cases");
    tmux.send_keys(&["C-q"]);
    assert_eq!(tmux.wait_for_end(), 0);
}

#[test]
fn a_disk_that_is_nearly_full() {
    let Some(world) = World::start() else { return };
    let may_mount = Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success());
    if !may_mount {
        eprintln!("left out: a small disk cannot be mounted here (unshare -m)");
        return;
    }
    world.dovecot.deliver("quill", "INBOX", &plain("1", "99ZX0012326 disclosure", "The first bundle."));
    let home = world.home.path().display().to_string();
    let on_disk = |megabytes: u32, command: &str| {
        let mount = format!(
            "mount -t tmpfs -o size={megabytes}m,mode=700 tmpfs '{home}/cache' && exec '{CASEMAIL}' --home '{home}' {command}"
        );
        Command::new("unshare").args(["-m", "sh", "-c", &mount]).output().unwrap()
    };
    let ran = |output: std::process::Output| Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    let words = ["MB free", "are needed", "free some space", "cache"];
    // Not even opened; opened, but nothing more is fetched.
    refused(&ran(on_disk(30, "case list")), 73, &words);
    refused(&ran(on_disk(150, "sync")), 73, &words);
    let mount = format!("mount -t tmpfs -o size=150m,mode=700 tmpfs \"{home}/cache\" && exec \"$0\" \"$@\"");
    let mount = format!("unshare -m sh -c '{mount}'");
    if let Some(tmux) = world.home.screen_by((100, 24), &mount) {
        show("a full disk, on the screen", &tmux.wait_for("MB free"));
        tmux.send_keys(&["C-q"]);
        assert_eq!(tmux.wait_for_end(), 0);
    }
    // With room, nothing is missing.
    let list = eventually(|| {
        world.home.done(&["sync"], b"");
        Some(world.home.json(&["message", "list"]))
    });
    assert_eq!(list["messages"].as_array().unwrap().len(), 1, "{list}");
}
