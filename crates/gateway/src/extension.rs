//! Endpoints that another crate adds to the gateway: the management of keys.

use std::fmt;

use async_trait::async_trait;
use http::{Method, StatusCode};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use trunkline_core::{Error, ErrorKind};
use trunkline_keys::RouteGroup;

use crate::authentication::Caller;
use crate::endpoints::shown;
use crate::pattern::{Pattern, trimmed};

/// One endpoint of an extension. Whoever calls it has shown a key that is good, and that may call endpoints of the group;
/// what its role allows is the extension's to say.
#[derive(Clone, Debug)]
pub struct ExtensionRow {
    /// The method.
    pub method: Method,
    /// The path; `{…}` stands for everything between the fixed ends.
    pub path: &'static str,
    /// What it belongs to.
    pub group: RouteGroup,
}

/// A request for an endpoint of an extension.
#[derive(Debug)]
pub struct ExtensionRequest<'r> {
    /// The place of the endpoint among the extension's rows.
    pub row: usize,
    /// What stands for `{…}` in the path.
    pub named: Option<String>,
    /// What stands behind the `?`, as it came.
    pub query: &'r str,
    /// The body, a JSON object. Empty where there is none.
    pub body: Map<String, Value>,
    /// Who asks.
    pub caller: &'r Caller,
}

/// Endpoints of another crate.
#[async_trait]
pub trait Extension: fmt::Debug + Send + Sync + 'static {
    /// The endpoints, always the same.
    fn rows(&self) -> &[ExtensionRow];

    /// Answers one request with a status and a body.
    ///
    /// # Errors
    ///
    /// Whatever the endpoint refuses: the gateway makes the reply of it.
    async fn answer(&self, request: ExtensionRequest<'_>) -> Result<(StatusCode, Box<RawValue>), Error>;
}

/// The endpoint that a request means: its place, and what stands for `{…}`. `None` if there is none of this path.
///
/// # Errors
///
/// `MethodNotAllowed`, naming the methods that the path has.
pub(crate) fn find(
    rows: &[ExtensionRow],
    method: &Method,
    path: &str,
) -> Option<Result<(usize, Option<String>), Error>> {
    let path = trimmed(path);
    let mut best: Option<(usize, Option<String>)> = None;
    for (place, row) in rows.iter().enumerate().filter(|(_, row)| row.method == *method) {
        let Some(named) = Pattern::of(row.path).named(path) else { continue };
        if best.as_ref().is_none_or(|(other, _)| row.path.len() > rows[*other].path.len()) {
            best = Some((place, named));
        }
    }
    if let Some(found) = best {
        return Some(Ok(found));
    }
    let others = methods(rows, path);
    (!others.is_empty()).then(|| {
        let path = shown(path);
        let others: Vec<&str> = others.iter().map(|method| method.as_str()).collect();
        let message = format!("{path} does not answer to {method}; it answers to {}", others.join(", "));
        Err(Error::new(ErrorKind::MethodNotAllowed, message))
    })
}

/// The methods that a path answers to.
pub(crate) fn methods<'r>(rows: &'r [ExtensionRow], path: &str) -> Vec<&'r Method> {
    let path = trimmed(path);
    let mut methods: Vec<&Method> = Vec::new();
    for row in rows.iter().filter(|row| Pattern::of(row.path).named(path).is_some()) {
        if !methods.contains(&&row.method) {
            methods.push(&row.method);
        }
    }
    methods
}
