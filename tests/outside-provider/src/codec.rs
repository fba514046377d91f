//! The codec: what Trunkline asks of a provider with an HTTP API.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use serde_json::Value;
use trunkline_core::{Call, Error, ErrorKind, ModelInfo, Operation, Segments};
use trunkline_provider::{Capabilities, Codec, Decode, EncodeContext, Failure};

use crate::question::question;
use crate::reply::CarillonDecoder;
use crate::{API_BASE, PREFIX, failure};

/// Speaks Carillon's wire format.
#[derive(Clone, Copy, Debug)]
pub struct CarillonCodec;

impl Codec for CarillonCodec {
    fn name(&self) -> &str {
        PREFIX
    }

    fn capabilities(&self, _model: &str) -> Capabilities {
        Capabilities {
            operations: &[Operation::ChatCompletions],
            streaming: true,
            reports_usage: true,
            reports_cost: false,
        }
    }

    fn encode(&self, call: &Call, context: &EncodeContext<'_>) -> Result<Request<Segments>, Error> {
        let body = question(call)?;
        request(Method::POST, "answers", call.headers.clone(), body, context)
    }

    fn decoder(&self, _operation: Operation, _streaming: bool) -> Decode {
        Decode::With(Box::<CarillonDecoder>::default())
    }

    fn classify(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        failure::classify(status, headers, body)
    }

    fn encode_models(&self, context: &EncodeContext<'_>) -> Result<Option<Request<Segments>>, Error> {
        request(Method::GET, "bells", HeaderMap::new(), Bytes::new(), context).map(Some)
    }

    fn decode_models(&self, body: Bytes) -> Result<Vec<ModelInfo>, Error> {
        let bells = serde_json::from_slice::<Value>(&body).ok();
        let Some(bells) = bells.as_ref().and_then(|list| list["bells"].as_array()) else {
            let message = "carillon's list of models is none";
            return Err(Error::new(ErrorKind::UpstreamProtocol, message).having_reached_upstream());
        };
        // A row of which only the name can be read is still a model that can be called.
        let model = |bell: &Value| {
            Some(ModelInfo {
                id: bell["name"].as_str()?.to_owned(),
                name: bell["title"].as_str().map(str::to_owned),
                context_window: bell["window"].as_u64(),
                ..ModelInfo::default()
            })
        };
        Ok(bells.iter().filter_map(model).collect())
    }
}

/// A request below the base that the deployment names, with its credential and its headers, which win over those
/// of the caller.
fn request(
    method: Method,
    path: &str,
    mut headers: HeaderMap,
    body: Bytes,
    context: &EncodeContext<'_>,
) -> Result<Request<Segments>, Error> {
    let base = context.target.api_base.as_deref().unwrap_or(API_BASE).trim_end_matches('/');
    let uri = Uri::try_from(format!("{base}/{path}")).map_err(|error| {
        Error::new(ErrorKind::Configuration, "the api_base of this deployment is no URL").with_source(error)
    })?;
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.remove(AUTHORIZATION);
    if let Some(credential) = context.credential {
        // `bearer` marks the value as sensitive, so that no log of headers shows it.
        let bearer = credential.bearer().ok_or_else(|| {
            Error::new(ErrorKind::CredentialUnusable, "the api_key of this deployment fits no header")
        })?;
        headers.insert(AUTHORIZATION, bearer);
    }
    for (name, value) in &context.target.extra_headers {
        headers.insert(name, value.clone());
    }
    let mut request = Request::new(Segments::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}
