//! Which mechanism: by what the server offers, what the account has, and what its owner asked for. Pure.
//!
//! Nothing weaker than what was asked for is ever taken, and a token is never sent where a password was expected or the other way round.

use super::channel::Channel;
use super::proof::{Credentials, Proof};
use super::{Mechanism, Way};

/// What the account's owner asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// The strongest that is offered and that the account has a proof for.
    #[default]
    Auto,
    /// PLAIN only.
    Plain,
    /// LOGIN: the mechanism, or IMAP's command of that name.
    Login,
    /// SCRAM-SHA-256, bound to the channel where the server offers that.
    ScramSha256,
    /// XOAUTH2 only.
    XOAuth2,
    /// OAUTHBEARER only.
    OAuthBearer,
    /// EXTERNAL only.
    External,
}

impl Wanted {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 7] =
        [Self::Auto, Self::Plain, Self::Login, Self::ScramSha256, Self::XOAuth2, Self::OAuthBearer, Self::External];

    /// Its name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Plain => "plain",
            Self::Login => "login",
            Self::ScramSha256 => "scram-sha-256",
            Self::XOAuth2 => "xoauth2",
            Self::OAuthBearer => "oauthbearer",
            Self::External => "external",
        }
    }
}

/// What a server offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// SASL mechanisms, in upper case.
    pub mechanisms: Vec<String>,
    /// IMAP's LOGIN command: there, and not LOGINDISABLED (RFC 9051 §6.2.3).
    pub login_command: bool,
}

impl Offer {
    fn has(&self, mechanism: Mechanism) -> bool {
        if mechanism == Mechanism::LoginCommand {
            return self.login_command;
        }
        self.mechanisms.iter().any(|offered| offered == mechanism.name())
    }

    /// Whether SCRAM with channel binding is offered.
    #[must_use]
    pub fn has_plus(&self) -> bool {
        self.has(Mechanism::ScramSha256Plus)
    }
}

/// There is no acceptable way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the server offers no way to log in that this account may use: it may use {may}, and the server offers {offered}; {cure}"
)]
pub struct NoWay {
    /// What would do.
    pub may: String,
    /// What is offered.
    pub offered: String,
    /// What to do.
    pub cure: &'static str,
}

