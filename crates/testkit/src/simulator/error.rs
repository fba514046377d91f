//! The gateway's error bodies, as clients have met them.

use http::{HeaderName, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};

use super::clock::{Clock, http_date};
use super::fault::{Fault, RetryAfter};
use super::reply::{Content, Reply};

/// The usual body; members that are absent are not spelt.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    error: Inner<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_metadata: Option<Value>,
}

#[derive(Serialize)]
struct Inner<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<Value>,
}

/// What an error's text may need to know of its request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    pub(crate) model: &'a str,
    pub(crate) generation_id: &'a str,
    pub(crate) clock: Clock,
}

pub(crate) fn error(status: u16, kind: &str, message: &str, param: Option<Value>) -> Reply {
    let body = Body { error: Inner { message, kind, param }, generation_id: None, provider_metadata: None };
    Reply::json(status_of(status), &body)
}

pub(crate) fn invalid_request(message: &str) -> Reply {
    error(400, "invalid_request_error", message, None)
}

pub(crate) fn not_authenticated() -> Reply {
    let message =
        "Authentication failed. Check that your Vercel credential is valid and has access to AI Gateway.";
    error(401, "authentication_error", message, None)
}

pub(crate) fn insufficient_funds() -> Reply {
    let message = "Insufficient funds. Please add credits to your account to continue using AI Gateway.";
    error(402, "insufficient_funds", message, None)
}

pub(crate) fn quota_exceeded(entity: &str, spent: &str, limit: &str) -> Reply {
    let message = format!("Quota limit exceeded for \"{entity}\". Current spend: ${spent}, limit: ${limit}.");
    error(402, "quota_for_entity_exceeded", &message, None)
}

pub(crate) fn unknown_model(model: &str) -> Reply {
    let message = format!("Model '{model}' not found");
    error(404, "model_not_found", &message, Some(json!({ "modelId": model })))
}

pub(crate) fn wrong_model_type(model: &str, kind: &str, wanted: &str) -> Reply {
    let message =
        format!("Model '{model}' is of type '{kind}', but a model of type '{wanted}' is needed here.");
    let param = json!({ "name": "ModelTypeMismatchError", "modelId": model, "modelType": kind });
    error(400, "invalid_request_error", &message, Some(param))
}

pub(crate) fn no_providers(message: &str) -> Reply {
    error(400, "no_providers_available", message, None)
}

pub(crate) fn not_found(path: &str) -> Reply {
    error(404, "not_found", &format!("The requested resource '{path}' was not found."), None)
}

