//! What was spent: rows of the ledger, and sums of them.

pub(crate) mod daily;
pub(crate) mod global;
pub(crate) mod logs;
pub(crate) mod names;
pub(crate) mod report;
pub(crate) mod scope;
pub(crate) mod sums;

use trunkline_core::Error;
use trunkline_store::Dimension;

use crate::desk::Desk;
use crate::{Asked, Reply, Report};

/// Tells what is asked for.
pub(crate) async fn answer(desk: &Desk, asked: &Asked<'_>, report: Report) -> Result<Reply, Error> {
    match report {
        Report::Logs => logs::logs(desk, asked).await,
        Report::LogPages => logs::pages(desk, asked).await,
        Report::ByKey => global::keys(desk, asked).await,
        Report::ByUser => global::users(desk, asked).await,
        Report::ByTag => global::tags(desk, asked, false).await,
        Report::Whole => global::spend(desk, asked).await,
        Report::ByDay => global::days(desk, asked).await,
        Report::ByTeam => global::teams(desk, asked).await,
        Report::ByModel => global::models(desk, asked).await,
        Report::ByTagOfAll => global::tags(desk, asked, true).await,
        Report::TagNames => global::tag_names(desk, asked).await,
        Report::ByProvider => global::providers(desk, asked).await,
        Report::ByCustomer => global::customers(desk, asked).await,
        Report::Grouped => report::report(desk, asked).await,
        Report::Activity => global::activity(desk, asked).await,
        Report::DailyOfKeys => daily::activity(desk, asked, Dimension::Key).await,
        Report::DailyOfUsers => daily::activity(desk, asked, Dimension::User).await,
        Report::DailyOfTeams => daily::activity(desk, asked, Dimension::Team).await,
        Report::DailyOfCustomers => daily::activity(desk, asked, Dimension::Customer).await,
        Report::DailyOfTags => daily::activity(desk, asked, Dimension::Tag).await,
    }
}
