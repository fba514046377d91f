//! The key for Anthropic: the deployment's own, else a variable's, which goes to the own base alone.

use trunkline_core::{Environment, Error, ErrorKind, Secret};
use trunkline_provider::{CredentialSource, DeploymentKey, Target};

use crate::wire;

/// Anthropic's own base, which is known to want a key.
pub(crate) const BASE: &str = "https://api.anthropic.com";
/// The variable whose token goes as a bearer token.
pub(crate) const AUTH_TOKEN: &str = "ANTHROPIC_AUTH_TOKEN";
/// The variables that hold a credential, the first that is set.
pub(crate) const VARIABLES: [&str; 2] = ["ANTHROPIC_API_KEY", AUTH_TOKEN];

/// Finds the key for a call.
#[derive(Debug)]
pub(crate) struct AnthropicKey {
    base: String,
    fallback: Option<Secret>,
    deployment: DeploymentKey,
}

impl AnthropicKey {
    /// The key where the base, by the environment, is `base`.
    pub(crate) fn new(base: &str, environment: &Environment) -> Self {
        let fallback = VARIABLES.iter().find_map(|name| environment.secret(name));
        Self { base: base.to_owned(), deployment: DeploymentKey::or(fallback.clone()), fallback }
    }

    /// Whether a variable holds a key.
    pub(crate) fn has_fallback(&self) -> bool {
        self.fallback.is_some()
    }

    /// Whether a call goes to the base that the variables' keys are for, written out or not.
    fn is_own(&self, target: &Target) -> bool {
        target.api_base.as_ref().is_none_or(|base| is_same(base, &self.base))
    }
}

/// Whether two base URLs lead to the same API: with `/v1` behind them or without.
fn is_same(left: &str, right: &str) -> bool {
    wire::without_version(left) == wire::without_version(right)
}

impl CredentialSource for AnthropicKey {
    fn credential(&self, target: &Target) -> Result<Option<Secret>, Error> {
        if let Some(key) = self.deployment.credential(target)? {
            return Ok(Some(key));
        }
        if target.from_caller || !self.is_own(target) {
            return Ok(None);
        }
        if self.fallback.is_none() && is_same(&self.base, BASE) {
            let variables = VARIABLES.join(" or ");
            let message = format!("no key for Anthropic: set {variables}, or api_key on the deployment");
            return Err(Error::new(ErrorKind::CredentialMissing, message));
        }
        Ok(self.fallback.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(base: &str, environment: &[(&str, &str)], target: &Target) -> Result<Option<String>, ErrorKind> {
        let environment = environment.iter().copied().collect();
        AnthropicKey::new(base, &environment)
            .credential(target)
            .map(|key| key.map(|key| key.expose().to_owned()))
            .map_err(|error| error.kind())
    }

    fn at(base: &str) -> Target {
        Target { api_base: Some(base.to_owned()), ..Target::default() }
    }

    const SET: &[(&str, &str)] = &[("ANTHROPIC_AUTH_TOKEN", "token"), ("ANTHROPIC_API_KEY", "sk-own")];

    #[test]
    fn the_deployment_s_key_wins() {
        let target =
            Target { api_key: Some(Secret::new("sk-deployment")), ..at("https://elsewhere.example") };
        assert_eq!(key(BASE, SET, &target), Ok(Some("sk-deployment".to_owned())));
    }

    #[test]
    fn the_key_comes_before_the_token() {
        let found = |environment| key(BASE, environment, &Target::default());
        assert_eq!(found(SET), Ok(Some("sk-own".to_owned())));
        assert_eq!(found(&SET[..1]), Ok(Some("token".to_owned())));
        // Claude Code wants the key set to nothing beside a token.
        assert_eq!(found(&[SET[0], ("ANTHROPIC_API_KEY", "")]), Ok(Some("token".to_owned())));
    }

    #[test]
    fn the_variable_s_key_goes_to_the_own_base_alone() {
        let own = Ok(Some("sk-own".to_owned()));
        for base in [BASE, "https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/messages"] {
            assert_eq!(key(BASE, SET, &at(base)), own, "{base}");
        }
        for base in [
            "https://elsewhere.example",
            "https://api.anthropic.com.evil.example/v1",
            "http://api.anthropic.com",
            "https://api.anthropic.com@evil.example",
        ] {
            assert_eq!(key(BASE, SET, &at(base)), Ok(None), "{base}");
        }
        let proxy = "https://proxy.example/v1";
        assert_eq!(key(proxy, SET, &Target::default()), own);
        assert_eq!(key(proxy, SET, &at("https://proxy.example")), own);
        assert_eq!(key(proxy, SET, &at(BASE)), Ok(None));
    }

    #[test]
    fn a_base_that_the_caller_named_gets_nothing() {
        let target = Target { from_caller: true, ..at(BASE) };
        assert_eq!(key(BASE, SET, &target), Ok(None));
    }

    #[test]
    fn without_a_key_anthropic_s_own_base_is_an_error() {
        assert_eq!(key(BASE, &[], &Target::default()), Err(ErrorKind::CredentialMissing));
        assert_eq!(key("https://proxy.example", &[], &Target::default()), Ok(None));
        let error = AnthropicKey::new(BASE, &Environment::empty())
            .credential(&Target::default())
            .expect_err("no key is set");
        assert_eq!(
            error.message(),
            "no key for Anthropic: set ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN, or api_key on the deployment"
        );
    }
}
