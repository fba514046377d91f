//! A text in the pieces in which a stream tells it.

/// The text in pieces of so many characters.
pub(crate) fn pieces(text: &str, characters: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.char_indices().nth(characters).map_or(rest.len(), |(offset, _)| offset);
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_cut_between_characters() {
        assert_eq!(pieces("", 3).collect::<Vec<_>>(), [""; 0]);
        assert_eq!(pieces("é漢字🙂ab", 3).collect::<Vec<_>>(), ["é漢字", "🙂ab"]);
    }
}
