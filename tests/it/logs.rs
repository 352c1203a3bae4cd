//! No password in any log, however much is asked for: a process of its own hears everything that the program and its libraries log, at the
//! most talkative level, while it logs in to IMAP and SMTP servers by each way there is.
#![allow(clippy::print_stdout, reason = "its standard output is what the parent looks through")]

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use base64::Engine as _;
use casemail::imap::sync_once;
use casemail::net::sasl::Credentials;
use casemail::net::{Secret, tls};
use casemail::smtp::{SmtpEnvelope, Timeouts, submit};

use crate::support::memory::Memory;
use crate::support::scripted_imap::{Act, GREETING, Inbox, ScriptedImap};
use crate::support::submission::{PASSWORD, Submission, USER};

const CHILD: &str = "CASEMAIL_LOGS_CHILD";
const CANARY: &str = "canary-weir-7719";

static LOGGED: AtomicUsize = AtomicUsize::new(0);

/// Prints what the `log` crate is given, of every target at every level.
struct Everything;

impl log::Log for Everything {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LOGGED.fetch_add(1, SeqCst);
        println!("LOG {} {} {}", record.level(), record.target(), record.args());
    }

    fn flush(&self) {}
}

/// The same of what `tracing` is given.
struct Spans;

impl tracing::Subscriber for Spans {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        println!("SPAN {} {:?}", span.metadata().target(), span.values());
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        println!("VALUES {values:?}");
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        println!("EVENT {} {event:?}", event.metadata().target());
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// The child.
#[tokio::test]
async fn log_in_everywhere_and_log_everything() {
    if std::env::var(CHILD).is_err() {
        return;
    }
    log::set_logger(&Everything).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    tracing::subscriber::set_global_default(Spans).unwrap();
    // By SASL PLAIN, with and without an initial response, and by LOGIN; taken and refused.
    for greeting in [
        GREETING,
        "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n",
        "* OK [CAPABILITY IMAP4rev1] ready\r\n",
        "* OK [CAPABILITY IMAP4rev1 AUTH=LOGIN] ready\r\n",
    ] {
        for refused in [false, true] {
            let server = ScriptedImap::start(greeting, Inbox::of(2), None, move |asked| {
                let logs_in = asked.command.starts_with("LOGIN") || asked.command.starts_with("AUTHENTICATE");
                (logs_in && refused)
                    .then(|| Act::Say(format!("{} NO [AUTHENTICATIONFAILED] no\r\n", asked.tag).into_bytes()))
            })
            .await;
            let mut setup = server.setup();
            setup.credentials = Credentials::password("quill", Secret::new(CANARY.to_owned()));
            setup.times.silence = Duration::from_millis(500);
            setup.times.login = Duration::from_millis(500);
            let result = sync_once(&setup, &Memory::default(), &[]).await;
            println!("OUTCOME {result:?}");
        }
    }
    if let Some(server) = Submission::start(None) {
        let config = tls::client_config(Some(&server.ca_file())).unwrap();
        for password in [PASSWORD, CANARY] {
            let credentials = Credentials::password(USER, Secret::new(password.to_owned()));
            let envelope = SmtpEnvelope {
                reverse_path: "b.quill@quillpounce.example".into(),
                forward_paths: vec!["h.lintwhite@copfs.gov.example".into()],
            };
            let raw = b"From: b.quill@quillpounce.example\r\nSubject: x\r\n\r\nx\r\n";
            let done = submit(&server.tls(), &config, &credentials, &envelope, raw, &Timeouts::default()).await;
            println!("OUTCOME {}", done.outcome);
        }
    }
    println!("LOGGED {}", LOGGED.load(SeqCst));
}

#[test]
fn no_password_is_in_any_log() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "logs::log_in_everywhere_and_log_everything", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    // It does hear: the IMAP codec, TLS and ourselves say something at this level.
    let from = |target: &str| told.lines().filter(|line| line.contains(target)).count();
    assert!(from("LOG TRACE async_imap") > 0, "the codec is not heard: {told}");
    assert!(from("LOG DEBUG rustls") + from("LOG TRACE rustls") > 0, "TLS is not heard");
    for secret in [CANARY, PASSWORD] {
        let plain = base64::engine::general_purpose::STANDARD.encode(format!("\0quill\0{secret}"));
        let word = base64::engine::general_purpose::STANDARD.encode(secret);
        let numbers = secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        for form in [secret, plain.as_str(), word.as_str(), numbers.as_str()] {
            let lines: Vec<&str> = told.lines().filter(|line| line.contains(form)).collect();
            assert!(lines.is_empty(), "a password is in a log: {}", lines.join("\n"));
        }
    }
}
