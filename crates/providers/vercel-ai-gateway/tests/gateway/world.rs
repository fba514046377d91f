//! A registry with the provider in it, and the gateway that it calls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use http::HeaderMap;
use rust_decimal::Decimal;
use serde_json::Value;
use trunkline_core::{
    Call, Cost, Document, Environment, Error, Event, Observation, Operation, Reply, ReplyBody,
};
use trunkline_provider::{CallContext, Limits, Provider, Registry, Target};
use trunkline_testkit::simulator::{Control, RecordedRequest, Simulator, SimulatorOptions};
use trunkline_transport::{HttpTransport, TransportOptions};

pub(crate) const MODEL: &str = "openai/gpt-4.1-nano";

pub(crate) struct World {
    simulator: Simulator,
    provider: Arc<dyn Provider>,
}

impl World {
    /// A gateway, and a provider that finds it and an API key in the environment.
    pub(crate) async fn new() -> Self {
        Self::with(&[("AI_GATEWAY_API_KEY", "vck_environment")]).await
    }

    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
        Self::with_ttl(variables, Duration::from_secs(300)).await
    }

    pub(crate) async fn with_ttl(variables: &[(&str, &str)], catalogue_ttl: Duration) -> Self {
        let simulator = Simulator::start(SimulatorOptions::default()).await.unwrap();
        let environment: Environment = variables.iter().copied().collect();
        let environment = environment.overlaid([("VERCEL_AI_GATEWAY_API_BASE", simulator.v1_url())]);
        let transport = HttpTransport::new(TransportOptions::default()).unwrap();
        let mut registry = Registry::new(Arc::new(transport), environment, Limits::default());
        trunkline_vercel_ai_gateway::register_with(&mut registry, catalogue_ttl);
        let provider = Arc::clone(&registry.by_prefix("vercel_ai_gateway").unwrap().provider);
        Self { simulator, provider }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.simulator.address()
    }

    pub(crate) fn control(&self) -> &Control {
        self.simulator.control()
    }

    pub(crate) fn provider(&self) -> &dyn Provider {
        self.provider.as_ref()
    }

    pub(crate) async fn call(&self, call: Call) -> Result<Reply, Error> {
        self.call_at(Target::default(), call).await
    }

    pub(crate) async fn call_at(&self, target: Target, call: Call) -> Result<Reply, Error> {
        self.provider.call(&CallContext::new(Arc::new(target)), &call).await
    }

    /// The reply to a call that is answered whole.
    pub(crate) async fn document(&self, call: Call) -> (Document, Observation) {
        match self.call(call).await.unwrap().body {
            ReplyBody::Document(document, observation) => (document, *observation),
            other => panic!("a document, not {other:?}"),
        }
    }

    /// The events of a call that is answered as a stream, and how it ended.
    pub(crate) async fn events(&self, call: Call) -> (Vec<Event>, Option<Error>) {
        let ReplyBody::Events(mut stream) = self.call(call).await.unwrap().body else {
            panic!("a stream");
        };
        let mut events = Vec::new();
        while let Some(item) = stream.next().await {
            match item {
                Ok(ready) => events.extend(ready),
                Err(error) => {
                    assert!(stream.next().await.is_none(), "an error is the last item");
                    return (events, Some(error));
                }
            }
        }
        (events, None)
    }

    /// The only request that the gateway got.
    pub(crate) fn request(&self) -> RecordedRequest {
        let requests = self.control().requests();
        assert_eq!(requests.len(), 1);
        requests.into_iter().next().unwrap()
    }
}

pub(crate) fn chat(json: &str) -> Call {
    Call::new(Operation::ChatCompletions, MODEL, Document::parse(json.to_owned()).unwrap())
}

pub(crate) fn chat_with(model: &str) -> Call {
    let body = r#"{"model":"x","messages":[{"role":"user","content":"Weather in Oslo?"}]}"#;
    Call::new(Operation::ChatCompletions, model, Document::parse(body).unwrap())
}

pub(crate) fn streamed_with(model: &str) -> Call {
    let body =
        r#"{"model":"x","stream":true,"messages":[{"role":"user","content":"Weather in Oslo? 天気 🙂"}]}"#;
    Call::new(Operation::ChatCompletions, model, Document::parse(body).unwrap())
}

/// A call of any operation.
pub(crate) fn call_of(operation: Operation, model: &str, json: &str) -> Call {
    Call::new(operation, model, Document::parse(json.to_owned()).unwrap())
}

pub(crate) fn embeddings(json: &str) -> Call {
    let document = Document::parse(json.to_owned()).unwrap();
    Call::new(Operation::Embeddings, "openai/text-embedding-3-small", document)
}

pub(crate) fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

/// What the events carry, in order.
pub(crate) fn payloads(events: &[Event]) -> Vec<String> {
    let text = |data: &[u8]| String::from_utf8(data.to_vec()).unwrap();
    events.iter().filter_map(Event::data).map(text).collect()
}

/// The same, where every event carries JSON.
pub(crate) fn parsed(events: &[Event]) -> Vec<Value> {
    payloads(events).iter().map(|payload| serde_json::from_str(payload).unwrap()).collect()
}

/// The value of a member as it stands in the document.
pub(crate) fn value(document: &Document, member: &str) -> Value {
    serde_json::from_slice(document.raw(member).unwrap_or_else(|| panic!("no {member}"))).unwrap()
}

/// What was spent, as far as it is known.
pub(crate) fn spend(seen: &Observation) -> Option<Decimal> {
    seen.cost.as_ref().and_then(Cost::spend)
}

/// All that the events were seen to say, as a record would have it.
pub(crate) fn seen(events: &[Event]) -> Observation {
    let mut seen = Observation::default();
    for event in events {
        if let Some(observation) = event.observation() {
            seen.absorb(observation.clone());
        }
    }
    seen
}
