//! Figures that stand elsewhere, told at a scrape without being counted here.

use std::fmt;

use rust_decimal::Decimal;

use crate::label::told;
use crate::page::{Kind, Page, Sample, Samples};

/// Where figures stand that a scrape tells besides: budgets, a backlog.
pub trait Source: fmt::Debug + Send + Sync + 'static {
    /// The figures as they are now. Asked at each scrape, on a thread that may block; what it holds locked, requests may
    /// wait for.
    fn gauges(&self) -> Vec<Gauge>;
}

/// One family of figures.
///
/// It is told once: if its name is that of a family of [`Metrics`](crate::Metrics), of a source that was added earlier, or
/// of one before it, it is left out whole. So is one without samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Gauge {
    /// As Prometheus allows it: letters, figures and `_`. A counter's ends in `_total` when it is told, whether that stands
    /// here or not.
    pub name: &'static str,
    /// What it is, without a full stop at the end.
    pub meaning: &'static str,
    /// What it does.
    pub kind: GaugeKind,
    /// Values by their labels, which are told in this order; an empty text is told as `None`. Of two with the same
    /// labels the first is told.
    pub samples: Vec<(Vec<(&'static str, String)>, Value)>,
}

/// What a figure does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GaugeKind {
    /// It only grows, for as long as the process lives.
    Counter,
    /// It rises and falls.
    Gauge,
}

/// A figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A number of things.
    Whole(u64),
    /// What must be told exactly, as money is.
    Exact(Decimal),
    /// Anything else: hours, shares. Infinity is told as `+Inf`.
    Float(f64),
}

impl From<Value> for Sample {
    fn from(value: Value) -> Self {
        match value {
            Value::Whole(value) => Self::Whole(value),
            Value::Exact(value) => Self::Exact(value),
            Value::Float(value) => Self::Float(value),
        }
    }
}

/// Adds what a source tells.
pub(crate) fn tell(page: &mut Page, source: &dyn Source) {
    for gauge in source.gauges() {
        let kind = match gauge.kind {
            GaugeKind::Counter => Kind::Counter,
            GaugeKind::Gauge => Kind::Gauge,
        };
        let name = match kind {
            Kind::Counter => gauge.name.strip_suffix("_total").unwrap_or(gauge.name),
            Kind::Gauge | Kind::Histogram => gauge.name,
        };
        let mut samples = Samples::default();
        for (labels, value) in &gauge.samples {
            let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (*name, told(value))).collect();
            samples.add_first(&labels, (*value).into());
        }
        page.family(name, kind, gauge.meaning, &samples);
    }
}

#[cfg(test)]
mod tests {
    use trunkline_gateway::Form;

    use super::*;

    #[derive(Debug)]
    struct Told(Vec<Gauge>);

    impl Source for Told {
        fn gauges(&self) -> Vec<Gauge> {
            self.0.clone()
        }
    }

    fn gauge(name: &'static str, kind: GaugeKind, samples: &[(&str, Value)]) -> Gauge {
        let samples = samples.iter().map(|(team, value)| (vec![("team", (*team).to_owned())], *value));
        Gauge { name, meaning: "Told", kind, samples: samples.collect() }
    }

    fn check(gauges: &[Gauge], form: Form, expected: &str) {
        let mut page = Page::new(form);
        let mut samples = Samples::default();
        samples.add(&[], Sample::Whole(7));
        page.family("counted", Kind::Counter, "Counted", &samples);
        tell(&mut page, &Told(gauges.to_vec()));
        let text = page.finish();
        let end = text.strip_prefix("# HELP counted").and_then(|rest| rest.split_once(" 7\n"));
        assert_eq!(end.map(|(_, end)| end), Some(expected), "{text}");
    }

    #[test]
    fn figures_are_spelled_as_all_others() {
        let left = [
            ("a \"b\"\\\n", Value::Exact(Decimal::new(-12_500, 4))),
            ("", Value::Whole(3)),
            ("c", Value::Float(f64::INFINITY)),
            ("d", Value::Float(0.5)),
        ];
        check(
            &[gauge("left", GaugeKind::Gauge, &left)],
            Form::Text,
            "# HELP left Told.\n# TYPE left gauge\n\
             left{team=\"None\"} 3\n\
             left{team=\"a \\\"b\\\"\\\\\\n\"} -1.25\n\
             left{team=\"c\"} +Inf\n\
             left{team=\"d\"} 0.5\n",
        );
        let rows = [("a", Value::Whole(2))];
        for name in ["rows", "rows_total"] {
            let gauges = [gauge(name, GaugeKind::Counter, &rows)];
            check(
                &gauges,
                Form::Text,
                "# HELP rows_total Told.\n# TYPE rows_total counter\nrows_total{team=\"a\"} 2\n",
            );
            check(
                &gauges,
                Form::OpenMetrics,
                "# HELP rows Told.\n# TYPE rows counter\nrows_total{team=\"a\"} 2\n# EOF\n",
            );
        }
    }

    #[test]
    fn a_family_is_told_once_and_so_is_a_series() {
        let one = [("a", Value::Whole(1))];
        let gauges = [
            gauge("counted", GaugeKind::Gauge, &one),
            gauge("counted_total", GaugeKind::Counter, &one),
            gauge("counted_total", GaugeKind::Gauge, &one),
            gauge("twice", GaugeKind::Gauge, &[]),
            gauge("twice", GaugeKind::Gauge, &[("a", Value::Whole(1)), ("a", Value::Whole(5))]),
            gauge("twice", GaugeKind::Gauge, &[("b", Value::Whole(2))]),
        ];
        check(&gauges, Form::Text, "# HELP twice Told.\n# TYPE twice gauge\ntwice{team=\"a\"} 1\n");
    }
}
