//! The body of a chat request: what the simulator reads of it, and what it refuses.

use serde::Deserialize;
use serde_json::Value;

use super::error;
use super::reply::Reply;

const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
const ABILITIES: [&str; 5] = ["implicit-caching", "reasoning", "structured-output", "tool-use", "vision"];
const QUANTIZATION_LENGTH_MAX: usize = 32;

/// A chat request. Unknown members are let pass, as the gateway does.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ChatRequest {
    pub(crate) model: String,
    pub(crate) messages: Vec<Value>,
    #[serde(default)]
    pub(crate) models: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) stream: Option<bool>,
    #[serde(default)]
    pub(crate) stream_options: Option<StreamOptions>,
    #[serde(default)]
    pub(crate) tools: Option<Value>,
    #[serde(default)]
    pub(crate) tool_choice: Option<Value>,
    #[serde(default)]
    pub(crate) parallel_tool_calls: Option<bool>,
    #[serde(default)]
    pub(crate) response_format: Option<Value>,
    #[serde(default)]
    pub(crate) reasoning: Option<Value>,
    #[serde(default)]
    pub(crate) reasoning_effort: Option<String>,
    #[serde(default)]
    pub(crate) thinking: Option<Value>,
    #[serde(default)]
    pub(crate) max_tokens: Option<f64>,
    #[serde(default)]
    pub(crate) max_completion_tokens: Option<f64>,
    #[serde(default)]
    pub(crate) stop: Option<Value>,
    #[serde(default)]
    pub(crate) modalities: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) provider: Option<Value>,
    #[serde(default, rename = "providerOptions")]
    pub(crate) provider_options: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct StreamOptions {
    #[serde(default)]
    pub(crate) include_usage: Option<bool>,
}

impl ChatRequest {
    /// Reads a body; the error is the reply to it.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Reply> {
        let request = serde_json::from_slice::<Self>(body)
            .map_err(|error| error::invalid_request(&format!("Invalid request body: {error}")))?;
        request.checked()
    }

    /// The request, unless it asks for what excludes each other or does not exist.
    pub(crate) fn checked(self) -> Result<Self, Reply> {
        match self.refusal() {
            Some(message) => Err(error::invalid_request(&message)),
            None => Ok(self),
        }
    }

    fn refusal(&self) -> Option<String> {
        if self.messages.is_empty() {
            return Some("messages: at least one message is needed".to_owned());
        }
        if let Some(index) = self.messages.iter().position(|message| !message["role"].is_string()) {
            return Some(format!("messages[{index}]: a message is an object with a role"));
        }
        let reasoning = self.reasoning.as_ref().filter(|reasoning| !reasoning.is_null());
        if reasoning.is_some_and(|it| !it["effort"].is_null() && !it["max_tokens"].is_null()) {
            return Some("reasoning: 'effort' and 'max_tokens' are mutually exclusive".to_owned());
        }
        if let Some(effort) = self.effort().filter(|effort| !EFFORTS.contains(effort)) {
            return Some(format!("reasoning: unknown effort '{effort}', known are {}", EFFORTS.join(", ")));
        }
        self.gateway_refusal()
    }

    fn gateway_refusal(&self) -> Option<String> {
        let gateway = self.gateway();
        if let Some(Value::Object(provider)) = &self.provider {
            let conflict =
                provider.iter().find(|(key, value)| !gateway[*key].is_null() && gateway[*key] != **value);
            if let Some((key, _)) = conflict {
                return Some(format!(
                    "provider.{key} and providerOptions.gateway.{key} are given and differ"
                ));
            }
        }
        let wanted = gateway["has"].as_array().into_iter().flatten();
        let unknown = wanted.into_iter().find(|ability| !ability.as_str().is_some_and(is_ability));
        unknown.map(|ability| format!("providerOptions.gateway.has: unknown value {ability}"))
    }

    /// The effort asked for; the nested value wins over its alias.
    pub(crate) fn effort(&self) -> Option<&str> {
        let nested = self.reasoning.as_ref().and_then(|reasoning| reasoning["effort"].as_str());
        nested.or(self.reasoning_effort.as_deref())
    }

    /// `providerOptions.gateway`, `null` if it is not there.
    pub(crate) fn gateway(&self) -> &Value {
        self.provider_options.as_ref().map_or(&Value::Null, |options| &options["gateway"])
    }

    /// A routing member of `providerOptions.gateway`, else of its shorthand `provider`.
    pub(crate) fn routing(&self, key: &str) -> &Value {
        let nested = &self.gateway()[key];
        let shorthand = self.provider.as_ref().map_or(&Value::Null, |provider| &provider[key]);
        if nested.is_null() { shorthand } else { nested }
    }

    /// The model, then the fallback models of both spellings.
    pub(crate) fn candidates(&self) -> Vec<String> {
        let nested = self.gateway()["models"].as_array().into_iter().flatten();
        let nested = nested.filter_map(|model| model.as_str().map(str::to_owned));
        let fallbacks = self.models.iter().flatten().cloned().chain(nested);
        [self.model.clone()].into_iter().chain(fallbacks).collect()
    }

    pub(crate) fn is_streamed(&self) -> bool {
        self.stream == Some(true)
    }

    pub(crate) fn asks_for_usage(&self) -> bool {
        self.stream_options.as_ref().is_some_and(|options| options.include_usage == Some(true))
    }

    /// Whether the caller marked what is to be cached, or left it to the gateway.
    pub(crate) fn asks_for_caching(&self) -> bool {
        let marked = |value: &Value| !value["cache_control"].is_null();
        let parts =
            |message: &Value| message["content"].as_array().is_some_and(|parts| parts.iter().any(marked));
        self.gateway()["caching"] == "auto"
            || self.messages.iter().any(|message| marked(message) || parts(message))
    }
}

