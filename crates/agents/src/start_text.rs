//! What a gateway prints when it serves: what, where, for whom, and lines to copy.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Who decides what a gateway serves.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A configuration file.
    File(PathBuf),
    /// One model of the command line, with its alias and base.
    Model {
        /// The model, with its prefix.
        model: String,
        /// The name that it is served under.
        alias: Option<String>,
        /// The base URL that it is called at.
        api_base: Option<String>,
    },
    /// A credential of the Vercel AI Gateway in the environment; the text says which, or what is wrong with it.
    Vercel(String),
    /// Nothing: only `echo/…` can answer.
    Nothing,
}

/// What a gateway prints when it serves; `Display` writes it.
#[derive(Clone, Debug)]
pub struct StartText<'a> {
    /// The version of the program.
    pub version: &'a str,
    /// Who decides what is served.
    pub origin: &'a Origin,
    /// How many deployments the file has.
    pub rows: usize,
    /// How many deployments are served.
    pub served: usize,
    /// The first model group of the file that is served.
    pub group: Option<&'a str>,
    /// Who may call.
    pub callers: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether callers show a key.
    pub has_key: bool,
}

impl StartText<'_> {
    fn serving(&self) -> String {
        match self.origin {
            Origin::File(path) => {
                format!("{}: {} of {} deployments", path.display(), self.served, self.rows)
            }
            Origin::Model { model, .. } => format!("{model}, from --model"),
            Origin::Vercel(credential) => format!("every model of the Vercel AI Gateway, with {credential}"),
            Origin::Nothing => {
                "echo only: no file, and none of VERCEL_AI_GATEWAY_API_KEY, AI_GATEWAY_API_KEY, \
                                VERCEL_OIDC_TOKEN_FILE, VERCEL_OIDC_TOKEN is set"
                    .to_owned()
            }
        }
    }

    fn model(&self) -> String {
        match self.origin {
            Origin::File(_) => self.group.unwrap_or("<model>").replace('*', "openai/gpt-4o"),
            Origin::Model { model, alias, .. } => alias.as_ref().unwrap_or(model).clone(),
            Origin::Vercel(_) => "openai/gpt-4o".to_owned(),
            Origin::Nothing => "echo/hello".to_owned(),
        }
    }
}

impl fmt::Display for StartText<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, callers, scheme, address, has_key, .. } = self;
        let (serving, model) = (self.serving(), self.model());
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

    fn text(origin: &Origin, group: Option<&str>, address: &str, has_key: bool) -> String {
        let address = address.parse().expect("an address");
        let (version, callers, scheme, rows, served) = ("1", "all", "http", 2, 1);
        StartText { version, origin, rows, served, group, callers, scheme, address, has_key }.to_string()
    }

    #[test]
    fn the_lines_can_be_copied() {
        let open = text(&Origin::Vercel("a key".to_owned()), None, "127.0.0.1:4000", false);
        assert!(open.starts_with(
            "trunkline 1\nserving  every model of the Vercel AI Gateway, with a key\ncallers  all\nRUNNING on http://127.0.0.1:4000\n\n\
             curl -s http://127.0.0.1:4000/v1/chat/completions -H 'content-type: application/json' -d '"
        ));
        assert!(open.contains("apiKey: \"unused\""), "{open}");
        let closed = text(&Origin::Nothing, None, "0.0.0.0:4000", true);
        assert!(closed.contains("RUNNING on http://0.0.0.0:4000\n"), "{closed}");
        assert!(
            closed.contains("curl -s http://localhost:4000/v1/chat/completions -H \"Authorization: Bearer $LITELLM_MASTER_KEY\""),
            "{closed}"
        );
    }

    #[test]
    fn the_example_names_a_model_that_is_served() {
        let check = |origin: &Origin, group: Option<&str>, serving: &str, model: &str| {
            let text = text(origin, group, "127.0.0.1:4000", false);
            assert!(text.contains(&format!("\nserving  {serving}\n")), "{text}");
            assert!(text.contains(&format!("\"model\":\"{model}\"")), "{text}");
        };
        let file = Origin::File("config.yaml".into());
        check(&file, Some("gpt"), "config.yaml: 1 of 2 deployments", "gpt");
        check(
            &file,
            Some("vercel_ai_gateway/*"),
            "config.yaml: 1 of 2 deployments",
            "vercel_ai_gateway/openai/gpt-4o",
        );
        check(&file, None, "config.yaml: 1 of 2 deployments", "<model>");
        let model = |alias: Option<&str>| Origin::Model {
            model: "openai/llama3".to_owned(),
            alias: alias.map(str::to_owned),
            api_base: None,
        };
        check(&model(None), None, "openai/llama3, from --model", "openai/llama3");
        check(&model(Some("llama")), None, "openai/llama3, from --model", "llama");
    }
}
