//! The table of every configuration key that LiteLLM or Trunkline knows, as data.

mod row;

mod general_settings;
mod litellm_params;
mod litellm_settings;
mod model_list;
mod router_settings;
mod top_level;
mod trunkline_settings;

use std::sync::LazyLock;

pub(crate) use litellm_params::is_parameter;
pub use row::{KeyRow, Section, State, Values};

use crate::spelling;

/// Every known key, section by section in the order of [`Section`].
///
/// WHEN ADDING a supported key: make its row `.supported()`, read it where its section is read, add it to
/// `configs/full.yaml`, and regenerate the table of `docs/configuration.md`.
pub fn key_table() -> &'static [KeyRow] {
    static TABLE: LazyLock<Vec<KeyRow>> = LazyLock::new(|| {
        [
            top_level::ROWS,
            model_list::ROWS,
            litellm_params::ROWS,
            &litellm_params::parameter_rows(),
            model_list::MODEL_INFO_ROWS,
            litellm_settings::ROWS,
            router_settings::ROWS,
            general_settings::ROWS,
            trunkline_settings::ROWS,
        ]
        .concat()
    });
    &TABLE
}

/// The rows of one section.
pub(crate) fn rows(section: Section) -> impl Iterator<Item = &'static KeyRow> {
    key_table().iter().filter(move |row| row.section == section)
}

/// The row of a key: the one with that very name, else a pattern that fits.
pub(crate) fn find(section: Section, key: &str) -> Option<&'static KeyRow> {
    rows(section).find(|row| row.key == key).or_else(|| rows(section).find(|row| row.fits(key)))
}

/// The key of the section that is spelled most like this one, if any is near enough to be meant.
pub(crate) fn nearest(section: Section, key: &str) -> Option<&'static str> {
    spelling::nearest(key, rows(section).filter(|row| !row.is_pattern()).map(|row| row.key))
}

/// Another section that has a key of this name; those that hold for all calls come before those of deployments.
pub(crate) fn elsewhere(section: Section, key: &str) -> Option<&'static KeyRow> {
    others(section).find_map(|other| rows(other).find(|row| row.key == key))
}

/// The key that was probably meant by one that no section has: its beginning is right, here or elsewhere.
pub(crate) fn begun_alike(section: Section, key: &str) -> Option<String> {
    let names = |section| rows(section).filter(|row| !row.is_pattern()).map(|row| row.key);
    let here = spelling::begun_alike(key, names(section)).map(str::to_owned);
    here.or_else(|| {
        others(section).find_map(|other| {
            let near = nearest(other, key).or_else(|| spelling::begun_alike(key, names(other)))?;
            Some(crate::reference::join(other.path(), near))
        })
    })
}

/// The other sections. What stands in a row of `model_list` was probably meant for a deployment, all else for none.
fn others(section: Section) -> impl Iterator<Item = Section> {
    let is_of_deployments = |section: &Section| {
        matches!(section, Section::ModelList | Section::LitellmParams | Section::ModelInfo)
    };
    let of_row = section == Section::ModelList;
    let of_deployments = move |wanted: bool| {
        Section::ALL.into_iter().filter(move |other| *other != section && is_of_deployments(other) == wanted)
    };
    of_deployments(of_row).chain(of_deployments(!of_row))
}
