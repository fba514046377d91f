//! Sums over all callers: by day, key, team, model, tag, provider, end user.

use serde::Serialize;
use serde_json::{Value, json};
use trunkline_core::Error;
use trunkline_store::{Activity, ActivityQuery, Dimension};

use crate::asked::Query;
use crate::desk::Desk;
use crate::keys::lookup;
use crate::spend::names::{KeyName, Names};
use crate::spend::scope::{self, NAMES, Scope};
use crate::spend::sums;
use crate::{Asked, Reply, numbers, tables};

/// `GET /global/spend`: what this month has cost.
pub(crate) async fn spend(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let query = Query::read(asked.query, &NAMES)?;
    let scope = Scope::read(desk, asked.actor, &query).await?.this_month();
    let found = desk.activity(&scope.activity(&[])).await?;
    let spend = found.iter().map(|activity| activity.sums.spend).sum();
    let max_budget = desk.options().max_budget.map(numbers::value);
    Ok(Reply::ok(json!({ "spend": numbers::sum(spend), "max_budget": max_budget })))
}

/// `GET /global/spend/logs`: what each day has cost.
pub(crate) async fn days(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let found = of(desk, asked, Dimension::Day, None).await?;
    let shown = found.iter().map(|(date, activity)| json!({ "date": date, "spend": spent(activity) }));
    Ok(Reply::ok(shown.collect::<Vec<_>>()))
}

/// A key and what it has spent, in both of LiteLLM's words.
#[derive(Debug, Serialize)]
struct KeySpend<'k> {
    #[serde(flatten)]
    name: KeyName<'k>,
    api_key: String,
    total_spend: Value,
    spend: Value,
}

/// `GET /global/spend/keys` and `GET /spend/keys`: the keys that have spent most.
pub(crate) async fn keys(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let found = of(desk, asked, Dimension::Key, Some(100)).await?;
    let names = Names::read(desk, found.iter().map(|(index, _)| index.as_str())).await?;
    let shown = found.iter().map(|(index, activity)| KeySpend {
        name: names.shown(index),
        api_key: names.token(desk, index),
        total_spend: spent(activity),
        spend: spent(activity),
    });
    Ok(Reply::ok(shown.collect::<Vec<_>>()))
}

/// `GET /spend/users`: the users that have spent most, or one of them.
pub(crate) async fn users(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let found = of(desk, asked, Dimension::User, Some(100)).await?;
    let named = found.iter().filter(|(user_id, _)| !user_id.is_empty());
    let shown = named.map(|(user_id, activity)| json!({ "user_id": user_id, "spend": spent(activity) }));
    Ok(Reply::ok(shown.collect::<Vec<_>>()))
}

/// `GET /spend/tags` and `GET /global/spend/tags`
pub(crate) async fn tags(desk: &Desk, asked: &Asked<'_>, of_all: bool) -> Result<Reply, Error> {
    let found = of(desk, asked, Dimension::Tag, None).await?;
    let shown: Vec<Value> = found
        .iter()
        .map(|(tag, activity)| {
            let (count, spend) = (activity.sums.requests, spent(activity));
            if of_all {
                json!({ "name": tag, "log_count": count, "spend": spend })
            } else {
                json!({ "individual_request_tag": tag, "log_count": count, "total_spend": spend })
            }
        })
        .collect();
    Ok(Reply::ok(if of_all { json!({ "spend_per_tag": shown }) } else { Value::from(shown) }))
}

/// `GET /global/spend/all_tag_names`
pub(crate) async fn tag_names(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let found = of(desk, asked, Dimension::Tag, None).await?;
    let names: Vec<String> = found.into_iter().map(|(tag, _)| tag).collect();
    Ok(Reply::ok(json!({ "tag_names": names })))
}

/// `GET /global/spend/models`: the model groups that have cost most.
pub(crate) async fn models(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let found = of(desk, asked, Dimension::Group, Some(100)).await?;
    let shown =
        found.iter().map(|(model, activity)| json!({ "model": model, "total_spend": spent(activity) }));
    Ok(Reply::ok(shown.collect::<Vec<_>>()))
}

/// `GET /global/spend/provider`
pub(crate) async fn providers(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let found = of(desk, asked, Dimension::Provider, None).await?;
    let shown = found.iter().map(|(name, activity)| json!({ "provider": name, "spend": spent(activity) }));
    Ok(Reply::ok(shown.collect::<Vec<_>>()))
}

