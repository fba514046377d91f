//! The values of a statement that is put together at run time, and how each is referred to in it.

use std::fmt::Write as _;

use crate::session::Session;
use crate::value::Value;

/// Collects values. Statements hold no value themselves, so that none can be taken for SQL.
pub(crate) struct Placeholders<'text> {
    values: Vec<Value<'text>>,
}

impl<'text> Placeholders<'text> {
    pub(crate) fn new() -> Self {
        Self { values: Vec::new() }
    }

    /// Adds a value, and gives the name that it has in the statement.
    pub(crate) fn add(&mut self, value: Value<'text>) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    pub(crate) fn into_values(self) -> Vec<Value<'text>> {
        self.values
    }
}

/// The rows of a statement that inserts several: `(…), (…)`.
///
/// SQLite looks a numbered value up in a list, for each of them; unnumbered ones it counts, which is what makes a
/// statement of a thousand values quick. PostgreSQL knows numbered ones alone.
pub(crate) fn tuples(session: &Session, rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 6);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            text.push_str(if column == 0 { "" } else { ", " });
            if session.is_postgres() {
                let _ = write!(text, "${}", row * columns + column + 1);
            } else {
                text.push('?');
            }
        }
        text.push(')');
    }
    text
}

/// Cuts a list into pieces whose lengths are powers of two, so that few statements differ and databases can keep them.
pub(crate) fn pieces<T>(mut items: &[T], most: usize) -> Vec<&[T]> {
    let mut pieces = Vec::new();
    let mut length = most.next_power_of_two();
    while !items.is_empty() {
        if items.len() < length {
            length /= 2;
            continue;
        }
        let (piece, rest) = items.split_at(length);
        pieces.push(piece);
        items = rest;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_powers_of_two_and_hold_everything() {
        let items: Vec<usize> = (0..300).collect();
        let pieces = pieces(&items, 128);
        assert_eq!(pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>(), [128, 128, 32, 8, 4]);
        assert_eq!(pieces.concat(), items);
        assert!(super::pieces::<usize>(&[], 128).is_empty());
    }
}
