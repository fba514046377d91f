//! A router over providers that answer by a script, one for each model.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use trunkline_core::{
    Call, Document, Environment, Error, ErrorKind, Event, ModelInfo, Observation, Operation, Reply, Retry,
    Segments, UpstreamAnswer,
};
use trunkline_provider::{
    About, CallContext, Capabilities, Limits, Provider, Registry, SendOptions, Transport, TransportBody,
};
use trunkline_router::{
    Answer, DeploymentSpec, Explanation, Failed, Probed, Router, RouterBuilder, Routing, Wishes,
};

/// What a model answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Script {
    /// At once, and well.
    Answer,
    /// Well, after a while.
    Slow(Duration),
    /// With a status; 200 is an answer.
    Status(u16),
    /// With 404: it does not know the model.
    NoModel,
    /// With a status, after a while.
    Takes(Duration, u16),
    /// With 429, and when to come back.
    RateLimited(Option<Duration>),
    /// With 429: the request is larger than a minute's allowance.
    TooLarge,
    /// With 401, for want of a credential that is good.
    Credential,
    /// With 400: the input is too long.
    TooLong,
    /// With 400: the content is refused.
    Refused,
    /// With a stream that says nothing for a while.
    Quiet(Duration),
    /// With so many events, and a cut.
    EventsThenCut(usize),
    /// With a whole reply of so many bytes that breaks off, after a while.
    BreaksOff(Duration, u64),
    /// With a whole reply of so many bytes that has not come to its end, after a while.
    StandsStill(Duration, u64),
    /// With a stream that ends by saying that it failed.
    EndsFailed,
    /// With an error as the first event.
    ErrorEvent,
    /// With a comment now and then, and nothing else.
    Pings(Duration),
    /// With a comment, and an end in good order.
    PingThenEnd,
}

#[derive(Debug, Default)]
pub(crate) struct Upstreams {
    scripts: Mutex<HashMap<String, VecDeque<Script>>>,
    always: Mutex<HashMap<String, Script>>,
    asked: Mutex<Vec<(String, Duration, String)>>,
    open: AtomicUsize,
}

struct Open<'a>(&'a AtomicUsize);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Provider for Upstreams {
    fn capabilities(&self, model: &str) -> Capabilities {
        let operations: &[Operation] = match model {
            "ranking" => &[Operation::Rerank],
            _ => &[Operation::ChatCompletions, Operation::RetrieveResponse],
        };
        Capabilities { operations, streaming: true, reports_usage: false, reports_cost: false }
    }

    async fn call(&self, context: &CallContext, call: &Call) -> Result<Reply, Error> {
        let body = String::from_utf8(call.body.segments().into_bytes().to_vec()).expect("text");
        let total = context.target.send.waits.total;
        self.asked.lock().expect("no panic").push((call.model.to_string(), total, body));
        self.open.fetch_add(1, Ordering::Relaxed);
        let _open = Open(&self.open);
        let next = self.scripts.lock().expect("no panic").get_mut(&*call.model).and_then(VecDeque::pop_front);
        let always = || self.always.lock().expect("no panic").get(&*call.model).copied();
        let script = next.or_else(always).unwrap_or(Script::Answer);
        match script {
            Script::Slow(wait) | Script::BreaksOff(wait, _) | Script::StandsStill(wait, _) => {
                passing(wait).await;
            }
            Script::Takes(wait, _) => {
                if tokio::time::timeout(total, passing(wait)).await.is_err() {
                    return Err(Error::new(ErrorKind::UpstreamTimeout, "too slow").having_reached_upstream());
                }
            }
            // Whoever comes at the same time gets this far before anybody goes on.
            _ => tokio::task::yield_now().await,
        }
        answer(script, call.streaming())
    }

    async fn models(&self, _context: &CallContext) -> Result<Vec<ModelInfo>, Error> {
        Ok(Vec::new())
    }
}

/// What an upstream does meanwhile is nobody's affair. The clock is paused.
pub(crate) async fn passing(wait: Duration) {
    let _ = tokio::time::timeout(wait, std::future::pending::<()>()).await;
}

