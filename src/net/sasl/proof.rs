//! What an account proves itself by: a password, a token that a source gives when it is needed, or the client certificate of the TLS channel.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// A password that a source gives.
    Fetched(Kept),
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

/// A password that a source gives: kept while servers take it, asked for anew after a refusal, so that one that was changed is found.
#[derive(Clone)]
pub struct Kept {
    source: TokenSource,
    held: Arc<Mutex<Option<Secret>>>,
}

impl Kept {
    /// Nothing is asked for yet.
    #[must_use]
    pub fn new(source: TokenSource) -> Self {
        Self { source, held: Arc::default() }
    }

    fn held(&self) -> MutexGuard<'_, Option<Secret>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The password, and whether it was asked for just now.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub async fn get(&self) -> Result<(Secret, bool), String> {
        if let Some(held) = self.held().clone() {
            return Ok((held, false));
        }
        let asked = self.source.token(TokenWish::Fresh).await?;
        *self.held() = Some(asked.clone());
        Ok((asked, true))
    }

    /// A server refused it. Another that was got meanwhile stays.
    pub fn forget(&self, refused: &Secret) {
        self.held().take_if(|held| held.expose() == refused.expose());
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept(…)")
    }
}

impl Proof {
    /// The same, with a password at hand where it has to be got: for one login.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub async fn at_hand(self) -> Result<Self, String> {
        match self {
            Self::Fetched(kept) => Ok(Self::Password(kept.get().await?.0)),
            other => Ok(other),
        }
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource(…)")
    }
}
