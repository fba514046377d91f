//! Responses that were given out before: told again, deleted, cancelled, and what they answered.

use http::StatusCode;
use serde_json::{Value, json};

use super::super::call::Call;
use super::super::endpoint::StoredResponse as Asked;
use super::super::events::Events;
use super::super::reply::Reply;
use super::request::{invalid, refusal};
use super::wire::{Deleted, ItemList};

const ITEMS_DEFAULT: usize = 20;
const ITEMS_MAX: usize = 100;

/// `/v1/responses/{id}` and below. Those of other accounts do not exist.
pub(crate) fn stored(call: &Call<'_>, asked: Asked, id: &str) -> Result<Reply, Reply> {
    let mut state = call.shared.state();
    let Some(response) = state.responses.find(id, call.account) else {
        return Err(refusal(
            StatusCode::NOT_FOUND,
            &format!("Response with id '{id}' not found."),
            None,
            None,
        ));
    };
    let body = |text: &str| Reply::whole(StatusCode::OK, "application/json; charset=utf-8", text.to_owned());
    match asked {
        Asked::Retrieve => {
            // Whoever asks for it finds it done, so that it cannot be cancelled any more.
            response.cancelled = None;
            if parameter(call.query, "stream") == Some("true") {
                return Ok(Reply::events(after(call.query, response.events.clone())));
            }
            Ok(body(&response.body))
        }
        Asked::Cancel => match response.cancelled.take() {
            Some(cancelled) => {
                response.body = cancelled;
                response.output.clear();
                Ok(body(&response.body))
            }
            None => Err(invalid("Cannot cancel a synchronous response.", None, "invalid_request")),
        },
        Asked::InputItems => Ok(input_items(call.query, &response.input)),
        Asked::Delete => {
            let deleted = state.responses.remove(id, call.account);
            Ok(Reply::json(StatusCode::OK, &Deleted { id, object: "response", deleted }))
        }
    }
}

fn parameter<'q>(query: &'q str, key: &str) -> Option<&'q str> {
    query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
}

/// The events behind the one with the number `starting_after`; all of them without it.
fn after(query: &str, events: Events) -> Events {
    let number = parameter(query, "starting_after").and_then(|number| number.parse::<usize>().ok());
    let first = number.map_or(0, |number| number.saturating_add(1));
    Events { events: events.events.into_iter().skip(first).collect(), ..events }
}

/// The newest first, unless `order=asc`.
fn input_items(query: &str, items: &[Value]) -> Reply {
    let asked = |key: &str| parameter(query, key);
    let named = items.iter().enumerate().map(|(index, item)| {
        let mut item = item.clone();
        if item["id"].is_null() {
            item["id"] = json!(format!("item_{index:024x}"));
        }
        item
    });
    let mut data = named.collect::<Vec<_>>();
    if asked("order") != Some("asc") {
        data.reverse();
    }
    if let Some(position) = data.iter().position(|item| item["id"].as_str() == asked("after")) {
        data.drain(..=position);
    }
    let limit = asked("limit").and_then(|limit| limit.parse().ok()).unwrap_or(ITEMS_DEFAULT);
    let has_more = data.len() > limit.min(ITEMS_MAX);
    data.truncate(limit.min(ITEMS_MAX));
    let id = |item: Option<&Value>| item.map(|item| item["id"].clone()).unwrap_or_default();
    let (first_id, last_id) = (id(data.first()), id(data.last()));
    let list = ItemList { object: "list", data: &data, first_id: &first_id, last_id: &last_id, has_more };
    Reply::json(StatusCode::OK, &list)
}
