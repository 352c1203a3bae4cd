//! From a host name to a verified TLS stream and a proof of who we are: DNS, TCP, the STARTTLS dialogues, TLS, client certificates, SASL,
//! the byte guard, back-off, secrets.
//!
//! Nothing here speaks IMAP or SMTP beyond the few lines that lead to the handshake (RFC 9051 §6.2.1, RFC 3207), and nothing that was
//! received before the handshake is ever handed on. There is no way to switch verification off, and none to stay in the clear.

pub mod assuan;
pub mod backoff;
pub mod connect;
pub mod deflate;
pub mod endpoint;
pub mod error;
pub mod guard;
pub mod guarded;
pub mod https;
pub mod identity;
pub mod sasl;
pub mod secret;
pub mod starttls;
pub mod tls;

pub use connect::{Stream, connect_imap, connect_smtp};
pub use endpoint::{Endpoint, Security};
pub use error::{Culprit, Error};
pub use identity::ClientCertificate;
pub use secret::Secret;
pub use tls::{ClientConfig, Secured};
