//! The one table of what an error becomes for a caller: its status, its type, its words.

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use trunkline_core::{Dialect, Error, ErrorKind, SubjectKind};

/// How much of an upstream's refusal is passed on, in bytes.
const UPSTREAM_BODY_BYTES_MAX: usize = 16 * 1024;

/// The status that a caller is sent.
///
/// WHEN ADDING AN ErrorKind: choose its status here and its type below, then add the row to `docs/http-api.md`.
pub(crate) fn status(error: &Error) -> StatusCode {
    let upstream = error.upstream_status();
    match error.kind() {
        ErrorKind::InvalidRequest
        | ErrorKind::MissingParameter
        | ErrorKind::UnknownModel
        | ErrorKind::UnsupportedOperation
        | ErrorKind::ContextWindowExceeded
        | ErrorKind::ContentPolicy => StatusCode::BAD_REQUEST,
        // 422 becomes 400 as in LiteLLM: to its clients a 422 is a spent budget.
        ErrorKind::UpstreamInvalidRequest => {
            kept(upstream, |status| status.is_client_error() && *status != 422, StatusCode::BAD_REQUEST)
        }
        ErrorKind::Unauthenticated
        | ErrorKind::KeyExpired
        | ErrorKind::CredentialMissing
        | ErrorKind::CredentialUnusable => StatusCode::UNAUTHORIZED,
        ErrorKind::PermissionDenied | ErrorKind::ModelForbidden | ErrorKind::UpstreamForbidden => {
            StatusCode::FORBIDDEN
        }
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::BudgetExceeded => error.status().unwrap_or(StatusCode::UNPROCESSABLE_ENTITY),
        ErrorKind::NotFound | ErrorKind::UpstreamNotFound => StatusCode::NOT_FOUND,
        ErrorKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::UpgradeUnsupported => StatusCode::UPGRADE_REQUIRED,
        ErrorKind::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
        ErrorKind::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        ErrorKind::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::UnsupportedEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorKind::RateLimited
        | ErrorKind::Overloaded
        | ErrorKind::NoDeployment
        | ErrorKind::UpstreamRateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::UpstreamCredential => {
            kept(upstream, StatusCode::is_client_error, StatusCode::UNAUTHORIZED)
        }
        ErrorKind::UpstreamQuotaExceeded => {
            kept(upstream, StatusCode::is_client_error, StatusCode::PAYMENT_REQUIRED)
        }
        ErrorKind::UpstreamTimeout => kept(upstream, |status| *status == 504, StatusCode::REQUEST_TIMEOUT),
        ErrorKind::UpstreamFailed => {
            // A 409 and its like is the upstream's state, and kept as LiteLLM keeps it.
            let is_told = |status: &StatusCode| status.is_server_error() || status.is_client_error();
            kept(upstream, is_told, StatusCode::BAD_GATEWAY)
        }
        ErrorKind::UpstreamProtocol | ErrorKind::UpstreamCut => StatusCode::BAD_GATEWAY,
        ErrorKind::UpstreamUnreachable | ErrorKind::ShuttingDown | ErrorKind::StoreUnavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ErrorKind::Configuration | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The status that a caller is sent for an error of this kind, where no upstream has said another.
pub fn status_of(kind: ErrorKind) -> StatusCode {
    status(&Error::new(kind, ""))
}

fn kept(
    upstream: Option<StatusCode>,
    is_kept: impl Fn(&StatusCode) -> bool,
    otherwise: StatusCode,
) -> StatusCode {
    upstream.filter(is_kept).unwrap_or(otherwise)
}

/// The `param` of a key that is wrong.
const KEY: &str = "key";

/// The error type that a caller reads.
fn type_of(error: &Error) -> &str {
    match error.kind() {
        ErrorKind::InvalidRequest
        | ErrorKind::MissingParameter
        | ErrorKind::UnknownModel
        | ErrorKind::MethodNotAllowed
        | ErrorKind::UpgradeUnsupported
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::HeadersTooLarge
        | ErrorKind::BodyTooLarge
        | ErrorKind::UnsupportedEncoding => "invalid_request_error",
        ErrorKind::UnsupportedOperation => "unsupported_operation",
        ErrorKind::BodyTimeout => "timeout_error",
        ErrorKind::Unauthenticated => {
            // LiteLLM's word for a key that it does not know; all other faults are `auth_error` there.
            if error.param() == Some(KEY) { "token_not_found_in_db" } else { "auth_error" }
        }
        ErrorKind::KeyExpired => "expired_key",
        ErrorKind::PermissionDenied => "permission_error",
        // LiteLLM's words for whose list of models it was.
        ErrorKind::ModelForbidden => match error.subject() {
            Some(SubjectKind::Team) => "team_model_access_denied",
            Some(SubjectKind::Member) => "team_member_model_access_denied",
            Some(SubjectKind::User) => "user_model_access_denied",
            Some(SubjectKind::Customer) => "customer_model_access_denied",
            Some(SubjectKind::Key | SubjectKind::Tag | SubjectKind::Global) | None => {
                "key_model_access_denied"
            }
        },
        ErrorKind::BudgetExceeded => "budget_exceeded",
        ErrorKind::StoreUnavailable => "no_db_connection",
        ErrorKind::RateLimited | ErrorKind::Overloaded | ErrorKind::NoDeployment => "rate_limit_error",
        // Never the upstream's own word: `authentication_error` would be taken for the caller's key.
        ErrorKind::CredentialMissing | ErrorKind::CredentialUnusable | ErrorKind::UpstreamCredential => {
            "upstream_credential_error"
        }
        ErrorKind::ShuttingDown | ErrorKind::UpstreamUnreachable => "service_unavailable_error",
        ErrorKind::Configuration | ErrorKind::Internal => "internal_server_error",
        ErrorKind::UpstreamInvalidRequest | ErrorKind::ContextWindowExceeded | ErrorKind::ContentPolicy => {
            error.upstream_type().unwrap_or("invalid_request_error")
        }
        ErrorKind::UpstreamForbidden => error.upstream_type().unwrap_or("permission_error"),
        ErrorKind::UpstreamNotFound => error.upstream_type().unwrap_or("not_found_error"),
        ErrorKind::UpstreamRateLimited => error.upstream_type().unwrap_or("throttling_error"),
        ErrorKind::UpstreamQuotaExceeded => error.upstream_type().unwrap_or("insufficient_quota"),
        ErrorKind::UpstreamTimeout => error.upstream_type().unwrap_or("timeout_error"),
        ErrorKind::UpstreamFailed => error.upstream_type().unwrap_or("internal_server_error"),
        ErrorKind::UpstreamProtocol => "upstream_protocol_error",
        ErrorKind::UpstreamCut => "upstream_cut_error",
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Body<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    message: String,
    r#type: &'a str,
    param: Option<&'a str>,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_specific_fields: Option<Upstream<'a>>,
}

#[derive(Serialize)]
struct Upstream<'a> {
    provider: Option<&'a str>,
    upstream_status: Option<u16>,
    upstream_code: Option<&'a str>,
    upstream_body: Quoted<'a>,
}

/// An upstream's body: as JSON where it is JSON, as a text where it is not.
#[derive(Serialize)]
#[serde(untagged)]
enum Quoted<'a> {
    Json(&'a RawValue),
    Text(String),
}

/// What Anthropic's clients read, whose own words for the types differ.
#[derive(Serialize)]
struct AnthropicEnvelope<'a> {
    r#type: &'static str,
    error: AnthropicBody<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct AnthropicBody<'a> {
    r#type: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_specific_fields: Option<Upstream<'a>>,
}

/// What Cohere's clients read.
#[derive(Serialize)]
struct CohereEnvelope<'a> {
    id: &'a str,
    message: String,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_specific_fields: Option<Upstream<'a>>,
}

