//! The codec for Anthropic, and for whoever serves its API at another base.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use trunkline_core::{Call, Environment, Error, ModelInfo, Operation, Secret, Segments};
use trunkline_provider::{Capabilities, Codec, Decode, EncodeContext, Failure};

use crate::credential::{AUTH_TOKEN, BASE};
use crate::wire;
use crate::wire::Authentication;

/// The variables that name another base, the first that is set.
const BASE_VARIABLES: [&str; 2] = ["ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"];
const OPERATIONS: &[Operation] = &[Operation::Messages, Operation::CountTokens];

/// Speaks to Anthropic.
#[derive(Clone, Debug)]
pub struct AnthropicCodec {
    base: String,
    /// The token that goes as a bearer token, though its look does not say so.
    auth_token: Option<Secret>,
}

impl AnthropicCodec {
    /// A codec at the base URL that a variable names, else at Anthropic's own.
    pub fn new(environment: &Environment) -> Self {
        let named = BASE_VARIABLES.iter().find_map(|name| environment.get(name));
        Self { base: named.unwrap_or(BASE).trim().to_owned(), auth_token: environment.secret(AUTH_TOKEN) }
    }

    /// The base URL of deployments that name none.
    pub fn base(&self) -> &str {
        &self.base
    }

    fn base_of<'a>(&'a self, context: &EncodeContext<'a>) -> &'a str {
        context.target.api_base.as_deref().unwrap_or(&self.base)
    }

    fn authentication(&self, credential: Option<&Secret>) -> Authentication {
        let Some(credential) = credential else {
            return Authentication::ApiKey;
        };
        let is_token = self.auth_token.as_ref().is_some_and(|token| token.matches(credential.expose()));
        match Authentication::of(credential) {
            Authentication::ApiKey if is_token => Authentication::Bearer,
            other => other,
        }
    }
}

impl Codec for AnthropicCodec {
    fn name(&self) -> &str {
        "anthropic"
    }

    fn capabilities(&self, _model: &str) -> Capabilities {
        Capabilities { operations: OPERATIONS, streaming: true, reports_usage: true, reports_cost: false }
    }

    fn encode(&self, call: &Call, context: &EncodeContext<'_>) -> Result<Request<Segments>, Error> {
        wire::encode(call, self.base_of(context), context, self.authentication(context.credential))
    }

    fn decoder(&self, operation: Operation, _streaming: bool) -> Decode {
        Decode::Verbatim(Box::new(wire::MessagesProbe::new(operation)))
    }

    fn classify(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        wire::classify(status, headers, body)
    }

    fn encode_models(&self, context: &EncodeContext<'_>) -> Result<Option<Request<Segments>>, Error> {
        let authentication = self.authentication(context.credential);
        wire::encode_models(self.base_of(context), context, authentication).map(Some)
    }

    fn decode_models(&self, body: Bytes) -> Result<Vec<ModelInfo>, Error> {
        wire::models(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_core::Document;
    use trunkline_provider::Target;

    fn encode(environment: &[(&str, &str)], target: &Target, credential: Option<&str>) -> Request<Segments> {
        let codec = AnthropicCodec::new(&environment.iter().copied().collect());
        let document = Document::parse(r#"{"model":"x","messages":[]}"#).expect("a document");
        let call = Call::new(Operation::Messages, "claude-x", document);
        let credential = credential.map(Secret::new);
        let context = EncodeContext { target, credential: credential.as_ref() };
        codec.encode(&call, &context).expect("a request")
    }

    #[test]
    fn the_base_is_the_deployment_s_then_the_variable_s_then_anthropic_s() {
        let check = |environment: &[(&str, &str)], api_base: Option<&str>, expected: &str| {
            let target = Target { api_base: api_base.map(str::to_owned), ..Target::default() };
            assert_eq!(encode(environment, &target, None).uri().to_string(), expected);
        };
        let variables = &[
            ("ANTHROPIC_BASE_URL", "https://second.example/v1"),
            ("ANTHROPIC_API_BASE", "https://first.example"),
        ];
        check(&[], None, "https://api.anthropic.com/v1/messages");
        check(variables, None, "https://first.example/v1/messages");
        check(&variables[..1], None, "https://second.example/v1/messages");
        check(variables, Some("http://localhost:8080"), "http://localhost:8080/v1/messages");
    }

    #[test]
    fn how_each_credential_goes() {
        let token = [("ANTHROPIC_AUTH_TOKEN", "a-token")];
        let shown = |credential| {
            let request = encode(&token, &Target::default(), Some(credential));
            ["x-api-key", "authorization", "anthropic-beta"].map(|name| {
                let value = request.headers().get(name)?;
                Some(value.to_str().expect("a text").to_owned())
            })
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(shown("sk-ant-api03-x"), [some("sk-ant-api03-x"), None, None]);
        assert_eq!(shown("a-token"), [None, some("Bearer a-token"), None]);
        assert_eq!(shown("sk-ant-oat01-x"), [None, some("Bearer sk-ant-oat01-x"), some("oauth-2025-04-20")]);
    }
}
