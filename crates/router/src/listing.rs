//! What is on offer: the names that a caller may ask for.

use std::collections::BTreeMap;
use std::sync::Arc;

use trunkline_core::{Error, ModelInfo};
use trunkline_provider::CallContext;

use crate::deployment::Upstream;
use crate::group::Group;
use crate::pattern::{Pattern, filled};
use crate::{Deployment, Router};

/// A name that can be asked for.
#[derive(Clone, Debug)]
pub struct ListedModel {
    /// The name.
    pub id: String,
    /// The first deployment behind it.
    pub deployment: Arc<Deployment>,
    /// What the upstream's catalogue tells of it, where it was asked.
    pub info: Option<ModelInfo>,
}

impl Router {
    /// Every name that can be asked for, in alphabetical order. Wildcards are filled from the catalogues.
    ///
    /// A catalogue that cannot be had costs its names and nothing else; the errors come beside the list.
    pub async fn models(&self) -> (Vec<ListedModel>, Vec<Error>) {
        let mut listed = BTreeMap::new();
        let mut errors = Vec::new();
        for (name, group) in &self.table().groups {
            let Some(deployment) = group.deployments.first() else { continue };
            match &group.pattern {
                None => add(&mut listed, name, deployment, None),
                Some(pattern) => {
                    self.expand(pattern, deployment, &mut listed, &mut errors).await;
                }
            }
        }
        for (alias, target) in self.table().aliases.iter().filter(|(_, alias)| !alias.hidden) {
            let group = self.table().groups.get(&target.group);
            if let Some(deployment) = group.and_then(|group| group.deployments.first()) {
                add(&mut listed, alias, deployment, None);
            }
        }
        (listed.into_values().collect(), errors)
    }

    /// The wildcard names themselves, for those who want to see the pattern rather than what it matches.
    pub fn wildcards(&self) -> Vec<ListedModel> {
        let wildcard = |group: &Arc<Group>| {
            let deployment = Arc::clone(group.deployments.first()?);
            let id = group.pattern.as_ref()?.text().to_owned();
            Some(ListedModel { id, deployment, info: None })
        };
        self.table().groups.values().filter_map(wildcard).collect()
    }

    async fn expand(
        &self,
        pattern: &Pattern,
        deployment: &Arc<Deployment>,
        listed: &mut BTreeMap<String, ListedModel>,
        errors: &mut Vec<Error>,
    ) {
        match &deployment.upstream {
            Upstream::Fixed { provider, model } => {
                // A name is on offer if what its stars stand for turns the template into the catalogue's id.
                let Some(template) = Pattern::new(model) else {
                    return;
                };
                if !self.can_call(&deployment.prefix, deployment) {
                    return;
                }
                let models = provider.models(&deployment.context).await.unwrap_or_else(|error| {
                    errors.push(error);
                    Vec::new()
                });
                for info in models {
                    if let Some(captures) = template.captures(&info.id) {
                        let name = filled(pattern.text(), captures);
                        add(listed, &name, deployment, Some(info));
                    }
                }
            }
            Upstream::ByName => {
                for (model, info) in self.catalogues(&deployment.context, errors).await {
                    if pattern.captures(&model).is_some() {
                        add(listed, &model, deployment, Some(info));
                    }
                }
            }
        }
    }

    /// Whether there is a credential for the deployment, or none is needed.
    pub(crate) fn can_call(&self, prefix: &str, deployment: &Deployment) -> bool {
        let target = &deployment.context.target;
        target.api_key.is_some()
            || target.api_base.is_some()
            || self
                .registry()
                .by_prefix(prefix)
                .is_none_or(|registration| registration.about.has_credential || registration.about.is_open)
    }

    /// Every model of every provider that can be called, under its prefix.
    ///
    /// Providers without a credential are left out: their catalogue would be a list of refusals.
    pub async fn catalogues(
        &self,
        context: &CallContext,
        errors: &mut Vec<Error>,
    ) -> Vec<(String, ModelInfo)> {
        let mut all = Vec::new();
        for registration in self.registry().registrations() {
            if !registration.about.has_credential && !registration.about.is_open {
                continue;
            }
            match registration.provider.models(context).await {
                Ok(models) => {
                    all.extend(
                        models.into_iter().map(|info| (format!("{}/{}", registration.prefix, info.id), info)),
                    );
                }
                Err(error) => errors.push(error),
            }
        }
        all
    }
}

fn add(
    listed: &mut BTreeMap<String, ListedModel>,
    name: &str,
    deployment: &Arc<Deployment>,
    info: Option<ModelInfo>,
) {
    let deployment = Arc::clone(deployment);
    listed.entry(name.to_owned()).or_insert(ListedModel { id: name.to_owned(), deployment, info });
}
