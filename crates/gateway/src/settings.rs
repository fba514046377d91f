//! What an operator can set of the HTTP service: every limit and every wait has a name here.

use std::time::Duration;

use http::{HeaderName, StatusCode};
use rust_decimal::Decimal;
use trunkline_core::{Dialect, Secret};

/// The settings of a gateway. The defaults are those of an open one on loopback.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The key that callers must show. Without one everybody on this machine is served, and nobody else.
    pub master_key: Option<Secret>,
    /// What ids of responses are sealed with; replicas share it. Default: the master key.
    pub salt_key: Option<Secret>,
    /// Whether to serve everybody although there is no key, foreign hosts and pages included. Default false.
    pub open_to_all: bool,
    /// A header of the operator's own choice that a key may come in.
    pub key_header: Option<HeaderName>,
    /// The origins that browsers may call from; `*` is all. Only where there is a master key. Default `*`.
    pub cors_origins: Vec<String>,
    /// Requests that are worked on at one time; more are refused with 429. Default: no limit.
    pub parallel_requests_max: Option<usize>,
    /// Whether `reasoning_content` is put beside an upstream's `reasoning`. Default true.
    pub reasoning_content: bool,
    /// Whether callers may name their own `api_base` and `api_key`. Default false.
    pub client_side_credentials: bool,
    /// Whether callers may ask for failures, to test what follows them (`mock_testing_*`). Default false.
    pub mock_failures: bool,
    /// Whether whoever shows any key may see the attempts of a request (`x-trunkline-trace`), and not administrators
    /// alone. Default false.
    pub trace_for_keys: bool,
    /// Whether the caller's `x-` headers go upstream. Default false.
    pub forward_client_headers: bool,
    /// Whether `OpenAI-Organization` of the caller goes upstream. Default false.
    pub forward_openai_organization: bool,
    /// Whether a request must name its `user`. Default false.
    pub enforce_user: bool,
    /// Headers that name the end user on whose behalf a caller asks; the first that is there wins.
    pub user_headers: Vec<HeaderName>,
    /// Whether usage is told in every stream, asked for or not. Default false.
    pub always_include_stream_usage: bool,
    /// The model that every request is sent to, whatever it names. Default: none.
    pub completion_model: Option<String>,
    /// Whether `/v1/models` shows wildcards as they are configured beside what they match. Default false.
    pub return_wildcard_routes: bool,
    /// Seconds between two comments on a quiet stream, so that proxies keep it open. Default: none.
    pub keepalive: Option<Duration>,
    /// The same for streams of Messages, which get a `ping`. Default: none.
    pub messages_keepalive: Option<Duration>,
    /// How deployments are probed.
    pub probes: Probes,
    /// How often prices are taken from providers' lists of models. Default `None`: never.
    pub prices_every: Option<Duration>,
    /// Whether readiness may say more than how it is. Default true.
    pub health_details: bool,
    /// Whether `GET /metrics` answers without a key. Default false.
    pub metrics_open: bool,
    /// Tokens that are reserved of a budget for an answer without a limit of its own. Default 4,096.
    pub reserve_output_tokens: u64,
    /// How long a request waits for more of a limit that replicas share. Default 100 ms.
    pub limit_wait: Duration,
    /// How long a call waits for what others have reserved of a budget. Default 5 s.
    pub budget_wait: Duration,
    /// The status of a call that no budget can pay. Default 422, as in LiteLLM.
    pub budget_exceeded_status: Option<StatusCode>,
    /// Who may call models whose price nobody knows. Default: whoever has no budget.
    pub unknown_price: UnknownPrice,
    /// What virtual keys may say of who is billed. Default: whatever they like.
    pub attribution: Attribution,
    /// Whether only `echo/…` can answer, for want of a key. Readiness says so.
    pub echo_only: bool,
    /// Sizes.
    pub limits: Limits,
    /// Waits.
    pub waits: Waits,
}

impl Settings {
    /// The silence after which a stream in this dialect gets a sign of life.
    pub(crate) fn keepalive_of(&self, dialect: Dialect) -> Option<Duration> {
        match dialect {
            Dialect::Anthropic => self.messages_keepalive,
            Dialect::OpenAi | Dialect::Responses | Dialect::Cohere => self.keepalive,
        }
    }

