//! One event of `tracing` for each request.

use trunkline_core::Usage;
use trunkline_keys::SoftBudgetPassed;

use super::{Record, Recorder, log_passed};

/// The event of a request. What stands here is worked out only where somebody listens.
macro_rules! log {
    ($level:ident, $record:ident) => {{
        let usage = $record.observation.usage.as_ref();
        let error = $record.error.as_deref();
        tracing::$level!(
            call.id = $record.call_id,
            operation = &*$record.operation,
            model.name = $record.model,
            user.id = $record.user,
            deployment.id = $record.deployment.as_deref(),
            provider.name = $record.provider.as_deref(),
            status = $record.status.map(|status| status.as_u16()),
            outcome = &*$record.outcome_text(),
            error = error.map(|error| error.message.as_str()),
            error.source = error.and_then(|error| error.causes.as_deref()),
            streamed = $record.streamed,
            attempts = $record.attempts_told(),
            retry_budget.spent = $record.is_retry_budget_spent.then_some(true),
            usage.input_tokens = usage.map(Usage::input),
            usage.output_tokens = usage.map(Usage::all_output),
            usage.estimated = $record.usage_is_estimated.then_some(true),
            cost = $record.spend().map(|spend| spend.to_string()),
            cost.attempts = $record.cost_of_attempts().map(|spend| spend.to_string()),
            generation.id = $record.observation.generation_id,
            duration_ms = $record.microseconds().map(|microseconds| microseconds / 1e3),
            "request"
        )
    }};
}

/// Logs one event of `tracing` for each request.
#[derive(Debug, Default)]
pub struct LogRecorder;

impl Recorder for LogRecorder {
    fn settled(&self, record: &Record) {
        if record.is_warning() {
            log!(warn, record);
        } else {
            log!(info, record);
        }
    }

    fn soft_budget_passed(&self, passed: &SoftBudgetPassed) {
        log_passed(passed);
    }
}
