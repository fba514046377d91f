//! Taking keys, users, teams, budgets and what they have spent over from a LiteLLM database.

mod budgets;
mod keys;
mod known;
mod limited;
mod mapped;
mod members;
mod missing;
pub(crate) mod note;
mod report;
mod row;
mod rules;
mod spending;
mod taken;
mod target;
mod teams;
mod users;
mod verdict;

use std::sync::Arc;

use jiff::Timestamp;
use trunkline_core::{Error, ErrorKind, Secret};
use trunkline_keys::{Pepper, Token};
use trunkline_store::{Kind, LitellmDatabase, LitellmRow, LitellmSnapshot, LitellmTable, ObjectQuery, Store};

use keys::Keeping;
use known::Known;
use mapped::Outcome;
use report::why_not_taken;
use target::Target;

pub use report::ImportReport;

/// How an import goes about it.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Whether nothing is written, and only told what would be. Default false.
    pub dry_run: bool,
    /// Whether what was made, changed or deleted here is made as it is there. Default false: it stays, and is told.
    pub overwrite: bool,
    /// Fields that there are not here and that restrict somebody, which may be left out all the same. Whatever else has
    /// such a field is blocked. Default none.
    pub allowed: Vec<String>,
    /// The master key, which may stand among LiteLLM's keys, and is none. Default none.
    pub master_key: Option<Secret>,
}

/// Takes keys, users, teams, members, budgets, end users and tags over from a LiteLLM database, and what they have spent.
///
/// Nothing is written there. Here everything is written together with a line of the audit log, and bears a note, so that a
/// further import finds what has changed at either side since: it changes nothing that has not changed there, keeps what
/// was changed here, adds what was spent there since, and deletes what was deleted there.
#[derive(Debug)]
pub struct Import {
    store: Arc<dyn Store>,
    pepper: Pepper,
    options: ImportOptions,
}

impl Import {
    /// An import into a store, where keys are kept with that pepper.
    pub fn new(store: Arc<dyn Store>, pepper: Pepper, options: ImportOptions) -> Self {
        Self { store, pepper, options }
    }

    /// Takes over what stands in a database now.
    ///
    /// # Errors
    ///
    /// - `StoreUnavailable` if either database does not answer. What was written until then stays, and a further import
    ///   goes on from there;
    /// - `NotFound` if the database is none of LiteLLM's;
    /// - `Configuration` if the store's keys are kept with another pepper: they would not be found again;
    /// - `Conflict` if somebody else changed the same object three times meanwhile.
    pub async fn run(&self, database: &LitellmDatabase) -> Result<ImportReport, Error> {
        self.check_pepper().await?;
        let mut source = database.snapshot().await?;
        let now = Timestamp::now().as_millisecond();
        let from = source.database().map(str::to_owned);
        let target = Target::new(Arc::clone(&self.store), self.options.clone(), from, now);
        let mut run =
            Run { target, known: Known::default(), report: ImportReport::new(self.options.dry_run), now };
        let master = self.options.master_key.as_ref().map(|key| Token::of(key.expose()));
        let keeping = Keeping { pepper: &self.pepper, master };
        let (rows, table) = (&mut source, LitellmTable::Budgets);
        run.take_all(rows, table, Kind::Budget, |row, known| budgets::map(row, known, now)).await?;
        run.learn(rows).await?;
        let table = LitellmTable::Users;
        run.take_all(rows, table, Kind::User, |row, known| users::map(row, known, now)).await?;
        let table = LitellmTable::Teams;
        run.take_all(rows, table, Kind::Team, |row, known| teams::map(row, known, now)).await?;
        run.members(rows).await?;
        let table = LitellmTable::Keys;
        run.take_all(rows, table, Kind::Key, |row, known| keys::map(row, known, &keeping, now)).await?;
        for (table, kind) in [(LitellmTable::EndUsers, Kind::Customer), (LitellmTable::Tags, Kind::Tag)] {
            run.take_all(rows, table, kind, |row, known| limited::map(row, known, now, kind)).await?;
        }
        run.tell_of_the_rest(rows).await?;
        Ok(run.report)
    }
}

impl Import {
    async fn check_pepper(&self) -> Result<(), Error> {
        let any = ObjectQuery { limit: 1, ..ObjectQuery::default() };
        let keys = self.store.list(Kind::Key, &any).await?.items;
        let sealed = keys.first().and_then(|key| key.settings.get("token_sealed")?.as_str());
        if sealed.is_none_or(|sealed| self.pepper.open(sealed).is_some()) {
            return Ok(());
        }
        let message = "the keys of the store are kept with another pepper: LITELLM_SALT_KEY, or the data folder, must be \
                       that of the server";
        Err(Error::new(ErrorKind::Configuration, message))
    }
}

