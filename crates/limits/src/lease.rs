//! What one account holds of one shared counter.

use crate::OnOutage;
use crate::shared::{Held, LEASES, lease_size};

/// What one account holds of one shared counter, in its units.
///
/// What is used stays within `held`, and `held` within what the store has noted: it grows by the store's answer to
/// the newest claim alone, and shrinks before the store is told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lease {
    held: u64,
    /// What nobody holds, as the store said last.
    left: Option<u64>,
    /// What calls were short of since the last claim, all together.
    wanted: u64,
    /// What the one of them that wanted least was short of.
    wanted_least: Option<u64>,
    sequence: u64,
    told_spent: u64,
    /// What the store has noted of what is spent, in this counter or one before that went on in it.
    noted_spent: u64,
    /// Whether the store has answered the newest claim.
    is_acknowledged: bool,
    /// Whether the last claim got fewer than it needed.
    is_starved: bool,
    used_at: i64,
    /// When the store answered the newest claim that it answered.
    answered_at: i64,
}

/// How many places among the calls at one time are held ahead of need: none of few.
pub(crate) fn places_ahead(limit: u64) -> u64 {
    limit / LEASES
}

/// How a counter stands at one account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// What is used or reserved.
    pub(crate) used: u64,
    /// What is used for good.
    pub(crate) spent: u64,
    pub(crate) limit: u64,
}

/// Units that are claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claimed {
    pub(crate) units: u64,
    pub(crate) least: u64,
}

/// Whether what is held is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Enough,
    /// The store is asked for more.
    Comes,
    /// The store does not answer; what holds for one replica alone holds now.
    AsIfAlone,
    /// The store does not answer, and nothing passes without it.
    Outage,
}

impl Lease {
    /// Whether what is held is enough to have used so much altogether. What is wanting is asked for, where somebody
    /// `asks` in earnest.
    pub(crate) fn room(
        &mut self,
        now_ms: i64,
        used: u64,
        needed: u64,
        outage: Option<OnOutage>,
        asks: bool,
    ) -> Room {
        self.used_at = now_ms;
        if needed <= self.held {
            return Room::Enough;
        }
        if asks {
            let wanted = needed.saturating_sub(used);
            self.wanted = self.wanted.saturating_add(wanted);
            self.wanted_least = Some(self.wanted_least.map_or(wanted, |least| least.min(wanted)));
        }
        match outage {
            None => Room::Comes,
            Some(OnOutage::Refuse) => Room::Outage,
            Some(OnOutage::AllowLocally) => Room::AsIfAlone,
        }
    }

    /// The lease of the window after: nothing is held of that yet.
    pub(crate) fn of_next_window(self) -> Self {
        Self { used_at: self.used_at, ..Self::default() }
    }

    /// The lease of the counter that this one goes on in: nothing is held of that yet.
    pub(crate) fn of_next_generation(self) -> Self {
        Self { used_at: self.used_at, noted_spent: self.noted_spent, ..Self::default() }
    }

    /// What the store has noted of what is spent here.
    pub(crate) fn noted_spent(&self) -> u64 {
        self.noted_spent
    }

    /// Whether the store was asked for any of it.
    pub(crate) fn is_in_use(&self) -> bool {
        self.sequence > 0
    }

    /// Forgets what calls were short of: they are to look again, and say it anew.
    pub(crate) fn forget_wanted(&mut self) {
        (self.wanted, self.wanted_least) = (0, None);
    }

    /// What is held.
    pub(crate) fn held(&self) -> u64 {
        self.held
    }

    /// What is used of a limit, or held by others, as far as is known: all that is not left for this replica.
    pub(crate) fn taken(&self, limit: u64, used: u64) -> u64 {
        let Some(left) = self.left else { return used };
        limit.saturating_sub(self.held.saturating_sub(used)).saturating_sub(left).max(used)
    }

