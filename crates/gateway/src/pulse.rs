//! Whether the store answers, as everybody may ask: it is asked once a second at most, however many want to know.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long an outcome is told again.
const FRESH: Duration = Duration::from_secs(1);

/// The last outcome, and when it was had. Whoever asks meanwhile waits for the one that is on its way.
#[derive(Debug, Default)]
pub(crate) struct Pulse(Mutex<Option<(Instant, bool)>>);

impl Pulse {
    /// The last outcome if it is fresh, else that of `ask`.
    pub(crate) async fn beats(&self, ask: impl Future<Output = bool>) -> bool {
        let mut last = self.0.lock().await;
        if let Some((at, beats)) = *last
            && at.elapsed() < FRESH
        {
            return beats;
        }
        let beats = ask.await;
        *last = Some((Instant::now(), beats));
        beats
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_store_is_asked_once_a_second() {
        let (pulse, asked) = (Pulse::default(), AtomicUsize::new(0));
        let ask = async || {
            let answer = tokio::time::timeout(Duration::from_millis(300), std::future::pending::<()>());
            answer.await.expect_err("it takes its time");
            // It is away after the first time.
            asked.fetch_add(1, Ordering::Relaxed) == 0
        };
        let many = async || join_all((0..100).map(|_| pulse.beats(ask()))).await;
        assert_eq!(many().await, [true; 100]);
        tokio::time::advance(Duration::from_millis(999)).await;
        assert_eq!(many().await, [true; 100]);
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(many().await, [false; 100]);
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_leaves_while_it_is_asked_leaves_nobody_behind() {
        let pulse = Pulse::default();
        let gone = tokio::time::timeout(FRESH, pulse.beats(std::future::pending()));
        gone.await.expect_err("nobody answers");
        assert!(pulse.beats(async { true }).await);
    }
}
