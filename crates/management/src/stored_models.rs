//! Deployments as the store keeps them, opened for who serves them.

use std::fmt;

use serde_json::{Map, Value, json};
use trunkline_core::{Error, ErrorKind};
use trunkline_keys::Pepper;
use trunkline_store::{Kind, Object, ObjectQuery, Order, Store};

/// The setting that `litellm_params` stand in, as `Pepper::seal_text` has them: a JSON object.
pub(crate) const SEALED: &str = "litellm_params_sealed";

/// How many are read at once.
const AT_ONCE: u64 = 500;

/// A deployment that was added while the gateway ran.
#[derive(Clone, PartialEq)]
pub struct StoredModel {
    /// Its id, which is that of the deployment too.
    pub id: String,
    /// The row of `model_list` that it is: `model_name`, `litellm_params`, and `model_info` with its `id`.
    pub row: Map<String, Value>,
}

/// It holds credentials.
impl fmt::Debug for StoredModel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StoredModel").field("id", &self.id).finish_non_exhaustive()
    }
}

impl StoredModel {
    /// # Errors
    ///
    /// `InvalidRequest` if it was sealed with another pepper.
    pub(crate) fn of(pepper: &Pepper, model: &Object) -> Result<Self, Error> {
        let mut info = match model.settings.get("model_info") {
            Some(Value::Object(info)) => info.clone(),
            Some(_) | None => Map::new(),
        };
        info.insert("id".to_owned(), Value::from(model.id.as_str()));
        let mut row = Map::new();
        row.insert("model_name".to_owned(), json!(model.alias));
        row.insert("litellm_params".to_owned(), Value::Object(opened(pepper, model)?));
        row.insert("model_info".to_owned(), Value::Object(info));
        Ok(Self { id: model.id.clone(), row })
    }
}

/// All deployments that a store keeps, the oldest first, and the ids of those that cannot be opened, with the reasons.
///
/// # Errors
///
/// `StoreUnavailable`.
pub async fn stored_models(
    store: &dyn Store,
    pepper: &Pepper,
) -> Result<(Vec<StoredModel>, Vec<(String, Error)>), Error> {
    let (mut models, mut unreadable) = (Vec::new(), Vec::new());
    let mut query = ObjectQuery { order: Order::Oldest, limit: AT_ONCE, ..ObjectQuery::default() };
    loop {
        let page = store.list(Kind::Model, &query).await?.items;
        let is_last = (page.len() as u64) < AT_ONCE;
        for model in page {
            match StoredModel::of(pepper, &model) {
                Ok(read) => models.push(read),
                Err(error) => unreadable.push((model.id, error)),
            }
        }
        if is_last {
            return Ok((models, unreadable));
        }
        query.offset += AT_ONCE;
    }
}

/// What a deployment is called with, its credentials among it.
pub(crate) fn opened(pepper: &Pepper, model: &Object) -> Result<Map<String, Value>, Error> {
    let sealed = model.settings.get(SEALED).and_then(Value::as_str);
    let opened = sealed.and_then(|sealed| pepper.open_text(sealed));
    let params = opened.and_then(|text| serde_json::from_slice(&text).ok());
    params.ok_or_else(|| {
        let message =
            "the credentials of this model were sealed with another salt: delete it and add it anew";
        Error::new(ErrorKind::InvalidRequest, message)
    })
}
