//! Keys asked for on the internet (draft-koch-openpgp-webkey-service §3.1): only where the configuration allows it, and only when a person asks. The
//! host that is asked learns the address and when it was asked for; it is named before.

use std::sync::Arc;

use super::{Imported, Keys};
use crate::engine::core::EngineError;
use crate::net::{ClientConfig, Endpoint, Security, https, tls};
use crate::pgp::certificate;
use crate::pgp::report::Acceptance;
use crate::pgp::wkd::{self, Location};

/// The most that a key has.
const KEY_BYTES_MAX: usize = 1 << 20;
/// The port of HTTPS.
const PORT: u16 = 443;

impl Keys {
    /// The hosts that are asked for an address, in their order.
    ///
    /// # Errors
    /// It is not allowed, or the address has no domain that can be asked.
    pub fn lookup_hosts(&self, address: &str) -> Result<Vec<String>, EngineError> {
        if !self.settings.config.key_lookup {
            let words = "keys are not looked up on the internet: `key_lookup = true` in config.toml allows it";
            return Err(EngineError::Refused(words.to_owned()));
        }
        Ok(wkd::locations(address)?.into_iter().map(|place| place.host).collect())
    }

    /// Looks an address up and takes in the keys that carry it, undecided. Gives the host that had them.
    ///
    /// # Errors
    /// It is not allowed, no host answers, none has a key, or the state store cannot be written.
    pub fn look_up(&self, address: &str) -> Result<(String, Vec<Imported>), EngineError> {
        let config = tls::client_config(None).map_err(|error| EngineError::Refused(error.to_string()))?;
        let server = |host: &str| Endpoint { host: host.to_owned(), port: PORT, security: Security::Tls };
        self.look_up_by(address, &config, &server)
    }

    /// As [`Self::look_up`], of the servers that stand for the hosts: those of a firm's own directory, by its own authority.
    ///
    /// # Errors
    /// As there.
    pub fn look_up_by(
        &self,
        address: &str,
        config: &Arc<ClientConfig>,
        server: &dyn Fn(&str) -> Endpoint,
    ) -> Result<(String, Vec<Imported>), EngineError> {
        self.lookup_hosts(address)?;
        let runtime = self.runtime.as_ref().ok_or(EngineError::Ended)?;
        let mut said: Vec<String> = Vec::new();
        for Location { host, path } in wkd::locations(address)? {
            let endpoint = server(&host);
            match runtime.block_on(https::get(&endpoint, config, &path, KEY_BYTES_MAX)) {
                // The advanced method is left for the direct one only where its host does not exist (§3.1).
                Err(error @ crate::net::Error::Resolve { .. }) => said.push(error.to_string()),
                Err(error) => {
                    said.push(error.to_string());
                    break;
                }
                Ok(answer) if answer.status == 200 => {
                    let found = certificate::only_with(&answer.body, address, self.now())?;
                    if found.is_empty() {
                        said.push(format!("{host} has a key, but none that carries {address}"));
                        break;
                    }
                    let source = format!("looked up at {host}");
                    return Ok((host, self.import(&found, None, Acceptance::Undecided, &source, false)?));
                }
                Ok(answer) => {
                    said.push(format!("{host} has no key for {address} ({})", answer.status));
                    break;
                }
            }
        }
        Err(EngineError::Refused(format!("no key was found: {}", said.join("; "))))
    }
}
