//! The one TLS configuration of the process (rustls with aws-lc-rs, TLS 1.2 and 1.3) and its failures in words.
//!
//! Trusted are the platform's certificate authorities and those of an optional file. There is no option, type or function here that
//! accepts an unverified certificate, and none may be added.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ProtocolVersion, RootCertStore};

pub use rustls::ClientConfig;

use super::connect::Stream;
use super::error::Error;
use super::identity::ClientCertificate;
use super::sasl::{Binding, Channel};

/// Why there is no TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsFailure {
    /// The certificate names other hosts.
    WrongHost {
        /// Whom we asked for.
        expected: String,
        /// Whom it names.
        presented: Vec<String>,
    },
    /// It has expired, at this time (Unix seconds) where known.
    Expired(Option<u64>),
    /// It is not valid before this time (Unix seconds) where known.
    NotYetValid(Option<u64>),
    /// Nobody we trust issued it.
    UnknownAuthority,
    /// It is a certificate authority's own certificate, used as a server's.
    AuthorityAsServer,
    /// It was revoked.
    Revoked,
    /// Another fault of the certificate, in rustls' words.
    BadCertificate(String),
    /// The server refused or broke off the handshake, or offers only what is too weak; the words say which.
    Refused(String),
    /// What answered does not speak TLS.
    NotTls,
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongHost { expected, presented } => write!(
                f,
                "its certificate is not for {expected} but for {}; check the host name, or somebody stands between",
                if presented.is_empty() { "no name at all".to_owned() } else { presented.join(", ") }
            ),
            Self::Expired(at) => {
                write!(f, "its certificate has expired{}; its administrator has to renew it", date(" on ", *at))
            }
            Self::NotYetValid(at) => {
                write!(f, "its certificate is not valid{}; is this machine's clock right?", date(" before ", *at))
            }
            Self::UnknownAuthority => f.write_str(
                "its certificate was issued by nobody this machine trusts; if your organisation has its own authority, name its file as ca_file",
            ),
            Self::AuthorityAsServer => f.write_str(
                "its certificate is a certificate authority's own and cannot stand for a server; it needs one issued for its host name",
            ),
            Self::Revoked => f.write_str("its certificate was revoked; its administrator has to replace it"),
            Self::BadCertificate(words) => write!(f, "its certificate cannot be accepted ({words})"),
            Self::Refused(words) => write!(f, "the handshake failed ({words}); TLS 1.2 or newer is required"),
            Self::NotTls => f.write_str(
                "what answers there does not speak TLS; is the port right, and should this server be reached by starttls?",
            ),
        }
    }
}

fn date(before: &str, at: Option<u64>) -> String {
    at.and_then(|seconds| jiff::Timestamp::from_second(i64::try_from(seconds).ok()?).ok())
        .map(|at| format!("{before}{}", at.strftime("%Y-%m-%d %H:%M UTC")))
        .unwrap_or_default()
}

/// Makes the configuration that IMAP and SMTP share: the platform's authorities and those of `ca_file` (PEM).
///
/// # Errors
/// The file cannot be read or holds no certificate, or there is no authority to trust at all.
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, Error> {
    client_config_as(ca_file, None)
}

/// As [`client_config`], with a certificate of our own for servers that ask for one.
///
/// # Errors
/// As there; or the certificate or its key cannot be used.
pub fn client_config_as(ca_file: Option<&Path>, own: Option<&ClientCertificate>) -> Result<Arc<ClientConfig>, Error> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::Authorities { place: "TLS".to_owned(), why: e.to_string() })?
        .with_root_certificates(roots(ca_file)?);
    let Some(own) = own else { return Ok(Arc::new(config.with_no_client_auth())) };
    let (chain, key) = own.read()?;
    let config = config.with_client_auth_cert(chain, key).map_err(|e| own.unusable(&e))?;
    Ok(Arc::new(config))
}

/// The name of a channel, to bind a login to it; `None` where none is defined for it.
#[must_use]
pub fn channel(stream: &Stream) -> Option<Channel> {
    let (_, tls) = stream.get_ref();
    if tls.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
        // RFC 9266 §2: this label, no context, 32 bytes.
        let data = tls.export_keying_material([0_u8; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok()?;
        return Some(Channel { binding: Binding::Exporter, data: data.to_vec() });
    }
    Channel::server_end_point(tls.peer_certificates()?.first()?)
}

/// How a verified connection is protected, in words that are written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secured {
    /// The server, by the name that its certificate was checked for.
    pub server: String,
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: String,
    /// The cipher suite by its IANA name.
    pub cipher: String,
    /// The digest of the server's certificate: `SHA-256 ` and 64 hexadecimal digits.
    pub certificate: String,
}

/// What protects this connection to a host.
#[must_use]
pub fn secured(stream: &Stream, host: &str) -> Option<Secured> {
    use sha2::Digest as _;
    let (_, tls) = stream.get_ref();
    let version = match tls.protocol_version()? {
        ProtocolVersion::TLSv1_3 => "TLSv1.3".to_owned(),
        ProtocolVersion::TLSv1_2 => "TLSv1.2".to_owned(),
        other => format!("{other:?}"),
    };
    // rustls marks the suites of TLS 1.3 by a name of its own.
    let cipher = tls.negotiated_cipher_suite()?.suite().as_str()?.replace("TLS13_", "TLS_");
    let certificate = tls.peer_certificates()?.first()?;
    let certificate = format!("SHA-256 {}", hex::encode(sha2::Sha256::digest(certificate)));
    Some(Secured { server: host.to_owned(), version, cipher, certificate })
}

