//! Whether a second deployment may be asked beside a slow one, and when.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::group::Group;
use crate::{Hedge, Route, Router};

/// How often a group was asked, and how often a second deployment was.
#[derive(Debug, Default)]
pub(crate) struct Hedges {
    requests: AtomicU64,
    hedged: AtomicU64,
}

/// The hedging of one request.
#[derive(Debug)]
pub(crate) struct Hedging<'r> {
    group: &'r Group,
    hedge: Hedge,
}

impl<'r> Hedging<'r> {
    /// `None` where a group does not hedge, or has nobody to ask beside the first.
    pub(crate) fn of(router: &Router, route: &'r Route) -> Option<Self> {
        let hedge = router.policy_of(route).hedge?;
        let members = route.members().filter(|members| members.places.len() > 1)?;
        members.group.hedges.requests.fetch_add(1, Ordering::Relaxed);
        Some(Self { group: &members.group, hedge })
    }

    /// How long the first one has. `None` while too little is known.
    pub(crate) fn delay(&self) -> Option<Duration> {
        self.hedge.delay.or_else(|| self.group.recent.percentile_95())
    }

    /// Takes one of the share of requests that may be hedged. False if it is used up.
    pub(crate) fn take(&self) -> bool {
        let hedges = &self.group.hedges;
        let requests = hedges.requests.load(Ordering::Relaxed);
        let hedged = hedges.hedged.fetch_add(1, Ordering::Relaxed);
        let may = (hedged + 1) * 100 <= requests * u64::from(self.hedge.percent_max);
        if !may {
            hedges.hedged.fetch_sub(1, Ordering::Relaxed);
        }
        may
    }
}
