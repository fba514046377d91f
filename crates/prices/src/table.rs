//! A sorted table of prices as text, looked up in place: nothing of it is parsed but the row that is asked for.

mod row;

use std::sync::Arc;

use crate::price::Price;

/// Compiled by `just prices`; its head says what from.
static BUNDLED: &str = include_str!("../data/prices.tsv");

/// How the line of the head begins that says what an abbreviated source stands for.
const SOURCE: &str = "# source ";

/// Prices as lines of text, sorted by model, each found by halving.
///
/// Lines of the head begin with `#`; the others are rows of cells between tabs, an empty cell being what is not known:
/// the model; US dollars a token of uncached input, cache reads, cache writes, sound in the input, output, reasoning,
/// sound in the output, images in the output; US dollars a call; the most tokens of input and of output; the tiers; the
/// service tiers; the source, abbreviated.
///
/// ```
/// use trunkline_prices::Table;
///
/// let price = Table::bundled().get("gpt-4o").expect("it has been there for long");
/// assert!(price.is_known() && !price.source.is_empty());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table<'a> {
    head: &'a str,
    rows: &'a str,
}

impl Table<'static> {
    /// The table that comes with the crate.
    pub fn bundled() -> Self {
        Self::new(BUNDLED)
    }
}

impl<'a> Table<'a> {
    /// The table that a text is, as [`compile`](Table::compile) wrote it. Nothing but its head is looked at.
    pub fn new(text: &'a str) -> Self {
        let head = text.split_inclusive('\n').take_while(|line| line.starts_with('#')).map(str::len).sum();
        let (head, rows) = text.split_at(head);
        Self { head, rows }
    }

    /// Writes a table. `name` abbreviates `source` in each row; it is one word.
    ///
    /// Rows without a price and without limits are left out.
    pub fn compile<'p>(
        rows: impl IntoIterator<Item = (&'p str, &'p Price)>,
        name: &str,
        source: &str,
    ) -> String {
        let worth_it = |price: &Price| {
            price.is_known() || price.input_tokens_max.is_some() || price.output_tokens_max.is_some()
        };
        let mut rows: Vec<(&str, &Price)> = rows
            .into_iter()
            .filter(|(model, price)| worth_it(price) && !model.contains(['\t', '\n', '#']))
            .collect();
        rows.sort_by_key(|(model, _)| *model);
        rows.dedup_by_key(|(model, _)| *model);
        let mut text = format!("{}{SOURCE}{name} = {source}\n", row::HEAD);
        for (model, price) in rows {
            row::write(model, price, name, &mut text);
        }
        text
    }

    /// The price in the row that is called `model`, to the letter.
    pub fn get(&self, model: &str) -> Option<Price> {
        self.read(self.find(model)?)
    }

    /// The models of all rows, in order.
    pub fn models(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.rows.lines().map(model_of)
    }

    /// The line of `model`.
    fn find(&self, model: &str) -> Option<&'a str> {
        let mut rows = self.rows;
        while !rows.is_empty() {
            let middle = rows.len() / 2;
            // A line feed is no part of a longer character, so that both are ends of characters.
            let start =
                rows.as_bytes()[..middle].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let rest = &rows[start..];
            let line = rest.split('\n').next().unwrap_or(rest);
            match model.cmp(model_of(line)) {
                std::cmp::Ordering::Equal => return Some(line),
                std::cmp::Ordering::Less => rows = &rows[..start],
                std::cmp::Ordering::Greater => rows = rest.get(line.len() + 1..).unwrap_or_default(),
            }
        }
        None
    }

    fn read(&self, line: &str) -> Option<Price> {
        let mut cells = line.split('\t').skip(1);
        let price = row::read(&mut cells)?;
        let source = self.source(cells.next()?)?;
        cells.next().is_none().then_some(Price { source: Arc::from(source), ..price })
    }

    /// What an abbreviated source stands for.
    fn source(&self, name: &str) -> Option<&'a str> {
        let told = self.head.lines().filter_map(|line| line.strip_prefix(SOURCE)?.split_once(" = "));
        told.filter(|(known, _)| *known == name).map(|(_, source)| source).next()
    }
}

fn model_of(line: &str) -> &str {
    line.split('\t').next().unwrap_or(line)
}

#[cfg(test)]
mod tests;
