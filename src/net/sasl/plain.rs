//! PLAIN (RFC 4616): user name and password in one message. Only ever inside TLS.

use super::{Answer, Fault, Machine, Mechanism, Secret, no_nul};

pub(super) struct Plain(Option<Answer>);

impl Plain {
    pub(super) fn new(user: &str, password: &Secret) -> Result<Self, Fault> {
        no_nul(Mechanism::Plain, "the user name", user)?;
        no_nul(Mechanism::Plain, "the password", password.expose())?;
        // Of its full size from the start: a growing buffer leaves copies behind.
        let mut message =
            Answer::new(Vec::with_capacity(user.len().saturating_add(password.expose().len()).saturating_add(2)));
        message.push(0);
        message.extend_from_slice(user.as_bytes());
        message.push(0);
        message.extend_from_slice(password.expose().as_bytes());
        Ok(Self(Some(message)))
    }
}

impl Machine for Plain {
    fn begin(&mut self) -> Result<Option<Answer>, Fault> {
        Ok(self.0.take())
    }

    fn answer(&mut self, _challenge: &[u8]) -> Result<Answer, Fault> {
        Err(Fault::Malformed { mechanism: Mechanism::Plain, what: "it asks for more after the password" })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, Machine, Secret};
    use super::Plain;

    #[test]
    fn the_message_of_the_standard() {
        let mut plain = Plain::new("tim", &Secret::new("tanstaaftanstaaf".to_owned())).unwrap();
        // RFC 4616 §4, the first example.
        assert_eq!(plain.begin().unwrap().unwrap().as_slice(), b"\0tim\0tanstaaftanstaaf");
        assert!(matches!(plain.answer(b""), Err(Fault::Malformed { .. })));
    }

    #[test]
    fn no_field_can_end_another() {
        for (user, password) in [("a\0b", "c"), ("a", "b\0c")] {
            assert!(matches!(Plain::new(user, &Secret::new(password.to_owned())), Err(Fault::Unsendable { .. })));
        }
    }
}
