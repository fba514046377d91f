//! What came of configurations that were read while the gateway served.

use std::time::SystemTime;

/// How often a newer configuration was taken up or refused since the start, and when last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reloads {
    /// How often one was taken up.
    pub taken_up: u64,
    /// How often one was refused, so that the last good one served on.
    pub refused: u64,
    /// When one was taken up last.
    pub last_taken_up: Option<SystemTime>,
    /// When one was refused last.
    pub last_refused: Option<SystemTime>,
    /// Since when one is refused. `None` while the newest serves.
    pub refused_since: Option<SystemTime>,
}

impl Reloads {
    pub(crate) fn note_taken_up(&mut self) {
        self.taken_up += 1;
        self.last_taken_up = Some(SystemTime::now());
        self.refused_since = None;
    }

    pub(crate) fn note_refused(&mut self) {
        let now = SystemTime::now();
        self.refused += 1;
        self.last_refused = Some(now);
        self.refused_since.get_or_insert(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_in_a_row_are_counted_and_date_from_the_first() {
        let mut reloads = Reloads::default();
        reloads.note_refused();
        let first = reloads.refused_since;
        reloads.note_refused();
        assert_eq!((reloads.refused, reloads.refused_since, first.is_some()), (2, first, true));
        assert!(reloads.last_refused >= first);
        reloads.note_taken_up();
        assert_eq!((reloads.taken_up, reloads.refused, reloads.refused_since), (1, 2, None));
        assert!(reloads.last_taken_up >= reloads.last_refused);
    }
}
