//! Routes as handles on the table: which name goes first, what is made for a request, and what is not.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use trunkline_core::{
    Call, Document, Environment, Error, ErrorKind, ModelInfo, Observation, Operation, Reply, Segments,
};
use trunkline_provider::{
    About, CallContext, Capabilities, Limits, Provider, Registry, SendOptions, Transport, TransportBody,
};
use trunkline_router::{Deployment, DeploymentSpec, Policy, Route, Router, RouterBuilder, Routing};

/// As many deployments as a group may well have.
const MANY: usize = 10_000;

/// A provider that counts how often it is asked what it can do, and notes how long its calls may take. They take two
/// seconds.
#[derive(Debug, Default)]
struct Counting {
    asked: AtomicUsize,
    totals: Mutex<Vec<Duration>>,
}

#[async_trait]
impl Provider for Counting {
    fn capabilities(&self, model: &str) -> Capabilities {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let operations: &[Operation] = match model {
            "ranking" => &[Operation::Rerank],
            _ => &[Operation::ChatCompletions],
        };
        Capabilities { operations, streaming: false, reports_usage: false, reports_cost: false }
    }

    async fn call(&self, context: &CallContext, call: &Call) -> Result<Reply, Error> {
        self.totals.lock().expect("no panic").push(context.target.send.waits.total);
        // Whoever comes at the same time has begun before the clock moves.
        tokio::task::yield_now().await;
        match &*call.model {
            "stuck" => std::future::pending().await,
            _ => tokio::time::advance(Duration::from_secs(2)).await,
        }
        Ok(Reply::document(Document::empty(), Observation::default()))
    }

