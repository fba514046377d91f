//! How each dialect spells a refusal that the gateway spells in OpenAI's shape.

use http::{HeaderName, StatusCode};
use serde::Serialize;
use serde_json::Value;

use super::flavour::Flavour;
use super::messages_error::{MessagesError, MessagesErrorDetail};
use super::reply::{Content, Reply};

/// Whose wire format a reply is in, as far as refusals differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    OpenAi,
    Messages,
    Cohere,
}

#[derive(Serialize)]
struct CohereError<'a> {
    message: &'a str,
}

impl Dialect {
    /// Spells a refusal in this dialect. Good replies, and errors that are not in the gateway's own shape (pages of
    /// HTML, plain text, what another provider wrote), stay as they are.
    pub(crate) fn refusal(self, reply: Reply, flavour: Flavour, request_id: &str) -> Reply {
        let Content::Whole(body) = &reply.content else { return reply };
        let Ok(body) = serde_json::from_slice::<Value>(body) else { return reply };
        let Some(message) = body["error"]["message"].as_str().filter(|_| !reply.status.is_success()) else {
            return reply;
        };
        let respelt = match self {
            Self::OpenAi => return reply,
            Self::Messages if body["type"] == "error" => return reply,
            Self::Messages => {
                let kind = messages_kind(reply.status, body["error"]["type"].as_str(), flavour);
                let refusal = MessagesError {
                    kind: "error",
                    error: MessagesErrorDetail { kind, message },
                    request_id,
                    provider_metadata: body.get("providerMetadata"),
                };
                Reply::json(reply.status, &refusal)
                    .with_header(HeaderName::from_static("request-id"), request_id)
            }
            Self::Cohere => Reply::json(reply.status, &CohereError { message }),
        };
        let kept = reply.headers.into_iter().filter(|(name, _)| *name != http::header::CONTENT_TYPE);
        Reply { headers: respelt.headers.into_iter().chain(kept).collect(), ..respelt }
    }
}

/// The error type: Anthropic's own for the status, but the gateway's where it says what Anthropic has no word for.
fn messages_kind(status: StatusCode, gateway: Option<&str>, flavour: Flavour) -> &str {
    const OF_THE_GATEWAY: [&str; 6] = [
        "insufficient_funds",
        "quota_for_entity_exceeded",
        "customer_verification_required",
        "no_providers_available",
        "forbidden",
        "failed_dependency",
    ];
    match gateway {
        Some(gateway) if flavour == Flavour::Vercel && OF_THE_GATEWAY.contains(&gateway) => gateway,
        _ => match status.as_u16() {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            503 | 529 => "overloaded_error",
            400..500 => "invalid_request_error",
            _ => "api_error",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::error;
    use super::*;

    fn check(dialect: Dialect, flavour: Flavour, reply: Reply, expected: &str) {
        let reply = dialect.refusal(reply, flavour, "req_1");
        let Content::Whole(body) = &reply.content else { panic!("{reply:?}") };
        assert_eq!(std::str::from_utf8(body).unwrap(), expected);
    }

    #[test]
    fn a_refusal_is_spelt_in_the_dialect_that_was_spoken() {
        let invalid = || error::invalid_request("max_tokens: Field required");
        check(
            Dialect::Messages,
            Flavour::Vercel,
            invalid(),
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: Field required"},"request_id":"req_1"}"#,
        );
        check(Dialect::Cohere, Flavour::Vercel, invalid(), r#"{"message":"max_tokens: Field required"}"#);
        check(
            Dialect::OpenAi,
            Flavour::Vercel,
            invalid(),
            r#"{"error":{"message":"max_tokens: Field required","type":"invalid_request_error"}}"#,
        );
    }

    #[test]
    fn what_anthropic_has_no_word_for_keeps_the_gateways() {
        let kind = |reply: Reply, flavour| {
            let reply = Dialect::Messages.refusal(reply, flavour, "req_1");
            let Content::Whole(body) = &reply.content else { panic!("{reply:?}") };
            serde_json::from_slice::<Value>(body).unwrap()["error"]["type"].as_str().unwrap().to_owned()
        };
        assert_eq!(kind(error::insufficient_funds(), Flavour::Vercel), "insufficient_funds");
        assert_eq!(kind(error::insufficient_funds(), Flavour::Anthropic), "billing_error");
        assert_eq!(kind(error::unknown_model("a/b"), Flavour::Vercel), "not_found_error");
    }
}
