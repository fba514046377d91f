//! The raw results of a run, as they are kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Everything that one run has measured.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Results {
    /// Seconds since 1970.
    pub(crate) taken_at: u64,
    pub(crate) machine: String,
    pub(crate) version: String,
    pub(crate) rounds: usize,
    /// How long one measurement took, in seconds.
    pub(crate) seconds: f64,
    /// Where accounts were kept. Empty of runs before that was noted: SQLite.
    #[serde(default)]
    pub(crate) database: String,
    /// What went otherwise than it should.
    pub(crate) notes: Vec<String>,
    pub(crate) samples: Vec<Sample>,
}

/// What was measured of one subject in one round of one lane.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Sample {
    pub(crate) lane: String,
    pub(crate) subject: String,
    pub(crate) round: usize,
    pub(crate) figures: Figures,
}

/// Figures by their names, with units last.
pub(crate) type Figures = BTreeMap<String, f64>;

impl Results {
    /// A figure of a subject in every round, in their order.
    pub(crate) fn figures(&self, lane: &str, subject: &str, figure: &str) -> BTreeMap<usize, f64> {
        let own = self.samples.iter().filter(|sample| sample.lane == lane && sample.subject == subject);
        own.filter_map(|sample| Some((sample.round, *sample.figures.get(figure)?))).collect()
    }

    /// The subjects of a lane, in the order in which they were measured first.
    pub(crate) fn subjects(&self, lane: &str) -> Vec<&str> {
        let mut subjects: Vec<&str> = Vec::new();
        for sample in self.samples.iter().filter(|sample| sample.lane == lane) {
            if !subjects.contains(&sample.subject.as_str()) {
                subjects.push(&sample.subject);
            }
        }
        subjects
    }
}