    async fn models(&self, _context: &CallContext) -> Result<Vec<ModelInfo>, Error> {
        Ok(Vec::new())
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

fn builder() -> (RouterBuilder, Arc<Counting>) {
    let mut registry = Registry::new(Arc::new(NoTransport), Environment::empty(), Limits::default());
    let counting = Arc::new(Counting::default());
    for prefix in ["one", "two"] {
        registry.register(prefix, Arc::<Counting>::clone(&counting), About::default());
    }
    (Router::builder(Arc::new(registry)), counting)
}

fn spec(group: &str, model: &str) -> DeploymentSpec {
    DeploymentSpec { group: group.to_owned(), model: model.to_owned(), ..DeploymentSpec::default() }
}

fn router(specs: impl IntoIterator<Item = DeploymentSpec>) -> Router {
    let (mut builder, _) = builder();
    for spec in specs {
        builder.deployment(spec).expect("known");
    }
    builder.build()
}

/// The groups and upstream models of all candidates.
fn check(router: &Router, name: &str, group: &str, models: &[&str]) {
    let route = router.resolve(name).expect("a known name");
    let found: Vec<String> =
        route.candidates().map(|candidate| candidate.upstream_model.to_string()).collect();
    assert_eq!(found, models, "{name}");
    assert_eq!(&**route.group(), group, "{name}");
    assert_eq!(route.count(), models.len(), "{name}");
    assert_eq!(&*route.first().upstream_model, models[0], "{name}");
}

/// How many candidates hold each deployment, beside the table.
fn holders(router: &Router) -> Vec<usize> {
    router.deployments().map(Arc::strong_count).collect()
}

fn more(before: &[usize], after: &[usize]) -> usize {
    before.iter().zip(after).map(|(before, after)| after - before).sum()
}

#[test]
fn each_kind_of_name_goes_before_the_next() {
    let name = "one/x";
    let mut specs = vec![spec("models", name), spec("models", "one/y")];
    check(&router(specs.clone()), name, "models", &["x"]);
    specs.push(spec("one/*", "two/wild-*"));
    check(&router(specs.clone()), name, name, &["wild-x"]);
    specs.push(spec(name, "two/group"));
    check(&router(specs.clone()), name, name, &["group"]);
    let (mut aliased, _) = builder();
    for spec in &specs {
        aliased.deployment(spec.clone()).expect("known");
    }
    aliased.alias(name, "models", false);
    check(&aliased.build(), name, "models", &["x", "y"]);
    let (mut named, _) = builder();
    specs.push(DeploymentSpec { id: Some(name.to_owned()), ..spec("ids", "two/id") });
    for spec in specs {
        named.deployment(spec).expect("known");
    }
    named.alias(name, "models", false);
    check(&named.build(), name, "ids", &["id"]);
}

#[test]
fn an_alias_leads_to_a_group_a_wildcard_or_a_model_and_to_nothing_else() {
    let (mut builder, _) = builder();
    builder.deployment(DeploymentSpec { id: Some("id-1".into()), ..spec("group", "one/x") }).expect("known");
    builder.deployment(spec("wild/*", "two/*")).expect("known");
    builder.alias("of-group", "group", false);
    builder.alias("of-wildcard", "wild/y", false);
    builder.alias("of-model", "one/x", false);
    builder.alias("of-id", "id-1", false);
    builder.alias("of-alias", "of-group", false);
    builder.alias("group", "nowhere", false);
    let router = builder.build();
    check(&router, "of-group", "group", &["x"]);
    check(&router, "of-wildcard", "of-wildcard", &["y"]);
    check(&router, "of-model", "group", &["x"]);
    // The alias of its name hides the group.
    for name in ["of-id", "of-alias", "group", "nowhere"] {
        assert_eq!(router.resolve(name).map_err(|error| error.kind()).err(), Some(ErrorKind::UnknownModel));
    }
}

#[test]
fn stars_stand_for_nothing_in_a_name_that_is_no_match() {
    let id = |id: &str, spec| DeploymentSpec { id: Some(id.to_owned()), ..spec };
    let router = router([id("w-1", spec("w/*", "one/a-*")), id("w-2", spec("w/*", "one/b-*"))]);
    check(&router, "w/x", "w/x", &["a-x", "b-x"]);
    check(&router, "w/*", "w/*", &["a-", "b-"]);
    check(&router, "w-2", "w/*", &["b-"]);
    check(&router, "one/b-*", "w/*", &["b-"]);
}

#[test]
fn a_group_lends_what_the_table_holds() {
    let router = router((0..MANY).map(|index| spec("m", &format!("one/{index}"))));
    let before = holders(&router);
    let route = router.resolve("m").expect("a group");
    assert_eq!((route.count(), &*route.first().upstream_model), (MANY, "0"));
    let last = route.get(MANY - 1).expect("the last");
    assert!(matches!(&last, Cow::Borrowed(_)));
    assert_eq!(&*last.upstream_model, "9999");
    let own = route.by_id(&last.deployment.id).expect("it is there");
    assert!(std::ptr::eq(&*own, &*last));
    assert!(route.get(MANY).is_none() && route.by_id("another").is_none());
    assert_eq!(holders(&router), before);
}

#[test]
fn a_wildcard_s_candidates_are_made_one_by_one() {
    let router = router((0..MANY).map(|_| spec("w/*", "one/*")));
    let before = holders(&router);
    let route = router.resolve("w/x").expect("a wildcard");
    assert_eq!((route.count(), more(&before, &holders(&router))), (MANY, 1));
    let id = |place: usize| Arc::clone(&router.deployments().nth(place).expect("it is there").id);
    let own = route.by_id(&id(7_000)).expect("it is there");
    let next = route.get(7_001).expect("it is there");
    assert_eq!(more(&before, &holders(&router)), 3);
    for (candidate, place) in [(&own, 7_000), (&next, 7_001)] {
        assert_eq!((&candidate.deployment.id, &*candidate.upstream_model), (&id(place), "x"));
    }
    drop((own, next));
    assert!(route.supporting(Operation::Rerank).is_none());
    assert_eq!(more(&before, &holders(&router)), 1);
}

#[test]
fn an_id_s_route_has_its_deployment_alone() {
    let named = |id: &str| DeploymentSpec { id: Some(id.to_owned()), ..spec("m", &format!("one/{id}")) };
    let router = router([named("a"), named("b")]);
    let route = router.resolve("b").expect("an id");
    assert_eq!((&**route.group(), route.count(), &*route.first().upstream_model), ("m", 1, "b"));
    assert!(route.by_id("b").is_some() && route.by_id("a").is_none() && route.get(1).is_none());
}

#[test]
fn one_of_each_provider_and_model_is_asked_what_it_can_do() {
    let (mut builder, counting) = builder();
    for index in 0..MANY {
        let model = if index == MANY - 2 { "two/ranking" } else { "one/chatting" };
        builder
            .deployment(DeploymentSpec { id: Some(format!("d{index}")), ..spec("m", model) })
            .expect("known");
    }
    let router = builder.build();
    let id_of = |route: &Route, operation| -> (Option<String>, usize) {
        let before = counting.asked.load(Ordering::Relaxed);
        let found = route.supporting(operation).map(|candidate| candidate.deployment.id.to_string());
        (found, counting.asked.load(Ordering::Relaxed) - before)
    };
    let route = router.resolve("m").expect("a group");
    assert_eq!(id_of(&route, Operation::ChatCompletions), (Some("d0".to_owned()), 1));
    assert_eq!(id_of(&route, Operation::Rerank), (Some(format!("d{}", MANY - 2)), 2));
    assert_eq!(id_of(&route, Operation::Speech), (None, 2));
    let route = router.resolve("d5").expect("an id");
    assert_eq!(id_of(&route, Operation::Rerank), (None, 1));
}

#[test]
fn a_route_fails_if_a_name_that_decides_leads_nowhere() {
    let router = router([spec("*", "one/*"), spec("*", "*"), spec("*", "*")]);
    check(&router, "two/x", "two/x", &["two/x", "x", "x"]);
    let route = router.resolve("two/x").expect("a prefix");
    let prefixes: Vec<Arc<str>> = route.candidates().map(|candidate| Arc::clone(&candidate.prefix)).collect();
    assert_eq!(prefixes, ["one", "two", "two"].map(Arc::from));
    let error = router.resolve("three/x").expect_err("no prefix");
    assert!(error.message().contains("known provider prefix"), "{error}");
}

#[test]
fn a_prefix_as_it_is_is_a_deployment_of_that_name() {
    let (builder, _) = builder();
    let router = builder.direct(true).build();
    check(&router, "one/a/b", "one/a/b", &["a/b"]);
    let route = router.resolve("one/a/b").expect("a prefix");
    let deployment: &Deployment = &route.first().deployment;
    assert_eq!((&*deployment.id, &*deployment.model, &*deployment.prefix), ("one/a/b", "one/a/b", "one"));
    assert!(route.by_id("one/a/b").is_some() && route.by_id("one/a").is_none() && route.get(1).is_none());
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_place_has_all_its_time_then() {
    let (builder, counting) = builder();
    let policy = Policy { queue_wait: Duration::from_secs(5), ..Policy::default() };
    let mut builder = builder.routing(Routing { policy, ..Routing::default() });
    for model in ["x", "stuck"] {
        let mut row = DeploymentSpec { parallel_calls_max: Some(1), ..spec(model, &format!("one/{model}")) };
        row.target.send.waits.total = Duration::from_secs(5);
        builder.deployment(row).expect("known");
    }
    let router = builder.build();
    let call = |name| router.send(name, Operation::ChatCompletions, Document::empty());
    let (first, second, third) = tokio::join!(call("x"), call("x"), call("x"));
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert_eq!(*counting.totals.lock().expect("no panic"), [5, 5, 5].map(Duration::from_secs));
    let holding = tokio::time::timeout(Duration::from_secs(6), call("stuck"));
    let (held, refused) = tokio::join!(holding, call("stuck"));
    assert!(held.is_err());
    assert_eq!(refused.map_err(|error| error.kind()).err(), Some(ErrorKind::NoDeployment));
}
