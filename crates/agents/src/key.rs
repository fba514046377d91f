//! The key that an agent shows to the gateway, and where it was found.

use trunkline_core::{Environment, Secret};

use crate::shell;

/// The variable for a key that is meant for this gateway alone.
pub(crate) const OWN_VARIABLE: &str = "TRUNKLINE_API_KEY";
/// The variable that servers take their master key from.
const MASTER_VARIABLE: &str = "LITELLM_MASTER_KEY";

/// The key that an agent shows to the gateway. Where it was found decides whether it may be printed.
#[derive(Clone, Debug)]
pub enum Key {
    /// There is none: the gateway is open to its own machine.
    None,
    /// It stands in a variable of the environment, so that naming the variable is enough.
    Variable {
        /// The variable's name.
        name: String,
        /// Its text.
        secret: Secret,
    },
    /// It was given on the command line, so it may be printed again.
    Given(Secret),
    /// It stands in a file, and is not printed.
    Configured(Secret),
}

impl Key {
    /// The first of: the one given, the one in `TRUNKLINE_API_KEY`, the gateway's own from its configuration.
    pub fn chosen(given: Option<Secret>, configured: Option<Secret>, environment: &Environment) -> Self {
        if let Some(secret) = given.filter(|secret| !secret.is_empty()) {
            return Self::Given(secret);
        }
        if let Some(secret) = environment.secret(OWN_VARIABLE) {
            return Self::Variable { name: OWN_VARIABLE.to_owned(), secret };
        }
        let Some(secret) = configured.filter(|secret| !secret.is_empty()) else { return Self::None };
        let holds = |name: &&str| environment.get(name).is_some_and(|text| secret.matches(text.trim()));
        // An agent's own variable may hold the key from the last time; it would name itself.
        let others =
            environment.names().filter(|name| shell::is_name(name) && !name.starts_with("ANTHROPIC_"));
        match std::iter::once(MASTER_VARIABLE).chain(others).find(holds) {
            Some(name) => Self::Variable { name: name.to_owned(), secret },
            None => Self::Configured(secret),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: Option<&str>, configured: Option<&str>, variables: &[(&str, &str)], expected: &str) {
        let environment = variables.iter().copied().collect();
        let key = Key::chosen(given.map(Secret::new), configured.map(Secret::new), &environment);
        let found = match key {
            Key::None => "none".to_owned(),
            Key::Variable { name, secret } => format!("{name}={}", secret.expose()),
            Key::Given(secret) => format!("given {}", secret.expose()),
            Key::Configured(secret) => format!("configured {}", secret.expose()),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn the_nearest_key_is_taken() {
        let own = ("TRUNKLINE_API_KEY", "sk-own");
        let master = ("LITELLM_MASTER_KEY", "sk-master");
        check(Some("sk-given"), Some("sk-master"), &[own, master], "given sk-given");
        check(None, Some("sk-master"), &[own, master], "TRUNKLINE_API_KEY=sk-own");
        check(None, Some("sk-master"), &[master], "LITELLM_MASTER_KEY=sk-master");
        check(None, None, &[], "none");
        check(Some(" "), None, &[], "none");
    }

    #[test]
    fn a_variable_of_any_name_that_holds_the_key_is_named() {
        let agent = ("ANTHROPIC_AUTH_TOKEN", "sk-master");
        let other = ("MY_GATEWAY", "sk-master");
        check(None, Some("sk-master"), &[agent, ("A B", "sk-master"), other], "MY_GATEWAY=sk-master");
        check(None, Some("sk-master"), &[agent], "configured sk-master");
        // The file's key counts, not a variable that the file does not take it from.
        check(None, Some("sk-file"), &[("LITELLM_MASTER_KEY", "sk-other")], "configured sk-file");
    }
}
