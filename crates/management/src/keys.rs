//! Keys: making, showing, changing and deleting them.

pub(crate) mod bounds;
pub(crate) mod ceiling;
pub(crate) mod change;
pub(crate) mod delete;
pub(crate) mod expiry;
pub(crate) mod generate;
pub(crate) mod info;
pub(crate) mod inheritance;
pub(crate) mod list;
pub(crate) mod lookup;
pub(crate) mod regenerate;
pub(crate) mod reset;
pub(crate) mod rows;