/// The error as JSON, in the dialect's envelope. In OpenAI's, `code` is the status as a text, as LiteLLM's clients
/// expect.
pub(crate) fn envelope(error: &Error, status: StatusCode, dialect: Dialect, call_id: &str) -> Bytes {
    let message = message(error);
    let json = match dialect {
        Dialect::OpenAi | Dialect::Responses => serde_json::to_vec(&Envelope {
            error: Body {
                message,
                r#type: type_of(error),
                param: error.param(),
                code: status.as_u16().to_string(),
                provider_specific_fields: upstream(error),
            },
        }),
        Dialect::Anthropic => serde_json::to_vec(&AnthropicEnvelope {
            r#type: "error",
            error: AnthropicBody {
                r#type: anthropic_type(error),
                message,
                provider_specific_fields: upstream(error),
            },
            request_id: call_id,
        }),
        Dialect::Cohere => serde_json::to_vec(&CohereEnvelope {
            id: call_id,
            message,
            r#type: type_of(error),
            provider_specific_fields: upstream(error),
        }),
    };
    json.expect("texts and raw JSON always serialise").into()
}

/// The error type in Anthropic's words, where it has one for it.
fn anthropic_type(error: &Error) -> &str {
    match error.kind() {
        ErrorKind::Unauthenticated | ErrorKind::KeyExpired => "authentication_error",
        ErrorKind::ModelForbidden => "permission_error",
        ErrorKind::BudgetExceeded => "billing_error",
        ErrorKind::NotFound => "not_found_error",
        ErrorKind::HeadersTooLarge | ErrorKind::BodyTooLarge => "request_too_large",
        ErrorKind::UpstreamRateLimited => error.upstream_type().unwrap_or("rate_limit_error"),
        ErrorKind::UpstreamQuotaExceeded => error.upstream_type().unwrap_or("billing_error"),
        ErrorKind::UpstreamFailed => error.upstream_type().unwrap_or("api_error"),
        ErrorKind::ShuttingDown
        | ErrorKind::StoreUnavailable
        | ErrorKind::UpstreamUnreachable
        | ErrorKind::UpstreamProtocol
        | ErrorKind::UpstreamCut
        | ErrorKind::Configuration
        | ErrorKind::Internal => "api_error",
        ErrorKind::InvalidRequest
        | ErrorKind::MissingParameter
        | ErrorKind::UnknownModel
        | ErrorKind::UnsupportedOperation
        | ErrorKind::UnsupportedEncoding
        | ErrorKind::BodyTimeout
        | ErrorKind::PermissionDenied
        | ErrorKind::MethodNotAllowed
        | ErrorKind::UpgradeUnsupported
        | ErrorKind::Conflict
        | ErrorKind::RateLimited
        | ErrorKind::Overloaded
        | ErrorKind::NoDeployment
        | ErrorKind::CredentialMissing
        | ErrorKind::CredentialUnusable
        | ErrorKind::UpstreamInvalidRequest
        | ErrorKind::ContextWindowExceeded
        | ErrorKind::ContentPolicy
        | ErrorKind::UpstreamCredential
        | ErrorKind::UpstreamForbidden
        | ErrorKind::UpstreamNotFound
        | ErrorKind::UpstreamTimeout => type_of(error),
    }
}

