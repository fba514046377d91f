//! The gateway's wire: requests written as OpenAI's are, whatever their dialect, with what is Vercel's own.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use trunkline_core::{Call, Dialect, Environment, Error, ModelInfo, Operation, Segments};
use trunkline_openai::wire;
use trunkline_provider::{Capabilities, Codec, Decode, EncodeContext, Failure, Target};

use crate::attribution::Attribution;
use crate::billing::{generation_id, id_of_event};
use crate::failure::{self, Blame};
use crate::probe::VercelProbe;
use crate::{API_BASE, PREFIX};

const OPERATIONS: &[Operation] = &[
    Operation::ChatCompletions,
    Operation::Embeddings,
    Operation::Responses,
    Operation::CompactResponse,
    Operation::Messages,
    Operation::CountTokens,
    Operation::Rerank,
    Operation::RerankV2,
    Operation::ImageGenerations,
    Operation::ImageEdits,
    Operation::Evaluate,
];

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
const ANTHROPIC_VERSION_DEFAULT: HeaderValue = HeaderValue::from_static("2023-06-01");

/// Writes calls as the gateway takes them, and reads what comes back.
#[derive(Clone, Debug)]
pub struct VercelCodec {
    api_base: String,
    attribution: Attribution,
    blame: Blame,
}

impl VercelCodec {
    /// A codec with the address and the application's name that the environment gives.
    pub fn new(environment: &Environment) -> Self {
        Self {
            api_base: with_version(environment.get("VERCEL_AI_GATEWAY_API_BASE").unwrap_or(API_BASE))
                .into_owned(),
            attribution: Attribution::of(environment),
            blame: Blame::Credential,
        }
    }

    /// The same for calls that bring credentials or a quota of their own: no refusal counts against the
    /// deployment's.
    pub(crate) fn blaming_nobody(&self) -> Self {
        Self { blame: Blame::Nobody, ..self.clone() }
    }

    /// The base below which every operation has its path.
    pub(crate) fn base<'a>(&'a self, target: &'a Target) -> Cow<'a, str> {
        target.api_base.as_deref().map_or(Cow::Borrowed(&self.api_base), with_version)
    }
}

/// What Messages want besides: a version. The credential goes as in every other dialect, and no other beside it.
fn complete_for_messages(headers: &mut HeaderMap, target: &Target) {
    headers.entry(ANTHROPIC_VERSION).or_insert(ANTHROPIC_VERSION_DEFAULT);
    if !target.extra_headers.contains_key(API_KEY) {
        // The allow-list has no such header. If it ever had, a caller's key to us would go upstream.
        headers.remove(API_KEY);
    }
}

/// The base with `/v1` behind it where it is an origin alone, as clients of Anthropic and of Cohere are given it.
fn with_version(base: &str) -> Cow<'_, str> {
    let base = base.trim();
    let origin = base.trim_end_matches('/');
    match origin.split_once("://") {
        Some((_, host)) if !host.is_empty() && !host.contains(['/', '?']) => {
            Cow::Owned(format!("{origin}/v1"))
        }
        Some(_) | None => Cow::Borrowed(base),
    }
}

impl Codec for VercelCodec {
    fn name(&self) -> &str {
        PREFIX
    }

    fn capabilities(&self, _: &str) -> Capabilities {
        Capabilities { operations: OPERATIONS, streaming: true, reports_usage: true, reports_cost: true }
    }

    fn encode(&self, call: &Call, context: &EncodeContext<'_>) -> Result<Request<Segments>, Error> {
        let mut request = wire::encode(call, &self.base(context.target), context)?;
        if call.operation.dialect() == Dialect::Anthropic {
            complete_for_messages(request.headers_mut(), context.target);
        }
        self.attribution.complete(request.headers_mut());
        Ok(request)
    }

    fn decoder(&self, operation: Operation, _streaming: bool) -> Decode {
        Decode::Verbatim(Box::new(VercelProbe::new(operation, self.blame)))
    }

    fn generation_id_of_part(&self, beginning: &[u8]) -> Option<String> {
        id_of_event(beginning).and_then(generation_id)
    }

    fn classify(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        failure::classify(status, headers, body, self.blame)
    }

    /// The list is open to everybody; no credential is shown for it, not even one among a deployment's headers.
    fn encode_models(&self, context: &EncodeContext<'_>) -> Result<Option<Request<Segments>>, Error> {
        let anonymous = EncodeContext { credential: None, ..*context };
        let mut request = wire::encode_models(&self.base(context.target), &anonymous)?;
        for credential in [AUTHORIZATION, API_KEY] {
            request.headers_mut().remove(credential);
        }
        self.attribution.complete(request.headers_mut());
        Ok(Some(request))
    }

    fn decode_models(&self, body: Bytes) -> Result<Vec<ModelInfo>, Error> {
        wire::models(body)
    }
}

#[cfg(test)]
mod tests;
