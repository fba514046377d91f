//! The one list of endpoints: method, path, who may call, what it does.
//!
//! WHEN ADDING AN ENDPOINT: add its row here and its line to `docs/http-api.md`; the compiler leads to the
//! match in `gateway.rs` that serves it.

use std::borrow::Cow;
use std::sync::LazyLock;

use http::{HeaderMap, Method};
use rustc_hash::FxHashMap;
use trunkline_core::{Dialect, Error, ErrorKind, Operation};

use crate::pattern::{Pattern, decoded, trimmed};

/// What an endpoint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Endpoint {
    /// Sends a call upstream.
    Operation(Operation),
    ListModels,
    GetModel,
    ModelInfo,
    ModelGroupInfo,
    /// Answers by itself what is asked in a body.
    Question(Question),
    /// Which deployments answer.
    Health,
    /// The endpoint of an extension, by its place.
    Extension(usize),
    /// What is counted.
    Metrics,
    Liveliness,
    Readiness,
    /// What the gateway depends on.
    ReadinessDetails,
    /// What is under way.
    Backlog,
    Home,
}

/// What is asked in a body and answered without a call upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    /// Where a request would go.
    Explain,
    /// What an input or a reply costs.
    CalculateSpend,
    /// How many tokens an input has.
    TokenCounter,
}

/// Who may call an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody who reaches the port.
    Public,
    /// Whoever shows a key that is good.
    Caller,
    /// Administrators, and those who may look at everything.
    Viewer,
    /// The same, or anybody, as the settings say.
    Scraper,
}

/// One row of the list. `{model}` or `{id}` stands for everything between the fixed ends, slashes included.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) endpoint: Endpoint,
    pattern: Pattern,
}

const fn get(path: &'static str, access: Access, endpoint: Endpoint) -> Row {
    Row { method: Method::GET, path, access, endpoint, pattern: Pattern::of(path) }
}

const fn post(path: &'static str, access: Access, endpoint: Endpoint) -> Row {
    Row { method: Method::POST, path, access, endpoint, pattern: Pattern::of(path) }
}

/// An operation, under the method that it has at every upstream.
const fn op(path: &'static str, operation: Operation) -> Row {
    let endpoint = Endpoint::Operation(operation);
    Row { method: operation.method(), path, access: Access::Caller, endpoint, pattern: Pattern::of(path) }
}

