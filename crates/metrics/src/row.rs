//! A tally with all that is told of it: what families are made of.

use crate::caller::KeptCaller;
use crate::key::Key;
use crate::totals::Totals;

/// One tally, ready to be told.
#[derive(Debug)]
pub(crate) struct Row<'r> {
    pub(crate) key: Key<'r>,
    pub(crate) caller: &'r KeptCaller,
    pub(crate) totals: &'r Totals,
    /// The base of its deployment, where that is known and not the provider's own.
    pub(crate) api_base: Option<&'r str>,
}
