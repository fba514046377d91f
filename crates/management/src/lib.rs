//! The API by which keys, users, teams and budgets of a gateway are managed: LiteLLM's, over a store.
//!
//! It knows nothing of HTTP but its words: [`Management::answer`] makes a reply of a request. [`ENDPOINTS`] lists what
//! there is, and the least role for each; whoever serves it finds the row for a path, and who asks.
//!
//! Each administrative act is written together with its line in the audit log. An object that has changed meanwhile is
//! read and changed anew, three times at most.

mod actor;
mod asked;
mod audit;
mod budgets;
mod counters;
mod customers;
mod desk;
mod draft;
mod endpoints;
mod fields;
mod import;
mod keys;
mod management;
mod members;
mod models;
mod numbers;
mod options;
mod request;
mod rights;
mod shapes;
mod spend;
mod stored_models;
mod tables;
mod tags;
mod teams;
mod times;
mod users;

pub use actor::Actor;
pub use asked::{Asked, Reply};
pub use endpoints::{ENDPOINTS, Endpoint, EndpointRow, Report};
pub use import::{Import, ImportOptions, ImportReport};
pub use management::Management;
pub use options::{Deployments, Options};
pub use stored_models::{StoredModel, stored_models};
