//! One call as its endpoint is handed it: who asked, what was sent, and whom the simulator plays.

use bytes::Bytes;
use http::HeaderMap;

use super::asked::Asked;
use super::catalogue::Catalogue;
use super::exchange::Exchange;
use super::flavour::Flavour;
use super::script::Script;
use super::state::Shared;

/// Creators whose models are also asked for by their bare names, where that is let pass.
const BARE_CREATORS: [&str; 2] = ["openai", "anthropic"];

#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) exchange: &'a Exchange,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) query: &'a str,
    pub(crate) body: &'a Bytes,
    pub(crate) asked: &'a Asked,
    pub(crate) script: &'a Script,
    /// `req_…`, for the dialects that name it.
    pub(crate) request_id: &'a str,
    pub(crate) flavour: Flavour,
    /// Stands for the account behind the credential: what one was given, another may not use.
    pub(crate) account: u64,
    /// Whether models may be named without their creator.
    pub(crate) bare_models: bool,
}

impl Call<'_> {
    /// A header's value, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `x-session-affinity`, if it was sent.
    pub(crate) fn session(&self) -> Option<&str> {
        self.header("x-session-affinity")
    }

    /// The catalogue's name of the model that was asked for.
    pub(crate) fn model(&self, name: &str) -> String {
        if !self.bare_models || name.contains('/') {
            return name.to_owned();
        }
        listed(&self.shared.state().catalogue, name).unwrap_or_else(|| name.to_owned())
    }

    /// The model as a reply names it: the gateway says which one served, a vendor what was asked for.
    pub(crate) fn spelt<'m>(&self, asked: &'m str, served: &'m str) -> &'m str {
        match self.flavour {
            Flavour::Vercel => served,
            Flavour::OpenAi | Flavour::Anthropic => asked,
        }
    }

    pub(crate) fn is_vercel(&self) -> bool {
        self.flavour == Flavour::Vercel
    }
}

/// The listed model that a bare name means: dots may be dashes and a date may follow, as Anthropic spells names.
fn listed(catalogue: &Catalogue, name: &str) -> Option<String> {
    let date = |text: &str| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let undated = name.rsplit_once('-').filter(|(_, end)| date(end)).map_or(name, |(start, _)| start);
    let ids = catalogue.rows().iter().filter_map(|row| row["id"].as_str());
    let bare = ids.filter_map(|id| {
        let (creator, bare) = id.split_once('/')?;
        (BARE_CREATORS.contains(&creator)
            && (bare == name || bare.replace('.', "-") == undated.replace('.', "-")))
        .then(|| id.to_owned())
    });
    bare.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_names_lead_to_listed_models() {
        let catalogue = Catalogue::new();
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(listed(&catalogue, name).as_deref(), expected, "{name}");
        };
        check("gpt-4o", Some("openai/gpt-4o"));
        check("claude-sonnet-4-5-20250929", Some("anthropic/claude-sonnet-4.5"));
        check("claude-sonnet-4.5", Some("anthropic/claude-sonnet-4.5"));
        check("ministral-8b", None);
        check("no-such", None);
    }
}
