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

/// What an answer's time is the time of. The two are never compared: a first event comes long before a whole reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    WholeReply,
    FirstEvent,
}

impl Until {
    pub(crate) fn of(streams: bool) -> Self {
        if streams { Self::FirstEvent } else { Self::WholeReply }
    }
}

/// The time to a whole reply, and to the first event of a stream, as averages in which older answers count ever less.
#[derive(Debug, Default)]
pub(crate) struct Speed(Mutex<[Option<(f64, Instant)>; 2]>);

impl Speed {
    /// Notes an answer that took this long.
    pub(crate) fn note(&self, took: Duration, until: Until) {
        let mut averages = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (took, average) = (took.as_secs_f64(), &mut averages[until as usize]);
        let seconds = average.map_or(took, |(before, _)| before + NEWEST * (took - before));
        *average = Some((seconds, Instant::now()));
    }

    /// Seconds, if there was an answer within this time.
    pub(crate) fn seconds(&self, time_to_live: Duration, until: Until) -> Option<f64> {
        let averages = *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        averages[until as usize].filter(|(_, last)| last.elapsed() < time_to_live).map(|(seconds, _)| seconds)
    }
}

/// The last answers of a group.
#[derive(Debug, Default)]
pub(crate) struct Recent([Mutex<Ring>; 2]);

#[derive(Debug, Default)]
struct Ring {
    took: Vec<Duration>,
    next: usize,
}

impl Recent {
    pub(crate) fn note(&self, took: Duration, until: Until) {
        let mut ring = self.0[until as usize].lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if ring.took.len() < KEPT {
            ring.took.push(took);
        } else {
            let next = ring.next;
            ring.took[next] = took;
            ring.next = (next + 1) % KEPT;
        }
    }

    /// What 95 of a hundred answers took at most. `None` while there are too few.
    pub(crate) fn percentile_95(&self, until: Until) -> Option<Duration> {
        let mut took =
            self.0[until as usize].lock().unwrap_or_else(|poisoned| poisoned.into_inner()).took.clone();
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
        assert_eq!(speed.seconds(hour, Until::WholeReply), None);
        speed.note(Duration::from_secs(10), Until::WholeReply);
        (0..30).for_each(|_| speed.note(Duration::from_secs(1), Until::WholeReply));
        assert!(speed.seconds(hour, Until::WholeReply).is_some_and(|seconds| (1.0..1.1).contains(&seconds)));
        assert_eq!(speed.seconds(Duration::ZERO, Until::WholeReply), None, "too long ago");
    }

    #[test]
    fn the_percentile_is_of_the_last_answers() {
        let recent = Recent::default();
        (0..19).for_each(|_| recent.note(Duration::from_secs(1), Until::FirstEvent));
        assert_eq!(recent.percentile_95(Until::FirstEvent), None);
        (0..500).for_each(|number| recent.note(Duration::from_millis(number), Until::FirstEvent));
        assert_eq!(recent.percentile_95(Until::FirstEvent), Some(Duration::from_millis(372 + 121)));
        assert_eq!(recent.percentile_95(Until::WholeReply), None, "no whole reply came");
    }
}
