//! The price of a model, looked up in layers.

use std::collections::HashMap;
use std::sync::Arc;

use trunkline_core::ModelInfo;

use crate::price::Price;
use crate::price_file::PriceFile;
use crate::table::Table;

/// Prefixes that a model keeps its list price without: OpenAI's and Anthropic's own models stand in price files by
/// their bare names, and the Vercel AI Gateway passes list prices on.
const WITHOUT: &[&str] = &["vercel_ai_gateway/", "openai/", "text-completion-openai/", "anthropic/"];

/// The prices of all models, in layers. From the strongest: a price file, catalogues, the bundled table.
///
/// It never changes; a layer is replaced by making another `Prices`, which shares the others. Cloning copies nothing.
///
/// ```
/// use trunkline_prices::Prices;
///
/// let prices = Prices::bundled();
/// let price = prices.get("openai/gpt-4o").expect("a well-known model");
/// assert!(price.rates.input.is_some());
/// assert!(prices.get("openai/no-such-model").is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prices {
    file: Option<Arc<PriceFile>>,
    catalogue: Arc<HashMap<String, Price>>,
    table: Option<Table<'static>>,
}

impl Prices {
    /// The bundled table alone.
    pub fn bundled() -> Self {
        Self { table: Some(Table::bundled()), ..Self::default() }
    }

    /// No price at all, where the bundled table is not wanted.
    pub fn empty() -> Self {
        Self::default()
    }

    /// These prices with `file` in place of the price file that there was.
    #[must_use]
    pub fn with_file(self, file: Arc<PriceFile>) -> Self {
        Self { file: Some(file), ..self }
    }

    /// These prices without the price file that there was.
    #[must_use]
    pub fn without_file(self) -> Self {
        Self { file: None, ..self }
    }

    /// These prices with the models of a provider's catalogue, in place of all catalogues that there were.
    ///
    /// A model's full name is `prefix`, a slash, and its id.
    #[must_use]
    pub fn with_catalogue(self, prefix: &str, models: &[ModelInfo]) -> Self {
        let source: Arc<str> = Arc::from(format!("the catalogue of {prefix}"));
        let row = |model: &ModelInfo| (format!("{prefix}/{}", model.id), Price::from_model(model, &source));
        self.with_catalogue_prices(models.iter().map(row))
    }

    /// As [`with_catalogue`](Self::with_catalogue), with prices by full names: of several catalogues, or with the tiers
    /// that [`Price::from_pricing`] reads.
    #[must_use]
    pub fn with_catalogue_prices(self, prices: impl IntoIterator<Item = (String, Price)>) -> Self {
        Self { catalogue: Arc::new(prices.into_iter().collect()), ..self }
    }

    /// The price of a model by its full name.
    ///
    /// The full name counts first, in every layer, and then the name without
    /// `vercel_ai_gateway/`, and without `openai/` or `anthropic/`: an exact name in a weak layer says more than a
    /// shortened one in a strong layer. What is found first with a price counts as a whole, so that no price is made of
    /// two; limits that it does not tell are those of the layers behind it.
    ///
    /// `None` if nothing is known of the model. A price that is there may still not be [known](Price::is_known), where
    /// only limits are.
    pub fn get(&self, model: &str) -> Option<Price> {
        let mut found: Option<Price> = None;
        for name in names(model) {
            let layers: [&dyn Fn() -> Option<Price>; 3] =
                [&|| self.file.as_ref()?.get(name).cloned(), &|| self.catalogue.get(name).cloned(), &|| {
                    self.table.as_ref()?.get(name)
                }];
            for layer in layers {
                if found.as_ref().is_some_and(is_whole) {
                    return found;
                }
                found = match (found, layer()) {
                    (Some(strong), Some(weak)) => Some(strong.over(weak)),
                    (strong, weak) => strong.or(weak),
                };
            }
        }
        found
    }
}

/// The names that a model may stand under, from the most exact.
fn names(model: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(model), |name| shortened(name)).filter(|name| !name.is_empty())
}

