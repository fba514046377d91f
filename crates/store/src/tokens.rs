//! Tokens in a row's text: a list of figures, to which a later bucket adds one more.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use trunkline_core::Usage;

pub(crate) fn serialize<S: Serializer>(usage: &Option<Usage>, serializer: S) -> Result<S::Ok, S::Error> {
    let figures = usage.as_ref().map(|usage| {
        [
            usage.uncached_input,
            usage.cache_read,
            usage.cache_write,
            usage.audio_input,
            usage.output,
            usage.reasoning,
            usage.audio_output,
            usage.image_output,
            u64::from(usage.inconsistent),
        ]
    });
    figures.serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Usage>, D::Error> {
    let figures: Option<Vec<u64>> = Option::deserialize(deserializer)?;
    Ok(figures.map(|figures| {
        let figure = |place: usize| figures.get(place).copied().unwrap_or(0);
        Usage {
            uncached_input: figure(0),
            cache_read: figure(1),
            cache_write: figure(2),
            audio_input: figure(3),
            output: figure(4),
            reasoning: figure(5),
            audio_output: figure(6),
            image_output: figure(7),
            inconsistent: figure(8) != 0,
            lacks_output: false,
        }
    }))
}
