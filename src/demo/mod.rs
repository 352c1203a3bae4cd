//! In-process IMAP and SMTP servers over TLS on loopback with fictional cases.
