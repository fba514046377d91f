//! Reads an exposition and refuses whatever the formats do not allow.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    OpenMetrics,
}

/// A sample: its name, its labels, its value.
type Sample = (String, BTreeMap<String, String>, f64);

/// Everything that was exposed.
pub(crate) struct Exposition {
    samples: Vec<Sample>,
}

impl Exposition {
    pub(crate) fn parse(text: &str, form: Form) -> Self {
        assert!(text.ends_with('\n') && !text.contains("\n\n"), "lines end, and none is empty");
        let mut lines = text.lines().peekable();
        let (mut samples, mut families) = (Vec::new(), BTreeSet::new());
        let mut has_ended = false;
        while let Some(line) = lines.next() {
            assert!(!has_ended, "nothing follows the end: {line}");
            if line == "# EOF" {
                has_ended = true;
                continue;
            }
            let help = line.strip_prefix("# HELP ").unwrap_or_else(|| panic!("no family begins so: {line}"));
            let (name, meaning) = help.split_once(' ').expect("a meaning");
            assert!(is_name(name) && !meaning.contains('\\'), "{line}");
            assert!(families.insert(name.to_owned()), "a family stands in one place: {name}");
            let kind =
                lines.next().and_then(|line| line.strip_prefix(&format!("# TYPE {name} "))).expect("a type");
            let mut of_family: Vec<Sample> = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                let sample = sample(line);
                check_name(name, kind, &sample.0, form);
                let is_new =
                    of_family.iter().all(|(name, labels, _)| (name, labels) != (&sample.0, &sample.1));
                assert!(is_new, "a series stands once: {line}");
                of_family.push(sample);
            }
            assert!(!of_family.is_empty(), "a family has samples: {name}");
            if kind == "histogram" {
                check_histogram(name, &of_family);
            }
            samples.extend(of_family);
        }
        assert_eq!(has_ended, form == Form::OpenMetrics);
        Self { samples }
    }

    /// The value of the one series with exactly these labels.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels: BTreeMap<String, String> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let found = self.samples.iter().find(|(other, others, _)| other == name && *others == labels);
        let of_name: Vec<&Sample> = self.samples.iter().filter(|(other, ..)| other == name).collect();
        found.unwrap_or_else(|| panic!("no {name} with {labels:?} in {of_name:?}")).2
    }

    pub(crate) fn whole(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        whole(self.value(name, labels))
    }

    /// The sum of all series of a family whose values are whole.
    pub(crate) fn sum(&self, name: &str) -> u64 {
        self.samples.iter().filter(|(other, ..)| other == name).map(|(.., value)| whole(*value)).sum()
    }

    fn deployment(&self, name: &str, id: &str) -> &Sample {
        let is_meant =
            |sample: &&Sample| sample.0 == name && sample.1.get("model_id").is_some_and(|other| other == id);
        self.samples.iter().find(is_meant).unwrap_or_else(|| panic!("no {name} of {id}"))
    }

    pub(crate) fn of_deployment(&self, name: &str, id: &str) -> u64 {
        whole(self.deployment(name, id).2)
    }

    pub(crate) fn label(&self, name: &str, id: &str, label: &str) -> &str {
        &self.deployment(name, id).1[label]
    }

    /// Every value of a label.
    pub(crate) fn labels(&self, label: &str) -> BTreeSet<&str> {
        self.samples.iter().filter_map(|(_, labels, _)| labels.get(label).map(String::as_str)).collect()
    }

    /// The names of the labels of each series of a family; those of buckets without their end.
    pub(crate) fn label_names(&self, family: &str) -> Vec<BTreeSet<&str>> {
        let endings = ["", "_total", "_bucket", "_count", "_sum"];
        let is_meant = |name: &str| name.strip_prefix(family).is_some_and(|ending| endings.contains(&ending));
        let series = self.samples.iter().filter(|(name, ..)| is_meant(name));
        let names = series.map(|(_, labels, _)| labels.keys().map(String::as_str));
        names.map(|names| names.filter(|name| *name != "le").collect()).collect()
    }

    /// Every series, without its value.
    pub(crate) fn series(&self) -> BTreeSet<String> {
        self.samples.iter().map(|(name, labels, _)| format!("{name}{labels:?}")).collect()
    }
}

fn whole(value: f64) -> u64 {
    assert!(value >= 0.0 && value.fract().abs() < f64::EPSILON, "{value}");
    value as u64
}

fn check_name(family: &str, kind: &str, name: &str, form: Form) {
    let allowed: Vec<String> = match (kind, form) {
        ("counter", Form::Text) => {
            assert!(family.ends_with("_total"), "{family}");
            vec![family.to_owned()]
        }
        ("counter", Form::OpenMetrics) => {
            assert!(!family.ends_with("_total"), "{family}");
            vec![format!("{family}_total")]
        }
        ("gauge", _) => vec![family.to_owned()],
        ("histogram", _) => ["_bucket", "_count", "_sum"].map(|ending| format!("{family}{ending}")).into(),
        _ => panic!("{family} is a {kind}"),
    };
    assert!(allowed.iter().any(|allowed| allowed == name), "{name} in {family}, a {kind}");
}

/// For each set of labels: buckets in order, cumulative, the last one for all; a count that is the same; a sum.
fn check_histogram(family: &str, samples: &[Sample]) {
    let mut sets: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>> = BTreeMap::new();
    for (name, labels, value) in samples.iter().filter(|(name, ..)| name.ends_with("_bucket")) {
        let mut labels = labels.clone();
        let end = labels.remove("le").unwrap_or_else(|| panic!("{name} without le"));
        assert!(end == "+Inf" || end.contains('.'), "{end} is spelled as a float");
        sets.entry(labels).or_default().push((end.parse().expect("a number"), *value));
    }
    for (labels, buckets) in sets {
        assert!(buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1), "{family}");
        let (end, all) = *buckets.last().expect("a bucket");
        assert!(end.is_infinite(), "{family} {labels:?}");
        let of = |ending: &str| {
            let name = format!("{family}{ending}");
            samples
                .iter()
                .find(|(other, others, _)| *other == name && *others == labels)
                .map(|(.., value)| *value)
        };
        assert_eq!(of("_count"), Some(all), "{family} {labels:?}");
        assert!(of("_sum").is_some_and(|sum| sum >= 0.0), "{family} {labels:?}");
    }
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no value: {line}"));
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    if let Some(behind) = rest.strip_prefix('{') {
        rest = behind;
        loop {
            let (label, behind) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
            assert!(is_name(label) && !label.contains(':'), "{line}");
            let (value, behind) = label_value(behind, line);
            assert!(labels.insert(label.to_owned(), value).is_none(), "a label stands once: {line}");
            if let Some(behind) = behind.strip_prefix('}') {
                rest = behind;
                break;
            }
            rest = behind.strip_prefix(',').unwrap_or_else(|| panic!("no comma: {line}"));
        }
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no value: {line}"));
    (name.to_owned(), labels, value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
}

fn label_value<'l>(text: &'l str, line: &str) -> (String, &'l str) {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &text[at + 1..]),
            '\\' => match letters.next().map(|(_, letter)| letter) {
                Some('n') => value.push('\n'),
                Some(letter @ ('\\' | '"')) => value.push(letter),
                other => panic!("no escape: {other:?} in {line}"),
            },
            letter => value.push(letter),
        }
    }
    panic!("a label's value does not end: {line}");
}

fn is_name(text: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphabetic() || matches!(letter, '_' | ':');
    text.starts_with(is_letter) && text.chars().all(|letter| is_letter(letter) || letter.is_ascii_digit())
}