fn answer(script: Script, streaming: bool) -> Result<Reply, Error> {
    let failed = |kind, status: u16| {
        let status = StatusCode::from_u16(status).ok();
        let answer = UpstreamAnswer { status, body: bytes::Bytes::new() };
        Error::new(kind, "scripted").with_upstream(answer, None, None)
    };
    let by_status = |status| match status {
        404 => ErrorKind::UpstreamNotFound,
        408 => ErrorKind::UpstreamTimeout,
        400..500 => ErrorKind::UpstreamInvalidRequest,
        _ => ErrorKind::UpstreamFailed,
    };
    let said = || Ok(vec![Event::from_payload(b"{}")]);
    let events = match script {
        Script::Quiet(wait) if streaming => {
            let events = async move {
                passing(wait).await;
                said()
            };
            return Ok(Reply::events(Box::pin(futures_util::stream::once(events))));
        }
        Script::Answer | Script::Quiet(_) | Script::Slow(_) | Script::Status(200) | Script::Takes(_, 200) => {
            vec![said()]
        }
        Script::Status(status) | Script::Takes(_, status) => return Err(failed(by_status(status), status)),
        Script::RateLimited(wait) => {
            return Err(failed(ErrorKind::UpstreamRateLimited, 429).with_retry_after(wait));
        }
        Script::TooLarge => {
            return Err(failed(ErrorKind::UpstreamRateLimited, 429).with_retry(Retry::NextTarget));
        }
        Script::Credential => return Err(failed(ErrorKind::UpstreamCredential, 401).blaming_credential()),
        Script::NoModel => {
            let answer = UpstreamAnswer { status: StatusCode::from_u16(404).ok(), body: bytes::Bytes::new() };
            let error = Error::new(ErrorKind::UpstreamNotFound, "this model is not here");
            return Err(error.with_upstream(answer, None, Some("model_not_found".to_owned())));
        }
        Script::TooLong => return Err(failed(ErrorKind::ContextWindowExceeded, 400)),
        Script::Refused => return Err(failed(ErrorKind::ContentPolicy, 400)),
        Script::EventsThenCut(count) => {
            let mut events: Vec<_> = (0..count).map(|_| said()).collect();
            events.push(Err(Error::new(ErrorKind::UpstreamCut, "cut")));
            events
        }
        Script::BreaksOff(_, bytes) => {
            return Err(Error::new(ErrorKind::UpstreamCut, "cut").with_reply_bytes(bytes));
        }
        Script::StandsStill(_, bytes) => {
            return Err(Error::new(ErrorKind::UpstreamTimeout, "no end").with_reply_bytes(bytes));
        }
        Script::EndsFailed => {
            let mut last = Event::from_payload(b"{}");
            let failed = Some(ErrorKind::UpstreamFailed);
            last.set_observation(Observation { terminal: true, failed, ..Observation::default() });
            vec![said(), Ok(vec![last])]
        }
        Script::ErrorEvent => vec![Err(failed(ErrorKind::UpstreamFailed, 500))],
        Script::Pings(every) if streaming => {
            let pings = futures_util::stream::unfold((), move |()| async move {
                passing(every).await;
                Some((Ok(vec![ping()]), ()))
            });
            return Ok(Reply::events(Box::pin(pings)));
        }
        Script::Pings(_) => vec![said()],
        Script::PingThenEnd => vec![Ok(vec![ping()])],
    };
    if streaming {
        return Ok(Reply::events(Box::pin(futures_util::stream::iter(events))));
    }
    Ok(Reply::document(Document::empty(), Observation::default()))
}

