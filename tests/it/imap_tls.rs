//! Certificates that may not be accepted, each refused for its own reason, in words.

use std::sync::Arc;
use std::time::Duration;

use casemail::net::connect::Times;
use casemail::net::tls::TlsFailure;
use casemail::net::{Endpoint, Error, Security, connect_imap, connect_smtp, tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// An authority with a name, and its PEM file.
fn authority(name: &str) -> (CertifiedIssuer<'static, KeyPair>, tempfile::NamedTempFile) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), issuer.pem()).unwrap();
    (issuer, file)
}

/// A server that presents a certificate to everybody.
async fn server(certificate: &rcgen::Certificate, key: &KeyPair) -> Endpoint {
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let _ = acceptor.accept(tcp).await;
        }
    });
    Endpoint { host: "localhost".into(), port, security: Security::Tls }
}

async fn failure(endpoint: &Endpoint, ca: &std::path::Path) -> TlsFailure {
    let config = tls::client_config(Some(ca)).unwrap();
    match connect_imap(endpoint, &config, Times::default()).await {
        Err(Error::Tls { failure, place }) => {
            assert_eq!(place, endpoint.to_string());
            failure
        }
        other => panic!("{other:?}"),
    }
}

async fn issued(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> TlsFailure {
    let (issuer, ca) = authority("Reed");
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
    change(&mut params);
    let endpoint = server(&params.signed_by(&key, &issuer).unwrap(), &key).await;
    failure(&endpoint, ca.path()).await
}

#[tokio::test]
async fn each_fault_by_its_name() {
    let wrong = issued(&["mail.example"], |_| {}).await;
    assert_eq!(
        wrong,
        TlsFailure::WrongHost { expected: "localhost".to_owned(), presented: vec!["mail.example".to_owned()] }
    );
    assert!(wrong.to_string().contains("not for localhost but for mail.example"), "{wrong}");

    let expired = issued(&["localhost"], |params| params.not_after = date_time_ymd(2020, 2, 3)).await;
    assert!(expired.to_string().contains("has expired on 2020-02-03"), "{expired}");

    let early = issued(&["localhost"], |params| params.not_before = date_time_ymd(2120, 2, 3)).await;
    assert!(early.to_string().contains("not valid before 2120-02-03"), "{early}");

    // A name in the Common Name only is no name.
    let common = issued(&[], |params| params.distinguished_name.push(rcgen::DnType::CommonName, "localhost")).await;
    assert!(matches!(common, TlsFailure::WrongHost { .. }), "{common:?}");
}

#[tokio::test]
async fn strangers_and_authorities() {
    let (issuer, _) = authority("Reed");
    let (_, other) = authority("Sedge");
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let endpoint = server(&params.signed_by(&key, &issuer).unwrap(), &key).await;
    let unknown = failure(&endpoint, other.path()).await;
    assert_eq!(unknown, TlsFailure::UnknownAuthority);
    assert!(unknown.to_string().contains("ca_file"));

    // What `openssl req -x509` makes: a self-signed authority as a server's certificate.
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = params.self_signed(&key).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), own.pem()).unwrap();
    let endpoint = server(&own, &key).await;
    assert_eq!(failure(&endpoint, file.path()).await, TlsFailure::AuthorityAsServer);
}

#[tokio::test]
async fn what_is_no_tls_at_all() {
    let (_, ca) = authority("Reed");
    let config = tls::client_config(Some(ca.path())).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut tcp, b"* OK plain IMAP here\r\n").await;
            std::mem::forget(tcp);
        }
    });
    let endpoint = Endpoint { host: "localhost".into(), port, security: Security::Tls };
    let error = connect_imap(&endpoint, &config, Times::default()).await.unwrap_err();
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
    // A server that never answers, and nobody at all.
    let times = Times { connect: Duration::from_millis(300), handshake: Duration::from_millis(300) };
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint { port: silent.local_addr().unwrap().port(), ..endpoint };
    for security in [Security::Tls, Security::StartTls] {
        let endpoint = Endpoint { security, ..endpoint.clone() };
        let error = connect_smtp(&endpoint, &config, times).await.unwrap_err();
        assert!(matches!(error, Error::TimedOut { .. }), "{error}");
        assert!(error.to_string().contains(&endpoint.to_string()), "{error}");
    }
    drop(silent);
    let error = connect_imap(&endpoint, &config, times).await.unwrap_err();
    assert!(error.to_string().contains("no connection to localhost"), "{error}");
    let nowhere = Endpoint { host: "mail.invalid".into(), ..endpoint };
    let error = connect_imap(&nowhere, &config, Times::default()).await.unwrap_err();
    assert!(matches!(error, Error::Resolve { .. } | Error::TimedOut { .. }), "{error}");
}

#[test]
fn ca_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    let words = |path: &std::path::Path| tls::client_config(Some(path)).unwrap_err().to_string();
    assert!(words(&path).contains("cannot be read"), "{}", words(&path));
    std::fs::write(&path, "nothing\n").unwrap();
    assert!(words(&path).contains("holds no certificate"), "{}", words(&path));
    std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert!(words(&path).contains("cannot be used"), "{}", words(&path));
}
