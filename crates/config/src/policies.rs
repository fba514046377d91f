//! Policies that give a number for each kind of failure.

use crate::reader::Reader;
use crate::routing_settings::{AllowedFailsPolicy, RetryPolicy};

/// The name of a number in a file, and its place in the policy.
type Field<P> = (&'static str, fn(&mut P) -> &mut Option<u32>);

const RETRIES: [Field<RetryPolicy>; 9] = [
    ("BadRequestErrorRetries", |policy| &mut policy.bad_request),
    ("AuthenticationErrorRetries", |policy| &mut policy.authentication),
    ("TimeoutErrorRetries", |policy| &mut policy.timeout),
    ("RateLimitErrorRetries", |policy| &mut policy.rate_limit),
    ("ContentPolicyViolationErrorRetries", |policy| &mut policy.content_policy),
    ("InternalServerErrorRetries", |policy| &mut policy.internal_server),
    ("ServiceUnavailableErrorRetries", |policy| &mut policy.service_unavailable),
    ("NotFoundErrorRetries", |policy| &mut policy.not_found),
    ("DefaultRetries", |policy| &mut policy.default),
];

const ALLOWED_FAILS: [Field<AllowedFailsPolicy>; 9] = [
    ("BadRequestErrorAllowedFails", |policy| &mut policy.bad_request),
    ("AuthenticationErrorAllowedFails", |policy| &mut policy.authentication),
    ("TimeoutErrorAllowedFails", |policy| &mut policy.timeout),
    ("RateLimitErrorAllowedFails", |policy| &mut policy.rate_limit),
    ("ContentPolicyViolationErrorAllowedFails", |policy| &mut policy.content_policy),
    ("InternalServerErrorAllowedFails", |policy| &mut policy.internal_server),
    ("ServiceUnavailableErrorAllowedFails", |policy| &mut policy.service_unavailable),
    ("BadGatewayErrorAllowedFails", |policy| &mut policy.bad_gateway),
    ("NotFoundErrorAllowedFails", |policy| &mut policy.not_found),
];

/// The policy of further attempts that stands under that key.
pub(crate) fn retries(reader: &mut Reader<'_, '_>, key: &str) -> RetryPolicy {
    reader.below(key, |part| policy(part, &RETRIES))
}

/// The policy of allowed failures that stands under that key.
pub(crate) fn allowed_fails(reader: &mut Reader<'_, '_>, key: &str) -> AllowedFailsPolicy {
    reader.below(key, |part| policy(part, &ALLOWED_FAILS))
}

fn policy<P: Default>(reader: &mut Reader<'_, '_>, fields: &[Field<P>]) -> P {
    let mut policy = P::default();
    for (name, field) in fields {
        *field(&mut policy) = reader.count(name);
    }
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    reader.warn_of_others(&names);
    policy
}
