//! One request from its head to its reply: record, authenticate, apply faults, answer.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

use super::account;
use super::body::PacedBody;
use super::chat;
use super::connection::{Connection, Wire};
use super::control_plane;
use super::credential::Credential;
use super::embeddings;
use super::error::{self, Circumstances};
use super::exchange::{Exchange, RecordedRequest};
use super::identifier::stable_hash;
use super::models;
use super::reply::Reply;
use super::shape::Shape;
use super::state::{Shared, moment};

/// Everything under this path drives the simulator and is not recorded.
pub(crate) const CONTROL_PREFIX: &str = "/__sim/";
const EDGE_ID: HeaderName = HeaderName::from_static("x-vercel-id");

type ResponseBody = Either<PacedBody, Full<Bytes>>;

/// What a method and a path ask for.
#[derive(Debug, PartialEq, Eq)]
enum Endpoint {
    ChatCompletions,
    Embeddings,
    Models,
    Model(String),
    ModelEndpoints(String),
    Credits,
    Generation,
    Report,
    Unknown,
}

impl Endpoint {
    fn of(method: &Method, path: &str) -> Self {
        let get = method == Method::GET || method == Method::HEAD;
        let post = method == Method::POST;
        match path {
            "/v1/chat/completions" if post => Self::ChatCompletions,
            "/v1/embeddings" if post => Self::Embeddings,
            "/v1/models" if get => Self::Models,
            "/v1/credits" if get => Self::Credits,
            "/v1/generation" if get => Self::Generation,
            "/v1/report" if get => Self::Report,
            _ => match path.strip_prefix("/v1/models/") {
                Some(model) if get => match model.strip_suffix("/endpoints") {
                    Some(model) => Self::ModelEndpoints(model.to_owned()),
                    None => Self::Model(model.to_owned()),
                },
                _ => Self::Unknown,
            },
        }
    }

    fn is_anonymous(&self) -> bool {
        match self {
            Self::Models | Self::Model(_) | Self::ModelEndpoints(_) | Self::Unknown => true,
            Self::ChatCompletions | Self::Embeddings | Self::Credits | Self::Generation | Self::Report => {
                false
            }
        }
    }
}

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
    let id = shared.record(|id, clock| {
        let (received_at, received_ms) = moment(clock);
        RecordedRequest {
            id,
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers.clone(),
            body: Bytes::new(),
            credential: Credential::of(&parts.headers, parts.uri.path(), clock.now_seconds()),
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
    let exchange = Exchange::new(Arc::clone(&shared), id);
    let (reply, shape) = match read(body, shared.options.request_body_bytes_max).await {
        Ok(body) => answer(&shared, &exchange, &parts, &body),
        Err(error) if error.is::<LengthLimitError>() => (too_large(), Shape::default()),
        // The caller broke off inside its own body; there is nobody to answer.
        Err(_) => return Ok(deliver(invalid_end(), &Shape::default(), &shared, wire, exchange).await),
    };
    Ok(deliver(reply, &shape, &shared, wire, exchange).await)
}

async fn read(body: Incoming, bytes_max: usize) -> Result<Bytes, Box<dyn Error + Send + Sync>> {
    Ok(Limited::new(body, bytes_max).collect().await?.to_bytes())
}

#[derive(Deserialize)]
struct Named {
    model: Option<String>,
}

fn answer(shared: &Shared, exchange: &Exchange, parts: &Parts, body: &Bytes) -> (Reply, Shape) {
    let path = parts.uri.path();
    let model = serde_json::from_slice::<Named>(body).ok().and_then(|named| named.model);
    exchange.note(|request| {
        request.body = body.clone();
        request.model.clone_from(&model);
    });
    let endpoint = Endpoint::of(&parts.method, path);
    let mut state = shared.state();
    let clock = state.clock;
    let credential = Credential::of(&parts.headers, path, clock.now_seconds());
    if !endpoint.is_anonymous() && !credential.is_let_in() {
        return (error::not_authenticated(), Shape::default());
    }
    let faults = state.take_faults(path, model.as_deref());
    let (shape, instead) = Shape::of(&faults);
    if let Some(fault) = instead {
        let generation_id = state.identifiers.generation(clock.now_ms());
        let model = model.as_deref().unwrap_or_default();
        let at = Circumstances { model, generation_id: &generation_id, clock };
        if let Some(reply) = error::of_fault(fault, at) {
            return (reply, shape);
        }
    }
    let reply = match endpoint {
        Endpoint::ChatCompletions => {
            drop(state);
            return chat::complete(shared, exchange, &parts.headers, body, faults);
        }
        Endpoint::Embeddings => {
            drop(state);
            return embeddings::embed(shared, exchange, body, faults);
        }
        Endpoint::Models => models::list(&state),
        Endpoint::Model(id) => models::retrieve(&state, &id, shared.options.retrieve_models),
        Endpoint::ModelEndpoints(id) => models::endpoints(&state, &id),
        Endpoint::Credits => account::credits(&state),
        Endpoint::Generation => account::generation(&mut state, parts.uri.query().unwrap_or_default()),
        Endpoint::Report => account::report(),
        Endpoint::Unknown => error::not_found(path),
    };
    (reply, shape)
}

/// Puts a reply on its way, or waits for the caller to leave where the reply is to hang.
async fn deliver(
    reply: Reply,
    shape: &Shape,
    shared: &Shared,
    wire: Arc<Wire>,
    exchange: Exchange,
) -> Response<ResponseBody> {
    let pacing = shared.state().pacing.clone();
    let Some((steps, length)) = reply.steps(shape, &pacing) else {
        // Dropped with the connection, which also ends the exchange.
        return std::future::pending().await;
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_endpoints() {
        let get = |path| Endpoint::of(&Method::GET, path);
        assert_eq!(get("/v1/models"), Endpoint::Models);
        assert_eq!(get("/v1/models/a/b"), Endpoint::Model("a/b".to_owned()));
        assert_eq!(get("/v1/models/a/b/endpoints"), Endpoint::ModelEndpoints("a/b".to_owned()));
        assert_eq!(get("/v1/chat/completions"), Endpoint::Unknown);
        assert_eq!(Endpoint::of(&Method::POST, "/v1/completions"), Endpoint::Unknown);
    }
}
