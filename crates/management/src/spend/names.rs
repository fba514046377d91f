//! What keys are called in public, for what the ledger knows by their indices.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;
use trunkline_core::Error;
use trunkline_store::{Kind, Object};

use crate::desk::Desk;
use crate::keys::rows::token;

/// Keys by their indices, deleted ones too.
#[derive(Debug)]
pub(crate) struct Names(HashMap<String, Object>);

impl Names {
    /// Reads these keys. An empty index is no key's: the administrator asked.
    pub(crate) async fn read<'i>(desk: &Desk, indices: impl Iterator<Item = &'i str>) -> Result<Self, Error> {
        let mut ids: Vec<String> = indices.filter(|index| !index.is_empty()).map(str::to_owned).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(Self(HashMap::new()));
        }
        let keys = desk.store().objects(Kind::Key, &ids).await?;
        Ok(Self(keys.into_iter().map(|key| (key.id.clone(), key)).collect()))
    }

    /// The public token of a key; empty for the administrator and for keys that are not known any more.
    pub(crate) fn token(&self, desk: &Desk, index: &str) -> String {
        let token = self.0.get(index).map(|key| token(desk, key));
        token.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// What people call a key.
    pub(crate) fn shown(&self, index: &str) -> KeyName<'_> {
        let key = self.0.get(index);
        KeyName {
            key_alias: key.and_then(|key| key.alias.as_deref()),
            key_name: key.and_then(|key| key.settings.get("key_name")),
            team_id: key.and_then(|key| key.team_id.as_deref()),
        }
    }
}

/// What people call a key, as far as it has a name.
#[derive(Debug, Serialize)]
pub(crate) struct KeyName<'k> {
    key_alias: Option<&'k str>,
    key_name: Option<&'k Value>,
    team_id: Option<&'k str>,
}
