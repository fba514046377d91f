//! What calls to language models cost: prices from four places, and estimates of tokens before they are told.
//!
//! A [`Price`] says what each kind of token costs; [`Prices`] finds the price of a model in layers, from a
//! price file to a table that comes with the crate. [`estimate`] counts tokens where no
//! upstream has counted them yet.
//!
//! All money is US dollars in decimals, read digit by digit. What is not known is `None` and never zero. Nothing here
//! does I/O: callers hand over texts.
//!
//! ```
//! use trunkline_core::Usage;
//! use trunkline_prices::{PriceFile, Prices};
//!
//! let file = PriceFile::parse(r#"{"m": {"input_cost_per_token": 2e-6, "output_cost_per_token": 8e-6}}"#)?;
//! let prices = Prices::bundled().with_file(file.into());
//! let usage = Usage { uncached_input: 1000, output: 100, ..Usage::default() };
//! let cost = prices.get("m").and_then(|price| price.cost(&usage)).and_then(|cost| cost.spend());
//! assert_eq!(cost.map(|cost| cost.to_string()).as_deref(), Some("0.002800"));
//! # Ok::<(), trunkline_core::Error>(())
//! ```

mod asked_tier;
mod price;
mod rates;

mod members;
mod price_file;
mod pricing;
mod table;

mod prices;

pub mod estimate;

pub use asked_tier::asked_tier;
pub use price::{Price, Service, Tier};
pub use price_file::PriceFile;
pub use prices::Prices;
pub use rates::Rates;
pub use table::Table;
