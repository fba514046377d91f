//! The provider under test: registered over the transport in memory, called, and read.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use trunkline_core::{
    Body, Call, Document, Environment, Error, ErrorKind, ModelInfo, Observation, Operation, Reply, ReplyBody,
    Secret,
};
use trunkline_provider::{About, CallContext, Capabilities, Limits, Provider, Registry, Target};

use super::finding::{Finding, told};
use super::question::{OBJECT, Way};
use super::transcript::Transcript;
use super::transport::{Answer, InMemoryTransport};
use super::{Fixtures, Harness};

/// The base that the deployment names.
pub(crate) const BASE: &str = "https://upstream.example/base/v1";
/// The key of the deployment.
pub(crate) const KEY: &str = "sk-conformance-0123456789abcdefghijklmn";

/// How long anything may take that waits for nothing. Only a provider that hangs uses it up, as some do in the
/// tests of this suite.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 3 } else { 20 });

/// The base that the deployment names, in the version that the operation belongs to.
pub(crate) fn base_of(operation: Operation) -> String {
    let origin = BASE.strip_suffix("v1").expect("the base is one of version 1");
    format!("{origin}{}", operation.version())
}

/// A provider, ready to be called.
#[derive(Debug)]
pub(crate) struct Subject<'h> {
    harness: &'h Harness,
    pub(crate) transport: InMemoryTransport,
    pub(crate) provider: Arc<dyn Provider>,
    /// The model in the upstream's own spelling.
    pub(crate) model: String,
    pub(crate) about: About,
    /// A deployment with a base and a key of its own.
    pub(crate) context: CallContext,
}

impl<'h> Subject<'h> {
    pub(crate) fn new(harness: &'h Harness) -> Result<Self, Finding> {
        Self::with(harness, Limits::default(), Environment::empty())
    }

    pub(crate) fn with(
        harness: &'h Harness,
        limits: Limits,
        environment: Environment,
    ) -> Result<Self, Finding> {
        let transport = InMemoryTransport::answering(Answer::Failure(ErrorKind::Internal));
        let mut registry = Registry::new(Arc::new(transport.clone()), environment, limits);
        (harness.register)(&mut registry);
        let Some((registration, model)) = registry.find(&harness.model) else {
            let known: Vec<&str> =
                registry.registrations().iter().map(|registration| &*registration.prefix).collect();
            return Err(Finding::new(
                "calling `register` and looking for the harness's model",
                format!("a prefix that `{}` begins with", harness.model),
                format!("the prefixes {}", known.join(", ")),
            ));
        };
        let target =
            Target { api_base: Some(BASE.to_owned()), api_key: Some(Secret::new(KEY)), ..Target::default() };
        Ok(Self {
            harness,
            transport,
            provider: Arc::clone(&registration.provider),
            model: model.to_owned(),
            about: registration.about.clone(),
            context: CallContext::new(Arc::new(target)),
        })
    }

