//! How fast a deployment or a group answers.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// The weight of the newest answer.
const NEWEST: f64 = 0.2;

/// How many answers of a group are kept for its percentile.
const KEPT: usize = 128;

/// So many answers tell something of the slow ones.
const KEPT_MIN: usize = 20;

/// The time to the first event, or to a whole reply, as an average in which older answers count ever less.
#[derive(Debug, Default)]
pub(crate) struct Speed(Mutex<Option<(f64, Instant)>>);

impl Speed {
    /// Notes an answer that took this long.
    pub(crate) fn note(&self, took: Duration) {
        let mut average = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let took = took.as_secs_f64();
        let seconds = average.map_or(took, |(before, _)| before + NEWEST * (took - before));
        *average = Some((seconds, Instant::now()));
    }

    /// Seconds, if there was an answer within this time.
    pub(crate) fn seconds(&self, time_to_live: Duration) -> Option<f64> {
        let average = *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        average.filter(|(_, last)| last.elapsed() < time_to_live).map(|(seconds, _)| seconds)
    }
}

/// The last answers of a group.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    took: Vec<Duration>,
    next: usize,
}

impl Recent {
    pub(crate) fn note(&self, took: Duration) {
        let mut ring = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if ring.took.len() < KEPT {
            ring.took.push(took);
        } else {
            let next = ring.next;
            ring.took[next] = took;
            ring.next = (next + 1) % KEPT;
        }
    }

    /// What 95 of a hundred answers took at most. `None` while there are too few.
    pub(crate) fn percentile_95(&self) -> Option<Duration> {
        let mut took = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).took.clone();
        if took.len() < KEPT_MIN {
            return None;
        }
        // 95 of a hundred are fewer than all, so that there is such a place.
        let place = took.len() * 95 / 100;
        Some(*took.select_nth_unstable(place).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_answers_count_less() {
        let speed = Speed::default();
        let hour = Duration::from_secs(3_600);
        assert_eq!(speed.seconds(hour), None);
        speed.note(Duration::from_secs(10));
        (0..30).for_each(|_| speed.note(Duration::from_secs(1)));
        assert!(speed.seconds(hour).is_some_and(|seconds| (1.0..1.1).contains(&seconds)));
        assert_eq!(speed.seconds(Duration::ZERO), None, "too long ago");
    }

    #[test]
    fn the_percentile_is_of_the_last_answers() {
        let recent = Recent::default();
        (0..19).for_each(|_| recent.note(Duration::from_secs(1)));
        assert_eq!(recent.percentile_95(), None);
        (0..500).for_each(|number| recent.note(Duration::from_millis(number)));
        assert_eq!(recent.percentile_95(), Some(Duration::from_millis(372 + 121)));
    }
}
