//! What was used and spent day by day, with what makes it up.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::{Map, Value, json};
use trunkline_core::Error;
use trunkline_store::{Dimension, Sums};

use crate::asked::Query;
use crate::desk::Desk;
use crate::spend::names::{KeyName, Names};
use crate::spend::scope::{NAMES, Scope};
use crate::spend::sums::{self, Shown};
use crate::{Asked, Reply};

/// `GET /user/daily/activity` and its like; `entity` is what they are about.
pub(crate) async fn activity(desk: &Desk, asked: &Asked<'_>, entity: Dimension) -> Result<Reply, Error> {
    let names: Vec<&str> = NAMES.into_iter().chain(["page", "page_size"]).collect();
    let query = Query::read(asked.query, &names)?;
    let page = query.page("page_size", 50)?;
    let scope = Scope::read(desk, asked.actor, &query).await?.last_days();
    let days = read(desk, &scope, entity).await?;
    let total: Sums = days.values().fold(Sums::default(), |mut total, day| {
        sums::add(&mut total, &day.whole);
        total
    });
    let pages = page.pages(days.len() as u64);
    let skipped = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let size = usize::try_from(page.size).unwrap_or_default();
    // The newest day first, as in LiteLLM.
    let shown: Vec<(&String, &Day)> = days.iter().rev().skip(skipped).take(size).collect();
    let names = Names::read(desk, shown.iter().flat_map(|(_, day)| day.values(Dimension::Key))).await?;
    let results: Vec<ShownDay<'_>> = shown
        .into_iter()
        .map(|(date, day)| ShownDay {
            date,
            metrics: (&day.whole).into(),
            breakdown: day.breakdown(desk, &names, entity),
        })
        .collect();
    let mut metadata = Map::new();
    if let Value::Object(shown) = json!(Shown::from(&total)) {
        metadata.extend(shown.into_iter().map(|(name, value)| {
            let name = if name == "total_tokens" { name } else { format!("total_{name}") };
            (name, value)
        }));
    }
    metadata.insert("page".to_owned(), Value::from(page.number));
    metadata.insert("total_pages".to_owned(), Value::from(pages));
    metadata.insert("has_more".to_owned(), Value::Bool(page.number < pages));
    Ok(Reply::ok(Activities { results, metadata }))
}

/// What was used on one day, as a whole and by each value of each dimension.
#[derive(Debug, Default)]
struct Day {
    whole: Sums,
    parts: BTreeMap<Dimension, BTreeMap<String, Sums>>,
}

/// The days of this scope by their dates.
///
/// The store adds up all sums of the time for each question, so few questions are asked: dimensions whose values go
/// together, as a key and its user do, are told apart in one, which gives hardly more sums than the finer of them alone.
/// Two are asked at once, since the store answers each by a connection, and so a thread, of its own.
async fn read(desk: &Desk, scope: &Scope, entity: Dimension) -> Result<BTreeMap<String, Day>, Error> {
    let of_models: &[Dimension] = &[Dimension::Model, Dimension::Group, Dimension::Provider];
    let of_keys: &[Dimension] = match entity {
        Dimension::Key | Dimension::Tag => &[Dimension::Key],
        _ => &[Dimension::Key, entity],
    };
    // A request with several tags is in the sums of each of them, so that nothing else can be told by these.
    let of_tags: Option<&[Dimension]> = (entity == Dimension::Tag).then_some(&[Dimension::Tag]);
    let questions: Vec<&[Dimension]> = [of_models, of_keys].into_iter().chain(of_tags).collect();
    let answers = try_join_all(questions.iter().map(|dimensions| {
        let by: Vec<Dimension> = [Dimension::Day].into_iter().chain(dimensions.iter().copied()).collect();
        sums::read(desk, scope.activity(&by))
    }))
    .await?;
    let mut days: BTreeMap<String, Day> = BTreeMap::new();
    for (number, (dimensions, answer)) in questions.into_iter().zip(answers).enumerate() {
        for activity in answer {
            let mut values = activity.values.into_iter();
            let day = days.entry(values.next().unwrap_or_default()).or_default();
            if number == 0 {
                sums::add(&mut day.whole, &activity.sums);
            }
            for (dimension, value) in dimensions.iter().zip(values) {
                let part = day.parts.entry(*dimension).or_default().entry(value).or_default();
                sums::add(part, &activity.sums);
            }
        }
    }
    Ok(days)
}

impl Day {
    fn values(&self, dimension: Dimension) -> impl Iterator<Item = &str> {
        self.parts.get(&dimension).into_iter().flat_map(BTreeMap::keys).map(String::as_str)
    }

    fn breakdown<'a>(&'a self, desk: &Desk, names: &'a Names, entity: Dimension) -> Breakdown<'a> {
        Breakdown {
            models: self.shown(desk, names, Dimension::Model),
            model_groups: self.shown(desk, names, Dimension::Group),
            providers: self.shown(desk, names, Dimension::Provider),
            api_keys: self.shown(desk, names, Dimension::Key),
            entities: self.shown(desk, names, entity),
            mcp_servers: Map::new(),
        }
    }

    /// The values of one dimension. Keys are called by their tokens; those that have none any more are one together.
    fn shown<'a>(&'a self, desk: &Desk, names: &'a Names, dimension: Dimension) -> Parts<'a> {
        let parts = self.parts.get(&dimension).into_iter().flatten();
        if dimension != Dimension::Key {
            let part = |sums: &Sums| Part { metrics: sums.into(), metadata: Map::new() };
            return Parts::Others(parts.map(|(value, sums)| (value.as_str(), part(sums))).collect());
        }
        let mut keys: BTreeMap<String, (&str, Sums)> = BTreeMap::new();
        for (index, of_key) in parts {
            let (_, sums) = keys.entry(names.token(desk, index)).or_insert_with(|| (index, Sums::default()));
            sums::add(sums, of_key);
        }
        let part = |index, sums: &Sums| Part { metrics: sums.into(), metadata: names.shown(index) };
        Parts::Keys(keys.into_iter().map(|(token, (index, sums))| (token, part(index, &sums))).collect())
    }
}

/// The reply, in LiteLLM's words. It is made of thousands of parts, so that none of them becomes a tree of values first.
#[derive(Debug, Serialize)]
struct Activities<'a> {
    results: Vec<ShownDay<'a>>,
    metadata: Map<String, Value>,
}

#[derive(Debug, Serialize)]
struct ShownDay<'a> {
    date: &'a str,
    metrics: Shown,
    breakdown: Breakdown<'a>,
}

#[derive(Debug, Serialize)]
struct Breakdown<'a> {
    models: Parts<'a>,
    model_groups: Parts<'a>,
    providers: Parts<'a>,
    api_keys: Parts<'a>,
    entities: Parts<'a>,
    mcp_servers: Map<String, Value>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Parts<'a> {
    Keys(BTreeMap<String, Part<KeyName<'a>>>),
    Others(BTreeMap<&'a str, Part<Map<String, Value>>>),
}

#[derive(Debug, Serialize)]
struct Part<M> {
    metrics: Shown,
    metadata: M,
}
