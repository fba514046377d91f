//! What was known of keys, as it is written down: for a start at which the store does not answer.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use trunkline_core::Subject;
use trunkline_limits::{Account, Period};
use trunkline_store::{Kind, Object};

/// Objects, and what was spent, as a process knew them.
///
/// There is no key in it, and nothing that one could be made from. An object that is not in it is one that nobody knows
/// anything of; a key that stands in it as deleted is known to be gone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    /// In milliseconds since 1970.
    pub(crate) written_at_ms: i64,
    pub(crate) objects: BTreeMap<(Kind, String), Object>,
    pub(crate) spent: HashMap<Subject, Vec<Figure>>,
    /// The tokens of the keys in it.
    pub(crate) tokens: Vec<String>,
}

/// What was spent in one window of a budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) period: Option<Period>,
    pub(crate) begins_at: i64,
    pub(crate) amount: Decimal,
}

/// Its form in the file.
#[derive(Serialize, Deserialize)]
struct Written {
    written_at_ms: i64,
    objects: Vec<Object>,
    spent: Vec<(Subject, Vec<Figure>)>,
    tokens: Vec<String>,
}

/// What is known of keys and stands in their metadata. Whatever else is there belongs to others, and may be secret.
const OF_METADATA: [&str; 3] = ["tags", "temp_budget_increase", "temp_budget_expiry"];

impl Snapshot {
    pub(crate) fn object(&self, kind: Kind, id: &str) -> Option<&Object> {
        self.objects.get(&(kind, id.to_owned()))
    }

    /// Takes an object in.
    pub(crate) fn add(&mut self, object: &Object) {
        let name = (object.kind, object.id.clone());
        self.objects.entry(name).or_insert_with(|| object.clone());
    }

    /// Takes in what accounts have spent.
    pub(crate) fn add_spent<'a>(&mut self, accounts: impl IntoIterator<Item = &'a Arc<Account>>) {
        for account in accounts {
            let figure = |(period, begins_at, amount)| Figure { period, begins_at, amount };
            let figures: Vec<Figure> = account.figures().into_iter().map(figure).collect();
            if !figures.is_empty() {
                self.spent.insert(account.subject().clone(), figures);
            }
        }
    }

    pub(crate) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut spent: Vec<_> =
            self.spent.iter().map(|(who, figures)| (who.clone(), figures.clone())).collect();
        spent.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let objects = self.objects.values().cloned().collect();
        let mut tokens = self.tokens.clone();
        tokens.sort_unstable();
        serde_json::to_vec(&Written { written_at_ms: self.written_at_ms, objects, spent, tokens })
    }

    pub(crate) fn from_json(text: &[u8]) -> serde_json::Result<Self> {
        let Written { written_at_ms, objects, spent, tokens } = serde_json::from_slice(text)?;
        let objects = objects.into_iter().map(|object| ((object.kind, object.id.clone()), object)).collect();
        Ok(Self { written_at_ms, objects, spent: spent.into_iter().collect(), tokens })
    }
}

/// An object without what a request need not know of it and what may be secret.
pub(crate) fn without_secrets(mut object: Object) -> Object {
    object.settings.remove("password");
    if let Some(metadata) = object.settings.get_mut("metadata") {
        let named = metadata.as_object().into_iter().flatten();
        let kept = named.filter(|(name, _)| OF_METADATA.contains(&name.as_str()));
        *metadata =
            Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>());
    }
    object
}
