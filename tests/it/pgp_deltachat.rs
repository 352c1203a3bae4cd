//! The core of Delta Chat (rPGP) as the other end, both ways, by Dovecot and a submission server: signed and encrypted mail with a file and a subject that is
//! not ASCII, protected header fields, and our key by Autocrypt.
//!
//! It signs and encrypts everything, and knows no other kind of mail between people whose keys it has; what is only signed or only encrypted is tried
//! with its library's relatives in `pgp_interop` and `pgp_peers`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::dovecot::PASSWORD;
use crate::support::host::unpacked;
use crate::walkthrough::{LINTWHITE, QUILL, World, show};

/// It, with an account of its own; ends when dropped.
struct DeltaChat {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    dir: tempfile::TempDir,
    asked: u64,
    account: Value,
}

impl DeltaChat {
    /// With an account at the world's servers.
    fn start(world: &World) -> Option<Self> {
        let program = unpacked("deltachat-core")?.join("deltachat-rpc-server");
        let dir = tempfile::Builder::new().prefix("cm-delta-").tempdir_in("/tmp").unwrap();
        let mut child = Command::new(program)
            .env("DC_ACCOUNTS_PATH", dir.path().join("accounts"))
            .env("RUST_LOG", "error")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut delta = Self { child, to, from, dir, asked: 0, account: Value::Null };
        delta.account = delta.call("add_account", &[]);
        delta.of("set_config", &[json!("displayname"), json!("Hämish Lintwhite")]);
        let (imap, smtp) = (world.dovecot.tls(), world.submission.tls());
        // The name of the server stands in no certificate that the system trusts.
        let login = json!({
            "addr": LINTWHITE, "password": PASSWORD, "certificateChecks": "acceptInvalidCertificates",
            "imapServer": imap.host, "imapPort": imap.port, "imapUser": "lintwhite", "imapSecurity": "ssl",
            "smtpServer": smtp.host, "smtpPort": smtp.port, "smtpUser": "lintwhite", "smtpPassword": PASSWORD, "smtpSecurity": "ssl",
        });
        delta.of("add_or_update_transport", &[login]);
        Some(delta)
    }

