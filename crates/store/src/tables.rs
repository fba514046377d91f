//! The store that is the same in both databases: each call is a session, and what is done in it.

use async_trait::async_trait;
use trunkline_core::{Error, Subject};

use crate::database::Database;
use crate::{
    Act, Activity, ActivityQuery, Change, Kind, Object, ObjectQuery, Page, RequestQuery, RequestRow, Spent,
    Store, Write, activities, amendments, counters, ledger, objects, rebuild,
};

#[async_trait]
impl<D: Database> Store for D {
    fn name(&self) -> &'static str {
        D::NAME
    }

    async fn ping(&self) -> Result<(), Error> {
        self.read().await?.fetch("SELECT 1", Vec::new()).await?;
        Ok(())
    }

    async fn object(&self, kind: Kind, id: &str) -> Result<Option<Object>, Error> {
        objects::object(&mut self.read().await?, kind, id).await
    }

    async fn objects(&self, kind: Kind, ids: &[String]) -> Result<Vec<Object>, Error> {
        objects::objects(&mut self.read().await?, kind, ids).await
    }

    async fn list(&self, kind: Kind, query: &ObjectQuery) -> Result<Page<Object>, Error> {
        objects::list(&mut self.read().await?, kind, query).await
    }

    async fn write(&self, write: Write) -> Result<Vec<Object>, Error> {
        let Write { objects, acts, lowered, added } = write;
        let mut session = self.begin().await?;
        let objects = objects::write(&mut session, objects, &acts).await?;
        for lowered in &lowered {
            counters::lower(&mut session, lowered).await?;
        }
        counters::add(&mut session, &added).await?;
        session.commit().await?;
        Ok(objects)
    }

    async fn changes(&self, after: i64, limit: u64) -> Result<Vec<Change>, Error> {
        objects::changes(&mut self.read().await?, after, limit).await
    }

    async fn newest_change(&self) -> Result<i64, Error> {
        objects::newest_change(&mut self.read().await?).await
    }

    async fn acts(&self, before: Option<i64>, limit: u64) -> Result<Vec<Act>, Error> {
        objects::acts(&mut self.read().await?, before, limit).await
    }

    async fn record(&self, rows: &[RequestRow]) -> Result<u64, Error> {
        ledger::record(self, rows).await
    }

    async fn amend(&self, rows: &[RequestRow], by: &str, at: i64) -> Result<u64, Error> {
        let mut session = self.begin().await?;
        let count = amendments::amend(&mut session, rows, by, at).await?;
        session.commit().await?;
        Ok(count)
    }

    async fn requests(&self, query: &RequestQuery) -> Result<Vec<RequestRow>, Error> {
        ledger::requests(&mut self.read().await?, query).await
    }

    async fn count(&self, from: Option<i64>, until: Option<i64>) -> Result<u64, Error> {
        activities::count(&mut self.read().await?, from, until).await
    }

    async fn activity(&self, query: &ActivityQuery) -> Result<Vec<Activity>, Error> {
        activities::activity(&mut self.read().await?, query).await
    }

    async fn spent(&self, subjects: &[Subject]) -> Result<Vec<Spent>, Error> {
        counters::spent(&mut self.read().await?, subjects).await
    }

    async fn set_spent(&self, spent: &Spent) -> Result<(), Error> {
        let mut session = self.begin().await?;
        counters::set(&mut session, spent).await?;
        session.commit().await
    }

    async fn rebuild(&self) -> Result<(), Error> {
        let mut session = self.begin().await?;
        rebuild::rebuild(&mut session).await?;
        session.commit().await
    }

    async fn forget(&self, before: i64, recorded_before: i64, limit: u64) -> Result<u64, Error> {
        let before = self.forget_days(before, recorded_before).await?;
        let mut session = self.begin().await?;
        let count = ledger::forget(&mut session, before, recorded_before, limit).await?;
        session.commit().await?;
        Ok(count)
    }

    async fn close(&self) {
        self.end().await;
    }
}
