//! Whom a call counts against: its key and those behind it, its model, its end user, its tags.

use std::sync::Arc;

use futures_util::future::{join, join_all};
use trunkline_core::{Error, Subject};
use trunkline_keys::{Accounts, Keys, Limited};
use trunkline_limits::Account;
use trunkline_store::{Kind, TAGS_MAX};

use crate::authentication::Caller;
use crate::going::Going;

/// The accounts that every request of a caller counts against, whatever it asks.
pub(crate) fn of_caller<'k>(keys: &'k Keys, caller: &'k Caller) -> &'k Accounts {
    caller.identity().map_or(keys.global(), |identity| &identity.accounts)
}

/// The end user and the tags that a request names, as far as somebody has limited them.
///
/// Where the store does not tell, the request goes on without: whoever names a new end user must not be refused because
/// a database is down.
pub(crate) async fn limited(keys: &Keys, going: &Going<'_>) -> Result<Vec<Arc<Limited>>, Error> {
    let user = going.user.map(|user| (Kind::Customer, user));
    let tags = going.wishes.tags.iter().take(TAGS_MAX).map(|tag| (Kind::Tag, tag.as_str()));
    let looked = at_once(user.into_iter().chain(tags), |(kind, id)| keys.limited(kind, id)).await;
    let mut named = Vec::new();
    let mut failed: Vec<Error> = Vec::new();
    for limited in looked {
        match limited {
            Ok(limited) => {
                limited.check()?;
                named.push(limited);
            }
            Err(error) => failed.push(error),
        }
    }
    if let Some(error) = failed.first() {
        let count = failed.len();
        tracing::warn!(error = %error, count, "limits of the end user or of tags could not be read, and do not hold for this call");
    }
    Ok(named)
}

/// Asks for all of them at one time, so that together they wait no longer than one. The answers are in their order.
async fn at_once<S, L: Future>(
    subjects: impl Iterator<Item = S>,
    look: impl Fn(S) -> L,
) -> impl Iterator<Item = L::Output> {
    let mut looking = subjects.map(look);
    let (first, others) = match looking.next() {
        // Most requests name one at most, which needs no list.
        Some(first) => {
            let (first, others) = join(first, join_all(looking)).await;
            (Some(first), others)
        }
        None => (None, Vec::new()),
    };
    first.into_iter().chain(others)
}

/// The accounts that are known only with the body: those of the model, the end user, the tags.
pub(crate) fn late(keys: &Keys, going: &Going<'_>, named: &[Arc<Limited>]) -> Vec<Arc<Account>> {
    let names = [going.name, &**going.route.group()];
    let of_key = going.caller.identity().map(|identity| &identity.accounts);
    let of_models = of_key.into_iter().chain([keys.global()]).filter(|accounts| accounts.knows_models());
    let of_models = of_models.flat_map(|accounts| accounts.of_models(&names));
    let of_named = named
        .iter()
        .flat_map(|limited| limited.accounts.paying.iter().chain(limited.accounts.of_models(&names)));
    of_models.chain(of_named).cloned().collect()
}

pub(crate) fn has_budget(keys: &Keys, caller: &Caller, named: &[Arc<Limited>]) -> bool {
    of_caller(keys, caller).has_budget || named.iter().any(|limited| limited.accounts.has_budget)
}

pub(crate) fn charged(caller: &Caller, named: &[Arc<Limited>]) -> Vec<Subject> {
    let of_caller = caller.identity().into_iter().flat_map(|identity| identity.accounts.charged());
    of_caller.chain(named.iter().flat_map(|limited| limited.accounts.charged())).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_names_are_looked_up_in_the_time_of_one() {
        let began = tokio::time::Instant::now();
        let wait = Duration::from_millis(50);
        let look = async |name: usize| {
            // The later ones are there first.
            let wait = wait / u32::try_from(name + 1).expect("a small number");
            tokio::time::timeout(wait, std::future::pending::<()>()).await.expect_err("it takes its time");
            name
        };
        for count in [0, 1, 2, TAGS_MAX + 1] {
            assert!(at_once(0..count, look).await.eq(0..count));
        }
        assert_eq!(began.elapsed().as_millis(), 3 * wait.as_millis());
    }
}
