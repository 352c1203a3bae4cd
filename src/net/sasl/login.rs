//! LOGIN (draft-murchison-sasl-login, never standardised): user name and password, each after a prompt whose text means nothing.
//!
//! Courier and Exchange prompt with `Username:` and `Password:`, others with other words; there is no first message of the client.

use super::{Answer, Fault, Machine, Mechanism, Secret};

pub(super) struct Login {
    user: Option<Answer>,
    password: Option<Answer>,
}

impl Login {
    pub(super) fn new(user: &str, password: &Secret) -> Result<Self, Fault> {
        let wiped = |text: &str| Some(Answer::new(text.as_bytes().to_vec()));
        Ok(Self { user: wiped(user), password: wiped(password.expose()) })
    }
}

impl Machine for Login {
    fn begin(&mut self) -> Result<Option<Answer>, Fault> {
        Ok(None)
    }

    fn answer(&mut self, _prompt: &[u8]) -> Result<Answer, Fault> {
        self.user
            .take()
            .or_else(|| self.password.take())
            .ok_or(Fault::Malformed { mechanism: Mechanism::Login, what: "it asks for more after the password" })
    }

    fn may_succeed(&self) -> Result<(), Fault> {
        if self.password.is_none() {
            return Ok(());
        }
        Err(Fault::Malformed { mechanism: Mechanism::Login, what: "it is satisfied before it heard the password" })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Machine, Secret};
    use super::Login;

    #[test]
    fn user_then_password_then_nothing() {
        let mut login = Login::new("anna", &Secret::new("pa\"ss".to_owned())).unwrap();
        assert!(login.begin().unwrap().is_none() && login.may_succeed().is_err());
        assert_eq!(login.answer(b"Username:").unwrap().as_slice(), b"anna");
        assert_eq!(login.answer(b"").unwrap().as_slice(), b"pa\"ss");
        assert!(login.may_succeed().is_ok() && login.answer(b"again").is_err());
    }
}
