//! A trial of an account: connect, log in, log out. Fetches nothing and changes nothing.

use super::account::AccountSetup;
use super::auth;
use super::error::Error;
use crate::net::sasl::Way;

/// Whether the server takes these credentials, and how the login was made.
///
/// # Errors
/// Any [`Error`] on the way there; [`Error::Login`] where the server says no.
pub async fn try_login(setup: &AccountSetup) -> Result<Way, Error> {
    let (session, way) = auth::log_in_there(setup, &setup.credentials).await?;
    session.logout().await;
    Ok(way)
}
