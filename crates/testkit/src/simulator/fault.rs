//! Faults: what can be made to go wrong, for which requests, and for how many of them.

use serde::{Deserialize, Serialize};

/// One thing that goes wrong with a request.
///
/// On the control plane and in [`fault models`](Fault::by_model_name) a fault is named in `snake_case`:
/// `"html_bad_gateway"`, `{"cut":{"after_bytes":120,"how":"reset"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// 401 `authentication_error`, whatever the credential.
    InvalidKey,
    /// 402 `insufficient_funds`.
    InsufficientFunds,
    /// 402 `quota_for_entity_exceeded`.
    QuotaExceeded,
    /// 403 `customer_verification_required`: no card on file.
    VerificationRequired,
    /// 403 `no_providers_available`, `param.name` `RestrictedModelsError`: the free tier.
    RestrictedModel,
    /// 403 `forbidden` with `param.ruleId`: a routing rule.
    RuleDenied,
    /// 403 `permission_error`: the provider's terms.
    TermsViolated,
    /// 404 `model_not_found`.
    UnknownModel,
    /// 400 `no_providers_available`: a filter left nobody.
    NoProviders,
    /// 400 `invalid_request_error`: the prompt is longer than the model's context.
    ContextTooLong,
    /// 424 `failed_dependency`.
    FailedDependency,
    /// 429 `rate_limit_exceeded`.
    RateLimited {
        /// What `retry-after` says, if it is sent.
        #[serde(default)]
        retry_after: Option<RetryAfter>,
    },
    /// 429 with the body of the provider behind the gateway, not the gateway's own.
    ProviderRateLimited,
    /// 500 `internal_server_error`.
    InternalError,
    /// 503 `service_unavailable_error` with the attempts in `providerMetadata`.
    Unavailable,
    /// 502 with a page of HTML.
    HtmlBadGateway,
    /// 504 with a plain text of the edge in front.
    GatewayTimeout,
    /// 400 with `{"error":"<text>","type":…,"statusCode":400}`.
    FlatError,
    /// 400 with plain text.
    PlainTextError,
    /// A status with no body and no `content-type`.
    EmptyError {
        /// The status.
        status: u16,
    },
    /// 200 with a body that is cut-off JSON.
    Garbage,
    /// Any status and body.
    Answer {
        /// The status.
        status: u16,
        /// The `content-type`.
        #[serde(default = "json_content_type")]
        content_type: String,
        /// The body.
        body: String,
    },
    /// Takes the request and never answers.
    Hang,

    /// Usage comes in an event of its own with no choices, after the finish event, as OpenAI sends it.
    UsageOnlyChunk,
    /// Usage is nowhere.
    OmitUsage,
    /// Usage is the prompt's tokens and nothing else, and no cost is told. Chat completions alone.
    PartialUsage,
    /// No cost is told, neither in the usage nor in the metadata.
    OmitCost,
    /// The cost stands in the usage of a chat completion, as a number, and not in the metadata.
    CostInUsageAlone,
    /// The cost stands in the metadata, as strings, and not in the usage.
    CostInMetadataAlone,
    /// The metadata tells money as JSON numbers, not as strings.
    CostAsNumber,
    /// The total of the tokens is more than their sum. Chat completions alone.
    ContradictoryTotal,
    /// Comments stand between the events.
    Comments,
    /// Lines end otherwise than with LF.
    LineEnding(LineEnding),
    /// The stream begins with a byte order mark.
    ByteOrderMark,
    /// The stream ends right behind `[DONE]`, without a line ending.
    NoTrailingNewline,
    /// The head is sent, and nothing more for this long.
    SlowFirstByte {
        /// For how long, in milliseconds.
        milliseconds: u64,
    },
    /// After so many events nothing comes until the control plane releases it. On a whole reply: before the body.
    Stall {
        /// How many events come first; `[DONE]` counts as one.
        after_events: usize,
    },
    /// The connection is cut after so many bytes of the body.
    Cut {
        /// How many bytes come first.
        after_bytes: usize,
        /// How the connection ends.
        how: CutKind,
    },
    /// The connection is cut after so many events, each of which is sent whole; a whole reply in its midst, or at 0
    /// before it.
    CutEvents {
        /// How many events come first; the terminal one counts.
        after_events: usize,
        /// How the connection ends.
        how: CutKind,
    },
    /// The stream ends in good order, but without its terminal event: `[DONE]`, `message_stop`,
    /// `response.completed`.
    NoDone,
    /// The stream ends in good order after so many events: no finish, no usage, no `[DONE]`.
    Truncate {
        /// How many events come first.
        after_events: usize,
    },
    /// After so many events comes an error in the dialect of the stream, and the end: `data: {"error":…}`,
    /// `event: error`.
    ErrorEvent {
        /// How many events come first; 0 makes it the first.
        after_events: usize,
    },
    /// The same, in the form in which a provider's rejection was seen relayed: no `error` member, and the true
    /// body as text in `value.error_message`. A stream of Responses gets `response.failed` instead.
    RelayedErrorEvent {
        /// How many events come first; 0 makes it the first.
        after_events: usize,
    },
    /// After `[DONE]` the connection stays open and silent.
    HoldOpen,
}

