//! Budgets that others refer to.

use trunkline_store::{Kind, LitellmRow};

use crate::import::known::{Budget, Known};
use crate::import::mapped::{Mapped, Outcome};
use crate::import::missing::Missing;
use crate::import::row::Row;
use crate::import::{rules, taken};

/// A row of `LiteLLM_BudgetTable`. What others must know of it is noted.
pub(crate) fn map(row: LitellmRow, known: &mut Known, now: i64) -> Outcome {
    let row = Row::new(row);
    let id = row.text("budget_id").unwrap_or_default().to_owned();
    let (models, ends_at) = (row.value("allowed_models").cloned(), row.time("budget_reset_at"));
    let mut object = taken::object(Kind::Budget, id.as_str(), &row, now);
    let missing = taken::take(row, &rules::BUDGETS, &mut object);
    let restrictions = Missing::restrictions(&missing);
    let budget = Budget { settings: object.settings.clone(), models, ends_at, missing: restrictions };
    known.budgets.insert(id.clone(), budget);
    if !taken::is_id(&id) {
        return Outcome::skipped(id, taken::NO_ID);
    }
    Outcome::mapped(Mapped::of(object, missing))
}
