//! An explanation as a text, for people.

use std::fmt::{self, Display, Formatter, Write};
use std::time::Duration;

use super::{ExplainedCandidate, Explanation, Follower, Resolved};

impl Display for Explanation {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { model, group, resolved, .. } = self;
        writeln!(formatter, "{model} {resolved}; it leads to the group {group}")?;
        if !self.near.is_empty() {
            writeln!(formatter, "configured names that are spelled nearly so: {}", self.near.join(", "))?;
        }
        writeln!(formatter, "drawn by {}", self.policy.strategy.name())?;
        self.policy_words.iter().try_for_each(|words| writeln!(formatter, "  {words}"))?;
        writeln!(formatter, "who could answer about {} tokens of input:", self.input_tokens)?;
        let has_levels = self.candidates.windows(2).any(|pair| pair[0].order != pair[1].order);
        self.candidates.iter().try_for_each(|candidate| candidate.write(formatter, has_levels))?;
        if self.left_out > 0 {
            writeln!(formatter, "  and {} more", self.left_out)?;
        }
        if let Some(kept_by) = &self.kept_by {
            writeln!(formatter, "the beginning of this conversation leads to {kept_by}")?;
        }
        if self.waiting > 0 {
            writeln!(formatter, "requests that wait, and go first: {}", self.waiting)?;
        }
        if let Some(next) = &self.next {
            let is_certain =
                self.candidates.iter().any(|told| told.deployment == *next && told.chance > 0.99);
            let how = if is_certain { "asked now" } else { "likeliest to be asked now" };
            writeln!(formatter, "{how}: {next}")?;
        }
        if let Some(refusal) = &self.refusal {
            writeln!(formatter, "nobody can be asked: {refusal}")?;
        }
        writeln!(formatter, "{}, {} for the whole", further_attempts(self.retries), seconds(self.total))?;
        if let Some(off) = self.fallbacks.off {
            return writeln!(formatter, "no other group follows: {off}");
        }
        let lists = [
            ("if the group fails", &self.fallbacks.general),
            ("if the input is too long", &self.fallbacks.context_window),
            ("if the content is refused", &self.fallbacks.content_policy),
        ];
        for (when, list) in lists {
            let list: Vec<String> = list.iter().map(Follower::to_string).collect();
            let then = if list.is_empty() { "nobody".to_owned() } else { list.join(", then ") };
            writeln!(formatter, "{when}: {then}")?;
        }
        Ok(())
    }
}

impl Display for Resolved {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeploymentId => formatter.write_str("is a deployment's id"),
            Self::Alias(of) => write!(formatter, "is an alias of {of}"),
            Self::Group => formatter.write_str("is a model group"),
            Self::Wildcard(pattern) => write!(formatter, "matches the wildcard {pattern}"),
            Self::ModelString => formatter.write_str("is the model string of deployments"),
            Self::Prefix => formatter.write_str("begins with a provider's prefix"),
        }
    }
}

impl ExplainedCandidate {
    fn write(&self, formatter: &mut Formatter<'_>, has_levels: bool) -> fmt::Result {
        let Self { deployment, upstream_model, provider, .. } = self;
        write!(formatter, "  {deployment}: {upstream_model} at {provider}, ")?;
        if let Some(origin) = &self.origin {
            write!(formatter, "base {origin}, ")?;
        }
        match (has_levels, self.order) {
            (true, i64::MAX) => formatter.write_str("last in order, ")?,
            (true, order) => write!(formatter, "order {order}, ")?,
            (false, _) => {}
        }
        match self.skip {
            Some(skip) => writeln!(formatter, "passed by: {skip}")?,
            None if self.chance > 0.0 => writeln!(formatter, "asked at {:.0} %", self.chance * 100.0)?,
            None => formatter.write_str("asked when those before it cannot be\n")?,
        }
        writeln!(formatter, "      {}", self.known())?;
        let Self { waits, .. } = self;
        let (connect, first, idle) =
            (seconds(waits.connect), seconds(waits.first_event), seconds(waits.idle));
        let total = seconds(waits.total);
        writeln!(formatter, "      connect {connect}, first event {first}, idle {idle}, total {total}")
    }

    /// What is known of it, on one line.
    fn known(&self) -> String {
        let mut known = format!("{} calls open", of(self.in_flight, self.in_flight_max));
        let mut add = |more: fmt::Arguments<'_>| {
            let _ = write!(known, ", {more}");
        };
        let ((requests, tokens), (rpm, tpm)) = (self.used, self.limits);
        for (used, limit, what) in [(requests, rpm, "requests"), (tokens, tpm, "tokens")] {
            if let (Some(used), Some(limit)) = (used, limit) {
                add(format_args!("{used} of {limit} {what} of its minute"));
            }
        }
        if let Some(answers_in) = self.answers_in {
            add(format_args!("answers in {}", seconds(answers_in)));
        }
        if self.rest.is_some_and(|rest| rest.is_zero()) {
            add(format_args!("one request finds out whether it is back"));
        }
        if let Some(price) = self.price {
            add(format_args!("{} US dollars for a token in and one out", price.normalize()));
        }
        if !self.tags.is_empty() {
            add(format_args!("tags: {}", self.tags.join(" ")));
        }
        if !self.has_credential {
            add(format_args!("no credential is set"));
        }
        known
    }
}

impl Display for Follower {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.model)?;
        match (&self.group, self.passed_by) {
            (_, Some(why)) => write!(formatter, " ({why})"),
            (Some(group), None) if **group != *self.model => write!(formatter, " (the group {group})"),
            (_, None) => Ok(()),
        }
    }
}

fn of<N: Display>(count: N, max: Option<N>) -> String {
    max.map_or_else(|| count.to_string(), |max| format!("{count} of {max}"))
}

/// A count of further attempts, in words.
pub(crate) fn further_attempts(count: u32) -> String {
    format!("{count} further attempt{}", if count == 1 { "" } else { "s" })
}

/// Seconds, without digits that say nothing.
pub(crate) fn seconds(wait: Duration) -> String {
    let text = format!("{:.3}", wait.as_secs_f64());
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}