/// What `retry-after` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u64),
    /// An HTTP date this many seconds from now.
    DateIn(u64),
}

/// How lines end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineEnding {
    /// With CR LF.
    CrLf,
    /// With CR alone.
    Cr,
}

/// How a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutKind {
    /// In good order as far as TCP knows (FIN).
    Close,
    /// With a reset (RST).
    Reset,
}

/// Which requests a list of faults befalls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRule {
    /// What happens to such a request, all of it together.
    pub faults: Vec<Fault>,
    /// How many requests it happens to; `None` for all that follow.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// The path that a request must have; `None` for all at which a model answers.
    #[serde(default)]
    pub path: Option<String>,
    /// The model that a request must name; `None` for any.
    #[serde(default)]
    pub model: Option<String>,
}

impl FaultRule {
    /// These faults together, for the next request that a model is to answer (which counting tokens is not).
    pub fn new(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self { faults: faults.into_iter().collect(), times: once(), path: None, model: None }
    }

    /// For the next `count` matching requests.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.times = Some(count);
        self
    }

    /// For every matching request from now on.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Only for requests to this path, such as `/v1/models`.
    #[must_use]
    pub fn for_path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Only for requests that name this model.
    #[must_use]
    pub fn for_model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    pub(crate) fn matches(&self, path: &str, asks_a_model: bool, model: Option<&str>) -> bool {
        let path_matches = self.path.as_ref().map_or(asks_a_model, |wanted| wanted == path);
        path_matches && self.model.as_deref().is_none_or(|wanted| Some(wanted) == model)
    }
}

impl From<Fault> for FaultRule {
    fn from(fault: Fault) -> Self {
        Self::new([fault])
    }
}