    pub(crate) fn fixtures(&self) -> Option<&'h Fixtures> {
        self.harness.fixtures.as_ref()
    }

    pub(crate) fn capabilities(&self) -> Capabilities {
        self.provider.capabilities(&self.model)
    }

    /// The operations that are claimed.
    pub(crate) fn operations(&self) -> &'static [Operation] {
        self.capabilities().operations
    }

    /// The operations that are claimed as streams.
    pub(crate) fn streamed_operations(&self) -> Vec<Operation> {
        let capabilities = self.capabilities();
        let streams = |operation: &Operation| capabilities.streaming && operation.streams();
        capabilities.operations.iter().copied().filter(streams).collect()
    }

    /// Each operation that is claimed, in every kind of body, whole, and as a stream where it is claimed to
    /// stream.
    pub(crate) fn ways_to_ask(&self) -> Vec<Way> {
        let whole = self.operations().iter().map(|&operation| (operation, false));
        let streamed = self.streamed_operations().into_iter().map(|operation| (operation, true));
        whole.chain(streamed).flat_map(|(operation, streaming)| Way::all_of(operation, streaming)).collect()
    }

    /// The call that asks for an operation, as the router would make it.
    pub(crate) fn question(&self, operation: Operation, streaming: bool) -> Call {
        self.ask(Way::of(operation, streaming))
    }

    /// The call that asks in this way, as the router would make it: its body still names the caller's model.
    pub(crate) fn ask(&self, way: Way) -> Call {
        let body = way.body(self.harness, &self.harness.model);
        let mut call = Call::with_body(way.operation, self.model.clone(), body);
        call.object = way.operation.is_about_object().then(|| OBJECT.to_owned());
        call.query = way.query();
        call
    }

    /// The same call with the body as the upstream must get it, if nothing but the model is touched.
    pub(crate) fn body_for_upstream(&self, way: Way) -> Body {
        way.body(self.harness, &self.model)
    }

    /// Calls the provider while its upstream has this answer.
    pub(crate) async fn call(
        &self,
        doing: &str,
        call: Call,
        answer: impl Into<Answer>,
    ) -> Result<Result<Reply, Error>, Finding> {
        self.transport.answer(answer);
        in_time(doing, self.provider.call(&self.context, &call)).await
    }

    /// Asks for a whole reply, and gives back the document.
    pub(crate) async fn whole(
        &self,
        doing: &str,
        operation: Operation,
        answer: impl Into<Answer>,
    ) -> Result<Result<(Document, Observation), Error>, Finding> {
        let call = self.question(operation, false);
        match self.call(doing, call, answer).await? {
            Err(error) => Ok(Err(error)),
            Ok(Reply { body: ReplyBody::Document(document, observation), .. }) => {
                Ok(Ok((document, *observation)))
            }
            Ok(reply) => Err(Finding::new(doing, "a document", format!("{:?}", reply.body))),
        }
    }

    /// Asks for a stream, and reads it to its end.
    pub(crate) async fn stream(
        &self,
        doing: &str,
        operation: Operation,
        answer: impl Into<Answer>,
    ) -> Result<Transcript, Finding> {
        self.stream_of(doing, self.question(operation, true), answer).await
    }

    /// Makes a call for a stream, and reads it to its end.
    pub(crate) async fn stream_of(
        &self,
        doing: &str,
        call: Call,
        answer: impl Into<Answer>,
    ) -> Result<Transcript, Finding> {
        self.transport.answer(answer);
        let read = async {
            match self.provider.call(&self.context, &call).await {
                Err(error) => Ok(Transcript::failed(error)),
                Ok(Reply { body: ReplyBody::Events(events), .. }) => Ok(Transcript::of(events).await),
                Ok(reply) => Err(Finding::new(doing, "a stream of events", format!("{:?}", reply.body))),
            }
        };
        in_time(doing, read).await?
    }

    /// Asks for the list of models.
    pub(crate) async fn models(
        &self,
        doing: &str,
        answer: impl Into<Answer>,
    ) -> Result<Result<Vec<ModelInfo>, Error>, Finding> {
        self.transport.answer(answer);
        in_time(doing, self.provider.models(&self.context)).await
    }
}

/// Waits for what needs no waiting, and finds fault where it does not come.
pub(crate) async fn in_time<T>(doing: &str, future: impl Future<Output = T>) -> Result<T, Finding> {
    tokio::time::timeout(PATIENCE, future).await.map_err(|_| {
        let expected = "an answer at once: the upstream has said all that is needed";
        Finding::new(doing, expected, format!("nothing for {} s", PATIENCE.as_secs()))
    })
}

/// The value, or the finding that there is an error instead.
pub(crate) fn succeeded<T>(doing: &str, expected: &str, result: Result<T, Error>) -> Result<T, Finding> {
    result.map_err(|error| Finding::new(doing, expected, told(&error)))
}

/// The error, or the finding that there is none.
pub(crate) fn refused<T>(doing: &str, expected: &str, result: Result<T, Error>) -> Result<Error, Finding> {
    match result {
        Ok(_) => Err(Finding::new(doing, expected, "a success")),
        Err(error) => Ok(error),
    }
}
