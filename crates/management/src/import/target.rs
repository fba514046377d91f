//! Where objects are imported to: the store, and what is already there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use trunkline_core::{Error, ErrorKind};
use trunkline_store::{Kind, Object, ObjectQuery, Order, Spent, Store, Write};

use crate::counters;
use crate::draft::Draft;
use crate::import::ImportOptions;
use crate::import::mapped::{Mapped, Outcome};
use crate::import::note::{self, Note};
use crate::import::report::ImportReport;
use crate::import::verdict::{self, Verdict};
use crate::import::{keys, members};

/// How many objects are written at once: others who write wait meanwhile.
const AT_ONCE: usize = 200;

/// How many objects are read at once where all are looked at.
const LISTED_AT_ONCE: u64 = 1_000;

/// How often objects are written that somebody else changes meanwhile.
const TRIES_MAX: u32 = 3;

/// Who it is in the audit log: whoever may read the configuration of this machine.
const AUTHOR: &str = "local";

/// Where objects are imported to.
#[derive(Debug)]
pub(crate) struct Target {
    store: Arc<dyn Store>,
    options: ImportOptions,
    /// The database that they are from.
    database: Option<String>,
    now: i64,
    /// The ids of the kind that is imported now.
    seen: HashSet<String>,
    /// Whose names are whose, of that kind.
    names: HashMap<String, String>,
}

/// What is to be done for one row.
struct Plan {
    verdict: Verdict,
    /// What is written, if anything is.
    draft: Option<Draft>,
    added: Vec<Spent>,
}

