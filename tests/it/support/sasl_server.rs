//! A server that knows SASL and nothing else, over TLS, for IMAP and SMTP: it proves itself as a good one does, or lies in one of the ways
//! that a client must see through.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use casemail::demo::authority::Authority;
use casemail::net::{Endpoint, Security};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, version};
use tokio_rustls::server::TlsStream;

/// The password of everybody.
pub(crate) const PASSWORD: &str = "gnome under the hedge";

/// Which protocol it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Imap,
    Smtp,
}

/// How it behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As it should.
    #[default]
    Good,
    /// It does not know the password, and signs with another.
    Forged,
    /// It says OK in place of its signature.
    Unsigned,
    /// It says OK at once.
    Eager,
    /// It hangs up in the middle of its signature.
    CutOff,
    /// Its nonce is not the client's with more behind it.
    ForeignNonce,
    /// It sends the first message of an earlier login.
    Replays,
    /// It asks for this many rounds.
    Rounds(u64),
    /// Its end of the channel is another one, as behind somebody who decrypts.
    OtherChannel,
    /// It supports channel binding, and the offer does not reach the client.
    OfferTakenAway,
}

/// The server. Ends with the runtime.
pub(crate) struct SaslServer {
    pub(crate) endpoint: Endpoint,
    ca_file: PathBuf,
    _dir: tempfile::TempDir,
    /// Every line that it heard, decoded where it is base64.
    heard: Arc<Mutex<Vec<String>>>,
}

/// What it is made of.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) protocol: Protocol,
    /// What it offers.
    pub(crate) mechanisms: &'static str,
    pub(crate) manner: Manner,
    /// The only token that it takes.
    pub(crate) token: &'static str,
    /// TLS 1.2 instead of 1.3.
    pub(crate) old_tls: bool,
    /// SASL-IR (IMAP).
    pub(crate) first_allowed: bool,
}

impl Options {
    pub(crate) fn new(protocol: Protocol, mechanisms: &'static str) -> Self {
        Self { protocol, mechanisms, manner: Manner::Good, token: "", old_tls: false, first_allowed: true }
    }
}

impl SaslServer {
    pub(crate) async fn start(options: Options) -> Self {
        let authority = Authority::new("casemail tests").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let ca_file = dir.path().join("ca.pem");
        std::fs::write(&ca_file, &authority.ca_pem).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config(&authority, options.old_tls)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&heard);
        let certificate = STANDARD
            .decode(authority.server_pem.lines().filter(|line| !line.starts_with("---")).collect::<String>())
            .unwrap();
        // The first message of the first login, for those that replay.
        let first = Arc::new(Mutex::new(None));
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, options) = (acceptor.clone(), options.clone());
                let (heard, first, certificate) = (Arc::clone(&all), Arc::clone(&first), certificate.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(tcp).await else { return };
                    let channel = if options.old_tls {
                        Sha256::digest(&certificate).to_vec()
                    } else {
                        let tls = stream.get_ref().1;
                        tls.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", None).unwrap().to_vec()
                    };
                    let mut line =
                        Line { stream: BufReader::new(stream), heard, options, channel, first, tag: String::new() };
                    let _ = line.serve().await;
                    let _ = line.stream.shutdown().await;
                });
            }
        });
        let endpoint = Endpoint { host: "localhost".into(), port, security: Security::Tls };
        Self { endpoint, ca_file, _dir: dir, heard }
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.ca_file.clone()
    }

    /// Every line that it heard so far.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn config(authority: &Authority, old: bool) -> ServerConfig {
    if !old {
        return authority.server_config().unwrap();
    }
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(authority.server_pem.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(authority.server_key_pem.as_bytes()).unwrap(),
        )
        .unwrap()
}

struct Line {
    stream: BufReader<TlsStream<TcpStream>>,
    heard: Arc<Mutex<Vec<String>>>,
    options: Options,
    channel: Vec<u8>,
    first: Arc<Mutex<Option<String>>>,
    tag: String,
}

type End = Result<(), ()>;

impl Line {
    async fn say(&mut self, text: &str) -> End {
        self.stream.write_all(text.as_bytes()).await.map_err(drop)?;
        self.stream.flush().await.map_err(drop)
    }

    async fn hear(&mut self) -> Result<String, ()> {
        let mut line = String::new();
        match self.stream.read_line(&mut line).await {
            Ok(n) if n > 0 => Ok(line.trim_end().to_owned()),
            _ => Err(()),
        }
    }

    fn note(&self, text: &str) {
        self.heard.lock().unwrap().push(text.to_owned());
    }

    /// A message of the client, decoded.
    async fn message(&mut self) -> Result<String, ()> {
        let line = self.hear().await?;
        if line == "*" {
            self.note("*");
            return Err(());
        }
        let text = decoded(&line);
        self.note(&text);
        Ok(text)
    }

    async fn challenge(&mut self, text: &str) -> Result<String, ()> {
        let sign = if self.options.protocol == Protocol::Imap { "+" } else { "334" };
        self.say(&format!("{sign} {}\r\n", STANDARD.encode(text))).await?;
        self.message().await
    }

    async fn yes(&mut self) -> End {
        let tag = self.tag.clone();
        match self.options.protocol {
            Protocol::Imap => self.say(&format!("{tag} OK [CAPABILITY IMAP4rev1] in\r\n")).await,
            Protocol::Smtp => self.say("235 2.7.0 in\r\n").await,
        }
    }

    async fn no(&mut self) -> End {
        let tag = self.tag.clone();
        match self.options.protocol {
            Protocol::Imap => self.say(&format!("{tag} NO [AUTHENTICATIONFAILED] no\r\n")).await,
            Protocol::Smtp => self.say("535 5.7.8 no\r\n").await,
        }
    }

