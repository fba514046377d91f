//! One request from its head to its reply: record, authenticate, apply faults, answer.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::account;
use super::asked::Asked;
use super::body::PacedBody;
use super::call::Call;
use super::chat;
use super::connection::{Connection, Wire};
use super::control_plane;
use super::credential::{self, Credential};
use super::embeddings;
use super::endpoint::{Asks, Endpoint};
use super::error::{self, Circumstances};
use super::evaluate;
use super::exchange::{Exchange, RecordedRequest};
use super::fault::Fault;
use super::flavour::Flavour;
use super::identifier::stable_hash;
use super::images;
use super::messages;
use super::models;
use super::moderations;
use super::reply::{Delivery, Reply};
use super::report;
use super::rerank;
use super::responses;
use super::script::Script;
use super::shape::Shape;
use super::speech;
use super::state::{Shared, moment};
use super::transcriptions;

/// Everything under this path drives the simulator and is not recorded.
pub(crate) const CONTROL_PREFIX: &str = "/__sim/";
/// Where the bill is, in lines of JSON; not recorded either.
const BILL_PATH: &str = "/bill";
const EDGE_ID: HeaderName = HeaderName::from_static("x-vercel-id");

type ResponseBody = Either<PacedBody, Full<Bytes>>;

/// Serves one connection until it ends.
pub(crate) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let (connection, wire) = Connection::new(stream);
    let service = service_fn(move |request| respond(Arc::clone(&shared), Arc::clone(&wire), request));
    let served = http1::Builder::new()
        // No timer, so that tests may pause time.
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(connection), service)
        .await;
    // Every way in which a connection can end is told by its exchanges.
    drop(served);
}

async fn respond(
    shared: Arc<Shared>,
    wire: Arc<Wire>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let (parts, body) = request.into_parts();
    if parts.uri.path().starts_with(CONTROL_PREFIX) {
        let response = match read(body, shared.options.request_body_bytes_max).await {
            Ok(body) => control_plane::respond(&shared, &parts, &body).await,
            Err(_) => control_plane::unreadable(),
        };
        return Ok(response.map(Either::Right));
    }
    if parts.uri.path() == BILL_PATH {
        return Ok(control_plane::bill(&shared).map(Either::Right));
    }
    let id = shared.record(|id, clock| {
        let (received_at, received_ms) = moment(clock);
        RecordedRequest {
            id,
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers.clone(),
            body: Bytes::new(),
            credential: {
                let (flavour, path) = Flavour::of(parts.uri.path());
                Credential::of(&parts.headers, flavour, path, clock.now_seconds())
            },
            model: None,
            received_at,
            received_ms,
            status: None,
            generation_id: None,
            billed: None,
            first_byte_at: None,
            ended: None,
        }
    });
    if let Some(operation) = operation(&parts) {
        let mut state = shared.state();
        let now_ms = state.clock.now_ms();
        state.books.open(id, operation, now_ms);
    }
    let exchange = Exchange::new(Arc::clone(&shared), id);
    let (reply, shape) = match read(body, shared.options.request_body_bytes_max).await {
        Ok(body) => answer(&shared, &exchange, &parts, &body),
        Err(error) if error.is::<LengthLimitError>() => (too_large(), Shape::default()),
        // The caller broke off inside its own body; there is nobody to answer.
        Err(_) => return Ok(deliver(invalid_end(), &Shape::default(), &shared, wire, exchange).await),
    };
    let (flavour, path) = Flavour::of(parts.uri.path());
    let dialect = Endpoint::of(&parts.method, path).rules().dialect;
    let reply = dialect.refusal(reply, flavour, &request_id(&exchange));
    Ok(deliver(reply, &shape, &shared, wire, exchange).await)
}

/// What a call of a model is for; `None` if no model is to answer.
fn operation(parts: &Parts) -> Option<&'static str> {
    let (_, path) = Flavour::of(parts.uri.path());
    Endpoint::of(&parts.method, path).operation()
}

/// By which Anthropic's dialect names a request.
fn request_id(exchange: &Exchange) -> String {
    format!("req_{:016x}", stable_hash(&exchange.id().to_le_bytes()))
}

async fn read(body: Incoming, bytes_max: usize) -> Result<Bytes, Box<dyn Error + Send + Sync>> {
    Ok(Limited::new(body, bytes_max).collect().await?.to_bytes())
}