impl Target {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        options: ImportOptions,
        database: Option<String>,
        now: i64,
    ) -> Self {
        Self { store, options, database, now, seen: HashSet::new(), names: HashMap::new() }
    }

    /// Takes rows of one kind over, and tells what came of each.
    ///
    /// # Errors
    ///
    /// What the store says; `Conflict` if somebody else was quicker three times.
    pub(crate) async fn take(
        &mut self,
        kind: Kind,
        outcomes: Vec<Outcome>,
        report: &mut ImportReport,
    ) -> Result<(), Error> {
        let mut all = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            match outcome {
                Outcome::Skipped { name, reason } => report.note_skipped(kind, &name, reason),
                Outcome::Mapped(mut mapped) => {
                    mapped.hold_back(&self.options.allowed);
                    self.seen.insert(mapped.object.id.clone());
                    self.free_name(&mut mapped, report);
                    all.push(*mapped);
                }
            }
        }
        for batch in all.chunks(AT_ONCE) {
            let plans = self.settle(kind, batch).await?;
            for (mapped, plan) in batch.iter().zip(plans) {
                report.note(mapped, plan.verdict, !plan.added.is_empty(), &self.options.allowed);
            }
        }
        Ok(())
    }

    async fn settle(&self, kind: Kind, batch: &[Mapped]) -> Result<Vec<Plan>, Error> {
        let ids: Vec<String> = batch.iter().map(|mapped| mapped.object.id.clone()).collect();
        in_tries(async || {
            let held = self.store.objects(kind, &ids).await?;
            let held: HashMap<&str, &Object> =
                held.iter().map(|object| (object.id.as_str(), object)).collect();
            let plans: Vec<Plan> = batch
                .iter()
                .map(|mapped| self.plan(mapped, held.get(mapped.object.id.as_str()).copied()))
                .collect();
            let drafts: Vec<Draft> = plans.iter().filter_map(|plan| plan.draft.clone()).collect();
            let added = plans.iter().flat_map(|plan| plan.added.clone()).collect();
            self.write(drafts, added).await.map(|()| plans)
        })
        .await
    }

    fn plan(&self, mapped: &Mapped, held: Option<&Object>) -> Plan {
        let verdict = verdict::of(held, &mapped.object, self.options.overwrite);
        let before = held.and_then(Note::of);
        let is_ours = match verdict {
            Verdict::New | Verdict::Changed => true,
            Verdict::Unchanged | Verdict::Kept(_) => before.is_some(),
            Verdict::Skipped(_) => false,
        };
        let nothing = Plan { verdict, draft: None, added: Vec::new() };
        if !is_ours {
            return nothing;
        }
        let taken = before.clone().map(|note| note.taken).unwrap_or_default();
        // A key that is here says itself where it counts.
        let own = || counters::subject(held.unwrap_or(&mapped.object));
        let subject = mapped.subject.clone().or_else(own);
        let spent = subject.map(|subject| mapped.spending.beyond(&taken, &subject, self.now));
        let (added, taken_then) = spent.unwrap_or_default();
        let is_rewritten = matches!(verdict, Verdict::New | Verdict::Changed);
        if !is_rewritten && added.is_empty() && !taken.is_outdated(&taken_then, self.now) {
            return nothing;
        }
        let mut after = match held {
            Some(held) if !is_rewritten => held.clone(),
            Some(held) => note::kept_notes(held, mapped.object.clone()),
            None => mapped.object.clone(),
        };
        after.revision = held.filter(|held| !held.deleted).map_or(0, |held| held.revision);
        let content = match &before {
            Some(note) if !is_rewritten => note.content.clone(),
            _ => note::content(&after),
        };
        Note { database: self.database.clone(), content, taken: taken_then, is_gone: false }.put(&mut after);
        Plan { verdict, draft: Some(Draft::imported(held.cloned(), after)), added }
    }

    async fn write(&self, drafts: Vec<Draft>, added: Vec<Spent>) -> Result<(), Error> {
        if self.options.dry_run || drafts.is_empty() {
            return Ok(());
        }
        let mut write = Write { added, ..Write::default() };
        for draft in drafts {
            let (object, act) = draft.signed(AUTHOR, AUTHOR, self.now);
            write.objects.push(object);
            write.acts.push(act);
        }
        self.store.write(write).await.map(drop)
    }

    /// Learns which names of keys, or addresses of users, are those of objects that are not from this database.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub(crate) async fn learn_names(&mut self, kind: Kind) -> Result<(), Error> {
        if !has_own_name(kind) {
            return Ok(());
        }
        let mut pages = Pages::of(kind);
        while let Some(held) = pages.next(&*self.store).await? {
            let others = held.into_iter().filter(|held| !self.is_from_here(held));
            let names: Vec<(String, String)> =
                others.filter_map(|held| Some((held.alias?, held.id))).collect();
            self.names.extend(names);
        }
        Ok(())
    }

    /// Leaves out the name of a key, or the address of a user, that another one has.
    fn free_name(&mut self, mapped: &mut Mapped, report: &mut ImportReport) {
        let object = &mapped.object;
        let Some(name) = object.alias.clone().filter(|_| has_own_name(object.kind)) else { return };
        let owner = self.names.entry(name.clone()).or_insert_with(|| object.id.clone());
        if *owner != object.id {
            report.note_nameless(mapped, &name);
            mapped.object.alias = None;
        }
    }

    /// Whether an object was taken over from this database.
    fn is_from_here(&self, held: &Object) -> bool {
        self.database.is_some() && Note::of(held).is_some_and(|note| note.database == self.database)
    }

    /// Deletes what was taken over from this database earlier and is not there any more, once all rows of a kind were
    /// taken.
    ///
    /// # Errors
    ///
    /// As [`Target::take`].
    pub(crate) async fn forget_gone(&mut self, kind: Kind, report: &mut ImportReport) -> Result<(), Error> {
        let gone = self.gone(kind, report).await?;
        for ids in gone.chunks(AT_ONCE) {
            in_tries(async || {
                let held = self.store.objects(kind, ids).await?;
                let drafts = held.iter().filter(|held| self.goes(held)).map(deleted).collect();
                self.write(drafts, Vec::new()).await
            })
            .await?;
        }
        self.seen.clear();
        self.names.clear();
        Ok(())
    }

    fn goes(&self, held: &Object) -> bool {
        let database = self.database.as_deref().unwrap_or_default();
        let verdict = verdict::of_gone(held, database, self.options.overwrite);
        !held.deleted && verdict == Some(Verdict::Changed)
    }

    /// The ids of what is to be deleted. What stays although it is gone is told.
    async fn gone(&self, kind: Kind, report: &mut ImportReport) -> Result<Vec<String>, Error> {
        let mut gone = Vec::new();
        let mut pages = Pages::of(kind);
        while let Some(listed) = pages.next(&*self.store).await? {
            for held in listed.iter().filter(|held| !self.seen.contains(&held.id)) {
                let Some(database) = &self.database else {
                    if Note::of(held).is_some() {
                        report.note_cannot_delete();
                    }
                    continue;
                };
                let Some(verdict) = verdict::of_gone(held, database, self.options.overwrite) else {
                    continue;
                };
                report.note_gone(kind, &name(held), verdict);
                if verdict == Verdict::Changed {
                    gone.push(held.id.clone());
                }
            }
        }
        Ok(gone)
    }
}