/// Every endpoint.
pub(crate) static ROWS: &[Row] = &[
    op("/v1/chat/completions", Operation::ChatCompletions),
    op("/chat/completions", Operation::ChatCompletions),
    op("/engines/{model}/chat/completions", Operation::ChatCompletions),
    op("/openai/deployments/{model}/chat/completions", Operation::ChatCompletions),
    op("/v1/completions", Operation::Completions),
    op("/completions", Operation::Completions),
    op("/engines/{model}/completions", Operation::Completions),
    op("/openai/deployments/{model}/completions", Operation::Completions),
    op("/v1/embeddings", Operation::Embeddings),
    op("/embeddings", Operation::Embeddings),
    op("/engines/{model}/embeddings", Operation::Embeddings),
    op("/openai/deployments/{model}/embeddings", Operation::Embeddings),
    op("/v1/responses", Operation::Responses),
    op("/responses", Operation::Responses),
    op("/openai/v1/responses", Operation::Responses),
    op("/v1/responses/compact", Operation::CompactResponse),
    op("/responses/compact", Operation::CompactResponse),
    op("/openai/v1/responses/compact", Operation::CompactResponse),
    op("/v1/responses/input_tokens", Operation::ResponseInputTokens),
    op("/responses/input_tokens", Operation::ResponseInputTokens),
    op("/openai/v1/responses/input_tokens", Operation::ResponseInputTokens),
    op("/v1/responses/{id}", Operation::RetrieveResponse),
    op("/responses/{id}", Operation::RetrieveResponse),
    op("/openai/v1/responses/{id}", Operation::RetrieveResponse),
    op("/v1/responses/{id}", Operation::DeleteResponse),
    op("/responses/{id}", Operation::DeleteResponse),
    op("/openai/v1/responses/{id}", Operation::DeleteResponse),
    op("/v1/responses/{id}/cancel", Operation::CancelResponse),
    op("/responses/{id}/cancel", Operation::CancelResponse),
    op("/openai/v1/responses/{id}/cancel", Operation::CancelResponse),
    op("/v1/responses/{id}/input_items", Operation::ListResponseInputItems),
    op("/responses/{id}/input_items", Operation::ListResponseInputItems),
    op("/openai/v1/responses/{id}/input_items", Operation::ListResponseInputItems),
    op("/v1/messages", Operation::Messages),
    op("/anthropic/v1/messages", Operation::Messages),
    op("/v1/messages/count_tokens", Operation::CountTokens),
    op("/anthropic/v1/messages/count_tokens", Operation::CountTokens),
    op("/v1/rerank", Operation::Rerank),
    op("/rerank", Operation::Rerank),
    op("/v2/rerank", Operation::RerankV2),
    op("/v1/images/generations", Operation::ImageGenerations),
    op("/images/generations", Operation::ImageGenerations),
    op("/openai/deployments/{model}/images/generations", Operation::ImageGenerations),
    op("/v1/images/edits", Operation::ImageEdits),
    op("/images/edits", Operation::ImageEdits),
    op("/openai/deployments/{model}/images/edits", Operation::ImageEdits),
    op("/v1/audio/transcriptions", Operation::Transcriptions),
    op("/audio/transcriptions", Operation::Transcriptions),
    op("/openai/deployments/{model}/audio/transcriptions", Operation::Transcriptions),
    op("/v1/audio/speech", Operation::Speech),
    op("/audio/speech", Operation::Speech),
    op("/openai/deployments/{model}/audio/speech", Operation::Speech),
    op("/v1/moderations", Operation::Moderations),
    op("/moderations", Operation::Moderations),
    op("/v1/evaluate", Operation::Evaluate),
    op("/evaluate", Operation::Evaluate),
    get("/v1/models", Access::Caller, Endpoint::ListModels),
    get("/models", Access::Caller, Endpoint::ListModels),
    get("/v1/models/{model}", Access::Caller, Endpoint::GetModel),
    get("/models/{model}", Access::Caller, Endpoint::GetModel),
    get("/v1/model/info", Access::Caller, Endpoint::ModelInfo),
    get("/model/info", Access::Caller, Endpoint::ModelInfo),
    get("/model_group/info", Access::Caller, Endpoint::ModelGroupInfo),
    post("/v1/explain", Access::Viewer, Endpoint::Question(Question::Explain)),
    post("/spend/calculate", Access::Caller, Endpoint::Question(Question::CalculateSpend)),
    post("/utils/token_counter", Access::Caller, Endpoint::Question(Question::TokenCounter)),
    get("/metrics", Access::Scraper, Endpoint::Metrics),
    get("/health", Access::Viewer, Endpoint::Health),
    get("/health/liveliness", Access::Public, Endpoint::Liveliness),
    get("/health/liveness", Access::Public, Endpoint::Liveliness),
    get("/health/readiness", Access::Public, Endpoint::Readiness),
    get("/health/readiness/details", Access::Viewer, Endpoint::ReadinessDetails),
    get("/health/backlog", Access::Viewer, Endpoint::Backlog),
    get("/", Access::Public, Endpoint::Home),
];

/// An endpoint that a request meant, with the model or the id that its path named.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Matched {
    pub(crate) endpoint: Endpoint,
    pub(crate) access: Access,
    /// The path of its row.
    pub(crate) route: &'static str,
    pub(crate) named: Option<String>,
}

impl Matched {
    /// The path of its row, if it sends a call upstream.
    pub(crate) fn route_of_operation(&self) -> Option<&'static str> {
        matches!(self.endpoint, Endpoint::Operation(_)).then_some(self.route)
    }
}

