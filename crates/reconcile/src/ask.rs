//! One question, asked again where that may help.

use std::time::Duration;

use trunkline_core::{Error, ErrorKind, Retry, Usage};

use crate::{Bill, Upstream};

/// The waits before a question is asked again: what failed in passing, and records that are still on their way.
const WAITS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(15)];

/// The longest wait that an upstream may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// A call that is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'row> {
    pub(crate) deployment: Option<&'row str>,
    pub(crate) generation_id: &'row str,
    pub(crate) told: Option<&'row Usage>,
    /// Whether it ended so lately that its record may still be on its way.
    pub(crate) is_recent: bool,
}

pub(crate) async fn ask(account: &dyn Upstream, asked: Asked<'_>) -> Result<Option<Bill>, Error> {
    let mut waits = WAITS.into_iter();
    loop {
        let answer = account.bill(asked.generation_id, asked.told).await;
        let wait = match &answer {
            Ok(None) if asked.is_recent => waits.next(),
            Err(error) if may_pass(error) => {
                let told = error.retry_after().unwrap_or_default();
                waits.next().map(|wait| wait.max(told.min(RETRY_AFTER_MAX)))
            }
            Ok(_) | Err(_) => None,
        };
        let Some(wait) = wait else { return answer };
        tokio::time::sleep(wait).await;
    }
}

/// Whether the same question may be answered a moment later.
fn may_pass(error: &Error) -> bool {
    matches!(error.retry(), Retry::SameTarget | Retry::After(_)) || error.kind() == ErrorKind::UpstreamCut
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use tokio::time::Instant;

    use super::*;
    use crate::BilledDay;

    /// Answers what it was told to, the first answer last.
    #[derive(Debug)]
    struct Told(Mutex<Vec<Result<Option<Bill>, ErrorKind>>>);

    #[async_trait]
    impl Upstream for Told {
        async fn bill(&self, _: &str, _: Option<&Usage>) -> Result<Option<Bill>, Error> {
            let answer = self.0.lock().expect("no panic").pop().expect("it is not asked that often");
            answer.map_err(|kind| Error::new(kind, "no"))
        }

        async fn days(&self, _: &str, _: &str) -> Result<Option<Vec<BilledDay>>, Error> {
            Ok(None)
        }
    }

    /// Which answers are given in turn, what comes of it, and after how many seconds.
    async fn check(
        is_recent: bool,
        answers: &[Result<Option<Bill>, ErrorKind>],
        expected: Result<bool, ErrorKind>,
        seconds: u64,
    ) {
        let told = Told(Mutex::new(answers.iter().rev().cloned().collect()));
        let began = Instant::now();
        let asked = Asked { deployment: None, generation_id: "gen_1", told: None, is_recent };
        let answer = ask(&told, asked).await;
        assert_eq!(answer.map(|bill| bill.is_some()).map_err(|error| error.kind()), expected);
        assert_eq!((told.0.lock().expect("no panic").len(), began.elapsed().as_secs()), (0, seconds));
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_come_is_waited_for_and_what_may_pass_is_tried_again() {
        let (bill, none, failed) = (Ok(Some(Bill::default())), Ok(None), Err(ErrorKind::UpstreamUnreachable));
        check(false, std::slice::from_ref(&bill), Ok(true), 0).await;
        check(false, std::slice::from_ref(&none), Ok(false), 0).await;
        check(true, &[none.clone(), none.clone(), bill.clone()], Ok(true), 5).await;
        check(true, &[none.clone(), none.clone(), none.clone(), none.clone()], Ok(false), 20).await;
        check(false, &[failed.clone(), none.clone()], Ok(false), 1).await;
        check(false, &vec![failed.clone(); 4], Err(ErrorKind::UpstreamUnreachable), 20).await;
        check(true, &[Err(ErrorKind::UpstreamCredential)], Err(ErrorKind::UpstreamCredential), 0).await;
    }
}
