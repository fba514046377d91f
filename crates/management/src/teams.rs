//! Teams: making, showing, changing and deleting them, and who is in them.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod info;
pub(crate) mod membership;
pub(crate) mod rows;