    /// Asks it something.
    fn call(&mut self, method: &str, params: &[Value]) -> Value {
        self.asked += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.asked, "method": method, "params": params });
        writeln!(self.to, "{request}").unwrap();
        loop {
            let mut line = String::new();
            assert_ne!(self.from.read_line(&mut line).unwrap(), 0, "{method}: it ended");
            let mut answer: Value = serde_json::from_str(&line).unwrap();
            if answer["id"] == self.asked {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].take();
            }
        }
    }

    /// Asks it something about its account.
    fn of(&mut self, method: &str, params: &[Value]) -> Value {
        let account = self.account.clone();
        self.call(method, &[&[account], params].concat())
    }

    /// Its certificate.
    fn cert(&mut self) -> Vec<u8> {
        let keys = self.dir.path().join("keys");
        std::fs::create_dir(&keys).unwrap();
        self.of("export_self_keys", &[json!(keys), Value::Null]);
        let files = std::fs::read_dir(keys).unwrap().map(|file| file.unwrap().path());
        let public = files.into_iter().find(|file| file.to_string_lossy().contains("public-key")).unwrap();
        std::fs::read(public).unwrap()
    }

    /// Waits for a message from us whose text holds these words.
    fn wait_for(&mut self, words: &str) -> Value {
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            let new = self.of("get_next_msgs", &[]);
            for id in new.as_array().unwrap() {
                let message = self.of("get_message", std::slice::from_ref(id));
                if message["text"].as_str().unwrap_or_default().contains(words) {
                    return message;
                }
                self.of("markseen_msgs", &[json!([id])]);
            }
            assert!(Instant::now() < end, "{words} did not come");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for DeltaChat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn deltachat_both_ways() {
    let Some(world) = World::start() else { return };
    // An address of the justice system whose owner reads OpenPGP all the same.
    world.configure(&format!(
        "[[openpgp.exception]]\nfor = [\"{LINTWHITE}\"]\nencrypt = \"required\"\nsubject = \"hidden\"\nautocrypt = true"
    ));
    let Some(mut delta) = DeltaChat::start(&world) else { return };
    let home = &world.home;
    home.done(&["key", "generate", "--name", "Beatrice Quill", "--address", QUILL], b"");
    let cert = delta.cert();
    home.done(&["key", "import", "-", "--accept"], &cert);

    // Out. It knows nothing of us but what the message brings: our key by Autocrypt.
    let draft = format!(
        "From: {QUILL}\r\nTo: {LINTWHITE}\r\nSubject: R v Férret 99ZX0012326\r\nContent-Type: multipart/mixed; boundary=\"m\"\r\n\r\n\
         --m\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThe offer stands: café.\r\n--m\r\nContent-Type: application/pdf; name=\"offer.pdf\"\r\n\
         Content-Disposition: attachment; filename=\"offer.pdf\"\r\n\r\n%PDF-1.4 offer\r\n--m--\r\n"
    );
    home.done(&["send", "-"], draft.as_bytes());
    let raw = String::from_utf8(world.submission.wait_for(1).remove(0).raw).unwrap();
    assert!(!raw.contains("offer") && !raw.contains("99ZX"), "{raw}");
    let seen = delta.wait_for("The offer stands: café.");
    show("Delta Chat", &serde_json::to_string_pretty(&seen).unwrap());
    assert_eq!((&seen["showPadlock"], &seen["subject"]), (&true.into(), &"R v Férret 99ZX0012326".into()), "{seen}");
    assert_eq!(seen["error"], Value::Null, "{seen}");

    // In: an answer with a file. It encrypts to the key that came by Autocrypt.
    let chat = seen["chatId"].clone();
    delta.of("accept_chat", std::slice::from_ref(&chat));
    let file = delta.dir.path().join("reply.pdf");
    std::fs::write(&file, b"%PDF-1.4 reply").unwrap();
    delta.of(
        "misc_send_msg",
        &[chat, json!("It is accepted: naïve."), json!(file), json!("reply.pdf"), Value::Null, Value::Null],
    );
    let raw = String::from_utf8(world.submission.wait_for(2).remove(1).raw).unwrap();
    assert!(!raw.contains("accepted") && !raw.contains("99ZX"), "{raw}");
    home.done(&["sync"], b"");
    let listed = home.json(&["message", "list"]);
    let is_theirs = |one: &&Value| one["from"].to_string().contains(LINTWHITE);
    let id = listed["messages"].as_array().unwrap().iter().find(is_theirs).unwrap_or_else(|| panic!("{listed}"))["id"]
        .as_str()
        .unwrap();
    let shown = home.json(&["message", "show", id]);
    show("ours", &serde_json::to_string_pretty(&shown).unwrap());
    let openpgp = &shown["openpgp"];
    assert_eq!((&openpgp["decrypted"], &openpgp["integrity"]), (&true.into(), &"ok".into()), "{shown}");
    let signature = &openpgp["signature"];
    assert_eq!(
        (&signature["state"], &signature["covers"], &signature["bound_to"]),
        (&"good".into(), &"whole".into(), &LINTWHITE.into()),
        "{shown}"
    );
    assert_eq!(openpgp["header_protection"], "encrypted", "{shown}");
    assert_eq!(shown["subject"], "Re: R v Férret 99ZX0012326", "{shown}");
    assert!(shown["text"].as_str().unwrap().contains("It is accepted: naïve."), "{shown}");
    let files = home.json(&["attachment", "list", id]);
    assert_eq!(
        (&files["attachments"][0]["name"], &files["attachments"][0]["bytes"]),
        (&"reply.pdf".into(), &14.into())
    );
}
