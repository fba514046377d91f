//! What a reply says of its own bill: amounts, who paid, and the id that the bill is looked up by.

use rust_decimal::Decimal;
use trunkline_core::cost::amount;
use trunkline_core::{Cost, Document, ReportedCost, json};

/// The members of a reply, or of one event, in which the gateway tells these things.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Telling<'a> {
    id: Option<&'a [u8]>,
    generation_id: Option<&'a [u8]>,
    choices: Option<&'a [u8]>,
    usage: Option<&'a [u8]>,
    /// The provider metadata, where it stands beside the others and in no choice.
    metadata: Option<&'a [u8]>,
    /// The whole reply, where an event holds it: `response` in Responses, `message` in Messages.
    whole: Option<&'a [u8]>,
}

impl<'a> Telling<'a> {
    pub(crate) fn of_event(data: &'a [u8]) -> Self {
        let outer = Self::of_object(data);
        match outer.whole.map(Self::of_object) {
            Some(inner) => outer.or(inner),
            None => outer,
        }
    }

    fn of_object(object: &'a [u8]) -> Self {
        let mut telling = Self::default();
        for member in json::members(object) {
            let raw = Some(&object[member.value.clone()]);
            match member.key {
                b"id" => telling.id = raw,
                b"generationId" => telling.generation_id = raw,
                b"choices" => telling.choices = raw,
                b"usage" => telling.usage = raw,
                b"provider_metadata" | b"providerMetadata" => telling.metadata = raw,
                b"response" | b"message" => telling.whole = raw.filter(|raw| raw.starts_with(b"{")),
                _ => {}
            }
        }
        telling
    }

    fn or(self, other: Self) -> Self {
        Self {
            id: self.id.or(other.id),
            generation_id: self.generation_id.or(other.generation_id),
            choices: self.choices.or(other.choices),
            usage: self.usage.or(other.usage),
            metadata: self.metadata.or(other.metadata),
            whole: None,
        }
    }

    pub(crate) fn of_document(document: &'a Document) -> Self {
        Self {
            id: document.raw("id"),
            generation_id: document.raw("generationId"),
            choices: document.raw("choices"),
            usage: document.raw("usage"),
            metadata: document.raw("provider_metadata").or_else(|| document.raw("providerMetadata")),
            whole: None,
        }
    }

    /// The `gateway` object of the provider metadata, in the root, or in a choice's message or delta.
    fn gateway(&self) -> Option<&'a [u8]> {
        let of_root = || object(self.metadata?, "gateway");
        let of_choices = || {
            let choices = self.choices?;
            json::elements(choices).find_map(|span| {
                let choice = &choices[span];
                ["message", "delta"]
                    .iter()
                    .find_map(|name| object(metadata(object(choice, name)?)?, "gateway"))
            })
        };
        of_root().or_else(of_choices)
    }
}

/// What was told so far. A stream may tell it in several events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Billing {
    /// From the metadata: decimal texts, which count before the numbers.
    precise: ReportedCost,
    /// From the usage: JSON numbers.
    numbers: ReportedCost,
    pub(crate) generation_id: Option<String>,
}

impl Billing {
    /// Takes note of what an event or a document tells.
    pub(crate) fn note(&mut self, telling: &Telling<'_>) {
        if let Some(Cost::Reported(numbers)) = telling.usage.and_then(trunkline_openai::wire::cost) {
            self.numbers = numbers;
        }
        let gateway = telling.gateway();
        if let Some(gateway) = gateway {
            self.precise = ReportedCost {
                cost: dollars(gateway, "cost"),
                market_cost: dollars(gateway, "marketCost"),
                surcharge_cost: dollars(gateway, "surchargeCost"),
                gateway_cost: dollars(gateway, "gatewayCost"),
                is_byok: paid_by_own_key(gateway),
            };
        }
        if self.generation_id.is_none() {
            let of_gateway = || text(member(gateway?, "generationId")?);
            self.generation_id = telling
                .generation_id
                .and_then(text)
                .or_else(of_gateway)
                .or_else(|| generation_id(telling.id?));
        }
    }

    /// The bill as far as it is known. `None` if no amount was told.
    pub(crate) fn cost(&self) -> Option<Cost> {
        let (precise, numbers) = (&self.precise, &self.numbers);
        let reported = ReportedCost {
            cost: precise.cost.or(numbers.cost),
            market_cost: precise.market_cost.or(numbers.market_cost),
            surcharge_cost: precise.surcharge_cost.or(numbers.surcharge_cost),
            gateway_cost: precise.gateway_cost.or(numbers.gateway_cost),
            is_byok: precise.is_byok || numbers.is_byok,
        };
        (!reported.is_empty()).then_some(Cost::Reported(reported))
    }
}

/// The `id` of an event, or of the whole reply that the event holds. Stops as soon as it is found.
pub(crate) fn id_of_event(data: &[u8]) -> Option<&[u8]> {
    let places: [&[&str]; 3] = [&["id"], &["message", "id"], &["response", "id"]];
    places.iter().find_map(|place| json::path(data, place)).map(|span| &data[span])
}

/// The generation id that an `id` is; every one begins with `gen_`.
pub(crate) fn generation_id(raw: &[u8]) -> Option<String> {
    text(raw).filter(|id| id.starts_with("gen_"))
}

/// Whether the attempt that succeeded went out on a key of the caller's, or the team's, own.
fn paid_by_own_key(gateway: &[u8]) -> bool {
    let attempts = json::path(gateway, &["routing", "modelAttempts"]).map(|span| &gateway[span]);
    attempts.is_some_and(|models| {
        json::elements(models).any(|span| {
            let attempts = member(&models[span], "providerAttempts");
            attempts.is_some_and(|attempts| {
                json::elements(attempts).any(|span| {
                    let attempt = &attempts[span];
                    member(attempt, "success") == Some(b"true")
                        && member(attempt, "credentialType") == Some(b"\"byok\"")
                })
            })
        })
    })
}

/// An amount. A negative one would give budgets back, so that it counts as none.
pub(crate) fn dollars(object: &[u8], name: &str) -> Option<Decimal> {
    amount(member(object, name)?).filter(|amount| !amount.is_sign_negative())
}

/// The provider metadata of a message or a delta, in either spelling.
fn metadata(object: &[u8]) -> Option<&[u8]> {
    member(object, "provider_metadata").or_else(|| member(object, "providerMetadata"))
}

fn object<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    member(object, name).filter(|raw| raw.starts_with(b"{"))
}

pub(crate) fn member<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    json::member(object, name).map(|span| &object[span])
}

pub(crate) fn text(raw: &[u8]) -> Option<String> {
    json::string(raw).filter(|text| !text.is_empty()).map(|text| text.into_owned())
}
