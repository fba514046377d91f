//! Replies that are kept and given again: to whom, for how long, and as what.
//!
//! A reply is kept under a [`CacheKey`], which names the tenant: what one tenant is answered, no other is given. What a
//! caller asks of the cache stands in [`Controls`], what the operator allows in a [`Policy`]; together they say how one
//! request [`Use`]s it. [`Cache::begin`] then finds the reply, or gives the right to keep one, or waits for an equal
//! request that is on its way.
//!
//! ```
//! use std::time::Duration;
//! use trunkline_cache::{Begin, Cache, CacheKey, Kept, Options, Question};
//! use trunkline_core::{Document, Observation, Operation};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), trunkline_core::DocumentError> {
//! let cache = Cache::in_memory(Options::default());
//! let asked = Document::parse(r#"{"model": "fast", "messages": [{"role": "user", "content": "hi"}]}"#)?;
//! let question = |tenant| Question {
//!     tenant,
//!     namespace: None,
//!     operation: Operation::ChatCompletions,
//!     group: "fast",
//!     further: &[],
//!     document: &asked,
//! };
//! let key = CacheKey::of(&question("team-1"));
//! let Begin::Lead(keeper) = cache.begin(&key, None).await else { panic!("nothing is kept yet") };
//! let reply = Document::parse(r#"{"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}}]}"#)?;
//! let kept = Kept::whole(Operation::ChatCompletions, &reply, Observation::default()).expect("it says something");
//! keeper.keep(kept, Duration::from_secs(60));
//!
//! assert!(matches!(cache.begin(&key, None).await, Begin::Hit(_)));
//! let other = CacheKey::of(&question("team-2"));
//! assert!(matches!(cache.begin(&other, None).await, Begin::Lead(_)));
//! # Ok(())
//! # }
//! ```

mod cache;
mod controls;
mod flights;
mod in_memory;
mod keeper;
mod kept;
mod key;
mod options;
mod policy;
mod recorder;
mod shelf;
mod storage;
mod waiter;
mod wire;

mod convert;
mod packed;
mod substance;

pub use cache::{Begin, Cache};
pub use controls::Controls;
pub use keeper::Keeper;
pub use kept::{Form, Kept};
pub use key::{CacheKey, Question};
pub use options::Options;
pub use policy::{Policy, Use};
pub use recorder::Recorder;
pub use storage::{Found, Storage};
pub use waiter::Waiter;
