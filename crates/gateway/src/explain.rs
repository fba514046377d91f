//! `POST /v1/explain`: where a request would go and why, without sending it.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use trunkline_core::{Body as CallBody, Document, Error, ErrorKind, Operation};
use trunkline_router::Explanation;

use crate::authentication::Caller;
use crate::gateway::Gateway;
use crate::models::{json_reply, parameter};
use crate::reply_body::ReplyBody;
use crate::{body, consumed, operation, wishes};

impl Gateway {
    /// Tells what would become of a request. Nothing is sent.
    ///
    /// # Errors
    ///
    /// As the request itself would be refused, before anything was sent for it.
    pub fn explain(
        &self,
        operation: Operation,
        headers: &HeaderMap,
        document: Document,
    ) -> Result<Explanation, Error> {
        let mut body = CallBody::Document(document);
        let name = operation::model_name(self, operation, None, &body)?;
        body::check(&body, operation)?;
        let router = self.router();
        let route = router.resolve(&name)?;
        let candidate = route.first();
        let allows = |field: &str| operation::allows(self, candidate, field);
        let asked = consumed::take(operation.dialect(), &mut body, allows)?;
        let keepalive = self.settings.keepalive_of(operation.dialect());
        let wishes = wishes::of(asked, headers, Caller::Master, None, keepalive)?;
        router.explain(&name, operation, &body, &wishes)
    }
}

/// Answers for administrators. The operation stands in the address, and is a chat where it does not.
pub(crate) async fn explain<B>(
    gateway: &Gateway,
    caller: Caller,
    request: Request<B>,
) -> Result<Response<ReplyBody>, Error>
where
    B: Body<Data = Bytes> + Unpin + Send,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    if !caller.is_administrator() {
        let message = "how the gateway is set up is told to administrators alone";
        return Err(Error::new(ErrorKind::PermissionDenied, message));
    }
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let operation = match parameter(query, "operation") {
        None => Operation::ChatCompletions,
        Some(name) => operation_named(&name)?,
    };
    let (limits, idle) = (&gateway.settings.limits, gateway.settings.waits.body_idle);
    let CallBody::Document(document) = body::read(operation, &parts.headers, body, limits, idle).await?
    else {
        let message = "only requests with a JSON body can be explained";
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    };
    let explanation = gateway.explain(operation, &parts.headers, document)?;
    Ok(json_reply(StatusCode::OK, &explanation.to_json()))
}

/// The operation of a name.
///
/// # Errors
///
/// `InvalidRequest`, with the names that there are.
pub fn operation_named(name: &str) -> Result<Operation, Error> {
    Operation::ALL.into_iter().find(|operation| operation.name() == name).ok_or_else(|| {
        let names: Vec<&str> = Operation::ALL.iter().map(|operation| operation.name()).collect();
        let message = format!("there is no operation `{name}`; there are {}", names.join(", "));
        Error::new(ErrorKind::InvalidRequest, message).with_param("operation")
    })
}