    async fn serve(&mut self) -> End {
        let mechanisms = self.options.mechanisms;
        let is_imap = self.options.protocol == Protocol::Imap;
        if is_imap {
            let ir = if self.options.first_allowed { "SASL-IR " } else { "" };
            let offers: String = mechanisms.split(' ').map(|name| format!(" AUTH={name}")).collect();
            self.say(&format!("* OK [CAPABILITY IMAP4rev1 {ir}LOGINDISABLED{offers}] ready\r\n")).await?;
        } else {
            self.say("220 ready\r\n").await?;
        }
        loop {
            let line = self.hear().await?;
            let command = if is_imap {
                let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
                tag.clone_into(&mut self.tag);
                command
            } else {
                &line
            };
            let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
            match words[0].as_str() {
                "EHLO" => self.say(&format!("250-ready\r\n250 AUTH {mechanisms}\r\n")).await?,
                "AUTHENTICATE" | "AUTH" => {
                    self.note(&words[1]);
                    let first = match words.get(2) {
                        Some(first) => {
                            let first = if first == "=" { String::new() } else { decoded(first) };
                            self.note(&first);
                            first
                        }
                        None => self.challenge("").await?,
                    };
                    self.authenticate(&words[1], &first).await?;
                }
                "LOGOUT" => {
                    let tag = self.tag.clone();
                    return self.say(&format!("* BYE bye\r\n{tag} OK bye\r\n")).await;
                }
                "QUIT" => return self.say("221 bye\r\n").await,
                _ => panic!("{line}"),
            }
        }
    }

    async fn authenticate(&mut self, mechanism: &str, first: &str) -> End {
        match mechanism {
            "SCRAM-SHA-256" | "SCRAM-SHA-256-PLUS" => self.scram(first).await,
            "XOAUTH2" | "OAUTHBEARER" => {
                if first.ends_with(&format!("\u{1}auth=Bearer {}\u{1}\u{1}", self.options.token)) {
                    return self.yes().await;
                }
                let status = if mechanism == "XOAUTH2" { "401" } else { "invalid_token" };
                self.challenge(&format!(r#"{{"status":"{status}","scope":"mail"}}"#)).await?;
                self.no().await
            }
            "EXTERNAL" => self.yes().await,
            _ => panic!("{mechanism}"),
        }
    }

    async fn scram(&mut self, first: &str) -> End {
        let manner = self.options.manner;
        if manner == Manner::Eager {
            return self.yes().await;
        }
        let (gs2, bare) = first.split_at(first.match_indices(',').nth(1).unwrap().0 + 1);
        let nonce = bare.split_once(",r=").unwrap().1;
        let rounds = if let Manner::Rounds(rounds) = manner { rounds } else { 4_096 };
        let salt = b"salt of the server";
        let nonce = if manner == Manner::ForeignNonce { "somebody-else".to_owned() } else { format!("{nonce}more") };
        let mut server_first = format!("r={nonce},s={},i={rounds}", STANDARD.encode(salt));
        if manner == Manner::Replays {
            server_first = self.first.lock().unwrap().get_or_insert(server_first).clone();
        }
        let last = self.challenge(&server_first).await?;
        let (without_proof, proof) = last.rsplit_once(",p=").unwrap();
        let carried = STANDARD.decode(&without_proof[2..without_proof.find(",r=").unwrap()]).unwrap();
        let mut expected = gs2.as_bytes().to_vec();
        if gs2.starts_with("p=") {
            expected.extend(&self.channel);
            if manner == Manner::OtherChannel {
                *expected.last_mut().unwrap() ^= 1;
            }
        }
        let error = match manner {
            Manner::OfferTakenAway if gs2.starts_with('y') => Some("server-does-support-channel-binding"),
            _ if carried != expected => Some("channel-bindings-dont-match"),
            _ => None,
        };
        if let Some(error) = error {
            self.challenge(&format!("e={error}")).await?;
            return self.no().await;
        }
        let password = if manner == Manner::Forged { "guessed" } else { PASSWORD };
        let salted = hi(password.as_bytes(), salt, u32::try_from(rounds).unwrap());
        let signed = format!("{bare},{server_first},{without_proof}");
        let client_key = hmac(&salted, b"Client Key");
        let signature = hmac(&Sha256::digest(&client_key), signed.as_bytes());
        let key: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        if manner == Manner::Good && STANDARD.encode(key) != proof {
            self.challenge("e=invalid-proof").await?;
            return self.no().await;
        }
        let server = STANDARD.encode(hmac(&hmac(&salted, b"Server Key"), signed.as_bytes()));
        match manner {
            Manner::Unsigned => return self.yes().await,
            Manner::CutOff => {
                let sign = if self.options.protocol == Protocol::Imap { "+" } else { "334" };
                self.say(&format!("{sign} {}", &STANDARD.encode(format!("v={server}"))[..20])).await?;
                return Err(());
            }
            _ => {}
        }
        self.challenge(&format!("v={server}")).await?;
        self.yes().await
    }
}

fn decoded(line: &str) -> String {
    String::from_utf8(STANDARD.decode(line).unwrap()).unwrap()
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes().to_vec()
}

fn hi(password: &[u8], salt: &[u8], rounds: u32) -> Vec<u8> {
    let mut last = hmac(password, &[salt, &[0, 0, 0, 1]].concat());
    let mut sum = last.clone();
    for _ in 1..rounds {
        last = hmac(password, &last);
        sum.iter_mut().zip(&last).for_each(|(sum, last)| *sum ^= last);
    }
    sum
}