/// What a fault answers instead of a good reply; `None` for faults that only shape one.
pub(crate) fn of_fault(fault: &Fault, at: Circumstances<'_>) -> Option<Reply> {
    let reply = match fault {
        Fault::InvalidKey => not_authenticated(),
        Fault::InsufficientFunds => insufficient_funds(),
        Fault::QuotaExceeded => quota_exceeded("team_sim", "10.02", "10.00"),
        Fault::VerificationRequired => {
            let message = "AI Gateway requires a valid credit card on file to service requests.";
            error(403, "customer_verification_required", message, None)
        }
        Fault::RestrictedModel => {
            let message = "Free tier users do not have access to this model. Please purchase credits.";
            let param = json!({ "statusCode": 403, "name": "RestrictedModelsError" });
            error(403, "no_providers_available", message, Some(param))
        }
        Fault::RuleDenied => {
            let param = json!({ "ruleId": "rule_sim" });
            error(403, "forbidden", "Request denied by a routing rule.", Some(param))
        }
        Fault::TermsViolated => {
            let message = "This request was refused because it violates the provider's terms of service.";
            error(403, "permission_error", message, None)
        }
        Fault::UnknownModel => unknown_model(at.model),
        Fault::NoProviders => no_providers(&format!(
            "No ZDR (Zero Data Retention) providers available for model: {}. Providers considered: sim",
            at.model
        )),
        Fault::ContextTooLong => invalid_request("prompt is too long: 210000 tokens > 200000 maximum"),
        Fault::FailedDependency => {
            error(424, "failed_dependency", "A dependency of this request is not set up.", None)
        }
        Fault::RateLimited { retry_after } => rate_limited(*retry_after, at.clock),
        Fault::ProviderRateLimited => provider_rate_limited(),
        Fault::InternalError => error(500, "internal_server_error", "Internal server error", None),
        Fault::Unavailable => unavailable(at),
        Fault::HtmlBadGateway => html_bad_gateway(),
        Fault::GatewayTimeout => {
            let body = "An error occurred with your deployment\n\nFUNCTION_INVOCATION_TIMEOUT\n\niad1::sim\n";
            Reply::whole(StatusCode::GATEWAY_TIMEOUT, "text/plain; charset=utf-8", body)
        }
        Fault::FlatError => {
            let error = "No providers left after filtering";
            let body = json!({ "error": error, "type": "no_providers_available", "statusCode": 400 });
            Reply::json(StatusCode::BAD_REQUEST, &body)
        }
        Fault::PlainTextError => {
            Reply::whole(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", "Bad request: é")
        }
        Fault::EmptyError { status } => Reply {
            status: status_of(*status),
            headers: Vec::new(),
            content: Content::Whole(Vec::new().into()),
        },
        Fault::Garbage => {
            Reply::whole(StatusCode::OK, "application/json", "{\"object\":\"list\",\"data\":[{\"id\":")
        }
        Fault::Answer { status, content_type, body } => {
            Reply::whole(status_of(*status), content_type, body.clone())
        }
        Fault::Hang => Reply { status: StatusCode::OK, headers: Vec::new(), content: Content::Hang },
        Fault::UsageOnlyChunk
        | Fault::OmitUsage
        | Fault::Comments
        | Fault::LineEnding(_)
        | Fault::ByteOrderMark
        | Fault::NoTrailingNewline
        | Fault::SlowFirstByte { .. }
        | Fault::Stall { .. }
        | Fault::Cut { .. }
        | Fault::CutEvents { .. }
        | Fault::PartialUsage
        | Fault::OmitCost
        | Fault::CostInUsageAlone
        | Fault::CostInMetadataAlone
        | Fault::CostAsNumber
        | Fault::ContradictoryTotal
        | Fault::NoDone
        | Fault::Truncate { .. }
        | Fault::ErrorEvent { .. }
        | Fault::RelayedErrorEvent { .. }
        | Fault::HoldOpen => return None,
    };
    Some(reply)
}

fn rate_limited(retry_after: Option<RetryAfter>, clock: Clock) -> Reply {
    let reply = error(429, "rate_limit_exceeded", "Rate limit exceeded", None);
    match retry_after {
        None => reply,
        Some(RetryAfter::Seconds(seconds)) => reply.with_header(header::RETRY_AFTER, &seconds.to_string()),
        Some(RetryAfter::DateIn(seconds)) => {
            reply.with_header(header::RETRY_AFTER, &http_date(clock.now_seconds() + seconds))
        }
    }
}

/// In the shape of Anthropic's own API, headers included.
fn provider_rate_limited() -> Reply {
    let body = json!({
        "type": "error",
        "error": { "type": "rate_limit_error", "message": "This request would exceed your organization's rate limit." },
        "request_id": "req_sim",
    });
    let remaining = HeaderName::from_static("anthropic-ratelimit-requests-remaining");
    Reply::json(StatusCode::TOO_MANY_REQUESTS, &body).with_header(remaining, "0")
}

fn unavailable(at: Circumstances<'_>) -> Reply {
    let message = "Service temporarily unavailable.";
    let kind = "service_unavailable_error";
    let started_ms = at.clock.now_ms();
    let attempt = json!({
        "provider": "sim", "credentialType": "system", "success": false, "error": "Service temporarily unavailable",
        "startTime": started_ms, "endTime": started_ms, "statusCode": 503,
    });
    let model_attempt = json!({
        "canonicalSlug": at.model, "success": false, "providerAttemptCount": 1, "providerAttempts": [attempt],
    });
    let routing = json!({
        "originalModelId": at.model, "resolvedProvider": "sim", "fallbacksAvailable": [], "canonicalSlug": at.model,
        "modelAttemptCount": 1, "modelAttempts": [model_attempt], "totalProviderAttemptCount": 1,
    });
    let gateway = json!({ "routing": routing, "generationId": at.generation_id });
    let param = json!({ "error": message, "type": kind, "statusCode": 503 });
    let body = Body {
        error: Inner { message, kind, param: Some(param) },
        generation_id: Some(at.generation_id),
        provider_metadata: Some(json!({ "gateway": gateway })),
    };
    Reply::json(StatusCode::SERVICE_UNAVAILABLE, &body)
}

fn html_bad_gateway() -> Reply {
    let page = "<!DOCTYPE html>\n<html><head><title>502: Bad Gateway</title></head>\n<body><h1>Bad Gateway</h1></body></html>\n";
    Reply::whole(StatusCode::BAD_GATEWAY, "text/html; charset=utf-8", page)
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Circumstances<'static> = Circumstances {
        model: "x/y",
        generation_id: "gen_1",
        clock: Clock { fixed_seconds: Some(784_111_777) },
    };

    fn check(fault: &Fault, status: u16, body: &str) {
        let reply = of_fault(fault, AT).unwrap();
        let Content::Whole(bytes) = &reply.content else { panic!("{reply:?}") };
        assert_eq!((reply.status.as_u16(), std::str::from_utf8(bytes).unwrap()), (status, body));
    }

    #[test]
    fn bodies_are_spelt_as_recorded() {
        let unknown = r#"{"error":{"message":"Model 'x/y' not found","type":"model_not_found","param":{"modelId":"x/y"}}}"#;
        check(&Fault::UnknownModel, 404, unknown);
        let limited = r#"{"error":{"message":"Rate limit exceeded","type":"rate_limit_exceeded"}}"#;
        check(&Fault::RateLimited { retry_after: None }, 429, limited);
        let quota = r#"{"error":{"message":"Quota limit exceeded for \"team_sim\". Current spend: $10.02, limit: $10.00.","type":"quota_for_entity_exceeded"}}"#;
        check(&Fault::QuotaExceeded, 402, quota);
        check(&Fault::EmptyError { status: 529 }, 529, "");
        check(&Fault::PlainTextError, 400, "Bad request: é");
    }

    #[test]
    fn retry_after_is_a_number_or_a_date() {
        let header = |retry_after| {
            let reply = of_fault(&Fault::RateLimited { retry_after: Some(retry_after) }, AT).unwrap();
            let value = reply.headers.iter().find(|(name, _)| name == header::RETRY_AFTER).unwrap();
            value.1.to_str().unwrap().to_owned()
        };
        assert_eq!(header(RetryAfter::Seconds(7)), "7");
        assert_eq!(header(RetryAfter::DateIn(60)), "Sun, 06 Nov 1994 08:50:37 GMT");
    }
}