fn ping() -> Event {
    Event::without_data(bytes::Bytes::from_static(b": ping\n\n"))
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

pub(crate) fn spec(group: &str, model: &str) -> DeploymentSpec {
    DeploymentSpec { group: group.to_owned(), model: model.to_owned(), ..DeploymentSpec::default() }
}

/// A router, and what stands behind it.
pub(crate) struct World {
    pub(crate) router: Router,
    upstreams: Arc<Upstreams>,
}

impl World {
    pub(crate) fn new(routing: Routing, specs: impl IntoIterator<Item = DeploymentSpec>) -> Self {
        let upstreams = Arc::default();
        Self { router: filled(builder(&upstreams).routing(routing), specs), upstreams }
    }

    /// The same upstreams behind another table, which goes on with what this one has learned.
    pub(crate) fn reloaded(self, routing: Routing, specs: impl IntoIterator<Item = DeploymentSpec>) -> Self {
        let builder = builder(&self.upstreams).routing(routing).succeeding(&self.router);
        Self { router: filled(builder, specs), upstreams: self.upstreams }
    }

    /// What a model answers from now on.
    pub(crate) fn script(&self, model: &str, script: Script) {
        self.upstreams.always.lock().expect("no panic").insert(model.to_owned(), script);
    }

    /// What a model answers next.
    pub(crate) fn script_once(&self, model: &str, scripts: impl IntoIterator<Item = Script>) {
        let scripts = scripts.into_iter().collect();
        self.upstreams.scripts.lock().expect("no panic").insert(model.to_owned(), scripts);
    }

    pub(crate) async fn ask(&self, name: &str) -> Result<Answer, Failed> {
        self.ask_with(name, &Wishes::default()).await
    }

    pub(crate) async fn ask_with(&self, name: &str, wishes: &Wishes) -> Result<Answer, Failed> {
        self.dispatch(name, Operation::ChatCompletions, Document::empty(), wishes).await
    }

    pub(crate) async fn ask_for(&self, name: &str, operation: Operation) -> Result<Answer, Failed> {
        self.dispatch(name, operation, Document::empty(), &Wishes::default()).await
    }

    pub(crate) async fn stream(&self, name: &str) -> Result<Answer, Failed> {
        self.ask_about(name, r#"{"stream":true}"#).await
    }

    pub(crate) async fn stream_with(&self, name: &str, wishes: &Wishes) -> Result<Answer, Failed> {
        let body = Document::parse(r#"{"stream":true}"#).expect("a document");
        self.dispatch(name, Operation::ChatCompletions, body, wishes).await
    }

    pub(crate) async fn stream_of(&self, name: &str, operation: Operation) -> Result<Answer, Failed> {
        let body = Document::parse(r#"{"stream":true}"#).expect("a document");
        self.dispatch(name, operation, body, &Wishes::default()).await
    }

    pub(crate) async fn ask_about(&self, name: &str, body: &'static str) -> Result<Answer, Failed> {
        self.ask_about_with(name, body, &Wishes::default()).await
    }

    pub(crate) async fn ask_about_with(
        &self,
        name: &str,
        body: &'static str,
        wishes: &Wishes,
    ) -> Result<Answer, Failed> {
        let body = Document::parse(body).expect("a document");
        self.dispatch(name, Operation::ChatCompletions, body, wishes).await
    }

    async fn dispatch(
        &self,
        name: &str,
        operation: Operation,
        body: Document,
        wishes: &Wishes,
    ) -> Result<Answer, Failed> {
        let route = self.router.resolve(name).expect("a known name");
        self.router.dispatch(&route, &mut Call::new(operation, "", body), wishes).await
    }

    pub(crate) fn explain(&self, name: &str, wishes: &Wishes) -> Explanation {
        let body = trunkline_core::Body::Document(Document::empty());
        self.router.explain(name, Operation::ChatCompletions, &body, wishes).expect("a known name")
    }

    /// Probes the deployment with this model string.
    pub(crate) async fn probe(&self, model: &str) -> Probed {
        let deployment = self.router.deployments().find(|deployment| &*deployment.model == model);
        self.router.probe(deployment.expect("it is there")).await
    }

    /// How often anybody was asked.
    pub(crate) fn asked(&self) -> usize {
        self.upstreams.asked.lock().expect("no panic").len()
    }

    pub(crate) fn asked_of(&self, model: &str) -> usize {
        self.upstreams.asked.lock().expect("no panic").iter().filter(|(asked, ..)| asked == model).count()
    }

    /// How long each call might have taken.
    pub(crate) fn totals(&self) -> Vec<Duration> {
        self.upstreams.asked.lock().expect("no panic").iter().map(|(_, total, _)| *total).collect()
    }

    pub(crate) fn bodies(&self) -> Vec<String> {
        self.upstreams.asked.lock().expect("no panic").iter().map(|(.., body)| body.clone()).collect()
    }

    /// Calls that are open.
    pub(crate) fn open(&self) -> usize {
        self.upstreams.open.load(Ordering::Relaxed)
    }
}

fn builder(upstreams: &Arc<Upstreams>) -> RouterBuilder {
    let mut registry = Registry::new(Arc::new(NoTransport), Environment::empty(), Limits::default());
    for prefix in ["one", "two", "three"] {
        registry.register(prefix, Arc::<Upstreams>::clone(upstreams), About::default());
    }
    Router::builder(Arc::new(registry)).seed(1)
}

fn filled(mut builder: RouterBuilder, specs: impl IntoIterator<Item = DeploymentSpec>) -> Router {
    for spec in specs {
        builder.deployment(spec).expect("a known prefix");
    }
    builder.build()
}
