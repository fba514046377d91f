//! The price file that a configuration names.

use std::path::{Path, PathBuf};

use trunkline_config::{Contents, Loaded};
use trunkline_core::{Error, ErrorKind};
use trunkline_prices::PriceFile;

/// Reads the price file that a configuration names, and gives it with its path. `None` if it names none. What it holds is
/// noted in `contents`, where it will not do too.
///
/// # Errors
///
/// `Configuration` if it cannot be read: a sentence with its path.
pub fn price_file(loaded: &Loaded, contents: &mut Contents) -> Result<Option<(PathBuf, PriceFile)>, Error> {
    let Some(path) = named(loaded) else { return Ok(None) };
    let refused = |why: String| {
        let message = format!("the price file {} cannot be read: {why}", path.display());
        Error::new(ErrorKind::Configuration, message)
    };
    let bytes = contents.read(&path).map_err(|error| refused(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| refused(error.to_string()))?;
    let name = path.file_name().map_or_else(|| "price file".into(), |name| name.to_string_lossy());
    let file = PriceFile::parse_from(&text, &name).map_err(|error| {
        let causes = error.causes().map(|causes| format!(": {causes}")).unwrap_or_default();
        refused(format!("{error}{causes}"))
    })?;
    Ok(Some((path, file)))
}

/// Its path; a relative one begins at the file that names it.
fn named(loaded: &Loaded) -> Option<PathBuf> {
    let named = loaded.settings.trunkline.price_file.trim();
    let beside = loaded.files.first().and_then(|file| file.parent()).unwrap_or(Path::new(""));
    (!named.is_empty()).then(|| beside.join(named))
}
