//! Prices taken from providers' lists of models while the gateway serves.

use std::sync::Arc;
use std::time::Duration;

use trunkline_core::Error;

use crate::Gateway;

/// How long after a list could not be had it is asked for again, where the interval is not shorter.
const AGAIN: Duration = Duration::from_secs(60);

impl Gateway {
    /// Takes up what the lists of models tell of prices, now and at the interval of the settings. Never ends.
    pub async fn take_up_prices_at_intervals(&self) {
        let Some(every) = self.settings.prices_every else {
            return std::future::pending().await;
        };
        loop {
            let wait = match self.take_up_prices().await {
                Ok(()) => every,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(
                        error,
                        "prices could not be had from a list of models; the last ones hold"
                    );
                    every.min(AGAIN)
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn take_up_prices(&self) -> Result<(), Error> {
        let rows = self.router().catalogue_prices().await?;
        let models = rows.len();
        let _turn = self.replacing().await;
        let router = self.router();
        let prices = router.prices().clone().with_catalogue_prices(rows);
        if prices != *router.prices() {
            self.serve_by(Arc::new(router.with_prices(prices)));
            tracing::info!(models, "the prices of the list of models hold");
        }
        Ok(())
    }
}
