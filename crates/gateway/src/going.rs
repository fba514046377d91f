//! A call that is about to be sent: who asks, and what is known of where it goes.

use trunkline_router::{Candidate, Route, Router, Wishes};

use crate::authentication::Caller;

/// A call, and what is known of where it goes.
#[derive(Debug)]
pub(crate) struct Going<'g> {
    pub(crate) caller: &'g Caller,
    pub(crate) router: &'g Router,
    pub(crate) route: &'g Route,
    pub(crate) candidate: &'g Candidate,
    /// The name that was asked for.
    pub(crate) name: &'g str,
    /// The end user.
    pub(crate) user: Option<&'g str>,
    pub(crate) wishes: &'g Wishes,
}
