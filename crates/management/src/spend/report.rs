//! What was spent in a time, by team or end user and day, or by key: with the models and keys that make it up.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};
use trunkline_core::{Error, ErrorKind};
use trunkline_store::{Activity, Dimension, Kind, Sums};

use crate::asked::Query;
use crate::desk::Desk;
use crate::spend::names::Names;
use crate::spend::scope::Scope;
use crate::spend::sums;
use crate::{Asked, Reply, numbers};

const NAMES: [&str; 7] =
    ["start_date", "end_date", "group_by", "api_key", "internal_user_id", "team_id", "customer_id"];

/// What LiteLLM calls what no team's key has spent.
const NO_TEAM: &str = "Unassigned Team";

/// `GET /global/spend/report`
pub(crate) async fn report(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let query = Query::read(asked.query, &NAMES)?;
    let wrong = |name: &str, message: &str| Error::new(ErrorKind::InvalidRequest, message).with_param(name);
    for name in ["start_date", "end_date"] {
        if query.text(name).is_none() {
            return Err(wrong(name, "Please provide start_date and end_date"));
        }
    }
    let scope = Scope {
        user_id: query.text("internal_user_id").map(str::to_owned),
        customer: query.text("customer_id").map(str::to_owned),
        ..Scope::read(desk, asked.actor, &query).await?
    };
    // Who is asked for by name is told of by key, as in LiteLLM.
    let of_one = scope.key.is_some() || scope.user_id.is_some();
    let body = match query.text("group_by") {
        _ if of_one => by_key(desk, &scope).await?,
        None | Some("team") => by_day(desk, &scope, Dimension::Team, "teams").await?,
        Some("customer") => by_day(desk, &scope, Dimension::Customer, "customers").await?,
        Some("api_key") => by_key(desk, &scope).await?,
        Some(_) => return Err(wrong("group_by", "`group_by` must be team, customer or api_key")),
    };
    Ok(Reply::ok(body))
}

/// One item for each day, with those who spent something on it, and by which models and keys.
async fn by_day(desk: &Desk, scope: &Scope, whose: Dimension, member: &str) -> Result<Value, Error> {
    let found =
        sums::read(desk, scope.activity(&[Dimension::Day, whose, Dimension::Model, Dimension::Key])).await?;
    let names =
        Names::read(desk, found.iter().filter_map(|sum| sum.values.last().map(String::as_str))).await?;
    let mut days: BTreeMap<&str, BTreeMap<&str, (Sums, Vec<Value>)>> = BTreeMap::new();
    for Activity { values, sums } in &found {
        let [day, who, model, key] = values.as_slice() else { continue };
        let (whole, parts) = days.entry(day).or_default().entry(who).or_default();
        sums::add(whole, sums);
        parts.push(json!({
            "model": model,
            "api_key": names.token(desk, key),
            "spend": numbers::sum(sums.spend),
            "total_tokens": sums::tokens(sums),
        }));
    }
    let teams: BTreeSet<&str> = days.values().flat_map(BTreeMap::keys).copied().collect();
    let aliases = if whose == Dimension::Team { aliases(desk, teams).await? } else { HashMap::new() };
    let shown = |who: &str, sums: &Sums, parts: Vec<Value>| {
        let mut row = json!({ "total_spend": numbers::sum(sums.spend), "metadata": parts });
        if whose == Dimension::Team {
            let name = if who.is_empty() { NO_TEAM } else { aliases.get(who).map_or(who, String::as_str) };
            row["team_name"] = Value::from(name);
            row["team_id"] = Value::from(Some(who).filter(|who| !who.is_empty()));
        } else {
            row["customer"] = Value::from(who);
        }
        row
    };
    let days = days.into_iter().map(|(day, of_day)| {
        let rows = of_day.into_iter().map(|(who, (sums, parts))| shown(who, &sums, parts));
        json!({ "group_by_day": format!("{day}T00:00:00+00:00"), member: rows.collect::<Vec<_>>() })
    });
    Ok(days.collect::<Vec<_>>().into())
}

/// One item for each key, the dearest first, with its models.
async fn by_key(desk: &Desk, scope: &Scope) -> Result<Value, Error> {
    let found = sums::read(desk, scope.activity(&[Dimension::Key, Dimension::Model])).await?;
    let names =
        Names::read(desk, found.iter().filter_map(|sum| sum.values.first().map(String::as_str))).await?;
    let mut keys: BTreeMap<&str, (Sums, Vec<Value>)> = BTreeMap::new();
    for Activity { values, sums } in &found {
        let [key, model] = values.as_slice() else { continue };
        let (whole, models) = keys.entry(key).or_default();
        sums::add(whole, sums);
        models.push(json!({
            "model": model,
            "total_cost": numbers::sum(sums.spend),
            "total_input_tokens": sums.input_tokens,
            "total_output_tokens": sums.output_tokens,
        }));
    }
    let mut keys: Vec<(&str, (Sums, Vec<Value>))> = keys.into_iter().collect();
    keys.sort_by_key(|(_, (sums, _))| Reverse(sums.spend));
    let rows = keys.into_iter().map(|(key, (sums, models))| {
        json!({
            "api_key": names.token(desk, key),
            "total_cost": numbers::sum(sums.spend),
            "total_input_tokens": sums.input_tokens,
            "total_output_tokens": sums.output_tokens,
            "model_details": models,
        })
    });
    Ok(rows.collect::<Vec<_>>().into())
}

/// What people call some teams, deleted ones too.
async fn aliases(desk: &Desk, teams: BTreeSet<&str>) -> Result<HashMap<String, String>, Error> {
    let ids: Vec<String> = teams.into_iter().filter(|id| !id.is_empty()).map(str::to_owned).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let teams = desk.store().objects(Kind::Team, &ids).await?;
    Ok(teams.into_iter().filter_map(|team| Some((team.id, team.alias?))).collect())
}
