//! `POST /v1/explain`: where a request would go and why, without sending it.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use trunkline_core::{Body as CallBody, Dialect, Document, Error, ErrorKind, Operation};
use trunkline_router::Explanation;

use crate::authentication::Caller;
use crate::binding::{self, Earlier};
use crate::end_user::{check_user, end_user};
use crate::gateway::Gateway;
use crate::models::{json_reply, parameter};
use crate::reply_body::ReplyBody;
use crate::steering::Steering;
use crate::{asked, body, operation, reach, wishes};

impl Gateway {
    /// Tells what would become of a request of the operator's own. Nothing is sent.
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
        // As the key would be told by that of a request: conversations are known by who asks.
        let caller = if self.settings.master_key.is_some() { Caller::Master } else { Caller::Local };
        explained(self, &caller, operation, headers, CallBody::Document(document))
    }
}

/// The steps of the walk that send nothing, and where they lead.
fn explained(
    gateway: &Gateway,
    caller: &Caller,
    operation: Operation,
    headers: &HeaderMap,
    mut body: CallBody,
) -> Result<Explanation, Error> {
    let earlier = match operation.dialect() {
        Dialect::Responses => binding::take(&gateway.seal, caller, operation, None, &mut body)?,
        Dialect::OpenAi | Dialect::Anthropic | Dialect::Cohere => Earlier::default(),
    };
    let name = reach::aliased(caller, operation::model_name(gateway, operation, earlier.model, &body)?);
    body::check(&body, operation)?;
    let user = end_user(&gateway.settings, headers, &body)?;
    check_user(&gateway.settings, operation, user.as_ref())?;
    let router = gateway.router();
    let route = router.resolve(&name).map_err(|error| operation::labelled(error, operation))?;
    let candidate = &*operation::chosen(&route, operation, earlier.deployment.as_deref())?;
    let allows = |field: &str| operation::allows(gateway, candidate, field);
    let asked = asked::take(operation.dialect(), &mut body, allows)?;
    let keepalive = gateway.settings.keepalive_of(operation.dialect());
    let wishes = wishes::of(asked, Steering::of(headers), caller, earlier.deployment, keepalive)?;
    wishes::check_fallbacks(caller, &router, &wishes)?;
    reach::check(caller, &router, (&name, &route), &body, &wishes)?;
    router.explain(&name, operation, &body, &wishes)
}

/// Answers for administrators. The operation stands in the address, and is a chat where it does not.
pub(crate) async fn explain<B>(
    gateway: &Gateway,
    caller: Caller,
    request: &Parts,
    body: B,
) -> Result<Response<ReplyBody>, Error>
where
    B: Body<Data = Bytes> + Unpin + Send,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let query = request.uri.query().unwrap_or_default();
    let operation = match parameter(query, "operation") {
        None => Operation::ChatCompletions,
        Some(name) => operation_named(&name)?,
    };
    if operation.is_about_object() {
        let message = format!("{operation} goes to whoever made the response, and has no body to explain");
        return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("operation"));
    }
    let (limits, idle) = (&gateway.settings.limits, gateway.settings.waits.body_idle);
    let body = body::read(operation, &request.headers, body, limits, idle).await?;
    let explanation = explained(gateway, &caller, operation, &request.headers, body)?;
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
