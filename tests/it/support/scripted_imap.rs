//! An IMAP server over TLS that behaves well until a script tells it otherwise: for what no good server will do.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use casemail::demo::authority::Authority;
use casemail::imap::{AccountSetup, Limits, Times};
use casemail::net::sasl::Credentials;
use casemail::net::{Endpoint, Secret, Security, tls};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What the server does instead of answering well.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Sends this.
    Say(Vec<u8>),
    /// Sends this, in pieces, without holding it a second time.
    SayStatic(&'static [u8]),
    /// As `SayStatic`, and this behind it.
    SayStaticAnd(&'static [u8], Vec<u8>),
    /// Sends this and hangs up.
    SayAndClose(Vec<u8>),
    /// Says nothing more, ever.
    Silence,
    /// Sends this, and neither reads nor says anything more.
    SayAndStop(Vec<u8>),
}

/// What the script is asked about beside the client's lines: the message of an APPEND that has come whole, and the end of an IDLE.
pub(crate) const LITERAL: &str = "(literal)";
pub(crate) const DONE: &str = "(DONE)";

/// What a client asked: which connection of the server (from 0), which command of the connection (from 0), tag, command, and what a good
/// server would answer.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) connection: usize,
    pub(crate) command_number: usize,
    pub(crate) tag: &'a str,
    pub(crate) command: &'a str,
    pub(crate) good: &'a str,
}

type Script = dyn Fn(&Asked<'_>) -> Option<Act> + Send + Sync;

/// The mailbox of the server.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    pub(crate) uid_validity: u32,
    pub(crate) uid_next: u32,
    pub(crate) messages: Vec<(u32, String)>,
    /// What it can do, beside IMAP4rev1, IDLE and UIDPLUS.
    pub(crate) extensions: &'static str,
}

/// Everything that this server can do.
pub(crate) const EXTENSIONS: &str = "ID ENABLE NAMESPACE CONDSTORE QRESYNC LIST-EXTENDED SPECIAL-USE LIST-STATUS OBJECTID UNSELECT MOVE \
     NOTIFY LITERAL-";

impl Inbox {
    /// This many messages, UIDs from 1.
    pub(crate) fn of(count: u32) -> Self {
        let messages = (1..=count).map(|uid| (uid, format!("Subject: No. {uid}\r\n\r\nhello\r\n"))).collect();
        Self { uid_validity: 7, uid_next: count + 1, messages, extensions: "" }
    }

    /// The same at a server that can do all of [`EXTENSIONS`].
    pub(crate) fn extended(count: u32) -> Self {
        Self { extensions: EXTENSIONS, ..Self::of(count) }
    }
}

/// A running server; its task ends with the runtime.
#[derive(Debug)]
pub(crate) struct ScriptedImap {
    port: u16,
    _dir: tempfile::TempDir,
    ca_file: PathBuf,
    connections: Arc<AtomicUsize>,
    pub(crate) inbox: Arc<Mutex<Inbox>>,
    /// Literals of which something came before the server had asked for it (RFC 9051 §4.3).
    pub(crate) unasked: Arc<AtomicUsize>,
}

impl ScriptedImap {
    /// Starts one. `cut`: every connection ends after this many bytes.
    pub(crate) async fn start(
        greeting: &str,
        inbox: Inbox,
        cut: Option<Arc<AtomicUsize>>,
        script: impl Fn(&Asked<'_>) -> Option<Act> + Send + Sync + 'static,
    ) -> Self {
        let authority = Authority::new("casemail tests").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let ca_file = dir.path().join("ca.pem");
        std::fs::write(&ca_file, &authority.ca_pem).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(authority.server_config().unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let inbox = Arc::new(Mutex::new(inbox));
        let script: Arc<Script> = Arc::new(script);
        let (counted, shared) = (Arc::clone(&connections), Arc::clone(&inbox));
        let unasked = Arc::new(AtomicUsize::new(0));
        let early = Arc::clone(&unasked);
        let greeting = greeting.to_owned();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let connection = counted.fetch_add(1, Ordering::SeqCst);
                let (acceptor, script, inbox) = (acceptor.clone(), Arc::clone(&script), Arc::clone(&shared));
                let early = Arc::clone(&early);
                let (greeting, left) = (greeting.clone(), cut.as_ref().map(|cut| cut.load(Ordering::SeqCst)));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(tcp).await {
                        let mut line = Line { stream: BufReader::new(stream), left };
                        let _ = serve(&mut line, connection, &greeting, &inbox, &*script, &early).await;
                        let _ = line.stream.shutdown().await;
                    }
                });
            }
        });
        Self { port, _dir: dir, ca_file, connections, inbox, unasked }
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint { host: "localhost".into(), port: self.port, security: Security::Tls }
    }

    /// Who vouches for it.
    pub(crate) fn ca_file(&self) -> &std::path::Path {
        &self.ca_file
    }

    /// An impatient account on it.
    pub(crate) fn setup(&self) -> AccountSetup {
        AccountSetup {
            refusals: None,
            name: "work".to_owned(),
            endpoint: self.endpoint(),
            tls: tls::client_config(Some(&self.ca_file)).unwrap(),
            credentials: Credentials::password("quill", Secret::new("gnome".to_owned())),
            sent_mailbox: None,
            skip: Vec::new(),
            compress: false,
            limits: Limits::default(),
            times: Times {
                login: Duration::from_secs(5),
                silence: Duration::from_secs(2),
                retry_first: Duration::from_millis(20),
                retry_ceiling: Duration::from_millis(100),
                ..Times::default()
            },
        }
    }
}