/// An import that is under way.
struct Run {
    target: Target,
    known: Known,
    report: ImportReport,
    now: i64,
}

impl Run {
    /// Takes all rows of a kind over, and deletes what is not at LiteLLM any more.
    async fn take_all(
        &mut self,
        source: &mut LitellmSnapshot,
        table: LitellmTable,
        kind: Kind,
        map: impl FnMut(LitellmRow, &mut Known) -> Outcome,
    ) -> Result<(), Error> {
        self.target.learn_names(kind).await?;
        self.take_rows(source, table, kind, map).await?;
        self.forget_gone(source, table, kind).await
    }

    async fn take_rows(
        &mut self,
        source: &mut LitellmSnapshot,
        table: LitellmTable,
        kind: Kind,
        mut map: impl FnMut(LitellmRow, &mut Known) -> Outcome,
    ) -> Result<(), Error> {
        let mut pages = Pages::of(source, table);
        while let Some(rows) = pages.next().await? {
            let outcomes = rows.into_iter().map(|row| map(row, &mut self.known)).collect();
            self.target.take(kind, outcomes, &mut self.report).await?;
        }
        Ok(())
    }

    /// Members are of two sources: rows, and the lists of teams.
    async fn members(&mut self, source: &mut LitellmSnapshot) -> Result<(), Error> {
        let (table, kind, now) = (LitellmTable::Memberships, Kind::Member, self.now);
        self.take_rows(source, table, kind, |row, known| members::map(row, known, now)).await?;
        let mut rest: Vec<Outcome> = Vec::new();
        for (team_id, team) in &mut self.known.teams {
            let members = std::mem::take(&mut team.members);
            rest.extend(
                members.iter().map(|(user_id, role)| members::without_row(team_id, user_id, role, now)),
            );
        }
        self.target.take(kind, rest, &mut self.report).await?;
        self.forget_gone(source, table, kind).await
    }

    /// Learns what others refer to, and what is no object here.
    async fn learn(&mut self, source: &mut LitellmSnapshot) -> Result<(), Error> {
        self.known.has_window_spend = source.has(LitellmTable::WindowSpend);
        self.learn_from(source, LitellmTable::ObjectPermissions, Known::learn_permission).await?;
        self.learn_from(source, LitellmTable::Organizations, Known::learn_organization).await?;
        self.learn_from(source, LitellmTable::Projects, Known::learn_project).await?;
        self.learn_from(source, LitellmTable::WindowSpend, Known::learn_window_spend).await
    }

    async fn learn_from(
        &mut self,
        source: &mut LitellmSnapshot,
        table: LitellmTable,
        learn: fn(&mut Known, LitellmRow),
    ) -> Result<(), Error> {
        let mut pages = Pages::of(source, table);
        while let Some(rows) = pages.next().await? {
            rows.into_iter().for_each(|row| learn(&mut self.known, row));
        }
        Ok(())
    }

    /// Deletes what is not at LiteLLM any more. A table that there is not says nothing of what was deleted from it.
    async fn forget_gone(
        &mut self,
        source: &LitellmSnapshot,
        table: LitellmTable,
        kind: Kind,
    ) -> Result<(), Error> {
        if source.has(table) { self.target.forget_gone(kind, &mut self.report).await } else { Ok(()) }
    }

    async fn tell_of_the_rest(&mut self, source: &mut LitellmSnapshot) -> Result<(), Error> {
        for table in LitellmTable::ALL.into_iter().filter(|table| why_not_taken(*table).is_some()) {
            self.report.note_not_taken(table, source.count(table).await?);
        }
        Ok(())
    }
}

/// The rows of one table, page by page.
struct Pages<'s> {
    source: &'s mut LitellmSnapshot,
    table: LitellmTable,
    last: Option<LitellmRow>,
}

impl<'s> Pages<'s> {
    fn of(source: &'s mut LitellmSnapshot, table: LitellmTable) -> Self {
        Self { source, table, last: None }
    }

    async fn next(&mut self) -> Result<Option<Vec<LitellmRow>>, Error> {
        let rows = self.source.page(self.table, self.last.as_ref()).await?;
        self.last = rows.last().cloned();
        Ok((!rows.is_empty()).then_some(rows))
    }
}
