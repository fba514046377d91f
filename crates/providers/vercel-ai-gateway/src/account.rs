//! What an account can look up of its own bill: single generations, and sums by day.

use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{Request, StatusCode};
use rust_decimal::Decimal;
use trunkline_core::{
    Document, Error, ErrorKind, InclusiveUsage, ReportedCost, Secret, Segments, Usage, json,
};
use trunkline_openai::wire;
use trunkline_provider::{CredentialSource as _, EncodeContext, HttpProvider, Registry, Target, address};

use crate::PREFIX;
use crate::billing::{dollars, member, text};
use crate::codec::VercelCodec;
use crate::credentials::VercelCredentials;

/// How long one look-up may take, whatever calls may.
const WAIT_MAX: Duration = Duration::from_secs(15);

/// Looks up what the gateway billed: `GET /v1/generation` and `GET /v1/report`, at the address and with the credential that
/// calls of the same target go with.
#[derive(Debug)]
pub struct VercelAccount {
    http: HttpProvider<VercelCodec>,
    codec: VercelCodec,
    credentials: Arc<VercelCredentials>,
}

/// What the gateway billed for one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// What was billed. `cost` is without surcharge, as replies tell it.
    pub cost: ReportedCost,
    counts: InclusiveUsage,
}

/// What the gateway billed on one day in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedDay {
    /// The day: `2026-11-27`.
    pub day: String,
    /// All that was debited.
    pub spend: Decimal,
    /// How many calls were served.
    pub requests: u64,
}

impl VercelAccount {
    /// Over the registry's transport, with the credentials and the address of its environment.
    pub fn new(registry: &Registry) -> Self {
        let codec = VercelCodec::new(registry.environment());
        let credentials = Arc::new(VercelCredentials::new(registry.environment()));
        let source = Arc::<VercelCredentials>::clone(&credentials);
        Self { http: HttpProvider::new(codec.clone(), source, registry), codec, credentials }
    }

    /// Whether two targets are called at one address and with one credential at this moment, be it their own or that of the
    /// environment. Of two whose credential cannot be read it is that which is the same.
    pub fn is_one(&self, target: &Target, other: &Target) -> bool {
        let address = |target: &Target| self.codec.base(target).trim_end_matches('/').to_owned();
        // It would win over the other.
        let header = |target: &Target| target.extra_headers.get(AUTHORIZATION).cloned();
        let credential = |target: &Target| {
            let credential = self.credentials.credential(target).ok().flatten();
            header(target).is_none().then_some(credential).flatten()
        };
        let is_same = |one: Option<Secret>, other: Option<Secret>| {
            one.as_ref().map(Secret::expose) == other.as_ref().map(Secret::expose)
        };
        address(target) == address(other)
            && header(target) == header(other)
            && is_same(credential(target), credential(other))
    }

    /// What was billed for a call. `None` if the gateway does not know it: records appear some seconds after the call.
    ///
    /// # Errors
    ///
    /// As calls, and `UpstreamProtocol` if what comes back is no record.
    pub async fn generation(&self, target: &Target, id: &str) -> Result<Option<Generation>, Error> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if id.is_empty() || !id.bytes().all(is_plain) {
            return Ok(None);
        }
        let body = match self.look_up(target, "generation", &format!("id={id}")).await {
            Err(error) if error.upstream_status() == Some(StatusCode::NOT_FOUND) => return Ok(None),
            body => body?,
        };
        Generation::read(&body).map(Some).ok_or_else(|| no_record("generation"))
    }

    /// What was billed from one day to another, both in UTC and inside; days without calls are left out. `None` if the
    /// account's plan has no reports. Each question costs the account half a cent.
    ///
    /// # Errors
    ///
    /// As [`generation`](Self::generation).
    pub async fn report(
        &self,
        target: &Target,
        first: &str,
        last: &str,
    ) -> Result<Option<Vec<ReportedDay>>, Error> {
        let query = format!("start_date={first}&end_date={last}&group_by=day");
        let body = match self.look_up(target, "report", &query).await {
            Err(error) if error.upstream_status() == Some(StatusCode::FORBIDDEN) => return Ok(None),
            body => body?,
        };
        let results = body.raw("results").filter(|raw| raw.starts_with(b"["));
        let results = results.ok_or_else(|| no_record("report"))?;
        let days = json::elements(results).map(|span| ReportedDay::read(&results[span]));
        days.collect::<Option<Vec<_>>>().map(Some).ok_or_else(|| no_record("report"))
    }

    async fn look_up(&self, target: &Target, path: &str, query: &str) -> Result<Document, Error> {
        let mut target = target.clone();
        target.send.waits.total = target.send.waits.total.min(WAIT_MAX);
        let write = |codec: &VercelCodec, context: &EncodeContext<'_>| -> Result<Request<Segments>, Error> {
            let base = codec.base(context.target);
            let mut request = wire::encode_models(&base, context)?;
            *request.uri_mut() = address(&base, |base| format!("{base}/{path}"), Some(query))?;
            Ok(request)
        };
        let body = self.http.fetch(&target, write).await?;
        Document::parse(body).map_err(|error| no_record(path).with_source(error))
    }
}

