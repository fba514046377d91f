//! How it stands with the destinations of exported rows, which LiteLLM calls callbacks.

use std::sync::Arc;

use trunkline_export::{Exporter, Standing};

use crate::{Gauge, GaugeKind, Source, Value};

/// What was sent to each destination of an [`Exporter`], and what was not.
#[derive(Debug)]
pub struct CallbackGauges(Arc<Exporter>);

impl CallbackGauges {
    /// The figures of this exporter.
    pub fn new(exporter: Arc<Exporter>) -> Self {
        Self(exporter)
    }
}

impl Source for CallbackGauges {
    fn gauges(&self) -> Vec<Gauge> {
        told(&self.0.standings().collect::<Vec<_>>())
    }
}

fn told(standings: &[Standing]) -> Vec<Gauge> {
    let gauge = |name, meaning, kind, figure: &dyn Fn(&Standing) -> u64| Gauge {
        name,
        meaning,
        kind,
        samples: standings
            .iter()
            .map(|standing| {
                (vec![("callback_name", standing.name.to_owned())], Value::Whole(figure(standing)))
            })
            .collect(),
    };
    vec![
        gauge(
            "litellm_callback_logging_failures_metric",
            "Rows that a callback did not get",
            GaugeKind::Counter,
            &|standing| standing.dropped.saturating_add(standing.lost),
        ),
        gauge("trunkline_export_sent_rows", "Rows that a callback took", GaugeKind::Counter, &|standing| {
            standing.sent
        }),
        gauge(
            "trunkline_export_queued_rows",
            "Rows that wait for a callback",
            GaugeKind::Gauge,
            &|standing| standing.queued as u64,
        ),
        gauge(
            "trunkline_export_failed_posts",
            "POSTs to a callback that failed",
            GaugeKind::Counter,
            &|standing| standing.failed_posts,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_found_no_room_and_what_was_given_up_are_failures() {
        let standing = Standing { name: "otel", queued: 1, sent: 2, dropped: 3, lost: 4, failed_posts: 5 };
        let told = told(&[standing, Standing { name: "generic_api", ..Standing::default() }]);
        let figures: Vec<Value> = told.iter().map(|gauge| gauge.samples[0].1).collect();
        assert_eq!(figures, [7, 2, 1, 5].map(Value::Whole));
        let names: Vec<&str> = told[0].samples.iter().map(|(labels, _)| labels[0].1.as_str()).collect();
        assert_eq!(names, ["otel", "generic_api"], "one that has lost nothing says so");
    }
}
