//! A throw-away certificate authority, trusted by nobody but the one home that names its file, and a server certificate for the loopback
//! interface. The authority's key never leaves this process and is not kept.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// The certificate of the authority, and a server certificate for `localhost`, `127.0.0.1` and `::1` with its key.
pub struct Authority {
    /// The authority's certificate, PEM: what `ca_file` holds.
    pub ca_pem: String,
    /// The server's certificate, PEM.
    pub server_pem: String,
    /// The server's key, PKCS #8 PEM.
    pub server_key_pem: String,
    server_der: Vec<u8>,
    server_key_der: Vec<u8>,
}

impl Authority {
    /// Makes both, with new keys.
    ///
    /// # Errors
    /// In the words of the library that makes them.
    pub fn new(name: &str) -> Result<Self, String> {
        let words = |error: rcgen::Error| error.to_string();
        let mut ca = CertificateParams::new(Vec::new()).map_err(words)?;
        ca.distinguished_name.push(DnType::CommonName, name);
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().map_err(words)?).map_err(words)?;

        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut server = CertificateParams::new(names).map_err(words)?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(words)?;
        let certificate = server.signed_by(&key, &ca).map_err(words)?;
        Ok(Self {
            ca_pem: ca.pem(),
            server_pem: certificate.pem(),
            server_key_pem: key.serialize_pem(),
            server_der: certificate.der().to_vec(),
            server_key_der: key.serialize_der(),
        })
    }

    /// The configuration of a server that presents the server certificate.
    ///
    /// # Errors
    /// In the words of the TLS library.
    pub fn server_config(&self) -> Result<rustls::ServerConfig, String> {
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(self.server_key_der.clone());
        rustls::ServerConfig::builder_with_provider(std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(vec![self.server_der.clone().into()], key.into())
            .map_err(|error| error.to_string())
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}
