//! What an account proves itself by: a password, a token that a source gives when it is needed, or the client certificate of the TLS channel.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::choose::Wanted;
use crate::net::secret::Secret;

/// How often a token may be asked for within one login: as it is, and once more after a refusal.
pub const TOKEN_TRIES: u32 = 2;

/// A user name with what proves it.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The authentication identity.
    pub user: String,
    /// Which mechanisms may be used.
    pub wanted: Wanted,
    /// The proof.
    pub proof: Proof,
    /// For EXTERNAL: whom to act as (RFC 4422 §3.4.1); empty for whomever the certificate stands for.
    pub authzid: String,
}

impl Credentials {
    /// A user name and a password, by the strongest mechanism offered.
    #[must_use]
    pub fn password(user: &str, password: Secret) -> Self {
        let (wanted, authzid) = (Wanted::Auto, String::new());
        Self { user: user.to_owned(), wanted, proof: Proof::Password(password), authzid }
    }
}

/// The proof.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A password.
    Password(Secret),
    /// A token, asked for at each login.
    Token(TokenSource),
    /// Nothing to say: the TLS channel proved it.
    Certificate,
}

/// Which token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenWish {
    /// The one at hand.
    AtHand,
    /// Another: the one at hand was refused.
    Fresh,
}

type Ask = dyn Fn(TokenWish) -> BoxFuture<'static, Result<Secret, String>> + Send + Sync;

/// Where tokens come from. Nothing keeps them: each login asks anew.
#[derive(Clone)]
pub struct TokenSource(Arc<Ask>);

impl TokenSource {
    /// `ask` gives a token, or says in words why there is none.
    #[must_use]
    pub fn new(ask: impl Fn(TokenWish) -> BoxFuture<'static, Result<Secret, String>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    /// A token.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub async fn token(&self, wish: TokenWish) -> Result<Secret, String> {
        (self.0)(wish).await
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource(…)")
    }
}
