//! Which model and which providers serve a request.

use serde_json::Value;

use super::catalogue;
use super::error::{self, Circumstances};
use super::fault::Fault;
use super::reply::Reply;
use super::request::ChatRequest;
use super::shape::Shape;

/// A request's way through the gateway.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) requested: String,
    pub(crate) served: String,
    /// The models that failed before, with the status of each.
    pub(crate) failed: Vec<(String, u16)>,
    /// In order; never empty.
    pub(crate) providers: Vec<String>,
    pub(crate) byok: bool,
}

impl Route {
    pub(crate) fn provider(&self) -> &str {
        self.providers.first().map_or("sim", String::as_str)
    }

    pub(crate) fn credential(&self) -> &'static str {
        if self.byok { "byok" } else { "system" }
    }
}

/// Chooses the first candidate whose name asks for no failure, and orders its providers.
///
/// The error is the reply: of the last candidate if all fail, or that `only` leaves nobody.
pub(crate) fn route(request: &ChatRequest, at: Circumstances<'_>) -> Result<Route, Reply> {
    let mut failed = Vec::new();
    let mut last = None;
    for candidate in request.candidates() {
        let fault = Fault::by_model_name(&candidate);
        let (_, instead) = Shape::of(fault.as_slice());
        let reply =
            instead.and_then(|fault| error::of_fault(fault, Circumstances { model: &candidate, ..at }));
        let Some(reply) = reply else {
            let providers = providers(request, &candidate)?;
            let byok = request.gateway()["byok"].as_object().is_some_and(|byok| !byok.is_empty());
            return Ok(Route {
                requested: request.model.clone(),
                served: candidate,
                failed,
                providers,
                byok,
            });
        };
        failed.push((candidate, reply.status.as_u16()));
        last = Some(reply);
    }
    // A request always has one candidate, so that an empty list does not come here.
    Err(last.unwrap_or_else(|| error::unknown_model(at.model)))
}

fn providers(request: &ChatRequest, model: &str) -> Result<Vec<String>, Reply> {
    let available = catalogue::providers(model);
    let mut providers = available.clone();
    if let Some(only) = names(request.routing("only")) {
        providers.retain(|provider| only.contains(provider));
        if providers.is_empty() {
            let message = format!(
                "No providers available for model '{model}'. Available providers are: {}",
                available.join(", ")
            );
            return Err(error::no_providers(&message));
        }
    }
    if let Some(order) = names(request.routing("order")) {
        // Those named come first, in their order; the sort is stable and keeps the others as they were.
        let rank = |provider: &&str| order.iter().position(|name| name == provider).unwrap_or(order.len());
        providers.sort_by_key(rank);
    }
    Ok(providers.into_iter().map(str::to_owned).collect())
}

fn names(value: &Value) -> Option<Vec<&str>> {
    Some(value.as_array()?.iter().filter_map(Value::as_str).collect())
}

#[cfg(test)]
mod tests {
    use super::super::clock::Clock;
    use super::*;

    fn routed(members: &str) -> Result<Route, u16> {
        let body = format!(r#"{{"messages":[{{"role":"user","content":"x"}}],{members}}}"#);
        let request = ChatRequest::read(body.as_bytes()).unwrap();
        let at = Circumstances { model: "", generation_id: "", clock: Clock { fixed_seconds: Some(0) } };
        route(&request, at).map_err(|reply| reply.status.as_u16())
    }

    #[test]
    fn providers_are_narrowed_and_ordered() {
        let providers = |gateway: &str| {
            let members = format!(r#""model":"anthropic/c","providerOptions":{{"gateway":{gateway}}}"#);
            routed(&members).map(|route| route.providers.join(" "))
        };
        assert_eq!(providers("{}"), Ok("anthropic bedrock vertex".to_owned()));
        assert_eq!(providers(r#"{"order":["vertex"]}"#), Ok("vertex anthropic bedrock".to_owned()));
        assert_eq!(providers(r#"{"only":["bedrock"]}"#), Ok("bedrock".to_owned()));
        assert_eq!(providers(r#"{"only":["nobody"]}"#), Err(400));
    }

    #[test]
    fn a_fallback_model_serves_when_the_first_fails() {
        let route = routed(
            r#""model":"sim/fault-unavailable","models":["sim/fault-internal-error","openai/gpt-4o"]"#,
        )
        .unwrap();
        assert_eq!(
            (route.requested.as_str(), route.served.as_str()),
            ("sim/fault-unavailable", "openai/gpt-4o")
        );
        let failed =
            [("sim/fault-unavailable".to_owned(), 503), ("sim/fault-internal-error".to_owned(), 500)];
        assert_eq!(route.failed, failed);
        assert_eq!(
            routed(r#""model":"sim/fault-unavailable","models":["sim/fault-internal-error"]"#),
            Err(500)
        );
        assert_eq!(
            routed(r#""model":"sim/fault-crlf""#).map(|route| route.served),
            Ok("sim/fault-crlf".to_owned())
        );
    }
}
