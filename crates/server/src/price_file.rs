//! The price file that the configuration names: read at the start, and with the configuration whenever that is read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use trunkline_config::Contents;
use trunkline_prices::{PriceFile, Prices};

use crate::sources::Sources;

/// These prices, with those of the file that the configuration names. What it holds is noted in `contents`, where it will
/// not do too.
///
/// # Errors
///
/// Why it cannot be read, in a sentence with its path.
pub(crate) fn over(prices: Prices, sources: &Sources, contents: &mut Contents) -> Result<Prices, String> {
    let Some(path) = named(sources) else { return Ok(prices.without_file()) };
    let refused = |why: String| format!("the price file {} cannot be read: {why}", path.display());
    let bytes = contents.read(&path).map_err(|error| refused(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| refused(error.to_string()))?;
    let name = path.file_name().map_or_else(|| "price file".into(), |name| name.to_string_lossy());
    let file = PriceFile::parse_from(&text, &name).map_err(|error| {
        let causes = error.causes().map(|causes| format!(": {causes}")).unwrap_or_default();
        refused(format!("{error}{causes}"))
    })?;
    tracing::info!(prices.file = %path.display(), models = file.len(), "the price file is read");
    Ok(prices.with_file(Arc::new(file)))
}

/// The same at a start, when nothing was there before. What it holds is noted with the configuration.
///
/// # Errors
///
/// As [`over`].
pub(crate) fn at_start(sources: &mut Sources) -> Result<Prices, String> {
    let mut contents = std::mem::take(&mut sources.contents);
    let prices = over(Prices::bundled(), sources, &mut contents);
    sources.contents = contents;
    prices
}

/// Its path; a relative one begins at the file that names it.
fn named(sources: &Sources) -> Option<PathBuf> {
    let named = sources.loaded.settings.trunkline.price_file.trim();
    let beside = sources.file().and_then(|file| file.parent()).unwrap_or(Path::new(""));
    (!named.is_empty()).then(|| beside.join(named))
}