    /// Whether the store has nothing left to give, as far as is known.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.left == Some(0)
    }

    /// Whether the store has not answered for so long, or nobody can tell, since the clock was set back.
    pub(crate) fn is_silent(&self, now_ms: i64, for_ms: i64) -> bool {
        !(0..for_ms).contains(&now_ms.saturating_sub(self.answered_at))
    }

    /// Holds no more than this from now on.
    pub(crate) fn keep(&mut self, units: u64) {
        self.held = self.held.min(units);
    }

    /// What to claim now, if anything. What is given back by it is not held from now on.
    pub(crate) fn claim(&mut self, figures: Figures, idle_since: i64, sequence: u64) -> Option<Claimed> {
        let Figures { used, spent, limit } = figures;
        let size = lease_size(limit);
        let wanted = self.take_wanted(used);
        let spare = self.held.saturating_sub(used);
        let is_short = wanted.units > self.held;
        let units = if is_short && self.is_starved {
            // Others may wait for as much: whoever gives back what is of no use alone lets one of them go on.
            used
        } else if is_short {
            wanted.units.saturating_add(size)
        } else if self.used_at <= idle_since {
            used
        } else if spare > size.saturating_mul(2) || (spare < size.div_ceil(2) && !self.is_exhausted()) {
            used.saturating_add(size)
        } else {
            self.held
        };
        let is_told =
            spent == self.told_spent || (self.used_at > idle_since && spent.abs_diff(self.told_spent) < size);
        self.claim_units(units, wanted, figures, is_told, sequence)
    }

    /// The same of places among the calls at one time, of which `peak` were used at once of late. Others may wait for them,
    /// so that few are held ahead of need, and none where there are no others left.
    pub(crate) fn claim_places(
        &mut self,
        figures: Figures,
        (peak, is_due): (u64, bool),
        idle_since: i64,
        sequence: u64,
    ) -> Option<Claimed> {
        let Figures { used, limit, .. } = figures;
        let ahead = places_ahead(limit);
        let wanted = self.take_wanted(used);
        let kept = if self.is_exhausted() { used } else { used.max(peak) };
        let is_short = wanted.units > self.held;
        let units = if is_short && self.is_starved {
            used
        } else if is_short {
            wanted.units.max(kept).saturating_add(ahead)
        } else if self.used_at <= idle_since {
            used
        } else if used.saturating_add(ahead.div_ceil(2)) > self.held && !self.is_exhausted() {
            used.saturating_add(ahead)
        } else {
            self.held.min(kept.saturating_add(ahead.saturating_mul(2)))
        };
        // The store is to know of those that went on without it, too.
        let is_told = !is_due && used <= self.held && (units > 0 || self.told_spent == 0);
        self.claim_units(units, wanted, figures, is_told, sequence)
    }

    /// What calls want of it, with what is used, and what the one needs that wants least.
    fn take_wanted(&mut self, used: u64) -> Claimed {
        let units = used.saturating_add(std::mem::take(&mut self.wanted));
        let least = used.saturating_add(self.wanted_least.take().unwrap_or_default());
        Claimed { units, least }
    }

    /// Claims so many units, unless the store has noted as much and knows what there is to be told.
    fn claim_units(
        &mut self,
        units: u64,
        wanted: Claimed,
        figures: Figures,
        is_told: bool,
        sequence: u64,
    ) -> Option<Claimed> {
        let Figures { used, spent, limit } = figures;
        let is_short = wanted.units > self.held;
        let units = units.min(limit.max(used));
        if units == self.held && is_told && (self.is_acknowledged || self.sequence == 0) && !is_short {
            return None;
        }
        self.is_starved = false;
        // What is given back is there for whoever asks next, here too.
        let given_back = self.held.saturating_sub(units);
        self.left = self.left.map(|left| left.saturating_add(given_back));
        self.held = self.held.min(units);
        self.sequence = sequence;
        self.is_acknowledged = false;
        self.told_spent = spent;
        Some(Claimed { units, least: if is_short && units >= wanted.least { wanted.least } else { 0 } })
    }

    /// Takes the store's answer to a claim. Gives whether it was the newest claim.
    pub(crate) fn answer(&mut self, claimed: Claimed, sequence: u64, held: &Held, now_ms: i64) -> bool {
        if sequence != self.sequence {
            return false;
        }
        self.answered_at = now_ms;
        self.is_acknowledged = true;
        self.noted_spent = self.told_spent;
        self.held = held.units;
        self.left = Some(held.left);
        self.is_starved = held.units < claimed.least;
        true
    }

    /// Whether nothing is held that is not used, and the store knows it.
    pub(crate) fn is_at_rest(&self, figures: Figures) -> bool {
        let is_told = self.told_spent == figures.spent && (self.is_acknowledged || self.sequence == 0);
        self.wanted == 0 && self.held <= figures.used && figures.used == figures.spent && is_told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER_IDLE: i64 = -1;
    const REFUSE: Option<OnOutage> = Some(OnOutage::Refuse);

    fn figures(used: u64) -> Figures {
        Figures { used, spent: used, limit: 640 }
    }

    fn claim(lease: &mut Lease, used: u64, idle_since: i64, sequence: u64) -> Option<(u64, u64)> {
        lease.claim(figures(used), idle_since, sequence).map(|claimed| (claimed.units, claimed.least))
    }

    fn answer(lease: &mut Lease, sequence: u64, least: u64, units: u64, left: u64) {
        let held = Held { units, left, ..Held::default() };
        lease.answer(Claimed { units, least }, sequence, &held, 0);
    }

    #[test]
    fn a_lease_is_fetched_ahead_and_given_back() {
        let mut lease = Lease::default();
        assert_eq!(lease.room(5, 0, 1, None, true), Room::Comes);
        assert_eq!(claim(&mut lease, 0, NEVER_IDLE, 1), Some((11, 1)));
        answer(&mut lease, 1, 1, 11, 600);
        assert_eq!(lease.room(6, 0, 11, None, true), Room::Enough);
        assert_eq!(claim(&mut lease, 3, NEVER_IDLE, 2), None, "enough is left");
        assert_eq!(claim(&mut lease, 7, NEVER_IDLE, 2), Some((17, 0)), "before it is used up");
        answer(&mut lease, 2, 0, 17, 500);
        assert_eq!(claim(&mut lease, 7, 6, 3), Some((7, 0)), "nobody uses it");
        assert_eq!(lease.room(7, 7, 8, None, true), Room::Comes, "given back before it is said");
        answer(&mut lease, 2, 0, 17, 500);
        assert_eq!(lease.room(7, 7, 8, None, true), Room::Comes, "an answer that is late");
    }

    #[test]
    fn what_is_given_back_is_not_used_up() {
        let mut lease = Lease::default();
        lease.room(5, 0, 1, None, true);
        claim(&mut lease, 0, NEVER_IDLE, 1);
        answer(&mut lease, 1, 1, 640, 0);
        assert!(lease.is_exhausted());
        assert_eq!(claim(&mut lease, 20, NEVER_IDLE, 2), Some((30, 0)));
        assert!(!lease.is_exhausted(), "though the store has not said so yet");
        assert_eq!(lease.taken(640, 20), 20);
    }

    #[test]
    fn what_is_of_no_use_alone_is_given_back() {
        let mut lease = Lease::default();
        lease.room(5, 0, 4, None, true);
        claim(&mut lease, 0, NEVER_IDLE, 1);
        answer(&mut lease, 1, 4, 14, 0);
        lease.room(5, 0, 300, None, true);
        assert_eq!(claim(&mut lease, 0, NEVER_IDLE, 2), Some((310, 300)));
        answer(&mut lease, 2, 300, 14, 100);
        lease.room(5, 0, 300, None, true);
        assert_eq!(claim(&mut lease, 0, NEVER_IDLE, 3), Some((0, 0)));
        answer(&mut lease, 3, 0, 0, 114);
        lease.room(5, 0, 300, None, true);
        assert_eq!(claim(&mut lease, 0, NEVER_IDLE, 4), Some((310, 300)), "and then it is tried again");
    }

    #[test]
    fn places_are_kept_for_a_while_unless_there_are_no_others() {
        let mut lease = Lease::default();
        let claim = |lease: &mut Lease, used, peak, is_due, sequence| {
            let figures = Figures { used, spent: used, limit: 10 };
            let claimed = lease.claim_places(figures, (peak, is_due), NEVER_IDLE, sequence);
            claimed.map(|Claimed { units, least }| (units, least))
        };
        lease.room(5, 0, 1, None, true);
        assert_eq!(claim(&mut lease, 0, 0, false, 1), Some((1, 1)), "nothing ahead of so few");
        answer(&mut lease, 1, 1, 1, 9);
        assert_eq!(claim(&mut lease, 1, 1, false, 2), None);
        assert_eq!(claim(&mut lease, 1, 1, true, 2), Some((1, 0)), "it tells that it is there");
        answer(&mut lease, 2, 0, 1, 9);
        assert_eq!(claim(&mut lease, 0, 1, false, 3), None, "the next call may come soon");
        assert_eq!(claim(&mut lease, 0, 0, false, 3), Some((0, 0)), "and does not");
        answer(&mut lease, 3, 0, 0, 10);
        assert_eq!(claim(&mut lease, 0, 0, false, 4), None);
        lease.room(5, 0, 1, None, true);
        assert_eq!(claim(&mut lease, 0, 0, false, 5), Some((1, 1)));
        answer(&mut lease, 5, 1, 1, 0);
        assert_eq!(claim(&mut lease, 0, 1, false, 6), Some((0, 0)), "others may wait for it");
        assert_eq!(lease.room(7, 0, 1, None, true), Room::Comes);
        assert_eq!(claim(&mut lease, 0, 1, false, 7), Some((1, 1)), "or somebody here");
    }

    #[test]
    fn without_a_store_what_is_held_is_used_up_and_then_the_policy_holds() {
        let mut lease = Lease::default();
        lease.room(5, 0, 1, None, true);
        claim(&mut lease, 0, NEVER_IDLE, 1);
        answer(&mut lease, 1, 1, 11, 600);
        claim(&mut lease, 9, NEVER_IDLE, 2);
        assert_eq!(lease.room(5, 9, 11, REFUSE, true), Room::Enough);
        assert_eq!(lease.room(5, 11, 12, REFUSE, true), Room::Outage);
        assert_eq!(lease.room(5, 11, 12, Some(OnOutage::AllowLocally), true), Room::AsIfAlone);
        assert_eq!(
            claim(&mut lease, 11, NEVER_IDLE, 3),
            Some((23, 12)),
            "the store is still asked, for both"
        );
        answer(&mut lease, 3, 12, 23, 600);
        assert_eq!(lease.room(5, 11, 12, None, true), Room::Enough);
    }
}
