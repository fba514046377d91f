//! The names under which deployments can be reached, to tell those that lead nowhere.

use crate::Location;
use crate::deployment_settings::DeploymentSettings;
use crate::node::Member;
use crate::reader::Reader;
use crate::spelling;

/// The names of a file.
pub(crate) struct Groups<'a> {
    deployments: &'a [DeploymentSettings],
    /// `model_group_alias`.
    aliases: &'a [Member],
}

impl<'a> Groups<'a> {
    pub(crate) fn new(deployments: &'a [DeploymentSettings], aliases: &'a [Member]) -> Self {
        Self { deployments, aliases }
    }

    /// Whether a group has this very name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.deployments.iter().any(|deployment| deployment.group == name)
    }

    /// Warns of a name that is neither a group nor an alias of one.
    pub(crate) fn check(&self, reader: &mut Reader<'_, '_>, key: &str, name: &str, location: &Location) {
        if self.aliases.iter().all(|alias| alias.key != name) {
            self.check_group(reader, key, name, location);
        }
    }

    /// Warns of a name that is no group. Aliases do not count: they lead to groups alone.
    pub(crate) fn check_group(
        &self,
        reader: &mut Reader<'_, '_>,
        key: &str,
        name: &str,
        location: &Location,
    ) {
        if self.deployments.iter().any(|deployment| is_reached(deployment, name)) {
            return;
        }
        let names = self.deployments.iter().map(|deployment| deployment.group.as_str());
        let near = spelling::nearest(name, names).map(str::to_owned);
        let message = format!("names `{name}`, which is no group of model_list");
        reader.warn(key, location, message).suggestion = near;
    }
}

/// Whether the deployment is found under that name: its group, a pattern that fits, its id, or its model.
fn is_reached(deployment: &DeploymentSettings, name: &str) -> bool {
    fits(&deployment.group, name) || deployment.id.as_deref() == Some(name) || deployment.model == name
}

/// Whether a pattern, in which `*` stands for any text, fits the name.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = name.split_once(part) else {
            return false;
        };
        name = after;
    }
    name.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_any_text() {
        let check = |pattern, name, expected| assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        check("fast", "fast", true);
        check("fast", "faster", false);
        check("*", "anything/at-all", true);
        check("openai/*", "openai/gpt-4o", true);
        check("openai/*", "azure/gpt-4o", false);
        check("*/gpt-*-mini", "openai/gpt-4o-mini", true);
        check("*/gpt-*-mini", "openai/gpt-mini", false);
        check("a*a", "a", false);
        check("openai/*", "openai/*", true);
    }
}
