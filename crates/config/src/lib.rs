//! LiteLLM's config.yaml, read into typed settings with located diagnostics.
//!
//! [`load`] reads a file and what it includes, puts the environment in where the file says
//! `os.environ/NAME`, holds every key against [`key_table`], and hands out [`Settings`]. What could not be
//! honoured is never dropped in silence: it becomes a [`Diagnostic`] with file, line and column.
//!
//! ```
//! use trunkline_config::{Environment, parse};
//!
//! let environment = Environment::from_iter([("GATEWAY_KEY", "vck-1")]);
//! let loaded = parse(
//!     "model_list:\n- model_name: fast\n  litellm_params:\n    model: vercel_ai_gateway/openai/gpt-4o\n    api_key: os.environ/GATEWAY_KEY\n",
//!     "config.yaml",
//!     &environment,
//!     &[],
//! )?;
//! assert_eq!(loaded.settings.deployments[0].group, "fast");
//! assert!(loaded.diagnostics.is_empty());
//! # Ok::<(), trunkline_config::LoadError>(())
//! ```

mod deployment_settings;
mod keys;
mod members;
mod routing_settings;
mod settings;
mod trunkline_settings;

mod diagnostic;
mod location;

mod accounts;
mod aliases;
mod cache;
mod callbacks;
mod coerce;
mod contents;
mod credential;
mod data_folder;
mod deployment;
mod documentation;
mod exports;
mod fallbacks;
mod followed;
mod global_limits;
mod group_waits;
mod groups;
mod include;
mod info;
mod load;
mod load_error;
mod node;
mod params;
mod places;
mod policies;
mod prices;
mod reader;
mod redis;
mod reference;
mod restart;
mod review;
mod routing;
mod sections;
mod spelling;
mod stored;
mod watch;

pub use accounts::AccountSettings;
pub use cache::{CachePlace, CacheSettings};
pub use contents::Contents;
pub use deployment_settings::{
    DeploymentSettings, Disabled, GroupOverrides, HealthCheckSettings, ServicePrices,
};
pub use diagnostic::{Diagnostic, Severity};
pub use documentation::key_table_markdown;
pub use exports::{ExportSettings, TraceSettings, WebhookSettings};
pub use followed::{Followed, Look, Looked};
pub use global_limits::{CallLimits, GlobalLimits};
pub use group_waits::GroupWaits;
pub use keys::{KeyRow, Section, State, Values, key_table};
pub use load::{Loaded, load, load_noting, parse, without_file};
pub use load_error::LoadError;
pub use location::Location;
pub use members::Members;
pub use params::is_base;
pub use redis::RedisSettings;
pub use routing_settings::{AllowedFailsPolicy, RetryPolicy, RoutingSettings, RoutingStrategy, StrategyArgs};
pub use settings::{AliasSettings, GeneralSettings, Settings, UpstreamSettings};
pub use stored::StoredRow;
pub use trunkline_core::{Environment, Secret};
pub use trunkline_settings::{
    GatewayAttribution, LedgerDurability, TrunklineSettings, UnknownPrice, WithoutRedis,
};