/// The message, with who said it.
pub(crate) fn message(error: &Error) -> String {
    match (error.provider(), error.upstream_status()) {
        // Some messages begin with who said it.
        (Some(provider), _) if error.message().starts_with(provider) => error.message().to_owned(),
        (Some(provider), Some(status)) => {
            format!("{provider} answered {}: {}", status.as_u16(), error.message())
        }
        (Some(provider), None) => format!("{provider}: {}", error.message()),
        (None, _) => error.message().to_owned(),
    }
}

fn upstream(error: &Error) -> Option<Upstream<'_>> {
    let answer = error.upstream()?;
    let body = &answer.body[..answer.body.len().min(UPSTREAM_BODY_BYTES_MAX)];
    let quoted = match serde_json::from_slice::<&RawValue>(body) {
        Ok(json) => Quoted::Json(json),
        Err(_) => Quoted::Text(String::from_utf8_lossy(body).into_owned()),
    };
    Some(Upstream {
        provider: error.provider(),
        upstream_status: answer.status.map(|status| status.as_u16()),
        upstream_code: error.upstream_code(),
        upstream_body: quoted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_core::UpstreamAnswer;

    fn refused(kind: ErrorKind, status: u16, upstream_type: &str, body: &'static str) -> Error {
        let answer = UpstreamAnswer {
            status: StatusCode::from_u16(status).ok(),
            body: Bytes::from_static(body.as_bytes()),
        };
        Error::new(kind, "the upstream's words").with_provider("vercel_ai_gateway").with_upstream(
            answer,
            Some(upstream_type.to_owned()),
            None,
        )
    }

    fn check(error: &Error, expected_status: u16, expected_type: &str) {
        assert_eq!(status(error).as_u16(), expected_status, "{error:?}");
        let json: serde_json::Value =
            serde_json::from_slice(&envelope(error, status(error), Dialect::OpenAi, "")).expect("JSON");
        assert_eq!(json["error"]["type"], expected_type, "{error:?}");
        assert_eq!(json["error"]["code"], expected_status.to_string());
    }

    #[test]
    fn an_upstream_s_401_is_never_taken_for_the_caller_s() {
        let error = refused(ErrorKind::UpstreamCredential, 401, "authentication_error", "{}");
        check(&error, 401, "upstream_credential_error");
        check(
            &refused(ErrorKind::UpstreamCredential, 402, "insufficient_funds", "{}"),
            402,
            "upstream_credential_error",
        );
    }

    #[test]
    fn statuses_follow_litellm_where_clients_depend_on_them() {
        check(&refused(ErrorKind::UpstreamInvalidRequest, 422, "x", "{}"), 400, "x");
        check(&refused(ErrorKind::UpstreamInvalidRequest, 413, "x", "{}"), 413, "x");
        check(
            &refused(ErrorKind::UpstreamFailed, 503, "service_unavailable_error", "{}"),
            503,
            "service_unavailable_error",
        );
        check(&Error::new(ErrorKind::UpstreamUnreachable, "no connection"), 503, "service_unavailable_error");
        check(&Error::new(ErrorKind::UpstreamTimeout, "too slow"), 408, "timeout_error");
        check(&Error::new(ErrorKind::UnknownModel, "unknown"), 400, "invalid_request_error");
    }

    #[test]
    fn the_upstream_s_body_is_kept_verbatim() {
        let error = refused(ErrorKind::UpstreamNotFound, 404, "model_not_found", r#"{"error":{"n":1.50}}"#);
        let text =
            String::from_utf8(envelope(&error, status(&error), Dialect::OpenAi, "").to_vec()).expect("text");
        assert!(text.contains(r#""upstream_body":{"error":{"n":1.50}}"#), "{text}");
        let html = refused(ErrorKind::UpstreamFailed, 502, "x", "<html>bad gateway</html>");
        let text =
            String::from_utf8(envelope(&html, status(&html), Dialect::OpenAi, "").to_vec()).expect("text");
        assert!(text.contains(r#""upstream_body":"<html>bad gateway</html>""#), "{text}");
    }
    #[test]
    fn each_dialect_has_an_envelope_of_its_own() {
        let told = |error: &Error, dialect| {
            String::from_utf8(envelope(error, status(error), dialect, "call-1").to_vec()).expect("text")
        };
        let refused_key = Error::new(ErrorKind::Unauthenticated, "no key");
        assert_eq!(
            told(&refused_key, Dialect::Anthropic),
            r#"{"type":"error","error":{"type":"authentication_error","message":"no key"},"request_id":"call-1"}"#
        );
        assert_eq!(
            told(&refused_key, Dialect::Cohere),
            r#"{"id":"call-1","message":"no key","type":"auth_error"}"#
        );
        let overloaded = refused(ErrorKind::UpstreamFailed, 529, "overloaded_error", "{}");
        assert!(told(&overloaded, Dialect::Anthropic).contains(r#""error":{"type":"overloaded_error""#));
        let unsupported = Error::new(ErrorKind::UnsupportedOperation, "it has messages");
        assert!(told(&unsupported, Dialect::Anthropic).contains(r#""type":"unsupported_operation""#));
    }
}