/// Whose client asks, as far as path and headers tell: all that it is told is in this dialect, refusals of paths and
/// methods that there are not included.
///
/// `found` is what [`find`] found for it.
pub(crate) fn dialect(found: &Result<Matched, Error>, path: &str, headers: &HeaderMap) -> Dialect {
    if let Ok(Matched { endpoint: Endpoint::Operation(operation), .. }) = found {
        return operation.dialect();
    }
    let path = trimmed(path);
    let of_operation = ROWS.iter().find_map(|row| {
        let Endpoint::Operation(operation) = row.endpoint else { return None };
        row.pattern.matches(path).map(|_| operation.dialect())
    });
    // Only Anthropic's clients send the header, for models as for what is not served.
    let is_anthropic = || {
        ["/v1/messages/", "/anthropic/"].iter().any(|start| path.starts_with(start))
            || headers.contains_key("anthropic-version")
    };
    of_operation.unwrap_or_else(|| if is_anthropic() { Dialect::Anthropic } else { Dialect::OpenAi })
}

/// Finds the endpoint for a method and a path. `HEAD` is answered as `GET`; one slash at the end is let pass.
///
/// # Errors
///
/// `NotFound`, or `MethodNotAllowed` where the path has other methods; [`methods`] names them.
pub(crate) fn find(method: &Method, path: &str) -> Result<Matched, Error> {
    let path = trimmed(path);
    let method = if method == Method::HEAD { &Method::GET } else { method };
    if let Some(row) = FIXED.get(path).and_then(|rows| rows.iter().find(|row| row.method == method)) {
        return Ok(Matched { endpoint: row.endpoint, access: row.access, route: row.path, named: None });
    }
    let mut best: Option<(&'static Row, Option<&str>)> = None;
    for row in ROWS.iter().filter(|row| !row.pattern.is_fixed() && row.method == method) {
        let Some(named) = row.pattern.matches(path) else {
            continue;
        };
        // The row that fixes the most wins: `/engines/x/chat/completions` is no engine `x/chat`.
        if best.is_none_or(|(other, _)| row.path.len() > other.path.len()) {
            best = Some((row, named));
        }
    }
    let Some((row, named)) = best else {
        return Err(not_found(method, path));
    };
    Ok(Matched { endpoint: row.endpoint, access: row.access, route: row.path, named: named.map(decoded) })
}

/// The rows whose paths name nothing, by path: most requests are for one of these.
static FIXED: LazyLock<FxHashMap<&str, Vec<&'static Row>>> = LazyLock::new(|| {
    let mut fixed: FxHashMap<&str, Vec<&'static Row>> = FxHashMap::default();
    for row in ROWS.iter().filter(|row| row.pattern.is_fixed()) {
        fixed.entry(row.path).or_default().push(row);
    }
    fixed
});

/// The methods that a path answers to.
pub(crate) fn methods(path: &str) -> Vec<&'static Method> {
    let mut methods: Vec<&Method> = Vec::new();
    for row in ROWS.iter().filter(|row| row.pattern.matches(trimmed(path)).is_some()) {
        if !methods.contains(&&row.method) {
            methods.push(&row.method);
        }
    }
    if methods.contains(&&Method::GET) {
        methods.push(&Method::HEAD);
    }
    methods
}

/// A path as it may be logged and told: what looks like a key is left out of it.
pub(crate) fn shown(path: &str) -> Cow<'_, str> {
    const KEY_START: &str = "sk-";
    if !path.contains(KEY_START) {
        return Cow::Borrowed(path);
    }
    let piece = |piece: &str| match piece.find(KEY_START) {
        Some(at) => format!("{}…", &piece[..at + KEY_START.len()]),
        None => piece.to_owned(),
    };
    Cow::Owned(path.split('/').map(piece).collect::<Vec<_>>().join("/"))
}

