//! A trial of an account: connect, log in, log out. Fetches nothing and changes nothing.

use super::account::AccountSetup;
use super::auth;
use super::error::Error;

/// Whether the server takes this user name and password.
///
/// # Errors
/// Any [`Error`] on the way there; [`Error::Login`] where the server says no.
pub async fn try_login(setup: &AccountSetup) -> Result<(), Error> {
    let session = auth::open(setup, &setup.password).await?;
    session.logout().await;
    Ok(())
}
