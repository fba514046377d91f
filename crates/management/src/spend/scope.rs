//! Whose spend is asked for, in which time, and whether it may be.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use trunkline_core::{Error, ErrorKind};
use trunkline_store::{ActivityQuery, Dimension, Kind, RequestQuery};

use crate::asked::Query;
use crate::desk::Desk;
use crate::keys::lookup;
use crate::{Actor, rights, times};

/// The query parameters that a scope is read from.
pub(crate) const NAMES: [&str; 11] = [
    "start_date",
    "end_date",
    "api_key",
    "user_id",
    "team_id",
    "team_ids",
    "end_user",
    "end_user_ids",
    "model",
    "tag",
    "tags",
];

/// What is asked for. What is `None` does not narrow.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub(crate) from: Option<i64>,
    pub(crate) until: Option<i64>,
    pub(crate) key: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) team_id: Option<String>,
    pub(crate) customer: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) tag: Option<String>,
}

impl Scope {
    /// Reads what is asked for, narrowed to what whoever asks may see: a user's own, a key's own, or a team's that it
    /// leads.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` for dates that are none, `PermissionDenied` for what is somebody else's.
    pub(crate) async fn read(desk: &Desk, actor: &Actor, query: &Query) -> Result<Self, Error> {
        let text = |name: &str| query.text(name).map(str::to_owned);
        let mut scope = Self {
            from: query.text("start_date").map(|text| begin("start_date", text)).transpose()?,
            until: query.text("end_date").map(|text| end("end_date", text)).transpose()?,
            key: None,
            user_id: text("user_id"),
            team_id: one(query, "team_id", "team_ids")?,
            customer: one(query, "end_user", "end_user_ids")?,
            group: text("model"),
            tag: one(query, "tag", "tags")?,
        };
        if let Some(named) = query.text("api_key") {
            let key = lookup::find_ever(desk, named).await?;
            rights::check_sees_key(desk, actor, &key).await?;
            scope.key = Some(key.id);
        }
        if !actor.sees_everything() {
            scope.narrow(desk, actor).await?;
        }
        Ok(scope)
    }

    async fn narrow(&mut self, desk: &Desk, actor: &Actor) -> Result<(), Error> {
        if self.key.is_some() && self.user_id.is_none() && self.team_id.is_none() {
            // That this key may be looked at has been found out.
            return Ok(());
        }
        if let Some(team_id) = &self.team_id {
            let team = desk.find(Kind::Team, team_id).await?;
            if team.is_some_and(|team| rights::leads(actor, &team)) {
                return Ok(());
            }
        }
        match (actor.user_id(), &self.user_id) {
            (Some(own), Some(user_id)) if user_id != own => {
                Err(rights::forbidden("You are not allowed to look at another user's spend"))
            }
            (Some(own), _) => {
                self.user_id = Some(own.to_owned());
                Ok(())
            }
            (None, Some(_)) => Err(rights::forbidden("a key without a user looks at its own spend alone")),
            (None, None) => {
                self.key = actor.identity().map(|identity| identity.index.as_str().to_owned());
                Ok(())
            }
        }
    }

    /// The sums of this scope, told apart by these dimensions.
    pub(crate) fn activity(&self, by: &[Dimension]) -> ActivityQuery {
        ActivityQuery {
            by: by.to_vec(),
            from: self.from,
            until: self.until,
            key: self.key.clone(),
            user_id: self.user_id.clone(),
            team_id: self.team_id.clone(),
            customer: self.customer.clone(),
            group: self.group.clone(),
            tag: self.tag.clone(),
            ..ActivityQuery::default()
        }
    }

    /// The rows of this scope.
    pub(crate) fn requests(&self, offset: u64, limit: u64) -> RequestQuery {
        RequestQuery {
            key: self.key.clone(),
            user_id: self.user_id.clone(),
            team_id: self.team_id.clone(),
            customer: self.customer.clone(),
            group: self.group.clone(),
            from: self.from,
            until: self.until,
            offset,
            limit,
            ..RequestQuery::default()
        }
    }

    /// From the first of this month on, where no time is asked for.
    pub(crate) fn this_month(mut self) -> Self {
        if self.from.is_none() && self.until.is_none() {
            let month = trunkline_limits::Period::parse("1mo");
            self.from = Some(month.begins_at(Desk::now()));
        }
        self
    }

    /// The last thirty days, where no time is asked for.
    pub(crate) fn last_days(mut self) -> Self {
        const DAYS_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
        if self.from.is_none() && self.until.is_none() {
            self.from = Some(Desk::now() - DAYS_MS);
        }
        self
    }
}

/// What is named by either of two names, of which LiteLLM's takes several: here it is one at a time.
fn one(query: &Query, name: &str, several: &str) -> Result<Option<String>, Error> {
    let mut named = query.texts(several);
    match (query.text(name), named.len()) {
        (Some(text), 0) => Ok(Some(text.to_owned())),
        (None, 0 | 1) => Ok(named.pop()),
        (Some(_) | None, _) => {
            let message = format!("one is told of at a time: give `{name}`, or one of `{several}`");
            Err(Error::new(ErrorKind::InvalidRequest, message).with_param(several))
        }
    }
}

/// When a date begins, or a time is.
pub(crate) fn begin(name: &str, text: &str) -> Result<i64, Error> {
    date(text).map(at_midnight).or_else(|| time(text)).ok_or_else(|| wrong(name))
}

/// When a date is over, or a time is.
pub(crate) fn end(name: &str, text: &str) -> Result<i64, Error> {
    let over = date(text).and_then(|date| date.tomorrow().ok()).map(at_midnight);
    over.or_else(|| time(text)).ok_or_else(|| wrong(name))
}

fn date(text: &str) -> Option<Date> {
    const LENGTH: usize = "2026-11-27".len();
    (text.len() == LENGTH).then(|| text.parse().ok()).flatten()
}

fn at_midnight(date: Date) -> i64 {
    date.to_zoned(TimeZone::UTC).map_or(i64::MAX, |time| time.timestamp().as_millisecond())
}

fn time(text: &str) -> Option<i64> {
    times::parse(text).or_else(|| {
        let time: DateTime = text.parse().ok()?;
        Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
    })
}

fn wrong(name: &str) -> Error {
    let message =
        format!("`{name}` must be a date like 2026-11-27, or a time like 2026-11-27 10:00:00, in UTC");
    Error::new(ErrorKind::InvalidRequest, message).with_param(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_hold_for_the_whole_day() {
        let at = |text: &str| times::parse(text).expect("a time");
        assert_eq!(begin("start_date", "2026-11-27").expect("good"), at("2026-11-27T00:00:00Z"));
        assert_eq!(end("end_date", "2026-12-31").expect("good"), at("2027-01-01T00:00:00Z"));
        assert_eq!(end("end_date", "2026-11-27 10:30:00").expect("good"), at("2026-11-27T10:30:00Z"));
        assert_eq!(
            begin("start_date", "2026-11-27T10:30:00+01:00").expect("good"),
            at("2026-11-27T09:30:00Z")
        );
        assert!(begin("start_date", "yesterday").is_err());
        assert!(begin("start_date", "2026-13-01").is_err());
    }
}
