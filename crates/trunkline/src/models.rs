//! The models on offer, under the names that they are called by.

use std::collections::BTreeMap;

use trunkline_core::{Error, ModelInfo};
use trunkline_provider::CallContext;

use crate::Client;

/// The models on offer, as far as their catalogues could be had.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Models {
    /// Each model under the name that it is called by, in alphabetical order.
    pub models: Vec<ListedModel>,
    /// The catalogues that could not be had: local servers that are not running are among them.
    pub errors: Vec<Error>,
}

/// A model on offer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedModel {
    /// The name to call it by: `vercel_ai_gateway/openai/gpt-4o`, or that of a model group.
    pub name: String,
    /// What the upstream's catalogue tells of it: limits, prices. `None` for a model group without a wildcard.
    pub info: Option<ModelInfo>,
}

impl Client {
    /// Lists the models that can be called: model groups, aliases, and the catalogue of every provider for which
    /// there is a credential, or that needs none.
    ///
    /// A catalogue that cannot be had costs its models and nothing else.
    pub async fn models(&self) -> Models {
        let (groups, mut errors) = self.router().models().await;
        let mut models: BTreeMap<String, Option<ModelInfo>> =
            groups.into_iter().map(|listed| (listed.id, listed.info)).collect();
        for (name, info) in self.router().catalogues(&CallContext::default(), &mut errors).await {
            models.entry(name).or_insert(Some(info));
        }
        let models = models.into_iter().map(|(name, info)| ListedModel { name, info }).collect();
        Models { models, errors }
    }
}
