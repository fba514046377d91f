//! What a gateway prints when it serves: where, for whom, and lines to copy.

use std::fmt;
use std::net::SocketAddr;

/// What a gateway prints when it serves; `Display` writes it.
#[derive(Clone, Debug)]
pub struct StartText<'a> {
    /// The version of the program.
    pub version: &'a str,
    /// What is served.
    pub serving: String,
    /// Who may call.
    pub callers: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether callers show a key.
    pub has_key: bool,
    /// A model for the lines to copy.
    pub model: String,
}

impl fmt::Display for StartText<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, serving, callers, scheme, address, has_key, model } = self;
        let unspecified = address.ip().is_unspecified();
        let host = if unspecified { format!("localhost:{}", address.port()) } else { address.to_string() };
        let base = format!("{scheme}://{host}/v1");
        let header = if *has_key { " -H \"Authorization: Bearer $LITELLM_MASTER_KEY\"" } else { "" };
        let key = if *has_key { "<master key>" } else { "unused" };
        write!(
            formatter,
            "trunkline {version}\n\
             serving  {serving}\n\
             callers  {callers}\n\
             RUNNING on {scheme}://{address}\n\n\
             curl -s {base}/chat/completions{header} -H 'content-type: application/json' \
             -d '{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n\
             python -c 'from openai import OpenAI; print(OpenAI(base_url=\"{base}\", api_key=\"{key}\")\
             .chat.completions.create(model=\"{model}\", messages=[{{\"role\":\"user\",\"content\":\"Hello\"}}])\
             .choices[0].message.content)'\n\
             const client = new OpenAI({{ baseURL: \"{base}\", apiKey: \"{key}\" }})  // TypeScript\n\n",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(address: &str, has_key: bool) -> String {
        let address = address.parse().expect("an address");
        let (serving, model) = ("every model".to_owned(), "openai/gpt-4o".to_owned());
        let text =
            StartText { version: "1", serving, callers: "all", scheme: "http", address, has_key, model };
        text.to_string()
    }

    #[test]
    fn the_lines_can_be_copied() {
        let open = text("127.0.0.1:4000", false);
        assert!(open.starts_with(
            "trunkline 1\nserving  every model\ncallers  all\nRUNNING on http://127.0.0.1:4000\n\n\
             curl -s http://127.0.0.1:4000/v1/chat/completions -H 'content-type: application/json' -d '"
        ));
        assert!(open.contains("apiKey: \"unused\""), "{open}");
        let closed = text("0.0.0.0:4000", true);
        assert!(closed.contains("RUNNING on http://0.0.0.0:4000\n"), "{closed}");
        assert!(
            closed.contains("curl -s http://localhost:4000/v1/chat/completions -H \"Authorization: Bearer $LITELLM_MASTER_KEY\""),
            "{closed}"
        );
    }
}
