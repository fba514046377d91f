//! Virtual keys: how they are kept, who they are, and what they may do.
//!
//! A key is shown once, when it is made. What is kept is its index: a keyed hash of a hash ([`Pepper`]), so that a
//! stolen table opens nothing. [`Keys`] finds an [`Identity`] for a key; a gateway asks it what it may do.

mod accounts;
mod allowance;
mod following;
mod identity;
mod keys;
mod late;
mod limited;
mod model_list;
mod notes;
mod observer;
mod origin;
mod parts;
mod pepper;
mod pepper_file;
mod reading;
mod role;
mod routes;
mod seeding;
mod snapshot;
mod snapshot_file;
mod soft_budget;
mod source;
mod standby;
mod standing_in;
mod token;

pub use accounts::Accounts;
pub use identity::{Identity, tags_of};
pub use keys::{Keys, KeysOptions};
pub use limited::Limited;
pub use model_list::ModelList;
pub use notes::{COUNTS_AS, LENT, RENEWED, SPEND_RESET_AT, SPEND_RESET_TO, counts_as};
pub use observer::Observer;
pub use pepper::{KeyIndex, Pepper};
pub use pepper_file::{existing_pepper, pepper_of_folder, random_pepper};
pub use role::Role;
pub use routes::{AllowedRoutes, RouteGroup};
pub use soft_budget::SoftBudgetPassed;
pub use token::{Token, display_name};
