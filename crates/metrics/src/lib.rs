//! What a gateway counts, as Prometheus reads it, under LiteLLM's names and labels.
//!
//! [`Metrics`] is a [`Recorder`](trunkline_gateway::Recorder) that hands each record on to the one behind it, and an
//! [`Exposition`](trunkline_gateway::Exposition) that answers `GET /metrics`. A request is counted once, when its record
//! is settled, in one tally that all families are made of when somebody scrapes. `docs/metrics.md` lists the families. What
//! stands elsewhere, a [`Source`] adds to the page.

mod accounts;
mod callbacks;
mod caller;
mod families;
mod key;
mod label;
mod metrics;
mod names;
mod page;
mod process;
mod row;
mod source;
mod spread;
mod tallies;
mod totals;

pub use accounts::AccountGauges;
pub use callbacks::CallbackGauges;
pub use metrics::Metrics;
pub use source::{Gauge, GaugeKind, Source, Value};
