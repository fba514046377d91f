//! One row for each admitted request, whatever happens.
//!
//! [`Ledger::begin`] appends an opening to a local journal before anything is sent, and reserves the place of the row.
//! [`Entry::close`] appends the row, and cannot fail; an entry that is dropped closes itself. [`Ledger::deliver`] brings
//! rows to the store, at least once; the store counts each once, by its id. What a process that was killed had opened
//! and not closed becomes a row at the next start: interrupted, and estimated from its input.

mod backlog;
mod delivery;
mod entry;
mod ledger;
mod opening;
mod options;
mod request_id;
mod retention;
mod row_record;
mod rows;
mod shared;
mod stranded;
mod wire;

pub use backlog::Backlog;
pub use entry::{Closed, Entry};
pub use ledger::Ledger;
pub use opening::Opening;
pub use options::{Options, WhenFull};
pub use request_id::RequestId;
pub use row_record::FORMAT;
pub use stranded::deliver_stranded;
