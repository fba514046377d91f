//! What was used and spent day by day, with what makes it up.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use trunkline_core::Error;
use trunkline_store::{Dimension, Sums};

use crate::asked::Query;
use crate::desk::Desk;
use crate::spend::names::Names;
use crate::spend::scope::{NAMES, Scope};
use crate::spend::sums;
use crate::{Asked, Reply};

/// `GET /user/daily/activity` and its like; `entity` is what they are about.
pub(crate) async fn activity(desk: &Desk, asked: &Asked<'_>, entity: Dimension) -> Result<Reply, Error> {
    let names: Vec<&str> = NAMES.into_iter().chain(["page", "page_size"]).collect();
    let query = Query::read(asked.query, &names)?;
    let page = query.page("page_size", 50)?;
    let scope = Scope::read(desk, asked.actor, &query).await?.last_days();
    let mut days = by_day(desk, &scope, None).await?;
    // The newest day first, as in LiteLLM.
    days.reverse();
    let total: Sums = days.iter().fold(Sums::default(), |mut total, (_, _, day)| {
        sums::add(&mut total, day);
        total
    });
    let parts = Parts::read(desk, &scope, entity).await?;
    let skipped = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let size = usize::try_from(page.size).unwrap_or_default();
    let results: Vec<Value> = days
        .iter()
        .skip(skipped)
        .take(size)
        .map(|(date, _, day)| json!({ "date": date, "metrics": sums::shown(day), "breakdown": parts.of(date) }))
        .collect();
    let pages = page.pages(days.len() as u64);
    let mut metadata = Map::new();
    if let Value::Object(shown) = sums::shown(&total) {
        metadata.extend(shown.into_iter().map(|(name, value)| {
            let name = if name == "total_tokens" { name } else { format!("total_{name}") };
            (name, value)
        }));
    }
    metadata.insert("page".to_owned(), Value::from(page.number));
    metadata.insert("total_pages".to_owned(), Value::from(pages));
    metadata.insert("has_more".to_owned(), Value::Bool(page.number < pages));
    Ok(Reply::ok(json!({ "results": results, "metadata": metadata })))
}

/// Sums by day, and by a further dimension; the oldest day first.
async fn by_day(
    desk: &Desk,
    scope: &Scope,
    further: Option<Dimension>,
) -> Result<Vec<(String, String, Sums)>, Error> {
    let by: Vec<Dimension> = [Dimension::Day].into_iter().chain(further).collect();
    let found = desk.store().activity(&scope.activity(&by)).await?;
    let mut days: Vec<_> = found
        .into_iter()
        .map(|activity| {
            let mut values = activity.values.into_iter();
            (values.next().unwrap_or_default(), values.next().unwrap_or_default(), activity.sums)
        })
        .collect();
    days.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
    Ok(days)
}

/// What the days are made up of.
struct Parts(BTreeMap<String, Map<String, Value>>);

impl Parts {
    async fn read(desk: &Desk, scope: &Scope, entity: Dimension) -> Result<Self, Error> {
        let dimensions = [
            ("models", Dimension::Model),
            ("model_groups", Dimension::Group),
            ("providers", Dimension::Provider),
            ("api_keys", Dimension::Key),
            ("entities", entity),
        ];
        let mut days: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        for (name, dimension) in dimensions {
            let parts = by_day(desk, scope, Some(dimension)).await?;
            let is_key = dimension == Dimension::Key;
            let indices = parts.iter().filter(|_| is_key).map(|(_, index, _)| index.as_str());
            let names = Names::read(desk, indices).await?;
            for (day, part, sums) in &parts {
                let (label, metadata) = if is_key {
                    (names.token(desk, part), names.shown(part))
                } else {
                    (part.clone(), json!({}))
                };
                let parts = days.entry(day.clone()).or_default().entry(name).or_insert_with(|| json!({}));
                parts[label] = json!({ "metrics": sums::shown(sums), "metadata": metadata });
            }
        }
        Ok(Self(days))
    }

    fn of(&self, day: &str) -> Value {
        let mut parts = self.0.get(day).cloned().unwrap_or_default();
        parts.insert("mcp_servers".to_owned(), json!({}));
        Value::Object(parts)
    }
}