fn shortened(name: &str) -> Option<&str> {
    WITHOUT.iter().find_map(|prefix| name.strip_prefix(prefix))
}

fn is_whole(price: &Price) -> bool {
    price.is_known() && price.input_tokens_max.is_some() && price.output_tokens_max.is_some()
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;
    use trunkline_core::TokenPrices;

    use super::*;
    use crate::Rates;

    fn price(input: i64, source: &str) -> Price {
        Price {
            rates: Rates { input: Some(Decimal::from(input)), ..Rates::default() },
            source: Arc::from(source),
            ..Price::default()
        }
    }

    fn file(text: &str) -> Arc<PriceFile> {
        Arc::new(PriceFile::parse(text).expect("a price file"))
    }

    fn catalogue(input: i64) -> [ModelInfo; 1] {
        let prices = TokenPrices { input: Some(Decimal::from(input)), ..TokenPrices::default() };
        [ModelInfo { id: "openai/gpt-4o".to_owned(), prices: Some(prices), ..ModelInfo::default() }]
    }

    const MODEL: &str = "vercel_ai_gateway/openai/gpt-4o";

    #[track_caller]
    fn check(prices: &Prices, model: &str, source: Option<&str>) {
        let found = prices.get(model).map(|price| price.source.to_string());
        assert_eq!(found.as_deref(), source, "{model}");
    }

    #[test]
    fn the_strongest_layer_counts() {
        const BUNDLED: Option<&str> = Some("litellm 1.102.4, model_prices_and_context_window_backup.json");
        let mut prices = Prices::bundled();
        check(&prices, MODEL, BUNDLED);
        prices = prices.with_catalogue("vercel_ai_gateway", &catalogue(1));
        check(&prices, MODEL, Some("the catalogue of vercel_ai_gateway"));
        check(&prices, "openai/gpt-4o", BUNDLED);
        prices =
            prices.with_file(file(r#"{"vercel_ai_gateway/openai/gpt-4o": {"input_cost_per_token": 2}}"#));
        check(&prices, MODEL, Some("price file"));
    }

    #[test]
    fn an_exact_name_goes_before_a_shortened_one() {
        let prices = Prices::empty()
            .with_file(file(
                r#"{"gpt-4o": {"input_cost_per_token": 1}, "deepseek/r": {"input_cost_per_token": 1}}"#,
            ))
            .with_catalogue("vercel_ai_gateway", &catalogue(2));
        check(&prices, MODEL, Some("the catalogue of vercel_ai_gateway"));
        check(&prices, "openai/gpt-4o", Some("price file"));
        check(&prices, "gpt-4o", Some("price file"));
        check(&prices, "vercel_ai_gateway/deepseek/r", Some("price file"));
        // Who serves a model themselves, or sells it dearer, does not charge its maker's price.
        check(&prices, "hosted_vllm/deepseek/r", None);
        check(&prices, "openrouter/openai/gpt-4o", None);
        check(&prices, "deepseek/gpt-4o", None);
        check(&prices, "openai/", None);
    }

    #[test]
    fn limits_come_from_behind_and_prices_are_not_mixed() {
        let rows = r#"{"a": {"max_input_tokens": 9}, "b": {"input_cost_per_token": 1, "output_cost_per_token": 2,
            "max_input_tokens": 7, "max_output_tokens": 3}}"#;
        let prices = Prices::empty().with_file(file(rows));
        let known = || prices.get("b").expect("it is there");
        let found = price(5, "the configuration").over(known());
        assert_eq!((found.rates.input, found.rates.output), (Some(5.into()), None));
        assert_eq!((found.input_tokens_max, found.output_tokens_max), (Some(7), Some(3)));
        let found = Price { output_tokens_max: Some(4), ..Price::default() }.over(known());
        assert_eq!((found.rates.output, found.output_tokens_max), (Some(2.into()), Some(4)));
        assert_eq!(prices.get("a").map(|price| price.is_known()), Some(false));
        assert_eq!(prices.get("c"), None);
    }
}