/// Whether no two objects of a kind may have the same name: keys, and users with their addresses.
fn has_own_name(kind: Kind) -> bool {
    matches!(kind, Kind::Key | Kind::User)
}

/// Everything of one kind that is in the store, page by page.
struct Pages {
    kind: Kind,
    next: Option<u64>,
}

impl Pages {
    fn of(kind: Kind) -> Self {
        Self { kind, next: Some(0) }
    }

    async fn next(&mut self, store: &dyn Store) -> Result<Option<Vec<Object>>, Error> {
        let Some(offset) = self.next else { return Ok(None) };
        let query =
            ObjectQuery { order: Order::Oldest, offset, limit: LISTED_AT_ONCE, ..ObjectQuery::default() };
        let items = store.list(self.kind, &query).await?.items;
        let is_last = (items.len() as u64) < LISTED_AT_ONCE;
        self.next = (!is_last).then_some(offset + LISTED_AT_ONCE);
        Ok(Some(items))
    }
}

/// Does it again where somebody else was quicker, three times in all.
async fn in_tries<T>(mut once: impl AsyncFnMut() -> Result<T, Error>) -> Result<T, Error> {
    let mut tries = 1;
    loop {
        match once().await {
            Err(error) if error.kind() == ErrorKind::Conflict && tries < TRIES_MAX => tries += 1,
            done => return done,
        }
    }
}

fn deleted(held: &Object) -> Draft {
    let mut before = held.clone();
    if let Some(note) = Note::of(held) {
        Note { is_gone: true, ..note }.put(&mut before);
    }
    Draft::deleted(before)
}

/// What people know an object by that is not there any more.
fn name(object: &Object) -> String {
    match (object.kind, &object.team_id, &object.user_id) {
        (Kind::Key, ..) => keys::name(object),
        (Kind::Member, Some(team_id), Some(user_id)) => members::shown(team_id, user_id),
        _ => object.id.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use trunkline_core::{Subject, SubjectKind};
    use trunkline_keys::COUNTS_AS;
    use trunkline_store::SqliteStore;

    use super::*;
    use crate::import::spending::{Spending, Window};

    #[tokio::test]
    async fn what_a_key_spent_is_added_where_it_counts() {
        let store = Arc::new(SqliteStore::in_memory().await.expect("a store"));
        let options = ImportOptions { overwrite: true, ..ImportOptions::default() };
        let target = Target::new(store, options, Some("db".to_owned()), 0);
        let key = |id: &str| Object::new(Kind::Key, id, 0);
        let spent = Window { duration: "30d".to_owned(), ends_at: None, spent: 3.into() };
        let mapped = Mapped {
            spending: Spending::of(3.into(), None, &[spent], 0),
            ..Mapped::of(key("second"), Vec::new())
        };
        let subjects = |held: Option<&Object>| {
            let added = target.plan(&mapped, held).added;
            added.into_iter().map(|spent| spent.subject).collect::<Vec<_>>()
        };
        assert_eq!(subjects(None), vec![Subject::new(SubjectKind::Key, "second"); 2]);
        // The key had another secret here before it was given the one that it has there.
        let mut renewed = key("second");
        renewed.settings.insert(COUNTS_AS.to_owned(), Value::from("first"));
        assert_eq!(subjects(Some(&renewed)), vec![Subject::new(SubjectKind::Key, "first"); 2]);
    }
}
