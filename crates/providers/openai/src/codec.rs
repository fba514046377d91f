//! The codec for OpenAI and for every vendor that speaks its wire format.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use trunkline_core::{Call, Dialect, Environment, Error, ModelInfo, Operation, Segments};
use trunkline_provider::{Capabilities, Codec, Decode, EncodeContext, Failure, Target};

use crate::vendor::{Quirk, Vendor};
use crate::wire;
use crate::wire::StreamOptions;

/// Speaks to one vendor.
#[derive(Clone, Debug)]
pub struct OpenAiCodec {
    vendor: &'static Vendor,
    base: String,
}

impl OpenAiCodec {
    /// A codec for a vendor, at the base URL that a variable names, else at the vendor's own.
    pub fn new(vendor: &'static Vendor, environment: &Environment) -> Self {
        let named = vendor.base_variables.iter().find_map(|name| environment.get(name));
        Self { vendor, base: named.unwrap_or(vendor.base).trim().to_owned() }
    }

    /// The base URL of deployments that name none.
    pub fn base(&self) -> &str {
        &self.base
    }

    fn base_of<'a>(&'a self, target: &'a Target) -> Cow<'a, str> {
        let base = target.api_base.as_deref().unwrap_or(&self.base);
        if self.vendor.has(Quirk::BaseWithoutVersion) && has_no_path(base) {
            return Cow::Owned(format!("{}/v1", base.trim_end_matches('/')));
        }
        Cow::Borrowed(base)
    }
}

/// Whether a URL is an origin alone: `http://localhost:11434/`.
fn has_no_path(base: &str) -> bool {
    base.split_once("://").is_some_and(|(_, rest)| !rest.trim_end_matches('/').contains(['/', '?']))
}

impl Codec for OpenAiCodec {
    #[expect(
        clippy::misnamed_getters,
        reason = "the prefix is what models, logs and errors know a provider by"
    )]
    fn name(&self) -> &str {
        self.vendor.prefix
    }

    fn capabilities(&self, _model: &str) -> Capabilities {
        Capabilities {
            operations: self.vendor.operations,
            streaming: true,
            reports_usage: true,
            reports_cost: self.vendor.has(Quirk::ReportsCost),
        }
    }

    fn encode(&self, call: &Call, context: &EncodeContext<'_>) -> Result<Request<Segments>, Error> {
        let stream_options = if self.vendor.has(Quirk::NoStreamOptions) {
            StreamOptions::Remove
        } else {
            StreamOptions::AskForUsage
        };
        wire::encode_with(call, &self.base_of(context.target), context, stream_options)
    }

    fn decoder(&self, operation: Operation, _streaming: bool) -> Decode {
        let reads_cost = self.vendor.has(Quirk::ReportsCost);
        Decode::Verbatim(match operation.dialect() {
            Dialect::Responses => {
                let probe = wire::ResponsesProbe::new(operation);
                Box::new(if reads_cost { probe.reading_cost() } else { probe })
            }
            // No vendor here has an operation of Anthropic's.
            Dialect::OpenAi | Dialect::Cohere | Dialect::Anthropic => {
                let probe = wire::Probe::new(operation);
                Box::new(if reads_cost { probe.reading_cost() } else { probe })
            }
        })
    }

    fn classify(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        wire::classify(status, headers, body)
    }

    fn encode_models(&self, context: &EncodeContext<'_>) -> Result<Option<Request<Segments>>, Error> {
        wire::encode_models(&self.base_of(context.target), context).map(Some)
    }

    fn decode_models(&self, body: Bytes) -> Result<Vec<ModelInfo>, Error> {
        wire::models(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VENDORS;
    use trunkline_core::Document;
    use trunkline_provider::Sight;

    fn codec(prefix: &str, environment: &[(&str, &str)]) -> OpenAiCodec {
        let vendor = VENDORS.iter().find(|vendor| vendor.prefix == prefix).expect("a known vendor");
        OpenAiCodec::new(vendor, &environment.iter().copied().collect())
    }

    fn encode(codec: &OpenAiCodec, api_base: Option<&str>) -> (String, Bytes) {
        let body = r#"{"model":"x","stream":true,"messages":[]}"#;
        let document = Document::parse(body).expect("a document");
        let call = Call::new(Operation::ChatCompletions, "m", document);
        let target = Target { api_base: api_base.map(str::to_owned), ..Target::default() };
        let context = EncodeContext { target: &target, credential: None };
        let request = codec.encode(&call, &context).expect("a request");
        (request.uri().to_string(), request.into_body().into_bytes())
    }

    #[test]
    fn the_base_is_the_deployment_s_then_the_variable_s_then_the_vendor_s() {
        let check = |environment: &[(&str, &str)], api_base, expected: &str| {
            let (uri, _) = encode(&codec("openai", environment), api_base);
            assert_eq!(uri, format!("{expected}/chat/completions"));
        };
        let variables = &[
            ("OPENAI_API_BASE", "https://second.example/v1"),
            ("OPENAI_BASE_URL", "https://first.example/v1"),
        ];
        check(&[], None, "https://api.openai.com/v1");
        check(variables, None, "https://first.example/v1");
        check(&variables[..1], None, "https://second.example/v1");
        check(variables, Some("http://localhost:8080/v1"), "http://localhost:8080/v1");
    }

    #[test]
    fn ollama_s_base_gets_its_version() {
        let check = |api_base, expected: &str| {
            let (uri, _) = encode(&codec("ollama", &[]), Some(api_base));
            assert_eq!(uri, expected);
        };
        let expected = "http://localhost:11434/v1/chat/completions";
        check("http://localhost:11434", expected);
        check("http://localhost:11434/", expected);
        check("http://localhost:11434/v1", expected);
        check("http://proxy.example/ollama/v1", "http://proxy.example/ollama/v1/chat/completions");
    }

    #[test]
    fn mistral_is_not_asked_for_usage() {
        let (_, body) = encode(&codec("mistral", &[]), None);
        assert_eq!(body, r#"{"model":"m","stream":true,"messages":[]}"#);
        let (_, body) = encode(&codec("openai", &[]), None);
        assert_eq!(
            body,
            r#"{"model":"m","stream":true,"messages":[],"stream_options":{"include_usage":true}}"#
        );
    }

    #[test]
    fn openrouter_s_bill_is_read_and_openai_s_is_not() {
        let event =
            br#"{"id":"g","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"cost":0.95}}"#;
        let spend = |prefix: &str| {
            let Decode::Verbatim(mut probe) = codec(prefix, &[]).decoder(Operation::ChatCompletions, true)
            else {
                panic!("the dialect is the caller's");
            };
            let Sight::Observed(seen) = probe.event(event) else {
                panic!("there is usage");
            };
            seen.cost.and_then(|cost| cost.spend()).map(|spend| spend.to_string())
        };
        assert_eq!(spend("openrouter").as_deref(), Some("0.95"));
        assert_eq!(spend("openai"), None);
        assert!(codec("openrouter", &[]).capabilities("m").reports_cost);
    }
}
