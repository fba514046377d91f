//! The key of a vendor: the deployment's own, else the variable's, which goes to the vendor's base alone.

use trunkline_core::{Environment, Error, ErrorKind, Secret};
use trunkline_provider::{CredentialSource, DeploymentKey, Target};

use crate::vendor::Vendor;

/// Finds the key for calls to one vendor.
#[derive(Debug)]
pub(crate) struct VendorKey {
    name: &'static str,
    variables: &'static [&'static str],
    base: String,
    /// Whether the base is one that is known to want a key.
    wants_key: bool,
    fallback: Option<Secret>,
    deployment: DeploymentKey,
}

impl VendorKey {
    /// The key for a vendor whose base, by the environment, is `base`.
    pub(crate) fn new(vendor: &Vendor, base: &str, environment: &Environment) -> Self {
        let fallback = vendor.key_variables.iter().find_map(|name| environment.secret(name));
        Self {
            name: vendor.name,
            variables: vendor.key_variables,
            base: base.to_owned(),
            wants_key: !vendor.is_open && base == vendor.base,
            deployment: DeploymentKey::or(fallback.clone()),
            fallback,
        }
    }

    /// Whether a variable holds a key.
    pub(crate) fn has_fallback(&self) -> bool {
        self.fallback.is_some()
    }

    /// Whether a call goes to this vendor's own base, written out or not.
    fn is_own(&self, target: &Target) -> bool {
        let same = |base: &String| base.trim().trim_end_matches('/') == self.base.trim_end_matches('/');
        target.api_base.as_ref().is_none_or(same)
    }
}

impl CredentialSource for VendorKey {
    fn credential(&self, target: &Target) -> Result<Option<Secret>, Error> {
        if let Some(key) = self.deployment.credential(target)? {
            return Ok(Some(key));
        }
        if target.from_caller || !self.is_own(target) {
            return Ok(None);
        }
        if self.fallback.is_none() && self.wants_key {
            let message = format!(
                "no key for {}: set {}, or api_key on the deployment",
                self.name,
                self.variables.join(" or ")
            );
            return Err(Error::new(ErrorKind::CredentialMissing, message));
        }
        Ok(self.fallback.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VENDORS;

    fn vendor(prefix: &str) -> &'static Vendor {
        VENDORS.iter().find(|vendor| vendor.prefix == prefix).expect("a known vendor")
    }

    fn key(prefix: &str, environment: &[(&str, &str)], target: &Target) -> Result<Option<String>, ErrorKind> {
        let vendor = vendor(prefix);
        let environment = environment.iter().copied().collect();
        VendorKey::new(vendor, vendor.base, &environment)
            .credential(target)
            .map(|key| key.map(|key| key.expose().to_owned()))
            .map_err(|error| error.kind())
    }

    fn at(base: &str) -> Target {
        Target { api_base: Some(base.to_owned()), ..Target::default() }
    }

    const SET: &[(&str, &str)] = &[("OPENAI_API_KEY", "sk-own")];

    #[test]
    fn the_deployment_s_key_wins() {
        let target =
            Target { api_key: Some(Secret::new("sk-deployment")), ..at("https://elsewhere.example/v1") };
        assert_eq!(key("openai", SET, &target), Ok(Some("sk-deployment".to_owned())));
    }

    #[test]
    fn the_variable_s_key_goes_to_the_own_base_alone() {
        let own = Ok(Some("sk-own".to_owned()));
        assert_eq!(key("openai", SET, &Target::default()), own);
        assert_eq!(key("openai", SET, &at("https://api.openai.com/v1/")), own);
        assert_eq!(key("openai", SET, &at("https://elsewhere.example/v1")), Ok(None));
        assert_eq!(key("openai", SET, &at("https://api.openai.com.evil.example/v1")), Ok(None));
        assert_eq!(key("openai", SET, &at("http://api.openai.com/v1")), Ok(None));
    }

    #[test]
    fn a_base_that_the_caller_named_gets_nothing() {
        let target = Target { from_caller: true, ..at("https://api.openai.com/v1") };
        assert_eq!(key("openai", SET, &target), Ok(None));
    }

    #[test]
    fn without_a_key_the_vendor_s_own_base_is_an_error() {
        assert_eq!(key("openai", &[], &Target::default()), Err(ErrorKind::CredentialMissing));
        assert_eq!(key("openai", &[], &at("http://localhost:8080/v1")), Ok(None));
        assert_eq!(key("ollama", &[], &Target::default()), Ok(None));
    }

    #[test]
    fn the_error_says_what_to_set() {
        let vendor = vendor("deepinfra");
        let error = VendorKey::new(vendor, vendor.base, &Environment::empty())
            .credential(&Target::default())
            .expect_err("no key is set");
        assert_eq!(
            error.message(),
            "no key for DeepInfra: set DEEPINFRA_API_KEY or DEEPINFRA_TOKEN, or api_key on the deployment"
        );
    }
}
