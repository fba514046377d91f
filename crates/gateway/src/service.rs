//! The one way in for every request: which endpoint, who asks, and the answer, whatever becomes of it.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, EXPECT, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use trunkline_core::{Dialect, Error, ErrorKind};
use trunkline_keys::RouteGroup;
use trunkline_ledger::RequestId;

use crate::authentication::{Caller, authenticate};
use crate::body::ReadOnce;
use crate::endpoints::{self, Access, Endpoint, Matched};
use crate::error_response::failed;
use crate::exposition::{Form, Scraped};
use crate::extension::{self, ExtensionRequest};
use crate::gateway::Gateway;
use crate::health::health;
use crate::operation::Asked;
use crate::record::{OpenRecord, Outcome};
use crate::reply_body::ReplyBody;
use crate::steering::Steering;
use crate::{
    anthropic_models, body, browsers, exposition, headers, models, operation, pages, questions, row,
};

/// Heads up to here pass whatever the settings say, so that no slip locks everybody out.
const HEADER_BYTES_LEAST: usize = 8 * 1024;

/// As much of a path as is noted, in bytes.
const PATH_BYTES_MAX: usize = 256;

impl Gateway {
    /// Answers a request. It never fails: whatever goes wrong is an answer too.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<ReplyBody>
    where
        B: Body<Data = Bytes> + Unpin + Send,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let is_head = request.method() == Method::HEAD;
        let origin = browsers::allowed_origin(request.headers(), &self.settings);
        let awaits_leave = request.headers().contains_key(EXPECT);
        let (parts, body) = request.into_parts();
        let mut body = ReadOnce::new(body);
        let mut response = self.respond(&parts, &mut body).await;
        if !body.is_end_stream() && !body::discard(awaits_leave, &mut body).await {
            // Clients would send the next request on a connection that ends here. HTTP/2 has no such header, and
            // no need of it.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        browsers::allow(origin, response.headers_mut());
        if is_head {
            let length = response.body().size_hint().exact();
            if let Some(length) = length {
                response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
            *response.body_mut() = ReplyBody::empty();
        }
        response
    }

    async fn respond<B>(&self, request: &Parts, body: &mut ReadOnce<B>) -> Response<ReplyBody>
    where
        B: Body<Data = Bytes> + Unpin + Send,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let steering = Steering::of(&request.headers);
        let (call_id, ledger_id) = self.ids(steering);
        let path = request.uri.path();
        let mut record = OpenRecord::open(call_id, Cow::Borrowed(""), Arc::clone(&self.recorder));
        let found =
            endpoints::find(&request.method, path).or_else(|error| self.find_in_extension(request, error));
        record.ledger_id = ledger_id;
        record.dialect = endpoints::dialect(&found, path, &request.headers);
        record.route = found.as_ref().ok().and_then(Matched::route_of_operation);
        let admitted = self.admit(request, found).await;
        record.operation = described(&admitted, request);
        let (matched, caller) = match admitted {
            Ok(Some((matched, caller))) => {
                record.identity = caller.identity().cloned();
                (matched, caller)
            }
            Ok(None) => return self.preflight(record, request),
            Err(error) => return self.refuse(record, &error, path),
        };
        if let Endpoint::Question(question) = matched.endpoint {
            let answer = questions::answer(self, question, caller, request, body);
            return settled(record, Box::pin(answer).await);
        }
        if matched.endpoint == Endpoint::Metrics {
            let form = Form::of(&request.headers);
            let scraped = Scraped { form, router: self.router(), reloads: self.reloads() };
            let response = exposition::answer(self.exposition.clone(), scraped).await;
            return settled(record, response);
        }
        if let Endpoint::Extension(row) = matched.endpoint {
            let response = Box::pin(self.extended(row, matched.named, &caller, request, body)).await;
            return settled(record, response);
        }
        let Endpoint::Operation(operation) = matched.endpoint else {
            let query = request.uri.query().unwrap_or_default();
            let response = self.look_up(&matched, &caller, query, record.dialect).await;
            return settled(record, response);
        };
        let asked = Asked { operation, named: matched.named, caller, request, steering };
        // On its own, so that a connection whose reply has begun, or that rests, does not hold the room for it.
        Box::pin(operation::serve(self, asked, body, record)).await
    }

