//! `GET /v1/report`: the bill, grouped.

use std::collections::BTreeMap;

use http::StatusCode;
use rust_decimal::Decimal;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::billed::{BilledCall, Cause};
use super::clock::iso_date;
use super::error;
use super::money::number;
use super::reply::Reply;
use super::state::State;

const DAY_CHARACTERS: usize = "2026-11-20".len();
const HOUR_CHARACTERS: usize = "2026-11-20T10".len();

/// The query of a report. Dates are days in UTC, both of them inside.
#[derive(Debug, Default)]
struct Query {
    start: String,
    end: String,
    group_by: String,
    hourly: bool,
    filters: Vec<(String, String)>,
}

/// The sum of one group.
#[derive(Debug, Default)]
struct Group {
    total: Decimal,
    market: Decimal,
    surcharge: Decimal,
    input: u64,
    output: u64,
    cached: u64,
    written: u64,
    reasoning: u64,
    requests: u64,
}

#[derive(Serialize)]
struct Report<'a> {
    results: Vec<Row<'a>>,
}

/// A row, whose first member is named by what was grouped by.
struct Row<'a> {
    member: &'a str,
    key: &'a str,
    group: &'a Group,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { member, key, group } = self;
        let mut row = serializer.serialize_map(None)?;
        row.serialize_entry(member, key)?;
        row.serialize_entry("total_cost", &number(group.total))?;
        row.serialize_entry("market_cost", &number(group.market))?;
        row.serialize_entry("surcharge_cost", &number(group.surcharge))?;
        row.serialize_entry("gateway_cost", &number(group.total))?;
        row.serialize_entry("input_tokens", &group.input)?;
        row.serialize_entry("output_tokens", &group.output)?;
        row.serialize_entry("cached_input_tokens", &group.cached)?;
        row.serialize_entry("cache_creation_input_tokens", &group.written)?;
        row.serialize_entry("reasoning_tokens", &group.reasoning)?;
        row.serialize_entry("request_count", &group.requests)?;
        row.end()
    }
}

/// Calls that were served, grouped by what the query names.
pub(crate) fn report(state: &State, query: &str) -> Reply {
    let query = match Query::read(query) {
        Ok(query) => query,
        Err(message) => return error::invalid_request(&message),
    };
    let mut groups = BTreeMap::<String, Group>::new();
    let served = state.books.bill().filter(|call| call.cause != Cause::Refused && query.admits(call));
    for call in served {
        for key in query.keys(call) {
            groups.entry(key).or_default().add(call);
        }
    }
    let member = query.member();
    let results = groups.iter().map(|(key, group)| Row { member, key, group }).collect();
    Reply::json(StatusCode::OK, &Report { results })
}

impl Query {
    fn read(query: &str) -> Result<Self, String> {
        let mut read = Self { group_by: "day".to_owned(), ..Self::default() };
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = value.replace("%2C", ",").replace("%2F", "/").replace("%3A", ":");
            match name {
                "start_date" => read.start = value,
                "end_date" => read.end = value,
                "group_by" => read.group_by = value,
                "date_part" => read.hourly = value == "hour",
                _ => read.filters.push((name.to_owned(), value)),
            }
        }
        let known = ["day", "user", "model", "tag", "provider", "credential_type"];
        if !known.contains(&read.group_by.as_str()) {
            return Err(format!("group_by: unknown value '{}'", read.group_by));
        }
        let dated = |date: &str| date.len() == DAY_CHARACTERS;
        if !dated(&read.start) || !dated(&read.end) {
            return Err("start_date and end_date: a day as YYYY-MM-DD is needed".to_owned());
        }
        Ok(read)
    }

    /// The name of the member that says which group a row is.
    fn member(&self) -> &str {
        if self.group_by == "day" && self.hourly { "hour" } else { &self.group_by }
    }

    fn admits(&self, call: &BilledCall) -> bool {
        let created = iso_date(call.created_ms);
        let day = &created[..DAY_CHARACTERS];
        let any = self.filters.iter().all(|(name, _)| name != "tags_match")
            || self.filters.contains(&("tags_match".to_owned(), "any".to_owned()));
        let tagged = |tags: &str| {
            let mut tags = tags.split(',').map(|tag| call.tags.iter().any(|own| own == tag));
            if any { tags.any(|has| has) } else { tags.all(|has| has) }
        };
        let filters = self.filters.iter().all(|(name, value)| match name.as_str() {
            "user_id" => call.user.as_deref() == Some(value),
            "model" => call.model == *value,
            "provider" => call.provider == *value,
            "credential_type" => call.credential() == value,
            "tags" => tagged(value),
            _ => true,
        });
        filters && (self.start.as_str()..=self.end.as_str()).contains(&day)
    }

    /// The groups that a call belongs to; those without what is grouped by belong to none.
    fn keys(&self, call: &BilledCall) -> Vec<String> {
        match self.group_by.as_str() {
            "user" => call.user.iter().cloned().collect(),
            "model" => vec![call.model.clone()],
            "tag" => call.tags.clone(),
            "provider" => vec![call.provider.clone()],
            "credential_type" => vec![call.credential().to_owned()],
            _ if self.hourly => {
                vec![format!("{}:00:00.000Z", &iso_date(call.created_ms)[..HOUR_CHARACTERS])]
            }
            _ => vec![iso_date(call.created_ms)[..DAY_CHARACTERS].to_owned()],
        }
    }
}

impl Group {
    fn add(&mut self, call: &BilledCall) {
        self.total += call.gateway_cost;
        self.market += call.market_cost;
        self.surcharge += call.surcharge_cost;
        self.input += call.prompt_tokens;
        self.output += call.completion_tokens;
        self.cached += call.cached_tokens;
        self.written += call.cache_write_tokens;
        self.reasoning += call.reasoning_tokens;
        self.requests += 1;
    }
}