/// The usual greeting.
pub(crate) const GREETING: &str = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n";

struct Line {
    stream: BufReader<tokio_rustls::server::TlsStream<tokio::net::TcpStream>>,
    left: Option<usize>,
}

impl Line {
    /// `Err` when the line was cut.
    async fn say(&mut self, bytes: &[u8]) -> Result<(), ()> {
        let allowed = self.left.unwrap_or(bytes.len()).min(bytes.len());
        self.stream.write_all(&bytes[..allowed]).await.map_err(drop)?;
        self.stream.flush().await.map_err(drop)?;
        if let Some(left) = self.left.as_mut() {
            *left -= allowed;
        }
        if allowed < bytes.len() { Err(()) } else { Ok(()) }
    }

    async fn hear(&mut self) -> Result<String, ()> {
        let mut line = String::new();
        match self.stream.read_line(&mut line).await {
            Ok(n) if n > 0 => Ok(line.trim_end().to_owned()),
            _ => Err(()),
        }
    }
}

async fn serve(
    line: &mut Line,
    connection: usize,
    greeting: &str,
    inbox: &Mutex<Inbox>,
    script: &Script,
    unasked: &AtomicUsize,
) -> Result<(), ()> {
    line.say(greeting.as_bytes()).await?;
    let mut command_number = 0;
    loop {
        let heard = line.hear().await?;
        let (tag, command) = heard.split_once(' ').unwrap_or((&heard, ""));
        let good = answer(&inbox.lock().unwrap(), tag, command);
        let asked = Asked { connection, command_number, tag, command, good: &good };
        command_number += 1;
        let act = script(&asked);
        if command.starts_with("APPEND") && command.ends_with("}") && !command.ends_with("+}") {
            // Whoever may not send yet is given the time to do it all the same.
            let comes = tokio::time::timeout(Duration::from_millis(150), line.stream.fill_buf()).await;
            unasked.fetch_add(usize::from(comes.is_ok()), Ordering::SeqCst);
        }
        let by_hand = act.is_some();
        follow(line, act, &good).await?;
        if by_hand {
            continue;
        }
        let after = |command: &'static str, good: &str| {
            script(&Asked { connection, command_number: usize::MAX, tag, command, good })
        };
        if command == "IDLE" {
            line.hear().await?;
            let good = format!("{tag} OK idled\r\n");
            follow(line, after(DONE, &good), &good).await?;
        } else if let Some((_, size)) = command.strip_prefix("APPEND").and_then(|rest| rest.rsplit_once('{')) {
            let mut message = vec![0; size.trim_end_matches(['}', '+']).parse::<usize>().unwrap() + 2];
            tokio::io::AsyncReadExt::read_exact(&mut line.stream, &mut message).await.map_err(drop)?;
            let good = format!("{tag} OK [APPENDUID 7 99] filed\r\n");
            follow(line, after(LITERAL, &good), &good).await?;
        }
    }
}

/// Does what the script says, or answers well. `Err` ends the connection.
async fn follow(line: &mut Line, act: Option<Act>, good: &str) -> Result<(), ()> {
    match act {
        None => line.say(good.as_bytes()).await?,
        Some(Act::Say(bytes)) => line.say(&bytes).await?,
        Some(Act::SayStatic(bytes)) => {
            for piece in bytes.chunks(64 << 10) {
                line.say(piece).await?;
            }
        }
        Some(Act::SayStaticAnd(bytes, behind)) => {
            for piece in bytes.chunks(64 << 10) {
                line.say(piece).await?;
            }
            line.say(&behind).await?;
        }
        Some(Act::SayAndClose(bytes)) => {
            line.say(&bytes).await?;
            return Err(());
        }
        Some(Act::Silence) => {
            while line.hear().await.is_ok() {}
            return Err(());
        }
        Some(Act::SayAndStop(bytes)) => {
            line.say(&bytes).await?;
            std::future::pending::<()>().await;
        }
    }
    Ok(())
}