    /// Who is served, in the words of the start text and the home page.
    pub fn audience(&self) -> &'static str {
        match (&self.master_key, self.open_to_all) {
            (Some(_), _) => "whoever shows the master key, or a key that was made with it",
            (None, true) => {
                "EVERYBODY who reaches this port: no master key is set, as the configuration permits"
            }
            (None, false) => "this machine only: no master key is set",
        }
    }
}

/// Who may call models whose price nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownPrice {
    /// Everybody.
    Allow,
    /// Nobody.
    Deny,
    /// Whoever has no budget.
    #[default]
    DenyWithBudget,
    /// Everybody. Of a budget this is reserved, in US dollars, and charged where nobody tells the cost.
    Cap(Decimal),
}

/// What a virtual key may say of who is billed, in the members `user`, `tags`, `quotaEntityId` and `byok` of
/// `providerOptions.gateway`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attribution {
    /// Whatever it likes.
    #[default]
    Allow,
    /// What it says is replaced by who it is: its user, else its team, its alias, or its token; and the tags of the request.
    Stamp,
    /// Nothing.
    Refuse,
}

/// How deployments are probed.
#[derive(Clone, Debug, Default)]
pub struct Probes {
    /// How often all are asked unasked. Default: never.
    pub every: Option<Duration>,
    /// How many are asked at one time. Default 32.
    pub concurrency: Option<usize>,
}

/// How large things may be.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A request body on the wire, in bytes. Default 100 MiB.
    pub body_bytes_max: usize,
    /// A request body inflated, in bytes. Default 100 MiB.
    pub body_inflated_bytes_max: usize,
    /// How deep a request body may be nested. Default 128.
    pub json_depth_max: usize,
    /// Address and headers of a request together, in bytes; less than 8 KiB counts as that. Default 64 KiB.
    pub header_bytes_max: usize,
    /// Connections at one time; more wait to be accepted. Default 10,000.
    pub connections_max: usize,
}

/// How long things may take on the callers' side.
#[derive(Clone, Debug)]
pub struct Waits {
    /// Until a request's headers are complete, and how long a kept connection may rest. Default 10 s.
    pub header: Duration,
    /// Between two pieces of a request's body. Default 30 s.
    pub body_idle: Duration,
    /// Until a caller takes what it is sent. Default 60 s.
    pub downstream_write: Duration,
    /// From the signal to stop until new connections are refused; readiness fails at once. Default 0.
    pub shutdown_delay: Duration,
    /// How long open replies may then go on. Default 600 s.
    pub shutdown_grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            master_key: None,
            salt_key: None,
            open_to_all: false,
            key_header: None,
            cors_origins: vec!["*".to_owned()],
            parallel_requests_max: None,
            reasoning_content: true,
            client_side_credentials: false,
            mock_failures: false,
            trace_for_keys: false,
            forward_client_headers: false,
            forward_openai_organization: false,
            enforce_user: false,
            user_headers: Vec::new(),
            always_include_stream_usage: false,
            completion_model: None,
            return_wildcard_routes: false,
            keepalive: None,
            messages_keepalive: None,
            probes: Probes::default(),
            prices_every: None,
            health_details: true,
            metrics_open: false,
            reserve_output_tokens: 4_096,
            limit_wait: Duration::from_millis(100),
            budget_wait: Duration::from_secs(5),
            budget_exceeded_status: None,
            unknown_price: UnknownPrice::default(),
            attribution: Attribution::default(),
            echo_only: false,
            limits: Limits::default(),
            waits: Waits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 100 * 1024 * 1024,
            body_inflated_bytes_max: 100 * 1024 * 1024,
            json_depth_max: 128,
            header_bytes_max: 64 * 1024,
            connections_max: 10_000,
        }
    }
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(10),
            body_idle: Duration::from_secs(30),
            downstream_write: Duration::from_secs(60),
            shutdown_delay: Duration::ZERO,
            shutdown_grace: Duration::from_secs(600),
        }
    }
}