fn not_found(method: &Method, path: &str) -> Error {
    let allowed = methods(path);
    let path = shown(path);
    if allowed.is_empty() {
        let message = format!("there is no endpoint {path}; GET / lists those that there are");
        return Error::new(ErrorKind::NotFound, message);
    }
    let allowed: Vec<&str> = allowed.iter().map(|method| method.as_str()).collect();
    let message = format!("{path} does not answer to {method}; it answers to {}", allowed.join(", "));
    Error::new(ErrorKind::MethodNotAllowed, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &Method, path: &str, expected: Result<(Endpoint, Option<&str>), ErrorKind>) {
        let found = find(method, path).map_err(|error| error.kind());
        let expected = expected.map(|(endpoint, model)| (endpoint, model.map(str::to_owned)));
        assert_eq!(found.map(|matched| (matched.endpoint, matched.named)), expected, "{method} {path}");
    }

    #[test]
    fn a_model_is_everything_between_the_fixed_ends() {
        let chat = Endpoint::Operation(Operation::ChatCompletions);
        let deep = "/engines/vercel_ai_gateway/openai/gpt-4o/chat/completions";
        check(&Method::POST, deep, Ok((chat, Some("vercel_ai_gateway/openai/gpt-4o"))));
        check(&Method::POST, "/openai/deployments/gpt-4o/chat/completions", Ok((chat, Some("gpt-4o"))));
        check(&Method::GET, "/v1/models/openai/gpt-4o", Ok((Endpoint::GetModel, Some("openai/gpt-4o"))));
        check(&Method::GET, "/v1/models/openai%2Fgpt-4o", Ok((Endpoint::GetModel, Some("openai/gpt-4o"))));
        let text = Endpoint::Operation(Operation::Completions);
        check(&Method::POST, "/engines/gpt-4o/completions", Ok((text, Some("gpt-4o"))));
    }

    #[test]
    fn an_id_is_everything_behind_the_responses() {
        let cancel = Endpoint::Operation(Operation::CancelResponse);
        check(&Method::POST, "/v1/responses/resp_1/cancel", Ok((cancel, Some("resp_1"))));
        let items = Endpoint::Operation(Operation::ListResponseInputItems);
        check(&Method::GET, "/openai/v1/responses/resp_1/input_items", Ok((items, Some("resp_1"))));
        let delete = Endpoint::Operation(Operation::DeleteResponse);
        check(&Method::DELETE, "/responses/resp_1", Ok((delete, Some("resp_1"))));
        let compact = Endpoint::Operation(Operation::CompactResponse);
        check(&Method::POST, "/v1/responses/compact", Ok((compact, None)));
        check(&Method::PUT, "/v1/responses/resp_1", Err(ErrorKind::MethodNotAllowed));
    }

    #[test]
    fn the_same_with_and_without_v1_and_a_slash() {
        let chat = Endpoint::Operation(Operation::ChatCompletions);
        for path in ["/v1/chat/completions", "/chat/completions", "/v1/chat/completions/"] {
            check(&Method::POST, path, Ok((chat, None)));
        }
        check(&Method::GET, "/v1/models/", Ok((Endpoint::ListModels, None)));
        check(&Method::HEAD, "/", Ok((Endpoint::Home, None)));
    }

    #[test]
    fn a_key_in_a_path_is_not_told() {
        assert_eq!(shown("/v1/models"), "/v1/models");
        assert_eq!(shown("/key/sk-abc/regenerat"), "/key/sk-…/regenerat");
        let error = find(&Method::POST, "/key/x%20sk-abc").expect_err("there is none");
        assert!(!error.message().contains("abc"), "{error}");
    }

    #[test]
    fn a_path_tells_whose_client_asks() {
        let plain = HeaderMap::new();
        let mut anthropic = HeaderMap::new();
        anthropic.insert("anthropic-version", http::HeaderValue::from_static("2023-06-01"));
        for (path, headers, expected) in [
            ("/v1/chat/completions", &anthropic, Dialect::OpenAi),
            ("/v1/messages", &plain, Dialect::Anthropic),
            ("/v1/messages/batches", &plain, Dialect::Anthropic),
            ("/anthropic/v1/files", &plain, Dialect::Anthropic),
            ("/v1/models", &plain, Dialect::OpenAi),
            ("/v1/models", &anthropic, Dialect::Anthropic),
            ("/v2/rerank", &plain, Dialect::Cohere),
            ("/v1/responses/resp_1/cancel", &plain, Dialect::Responses),
            ("/v2/nothing", &plain, Dialect::OpenAi),
        ] {
            assert_eq!(dialect(&find(&Method::PUT, path), path, headers), expected, "{path}");
            let found = find(&Method::POST, path);
            assert_eq!(dialect(&found, path, headers), expected, "{path}");
        }
    }

    #[test]
    fn what_is_not_there_is_said_so() {
        check(&Method::GET, "/v1/chat/completions", Err(ErrorKind::MethodNotAllowed));
        check(&Method::POST, "/v2/nothing", Err(ErrorKind::NotFound));
        check(&Method::POST, "/engines//chat/completions", Err(ErrorKind::NotFound));
    }
}