/// `POST /global/spend/end_users`: the end users that have spent most, with all keys or with the one that is named. All
/// requests on nobody's behalf stand under an empty name.
pub(crate) async fn customers(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let fields = tables::SPEND_OF_CUSTOMERS.read(asked.body.clone())?;
    let key = match fields.text("api_key") {
        Some(named) => Some(lookup::find_ever(desk, named).await?.id),
        None => None,
    };
    let scope = Scope {
        from: fields.text("startTime").map(|text| scope::begin("startTime", text)).transpose()?,
        until: fields.text("endTime").map(|text| scope::end("endTime", text)).transpose()?,
        key,
        ..Scope::default()
    };
    let wanted = ActivityQuery { limit: Some(100), ..scope.last_days().activity(&[Dimension::Customer]) };
    let found = sums::read(desk, wanted).await?;
    let shown = found.iter().map(|activity| {
        json!({
            "end_user": activity.values.first(),
            "total_count": activity.sums.requests,
            "total_spend": spent(activity),
        })
    });
    Ok(Reply::ok(shown.collect::<Vec<_>>()))
}

/// `GET /global/spend/teams`: what each team has spent, and on which day.
pub(crate) async fn teams(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let query = Query::read(asked.query, &NAMES)?;
    let scope = Scope::read(desk, asked.actor, &query).await?.last_days();
    let found = sums::read(desk, scope.activity(&[Dimension::Day, Dimension::Team])).await?;
    let mut days = serde_json::Map::new();
    for activity in &found {
        let [day, team] = activity.values.as_slice() else { continue };
        let teams = days.entry(day.clone()).or_insert_with(|| json!({ "date": day }));
        teams[team] = spent(activity);
    }
    let totals = of(desk, asked, Dimension::Team, None).await?;
    let teams: Vec<&str> = totals.iter().map(|(team, _)| team.as_str()).collect();
    let per_team: Vec<Value> = totals
        .iter()
        .map(|(team, activity)| json!({ "team_id": team, "total_spend": spent(activity) }))
        .collect();
    let daily: Vec<Value> = days.into_iter().map(|(_, day)| day).collect();
    Ok(Reply::ok(json!({ "daily_spend": daily, "teams": teams, "total_spend_per_team": per_team })))
}

/// `GET /global/activity`: requests and tokens of each day.
pub(crate) async fn activity(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let found = of(desk, asked, Dimension::Day, None).await?;
    let (mut requests, mut tokens) = (0, 0);
    let mut days = Vec::new();
    for (date, activity) in &found {
        requests += activity.sums.requests;
        tokens += sums::tokens(&activity.sums);
        days.push(json!({
            "date": date,
            "api_requests": activity.sums.requests,
            "total_tokens": sums::tokens(&activity.sums),
        }));
    }
    Ok(Reply::ok(json!({ "daily_data": days, "sum_api_requests": requests, "sum_total_tokens": tokens })))
}

/// Sums by one dimension: days in their order, all else by spend, at most as many as the request or `limit` says.
async fn of(
    desk: &Desk,
    asked: &Asked<'_>,
    dimension: Dimension,
    limit: Option<u64>,
) -> Result<Vec<(String, Activity)>, Error> {
    const LIMIT_MAX: u64 = 1_000;
    let names: Vec<&str> = NAMES.into_iter().chain(["limit"]).collect();
    let query = Query::read(asked.query, &names)?;
    let limit = match query.text("limit") {
        Some(_) => Some(query.number("limit", LIMIT_MAX, LIMIT_MAX)?),
        None => limit,
    };
    let scope = Scope::read(desk, asked.actor, &query).await?.last_days();
    let wanted = ActivityQuery { limit, ..scope.activity(&[dimension]) };
    let found = sums::read(desk, wanted).await?;
    let mut found: Vec<(String, Activity)> = found
        .into_iter()
        .map(|activity| (activity.values.first().cloned().unwrap_or_default(), activity))
        .collect();
    if dimension == Dimension::Day {
        found.sort_by(|one, other| one.0.cmp(&other.0));
    }
    Ok(found)
}

fn spent(activity: &Activity) -> Value {
    numbers::sum(activity.sums.spend)
}
