//! Where everything is read and written: the store, the keys that are kept in memory, and the options.

use std::sync::Arc;

use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Map, Value};
use tokio::sync::{Mutex, MutexGuard, Semaphore};
use trunkline_core::{Error, ErrorKind};
use trunkline_keys::{Keys, Pepper};
use trunkline_store::{Activity, ActivityQuery, Kind, Object, ObjectQuery, Order, Store, Write};

use crate::draft::Draft;
use crate::fields::{Fields, Table};
use crate::{Actor, Options, tables};

/// What every endpoint works with.
#[derive(Debug)]
pub(crate) struct Desk {
    keys: Arc<Keys>,
    options: Options,
    key_defaults: Fields,
    key_bounds: Fields,
    user_defaults: Fields,
    team_defaults: Fields,
    random: SystemRandom,
    names: Mutex<()>,
    sums: Semaphore,
}

/// How many questions for sums the store is asked at one time. Each keeps one of its connections for as long as a tenth of a
/// second, and SQLite has four, which those wait for whose keys are looked up.
const SUMS_AT_ONCE: usize = 2;

/// How many objects are read at once where all are looked at.
const AT_ONCE: u64 = 1_000;

impl Desk {
    /// # Errors
    ///
    /// `Configuration` if a default or a bound is none.
    pub(crate) fn new(keys: Arc<Keys>, options: Options) -> Result<Self, Error> {
        let read = |what: &str, table: &Table, members: &Map<String, Value>| {
            table
                .read(members.clone())
                .map_err(|error| Error::new(ErrorKind::Configuration, format!("{what}: {}", error.message())))
        };
        Ok(Self {
            key_defaults: read("default_key_generate_params", &tables::KEYS, &options.key_defaults)?,
            key_bounds: read("upperbound_key_generate_params", &tables::KEYS, &options.key_bounds)?,
            user_defaults: read("default_internal_user_params", &tables::NEW_USERS, &options.user_defaults)?,
            team_defaults: read("default_team_params", &tables::TEAMS, &options.team_defaults)?,
            keys,
            options,
            random: SystemRandom::new(),
            names: Mutex::default(),
            sums: Semaphore::new(SUMS_AT_ONCE),
        })
    }

    /// Sums of the store, once few others are worked out.
    pub(crate) async fn activity(&self, query: &ActivityQuery) -> Result<Vec<Activity>, Error> {
        let _turn =
            self.sums.acquire().await.map_err(|_| Error::new(ErrorKind::Internal, "it was closed"))?;
        self.store().activity(query).await
    }

    /// What a new key has where its request does not say.
    pub(crate) fn key_defaults(&self) -> &Fields {
        &self.key_defaults
    }

    /// What no key may have more of.
    pub(crate) fn key_bounds(&self) -> &Fields {
        &self.key_bounds
    }

    /// What a new user has where its request does not say.
    pub(crate) fn user_defaults(&self) -> &Fields {
        &self.user_defaults
    }

    /// What a new team has where its request does not say.
    pub(crate) fn team_defaults(&self) -> &Fields {
        &self.team_defaults
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.keys.store().as_ref()
    }

    pub(crate) fn pepper(&self) -> &Pepper {
        self.keys.pepper()
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Now, in milliseconds since 1970.
    pub(crate) fn now() -> i64 {
        Timestamp::now().as_millisecond()
    }

    /// So many bytes that nobody can guess.
    ///
    /// # Errors
    ///
    /// `Internal` if the system has none.
    pub(crate) fn random<const BYTES: usize>(&self) -> Result<[u8; BYTES], Error> {
        let mut bytes = [0; BYTES];
        let filled = self.random.fill(&mut bytes);
        filled.map_err(|_| Error::new(ErrorKind::Internal, "the system has no random bytes to give"))?;
        Ok(bytes)
    }

    /// A new id that nothing has yet.
    pub(crate) fn new_id(&self) -> Result<String, Error> {
        Ok(uuid::Builder::from_random_bytes(self.random()?).into_uuid().to_string())
    }

    /// Held while a name that must be unique is looked up and written, so that two requests at one replica cannot both
    /// have found it free.
    pub(crate) async fn hold_names(&self) -> MutexGuard<'_, ()> {
        self.names.lock().await
    }

    /// The object of that id, unless it is deleted.
    pub(crate) async fn find(&self, kind: Kind, id: &str) -> Result<Option<Object>, Error> {
        Ok(self.store().object(kind, id).await?.filter(|object| !object.deleted))
    }

    /// The objects of those ids, without deleted ones.
    pub(crate) async fn find_all(&self, kind: Kind, ids: &[String]) -> Result<Vec<Object>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut objects = self.store().objects(kind, ids).await?;
        objects.retain(|object| !object.deleted);
        Ok(objects)
    }

    /// Every object that a query means, whatever page it asks for.
    pub(crate) async fn every(&self, kind: Kind, query: &ObjectQuery) -> Result<Vec<Object>, Error> {
        let mut all = Vec::new();
        loop {
            let query = ObjectQuery { offset: all.len() as u64, limit: AT_ONCE, ..query.clone() };
            let page = self.store().list(kind, &query).await?;
            let is_last = (page.items.len() as u64) < AT_ONCE;
            all.extend(page.items);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Every live object of a user, the oldest first.
    pub(crate) async fn of_user(&self, kind: Kind, user_id: &str) -> Result<Vec<Object>, Error> {
        let user_id = Some(user_id.to_owned());
        self.every(kind, &ObjectQuery { user_id, order: Order::Oldest, ..ObjectQuery::default() }).await
    }

    /// Every live object of a team, the oldest first.
    pub(crate) async fn of_team(&self, kind: Kind, team_id: &str) -> Result<Vec<Object>, Error> {
        let team_id = Some(team_id.to_owned());
        self.every(kind, &ObjectQuery { team_id, order: Order::Oldest, ..ObjectQuery::default() }).await
    }

    /// Writes changes and what the audit log says of them, all or nothing, and has what is kept of them in memory
    /// forgotten. Gives the objects as they are now.
    ///
    /// # Errors
    ///
    /// `Conflict` if an object has changed meanwhile.
    pub(crate) async fn write(&self, actor: &Actor, drafts: Vec<Draft>) -> Result<Vec<Object>, Error> {
        let (by, author, now) = (actor.name(), actor.author(), Self::now());
        let mut write = Write::default();
        for draft in drafts {
            write.lowered.extend(draft.lowered().cloned());
            let (object, act) = draft.signed(&by, &author, now);
            write.objects.push(object);
            write.acts.push(act);
        }
        let written = self.store().write(write).await?;
        for object in &written {
            self.keys.forget(object.kind, &object.id);
        }
        Ok(written)
    }

    /// Writes one change, and gives the object as it is now.
    ///
    /// # Errors
    ///
    /// As [`Desk::write`].
    pub(crate) async fn write_one(&self, actor: &Actor, draft: Draft) -> Result<Object, Error> {
        let written = self.write(actor, vec![draft]).await?.into_iter().next();
        written
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the store wrote an object and did not give it"))
    }
}
