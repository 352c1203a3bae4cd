//! EXTERNAL (RFC 4422 appendix A): who we are was proved below, by the TLS client certificate.
//!
//! An empty message asks for the identity that the certificate stands for. That is the rule here, because servers differ in what else they
//! take: Dovecot treats another name as a master user's login (its `mech-external.c`), Cyrus as a proxy authorization.

use super::{Answer, Fault, Machine, Mechanism, no_nul};

pub(super) struct External(Option<Answer>);

impl External {
    /// `authzid`: whom to act as; empty for the certificate's own identity.
    pub(super) fn new(authzid: &str) -> Result<Self, Fault> {
        no_nul(Mechanism::External, "the user name", authzid)?;
        Ok(Self(Some(Answer::new(authzid.as_bytes().to_vec()))))
    }
}

impl Machine for External {
    fn begin(&mut self) -> Result<Option<Answer>, Fault> {
        Ok(self.0.take())
    }

    fn answer(&mut self, _challenge: &[u8]) -> Result<Answer, Fault> {
        Err(Fault::Malformed { mechanism: Mechanism::External, what: "it asks for more than the identity" })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Machine;
    use super::External;

    #[test]
    fn the_identity_may_be_empty() {
        assert_eq!(External::new("").unwrap().begin().unwrap().unwrap().as_slice(), b"");
        assert_eq!(External::new("fred").unwrap().begin().unwrap().unwrap().as_slice(), b"fred");
        assert!(External::new("a\0b").is_err());
    }
}
