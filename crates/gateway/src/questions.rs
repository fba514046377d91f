//! Questions that come with a body and are answered here, without anything being sent.

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use http_body::Body;
use trunkline_core::{Body as CallBody, Error, Operation};

use crate::authentication::Caller;
use crate::endpoints::Question;
use crate::explain::explain;
use crate::gateway::Gateway;
use crate::members::missing;
use crate::models::json_reply;
use crate::reply_body::ReplyBody;
use crate::{body, calculation, token_counter};

/// Answers one of them.
pub(crate) async fn answer<B>(
    gateway: &Gateway,
    question: Question,
    caller: Caller,
    request: &Parts,
    body: B,
) -> Result<Response<ReplyBody>, Error>
where
    B: Body<Data = Bytes> + Unpin + Send,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let answer = match question {
        Question::Explain => return explain(gateway, caller, request, body).await,
        Question::CalculateSpend => calculation::calculate,
        Question::TokenCounter => token_counter::count,
    };
    let (limits, idle) = (&gateway.settings.limits, gateway.settings.waits.body_idle);
    match body::read(Operation::ChatCompletions, &request.headers, body, limits, idle).await? {
        CallBody::Document(document) => Ok(json_reply(StatusCode::OK, &answer(gateway, &caller, &document)?)),
        CallBody::Form(_) | CallBody::Empty => Err(missing("the body must be a JSON object", "model")),
    }
}
