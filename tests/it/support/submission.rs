//! Submission servers: a real one (aiosmtpd) for what a server should do, scripted ones for what a good server never does.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use casemail::demo::authority::Authority;
use casemail::net::{Endpoint, Security};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The user that every server here knows.
pub(crate) const USER: &str = "quill";
/// Her password.
pub(crate) const PASSWORD: &str = "gnome under the hedge";

/// A message that a server took.
#[derive(Debug)]
pub(crate) struct Taken {
    /// MAIL FROM.
    pub(crate) from: String,
    /// RCPT TO.
    pub(crate) to: Vec<String>,
    /// Parameters of MAIL.
    pub(crate) options: Vec<String>,
    /// The name of EHLO.
    pub(crate) hello: String,
    /// The text.
    pub(crate) raw: Vec<u8>,
}

/// Where local parts are delivered by LMTP.
#[derive(Debug)]
pub(crate) struct Delivery<'a> {
    /// Dovecot's LMTP port on the loopback interface.
    pub(crate) lmtp_port: u16,
    /// The local parts that it knows.
    pub(crate) local_parts: &'a [&'a str],
}

/// A real submission server; ends when dropped.
#[derive(Debug)]
pub(crate) struct Submission {
    dir: tempfile::TempDir,
    child: Child,
    tls_port: u16,
    starttls_port: u16,
}

impl Submission {
    /// Starts one, or says that the test is left out.
    pub(crate) fn start(delivery: Option<&Delivery<'_>>) -> Option<Self> {
        Self::start_with(&Authority::new("casemail tests").unwrap(), &[(USER, PASSWORD)], delivery)
    }

    /// Starts one with this certificate and these users.
    pub(crate) fn start_with(
        authority: &Authority,
        users: &[(&str, &str)],
        delivery: Option<&Delivery<'_>>,
    ) -> Option<Self> {
        let python = Path::new("/usr/bin/python3");
        let installed = python.exists()
            && Command::new(python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status().unwrap().success();
        if !installed {
            assert_ne!(std::env::var("CASEMAIL_TESTS").as_deref(), Ok("all"), "python3-aiosmtpd is not installed");
            eprintln!("left out: no python3-aiosmtpd");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), &authority.ca_pem).unwrap();
        std::fs::write(dir.path().join("server.pem"), &authority.server_pem).unwrap();
        std::fs::write(dir.path().join("server.key"), &authority.server_key_pem).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/submission.py");
        let mut command = Command::new(python);
        command.arg(script).arg(dir.path()).args(users.iter().map(|(user, password)| format!("{user}={password}")));
        if let Some(delivery) = delivery {
            command.arg("--lmtp").arg(delivery.lmtp_port.to_string()).args(delivery.local_parts);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports: HashMap<String, u16> = serde_json::from_str(&line).expect("the submission server starts");
        Some(Self { dir, child, tls_port: ports["tls"], starttls_port: ports["starttls"] })
    }

    /// The listener with implicit TLS.
    pub(crate) fn tls(&self) -> Endpoint {
        Endpoint { host: "localhost".into(), port: self.tls_port, security: Security::Tls }
    }

    /// The listener with STARTTLS.
    pub(crate) fn starttls(&self) -> Endpoint {
        Endpoint { host: "localhost".into(), port: self.starttls_port, security: Security::StartTls }
    }

    /// The certificate to trust.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Stops the server: connections are taken by the system, and nobody answers.
    pub(crate) fn pause(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Every message taken so far, in order.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        let mut names: Vec<PathBuf> =
            std::fs::read_dir(self.dir.path().join("out")).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.retain(|name| name.extension().is_some_and(|extension| extension == "json"));
        names.sort();
        let read = |name: &PathBuf| {
            let facts: serde_json::Value = serde_json::from_slice(&std::fs::read(name).unwrap()).unwrap();
            let list = |key: &str| -> Vec<String> { serde_json::from_value(facts[key].clone()).unwrap() };
            Taken {
                from: facts["from"].as_str().unwrap().to_owned(),
                to: list("to"),
                options: list("options"),
                hello: facts["hello"].as_str().unwrap().to_owned(),
                raw: std::fs::read(name.with_extension("eml")).unwrap(),
            }
        };
        names.iter().map(read).collect()
    }

    /// Waits until `count` messages have been taken.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Taken> {
        let start = Instant::now();
        loop {
            let taken = self.taken();
            if taken.len() >= count {
                return taken;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "{} of {count} messages were taken", taken.len());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Submission {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a scripted server does where a reply is due.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Says this, line ends and all.
    Say(&'static str),
    /// Closes the connection without a word.
    Drop,
    /// Says nothing and keeps the connection.
    Silence,
    /// Says this once it is told to.
    SayWhen(Arc<tokio::sync::Notify>, &'static str),
}

use Answer::Say;

/// A submission server of a few lines, with one or two answers changed. Serves one connection after another.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// Before anything.
    pub(crate) greeting: Answer,
    /// To EHLO.
    pub(crate) ehlo: Answer,
    /// To AUTH and the lines that follow it, in order; the last one again and again.
    pub(crate) auth: Vec<Answer>,
    /// To MAIL.
    pub(crate) mail: Answer,
    /// To the nth RCPT; the last one again and again.
    pub(crate) rcpt: Vec<Answer>,
    /// To DATA.
    pub(crate) data: Answer,
    /// To the final dot.
    pub(crate) dot: Answer,
    /// Closes the connection after this many bytes of text.
    pub(crate) text_bytes: Option<usize>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            greeting: Say("220 localhost ESMTP\r\n"),
            ehlo: Say("250-localhost\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN\r\n"),
            auth: vec![Say("235 2.7.0 welcome\r\n")],
            mail: Say("250 2.1.0 sender ok\r\n"),
            rcpt: vec![Say("250 2.1.5 recipient ok\r\n")],
            data: Say("354 go on\r\n"),
            dot: Say("250 2.0.0 queued\r\n"),
            text_bytes: None,
        }
    }
}

/// A running scripted server.
#[derive(Debug)]
pub(crate) struct Scripted {
    /// Where it listens; implicit TLS.
    pub(crate) endpoint: Endpoint,
    /// The certificate to trust.
    pub(crate) ca: tempfile::NamedTempFile,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Scripted {
    /// Starts it on the runtime of the test.
    pub(crate) async fn start(script: Script) -> Self {
        let authority = Authority::new("casemail tests").unwrap();
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), &authority.ca_pem).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(authority.server_config().unwrap()));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                if let Ok(stream) = acceptor.accept(tcp).await {
                    let _ = serve(stream, &script, &recorded).await;
                }
            }
        });
        Self { endpoint: Endpoint { host: "localhost".into(), port, security: Security::Tls }, ca, heard }
    }

    /// Every byte that the client has sent.
    pub(crate) fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }
}