impl Generation {
    fn read(body: &Document) -> Option<Self> {
        let data = body.raw("data").filter(|raw| raw.starts_with(b"{"))?;
        let surcharge_cost = dollars(data, "surcharge_cost");
        // Both are all that was debited, surcharges and all.
        let total = dollars(data, "total_cost").or_else(|| dollars(data, "usage"));
        let gateway_cost = dollars(data, "gateway_cost").or(total);
        let cost = ReportedCost {
            cost: total.or(gateway_cost).map(|total| total - surcharge_cost.unwrap_or_default()),
            market_cost: dollars(data, "market_cost"),
            surcharge_cost,
            gateway_cost: Some(gateway_cost?),
            is_byok: member(data, "is_byok") == Some(b"true"),
        };
        let count = |native: &str, other: &str| number(data, native).or_else(|| number(data, other));
        let counts = InclusiveUsage {
            input: count("native_tokens_prompt", "tokens_prompt").unwrap_or_default(),
            output: count("native_tokens_completion", "tokens_completion").unwrap_or_default(),
            reasoning: number(data, "native_tokens_reasoning").unwrap_or_default(),
            cache_read: number(data, "native_tokens_cached").unwrap_or_default(),
            cache_write: number(data, "native_tokens_cache_creation").unwrap_or_default(),
            ..InclusiveUsage::default()
        };
        Some(Self { cost, counts })
    }

    /// What was used. `told` is what the reply itself told, which stays where the record agrees, or tells of no tokens: it
    /// knows sound and images apart.
    ///
    /// The gateway's records count cached input with all input, and have been seen to leave it out.
    pub fn usage(&self, told: Option<&Usage>) -> Usage {
        let InclusiveUsage { input, cache_read, cache_write, .. } = self.counts;
        let cached = cache_read.saturating_add(cache_write);
        let inside = Usage::from_inclusive(&self.counts);
        let beside = InclusiveUsage { input: input.saturating_add(cached), ..self.counts.clone() };
        let beside = Usage::from_inclusive(&beside);
        let agrees = |told: &&Usage| {
            let is = |read: &Usage| told.input() == read.input() && told.all_output() == read.all_output();
            is(&inside) || is(&beside)
        };
        let tells_nothing = inside.total() == 0;
        match told.filter(|told| tells_nothing || agrees(told)) {
            Some(told) => told.clone(),
            None if cached > input => beside,
            None => inside,
        }
    }
}

impl ReportedDay {
    fn read(row: &[u8]) -> Option<Self> {
        Some(Self {
            day: text(member(row, "day")?)?,
            spend: dollars(row, "gateway_cost").or_else(|| dollars(row, "total_cost"))?,
            requests: number(row, "request_count").unwrap_or_default(),
        })
    }
}

fn number(object: &[u8], name: &str) -> Option<u64> {
    json::u64(member(object, name)?)
}

fn no_record(what: &str) -> Error {
    let message = format!("{PREFIX} answered with something that is no {what}");
    Error::new(ErrorKind::UpstreamProtocol, message).with_provider(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(members: &str) -> Option<Generation> {
        Generation::read(&Document::parse(format!(r#"{{"data":{{{members}}}}}"#)).expect("an object"))
    }

    fn check(members: &str, expected: Option<(&str, &str)>) {
        let read = generation(members).map(|read| {
            let amount =
                |amount: Option<Decimal>| amount.map(|amount| amount.to_string()).unwrap_or_default();
            (amount(read.cost.gateway_cost), amount(read.cost.cost))
        });
        let expected = expected.map(|(gateway, cost)| (gateway.to_owned(), cost.to_owned()));
        assert_eq!(read, expected, "{members}");
    }

    #[test]
    fn what_was_debited_counts_and_the_list_price_never() {
        check(r#""total_cost":1.25,"surcharge_cost":0.25,"gateway_cost":1.25"#, Some(("1.25", "1.00")));
        check(r#""total_cost":1.2e-7,"gateway_cost":null"#, Some(("0.00000012", "0.00000012")));
        check(r#""usage":0.5,"market_cost":2"#, Some(("0.5", "0.5")));
        check(r#""market_cost":2,"tokens_prompt":3"#, None);
        check(r#""total_cost":-1"#, None);
    }

    #[test]
    fn cached_input_is_a_part_of_the_input_or_stands_beside_it() {
        let read = |input: u64| {
            let members = format!(
                r#""total_cost":1,"tokens_prompt":9,"native_tokens_prompt":{input},"native_tokens_completion":7,
                "native_tokens_reasoning":2,"native_tokens_cached":90,"native_tokens_cache_creation":5"#
            );
            generation(&members).expect("a record")
        };
        let usage = read(100).usage(None);
        assert_eq!((usage.uncached_input, usage.cache_read, usage.cache_write), (5, 90, 5));
        assert_eq!((usage.output, usage.reasoning), (5, 2));
        assert_eq!(read(3).usage(None).uncached_input, 3);
        // What the reply told stays where it agrees by either way of counting.
        let told = Usage {
            uncached_input: 100,
            cache_read: 90,
            cache_write: 5,
            audio_output: 7,
            ..Usage::default()
        };
        assert_eq!(read(100).usage(Some(&told)), told);
        let other = Usage { uncached_input: 1, ..told };
        assert_eq!(read(100).usage(Some(&other)), usage);
    }
}