impl Fault {
    /// The fault that a model's name asks for: `sim/fault-<name>`, the name in kebab case.
    ///
    /// Where a fault has a number, `-<number>` may follow: `sim/fault-cut-reset-120`, `sim/fault-stall-2`,
    /// `sim/fault-rate-limited-7` (seconds), `sim/fault-empty-error-500`.
    pub fn by_model_name(model: &str) -> Option<Self> {
        let name = model.strip_prefix("sim/fault-")?;
        let number = name.rsplit_once('-').and_then(|(name, digits)| Some((name, digits.parse().ok()?)));
        let (name, number) = number.map_or((name, None), |(name, number): (_, u64)| (name, Some(number)));
        let count = |default: usize| number.and_then(|it| usize::try_from(it).ok()).unwrap_or(default);
        let seconds = number.unwrap_or(1);
        Some(match name {
            "rate-limited" => Self::RateLimited { retry_after: number.map(RetryAfter::Seconds) },
            "rate-limited-date" => Self::RateLimited { retry_after: Some(RetryAfter::DateIn(seconds)) },
            "empty-error" => {
                Self::EmptyError { status: number.and_then(|it| it.try_into().ok()).unwrap_or(500) }
            }
            "crlf" => Self::LineEnding(LineEnding::CrLf),
            "cr" => Self::LineEnding(LineEnding::Cr),
            "slow-first-byte" => Self::SlowFirstByte { milliseconds: number.unwrap_or(1_000) },
            "stall" => Self::Stall { after_events: count(2) },
            "cut-close" => Self::Cut { after_bytes: count(300), how: CutKind::Close },
            "cut-reset" => Self::Cut { after_bytes: count(300), how: CutKind::Reset },
            "cut-events-close" => Self::CutEvents { after_events: count(2), how: CutKind::Close },
            "cut-events-reset" => Self::CutEvents { after_events: count(2), how: CutKind::Reset },
            "truncate" => Self::Truncate { after_events: count(2) },
            "error-event" => Self::ErrorEvent { after_events: count(2) },
            "relayed-error-event" => Self::RelayedErrorEvent { after_events: count(2) },
            name => {
                if number.is_some() {
                    return None;
                }
                // A fault without settings is a plain string to serde.
                serde_json::from_value(serde_json::Value::String(name.replace('-', "_"))).ok()?
            }
        })
    }
}

fn once() -> Option<u32> {
    Some(1)
}

fn json_content_type() -> String {
    "application/json".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(model: &str, fault: impl Into<Option<Fault>>) {
        assert_eq!(Fault::by_model_name(model), fault.into(), "{model}");
    }

    #[test]
    fn a_model_name_asks_for_a_fault() {
        check("sim/fault-insufficient-funds", Some(Fault::InsufficientFunds));
        check("sim/fault-html-bad-gateway", Some(Fault::HtmlBadGateway));
        check("sim/fault-rate-limited", Some(Fault::RateLimited { retry_after: None }));
        check(
            "sim/fault-rate-limited-7",
            Some(Fault::RateLimited { retry_after: Some(RetryAfter::Seconds(7)) }),
        );
        let date = RetryAfter::DateIn(30);
        check("sim/fault-rate-limited-date-30", Some(Fault::RateLimited { retry_after: Some(date) }));
        check("sim/fault-cut-reset-120", Some(Fault::Cut { after_bytes: 120, how: CutKind::Reset }));
        check(
            "sim/fault-cut-events-close-4",
            Some(Fault::CutEvents { after_events: 4, how: CutKind::Close }),
        );
        check("sim/fault-cost-as-number", Some(Fault::CostAsNumber));
        check("sim/fault-error-event-0", Some(Fault::ErrorEvent { after_events: 0 }));
        check("sim/fault-crlf", Some(Fault::LineEnding(LineEnding::CrLf)));
        check("sim/fault-hang-3", None);
        check("sim/fault-no-such", None);
        check("openai/gpt-4o", None);
    }

    #[test]
    fn a_rule_is_read_from_json() {
        let json = r#"{"faults":["hang",{"rate_limited":{"retry_after":{"seconds":3}}}],"times":null,"model":"a/b"}"#;
        let rule = serde_json::from_str::<FaultRule>(json).unwrap();
        let limited = Fault::RateLimited { retry_after: Some(RetryAfter::Seconds(3)) };
        assert_eq!(rule, FaultRule::new([Fault::Hang, limited]).always().for_model("a/b"));
        assert!(rule.matches("/v1/embeddings", true, Some("a/b")));
        assert!(!rule.matches("/v1/embeddings", true, Some("a/c")));
        assert!(!rule.matches("/v1/models", false, Some("a/b")));
    }
}
