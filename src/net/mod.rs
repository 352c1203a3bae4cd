//! TCP, STARTTLS, TLS, the byte guard, back-off.
