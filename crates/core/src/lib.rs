//! The words that every Trunkline crate shares: documents, calls, replies, events, usage, cost, errors.
//!
//! No I/O and no runtime live here. The house, and why it is built this way, is described in
//! `docs/architecture.md` of the repository.

mod call;
pub mod cost;
mod document;
mod document_error;
mod environment;
mod error;
mod event;
mod form;
pub mod json;
mod model_info;
mod observation;
mod operation;
mod reply;
mod secret;
mod segments;
mod service_tier;
mod subject;
mod usage;
mod wait;

pub use call::{Body, Call};
pub use cost::{Cost, ReportedCost};
pub use document::{Document, DocumentLimits, Duplicates};
pub use document_error::{DocumentError, DocumentErrorKind};
pub use environment::Environment;
pub use error::{Error, ErrorKind, Fault, ReachedLimit, ReachedRate, Retry, UpstreamAnswer};
pub use event::{Event, EventStream};
pub use form::{Form, FormError};
pub use model_info::{ModelInfo, TokenPrices};
pub use observation::Observation;
pub use operation::{Dialect, Operation};
pub use reply::{ByteStream, Reply, ReplyBody};
pub use secret::Secret;
pub use segments::Segments;
pub use service_tier::ServiceTier;
pub use subject::{Subject, SubjectKind};
pub use usage::{InclusiveUsage, Usage};
pub use wait::Wait;
