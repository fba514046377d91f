//! The one list of endpoints: method, path, who may call, what it does.
//!
//! WHEN ADDING AN ENDPOINT: add its row here and its line to `docs/http-api.md`; the compiler leads to the
//! match in `gateway.rs` that serves it.

use http::Method;
use percent_encoding::percent_decode_str;
use trunkline_core::{Error, ErrorKind, Operation};

/// What an endpoint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Endpoint {
    /// Sends a call upstream.
    Operation(Operation),
    ListModels,
    GetModel,
    ModelInfo,
    ModelGroupInfo,
    Liveliness,
    Readiness,
    Home,
}

/// Who may call an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody who reaches the port.
    Public,
    /// Whoever shows a key that is good.
    Caller,
}

/// One row of the list. `{model}` stands for everything between the fixed ends, slashes included.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) endpoint: Endpoint,
}

const fn get(path: &'static str, access: Access, endpoint: Endpoint) -> Row {
    Row { method: Method::GET, path, access, endpoint }
}

const fn post(path: &'static str, operation: Operation) -> Row {
    Row { method: Method::POST, path, access: Access::Caller, endpoint: Endpoint::Operation(operation) }
}

/// Every endpoint.
pub(crate) static ROWS: &[Row] = &[
    post("/v1/chat/completions", Operation::ChatCompletions),
    post("/chat/completions", Operation::ChatCompletions),
    post("/engines/{model}/chat/completions", Operation::ChatCompletions),
    post("/openai/deployments/{model}/chat/completions", Operation::ChatCompletions),
    post("/v1/completions", Operation::Completions),
    post("/completions", Operation::Completions),
    post("/engines/{model}/completions", Operation::Completions),
    post("/openai/deployments/{model}/completions", Operation::Completions),
    post("/v1/embeddings", Operation::Embeddings),
    post("/embeddings", Operation::Embeddings),
    post("/engines/{model}/embeddings", Operation::Embeddings),
    post("/openai/deployments/{model}/embeddings", Operation::Embeddings),
    get("/v1/models", Access::Caller, Endpoint::ListModels),
    get("/models", Access::Caller, Endpoint::ListModels),
    get("/v1/models/{model}", Access::Caller, Endpoint::GetModel),
    get("/models/{model}", Access::Caller, Endpoint::GetModel),
    get("/v1/model/info", Access::Caller, Endpoint::ModelInfo),
    get("/model/info", Access::Caller, Endpoint::ModelInfo),
    get("/model_group/info", Access::Caller, Endpoint::ModelGroupInfo),
    get("/health/liveliness", Access::Public, Endpoint::Liveliness),
    get("/health/liveness", Access::Public, Endpoint::Liveliness),
    get("/health/readiness", Access::Public, Endpoint::Readiness),
    get("/", Access::Public, Endpoint::Home),
];

/// An endpoint that a request meant, with the model that its path named.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Matched {
    pub(crate) endpoint: Endpoint,
    pub(crate) access: Access,
    pub(crate) model: Option<String>,
}

/// Finds the endpoint for a method and a path. `HEAD` is answered as `GET`; one slash at the end is let pass.
///
/// # Errors
///
/// `NotFound`, or `MethodNotAllowed` where the path has other methods; [`methods`] names them.
pub(crate) fn find(method: &Method, path: &str) -> Result<Matched, Error> {
    let path = trimmed(path);
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let mut best: Option<(&Row, Option<&str>)> = None;
    for row in ROWS.iter().filter(|row| row.method == method) {
        let Some(model) = matches(row.path, path) else {
            continue;
        };
        // The row that fixes the most wins: `/engines/x/chat/completions` is no engine `x/chat`.
        if best.is_none_or(|(other, _)| row.path.len() > other.path.len()) {
            best = Some((row, model));
        }
    }
    let Some((row, model)) = best else {
        return Err(not_found(method, path));
    };
    let model = model.map(|model| percent_decode_str(model).decode_utf8_lossy().into_owned());
    Ok(Matched { endpoint: row.endpoint, access: row.access, model })
}

/// The methods that a path answers to.
pub(crate) fn methods(path: &str) -> Vec<&'static Method> {
    let mut methods: Vec<&Method> = Vec::new();
    for row in ROWS.iter().filter(|row| matches(row.path, trimmed(path)).is_some()) {
        if !methods.contains(&&row.method) {
            methods.push(&row.method);
        }
    }
    if methods.contains(&&Method::GET) {
        methods.push(&Method::HEAD);
    }
    methods
}

fn trimmed(path: &str) -> &str {
    path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path)
}

/// Whether a row's path is meant; the inner option is the text that stands for `{model}`.
fn matches<'p>(row: &str, path: &'p str) -> Option<Option<&'p str>> {
    let Some((before, after)) = row.split_once("{model}") else {
        return (row == path).then_some(None);
    };
    let model = path.strip_prefix(before)?.strip_suffix(after)?;
    (!model.is_empty() && !model.starts_with('/')).then_some(Some(model))
}

fn not_found(method: &Method, path: &str) -> Error {
    let allowed = methods(path);
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
        assert_eq!(found.map(|matched| (matched.endpoint, matched.model)), expected, "{method} {path}");
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
    fn the_same_with_and_without_v1_and_a_slash() {
        let chat = Endpoint::Operation(Operation::ChatCompletions);
        for path in ["/v1/chat/completions", "/chat/completions", "/v1/chat/completions/"] {
            check(&Method::POST, path, Ok((chat, None)));
        }
        check(&Method::GET, "/v1/models/", Ok((Endpoint::ListModels, None)));
        check(&Method::HEAD, "/", Ok((Endpoint::Home, None)));
    }

    #[test]
    fn what_is_not_there_is_said_so() {
        check(&Method::GET, "/v1/chat/completions", Err(ErrorKind::MethodNotAllowed));
        check(&Method::POST, "/v2/nothing", Err(ErrorKind::NotFound));
        check(&Method::POST, "/engines//chat/completions", Err(ErrorKind::NotFound));
    }
}
