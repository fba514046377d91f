//! Prices that change while a router serves: what catalogues tell, and the same router with other prices.

use std::collections::HashSet;
use std::sync::Arc;

use trunkline_core::{Error, ModelInfo};
use trunkline_prices::{Price, Prices};
use trunkline_provider::{CallContext, Registration};

use crate::group::Policies;
use crate::price_list::PriceList;
use crate::table::Table;
use crate::{Deployment, Router};

impl Router {
    /// What models cost whose deployments do not say so.
    pub fn prices(&self) -> &Prices {
        self.price_list.prices()
    }

    /// The same router with other prices. It goes on with what this one has learned of deployments, credentials and
    /// origins, as one does that is built by [`succeeding`](crate::RouterBuilder::succeeding); who waits in a queue of this
    /// one goes on waiting there, and hedges are earned anew.
    #[must_use]
    pub fn with_prices(&self, prices: Prices) -> Self {
        let policies = Policies::new(&self.routing);
        let repriced =
            |deployment: &Arc<Deployment>| Arc::new(Deployment::clone(deployment).with_prices(&prices));
        let deployments = self.table().deployments.iter().map(repriced).collect();
        Self {
            registry: Arc::clone(&self.registry),
            table: Table::new(deployments, self.table().aliases.clone(), &policies),
            direct: self.direct.clone(),
            known: self.known.clone(),
            routing: self.routing.clone(),
            policies,
            states: self.states.carried_over(self.routing.retry_budget),
            random: self.random.branch(),
            price_list: PriceList::new(prices),
        }
    }

    /// What the catalogues of its providers tell of prices, by full names, for
    /// [`Prices::with_catalogue_prices`]. Only those are asked that a deployment uses and whose lists tell prices.
    ///
    /// # Errors
    ///
    /// The first of a catalogue that could not be had: half of the prices would be taken for all.
    pub async fn catalogue_prices(&self) -> Result<Vec<(String, Price)>, Error> {
        let mut prices = Vec::new();
        for (Registration { prefix, provider, .. }, context) in self.priced_catalogues() {
            let source: Arc<str> = Arc::from(format!("the catalogue of {prefix}"));
            let row =
                |model: ModelInfo| (format!("{prefix}/{}", model.id), Price::from_model(&model, &source));
            let rows = provider.models(context).await?.into_iter().map(row);
            prices.extend(rows.filter(|(_, price)| price.is_known()));
        }
        Ok(prices)
    }

    /// Each provider once for each address that it is called at.
    fn priced_catalogues<'r>(&'r self) -> Vec<(&'r Registration, &'r CallContext)> {
        let of_deployments = self.table().deployments.iter().map(|one| (&*one.prefix, &one.context));
        let registrations = self.registry().registrations().into_iter();
        let callable = registrations.filter(|one| self.direct.is_some() && one.about.has_credential);
        let of_prefixes = callable.filter_map(|one| Some((&*one.prefix, self.direct.as_ref()?)));
        let mut seen = HashSet::new();
        let priced = |(prefix, context): (&'r str, &'r CallContext)| {
            let registration = self.registry().by_prefix(prefix)?;
            let is_new = seen.insert((prefix, context.target.api_base.as_deref()));
            (registration.about.tells_prices && is_new).then_some((registration, context))
        };
        of_deployments.chain(of_prefixes).filter_map(priced).collect()
    }
}
