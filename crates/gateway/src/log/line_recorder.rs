//! Writes the line of a request straight into a log, as `LogRecorder` and tracing-subscriber would together.

use trunkline_core::Usage;
use trunkline_keys::SoftBudgetPassed;

use super::line::{Line, Spelling, field, opening};
use super::{LogForm, LogLines};
use crate::record::{Record, Recorder, log_passed};

const REQUEST: Spelling = opening!(INFO, "request");
const FAILED_REQUEST: Spelling = opening!(WARN, "request");

/// Writes one line of log for each request, into a [`Log`](crate::Log).
///
/// It is [`LogRecorder`](crate::LogRecorder) at a sixth of its cost, for a program whose log is a `Log`. It asks no
/// filter: where lines at info level are not wanted, it is not wanted.
#[derive(Debug)]
pub struct LineRecorder {
    lines: LogLines,
    form: LogForm,
}

impl LineRecorder {
    /// A recorder for these lines.
    pub fn new(lines: LogLines) -> Self {
        Self { form: lines.form(), lines }
    }
}

impl Recorder for LineRecorder {
    /// WHEN ADDING A FIELD: it stands in `LogRecorder` too, at the same place; a test of the server compares them.
    fn settled(&self, record: &Record) {
        let opening = if record.is_warning() { FAILED_REQUEST } else { REQUEST };
        let mut line = Line::open(self.form, opening);
        let texts = [
            (field!("model.name"), record.model.as_deref()),
            (field!("user.id"), record.user.as_deref()),
            (field!("deployment.id"), record.deployment.as_deref()),
            (field!("provider.name"), record.provider.as_deref()),
        ];
        line.string(field!("call.id"), &record.call_id);
        line.string(field!("operation"), &record.operation);
        for (name, value) in texts {
            if let Some(value) = value {
                line.string(name, value);
            }
        }
        if let Some(status) = record.status {
            line.number(field!("status"), status.as_u16().into());
        }
        line.string(field!("outcome"), &record.outcome_text());
        if let Some(error) = &record.error {
            line.string(field!("error"), &error.message);
            if let Some(causes) = &error.causes {
                line.string(field!("error.source"), causes);
            }
        }
        line.flag(field!("streamed"), record.streamed);
        if let Some(attempts) = record.attempts_told() {
            line.number(field!("attempts"), attempts);
        }
        if record.is_retry_budget_spent {
            line.flag(field!("retry_budget.spent"), true);
        }
        if let Some(usage) = &record.observation.usage {
            line.number(field!("usage.input_tokens"), Usage::input(usage));
            line.number(field!("usage.output_tokens"), Usage::all_output(usage));
        }
        if record.usage_is_estimated {
            line.flag(field!("usage.estimated"), true);
        }
        if let Some(spend) = record.spend() {
            line.amount(field!("cost"), spend);
        }
        if let Some(spend) = record.cost_of_attempts() {
            line.amount(field!("cost.attempts"), spend);
        }
        if let Some(id) = &record.observation.generation_id {
            line.string(field!("generation.id"), id);
        }
        if let Some(microseconds) = record.microseconds() {
            line.milliseconds(field!("duration_ms"), microseconds as u64);
        }
        self.lines.push(&line.close());
    }

    fn soft_budget_passed(&self, passed: &SoftBudgetPassed) {
        log_passed(passed);
    }
}
