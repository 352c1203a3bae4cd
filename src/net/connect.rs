//! From an [`Endpoint`] to a verified TLS stream, within stated times.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::endpoint::{Endpoint, Security};
use super::error::Error;
use super::starttls;
use super::tls::{self, ClientConfig, TlsFailure};

/// A verified TLS connection. Below TLS the socket is read in large pieces: rustls asks for 4 KB at a time, and a first sync would make a
/// system call for each.
pub type Stream = tokio_rustls::client::TlsStream<BufReader<TcpStream>>;

/// How much is read from the socket at once: four TLS records.
const READ_BYTES: usize = 64 << 10;
/// A line that says nothing is looked at after so long, again and again after so long, and given up after so many looks without an answer.
const KEEP_IDLE: Duration = Duration::from_secs(60);
const KEEP_INTERVAL: Duration = Duration::from_secs(15);
const KEEP_COUNT: u32 = 4;

/// How long each step may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Resolving the name, and connecting to one address.
    pub connect: Duration,
    /// The whole STARTTLS dialogue, and the whole handshake.
    pub handshake: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { connect: Duration::from_secs(15), handshake: Duration::from_secs(20) }
    }
}

/// Connects to an IMAP server. With [`Security::Tls`] the server's greeting is still to be read from the stream; with
/// [`Security::StartTls`] it was read in the clear and forgotten, and there is no second one.
///
/// # Errors
/// Any of [`Error`]; nothing but `STARTTLS` was sent in the clear.
pub async fn connect_imap(endpoint: &Endpoint, config: &Arc<ClientConfig>, times: Times) -> Result<Stream, Error> {
    connect(endpoint, config, times, Dialogue::Imap).await
}

/// Connects to a submission server. With [`Security::Tls`] the greeting (220) is still to be read; with [`Security::StartTls`] greeting and
/// EHLO were done in the clear and forgotten: go on with EHLO, there is no second greeting (RFC 3207 §4.2).
///
/// # Errors
/// Any of [`Error`]; nothing but `EHLO [127.0.0.1]` and `STARTTLS` was sent in the clear.
pub async fn connect_smtp(endpoint: &Endpoint, config: &Arc<ClientConfig>, times: Times) -> Result<Stream, Error> {
    connect(endpoint, config, times, Dialogue::Smtp).await
}

/// Connects to a server of HTTPS: TLS begins with the first byte.
///
/// # Errors
/// Any of [`Error`]; nothing was sent in the clear.
pub(super) async fn connect_https(
    endpoint: &Endpoint,
    config: &Arc<ClientConfig>,
    times: Times,
) -> Result<Stream, Error> {
    if endpoint.security != Security::Tls {
        let why = "HTTPS has no STARTTLS".to_owned();
        return Err(Error::StartTls { place: endpoint.to_string(), why });
    }
    connect(endpoint, config, times, Dialogue::None).await
}

#[derive(Clone, Copy)]
enum Dialogue {
    None,
    Imap,
    Smtp,
}

async fn connect(
    endpoint: &Endpoint,
    config: &Arc<ClientConfig>,
    times: Times,
    dialogue: Dialogue,
) -> Result<Stream, Error> {
    let place = endpoint.to_string();
    let name = ServerName::try_from(endpoint.host.clone())
        .map_err(|_| Error::Resolve { host: endpoint.host.clone(), words: "this is no host name".to_owned() })?;
    let mut tcp = dial(endpoint, times.connect).await?;
    if endpoint.security == Security::StartTls {
        let done = async {
            match dialogue {
                Dialogue::None => Ok(()),
                Dialogue::Imap => starttls::imap(&mut tcp).await,
                Dialogue::Smtp => starttls::smtp(&mut tcp).await,
            }
        };
        timeout(times.handshake, done)
            .await
            .map_err(|_| late(&place, "asking for STARTTLS", times.handshake))?
            .map_err(|e| e.at(&place))?;
    }
    // Made only here: what was read before the handshake is in no buffer (see `starttls`).
    let tcp = BufReader::with_capacity(READ_BYTES, tcp);
    let handshake = TlsConnector::from(Arc::clone(config)).connect(name, tcp);
    match timeout(times.handshake, handshake).await {
        Err(_) => Err(late(&place, "making the TLS handshake", times.handshake)),
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(e)) => Err(match tls::failure(&e, &endpoint.host) {
            Some(failure) => Error::Tls { place, failure },
            None if e.kind() == io::ErrorKind::InvalidData => {
                Error::Tls { place, failure: TlsFailure::Refused(e.to_string()) }
            }
            None => Error::Lost { place, doing: "making the TLS handshake", words: super::error::words(&e) },
        }),
    }
}

fn late(place: &str, doing: &'static str, after: Duration) -> Error {
    Error::TimedOut { place: place.to_owned(), doing, after }
}

/// Finds a peer that vanished: a line that waits for news says nothing for minutes, and behind a laptop's sleep or another network there is nobody any
/// more. The kernel's own first look comes after two hours.
fn keep_alive(tcp: &TcpStream) {
    use rustix::net::sockopt;
    let _ = sockopt::set_socket_keepalive(tcp, true);
    let _ = sockopt::set_tcp_keepidle(tcp, KEEP_IDLE);
    let _ = sockopt::set_tcp_keepintvl(tcp, KEEP_INTERVAL);
    let _ = sockopt::set_tcp_keepcnt(tcp, KEEP_COUNT);
}

/// DNS and TCP: every address is tried in the resolver's order.
async fn dial(endpoint: &Endpoint, limit: Duration) -> Result<TcpStream, Error> {
    let place = endpoint.to_string();
    let unresolved = |words: String| Error::Resolve { host: endpoint.host.clone(), words };
    let lookup = tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port));
    let addresses = timeout(limit, lookup)
        .await
        .map_err(|_| late(&place, "resolving its name", limit))?
        .map_err(|e| unresolved(e.to_string()))?;
    let mut last = unresolved("it has no address".to_owned());
    for address in addresses {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => {
                // Commands are small and waited for: Nagle's algorithm would hold each back.
                let _ = tcp.set_nodelay(true);
                keep_alive(&tcp);
                return Ok(tcp);
            }
            Ok(Err(e)) => last = Error::Connect { place: place.clone(), words: e.to_string() },
            Err(_) => last = late(&place, "connecting", limit),
        }
    }
    Err(last)
}