    /// The id under which a caller knows its request, and the one that it has in the ledger. They are the same unless the
    /// caller chose its own: then no row needs to be found by two.
    fn ids(&self, steering: Steering<'_>) -> (String, Option<RequestId>) {
        if let Some(chosen) = headers::call_id(steering) {
            return (chosen, None);
        }
        match &self.ledger {
            Some(ledger) => {
                let id = ledger.request_id(row::now());
                (id.to_string(), Some(id))
            }
            None => (self.call_ids.next(), None),
        }
    }

    /// What an extension answers to a method and a path that the gateway itself does not have.
    fn find_in_extension(&self, request: &Parts, error: Error) -> Result<Matched, Error> {
        let Some(extension) = &self.extension else { return Err(error) };
        let rows = extension.rows();
        match extension::find(rows, &request.method, request.uri.path()) {
            Some(Ok((row, named))) => Ok(Matched {
                endpoint: Endpoint::Extension(row),
                access: Access::Caller,
                route: rows[row].path,
                named,
            }),
            Some(Err(refused)) if error.kind() == ErrorKind::NotFound => Err(refused),
            Some(Err(_)) | None => Err(error),
        }
    }

    async fn extended<B>(
        &self,
        row: usize,
        named: Option<String>,
        caller: &Caller,
        request: &Parts,
        body: &mut ReadOnce<B>,
    ) -> Result<Response<ReplyBody>, Error>
    where
        B: Body<Data = Bytes> + Unpin + Send,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let Some(extension) = &self.extension else {
            return Err(Error::new(ErrorKind::Internal, "this is no endpoint of an extension"));
        };
        let (limits, idle) = (&self.settings.limits, self.settings.waits.body_idle);
        let body = body::object(&request.headers, body, limits, idle).await?;
        let query = request.uri.query().unwrap_or_default();
        let (status, answer) = extension.answer(ExtensionRequest { row, named, query, body, caller }).await?;
        Ok(models::json_reply(status, &answer))
    }

    /// Steps 2 and 3 of the walk: which endpoint, and who asks. `None` is a question about the endpoint itself.
    async fn admit(
        &self,
        request: &Parts,
        found: Result<Matched, Error>,
    ) -> Result<Option<(Matched, Caller)>, Error> {
        self.check_size(request)?;
        browsers::guard(&request.uri, &request.headers, &self.settings)?;
        if request.method == Method::OPTIONS && !self.methods(request.uri.path()).is_empty() {
            return Ok(None);
        }
        if request.headers.get(UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket")) {
            // Of all statuses this one makes clients that prefer a socket go on over HTTP at once.
            let message = "WebSocket is not spoken here; the same is answered over HTTP, streamed or whole";
            return Err(Error::new(ErrorKind::UpgradeUnsupported, message));
        }
        let matched = found?;
        let caller = match matched.access {
            Access::Public => Caller::Local,
            Access::Scraper if self.settings.metrics_open => Caller::Local,
            Access::Caller | Access::Viewer | Access::Scraper => {
                authenticate(&request.headers, &self.settings, self.keys.as_deref()).await?
            }
        };
        caller.check_access(matched.access, matched.route, self.group_of(&matched))?;
        Ok(Some((matched, caller)))
    }

    /// What an endpoint belongs to, for keys that may call some alone.
    fn group_of(&self, matched: &Matched) -> RouteGroup {
        match (matched.endpoint, &self.extension) {
            (Endpoint::Operation(_), _) => RouteGroup::Models,
            (Endpoint::Extension(row), Some(extension)) => extension.rows()[row].group,
            (_, _) => RouteGroup::Information,
        }
    }

    /// A head far past the limit is refused before it comes here, without an envelope.
    fn check_size(&self, request: &Parts) -> Result<(), Error> {
        let address = request.uri.path().len() + request.uri.query().unwrap_or_default().len();
        let bytes_max = self.settings.limits.header_bytes_max.max(HEADER_BYTES_LEAST);
        if headers::size(&request.headers) + address <= bytes_max {
            return Ok(());
        }
        let message =
            format!("address and headers are larger than header_bytes_max ({bytes_max} bytes) together");
        Err(Error::new(ErrorKind::HeadersTooLarge, message))
    }

    fn preflight(&self, record: Box<OpenRecord>, request: &Parts) -> Response<ReplyBody> {
        let mut response = Response::new(ReplyBody::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let methods = self.allowed(request.uri.path());
        response.headers_mut().insert(ALLOW, methods.clone());
        browsers::allow_preflight(&request.headers, response.headers_mut(), methods, &self.settings);
        settled(record, Ok(response))
    }

    fn refuse(&self, record: Box<OpenRecord>, error: &Error, path: &str) -> Response<ReplyBody> {
        let mut response = failed(record, error);
        if error.kind() == ErrorKind::MethodNotAllowed {
            response.headers_mut().insert(ALLOW, self.allowed(path));
        }
        response
    }

    /// The methods that a path answers to, as the header `Allow` lists them.
    fn allowed(&self, path: &str) -> HeaderValue {
        let names: Vec<&str> = self.methods(path).iter().map(|method| method.as_str()).collect();
        HeaderValue::try_from(format!("{}, OPTIONS", names.join(", ")))
            .unwrap_or(HeaderValue::from_static("OPTIONS"))
    }

    async fn look_up(
        &self,
        matched: &Matched,
        caller: &Caller,
        query: &str,
        dialect: Dialect,
    ) -> Result<Response<ReplyBody>, Error> {
        let model = matched.named.as_deref().unwrap_or_default();
        let is_anthropic = dialect == Dialect::Anthropic;
        match matched.endpoint {
            Endpoint::ListModels if is_anthropic => anthropic_models::list(self, caller, query).await,
            Endpoint::GetModel if is_anthropic => anthropic_models::get(self, caller, model).await,
            Endpoint::ListModels => Ok(models::list(self, caller, query).await),
            Endpoint::GetModel => models::get(self, caller, model).await,
            Endpoint::ModelInfo => Ok(models::info(self, caller, query)),
            Endpoint::ModelGroupInfo => Ok(models::group_info(self, caller, query)),
            Endpoint::Health => health(self, query).await,
            Endpoint::Liveliness => Ok(pages::liveliness(self)),
            Endpoint::Readiness => Ok(pages::readiness(self).await),
            Endpoint::ReadinessDetails => Ok(pages::details(self).await),
            Endpoint::Backlog => Ok(pages::backlog(self)),
            Endpoint::Home => Ok(pages::home(self)),
            Endpoint::Question(_) | Endpoint::Extension(_) | Endpoint::Metrics | Endpoint::Operation(_) => {
                Err(Error::new(ErrorKind::Internal, "this is no look-up"))
            }
        }
    }
}

/// What was asked: an operation's name, else method and path.
fn described(admitted: &Result<Option<(Matched, Caller)>, Error>, request: &Parts) -> Cow<'static, str> {
    if let Ok(Some((Matched { endpoint: Endpoint::Operation(operation), .. }, _))) = admitted {
        return Cow::Borrowed(operation.name());
    }
    if let Ok(Some((Matched { endpoint: Endpoint::Extension(_), route, .. }, _))) = admitted {
        // What stands in the place of its braces may be a key.
        return Cow::Owned(format!("{} {route}", request.method));
    }
    let path = endpoints::shown(request.uri.path());
    Cow::Owned(format!("{} {}", request.method, &path[..path.floor_char_boundary(PATH_BYTES_MAX)]))
}

fn settled(mut record: Box<OpenRecord>, outcome: Result<Response<ReplyBody>, Error>) -> Response<ReplyBody> {
    match outcome {
        Ok(mut response) => {
            headers::add_request(&record, response.headers_mut());
            record.status = Some(response.status());
            record.end(Outcome::Completed);
            response
        }
        Err(error) => failed(record, &error),
    }
}