/// What a good server answers that has this mailbox.
pub(crate) fn answer(inbox: &Inbox, tag: &str, command: &str) -> String {
    let word = command.split(' ').next().unwrap_or_default();
    let mut says = String::new();
    match word {
        "AUTHENTICATE" => {
            let all = format!("IMAP4rev1 IDLE UIDPLUS {}", inbox.extensions);
            return format!("{tag} OK [CAPABILITY {}] in\r\n", all.trim_end());
        }
        "CAPABILITY" => {
            let all = format!("* CAPABILITY IMAP4rev1 IDLE UIDPLUS {}", inbox.extensions);
            write!(says, "{}\r\n", all.trim_end()).unwrap();
        }
        "ENABLE" => says.push_str("* ENABLED QRESYNC\r\n"),
        "ID" => says.push_str("* ID (\"name\" \"scripted\" \"version\" NIL)\r\n"),
        "NAMESPACE" => says.push_str("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"),
        "LIST" => {
            says.push_str("* LIST () \"/\" INBOX\r\n");
            if command.contains("STATUS (") {
                write!(
                    says,
                    "* STATUS INBOX (MESSAGES {} UIDNEXT {} UIDVALIDITY {} HIGHESTMODSEQ 9 MAILBOXID (F1))\r\n",
                    inbox.messages.len(),
                    inbox.uid_next,
                    inbox.uid_validity
                )
                .unwrap();
            }
        }
        "IDLE" => return "+ idling\r\n".to_owned(),
        "APPEND" if command.ends_with("+}") => return String::new(),
        "APPEND" => return "* 5 RECENT\r\n+ go on\r\n".to_owned(),
        "SELECT" => {
            write!(
                says,
                "* FLAGS (\\Seen)\r\n* {} EXISTS\r\n* OK [UIDVALIDITY {}] v\r\n* OK [UIDNEXT {}] n\r\n",
                inbox.messages.len(),
                inbox.uid_validity,
                inbox.uid_next
            )
            .unwrap();
            if inbox.extensions.contains("CONDSTORE") {
                says.push_str("* OK [HIGHESTMODSEQ 9] h\r\n");
            }
        }
        "UID" if command.contains("MOVE") => says.push_str("* OK [COPYUID 9 2 1] moved\r\n* VANISHED 2\r\n"),
        "FETCH" | "UID" if command.contains("FETCH") => {
            let by_uid = word == "UID";
            let mut words = command.split(' ').skip(usize::from(by_uid) + 1);
            let wanted = set(words.next().unwrap_or_default());
            let items = words.collect::<Vec<_>>().join(" ");
            for (i, (uid, raw)) in inbox.messages.iter().enumerate() {
                let number = u32::try_from(i).unwrap() + 1;
                if wanted.iter().any(|&(a, b)| (a..=b).contains(if by_uid { uid } else { &number })) {
                    says.push_str(&fetched(number, *uid, raw, &items));
                }
            }
        }
        _ => {}
    }
    format!("{says}{tag} OK done\r\n")
}

/// One message's FETCH answer.
pub(crate) fn fetched(number: u32, uid: u32, raw: &str, items: &str) -> String {
    let mut text = format!("* {number} FETCH (UID {uid} FLAGS (\\Seen)");
    if items.contains("INTERNALDATE") {
        text.push_str(" INTERNALDATE \"17-Jul-2026 10:00:00 +0000\"");
    }
    if items.contains("RFC822.SIZE") {
        write!(text, " RFC822.SIZE {}", raw.len()).unwrap();
    }
    if items.contains("HEADER") {
        let header = &raw[..raw.find("\r\n\r\n").unwrap() + 4];
        write!(text, " BODY[HEADER.FIELDS (FROM)] {{{}}}\r\n{header}", header.len()).unwrap();
    } else if let Some((_, part)) = items.split_once("BODY.PEEK[]<") {
        let (from, size) = part.split_once('>').unwrap().0.split_once('.').unwrap();
        let from: usize = from.parse().unwrap();
        let rest = raw.get(from..).unwrap_or_default();
        let piece = &rest[..rest.len().min(size.parse().unwrap())];
        write!(text, " BODY[]<{from}> {{{}}}\r\n{piece}", piece.len()).unwrap();
    } else if items.contains("BODY") {
        write!(text, " BODY[] {{{}}}\r\n{raw}", raw.len()).unwrap();
    }
    text + ")\r\n"
}

/// The ranges of a sequence set.
pub(crate) fn set(text: &str) -> Vec<(u32, u32)> {
    let number = |text: &str| if text == "*" { u32::MAX } else { text.parse().unwrap() };
    text.split(',')
        .map(|part| {
            let (a, b) = part.split_once(':').unwrap_or((part, part));
            (number(a), number(b))
        })
        .collect()
}
