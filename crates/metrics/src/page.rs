//! The text of an exposition: families with their samples, in Prometheus' form or OpenMetrics'.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use rust_decimal::Decimal;
use trunkline_gateway::Form;

use crate::spread::{BUCKETS, Spread};

/// What a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// The value of one sample.
#[derive(Clone, Debug)]
pub(crate) enum Sample {
    Whole(u64),
    /// Exact, as money is.
    Exact(Decimal),
    Float(f64),
    Spread(Box<Spread>),
}

impl Sample {
    /// Adds another one of the same family.
    fn absorb(&mut self, other: Self) {
        match (self, other) {
            (Self::Whole(sum), Self::Whole(more)) => *sum = sum.saturating_add(more),
            (Self::Exact(sum), Self::Exact(more)) => *sum = sum.checked_add(more).unwrap_or(*sum),
            (Self::Spread(sum), Self::Spread(more)) => sum.absorb(&more),
            (old, new) => *old = new,
        }
    }
}

/// Samples of one family, by their labels. Those with the same labels are added up.
#[derive(Debug, Default)]
pub(crate) struct Samples(BTreeMap<String, Sample>);

impl Samples {
    pub(crate) fn add(&mut self, labels: &[(&str, &str)], sample: Sample) {
        let labels = spelled(labels);
        match self.0.get_mut(&labels) {
            Some(sum) => sum.absorb(sample),
            None => {
                self.0.insert(labels, sample);
            }
        }
    }

    /// Adds a sample, unless there is one with these labels.
    pub(crate) fn add_first(&mut self, labels: &[(&str, &str)], sample: Sample) {
        self.0.entry(spelled(labels)).or_insert(sample);
    }
}

/// A page that grows by families.
#[derive(Debug)]
pub(crate) struct Page {
    form: Form,
    text: String,
    /// The names of the families that it has, without `_total`.
    names: BTreeSet<String>,
}

impl Page {
    pub(crate) fn new(form: Form) -> Self {
        Self { form, text: String::new(), names: BTreeSet::new() }
    }

    /// Adds a family, unless there is one of that name: a scraper refuses the whole page for a family that stands twice.
    /// Its name is without `_total`, which counters get.
    pub(crate) fn family(&mut self, name: &str, kind: Kind, meaning: &str, samples: &Samples) {
        let base = name.strip_suffix("_total").unwrap_or(name);
        if samples.0.is_empty() || !self.names.insert(base.to_owned()) {
            return;
        }
        let (word, ending) = match kind {
            Kind::Counter => ("counter", "_total"),
            Kind::Gauge => ("gauge", ""),
            Kind::Histogram => ("histogram", ""),
        };
        // OpenMetrics names the family, Prometheus' form the sample.
        let told_ending = if self.form == Form::Text { ending } else { "" };
        self.line(format_args!("# HELP {name}{told_ending} {meaning}."));
        self.line(format_args!("# TYPE {name}{told_ending} {word}"));
        for (labels, sample) in &samples.0 {
            let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            match sample {
                Sample::Whole(value) => self.line(format_args!("{name}{ending}{braced} {value}")),
                Sample::Exact(value) => {
                    self.line(format_args!("{name}{ending}{braced} {}", value.normalize()));
                }
                Sample::Float(value) => {
                    self.line(format_args!("{name}{ending}{braced} {}", spelled_float(*value)));
                }
                Sample::Spread(spread) => self.spread(name, labels, &braced, spread),
            }
        }
    }

    fn spread(&mut self, name: &str, labels: &str, braced: &str, spread: &Spread) {
        let comma = if labels.is_empty() { "" } else { "," };
        let ends = BUCKETS.iter().map(|(_, end)| *end).chain(["+Inf"]);
        for (end, count) in ends.zip(spread.up_to()) {
            self.line(format_args!("{name}_bucket{{{labels}{comma}le=\"{end}\"}} {count}"));
        }
        self.line(format_args!("{name}_count{braced} {}", spread.count()));
        self.line(format_args!("{name}_sum{braced} {}", spread.sum().as_secs_f64()));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.text.write_fmt(line).expect("writing to a text does not fail");
        self.text.push('\n');
    }

    /// The whole text.
    pub(crate) fn finish(mut self) -> String {
        if self.form == Form::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

/// Infinity as the formats have it. What is no number is `NaN` in all of them.
fn spelled_float(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    value.to_string()
}

fn spelled(labels: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in labels {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        for letter in value.chars() {
            match letter {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                letter => text.push(letter),
            }
        }
        text.push('"');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn page(form: Form) -> String {
        let mut page = Page::new(form);
        let mut samples = Samples::default();
        samples.add(&[("model", "a\"b\\c\nd"), ("id", "1")], Sample::Whole(2));
        samples.add(&[("model", "a\"b\\c\nd"), ("id", "1")], Sample::Whole(3));
        page.family("calls", Kind::Counter, "Calls", &samples);
        let mut samples = Samples::default();
        samples.add(&[], Sample::Exact(Decimal::new(12_300, 5)));
        page.family("dollars", Kind::Gauge, "Dollars", &samples);
        page.family("nothing", Kind::Gauge, "Nothing", &Samples::default());
        let mut spread = Spread::default();
        spread.note(Duration::from_millis(1_500));
        let mut samples = Samples::default();
        samples.add(&[("model", "m")], Sample::Spread(Box::new(spread)));
        page.family("seconds", Kind::Histogram, "Seconds", &samples);
        page.finish()
    }

    #[test]
    fn families_are_written_as_prometheus_reads_them() {
        let text = page(Form::Text);
        let begin = "# HELP calls_total Calls.\n# TYPE calls_total counter\n\
                     calls_total{model=\"a\\\"b\\\\c\\nd\",id=\"1\"} 5\n\
                     # HELP dollars Dollars.\n# TYPE dollars gauge\ndollars 0.123\n\
                     # HELP seconds Seconds.\n# TYPE seconds histogram\n\
                     seconds_bucket{model=\"m\",le=\"0.005\"} 0\n";
        assert!(text.starts_with(begin), "{text}");
        let end = "seconds_bucket{model=\"m\",le=\"1.0\"} 0\nseconds_bucket{model=\"m\",le=\"2.0\"} 1\n";
        assert!(text.contains(end), "{text}");
        assert!(
            text.ends_with("le=\"+Inf\"} 1\nseconds_count{model=\"m\"} 1\nseconds_sum{model=\"m\"} 1.5\n")
        );
    }

    #[test]
    fn openmetrics_names_the_family_and_says_where_it_ends() {
        let text = page(Form::OpenMetrics);
        assert!(text.starts_with("# HELP calls Calls.\n# TYPE calls counter\ncalls_total{"), "{text}");
        assert!(text.ends_with("\n# EOF\n"), "{text}");
    }
}
