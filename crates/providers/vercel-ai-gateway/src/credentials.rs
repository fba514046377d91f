//! Which key a call shows: the deployment's, else one of the environment.

use std::fmt;
use std::path::PathBuf;

use trunkline_core::{Environment, Error, ErrorKind, Secret};
use trunkline_provider::{CredentialSource, Target};

use crate::PREFIX;
use crate::clock::Clock;
use crate::oidc::{OidcToken, TokenFile};

const API_KEYS: [&str; 2] = ["VERCEL_AI_GATEWAY_API_KEY", "AI_GATEWAY_API_KEY"];
const OIDC_FILE: &str = "VERCEL_OIDC_TOKEN_FILE";
const OIDC_TOKEN: &str = "VERCEL_OIDC_TOKEN";

/// The variables that a credential is taken from, the first that is set before the others.
pub const KEY_VARIABLES: [&str; 4] = [API_KEYS[0], API_KEYS[1], OIDC_FILE, OIDC_TOKEN];

/// Where the environment's credential comes from. Nothing of the credential itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialOrigin {
    /// An API key.
    ApiKey {
        /// The variable that holds it.
        variable: &'static str,
    },
    /// A Vercel OIDC token.
    OidcToken {
        /// The variable that holds it, or that names the file that does.
        variable: &'static str,
        /// Unix seconds at which it ends, where it says so.
        expires_at: Option<u64>,
    },
}

impl CredentialOrigin {
    /// The variable that it is taken from.
    pub fn variable(&self) -> &'static str {
        match self {
            Self::ApiKey { variable } | Self::OidcToken { variable, .. } => variable,
        }
    }
}

/// As a start-up text says it: `the API key of AI_GATEWAY_API_KEY`.
impl fmt::Display for CredentialOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiKey { variable } => write!(formatter, "the API key of {variable}"),
            Self::OidcToken { variable, .. } => write!(formatter, "the OIDC token of {variable}"),
        }
    }
}

/// Where a call without a key of its own would take its credential from, at this moment.
///
/// # Errors
///
/// As such a call: `CredentialMissing` if nothing is set, `CredentialUnusable` if what is set is of no use.
pub fn credential_origin(environment: &Environment) -> Result<CredentialOrigin, Error> {
    VercelCredentials::new(environment).origin()
}

/// The credentials of an environment, looked at for each call.
///
/// An API key wins over an OIDC token, even a wrong one, as with Vercel's own clients. A token is never shown
/// once it has ended; one that stands in a file is read again at most once a second.
///
/// A deployment that names another address gets the environment's credential too; an address that the caller
/// gave never does.
#[derive(Debug)]
pub struct VercelCredentials {
    api_key: Option<(&'static str, Secret)>,
    file: Option<TokenFile>,
    token: Option<OidcToken>,
    clock: Clock,
}

impl VercelCredentials {
    /// Those that [`KEY_VARIABLES`] name in this environment.
    pub fn new(environment: &Environment) -> Self {
        Self::with_clock(environment, Clock::system())
    }

    pub(crate) fn with_clock(environment: &Environment, clock: Clock) -> Self {
        let api_key = |variable| environment.secret(variable).map(|key| (variable, key));
        Self {
            api_key: API_KEYS.into_iter().find_map(api_key),
            file: environment.get(OIDC_FILE).map(|path| TokenFile::new(PathBuf::from(path.trim()))),
            token: environment.secret(OIDC_TOKEN).map(OidcToken::new),
            clock,
        }
    }

    /// Where the credential comes from at this moment.
    ///
    /// # Errors
    ///
    /// As [`credential_origin`].
    pub fn origin(&self) -> Result<CredentialOrigin, Error> {
        self.find().map(|(origin, _)| origin)
    }

    fn find(&self) -> Result<(CredentialOrigin, Secret), Error> {
        if let Some((variable, key)) = &self.api_key {
            return Ok((CredentialOrigin::ApiKey { variable }, key.clone()));
        }
        let from_file = self.file.as_ref().map(|file| self.token_of(file));
        let from_variable = self.token.clone().map(|token| self.usable(OIDC_TOKEN, token));
        match (from_file, from_variable) {
            (Some(Ok(found)), _) | (None | Some(Err(_)), Some(Ok(found))) => Ok(found),
            // Of two that are of no use, the first is the one to mend.
            (Some(Err(error)), None | Some(Err(_))) | (None, Some(Err(error))) => Err(error),
            (None, None) => Err(missing()),
        }
    }

    fn token_of(&self, file: &TokenFile) -> Result<(CredentialOrigin, Secret), Error> {
        let token = file.token(&self.clock).map_err(|why| {
            let message = format!(
                "the file that {OIDC_FILE} names holds no token that can be read; see that it exists and is readable, \
                 or set {}",
                API_KEYS[0]
            );
            unusable(message).with_source(std::io::Error::from(why))
        })?;
        self.usable(OIDC_FILE, token)
    }

    fn usable(&self, variable: &'static str, token: OidcToken) -> Result<(CredentialOrigin, Secret), Error> {
        if token.is_expired(&self.clock) {
            return Err(unusable(format!(
                "the Vercel OIDC token of {variable} has expired; renew it with `vercel env pull`, redeploy on Vercel, \
                 or set {}",
                API_KEYS[0]
            )));
        }
        let origin = CredentialOrigin::OidcToken { variable, expires_at: token.expires_at };
        Ok((origin, token.secret))
    }
}

impl CredentialSource for VercelCredentials {
    fn credential(&self, target: &Target) -> Result<Option<Secret>, Error> {
        if let Some(key) = target.api_key.as_ref().filter(|key| !key.is_empty()) {
            return Ok(Some(key.clone()));
        }
        if target.from_caller {
            return Ok(None);
        }
        self.find().map(|(_, secret)| Some(secret))
    }
}

fn missing() -> Error {
    let [first, second, file, token] = KEY_VARIABLES;
    let message = format!(
        "no credential for the Vercel AI Gateway: give the deployment an api_key, or set {first}, {second}, {file} or \
         {token}"
    );
    Error::new(ErrorKind::CredentialMissing, message).with_provider(PREFIX)
}

fn unusable(message: String) -> Error {
    Error::new(ErrorKind::CredentialUnusable, message).with_provider(PREFIX)
}

#[cfg(test)]
mod tests;