/// A nonce for SCRAM: 144 random bits, printable and without a comma.
///
/// # Errors
/// The system gives no random bytes.
pub fn nonce() -> Result<String, Error> {
    let mut bytes = [0_u8; 18];
    let fault = |_| Error::Authorities { place: "TLS".to_owned(), why: "the system gives no random bytes".to_owned() };
    provider().secure_random.fill(&mut bytes).map_err(fault)?;
    Ok(STANDARD.encode(bytes))
}

/// Two providers are in the tree (a dependency brings ring): the plain builder would panic, so the provider is named.
fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Whether the certificate of a verified connection will still be good at a later time (Unix seconds): the same verification, with that time
/// instead of now. It can only add a complaint; the connection itself was verified before it came here.
///
/// # Errors
/// Why it will not be, or the authorities cannot be read.
pub fn good_until(stream: &Stream, host: &str, ca_file: Option<&Path>, at: u64) -> Result<Option<TlsFailure>, Error> {
    let Some((end, chain)) = stream.get_ref().1.peer_certificates().and_then(<[_]>::split_first) else {
        return Ok(None);
    };
    let fault = |why: String| Error::Authorities { place: "TLS".to_owned(), why };
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(ca_file)?), provider())
        .build()
        .map_err(|e| fault(e.to_string()))?;
    let name = ServerName::try_from(host.to_owned()).map_err(|e| fault(e.to_string()))?;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(at));
    Ok(match verifier.verify_server_cert(end, chain, &name, &[], at) {
        Err(rustls::Error::InvalidCertificate(certificate)) => Some(of_certificate(&certificate, host)),
        _ => None,
    })
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let platform = rustls_native_certs::load_native_certs();
    // Single broken files in the platform's store are the platform's affair: what is readable is used.
    roots.add_parsable_certificates(platform.certs);
    if let Some(path) = ca_file {
        let fault = |why: String| Error::Authorities { place: path.display().to_string(), why };
        let mut found = 0_usize;
        let certs = CertificateDer::pem_file_iter(path)
            .map_err(|e| fault(format!("the CA file cannot be read ({e}); check ca_file")))?;
        for cert in certs {
            let cert = cert.map_err(|e| fault(format!("the CA file is not PEM ({e}); check ca_file")))?;
            roots.add(cert).map_err(|e| fault(format!("a certificate of the CA file cannot be used ({e})")))?;
            found = found.saturating_add(1);
        }
        if found == 0 {
            return Err(fault("the CA file holds no certificate; it must be PEM (BEGIN CERTIFICATE)".to_owned()));
        }
    }
    if roots.is_empty() {
        return Err(Error::Authorities {
            place: "the platform's certificate store".to_owned(),
            why: "no certificate authority is installed; install ca-certificates or set ca_file".to_owned(),
        });
    }
    Ok(roots)
}

/// The words for a failed handshake; `None` when the connection simply ended.
pub(super) fn failure(error: &std::io::Error, host: &str) -> Option<TlsFailure> {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())?;
    Some(match tls {
        rustls::Error::InvalidCertificate(certificate) => of_certificate(certificate, host),
        rustls::Error::InvalidMessage(_) => TlsFailure::NotTls,
        rustls::Error::AlertReceived(alert) => TlsFailure::Refused(format!("the server says {alert:?}")),
        other => TlsFailure::Refused(other.to_string()),
    })
}

fn of_certificate(error: &CertificateError, host: &str) -> TlsFailure {
    match error {
        CertificateError::NotValidForName => TlsFailure::WrongHost { expected: host.to_owned(), presented: Vec::new() },
        CertificateError::NotValidForNameContext { presented, .. } => TlsFailure::WrongHost {
            expected: host.to_owned(),
            presented: presented.iter().map(|name| bare_name(name)).collect(),
        },
        CertificateError::Expired => TlsFailure::Expired(None),
        CertificateError::ExpiredContext { not_after, .. } => TlsFailure::Expired(Some(not_after.as_secs())),
        CertificateError::NotValidYet => TlsFailure::NotYetValid(None),
        CertificateError::NotValidYetContext { not_before, .. } => TlsFailure::NotYetValid(Some(not_before.as_secs())),
        // The second: an authority of the same name with another key, as when a private one was made anew.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsFailure::UnknownAuthority,
        CertificateError::Revoked => TlsFailure::Revoked,
        // rustls has no variant of its own for webpki's CaUsedAsEndEntity.
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            TlsFailure::AuthorityAsServer
        }
        other => TlsFailure::BadCertificate(other.to_string()),
    }
}

/// webpki presents names as `DnsName("mail.example")`; people want the name.
fn bare_name(name: &str) -> String {
    name.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"')).map_or(name, |(inner, _)| inner).to_owned()
}
