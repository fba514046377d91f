//! What was probably meant by a name that is not known.

/// The name that is spelled most like this one, if any is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .filter(|(distance, known)| *distance <= (known.len().min(name.len()) / 4).max(1))
        .min()
        .map(|(_, known)| known)
}
