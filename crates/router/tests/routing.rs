//! Names and where they lead, over providers that answer with what they were called with.

use std::sync::Arc;

use async_trait::async_trait;
use rust_decimal::Decimal;
use trunkline_core::{
    Call, Document, Environment, Error, ErrorKind, ModelInfo, Observation, Operation, Reply, Segments,
};
use trunkline_prices::{Price, Prices};
use trunkline_provider::{
    About, CallContext, Capabilities, Limits, Provider, Registry, SendOptions, Transport, TransportBody,
};
use trunkline_router::{DeploymentSpec, Router, RouterBuilder};

/// A provider that puts its name and the model into its reply.
#[derive(Debug)]
struct Named(&'static str);

#[async_trait]
impl Provider for Named {
    fn capabilities(&self, _model: &str) -> Capabilities {
        let operations = &Operation::ALL;
        Capabilities { operations, streaming: false, reports_usage: false, reports_cost: false }
    }

    async fn call(&self, _context: &CallContext, call: &Call) -> Result<Reply, Error> {
        let mut document = call.document().cloned().unwrap_or_else(Document::empty);
        document.set("provider", self.0).expect("a text");
        document.set("called", &*call.model).expect("a text");
        Ok(Reply::document(document, Observation::default()))
    }

    async fn models(&self, _context: &CallContext) -> Result<Vec<ModelInfo>, Error> {
        let pricing = r#"{"input": "0.000004", "output": "0.000008", "input_tiers": [{"cost": "0.000005", "min": 100}]}"#;
        let model = |id: &str| ModelInfo {
            id: id.to_owned(),
            context_window: Some(7_000),
            pricing: Some(pricing.into()),
            ..ModelInfo::default()
        };
        Ok(vec![model("openai/gpt-4o"), model("meta/llama")])
    }
}

/// Nothing is sent in these tests.
#[derive(Debug)]
struct NoTransport;

#[async_trait]
impl Transport for NoTransport {
    async fn send(
        &self,
        _request: http::Request<Segments>,
        _options: &SendOptions,
    ) -> Result<http::Response<TransportBody>, Error> {
        Err(Error::new(ErrorKind::UpstreamUnreachable, "nothing is sent in tests"))
    }
}

fn builder() -> RouterBuilder {
    let mut registry = Registry::new(Arc::new(NoTransport), Environment::empty(), Limits::default());
    for (prefix, bare) in [("vercel_ai_gateway", ""), ("openai", "gpt-"), ("openai/eu", ""), ("echo", "")] {
        let bare_names = if bare.is_empty() { Vec::new() } else { vec![bare.to_owned()] };
        let about = About {
            has_credential: true,
            tells_prices: prefix == "vercel_ai_gateway",
            bare_names,
            ..About::default()
        };
        registry.register(prefix, Arc::new(Named(prefix)), about);
    }
    Router::builder(Arc::new(registry))
}

fn spec(group: &str, model: &str) -> DeploymentSpec {
    DeploymentSpec { group: group.to_owned(), model: model.to_owned(), ..DeploymentSpec::default() }
}

/// Provider and upstream model that a name leads to.
async fn led(router: &Router, name: &str) -> Result<(String, String), String> {
    let body = Document::empty();
    let reply =
        router.send(name, Operation::ChatCompletions, body).await.map_err(|error| error.to_string())?;
    let trunkline_core::ReplyBody::Document(document, _) = reply.body else { panic!("a document") };
    let text = |member: &str| document.string(member).map(|text| text.into_owned()).unwrap_or_default();
    Ok((text("provider"), text("called")))
}

async fn check(router: &Router, name: &str, provider: &str, model: &str) {
    assert_eq!(led(router, name).await, Ok((provider.to_owned(), model.to_owned())), "{name}");
}

#[tokio::test]
async fn the_longest_prefix_of_whole_segments_wins_and_one_is_taken_off() {
    let router = builder().direct(true).build();
    check(&router, "vercel_ai_gateway/openai/gpt-4o", "vercel_ai_gateway", "openai/gpt-4o").await;
    check(&router, "vercel_ai_gateway/vercel_ai_gateway/x", "vercel_ai_gateway", "vercel_ai_gateway/x").await;
    check(&router, "openai/gpt-4o", "openai", "gpt-4o").await;
    check(&router, "openai/eu/gpt-4o", "openai/eu", "gpt-4o").await;
    check(&router, "openai/europe", "openai", "europe").await;
    check(&router, "gpt-4o", "openai", "gpt-4o").await;
}

#[tokio::test]
async fn an_unknown_prefix_lists_the_known_and_the_nearest() {
    let router = builder().direct(true).build();
    let message = led(&router, "vercel_ai_gatway/x").await.expect_err("unknown");
    assert!(message.contains("did you mean `vercel_ai_gateway/`?"), "{message}");
    assert!(message.contains("echo, openai, openai/eu, vercel_ai_gateway"), "{message}");
}

#[tokio::test]
async fn ids_aliases_groups_wildcards_and_model_strings_in_this_order() {
    let mut builder = builder();
    builder.deployment(spec("fast", "openai/gpt-4o-mini")).expect("known");
    builder.deployment(spec("vercel/*", "vercel_ai_gateway/*")).expect("known");
    builder.deployment(spec("vercel/openai/*", "openai/*")).expect("known");
    builder.deployment(spec("*", "vercel_ai_gateway/other/*")).expect("known");
    builder
        .deployment(DeploymentSpec { id: Some("id-7".into()), ..spec("named", "echo/seven") })
        .expect("known");
    builder.alias("quick", "fast", false);
    let router = builder.build();
    check(&router, "fast", "openai", "gpt-4o-mini").await;
    check(&router, "quick", "openai", "gpt-4o-mini").await;
    check(&router, "id-7", "echo", "seven").await;
    check(&router, "vercel/meta/llama", "vercel_ai_gateway", "meta/llama").await;
    check(&router, "vercel/openai/gpt-4o", "openai", "gpt-4o").await;
    check(&router, "anything", "vercel_ai_gateway", "other/anything").await;
}

#[tokio::test]
async fn a_model_string_leads_to_its_deployment() {
    let mut builder = builder();
    builder.deployment(spec("fast", "openai/gpt-4o-mini")).expect("known");
    let router = builder.build();
    check(&router, "openai/gpt-4o-mini", "openai", "gpt-4o-mini").await;
    assert!(led(&router, "openai/gpt-4o").await.is_err());
}

#[tokio::test]
async fn a_star_for_a_model_lets_the_name_decide() {
    let mut builder = builder();
    builder.deployment(spec("*", "*")).expect("by name");
    let router = builder.build();
    check(&router, "echo/x", "echo", "x").await;
    assert!(led(&router, "nowhere/x").await.expect_err("unknown").contains("known prefixes"));
}

#[tokio::test]
async fn the_lowest_order_goes_first_and_defaults_fill_gaps() {
    let mut builder = builder();
    builder.deployment(DeploymentSpec { order: 2, ..spec("m", "openai/second") }).expect("known");
    let first = DeploymentSpec {
        order: 1,
        defaults: vec![("temperature".into(), "0.5".into()), ("n".into(), "2".into())],
        overrides: vec![("forced".into(), "true".into())],
        ..spec("m", "openai/first")
    };
    builder.deployment(first).expect("known");
    let router = builder.build();
    let body = Document::parse(r#"{"n":1,"forced":false}"#).expect("a document");
    let reply = router.send("m", Operation::ChatCompletions, body).await.expect("an answer");
    let trunkline_core::ReplyBody::Document(document, _) = reply.body else { panic!("a document") };
    let text = String::from_utf8(document.to_bytes().to_vec()).expect("text");
    assert_eq!(text, r#"{"n":1,"forced":true,"temperature":0.5,"provider":"openai","called":"first"}"#);
}

#[tokio::test]
async fn ids_are_stable_unique_and_tell_nothing_of_the_key() {
    let build = |key: &str| {
        let mut builder = builder();
        let mut row = spec("m", "openai/x");
        row.target.api_key = Some(key.into());
        for _ in 0..3 {
            builder.deployment(row.clone()).expect("known");
        }
        builder.build().deployments().map(|deployment| deployment.id.clone()).collect::<Vec<_>>()
    };
    let ids = build("sk-one");
    assert_eq!(ids, build("sk-one"));
    assert_eq!(*ids[1], format!("{}-2", ids[0]));
    assert_eq!(*ids[2], format!("{}-3", ids[0]));
    assert_ne!(ids, build("sk-two"));
}

#[tokio::test]
async fn an_id_may_begin_like_another() {
    let mut builder = builder();
    for id in ["prod-10", "prod-1"] {
        builder
            .deployment(DeploymentSpec { id: Some(id.into()), ..spec("m", "openai/x") })
            .expect("ids differ");
    }
    let again = DeploymentSpec { id: Some("prod-1".into()), ..spec("m", "openai/x") };
    assert!(builder.deployment(again).is_err());
}

#[tokio::test]
async fn wildcards_are_listed_with_what_the_catalogue_has() {
    let mut builder = builder();
    builder.deployment(spec("fast", "openai/x")).expect("known");
    builder.deployment(spec("vercel/*", "vercel_ai_gateway/*")).expect("known");
    builder.deployment(spec("gpt/*", "vercel_ai_gateway/openai/*")).expect("known");
    builder.alias("quick", "fast", false);
    builder.alias("secret", "fast", true);
    let router = builder.build();
    let (listed, errors) = router.models().await;
    let ids: Vec<&str> = listed.iter().map(|model| model.id.as_str()).collect();
    assert_eq!(ids, ["fast", "gpt/gpt-4o", "quick", "vercel/meta/llama", "vercel/openai/gpt-4o"]);
    assert!(errors.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deployment_s_places_are_waited_for_and_given_back() {
    let mut builder = builder();
    let mut row = DeploymentSpec { parallel_calls_max: Some(1), ..spec("m", "openai/x") };
    row.target.send.waits.total = std::time::Duration::from_secs(5);
    builder.deployment(row).expect("known");
    let router = builder.build();
    for _ in 0..3 {
        check(&router, "m", "openai", "x").await;
    }
}

#[tokio::test]
async fn prices_of_a_catalogue_hold_where_a_deployment_has_none_of_its_own() {
    let mut builder = builder().prices(Prices::empty());
    for (group, model) in
        [("fixed", "vercel_ai_gateway/meta/llama"), ("other", "openai/x"), ("any/*", "vercel_ai_gateway/*")]
    {
        builder.deployment(spec(group, model)).expect("known");
    }
    let own = Price { per_request: Some(Decimal::ONE), ..Price::default() };
    let row = DeploymentSpec {
        price: Some(own.clone()),
        input_tokens_max: Some(9),
        ..spec("own", "vercel_ai_gateway/meta/llama")
    };
    builder.deployment(row).expect("known");
    let before = builder.build();
    let rows = before.catalogue_prices().await.expect("a catalogue");
    assert_eq!(rows.len(), 2, "one catalogue, once: {rows:?}");
    let router = before.with_prices(before.prices().clone().with_catalogue_prices(rows));
    let deployment = |router: &Router, group: &str| {
        let found = router.deployments().find(|deployment| &*deployment.group == group);
        (**found.expect("a deployment")).clone()
    };
    assert_eq!(deployment(&before, "fixed").price, None);
    let fixed = deployment(&router, "fixed");
    let price = fixed.price.expect("the catalogue's");
    assert_eq!((price.tiers.len(), &*price.source), (1, "the catalogue of vercel_ai_gateway"));
    assert_eq!((fixed.input_tokens_max, fixed.id), (Some(7_000), deployment(&before, "fixed").id));
    assert_eq!(router.price("vercel_ai_gateway", "openai/gpt-4o").expect("a wildcard's").rates, price.rates);
    let kept = deployment(&router, "own");
    // Limits that nothing is said of are those of the model.
    let own = Price { input_tokens_max: Some(7_000), ..own };
    assert_eq!((kept.price.as_deref(), kept.input_tokens_max), (Some(&own), Some(9)));
    assert_eq!(deployment(&router, "other").price, None);
    check(&router, "fixed", "vercel_ai_gateway", "meta/llama").await;
    // One that may call prefixes as they are asks those for which it has a credential.
    assert_eq!(
        self::builder().direct(true).build().catalogue_prices().await.map(|rows| rows.len()).ok(),
        Some(2)
    );
}
