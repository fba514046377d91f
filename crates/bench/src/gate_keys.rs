//! What the gate counts of keys: who a caller is, and one request of the key's minute, with few keys in memory and many.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use trunkline_core::{Error, ErrorKind, Secret, Subject};
use trunkline_keys::{Keys, KeysOptions, Pepper};
use trunkline_store::{
    Act, Activity, ActivityQuery, Change, Kind, Object, ObjectQuery, Page, RequestQuery, RequestRow, Spent,
    Store, Write,
};

use crate::arguments::Arguments;

/// Another key each time, from far away in all tables. It has no divisor in common with any count of keys here.
const STRIDE: usize = 7_919;

/// A store that has whichever key it is asked for, each of one user and one team, with a limit and a budget. It keeps
/// nothing, and whatever else it is asked for fails.
#[derive(Debug)]
struct EveryKey;

fn other() -> Error {
    Error::new(ErrorKind::StoreUnavailable, "this store has keys alone")
}

#[async_trait]
impl Store for EveryKey {
    fn name(&self) -> &'static str {
        "every key"
    }

    async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn object(&self, kind: Kind, id: &str) -> Result<Option<Object>, Error> {
        let mut object = Object::new(kind, id, 0);
        if kind == Kind::Key {
            object.user_id = Some("user".to_owned());
            object.team_id = Some("team".to_owned());
            object.settings.insert("rpm_limit".to_owned(), json!(1_000_000_000));
            object.settings.insert("max_budget".to_owned(), json!(1_000));
        }
        Ok((kind != Kind::Member).then_some(object))
    }

    async fn objects(&self, _: Kind, _: &[String]) -> Result<Vec<Object>, Error> {
        Err(other())
    }

    async fn list(&self, _: Kind, _: &ObjectQuery) -> Result<Page<Object>, Error> {
        Err(other())
    }

    async fn write(&self, _: Write) -> Result<Vec<Object>, Error> {
        Err(other())
    }

    async fn changes(&self, _: i64, _: u64) -> Result<Vec<Change>, Error> {
        Err(other())
    }

    async fn newest_change(&self) -> Result<i64, Error> {
        Err(other())
    }

    async fn acts(&self, _: Option<i64>, _: u64) -> Result<Vec<Act>, Error> {
        Err(other())
    }

    async fn record(&self, _: &[RequestRow]) -> Result<u64, Error> {
        Err(other())
    }

    async fn amend(&self, _: &[RequestRow], _: &str, _: i64) -> Result<u64, Error> {
        Err(other())
    }

    async fn requests(&self, _: &RequestQuery) -> Result<Vec<RequestRow>, Error> {
        Err(other())
    }

    async fn count(&self, _: Option<i64>, _: Option<i64>) -> Result<u64, Error> {
        Err(other())
    }

    async fn activity(&self, _: &ActivityQuery) -> Result<Vec<Activity>, Error> {
        Err(other())
    }

    /// Nobody has spent anything.
    async fn spent(&self, _: &[Subject]) -> Result<Vec<Spent>, Error> {
        Ok(Vec::new())
    }

    async fn set_spent(&self, _: &Spent) -> Result<(), Error> {
        Err(other())
    }

    async fn rebuild(&self) -> Result<(), Error> {
        Err(other())
    }

    async fn forget(&self, _: i64, _: i64, _: u64) -> Result<u64, Error> {
        Err(other())
    }
}

/// Puts so many keys into memory, and then looks so many times who one of them is.
///
/// # Errors
///
/// Says which flag will not do, or what failed.
pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let (keys, requests): (usize, usize) =
        (arguments.number("keys", 10)?, arguments.number("requests", 1_000)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("there is no runtime: {error}"))?;
    runtime.block_on(authenticate(keys, requests)).map_err(|error| error.to_string())
}

async fn authenticate(count: usize, requests: usize) -> Result<(), Error> {
    let pepper = Arc::new(Pepper::new(&Secret::new("pepper")));
    let keys = Keys::new(Arc::new(EveryKey), pepper, KeysOptions::default());
    let name = |number: usize| format!("sk-{number:016}");
    let nobody = || Error::new(ErrorKind::Internal, "a key is not known");
    for number in 0..count {
        keys.find(&name(number)).await?.ok_or_else(nobody)?;
    }
    for request in 0..requests {
        let identity = keys.find(&name(request * STRIDE % count)).await?.ok_or_else(nobody)?;
        identity.check(jiff::Timestamp::UNIX_EPOCH)?;
        drop(keys.book().admit(&identity.accounts.paying).map_err(|refusal| refusal.into_error("key"))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_key_is_known_and_admitted() {
        authenticate(10, 30).await.expect("all of them");
    }
}
