//! The outcome as a table for people.

use std::fmt;

use crate::amount::amount;
use crate::moment::time;
use crate::{Day, Difference, Outcome};

/// What stands for a figure that nobody knows.
const UNKNOWN: &str = "unknown";

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.differences.is_empty() {
            let head = ["began", "request", "model", "ledger", "from", "billed", "difference"];
            write_table(formatter, head, self.differences.iter().map(Difference::cells))?;
            let more = self.differing - self.differences.len() as u64;
            if more > 0 {
                writeln!(formatter, "… and {more} more")?;
            }
            writeln!(formatter)?;
        }
        if let Some(days) = self.days.as_deref().filter(|days| !days.is_empty()) {
            if days.iter().any(|day| day.account.is_some()) {
                let head = ["day", "ledger", "requests", "billed", "calls", "to"];
                write_table(formatter, head, days.iter().map(Day::cells_of_account))?;
                writeln!(
                    formatter,
                    "what accounts of one team were billed is the same, and is not to be added up"
                )?;
            } else {
                let head = ["day", "ledger", "billed", "difference", "requests", "calls"];
                write_table(formatter, head, days.iter().map(Day::cells))?;
            }
            writeln!(formatter)?;
        }
        for day in self.days.iter().flatten() {
            if let Some(why) = &day.left_as_it_is {
                writeln!(formatter, "{} is left as it is: {why}", day.day)?;
            }
        }
        if let Some(why) = &self.without_days {
            writeln!(formatter, "days are not compared: {why}")?;
        }
        for failure in &self.failures {
            writeln!(formatter, "{} could not be asked about: {}", failure.request_id, failure.why)?;
        }
        if self.given_up {
            writeln!(formatter, "nothing more was asked, since one question after the other failed")?;
        }
        let Self { asked, differing, agreeing, without_record, failed, .. } = self;
        let difference = amount(Some(self.difference)).unwrap_or_default();
        writeln!(
            formatter,
            "{asked} rows were asked about: {differing} differ, by {difference} dollars together, {agreeing} agree, \
             {without_record} have no record, {failed} failed"
        )?;
        match self.applied {
            Some(applied) => {
                writeln!(formatter, "{applied} rows of the ledger now say what the upstream billed")
            }
            None if self.differing + self.agreeing > 0 => {
                writeln!(formatter, "nothing was changed; --apply takes over what the upstream billed")
            }
            None => Ok(()),
        }?;
        match self.apportioned {
            Some(apportioned) => {
                writeln!(formatter, "{apportioned} rows now have their share of what their days were billed")
            }
            None => Ok(()),
        }
    }
}

impl Difference {
    fn cells(&self) -> [String; 7] {
        let shown = |figure| amount(figure).unwrap_or_else(|| UNKNOWN.to_owned());
        [
            time(self.started_at),
            self.call_id.clone(),
            self.model.clone(),
            shown(self.said),
            self.origin.name().to_owned(),
            shown(self.billed),
            shown(Some(self.amount())),
        ]
    }
}

impl Day {
    fn cells(&self) -> [String; 6] {
        let shown = |figure| amount(Some(figure)).unwrap_or_default();
        [
            self.day.clone(),
            shown(self.said),
            shown(self.billed),
            shown(self.billed - self.said),
            self.requests.to_string(),
            self.calls.to_string(),
        ]
    }

    fn cells_of_account(&self) -> [String; 6] {
        let shown = |figure| amount(Some(figure)).unwrap_or_default();
        [
            self.day.clone(),
            shown(self.said),
            self.requests.to_string(),
            shown(self.billed),
            self.calls.to_string(),
            self.account.clone().unwrap_or_default(),
        ]
    }
}

/// Columns as wide as what stands in them.
fn write_table<const COLUMNS: usize>(
    formatter: &mut fmt::Formatter<'_>,
    head: [&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> fmt::Result {
    let rows: Vec<[String; COLUMNS]> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(formatter, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}