/// Chooses.
///
/// # Errors
/// What would do and what is offered, in words.
pub fn choose(credentials: &Credentials, offer: &Offer, channel: Option<&Channel>) -> Result<Way, NoWay> {
    use Mechanism::{External, Login, LoginCommand, OAuthBearer, Plain, ScramSha256, ScramSha256Plus, XOAuth2};
    let mechanisms: &[Mechanism] = match (credentials.wanted, &credentials.proof) {
        // RFC 7628 has the better error reports; Exchange Online offers XOAUTH2 only.
        (Wanted::Auto, Proof::Token(_)) => &[OAuthBearer, XOAuth2],
        (Wanted::Auto, Proof::Certificate) | (Wanted::External, _) => &[External],
        // The command comes before the mechanism LOGIN: it is the one that a standard describes.
        (Wanted::Auto, Proof::Password(_) | Proof::Fetched(_)) => {
            &[ScramSha256Plus, ScramSha256, Plain, LoginCommand, Login]
        }
        (Wanted::Plain, Proof::Password(_) | Proof::Fetched(_)) => &[Plain],
        (Wanted::Login, Proof::Password(_) | Proof::Fetched(_)) => &[LoginCommand, Login],
        (Wanted::ScramSha256, Proof::Password(_) | Proof::Fetched(_)) => &[ScramSha256Plus, ScramSha256],
        (Wanted::XOAuth2, Proof::Token(_)) => &[XOAuth2],
        (Wanted::OAuthBearer, Proof::Token(_)) => &[OAuthBearer],
        // The configuration refuses these; there is nothing to send.
        _ => &[],
    };
    let usable = |mechanism: Mechanism| offer.has(mechanism) && (mechanism != ScramSha256Plus || channel.is_some());
    if let Some(mechanism) = mechanisms.iter().copied().find(|mechanism| usable(*mechanism)) {
        let binding = channel.filter(|_| mechanism == ScramSha256Plus).map(|channel| channel.binding);
        return Ok(Way { mechanism, binding });
    }
    let mut may: Vec<&str> = mechanisms.iter().map(|mechanism| mechanism.name()).collect();
    may.dedup();
    let offered: Vec<&str> =
        offer.mechanisms.iter().map(String::as_str).chain(offer.login_command.then_some("the LOGIN command")).collect();
    let cure = match credentials.proof {
        Proof::Password(_) | Proof::Fetched(_)
            if credentials.wanted == Wanted::Plain && (usable(LoginCommand) || usable(Login)) =>
        {
            "set `auth = \"login\"` for this server"
        }
        Proof::Password(_) | Proof::Fetched(_) => "see `auth` of this server, or set `token` where it wants one",
        Proof::Token(_) => "see `auth` of this server and `token` of the account",
        Proof::Certificate => "see `auth` of this server and `client_certificate` of the account",
    };
    let listed = |names: &[&str]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    Err(NoWay { may: listed(&may), offered: listed(&offered), cure })
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::super::{Binding, Secret, TokenSource};
    use super::{Channel, Credentials, Mechanism, Offer, Proof, Wanted, choose};

    fn proof(kind: &str) -> Proof {
        match kind {
            "password" => Proof::Password(Secret::new("x".to_owned())),
            "token" => Proof::Token(TokenSource::new(|_| async { Ok(Secret::new("x".to_owned())) }.boxed())),
            _ => Proof::Certificate,
        }
    }

    /// `offered`: mechanisms; `command` among them stands for IMAP's LOGIN.
    #[track_caller]
    fn check(wanted: Wanted, kind: &str, offered: &str, bound: bool, expected: Option<Mechanism>) {
        let mechanisms = offered.split_whitespace().filter(|name| *name != "command").map(str::to_owned).collect();
        let offer = Offer { mechanisms, login_command: offered.contains("command") };
        let channel = Channel { binding: Binding::Exporter, data: vec![1] };
        let credentials = Credentials { user: "anna".to_owned(), wanted, proof: proof(kind), authzid: String::new() };
        let chosen = choose(&credentials, &offer, bound.then_some(&channel));
        assert_eq!(chosen.as_ref().ok().map(|way| way.mechanism), expected, "{chosen:?}");
        if let Ok(way) = chosen {
            assert_eq!(way.binding.is_some(), way.mechanism == Mechanism::ScramSha256Plus);
        }
    }

    #[test]
    fn the_strongest_that_is_offered_and_can_be_proved() {
        use Mechanism::{External, Login, LoginCommand, OAuthBearer, Plain, ScramSha256, ScramSha256Plus, XOAuth2};
        use Wanted::Auto;
        let all =
            "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS XOAUTH2 OAUTHBEARER EXTERNAL command";
        check(Auto, "password", all, true, Some(ScramSha256Plus));
        check(Auto, "password", all, false, Some(ScramSha256));
        check(Auto, "password", "PLAIN LOGIN SCRAM-SHA-256 command", true, Some(ScramSha256));
        check(Auto, "password", "PLAIN LOGIN command", true, Some(Plain));
        check(Auto, "password", "LOGIN command", true, Some(LoginCommand));
        check(Auto, "password", "LOGIN", true, Some(Login));
        check(Auto, "password", "CRAM-MD5 DIGEST-MD5 NTLM", true, None);
        check(Auto, "password", "SCRAM-SHA-256-PLUS", false, None);
        check(Auto, "password", "XOAUTH2 EXTERNAL", true, None);
        check(Auto, "token", all, true, Some(OAuthBearer));
        check(Auto, "token", "PLAIN XOAUTH2 command", true, Some(XOAuth2));
        check(Auto, "token", "PLAIN LOGIN command", true, None);
        check(Auto, "certificate", all, true, Some(External));
        check(Auto, "certificate", "PLAIN command", true, None);
    }

    #[test]
    fn nothing_weaker_than_what_was_asked_for() {
        use Mechanism::{External, Login, LoginCommand, Plain, ScramSha256, ScramSha256Plus, XOAuth2};
        let all = "PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS XOAUTH2 OAUTHBEARER EXTERNAL command";
        check(Wanted::ScramSha256, "password", all, true, Some(ScramSha256Plus));
        check(Wanted::ScramSha256, "password", all, false, Some(ScramSha256));
        check(Wanted::ScramSha256, "password", "PLAIN LOGIN command", true, None);
        check(Wanted::Plain, "password", all, true, Some(Plain));
        check(Wanted::Plain, "password", "LOGIN command SCRAM-SHA-256", true, None);
        check(Wanted::Login, "password", all, true, Some(LoginCommand));
        check(Wanted::Login, "password", "LOGIN PLAIN", true, Some(Login));
        check(Wanted::XOAuth2, "token", all, true, Some(XOAuth2));
        check(Wanted::OAuthBearer, "token", "XOAUTH2", true, None);
        check(Wanted::External, "password", all, true, Some(External));
        // A password is no token, and a token no password.
        check(Wanted::XOAuth2, "password", all, true, None);
        check(Wanted::Plain, "token", all, true, None);
    }

    #[test]
    fn the_sentence_says_what_would_do() {
        let offer = Offer { mechanisms: vec!["GSSAPI".to_owned()], login_command: false };
        let credentials = Credentials::password("anna", Secret::new("x".to_owned()));
        assert_eq!(
            choose(&credentials, &offer, None).unwrap_err().to_string(),
            "the server offers no way to log in that this account may use: it may use SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN, and the \
             server offers GSSAPI; see `auth` of this server, or set `token` where it wants one"
        );
        // What is named is what this server has.
        let credentials = Credentials { wanted: Wanted::Plain, ..credentials };
        let words = |login_command| {
            let offer = Offer { mechanisms: vec!["SCRAM-SHA-1".to_owned()], login_command };
            choose(&credentials, &offer, None).unwrap_err().to_string()
        };
        assert!(words(true).contains("set `auth = \"login\"`"), "{}", words(true));
        assert!(!words(false).contains("login\""), "{}", words(false));
    }
}