async fn serve<S>(stream: S, script: &Script, heard: &Mutex<Vec<u8>>) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = tokio::io::BufReader::new(stream);
    answer(&mut stream, &script.greeting).await?;
    let (mut logins, mut recipients) = (0, 0);
    let mut logging_in = false;
    loop {
        let line = read_line(&mut stream, heard).await?;
        let upper = line.to_uppercase();
        let nth = |list: &[Answer], n: usize| list[n.min(list.len() - 1)].clone();
        if upper.starts_with("AUTH") || logging_in {
            let reply = nth(&script.auth, logins);
            logging_in = matches!(reply, Say(text) if text.starts_with("334"));
            logins += 1;
            answer(&mut stream, &reply).await?;
        } else if upper.starts_with("EHLO") {
            answer(&mut stream, &script.ehlo).await?;
        } else if upper.starts_with("MAIL") {
            answer(&mut stream, &script.mail).await?;
        } else if upper.starts_with("RCPT") {
            recipients += 1;
            answer(&mut stream, &nth(&script.rcpt, recipients - 1)).await?;
        } else if upper.starts_with("DATA") {
            answer(&mut stream, &script.data).await?;
            if matches!(script.data, Say(text) if text.starts_with("354")) {
                let mut bytes = 0;
                loop {
                    let line = read_line(&mut stream, heard).await?;
                    bytes += line.len();
                    if line == ".\r\n" {
                        break;
                    }
                    if script.text_bytes.is_some_and(|limit| bytes > limit) {
                        return None;
                    }
                }
                answer(&mut stream, &script.dot).await?;
            }
        } else {
            answer(&mut stream, &Say("221 bye\r\n")).await?;
        }
    }
}

async fn read_line<S>(stream: &mut tokio::io::BufReader<S>, heard: &Mutex<Vec<u8>>) -> Option<String>
where
    S: AsyncRead + Unpin,
{
    let mut line = Vec::new();
    let count = stream.read_until(b'\n', &mut line).await.ok()?;
    heard.lock().unwrap().extend_from_slice(&line);
    (count > 0).then(|| String::from_utf8_lossy(&line).into_owned())
}

async fn answer<S>(stream: &mut tokio::io::BufReader<S>, answer: &Answer) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match answer {
        Say(text) => {
            // Latin-1 on the wire, for servers that speak it.
            let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
            stream.write_all(&bytes).await.ok()?;
            stream.flush().await.ok()
        }
        Answer::Drop => None,
        Answer::Silence => std::future::pending().await,
        Answer::SayWhen(told, text) => {
            told.notified().await;
            stream.write_all(text.as_bytes()).await.ok()?;
            stream.flush().await.ok()
        }
    }
}