fn answer(shared: &Shared, exchange: &Exchange, parts: &Parts, body: &Bytes) -> (Reply, Shape) {
    let whole_path = parts.uri.path();
    let (flavour, path) = Flavour::of(whole_path);
    let asked = Asked::read(&parts.headers, body);
    exchange.note(|request| {
        request.body = body.clone();
        request.model.clone_from(&asked.model);
    });
    let endpoint = Endpoint::of(&parts.method, path);
    let mut state = shared.state();
    state.books.note(exchange.id(), |call| {
        call.model = asked.model.clone().unwrap_or_default();
        call.user.clone_from(&asked.user);
        call.tags.clone_from(&asked.tags);
        call.streamed = asked.streamed;
    });
    let clock = state.clock;
    let request_id = request_id(exchange);
    let rules = endpoint.rules();
    let credential = Credential::of(&parts.headers, flavour, path, clock.now_seconds());
    if rules.asks != Asks::Anybody && !credential.is_let_in() {
        return (error::not_authenticated(), Shape::default());
    }
    let model = asked.model.as_deref();
    let mut faults = state.take_faults(whole_path, rules.asks == Asks::Model, model);
    let script = match &asked.scripts {
        Some(Ok(scripts)) if rules.asks == Asks::Model => state.take_script(scripts, asked.user.as_deref()),
        Some(Err(message)) => {
            return (error::invalid_request(&format!("providerOptions.sim: {message}")), Shape::default());
        }
        _ => Script::default(),
    };
    faults.extend(script.faults.iter().cloned());
    let (shape, instead) = Shape::of(&faults);
    if let Some(fault) = instead {
        let generation_id = state.identifiers.generation(clock.now_ms());
        let model = model.unwrap_or_default();
        let at = Circumstances { model, generation_id: &generation_id, clock };
        if let Some(reply) = error::of_fault(fault, at) {
            return (reply, shape);
        }
    }
    let call = Call {
        shared,
        exchange,
        headers: &parts.headers,
        query: parts.uri.query().unwrap_or_default(),
        body,
        asked: &asked,
        script: &script,
        request_id: &request_id,
        flavour,
        account: credential::account(&parts.headers, path),
        bare_models: flavour != Flavour::Vercel || rules.of_openai_alone || state.quirks.bare_models,
    };
    drop(state);
    let reply = dispatch(&call, &endpoint, path, &mut faults);
    let reply = reply.unwrap_or_else(|reply| reply);
    (reply, Shape::of(&faults).0)
}

fn dispatch(
    call: &Call<'_>,
    endpoint: &Endpoint,
    path: &str,
    faults: &mut Vec<Fault>,
) -> Result<Reply, Reply> {
    let shared = call.shared;
    match endpoint {
        Endpoint::ChatCompletions => chat::complete(call, faults),
        Endpoint::Embeddings => embeddings::embed(call, faults),
        Endpoint::Messages => messages::create(call, faults),
        Endpoint::CountTokens => messages::count_tokens(call),
        Endpoint::Responses => responses::create(call, faults),
        Endpoint::CompactResponse => responses::compact(call, faults),
        Endpoint::ResponseInputTokens => responses::input_tokens(call),
        Endpoint::StoredResponse(what, id) => responses::stored(call, *what, id),
        Endpoint::Rerank => rerank::rerank(call, rerank::Version::One, faults),
        Endpoint::RerankV2 => rerank::rerank(call, rerank::Version::Two, faults),
        Endpoint::ImageGenerations => images::generate(call, faults),
        Endpoint::ImageEdits => images::edit(call, faults),
        Endpoint::Speech => speech::speak(call, faults),
        Endpoint::Transcriptions => transcriptions::transcribe(call, faults),
        Endpoint::Moderations => moderations::moderate(call),
        Endpoint::Evaluate => evaluate::evaluate(call, faults),
        Endpoint::Models => Ok(models::list(&shared.state(), call.flavour)),
        Endpoint::Model(id) => Ok(models::retrieve(&shared.state(), id, shared.options.retrieve_models)),
        Endpoint::ModelEndpoints(id) => Ok(models::endpoints(&shared.state(), id)),
        Endpoint::Credits => Ok(account::credits(&shared.state())),
        Endpoint::Generation => Ok(account::generation(&mut shared.state(), call.query)),
        Endpoint::Report if !shared.options.reports => Ok(account::no_reports()),
        Endpoint::Report => Ok(report::report(&shared.state(), call.query)),
        Endpoint::Unknown => Ok(error::not_found(path)),
    }
}

/// Puts a reply on its way, or waits for the caller to leave where the reply is to hang.
async fn deliver(
    mut reply: Reply,
    shape: &Shape,
    shared: &Shared,
    wire: Arc<Wire>,
    mut exchange: Exchange,
) -> Response<ResponseBody> {
    let pacing = shared.state().pacing.clone();
    let Some(Delivery { steps, length, sent }) = reply.delivery(shape, &pacing) else {
        // Dropped with the connection, which also ends the exchange.
        return std::future::pending().await;
    };
    exchange.sends(sent);
    let status = reply.status.as_u16();
    exchange.note(|request| request.status = Some(status));
    let edge_id = format!("iad1::sim-{:016x}", stable_hash(&exchange.id().to_le_bytes()));
    let mut response = reply.response(PacedBody::new(steps, length, wire, exchange));
    if let Ok(edge_id) = HeaderValue::from_str(&edge_id) {
        response.headers_mut().insert(EDGE_ID, edge_id);
    }
    response.map(Either::Left)
}

fn too_large() -> Reply {
    error::error(413, "invalid_request_error", "Request body too large", None)
}

fn invalid_end() -> Reply {
    error::error(StatusCode::BAD_REQUEST.as_u16(), "invalid_request_error", "Request body broke off", None)
}