fn is_ability(ability: &str) -> bool {
    let ability = ability.to_ascii_lowercase();
    let quantization = ability.strip_prefix('!').unwrap_or(&ability).strip_prefix("quantization:");
    ABILITIES.contains(&ability.as_str())
        || quantization.is_some_and(|value| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            (1..=QUANTIZATION_LENGTH_MAX).contains(&value.len()) && value.bytes().all(known)
        })
}

#[cfg(test)]
mod tests {
    use super::super::reply::Content;
    use super::*;

    fn check(members: &str, refusal: Option<&str>) {
        let body = format!(r#"{{"model":"a/b","messages":[{{"role":"user","content":"x"}}]{members}}}"#);
        match (ChatRequest::read(body.as_bytes()), refusal) {
            (Ok(_), None) => {}
            (Err(reply), Some(refusal)) => {
                assert_eq!(reply.status, 400);
                let Content::Whole(body) = &reply.content else { panic!("{reply:?}") };
                let body = serde_json::from_slice::<Value>(body).unwrap();
                assert_eq!(body["error"]["type"], "invalid_request_error");
                assert_eq!(body["error"]["message"], refusal);
            }
            (read, refusal) => panic!("{members}: {read:?}, but expected {refusal:?}"),
        }
    }

    #[test]
    fn what_excludes_each_other_is_refused() {
        let exclusive = "reasoning: 'effort' and 'max_tokens' are mutually exclusive";
        check(r#","reasoning":{"effort":"low","max_tokens":5}"#, Some(exclusive));
        check(r#","reasoning":{"effort":"low","max_tokens":null}"#, None);
        check(r#","reasoning":null,"stream_options":null,"tools":null"#, None);
        check(
            r#","provider":{"sort":"cost"},"providerOptions":{"gateway":{"sort":"tps"}}"#,
            Some("provider.sort and providerOptions.gateway.sort are given and differ"),
        );
        check(r#","provider":{"sort":"cost"},"providerOptions":{"gateway":{"sort":"cost"}}"#, None);
    }

    #[test]
    fn unknown_names_are_refused() {
        let has = |value: &str| format!(r#","providerOptions":{{"gateway":{{"has":["{value}"]}}}}"#);
        check(&has("vision"), None);
        check(&has("!Quantization:fp8"), None);
        check(&has("telepathy"), Some(r#"providerOptions.gateway.has: unknown value "telepathy""#));
        check(&has("quantization:"), Some(r#"providerOptions.gateway.has: unknown value "quantization:""#));
        let effort =
            "reasoning: unknown effort 'much', known are none, minimal, low, medium, high, xhigh, max";
        check(r#","reasoning_effort":"much""#, Some(effort));
        check(r#","invented_next_year":[{"a":1}]"#, None);
    }
}
