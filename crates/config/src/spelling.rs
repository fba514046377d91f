//! What was probably meant by a name that is not known.

/// The name that is spelled most like this one, if any is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .filter(|(distance, known)| *distance <= (known.len().min(name.len()) / 4).max(1))
        .min()
        .map(|(_, known)| known)
}

/// The same, less strict, for long names whose beginning is right: `num_retry` for `num_retries`.
pub(crate) fn begun_alike<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const BEGINNING_MIN: usize = 6;
    const DISTANCE_MAX: usize = 4;
    let alike = |known: &str| known.bytes().zip(name.bytes()).take_while(|(one, other)| one == other).count();
    known
        .filter(|known| alike(known) >= BEGINNING_MIN.max(name.len() * 2 / 3))
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .filter(|(distance, _)| *distance <= DISTANCE_MAX)
        .min()
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_right_may_end_otherwise() {
        let known = ["num_retries", "queue_wait_ms", "queue_length_max", "timeout", "retry_after"];
        let check = |name, expected| assert_eq!(begun_alike(name, known.into_iter()), expected, "{name}");
        check("num_retry", Some("num_retries"));
        check("queue_wait", Some("queue_wait_ms"));
        check("queue", None);
        check("timeout_for_everything", None);
        check("retry_policy", None);
    }
}
